/* Event time: rows wait for the watermark, or enter running windows before it comes.
 * Decision: what the watermark reaches goes on many rows at once, where no window ends between them and no error has to be told. */
#include "sql/intake.h"

bool sl_in_time(sl_intake *t, uint32_t row, int64_t *out) {
    sl_pipes *r = t->r;
    const sl_plan *p = r->p;
    int32_t col = r->k->ts_col[t->src];
    sl_str name = p->src[t->src].names[col], why;
    sl_value v = t->run.reg[p->regs.base[t->src] + (uint32_t)col][row], time;
    sl_arena *a = t->tmp->arena;
    if (v.kind == SL_ABSENT) {
        sl_buf b = {0};
        sl_buf_printf(&b, "cannot find timestamp field %.*s in tuple ", SL_FMT(name));
        sl_value_print(&b, sl_value_open(a, sl_batch_row(t->in->batch, row, a)));
        sl_pipe_error(r, "", sl_buf_view(&b));
        sl_buf_free(&b);
        return false;
    }
    if (!sl_to_time(a, v, r->k->ts_format[t->src], p->opts.zone, &time, &why)) {
        sl_str text = sl_arena_printf(a, "cannot convert timestamp field %.*s to timestamp with error %.*s", SL_FMT(name), SL_FMT(why));
        sl_pipe_error(r, "", text);
        return false;
    }
    enum { YEARS = 10000 };
    if (time.i > YEARS * INT64_C(31557600) || time.i < -YEARS * INT64_C(31557600)) { /* sums of times must not overflow */
        sl_str text = sl_arena_printf(a, "cannot convert timestamp field %.*s to timestamp with error it is more than %d years away", SL_FMT(name), YEARS);
        sl_pipe_error(r, "", text);
        return false;
    }
    *out = time.i * 1000 + time.len / 1000000;
    return true;
}
/* The n oldest rows that wait go through the first program together. */
static void released(sl_pipes *r, uint32_t n) {
    sl_intake t = {.r = r, .rows = {NULL, n}};
    if (!(t.tmp = sl_batch_fresh())) {
        r->nomem = true;
        return;
    }
    sl_arena *a = t.tmp->arena;
    sl_krow **rows = sl_arena_alloc(a, n * sizeof *rows);
    bool ok = rows && sl_pipe_begin(r, &t.run, &r->k->in, r->state_in, a, a, n);
    for (uint32_t i = 0; ok && i < n; i++)
        rows[i] = sl_wm_take(r->wm);
    if (ok) {
        t.kept = rows;
        sl_pipe_load(r, &t.run, rows, n, 1);
        ok = !r->nomem && sl_in_first(&t) && !r->nomem;
        if (r->k->windowed && r->k->window.kind != SL_W_STATE) { /* the window waits for the watermark, errors do not wait for the window */
            sl_in_tell(&t, 0, UINT32_MAX);
            t.ntold = 0;
        }
        ok = ok && sl_in_go_on(&t, r->fast ? sl_in_running : sl_in_window);
        for (uint32_t i = 0; i < n; i++)
            sl_krow_drop(rows[i]);
    }
    r->nomem |= !ok || t.run.nomem || sl_arena_failed(a);
    sl_run_end(&t.run);
    sl_batch_drop(t.tmp);
}
void sl_in_reached(sl_pipes *r) { /* what the watermark reaches goes on */
    uint32_t n = sl_wm_ready(r->wm);
    if (n)
        released(r, n);
    int64_t mark = sl_wm_mark(r->wm);
    if (!r->nomem && ((r->win && !sl_win_mark(r->win, mark)) || (r->fast && !sl_fast_mark(r->fast, mark))))
        r->nomem = true;
}
/* Can its timestamp not fail? */
static bool is_sure_time(sl_value v) { return v.kind == SL_INT && !v.flags && v.i >= 0 && v.i < INT64_C(1) << 47; }
static bool sure_time(const sl_intake *t, uint32_t row) { return is_sure_time(t->run.reg[t->r->p->regs.base[t->src] + (uint32_t)t->r->k->ts_col[t->src]][row]); }
/* Can rows that come in order go on many at a time, the watermark being moved once? Not where a window could end between them, or by the watermark between them. */
static bool in_bulk(const sl_pipes *r) {
    if (!r->fast || r->k->running.ahead)
        return false;
    bool sure = !r->p->nana && !r->k->nearly; /* every row enters, and nothing of it can fail before */
    switch (r->k->window.kind) {
    case SL_W_TUMBLING:
    case SL_W_HOPPING: return sl_wm_mark(r->wm) < sl_fast_due(r->fast);
    case SL_W_SESSION: return sure && !r->p->opts.late_ms; /* it lasts at least until its last row, and there the watermark is */
    default: return false;
    }
}
/* The run sees rows of the batch as it would see kept ones. Gives where their times are to be put. */
static int64_t *as_kept(sl_intake *t) {
    sl_arena *a = t->tmp->arena;
    int64_t *time = sl_arena_alloc(a, t->run.nrows * sizeof *time);
    const sl_value **metas = sl_arena_alloc(a, sizeof *metas);
    if (!time || !metas || sl_arena_failed(a)) {
        t->r->nomem = true;
        return NULL;
    }
    metas[0] = t->r->p->src[0].pub.meta ? t->in->batch->meta : NULL;
    t->run.time = time;
    t->run.metas = metas;
    t->run.nmetas = 1;
    return time;
}
/* Rows that stand as they came. */
static bool pass(sl_intake *t, const uint32_t *at, uint32_t n) {
    sl_pipes *r = t->r;
    const sl_regs *g = &r->p->regs;
    sl_value *absent = r->p->nana ? t->run.reg[g->ana] : NULL;
    sl_told *source = t->told;
    uint32_t nsource = t->ntold, cap = t->toldcap;
    t->told = NULL;
    t->ntold = t->toldcap = 0;
    t->rows = (sl_rows){at, n};
    bool ok = sl_in_first(t) && !r->nomem;
    sl_in_tell(t, 0, UINT32_MAX);
    ok = ok && sl_in_running(t);
    t->told = source;
    t->ntold = nsource;
    t->toldcap = cap;
    for (uint32_t c = 0; c < r->p->nana; c++) /* rows that wait have no values of calls yet */
        t->run.reg[g->ana + c] = absent;
    return ok;
}
/* Is the watermark not going to reach row `from` by row `last`? A guess: in between they may stand otherwise. */
static bool near(const sl_intake *t, uint32_t from, uint32_t last, int64_t late) {
    const sl_value *ts = t->run.reg[t->r->p->regs.base[t->src] + (uint32_t)t->r->k->ts_col[t->src]];
    uint32_t a = sl_view_row(t->in, from), b = sl_view_row(t->in, last);
    return sure_time(t, a) && sure_time(t, b) && ts[b].i - ts[a].i < late;
}
/* The rows from number `from` on that come in order, up to the first that ends a window: those that the watermark reaches go on without a copy, behind those
 * that wait; the others wait. Gives how far it came; *again: if not at all, where it is to be tried next. */
