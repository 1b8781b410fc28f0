/* Zones and civil time: rules before, inside and behind the transitions of a zone file, gaps and overlaps. */
#include "kit.h"
#include "base/civil.h"

static sl_zone zone(const char *name) {
    sl_zone z = 0;
    assert_true(sl_zone_find(sl_str_of(name), &z));
    return z;
}
static int64_t at(int64_t y, int mo, int d, int h, int mi, int s, sl_zone z) {
    sl_civil c = {.year = y, .month = mo, .day = d, .hour = h, .min = mi, .sec = s};
    return sl_civil_to(&c, z);
}
static void zones_by_name(void **st) {
    sl_zone z;
    assert_int_equal(zone(""), SL_ZONE_UTC);
    assert_int_equal(zone("UTC"), SL_ZONE_UTC);
    assert_int_equal(zone("Local"), SL_ZONE_LOCAL);
    assert_int_equal(zone("Asia/Shanghai"), zone("Asia/Shanghai"));
    assert_string_equal(sl_zone_name(zone("Asia/Shanghai")), "Asia/Shanghai");
    assert_false(sl_zone_find(SL_S("Mars/Base"), &z));
    assert_false(sl_zone_find(SL_S("../../../etc/passwd"), &z));
    assert_false(sl_zone_find(SL_S("+08:00"), &z));
    assert_false(sl_zone_find(SL_S("asia/shanghai"), &z));
    assert_false(sl_zone_find(SL_S("Asia"), &z));
}
static void offsets_over_time(void **st) {
    const char *ab;
    sl_zone berlin = zone("Europe/Berlin"), ny = zone("America/New_York"), sydney = zone("Australia/Sydney");
    assert_int_equal(sl_zone_at(berlin, 1577836800, &ab), 3600);
    assert_string_equal(ab, "CET");
    assert_int_equal(sl_zone_at(berlin, 1593561600, &ab), 7200);
    assert_string_equal(ab, "CEST");
    assert_int_equal(sl_zone_at(berlin, -5000000000, &ab), 3208); /* local mean time */
    assert_string_equal(ab, "LMT");
    assert_int_equal(sl_zone_at(berlin, at(2050, 6, 30, 0, 0, 0, 0), &ab), 7200); /* behind the table */
    assert_string_equal(ab, "CEST");
    assert_int_equal(sl_zone_at(ny, at(2060, 3, 14, 6, 59, 59, 0), &ab), -18000);
    assert_int_equal(sl_zone_at(ny, at(2060, 3, 14, 7, 0, 0, 0), &ab), -14400);
    assert_int_equal(sl_zone_at(sydney, at(2070, 1, 1, 0, 0, 0, 0), &ab), 39600);
    assert_string_equal(ab, "AEDT");
    assert_int_equal(sl_zone_at(sydney, at(2070, 7, 1, 0, 0, 0, 0), NULL), 36000);
    assert_int_equal(sl_zone_at(zone("Asia/Kolkata"), 0, &ab), 19800);
    assert_string_equal(ab, "IST");
    sl_zone f = sl_zone_fixed(-12600, SL_S("NST"));
    assert_int_equal(f, sl_zone_fixed(-12600, SL_S("NST")));
    assert_int_not_equal(f, sl_zone_fixed(-12600, SL_S("")));
    assert_int_equal(sl_zone_at(f, 99, &ab), -12600);
    assert_string_equal(ab, "NST");
}
static void fields_both_ways(void **st) {
    sl_civil c;
    sl_civil_of(951782399, 5, 0, &c); /* 2000-02-28 23:59:59 */
    assert_int_equal(c.year, 2000);
    assert_int_equal(c.month * 100 + c.day, 228);
    assert_int_equal(c.hour * 10000 + c.min * 100 + c.sec, 235959);
    assert_int_equal(c.wday, 1);
    assert_int_equal(c.yday, 59);
    sl_civil_of(-1, 0, 0, &c);
    assert_int_equal(c.year * 10000 + c.month * 100 + c.day, 19691231);
    assert_int_equal(c.wday, 3);
    for (int64_t s = -70000000000; s < 70000000000; s += 86400 * 1237 + 3601) {
        sl_civil_of(s, 0, 0, &c);
        assert_int_equal(sl_civil_to(&c, 0), s);
    }
    assert_int_equal(at(2020, 14, -3, 25, 61, 61, 0), at(2021, 1, 29, 2, 2, 1, 0)); /* February 0 is January 31 */
    sl_zone berlin = zone("Europe/Berlin");
    assert_int_equal(at(2020, 3, 29, 2, 30, 0, berlin), 1585445400);                   /* gap: the offset before it, 03:30 CEST */
    assert_int_equal(at(2020, 10, 25, 2, 30, 0, berlin), 1603589400);                  /* overlap: east of Greenwich the later one, */
    assert_int_equal(at(2020, 11, 1, 1, 30, 0, zone("America/New_York")), 1604208600); /* west of it the earlier, as Go */
    assert_int_equal(at(2020, 3, 8, 2, 30, 0, zone("America/New_York")), 1583649000);
    int64_t y;
    int w;
    sl_civil_of(at(2021, 1, 3, 0, 0, 0, 0), 0, 0, &c);
    sl_iso_week(&c, &y, &w);
    assert_int_equal(y * 100 + w, 202053);
    sl_civil_of(at(2018, 12, 31, 0, 0, 0, 0), 0, 0, &c);
    sl_iso_week(&c, &y, &w);
    assert_int_equal(y * 100 + w, 201901);
    assert_int_equal(sl_month_days(1900, 2) * 100 + sl_month_days(2000, 2), 2829);
}
static void text(void **st) {
    char b[48];
    sl_time_rfc3339(b, 1577934245, 120000000, 0);
    assert_string_equal(b, "2020-01-02T03:04:05.12Z");
    assert_int_equal(sl_time_rfc3339(b, 1577934245, 0, zone("Asia/Shanghai")), 25);
    assert_string_equal(b, "2020-01-02T11:04:05+08:00");
    sl_time_rfc3339(b, 0, 1, sl_zone_fixed(-12600, SL_S("")));
    assert_string_equal(b, "1969-12-31T20:30:00.000000001-03:30");
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(zones_by_name), cmocka_unit_test(offsets_over_time), cmocka_unit_test(fields_both_ways), cmocka_unit_test(text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
