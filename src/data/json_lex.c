/* Skipping whole values, and the slow twin of the lexer that words errors as upstream's row parser (fastjson) does.
 * Decision: the fast reader only notices that something is wrong; the twin reads the text again and says what. Tests hold the
 * two against each other. */
#include "data/json_lex.h"
#include <math.h>
#include <stdlib.h>
#include "base/num.h"
#include "data/json.h"
#include "data/json_text.h"

bool sl_jx_strict_num(const char *p, const char *end, bool int64) {
    bool point = false, expo = false;
    if (p < end && *p == '-')
        p++;
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    size_t digits = (size_t)(p - from);
    if (!digits || (digits > 1 && *from == '0'))
        return false;
    if (p < end && *p == '.') {
        point = true;
        from = ++p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == from)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        expo = true;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == from)
            return false;
    }
    if (int64 && !point && (expo || digits > 18))
        return false;
    return p == end;
}
bool sl_jx_strict_escapes(const char *p, const char *end) {
    while (p < end) {
        if (*p++ != '\\')
            continue;
        if (p == end || *p == 0 || !strchr("\"\\/bfnrtu", *p))
            return false;
        if (*p++ == 'u')
            for (int i = 0; i < 4; i++)
                if (p == end || sl_jt_hex(*p++) < 0)
                    return false;
    }
    return true;
}
static inline const char *word(const char *p, const char *end, const char *w, size_t n) { return (size_t)(end - p) >= n && memcmp(p, w, n) == 0 ? p + n : NULL; }
const char *sl_jx_skip(const char *p, const char *end, unsigned depth, bool strict, bool int64, unsigned *flags) {
    uint64_t object[(SL_JX_DEPTH + 64) / 64]; /* one bit per open container: is it an object? */
    unsigned open = 0;
value:
    if (p >= end || depth + open > SL_JX_DEPTH)
        return NULL;
    switch (*p) {
    case '"': {
        unsigned f = 0;
        const char *q = sl_jx_str(p + 1, end, &f);
        if (!q)
            return NULL;
        if (strict && f && ((f & SL_JX_ODD) || !sl_jx_strict_escapes(p + 1, q)))
            *flags |= SL_JX_ODD;
        p = q + 1;
        break;
    }
    case '{':
        p = sl_jx_ws(p + 1, end);
        if (p >= end)
            return NULL;
        if (*p == '}') {
            p++;
            break;
        }
        object[open >> 6] = (open & 63 ? object[open >> 6] : 0) | 1ull << (open & 63);
        open++;
        goto key;
    case '[':
        p = sl_jx_ws(p + 1, end);
        if (p >= end)
            return NULL;
        if (*p == ']') {
            p++;
            break;
        }
        object[open >> 6] = open & 63 ? object[open >> 6] & ~(1ull << (open & 63)) : 0;
        open++;
        goto value;
    case 't': p = word(p, end, "true", 4); break;
    case 'f': p = word(p, end, "false", 5); break;
    case 'n': {
        const char *q = word(p, end, "null", 4);
        if (!q && sl_jx_is3(p, end, "nan")) {
            *flags |= SL_JX_ODD;
            q = p + 3;
        }
        p = q;
        break;
    }
    default: {
        const char *q = sl_jx_num(p, end);
        if (q && strict && !sl_jx_strict_num(p, q, int64))
            *flags |= SL_JX_ODD;
        p = q;
    }
    }
    if (!p)
        return NULL;
    for (;;) {
        if (!open)
            return p;
        p = sl_jx_ws(p, end);
        if (p >= end)
            return NULL;
        bool obj = object[(open - 1) >> 6] >> ((open - 1) & 63) & 1;
        char c = *p++;
        if (c == ',') {
            p = sl_jx_ws(p, end);
            if (obj)
                goto key;
            goto value;
        }
        if (c != (obj ? '}' : ']'))
            return NULL;
        open--;
    }
key : {
    if (p >= end || *p != '"')
        return NULL;
    unsigned f = 0;
    const char *q = sl_jx_str(p + 1, end, &f);
    if (!q)
        return NULL;
    if (strict && f && ((f & SL_JX_ODD) || !sl_jx_strict_escapes(p + 1, q)))
        *flags |= SL_JX_ODD;
    p = sl_jx_ws(q + 1, end);
    if (p >= end || *p != ':')
        return NULL;
    p = sl_jx_ws(p + 1, end);
    goto value;
}
}

