/* Times as text. Three notations meet here: the layouts of Go's time package (an example time as pattern), the letter
 * patterns of format_time and TIMESTAMP_FORMAT, and text in a form nobody named.
 * Decision: letter patterns are translated to layouts and layouts interpreted, as upstream does, because its users see the
 * seams (a literal "2006" in a pattern prints the year). Upstream fills zero minutes and hours of some forms from the
 * current time; here only missing dates are filled, from the machine's date. */
#include <stdlib.h>
#include "data/value.h"

/* ---- layouts ---- */
typedef enum field {
    F_NONE,
    F_MONTH_LONG,
    F_MONTH_SHORT,
    F_MONTH_NUM,
    F_MONTH_2,
    F_WDAY_LONG,
    F_WDAY_SHORT,
    F_DAY,
    F_DAY_PAD,
    F_DAY_2,
    F_YDAY_PAD,
    F_YDAY_3,
    F_HOUR,
    F_HOUR12,
    F_HOUR12_2,
    F_MIN,
    F_MIN_2,
    F_SEC,
    F_SEC_2,
    F_YEAR_4,
    F_YEAR_2,
    F_PM,
    F_PM_LOW,
    F_ABBREV,
    F_OFF, /* numeric offset; see z, colons, parts */
    F_FRAC_0,
    F_FRAC_9
} field;
typedef struct piece {
    sl_str before; /* literal in front of the field */
    field f;
    unsigned digits; /* of a fraction */
    char mark;       /* '.' or ',' of a fraction */
    bool z, colons;  /* offset: Z for zero; hh:mm */
    unsigned parts;  /* offset: 1 hours, 2 minutes, 3 seconds */
} piece;
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
static const char *const wdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static bool at(sl_str s, size_t i, const char *lit) { return s.n >= i + strlen(lit) && memcmp(s.p + i, lit, strlen(lit)) == 0; }
static bool digit_at(sl_str s, size_t i) { return i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; }
static bool lower_at(sl_str s, size_t i) { return i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z'; }

/* The field that begins at i, and its length; F_NONE when there is none. */
static size_t field_at(sl_str s, size_t i, piece *p) {
    static const struct {
        const char *text;
        field f;
    } plain[] = {{"002", F_YDAY_3}, {"01", F_MONTH_2},  {"02", F_DAY_2},    {"03", F_HOUR12_2}, {"04", F_MIN_2},     {"05", F_SEC_2},           {"06", F_YEAR_2},
                 {"15", F_HOUR},    {"1", F_MONTH_NUM}, {"2006", F_YEAR_4}, {"2", F_DAY},       {"__2", F_YDAY_PAD}, {"_2", F_DAY_PAD},         {"3", F_HOUR12},
                 {"4", F_MIN},      {"5", F_SEC},       {"PM", F_PM},       {"pm", F_PM_LOW},   {"MST", F_ABBREV},   {"January", F_MONTH_LONG}, {"Monday", F_WDAY_LONG}};
    static const struct {
        const char *text;
        unsigned parts;
        bool colons;
    } offs[] = {{"070000", 3, false}, {"07:00:00", 3, true}, {"0700", 2, false}, {"07:00", 2, true}, {"07", 1, false}};
    p->f = F_NONE;
    char c = s.p[i];
    if (c == '-' || c == 'Z') {
        for (size_t k = 0; k < 5; k++)
            if (at(s, i + 1, offs[k].text)) {
                p->f = F_OFF, p->z = c == 'Z', p->parts = offs[k].parts, p->colons = offs[k].colons;
                return 1 + strlen(offs[k].text);
            }
        return 0;
    }
    if (c == '.' || c == ',') {
        if (i + 1 >= s.n || (s.p[i + 1] != '0' && s.p[i + 1] != '9'))
            return 0;
        size_t j = i + 1;
        while (j < s.n && s.p[j] == s.p[i + 1])
            j++;
        if (digit_at(s, j))
            return 0;
        p->f = s.p[i + 1] == '0' ? F_FRAC_0 : F_FRAC_9;
        p->digits = (unsigned)(j - i - 1);
        p->mark = c;
        return j - i;
    }
    if (at(s, i, "_2006"))
        return 0; /* the year follows at the next place */
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
        if (at(s, i, plain[k].text)) {
            p->f = plain[k].f;
            return strlen(plain[k].text);
        }
    if ((at(s, i, "Jan") || at(s, i, "Mon")) && !lower_at(s, i + 3)) {
        p->f = c == 'J' ? F_MONTH_SHORT : F_WDAY_SHORT;
        return 3;
    }
    return 0;
}
/* Takes the next literal and field off the layout. */
static void next_piece(sl_str *layout, piece *p) {
    for (size_t i = 0; i < layout->n; i++) {
        size_t n = field_at(*layout, i, p);
        if (p->f != F_NONE) {
            p->before = sl_str_n(layout->p, i);
            layout->p += i + n, layout->n -= i + n;
            return;
        }
    }
    p->f = F_NONE;
    p->before = *layout;
    layout->p += layout->n, layout->n = 0;
}

/* ---- printing ---- */
static void put_int(sl_buf *out, int64_t v, int width, char pad) {
    char b[24];
    int n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        b[n++] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        sl_buf_putc(out, '-');
    for (int k = n; k < width; k++)
        sl_buf_putc(out, pad);
    while (n)
        sl_buf_putc(out, b[--n]);
}
static void put_offset(sl_buf *out, int32_t east, const piece *p) {
    if (p->z && east == 0) {
        sl_buf_putc(out, 'Z');
        return;
    }
    int32_t s = abs(east);
    sl_buf_putc(out, east / 60 < 0 || (p->parts == 3 && east < 0) ? '-' : '+');
    put_int(out, s / 3600, 2, '0');
    for (unsigned k = 2; k <= p->parts; k++) {
        if (p->colons)
            sl_buf_putc(out, ':');
        put_int(out, k == 2 ? s / 60 % 60 : s % 60, 2, '0');
    }
}
void sl_golayout_print(sl_buf *out, sl_str layout, sl_value t) {
    sl_civil c;
    sl_civil_of(t.i, (int32_t)t.len, t.aux, &c);
    int h12 = c.hour % 12 ? c.hour % 12 : 12;
    while (layout.n) {
        piece p = {0};
        next_piece(&layout, &p);
        sl_buf_str(out, p.before);
        switch (p.f) {
        case F_NONE: break;
        case F_MONTH_LONG: sl_buf_puts(out, months[c.month - 1]); break;
        case F_MONTH_SHORT: sl_buf_put(out, months[c.month - 1], 3); break;
        case F_MONTH_NUM: put_int(out, c.month, 0, '0'); break;
        case F_MONTH_2: put_int(out, c.month, 2, '0'); break;
        case F_WDAY_LONG: sl_buf_puts(out, wdays[c.wday]); break;
        case F_WDAY_SHORT: sl_buf_put(out, wdays[c.wday], 3); break;
        case F_DAY: put_int(out, c.day, 0, '0'); break;
        case F_DAY_PAD: put_int(out, c.day, 2, ' '); break;
        case F_DAY_2: put_int(out, c.day, 2, '0'); break;
        case F_YDAY_PAD: put_int(out, c.yday, 3, ' '); break;
        case F_YDAY_3: put_int(out, c.yday, 3, '0'); break;
        case F_HOUR: put_int(out, c.hour, 2, '0'); break;
        case F_HOUR12: put_int(out, h12, 0, '0'); break;
        case F_HOUR12_2: put_int(out, h12, 2, '0'); break;
        case F_MIN: put_int(out, c.min, 0, '0'); break;
        case F_MIN_2: put_int(out, c.min, 2, '0'); break;
        case F_SEC: put_int(out, c.sec, 0, '0'); break;
        case F_SEC_2: put_int(out, c.sec, 2, '0'); break;
        case F_YEAR_4: put_int(out, c.year, 4, '0'); break;
        case F_YEAR_2: put_int(out, (c.year < 0 ? -c.year : c.year) % 100, 2, '0'); break;
        case F_PM: sl_buf_puts(out, c.hour >= 12 ? "PM" : "AM"); break;
        case F_PM_LOW: sl_buf_puts(out, c.hour >= 12 ? "pm" : "am"); break;
        case F_ABBREV:
            if (*c.abbrev)
                sl_buf_puts(out, c.abbrev);
            else
                put_offset(out, c.east, &(piece){.parts = 2});
            break;
        case F_OFF: put_offset(out, c.east, &p); break;
        case F_FRAC_0:
        case F_FRAC_9: {
            char d[9];
            uint32_t ns = (uint32_t)c.ns;
            for (int k = 8; k >= 0; k--, ns /= 10)
                d[k] = (char)('0' + ns % 10);
            unsigned have = p.digits < 9 ? p.digits : 9;
            if (p.f == F_FRAC_9) {
                while (have && d[have - 1] == '0')
                    have--;
                if (!have)
                    break;
            }
            sl_buf_putc(out, p.mark);
            sl_buf_put(out, d, have); /* never more than nanoseconds, whatever was asked for */
        }
        }
    }
}

/* ---- reading ---- */
static bool literal(sl_str *s, sl_str lit) {
    while (lit.n) {
        if (lit.p[0] == ' ') { /* blanks match any number of blanks, none only at the end */
            if (s->n && s->p[0] != ' ')
                return false;
            while (lit.n && lit.p[0] == ' ')
                lit.p++, lit.n--;
            while (s->n && s->p[0] == ' ')
                s->p++, s->n--;
            continue;
        }
        if (!s->n || s->p[0] != lit.p[0])
            return false;
        s->p++, s->n--, lit.p++, lit.n--;
    }
    return true;
}
static bool digits(sl_str *s, size_t n, int *out) {
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!digit_at(*s, i))
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n, s->n -= n;
    *out = v;
    return true;
}
static bool one_or_two(sl_str *s, bool two, int *out) { return digits(s, digit_at(*s, 1) || two ? 2 : 1, out); }
static bool name(sl_str *s, const char *const *list, int n, size_t len, int *out) {
    for (int i = 0; i < n; i++) {
        size_t k = len ? len : strlen(list[i]);
        if (s->n >= k && sl_str_ieq(sl_str_n(s->p, k), sl_str_n(list[i], k))) {
            s->p += k, s->n -= k;
            *out = i;
            return true;
        }
    }
    return false;
}
/* mark and n digits behind it */
static bool fraction(sl_str *s, size_t n, int *ns) {
    if (s->n < n + 1 || (s->p[0] != '.' && s->p[0] != ','))
        return false;
    int64_t v = 0;
    for (size_t i = 1; i <= n; i++) {
        if (!digit_at(*s, i))
            return false;
        if (i <= 9)
            v = v * 10 + (s->p[i] - '0');
    }
    for (size_t i = n; i < 9; i++)
        v *= 10;
    *ns = (int)v;
    s->p += n + 1, s->n -= n + 1;
    return true;
}
static size_t digits_from(sl_str s, size_t i) {
    size_t n = 0;
    while (digit_at(s, i + n))
        n++;
    return n;
}
static bool offset(sl_str *s, const piece *p, int32_t *east) {
    if (!s->n || (s->p[0] != '+' && s->p[0] != '-'))
        return false;
    bool neg = s->p[0] == '-';
    int v[3] = {0, 0, 0};
    s->p++, s->n--;
    for (unsigned k = 0; k < p->parts; k++) {
        if (k && p->colons) {
            if (!s->n || s->p[0] != ':')
                return false;
            s->p++, s->n--;
        }
        if (!digits(s, 2, &v[k]) || v[k] > (k ? 60 : 24))
            return false;
    }
    *east = (v[0] * 60 + v[1]) * 60 + v[2];
    *east = neg ? -*east : *east;
    return true;
}
static size_t signed_hours(sl_str s, size_t i) { /* length of "+7", 0 when it is none */
    if (i >= s.n || (s.p[i] != '+' && s.p[i] != '-'))
        return 0;
    size_t n = digits_from(s, i + 1);
    int v = 0;
    for (size_t k = 0; k < n; k++)
        v = v > 99 ? v : v * 10 + (s.p[i + 1 + k] - '0');
    return n && v <= 23 ? n + 1 : 0;
}
static size_t abbreviation(sl_str s) { /* its length, 0 when it is none */
    if (s.n < 3)
        return 0;
    if (at(s, 0, "ChST") || at(s, 0, "MeST"))
        return 4;
    if (at(s, 0, "GMT"))
        return 3 + signed_hours(s, 3);
    if (s.p[0] == '+' || s.p[0] == '-')
        return signed_hours(s, 0);
    size_t n = 0;
    while (n < 6 && n < s.n && s.p[n] >= 'A' && s.p[n] <= 'Z')
        n++;
    if (n == 5)
        return s.p[4] == 'T' ? 5 : 0;
    if (n == 4)
        return s.p[3] == 'T' || at(s, 0, "WITA") ? 4 : 0;
    return n == 3 ? 3 : 0;
}
typedef struct got {
    bool year, date; /* what the layout asked for */
} got;
static bool parse(sl_str layout, sl_str s, sl_zone zone, sl_value *out, got *g) {
    sl_civil c = {.month = 0, .day = 0};
    int yday = 0, n, month = 0;
    bool pm = false, am = false, has_off = false, utc = false, has_day = false;
    int32_t east = 0;
    sl_str abbrev = {0};
    *g = (got){0};
    while (layout.n || s.n) {
        piece p = {0};
        next_piece(&layout, &p);
        if (!literal(&s, p.before))
            return false;
        switch (p.f) {
        case F_NONE:
            if (s.n)
                return false;
            break;
        case F_YEAR_4:
            if (!digits(&s, 4, &n))
                return false;
            c.year = n;
            g->year = g->date = true;
            break;
        case F_YEAR_2:
            if (!digits(&s, 2, &n))
                return false;
            c.year = n >= 69 ? 1900 + n : 2000 + n;
            g->year = g->date = true;
            break;
        case F_MONTH_LONG:
        case F_MONTH_SHORT:
            if (!name(&s, months, 12, p.f == F_MONTH_SHORT ? 3 : 0, &month))
                return false;
            month++;
            g->date = true;
            break;
        case F_MONTH_NUM:
        case F_MONTH_2:
            if (!one_or_two(&s, p.f == F_MONTH_2, &month) || month < 1 || month > 12)
                return false;
            g->date = true;
            break;
        case F_WDAY_LONG:
        case F_WDAY_SHORT:
            if (!name(&s, wdays, 7, p.f == F_WDAY_SHORT ? 3 : 0, &n))
                return false;
            break;
        case F_DAY_PAD:
            if (s.n && s.p[0] == ' ')
                s.p++, s.n--;
            /* fall through */
        case F_DAY:
        case F_DAY_2:
            if (!one_or_two(&s, p.f == F_DAY_2, &c.day))
                return false;
            has_day = g->date = true;
            break;
        case F_YDAY_PAD:
        case F_YDAY_3:
            for (n = 0; p.f == F_YDAY_PAD && n < 2 && s.n && s.p[0] == ' '; n++)
                s.p++, s.n--;
            if (!digits(&s, (size_t)(3 - (p.f == F_YDAY_PAD ? n : 0)), &yday))
                return false;
            g->date = true;
            break;
        case F_HOUR:
            if (!one_or_two(&s, false, &c.hour) || c.hour > 23)
                return false;
            break;
        case F_HOUR12:
        case F_HOUR12_2:
            if (!one_or_two(&s, p.f == F_HOUR12_2, &c.hour) || c.hour > 12)
                return false;
            break;
        case F_MIN:
        case F_MIN_2:
            if (!one_or_two(&s, p.f == F_MIN_2, &c.min) || c.min > 59)
                return false;
            break;
        case F_SEC:
        case F_SEC_2:
            if (!one_or_two(&s, p.f == F_SEC_2, &c.sec) || c.sec > 59)
                return false;
            if (s.n >= 2 && (s.p[0] == '.' || s.p[0] == ',') && digit_at(s, 1)) { /* a fraction the layout does not name */
                sl_str rest = layout;
                piece q = {0};
                next_piece(&rest, &q);
                if (q.f != F_FRAC_0 && q.f != F_FRAC_9 && !fraction(&s, digits_from(s, 1), &c.ns))
                    return false;
            }
            break;
        case F_PM:
        case F_PM_LOW:
            pm = at(s, 0, p.f == F_PM ? "PM" : "pm");
            am = at(s, 0, p.f == F_PM ? "AM" : "am");
            if (!pm && !am)
                return false;
            s.p += 2, s.n -= 2;
            break;
        case F_OFF:
            if (p.z && s.n && s.p[0] == 'Z') {
                utc = true;
                s.p++, s.n--;
                break;
            }
            if (!offset(&s, &p, &east))
                return false;
            has_off = true;
            break;
        case F_ABBREV:
            if (at(s, 0, "UTC")) {
                utc = true;
                s.p += 3, s.n -= 3;
                break;
            }
            abbrev = sl_str_n(s.p, abbreviation(s));
            if (!abbrev.n)
                return false;
            s.p += abbrev.n, s.n -= abbrev.n;
            break;
        case F_FRAC_0:
            if (!fraction(&s, p.digits, &c.ns))
                return false;
            break;
        case F_FRAC_9:
            if (s.n >= 2 && (s.p[0] == '.' || s.p[0] == ',') && digit_at(s, 1) && !fraction(&s, digits_from(s, 1), &c.ns))
                return false;
            break;
        }
    }
    if (pm && c.hour < 12)
        c.hour += 12;
    else if (am && c.hour == 12)
        c.hour = 0;
    if (yday) {
        int left = yday, m = 1;
        for (; m <= 12 && left > sl_month_days(c.year, m); m++)
            left -= sl_month_days(c.year, m);
        if (m > 12 || (month && month != m) || (has_day && c.day != left))
            return false;
        month = m, c.day = left, has_day = true;
    }
    c.month = month ? month : 1;
    c.day = has_day ? c.day : 1;
    if (c.day < 1 || c.day > sl_month_days(c.year, c.month))
        return false;
    int64_t sec;
    if (utc) {
        zone = SL_ZONE_UTC;
        sec = sl_civil_to(&c, zone);
    } else if (has_off) {
        const char *in_force;
        sec = sl_civil_to(&c, SL_ZONE_UTC) - east;
        if (sl_zone_at(zone, sec, &in_force) != east || (abbrev.n && !sl_str_is(abbrev, in_force)))
            zone = sl_zone_fixed(east, abbrev.n ? abbrev : SL_S(""));
    } else if (abbrev.n) {
        sec = sl_civil_to(&c, SL_ZONE_UTC);
        if (sl_zone_abbrev(zone, abbrev, sec, &east))
            sec -= east;
        else {
            if (abbrev.n > 3 && at(abbrev, 0, "GMT")) {
                for (size_t i = 4; i < abbrev.n; i++)
                    east = east * 10 + (abbrev.p[i] - '0');
                east *= abbrev.p[3] == '-' ? -3600 : 3600;
                sec -= east;
            }
            zone = sl_zone_fixed(east, abbrev);
        }
    } else
        sec = sl_civil_to(&c, zone);
    *out = sl_v_time(sec, (uint32_t)c.ns, zone);
    return true;
}
bool sl_golayout_parse(sl_str layout, sl_str text, sl_zone zone, sl_value *out) {
    got g;
    return parse(layout, text, zone, out, &g);
}

