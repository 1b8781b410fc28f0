/* The sink node: derived batches become messages (transform, encode), wait in a bounded queue (queue.c), and are offered to the connector, which
 * answers by sequence number.
 *
 * Decision: payloads are encoded into one scratch buffer and offered at once; only what the connector has not answered when put returns
 * is copied. A sink that answers at once (nop, memory, MQTT QoS 0) therefore costs no copy and no allocation. */
#include "data/json.h"
#include "flow/sink_int.h"

const sl_meter *sink_meter(const sink_node *s) { return &s->meter; }
uint64_t sink_taken(const sink_node *s) { return s->taken; }
void sink_took(sink_node *s, int64_t us) { meter_took(&s->meter, us); }

/* ---- transform: rows to messages ---- */
static bool listed(const sl_strs *l, sl_str key) {
    for (uint32_t i = 0; i < l->n; i++)
        if (sl_str_eq(l->at[i], key))
            return true;
    return false;
}
static sl_value select_fields(sink_node *s, sl_value v) { /* fields / excludeFields on one MAP */
    const sl_sinkopts *o = &s->def->opts;
    if (o->fields.n) {
        sl_member *m = sl_arena_alloc(s->arena, o->fields.n * sizeof *m);
        for (uint32_t i = 0; i < o->fields.n; i++) {
            sl_value x = sl_value_get(s->arena, v, o->fields.at[i]);
            m[i] = (sl_member){o->fields.at[i], x.kind == SL_ABSENT ? sl_v_null() : x};
        }
        return sl_v_map(m, o->fields.n);
    }
    if (o->exclude.n) {
        sl_member *m = sl_arena_alloc(s->arena, (v.len + 1) * sizeof *m);
        uint32_t n = 0;
        for (uint32_t i = 0; i < v.len; i++)
            if (!listed(&o->exclude, v.map[i].key))
                m[n++] = v.map[i];
        return sl_v_map(m, n);
    }
    return v;
}
static bool shape(sink_node *s, sl_value *v, sl_str *why) { /* steps 7 to 9 of connectors.md 19.7 */
    const sl_sinkopts *o = &s->def->opts;
    if (o->data_field.n) {
        sl_value from = *v;
        if (from.kind == SL_LIST)
            from = from.len ? sl_value_open(s->arena, from.list[0]) : sl_v_null();
        if (from.kind == SL_MAP)
            *v = sl_value_copy(s->arena, sl_value_get(s->arena, from, o->data_field));
        else
            *v = sl_v_null();
        *v = sl_value_open(s->arena, *v);
    }
    if (o->fields.n || o->exclude.n || o->data_field.n) {
        if (v->kind == SL_MAP)
            *v = select_fields(s, *v);
        else if (v->kind == SL_LIST) {
            sl_value *l = sl_arena_alloc(s->arena, (v->len + 1) * sizeof *l);
            for (uint32_t i = 0; i < v->len; i++) {
                sl_value x = sl_value_open(s->arena, v->list[i]);
                if (x.kind != SL_MAP) {
                    *why = SL_S("unsupported type");
                    return false;
                }
                l[i] = select_fields(s, x);
            }
            *v = sl_v_list(l, v->len);
        } else if (o->fields.n) {
            *why = SL_S("unsupported type");
            return false;
        } else if (v->kind > SL_NULL && v->kind != SL_BYTES) {
            *why = sl_arena_printf(s->arena, "invalid transform result type %s", sl_value_gotype(*v));
            return false;
        }
    }
    return true;
}
static bool compress(sink_node *s, size_t off) {
    s->pressed.n = 0;
    const char *why = sl_press_pack(s->def->press, sl_str_n(s->scratch.p + off, s->scratch.n - off), &s->pressed);
    s->scratch.n = off;
    if (!why)
        sl_buf_str(&s->scratch, sl_buf_view(&s->pressed));
    if (why || s->scratch.failed)
        queue_fail(s, sl_str_of(why ? why : "out of memory: a message was lost"));
    return !why && !s->scratch.failed;
}
static void queue_bytes(sink_node *s, size_t off, hold *h, bool is_error, bool collection) {
    const sl_sinkopts *o = &s->def->opts;
    bool whole = s->flushing || (o->batch_size <= 0 && o->linger_ns <= 0); /* of a batch, not its parts */
    if (s->def->press && !is_error && whole && !compress(s, off))
        return;
    if (!queue_push(s, (item){.off = off, .n = s->scratch.n - off, .hold = h, .is_error = is_error, .collection = collection}))
        queue_fail(s, SL_S("out of memory: a message was lost"));
}
static void queue_rows(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, hold *h, bool collection, bool is_error) {
    if (!queue_push(s, (item){.batch = sl_batch_hold(b), .first = first, .count = count, .hold = h, .collection = collection, .is_error = is_error})) {
        sl_batch_drop(b);
        queue_fail(s, SL_S("out of memory: a message was lost"));
    }
}
/* Rows made here (options changed them, or an error row): a batch of their own. */
static void queue_values(sink_node *s, sl_value v, hold *h, bool collection, bool is_error) {
    sl_layout *l = sl_layout_new(NULL, 0, 0);
    sl_builder *w = l ? sl_builder_new(l, true) : NULL;
    uint32_t n = v.kind == SL_LIST ? v.len : 1;
    for (uint32_t i = 0; w && i < n; i++) {
        sl_value x = sl_value_copy(sl_builder_arena(w), v.kind == SL_LIST ? v.list[i] : v);
        sl_builder_row(w);
        for (uint32_t k = 0; x.kind == SL_MAP && k < x.len; k++)
            sl_builder_tail(w, x.map[k].key, x.map[k].val);
        sl_builder_end(w);
    }
    sl_batch *b = w ? sl_builder_done(w, now_of(s)) : NULL;
    if (b) {
        queue_rows(s, b, 0, b->nrows, h, collection, is_error);
        sl_batch_drop(b);
    } else
        queue_fail(s, SL_S("out of memory: a message was lost"));
    if (w)
        sl_builder_free(w);
    if (l)
        sl_layout_drop(l);
}
static void emit_value(sink_node *s, sl_value v, hold *h, bool collection) {
    sl_str why = {0};
    if (!shape(s, &v, &why)) {
        queue_fail(s, why);
        return;
    }
    if (s->def->def->sink->rows) {
        if (v.kind == SL_MAP || v.kind == SL_LIST)
            queue_values(s, v, h, collection, false);
        else
            queue_fail(s, SL_S("unsupported type"));
        return;
    }
    size_t off = s->scratch.n;
    if (!s->def->codec->encode(s->enc, s->arena, v, &s->scratch, &why)) {
        s->scratch.n = off;
        queue_fail(s, why);
        return;
    }
    queue_bytes(s, off, h, false, collection);
}
static bool plain_rows(const sink_node *s) {
    const sl_sinkopts *o = &s->def->opts;
    return !o->fields.n && !o->exclude.n && !o->data_field.n;
}
static bool row_empty(const sl_batch *b, uint32_t r) {
    if (b->tails && b->tails[r].n)
        return false;
    for (uint32_t c = 0; c < b->layout->n; c++)
        if (b->cols[c][r].kind != SL_ABSENT)
            return false;
    return true;
}
/* One frame (rows first … first+count) becomes one or several messages. */
static void emit_frame(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, bool collection, hold *h) {
    const sl_sinkopts *o = &s->def->opts;
    if (o->omit_empty && count == 0)
        return;
    bool single = o->send_single;
    bool fast = plain_rows(s);
    if (s->def->def->sink->rows && fast) {
        if (!single) {
            queue_rows(s, b, first, count, h, true, false);
            return;
        }
        for (uint32_t r = first; r < first + count; r++)
            if (!(o->omit_empty && row_empty(b, r)))
                queue_rows(s, b, r, 1, h, false, false);
        return;
    }
    sl_str why = {0};
    if (fast && s->def->codec->encode_row && (single || s->def->codec == &sl_codec_json)) {
        size_t off = s->scratch.n;
        if (!single)
            sl_buf_putc(&s->scratch, '[');
        for (uint32_t r = first; r < first + count; r++) {
            if (single) {
                if (o->omit_empty && row_empty(b, r))
                    continue;
                off = s->scratch.n;
            } else if (r > first)
                sl_buf_putc(&s->scratch, ',');
            if (!s->def->codec->encode_row(s->enc, s->arena, b, r, &s->scratch, &why)) {
                s->scratch.n = off;
                queue_fail(s, why);
                if (!single)
                    return;
                continue;
            }
            if (single)
                queue_bytes(s, off, h, false, false);
        }
        if (!single) {
            sl_buf_putc(&s->scratch, ']');
            queue_bytes(s, off, h, false, true);
        }
        return;
    }
    if (single) {
        for (uint32_t r = first; r < first + count; r++)
            if (!(o->omit_empty && row_empty(b, r)))
                emit_value(s, sl_batch_row(b, r, s->arena), h, false);
        return;
    }
    sl_value *l = sl_arena_alloc(s->arena, (count + 1) * sizeof *l);
    if (!l) {
        queue_fail(s, SL_S("out of memory: a result was lost"));
        return;
    }
    for (uint32_t k = 0; k < count; k++)
        l[k] = sl_batch_row(b, first + k, s->arena);
    emit_value(s, sl_v_list(l, count), h, true);
}
static void emit_error(sink_node *s, sl_str text, hold *h) {
    if (s->def->def->sink->rows) {
        sl_member *m = SL_NEW(s->arena, sl_member);
        *m = (sl_member){SL_S("error"), sl_v_str(text)};
        queue_values(s, sl_v_map(m, 1), h, !s->def->opts.send_single, true);
        return;
    }
    size_t off = s->scratch.n;
    sl_buf_str(&s->scratch, text);
    queue_bytes(s, off, h, true, false);
}

