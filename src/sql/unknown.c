/* Of several names that nobody knows, the one that a statement is refused for. Decision: every unknown name is an error here (bind.c), but clients
 * know upstream's text, so where upstream refuses a statement, too, its complaint comes first: aliases in the order of the text, then every field's
 * last column, then the last column of all other clauses. Looked at before binding, and only where every source declares its columns. */
#include <stdlib.h>
#include "sql/hint.h"
#include "sql/unknown.h"

enum { LONG = 16 << 10 }; /* a statement of this many bytes is not judged so: every name is held against every other */

typedef struct judge {
    const sl_plan *p;
    const uint32_t *order; /* fields as upstream goes through them */
    uint32_t before;       /* so many of them are known already */
    int32_t self;          /* number of the alias that is looked at */
    bool rest;             /* other clauses: all aliases are known */
    const sl_expr *at;     /* what was found */
    enum { FINE, UNKNOWN, ELSEWHERE, AMBIGUOUS } verdict;
} judge;

static bool declares(const sl_psource *s, sl_str name, bool anycase) {
    for (uint32_t i = 0; i < s->def->nfields; i++)
        if (anycase ? sl_str_ieq(s->def->fields[i].name, name) : sl_str_eq(s->def->fields[i].name, name))
            return true;
    return false;
}
static uint32_t sources_with(const sl_plan *p, sl_str name, bool anycase) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->nsrc; i++)
        n += declares(&p->src[i], name, anycase);
    return n;
}
static int32_t alias_named(const sl_plan *p, sl_str name, int32_t except) {
    for (uint32_t k = 0; k < p->nalias; k++)
        if ((int32_t)k != except && sl_str_eq(p->fields[p->alias_at[k]].name, name))
            return (int32_t)k;
    return -1;
}
static bool is_name(const sl_expr *e) { return e->kind == SL_X_COLUMN && !sl_str_is(e->name, "*"); }

static bool in_alias(sl_expr *e, void *arg) {
    judge *j = arg;
    if (!is_name(e))
        return true;
    int32_t k = alias_named(j->p, e->name, -1);
    if ((k < 0 || k >= j->self) && !sources_with(j->p, e->name, false))
        j->at = e;
    return true;
}
static bool in_field(sl_expr *e, void *arg) {
    judge *j = arg;
    const sl_plan *p = j->p;
    if (!is_name(e))
        return true;
    bool alias = false;
    for (uint32_t i = 0; i < j->before; i++) {
        const sl_pfield *f = &p->fields[j->order[i]];
        if (f->kind != SL_P_ALIAS)
            continue;
        if (!j->rest && sl_str_eq(f->name, e->name))
            return true; /* not looked at: what was found stays */
        alias |= sl_str_ieq(f->name, e->name);
    }
    uint32_t n = sources_with(p, e->name, true);
    j->at = e;
    j->verdict = FINE;
    if (!e->source.n)
        j->verdict = n + alias == 0 ? UNKNOWN : n > 1 && !(alias && j->rest) ? AMBIGUOUS : FINE;
    else {
        uint32_t i = 0;
        while (i < p->nsrc && !sl_str_eq(p->src[i].pub.stream, e->source) && !(p->src[i].alias.n && sl_str_eq(p->src[i].alias, e->source)))
            i++;
        if (i < p->nsrc && !declares(&p->src[i], e->name, true))
            j->verdict = n || alias ? ELSEWHERE : UNKNOWN;
    }
    return true;
}
static sl_err *complaint(const judge *j) {
    const sl_expr *e = j->at;
    if (j->verdict == AMBIGUOUS) {
        sl_str names[2] = {{0}};
        for (uint32_t i = 0, n = 0; i < j->p->nsrc && n < 2; i++)
            if (declares(&j->p->src[i], e->name, true))
                names[n++] = j->p->src[i].alias.n ? j->p->src[i].alias : j->p->src[i].pub.stream;
        return sl_hint_at(sl_err_new(SL_E_PLAN, "ambiguous field %.*s", SL_FMT(e->name)), j->p, e, "write %.*s.%.*s or %.*s.%.*s", SL_FMT(names[0]), SL_FMT(e->name),
                          SL_FMT(names[1]), SL_FMT(e->name));
    }
    return sl_hint_column(j->verdict == ELSEWHERE ? sl_err_new(SL_E_PLAN, "unknown field %.*s.%.*s", SL_FMT(e->source), SL_FMT(e->name))
                                                  : sl_err_new(SL_E_PLAN, "unknown field %.*s", SL_FMT(e->name)),
                          j->p, e);
}
static int by_rank(const void *x, const void *y, void *arg) {
    const sl_plan *p = arg;
    const sl_pfield *a = &p->fields[*(const uint32_t *)x], *b = &p->fields[*(const uint32_t *)y];
    uint32_t ra = p->alias_rank[a->alias], rb = p->alias_rank[b->alias];
    return ra != rb ? (ra < rb ? -1 : 1) : sl_str_cmp(a->name, b->name);
}
bool sl_field_order(const sl_plan *p, uint32_t *order, uint32_t *n) {
    bool sorted = !p->opts.disable_alias_ref;
    *n = 0;
    for (uint32_t i = 0; i < p->nsrc; i++)
        sorted &= !p->src[i].schemaless;
    for (uint32_t i = 0; i < p->nfields; i++)
        if (!p->fields[i].replace && (!sorted || p->fields[i].kind == SL_P_ALIAS))
            order[(*n)++] = i;
    if (!sorted)
        return false;
    qsort_r(order, *n, sizeof *order, by_rank, (void *)(uintptr_t)p);
    for (uint32_t i = 0; i < p->nfields; i++)
        if (!p->fields[i].replace && p->fields[i].kind != SL_P_ALIAS)
            order[(*n)++] = i;
    return true;
}

