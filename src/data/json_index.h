/* Where the quotes and the commas of a message are, found many bytes at a time. Not for other rooms.
 * Decision: skipping value by value is one long chain of "load, compare, find, advance". Positions found beforehand have no such chain, so
 * that the members of a row are read side by side. Only for text without a backslash; the reader has another way for the rest. */
#ifndef SL_DATA_JSON_INDEX_H
#define SL_DATA_JSON_INDEX_H
#include "base/str.h"
enum { SL_JI_MAX = 4096 }; /* longest message that is indexed */
typedef struct sl_jindex {
    bool high;      /* there are bytes above 0x7F */
    bool backslash; /* then nothing below is to be used */
    uint32_t nquotes, ncommas;
    uint64_t quotes[SL_JI_MAX / 64];    /* one bit a byte */
    uint16_t comma[SL_JI_MAX + 64];     /* places of commas outside strings, ascending; room behind them */
} sl_jindex;
/* n: 1 … SL_JI_MAX. Lent until the thread's next call. */
sl_jindex *sl_json_index(const char *p, size_t n);
/* For tests: the same by the plainest code. */
void sl_json_index_plain(const char *p, size_t n, sl_jindex *out);
static inline uint32_t sl_jindex_quotes(const sl_jindex *x, size_t from, size_t to) { /* in [from, to) */
    uint32_t n = 0;
    for (size_t w = from / 64; w <= (to - 1) / 64; w++) {
        uint64_t m = x->quotes[w];
        if (w == from / 64)
            m &= ~0ull << (from % 64);
        if (w == (to - 1) / 64)
            m &= ~0ull >> (63 - (to - 1) % 64);
        n += (uint32_t)__builtin_popcountll(m);
    }
    return n;
}
#endif
