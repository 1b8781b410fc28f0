/* Conversions between kinds with the words of upstream's cast package.
 * Decision: a message names the value as Go's %T(%v); it is built only on failure, in the caller's arena. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "base/num.h"
#include "data/value.h"

static bool refuse(sl_arena *a, sl_value v, const char *to, sl_str *why) {
    if (!a) { /* nobody wants to read it */
        *why = (sl_str){"", 0};
        return false;
    }
    sl_buf b = {0};
    sl_value_print(&b, v);
    *why = sl_arena_printf(a, "cannot convert %s(%s) to %s", sl_value_gotype(v), sl_buf_cstr(&b), to);
    sl_buf_free(&b);
    return false;
}
static int64_t whole(double f) { return f >= -0x1p63 && f < 0x1p63 ? (int64_t)f : INT64_MIN; } /* as the common processors */

/* Digits with an optional base prefix; underscores only after a prefix or between digits, as Go's literals. */
static bool based_int(sl_str s, int64_t *out) {
    size_t i = 0;
    bool neg = false;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
        neg = s.p[i++] == '-';
    if (i >= s.n)
        return false;
    unsigned base = 10;
    char before = 'x'; /* the character that may precede an underscore */
    if (s.p[i] == '0') {
        char k = i + 1 < s.n ? (char)(s.p[i + 1] | 32) : 0;
        base = k == 'x' ? 16 : k == 'b' ? 2 : k == 'o' ? 8 : 8;
        if (k == 'x' || k == 'b' || k == 'o') {
            i += 2;
            if (i >= s.n)
                return false;
            before = '0';
        }
    }
    uint64_t v = 0;
    bool any = false;
    for (; i < s.n; i++) {
        char ch = s.p[i];
        if (ch == '_') {
            if (before != '0')
                return false;
            before = '_';
            continue;
        }
        unsigned d = ch >= '0' && ch <= '9' ? (unsigned)(ch - '0') : (ch | 32) >= 'a' && (ch | 32) <= 'z' ? (unsigned)((ch | 32) - 'a' + 10) : 99;
        if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
            return false;
        any = true;
        before = '0';
    }
    if (!any || before == '_' || v > (uint64_t)INT64_MAX + neg)
        return false;
    *out = (int64_t)(neg ? 0 - v : v);
    return true;
}
static bool digit_of(char c, bool hex) { return (c >= '0' && c <= '9') || (hex && ((c | 32) >= 'a' && (c | 32) <= 'f')); }
/* Go's ParseFloat: decimal, hexadecimal with p exponent, words for infinity and not-a-number, underscores between digits. */
static bool go_float(sl_str s, double *out) {
    char buf[512];
    bool neg = s.n && s.p[0] == '-';
    sl_str t = s;
    if (t.n && (t.p[0] == '+' || t.p[0] == '-'))
        t.p++, t.n--;
    if (sl_str_ieq(t, SL_S("inf")) || sl_str_ieq(t, SL_S("infinity"))) {
        *out = neg ? -INFINITY : INFINITY;
        return true;
    }
    if (sl_str_ieq(s, SL_S("nan"))) {
        *out = NAN;
        return true;
    }
    if (t.n >= sizeof buf)
        return false;
    bool hex = t.n > 2 && t.p[0] == '0' && (t.p[1] | 32) == 'x', digit = false, expo = false;
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        char c = t.p[i], prev = i ? t.p[i - 1] : 0;
        if (c == '_') {
            if (!(digit_of(prev, hex) || (hex && i == 2)) || i + 1 == t.n || !digit_of(t.p[i + 1], hex))
                return false;
            continue;
        }
        bool mark = !expo && digit && (c | 32) == (hex ? 'p' : 'e');
        if (!digit_of(c, hex && !expo) && c != '.' && !mark && !(hex && i == 1) && !((c == '+' || c == '-') && expo && (prev | 32) == (hex ? 'p' : 'e')))
            return false;
        expo = expo || mark;
        digit = digit || digit_of(c, hex);
        buf[n++] = c;
    }
    buf[n] = 0;
    if (!digit || (hex && !expo))
        return false;
    char *end;
    double v = strtod(buf, &end); /* the process keeps the C locale for numbers */
    if (*end || isinf(v))
        return false;
    *out = neg ? -v : v;
    return true;
}
static double decimal_f64(sl_value v) {
    sl_buf b = {0};
    double f = 0;
    sl_value_print(&b, v);
    if (!sl_num_parse_f64(sl_buf_view(&b), &f))
        f = 0;
    sl_buf_free(&b);
    return f;
}

