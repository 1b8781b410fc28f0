/* Values to JSON text exactly as Go's encoding/json writes them, and Go's %q quoting.
 * Decision: nested text that was never parsed (JSONTEXT) leaves as it came when it already is what Go would have written; a check
 * of one pass decides. Otherwise it is parsed on a scratch arena of the thread and written anew. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/num.h"
#include "base/utf8.h"
#include "base/bytes16.h"
#include "data/json.h"
#include "data/json_text.h"

enum { MAX_DEPTH = 512 };
static const char hexdigits[] = "0123456789abcdef";

/* 1: the byte stands for itself inside a JSON string */
static const uint8_t plain[256] = {[0x20] = 1, [0x21] = 1, [0x23 ... 0x25] = 1, [0x27 ... 0x3B] = 1, [0x3D] = 1, [0x3F ... 0x5B] = 1, [0x5D ... 0x7F] = 1};

/* Is there nothing among the eight bytes below 0x20, above 0x7F, nor one of " \ < > & ? */
static inline uint64_t odd8(uint64_t w) {
    const uint64_t ones = 0x0101010101010101ull, high = ones << 7;
#define HAS(c) (((w ^ (ones * (c))) - ones) & ~(w ^ (ones * (c))))
    return (w | (w - ones * 0x20) | HAS('"') | HAS('\\') | HAS('<') | HAS('>') | HAS('&')) & high;
#undef HAS
}
/* Copies s when every byte stands for itself. What is behind the text may be written too, 16 bytes at most. */
static inline bool put_as_is(char *o, sl_str s) {
#if SL_X16
    if (s.n >= 16) {
        size_t i = 0;
        uint32_t odd = 0;
        for (;; i += 16) {
            if (i + 16 > s.n)
                i = s.n - 16;
            sl_x16 x = sl_x16_load(s.p + i);
            sl_x16 hit = sl_x16_or(sl_x16_or(sl_x16_eq(x, '"'), sl_x16_eq(x, '\\')), sl_x16_or(sl_x16_eq(x, '<'), sl_x16_eq(x, '>')));
            odd = sl_x16_bits(sl_x16_or(sl_x16_or(hit, sl_x16_eq(x, '&')), sl_x16_or(sl_x16_le(x, 0x1F), x)));
            sl_x16_store(o + i, x);
            if (odd || i + 16 == s.n)
                return !odd;
        }
    }
#else
    while (s.n >= 16) {
        uint64_t w[2];
        memcpy(w, s.p, 16);
        if (odd8(w[0]) | odd8(w[1]))
            return false;
        memcpy(o, w, 16);
        o += 16, s.p += 16, s.n -= 16;
    }
#endif
    if (s.n >= 8) {
        uint64_t v, w;
        memcpy(&v, s.p, 8);
        memcpy(&w, s.p + s.n - 8, 8);
        memcpy(o, &v, 8);
        memcpy(o + s.n - 8, &w, 8);
        return !(odd8(v) | odd8(w));
    }
    if (s.n >= 4) {
        uint32_t v, w;
        memcpy(&v, s.p, 4);
        memcpy(&w, s.p + s.n - 4, 4);
        memcpy(o, &v, 4);
        memcpy(o + s.n - 4, &w, 4);
        return !odd8((uint64_t)w << 32 | v);
    }
    for (size_t i = 0; i < s.n; i++) {
        o[i] = s.p[i];
        if (!plain[(unsigned char)s.p[i]])
            return false;
    }
    return true;
}
void sl_json_put_str(sl_buf *b, sl_str s) {
    if (!sl_buf_room(b, s.n + 18))
        return;
    char *o = b->p + b->n;
    *o++ = '"';
    if (__builtin_expect(put_as_is(o, s), 1)) {
        o[s.n] = '"';
        b->n += s.n + 2;
        return;
    }
    if (!sl_buf_room(b, s.n * 6 + 2))
        return;
    o = b->p + b->n;
    const char *p = s.p, *end = s.p + s.n;
    *o++ = '"';
    while (p < end) {
        while (end - p >= 8) {
            uint64_t w;
            memcpy(&w, p, 8);
            if (odd8(w))
                break;
            memcpy(o, p, 8);
            o += 8, p += 8;
        }
        while (p < end && plain[(unsigned char)*p])
            *o++ = *p++;
        if (p >= end)
            break;
        unsigned char c = (unsigned char)*p;
        if (c < 0x80) {
            p++;
            *o++ = '\\';
            switch (c) {
            case '"':
            case '\\': *o++ = (char)c; break;
            case '\b': *o++ = 'b'; break;
            case '\f': *o++ = 'f'; break;
            case '\n': *o++ = 'n'; break;
            case '\r': *o++ = 'r'; break;
            case '\t': *o++ = 't'; break;
            default:
                memcpy(o, "u00", 3);
                o[3] = hexdigits[c >> 4];
                o[4] = hexdigits[c & 15];
                o += 5;
            }
            continue;
        }
        uint32_t rune;
        unsigned n = sl_utf8_get(p, (size_t)(end - p), &rune);
        if (rune == 0xFFFD && n == 1) {
            memcpy(o, "\\ufffd", 6);
            o += 6;
        } else if (rune == 0x2028 || rune == 0x2029) {
            memcpy(o, "\\u202", 5);
            o[5] = hexdigits[rune & 15];
            o += 6;
        } else {
            memcpy(o, p, n);
            o += n;
        }
        p += n;
    }
    *o++ = '"';
    b->n = (size_t)(o - b->p);
}