static uint32_t pass_in_order(sl_intake *t, uint32_t from, uint32_t done, int64_t **times, bool *waiting, uint32_t *again) {
    enum { SHARE = 16 }; /* fewer rows than this part of the batch are not worth what a run over it costs */
    sl_pipes *r = t->r;
    int64_t late = r->p->opts.late_ms, due = sl_fast_due(r->fast), top, ts;
    bool sure = !r->p->nana && !r->k->nearly, moved = false, last = false;
    uint32_t n = t->in->n, end = from, jump = from, m = 0;
    const sl_value *given = t->run.reg[r->p->regs.base[t->src] + (uint32_t)r->k->ts_col[t->src]];
    *again = from + 1;
    if (!sl_wm_most(r->wm, &top))
        return from;
    if (late && n - from > 2 && near(t, from, n - 1, late)) {
        *again = n;
        return from;
    }
    int64_t *time = *times = *times ? *times : as_kept(t);
    if (!time)
        return from;
    for (; end < n && !last; end++) {
        uint32_t row = sl_view_row(t->in, end);
        if ((done < t->ntold && t->told[done].row <= row) || !sure_time(t, row) || (ts = given[row].i) <= 0 || ts < top)
            break;
        last = due != INT64_MIN && ts - late >= due;
        if (last && late && !sure) /* errors of all rows that it lets go are told before any window */
            break;
        time[row] = ts;
        if (ts > top) { /* others of its time wait for the next watermark */
            jump = end;
            moved = true;
            top = ts;
        }
    }
    *again = end > from ? end : from + 1;
    uint32_t *at = sl_arena_alloc(t->tmp->arena, (end - from + 1) * sizeof *at);
    if (!at || sl_arena_failed(t->tmp->arena)) {
        r->nomem = true;
        return from;
    }
    /* Rows at the watermark wait for the next one, but it is not to be seen when they enter a window of which they cannot be the last. */
    bool all = sure && !late && due != INT64_MIN && (moved || *waiting || !sl_wm_ready(r->wm));
    for (; (all && from + m < end) || (moved && from + m <= jump && time[sl_view_row(t->in, from + m)] <= top - late); m++)
        at[m] = sl_view_row(t->in, from + m);
    if (m < 2 || m < n / SHARE)
        return from;
    if (*waiting)
        sl_in_reached(r);
    *waiting = false;
    sl_wm_pass(r->wm, top);
    uint32_t before = sl_wm_ready(r->wm), ncols = 0, *cols = sl_in_foreign(t, &ncols);
    for (uint32_t i = from + m; cols && i < end && !r->nomem; i++) {
        uint32_t row = sl_view_row(t->in, i);
        sl_krow *x = sl_in_keep(t, row, cols, ncols, true);
        if (x)
            x->time = time[row];
        if (!x || !sl_wm_add(r->wm, x, &moved))
            r->nomem = true;
    }
    if (before && !r->nomem)
        released(r, before);
    if (!r->nomem && (!pass(t, at, m) || !sl_fast_mark(r->fast, sl_wm_mark(r->wm))))
        r->nomem = true;
    return end;
}
/* Rows enter the window as they come; the watermark only says which of them are late, and when a window ends. false: it does not follow the largest time. */
static bool run_ahead(sl_intake *t) {
    sl_pipes *r = t->r;
    int64_t most, late = r->p->opts.late_ms, ts, *time;
    if (!sl_wm_most(r->wm, &most) || most == INT64_MIN)
        return false;
    uint32_t waiting = sl_wm_waiting(r->wm), all = t->in->n, n = 0, done = 0, *at = sl_arena_alloc(t->tmp->arena, (all + 1) * sizeof *at);
    const sl_value *given = t->run.reg[r->p->regs.base[t->src] + (uint32_t)r->k->ts_col[t->src]];
    bool all_so_far = true; /* rows 0 … n-1 */
    time = at ? as_kept(t) : NULL;
    if (waiting && time)
        released(r, waiting);
    for (uint32_t i = 0; i <= all && time && !r->nomem; i++) {
        uint32_t row = i < all ? sl_view_row(t->in, i) : UINT32_MAX;
        bool sure = i < all && is_sure_time(given[row]);
        if (n && (!sure || (done < t->ntold && t->told[done].row <= row))) { /* what is told now comes behind what they end */
            t->rows = (sl_rows){all_so_far ? NULL : at, n};
            sl_wm_pass(r->wm, most);
            if (!sl_in_running(t))
                r->nomem = true;
            n = 0;
            all_so_far = false;
        }
        if (done < t->ntold)
            done = sl_in_tell(t, done, row);
        if (i == all)
            break;
        if (sure)
            ts = given[row].i;
        else if (!sl_in_time(t, row, &ts)) {
            r->nfailed++;
            continue;
        }
        if (ts < most - late) {
            r->late++;
            continue;
        }
        most = ts > most ? ts : most;
        all_so_far &= row == n;
        at[n++] = row;
        time[row] = ts;
    }
    r->nomem |= !time;
    return true;
}
/* Event time: rows are kept in order of their timestamps. What the watermark reaches goes on, many rows at once where no window ends between them and no
 * error has to be told. */
