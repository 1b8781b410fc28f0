/* The journal of a rule: packets of sources that cannot give them again, kept until a checkpoint contains them.
 *
 * A packet is appended, handed on at once, and acknowledged when the journal's fsync has passed it; so a broker's window is never filled by what a window of the
 * statement holds. After a restart the packets behind the checkpoint's cursor are taken from here, at the times when they came; new ones are appended meanwhile,
 * acknowledged, and taken when it is their turn.
 *
 * Decision: one log for a rule, its packets tagged with their source, so that statements over several sources see them again in the order in which they came; a cursor
 * for each source, because each gathers rows of its own.
 * Decision: a packet may come again only while its acknowledgement may be lost. It counts as heard when the connection still stood CONFIRM_MS after it was sent;
 * until then the journal remembers its identifier and checksum, over restarts too, and takes a repetition (marked as one, with the same identifier and bytes) only to
 * acknowledge it. */
#include <stdio.h>
#include <stdlib.h>
#include "base/crc.h"
#include "base/log.h"
#include "data/pack.h"
#include "flow/flow_int.h"
#include "os/file.h"
#include "store/seglog.h"

enum {
    PACKET = 1,             /* type of record */
    WAITING_MOST = 4 << 20, /* bytes not yet durable before the sources pause */
    CUT_EVERY = 64 << 20,   /* bytes after which a checkpoint is made at any rate */
    CONFIRM_MS = 2000,
    KNOWN_MOST = 65535, /* identifiers there are */
    REPLAY_TURN = 512,
    AGAIN_MS = 500,
};
#define LIMIT (512ll << 20)

enum { HAS_META = 1, WHOLE = 2, HAS_TIME = 4 };
typedef struct head { /* in front of a packet's bytes */
    uint8_t flags, zero;
    uint16_t id;
    uint32_t back; /* number of this record less that of the last one that is known to be acknowledged */
    uint32_t meta; /* bytes of packed metadata behind this: count, then key and value of each */
    uint32_t zero2;
} head;
typedef struct known { /* a packet that may come again */
    uint64_t seq;
    uint32_t crc, len;
    uint16_t id;
} known;
typedef struct moment { /* acknowledged up to seq at this time */
    uint64_t seq, pos;
    int64_t ms;
} moment;
typedef SL_VEC(moment) moments;
typedef struct jsource {
    sl_flow *part; /* NULL: this source has no packets */
    uint64_t pos;  /* connector's position of the last packet */
    bool fresh;    /* pos is not in `due` yet */
    bool up;
    int64_t up_at;
    uint64_t last;      /* number of its last record */
    uint64_t confirmed; /* the peer heard of everything up to it */
    moments due, sent;  /* to be acknowledged when durable; acknowledged */
    known *ring;
    uint32_t cap, first, n;
} jsource;
struct journal {
    sl_flow *f;
    sl_seglog *log;
    jsource *src;
    uint32_t nsrc;
    ck_mark *from;                /* where replaying begins */
    uint64_t cursor;              /* lowest one of the last checkpoint */
    uint64_t appended, cut, kept; /* bytes: altogether; by the last cut; by the one that was kept */
    int64_t limit;
    bool deferred, stopped, told, posted;
    bool broken;     /* a packet could not be kept: nothing is acknowledged any more */
    sl_timer *again; /* while the limit is reached */
    sl_buf scratch;
    sl_arena *arena;
    sl_seglog_reader *reader; /* NULL: not replaying */
    bool tail;                /* replaying: sources pause for the last of it */
    uint64_t replayed, repeated;
};

bool sl_src_journal(const sl_srcdef *d) { return d->def->source && d->def->source->journal && (d->codec || d->def->source->rows) && !(d->in && d->in->interval_ns); }
char *journal_dir(const char *home, sl_str rule_id) { return flow_dir(home, "journal", rule_id, NULL); }
void sl_flow_forget_journal(const char *home, sl_str rule_id) {
    char *dir = home ? journal_dir(home, rule_id) : NULL;
    if (dir && sl_file_exists(dir)) {
        sl_info(rule_id.p, "its journal is removed");
        sl_seglog_remove(dir);
    }
    free(dir);
}
static int64_t real_ms(void) { return clock_us() / 1000; }

