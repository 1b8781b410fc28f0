/* What planning refuses: first what upstream refuses, then what is understood and not built yet. */
#include "sql/parse.h"
#include "sql/planner.h"

static bool is_call(const sl_expr *e, uint8_t kind) { return e->kind == SL_X_CALL && e->func && e->func->kind == kind; }
static bool no_aggregate(sl_expr *e, void *arg) { return !is_call(e, SL_FN_AGG); }
static bool has_aggregate(const sl_plan *p, sl_expr *e) {
    if (e->kind == SL_X_SLOT)
        return has_aggregate(p, p->fields[p->alias_at[e->b_slot]].expr);
    return !sl_expr_walk(e, no_aggregate, NULL);
}
static sl_err *printed(const char *head, const sl_expr *e, const char *tail) {
    sl_buf b = {0};
    if (e)
        sl_expr_print(&b, e);
    else
        sl_buf_puts(&b, "%!s(<nil>)");
    sl_err *err = sl_err_new(SL_E_PLAN, "%s%s%s", head, sl_buf_cstr(&b), tail);
    sl_buf_free(&b);
    return err;
}

typedef struct scan {
    const char *nested; /* aggregate with an aggregate inside */
    const char *last_hit;
    sl_str missing; /* first function that cannot run yet */
    const char *missing_kind;
} scan;
static bool visit(sl_expr *e, void *arg) {
    scan *s = arg;
    if (e->kind != SL_X_CALL)
        return true;
    if (is_call(e, SL_FN_AGG))
        for (uint32_t i = 0; i < e->nargs && !s->nested; i++)
            if (!sl_expr_walk(e->args[i], no_aggregate, NULL))
                s->nested = e->func->name;
    if (sl_str_is(e->name, "last_hit_count") || sl_str_is(e->name, "last_hit_time"))
        s->last_hit = e->func ? e->func->name : "last_hit_count";
    if (s->missing.n)
        return true;
    static const char *const kinds[] = {"", "aggregate function ", "analytic function ", "window function ", "set-returning function ", "function ", "state function ", ""};
    uint8_t kind = e->func ? e->func->kind : 0;
    bool there = e->func && (kind == SL_FN_SCALAR || kind == SL_FN_META || kind == SL_FN_WINDOW || kind == SL_FN_SRF || (kind == SL_FN_AGG && e->func->eval) || e->func->kept);
    if (!there) {
        s->missing = e->name;
        s->missing_kind = e->func ? kinds[e->func->kind] : "function ";
    }
    return true;
}

/* Bare columns and calls without an aggregate as operands; does not look into parentheses, paths and CASE. */
static bool having_ok(const sl_plan *p, sl_expr *e) {
    switch (e->kind) {
    case SL_X_BINARY: return having_ok(p, e->l) && having_ok(p, e->r);
    case SL_X_BETWEEN:
    case SL_X_LIKE:
    case SL_X_IN: return having_ok(p, e->l);
    case SL_X_COLUMN:
    case SL_X_CALL:
    case SL_X_SLOT: return has_aggregate(p, e);
    default: return true;
    }
}
static int source_of(const sl_plan *p, const sl_expr *e) {
    for (uint32_t i = 0; e->kind == SL_X_COLUMN && i < p->nsrc; i++)
        if (sl_str_eq(e->source, p->src[i].pub.stream))
            return (int)i;
    return -1;
}
/* Is there a = part between a column of lookup table t and a column of another source? */
static bool has_equi(const sl_plan *p, const sl_expr *e, int t) {
    if (e->kind == SL_X_PAREN)
        return has_equi(p, e->l, t);
    if (e->kind != SL_X_BINARY)
        return false;
    if (e->op == SL_OP_AND)
        return has_equi(p, e->l, t) || has_equi(p, e->r, t);
    return e->op == SL_OP_EQ && (source_of(p, e->l) == t) != (source_of(p, e->r) == t);
}
static sl_err *check_joins(const sl_plan *p, const sl_select *s) {
    for (uint32_t i = 0; i < s->njoins; i++) {
        const sl_psource *j = &p->src[i + 1];
        if (j->lookup && (!s->joins[i].on || !has_equi(p, s->joins[i].on, (int)i + 1)))
            return printed("join condition ", s->joins[i].on, " is invalid, at least one equi-join predicate is required");
    }
    return NULL;
}

sl_err *sl_plan_check(sl_plan *p, const sl_select *s) {
    scan sc = {0};
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind != SL_P_STAR)
            sl_expr_walk(p->fields[i].expr, visit, &sc);
    sl_expr_walk(s->where, visit, &sc);
    sl_expr_walk(s->having, visit, &sc);
    for (uint32_t i = 0; i < s->norder; i++)
        sl_expr_walk(s->order[i].expr, visit, &sc);
    for (uint32_t i = 0; i < s->ndims; i++)
        sl_expr_walk(s->dims[i], visit, &sc);
    for (uint32_t i = 0; i < s->njoins; i++)
        sl_expr_walk(s->joins[i].on, visit, &sc);
    const char *hit = sc.last_hit;
    if (s->window) {
        sl_expr_walk(s->window->begin, visit, &sc);
        sl_expr_walk(s->window->emit, visit, &sc);
        sl_expr_walk(s->window->filter, visit, &sc);
        sl_expr_walk(s->window->when, visit, &sc);
        for (uint32_t i = 0; i < s->window->npartition; i++)
            sl_expr_walk(s->window->partition[i], visit, &sc);
        sc.last_hit = hit; /* allowed in the trigger condition */
    }
    if (sc.nested)
        return sl_err_new(SL_E_PLAN, "invalid argument for func %s: aggregate argument is not allowed", sc.nested);
    for (uint32_t i = 0; i < s->ndims; i++)
        if (!sl_expr_walk(s->dims[i], no_aggregate, NULL))
            return printed("Not allowed to call aggregate functions in GROUP BY clause: ", s->dims[i], ".");
    if (sc.last_hit && (s->window || s->ndims || s->njoins))
        return sl_err_new(SL_E_PLAN, "function %s is not allowed in an aggregate query", sc.last_hit);
    if (s->having && !having_ok(p, s->having))
        return printed("Not allowed to call non-aggregate functions in HAVING clause: ", s->having, ".");
    if (s->window && p->src[0].pub.is_table)
        return sl_err_new(SL_E_PLAN, "cannot run window for TABLE sources");
    SL_TRY(check_joins(p, s));
    if (s->ndims && !s->window)
        return sl_err_new(SL_E_PLAN, "select stmt group by should be used with window");
    if (p->opts.event_time && s->window && s->window->kind == SL_W_COUNT)
        return sl_err_new(SL_E_PLAN, "unsupported window type 5");
    if (p->opts.send_meta && (s->window || s->njoins))
        return sl_err_new(SL_E_PLAN, "Invalid option sendMetaToSink, it can not be applied to window");

    if (sc.missing.n)
        return sl_err_new(SL_E_UNSUPPORTED, "%s%.*s is not available yet", sc.missing_kind, SL_FMT(sc.missing));
    return NULL;
}
