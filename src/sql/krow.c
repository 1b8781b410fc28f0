/* Kept rows in pages that count their rows.
 * Decision: a page is an arena of about 16 KiB; a row is freed by counting down, the memory goes when the last row of its page goes. Rows
 * leave windows roughly in the order they came, so pages empty quickly. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/krow.h"

enum { PAGE = 16 * 1024 };
struct sl_page {
    sl_arena *a;
    uint32_t live;  /* holds of rows, and one of the maker while it is being filled */
    size_t counted; /* bytes told to the maker */
    sl_krows *owner;
};

static void page_drop(sl_page *p) {
    if (--p->live)
        return;
    if (p->owner)
        p->owner->bytes -= p->counted;
    sl_arena_free(p->a);
    free(p);
}
static void count(sl_krows *k, sl_page *p) {
    size_t held = sl_arena_bytes(p->a);
    k->bytes += held - p->counted;
    p->counted = held;
}
static sl_page *page_for(sl_krows *k) {
    sl_page *p = k->page;
    if (p) {
        count(k, p);
        if (p->counted < PAGE || (size_t)(p->a->end - p->a->at) > 1024)
            return p;
        k->page = NULL;
        page_drop(p);
    }
    p = calloc(1, sizeof *p);
    if (!p || !(p->a = sl_arena_new(k->bytes ? PAGE : 1024))) { /* ten thousand small windows: the first page is small */
        free(p);
        return NULL;
    }
    p->live = 1;
    p->owner = k;
    return k->page = p;
}
sl_krow *sl_krow_new(sl_krows *k, uint32_t ncells, uint32_t ntail) {
    sl_page *p = page_for(k);
    sl_krow *r = p ? sl_arena_alloc(p->a, sizeof *r + ncells * sizeof(sl_value)) : NULL;
    sl_member *t = r && ntail ? sl_arena_alloc(p->a, ntail * sizeof *t) : NULL;
    if (!r || (ntail && !t) || sl_arena_failed(p->a)) {
        k->failed = true;
        return NULL;
    }
    *r = (sl_krow){.page = p, .seq = ++k->seq, .ntail = ntail, .tail = t};
    for (uint32_t i = 0; i < ncells; i++)
        r->cells[i] = sl_v_absent();
    for (uint32_t i = 0; i < ntail; i++)
        t[i] = (sl_member){0};
    p->live++;
    return r;
}
sl_arena *sl_krow_arena(sl_krow *r) { return r->page->a; }
sl_member *sl_krow_tail(sl_krow *r) { return (sl_member *)r->tail; }
void sl_krow_hold(sl_krow *r) {
    if (r->page)
        r->page->live++;
}
void sl_krow_drop(sl_krow *r) {
    if (r && r->page)
        page_drop(r->page);
}
void sl_krows_end(sl_krows *k) {
    if (k->page)
        page_drop(k->page);
    k->page = NULL;
}

void sl_krow_pack(sl_buf *out, const sl_krow *r, uint32_t ncells) {
    sl_pack_value(out, sl_v_int(r->time));
    sl_pack_value(out, sl_v_int(r->src));
    sl_pack_value(out, r->meta);
    sl_pack_value(out, sl_v_map(r->tail, r->ntail));
    sl_pack_value(out, sl_v_list(r->cells, ncells));
}
sl_err *sl_krow_unpack(sl_krows *k, sl_str *at, const uint32_t *ncells, uint32_t nsources, sl_krow **out) {
    *out = NULL;
    sl_arena *tmp = sl_arena_new(0);
    if (!tmp)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_value time, src, meta, tail, cells;
    sl_err *e = sl_unpack_value(tmp, at, &time);
    e = e ? e : sl_unpack_value(tmp, at, &src);
    e = e ? e : sl_unpack_value(tmp, at, &meta);
    e = e ? e : sl_unpack_value(tmp, at, &tail);
    e = e ? e : sl_unpack_value(tmp, at, &cells);
    if (!e && (time.kind != SL_INT || src.kind != SL_INT || src.i < 0 || src.i >= nsources || tail.kind != SL_MAP || cells.kind != SL_LIST || cells.len != ncells[src.i]))
        e = sl_err_new(SL_E_CODEC, "saved state: a kept row has another shape than the plan");
    sl_krow *r = e ? NULL : sl_krow_new(k, cells.len, tail.len);
    if (!e && !r)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e) {
        sl_arena *a = sl_krow_arena(r);
        r->time = time.i;
        r->src = (uint16_t)src.i;
        r->meta = sl_value_copy(a, meta);
        for (uint32_t i = 0; i < tail.len; i++)
            sl_krow_tail(r)[i] = (sl_member){sl_arena_dup(a, tail.map[i].key), sl_value_copy(a, tail.map[i].val)};
        for (uint32_t i = 0; i < cells.len; i++)
            r->cells[i] = sl_value_copy(a, cells.list[i]);
        if (sl_arena_failed(a)) {
            sl_krow_drop(r);
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        } else
            *out = r;
    }
    sl_arena_free(tmp);
    return e;
}

