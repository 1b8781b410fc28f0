/* Strings and numbers of JSON, shared by the readers. */
#include "data/json_text.h"
#include <math.h>
#include "base/num.h"
#include "base/utf8.h"

static int hex4(const char *p, const char *end) {
    if (end - p < 4)
        return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int h = sl_jt_hex(p[i]);
        if (h < 0)
            return -1;
        v = v * 16 + h;
    }
    return v;
}
size_t sl_jt_unescape(char *out, sl_str in) {
    char *o = out;
    const char *p = in.p, *end = in.p + in.n;
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x80) {
            uint32_t rune;
            p += sl_utf8_get(p, (size_t)(end - p), &rune);
            o += sl_utf8_put(o, rune);
            continue;
        }
        if (c != '\\' || p + 1 == end) {
            *o++ = (char)c;
            p++;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *k = p[1] ? strchr(from, p[1]) : NULL;
        if (k) {
            *o++ = to[k - from];
            p += 2;
            continue;
        }
        int u = p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (u < 0) {
            *o++ = *p++;
            if ((unsigned char)*p < 0x80) /* what is more than one byte is copied whole */
                *o++ = *p++;
            continue;
        }
        p += 6;
        uint32_t rune = (uint32_t)u;
        if (u >= 0xD800 && u < 0xE000) {
            int low = u < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
            if (low >= 0xDC00 && low < 0xE000) {
                rune = 0x10000u + (((uint32_t)u - 0xD800u) << 10) + ((uint32_t)low - 0xDC00u);
                p += 6;
            } else
                rune = 0xFFFD;
        }
        o += sl_utf8_put(o, rune);
    }
    return (size_t)(o - out);
}
sl_value sl_jt_number(sl_str s, bool int64) {
    bool whole = true;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.' || s.p[i] == 'e' || s.p[i] == 'E')
            whole = false;
    int64_t i;
    if (whole && s.n && sl_num_parse_i64(s, &i)) {
        if (int64)
            return sl_v_int(i);
        if (i > (1LL << 53) || i < -(1LL << 53)) {
            sl_value v = {.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = i};
            return v;
        }
        if (i)
            return sl_v_float((double)i);
    }
    double f;
    if (!sl_num_parse_f64(s, &f))
        f = s.n && s.p[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    return sl_v_float(f);
}
size_t sl_jt_unique(sl_arena *a, sl_member *at, size_t n) {
    if (n < 2)
        return n;
    if (n <= 12) {
        size_t w = 0;
        for (size_t i = 0; i < n; i++) {
            size_t k = 0;
            while (k < w && !sl_str_eq(at[k].key, at[i].key))
                k++;
            at[k].val = at[i].val;
            if (k == w)
                at[w++].key = at[i].key;
        }
        return w;
    }
    size_t slots = 32;
    while (slots < n * 2)
        slots *= 2;
    sl_arena_mark here = sl_arena_here(a);
    uint32_t *index = sl_arena_zero(a, slots * sizeof *index);
    if (!index || sl_arena_failed(a))
        return n;
    size_t w = 0;
    for (size_t i = 0; i < n; i++) {
        size_t s = sl_hash(at[i].key.p, at[i].key.n) & (slots - 1);
        while (index[s] && !sl_str_eq(at[index[s] - 1].key, at[i].key))
            s = (s + 1) & (slots - 1);
        if (index[s])
            at[index[s] - 1].val = at[i].val;
        else {
            at[w] = at[i];
            index[s] = (uint32_t)++w;
        }
    }
    sl_arena_back(a, here);
    return w;
}
