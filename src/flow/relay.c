/* A shared source that lives on another lane than a rule which also reads it: batches come by letter.
 *
 * Decisions: the source is one for all its rules, where its name says; a rule that joins it with a stream of another lane subscribes there with a flow that
 * has no statement and only posts what it gets. Batches are frozen and counted, so nothing is copied; their tickets find home by themselves. A shared source
 * feels no rule: when too many batches are under way the new ones are dropped, counted and told. What the source counts is asked of its lane. */
#include <stdio.h>
#include "base/log.h"
#include "flow/flow_int.h"

enum { UNDERWAY = 1024 }; /* batches */
struct relay {
    sl_flow sub;               /* @on the source's lane: stands in its list */
    sl_flow *limb;             /* @on the rule's lane: gets the rows */
    _Atomic uint32_t underway; /* batches in letters */
    uint64_t dropped;          /* @on the source's lane: rows */
    int op;                    /* number of its first step in the rule */
    sl_fn left;
};
typedef struct passed { /* a batch on its way */
    relay *r;
    sl_batch *b;
    int64_t now;
} passed;
static relay *of(sl_flow *sub) { return (relay *)sub; }

sl_lane *relay_home(const sl_srcdef *d, sl_lane *own) { return d->shared ? sl_lane_at((int)(sl_hash(d->stream.p, d->stream.n) % (uint64_t)sl_lane_count())) : own; }
sl_err *relay_new(sl_flow *limb, sl_lane *home, int op, relay **out) {
    relay *r = line_alloc(sizeof *r);
    if (!r)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    r->limb = limb;
    r->op = op;
    r->sub.spec = limb->spec;
    r->sub.src = limb->src;
    r->sub.root = limb->root;
    r->sub.lane = home;
    r->sub.relay = true;
    *out = r;
    return NULL;
}
void relay_free(relay *r) { free(r); }

/* ---- @on the source's lane ---- */
typedef struct joined {
    relay *r;
    sl_err *e;
} joined;
static void join_arrives(void *arg) { /* @on the rule's lane */
    joined j = *(joined *)arg;
    free(arg);
    flow_joined(j.r->limb->root, j.e);
}
static void join_there(void *arg) {
    joined *j = arg;
    j->e = source_join(&j->r->sub);
    sl_post(j->r->limb->lane->loop, join_arrives, j);
}
bool relay_join(relay *r) {
    joined *j = malloc(sizeof *j);
    if (!j)
        return false;
    *j = (joined){r, NULL};
    if (sl_post(r->sub.lane->loop, join_there, j))
        return true;
    free(j);
    return false;
}
static void batch_arrives(void *arg) { /* @on the rule's lane */
    passed p = *(passed *)arg;
    free(arg);
    atomic_fetch_sub(&p.r->underway, 1);
    flow_batch(p.r->limb, p.b, p.now);
    sl_batch_drop(p.b);
}
void relay_batch(sl_flow *sub, sl_batch *b, int64_t now) {
    relay *r = of(sub);
    if (sub->closing)
        return;
    passed *p = atomic_load(&r->underway) < UNDERWAY ? malloc(sizeof *p) : NULL;
    if (p) {
        *p = (passed){r, sl_batch_hold(b), now};
        atomic_fetch_add(&r->underway, 1);
        if (sl_post(r->limb->lane->loop, batch_arrives, p))
            return;
        atomic_fetch_sub(&r->underway, 1);
        sl_batch_drop(b);
        free(p);
    }
    if (!r->dropped)
        sl_warn(sub->spec->rule_id.p, "falls behind stream %.*s, which lives on another lane: rows are dropped", SL_FMT(flow_def(sub)->stream));
    r->dropped += b->nrows;
}
static void eof_arrives(void *arg) { flow_eof(((relay *)arg)->limb); }
void relay_eof(sl_flow *sub) { sl_post(of(sub)->limb->lane->loop, eof_arrives, of(sub)); }

/* ---- meters ---- */
static void measure(relay *r, far_meters *to) { /* @on the source's lane */
    const source_node *s = r->sub.source;
    int op = r->op;
    if (!s)
        return;
    sl_meters m = {.at = to->at};
    put_source(&m, s, &op);
    to->n = m.n;
    if (m.n && r->dropped) {
        char why[160];
        snprintf(why, sizeof why, "buffer full, drop %llu row(s) on the way from another lane", (unsigned long long)r->dropped);
        to->at[0].errors++;
        to->at[0].dropped += r->dropped;
        free(to->at[0].last_error);
        to->at[0].last_error = sl_strdup_n(why, strlen(why));
    }
}
typedef struct question {
    relay *r;
    far_meters *to;
    sl_fn done;
    void *arg;
} question;
static void ask_there(void *arg) {
    question q = *(question *)arg;
    free(arg);
    measure(q.r, q.to);
    q.done(q.arg);
}
bool relay_meters(relay *r, far_meters *to, sl_fn done, void *arg) {
    question *q = malloc(sizeof *q);
    if (!q)
        return false;
    *q = (question){r, to, done, arg};
    if (sl_post(r->sub.lane->loop, ask_there, q))
        return true;
    free(q);
    return false;
}

/* ---- leaving ---- */
typedef struct leaving {
    relay *r;
    far_meters *last;
} leaving;
static void left_arrives(void *arg) { /* @on the rule's lane, behind all batches */
    relay *r = arg;
    r->left(r->limb->root);
}
static void left_there(void *arg) {
    relay *r = arg;
    sl_post(r->limb->lane->loop, left_arrives, r);
}
static void leave_there(void *arg) {
    leaving l = *(leaving *)arg;
    free(arg);
    if (l.last)
        measure(l.r, l.last);
    l.r->sub.closing = true;
    source_leave(&l.r->sub, left_there, l.r);
}
void relay_leave(relay *r, far_meters *last, sl_fn left) {
    leaving *l = malloc(sizeof *l);
    r->left = left;
    if (l) {
        *l = (leaving){r, last};
        if (sl_post(r->sub.lane->loop, leave_there, l))
            return;
    }
    free(l);
    sl_error(r->limb->spec->rule_id.p, "out of memory: the rule cannot leave stream %.*s", SL_FMT(flow_def(r->limb)->stream));
}
