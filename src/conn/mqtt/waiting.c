/* Messages that wait for somebody. On a shared connection whose session lasts, users come and go while the connection lives: when the process
 * starts, the broker sends what it kept before the rules have subscribed; when a rule restarts, messages come between its end and its new
 * beginning. Nothing of that may be acknowledged as if nobody wanted it.
 *
 * Decision: a subscription that ended becomes a ghost for a moment. What fits a ghost (or anything while the process starts) is kept here,
 * unacknowledged, and given to whoever subscribes to it. What the ended one had got and not settled is not kept: it is never acknowledged, and
 * when its owner comes back the connection is made again, so that the broker sends it once more, and what waited since behind it. After the moment the ghost leaves as
 * if it had never been wanted; a few of its messages stay unacknowledged (the broker offers them at its next connection), those beyond are
 * acknowledged, because they would fill the broker's window, which the other users share. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "conn/mqtt/inside.h"

enum { GHOST_MS = 500, ORPHAN_BYTES = 16 << 20, LEFT_MAX = 8 };

typedef struct mq_orphan {
    uint64_t pos, seq;
    uint32_t topic, payload, user;
    uint16_t id;
    uint8_t qos;
    bool dup, retain, has_user;
    char bytes[];
} orphan;

bool mq_wait_wanted(const mq_client *c, sl_str topic) {
    if (!c->conf->session)
        return false;
    if (c->where == SL_POOL_BOOT)
        return true;
    for (const mq_sub *s = c->subs; s; s = s->next)
        if (s->ghost && mq_in_fits(s, topic))
            return true;
    return false;
}
void mq_wait_keep(mq_client *c, const sl_mqtt_packet *p, uint64_t pos, uint64_t seq) {
    bool has_user = SL_MQTT_HAS(&p->props, SL_MQTT_P_USER);
    size_t user = has_user ? p->props.user.n : 0, n = p->topic.n + p->payload.n + user;
    orphan *o = c->orphan_bytes + n <= ORPHAN_BYTES ? malloc(sizeof *o + n) : NULL;
    IN_AT(&c->in, seq)->holders++;
    if (!o || !SL_PUSH(c->orphans, o)) {
        free(o);
        mq_in_unhold(c, seq, true); /* the broker keeps it */
        return;
    }
    *o = (orphan){.pos = pos,
                  .seq = seq,
                  .topic = (uint32_t)p->topic.n,
                  .payload = (uint32_t)p->payload.n,
                  .user = (uint32_t)user,
                  .id = p->id,
                  .qos = p->qos,
                  .dup = p->dup,
                  .retain = p->retain,
                  .has_user = has_user};
    memcpy(o->bytes, p->topic.p, p->topic.n);
    if (p->payload.n)
        memcpy(o->bytes + p->topic.n, p->payload.p, p->payload.n);
    if (user)
        memcpy(o->bytes + p->topic.n + p->payload.n, p->props.user.p, user);
    c->orphan_bytes += n;
}
static void release(mq_client *c) { /* nobody else comes */
    if (c->where == SL_POOL_BOOT)
        return;
    for (const mq_sub *s = c->subs; s; s = s->next)
        if (s->ghost)
            return;
    for (size_t i = 0; i < c->orphans.n; i++) {
        mq_in_unhold(c, c->orphans.at[i]->seq, false);
        free(c->orphans.at[i]);
    }
    c->orphans.n = 0;
    c->orphan_bytes = 0;
    mq_in_run(c);
}
static void leave_held(mq_sub *s, uint32_t from) { /* those before `from` are acknowledged, the others come again */
    while (s->held_n) {
        mq_in_unhold(s->client, s->held[s->held_at].seq, from == 0);
        from -= from > 0;
        s->held_at = (s->held_at + 1) & (s->held_cap - 1);
        s->held_n--;
    }
    mq_in_run(s->client);
}
static void on_ghosts(void *arg) {
    mq_client *c = arg;
    bool more = false;
    if (c->where == SL_POOL_LEAVING || c->phase == MQ_LEAVING || c->phase == MQ_GONE)
        return; /* they stay at the broker */
    for (mq_sub *s = c->subs; s; s = s->next) {
        if (!s->ghost)
            continue;
        if (--s->ghost) {
            more = true;
            continue;
        }
        uint32_t all = c->left + s->held_n, over = all > LEFT_MAX ? all - LEFT_MAX : 0;
        leave_held(s, over < s->held_n ? over : s->held_n);
        mq_part(s);
    }
    if (more)
        sl_timer_in(c->ghosts, GHOST_MS / 2);
    release(c);
    mq_reap(c);
}
void mq_wait_ghost(mq_sub *s) {
    mq_client *c = s->client;
    if (!c->ghosts && !(c->ghosts = sl_timer_real(c->loop, on_ghosts, c))) {
        leave_held(s, 0);
        mq_part(s);
        return;
    }
    bool first = true;
    for (const mq_sub *x = c->subs; x; x = x->next)
        first &= !x->ghost;
    s->ghost = 2;
    if (first)
        sl_timer_in(c->ghosts, GHOST_MS / 2);
}
static bool same(const mq_sub *a, const mq_sub *b) {
    bool same = a->ntopics == b->ntopics;
    for (uint32_t i = 0; same && i < a->ntopics; i++)
        same = a->topics[i] == b->topics[i];
    return same;
}
void mq_wait_found(mq_client *c, mq_sub *s) {
    if (!c->conf->session || (!c->orphans.n && !c->ghosts && !c->left))
        return;
    for (mq_sub *g = c->subs; g; g = g->next)
        if (g->ghost && same(g, s)) {
            g->ghost = 0;
            leave_held(g, 0);
        }
    bool all = c->left > 0; /* older ones come again: so must these, behind them, or the order would be lost */
    size_t kept = 0;
    for (size_t i = 0; i < c->orphans.n; i++) {
        orphan *o = c->orphans.at[i];
        sl_str topic = sl_str_n(o->bytes, o->topic);
        bool fits = mq_in_fits(s, topic);
        if (all && fits) {
            c->orphan_bytes -= (size_t)o->topic + o->payload + o->user;
            mq_in_unhold(c, o->seq, true);
            free(o);
            continue;
        }
        c->orphans.at[kept++] = o;
        if (!fits || (s->lasts && !mq_in_hold(s, o->pos, o->seq)))
            continue;
        sl_mqtt_packet p;
        memset(&p, 0, offsetof(sl_mqtt_packet, props));
        p.type = SL_MQTT_PUBLISH;
        p.qos = o->qos;
        p.dup = o->dup;
        p.retain = o->retain;
        p.id = o->id;
        p.topic = topic;
        p.payload = sl_str_n(o->bytes + o->topic, o->payload);
        p.props.have = o->has_user ? 1ull << SL_MQTT_P_USER : 0;
        p.props.user = sl_str_n(o->bytes + o->topic + o->payload, o->user);
        s->fresh = true;
        if (!s->ops->message(s->arg, &p, o->pos))
            mq_pause(s, true);
    }
    c->orphans.n = kept;
    if (s->fresh) {
        s->fresh = false;
        s->ops->drained(s->arg);
    }
    release(c);
    if (!c->reading)
        mq_reap(c);
    if (c->left && c->phase == MQ_UP)
        mq_again(c, "connecting again, because a rule that ended left messages unacknowledged");
}
void mq_client_phase(mq_client *c, sl_pool_phase p) {
    c->where = p;
    if (p == SL_POOL_RUN)
        release(c);
}
void mq_wait_free(mq_client *c) {
    for (size_t i = 0; i < c->orphans.n; i++)
        free(c->orphans.at[i]);
    SL_VEC_FREE(c->orphans);
    sl_timer_free(c->ghosts);
    c->ghosts = NULL;
    for (mq_sub *s = c->subs; s; s = s->next)
        s->ghost = 0;
}
