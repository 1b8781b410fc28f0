/* The source node: a connector's messages become frozen batches, handed to one flow (private) or to all flows of a shared stream, decoded
 * once with the union of their columns. Keeps the ring from tickets to the connector's positions and commits the settled prefix.
 *
 * Decision: a batch is cut when the connector says the socket is drained, at the end of the loop's turn, or at CUT_ROWS / CUT_BYTES. No
 * timer on the row path. */
#include <stdlib.h>
#include "base/log.h"
#include "data/type.h"
#include "flow/flow_int.h"

enum { CUT_ROWS = 512, CUT_BYTES = 512 * 1024 };

typedef struct slot { /* a published batch whose ticket is out */
    uint64_t seq, pos;
    bool settled;
} slot;

struct source_node {
    sl_source_out out; /* first: the connector holds a pointer to it */
    sl_srcdef *def;
    sl_lane *lane;
    source_node *next; /* lane's list of shared ones */
    sl_flow *subs;
    sieve sieve; /* hands batches to them */
    lookfirst first;
    sl_source *src;
    sl_conn_env env;
    char *rule_id;
    sl_decoder *dec;
    intake *intake; /* NULL: messages go straight to the decoder */
    sl_builder *w;
    sl_builder *checked;    /* strict validation: what is published; NULL without */
    sl_arena *narrow;       /* holds `fields` when it is not the definition's */
    const sl_field *fields; /* declared columns, structs narrowed to the members that the flows use */
    uint64_t version;       /* of the layout */
    bool errors;            /* some flow wants error frames */
    bool want_meta;         /* some flow uses meta() or sends metadata */
    unsigned paused;        /* for which reasons, PAUSE_… */
    bool stop, closing, deferred, stale;
    bool relook;          /* `first` is to be made anew when the builder is empty */
    bool by_checkpoint;   /* what it gave is committed when a checkpoint that contains it is kept */
    journal *journal;     /* of the flow; NULL: packets are not kept. Positions are then numbers of its records */
    bool ends;            /* its end came while the journal was replayed */
    sl_buf packed;        /* rows on their way to the journal */
    int64_t clock;        /* while replaying: the time when the packets came; 0 = now */
    uint64_t taken;       /* last position whose rows the flow got */
    uint64_t settled_pos; /* last position that was settled */
    uint64_t last_pos;
    bool unsettled_pos;      /* last_pos belongs to messages that left no row yet */
    size_t building;         /* payload bytes in the builder */
    int64_t began;           /* clock at the first message of the batch, 0 = none yet */
    int64_t took;            /* what gathering the last batch took */
    struct kept *kept;       /* payloads of the batch, while some flow is watched */
    struct ticket_of *spare; /* a settled ticket for the next batch, NULL = none */
    slot *ring;
    size_t nring, head, cap; /* outstanding batches, oldest at head; cap is a power of two */
    uint64_t seq;
    uint32_t refs; /* itself, tickets, a pending deferred publish, a running walk */
    sl_meter meter, decoder, preprocessor;
    sl_fn leave_done;
    void *leave_arg;
};
enum { KEPT_MAX = 64 };
typedef struct kept {
    uint32_t n; /* may be more than were kept */
    sl_buf bytes;
    size_t ends[KEPT_MAX];
} kept;
typedef struct ticket_of {
    sl_ticket t;
    source_node *s;
} ticket_of;

const sl_meter *source_meter(const source_node *s) { return &s->meter; }
const sl_meter *source_decoder_meter(const source_node *s) { return s->dec ? &s->decoder : NULL; }
const sl_meter *source_preprocessor_meter(const source_node *s) { return s->checked ? &s->preprocessor : NULL; }
uint64_t source_left(const source_node *s) { return s->first.left; }
bool source_is_shared(const source_node *s) { return s->def->shared; }
bool source_rewinds(const source_node *s) { return s->def->def->source->rewinds; }

