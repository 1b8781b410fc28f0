/* Checkpoints of rules with qos >= 1: the state of the statement and the places of its sources in one cut, made between two turns.
 *
 * Decision: a cut is kept only when everything that left the statement before it was settled by the sinks, and every packet in it is durable in the journal. Until
 * then the one before is what a restart finds: what was emitted since comes again, nothing is missing. So messages hold a ticket of the time between two cuts, and
 * there is at most one cut under way.
 * Decision: sources that rewind are committed with the checkpoint that holds their position, others when their journal is durable (journal.c), those that have neither
 * when the statement took their rows: of these a kill loses what came since the last checkpoint. */
#include <stdlib.h>
#include "base/log.h"
#include "data/pack.h"
#include "flow/flow_int.h"

enum { RETRY_MS = 20, TRIES = 25 };
#define MAGIC "SLCKPT1" /* an older state begins with the statement's own head */

typedef struct epoch { /* between two cuts */
    sl_ticket t;
    checkpoint *c;
} epoch;
struct checkpoint {
    uint32_t refs;
    sl_flow *f; /* NULL: closed */
    uint32_t nsrc;
    bool stateful;
    bool safe;   /* all that a restart needs can be had again: what was kept last may stand although newer state exists */
    bool begun;  /* sources are open */
    bool first;  /* nothing is kept yet: nothing may be acknowledged */
    epoch *now;  /* NULL: nothing left the statement since the last cut */
    epoch *last; /* of the cut under way, not settled */
    uint32_t unsettled, tries;
    bool pending, keeping, ok, final;
    sl_fn done; /* the flow ends: called when the last cut was kept */
    sl_buf blob;
    ck_mark *cut;    /* [nsrc] of the cut under way */
    uint64_t *upto;  /* [nsrc] positions to commit with it */
    ck_mark *loaded; /* [nsrc] what was found at the start */
    char *text;      /* positions of loaded */
    uint64_t work;   /* of the last cut: turns of the flow */
    sl_timer *timer;
};

static void ck_unref(checkpoint *c) {
    if (--c->refs)
        return;
    sl_buf_free(&c->blob);
    free(c->cut);
    free(c->upto);
    free(c->loaded);
    free(c->text);
    free(c);
}
static sl_flow *part(const sl_flow *f, uint32_t src) { /* the flow that takes rows of source src; NULL: lookups, or the same stream again */
    if (!src)
        return (sl_flow *)(uintptr_t)f;
    for (uint32_t i = 0; i < f->nlimbs; i++)
        if (f->limbs[i]->src == src)
            return f->limbs[i];
    return NULL;
}

/* ---- epochs ---- */
static void advance(checkpoint *c);
static void epoch_over(void *arg) {
    epoch *e = arg;
    checkpoint *c = e->c;
    c->unsettled--;
    if (c->last == e)
        c->last = NULL;
    if (c->now == e)
        c->now = NULL;
    free(e);
    advance(c);
    ck_unref(c);
}
static void epoch_settled(sl_ticket *t) { /* on the thread of the last drop */
    epoch *e = (epoch *)t;
    sl_loop *l = t->owner;
    if (sl_loop_mine(l))
        epoch_over(e);
    else
        sl_post(l, epoch_over, e);
}
sl_ticket *ck_ticket(sl_flow *f) {
    checkpoint *c = f->ck;
    if (!c || !c->stateful || !c->safe)
        return NULL;
    if (!c->now) {
        if (!(c->now = calloc(1, sizeof *c->now)))
            return NULL;
        *c->now = (epoch){.t = {.holders = 1, .settled = epoch_settled, .owner = f->lane->loop}, .c = c};
        c->unsettled++;
        c->refs++;
    }
    return sl_ticket_hold(&c->now->t);
}
static void seal(checkpoint *c) {
    epoch *e = c->now;
    c->now = NULL;
    c->last = e;
    if (e)
        sl_ticket_drop(&e->t);
}

