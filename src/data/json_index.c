/* The index and the map, in the widest form that the machine has; chosen once.
 * Decision: each form only says how 64 bytes become bits. What is made of the bits is written once. With less than 32 bytes at a time (SSE2,
 * NEON, plain words) index and map take longer than reading the row value by value, measured; so there is no such form. */
#include "data/json_index.h"
#include <stdatomic.h>
#include <stddef.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#define ALWAYS static inline __attribute__((always_inline))
#define RARE(x) __builtin_expect(!!(x), 0)

typedef struct form {
    void (*index)(const char *, size_t, sl_jindex *);
    bool (*map)(const char *, size_t, sl_jmap *);
} form;
static _Thread_local sl_jindex my_index;
static _Thread_local sl_jmap my_map;

#if defined(__x86_64__)
/* Places of the set bits. Four without asking, which is the usual number at most: how many there are is then no branch to guess wrong. */
ALWAYS uint16_t *places_of(uint16_t *o, uint64_t m, unsigned base) {
    unsigned n = (unsigned)__builtin_popcountll(m);
    const uint64_t top = 1ull << 63; /* a place for those that are not there */
    for (int i = 0; i < 4; i++) {
        o[i] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));
        m &= m - 1;
    }
    if (RARE(n > 4))
        for (unsigned i = 4; i < n; i++) {
            o[i] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));
            m &= m - 1;
        }
    return o + n;
}
/* ---- the map ----
 * A token is looked at together with the one before it, all tokens of eight blocks at once. What one token must follow depends on the kind
 * of the innermost bracket in two cases only: a member (a text and a colon) belongs into an object, anything else into a list. These are
 * collected as events, and held against the brackets as they are gone through one by one.
 * A block begins two bytes before the end of the one before: so each has what stands before its own bytes, and nothing is handed on from
 * block to block but what may be longer: texts, digits and white space. */
