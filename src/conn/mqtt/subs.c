/* Subscriptions of one client.
 *
 * Decision: a filter is subscribed once at the broker however many streams name it: a second SUBSCRIBE would make the broker send its
 * retained messages again, to everybody. It is asked for again only when somebody wants a higher quality of service. */
#include <stdlib.h>
#include "base/log.h"
#include "conn/mqtt/inside.h"

static uint16_t next_id(mq_client *c) {
    return c->next_sub_id = c->next_sub_id >= 65535 || c->next_sub_id <= MQ_PUB_IDS ? (uint16_t)(MQ_PUB_IDS + 1) : (uint16_t)(c->next_sub_id + 1);
}
static void send_filters(mq_client *c, sl_mqtt_type type, uint16_t id, const sl_mqtt_filter *f, uint32_t n, uint32_t sub) {
    sl_mqtt_packet p;
    p.type = (uint8_t)type;
    p.props.have = 0;
    if (sub) {
        p.props.have = 1ull << SL_MQTT_P_SUB_ID;
        p.props.num[SL_MQTT_P_SUB_ID] = sub;
    }
    p.filters = f;
    p.nfilters = n;
    p.id = id;
    mq_send_packet(c, &p); /* filters were checked when they came */
}
/* Tells what the broker said, once it said something about each filter. */
static void tell(mq_client *c, mq_sub *s) {
    sl_buf b = {0};
    for (uint32_t i = 0; i < s->ntopics; i++) {
        const mq_topic *t = s->topics[i];
        if (t->id || t->code == MQ_UNASKED) {
            sl_buf_free(&b);
            return;
        }
        if (t->code >= 0x80)
            sl_buf_printf(&b, "%ssubscription to %.*s was refused by the broker: %s", b.n ? "; " : "", SL_FMT(t->filter),
                          c->version < SL_MQTT_5 ? "failure" : sl_mqtt_reason_text(t->code));
    }
    s->asks = false;
    if (b.n) {
        sl_warn(c->owner, "%s", sl_buf_cstr(&b));
        s->ops->error(s->arg, sl_buf_view(&b));
        s->ops->state(s->arg, SL_CONN_DISCONNECTED, sl_buf_view(&b));
    } else
        s->ops->state(s->arg, SL_CONN_CONNECTED, SL_S(""));
    sl_buf_free(&b);
}
/* The same in every life of a session, so that what the broker kept meanwhile is known. */
static uint32_t sub_of(sl_str filter) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < filter.n; i++)
        h = (h ^ (unsigned char)filter.p[i]) * 0x100000001b3u;
    return (uint32_t)(h % 268435455u) + 1;
}
static void ask(mq_client *c, mq_sub *s) {
    sl_mqtt_filter *f = calloc(s->ntopics, sizeof *f);
    if (!f) {
        mq_broken(c, "out of memory");
        return;
    }
    uint32_t n = 0, last = 0;
    uint16_t id = next_id(c);
    bool apart = c->sub_ids && (s->ntopics > 1 || c->watch); /* filters may overlap: each is told from the others */
    for (uint32_t i = 0; i < s->ntopics; i++) {
        mq_topic *t = s->topics[i];
        if (apart && n) {
            send_filters(c, SL_MQTT_SUBSCRIBE, id, f, n, last);
            n = 0;
            id = next_id(c);
        }
        if (t->qos >= s->qos && (t->id || t->code < 0x80))
            continue;
        /* retained ones once only: what is there already knows them (version 5 can say so) */
        uint8_t again = c->version >= SL_MQTT_5 && t->code < 0x80 ? 0x20 : 0;
        if (s->qos > t->qos)
            t->qos = s->qos;
        last = t->sub = apart ? sub_of(t->filter) : 0;
        t->id = id;
        t->at = (uint16_t)n;
        f[n++] = (sl_mqtt_filter){t->filter, t->qos | again};
    }
    s->asks = true;
    if (n)
        send_filters(c, SL_MQTT_SUBSCRIBE, id, f, n, last);
    else
        tell(c, s);
    free(f);
}
void mq_subs_connected(mq_client *c) {
    for (mq_sub *s = c->subs, *next; s; s = next) {
        next = s->next;
        if (!s->gone)
            ask(c, s);
    }
}
void mq_subs_lost(mq_client *c) {
    size_t it = 0;
    void *v;
    sl_str k;
    while (c->topics && sl_map_next(c->topics, &it, &k, &v)) {
        mq_topic *t = v;
        t->id = 0;
        t->code = MQ_UNASKED;
    }
    for (mq_sub *s = c->subs; s; s = s->next)
        s->asks = false;
}
void mq_subs_confirmed(mq_client *c, const sl_mqtt_packet *p) {
    bool any = false;
    size_t it = 0;
    void *v;
    sl_str k;
    while (c->topics && sl_map_next(c->topics, &it, &k, &v)) {
        mq_topic *t = v;
        if (t->id != p->id)
            continue;
        t->id = 0;
        t->code = t->at < p->list.n ? (uint8_t)p->list.p[t->at] : 0x80;
        if (t->code == MQ_UNASKED)
            t->code = 0x80;
        any = true;
    }
    for (mq_sub *s = any ? c->subs : NULL, *next; s; s = next) {
        next = s->next;
        if (s->asks && !s->gone)
            tell(c, s);
    }
}