static void unkeep(source_node *s);
static void source_unref(source_node *s) {
    if (--s->refs)
        return;
    intake_free(s->intake);
    if (s->dec)
        s->def->codec->dec_free(s->dec);
    if (s->w)
        sl_builder_free(s->w);
    if (s->checked)
        sl_builder_free(s->checked);
    sl_arena_free(s->narrow);
    sieve_free(&s->sieve);
    lookfirst_end(&s->first);
    unkeep(s);
    sl_buf_free(&s->packed);
    free(s->spare);
    free(s->ring);
    free(s->rule_id);
    meter_free(&s->meter);
    meter_free(&s->decoder);
    meter_free(&s->preprocessor);
    sl_srcdef_drop(s->def);
    free(s);
}

/* ---- layout: union of what the flows want ---- */
/* The type that column f has for a flow; NULL: the flow does not use it. */
static const sl_type *type_for(const sl_plan_source *ps, const sl_field *f) {
    for (uint32_t i = 0; i < ps->nnarrowed; i++)
        if (sl_str_eq(ps->narrowed[i].name, f->name))
            return ps->narrowed[i].type;
    return ps->all || sl_layout_find(ps->layout, f->name) >= 0 ? f->type : NULL;
}
static bool same_fields(const sl_field *x, const sl_field *y, uint32_t n) {
    for (uint32_t i = 0; x != y && i < n; i++)
        if (!sl_type_same(x[i].type, y[i].type))
            return false;
    return true;
}
/* Structs are decoded and validated as far as some flow looks into them. A decoder is made for its types: it changes with them. */
static void narrow_types(source_node *s) {
    const sl_srcdef *def = s->def;
    bool some = false;
    for (sl_flow *f = s->subs; f; f = f->next_sub)
        some |= flow_want(f)->nnarrowed > 0;
    sl_arena *a = some ? sl_arena_new(0) : NULL;
    sl_field *out = a ? SL_NEW_N(a, sl_field, def->nfields + 1) : NULL;
    const sl_field *fields = out ? out : def->fields;
    for (uint32_t i = 0; out && i < def->nfields; i++) {
        const sl_type *t = NULL;
        for (sl_flow *f = s->subs; f; f = f->next_sub) {
            const sl_type *x = type_for(flow_want(f), &def->fields[i]);
            t = x && t ? sl_type_union(a, def->fields[i].type, t, x) : x ? x : t;
        }
        out[i] = (sl_field){def->fields[i].name, t ? sl_type_copy(a, t) : def->fields[i].type};
    }
    if (s->fields && same_fields(fields, s->fields, def->nfields)) {
        sl_arena_free(a);
        return;
    }
    bool first = !s->fields;
    sl_arena *old = s->narrow;
    s->narrow = a;
    s->fields = fields;
    if (def->codec == &sl_codec_json && (!first || out)) {
        sl_codec_conf c = def->codec_conf;
        c.fields = def->nfields ? fields : NULL;
        sl_decoder *dec = NULL;
        sl_err *e = def->codec->dec_new(&c, &dec);
        if (!e) {
            def->codec->dec_free(s->dec);
            s->dec = dec;
        } else { /* the old decoder goes on with its types */
            sl_err_free(e);
            return;
        }
    }
    sl_arena_free(old);
}
/* Nothing new for the layout as it is: ten thousand rules that read the same columns join without planning them anew. */
static bool covers(const source_node *s, const sl_flow *f) {
    const sl_plan_source *ps = flow_want(f);
    if (!s->w || s->stale || (ps->all && !sl_builder_all(s->w)) || (ps->meta && !s->want_meta) || (f->spec->send_error && !s->errors) || s->narrow || ps->nnarrowed)
        return false;
    const sl_layout *have = sl_builder_layout(s->w);
    for (uint32_t i = 0; i < ps->layout->n; i++)
        if (sl_layout_find(have, ps->layout->names[i]) < 0)
            return false;
    return true;
}
/* Rows are read whole from here on; before flows come or go. */
static void look_end(source_node *s) {
    s->relook = true;
    if (!s->first.n)
        return;
    lookfirst_settle(&s->first, s->subs, sl_now(s->lane->loop));
    s->def->codec->look(s->dec, NULL);
    lookfirst_end(&s->first);
}
static void look_begin(source_node *s) {
    s->relook = false;
    if (!s->w || !s->dec || !s->def->codec->look || s->intake || s->checked || s->want_meta)
        return;
    sl_rowlook *l = lookfirst_begin(&s->first, s->subs, s->w);
    if (l)
        s->def->codec->look(s->dec, l);
}
static void relayout(source_node *s) {
    look_end(s);
    SL_VEC(sl_str) names = {0};
    bool all = false;
    s->errors = s->want_meta = false;
    for (sl_flow *f = s->subs; f; f = f->next_sub) {
        s->want_meta |= f->tap != NULL;
        const sl_plan_source *ps = flow_want(f);
        all |= ps->all;
        s->want_meta |= ps->meta;
        s->errors |= f->spec->send_error;
        for (uint32_t i = 0; i < ps->layout->n; i++) {
            bool known = false;
            for (size_t k = 0; k < names.n && !known; k++)
                known = sl_str_eq(names.at[k], ps->layout->names[i]);
            if (!known && !SL_PUSH(names, ps->layout->names[i]))
                sl_error(s->meter.name, "out of memory while planning columns");
        }
    }
    sl_layout *l = sl_layout_new(names.at, (uint32_t)names.n, ++s->version);
    if (l) {
        if (s->w)
            sl_builder_relayout(s->w, l, all);
        else
            s->w = sl_builder_new(l, all);
        if (s->checked)
            sl_builder_relayout(s->checked, l, all);
        else if (s->def->strict && s->def->nfields)
            s->checked = sl_builder_new(l, all);
        sl_layout_drop(l);
    }
    narrow_types(s);
    SL_VEC_FREE(names);
    s->stale = false;
}

