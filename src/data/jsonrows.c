/* The projecting row reader: one pass over the text, straight into the columns of a builder.
 * Decisions:
 * - Members are recognised by prediction. The *shape* is the list of keys seen so far, each as the bytes `"key":` with what is to be
 *   done with it; a row whose keys come in that order (some may be missing) is read without hashing or unescaping a key. Keys of a
 *   shape differ, so a row that follows it has no duplicates either.
 * - Nested values that are wanted stay text (JSONTEXT) when they are strict JSON and no declared type asks for more.
 * - A semantic error (wrong type) does not end the reading: upstream parses the whole text first, so that a syntax error behind it
 *   is the one that is told. */
#include <math.h>
#include <stdlib.h>
#include "base/num.h"
#include "base/utf8.h"
#include "data/jsonrows_in.h"

static void forget_shape(sl_jsonrows *d) {
    memset(d->shape, 0, sizeof *d->shape);
    d->shape->lit[0] = (char)0xFF; /* in no text */
    d->shape->n = d->shape->need = 1;
    d->nshape = 0;
    d->misses = 0;
}
sl_jsonrows *sl_jsonrows_new(const sl_field *types, uint32_t ntypes, bool int64, bool keep_raw) {
    sl_jsonrows *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->types = types;
    d->ntypes = ntypes;
    d->typed = types != NULL;
    d->int64 = int64;
    d->keep_raw = keep_raw;
    d->shape = aligned_alloc(_Alignof(seen), (SHAPE_MAX + 1) * sizeof *d->shape);
    sl_str *names = malloc((ntypes ? ntypes : 1) * sizeof *names);
    if (names)
        for (uint32_t i = 0; i < ntypes; i++)
            names[i] = types[i].name;
    d->typenames = names && d->typed ? sl_layout_new(names, ntypes, 0) : NULL;
    free(names);
    if (!d->shape || (d->typed && !d->typenames)) {
        sl_jsonrows_free(d);
        return NULL;
    }
    forget_shape(d);
    return d;
}
void sl_jsonrows_free(sl_jsonrows *d) {
    if (!d)
        return;
    sl_layout_drop(d->typenames);
    sl_layout_drop(d->layout);
    free(d->shape);
    SL_VEC_FREE(d->stack);
    sl_buf_free(&d->why);
    free(d);
}

/* ---- semantic errors: the first one stays ---- */
static const char *type_at(const char *p, const char *end) {
    switch (*p) {
    case '{': return "object";
    case '[': return "array";
    case '"': return "string";
    case 't': return "true";
    case 'f': return "false";
    case 'n': return end - p >= 4 && memcmp(p, "null", 4) == 0 ? "null" : "number";
    default: return "number";
    }
}
static const char *type_name(const sl_type *t) {
    static const char *const names[] = {"any", "bigint", "float", "string", "bytea", "datetime", "boolean", "array", "struct"};
    return names[t->kind];
}
static void wrong_type(sl_jsonrows *d, sl_str name, const char *p, const char *end, const sl_type *t) {
    if (d->failed)
        return;
    d->failed = true;
    sl_buf_str(&d->why, name);
    sl_buf_puts(&d->why, " has wrong type:");
    sl_buf_puts(&d->why, type_at(p, end));
    sl_buf_puts(&d->why, ", expect:");
    sl_buf_puts(&d->why, type_name(t));
}