/* ---- packets that may come again ---- */
static known *ring_at(const jsource *s, uint32_t i) { return &s->ring[(s->first + i) & (s->cap - 1)]; }
static void remember(jsource *s, known k) {
    if (s->n == KNOWN_MOST) {
        s->confirmed = ring_at(s, 0)->seq; /* its identifier must have served another one since */
        s->first = (s->first + 1) & (s->cap - 1);
        s->n--;
    }
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 64;
        known *r = malloc(cap * sizeof *r);
        if (!r)
            return; /* it would count twice if it came again */
        for (uint32_t i = 0; i < s->n; i++)
            r[i] = *ring_at(s, i);
        free(s->ring);
        s->ring = r;
        s->cap = cap;
        s->first = 0;
    }
    *ring_at(s, s->n++) = k;
}
/* Is p one of them? Only the newest packet of an identifier can be. */
static bool is_known(const jsource *s, const sl_packet *p, uint32_t crc) {
    for (uint32_t i = s->n; i-- > 0;) {
        const known *k = ring_at(s, i);
        if (k->id == p->id)
            return k->crc == crc && k->len == (uint32_t)p->bytes.n;
    }
    return false;
}
static void confirm(jsource *s, uint64_t upto) {
    if (upto > s->confirmed)
        s->confirmed = upto;
    while (s->n && ring_at(s, 0)->seq <= s->confirmed) {
        s->first = (s->first + 1) & (s->cap - 1);
        s->n--;
    }
    if (!s->n && s->cap > 1024) {
        free(s->ring);
        s->ring = NULL;
        s->cap = s->first = 0;
    }
}
static void confirm_sent(jsource *s) {
    int64_t now = real_ms();
    size_t n = 0;
    while (n < s->sent.n && s->up && now - s->sent.at[n].ms >= CONFIRM_MS && now - s->up_at >= CONFIRM_MS)
        n++;
    if (!n)
        return;
    confirm(s, s->sent.at[n - 1].seq);
    memmove(s->sent.at, s->sent.at + n, (s->sent.n -= n) * sizeof *s->sent.at);
}
void journal_connected(journal *j, uint32_t src, bool up) {
    jsource *s = &j->src[src];
    if (up && !s->up)
        s->up_at = real_ms();
    s->up = up;
}