/* ---- watching ---- */
static void unkeep(source_node *s) {
    if (s->kept)
        sl_buf_free(&s->kept->bytes);
    free(s->kept);
    s->kept = NULL;
}
void source_settle(sl_flow *f) {
    if (f->source)
        sieve_settle(&f->source->sieve, f);
}
void source_watch(sl_flow *watched) {
    source_node *s = watched->source;
    bool any = false;
    look_end(s);
    sieve_again(&s->sieve, &s->subs, watched);
    s->want_meta = false;
    for (const sl_flow *f = s->subs; f; f = f->next_sub) {
        any |= f->tap != NULL;
        s->want_meta |= f->tap != NULL || flow_want(f)->meta;
    }
    if (!any)
        unkeep(s);
    else if (!s->kept)
        s->kept = calloc(1, sizeof *s->kept);
}
int64_t source_took(const source_node *s) { return s->took; }
uint32_t source_kept_n(const source_node *s) { return s->kept ? s->kept->n : 0; }
sl_str source_kept(const source_node *s, uint32_t i) {
    const kept *k = s->kept;
    if (!k || i >= k->n || i >= KEPT_MAX || k->bytes.failed)
        return (sl_str){0};
    size_t from = i ? k->ends[i - 1] : 0;
    return sl_str_n(k->bytes.p + from, k->ends[i] - from);
}

