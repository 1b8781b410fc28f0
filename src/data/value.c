/* Values: copies, equality, member access and the text Go's %v gives them.
 * Decision: JSONTEXT is read in place, one level at a time; a member is found by skipping, without parsing its
 * neighbours. Its text is valid by contract (the decoder checked it), so the reader here has no error texts; what is
 * not valid after all reads as null and never beyond its end. */
#include "data/value.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/num.h"
#include "data/json_text.h"

/* ---- JSONTEXT ---- */
typedef struct cursor {
    const char *p, *end;
} cursor;
static void blanks(cursor *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}
static bool eat(cursor *c, char x) {
    blanks(c);
    if (c->p >= c->end || *c->p != x)
        return false;
    c->p++;
    return true;
}
/* The text between the quotes, still escaped. */
static bool string_span(cursor *c, sl_str *out, bool *escaped) {
    if (!eat(c, '"'))
        return false;
    const char *from = c->p;
    *escaped = false;
    for (; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            *out = sl_str_n(from, (size_t)(c->p++ - from));
            return true;
        }
        if (*c->p == '\\') {
            *escaped = true;
            c->p++;
        }
    }
    return false;
}
static sl_str unescape(sl_arena *a, sl_str s) {
    char *out = sl_arena_alloc(a, s.n * 3 + 1);
    return out ? sl_str_n(out, sl_jt_unescape(out, s)) : SL_S("");
}
/* Passes over one value of any kind. */
static bool skip(cursor *c) {
    blanks(c);
    if (c->p >= c->end)
        return false;
    if (*c->p == '"') {
        sl_str s;
        bool esc;
        return string_span(c, &s, &esc);
    }
    if (*c->p == '{' || *c->p == '[') {
        size_t depth = 0;
        while (c->p < c->end) {
            char ch = *c->p;
            if (ch == '"') {
                sl_str s;
                bool esc;
                if (!string_span(c, &s, &esc))
                    return false;
                continue;
            }
            c->p++;
            if (ch == '{' || ch == '[')
                depth++;
            else if ((ch == '}' || ch == ']') && --depth == 0)
                return true;
        }
        return false;
    }
    while (c->p < c->end && !strchr(",]} \t\r\n", *c->p))
        c->p++;
    return true;
}
static bool one_value(sl_arena *a, cursor *c, uint16_t aux, sl_value *out) {
    blanks(c);
    if (c->p >= c->end)
        return false;
    const char *from = c->p;
    if (*from == '"') {
        sl_str s;
        bool esc;
        if (!string_span(c, &s, &esc))
            return false;
        *out = sl_v_str(esc ? unescape(a, s) : s);
        return true;
    }
    if (!skip(c))
        return false;
    sl_str s = sl_str_n(from, (size_t)(c->p - from));
    if (*from == '{' || *from == '[') {
        *out = sl_v_jsontext(s);
        out->aux = aux;
    } else if (sl_str_is(s, "true") || sl_str_is(s, "false"))
        *out = sl_v_bool(*from == 't');
    else
        *out = *from == 'n' ? sl_v_null() : sl_jt_number(s, aux & 1);
    return true;
}

