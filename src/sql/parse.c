/* Statements and the clauses of SELECT: recursive descent with two tokens of look-ahead. The order in which things are found wrong is
 * upstream's, because clients see its texts; where upstream accepts nonsense (sql.md 18) the stance there decides. */
#include "sql/hint.h"
#include "sql/parser.h"

void *sl_p_fail(sl_parser *p, uint32_t pos, const char *fmt, ...) {
    if (p->err)
        return NULL;
    sl_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    p->err = sl_err_new(SL_E_PARSE, "%s", sl_buf_cstr(&b));
    p->errpos = pos;
    sl_buf_free(&b);
    return NULL;
}
void sl_p_advise(sl_parser *p, uint32_t len, const char *hint) {
    if (p->hint)
        return;
    p->errlen = len;
    p->hint = sl_arena_dup(p->a, sl_str_of(hint)).p;
}
void *sl_p_found(sl_parser *p, sl_token t, const char *fmt) {
    sl_buf b = {0};
    sl_go_quote(&b, t.lit);
    sl_p_fail(p, t.pos, fmt, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return NULL;
}
const sl_token *sl_p_peek(sl_parser *p, int k) {
    while (p->nahead <= k)
        p->ahead[p->nahead++] = sl_lex(&p->lex);
    return &p->ahead[k];
}
sl_token sl_p_next(sl_parser *p) {
    sl_token t = *sl_p_peek(p, 0);
    p->ahead[0] = p->ahead[1];
    p->nahead--;
    p->last_end = t.end;
    return t;
}
bool sl_p_take(sl_parser *p, sl_tok kind) {
    if (sl_p_kind(p) != kind)
        return false;
    sl_p_next(p);
    return true;
}
void *sl_p_more(sl_parser *p, void *at, uint32_t n, size_t size) {
    if (n && (n < 4 || (n & (n - 1))))
        return at;
    uint32_t cap = n ? n * 2 : 4;
    void *to = sl_arena_alloc(p->a, cap * size);
    if (!to || sl_arena_failed(p->a)) {
        if (!p->err)
            p->err = sl_err_new(SL_E_NOMEM, "out of memory");
        return NULL;
    }
    if (n)
        memcpy(to, at, n * size);
    memset((char *)to + n * size, 0, (cap - n) * size);
    return to;
}
bool sl_p_enter(sl_parser *p, uint32_t pos) {
    if (++p->depth <= SL_SQL_NESTING)
        return true;
    p->at_limit = true;
    sl_p_fail(p, pos, "statement is nested too deeply: more than %d levels of brackets, calls or CASE", SL_SQL_NESTING);
    return false;
}

/* name [AS alias]; the name may be missing (it fails later as an unknown stream) or joined of words by / + # as MQTT topics are. */
static bool source(sl_parser *p, sl_source_ref *out) {
    sl_buf name = {0};
    bool word = false, glued = false;
    out->pos = sl_p_peek(p, 0)->pos;
    for (;;) {
        sl_tok k = sl_p_kind(p);
        sl_token t;
        if (k == SL_K_AS && name.n) {
            sl_p_next(p);
            t = sl_p_next(p);
            if (t.kind != SL_K_IDENT) {
                sl_token whole = {.lit = sl_buf_view(&name), .pos = t.pos};
                sl_p_found(p, whole, "found %s, expected JOIN key word.");
                break;
            }
            out->alias = t.lit;
            word = true;
            continue;
        }
        if (k != SL_K_IDENT && k != SL_K_DIV && k != SL_K_ADD && k != SL_K_HASH)
            break;
        t = sl_p_next(p);
        if (((word && k == SL_K_IDENT) || out->alias.n) && !p->has_glued) {
            p->glued = t;
            p->has_glued = true;
        }
        glued |= p->has_glued;
        word = k == SL_K_IDENT;
        if (!glued)
            sl_buf_str(&name, t.lit);
    }
    out->name = sl_arena_dup(p->a, sl_buf_view(&name));
    sl_buf_free(&name);
    return !p->err;
}
static bool joins(sl_parser *p, sl_select *s) {
    static const sl_tok first[] = {SL_K_INNER, SL_K_LEFT, SL_K_RIGHT, SL_K_FULL, SL_K_CROSS};
    for (;;) {
        int type = 0;
        while (type < 5 && sl_p_kind(p) != first[type])
            type++;
        if (type == 5)
            return true;
        sl_token kind = sl_p_next(p);
        if (!sl_p_take(p, SL_K_JOIN))
            return sl_p_found(p, kind, "found %s, expected JOIN key word.");
        if (!(s->joins = sl_p_more(p, s->joins, s->njoins, sizeof *s->joins)))
            return false;
        sl_join *j = &s->joins[s->njoins++];
        j->type = (sl_jointype)type;
        if (!source(p, &j->src))
            return false;
        if (sl_p_kind(p) == SL_K_ON) {
            sl_token on = sl_p_next(p);
            if (type == SL_JOIN_CROSS)
                return sl_p_fail(p, on.pos, "On expression is not required for cross join type.\n");
            if (!(j->on = sl_p_expr(p)))
                return false;
        }
    }
}
bool sl_p_field(sl_parser *p, sl_selfield *f) {
    f->pos = sl_p_peek(p, 0)->pos;
    if (!(f->expr = sl_p_expr(p)))
        return false;
    const sl_expr *e = f->expr;
    bool star = e->kind == SL_X_WILDCARD || (e->kind == SL_X_COLUMN && sl_str_is(e->name, "*"));
    if (sl_p_take(p, SL_K_AS)) {
        sl_token t = sl_p_next(p);
        if (t.kind != SL_K_IDENT)
            return sl_p_found(p, t, "found %s, expected as alias.");
        if (star)
            return sl_p_fail(p, t.pos, "alias is not supported for *");
        f->alias = t.lit;
    }
    f->invisible = sl_p_take(p, SL_K_INVISIBLE);
    /* x.y is still one column here: its name is y whatever x turns out to be. */
    if (f->alias.n)
        f->name = f->alias;
    else if (star)
        f->name = SL_S("*");
    else if (e->kind == SL_X_COLUMN || e->kind == SL_X_CALL)
        f->name = e->name;
    else
        f->name = sl_arena_printf(p->a, "kuiper_field_%u", p->unnamed++);
    return true;
}
bool sl_p_sorts(sl_parser *p, sl_sort **at, uint32_t *n) {
    for (;;) {
        if (sl_p_take(p, SL_K_COMMA))
            continue;
        if (sl_p_kind(p) != SL_K_IDENT)
            return true;
        if (!(*at = sl_p_more(p, *at, *n, sizeof **at)))
            return false;
        sl_sort *s = &(*at)[(*n)++];
        if (!(s->expr = sl_p_expr(p)))
            return false;
        s->desc = sl_p_take(p, SL_K_DESC);
        if (!s->desc)
            sl_p_take(p, SL_K_ASC);
    }
}
static bool limit(sl_parser *p, sl_select *s) {
    sl_expr *e = sl_p_expr(p);
    if (!e)
        return false;
    if (e->kind != SL_X_LITERAL || e->value.kind != SL_INT)
        return sl_p_fail(p, e->pos, "limit should be integer");
    s->limit = e->value.i < 0 ? -1 : e->value.i;
    return true;
}
static sl_select *select_stmt(sl_parser *p) {
    sl_select *s = SL_NEW(p->a, sl_select);
    sl_p_next(p); /* SELECT */
    p->in_fields = true;
    do {
        if (!(s->fields = sl_p_more(p, s->fields, s->nfields, sizeof *s->fields)) || !sl_p_field(p, &s->fields[s->nfields++]))
            return NULL;
    } while (sl_p_take(p, SL_K_COMMA));
    p->in_fields = false;
    sl_token t = sl_p_next(p);
    if (t.kind != SL_K_FROM)
        return sl_p_found(p, t, "found %s, expected FROM.");
    if (!source(p, &s->from) || !joins(p, s))
        return NULL;
    if (sl_p_take(p, SL_K_WHERE) && !(s->where = sl_p_expr(p)))
        return NULL;
    if (sl_p_take(p, SL_K_GROUP)) {
        if (!sl_p_take(p, SL_K_BY))
            return sl_p_found(p, sl_p_next(p), "found %s, expected BY statement.");
        if (!sl_p_exprs(p, &s->dims, &s->ndims))
            return NULL;
    }
    if (sl_p_take(p, SL_K_HAVING) && !(s->having = sl_p_expr(p)))
        return NULL;
    if (sl_p_take(p, SL_K_ORDER)) {
        if (!sl_p_take(p, SL_K_BY))
            return sl_p_found(p, sl_p_next(p), "found %s, expected BY keyword.");
        if (!sl_p_sorts(p, &s->order, &s->norder))
            return NULL;
    }
    s->limit = -1;
    if (sl_p_take(p, SL_K_LIMIT)) {
        s->limit = 0;
        if (!limit(p, s))
            return NULL;
    }
    t = sl_p_next(p);
    if (t.kind == SL_K_BANG)
        return sl_p_fail(p, t.pos, "found \"!\", expected an operator such as \"!=\".");
    if (t.kind != SL_K_EOF && t.kind != SL_K_SEMI) {
        if (p->has_glued)
            t.pos = p->glued.pos; /* upstream's words, but it went wrong there */
        return sl_p_found(p, t, "found %s, expected EOF.");
    }
    if (p->has_glued)
        return sl_p_found(p, p->glued, "found %s, expected EOF.");
    return sl_p_finish(p, s) ? s : NULL;
}

/* They are no keywords: quotes of any kind do not matter. */
static bool word_is(const sl_token *t, const char *w) { return (t->kind == SL_K_IDENT || t->kind == SL_K_STR || t->kind == SL_K_SQSTR) && sl_str_ieq(t->lit, sl_str_of(w)); }
sl_token sl_p_shouted(sl_parser *p, sl_token t) {
    char *up = (char *)(uintptr_t)sl_arena_dup(p->a, t.lit).p;
    for (size_t i = 0; up && i < t.lit.n; i++)
        up[i] = (char)(up[i] >= 'a' && up[i] <= 'z' ? up[i] - 32 : up[i]);
    t.lit.p = up ? up : t.lit.p;
    return t;
}
/* STREAM or TABLE and a name. */
static bool named(sl_parser *p, sl_stmt *out) {
    sl_token t = sl_p_next(p);
    out->table = word_is(&t, "TABLE");
    if (!out->table && !word_is(&t, "STREAM"))
        return sl_p_found(p, sl_p_shouted(p, t), "found %s, expected keyword stream or table.");
    t = sl_p_next(p);
    if (t.kind != SL_K_IDENT)
        return sl_p_found(p, t, out->table && out->kind != SL_ST_CREATE ? "found %s, expected table name." : "found %s, expected stream name.");
    out->name = t.lit;
    p->name_pos = out->name_pos = t.pos;
    return true;
}
static void statement(sl_parser *p, sl_stmt *out) {
    sl_token t = *sl_p_peek(p, 0);
    if (t.kind == SL_K_SELECT) {
        out->select = select_stmt(p);
        out->kind = SL_ST_SELECT;
        return;
    }
    static const struct {
        const char *word;
        sl_stkind kind;
    } first[] = {{"CREATE", SL_ST_CREATE}, {"SHOW", SL_ST_SHOW}, {"DESCRIBE", SL_ST_DESCRIBE}, {"EXPLAIN", SL_ST_EXPLAIN}, {"DROP", SL_ST_DROP}};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (word_is(&t, first[i].word))
            out->kind = first[i].kind;
    if (out->kind == SL_ST_NONE)
        return;
    sl_p_next(p);
    if (out->kind == SL_ST_SHOW) {
        t = sl_p_next(p);
        out->table = word_is(&t, "TABLES");
        if (!out->table && !word_is(&t, "STREAMS")) {
            sl_p_found(p, sl_p_shouted(p, t), "found %s, expected keyword streams or tables.");
            return;
        }
        t = sl_p_next(p);
        if (t.kind != SL_K_EOF && t.kind != SL_K_SEMI)
            sl_p_found(p, t, "found %s, expected semecolon or EOF.");
        return;
    }
    if (!named(p, out) || out->kind != SL_ST_CREATE)
        return; /* what follows the name in DESCRIBE, EXPLAIN and DROP is ignored, as upstream */
    out->create = sl_p_create(p, out->table, out->name);
}
static void show_place(sl_parser *p) {
    sl_buf b = {0};
    if (!p->hint)
        sl_hint_parse(&b, p->lex.text, p->errpos, p->err);
    sl_hint_put(p->err, p->lex.text, p->errpos, p->errlen, p->hint ? p->hint : sl_buf_cstr(&b));
    sl_buf_free(&b);
}
sl_err *sl_parse(sl_arena *a, sl_str text, sl_stmt *out, uint32_t *pos) {
    *out = (sl_stmt){0};
    if (pos)
        *pos = 0;
    if (text.n > SL_SQL_TEXT)
        return sl_err_new(SL_E_PARSE, "statement is too long: %zu bytes, at most %u are accepted", text.n, SL_SQL_TEXT);
    char *copy = sl_arena_alloc(a, text.n + 1);
    if (!copy || sl_arena_failed(a))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    out->text = sl_str_n(copy, text.n);
    sl_parser p = {.a = a, .lex = {.a = a, .text = out->text}};
    statement(&p, out);
    if (sl_arena_failed(a)) {
        sl_err_free(p.err);
        p.err = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (p.err && pos)
        *pos = p.errpos;
    if (p.err && sl_err_code(p.err) == SL_E_PARSE)
        show_place(&p);
    if (out->select)
        out->select->text = out->text;
    return p.err;
}
sl_err *sl_parse_select(sl_arena *a, sl_str text, sl_select **out, uint32_t *pos) {
    sl_stmt st;
    *out = NULL;
    sl_err *e = sl_parse(a, text, &st, pos);
    if (!e && st.kind != SL_ST_SELECT)
        e = sl_hint_first(sl_err_new(SL_E_RULE, "SQL %.*s is not a select statement.", SL_FMT(text)), text);
    if (!e)
        *out = st.select;
    return e;
}
