/* Format delimited: texts between separators, without any quoting, one row per message.
 * Decision: the reader looks the names up once per layout and keeps the column of each position. In the writer the columns of single rows
 * are those of the first row it ever saw (or `fields`), those of a list the keys of its first row; the header of single rows goes in
 * band before the first row (separator, length, names), where the file sink takes it out again: all as upstream. */
#include <stdio.h>
#include <stdlib.h>
#include "base/vec.h"
#include "codec/codec.h"

enum { COL_SKIP = -1, COL_TAIL = -2 };
typedef struct column {
    int32_t at;
    sl_str name; /* of the configuration, or in text */
    char text[12];
} column;
typedef struct decoder {
    sl_codec_conf c;
    sl_str delim;
    sl_layout *layout; /* held: what cols was made for */
    bool all;
    SL_VEC(column) cols;
} decoder;
static sl_str delim_of(const sl_codec_conf *c) { return c->delimiter.n ? c->delimiter : SL_S(","); }
static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    decoder *d = calloc(1, sizeof *d);
    if (!d)
        return sl_err_new(SL_E_NOMEM, "out of memory while making a delimited decoder");
    d->c = *c;
    d->delim = delim_of(c);
    *out = (sl_decoder *)d;
    return NULL;
}
static void dec_free(sl_decoder *p) {
    decoder *d = (decoder *)p;
    if (!d)
        return;
    sl_layout_drop(d->layout);
    SL_VEC_FREE(d->cols);
    free(d);
}
static bool add_column(decoder *d) {
    column c = {.at = COL_SKIP};
    size_t i = d->cols.n;
    if (d->c.ncolumns)
        c.name = d->c.columns[i];
    else
        c.name.n = (size_t)snprintf(c.text, sizeof c.text, "col%u", (unsigned)i);
    sl_str name = d->c.ncolumns ? c.name : (sl_str){c.text, c.name.n};
    int at = sl_layout_find(d->layout, name);
    c.at = at >= 0 ? at : d->all ? COL_TAIL : COL_SKIP;
    return SL_PUSH(d->cols, c);
}
static bool decode(sl_decoder *p, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    decoder *d = (decoder *)p;
    sl_arena *a = sl_builder_arena(w);
    *rows = 0;
    if (d->layout != sl_builder_layout(w) || d->all != sl_builder_all(w)) {
        sl_layout *l = sl_layout_hold(sl_builder_layout(w));
        sl_layout_drop(d->layout);
        d->layout = l;
        d->all = sl_builder_all(w);
        d->cols.n = 0;
    }
    if (bytes.n > UINT32_MAX) {
        *why = SL_S("message is larger than 4 GiB");
        return false;
    }
    if (!borrowed)
        bytes = sl_arena_dup(a, bytes);
    sl_builder_row(w);
    const char *at = bytes.p, *end = bytes.p + bytes.n;
    for (uint32_t i = 0;; i++) {
        if (d->c.ncolumns && i >= d->c.ncolumns)
            break;
        if (i >= d->cols.n && !add_column(d)) {
            sl_builder_cancel(w);
            *why = SL_S("out of memory");
            return false;
        }
        const char *stop = end > at ? d->delim.n == 1 ? memchr(at, d->delim.p[0], (size_t)(end - at)) : memmem(at, (size_t)(end - at), d->delim.p, d->delim.n) : NULL;
        sl_value v = sl_v_str((sl_str){at, (size_t)((stop ? stop : end) - at)});
        const column *c = &d->cols.at[i];
        if (c->at >= 0)
            sl_builder_set(w, (uint32_t)c->at, v);
        else if (c->at == COL_TAIL) {
            sl_str name = sl_arena_dup(a, d->c.ncolumns ? c->name : (sl_str){c->text, c->name.n});
            if (d->c.ncolumns) /* configured names may repeat */
                sl_builder_tail(w, name, v);
            else
                sl_builder_tail_new(w, name, v);
        }
        if (!stop)
            break;
        at = stop + d->delim.n;
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
} encoder;
static void enc_free(sl_encoder *p) {
    encoder *e = (encoder *)p;
    if (e)
        sl_arena_free(e->a);
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
static void line(sl_buf *out, sl_arena *a, sl_value map, const sl_str *cols, uint32_t n, sl_str delim) {
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            sl_buf_str(out, delim);
        sl_value v = sl_v_absent();
        for (uint32_t k = 0; k < map.len; k++)
            if (sl_str_eq(map.map[k].key, cols[i]))
                v = map.map[k].val;
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
    if (v.kind == SL_MAP) {
        if (!e->fixed) {
            const sl_str *keys = sorted_keys(e->a, v, true);
            if (!keys) {
                *why = SL_S("out of memory while encoding delimited");
                return false;
            }
            e->cols = keys;
            e->ncols = v.len;
            e->fixed = v.len > 0;
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
        line(out, a, v, e->cols, e->ncols, e->delim);
        return true;
    }
    if (v.kind != SL_LIST)
        return refuse(a, v, why);
    const sl_str *cols = NULL;
    uint32_t n = 0;
    size_t start = out->n;
    for (uint32_t i = 0; i < v.len; i++) {
        sl_value row = sl_value_open(a, v.list[i]);
        if (row.kind != SL_MAP) {
            out->n = start;
            return refuse(a, row, why);
        }
        if (i == 0) {
            if (!(cols = sorted_keys(a, row, false))) {
                *why = SL_S("out of memory while encoding delimited");
                return false;
            }
            n = row.len;
            if (e->has_header && n) {
                join(out, cols, n, e->delim);
                sl_buf_putc(out, '\n');
            }
        } else
            sl_buf_putc(out, '\n');
        line(out, a, row, cols, n, e->delim);
    }
    return true;
}
const sl_codec_def sl_codec_delimited = {.name = "delimited", .title = "Delimited text", .text = true, .dec_new = dec_new, .dec_free = dec_free, .decode = decode,
                                         .enc_new = enc_new, .enc_free = enc_free, .encode = encode};