/* ---- tickets ---- */
static void commit_prefix(source_node *s) {
    uint64_t pos = 0;
    bool any = false;
    while (s->nring && s->ring[s->head].settled) {
        pos = s->ring[s->head].pos;
        any = true;
        s->head = (s->head + 1) & (s->cap - 1);
        s->nring--;
    }
    if (any)
        s->settled_pos = pos;
    if (any && !s->closing && s->src)
        s->def->def->source->commit(s->src, pos);
}
static void on_settled(void *arg) {
    ticket_of *t = arg;
    source_node *s = t->s;
    if (s->nring) /* sequence numbers in the ring are dense */
        s->ring[(s->head + (size_t)(t->t.seq - s->ring[s->head].seq)) & (s->cap - 1)].settled = true;
    free(s->spare);
    s->spare = t;
    commit_prefix(s);
    source_unref(s);
}
static void settled(sl_ticket *tk) {
    ticket_of *t = (ticket_of *)tk;
    if (sl_loop_mine(t->s->lane->loop))
        on_settled(t);
    else
        sl_post(t->s->lane->loop, on_settled, t);
}
static sl_ticket *ticket_new(source_node *s) {
    if (s->nring == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        slot *r = malloc(cap * sizeof *r);
        if (!r)
            return NULL;
        for (size_t i = 0; i < s->nring; i++)
            r[i] = s->ring[(s->head + i) & (s->cap - 1)];
        free(s->ring);
        s->ring = r;
        s->cap = cap;
        s->head = 0;
    }
    ticket_of *t = s->spare ? s->spare : malloc(sizeof *t);
    if (!t)
        return NULL;
    s->spare = NULL;
    *t = (ticket_of){.t = {.holders = 1, .seq = ++s->seq, .settled = settled}, .s = s};
    s->ring[(s->head + s->nring++) & (s->cap - 1)] = (slot){t->t.seq, s->last_pos, false};
    s->refs++;
    return &t->t;
}

/* ---- publishing ---- */
static int64_t now_of(const source_node *s) { return s->clock ? s->clock : sl_now(s->lane->loop); }
static bool ticketed(const source_node *s) { return s->def->def->source->commit && !s->def->def->source->rows && !s->journal && !s->by_checkpoint; }
/* How long it took to gather a batch. */
static void gathered(source_node *s) {
    if (!s->began)
        return;
    int64_t us = clock_us() - s->began;
    meter_took(&s->meter, us);
    s->took = us;
    if (s->dec)
        meter_took(&s->decoder, us);
    s->began = 0;
}
/* Behind a batch: what waited for that. */
static void renew(source_node *s) {
    if (s->closing || sl_builder_events(s->w))
        return;
    if (s->stale)
        relayout(s);
    if (s->relook)
        look_begin(s);
}
/* Takes b (NULL: out of memory) to who reads it. */
static void hand_on(source_node *s, sl_batch *b, uint64_t upto, int64_t now) {
    if (b && s->checked)
        b = strict_batch(&(sl_validation){.fields = s->fields, .nfields = s->def->nfields, .time_format = s->def->timestamp_format, .zone = s->def->zone}, b, s->checked,
                         &s->preprocessor, now);
    s->building = 0;
    s->unsettled_pos = false;
    gathered(s);
    if (!b) {
        meter_error(&s->meter, now, SL_S("out of memory: rows of one batch were lost"));
        return;
    }
    b->ticket = ticketed(s) ? ticket_new(s) : NULL;
    s->taken = upto;
    sieve_batch(&s->sieve, &s->subs, b, now);
    sl_batch_drop(b); /* drops the batch's hold on the ticket too */
    if (s->kept) {
        s->kept->n = 0;
        sl_buf_clear(&s->kept->bytes);
    }
}
static void publish(source_node *s) {
    if (!s->w)
        return;
    int64_t now = now_of(s);
    lookfirst_settle(&s->first, s->subs, now);
    if (sl_builder_events(s->w) == 0) {
        if (s->unsettled_pos && ticketed(s)) /* only undecodable or unwanted messages: they are settled, in order */
            sl_ticket_drop(ticket_new(s));
        s->unsettled_pos = false;
        s->taken = s->last_pos;
        s->building = 0;
        gathered(s);
        renew(s);
        return;
    }
    s->refs++; /* flows may leave while they run */
    hand_on(s, sl_builder_done(s->w, now), s->last_pos, now);
    renew(s);
    source_unref(s);
}
static void publish_later(void *arg) {
    source_node *s = arg;
    s->deferred = false;
    if (!s->closing && (s->unsettled_pos || s->began || (s->w && sl_builder_events(s->w)))) /* else the connector was drained before */
        publish(s);
    source_unref(s);
}
static void defer_publish(source_node *s) {
    if (s->deferred)
        return;
    s->deferred = true;
    s->refs++;
    if (!sl_defer(s->lane->loop, publish_later, s)) {
        s->deferred = false;
        s->refs--;
        publish(s);
    }
}
static bool go_on(source_node *s) {
    if (sl_builder_events(s->w) >= CUT_ROWS || s->building >= CUT_BYTES)
        publish(s);
    else if (!s->clock) /* replayed packets are published by the journal */
        defer_publish(s);
    return !s->paused && !s->stop;
}