/* ---- queue ---- */
static void own(sl_kq *q, size_t more, size_t less) {
    if (q->owner)
        q->owner->bytes = q->owner->bytes + more * sizeof *q->at - less * sizeof *q->at;
}
static bool resize(sl_kq *q, uint32_t cap) {
    sl_krow **at = malloc(cap * sizeof *at);
    if (!at)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        at[i] = sl_kq_at(q, i);
    free(q->at);
    own(q, cap, q->cap);
    q->at = at;
    q->head = 0;
    q->cap = cap;
    return true;
}
static bool room(sl_kq *q, sl_krows *owner) {
    if (!q->owner && owner) {
        q->owner = owner;
        own(q, q->cap, 0);
    }
    return q->n < q->cap || resize(q, q->cap ? q->cap * 2 : 8);
}
bool sl_kq_push(sl_kq *q, sl_krow *r) { return sl_kq_insert(q, q->n, r); }
bool sl_kq_insert(sl_kq *q, uint32_t i, sl_krow *r) {
    if (!room(q, r->page ? r->page->owner : NULL)) {
        sl_krow_drop(r);
        return false;
    }
    for (uint32_t k = q->n; k > i; k--)
        q->at[(q->head + k) & (q->cap - 1)] = sl_kq_at(q, k - 1);
    q->at[(q->head + i) & (q->cap - 1)] = r;
    q->n++;
    return true;
}
sl_krow *sl_kq_take(sl_kq *q) {
    sl_krow *r = sl_kq_at(q, 0);
    q->head = (q->head + 1) & (q->cap - 1);
    q->n--;
    return r;
}
void sl_kq_drop(sl_kq *q, uint32_t n) {
    enum { LARGE = 4096 };
    while (n--)
        sl_krow_drop(sl_kq_take(q));
    if (q->cap > LARGE && q->n < q->cap / 8) /* a burst is over */
        resize(q, q->cap / 4);
}
void sl_kq_free(sl_kq *q) {
    while (q->n)
        sl_krow_drop(sl_kq_take(q));
    free(q->at);
    own(q, 0, q->cap);
    *q = (sl_kq){0};
}
void sl_kq_save(const sl_kq *q, const uint32_t *ncells, sl_buf *out) {
    sl_pack_value(out, sl_v_int(q->n));
    for (uint32_t i = 0; i < q->n; i++)
        sl_krow_pack(out, sl_kq_at(q, i), ncells[sl_kq_at(q, i)->src]);
}
sl_err *sl_kq_load(sl_kq *q, sl_krows *k, const uint32_t *ncells, uint32_t nsources, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_value n;
    sl_err *e = a ? sl_unpack_value(a, at, &n) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (n.kind != SL_INT || n.i < 0))
        e = sl_err_new(SL_E_CODEC, "saved state: the number of kept rows is damaged");
    for (int64_t i = 0; !e && i < n.i; i++) {
        sl_krow *r;
        e = sl_krow_unpack(k, at, ncells, nsources, &r);
        if (!e && !sl_kq_push(q, r))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_arena_free(a);
    return e;
}
