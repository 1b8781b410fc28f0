/* The MQTT connector: property table, source, sink and the object that the house knows of them.
 *
 * Decision: a source or sink without connectionSelector owns a client on its own loop and calls it directly; with one it goes through
 * remote.h to the shared client. Both sides offer the same callbacks, so nothing below the first lines of open knows the difference. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "conn/mqtt/client.h"
#include "conn/mqtt/remote.h"
#include "conn/pool.h"
#include "conn/tls.h"

#define AT(f) SL_AT(mq_conf, f)
const sl_prop mq_props[] = {
    {.name = "server",
     .type = SL_P_STR,
     .flags = SL_P_SHARED,
     AT(server),
     .doc = "Address of the broker: tcp:// or mqtt:// plain, ssl://, tls://, mqtts:// or tcps:// with TLS, ws:// or wss:// over WebSocket (with a path if the broker wants one). "
            "Required, here or in the connection.",
     .example = "tcp://127.0.0.1:1883"},
    {.name = "protocolVersion", .type = SL_P_STR, .flags = SL_P_SHARED, AT(version), .def = "3.1.1", .doc = "Version of MQTT: 3.1, 3.1.1 (or 4) or 5."},
    {.name = "clientid",
     .type = SL_P_STR,
     .flags = SL_P_SHARED,
     AT(clientid),
     .doc = "Client identifier; a random one when empty. Must be given for a session that outlives the connection."},
    {.name = "username", .type = SL_P_STR, .flags = SL_P_SHARED, AT(username), .doc = "User name, sent only when not empty."},
    {.name = "password", .type = SL_P_STR, .flags = SL_P_SHARED | SL_P_SECRET, AT(password), .doc = "Password, sent only when not empty."},
    {.name = "enableClientSession",
     .type = SL_P_BOOL,
     .flags = SL_P_SHARED,
     AT(session),
     .def = "false",
     .doc = "Ask the broker to keep the session: subscriptions stay and QoS 1 and 2 messages collect while the client is away; messages in flight survive a reconnect."},
    {.name = "clientStatePath",
     .type = SL_P_STR,
     .flags = SL_P_SHARED | SL_P_ADVANCED,
     AT(state_path),
     .doc = "Required with enableClientSession in version 5 for compatibility; the flow's own cache keeps what is under way."},
    {.name = "sessionExpiryIntervalSeconds",
     .type = SL_P_INT,
     .flags = SL_P_SHARED,
     AT(session_expiry),
     .def = "60",
     .doc = "Version 5: seconds the broker keeps the session after the connection ended."},
    {.name = "connectionSelector", .type = SL_P_STR, AT(selector), .doc = "Id of a named connection to share instead of an own one.", .example = "cloud"},
    SL_TLS_ROWS(mq_conf, tls),
    {.name = "qos", .type = SL_P_INT, AT(qos), .def = "0", .doc = "Quality of service of the subscription or of what is published: 0, 1 or 2."},
    {.name = "eofMessage", .type = SL_P_STR, .flags = SL_P_SOURCE | SL_P_ADVANCED, AT(eof_message), .doc = "Base64 of a payload that ends the stream."},
    {.name = "topic", .type = SL_P_STR, .flags = SL_P_SINK | SL_P_TEMPLATE, AT(topic), .doc = "Topic to publish to. Required.", .example = "result/{{.device}}"},
    {.name = "retained", .type = SL_P_BOOL, .flags = SL_P_SINK, AT(retained), .def = "false", .doc = "Ask the broker to keep the last message for new subscribers."},
    {.name = "properties",
     .type = SL_P_JSON,
     .flags = SL_P_SINK | SL_P_TEMPLATE | SL_P_ADVANCED,
     AT(properties),
     .doc = "Version 5: user properties, an object of texts.",
     .example = "{\"origin\":\"edge1\"}"},
    {0},
};

static sl_err *check_common(const mq_conf *c) {
    if (c->qos < 0 || c->qos > 2)
        return sl_err_new(SL_E_CONF, "invalid qos value %lld, the value could be only int 0 or 1 or 2", (long long)c->qos);
    return c->selector.n ? NULL : mq_conf_check(c);
}
static char *owner_of(const sl_conn_env *env) {
    sl_buf b = {0};
    sl_buf_printf(&b, "%s/%s", env->rule_id ? env->rule_id : "", env->op_name ? env->op_name : "mqtt");
    return sl_buf_take(&b);
}
static int b64(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1; }
/* Go's StdEncoding: padded, nothing else in between. */
static bool b64_read(sl_str s, sl_buf *out) {
    if (s.n % 4)
        return false;
    for (size_t i = 0; i < s.n; i += 4) {
        int pad = i + 4 == s.n ? (s.p[i + 3] == '=') + (s.p[i + 2] == '=' && s.p[i + 3] == '=') : 0, v[4];
        for (int k = 0; k < 4; k++)
            if ((v[k] = k >= 4 - pad ? 0 : b64(s.p[i + (size_t)k])) < 0)
                return false;
        uint32_t w = (uint32_t)(v[0] << 18 | v[1] << 12 | v[2] << 6 | v[3]);
        char b[3] = {(char)(w >> 16), (char)(w >> 8), (char)w};
        sl_buf_put(out, b, (size_t)(3 - pad));
    }
    return true;
}

