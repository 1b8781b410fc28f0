/* What goes out: publishes in flight, their acknowledgements, and sending again after a reconnect.
 *
 * Decision: packet identifiers are positions in a ring (identifier = sequence mod 60000 + 1), so an acknowledgement finds its message
 * without a search and an identifier cannot be used twice within the window.
 * Decision: only a lasting session keeps the bytes of what is in flight; otherwise the answer is SL_DOWN and the flow's policy decides. */
#include <stdlib.h>
#include "conn/mqtt/inside.h"

/* ---- lists ---- */
static void owe(mq_pub *p) {
    mq_client *c = p->client;
    if (p->owed_at)
        return;
    p->next_owed = c->owed;
    p->owed_at = &c->owed;
    if (c->owed)
        c->owed->owed_at = &p->next_owed;
    c->owed = p;
}
static void unowe(mq_pub *p) {
    if (!p->owed_at)
        return;
    *p->owed_at = p->next_owed;
    if (p->next_owed)
        p->next_owed->owed_at = p->owed_at;
    p->owed_at = NULL;
}
static void hunger(mq_pub *p) {
    p->client->nhungry += !p->hungry;
    p->hungry = true;
}

static void tell(mq_pub *p) {
    if (!p->some)
        return;
    p->some = false;
    p->ops->answer(p->arg, p->some_first, p->some_last, SL_DELIVERED, SL_S(""));
}
static void delivered(mq_pub *p, uint64_t seq) {
    if (!p)
        return;
    if (p->some && seq != p->some_last + 1)
        tell(p);
    if (!p->some) {
        p->some = true;
        p->some_first = seq;
        p->client->dirty = true;
        owe(p);
    }
    p->some_last = seq;
}
static void refused(mq_pub *p, uint64_t seq, sl_answer a, sl_str why) {
    if (!p)
        return;
    tell(p);
    if (p->q0) { /* a range must not cover this one: those before it are told when queued instead of when written */
        p->q0 = false;
        p->ops->answer(p->arg, p->q0_first, p->q0_last, SL_DELIVERED, SL_S(""));
    }
    p->ops->answer(p->arg, seq, seq, a, why);
}
/* Publishers wait for room; told when a quarter of the window is free, or the socket took all. */
static void wake(mq_client *c) {
    if (!c->nhungry)
        return;
    for (mq_pub *p = c->pubs, *next; p; p = next) {
        next = p->next;
        if (p->hungry) {
            p->hungry = false;
            c->nhungry--;
            p->ops->ready(p->arg);
        }
    }
}
static uint32_t window(const mq_client *c, uint8_t qos) {
    uint32_t most = qos == 2 && c->version < SL_MQTT_5 ? MQ_WINDOW_QOS2 : MQ_WINDOW;
    return c->receive_max < most ? c->receive_max : most;
}
/* Answers what is owed; QoS 0 only when it was written. Publishers may come, go and publish meanwhile. */
static void settle(mq_client *c, bool written) {
    while (c->owed) { /* behind what an outer round has left */
        mq_pub *p = c->owed;
        unowe(p);
        p->next_owed = c->telling;
        p->owed_at = &c->telling;
        if (c->telling)
            c->telling->owed_at = &p->next_owed;
        c->telling = p;
    }
    while (c->telling) {
        mq_pub *p = c->telling;
        unowe(p);
        bool q0 = p->q0;
        if (q0 && (!written || p->some))
            owe(p);
        if (p->some)
            tell(p); /* p may be gone now */
        else if (q0 && written) {
            p->q0 = false;
            p->ops->answer(p->arg, p->q0_first, p->q0_last, SL_DELIVERED, SL_S(""));
        }
    }
}
void mq_out_tell(mq_client *c) {
    if (!c->dirty)
        return;
    c->dirty = false;
    settle(c, false);
    uint64_t used = c->out.tail - c->out.base;
    if (c->phase == MQ_UP && used <= window(c, 1) - (window(c, 1) + 3) / 4 && c->out.kept.n < MQ_KEEP_LIMIT)
        wake(c);
}
void mq_out_written(mq_client *c) {
    settle(c, true);
    if (c->phase == MQ_UP && c->out.tail - c->out.base < window(c, 1))
        wake(c);
}
sl_err *mq_publisher(mq_client *c, const mq_pub_ops *ops, void *arg, mq_pub **out) {
    mq_pub *p = calloc(1, sizeof *p);
    if (!p)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *p = (mq_pub){.client = c, .ops = ops, .arg = arg, .next = c->pubs};
    c->pubs = p;
    *out = p;
    if (c->phase == MQ_UP)
        ops->state(arg, SL_CONN_CONNECTED, SL_S(""));
    else if (c->told_down)
        ops->state(arg, SL_CONN_DISCONNECTED, sl_str_of(c->why));
    return NULL;
}

