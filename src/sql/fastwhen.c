/* Running windows in time: which window is told when. The same instants as window.c, from which nothing is taken but the alignment, because that is the oracle.
 * Decision: rows come in order of time, so what ends before a row is told before it enters, in event time too, where the watermark that lets the row
 * through has passed that end already; where they run ahead of it, the watermark alone tells. */
#include <stdlib.h>
#include "sql/fastdrive.h"

enum { EMPTIES = 1000, MISSED = 10 }; /* as in window.c */

/* ---- telling ---- */
void sl_fast_tell(sl_fast *f, sl_ftable *t, int64_t start, int64_t end) {
    f->r->nfired++;
    sl_fast_emit(f->r, t, start, end);
}
bool sl_fast_tell_all(sl_fast *f, int64_t start, int64_t end) { /* and begin anew */
    uint32_t live = f->t.live;
    sl_fast_tell(f, &f->t, start, end);
    bool ok = sl_ftable_drop(&f->t, f->t.npanes);
    sl_ftable_tidy(&f->t, live);
    return ok;
}
static int64_t step(const sl_wspec *s) { return s->kind == SL_W_HOPPING ? s->interval_ms : s->length_ms; }
int64_t sl_fast_width(const sl_fast *f) { return f->plan->pane ? f->plan->pane : f->s->length_ms; }
int64_t sl_fast_number(const sl_fast *f, int64_t t) { /* of the pane */
    int64_t d = t - f->base, w = sl_fast_width(f), n = d / w;
    return d < 0 && n * w != d ? n - 1 : n;
}
bool sl_fast_until(sl_fast *f, int64_t at) {
    bool ok = sl_ftable_until(&f->t, at);
    sl_ftable_tidy(&f->t, f->t.live);
    return ok;
}
static bool boundary(sl_fast *f, int64_t end) {
    const sl_wspec *s = f->s;
    if (s->kind == SL_W_TUMBLING) {
        bool ok = sl_fast_tell_all(f, f->from, end);
        f->from = end;
        return ok;
    }
    bool ok = sl_ftable_until(&f->t, sl_fast_number(f, end - s->length_ms));
    sl_fast_tell(f, &f->t, end - s->length_ms, end);
    return sl_fast_until(f, sl_fast_number(f, end + s->interval_ms - s->length_ms)) && ok;
}
void sl_fast_start(sl_fast *f, int64_t t) { /* event time: with the first row */
    const sl_wspec *s = f->s;
    f->started = true;
    f->from = t;
    f->base = f->boundary = sl_win_align(t, s->unit, s->kind == SL_W_HOPPING ? s->interval : s->length, s->zone);
}
/* Event time: boundaries up to t. row: one of that time comes next; else t is the watermark. */
bool sl_fast_boundaries(sl_fast *f, int64_t t, bool row) {
    const sl_wspec *s = f->s;
    bool ok = true;
    if (!f->started) {
        if (!row)
            return true;
        sl_fast_start(f, t);
    }
    for (; f->boundary <= t && ok; f->boundary += step(s)) {
        f->empty = f->rows ? 0 : f->empty + 1;
        if (f->empty > EMPTIES) {
            f->boundary += (t - f->boundary) / step(s) * step(s);
            f->from = f->boundary - step(s);
            f->empty = 0;
            if (f->boundary > t)
                break;
        }
        ok = boundary(f, f->boundary);
        f->rows = f->t.npanes;
    }
    return ok;
}

/* Rows run ahead: boundaries up to the watermark. */
static bool boundary_behind(sl_fast *f, int64_t end) {
    sl_faheads *h = &f->heads;
    int64_t upto = sl_fast_number(f, end);
    bool ok = true;
    if (f->s->kind == SL_W_HOPPING) {
        while (h->n && h->at[0]->at < upto && ok)
            ok = sl_fahead_move(h, &f->t);
        return boundary(f, end) && ok;
    }
    if (!h->n || h->at[0]->at >= upto)
        return boundary(f, end);
    sl_fahead_sort(h->at[0]);
    sl_fast_tell(f, &h->at[0]->t, f->from, end);
    f->from = end;
    return sl_fahead_drop(h);
}
bool sl_fast_behind(sl_fast *f, int64_t mark) {
    const sl_wspec *s = f->s;
    const sl_faheads *h = &f->heads;
    uint32_t empty = 0;
    bool ok = true;
    for (; f->started && f->boundary <= mark && ok; f->boundary += step(s)) {
        empty = f->t.npanes || (h->n && h->at[0]->at < sl_fast_number(f, f->boundary)) ? 0 : empty + 1;
        if (empty > EMPTIES) { /* on to the window of the next row, or to the watermark */
            int64_t to = h->n ? f->base + h->at[0]->at * sl_fast_width(f) : mark;
            f->boundary += ((to < mark ? to : mark) - f->boundary) / step(s) * step(s);
            f->from = f->boundary - step(s);
            empty = 0;
            if (f->boundary > mark)
                break;
        }
        ok = boundary_behind(f, f->boundary);
    }
    while (h->n && s->kind == SL_W_HOPPING && h->at[0]->at < sl_fast_number(f, mark) && ok) /* nothing comes for it any more */
        ok = sl_fahead_move(&f->heads, &f->t);
    return ok;
}