static void put_base64(sl_buf *b, sl_str s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!sl_buf_room(b, (s.n + 2) / 3 * 4 + 2))
        return;
    char *o = b->p + b->n;
    const unsigned char *p = (const unsigned char *)s.p;
    *o++ = '"';
    size_t i = 0;
    for (; i + 2 < s.n; i += 3) {
        uint32_t w = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *o++ = digits[w >> 18];
        *o++ = digits[w >> 12 & 63];
        *o++ = digits[w >> 6 & 63];
        *o++ = digits[w & 63];
    }
    if (i < s.n) {
        uint32_t w = (uint32_t)p[i] << 16 | (i + 1 < s.n ? (uint32_t)p[i + 1] << 8 : 0);
        *o++ = digits[w >> 18];
        *o++ = digits[w >> 12 & 63];
        *o++ = i + 1 < s.n ? digits[w >> 6 & 63] : '=';
        *o++ = '=';
    }
    *o++ = '"';
    b->n = (size_t)(o - b->p);
}
static bool put_float(sl_buf *b, sl_value v, sl_str *why) {
    if (v.flags & SL_F_WHOLE) {
        if (sl_buf_room(b, SL_NUM_MAX))
            b->n += sl_num_i64(b->p + b->n, v.i);
        return true;
    }
    if (!isfinite(v.f)) {
        if (why)
            *why = isnan(v.f) ? SL_S("json: unsupported value: NaN") : v.f > 0 ? SL_S("json: unsupported value: +Inf") : SL_S("json: unsupported value: -Inf");
        return false;
    }
    double d = v.f;
    if (v.flags & SL_F_SINGLE) { /* the shortest decimal that reads back as the same float32 */
        char t[40];
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(t, sizeof t, "%.*e", digits - 1, d);
            for (char *c = t; *c; c++)
                if (*c == ',')
                    *c = '.';
            double back;
            if (sl_num_parse_f64(sl_str_of(t), &back) && (float)back == (float)d) {
                d = back;
                break;
            }
        }
    }
    if (sl_buf_room(b, SL_NUM_MAX))
        b->n += sl_num_json(b->p + b->n, d);
    return true;
}
/* Two's complement, big endian, with a scale: plain decimal digits. */
static void put_decimal(sl_buf *b, sl_value v) {
    size_t n = v.len;
    uint8_t few[64], *mag = n <= sizeof few ? few : malloc(n);
    char *text = malloc(n * 3 + 2);
    if (!mag || !text) {
        b->failed = true;
        goto out;
    }
    memcpy(mag, v.p, n);
    bool neg = n && mag[0] & 0x80;
    if (neg)
        for (size_t i = n, carry = 1; i-- > 0;) {
            unsigned x = (uint8_t)~mag[i] + (unsigned)carry;
            mag[i] = (uint8_t)x;
            carry = x >> 8;
        }
    size_t digits = 0, from = 0;
    while (from < n) { /* divide by ten until nothing is left */
        unsigned rem = 0;
        for (size_t i = from; i < n; i++) {
            unsigned x = rem << 8 | mag[i];
            mag[i] = (uint8_t)(x / 10);
            rem = x % 10;
        }
        text[digits++] = (char)('0' + rem);
        while (from < n && !mag[from])
            from++;
    }
    while (digits > 1 && text[digits - 1] == '0')
        digits--;
    if (!digits)
        text[digits++] = '0';
    int scale = (int16_t)v.aux;
    if (neg)
        sl_buf_putc(b, '-');
    if (scale >= (int)digits) {
        sl_buf_puts(b, "0.");
        for (int i = (int)digits; i < scale; i++)
            sl_buf_putc(b, '0');
    }
    for (size_t i = digits; i-- > 0;) {
        sl_buf_putc(b, text[i]);
        if (scale > 0 && i == (size_t)scale && i > 0)
            sl_buf_putc(b, '.');
    }
    for (int i = scale; i < 0; i++)
        sl_buf_putc(b, '0');
out:
    free(text);
    if (mag != few)
        free(mag);
}

