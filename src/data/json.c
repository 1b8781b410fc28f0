/* The control plane's JSON: an ordered tree that keeps the text of numbers and of every value.
 * Decision: grammar and error words are those of Go's encoding/json, because clients of the REST doors see them. With a rest
 * pointer the end of the text reads as Go's stream decoder says it ("EOF", "unexpected EOF"), without as Unmarshal does. */
#include "data/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/num.h"
#include "base/utf8.h"
#include "data/json_text.h"

enum { MAX_DEPTH = 512 };
typedef struct reader {
    sl_arena *a;
    const char *start, *p, *end;
    bool stream;
    sl_err *err;
    sl_str huge; /* the first number that is none for Go: told when the grammar has nothing to say */
} reader;

static bool bad_end(reader *r) {
    r->err = sl_err_new(SL_E_UNDEFINED, r->stream ? "unexpected EOF" : "unexpected end of JSON input");
    return false;
}
static bool bad_char(reader *r, const char *where) { /* *r->p is the offending byte */
    if (r->p >= r->end)
        return bad_end(r);
    unsigned char c = (unsigned char)*r->p;
    char q[16];
    if (c == '\'')
        strcpy(q, "\\'");
    else if (c == '"')
        strcpy(q, "\"");
    else { /* as Go: the byte as a rune, quoted */
        char rune[4];
        unsigned n = sl_utf8_put(rune, c);
        sl_buf b = {0};
        sl_go_quote(&b, (sl_str){rune, n});
        size_t len = b.n >= 2 && b.n - 2 < sizeof q ? b.n - 2 : 0;
        if (len)
            memcpy(q, b.p + 1, len);
        q[len] = 0;
        sl_buf_free(&b);
    }
    r->err = sl_err_new(SL_E_UNDEFINED, "invalid character '%s' %s", q, where);
    return false;
}
static void skip_ws(reader *r) {
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}
static bool digit(const reader *r) { return r->p < r->end && *r->p >= '0' && *r->p <= '9'; }
static bool number(reader *r, sl_json *v) {
    const char *from = r->p;
    if (*r->p == '-') {
        r->p++;
        if (!digit(r))
            return bad_char(r, "in numeric literal");
    }
    if (*r->p == '0')
        r->p++;
    else
        while (digit(r))
            r->p++;
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!digit(r))
            return bad_char(r, "after decimal point in numeric literal");
        while (digit(r))
            r->p++;
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (!digit(r))
            return bad_char(r, "in exponent of numeric literal");
        while (digit(r))
            r->p++;
    }
    v->kind = SL_J_NUM;
    v->s = sl_arena_dup(r->a, (sl_str){from, (size_t)(r->p - from)});
    if (!sl_num_parse_f64(v->s, &v->num))
        v->num = *from == '-' ? -HUGE_VAL : HUGE_VAL;
    if (isinf(v->num) && !r->huge.n)
        r->huge = v->s;
    return true;
}
/* Called behind the opening quote. */
static bool string(reader *r, sl_str *out) {
    const char *from = r->p;
    bool plain = true;
    for (;; r->p++) {
        if (r->p >= r->end)
            return bad_end(r);
        unsigned char c = (unsigned char)*r->p;
        if (c == '"')
            break;
        if (c < 0x20)
            return bad_char(r, "in string literal");
        if (c == '\\') {
            plain = false;
            if (++r->p >= r->end)
                return bad_end(r);
            if (*r->p == 'u') {
                for (int i = 0; i < 4; i++) {
                    r->p++;
                    if (r->p >= r->end || sl_jt_hex(*r->p) < 0)
                        return bad_char(r, "in \\u hexadecimal character escape");
                }
            } else if (*r->p == 0 || !strchr("\"\\/bfnrt", *r->p))
                return bad_char(r, "in string escape code");
        }
    }
    sl_str text = {from, (size_t)(r->p - from)};
    r->p++;
    if (plain && sl_utf8_valid(text.p, text.n)) {
        *out = sl_arena_dup(r->a, text);
        return true;
    }
    char *copy = sl_arena_alloc(r->a, text.n * 3 + 1); /* an invalid byte becomes three */
    if (!copy || sl_arena_failed(r->a)) {
        *out = (sl_str){"", 0};
        return true; /* latched in the arena */
    }
    *out = (sl_str){copy, sl_jt_unescape(copy, text)};
    copy[out->n] = 0;
    return true;
}
static bool literal(reader *r, const char *word) {
    for (const char *w = word; *w; w++, r->p++)
        if (r->p >= r->end || *r->p != *w) {
            char where[48];
            snprintf(where, sizeof where, "in literal %s (expecting '%c')", word, *w);
            return bad_char(r, where);
        }
    return true;
}
static void append(sl_json *parent, sl_json *v) {
    v->next = NULL;
    if (parent->last)
        parent->last->next = v;
    else
        parent->child = v;
    parent->last = v;
    parent->n++;
}
static bool value(reader *r, sl_json *v, int depth) {
    skip_ws(r);
    if (r->p >= r->end)
        return bad_end(r);
    const char *from = r->p;
    switch (*r->p) {
    case '{':
    case '[': {
        bool obj = *r->p == '{';
        if (depth >= MAX_DEPTH) {
            r->err = sl_err_new(SL_E_UNDEFINED, "exceeded max depth");
            return false;
        }
        v->kind = obj ? SL_J_OBJ : SL_J_ARR;
        r->p++;
        skip_ws(r);
        if (r->p < r->end && *r->p == (obj ? '}' : ']')) {
            r->p++;
            break;
        }
        for (;;) {
            sl_json *m = SL_NEW(r->a, sl_json);
            if (sl_arena_failed(r->a)) {
                r->err = sl_err_new(SL_E_NOMEM, "out of memory while reading JSON");
                return false;
            }
            if (obj) {
                skip_ws(r);
                if (r->p >= r->end)
                    return bad_end(r);
                if (*r->p != '"')
                    return bad_char(r, "looking for beginning of object key string");
                r->p++;
                if (!string(r, &m->key))
                    return false;
                skip_ws(r);
                if (r->p >= r->end || *r->p != ':')
                    return bad_char(r, "after object key");
                r->p++;
            }
            if (!value(r, m, depth + 1))
                return false;
            append(v, m);
            skip_ws(r);
            if (r->p < r->end && *r->p == ',') {
                r->p++;
                continue;
            }
            if (r->p < r->end && *r->p == (obj ? '}' : ']')) {
                r->p++;
                break;
            }
            return bad_char(r, obj ? "after object key:value pair" : "after array element");
        }
        break;
    }
    case '"':
        r->p++;
        v->kind = SL_J_STR;
        if (!string(r, &v->s))
            return false;
        break;
    case 't':
    case 'f':
        v->kind = SL_J_BOOL;
        v->b = *r->p == 't';
        if (!literal(r, v->b ? "true" : "false"))
            return false;
        break;
    case 'n':
        v->kind = SL_J_NULL;
        if (!literal(r, "null"))
            return false;
        break;
    default:
        if (*r->p != '-' && !digit(r))
            return bad_char(r, "looking for beginning of value");
        if (!number(r, v))
            return false;
    }
    v->raw = (sl_str){from, (size_t)(r->p - from)};
    return true;
}
/* Shows a person where the text is wrong. */
static sl_err *placed(const reader *r) {
    const char *e = sl_err_text(r->err), *hint = NULL;
    char at = r->p < r->end ? *r->p : 0;
    if (sl_err_code(r->err) != SL_E_UNDEFINED)
        return r->err;
    if (!at)
        hint = "a bracket or a quote is not closed";
    else if (at == '\'')
        hint = "JSON knows only double quotes";
    else if (strstr(e, "after object key:value") || strstr(e, "after array element"))
        hint = "a comma is missing before this, or a quote inside of a text has no backslash";
    else if ((at == '}' || at == ']') && strstr(e, "looking for beginning"))
        hint = "there is a comma too many before this";
    else if (at == '\n' && strstr(e, "string literal"))
        hint = "a line break inside of a text is written \\n";
    return sl_err_mark(r->err, sl_str_n(r->start, (size_t)(r->end - r->start)), (size_t)(r->p - r->start), 1, hint);
}
static sl_err *parse(sl_arena *a, sl_str text, sl_json **out, sl_str *rest, bool huge) {
    reader r = {.a = a, .start = text.p, .p = text.p, .end = text.p + text.n, .stream = rest != NULL};
    sl_json *v = SL_NEW(a, sl_json);
    *out = NULL;
    if (rest) {
        skip_ws(&r);
        if (r.p >= r.end)
            return sl_err_new(SL_E_UNDEFINED, "EOF");
    }
    if (!value(&r, v, 0))
        return placed(&r);
    if (rest)
        *rest = (sl_str){r.p, (size_t)(r.end - r.p)};
    else {
        skip_ws(&r);
        if (r.p < r.end) {
            bad_char(&r, "after top-level value");
            return placed(&r);
        }
    }
    if (sl_arena_failed(a))
        return sl_err_new(SL_E_NOMEM, "out of memory while reading JSON");
    if (r.huge.n && !huge)
        return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal number %.*s into Go value of type float64", r.huge.n > 100 ? 100 : (int)r.huge.n, r.huge.p);
    *out = v;
    return NULL;
}
sl_err *sl_json_parse(sl_arena *a, sl_str text, sl_json **out, sl_str *rest) { return parse(a, text, out, rest, false); }

