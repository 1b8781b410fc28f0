/* Go's fmt: Sprint, Sprintln and Sprintf, as far as values of rows go.
 * Decision: values print through sl_value_print where no verb asks for more; verbs go into lists and maps element by element, as Go does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/num.h"
#include "base/utf8.h"
#include "data/tpl/tpl.h"

static void put_v(trun *r, sl_buf *out, sl_value v) {
    v = tpl_settled(r, v);
    if (v.kind == SL_STRING)
        sl_buf_str(out, sl_v_text(v));
    else
        sl_value_print(out, v);
}
void tpl_sprint(trun *r, sl_buf *out, const tval *args, uint32_t n, bool line) {
    bool before = false; /* was the one before a string? */
    for (uint32_t i = 0; i < n; i++) {
        bool text = args[i].v.kind == SL_STRING;
        if (i && (line || (!text && !before)))
            sl_buf_putc(out, ' ');
        put_v(r, out, args[i].v);
        before = text;
    }
    if (line)
        sl_buf_putc(out, '\n');
}

typedef struct spec {
    bool plus, minus, sharp, zero, space, has_width, has_prec;
    int width, prec;
    char verb;
} spec;
static void pad(sl_buf *out, const spec *s, sl_str text, bool number) {
    size_t len = sl_utf8_count(text), want = s->has_width && s->width > 0 ? (size_t)s->width : 0;
    size_t fill = want > len ? want - len : 0;
    if (s->minus) {
        sl_buf_str(out, text);
        while (fill--)
            sl_buf_putc(out, ' ');
        return;
    }
    if (s->zero && number) { /* zeros go behind the sign */
        size_t sign = text.n && (text.p[0] == '-' || text.p[0] == '+' || text.p[0] == ' ');
        sl_buf_put(out, text.p, sign);
        while (fill--)
            sl_buf_putc(out, '0');
        sl_buf_put(out, text.p + sign, text.n - sign);
        return;
    }
    while (fill--)
        sl_buf_putc(out, s->zero ? '0' : ' ');
    sl_buf_str(out, text);
}
static void one(trun *r, sl_buf *out, const spec *s, tval v, uint32_t depth);
static void bad_verb(trun *r, sl_buf *out, const spec *s, tval v) { /* the value keeps flags and width */
    sl_buf_printf(out, "%%!%c(", s->verb);
    if (sl_v_nil(v.v))
        sl_buf_puts(out, "<nil>");
    else {
        spec plain = *s;
        plain.verb = 'v';
        sl_buf_printf(out, "%s=", tpl_base_type(r, v));
        one(r, out, &plain, v, 90);
    }
    sl_buf_putc(out, ')');
}
static void integer(sl_buf *out, const spec *s, sl_value v) {
    bool neg = v.kind != SL_UINT && v.i < 0;
    uint64_t u = neg ? 0 - (uint64_t)v.i : v.u;
    unsigned base = s->verb == 'b' ? 2 : s->verb == 'o' || s->verb == 'O' ? 8 : s->verb == 'x' || s->verb == 'X' ? 16 : 10;
    const char *digits = s->verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[160], *p = text + sizeof text;
    int n = 0;
    while (u || !n) {
        *--p = digits[u % base];
        u /= base;
        n++;
    }
    int least = s->has_prec ? (s->prec < 100 ? s->prec : 100) : 0;
    for (; n < least; n++)
        *--p = '0';
    if (s->sharp && base == 16) {
        *--p = s->verb;
        *--p = '0';
    } else if ((s->sharp && base == 8) || s->verb == 'O') {
        if (s->verb == 'O')
            *--p = 'o';
        if (s->verb == 'O' || *p != '0')
            *--p = '0';
    } else if (s->sharp && base == 2) {
        *--p = 'b';
        *--p = '0';
    }
    if (neg || s->plus || s->space)
        *--p = neg ? '-' : s->plus ? '+' : ' ';
    pad(out, s, (sl_str){p, (size_t)(text + sizeof text - p)}, !s->has_prec);
}
static void real(sl_buf *out, const spec *s, double d) {
    char text[512], fmt[16];
    size_t n = 0;
    char verb = s->verb == 'v' ? 'g' : s->verb == 'F' ? 'f' : s->verb;
    if (isnan(d) || isinf(d)) {
        spec plain = *s;
        plain.zero = false;
        n = (size_t)snprintf(text, sizeof text, "%s", isnan(d) ? (s->plus ? "+NaN" : "NaN") : d < 0 ? "-Inf" : "+Inf");
        pad(out, &plain, (sl_str){text, n}, true);
        return;
    }
    int prec = s->has_prec ? (s->prec < 400 ? s->prec : 400) : -1;
    if (prec < 0 && (verb == 'g' || verb == 'G')) {
        if (s->plus && !signbit(d))
            text[n++] = '+';
        else if (s->space && !signbit(d))
            text[n++] = ' ';
        /* shortest; %g changes to an exponent from 1e21 on where %v does at the same place */
        n += sl_num_g(text + n, d);
        if (s->verb == 'G')
            for (size_t i = 0; i < n; i++)
                if (text[i] == 'e')
                    text[i] = 'E';
        pad(out, s, (sl_str){text, n}, true);
        return;
    }
    if (verb == 'b' || verb == 'x' || verb == 'X') {
        int e = 0;
        if (verb == 'b') { /* the mantissa as a whole number */
            double m = frexp(d, &e);
            int len = snprintf(text, sizeof text, "%s%.0fp%+d", s->plus && d >= 0 ? "+" : "", ldexp(m, 53), (d != 0 ? e : -1021) - 53);
            pad(out, s, (sl_str){text, (size_t)len}, true);
            return;
        }
        int len = prec < 0 ? snprintf(text, sizeof text - 2, verb == 'x' ? "%a" : "%A", d) : snprintf(text, sizeof text - 2, verb == 'x' ? "%.*a" : "%.*A", prec, d);
        char *p = strpbrk(text, "pP");
        if (p && p[1] && !p[3]) { /* at least two digits of exponent */
            p[3] = p[2];
            p[2] = '0';
            p[4] = 0;
            len++;
        }
        pad(out, s, (sl_str){text, (size_t)len}, true);
        return;
    }
    snprintf(fmt, sizeof fmt, "%%%s%s.*%c", s->plus ? "+" : s->space ? " " : "", s->sharp ? "#" : "", verb);
    int len = snprintf(text, sizeof text, fmt, prec < 0 ? 6 : prec, d);
    if (len > 0)
        pad(out, s, (sl_str){text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1}, true);
}
static sl_str cut(sl_str t, const spec *s) { /* precision: runes of a string */
    if (!s->has_prec)
        return t;
    size_t at = 0;
    uint32_t rune;
    for (int i = 0; i < s->prec && at < t.n; i++)
        at += sl_utf8_get(t.p + at, t.n - at, &rune);
    return (sl_str){t.p, at};
}
static void text_verb(trun *r, sl_buf *out, const spec *s, tval v, sl_str t) {
    sl_buf b = {0};
    switch (s->verb) {
    case 'v':
    case 's': pad(out, s, cut(t, s), false); break;
    case 'q':
        if (s->sharp && !memchr(t.p, '`', t.n)) {
            sl_buf_printf(&b, "`%.*s`", SL_FMT(cut(t, s)));
        } else
            sl_go_quote(&b, cut(t, s));
        pad(out, s, sl_buf_view(&b), false);
        break;
    case 'x':
    case 'X':
        for (size_t i = 0; i < t.n && (!s->has_prec || i < (size_t)s->prec); i++) {
            if (i && s->space)
                sl_buf_putc(&b, ' ');
            if (s->sharp && (i == 0 || s->space))
                sl_buf_printf(&b, "0%c", s->verb);
            sl_buf_printf(&b, s->verb == 'x' ? "%02x" : "%02X", (unsigned char)t.p[i]);
        }
        pad(out, s, sl_buf_view(&b), false);
        break;
    default: bad_verb(r, out, s, v);
    }
    sl_buf_free(&b);
}
static void one(trun *r, sl_buf *out, const spec *s, tval v, uint32_t depth);
static void sharp_v(trun *r, sl_buf *out, tval v, uint32_t depth) { /* %#v: Go syntax */
    sl_value x = tpl_open(r, v.v);
    switch (x.kind) {
    case SL_STRING: sl_go_quote(out, sl_v_text(x)); return;
    case SL_LIST:
        sl_buf_printf(out, "%s{", tpl_base_type(r, v));
        for (uint32_t i = 0; i < x.len && depth < 100; i++) {
            sl_buf_puts(out, i ? ", " : "");
            sharp_v(r, out, (tval){x.list[i], true}, depth + 1);
        }
        sl_buf_putc(out, '}');
        return;
    case SL_MAP:
        sl_buf_puts(out, "map[string]interface {}{");
        for (uint32_t i = 0; i < x.len && depth < 100; i++) {
            sl_buf_puts(out, i ? ", " : "");
            sl_go_quote(out, x.map[i].key);
            sl_buf_putc(out, ':');
            sharp_v(r, out, (tval){x.map[i].val, true}, depth + 1);
        }
        sl_buf_putc(out, '}');
        return;
    case SL_NULL: sl_buf_puts(out, "interface {}(nil)"); return;
    default: sl_value_print(out, x);
    }
}
static int by_key(const void *a, const void *b) { return sl_str_cmp(((const sl_member *)a)->key, ((const sl_member *)b)->key); }
static void one(trun *r, sl_buf *out, const spec *s, tval v, uint32_t depth) {
    sl_value x = tpl_open(r, v.v);
    sl_buf b = {0};
    if (s->verb == 'T') {
        sl_buf_puts(&b, tpl_base_type(r, v));
        pad(out, s, sl_buf_view(&b), false);
    } else if (s->verb == 'p')
        bad_verb(r, out, s, v);
    else if (sl_v_nil(x)) {
        if (s->verb == 'v' || depth)
            pad(out, s, SL_S("<nil>"), false);
        else
            bad_verb(r, out, s, tv_none());
    } else if (s->verb == 'v' && s->sharp) {
        sharp_v(r, &b, v, 0);
        pad(out, s, sl_buf_view(&b), false);
    } else
        switch (x.kind) {
        case SL_BOOL:
            if (s->verb == 't' || s->verb == 'v')
                pad(out, s, x.i ? SL_S("true") : SL_S("false"), false);
            else
                bad_verb(r, out, s, v);
            break;
        case SL_DURATION:
            if (s->verb == 'v' || s->verb == 's') {
                sl_value_print(&b, x);
                pad(out, s, sl_buf_view(&b), false);
                break;
            }
            x.kind = SL_INT; /* fall through */
        case SL_INT:
        case SL_UINT:
            if (x.flags & SL_F_WEEKDAY && (s->verb == 'v' || s->verb == 's')) {
                sl_value_print(&b, x);
                pad(out, s, sl_buf_view(&b), false);
            } else if (strchr("vdboOxX", s->verb)) {
                spec d = *s;
                if (d.verb == 'v')
                    d.verb = 'd';
                integer(out, &d, x);
            } else if (s->verb == 'c' || s->verb == 'q' || s->verb == 'U') {
                char ch[5] = {0};
                uint32_t rune = x.i >= 0 && x.i <= 0x10FFFF ? (uint32_t)x.i : 0xFFFD;
                sl_utf8_put(ch, rune);
                if (s->verb == 'U') {
                    sl_buf_printf(&b, "U+%04X", (unsigned)x.i);
                    if (s->sharp)
                        sl_buf_printf(&b, " '%s'", ch);
                } else
                    sl_buf_printf(&b, s->verb == 'c' ? "%s" : rune == '\'' || rune == '\\' ? "'\\%s'" : "'%s'", ch);
                pad(out, s, sl_buf_view(&b), false);
            } else
                bad_verb(r, out, s, v);
            break;
        case SL_FLOAT:
            if (strchr("veEfFgGbxX", s->verb))
                real(out, s, sl_f64(x));
            else
                bad_verb(r, out, s, v);
            break;
        case SL_STRING: text_verb(r, out, s, v, sl_v_text(x)); break;
        case SL_BYTES:
            if (s->verb == 's' || s->verb == 'q' || s->verb == 'x' || s->verb == 'X') {
                text_verb(r, out, s, v, sl_v_text(x));
                break;
            }
            sl_buf_putc(out, '[');
            for (uint32_t i = 0; i < x.len; i++) {
                if (i)
                    sl_buf_putc(out, ' ');
                one(r, out, s, tv_int((unsigned char)x.p[i]), depth + 1);
            }
            sl_buf_putc(out, ']');
            break;
        case SL_LIST:
            sl_buf_putc(out, '[');
            for (uint32_t i = 0; i < x.len && depth < 100; i++) {
                if (i)
                    sl_buf_putc(out, ' ');
                one(r, out, s, (tval){x.list[i], true}, depth + 1);
            }
            sl_buf_putc(out, ']');
            break;
        case SL_MAP: {
            sl_member *m = sl_arena_alloc(r->a, (x.len + 1) * sizeof *m);
            if (!m)
                break;
            if (x.len)
                memcpy(m, x.map, x.len * sizeof *m);
            qsort(m, x.len, sizeof *m, by_key);
            sl_buf_puts(out, "map[");
            for (uint32_t i = 0; i < x.len && depth < 100; i++) {
                if (i)
                    sl_buf_putc(out, ' ');
                one(r, out, s, tv_str(m[i].key), depth + 1);
                sl_buf_putc(out, ':');
                one(r, out, s, (tval){m[i].val, true}, depth + 1);
            }
            sl_buf_putc(out, ']');
            break;
        }
        default: sl_value_print(&b, x); text_verb(r, out, s, v, sl_buf_view(&b));
        }
    sl_buf_free(&b);
}
static bool small(const tval *args, uint32_t n, uint32_t *arg, int *to) { /* a width or precision out of the arguments */
    if (*arg >= n)
        return false;
    sl_value v = args[(*arg)++].v;
    if (v.kind != SL_INT || !(v.flags & SL_F_GOINT) || v.i > 100000 || v.i < -100000)
        return false;
    *to = (int)v.i;
    return true;
}
static int digits(sl_str f, size_t *i, bool *any) {
    int v = 0;
    for (; *i < f.n && f.p[*i] >= '0' && f.p[*i] <= '9' && v < 100000; ++*i, *any = true)
        v = v * 10 + (f.p[*i] - '0');
    return v;
}
/* %[2]d: true and the argument's number when there is one. bad: it is not one. */
static bool index_of(sl_str f, size_t *i, uint32_t n, uint32_t *arg, bool *bad) {
    if (*i >= f.n || f.p[*i] != '[')
        return false;
    size_t k = *i + 1;
    bool any = false;
    int v = digits(f, &k, &any);
    if (k >= f.n || f.p[k] != ']' || !any || v < 1 || (uint32_t)v > n) {
        *bad = true;
        const char *close = memchr(f.p + *i, ']', f.n - *i);
        *i = close ? (size_t)(close - f.p) + 1 : *i + 1;
        return false;
    }
    *i = k + 1;
    *arg = (uint32_t)v - 1;
    return true;
}
void tpl_sprintf(trun *r, sl_buf *out, sl_str f, const tval *args, uint32_t n) {
    uint32_t arg = 0;
    bool reordered = false;
    for (size_t i = 0; i < f.n;) {
        if (f.p[i] != '%') {
            const char *next = memchr(f.p + i, '%', f.n - i);
            size_t to = next ? (size_t)(next - f.p) : f.n;
            sl_buf_put(out, f.p + i, to - i);
            i = to;
            continue;
        }
        spec s = {0};
        bool bad_index = false, any;
        for (i++; i < f.n; i++) {
            char c = f.p[i];
            if (c == '+')
                s.plus = true;
            else if (c == '-')
                s.minus = true, s.zero = false;
            else if (c == '#')
                s.sharp = true;
            else if (c == '0')
                s.zero = !s.minus;
            else if (c == ' ')
                s.space = true;
            else
                break;
        }
        reordered |= index_of(f, &i, n, &arg, &bad_index);
        if (i < f.n && f.p[i] == '*') {
            i++;
            if (!(s.has_width = small(args, n, &arg, &s.width)))
                sl_buf_puts(out, "%!(BADWIDTH)");
            if (s.width < 0) {
                s.width = -s.width;
                s.minus = true;
                s.zero = false;
            }
        } else {
            any = false;
            s.width = digits(f, &i, &any);
            s.has_width = any;
        }
        if (i < f.n && f.p[i] == '.') {
            i++;
            reordered |= index_of(f, &i, n, &arg, &bad_index);
            if (i < f.n && f.p[i] == '*') {
                i++;
                if (!(s.has_prec = small(args, n, &arg, &s.prec)) || s.prec < 0) {
                    s.has_prec = false;
                    sl_buf_puts(out, "%!(BADPREC)");
                }
            } else {
                any = false;
                s.prec = digits(f, &i, &any);
                s.has_prec = true;
            }
        }
        reordered |= index_of(f, &i, n, &arg, &bad_index);
        if (i >= f.n) {
            sl_buf_puts(out, "%!(NOVERB)");
            break;
        }
        uint32_t rune;
        unsigned len = sl_utf8_get(f.p + i, f.n - i, &rune);
        sl_str verb = {f.p + i, len};
        i += len;
        if (rune == '%')
            sl_buf_putc(out, '%');
        else if (bad_index)
            sl_buf_printf(out, "%%!%.*s(BADINDEX)", SL_FMT(verb));
        else if (arg >= n)
            sl_buf_printf(out, "%%!%.*s(MISSING)", SL_FMT(verb));
        else {
            s.verb = len == 1 && strchr("vTtdboOxXcqUeEfFgGsp", (int)rune) ? (char)rune : 0;
            if (s.verb)
                one(r, out, &s, args[arg], 0);
            else {
                sl_buf b = {0};
                s.verb = '?';
                bad_verb(r, &b, &s, args[arg]);
                sl_buf_printf(out, "%%!%.*s", SL_FMT(verb));
                sl_buf_put(out, b.p + 3, b.n > 3 ? b.n - 3 : 0);
                sl_buf_free(&b);
            }
            arg++;
        }
    }
    if (!reordered && arg < n) {
        sl_buf_puts(out, "%!(EXTRA ");
        for (uint32_t i = arg; i < n; i++) {
            if (i > arg)
                sl_buf_puts(out, ", ");
            if (sl_v_nil(args[i].v))
                sl_buf_puts(out, "<nil>");
            else {
                sl_buf_printf(out, "%s=", tpl_base_type(r, args[i]));
                put_v(r, out, args[i].v);
            }
        }
        sl_buf_putc(out, ')');
    }
}