/* ---- source ---- */
typedef struct source {
    const mq_conf *conf;
    sl_source_out *out;
    mq_client *client;
    mq_sub *sub;
    mq_rsub *remote;
    bool ended; /* eofMessage came */
    sl_buf eof;
    sl_member *props; /* user properties of the current message */
    uint32_t props_cap;
    sl_fn done;
    void *done_arg;
} source;

static sl_err *source_check(const void *conf, sl_str datasource) {
    const mq_conf *c = conf;
    if (!datasource.n)
        return sl_err_new(SL_E_CONF, "topic is required");
    for (const char *p = datasource.p, *end = p + datasource.n; p <= end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        sl_str one = sl_str_n(p, (size_t)((comma ? comma : end) - p));
        const char *bad = sl_mqtt_filter_check(one);
        if (bad)
            return sl_err_new(SL_E_CONF, "topic '%.*s': %s", SL_FMT(one), bad);
        p += one.n + 1;
    }
    sl_buf b = {0};
    bool ok = b64_read(c->eof_message, &b);
    sl_buf_free(&b);
    if (!ok)
        return sl_err_new(SL_E_CONF, "eofMessage must be base64 text");
    return check_common(c);
}
static sl_value user_properties(source *s, const sl_mqtt_packet *p) {
    sl_str span = p->props.user;
    sl_mqtt_pair u;
    uint32_t n = 0;
    while (sl_mqtt_user(&span, &u)) {
        uint32_t i = 0;
        while (i < n && !sl_str_eq(s->props[i].key, u.name))
            i++;
        if (i == n) {
            if (n == s->props_cap) {
                uint32_t cap = s->props_cap ? s->props_cap * 2 : 8;
                sl_member *m = realloc(s->props, cap * sizeof *m);
                if (!m)
                    break;
                s->props = m;
                s->props_cap = cap;
            }
            s->props[n++].key = u.name;
        }
        s->props[i].val = sl_v_str(u.value);
    }
    return sl_v_map(s->props, n);
}
static bool on_message(void *arg, const sl_mqtt_packet *p, uint64_t pos) {
    source *s = arg;
    if (s->ended)
        return true;
    if (s->eof.n && sl_str_eq(p->payload, sl_buf_view(&s->eof))) {
        s->ended = true;
        s->out->eof(s->out);
        return true;
    }
    sl_member meta[4] = {{SL_S("topic"), sl_v_str(p->topic)}, {SL_S("qos"), sl_v_int(p->qos)}, {SL_S("messageId"), sl_v_int(p->id)}};
    sl_packet k = {.bytes = p->payload, .meta = meta, .nmeta = 3, .pos = pos, .id = p->qos ? p->id : 0, .again = p->dup};
    if (SL_MQTT_HAS(&p->props, SL_MQTT_P_USER)) {
        meta[3] = (sl_member){SL_S("properties"), user_properties(s, p)};
        k.nmeta = 4;
    }
    return s->out->bytes(s->out, &k);
}
static void on_drained(void *arg) {
    source *s = arg;
    s->out->drained(s->out);
}
static void on_error(void *arg, sl_str text) {
    source *s = arg;
    s->out->error(s->out, text);
}
static void on_source_state(void *arg, sl_conn_state st, sl_str why) {
    source *s = arg;
    s->out->state(s->out, st, why);
}
static const mq_sub_ops sub_ops = {on_message, on_drained, on_error, on_source_state};

