/* What only the whole statement can tell: which x of x.y is a source, which GROUP BY item is the window, and the checks of the
 * whole. They run with or without a trailing semicolon (D1). */
#include "sql/parser.h"

typedef bool (*visit_fn)(sl_expr *e, void *arg);
bool sl_expr_walk(sl_expr *e, visit_fn visit, void *arg) {
    if (!e)
        return true;
    if (!visit(e, arg) || !sl_expr_walk(e->l, visit, arg) || !sl_expr_walk(e->r, visit, arg))
        return false;
    for (uint32_t i = 0; i < e->nargs; i++)
        if (!sl_expr_walk(e->args[i], visit, arg))
            return false;
    for (uint32_t i = 0; i < e->nreplace; i++)
        if (!sl_expr_walk(e->replace[i].expr, visit, arg))
            return false;
    if (!e->over)
        return true;
    for (uint32_t i = 0; i < e->over->npartition; i++)
        if (!sl_expr_walk(e->over->partition[i], visit, arg))
            return false;
    for (uint32_t i = 0; i < e->over->norder; i++)
        if (!sl_expr_walk(e->over->order[i].expr, visit, arg))
            return false;
    return sl_expr_walk(e->over->when, visit, arg);
}
static bool walk_all(sl_expr **at, uint32_t n, visit_fn visit, void *arg) {
    for (uint32_t i = 0; i < n; i++)
        if (!sl_expr_walk(at[i], visit, arg))
            return false;
    return true;
}
static bool walk_window(const sl_window *w, visit_fn visit, void *arg) {
    return sl_expr_walk(w->begin, visit, arg) && sl_expr_walk(w->emit, visit, arg) && sl_expr_walk(w->filter, visit, arg) && sl_expr_walk(w->when, visit, arg) &&
        walk_all(w->partition, w->npartition, visit, arg);
}
/* A GROUP BY item, window or not. */
static bool walk_dim(sl_expr *e, visit_fn visit, void *arg) { return sl_expr_walk(e, visit, arg) && (!(e->kind == SL_X_LITERAL && e->b_aux) || walk_window(e->b_aux, visit, arg)); }
/* Everything but the select list. */
static bool walk_clauses(sl_select *s, visit_fn visit, void *arg) {
    for (uint32_t i = 0; i < s->njoins; i++)
        if (!sl_expr_walk(s->joins[i].on, visit, arg))
            return false;
    for (uint32_t i = 0; i < s->ndims; i++)
        if (!walk_dim(s->dims[i], visit, arg))
            return false;
    for (uint32_t i = 0; i < s->norder; i++)
        if (!sl_expr_walk(s->order[i].expr, visit, arg))
            return false;
    return sl_expr_walk(s->where, visit, arg) && sl_expr_walk(s->having, visit, arg);
}

static bool is_source(const sl_select *s, sl_str n) {
    if (sl_str_eq(s->from.name, n) || (s->from.alias.n && sl_str_eq(s->from.alias, n)))
        return true;
    for (uint32_t i = 0; i < s->njoins; i++)
        if (sl_str_eq(s->joins[i].src.name, n) || (s->joins[i].src.alias.n && sl_str_eq(s->joins[i].src.alias, n)))
            return true;
    return false;
}
struct split {
    sl_parser *p;
    const sl_select *s;
};
static bool split_name(sl_expr *e, void *arg) {
    struct split *x = arg;
    if ((e->kind != SL_X_COLUMN && e->kind != SL_X_META) || !e->source.n || is_source(x->s, e->source))
        return true;
    sl_expr *base = sl_p_node(x->p, (sl_xkind)e->kind, e->pos);
    if (!base)
        return false;
    base->name = e->source;
    base->len = (uint32_t)e->source.n;
    e->kind = SL_X_MEMBER;
    e->source = SL_S("");
    e->l = base;
    e->height = 2;
    return true;
}

static bool not_aggregate(sl_expr *e, void *arg) {
    return !(e->kind == SL_X_CALL && e->func && (e->func->kind == SL_FN_AGG || sl_str_is(e->name, "last_agg_hit_count") || sl_str_is(e->name, "last_agg_hit_time")));
}
struct of_kind {
    uint8_t kind;
    uint32_t pos; /* of the one found */
};
static bool not_of_kind(sl_expr *e, void *arg) {
    struct of_kind *k = arg;
    if (e->kind != SL_X_CALL || !e->func || e->func->kind != k->kind)
        return true;
    k->pos = e->pos;
    return false;
}
static bool checks(sl_parser *p, sl_select *s) {
    for (uint32_t i = 0; i < s->ndims; i++)
        if (!walk_dim(s->dims[i], not_aggregate, NULL)) {
            sl_buf b = {0};
            const sl_expr *d = s->dims[i];
            if (d->kind == SL_X_LITERAL && d->b_aux)
                sl_window_print(&b, d->b_aux);
            else
                sl_expr_print(&b, d);
            sl_p_fail(p, d->pos, "Not allowed to call aggregate functions in GROUP BY clause: %s.", sl_buf_cstr(&b));
            sl_buf_free(&b);
            return false;
        }
    struct of_kind srf = {.kind = SL_FN_SRF}, window = {.kind = SL_FN_WINDOW};
    uint32_t nsrf = 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        sl_expr *e = s->fields[i].expr;
        bool top = !not_of_kind(e, &srf);
        if (top ? !walk_all(e->args, e->nargs, not_of_kind, &srf) : !sl_expr_walk(e, not_of_kind, &srf))
            return sl_p_fail(p, srf.pos, "select clause shouldn't has nested set-returning-functions");
        nsrf += top;
    }
    if (nsrf > 1)
        return sl_p_fail(p, srf.pos, "select clause shouldn't has multi set-returning-functions");
    if (!walk_clauses(s, not_of_kind, &srf))
        return sl_p_fail(p, srf.pos, "select statement shouldn't has srf except fields");
    if (!walk_clauses(s, not_of_kind, &window))
        return sl_p_fail(p, window.pos, "window functions can only be in select fields");
    return true;
}

static bool forget_window(sl_expr *e, void *arg) {
    if (e->kind == SL_X_LITERAL)
        e->b_aux = NULL;
    return true;
}
bool sl_p_finish(sl_parser *p, sl_select *s) {
    struct split x = {p, s};
    if (!checks(p, s))
        return false;
    for (uint32_t i = 0; i < s->nfields; i++)
        if (!sl_expr_walk(s->fields[i].expr, split_name, &x))
            return false;
    if (!walk_clauses(s, split_name, &x))
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->ndims; i++) {
        sl_expr *d = s->dims[i];
        if (d->kind != SL_X_LITERAL || !d->b_aux)
            s->dims[n++] = d;
        else if (!s->window)
            s->window = d->b_aux;
    }
    s->ndims = n;
    for (uint32_t i = 0; i < s->nfields; i++)
        sl_expr_walk(s->fields[i].expr, forget_window, NULL);
    walk_clauses(s, forget_window, NULL);
    if (s->window)
        walk_window(s->window, forget_window, NULL);
    return true;
}