/* ---- reading ---- */
sl_json *sl_json_get(const sl_json *obj, const char *key) {
    sl_json *found = NULL;
    if (obj && obj->kind == SL_J_OBJ)
        for (sl_json *m = obj->child; m; m = m->next)
            if (sl_str_is(m->key, key))
                found = m;
    return found;
}
sl_json *sl_json_iget(const sl_json *obj, const char *key) {
    sl_json *found = sl_json_get(obj, key);
    if (!found && obj && obj->kind == SL_J_OBJ)
        for (sl_json *m = obj->child; m; m = m->next)
            if (sl_str_ieq(m->key, sl_str_of(key)))
                found = m;
    return found;
}
sl_json *sl_json_at(const sl_json *arr, uint32_t i) {
    if (!arr || (arr->kind != SL_J_ARR && arr->kind != SL_J_OBJ))
        return NULL;
    sl_json *m = arr->child;
    while (m && i--)
        m = m->next;
    return m;
}
sl_str sl_json_text(const sl_json *v, sl_str dflt) { return sl_json_isstr(v) ? v->s : dflt; }
bool sl_json_isstr(const sl_json *v) { return v && v->kind == SL_J_STR; }
bool sl_json_true(const sl_json *v, bool dflt) { return v && v->kind == SL_J_BOOL ? v->b : dflt; }
bool sl_json_i64(const sl_json *v, int64_t *out) {
    if (!v || v->kind != SL_J_NUM)
        return false;
    if (sl_num_parse_i64(v->s, out))
        return true;
    if (v->num != floor(v->num) || fabs(v->num) >= 9007199254740992.0) /* 1e3 and 2.0 are whole numbers too */
        return false;
    *out = (int64_t)v->num;
    return true;
}

