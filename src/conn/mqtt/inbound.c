/* What comes in: routing to subscriptions, and acknowledging QoS 1 and 2 in order of arrival, only when those who got a message settled it.
 *
 * Decision: an unacknowledged message stays in the ring over a reconnect. When the broker of a lasting session sends it again (marked as
 * a repetition, same identifier), it is recognised: a settled one is acknowledged, one still held is not delivered twice. */
#include <stdlib.h>
#include "conn/mqtt/inside.h"

static bool in_room(mq_inring *r) {
    if (r->tail - r->base < r->cap)
        return true;
    uint32_t cap = r->cap ? r->cap * 2 : 64;
    mq_in *at = malloc(cap * sizeof *at);
    if (!at)
        return false;
    for (uint64_t i = r->base; i < r->tail; i++)
        at[i & (cap - 1)] = *IN_AT(r, i);
    free(r->at);
    r->at = at;
    r->cap = cap;
    return true;
}
static void in_shrink(mq_inring *r) {
    while (r->base < r->tail && IN_AT(r, r->base)->state == IN_DONE)
        r->base++;
    if (r->ack_at < r->base)
        r->ack_at = r->base;
}
void mq_in_run(mq_client *c) {
    mq_inring *r = &c->in;
    if (c->phase != MQ_UP)
        return;
    for (; r->ack_at < r->tail; r->ack_at++) {
        mq_in *e = IN_AT(r, r->ack_at);
        if (e->epoch != c->epoch || e->state == IN_RECEIVED || e->state == IN_DONE)
            continue;
        if (e->state == IN_HELD)
            break;
        e->state = e->qos == 1 ? IN_DONE : IN_RECEIVED;
        mq_send_ack(c, e->qos == 1 ? SL_MQTT_PUBACK : SL_MQTT_PUBREC, e->id, 0);
    }
    in_shrink(r);
}
void mq_in_unhold(mq_client *c, uint64_t seq, bool left) {
    if (seq < c->in.base)
        return;
    mq_in *e = IN_AT(&c->in, seq);
    e->left |= left;
    if (!e->holders || --e->holders || e->state != IN_HELD)
        return;
    e->state = e->left ? IN_DONE : IN_SETTLED;
    if (e->left) {
        c->left++;
        c->in.stale -= e->epoch != c->epoch;
    }
}
void mq_commit(mq_sub *s, uint64_t upto) {
    bool any = false;
    while (s->held_n && s->held[s->held_at].pos <= upto) {
        mq_in_unhold(s->client, s->held[s->held_at].seq, false);
        s->held_at = (s->held_at + 1) & (s->held_cap - 1);
        s->held_n--;
        any = true;
    }
    if (any)
        mq_in_run(s->client);
}
static bool held_push(mq_sub *s, uint64_t pos, uint64_t seq) {
    if (s->held_n == s->held_cap) {
        uint32_t cap = s->held_cap ? s->held_cap * 2 : 64;
        mq_held *h = malloc(cap * sizeof *h);
        if (!h)
            return false;
        for (uint32_t i = 0; i < s->held_n; i++)
            h[i] = s->held[(s->held_at + i) & (s->held_cap - 1)];
        free(s->held);
        s->held = h;
        s->held_cap = cap;
        s->held_at = 0;
    }
    s->held[(s->held_at + s->held_n++) & (s->held_cap - 1)] = (mq_held){pos, seq};
    return true;
}
bool mq_in_hold(mq_sub *s, uint64_t pos, uint64_t seq) {
    if (!held_push(s, pos, seq))
        return false;
    if (seq >= s->client->in.base)
        IN_AT(&s->client->in, seq)->holders++;
    return true;
}
/* The entry that the broker repeats, or NULL. */
static mq_in *repeated(mq_client *c, const sl_mqtt_packet *p, uint64_t *seq) {
    mq_inring *r = &c->in;
    if (!p->dup && !r->stale)
        return NULL;
    for (uint64_t i = r->base; i < r->tail; i++) {
        mq_in *e = IN_AT(r, i);
        if (e->id != p->id || e->state == IN_DONE)
            continue;
        *seq = i;
        if (p->dup && e->qos == p->qos)
            return e;
        if (e->epoch != c->epoch) { /* the identifier serves a new message: the old one was given up */
            e->state = IN_DONE;
            r->stale--;
        }
    }
    return NULL;
}
bool mq_in_fits(const mq_sub *s, sl_str topic) {
    for (uint32_t i = 0; i < s->ntopics; i++)
        if (sl_mqtt_match(s->topics[i]->pure, topic))
            return true;
    return false;
}
static bool names(const sl_mqtt_packet *p, uint32_t sub) {
    for (uint32_t i = 0; i < p->props.nsubs && i < sizeof p->props.subs / sizeof *p->props.subs; i++)
        if (p->props.subs[i] == sub)
            return true;
    return false;
}
bool mq_in_mine(const mq_sub *s, const sl_mqtt_packet *p, bool *known) {
    bool first = true, mine = false;
    for (uint32_t i = 0; i < s->ntopics; i++) {
        const mq_topic *t = s->topics[i];
        if (!sl_mqtt_match(t->pure, p->topic))
            continue;
        bool named = t->sub && names(p, t->sub);
        mine |= first && named;
        *known |= named;
        first = false;
    }
    return mine;
}
static bool alias(mq_client *c, sl_mqtt_packet *p) {
    if (c->version < SL_MQTT_5 || !SL_MQTT_HAS(&p->props, SL_MQTT_P_ALIAS))
        return true;
    uint32_t n = p->props.num[SL_MQTT_P_ALIAS];
    if (n > c->nalias) {
        mq_broken(c, "the broker used a topic alias above the agreed maximum");
        return false;
    }
    if (p->topic.n) {
        char *t = sl_strdup_n(p->topic.p, p->topic.n);
        if (!t) {
            mq_broken(c, "out of memory");
            return false;
        }
        free(c->alias[n - 1]);
        c->alias[n - 1] = t;
    } else if (c->alias[n - 1]) {
        p->topic = sl_str_of(c->alias[n - 1]);
    } else {
        mq_broken(c, "the broker used a topic alias it never defined");
        return false;
    }
    return true;
}
void mq_in_forget_aliases(mq_client *c) {
    for (uint32_t i = 0; c->alias && i < c->nalias; i++) {
        free(c->alias[i]);
        c->alias[i] = NULL;
    }
}
void mq_in_publish(mq_client *c, sl_mqtt_packet *p) {
    mq_inring *r = &c->in;
    uint64_t seq = 0;
    if (!alias(c, p))
        return;
    if (p->qos) {
        mq_in *e = repeated(c, p, &seq);
        if (e) {
            if (e->epoch != c->epoch) {
                e->epoch = c->epoch;
                r->stale--;
            }
            if (e->state == IN_RECEIVED)
                mq_send_ack(c, SL_MQTT_PUBREC, p->id, 0);
            if (r->ack_at > seq)
                r->ack_at = seq;
            mq_in_run(c);
            return;
        }
        if (r->tail - r->base >= 65535 || !in_room(r)) {
            mq_broken(c, "the broker has more unacknowledged messages under way than the protocol allows");
            return;
        }
        seq = r->tail++;
        *IN_AT(r, seq) = (mq_in){.id = p->id, .qos = p->qos, .state = IN_HELD, .holders = 1, .epoch = c->epoch};
    }
    uint64_t pos = ++c->pos;
    if (p->qos && mq_wait_wanted(c, p->topic))
        mq_wait_keep(c, p, pos, seq);
    bool by_id = false; /* unless nobody knows the identifiers: those of an earlier life of the session */
    if (SL_MQTT_HAS(&p->props, SL_MQTT_P_SUB_ID) && p->props.nsubs <= sizeof p->props.subs / sizeof *p->props.subs)
        for (const mq_sub *s = c->subs; s && !by_id; s = s->next)
            if (!s->gone)
                mq_in_mine(s, p, &by_id);
    for (mq_sub *s = c->subs, *next; s; s = next) {
        bool known = false;
        next = s->next;
        if (s->gone || !(by_id ? mq_in_mine(s, p, &known) : mq_in_fits(s, p->topic)))
            continue;
        if (p->qos && s->lasts) {
            if (!mq_in_hold(s, pos, seq)) {
                mq_broken(c, "out of memory");
                return;
            }
        }
        s->fresh = true;
        if (!s->ops->message(s->arg, p, pos) && !s->paused) {
            s->paused = true;
            c->paused++;
        }
    }
    if (p->qos) {
        mq_in_unhold(c, seq, false);
        mq_in_run(c);
    }
}
void mq_in_release(mq_client *c, uint16_t id) {
    mq_inring *r = &c->in;
    uint8_t reason = c->version >= SL_MQTT_5 ? 0x92 : 0;
    for (uint64_t i = r->base; i < r->tail; i++) {
        mq_in *e = IN_AT(r, i);
        if (e->id == id && e->state == IN_RECEIVED) {
            if (e->epoch != c->epoch)
                r->stale--;
            e->state = IN_DONE;
            reason = 0;
            break;
        }
    }
    mq_send_ack(c, SL_MQTT_PUBCOMP, id, reason);
    in_shrink(r);
}
void mq_in_connected(mq_client *c, bool resumed) {
    mq_inring *r = &c->in;
    c->epoch++;
    c->left = 0;
    r->stale = 0;
    if (!resumed) /* the broker knows nothing of them any more */
        r->base = r->tail;
    for (uint64_t i = r->base; i < r->tail; i++)
        r->stale += IN_AT(r, i)->state != IN_DONE;
    r->ack_at = r->base;
    in_shrink(r);
}
