/* The MQTT codec: every packet survives a round trip in 3.1.1 and 5, framing does not care where the transport cuts, and hostile bytes
 * end as an error text. */
#include "kit.h"
#include "net/mqtt.h"

static sl_mqtt_packet blank(uint8_t type) {
    sl_mqtt_packet p;
    memset(&p, 0, sizeof p);
    p.type = type;
    return p;
}
static void num(sl_mqtt_packet *p, int id, uint32_t v) {
    p->props.have |= 1ull << id;
    p->props.num[id] = v;
}
static void txt(sl_mqtt_packet *p, int id, const char *v) {
    p->props.have |= 1ull << id;
    p->props.text[id] = sl_str_of(v);
}
static const sl_mqtt_pair pairs[] = {{{"a", 1}, {"1", 1}}, {{"", 0}, {"x", 1}}, {{"a", 1}, {"\xC3\xA4", 2}}};
static const sl_mqtt_filter filters[] = {{{"a/b", 3}, 0}, {{"a/+/#", 5}, 1}, {{"$share/g/x", 10}, 2}};
static void pairs_on(sl_mqtt_packet *p) {
    p->props.have |= 1ull << SL_MQTT_P_USER;
    p->props.users = pairs;
    p->props.nusers = 3;
}
/* All packets with all their parts; returns how many. */
static size_t samples(int v, sl_mqtt_packet *o) {
    size_t n = 0;
    bool v5 = v == 5;
    sl_mqtt_packet p = blank(SL_MQTT_CONNECT);
    p.version = (uint8_t)v;
    p.clean = true;
    p.keepalive = 300;
    p.client_id = SL_S("me");
    p.has_user = p.has_password = p.has_will = true;
    p.user = SL_S("u");
    p.password = SL_S("p\0w");
    p.will_topic = SL_S("w/t");
    p.will_payload = SL_S("gone");
    p.will_qos = 1;
    p.will_retain = true;
    if (v5)
        num(&p, SL_MQTT_P_SESSION_EXPIRY, 60), num(&p, SL_MQTT_P_RECEIVE_MAX, 20), num(&p, SL_MQTT_P_WANT_PROBLEM, 1), txt(&p, SL_MQTT_P_AUTH_METHOD, "m");
    o[n++] = p;
    p = blank(SL_MQTT_CONNACK);
    p.session_present = true;
    p.reason = 5;
    if (v5) {
        num(&p, SL_MQTT_P_RECEIVE_MAX, 20), num(&p, SL_MQTT_P_MAX_PACKET, 70000), num(&p, SL_MQTT_P_SERVER_KEEPALIVE, 9), num(&p, SL_MQTT_P_ALIAS_MAX, 10);
        num(&p, SL_MQTT_P_MAX_QOS, 1), num(&p, SL_MQTT_P_RETAIN_OK, 0), txt(&p, SL_MQTT_P_ASSIGNED_ID, "auto"), txt(&p, SL_MQTT_P_REASON, "why"), pairs_on(&p);
    }
    o[n++] = p;
    for (uint8_t q = 0; q < 3; q++) {
        p = blank(SL_MQTT_PUBLISH);
        p.qos = q;
        p.dup = q == 2;
        p.retain = q == 1;
        p.id = q ? 0x1234 : 0;
        p.topic = SL_S("some/topic/\xC3\xA4");
        p.payload = q == 2 ? SL_S("") : SL_S("{\"a\":1}");
        if (v5 && q) {
            num(&p, SL_MQTT_P_ALIAS, 3), num(&p, SL_MQTT_P_SUB_ID, 200000), num(&p, SL_MQTT_P_MESSAGE_EXPIRY, 77), num(&p, SL_MQTT_P_PAYLOAD_UTF8, 1);
            txt(&p, SL_MQTT_P_CONTENT_TYPE, "json"), txt(&p, SL_MQTT_P_CORRELATION, "\xFF\x01"), txt(&p, SL_MQTT_P_RESPONSE_TOPIC, "r/t"), pairs_on(&p);
        }
        o[n++] = p;
    }
    for (uint8_t t = SL_MQTT_PUBACK; t <= SL_MQTT_PUBCOMP; t++) {
        p = blank(t);
        p.id = 7;
        o[n++] = p;
        if (v5) {
            p.reason = 0x92;
            o[n++] = p;
            txt(&p, SL_MQTT_P_REASON, "no such"), pairs_on(&p);
            o[n++] = p;
        }
    }
    for (uint8_t t = SL_MQTT_SUBSCRIBE; t <= SL_MQTT_UNSUBSCRIBE; t += 2) {
        p = blank(t);
        p.id = 9;
        p.filters = filters;
        p.nfilters = 3;
        if (v5 && t == SL_MQTT_SUBSCRIBE)
            num(&p, SL_MQTT_P_SUB_ID, 5);
        o[n++] = p;
        p = blank((uint8_t)(t + 1));
        p.id = 9;
        if (v5 || t == SL_MQTT_SUBSCRIBE)
            p.list = sl_str_n("\0\1\x80", 3);
        o[n++] = p;
    }
    o[n++] = blank(SL_MQTT_PINGREQ);
    o[n++] = blank(SL_MQTT_PINGRESP);
    p = blank(SL_MQTT_DISCONNECT);
    o[n++] = p;
    if (v5) {
        p.reason = 0x8E;
        num(&p, SL_MQTT_P_SESSION_EXPIRY, 3);
        o[n++] = p;
        p = blank(SL_MQTT_AUTH);
        p.reason = 0x18;
        txt(&p, SL_MQTT_P_AUTH_METHOD, "m"), txt(&p, SL_MQTT_P_AUTH_DATA, "data");
        o[n++] = p;
    }
    return n;
}
static bool for_server(const sl_mqtt_packet *p) {
    return p->type == SL_MQTT_CONNECT || p->type == SL_MQTT_SUBSCRIBE || p->type == SL_MQTT_UNSUBSCRIBE || p->type == SL_MQTT_PINGREQ ||
        (p->type == SL_MQTT_DISCONNECT && !p->props.have);
}
#define STR_EQ(x, y) assert_true(sl_str_eq(x, y))
static void same(const sl_mqtt_packet *a, const sl_mqtt_packet *b, int v) { /* a: what was written, b: what was read */
    assert_int_equal(a->type, b->type);
    if (a->type == SL_MQTT_CONNECT) {
        assert_int_equal(a->version, b->version);
        assert_int_equal(a->clean, b->clean);
        assert_int_equal(a->keepalive, b->keepalive);
        assert_int_equal(a->will_qos, b->will_qos);
        assert_int_equal(a->will_retain, b->will_retain);
        STR_EQ(a->client_id, b->client_id);
        STR_EQ(a->user, b->user);
        STR_EQ(a->password, b->password);
        STR_EQ(a->will_topic, b->will_topic);
        STR_EQ(a->will_payload, b->will_payload);
    } else if (a->type == SL_MQTT_PUBLISH) {
        assert_int_equal(a->qos, b->qos);
        assert_int_equal(a->dup, b->dup);
        assert_int_equal(a->retain, b->retain);
        assert_int_equal(a->id, b->id);
        STR_EQ(a->topic, b->topic);
        STR_EQ(a->payload, b->payload);
    } else {
        assert_int_equal(a->reason, b->reason);
        assert_int_equal(a->id, b->id);
    }
    if (a->type == SL_MQTT_CONNACK)
        assert_int_equal(a->session_present, b->session_present);
    if (a->type == SL_MQTT_SUBACK || a->type == SL_MQTT_UNSUBACK)
        STR_EQ(a->list, b->list);
    if (a->filters) {
        sl_str list = b->list;
        sl_mqtt_filter f;
        for (uint32_t i = 0; i < a->nfilters; i++) {
            assert_true(sl_mqtt_filter_next(&list, a->type == SL_MQTT_SUBSCRIBE, &f));
            STR_EQ(f.filter, a->filters[i].filter);
            if (a->type == SL_MQTT_SUBSCRIBE)
                assert_int_equal(f.options, a->filters[i].options);
        }
        assert_false(sl_mqtt_filter_next(&list, a->type == SL_MQTT_SUBSCRIBE, &f));
    }
    assert_true(a->props.have == b->props.have);
    if (v < 5)
        return;
    for (unsigned id = 0; id < 0x2B; id++)
        if (SL_MQTT_HAS(&a->props, id)) {
            if (id == SL_MQTT_P_USER) {
                sl_str span = b->props.user;
                sl_mqtt_pair got;
                for (uint32_t i = 0; i < a->props.nusers; i++) {
                    assert_true(sl_mqtt_user(&span, &got));
                    STR_EQ(got.name, a->props.users[i].name);
                    STR_EQ(got.value, a->props.users[i].value);
                }
                assert_false(sl_mqtt_user(&span, &got));
            } else if (id < 0x20 && a->props.text[id].p)
                STR_EQ(a->props.text[id], b->props.text[id]);
            else
                assert_int_equal(a->props.num[id], b->props.num[id]);
        }
}
static void round_trip(void **state) {
    for (int v = 4; v <= 5; v++) {
        sl_mqtt_packet all[64], back;
        size_t n = samples(v, all);
        for (size_t i = 0; i < n; i++) {
            sl_buf b = {0};
            char why[160];
            assert_null(sl_mqtt_put(&b, v, &all[i]));
            int version = all[i].type == SL_MQTT_CONNECT ? 4 : v;
            if (!sl_mqtt_decode(sl_buf_view(&b), &version, for_server(&all[i]), &back, why))
                fail_msg("v%d packet type %d: %s", v, all[i].type, why);
            assert_int_equal(version, v);
            same(&all[i], &back, v);
            sl_buf_free(&b);
        }
    }
}
/* The same stream cut at every byte, and fed byte by byte, yields the same packets. */
static void torn_anywhere(void **state) {
    for (int v = 4; v <= 5; v++)
        for (int server = 0; server < 2; server++) {
            sl_mqtt_packet all[64], mine[64];
            size_t n = samples(v, all), m = 0;
            sl_buf b = {0};
            for (size_t i = 0; i < n; i++)
                if (for_server(&all[i]) == (server == 1) || all[i].type == SL_MQTT_PUBLISH || (all[i].type >= 4 && all[i].type <= 7)) {
                    mine[m++] = all[i];
                    assert_null(sl_mqtt_put(&b, v, &all[i]));
                }
            assert_true(m > 5);
            for (size_t cut = 0; cut <= b.n + 1; cut++) { /* the last round: single bytes */
                sl_mqtt_reader r = {.version = v, .server = server};
                sl_mqtt_packet got;
                size_t seen = 0, step = cut > b.n ? 1 : cut ? cut : b.n;
                for (size_t at = 0; at < b.n;) {
                    size_t len = at + step > b.n ? b.n - at : step;
                    char *piece = malloc(len); /* its own memory: reading behind it is seen by the sanitizer */
                    memcpy(piece, b.p + at, len);
                    sl_mqtt_feed(&r, sl_str_n(piece, len));
                    int rc;
                    while ((rc = sl_mqtt_next(&r, &got)) > 0) {
                        assert_true(seen < m);
                        same(&mine[seen++], &got, v);
                    }
                    if (rc < 0)
                        fail_msg("cut %zu: %s", cut, r.why);
                    free(piece);
                    at += len;
                    if (cut <= b.n)
                        step = b.n;
                }
                assert_int_equal(seen, m);
                sl_mqtt_reader_free(&r);
            }
            sl_buf_free(&b);
        }
}
static void hostile(void **state) {
    static const struct {
        int version, server;
        const char *bytes;
        size_t n;
        const char *why;
    } t[] = {
#define B(s) s, sizeof(s) - 1
        {4, 0, B("\x00\x00"), "is not for a client"},
        {4, 0, B("\xF0\x00"), "AUTH of 0 bytes exists only in version 5"},
        {4, 0, B("\x30\xFF\xFF\xFF\xFF\x01"), "length of more than four bytes"},
        {4, 0, B("\x36\x07\x00\x01t\x00\x01yy"), "has QoS 3"},
        {4, 0, B("\x38\x03\x00\x01t"), "marked as a repetition"},
        {4, 0, B("\x32\x05\x00\x01t\x00\x00"), "packet identifier 0"},
        {4, 0, B("\x32\x03\x00\x01t"), "ends too early"},
        {4, 0, B("\x30\x02\x00\x00"), "has no topic"},
        {4, 0, B("\x30\x04\x00\x09t/"), "ends too early"},
        {4, 0,
         B("\x30\x05\x00\x03"
           "a/#"),
         "wildcard"},
        {4, 0,
         B("\x30\x04\x00\x02"
           "a\0"),
         "zero character"},
        {4, 0, B("\x30\x04\x00\x02\xC3("), "UTF-8"},
        {4, 0,
         B("\x30\x0C\x00\x0A"
           "aaaaaaaaa\0"),
         "zero character"},
        {4, 0, B("\x20\x02\x02\x00"), "reserved bits"},
        {4, 0, B("\x21\x02\x00\x00"), "reserved bits set in its first byte"},
        {4, 0, B("\x20\x03\x00\x00\x00"), "bytes behind its end"},
        {4, 0, B("\x40\x02\x00\x00"), "packet identifier 0"},
        {4, 0, B("\x40\x01\x00"), "ends too early"},
        {4, 0, B("\x60\x02\x00\x01"), "reserved bits"},
        {4, 0, B("\x90\x02\x00\x01"), "names no reason code"},
        {4, 0, B("\xD0\x01\x00"), "bytes behind its end"},
        {4, 0, B("\xE0\x00"), "before version 5"},
        {4, 0,
         B("\x82\x06\x00\x01\x00\x01"
           "a\x00"),
         "SUBSCRIBE of 6 bytes is not for a client"},
        {4, 1,
         B("\x82\x06\x00\x01\x00\x01"
           "a\x03"),
         "subscription options"},
        {4, 1, B("\x82\x07\x00\x01\x00\x02#a\x00"), "#"},
        {4, 1, B("\x82\x02\x00\x01"), "names no topic filter"},
        {4, 1, B("\x10\x0C\x00\x04MQTT\x09\x02\x00\x00\x00\x00"), "unknown protocol"},
        {4, 1, B("\x10\x0C\x00\x04MQTT\x04\x03\x00\x00\x00\x00"), "impossible flags"},
        {5, 0, B("\x30\x05\x00\x01t\x05\x01"), "inside its properties"},
        {5, 0, B("\x30\x06\x00\x01t\x02\x01\x02"), "neither 0 nor 1"},
        {5, 0, B("\x30\x06\x00\x01t\x02\x7E\x02"), "unknown property"},
        {5, 0, B("\x30\x07\x00\x01t\x03\x21\x00\x01"), "does not belong there"},
        {5, 0, B("\x30\x08\x00\x01t\x04\x01\x01\x01\x01"), "same property twice"},
        {5, 0, B("\x30\x07\x00\x01t\x03\x23\x00\x00"), "topic alias of zero"},
        {5, 0, B("\x30\x06\x00\x01t\x02\x26\x00"), "ends too early"},
        {5, 0, B("\x30\x05\x00\x01t\x80\x00"), "more bytes than needed"},
        {5, 0, B("\x20\x06\x00\x00\x03\x21\x00\x00"), "receive maximum"},
#undef B
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        sl_mqtt_reader r = {.version = t[i].version, .server = t[i].server};
        sl_mqtt_packet p;
        sl_mqtt_feed(&r, sl_str_n(t[i].bytes, t[i].n));
        int rc = sl_mqtt_next(&r, &p);
        if (rc != -1 || !strstr(r.why, t[i].why))
            fail_msg("case %zu: rc %d, text \"%s\", wanted \"%s\"", i, rc, r.why, t[i].why);
        sl_mqtt_reader_free(&r);
    }
    sl_mqtt_reader r = {.version = 4, .limit = 1000};
    sl_mqtt_packet p;
    sl_mqtt_feed(&r, SL_S("\x30\xFF\x7F"));
    assert_int_equal(sl_mqtt_next(&r, &p), -1);
    assert_non_null(strstr(r.why, "16386 bytes is larger than the limit of 1000 bytes"));
    sl_mqtt_reader_free(&r);
}
static void bad_output(void **state) {
    sl_buf b = {0};
    assert_non_null(sl_mqtt_put_publish(&b, 4, SL_S(""), SL_S("x"), 0, false, false, 0, NULL));
    assert_non_null(sl_mqtt_put_publish(&b, 4, SL_S("a/#"), SL_S("x"), 0, false, false, 0, NULL));
    assert_non_null(sl_mqtt_put_publish(&b, 4, SL_S("a\0b"), SL_S("x"), 0, false, false, 0, NULL));
    assert_non_null(sl_mqtt_put_publish(&b, 5, SL_S("\xFF"), SL_S("x"), 0, false, false, 0, NULL));
    char *big = malloc(70000);
    memset(big, 'a', 70000);
    assert_non_null(sl_mqtt_put_publish(&b, 5, sl_str_n(big, 70000), SL_S("x"), 0, false, false, 0, NULL));
    sl_mqtt_packet p = blank(SL_MQTT_CONNECT);
    p.version = 4;
    p.has_password = true;
    assert_non_null(sl_mqtt_put(&b, 4, &p));
    p.has_password = false;
    p.client_id = sl_str_n(big, 70000);
    assert_non_null(sl_mqtt_put(&b, 4, &p));
    assert_int_equal(b.n, 0);
    free(big);
    sl_buf_free(&b);
}
static void topics(void **state) {
    static const struct {
        const char *f, *t;
        bool yes;
    } m[] = {{"a/b", "a/b", 1}, {"a/b", "a/c", 0},   {"a/+", "a/b", 1},    {"a/+", "a/b/c", 0},     {"a/#", "a", 1},   {"a/#", "a/b/c", 1},  {"#", "a/b", 1},
             {"+", "a", 1},     {"+", "a/b", 0},     {"+/+", "/a", 1},     {"/+", "/a", 1},         {"+", "/a", 0},    {"a/+/c", "a//c", 1}, {"a/+", "a/", 1},
             {"a/+", "a", 0},   {"#", "$SYS/x", 0},  {"+/x", "$SYS/x", 0}, {"$SYS/#", "$SYS/x", 1}, {"a/b/#", "a", 0}, {"a/bc", "a/b", 0},   {"a/b", "a/bc", 0},
             {"a/+/#", "a", 0}, {"a/+/#", "a/b", 1}, {"a", "a/b", 0},      {"a/b", "a", 0},         {"a/", "a", 0},    {"a", "a/", 0},       {"a/+/c/+", "a/x/c/y", 1}};
    for (size_t i = 0; i < sizeof m / sizeof *m; i++)
        if (sl_mqtt_match(sl_str_of(m[i].f), sl_str_of(m[i].t)) != m[i].yes)
            fail_msg("filter %s topic %s", m[i].f, m[i].t);
    assert_null(sl_mqtt_filter_check(SL_S("a/+/b/#")));
    assert_null(sl_mqtt_filter_check(SL_S("$share/g/a/#")));
    static const char *const bad[] = {"", "a#", "a/#/b", "a+", "+a", "$share/g", "$share//a", "$share/+/a", "$share/g/", "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!sl_mqtt_filter_check(sl_str_of(bad[i])))
            fail_msg("filter %s was taken", bad[i]);
    STR_EQ(sl_mqtt_unshare(SL_S("$share/g/a/#")), SL_S("a/#"));
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(torn_anywhere), cmocka_unit_test(hostile), cmocka_unit_test(bad_output), cmocka_unit_test(topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
