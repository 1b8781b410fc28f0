/* The memory connector: topics and wildcards, threads, pressure, updates, lookup tables. */
#include "kit.h"
#include "conn/memory/board.h"

static void test_topics(void **s) {
    static const struct {
        const char *pattern, *topic;
        bool yes;
    } rows[] = {{"a/+/c", "a/b/c", true},  {"a/+/c", "a/b/c/d", false}, {"a/+/c", "xa/b/c", false}, {"a/+/c", "a//c", false}, {"home/#", "home/x/y", true},
                {"home/#", "home", false}, {"home/#", "home/", false},  {"#", "any/thing", true},   {"+", "a", true},         {"+", "a/b", false},
                {"+/+", "a/b", true},      {"a/b", "a/b", true},        {"a/b", "a/b/", false},     {"a/+", "a", false},      {"a/+/#", "a/b/c", true},
                {"a/+/#", "a/b", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (topic_match(sl_str_of(rows[i].pattern), sl_str_of(rows[i].topic)) != rows[i].yes)
            fail_msg("%s against %s", rows[i].pattern, rows[i].topic);
}

static void publish(kit_t *k, const char *rows, const sl_str *props) {
    sl_batch *b = kit_batch(k, rows);
    sl_message m[64];
    static _Thread_local uint64_t seq;
    for (uint32_t i = 0; i < b->nrows; i++)
        m[i] = (sl_message){.batch = b, .first = i, .count = 1, .props = props, .seq = ++seq};
    assert_int_equal(sl_conn_memory.sink->put(k->sink, m, b->nrows), b->nrows);
    sl_batch_drop(b);
}
static void test_pipe(void **s) {
    kit_t in, other, out;
    kit_begin(&out);
    kit_begin(&in);
    kit_begin(&other);
    in.with_meta = true;
    kit_source(&in, &sl_conn_memory, "{}", "home/+/t");
    kit_layout(&other, "b,a");
    kit_source(&other, &sl_conn_memory, "{\"bufferLength\":10}", "home/x/t");
    kit_sink(&out, &sl_conn_memory, "{\"topic\":\"home/x/t\"}");
    publish(&out, "[{\"a\":1,\"b\":{\"c\":[\"long enough to live in an arena\"]}},{\"a\":2,\"z\":null}]", NULL);
    assert_int_equal(out.answered, 2);
    KIT_UNTIL(&in, in.messages == 2);
    KIT_GOT(&in, "{\"a\":1,\"b\":{\"c\":[\"long enough to live in an arena\"]}} @{\"topic\":\"home/x/t\"}\n{\"a\":2,\"z\":null} @{\"topic\":\"home/x/t\"}\n");
    KIT_UNTIL(&other, other.messages == 2);
    KIT_GOT(&other, "{\"a\":1,\"b\":{\"c\":[\"long enough to live in an arena\"]}}\n{\"a\":2}\n");
    assert_int_equal(in.drains, 1);
    kit_close_sink(&out);
    kit_close_source(&other);
    /* a templated topic reaches wildcard subscribers too; its metadata shows the template */
    sl_buf_clear(&in.got);
    kit_sink(&out, &sl_conn_memory, "{\"topic\":\"home/{{.k}}/t\"}");
    sl_str p1 = SL_S("home/1/t"), p2 = SL_S("away/1/t");
    publish(&out, "{\"a\":3}", &p1);
    publish(&out, "{\"a\":4}", &p2);
    publish(&out, "{\"a\":5}", &p1);
    KIT_UNTIL(&in, in.messages == 4);
    KIT_GOT(&in, "{\"a\":3} @{\"topic\":\"home/{{.k}}/t\"}\n{\"a\":5} @{\"topic\":\"home/{{.k}}/t\"}\n");
    /* letters under way when the source closes are thrown away; a new start gets only what comes after it */
    publish(&out, "{\"a\":6}", &p1);
    kit_close_source(&in);
    kit_turn(&in);
    kit_turn(&in);
    assert_int_equal(in.messages, 4);
    kit_source(&in, &sl_conn_memory, "{}", "home/1/t");
    publish(&out, "{\"a\":7}", &p1);
    KIT_UNTIL(&in, in.messages == 5);
    kit_end(&in);
    kit_end(&other);
    kit_end(&out);
}
static void test_conf(void **s) {
    kit_t k;
    kit_begin(&k);
    kit_says(kit_source_try(&k, &sl_conn_memory, "{}", "", ""), "topic is required");
    kit_says(kit_source_try(&k, &sl_conn_memory, "{}", "a/#/b", ""), "invalid memory topic a/#/b: # must be the last level");
    kit_says(kit_source_try(&k, &sl_conn_memory, "{\"bufferLength\":0}", "t", ""), "1 error(s) decoding:\n\n* 'bufferLength' expected a value from 1 to 1000000000, got 0");
    kit_says(kit_sink_try(&k, &sl_conn_memory, "{}"), "topic is required");
    kit_says(kit_sink_try(&k, &sl_conn_memory, "{\"topic\":\"a/+\"}"), "invalid memory topic a/+: wildcard found");
    kit_says(kit_sink_try(&k, &sl_conn_memory, "{\"topic\":\"a\",\"rowkindField\":\"r\"}"), "keyField is required when rowkindField is set");
    kit_end(&k);
}
static void test_pressure(void **s) {
    kit_t k;
    kit_begin(&k);
    kit_source(&k, &sl_conn_memory, "{\"bufferLength\":4}", "p");
    kit_sink(&k, &sl_conn_memory, "{\"topic\":\"p\"}");
    k.stop_after = 1;
    publish(&k, "[{\"n\":1},{\"n\":2}]", NULL); /* one put, one item: given whole, then the flow says stop */
    publish(&k, "[{\"n\":3},{\"n\":4}]", NULL);
    KIT_UNTIL(&k, k.messages == 2);
    publish(&k, "[{\"n\":5},{\"n\":6},{\"n\":7}]", NULL); /* begins with room left */
    publish(&k, "{\"n\":8}", NULL);                       /* none left */
    for (int i = 0; i < 5; i++)
        kit_turn(&k);
    assert_int_equal(k.messages, 2);
    k.stop_after = 0;
    k.def->source->resume(k.src);
    KIT_UNTIL(&k, k.messages == 7);
    publish(&k, "{\"n\":9}", NULL);
    KIT_UNTIL(&k, k.messages == 8);
    KIT_GOT(&k, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n{\"n\":6}\n{\"n\":7}\n{\"n\":9}\n");
    assert_string_equal(sl_buf_cstr(&k.errors), "memory source buffer of topic p is full, 1 message(s) dropped\n");
    kit_end(&k);
}

/* several publishers on threads of their own, one subscriber: everything arrives, each publisher in order */
enum { PUBLISHERS = 3, ROUNDS = 400 };
typedef struct side {
    kit_t k;
    int who;
} side;
static void publish_all(void *arg) {
    side *me = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char t[64];
        snprintf(t, sizeof t, "[{\"p\":%d,\"i\":%d},{\"p\":%d,\"i\":%d}]", me->who, 2 * i, me->who, 2 * i + 1);
        publish(&me->k, t, NULL);
    }
}
static void test_threads(void **s) {
    kit_t k;
    side p[PUBLISHERS];
    sl_thread *t[PUBLISHERS];
    kit_begin(&k);
    kit_source(&k, &sl_conn_memory, "{\"bufferLength\":1000000}", "threads/#");
    for (int i = 0; i < PUBLISHERS; i++) {
        char conf[64];
        kit_begin(&p[i].k);
        p[i].who = i;
        snprintf(conf, sizeof conf, "{\"topic\":\"threads/%d\"}", i);
        kit_sink(&p[i].k, &sl_conn_memory, conf);
    }
    for (int i = 0; i < PUBLISHERS; i++)
        kit_ok(sl_thread_start("pub", publish_all, &p[i], &t[i]));
    KIT_UNTIL(&k, k.messages == PUBLISHERS * ROUNDS * 2);
    int next[PUBLISHERS] = {0};
    for (char *line = strtok(k.got.p, "\n"); line; line = strtok(NULL, "\n")) {
        int i, w;
        if (sscanf(line, "{\"i\":%d,\"p\":%d}", &i, &w) != 2)
            break;
        assert_int_equal(i, next[w]++);
    }
    for (int i = 0; i < PUBLISHERS; i++) {
        sl_thread_join(t[i]);
        assert_int_equal(next[i], ROUNDS * 2);
        kit_end(&p[i].k);
    }
    kit_end(&k);
}

static void looked(void *arg, sl_value rows) {
    kit_t *k = arg;
    sl_buf_clear(&k->got);
    kit_json(&k->got, rows);
    k->messages++;
}
static sl_lookup *open_table(kit_t *k, const char *topic, const char *key) {
    char conf[64];
    sl_err *e;
    sl_lookup *l;
    snprintf(conf, sizeof conf, "{\"key\":\"%s\"}", key);
    void *c = kit_conf_try(k, &sl_conn_memory, SL_P_LOOKUP, conf, &e);
    kit_ok(e);
    kit_ok(sl_conn_memory.lookup->open(c, sl_str_of(topic), &k->env, &l));
    return l;
}
static void ask(kit_t *k, sl_lookup *l, const char *want, const char *c1, sl_value v1, const char *c2, sl_value v2) {
    sl_str cols[2] = {sl_str_of(c1), sl_str_of(c2)};
    sl_value vals[2] = {v1, v2};
    k->messages = 0;
    sl_conn_memory.lookup->look(l, k->a, cols, vals, *c2 ? 2 : 1, looked, k);
    KIT_UNTIL(k, k->messages == 1);
    KIT_GOT(k, want);
}
static void close_table(kit_t *k, sl_lookup *l) {
    k->closed = false;
    sl_conn_memory.lookup->close(l, kit_closed_, k);
    KIT_UNTIL(k, k->closed);
}
static void settle(kit_t *k) { /* what was published has arrived: posts are in order */
    k->closed = false;
    sl_post(k->loop, kit_closed_, k);
    KIT_UNTIL(k, k->closed);
}
static void test_table(void **s) {
    kit_t k;
    kit_begin(&k);
    sl_value none = sl_v_null();
    sl_lookup *l = open_table(&k, "tab", "id"), *m = open_table(&k, "tab", "id"), *by_n = open_table(&k, "tab", "n");
    kit_sink(&k, &sl_conn_memory, "{\"topic\":\"tab\"}");
    publish(&k, "[{\"id\":1,\"n\":\"a\"},{\"id\":2,\"n\":\"b\"},{\"id\":1,\"n\":\"c\"},{\"id\":3,\"n\":\"b\",\"deep\":{\"x\":[1,2]}}]", NULL);
    settle(&k);
    ask(&k, l, "[{\"id\":1,\"n\":\"c\"}]", "id", sl_v_float(1), "", none);
    ask(&k, l, "[]", "id", sl_v_int(1), "", none); /* exact type */
    ask(&k, l, "[]", "id", sl_v_float(9), "", none);
    ask(&k, l, "[]", "id", sl_v_float(1), "n", sl_v_str(SL_S("a")));
    ask(&k, l, "[{\"id\":1,\"n\":\"c\"}]", "n", sl_v_str(SL_S("c")), "id", sl_v_float(1));
    ask(&k, m, "[{\"id\":2,\"n\":\"b\"},{\"deep\":{\"x\":[1,2]},\"id\":3,\"n\":\"b\"}]", "n", sl_v_str(SL_S("b")), "", none); /* scan */
    ask(&k, by_n, "[{\"deep\":{\"x\":[1,2]},\"id\":3,\"n\":\"b\"}]", "n", sl_v_str(SL_S("b")), "", none);
    close_table(&k, l);
    ask(&k, m, "[{\"id\":1,\"n\":\"c\"}]", "id", sl_v_float(1), "", none); /* the other instance keeps the table */
    close_table(&k, m);
    l = open_table(&k, "tab", "id");
    ask(&k, l, "[]", "id", sl_v_float(1), "", none); /* the last drop emptied it */
    close_table(&k, l);
    close_table(&k, by_n);
    sl_err *e;
    void *c = kit_conf_try(&k, &sl_conn_memory, SL_P_LOOKUP, "{}", &e);
    kit_ok(e);
    kit_says(sl_conn_memory.lookup->check(c, SL_S("tab")), "key is required for lookup source");
    kit_says(sl_conn_memory.lookup->check(c, SL_S("")), "topic is required");
    kit_end(&k);
}
static void test_updates(void **s) {
    kit_t k;
    kit_begin(&k);
    sl_value none = sl_v_null();
    sl_lookup *l = open_table(&k, "upd", "id");
    kit_sink(&k, &sl_conn_memory, "{\"topic\":\"upd\",\"rowkindField\":\"action\",\"keyField\":\"id\"}");
    publish(&k, "[{\"id\":1,\"v\":1,\"action\":\"insert\"},{\"id\":2,\"v\":2},{\"id\":1,\"v\":3,\"action\":\"update\"},{\"id\":2,\"action\":\"delete\"}]", NULL);
    settle(&k);
    ask(&k, l, "[{\"action\":\"update\",\"id\":1,\"v\":3}]", "id", sl_v_float(1), "", none);
    ask(&k, l, "[]", "id", sl_v_float(2), "", none);
    sl_buf_clear(&k.answers);
    sl_batch *b = kit_batch(&k, "[{\"id\":5},{\"id\":6,\"action\":\"drop\"},{\"id\":7,\"action\":5},{\"id\":8,\"action\":\"upsert\"}]");
    sl_message m[4];
    for (uint32_t i = 0; i < 4; i++)
        m[i] = (sl_message){.batch = b, .first = i, .count = 1, .seq = 1 + i};
    assert_int_equal(k.def->sink->put(k.sink, m, 4), 4);
    sl_batch_drop(b);
    assert_string_equal(sl_buf_cstr(&k.answers), "1-1 delivered\n2-2 bad invalid rowkind drop\n3-3 bad rowkind field action is not a string in data\n4-4 delivered\n");
    settle(&k);
    ask(&k, l, "[{\"action\":\"upsert\",\"id\":8}]", "id", sl_v_float(8), "", none);
    ask(&k, l, "[{\"id\":5}]", "id", sl_v_float(5), "", none);
    close_table(&k, l);
    kit_source(&k, &sl_conn_memory, "{}", "upd"); /* a stream cannot take updates */
    k.messages = 0;
    publish(&k, "{\"id\":1}", NULL);
    KIT_UNTIL(&k, k.nerrors == 1);
    assert_string_equal(sl_buf_cstr(&k.errors), "receive wrong data\n");
    assert_int_equal(k.messages, 0);
    kit_end(&k);
}
/* A table of another loop: the question travels, the answer comes back on the asker's. */
static void run_loop(void *arg) { sl_loop_run(((kit_t *)arg)->loop); }
static void test_far_table(void **s) {
    kit_t owner, k;
    kit_begin(&owner);
    kit_begin(&k);
    sl_lookup *home = open_table(&owner, "far", "id");
    sl_thread *t;
    kit_ok(sl_thread_start("owner", run_loop, &owner, &t));
    while (sl_loop_mine(owner.loop)) /* until the thread took it over */
        kit_turn(&k);
    sl_lookup *l = open_table(&k, "far", "id");
    kit_sink(&k, &sl_conn_memory, "{\"topic\":\"far\"}");
    publish(&k, "[{\"id\":1,\"t\":\"x\"},{\"id\":2,\"t\":\"x\"}]", NULL);
    ask(&k, l, "[{\"id\":1,\"t\":\"x\"}]", "id", sl_v_float(1), "", sl_v_null()); /* posted behind the rows */
    ask(&k, l, "[{\"id\":1,\"t\":\"x\"},{\"id\":2,\"t\":\"x\"}]", "t", sl_v_str(SL_S("x")), "", sl_v_null());
    sl_str col = SL_S("id");
    sl_value v = sl_v_float(2);
    k.messages = 0;
    sl_conn_memory.lookup->look(l, k.a, &col, &v, 1, looked, &k);
    close_table(&k, l); /* with a question under way: answered first */
    assert_int_equal(k.messages, 1);
    sl_loop_stop(owner.loop);
    sl_thread_join(t);
    kit_end(&k);
    sl_post(owner.loop, kit_closed_, &owner);
    sl_loop_stop(owner.loop);
    sl_loop_run(owner.loop); /* back on this thread */
    close_table(&owner, home);
    kit_end(&owner);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_topics),  cmocka_unit_test(test_pipe),  cmocka_unit_test(test_conf),    cmocka_unit_test(test_pressure),
                                   cmocka_unit_test(test_threads), cmocka_unit_test(test_table), cmocka_unit_test(test_updates), cmocka_unit_test(test_far_table)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