/* ---- unparsed text that is already what Go would write ---- */
typedef struct canon {
    const char *p, *end;
} canon;
static bool canon_str(canon *c, sl_str *out) { /* at the quote; only text that needs no escape and no decoding */
    const char *from = ++c->p;
    for (; c->p < c->end; c->p++) {
        unsigned char x = (unsigned char)*c->p;
        if (x < 0x80 ? !plain[x] : x == 0xE2 && c->end - c->p > 2 && (unsigned char)c->p[1] == 0x80 && ((unsigned char)c->p[2] & 0xFE) == 0xA8)
            break; /* the two line separators are escaped; other UTF-8 is valid here and stands for itself */
    }
    if (c->p >= c->end || *c->p != '"')
        return false;
    *out = (sl_str){from, (size_t)(c->p - from)};
    c->p++;
    return true;
}
static bool canon_num(canon *c) { /* up to 15 digits, no exponent, no superfluous zero: printed again it is the same */
    bool neg = *c->p == '-';
    if (neg)
        c->p++;
    const char *from = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    size_t n = (size_t)(c->p - from), f = 0;
    if (n == 0 || (n > 1 && *from == '0'))
        return false;
    bool zero = *from == '0';
    if (c->p < c->end && *c->p == '.') {
        const char *frac = ++c->p;
        while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
            c->p++;
        f = (size_t)(c->p - frac);
        if (!f || c->p[-1] == '0')
            return false;
        if (zero && f >= 6 && memcmp(frac, "00000", 5) == 0) /* near the border to exponents */
            return false;
        zero = false;
    }
    if (n + f > 15 || (neg && zero))
        return false;
    return c->p >= c->end || (*c->p != 'e' && *c->p != 'E');
}
static bool canon_value(canon *c, int depth) {
    if (c->p >= c->end || depth > 64)
        return false;
    switch (*c->p) {
    case '{': {
        c->p++;
        if (c->p < c->end && *c->p == '}')
            return c->p++, true;
        sl_str last = {NULL, 0}, key;
        for (;;) {
            if (c->p >= c->end || *c->p != '"' || !canon_str(c, &key) || (last.p && sl_str_cmp(last, key) >= 0))
                return false;
            last = key;
            if (c->p >= c->end || *c->p++ != ':' || !canon_value(c, depth + 1) || c->p >= c->end)
                return false;
            if (*c->p == '}')
                return c->p++, true;
            if (*c->p++ != ',')
                return false;
        }
    }
    case '[':
        c->p++;
        if (c->p < c->end && *c->p == ']')
            return c->p++, true;
        for (;;) {
            if (!canon_value(c, depth + 1) || c->p >= c->end)
                return false;
            if (*c->p == ']')
                return c->p++, true;
            if (*c->p++ != ',')
                return false;
        }
    case '"': {
        sl_str s;
        return canon_str(c, &s);
    }
    case 't':
        if (c->end - c->p < 4 || memcmp(c->p, "true", 4))
            return false;
        c->p += 4;
        return true;
    case 'f':
        if (c->end - c->p < 5 || memcmp(c->p, "false", 5))
            return false;
        c->p += 5;
        return true;
    case 'n':
        if (c->end - c->p < 4 || memcmp(c->p, "null", 4))
            return false;
        c->p += 4;
        return true;
    default: return canon_num(c);
    }
}