/* ---- keeping ---- */
static void pause_all(journal *j, bool on) {
    if (j->stopped == on)
        return;
    j->stopped = on;
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && j->src[i].part->source)
            source_pause(j->src[i].part->source, PAUSE_JOURNAL, on);
}
/* What no checkpoint contains. (What is kept for a moment longer, because it may come again, is no reason to wait: waiting would not end it.) */
static int64_t open_bytes(const journal *j) { return (int64_t)(j->appended - j->kept); }
static void complain(journal *j, const char *why) {
    sl_buf b = {0};
    sl_buf_printf(&b, "the journal cannot be written (%s): the source waits, nothing is acknowledged", why);
    sl_error(j->f->spec->rule_id.p, "%s", sl_buf_cstr(&b));
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && j->src[i].part->source)
            source_complain(j->src[i].part->source, sl_buf_view(&b));
    sl_buf_free(&b);
}
/* What the last checkpoint contains and nobody sends again goes. */
static void trim(journal *j) {
    uint64_t upto = j->cursor;
    for (uint32_t i = 0; i < j->nsrc; i++) {
        confirm_sent(&j->src[i]);
        if (j->src[i].part && j->src[i].n && j->src[i].confirmed < upto)
            upto = j->src[i].confirmed;
    }
    sl_seglog_trim(j->log, upto);
}
static void weigh(journal *j);
static void look_again(void *arg) {
    journal *j = arg;
    trim(j);
    weigh(j);
}
/* Pauses or lets go, as there is room. */
static void weigh(journal *j) {
    const char *trouble = sl_seglog_trouble(j->log);
    size_t waiting = sl_seglog_waiting(j->log);
    bool full = open_bytes(j) > j->limit;
    if (*trouble || full) {
        char text[100];
        snprintf(text, sizeof text, "its limit of %lld bytes is reached, and no checkpoint can be kept", (long long)j->limit);
        if (!j->told && (*trouble || j->stopped)) {
            complain(j, *trouble ? trouble : text);
            j->told = true;
        }
        if (full) {
            ck_soon(j->f);
            if (j->again || (j->again = sl_timer_real(j->f->lane->loop, look_again, j)))
                sl_timer_in(j->again, AGAIN_MS);
        }
        pause_all(j, true);
    } else if (waiting > WAITING_MOST)
        pause_all(j, true);
    else if (waiting < WAITING_MOST / 4) {
        if (j->told)
            sl_info(j->f->spec->rule_id.p, "the journal is written again");
        j->told = false;
        pause_all(j, false);
    }
}
/* What is durable is acknowledged. */
void journal_acknowledge(journal *j) {
    if (j->broken || !ck_begun(j->f))
        return;
    uint64_t upto = sl_seglog_durable(j->log);
    for (uint32_t i = 0; i < j->nsrc; i++) {
        jsource *s = &j->src[i];
        size_t n = 0;
        while (n < s->due.n && s->due.at[n].seq <= upto)
            n++;
        if (!n)
            continue;
        moment m = s->due.at[n - 1];
        memmove(s->due.at, s->due.at + n, (s->due.n -= n) * sizeof *s->due.at);
        m.ms = real_ms();
        if (!s->n)
            s->confirmed = m.seq; /* nothing of it can come again */
        else
            (void)SL_PUSH(s->sent, m); /* else they are known a little longer */
        if (s->part->source)
            source_commit(s->part->source, m.pos);
    }
}
static void moved(void *arg) {
    journal *j = arg;
    journal_acknowledge(j);
    weigh(j);
    ck_moved(j->f);
    journal_go_on(j);
    flow_sink_moved(j->f);
}
static void turn_over(void *arg) {
    sl_flow *f = arg;
    journal *j = f->journal;
    f->pending--;
    if (!j)
        return;
    j->deferred = false;
    uint64_t seq = sl_seglog_next(j->log) - 1;
    for (uint32_t i = 0; i < j->nsrc; i++) {
        jsource *s = &j->src[i];
        if (s->fresh && SL_PUSH(s->due, ((moment){seq, s->pos, 0})))
            s->fresh = false;
        confirm_sent(s);
    }
    sl_seglog_flush(j->log);
    if (sl_seglog_durable(j->log) == seq) /* only repetitions came */
        journal_acknowledge(j);
    weigh(j);
    if (j->appended - j->cut > CUT_EVERY || (int64_t)(j->appended - j->cut) > j->limit / 4)
        ck_soon(f);
}
static void at_turns_end(journal *j) {
    if (j->deferred)
        return;
    j->deferred = true;
    j->f->pending++;
    if (!sl_defer(j->f->lane->loop, turn_over, j->f))
        turn_over(j->f);
}
bool journal_take(journal *j, uint32_t src, const sl_packet *p, bool meta, uint64_t *pos) {
    jsource *s = &j->src[src];
    if (j->broken)
        return false;
    uint32_t crc = p->id ? sl_crc32c(0, p->bytes.p, p->bytes.n) : 0;
    s->pos = p->pos;
    s->fresh = true;
    at_turns_end(j);
    if (p->again && p->id && is_known(s, p, crc)) {
        j->repeated++;
        return false;
    }
    uint64_t next = sl_seglog_next(j->log), back = next - s->confirmed;
    head h = {.flags = (uint8_t)((p->whole ? WHOLE : 0) | (p->at_ms ? HAS_TIME : 0)), .id = p->id, .back = back < UINT32_MAX ? (uint32_t)back : UINT32_MAX};
    sl_buf_clear(&j->scratch);
    if (meta && p->nmeta) {
        h.flags |= HAS_META;
        sl_pack_value(&j->scratch, sl_v_int(p->nmeta));
        for (uint32_t i = 0; i < p->nmeta; i++) {
            sl_pack_value(&j->scratch, sl_v_str(p->meta[i].key));
            sl_pack_value(&j->scratch, p->meta[i].val);
        }
        h.meta = (uint32_t)j->scratch.n;
    }
    sl_str parts[] = {{(const char *)&h, sizeof h}, sl_buf_view(&j->scratch), p->bytes};
    if (j->scratch.failed || !sl_seglog_append(j->log, p->at_ms ? p->at_ms : sl_now(j->f->lane->loop), PACKET, (uint8_t)src, parts, 3, pos, NULL)) {
        j->broken = true; /* it comes again */
        flow_fail(j->f, SL_FLOW_FAILED, "out of memory: a packet could not be kept");
        return false;
    }
    s->last = *pos;
    j->appended += parts[0].n + parts[1].n + parts[2].n + 36; /* with head and filling, about */
    if (p->id)
        remember(s, (known){*pos, crc, (uint32_t)p->bytes.n, p->id});
    if (sl_seglog_waiting(j->log) > WAITING_MOST || open_bytes(j) > j->limit) /* brokers send much in one turn, some more than they promised */
        pause_all(j, true);
    return !j->reader; /* its turn comes when what is before it was replayed */
}