/* ---- batchSize and lingerInterval: outputs are collected after the transform, joined by a format writer ---- */
static void batch_flush(sink_node *s) {
    if (!s->batch_n)
        return;
    s->batch_n = 0;
    hold *h = s->batch_hold;
    s->batch_hold = NULL;
    if (s->def->def->sink->rows) {
        sl_batch *b = s->batch_rows ? sl_builder_done(s->batch_rows, now_of(s)) : NULL;
        if (b) {
            queue_rows(s, b, 0, b->nrows, h, true, false);
            sl_batch_drop(b);
        }
    } else {
        size_t off = s->scratch.n;
        bool json = s->def->codec == &sl_codec_json;
        if (json)
            sl_buf_putc(&s->scratch, '[');
        sl_buf_str(&s->scratch, sl_buf_view(&s->batch_buf));
        if (json)
            sl_buf_putc(&s->scratch, ']');
        s->flushing = true;
        queue_bytes(s, off, h, false, true);
        s->flushing = false;
    }
    sl_buf_clear(&s->batch_buf);
    hold_drop(h);
}
static void linger_tick(void *arg) {
    sink_node *s = arg;
    sl_buf_clear(&s->scratch);
    batch_flush(s);
    sl_timer_in(s->linger, s->def->opts.linger_ns / 1000000);
    queue_pump(s);
    queue_own(s);
    flow_sink_moved(s->flow);
}
static int by_key(const void *a, const void *b) { return sl_str_cmp(((const sl_member *)a)->key, ((const sl_member *)b)->key); }
static void csv_header(sink_node *s, const sl_batch *src, uint32_t row) { /* always ',' (connectors.md 5.1) */
    const sl_sinkopts *o = &s->def->opts;
    for (uint32_t i = 0; i < o->fields.n; i++) {
        if (i)
            sl_buf_putc(&s->batch_buf, ',');
        sl_buf_str(&s->batch_buf, o->fields.at[i]);
    }
    if (o->fields.n || row >= src->nrows)
        return;
    sl_value v = sl_batch_row(src, row, s->arena);
    qsort((void *)(uintptr_t)v.map, v.len, sizeof *v.map, by_key);
    for (uint32_t i = 0; i < v.len; i++) {
        if (i)
            sl_buf_putc(&s->batch_buf, ',');
        sl_buf_str(&s->batch_buf, v.map[i].key);
    }
}
/* The messages queued since `from` go into the batch instead. */
static void batch_collect(sink_node *s, size_t from, const sl_batch *src, uint32_t first) {
    const sl_sinkopts *o = &s->def->opts;
    bool json = s->def->codec == &sl_codec_json;
    if (s->def->def->sink->rows) {
        if (!s->batch_rows) {
            sl_layout *l = sl_layout_new(NULL, 0, 0);
            s->batch_rows = l ? sl_builder_new(l, true) : NULL;
            if (l)
                sl_layout_drop(l);
        }
    }
    for (size_t i = from; i < s->wait.n; i++) {
        item *x = ring_at(&s->wait, i);
        if (x->batch && s->batch_rows) {
            for (uint32_t r = x->first; r < x->first + x->count; r++) {
                sl_value v = sl_value_copy(sl_builder_arena(s->batch_rows), sl_batch_row(x->batch, r, s->arena));
                sl_builder_row(s->batch_rows);
                for (uint32_t k = 0; k < v.len; k++)
                    sl_builder_tail(s->batch_rows, v.map[k].key, v.map[k].val);
                sl_builder_end(s->batch_rows);
            }
        } else {
            bool csv = s->def->codec == &sl_codec_delimited;
            if (csv && !s->batch_buf.n)
                csv_header(s, src, first);
            if (json && s->batch_buf.n)
                sl_buf_putc(&s->batch_buf, ',');
            else if (csv)
                sl_buf_putc(&s->batch_buf, '\n');
            sl_buf_put(&s->batch_buf, s->scratch.p + x->off, x->n);
        }
    }
    /* take them back out of the queue; their holds become one */
    while (s->wait.n > from) {
        item *x = ring_at(&s->wait, --s->wait.n);
        if (x->hold && (!s->batch_hold || s->batch_hold->ticket != x->hold->ticket)) {
            hold *n = hold_new(s, x->hold->ticket);
            if (n) {
                n->also = s->batch_hold;
                s->batch_hold = n;
            }
        }
        s->meter.in--;
        item_clear(s, x);
    }
    s->batch_n++;
    if (o->batch_size && s->batch_n >= (uint32_t)o->batch_size)
        batch_flush(s);
}

