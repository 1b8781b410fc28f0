/* A running statement with memory: rows in, collections out.
 * Decisions: what is due by the clock fires before rows of that instant enter. Rows that pass the first program become kept rows (deep copies) only
 * when a window holds them; a row that goes straight on lives in the scratch memory of the call. All output of one call is one batch with
 * a frame per collection, in order. */
#include <stdlib.h>
#include "sql/dedup.h"
#include "sql/intake.h"

static sl_str name_of(const sl_plan *p, uint32_t src, uint32_t col) { return p->src[src].names[col]; }
static void note(sl_pipes *r, const char *head, sl_str text) {
    r->errors++;
    r->last_ms = r->now_ms;
    sl_buf_clear(&r->last);
    sl_buf_puts(&r->last, head);
    sl_buf_str(&r->last, text);
}
static void tell(sl_pipes *r, sl_str text) {
    if (r->parked && !r->draining)
        sl_join_tell(r, text);
    else
        sl_builder_error(r->w, text);
}
void sl_pipe_error(sl_pipes *r, const char *head, sl_str text) {
    note(r, head, text);
    if (r->p->opts.send_error)
        tell(r, sl_buf_view(&r->last));
}

/* ---- rows of a source ---- */
/* Errors wait until the rows before them have gone on: how rows were cut into batches must not be seen in the order of what comes out. */
static void tell_later(sl_intake *t, uint32_t row, sl_str text) {
    if (t->ntold == t->toldcap) {
        uint32_t cap = t->toldcap ? t->toldcap * 2 : 16;
        sl_told *more = sl_arena_alloc(t->tmp->arena, cap * sizeof *more);
        if (!more) {
            t->r->nomem = true;
            return;
        }
        if (t->ntold)
            memcpy(more, t->told, t->ntold * sizeof *more);
        t->told = more;
        t->toldcap = cap;
    }
    uint32_t at = t->ntold++; /* nearly in order: each stage goes through the rows once */
    for (; at > 0 && t->told[at - 1].row > row; at--)
        t->told[at] = t->told[at - 1];
    t->told[at] = (sl_told){row, sl_arena_dup(t->tmp->arena, text)};
}
static void row_failed(void *arg, uint32_t row, sl_value err) {
    sl_intake *t = arg;
    sl_pipes *r = t->r;
    note(r, t->head, sl_v_text(err));
    if (r->p->opts.send_error)
        tell_later(t, row, sl_buf_view(&r->last));
}
static void load(sl_intake *t) {
    const sl_plan *p = t->r->p;
    const sl_batch *b = t->in->batch;
    for (uint32_t c = 0; c < p->src[t->src].n; c++) {
        sl_str name = name_of(p, t->src, c);
        int at = t->in->colmap ? (t->in->colmap[c] == 0xFFFF ? -1 : t->in->colmap[c]) : sl_layout_find(b->layout, name);
        uint32_t reg = p->regs.base[t->src] + c;
        if (at >= 0 && !p->opts.ignore_case) {
            t->run.reg[reg] = b->cols[at];
            continue;
        }
        sl_value *to = sl_arena_alloc(t->tmp->arena, ((size_t)b->nrows + 1) * sizeof *to);
        if (!to || sl_arena_failed(t->tmp->arena)) {
            t->r->nomem = true;
            return;
        }
        for (uint32_t k = 0; k < t->in->n; k++) {
            uint32_t row = sl_view_row(t->in, k);
            to[row] = at >= 0 ? b->cols[at][row] : sl_v_absent();
            if (to[row].kind == SL_ABSENT)
                to[row] = sl_batch_loose(b, row, name, p->opts.ignore_case);
        }
        t->run.reg[reg] = to;
    }
}
static bool planned(const sl_plan *p, uint32_t src, sl_str name) {
    for (uint32_t c = 0; c < p->src[src].n; c++)
        if (sl_str_eq(name_of(p, src, c), name))
            return true;
    return false;
}
/* Columns that the layout has for somebody else count as unplanned names here. */
uint32_t *sl_in_foreign(sl_intake *t, uint32_t *n) {
    const sl_layout *l = t->kept ? NULL : t->in->batch->layout;
    uint32_t *cols = sl_arena_alloc(t->tmp->arena, ((l ? l->n : 0) + 1) * sizeof *cols);
    if (!cols || sl_arena_failed(t->tmp->arena)) {
        t->r->nomem = true;
        return NULL;
    }
    for (uint32_t c = 0; l && t->r->p->src[t->src].pub.all && c < l->n; c++)
        if (!planned(t->r->p, t->src, l->names[c]))
            cols[(*n)++] = c;
    return cols;
}
sl_krow *sl_in_keep(sl_intake *t, uint32_t row, const uint32_t *cols, uint32_t ncols, bool deep) {
    sl_pipes *r = t->r;
    const bool *later = deep && r->k->later && !r->p->src[t->src].pub.is_table ? r->k->later[t->src] : NULL;
    const sl_plan *p = r->p;
    const sl_batch *b = t->in->batch;
    uint32_t n = p->src[t->src].n, ntail = 0;
    bool all = p->src[t->src].pub.all;
    const sl_tail *tail = all && b->tails ? &b->tails[row] : NULL;
    for (uint32_t i = 0; i < ncols; i++)
        ntail += b->cols[cols[i]][row].kind != SL_ABSENT;
    for (uint32_t i = 0; tail && i < tail->n; i++)
        ntail += !planned(p, t->src, tail->at[i].key);
    sl_krow *k;
    sl_arena *a = t->tmp->arena;
    if (deep) {
        if (!(k = sl_krow_new(&r->rows, r->k->ncells[t->src], ntail)))
            return NULL;
        a = sl_krow_arena(k);
    } else {
        k = sl_arena_alloc(a, sizeof *k + (n + p->nana) * sizeof(sl_value));
        sl_member *m = sl_arena_alloc(a, (ntail + 1) * sizeof *m);
        if (!k || !m || sl_arena_failed(a))
            return NULL;
        *k = (sl_krow){.ntail = ntail, .tail = m};
    }
    k->src = (uint16_t)t->src;
    k->time = b->time && b->time[row] ? b->time[row] : r->now_ms;
    for (uint32_t c = 0; c < n; c++) {
        sl_value v = later && !later[c] ? sl_v_absent() : t->run.reg[p->regs.base[t->src] + c][row];
        k->cells[c] = deep && v.kind >= SL_DECIMAL ? sl_value_copy(a, v) : v;
    }
    for (uint32_t c = 0; c < p->nana; c++) {
        sl_value v = t->run.reg[p->regs.ana + c][row];
        k->cells[n + c] = deep && v.kind >= SL_DECIMAL ? sl_value_copy(a, v) : v;
    }
    sl_member *m = sl_krow_tail(k);
    for (uint32_t i = 0; i < ncols; i++) {
        sl_value v = b->cols[cols[i]][row];
        if (v.kind != SL_ABSENT)
            *m++ = (sl_member){deep ? sl_arena_dup(a, b->layout->names[cols[i]]) : b->layout->names[cols[i]], deep ? sl_value_copy(a, v) : v};
    }
    for (uint32_t i = 0; tail && i < tail->n; i++)
        if (!planned(p, t->src, tail->at[i].key))
            *m++ = (sl_member){deep ? sl_arena_dup(a, tail->at[i].key) : tail->at[i].key, deep ? sl_value_copy(a, tail->at[i].val) : tail->at[i].val};
    k->meta = p->src[t->src].pub.meta && b->meta ? (deep ? sl_value_copy(a, b->meta[row]) : b->meta[row]) : sl_v_absent();
    if (sl_arena_failed(a)) {
        sl_krow_drop(k);
        return NULL;
    }
    return k;
}
static bool condition(sl_intake *t, const sl_early *e) {
    uint32_t *keep = sl_arena_alloc(t->tmp->arena, (t->rows.n + 1) * sizeof *keep), n = 0;
    if (!keep || sl_arena_failed(t->tmp->arena))
        return false;
    t->head = "run Where error: ";
    if (e->src < 0 || (!t->kept && (uint32_t)e->src == t->src)) {
        t->rows = sl_rows_of(t->rows, keep, sl_run_filter(&t->run, e->block, t->rows, keep, row_failed, t));
        sl_run_front(&t->run, t->rows);
    } else if (t->kept) {
        for (uint32_t i = 0; i < t->rows.n; i++) { /* rows of other sources pass */
            uint32_t row = t->rows.at ? t->rows.at[i] : i, one;
            if (t->kept[row]->src != (uint32_t)e->src || sl_run_filter(&t->run, e->block, (sl_rows){&row, 1}, &one, row_failed, t))
                keep[n++] = row;
        }
        t->rows = (sl_rows){keep, n};
    }
    return !t->run.nomem;
}
static bool is_true(sl_run *run, sl_block b, uint32_t row) {
    sl_value v = sl_run_at(run, b.res, row);
    return v.kind == SL_BOOL && v.i;
}
static sl_str part_of(sl_intake *t, uint32_t row) {
    sl_buf b = {0};
    for (uint32_t i = 0; i < t->r->k->npart; i++) {
        sl_value_print(&b, sl_run_at(&t->run, t->r->k->part[i].res, row));
        sl_buf_putc(&b, '\x1f');
    }
    sl_str s = sl_arena_dup(t->tmp->arena, sl_buf_view(&b));
    if (b.failed)
        t->r->nomem = true;
    sl_buf_free(&b);
    return s;
}
/* Row objects for analytic calls over *. */
static void load_objects(sl_intake *t) {
    sl_pipes *r = t->r;
    uint32_t ncols = 0, *cols = sl_in_foreign(t, &ncols);
    for (uint32_t s = 0; cols && s < r->p->nstars && !r->nomem; s++) {
        sl_value *to = sl_arena_alloc(t->tmp->arena, ((size_t)t->run.nrows + 1) * sizeof *to);
        for (uint32_t i = 0; to && i < t->rows.n; i++) {
            uint32_t row = t->rows.at ? t->rows.at[i] : i;
            sl_krow *x = t->kept ? t->kept[row] : sl_in_keep(t, row, cols, ncols, false);
            if (x)
                to[row] = sl_pipe_object(r, &t->run, &r->p->stars[s], &x, 1, row);
            r->nomem |= !x;
        }
        if (to)
            t->run.reg[r->p->regs.star + s] = to;
        r->nomem |= !to;
    }
}
/* Analytic calls, early WHERE, FILTER. */
bool sl_in_first(sl_intake *t) {
    sl_pipes *r = t->r;
    const sl_pipe *k = r->k;
    uint32_t *keep = sl_arena_alloc(t->tmp->arena, (t->rows.n + 1) * sizeof *keep);
    if (!keep || sl_arena_failed(t->tmp->arena))
        return false;
    sl_run_unset(&t->run, t->rows);
    uint32_t had = t->rows.n;
    uint64_t errors = r->errors;
    if (r->p->nana && r->p->nstars)
        load_objects(t);
    t->head = "";
    if (!sl_ana_run(&t->run, r->p->ana, r->p->nana, r->p->regs.ana, r->ana, &t->rows, keep, row_failed, t))
        return false;
    for (uint32_t i = 0; i < k->nearly && t->rows.n; i++)
        if (!condition(t, &k->early[i]))
            return false;
    uint32_t failed = (uint32_t)(r->errors - errors);
    r->nfailed += failed;
    r->nfiltered += had - t->rows.n - failed;
    return true;
}
/* OVER (WHEN …) of every row; counters move on rows that trigger. */
static bool *trigger_rows(sl_intake *t) {
    const sl_pipe *k = t->r->k;
    bool *hit = sl_arena_alloc(t->tmp->arena, t->rows.n + 1);
    if (!hit || sl_arena_failed(t->tmp->arena)) {
        t->run.nomem = true;
        return NULL;
    }
    if (!k->in.counters)
        sl_run_block(&t->run, k->when, t->rows);
    for (uint32_t i = 0; i < t->rows.n && !t->run.nomem; i++) {
        uint32_t row = t->rows.at ? t->rows.at[i] : i;
        if (k->in.counters) {
            t->run.defer = true;
            t->run.nreached = 0;
            sl_run_block(&t->run, k->when, (sl_rows){&row, 1});
            t->run.defer = false;
        }
        hit[i] = is_true(&t->run, k->when, row);
        for (uint32_t h = 0; hit[i] && k->in.counters && h < t->run.nreached; h++)
            sl_op_call(&t->run, k->in.sites[t->run.reached[h]], t->run.reached[h], row, NULL, 0);
    }
    return hit;
}
static void state_conditions(sl_intake *t) {
    const sl_pipe *k = t->r->k;
    sl_run_block(&t->run, k->begin, t->rows);
    if (k->window.two)
        sl_run_block(&t->run, k->emit, t->rows);
    for (uint32_t i = 0; i < k->npart; i++)
        sl_run_block(&t->run, k->part[i], t->rows);
}
bool sl_in_window(sl_intake *t) {
    sl_pipes *r = t->r;
    const sl_pipe *k = r->k;
    if (!t->rows.n)
        return true;
    bool *triggers = k->has_when ? trigger_rows(t) : NULL;
    if (k->windowed && k->window.kind == SL_W_STATE)
        state_conditions(t);
    if (r->dedup)
        sl_dedup_args(r, &t->run, t->rows);
    uint32_t ncols = 0, *cols = sl_in_foreign(t, &ncols);
    sl_winrow *rows = sl_arena_alloc(t->tmp->arena, (t->rows.n + 1) * sizeof *rows);
    if (!cols || !rows || t->run.nomem || sl_arena_failed(t->tmp->arena))
        return false;
    sl_krow **looks = k->looks && !k->windowed ? sl_arena_alloc(t->tmp->arena, (t->rows.n + 1) * sizeof *looks) : NULL;
    uint32_t n = 0, nlooks = 0;
    for (uint32_t i = 0; i < t->rows.n && !r->nomem; i++) {
        uint32_t row = t->rows.at ? t->rows.at[i] : i;
        sl_krow *x = t->kept ? t->kept[row] : sl_in_keep(t, row, cols, ncols, k->windowed || r->dedup);
        if (!x) {
            r->nomem = true;
            break;
        }
        if (t->kept)
            sl_krow_hold(x);
        for (uint32_t a = 0; t->kept && a < r->p->nana; a++) {
            sl_value v = t->run.reg[r->p->regs.ana + a][row];
            x->cells[r->p->src[x->src].n + a] = v.kind >= SL_DECIMAL ? sl_value_copy(sl_krow_arena(x), v) : v;
        }
        if (looks) {
            looks[nlooks++] = x;
            continue;
        }
        if (!k->windowed) {
            if (k->njoins)
                sl_join_run(r, &x, 1, x->time, x->time, false);
            else if (r->dedup)
                sl_dedup_row(r, x, &t->run, row);
            else
                sl_pipe_emit(r, &x, 1, 1, x->time, x->time, true);
            sl_krow_drop(x);
            continue;
        }
        bool state = k->window.kind == SL_W_STATE, two = k->window.two;
        rows[n++] = (sl_winrow){.row = x,
                                .trigger = !k->has_when || (triggers && triggers[i]),
                                .begin = state && is_true(&t->run, k->begin, row),
                                .emit = state && two && is_true(&t->run, k->emit, row),
                                .part = state && k->npart ? part_of(t, row) : (sl_str){"", 0}};
    }
    if (nlooks && !r->nomem)
        sl_looks_rows(r, looks, nlooks);
    for (uint32_t i = 0; i < nlooks; i++)
        sl_krow_drop(looks[i]);
    if (k->windowed && n && !sl_win_rows(r->win, rows, n, r->now_ms))
        r->nomem = true;
    for (uint32_t i = 0; i < n; i++)
        sl_krow_drop(rows[i].row);
    return !r->nomem;
}
/* ---- running windows ---- */
typedef struct first_row { /* makes the row that a group keeps */
    sl_intake *t;
    const uint32_t *cols;
    uint32_t ncols;
} first_row;
static sl_krow *first_of(void *arg, uint32_t row) {
    first_row *f = arg;
    sl_intake *t = f->t;
    const sl_plan *p = t->r->p;
    const sl_fplan *plan = &t->r->k->running;
    if (!t->kept) {
        sl_krow *k = sl_in_keep(t, row, f->cols, f->ncols, true);
        if (k && t->r->wm)
            k->time = t->run.time[row];
        return k;
    }
    const sl_krow *x = t->kept[row]; /* copied: it would hold its whole page */
    uint32_t n = p->src[x->src].n;
    sl_krow *k = sl_krow_new(&t->r->rows, n + p->nana, 0);
    if (!k)
        return NULL;
    sl_arena *a = sl_krow_arena(k);
    k->time = x->time;
    k->src = x->src;
    k->meta = plan->meta ? sl_value_copy(a, x->meta) : sl_v_absent();
    for (uint32_t c = 0; c < n; c++)
        k->cells[c] = plan->need[c] ? sl_value_copy(a, x->cells[c]) : sl_v_absent();
    for (uint32_t c = 0; c < p->nana; c++)
        k->cells[n + c] = sl_value_copy(a, t->run.reg[p->regs.ana + c][row]);
    if (!sl_arena_failed(a))
        return k;
    sl_krow_drop(k);
    return NULL;
}
static bool state_rows(sl_intake *t, const uint32_t *at, uint32_t n, sl_fastrows *in) {
    const sl_pipe *k = t->r->k;
    bool *begin = sl_arena_zero(t->tmp->arena, n + 1), *emit = sl_arena_zero(t->tmp->arena, n + 1);
    sl_str *part = k->npart ? sl_arena_alloc(t->tmp->arena, n * sizeof *part) : NULL;
    if (!begin || !emit || (k->npart && !part) || sl_arena_failed(t->tmp->arena))
        return false;
    state_conditions(t);
    for (uint32_t i = 0; i < n; i++) {
        begin[i] = is_true(&t->run, k->begin, at[i]);
        emit[i] = k->window.two && is_true(&t->run, k->emit, at[i]);
        if (part)
            part[i] = part_of(t, at[i]);
    }
    in->begin = begin;
    in->emit = emit;
    in->part = part;
    return !t->run.nomem && !t->r->nomem;
}
static void places_and_times(const sl_intake *t, uint32_t n, uint32_t *at, int64_t *time) {
    const int64_t *given = t->run.time, now = t->r->now_ms;
    for (uint32_t i = 0; i < n; i++)
        at[i] = t->rows.at ? t->rows.at[i] : i;
    if (!time)
        return;
    if (!given && !t->rows.at)
        for (uint32_t i = 0; i < n; i++)
            time[i] = now;
    else
        for (uint32_t i = 0; i < n; i++)
            time[at[i]] = given && given[at[i]] ? given[at[i]] : now;
}
bool sl_in_running(sl_intake *t) {
    sl_pipes *r = t->r;
    const sl_pipe *k = r->k;
    const sl_plan *p = r->p;
    sl_arena *a = t->tmp->arena;
    uint32_t ncols = 0, *cols = sl_in_foreign(t, &ncols), n = t->rows.n;
    sl_run run;
    if (!n)
        return true;
    first_row first = {t, cols, ncols};
    sl_fastrows in = {.run = &run, .n = n, .first = first_of, .arg = &first};
    in.trigger = k->has_when ? trigger_rows(t) : NULL;
    if (!cols || t->run.nomem || !sl_pipe_begin_like(r, &run, &k->rows, r->state_rows, &t->run))
        return false;
    run.meta = t->run.meta;
    run.metas = t->run.metas;
    run.nmetas = t->run.nmetas;
    run.time = t->run.time;
    run.at = t->run.at;
    if (!p->opts.plain)
        sl_run_dense(&run, t->rows);
    sl_run_unset(&run, t->rows);
    uint32_t *at = sl_arena_alloc(a, n * sizeof *at);
    const int64_t *stamped = r->wm ? t->run.time : NULL; /* where 0 is an instant, too */
    int64_t *time = stamped ? NULL : sl_arena_alloc(a, t->run.nrows * sizeof *time);
    in.moves = k->running.ahead && !t->kept;
    in.late = p->opts.late_ms;
    in.seq = r->rows.seq + 1;
    r->rows.seq += t->run.nrows;
    bool state = k->window.kind == SL_W_STATE, ok = at && (stamped || time) && !run.nomem && !sl_arena_failed(a);
    if (ok)
        places_and_times(t, n, at, time);
    if (ok && state)
        ok = state_rows(t, at, n, &in);
    in.at = at;
    in.all = !t->rows.at;
    in.time = stamped ? stamped : time;
    ok = ok && sl_fast_rows(r->fast, &in) && !run.nomem;
    sl_run_end(&run);
    return ok;
}
/* Errors that came with the rows: told before the row in front of which they stand. */
static void source_errors(sl_intake *t) {
    const sl_view *in = t->in;
    for (uint32_t i = 0; in->frames && i < in->nframes && t->r->p->opts.send_error; i++)
        if (in->frames[i].kind == SL_FRAME_ERROR)
            tell_later(t, in->frames[i].first < in->n ? sl_view_row(in, in->frames[i].first) : UINT32_MAX, in->frames[i].error);
}
uint32_t sl_in_tell(sl_intake *t, uint32_t done, uint32_t row) {
    while (done < t->ntold && t->told[done].row <= row)
        tell(t->r, t->told[done++].text);
    return done;
}
/* The rows that are left go on, in stretches between the errors. */
bool sl_in_go_on(sl_intake *t, bool (*half)(sl_intake *t)) {
    sl_rows all = t->rows;
    uint32_t at = 0, done = 0;
    bool ok = true;
    while (ok && done < t->ntold) {
        uint32_t n = 0;
        while (at + n < all.n && (all.at ? all.at[at + n] : at + n) < t->told[done].row)
            n++;
        uint32_t *some = sl_arena_alloc(t->tmp->arena, (n + 1) * sizeof *some);
        if (!some || sl_arena_failed(t->tmp->arena))
            return false;
        for (uint32_t i = 0; i < n; i++)
            some[i] = all.at ? all.at[at + i] : at + i;
        t->rows = (sl_rows){some, n};
        ok = half(t);
        at += n;
        done = sl_in_tell(t, done, t->told[done].row);
    }
    uint32_t *rest = at ? sl_arena_alloc(t->tmp->arena, (all.n - at + 1) * sizeof *rest) : NULL;
    for (uint32_t i = at; rest && i < all.n; i++)
        rest[i - at] = all.at ? all.at[i] : i;
    t->rows = rest ? (sl_rows){rest, all.n - at} : all;
    return ok && (rest || !at) && half(t);
}
/* A scan table keeps its latest rows. */
static void table_rows(sl_intake *t) {
    uint32_t ncols = 0, *cols = sl_in_foreign(t, &ncols), done = 0;
    sl_kq *q = &t->r->tables[t->src];
    for (uint32_t i = 0; cols && i < t->in->n && !t->r->nomem; i++) {
        uint32_t row = sl_view_row(t->in, i);
        int64_t ts;
        done = sl_in_tell(t, done, row);
        if (t->r->wm && !sl_in_time(t, row, &ts)) { /* it must have one, though nothing waits for it */
            t->r->nfailed++;
            continue;
        }
        sl_krow *x = sl_in_keep(t, row, cols, ncols, true);
        if (!x || !sl_kq_push(q, x))
            t->r->nomem = true;
        else if (q->n > t->r->p->src[t->src].retain)
            sl_kq_drop(q, 1);
    }
    sl_in_tell(t, done, UINT32_MAX);
}
static void take(sl_pipes *r, uint32_t src, const sl_view *in) {
    sl_intake t = {.r = r, .src = src, .in = in, .rows = {in->sel, in->n}};
    if (!(t.tmp = sl_batch_fresh())) {
        r->nomem = true;
        return;
    }
    source_errors(&t);
    if (!in->n) {
        sl_in_tell(&t, 0, UINT32_MAX);
        sl_batch_drop(t.tmp);
        return;
    }
    r->nin += in->n;
    const sl_batch *b = in->batch;
    sl_arena *a = t.tmp->arena;
    bool ok = sl_pipe_begin(r, &t.run, &r->k->in, r->state_in, a, a, b->nrows);
    if (ok) {
        t.run.meta = b->meta;
        t.run.time = b->time;
        t.run.at = b->at;
        load(&t);
        if (!r->p->opts.plain && !r->p->nana) /* values of analytic calls change as they are made */
            sl_run_dense(&t.run, t.rows);
        bool table = r->p->src[src].pub.is_table;
        if (table)
            table_rows(&t);
        else if (r->wm)
            sl_in_await(&t);
        ok = !r->nomem && (table || r->wm || (sl_in_first(&t) && !r->nomem && sl_in_go_on(&t, r->fast ? sl_in_running : sl_in_window)));
    }
    r->nomem |= !ok || t.run.nomem || sl_arena_failed(a);
    sl_run_end(&t.run);
    sl_batch_drop(t.tmp);
}

