/* The plan as people ask about it: what is decoded, what is asked where, which form windows and joins have and why, what is remembered.
 * Decisions: parts of the statement are shown in the words of its author, cut out of the text by position; upstream's form stays in explain.c. The
 * tree is JSON, and the drawing is made of the JSON, so that the two cannot say different things. */
#include <stdlib.h>
#include "sql/parse.h"
#include "sql/pipe.h"
#include "sql/predindex.h"

typedef struct outline {
    const sl_plan *p;
    sl_str text;
    sl_arena *a;
    sl_json *top; /* the node that the next one goes below */
    sl_json *root, *folded;
    sl_buf forms; /* sl_plan_forms */
} outline;

/* ---- pieces ---- */
/* A piece of the statement on one line. */
static sl_str piece(outline *o, uint32_t pos, uint32_t len) {
    sl_buf b = {0};
    if (pos < o->text.n && len <= o->text.n - pos)
        for (uint32_t i = pos; i < pos + len; i++) {
            bool blank = strchr(" \t\r\n", o->text.p[i]) && o->text.p[i];
            if (!blank)
                sl_buf_putc(&b, o->text.p[i]);
            else if (b.n && b.p[b.n - 1] != ' ')
                sl_buf_putc(&b, ' ');
        }
    sl_str s = sl_arena_dup(o->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static sl_str words(outline *o, const sl_expr *e) {
    if (e->len)
        return piece(o, e->pos, e->len);
    sl_buf b = {0};
    sl_expr_print(&b, e);
    sl_str s = sl_arena_dup(o->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static void set(outline *o, sl_json *node, const char *key, sl_str s) { sl_json_set(o->a, node, key, sl_json_str(o->a, s)); }
static sl_json *list_of(outline *o, sl_json *node, const char *key) {
    sl_json *l = sl_json_get(node, key);
    if (!l) {
        l = sl_json_arr(o->a);
        sl_json_set(o->a, node, key, l);
    }
    return l;
}
static void add(outline *o, sl_json *node, const char *key, sl_str s) { sl_json_add(list_of(o, node, key), sl_json_str(o->a, s)); }
static void note(outline *o, sl_json *node, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void note(outline *o, sl_json *node, const char *fmt, ...) {
    sl_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    add(o, node, "notes", sl_buf_view(&b));
    sl_buf_free(&b);
}
static sl_json *make(outline *o, const char *op, sl_str text) {
    sl_json *node = sl_json_obj(o->a);
    set(o, node, "op", sl_str_of(op));
    set(o, node, "text", text);
    return node;
}
static void below(outline *o, sl_json *parent, sl_json *node) { sl_json_add(list_of(o, parent, "inputs"), node); }
static sl_json *step(outline *o, const char *op, sl_str text) { /* a node with one input, or the last */
    sl_json *node = make(o, op, text);
    if (o->top)
        below(o, o->top, node);
    else
        o->root = node;
    o->top = node;
    return node;
}
static void comma(sl_buf *b, sl_str s) {
    sl_buf_puts(b, b->n ? ", " : "");
    sl_buf_str(b, s);
}
static sl_str listed(outline *o, sl_expr *const *at, uint32_t n) {
    sl_buf b = {0};
    for (uint32_t i = 0; i < n; i++)
        comma(&b, words(o, at[i]));
    sl_str s = sl_arena_dup(o->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
/* Form and reason of a part, as forms.c says it: "part: form; why". */
static void form(outline *o, sl_json *node, const char *part, sl_str name) {
    sl_buf head = {0};
    sl_buf_printf(&head, "%s%s%.*s: ", part, name.n ? " " : "", SL_FMT(name));
    sl_str rest = sl_buf_view(&o->forms);
    while (rest.n) {
        const char *nl = memchr(rest.p, '\n', rest.n);
        sl_str line = sl_str_n(rest.p, nl ? (size_t)(nl - rest.p) : rest.n);
        rest = sl_str_n(line.p + line.n + (nl ? 1 : 0), rest.n - line.n - (nl ? 1 : 0));
        if (!sl_str_starts(line, sl_buf_view(&head)))
            continue;
        line = sl_str_n(line.p + head.n, line.n - head.n);
        ptrdiff_t cut = sl_str_find(line, SL_S("; "));
        set(o, node, "form", sl_str_n(line.p, cut < 0 ? line.n : (size_t)cut));
        if (cut >= 0)
            set(o, node, "why", sl_str_n(line.p + cut + 2, line.n - (size_t)cut - 2));
    }
    sl_buf_free(&head);
}

/* ---- constants ---- */
enum { TOLD = 50 };
static void tell_fixed(outline *o, sl_expr *e) {
    const sl_expr *bare = e;
    while (bare->kind == SL_X_PAREN)
        bare = bare->l;
    if (bare->kind == SL_X_LITERAL || bare->kind == SL_X_TIMEUNIT || o->folded->n >= TOLD) /* literals are not worth telling */
        return;
    sl_value v;
    sl_str why = {0};
    sl_buf b = {0};
    sl_err *err = sl_expr_eval1(o->a, e, sl_v_map(NULL, 0), sl_v_null(), 0, o->p->opts.zone, &v);
    if (!err && !sl_v_nil(v) && sl_json_put(&b, v, &why)) {
        sl_json *f = sl_json_obj(o->a);
        set(o, f, "text", words(o, e));
        set(o, f, "value", sl_buf_view(&b));
        sl_json_add(o->folded, f);
    }
    sl_err_free(err);
    sl_buf_free(&b);
}
/* Can e be computed now? If not, its largest parts that can are told. One pass, from below. */
static bool fold(outline *o, sl_expr *e) {
    sl_expr *l = e->l, *r = e->kind == SL_X_MEMBER ? NULL : e->r;
    bool now = !e->over && e->kind != SL_X_COLUMN && e->kind != SL_X_META && e->kind != SL_X_SLOT && e->kind != SL_X_WILDCARD && e->kind != SL_X_MEMBER;
    if (e->kind == SL_X_CALL && !(e->func && e->func->kind == SL_FN_SCALAR && e->func->flags & SL_FN_PURE))
        now = false;
    bool fl = !l || fold(o, l), fr = !r || fold(o, r), all = true;
    uint32_t known = 0; /* arguments seen so far that are constant, while all were */
    for (uint32_t i = 0; i < e->nargs; i++) {
        bool f = !e->args[i] || fold(o, e->args[i]);
        if (f && all && now && fl && fr) {
            known = i + 1;
            continue;
        }
        all = all && f;
        if (f && e->args[i])
            tell_fixed(o, e->args[i]);
    }
    if (now && fl && fr && all)
        return true;
    if (l && fl)
        tell_fixed(o, l);
    if (r && fr)
        tell_fixed(o, r);
    for (uint32_t i = 0; i < known; i++)
        if (e->args[i])
            tell_fixed(o, e->args[i]);
    return false;
}
static void constants(outline *o, sl_expr *e) {
    if (e && fold(o, e))
        tell_fixed(o, e);
}

/* ---- nodes ---- */
static void select_list(outline *o) {
    const sl_plan *p = o->p;
    const sl_select *s = p->bound;
    sl_buf b = {0};
    for (uint32_t i = 0; i < s->nfields; i++) {
        const sl_selfield *f = &s->fields[i];
        sl_buf one = {0};
        sl_buf_str(&one, f->expr->kind == SL_X_WILDCARD && !f->expr->nexcept && !f->expr->nreplace ? SL_S("*") : words(o, f->expr));
        if (f->alias.n)
            sl_buf_printf(&one, " AS %.*s", SL_FMT(f->alias));
        comma(&b, sl_buf_view(&one));
        sl_buf_free(&one);
    }
    sl_json *node = step(o, "select", sl_buf_view(&b));
    sl_buf_free(&b);
    if (p->quick)
        note(o, node, "columns compared with constants, plain columns out: the short way");
    if (p->ncols)
        note(o, node, "changed_cols gives the columns that changed");
}
static void order(outline *o) {
    const sl_select *s = o->p->bound;
    if (!s->norder)
        return;
    sl_buf b = {0};
    for (uint32_t i = 0; i < s->norder; i++) {
        comma(&b, words(o, s->order[i].expr));
        sl_buf_puts(&b, s->order[i].desc ? " DESC" : "");
    }
    step(o, "order", sl_buf_view(&b));
    sl_buf_free(&b);
}
static void calls(outline *o, sl_json *node, const char *key, const sl_pcall *at, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        sl_str w = words(o, at[i].expr);
        bool twice = false;
        for (const sl_json *x = n <= 256 ? list_of(o, node, key)->child : NULL; x; x = x->next)
            twice |= sl_str_eq(x->s, w);
        if (!twice)
            add(o, node, key, w);
    }
}
static sl_str joined(outline *o, const sl_json *l) {
    sl_buf b = {0};
    for (const sl_json *x = l ? l->child : NULL; x; x = x->next)
        comma(&b, x->s);
    sl_str s = sl_arena_dup(o->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static void groups(outline *o) {
    const sl_plan *p = o->p;
    const sl_select *s = p->bound;
    if (!p->nagg && !s->ndims)
        return;
    sl_json *node = step(o, "group", s->ndims ? listed(o, s->dims, s->ndims) : SL_S("all rows"));
    calls(o, node, "aggregates", p->agg, p->nagg);
    if (p->nagg)
        note(o, node, "computes %.*s", SL_FMT(joined(o, sl_json_get(node, "aggregates"))));
    if (p->opts.incremental && p->pipe && !p->pipe->incremental)
        note(o, node, "incremental mode was asked for; this statement cannot have it");
}
static void filter(outline *o, sl_str text, uint32_t nparts, const char *why) {
    sl_json *node = step(o, "filter", text);
    if (nparts > 1)
        note(o, node, "%u conditions, each asked of the rows that passed those before it", nparts);
    if (why)
        note(o, node, "%s", why);
}
static void window(outline *o) {
    static const char *const kinds[] = {"", "tumbling", "hopping", "sliding", "session", "count", "state"};
    const sl_plan *p = o->p;
    const sl_window *w = p->bound->window;
    if (!w)
        return;
    sl_json *node = step(o, "window", piece(o, w->pos, w->len));
    set(o, node, "kind", sl_str_of(kinds[w->kind]));
    form(o, node, "window", (sl_str){0});
    sl_str f = sl_json_text(sl_json_get(node, "form"), (sl_str){"", 0}), why = sl_json_text(sl_json_get(node, "why"), (sl_str){"", 0});
    sl_json_set(o->a, node, "keepsRows", sl_json_bool(o->a, sl_str_starts(f, SL_S("rows kept"))));
    note(o, node, "%.*s%s%.*s", SL_FMT(f), why.n ? "; " : "", SL_FMT(why));
    if (w->filter)
        note(o, node, "takes rows with %.*s", SL_FMT(words(o, w->filter)));
    if (w->when)
        note(o, node, "fires when %.*s", SL_FMT(words(o, w->when)));
    if (w->kind != SL_W_COUNT && w->kind != SL_W_STATE)
        note(o, node, p->opts.event_time ? "time is the rows' own: it ends when the watermark passes its end" : "time is the time of arrival");
}
/* What the source knows of the filter. */
static void early(outline *o, sl_json *node) {
    sl_str col;
    if (!sl_predindex_column(o->p, &col))
        return;
    set(o, node, "index", col);
    note(o, node, "rows that fail by %.*s are left before they are decoded to the end or shown to the rule", SL_FMT(col));
}
static void source(outline *o, sl_json *parent, uint32_t i) {
    const sl_plan *p = o->p;
    const sl_psource *s = &p->src[i];
    sl_buf name = {0};
    sl_buf_str(&name, s->pub.stream);
    if (s->alias.n)
        sl_buf_printf(&name, " AS %.*s", SL_FMT(s->alias));
    sl_json *node = make(o, s->lookup ? "lookup table" : s->pub.is_table ? "table" : "source", sl_buf_view(&name));
    sl_buf_free(&name);
    below(o, parent, node);
    set(o, node, "stream", s->pub.stream);
    sl_json *cols = list_of(o, node, "columns");
    for (uint32_t k = 0; k < s->n; k++)
        sl_json_add(cols, sl_json_str(o->a, s->names[k]));
    sl_json_set(o->a, node, "allColumns", sl_json_bool(o->a, s->pub.all));
    if (s->pub.same_as != i) {
        note(o, node, "the rows of %.*s above, once more", SL_FMT(s->pub.stream));
        return;
    }
    if (s->lookup)
        return;
    if (s->pub.all && s->schemaless)
        note(o, node, "decodes every column");
    else if (s->n)
        note(o, node, "decodes %.*s", SL_FMT(joined(o, cols)));
    else
        note(o, node, "decodes no column");
    for (uint32_t k = 0; k < s->pub.nnarrowed; k++) {
        sl_buf t = {0};
        sl_type_print(&t, s->pub.narrowed[k].type);
        note(o, node, "of %.*s only %s", SL_FMT(s->pub.narrowed[k].name), sl_buf_cstr(&t));
        sl_buf_free(&t);
    }
    early(o, node);
    if (s->pub.meta)
        note(o, node, "with the metadata of messages");
    if (s->pub.is_table)
        note(o, node, "its last %lld rows are kept", (long long)s->retain);
    const sl_expr *told = NULL;
    for (uint32_t k = 0; p->pipe && k < p->pipe->nearly; k++)
        if (p->pipe->early[k].src == (int32_t)i && p->pipe->early[k].of != told) {
            told = p->pipe->early[k].of;
            add(o, node, "pushed", words(o, told));
            note(o, node, "asked here, before the join: %.*s", SL_FMT(words(o, told)));
        }
}
/* The first parts of ON, which the hash is made of. */
static void equalities(outline *o, sl_json *node, const sl_expr *e, uint32_t *left) {
    while (e->kind == SL_X_PAREN)
        e = e->l;
    if (e->kind == SL_X_BINARY && e->op == SL_OP_AND) {
        equalities(o, node, e->l, left);
        equalities(o, node, e->r, left);
    } else if (*left) {
        add(o, node, "keys", words(o, e));
        --*left;
    }
}
static void one_join(outline *o, const sl_pjoin *j, const sl_join *q, const char *type) {
    const sl_psource *r = &o->p->src[j->src];
    sl_str name = r->alias.n ? r->alias : r->pub.stream, none = {"", 0};
    sl_buf t = {0};
    sl_buf_printf(&t, "%s %.*s", type, SL_FMT(name));
    if (q->on)
        sl_buf_printf(&t, " ON %.*s", SL_FMT(words(o, q->on)));
    sl_json *node = step(o, j->lookup ? "lookup" : "join", sl_buf_view(&t));
    sl_buf_free(&t);
    form(o, node, "join", name);
    uint32_t left = j->lookup ? 0 : j->neq;
    if (left)
        equalities(o, node, q->on, &left);
    for (uint32_t k = 0; j->lookup && k < j->neq; k++)
        add(o, node, "keys", j->key[k]);
    sl_str f = sl_json_text(sl_json_get(node, "form"), none), why = sl_json_text(sl_json_get(node, "why"), none), keys = joined(o, sl_json_get(node, "keys"));
    note(o, node, "%.*s%s%.*s%s%.*s", SL_FMT(f), keys.n ? ": " : "", SL_FMT(keys), why.n ? "; " : "", SL_FMT(why));
    if (j->has_rest)
        note(o, node, "the rest of ON is asked of the rows found");
    if (r->pub.is_table)
        source(o, node, j->src);
}
static void joins(outline *o) {
    static const char *const types[] = {"inner", "left", "right", "full", "cross"};
    const sl_plan *p = o->p;
    const sl_select *s = p->bound;
    for (int pass = 0; pass < 2; pass++) /* lookups run behind the other joins */
        for (uint32_t i = s->njoins; i-- > 0;)
            if (p->pipe->joins[i].lookup == (pass == 0))
                one_join(o, &p->pipe->joins[i], &s->joins[i], types[s->joins[i].type]);
}
static void remembers(outline *o, sl_json *state, const sl_prog *prog) {
    for (uint32_t i = 0; i < prog->nsite; i++)
        if (prog->sites[i]->kept) {
            sl_buf b = {0};
            sl_buf_printf(&b, "what %s counted", prog->sites[i]->name);
            sl_json_add(state, sl_json_str(o->a, sl_buf_view(&b)));
            sl_buf_free(&b);
        }
}
static void state(outline *o, sl_json *out) {
    const sl_plan *p = o->p;
    const sl_pipe *k = p->pipe;
    sl_json *l = list_of(o, out, "state");
    sl_buf b = {0};
    if (k && k->windowed)
        sl_json_add(l,
                    sl_json_str(o->a,
                                k->running.unfit       ? SL_S("rows of the open windows")
                                    : k->running.multi ? SL_S("groups of the panes of the open windows")
                                                       : SL_S("groups of the open window")));
    if (k && p->opts.event_time)
        sl_json_add(l, sl_json_str(o->a, k->running.ahead ? SL_S("the watermark") : SL_S("the watermark and rows that wait for it")));
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (p->src[i].pub.is_table && !p->src[i].lookup) {
            sl_buf_clear(&b);
            sl_buf_printf(&b, "rows of table %.*s", SL_FMT(p->src[i].pub.stream));
            sl_json_add(l, sl_json_str(o->a, sl_buf_view(&b)));
        }
    for (uint32_t i = 0; i < p->nana; i++) {
        sl_buf_clear(&b);
        sl_buf_printf(&b, "memory of %.*s", SL_FMT(words(o, p->ana[i].expr)));
        sl_json_add(l, sl_json_str(o->a, sl_buf_view(&b)));
    }
    if (p->ntrig)
        sl_json_add(l, sl_json_str(o->a, SL_S("rows that wait for their end, and the stretches that dedup_trigger has given")));
    if (p->ncols)
        sl_json_add(l, sl_json_str(o->a, SL_S("values that changed_cols compares with")));
    remembers(o, l, &p->prog);
    if (k)
        remembers(o, l, &k->in);
    sl_buf_free(&b);
}
static void tree(outline *o) {
    const sl_plan *p = o->p;
    const sl_select *s = p->bound;
    const sl_pipe *k = p->pipe;
    if (k && k->srf)
        step(o, "unnest", p->fields[k->srf_field].name);
    if (p->limit >= 0) {
        sl_buf b = {0};
        sl_buf_printf(&b, "%lld", (long long)p->limit);
        step(o, "limit", sl_buf_view(&b));
        sl_buf_free(&b);
    }
    select_list(o);
    for (uint32_t i = p->ntrig; i-- > 0;) {
        sl_json *node = step(o, "dedup", words(o, p->trig[i].expr));
        note(o, node, "rows wait until %.*s of a later row, or the clock, reaches their %.*s", SL_FMT(p->trig[i].names[2]), SL_FMT(p->trig[i].names[1]));
    }
    order(o);
    for (uint32_t i = 0; i < p->nwf; i++)
        step(o, "number", words(o, p->wf[i].expr));
    if (s->having)
        step(o, "having", words(o, s->having));
    groups(o);
    if (p->where && k && !k->where_early)
        filter(o, words(o, p->where), k->nwhere,
               s->njoins                ? "WHERE is asked of joined rows"
                   : p->opts.event_time ? "in event time WHERE is asked when the window ends"
                                        : "windows of this kind take all rows; WHERE is asked when they fire");
    if (k)
        joins(o);
    window(o);
    if (p->where && (!k || k->where_early))
        filter(o, words(o, p->where), k ? k->nearly : p->ncond, s->window ? "rows that fail never reach the window" : NULL);
    if (p->nana) {
        sl_json *node = step(o, "analytic", (sl_str){"", 0});
        calls(o, node, "calls", p->ana, p->nana);
        set(o, node, "text", joined(o, sl_json_get(node, "calls")));
        note(o, node, "sees every row that comes, before WHERE");
    }
    if (p->opts.event_time) {
        sl_buf b = {0};
        sl_buf_printf(&b, "late rows are waited for %lld ms", (long long)p->opts.late_ms);
        if (p->opts.idle_ms && p->nsrc > 1)
            sl_buf_printf(&b, "; a stream that is silent for %lld ms is not", (long long)p->opts.idle_ms);
        sl_json *node = step(o, "watermark", sl_buf_view(&b));
        note(o, node, s->window ? "rows behind the watermark are dropped and counted" : "rows are put into the order of their time");
        form(o, node, "watermark", (sl_str){0});
        sl_buf_free(&b);
    }
    sl_json *at = o->top;
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (!i || !p->src[i].pub.is_table)
            source(o, at, i);
}
sl_json *sl_plan_outline(const sl_plan *p, sl_str text, sl_arena *a) {
    outline o = {.p = p, .text = text, .a = a, .folded = sl_json_arr(a)};
    const sl_select *s = p->bound;
    sl_plan_forms(p, &o.forms);
    tree(&o);
    sl_json *out = sl_json_obj(a);
    sl_json_set(a, out, "plan", o.root);
    state(&o, out);
    for (uint32_t i = 0; i < s->nfields; i++)
        constants(&o, s->fields[i].expr);
    constants(&o, s->where);
    constants(&o, s->having);
    for (uint32_t i = 0; i < s->njoins; i++)
        constants(&o, s->joins[i].on);
    for (uint32_t i = 0; i < s->ndims; i++)
        constants(&o, s->dims[i]);
    sl_json_set(a, out, "folded", o.folded);
    sl_json *cols = list_of(&o, out, "columns");
    for (uint32_t i = 0; i < p->nout; i++)
        sl_json_add(cols, sl_json_str(a, p->outnames[i]));
    sl_json_set(a, out, "moreColumns", sl_json_bool(a, p->star));
    sl_buf_free(&o.forms);
    return sl_arena_failed(a) ? NULL : out;
}

/* ---- drawing ---- */
static void draw(sl_buf *out, const sl_json *node, sl_buf *lead, bool last, bool root) {
    const sl_json *in = sl_json_get(node, "inputs"), *notes = sl_json_get(node, "notes");
    sl_str none = {"", 0};
    sl_buf_str(out, sl_buf_view(lead));
    sl_buf_puts(out, root ? "" : last ? "└─ " : "├─ ");
    sl_buf_printf(out, "%.*s  %.*s\n", SL_FMT(sl_json_text(sl_json_get(node, "op"), none)), SL_FMT(sl_json_text(sl_json_get(node, "text"), none)));
    size_t was = lead->n;
    sl_buf_puts(lead, root ? "" : last ? "   " : "│  ");
    for (const sl_json *x = notes ? notes->child : NULL; x; x = x->next)
        sl_buf_printf(out, "%.*s%s%.*s\n", SL_FMT(sl_buf_view(lead)), in && in->n ? "│    " : "     ", SL_FMT(x->s));
    for (const sl_json *x = in ? in->child : NULL; x; x = x->next)
        draw(out, x, lead, !x->next, false);
    lead->n = was;
}
void sl_outline_draw(sl_buf *out, const sl_json *node) {
    sl_buf lead = {0};
    draw(out, node, &lead, true, true);
    sl_buf_free(&lead);
}
