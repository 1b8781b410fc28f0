/* The MQTT connector against a scripted broker: acknowledgements in order and only when settled, reasons, limits, aliases, faults of the peer.
 * The script runs on a thread with a blocking socket; what goes wrong there is kept as text and fails the test at its end. */
#include "kit.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conn/mqtt_kit.h"

typedef struct peer {
    int lfd, fd, port, version;
    sl_mqtt_reader in;
    char buf[65536];
    char wrong[300];
    void (*script)(struct peer *p);
    sl_thread *thread;
} peer;
#define WRONG(...)                                                                                                                                                                 \
    do {                                                                                                                                                                           \
        if (!p->wrong[0])                                                                                                                                                          \
            snprintf(p->wrong, sizeof p->wrong, __VA_ARGS__);                                                                                                                      \
    } while (0)
static void p_send(peer *p, sl_str bytes) {
    while (bytes.n && !p->wrong[0]) {
        ssize_t n = send(p->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0) {
            WRONG("send failed");
            return;
        }
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
}
static void p_put(peer *p, const sl_mqtt_packet *k) {
    sl_buf b = {0};
    const char *bad = sl_mqtt_put(&b, p->version, k);
    if (bad)
        WRONG("%s", bad);
    else
        p_send(p, sl_buf_view(&b));
    sl_buf_free(&b);
}
/* Next packet, PINGREQ answered on the way unless it is what is wanted. type 0: the peer closes. */
static sl_mqtt_packet p_expect(peer *p, uint8_t type, uint16_t id) {
    sl_mqtt_packet k;
    memset(&k, 0, sizeof k);
    while (!p->wrong[0]) {
        int rc = sl_mqtt_next(&p->in, &k);
        if (rc < 0)
            WRONG("client: %s", p->in.why);
        else if (rc > 0) {
            if (k.type == SL_MQTT_PINGREQ && type != SL_MQTT_PINGREQ) {
                p_send(p, SL_S("\xD0\x00"));
                continue;
            }
            if (k.type != type || (id && k.id != id))
                WRONG("packet type %d id %d came, type %d id %d was wanted", k.type, k.id, type, id);
            return k;
        } else {
            struct pollfd f = {.fd = p->fd, .events = POLLIN};
            ssize_t n = poll(&f, 1, 10000) == 1 ? recv(p->fd, p->buf, sizeof p->buf, 0) : -2;
            if (n <= 0) {
                if (type || n == -2)
                    WRONG("%s while type %d id %d was wanted", n == -2 ? "silence" : "the end", type, id);
                return k;
            }
            sl_mqtt_feed(&p->in, sl_str_n(p->buf, (size_t)n));
        }
    }
    return k;
}
static void p_accept(peer *p) {
    struct pollfd f = {.fd = p->lfd, .events = POLLIN};
    sl_mqtt_reader_free(&p->in);
    memset(&p->in, 0, sizeof p->in);
    p->in.version = 4;
    p->in.server = true;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = poll(&f, 1, 10000) == 1 ? accept(p->lfd, NULL, NULL) : -1;
    if (p->fd < 0)
        WRONG("nobody connected");
}
static sl_mqtt_packet ack(bool present) {
    sl_mqtt_packet k;
    memset(&k, 0, sizeof k);
    k.type = SL_MQTT_CONNACK;
    k.session_present = present;
    return k;
}
static void p_greet(peer *p, const sl_mqtt_packet *connack) {
    p_accept(p);
    p_expect(p, SL_MQTT_CONNECT, 0);
    p->version = p->in.version;
    sl_mqtt_packet k = ack(false);
    p_put(p, connack ? connack : &k);
}
static void p_suback(peer *p) {
    sl_mqtt_packet k = p_expect(p, SL_MQTT_SUBSCRIBE, 0), r;
    memset(&r, 0, sizeof r);
    r.type = SL_MQTT_SUBACK;
    r.id = k.id;
    r.list = SL_S("\2");
    p_put(p, &r);
}
static void p_publish(peer *p, const char *topic, const char *payload, uint8_t qos, uint16_t id, bool dup, uint16_t alias) {
    sl_mqtt_packet k;
    memset(&k, 0, sizeof k);
    k.type = SL_MQTT_PUBLISH;
    k.topic = sl_str_of(topic);
    k.payload = sl_str_of(payload);
    k.qos = qos;
    k.id = id;
    k.dup = dup;
    if (alias) {
        k.props.have = 1ull << SL_MQTT_P_ALIAS;
        k.props.num[SL_MQTT_P_ALIAS] = alias;
    }
    p_put(p, &k);
}
static void p_ack(peer *p, uint8_t type, uint16_t id, uint8_t reason) {
    sl_mqtt_packet k;
    memset(&k, 0, sizeof k);
    k.type = type;
    k.id = id;
    k.reason = reason;
    p_put(p, &k);
}
static void p_run(void *arg) {
    peer *p = arg;
    p->script(p);
}
static void peer_start(peer *p, void (*script)(peer *)) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    memset(p, 0, sizeof *p);
    p->fd = -1;
    p->script = script;
    p->lfd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->lfd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->lfd, 5), 0);
    assert_int_equal(getsockname(p->lfd, (struct sockaddr *)&a, &n), 0);
    p->port = ntohs(a.sin_port);
    assert_null(sl_thread_start("broker", p_run, p, &p->thread));
}
static void peer_end(peer *p) {
    sl_thread_join(p->thread);
    close(p->lfd);
    if (p->fd >= 0)
        close(p->fd);
    sl_mqtt_reader_free(&p->in);
    if (p->wrong[0])
        fail_msg("broker: %s", p->wrong);
}
#define COMMIT(f, i) sl_conn_mqtt.source->commit((f)->src, (f)->pos.at[i])