/* ---- values ---- */
static bool put(sl_buf *b, sl_value v, sl_str *why, int depth);
static bool put_jsontext(sl_buf *b, sl_value v, sl_str *why, int depth) {
    sl_str t = sl_v_text(v);
    canon c = {t.p, t.p + t.n};
    if (canon_value(&c, 0) && c.p == c.end) {
        sl_buf_str(b, t);
        return true;
    }
    sl_arena *a = sl_arena_new(t.n < 1024 ? 0 : t.n * 4);
    if (!a) {
        b->failed = true;
        return true;
    }
    sl_value full;
    sl_err *e = sl_json_value(a, t, v.aux & 1, &full);
    bool ok = true;
    if (e) { /* cannot be: the reader checked it */
        sl_err_free(e);
        sl_buf_puts(b, "null");
    } else
        ok = put(b, full, why, depth);
    sl_arena_free(a);
    return ok;
}
static int member_cmp(const void *x, const void *y) {
    const sl_member *const *m = x, *const *n = y;
    return sl_str_cmp((*m)->key, (*n)->key);
}
static bool put_members(sl_buf *b, const sl_member *const *order, uint32_t n, sl_str *why, int depth) {
    sl_buf_putc(b, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            sl_buf_putc(b, ',');
        sl_json_put_str(b, order[i]->key);
        sl_buf_putc(b, ':');
        if (!put(b, order[i]->val, why, depth + 1))
            return false;
    }
    sl_buf_putc(b, '}');
    return true;
}
static bool put_map(sl_buf *b, sl_value v, sl_str *why, int depth) {
    const sl_member *few[48], **order = few;
    if (v.len > 48 && !(order = malloc(v.len * sizeof *order))) {
        b->failed = true;
        return true;
    }
    bool sorted = true;
    for (uint32_t i = 0; i < v.len; i++) {
        order[i] = &v.map[i];
        sorted = sorted && (!i || sl_str_cmp(v.map[i - 1].key, v.map[i].key) <= 0);
    }
    if (!sorted && v.len <= 48) { /* insertion: no call per comparison, nearly sorted is common */
        for (uint32_t i = 1; i < v.len; i++) {
            const sl_member *m = order[i];
            uint32_t k = i;
            for (; k && sl_str_cmp(order[k - 1]->key, m->key) > 0; k--)
                order[k] = order[k - 1];
            order[k] = m;
        }
    } else if (!sorted)
        qsort(order, v.len, sizeof *order, member_cmp);
    bool ok = put_members(b, order, v.len, why, depth);
    if (order != few)
        free(order);
    return ok;
}
static bool put_pairs(sl_buf *b, sl_value v, sl_str *why, int depth) { /* keys of any kind become their text */
    sl_arena *a = sl_arena_new(0);
    sl_member *m = a ? sl_arena_alloc(a, v.len * sizeof *m) : NULL;
    if (!m || sl_arena_failed(a)) {
        b->failed = true;
        sl_arena_free(a);
        return true;
    }
    for (uint32_t i = 0; i < v.len; i++) {
        sl_value k = v.pairs[i].key;
        m[i].val = v.pairs[i].val;
        if (k.kind == SL_STRING) {
            m[i].key = sl_v_text(k);
            continue;
        }
        sl_buf t = {0};
        sl_value_print(&t, k);
        m[i].key = sl_arena_dup(a, sl_buf_view(&t));
        sl_buf_free(&t);
    }
    bool ok = put_map(b, sl_v_map(m, v.len), why, depth);
    sl_arena_free(a);
    return ok;
}
static bool put(sl_buf *b, sl_value v, sl_str *why, int depth) {
    if (depth > MAX_DEPTH) {
        if (why)
            *why = SL_S("json: unsupported value: nested deeper than 512");
        return false;
    }
    if (!sl_buf_room(b, SL_NUM_MAX)) /* room for every scalar but text */
        return true;
    switch ((sl_kind)v.kind) {
    case SL_ABSENT:
    case SL_NULL: sl_buf_put(b, "null", 4); return true;
    case SL_BOOL: sl_buf_puts(b, v.i ? "true" : "false"); return true;
    case SL_INT:
    case SL_DURATION: b->n += sl_num_i64(b->p + b->n, v.i); return true;
    case SL_UINT: b->n += sl_num_u64(b->p + b->n, v.u); return true;
    case SL_FLOAT: return put_float(b, v, why);
    case SL_DECIMAL: put_decimal(b, v); return true;
    case SL_STRING:
    case SL_ERROR: sl_json_put_str(b, sl_v_text(v)); return true;
    case SL_BYTES: put_base64(b, sl_v_text(v)); return true;
    case SL_TIME:
        b->p[b->n++] = '"';
        b->n += sl_time_rfc3339(b->p + b->n, v.i, (int32_t)v.len, v.aux);
        b->p[b->n++] = '"';
        return true;
    case SL_LIST:
        if (!v.len) {
            sl_buf_puts(b, v.flags & SL_F_NILLIST ? "null" : "[]");
            return true;
        }
        for (uint32_t i = 0; i < v.len; i++) {
            sl_buf_putc(b, i ? ',' : '[');
            if (!put(b, v.list[i], why, depth + 1))
                return false;
        }
        sl_buf_putc(b, ']');
        return true;
    case SL_MAP:
        if (!v.len) {
            sl_buf_puts(b, v.flags & SL_F_NILLIST ? "null" : "{}");
            return true;
        }
        return put_map(b, v, why, depth);
    case SL_PAIRS: return put_pairs(b, v, why, depth);
    case SL_JSONTEXT: return put_jsontext(b, v, why, depth);
    case SL_KINDS: break;
    }
    sl_buf_put(b, "null", 4);
    return true;
}
bool sl_json_put(sl_buf *out, sl_value v, sl_str *why) {
    size_t n = out->n;
    if (put(out, v, why, 0))
        return true;
    out->n = n;
    return false;
}