static uint64_t count_messages(const sink_node *s, const sl_batch *b) {
    uint64_t n = b->frames ? 0 : b->nrows;
    for (uint32_t i = 0; b->frames && i < b->nframes; i++)
        n += b->frames[i].kind == SL_FRAME_ERROR || !s->def->opts.send_single ? 1 : b->frames[i].count;
    return n;
}
void sink_warm(const sink_node *s) {
    for (size_t i = 0; i < sizeof *s; i += 64)
        __builtin_prefetch((const char *)s + i, 1);
}
void sink_take(sink_node *s, sl_batch *b) {
    if (s->blind) {
        uint64_t n = count_messages(s, b);
        s->meter.in += n;
        s->meter.out += n;
        s->meter.last_ms = s->flow->ops.last_ms;
        return;
    }
    hold *h = hold_new(s, b->ticket);
    sl_lane *lane = s->flow->lane;
    sl_arena_mark before = sl_arena_here(s->arena);
    if (lane->depth++ == 0)
        sl_arena_reset(s->arena); /* keeps its largest piece */
    sl_buf_clear(&s->scratch);
    const sl_sinkopts *o = &s->def->opts;
    bool batching = o->batch_size > 0 || o->linger_ns > 0;
    uint32_t nf = b->frames ? b->nframes : b->nrows;
    s->taken += nf;
    for (uint32_t i = 0; i < nf; i++) {
        sl_frame one = {.kind = SL_FRAME_ROW, .first = i, .count = 1};
        const sl_frame *f = b->frames ? &b->frames[i] : &one;
        size_t from = s->wait.n;
        if (f->kind == SL_FRAME_ERROR)
            emit_error(s, f->error, h);
        else
            emit_frame(s, b, f->first, f->count, f->kind == SL_FRAME_COLLECTION, h);
        if (batching && s->wait.n > from)
            batch_collect(s, from, b, f->first);
    }
    hold_drop(h);
    queue_pump(s);
    queue_own(s);
    if (s->def->def->sink->flush && s->sink)
        s->def->def->sink->flush(s->sink);
    if (source_is_shared(s->flow->source) && sink_full(s))
        queue_limit(s);
    if (--lane->depth)
        sl_arena_back(s->arena, before);
    flow_sink_moved(s->flow);
}
void sink_finish(sink_node *s) {
    sl_buf_clear(&s->scratch);
    batch_flush(s);
    queue_pump(s);
    queue_own(s);
}

