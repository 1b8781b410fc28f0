/* Numbers and text, exact in both directions and blind to the locale.
 *
 * Decision: nearly all numbers that devices send are an integer below 2^53 over a power of ten, and for those one correctly rounded
 * division proves the short form (both operands are exact). What is left (results of arithmetic with 16 or 17 digits) is the matter of
 * shortest.c. Reading is the same idea: Clinger's fast path, then shortest.c, and what even that cannot tell, the C library under its own "C"
 * locale. */
#include "base/num.h"
#include "base/shortest.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const double pow10_exact[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                            "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static void c_locale_make(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }
static double read_c(const char *text) {
    pthread_once(&c_locale_once, c_locale_make);
    return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

static const uint64_t pow10_whole[] = {
    1,           10,           100,           1000,           10000,           100000,           1000000,           10000000,           100000000,           1000000000,
    10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000, 10000000000000000000u};
static inline void put_digits(char *out, uint64_t v, unsigned n) { /* exactly n */
    char *p = out + n;
    while (n >= 2) {
        unsigned r = (unsigned)(v % 100);
        v /= 100;
        p -= 2;
        n -= 2;
        memcpy(p, pairs + 2 * r, 2);
    }
    if (n)
        *out = (char)('0' + v);
}
size_t sl_num_u64(char *out, uint64_t v) {
    unsigned n = (unsigned)(64 - __builtin_clzll(v | 1)) * 1233 >> 12;
    n += v >= pow10_whole[n];
    n += n == 0;
    put_digits(out, v, n);
    return n;
}
size_t sl_num_i64(char *out, int64_t v) {
    if (v >= 0)
        return sl_num_u64(out, (uint64_t)v);
    *out = '-';
    return 1 + sl_num_u64(out + 1, 0 - (uint64_t)v);
}

/* Shortest decimal: value = 0.d1d2d3… × 10^point, no trailing zeros except for the number 0. */
typedef struct digits {
    char d[24];
    int n, point;
} digits;

static void digits_of_int(digits *o, uint64_t m, int scale) { /* m / 10^scale */
    o->n = (int)sl_num_u64(o->d, m);
    o->point = o->n - scale;
    while (o->n > 1 && o->d[o->n - 1] == '0')
        o->n--;
}

static void shortest(digits *o, double v) { /* v finite, > 0 */
    uint64_t m = v < 9007199254740992.0 ? (uint64_t)v : 0;
    if (m && (double)m == v) {
        digits_of_int(o, m, 0);
        return;
    }
    int e;
    m = sl_num_shortest(v, &e);
    digits_of_int(o, m, -e);
}

/* The shortest form of 0.000001 <= v < 10^15, written at once when it has few digits; 0: it has not. Below 10^15 at most one integer qualifies
 * for a k, so the first hit is the shortest and the closest. */
static inline size_t put_short(char *out, double v) {
    if (!(v >= 1e-6 && v < 1e15))
        return 0;
    uint64_t m = (uint64_t)v;
    if ((double)m == v)
        return sl_num_u64(out, m);
    for (unsigned k = 1; k <= 6; k++) {
        double t = v * pow10_exact[k];
        if (t >= 1e15)
            return 0;
        m = (uint64_t)(t + 0.5);
        if ((double)m / pow10_exact[k] == v) {
            size_t n = sl_num_u64(out, m / pow10_whole[k]);
            out[n] = '.';
            put_digits(out + n + 1, m % pow10_whole[k], k);
            return n + 1 + k;
        }
    }
    return 0;
}
static size_t put_plain(char *out, const digits *d) {
    char *p = out;
    if (d->point <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = d->point; i < 0; i++)
            *p++ = '0';
        memcpy(p, d->d, (size_t)d->n);
        return (size_t)(p - out) + (size_t)d->n;
    }
    int whole = d->point < d->n ? d->point : d->n;
    memcpy(p, d->d, (size_t)whole);
    p += whole;
    for (int i = whole; i < d->point; i++)
        *p++ = '0';
    if (d->n > d->point) {
        *p++ = '.';
        memcpy(p, d->d + d->point, (size_t)(d->n - d->point));
        p += d->n - d->point;
    }
    return (size_t)(p - out);
}
static size_t put_exp(char *out, const digits *d, bool two) {
    char *p = out;
    *p++ = d->d[0];
    if (d->n > 1) {
        *p++ = '.';
        memcpy(p, d->d + 1, (size_t)d->n - 1);
        p += d->n - 1;
    }
    int e = d->point - 1;
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    if (e < 0)
        e = -e;
    if (two && e < 10)
        *p++ = '0';
    return (size_t)(p - out) + sl_num_u64(p, (uint64_t)e);
}