enum { LANES = 8, STRIDE = 62 };
typedef uint64_t lanes __attribute__((vector_size(8 * LANES), may_alias));
typedef struct batch { /* a bit for each byte */
    _Alignas(64) uint64_t inside[LANES];
    uint64_t quotes[LANES], comma[LANES], colon[LANES], opener[LANES], closer[LANES], space[LANES], digit[LANES], zero[LANES], point[LANES], minus[LANES];
    uint64_t valid[LANES]; /* bytes of the text */
    uint64_t scalar[LANES], start[LANES], letters[LANES], lists[LANES], wrong[LANES];
    /* kept from batch to batch */
    uint64_t escaped, covered, wordend;                               /* for the functions for rare things */
    uint64_t c_fraction, c_key, c_comma, c_colon, c_opener, c_keyend; /* 1: goes on in the first bit of the next block */
    uint64_t broken;                                                  /* not 0: no strict JSON */
} batch;
#define BITS(n) ((1ull << (n)) - 1)
ALWAYS uint64_t any(const lanes *v) {
    const uint64_t *x = (const uint64_t *)(const void *)v;
    return x[0] | x[1] | x[2] | x[3] | x[4] | x[5] | x[6] | x[7];
}
/* A bit behind each run of bits that begins at one of start (which stands in the run or right behind its end). */
ALWAYS uint64_t run_ends(uint64_t run, uint64_t start, uint64_t *carry) {
    uint64_t sum = run + start + *carry;
    *carry = ((run & BITS(STRIDE)) + (start & BITS(STRIDE + 1)) + *carry) >> STRIDE;
    return sum & ~run;
}
static bool escape_ok(const char *p, const char *end) { /* p behind the backslash */
    switch (*p) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return true;
    case 'u':
        if (end - p < 5)
            return false;
        for (int i = 1; i < 5; i++)
            if (!((p[i] >= '0' && p[i] <= '9') || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'f')))
                return false;
        return true;
    default: return false;
    }
}
/* Bytes that have a backslash before them which counts. */
static __attribute__((noinline)) uint64_t escapes(batch *b, uint64_t backslash, const char *text, const char *end) {
    const uint64_t even = 0x5555555555555555ull;
    backslash &= ~b->escaped;
    uint64_t follows = backslash << 1 | b->escaped, odd = backslash & ~even & ~follows;
    uint64_t escaped = (even ^ (odd + backslash) << 1) & follows;
    b->escaped = escaped >> STRIDE & 1;
    for (uint64_t m = escaped; m; m &= m - 1) {
        const char *p = text + __builtin_ctzll(m);
        if (p >= end || !escape_ok(p, end))
            b->broken = 1;
    }
    return escaped;
}
static __attribute__((noinline)) uint64_t white_of(batch *b, uint64_t control, uint64_t string, const char *text) {
    uint64_t white = 0;
    for (uint64_t m = control; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        if (string >> i & 1 || (text[i] != '\n' && text[i] != '\r' && text[i] != '\t'))
            b->broken = 1;
        else
            white |= 1ull << i;
    }
    return white;
}
/* true, false and null in block k; letters in no such word are wrong. What goes over the end of the block is kept for the next. */
static __attribute__((noinline)) uint64_t words_over(batch *b, int k, const char *text, const char *end) {
    __extension__ typedef unsigned __int128 wide;
    wide covered = b->covered, ends = b->wordend;
    for (uint64_t m = b->start[k] & b->letters[k]; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m), len;
        uint32_t w, t, f, n;
        const char *p = text + i;
        if (end - p < 5) /* even behind the last one stands a bracket */
            break;
        memcpy(&w, p, 4);
        memcpy(&t, "true", 4);
        memcpy(&f, "fals", 4);
        memcpy(&n, "null", 4);
        if (w == t || w == n)
            len = 4;
        else if (w == f && p[4] == 'e')
            len = 5;
        else
            break;
        covered |= (wide)BITS(len) << i;
        ends |= (wide)1 << (i + len);
    }
    b->covered = (uint64_t)(covered >> STRIDE);
    b->wordend = (uint64_t)(ends >> STRIDE);
    return (b->letters[k] & ~(uint64_t)covered) | (b->scalar[k] & (uint64_t)ends);
}
ALWAYS uint64_t words(batch *b, int k, const char *text, const char *end) {
    uint64_t start = b->start[k] & b->letters[k], covered = 0, ends = 0;
    if (RARE(start >> 56 | b->covered | b->wordend || end - text < 64))
        return words_over(b, k, text, end);
    for (uint64_t m = start; m; m &= m - 1) {
        unsigned i = (unsigned)__builtin_ctzll(m);
        uint32_t w, t, f, n;
        memcpy(&w, text + i, 4);
        memcpy(&t, "true", 4);
        memcpy(&f, "fals", 4);
        memcpy(&n, "null", 4);
        unsigned five = (w == f) & (text[i + 4] == 'e'), word = (w == t) | (w == n) | five;
        covered |= (uint64_t)(word ? 15 + 16 * five : 0) << i;
        ends |= 16ull << five << i;
    }
    return (b->letters[k] & ~covered) | (b->scalar[k] & ends);
}
/* White space between the tokens: a token is then before all that stands behind the white space too. */
static __attribute__((noinline)) void behind_white(const uint64_t *c, const uint64_t *white, uint64_t *carry, uint64_t *out) {
    for (int k = 0; k < LANES; k++) {
        uint64_t from = c[k] << 1, sum = from + white[k] + *carry;
        *carry = ((from & BITS(STRIDE + 1)) + (white[k] & BITS(STRIDE)) + *carry) >> STRIDE;
        out[k] = sum & ~white[k];
    }
}
/* Where the map is. */
typedef struct level {
    uint64_t kinds; /* of the open brackets, the innermost is the lowest bit: is it an object? */
    uint64_t wrong;
    unsigned depth, depths; /* now; all there were, or-ed */
} level;
/* The brackets of block k, which begins at place at: bits of the first level. false: there is no more to be seen. */
ALWAYS bool brackets(const batch *b, int k, level *l, const char *p, const char *last, uint64_t *top) {
    const uint64_t events[2] = {b->colon[k], b->lists[k]};
    uint64_t before = 0, first = 0;
    for (uint64_t rest = b->opener[k] | b->closer[k]; rest; rest &= rest - 1) {
        uint64_t upto = rest ^ (rest - 1), mine = upto & ~before;
        l->wrong |= events[l->kinds & 1] & mine;
        first |= l->depth == 1 ? mine : 0;
        before = upto;
        const char *q = p + __builtin_ctzll(rest);
        uint64_t object = (unsigned char)*q >> 5 & 1; /* '{' and '}', not '[' and ']' */
        if (*q & 2) {                                 /* '{' and '[' */
            l->kinds = l->kinds << 1 | object;
            l->depths |= ++l->depth;
        } else {
            l->wrong |= (l->kinds & 1) ^ object;
            l->kinds >>= 1;
            if (--l->depth == 0 && q != last)
                return false;
        }
    }
    l->wrong |= events[l->kinds & 1] & ~before;
    *top = first | (l->depth == 1 ? ~before : 0);
    return true;
}
#define V(field) (*(lanes *)(void *)b.field)
#define GRAMMAR                                                                                                                                                                    \
    {                                                                                                                                                                              \
        lanes inside = V(inside), string = inside | V(quotes), open = inside & V(quotes), out = V(valid) & ~string;                                                                \
        lanes comma = V(comma) & out, colon = V(colon) & out, opener = V(opener) & out, closer = V(closer) & out, white = V(space) & out;                                          \
        /* numbers and words */                                                                                                                                                    \
        lanes scalar = out & ~(comma | colon | opener | closer | white), start = scalar & ~(scalar << 1);                                                                          \
        lanes digit = V(digit) & scalar, point = V(point) & scalar, minus = V(minus) & scalar, fraction = point << 1;                                                              \
        lanes letters = scalar & ~(digit | point | minus), lead = V(zero) & scalar & ~((digit | point) << 1);                                                                      \
        lanes wrong = (minus & ~start) | ((minus << 1 | fraction) & ~digit) | (point & ~(digit << 1)) | (lead << 1 & digit);                                                       \
        /* each token and the one before: here a value begins, or an empty list or object ends */                                                                                  \
        V(comma) = comma, V(colon) = colon, V(opener) = opener, V(space) = white;                                                                                                  \
        const uint64_t anywhite = any(&V(space));                                                                                                                                  \
        lanes empty, member, value, key;                                                                                                                                           \
        if (RARE(anywhite)) {                                                                                                                                                      \
            lanes o_, c_, k_;                                                                                                                                                      \
            behind_white(b.opener, b.space, &b.c_opener, (uint64_t *)(void *)&o_);                                                                                                 \
            behind_white(b.comma, b.space, &b.c_comma, (uint64_t *)(void *)&c_);                                                                                                   \
            behind_white(b.colon, b.space, &b.c_colon, (uint64_t *)(void *)&k_);                                                                                                   \
            empty = o_;                                                                                                                                                            \
            member = empty | c_;                                                                                                                                                   \
            value = member | k_;                                                                                                                                                   \
        } else {                                                                                                                                                                   \
            empty = opener << 1;                                                                                                                                                   \
            member = empty | comma << 1;                                                                                                                                           \
            value = member | colon << 1;                                                                                                                                           \
            b.c_opener = b.c_comma = b.c_colon = 0;                                                                                                                                \
        }                                                                                                                                                                          \
        lanes twice;                                                                                                                                                               \
        V(start) = fraction, V(letters) = open & member, V(digit) = digit;                                                                                                         \
        uint64_t c_fraction = b.c_fraction, c_key = b.c_key;                                                                                                                       \
        for (k = 0; k < LANES; k++) {                                                                                                                                              \
            b.start[k] = run_ends(b.digit[k], b.start[k], &c_fraction);                                                                                                            \
            b.letters[k] = run_ends(b.inside[k], b.letters[k], &c_key);                                                                                                            \
        }                                                                                                                                                                          \
        b.c_fraction = c_fraction, b.c_key = c_key;                                                                                                                                \
        twice = V(start), key = V(letters);                                                                                                                                        \
        wrong |= twice & point;                                                                                                                                                    \
        if (RARE(anywhite)) {                                                                                                                                                      \
            lanes ends = key;                                                                                                                                                      \
            behind_white((uint64_t *)(void *)&ends, b.space, &b.c_keyend, (uint64_t *)(void *)&key);                                                                               \
        } else {                                                                                                                                                                   \
            key = key << 1;                                                                                                                                                        \
            b.c_keyend = 0;                                                                                                                                                        \
        }                                                                                                                                                                          \
        value |= (lanes){!base}; /* the first bracket needs nothing before it */                                                                                                   \
        wrong |= ((open | start | opener) & ~value) | ((comma | colon) & value) | (closer & value & ~empty) | (colon & ~key);                                                      \
        lanes own = V(valid) & ~(lanes){base ? 3 : 0, 3, 3, 3, 3, 3, 3, 3};                                                                                                        \
        V(lists) = ((key & ~colon) | (member & (start | opener))) & own;                                                                                                           \
        V(wrong) = wrong & own;                                                                                                                                                    \
        V(comma) = comma & own, V(colon) = colon & own, V(opener) = opener & own, V(closer) = closer & own;                                                                        \
        V(scalar) = scalar & own, V(start) = start, V(letters) = letters & own;                                                                                                    \
    }

