/* The lexer of the row reader: skips strings, numbers and whole values fast. Not for other rooms.
 * Decision: it accepts exactly what upstream's row parser accepts (raw control characters in strings, numbers as runs of number
 * characters, inf and nan), and reports in flags what is not strict JSON, because unparsed text handed on must be strict.
 * SSE2 belongs to every x86-64; elsewhere eight bytes at a time. Loads never pass the end of the text. */
#ifndef SL_DATA_JSON_LEX_H
#define SL_DATA_JSON_LEX_H
#include "base/str.h"
#if defined(__SSE2__) && !defined(SL_JX_PLAIN) /* SL_JX_PLAIN: a test wants the other form */
#define SL_JX_SSE2 1
#include <emmintrin.h>
#endif
#define SL_JX_LIKELY(x) __builtin_expect(!!(x), 1)
#define SL_JX_RARE(x) __builtin_expect(!!(x), 0)
enum {
    SL_JX_DEPTH = 300, /* upstream's limit */
    SL_JX_ESCAPED = 1, /* a string with a backslash */
    SL_JX_ODD = 2      /* not strict JSON */
};
static inline const char *sl_jx_ws(const char *p, const char *end) {
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}
/* p behind the opening quote; returns the closing quote's place or NULL. */
static inline const char *sl_jx_str(const char *p, const char *end, unsigned *flags) {
    for (;;) {
#if defined(SL_JX_SSE2)
        while (SL_JX_LIKELY(end - p >= 16)) {
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
            __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1F)), x));
            unsigned m = (unsigned)_mm_movemask_epi8(hit);
            if (m) {
                p += __builtin_ctz(m);
                goto found;
            }
            p += 16;
        }
#else
        while (end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            const uint64_t ones = 0x0101010101010101ull;
            uint64_t q = w ^ (ones * '"'), b = w ^ (ones * '\\');
            if ((((q - ones) & ~q) | ((b - ones) & ~b) | ((w - ones * 0x20) & ~w)) & (ones << 7))
                break;
            p += 8;
        }
#endif
        while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
            p++;
        if (p >= end)
            return NULL;
#if defined(SL_JX_SSE2)
    found:
#endif
        if (SL_JX_LIKELY(*p == '"'))
            return p;
        if (*p != '\\') {
            *flags |= SL_JX_ODD;
            p++;
            continue;
        }
        *flags |= SL_JX_ESCAPED;
        if (end - p < 2)
            return NULL;
        p += 2;
    }
}
/* Length of the run of number characters at p. */
static inline size_t sl_jx_run(const char *p, const char *end) {
    const char *from = p;
#if defined(SL_JX_SSE2)
    while (SL_JX_LIKELY(end - p >= 16)) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i d = _mm_sub_epi8(x, _mm_set1_epi8('0'));
        __m128i in = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
        in = _mm_or_si128(in, _mm_cmpeq_epi8(x, _mm_set1_epi8('.')));
        in = _mm_or_si128(in, _mm_cmpeq_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('e')));
        in = _mm_or_si128(in, _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
        in = _mm_or_si128(in, _mm_cmpeq_epi8(x, _mm_set1_epi8('+')));
        unsigned m = (unsigned)_mm_movemask_epi8(in) ^ 0xFFFFu;
        if (m)
            return (size_t)(p - from) + (unsigned)__builtin_ctz(m);
        p += 16;
    }
#endif
    while (p < end && ((*p >= '0' && *p <= '9') || *p == '.' || *p == '-' || *p == 'e' || *p == 'E' || *p == '+'))
        p++;
    return (size_t)(p - from);
}
static inline bool sl_jx_is3(const char *p, const char *end, const char *word) {
    return end - p >= 3 && (p[0] | 0x20) == word[0] && (p[1] | 0x20) == word[1] && (p[2] | 0x20) == word[2];
}
/* A number as upstream delimits it; NULL: no number. */
static inline const char *sl_jx_num(const char *p, const char *end) {
    size_t n = sl_jx_run(p, end);
    if (SL_JX_LIKELY(n > 1 || (n == 1 && *p >= '0')))
        return p + n;
    if (p + n == end && n)
        return end;
    if (n == 0 || *p == '-' || *p == '+')
        return sl_jx_is3(p + n, end, "inf") || sl_jx_is3(p + n, end, "nan") ? p + n + 3 : NULL;
    return p + n;
}
/* Is the number strict JSON? With int64 also: an integer that surely fits, or one with a point. */
bool sl_jx_strict_num(const char *p, const char *end, bool int64);
/* Are the string's escapes strict JSON? */
bool sl_jx_strict_escapes(const char *p, const char *end);
/* Skips one value at p (not white space), which stands at the given depth (the top is 1). NULL: syntax error. With strict, what is not
 * strict JSON (or a number the int64 rule may refuse) sets SL_JX_ODD in *flags. */
const char *sl_jx_skip(const char *p, const char *end, unsigned depth, bool strict, bool int64, unsigned *flags);
/* The error upstream words for text that does not parse; false: it parses. */
bool sl_jx_error(sl_str text, sl_buf *out);
/* Number text to double or int64 with upstream's error texts (appended to why) when it is none. */
bool sl_jx_f64(sl_str s, double *out, sl_buf *why);
bool sl_jx_i64(sl_str s, int64_t *out, sl_buf *why);
#endif
