/* Arena: memory for one trip (a batch, a parse, a request), freed whole.
 * Decision: small allocations never return NULL. When memory is out the arena latches `failed` and hands out a
 * private reserve page whose content is garbage; builders run on and the border checks sl_arena_failed() once.
 * Requests above SL_ARENA_BIG may return NULL and must be checked. Not thread safe: one owner. */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define SL_ARENA_BIG (64u * 1024u)
#define SL_ARENA_MOST ((size_t)1 << 30) /* an arena that has this much gets no more: one trip must not take the machine */

typedef struct sl_arena sl_arena;
/* What several arenas, and others who say so, may take together. */
typedef struct sl_purse {
    size_t left;
    size_t missed; /* so much was short when it could not pay for the first time; 0: it always could */
} sl_purse;
static inline bool sl_purse_pay(sl_purse *p, size_t n) { /* p NULL: free of charge */
    if (!p)
        return true;
    if (n > p->left) {
        p->missed = p->missed ? p->missed : n - p->left;
        return false;
    }
    p->left -= n;
    return true;
}
static inline void sl_purse_back(sl_purse *p, size_t n) {
    if (p)
        p->left += n;
}
typedef struct sl_arena_mark {
    void *chunk;
    size_t used;
} sl_arena_mark;

/* first: bytes of the first chunk (0 = default 4 KiB). NULL when memory is out. */
sl_arena *sl_arena_new(size_t first);
void sl_arena_free(sl_arena *a);
/* Keeps the largest chunk, drops the rest. Clears the latch. */
void sl_arena_reset(sl_arena *a);
sl_arena_mark sl_arena_here(const sl_arena *a);
void sl_arena_back(sl_arena *a, sl_arena_mark m); /* releases all since m */
/* From now on what a takes is paid out of p and given back there (NULL: by nobody); what it has is paid now, as far as that goes. p outlives a, or the next call. */
void sl_arena_purse(sl_arena *a, sl_purse *p);
void *sl_arena_slow(sl_arena *a, size_t n);

struct sl_arena { /* visible only for what is in line below */
    char *at, *end;
    void *chunk;
    size_t held;
    size_t next;
    bool failed;
    char *reserve;
    sl_purse *purse;
    size_t paid;
};
static inline bool sl_arena_failed(const sl_arena *a) { return a->failed; }
static inline size_t sl_arena_bytes(const sl_arena *a) { return a->held; } /* bytes held from the system */
/* 16-byte aligned, not cleared. */
static inline void *sl_arena_alloc(sl_arena *a, size_t n) {
    n = (n + 15u) & ~(size_t)15u;
    if ((size_t)(a->end - a->at) >= n) {
        void *p = a->at;
        a->at += n;
        return p;
    }
    return sl_arena_slow(a, n);
}
void *sl_arena_zero(sl_arena *a, size_t n); /* cleared */
sl_str sl_arena_dup(sl_arena *a, sl_str s); /* copy, NUL-terminated behind len */
char *sl_arena_cstr(sl_arena *a, const char *s);
sl_str sl_arena_printf(sl_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define SL_NEW(a, T) ((T *)sl_arena_zero((a), sizeof(T)))
#define SL_NEW_N(a, T, n) ((T *)sl_arena_zero((a), sizeof(T) * (size_t)(n)))
#endif