/* ---- the cut ---- */
static void put_text(sl_buf *b, sl_str s) { sl_pack_value(b, sl_v_str(s)); }
/* State and marks as they are now; false: not now. */
static bool cut_now(checkpoint *c, sl_buf *out) {
    sl_flow *f = c->f;
    sl_buf state = {0};
    bool ok = sl_exec_save(f->exec, &state);
    if (ok) {
        memset(c->cut, 0, c->nsrc * sizeof *c->cut);
        sl_buf_puts(out, MAGIC);
        sl_pack_value(out, sl_v_int(c->nsrc));
        if (f->journal)
            journal_marks(f->journal, c->cut);
        for (uint32_t i = 0; i < c->nsrc; i++) {
            const sl_flow *p = part(f, i);
            sl_buf pos = {0};
            c->upto[i] = p && p->source ? (c->stateful ? source_taken(p->source) : source_settled(p->source)) : 0;
            if (p && p->source && !source_position(p->source, c->upto[i], &pos)) {
                sl_buf_clear(&pos);
                if (!c->upto[i]) /* nothing was read: still where it began */
                    sl_buf_str(&pos, c->loaded[i].position);
            }
            sl_pack_value(out, sl_v_int((int64_t)c->cut[i].cursor));
            sl_pack_value(out, sl_v_int((int64_t)c->cut[i].confirmed));
            put_text(out, sl_buf_view(&pos));
            sl_buf_free(&pos);
        }
        sl_buf_str(out, sl_buf_view(&state));
        ok = !out->failed;
    }
    sl_buf_free(&state);
    if (!ok)
        sl_buf_clear(out);
    return ok;
}
static void on_timer(void *arg);
static void wind_ck(checkpoint *c, int64_t ms) {
    if (c->f && c->timer && ms > 0)
        sl_timer_in(c->timer, ms);
}
static uint64_t work_of(const sl_flow *f) { return f->batches + f->ticks + 1; }
static void hold_sources(checkpoint *c, bool on) { /* a busy stream would never leave a moment without lookups */
    for (uint32_t i = 0; i < c->nsrc; i++) {
        const sl_flow *p = part(c->f, i);
        if (p && p->source)
            source_pause(p->source, PAUSE_CUT, on);
    }
}
static void cut(checkpoint *c) {
    sl_flow *f = c->f;
    if (!f || c->pending || !f->open || f->closing)
        return;
    sl_buf_clear(&c->blob);
    if (!cut_now(c, &c->blob)) { /* a lookup is under way, or memory is short */
        wind_ck(c, RETRY_MS);
        if (++c->tries == TRIES)
            hold_sources(c, true);
        return;
    }
    if (c->tries >= TRIES)
        hold_sources(c, false);
    c->tries = 0;
    c->work = work_of(f);
    c->pending = true;
    seal(c);
    advance(c);
}