static void source_free(source *s) {
    sl_buf_free(&s->eof);
    free(s->props);
    free(s);
}
static sl_err *source_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    const mq_conf *c = conf;
    SL_TRY(source_check(conf, datasource));
    source *s = calloc(1, sizeof *s);
    char *owner = owner_of(env);
    if (!s || !owner) {
        free(s);
        free(owner);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    s->conf = c;
    s->out = out;
    b64_read(c->eof_message, &s->eof);
    sl_err *e;
    if (c->selector.n)
        e = mq_remote_subscribe(c->selector, owner, env->loop, datasource, (uint8_t)c->qos, env->lasts, &sub_ops, s, &s->remote);
    else if (!(e = mq_client_new(env->loop, c, env->home, owner, &s->client)) && (e = mq_subscribe(s->client, datasource, (uint8_t)c->qos, env->lasts, &sub_ops, s, &s->sub)))
        mq_client_close(s->client, NULL, NULL);
    free(owner);
    if (e) {
        source_free(s);
        return e;
    }
    *src = (sl_source *)s;
    return NULL;
}
static void source_commit(sl_source *x, uint64_t upto) {
    source *s = (source *)x;
    if (s->remote)
        mq_remote_commit(s->remote, upto);
    else
        mq_commit(s->sub, upto);
}
static void source_pause(sl_source *x) {
    source *s = (source *)x;
    if (s->remote)
        mq_remote_pause(s->remote, true);
    else
        mq_pause(s->sub, true);
}
static void source_resume(sl_source *x) {
    source *s = (source *)x;
    if (s->remote)
        mq_remote_pause(s->remote, false);
    else
        mq_pause(s->sub, false);
}
static void source_closed(void *arg) {
    source *s = arg;
    sl_fn done = s->done;
    void *done_arg = s->done_arg;
    source_free(s);
    done(done_arg);
}
static void source_close(sl_source *x, sl_fn done, void *arg) {
    source *s = (source *)x;
    s->done = done;
    s->done_arg = arg;
    if (s->remote) {
        mq_remote_unsubscribe(s->remote, source_closed, s);
        return;
    }
    mq_unsubscribe(s->sub, MQ_STAYS); /* the end of the connection ends the subscription, unless the session shall last */
    mq_client_close(s->client, source_closed, s);
}
static const sl_source_ops source_ops = {
    .shares = true, .journal = true, .check = source_check, .open = source_open, .commit = source_commit, .pause = source_pause, .resume = source_resume, .close = source_close};

/* ---- sink ---- */
typedef struct sink {
    const mq_conf *conf;
    sl_sink_host *host;
    mq_client *client;
    mq_pub *pub;
    mq_rpub *remote;
    sl_pool_conn *conn; /* of which `client` is, when it lives on our loop */
    char *owner;
    sl_mqtt_pair *users; /* of the constant properties, or scratch of the rendered ones */
    uint32_t nusers;
    sl_arena *arena; /* rendered properties of the current message */
    sl_fn done;
    void *done_arg;
} sink;

