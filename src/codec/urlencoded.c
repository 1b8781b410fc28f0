/* Format urlencoded: a query string is a row; a repeated key is a list of texts. */
#include <stdlib.h>
#include "base/vec.h"
#include "codec/codec.h"

typedef struct item {
    sl_str key;
    sl_value val;
    size_t place;
} item;
typedef struct decoder {
    SL_VEC(item) pairs;
} decoder;
static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    *out = calloc(1, sizeof(decoder));
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a urlencoded decoder");
}
static void dec_free(sl_decoder *p) {
    decoder *d = (decoder *)p;
    if (!d)
        return;
    SL_VEC_FREE(d->pairs);
    free(d);
}
static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
static bool unescape(sl_arena *a, sl_str in, sl_str *out) {
    char *t = sl_arena_alloc(a, in.n + 1), *o = t;
    if (!t || (sl_arena_failed(a) && in.n + 1 > SL_ARENA_BIG))
        return false;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == '%') {
            if (in.n - i < 3 || hex(in.p[i + 1]) < 0 || hex(in.p[i + 2]) < 0)
                return false;
            *o++ = (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
            i += 2;
        } else
            *o++ = in.p[i] == '+' ? ' ' : in.p[i];
    }
    *out = (sl_str){t, (size_t)(o - t)};
    return true;
}
static int by_key_and_place(const void *x, const void *y) {
    const item *a = x, *b = y;
    int c = sl_str_cmp(a->key, b->key);
    return c ? c : (a->place > b->place) - (a->place < b->place);
}
static bool decode(sl_decoder *p, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    decoder *d = (decoder *)p;
    sl_arena *a = sl_builder_arena(w);
    d->pairs.n = 0;
    *rows = 0;
    if (!bytes.n)
        bytes = SL_S("");
    for (const char *at = bytes.p, *end = bytes.p + bytes.n; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        sl_str part = {at, (size_t)((stop ? stop : end) - at)};
        at = stop ? stop + 1 : end;
        if (!part.n)
            continue;
        const char *eq = memchr(part.p, '=', part.n);
        sl_str key = {part.p, eq ? (size_t)(eq - part.p) : part.n}, value = {eq ? eq + 1 : part.p, eq ? part.n - key.n - 1 : 0};
        item m = {.place = d->pairs.n};
        sl_str text;
        if (memchr(part.p, ';', part.n) || !unescape(a, key, &m.key) || !unescape(a, value, &text) || text.n > UINT32_MAX) {
            *why = sl_arena_printf(a, "fail to parse url encoded value %.*s", SL_FMT(bytes));
            return false;
        }
        m.val = sl_v_str(text);
        if (!SL_PUSH(d->pairs, m)) {
            *why = SL_S("out of memory");
            return false;
        }
    }
    if (d->pairs.n > 1)
        qsort(d->pairs.at, d->pairs.n, sizeof(item), by_key_and_place);
    sl_builder_row(w);
    for (size_t i = 0, k; i < d->pairs.n; i = k) {
        const item *m = &d->pairs.at[i];
        for (k = i + 1; k < d->pairs.n && sl_str_eq(d->pairs.at[k].key, m->key);)
            k++;
        sl_value v = m->val;
        if (k - i > 1) {
            sl_value *list = sl_arena_alloc(a, (k - i) * sizeof *list);
            if (!list || sl_arena_failed(a)) {
                sl_builder_cancel(w);
                *why = SL_S("out of memory");
                return false;
            }
            for (size_t j = i; j < k; j++)
                list[j - i] = d->pairs.at[j].val;
            v = sl_v_list(list, k - i);
        }
        sl_builder_put(w, m->key, v);
    }
    sl_builder_end(w);
    *rows = 1;
    return true;
}

static sl_err *enc_new(const sl_codec_conf *c, sl_encoder **out) {
    *out = calloc(1, 1); /* nothing to keep */
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a urlencoded encoder");
}
static void enc_free(sl_encoder *e) { free(e); }
static void escape(sl_buf *out, sl_str s) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~')
            sl_buf_putc(out, (char)c);
        else if (c == ' ')
            sl_buf_putc(out, '+');
        else {
            sl_buf_putc(out, '%');
            sl_buf_putc(out, digits[c >> 4]);
            sl_buf_putc(out, digits[c & 15]);
        }
    }
}
static bool pair(sl_buf *out, size_t start, sl_arena *a, sl_str key, sl_value v, sl_str *why) {
    sl_str text = {"", 0};
    if (!sl_v_nil(v) && !sl_to_str(a, v, SL_CAST_ALL, &text, why))
        return false;
    if (out->n > start)
        sl_buf_putc(out, '&');
    escape(out, key);
    sl_buf_putc(out, '=');
    escape(out, text);
    return true;
}
static int by_key(const void *x, const void *y) { return sl_str_cmp((*(const sl_member *const *)x)->key, (*(const sl_member *const *)y)->key); }
static bool encode(sl_encoder *e, sl_arena *a, sl_value v, sl_buf *out, sl_str *why) {
    v = sl_value_open(a, v);
    if (v.kind != SL_MAP) {
        sl_buf t = {0};
        sl_value_print(&t, v);
        *why = sl_arena_printf(a, "unsupported type %.*s, must be a map", SL_FMT(sl_buf_view(&t)));
        sl_buf_free(&t);
        return false;
    }
    const sl_member **order = sl_arena_alloc(a, v.len * sizeof *order);
    if (!order || sl_arena_failed(a)) {
        *why = SL_S("out of memory while encoding urlencoded");
        return false;
    }
    for (uint32_t i = 0; i < v.len; i++)
        order[i] = &v.map[i];
    qsort(order, v.len, sizeof *order, by_key);
    size_t start = out->n;
    for (uint32_t i = 0; i < v.len; i++) {
        sl_value x = sl_value_open(a, order[i]->val);
        bool ok = true;
        if (x.kind == SL_LIST)
            for (uint32_t k = 0; k < x.len && ok; k++)
                ok = pair(out, start, a, order[i]->key, x.list[k], why);
        else
            ok = pair(out, start, a, order[i]->key, x, why);
        if (!ok) {
            out->n = start;
            return false;
        }
    }
    return true;
}
const sl_codec_def sl_codec_urlencoded = {.name = "urlencoded",
                                          .title = "URL encoded",
                                          .text = true,
                                          .dec_new = dec_new,
                                          .dec_free = dec_free,
                                          .decode = decode,
                                          .enc_new = enc_new,
                                          .enc_free = enc_free,
                                          .encode = encode};
