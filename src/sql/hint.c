/* What to write instead: nearest names, forms that people bring from other dialects, what a function takes. */
#include "sql/func.h"
#include "sql/hint.h"
#include "sql/lex.h"
#include "sql/parse.h"

enum { LONGEST = 40, SHOWN = 120 };

/* Edits (insert, delete, replace, swap of neighbours) from a to b in any case; LONGEST when either is too long. */
static unsigned distance(sl_str a, sl_str b) {
    unsigned row[3][LONGEST + 1];
    if (a.n > LONGEST || b.n > LONGEST)
        return LONGEST;
    for (unsigned j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *cur = row[i % 3], *prev = row[(i - 1) % 3], *prev2 = row[(i + 1) % 3];
        cur[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            bool same = (a.p[i - 1] | 32) == (b.p[j - 1] | 32);
            unsigned d = prev[j - 1] + !same;
            d = d < prev[j] + 1 ? d : prev[j] + 1;
            d = d < cur[j - 1] + 1 ? d : cur[j - 1] + 1;
            if (i > 1 && j > 1 && (a.p[i - 1] | 32) == (b.p[j - 2] | 32) && (a.p[i - 2] | 32) == (b.p[j - 1] | 32) && prev2[j - 2] + 1 < d)
                d = prev2[j - 2] + 1;
            cur[j] = d;
        }
    }
    return row[a.n % 3][b.n];
}
static uint32_t token_at(sl_str text, uint32_t pos) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return 1;
    sl_lexer x = {.a = a, .text = sl_str_n(text.p + pos, text.n - pos < SHOWN ? text.n - pos : SHOWN)};
    sl_token t = sl_lex(&x);
    sl_arena_free(a);
    return t.pos == 0 && t.end ? t.end : 1;
}
sl_err *sl_hint_put(sl_err *e, sl_str text, uint32_t pos, uint32_t len, const char *hint) {
    if (!e || !text.p)
        return e;
    return sl_err_mark(e, text, pos, len ? len : token_at(text, pos < text.n ? pos : (uint32_t)text.n), hint);
}

sl_near sl_near_to(sl_str want) { return (sl_near){.want = want, .d = LONGEST}; }
void sl_near_offer(sl_near *x, sl_str name) {
    unsigned d = distance(x->want, name);
    if (d < x->d && d <= (x->want.n < 4 ? 1 : x->want.n < 8 ? 2 : 3)) {
        x->d = d;
        x->best = name;
    }
}
static void offer(sl_near *x, const char *name) { sl_near_offer(x, sl_str_of(name)); }
static void offer_all(sl_near *x, const char *const *names) {
    for (; *names; names++)
        offer(x, *names);
}

static const char *const kinds_of[] = {"STREAM", "TABLE", "STREAMS", "TABLES", NULL};
static const char *const types[] = {"BIGINT", "FLOAT", "STRING", "DATETIME", "BOOLEAN", "BYTEA", "ARRAY", "STRUCT", NULL};
static const char *const option_names[] = {"DATASOURCE", "FORMAT", "KEY",     "CONF_KEY", "SHARED", "STRICT_VALIDATION", "TYPE", "TIMESTAMP", "TIMESTAMP_FORMAT", "RETAIN_SIZE",
                                           "SCHEMAID",   "EXTRA",  "VERSION", "TEMP",     "KIND",   "DELIMITER",         NULL};
