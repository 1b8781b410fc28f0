/* Text: sl_str is a borrowed span (pointer and length, not NUL-terminated, UTF-8 unless said otherwise);
 * sl_buf is a growable byte buffer. Decision: a buffer latches `failed` when memory is out and drops what is
 * written after; the border checks once. */
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sl_str {
    const char *p;
    size_t n;
} sl_str;
#define SL_S(lit) ((sl_str){(lit), sizeof(lit) - 1})
#define SL_FMT(s) (int)(s).n, (s).p /* for "%.*s" */
static inline sl_str sl_str_of(const char *c) { return (sl_str){c, c ? strlen(c) : 0}; }
static inline sl_str sl_str_n(const char *p, size_t n) { return (sl_str){p, n}; }
static inline bool sl_str_eq(sl_str a, sl_str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool sl_str_is(sl_str a, const char *c) { return sl_str_eq(a, sl_str_of(c)); }
bool sl_str_ieq(sl_str a, sl_str b); /* ASCII case-insensitive */
int sl_str_cmp(sl_str a, sl_str b);  /* bytewise, shorter first */
sl_str sl_str_trim(sl_str s);        /* ASCII white space at both ends */
bool sl_str_starts(sl_str s, sl_str prefix);
bool sl_str_ends(sl_str s, sl_str suffix);
ptrdiff_t sl_str_find(sl_str hay, sl_str needle); /* -1 when not there */
uint64_t sl_hash(const void *p, size_t n);        /* for tables in memory only, never stored */
char *sl_strdup_n(const char *p, size_t n);       /* malloc'd, NUL-terminated; NULL when out of memory */

#define SL_BUF_MOST ((size_t)1 << 31) /* a buffer grows no further than this: as if memory were out */
typedef struct sl_buf {
    char *p;
    size_t n, cap;
    size_t most; /* set by its owner: it grows no further than this; 0: SL_BUF_MOST */
    bool failed;
} sl_buf;
void sl_buf_free(sl_buf *b);              /* empty again, memory given back */
bool sl_buf_grow(sl_buf *b, size_t more); /* room for more bytes behind n (and one NUL) */
static inline bool sl_buf_room(sl_buf *b, size_t more) { return b->cap - b->n > more || sl_buf_grow(b, more); }
static inline void sl_buf_put(sl_buf *b, const void *p, size_t n) {
    if (n && sl_buf_room(b, n)) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    }
}
static inline void sl_buf_putc(sl_buf *b, char c) {
    if (sl_buf_room(b, 1))
        b->p[b->n++] = c;
}
static inline void sl_buf_puts(sl_buf *b, const char *c) { sl_buf_put(b, c, strlen(c)); }
static inline void sl_buf_str(sl_buf *b, sl_str s) { sl_buf_put(b, s.p, s.n); }
void sl_buf_printf(sl_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl_buf_vprintf(sl_buf *b, const char *fmt, va_list ap);
/* NUL-terminated content, lent until the next write; "" when empty or failed. */
const char *sl_buf_cstr(sl_buf *b);
/* Gives the malloc'd content away (NUL-terminated) and empties b; NULL when failed. */
char *sl_buf_take(sl_buf *b);
static inline void sl_buf_clear(sl_buf *b) {
    b->n = 0;
    b->failed = false;
}
static inline sl_str sl_buf_view(const sl_buf *b) { return (sl_str){b->p, b->n}; }
#endif
