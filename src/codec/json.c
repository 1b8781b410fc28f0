/* Format json. Decoding is data/jsonrows.
 * Decision: for rows of a batch the encoder keeps, per layout, the columns in the order of their keys and each key as the bytes it is
 * written as, so that a row is a run of copies with no sorting and no quoting of keys. */
#include <stdlib.h>
#include "codec/codec.h"

static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    *out = (sl_decoder *)sl_jsonrows_new(c->fields, c->nfields, c->int64, c->keep_raw);
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a json decoder");
}
static void dec_free(sl_decoder *d) { sl_jsonrows_free((sl_jsonrows *)d); }
static bool decode(sl_decoder *d, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    return sl_jsonrows_read((sl_jsonrows *)d, w, bytes, borrowed, rows, why);
}

typedef struct column {
    uint32_t col;
    uint32_t at, n; /* `,"key":` in keys */
} column;
typedef struct encoder {
    sl_layout *layout; /* held */
    column *order;
    uint32_t n;
    sl_buf keys;
} encoder;
static sl_err *enc_new(const sl_codec_conf *c, sl_encoder **out) {
    *out = calloc(1, sizeof(encoder));
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a json encoder");
}
static void enc_free(sl_encoder *p) {
    encoder *e = (encoder *)p;
    if (!e)
        return;
    sl_layout_drop(e->layout);
    free(e->order);
    sl_buf_free(&e->keys);
    free(e);
}
static bool encode(sl_encoder *e, sl_arena *a, sl_value v, sl_buf *out, sl_str *why) { return sl_json_put(out, v, why); }

static bool learn(encoder *e, const sl_layout *l) {
    column *order = realloc(e->order, (l->n ? l->n : 1) * sizeof *order);
    if (!order)
        return false;
    e->order = order;
    sl_layout_hold(l);
    sl_layout_drop(e->layout);
    e->layout = (sl_layout *)l;
    e->n = l->n;
    sl_buf_clear(&e->keys);
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t k = i;
        for (; k && sl_str_cmp(l->names[order[k - 1].col], l->names[i]) > 0; k--)
            order[k] = order[k - 1];
        order[k].col = i;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        order[i].at = (uint32_t)e->keys.n;
        sl_buf_putc(&e->keys, ',');
        sl_json_put_str(&e->keys, l->names[order[i].col]);
        sl_buf_putc(&e->keys, ':');
        order[i].n = (uint32_t)e->keys.n - order[i].at;
    }
    return !e->keys.failed;
}
static int by_key(const void *x, const void *y) { return sl_str_cmp(((const sl_member *)x)->key, ((const sl_member *)y)->key); }
static bool encode_row(sl_encoder *p, sl_arena *a, const sl_batch *b, uint32_t r, sl_buf *out, sl_str *why) {
    encoder *e = (encoder *)p;
    if (e->layout != b->layout && !learn(e, b->layout)) {
        sl_layout_drop(e->layout);
        e->layout = NULL;
        *why = SL_S("out of memory while encoding json");
        return false;
    }
    size_t start = out->n;
    sl_tail tail = b->tails ? b->tails[r] : (sl_tail){NULL, 0};
    const sl_member *m = tail.at, *mend = m + tail.n;
    if (tail.n > 1) {
        bool sorted = true;
        for (uint32_t i = 1; i < tail.n && sorted; i++)
            sorted = sl_str_cmp(tail.at[i - 1].key, tail.at[i].key) < 0;
        if (!sorted) {
            sl_member *copy = sl_arena_alloc(a, tail.n * sizeof *copy);
            if (!copy || sl_arena_failed(a)) {
                *why = SL_S("out of memory while encoding json");
                return false;
            }
            memcpy(copy, tail.at, tail.n * sizeof *copy);
            qsort(copy, tail.n, sizeof *copy, by_key);
            m = copy, mend = copy + tail.n;
        }
    }
    for (uint32_t i = 0; i <= e->n; i++) {
        sl_value v = i < e->n ? b->cols[e->order[i].col][r] : sl_v_absent();
        if (i < e->n && v.kind == SL_ABSENT)
            continue;
        for (; m < mend; m++) { /* members of the tail that come before this column */
            int c = i < e->n ? sl_str_cmp(m->key, b->layout->names[e->order[i].col]) : -1;
            if (c > 0)
                break;
            if (c == 0 || m->val.kind == SL_ABSENT) /* a column goes before a tail member of its name */
                continue;
            sl_buf_putc(out, ',');
            sl_json_put_str(out, m->key);
            sl_buf_putc(out, ':');
            if (!sl_json_put(out, m->val, why))
                goto fail;
        }
        if (i == e->n)
            break;
        sl_buf_put(out, e->keys.p + e->order[i].at, e->order[i].n);
        if (!sl_json_put(out, v, why))
            goto fail;
    }
    if (out->n == start)
        sl_buf_putc(out, '{');
    else
        out->p[start] = '{';
    sl_buf_putc(out, '}');
    return true;
fail:
    out->n = start;
    return false;
}
const sl_codec_def sl_codec_json = {.name = "json", .title = "JSON", .text = true, .dec_new = dec_new, .dec_free = dec_free, .decode = decode,
                                    .enc_new = enc_new, .enc_free = enc_free, .encode = encode, .encode_row = encode_row};
