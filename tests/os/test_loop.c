/* Loops: order of posts, timers under the held and the running clock, deferred calls, jobs. */
#include "kit.h"
#include <stdatomic.h>
#include "os/loop.h"

typedef struct bed {
    sl_loop *l;
    sl_timer *t[64];
    int64_t at[256];
    int who[256];
    int n;
} bed;
static bed b;
static void fired(void *arg) {
    b.at[b.n] = sl_now(b.l);
    b.who[b.n++] = (int)(intptr_t)arg;
}
static void rearm(void *arg) {
    fired(arg);
    if (b.n < 5)
        sl_timer_in(b.t[0], 10);
}
static void put_off(void *arg) { assert_true(sl_defer(b.l, fired, arg)); }

static void test_held(void **s) {
    sl_clock_hold(1000);
    b = (bed){.l = sl_loop_new("t")};
    assert_int_equal(sl_now(b.l), 1000);
    assert_true(sl_clock_held());
    for (int i = 0; i < 64; i++) {
        b.t[i] = sl_timer_new(b.l, fired, (void *)(intptr_t)i);
        sl_timer_at(b.t[i], 1000 + (i * 37) % 64 * 10); /* scrambled */
    }
    sl_timer_stop(b.t[1]);
    sl_timer_free(b.t[2]);
    assert_int_equal(sl_clock_next(b.l), 1000);
    sl_clock_move(b.l, 1315);
    assert_int_equal(sl_now(b.l), 1315);
    int at_first = b.n;
    assert_in_range(at_first, 30, 32);
    sl_clock_move(b.l, 9000);
    assert_int_equal(b.n, 62);
    for (int i = 0; i < 62; i++) {
        assert_int_equal(b.at[i], 1000 + (b.who[i] * 37) % 64 * 10);
        if (i)
            assert_true(b.at[i] > b.at[i - 1]);
    }
    assert_int_equal(sl_clock_next(b.l), INT64_MAX);
    for (int i = 0; i < 64; i++)
        if (i != 2)
            sl_timer_free(b.t[i]);
    /* equal instants in order of arming; a timer that arms itself; deferred work belongs to the instant */
    b.n = 0;
    sl_timer *x = sl_timer_new(b.l, fired, (void *)1), *y = sl_timer_new(b.l, put_off, (void *)2), *z = sl_timer_new(b.l, fired, (void *)3);
    sl_timer_at(z, 9100);
    sl_timer_at(x, 9050);
    sl_timer_at(y, 9050);
    sl_clock_move(b.l, 9200);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.who[0], 1);
    assert_int_equal(b.who[1], 2);
    assert_int_equal(b.at[1], 9050);
    assert_int_equal(b.who[2], 3);
    sl_timer_free(x);
    sl_timer_free(y);
    sl_timer_free(z);
    b.n = 0;
    b.t[0] = sl_timer_new(b.l, rearm, NULL);
    sl_timer_in(b.t[0], 10);
    sl_clock_move(b.l, 9300);
    assert_int_equal(b.n, 5);
    assert_int_equal(b.at[4], 9250);
    sl_timer_free(b.t[0]);
    sl_loop_free(b.l);
    sl_clock_hold(-1);
}

static void stop_it(void *arg) {
    fired(arg);
    sl_loop_stop(b.l);
}
/* Timers that are always due again leave room for letters: two of them, one of each clock, and a letter that ends the loop. */
static int turns;
static void due_again(void *arg) {
    turns++;
    sl_timer_in(b.t[(intptr_t)arg], 0);
}
static void enough(void *arg) {
    if (turns < 100)
        sl_post(b.l, enough, arg);
    else
        sl_loop_stop(b.l);
}
static void test_busy(void **s) {
    b = (bed){.l = sl_loop_new("t")};
    b.t[0] = sl_timer_new(b.l, due_again, (void *)0);
    b.t[1] = sl_timer_real(b.l, due_again, (void *)1);
    sl_timer_in(b.t[0], 0);
    sl_timer_in(b.t[1], 0);
    sl_post(b.l, enough, NULL);
    sl_loop_run(b.l);
    assert_true(turns >= 100);
    sl_timer_free(b.t[0]);
    sl_timer_free(b.t[1]);
    sl_loop_free(b.l);
}
static void test_running(void **s) {
    b = (bed){.l = sl_loop_new("t")};
    assert_false(sl_clock_held());
    assert_true(sl_now(b.l) > 1600000000000);
    sl_timer *x = sl_timer_new(b.l, fired, (void *)1), *y = sl_timer_real(b.l, fired, (void *)2), *z = sl_timer_new(b.l, stop_it, (void *)3);
    int64_t start = sl_now(b.l);
    sl_timer_in(z, 60);
    sl_timer_in(y, 20);
    sl_timer_at(x, start + 5);
    sl_loop_run(b.l);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.who[0], 1);
    assert_int_equal(b.who[1], 2);
    assert_true(b.at[0] >= start + 5 && b.at[2] >= start + 60);
    /* held: the ordinary timer stands, the real one runs and ends the loop; the loop can run again */
    sl_clock_hold(5000);
    b.n = 0;
    sl_timer *end = sl_timer_real(b.l, stop_it, (void *)4);
    sl_timer_at(x, 4000);
    sl_timer_in(end, 30);
    sl_loop_run(b.l);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.who[0], 4);
    sl_clock_hold(-1);
    sl_timer_free(x);
    sl_timer_free(y);
    sl_timer_free(z);
    sl_timer_free(end);
    sl_timer_free(NULL);
    sl_loop_free(b.l);
}

