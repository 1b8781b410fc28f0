/* Common source properties: what stands between a connector that gives bytes and the decoder. Rate limiting (the newest message of each
 * interval, or the newest of each key merged into one row), decompression, and the second decoder for payloads inside of rows.
 *
 * Decision: none of this is on the path of a stream that does not ask for it (sl_srcdef.in is NULL). Messages that the rate limit leaves out
 * are settled with the newer one that goes on, because positions only rise. */
#include <stdlib.h>
#include "base/bytes.h"
#include "flow/flow_int.h"

enum { UNPACK_MAX = 256 << 20, KEYS_MAX = 100000 };

#define O(f) SL_AT(sl_srcopts, f)
const sl_prop sl_srcopts_props[] = {
    {.name = "interval",
     .type = SL_P_DUR,
     O(interval_ns),
     .def = "0",
     .doc = "Sources that are pushed to: of what comes within this time only the newest goes on.",
     .example = "1s"},
    {.name = "sendInterval", .type = SL_P_DUR, O(send_ns), .def = "0", .doc = "Pause between two rows; offered by the file source.", .example = "10ms"},
    {.name = "decompression", .type = SL_P_STR, O(decompression), .doc = "gzip, zstd, zlib or flate: payloads are unpacked before they are decoded.", .example = "gzip"},
    {.name = "mergeField", .type = SL_P_STR, O(merge_field), .doc = "With interval: the newest message for each value of this field, merged into one row.", .example = "id"},
    {.name = "merger", .type = SL_P_STR, O(merger), .doc = "With interval: name of a merger; there is none.", .example = "can"},
    {.name = "payloadFormat", .type = SL_P_STR, O(payload_format), .doc = "Format of a payload inside of each row, decoded into the row.", .example = "json"},
    {.name = "payloadField", .type = SL_P_STR, O(payload_field), .doc = "Column that holds the payload.", .example = "data"},
    {.name = "payloadBatchField", .type = SL_P_STR, O(payload_batch), .doc = "Column that holds a list of objects with a payload each; all become one row.", .example = "frames"},
    {.name = "payloadSchemaId", .type = SL_P_STR, O(payload_schema), .doc = "Schema of the payload format.", .example = "file.Message"},
    {.name = "payloadDelimiter", .type = SL_P_STR, O(payload_delimiter), .doc = "Separator of the payload format delimited.", .example = ";"},
    {0},
};

