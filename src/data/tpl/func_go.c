/* The functions that text/template itself brings, and the table over all functions. */
#include "base/num.h"
#include "base/utf8.h"
#include "data/tpl/tpl.h"

/* ---- the table ---- */
static bool never(trun *r, const tval *args, uint32_t n, tval *out) { return tpl_call_fail(r, "internal"); }
static const tfunc and_or[] = {{"and", "vv*", never}, {"or", "vv*", never}, {0}};
const tfunc *tpl_func_find(sl_str name) {
    static const tfunc *const tables[] = {and_or, tpl_go_funcs, tpl_text_funcs, tpl_number_funcs, tpl_list_funcs, tpl_map_funcs, tpl_time_funcs, tpl_code_funcs};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const tfunc *f = tables[t]; f->name; f++)
            if (sl_str_is(name, f->name))
                return f;
    return NULL;
}
bool tpl_func_and(const tfunc *f) { return f == &and_or[0]; }
bool tpl_func_or(const tfunc *f) { return f == &and_or[1]; }

/* ---- comparing ---- */
typedef enum basic { B_NONE, B_BOOL, B_INT, B_UINT, B_FLOAT, B_STRING } basic;
static basic basic_of(sl_value v) {
    switch (v.kind) {
    case SL_BOOL: return B_BOOL;
    case SL_INT:
    case SL_DURATION: return B_INT;
    case SL_UINT: return B_UINT;
    case SL_FLOAT: return B_FLOAT;
    case SL_STRING: return B_STRING;
    default: return B_NONE;
    }
}
static int order_of(sl_value a, sl_value b) { /* of the same basic kind, or of int and uint */
    if (a.kind == SL_STRING)
        return sl_str_cmp(sl_v_text(a), sl_v_text(b));
    if (a.kind == SL_FLOAT) {
        double x = sl_f64(a), y = sl_f64(b);
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; /* 2: NaN */
    }
    bool abig = a.kind == SL_UINT && a.i < 0, bbig = b.kind == SL_UINT && b.i < 0;
    if (abig || bbig)
        return abig && bbig ? (a.u < b.u ? -1 : a.u > b.u) : abig ? 1 : -1;
    return a.i < b.i ? -1 : a.i > b.i;
}
static bool equal(trun *r, tval a, tval b, bool *same) {
    sl_value x = tpl_open(r, a.v), y = tpl_open(r, b.v);
    basic k = basic_of(x), l = basic_of(y);
    if (k != l) {
        if ((k == B_INT && l == B_UINT) || (k == B_UINT && l == B_INT)) {
            *same = order_of(x, y) == 0;
            return true;
        }
        if (!sl_v_nil(x) && !sl_v_nil(y))
            return tpl_call_fail(r, "incompatible types for comparison: %s and %s", tpl_base_type(r, a), tpl_base_type(r, b));
        *same = false;
        return true;
    }
    if (k != B_NONE) {
        *same = order_of(x, y) == 0;
        return true;
    }
    if (sl_v_nil(x) || sl_v_nil(y)) {
        *same = sl_v_nil(x) && sl_v_nil(y);
        return true;
    }
    if (x.kind == SL_TIME && y.kind == SL_TIME) {
        *same = x.i == y.i && x.len == y.len;
        return true;
    }
    sl_value bad = x.kind == SL_TIME ? y : x;
    return tpl_call_fail(r, "non-comparable type %.*s: %s", SL_FMT(tpl_text(r, bad)), tpl_base_type(r, x.kind == SL_TIME ? b : a));
}
static bool f_eq(trun *r, const tval *a, uint32_t n, tval *out) {
    bool same = false;
    if (n < 2)
        return tpl_call_fail(r, "missing argument for comparison");
    for (uint32_t i = 1; i < n && !same; i++)
        if (!equal(r, a[0], a[i], &same))
            return false;
    *out = tv_bool(same);
    return true;
}
static bool f_ne(trun *r, const tval *a, uint32_t n, tval *out) {
    bool same = false;
    if (!equal(r, a[0], a[1], &same))
        return false;
    *out = tv_bool(!same);
    return true;
}
static bool order(trun *r, const tval *a, int *c) {
    sl_value x = tpl_open(r, a[0].v), y = tpl_open(r, a[1].v);
    basic k = basic_of(x), l = basic_of(y);
    if (k == B_NONE || l == B_NONE)
        return tpl_call_fail(r, "invalid type for comparison");
    if (k != l && !((k == B_INT && l == B_UINT) || (k == B_UINT && l == B_INT)))
        return tpl_call_fail(r, "incompatible types for comparison: %s and %s", tpl_base_type(r, a[0]), tpl_base_type(r, a[1]));
    if (k == B_BOOL)
        return tpl_call_fail(r, "invalid type for comparison");
    *c = order_of(x, y);
    return true;
}
#define ORDER(name, test)                                                                                                                                                          \
    static bool name(trun *r, const tval *a, uint32_t n, tval *out) {                                                                                                              \
        int c;                                                                                                                                                                     \
        if (!order(r, a, &c))                                                                                                                                                      \
            return false;                                                                                                                                                          \
        *out = tv_bool(test);                                                                                                                                                      \
        return true;                                                                                                                                                               \
    }