/* Parameters as of FORM below. */
/* The formatter never settles on one form of this. */
/* clang-format off */
#define MAPFORM(NAME, TARGET, VEC, LOAD, PART, CONST, EQ, LE, LOW, OR, HIGH, INSIDE)                                                                                               \
    static TARGET bool map_##NAME(const char *p, size_t n, sl_jmap *x) {                                                                                                           \
        batch b;                                                                                                                                                                   \
        memset(&b.escaped, 0, sizeof b - offsetof(batch, escaped));                                                                                                                \
        level l = {0};                                                                                                                                                             \
        uint64_t c_inside = 0, anyback = 0, escaped = 0;                                                                                                                           \
        uint32_t ncommas = 0;                                                                                                                                                      \
        char pad[64];                                                                                                                                                              \
        (void)pad;                                                                                                                                                                 \
        CONST(quote, '"')                                                                                                                                                          \
        CONST(comma, ',')                                                                                                                                                          \
        CONST(colon, ':')                                                                                                                                                          \
        CONST(open, '{')                                                                                                                                                           \
        CONST(close, '}') CONST(space, ' ') CONST(control, 0x1F) CONST(back, '\\') CONST(nine, '9') CONST(slash, '/') CONST(zero, '0') CONST(point, '.') CONST(minus, '-')         \
            VEC every = PART(p, 1, pad);                                                                                                                                           \
        for (size_t base = 0; !base || base + 2 < n; base += LANES * STRIDE) {                                                                                                     \
            int k = 0;                                                                                                                                                             \
            V(valid) = ~(lanes){0};                                                                                                                                                \
            for (; k < LANES && base + (size_t)k * STRIDE + (base || k ? 2 : 0) < n; k++) {                                                                                        \
                const char *q = p + base + k * STRIDE;                                                                                                                             \
                size_t left = n - base - (size_t)k * STRIDE;                                                                                                                       \
                VEC v = left >= 64 ? LOAD(q) : PART(q, left, pad), low = LOW(v);                                                                                                   \
                every = OR(every, v);                                                                                                                                              \
                uint64_t quotes = EQ(v, k_quote), control = LE(v, k_control), back = EQ(v, k_back), space = EQ(v, k_space);                                                        \
                if (left < 64)                                                                                                                                                     \
                    b.valid[k] = BITS(left);                                                                                                                                       \
                if (RARE(back | escaped)) {                                                                                                                                        \
                    anyback |= back;                                                                                                                                               \
                    quotes &= ~escapes(&b, back, q, p + n);                                                                                                                        \
                    escaped = b.escaped;                                                                                                                                           \
                }                                                                                                                                                                  \
                uint64_t inside = INSIDE(quotes) ^ c_inside;                                                                                                                       \
                c_inside = (uint64_t)((int64_t)(inside << 2) >> 63);                                                                                                               \
                b.quotes[k] = quotes;                                                                                                                                              \
                b.inside[k] = inside;                                                                                                                                              \
                b.comma[k] = EQ(v, k_comma);                                                                                                                                       \
                b.colon[k] = EQ(v, k_colon);                                                                                                                                       \
                b.opener[k] = EQ(low, k_open);                                                                                                                                     \
                b.closer[k] = EQ(low, k_close);                                                                                                                                    \
                b.digit[k] = LE(v, k_nine) & ~LE(v, k_slash);                                                                                                                      \
                b.zero[k] = EQ(v, k_zero);                                                                                                                                         \
                b.point[k] = EQ(v, k_point);                                                                                                                                       \
                b.minus[k] = EQ(v, k_minus);                                                                                                                                       \
                if (RARE(control))                                                                                                                                                 \
                    space |= white_of(&b, control, inside | quotes, q);                                                                                                            \
                b.space[k] = space;                                                                                                                                                \
            }                                                                                                                                                                      \
            int used = k;                                                                                                                                                          \
            for (; k < LANES; k++)                                                                                                                                                 \
                b.quotes[k] = b.inside[k] = b.valid[k] = 0;                                                                                                                        \
            GRAMMAR                                                                                                                                                                \
            for (k = 0; k < used; k++) {                                                                                                                                           \
                size_t at = base + (size_t)k * STRIDE;                                                                                                                             \
                if (b.letters[k] | b.covered | b.wordend)                                                                                                                          \
                    l.wrong |= words(&b, k, p + at, p + n);                                                                                                                        \
                uint64_t top = l.depth == 1 ? ~0ull : 0, comma = b.comma[k];                                                                                                       \
                if (b.opener[k] | b.closer[k]) {                                                                                                                                   \
                    if (!brackets(&b, k, &l, p + at, p + n - 1, &top))                                                                                                             \
                        return false;                                                                                                                                              \
                } else                                                                                                                                                             \
                    l.wrong |= l.kinds & 1 ? b.lists[k] : b.colon[k];                                                                                                              \
                l.wrong |= b.wrong[k];                                                                                                                                             \
                comma &= top;                                                                                                                                                      \
                unsigned many = (unsigned)__builtin_popcountll(comma);                                                                                                             \
                uint32_t *o = x->comma + ncommas;                                                                                                                                  \
                ncommas += many;                                                                                                                                                   \
                o[0] = (uint32_t)at + (uint32_t)__builtin_ctzll(comma | 1ull << 63);                                                                                               \
                comma &= comma - 1;                                                                                                                                                \
                o[1] = (uint32_t)at + (uint32_t)__builtin_ctzll(comma | 1ull << 63);                                                                                               \
                if (RARE(many > 2)) {                                                                                                                                              \
                    if (ncommas > SL_JM_MAX)                                                                                                                                       \
                        return false;                                                                                                                                              \
                    for (o += 2; (comma &= comma - 1) != 0;)                                                                                                                       \
                        *o++ = (uint32_t)at + (uint32_t)__builtin_ctzll(comma);                                                                                                    \
                }                                                                                                                                                                  \
                if (ncommas > SL_JM_MAX)                                                                                                                                           \
                    return false;                                                                                                                                                  \
            }                                                                                                                                                                      \
            if (RARE(b.broken | l.wrong || l.depths > 63))                                                                                                                         \
                return false;                                                                                                                                                      \
        }                                                                                                                                                                          \
        x->ncommas = ncommas;                                                                                                                                                      \
        x->comma[ncommas] = (uint32_t)n - 1;                                                                                                                                       \
        x->high = HIGH(every) != 0;                                                                                                                                                \
        x->backslash = anyback != 0;                                                                                                                                               \
        x->nested = l.depths > 1;                                                                                                                                                  \
        return l.depth == 0;                                                                                                                                                       \
    }