/* ---- scalars ---- */
static const double pow10_exact[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static sl_value number_slow(sl_jsonrows *d, const char *p, const char *q, bool whole) {
    sl_str s = {p, (size_t)(q - p)};
    sl_buf none = {0}, *why = d->failed ? &none : &d->why;
    sl_value v = sl_v_null();
    int64_t i;
    double f;
    if (whole) {
        if (sl_jx_i64(s, &i, why))
            v = sl_v_int(i);
        else
            d->failed = true;
    } else if (sl_jx_f64(s, &f, why)) {
        v = sl_v_float(f);
        const char *t = p + (*p == '-');
        while (t < q && *t >= '0' && *t <= '9')
            t++;
        if (t == q && fabs(f) >= 9007199254740992.0 && sl_num_parse_i64(s, &i) && (i > (1LL << 53) || i < -(1LL << 53)))
            v = (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = i};
    } else
        d->failed = true;
    sl_buf_free(&none);
    return v;
}
const char *sl_jr_number(sl_jsonrows *d, const char *p, const char *end, bool bigint, bool int64, sl_value *out) {
    const char *q = p;
    bool neg = *q == '-';
    q += neg;
    const char *from = q;
    uint64_t m = 0;
    while (q < end && (unsigned char)(*q - '0') < 10)
        m = m * 10 + (unsigned char)(*q++ - '0');
    size_t digits = (size_t)(q - from);
    if (SL_JX_LIKELY(digits && digits <= 18)) {
        if (q == end || (*q != '.' && (*q | 0x20) != 'e' && *q != '-' && *q != '+')) {
            if (bigint || int64)
                *out = sl_v_int(neg ? -(int64_t)m : (int64_t)m);
            else if (SL_JX_LIKELY(m <= 1ull << 53))
                *out = sl_v_float(neg ? -(double)m : (double)m);
            else
                *out = (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = neg ? -(int64_t)m : (int64_t)m};
            return q;
        }
        if (*q == '.' && !bigint) {
            const char *frac = ++q;
            while (q < end && (unsigned char)(*q - '0') < 10)
                m = m * 10 + (unsigned char)(*q++ - '0');
            size_t f = (size_t)(q - frac);
            if (SL_JX_LIKELY(f && digits + f <= 18 && m <= 1ull << 53 && (q == end || ((*q | 0x20) != 'e' && *q != '.' && *q != '-' && *q != '+')))) {
                double x = (double)m / pow10_exact[f];
                *out = sl_v_float(neg ? -x : x);
                return q;
            }
        }
    }
    const char *stop = sl_jx_num(p, end);
    if (!stop)
        return NULL;
    bool point = memchr(p, '.', (size_t)(stop - p)) != NULL;
    *out = number_slow(d, p, stop, bigint || (int64 && !point && ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+')));
    return stop;
}
static bool go_bool(sl_str s, bool *out) {
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"}, *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (int i = 0; i < 6; i++)
        if (sl_str_is(s, yes[i]) || sl_str_is(s, no[i]))
            return *out = sl_str_is(s, yes[i]), true;
    return false;
}
/* Base64 as Go's standard decoding takes it (line ends are skipped, padding is needed); otherwise the bytes of the text. */
static sl_value bytes_of(sl_arena *a, sl_str s) {
    char *o = sl_arena_alloc(a, s.n + 1);
    if (!o || sl_arena_failed(a))
        return sl_v_bytes(s);
    size_t n = 0, k = 0, pad = 0;
    uint32_t acc = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            if ((k & 3) < 2 && !pad)
                return sl_v_bytes(s);
            pad++, k++;
            continue;
        }
        int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
        if (v < 0 || pad)
            return sl_v_bytes(s);
        acc = acc << 6 | (uint32_t)v;
        if (k & 3)
            o[n++] = (char)(acc >> (6 - 2 * (k & 3)));
        k++;
    }
    if (k & 3 || pad > 2)
        return sl_v_bytes(s);
    return sl_v_bytes((sl_str){o, n});
}

/* ---- values; each takes p at the value's first byte and returns behind it, or NULL on a syntax error ---- */
static const char *full(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out);

static const char *string(sl_jsonrows *d, const char *p, const char *end, sl_str *out) {
    unsigned flags = 0;
    const char *q = sl_jx_str(p + 1, end, &flags);
    if (!q)
        return NULL;
    *out = sl_jr_text(d, p + 1, q, flags);
    return q + 1;
}
const char *sl_jr_any(sl_jsonrows *d, const char *p, const char *end, unsigned depth, sl_value *out) {
    if (SL_JX_RARE(p >= end))
        return NULL;
    switch (*p) {
    case '"': {
        unsigned flags = 0;
        const char *q = sl_jx_str(p + 1, end, &flags);
        if (!q)
            return NULL;
        *out = sl_v_str(sl_jr_text(d, p + 1, q, flags));
        return q + 1;
    }
    case '{':
    case '[': {
        unsigned flags = 0;
        const char *q = sl_jx_skip(p, end, depth, true, d->int64, &flags);
        if (!q)
            return NULL;
        if (flags)
            return full(d, NULL, (sl_str){"array", 5}, p, end, depth, out);
        *out = sl_v_jsontext(sl_jr_text(d, p, q, 0));
        out->aux = d->int64;
        return q;
    }
    case 't':
    case 'f': {
        unsigned n = sl_jr_boolean(p, end, out);
        return n ? p + n : NULL;
    }
    case 'n':
        if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
            *out = sl_v_null();
            return p + 4;
        }
        if (!sl_jx_is3(p, end, "nan"))
            return NULL;
        *out = number_slow(d, p, p + 3, d->int64);
        return p + 3;
    default: return sl_jr_number(d, p, end, false, d->int64, out);
    }
}
static const sl_field *field_of(const sl_type *t, sl_str name) {
    for (uint32_t i = 0; i < t->nfields; i++)
        if (sl_str_eq(t->fields[i].name, name))
            return &t->fields[i];
    return NULL;
}
static const char *skip(const char *p, const char *end, unsigned depth) {
    unsigned flags = 0;
    return sl_jx_skip(p, end, depth, false, false, &flags);
}
/* A list or an object, parsed to the end. t: NULL schemaless, else ARRAY or STRUCT with what it declares. */
static const char *full(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out);
static const char *inner(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out) {
    if (p >= end || depth > SL_JX_DEPTH)
        return NULL;
    if (t && t->kind != SL_T_ANY)
        return sl_jr_typed(d, t, name, p, end, depth, out);
    if (*p == '{' || *p == '[')
        return full(d, NULL, name, p, end, depth, out);
    return sl_jr_any(d, p, end, depth, out);
}
static const char *full(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out) {
    bool obj = *p == '{';
    char close = obj ? '}' : ']';
    size_t base = d->stack.n;
    *out = sl_v_null();
    p = sl_jx_ws(p + 1, end);
    if (p >= end)
        return NULL;
    if (*p == close)
        p++;
    else
        for (;;) {
            sl_member m = {.key = SL_S("array")};
            const sl_type *mt = t ? t->elem : NULL;
            bool keep = true;
            p = sl_jx_ws(p, end);
            if (obj) {
                if (p >= end || *p != '"' || !(p = string(d, p, end, &m.key)))
                    return NULL;
                p = sl_jx_ws(p, end);
                if (p >= end || *p != ':')
                    return NULL;
                p = sl_jx_ws(p + 1, end);
                if (t && t->nfields) {
                    const sl_field *f = field_of(t, m.key);
                    mt = f ? f->type : NULL;
                    keep = f || (end - p >= 4 && memcmp(p, "null", 4) == 0);
                }
            }
            p = keep ? inner(d, mt, m.key, p, end, depth + 1, &m.val) : skip(p, end, depth + 1);
            if (!p)
                return NULL;
            if (keep && !SL_PUSH(d->stack, m)) {
                if (!d->failed)
                    sl_buf_puts(&d->why, "out of memory");
                d->failed = true;
            }
            p = sl_jx_ws(p, end);
            if (p >= end)
                return NULL;
            char c = *p++;
            if (c == close)
                break;
            if (c != ',')
                return NULL;
        }
    size_t n = d->stack.n - base;
    if (obj) {
        sl_member *at = sl_arena_alloc(d->a, n * sizeof *at);
        if (at && !sl_arena_failed(d->a)) {
            if (n)
                memcpy(at, d->stack.at + base, n * sizeof *at);
            *out = sl_v_map(at, sl_jt_unique(d->a, at, n));
        }
    } else {
        sl_value *at = sl_arena_alloc(d->a, n * sizeof *at);
        if (at && !sl_arena_failed(d->a)) {
            for (size_t i = 0; i < n; i++)
                at[i] = d->stack.at[base + i].val;
            *out = sl_v_list(at, n);
        }
    }
    d->stack.n = base;
    return p;
}
/* By declared type (not ANY). A value of the wrong kind is skipped and told. */
const char *sl_jr_typed(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out) {
    if (p >= end)
        return NULL;
    *out = sl_v_null();
    bool is_num = *p == '-' || *p == '+' || *p == '.' || (*p >= '0' && *p <= '9');
    if (!is_num) {
        const char *from = p;
        if (*p == 'n' && end - p >= 4 && memcmp(p, "null", 4) == 0)
            return p + 4;
        switch (*p) {
        case '{':
            if (t->kind == SL_T_STRUCT)
                return t->nfields ? full(d, t, name, p, end, depth, out) : sl_jr_any(d, p, end, depth, out);
            break;
        case '[':
            if (t->kind == SL_T_ARRAY)
                return t->elem && t->elem->kind != SL_T_ANY ? full(d, t, name, p, end, depth, out) : sl_jr_any(d, p, end, depth, out);
            break;
        case 't':
        case 'f':
            if (t->kind == SL_T_BOOLEAN)
                return sl_jr_any(d, p, end, depth, out);
            break;
        case '"': {
            sl_str s;
            if (t->kind == SL_T_STRING || t->kind == SL_T_DATETIME) {
                p = string(d, p, end, &s);
                *out = sl_v_str(s);
                return p;
            }
            if (t->kind == SL_T_BYTEA) {
                if ((p = string(d, p, end, &s)))
                    *out = bytes_of(d->a, s);
                return p;
            }
            if (t->kind == SL_T_BOOLEAN) {
                bool b = false;
                if (!(p = string(d, p, end, &s)))
                    return NULL;
                if (!go_bool(s, &b) && !d->failed) {
                    d->failed = true;
                    sl_buf_puts(&d->why, "strconv.ParseBool: parsing ");
                    sl_go_quote(&d->why, s);
                    sl_buf_puts(&d->why, ": invalid syntax");
                }
                *out = sl_v_bool(b);
                return p;
            }
            break;
        }
        default: /* inf, nan */ is_num = true;
        }
        if (!is_num) {
            if (!(p = skip(p, end, depth)))
                return NULL;
            wrong_type(d, name, from, end, t);
            return p;
        }
    }
    if (t->kind == SL_T_BIGINT)
        return sl_jr_number(d, p, end, true, false, out);
    if (t->kind == SL_T_FLOAT || t->kind == SL_T_DATETIME)
        return sl_jr_number(d, p, end, false, false, out);
    if (t->kind == SL_T_STRING || t->kind == SL_T_BOOLEAN) {
        p = sl_jr_number(d, p, end, false, false, out);
        if (!p || out->kind != SL_FLOAT)
            return p;
        if (t->kind == SL_T_BOOLEAN) {
            *out = sl_v_bool(sl_f64(*out) != 0);
            return p;
        }
        char buf[SL_NUM_MAX];
        *out = sl_v_str(sl_arena_dup(d->a, (sl_str){buf, sl_num_g(buf, sl_f64(*out))}));
        return p;
    }
    const char *q = sl_jx_num(p, end);
    if (q)
        wrong_type(d, name, p, end, t);
    return q;
}