ORDER(f_lt, c == -1 || c < -1)
ORDER(f_le, c <= 0)
ORDER(f_gt, !(c <= 0))
ORDER(f_ge, !(c < 0))
static bool f_not(trun *r, const tval *a, uint32_t n, tval *out) {
    *out = tv_bool(!tpl_true(r, a[0]));
    return true;
}

/* ---- containers ---- */
static bool f_len(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_value v = tpl_open(r, a[0].v);
    switch (v.kind) {
    case SL_STRING:
    case SL_BYTES:
    case SL_LIST:
    case SL_MAP: *out = tv_int(v.len); return true;
    case SL_NULL: return tpl_call_fail(r, "len of nil pointer");
    case SL_ABSENT: return tpl_call_fail(r, "reflect: call of reflect.Value.Type on zero Value");
    default: return tpl_call_fail(r, "len of type %s", tpl_base_type(r, a[0]));
    }
}
static bool f_index(trun *r, const tval *a, uint32_t n, tval *out) {
    tval at = a[0];
    if (sl_v_nil(at.v))
        return tpl_call_fail(r, "index of untyped nil");
    for (uint32_t i = 1; i < n; i++) {
        sl_value v = tpl_open(r, at.v), k = a[i].v;
        if (sl_v_nil(v))
            return tpl_call_fail(r, "index of nil pointer");
        if (v.kind == SL_LIST || v.kind == SL_STRING || v.kind == SL_BYTES) {
            if (sl_v_nil(k))
                return tpl_call_fail(r, "cannot index slice/array with nil");
            if (k.kind != SL_INT && k.kind != SL_UINT)
                return tpl_call_fail(r, "cannot index slice/array with type %s", tpl_base_type(r, a[i]));
            if (k.i < 0 || k.i > v.len)
                return tpl_call_fail(r, "index out of range: %lld", (long long)k.i);
            if (k.i == v.len) /* what Go's reflection says when the check lets it through */
                return tpl_call_fail(r, v.kind == SL_STRING ? "reflect: string index out of range" : "reflect: slice index out of range");
            if (v.kind == SL_LIST)
                at = (tval){v.list[k.i], v.list != r->root_list && !(v.flags & SL_F_TEXTLIST)};
            else
                at = tv_int((unsigned char)v.p[k.i]);
        } else if (v.kind == SL_MAP) {
            if (k.kind != SL_STRING)
                return sl_v_nil(k) ? tpl_call_fail(r, "value is nil; should be string") : tpl_call_fail(r, "value has type %s; should be string", tpl_base_type(r, a[i]));
            sl_value x = sl_value_get(r->a, v, sl_v_text(k));
            at = x.kind == SL_ABSENT ? tv_of(sl_v_null()) : (tval){x, true};
        } else
            return tpl_call_fail(r, "can't index item of type %s", tpl_base_type(r, at));
    }
    *out = at;
    return true;
}
static bool f_call(trun *r, const tval *a, uint32_t n, tval *out) {
    if (sl_v_nil(a[0].v))
        return tpl_call_fail(r, "call of nil");
    sl_buf b = {0};
    if (r->at && r->at->kind == N_COMMAND && r->at->n > 1)
        tpl_show(&b, r->at->at[1]);
    bool ok = tpl_call_fail(r, "non-function %s of type %s", sl_buf_cstr(&b), tpl_base_type(r, a[0]));
    sl_buf_free(&b);
    return ok;
}