/* clang-format on */

/* One form: VEC is 64 bytes; LOAD, and PART for less; EQ and LE (as mask, unsigned), LOW (with the bit of small letters set); CONST
 * declares a byte to compare with. */
#define FORM(NAME, TARGET, VEC, LOAD, PART, CONST, EQ, LE, LOW, OR, HIGH, INSIDE, PLACES)                                                                                          \
    static TARGET void index_##NAME(const char *p, size_t n, sl_jindex *x) {                                                                                                       \
        uint16_t *o = x->comma;                                                                                                                                                    \
        uint64_t carry = 0, anyback = 0;                                                                                                                                           \
        char pad[64];                                                                                                                                                              \
        VEC every = PART(p, 1, pad);                                                                                                                                               \
        (void)pad;                                                                                                                                                                 \
        uint32_t nquotes = 0;                                                                                                                                                      \
        CONST(quote, '"') CONST(comma, ',') CONST(back, '\\') for (size_t at = 0; at < n; at += 64) {                                                                              \
            VEC v = n - at >= 64 ? LOAD(p + at) : PART(p + at, n - at, pad);                                                                                                       \
            uint64_t quotes = EQ(v, k_quote), inside = INSIDE(quotes) ^ carry;                                                                                                     \
            anyback |= EQ(v, k_back);                                                                                                                                              \
            every = OR(every, v);                                                                                                                                                  \
            carry = (uint64_t)((int64_t)inside >> 63);                                                                                                                             \
            nquotes += (uint32_t)__builtin_popcountll(quotes);                                                                                                                     \
            o = PLACES(o, EQ(v, k_comma) & ~inside, (unsigned)at);                                                                                                                 \
        }                                                                                                                                                                          \
        x->nquotes = nquotes;                                                                                                                                                      \
        x->ncommas = (uint32_t)(o - x->comma);                                                                                                                                     \
        x->high = HIGH(every) != 0;                                                                                                                                                \
        x->backslash = anyback != 0;                                                                                                                                               \
    }
