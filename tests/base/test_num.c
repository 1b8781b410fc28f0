/* Numbers: every text reads back as the same bits, and the text is Go's. */
#include "kit.h"
#include <math.h>
#include "base/num.h"
#include "base/utf8.h"

static const char *show(size_t (*f)(char *, double), double v) {
    static char t[SL_NUM_MAX + 1];
    t[f(t, v)] = 0;
    return t;
}
static void test_go_forms(void **s) {
    static const struct {
        double v;
        const char *json, *g, *f;
    } rows[] = {
        {0, "0", "0", "0"},
        {-0.0, "-0", "-0", "-0"},
        {1, "1", "1", "1"},
        {-23.5, "-23.5", "-23.5", "-23.5"},
        {0.1, "0.1", "0.1", "0.1"},
        {1e-5, "0.00001", "1e-05", "0.00001"},
        {1e-6, "0.000001", "1e-06", "0.000001"},
        {1.5e-7, "1.5e-7", "1.5e-07", "0.00000015"},
        {1e-4, "0.0001", "0.0001", "0.0001"},
        {999999, "999999", "999999", "999999"},
        {1e6, "1000000", "1e+06", "1000000"},
        {1e100, "1e+100", "1e+100", NULL},
        {1e20, "100000000000000000000", "1e+20", "100000000000000000000"},
        {1e21, "1e+21", "1e+21", "1000000000000000000000"},
        {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308", NULL},
        {5e-324, "5e-324", "5e-324", NULL},
        {0.30000000000000004, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004"},
        {3.3333333333333335, "3.3333333333333335", "3.3333333333333335", "3.3333333333333335"},
        {9007199254740993.0, "9007199254740992", "9.007199254740992e+15", "9007199254740992"},
        {5.684341886080802e-14, "5.684341886080802e-14", "5.684341886080802e-14", NULL},
        {1e23, "1e+23", "1e+23", NULL},
        {9223372036854775808.0, "9223372036854776000", "9.223372036854776e+18", "9223372036854776000"},
        {2.2250738585072014e-308, "2.2250738585072014e-308", "2.2250738585072014e-308", NULL},
        {2.2250738585072011e-308, "2.225073858507201e-308", "2.225073858507201e-308", NULL},
        {1e-323, "1e-323", "1e-323", NULL},
        {9.5367431640625e-07, "9.5367431640625e-7", "9.5367431640625e-07", NULL},
        {4.35, "4.35", "4.35", "4.35"},
        {54.140000000000001, "54.14", "54.14", "54.14"},
        {64.400000000000006, "64.4", "64.4", "64.4"},
        {-41.260000000000005, "-41.260000000000005", "-41.260000000000005", "-41.260000000000005"},
        {123456789.125, "123456789.125", "1.23456789125e+08", "123456789.125"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(show(sl_num_json, rows[i].v), rows[i].json);
        assert_string_equal(show(sl_num_g, rows[i].v), rows[i].g);
        if (rows[i].f)
            assert_string_equal(show(sl_num_f, rows[i].v), rows[i].f);
    }
    assert_string_equal(show(sl_num_g, NAN), "NaN");
    assert_string_equal(show(sl_num_g, INFINITY), "+Inf");
    assert_string_equal(show(sl_num_g, -INFINITY), "-Inf");
}
static uint64_t rnd(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}
/* The first precision of printf that reads back: that is the shortest text, and the closest of that length. Not for powers of two. */
static void the_shortest_is_the_shortest(void **st) {
    (void)st;
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rnd(&x);
        double v;
        if (i % 3)
            v = (double)(bits >> 12) / pow(10, (double)(rnd(&x) % 20)) * 1.8 + 32;
        else
            memcpy(&v, &bits, 8);
        v = fabs(v);
        int e;
        if (!isfinite(v) || v == 0 || frexp(v, &e) == 0.5)
            continue;
        char want[64], got[64];
        for (int p = 1; p <= 17; p++) {
            snprintf(want, sizeof want, "%.*e", p - 1, v);
            if (strtod(want, NULL) == v)
                break;
        }
        got[sl_num_json(got, v)] = 0;
        snprintf(got, sizeof got, "%.*e", (int)strcspn(want, "e") - (strchr(want, '.') ? 2 : 1), strtod(got, NULL));
        assert_string_equal(got, want);
        char digits[2][32] = {"", ""}, text[SL_NUM_MAX + 1]; /* and no digit more than these */
        text[sl_num_json(text, v)] = 0;
        for (int k = 0; k < 2; k++) {
            size_t n = 0;
            for (const char *c = k ? text : want; *c && *c != 'e'; c++)
                if (*c >= '0' && *c <= '9' && (n || *c != '0') && n < 31)
                    digits[k][n++] = *c;
            while (n && digits[k][n - 1] == '0')
                n--;
            digits[k][n] = 0;
        }
        assert_string_equal(digits[1], digits[0]);
    }
}
static void reads(const char *t) {
    double got = 0, want = strtod(t, NULL);
    bool ok = sl_num_parse_f64(sl_str_of(t), &got);
    if (ok == (isinf(want) != 0) || (ok && memcmp(&got, &want, 8) != 0))
        fail_msg("%s: %a, not %a", t, got, want);
}
static void texts_become_the_nearest_double(void **st) { /* against the C library; also what is at, or next to, the middle between two doubles */
    (void)st;
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        char t[128], d[64];
        double v;
        uint64_t bits = rnd(&x);
        memcpy(&v, &bits, 8);
        if (isfinite(v)) {
            static const char *const forms[] = {"%.17g", "%.16g", "%.25e", "%.15g"};
            snprintf(t, sizeof t, forms[i & 3], v);
            reads(t);
        }
        snprintf(t, sizeof t, "%llu.%llu", (unsigned long long)(rnd(&x) % 1000), (unsigned long long)rnd(&x));
        reads(t);
        snprintf(t, sizeof t, "%llue%d", (unsigned long long)rnd(&x), (int)(rnd(&x) % 700) - 350);
        reads(t);
        __extension__ unsigned __int128 y = (unsigned __int128)((rnd(&x) >> 11 | 1ull << 52) * 2 + 1) << (rnd(&x) % 40);
        int k = 63;
        for (d[k] = 0; y; y /= 10)
            d[--k] = (char)('0' + (int)(y % 10));
        reads(d + k);
        snprintf(t, sizeof t, "%s1", d + k);
        reads(t);
        snprintf(t, sizeof t, "%s.0000000001", d + k);
        reads(t);
    }
}
static void round_trip(double v) {
    char t[SL_NUM_MAX];
    size_t (*fs[])(char *, double) = {sl_num_json, sl_num_g, sl_num_f};
    for (int i = 0; i < 3; i++) {
        double back = 0;
        size_t n = fs[i](t, v);
        assert_true(n < SL_NUM_MAX);
        assert_true(sl_num_parse_f64(sl_str_n(t, n), &back));
        assert_memory_equal(&back, &v, 8);
    }
}
/* digits of a text without sign, point, exponent and outer zeros */
static int digit_count(const char *t, size_t n) {
    int all = 0, zeros = 0;
    for (size_t i = 0; i < n && t[i] != 'e'; i++) {
        if (t[i] < '0' || t[i] > '9' || (!all && t[i] == '0'))
            continue;
        all++;
        zeros = t[i] == '0' ? zeros + 1 : 0;
    }
    return all - zeros;
}
static void test_random(void **s) {
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 60000; i++) {
        uint64_t b = rnd(&x);
        double v;
        memcpy(&v, &b, 8);
        if (isfinite(v))
            round_trip(v);
        v = (double)(int64_t)(rnd(&x) % 20000000000ull) / pow(10, (double)(rnd(&x) % 9)); /* what devices send */
        round_trip(v);
        v = (double)(rnd(&x) % 1000000) / 7;
        round_trip(v);
        char ours[SL_NUM_MAX], c[64];
        size_t n = sl_num_json(ours, v);
        for (int p = 1; p <= 17; p++) { /* no shorter one exists among printf's */
            snprintf(c, sizeof c, "%.*e", p - 1, v);
            if (strtod(c, NULL) == v) {
                assert_true(digit_count(ours, n) <= p);
                break;
            }
        }
    }
}
static void test_parse(void **s) {
    double d;
    static const char *const bad[] = {"", "-", ".", "1e", "1e+", "e5", "1x", " 1", "1 ", "0x10", "nan", "inf", "1e400", "--1", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_num_parse_f64(sl_str_of(bad[i]), &d));
    static const char *const good[] = {"1",
                                       "-1.5",
                                       "+2",
                                       ".5",
                                       "5.",
                                       "1e5",
                                       "1E-5",
                                       "0.000000000000000000000000000001",
                                       "12345678901234567890123",
                                       "9007199254740993",
                                       "2.2250738585072011e-308",
                                       "123456789012345678901234567890.5e-10",
                                       "0e999999999999",
                                       "1.00000000000000011102230246251565404236316680908203125",
                                       "1.00000000000000011102230246251565404236316680908203126"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sl_num_parse_f64(sl_str_of(good[i]), &d));
        double want = strtod(good[i], NULL);
        assert_memory_equal(&d, &want, 8);
    }
    int64_t v;
    assert_true(sl_num_parse_i64(SL_S("-9223372036854775808"), &v) && v == INT64_MIN);
    assert_true(sl_num_parse_i64(SL_S("9223372036854775807"), &v) && v == INT64_MAX);
    assert_false(sl_num_parse_i64(SL_S("9223372036854775808"), &v));
    assert_false(sl_num_parse_i64(SL_S("-9223372036854775809"), &v));
    assert_false(sl_num_parse_i64(SL_S("1.0"), &v));
    assert_false(sl_num_parse_i64(SL_S("-"), &v));
    char t[SL_NUM_MAX];
    assert_int_equal(sl_num_i64(t, INT64_MIN), 20);
    assert_memory_equal(t, "-9223372036854775808", 20);
    assert_int_equal(sl_num_u64(t, UINT64_MAX), 20);
    assert_memory_equal(t, "18446744073709551615", 20);
}
static void test_durations(void **s) {
    static const struct {
        const char *in;
        int64_t ns;
        const char *out;
    } rows[] = {{"0", 0, "0s"},
                {"1h15m", 4500000000000, "1h15m0s"},
                {"500ms", 500000000, "500ms"},
                {"-1.5s", -1500000000, "-1.5s"},
                {"1us", 1000, "1\xc2\xb5s"},
                {"1.5\xce\xbcs", 1500, "1.5\xc2\xb5s"},
                {"17ns", 17, "17ns"},
                {"1.000000001s", 1000000001, "1.000000001s"},
                {"90m", 5400000000000, "1h30m0s"},
                {"10s", 10000000000, "10s"},
                {".5m", 30000000000, "30s"},
                {"9223372036854775807ns", INT64_MAX, "2562047h47m16.854775807s"}};
    char t[SL_NUM_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns = -7;
        assert_true(sl_dur_parse(sl_str_of(rows[i].in), &ns));
        assert_int_equal(ns, rows[i].ns);
        t[sl_dur_print(t, ns)] = 0;
        assert_string_equal(t, rows[i].out);
    }
    static const char *const bad[] = {"", "-", "1", "1x", "s", ".s", "1h-5m", "9223372036854775808ns", "3000000h", "1 s"};
    int64_t ns;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_dur_parse(sl_str_of(bad[i]), &ns));
}
static void test_utf8(void **s) {
    /* every rune round-trips; every truncation and every surrogate is refused */
    for (uint32_t r = 0; r <= 0x110000; r += r < 0x3000 ? 1 : 61) {
        char b[4];
        uint32_t back;
        unsigned n = sl_utf8_put(b, r);
        bool fine = r <= 0x10ffff && (r < 0xd800 || r > 0xdfff);
        assert_int_equal(sl_utf8_get(b, n, &back), n);
        assert_int_equal(back, fine ? r : 0xfffd);
        assert_true(sl_utf8_valid(b, n));
        if (n > 1) {
            assert_false(sl_utf8_valid(b, n - 1));
            assert_int_equal(sl_utf8_get(b, n - 1, &back), 1);
            assert_int_equal(back, 0xfffd);
        }
    }
    static const char *const bad[] = {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "abcdefgh\x80", "\xc3("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_utf8_valid(bad[i], strlen(bad[i])));
    assert_true(sl_utf8_valid("abcdefgh\xe4\xb8\xad"
                              "abcdefghij",
                              21));
    assert_int_equal(sl_utf8_count(SL_S("a\xe4\xb8\xad\xff"
                                        "b")),
                     4);
    assert_true(sl_utf8_valid("", 0));
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(the_shortest_is_the_shortest),
                                   cmocka_unit_test(texts_become_the_nearest_double),
                                   cmocka_unit_test(test_go_forms),
                                   cmocka_unit_test(test_random),
                                   cmocka_unit_test(test_parse),
                                   cmocka_unit_test(test_durations),
                                   cmocka_unit_test(test_utf8)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