/* ---- text ---- */
static bool f_print(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_buf b = {0};
    tpl_sprint(r, &b, a, n, false);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static bool f_println(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_buf b = {0};
    tpl_sprint(r, &b, a, n, true);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static bool f_printf(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_buf b = {0};
    tpl_sprintf(r, &b, sl_v_text(a[0].v), a + 1, n - 1);
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static sl_str joined(trun *r, const tval *a, uint32_t n) { /* what the escapers work on */
    if (n == 1 && a[0].v.kind == SL_STRING)
        return sl_v_text(a[0].v);
    if (n == 1 && sl_v_nil(a[0].v))
        return SL_S("<no value>");
    sl_buf b = {0};
    tpl_sprint(r, &b, a, n, false);
    return tpl_keep(r, &b);
}
static bool f_html(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_str s = joined(r, a, n);
    sl_buf b = {0};
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case 0: sl_buf_puts(&b, "\xEF\xBF\xBD"); break;
        case '"': sl_buf_puts(&b, "&#34;"); break;
        case '\'': sl_buf_puts(&b, "&#39;"); break;
        case '&': sl_buf_puts(&b, "&amp;"); break;
        case '<': sl_buf_puts(&b, "&lt;"); break;
        case '>': sl_buf_puts(&b, "&gt;"); break;
        default: sl_buf_putc(&b, s.p[i]);
        }
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static bool f_js(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_str s = joined(r, a, n);
    sl_buf b = {0};
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) {
            uint32_t rune;
            unsigned len = sl_utf8_get(s.p + i, s.n - i, &rune);
            if (rune == 0x2028 || rune == 0x2029 || rune == 0xFEFF || (rune >= 0x80 && rune < 0xA1) || rune == 0xAD)
                sl_buf_printf(&b, "\\u%04X", rune);
            else
                sl_buf_put(&b, s.p + i, len);
            i += len;
            continue;
        }
        i++;
        if (c == '\\')
            sl_buf_puts(&b, "\\\\");
        else if (c == '\'' || c == '"')
            sl_buf_printf(&b, "\\%c", c);
        else if (c < ' ' || c == '<' || c == '>' || c == '&' || c == '=' || c == 0x7f)
            sl_buf_printf(&b, "\\u%04X", c);
        else
            sl_buf_putc(&b, (char)c);
    }
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static bool f_urlquery(trun *r, const tval *a, uint32_t n, tval *out) {
    sl_str s = joined(r, a, n);
    sl_buf b = {0};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == ' ')
            sl_buf_putc(&b, '+');
        else if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("-_.~", c)))
            sl_buf_putc(&b, (char)c);
        else
            sl_buf_printf(&b, "%%%02X", c);
    }
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
const tfunc tpl_go_funcs[] = {{"not", "v", f_not},
                              {"eq", "vv*", f_eq},
                              {"ne", "vv", f_ne},
                              {"lt", "vv", f_lt},
                              {"le", "vv", f_le},
                              {"gt", "vv", f_gt},
                              {"ge", "vv", f_ge},
                              {"len", "v", f_len},
                              {"index", "vv*", f_index},
                              {"print", "a*", f_print},
                              {"println", "a*", f_println},
                              {"printf", "sa*", f_printf},
                              {"html", "a*", f_html},
                              {"js", "a*", f_js},
                              {"urlquery", "a*", f_urlquery},
                              {"call", "vv*", f_call},
                              {0}};