/* ---- calls ---- */
static void begin(sl_pipes *r, int64_t now_ms) {
    r->now_ms = now_ms;
    r->nomem = false;
    r->over = 0;
    r->counted = false;
    r->deadline = 0;
}
static void end(sl_pipes *r, sl_batch **out, bool *failed) {
    bool some = sl_builder_events(r->w) > 0;
    *out = some ? sl_builder_done(r->w, r->now_ms) : NULL;
    r->nomem |= some && !*out;
    if (*out)
        sl_arena_purse((*out)->arena, NULL);
    sl_builder_rest(r->w); /* ten thousand windows wait most of the time */
    *failed = r->nomem;
    if (r->nomem && r->counted && r->purse.missed)
        r->over = r->room + r->purse.missed;
}
static void tick(sl_pipes *r, int64_t now_ms) {
    if (r->wm) {
        if (sl_wm_tick(r->wm, now_ms))
            sl_in_reached(r);
    } else if ((r->win || r->fast) && sl_pipes_next(r) <= now_ms && !(r->win ? sl_win_tick(r->win, now_ms) : sl_fast_tick(r->fast, now_ms)))
        r->nomem = true;
    if (r->dedup)
        sl_dedup_tick(r, now_ms);
}
void sl_pipes_tick(sl_pipes *r, int64_t now_ms, sl_batch **out, bool *failed) {
    begin(r, now_ms);
    if (r->parked)
        sl_join_drain(r);
    tick(r, now_ms);
    end(r, out, failed);
}
void sl_pipes_run(sl_pipes *r, uint32_t src, const sl_view *in, int64_t now_ms, sl_batch **out, bool *failed) {
    begin(r, now_ms);
    if (r->slices && r->parked)
        sl_join_drain(r);
    tick(r, now_ms);
    if (!r->nomem && src < r->p->nsrc)
        take(r, src, in);
    end(r, out, failed);
}
