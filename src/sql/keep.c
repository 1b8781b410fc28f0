/* Owned values by place. Decision: numbers live in the slot; anything longer has a small arena of its own that is reused, so that a function
 * that remembers one text per row does not allocate per row. The common call without PARTITION BY has its keep in the table itself. */
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "data/pack.h"
#include "sql/keep.h"

typedef struct place {
    sl_value v;
    sl_arena *a;
} place;
struct sl_keep {
    place *at;
    uint32_t n, cap;
    size_t *bytes; /* of the table that it is in */
};
struct sl_keeps {
    sl_keep self; /* partition "" */
    sl_map *parts;
    size_t bytes;
};

sl_value sl_keep_get(const sl_keep *k, uint32_t i) { return i < k->n ? k->at[i].v : sl_v_absent(); }
uint32_t sl_keep_len(const sl_keep *k) { return k->n; }
bool sl_keep_set(sl_keep *k, uint32_t i, sl_value v) {
    if (i >= k->cap) {
        uint32_t cap = k->cap ? k->cap : 1;
        while (cap <= i)
            cap *= 2;
        place *at = realloc(k->at, cap * sizeof *at);
        if (!at)
            return false;
        memset(at + k->cap, 0, (cap - k->cap) * sizeof *at);
        *k->bytes += (cap - k->cap) * sizeof *at;
        k->at = at;
        k->cap = cap;
    }
    place *p = &k->at[i];
    bool flat = v.kind < SL_DECIMAL || v.kind == SL_TIME || v.kind == SL_DURATION;
    if (!flat && v.len) {
        sl_arena *a = sl_arena_new(64); /* a new one first: v may live in the old */
        if (!a)
            return false;
        v = sl_value_copy(a, v);
        if (sl_arena_failed(a)) {
            sl_arena_free(a);
            return false;
        }
        *k->bytes += sl_arena_bytes(a) - (p->a ? sl_arena_bytes(p->a) : 0);
        sl_arena_free(p->a);
        p->a = a;
    }
    p->v = v;
    if (i >= k->n)
        k->n = i + 1;
    return true;
}
void sl_keep_cut(sl_keep *k, uint32_t n) {
    for (uint32_t i = n; i < k->n; i++)
        k->at[i].v = sl_v_absent();
    if (n < k->n)
        k->n = n;
}
static void clear(sl_keep *k) {
    for (uint32_t i = 0; i < k->cap; i++)
        sl_arena_free(k->at[i].a);
    free(k->at);
    *k = (sl_keep){0};
}

sl_keeps *sl_keeps_new(void) {
    sl_keeps *s = calloc(1, sizeof *s);
    if (s) {
        s->bytes = sizeof *s;
        s->self.bytes = &s->bytes;
    }
    return s;
}
void sl_keeps_free(sl_keeps *s) {
    if (!s)
        return;
    clear(&s->self);
    size_t it = 0;
    sl_str key;
    void *k;
    while (s->parts && sl_map_next(s->parts, &it, &key, &k)) {
        clear(k);
        free(k);
    }
    if (s->parts)
        sl_map_free(s->parts);
    free(s);
}
sl_keep *sl_keeps_at(sl_keeps *s, sl_str key) {
    if (!key.n)
        return &s->self;
    if (!s->parts && !(s->parts = sl_map_new()))
        return NULL;
    sl_keep *k = sl_map_get(s->parts, key);
    if (k || !(k = calloc(1, sizeof *k)))
        return k;
    if (!sl_map_set(s->parts, key, k, NULL)) {
        free(k);
        return NULL;
    }
    enum { ENTRY = 64 }; /* of the map, with what the heap adds */
    k->bytes = &s->bytes;
    s->bytes += sizeof *k + key.n + ENTRY;
    return k;
}
size_t sl_keeps_bytes(const sl_keeps *s) { return s->bytes; }
static void save(const sl_keep *k, sl_str key, sl_buf *out) {
    sl_pack_value(out, sl_v_str(key));
    sl_pack_value(out, sl_v_int(k->n));
    for (uint32_t i = 0; i < k->n; i++)
        sl_pack_value(out, k->at[i].v);
}
void sl_keeps_save(const sl_keeps *s, sl_buf *out) {
    sl_pack_value(out, sl_v_int(1 + (s->parts ? (int64_t)sl_map_len(s->parts) : 0)));
    save(&s->self, (sl_str){"", 0}, out);
    size_t it = 0;
    sl_str key;
    void *k;
    while (s->parts && sl_map_next(s->parts, &it, &key, &k))
        save(k, key, out);
}
static sl_err *bad(void) { return sl_err_new(SL_E_CODEC, "saved state: the memory of a function is damaged"); }
sl_err *sl_keeps_load(sl_keeps *s, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_value n, key, len, v;
    sl_err *e = a ? sl_unpack_value(a, at, &n) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && n.kind != SL_INT)
        e = bad();
    for (int64_t i = 0; !e && i < n.i; i++) {
        sl_arena_reset(a);
        e = sl_unpack_value(a, at, &key);
        e = e ? e : sl_unpack_value(a, at, &len);
        if (!e && (key.kind != SL_STRING || len.kind != SL_INT || len.i < 0 || len.i > (int64_t)at->n))
            e = bad();
        sl_keep *k = e ? NULL : sl_keeps_at(s, sl_v_text(key));
        for (int64_t j = 0; !e && j < len.i; j++) {
            e = sl_unpack_value(a, at, &v);
            if (!e && (!k || !sl_keep_set(k, (uint32_t)j, v)))
                e = sl_err_new(SL_E_NOMEM, "out of memory");
        }
    }
    sl_arena_free(a);
    return e;
}