typedef struct seen { /* last of equal keys wins: positions by key, open addressing */
    uint32_t *at;
    uint32_t n;
} seen;
static uint32_t *seen_slot(seen *t, const sl_member *m, sl_str key) {
    for (uint64_t i = sl_hash(key.p, key.n) & (t->n - 1);; i = (i + 1) & (t->n - 1))
        if (!t->at[i] || sl_str_eq(m[t->at[i] - 1].key, key))
            return &t->at[i];
}
/* Items of the object or array, not counting what follows its end. */
static uint32_t count_items(cursor c, bool object) {
    uint32_t n = 0;
    if (!eat(&c, object ? '{' : '['))
        return 0;
    blanks(&c);
    if (c.p < c.end && (*c.p == '}' || *c.p == ']'))
        return 0;
    do {
        sl_str k;
        bool esc;
        if (object && (!string_span(&c, &k, &esc) || !eat(&c, ':')))
            return 0;
        if (!skip(&c))
            return 0;
        n++;
    } while (eat(&c, ','));
    return n;
}
sl_value sl_value_open(sl_arena *a, sl_value v) {
    if (v.kind != SL_JSONTEXT)
        return v;
    cursor c = {v.p, v.p + v.len};
    blanks(&c);
    bool object = c.p < c.end && *c.p == '{';
    uint32_t n = count_items(c, object), have = 0;
    if (n == 0)
        return object ? sl_v_map(NULL, 0) : sl_v_list(NULL, 0);
    c.p++;
    if (!object) {
        sl_value *list = sl_arena_alloc(a, n * sizeof *list);
        if (!list)
            return sl_v_null();
        do
            if (!one_value(a, &c, v.aux, &list[have]))
                return sl_v_null();
        while (++have < n && eat(&c, ','));
        return sl_v_list(list, have);
    }
    sl_member *m = sl_arena_alloc(a, n * sizeof *m);
    seen t = {0};
    if (n > 16) {
        for (t.n = 64; t.n < n * 2;)
            t.n *= 2;
        t.at = SL_NEW_N(a, uint32_t, t.n);
    }
    if (!m || (t.n && !t.at))
        return sl_v_null();
    for (uint32_t i = 0; i < n; i++) {
        sl_str raw;
        bool esc;
        sl_value val;
        if ((i && !eat(&c, ',')) || !string_span(&c, &raw, &esc) || !eat(&c, ':') || !one_value(a, &c, v.aux, &val))
            return sl_v_null();
        sl_str key = esc ? unescape(a, raw) : raw;
        uint32_t pos = have;
        if (t.n) {
            uint32_t *slot = seen_slot(&t, m, key);
            if (*slot)
                pos = *slot - 1;
            else
                *slot = have + 1;
        } else
            for (uint32_t k = 0; k < have; k++)
                if (sl_str_eq(m[k].key, key))
                    pos = k;
        m[pos] = (sl_member){key, val};
        have += pos == have;
    }
    return sl_v_map(m, have);
}
static sl_value text_member(sl_arena *a, sl_value v, sl_str key) {
    cursor c = {v.p, v.p + v.len};
    sl_value found = sl_v_absent();
    if (!eat(&c, '{'))
        return found;
    const char *where = NULL;
    blanks(&c);
    if (c.p < c.end && *c.p == '}')
        return found;
    do {
        sl_str raw;
        bool esc;
        if (!string_span(&c, &raw, &esc) || !eat(&c, ':'))
            return found;
        if (sl_str_eq(esc ? unescape(a, raw) : raw, key))
            where = c.p;
        if (!skip(&c))
            return found;
    } while (eat(&c, ','));
    if (where) {
        c.p = where;
        if (!one_value(a, &c, v.aux, &found))
            return sl_v_null();
    }
    return found;
}
sl_value sl_value_get(sl_arena *a, sl_value v, sl_str key) {
    if (v.kind == SL_JSONTEXT)
        return text_member(a, v, key);
    if (v.kind == SL_MAP)
        for (uint32_t i = v.len; i-- > 0;)
            if (sl_str_eq(v.map[i].key, key))
                return v.map[i].val;
    if (v.kind == SL_PAIRS)
        for (uint32_t i = v.len; i-- > 0;)
            if (v.pairs[i].key.kind == SL_STRING && sl_str_eq(sl_v_text(v.pairs[i].key), key))
                return v.pairs[i].val;
    return sl_v_absent();
}

/* ---- copy ---- */
sl_value sl_value_copy(sl_arena *a, sl_value v) {
    switch (v.kind) {
    case SL_JSONTEXT:
    case SL_STRING:
    case SL_BYTES:
    case SL_DECIMAL:
    case SL_ERROR: {
        sl_str s = sl_arena_dup(a, sl_v_text(v));
        v.p = s.p;
        v.len = (uint32_t)s.n;
        return v;
    }
    case SL_LIST: {
        if (!v.len)
            return (sl_value){.kind = v.kind, .flags = v.flags};
        sl_value *at = sl_arena_alloc(a, v.len * sizeof *at);
        if (!at || sl_arena_failed(a))
            return sl_v_null();
        for (uint32_t i = 0; i < v.len; i++)
            at[i] = sl_value_copy(a, v.list[i]);
        v.list = at;
        return v;
    }
    case SL_MAP: {
        if (!v.len)
            return (sl_value){.kind = v.kind, .flags = v.flags};
        sl_member *at = sl_arena_alloc(a, v.len * sizeof *at);
        if (!at || sl_arena_failed(a))
            return sl_v_null();
        for (uint32_t i = 0; i < v.len; i++)
            at[i] = (sl_member){sl_arena_dup(a, v.map[i].key), sl_value_copy(a, v.map[i].val)};
        v.map = at;
        return v;
    }
    case SL_PAIRS: {
        if (!v.len)
            return (sl_value){.kind = v.kind, .flags = v.flags};
        sl_pair *at = sl_arena_alloc(a, v.len * sizeof *at);
        if (!at || sl_arena_failed(a))
            return sl_v_null();
        for (uint32_t i = 0; i < v.len; i++)
            at[i] = (sl_pair){sl_value_copy(a, v.pairs[i].key), sl_value_copy(a, v.pairs[i].val)};
        v.pairs = at;
        return v;
    }
    default: return v;
    }
}

