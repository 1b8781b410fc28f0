/* The journal of a flow: acknowledged when durable, kept until a checkpoint contains it, replayed after an end without warning (the folder is put aside in the midst of
 * work and put back), repetitions recognised, a disk that takes nothing. */
#include <signal.h>
#include <sys/resource.h>
#include "flow_kit.h"

static const char *const counts = "SELECT count(*) AS c, sum(a) AS s FROM demo GROUP BY COUNTWINDOW(5)";

/* ---- a source with a journal: packets with identifiers ---- */
static sl_source_ops jops;
static const sl_conn_def jfeed_def = {.name = "feed", .title = "Feed", .doc = "", .source = &jops};
typedef struct packet {
    feed *f;
    int a;
    uint16_t id;
    bool again;
} packet;
static void packet_there(void *arg) {
    packet *k = arg;
    char b[40];
    sl_packet p = {.bytes = sl_str_n(b, (size_t)sprintf(b, "{\"a\":%d}", k->a)), .pos = ++k->f->pos, .id = k->id, .again = k->again};
    k->f->told |= !k->f->out->bytes(k->f->out, &p);
    k->f->out->drained(k->f->out);
}
static void give_one(feed *f, int a, uint16_t id, bool again) { on_lane(packet_there, &(packet){f, a, id, again}); }

typedef struct many {
    feed *f;
    int first, n;
} many;
static void many_there(void *arg) {
    many *m = arg;
    for (int i = m->first; i < m->first + m->n; i++)
        packet_there(&(packet){m->f, i, (uint16_t)(i + 1), false});
}