/* ---- coming and leaving ---- */
/* Gives up what s holds; with off, filters that nobody wants any more are unsubscribed. */
static void leave(mq_sub *s, bool off) {
    mq_client *c = s->client;
    sl_mqtt_filter *f = off && s->ntopics ? calloc(s->ntopics, sizeof *f) : NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->ntopics; i++)
        if (--s->topics[i]->users == 0 && f)
            f[n++].filter = s->topics[i]->filter;
    if (n)
        send_filters(c, SL_MQTT_UNSUBSCRIBE, next_id(c), f, n, 0);
    free(f);
    for (uint32_t i = 0; i < s->ntopics; i++)
        if (!s->topics[i]->users) {
            sl_map_del(c->topics, s->topics[i]->filter);
            free(s->topics[i]);
        }
    s->ntopics = 0;
}
static void sub_free(mq_sub *s) {
    leave(s, false);
    free(s->held);
    free(s->topics);
    free(s);
}
static mq_topic *topic_of(mq_client *c, sl_str filter, uint8_t qos) {
    if (!c->topics && !(c->topics = sl_map_new()))
        return NULL;
    mq_topic *t = sl_map_get(c->topics, filter);
    if (!t) {
        if (!(t = calloc(1, sizeof *t + filter.n + 1)))
            return NULL;
        memcpy(t->text, filter.p, filter.n);
        t->filter = sl_str_n(t->text, filter.n);
        t->pure = sl_mqtt_unshare(t->filter);
        t->qos = qos;
        t->code = MQ_UNASKED;
        if (!sl_map_set(c->topics, t->filter, t, NULL)) {
            free(t);
            return NULL;
        }
    }
    t->users++;
    return t;
}
sl_err *mq_subscribe(mq_client *c, sl_str filters, uint8_t qos, bool lasts, const mq_sub_ops *ops, void *arg, mq_sub **out) {
    mq_sub *s = calloc(1, sizeof *s);
    size_t most = 1;
    for (size_t i = 0; i < filters.n; i++)
        most += filters.p[i] == ',';
    sl_err *e = !s || !(s->topics = calloc(most, sizeof *s->topics)) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
    if (s)
        s->client = c;
    for (const char *p = filters.p, *end = filters.p + filters.n; !e && p <= end;) { /* no trimming, as upstream */
        const char *comma = memchr(p, ',', (size_t)(end - p));
        sl_str one = sl_str_n(p, (size_t)((comma ? comma : end) - p));
        const char *bad = sl_mqtt_filter_check(one);
        if (bad)
            e = sl_err_new(SL_E_CONF, "topic '%.*s': %s", SL_FMT(one), bad);
        else if (!(s->topics[s->ntopics] = topic_of(c, one, qos)))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        else {
            bool twice = false; /* named twice in one list: once is enough */
            for (uint32_t i = 0; i < s->ntopics && !twice; i++)
                twice = s->topics[i] == s->topics[s->ntopics];
            if (twice)
                s->topics[s->ntopics]->users--;
            else
                s->ntopics++;
        }
        p += one.n + 1;
    }
    if (e) {
        if (s)
            sub_free(s);
        return e;
    }
    s->ops = ops;
    s->arg = arg;
    s->qos = qos;
    s->lasts = lasts;
    mq_sub **at = &c->subs;
    while (*at)
        at = &(*at)->next;
    *at = s;
    *out = s;
    if (c->phase == MQ_UP)
        ask(c, s);
    else if (c->told_down)
        ops->state(arg, SL_CONN_DISCONNECTED, sl_str_of(c->why));
    mq_wait_found(c, s);
    return NULL;
}
void mq_reap(mq_client *c) {
    for (mq_sub **at = &c->subs; *at;) {
        mq_sub *s = *at;
        if (s->gone && !s->ghost) {
            *at = s->next;
            sub_free(s);
        } else
            at = &s->next;
    }
}
void mq_subs_free(mq_client *c) {
    mq_reap(c);
    sl_map_free(c->topics);
}
void mq_part(mq_sub *s) { leave(s, s->client->phase == MQ_UP); }
void mq_unsubscribe(mq_sub *s, mq_leave how) {
    mq_client *c = s->client;
    s->gone = true;
    mq_pause(s, false);
    if (how == MQ_RETURNS && c->conf->session)
        mq_wait_ghost(s);
    else if (how != MQ_STAYS) {
        mq_commit(s, UINT64_MAX);
        mq_part(s);
    }
    if (!c->reading)
        mq_reap(c);
}
