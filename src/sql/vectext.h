/* Short texts eight bytes at a time: what loops over texts of a few bytes do instead of calling memcpy, memchr and the like for each. */
#ifndef SL_SQL_VECTEXT_H
#define SL_SQL_VECTEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SL_BYTES_OF(b) (0x0101010101010101u * (uint8_t)(b))
/* The n (at most 8) bytes at p as the low bytes of a word, zero above; nothing behind them is read. */
static inline uint64_t sl_text_word(const char *p, size_t n) {
    uint64_t w = 0;
    uint32_t a, b;
    if (n >= 8)
        memcpy(&w, p, 8);
    else if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        w = a | (uint64_t)b << (8 * (n - 4));
    } else if (n)
        w = (uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)(uint8_t)p[n - 1] << (8 * (n - 1));
    return w;
}
/* Bit 7 of each byte that is 0; exact up to the first one. */
static inline uint64_t sl_word_zeros(uint64_t w) { return (w - SL_BYTES_OF(1)) & ~w & SL_BYTES_OF(0x80); }
/* The bytes of a word that its first n are. */
static inline uint64_t sl_word_mask(size_t n) { return n >= 8 ? ~(uint64_t)0 : ((uint64_t)1 << (8 * n)) - 1; }
/* A text that others are compared with. */
typedef struct sl_text_key {
    const char *p;
    size_t n;
    uint64_t word; /* its beginning */
} sl_text_key;
static inline sl_text_key sl_text_key_of(const char *p, size_t n) { return (sl_text_key){p, n, sl_text_word(p, n < 8 ? n : 8)}; }
/* Do the bytes at p, of which there are as many as the key has, equal the key? */
static inline bool sl_text_is(const char *p, const sl_text_key *k) {
    if (k->n <= 8)
        return sl_text_word(p, k->n) == k->word;
    return memcmp(p, k->p, k->n) == 0;
}
/* Is there a line break? */
static inline bool sl_text_has_newline(const char *p, size_t n) {
    if (n > 64)
        return memchr(p, '\n', n) != NULL;
    for (; n > 8; p += 8, n -= 8)
        if (sl_word_zeros(sl_text_word(p, 8) ^ SL_BYTES_OF('\n')))
            return true;
    return n && sl_word_zeros(sl_text_word(p, n) ^ SL_BYTES_OF('\n'));
}
/* Copies n bytes; up to 7 bytes behind them are written too. */
static inline void sl_text_put(char *to, const char *p, size_t n) {
    for (; n > 8; p += 8, to += 8, n -= 8)
        memcpy(to, p, 8);
    uint64_t w = sl_text_word(p, n);
    memcpy(to, &w, 8);
}
/* Are all bytes below 0x80? */
static inline bool sl_text_plain(const char *p, size_t n) {
    uint64_t w = 0;
    for (; n > 8; p += 8, n -= 8)
        w |= sl_text_word(p, 8);
    return !((w | sl_text_word(p, n)) & SL_BYTES_OF(0x80));
}
/* Capital letters of eight bytes below 0x80, or small ones. */
static inline uint64_t sl_word_case(uint64_t w, bool up) {
    const char a = up ? 'a' : 'A';
    uint64_t from = w + SL_BYTES_OF(0x80 - a), to = w + SL_BYTES_OF(0x80 - a - 26);
    return w ^ (((from & ~to) & SL_BYTES_OF(0x80)) >> 2);
}
#endif