/* ---- Go's %q ---- */
/* What Go's strconv.IsPrint refuses among assigned characters: controls, spaces other than ' ', format characters, private use. */
static bool printable(uint32_t r) {
    if (r < 0x20 || (r >= 0x7F && r <= 0xA0) || r == 0xAD)
        return false;
    static const uint32_t no[][2] = {{0x600, 0x605},   {0x61C, 0x61C},   {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x1680, 0x1680}, {0x180E, 0x180E},
                                     {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},   {0x3000, 0x3000},   {0xD800, 0xF8FF}, {0xFEFF, 0xFEFF},
                                     {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE00FF}, {0xF0000, 0x10FFFF}};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (r >= no[i][0] && r <= no[i][1])
            return false;
    return true;
}
void sl_go_quote(sl_buf *out, sl_str s) {
    sl_buf_putc(out, '"');
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        unsigned n = sl_utf8_get(s.p + i, s.n - i, &r);
        const char *p = s.p + i;
        i += n;
        if (r == 0xFFFD && n == 1) {
            sl_buf_printf(out, "\\x%02x", (unsigned char)*p);
            continue;
        }
        static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";
        const char *k = r && r < 0x80 ? strchr(from, (int)r) : NULL;
        if (k) {
            sl_buf_putc(out, '\\');
            sl_buf_putc(out, to[k - from]);
        } else if (printable(r))
            sl_buf_put(out, p, n);
        else if (r < 0x20 || r == 0x7F)
            sl_buf_printf(out, "\\x%02x", (unsigned)r);
        else
            sl_buf_printf(out, r < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)r);
    }
    sl_buf_putc(out, '"');
}
