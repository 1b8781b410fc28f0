/* Times as text: Go layouts both ways (expected values computed with Go), letter patterns, forms nobody named. */
#include "kit.h"
#include "data/value.h"

static sl_arena *A;
static sl_zone berlin;
static int setup(void **st) {
    A = sl_arena_new(0);
    return A == NULL || !sl_zone_find(SL_S("Europe/Berlin"), &berlin);
}
static int teardown(void **st) {
    sl_arena_free(A);
    return 0;
}
static void shows(sl_value t, const char *layout, const char *want) {
    sl_buf b = {0};
    sl_golayout_print(&b, sl_str_of(layout), t);
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
}
static const char go_string[] = "2006-01-02 15:04:05.999999999 -0700 MST";

static void layouts_read(void **st) {
    static const struct {
        const char *layout, *text;
        int64_t sec;
        const char *want;
    } ok[] = {
        {"Mon, 02 Jan 2006 15:04:05 MST", "Thu, 02 Jul 2020 03:04:05 CEST", 1593651845, "2020-07-02 03:04:05 +0200 CEST"},
        {"Mon, 02 Jan 2006 15:04:05 MST", "Thu, 02 Jan 2020 03:04:05 CEST", 1577927045, "2020-01-02 02:04:05 +0100 CET"},
        {"Mon, 02 Jan 2006 15:04:05 MST", "Thu, 02 Jan 2020 03:04:05 XYZ", 1577934245, "2020-01-02 03:04:05 +0000 XYZ"},
        {"2006-1-2 15:4:5", "2020-1-2 3:4:5.25", 1577930645, "2020-01-02 03:04:05.25 +0100 CET"},
        {"2006-01-02T15:04:05Z07:00", "2020-07-02T03:04:05+02:00", 1593651845, "2020-07-02 03:04:05 +0200 CEST"},
        {"2006-01-02T15:04:05Z07:00", "2020-07-02T03:04:05+03:30", 1593646445, "2020-07-02 03:04:05 +0330 +0330"},
        {"2006-002", "2020-366", 1609369200, "2020-12-31 00:00:00 +0100 CET"},
        {"2006-01-02 15:04:05.999999999 -0700 MST", "2020-07-02 03:04:05 +0000 +0000", 1593659045, "2020-07-02 03:04:05 +0000 +0000"},
        {"Mon Jan _2 15:04:05 2006", "thu jAN  2 03:04:05 2020", 1577930645, "2020-01-02 03:04:05 +0100 CET"},
        {"2006-01-02T15:04:05Z0700", "2020-01-02T03:04:05+0860", 1577901845, "2020-01-02 03:04:05 +0900 +0900"},
        {"3:04:05PM 2/1/06", "12:30:00AM 28/2/69", -26526600, "1969-02-28 00:30:00 +0100 CET"},
    };
    static const char *const bad[][2] = {
        {"2006-1-2 15", "2020-1-2 "}, {"2006-1-2", "2020-2-30"}, {"2006-1-2", "2020-13-1"}, {"15:04", "24:00"},  {"2006", "2020 "}, {"2006", "2-20"}, {"05.000", "01.02"},
        {"-07:00", "-0700"},          {"MST", "EASTX"},          {"2006-002", "2019-366"},  {"January", "Janu"}, {"", "x"},         {"PM", "P"}};
    sl_value t;
    for (size_t i = 0; i < sizeof ok / sizeof *ok; i++) {
        assert_true(sl_golayout_parse(sl_str_of(ok[i].layout), sl_str_of(ok[i].text), berlin, &t));
        shows(t, go_string, ok[i].want);
        assert_int_equal(t.i, ok[i].sec);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_golayout_parse(sl_str_of(bad[i][0]), sl_str_of(bad[i][1]), berlin, &t));
}
static void layouts_print(void **st) {
    sl_value t = sl_v_time(1577934245, 123456789, berlin);
    shows(t, "Mon Monday Jan January 1 01 2 _2 02 __2 002 3 03 15 4 04 5 05 06 2006 PM pm MST -07 -0700 -07:00 Z07:00 .000 .999 ,00 Janx _2006",
          "Thu Thursday Jan January 1 01 2  2 02   2 002 4 04 04 4 04 5 05 20 2020 AM am CET +01 +0100 +01:00 +01:00 .123 .123 ,12 Janx _2020");
    shows(t, "5.000000000000 .0000x .01 -070000 Z07:00:00", "5.123456789 .1234x .01 +010000 +01:00:00");
    t.aux = sl_zone_fixed(-1800, SL_S(""));
    shows(t, "-0700 -07:00 -07 MST Z07", "-0030 -00:30 -00 -0030 -00");
    t.aux = 0;
    shows(t, "Z07:00 Z0700 -0700", "Z Z +0000");
    shows(sl_v_time(1577934245, 0, 0), "05.999", "05");
    shows(sl_v_time(1577934245 + 12 * 3600, 0, 0), "3PM", "3PM");
}
static void patterns(void **st) {
    sl_value t = sl_v_time(1577934245, 123456789, 0);
    static const char *const ok[][2] = {{"yyyy-MM-dd HH:mm:ss", "2020-01-02 03:04:05"},
                                        {"YY/M/d h:m:s a", "20/1/2 3:4:5 AM"},
                                        {"EEE EEEE MMM MMMM", "Thu Thursday Jan January"},
                                        {"ss.SSS", "05..123"},
                                        {"ssSSSSSS", "05.123456"},
                                        {"z Z X XX XXX", "UTC +0000 +00 +0000 +00:00"},
                                        {"'T'\\q''", "Tq'"},
                                        {"MMMMM|dddd|mmm", "|2|"},
                                        {"2006", "2020"},
                                        {"G", "AD"},
                                        {"'open", "open"}};
    static const char *const bad[][2] = {{"y", "invalid time format y for Y/y"}, {"yyyyy", "invalid time format yyyyy for Y/y"},
                                         {"E", "invalid time format E for E"},   {"H", "invalid time format H of H, only HH is supported"},
                                         {"yyyy\\", "yyyy\\ is invalid"},        {"yyyy'", "yyyy' is invalid"}};
    sl_str out, why;
    for (size_t i = 0; i < sizeof ok / sizeof *ok; i++) {
        assert_true(sl_time_format(A, t, sl_str_of(ok[i][0]), &out, &why));
        assert_string_equal(out.p, ok[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sl_time_format(A, t, sl_str_of(bad[i][0]), &out, &why));
        assert_string_equal(why.p, bad[i][1]);
    }
}
static void any_text(void **st) {
    static const char *const ok[][3] = {
        {"2020-01-02 03:04:05", "", "2020-01-02 03:04:05 +0100 CET"},
        {"2020-1-2 3:4", "", "2020-01-02 03:04:00 +0100 CET"},
        {"2020", "", "2020-01-01 00:00:00 +0100 CET"},
        {"2020-01-02T03:04:05.12Z", "", "2020-01-02 03:04:05.12 +0000 UTC"},
        {"2020-01-02T03:04:05.1234567891+08:00", "", "2020-01-02 03:04:05.123456789 +0800 +0800"},
        {"2020.01.02", "", "2020-01-02 00:00:00 +0100 CET"},
        {"2020/01/02 03:04:05", "", "2020-01-02 03:04:05 +0100 CET"},
        {"20200102", "", "2020-01-02 00:00:00 +0100 CET"},
        {"Thu, 02 Jan 2020 03:00:05 GMT", "", "2020-01-02 03:00:05 +0000 GMT"},
        {"03|02|01", "dd|MM|yy", "2001-02-03 00:00:00 +0100 CET"},
        {"2020-01-02", "dd|MM|yy", "2020-01-02 00:00:00 +0100 CET"},
    };
    sl_value t;
    sl_str why;
    for (size_t i = 0; i < sizeof ok / sizeof *ok; i++) {
        assert_true(sl_text_to_time(A, sl_str_of(ok[i][0]), sl_str_of(ok[i][1]), berlin, &t, &why));
        shows(t, go_string, ok[i][2]);
    }
    static const char *const bad[] = {"", "not a date", "2020-02-30", "25:00:00", "2020-01-02 03:04:05 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sl_text_to_time(A, sl_str_of(bad[i]), SL_S(""), berlin, &t, &why));
        assert_string_equal(why.p, sl_arena_printf(A, "Can't parse string as time: %s", bad[i]).p);
    }
    assert_false(sl_text_to_time(A, SL_S("2020"), SL_S("H"), berlin, &t, &why));
    assert_string_equal(why.p, "invalid time format H of H, only HH is supported");
    sl_civil c, d; /* only a time: today's; no year: this one. Asked twice in case midnight passes. */
    for (int again = 0; again < 2; again++) {
        sl_civil_of(sl_wall_ns() / 1000000000, 0, berlin, &c);
        assert_true(sl_text_to_time(A, SL_S("7"), SL_S(""), berlin, &t, &why));
        sl_civil_of(t.i, 0, berlin, &d);
        if (c.day == d.day)
            break;
    }
    assert_int_equal(d.year * 10000 + d.month * 100 + d.day, c.year * 10000 + c.month * 100 + c.day);
    assert_int_equal(d.hour * 100 + d.min, 700);
    assert_true(sl_text_to_time(A, SL_S("3-4"), SL_S(""), berlin, &t, &why));
    sl_civil_of(t.i, 0, berlin, &d);
    assert_int_equal(d.month * 100 + d.day, 304);
    assert_true(d.year >= 2024);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layouts_read), cmocka_unit_test(layouts_print), cmocka_unit_test(patterns), cmocka_unit_test(any_text)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
