/* Errors, arenas, buffers, maps and vectors: the containers of the house, and no others. */
#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

/* ---- errors ---- */
struct sl_err {
    sl_code code;
    bool fixed; /* the static one, never freed */
    char *text;
    sl_spot *spot; /* one piece of memory with its texts */
};
static sl_err out_of_memory = {SL_E_NOMEM, true, (char *)"out of memory", NULL};

static char *vfmt(const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : malloc((size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
sl_err *sl_err_new(sl_code code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    sl_err *e = malloc(sizeof *e);
    char *text = e ? vfmt(fmt, ap) : NULL;
    va_end(ap);
    if (!text) {
        free(e);
        return &out_of_memory;
    }
    *e = (sl_err){.code = code, .text = text};
    return e;
}
sl_err *sl_err_prefix(sl_err *e, const char *fmt, ...) {
    if (!e || e->fixed)
        return e;
    va_list ap;
    va_start(ap, fmt);
    char *head = vfmt(fmt, ap);
    va_end(ap);
    if (!head)
        return e;
    size_t a = strlen(head), b = strlen(e->text);
    char *joined = malloc(a + b + 3);
    if (joined) {
        memcpy(joined, head, a);
        memcpy(joined + a, ": ", 2);
        memcpy(joined + a + 2, e->text, b + 1);
        free(e->text);
        e->text = joined;
    }
    free(head);
    return e;
}
sl_err *sl_err_recode(sl_err *e, sl_code code) {
    if (e && !e->fixed)
        e->code = code;
    return e;
}
const char *sl_err_text(const sl_err *e) { return e ? e->text : ""; }
sl_code sl_err_code(const sl_err *e) { return e ? e->code : SL_OK; }
int sl_code_ekuiper(sl_code c) {
    static const int nums[] = {0,
#define X(n, ek, http) ek,
                               SL_CODES(X)
#undef X
    };
    return nums[c];
}
int sl_code_http(sl_code c) {
    static const int nums[] = {200,
#define X(n, ek, http) http,
                               SL_CODES(X)
#undef X
    };
    return nums[c];
}
void sl_err_free(sl_err *e) {
    if (e && !e->fixed) {
        free(e->text);
        free(e->spot);
        free(e);
    }
}
sl_err *sl_err_dup(const sl_err *e) {
    if (!e)
        return NULL;
    sl_err *c = sl_err_put_spot(sl_err_new(e->code, "%s", e->spot ? e->spot->why : e->text), e->spot);
    return sl_err_retext(c, "%s", e->text);
}
sl_err *sl_err_retext(sl_err *e, const char *fmt, ...) {
    if (!e || e->fixed)
        return e;
    va_list ap;
    va_start(ap, fmt);
    char *text = vfmt(fmt, ap);
    va_end(ap);
    if (text) {
        free(e->text);
        e->text = text;
    }
    return e;
}
static const char *append(char **at, const char *s) {
    if (!s)
        return NULL;
    char *to = *at;
    size_t n = strlen(s) + 1;
    memcpy(to, s, n);
    *at = to + n;
    return to;
}
sl_err *sl_err_put_spot(sl_err *e, const sl_spot *s) {
    if (!e || e->fixed || !s)
        return e;
    sl_spot *c = malloc(sizeof *c + strlen(e->text) + strlen(s->text) + strlen(s->mark) + (s->hint ? strlen(s->hint) : 0) + 4);
    if (!c)
        return e; /* advice can be missed */
    char *at = (char *)(c + 1);
    *c = *s;
    c->why = append(&at, e->text);
    c->text = append(&at, s->text);
    c->mark = append(&at, s->mark);
    c->hint = append(&at, s->hint);
    free(e->spot);
    e->spot = c;
    return e;
}
const sl_spot *sl_err_spot(const sl_err *e) { return e ? e->spot : NULL; }

/* ---- arena ---- */
typedef struct chunk {
    struct chunk *prev;
    size_t size; /* whole, head included */
    char *saved_at;
    void *pad;
} chunk;
_Static_assert(sizeof(chunk) % 16 == 0, "payload of a chunk stays aligned");

static bool chunk_add(sl_arena *a, size_t payload) {
    size_t size = sizeof(chunk) + payload;
    if (!sl_purse_pay(a->purse, size))
        return false;
    chunk *c = malloc(size);
    if (!c) {
        sl_purse_back(a->purse, size);
        return false;
    }
    a->paid += a->purse ? size : 0;
    chunk *old = a->chunk;
    if (old)
        old->saved_at = a->at;
    *c = (chunk){.prev = old, .size = size};
    a->chunk = c;
    a->at = (char *)(c + 1);
    a->end = (char *)c + size;
    a->held += size;
    return true;
}
sl_arena *sl_arena_new(size_t first) {
    sl_arena *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->next = first ? (first + 15) & ~(size_t)15 : 4096 - sizeof(chunk);
    if (!chunk_add(a, a->next)) {
        free(a);
        return NULL;
    }
    return a;
}
void sl_arena_free(sl_arena *a) {
    if (!a)
        return;
    for (chunk *c = a->chunk, *p; c; c = p) {
        p = c->prev;
        free(c);
    }
    sl_purse_back(a->purse, a->paid);
    free(a->reserve);
    free(a);
}
/* Gives back what was paid for n bytes that were freed. */
static void refund(sl_arena *a, size_t n) {
    if (!a->purse)
        return;
    n = n < a->paid ? n : a->paid;
    a->paid -= n;
    sl_purse_back(a->purse, n);
}
void sl_arena_purse(sl_arena *a, sl_purse *p) {
    if (a->purse == p)
        return;
    sl_purse_back(a->purse, a->paid);
    a->purse = p;
    a->paid = p ? (a->held < p->left ? a->held : p->left) : 0;
    if (p)
        p->left -= a->paid;
}
void sl_arena_reset(sl_arena *a) {
    chunk *best = a->chunk;
    if (!best->prev) { /* nearly always */
        a->at = (char *)(best + 1);
        a->failed = false;
        return;
    }
    for (chunk *c = a->chunk; c; c = c->prev)
        if (c->size > best->size)
            best = c;
    for (chunk *c = a->chunk, *p; c; c = p) {
        p = c->prev;
        if (c != best)
            free(c);
    }
    best->prev = NULL;
    a->chunk = best;
    a->at = (char *)(best + 1);
    a->end = (char *)best + best->size;
    refund(a, a->held - best->size);
    a->held = best->size;
    a->failed = false;
}
sl_arena_mark sl_arena_here(const sl_arena *a) { return (sl_arena_mark){a->chunk, (size_t)(a->at - (char *)a->chunk)}; }
void sl_arena_back(sl_arena *a, sl_arena_mark m) {
    while (a->chunk != m.chunk) {
        chunk *c = a->chunk;
        a->chunk = c->prev;
        a->held -= c->size;
        refund(a, c->size);
        free(c);
    }
    a->at = (char *)a->chunk + m.used;
    a->end = (char *)a->chunk + ((chunk *)a->chunk)->size;
}
void *sl_arena_slow(sl_arena *a, size_t n) { /* n is already rounded */
    size_t want = a->next;
    if (want < 4096 - sizeof(chunk)) /* one of thousands of small ones: little is left over */
        want = a->held / 8 < 512 ? 512 : (a->held / 8 + 15) & ~(size_t)15;
    else if (want < 256 * 1024)
        want *= 2;
    a->next = want;
    if (a->held < SL_ARENA_MOST && n < SL_ARENA_MOST && (chunk_add(a, n > want ? n : want) || (n < want && a->purse && chunk_add(a, n)))) {
        void *p = a->at;
        a->at += n;
        return p;
    }
    a->failed = true;
    if (n > SL_ARENA_BIG)
        return NULL;
    if (!a->reserve)
        a->reserve = malloc(SL_ARENA_BIG);
    return a->reserve;
}
void *sl_arena_zero(sl_arena *a, size_t n) {
    void *p = sl_arena_alloc(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}
sl_str sl_arena_dup(sl_arena *a, sl_str s) {
    char *p = sl_arena_alloc(a, s.n + 1);
    if (!p || (a->failed && s.n + 1 > SL_ARENA_BIG))
        return (sl_str){"", 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (sl_str){p, s.n};
}
char *sl_arena_cstr(sl_arena *a, const char *s) { return (char *)sl_arena_dup(a, sl_str_of(s)).p; }
sl_str sl_arena_printf(sl_arena *a, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    sl_str out = {"", 0};
    char *p = n < 0 ? NULL : sl_arena_alloc(a, (size_t)n + 1);
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
        out = (sl_str){p, (size_t)n};
    }
    va_end(again);
    return out;
}

/* ---- text ---- */
static inline unsigned char low(unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
bool sl_str_ieq(sl_str a, sl_str b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (low((unsigned char)a.p[i]) != low((unsigned char)b.p[i]))
            return false;
    return true;
}
int sl_str_cmp(sl_str a, sl_str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}
sl_str sl_str_trim(sl_str s) {
    while (s.n && strchr(" \t\r\n\v\f", s.p[0]) && s.p[0])
        s.p++, s.n--;
    while (s.n && strchr(" \t\r\n\v\f", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}
bool sl_str_starts(sl_str s, sl_str x) { return s.n >= x.n && (x.n == 0 || memcmp(s.p, x.p, x.n) == 0); }
bool sl_str_ends(sl_str s, sl_str x) { return s.n >= x.n && (x.n == 0 || memcmp(s.p + s.n - x.n, x.p, x.n) == 0); }
ptrdiff_t sl_str_find(sl_str hay, sl_str needle) {
    if (needle.n == 0)
        return 0;
    if (hay.n == 0)
        return -1;
    const char *p = memmem(hay.p, hay.n, needle.p, needle.n);
    return p ? p - hay.p : -1;
}
uint64_t sl_hash(const void *p, size_t n) {
    const unsigned char *s = p;
    uint64_t h = 0x9E3779B97F4A7C15ull ^ n;
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
        s += 8, n -= 8;
    }
    uint64_t w = 0;
    if (n)
        memcpy(&w, s, n);
    h = (h ^ w) * 0xc4ceb9fe1a85ec53ull;
    return h ^ (h >> 29);
}
char *sl_strdup_n(const char *p, size_t n) {
    char *c = malloc(n + 1);
    if (c) {
        if (n)
            memcpy(c, p, n);
        c[n] = 0;
    }
    return c;
}
void sl_buf_free(sl_buf *b) {
    if (b->p) /* mostly not: an error text that no row had */
        free(b->p);
    *b = (sl_buf){0};
}
bool sl_buf_grow(sl_buf *b, size_t more) {
    if (b->failed)
        return false;
    size_t want = b->n + more + 1, cap = b->cap ? b->cap : 64;
    while (cap < want)
        cap += cap / 2 + 64;
    char *p = want < (b->most ? b->most : SL_BUF_MOST) ? realloc(b->p, cap) : NULL;
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}
void sl_buf_vprintf(sl_buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n > 0 && sl_buf_room(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}
void sl_buf_printf(sl_buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(b, fmt, ap);
    va_end(ap);
}
const char *sl_buf_cstr(sl_buf *b) {
    if (b->failed || !sl_buf_room(b, 0))
        return "";
    b->p[b->n] = 0;
    return b->p;
}
char *sl_buf_take(sl_buf *b) {
    char *p = NULL;
    if (!b->failed && sl_buf_room(b, 0)) {
        p = b->p;
        p[b->n] = 0;
    } else
        free(b->p);
    *b = (sl_buf){0};
    return p;
}

/* ---- map: entries in insertion order, an index of positions beside them ---- */
typedef struct entry {
    char *key; /* NULL: deleted */
    size_t n;
    uint64_t hash;
    void *value;
} entry;
struct sl_map {
    entry *at;
    size_t n, cap, live;
    uint32_t *index; /* position + 1 */
    size_t nindex;
};
sl_map *sl_map_new(void) { return calloc(1, sizeof(sl_map)); }
void sl_map_free(sl_map *m) {
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        free(m->at[i].key);
    free(m->at);
    free(m->index);
    free(m);
}
static size_t map_find(const sl_map *m, sl_str key, uint64_t h) { /* slot in index, or SIZE_MAX */
    if (!m->nindex)
        return SIZE_MAX;
    for (size_t i = h & (m->nindex - 1);; i = (i + 1) & (m->nindex - 1)) {
        uint32_t pos = m->index[i];
        if (!pos)
            return SIZE_MAX;
        const entry *e = &m->at[pos - 1];
        if (e->key && e->hash == h && e->n == key.n && memcmp(e->key, key.p, key.n) == 0)
            return i;
    }
}
static bool map_rebuild(sl_map *m) {
    size_t want = 16;
    while (want < (m->live + 1) * 3)
        want *= 2;
    uint32_t *index = calloc(want, sizeof *index);
    if (!index)
        return false;
    size_t w = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->at[i].key)
            m->at[w++] = m->at[i];
    m->n = w;
    free(m->index);
    m->index = index;
    m->nindex = want;
    for (size_t i = 0; i < m->n; i++) {
        size_t s = m->at[i].hash & (want - 1);
        while (index[s])
            s = (s + 1) & (want - 1);
        index[s] = (uint32_t)i + 1;
    }
    return true;
}
void *sl_map_get(const sl_map *m, sl_str key) {
    size_t s = map_find(m, key, sl_hash(key.p, key.n));
    return s == SIZE_MAX ? NULL : m->at[m->index[s] - 1].value;
}
bool sl_map_has(const sl_map *m, sl_str key) { return map_find(m, key, sl_hash(key.p, key.n)) != SIZE_MAX; }
bool sl_map_set(sl_map *m, sl_str key, void *value, void **old) {
    uint64_t h = sl_hash(key.p, key.n);
    size_t s = map_find(m, key, h);
    if (old)
        *old = NULL;
    if (s != SIZE_MAX) {
        entry *e = &m->at[m->index[s] - 1];
        if (old)
            *old = e->value;
        e->value = value;
        return true;
    }
    if ((m->n + 1) * 2 > m->nindex && !map_rebuild(m))
        return false;
    if (m->n == m->cap && !sl_vec_grow_((void **)&m->at, &m->cap, sizeof *m->at, m->n + 1))
        return false;
    char *copy = sl_strdup_n(key.p, key.n);
    if (!copy)
        return false;
    m->at[m->n++] = (entry){copy, key.n, h, value};
    m->live++;
    for (s = h & (m->nindex - 1); m->index[s]; s = (s + 1) & (m->nindex - 1)) {
    }
    m->index[s] = (uint32_t)m->n;
    return true;
}
void *sl_map_del(sl_map *m, sl_str key) {
    size_t s = map_find(m, key, sl_hash(key.p, key.n));
    if (s == SIZE_MAX)
        return NULL;
    entry *e = &m->at[m->index[s] - 1];
    void *v = e->value;
    free(e->key);
    e->key = NULL; /* the index keeps pointing here until the next rebuild, so that chains stay whole */
    m->live--;
    return v;
}
size_t sl_map_len(const sl_map *m) { return m->live; }
bool sl_map_next(const sl_map *m, size_t *it, sl_str *key, void **value) {
    for (; *it < m->n; ++*it) {
        const entry *e = &m->at[*it];
        if (!e->key)
            continue;
        if (key)
            *key = (sl_str){e->key, e->n};
        if (value)
            *value = e->value;
        ++*it;
        return true;
    }
    return false;
}

bool sl_vec_grow_(void **at, size_t *cap, size_t size, size_t want) {
    size_t n = *cap ? *cap : 8;
    while (n < want)
        n += n / 2 + 1;
    void *p = realloc(*at, n * size);
    if (!p)
        return false;
    *at = p;
    *cap = n;
    return true;
}