/* ---- checkpoints ---- */
void journal_marks(journal *j, ck_mark *marks) {
    uint64_t all = sl_seglog_next(j->log) - 1;
    if (!j->reader)
        j->cut = j->appended;
    for (uint32_t i = 0; i < j->nsrc; i++) {
        jsource *s = &j->src[i];
        if (!s->part)
            continue;
        confirm_sent(s);
        uint64_t taken = j->from[i].cursor;
        if (s->part->source && source_taken(s->part->source) > taken)
            taken = source_taken(s->part->source);
        marks[i].cursor = !j->reader && s->last <= taken ? all : taken; /* nothing of it is on its way: all is in the state */
        marks[i].confirmed = s->n || j->reader ? s->confirmed : all;
    }
}
bool journal_durable(const journal *j, const ck_mark *marks) {
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && marks[i].cursor > sl_seglog_durable(j->log))
            return false;
    return true;
}
bool journal_idle(const journal *j) {
    if (j->broken || *sl_seglog_trouble(j->log))
        return true; /* there is nothing to wait for */
    if (j->deferred)
        return false;
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].due.n || j->src[i].fresh)
            return false;
    return sl_seglog_waiting(j->log) == 0;
}
void journal_kept(journal *j, const ck_mark *marks) {
    uint64_t cursor = UINT64_MAX;
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && marks[i].cursor < cursor)
            cursor = marks[i].cursor;
    j->cursor = cursor;
    j->kept = j->cut;
    trim(j);
}

