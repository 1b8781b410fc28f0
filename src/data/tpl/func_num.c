/* sprig's functions on numbers. Whole-number functions give int64, the ones with an f at the end count in decimals (0.1 + 0.2 = 0.3). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "base/num.h"
#include "data/tpl/tpl.h"

#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static tval whole(int64_t i) { return tv_of(sl_v_int(i)); }
static tval real(double d) { return tv_of(sl_v_float(d)); }

/* ---- coercions that never fail ---- */
static bool go_int(sl_str s, unsigned base, int64_t *out) { /* strconv.ParseInt; base 0: prefixes and underscores */
    size_t i = 0;
    bool neg = false;
    if (s.n && (s.p[0] == '+' || s.p[0] == '-'))
        neg = s.p[i++] == '-';
    if (base == 0) {
        base = 10;
        if (s.n - i > 1 && s.p[i] == '0') {
            char c = (char)(s.p[i + 1] | 32);
            base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
            i += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
        }
    }
    uint64_t v = 0;
    if (i >= s.n)
        return false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a' + 10) : 99;
        if (c == '_' || d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    if (v > (uint64_t)INT64_MAX + neg)
        return false;
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}
static int64_t clamp(double d) { return d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : isnan(d) ? 0 : (int64_t)d; }
int64_t tpl_i64(trun *r, tval v) {
    int64_t i = 0;
    switch (v.v.kind) {
    case SL_INT:
    case SL_UINT:
    case SL_BOOL:
    case SL_DURATION: return v.v.i;
    case SL_FLOAT: return clamp(sl_f64(v.v));
    case SL_STRING: {
        sl_str s = sl_v_text(v.v);
        const char *dot = s.n ? memchr(s.p, '.', s.n) : NULL; /* 1.00 is 1 */
        if (dot) {
            size_t k = (size_t)(dot - s.p) + 1;
            while (k < s.n && s.p[k] == '0')
                k++;
            if (k == s.n)
                s.n = (size_t)(dot - s.p);
        }
        return go_int(s, 0, &i) ? i : 0;
    }
    default: return 0;
    }
}
double tpl_f64(trun *r, tval v) {
    double d = 0;
    switch (v.v.kind) {
    case SL_INT:
    case SL_BOOL:
    case SL_DURATION: return (double)v.v.i;
    case SL_UINT: return (double)v.v.u;
    case SL_FLOAT: return sl_f64(v.v);
    case SL_STRING: return sl_num_parse_f64(sl_v_text(v.v), &d) ? d : 0;
    default: return 0;
    }
}

/* ---- whole ---- */
static int64_t wrap_add(int64_t x, int64_t y) { return (int64_t)((uint64_t)x + (uint64_t)y); }
static int64_t wrap_mul(int64_t x, int64_t y) { return (int64_t)((uint64_t)x * (uint64_t)y); }
FN(f_add) {
    int64_t s = 0;
    for (uint32_t i = 0; i < n; i++)
        s = wrap_add(s, tpl_i64(r, a[i]));
    *out = whole(s);
    return true;
}
FN(f_add1) {
    *out = whole(wrap_add(tpl_i64(r, a[0]), 1));
    return true;
}
FN(f_sub) {
    *out = whole((int64_t)((uint64_t)tpl_i64(r, a[0]) - (uint64_t)tpl_i64(r, a[1])));
    return true;
}
FN(f_mul) {
    int64_t s = tpl_i64(r, a[0]);
    for (uint32_t i = 1; i < n; i++)
        s = wrap_mul(s, tpl_i64(r, a[i]));
    *out = whole(s);
    return true;
}
static bool divided(trun *r, const tval *a, bool rest, tval *out) {
    int64_t x = tpl_i64(r, a[0]), y = tpl_i64(r, a[1]);
    if (y == 0)
        return tpl_call_fail(r, "runtime error: integer divide by zero");
    *out = whole(y == -1 ? (rest ? 0 : (int64_t)(0 - (uint64_t)x)) : rest ? x % y : x / y);
    return true;
}
FN(f_div) { return divided(r, a, false, out); }
FN(f_mod) { return divided(r, a, true, out); }
FN(f_max) {
    int64_t m = tpl_i64(r, a[0]);
    for (uint32_t i = 1; i < n; i++)
        m = tpl_i64(r, a[i]) > m ? tpl_i64(r, a[i]) : m;
    *out = whole(m);
    return true;
}
FN(f_min) {
    int64_t m = tpl_i64(r, a[0]);
    for (uint32_t i = 1; i < n; i++)
        m = tpl_i64(r, a[i]) < m ? tpl_i64(r, a[i]) : m;
    *out = whole(m);
    return true;
}

/* ---- decimals: mantissa and power of ten; what does not fit 38 digits counts in doubles ---- */
typedef struct dec {
    __int128 m;
    int e;
    bool ok;
} dec;
static const __int128 DEC_MAX = (__int128)1 << 120;
static dec dec_of(double d) {
    char text[SL_NUM_MAX];
    size_t n = sl_num_f(text, d);
    dec x = {0, 0, isfinite(d)};
    bool neg = false, frac = false;
    for (size_t i = 0; i < n && x.ok; i++) {
        if (text[i] == '-')
            neg = true;
        else if (text[i] == '.')
            frac = true;
        else {
            x.ok = x.m < DEC_MAX / 16;
            x.m = x.m * 10 + (text[i] - '0');
            x.e -= frac;
        }
    }
    if (neg)
        x.m = -x.m;
    return x;
}
static double dec_to(dec x) {
    char text[64], num[80];
    int k = (int)sizeof text;
    bool neg = x.m < 0;
    __int128 m = neg ? -x.m : x.m;
    while (m || k == (int)sizeof text) {
        text[--k] = (char)('0' + (int)(m % 10));
        m /= 10;
    }
    double d = 0;
    int n = snprintf(num, sizeof num, "%s%.*se%d", neg ? "-" : "", (int)sizeof text - k, text + k, x.e);
    sl_num_parse_f64((sl_str){num, (size_t)n}, &d);
    return d;
}
static bool align(dec *x, dec *y) {
    while (x->e > y->e || y->e > x->e) {
        dec *up = x->e > y->e ? x : y;
        if (up->m > DEC_MAX / 16 || up->m < -(DEC_MAX / 16))
            return false;
        up->m *= 10;
        up->e--;
    }
    return true;
}
/* Quotient with 16 decimals, half away from zero. */
static bool quotient(dec x, dec y, dec *out) {
    bool neg = (x.m < 0) != (y.m < 0);
    __int128 p = x.m < 0 ? -x.m : x.m, q = y.m < 0 ? -y.m : y.m;
    for (int s = 16 + x.e - y.e; s; s += s < 0 ? 1 : -1) {
        __int128 *up = s > 0 ? &p : &q;
        if (*up > DEC_MAX / 16)
            return false;
        *up *= 10;
    }
    __int128 n = p / q;
    n += (p % q) * 2 >= q;
    *out = (dec){neg ? -n : n, -16, true};
    return true;
}
static double calc(double p, double q, char op) {
    dec x = dec_of(p), y = dec_of(q), z;
    if (op == '/' && x.ok && y.ok && quotient(x, y, &z))
        return dec_to(z);
    if (x.ok && y.ok && op == '*') {
        __int128 lim = (__int128)1 << 62;
        if (x.m < lim && x.m > -lim && y.m < lim && y.m > -lim)
            return dec_to((dec){x.m * y.m, x.e + y.e, true});
    } else if (x.ok && y.ok && op != '/' && align(&x, &y))
        return dec_to((dec){op == '+' ? x.m + y.m : x.m - y.m, x.e, true});
    return op == '+' ? p + q : op == '-' ? p - q : op == '*' ? p * q : p / q;
}
static bool fold(trun *r, const tval *a, uint32_t n, char op, tval *out) {
    double d = tpl_f64(r, a[0]);
    for (uint32_t i = 1; i < n; i++) {
        double y = tpl_f64(r, a[i]);
        if (op == '/' && y == 0)
            return tpl_call_fail(r, "decimal division by 0");
        d = calc(d, y, op);
    }
    *out = real(d);
    return true;
}
FN(f_addf) {
    if (n)
        return fold(r, a, n, '+', out);
    *out = real(0);
    return true;
}
FN(f_add1f) {
    *out = real(calc(tpl_f64(r, a[0]), 1, '+'));
    return true;
}
FN(f_subf) { return fold(r, a, n, '-', out); }
FN(f_mulf) { return fold(r, a, n, '*', out); }
FN(f_divf) { return fold(r, a, n, '/', out); }
FN(f_maxf) {
    double m = tpl_f64(r, a[0]);
    for (uint32_t i = 1; i < n; i++)
        m = fmax(m, tpl_f64(r, a[i]));
    *out = real(m);
    return true;
}
FN(f_minf) {
    double m = tpl_f64(r, a[0]);
    for (uint32_t i = 1; i < n; i++)
        m = fmin(m, tpl_f64(r, a[i]));
    *out = real(m);
    return true;
}
FN(f_ceil) {
    *out = real(ceil(tpl_f64(r, a[0])));
    return true;
}
FN(f_floor) {
    *out = real(floor(tpl_f64(r, a[0])));
    return true;
}
FN(f_round) { /* sprig's own way: the fraction of a negative number is negative, so that it is floored */
    double on = n > 2 ? sl_f64(a[2].v) : 0.5, pow10 = pow(10, (double)a[1].v.i), digit = pow10 * tpl_f64(r, a[0]), i;
    double frac = modf(digit, &i);
    *out = real((frac >= on ? ceil(digit) : floor(digit)) / pow10);
    return true;
}

/* ---- conversions ---- */
FN(f_int) {
    *out = tv_int(tpl_i64(r, a[0]));
    return true;
}
FN(f_int64) {
    *out = whole(tpl_i64(r, a[0]));
    return true;
}
FN(f_float64) {
    *out = real(tpl_f64(r, a[0]));
    return true;
}
FN(f_atoi) {
    int64_t i = 0;
    go_int(sl_v_text(a[0].v), 10, &i);
    *out = tv_int(i);
    return true;
}
FN(f_to_decimal) {
    int64_t i = 0;
    go_int(tpl_text(r, a[0].v), 8, &i);
    *out = whole(i);
    return true;
}

/* ---- sequences ---- */
enum { SEQ_MAX = 1000000 };
static bool steps(trun *r, int64_t from, int64_t to, int64_t by, tval *out) {
    uint64_t count = 0;
    if (by > 0 && to > from)
        count = ((uint64_t)to - (uint64_t)from + (uint64_t)by - 1) / (uint64_t)by;
    else if (by < 0 && to < from)
        count = ((uint64_t)from - (uint64_t)to + (0 - (uint64_t)by) - 1) / (0 - (uint64_t)by);
    if (count > SEQ_MAX)
        return tpl_call_fail(r, "the list is too long: more than %d elements", SEQ_MAX);
    sl_value *v = sl_arena_alloc(r->a, (count + 1) * sizeof *v);
    if (!v)
        return tpl_call_fail(r, "out of memory");
    for (uint64_t i = 0; i < count; i++)
        v[i] = sl_v_goint(from + (int64_t)i * by);
    *out = tv_of(sl_v_list(v, count));
    return true;
}
FN(f_until) { return steps(r, 0, a[0].v.i, a[0].v.i < 0 ? -1 : 1, out); }
FN(f_until_step) { return steps(r, a[0].v.i, a[1].v.i, a[2].v.i, out); }
FN(f_seq) {
    int64_t from = 1, to = 0, by = 1;
    if (n == 0 || n > 3) {
        *out = tv_str(SL_S(""));
        return true;
    }
    to = a[n - 1].v.i;
    if (n > 1)
        from = a[0].v.i;
    int64_t inc = to < from ? -1 : 1;
    by = n == 3 ? a[1].v.i : inc;
    if (n == 3 && inc < 0 && by > 0) {
        *out = tv_str(SL_S(""));
        return true;
    }
    tval list;
    if (!steps(r, from, wrap_add(to, inc), by, &list))
        return false;
    sl_buf b = {0};
    for (uint32_t i = 0; i < list.v.len; i++)
        sl_buf_printf(&b, i ? " %lld" : "%lld", (long long)list.v.list[i].i);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}

/* ---- chance ---- */
static uint64_t chance(void) {
    uint64_t x = 0;
    if (getrandom(&x, sizeof x, 0) != (ssize_t)sizeof x)
        x = (uint64_t)random() << 31 ^ (uint64_t)random();
    return x;
}
FN(f_rand_int) {
    int64_t lo = a[0].v.i, hi = a[1].v.i;
    if (hi <= lo)
        return tpl_call_fail(r, "invalid argument to Intn");
    *out = tv_int(lo + (int64_t)(chance() % ((uint64_t)hi - (uint64_t)lo)));
    return true;
}
static bool rand_text(trun *r, int64_t len, const char *set, tval *out) {
    if (len < 0 || len > 1 << 20)
        return tpl_call_fail(r, "a length of %lld is not possible", (long long)len);
    size_t of = strlen(set);
    sl_buf b = {0};
    for (int64_t i = 0; i < len; i++)
        sl_buf_putc(&b, set[chance() % of]);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FN(f_rand_alnum) { return rand_text(r, a[0].v.i, LETTERS "0123456789", out); }
FN(f_rand_alpha) { return rand_text(r, a[0].v.i, LETTERS, out); }
FN(f_rand_numeric) { return rand_text(r, a[0].v.i, "0123456789", out); }
FN(f_rand_ascii) { return rand_text(r, a[0].v.i, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~", out); }
FN(f_shuffle) {
    sl_str s = sl_arena_dup(r->a, sl_v_text(a[0].v));
    char *p = (char *)(uintptr_t)s.p;
    for (size_t i = s.n; i > 1; i--) {
        size_t k = chance() % i;
        char c = p[i - 1];
        p[i - 1] = p[k];
        p[k] = c;
    }
    *out = tv_str(s);
    return true;
}
FN(f_uuid) {
    uint64_t hi = chance(), lo = chance();
    hi = (hi & ~0xF000ull) | 0x4000;
    lo = (lo & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull;
    *out = tv_str(sl_arena_printf(r->a, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(hi >> 32), (unsigned)(hi >> 16 & 0xffff), (unsigned)(hi & 0xffff), (unsigned)(lo >> 48),
                                  (unsigned long long)(lo & 0xffffffffffffull)));
    return true;
}
const tfunc tpl_number_funcs[] = {{"add", "a*", f_add},
                                  {"add1", "a", f_add1},
                                  {"sub", "aa", f_sub},
                                  {"mul", "aa*", f_mul},
                                  {"div", "aa", f_div},
                                  {"mod", "aa", f_mod},
                                  {"addf", "a*", f_addf},
                                  {"add1f", "a", f_add1f},
                                  {"subf", "aa*", f_subf},
                                  {"mulf", "aa*", f_mulf},
                                  {"divf", "aa*", f_divf},
                                  {"max", "aa*", f_max},
                                  {"biggest", "aa*", f_max},
                                  {"min", "aa*", f_min},
                                  {"maxf", "aa*", f_maxf},
                                  {"minf", "aa*", f_minf},
                                  {"ceil", "a", f_ceil},
                                  {"floor", "a", f_floor},
                                  {"round", "aif*", f_round},
                                  {"int", "a", f_int},
                                  {"int64", "a", f_int64},
                                  {"float64", "a", f_float64},
                                  {"atoi", "s", f_atoi},
                                  {"toDecimal", "a", f_to_decimal},
                                  {"until", "i", f_until},
                                  {"untilStep", "iii", f_until_step},
                                  {"seq", "i*", f_seq},
                                  {"randInt", "ii", f_rand_int},
                                  {"randAlphaNum", "i", f_rand_alnum},
                                  {"randAlpha", "i", f_rand_alpha},
                                  {"randNumeric", "i", f_rand_numeric},
                                  {"randAscii", "i", f_rand_ascii},
                                  {"shuffle", "s", f_shuffle},
                                  {"uuidv4", "", f_uuid},
                                  {0}};
