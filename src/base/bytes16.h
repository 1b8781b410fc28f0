/* Sixteen bytes at a time, where every machine of the architecture can: SSE2 on x86-64, NEON on arm64. SL_X16 tells whether it is so; who
 * includes this has another way for the rest. */
#ifndef SL_BASE_BYTES16_H
#define SL_BASE_BYTES16_H
#include <stdint.h>
#if defined(__SSE2__) && !defined(SL_JX_PLAIN) /* SL_JX_PLAIN: a test wants the other way */
#define SL_X16 1
#include <emmintrin.h>
typedef __m128i sl_x16;
static inline sl_x16 sl_x16_load(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
static inline void sl_x16_store(char *p, sl_x16 v) { _mm_storeu_si128((__m128i *)(void *)p, v); }
static inline sl_x16 sl_x16_eq(sl_x16 v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); } /* 0xFF where equal, else 0 */
static inline sl_x16 sl_x16_same(sl_x16 v, sl_x16 w) { return _mm_cmpeq_epi8(v, w); }
static inline sl_x16 sl_x16_le(sl_x16 v, char c) { return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(c)), v); } /* unsigned */
static inline sl_x16 sl_x16_less(sl_x16 v, char c) { return _mm_sub_epi8(v, _mm_set1_epi8(c)); }
static inline sl_x16 sl_x16_or(sl_x16 v, sl_x16 w) { return _mm_or_si128(v, w); }
static inline sl_x16 sl_x16_low(sl_x16 v) { return _mm_or_si128(v, _mm_set1_epi8(0x20)); } /* letters become small */
static inline sl_x16 sl_x16_without(sl_x16 v, sl_x16 w) { return _mm_andnot_si128(w, v); }
static inline uint32_t sl_x16_bits(sl_x16 v) { return (uint32_t)_mm_movemask_epi8(v); } /* the top bit of each byte */
#elif defined(__aarch64__) && defined(__ARM_NEON) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(SL_JX_PLAIN)
#define SL_X16 1
#include <arm_neon.h>
typedef uint8x16_t sl_x16;
static inline sl_x16 sl_x16_load(const char *p) { return vld1q_u8((const uint8_t *)p); }
static inline void sl_x16_store(char *p, sl_x16 v) { vst1q_u8((uint8_t *)p, v); }
static inline sl_x16 sl_x16_eq(sl_x16 v, char c) { return vceqq_u8(v, vdupq_n_u8((uint8_t)c)); }
static inline sl_x16 sl_x16_same(sl_x16 v, sl_x16 w) { return vceqq_u8(v, w); }
static inline sl_x16 sl_x16_le(sl_x16 v, char c) { return vcleq_u8(v, vdupq_n_u8((uint8_t)c)); }
static inline sl_x16 sl_x16_less(sl_x16 v, char c) { return vsubq_u8(v, vdupq_n_u8((uint8_t)c)); }
static inline sl_x16 sl_x16_or(sl_x16 v, sl_x16 w) { return vorrq_u8(v, w); }
static inline sl_x16 sl_x16_low(sl_x16 v) { return vorrq_u8(v, vdupq_n_u8(0x20)); }
static inline sl_x16 sl_x16_without(sl_x16 v, sl_x16 w) { return vbicq_u8(v, w); }
static inline uint32_t sl_x16_bits(sl_x16 v) {
    static const uint8_t each[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t m = vandq_u8(vcltzq_s8(vreinterpretq_s8_u8(v)), vld1q_u8(each));
    m = vpaddq_u8(m, m);
    m = vpaddq_u8(m, m);
    return vgetq_lane_u16(vreinterpretq_u16_u8(vpaddq_u8(m, m)), 0);
}
#endif
#endif
