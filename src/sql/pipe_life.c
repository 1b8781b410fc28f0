/* How a running statement with memory is made, measured and ended. Decision: apart from the way of its rows (pipe.c), which knows nothing of how it began. */
#include <stdlib.h>
#include <time.h>
#include "sql/dedup.h"
#include "sql/joins.h"

static void fired(void *arg, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end) {
    sl_pipes *r = arg;
    r->nfired++;
    if (r->nomem && r->counted && r->purse.missed) /* the rule is about to fail */
        return;
    if (r->slices && r->slice_us && (r->parked || sl_pipe_late(r))) {
        enum { MOST = 16 << 20 }; /* beyond that waiting costs more than a long turn */
        if (r->parked_bytes >= MOST) {
            r->deadline = INT64_MAX;
            sl_join_drain(r);
            r->deadline = 1;
        }
        sl_join_later(r, rows, n, start, end);
        return;
    }
    sl_pipe_collection(r, rows, n, start, end);
}
void sl_pipe_collection(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end) {
    if (r->k->njoins)
        sl_join_run(r, rows, n, start, end, false);
    else
        sl_pipe_emit(r, rows, n, 1, start, end, false);
}
bool sl_pipe_late(sl_pipes *r) {
    if (!r->slice_us || r->deadline == INT64_MAX)
        return false;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    if (!r->deadline)
        r->deadline = now + r->slice_us;
    return now >= r->deadline;
}
static void **sites(const sl_prog *p) { return calloc(p->nsite + 1, sizeof(void *)); }
sl_pipes *sl_pipes_new(sl_plan *p, int64_t start_ms) {
    const sl_pipe *k = p->pipe;
    sl_pipes *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->p = p;
    r->k = k;
    r->start_ms = start_ms;
    bool ok = (r->ana = calloc(p->nana + 1, sizeof *r->ana)) && (r->cols = calloc(p->ncols + 1, sizeof *r->cols)) && (r->state_in = sites(&k->in)) &&
        (r->state_rows = sites(&k->rows)) && (r->state_out = sites(&p->prog)) && (r->state_join = sites(&k->join)) && (r->w = sl_builder_new(k->layout, true)) &&
        (r->tables = calloc(p->nsrc + 1, sizeof *r->tables));
    bool fast = k->windowed && !k->running.unfit;
    if (ok && k->windowed && !fast)
        ok = (r->win = sl_win_new(&k->window, start_ms, fired, r)) != NULL;
    if (ok && fast)
        ok = (r->fast = sl_fast_new(r, start_ms)) != NULL;
    r->slices = k->windowed;
    for (uint32_t i = 0; i < k->njoins; i++) /* a table may have changed by then */
        r->slices &= !k->joins[i].lookup && !k->joins[i].table;
    if (ok && p->ntrig && !k->has_having) /* single rows fail at HAVING, before */
        ok = (r->dedup = sl_dedup_new(p)) != NULL;
    if (ok && p->opts.event_time) {
        ok = (r->wm = sl_wm_new(p->nsrc, p->opts.late_ms, p->opts.idle_ms, start_ms)) != NULL;
        for (uint32_t i = 0; ok && i < p->nsrc; i++)
            if (p->src[i].pub.is_table || p->src[i].pub.same_as != i)
                sl_wm_ignore(r->wm, i);
    }
    if (!ok) {
        sl_pipes_free(r);
        return NULL;
    }
    sl_builder_rest(r->w);
    return r;
}
void sl_pipes_free(sl_pipes *r) {
    if (!r)
        return;
    if (r->win)
        sl_win_free(r->win);
    sl_wm_free(r->wm);
    sl_fast_free(r->fast);
    sl_join_end(r);
    for (uint32_t i = 0; r->tables && i < r->p->nsrc; i++)
        sl_kq_free(&r->tables[i]);
    free(r->tables);
    sl_dedup_free(r->dedup, r->p->ntrig);
    sl_krows_end(&r->rows);
    for (uint32_t i = 0; r->ana && i < r->p->nana; i++)
        sl_keeps_free(r->ana[i]);
    free(r->ana);
    for (uint32_t i = 0; r->cols && i < r->p->ncols; i++)
        sl_keeps_free(r->cols[i]);
    free(r->cols);
    sl_sites_free(&r->k->in, r->state_in);
    sl_sites_free(&r->k->rows, r->state_rows);
    sl_sites_free(&r->p->prog, r->state_out);
    sl_sites_free(&r->k->join, r->state_join);
    if (r->w)
        sl_builder_free(r->w);
    sl_buf_free(&r->last);
    free(r);
}
int64_t sl_pipes_next(const sl_pipes *r) {
    int64_t next = r->wm ? sl_wm_next(r->wm) : r->win ? sl_win_next(r->win) : r->fast ? sl_fast_next(r->fast) : INT64_MAX;
    int64_t due = r->slices && r->parked ? r->now_ms : r->dedup ? sl_dedup_next(r) : INT64_MAX; /* at once, but others first */
    return due < next ? due : next;
}
size_t sl_pipes_bytes(const sl_pipes *r) {
    size_t n = r->rows.bytes + (r->fast ? sl_fast_bytes(r->fast) : 0) + (r->win ? sl_win_bytes(r->win) : 0) + r->parked_bytes + (r->dedup ? sl_dedup_bytes(r) : 0);
    n += sl_keeps_bytes_all(r->ana, r->p->nana) + sl_keeps_bytes_all(r->cols, r->p->ncols);
    return n + sl_sites_bytes(&r->k->in, r->state_in) + sl_sites_bytes(&r->k->rows, r->state_rows) + sl_sites_bytes(&r->p->prog, r->state_out) +
        sl_sites_bytes(&r->k->join, r->state_join);
}
bool sl_pipes_passes(const sl_pipes *r) {
    if (r->dedup)
        return sl_dedup_next(r) != INT64_MAX;
    return r->win ? sl_win_passes(r->win) : r->fast && sl_fast_passes(r->fast);
}
