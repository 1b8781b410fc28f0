/* The index of quotes and commas, in the widest form the machine has; chosen once. */
#include "data/json_index.h"
#include <stdatomic.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef struct marks { /* of 64 bytes */
    uint64_t quote, comma;
    uint64_t backslash, high; /* gathered over all blocks: any bit set = there is one */
} marks;
static _Thread_local sl_jindex mine;

/* Bits from each quote up to, not including, its partner. */
static inline uint64_t inside_of(uint64_t quotes) {
    uint64_t m = quotes;
    m ^= m << 1;
    m ^= m << 2;
    m ^= m << 4;
    m ^= m << 8;
    m ^= m << 16;
    m ^= m << 32;
    return m;
}
/* Four without asking, which is the usual number at most: how many there are is then no branch to guess wrong. */
#define PUT_COMMAS                                                                                                     \
    unsigned n = (unsigned)__builtin_popcountll(m);                                                                    \
    const uint64_t top = 1ull << 63; /* a place for those that are not there */                                        \
    o[0] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));                                                      \
    m &= m - 1;                                                                                                        \
    o[1] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));                                                      \
    m &= m - 1;                                                                                                        \
    o[2] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));                                                      \
    m &= m - 1;                                                                                                        \
    o[3] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));                                                      \
    if (__builtin_expect(n > 4, 0))                                                                                    \
        for (unsigned i = 4; i < n; i++) {                                                                             \
            m &= m - 1;                                                                                                \
            o[i] = (uint16_t)(base + (unsigned)__builtin_ctzll(m | top));                                              \
        }                                                                                                              \
    return o + n;
void sl_json_index_plain(const char *p, size_t n, sl_jindex *x) {
    bool inside = false;
    x->high = x->backslash = false;
    x->nquotes = x->ncommas = 0;
    memset(x->quotes, 0, (n + 63) / 64 * 8);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        x->high = x->high || c >= 0x80;
        x->backslash = x->backslash || c == '\\';
        if (c == '"') {
            x->quotes[i / 64] |= 1ull << (i % 64);
            x->nquotes++;
            inside = !inside;
        } else if (c == ',' && !inside)
            x->comma[x->ncommas++] = (uint16_t)i;
    }
}
/* The loop over blocks of 64 bytes, of which there is at least one. The last one is taken from the end of the text, so that nothing behind it is
 * read; its bits are then shifted down over those that were seen before. */
#define INDEX_BODY(BLOCK, INSIDE, PUT)                                                                                 \
    uint16_t *o = x->comma;                                                                                            \
    uint64_t carry = 0;                                                                                                \
    uint32_t nquotes = 0;                                                                                              \
    marks m = {0};                                                                                                     \
    for (size_t at = 0, w = 0; at < n; at += 64, w++) {                                                                \
        unsigned shift = 0;                                                                                            \
        const char *q = p + at;                                                                                        \
        if (__builtin_expect(n - at < 64, 0)) {                                                                        \
            shift = 64 - (unsigned)(n - at);                                                                           \
            q -= shift;                                                                                                \
        }                                                                                                              \
        BLOCK(q, &m);                                                                                                  \
        uint64_t quote = m.quote >> shift, comma = m.comma >> shift;                                                   \
        uint64_t inside = INSIDE(quote) ^ carry;                                                                       \
        carry = (uint64_t)((int64_t)inside >> 63);                                                                     \
        x->quotes[w] = quote;                                                                                          \
        nquotes += (uint32_t)__builtin_popcountll(quote);                                                              \
        o = PUT(o, comma & ~inside, (unsigned)at);                                                                     \
    }                                                                                                                  \
    x->nquotes = nquotes;                                                                                              \
    x->ncommas = (uint32_t)(o - x->comma);                                                                             \
    x->high = m.high != 0;                                                                                             \
    x->backslash = m.backslash != 0;

