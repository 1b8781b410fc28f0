/* Date and time functions (one table at the end).
 * Decision: "now" is the lane's clock everywhere, also where upstream asks the machine (cur_date), so that a rule under a manual clock
 * sees one time. A literal digit count in now(3) aborts the rule upstream; here it is an ordinary error of the call. */
#include "base/num.h"
#include "sql/func.h"

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
static const char *const wdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static bool instant(sl_call *c, sl_value v, sl_value *t, sl_value *bad) {
    sl_str why;
    if (sl_to_time(c->arena, v, SL_S(""), c->zone, t, &why))
        return true;
    *bad = sl_call_fail(c, "%.*s", SL_FMT(why));
    return false;
}
static sl_value layout(sl_call *c, const char *form, sl_value t) {
    sl_buf b = {0};
    sl_golayout_print(&b, sl_str_of(form), t);
    return sl_fn_take(c, &b);
}
static sl_value at_ms(int64_t ms, sl_zone z) {
    int64_t sec = ms / 1000 - (ms % 1000 < 0);
    return sl_v_time(sec, (uint32_t)((ms - sec * 1000) * 1000000), z);
}
static sl_value clock_text(sl_call *c, const sl_value *args, uint32_t n, const char *form) {
    sl_buf b = {0};
    int64_t digits = 0;
    if (n) {
        if (args[0].kind != SL_INT || !(args[0].flags & SL_F_GOINT))
            return sl_call_fail(c, "first argument should be int");
        digits = args[0].i;
    }
    sl_value now = at_ms(c->now_ms, c->zone);
    sl_golayout_print(&b, sl_str_of(form), now);
    if (digits >= 1 && digits <= 6) {
        sl_buf_putc(&b, '.'); /* the second dot comes with the digits, as upstream */
        sl_golayout_print(&b, sl_str_n(".000000", (size_t)digits + 1), now);
    }
    return sl_fn_take(c, &b);
}
static sl_value fn_now(sl_call *c, const sl_value *args, uint32_t n) { return clock_text(c, args, n, "2006-01-02 15:04:05"); }
static sl_value fn_cur_time(sl_call *c, const sl_value *args, uint32_t n) { return clock_text(c, args, n, "15:04:05"); }
static sl_value fn_cur_date(sl_call *c, const sl_value *args, uint32_t n) {
    (void)args, (void)n;
    return layout(c, "2006-01-02", at_ms(c->now_ms, SL_ZONE_LOCAL));
}
static sl_value fn_format_time(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value t, bad;
    sl_str out, why;
    if (!instant(c, args[0], &t, &bad))
        return bad;
    if (!sl_time_format(c->arena, t, sl_fn_text(c, args[1]), &out, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    return sl_v_str(out);
}

/* Text between the quotes of Go's messages about durations. */
static const char *go_quoted(sl_call *c, sl_str s) {
    sl_buf q = {0};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == '"' || ch == '\\')
            sl_buf_printf(&q, "\\%c", ch);
        else if (ch < ' ' || ch >= 0x80)
            sl_buf_printf(&q, "\\x%02x", ch);
        else
            sl_buf_putc(&q, (char)ch);
    }
    const char *quoted = sl_arena_cstr(c->arena, sl_buf_cstr(&q));
    sl_buf_free(&q);
    return quoted;
}
/* Go's words for a text that is no duration: finds the first thing wrong with it. */
static sl_value bad_duration(sl_call *c, sl_str text) {
    sl_str s = text;
    const char *quoted = go_quoted(c, text);
    if (s.n && (s.p[0] == '+' || s.p[0] == '-'))
        s.p++, s.n--;
    while (s.n) {
        size_t num = 0, digits = 0, dots = 0, unit;
        for (; num < s.n && ((s.p[num] >= '0' && s.p[num] <= '9') || (s.p[num] == '.' && !dots)); num++)
            s.p[num] == '.' ? dots++ : digits++;
        if (!digits)
            break;
        for (unit = num; unit < s.n && s.p[unit] != '.' && !(s.p[unit] >= '0' && s.p[unit] <= '9'); unit++) {
        }
        sl_str u = sl_str_n(s.p + num, unit - num);
        if (!u.n)
            return sl_call_fail(c, "time: missing unit in duration \"%s\"", quoted);
        if (!sl_str_is(u, "ns") && !sl_str_is(u, "us") && !sl_str_is(u, "\xC2\xB5s") && !sl_str_is(u, "\xCE\xBCs") && !sl_str_is(u, "ms") && !sl_str_is(u, "s") &&
            !sl_str_is(u, "m") && !sl_str_is(u, "h"))
            return sl_call_fail(c, "time: unknown unit \"%s\" in duration \"%s\"", go_quoted(c, u), quoted);
        s.p += unit, s.n -= unit;
    }
    return sl_call_fail(c, "time: invalid duration \"%s\"", quoted);
}
static sl_value fn_date_calc(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value t, bad;
    sl_str text, why;
    int64_t ns;
    if (!instant(c, args[0], &t, &bad))
        return bad;
    if (!sl_to_str(c->arena, args[1], SL_CAST_STRICT, &text, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    bool minus = text.n && text.p[0] == '-'; /* taken off before parsing: "--1h" adds */
    if (minus)
        text.p++, text.n--;
    if (!sl_dur_parse(text, &ns))
        return bad_duration(c, text);
    if (minus)
        ns = (int64_t)(0 - (uint64_t)ns);
    int64_t sum = (int64_t)t.len + ns % 1000000000;
    t.i += ns / 1000000000 + (sum >= 1000000000) - (sum < 0);
    t.len = (uint32_t)(sum < 0 ? sum + 1000000000 : sum >= 1000000000 ? sum - 1000000000 : sum);
    return layout(c, "2006-01-02 15:04:05", t);
}
static sl_value fn_date_diff(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value a, b, bad;
    int64_t sec, ns;
    if (!instant(c, args[0], &a, &bad) || !instant(c, args[1], &b, &bad))
        return bad;
    if (__builtin_sub_overflow(b.i, a.i, &sec) || __builtin_mul_overflow(sec, INT64_C(1000000000), &ns) || __builtin_add_overflow(ns, (int64_t)b.len - (int64_t)a.len, &ns))
        ns = b.i > a.i ? INT64_MAX : INT64_MIN;
    return sl_v_dur(ns);
}

/* One calendar field of an instant. */
#define FIELD(name, expr)                                                                                                                                                          \
    static sl_value fn_##name(sl_call *c, const sl_value *args, uint32_t n) {                                                                                                      \
        sl_value t, bad;                                                                                                                                                           \
        sl_civil f;                                                                                                                                                                \
        if (!instant(c, args[0], &t, &bad))                                                                                                                                        \
            return bad;                                                                                                                                                            \
        sl_civil_of(t.i, (int32_t)t.len, t.aux, &f);                                                                                                                               \
        return expr;                                                                                                                                                               \
    }
FIELD(day_name, sl_v_str(sl_str_of(wdays[f.wday])))
FIELD(month_name, sl_v_str(sl_str_of(months[f.month - 1])))
FIELD(day_of_month, sl_v_goint(f.day))
FIELD(day_of_week, ((sl_value){.kind = SL_INT, .flags = SL_F_WEEKDAY, .i = f.wday}))
FIELD(day_of_year, sl_v_goint(f.yday))
FIELD(month, sl_v_goint(f.month))
FIELD(hour, sl_v_goint(f.hour))
FIELD(minute, sl_v_goint(f.min))
FIELD(second, sl_v_goint(f.sec))
FIELD(microsecond, sl_v_goint(f.ns / 1000))
FIELD(last_day, layout(c, "2006-01-02", (f.day = sl_month_days(f.year, f.month), sl_v_time(sl_civil_to(&f, t.aux), 0, t.aux))))
#undef FIELD

static bool whole(sl_call *c, sl_value v, int64_t *out, sl_value *bad) {
    sl_str why;
    if (sl_to_int(c->arena, v, (sl_cast)(SL_CAST_STRICT | SL_CAST_GOINT), out, &why))
        return true;
    *bad = sl_call_fail(c, "%.*s", SL_FMT(why));
    return false;
}
static sl_value fn_from_days(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t days;
    sl_value bad;
    if (!whole(c, args[0], &days, &bad))
        return bad;
    if (days == 0)
        return sl_v_null();
    int64_t ns = (int64_t)(((uint64_t)days - 1) * UINT64_C(86400000000000)); /* wraps beyond 292 years, as upstream */
    return layout(c, "2006-01-02", sl_v_time(ns / 1000000000 - (ns % 1000000000 < 0), 0, SL_ZONE_LOCAL));
}
static sl_value fn_from_unix_time(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t sec;
    sl_value bad;
    if (!whole(c, args[0], &sec, &bad))
        return bad;
    return sec ? layout(c, "2006-01-02 15:04:05", sl_v_time(sec, 0, c->zone)) : sl_v_null();
}

/* ---- checks ---- */
static const char *digits_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n > 1)
        return "too many arguments";
    return n && !sl_x_is_int(args[0]) ? sl_ck_expect(a, "int", 1) : NULL;
}
static const char *calc_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_time(args[0]))
        return sl_ck_expect(a, "datetime", 1);
    return sl_x_is_str(args[1]) ? NULL : sl_ck_expect(a, "string", 2);
}
static const char *diff_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : sl_x_not_time(args[0]) || sl_x_not_time(args[1]) ? sl_ck_expect(a, "datetime", 1) : NULL;
}
static const char *month_name_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    return e ? e : sl_x_not_time(args[0]) ? sl_ck_expect(a, "datetime", 2) : NULL; /* upstream counts from the wrong end */
}
static const char *from_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    return e ? e : sl_x_is_num(args[0]) || sl_x_is_str(args[0]) || sl_x_is_bool(args[0]) ? sl_ck_expect(a, "int", 1) : NULL;
}