static void clauses(const sl_select *s, judge *j) {
    for (uint32_t i = 0; i < s->njoins; i++)
        sl_expr_walk(s->joins[i].on, in_field, j);
    sl_expr_walk(s->where, in_field, j);
    if (s->window) {
        sl_expr_walk(s->window->filter, in_field, j);
        sl_expr_walk(s->window->when, in_field, j);
        sl_expr_walk(s->window->begin, in_field, j);
        sl_expr_walk(s->window->emit, in_field, j);
    }
    for (uint32_t i = 0; i < s->ndims; i++)
        sl_expr_walk(s->dims[i], in_field, j);
    sl_expr_walk(s->having, in_field, j);
    for (uint32_t i = 0; i < s->norder; i++)
        sl_expr_walk(s->order[i].expr, in_field, j);
}
static bool judged(const sl_plan *p) {
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (p->src[i].schemaless)
            return false;
    return p->bound && p->bound->text.n <= LONG;
}
sl_err *sl_unknown_fields(const sl_plan *p) {
    if (!judged(p))
        return NULL;
    uint32_t *order = malloc((p->nfields + 1) * sizeof *order), n;
    if (!order)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    judge j = {.p = p, .order = order};
    sl_err *err = NULL;
    if (sl_field_order(p, order, &n))
        for (uint32_t k = 0; k < p->nalias && !err; k++) {
            j.self = (int32_t)k;
            j.at = NULL;
            sl_expr_walk(p->fields[p->alias_at[k]].expr, in_alias, &j);
            j.verdict = UNKNOWN;
            if (j.at && alias_named(p, j.at->name, (int32_t)k) < 0)
                err = complaint(&j);
        }
    for (uint32_t i = 0; i < n && !err; i++) {
        j.before = i;
        j.verdict = FINE;
        if (p->fields[order[i]].kind != SL_P_STAR)
            sl_expr_walk(p->fields[order[i]].expr, in_field, &j);
        if (j.verdict != FINE)
            err = complaint(&j);
    }
    free(order);
    return err;
}
sl_err *sl_unknown_rest(const sl_plan *p, const sl_select *s) {
    if (!judged(p))
        return NULL;
    uint32_t *order = malloc((p->nfields + 1) * sizeof *order), n;
    if (!order)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_field_order(p, order, &n);
    judge j = {.p = p, .order = order, .before = n, .rest = true};
    clauses(s, &j);
    free(order);
    return j.verdict == FINE ? NULL : complaint(&j);
}
