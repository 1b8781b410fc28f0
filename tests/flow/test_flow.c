/* Rows through a flow: tickets, pressure, dropping, batches, the sink policy, shared sources, closing. After each step both ledgers close. */
#include "flow_kit.h"

static const char *const sql = "SELECT a FROM demo WHERE a >= 0";

static void through(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    rule_open(&r, &f, "SELECT a, a + 1 AS b FROM demo WHERE a > 1", make_src(false, ""), "{}", &c, 1, false);
    feed_n(&f, "{\"a\":%d}", 0, 5);
    assert_int_equal(c.got.n, 3);
    assert_string_equal(c.got.at[0], "{\"a\":2,\"b\":3}");
    assert_string_equal(c.got.at[2], "{\"a\":4,\"b\":5}");
    assert_int_equal(f.committed, 5);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->out, 3);
    assert_int_equal(r.m.rows_filtered, 2);
    feed_n(&f, "{\"a\":%d", 9, 1); /* broken: failed by policy, settled in order */
    assert_int_equal(f.committed, 6);
    rule_end(&r);
    assert_int_equal(f.closes, 1);
    assert_int_equal(c.closes, 1);
    collect_forget(&c);
}
/* Only the settled prefix is committed, whatever the order of answers. */
static void tickets(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{}", &c, 1, false);
    for (int i = 0; i < 4; i++)
        feed_n(&f, "{\"a\":%d}", i, 1); /* four batches */
    feed_n(&f, "{\"a\":-%d}", 1, 1);    /* filtered: settled at once, but not first */
    assert_int_equal(c.got.n, 4);
    assert_int_equal(f.committed, 0);
    answer_n(&c, 2, 1, SL_DELIVERED);
    answer_n(&c, 1, 1, SL_BAD);
    assert_int_equal(f.committed, 0);
    assert_int_equal(rule_sink(&r)->buffer, 2);
    answer_n(&c, 0, 1, SL_DELIVERED);
    assert_int_equal(f.committed, 3);
    answer_n(&c, 3, 1, SL_DELIVERED);
    assert_int_equal(f.committed, 5);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->out, 3);
    assert_int_equal(m->failed, 1);
    assert_string_equal(m->last_error, "said the test");
    rule_end(&r);
    collect_forget(&c);
}
/* A private source is held back while the queue is full, and goes on when half of it is free. */
static void pressure(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{\"bufferLength\":8}", &c, 0, false);
    feed_n(&f, "{\"a\":%d}", 0, 7);
    assert_false(f.paused);
    feed_n(&f, "{\"a\":%d}", 7, 3);
    assert_true(f.paused);
    feed_n(&f, "{\"a\":%d}", 10, 2); /* a source may give a little more: taken */
    assert_int_equal(c.got.n, 12);
    answer_n(&c, 0, 7, SL_DELIVERED);
    assert_true(f.paused);
    answer_n(&c, 7, 1, SL_DELIVERED);
    assert_false(f.paused);
    assert_int_equal(rule_sink(&r)->dropped, 0);
    answer_n(&c, 8, 4, SL_DELIVERED);
    rule_end(&r);
    assert_int_equal(f.committed, 12);
    collect_forget(&c);
}
/* put takes some and says ready later; order is kept. */
static void slow(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    c.room = 2;
    rule_open(&r, &f, sql, make_src(false, ""), "{}", &c, 0, false);
    feed_n(&f, "{\"a\":%d}", 0, 5);
    assert_int_equal(c.got.n, 2);
    assert_int_equal(rule_sink(&r)->buffer, 3);
    c.room = 1;
    on_lane(ready_there, &c);
    c.room = 100;
    feed_n(&f, "{\"a\":%d}", 5, 1);
    on_lane(ready_there, &c);
    assert_int_equal(c.got.n, 6);
    for (int i = 0; i < 6; i++) {
        char want[20];
        snprintf(want, sizeof want, "{\"a\":%d}", i);
        assert_string_equal(c.got.at[i], want);
    }
    rule_end(&r);
    collect_forget(&c);
}
/* On a shared source a full sink drops its own oldest waiting messages and nobody else notices. */
static void shared_drops(void **state) {
    feed f = {0}, none = {0};
    collect stuck, good;
    rule a, b;
    collect_init(&stuck, LATER_BY_TEST);
    collect_init(&good, AT_ONCE);
    stuck.room = 2;
    rule_open(&a, &f, sql, make_src(true, ""), "{\"bufferLength\":4}", &stuck, 0, false);
    rule_open(&b, &none, "SELECT a, b FROM demo", make_src(true, ""), "{}", &good, 0, false);
    assert_int_equal(f.opens, 1);
    assert_int_equal(none.opens, 0);
    for (int i = 0; i < 10; i++)
        feed_n(&f, "{\"a\":%d,\"b\":1}", i, 1);
    assert_int_equal(good.got.n, 10);
    assert_string_equal(good.got.at[9], "{\"a\":9,\"b\":1}");
    assert_int_equal(f.pauses, 0);
    assert_int_equal(f.committed, 0); /* the stuck one has the first two */
    const sl_meter *m = rule_sink(&a);
    assert_int_equal(m->dropped, 6);
    assert_int_equal(m->buffer, 4);
    assert_non_null(strstr(m->last_error, "buffer full, drop"));
    stuck.room = 100;
    collect_mode(&stuck, AT_ONCE);
    on_lane(ready_there, &stuck);
    answer_n(&stuck, 0, 2, SL_DELIVERED);
    assert_int_equal(stuck.got.n, 4);
    assert_string_equal(stuck.got.at[3], "{\"a\":9}");
    assert_int_equal(f.committed, 10);
    rule_end(&a);
    assert_int_equal(f.closes, 0);
    feed_n(&f, "{\"a\":%d,\"b\":1}", 10, 1);
    assert_int_equal(good.got.n, 11);
    rule_end(&b);
    assert_int_equal(f.closes, 1);
    collect_forget(&stuck);
    collect_forget(&good);
}
/* Definitions that differ share nothing, even under one name. */
static void shared_by_definition(void **state) {
    feed f = {0}, g = {0};
    collect c, d;
    rule a, b;
    collect_init(&c, AT_ONCE);
    collect_init(&d, AT_ONCE);
    rule_open(&a, &f, sql, make_src(true, "one"), "{}", &c, 0, false);
    rule_open(&b, &g, sql, make_src(true, "other"), "{}", &d, 0, false);
    assert_int_equal(f.opens, 1);
    assert_int_equal(g.opens, 1);
    feed_n(&g, "{\"a\":%d}", 1, 1);
    assert_int_equal(c.got.n, 0);
    assert_int_equal(d.got.n, 1);
    rule_end(&a);
    rule_end(&b);
    collect_forget(&c);
    collect_forget(&d);
}
/* A flow that joins in the middle of a batch sees what comes after, with the union of the columns. */
static void joins_and_leaves(void **state) {
    feed f = {0};
    collect c[3];
    rule r[3];
    for (int i = 0; i < 3; i++)
        collect_init(&c[i], AT_ONCE);
    rule_open(&r[0], &f, "SELECT a FROM demo", make_src(true, ""), "{}", &c[0], 0, false);
    feed_n(&f, "{\"a\":%d,\"b\":2,\"c\":3}", 1, 3);
    rule_open(&r[1], &f, "SELECT c, a FROM demo", make_src(true, ""), "{}", &c[1], 0, false);
    feed_n(&f, "{\"a\":%d,\"b\":2,\"c\":3}", 4, 1);
    rule_open(&r[2], &f, "SELECT * FROM demo", make_src(true, ""), "{}", &c[2], 0, false);
    feed_n(&f, "{\"a\":%d,\"b\":2,\"c\":3}", 5, 1);
    rule_end(&r[0]);
    feed_n(&f, "{\"a\":%d,\"b\":2,\"c\":3}", 6, 1);
    rule_end(&r[2]);
    feed_n(&f, "{\"a\":%d,\"b\":2,\"c\":3}", 7, 1);
    rule_end(&r[1]);
    assert_int_equal(c[0].got.n, 5);
    assert_int_equal(c[1].got.n, 4);
    assert_int_equal(c[2].got.n, 2);
    assert_string_equal(c[0].got.at[4], "{\"a\":5}");
    assert_string_equal(c[1].got.at[3], "{\"a\":7,\"c\":3}");
    assert_string_equal(c[2].got.at[1], "{\"a\":6,\"b\":2,\"c\":3}");
    assert_int_equal(f.committed, 7);
    assert_int_equal(f.opens, 1);
    assert_int_equal(f.closes, 1);
    for (int i = 0; i < 3; i++)
        collect_forget(&c[i]);
}
static void batches(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{\"batchSize\":3}", &c, 1, false);
    for (int i = 0; i < 5; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_int_equal(c.got.n, 1);
    assert_string_equal(c.got.at[0], "[{\"a\":0},{\"a\":1},{\"a\":2}]");
    answer_n(&c, 0, 1, SL_DELIVERED);
    assert_int_equal(f.committed, 3); /* the two that wait for company are not settled */
    collect_mode(&c, AT_ONCE);
    rule_end(&r); /* the end does not wait for company */
    assert_int_equal(c.got.n, 2);
    assert_string_equal(c.got.at[1], "[{\"a\":3},{\"a\":4}]");
    assert_int_equal(f.committed, 5);
    collect_forget(&c);
}
/* What was rendered goes with its message wherever that waits. */
static void rendered(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    c.room = 1;
    rule_open(&r, &f, sql, make_src(false, ""), "{\"topic\":\"t/{{.a}}\",\"dataTemplate\":\"<{{.a}}>\"}", &c, 1, false);
    feed_n(&f, "{\"a\":%d}", 0, 3); /* one is taken, two wait */
    assert_string_equal(c.got.at[0], "t/0 <0>");
    feed_n(&f, "{\"a\":%d}", 3, 1); /* their bytes have moved */
    answer_n(&c, 0, 1, SL_DOWN);
    c.room = 100;
    collect_mode(&c, AT_ONCE);
    on_lane(up_there, &c);
    assert_int_equal(c.got.n, 5);
    for (int i = 0; i < 4; i++) {
        char want[40];
        snprintf(want, sizeof want, "t/%d <%d>", i, i);
        assert_string_equal(c.got.at[1 + i], want);
    }
    assert_int_equal(f.committed, 4);
    rule_end(&r);
    collect_forget(&c);
}
static void rendered_batches(void **state) { /* the last one's topic holds for all */
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    rule_open(&r, &f, "SELECT a, 6 / a AS b FROM demo", make_src(false, ""), "{\"batchSize\":2,\"topic\":\"t/{{.a}}\"}", &c, 1, true);
    feed_n(&f, "{\"a\":%d}", 1, 3);
    feed_n(&f, "{\"a\":%d", 7, 1); /* broken: its error does not wait for company */
    assert_int_equal(c.got.n, 2);
    assert_string_equal(c.got.at[0], "t/2 [{\"a\":1,\"b\":6},{\"a\":2,\"b\":3}]");
    assert_int_equal(strncmp(c.got.at[1], "t/", 2) != 0, 1);
    rule_end(&r);
    assert_int_equal(c.got.n, 3);
    assert_string_equal(c.got.at[2], "t/3 [{\"a\":3,\"b\":2}]");
    assert_int_equal(f.committed, 4);
    collect_forget(&c);
}
/* A row that a template cannot render is counted; with sendError the sink is told. */
static void unrendered(void **state) {
    for (int told = 0; told < 2; told++) {
        feed f = {0};
        collect c;
        rule r;
        collect_init(&c, AT_ONCE);
        rule_open(&r, &f, "SELECT a FROM demo", make_src(false, ""), "{\"dataTemplate\":\"{{.a.b}}\"}", &c, 1, told);
        feed_n(&f, "{\"a\":{\"b\":%d}}", 5, 1);
        feed_n(&f, "{\"a\":%d}", 5, 1);
        assert_int_equal(c.got.n, 1 + told);
        assert_string_equal(c.got.at[0], "5");
        if (told)
            assert_string_equal(c.got.at[1],
                                "fail to calculate props {{.a.b}} through data map[a:5] with dataTemplate for error template: sink:1:4: executing \"sink\" at "
                                "<.a.b>: can't evaluate field b in type interface {}");
        const sl_meter *m = rule_sink(&r);
        assert_int_equal(m->failed, 1);
        assert_int_equal(m->errors, 1);
        assert_int_equal(f.committed, 2);
        rule_end(&r);
        collect_forget(&c);
    }
}
static void lingers(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    rule_open(&r, &f, sql, make_src(false, ""), "{\"lingerInterval\":30}", &c, 1, false);
    feed_n(&f, "{\"a\":%d}", 0, 2);
    assert_int_equal(c.got.n, 0);
    assert_int_equal(f.committed, 0);
    want_got(&c, 1);
    assert_string_equal(c.got.at[0], "[{\"a\":0},{\"a\":1}]");
    assert_int_equal(f.committed, 2);
    rule_end(&r);
    assert_int_equal(c.got.n, 1); /* empty batches give nothing */
    collect_forget(&c);
}
/* Without a cache what may succeed later fails; with qos 1, a cache or a resend interval it is tried again, in order. */
static void later(void **state) {
    static const struct {
        const char *opts;
        int qos;
        bool kept;
    } cases[] = {
        {"{}", 0, false}, {"{\"resendInterval\":10}", 0, true}, {"{\"enableCache\":true,\"resendInterval\":10}", 0, true}, {"{\"resendInterval\":10}", 1, true}, {"{}", 1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        feed f = {0};
        collect c;
        rule r;
        collect_init(&c, ANSWER);
        c.as = SL_LATER;
        rule_open(&r, &f, sql, make_src(false, ""), cases[i].opts, &c, cases[i].qos, false);
        feed_n(&f, "{\"a\":%d}", 0, 1);
        feed_n(&f, "{\"a\":%d}", 1, 1);
        const sl_meter *m = rule_sink(&r);
        if (!cases[i].kept) {
            assert_int_equal(c.got.n, 2);
            assert_int_equal(m->failed, 2);
            assert_int_equal(m->errors, 2);
        } else {
            assert_int_equal(m->failed, 0);
            assert_int_equal(f.committed, 0);
            want_got(&c, 3); /* the first one again and again; the second waits behind it */
            m = rule_sink(&r);
            assert_int_equal(m->buffer, 2);
            assert_int_equal(m->errors, 1); /* trying the same again is not counted again */
            collect_mode(&c, AT_ONCE);
            while ((m = rule_sink(&r))->out < 2)
                usleep(1000);
            for (size_t k = 0; k + 1 < c.got.n; k++)
                assert_string_equal(c.got.at[k], "{\"a\":0}");
            assert_int_equal(f.committed, 2);
            assert_string_equal(c.got.at[c.got.n - 1], "{\"a\":1}");
        }
        rule_end(&r);
        collect_forget(&c);
    }
}
/* A peer that is away: nothing is offered until it is back, then everything in order, without an error for each. */
static void down(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{}", &c, 0, false);
    feed_n(&f, "{\"a\":%d}", 0, 3);
    answer_n(&c, 0, 1, SL_DELIVERED);
    answer_n(&c, 1, 2, SL_DOWN);
    feed_n(&f, "{\"a\":%d}", 3, 2);
    assert_int_equal(c.got.n, 3);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->buffer, 4);
    assert_int_equal(m->errors, 1);
    collect_mode(&c, AT_ONCE);
    on_lane(up_there, &c);
    assert_int_equal(c.got.n, 7);
    for (int i = 0; i < 4; i++) {
        char want[20];
        snprintf(want, sizeof want, "{\"a\":%d}", i + 1);
        assert_string_equal(c.got.at[3 + i], want);
    }
    m = rule_sink(&r);
    assert_int_equal(m->out, 5);
    assert_int_equal(f.committed, 5);
    rule_end(&r);
    collect_forget(&c);
}
/* Closing waits a second for answers; what was never settled is not committed. */
static void closes(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{}", &c, 1, false);
    feed_n(&f, "{\"a\":%d}", 0, 1);
    feed_n(&f, "{\"a\":%d}", 1, 1);
    answer_n(&c, 0, 1, SL_DELIVERED);
    sl_flow_close(r.flow, on_closed, &r);
    on_lane(nothing, NULL);
    assert_true(f.paused);
    assert_false(r.closed);
    feed_n(&f, "{\"a\":%d}", 2, 1); /* a late one still belongs to the flow */
    assert_int_equal(c.got.n, 3);
    answer_n(&c, 1, 1, SL_DELIVERED);
    while (!r.closed)
        sl_loop_run(office);
    assert_int_equal(f.committed, 2);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->out, 2);
    assert_int_equal(m->buffer, 1);
    sl_meters_free(&r.m);
    collect_forget(&c);
}
/* The last flow of a shared source leaves while another joins: it goes on, nothing is lost. */
static void handed_over(void **state) {
    feed f = {0};
    collect c, d;
    rule a, b;
    collect_init(&c, LATER_BY_TEST);
    collect_init(&d, AT_ONCE);
    rule_open(&a, &f, sql, make_src(true, ""), "{}", &c, 0, false);
    feed_n(&f, "{\"a\":%d}", 0, 1);
    sl_flow_close(a.flow, on_closed, &a); /* waits for the answer */
    on_lane(nothing, NULL);
    assert_true(f.paused);
    rule_open(&b, &f, sql, make_src(true, ""), "{}", &d, 0, false);
    assert_false(f.paused);
    assert_int_equal(f.opens, 1);
    feed_n(&f, "{\"a\":%d}", 1, 1);
    assert_int_equal(d.got.n, 1);
    assert_int_equal(c.got.n, 1); /* the leaving one takes no more */
    answer_n(&c, 0, 1, SL_DELIVERED);
    while (!a.closed)
        sl_loop_run(office);
    assert_int_equal(f.closes, 0);
    assert_int_equal(f.committed, 2);
    sl_meters_free(&a.m);
    rule_end(&b);
    collect_forget(&c);
    collect_forget(&d);
}
static void errors_go_on(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    rule_open(&r, &f, "SELECT a + 1 AS x FROM demo", make_src(false, ""), "{}", &c, 1, true);
    feed_n(&f, "{\"a\":%d}", 0, 1);
    feed_n(&f, "{\"a\":\"t%d\"}", 0, 1);
    feed_n(&f, "{\"a\":%d", 0, 1);
    assert_int_equal(c.got.n, 3);
    assert_string_equal(c.got.at[0], "{\"x\":1}");
    assert_string_equal(c.got.at[1], "run Select error: alias: x expr: binaryExpr:{ demo.a + 1 } meet error, err:invalid operation string(t0) + int64(1)");
    assert_int_equal(f.committed, 3);
    rule_end(&r);
    collect_forget(&c);
    collect_init(&c, AT_ONCE);
    f = (feed){0};
    rule_open(&r, &f, "SELECT a + 1 AS x FROM demo", make_src(false, ""), "{}", &c, 1, false);
    feed_n(&f, "{\"a\":\"t%d\"}", 0, 3);
    assert_int_equal(c.got.n, 0);
    assert_int_equal(f.committed, 3);
    rule_sink(&r);
    assert_int_equal(r.m.rows_failed, 3);
    rule_end(&r);
    collect_forget(&c);
}
static void ends(void **state) {
    feed f = {0};
    collect c;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    rule_open(&r, &f, sql, make_src(false, ""), "{\"batchSize\":10}", &c, 1, false);
    feed_n(&f, "{\"a\":%d}", 0, 3);
    on_lane(eof_there, &f);
    assert_int_equal(c.got.n, 1);
    assert_int_equal(r.events, 0); /* not before it is delivered */
    answer_n(&c, 0, 1, SL_DELIVERED);
    office_turn(20);
    assert_int_equal(r.events, 1);
    assert_int_equal(r.event, SL_FLOW_DONE);
    assert_int_equal(f.committed, 3);
    rule_end(&r);
    collect_forget(&c);
}
static void cannot_open(void **state) {
    feed f = {.refuse = true}, g = {0};
    collect c;
    rule r;
    collect_init(&c, AT_ONCE);
    rule_open(&r, &f, sql, make_src(false, ""), "{}", &c, 1, false);
    office_turn(20);
    assert_int_equal(r.event, SL_FLOW_FAILED);
    assert_string_equal(r.why, "the feed does not want to open");
    rule_end(&r);
    assert_int_equal(c.closes, 1);
    c.refuse = true;
    rule_open(&r, &g, sql, make_src(true, ""), "{}", &c, 1, false);
    office_turn(20);
    assert_int_equal(r.event, SL_FLOW_FAILED);
    assert_string_equal(r.why, "the collector does not want to open");
    assert_int_equal(g.opens, 0);
    rule_end(&r);
    collect_forget(&c);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through),
        cmocka_unit_test(tickets),
        cmocka_unit_test(pressure),
        cmocka_unit_test(slow),
        cmocka_unit_test(shared_drops),
        cmocka_unit_test(shared_by_definition),
        cmocka_unit_test(joins_and_leaves),
        cmocka_unit_test(batches),
        cmocka_unit_test(rendered),
        cmocka_unit_test(rendered_batches),
        cmocka_unit_test(unrendered),
        cmocka_unit_test(lingers),
        cmocka_unit_test(later),
        cmocka_unit_test(down),
        cmocka_unit_test(closes),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(errors_go_on),
        cmocka_unit_test(ends),
        cmocka_unit_test(cannot_open),
    };
    return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