/* ---- keeping it ---- */
typedef struct kept_letter {
    checkpoint *c;
    bool (*keep)(void *arg, sl_str rule_id, sl_str state);
    void *arg;
    sl_loop *lane;
    char rule[];
} kept_letter;
static void kept(void *arg) { /* @on lane */
    kept_letter *l = arg;
    checkpoint *c = l->c;
    free(l);
    c->pending = c->keeping = false;
    if (c->blob.cap > 1 << 20)
        sl_buf_free(&c->blob);
    sl_flow *f = c->f;
    if (f && c->ok) {
        if (f->journal)
            journal_kept(f->journal, c->cut);
        for (uint32_t i = 0; i < c->nsrc; i++) {
            const sl_flow *p = part(f, i);
            if (ck_commits(f) && p && p->source && c->upto[i] && flow_def(p)->def->source->rewinds)
                source_commit(p->source, c->upto[i]);
        }
        c->first = false;
        if (f->journal)
            journal_acknowledge(f->journal);
    } else if (f) {
        c->work = 0; /* it is tried again */
        if (c->first)
            flow_fail(f, SL_FLOW_FAILED, "the rule cannot begin: its state cannot be kept");
    }
    if (f && c->done && c->final) {
        sl_fn done = c->done;
        c->done = NULL;
        done(f);
    } else if (f && c->done)
        ck_final(f, c->done);
    ck_unref(c);
}
static void keep_it(void *arg) { /* @on office; the flow may be gone */
    kept_letter *l = arg;
    l->c->ok = l->keep(l->arg, sl_str_of(l->rule), sl_buf_view(&l->c->blob));
    while (!sl_post(l->lane, kept, l)) {
    }
}
static void advance(checkpoint *c) {
    sl_flow *f = c->f;
    if (!f || !c->pending || c->keeping || c->last || (f->journal && !journal_durable(f->journal, c->cut)))
        return;
    sl_str id = f->spec->rule_id;
    kept_letter *l = calloc(1, sizeof *l + id.n + 1);
    if (!l) {
        c->pending = false;
        return;
    }
    *l = (kept_letter){c, f->spec->keep, f->spec->keep_arg, f->lane->loop};
    memcpy(l->rule, id.p, id.n);
    c->keeping = true;
    c->refs++;
    if (!sl_post(f->office, keep_it, l)) {
        c->keeping = c->pending = false;
        c->refs--;
        free(l);
    }
}
void ck_moved(sl_flow *f) {
    if (f->ck)
        advance(f->ck);
}
void ck_soon(sl_flow *f) {
    if (f->ck && f->ck->begun && f->ck->timer && !f->ck->pending)
        sl_timer_in(f->ck->timer, 0); /* at a turn's border */
}
static void on_timer(void *arg) {
    checkpoint *c = arg;
    wind_ck(c, c->f->spec->checkpoint_ms);
    if (c->work != work_of(c->f))
        cut(c);
}