/* ---- ring ---- */
static bool ring_room(mq_outring *r) {
    if (r->tail - r->base < r->cap)
        return true;
    uint32_t cap = r->cap ? r->cap * 2 : 64;
    mq_out *at = malloc(cap * sizeof *at);
    if (!at)
        return false;
    for (uint64_t i = r->base; i < r->tail; i++)
        at[i & (cap - 1)] = *OUT_AT(r, i);
    free(r->at);
    r->at = at;
    r->cap = cap;
    return true;
}
static uint16_t id_of(uint64_t seq) { return (uint16_t)(seq % MQ_PUB_IDS + 1); }
static mq_out *find(mq_client *c, uint16_t id) {
    mq_outring *r = &c->out;
    if (id == 0 || id > MQ_PUB_IDS)
        return NULL;
    uint64_t seq = r->base + (id - 1u + MQ_PUB_IDS - r->base % MQ_PUB_IDS) % MQ_PUB_IDS;
    return seq < r->tail && OUT_AT(r, seq)->state != OUT_DONE ? OUT_AT(r, seq) : NULL;
}
static void shrink(mq_client *c) {
    mq_outring *r = &c->out;
    while (r->base < r->tail && OUT_AT(r, r->base)->state == OUT_DONE)
        r->base++;
    if (r->base == r->tail) {
        r->kept_off += r->kept.n;
        r->kept.n = 0;
        if (r->kept.cap > 1u << 20)
            sl_buf_free(&r->kept);
        return;
    }
    uint64_t from = OUT_AT(r, r->base)->off; /* bytes before the oldest go once they are the larger half */
    if (from - r->kept_off > r->kept.n / 2 && from - r->kept_off > 4096) {
        size_t cut = from - r->kept_off;
        memmove(r->kept.p, r->kept.p + cut, r->kept.n - cut);
        r->kept.n -= cut;
        r->kept_off = from;
    }
}

/* ---- publish ---- */
bool mq_publish(mq_pub *p, const mq_message *m) {
    mq_client *c = p->client;
    if (c->phase != MQ_UP) {
        if (!c->told_down) { /* the first attempt is still under way: wait for its outcome */
            hunger(p);
            return false;
        }
        refused(p, m->seq, SL_DOWN, sl_str_of(c->why[0] ? c->why : "not connected"));
        return true;
    }
    mq_outring *r = &c->out;
    uint8_t qos = m->qos;
    if (qos > c->max_qos || (m->retain && !c->retain_ok)) {
        refused(p, m->seq, SL_BAD, qos > c->max_qos ? SL_S("the broker does not take this QoS") : SL_S("the broker does not take retained messages"));
        return true;
    }
    if (qos && (r->tail - r->base >= window(c, qos) || r->kept.n >= MQ_KEEP_LIMIT)) {
        hunger(p);
        return false;
    }
    if (c->waiting >= MQ_WRITE_LIMIT) {
        hunger(p);
        return false;
    }
    sl_mqtt_props props;
    props.have = 0;
    if (m->nusers) {
        props.have = 1ull << SL_MQTT_P_USER;
        props.users = m->users;
        props.nusers = m->nusers;
    }
    sl_buf *to = qos && c->conf->session ? &r->kept : &c->scratch;
    if (to == &c->scratch)
        to->n = 0;
    if (qos && !ring_room(r)) {
        refused(p, m->seq, SL_LATER, SL_S("out of memory"));
        return true;
    }
    size_t at = to->n;
    const char *bad = sl_mqtt_put_publish(to, c->version, m->topic, m->payload, qos, false, m->retain, qos ? id_of(r->tail) : 0, &props);
    if (!bad && c->max_packet && to->n - at > c->max_packet) {
        bad = "message is larger than the broker's maximum packet size";
        to->n = at;
    }
    if (bad) {
        bool memory = to->failed;
        to->failed = false;
        refused(p, m->seq, memory ? SL_LATER : SL_BAD, sl_str_of(bad));
        return true;
    }
    if (qos) {
        *OUT_AT(r, r->tail) = (mq_out){.pub = p, .seq = m->seq, .qos = qos, .state = OUT_SENT, .off = r->kept_off + r->kept.n, .len = 0};
        if (to == &r->kept) {
            OUT_AT(r, r->tail)->off = r->kept_off + at;
            OUT_AT(r, r->tail)->len = (uint32_t)(to->n - at);
        }
        r->tail++;
    } else {
        if (!p->q0)
            p->q0_first = m->seq;
        p->q0 = true;
        p->q0_last = m->seq;
        owe(p);
    }
    mq_send(c, sl_str_n(to->p + at, to->n - at));
    return true;
}

