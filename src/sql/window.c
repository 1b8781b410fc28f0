/* The windows, in their plain form: rows are kept, and what a window holds is told by comparing times. This form is the oracle; the running
 * forms for aggregates stand beside it.
 *
 * Decision: one queue of held rows in order of time serves every kind; a row leaves it when no window to come can hold it. */
#include <stdlib.h>
#include "base/map.h"
#include "data/pack.h"
#include "sql/window.h"

/* One timestamp from a far future must not make billions of empty windows: so many in a row are told, the rest is passed over. */
enum { EMPTIES = 1000 };
enum { MISSED = 10 }; /* so many empty windows are made up for when ticks come late, not more */
typedef struct part { /* state window: one partition */
    sl_kq q;
    bool open;
    int64_t opened;
} part;
struct sl_win {
    const sl_wspec *s;
    sl_win_fire fire;
    void *arg;
    sl_kq q;
    int64_t next;                 /* next tick by the clock, INT64_MAX none */
    int64_t from;                 /* tumbling: where the open window begins; session: where the session began */
    bool started;                 /* event time: the first boundary is known; session: one is open */
    int64_t last;                 /* session: time of the last row */
    int64_t boundary;             /* next aligned boundary */
    uint64_t seen;                /* count: rows since the last emission */
    int64_t *due;                 /* sliding with delay: instants of triggers that wait, in order */
    uint32_t ndue, capdue, known; /* known: event time, triggers that an earlier watermark brought */
    bool cut;                     /* session: the last one was cut at a tick and nothing followed: the next begins there */
    sl_map *parts;                /* state window: partition key -> part */
    uint32_t scanned;             /* session in event time: so many rows are known to belong together */
    size_t bytes;                 /* of the partitions, without their rows */
};

/* ---- alignment ---- */
static const int64_t unit_ms[] = {86400000, 3600000, 60000, 1000, 1};
int64_t sl_win_align(int64_t t, uint8_t unit, int64_t n, sl_zone zone) {
    sl_civil c;
    int64_t sec = t >= 0 ? t / 1000 : -((999 - t) / 1000), ms = t - sec * 1000;
    sl_civil_of(sec, 0, zone, &c);
    int64_t field, start;
    switch (unit) {
    case 0: {
        c.hour = c.min = c.sec = c.ns = 0;
        return sl_civil_to(&c, zone) * 1000 + n * unit_ms[0];
    }
    case 1:
        field = c.hour;
        start = t - ((c.hour * 60 + c.min) * 60 + c.sec) * INT64_C(1000) - ms;
        break;
    case 2:
        field = c.min;
        start = t - (c.min * 60 + c.sec) * INT64_C(1000) - ms;
        break;
    case 3:
        field = c.sec;
        start = t - c.sec * INT64_C(1000) - ms;
        break;
    default: field = ms; start = t - ms;
    }
    return start + (field >= n ? n * (field / n + 1) : n) * unit_ms[unit];
}

size_t sl_win_bytes(const sl_win *w) { return w->bytes + w->capdue * sizeof *w->due; }
bool sl_win_passes(const sl_win *w) {
    sl_wkind k = w->s->kind;
    return !w->s->event_time && w->q.n && (k == SL_W_TUMBLING || k == SL_W_HOPPING || k == SL_W_SESSION);
}