static sl_err *properties_check(const sl_json *o) {
    if (o && o->kind != SL_J_OBJ && o->kind != SL_J_NULL)
        return sl_err_new(SL_E_CONF, "properties must be an object of texts");
    for (const sl_json *m = o ? o->child : NULL; m; m = m->next)
        if (m->kind != SL_J_STR)
            return sl_err_new(SL_E_CONF, "properties: '%.*s' must be a text", SL_FMT(m->key));
    return NULL;
}
static sl_err *sink_check(const void *conf) {
    const mq_conf *c = conf;
    if (!c->topic.n) {
        SL_TRY(check_common(c)); /* what is wrong with the connection comes first */
        return sl_err_new(SL_E_CONF, "mqtt sink is missing property topic");
    }
    if (memchr(c->topic.p, '#', c->topic.n) || memchr(c->topic.p, '+', c->topic.n))
        return sl_err_new(SL_E_CONF, "mqtt sink topic shouldn't contain # or +");
    SL_TRY(properties_check(c->properties));
    return check_common(c);
}
static void on_answer(void *arg, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    sink *s = arg;
    s->host->answer(s->host, first, last, a, why);
}
static void on_ready(void *arg) {
    sink *s = arg;
    s->host->ready(s->host);
}
static void on_sink_state(void *arg, sl_conn_state st, sl_str why) {
    sink *s = arg;
    s->host->state(s->host, st, why);
}
static const mq_pub_ops pub_ops = {on_answer, on_ready, on_sink_state};