void sl_in_await(sl_intake *t) {
    sl_pipes *r = t->r;
    uint32_t ncols = 0, *cols = sl_in_foreign(t, &ncols), done = 0;
    bool waiting = false;
    uint32_t again = 0;
    int64_t *time = NULL;
    const sl_value *given = t->run.reg[r->p->regs.base[t->src] + (uint32_t)r->k->ts_col[t->src]];
    sl_wm_heard(r->wm, t->src, r->now_ms);
    if (r->fast && sl_fast_ahead(r->fast) && run_ahead(t))
        return;
    for (uint32_t i = 0; cols && i < t->in->n && !r->nomem; i++) {
        if (i >= again && in_bulk(r)) {
            uint32_t to = pass_in_order(t, i, done, &time, &waiting, &again);
            if (to > i) {
                i = to - 1;
                continue;
            }
        }
        uint32_t row = sl_view_row(t->in, i);
        int64_t ts;
        if (waiting && (done < t->ntold || !sure_time(t, row))) {
            waiting = false;
            sl_in_reached(r);
        }
        done = sl_in_tell(t, done, row);
        if (is_sure_time(given[row]))
            ts = given[row].i;
        else if (!sl_in_time(t, row, &ts)) {
            r->nfailed++;
            continue;
        }
        if (sl_wm_late(r->wm, ts)) {
            r->late++;
            continue;
        }
        if (waiting && ts <= sl_wm_mark(r->wm)) { /* it waits for the next watermark */
            waiting = false;
            sl_in_reached(r);
        }
        sl_krow *x = sl_in_keep(t, row, cols, ncols, true);
        if (x)
            x->time = ts;
        bool moved;
        if (!x || !sl_wm_add(r->wm, x, &moved)) {
            r->nomem = true;
            break;
        }
        if (!moved)
            continue;
        waiting = r->fast && !r->nomem && sl_wm_mark(r->wm) < sl_fast_due(r->fast);
        if (!waiting)
            sl_in_reached(r);
    }
    if (waiting && !r->nomem)
        sl_in_reached(r);
    sl_in_tell(t, done, UINT32_MAX);
}
