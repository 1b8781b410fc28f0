/* Hex, base64 and the five digests the SQL functions offer.
 * Decision: all five share one walk over the blocks; SHA-256's constants are the upper halves of SHA-512's. */
#include "base/bytes.h"

void sl_hex_put(sl_buf *out, sl_str bytes) {
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char b = (unsigned char)bytes.p[i];
        sl_buf_putc(out, "0123456789abcdef"[b >> 4]);
        sl_buf_putc(out, "0123456789abcdef"[b & 15]);
    }
}
static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
bool sl_hex_get(sl_buf *out, sl_str text) {
    if (text.n % 2)
        return false;
    for (size_t i = 0; i < text.n; i += 2) {
        int hi = nibble(text.p[i]), lo = nibble(text.p[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        sl_buf_putc(out, (char)(hi * 16 + lo));
    }
    return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
void sl_base64_put(sl_buf *out, sl_str bytes) {
    const unsigned char *b = (const unsigned char *)bytes.p;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t have = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t v = (uint32_t)b[i] << 16 | (have > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (have > 2 ? b[i + 2] : 0);
        char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], have > 1 ? alphabet[v >> 6 & 63] : '=', have > 2 ? alphabet[v & 63] : '='};
        sl_buf_put(out, four, 4);
    }
}
static int sextet(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}
static size_t skip_ends(sl_str t, size_t i) {
    while (i < t.n && (t.p[i] == '\n' || t.p[i] == '\r'))
        i++;
    return i;
}
bool sl_base64_get(sl_buf *out, sl_str t, size_t *at) {
    for (size_t i = 0; (i = skip_ends(t, i)) < t.n;) {
        uint32_t v = 0;
        unsigned have = 0;
        size_t start = i;
        bool done = false;
        for (; have < 4; have++) {
            i = skip_ends(t, i);
            if (i == t.n) {
                *at = i - have > start ? i - have : start;
                return false;
            }
            char c = t.p[i++];
            int s = sextet(c);
            if (s >= 0) {
                v = v << 6 | (uint32_t)s;
                continue;
            }
            if (c != '=' || have < 2) {
                *at = i - 1;
                return false;
            }
            if (have == 2) { /* the second = */
                i = skip_ends(t, i);
                if (i == t.n || t.p[i] != '=') {
                    *at = i == t.n ? t.n : i - 1;
                    return false;
                }
                i++;
            }
            i = skip_ends(t, i);
            if (i < t.n) {
                *at = i;
                return false;
            }
            done = true;
            break;
        }
        v <<= 6 * (4 - have);
        char three[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        sl_buf_put(out, three, have - 1);
        if (done)
            break;
    }
    return true;
}

/* ---- digests ---- */
static const uint64_t k512[80] = {
    0x428a2f98d728ae22u, 0x7137449123ef65cdu, 0xb5c0fbcfec4d3b2fu, 0xe9b5dba58189dbbcu, 0x3956c25bf348b538u, 0x59f111f1b605d019u, 0x923f82a4af194f9bu, 0xab1c5ed5da6d8118u,
    0xd807aa98a3030242u, 0x12835b0145706fbeu, 0x243185be4ee4b28cu, 0x550c7dc3d5ffb4e2u, 0x72be5d74f27b896fu, 0x80deb1fe3b1696b1u, 0x9bdc06a725c71235u, 0xc19bf174cf692694u,
    0xe49b69c19ef14ad2u, 0xefbe4786384f25e3u, 0x0fc19dc68b8cd5b5u, 0x240ca1cc77ac9c65u, 0x2de92c6f592b0275u, 0x4a7484aa6ea6e483u, 0x5cb0a9dcbd41fbd4u, 0x76f988da831153b5u,
    0x983e5152ee66dfabu, 0xa831c66d2db43210u, 0xb00327c898fb213fu, 0xbf597fc7beef0ee4u, 0xc6e00bf33da88fc2u, 0xd5a79147930aa725u, 0x06ca6351e003826fu, 0x142929670a0e6e70u,
    0x27b70a8546d22ffcu, 0x2e1b21385c26c926u, 0x4d2c6dfc5ac42aedu, 0x53380d139d95b3dfu, 0x650a73548baf63deu, 0x766a0abb3c77b2a8u, 0x81c2c92e47edaee6u, 0x92722c851482353bu,
    0xa2bfe8a14cf10364u, 0xa81a664bbc423001u, 0xc24b8b70d0f89791u, 0xc76c51a30654be30u, 0xd192e819d6ef5218u, 0xd69906245565a910u, 0xf40e35855771202au, 0x106aa07032bbd1b8u,
    0x19a4c116b8d2d0c8u, 0x1e376c085141ab53u, 0x2748774cdf8eeb99u, 0x34b0bcb5e19b48a8u, 0x391c0cb3c5c95a63u, 0x4ed8aa4ae3418acbu, 0x5b9cca4f7763e373u, 0x682e6ff3d6b2b8a3u,
    0x748f82ee5defb2fcu, 0x78a5636f43172f60u, 0x84c87814a1f0ab72u, 0x8cc702081a6439ecu, 0x90befffa23631e28u, 0xa4506cebde82bde9u, 0xbef9a3f7b2c67915u, 0xc67178f2e372532bu,
    0xca273eceea26619cu, 0xd186b8c721c0c207u, 0xeada7dd6cde0eb1eu, 0xf57d4f7fee6ed178u, 0x06f067aa72176fbau, 0x0a637dc5a2c898a6u, 0x113f9804bef90daeu, 0x1b710b35131c471bu,
    0x28db77f523047d84u, 0x32caab7b40c72493u, 0x3c9ebe0a15c9bebcu, 0x431d67c49c100d4cu, 0x4cc5d4becb3e42b6u, 0x597f299cfc657e2au, 0x5fcb6fab3ad6faecu, 0x6c44198c4a475817u};
static const uint32_t kmd5[64] = {0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u, 0xfd469501u, 0x698098d8u, 0x8b44f7afu, 0xffff5bb1u,
                                  0x895cd7beu, 0x6b901122u, 0xfd987193u, 0xa679438eu, 0x49b40821u, 0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du, 0x02441453u,
                                  0xd8a1e681u, 0xe7d3fbc8u, 0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu, 0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au, 0xfffa3942u,
                                  0x8771f681u, 0x6d9d6122u, 0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u, 0x289b7ec6u, 0xeaa127fau, 0xd4ef3085u, 0x04881d05u,
                                  0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u, 0xf4292244u, 0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du,
                                  0x85845dd1u, 0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu, 0xeb86d391u};
static uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static uint64_t ror64(uint64_t x, unsigned n) { return x >> n | x << (64 - n); }
static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

typedef union state {
    uint32_t w[8];
    uint64_t q[8];
} state;
static void md5_block(state *s, const uint8_t *p) {
    static const uint8_t turn[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = s->w[0], b = s->w[1], c = s->w[2], d = s->w[3];
    for (unsigned i = 0; i < 64; i++) {
        unsigned g = i < 16 ? i : i < 32 ? (5 * i + 1) % 16 : i < 48 ? (3 * i + 5) % 16 : 7 * i % 16;
        uint32_t f = i < 16 ? (b & c) | (~b & d) : i < 32 ? (d & b) | (~d & c) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
        f += a + kmd5[i] + ((uint32_t)p[4 * g] | (uint32_t)p[4 * g + 1] << 8 | (uint32_t)p[4 * g + 2] << 16 | (uint32_t)p[4 * g + 3] << 24);
        a = d, d = c, c = b, b += rol(f, turn[i / 16][i % 4]);
    }
    s->w[0] += a, s->w[1] += b, s->w[2] += c, s->w[3] += d;
}
static void sha1_block(state *s, const uint8_t *p) {
    uint32_t w[80], a = s->w[0], b = s->w[1], c = s->w[2], d = s->w[3], e = s->w[4];
    for (unsigned i = 0; i < 16; i++)
        w[i] = be32(p + 4 * i);
    for (unsigned i = 16; i < 80; i++)
        w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? ((b & c) | (~b & d)) + 0x5a827999u
            : i < 40        ? (b ^ c ^ d) + 0x6ed9eba1u
            : i < 60        ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu
                            : (b ^ c ^ d) + 0xca62c1d6u;
        f += rol(a, 5) + e + w[i];
        e = d, d = c, c = rol(b, 30), b = a, a = f;
    }
    s->w[0] += a, s->w[1] += b, s->w[2] += c, s->w[3] += d, s->w[4] += e;
}
static void sha256_block(state *s, const uint8_t *p) {
    uint32_t w[64], v[8];
    for (unsigned i = 0; i < 16; i++)
        w[i] = be32(p + 4 * i);
    for (unsigned i = 16; i < 64; i++)
        w[i] = w[i - 16] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] + (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->w, sizeof v);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + (uint32_t)(k512[i] >> 32) + w[i];
        uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        s->w[i] += v[i];
}
static void sha512_block(state *s, const uint8_t *p) {
    uint64_t w[80], v[8];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint64_t)be32(p + 8 * i) << 32 | be32(p + 8 * i + 4);
    for (unsigned i = 16; i < 80; i++)
        w[i] = w[i - 16] + (ror64(w[i - 15], 1) ^ ror64(w[i - 15], 8) ^ w[i - 15] >> 7) + w[i - 7] + (ror64(w[i - 2], 19) ^ ror64(w[i - 2], 61) ^ w[i - 2] >> 6);
    memcpy(v, s->q, sizeof v);
    for (unsigned i = 0; i < 80; i++) {
        uint64_t t1 = v[7] + (ror64(v[4], 14) ^ ror64(v[4], 18) ^ ror64(v[4], 41)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k512[i] + w[i];
        uint64_t t2 = (ror64(v[0], 28) ^ ror64(v[0], 34) ^ ror64(v[0], 39)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        s->q[i] += v[i];
}
static const struct kind {
    uint8_t block, length, out, word; /* bytes of a block, of its length field, of the result, of a word */
    bool little;
    void (*step)(state *, const uint8_t *);
    state start;
} kinds[] = {
    [SL_MD5] = {64, 8, 16, 4, true, md5_block, {.w = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u}}},
    [SL_SHA1] = {64, 8, 20, 4, false, sha1_block, {.w = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}}},
    [SL_SHA256] = {64, 8, 32, 4, false, sha256_block, {.w = {0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u}}},
    [SL_SHA384] = {128,
                   16,
                   48,
                   8,
                   false,
                   sha512_block,
                   {.q = {0xcbbb9d5dc1059ed8u, 0x629a292a367cd507u, 0x9159015a3070dd17u, 0x152fecd8f70e5939u, 0x67332667ffc00b31u, 0x8eb44a8768581511u, 0xdb0c2e0d64f98fa7u,
                          0x47b5481dbefa4fa4u}}},
    [SL_SHA512] = {128,
                   16,
                   64,
                   8,
                   false,
                   sha512_block,
                   {.q = {0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u, 0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu,
                          0x5be0cd19137e2179u}}},
};
size_t sl_digest_of(sl_digest kind, sl_str data, uint8_t out[SL_DIGEST_MAX]) {
    const struct kind *k = &kinds[kind];
    state s = k->start;
    const uint8_t *p = (const uint8_t *)data.p;
    size_t left = data.n;
    for (; left >= k->block; left -= k->block, p += k->block)
        k->step(&s, p);
    uint8_t tail[256] = {0};
    if (left)
        memcpy(tail, p, left);
    tail[left] = 0x80;
    size_t n = left + 1 + k->length <= k->block ? k->block : 2u * k->block;
    uint64_t bits = (uint64_t)data.n * 8;
    for (unsigned i = 0; i < 8; i++)
        tail[k->little ? n - 8 + i : n - 1 - i] = (uint8_t)(bits >> 8 * i);
    for (size_t at = 0; at < n; at += k->block)
        k->step(&s, tail + at);
    for (unsigned i = 0; i < k->out; i++) {
        unsigned byte = i % k->word, shift = 8 * (k->little ? byte : k->word - 1 - byte);
        out[i] = (uint8_t)(k->word == 4 ? s.w[i / 4] >> shift : s.q[i / 8] >> shift);
    }
    return k->out;
}