static sl_mqtt_pair *pairs_of(const sl_json *o, sl_arena *a, uint32_t *n) {
    *n = o && o->kind == SL_J_OBJ ? o->n : 0;
    sl_mqtt_pair *p = *n ? SL_NEW_N(a, sl_mqtt_pair, *n) : NULL;
    uint32_t i = 0;
    for (const sl_json *m = p ? o->child : NULL; m; m = m->next)
        p[i++] = (sl_mqtt_pair){m->key, m->s};
    *n = i;
    return p;
}
static void sink_free(sink *s) {
    free(s->users);
    free(s->owner);
    sl_arena_free(s->arena);
    free(s);
}
/* A named connection that lives on our loop is used directly. */
static sl_err *join_pool(sink *s, const mq_conf *c, const sl_conn_env *env, const char *owner) {
    sl_pool_conn *conn = NULL;
    const char *why;
    SL_TRY(sl_pool_take(c->selector, "mqtt", owner, &conn));
    mq_client *client = sl_pool_loop(conn) == env->loop ? sl_pool_client(conn, &why) : NULL;
    if (!client) {
        sl_pool_give(conn, owner);
        return mq_remote_publisher(c->selector, owner, env->loop, &pub_ops, s, &s->remote);
    }
    s->conn = conn;
    s->client = client;
    sl_err *e = (s->owner = sl_strdup_n(owner, strlen(owner))) ? mq_publisher(client, &pub_ops, s, &s->pub) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        sl_pool_give(conn, owner);
    return e;
}
static sl_err *sink_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **out) {
    const mq_conf *c = conf;
    SL_TRY(sink_check(conf));
    sink *s = calloc(1, sizeof *s);
    char *owner = owner_of(env);
    if (!s || !owner || !(s->arena = sl_arena_new(0))) {
        free(s);
        free(owner);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    s->conf = c;
    s->host = host;
    bool v5 = sl_str_is(c->version, "5") || c->selector.n; /* of a shared connection only its owner knows */
    if (c->properties && c->properties->n && !v5)
        sl_warn(owner, "mqtt sink: properties are ignored, they need protocolVersion 5");
    else if (c->properties && c->properties->n) {
        sl_mqtt_pair *p = pairs_of(c->properties, s->arena, &s->nusers);
        if (!(s->users = malloc(s->nusers * sizeof *p))) {
            free(owner);
            sink_free(s);
            return sl_err_new(SL_E_NOMEM, "out of memory");
        }
        memcpy(s->users, p, s->nusers * sizeof *p);
    }
    sl_err *e;
    if (c->selector.n)
        e = join_pool(s, c, env, owner);
    else if (!(e = mq_client_new(env->loop, c, env->home, owner, &s->client)) && (e = mq_publisher(s->client, &pub_ops, s, &s->pub)))
        mq_client_close(s->client, NULL, NULL);
    free(owner);
    if (e) {
        sink_free(s);
        return e;
    }
    *out = (sl_sink *)s;
    return NULL;
}
static uint32_t sink_put(sl_sink *x, const sl_message *m, uint32_t n) {
    sink *s = (sink *)x;
    uint32_t i = 0;
    for (; i < n; i++) {
        mq_message k = {.topic = m[i].props && m[i].props[0].p ? m[i].props[0] : s->conf->topic,
                        .payload = m[i].bytes,
                        .qos = (uint8_t)s->conf->qos,
                        .retain = s->conf->retained,
                        .users = s->users,
                        .nusers = s->nusers,
                        .seq = m[i].seq};
        if (m[i].props && m[i].props[1].p && s->nusers) { /* rendered: the object's text */
            sl_json *o;
            sl_arena_reset(s->arena);
            sl_err *e = sl_json_parse(s->arena, m[i].props[1], &o, NULL);
            if (!e)
                e = properties_check(o);
            if (e) {
                sl_str text = sl_str_of(sl_err_text(e));
                s->host->answer(s->host, m[i].seq, m[i].seq, SL_BAD, text);
                sl_err_free(e);
                continue;
            }
            k.users = pairs_of(o, s->arena, &k.nusers);
        }
        if (!(s->remote ? mq_remote_publish(s->remote, &k) : mq_publish(s->pub, &k)))
            break;
    }
    return i;
}
static void sink_flush(sl_sink *x) {
    sink *s = (sink *)x;
    if (s->remote)
        mq_remote_flush(s->remote);
}
static void sink_closed(void *arg) {
    sink *s = arg;
    sl_fn done = s->done;
    void *done_arg = s->done_arg;
    sink_free(s);
    done(done_arg);
}
static void sink_close(sl_sink *x, sl_fn done, void *arg) {
    sink *s = (sink *)x;
    s->done = done;
    s->done_arg = arg;
    if (s->remote) {
        mq_remote_publisher_close(s->remote, sink_closed, s);
        return;
    }
    mq_publisher_close(s->pub);
    if (s->conn) {
        sl_pool_give(s->conn, s->owner);
        sink_closed(s);
    } else
        mq_client_close(s->client, sink_closed, s);
}
static const sl_sink_ops sink_ops = {.check = sink_check, .open = sink_open, .put = sink_put, .flush = sink_flush, .close = sink_close};

/* ---- ping ---- */
typedef struct ping {
    mq_client *client;
    const mq_conf *conf;
    sl_err *e;
    void (*done)(void *arg, sl_err *e);
    void *arg;
    bool over;
} ping;
static void ping_closed(void *arg) {
    ping *p = arg;
    p->done(p->arg, p->e);
    free(p);
}
static void ping_end(void *arg) {
    ping *p = arg;
    mq_client_close(p->client, ping_closed, p);
}
static void ping_state(void *arg, sl_conn_state st, sl_str why) {
    ping *p = arg;
    if (p->over || st == SL_CONN_CONNECTING)
        return;
    p->over = true;
    if (st == SL_CONN_DISCONNECTED)
        p->e = sl_err_new(SL_E_IO, "found error when connecting for %.*s: network Error : %.*s", SL_FMT(p->conf->server), SL_FMT(why));
    ping_end(p);
}
static void mqtt_ping(const void *conf, const sl_conn_env *env, void (*done)(void *arg, sl_err *e), void *arg) {
    ping *p = calloc(1, sizeof *p);
    sl_err *e = p ? mq_client_new(env->loop, conf, env->home, "ping", &p->client) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        free(p);
        done(arg, e);
        return;
    }
    p->conf = conf;
    p->done = done;
    p->arg = arg;
    mq_client_watch(p->client, ping_state, p);
}

const sl_conn_def sl_conn_mqtt = {
    .name = "mqtt",
    .title = "MQTT",
    .doc = "Subscribes to topics of an MQTT 3.1, 3.1.1 or 5 broker, and publishes to them.",
    .props = mq_props,
    .conf_size = sizeof(mq_conf),
    .datasource = "topic filter, or several separated by commas; $share/group/filter shares the messages among subscribers",
    .source = &source_ops,
    .sink = &sink_ops,
    .connection = "mqtt",
    .ping = mqtt_ping,
};