/* ---- the slow twin ---- */
typedef struct twin {
    const char *p, *end, *tail;
    sl_buf *out; /* prefixes of the way down; with an error its text behind them */
} twin;
static bool fail(twin *t, const char *tail, const char *text) {
    t->tail = tail;
    sl_buf_puts(t->out, text);
    return false;
}
static bool fail_quote(twin *t, const char *tail, const char *text, sl_str what) {
    t->tail = tail;
    sl_buf_puts(t->out, text);
    sl_go_quote(t->out, what);
    return false;
}
static bool twin_str(twin *t) { /* at the quote */
    unsigned f = 0;
    const char *q = sl_jx_str(t->p + 1, t->end, &f);
    if (!q)
        return fail(t, t->end, "missing closing '\"'");
    t->p = q + 1;
    return true;
}
static bool twin_value(twin *t, unsigned depth);
static bool twin_array(twin *t, unsigned depth) {
    t->p = sl_jx_ws(t->p, t->end);
    if (t->p >= t->end)
        return fail(t, t->p, "missing ']'");
    if (*t->p == ']')
        return t->p++, true;
    for (;;) {
        t->p = sl_jx_ws(t->p, t->end);
        size_t n = t->out->n;
        sl_buf_puts(t->out, "cannot parse array value: ");
        if (!twin_value(t, depth))
            return false;
        t->out->n = n;
        t->p = sl_jx_ws(t->p, t->end);
        if (t->p >= t->end)
            return fail(t, t->p, "unexpected end of array");
        if (*t->p == ']')
            return t->p++, true;
        if (*t->p != ',')
            return fail(t, t->p, "missing ',' after array value");
        t->p++;
    }
}
static bool twin_object(twin *t, unsigned depth) {
    t->p = sl_jx_ws(t->p, t->end);
    if (t->p >= t->end)
        return fail(t, t->p, "missing '}'");
    if (*t->p == '}')
        return t->p++, true;
    for (;;) {
        t->p = sl_jx_ws(t->p, t->end);
        if (t->p >= t->end || *t->p != '"')
            return fail(t, t->p, "cannot find opening '\"\" for object key");
        size_t n = t->out->n;
        sl_buf_puts(t->out, "cannot parse object key: ");
        if (!twin_str(t))
            return false;
        t->out->n = n;
        t->p = sl_jx_ws(t->p, t->end);
        if (t->p >= t->end || *t->p != ':')
            return fail(t, t->p, "missing ':' after object key");
        t->p = sl_jx_ws(t->p + 1, t->end);
        sl_buf_puts(t->out, "cannot parse object value: ");
        if (!twin_value(t, depth))
            return false;
        t->out->n = n;
        t->p = sl_jx_ws(t->p, t->end);
        if (t->p >= t->end)
            return fail(t, t->p, "unexpected end of object");
        if (*t->p == '}')
            return t->p++, true;
        if (*t->p != ',')
            return fail(t, t->p, "missing ',' after object value");
        t->p++;
    }
}
static bool twin_value(twin *t, unsigned depth) {
    sl_str s = {t->p, (size_t)(t->end - t->p)};
    if (!s.n)
        return fail(t, s.p, "cannot parse empty string");
    if (++depth > SL_JX_DEPTH)
        return fail(t, s.p, "too big depth for the nested JSON; it exceeds 300");
    size_t n = t->out->n;
    bool ok;
    const char *q;
    switch (*s.p) {
    case '{':
        t->p++;
        sl_buf_puts(t->out, "cannot parse object: ");
        ok = twin_object(t, depth);
        break;
    case '[':
        t->p++;
        sl_buf_puts(t->out, "cannot parse array: ");
        ok = twin_array(t, depth);
        break;
    case '"':
        sl_buf_puts(t->out, "cannot parse string: ");
        ok = twin_str(t);
        break;
    case 't':
    case 'f':
    case 'n':
        q = *s.p == 't' ? word(s.p, t->end, "true", 4) : *s.p == 'f' ? word(s.p, t->end, "false", 5) : word(s.p, t->end, "null", 4);
        if (!q && *s.p == 'n' && sl_jx_is3(s.p, t->end, "nan"))
            q = s.p + 3;
        if (!q)
            return fail_quote(t, s.p, "unexpected value found: ", s);
        t->p = q;
        return true;
    default:
        q = sl_jx_num(s.p, t->end);
        if (!q) {
            sl_buf_puts(t->out, "cannot parse number: ");
            return fail_quote(t, s.p, "unexpected char: ", (sl_str){s.p, 1});
        }
        t->p = q;
        return true;
    }
    if (ok)
        t->out->n = n;
    return ok;
}
static void quote_tail(sl_buf *out, sl_str s) { /* long ones: both ends */
    if (s.n <= 80) {
        sl_go_quote(out, s);
        return;
    }
    char both[83];
    memcpy(both, s.p, 40);
    memcpy(both + 40, "...", 3);
    memcpy(both + 43, s.p + s.n - 40, 40);
    sl_go_quote(out, (sl_str){both, 83});
}
bool sl_jx_error(sl_str text, sl_buf *out) {
    size_t n = out->n;
    twin t = {.end = text.p + text.n, .out = out};
    t.p = sl_jx_ws(text.p, t.end);
    sl_buf_puts(out, "cannot parse JSON: ");
    if (!twin_value(&t, 0)) {
        sl_buf_puts(out, "; unparsed tail: ");
        quote_tail(out, (sl_str){t.tail, (size_t)(t.end - t.tail)});
        return true;
    }
    out->n = n;
    t.p = sl_jx_ws(t.p, t.end);
    if (t.p >= t.end)
        return false;
    sl_buf_puts(out, "unexpected tail: ");
    quote_tail(out, (sl_str){t.p, (size_t)(t.end - t.p)});
    return true;
}