/* ---- settings ---- */
static bool own(const sl_conn_def *d, const char *name) { /* the connector has a property of that name itself */
    for (const sl_prop *p = d->props; p && p->type != SL_P_END; p++)
        if (sl_str_ieq(sl_str_of(p->name), sl_str_of(name)) && (!(p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP)) || p->flags & SL_P_SOURCE))
            return true;
    return false;
}
static sl_err *bad(const char *text) { return sl_err_new(SL_E_EXEC, "%s", text); }
static sl_err *check_rate(sl_srcdef *d, sl_srcopts *o) {
    bool limited = o->interval_ns != 0 && !own(d->def, "interval");
    if (!limited)
        o->interval_ns = 0;
    if (limited && o->interval_ns < 1000000)
        return bad("interval should be larger than 1ms");
    if (limited && !d->codec)
        return sl_err_new(SL_E_EXEC, "source property interval: limiting the rate of %s, which gives rows, is not available", d->def->name);
    if (o->merge_field.n && o->merger.n)
        return bad("mergeField and merger cannot set together");
    if (o->merge_field.n && o->payload_format.n)
        return bad("do not support rate limit merge together with payloadFormat");
    if (o->merger.n)
        return limited ? sl_err_new(SL_E_EXEC, "merger %.*s not found", SL_FMT(o->merger)) : bad("merger is set but rate limit is not required");
    if (limited && o->merge_field.n && d->codec != &sl_codec_json)
        return sl_err_new(SL_E_EXEC, "format %s does not support partial decode", d->codec->name);
    if (!limited)
        o->merge_field = SL_S("");
    return NULL;
}
sl_srcdef *sl_srcdef_new(void) {
    sl_arena *a = sl_arena_new(2048);
    sl_srcdef *d = a ? SL_NEW(a, sl_srcdef) : NULL;
    if (!d) {
        sl_arena_free(a);
        return NULL;
    }
    d->arena = a;
    d->refs = 1;
    return d;
}
sl_srcdef *sl_srcdef_hold(sl_srcdef *d) {
    atomic_fetch_add(&d->refs, 1);
    return d;
}
void sl_srcdef_drop(sl_srcdef *d) {
    if (d && atomic_fetch_sub(&d->refs, 1) == 1)
        sl_arena_free(d->arena);
}
sl_err *sl_srcdef_common(sl_srcdef *d, const sl_json *props) {
    sl_srcopts *o = SL_NEW(d->arena, sl_srcopts);
    if (!o)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    SL_TRY(sl_err_recode(sl_spec_load(sl_srcopts_props, SL_P_SOURCE, props, d->arena, o, NULL), SL_E_EXEC));
    SL_TRY(check_rate(d, o));
    if (o->send_ns && !own(d->def, "sendInterval"))
        return sl_err_new(SL_E_EXEC, "source property sendInterval: pacing the rows of %s is not available, only those of file", d->def->name);
    if (o->decompression.n && !own(d->def, "decompression") && d->codec) {
        o->unpress = sl_press_of(o->decompression);
        if (!o->unpress)
            return sl_err_new(SL_E_EXEC, "unsupported decompressor: %.*s", SL_FMT(o->decompression));
        SL_TRY(sl_err_recode(sl_press_ready(o->unpress), SL_E_EXEC));
    }
    if (!o->payload_format.n && (o->payload_field.n || o->payload_batch.n))
        return bad("payloadFormat is missing");
    if (o->payload_format.n) {
        if (!o->payload_field.n)
            return bad("payloadField is missing: it names the column that is decoded with payloadFormat");
        if (!d->codec)
            return sl_err_new(SL_E_EXEC, "source property payloadFormat: decoding payloads in rows of %s is not available", d->def->name);
        o->payload = sl_codec_find(o->payload_format);
        if (!o->payload)
            return sl_err_new(SL_E_EXEC, "format type %.*s not supported", SL_FMT(o->payload_format));
        o->payload_conf = (sl_codec_conf){.delimiter = o->payload_delimiter, .schemaid = o->payload_schema, .int64 = d->codec_conf.int64};
        sl_str outer = o->payload_batch.n ? o->payload_batch : o->payload_field;
        bool known = false;
        for (uint32_t i = 0; i < d->codec_conf.nfields; i++)
            known |= sl_str_eq(d->codec_conf.fields[i].name, outer);
        if (!known) { /* the first decoder must let the payload through */
            d->codec_conf.fields = NULL;
            d->codec_conf.nfields = 0;
        }
    }
    if (o->interval_ns || o->unpress || o->payload)
        d->in = o;
    return NULL;
}

