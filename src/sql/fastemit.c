/* From running groups to the output: the groups of a window as rows of the program `out`.
 * Decision: a group's other columns are those of its first row; when they all stand in GROUP BY they come out of the key. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/coll.h"

/* The error that the plain form would meet first: conditions in order, then keys. */
static const char *failure(const sl_ftable *t) {
    const sl_fpane *worst = NULL;
    for (uint32_t i = 0; t->failed && i < t->npanes; i++) {
        const sl_fpane *p = sl_fpane_at(t, i);
        if (p->error && (!worst || p->stage < worst->stage))
            worst = p;
    }
    return worst ? worst->error : NULL;
}
static void columns_of_keys(sl_coll *c, const sl_ftable *t, sl_fgroup *const *groups, uint32_t n) {
    const sl_fplan *f = t->plan;
    sl_value *items = sl_coll_space(c, (t->ndims + 1) * sizeof *items);
    for (uint32_t g = 0; items && g < n; g++) { /* kinds that are kept packed: rare, opened for all columns */
        const sl_fkey *k = groups[g]->head->key;
        sl_str at = sl_fast_packed(t, k);
        for (uint32_t d = 0; d < t->ndims && at.n && !c->failed; d++) {
            sl_err *e = sl_unpack_value(c->tmp->arena, &at, &items[d]);
            c->failed |= e != NULL;
            c->r->nomem |= e != NULL;
            sl_err_free(e);
        }
        for (uint32_t col = 0; col < c->p->src[0].n; col++) {
            if (!f->need[col])
                continue;
            sl_value **reg = &c->sel.reg[c->p->regs.base[0] + col];
            if (g == 0 && !(*reg = sl_coll_column(c->r, &c->sel, n)))
                return;
            (*reg)[g] = k->npacked ? items[f->of_key[col]] : k->at[f->of_key[col]];
        }
    }
}
static bool load(sl_coll *c, const sl_ftable *t, sl_fgroup *const *groups, uint32_t n) {
    static sl_krow nothing = {.src = UINT16_MAX};
    if (!sl_pipe_begin(c->r, &c->sel, &c->p->prog, c->r->state_out, c->out, c->tmp->arena, n ? n : 1))
        return false;
    if (t->plan->keyed) {
        columns_of_keys(c, t, groups, n);
        return !c->failed && !c->r->nomem;
    }
    sl_krow **firsts = sl_coll_space(c, (n + 1) * sizeof *firsts);
    for (uint32_t g = 0; firsts && g < n; g++)
        firsts[g] = groups[g]->head->first;
    if (!firsts)
        return false;
    if (!n)
        firsts[0] = &nothing;
    sl_pipe_load(c->r, &c->sel, firsts, n ? n : 1, 1);
    c->sel.time = NULL;
    return !c->r->nomem;
}
static void aggregates(sl_coll *c, const sl_ftable *t, sl_fgroup *const *groups, uint32_t n) {
    const sl_fplan *f = t->plan;
    sl_value **to = sl_coll_space(c, (f->nagg + 1) * sizeof *to);
    void *tmp = sl_coll_space(c, f->size + 1);
    bool ok = to && tmp;
    for (uint32_t i = 0; ok && i < f->nagg; i++) {
        ok = (to[i] = sl_coll_column(c->r, &c->sel, c->ngroups)) != NULL;
        c->sel.reg[c->p->regs.agg + i] = to[i];
        if (ok && !n)
            to[i][0] = sl_v_null();
    }
    sl_call *call = &c->sel.call;
    for (uint32_t g = 0; ok && g < n; g++) {
        const char *total = sl_ftable_total(t, groups[g], tmp, &ok);
        for (uint32_t i = 0; i < f->nagg; i++) {
            call->arena = c->out;
            call->error = (sl_str){0};
            call->failed = false;
            call->func = f->agg[i].func;
            sl_value v = sl_acc_result(call, &f->agg[i], total + f->agg[i].at);
            if (call->failed) {
                sl_str text = call->error;
                v = sl_op_fail(&c->sel, "call func %s error: %.*s", call->func->name, SL_FMT(text));
            } else
                c->sel.errors += v.kind == SL_ERROR;
            to[i][g] = v;
        }
        sl_ftable_done(t, total, tmp);
    }
    if (!ok)
        c->failed = c->r->nomem = true;
}
void sl_fast_emit(sl_pipes *r, sl_ftable *t, int64_t start, int64_t end) {
    sl_coll c = {.r = r, .k = r->k, .p = r->p, .width = 1, .start = start, .end = end};
    uint32_t n = t->live;
    const char *error = failure(t);
    if (error)
        sl_pipe_error(r, "", sl_str_of(error));
    if (error || (n == 0 && (c.k->ndims || c.k->nwhere)))
        return;
    if (!(c.tmp = sl_batch_fresh())) {
        r->nomem = true;
        return;
    }
    c.out = c.tmp->arena;
    c.front = &c.rows;
    c.nalive = c.ngroups = n ? n : 1;
    sl_fgroup **groups = sl_coll_space(&c, (n + 1) * sizeof *groups), **tmp = t->npanes > 1 && n > 1 ? sl_coll_space(&c, n * sizeof *tmp) : NULL;
    c.alive = sl_coll_space(&c, c.ngroups * sizeof *c.alive);
    for (uint32_t g = 0; !c.failed && g < c.ngroups; g++)
        c.alive[g] = g;
    if (!c.failed)
        sl_ftable_order(t, groups, tmp);
    c.failed |= c.failed || !load(&c, t, groups, n);
    if (!c.failed)
        aggregates(&c, t, groups, n);
    c.sel.at = end;
    c.sel.call.win_start = start;
    c.sel.call.win_end = end;
    if (!c.failed) {
        sl_run_unset(&c.sel, (sl_rows){c.alive, c.nalive});
        sl_coll_finish(&c);
    }
    sl_run_end(&c.sel);
    sl_batch_drop(c.tmp);
}
