/* Batches: columns and tails come back as written, frames and marks stand where they were put, undo forgets a message,
 * references and tickets are counted, and the pool makes steady state free of allocation. */
#include "kit.h"
#include <malloc.h>
#include "data/batch.h"

static sl_layout *layout_of(const char *const *names, uint32_t n) {
    sl_str s[64];
    for (uint32_t i = 0; i < n; i++)
        s[i] = sl_str_of(names[i]);
    return sl_layout_new(s, n, 1);
}
static void layout_finds_every_name(void **st) {
    (void)st;
    char text[2000][16];
    sl_str *names = malloc(2000 * sizeof *names);
    for (int i = 0; i < 2000; i++)
        names[i] = (sl_str){text[i], (size_t)sprintf(text[i], "c%d", i)};
    sl_layout *l = sl_layout_new(names, 2000, 3);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(sl_layout_find(l, names[i]), i);
    assert_int_equal(sl_layout_find(l, SL_S("c2000")), -1);
    assert_int_equal(sl_layout_find(l, SL_S("")), -1);
    assert_int_equal(l->version, 3);
    sl_layout_drop(sl_layout_hold(l));
    assert_int_equal(sl_layout_find(l, SL_S("c7")), 7);
    sl_layout_drop(l);
    free(names);
}
/* Columns of many rows at once do not run into each other, however many there are, nor into rows that come singly. */
static void bulk_rows_come_back(void **st) {
    (void)st;
    const char *names[] = {"a", "b", "c"};
    for (uint32_t n = 1; n < 1400; n += n < 200 || n > 300 ? 13 : 1) {
        sl_layout *l = layout_of(names, 3);
        sl_builder *w = sl_builder_new(l, true);
        sl_value *cols[3];
        for (uint32_t i = 0; i < n % 5; i++) {
            sl_builder_row(w);
            sl_builder_set(w, 2, sl_v_int(-1));
            sl_builder_end(w);
        }
        assert_true(sl_builder_bulk(w, n, cols));
        for (uint32_t c = 0; c < 3; c++)
            for (uint32_t i = 0; i < n; i++)
                cols[c][i] = sl_v_int((int64_t)i * 3 + c);
        bool more = n > 1000; /* room grows twofold for it, and would be there for those that follow */
        if (more) {
            sl_builder_row(w);
            sl_builder_set(w, 1, sl_v_int(-2));
            sl_builder_end(w);
        }
        sl_batch *b = sl_builder_done(w, 1);
        assert_int_equal(b->nrows, n % 5 + n + more);
        for (uint32_t c = 0; c < 3; c++) {
            for (uint32_t i = 0; i < n % 5; i++)
                assert_int_equal(b->cols[c][i].kind, c == 2 ? SL_INT : SL_ABSENT);
            for (uint32_t i = 0; i < n; i++)
                assert_int_equal(b->cols[c][n % 5 + i].i, (int64_t)i * 3 + c);
            if (more)
                assert_int_equal(b->cols[c][b->nrows - 1].kind, c == 1 ? SL_INT : SL_ABSENT);
        }
        sl_batch_drop(b);
        sl_builder_free(w);
        sl_layout_drop(l);
    }
}
static void rows_come_back(void **st) {
    (void)st;
    const char *names[] = {"a", "b", "c"};
    sl_layout *l = layout_of(names, 3);
    sl_builder *w = sl_builder_new(l, true);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            sl_builder_row(w);
            sl_builder_set(w, 0, sl_v_int(i));
            if (i % 3)
                sl_builder_put(w, SL_S("c"), sl_v_float(i * 0.5));
            if (i % 7 == 0) {
                sl_builder_put(w, SL_S("x"), sl_v_int(1));
                sl_builder_put(w, SL_S("y"), sl_v_bool(true));
                sl_builder_put(w, SL_S("x"), sl_v_int(-i));
            }
            if (i % 11 == 0) {
                sl_builder_cancel(w);
                sl_builder_row(w);
                sl_builder_time(w, i);
            }
            sl_builder_end(w);
        }
        sl_batch *b = sl_builder_done(w, 77);
        assert_int_equal(b->nrows, 5000);
        assert_int_equal(b->at, 77);
        assert_null(b->frames);
        for (uint32_t i = 0; i < 5000; i++) {
            sl_value a = sl_batch_get(b, i, SL_S("a")), c = sl_batch_get(b, i, SL_S("c")), x = sl_batch_get(b, i, SL_S("x"));
            if (i % 11 == 0) {
                assert_int_equal(a.kind, SL_ABSENT);
                assert_int_equal(c.kind, SL_ABSENT);
                assert_int_equal(x.kind, SL_ABSENT);
                assert_int_equal(b->time[i], i);
                continue;
            }
            assert_int_equal(b->time[i], 77);
            assert_int_equal(a.i, i);
            assert_int_equal(c.kind, i % 3 ? SL_FLOAT : SL_ABSENT);
            assert_int_equal(b->cols[1][i].kind, SL_ABSENT);
            if (i % 7 == 0) {
                assert_int_equal(x.i, -(int64_t)i);
                assert_int_equal(b->tails[i].n, 2);
            } else
                assert_int_equal(b->tails[i].n, 0);
        }
        sl_value row = sl_batch_row(b, 7, b->arena);
        assert_int_equal(row.len, 4);
        sl_batch_drop(b);
    }
    sl_builder_free(w);
    sl_layout_drop(l);
}
static void long_tails_keep_last_of_equal_keys(void **st) {
    (void)st;
    sl_layout *l = sl_layout_new(NULL, 0, 0);
    sl_builder *w = sl_builder_new(l, true);
    sl_builder_row(w);
    for (int i = 0; i < 1000; i++) {
        sl_str key = sl_arena_printf(sl_builder_arena(w), "k%d", i % 400);
        sl_builder_put(w, key, sl_v_int(i));
    }
    sl_builder_end(w);
    sl_batch *b = sl_builder_done(w, 0);
    assert_int_equal(b->tails[0].n, 400);
    for (int i = 0; i < 400; i++) {
        char key[16];
        int n = sprintf(key, "k%d", i);
        assert_int_equal(sl_batch_get(b, 0, sl_str_n(key, (size_t)n)).i, i < 200 ? 800 + i : 400 + i);
    }
    sl_batch_drop(b);
    sl_builder_free(w);
    sl_layout_drop(l);
}
static void frames_and_undo(void **st) {
    (void)st;
    const char *names[] = {"a"};
    sl_layout *l = layout_of(names, 1);
    sl_builder *w = sl_builder_new(l, false);
    for (int i = 0; i < 10; i++) {
        sl_builder_row(w);
        sl_builder_set(w, 0, sl_v_int(i));
        sl_builder_put(w, SL_S("other"), sl_v_int(1)); /* not wanted */
        sl_builder_end(w);
        if (i == 1)
            sl_builder_error(w, SL_S("bad"));
        if (i == 5)
            sl_builder_collection(w, 3);
        if (i == 6)
            sl_builder_mark(w, SL_MARK_WATERMARK, 42);
    }
    assert_int_equal(sl_builder_events(w), 11);
    sl_builder_undo(w, 8);
    assert_int_equal(sl_builder_rows(w), 8);
    sl_builder_row(w);
    sl_builder_end(w);
    sl_batch *b = sl_builder_done(w, 0);
    assert_int_equal(b->nrows, 9);
    assert_int_equal(b->cols[0][8].kind, SL_ABSENT); /* not what stood there before the undo */
    assert_null(b->tails);
    static const struct {
        uint8_t kind;
        uint32_t first, count;
    } want[] = {{SL_FRAME_ROW, 0, 1},        {SL_FRAME_ROW, 1, 1}, {SL_FRAME_ERROR, 2, 0}, {SL_FRAME_ROW, 2, 1},
                {SL_FRAME_COLLECTION, 3, 3}, {SL_FRAME_ROW, 6, 1}, {SL_FRAME_ROW, 7, 1},   {SL_FRAME_ROW, 8, 1}};
    assert_int_equal(b->nframes, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(b->frames[i].kind, want[i].kind);
        assert_int_equal(b->frames[i].first, want[i].first);
        assert_int_equal(b->frames[i].count, want[i].count);
    }
    assert_true(sl_str_is(b->frames[2].error, "bad"));
    assert_int_equal(b->nmarks, 1);
    assert_int_equal(b->marks[0].row, 7);
    sl_batch_drop(b);
    sl_builder_free(w);
    sl_layout_drop(l);
}
static int settled;
static void on_settled(sl_ticket *t) {
    settled++;
    free(t);
}
static void derived_batches_hold_base_and_ticket(void **st) {
    (void)st;
    settled = 0;
    const char *names[] = {"a"}, *more[] = {"a", "b"};
    sl_layout *l = layout_of(names, 1), *l2 = layout_of(more, 2);
    sl_builder *w = sl_builder_new(l, false);
    sl_builder_row(w);
    sl_builder_set(w, 0, sl_v_str(sl_arena_dup(sl_builder_arena(w), SL_S("hello"))));
    sl_builder_end(w);
    sl_batch *b = sl_builder_done(w, 5);
    sl_ticket *t = calloc(1, sizeof *t);
    t->settled = on_settled;
    atomic_init(&t->holders, 1);
    b->ticket = t;
    sl_batch *d = sl_batch_derive(b, l2, 1);
    assert_int_equal(d->at, 5);
    d->cols[0][0] = b->cols[0][0];
    d->cols[1][0] = sl_v_int(2);
    sl_builder_base(w, d);
    sl_builder_row(w);
    sl_builder_set(w, 0, d->cols[0][0]);
    sl_builder_end(w);
    sl_batch *e = sl_builder_done(w, 6);
    sl_batch_drop(b);
    sl_batch_drop(d);
    assert_int_equal(settled, 0);
    assert_true(sl_str_is(sl_v_text(e->cols[0][0]), "hello"));
    sl_batch_drop(e);
    assert_int_equal(settled, 1);
    sl_builder_free(w);
    sl_layout_drop(l);
    sl_layout_drop(l2);
}
static void one_batch(sl_builder *w, int rows) {
    for (int i = 0; i < rows; i++) {
        sl_builder_row(w);
        sl_builder_set(w, 0, sl_v_int(i));
        sl_builder_put(w, SL_S("tail"), sl_v_str(sl_arena_dup(sl_builder_arena(w), SL_S("some text of a row that needs room"))));
        sl_builder_end(w);
    }
    sl_builder_collection(w, 0);
    sl_batch_drop(sl_builder_done(w, 0));
}
static void steady_state_allocates_nothing(void **st) {
    (void)st;
    const char *names[] = {"a", "b"};
    sl_layout *l = layout_of(names, 2);
    sl_builder *w = sl_builder_new(l, true);
    for (int i = 0; i < 6; i++)
        one_batch(w, 3000);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 20; i++)
        one_batch(w, 3000);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(before.uordblks, after.uordblks);
    assert_int_equal(before.hblks, after.hblks);
    sl_builder_free(w);
    sl_layout_drop(l);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_rows_come_back), /* first, while the pool is empty */
        cmocka_unit_test(layout_finds_every_name),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(long_tails_keep_last_of_equal_keys),
        cmocka_unit_test(frames_and_undo),
        cmocka_unit_test(derived_batches_hold_base_and_ticket),
        cmocka_unit_test(steady_state_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