/* ---- life ---- */
sl_err *sink_open(sl_flow *f, uint32_t i, sink_node **out) {
    const sl_sinkdef *d = &f->spec->sinks[i];
    sink_node *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->host = queue_host;
    s->flow = f;
    s->def = d;
    s->arena = f->lane->scratch;
    sl_buf name = {0};
    sl_buf_printf(&name, "%.*s_%u", SL_FMT(d->type), i);
    s->meter.where = 2;
    s->meter.name = sl_buf_take(&name);
    sl_err *e = s->meter.name ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && d->codec)
        e = d->codec->enc_new(&d->codec_conf, &s->enc);
    if (!e && d->opts.linger_ns > 0) {
        s->linger = sl_timer_new(f->lane->loop, linger_tick, s);
        if (s->linger)
            sl_timer_in(s->linger, d->opts.linger_ns / 1000000);
    }
    if (!e) {
        s->env = (sl_conn_env){.loop = f->lane->loop, .home = f->spec->home, .rule_id = (const char *)f->spec->rule_id.p, .op_name = s->meter.name,
                               .http = f->spec->http, .private_net = f->spec->private_net, .lasts = f->spec->qos >= 1};
        e = d->def->sink->open(d->conf, &s->env, &s->host, &s->sink);
        const sl_sinkopts *o = &d->opts;
        s->blind = d->def->sink->blind && d->def->sink->blind(d->conf) && plain_rows(s) && !o->omit_empty && o->batch_size <= 0 && o->linger_ns <= 0;
    }
    if (e) {
        sink_free(s);
        return e;
    }
    *out = s;
    return NULL;
}
static void closed(void *arg) {
    sink_node *s = arg;
    s->closed = true;
    s->sink = NULL;
    s->done(s->done_arg);
}
void sink_close(sink_node *s, sl_fn done, void *arg) {
    s->closing = true;
    if (s->retry)
        sl_timer_stop(s->retry);
    if (s->linger)
        sl_timer_stop(s->linger);
    s->done = done;
    s->done_arg = arg;
    if (s->sink)
        s->def->def->sink->close(s->sink, closed, s);
    else
        closed(s);
}
void sink_free(sink_node *s) {
    if (!s)
        return;
    queue_free(s);
    hold_drop(s->batch_hold);
    if (s->batch_rows)
        sl_builder_free(s->batch_rows);
    if (s->enc)
        s->def->codec->enc_free(s->enc);
    sl_timer_free(s->retry);
    sl_timer_free(s->linger);
    sl_buf_free(&s->scratch);
    sl_buf_free(&s->pressed);
    sl_buf_free(&s->batch_buf);
    meter_free(&s->meter);
    free(s);
}