/* ---- acknowledging ---- */
static void script_order(peer *p) {
    p_greet(p, NULL);
    p_suback(p);
    p_publish(p, "t", "m1", 1, 5, false, 0);
    p_publish(p, "t", "m2", 1, 6, false, 0);
    p_publish(p, "t", "m3", 0, 0, false, 0);
    p_publish(p, "t", "m4", 1, 9, false, 0);
    p_expect(p, SL_MQTT_PUBACK, 5);
    p_publish(p, "t", "go on", 0, 0, false, 0);
    p_expect(p, SL_MQTT_PUBACK, 6);
    p_publish(p, "t", "end", 0, 0, false, 0);
    p_expect(p, SL_MQTT_DISCONNECT, 0); /* and not PUBACK 9 */
}
static void acks_in_order(void **state) {
    peer p;
    feed f;
    peer_start(&p, script_order);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1}", p.port), "t");
    want_feed(&f, 4);
    COMMIT(&f, 0);
    want_feed(&f, 5);
    COMMIT(&f, 2); /* the QoS 0 one behind m2 */
    want_feed(&f, 6);
    feed_close(&f);
    peer_end(&p);
}
static void script_qos2(peer *p) {
    p_greet(p, NULL);
    p_suback(p);
    p_publish(p, "t", "once", 2, 7, false, 0);
    p_publish(p, "t", "once", 2, 7, true, 0); /* not settled yet: not delivered again, not acknowledged */
    p_publish(p, "t", "go", 0, 0, false, 0);
    p_expect(p, SL_MQTT_PUBREC, 7);
    p_publish(p, "t", "once", 2, 7, true, 0);
    p_expect(p, SL_MQTT_PUBREC, 7);
    p_ack(p, SL_MQTT_PUBREL, 7, 0);
    p_expect(p, SL_MQTT_PUBCOMP, 7);
    p_ack(p, SL_MQTT_PUBREL, 7, 0); /* again, for a lost PUBCOMP */
    p_expect(p, SL_MQTT_PUBCOMP, 7);
    p_publish(p, "t", "twice", 2, 7, false, 0); /* the identifier is free again */
    p_expect(p, SL_MQTT_DISCONNECT, 0);
}
static void exactly_once(void **state) {
    peer p;
    feed f;
    peer_start(&p, script_qos2);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":2}", p.port), "t");
    want_feed(&f, 2);
    assert_string_equal(f.got.at[1], "t|0|go");
    COMMIT(&f, 1);
    want_feed(&f, 3);
    assert_string_equal(f.got.at[2], "t|2|twice");
    feed_close(&f);
    peer_end(&p);
}
/* The session lasts: what was settled while the broker was away is acknowledged when it is sent again. */
static void script_again(peer *p) {
    p_greet(p, NULL);
    p_suback(p);
    for (uint16_t i = 1; i <= 3; i++)
        p_publish(p, "t", "m", 1, i, false, 0);
    p_expect(p, SL_MQTT_PUBACK, 1);
    sl_mqtt_packet k = ack(true);
    p_greet(p, &k); /* closes the first connection */
    p_publish(p, "t", "m", 1, 2, true, 0);
    p_publish(p, "t", "m", 1, 3, true, 0);
    p_suback(p);
    p_expect(p, SL_MQTT_PUBACK, 2);
    p_publish(p, "t", "new", 1, 1, false, 0);
    p_expect(p, SL_MQTT_PUBACK, 3);
    p_expect(p, SL_MQTT_PUBACK, 1);
    p_expect(p, SL_MQTT_DISCONNECT, 0);
}
static void known_when_repeated(void **state) {
    peer p;
    feed f;
    peer_start(&p, script_again);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1,\"enableClientSession\":true,\"clientid\":\"x\"}", p.port), "t");
    want_feed(&f, 3);
    COMMIT(&f, 0);
    WAIT(feed_down, &f);
    COMMIT(&f, 1);
    want_feed(&f, 4); /* m2 and m3 were known */
    COMMIT(&f, 3);
    /* the script ends only after it saw the acknowledgements in this order */
    WAIT(feed_up, &f);
    feed_close(&f);
    peer_end(&p);
}