/* ---- opening ---- */
static void journal_free(journal *j) {
    for (uint32_t i = 0; j->src && i < j->nsrc; i++) {
        SL_VEC_FREE(j->src[i].due);
        SL_VEC_FREE(j->src[i].sent);
        free(j->src[i].ring);
    }
    sl_seglog_reader_free(j->reader);
    sl_timer_free(j->again);
    sl_buf_free(&j->scratch);
    sl_arena_free(j->arena);
    free(j->from);
    free(j->src);
    free(j);
}
/* A record as the packet it was; false: it is none of ours. */
static bool packet_of(journal *j, const sl_seglog_rec *r, head *h, sl_packet *p) {
    if (r->type != PACKET || r->tag >= j->nsrc || !j->src[r->tag].part || r->bytes.n < sizeof *h)
        return false;
    memcpy(h, r->bytes.p, sizeof *h);
    if (h->meta > r->bytes.n - sizeof *h)
        return false;
    sl_str meta = {r->bytes.p + sizeof *h, h->meta};
    *p = (sl_packet){.bytes = sl_str_n(meta.p + meta.n, r->bytes.n - sizeof *h - meta.n), .pos = r->seq, .whole = h->flags & WHOLE, .id = h->id};
    if (h->flags & HAS_TIME)
        p->at_ms = r->time_ms;
    if (!(h->flags & HAS_META))
        return true;
    sl_arena_reset(j->arena);
    sl_value v;
    sl_err *e = sl_unpack_value(j->arena, &meta, &v);
    uint32_t n = !e && v.kind == SL_INT && v.i > 0 && v.i < 65536 ? (uint32_t)v.i : 0;
    sl_member *m = n ? SL_NEW_N(j->arena, sl_member, n) : NULL;
    for (uint32_t i = 0; m && !e && i < n; i++)
        if (!(e = sl_unpack_value(j->arena, &meta, &v))) {
            m[i].key = sl_v_text(v);
            e = sl_unpack_value(j->arena, &meta, &m[i].val);
        }
    if (!e && m) {
        p->meta = m;
        p->nmeta = n;
    }
    sl_err_free(e);
    return true;
}
/* The packets whose acknowledgement may have been lost. */
static void recall(journal *j) {
    uint64_t last = sl_seglog_next(j->log) - 1, from = last;
    sl_seglog_rec r;
    for (int pass = 0; pass < 2; pass++) { /* the last record tells how far to go back */
        sl_seglog_reader *at = sl_seglog_reader_new(j->log, from);
        while (at && sl_seglog_read(at, &r)) {
            head h;
            sl_packet p;
            if (!packet_of(j, &r, &h, &p))
                continue;
            jsource *s = &j->src[r.tag];
            s->last = r.seq > s->last ? r.seq : s->last;
            if (h.back != UINT32_MAX && r.seq > h.back)
                confirm(s, r.seq - h.back);
            if (pass && h.id && r.seq > s->confirmed)
                remember(s, (known){r.seq, sl_crc32c(0, p.bytes.p, p.bytes.n), (uint32_t)p.bytes.n, h.id});
        }
        sl_seglog_reader_free(at);
        for (uint32_t i = 0; i < j->nsrc; i++)
            if (j->src[i].part && j->src[i].confirmed + 1 < from)
                from = j->src[i].confirmed + 1;
    }
}
sl_err *journal_open(sl_flow *f, ck_mark *marks, bool usable, journal **out) {
    uint32_t n = f->spec->nmore + 1;
    journal *j = calloc(1, sizeof *j);
    char *dir = journal_dir(f->spec->home, f->spec->rule_id);
    if (!j || !dir || !(j->src = calloc(n, sizeof *j->src)) || !(j->from = calloc(n, sizeof *j->from)) || !(j->arena = sl_arena_new(0))) {
        free(dir);
        if (j)
            journal_free(j);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    j->f = f;
    j->nsrc = n;
    j->limit = f->spec->journal_limit > 0 ? f->spec->journal_limit : LIMIT;
    int64_t segment = j->limit / 8;
    uint64_t low = UINT64_MAX, high = 0;
    for (uint32_t i = 0; i <= f->nlimbs; i++) {
        sl_flow *p = i < f->nlimbs ? f->limbs[i] : f;
        if (!sl_src_journal(flow_def(p)))
            continue;
        j->src[p->src].part = p;
        low = marks[p->src].cursor < low ? marks[p->src].cursor : low;
        high = marks[p->src].cursor > high ? marks[p->src].cursor : high;
    }
    sl_err *e = sl_seglog_open(&(sl_seglog_conf){.dir = dir, .loop = f->lane->loop, .segment = segment < 8 << 20 ? (size_t)segment : 0, .next = high + 1, .moved = moved, .arg = j},
                               &j->log);
    free(dir);
    if (e) {
        journal_free(j);
        return sl_err_prefix(e, "the journal of rule %.*s", SL_FMT(f->spec->rule_id));
    }
    uint64_t last = sl_seglog_next(j->log) - 1;
    if (!usable && sl_seglog_first(j->log) <= last) {
        uint64_t from = low + 1 > sl_seglog_first(j->log) ? low + 1 : sl_seglog_first(j->log);
        if (from <= last)
            sl_warn(f->spec->rule_id.p, "its journal held %llu messages that no kept state contains: they belong to another statement and are dropped",
                    (unsigned long long)(last + 1 - from));
        sl_seglog_trim(j->log, last);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!usable)
            marks[i] = (ck_mark){last, last, SL_S("")};
        j->from[i] = marks[i];
        j->src[i].confirmed = marks[i].confirmed;
        j->src[i].last = marks[i].cursor;
    }
    j->cursor = usable ? low : last;
    j->appended = j->cursor < last ? sl_seglog_bytes(j->log) : 0;
    if (usable)
        recall(j);
    *out = j;
    return NULL;
}

