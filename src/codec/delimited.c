/* Format delimited: texts between separators, without any quoting, one row per message.
 * Decision: the reader looks the names up once per layout and keeps the column of each position. The writer keeps the order of the keys of the
 * last row, so that a row with the same keys is written without looking for any. In the writer the columns of single rows
 * are those of the first row it ever saw (or `fields`), those of a list the keys of its first row; the header of single rows goes in
 * band before the first row (separator, length, names), where the file sink takes it out again: all as upstream. */
#include <stdio.h>
#include <stdlib.h>
#include "base/vec.h"
#include "codec/codec.h"
#include "data/fields.h"

typedef struct decoder {
    sl_codec_conf c;
    sl_str delim;
    sl_layout *layout; /* held: what to was made for */
    bool all, unique;  /* unique: no configured name stands twice */
    SL_VEC(int32_t) to;
    SL_VEC(sl_str) keys; /* names of the fields that go to the tail, in the arena of batch `serial` */
    uint64_t serial;
} decoder;
static sl_str delim_of(const sl_codec_conf *c) { return c->delimiter.n ? c->delimiter : SL_S(","); }
static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    decoder *d = calloc(1, sizeof *d);
    if (!d)
        return sl_err_new(SL_E_NOMEM, "out of memory while making a delimited decoder");
    d->c = *c;
    d->delim = delim_of(c);
    d->unique = c->ncolumns <= 256;
    for (uint32_t i = 0; i < c->ncolumns && d->unique; i++)
        for (uint32_t k = 0; k < i && d->unique; k++)
            d->unique = !sl_str_eq(c->columns[i], c->columns[k]);
    *out = (sl_decoder *)d;
    return NULL;
}
static void dec_free(sl_decoder *p) {
    decoder *d = (decoder *)p;
    if (!d)
        return;
    sl_layout_drop(d->layout);
    SL_VEC_FREE(d->to);
    SL_VEC_FREE(d->keys);
    free(d);
}
static sl_str name_of(const decoder *d, uint32_t i, char room[16]) { return d->c.ncolumns ? d->c.columns[i] : (sl_str){room, (size_t)snprintf(room, 16, "col%u", (unsigned)i)}; }
/* Makes sure that the first n fields have their places, and the keys of this batch. */
static bool places(decoder *d, sl_builder *w, uint32_t n) {
    char room[16];
    for (uint32_t i = (uint32_t)d->to.n; i < n; i++) {
        int at = sl_layout_find(d->layout, name_of(d, i, room));
        if (!SL_PUSH(d->to, at >= 0 ? at : d->all ? SL_FIELD_TAIL : SL_FIELD_SKIP))
            return false;
    }
    if (d->serial != sl_builder_serial(w))
        d->keys.n = 0;
    d->serial = sl_builder_serial(w);
    for (uint32_t i = (uint32_t)d->keys.n; i < d->to.n; i++)
        if (!SL_PUSH(d->keys, d->to.at[i] == SL_FIELD_TAIL ? sl_arena_dup(sl_builder_arena(w), name_of(d, i, room)) : SL_S("")))
            return false;
    return true;
}
/* Separators of several bytes, and names that stand twice. false: out of memory. */
static bool split_any(decoder *d, sl_builder *w, sl_str line) {
    const char *at = line.p, *end = line.p + line.n;
    for (uint32_t i = 0; !d->c.ncolumns || i < d->c.ncolumns; i++) {
        if (i >= d->to.n && !places(d, w, i + 1))
            return false;
        const char *stop = end > at ? memmem(at, (size_t)(end - at), d->delim.p, d->delim.n) : NULL;
        sl_value v = sl_v_str((sl_str){at, (size_t)((stop ? stop : end) - at)});
        if (d->to.at[i] >= 0)
            sl_builder_set(w, (uint32_t)d->to.at[i], v);
        else if (d->to.at[i] == SL_FIELD_TAIL)
            sl_builder_tail(w, d->keys.at[i], v);
        if (!stop)
            break;
        at = stop + d->delim.n;
    }
    return true;
}
static bool decode(sl_decoder *p, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    decoder *d = (decoder *)p;
    *rows = 0;
    if (d->layout != sl_builder_layout(w) || d->all != sl_builder_all(w)) {
        sl_layout *l = sl_layout_hold(sl_builder_layout(w));
        sl_layout_drop(d->layout);
        d->layout = l;
        d->all = sl_builder_all(w);
        d->to.n = d->keys.n = 0;
    }
    if (bytes.n > UINT32_MAX) {
        *why = SL_S("message is larger than 4 GiB");
        return false;
    }
    if (!borrowed)
        bytes = sl_arena_dup(sl_builder_arena(w), bytes);
    bool ok = places(d, w, d->c.ncolumns);
    sl_builder_row(w);
    if (ok && (d->delim.n != 1 || !d->unique))
        ok = split_any(d, w, bytes);
    else if (ok) {
        uint32_t n = sl_fields_split(w, bytes, d->delim.p[0], false, d->to.at, d->keys.at, (uint32_t)d->to.n);
        if (n > d->to.n && !d->c.ncolumns) { /* more than ever before */
            sl_builder_row(w);
            if ((ok = places(d, w, n)))
                sl_fields_split(w, bytes, d->delim.p[0], false, d->to.at, d->keys.at, n);
        }
    }
    if (!ok) {
        sl_builder_cancel(w);
        *why = SL_S("out of memory");
        return false;
    }
    sl_builder_end(w);
    *rows = 1;
    return true;
}