bool sl_to_int(sl_arena *a, sl_value v, sl_cast how, int64_t *out, sl_str *why) {
    const char *to = ((int)how & SL_CAST_GOINT) ? "int" : "int64";
    how = (sl_cast)((int)how & ~SL_CAST_GOINT);
    switch (v.kind) {
    case SL_INT:
        if (v.flags & SL_F_WEEKDAY)
            break;
        *out = v.i;
        return true;
    case SL_UINT: *out = (int64_t)v.u; return true;
    case SL_DECIMAL:
    case SL_FLOAT: {
        if (v.flags & SL_F_WHOLE) {
            *out = v.i;
            return true;
        }
        double f = v.kind == SL_FLOAT ? sl_f64(v) : decimal_f64(v);
        if (how == SL_CAST_STRICT && f != (double)whole(f)) /* a fraction, or beyond 64 bits */
            break;
        *out = whole(f);
        return true;
    }
    case SL_STRING:
        if (how != SL_CAST_ALL || !based_int(sl_v_text(v), out))
            break;
        return true;
    case SL_BOOL:
        if (how != SL_CAST_ALL)
            break;
        *out = v.i != 0;
        return true;
    case SL_ABSENT:
    case SL_NULL:
        if (how != SL_CAST_ALL)
            break;
        *out = 0;
        return true;
    default: break;
    }
    return refuse(a, v, to, why);
}
bool sl_to_float(sl_arena *a, sl_value v, sl_cast how, double *out, sl_str *why) {
    switch (v.kind) {
    case SL_FLOAT: *out = sl_f64(v); return true;
    case SL_DECIMAL: *out = decimal_f64(v); return true;
    case SL_INT:
    case SL_UINT:
        if (how == SL_CAST_STRICT || (v.flags & SL_F_WEEKDAY))
            break;
        *out = v.kind == SL_INT ? (double)v.i : (double)v.u;
        return true;
    case SL_STRING:
        if (how != SL_CAST_ALL || !go_float(sl_v_text(v), out))
            break;
        return true;
    case SL_BOOL:
        if (how != SL_CAST_ALL)
            break;
        *out = v.i ? 1 : 0;
        return true;
    case SL_ABSENT:
    case SL_NULL:
        if (how != SL_CAST_ALL)
            break;
        *out = 0;
        return true;
    default: break;
    }
    return refuse(a, v, "float64", why);
}
/* As Go quotes a text: what cannot be printed becomes an escape. */
static sl_str quoted(sl_arena *a, sl_str s) {
    static const char plain[] = "\a\b\f\n\r\t\v", name[] = "abfnrtv";
    sl_buf b = {0};
    sl_buf_putc(&b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char *known = c ? strchr(plain, c) : NULL;
        if (c == '"' || c == '\\')
            sl_buf_printf(&b, "\\%c", c);
        else if (known)
            sl_buf_printf(&b, "\\%c", name[known - plain]);
        else if (c < ' ' || c == 0x7F)
            sl_buf_printf(&b, "\\x%02x", c);
        else if (c == 0xE2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 && ((s.p[i + 2] & 0x3F) <= 0x0F || ((s.p[i + 2] & 0x3F) >= 0x28 && (s.p[i + 2] & 0x3F) <= 0x2F))) {
            sl_buf_printf(&b, "\\u20%02x", s.p[i + 2] & 0x3F); /* spaces and separators U+2000 to U+202F */
            i += 2;
        } else
            sl_buf_putc(&b, (char)c);
    }
    sl_buf_putc(&b, '"');
    sl_str out = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return out;
}
bool sl_to_bool(sl_arena *a, sl_value v, sl_cast how, bool *out, sl_str *why) {
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"}, *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    if (v.kind == SL_BOOL) {
        *out = v.i != 0;
        return true;
    }
    if (how != SL_CAST_ALL)
        return refuse(a, v, "bool", why);
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: *out = false; return true;
    case SL_INT:
        if (v.flags & SL_F_WEEKDAY)
            break;
        *out = v.i != 0;
        return true;
    case SL_UINT: *out = v.u != 0; return true;
    case SL_FLOAT: *out = sl_f64(v) != 0; return true;
    case SL_DECIMAL: *out = decimal_f64(v) != 0; return true;
    case SL_STRING: {
        sl_str s = sl_v_text(v);
        for (size_t i = 0; i < 6; i++)
            if (sl_str_is(s, yes[i]) || sl_str_is(s, no[i])) {
                *out = sl_str_is(s, yes[i]);
                return true;
            }
        *why = sl_arena_printf(a, "strconv.ParseBool: parsing %.*s: invalid syntax", SL_FMT(quoted(a, s)));
        return false;
    }
    default: break;
    }
    return refuse(a, v, "bool", why);
}
bool sl_to_str(sl_arena *a, sl_value v, sl_cast how, sl_str *out, sl_str *why) {
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_STRING:
    case SL_BYTES: *out = sl_v_text(v); return true;
    default: break;
    }
    if (how != SL_CAST_ALL)
        return refuse(a, v, "string", why);
    if (sl_v_nil(v))
        *out = SL_S("");
    else if (v.kind == SL_FLOAT && !(v.flags & SL_F_SINGLE))
        *out = sl_arena_dup(a, sl_str_n(num, sl_num_f(num, sl_f64(v))));
    else {
        sl_buf b = {0};
        sl_value_print(&b, v);
        *out = sl_arena_dup(a, sl_buf_view(&b));
        sl_buf_free(&b);
    }
    return true;
}

