/* Reading conditions on one column off a compiled WHERE (what that is good for: pred.h).
 * Decision: what cannot fail depends on the kind of value, so each condition has a class; values of another kind make the caller go the plain way. */
#include <math.h>
#include <stdlib.h>
#include "sql/pred.h"

enum { ATOMS = 4096, PREFIX_MAX = 24 };

uint64_t sl_pred_key(const void *p, size_t n, uint32_t what) { return sl_hash(p, n) + (uint64_t)what * 0x9e3779b97f4a7c15u; }
uint64_t sl_pred_number_key(double f) {
    f = f == 0 ? 0 : f; /* one zero */
    return sl_pred_key(&f, sizeof f, 0);
}
static uint8_t class_of(sl_value v) {
    if (v.flags)
        return 0;
    switch (v.kind) {
    case SL_INT: return SL_PC_NUMBER;
    case SL_FLOAT: return isnan(v.f) ? 0 : SL_PC_NUMBER;
    case SL_STRING: return SL_PC_TEXT;
    case SL_BOOL: return SL_PC_BOOLEAN;
    default: return 0;
    }
}
/* The next smaller or larger number, where no integer can round over the bound. */
static double beyond(double f, double to) { return fabs(f) < 9e15 ? nextafter(f, to) : f; }
static bool put(sl_ptest *t, sl_atom a) {
    if (t->n == ATOMS)
        return false;
    if (t->n == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 4;
        sl_atom *at = realloc(t->at, cap * sizeof *at);
        if (!at)
            return false;
        t->at = at;
        t->cap = cap;
    }
    t->at[t->n++] = a;
    return true;
}
static bool put_point(sl_ptest *t, sl_value v) {
    sl_atom a = {.shape = SL_PA_POINT};
    switch (v.kind) {
    case SL_STRING: a.key = sl_pred_key(v.p, v.len, 0); break;
    case SL_BOOL: a.key = (uint64_t)v.i; break;
    default: a.key = sl_pred_number_key(sl_pred_number(v)); break;
    }
    return put(t, a);
}
static bool put_range(sl_ptest *t, double lo, double hi) {
    if (lo > hi)
        return true; /* holds for nothing */
    return put(t, (sl_atom){.shape = lo == -INFINITY ? SL_PA_BELOW : hi == INFINITY ? SL_PA_ABOVE : SL_PA_WITHIN, .lo = lo, .hi = hi});
}
static bool constant_at(const sl_plan *p, int32_t o, sl_value *v) {
    if (o >= 0 || o == SL_NOREG)
        return false;
    *v = sl_pred_prog(p)->consts[~o];
    return true;
}
static bool of_column(const sl_plan *p, sl_ptest *t, int32_t reg) {
    t->col = (uint32_t)reg;
    return reg >= 0 && (uint32_t)reg < p->src[0].n;
}
static bool read_cmp(const sl_plan *p, const sl_insn *i, sl_ptest *t) {
    sl_value k;
    bool turned = i->a < 0;
    if (!of_column(p, t, turned ? i->b : i->a) || !constant_at(p, turned ? i->a : i->b, &k) || !(t->cls = class_of(k)))
        return false;
    sl_op op = i->sub;
    if (turned)
        op = op == SL_OP_LT ? SL_OP_GT : op == SL_OP_GT ? SL_OP_LT : op == SL_OP_LE ? SL_OP_GE : op == SL_OP_GE ? SL_OP_LE : op;
    bool order = op != SL_OP_EQ && op != SL_OP_NE;
    if (t->cls == SL_PC_BOOLEAN && order)
        return false; /* an error for every row */
    t->usable = op == SL_OP_EQ || (order && t->cls == SL_PC_NUMBER);
    if (!t->usable)
        return true;
    double f = sl_pred_number(k);
    switch (op) {
    case SL_OP_EQ: return put_point(t, k);
    case SL_OP_LT: return put_range(t, -INFINITY, beyond(f, -INFINITY));
    case SL_OP_LE: return put_range(t, -INFINITY, f);
    case SL_OP_GT: return put_range(t, beyond(f, INFINITY), INFINITY);
    default: return put_range(t, f, INFINITY);
    }
}
static bool read_between(const sl_plan *p, const sl_insn *i, sl_ptest *t) {
    sl_value lo, hi;
    if (!of_column(p, t, i->a) || !constant_at(p, i->b, &lo) || !constant_at(p, i->c, &hi))
        return false;
    t->cls = class_of(lo);
    if (!t->cls || t->cls == SL_PC_BOOLEAN || class_of(hi) != t->cls)
        return false;
    t->usable = t->cls == SL_PC_NUMBER && !i->negated;
    return !t->usable || put_range(t, sl_pred_number(lo), sl_pred_number(hi));
}
static bool read_list(const sl_plan *p, const sl_insn *i, sl_ptest *t) {
    if (!of_column(p, t, i->a) || i->nargs == 0)
        return false;
    t->usable = !i->negated;
    for (uint32_t k = 0; k < i->nargs; k++) {
        sl_value v;
        if (!constant_at(p, i->args[k], &v))
            return false;
        uint8_t cls = class_of(v);
        if (!cls || (k && cls != t->cls))
            return false;
        t->cls = cls;
        if (t->usable && !put_point(t, v))
            return false;
    }
    return true;
}
static bool read_like(const sl_plan *p, const sl_insn *i, sl_ptest *t) {
    sl_value v;
    if (!of_column(p, t, i->a) || !constant_at(p, i->b, &v) || v.kind != SL_STRING)
        return false;
    t->cls = SL_PC_LIKED;
    uint32_t n = 0;
    while (n < v.len && n < PREFIX_MAX && v.p[n] != '%' && v.p[n] != '_' && v.p[n] != '\\')
        n++;
    t->usable = !i->negated && n > 0;
    return !t->usable || put(t, (sl_atom){.shape = SL_PA_POINT, .key = sl_pred_key(v.p, n, n), .prefix = n});
}
static bool read_block(const sl_plan *p, sl_block b, sl_ptest *t, uint32_t depth);
/* x OR y, both about one column. */
static bool read_or(const sl_plan *p, sl_block b, sl_ptest *t, uint32_t depth) {
    const sl_insn *i = &b.code[b.n - 1];
    sl_ptest more = {0};
    bool ok =
        i->sub == SL_OP_OR && read_block(p, (sl_block){b.code, b.n - 1, i->a}, t, depth + 1) && read_block(p, i->x, &more, depth + 1) && t->col == more.col && t->cls == more.cls;
    t->usable &= more.usable;
    for (uint32_t k = 0; ok && k < more.n; k++)
        ok = put(t, more.at[k]);
    free(more.at);
    return ok;
}
/* False: the condition may fail whatever its column holds, is about more than one column, or memory was out. */
static bool read_block(const sl_plan *p, sl_block b, sl_ptest *t, uint32_t depth) {
    if (b.n == 0 || b.code[b.n - 1].dst != b.res || depth > 32)
        return false;
    const sl_insn *i = &b.code[b.n - 1];
    if (i->op == SL_I_LOGIC)
        return read_or(p, b, t, depth);
    if (b.n != 1)
        return false;
    t->in = depth ? NULL : i;
    switch (i->op) {
    case SL_I_CMP: return read_cmp(p, i, t);
    case SL_I_BETWEEN: return read_between(p, i, t);
    case SL_I_INLIST: return read_list(p, i, t);
    case SL_I_LIKE: return read_like(p, i, t);
    default: return false;
    }
}