/* ---- running ---- */
typedef struct kept { /* a message that waits for the end of its interval */
    sl_arena *a;
    sl_packet p;
    sl_str key; /* mergeField */
} kept;
struct intake {
    const sl_srcdef *d;
    const sl_srcopts *o;
    const intake_ops *ops;
    void *arg;
    sl_timer *tick;
    bool ticking;
    SL_VEC(kept) kept;
    size_t newest;
    sl_decoder *outer, *inner; /* with rows as maps */
    sl_builder *w;
    sl_arena *a; /* of one message */
    sl_buf plain;
};
typedef struct map { /* a row under construction; the last of equal names wins */
    sl_member *at;
    uint32_t n, cap;
} map;
static bool map_put(sl_arena *a, map *m, sl_str key, sl_value v) {
    for (uint32_t i = 0; i < m->n; i++)
        if (sl_str_eq(m->at[i].key, key)) {
            m->at[i].val = v;
            return true;
        }
    if (m->n == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 16;
        sl_member *at = SL_NEW_N(a, sl_member, cap);
        if (!at)
            return false;
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at;
        m->cap = cap;
    }
    m->at[m->n++] = (sl_member){key, v};
    return true;
}
static bool map_all(sl_arena *a, map *m, sl_value row, sl_str but) {
    bool ok = true;
    for (uint32_t i = 0; ok && row.kind == SL_MAP && i < row.len; i++)
        if (!but.n || !sl_str_eq(row.map[i].key, but))
            ok = map_put(a, m, row.map[i].key, row.map[i].val);
    return ok;
}
/* Decodes into rows as maps, in t->a. */
static bool rows_of(intake *t, const sl_codec_def *codec, sl_decoder *dec, sl_str bytes, sl_value **rows, uint32_t *n, sl_str *why) {
    if (!codec->decode(dec, t->w, bytes, false, n, why)) {
        *why = sl_arena_dup(t->a, *why);
        sl_batch_drop(sl_builder_done(t->w, 0));
        return false;
    }
    sl_batch *b = sl_builder_done(t->w, 0);
    sl_value *v = b ? SL_NEW_N(t->a, sl_value, b->nrows + 1) : NULL;
    if (!v) {
        sl_batch_drop(b);
        *why = SL_S("out of memory");
        return false;
    }
    for (uint32_t r = 0; r < b->nrows; r++)
        v[r] = sl_value_copy(t->a, sl_batch_row(b, r, t->a));
    *n = b->nrows;
    *rows = v;
    sl_batch_drop(b);
    return true;
}
static void put_row(sl_builder *w, const map *m) {
    sl_arena *a = sl_builder_arena(w);
    sl_builder_row(w);
    for (uint32_t i = 0; i < m->n; i++)
        sl_builder_put(w, sl_arena_dup(a, m->at[i].key), sl_value_copy(a, m->at[i].val));
    sl_builder_end(w);
}
/* Bytes of a payload: text is base64 when it can be, else itself. */
static bool payload_of(intake *t, sl_value v, sl_str *bytes) {
    v = sl_value_open(t->a, v);
    if (v.kind == SL_BYTES) {
        *bytes = sl_v_text(v);
        return true;
    }
    if (v.kind != SL_STRING)
        return false;
    sl_buf b = {0};
    size_t at;
    *bytes = sl_base64_get(&b, sl_v_text(v), &at) ? sl_arena_dup(t->a, sl_buf_view(&b)) : sl_v_text(v);
    sl_buf_free(&b);
    return true;
}
static bool refuse(intake *t, const sl_packet *p, sl_str why) {
    t->ops->bad(t->arg, p, why);
    return true;
}
/* payloadBatchField: one row of all elements; what cannot be used is left out. */
static uint32_t put_batch(intake *t, sl_builder *w, sl_value row) {
    map m = {0};
    sl_value list = sl_value_open(t->a, sl_value_get(t->a, row, t->o->payload_batch));
    if (list.kind != SL_LIST)
        return 0;
    map_all(t->a, &m, row, t->o->payload_batch);
    for (uint32_t i = 0; i < list.len; i++) {
        sl_value x = sl_value_open(t->a, list.list[i]), *inner;
        sl_str bytes, why;
        uint32_t n = 0;
        if (x.kind != SL_MAP || !payload_of(t, sl_value_get(t->a, x, t->o->payload_field), &bytes) || !rows_of(t, t->o->payload, t->inner, bytes, &inner, &n, &why))
            continue;
        map_all(t->a, &m, x, t->o->payload_field);
        for (uint32_t k = 0; k < n; k++)
            map_all(t->a, &m, inner[k], (sl_str){0});
    }
    put_row(w, &m);
    return 1;
}
static bool decode_payloads(intake *t, const sl_packet *p) {
    sl_value *rows;
    uint32_t n = 0, made = 0;
    sl_str why = {0};
    if (!rows_of(t, t->d->codec, t->outer, p->bytes, &rows, &n, &why))
        return refuse(t, p, why);
    sl_builder *w = NULL;
    for (uint32_t r = 0; r < n; r++) {
        sl_value *inner;
        sl_str bytes;
        uint32_t k = 0;
        if (!t->o->payload_batch.n && !payload_of(t, sl_value_get(t->a, rows[r], t->o->payload_field), &bytes)) {
            refuse(t, p, sl_arena_printf(t->a, "payload field %.*s is missing or neither text nor bytes", SL_FMT(t->o->payload_field)));
            continue;
        }
        if (!t->o->payload_batch.n && !rows_of(t, t->o->payload, t->inner, bytes, &inner, &k, &why)) {
            refuse(t, p, why);
            continue;
        }
        if (!w && !(w = t->ops->builder(t->arg, p)))
            return false;
        if (t->o->payload_batch.n) {
            made += put_batch(t, w, rows[r]);
            continue;
        }
        for (uint32_t i = 0; i < k; i++) {
            map m = {0};
            if (map_all(t->a, &m, rows[r], t->o->payload_field) && map_all(t->a, &m, inner[i], (sl_str){0})) {
                put_row(w, &m);
                made++;
            }
        }
    }
    return made ? t->ops->rows(t->arg, p, made) : true;
}
/* The rest of the way of one message. */
static bool pass(intake *t, const sl_packet *p) {
    sl_packet k = *p;
    if (t->o->unpress) {
        t->plain.n = 0;
        const char *why = sl_press_unpack(t->o->unpress, p->bytes, UNPACK_MAX, &t->plain);
        if (why)
            return refuse(t, p, sl_str_of(why));
        k.bytes = sl_buf_view(&t->plain);
    }
    if (!t->o->payload)
        return t->ops->bytes(t->arg, &k);
    sl_arena_reset(t->a);
    return decode_payloads(t, &k);
}

