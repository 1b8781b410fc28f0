/* The MQTT connector against a real mosquitto. The test plays flow's part: it lends source_out and sink_host, runs the loop until what it waits
 * for has happened, and fails after a deadline. */
#include "kit.h"
#include "conn/mqtt_kit.h"
#include "net/mosquitto.h"

static mosquitto broker;
static void sh(const char *fmt, ...) {
    char cmd[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(cmd, sizeof cmd, fmt, ap);
    va_end(ap);
    if (system(cmd) != 0)
        fail_msg("failed: %s", cmd);
}
static void forget(feed *f) { /* what came so far */
    for (size_t i = 0; i < f->got.n; i++)
        free(f->got.at[i]);
    f->got.n = f->pos.n = 0;
}

/* ---- tests ---- */
static void back_and_forth(void **state) {
    static const char *const versions[] = {"3.1", "3.1.1", "5"};
    for (int v = 0; v < 3; v++)
        for (int q = 0; q < 3; q++) {
            feed f;
            drain d;
            feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"%s\",\"qos\":%d}", broker.port, versions[v], q), "t/+/x,other");
            drain_open(&d,
                       conf_of(SL_P_SINK, "{\"server\":\"mqtt://127.0.0.1:%d\",\"protocolVersion\":\"%s\",\"qos\":%d,\"topic\":\"t/1/x\"%s}", broker.port, versions[v], q,
                               v == 2 ? ",\"properties\":{\"k\":\"v\",\"k2\":\"w\"}" : ""));
            WAIT(feed_up, &f);
            WAIT(drain_up, &d);
            assert_true(put(&d, "one", NULL));
            assert_true(put(&d, "", NULL));
            sl_str props[2] = {SL_S("other"), SL_S("{\"a\":\"b\"}")};
            assert_true(put(&d, "three", props));
            want_feed(&f, 3);
            want_drain(&d, 3);
            char want[3][40];
            snprintf(want[0], 40, "t/1/x|%d|one", q);
            snprintf(want[1], 40, "t/1/x|%d|", q);
            snprintf(want[2], 40, "other|%d|three", q);
            for (int i = 0; i < 3; i++)
                assert_string_equal(f.got.at[i], want[i]);
            assert_string_equal(f.props, v == 2 ? "a=b;" : "");
            assert_true(f.drains > 0);
            feed_close(&f);
            drain_close(&d);
        }
}
static void foreign_peer(void **state) {
    feed f;
    sh("mosquitto_pub -p %d -t keep/me -m kept -r -q 1", broker.port);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://localhost:%d\",\"protocolVersion\":\"5\",\"qos\":2}", broker.port), "keep/#,$share/g/sh/+");
    want_feed(&f, 1); /* retained */
    assert_string_equal(f.got.at[0], "keep/me|1|kept");
    WAIT(feed_up, &f);
    sh("mosquitto_pub -p %d -V 5 -t sh/1 -m hello -q 2 -D PUBLISH user-property n1 v1", broker.port);
    want_feed(&f, 2);
    assert_string_equal(f.got.at[1], "sh/1|2|hello");
    assert_string_equal(f.props, "n1=v1;");
    feed_close(&f);
    drain d;
    drain_open(&d, conf_of(SL_P_SINK, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1,\"topic\":\"keep/me\",\"retained\":true}", broker.port));
    WAIT(drain_up, &d);
    assert_true(put(&d, "again", NULL));
    want_drain(&d, 1);
    drain_close(&d);
    sh("test \"$(mosquitto_sub -p %d -t keep/me -C 1 -W 5)\" = again", broker.port);
    sh("mosquitto_pub -p %d -t keep/me -n -r", broker.port);
}
/* What was not committed comes again to the next one with the same session; what was committed does not. */
static void delayed_ack(void **state) {
    for (int q = 1; q <= 2; q++)
        for (int v = 4; v <= 5; v++) {
            mq_conf *c = conf_of(
                SL_P_SOURCE,
                "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"%d\",\"qos\":%d,\"clientid\":\"slow%d%d\",\"enableClientSession\":true,\"clientStatePath\":\"x\"}",
                broker.port, v, q, q, v);
            feed f;
            feed_open(&f, c, "acks");
            WAIT(feed_up, &f);
            for (int i = 1; i <= 4; i++)
                sh("mosquitto_pub -p %d -t acks -q %d -m m%d", broker.port, q, i);
            want_feed(&f, 4);
            sl_conn_mqtt.source->commit(f.src, f.pos.at[1]);
            feed_close(&f);
            feed_open(&f, c, "acks");
            want_feed(&f, 2);
            char want[40];
            snprintf(want, sizeof want, "acks|%d|m3", q);
            assert_string_equal(f.got.at[0], want);
            sl_conn_mqtt.source->commit(f.src, f.pos.at[1]);
            feed_close(&f);
            sh("mosquitto_pub -p %d -t acks -q %d -m marker", broker.port, q); /* nobody is there: the session collects it */
            feed_open(&f, c, "acks");
            want_feed(&f, 1);
            snprintf(want, sizeof want, "acks|%d|marker", q);
            assert_string_equal(f.got.at[0], want);
            sl_conn_mqtt.source->commit(f.src, f.pos.at[0]);
            feed_close(&f);
        }
}
/* A broker that comes back sends again what was not acknowledged; the same source knows it and does not deliver it twice. */
static void known_after_reconnect(void **state) {
    mosquitto m;
    mosquitto_prepare(&m);
    strcat(m.extra, "persistence true\nautosave_interval 1\nautosave_on_changes true\n");
    mosquitto_start(&m);
    mq_conf *c = conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1,\"clientid\":\"again\",\"enableClientSession\":true}", m.port);
    feed f;
    feed_open(&f, c, "acks");
    WAIT(feed_up, &f);
    for (int i = 1; i <= 3; i++)
        sh("mosquitto_pub -p %d -t acks -q 1 -m m%d", m.port, i);
    want_feed(&f, 3);
    mosquitto_stop(&m);
    WAIT(feed_down, &f);
    sl_conn_mqtt.source->commit(f.src, f.pos.at[0]); /* settled while away */
    mosquitto_start(&m);
    WAIT(feed_up, &f);
    sh("mosquitto_pub -p %d -t acks -q 1 -m m4", m.port);
    want_feed(&f, 4);
    assert_string_equal(f.got.at[3], "acks|1|m4");
    sl_conn_mqtt.source->commit(f.src, f.pos.at[3]);
    feed_close(&f);
    sh("mosquitto_pub -p %d -t acks -q 1 -m m5", m.port);
    feed_open(&f, c, "acks");
    want_feed(&f, 1);
    assert_string_equal(f.got.at[0], "acks|1|m5");
    feed_close(&f);
    mosquitto_end(&m);
}
static void broker_away(void **state) {
    mosquitto m;
    mosquitto_prepare(&m);
    feed f;
    drain d;
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1}", m.port), "a");
    drain_open(&d, conf_of(SL_P_SINK, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":1,\"topic\":\"a\"}", m.port));
    assert_false(put(&d, "too early", NULL)); /* the outcome of the first attempt is awaited */
    WAIT(feed_down, &f);
    WAIT(drain_down, &d);
    assert_non_null(strstr(f.why, "connection refused"));
    assert_true(d.readies > 0);
    assert_true(put(&d, "away", NULL));
    assert_int_equal(d.down, 1);
    mosquitto_start(&m);
    WAIT(feed_up, &f);
    WAIT(drain_up, &d);
    assert_true(put(&d, "here", NULL));
    want_feed(&f, 1);
    assert_string_equal(f.got.at[0], "a|1|here");
    want_drain(&d, 1);
    kill(m.pid, SIGSTOP); /* taken and not acknowledged, in a session that does not last: down */
    for (int i = 0; i < 5; i++)
        assert_true(put(&d, "lost", NULL));
    mosquitto_kill(&m, SIGKILL);
    WAIT(drain_down, &d);
    assert_int_equal(d.down, 6);
    WAIT(feed_down, &f);
    mosquitto_start(&m);
    WAIT(feed_up, &f);
    WAIT(drain_up, &d);
    assert_int_equal(f.ups, 2);
    feed_close(&f);
    drain_close(&d);
    mosquitto_end(&m);
}
/* In a lasting session what is in flight is kept and sent again. */
static void in_flight_kept(void **state) {
    for (int q = 1; q <= 2; q++) {
        mosquitto m;
        mosquitto_prepare(&m);
        mosquitto_start(&m);
        feed f;
        drain d;
        drain_open(&d, conf_of(SL_P_SINK, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":%d,\"topic\":\"a\",\"clientid\":\"s\",\"enableClientSession\":true}", m.port, q));
        WAIT(drain_up, &d);
        kill(m.pid, SIGSTOP);
        char text[20];
        const int n = q == 1 ? 50 : 20; /* more of QoS 2 many brokers do not bear */
        for (int i = 0; i < n; i++) {
            snprintf(text, sizeof text, "k%d", i);
            assert_true(put(&d, text, NULL));
        }
        if (q == 2)
            assert_false(put(&d, "one too many", NULL));
        mosquitto_kill(&m, SIGKILL);
        WAIT(drain_down, &d);
        assert_int_equal(d.down, 0);
        assert_int_equal(d.delivered, 0);
        strcat(m.extra, "persistence false\n");
        mosquitto_start(&m);
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":2}", m.port), "a");
        want_drain(&d, (size_t)n);
        drain_close(&d);
        feed_close(&f);
        mosquitto_end(&m);
    }
}
static void window_and_order(void **state) {
    env.lasts = false; /* nobody commits: acknowledged as they are taken */
    for (int q = 0; q < 3; q++) {
        feed f;
        drain d;
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":%d,\"protocolVersion\":\"5\"}", broker.port, q), "flood");
        drain_open(&d, conf_of(SL_P_SINK, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":%d,\"topic\":\"flood\",\"protocolVersion\":\"5\"}", broker.port, q));
        WAIT(feed_up, &f);
        WAIT(drain_up, &d);
        const size_t n = q ? 3000 : 20000;
        size_t full = 0;
        char text[300];
        memset(text, 'x', sizeof text);
        text[299] = 0;
        for (size_t i = 0; i < n;) {
            text[snprintf(text, 20, "%zu ", i)] = ' ';
            if (put(&d, text, NULL))
                i++;
            else {
                full++;
                size_t before = d.delivered;
                d.want = before + 1;
                WAIT(drain_has, &d);
            }
        }
        if (q)
            assert_true(full > 0); /* mosquitto allows 20 */
        want_drain(&d, n);
        if (q) {
            want_feed(&f, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(strtoul(f.got.at[i] + strlen("flood|1|"), NULL, 10), i);
        }
        feed_close(&f);
        drain_close(&d);
    }
    env.lasts = true;
}
static void pause_and_resume(void **state) {
    feed f;
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":0}", broker.port), "p");
    WAIT(feed_up, &f);
    f.pause_at = 10;
    sh("seq 1 1000 | mosquitto_pub -p %d -t p -l", broker.port);
    want_feed(&f, 10);
    assert_false(wait_for(feed_ended, &f, 100)); /* nothing more while paused */
    assert_int_equal(f.got.n, 10);
    f.pause_at = 0;
    sl_conn_mqtt.source->resume(f.src);
    want_feed(&f, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(atoi(f.got.at[i] + 4), i + 1);
    sl_conn_mqtt.source->pause(f.src);
    sh("mosquitto_pub -p %d -t p -m x", broker.port);
    assert_false(wait_for(feed_ended, &f, 100));
    assert_int_equal(f.got.n, 1000);
    sl_conn_mqtt.source->resume(f.src);
    want_feed(&f, 1001);
    feed_close(&f);
}
static void end_message(void **state) {
    feed f;
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"eofMessage\":\"RU9GIQ==\"}", broker.port), "e");
    WAIT(feed_up, &f);
    sh("printf 'a\\nEOF!\\n' | mosquitto_pub -p %d -t e -l", broker.port);
    WAIT(feed_ended, &f);
    assert_int_equal(f.got.n, 1);
    feed_close(&f);
}
static void wrong_password(void **state) {
    mosquitto m;
    mosquitto_prepare(&m);
    sh("mosquitto_passwd -b -c %s/pw joe secret 2>/dev/null", m.dir);
    snprintf(m.extra, sizeof m.extra, "allow_anonymous false\npassword_file %s/pw\n", m.dir);
    mosquitto_start(&m);
    for (int v = 4; v <= 5; v++) {
        feed f;
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"%d\",\"username\":\"joe\",\"password\":\"no\"}", m.port, v), "a");
        WAIT(feed_down, &f);
        assert_non_null(strstr(f.why, "not authorized"));
        feed_close(&f);
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"protocolVersion\":\"%d\",\"username\":\"joe\",\"password\":\"secret\"}", m.port, v), "a");
        WAIT(feed_up, &f);
        feed_close(&f);
    }
    mosquitto_end(&m);
}
static void over_tls(void **state) {
    mosquitto m;
    mosquitto_prepare(&m);
    const char *d = m.dir;
    sh("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=testca 2>/dev/null && "
       "for n in server client; do openssl req -newkey rsa:2048 -nodes -keyout $n.key -out $n.csr -subj /CN=$n 2>/dev/null && "
       "printf 'subjectAltName=IP:127.0.0.1' > ext && openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $n.crt -days 2 -extfile ext 2>/dev/null; done",
       d);
    snprintf(m.extra, sizeof m.extra, "allow_anonymous true\ncafile %s/ca.crt\ncertfile %s/server.crt\nkeyfile %s/server.key\nrequire_certificate true\n", d, d, d);
    mosquitto_start(&m);
    env.home = d;
    feed f;
    drain k;
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ssl://127.0.0.1:%d\",\"qos\":1,\"certificationPath\":\"client.crt\",\"privateKeyPath\":\"client.key\"}", m.port), "a");
    WAIT(feed_down, &f); /* the system's CAs do not know it */
    assert_non_null(strstr(f.why, "certificate verify failed"));
    feed_close(&f);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ssl://127.0.0.1:%d\",\"rootCaPath\":\"ca.crt\",\"certificationPath\":\"nosuch.crt\"}", m.port), "a");
    WAIT(feed_down, &f);
    assert_non_null(strstr(f.why, "nosuch.crt cannot be read"));
    feed_close(&f);
    feed_open(&f,
              conf_of(SL_P_SOURCE,
                      "{\"server\":\"ssl://"
                      "127.0.0.1:%d\",\"qos\":1,\"rootCaPath\":\"ca.crt\",\"certificationPath\":\"client.crt\",\"privateKeyPath\":\"client.key\",\"tlsMinVersion\":\"tls1.3\"}",
                      m.port),
              "a");
    drain_open(
        &k,
        conf_of(
            SL_P_SINK,
            "{\"server\":\"mqtts://127.0.0.1:%d\",\"qos\":1,\"topic\":\"a\",\"insecureSkipVerify\":true,\"certificationPath\":\"%s/client.crt\",\"privateKeyPath\":\"client.key\"}",
            m.port, d));
    WAIT(feed_up, &f);
    WAIT(drain_up, &k);
    char *big = malloc(300001);
    memset(big, 'y', 300000);
    big[300000] = 0;
    for (int i = 0; i < 5; i++)
        assert_true(put(&k, big, NULL));
    want_feed(&f, 5);
    want_drain(&k, 5);
    assert_int_equal(strlen(f.got.at[4]), 300004);
    free(big);
    forget(&f);
    feed_close(&f);
    drain_close(&k);
    env.home = NULL;
    mosquitto_end(&m);
}
/* ws:// and wss://: everything as over a stream. */
static void over_websocket(void **state) {
    mosquitto m;
    mosquitto_prepare(&m);
    env.lasts = false;
    int plain = free_port(), secure = free_port();
    snprintf(m.extra, sizeof m.extra,
             "allow_anonymous true\nlistener %d 127.0.0.1\nprotocol websockets\nlistener %d 127.0.0.1\nprotocol websockets\ncertfile " SL_TESTS
             "/net/tls/server.pem\nkeyfile " SL_TESTS "/net/tls/server.key\n",
             plain, secure);
    mosquitto_start(&m);
    feed f, g;
    drain d, e;
    for (int v = 4; v <= 5; v++) {
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ws://127.0.0.1:%d\",\"protocolVersion\":\"%d\",\"qos\":2}", plain, v), "v");
        feed_open(&g, conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\",\"qos\":2}", m.port), "w,v");
        drain_open(&d,
                   conf_of(SL_P_SINK,
                           "{\"server\":\"wss://127.0.0.1:%d/mqtt\",\"protocolVersion\":\"%d\",\"qos\":%d,\"topic\":\"w\",\"rootCaPath\":\"" SL_TESTS "/net/tls/server.pem\"}",
                           secure, v, v - 3));
        drain_open(&e, conf_of(SL_P_SINK, "{\"server\":\"ws://127.0.0.1:%d/\",\"topic\":\"w\"}", plain));
        WAIT(feed_up, &f);
        WAIT(feed_up, &g);
        WAIT(drain_up, &d);
        WAIT(drain_up, &e);
        f.pause_at = 3;
        char *big = malloc(100001);
        memset(big, 'z', 100000);
        big[100000] = 0;
        assert_true(put(&d, "small", NULL));
        for (int i = 0; i < 4; i++) {
            assert_true(put(&d, big, NULL));
            want_drain(&d, (size_t)i + 2);
            while (!put(&e, big, NULL)) { /* more waits than the socket takes: told when it goes on */
                e.want = e.delivered + 1;
                WAIT(drain_has, &e);
            }
        }
        want_drain(&e, 4);
        want_feed(&g, 9);
        sh("seq 1 60 | mosquitto_pub -p %d -t v -q 1 -l", m.port);
        want_feed(&g, 69);
        assert_int_equal(f.got.n, 3);
        f.pause_at = 0;
        sl_conn_mqtt.source->resume(f.src);
        want_feed(&f, 60);
        for (int i = 0; i < 60; i++)
            assert_int_equal(atoi(f.got.at[i] + 4), i + 1);
        sl_str to[2] = {SL_S("v"), SL_S("{}")};
        assert_true(put(&d, big, to)); /* several large ones at once are more than mosquitto 2.0 gets through a WebSocket */
        want_feed(&f, 61);
        assert_int_equal(strlen(f.got.at[60]), 100004);
        assert_true(f.drains > 0);
        free(big);
        feed_close(&f);
        feed_close(&g);
        drain_close(&d);
        drain_close(&e);
    }
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ws://127.0.0.1:%d\",\"qos\":1}", plain), "w");
    WAIT(feed_up, &f);
    mosquitto_kill(&m, SIGKILL);
    WAIT(feed_down, &f);
    mosquitto_start(&m);
    WAIT(feed_up, &f);
    sh("mosquitto_pub -p %d -t w -q 1 -m back", m.port);
    want_feed(&f, 1);
    feed_close(&f);
    mosquitto_end(&m);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ws://127.0.0.1:%d\"}", plain), "w");
    WAIT(feed_down, &f);
    assert_non_null(strstr(f.why, "connection refused"));
    feed_close(&f);
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"server\":\"ws://127.0.0.1:%d\"}", broker.port), "w"); /* speaks no HTTP */
    WAIT(feed_down, &f);
    feed_close(&f);
    env.lasts = true;
}
static bool pool_up(void *arg) {
    sl_conn_state s;
    char why[100];
    return sl_pool_status(sl_str_of(arg), &s, why, sizeof why) && s == SL_CONN_CONNECTED;
}
static void tick(void *arg) {
    poke();
    sl_timer_in(*(sl_timer **)arg, 5);
}
static void shared(void **state) {
    sl_arena *a = sl_arena_new(0);
    sl_json *props = sl_json_obj(a);
    char server[60], why[100];
    snprintf(server, sizeof server, "tcp://127.0.0.1:%d", broker.port);
    sl_json_set(a, props, "server", sl_json_str(a, sl_str_of(server)));
    sl_json_set(a, props, "protocolVersion", sl_json_str(a, SL_S("5")));
    assert_null(sl_pool_define(SL_S("c1"), SL_S("mqtt"), props));
    assert_null(sl_pool_define(SL_S("broken"), SL_S("mqtt"), NULL));
    sl_timer *t = sl_timer_real(loop, tick, &t);
    sl_timer_in(t, 1);
    WAIT(pool_up, (void *)"c1"); /* before anybody uses it */
    feed f, g, bad;
    drain d, e;
    env.lasts = false;
    feed_open(&f, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c1\",\"qos\":1}"), "s/#");
    env.lasts = true;
    feed_open(&g, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"mqtt.c1\",\"qos\":1}"), "s/2");
    feed_open(&bad, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"broken\"}"), "s");
    drain_open(&d, conf_of(SL_P_SINK, "{\"connectionSelector\":\"c1\",\"qos\":1,\"topic\":\"s/1\"}"));
    drain_open(&e, conf_of(SL_P_SINK, "{\"connectionSelector\":\"c1\",\"qos\":0,\"topic\":\"s/2\",\"properties\":{\"p\":\"q\"}}"));
    WAIT(feed_up, &f);
    WAIT(feed_up, &g);
    WAIT(drain_up, &d);
    WAIT(drain_up, &e);
    WAIT(feed_err, &bad);
    assert_string_equal(bad.last_error, "missing server property");
    f.pause_at = 5; /* one slow user does not stop the other */
    size_t sent = 0;
    for (int i = 0; i < 2000;) {
        if (put(&d, "1", NULL) && put(&e, "2", NULL))
            i++;
        else {
            sent = d.delivered + e.delivered;
            d.want = sent - e.delivered + 1;
            WAIT(drain_has, &d);
        }
    }
    want_drain(&d, d.next);
    want_drain(&e, e.next);
    want_feed(&g, e.next);
    assert_string_equal(g.props, "p=q;");
    assert_int_equal(f.got.n, 5);
    f.pause_at = 0;
    sl_conn_mqtt.source->resume(f.src);
    want_feed(&f, d.next + e.next);
    sl_err *err = sl_pool_undefine(SL_S("c1"));
    assert_string_equal(sl_err_text(err), "connection c1 can't be dropped due to rule references [rule1/op]");
    sl_err_free(err);
    sl_json *back;
    sl_str type;
    assert_true(sl_pool_props(SL_S("c1"), a, &back, &type));
    assert_true(sl_str_is(sl_json_text(sl_json_get(back, "server"), SL_S("")), server));
    feed_close(&f);
    feed_close(&g);
    feed_close(&bad);
    drain_close(&d);
    drain_close(&e);
    assert_null(sl_pool_undefine(SL_S("c1")));
    assert_null(sl_pool_undefine(SL_S("nosuch")));
    sl_conn_state st;
    assert_false(sl_pool_status(SL_S("c1"), &st, why, sizeof why));
    sl_source *src;
    err = sl_conn_mqtt.source->open(conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c1\"}"), SL_S("s"), &env, &f.o, SL_S(""), &src);
    assert_string_equal(sl_err_text(err), "connection c1 not existed");
    sl_err_free(err);
    sl_timer_free(t);
    sl_pool_stop();
    sl_arena_free(a);
}
/* Two streams with one topic on one connection: one SUBSCRIBE, so that retained messages do not come twice to the first. */
static void one_subscription(void **state) {
    sl_arena *a = sl_arena_new(0);
    for (int v = 4; v <= 5; v++) {
        sl_json *props = sl_json_obj(a);
        char server[60];
        snprintf(server, sizeof server, "tcp://127.0.0.1:%d", broker.port);
        sl_json_set(a, props, "server", sl_json_str(a, sl_str_of(server)));
        sl_json_set(a, props, "protocolVersion", sl_json_str(a, v == 5 ? SL_S("5") : SL_S("4")));
        assert_null(sl_pool_define(SL_S("c"), SL_S("mqtt"), props));
        sh("mosquitto_pub -p %d -t one/kept -m kept -r -q 1", broker.port);
        feed f, g, h;
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c\",\"qos\":1}"), "one/kept,one/kept");
        want_feed(&f, 1);
        WAIT(feed_up, &f);
        feed_open(&g, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c\"}"), "one/kept");
        WAIT(feed_up, &g);
        feed_open(&h, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c\",\"qos\":1}"), "one/other,one/kept");
        WAIT(feed_up, &h);
        sh("mosquitto_pub -p %d -t one/kept -m live -q 1", broker.port);
        want_feed(&f, 2);
        want_feed(&g, 1);
        want_feed(&h, 1);
        assert_string_equal(f.got.at[1], "one/kept|1|live");
        assert_string_equal(g.got.at[0], "one/kept|1|live");
        feed_close(&f); /* the others go on */
        sh("mosquitto_pub -p %d -t one/kept -m more -q 1", broker.port);
        want_feed(&g, 2);
        want_feed(&h, 2);
        feed_close(&g);
        feed_close(&h);
        feed_open(&f, conf_of(SL_P_SOURCE, "{\"connectionSelector\":\"c\"}"), "one/kept"); /* nobody had it: subscribed anew */
        want_feed(&f, 1);
        feed_close(&f);
        assert_null(sl_pool_undefine(SL_S("c")));
        sl_pool_stop();
    }
    sl_arena_free(a);
    sh("mosquitto_pub -p %d -t one/kept -n -r", broker.port);
}
static sl_err *ping_err;
static bool pinged;
static bool ping_done(void *arg) { return pinged; }
static void on_ping(void *arg, sl_err *e) {
    pinged = true;
    ping_err = e;
    poke();
}
static void ping(void **state) {
    pinged = false;
    sl_conn_mqtt.ping(conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\"}", broker.port), &env, on_ping, NULL);
    WAIT(ping_done, NULL);
    assert_null(ping_err);
    pinged = false;
    sl_conn_mqtt.ping(conf_of(SL_P_SOURCE, "{\"server\":\"tcp://127.0.0.1:%d\"}", free_port()), &env, on_ping, NULL);
    WAIT(ping_done, NULL);
    assert_non_null(strstr(sl_err_text(ping_err), "connection refused"));
    sl_err_free(ping_err);
}
static void refusals(void **state) {
    static const struct {
        int where;
        const char *conf, *topic, *why;
    } t[] = {
        {SL_P_SOURCE, "{}", "a", "missing server property"},
        {SL_P_SOURCE, "{\"server\":\"tcp://h:1\"}", "", "topic is required"},
        {SL_P_SOURCE, "{\"server\":\"tcp://h:1\",\"protocolVersion\":\"6\"}", "a", "unsupported protocol version 6"},
        {SL_P_SOURCE, "{\"server\":\"tcp://h:1\",\"protocolVersion\":\"5\",\"enableClientSession\":true}", "a", "missing client state path"},
        {SL_P_SOURCE, "{\"server\":\"gopher://h:1\"}", "a", "scheme gopher is not known"},
        {SL_P_SOURCE, "{\"server\":\"tcp://h:99999\"}", "a", "port must be a number"},
        {SL_P_SOURCE, "{\"server\":\"ws:///mqtt\"}", "a", "host name is missing"},
        {SL_P_SINK, "{\"server\":\"tcp://h:1\"}", "", "mqtt sink is missing property topic"},
        {SL_P_SINK, "{\"server\":\"tcp://h:1\",\"topic\":\"a/#\"}", "", "mqtt sink topic shouldn't contain # or +"},
        {SL_P_SINK, "{\"server\":\"tcp://h:1\",\"topic\":\"a\",\"qos\":3}", "", "invalid qos value 3"},
        {SL_P_SINK, "{\"server\":\"tcp://h:1\",\"topic\":\"a\",\"properties\":{\"a\":1}}", "", "'a' must be a text"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        mq_conf *c = conf_of(t[i].where, "%s", t[i].conf);
        sl_err *e = t[i].where == SL_P_SOURCE ? sl_conn_mqtt.source->check(c, sl_str_of(t[i].topic)) : sl_conn_mqtt.sink->check(c);
        if (!e || !strstr(sl_err_text(e), t[i].why))
            fail_msg("case %zu: %s", i, sl_err_text(e));
        sl_err_free(e);
    }
    assert_null(sl_spec_lint("mqtt", sl_conn_mqtt.props, sl_conn_mqtt.conf_size));
}
static int setup(void **state) {
    signal(SIGPIPE, SIG_IGN);
    mosquitto_prepare(&broker);
    mosquitto_start(&broker);
    confs = sl_arena_new(0);
    loop = sl_loop_new("test");
    env = (sl_conn_env){.loop = loop, .rule_id = "rule1", .op_name = "op", .lasts = true};
    return 0;
}
static int teardown(void **state) {
    mosquitto_end(&broker);
    sl_loop_free(loop);
    sl_arena_free(confs);
    return 0;
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),       cmocka_unit_test(back_and_forth),        cmocka_unit_test(foreign_peer),
        cmocka_unit_test(delayed_ack),    cmocka_unit_test(known_after_reconnect), cmocka_unit_test(broker_away),
        cmocka_unit_test(in_flight_kept), cmocka_unit_test(window_and_order),      cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(end_message),    cmocka_unit_test(wrong_password),        cmocka_unit_test(over_tls),
        cmocka_unit_test(shared),         cmocka_unit_test(over_websocket),        cmocka_unit_test(one_subscription),
        cmocka_unit_test(ping),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
