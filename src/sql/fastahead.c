/* Panes that the watermark has not passed: rows enter them as they come, in any order of time (fastwin.h tells what panes are).
 * Decision: each has a table of its own, in which it is the newest and only pane, so that a row costs what it costs in processing time. When the watermark
 * has passed it, it is a window (tumbling), or its groups go over into the table of the panes behind (hopping), once a group. What it cannot
 * know from the order of rows it keeps with their times: which row of a group was the first, here; what decides about aggregates, in fastacc.c. Rows of equal
 * times come in the order of arrival. */
#include <stdlib.h>
#include <string.h>
#include "data/pack.h"
#include "sql/fastwin.h"

static void give_up(sl_faheads *h, sl_fahead *p) {
    sl_ftable_end(&p->t);
    *h->bytes -= sizeof *p;
    free(p);
}
void sl_faheads_end(sl_faheads *h) {
    for (uint32_t i = 0; i < h->n; i++)
        give_up(h, h->at[i]);
    for (uint32_t i = 0; i < h->nspare; i++)
        give_up(h, h->spare[i]);
    free(h->at);
}
sl_fahead *sl_fahead_at(sl_faheads *h, int64_t number) {
    uint32_t i = h->n;
    while (i > 0 && h->at[i - 1]->at > number)
        i--;
    if (i > 0 && h->at[i - 1]->at == number)
        return h->at[i - 1];
    if (h->n == h->cap) {
        uint32_t cap = h->cap ? h->cap * 2 : 4;
        sl_fahead **more = realloc(h->at, cap * sizeof *more);
        if (!more)
            return NULL;
        *h->bytes += (cap - h->cap) * sizeof *more;
        h->at = more;
        h->cap = cap;
    }
    sl_fahead *p = h->nspare ? h->spare[--h->nspare] : calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (!p->t.plan) {
        sl_ftable_init(&p->t, &h->plan, h->ndims, h->bytes);
        *h->bytes += sizeof *p;
    }
    p->at = number;
    p->most = INT64_MIN;
    if (!sl_ftable_pane(&p->t, number)) {
        give_up(h, p);
        return NULL;
    }
    memmove(h->at + i + 1, h->at + i, (h->n - i) * sizeof *h->at);
    h->n++;
    return h->at[i] = p;
}
static int by_first(const void *x, const void *y, void *arg) {
    const sl_fplan *f = arg;
    const sl_fslot *a = *(sl_fslot *const *)x, *b = *(sl_fslot *const *)y;
    int64_t s = *sl_fslot_since(f, a), t = *sl_fslot_since(f, b);
    return s != t ? (s < t ? -1 : 1) : a->seq < b->seq ? -1 : a->seq > b->seq;
}
void sl_fahead_sort(sl_fahead *p) {
    sl_ftable *t = &p->t;
    void *plan = (void *)(uintptr_t)t->plan;
    for (uint32_t i = 1; i < t->live; i++)
        if (by_first(&t->order[i - 1], &t->order[i], plan) > 0) {
            qsort_r(t->order, t->live, sizeof *t->order, by_first, plan);
            return;
        }
}
bool sl_fahead_drop(sl_faheads *h) {
    sl_fahead *p = h->at[0];
    uint32_t live = p->t.live;
    memmove(h->at, h->at + 1, --h->n * sizeof *h->at);
    bool ok = sl_ftable_drop(&p->t, p->t.npanes);
    sl_ftable_tidy(&p->t, live);
    if (h->nspare < sizeof h->spare / sizeof *h->spare)
        h->spare[h->nspare++] = p;
    else
        give_up(h, p);
    return ok;
}
/* The key in another table. */
static sl_fkey *key_in(sl_ftable *t, const sl_fkey *k, sl_arena *tmp, sl_buf *text) {
    sl_value v[SL_FAST_DIMS];
    sl_str at = sl_fast_packed(t, k);
    for (uint32_t i = 0; i < t->ndims; i++) {
        if (!k->npacked) {
            v[i] = k->at[i];
            continue;
        }
        sl_err *e = sl_unpack_value(tmp, &at, &v[i]);
        if (e) {
            sl_err_free(e);
            return NULL;
        }
    }
    return sl_fast_key(t, v, tmp, text);
}
static bool move(sl_fahead *p, sl_ftable *t, sl_arena *tmp, sl_buf *text) {
    uint32_t size = t->plan->size;
    sl_fahead_sort(p);
    sl_fpane *from = sl_fpane_at(&p->t, 0), *to = sl_ftable_pane(t, p->at);
    if (to && from->error)
        sl_fpane_fail(t, to, from->stage, from->when, "", sl_str_of(from->error));
    for (uint32_t i = 0; i < p->t.live && to; i++) {
        sl_fslot *s = p->t.order[i];
        sl_fkey *key = key_in(t, s->key, tmp, text);
        sl_fslot *x = key ? sl_ftable_slot(t, key->group, key) : NULL;
        if (!x)
            return false;
        memcpy(sl_acc_at(x, 0), sl_acc_at(s, 0), size); /* what it holds goes over */
        memset(sl_acc_at(s, 0), 0, size);
        x->first = s->first;
        s->first = NULL;
    }
    return to != NULL;
}
bool sl_fahead_move(sl_faheads *h, sl_ftable *t) {
    sl_batch *tmp = sl_batch_fresh();
    sl_buf text = {0};
    bool ok = tmp && move(h->at[0], t, tmp->arena, &text);
    sl_buf_free(&text);
    if (tmp)
        sl_batch_drop(tmp);
    return sl_fahead_drop(h) && ok;
}

/* ---- saving ---- */
static void put(sl_buf *out, int64_t v) { sl_pack_value(out, sl_v_int(v)); }
void sl_faheads_save(const sl_faheads *h, uint32_t ncells, sl_buf *out) {
    put(out, h->n);
    for (uint32_t i = 0; i < h->n; i++) {
        put(out, h->at[i]->at);
        put(out, h->at[i]->most);
        sl_ftable_save(&h->at[i]->t, ncells, out);
    }
}
sl_err *sl_faheads_load(sl_faheads *h, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at) {
    int64_t n, number, most;
    SL_TRY(sl_fast_get(a, at, &n));
    for (int64_t i = 0; i < n; i++) {
        SL_TRY(sl_fast_get(a, at, &number));
        SL_TRY(sl_fast_get(a, at, &most));
        if (!h->plan.ahead || (h->n && h->at[h->n - 1]->at >= number))
            return sl_err_new(SL_E_CODEC, "saved state: the panes of a window are damaged");
        sl_fahead *p = sl_fahead_at(h, number);
        if (!p)
            return sl_err_new(SL_E_NOMEM, "out of memory");
        p->most = most;
        sl_ftable_drop(&p->t, 1); /* it comes with its slots */
        SL_TRY(sl_ftable_load(&p->t, k, ncells, a, at));
        if (p->t.npanes != 1)
            return sl_err_new(SL_E_CODEC, "saved state: the panes of a window are damaged");
    }
    return NULL;
}
