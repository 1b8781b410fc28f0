/* sprig's functions on time. Layouts are Go's; `date` counts whole numbers as seconds. */
#include "base/num.h"
#include "data/tpl/tpl.h"

#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static sl_value now_in(trun *r, sl_zone z) {
    int64_t ms = r->env->now_ms ? r->env->now_ms : sl_wall_ns() / 1000000;
    int64_t sec = ms / 1000 - (ms % 1000 < 0);
    return sl_v_time(sec, (uint32_t)(ms - sec * 1000) * 1000000u, z);
}
static sl_value time_of(trun *r, tval v, sl_zone z) { /* a time, whole seconds, or now */
    sl_value t = v.v.kind == SL_TIME || v.v.kind == SL_INT ? v.v : now_in(r, z);
    if (t.kind == SL_INT)
        t = sl_v_time(t.i, 0, z);
    t.aux = z;
    return t;
}
static bool print(trun *r, sl_str layout, sl_value t, tval *out) {
    sl_buf b = {0};
    sl_golayout_print(&b, layout, t);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static sl_zone zone_of(sl_str name) {
    sl_zone z = SL_ZONE_UTC;
    return sl_str_is(name, "Local") ? SL_ZONE_LOCAL : sl_zone_find(name, &z) ? z : SL_ZONE_UTC;
}
FN(f_now) {
    *out = tv_of(now_in(r, SL_ZONE_LOCAL));
    return true;
}
FN(f_date) { return print(r, sl_v_text(a[0].v), time_of(r, a[1], SL_ZONE_LOCAL), out); }
FN(f_date_in) { return print(r, sl_v_text(a[0].v), time_of(r, a[1], zone_of(sl_v_text(a[2].v))), out); }
FN(f_html_date) { return print(r, SL_S("2006-01-02"), time_of(r, a[0], SL_ZONE_LOCAL), out); }
FN(f_html_date_in) { return print(r, SL_S("2006-01-02"), time_of(r, a[0], zone_of(sl_v_text(a[1].v))), out); }
static sl_value moved_by(sl_value t, int64_t ns) {
    int64_t total = (int64_t)t.len + ns % 1000000000, sec = t.i + ns / 1000000000;
    sec += total / 1000000000;
    total %= 1000000000;
    if (total < 0) {
        total += 1000000000;
        sec--;
    }
    t.i = sec;
    t.len = (uint32_t)total;
    return t;
}
FN(f_modify) { /* a bad duration changes nothing */
    int64_t ns;
    *out = tv_of(sl_dur_parse(sl_v_text(a[0].v), &ns) ? moved_by(a[1].v, ns) : a[1].v);
    return true;
}
FN(f_must_modify) {
    int64_t ns;
    if (!sl_dur_parse(sl_v_text(a[0].v), &ns)) {
        sl_buf q = {0};
        sl_go_quote(&q, sl_v_text(a[0].v));
        bool ok = tpl_call_fail(r, "time: invalid duration %s", sl_buf_cstr(&q));
        sl_buf_free(&q);
        return ok;
    }
    *out = tv_of(moved_by(a[1].v, ns));
    return true;
}
static bool print_dur(trun *r, int64_t ns, tval *out) {
    char text[SL_NUM_MAX];
    *out = tv_str(sl_arena_dup(r->a, (sl_str){text, sl_dur_print(text, ns)}));
    return true;
}
FN(f_ago) {
    sl_value t = time_of(r, a[0], SL_ZONE_LOCAL), now = now_in(r, SL_ZONE_LOCAL);
    double s = (double)(now.i - t.i) + ((double)now.len - (double)t.len) / 1e9;
    int64_t sec = (int64_t)(s < 0 ? s - 0.5 : s + 0.5);
    return print_dur(r, sec > 9000000000 ? INT64_MAX : sec < -9000000000 ? INT64_MIN : sec * 1000000000, out);
}
FN(f_duration) { /* seconds as text or int64 */
    int64_t sec = 0;
    if (a[0].v.kind == SL_STRING)
        sl_num_parse_i64(sl_v_text(a[0].v), &sec);
    else if (a[0].v.kind == SL_INT && !(a[0].v.flags & SL_F_GOINT))
        sec = a[0].v.i;
    return print_dur(r, (int64_t)((uint64_t)sec * 1000000000u), out);
}
FN(f_duration_round) {
    int64_t ns = 0;
    if (a[0].v.kind == SL_STRING)
        sl_dur_parse(sl_v_text(a[0].v), &ns);
    else if (a[0].v.kind == SL_DURATION || (a[0].v.kind == SL_INT && !(a[0].v.flags & SL_F_GOINT)))
        ns = a[0].v.i;
    else if (a[0].v.kind == SL_TIME) {
        sl_value now = now_in(r, SL_ZONE_LOCAL);
        ns = (now.i - a[0].v.i) * 1000000000;
    }
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    static const struct {
        uint64_t ns;
        const char *unit;
    } units[] = {{365ull * 86400 * 1000000000, "y"}, {30ull * 86400 * 1000000000, "mo"}, {86400ull * 1000000000, "d"},
                 {3600ull * 1000000000, "h"},        {60ull * 1000000000, "m"},          {1000000000, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (u > units[i].ns) {
            *out = tv_str(sl_arena_printf(r->a, "%llu%s", (unsigned long long)(u / units[i].ns), units[i].unit));
            return true;
        }
    *out = tv_str(SL_S("0s"));
    return true;
}
FN(f_to_date) {
    sl_value t = sl_v_time(-62135596800, 0, SL_ZONE_UTC); /* Go's zero time */
    sl_golayout_parse(sl_v_text(a[0].v), sl_v_text(a[1].v), SL_ZONE_LOCAL, &t);
    *out = tv_of(t);
    return true;
}
FN(f_must_to_date) {
    sl_value t;
    if (!sl_golayout_parse(sl_v_text(a[0].v), sl_v_text(a[1].v), SL_ZONE_LOCAL, &t)) {
        sl_buf x = {0}, y = {0};
        sl_go_quote(&x, sl_v_text(a[1].v));
        sl_go_quote(&y, sl_v_text(a[0].v));
        bool ok = tpl_call_fail(r, "parsing time %s as %s: cannot parse", sl_buf_cstr(&x), sl_buf_cstr(&y));
        sl_buf_free(&x);
        sl_buf_free(&y);
        return ok;
    }
    *out = tv_of(t);
    return true;
}
FN(f_epoch) {
    *out = tv_str(sl_arena_printf(r->a, "%lld", (long long)a[0].v.i));
    return true;
}
const tfunc tpl_time_funcs[] = {{"now", "", f_now},
                                {"date", "sa", f_date},
                                {"dateInZone", "sas", f_date_in},
                                {"date_in_zone", "sas", f_date_in},
                                {"htmlDate", "a", f_html_date},
                                {"htmlDateInZone", "as", f_html_date_in},
                                {"dateModify", "st", f_modify},
                                {"date_modify", "st", f_modify},
                                {"mustDateModify", "st", f_must_modify},
                                {"must_date_modify", "st", f_must_modify},
                                {"ago", "a", f_ago},
                                {"duration", "a", f_duration},
                                {"durationRound", "a", f_duration_round},
                                {"toDate", "ss", f_to_date},
                                {"mustToDate", "ss", f_must_to_date},
                                {"unixEpoch", "t", f_epoch},
                                {0}};
