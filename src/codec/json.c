/* Format json. Decoding is data/jsonrows.
 * Decision: the encoder keeps the columns and the tail members of the last row in the order of their keys, and each key as the bytes it is
 * written as, so that a row like it is a run of copies with no sorting and no quoting of keys. */
#include <math.h>
#include <stdlib.h>
#include "base/num.h"
#include "codec/codec.h"

static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    *out = (sl_decoder *)sl_jsonrows_new(c->fields, c->nfields, c->int64, c->keep_raw);
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a json decoder");
}
static void dec_free(sl_decoder *d) { sl_jsonrows_free((sl_jsonrows *)d); }
static bool decode(sl_decoder *d, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    return sl_jsonrows_read((sl_jsonrows *)d, w, bytes, borrowed, rows, why);
}
static void look_first(sl_decoder *d, sl_rowlook *look) { sl_jsonrows_look((sl_jsonrows *)d, look); }

typedef struct part {  /* of a row: a column or a member of the tail */
    uint32_t i, at, n; /* its number there; `,"key":` in keys */
    bool tail;
} part;
enum { TAIL_MAX = 128 };
typedef struct encoder {
    sl_layout *layout; /* held */
    sl_buf names;      /* keys of the tail, one behind the other, as the parts below were made for */
    uint32_t ntail, *length;
    part *parts;
    uint32_t n;
    sl_buf keys;
    uint32_t misses, pause; /* rows whose tail was another, one after the other; rows that are not looked at for it */
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
    free(e->parts);
    free(e->length);
    sl_buf_free(&e->names);
    sl_buf_free(&e->keys);
    free(e);
}
static bool encode(sl_encoder *e, sl_arena *a, sl_value v, sl_buf *out, sl_str *why) { return sl_json_put(out, v, why); }