/* ---- acknowledgements ---- */
static sl_answer verdict(uint8_t reason) {
    switch (reason) {
    case 0x90: /* topic name invalid */
    case 0x87: /* not authorized */
    case 0x95: /* packet too large */
    case 0x99: /* payload format invalid */
    case 0x9A: /* retain not supported */
    case 0x9B: return SL_BAD;
    default: return SL_LATER;
    }
}
void mq_out_ack(mq_client *c, const sl_mqtt_packet *p) {
    mq_out *o = find(c, p->id);
    if (!o) { /* of a message whose publisher left, or of an earlier life of the session */
        if (p->type == SL_MQTT_PUBREC)
            mq_send_ack(c, SL_MQTT_PUBREL, p->id, c->version >= SL_MQTT_5 ? 0x92 : 0);
        return;
    }
    bool ok = p->reason < 0x80;
    if (p->type == SL_MQTT_PUBREC && o->qos == 2 && ok) {
        o->state = OUT_RELEASED;
        mq_send_ack(c, SL_MQTT_PUBREL, p->id, 0);
        return;
    }
    if ((p->type == SL_MQTT_PUBACK) != (o->qos == 1) || (p->type == SL_MQTT_PUBCOMP && o->state != OUT_RELEASED)) {
        mq_broken(c, "the broker acknowledged a message with the wrong kind of packet");
        return;
    }
    o->state = OUT_DONE;
    mq_pub *pub = o->pub;
    uint64_t seq = o->seq;
    shrink(c);
    c->dirty = true;
    if (ok || p->type == SL_MQTT_PUBCOMP)
        delivered(pub, seq);
    else
        refused(pub, seq, verdict(p->reason), sl_str_of(sl_mqtt_reason_text(p->reason)));
}
void mq_out_lost(mq_client *c, sl_str why) {
    mq_outring *r = &c->out;
    mq_out_tell(c);
    for (mq_pub *p = c->pubs, *next; p; p = next) {
        next = p->next;
        if (p->q0) {
            p->q0 = false;
            p->ops->answer(p->arg, p->q0_first, p->q0_last, SL_DOWN, why);
        }
    }
    if (!c->conf->session) {
        uint64_t end = r->tail; /* the ring is empty before anybody is told: he may publish again at once */
        for (uint64_t i = r->base; i < end; i++) {
            mq_out o = *OUT_AT(r, i);
            r->base = i + 1;
            if (o.state != OUT_DONE && o.pub)
                o.pub->ops->answer(o.pub->arg, o.seq, o.seq, SL_DOWN, why);
        }
    }
    wake(c);
}
void mq_out_connected(mq_client *c, bool resumed) {
    mq_outring *r = &c->out;
    for (uint64_t i = r->base; i < r->tail; i++) {
        mq_out *o = OUT_AT(r, i);
        if (o->state == OUT_RELEASED) {
            if (resumed)
                mq_send_ack(c, SL_MQTT_PUBREL, id_of(i), 0);
            else /* whether the broker passed it on before it forgot the session, nobody knows */
                o->state = OUT_SENT;
        }
        if (o->state == OUT_SENT && o->len) {
            char *p = r->kept.p + (o->off - r->kept_off);
            p[0] = (char)(resumed ? p[0] | 8 : p[0] & ~8); /* a session the broker does not know gets them as new ones */
            mq_send(c, sl_str_n(p, o->len));
        }
    }
    shrink(c);
    mq_out_tell(c);
}
void mq_publisher_close(mq_pub *p) {
    mq_client *c = p->client;
    mq_outring *r = &c->out;
    tell(p);
    sl_str why = SL_S("the sink was closed before the broker acknowledged");
    if (p->q0) {
        p->q0 = false;
        p->ops->answer(p->arg, p->q0_first, p->q0_last, c->phase == MQ_UP ? SL_DELIVERED : SL_DOWN, c->phase == MQ_UP ? SL_S("") : why);
    }
    for (uint64_t i = r->base; i < r->tail; i++) {
        mq_out *o = OUT_AT(r, i);
        if (o->pub != p)
            continue;
        o->pub = NULL;
        if (o->state != OUT_DONE)
            p->ops->answer(p->arg, o->seq, o->seq, SL_DOWN, why);
    }
    unowe(p);
    c->nhungry -= p->hungry;
    for (mq_pub **at = &c->pubs; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    free(p);
}