/* sign, zero and the odd ones; true when done */
static bool put_special(char **out, double *v, size_t *n, const char *nan) {
    if (isnan(*v) || isinf(*v)) {
        const char *t = nan ? nan : isnan(*v) ? "NaN" : *v > 0 ? "+Inf" : "-Inf";
        *n = strlen(t);
        memcpy(*out, t, *n);
        return true;
    }
    if (signbit(*v)) {
        *(*out)++ = '-';
        *v = -*v;
    }
    if (*v == 0) {
        *(*out)++ = '0';
        return true;
    }
    return false;
}

size_t sl_num_json(char *out, double v) {
    char *p = out;
    size_t n = 0;
    if (put_special(&p, &v, &n, "null"))
        return (size_t)(p - out) + n;
    if ((n = put_short(p, v)))
        return (size_t)(p - out) + n;
    digits d;
    shortest(&d, v);
    return (size_t)(p - out) + (v < 1e-6 || v >= 1e21 ? put_exp(p, &d, false) : put_plain(p, &d));
}
size_t sl_num_g(char *out, double v) {
    char *p = out;
    size_t n = 0;
    if (put_special(&p, &v, &n, NULL))
        return (size_t)(p - out) + n;
    if (v >= 1e-4 && v < 1e6 && (n = put_short(p, v)))
        return (size_t)(p - out) + n;
    digits d;
    shortest(&d, v);
    int e = d.point - 1;
    return (size_t)(p - out) + (e < -4 || e >= 6 ? put_exp(p, &d, true) : put_plain(p, &d));
}
size_t sl_num_f(char *out, double v) {
    char *p = out;
    size_t n = 0;
    if (put_special(&p, &v, &n, NULL))
        return (size_t)(p - out) + n;
    if ((n = put_short(p, v)))
        return (size_t)(p - out) + n;
    digits d;
    shortest(&d, v);
    return (size_t)(p - out) + put_plain(p, &d);
}

bool sl_num_parse_i64(sl_str s, int64_t *out) {
    size_t i = 0;
    bool neg = false;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        neg = s.p[i++] == '-';
    if (i == s.n)
        return false;
    uint64_t m = 0, most = neg ? (uint64_t)1 << 63 : (uint64_t)INT64_MAX;
    for (; i < s.n; i++) {
        unsigned c = (unsigned char)s.p[i] - '0';
        if (c > 9 || m > (most - c) / 10)
            return false;
        m = m * 10 + c;
    }
    *out = neg ? (int64_t)(0 - m) : (int64_t)m;
    return true;
}

bool sl_num_parse_f64(sl_str s, double *out) {
    const char *p = s.p, *end = s.p + s.n;
    bool neg = false, any = false, all = true;
    if (p < end && (*p == '-' || *p == '+'))
        neg = *p++ == '-';
    uint64_t m = 0;
    int kept = 0;
    long scale = 0; /* value = m × 10^scale while `all` digits are in m */
    for (; p < end && (unsigned char)(*p - '0') <= 9; p++) {
        any = true;
        if (kept < 19) {
            m = m * 10 + (uint64_t)(*p - '0');
            kept += m != 0;
        } else {
            all = all && *p == '0';
            scale++;
        }
    }
    if (p < end && *p == '.') {
        p++;
        for (; p < end && (unsigned char)(*p - '0') <= 9; p++) {
            any = true;
            if (kept < 19) {
                m = m * 10 + (uint64_t)(*p - '0');
                kept += m != 0;
                scale--;
            } else {
                all = all && *p == '0';
            }
        }
    }
    if (!any)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool eneg = false;
        if (p < end && (*p == '-' || *p == '+'))
            eneg = *p++ == '-';
        if (p == end || (unsigned char)(*p - '0') > 9)
            return false;
        long e = 0;
        for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
            if (e < 100000000)
                e = e * 10 + (*p - '0');
        scale += eneg ? -e : e;
    }
    if (p != end)
        return false;
    if (m == 0) {
        *out = neg ? -0.0 : 0.0;
        return true;
    }
    if (all && m <= (uint64_t)1 << 53 && scale >= -22 && scale <= 22) {
        double v = (double)m;
        v = scale < 0 ? v / pow10_exact[-scale] : v * pow10_exact[scale];
        *out = neg ? -v : v;
        return true;
    }
    double near, far;
    if (scale > -400 && scale < 400 && sl_num_nearest(m, (int)scale, &near) && (all || (sl_num_nearest(m + 1, (int)scale, &far) && near == far))) {
        *out = neg ? -near : near;
        return true;
    }
    char stack[128];
    char *t = s.n < sizeof stack ? stack : malloc(s.n + 1);
    if (!t)
        return false;
    memcpy(t, s.p, s.n);
    t[s.n] = 0;
    double v = read_c(t);
    if (t != stack)
        free(t);
    if (isinf(v))
        return false;
    *out = v;
    return true;
}

