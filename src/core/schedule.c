/* Cron, ranges and the patrol.
 *
 * Decision: eKuiper's patrol, not a timer per rule: each basic.rulePatrolInterval all scheduled rules are compared with the clock and started
 * or stopped. A rule may be late by one interval, as there; in exchange nothing has to be re-armed when rules, zones or clocks change. The
 * patrol sleeps while no rule has a schedule. */
#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "core/office_int.h"
#include "core/schedule.h"

/* ---- cron texts ---- */
typedef struct field {
    const char *name;
    int min, max;
    const char *names; /* three letters each, in order from min */
} field;
static const field fields[] = {{"second", 0, 59, NULL},
                               {"minute", 0, 59, NULL},
                               {"hour", 0, 23, NULL},
                               {"day of month", 1, 31, NULL},
                               {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                               {"day of week", 0, 7, "sunmontuewedthufrisat"}};
static bool number(sl_str s, const field *f, int *out) {
    int64_t v;
    if (s.n && s.n <= 4 && s.p[0] >= '0' && s.p[0] <= '9' && sl_num_parse_i64(s, &v)) {
        *out = (int)v;
        return true;
    }
    for (size_t i = 0; f->names && s.n == 3 && f->names[i]; i += 3)
        if (sl_str_ieq(s, sl_str_n(f->names + i, 3))) {
            *out = f->min + (int)i / 3;
            return true;
        }
    return false;
}
static sl_str until(sl_str *rest, char sep) { /* takes what stands before sep */
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    sl_str head = at ? sl_str_n(rest->p, (size_t)(at - rest->p)) : *rest;
    *rest = at ? sl_str_n(at + 1, rest->n - head.n - 1) : (sl_str){0};
    return head;
}
static sl_err *read_field(sl_str text, const field *f, uint64_t *bits, bool *any) {
    sl_str rest = text;
    *bits = 0;
    *any = false;
    if (!text.n)
        return sl_err_new(SL_E_CONF, "cron: the field %s is empty", f->name);
    bool more = true;
    while (more) {
        more = memchr(rest.p, ',', rest.n) != NULL;
        sl_str span = until(&rest, ','), range = until(&span, '/');
        int from, to, step = 1;
        bool stepped = span.p != NULL, star = sl_str_is(range, "*") || sl_str_is(range, "?");
        if (more && !rest.n)
            return sl_err_new(SL_E_CONF, "cron: %.*s: a value is missing behind the comma of the field %s", SL_FMT(text), f->name);
        if (star) {
            from = f->min;
            to = f->max;
        } else {
            sl_str end = range, begin = until(&end, '-');
            bool ranged = end.p != NULL;
            if (!number(begin, f, &from) || (ranged && !number(end, f, &to)))
                return sl_err_new(SL_E_CONF, "cron: %.*s is not a value of the field %s, expected %d to %d%s", SL_FMT(range), f->name, f->min, f->max,
                                  f->names ? " or a name of three letters" : "");
            if (!ranged)
                to = stepped ? f->max : from;
        }
        if (stepped && (!number(span, &(field){"step", 0, 0, NULL}, &step) || step == 0))
            return sl_err_new(SL_E_CONF, "cron: %.*s is not a step of the field %s, expected a number above 0", SL_FMT(span), f->name);
        if (from < f->min || to > f->max || from > to)
            return sl_err_new(SL_E_CONF, "cron: %.*s is outside of the field %s, expected %d to %d", SL_FMT(range), f->name, f->min, f->max);
        if (star && step == 1)
            *any = true;
        for (int v = from; v <= to; v += step)
            *bits |= 1ull << v;
    }
    return NULL;
}
sl_err *sl_cron_parse(sl_str text, sl_zone zone, sl_cron *out) {
    static const char *const shorts[][2] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                                            {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};
    *out = (sl_cron){.zone = zone};
    sl_str s = sl_str_trim(text);
    if (sl_str_starts(s, SL_S("TZ=")) || sl_str_starts(s, SL_S("CRON_TZ="))) {
        until(&s, '=');
        sl_str name = until(&s, ' ');
        if (!sl_zone_find(name, &out->zone))
            return sl_err_new(SL_E_CONF, "cron: %.*s is not a known time zone, expected a name such as Europe/Berlin", SL_FMT(name));
        s = sl_str_trim(s);
    }
    if (sl_str_starts(s, SL_S("@every "))) {
        int64_t ns;
        sl_str d = sl_str_trim(sl_str_n(s.p + 7, s.n - 7));
        if (!sl_dur_parse(d, &ns) || ns <= 0)
            return sl_err_new(SL_E_CONF, "cron: %.*s is not a duration, expected for example @every 90s", SL_FMT(d));
        out->every_ms = ns < 1000000000 ? 1000 : ns / 1000000000 * 1000;
        return NULL;
    }
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (sl_str_is(s, shorts[i][0])) {
            s = sl_str_of(shorts[i][1]);
            break;
        }
    if (s.n && s.p[0] == '@')
        return sl_err_new(SL_E_CONF, "cron: %.*s is unknown, expected @yearly, @monthly, @weekly, @daily, @hourly or @every DURATION", SL_FMT(s));
    sl_str part[6];
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t k = i;
        while (k < s.n && s.p[k] != ' ' && s.p[k] != '\t')
            k++;
        if (k > i) {
            if (n < 6)
                part[n] = sl_str_n(s.p + i, k - i);
            n++;
        }
        i = k + 1;
    }
    if (n != 5 && n != 6)
        return sl_err_new(SL_E_CONF, "cron: expected 5 fields (minute, hour, day of month, month, day of week) or 6 with seconds in front, found %zu: %.*s", n, SL_FMT(text));
    uint64_t *const to[] = {&out->second, &out->minute, &out->hour, &out->day, &out->month, &out->week};
    bool any[6];
    out->second = 1;
    for (size_t i = 0; i < n; i++)
        SL_TRY(read_field(part[i], &fields[i + 6 - n], to[i + 6 - n], &any[i + 6 - n]));
    out->any_day = any[3];
    out->any_week = any[5];
    if (out->week >> 7 & 1) /* 7 is Sunday too */
        out->week |= 1;
    return NULL;
}
static bool day_fits(const sl_cron *c, const sl_civil *t) {
    bool day = c->day >> t->day & 1, week = c->week >> t->wday & 1;
    return c->any_day || c->any_week ? day && week : day || week;
}
int64_t sl_cron_next(const sl_cron *c, int64_t after_ms) {
    int64_t sec = after_ms >= 0 ? after_ms / 1000 : -((-after_ms + 999) / 1000);
    if (c->every_ms)
        return (sec + c->every_ms / 1000) * 1000;
    sl_civil t;
    sl_civil_of(sec, 0, c->zone, &t);
    int hour = t.hour, min = t.min; /* of the first day: nothing before this */
    for (int days = 0; days < 8 * 366; days++) {
        if (days) { /* normalised: day 32 is the first of the next month */
            t = (sl_civil){.year = t.year, .month = t.month, .day = t.day + 1, .hour = 12};
            sl_civil_of(sl_civil_to(&t, SL_ZONE_UTC), 0, SL_ZONE_UTC, &t);
            hour = min = 0;
        }
        if (!(c->month >> t.month & 1) || !day_fits(c, &t))
            continue;
        for (int h = hour; h < 24; h++)
            for (int m = h == hour ? min : 0; c->hour >> h & 1 && m < 60; m++)
                for (int x = 0; c->minute >> m & 1 && x < 60; x++) {
                    if (!(c->second >> x & 1))
                        continue;
                    sl_civil at = {.year = t.year, .month = t.month, .day = t.day, .hour = h, .min = m, .sec = x}, real;
                    int64_t when = sl_civil_to(&at, c->zone);
                    if (when <= sec)
                        continue;
                    sl_civil_of(when, 0, c->zone, &real);
                    if (real.hour == h && real.min == m) /* else: an hour that the change of clocks leaves out */
                        return when * 1000;
                }
    }
    return 0;
}
bool sl_cron_open(const sl_cron *c, int64_t now_ms, int64_t dur_ms) {
    int64_t fire = sl_cron_next(c, now_ms - dur_ms);
    return fire && fire <= now_ms && now_ms < fire + dur_ms;
}