/* ---- rate limit ---- */
static void kept_drop(kept *k) { sl_arena_free(k->a); }
static bool keep(intake *t, const sl_packet *p, sl_str key) {
    size_t i = 0;
    while (i < t->kept.n && !sl_str_eq(t->kept.at[i].key, key))
        i++;
    if (i == t->kept.n) {
        sl_arena *a = i < KEYS_MAX ? sl_arena_new(0) : NULL;
        kept k = {.a = a};
        if (!a || !SL_PUSH(t->kept, k)) {
            sl_arena_free(a);
            return false;
        }
    }
    kept *k = &t->kept.at[i];
    key = sl_arena_dup(t->a, key); /* it may live in what is thrown away */
    sl_arena_reset(k->a);
    sl_member *m = p->nmeta ? SL_NEW_N(k->a, sl_member, p->nmeta) : NULL;
    k->p = *p;
    char *bytes = p->bytes.n ? sl_arena_alloc(k->a, p->bytes.n) : NULL;
    if (p->bytes.n && bytes)
        memcpy(bytes, p->bytes.p, p->bytes.n);
    k->p.bytes = sl_str_n(bytes, bytes ? p->bytes.n : 0);
    k->p.nmeta = m ? p->nmeta : 0;
    for (uint32_t x = 0; x < k->p.nmeta; x++)
        m[x] = (sl_member){sl_arena_dup(k->a, p->meta[x].key), sl_value_copy(k->a, p->meta[x].val)};
    k->p.meta = m;
    k->key = sl_arena_dup(k->a, key);
    t->newest = i;
    return true;
}
static void clear(intake *t) {
    for (size_t i = 0; i < t->kept.n; i++)
        kept_drop(&t->kept.at[i]);
    t->kept.n = 0;
}
static void merge(intake *t) {
    const sl_packet *last = &t->kept.at[t->newest].p;
    map m = {0};
    bool any = false;
    sl_arena_reset(t->a);
    for (size_t i = 0; i < t->kept.n; i++) {
        sl_value *rows;
        uint32_t n = 0;
        sl_str why = {0};
        if (!rows_of(t, t->d->codec, t->outer, t->kept.at[i].p.bytes, &rows, &n, &why)) {
            refuse(t, &t->kept.at[i].p, why);
            continue;
        }
        for (uint32_t r = 0; r < n; r++)
            any |= map_all(t->a, &m, rows[r], (sl_str){0});
    }
    sl_builder *w = any ? t->ops->builder(t->arg, last) : NULL;
    if (w) {
        put_row(w, &m);
        t->ops->rows(t->arg, last, 1);
    }
}
static void on_tick(void *arg) {
    intake *t = arg;
    sl_timer_in(t->tick, t->o->interval_ns / 1000000);
    if (!t->kept.n)
        return;
    if (t->o->merge_field.n)
        merge(t);
    else
        pass(t, &t->kept.at[0].p);
    clear(t);
}
static bool limit(intake *t, const sl_packet *p) {
    if (!t->ticking) {
        t->ticking = true;
        sl_timer_in(t->tick, t->o->interval_ns / 1000000);
    }
    sl_arena_reset(t->a);
    sl_packet k = *p;
    sl_str key = {"", 0};
    if (t->o->merge_field.n) { /* only this field of the payload */
        sl_value *rows;
        uint32_t n = 0;
        sl_str why = {0};
        if (t->o->unpress) {
            t->plain.n = 0;
            const char *text = sl_press_unpack(t->o->unpress, p->bytes, UNPACK_MAX, &t->plain);
            if (text)
                return refuse(t, p, sl_str_of(text));
            k.bytes = sl_buf_view(&t->plain);
        }
        if (!rows_of(t, t->d->codec, t->outer, k.bytes, &rows, &n, &why))
            return refuse(t, p, why);
        sl_buf b = {0};
        sl_json_put(&b, n ? sl_value_get(t->a, rows[0], t->o->merge_field) : sl_v_null(), &why);
        key = sl_arena_dup(t->a, sl_buf_view(&b));
        sl_buf_free(&b);
    }
    return keep(t, &k, key) || refuse(t, p, SL_S("out of memory: a message was lost"));
}