#define CONST_PLAIN(name, c) const char k_##name = c;
/* Less than a block, by way of a copy. */
ALWAYS const char *padded(const char *p, size_t n, char *pad) { return memcpy(memset(pad, ' ', 64), p, n); }

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))
#define IN_AVX2 static inline AVX2 __attribute__((always_inline))
typedef struct vec32 {
    __m256i a, b;
} vec32;
IN_AVX2 uint64_t inside_clmul(uint64_t quotes) { return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)quotes), _mm_set1_epi8(-1), 0)); }
IN_AVX2 uint64_t mask_32(__m256i a, __m256i b) { return (uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32; }
IN_AVX2 vec32 load_32(const char *p) { return (vec32){_mm256_loadu_si256((const __m256i *)(const void *)p), _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))}; }
IN_AVX2 uint64_t eq_32(vec32 v, char c) { return mask_32(_mm256_cmpeq_epi8(v.a, _mm256_set1_epi8(c)), _mm256_cmpeq_epi8(v.b, _mm256_set1_epi8(c))); }
IN_AVX2 uint64_t le_32(vec32 v, char c) {
    __m256i x = _mm256_set1_epi8(c);
    return mask_32(_mm256_cmpeq_epi8(v.a, _mm256_min_epu8(v.a, x)), _mm256_cmpeq_epi8(v.b, _mm256_min_epu8(v.b, x)));
}
IN_AVX2 vec32 low_32(vec32 v) { return (vec32){_mm256_or_si256(v.a, _mm256_set1_epi8(0x20)), _mm256_or_si256(v.b, _mm256_set1_epi8(0x20))}; }
IN_AVX2 vec32 or_32(vec32 v, vec32 w) { return (vec32){_mm256_or_si256(v.a, w.a), _mm256_or_si256(v.b, w.b)}; }
IN_AVX2 int high_32(vec32 v) { return _mm256_movemask_epi8(_mm256_or_si256(v.a, v.b)); }
#define part_32(p, n, pad) load_32(padded(p, n, pad))
FORM(avx2, AVX2, vec32, load_32, part_32, CONST_PLAIN, eq_32, le_32, low_32, or_32, high_32, inside_clmul, places_of)
MAPFORM(avx2, AVX2, vec32, load_32, part_32, CONST_PLAIN, eq_32, le_32, low_32, or_32, high_32, inside_clmul)

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul")))
#define IN_AVX512 static inline AVX512 __attribute__((always_inline))
IN_AVX512 __m512i load_64(const char *p) { return _mm512_loadu_si512(p); }
IN_AVX512 uint64_t eq_64(__m512i v, __m512i c) { return _mm512_cmpeq_epi8_mask(v, c); }
IN_AVX512 uint64_t le_64(__m512i v, __m512i c) { return _mm512_cmple_epu8_mask(v, c); }
IN_AVX512 __m512i low_64(__m512i v) { return _mm512_or_si512(v, _mm512_set1_epi8(0x20)); }
IN_AVX512 uint16_t *places_64(uint16_t *o, uint64_t m, unsigned base) {
    static const uint8_t places[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                       32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i all = _mm512_maskz_compress_epi8(m, _mm512_loadu_si512(places));
    unsigned n = (unsigned)__builtin_popcountll(m);
    _mm256_storeu_si256((__m256i *)(void *)o, _mm256_add_epi16(_mm256_cvtepu8_epi16(_mm512_castsi512_si128(all)), _mm256_set1_epi16((short)base)));
    if (RARE(n > 16)) {
        __m512i add = _mm512_set1_epi16((short)base);
        _mm512_storeu_si512(o, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(all)), add));
        _mm512_storeu_si512(o + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(all, 1)), add));
    }
    return o + n;
}
#define part_64(p, n, pad) _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), ~0ull >> (64 - (n)), p)
/* Hidden from the compiler, which would else make it anew for each block. */
#define CONST_64(name, c)                                                                                                                                                          \
    __m512i k_##name = _mm512_set1_epi8(c);                                                                                                                                        \
    __asm__("" : "+v"(k_##name));
FORM(avx512, AVX512, __m512i, load_64, part_64, CONST_64, eq_64, le_64, low_64, _mm512_or_si512, _mm512_movepi8_mask, inside_clmul, places_64)
MAPFORM(avx512, AVX512, __m512i, load_64, part_64, CONST_64, eq_64, le_64, low_64, _mm512_or_si512, _mm512_movepi8_mask, inside_clmul)

static const form *const all_forms[] = {&(form){NULL, NULL}, &(form){index_avx2, map_avx2}, &(form){index_avx512, map_avx512}};
static unsigned forms(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 1;
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") ? 3 : 2;
}
#else
static const form *const all_forms[] = {&(form){NULL, NULL}};
static unsigned forms(void) { return 1; }
#endif
static _Atomic(const form *) chosen;
void sl_json_index_use(unsigned which) {
    unsigned n = forms();
    atomic_store_explicit(&chosen, all_forms[which < n ? which : n - 1], memory_order_relaxed);
}
unsigned sl_json_index_forms(void) { return forms(); }
static inline const form *form_now(void) {
    const form *f = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (RARE(!f)) {
        sl_json_index_use(~0u);
        f = atomic_load_explicit(&chosen, memory_order_relaxed);
    }
    return f;
}
sl_jindex *sl_json_index(const char *p, size_t n) {
    const form *f = form_now();
    if (!f->index)
        return NULL;
    f->index(p, n, &my_index);
    return &my_index;
}
const sl_jmap *sl_json_map(const char *p, size_t n) {
    const form *f = form_now();
    return f->map && n >= 2 && n <= UINT32_MAX && *p == '{' && p[n - 1] == '}' && f->map(p, n, &my_map) ? &my_map : NULL;
}
