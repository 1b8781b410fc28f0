/* Watermarks. Decisions: rows that wait stand in a queue for each source, in order of time, ties in order of arrival; rows of one source mostly come nearly in order, so
 * the place of a new one is looked for from the end, and a source that runs ahead of another does not get in its way. They leave merged. The watermark never goes
 * back: what an idle stream brings later may be late. When all are idle nobody is waited for, and the furthest of them counts. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/wmark.h"

struct sl_wm {
    sl_kq *q;       /* [n] */
    int64_t *most;  /* [n] largest timestamp of a source, INT64_MIN none yet, INT64_MAX takes no part */
    int64_t *heard; /* [n] when it was heard of last, by the clock; INT64_MAX: it is idle */
    uint32_t n;
    int64_t late, mark, idle;
    int64_t next; /* the earliest instant at which one may become idle */
};
static void look_ahead(sl_wm *w);
sl_wm *sl_wm_new(uint32_t nsources, int64_t late_ms, int64_t idle_ms, int64_t now_ms) {
    sl_wm *w = calloc(1, sizeof *w);
    if (!w || !(w->most = malloc(2 * ((size_t)nsources + 1) * sizeof *w->most)) || !(w->q = calloc(nsources + 1, sizeof *w->q))) {
        sl_wm_free(w);
        return NULL;
    }
    w->heard = w->most + nsources + 1;
    w->idle = idle_ms;
    w->n = nsources;
    w->late = late_ms;
    w->mark = INT64_MIN;
    for (uint32_t i = 0; i < nsources; i++)
        w->most[i] = INT64_MIN, w->heard[i] = now_ms;
    look_ahead(w);
    return w;
}
void sl_wm_free(sl_wm *w) {
    if (!w)
        return;
    for (uint32_t i = 0; w->q && i < w->n; i++)
        sl_kq_free(&w->q[i]);
    free(w->q);
    free(w->most);
    free(w);
}
void sl_wm_ignore(sl_wm *w, uint32_t src) {
    w->most[src] = INT64_MAX;
    look_ahead(w);
}
static bool takes_part(const sl_wm *w, uint32_t i) { return w->most[i] != INT64_MAX; }
static void look_ahead(sl_wm *w) {
    uint32_t several = 0;
    w->next = INT64_MAX;
    for (uint32_t i = 0; i < w->n; i++) {
        several += takes_part(w, i);
        if (w->idle > 0 && takes_part(w, i) && w->heard[i] != INT64_MAX && w->heard[i] + w->idle < w->next)
            w->next = w->heard[i] + w->idle;
    }
    if (several < 2) /* it has nobody to hold up */
        w->next = INT64_MAX;
}
static bool move(sl_wm *w) {
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (uint32_t i = 0; i < w->n; i++) {
        if (!takes_part(w, i))
            continue;
        most = w->most[i] > most ? w->most[i] : most;
        if (w->heard[i] != INT64_MAX && w->most[i] < least)
            least = w->most[i];
    }
    if (least == INT64_MAX)
        least = most;
    if (least <= INT64_MIN + w->late || least - w->late <= w->mark)
        return false;
    w->mark = least - w->late;
    return true;
}
void sl_wm_heard(sl_wm *w, uint32_t src, int64_t now_ms) {
    if (w->idle <= 0 || !takes_part(w, src))
        return;
    w->heard[src] = now_ms;
    if (w->next == INT64_MAX) /* else it is found to be too early when it comes */
        look_ahead(w);
}
int64_t sl_wm_next(const sl_wm *w) { return w->next; }
bool sl_wm_tick(sl_wm *w, int64_t now_ms) {
    if (now_ms < w->next)
        return false;
    for (uint32_t i = 0; i < w->n; i++)
        if (w->heard[i] != INT64_MAX && now_ms - w->heard[i] >= w->idle)
            w->heard[i] = INT64_MAX;
    look_ahead(w);
    return move(w);
}
bool sl_wm_late(const sl_wm *w, int64_t ts) { return ts < w->mark; }
bool sl_wm_add(sl_wm *w, sl_krow *r, bool *moved) {
    *moved = false;
    int64_t t = r->time;
    uint16_t src = r->src;
    sl_kq *q = &w->q[src];
    uint32_t at = q->n;
    while (at > 0 && sl_kq_at(q, at - 1)->time > t)
        at--;
    if (!sl_kq_insert(q, at, r))
        return false;
    if (w->most[src] < t)
        w->most[src] = t;
    *moved = move(w);
    return true;
}
bool sl_wm_most(const sl_wm *w, int64_t *most) {
    *most = w->most[0];
    return w->n == 1 && w->mark == (*most == INT64_MIN ? *most : *most - w->late);
}
bool sl_wm_pass(sl_wm *w, int64_t ts) {
    w->most[0] = ts;
    return move(w);
}
uint32_t sl_wm_waiting(const sl_wm *w) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        n += w->q[i].n;
    return n;
}
uint32_t sl_wm_ready(const sl_wm *w) {
    enum { AHEAD = 8 }; /* rows that were kept long ago are far away */
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n && w->mark != INT64_MIN; i++) {
        uint32_t k = 0;
        for (; k < w->q[i].n && sl_kq_at(&w->q[i], k)->time <= w->mark; k++)
            if (k + AHEAD < w->q[i].n)
                __builtin_prefetch(sl_kq_at(&w->q[i], k + AHEAD));
        n += k;
    }
    return n;
}
/* The source whose row at place at[i] is the oldest; n: none has one. */
static uint32_t oldest(const sl_wm *w, const uint32_t *at) {
    uint32_t best = w->n;
    const sl_krow *first = NULL;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t k = at ? at[i] : 0;
        const sl_krow *r = k < w->q[i].n ? sl_kq_at(&w->q[i], k) : NULL;
        if (r && (!first || r->time < first->time || (r->time == first->time && r->seq < first->seq))) {
            best = i;
            first = r;
        }
    }
    return best;
}
sl_krow *sl_wm_take(sl_wm *w) { return sl_kq_take(&w->q[w->n == 1 ? 0 : oldest(w, NULL)]); }
int64_t sl_wm_mark(const sl_wm *w) { return w->mark; }

