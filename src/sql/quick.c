/* The quick path: WHERE made of comparisons of columns with constants, a select list of plain columns, few rows. Ten thousand rules on
 * one message are mostly this, and their cost is the memory they touch, not the work they do.
 * Decision: what a run needs stands in one piece (sl_quick) instead of being spread over the plan. It handles only pairs of kinds whose
 * comparison cannot fail; with anything else it says so before it has changed anything, and the long way does it all. */
#include "sql/planner.h"

typedef struct test {
    sl_value konst;
    uint16_t col;
    uint8_t mask; /* the comparison holds for these: */
} test;
enum { LESS = 1, SAME = 2, MORE = 4, NEITHER = 8 /* NaN */ };
struct sl_quick {
    const sl_layout *out; /* the plan's */
    uint16_t ntest, nout;
    bool where;
    const uint16_t *outcol; /* behind the tests */
    test tests[];
};

static bool test_of(const sl_plan *p, sl_block b, test *t) {
    const sl_insn *i = b.n == 1 ? b.code : NULL;
    if (!i || i->op != SL_I_CMP || i->dst != b.res)
        return false;
    static const uint8_t masks[][3] = {{SL_OP_EQ, SAME, SAME}, {SL_OP_NE, LESS | MORE | NEITHER, LESS | MORE | NEITHER},
                                       {SL_OP_LT, LESS, MORE}, {SL_OP_LE, LESS | SAME, MORE | SAME},
                                       {SL_OP_GT, MORE, LESS}, {SL_OP_GE, MORE | SAME, LESS | SAME}};
    bool turned = i->a < 0;
    int32_t col = turned ? i->b : i->a, konst = turned ? i->a : i->b;
    if (col < 0 || konst >= 0 || konst == SL_NOREG || (uint32_t)col >= p->src[0].n)
        return false;
    for (size_t k = 0; k < sizeof masks / sizeof *masks; k++)
        if (masks[k][0] == i->sub) {
            *t = (test){p->prog.consts[~konst], (uint16_t)col, masks[k][1 + turned]};
            bool text = t->konst.kind == SL_STRING && (i->sub == SL_OP_EQ || i->sub == SL_OP_NE);
            return !t->konst.flags && (t->konst.kind == SL_INT || t->konst.kind == SL_FLOAT || text);
        }
    return false;
}
const sl_quick *sl_quick_make(sl_plan *p) {
    if (p->opts.plain || p->pipe || p->nana || p->ncols || p->nstars || p->nsrc != 1 || p->src[0].pub.is_table || p->star || p->norder || p->nalias || !p->nout || p->nout > 64 ||
        p->ncond > 16 || !p->limit || p->prog.nsite || p->opts.send_nil || p->opts.send_meta || p->opts.ignore_case || (p->where && !p->ncond))
        return NULL;
    for (uint32_t j = 0; j < p->nout; j++)
        if (p->outfield[j] == UINT32_MAX || p->fields[p->outfield[j]].kind != SL_P_COLUMN || p->fields[p->outfield[j]].block.res < 0)
            return NULL;
    size_t n = sizeof(sl_quick) + p->ncond * sizeof(test) + p->nout * sizeof(uint16_t);
    char *room = sl_arena_zero(p->a, n);
    if (!room || sl_arena_failed(p->a))
        return NULL;
    sl_quick *q = (sl_quick *)room;
    *q = (sl_quick){.out = p->out, .ntest = (uint16_t)p->ncond, .nout = (uint16_t)p->nout, .where = p->where != NULL};
    for (uint32_t i = 0; i < p->ncond; i++)
        if (!test_of(p, p->cond[i], &q->tests[i]))
            return NULL;
    uint16_t *cols = (uint16_t *)&q->tests[p->ncond];
    q->outcol = cols;
    for (uint32_t j = 0; j < p->nout; j++)
        cols[j] = (uint16_t)p->fields[p->outfield[j]].block.res;
    return q;
}
void sl_quick_warm(const sl_quick *q, int step) {
    if (step == 0)
        for (size_t i = 0; i < 192; i += 64)
            __builtin_prefetch((const char *)q + i);
    else if (step == 1)
        __builtin_prefetch(q->out, 1);
}

#define REL(x, y) ((x) < (y) ? LESS : (x) == (y) ? SAME : (x) > (y) ? MORE : NEITHER)
/* 1 holds, 0 does not, -1 not for us */
static inline int holds(const test *t, const sl_value *v) {
    int rel;
    if (v->flags)
        return -1;
    if (v->kind == SL_FLOAT && t->konst.kind == SL_INT)
        rel = REL(v->f, (double)t->konst.i);
    else if (v->kind != t->konst.kind)
        return -1;
    else if (v->kind == SL_FLOAT)
        rel = REL(v->f, t->konst.f);
    else if (v->kind == SL_INT)
        rel = REL(v->i, t->konst.i);
    else /* texts: only = and != */
        rel = v->len == t->konst.len && memcmp(v->p, t->konst.p, v->len) == 0 ? SAME : LESS;
    return (t->mask & rel) != 0;
}
int sl_quick_run(const sl_quick *q, const sl_view *in, sl_exec_stats *filter, sl_exec_stats *project, sl_batch **out) {
    enum { MOST = 8 };
    sl_batch *b = in->batch;
    const uint16_t *map = in->colmap;
    uint32_t keep[MOST], n = 0;
    *out = NULL;
    if (in->n > MOST || in->frames || b->nmarks || !in->whole)
        return 0;
    for (uint32_t k = 0; k < in->n; k++) {
        uint32_t r = sl_view_row(in, k);
        int yes = 1;
        for (uint32_t i = 0; i < q->ntest && yes > 0; i++)
            yes = holds(&q->tests[i], &b->cols[map[q->tests[i].col]][r]);
        if (yes < 0)
            return 0;
        keep[n] = r;
        n += (uint32_t)yes;
    }
    if (n) {
        sl_batch *o = sl_batch_fresh();
        if (!o)
            return -1;
        bool all = n == b->nrows;
        o->cols = sl_arena_alloc(o->arena, q->nout * sizeof *o->cols); /* small: never NULL, the arena tells at the end */
        for (uint32_t j = 0; j < q->nout; j++) {
            sl_value *from = b->cols[map[q->outcol[j]]], *to = all ? from : sl_arena_alloc(o->arena, n * sizeof *to);
            for (uint32_t k = 0; !all && k < n; k++)
                to[k] = from[keep[k]];
            o->cols[j] = to;
        }
        if (b->time) {
            int64_t *to = o->time = all ? b->time : sl_arena_alloc(o->arena, n * sizeof *to);
            for (uint32_t k = 0; !all && k < n; k++)
                to[k] = b->time[keep[k]];
        }
        if (sl_arena_failed(o->arena)) {
            sl_batch_drop(o);
            return -1;
        }
        o->base = sl_batch_hold(b);
        o->layout = sl_layout_hold(q->out);
        o->nrows = n;
        o->at = b->at;
        o->ticket = sl_ticket_hold(b->ticket);
        o->bytes = (size_t)n * q->nout * sizeof(sl_value);
        *out = o;
    }
    if (q->where) {
        filter->in += in->n;
        filter->out += n;
    }
    project->in += n;
    project->out += n;
    return 1;
}