/* ---- the queue ---- */
static bool push(sl_win *w, sl_krow *r) {
    sl_krow_hold(r);
    return sl_kq_push(&w->q, r);
}
/* Fires with the rows from..to-1 of a queue. The ring is laid out straight for the call. */
static bool fire(sl_win *w, const sl_kq *q, uint32_t from, uint32_t to, int64_t start, int64_t end) {
    uint32_t n = to - from, head = (q->head + from) & (q->cap - 1);
    if (!n || head + n <= q->cap) {
        w->fire(w->arg, n ? q->at + head : NULL, n, start, end);
        return true;
    }
    sl_krow **at = malloc(n * sizeof *at);
    if (!at)
        return false;
    for (uint32_t i = 0; i < n; i++)
        at[i] = sl_kq_at(q, from + i);
    w->fire(w->arg, at, n, start, end);
    free(at);
    return true;
}
/* How many rows stand before the first with a time of at least t (or, with `past`, after t). */
static uint32_t before(const sl_kq *q, int64_t t, bool past) {
    uint32_t lo = 0, hi = q->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int64_t x = sl_kq_at(q, mid)->time;
        if (x < t || (past && x == t))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

sl_win *sl_win_new(const sl_wspec *s, int64_t start_ms, sl_win_fire fn, void *arg) {
    sl_win *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (sl_win){.s = s, .fire = fn, .arg = arg, .next = INT64_MAX, .from = start_ms};
    if (s->event_time)
        return w;
    if (s->kind == SL_W_TUMBLING || s->kind == SL_W_HOPPING || s->kind == SL_W_SESSION)
        w->boundary = w->next = sl_win_align(start_ms, s->unit, s->kind == SL_W_HOPPING ? s->interval : s->length, s->zone);
    return w;
}
void sl_win_free(sl_win *w) {
    if (!w)
        return;
    sl_kq_free(&w->q);
    size_t it = 0;
    void *v;
    while (w->parts && sl_map_next(w->parts, &it, NULL, &v)) {
        sl_kq_free(&((part *)v)->q);
        free(v);
    }
    if (w->parts)
        sl_map_free(w->parts);
    free(w->due);
    free(w);
}
int64_t sl_win_next(const sl_win *w) { return w->next; }

/* ---- tumbling, hopping ---- */
static bool boundary(sl_win *w, int64_t end) {
    const sl_wspec *s = w->s;
    bool ok;
    if (s->kind == SL_W_TUMBLING) {
        uint32_t n = before(&w->q, end, false);
        if (!s->event_time)
            n = w->q.n;
        ok = fire(w, &w->q, 0, n, w->from, end);
        sl_kq_drop(&w->q, n);
        w->from = end;
        return ok;
    }
    int64_t from = end - s->length_ms;
    sl_kq_drop(&w->q, before(&w->q, from, false));
    ok = fire(w, &w->q, 0, before(&w->q, end, false), from, end);
    sl_kq_drop(&w->q, before(&w->q, end + s->interval_ms - s->length_ms, false));
    return ok;
}
static int64_t step(const sl_wspec *s) { return s->kind == SL_W_HOPPING ? s->interval_ms : s->length_ms; }

/* ---- sliding ---- */
static void forget(sl_win *w, int64_t now) { /* rows that no window to come can hold */
    int64_t oldest = w->ndue ? w->due[0] : now;
    sl_kq_drop(&w->q, before(&w->q, oldest - w->s->length_ms, w->s->v2));
}
static bool slide(sl_win *w, int64_t t, uint32_t upto) {
    const sl_wspec *s = w->s;
    return fire(w, &w->q, before(&w->q, t - s->length_ms, s->v2 || s->twice), upto, t - s->length_ms, t);
}
static bool delayed(sl_win *w, int64_t t) {
    const sl_wspec *s = w->s;
    uint32_t from = before(&w->q, t - s->length_ms, s->v2), to = before(&w->q, t + s->delay_ms, s->v2);
    if (s->twice)
        return fire(w, &w->q, before(&w->q, t, true), before(&w->q, t + s->delay_ms, true), t, t + s->delay_ms);
    return fire(w, &w->q, from, to, t - s->length_ms, t + s->delay_ms);
}
static bool schedule(sl_win *w, int64_t t) {
    if (w->ndue == w->capdue) {
        uint32_t cap = w->capdue ? w->capdue * 2 : 4;
        int64_t *due = realloc(w->due, cap * sizeof *due);
        if (!due)
            return false;
        w->due = due;
        w->capdue = cap;
    }
    w->due[w->ndue++] = t;
    return true;
}
static bool run_due(sl_win *w, int64_t now) {
    uint32_t n = 0;
    bool ok = true;
    while (n < w->ndue && w->due[n] + w->s->delay_ms <= now && ok) {
        ok = delayed(w, w->due[n]);
        n++;
    }
    w->ndue -= n;
    for (uint32_t i = 0; i < w->ndue; i++)
        w->due[i] = w->due[i + n];
    return ok;
}
static bool sliding_row(sl_win *w, const sl_winrow *x) {
    const sl_wspec *s = w->s;
    int64_t t = x->row->time;
    if (!push(w, x->row))
        return false;
    bool ok = true;
    if (s->event_time) /* rows of the same instant belong to it: it fires when the watermark comes */
        return !x->trigger || schedule(w, t);
    if (x->trigger && s->delay_ms) {
        if (s->twice)
            ok = slide(w, t, w->q.n);
        ok = ok && schedule(w, t);
        if (!s->event_time && w->ndue)
            w->next = w->due[0] + s->delay_ms;
    } else if (x->trigger)
        ok = slide(w, t, w->q.n);
    forget(w, t);
    return ok;
}

/* ---- session ---- */
static bool end_session(sl_win *w, uint32_t n, int64_t end) {
    bool ok = fire(w, &w->q, 0, n, w->from, end);
    sl_kq_drop(&w->q, n);
    return ok;
}
static void session_next(sl_win *w) {
    int64_t quiet = w->started ? w->last + w->s->interval_ms : INT64_MAX;
    w->next = quiet < w->boundary ? quiet : w->boundary;
}
static bool session_row(sl_win *w, const sl_winrow *x) {
    if (w->s->event_time) /* where it begins is seen when the watermark comes, from rows in order */
        return push(w, x->row);
    if (!w->started) {
        w->started = true;
        if (!w->cut)
            w->from = x->row->time;
    }
    w->last = x->row->time;
    bool ok = push(w, x->row);
    session_next(w);
    return ok;
}

/* ---- count ---- */
static bool count_row(sl_win *w, const sl_winrow *x, int64_t now) {
    const sl_wspec *s = w->s;
    uint64_t each = s->interval ? (uint64_t)s->interval : (uint64_t)s->length;
    if (!push(w, x->row))
        return false;
    w->seen++;
    bool ok = true;
    if (w->seen % each == 0) {
        w->seen = 0;
        if (w->q.n >= (uint64_t)s->length)
            ok = fire(w, &w->q, w->q.n - (uint32_t)s->length, w->q.n, now, now);
        if (!s->interval)
            sl_kq_drop(&w->q, w->q.n);
    }
    if (w->q.n > (uint64_t)s->length)
        sl_kq_drop(&w->q, w->q.n - (uint32_t)s->length);
    return ok;
}

/* ---- state ---- */
enum { PART_ENTRY = 64 }; /* of the map, with what the heap adds */
static part *part_at(sl_win *w, sl_str key, bool make) {
    part *p = w->parts ? sl_map_get(w->parts, key) : NULL;
    if (p || !make || (!w->parts && !(w->parts = sl_map_new())) || !(p = calloc(1, sizeof *p)))
        return p;
    if (!sl_map_set(w->parts, key, p, NULL)) {
        free(p);
        return NULL;
    }
    w->bytes += sizeof *p + key.n + PART_ENTRY;
    return p;
}
/* A partition that is idle is forgotten: keys may come and go for ever. */
static void part_end(sl_win *w, sl_str key, part *p) {
    w->bytes -= sizeof *p + key.n + PART_ENTRY;
    sl_map_del(w->parts, key);
    sl_kq_free(&p->q);
    free(p);
}
static bool state_row(sl_win *w, const sl_winrow *x, bool two) {
    part *p = part_at(w, x->part, x->begin);
    if (!p)
        return !x->begin; /* idle, and it stays so */
    bool ok = true;
    if (p->open && !two && x->begin) {
        ok = fire(w, &p->q, 0, p->q.n, p->opened, x->row->time);
        sl_kq_drop(&p->q, p->q.n);
        p->opened = x->row->time;
    }
    bool first = !p->open;
    if (first) {
        p->open = true;
        p->opened = x->row->time;
    }
    sl_krow_hold(x->row);
    if (!sl_kq_push(&p->q, x->row))
        return false;
    if (two && !first && x->emit) {
        ok = ok && fire(w, &p->q, 0, p->q.n, p->opened, x->row->time);
        part_end(w, x->part, p);
    }
    return ok;
}

bool sl_win_rows(sl_win *w, const sl_winrow *rows, uint32_t n, int64_t now_ms) {
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++)
        switch (w->s->kind) {
        case SL_W_SLIDING: ok = sliding_row(w, &rows[i]); break;
        case SL_W_SESSION: ok = session_row(w, &rows[i]); break;
        case SL_W_COUNT: ok = count_row(w, &rows[i], now_ms); break;
        case SL_W_STATE: ok = state_row(w, &rows[i], w->s->two); break;
        default: ok = push(w, rows[i].row);
        }
    return ok;
}
bool sl_win_tick(sl_win *w, int64_t now_ms) {
    bool ok = true;
    while (w->next <= now_ms && ok)
        switch (w->s->kind) {
        case SL_W_SLIDING:
            ok = run_due(w, w->next);
            w->next = w->ndue ? w->due[0] + w->s->delay_ms : INT64_MAX;
            forget(w, now_ms);
            break;
        case SL_W_SESSION:
            if (w->started && w->last + w->s->interval_ms <= w->next) {
                w->cut = !w->q.n;
                if (!w->cut)
                    ok = end_session(w, w->q.n, w->last + w->s->interval_ms);
                w->started = false;
            }
            if (w->boundary <= w->next) {
                if (w->started && w->q.n && w->boundary - sl_kq_at(&w->q, 0)->time >= w->s->length_ms) {
                    ok = ok && end_session(w, w->q.n, w->boundary);
                    w->from = w->boundary;
                }
                w->boundary += w->s->length_ms;
                if (now_ms - w->boundary > MISSED * w->s->length_ms)
                    w->boundary = sl_win_align(now_ms, w->s->unit, w->s->length, w->s->zone);
            }
            session_next(w);
            break;
        default:
            ok = boundary(w, w->next);
            w->next += step(w->s);
            if (now_ms - w->next > MISSED * step(w->s)) /* the machine slept, or state was taken over: nothing came meanwhile */
                w->next = sl_win_align(now_ms, w->s->unit, w->s->kind == SL_W_HOPPING ? w->s->interval : w->s->length, w->s->zone);
        }
    return ok;
}
/* ---- event time ---- */
static bool mark_timer(sl_win *w, int64_t mark) {
    const sl_wspec *s = w->s;
    bool ok = true;
    if (!w->started) { /* the first row that entered sets the boundaries */
        if (!w->q.n)
            return true;
        int64_t t = sl_kq_at(&w->q, 0)->time;
        w->started = true;
        w->from = t;
        w->boundary = sl_win_align(t, s->unit, s->kind == SL_W_HOPPING ? s->interval : s->length, s->zone);
    }
    uint32_t empty = 0;
    for (; w->boundary <= mark && ok; w->boundary += step(s)) {
        empty = w->q.n && sl_kq_at(&w->q, 0)->time < w->boundary ? 0 : empty + 1;
        if (empty > EMPTIES) { /* on to the window of the next row, or to the watermark */
            int64_t to = w->q.n ? sl_kq_at(&w->q, 0)->time : mark;
            w->boundary += (to - w->boundary) / step(s) * step(s);
            w->from = w->boundary - step(s);
            empty = 0;
            if (w->boundary > mark)
                break;
        }
        ok = boundary(w, w->boundary);
    }
    return ok;
}
static bool mark_sliding(sl_win *w, int64_t mark) {
    const sl_wspec *s = w->s;
    uint32_t n = 0;
    bool ok = true;
    if (!s->delay_ms) {
        for (; n < w->ndue && ok; n++)
            ok = slide(w, w->due[n], before(&w->q, w->due[n], true));
    } else
        for (; n < w->known && w->due[n] + s->delay_ms <= mark && ok; n++)
            ok = delayed(w, w->due[n]);
    w->ndue -= n;
    for (uint32_t i = 0; i < w->ndue; i++)
        w->due[i] = w->due[i + n];
    w->known = w->ndue; /* a delayed result comes with a later watermark than the one that brought its trigger */
    forget(w, mark);
    return ok;
}
/* A gap ends a session at last row + timeout; a session that began more than the greatest length before an aligned tick is cut there. */
static bool mark_session(sl_win *w, int64_t mark) {
    const sl_wspec *s = w->s;
    bool ok = true;
    while (w->q.n && ok) {
        int64_t first = sl_kq_at(&w->q, 0)->time, tick;
        if (!w->started) {
            w->started = true;
            w->from = first;
        }
        tick = sl_win_align(first, s->unit, s->length, s->zone); /* of what was cut, too: its first row counts, not the cut */
        if (tick - first <= s->length_ms)
            tick += ((s->length_ms - tick + first) / s->length_ms + 1) * s->length_ms;
        uint32_t n = w->scanned ? w->scanned : 1;
        while (n < w->q.n && sl_kq_at(&w->q, n)->time - sl_kq_at(&w->q, n - 1)->time <= s->interval_ms && sl_kq_at(&w->q, n)->time < tick)
            n++;
        int64_t last = sl_kq_at(&w->q, n - 1)->time, quiet = last + s->interval_ms;
        bool more = n < w->q.n, gap = more ? sl_kq_at(&w->q, n)->time - last > s->interval_ms : true;
        int64_t end = !gap || (more && tick < quiet) ? tick : quiet;
        if (end > mark || (end == quiet && end == mark)) { /* upstream: the watermark must have passed the silence */
            w->scanned = n;
            break;
        }
        w->scanned = 0;
        ok = end_session(w, n, end);
        if (end == tick)
            w->from = tick;
        else
            w->started = false;
    }
    return ok;
}
bool sl_win_mark(sl_win *w, int64_t watermark) {
    switch (w->s->kind) {
    case SL_W_TUMBLING:
    case SL_W_HOPPING: return mark_timer(w, watermark);
    case SL_W_SLIDING: return mark_sliding(w, watermark);
    case SL_W_SESSION: return mark_session(w, watermark);
    default: return true;
    }
}

