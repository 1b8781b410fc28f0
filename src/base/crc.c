/* CRC32C. Decision: the processor's own instruction where there is one, found out at the first call, else a table of 256 words: the journal hashes each message
 * once, on the lane. */
#include "base/crc.h"
#include <stdatomic.h>
#include <string.h>

static uint32_t plain(uint32_t crc, const unsigned char *p, size_t n) {
    static _Atomic uint32_t table[256]; /* atomic: threads may fill it side by side, with the same words */
    if (!atomic_load_explicit(&table[1], memory_order_acquire))
        for (uint32_t i = 256; i-- > 0;) { /* [1] is among the last */
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0x82F63B78u : c >> 1;
            atomic_store_explicit(&table[i], c, memory_order_release);
        }
    while (n--)
        crc = crc >> 8 ^ atomic_load_explicit(&table[(crc ^ *p++) & 255], memory_order_relaxed);
    return crc;
}
#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t fast(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t c = crc, w;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&w, p, 8);
        c = __builtin_ia32_crc32di(c, w);
    }
    crc = (uint32_t)c;
    while (n--)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return crc;
}
static int have(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
static uint32_t fast(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t w;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&w, p, 8);
        crc = __crc32cd(crc, w);
    }
    while (n--)
        crc = __crc32cb(crc, *p++);
    return crc;
}
static int have(void) { return 1; }
#else
#define fast plain
static int have(void) { return 0; }
#endif
uint32_t sl_crc32c(uint32_t crc, const void *p, size_t n) { return ~(have() ? fast : plain)(~crc, p, n); }