#if defined(__x86_64__)
static inline __attribute__((always_inline)) void block_sse2(const char *p, marks *m) {
    m->quote = m->comma = 0;
    __m128i all = _mm_setzero_si128(), back = _mm_setzero_si128();
    for (int i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        m->quote |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"'))) << (16 * i);
        m->comma |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(','))) << (16 * i);
        back = _mm_or_si128(back, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
        all = _mm_or_si128(all, x);
    }
    m->high |= (unsigned)_mm_movemask_epi8(all);
    m->backslash |= (unsigned)_mm_movemask_epi8(back);
}
static inline uint16_t *put_sse2(uint16_t *o, uint64_t m, unsigned base) {
    PUT_COMMAS
}
static void index_sse2(const char *p, size_t n, sl_jindex *x) {
    INDEX_BODY(block_sse2, inside_of, put_sse2)
}
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))
static inline AVX2 __attribute__((always_inline)) uint64_t inside_clmul(uint64_t quotes) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)quotes), _mm_set1_epi8(-1), 0));
}
static inline AVX2 __attribute__((always_inline)) uint16_t *put_avx2(uint16_t *o, uint64_t m, unsigned base) {
    PUT_COMMAS
}
static inline AVX2 __attribute__((always_inline)) void block_avx2(const char *p, marks *m) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p), b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
#define MASK(c)                                                                                                        \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, _mm256_set1_epi8(c))) |                             \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, _mm256_set1_epi8(c))) << 32)
    m->quote = MASK('"');
    m->comma = MASK(',');
#undef MASK
    __m256i back = _mm256_or_si256(_mm256_cmpeq_epi8(a, _mm256_set1_epi8('\\')), _mm256_cmpeq_epi8(b, _mm256_set1_epi8('\\')));
    m->backslash |= (unsigned)_mm256_movemask_epi8(back);
    m->high |= (unsigned)_mm256_movemask_epi8(_mm256_or_si256(a, b));
}
static AVX2 void index_avx2(const char *p, size_t n, sl_jindex *x) {
    INDEX_BODY(block_avx2, inside_clmul, put_avx2)
}
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt,pclmul")))
static inline AVX512 __attribute__((always_inline)) uint64_t inside_512(uint64_t quotes) {
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)quotes), _mm_set1_epi8(-1), 0));
}
static inline AVX512 __attribute__((always_inline)) uint16_t *put_512(uint16_t *o, uint64_t m, unsigned base) {
    static const uint8_t places[64] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i all = _mm512_maskz_compress_epi8(m, _mm512_loadu_si512(places));
    unsigned n = (unsigned)__builtin_popcountll(m);
    _mm256_storeu_si256((__m256i *)(void *)o, _mm256_add_epi16(_mm256_cvtepu8_epi16(_mm512_castsi512_si128(all)), _mm256_set1_epi16((short)base)));
    if (__builtin_expect(n > 16, 0)) {
        __m512i add = _mm512_set1_epi16((short)base);
        _mm512_storeu_si512(o, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(all)), add));
        _mm512_storeu_si512(o + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(all, 1)), add));
    }
    return o + n;
}
static inline AVX512 __attribute__((always_inline)) void block_avx512(const char *p, marks *m) {
    __m512i a = _mm512_loadu_si512(p);
    m->quote = _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('"'));
    m->comma = _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8(','));
    m->backslash |= _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('\\'));
    m->high |= _mm512_movepi8_mask(a);
}
static AVX512 void index_avx512(const char *p, size_t n, sl_jindex *x) {
    INDEX_BODY(block_avx512, inside_512, put_512)
}
#endif
typedef void (*indexer)(const char *, size_t, sl_jindex *);
static indexer choose(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("pclmul") &&
        __builtin_cpu_supports("bmi2"))
        return index_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi2"))
        return index_avx2;
    return index_sse2;
#else
    return sl_json_index_plain;
#endif
}
sl_jindex *sl_json_index(const char *p, size_t n) {
    static _Atomic(indexer) chosen;
    indexer f = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (__builtin_expect(!f, 0)) {
        f = choose();
        atomic_store_explicit(&chosen, f, memory_order_relaxed);
    }
    if (__builtin_expect(n < 64, 0)) {
        char small[64];
        memset(small + n, 0, 64 - n);
        memcpy(small, p, n);
        f(small, 64, &mine);
    } else
        f(p, n, &mine);
    return &mine;
}