/* ---- what the connector calls ---- */
static void keep(kept *k, sl_str bytes) {
    if (k->n < KEPT_MAX) {
        sl_buf_str(&k->bytes, bytes);
        k->ends[k->n] = k->bytes.n;
    }
    k->n++;
}
/* A message begins: metadata and time for its rows. */
static int64_t begin(source_node *s, const sl_packet *p) {
    int64_t now = p->at_ms ? p->at_ms : now_of(s);
    if (!s->intake) {
        s->meter.in++;
        s->meter.out++;
        s->meter.last_ms = now;
    }
    s->decoder.in++;
    s->decoder.last_ms = now;
    s->last_pos = p->pos;
    s->unsettled_pos = true;
    if (!s->began)
        s->began = clock_us();
    s->building += p->bytes.n;
    if (s->kept)
        keep(s->kept, p->bytes);
    sl_value meta = sl_v_absent();
    if (p->nmeta && s->want_meta) {
        sl_arena *a = sl_builder_arena(s->w);
        sl_member *m = sl_arena_alloc(a, p->nmeta * sizeof *m);
        for (uint32_t i = 0; i < p->nmeta; i++)
            m[i] = (sl_member){sl_arena_dup(a, p->meta[i].key), sl_value_copy(a, p->meta[i].val)};
        meta = sl_v_map(m, p->nmeta);
    }
    sl_builder_message(s->w, meta, p->at_ms);
    return now;
}
static bool undecodable(source_node *s, int64_t now, sl_str why) {
    meter_error(&s->decoder, now, why);
    if (s->errors)
        sl_builder_error(s->w, why);
    return go_on(s);
}
static bool decode(void *arg, const sl_packet *p) {
    source_node *s = arg;
    if (s->closing || !s->w || !s->dec)
        return false;
    int64_t now = begin(s, p);
    uint32_t rows = 0;
    sl_str why = {0};
    if (!s->def->codec->decode(s->dec, s->w, p->bytes, false, &rows, &why))
        return undecodable(s, now, why);
    s->decoder.out += rows;
    s->decoder.processed += rows;
    return go_on(s);
}
static bool take_bytes(source_node *s, const sl_packet *p) {
    if (!s->intake)
        return decode(s, p);
    if (s->closing)
        return false;
    s->meter.in++;
    s->meter.out++;
    s->meter.last_ms = p->at_ms ? p->at_ms : now_of(s);
    return intake_take(s->intake, p) && !s->paused && !s->stop;
}
static bool give_bytes(sl_source_out *o, const sl_packet *p) {
    source_node *s = (source_node *)o;
    if (!s->journal || s->closing)
        return take_bytes(s, p);
    sl_packet k = *p;
    if (journal_take(s->journal, s->subs->src, p, s->want_meta, &k.pos))
        take_bytes(s, &k);
    return !s->paused && !s->stop;
}
/* Rows go to the journal first, in one record. */
static void keep_rows(source_node *s, uint64_t pos) {
    int64_t now = now_of(s);
    sl_batch *b = sl_builder_done(s->w, now);
    if (!b || !rowlog_pack(&s->packed, b, s->want_meta)) {
        sl_batch_drop(b);
        b = NULL;
    }
    sl_packet p = {.bytes = sl_buf_view(&s->packed), .pos = pos};
    if (b && !journal_take(s->journal, s->subs->src, &p, false, &s->last_pos)) {
        s->unsettled_pos = false; /* its turn comes from there */
        sl_batch_drop(b);
        return;
    }
    s->refs++;
    hand_on(s, b, s->last_pos, now);
    renew(s);
    source_unref(s);
}
static void rows_again(source_node *s, const sl_packet *p) {
    sl_err *e = s->w ? rowlog_unpack(p->bytes, s->w) : NULL;
    if (e) {
        meter_error(&s->meter, s->clock, sl_str_of(sl_err_text(e)));
        sl_err_free(e);
        return;
    }
    s->last_pos = p->pos;
    s->meter.out = s->meter.in += sl_builder_events(s->w);
    publish(s);
}
/* ---- replaying ---- */
void source_replay(source_node *s, const sl_packet *p, int64_t clock) {
    s->clock = clock;
    if (s->def->def->source->rows)
        rows_again(s, p);
    else
        take_bytes(s, p);
}
void source_replayed(source_node *s) {
    publish(s);
    s->clock = 0;
}
void source_caught_up(source_node *s) {
    if (s->ends)
        s->out.eof(&s->out);
}
uint64_t source_taken(const source_node *s) { return s->taken; }
uint64_t source_settled(const source_node *s) { return s->settled_pos; }
void source_commit(source_node *s, uint64_t upto) {
    if (s->src && !s->closing && s->def->def->source->commit)
        s->def->def->source->commit(s->src, upto);
}
bool source_position(const source_node *s, uint64_t upto, sl_buf *json) {
    const sl_source_ops *ops = s->def->def->source;
    return s->src && ops->rewinds && ops->position && ops->position(s->src, upto, json);
}
void source_complain(source_node *s, sl_str why) { meter_error(&s->meter, sl_now(s->lane->loop), why); }

