/* The client's life: connecting and reconnecting, the reading loop, keep-alive.
 *
 * Decision: when a subscription pauses in the middle of what the socket gave, the rest waits in a stash and the socket is not read; a
 * connection that ends meanwhile counts as ended only after the stash was handled, so nothing read is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "base/log.h"
#include "base/num.h"
#include "conn/mqtt/inside.h"
#include "conn/tls.h"

#define OPEN_TIMEOUT 30000 /* ms, connect and CONNACK */
#define LEAVE_TIMEOUT 500  /* ms to wait for the broker to end the connection after DISCONNECT */
#define BACKOFF_FIRST 100
#define BACKOFF_MAX 10000
#define ALIASES 64

static void lost(mq_client *c, sl_str why);
static void connect_now(mq_client *c);
static void drained(mq_client *c);

/* ---- settings ---- */
static int version_of(sl_str v) {
    if (!v.n || sl_str_is(v, "3.1.1") || sl_str_is(v, "4"))
        return SL_MQTT_311;
    if (sl_str_is(v, "3.1"))
        return SL_MQTT_31;
    return sl_str_is(v, "5") ? SL_MQTT_5 : 0;
}
typedef struct server {
    sl_str host, path;
    int port;
    bool tls, ws;
} server;
static sl_err *server_parse(sl_str s, server *o) {
    static const struct {
        const char *scheme;
        bool tls, ws;
    } known[] = {{"tcp", 0, 0}, {"mqtt", 0, 0}, {"ssl", 1, 0}, {"tls", 1, 0}, {"mqtts", 1, 0}, {"tcps", 1, 0}, {"ws", 0, 1}, {"wss", 1, 1}};
    sl_str whole = s;
    ptrdiff_t at = sl_str_find(s, SL_S("://"));
    *o = (server){0};
    if (at >= 0) {
        sl_str scheme = {s.p, (size_t)at};
        size_t i = 0;
        while (i < sizeof known / sizeof *known && !sl_str_ieq(scheme, sl_str_of(known[i].scheme)))
            i++;
        if (i == sizeof known / sizeof *known)
            return sl_err_new(SL_E_CONF, "server %.*s: scheme %.*s is not known, expected one of tcp, mqtt, ssl, tls, mqtts, tcps, ws, wss", SL_FMT(whole), SL_FMT(scheme));
        o->tls = known[i].tls;
        o->ws = known[i].ws;
        s.p += at + 3;
        s.n -= (size_t)at + 3;
    }
    const char *slash = o->ws ? memchr(s.p, '/', s.n) : NULL;
    if (slash) {
        o->path = sl_str_n(slash, s.n - (size_t)(slash - s.p));
        s.n = (size_t)(slash - s.p);
    }
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    o->port = o->ws ? (o->tls ? 443 : 80) : o->tls ? 8883 : 1883;
    sl_str port = {"", 0};
    if (s.n && s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        if (!end)
            return sl_err_new(SL_E_CONF, "server %.*s: ] is missing behind the address", SL_FMT(whole));
        o->host = sl_str_n(s.p + 1, (size_t)(end - s.p) - 1);
        if (end + 1 < s.p + s.n)
            port = sl_str_n(end + 1, s.n - (size_t)(end + 1 - s.p));
    } else {
        const char *colon = memrchr(s.p, ':', s.n);
        o->host = sl_str_n(s.p, colon ? (size_t)(colon - s.p) : s.n);
        if (colon)
            port = sl_str_n(colon, s.n - (size_t)(colon - s.p));
    }
    int64_t n = o->port;
    if (port.n && (port.p[0] != ':' || !sl_num_parse_i64(sl_str_n(port.p + 1, port.n - 1), &n) || n < 1 || n > 65535))
        return sl_err_new(SL_E_CONF, "server %.*s: port must be a number from 1 to 65535", SL_FMT(whole));
    o->port = (int)n;
    if (!o->host.n || o->host.n > 253)
        return sl_err_new(SL_E_CONF, "server %.*s: host name is missing or too long, expected for example tcp://127.0.0.1:1883", SL_FMT(whole));
    return NULL;
}
sl_err *mq_conf_check(const mq_conf *c) {
    if (!c->server.n)
        return sl_err_new(SL_E_CONF, "missing server property");
    if (!version_of(c->version))
        return sl_err_new(SL_E_CONF, "unsupported protocol version %.*s", SL_FMT(c->version));
    if (version_of(c->version) == SL_MQTT_5 && c->session && !c->state_path.n)
        return sl_err_new(SL_E_CONF, "missing client state path");
    server s;
    return server_parse(c->server, &s);
}
static char *random_id(void) {
    unsigned char b[16];
    char *t = malloc(37);
    if (!t || getrandom(b, sizeof b, 0) != sizeof b) {
        free(t);
        return NULL;
    }
    b[6] = (b[6] & 15) | 0x40;
    b[8] = (b[8] & 63) | 0x80;
    for (int i = 0, n = 0; i < 16; i++)
        n += sprintf(t + n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    return t;
}
/* ---- life ---- */
static void hold(mq_client *c) { c->refs++; }
static void release(mq_client *c) {
    if (--c->refs)
        return;
    for (int i = 0; i < 3; i++)
        free(c->paths[i]);
    mq_in_forget_aliases(c);
    mq_wait_free(c);
    mq_reap(c);
    free(c->alias);
    free(c->in.at);
    free(c->out.at);
    sl_buf_free(&c->out.kept);
    sl_buf_free(&c->stash);
    sl_buf_free(&c->scratch);
    sl_mqtt_reader_free(&c->reader);
    sl_timer_free(c->timer);
    free(c->owner);
    free(c->host);
    free(c->path);
    free(c->client_id);
    mq_subs_free(c);
    free(c);
}
sl_conn_state mq_client_state(const mq_client *c) { return c->phase == MQ_UP ? SL_CONN_CONNECTED : c->told_down ? SL_CONN_DISCONNECTED : SL_CONN_CONNECTING; }
const char *mq_client_why(const mq_client *c) { return c->why; }
void mq_client_watch(mq_client *c, void (*state)(void *arg, sl_conn_state s, sl_str why), void *arg) {
    c->watch = state;
    c->watch_arg = arg;
}
static void finish(mq_client *c) {
    if (c->phase == MQ_GONE)
        return;
    c->phase = MQ_GONE;
    sl_timer_stop(c->timer);
    mq_wire_free(c->stream);
    c->stream = NULL;
    if (c->done)
        c->done(c->done_arg);
    release(c);
}
void mq_client_close(mq_client *c, sl_fn done, void *arg) {
    c->done = done;
    c->done_arg = arg;
    c->watch = NULL;
    bool up = c->phase == MQ_UP && c->stream;
    c->phase = MQ_LEAVING;
    if (!up) {
        finish(c);
        return;
    }
    sl_mqtt_packet p;
    p.type = SL_MQTT_DISCONNECT;
    p.reason = 0;
    p.props.have = 0;
    c->scratch.n = 0;
    sl_mqtt_put(&c->scratch, c->version, &p);
    mq_wire_write(c->stream, sl_buf_view(&c->scratch));
    mq_wire_pause(c->stream, false); /* the end is read too */
    sl_timer_in(c->timer, LEAVE_TIMEOUT);
}
static void tell_state(mq_client *c, sl_conn_state s, sl_str why) {
    if (c->watch)
        c->watch(c->watch_arg, s, why);
    for (mq_sub *x = c->subs, *next; x; x = next) {
        next = x->next;
        if (!x->gone && s != SL_CONN_CONNECTED) /* CONNECTED comes with the broker's confirmation */
            x->ops->state(x->arg, s, why);
    }
    for (mq_pub *x = c->pubs, *next; x; x = next) {
        next = x->next;
        x->ops->state(x->arg, s, why);
    }
}

/* ---- sending ---- */
void mq_send(mq_client *c, sl_str bytes) {
    if (!c->stream)
        return;
    c->waiting = mq_wire_write(c->stream, bytes);
    c->wrote = true;
}
void mq_send_ack(mq_client *c, sl_mqtt_type type, uint16_t id, uint8_t reason) {
    c->scratch.n = 0;
    sl_mqtt_put_ack(&c->scratch, c->version, type, id, reason);
    mq_send(c, sl_buf_view(&c->scratch));
}
const char *mq_send_packet(mq_client *c, const sl_mqtt_packet *p) {
    c->scratch.n = 0;
    c->scratch.failed = false;
    const char *bad = sl_mqtt_put(&c->scratch, c->version, p);
    if (!bad)
        mq_send(c, sl_buf_view(&c->scratch));
    return bad;
}
void mq_broken(mq_client *c, const char *why) {
    if (c->broken)
        return;
    c->broken = true;
    snprintf(c->why, sizeof c->why, "%s", why);
}

/* ---- reading ---- */
static void greeted(mq_client *c, const sl_mqtt_packet *p) {
    const sl_mqtt_props *x = &p->props;
    if (p->reason) {
        char why[200];
        snprintf(why, sizeof why, "connect to %s:%d was refused by the broker: %s", c->host, c->port, sl_mqtt_connack_text(c->version, p->reason));
        mq_broken(c, why);
        return;
    }
    c->receive_max = SL_MQTT_HAS(x, SL_MQTT_P_RECEIVE_MAX) ? x->num[SL_MQTT_P_RECEIVE_MAX] : 65535;
    c->max_packet = SL_MQTT_HAS(x, SL_MQTT_P_MAX_PACKET) ? x->num[SL_MQTT_P_MAX_PACKET] : 0;
    c->max_qos = SL_MQTT_HAS(x, SL_MQTT_P_MAX_QOS) ? (uint8_t)x->num[SL_MQTT_P_MAX_QOS] : 2;
    c->retain_ok = !SL_MQTT_HAS(x, SL_MQTT_P_RETAIN_OK) || x->num[SL_MQTT_P_RETAIN_OK];
    c->sub_ids = c->version >= SL_MQTT_5 && (!SL_MQTT_HAS(x, SL_MQTT_P_SUBID_OK) || x->num[SL_MQTT_P_SUBID_OK]);
    if (SL_MQTT_HAS(x, SL_MQTT_P_SERVER_KEEPALIVE))
        c->keepalive = x->num[SL_MQTT_P_SERVER_KEEPALIVE];
    if (SL_MQTT_HAS(x, SL_MQTT_P_ASSIGNED_ID)) { /* ours from now on, so that the session is found again */
        char *id = sl_strdup_n(x->text[SL_MQTT_P_ASSIGNED_ID].p, x->text[SL_MQTT_P_ASSIGNED_ID].n);
        if (id) {
            free(c->client_id);
            c->client_id = id;
        }
    }
    c->phase = MQ_UP;
    c->backoff = BACKOFF_FIRST;
    c->told_down = false;
    c->why[0] = 0;
    c->silent = 0;
    c->heard = c->wrote = true;
    if (c->keepalive)
        sl_timer_in(c->timer, c->keepalive * 500);
    else
        sl_timer_stop(c->timer);
    mq_in_connected(c, p->session_present);
    mq_subs_connected(c);
    mq_out_connected(c, p->session_present);
    tell_state(c, SL_CONN_CONNECTED, SL_S(""));
    mq_out_written(c); /* publishers that waited for the connection */
}
static void handle(mq_client *c, sl_mqtt_packet *p) {
    if (c->phase == MQ_GREETING) {
        if (p->type == SL_MQTT_CONNACK)
            greeted(c, p);
        else
            mq_broken(c, "the peer does not greet as an MQTT broker does");
        return;
    }
    switch (p->type) {
    case SL_MQTT_PUBLISH: mq_in_publish(c, p); break;
    case SL_MQTT_PUBACK:
    case SL_MQTT_PUBREC:
    case SL_MQTT_PUBCOMP: mq_out_ack(c, p); break;
    case SL_MQTT_PUBREL: mq_in_release(c, p->id); break;
    case SL_MQTT_SUBACK: mq_subs_confirmed(c, p); break;
    case SL_MQTT_UNSUBACK:
    case SL_MQTT_PINGRESP: break;
    case SL_MQTT_DISCONNECT: {
        char why[200];
        snprintf(why, sizeof why, "the broker ended the connection: %s", sl_mqtt_reason_text(p->reason));
        mq_broken(c, why);
        break;
    }
    default: mq_broken(c, "the broker sent a packet that does not belong there"); break;
    }
}
static void drop(mq_client *c) { /* ends the connection from our side; why is in c->why */
    c->broken = false;
    mq_wire_free(c->stream);
    c->stream = NULL;
    c->stash.n = 0;
    char why[sizeof c->why];
    memcpy(why, c->why, sizeof why);
    lost(c, sl_str_of(why));
}
void mq_again(mq_client *c, const char *why) {
    mq_broken(c, why);
    c->backoff = 0;
    drop(c);
    c->backoff = BACKOFF_FIRST;
}
/* MQ_IDLE: the stash of a connection that ended. A greeting is read even when somebody pauses. */
static bool may_read(const mq_client *c) { return !c->broken && (c->phase == MQ_GREETING || (!c->paused && (c->phase == MQ_UP || c->phase == MQ_IDLE))); }
static void read_bytes(mq_client *c, sl_str bytes) {
    sl_mqtt_packet p;
    int rc = 1;
    hold(c);
    c->reading = true;
    sl_mqtt_feed(&c->reader, bytes);
    while (may_read(c) && (rc = sl_mqtt_next(&c->reader, &p)) > 0)
        handle(c, &p);
    c->reading = false;
    sl_str rest = c->reader.in;
    c->reader.in = (sl_str){0};
    if (rc < 0)
        mq_broken(c, c->reader.why);
    mq_reap(c);
    if (c->phase == MQ_LEAVING || c->phase == MQ_GONE) {
    } else if (c->broken)
        drop(c);
    else {
        if (rc > 0 && rest.n) { /* paused */
            if (rest.p >= c->stash.p && c->stash.p && rest.p < c->stash.p + c->stash.cap) {
                memmove(c->stash.p, rest.p, rest.n);
                c->stash.n = rest.n;
            } else {
                c->stash.n = 0;
                sl_buf_str(&c->stash, rest);
                if (c->stash.failed) {
                    c->stash.failed = false;
                    mq_broken(c, "out of memory");
                    drop(c);
                    release(c);
                    return;
                }
            }
        } else
            c->stash.n = 0;
        if (c->paused && c->stream && c->phase == MQ_UP) {
            mq_wire_pause(c->stream, true);
            drained(c); /* the socket will not say so while it is not read */
        }
    }
    release(c);
}
static void drained(mq_client *c) {
    mq_out_tell(c);
    for (mq_sub *s = c->subs, *next; s; s = next) {
        next = s->next;
        if (s->fresh && !s->gone) {
            s->fresh = false;
            s->ops->drained(s->arg);
        }
    }
}
static void on_resume(void *arg) {
    mq_client *c = arg;
    c->resuming = false;
    if (!c->paused && (c->phase == MQ_UP || (c->phase == MQ_IDLE && c->ended))) {
        if (c->stash.n)
            read_bytes(c, sl_buf_view(&c->stash));
        if (!c->paused && c->phase != MQ_GONE && c->phase != MQ_LEAVING) {
            hold(c);
            drained(c);
            if (c->paused || c->phase == MQ_GONE || c->phase == MQ_LEAVING) {
            } else if (c->ended) {
                c->ended = false;
                char why[sizeof c->why];
                memcpy(why, c->why, sizeof why);
                lost(c, sl_str_of(why));
            } else if (c->stream)
                mq_wire_pause(c->stream, false);
            release(c);
        }
    }
    release(c);
}
void mq_pause(mq_sub *s, bool pause) {
    mq_client *c = s->client;
    if (s->paused == pause)
        return;
    s->paused = pause;
    if (pause) {
        if (c->paused++ == 0 && !c->reading && c->phase == MQ_UP && c->stream)
            mq_wire_pause(c->stream, true);
    } else if (--c->paused == 0 && !c->resuming && sl_defer(c->loop, on_resume, c)) {
        c->resuming = true;
        hold(c);
    }
}

/* ---- the connection ---- */
static void on_opened(void *arg) {
    mq_client *c = arg;
    sl_mqtt_packet p;
    memset(&p, 0, offsetof(sl_mqtt_packet, props));
    p.props.have = 0;
    p.type = SL_MQTT_CONNECT;
    p.version = (uint8_t)c->version;
    p.clean = !c->conf->session;
    p.keepalive = (uint16_t)c->keepalive;
    p.client_id = sl_str_of(c->client_id);
    p.has_user = c->conf->username.n > 0;
    p.user = c->conf->username;
    p.has_password = c->conf->password.n > 0;
    p.password = c->conf->password;
    if (c->version >= SL_MQTT_5) {
        if (c->conf->session) {
            p.props.have |= 1ull << SL_MQTT_P_SESSION_EXPIRY;
            p.props.num[SL_MQTT_P_SESSION_EXPIRY] = c->conf->session_expiry < 0 ? 0 : c->conf->session_expiry > UINT32_MAX ? UINT32_MAX : (uint32_t)c->conf->session_expiry;
        }
        p.props.have |= 1ull << SL_MQTT_P_RECEIVE_MAX | 1ull << SL_MQTT_P_ALIAS_MAX;
        p.props.num[SL_MQTT_P_RECEIVE_MAX] = MQ_RECEIVE_MAX;
        p.props.num[SL_MQTT_P_ALIAS_MAX] = c->nalias;
    } else if (p.has_password && !p.has_user)
        p.has_user = true; /* an empty name: below version 5 a password cannot come alone */
    c->phase = MQ_GREETING;
    sl_timer_in(c->timer, OPEN_TIMEOUT);
    const char *bad = mq_send_packet(c, &p);
    if (bad) {
        mq_broken(c, bad);
        drop(c);
    }
}
static void on_data(void *arg, sl_str bytes) {
    mq_client *c = arg;
    c->heard = true;
    if (c->phase == MQ_GREETING && !c->reader.part.n && bytes.n && (unsigned char)bytes.p[0] != SL_MQTT_CONNACK << 4) { /* do not wait for the rest of what is no MQTT */
        mq_broken(c, "the peer does not greet as an MQTT broker does");
        drop(c);
    } else if (c->phase == MQ_GREETING || c->phase == MQ_UP)
        read_bytes(c, bytes);
}
static void on_drained(void *arg) {
    mq_client *c = arg;
    if (c->phase != MQ_UP)
        return;
    hold(c);
    drained(c);
    release(c);
}
static void on_writable(void *arg) {
    mq_client *c = arg;
    c->waiting = 0;
    hold(c);
    if (c->phase == MQ_UP)
        mq_out_written(c);
    release(c);
}
static void on_closed(void *arg, sl_str why) {
    mq_client *c = arg;
    mq_wire *s = c->stream;
    c->stream = NULL;
    if (c->phase == MQ_LEAVING)
        finish(c);
    else
        lost(c, why);
    mq_wire_free(s);
}
static const sl_stream_ops stream_ops = {on_opened, on_data, on_drained, on_writable, on_closed};

static void lost(mq_client *c, sl_str why) {
    if (why.p != c->why)
        snprintf(c->why, sizeof c->why, "%.*s", SL_FMT(why));
    c->waiting = 0;
    if (c->stash.n && c->phase == MQ_UP) { /* read, not handled yet: on_resume comes back here */
        c->phase = MQ_IDLE;
        c->ended = true;
        sl_timer_stop(c->timer);
        return;
    }
    c->phase = MQ_IDLE;
    sl_buf_free(&c->reader.part);
    c->reader.spent = false;
    c->reader.in = (sl_str){0};
    mq_in_forget_aliases(c);
    mq_subs_lost(c);
    bool first = !c->told_down;
    c->told_down = true;
    int64_t jitter = 0;
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) == sizeof r)
        jitter = (int64_t)(r % (uint32_t)(c->backoff + 1)) - c->backoff / 2;
    sl_timer_in(c->timer, c->backoff + jitter);
    c->backoff = c->backoff * 3 / 2 > BACKOFF_MAX ? BACKOFF_MAX : c->backoff * 3 / 2;
    if (first)
        sl_warn(c->owner, "mqtt %s:%d: %s", c->host, c->port, c->why);
    hold(c);
    char text[sizeof c->why];
    memcpy(text, c->why, sizeof text);
    mq_out_lost(c, sl_str_of(text));
    if (c->phase == MQ_IDLE)
        tell_state(c, SL_CONN_DISCONNECTED, sl_str_of(text));
    release(c);
}
static void connect_now(mq_client *c) {
    c->phase = MQ_OPENING;
    c->keepalive = c->version >= SL_MQTT_5 ? 20 : 30;
    mq_addr a = {c->host, c->port, c->tls ? &c->tls_conf : NULL, c->path};
    sl_err *e = mq_wire_open(c->loop, &a, OPEN_TIMEOUT, &stream_ops, c, &c->stream);
    if (e) {
        c->stream = NULL;
        lost(c, sl_str_of(sl_err_text(e)));
        sl_err_free(e);
    }
}
static void on_timer(void *arg) {
    mq_client *c = arg;
    switch (c->phase) {
    case MQ_IDLE: connect_now(c); break;
    case MQ_GREETING:
        mq_broken(c, "the broker did not answer CONNECT in time");
        drop(c);
        break;
    case MQ_UP:
        if (!c->wrote || c->silent) {
            if (c->silent && c->heard)
                c->silent = 0;
            else if (c->silent >= 3 && !c->paused) { /* one and a half periods without a byte */
                mq_broken(c, "the broker does not answer any more (keep-alive)");
                drop(c);
                return;
            }
            c->heard = false;
            c->silent++;
            mq_send(c, SL_S("\xC0\x00"));
        }
        c->wrote = false;
        sl_timer_in(c->timer, c->keepalive * 500);
        break;
    case MQ_LEAVING: finish(c); break;
    default: break;
    }
}
static void on_start(void *arg) {
    mq_client *c = arg;
    if (c->phase == MQ_IDLE && !c->stream)
        connect_now(c);
    release(c);
}
sl_err *mq_client_new(sl_loop *l, const mq_conf *conf, const char *home, const char *owner, mq_client **out) {
    SL_TRY(mq_conf_check(conf));
    server s;
    SL_TRY(server_parse(conf->server, &s));
    mq_client *c = calloc(1, sizeof *c);
    if (!c)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    c->refs = 1;
    c->loop = l;
    c->conf = conf;
    c->version = version_of(conf->version);
    c->port = s.port;
    c->tls = s.tls;
    c->backoff = BACKOFF_FIRST;
    c->reader.version = c->version;
    c->nalias = c->version >= SL_MQTT_5 ? ALIASES : 0;
    c->tls_conf = conf->tls;
    bool ok = (c->host = sl_strdup_n(s.host.p, s.host.n)) && (c->owner = sl_strdup_n(owner, strlen(owner)));
    ok = ok && (!s.ws || (c->path = s.path.n ? sl_strdup_n(s.path.p, s.path.n) : sl_strdup_n("/", 1)));
    ok = ok && (c->client_id = conf->clientid.n ? sl_strdup_n(conf->clientid.p, conf->clientid.n) : random_id());
    ok = ok && (c->timer = sl_timer_real(l, on_timer, c)) && (c->alias = calloc(ALIASES, sizeof *c->alias));
    ok = ok && sl_tls_absolute(&c->tls_conf, home, c->paths);
    ok = ok && sl_defer(l, on_start, c);
    if (!ok) {
        release(c);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    hold(c); /* of on_start */
    *out = c;
    return NULL;
}