/* ---- letter patterns ---- */
static bool pattern_layout(sl_arena *a, sl_str f, sl_buf *out, sl_str *why) {
    static const char *const month[] = {"1", "01", "Jan", "January"}, *const day[] = {"2", "02"}, *const hour12[] = {"3", "03"}, *const min[] = {"4", "04"},
                             *const sec[] = {"5", "05"}, *const off[] = {"-07", "-0700", "-07:00"};
    for (size_t i = 0; i < f.n;) {
        char c = f.p[i];
        size_t run = 1, longest = c == 'M' || c == 'y' || c == 'Y' || c == 'E' ? 4 : c == 'X' ? 3 : strchr("dHhms", c) && c ? 2 : 0;
        while (i + run < f.n && f.p[i + run] == c && (c == 'S' || run < longest + 1) && (longest || c == 'S'))
            run++;
        const char *const *list = NULL;
        switch (c) {
        case 'y':
        case 'Y':
            if (run != 2 && run != 4) {
                *why = sl_arena_printf(a, "invalid time format %.*s for Y/y", SL_FMT(f));
                return false;
            }
            sl_buf_puts(out, run == 4 ? "2006" : "06");
            break;
        case 'E':
            if (run != 3 && run != 4) {
                *why = sl_arena_printf(a, "invalid time format %.*s for E", SL_FMT(f));
                return false;
            }
            sl_buf_puts(out, run == 3 ? "Mon" : "Monday");
            break;
        case 'H':
            if (run != 2) {
                *why = sl_arena_printf(a, "invalid time format %.*s of H, only HH is supported", SL_FMT(f));
                return false;
            }
            sl_buf_puts(out, "15");
            break;
        case 'M': list = month; break;
        case 'd': list = day; break;
        case 'h': list = hour12; break;
        case 'm': list = min; break;
        case 's': list = sec; break;
        case 'X': list = off; break;
        case 'S':
            sl_buf_putc(out, '.');
            for (size_t k = 0; k < run; k++)
                sl_buf_putc(out, '0');
            break;
        case 'a': sl_buf_puts(out, "PM"); break;
        case 'G': sl_buf_puts(out, "AD"); break;
        case 'z': sl_buf_puts(out, "MST"); break;
        case 'Z': sl_buf_puts(out, "-0700"); break;
        case '\\':
        case '\'':
            if (i + 1 >= f.n) {
                *why = sl_arena_printf(a, "%.*s is invalid", SL_FMT(f));
                return false;
            }
            if (c == '\\' || f.p[i + 1] == '\'')
                sl_buf_putc(out, f.p[++i]);
            else
                for (i++; i < f.n && f.p[i] != '\''; i++)
                    sl_buf_putc(out, f.p[i]);
            break;
        default: sl_buf_putc(out, c);
        }
        if (list && run <= longest)
            sl_buf_puts(out, list[run - 1]);
        i += run;
    }
    return true;
}
bool sl_time_format(sl_arena *a, sl_value time, sl_str pattern, sl_str *out, sl_str *why) {
    sl_buf layout = {0}, text = {0};
    bool ok = pattern_layout(a, pattern, &layout, why);
    if (ok) {
        sl_golayout_print(&text, sl_buf_view(&layout), time);
        *out = sl_arena_dup(a, sl_buf_view(&text));
    }
    sl_buf_free(&layout);
    sl_buf_free(&text);
    return ok;
}

