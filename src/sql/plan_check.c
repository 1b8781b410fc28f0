/* What planning refuses: first what upstream refuses, then what is understood and not built yet. */
#include <stdlib.h>
#include "sql/hint.h"
#include "sql/parser.h"
#include "sql/planner.h"

static bool is_call(const sl_expr *e, uint8_t kind) { return e->kind == SL_X_CALL && e->func && e->func->kind == kind; }
/* Aliases are looked through, each once: aliases of aliases would multiply. */
typedef struct hunt {
    const sl_plan *p;
    bool *seen;
    const sl_expr *found; /* aggregate, or alias of one */
} hunt;
static bool no_aggregate(sl_expr *e, void *arg) {
    hunt *h = arg;
    if (is_call(e, SL_FN_AGG)) {
        h->found = e;
        return false;
    }
    if (e->kind != SL_X_SLOT || e->b_slot < 0 || h->seen[e->b_slot])
        return true;
    h->seen[e->b_slot] = true;
    return sl_expr_walk(h->p->fields[h->p->alias_at[e->b_slot]].expr, no_aggregate, h);
}
static const sl_expr *aggregate_in(const sl_plan *p, sl_expr *e) {
    hunt h = {.p = p, .seen = calloc(p->nalias + 1, 1)};
    if (h.seen && e && !sl_expr_walk(e, no_aggregate, &h))
        h.found = h.found ? h.found : e;
    free(h.seen);
    return h.found;
}
static bool has_aggregate(const sl_plan *p, sl_expr *e) { return aggregate_in(p, e) != NULL; }
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
    const sl_plan *p;
    const sl_expr *nested; /* aggregate with an aggregate inside */
    const sl_expr *last_hit;
    const sl_expr *missing; /* first function that cannot run yet */
    const char *missing_kind;
} scan;
static bool visit(sl_expr *e, void *arg) {
    scan *s = arg;
    if (e->kind != SL_X_CALL)
        return true;
    if (is_call(e, SL_FN_AGG))
        for (uint32_t i = 0; i < e->nargs && !s->nested; i++)
            if (has_aggregate(s->p, e->args[i]))
                s->nested = e;
    if (sl_str_is(e->name, "last_hit_count") || sl_str_is(e->name, "last_hit_time"))
        s->last_hit = e;
    if (s->missing)
        return true;
    static const char *const kinds[] = {"", "aggregate function ", "analytic function ", "window function ", "set-returning function ", "function ", "state function ", "", ""};
    uint8_t kind = e->func ? e->func->kind : 0;
    bool there = e->func &&
        (kind == SL_FN_SCALAR || kind == SL_FN_META || kind == SL_FN_WINDOW || kind == SL_FN_SRF || kind == SL_FN_TRIGGER || (kind == SL_FN_AGG && e->func->eval) || e->func->kept);
    if (!there) {
        s->missing = e;
        s->missing_kind = e->func ? kinds[e->func->kind] : "function ";
    }
    return true;
}

/* The first bare column or call without an aggregate that is an operand; does not look into parentheses, paths and CASE. */
static sl_expr *not_for_having(const sl_plan *p, sl_expr *e) {
    sl_expr *bad;
    switch (e->kind) {
    case SL_X_BINARY: return (bad = not_for_having(p, e->l)) ? bad : not_for_having(p, e->r);
    case SL_X_BETWEEN:
    case SL_X_LIKE:
    case SL_X_IN: return not_for_having(p, e->l);
    case SL_X_COLUMN:
    case SL_X_CALL:
    case SL_X_SLOT: return has_aggregate(p, e) ? NULL : e;
    default: return NULL;
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
            return sl_hint_pos(printed("join condition ", s->joins[i].on, " is invalid, at least one equi-join predicate is required"), p,
                               s->joins[i].on ? s->joins[i].on->pos : s->joins[i].src.pos, "rows of a lookup table are asked for by key: ON stream.column = %.*s.column",
                               SL_FMT(j->alias.n ? j->alias : j->pub.stream));
    }
    return NULL;
}

