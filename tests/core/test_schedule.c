/* Cron texts, their next instants in zones with and without a change of clocks, and date ranges. */
#include "kit.h"
#include "core/schedule.h"

static int64_t at(sl_zone z, int64_t y, int mo, int d, int h, int mi) {
    sl_civil c = {.year = y, .month = mo, .day = d, .hour = h, .min = mi};
    return sl_civil_to(&c, z) * 1000;
}
static sl_zone zone(const char *name) {
    sl_zone z;
    assert_true(sl_zone_find(sl_str_of(name), &z));
    return z;
}
static int64_t next(const char *text, sl_zone z, int64_t after) {
    sl_cron c;
    sl_err *e = sl_cron_parse(sl_str_of(text), z, &c);
    if (e)
        print_message("%s\n", sl_err_text(e));
    assert_null(e);
    return sl_cron_next(&c, after);
}
static void nexts(void **st) {
    /* Wednesday 2026-07-15 14:47:30 UTC */
    int64_t now = at(0, 2026, 7, 15, 14, 47) + 30000;
    static const struct {
        const char *text;
        int y, mo, d, h, mi;
    } rows[] = {{"* * * * *", 2026, 7, 15, 14, 48},
                {"*/15 * * * *", 2026, 7, 15, 15, 0},
                {"5/20 * * * *", 2026, 7, 15, 15, 5},
                {"0 0 * * *", 2026, 7, 16, 0, 0},
                {"47 14 * * *", 2026, 7, 16, 14, 47},
                {"0 9-17/4 * * *", 2026, 7, 15, 17, 0},
                {"0 12 1,20 * ?", 2026, 7, 20, 12, 0},
                {"0 0 * * mon", 2026, 7, 20, 0, 0},
                {"0 0 * * 7", 2026, 7, 19, 0, 0},
                {"0 0 * * SAT,SUN", 2026, 7, 18, 0, 0},
                {"0 0 17 * fri", 2026, 7, 17, 0, 0},
                {"0 0 25 * thu", 2026, 7, 16, 0, 0}, /* both days given: either fits */
                {"0 0 29 2 *", 2028, 2, 29, 0, 0},
                {"0 0 31 dec *", 2026, 12, 31, 0, 0},
                {"59 23 31 1-12/2 *", 2026, 7, 31, 23, 59},
                {"0 */15 * * * *", 2026, 7, 15, 15, 0},
                {"@hourly", 2026, 7, 15, 15, 0},
                {"@daily", 2026, 7, 16, 0, 0},
                {"@midnight", 2026, 7, 16, 0, 0},
                {"@weekly", 2026, 7, 19, 0, 0},
                {"@monthly", 2026, 8, 1, 0, 0},
                {"@yearly", 2027, 1, 1, 0, 0},
                {"  0   0\t* * *  ", 2026, 7, 16, 0, 0},
                {"CRON_TZ=Asia/Tokyo 0 0 * * *", 2026, 7, 15, 15, 0},
                {"TZ=Asia/Tokyo 30 0 * * *", 2026, 7, 15, 15, 30}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t want = at(0, rows[i].y, rows[i].mo, rows[i].d, rows[i].h, rows[i].mi), got = next(rows[i].text, 0, now);
        if (got != want)
            print_message("%s: %lld, want %lld\n", rows[i].text, (long long)got, (long long)want);
        assert_true(got == want);
    }
    assert_true(next("0 0 30 2 *", 0, now) == 0);
    assert_true(next("*/20 * * * * *", 0, now) == now + 10000);
    assert_true(next("30 47 14 * * *", 0, now) == now + 86400000);
    assert_true(next("30 47 14 * * *", 0, now - 1000) == now);
    assert_true(next("@every 90s", 0, now) == now + 90000);
    assert_true(next("@every 1h30m", 0, now + 500) == now + 5400000);
    assert_true(next("* * * * *", 0, -90000) == -60000); /* before 1970 */
}
static void clocks_change(void **st) {
    sl_zone berlin = zone("Europe/Berlin");
    /* 2026-03-29: 02:00 to 03:00 does not exist */
    assert_true(next("30 2 * * *", berlin, at(berlin, 2026, 3, 28, 12, 0)) == at(berlin, 2026, 3, 30, 2, 30));
    assert_true(next("0 3 * * *", berlin, at(berlin, 2026, 3, 28, 12, 0)) == at(berlin, 2026, 3, 29, 3, 0));
    /* 2026-10-25: 02:30 exists twice; it fires once and the day after */
    int64_t first = next("30 2 * * *", berlin, at(berlin, 2026, 10, 24, 12, 0));
    assert_true(first == 1792888200000 || first == 1792891800000);
    assert_true(next("30 2 * * *", berlin, first) == at(berlin, 2026, 10, 26, 2, 30));
    assert_true(next("0 0 * * *", berlin, at(0, 2026, 7, 15, 12, 0)) == at(0, 2026, 7, 15, 22, 0));
}
static void windows(void **st) {
    sl_cron c;
    assert_null(sl_cron_parse(SL_S("0 * * * *"), 0, &c));
    int64_t h = at(0, 2026, 7, 15, 14, 0), ten = 600000;
    assert_false(sl_cron_open(&c, h - 1, ten));
    assert_true(sl_cron_open(&c, h, ten));
    assert_true(sl_cron_open(&c, h + ten - 1, ten));
    assert_false(sl_cron_open(&c, h + ten, ten));
    assert_null(sl_cron_parse(SL_S("* * * * *"), 0, &c));
    for (int64_t t = h; t < h + 120000; t += 777)
        assert_true(sl_cron_open(&c, t, 60000));
}
static void bad_texts(void **st) {
    static const struct {
        const char *text, *part;
    } rows[] = {{"", "expected 5 fields"},
                {"* * * *", "expected 5 fields"},
                {"* * * * * * *", "expected 5 fields"},
                {"60 * * * * *", "field second"},
                {"60 * * * *", "field minute"},
                {"* 24 * * *", "field hour"},
                {"* * 0 * *", "day of month"},
                {"* * 32 * *", "day of month"},
                {"* * * 13 *", "field month"},
                {"* * * foo *", "field month"},
                {"* * * * 8", "day of week"},
                {"5-3 * * * *", "field minute"},
                {"*/0 * * * *", "step"},
                {"*/x * * * *", "step"},
                {"1,,2 * * * *", "not a value"},
                {"1, * * * *", "comma"},
                {"-1 * * * *", "not a value"},
                {"1-2-3 * * * *", "not a value"},
                {"@never", "unknown"},
                {"@every", "unknown"},
                {"@every x", "duration"},
                {"@every -1s", "duration"},
                {"TZ=No/Where * * * * *", "time zone"},
                {"99999999999999999999 * * * *", "not a value"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sl_cron c;
        sl_err *e = sl_cron_parse(sl_str_of(rows[i].text), 0, &c);
        if (!e || !strstr(sl_err_text(e), rows[i].part))
            print_message("%s: %s\n", rows[i].text, sl_err_text(e));
        assert_non_null(e);
        assert_non_null(strstr(sl_err_text(e), rows[i].part));
        sl_err_free(e);
    }
}
static void ranges(void **st) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_zone tokyo = zone("Asia/Tokyo");
    assert_null(sl_json_parse(a, SL_S("[{\"begin\":\"2026-01-01 00:00:00\",\"end\":\"2026-02-01 00:00:00\"},{\"beginTimestamp\":5000,\"endTimestamp\":9000}]"), &j, NULL));
    assert_null(sl_ranges_check(j, 0));
    int64_t b = at(0, 2026, 1, 1, 0, 0);
    assert_false(sl_ranges_open(j, 0, b)); /* bounds are outside */
    assert_true(sl_ranges_open(j, 0, b + 1));
    assert_true(sl_ranges_open(j, tokyo, b - 9 * 3600000 + 1));
    assert_false(sl_ranges_open(j, 0, b - 9 * 3600000 + 1));
    assert_false(sl_ranges_open(j, 0, at(0, 2026, 2, 1, 0, 0)));
    assert_true(sl_ranges_open(j, 0, 5001));
    assert_true(sl_ranges_open(NULL, 0, 1));
    static const struct {
        const char *text, *why;
    } bad[] = {{"[{\"beginTimestamp\":5,\"endTimestamp\":3}]", "begin time shouldn't after end time"},
               {"[{\"begin\":\"2026-02-01 00:00:00\",\"end\":\"2026-01-01 00:00:00\"}]", "begin time shouldn't after end time"},
               {"[{\"begin\":\"soon\",\"end\":\"2026-01-01 00:00:00\"}]", "Can't parse string as time: soon"},
               {"[{}]", "Can't parse string as time: "},
               {"[7]", "expected objects with begin and end"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(sl_json_parse(a, sl_str_of(bad[i].text), &j, NULL));
        sl_err *e = sl_ranges_check(j, 0);
        assert_string_equal(sl_err_text(e), bad[i].why);
        sl_err_free(e);
        assert_false(sl_ranges_open(j, 0, 4));
    }
    sl_arena_free(a);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(nexts), cmocka_unit_test(clocks_change), cmocka_unit_test(windows), cmocka_unit_test(bad_texts), cmocka_unit_test(ranges)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