bool sl_pred_possible(const sl_plan *p) {
    if (p->opts.plain || p->nana || p->ncols || p->nsrc != 1 || p->src[0].pub.is_table || p->limit == 0 || p->opts.ignore_case)
        return false;
    if (p->pipe) /* rows that a window is not shown must not move its watermark */
        return p->pipe->windowed && !p->opts.event_time && p->pipe->nearly;
    return p->where && p->ncond && !p->nwf;
}
bool sl_pred_fits(uint8_t cls, const sl_value *v) {
    if (v->kind <= SL_NULL)
        return cls != SL_PC_LIKED;
    return cls == SL_PC_LIKED ? v->kind == SL_STRING && !v->flags : class_of(*v) == cls;
}
uint32_t sl_pred_tests(const sl_plan *p, sl_ptest *ts) {
    uint32_t n = 0, cols = 0;
    const sl_value *consts = sl_pred_prog(p)->consts;
    for (uint32_t i = 0, all = p->pipe ? p->pipe->nearly : p->ncond; i < all && n < SL_PRED_TESTS; i++) {
        sl_block b = p->pipe ? p->pipe->early[i].block : p->cond[i];
        if (b.n == 0 && b.res < 0 && consts[~b.res].kind == SL_BOOL && consts[~b.res].i)
            continue;
        sl_ptest t = {0};
        bool fits = read_block(p, b, &t, 0), known = false;
        for (uint32_t k = 0; fits && k < n; k++) {
            known |= ts[k].col == t.col;
            fits = ts[k].col != t.col || ts[k].cls == t.cls;
        }
        if (!fits || (!known && cols > SL_PRED_GUARDS)) {
            free(t.at);
            break;
        }
        cols += !known;
        ts[n++] = t;
    }
    return n;
}