/* ---- equality ---- */
static bool same(sl_arena **tmp, sl_value x, sl_value y);
static bool opened_same(sl_arena **tmp, sl_value x, sl_value y) {
    if (!*tmp && !(*tmp = sl_arena_new(0)))
        return false;
    sl_arena_mark m = sl_arena_here(*tmp);
    bool eq = same(tmp, sl_value_open(*tmp, x), sl_value_open(*tmp, y));
    sl_arena_back(*tmp, m);
    return eq;
}
static bool same_map(sl_arena **tmp, sl_value x, sl_value y) {
    if (x.len != y.len)
        return false;
    for (uint32_t i = 0; i < x.len; i++) {
        const sl_member *other = NULL;
        if (sl_str_eq(y.map[i].key, x.map[i].key)) /* usually the same order */
            other = &y.map[i];
        else
            for (uint32_t k = 0; k < y.len && !other; k++)
                if (sl_str_eq(y.map[k].key, x.map[i].key))
                    other = &y.map[k];
        if (!other || !same(tmp, x.map[i].val, other->val))
            return false;
    }
    return true;
}
static bool same_pairs(sl_arena **tmp, sl_value x, sl_value y) {
    if (x.len != y.len)
        return false;
    for (uint32_t i = 0; i < x.len; i++) {
        bool found = false;
        for (uint32_t k = 0; k < y.len && !found; k++)
            found = same(tmp, x.pairs[i].key, y.pairs[k].key) && same(tmp, x.pairs[i].val, y.pairs[k].val);
        if (!found)
            return false;
    }
    return true;
}
static bool same(sl_arena **tmp, sl_value x, sl_value y) {
    if (x.kind == SL_JSONTEXT || y.kind == SL_JSONTEXT) {
        if (x.kind == y.kind && x.len == y.len && x.aux == y.aux && memcmp(x.p, y.p, x.len) == 0)
            return true;
        return opened_same(tmp, x, y);
    }
    if (sl_v_nil(x) || sl_v_nil(y))
        return sl_v_nil(x) && sl_v_nil(y);
    if (x.kind != y.kind)
        return false;
    const unsigned nil = SL_F_NILLIST, rep = SL_F_GOINT | SL_F_WEEKDAY;
    switch (x.kind) {
    case SL_INT: return x.i == y.i && ((x.flags ^ y.flags) & rep) == 0;
    case SL_BOOL:
    case SL_DURATION: return x.i == y.i;
    case SL_UINT: return x.u == y.u;
    case SL_FLOAT: return sl_f64(x) == sl_f64(y) && ((x.flags ^ y.flags) & SL_F_SINGLE) == 0;
    case SL_TIME: return x.i == y.i && x.len == y.len && x.aux == y.aux;
    case SL_DECIMAL: return x.aux == y.aux && sl_str_eq(sl_v_text(x), sl_v_text(y));
    case SL_STRING:
    case SL_BYTES:
    case SL_ERROR: return sl_str_eq(sl_v_text(x), sl_v_text(y));
    case SL_LIST:
        if (x.len != y.len || ((x.flags ^ y.flags) & nil))
            return false;
        for (uint32_t i = 0; i < x.len; i++)
            if (!same(tmp, x.list[i], y.list[i]))
                return false;
        return true;
    case SL_MAP: return ((x.flags ^ y.flags) & nil) == 0 && same_map(tmp, x, y);
    case SL_PAIRS: return same_pairs(tmp, x, y);
    default: return false;
    }
}
bool sl_value_same(sl_value x, sl_value y) {
    sl_arena *tmp = NULL;
    bool eq = same(&tmp, x, y);
    sl_arena_free(tmp);
    return eq;
}