typedef struct encoder {
    sl_str delim;
    bool has_header;
    sl_arena *a;
    const sl_str *cols;
    uint32_t ncols;
    bool fixed;
    /* of the last row: its keys one behind the other, the length of each, and for each column which one it is (UINT32_MAX: none) */
    sl_buf keys, head; /* head: the columns of a list, joined */
    bool of_list;      /* the columns are those of the last list, else those of single rows */
    SL_VEC(uint32_t) length;
    SL_VEC(uint32_t) order;
} encoder;
static void enc_free(sl_encoder *p) {
    encoder *e = (encoder *)p;
    if (!e)
        return;
    sl_arena_free(e->a);
    sl_buf_free(&e->keys);
    sl_buf_free(&e->head);
    SL_VEC_FREE(e->length);
    SL_VEC_FREE(e->order);
    free(e);
}
static sl_err *enc_new(const sl_codec_conf *c, sl_encoder **out) {
    encoder *e = calloc(1, sizeof *e);
    if (!e || !(e->a = sl_arena_new(0))) {
        enc_free((sl_encoder *)e);
        return sl_err_new(SL_E_NOMEM, "out of memory while making a delimited encoder");
    }
    e->delim = sl_arena_dup(e->a, delim_of(c));
    e->has_header = c->has_header;
    if (c->ncolumns) {
        sl_str *cols = sl_arena_alloc(e->a, c->ncolumns * sizeof *cols);
        for (uint32_t i = 0; cols && i < c->ncolumns; i++)
            cols[i] = sl_arena_dup(e->a, c->columns[i]);
        e->cols = cols;
        e->ncols = c->ncolumns;
        e->fixed = true;
    }
    if (sl_arena_failed(e->a)) {
        enc_free((sl_encoder *)e);
        return sl_err_new(SL_E_NOMEM, "out of memory while making a delimited encoder");
    }
    *out = (sl_encoder *)e;
    return NULL;
}
static int by_bytes(const void *x, const void *y) { return sl_str_cmp(*(const sl_str *)x, *(const sl_str *)y); }
static const sl_str *sorted_keys(sl_arena *a, sl_value map, bool copy) {
    sl_str *keys = sl_arena_alloc(a, map.len * sizeof *keys);
    if (!keys || sl_arena_failed(a))
        return NULL;
    for (uint32_t i = 0; i < map.len; i++)
        keys[i] = copy ? sl_arena_dup(a, map.map[i].key) : map.map[i].key;
    qsort(keys, map.len, sizeof *keys, by_bytes);
    return keys;
}
static void join(sl_buf *out, const sl_str *cols, uint32_t n, sl_str delim) {
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            sl_buf_str(out, delim);
        sl_buf_str(out, cols[i]);
    }
}
static bool same_keys(const encoder *e, sl_value map) {
    if (!map.len || map.len != e->length.n)
        return false;
    const char *p = e->keys.p;
    for (uint32_t i = 0; i < map.len; i++) {
        sl_str k = map.map[i].key;
        if (k.n != e->length.at[i] || memcmp(k.p, p, k.n) != 0)
            return false;
        p += k.n;
    }
    return true;
}
/* Remembers which member of a row like this one stands in each column; false: out of memory. */
static bool learn(encoder *e, sl_value map, const sl_str *cols, uint32_t n) {
    sl_buf_clear(&e->keys);
    e->length.n = e->order.n = 0;
    bool ok = true;
    for (uint32_t i = 0; i < map.len && ok; i++) {
        sl_buf_str(&e->keys, map.map[i].key);
        ok = SL_PUSH(e->length, (uint32_t)map.map[i].key.n);
    }
    for (uint32_t c = 0; c < n && ok; c++) {
        uint32_t at = UINT32_MAX;
        for (uint32_t k = 0; k < map.len; k++)
            if (sl_str_eq(map.map[k].key, cols[c]))
                at = k;
        ok = SL_PUSH(e->order, at);
    }
    if (!ok || e->keys.failed) {
        e->length.n = 0;
        return false;
    }
    return true;
}
/* The columns of a row whose keys were learned. */
static void line(sl_buf *out, sl_arena *a, sl_value map, const encoder *e) {
    for (size_t i = 0; i < e->order.n; i++) {
        if (i)
            sl_buf_str(out, e->delim);
        sl_value v = e->order.at[i] < map.len ? map.map[e->order.at[i]].val : sl_v_absent();
        if (v.kind == SL_STRING) {
            sl_buf_str(out, sl_v_text(v));
            continue;
        }
        if (sl_v_nil(v))
            continue;
        sl_str text, why;
        if (sl_to_str(a, v, SL_CAST_ALL, &text, &why))
            sl_buf_str(out, text);
        else
            sl_value_print(out, v);
    }
}
static bool refuse(sl_arena *a, sl_value v, sl_str *why) {
    sl_buf t = {0};
    sl_value_print(&t, v);
    *why = sl_arena_printf(a, "unsupported type %.*s, must be a map or a list of maps", SL_FMT(sl_buf_view(&t)));
    sl_buf_free(&t);
    return false;
}
static bool encode(sl_encoder *p, sl_arena *a, sl_value v, sl_buf *out, sl_str *why) {
    encoder *e = (encoder *)p;
    v = sl_value_open(a, v);
    size_t start = out->n;
    if (v.kind == SL_MAP) {
        if (!e->fixed) {
            const sl_str *keys = sorted_keys(e->a, v, true);
            if (!keys)
                goto nomem;
            e->cols = keys;
            e->ncols = v.len;
            e->fixed = v.len > 0;
            e->length.n = 0;
            if (e->has_header && v.len) {
                sl_buf head = {0};
                join(&head, keys, v.len, e->delim);
                unsigned char len[4] = {(unsigned char)(head.n >> 24), (unsigned char)(head.n >> 16), (unsigned char)(head.n >> 8), (unsigned char)head.n};
                sl_buf_str(out, e->delim);
                sl_buf_put(out, len, 4);
                sl_buf_str(out, sl_buf_view(&head));
                sl_buf_free(&head);
            }
        }
        if ((e->of_list || !same_keys(e, v)) && !learn(e, v, e->cols, e->ncols))
            goto nomem;
        e->of_list = false;
        line(out, a, v, e);
        return true;
    }
    if (v.kind != SL_LIST)
        return refuse(a, v, why);
    const sl_str *cols = NULL; /* of this list, when they are not those of the last one */
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        sl_value row = sl_value_open(a, v.list[i]);
        if (row.kind != SL_MAP) {
            out->n = start;
            return refuse(a, row, why);
        }
        bool same = same_keys(e, row);
        if (i == 0) {
            n = row.len;
            if (!same || !e->of_list) {
                if (!(cols = sorted_keys(a, row, false)) || !learn(e, row, cols, n))
                    goto nomem;
                sl_buf_clear(&e->head);
                join(&e->head, cols, n, e->delim);
                sl_buf_putc(&e->head, '\n');
                same = e->of_list = true;
            }
            if (e->has_header && n)
                sl_buf_str(out, sl_buf_view(&e->head));
        } else
            sl_buf_putc(out, '\n');
        if (!same) {
            if (!cols && !(cols = sorted_keys(a, sl_value_open(a, v.list[0]), false)))
                goto nomem;
            if (!learn(e, row, cols, n))
                goto nomem;
            e->of_list = false; /* the next list looks anew */
        }
        line(out, a, row, e);
    }
    return true;
nomem:
    out->n = start;
    *why = SL_S("out of memory while encoding delimited");
    return false;
}
const sl_codec_def sl_codec_delimited = {.name = "delimited",
                                         .title = "Delimited text",
                                         .text = true,
                                         .dec_new = dec_new,
                                         .dec_free = dec_free,
                                         .decode = decode,
                                         .enc_new = enc_new,
                                         .enc_free = enc_free,
                                         .encode = encode};