/* ---- rows ---- */
static inline void put_key(sl_buf *out, const encoder *e, const part *p) {
    if (!sl_buf_room(out, p->n + 16u))
        return;
    const char *from = e->keys.p + p->at; /* 16 bytes can be read behind the keys */
    char *o = out->p + out->n;
    for (uint32_t i = 0; i < p->n; i += 16)
        memcpy(o + i, from + i, 16);
    out->n += p->n;
}
static inline bool put_value(sl_buf *out, sl_value v, sl_str *why) {
    if (v.kind == SL_STRING) {
        sl_json_put_str(out, sl_v_text(v));
        return true;
    }
    if (v.kind == SL_FLOAT && !v.flags && isfinite(v.f)) {
        if (sl_buf_room(out, SL_NUM_MAX))
            out->n += sl_num_json(out->p + out->n, v.f);
        return true;
    }
    if (v.kind == SL_BOOL) {
        if (sl_buf_room(out, 8)) {
            memcpy(out->p + out->n, v.i ? "true\0\0\0" : "false\0\0", 8);
            out->n += 5 - (size_t)(v.i != 0);
        }
        return true;
    }
    return sl_json_put(out, v, why);
}
static sl_str part_key(const sl_layout *l, const sl_tail *t, const part *p) { return p->tail ? t->at[p->i].key : l->names[p->i]; }
/* The order of the parts of rows like this one. */
static bool learn(encoder *e, const sl_layout *l, sl_tail t) {
    uint32_t n = l->n + t.n;
    part *parts = realloc(e->parts, (n + 1) * sizeof *parts);
    if (parts)
        e->parts = parts;
    uint32_t *length = realloc(e->length, (t.n + 1) * sizeof *length);
    if (length)
        e->length = length;
    sl_layout_hold(l);
    sl_layout_drop(e->layout);
    e->layout = NULL;
    if (!parts || !length) {
        sl_layout_drop(l);
        return false;
    }
    sl_buf_clear(&e->names);
    sl_buf_clear(&e->keys);
    for (uint32_t i = 0; i < n; i++) { /* insertion; of equal keys the column comes first */
        part me = {.i = i < l->n ? i : i - l->n, .tail = i >= l->n};
        sl_str key = part_key(l, &t, &me);
        if (me.tail) {
            sl_buf_str(&e->names, key);
            length[me.i] = (uint32_t)key.n;
        }
        uint32_t k = i;
        for (; k && sl_str_cmp(part_key(l, &t, &parts[k - 1]), key) > 0; k--)
            parts[k] = parts[k - 1];
        parts[k] = me;
    }
    for (uint32_t i = 0; i < n; i++) {
        parts[i].at = (uint32_t)e->keys.n;
        sl_buf_putc(&e->keys, ',');
        sl_json_put_str(&e->keys, part_key(l, &t, &parts[i]));
        sl_buf_putc(&e->keys, ':');
        parts[i].n = (uint32_t)e->keys.n - parts[i].at;
    }
    sl_buf_put(&e->keys, "                ", 16);
    e->n = n;
    e->ntail = t.n;
    if (e->keys.failed || e->names.failed) {
        sl_layout_drop(l);
        return false;
    }
    e->layout = (sl_layout *)l;
    return true;
}
static inline bool same_tail(const encoder *e, sl_tail t) {
    if (t.n != e->ntail)
        return false;
    const char *p = e->names.p;
    for (uint32_t i = 0; i < t.n; i++) {
        sl_str k = t.at[i].key;
        if (k.n != e->length[i] || memcmp(k.p, p, k.n) != 0)
            return false;
        p += k.n;
    }
    return true;
}
/* Rows whose tails are seldom alike: as a map. */
static bool encode_any(sl_arena *a, const sl_batch *b, uint32_t r, sl_buf *out, sl_str *why) {
    sl_value row = sl_batch_row(b, r, a);
    if (sl_arena_failed(a)) {
        *why = SL_S("out of memory while encoding json");
        return false;
    }
    return sl_json_put(out, row, why);
}
static bool encode_row(sl_encoder *p, sl_arena *a, const sl_batch *b, uint32_t r, sl_buf *out, sl_str *why) {
    encoder *e = (encoder *)p;
    sl_tail tail = b->tails ? b->tails[r] : (sl_tail){NULL, 0};
    if (e->layout != b->layout || !same_tail(e, tail)) {
        if (tail.n > TAIL_MAX || e->pause) {
            e->pause -= e->pause != 0;
            return encode_any(a, b, r, out, why);
        }
        if (++e->misses > 8) {
            e->misses = 0;
            e->pause = 100;
        }
        if (!learn(e, b->layout, tail)) {
            *why = SL_S("out of memory while encoding json");
            return false;
        }
    } else
        e->misses = 0;
    size_t start = out->n;
    const part *last = NULL;
    for (const part *q = e->parts, *end = q + e->n; q < end; q++) {
        sl_value v = q->tail ? tail.at[q->i].val : b->cols[q->i][r];
        if (v.kind == SL_ABSENT)
            continue;
        if (__builtin_expect(q->tail && last && last->n == q->n && memcmp(e->keys.p + last->at, e->keys.p + q->at, q->n) == 0, 0))
            continue; /* a column goes before a tail member of its name */
        put_key(out, e, q);
        if (!put_value(out, v, why)) {
            out->n = start;
            return false;
        }
        last = q;
    }
    if (out->n == start)
        sl_buf_putc(out, '{');
    else
        out->p[start] = '{';
    sl_buf_putc(out, '}');
    return true;
}
const sl_codec_def sl_codec_json = {.name = "json",
                                    .title = "JSON",
                                    .text = true,
                                    .dec_new = dec_new,
                                    .dec_free = dec_free,
                                    .decode = decode,
                                    .look = look_first,
                                    .enc_new = enc_new,
                                    .enc_free = enc_free,
                                    .encode = encode,
                                    .encode_row = encode_row};
