/* Splitting lines: against the plainest code, for every length and place of separators. */
#include "kit.h"
#include "data/fields.h"

static uint64_t seed = 88172645463325252ull;
static uint32_t rnd(uint32_t n) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}
static void splits_as_plain_code_does(void **st) {
    (void)st;
    sl_str names[] = {SL_S("a"), SL_S("b")}, keys[] = {SL_S("a"), SL_S("t0"), SL_S("skipped"), SL_S("b"), SL_S("t1")};
    static const int32_t to[] = {0, SL_FIELD_TAIL, SL_FIELD_SKIP, 1, SL_FIELD_TAIL};
    sl_layout *l = sl_layout_new(names, 2, 1);
    sl_builder *w = sl_builder_new(l, true);
    for (int i = 0; i < 50000; i++) {
        size_t n = rnd(i % 10 ? 40 : 300);
        char *t = malloc(n ? n : 1); /* its own memory, so that a read outside is seen */
        for (size_t k = 0; k < n; k++)
            t[k] = rnd(3 + (uint32_t)i % 9) ? "xyz \t"[rnd(5)] : ';';
        bool trim = rnd(2);
        sl_builder_row(w);
        uint32_t got = sl_fields_split(w, (sl_str){t, n}, ';', trim, to, keys, 5);
        sl_builder_end(w);
        sl_batch *b = sl_builder_done(w, 0);
        assert_non_null(b);
        uint32_t f = 0;
        for (size_t at = 0;; f++) {
            size_t from = at, end = at;
            while (end < n && t[end] != ';')
                end++;
            while (trim && from < end && (t[from] == ' ' || t[from] == '\t'))
                from++;
            if (f < 5) {
                sl_value v = sl_batch_get(b, 0, keys[f]);
                assert_int_equal(v.kind == SL_STRING, to[f] != SL_FIELD_SKIP);
                if (v.kind == SL_STRING)
                    assert_true(sl_v_text(v).n == end - from && (!n || sl_v_text(v).p == t + from));
            }
            at = end + 1;
            if (end == n)
                break;
        }
        assert_int_equal(got, f + 1);
        sl_batch_drop(b);
        free(t);
    }
    sl_builder_free(w);
    sl_layout_drop(l);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(splits_as_plain_code_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