/* ---- face ---- */
bool intake_take(intake *t, const sl_packet *p) { return t->o->interval_ns ? limit(t, p) : pass(t, p); }
sl_err *intake_new(const sl_srcdef *d, sl_loop *l, const intake_ops *ops, void *arg, intake **out) {
    intake *t = calloc(1, sizeof *t);
    if (!t)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *t = (intake){.d = d, .o = d->in, .ops = ops, .arg = arg};
    sl_layout *none = sl_layout_new(NULL, 0, 0);
    t->w = none ? sl_builder_new(none, true) : NULL;
    t->a = sl_arena_new(0);
    sl_err *e = NULL;
    if (none)
        sl_layout_drop(none);
    if (!t->w || !t->a || (d->in->interval_ns && !(t->tick = sl_timer_new(l, on_tick, t))))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (d->in->payload || d->in->merge_field.n))
        e = d->codec->dec_new(&d->codec_conf, &t->outer);
    if (!e && d->in->payload)
        e = d->in->payload->dec_new(&d->in->payload_conf, &t->inner);
    if (e) {
        intake_free(t);
        return e;
    }
    *out = t;
    return NULL;
}
void intake_free(intake *t) {
    if (!t)
        return;
    clear(t);
    SL_VEC_FREE(t->kept);
    sl_timer_free(t->tick);
    if (t->outer)
        t->d->codec->dec_free(t->outer);
    if (t->inner)
        t->o->payload->dec_free(t->inner);
    sl_builder_free(t->w);
    sl_arena_free(t->a);
    sl_buf_free(&t->plain);
    free(t);
}