/* posts from several threads: all arrive, each thread's in its order, on the loop's thread */
enum { THREADS = 4, POSTS = 5000 };
static int last[THREADS], total;
static bool in_order = true;
static void got(void *arg) {
    int v = (int)(intptr_t)arg, who = v / POSTS;
    in_order = in_order && sl_loop_mine(b.l) && last[who] == v % POSTS;
    last[who]++;
    if (++total == THREADS * POSTS)
        sl_loop_stop(b.l);
}
static void poster(void *arg) {
    int who = (int)(intptr_t)arg;
    for (int i = 0; i < POSTS; i++)
        sl_post(b.l, got, (void *)(intptr_t)(who * POSTS + i));
}
static void test_posts(void **s) {
    b = (bed){.l = sl_loop_new("posts")};
    assert_string_equal(sl_loop_name(b.l), "posts");
    sl_thread *t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_null(sl_thread_start("poster", poster, (void *)(intptr_t)i, &t[i]));
    sl_loop_run(b.l);
    for (int i = 0; i < THREADS; i++)
        sl_thread_join(t[i]);
    assert_int_equal(total, THREADS * POSTS);
    assert_true(in_order);
    /* what was posted before the stop runs */
    sl_post(b.l, fired, (void *)7);
    sl_loop_stop(b.l);
    sl_loop_run(b.l);
    assert_int_equal(b.n, 1);
    sl_loop_free(b.l);
}

/* a deferred call runs after the posts of the turn and may defer again */
static int rounds;
static void again(void *arg) {
    if (++rounds < 50)
        sl_defer(b.l, again, NULL);
    else
        sl_loop_stop(b.l);
}
static void defer_first(void *arg) {
    sl_defer(b.l, fired, (void *)2);
    fired((void *)1);
}
static void test_defer(void **s) {
    b = (bed){.l = sl_loop_new("defer")};
    sl_post(b.l, defer_first, NULL);
    sl_post(b.l, fired, (void *)9);
    sl_defer(b.l, again, NULL);
    sl_loop_run(b.l);
    assert_int_equal(rounds, 50);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.who[0], 1);
    assert_int_equal(b.who[1], 9);
    assert_int_equal(b.who[2], 2);
    sl_loop_free(b.l);
}

static atomic_int worked;
static void work(void *arg) {
    assert_false(sl_loop_mine(b.l));
    atomic_fetch_add(&worked, 1);
}
static void done(void *arg) {
    assert_true(sl_loop_mine(b.l));
    if (++*(int *)arg == 10)
        sl_loop_stop(b.l);
}
static void test_jobs(void **s) {
    b = (bed){.l = sl_loop_new("jobs")};
    int back = 0;
    for (int i = 0; i < 10; i++)
        assert_true(sl_job(b.l, work, done, &back));
    sl_loop_run(b.l);
    assert_int_equal(back, 10);
    assert_int_equal(atomic_load(&worked), 10);
    assert_true(sl_job(b.l, work, done, &back)); /* free waits for what is under way */
    sl_loop_free(b.l);
    assert_int_equal(back, 11);
    assert_true(sl_cpu_count() >= 1);
    assert_true(sl_rss_bytes() > 100000);
    assert_true(sl_cpu_seconds() > 0);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_held),  cmocka_unit_test(test_running), cmocka_unit_test(test_busy),
                                   cmocka_unit_test(test_posts), cmocka_unit_test(test_defer),   cmocka_unit_test(test_jobs)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