/* ---- text of any form ---- */
#define L(s)                                                                                                                                                                       \
    { s, sizeof(s) - 1 }
static const sl_str known[] = {
    L("2006"),
    L("2006-1"),
    L("2006-1-2"),
    L("2006-1-2 15"),
    L("2006-1-2 15:4"),
    L("2006-1-2 15:4:5"),
    L("1-2"),
    L("15:4:5"),
    L("15:4"),
    L("15"),
    L("15:4:5 Jan 2, 2006 MST"),
    L("2006-01-02 15:04:05.999999999 -0700 MST"),
    L("2006-01-02T15:04:05Z0700"),
    L("2006-01-02T15:04:05Z07"),
    L("2006.1.2"),
    L("2006.1.2 15:04:05"),
    L("2006.01.02"),
    L("2006.01.02 15:04:05"),
    L("2006.01.02 15:04:05.999999999"),
    L("1/2/2006"),
    L("1/2/2006 15:4:5"),
    L("2006/01/02"),
    L("20060102"),
    L("2006/01/02 15:04:05"),
    L("Mon Jan _2 15:04:05 2006"),
    L("Mon Jan _2 15:04:05 MST 2006"),
    L("Mon Jan 02 15:04:05 -0700 2006"),
    L("02 Jan 06 15:04 MST"),
    L("02 Jan 06 15:04 -0700"),
    L("Monday, 02-Jan-06 15:04:05 MST"),
    L("Mon, 02 Jan 2006 15:04:05 MST"),
    L("Mon, 02 Jan 2006 15:04:05 -0700"),
    L("2006-01-02T15:04:05Z07:00"),
    L("2006-01-02T15:04:05.999999999Z07:00"),
    L("3:04PM"),
    L("Jan _2 15:04:05"),
    L("Jan _2 15:04:05.000"),
    L("Jan _2 15:04:05.000000"),
    L("Jan _2 15:04:05.000000000"),
    L("2006-01-02T15:04:05.000Z07:00"),
    L("2006-01-02T15:04:05"),
};
#undef L
/* Digits behind a single dot become 3, 6 or 9. room: text.n + 9. */
static sl_str even_fraction(sl_str text, char *room) {
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    size_t from = dot ? (size_t)(dot - text.p) + 1 : 0;
    if (!dot || memchr(dot + 1, '.', text.n - from))
        return text;
    size_t n = digits_from(text, from), want = n <= 3 ? 3 : n <= 6 ? 6 : 9;
    if (n == want)
        return text;
    size_t keep = n < want ? n : want, w = from + keep;
    memcpy(room, text.p, w);
    while (w < from + want)
        room[w++] = '0';
    memcpy(room + w, text.p + from + n, text.n - from - n);
    return sl_str_n(room, w + text.n - from - n);
}
static bool bare_clock(sl_str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ':' && s.p[i] != '.' && s.p[i] != ' ' && (s.p[i] < '0' || s.p[i] > '9'))
            return false;
    return true;
}
static bool try_layout(sl_str layout, sl_str s, sl_zone zone, sl_value *out) {
    got g;
    if (!parse(layout, s, zone, out, &g))
        return false;
    if (g.year && out->i >= INT64_C(-62135510400)) /* surely after the year 0 */
        return true;
    sl_civil c, today;
    sl_civil_of(out->i, (int32_t)out->len, out->aux, &c);
    if (g.year && c.year != 0)
        return true;
    /* no year, or year 0: this one; nothing but figures and colons: today */
    int64_t now = sl_wall_ns();
    sl_civil_of(now / 1000000000, 0, zone, &today);
    c.year = today.year;
    if (!g.date && bare_clock(s))
        c.month = today.month, c.day = today.day;
    out->i = sl_civil_to(&c, out->aux);
    return true;
}
bool sl_text_to_time(sl_arena *a, sl_str text, sl_str format, sl_zone zone, sl_value *out, sl_str *why) {
    char room[128];
    sl_str s = text.n <= sizeof room - 9 ? even_fraction(text, room) : text;
    if (format.n) {
        sl_buf layout = {0};
        bool ok = pattern_layout(a, format, &layout, why);
        bool fits = ok && try_layout(sl_buf_view(&layout), s, zone, out);
        sl_buf_free(&layout);
        if (!ok || fits)
            return ok;
    }
    if (text.n && text.n <= sizeof room - 9) /* no form is longer */
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (try_layout(known[i], s, zone, out))
                return true;
    *why = sl_arena_printf(a, "Can't parse string as time: %.*s", SL_FMT(s));
    return false;
}