void sl_wm_save(const sl_wm *w, const uint32_t *ncells, sl_buf *out) {
    sl_pack_value(out, sl_v_int(w->mark));
    sl_pack_value(out, sl_v_int(w->n));
    for (uint32_t i = 0; i < w->n; i++)
        sl_pack_value(out, sl_v_int(w->most[i]));
    uint32_t *at = calloc(w->n + 1, sizeof *at), n = sl_wm_waiting(w), src;
    out->failed |= !at;
    sl_pack_value(out, sl_v_int(n)); /* one queue to those who read it */
    while (at && (src = oldest(w, at)) < w->n)
        sl_krow_pack(out, sl_kq_at(&w->q[src], at[src]++), ncells[src]);
    free(at);
}
sl_err *sl_wm_load(sl_wm *w, sl_krows *k, const uint32_t *ncells, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_value mark, n, v;
    sl_err *e = a ? sl_unpack_value(a, at, &mark) : sl_err_new(SL_E_NOMEM, "out of memory");
    e = e ? e : sl_unpack_value(a, at, &n);
    if (!e && (mark.kind != SL_INT || n.kind != SL_INT || n.i != w->n))
        e = sl_err_new(SL_E_CODEC, "saved state: the watermark belongs to another number of streams");
    for (uint32_t i = 0; !e && i < w->n; i++) {
        e = sl_unpack_value(a, at, &v);
        if (!e && v.kind == SL_INT)
            w->most[i] = v.i;
    }
    if (!e)
        w->mark = mark.i;
    sl_arena_free(a);
    sl_kq all = {0};
    e = e ? e : sl_kq_load(&all, k, ncells, w->n, at);
    while (!e && all.n) {
        sl_krow *r = sl_kq_take(&all);
        if (!sl_kq_push(&w->q[r->src], r))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_kq_free(&all);
    return e;
}
