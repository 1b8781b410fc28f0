/* Can a window run by accumulators, and how: decided once, when the pipe is planned.
 * Decision: what a row gives must not depend on when it is computed, because here it is computed when the row comes and in the plain form when the
 * window fires. So functions that look at the clock, at the window or at chance keep the rows. */
#include <string.h>
#include "sql/fastwin.h"
#include "sql/parse.h"
#include "sql/pipe.h"

static bool timeless(const sl_func *f) {
    if (f->kept || (f->kind != SL_FN_SCALAR && f->kind != SL_FN_META))
        return false;
    if (f->flags & SL_FN_PURE)
        return true;
    for (const sl_func *t = sl_funcs_time; t->name; t++)
        if (t == f)
            return t->min > 0; /* without arguments it is the clock */
    return strcmp(f->name, "meta") == 0 || strcmp(f->name, "mqtt") == 0 || strcmp(f->name, "rule_id") == 0 || strcmp(f->name, "rule_start") == 0;
}
static const char *unfit(const sl_plan *p, const sl_select *s) {
    const sl_pipe *k = p->pipe;
    const sl_window *w = s->window;
    bool skip;
    if (p->opts.plain)
        return "the plain form is asked for (plainExecution)";
    if (p->nsrc != 1)
        return "rows are joined";
    if (!k->aggregated)
        return "the rows themselves come out";
    if (k->incremental)
        return "incremental mode gives its own results";
    if (p->star || p->src[0].pub.all)
        return "objects made of rows (*) need rows";
    if (k->nsort)
        return "the rows are sorted before they are aggregated";
    if (s->ndims > SL_FAST_DIMS)
        return "there are very many keys";
    if (p->ncols || k->rows.counters)
        return "functions that count or compare their calls need rows";
    for (uint32_t i = 0; i < k->rows.nsite; i++)
        if (!timeless(k->rows.sites[i]))
            return "a condition, key or argument depends on when it is computed";
    for (uint32_t i = 0; i < p->nagg; i++)
        if (p->agg[i].in_where || sl_acc_kind_of(&p->agg[i], &skip) == SL_ACC_NONE)
            return "an aggregate has no running form";
    if (w->kind == SL_W_SLIDING && k->window.delay_ms && (p->opts.event_time || k->window.twice))
        return "results with a delay are told out of order";
    return NULL;
}
static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}
/* Event time: what keeps rows from entering before the watermark reaches them. How many panes are open at once is known, because the watermark follows the only
 * stream at a fixed distance. */
static const char *waits(const sl_plan *p, const sl_fplan *f) {
    enum { PANES = 256 };
    const sl_pipe *k = p->pipe;
    const sl_wspec *w = &k->window;
    if (f->unfit)
        return "the window takes rows in order of time";
    if (w->kind != SL_W_TUMBLING && w->kind != SL_W_HOPPING)
        return "windows of this kind take rows in order of time";
    if (p->nana)
        return "analytic functions see rows in order of time";
    if (k->nearly || k->has_when)
        return "conditions in front of the window see rows in order of time";
    if (p->opts.late_ms / PANES > (w->kind == SL_W_TUMBLING ? w->length_ms : f->pane))
        return "the tolerance is very long for windows that short";
    return NULL;
}
bool sl_fast_plan(sl_plan *p, const sl_select *s) {
    sl_pipe *k = p->pipe;
    sl_fplan *f = &k->running;
    f->unfit = s->window ? unfit(p, s) : "there is no window";
    f->waits = waits(p, f);
    if (f->unfit)
        return true;
    const sl_wspec *w = &k->window;
    switch (w->kind) {
    case SL_W_HOPPING:
        f->multi = true;
        f->pane = gcd(w->length_ms, w->interval_ms);
        break;
    case SL_W_SLIDING:
        f->multi = true;
        f->pane = 1;
        break;
    case SL_W_COUNT:
        f->multi = w->interval > 0;
        f->pane = f->multi ? gcd(w->length, w->interval) : 0;
        break;
    default: break;
    }
    f->waits = waits(p, f);
    f->ahead = p->opts.event_time && !f->waits;
    f->nagg = p->nagg;
    if (!(f->agg = sl_zero(p->a, (p->nagg + 1) * sizeof *f->agg)))
        return false;
    for (uint32_t i = 0; i < p->nagg; i++) {
        bool skip;
        uint8_t kind = sl_acc_kind_of(&p->agg[i], &skip);
        f->agg[i] =
            (sl_fagg){.kind = kind, .merges = f->multi || f->ahead, .skip = skip, .at = f->size, .func = p->agg[i].func, .arg = kind == SL_ACC_ROWS ? 0 : p->agg[i].args[0].res};
        f->size += (sl_acc_size(kind, f->multi || f->ahead) + 7) & ~7u;
        if (f->ahead) {
            f->agg[i].times = f->size;
            f->size += sl_acc_times(kind);
        }
    }
    if (f->ahead) {
        f->since = f->size;
        f->size += sizeof(int64_t);
    }
    return true;
}

/* ---- what is read after the aggregates ---- */
static const sl_expr *resolve(const sl_plan *p, const sl_expr *e) {
    while (e->kind == SL_X_PAREN || e->kind == SL_X_SLOT)
        e = e->kind == SL_X_PAREN ? e->l : p->fields[p->alias_at[e->b_slot]].expr;
    return e;
}
/* Arguments of aggregates are read row by row; the rest of the tree from the first row. */
static void reads(sl_fplan *f, const sl_expr *e) {
    if (!e || (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_AGG && e->b_slot >= 0))
        return;
    if (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_ANALYTIC) { /* its value stands behind the columns */
        f->ana = true;
        return;
    }
    if (e->kind == SL_X_META || (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_META))
        f->meta = true;
    else if (e->kind == SL_X_COLUMN)
        f->need[e->b_col] = true;
    reads(f, e->l);
    if (e->kind != SL_X_MEMBER || !e->name.n)
        reads(f, e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        reads(f, e->args[i]);
    for (uint32_t i = 0; e->over && i < e->over->npartition; i++)
        reads(f, e->over->partition[i]);
    for (uint32_t i = 0; e->over && i < e->over->norder; i++)
        reads(f, e->over->order[i].expr);
    if (e->over)
        reads(f, e->over->when);
}
bool sl_fast_needs(sl_plan *p, const sl_select *s) {
    sl_fplan *f = &p->pipe->running;
    if (f->unfit)
        return true;
    uint32_t n = p->src[0].n;
    f->need = sl_zero(p->a, n + 1);
    f->of_key = sl_zero(p->a, (n + 1) * sizeof *f->of_key);
    if (!f->need || !f->of_key)
        return false;
    for (uint32_t i = 0; i < p->nfields; i++)
        reads(f, p->fields[i].expr);
    reads(f, s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        reads(f, s->order[i].expr);
    f->keyed = !f->meta && !f->ana;
    for (uint32_t c = 0; c < n; c++) {
        f->of_key[c] = UINT32_MAX;
        for (uint32_t d = 0; d < s->ndims && f->of_key[c] == UINT32_MAX; d++) {
            const sl_expr *e = resolve(p, s->dims[d]);
            if (e->kind == SL_X_COLUMN && e->b_col == (int)c)
                f->of_key[c] = d;
        }
        f->keyed &= !f->need[c] || f->of_key[c] != UINT32_MAX;
    }
    return true;
}