static void intake_bad(void *arg, const sl_packet *p, sl_str why) {
    source_node *s = arg;
    if (!s->closing && s->w)
        undecodable(s, begin(s, p), why);
}
static sl_builder *intake_builder(void *arg, const sl_packet *p) {
    source_node *s = arg;
    if (s->closing || !s->w)
        return NULL;
    begin(s, p);
    return s->w;
}
static bool intake_rows(void *arg, const sl_packet *p, uint32_t n) {
    source_node *s = arg;
    s->decoder.out += n;
    s->decoder.processed += n;
    return go_on(s);
}
static sl_builder *give_builder(sl_source_out *o) {
    source_node *s = (source_node *)o;
    if (!s->began)
        s->began = clock_us();
    return s->closing ? NULL : s->w;
}
static bool give_rows(sl_source_out *o, uint64_t pos) {
    source_node *s = (source_node *)o;
    if (s->closing || !s->w)
        return false;
    uint32_t n = sl_builder_events(s->w);
    s->last_pos = pos;
    s->unsettled_pos = true;
    s->meter.in += n;
    s->meter.out += n;
    s->meter.last_ms = sl_now(s->lane->loop);
    s->journal &&n ? keep_rows(s, pos) : publish(s);
    return !s->paused && !s->stop;
}
static void give_drained(sl_source_out *o) {
    source_node *s = (source_node *)o;
    if (!s->closing)
        publish(s);
}
static void give_error(sl_source_out *o, sl_str text) {
    source_node *s = (source_node *)o;
    if (s->closing)
        return;
    meter_error(&s->meter, sl_now(s->lane->loop), text);
    if (s->errors && s->w) {
        sl_builder_error(s->w, text);
        defer_publish(s);
    }
}
static void give_eof(sl_source_out *o) {
    source_node *s = (source_node *)o;
    if (s->closing)
        return;
    if (s->journal && journal_replaying(s->journal)) {
        s->ends = true;
        return;
    }
    publish(s);
    s->refs++;
    for (sl_flow *f = s->subs, *n; f; f = n) {
        n = f->next_sub;
        flow_eof(f);
        look_end(s);
        if (f->filed || f->waits)
            sieve_again(&s->sieve, &s->subs, f);
    }
    source_unref(s);
}
static void give_state(sl_source_out *o, sl_conn_state st, sl_str why) {
    source_node *s = (source_node *)o;
    int64_t now = sl_now(s->lane->loop);
    meter_state(&s->meter, now, st, why);
    if (s->journal && !s->closing)
        journal_connected(s->journal, s->subs->src, st == SL_CONN_CONNECTED);
    if (st == SL_CONN_DISCONNECTED && !s->closing && why.n) {
        sl_buf b = {0};
        sl_buf_printf(&b, "disconnected: %.*s", SL_FMT(why));
        meter_error(&s->meter, now, sl_buf_view(&b));
        sl_buf_free(&b);
    }
}