/* ---- saving ---- */
static void put(sl_buf *out, int64_t v) { sl_pack_value(out, sl_v_int(v)); }
void sl_win_save(const sl_win *w, sl_buf *out) {
    put(out, w->s->kind);
    put(out, w->next);
    put(out, w->from);
    put(out, w->started);
    put(out, w->last);
    put(out, w->boundary);
    put(out, w->s->kind == SL_W_SESSION ? w->cut : (int64_t)w->seen);
    put(out, w->known);
    put(out, w->ndue);
    for (uint32_t i = 0; i < w->ndue; i++)
        put(out, w->due[i]);
    sl_kq_save(&w->q, w->s->ncells, out);
    put(out, w->parts ? (int64_t)sl_map_len(w->parts) : 0);
    size_t it = 0;
    sl_str key;
    void *v;
    while (w->parts && sl_map_next(w->parts, &it, &key, &v)) {
        const part *p = v;
        sl_pack_value(out, sl_v_str(key));
        put(out, p->open);
        put(out, p->opened);
        sl_kq_save(&p->q, w->s->ncells, out);
    }
}
static sl_err *get(sl_arena *a, sl_str *at, int64_t *v) {
    sl_value x;
    SL_TRY(sl_unpack_value(a, at, &x));
    if (x.kind != SL_INT)
        return sl_err_new(SL_E_CODEC, "saved state: a number of a window is damaged");
    *v = x.i;
    return NULL;
}
static sl_err *load(sl_win *w, sl_krows *k, uint32_t nsources, sl_str *at, sl_arena *a) {
    int64_t kind = 0, started = 0, seen = 0, known = 0, ndue = 0, nparts = 0, v = 0;
    SL_TRY(get(a, at, &kind));
    if (kind != (int64_t)w->s->kind)
        return sl_err_new(SL_E_CODEC, "saved state: it is of another kind of window");
    SL_TRY(get(a, at, &w->next));
    SL_TRY(get(a, at, &w->from));
    SL_TRY(get(a, at, &started));
    SL_TRY(get(a, at, &w->last));
    SL_TRY(get(a, at, &w->boundary));
    SL_TRY(get(a, at, &seen));
    SL_TRY(get(a, at, &known));
    SL_TRY(get(a, at, &ndue));
    w->started = started != 0;
    w->seen = (uint64_t)seen;
    w->cut = w->s->kind == SL_W_SESSION && seen;
    for (int64_t i = 0; i < ndue; i++) {
        SL_TRY(get(a, at, &v));
        if (!schedule(w, v))
            return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    w->known = known >= 0 && known <= w->ndue ? (uint32_t)known : 0;
    SL_TRY(sl_kq_load(&w->q, k, w->s->ncells, nsources, at));
    SL_TRY(get(a, at, &nparts));
    for (int64_t i = 0; i < nparts; i++) {
        sl_value key;
        int64_t open, opened;
        SL_TRY(sl_unpack_value(a, at, &key));
        SL_TRY(get(a, at, &open));
        SL_TRY(get(a, at, &opened));
        part *p = key.kind == SL_STRING ? part_at(w, sl_v_text(key), true) : NULL;
        if (!p)
            return sl_err_new(SL_E_CODEC, "saved state: a partition of a window is damaged");
        p->open = open != 0;
        p->opened = opened;
        SL_TRY(sl_kq_load(&p->q, k, w->s->ncells, nsources, at));
    }
    return NULL;
}
sl_err *sl_win_load(sl_win *w, sl_krows *k, uint32_t nsources, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_err *e = a ? load(w, k, nsources, at, a) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(a);
    return e;
}