/* ---- Go's durations ---- */
static const struct {
    const char *name;
    int64_t ns;
} units[] = {{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000ll}, {"h", 3600000000000ll}};

bool sl_dur_parse(sl_str s, int64_t *ns) {
    const char *p = s.p, *end = s.p + s.n;
    bool neg = false;
    if (p < end && (*p == '-' || *p == '+'))
        neg = *p++ == '-';
    if (end - p == 1 && *p == '0') {
        *ns = 0;
        return true;
    }
    if (p == end)
        return false;
    const uint64_t most = (uint64_t)1 << 63;
    uint64_t total = 0;
    while (p < end) {
        uint64_t whole = 0, frac = 0;
        double div = 1;
        bool any = false, full = false;
        for (; p < end && (unsigned char)(*p - '0') <= 9; p++) {
            any = true;
            if (whole > most / 10)
                return false;
            whole = whole * 10 + (uint64_t)(*p - '0');
            if (whole > most)
                return false;
        }
        if (p < end && *p == '.') {
            for (p++; p < end && (unsigned char)(*p - '0') <= 9; p++) {
                any = true;
                if (full || frac > (uint64_t)INT64_MAX / 10 - 1) {
                    full = true;
                    continue;
                }
                frac = frac * 10 + (uint64_t)(*p - '0');
                div *= 10;
            }
        }
        if (!any)
            return false;
        const char *u = p;
        while (p < end && *p != '.' && (unsigned char)(*p - '0') > 9)
            p++;
        int64_t unit = 0;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (sl_str_is(sl_str_n(u, (size_t)(p - u)), units[i].name))
                unit = units[i].ns;
        if (!unit || whole > most / (uint64_t)unit)
            return false;
        uint64_t v = whole * (uint64_t)unit;
        if (frac)
            v += (uint64_t)((double)frac * ((double)unit / div));
        if (v > most || total > most - v)
            return false;
        total += v;
    }
    if (!neg && total > (uint64_t)INT64_MAX)
        return false;
    *ns = neg ? (int64_t)(0 - total) : (int64_t)total;
    return true;
}

/* v with `digits` of fraction, trailing zeros dropped */
static char *put_frac(char *p, uint64_t v, int places) {
    uint64_t pow = 1;
    for (int i = 0; i < places; i++)
        pow *= 10;
    p += sl_num_u64(p, v / pow);
    uint64_t f = v % pow;
    if (f) {
        *p++ = '.';
        while (f) {
            pow /= 10;
            *p++ = (char)('0' + f / pow);
            f %= pow;
        }
    }
    return p;
}
size_t sl_dur_print(char *out, int64_t ns) {
    char *p = out;
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (!u) {
        memcpy(p, "0s", 2);
        return 2;
    }
    if (ns < 0)
        *p++ = '-';
    if (u < 1000000000) {
        const char *unit = u < 1000 ? "ns" : u < 1000000 ? "\xc2\xb5s" : "ms";
        p = put_frac(p, u, u < 1000 ? 0 : u < 1000000 ? 3 : 6);
        size_t n = strlen(unit);
        memcpy(p, unit, n);
        return (size_t)(p - out) + n;
    }
    uint64_t h = u / 3600000000000ull, m = u / 60000000000ull % 60, rest = u % 60000000000ull;
    if (h) {
        p += sl_num_u64(p, h);
        *p++ = 'h';
    }
    if (h || m) {
        p += sl_num_u64(p, m);
        *p++ = 'm';
    }
    p = put_frac(p, rest, 9);
    *p++ = 's';
    return (size_t)(p - out);
}
