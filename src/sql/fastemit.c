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
enum { BLOCK = 128 }; /* slots that the nearest cache holds while they are read */
static void ask_for(sl_fslot *const *slots, uint32_t at, uint32_t n) {
    for (uint32_t i = at; i < n && i < at + BLOCK; i++)
        __builtin_prefetch(&slots[i]->item);
}
/* Of a single key, which slots say: room for the texts that are short. */
static bool short_keys(sl_coll *c, const sl_ftable *t, sl_fslot *const *slots, uint32_t n) {
    const sl_fplan *f = t->plan;
    uint32_t ncols = 0, of = 0;
    for (uint32_t col = 0; col < c->p->src[0].n; col++)
        if (f->need[col] && ncols++ == 0)
            of = col;
    if (t->ndims != 1 || ncols != 1)
        return false;
    sl_value **reg = &c->sel.reg[c->p->regs.base[0] + of];
    char(*text)[16] = sl_coll_space(c, n * sizeof *text);
    if (!text || !(*reg = sl_coll_column(c->r, &c->sel, n)))
        return true;
    ask_for(slots, 0, n);
    for (uint32_t g = 0; g < n; g++) {
        if (g % BLOCK == 0)
            ask_for(slots, g + BLOCK, n);
        if (sl_fast_value(&slots[g]->item, &(*reg)[g], text[g]))
            continue;
        if (slots[g]->key->npacked)
            return false;
        (*reg)[g] = slots[g]->key->at[0];
    }
    return true;
}
static void columns_of_keys(sl_coll *c, const sl_ftable *t, sl_fslot *const *slots, uint32_t n) {
    const sl_fplan *f = t->plan;
    if (!n || short_keys(c, t, slots, n))
        return;
    sl_value *items = sl_coll_space(c, (t->ndims + 1) * sizeof *items);
    for (uint32_t g = 0; items && g < n; g++) { /* kinds that are kept packed: rare, opened for all columns */
        const sl_fkey *k = slots[g]->key;
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
/* slots: the oldest of each group. */
static bool load(sl_coll *c, const sl_ftable *t, sl_fslot *const *slots, uint32_t n) {
    static sl_krow nothing = {.src = UINT16_MAX};
    if (!sl_pipe_begin(c->r, &c->sel, &c->p->prog, c->r->state_out, c->out, c->tmp->arena, n ? n : 1))
        return false;
    c->sel.quiet = true;
    if (t->plan->keyed) {
        columns_of_keys(c, t, slots, n);
        return !c->failed && !c->r->nomem;
    }
    sl_krow **firsts = sl_coll_space(c, (n + 1) * sizeof *firsts);
    for (uint32_t g = 0; firsts && g < n; g++)
        firsts[g] = slots[g]->first;
    if (!firsts)
        return false;
    if (!n)
        firsts[0] = &nothing;
    sl_pipe_load(c->r, &c->sel, firsts, n ? n : 1, 1);
    c->sel.time = NULL;
    return !c->r->nomem;
}
static sl_value result(sl_coll *c, const sl_fagg *a, const void *acc) {
    sl_call *call = &c->sel.call;
    call->arena = c->out;
    call->error = (sl_str){0};
    call->failed = false;
    call->func = a->func;
    sl_value v = sl_acc_result(call, a, acc);
    if (call->failed) {
        sl_str text = call->error;
        return sl_op_fail(&c->sel, "call func %s error: %.*s", call->func->name, SL_FMT(text));
    }
    c->sel.errors += v.kind == SL_ERROR;
    return v;
}
static void of_one_pane(sl_coll *c, const sl_ftable *t, sl_value **to) {
    const sl_fplan *f = t->plan;
    uint32_t n = t->live;
    ask_for(t->order, 0, n);
    for (uint32_t at = 0, m; at < n; at += m) {
        m = n - at < BLOCK ? n - at : BLOCK;
        ask_for(t->order, at + m, n);
        for (uint32_t i = 0; i < f->nagg; i++) {
            uint32_t others = sl_acc_results(&f->agg[i], t->order + at, m, to[i] + at);
            for (uint32_t k = at; others && k < at + m; k++)
                if (to[i][k].kind == SL_ERROR) {
                    to[i][k] = result(c, &f->agg[i], sl_acc_at(t->order[k], f->agg[i].at));
                    others--;
                }
        }
    }
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
    if (ok && !f->multi)
        of_one_pane(c, t, to);
    enum { AHEAD = 8 };
    for (uint32_t g = 0; ok && f->multi && g < n; g++) {
        if (g + AHEAD < n)
            sl_fgroup_soon(t, groups[g + AHEAD]);
        const char *total = sl_ftable_total(t, groups[g], tmp, &ok);
        for (uint32_t i = 0; i < f->nagg; i++)
            to[i][g] = result(c, &f->agg[i], total + f->agg[i].at);
        sl_ftable_done(t, total, tmp);
    }
    if (!ok)
        c->failed = c->r->nomem = true;
}
void sl_fast_emit(sl_pipes *r, sl_ftable *t, int64_t start, int64_t end) {
    sl_coll c = {.r = r, .k = r->k, .p = r->p, .width = 1, .start = start, .end = end};
    uint32_t n = c.n = t->live;
    const char *error = failure(t);
    if (error)
        sl_pipe_error(r, "", sl_str_of(error));
    if (error || (n == 0 && (c.k->ndims || c.k->nwhere)))
        return;
    if (r->nomem && r->counted && r->purse.missed) /* the rule is about to fail */
        return;
    if (!(c.tmp = sl_pipe_scratch(r))) {
        r->nomem = true;
        return;
    }
    c.out = c.tmp->arena;
    c.front = &c.rows;
    c.nalive = c.ngroups = n ? n : 1;
    bool multi = t->plan->multi;
    sl_fgroup **groups = multi ? sl_coll_space(&c, (n + 1) * sizeof *groups) : NULL, **tmp = multi && t->npanes > 1 && n > 1 ? sl_coll_space(&c, n * sizeof *tmp) : NULL;
    sl_fslot **slots = multi ? sl_coll_space(&c, (n + 1) * sizeof *slots) : t->order;
    c.alive = sl_coll_space(&c, c.ngroups * sizeof *c.alive);
    for (uint32_t g = 0; !c.failed && g < c.ngroups; g++)
        c.alive[g] = g;
    if (!c.failed && multi)
        sl_ftable_order(t, groups, tmp);
    for (uint32_t g = 0; !c.failed && multi && g < n; g++)
        slots[g] = groups[g]->head;
    c.failed |= c.failed || !load(&c, t, slots, n);
    if (!c.failed)
        aggregates(&c, t, groups, n);
    c.sel.at = end;
    c.sel.call.win_start = start;
    c.sel.call.win_end = c.sel.call.win_trigger = end;
    if (!c.failed) {
        sl_run_unset(&c.sel, (sl_rows){c.alive, c.nalive});
        sl_coll_finish(&c);
    }
    r->nomem |= sl_arena_failed(c.out);
    sl_run_end(&c.sel);
    sl_batch_drop(c.tmp);
}