sl_err *sl_plan_options(const sl_plan *p, const sl_select *s) {
    if (p->opts.send_meta && (s->window || s->ndims || s->njoins))
        return sl_hint_pos(sl_err_new(SL_E_PLAN, "Invalid option sendMetaToSink, it can not be applied to window"), p,
                           s->window      ? s->window->pos
                               : s->ndims ? s->dims[0]->pos
                                          : s->joins[0].src.pos,
                           "many rows have no metadata of their own; select meta(key) AS name instead");
    return NULL;
}
sl_err *sl_plan_joins(const sl_plan *p, const sl_select *s) {
    for (uint32_t i = 1; i < p->nsrc && !s->window; i++)
        if (!p->src[i].pub.is_table)
            return sl_hint_pos(sl_err_new(SL_E_PLAN, "a time window or count window is required to join multiple streams"), p, s->joins[i - 1].src.pos,
                               "add GROUP BY and a window, for example TUMBLINGWINDOW(ss, 10), or make %.*s a table", SL_FMT(p->src[i].pub.stream));
    return NULL;
}
typedef struct misplaced {
    const sl_plan *p;
    const sl_expr *e;
} misplaced;
static bool is_field(const sl_plan *p, const sl_expr *e) {
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind != SL_P_STAR && !p->fields[i].replace && p->fields[i].expr == e)
            return true;
    return false;
}
static bool find_misplaced(sl_expr *e, void *arg) {
    misplaced *m = arg;
    if (is_call(e, SL_FN_TRIGGER) && !is_field(m->p, e))
        m->e = e;
    return !m->e;
}
/* Upstream takes these and fails every row or collection. */
static sl_err *check_trigger(const sl_plan *p, const sl_select *s) {
    misplaced m = {p, NULL};
    const sl_expr *call = NULL;
    for (uint32_t i = 0; i < p->nfields; i++) {
        sl_expr_walk(p->fields[i].expr, find_misplaced, &m);
        call = !call && is_call(p->fields[i].expr, SL_FN_TRIGGER) ? p->fields[i].expr : call;
    }
    sl_expr_walk(s->where, find_misplaced, &m);
    sl_expr_walk(s->having, find_misplaced, &m);
    for (uint32_t i = 0; i < s->norder; i++)
        sl_expr_walk(s->order[i].expr, find_misplaced, &m);
    for (uint32_t i = 0; i < s->ndims; i++)
        sl_expr_walk(s->dims[i], find_misplaced, &m);
    for (uint32_t i = 0; i < s->njoins; i++)
        sl_expr_walk(s->joins[i].on, find_misplaced, &m);
    if (s->window) {
        sl_expr_walk(s->window->begin, find_misplaced, &m);
        sl_expr_walk(s->window->emit, find_misplaced, &m);
        sl_expr_walk(s->window->filter, find_misplaced, &m);
        sl_expr_walk(s->window->when, find_misplaced, &m);
        for (uint32_t i = 0; i < s->window->npartition; i++)
            sl_expr_walk(s->window->partition[i], find_misplaced, &m);
    }
    if (m.e)
        return sl_hint_at(sl_err_new(SL_E_PLAN, "dedup_trigger can only be a field of the select list"), p, m.e, "give it an alias: other fields may use it by that name");
    if (call && (s->window || s->njoins))
        return sl_hint_at(sl_err_new(SL_E_PLAN, "dedup_trigger takes single rows, it cannot be used with a window or a join"), p, call,
                          "let a rule of its own make the rows, with a memory sink");
    return NULL;
}

sl_err *sl_plan_check(sl_plan *p, const sl_select *s) {
    scan sc = {.p = p};
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
    const sl_expr *hit = sc.last_hit;
    if (s->window) {
        sl_expr_walk(s->window->begin, visit, &sc);
        sl_expr_walk(s->window->emit, visit, &sc);
        sl_expr_walk(s->window->filter, visit, &sc);
        sl_expr_walk(s->window->when, visit, &sc);
        for (uint32_t i = 0; i < s->window->npartition; i++)
            sl_expr_walk(s->window->partition[i], visit, &sc);
        sc.last_hit = hit; /* allowed in the trigger condition */
    }
    const sl_expr *bad = s->having ? not_for_having(p, s->having) : NULL;
    if (bad)
        return sl_hint_at(printed("Not allowed to call non-aggregate functions in HAVING clause: ", s->having, "."), p, bad,
                          "HAVING judges groups: use an aggregate such as count(*) or max(column); conditions on rows go into WHERE");
    for (uint32_t i = 0; i < s->ndims; i++) {
        const sl_expr *agg = aggregate_in(p, s->dims[i]);
        if (agg)
            return sl_hint_at(printed("Not allowed to call aggregate functions in GROUP BY clause: ", s->dims[i], "."), p, agg,
                              "group by columns; conditions on aggregates go into HAVING");
    }
    const sl_expr *parts[] = {s->window ? s->window->filter : NULL, s->window ? s->window->when : NULL, s->window ? s->window->begin : NULL, s->window ? s->window->emit : NULL};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && has_aggregate(p, (sl_expr *)(uintptr_t)parts[i])) {
            sl_buf b = {0};
            sl_window_print(&b, s->window);
            sl_err *err = sl_err_new(SL_E_PLAN, "Not allowed to call aggregate functions in GROUP BY clause: %s.", sl_buf_cstr(&b));
            sl_buf_free(&b);
            return sl_hint_at(err, p, parts[i], "a window is made of rows before they are aggregated; conditions on aggregates go into HAVING");
        }
    if (sc.nested)
        return sl_hint_at(sl_err_new(SL_E_PLAN, "invalid argument for func %s: aggregate argument is not allowed", sc.nested->func->name), p, sc.nested,
                          "an aggregate goes over columns of rows; let a rule of its own compute the inner one, with a memory sink");
    if (sc.last_hit && (s->window || s->ndims || s->njoins))
        return sl_hint_at(sl_err_new(SL_E_PLAN, "function %s is not allowed in an aggregate query", sc.last_hit->func ? sc.last_hit->func->name : "last_hit_count"), p, sc.last_hit,
                          "it counts rows of a statement without window, GROUP BY and join; here last_agg_hit_count and last_agg_hit_time count emissions");
    if (s->ndims && !s->window)
        return sl_hint_at(sl_err_new(SL_E_PLAN, "select stmt group by should be used with window"), p, s->dims[0],
                          "groups need an end: add a window, for example TUMBLINGWINDOW(ss, 10) or COUNTWINDOW(100)");
    if (s->window && p->src[0].pub.is_table)
        return sl_hint_pos(sl_err_new(SL_E_PLAN, "cannot run window for TABLE sources"), p, s->from.pos, "a table has no time; read the stream FROM here and join the table");
    SL_TRY(sl_plan_joins(p, s));
    SL_TRY(check_joins(p, s));
    SL_TRY(check_trigger(p, s));
    if (sc.missing)
        return sl_hint_at(sl_err_new(SL_E_UNSUPPORTED, "%s%.*s is not available yet", sc.missing_kind, SL_FMT(sc.missing->name)), p, sc.missing, NULL);
    return NULL;
}