/* ---- the office's side: keeps the state, or does not ---- */
typedef struct shelf {
    sl_buf state;
    int kept;
    bool refuse;
} shelf;
static bool keep(void *arg, sl_str rule_id, sl_str state) { /* @on office */
    shelf *s = arg;
    if (s->refuse)
        return false;
    sl_buf_clear(&s->state);
    sl_buf_str(&s->state, state);
    s->kept++;
    return true;
}
static const char *sink_opts = "{}";
static void begin(rule *r, feed *f, const char *sql, collect *c, shelf *s, int64_t checkpoint_ms) {
    sl_flowspec *spec;
    sl_srcdef *d = make_src(false, "");
    jops = feed_ops;
    jops.journal = true;
    d->def = &jfeed_def;
    *r = (rule){.f = f};
    *f = (feed){0};
    rule_spec(r, sql, d, sink_opts, c, 1, false, &spec);
    spec->keep = keep;
    spec->keep_arg = s;
    spec->checkpoint_ms = checkpoint_ms;
    if (s->state.n) {
        spec->state = sl_strdup_n(s->state.p, s->state.n);
        spec->nstate = s->state.n;
    }
    feed_now = f;
    assert_null(sl_flow_new(spec, office, on_event, r, &r->flow));
    sl_flow_open(r->flow);
    on_lane(nothing, NULL);
}
static sl_journal_meters look(rule *r) {
    r->asked = false;
    sl_flow_meters(r->flow, on_meters, r);
    while (!r->asked)
        sl_loop_run(office);
    assert_non_null(r->m.journal);
    return *r->m.journal;
}
#define UNTIL(cond)                                                                                                                                                                \
    do {                                                                                                                                                                           \
        int tries_ = 0;                                                                                                                                                            \
        while (!(cond)) {                                                                                                                                                          \
            office_turn(5);                                                                                                                                                        \
            if (++tries_ > 2000)                                                                                                                                                   \
                fail_msg("waited in vain for %s", #cond);                                                                                                                          \
        }                                                                                                                                                                          \
    } while (0)
typedef struct glance { /* the lane goes on meanwhile: it is asked there */
    const feed *f;
    uint64_t committed;
    bool paused;
} glance;
static void glance_there(void *arg) {
    glance *g = arg;
    g->committed = g->f->committed;
    g->paused = g->f->paused;
}
static uint64_t committed(const feed *f) {
    glance g = {.f = f};
    on_lane(glance_there, &g);
    return g.committed;
}
static bool held_back(const feed *f) {
    glance g = {.f = f};
    on_lane(glance_there, &g);
    return g.paused;
}
/* The end without warning: what is on the disk now is what the next life finds. */
static void kill_flow(rule *r, shelf *s) {
    sl_buf then = {0};
    sl_buf_str(&then, sl_buf_view(&s->state));
    char cmd[400];
    snprintf(cmd, sizeof cmd, "rm -rf %s/aside; cp -r %s/data/journal/rule1 %s/aside", home, home, home);
    assert_int_equal(system(cmd), 0);
    s->refuse = true;
    rule_end(r);
    s->refuse = false;
    snprintf(cmd, sizeof cmd, "rm -rf %s/data/journal/rule1; mv %s/aside %s/data/journal/rule1", home, home, home);
    assert_int_equal(system(cmd), 0);
    sl_buf_free(&s->state);
    s->state = then;
}
static void over(rule *r, collect *c, shelf *s) {
    rule_end(r);
    collect_forget(c);
    sl_buf_free(&s->state);
    sl_flow_forget(home, SL_S("rule1"));
    char path[100];
    snprintf(path, sizeof path, "%s/data/journal/rule1", home);
    assert_int_equal(access(path, F_OK), -1);
}

static void acknowledged_when_durable(void **state) {
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, AT_ONCE);
    begin(&r, &f, counts, &c, &s, 0);
    UNTIL(s.kept == 1); /* a journal begins with a state */
    for (int i = 0; i < 3; i++)
        give_one(&f, i, (uint16_t)(i + 1), false);
    UNTIL(committed(&f) == 3); /* although the window waits for two more */
    assert_int_equal(c.got.n, 0);
    sl_journal_meters j = look(&r);
    assert_int_equal(j.durable, 3);
    assert_int_equal(j.cursor, 0);
    assert_int_equal(s.kept, 1);
    kill_flow(&r, &s);
    begin(&r, &f, counts, &c, &s, 0);
    UNTIL(look(&r).replayed == 3 && !look(&r).replaying);
    give_one(&f, 3, 4, false);
    give_one(&f, 4, 5, false);
    want_got(&c, 1);
    assert_string_equal(c.got.at[0], "{\"c\":5,\"s\":10}");
    over(&r, &c, &s);
}
static void repetitions(void **state) {
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, AT_ONCE);
    begin(&r, &f, counts, &c, &s, 0);
    for (int i = 0; i < 3; i++)
        give_one(&f, i, (uint16_t)(i + 1), false);
    UNTIL(committed(&f) == 3);
    kill_flow(&r, &s);
    begin(&r, &f, counts, &c, &s, 0);
    give_one(&f, 1, 2, true); /* the broker did not hear of the last two */
    give_one(&f, 2, 3, true);
    give_one(&f, 7, 1, true); /* another message with an identifier that was used */
    UNTIL(committed(&f) == 3);
    assert_int_equal(look(&r).repeated, 2);
    give_one(&f, 2, 3, true); /* and again, in the same life */
    UNTIL(committed(&f) == 4);
    assert_int_equal(look(&r).repeated, 3);
    give_one(&f, 2, 3, false); /* the same bytes, but new */
    want_got(&c, 1);
    assert_string_equal(c.got.at[0], "{\"c\":5,\"s\":12}"); /* 0 1 2 7 2 */
    over(&r, &c, &s);
}
/* A state is kept only when what left the statement before was delivered. */
static void undelivered(void **state) {
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, LATER_BY_TEST);
    begin(&r, &f, counts, &c, &s, 10);
    UNTIL(s.kept == 1);
    on_lane(many_there, &(many){&f, 0, 7}); /* in one turn */
    UNTIL(committed(&f) == 7);
    assert_int_equal(c.got.n, 1);
    office_turn(100);
    assert_int_equal(s.kept, 1);
    assert_int_equal(look(&r).cursor, 0);
    answer_n(&c, 0, 1, SL_DELIVERED);
    UNTIL(s.kept >= 2 && look(&r).cursor == 7);
    on_lane(many_there, &(many){&f, 7, 3});
    assert_int_equal(c.got.n, 2); /* 5 6 7 8 9, not delivered */
    UNTIL(committed(&f) == 10);
    kill_flow(&r, &s);
    collect_forget(&c);
    begin(&r, &f, counts, &c, &s, 10);
    want_got(&c, 1); /* it comes again */
    assert_string_equal(c.got.at[0], "{\"c\":5,\"s\":35}");
    answer_n(&c, 0, 1, SL_DELIVERED);
    UNTIL(look(&r).cursor == 10);
    give_one(&f, 1, 11, false);
    UNTIL(committed(&f) == 1);
    c.mode = AT_ONCE;
    rule_end(&r); /* with a grace: all of it is kept */
    begin(&r, &f, counts, &c, &s, 0);
    UNTIL(!look(&r).replaying);
    assert_int_equal(look(&r).replayed, 0);
    for (int i = 0; i < 4; i++)
        give_one(&f, 1, (uint16_t)(i + 12), false);
    want_got(&c, 2);
    assert_string_equal(c.got.at[1], "{\"c\":5,\"s\":5}");
    over(&r, &c, &s);
}
/* Nothing is acknowledged while there is no state to go back to; when it cannot be kept, the rule does not run. */
static void no_state(void **state) {
    feed f;
    collect c;
    rule r;
    shelf s = {.refuse = true};
    collect_init(&c, AT_ONCE);
    begin(&r, &f, counts, &c, &s, 0);
    UNTIL(r.events);
    assert_int_equal(r.event, SL_FLOW_FAILED);
    assert_string_equal(r.why, "the rule cannot begin: its state cannot be kept");
    assert_int_equal(committed(&f), 0);
    over(&r, &c, &s);
}
static void other_plan(void **state) {
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, AT_ONCE);
    begin(&r, &f, counts, &c, &s, 0);
    for (int i = 0; i < 3; i++)
        give_one(&f, i, (uint16_t)(i + 1), false);
    UNTIL(committed(&f) == 3);
    kill_flow(&r, &s);
    begin(&r, &f, "SELECT count(*) AS c, sum(a) AS s FROM demo GROUP BY COUNTWINDOW(2)", &c, &s, 0);
    give_one(&f, 2, 3, true); /* not acknowledged before: it counts here */
    give_one(&f, 9, 4, false);
    want_got(&c, 1);
    assert_string_equal(c.got.at[0], "{\"c\":2,\"s\":11}");
    assert_int_equal(look(&r).replayed, 0);
    over(&r, &c, &s);
}
/* What comes while old packets are replayed is kept, acknowledged, and taken behind them. */
static void while_replaying(void **state) {
    enum { N = 3000 };
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, AT_ONCE);
    const char *all = "SELECT a, lag(a) AS b FROM demo";
    begin(&r, &f, all, &c, &s, 0);
    on_lane(many_there, &(many){&f, 0, N});
    UNTIL(committed(&f) == N);
    want_got(&c, N);
    kill_flow(&r, &s);
    collect_forget(&c);
    c.mode = LATER_BY_TEST;
    sink_opts = "{\"bufferLength\":100}";
    begin(&r, &f, all, &c, &s, 0);
    UNTIL(held_back(&f)); /* the sink is slow: so is the replay */
    sl_journal_meters j = look(&r);
    assert_true(j.replaying && j.replayed < N);
    on_lane(many_there, &(many){&f, N, 10});
    UNTIL(committed(&f) == 10);
    assert_true(look(&r).replaying);
    size_t n = c.got.n;
    assert_in_range(n, 50, N - 1);
    collect_mode(&c, AT_ONCE);
    answer_n(&c, 0, n, SL_DELIVERED);
    want_got(&c, N + 10);
    UNTIL(committed(&f) == 10);
    UNTIL(!look(&r).replaying);
    on_lane(many_there, &(many){&f, N + 10, 10});
    want_got(&c, N + 20);
    assert_string_equal(c.got.at[0], "{\"a\":0}");
    for (int i = 1; i < N + 20; i++) {
        char want[60];
        snprintf(want, sizeof want, "{\"a\":%d,\"b\":%d}", i, i - 1);
        assert_string_equal(c.got.at[i], want);
    }
    assert_int_equal(look(&r).replayed, N + 10);
    sink_opts = "{}";
    over(&r, &c, &s);
}
static void full_disk(void **state) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    feed f;
    collect c;
    rule r;
    shelf s = {0};
    collect_init(&c, AT_ONCE);
    begin(&r, &f, counts, &c, &s, 10);
    give_one(&f, 0, 1, false);
    UNTIL(committed(&f) == 1);
    UNTIL(look(&r).cursor == 1);
    small = was;
    small.rlim_cur = 60;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    give_one(&f, 1, 2, false);
    UNTIL(held_back(&f));
    assert_int_equal(committed(&f), 1);
    sl_journal_meters j = look(&r);
    assert_non_null(strstr(j.trouble, "File too large"));
    assert_int_equal(j.durable, 1);
    assert_int_equal(j.cursor, 1); /* no state with a packet that is not durable */
    const char *why = NULL;
    for (uint32_t i = 0; i < r.m.n; i++)
        if (r.m.at[i].where == 0)
            why = r.m.at[i].last_error;
    assert_non_null(strstr(why, "the journal cannot be written (write "));
    assert_non_null(strstr(why, "the source waits, nothing is acknowledged"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    UNTIL(!held_back(&f));
    UNTIL(committed(&f) == 2);
    UNTIL(look(&r).cursor == 2);
    assert_string_equal(look(&r).trouble, "");
    for (int i = 2; i < 5; i++)
        give_one(&f, i, (uint16_t)(i + 1), false);
    want_got(&c, 1);
    assert_string_equal(c.got.at[0], "{\"c\":5,\"s\":10}");
    over(&r, &c, &s);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_when_durable), cmocka_unit_test(repetitions), cmocka_unit_test(undelivered), cmocka_unit_test(no_state), cmocka_unit_test(other_plan),
        cmocka_unit_test(while_replaying),           cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