static int base64_digit(char c) {
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}
/* Standard alphabet with padding; line ends inside are passed over. */
static bool base64_decode(sl_arena *a, sl_str s, sl_str *out) {
    char *p = sl_arena_alloc(a, s.n / 4 * 3 + 4);
    if (!p)
        return false;
    size_t n = 0, have = 0, pad = 0;
    uint32_t acc = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\n' || c == '\r')
            continue;
        if (c == '=') {
            if (have < 2 || have + pad >= 4)
                return false;
            pad++;
            continue;
        }
        int d = base64_digit(c);
        if (d < 0 || pad)
            return false;
        acc = acc << 6 | (uint32_t)d;
        if (++have == 4) {
            p[n++] = (char)(acc >> 16), p[n++] = (char)(acc >> 8), p[n++] = (char)acc;
            have = 0, acc = 0;
        }
    }
    if (have) {
        if (have + pad != 4)
            return false;
        acc <<= 6 * (4 - have);
        p[n++] = (char)(acc >> 16);
        if (have == 3)
            p[n++] = (char)(acc >> 8);
    }
    *out = sl_str_n(p, n);
    return true;
}
bool sl_to_bytes(sl_arena *a, sl_value v, sl_cast how, sl_str *out, sl_str *why) {
    (void)how; /* text is taken in every strictness */
    if (v.kind == SL_BYTES) {
        *out = sl_v_text(v);
        return true;
    }
    if (v.kind != SL_STRING)
        return refuse(a, v, "bytea", why);
    if (!base64_decode(a, sl_v_text(v), out))
        *out = sl_v_text(v);
    return true;
}
bool sl_to_time(sl_arena *a, sl_value v, sl_str format, sl_zone zone, sl_value *out, sl_str *why) {
    int64_t ms;
    switch (v.kind) {
    case SL_TIME: *out = v; return true;
    case SL_STRING: return sl_text_to_time(a, sl_v_text(v), format, zone, out, why);
    case SL_INT:
        if (v.flags & SL_F_WEEKDAY)
            goto no;
        ms = v.i;
        break;
    case SL_UINT: ms = (int64_t)v.u; break;
    case SL_FLOAT: ms = v.flags & SL_F_WHOLE ? v.i : whole(v.f); break;
    default:
    no : {
        sl_buf b = {0};
        sl_value_print(&b, v);
        *why = sl_arena_printf(a, "unsupported type to convert to timestamp %s", sl_buf_cstr(&b));
        sl_buf_free(&b);
        return false;
    }
    }
    int64_t left = ms % 1000, sec = ms / 1000 - (left < 0); /* not ms - sec * 1000: that overflows at the lower end */
    *out = sl_v_time(sec, (uint32_t)(left < 0 ? left + 1000 : left) * 1000000u, zone);
    return true;
}
