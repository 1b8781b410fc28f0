/* From the items of GROUP BY to a group, one probe a row.
 * Decision: two tables. Groups are told apart by their printed items, as in the plain form, so that 1, 1.0 and "1" fall together; but a row is looked up
 * by its items as they are, kind and bits, and printing is left for items that were never met. */
#include <stdlib.h>
#include <string.h>
#include "data/pack.h"
#include "sql/fastwin.h"

static bool bitwise(sl_value v) { return v.kind <= SL_FLOAT; }
static inline uint64_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 29;
}
static inline uint64_t hash_item(sl_value v) {
    if (v.kind == SL_STRING)
        return sl_hash(v.p, v.len);
    return v.kind <= SL_NULL ? v.kind : mix(v.u + v.kind + ((uint64_t)v.flags << 8));
}
static inline bool same_item(sl_value x, sl_value y) {
    if (x.kind != y.kind || x.flags != y.flags)
        return false;
    if (x.kind == SL_STRING)
        return x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
    return x.kind <= SL_NULL || x.u == y.u;
}
static bool same_key(const sl_ftable *t, const sl_fkey *k, const sl_value *v, sl_str packed) {
    if (k->packed.n || packed.n)
        return sl_str_eq(k->packed, packed);
    for (uint32_t i = 0; i < t->ndims; i++)
        if (!same_item(k->at[i], v[i]))
            return false;
    return true;
}
static void put(sl_fentry *at, uint32_t mask, uint64_t hash, void *p) {
    uint32_t i = (uint32_t)hash & mask;
    while (at[i].at)
        i = (i + 1) & mask;
    at[i] = (sl_fentry){hash, p};
}
static bool grow(sl_fentry **at, uint32_t *mask, uint32_t n, size_t *bytes) {
    if (*at && n < *mask / 2)
        return true;
    uint32_t size = *at ? (*mask + 1) * 2 : 16;
    sl_fentry *more = calloc(size, sizeof *more);
    if (!more)
        return false;
    for (uint32_t i = 0; *at && i <= *mask; i++)
        if ((*at)[i].at)
            put(more, size - 1, (*at)[i].hash, (*at)[i].at);
    *bytes += size * sizeof *more - (*at ? ((size_t)*mask + 1) * sizeof *more : 0);
    free(*at);
    *at = more;
    *mask = size - 1;
    return true;
}
static void shrink(sl_fentry **at, uint32_t *mask, uint32_t n, size_t *bytes) {
    uint32_t size = 16;
    while (size / 2 <= n + 1)
        size *= 2;
    sl_fentry *less = *at && size < *mask / 4 ? calloc(size, sizeof *less) : NULL;
    if (less) {
        *bytes -= (*mask + 1 - size) * sizeof *less;
        free(*at);
        *at = less;
        *mask = size - 1;
    } else if (*at)
        memset(*at, 0, ((size_t)*mask + 1) * sizeof **at);
}
void sl_fast_rehash(sl_ftable *t) {
    shrink(&t->names, &t->namemask, t->ngroups, t->bytes);
    shrink(&t->keys, &t->keymask, t->nkeys, t->bytes);
    for (uint32_t g = 0; g < t->ngroups; g++) {
        put(t->names, t->namemask, t->groups[g]->hash, t->groups[g]);
        for (sl_fkey *k = t->groups[g]->keys; k; k = k->next)
            put(t->keys, t->keymask, k->hash, k);
    }
}
/* ---- making ---- */
static size_t bytes_of(const sl_ftable *t, const sl_value *v, sl_str packed) {
    size_t n = sizeof(sl_fkey) + t->ndims * sizeof(sl_value) + packed.n;
    for (uint32_t i = 0; i < t->ndims && !packed.n; i++)
        n += v[i].kind == SL_STRING ? v[i].len : 0;
    return (n + 15) & ~(size_t)15;
}
size_t sl_fast_key_bytes(const sl_ftable *t, const sl_fkey *k) { return bytes_of(t, k->at, k->packed); }
/* What is not compared bit by bit is kept packed. */
static void fill_key(const sl_ftable *t, sl_fkey *k, uint64_t hash, const sl_value *v, sl_str packed) {
    char *text = (char *)&k->at[t->ndims];
    *k = (sl_fkey){.hash = hash};
    if (packed.n) {
        memcpy(text, packed.p, packed.n);
        k->packed = (sl_str){text, packed.n};
        return;
    }
    for (uint32_t i = 0; i < t->ndims; i++) {
        k->at[i] = v[i];
        if (v[i].kind != SL_STRING)
            continue;
        memcpy(text, v[i].p, v[i].len);
        k->at[i].p = text;
        text += v[i].len;
    }
}
void sl_fast_group_free(sl_fgroup *g) {
    for (sl_fkey *k = g->keys ? g->keys->next : NULL, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    free(g->back);
    free(g);
}
static sl_fgroup *find_named(const sl_ftable *t, sl_str name, uint64_t hash) {
    for (uint32_t i = (uint32_t)hash & t->namemask; t->names && t->names[i].at; i = (i + 1) & t->namemask) {
        sl_fgroup *g = t->names[i].at;
        if (t->names[i].hash == hash && sl_str_eq(g->key, name))
            return g;
    }
    return NULL;
}
/* Adds a key; its group is found by its name or made in one piece with it. */
static sl_fkey *add(sl_ftable *t, sl_str name, const sl_value *v, uint64_t hash, sl_str packed) {
    uint64_t nh = sl_hash(name.p, name.n);
    size_t size = bytes_of(t, v, packed);
    sl_fgroup *g = find_named(t, name, nh);
    if (!grow(&t->keys, &t->keymask, t->nkeys + 1, t->bytes))
        return NULL;
    sl_fkey *k;
    if (g) {
        if (!(k = malloc(size)))
            return NULL;
        fill_key(t, k, hash, v, packed);
        k->next = g->keys->next;
        g->keys->next = k;
    } else {
        if (t->ngroups == t->capgroups) {
            uint32_t cap = t->capgroups ? t->capgroups * 2 : 4;
            sl_fgroup **more = realloc(t->groups, cap * sizeof *more);
            if (!more)
                return NULL;
            *t->bytes += (cap - t->capgroups) * sizeof *more;
            t->groups = more;
            t->capgroups = cap;
        }
        size_t head = (sizeof *g + 15) & ~(size_t)15;
        if (!grow(&t->names, &t->namemask, t->ngroups + 1, t->bytes) || !(g = calloc(1, head + size + name.n)))
            return NULL;
        k = (sl_fkey *)(void *)((char *)g + head);
        fill_key(t, k, hash, v, packed);
        char *text = (char *)g + head + size;
        if (name.n)
            memcpy(text, name.p, name.n);
        g->hash = nh;
        g->key = (sl_str){text, name.n};
        g->keys = k;
        size += sizeof *g + name.n;
        t->groups[t->ngroups++] = g;
        put(t->names, t->namemask, nh, g);
    }
    k->group = g;
    *t->bytes += size;
    t->nkeys++;
    put(t->keys, t->keymask, hash, k);
    return k;
}

/* ---- finding ---- */
static void print(const sl_ftable *t, const sl_value *v, sl_arena *tmp, sl_buf *text) {
    sl_buf_clear(text);
    for (uint32_t i = 0; i < t->ndims; i++) {
        sl_value x = v[i].kind == SL_JSONTEXT ? sl_value_open(tmp, v[i]) : v[i];
        x.kind = x.kind == SL_ABSENT ? SL_NULL : x.kind;
        if (i)
            sl_buf_putc(text, ',');
        sl_value_print(text, x);
    }
}
static const sl_fkey *lookup(const sl_ftable *t, uint64_t h, const sl_value *v, sl_str packed) {
    for (uint32_t i = (uint32_t)h & t->keymask; t->keys && t->keys[i].at; i = (i + 1) & t->keymask)
        if (t->keys[i].hash == h && same_key(t, t->keys[i].at, v, packed))
            return t->keys[i].at;
    return NULL;
}
static uint64_t hash_items(const sl_ftable *t, const sl_value *v) {
    uint64_t h = 0;
    for (uint32_t i = 0; i < t->ndims; i++)
        h = (h << 7 ^ h >> 3 ^ hash_item(v[i])) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 31;
}
const sl_fkey *sl_fast_key(sl_ftable *t, const sl_value *v, sl_arena *tmp, sl_buf *text) {
    bool plain = true;
    for (uint32_t i = 0; i < t->ndims; i++)
        plain &= bitwise(v[i]) || v[i].kind == SL_STRING;
    sl_buf packed = {0};
    for (uint32_t i = 0; !plain && i < t->ndims; i++)
        sl_pack_value(&packed, v[i]);
    uint64_t h = plain ? hash_items(t, v) : sl_hash(packed.p, packed.n);
    const sl_fkey *k = packed.failed ? NULL : lookup(t, h, v, sl_buf_view(&packed));
    if (!k && !packed.failed) {
        print(t, v, tmp, text);
        k = text->failed ? NULL : add(t, sl_buf_view(text), v, h, sl_buf_view(&packed));
    }
    sl_buf_free(&packed);
    return k;
}