/* ---- names and text ---- */
const char *sl_value_gotype(sl_value v) {
    switch (v.kind) {
    case SL_BOOL: return "bool";
    case SL_INT: return v.flags & SL_F_WEEKDAY ? "time.Weekday" : v.flags & SL_F_GOINT ? "int" : "int64";
    case SL_UINT: return "uint64";
    case SL_FLOAT: return v.flags & SL_F_SINGLE ? "float32" : "float64";
    case SL_DECIMAL: return "decimal";
    case SL_STRING: return "string";
    case SL_BYTES: return "[]uint8";
    case SL_TIME: return "time.Time";
    case SL_DURATION: return "time.Duration";
    case SL_LIST: return v.flags & SL_F_TEXTLIST ? "[]string" : "[]interface {}";
    case SL_MAP: return "map[string]interface {}";
    case SL_PAIRS: return "map[interface {}]interface {}";
    case SL_JSONTEXT: return sl_str_trim(sl_v_text(v)).p[0] == '[' ? "[]interface {}" : "map[string]interface {}";
    case SL_ERROR: return "*errors.errorString";
    default: return "<nil>";
    }
}
static size_t print_single(char *out, float f) {
    char d[32];
    int prec = 0;
    do
        snprintf(d, sizeof d, "%.*e", prec, (double)f);
    while (prec++ < 8 && strtof(d, NULL) != f);
    double again = strtod(d, NULL); /* its shortest text as a double has the same digits */
    return sl_num_g(out, again);
}
/* Unscaled two's complement, big endian, to decimal text. */
static void print_decimal(sl_buf *out, sl_value v) {
    const unsigned char *p = (const unsigned char *)v.p;
    size_t n = v.len, nd = 0;
    bool neg = n && (p[0] & 0x80);
    unsigned char *mag = malloc(n + 1);
    char *digits = malloc(n * 3 + 2);
    if (!mag || !digits) {
        out->failed = true;
        free(mag), free(digits);
        return;
    }
    unsigned carry = neg;
    for (size_t i = n; i-- > 0;) {
        unsigned b = (neg ? (unsigned char)~p[i] : p[i]) + carry;
        mag[i] = (unsigned char)b;
        carry = b >> 8;
    }
    for (size_t from = 0; from < n;) {
        unsigned rest = 0;
        for (size_t i = from; i < n; i++) {
            unsigned cur = rest << 8 | mag[i];
            mag[i] = (unsigned char)(cur / 10);
            rest = cur % 10;
        }
        digits[nd++] = (char)('0' + rest);
        while (from < n && mag[from] == 0)
            from++;
    }
    while (nd > 1 && digits[nd - 1] == '0')
        nd--;
    if (nd == 0)
        digits[nd++] = '0';
    size_t scale = (int16_t)v.aux > 0 ? v.aux : 0;
    if (neg)
        sl_buf_putc(out, '-');
    for (size_t i = nd > scale ? nd : scale + 1; i-- > 0;) {
        sl_buf_putc(out, i < nd ? digits[i] : '0');
        if (i == scale && scale)
            sl_buf_putc(out, '.');
    }
    for (int k = (int16_t)v.aux; k < 0; k++)
        sl_buf_putc(out, '0');
    free(mag), free(digits);
}
static void print_time(sl_buf *out, sl_value v) {
    sl_civil c;
    sl_civil_of(v.i, (int32_t)v.len, v.aux, &c);
    sl_buf_printf(out, c.year < 0 ? "-%04lld" : "%04lld", (long long)(c.year < 0 ? -c.year : c.year));
    sl_buf_printf(out, "-%02d-%02d %02d:%02d:%02d", c.month, c.day, c.hour, c.min, c.sec);
    if (v.len) {
        char f[16];
        int n = snprintf(f, sizeof f, ".%09u", v.len);
        while (f[n - 1] == '0')
            n--;
        sl_buf_put(out, f, (size_t)n);
    }
    int m = abs(c.east / 60);
    char off[16];
    int n = snprintf(off, sizeof off, "%c%02d%02d", c.east < 0 ? '-' : '+', m / 60 % 100, m % 60);
    sl_buf_putc(out, ' ');
    sl_buf_put(out, off, (size_t)n);
    sl_buf_putc(out, ' ');
    if (*c.abbrev)
        sl_buf_puts(out, c.abbrev);
    else
        sl_buf_put(out, off, (size_t)n);
}
static int by_key(const void *x, const void *y) { return sl_str_cmp((*(const sl_member *const *)x)->key, (*(const sl_member *const *)y)->key); }
static int by_pair(const void *x, const void *y) {
    sl_value a = (*(const sl_pair *const *)x)->key, b = (*(const sl_pair *const *)y)->key;
    if (a.kind != b.kind)
        return (a.kind > b.kind) - (a.kind < b.kind);
    if (a.kind == SL_STRING || a.kind == SL_BYTES)
        return sl_str_cmp(sl_v_text(a), sl_v_text(b));
    if (a.kind == SL_FLOAT)
        return (sl_f64(a) > sl_f64(b)) - (sl_f64(a) < sl_f64(b));
    return (a.i > b.i) - (a.i < b.i);
}
static void print_map(sl_buf *out, sl_value v) {
    const void *few[64];
    const void **at = v.len <= 64 ? few : malloc(v.len * sizeof *at);
    if (!at) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < v.len; i++)
        at[i] = v.kind == SL_MAP ? (const void *)&v.map[i] : (const void *)&v.pairs[i];
    qsort(at, v.len, sizeof *at, v.kind == SL_MAP ? by_key : by_pair);
    sl_buf_puts(out, "map[");
    for (uint32_t i = 0; i < v.len; i++) {
        if (i)
            sl_buf_putc(out, ' ');
        const sl_member *m = at[i];
        const sl_pair *p = at[i];
        if (v.kind == SL_MAP)
            sl_buf_str(out, m->key);
        else
            sl_value_print(out, p->key);
        sl_buf_putc(out, ':');
        sl_value_print(out, v.kind == SL_MAP ? m->val : p->val);
    }
    sl_buf_putc(out, ']');
    if (at != few)
        free(at);
}
void sl_value_print(sl_buf *out, sl_value v) {
    static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_BOOL: sl_buf_puts(out, v.i ? "true" : "false"); break;
    case SL_INT:
        if ((v.flags & SL_F_WEEKDAY) && v.i >= 0 && v.i < 7)
            sl_buf_puts(out, days[v.i]);
        else if (v.flags & SL_F_WEEKDAY)
            sl_buf_printf(out, "%%!Weekday(%llu)", (unsigned long long)v.i);
        else
            sl_buf_put(out, num, sl_num_i64(num, v.i));
        break;
    case SL_UINT: sl_buf_put(out, num, sl_num_u64(num, v.u)); break;
    case SL_FLOAT: sl_buf_put(out, num, v.flags & SL_F_SINGLE ? print_single(num, (float)sl_f64(v)) : sl_num_g(num, sl_f64(v))); break;
    case SL_DECIMAL: print_decimal(out, v); break;
    case SL_STRING:
    case SL_ERROR: sl_buf_str(out, sl_v_text(v)); break;
    case SL_BYTES:
        sl_buf_putc(out, '[');
        for (uint32_t i = 0; i < v.len; i++)
            sl_buf_printf(out, i ? " %u" : "%u", (unsigned)(unsigned char)v.p[i]);
        sl_buf_putc(out, ']');
        break;
    case SL_TIME: print_time(out, v); break;
    case SL_DURATION: sl_buf_put(out, num, sl_dur_print(num, v.i)); break;
    case SL_LIST:
        sl_buf_putc(out, '[');
        for (uint32_t i = 0; i < v.len; i++) {
            if (i)
                sl_buf_putc(out, ' ');
            sl_value_print(out, v.list[i]);
        }
        sl_buf_putc(out, ']');
        break;
    case SL_MAP:
    case SL_PAIRS: print_map(out, v); break;
    case SL_JSONTEXT: {
        sl_arena *a = sl_arena_new(0);
        if (a)
            sl_value_print(out, sl_value_open(a, v));
        else
            out->failed = true;
        sl_arena_free(a);
        break;
    }
    default: sl_buf_puts(out, "<nil>");
    }
}