/* ---- building ---- */
static sl_json *node(sl_arena *a, sl_jkind k) {
    sl_json *v = SL_NEW(a, sl_json);
    v->kind = (uint8_t)k;
    return v;
}
sl_json *sl_json_obj(sl_arena *a) { return node(a, SL_J_OBJ); }
sl_json *sl_json_arr(sl_arena *a) { return node(a, SL_J_ARR); }
sl_json *sl_json_null(sl_arena *a) { return node(a, SL_J_NULL); }
sl_json *sl_json_str(sl_arena *a, sl_str s) {
    sl_json *v = node(a, SL_J_STR);
    v->s = sl_arena_dup(a, s);
    return v;
}
sl_json *sl_json_int(sl_arena *a, int64_t i) {
    char t[SL_NUM_MAX];
    sl_json *v = node(a, SL_J_NUM);
    v->s = sl_arena_dup(a, (sl_str){t, sl_num_i64(t, i)});
    v->num = (double)i;
    return v;
}
sl_json *sl_json_dbl(sl_arena *a, double d) {
    char t[SL_NUM_MAX];
    sl_json *v = node(a, isfinite(d) ? SL_J_NUM : SL_J_NULL); /* JSON has no word for the others */
    if (isfinite(d))
        v->s = sl_arena_dup(a, (sl_str){t, sl_num_json(t, d)});
    v->num = d;
    return v;
}
sl_json *sl_json_bool(sl_arena *a, bool b) {
    sl_json *v = node(a, SL_J_BOOL);
    v->b = b;
    return v;
}
void sl_json_set(sl_arena *a, sl_json *obj, const char *key, sl_json *v) {
    v->key = sl_arena_dup(a, sl_str_of(key));
    sl_json *before = NULL;
    for (sl_json *m = obj->child; m; before = m, m = m->next)
        if (sl_str_eq(m->key, v->key)) {
            v->next = m->next;
            if (before)
                before->next = v;
            else
                obj->child = v;
            if (obj->last == m)
                obj->last = v;
            return;
        }
    append(obj, v);
}
void sl_json_add(sl_json *arr, sl_json *v) { append(arr, v); }
void sl_json_del(sl_json *obj, const char *key) {
    sl_json *before = NULL;
    for (sl_json *m = obj->child; m; m = m->next) {
        if (!sl_str_is(m->key, key)) {
            before = m;
            continue;
        }
        if (before)
            before->next = m->next;
        else
            obj->child = m->next;
        if (obj->last == m)
            obj->last = before;
        obj->n--;
    }
}
sl_json *sl_json_clone(sl_arena *a, const sl_json *v) {
    sl_json *c = node(a, v->kind);
    c->b = v->b;
    c->num = v->num;
    c->s = v->s.p ? sl_arena_dup(a, v->s) : v->s;
    c->raw = v->raw.p ? sl_arena_dup(a, v->raw) : v->raw;
    for (const sl_json *m = v->child; m; m = m->next) {
        sl_json *k = sl_json_clone(a, m);
        k->key = m->key.p ? sl_arena_dup(a, m->key) : m->key;
        append(c, k);
    }
    return c;
}

