/* The lexer of the row reader: skips strings, numbers and whole values fast. Not for other rooms.
 * Decision: it accepts exactly what upstream's row parser accepts (raw control characters in strings, numbers as runs of number
 * characters, inf and nan), and reports in flags what is not strict JSON, because unparsed text handed on must be strict.
 * Sixteen bytes at a time where that can be had everywhere, else eight. Loads never pass the end of the text. */
#ifndef SL_DATA_JSON_LEX_H
#define SL_DATA_JSON_LEX_H
#include "base/str.h"
#include "base/bytes16.h"
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
#if SL_X16
        while (SL_JX_LIKELY(end - p >= 16)) {
            sl_x16 x = sl_x16_load(p);
            unsigned m = sl_x16_bits(sl_x16_or(sl_x16_or(sl_x16_eq(x, '"'), sl_x16_eq(x, '\\')), sl_x16_le(x, 0x1F)));
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
#if SL_X16
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
#if SL_X16
    while (SL_JX_LIKELY(end - p >= 16)) {
        sl_x16 x = sl_x16_load(p), in = sl_x16_le(sl_x16_less(x, '0'), 9);
        in = sl_x16_or(in, sl_x16_or(sl_x16_eq(x, '.'), sl_x16_eq(sl_x16_low(x), 'e')));
        in = sl_x16_or(in, sl_x16_or(sl_x16_eq(x, '-'), sl_x16_eq(x, '+')));
        unsigned m = sl_x16_bits(in) ^ 0xFFFFu;
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
