/* The sink node: derived batches become messages (transform, encode), wait in a bounded queue (queue.c), and are offered to the connector, which
 * answers by sequence number.
 *
 * Decision: payloads are encoded into one scratch buffer and offered at once; only what the connector has not answered when put returns
 * is copied. A sink that answers at once (nop, memory, MQTT QoS 0) therefore costs no copy and no allocation. */
#include "data/json.h"
#include "flow/sink_int.h"

static sink_node *counted(const sink_node *c) { /* of a blind sink: what was counted goes where it is looked for */
    sink_node *s = (sink_node *)(uintptr_t)c;
    if (s->counted_taken) {
        s->meter.in += s->counted;
        s->meter.out += s->counted;
        s->taken += s->counted_taken;
        s->meter.last_ms = s->counted_ms;
        s->counted = s->counted_taken = 0;
    }
    return s;
}
const sl_meter *sink_meter(const sink_node *s) { return &counted(s)->meter; }
uint64_t sink_taken(const sink_node *s) { return counted(s)->taken; }
void sink_took(sink_node *s, int64_t us) { meter_took(&s->meter, us); }

/* ---- rows to messages ---- */
/* Compresses or encrypts the payload that begins at off. */
static bool turn(sink_node *s, size_t off, bool seal) {
    s->pressed.n = 0;
    sl_str plain = sl_str_n(s->scratch.p + off, s->scratch.n - off);
    const char *why = seal ? sl_cipher_seal(s->cipher, plain, &s->pressed) : sl_press_pack(s->def->press, plain, &s->pressed);
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
    if (s->def->press && !is_error && whole && !turn(s, off, false))
        return;
    if (s->cipher && !is_error && whole && !turn(s, off, true))
        return;
    if (!queue_push(s, (item){.off = off, .n = s->scratch.n - off, .hold = h, .is_error = is_error, .collection = collection, .doff = s->doff, .dn = s->dn}))
        queue_fail(s, SL_S("out of memory: a message was lost"));
}
/* What some rows of a batch hold, with the batch that they point into. */
static size_t share(const sl_batch *b, uint32_t count) {
    size_t n = sl_arena_bytes(b->arena) + (b->base ? sl_arena_bytes(b->base->arena) : 0);
    return n * count / (b->nrows ? b->nrows : 1);
}
static void queue_rows(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, hold *h, bool collection, bool is_error) {
    item x = {.batch = sl_batch_hold(b), .first = first, .count = count, .hold = h, .collection = collection, .is_error = is_error, .doff = s->doff, .dn = s->dn};
    item_holds(s, &x, share(b, count));
    if (!queue_push(s, x)) {
        s->held -= x.held;
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
static void emit_error(sink_node *s, sl_str text, hold *h) {
    s->dn = 0;
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
/* A result that cannot become a message: counted, and with sendError told to the sink. */
static void lose(sink_node *s, sl_str why, hold *h) {
    queue_fail(s, why);
    if (s->flow->spec->send_error)
        emit_error(s, why, h);
}
static bool batches(const sink_node *s) { return s->def->opts.batch_size > 0 || s->def->opts.linger_ns > 0; }
static int by_key(const void *a, const void *b) { return sl_str_cmp(((const sl_member *)a)->key, ((const sl_member *)b)->key); }
/* Columns of a csv batch: `fields`, or the sorted keys of the first row ever; of lists those of the first list. Always joined by commas
 * (connectors.md 5.1). */
static void csv_columns(sink_node *s, sl_value v) {
    const sl_sinkopts *o = &s->def->opts;
    bool list = v.kind == SL_LIST;
    sl_buf *to = list ? &s->csv_list : &s->csv_head;
    if (to->n)
        return;
    sl_buf_clear(to);
    if (o->fields.n && !list) {
        for (uint32_t i = 0; i < o->fields.n; i++)
            sl_buf_printf(to, i ? ",%.*s" : "%.*s", SL_FMT(o->fields.at[i]));
        return;
    }
    if (list)
        v = v.len ? sl_value_open(s->arena, v.list[0]) : sl_v_null();
    sl_member *m = v.kind == SL_MAP ? sl_arena_alloc(s->arena, (v.len + 1) * sizeof *m) : NULL;
    if (!m || !v.len)
        return;
    memcpy(m, v.map, v.len * sizeof *m);
    qsort(m, v.len, sizeof *m, by_key);
    for (uint32_t i = 0; i < v.len; i++)
        sl_buf_printf(to, i ? ",%.*s" : "%.*s", SL_FMT(m[i].key));
}
static void emit_value(sink_node *s, sl_value data, hold *h, bool collection) {
    sl_str why = {0}, text = {0};
    sl_value v;
    made m = sink_transform(s, data, &v, &text, &why);
    if (m == MADE_ERROR) {
        lose(s, why, h);
        return;
    }
    if (s->def->def->sink->rows) {
        queue_values(s, v, h, v.kind == SL_LIST, false);
        return;
    }
    if (m == MADE_TEXT && batches(s)) {
        lose(s, SL_S("unknown data type: *xsql.RawTuple (dataTemplate cannot be batched unless dataField, fields or excludeFields make rows of it)"), h);
        return;
    }
    size_t off = s->scratch.n;
    if (m == MADE_TEXT)
        sl_buf_str(&s->scratch, text);
    else if (!s->def->codec->encode(s->enc, s->arena, v, &s->scratch, &why)) {
        s->scratch.n = off;
        lose(s, why, h);
        return;
    }
    if (batches(s) && s->def->codec == &sl_codec_delimited)
        csv_columns(s, v);
    queue_bytes(s, off, h, false, collection);
}
static bool plain_rows(const sink_node *s) { return !sink_shapes(s) && !s->def->data_template; }
static bool row_empty(const sl_batch *b, uint32_t r) {
    if (b->tails && b->tails[r].n)
        return false;
    for (uint32_t c = 0; c < b->layout->n; c++)
        if (b->cols[c][r].kind != SL_ABSENT)
            return false;
    return true;
}
/* What templates and the transform see: the row, or the list of rows. */
static sl_value data_of(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, bool single) {
    if (single)
        return sl_batch_row(b, first, s->arena);
    sl_value *l = sl_arena_alloc(s->arena, (count + 1) * sizeof *l);
    for (uint32_t k = 0; l && k < count; k++)
        l[k] = sl_batch_row(b, first + k, s->arena);
    return sl_v_list(l, l ? count : 0);
}
/* One message: a row, or rows as one collection. */
static void emit_rows(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, bool single, hold *h) {
    bool fast = plain_rows(s), rows = s->def->def->sink->rows;
    sl_str why = {0};
    sl_value data = sl_v_absent();
    s->dn = 0;
    if (s->props) {
        data = data_of(s, b, first, count, single);
        s->doff = s->scratch.n;
        if (!dyn_render(s, data, &s->scratch, &why)) {
            lose(s, why.n ? why : SL_S("out of memory: a result was lost"), h);
            return;
        }
        s->dn = s->scratch.n - s->doff;
    }
    if (fast && rows) {
        queue_rows(s, b, first, count, h, !single, false);
        return;
    }
    if (fast && s->def->codec->encode_row && (single || s->def->codec == &sl_codec_json)) {
        size_t off = s->scratch.n;
        if (!single)
            sl_buf_putc(&s->scratch, '[');
        for (uint32_t r = first; r < first + count; r++) {
            if (r > first)
                sl_buf_putc(&s->scratch, ',');
            if (!s->def->codec->encode_row(s->enc, s->arena, b, r, &s->scratch, &why)) {
                s->scratch.n = off;
                lose(s, why, h);
                return;
            }
        }
        if (!single)
            sl_buf_putc(&s->scratch, ']');
        queue_bytes(s, off, h, false, !single);
        return;
    }
    if (data.kind == SL_ABSENT)
        data = data_of(s, b, first, count, single);
    emit_value(s, data, h, !single);
}
/* One frame (rows first … first+count) becomes one or several messages. */
static void emit_frame(sink_node *s, sl_batch *b, uint32_t first, uint32_t count, hold *h) {
    const sl_sinkopts *o = &s->def->opts;
    if (o->omit_empty && count == 0)
        return;
    if (!o->send_single) {
        emit_rows(s, b, first, count, false, h);
        return;
    }
    for (uint32_t r = first; r < first + count; r++)
        if (!(o->omit_empty && row_empty(b, r)))
            emit_rows(s, b, r, 1, true, h);
}

/* ---- batchSize and lingerInterval: outputs are collected after the transform, joined by a format writer ---- */
static void batch_flush(sink_node *s) {
    if (!s->batch_n)
        return;
    s->batch_n = 0;
    s->dn = 0;
    hold *h = s->batch_hold;
    s->batch_hold = NULL;
    if (s->def->def->sink->rows) {
        sl_batch *b = s->batch_rows ? sl_builder_done(s->batch_rows, now_of(s)) : NULL;
        if (b) {
            queue_rows(s, b, 0, b->nrows, h, true, false);
            sl_batch_drop(b);
        }
    } else {
        if (s->batch_dyn.n) { /* those of the last message hold for all */
            s->doff = s->scratch.n;
            s->dn = s->batch_dyn.n;
            sl_buf_str(&s->scratch, sl_buf_view(&s->batch_dyn));
            sl_buf_clear(&s->batch_dyn);
        }
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
    queue_begin(s);
    batch_flush(s);
    sl_timer_in(s->linger, s->def->opts.linger_ns / 1000000);
    queue_pump(s);
    queue_own(s);
    if (s->spill || sink_full(s))
        queue_limit(s);
    flow_sink_moved(s->flow);
}
/* The messages queued since `from` go into the batch instead. */
static void batch_collect(sink_node *s, size_t from) {
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
    uint32_t taken = 0;
    ring *in = queue_in(s);
    for (size_t i = from; i < in->n; i++) {
        item *x = ring_at(in, i);
        if (x->is_error) /* errors pass by */
            continue;
        taken++;
        if (x->dn) {
            sl_buf_clear(&s->batch_dyn);
            sl_buf_put(&s->batch_dyn, s->scratch.p + x->doff, x->dn);
        }
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
                sl_buf_str(&s->batch_buf, sl_buf_view(x->collection ? &s->csv_list : &s->csv_head));
            if (json && s->batch_buf.n)
                sl_buf_putc(&s->batch_buf, ',');
            else if (csv)
                sl_buf_putc(&s->batch_buf, '\n');
            sl_buf_put(&s->batch_buf, s->scratch.p + x->off, x->n);
        }
    }
    /* take them back out of the queue; their holds become one */
    size_t keep = from, end = in->n;
    in->n = from;
    for (size_t i = from; i < end; i++) {
        item *x = ring_at(in, i);
        if (x->is_error) {
            item e = *x;
            *ring_at(in, keep++) = e;
            in->n = keep;
            continue;
        }
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
    s->batch_n += taken > 0;
    if (o->batch_size && s->batch_n >= (uint32_t)o->batch_size)
        batch_flush(s);
}

static uint64_t count_messages(const sink_node *s, const sl_batch *b) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < b->nframes; i++)
        n += b->frames[i].kind == SL_FRAME_ERROR || !s->def->opts.send_single ? 1 : b->frames[i].count;
    return n;
}
void sink_warm(const sink_node *s, int step) {
    if (step == 0)
        __builtin_prefetch(s, 1);
    else if (!s->blind)
        for (size_t i = 64; i < sizeof *s; i += 64)
            __builtin_prefetch((const char *)s + i, 1);
}
void sink_take(sink_node *s, sl_batch *b) {
    if (s->blind) {
        s->counted += b->frames ? count_messages(s, b) : b->nrows;
        s->counted_taken += b->frames ? b->nframes : b->nrows;
        s->counted_ms = s->flow->last_ms;
        return;
    }
    hold *h = hold_new(s, b->ticket);
    sl_lane *lane = s->flow->lane;
    sl_arena_mark before = sl_arena_here(s->arena);
    if (lane->depth++ == 0)
        sl_arena_reset(s->arena); /* keeps its largest piece */
    sl_buf_clear(&s->scratch);
    bool batching = batches(s);
    uint32_t nf = b->frames ? b->nframes : b->nrows;
    queue_begin(s);
    s->taken += nf;
    for (uint32_t i = 0; i < nf; i++) {
        sl_frame one = {.kind = SL_FRAME_ROW, .first = i, .count = 1};
        const sl_frame *f = b->frames ? &b->frames[i] : &one;
        size_t from = queue_in(s)->n;
        if (f->kind == SL_FRAME_ERROR)
            emit_error(s, f->error, h);
        else
            emit_frame(s, b, f->first, f->count, h);
        if (batching && queue_in(s)->n > from)
            batch_collect(s, from);
    }
    hold_drop(h);
    queue_pump(s);
    queue_own(s);
    if (s->def->def->sink->flush && s->sink)
        s->def->def->sink->flush(s->sink);
    if (s->spill || sink_full(s))
        queue_limit(s);
    if (--lane->depth)
        sl_arena_back(s->arena, before);
    flow_sink_moved(s->flow);
}
void sink_finish(sink_node *s) {
    sl_buf_clear(&s->scratch);
    queue_begin(s);
    batch_flush(s);
    queue_pump(s);
    queue_own(s);
}

/* ---- life ---- */
static void forget(void *arg) { sink_free(arg); }
static sl_err *open_one(sl_flow *f, const sl_sinkdef *d, const char *name, bool spare, sink_node **out) {
    sink_node *s = line_alloc(sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->host = queue_host;
    s->flow = f;
    s->def = d;
    s->spare = spare;
    s->arena = f->lane->scratch;
    s->meter.where = 2;
    s->meter.name = sl_strdup_n(name, strlen(name));
    sl_err *e = s->meter.name ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    const sl_sinkopts *o = &d->opts;
    s->blind = !spare && d->def->sink->blind && d->def->sink->blind(d->conf) && plain_rows(s) && !dyn_count(d) && !o->omit_empty && !batches(s);
    if (!e && d->codec && !s->blind)
        e = d->codec->enc_new(&d->codec_conf, &s->enc);
    if (!e && d->opts.encryption.n && d->codec && !d->def->sink->writes_stream)
        e = sl_cipher_new(d->opts.encryption, d->opts.enc_props, &s->cipher);
    if (!e && dyn_count(d) && !(s->props = calloc((size_t)OFFER * dyn_count(d), sizeof *s->props)))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && !spare && d->opts.linger_ns > 0) {
        s->linger = sl_timer_new(f->lane->loop, linger_tick, s);
        if (s->linger)
            sl_timer_in(s->linger, d->opts.linger_ns / 1000000);
    }
    if (!e && d->opts.cache && !d->resend && !d->def->sink->rows)
        e = spill_open(s);
    if (!e) {
        s->env = (sl_conn_env){.loop = f->lane->loop,
                               .home = f->spec->home,
                               .rule_id = (const char *)f->spec->rule_id.p,
                               .op_name = s->meter.name,
                               .http = f->spec->http,
                               .private_net = f->spec->private_net,
                               .lasts = f->spec->qos >= 1};
        e = d->def->sink->open(d->conf, &s->env, &s->host, &s->sink);
    }
    if (e) {
        sink_free(s);
        return e;
    }
    if (s->spill)
        queue_pump(s); /* what an earlier run left */
    *out = s;
    return NULL;
}
sl_err *sink_open(sl_flow *f, uint32_t i, sink_node **out) {
    const sl_sinkdef *d = &f->spec->sinks[i];
    sink_node *spare = NULL;
    sl_buf name = {0};
    sl_buf_printf(&name, "%.*s_%u_resend", SL_FMT(d->type), i);
    sl_err *e = name.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
    if (!e && d->resend)
        e = open_one(f, d->resend, sl_buf_cstr(&name), true, &spare);
    if (!e) {
        name.n -= strlen("_resend");
        e = open_one(f, d, sl_buf_cstr(&name), false, out);
        if (e && spare) { /* it may have to say goodbye */
            spare->forget = true;
            sink_close(spare, forget, spare);
        } else if (!e)
            (*out)->resend = spare;
    }
    sl_buf_free(&name);
    return e;
}
sink_node *sink_resend(const sink_node *s) { return s->resend; }
static void both_closed(void *arg) {
    sink_node *s = arg;
    if (s->closed && (!s->resend || s->resend->closed))
        s->done(s->done_arg);
}
static void closed(void *arg) {
    sink_node *s = arg;
    s->sink = NULL;
    if (s->spill)
        spill_keep(s);
    s->closed = true;
    both_closed(s->done_arg && s->spare && !s->forget ? s->done_arg : s);
}
static void close_one(sink_node *s) {
    s->closing = true;
    if (s->retry)
        sl_timer_stop(s->retry);
    if (s->linger)
        sl_timer_stop(s->linger);
    if (s->sink)
        s->def->def->sink->close(s->sink, closed, s);
    else
        closed(s);
}
void sink_close(sink_node *s, sl_fn done, void *arg) {
    s->done = done;
    s->done_arg = arg;
    if (s->resend) {
        s->resend->done_arg = s;
        close_one(s->resend);
    }
    close_one(s);
}
void sink_free(sink_node *s) {
    if (!s)
        return;
    sink_free(s->resend);
    queue_free(s);
    hold_drop(s->batch_hold);
    if (s->batch_rows)
        sl_builder_free(s->batch_rows);
    if (s->enc)
        s->def->codec->enc_free(s->enc);
    sl_cipher_free(s->cipher);
    sl_timer_free(s->retry);
    sl_timer_free(s->linger);
    sl_buf_free(&s->scratch);
    sl_buf_free(&s->pressed);
    sl_buf_free(&s->batch_buf);
    sl_buf_free(&s->batch_dyn);
    sl_buf_free(&s->csv_head);
    sl_buf_free(&s->csv_list);
    free(s->props);
    meter_free(&s->meter);
    free(s);
}