/* ---- writing ---- */
static void line(sl_buf *out, int indent, int level) {
    if (indent) {
        sl_buf_putc(out, '\n');
        for (int i = 0; i < indent * level; i++)
            sl_buf_putc(out, ' ');
    }
}
static int by_key(const void *x, const void *y) { return sl_str_cmp((*(sl_json *const *)x)->key, (*(sl_json *const *)y)->key); }
static void write_at(sl_buf *out, const sl_json *v, bool sorted, int indent, int level) {
    switch (v ? v->kind : SL_J_NULL) {
    case SL_J_NULL: sl_buf_puts(out, "null"); return;
    case SL_J_BOOL: sl_buf_puts(out, v->b ? "true" : "false"); return;
    case SL_J_NUM: sl_buf_str(out, v->s); return;
    case SL_J_STR: sl_json_put_str(out, v->s); return;
    }
    bool obj = v->kind == SL_J_OBJ;
    sl_buf_putc(out, obj ? '{' : '[');
    const sl_json **order = NULL;
    if (obj && sorted && v->n > 1 && (order = malloc(v->n * sizeof *order))) {
        uint32_t n = 0;
        for (const sl_json *m = v->child; m; m = m->next)
            order[n++] = m;
        qsort(order, n, sizeof *order, by_key);
    }
    uint32_t i = 0;
    for (const sl_json *m = v->child; m; m = m->next, i++) {
        const sl_json *w = order ? order[i] : m;
        if (i)
            sl_buf_putc(out, ',');
        line(out, indent, level + 1);
        if (obj) {
            sl_json_put_str(out, w->key);
            sl_buf_puts(out, indent ? ": " : ":");
        }
        write_at(out, w, sorted, indent, level + 1);
    }
    free(order);
    if (v->n)
        line(out, indent, level);
    sl_buf_putc(out, obj ? '}' : ']');
}
void sl_json_write(sl_buf *out, const sl_json *v, bool sorted, int indent) { write_at(out, v, sorted, indent, 0); }

sl_value sl_json_to_value(sl_arena *a, const sl_json *v, bool int64) {
    switch (v ? v->kind : SL_J_NULL) {
    case SL_J_BOOL: return sl_v_bool(v->b);
    case SL_J_NUM: return sl_jt_number(v->s, int64);
    case SL_J_STR: return sl_v_str(sl_arena_dup(a, v->s));
    case SL_J_ARR: {
        sl_value *at = sl_arena_alloc(a, v->n * sizeof *at);
        if (!at || sl_arena_failed(a))
            return sl_v_null();
        uint32_t n = 0;
        for (const sl_json *m = v->child; m; m = m->next)
            at[n++] = sl_json_to_value(a, m, int64);
        return sl_v_list(at, n);
    }
    case SL_J_OBJ: {
        sl_member *at = sl_arena_alloc(a, v->n * sizeof *at);
        if (!at || sl_arena_failed(a))
            return sl_v_null();
        uint32_t n = 0;
        for (const sl_json *m = v->child; m; m = m->next)
            at[n++] = (sl_member){sl_arena_dup(a, m->key), sl_json_to_value(a, m, int64)};
        return sl_v_map(at, sl_jt_unique(a, at, n));
    }
    }
    return sl_v_null();
}
sl_err *sl_json_value(sl_arena *a, sl_str text, bool int64, sl_value *out) {
    sl_arena *tmp = sl_arena_new(text.n * 4 < 4096 ? 0 : text.n * 4);
    if (!tmp)
        return sl_err_new(SL_E_NOMEM, "out of memory while reading JSON");
    sl_json *tree;
    sl_err *e = parse(tmp, text, &tree, NULL, true); /* in rows such numbers are infinite, as upstream */
    if (!e) {
        *out = sl_json_to_value(a, tree, int64);
        if (sl_arena_failed(a))
            e = sl_err_new(SL_E_NOMEM, "out of memory while reading JSON");
    }
    sl_arena_free(tmp);
    return e;
}