/* ---- joining and leaving ---- */
static void set_pause(source_node *s, unsigned why, bool on);
static bool same_def(const sl_srcdef *a, const sl_srcdef *b) {
    return a == b || (a->def == b->def && sl_str_eq(a->stream, b->stream) && sl_str_eq(a->datasource, b->datasource) && sl_str_eq(a->identity, b->identity));
}
static sl_err *source_new(sl_flow *f, source_node **out) {
    sl_srcdef *def = flow_def(f);
    source_node *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->refs = 1;
    s->def = sl_srcdef_hold(def);
    s->lane = f->lane;
    s->meter.name = sl_strdup_n(def->stream.p, def->stream.n);
    s->decoder.where = 1;
    s->preprocessor.where = 1;
    sl_buf dec = {0}, pre = {0};
    if (def->shared) {
        sl_buf_printf(&dec, "%.*s_", SL_FMT(def->stream));
        sl_buf_printf(&pre, "%.*s_", SL_FMT(def->stream));
    }
    sl_buf_puts(&dec, "2_decoder");
    sl_buf_puts(&pre, def->codec ? "3_preprocessor" : "2_preprocessor");
    s->decoder.name = sl_buf_take(&dec);
    s->preprocessor.name = sl_buf_take(&pre);
    sl_buf id = {0};
    if (def->shared)
        sl_buf_puts(&id, "$$subtopo_");
    sl_buf_str(&id, def->shared ? def->stream : f->spec->rule_id);
    s->rule_id = sl_buf_take(&id);
    s->out = (sl_source_out){give_bytes, give_builder, give_rows, give_drained, give_error, give_eof, give_state};
    s->env = (sl_conn_env){.loop = f->lane->loop,
                           .home = f->spec->home,
                           .rule_id = s->rule_id,
                           .op_name = s->meter.name,
                           .http = f->spec->http,
                           .private_net = f->spec->private_net,
                           .zone = def->zone,
                           .lasts = f->spec->qos >= 1};
    sl_err *e = NULL;
    if (def->codec)
        e = def->codec->dec_new(&def->codec_conf, &s->dec);
    static const intake_ops ops = {decode, intake_bad, intake_builder, intake_rows};
    if (!e && def->in)
        e = intake_new(def, f->lane->loop, &ops, s, &s->intake);
    if (e || !s->meter.name || !s->rule_id || !s->decoder.name || !s->preprocessor.name) {
        source_unref(s);
        return e ? e : sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *out = s;
    return NULL;
}
sl_err *source_join(sl_flow *f) {
    sl_srcdef *def = flow_def(f);
    source_node *s = NULL;
    if (def->shared)
        for (s = f->lane->shared; s && (s->closing || !same_def(s->def, def)); s = s->next) {
        }
    if (s) {
        bool known = covers(s, f);
        look_end(s);
        f->source = s;
        sieve_in(&s->sieve, &s->subs, f);
        if (s->stop) { /* all others were about to leave */
            s->stop = false;
            set_pause(s, PAUSE_STOP, false);
        }
        if (known) {
        } else if (sl_builder_events(s->w))
            s->stale = true; /* the layout changes at a batch border */
        else
            relayout(s);
        if (!sl_builder_events(s->w))
            look_begin(s);
        return NULL;
    }
    SL_TRY(source_new(f, &s));
    f->source = s;
    sieve_in(&s->sieve, &s->subs, f);
    relayout(s);
    look_begin(s);
    sl_err *e = s->w ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && def->shared) {
        s->next = f->lane->shared;
        f->lane->shared = s;
    }
    if (!e) {
        sl_flow *root = f->root ? f->root : f;
        s->by_checkpoint = def->def->source->rewinds && ck_commits(root);
        s->journal = sl_src_journal(def) ? root->journal : NULL;
        s->out.keeps = s->journal != NULL;
        sl_str from = def->shared ? SL_S("") : f->spec->from.n ? f->spec->from : ck_position(f);
        e = def->def->source->open(def->conf, def->datasource, &s->env, &s->out, from, &s->src);
        if (e && def->shared)
            f->lane->shared = s->next;
    }
    if (e) {
        f->source = NULL;
        sieve_out(&s->sieve, f);
        s->closing = true;
        source_unref(s);
    }
    return e;
}
static void closed(void *arg) {
    source_node *s = arg;
    s->src = NULL;
    if (s->leave_done)
        s->leave_done(s->leave_arg);
    source_unref(s);
}
void source_leave(sl_flow *f, sl_fn done, void *arg) {
    source_node *s = f->source;
    f->source = NULL;
    if (!s) {
        done(arg);
        return;
    }
    look_end(s);
    sieve_out(&s->sieve, f);
    if (s->subs) {
        s->stale = true; /* narrowed behind the next batch: many may leave at once */
        done(arg);
        return;
    }
    if (s->def->shared)
        for (source_node **p = &f->lane->shared; *p; p = &(*p)->next)
            if (*p == s) {
                *p = s->next;
                break;
            }
    s->closing = true;
    s->leave_done = done;
    s->leave_arg = arg;
    if (s->src)
        s->def->def->source->close(s->src, closed, s);
    else
        closed(s);
}
static void set_pause(source_node *s, unsigned why, bool on) {
    unsigned was = s->paused;
    s->paused = on ? was | why : was & ~why;
    if (why == PAUSE_PRESSURE && !on && s->journal)
        journal_go_on(s->journal);
    if (!was == !s->paused)
        return;
    if (!s->src) /* it delivers while it opens; `false` tells it to pause */
        return;
    const sl_source_ops *ops = s->def->def->source;
    if (on && ops->pause)
        ops->pause(s->src);
    else if (!on && !s->stop && ops->resume)
        ops->resume(s->src);
}
void source_pause(source_node *s, unsigned why, bool on) {
    if (!s->closing)
        set_pause(s, why, on);
}
bool source_pressed(const source_node *s) { return s->paused & PAUSE_PRESSURE; }
void source_stop_intake(sl_flow *f) {
    source_node *s = f->source;
    if (!s || s->closing)
        return;
    publish(s); /* what came before belongs to f */
    f->aside = true;
    look_end(s);
    sieve_again(&s->sieve, &s->subs, f);
    for (sl_flow *x = s->subs; x; x = x->next_sub)
        if (x != f && !x->closing)
            return;
    set_pause(s, PAUSE_STOP, true);
    s->stop = true;
}
bool source_stopped(const source_node *s) { return s->stop; }
void source_pressure(sl_flow *f, bool on) {
    if (f->source && !f->source->def->shared && !f->source->stop)
        set_pause(f->source, PAUSE_PRESSURE, on);
}