/* ---- ranges ---- */
static sl_err *instant(const sl_json *v, sl_zone zone, int64_t *ms) {
    sl_str s = sl_json_text(v, (sl_str){"", 0});
    sl_value t;
    sl_str why;
    sl_arena *a = sl_arena_new(0);
    sl_err *e = !a ? sl_err_new(SL_E_NOMEM, "out of memory") : sl_text_to_time(a, s, (sl_str){0}, zone, &t, &why) ? NULL : sl_err_new(SL_E_CONF, "%.*s", SL_FMT(why));
    if (!e)
        *ms = t.i * 1000 + t.len / 1000000;
    sl_arena_free(a);
    return e;
}
static sl_err *bounds(const sl_json *r, sl_zone zone, int64_t *from, int64_t *to) {
    if (r->kind != SL_J_OBJ)
        return sl_err_new(SL_E_CONF, "expected objects with begin and end");
    int64_t a = 0, b = 0;
    if (sl_json_i64(sl_json_iget(r, "beginTimestamp"), &a) && sl_json_i64(sl_json_iget(r, "endTimestamp"), &b) && a > 0 && b > 0) {
        *from = a;
        *to = b;
    } else {
        SL_TRY(instant(sl_json_iget(r, "begin"), zone, from));
        SL_TRY(instant(sl_json_iget(r, "end"), zone, to));
    }
    return *from > *to ? sl_err_new(SL_E_CONF, "begin time shouldn't after end time") : NULL;
}
sl_err *sl_ranges_check(const sl_json *ranges, sl_zone zone) {
    int64_t from, to;
    for (const sl_json *r = ranges ? ranges->child : NULL; r; r = r->next)
        SL_TRY(bounds(r, zone, &from, &to));
    return NULL;
}
bool sl_ranges_open(const sl_json *ranges, sl_zone zone, int64_t now_ms) {
    for (const sl_json *r = ranges ? ranges->child : NULL; r; r = r->next) {
        int64_t from, to;
        sl_err *e = bounds(r, zone, &from, &to);
        bool in = !e && now_ms > from && now_ms < to;
        sl_err_free(e);
        if (in)
            return true;
    }
    return !ranges || !ranges->child;
}

