/* Watermarks. Decision: waiting rows stand in one queue in order of time, ties in order of arrival; rows mostly come nearly in order, so the place of
 * a new one is looked for from the end. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/wmark.h"

struct sl_wm {
    sl_kq q;
    int64_t *most; /* [n] largest timestamp of a source, INT64_MIN none yet, INT64_MAX takes no part */
    uint32_t n;
    int64_t late, mark;
};
sl_wm *sl_wm_new(uint32_t nsources, int64_t late_ms) {
    sl_wm *w = calloc(1, sizeof *w);
    if (!w || !(w->most = malloc((nsources + 1) * sizeof *w->most))) {
        free(w);
        return NULL;
    }
    w->n = nsources;
    w->late = late_ms;
    w->mark = INT64_MIN;
    for (uint32_t i = 0; i < nsources; i++)
        w->most[i] = INT64_MIN;
    return w;
}
void sl_wm_free(sl_wm *w) {
    if (!w)
        return;
    sl_kq_free(&w->q);
    free(w->most);
    free(w);
}
void sl_wm_ignore(sl_wm *w, uint32_t src) { w->most[src] = INT64_MAX; }
bool sl_wm_late(const sl_wm *w, int64_t ts) { return ts < w->mark; }
bool sl_wm_add(sl_wm *w, sl_krow *r, bool *moved) {
    *moved = false;
    int64_t t = r->time, least = INT64_MAX;
    uint16_t src = r->src;
    uint32_t at = w->q.n;
    while (at > 0 && sl_kq_at(&w->q, at - 1)->time > t)
        at--;
    if (!sl_kq_insert(&w->q, at, r))
        return false;
    if (w->most[src] < t)
        w->most[src] = t;
    for (uint32_t i = 0; i < w->n; i++)
        least = w->most[i] < least ? w->most[i] : least;
    if (least > INT64_MIN + w->late && least - w->late > w->mark) {
        w->mark = least - w->late;
        *moved = true;
    }
    return true;
}
uint32_t sl_wm_ready(const sl_wm *w) {
    uint32_t n = 0;
    while (n < w->q.n && sl_kq_at(&w->q, n)->time <= w->mark)
        n++;
    return w->mark == INT64_MIN ? 0 : n;
}
sl_krow *sl_wm_take(sl_wm *w) { return sl_kq_take(&w->q); }
int64_t sl_wm_mark(const sl_wm *w) { return w->mark; }

void sl_wm_save(const sl_wm *w, const uint32_t *ncells, sl_buf *out) {
    sl_pack_value(out, sl_v_int(w->mark));
    sl_pack_value(out, sl_v_int(w->n));
    for (uint32_t i = 0; i < w->n; i++)
        sl_pack_value(out, sl_v_int(w->most[i]));
    sl_kq_save(&w->q, ncells, out);
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
    return e ? e : sl_kq_load(&w->q, k, ncells, w->n, at);
}