/* ---- numbers ---- */
static bool tell(sl_buf *why, const char *text, sl_str s) {
    sl_buf_puts(why, text);
    sl_go_quote(why, s);
    return false;
}
static bool tell_tail(sl_buf *why, const char *text, sl_str s, const char *tail) {
    tell(why, text, s);
    sl_buf_puts(why, ": ");
    sl_go_quote(why, (sl_str){tail, (size_t)(s.p + s.n - tail)});
    return false;
}
bool sl_jx_i64(sl_str s, int64_t *out, sl_buf *why) {
    const char *p = s.p, *end = s.p + s.n;
    if (!s.n) {
        sl_buf_puts(why, "cannot parse int64 from empty string");
        return false;
    }
    if (*p == '-')
        p++;
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p - from > 18) { /* here upstream hands the whole text to Go's parser */
        if (sl_num_parse_i64(s, out))
            return true;
        sl_buf_puts(why, "strconv.ParseInt: parsing ");
        sl_go_quote(why, s);
        sl_buf_puts(why, p == end ? ": value out of range" : ": invalid syntax");
        return false;
    }
    if (p == from)
        return tell(why, "cannot parse int64 from ", s);
    if (p < end)
        return tell_tail(why, "unparsed tail left after parsing int64 form ", s, p);
    int64_t v = 0;
    for (const char *q = from; q < end; q++)
        v = v * 10 + (*q - '0');
    *out = *s.p == '-' ? -v : v;
    return true;
}
bool sl_jx_f64(sl_str s, double *out, sl_buf *why) {
    const char *p = s.p, *end = s.p + s.n;
    bool minus = s.n && *p == '-';
    if (minus)
        p++;
    if (p == end)
        return tell(why, "cannot parse float64 from ", s);
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p == from && *p != '.') {
        const char *q = p + (*p == '+');
        if (sl_jx_is3(q, end, "inf") && q + 3 == end)
            *out = minus ? -HUGE_VAL : HUGE_VAL;
        else if (sl_jx_is3(q, end, "nan") && q + 3 == end)
            *out = NAN;
        else
            return tell_tail(why, "unparsed tail left after parsing float64 from ", s, q);
        return true;
    }
    bool digits = p > from;
    if (p < end && *p == '.') {
        const char *frac = ++p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == frac && !digits)
            return tell(why, "missing integer and fractional part in ", s);
        if (p == frac && p < end)
            return tell(why, "cannot find mantissa in ", s);
    }
    const char *mantissa = p;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const char *e = p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        if (p == e)
            return tell(why, "cannot parse exponent in ", s);
    }
    if (p < end)
        return tell(why, "cannot parse float64 from ", s);
    /* What remains may be ".5", "1." or "01", which the exact parser need not know: give it a plain form. */
    char few[128], *t = few;
    if (s.n + 3 > sizeof few && !(t = malloc(s.n + 3)))
        return tell(why, "out of memory while reading ", s);
    size_t n = 0;
    if (minus)
        t[n++] = '-';
    const char *q = from;
    while (q + 1 < mantissa && *q == '0' && q[1] >= '0' && q[1] <= '9')
        q++;
    if (*q == '.')
        t[n++] = '0';
    memcpy(t + n, q, (size_t)(mantissa - q));
    n += (size_t)(mantissa - q);
    if (mantissa > from && mantissa[-1] == '.')
        t[n++] = '0';
    memcpy(t + n, mantissa, (size_t)(end - mantissa));
    n += (size_t)(end - mantissa);
    if (!sl_num_parse_f64((sl_str){t, n}, out))
        *out = minus ? -HUGE_VAL : HUGE_VAL; /* too large: as upstream */
    if (t != few)
        free(t);
    return true;
}
