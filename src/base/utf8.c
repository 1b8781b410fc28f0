/* UTF-8. Decision: ASCII goes eight bytes at a time, everything else by plain range checks per lead byte: field text is ASCII nearly
 * always and a vector unit is not a given on edge boxes. */
#include "base/utf8.h"

/* Length of the well-formed sequence at p, 0 when malformed. n > 0, *p >= 0x80. */
static inline unsigned seq(const unsigned char *p, size_t n) {
    unsigned c = p[0];
    if (c < 0xc2)
        return 0;
    if (c < 0xe0)
        return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (c < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (c > 0xf4 || n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
        return 0;
    if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return 4;
}

bool sl_utf8_valid(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        while (end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            if (w & 0x8080808080808080ull)
                break;
            p += 8;
        }
        while (p < end && *p < 0x80)
            p++;
        while (p < end && *p >= 0x80) {
            unsigned k = seq(p, (size_t)(end - p));
            if (!k)
                return false;
            p += k;
        }
    }
    return true;
}

unsigned sl_utf8_get(const char *s, size_t n, uint32_t *rune) {
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *rune = p[0];
        return 1;
    }
    unsigned k = seq(p, n);
    switch (k) {
    case 2: *rune = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu); return 2;
    case 3: *rune = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu); return 3;
    case 4: *rune = (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu); return 4;
    default: *rune = 0xfffd; return 1;
    }
}

unsigned sl_utf8_put(char *out, uint32_t r) {
    if (r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff))
        r = 0xfffd;
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    if (r < 0x800) {
        out[0] = (char)(0xc0 | r >> 6);
        out[1] = (char)(0x80 | (r & 0x3f));
        return 2;
    }
    if (r < 0x10000) {
        out[0] = (char)(0xe0 | r >> 12);
        out[1] = (char)(0x80 | (r >> 6 & 0x3f));
        out[2] = (char)(0x80 | (r & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | r >> 18);
    out[1] = (char)(0x80 | (r >> 12 & 0x3f));
    out[2] = (char)(0x80 | (r >> 6 & 0x3f));
    out[3] = (char)(0x80 | (r & 0x3f));
    return 4;
}

size_t sl_utf8_count(sl_str s) {
    size_t runes = 0;
    for (size_t i = 0; i < s.n; runes++) {
        if ((unsigned char)s.p[i] < 0x80) {
            i++;
        } else {
            unsigned k = seq((const unsigned char *)s.p + i, s.n - i);
            i += k ? k : 1;
        }
    }
    return runes;
}
