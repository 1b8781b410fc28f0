/* Windows against hostile time and hostile keys: one timestamp from a far future, a session of very many rows, partitions that come and go. */
#include "kit.h"
#include "sql/window.h"
#include "sql/wmark.h"

static unsigned fired, held, most;
static int64_t last_end;
static void on_fire(void *arg, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end) {
    fired++;
    held += n;
    most = n > most ? n : most;
    assert_true(end >= last_end && (n == 0 || rows[0]->time >= start));
    last_end = end;
}
static const uint32_t ncells[] = {1};
static sl_win *window(sl_wspec *s) {
    fired = held = most = 0;
    last_end = INT64_MIN;
    s->ncells = ncells;
    s->zone = SL_ZONE_UTC;
    sl_win *w = sl_win_new(s, 0, on_fire, NULL);
    assert_non_null(w);
    return w;
}
static void row(sl_krows *k, sl_win *w, int64_t time, sl_winrow x) {
    x.row = sl_krow_new(k, 1, 0);
    assert_non_null(x.row);
    x.row->time = time;
    assert_true(sl_win_rows(w, &x, 1, time));
    sl_krow_drop(x.row);
}
static void far_future(void **unused) {
    static const sl_wspec specs[] = {{.kind = SL_W_TUMBLING, .unit = 3, .length = 1, .length_ms = 1000, .event_time = true},
                                     {.kind = SL_W_HOPPING, .unit = 3, .length = 10, .interval = 1, .length_ms = 10000, .interval_ms = 1000, .event_time = true}};
    for (int i = 0; i < 2; i++) {
        sl_wspec s = specs[i];
        sl_krows k = {0};
        sl_win *w = window(&s);
        int64_t far = INT64_C(9000) * 365 * 86400000;
        row(&k, w, 1500, (sl_winrow){0});
        assert_true(sl_win_mark(w, 1500));
        row(&k, w, far, (sl_winrow){0});
        assert_true(sl_win_mark(w, far));
        assert_true(fired >= 100 && fired < 3000); /* not one for every second of nine thousand years */
        unsigned per_row = i == 0 ? 1 : 10;
        row(&k, w, far + 500, (sl_winrow){0});
        row(&k, w, far + 60000, (sl_winrow){0});
        assert_true(sl_win_mark(w, far + 60000));
        assert_int_equal(held, 3 * per_row); /* and nothing is lost; the last row is in no window yet */
        sl_win_free(w);
        sl_krows_end(&k);
        assert_int_equal(k.bytes, 0);
    }
}
static void long_session(void **unused) {
    enum { ROWS = 20000 };
    sl_wspec s = {.kind = SL_W_SESSION, .unit = 0, .length = 1, .interval = 1, .length_ms = 86400000, .interval_ms = 1000, .event_time = true};
    sl_krows k = {0};
    sl_win *w = window(&s);
    for (int i = 0; i < ROWS; i++) {
        row(&k, w, 1000 + i * 10, (sl_winrow){0});
        assert_true(sl_win_mark(w, 1000 + i * 10));
    }
    assert_int_equal(fired, 0);
    row(&k, w, 86300000, (sl_winrow){0});
    assert_true(sl_win_mark(w, 86300000));
    assert_int_equal(fired, 1);
    assert_int_equal(held, ROWS);
    sl_win_free(w);
    sl_krows_end(&k);
    assert_int_equal(k.bytes, 0);
}
/* In event time too the greatest length is measured on ticks of the clock's field, and finding the next one costs nothing however long ago time began. */
static void session_ticks(void **unused) {
    sl_wspec s = {.kind = SL_W_SESSION, .unit = 3, .length = 11, .interval = 2, .length_ms = 11000, .interval_ms = 2000, .event_time = true};
    int64_t minute = 1699999980000;
    sl_krows k = {0};
    sl_win *w = window(&s);
    for (int i = 0; i < 30000; i += 10) {
        row(&k, w, minute + i, (sl_winrow){0});
        assert_true(sl_win_mark(w, minute + i));
        assert_int_equal(fired, i >= 22000 ? 1 : 0); /* second 11 is not more than the length after its begin, second 22 is */
    }
    assert_int_equal(last_end, minute + 22000);
    assert_int_equal(held, 2200);
    sl_win_free(w);
    sl_krows_end(&k);
}
static void wait_for(sl_krows *k, sl_wm *w, uint16_t src, int64_t time) {
    sl_krow *r = sl_krow_new(k, 1, 0);
    bool moved;
    assert_non_null(r);
    r->src = src;
    r->time = time;
    assert_true(sl_wm_add(w, r, &moved));
}
/* One stream far ahead of another: its rows wait, leave in order of time and arrival, and cost the other's rows nothing. */
static void ahead(void **unused) {
    enum { ROWS = 200000 };
    static const uint32_t cells[] = {1, 1};
    sl_krows k = {0};
    sl_wm *w = sl_wm_new(2, 0, 0, 0);
    assert_non_null(w);
    for (int i = 0; i < ROWS; i++)
        wait_for(&k, w, 0, i);
    assert_int_equal(sl_wm_ready(w), 0);
    for (int i = 0; i < ROWS; i += 2)
        wait_for(&k, w, 1, i);
    assert_int_equal(sl_wm_mark(w), ROWS - 2);
    assert_int_equal(sl_wm_ready(w), ROWS - 1 + ROWS / 2);
    sl_buf saved = {0};
    sl_wm_save(w, cells, &saved);
    assert_false(saved.failed);
    sl_wm *again = sl_wm_new(2, 0, 0, 0);
    sl_str at = sl_buf_view(&saved);
    assert_null(sl_wm_load(again, &k, cells, &at));
    assert_int_equal(at.n, 0);
    for (int i = 0; i < ROWS - 1; i++)
        for (uint16_t src = 0; src < (i % 2 ? 1 : 2); src++) { /* of equal times the one that came first */
            sl_krow *a = sl_wm_take(w), *b = sl_wm_take(again);
            assert_int_equal(a->time, i);
            assert_int_equal(a->src, src);
            assert_int_equal(b->time, i);
            assert_int_equal(b->src, src);
            sl_krow_drop(a);
            sl_krow_drop(b);
        }
    assert_int_equal(sl_wm_ready(again), 0);
    sl_wm_free(w);
    sl_wm_free(again);
    sl_buf_free(&saved);
    sl_krows_end(&k);
    assert_int_equal(k.bytes, 0);
}
static void partitions(void **unused) {
    enum { KEYS = 20000 };
    sl_wspec s = {.kind = SL_W_STATE, .two = true};
    sl_krows k = {0};
    sl_win *w = window(&s);
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(key, sizeof key, "k%d", i);
        row(&k, w, i, (sl_winrow){.part = sl_str_n(key, (size_t)n), .emit = true}); /* idle: leaves nothing behind */
        row(&k, w, i, (sl_winrow){.part = sl_str_n(key, (size_t)n), .begin = true});
        row(&k, w, i, (sl_winrow){.part = sl_str_n(key, (size_t)n), .emit = true});
    }
    assert_int_equal(fired, KEYS);
    assert_int_equal(held, 2 * KEYS);
    sl_buf b = {0};
    sl_win_save(w, &b);
    assert_true(b.n < 256); /* partitions that are done are forgotten */
    sl_buf_free(&b);
    sl_win_free(w);
    sl_krows_end(&k);
    assert_int_equal(k.bytes, 0);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(far_future), cmocka_unit_test(long_session), cmocka_unit_test(session_ticks), cmocka_unit_test(ahead),
                                   cmocka_unit_test(partitions)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