/* ---- members ---- */
/* What is to be done with a key. */
static void resolve(sl_jsonrows *d, sl_str key, seen *e) {
    int c = sl_layout_find(d->layout, key);
    e->col = c >= 0 ? c : d->all ? COL_TAIL : COL_SKIP;
    e->type = NULL;
    e->undeclared = false;
    e->serial = 0;
    if (d->typed) {
        int f = sl_layout_find(d->typenames, key);
        e->undeclared = f < 0;
        e->type = f >= 0 && d->types[f].type && d->types[f].type->kind != SL_T_ANY ? d->types[f].type : NULL;
    }
    e->what = e->col == COL_SKIP ? DO_SKIP : e->type || e->undeclared ? DO_OTHER : DO_KEEP;
    sl_coltype t = e->type ? e->type->kind : SL_T_ANY;
    bool simple = e->what == DO_OTHER && e->type && (t == SL_T_STRING || t == SL_T_FLOAT || t == SL_T_BIGINT || t == SL_T_BOOLEAN);
    e->scalar = simple ? (uint8_t)t : 0;
    bool first = false;
    for (uint32_t i = 0; d->look && i < d->look->ncols; i++)
        first |= e->col == d->look->cols[i];
    e->early = first || e->what == DO_SKIP || e->undeclared ? e->what : DO_CHECK;
}
/* A key that the shape did not foresee at *k. Learns it, or finds it elsewhere; *loose: from here on the row may repeat keys. */
static const char *learn(sl_jsonrows *d, const char *p, const char *end, uint32_t *k, bool *loose, seen *tmp, const seen **e) {
    if (p >= end || *p != '"')
        return NULL;
    unsigned flags = 0;
    const char *q = sl_jx_str(p + 1, end, &flags);
    if (!q)
        return NULL;
    const char *v = sl_jx_ws(q + 1, end);
    if (v >= end || *v != ':')
        return NULL;
    v++;
    uint32_t n = (uint32_t)(q + 1 - p) + 1;
    bool fits = !(flags & SL_JX_ESCAPED) && (size_t)(q - p) + 2 <= LIT_MAX;
    d->misses++;
    if (fits)
        for (uint32_t j = 0; j < d->nshape; j++)
            if (d->shape[j].n == n && memcmp(d->shape[j].lit, p, n - 1) == 0) {
                if (j < *k)
                    *loose = true;
                *k = j + 1;
                *e = &d->shape[j];
                return v;
            }
    d->key = (sl_str){p + 1, (size_t)(q - p - 1)};
    if (flags & SL_JX_ESCAPED)
        d->key = sl_jr_text(d, p + 1, q, flags);
    if (fits && d->nshape < SHAPE_MAX) { /* takes its place in the order */
        seen *s = &d->shape[*k];
        memmove(s + 1, s, (d->nshape + 1 - *k) * sizeof *s);
        d->nshape++;
        memset(s, 0, sizeof *s);
        memcpy(s->lit, p, n - 1);
        s->lit[n - 1] = ':';
        s->n = n;
        s->need = n > 16 ? (1u << 17) - 1 : (1u << n) - 1;
        resolve(d, d->key, s);
        ++*k;
        *e = s;
        return v;
    }
    *loose = true;
    resolve(d, d->key, tmp);
    tmp->n = 0;
    *e = tmp;
    return v;
}
void sl_jr_tail(sl_jsonrows *d, seen *e, sl_value v) {
    if (SL_JX_RARE(e->serial != d->serial)) { /* first use in this batch */
        e->key = sl_arena_dup(d->a, sl_jr_lit_key(e));
        e->serial = d->serial;
    }
    sl_builder *w = d->w;
    if (SL_JX_LIKELY(w->ntail < w->tailcap))
        w->tail[w->ntail++] = (sl_member){e->key, v};
    else
        sl_builder_tail_new(w, e->key, v);
}
/* One object at p ('{') as a row. NULL: syntax error; the row is begun and not ended. */
static const char *row(sl_jsonrows *d, const char *p, const char *end, unsigned depth) {
    sl_builder *w = d->w;
    sl_builder_row(w);
    uint32_t k = 0;
    bool loose = false;
    seen tmp;
    p = sl_jx_ws(p + 1, end);
    if (p >= end)
        return NULL;
    if (*p == '}')
        return p + 1;
    for (;;) {
        const seen *e;
        if (SL_JX_LIKELY(k < d->nshape && sl_jr_same_lit(&d->shape[k], p, end))) {
            e = &d->shape[k++];
            p += e->n;
        } else {
            uint32_t j = k + 1;
            while (j < d->nshape && j < k + 4 && !sl_jr_same_lit(&d->shape[j], p, end))
                j++;
            if (j < d->nshape && j < k + 4) {
                e = &d->shape[j];
                p += e->n;
                k = j + 1;
            } else if (!(p = learn(d, p, end, &k, &loose, &tmp, &e)))
                return NULL;
        }
        if (SL_JX_RARE(p < end && (unsigned char)*p <= ' '))
            p = sl_jx_ws(p, end);
        if (SL_JX_RARE(p >= end))
            return NULL;
        if (e->col == COL_SKIP || SL_JX_RARE(e->undeclared && *p != 'n')) {
            unsigned flags = 0;
            if (*p == '"') {
                if (!(p = sl_jx_str(p + 1, end, &flags)))
                    return NULL;
                p++;
            } else if ((unsigned char)(*p - '0') < 10 || *p == '-') {
                if (!(p = sl_jx_num(p, end)))
                    return NULL;
            } else if (!(p = sl_jx_skip(p, end, depth + 1, false, false, &flags)))
                return NULL;
        } else {
            sl_value v;
            sl_str key = e->n ? sl_jr_lit_key(e) : d->key;
            if (SL_JX_RARE(e->undeclared)) {
                const char *q = skip(p, end, depth + 1);
                if (!q)
                    return NULL;
                bool null = end - p >= 4 && memcmp(p, "null", 4) == 0;
                p = q;
                v = sl_v_null();
                if (!null)
                    goto next;
            } else if (!(p = e->type ? sl_jr_typed(d, e->type, key, p, end, depth + 1, &v) : sl_jr_any(d, p, end, depth + 1, &v)))
                return NULL;
            if (e->col >= 0)
                sl_builder_set(w, (uint32_t)e->col, v);
            else if (e->n && !loose)
                sl_jr_tail(d, (seen *)e, v);
            else {
                if (e->n || !d->borrowed)
                    key = sl_arena_dup(d->a, key);
                if (loose)
                    sl_builder_tail(w, key, v);
                else
                    sl_builder_tail_new(w, key, v);
            }
        }
    next:
        if (SL_JX_RARE(p < end && (unsigned char)*p <= ' '))
            p = sl_jx_ws(p, end);
        if (SL_JX_RARE(p >= end))
            return NULL;
        if (*p == ',') {
            p++;
            if (SL_JX_RARE(p < end && (unsigned char)*p <= ' '))
                p = sl_jx_ws(p, end);
            continue;
        }
        return *p == '}' ? p + 1 : NULL;
    }
}