static const char *const behind[] = {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", NULL};
static const char *const windows[] = {"tumblingwindow", "hoppingwindow", "slidingwindow", "sessionwindow", "countwindow", "statewindow", NULL};

/* Words people bring from other dialects; NULL error: any. */
static const struct {
    const char *error, *token, *advice;
} habits[] = {
    {NULL, "JOIN", "write the kind of join: INNER JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN"},
    {"JOIN key word", "LEFT", "write LEFT JOIN, without OUTER"},
    {"JOIN key word", "RIGHT", "write RIGHT JOIN, without OUTER"},
    {"JOIN key word", "FULL", "write FULL JOIN, without OUTER"},
    {"expected EOF", "IS", "there is no IS NULL; write isnull(column) = true"},
    {"expected EOF", "OFFSET", "there is no OFFSET"},
    {"expected EOF", "USING", "write ON left.column = right.column"},
    {"expected EOF", "UNION", "there is no UNION; make one rule per SELECT with the same action"},
    {"expected EOF", "=", "an alias is defined with AS in the select list"},
    {"expected EOF", "OUTER", "write LEFT JOIN, RIGHT JOIN or FULL JOIN, without OUTER"},
    {"expected EOF", "AS", "an alias is defined in the select list and used here by its name"},
    {"expected EOF", "FILTER", "FILTER stands before OVER"},
    {"expected EOF", "(", "a sub-select is not possible; make it a rule of its own with a memory sink"},
    {"expected expression", "+", "a number has no plus sign in front"},

    {"expected expression", "NOT", "there is no NOT for conditions; write condition = false"},
    {"expected expression", "-", "only numbers take a minus sign; write 0 - column"},
    {"expected expression", ">", "unequal is written !="},
    {"expected expression", "(", "a sub-select is not possible; make it a rule of its own with a memory sink"},
    {"stream field types", "INT", "did you mean \"BIGINT\"?"},
    {"stream field types", "INTEGER", "did you mean \"BIGINT\"?"},
    {"stream field types", "DOUBLE", "did you mean \"FLOAT\"?"},
    {"stream field types", "REAL", "did you mean \"FLOAT\"?"},
    {"stream field types", "TEXT", "did you mean \"STRING\"?"},
    {"stream field types", "VARCHAR", "did you mean \"STRING\"?"},
    {"stream field types", "BLOB", "did you mean \"BYTEA\"?"},
    {"stream field types", "TIMESTAMP", "did you mean \"DATETIME\"?"},
    {"stream field types", "BOOL", "did you mean \"BOOLEAN\"?"},
    {"lparen after stream name", "-", "a name with a hyphen stands between backquotes: `a-b`"},
    {"is not supported in meta", NULL, "meta(name) takes one name"},
    {"must be a bool condition", NULL, "compare it with something: WHEN column = true"},
    {"expected as alias", NULL, "an alias is a plain name; a reserved word stands between backquotes: AS `name`"},
    {"expect stream field name", NULL, "a reserved word as a column name stands between backquotes"},
    {"expect string or boolean value", NULL, "option values stand between double quotes: TYPE=\"mqtt\""},
    {"On expression is not required", NULL, "a CROSS JOIN pairs every row with every row; with a condition it is an INNER JOIN"},
    {"JOIN key word", NULL, "write INNER JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN"},
    {"after OVER (, expect partition", NULL, "OVER (PARTITION BY column WHEN condition), either part may be missing"},
    {"right parentheses after OVER", "PARTITION", "PARTITION BY stands before WHEN here"},
    {"after OVER, expect right", "WHEN", "WHEN stands before PARTITION BY here"},
    {"after OVER, expect", NULL, "OVER (WHEN condition PARTITION BY column), either part may be missing"},
    {"OVER after non analytic", NULL, "OVER goes with functions such as lag and latest; for sums and counts GROUP BY a window"},
    {"by after partition", NULL, "write PARTITION BY"},
    {"expected BY keyword", NULL, "write ORDER BY"},
    {"expected BY statement", NULL, "write GROUP BY"},
    {"nested too deeply", NULL, "put a part of it into a rule of its own, with a memory sink between them"},
    {"bracket", NULL, "an element is list[0], a part of it list[0:2]"},
    {"after between", NULL, "BETWEEN low AND high; what is computed stands in brackets: BETWEEN (a - 1) AND 5"},
    {"limit should be", NULL, "LIMIT takes a whole number"},
    {"expected right paren", NULL, "a bracket is not closed"},
    {"alias is not supported for *", NULL, "* brings the names of its columns; name columns one by one"},
    {"invalid number", NULL, "a number has one point at most"},
    {"EXCEPT", NULL, "* EXCEPT (column, column)"},
    {"REPLACE", NULL, "* REPLACE (expression AS column)"},
    {"FILTER", NULL, "FILTER (WHERE condition)"},
    {"inside the select clause", NULL, "in a condition use had_changed"},
    {"invalid CASE expression", NULL, "CASE WHEN condition THEN value ELSE value END"},
    {"expect ) for IN", NULL, "the list of IN ends with a bracket: IN (1, 2)"},
    {"GROUP BY clause", NULL, "group by columns; conditions on aggregates go into HAVING"},
    {"set-returning-functions", NULL, "unnest stands alone in the select list, once"},
    {"srf except fields", NULL, "unnest stands alone in the select list, once"},
    {"window functions can only", NULL, "number the rows in a rule of its own with a memory sink, and filter in the next rule"},
    {"invalid string", NULL, "a backslash in a string is written \\\\"},
};

static void offer_functions(sl_near *x) {
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++)
        if (!(f->flags & SL_FN_HIDDEN))
            offer(x, f->name);
}
const char *sl_func_near(sl_str name) {
    sl_near x = sl_near_to(name);
    offer_functions(&x);
    return x.best.p;
}
/* The word that ends before pos. */
static sl_str word_before(sl_str text, uint32_t pos) {
    size_t end = pos;
    while (end && strchr(" \t\r\n", text.p[end - 1]))
        end--;
    size_t from = end;
    while (from && (((text.p[from - 1] | 32) >= 'a' && (text.p[from - 1] | 32) <= 'z') || text.p[from - 1] == '_'))
        from--;
    return sl_str_n(text.p + from, end - from);
}
/* What stands before the place tells more than what stands there. */
static const char *by_context(const char *error, const sl_token *t, sl_str text, uint32_t pos) {
    unsigned char at = pos < text.n ? (unsigned char)text.p[pos] : 0;
    size_t end = pos;
    while (end && strchr(" \t\r\n", text.p[end - 1]))
        end--;
    char before = end ? text.p[end - 1] : 0;
    if (t->kind == SL_K_ILLEGAL && at >= 0x80)
        return "a name with letters beyond a to z stands between backquotes";
    if (t->kind == SL_K_ILLEGAL && (at == '"' || at == '\''))
        return "the text is not closed, or has a line break or a backslash in it that means nothing";
    if (t->kind == SL_K_BANG || at == '!')
        return "there is no ! for conditions; write condition = false";
    if (t->kind == SL_K_ILLEGAL && t->lit.n <= 1)
        return "this character means nothing here; a name that has it stands between backquotes";
    if (strstr(error, "expected FROM") && sl_str_ieq(word_before(text, pos), SL_S("DISTINCT")))
        return "there is no DISTINCT; GROUP BY a window and the columns, or use deduplicate()";
    if (strstr(error, "expected expression") && at == '=' && before == '=')
        return "equality is written with one =";
    if (strstr(error, "expected expression") && sl_str_ieq(word_before(text, pos), SL_S("NOT")))
        return "NOT goes with IN, BETWEEN and LIKE";
    if (strstr(error, "expected FROM") && t->kind == SL_K_EOF)
        return sl_str_find(text, SL_S("--")) >= 0 || sl_str_find(text, SL_S("- -")) >= 0 ? "two minus signs begin a comment; write a - (-1)"
                                                                                         : "FROM and the name of a stream are missing";
    if (strstr(error, "unknown option keys") && t->kind == SL_K_EOF)
        return "the bracket behind WITH is not closed";
    if (strstr(error, "found function call"))
        return t->kind == SL_K_IDENT || t->kind == SL_K_INT || t->kind == SL_K_NUM || t->kind == SL_K_STR ? "arguments are separated by commas"
                                                                                                          : "the bracket of the call is not closed";
    if (strstr(error, "expected FROM") && t->kind == SL_K_NUM && at == '-')
        return "write the 0 before the point: a - 0.5";
    return NULL;
}
static void advice(sl_buf *out, const char *error, const sl_token *t, sl_str text, uint32_t pos) {
    const char *known = by_context(error, t, text, pos);
    if (known) {
        sl_buf_puts(out, known);
        return;
    }
    sl_near x = sl_near_to(t->lit);
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if ((!habits[i].error || strstr(error, habits[i].error)) && (!habits[i].token || sl_str_ieq(t->lit, sl_str_of(habits[i].token)))) {
            sl_buf_puts(out, habits[i].advice);
            return;
        }
    bool fn = strncmp(error, "function ", 9) == 0 && strstr(error, " not found");
    if (fn) {
        offer_functions(&x);
        offer_all(&x, windows);
    } else if (strstr(error, "keyword stream")) {
        offer_all(&x, kinds_of);
    } else if (strstr(error, "stream field types") || strstr(error, "stream data types")) {
        offer_all(&x, types);
    } else if (strstr(error, "unknown option keys")) {
        offer_all(&x, option_names);
    } else if (strstr(error, "expected is with")) {
        offer(&x, "WITH");
    } else if (strstr(error, "expected FROM")) {
        offer(&x, "FROM");
    } else if (strstr(error, "expected BY")) {
        offer(&x, "BY");
    } else if (strstr(error, "expected EOF")) {
        offer_all(&x, behind);
    }
    if (!x.best.n && fn && (sl_str_ends(t->lit, SL_S("WINDOW")) || sl_str_ends(t->lit, SL_S("window"))))
        sl_buf_puts(out, "windows are TUMBLINGWINDOW, HOPPINGWINDOW, SLIDINGWINDOW, SESSIONWINDOW, COUNTWINDOW and STATEWINDOW");
    else if (x.best.n)
        sl_buf_printf(out, "did you mean \"%.*s\"?", SL_FMT(x.best));
    else if (strstr(error, "expected FROM") && t->kind == SL_K_IDENT)
        sl_buf_puts(out, "an alias needs AS, and fields are separated by commas");
    else if (strstr(error, "expected EOF") && t->kind == SL_K_IDENT)
        sl_buf_puts(out, "an alias of a stream needs AS");
    else if (strstr(error, "comma or rparen") && t->kind == SL_K_IDENT)
        sl_buf_puts(out, "columns are separated by commas");
    else if (strstr(error, "expected expression") && (t->kind == SL_K_EOF || t->kind > SL_K_HASH || t->kind == SL_K_COMMA || t->kind == SL_K_RP))
        sl_buf_puts(out, "something is missing before this: a column, a value or a call");
}
void sl_hint_parse(sl_buf *out, sl_str text, uint32_t pos, const sl_err *e) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return;
    if (pos > text.n)
        pos = (uint32_t)text.n;
    sl_lexer x = {.a = a, .text = sl_str_n(text.p + pos, text.n - pos < SHOWN ? text.n - pos : SHOWN)};
    sl_token t = sl_lex(&x);
    advice(out, sl_err_text(e), &t, text, pos);
    sl_arena_free(a);
}
sl_err *sl_hint_first(sl_err *e, sl_str text) {
    static const char *const words[] = {"SELECT", "CREATE", "SHOW", "DESCRIBE", "EXPLAIN", "DROP", NULL};
    sl_str rest = sl_str_trim(text), word = rest;
    for (word.n = 0; word.n < rest.n && (((rest.p[word.n] | 32) >= 'a' && (rest.p[word.n] | 32) <= 'z') || rest.p[word.n] == '_');)
        word.n++;
    sl_near x = sl_near_to(word);
    offer_all(&x, words);
    sl_buf b = {0};
    for (size_t i = 0; words[i] && !x.best.n; i++) /* glued to what follows: SELECTa */
        if (word.n > strlen(words[i]) && sl_str_ieq(sl_str_n(word.p, strlen(words[i])), sl_str_of(words[i])))
            x.best = sl_str_of(words[i]);
    if (x.best.n && !sl_str_ieq(x.best, word))
        sl_buf_printf(&b, "did you mean \"%.*s\"?", SL_FMT(x.best));
    else
        sl_buf_puts(&b,
                    x.best.n ? "this kind of statement is for another place: rules take SELECT, streams and tables the others"
                             : "a statement begins with SELECT, CREATE, SHOW, DESCRIBE or DROP");
    sl_hint_put(e, text, (uint32_t)(word.p - text.p), (uint32_t)word.n, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
static const char *kind_of(const sl_expr *e) {
    if (sl_x_is_int(e))
        return "a whole number";
    if (sl_x_is_float(e))
        return "a number with a fraction";
    if (sl_x_is_str(e))
        return "a text";
    if (sl_x_is_unit(e))
        return "a time unit";
    if (sl_x_is_bool(e))
        return "a condition";
    return e->kind == SL_X_WILDCARD ? "*" : NULL;
}
void sl_hint_call(sl_buf *out, const sl_func *f, const sl_expr *found) {
    const char *what = found ? kind_of(found) : NULL;
    sl_buf_printf(out, "%s%s", f->name, f->sig ? f->sig : "(...)");
    if (what)
        sl_buf_printf(out, ", but this is %s", what);
    else if (f->example)
        sl_buf_printf(out, ", for example %s", f->example);
}

/* ---- planning ---- */
static sl_err *put(sl_err *e, const sl_plan *p, uint32_t pos, uint32_t len, const char *fmt, va_list ap) {
    sl_buf b = {0};
    if (!p->bound || !p->bound->text.p)
        return e;
    if (fmt)
        sl_buf_vprintf(&b, fmt, ap);
    sl_hint_put(e, p->bound->text, pos, len, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
sl_err *sl_hint_at(sl_err *e, const sl_plan *p, const sl_expr *x, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(e, p, x->pos, x->len, fmt, ap);
    va_end(ap);
    return e;
}
sl_err *sl_hint_pos(sl_err *e, const sl_plan *p, uint32_t pos, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(e, p, pos, 0, fmt, ap);
    va_end(ap);
    return e;
}
static void did_you_mean(sl_buf *out, const sl_near *x) {
    if (x->best.n)
        sl_buf_printf(out, "did you mean \"%.*s\"?", SL_FMT(x->best));
}
sl_err *sl_hint_stream(sl_err *e, sl_str text, const sl_source_ref *r, const sl_map *streams) {
    sl_near x = sl_near_to(r->name);
    size_t it = 0, n = streams ? sl_map_len(streams) : 0;
    sl_str name;
    sl_buf b = {0};
    bool there = streams && sl_map_has(streams, r->name);
    while (n && !there && sl_map_next(streams, &it, &name, NULL))
        sl_near_offer(&x, name);
    if (there)
        sl_buf_printf(&b, "%.*s is of the other kind: streams and tables share their names", SL_FMT(r->name));
    did_you_mean(&b, &x);
    if (!b.n && streams && n < 10) {
        sl_buf_puts(&b, n ? "there are " : "no stream or table is defined yet; CREATE STREAM comes first");
        it = 0;
        for (size_t i = 0; sl_map_next(streams, &it, &name, NULL); i++)
            sl_buf_printf(&b, "%s%.*s", !i ? "" : i + 1 == n ? " and " : ", ", SL_FMT(name));
    }
    sl_hint_put(e, text, r->pos, (uint32_t)r->name.n, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
/* stream demo has a bigint, b string */
static void columns(sl_buf *b, const sl_psource *s) {
    const sl_create *c = s->def;
    if (!c || s->schemaless || !c->nfields || c->nfields > 12)
        return;
    sl_buf_printf(b, "%s%s %.*s has ", !b->n ? "" : b->p[b->n - 1] == '?' ? " " : "; ", c->table ? "table" : "stream", SL_FMT(s->pub.stream));
    for (uint32_t i = 0; i < c->nfields; i++) {
        sl_buf_printf(b, "%s%.*s ", i ? ", " : "", SL_FMT(c->fields[i].name));
        sl_type_print(b, c->fields[i].type);
    }
}
sl_err *sl_hint_column(sl_err *e, const sl_plan *p, const sl_expr *x) {
    sl_near near = sl_near_to(x->name);
    sl_buf b = {0};
    for (uint32_t i = 0; i < p->nsrc; i++)
        for (uint32_t k = 0; p->src[i].def && k < p->src[i].def->nfields; k++)
            sl_near_offer(&near, p->src[i].def->fields[k].name);
    for (uint32_t i = 0; i < p->nalias && !x->source.n; i++)
        sl_near_offer(&near, p->fields[p->alias_at[i]].name);
    for (uint32_t i = 0; i < p->nsrc && !x->source.n; i++) { /* x.y where x was meant to be a source */
        sl_near_offer(&near, p->src[i].pub.stream);
        sl_near_offer(&near, p->src[i].alias);
    }
    if (sl_str_ieq(x->name, SL_S("null")))
        sl_buf_puts(&b, "null is read as the name of a column; write isnull(column) = true");
    else
        did_you_mean(&b, &near);
    for (uint32_t i = 0; i < p->nsrc && !sl_str_ieq(x->name, SL_S("null")); i++)
        columns(&b, &p->src[i]);
    sl_hint_at(e, p, x, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
sl_err *sl_hint_qualifier(sl_err *e, const sl_plan *p, const sl_expr *x) {
    sl_near near = sl_near_to(x->source);
    sl_buf b = {0};
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_near_offer(&near, p->src[i].pub.stream);
        sl_near_offer(&near, p->src[i].alias);
    }
    did_you_mean(&b, &near);
    if (!b.n)
        sl_buf_puts(&b, "what stands before the dot is a source of this statement");
    sl_hint_at(e, p, x, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
