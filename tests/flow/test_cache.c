/* The cache of sinks: memory, then disk, in order, over restarts; and the queue that sends again beside new messages. */
#include "flow_kit.h"
#include <sys/stat.h>
#include "os/file.h"

static const char *const sql = "SELECT a FROM demo";
static const char *const small = "{\"enableCache\":true,\"memoryCacheThreshold\":2,\"bufferPageSize\":1,\"maxDiskCache\":3,\"resendInterval\":10}";
static const char *const pages = "{\"enableCache\":true,\"memoryCacheThreshold\":4,\"bufferPageSize\":2,\"maxDiskCache\":1000,\"resendInterval\":10}";

static char dir[200];
static size_t files(void) { /* pages on disk */
    sl_dirlist l = {0};
    snprintf(dir, sizeof dir, "%s/data/cache/rule1/collect_0", home);
    sl_err_free(sl_dir_list(dir, &l));
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const char *end = strrchr(l.at[i].name, '.');
        n += end && strcmp(end, ".page") == 0;
    }
    sl_dirlist_free(&l);
    return n;
}
static int wipe(void **state) {
    char cmd[300];
    snprintf(cmd, sizeof cmd, "rm -rf %s/data", home);
    return system(cmd);
}
static void away(collect *c) {
    collect_init(c, ANSWER);
    c->as = SL_DOWN;
}
static void back(collect *c) {
    collect_forget(c);
    collect_mode(c, AT_ONCE);
    on_lane(up_there, c);
}
static void got(const collect *c, const int *want, size_t n) {
    assert_int_equal(c->got.n, n);
    for (size_t i = 0; i < n; i++) {
        char text[30];
        snprintf(text, sizeof text, "{\"a\":%d}", want[i]);
        assert_string_equal(c->got.at[i], text);
    }
}
static void got_run(const collect *c, int first, int n) {
    int want[200];
    for (int i = 0; i < n; i++)
        want[i] = first + i;
    got(c, want, (size_t)n);
}
/* A shared source: the oldest pages are lost first, order is kept. */
static void overflows(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(true, ""), small, &c, 0, false);
    for (int i = 0; i < 10; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->buffer, 5);
    assert_int_equal(m->dropped, 5);
    assert_int_equal(files(), 3);
    assert_int_equal(f.pauses, 0);
    back(&c);
    got(&c, (int[]){0, 1, 7, 8, 9}, 5);
    m = rule_sink(&r);
    assert_int_equal(m->out, 5);
    assert_int_equal(m->buffer, 0);
    assert_int_equal(files(), 0);
    feed_n(&f, "{\"a\":%d}", 10, 1);
    got(&c, (int[]){0, 1, 7, 8, 9, 10}, 6);
    rule_end(&r);
    collect_forget(&c);
}
/* A private source is held back instead; what is on disk is settled for it. */
static void holds_back(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), small, &c, 0, false);
    for (int i = 0; i < 5; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_false(f.paused);
    assert_int_equal(f.committed, 0); /* the first two are in memory only */
    feed_n(&f, "{\"a\":%d}", 5, 1);
    assert_true(f.paused);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->buffer, 6);
    assert_int_equal(m->dropped, 0);
    back(&c);
    got_run(&c, 0, 6);
    assert_false(f.paused);
    assert_int_equal(f.committed, 6);
    rule_end(&r);
    collect_forget(&c);
}
/* What is left at the end is sent after the next start, in order; cleanCacheAtStop forgets it. */
static void over_restarts(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    feed_n(&f, "{\"a\":%d}", 0, 3);
    for (int i = 3; i < 12; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    rule_end(&r);
    collect_forget(&c);
    assert_true(files() > 2);
    for (int round = 0; round < 2; round++) { /* still away: nothing is lost by trying */
        away(&c);
        f = (feed){0};
        rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
        feed_n(&f, "{\"a\":%d}", 12 + round, 1);
        assert_int_equal(rule_sink(&r)->buffer, 13 + round);
        rule_end(&r);
        collect_forget(&c);
    }
    collect_init(&c, LATER_BY_TEST);
    f = (feed){0};
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    assert_int_equal(c.got.n, 4); /* as many as memory may hold are under way */
    answer_n(&c, 0, 3, SL_DELIVERED);
    collect_mode(&c, AT_ONCE);
    answer_n(&c, 3, c.got.n - 3, SL_DELIVERED);
    want_got(&c, 14);
    got_run(&c, 0, 14);
    assert_int_equal(rule_sink(&r)->buffer, 0);
    assert_int_equal(files(), 0);
    rule_end(&r);
    collect_forget(&c);

    const char *clean = "{\"enableCache\":true,\"memoryCacheThreshold\":2,\"bufferPageSize\":1,\"maxDiskCache\":100,\"resendInterval\":10,\"cleanCacheAtStop\":true}";
    away(&c);
    f = (feed){0};
    rule_open(&r, &f, sql, make_src(false, ""), clean, &c, 0, false);
    for (int i = 0; i < 9; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_true(files() > 2);
    rule_end(&r);
    assert_int_equal(files(), 0);
    collect_forget(&c);
}
/* With qos 1 what the source sends again is not kept twice. */
static void not_twice(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 1, false);
    for (int i = 0; i < 9; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_int_equal(files(), 2); /* four in memory, four in pages, one alone */
    rule_end(&r);
    assert_int_equal(f.committed, 0);
    collect_forget(&c);
    collect_init(&c, AT_ONCE);
    f = (feed){0};
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 1, false);
    got(&c, (int[]){4, 5, 6, 7}, 4);
    rule_end(&r);
    collect_forget(&c);
}
/* A page stays on disk until all of it is settled. */
static void page_stays(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    for (int i = 0; i < 8; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_int_equal(files(), 2);
    collect_forget(&c);
    collect_mode(&c, LATER_BY_TEST);
    on_lane(up_there, &c);
    assert_int_equal(c.got.n, 4);
    answer_n(&c, 0, 4, SL_DELIVERED);
    assert_int_equal(c.got.n, 8);
    assert_int_equal(files(), 2);
    answer_n(&c, 4, 1, SL_DELIVERED);
    answer_n(&c, 6, 1, SL_DELIVERED);
    assert_int_equal(files(), 2);
    answer_n(&c, 5, 1, SL_DELIVERED);
    assert_int_equal(files(), 1);
    answer_n(&c, 7, 1, SL_BAD);
    assert_int_equal(files(), 0);
    rule_end(&r);
    got_run(&c, 0, 8);
    collect_forget(&c);
}
static void damaged(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    for (int i = 0; i < 8; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    rule_end(&r);
    collect_forget(&c);
    assert_int_equal(files(), 3); /* memory's, and two */
    char cmd[400];
    snprintf(cmd, sizeof cmd, "cd %s && f=$(ls *.page | sed -n 2p) && printf xx | dd of=$f bs=1 seek=36 conv=notrunc 2>/dev/null", dir);
    assert_int_equal(system(cmd), 0); /* the second message of the second page */
    collect_init(&c, AT_ONCE);
    f = (feed){0};
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    got(&c, (int[]){0, 1, 2, 3, 4, 6, 7}, 7);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->failed, 1);
    assert_non_null(strstr(m->last_error, "is damaged"));
    rule_end(&r);
    collect_forget(&c);
}
/* No place on the disk: said, and the source is held back. */
static void no_disk(void **state) {
    feed f = {0};
    collect c;
    rule r;
    char path[200];
    snprintf(path, sizeof path, "%s/data", home);
    FILE *block = fopen(path, "w"); /* a file where the folder should be */
    assert_non_null(block);
    fclose(block);
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    for (int i = 0; i < 7; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    assert_true(f.paused);
    const sl_meter *m = rule_sink(&r);
    assert_int_equal(m->buffer, 7);
    assert_non_null(strstr(m->last_error, "cache of collect_0"));
    back(&c);
    got_run(&c, 0, 7);
    assert_false(f.paused);
    assert_int_equal(f.committed, 7);
    rule_end(&r);
    collect_forget(&c);
    unlink(path);
}
/* resendAlterQueue: what fails is sent again by a second sink, new messages do not wait for it. */
static void beside(void **state) {
    feed f = {0};
    collect c, again;
    rule r;
    collect_init(&c, LATER_BY_TEST);
    away(&again);
    again.as = SL_LATER;
    r = (rule){.f = &f};
    sl_flowspec *s;
    rule_spec(&r, sql, make_src(false, ""), small, &c, 0, false, &s);
    sl_sinkdef *d = SL_NEW(s->arena, sl_sinkdef);
    collect **conf = SL_NEW(s->arena, collect *);
    *conf = &again;
    *d = *s->sinks;
    d->conf = conf;
    s->sinks->opts.resend_alter = true;
    s->sinks->resend = d;
    feed_now = &f;
    assert_null(sl_flow_new(s, office, on_event, &r, &r.flow));
    sl_flow_open(r.flow);
    on_lane(nothing, NULL);
    feed_n(&f, "{\"a\":%d}", 0, 4);
    answer_n(&c, 0, 1, SL_DELIVERED);
    answer_n(&c, 1, 1, SL_BAD);
    answer_n(&c, 2, 1, SL_LATER);
    answer_n(&c, 3, 1, SL_DOWN);
    assert_int_equal(rule_sink(&r)->failed, 3);
    assert_int_equal(f.committed, 0);
    collect_mode(&c, AT_ONCE);
    feed_n(&f, "{\"a\":%d}", 4, 2);
    assert_int_equal(c.got.n, 6);
    collect_mode(&again, AT_ONCE);
    for (const sl_meter *m = NULL; !m || m->out < 3; usleep(1000)) {
        rule_sink(&r);
        for (uint32_t i = 0; i < r.m.n; i++)
            if (strcmp(r.m.at[i].name, "collect_0_resend") == 0)
                m = &r.m.at[i];
        assert_non_null(m);
        assert_int_equal(m->in, m->out + m->failed + m->dropped + m->buffer);
        if (m->out >= 3)
            break;
    }
    assert_string_equal(again.got.at[again.got.n - 3], "{\"a\":1}");
    assert_string_equal(again.got.at[again.got.n - 1], "{\"a\":3}");
    assert_int_equal(f.committed, 6);
    rule_end(&r);
    assert_int_equal(c.closes, 1);
    assert_int_equal(again.closes, 1);
    collect_forget(&c);
    collect_forget(&again);
}
static void forgotten(void **state) {
    feed f = {0};
    collect c;
    rule r;
    away(&c);
    rule_open(&r, &f, sql, make_src(false, ""), pages, &c, 0, false);
    for (int i = 0; i < 9; i++)
        feed_n(&f, "{\"a\":%d}", i, 1);
    rule_end(&r);
    assert_true(files() > 0);
    sl_flow_forget(home, SL_S("rule"));
    sl_flow_forget(home, SL_S("../../.."));
    assert_true(files() > 0);
    sl_flow_forget(home, SL_S("rule1"));
    assert_int_equal(files(), 0);
    assert_false(sl_file_exists(dir));
    collect_forget(&c);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(overflows, wipe), cmocka_unit_test_teardown(holds_back, wipe), cmocka_unit_test_teardown(over_restarts, wipe),
        cmocka_unit_test_teardown(not_twice, wipe), cmocka_unit_test_teardown(page_stays, wipe), cmocka_unit_test_teardown(damaged, wipe),
        cmocka_unit_test_teardown(no_disk, wipe),   cmocka_unit_test_teardown(beside, wipe),     cmocka_unit_test_teardown(forgotten, wipe),
    };
    return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
