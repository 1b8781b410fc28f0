/* Containers: arenas, buffers, maps, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

static void map_keeps_order_and_deletes(void **st) {
    (void)st;
    sl_map *m = sl_map_new();
    char key[32];
    for (intptr_t i = 1; i <= 1000; i++) {
        int n = sprintf(key, "k%ld", (long)i);
        assert_true(sl_map_set(m, sl_str_n(key, (size_t)n), (void *)i, NULL));
    }
    for (intptr_t i = 1; i <= 1000; i += 2) {
        int n = sprintf(key, "k%ld", (long)i);
        assert_int_equal((intptr_t)sl_map_del(m, sl_str_n(key, (size_t)n)), i);
    }
    assert_int_equal(sl_map_len(m), 500);
    size_t it = 0;
    intptr_t want = 2;
    void *v;
    sl_str k;
    while (sl_map_next(m, &it, &k, &v)) {
        assert_int_equal((intptr_t)v, want);
        want += 2;
    }
    assert_int_equal(want, 1002);
    assert_true(sl_map_set(m, SL_S("k1"), (void *)7, NULL));
    assert_int_equal((intptr_t)sl_map_get(m, SL_S("k1")), 7);
    assert_null(sl_map_get(m, SL_S("k3")));
    sl_map_free(m);
}
static void arena_marks_and_resets(void **st) {
    (void)st;
    sl_arena *a = sl_arena_new(0);
    char *p = sl_arena_alloc(a, 100);
    memset(p, 1, 100);
    sl_arena_mark m = sl_arena_here(a);
    for (int i = 0; i < 100; i++)
        memset(sl_arena_alloc(a, 5000), 2, 5000);
    sl_arena_back(a, m);
    assert_int_equal(p[99], 1);
    sl_arena_reset(a);
    assert_false(sl_arena_failed(a));
    sl_str s = sl_arena_printf(a, "%s-%d", "x", 5);
    assert_true(sl_str_is(s, "x-5"));
    sl_arena_free(a);
}
static void errors_carry_text_and_prefix(void **st) {
    (void)st;
    sl_err *e = sl_err_prefix(sl_err_new(SL_E_NOTFOUND, "stream %s is not found", "a"), "delete stream error");
    assert_string_equal(sl_err_text(e), "delete stream error: stream a is not found");
    assert_int_equal(sl_code_http(sl_err_code(e)), 404);
    assert_int_equal(sl_code_ekuiper(sl_err_code(e)), 1002);
    sl_err_free(e);
    sl_buf b = {0};
    sl_buf_printf(&b, "%d", 42);
    assert_string_equal(sl_buf_cstr(&b), "42");
    sl_buf_free(&b);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_keeps_order_and_deletes),
        cmocka_unit_test(arena_marks_and_resets),
        cmocka_unit_test(errors_carry_text_and_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
