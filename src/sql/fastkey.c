/* From the items of GROUP BY to a group, one probe a row.
 * Decision: two tables. Groups are told apart by their printed items, as in the plain form, so that 1, 1.0 and "1" fall together; but a row is looked up
 * by its items as they are, kind and bits, and printing is left for items that were never met. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "data/pack.h"
#include "sql/fastwin.h"

static bool bitwise(sl_value v) { return v.kind <= SL_FLOAT; }
static inline uint64_t load64(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}
static inline uint64_t load32(const char *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}
/* Text of at most 16 bytes as two numbers; together with the length they are the text. */
static inline void halves(const char *p, uint32_t n, uint64_t *a, uint64_t *b) {
    if (n >= 8) {
        *a = load64(p);
        *b = load64(p + n - 8);
    } else if (n >= 4) {
        *a = load32(p);
        *b = load32(p + n - 4);
    } else {
        *a = n ? (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 | (uint64_t)(unsigned char)p[n - 1] << 16 : 0;
        *b = 0;
    }
}
/* An item in three numbers, which are equal when the items are, and the other way round for text of at most 16 bytes and what is no text. */
typedef sl_fitem item;
enum { LONG = 0x4000 }; /* in the upper half of a tag, instead of the length: equal items may differ */
#define USED 0x80000000u
static inline uint32_t tag_of(sl_value v, uint32_t len) {
    uint16_t head;
    memcpy(&head, &v, sizeof head); /* kind and flags, which differ here when they differ there */
    return head | len << 16 | USED;
}
static inline item item_of(sl_value v) {
    item x = {v.u, 0, tag_of(v, 0), 0};
    if (v.kind == SL_STRING && v.len > 16)
        return (item){sl_hash(v.p, v.len), v.len, tag_of(v, LONG), 0};
    if (v.kind == SL_STRING) {
        halves(v.p, v.len, &x.a, &x.b);
        x.tag = tag_of(v, v.len);
    } else if (v.kind <= SL_NULL)
        x.a = 0;
    return x;
}
static inline bool is_long(item x) { return x.tag & (uint32_t)LONG << 16; }
__extension__ typedef unsigned __int128 twice;
static inline uint64_t hash_numbers(uint64_t a, uint64_t b, uint32_t tag) { /* one multiplication, folded: the last letter of a text reaches the lowest bits */
    twice p = (twice)(a ^ UINT64_C(0x9E3779B97F4A7C15)) * (b ^ tag ^ UINT64_C(0xBF58476D1CE4E5B9));
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}
static inline uint64_t hash_item(item x) { return hash_numbers(x.a, x.b, x.tag); }
static inline bool same_item(sl_value x, sl_value y) {
    if (x.kind != y.kind || x.flags != y.flags)
        return false;
    if (x.kind != SL_STRING)
        return x.kind <= SL_NULL || x.u == y.u;
    if (x.len != y.len)
        return false;
    if (x.len > 16)
        return memcmp(x.p, y.p, x.len) == 0;
    uint64_t a, b, c, d;
    halves(x.p, x.len, &a, &b);
    halves(y.p, y.len, &c, &d);
    return a == c && b == d;
}
static bool same_key(const sl_ftable *t, const sl_fkey *k, const sl_value *v, sl_str packed) {
    if (k->npacked || packed.n)
        return sl_str_eq(sl_fast_packed(t, k), packed);
    for (uint32_t i = 0; i < t->ndims; i++)
        if (!same_item(k->at[i], v[i]))
            return false;
    return true;
}
static bool room_for(uint32_t n, uint32_t mask) { return n <= mask / 4 * 3; }
static void put_name(const sl_ftable *t, uint32_t g) { /* of groups[g] */
    uint32_t i = (uint32_t)t->groups[g]->hash & t->namemask;
    while (t->names[i])
        i = (i + 1) & t->namemask;
    t->names[i] = g + 1;
}
/* What is known by its hash alone has a kind that no value has. */
enum { SEVERAL = UINT8_MAX - 1, PACKED = UINT8_MAX };
#define SEVERAL_TAG (SEVERAL | (uint32_t)LONG << 16 | USED)
sl_fitem sl_fast_item(const sl_ftable *t, const sl_fkey *k) {
    return t->ndims == 1 && !k->npacked ? item_of(k->at[0]) : (item){k->hash, 0, k->npacked ? PACKED | USED : SEVERAL_TAG, 0};
}
bool sl_fast_value(const sl_fitem *x, sl_value *v, char *text) {
    uint32_t len = x->tag >> 16 & 31;
    uint16_t head = (uint16_t)x->tag;
    *v = (sl_value){.u = x->a};
    memcpy(v, &head, sizeof head);
    if (v->kind <= SL_FLOAT)
        return true;
    if (v->kind != SL_STRING || is_long(*x))
        return false;
    if (len >= 8) {
        memcpy(text, &x->a, 8);
        memcpy(text + len - 8, &x->b, 8);
    } else if (len >= 4) {
        memcpy(text, &x->a, 4);
        memcpy(text + len - 4, &x->b, 4);
    } else if (len) {
        text[0] = (char)x->a;
        text[len / 2] = (char)(x->a >> 8);
        text[len - 1] = (char)(x->a >> 16);
    }
    v->len = len;
    v->p = text;
    return true;
}
/* A place in the table: the upper bits of the hash, never 0, and above them where the slot is. */
static inline uint64_t hot_of(uint64_t hash, const sl_fslot *s) { return (uint64_t)(uintptr_t)s >> 3 << 16 | hash >> 48 | 1; }
static inline sl_fslot *slot_at(uint64_t hot) { return (sl_fslot *)(uintptr_t)(hot >> 16 << 3); }
static inline bool may_be(uint64_t hot, uint64_t hash) { return (uint16_t)hot == (uint16_t)(hash >> 48 | 1); }
static void put_key(const sl_ftable *t, sl_fkey *k) {
    uint32_t i = (uint32_t)k->hash & t->keymask;
    while (t->hot[i])
        i = (i + 1) & t->keymask;
    t->hot[i] = hot_of(k->hash, k->group->tail);
    t->keys[i] = k;
}
size_t sl_fast_table_bytes(const sl_ftable *t) {
    return t->names ? ((size_t)t->namemask + 1) * sizeof *t->names + ((size_t)t->keymask + 1) * (sizeof *t->hot + sizeof *t->keys) : 0;
}
/* Makes both tables anew, for what is in them and `more`. false: out of memory, they are as they were. */
static bool resize(sl_ftable *t, uint32_t more) {
    uint32_t names = 16, keys = 16;
    while (!room_for(t->ngroups + more, names - 1))
        names *= 2;
    while (!room_for(t->nkeys + more, keys - 1))
        keys *= 2;
    uint32_t *n = calloc(names, sizeof *n);
    uint64_t *hot = calloc(keys, sizeof *hot);
    sl_fkey **k = calloc(keys, sizeof *k);
    if (!n || !k || !hot) {
        free(n);
        free(k);
        free(hot);
        return false;
    }
    *t->bytes -= sl_fast_table_bytes(t);
    t->moved++;
    free(t->names);
    free(t->hot);
    free(t->keys);
    t->names = n;
    t->hot = hot;
    t->keys = k;
    t->namemask = names - 1;
    t->keymask = keys - 1;
    *t->bytes += sl_fast_table_bytes(t);
    for (uint32_t g = 0; g < t->ngroups; g++) {
        put_name(t, g);
        for (sl_fkey *x = t->groups[g]->keys; x; x = x->next)
            put_key(t, x);
    }
    return true;
}
void sl_fast_rehash(sl_ftable *t) {
    if (!t->names || resize(t, 0))
        return;
    t->moved++;
    memset(t->names, 0, ((size_t)t->namemask + 1) * sizeof *t->names); /* no memory for smaller ones */
    memset(t->hot, 0, ((size_t)t->keymask + 1) * sizeof *t->hot);
    memset(t->keys, 0, ((size_t)t->keymask + 1) * sizeof *t->keys);
    for (uint32_t g = 0; g < t->ngroups; g++) {
        put_name(t, g);
        for (sl_fkey *x = t->groups[g]->keys; x; x = x->next)
            put_key(t, x);
    }
}
/* ---- making ---- */
static size_t bytes_of(const sl_ftable *t, const sl_value *v, sl_str packed) {
    size_t n = sizeof(sl_fkey) + t->ndims * sizeof(sl_value) + packed.n;
    for (uint32_t i = 0; i < t->ndims && !packed.n; i++)
        n += v[i].kind == SL_STRING ? v[i].len : 0;
    return (n + 7) & ~(size_t)7;
}
size_t sl_fast_key_bytes(const sl_ftable *t, const sl_fkey *k) { return bytes_of(t, k->at, sl_fast_packed(t, k)); }
/* The printed form of a single text is the text: it is there once. */
static bool own_name(const sl_ftable *t, const sl_value *v, sl_str packed, sl_str name) {
    return t->ndims != 1 || packed.n || v[0].kind != SL_STRING || !sl_str_eq(sl_v_text(v[0]), name);
}
size_t sl_fast_group_bytes(const sl_ftable *t, const sl_fgroup *g) { return sizeof *g + (own_name(t, g->keys->at, sl_fast_packed(t, g->keys), g->key) ? g->key.n : 0); }
/* What is not compared bit by bit is kept packed. */
static void fill_key(const sl_ftable *t, sl_fkey *k, uint64_t hash, const sl_value *v, sl_str packed) {
    char *text = (char *)&k->at[t->ndims];
    *k = (sl_fkey){.hash = hash};
    if (packed.n) {
        memcpy(text, packed.p, packed.n);
        k->npacked = packed.n;
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
    for (uint32_t i = (uint32_t)hash & t->namemask; t->names && t->names[i]; i = (i + 1) & t->namemask) {
        sl_fgroup *g = t->groups[t->names[i] - 1];
        if (g->hash == hash && sl_str_eq(g->key, name))
            return g;
    }
    return NULL;
}
/* Adds a key; its group is found by its name or made in one piece with it. */
static sl_fkey *add(sl_ftable *t, sl_str name, const sl_value *v, uint64_t hash, sl_str packed) {
    uint64_t nh = sl_hash(name.p, name.n);
    size_t size = bytes_of(t, v, packed);
    sl_fgroup *g = find_named(t, name, nh);
    if ((!t->keys || !room_for(t->nkeys + 1, t->keymask) || !room_for(t->ngroups + 1, t->namemask)) && !resize(t, t->nkeys + 1))
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
        bool own = own_name(t, v, packed, name);
        size_t text = own ? name.n : 0;
        if (!(g = calloc(1, sizeof *g + size + text)))
            return NULL;
        k = (sl_fkey *)(void *)(g + 1);
        fill_key(t, k, hash, v, packed);
        g->hash = nh;
        g->key = (sl_str){own ? (char *)k + size : k->at[0].p, name.n};
        if (text)
            memcpy((char *)k + size, name.p, text);
        g->keys = k;
        size += sizeof *g + text;
        t->groups[t->ngroups++] = g;
        put_name(t, t->ngroups - 1);
    }
    k->group = g;
    *t->bytes += size;
    t->nkeys++;
    put_key(t, k);
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
static sl_fkey *lookup(const sl_ftable *t, uint64_t h, const sl_value *v, sl_str packed) {
    for (uint32_t i = (uint32_t)h & t->keymask; t->keys && t->keys[i]; i = (i + 1) & t->keymask)
        if (t->keys[i]->hash == h && same_key(t, t->keys[i], v, packed))
            return t->keys[i];
    return NULL;
}
static inline uint64_t join_hash(uint64_t h, sl_value v) { return (h << 7 ^ h >> 3 ^ hash_item(item_of(v))) * UINT64_C(0x9E3779B97F4A7C15); }
static inline uint64_t last_hash(uint64_t h) { return h ^ h >> 31; }
static inline bool plain(sl_value v) { return bitwise(v) || v.kind == SL_STRING; }
sl_fkey *sl_fast_key(sl_ftable *t, const sl_value *v, sl_arena *tmp, sl_buf *text) {
    bool all = true;
    uint64_t h = 0;
    for (uint32_t i = 0; i < t->ndims; i++)
        all &= plain(v[i]);
    sl_buf packed = {0};
    for (uint32_t i = 0; i < t->ndims; i++)
        if (all)
            h = t->ndims == 1 ? hash_item(item_of(v[i])) : join_hash(h, v[i]);
        else
            sl_pack_value(&packed, v[i]);
    h = !all ? sl_hash(packed.p, packed.n) : t->ndims == 1 ? h : last_hash(h);
    sl_fkey *k = packed.failed ? NULL : lookup(t, h, v, sl_buf_view(&packed));
    if (!k && !packed.failed) {
        print(t, v, tmp, text);
        k = text->failed ? NULL : add(t, sl_buf_view(text), v, h, sl_buf_view(&packed));
    }
    sl_buf_free(&packed);
    return k;
}
typedef struct asked { /* an item on its way to its place */
    uint64_t a, b, hash;
    uint32_t tag;
} asked;
static inline void ask(asked *q, sl_value v) {
    uint32_t len = v.len - 8;
    if (v.kind == SL_STRING && len <= 8) { /* as item_of: most names are so long */
        q->a = load64(v.p);
        q->b = load64(v.p + len);
        q->tag = tag_of(v, v.len);
    } else {
        item x = item_of(v);
        q->a = x.a;
        q->b = x.b;
        q->tag = x.tag;
    }
    q->hash = hash_numbers(q->a, q->b, q->tag);
}
static void ask_several(const sl_ftable *t, asked *q, const sl_run *run, const sl_block *dims, uint32_t row) {
    uint64_t h = 0;
    for (uint32_t d = 0; d < t->ndims; d++)
        h = join_hash(h, sl_run_at(run, dims[d].res, row));
    q->a = q->hash = last_hash(h);
    q->b = 0;
    q->tag = SEVERAL_TAG;
}
static bool same_row(const sl_ftable *t, const sl_fkey *k, const sl_run *run, const sl_block *dims, uint32_t row) {
    for (uint32_t d = 0; d < t->ndims; d++)
        if (!same_item(k->at[d], sl_run_at(run, dims[d].res, row)))
            return false;
    return true;
}
/* Is this the row's key, as its slot says? */
static inline bool same_slot(const sl_ftable *t, const sl_fslot *s, const asked *q, const sl_run *run, const sl_block *dims, uint32_t row) {
    return ((s->item.a ^ q->a) | (s->item.b ^ q->b) | (s->item.tag ^ q->tag)) == 0 && (!is_long(s->item) || same_row(t, s->key, run, dims, row));
}
/* Where the key of a row is: its slot and its place, or the place alone, or neither. */
static void find(const sl_ftable *t, const asked *q, const sl_run *run, const sl_block *dims, uint32_t row, uint32_t *place, sl_fslot **slot) {
    uint64_t hash = q->hash;
    *slot = NULL;
    for (uint32_t e = (uint32_t)hash & t->keymask; t->hot[e]; e = (e + 1) & t->keymask) {
        if (!may_be(t->hot[e], hash))
            continue;
        sl_fslot *s = slot_at(t->hot[e]);
        *place = e;
        if (s && same_slot(t, s, q, run, dims, row)) {
            *slot = s;
            return;
        }
        if (t->keys[e]->hash == hash && !t->keys[e]->npacked && same_row(t, t->keys[e], run, dims, row))
            return;
    }
    *place = UINT32_MAX;
}
/* Many rows at once, so that what one row waits for from memory is asked for while others are looked at: places, then slots. */
uint32_t sl_fast_keys(const sl_ftable *t, const sl_run *run, const sl_block *dims, const uint32_t *rows, uint32_t n, uint32_t *places, sl_fslot **slots) {
    enum { NEAR = 1024 }; /* a table that the cache holds */
    const uint32_t mask = t->keymask, epoch = t->epoch, busy = (uint32_t)sizeof(sl_fitem) + t->plan->size, last = busy > 64 ? busy - 1 : 0;
    const uint64_t *hot = t->hot;
    const sl_value *col = t->ndims == 1 && dims[0].res >= 0 ? run->reg[dims[0].res] : NULL;
    uint32_t known = 0;
    asked q[SL_FAST_ROWS];
    for (uint32_t i = 0; col && i < n; i++)
        ask(&q[i], col[rows[i]]);
    for (uint32_t i = 0; !col && i < n; i++)
        if (t->ndims == 1)
            ask(&q[i], sl_run_at(run, dims[0].res, rows[i]));
        else
            ask_several(t, &q[i], run, dims, rows[i]);
    for (uint32_t i = 0; mask >= NEAR && i < n; i++)
        __builtin_prefetch(&hot[(uint32_t)q[i].hash & mask]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t e = (uint32_t)q[i].hash & mask;
        e = (e + !may_be(hot[e], q[i].hash)) & mask; /* without a jump: nobody can guess which keys do not stand where they should */
        e = (e + !may_be(hot[e], q[i].hash)) & mask;
        uint64_t at = hot[e];
        while (at && !may_be(at, q[i].hash))
            at = hot[e = (e + 1) & mask];
        sl_fslot *s = slot_at(at);
        places[i] = e;
        slots[i] = s;
        if (mask < NEAR)
            continue;
        uintptr_t line = (uintptr_t)s + offsetof(sl_fslot, item); /* a number: there may be no slot, and asking for its line does no harm */
        __builtin_prefetch((const void *)line, 1);
        if (last)
            __builtin_prefetch((const void *)(line + last), 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        const sl_fslot *s = slots[i];
        if (!s || !same_slot(t, s, &q[i], run, dims, rows[i])) {
            find(t, &q[i], run, dims, rows[i], &places[i], &slots[i]);
            s = slots[i];
        }
        known += s && s->item.epoch == epoch;
    }
    return n - known;
}
void sl_fast_known(sl_ftable *t, uint32_t place, const sl_fslot *s) { t->hot[place] = hot_of(t->hot[place] << 48, s); }
void sl_fast_forget(sl_ftable *t) {
    for (uint32_t e = 0; t->keys && e <= t->keymask; e++)
        if (t->keys[e])
            t->hot[e] = hot_of(t->keys[e]->hash, t->keys[e]->group->tail);
}