/* Text without an offset is read in the configured zone and may lack its date, so nothing here is pure but the count of days. */
#define D1(name, fn, sig, doc, example, gives)                                                                                                                                     \
    { name, SL_FN_SCALAR, 0, 1, 1, sl_ck_d1, fn, NULL, sig, doc, example, gives, NULL }
#define CLOCK(name, fn, sig, doc, example, gives)                                                                                                                                  \
    { name, SL_FN_SCALAR, 0, 0, 1, digits_check, fn, NULL, sig, doc, example, gives, NULL }
const sl_func sl_funcs_time[] = {
    CLOCK("now", fn_now, "([digits int]) -> string", "The current time in the configured zone.", "length(now())", "19"),
    CLOCK("current_timestamp", fn_now, "([digits int]) -> string", "Same as now.", "length(current_timestamp())", "19"),
    CLOCK("local_time", fn_now, "([digits int]) -> string", "Same as now.", "length(local_time())", "19"),
    CLOCK("local_timestamp", fn_now, "([digits int]) -> string", "Same as now.", "length(local_timestamp())", "19"),
    {"cur_date", SL_FN_SCALAR, 0, 0, 0, NULL, fn_cur_date, NULL, "() -> string", "Today in the machine's zone.", "length(cur_date())", "10", NULL},
    {"current_date", SL_FN_SCALAR, 0, 0, 0, NULL, fn_cur_date, NULL, "() -> string", "Same as cur_date.", "length(current_date())", "10", NULL},
    CLOCK("cur_time", fn_cur_time, "([digits int]) -> string", "The time of day in the configured zone.", "length(cur_time())", "8"),
    CLOCK("current_time", fn_cur_time, "([digits int]) -> string", "Same as cur_time.", "length(current_time())", "8"),
    {"format_time", SL_FN_SCALAR, SL_FN_NULLGATE, 2, 2, sl_ck_ds, fn_format_time, NULL, "(t datetime, pattern string) -> string",
     "A time as text by letters: yyyy MM dd HH mm ss SSS EEE a z Z X and 'quoted text'.", "format_time(cast(\"2020-01-02 03:04:05\", \"datetime\"), \"MMM d, HH:mm\")",
     "\"Jan 2, 03:04\"", NULL},
    {"date_calc", SL_FN_SCALAR, 0, 2, 2, calc_check, fn_date_calc, NULL, "(t datetime, duration string) -> string", "Adds a duration such as \"1h30m\" or \"-5s\".",
     "date_calc(cast(\"2020-01-01 00:00:00\", \"datetime\"), \"1h30m\")", "\"2020-01-01 01:30:00\"", NULL},
    {"date_diff", SL_FN_SCALAR, 0, 2, 2, diff_check, fn_date_diff, NULL, "(a datetime, b datetime) -> duration", "b minus a, in nanoseconds.",
     "date_diff(cast(\"2020-01-02 03:04:05\", \"datetime\"), cast(\"2020-01-02 03:04:06\", \"datetime\"))", "1000000000", NULL},
    D1("day_name", fn_day_name, "(t datetime) -> string", "English name of the weekday.", "day_name(cast(\"2020-01-02\", \"datetime\"))", "\"Thursday\""),
    D1("day_of_month", fn_day_of_month, "(t datetime) -> int", "Day of the month, 1 to 31.", "day_of_month(cast(\"2020-01-31\", \"datetime\"))", "31"),
    D1("day", fn_day_of_month, "(t datetime) -> int", "Same as day_of_month.", "day(cast(\"2020-01-31\", \"datetime\"))", "31"),
    D1("day_of_week", fn_day_of_week, "(t datetime) -> weekday", "Day of the week, 0 is Sunday.", "day_of_week(cast(\"2020-01-05\", \"datetime\"))", "0"),
    D1("day_of_year", fn_day_of_year, "(t datetime) -> int", "Day of the year, 1 to 366.", "day_of_year(cast(\"2020-12-31\", \"datetime\"))", "366"),
    {"from_days", SL_FN_SCALAR, SL_FN_NULLGATE, 1, 1, from_check, fn_from_days, NULL, "(n int) -> string", "The date of a day counted from 1970-01-01 as day 1; null for 0.",
     "length(from_days(1 + 1))", "10", NULL},
    {"from_unix_time", SL_FN_SCALAR, SL_FN_NULLGATE, 1, 1, from_check, fn_from_unix_time, NULL, "(seconds int) -> string",
     "Seconds since 1970 as text in the configured zone; null for 0.", "length(from_unix_time(1 + 1))", "19", NULL},
    D1("hour", fn_hour, "(t datetime) -> int", "Hour, 0 to 23.", "hour(cast(\"2020-01-02 13:14:15\", \"datetime\"))", "13"),
    D1("last_day", fn_last_day, "(t datetime) -> string", "Date of the last day of the month.", "last_day(cast(\"2020-02-10\", \"datetime\"))", "\"2020-02-29\""),
    D1("microsecond", fn_microsecond, "(t datetime) -> int", "Fraction of the second in microseconds.", "microsecond(cast(1500, \"datetime\"))", "500000"),
    D1("minute", fn_minute, "(t datetime) -> int", "Minute, 0 to 59.", "minute(cast(\"2020-01-02 13:14:15\", \"datetime\"))", "14"),
    D1("month", fn_month, "(t datetime) -> int", "Month, 1 to 12.", "month(cast(\"2020-12-31\", \"datetime\"))", "12"),
    {"month_name", SL_FN_SCALAR, 0, 1, 1, month_name_check, fn_month_name, NULL, "(t datetime) -> string", "English name of the month.",
     "month_name(cast(\"2020-01-02\", \"datetime\"))", "\"January\"", NULL},
    D1("second", fn_second, "(t datetime) -> int", "Second, 0 to 59.", "second(cast(\"2020-01-02 13:14:15\", \"datetime\"))", "15"),
    {0}};