/* ---- limits and reasons ---- */
static void script_reasons(peer *p) {
    sl_mqtt_packet k = ack(false);
    k.props.have = 1ull << SL_MQTT_P_RECEIVE_MAX | 1ull << SL_MQTT_P_MAX_PACKET;
    k.props.num[SL_MQTT_P_RECEIVE_MAX] = 3;
    k.props.num[SL_MQTT_P_MAX_PACKET] = 60;
    p_greet(p, &k);
    static const uint8_t reasons[] = {0x10, 0x87, 0x97};
    uint16_t ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = p_expect(p, SL_MQTT_PUBLISH, 0).id;
    for (int i = 0; i < 3; i++)
        p_ack(p, SL_MQTT_PUBACK, ids[i], reasons[i]);
    p_ack(p, SL_MQTT_PUBACK, p_expect(p, SL_MQTT_PUBLISH, 0).id, 0);
    p_expect(p, SL_MQTT_DISCONNECT, 0);
}
static bool drain_ready(void *arg) { return ((drain *)arg)->readies > 0 && ((drain *)arg)->later > 0; }
static void reasons_and_limits(void **state) {
    peer p;
    drain d;
    peer_start(&p, script_reasons);
    drain_open(&d, conf_of(SL_P_SINK, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"5\",\"qos\":1,\"topic\":\"t\"}", p.port));
    WAIT(drain_up, &d);
    assert_true(put(&d, "this message is larger than the sixty bytes that the broker is willing to take", NULL));
    assert_int_equal(d.bad, 1);
    assert_non_null(strstr(d.answer_why, "maximum packet size"));
    for (int i = 0; i < 3; i++)
        assert_true(put(&d, "x", NULL));
    assert_false(put(&d, "x", NULL)); /* receive maximum */
    d.readies = 0;
    WAIT(drain_ready, &d);
    assert_int_equal(d.delivered, 1);
    assert_int_equal(d.bad, 2);
    assert_int_equal(d.later, 1);
    assert_true(put(&d, "x", NULL));
    want_drain(&d, 2);
    drain_close(&d);
    peer_end(&p);
}
static void script_alias(peer *p) {
    p_greet(p, NULL);
    p_suback(p);
    p_publish(p, "t/long/name", "1", 0, 0, false, 3);
    p_publish(p, "", "2", 0, 0, false, 3);
    p_publish(p, "t/other", "3", 0, 0, false, 3);
    p_publish(p, "", "4", 0, 0, false, 3);
    p_publish(p, "", "5", 0, 0, false, 4); /* never defined */
    p_expect(p, 0, 0);
    p_greet(p, NULL);
    p_suback(p);
    p_publish(p, "", "6", 0, 0, false, 3); /* aliases end with the connection */
    p_expect(p, 0, 0);
    p_greet(p, NULL);
    p_suback(p);
    p_send(p, SL_S("\xF7\x01 garbage"));
    p_expect(p, 0, 0);
    p_greet(p, NULL);
    p_suback(p);
    p_ack(p, SL_MQTT_DISCONNECT, 0, 0x8B);
    p_expect(p, 0, 0);
    p_accept(p);
    p_send(p, SL_S("HTTP/1.1 400 Bad Request\r\n\r\n"));
    p_expect(p, SL_MQTT_CONNECT, 0);
    p_expect(p, 0, 0);
}
static void faults_of_the_peer(void **state) {
    peer p;
    feed f;
    peer_start(&p, script_alias);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"5\"}", p.port), "t/#");
    want_feed(&f, 4);
    assert_string_equal(f.got.at[1], "t/long/name|0|2");
    assert_string_equal(f.got.at[3], "t/other|0|4");
    static const char *const why[] = {"never defined", "never defined", "malformed packet", "server shutting down", "does not greet"};
    for (int i = 0; i < 5; i++) {
        WAIT(feed_down, &f);
        if (!strstr(f.why, why[i]))
            fail_msg("fault %d: %s", i, f.why);
        f.state = -1;
        if (i < 3)
            WAIT(feed_up, &f);
    }
    feed_close(&f);
    peer_end(&p);
}
static void script_silent(peer *p) {
    sl_mqtt_packet k = ack(false);
    k.props.have = 1ull << SL_MQTT_P_SERVER_KEEPALIVE;
    k.props.num[SL_MQTT_P_SERVER_KEEPALIVE] = 1;
    p_greet(p, &k);
    p_suback(p);
    p_expect(p, SL_MQTT_PINGREQ, 0);
    p_send(p, SL_S("\xD0\x00"));
    p_expect(p, SL_MQTT_PINGREQ, 0); /* and no answer from now on */
    p_expect(p, SL_MQTT_PINGREQ, 0);
    p_expect(p, SL_MQTT_PINGREQ, 0);
    p_expect(p, 0, 0);
}
static void keep_alive(void **state) {
    peer p;
    feed f;
    peer_start(&p, script_silent);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"5\"}", p.port), "t");
    WAIT(feed_up, &f);
    WAIT(feed_down, &f);
    assert_non_null(strstr(f.why, "keep-alive"));
    feed_close(&f);
    peer_end(&p);
}
static int setup(void **state) {
    signal(SIGPIPE, SIG_IGN);
    confs = sl_arena_new(0);
    loop = sl_loop_new("test");
    env = (sl_conn_env){.loop = loop, .rule_id = "rule1", .op_name = "op", .lasts = true};
    return 0;
}
static int teardown(void **state) {
    sl_loop_free(loop);
    sl_arena_free(confs);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acks_in_order),      cmocka_unit_test(exactly_once),       cmocka_unit_test(known_when_repeated),
        cmocka_unit_test(reasons_and_limits), cmocka_unit_test(faults_of_the_peer), cmocka_unit_test(keep_alive),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
