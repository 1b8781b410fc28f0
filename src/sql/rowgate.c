/* The first conditions of WHERE, asked of single rows (what that is good for: rowgate.h).
 * Decision: only conditions that cannot fail for the value at hand are asked, by the same operators that WHERE uses; at the first value of another kind
 * the row is let through. So the answer is either that of WHERE or "look at all of it". */
#include <stdlib.h>
#include "sql/pred.h"
#include "sql/rowgate.h"

typedef struct ask {
    const sl_insn *in;
    uint8_t cls;
    uint16_t at; /* position in vals */
} ask;
struct sl_rowgate {
    sl_plan *p;
    sl_run run; /* errors cannot happen: nothing of it is used but the program */
    uint32_t ncols, nasks;
    uint16_t cols[SL_PRED_GUARDS + 1];
    ask asks[SL_PRED_TESTS];
};

sl_rowgate *sl_rowgate_new(sl_plan *p) {
    sl_ptest ts[SL_PRED_TESTS];
    uint32_t n = sl_pred_possible(p) ? sl_pred_tests(p, ts) : 0;
    sl_rowgate *g = n ? calloc(1, sizeof *g) : NULL;
    bool more = g != NULL;
    for (uint32_t i = 0; i < n; i++) {
        more = more && ts[i].in;
        if (more) {
            uint16_t at = 0;
            while (at < g->ncols && g->cols[at] != ts[i].col)
                at++;
            if (at == g->ncols)
                g->cols[g->ncols++] = (uint16_t)ts[i].col;
            g->asks[g->nasks++] = (ask){ts[i].in, ts[i].cls, at};
        }
        free(ts[i].at);
    }
    if (g && !g->nasks) {
        free(g);
        return NULL;
    }
    if (g) {
        g->p = sl_plan_hold(p);
        g->run.p = sl_pred_prog(p);
    }
    return g;
}
void sl_rowgate_free(sl_rowgate *g) {
    if (!g)
        return;
    sl_plan_drop(g->p);
    free(g);
}
uint32_t sl_rowgate_columns(const sl_rowgate *g, const uint16_t **cols) {
    *cols = g->cols;
    return g->ncols;
}
static bool holds(sl_rowgate *g, const sl_insn *in, sl_value v) {
    const sl_value *k = g->run.p->consts;
    sl_value yes;
    switch (in->op) {
    case SL_I_CMP:
        if (in->a >= 0 && v.kind == SL_FLOAT && k[~in->b].kind == SL_FLOAT)
            return sl_truth_f(in->sub, v.f, k[~in->b].f);
        if (in->a >= 0 && v.kind == SL_FLOAT && k[~in->b].kind == SL_INT)
            return sl_truth_f(in->sub, v.f, (double)k[~in->b].i);
        yes = in->a < 0 ? sl_op_binary(&g->run, in->sub, k[~in->a], v) : sl_op_binary(&g->run, in->sub, v, k[~in->b]);
        break;
    case SL_I_BETWEEN: yes = sl_op_between(&g->run, v, k[~in->b], k[~in->c], in->negated); break;
    case SL_I_LIKE: yes = sl_op_like(&g->run, v, in->aux, k[~in->b], in->negated); break;
    case SL_I_INLIST:
        if (in->aux && sl_members_take(in->aux, v))
            return sl_members_have(in->aux, v) != in->negated;
        if (sl_v_nil(v))
            return false;
        yes = sl_v_bool(in->negated);
        for (uint32_t i = 0; i < in->nargs; i++)
            if (sl_op_binary(&g->run, SL_OP_EQ, v, k[~in->args[i]]).i) {
                yes = sl_v_bool(!in->negated);
                break;
            }
        break;
    default: return true;
    }
    return yes.kind != SL_BOOL || yes.i;
}
bool sl_rowgate_lets(sl_rowgate *g, const sl_value *vals) {
    for (uint32_t i = 0; i < g->nasks; i++) {
        const ask *q = &g->asks[i];
        if (!sl_pred_fits(q->cls, &vals[q->at]))
            return true;
        if (!holds(g, q->in, vals[q->at]))
            return false;
    }
    return true;
}