/* ---- replaying ---- */
static void replay_over(journal *j) {
    sl_flow *f = j->f;
    sl_seglog_reader_free(j->reader);
    j->reader = NULL;
    f->replaying = false;
    const sl_seglog_damage *d = sl_seglog_damaged(j->log);
    if (j->replayed)
        sl_info(f->spec->rule_id.p, "%llu messages were taken from the journal", (unsigned long long)j->replayed);
    if (d->bad || d->lost)
        sl_error(f->spec->rule_id.p, "the journal is damaged: %llu bytes were passed over, %llu messages are missing", (unsigned long long)d->bad, (unsigned long long)d->lost);
    flow_tick(f);
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && j->src[i].part->source) {
            source_pause(j->src[i].part->source, PAUSE_REPLAY, false);
            source_caught_up(j->src[i].part->source);
        }
    if (j->replayed)
        ck_soon(f);
}
static void replay(void *arg) {
    sl_flow *f = arg;
    journal *j = f->journal;
    f->pending--;
    if (!j)
        return;
    j->posted = false;
    if (!f->open || f->closing)
        return;
    jsource *at = NULL; /* whose packets wait to be published, as of `clock` */
    int64_t clock = 0;
    sl_seglog_rec r;
    bool more = false;
    for (int i = 0; i < REPLAY_TURN && (more = sl_seglog_read(j->reader, &r)); i++) {
        head h;
        sl_packet p;
        if (!packet_of(j, &r, &h, &p)) {
            sl_warn(f->spec->rule_id.p, "record %llu of the journal is no packet of this rule: passed over", (unsigned long long)r.seq);
            continue;
        }
        jsource *s = &j->src[r.tag];
        s->last = r.seq > s->last ? r.seq : s->last;
        if (r.seq <= j->from[r.tag].cursor)
            continue;
        if (at && (at != s || clock != r.time_ms))
            source_replayed(at->part->source);
        at = s;
        clock = r.time_ms;
        source_replay(s->part->source, &p, clock);
        j->replayed++;
    }
    if (at)
        source_replayed(at->part->source);
    if (more)
        journal_go_on(j);
    else if (sl_seglog_durable(j->log) + 1 == sl_seglog_next(j->log))
        replay_over(j);
    else if (!j->tail) { /* what came meanwhile is on its way to the disk; so that it has an end, no more is taken until then */
        j->tail = true;
        for (uint32_t i = 0; i < j->nsrc; i++)
            if (j->src[i].part)
                source_pause(j->src[i].part->source, PAUSE_REPLAY, true);
        sl_seglog_flush(j->log);
    }
}
void journal_go_on(journal *j) {
    if (!j->reader || j->posted)
        return;
    for (uint32_t i = 0; i < j->nsrc; i++)
        if (j->src[i].part && j->src[i].part->source && source_pressed(j->src[i].part->source))
            return;
    j->posted = true;
    j->f->pending++;
    while (!sl_post(j->f->lane->loop, replay, j->f)) {
    }
}
bool journal_replaying(const journal *j) { return j->reader != NULL; }
void journal_replay(journal *j) {
    if (!(j->reader = sl_seglog_reader_new(j->log, j->cursor + 1))) {
        flow_fail(j->f, SL_FLOW_FAILED, "out of memory");
        return;
    }
    j->f->replaying = true;
    journal_go_on(j);
}

/* ---- the rest ---- */
void journal_meters(const journal *j, sl_journal_meters *m) {
    const sl_seglog_damage *d = sl_seglog_damaged(j->log);
    *m = (sl_journal_meters){.replaying = j->reader != NULL,
                             .bytes = sl_seglog_bytes(j->log),
                             .waiting = sl_seglog_waiting(j->log),
                             .next = sl_seglog_next(j->log),
                             .durable = sl_seglog_durable(j->log),
                             .cursor = j->cursor,
                             .replayed = j->replayed,
                             .repeated = j->repeated,
                             .torn = d->torn,
                             .bad = d->bad,
                             .lost = d->lost};
    m->records = m->next - sl_seglog_first(j->log);
    snprintf(m->trouble, sizeof m->trouble, "%s", sl_seglog_trouble(j->log));
}
void journal_close(journal *j, sl_fn done, void *arg) {
    sl_seglog_reader_free(j->reader);
    j->reader = NULL;
    sl_seglog_close(j->log, done, arg); /* does not call us any more */
    j->f->journal = NULL;
    journal_free(j);
}