/* ---- the patrol ---- */
static bool has_schedule(const rule_def *d) { return d->o.ranges || d->o.duration.n; }
/* 1 should run, -1 should not, 0 nothing to say; over: has run as long as it may, for good. */
static int wish(sl_rule *r, int64_t now, bool *over) {
    const rule_opts *p = &r->def->o;
    sl_zone zone = r->office->zone;
    int64_t ns = 0;
    *over = false;
    if (!sl_ranges_open(p->ranges, zone, now))
        return -1;
    bool dur = p->duration.n && sl_dur_parse(p->duration, &ns) && ns > 0;
    if (p->duration.n && !dur) {
        if (!r->complained)
            sl_error(r->id, "duration %.*s is not a duration, expected for example \"10m\"; the schedule is not followed", SL_FMT(p->duration));
        r->complained = true;
        return 0;
    }
    if (p->cron.n && dur) {
        sl_cron c;
        sl_err *e = sl_cron_parse(p->cron, zone, &c);
        if (e && !r->complained)
            sl_error(r->id, "%s; the schedule is not followed", sl_err_text(e));
        r->complained = r->complained || e;
        int w = e ? 0 : sl_cron_open(&c, now, ns / 1000000) ? 1 : -1;
        sl_err_free(e);
        return w;
    }
    if (dur) {
        *over = r->flow && now - r->last_start >= ns / 1000000;
        return 0;
    }
    return p->ranges ? 1 : 0;
}
static void patrol(void *arg) {
    sl_office *o = arg;
    int64_t now = sl_now(o->conf.loop);
    size_t it = 0;
    void *v;
    bool again = false;
    while (!o->stopping && sl_map_next(o->rules, &it, NULL, &v)) {
        sl_rule *r = v;
        if (!has_schedule(r->def))
            continue;
        again = true;
        bool over, idle = !r->queue.n && r->state != SL_RULE_STARTING && r->state != SL_RULE_STOPPING;
        int w = idle ? wish(r, now, &over) : 0;
        if (!idle)
            continue;
        if (over)
            rule_schedule(r, OP_DURATION);
        else if (w < 0 && r->flow)
            rule_schedule(r, OP_SCHED_STOP);
        else if (w > 0 && !r->flow && r->def->triggered) /* one that was stopped by hand stays stopped */
            rule_schedule(r, OP_START);
    }
    if (again && !o->stopping)
        sl_timer_in(o->patrol, o->patrol_ms);
    else
        o->patrolling = false;
}
void schedule_watch(sl_office *o, const rule_def *d) {
    if (o->patrolling || !has_schedule(d))
        return;
    if (!o->patrol) {
        o->patrol = sl_timer_new(o->conf.loop, patrol, o);
        o->patrol_ms = sl_settings_dur_ms(o->conf.settings, "basic.rulePatrolInterval", 10000);
        if (o->patrol_ms < 1000)
            o->patrol_ms = 10000;
    }
    if (!o->patrol)
        return;
    o->patrolling = true;
    sl_timer_in(o->patrol, o->patrol_ms);
}
int64_t schedule_next(const sl_rule *r) {
    const rule_opts *p = &r->def->o;
    sl_cron c;
    int64_t now = sl_now(r->office->conf.loop);
    if (!rule_scheduled(r->def) || !p->cron.n || !sl_ranges_open(p->ranges, r->office->zone, now))
        return 0;
    sl_err *e = sl_cron_parse(p->cron, r->office->zone, &c);
    int64_t at = e ? 0 : sl_cron_next(&c, now);
    sl_err_free(e);
    return at;
}