/* ---- beginning ---- */
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: it is damaged"); }
/* Takes the head off; what is left is the statement's. */
static sl_err *read_head(checkpoint *c, sl_str *at) {
    if (!sl_str_starts(*at, SL_S(MAGIC)))
        return NULL; /* written before there were marks */
    at->p += sizeof MAGIC - 1;
    at->n -= sizeof MAGIC - 1;
    sl_arena *a = sl_arena_new(0);
    sl_buf texts = {0};
    sl_value v, w, p;
    sl_err *e = a ? sl_unpack_value(a, at, &v) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (v.kind != SL_INT || v.i != c->nsrc))
        e = damaged();
    for (uint32_t i = 0; !e && i < c->nsrc; i++) {
        if ((e = sl_unpack_value(a, at, &v)) || (e = sl_unpack_value(a, at, &w)) || (e = sl_unpack_value(a, at, &p)))
            break;
        if (v.kind != SL_INT || w.kind != SL_INT || p.kind != SL_STRING)
            e = damaged();
        else {
            c->loaded[i] = (ck_mark){(uint64_t)v.i, (uint64_t)w.i, sl_str_n(NULL, sl_v_text(p).n)};
            sl_buf_str(&texts, sl_v_text(p));
        }
    }
    sl_arena_free(a);
    if (!(c->text = sl_buf_take(&texts)) && !e)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    for (uint32_t i = 0, n = 0; c->text && i < c->nsrc; i++) {
        c->loaded[i].position.p = c->text + n;
        n += (uint32_t)c->loaded[i].position.n;
    }
    return e;
}
/* What the sources of f can do: some rewind, some have a journal. */
static void look_at_sources(const sl_flow *f, bool *rewinds, bool *keeps, bool *neither) {
    for (uint32_t i = 0; i <= f->spec->nmore; i++) {
        const sl_flow *p = part(f, i);
        if (!p)
            continue;
        const sl_srcdef *d = flow_def(p);
        bool r = d->def->source->rewinds && d->def->source->position, k = sl_src_journal(d);
        *keeps |= k;
        *rewinds |= r && !flow_want(p)->is_table;
        *neither |= !r && !k && !flow_want(p)->is_table;
    }
}
sl_err *ck_open(sl_flow *f) {
    bool stateful = sl_exec_stateful(f->exec), rewinds = false, keeps = false, neither = false;
    if (!f->spec->keep)
        return NULL;
    look_at_sources(f, &rewinds, &keeps, &neither);
    if (!stateful && !rewinds)
        return NULL;
    checkpoint *c = calloc(1, sizeof *c);
    uint32_t n = f->spec->nmore + 1;
    if (!c)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *c = (checkpoint){.refs = 1, .f = f, .nsrc = n, .stateful = stateful, .safe = !neither && f->spec->home};
    f->ck = c;
    if (!(c->cut = calloc(n, sizeof *c->cut)) || !(c->upto = calloc(n, sizeof *c->upto)) || !(c->loaded = calloc(n, sizeof *c->loaded)) ||
        !(c->timer = sl_timer_new(f->lane->loop, on_timer, c)))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_err *e = NULL;
    bool usable = f->spec->state != NULL;
    if (usable) {
        sl_str at = {f->spec->state, f->spec->nstate};
        if (!(e = read_head(c, &at)))
            e = sl_exec_load(f->exec, at);
    }
    free(f->spec->state);
    f->spec->state = NULL;
    if (e) { /* begins anew */
        sl_warn(f->spec->rule_id.p, "state that was saved is not used: %s", sl_err_text(e));
        sl_err_free(e);
        usable = false;
        for (uint32_t i = 0; i < n; i++)
            c->loaded[i].position = SL_S("");
        sl_exec_free(f->exec);
        if (!(f->exec = sl_exec_new(f->spec->plan, sl_now(f->lane->loop))))
            return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (!stateful || !keeps || !f->spec->home)
        return NULL;
    c->first = !usable;
    return journal_open(f, c->loaded, usable, &f->journal);
}
bool ck_commits(const sl_flow *f) { return f->ck && f->ck->stateful; }
sl_str ck_position(const sl_flow *f) {
    const sl_flow *root = f->root ? f->root : f;
    return root->ck ? root->ck->loaded[f->src].position : SL_S("");
}
void ck_begin(sl_flow *f) {
    checkpoint *c = f->ck;
    if (!c)
        return;
    c->begun = true;
    wind_ck(c, f->spec->checkpoint_ms);
    if (c->first)
        cut(c); /* a journal begins with a state: another statement must never take it over */
    else if (f->journal)
        journal_replay(f->journal);
}
bool ck_begun(const sl_flow *f) { return f->ck && !f->ck->first; }

/* ---- ending ---- */
/* The last cut, when all of it was settled; else what was kept before stands, and the rest comes again. */
void ck_final(sl_flow *f, sl_fn done) {
    checkpoint *c = f->ck;
    if (!c || !f->open || c->first) {
        done(f);
        return;
    }
    c->done = done;
    if (c->keeping)
        return;              /* one is with the office: done comes behind it */
    bool again = c->pending; /* it will not be settled any more */
    c->pending = false;
    epoch *e = c->now;
    c->now = NULL;
    if (e)
        sl_ticket_drop(&e->t);
    sl_buf_clear(&c->blob);
    bool keep = c->work != work_of(f) || again;
    if (keep && cut_now(c, &c->blob) && (!c->safe || !c->stateful || (!c->unsettled && (!f->journal || journal_durable(f->journal, c->cut))))) {
        c->work = work_of(f);
        c->pending = true;
        c->last = NULL;
        c->final = true;
        advance(c);
        if (c->keeping)
            return;
    }
    c->pending = false;
    c->done = NULL;
    done(f);
}
void ck_close(sl_flow *f) {
    checkpoint *c = f->ck;
    if (!c)
        return;
    f->ck = NULL;
    sl_timer_free(c->timer);
    c->timer = NULL;
    epoch *e = c->now;
    c->now = NULL;
    c->f = NULL;
    if (e)
        sl_ticket_drop(&e->t);
    ck_unref(c);
}