/* ---- messages ---- */
static inline bool ascii(const char *p, size_t n) {
    const char *end = p + n;
#if SL_X16
    for (; end - p >= 64; p += 64)
        if (sl_x16_bits(sl_x16_or(sl_x16_or(sl_x16_load(p), sl_x16_load(p + 16)), sl_x16_or(sl_x16_load(p + 32), sl_x16_load(p + 48)))))
            return false;
    for (; end - p >= 16; p += 16)
        if (sl_x16_bits(sl_x16_load(p)))
            return false;
#endif
    unsigned char or = 0;
    for (; p < end; p++)
        or |= (unsigned char)*p;
    return or < 0x80;
}
static bool sanitise(sl_arena *a, sl_str *s) { /* each invalid byte becomes U+FFFD, which is how upstream shows it */
    size_t bad = 0;
    for (size_t i = 0; i < s->n;) {
        uint32_t r;
        unsigned n = sl_utf8_get(s->p + i, s->n - i, &r);
        bad += r == 0xFFFD && n == 1;
        i += n;
    }
    char *t = sl_arena_alloc(a, s->n + bad * 2 + 1), *o = t;
    if (!t || sl_arena_failed(a))
        return false;
    for (size_t i = 0; i < s->n;) {
        uint32_t r;
        i += sl_utf8_get(s->p + i, s->n - i, &r);
        o += sl_utf8_put(o, r);
    }
    *s = (sl_str){t, (size_t)(o - t)};
    return true;
}
void sl_jsonrows_look(sl_jsonrows *d, sl_rowlook *look) {
    d->offer = look;
    d->look = look && look->layout == d->layout ? look : NULL;
    forget_shape(d);
}
static inline void begin(sl_jsonrows *d, sl_builder *w, bool borrowed) {
    const sl_layout *l = w->layout;
    if (l != d->layout || w->all != d->all || d->misses > 4096) {
        sl_layout_hold(l);
        sl_layout_drop(d->layout);
        d->layout = (sl_layout *)l;
        d->all = sl_builder_all(w);
        d->look = d->offer && d->offer->layout == l ? d->offer : NULL;
        forget_shape(d);
    }
    d->w = w;
    d->a = sl_builder_arena(w);
    d->serial = w->serial;
    d->borrowed = borrowed;
    d->failed = false;
    d->stack.n = 0;
    d->why.n = 0;
}
static bool finish(sl_jsonrows *d, uint32_t first, sl_str *why) {
    sl_builder_cancel(d->w);
    sl_builder_undo(d->w, first);
    *why = sl_arena_dup(d->a, sl_buf_view(&d->why));
    return false;
}
static inline void end_row(sl_jsonrows *d, const char *from, const char *to) {
    if (SL_JX_RARE(d->keep_raw)) {
        unsigned flags = 0; /* only what is strict JSON may leave as it came */
        if (sl_jx_skip(from, to, 1, true, false, &flags) == to && !flags)
            sl_builder_raw(d->w, d->borrowed ? (sl_str){from, (size_t)(to - from)} : sl_arena_dup(d->a, (sl_str){from, (size_t)(to - from)}));
    }
    sl_builder_finish(d->w);
}
bool sl_jsonrows_read(sl_jsonrows *d, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    uint32_t first = w->rows;
    *rows = 0;
    if (SL_JX_RARE(!bytes.n))
        bytes = SL_S("");
    begin(d, w, borrowed);
    if (SL_JX_RARE(bytes.n > UINT32_MAX)) {
        sl_buf_puts(&d->why, "message is larger than 4 GiB");
        return finish(d, first, why);
    }
    d->end = bytes.p + bytes.n;
    sl_jr_told told = sl_jr_straight(d, bytes);
    if (SL_JX_LIKELY(told >= SL_JR_ROW)) {
        if (SL_JX_RARE(d->keep_raw)) {
            if (told == SL_JR_STRICT_ROW)
                sl_builder_raw(d->w, borrowed ? bytes : sl_arena_dup(d->a, bytes));
        }
        sl_builder_finish(d->w);
        *rows = 1;
        return true;
    }
    if (told == SL_JR_LEFT) {
        sl_builder_cancel(d->w);
        d->look->left++;
        *rows = 1;
        return true;
    }
    d->failed = false; /* what went wrong, if anything, is for the other way to tell */
    d->stack.n = 0;
    sl_buf_clear(&d->why);
    if (told == SL_JR_BAD_UTF8 || (told == SL_JR_NOT && SL_JX_RARE(!ascii(bytes.p, bytes.n)) && !sl_utf8_valid(bytes.p, bytes.n))) {
        if (!sanitise(d->a, &bytes)) {
            sl_buf_puts(&d->why, "out of memory");
            return finish(d, first, why);
        }
        d->borrowed = true;
        d->end = bytes.p + bytes.n;
    }
    const char *end = bytes.p + bytes.n, *p = sl_jx_ws(bytes.p, end);
    if (SL_JX_LIKELY(p < end && *p == '{')) {
        const char *from = p;
        if (!(p = row(d, p, end, 1)))
            goto syntax;
        end_row(d, from, p);
    } else if (p < end && *p == '[') {
        p = sl_jx_ws(p + 1, end);
        if (p < end && *p == ']')
            p++;
        else
            for (;;) {
                if (p >= end)
                    goto syntax;
                if (*p == '{') {
                    const char *from = p;
                    if (!(p = row(d, p, end, 2)))
                        goto syntax;
                    end_row(d, from, p);
                } else {
                    const char *from = p;
                    if (!(p = skip(p, end, 2)))
                        goto syntax;
                    if (!d->failed)
                        sl_buf_printf(&d->why, "value doesn't contain object; it contains %s", type_at(from, end));
                    d->failed = true;
                }
                p = sl_jx_ws(p, end);
                if (p >= end)
                    goto syntax;
                char c = *p++;
                if (c == ']')
                    break;
                if (c != ',')
                    goto syntax;
                p = sl_jx_ws(p, end);
            }
    } else {
        if (p >= end || !(p = skip(p, end, 1)))
            goto syntax;
        d->failed = true;
        sl_buf_puts(&d->why, "only map[string]interface{} and []map[string]interface{} is supported");
    }
    p = sl_jx_ws(p, end);
    if (SL_JX_RARE(p < end))
        goto syntax;
    if (SL_JX_RARE(d->failed))
        return finish(d, first, why);
    *rows = sl_builder_rows(w) - first;
    return true;
syntax:
    sl_buf_clear(&d->why);
    if (!sl_jx_error(bytes, &d->why))
        sl_buf_puts(&d->why, "cannot parse JSON");
    return finish(d, first, why);
}