/* ---- sliding ---- */
bool sl_fast_wait_for(sl_fast *f, int64_t t) {
    if (f->ndue == f->capdue) {
        uint32_t cap = f->capdue ? f->capdue * 2 : 4;
        int64_t *due = malloc(cap * sizeof *due);
        if (!due)
            return false;
        for (uint32_t i = 0; i < f->ndue; i++)
            due[i] = f->due[(f->head + i) & (f->capdue - 1)];
        free(f->due);
        f->due = due;
        f->head = 0;
        f->capdue = cap;
    }
    f->due[(f->head + f->ndue++) & (f->capdue - 1)] = t;
    return true;
}
bool sl_fast_pass_by(sl_fast *f, int64_t t) { return sl_fast_until(f, (f->ndue && sl_fast_oldest(f) < t ? sl_fast_oldest(f) : t) - f->s->length_ms + f->s->v2); }
bool sl_fast_slide(sl_fast *f, int64_t t) {
    bool ok = sl_fast_until(f, t - f->s->length_ms + f->s->v2);
    sl_fast_tell(f, &f->t, t - f->s->length_ms, t + f->s->delay_ms);
    return ok;
}
bool sl_fast_slide_oldest(sl_fast *f) {
    int64_t t = sl_fast_oldest(f);
    f->head = (f->head + 1) & (f->capdue - 1);
    f->ndue--;
    return sl_fast_slide(f, t);
}

/* ---- session ---- */
static bool end_session(sl_fast *f, int64_t end) {
    f->rows = 0;
    return sl_fast_tell_all(f, f->from, end);
}
void sl_fast_session_next(sl_fast *f) {
    int64_t quiet = f->started ? f->last + f->s->interval_ms : INT64_MAX;
    f->next = quiet < f->boundary ? quiet : f->boundary;
}
/* Event time: sessions that end before a row of time t, or (no row) by the watermark t. */
bool sl_fast_sessions(sl_fast *f, int64_t t, bool row) {
    const sl_wspec *s = f->s;
    bool ok = true;
    while (f->rows && ok) {
        int64_t tick = f->boundary, quiet = f->last + s->interval_ms;
        while (tick - f->first <= s->length_ms)
            tick += s->length_ms;
        bool gap = !row || t - f->last > s->interval_ms;
        if (row && !gap && t < tick)
            break;
        int64_t end = !gap || (row && tick < quiet) ? tick : quiet;
        if (!row && end >= t) /* the watermark must have passed the silence */
            break;
        ok = end_session(f, end);
        if (end == tick)
            f->from = tick;
        else
            f->started = false;
    }
    if (row && !f->started) {
        f->started = true;
        f->from = t;
    }
    if (row && !f->rows) /* of what was cut, too: its first row counts, not the cut */
        f->boundary = sl_win_align(t, s->unit, s->length, s->zone);
    return ok;
}

/* ---- time ---- */
bool sl_fast_tick(sl_fast *f, int64_t now_ms) {
    const sl_wspec *s = f->s;
    bool ok = true;
    while (f->next <= now_ms && ok)
        switch (s->kind) {
        case SL_W_SLIDING:
            while (f->ndue && sl_fast_oldest(f) + s->delay_ms <= now_ms && ok)
                ok = sl_fast_slide_oldest(f);
            f->next = f->ndue ? sl_fast_oldest(f) + s->delay_ms : INT64_MAX;
            ok = sl_fast_pass_by(f, now_ms) && ok;
            break;
        case SL_W_SESSION:
            if (f->started && f->last + s->interval_ms <= f->next) {
                f->seen = !f->rows; /* nothing came since it was cut: upstream tells nothing, and the next one begins there */
                ok = f->seen || end_session(f, f->last + s->interval_ms);
                f->started = false;
            }
            if (f->boundary <= f->next) {
                if (f->started && f->rows && f->boundary - f->first >= s->length_ms) {
                    ok = ok && end_session(f, f->boundary);
                    f->from = f->boundary;
                }
                f->boundary += s->length_ms;
                if (now_ms - f->boundary > MISSED * s->length_ms)
                    f->boundary = sl_win_align(now_ms, s->unit, s->length, s->zone);
            }
            sl_fast_session_next(f);
            break;
        default:
            ok = boundary(f, f->next);
            f->next += step(s);
            if (now_ms - f->next > MISSED * step(s))
                f->next = sl_win_align(now_ms, s->unit, s->kind == SL_W_HOPPING ? s->interval : s->length, s->zone);
        }
    return ok;
}
bool sl_fast_mark(sl_fast *f, int64_t mark) {
    bool ok = true;
    switch (f->s->kind) {
    case SL_W_TUMBLING:
    case SL_W_HOPPING:
        ok = f->plan->ahead ? sl_fast_behind(f, mark) : sl_fast_boundaries(f, mark, false);
        f->empty = 0;
        break;
    case SL_W_SLIDING:
        while (f->ndue && ok)
            ok = sl_fast_slide_oldest(f);
        ok = sl_fast_pass_by(f, mark) && ok;
        break;
    case SL_W_SESSION: ok = sl_fast_sessions(f, mark, false); break;
    default: break;
    }
    return ok;
}
