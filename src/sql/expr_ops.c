/* Operators on single values: upstream's rules and texts. The runner handles the common pairs of kinds
 * in its own loops and comes here for the rest, so this file is the only place that decides what an operand pair means.
 * Decision: an unparsed JSON value is a list or a map here; it is opened only when somebody looks inside. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "sql/expr.h"

sl_value sl_op_fail(sl_run *r, const char *fmt, ...) {
    r->errors++;
    sl_buf_clear(&r->buf);
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&r->buf, fmt, ap);
    va_end(ap);
    return sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
}
/* kind(value), as upstream prints an operand. */
static void put_operand(sl_buf *b, sl_value v) {
    sl_buf_printf(b, "%s(", v.kind == SL_ABSENT ? "<nil>" : sl_value_gotype(v));
    sl_value_print(b, v);
    sl_buf_putc(b, ')');
}
static sl_value fail_pair(sl_run *r, const char *head, sl_value x, const char *mid, sl_value y, const char *tail) {
    r->errors++;
    sl_buf_clear(&r->buf);
    sl_buf_puts(&r->buf, head);
    put_operand(&r->buf, x);
    sl_buf_puts(&r->buf, mid);
    put_operand(&r->buf, y);
    sl_buf_puts(&r->buf, tail);
    return sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
}
static sl_value fail_op(sl_run *r, sl_op op, sl_value x, sl_value y) {
    char mid[16];
    snprintf(mid, sizeof mid, " %s ", sl_op_text[op]);
    return fail_pair(r, "invalid operation ", x, mid, y, "");
}
static sl_value prefixed(sl_run *r, const char *prefix, sl_value err) { return sl_op_fail(r, "%s%.*s", prefix, (int)err.len, err.p); }
static bool is_list(sl_value v) { return v.kind == SL_LIST || (v.kind == SL_JSONTEXT && v.len && v.p[0] == '['); }
static bool is_map(sl_value v) { return v.kind == SL_MAP || v.kind == SL_PAIRS || (v.kind == SL_JSONTEXT && v.len && v.p[0] == '{'); }

/* An opened list or map; null when memory is out (latched). */
static sl_value opened(sl_run *r, sl_value v) {
    v = sl_value_open(r->out, v);
    if (!sl_arena_failed(r->out))
        return v;
    r->nomem = true;
    return sl_v_null();
}
/* Upstream's widening before any operator. */
static sl_value widen(sl_run *r, sl_value v) {
    switch (v.kind) {
    case SL_INT:
        if (!(v.flags & SL_F_WEEKDAY))
            v.flags = 0;
        break;
    case SL_UINT: v = sl_v_int((int64_t)v.u); break;
    case SL_FLOAT: v = sl_v_float(sl_f64(v)); break;
    case SL_DECIMAL: {
        double d;
        sl_str why;
        if (sl_to_float(r->tmp, v, SL_CAST_ALL, &d, &why))
            v = sl_v_float(d);
        break;
    }
    default: break;
    }
    return v;
}
static bool truth(sl_op op, int cmp) {
    switch (op) {
    case SL_OP_EQ: return cmp == 0;
    case SL_OP_NE: return cmp != 0;
    case SL_OP_LT: return cmp < 0;
    case SL_OP_LE: return cmp <= 0;
    case SL_OP_GT: return cmp > 0;
    default: return cmp >= 0;
    }
}
static sl_value op_ints(sl_run *r, sl_op op, int64_t x, int64_t y) {
    switch (op) {
    case SL_OP_ADD: return sl_v_int((int64_t)((uint64_t)x + (uint64_t)y));
    case SL_OP_SUB: return sl_v_int((int64_t)((uint64_t)x - (uint64_t)y));
    case SL_OP_MUL: return sl_v_int((int64_t)((uint64_t)x * (uint64_t)y));
    case SL_OP_DIV:
        if (y == 0)
            return sl_op_fail(r, "divided by zero");
        return sl_v_int(y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y);
    case SL_OP_MOD:
        if (y == 0)
            return sl_op_fail(r, "divided by zero");
        return sl_v_int(y == -1 ? 0 : x % y);
    case SL_OP_BAND: return sl_v_int(x & y);
    case SL_OP_BOR: return sl_v_int(x | y);
    case SL_OP_BXOR: return sl_v_int(x ^ y);
    case SL_OP_AND:
    case SL_OP_OR: return fail_op(r, op, sl_v_int(x), sl_v_int(y));
    default: return sl_v_bool(truth(op, x < y ? -1 : x > y));
    }
}
static sl_value op_floats(sl_run *r, sl_op op, double x, double y) {
    switch (op) {
    case SL_OP_ADD: return sl_v_float(x + y);
    case SL_OP_SUB: return sl_v_float(x - y);
    case SL_OP_MUL: return sl_v_float(x * y);
    case SL_OP_DIV: return y == 0 ? sl_op_fail(r, "divided by zero") : sl_v_float(x / y);
    case SL_OP_MOD: return y == 0 ? sl_op_fail(r, "divided by zero") : sl_v_float(fmod(x, y));
    case SL_OP_BAND:
    case SL_OP_BOR:
    case SL_OP_BXOR:
    case SL_OP_AND:
    case SL_OP_OR: return fail_op(r, op, sl_v_float(x), sl_v_float(y));
    default: return sl_v_bool(sl_truth_f(op, x, y));
    }
}
static sl_value op_bools(sl_run *r, sl_op op, bool x, bool y) {
    switch (op) {
    case SL_OP_AND:
    case SL_OP_BAND: return sl_v_bool(x && y);
    case SL_OP_OR:
    case SL_OP_BOR: return sl_v_bool(x || y);
    case SL_OP_BXOR:
    case SL_OP_NE: return sl_v_bool(x != y);
    case SL_OP_EQ: return sl_v_bool(x == y);
    default: return fail_op(r, op, sl_v_bool(x), sl_v_bool(y));
    }
}
static sl_value op_time(sl_run *r, sl_op op, sl_value x, sl_value y) {
    sl_value z = y;
    switch (y.kind) {
    case SL_INT: break;
    case SL_FLOAT: z = sl_v_int(sl_go_i64(y.f)); break;
    case SL_STRING: {
        sl_str why;
        if (!sl_text_to_time(r->tmp, sl_v_text(y), (sl_str){0}, r->call.zone, &z, &why))
            return fail_op(r, op, x, y);
        break;
    }
    case SL_TIME: break;
    default: return fail_op(r, op, x, y);
    }
    if (z.kind == SL_INT) {
        if (z.flags & SL_F_WEEKDAY)
            return fail_op(r, op, x, y);
        int64_t ms = x.i * 1000 + x.len / 1000000;
        return sl_v_bool(truth(op, ms < z.i ? -1 : ms > z.i));
    }
    int c = x.i != z.i ? (x.i < z.i ? -1 : 1) : x.len != z.len ? (x.len < z.len ? -1 : 1) : 0;
    return sl_v_bool(truth(op, c));
}

/* What upstream refuses as a left operand before it looks at the right one. */
static bool boxed(sl_value x) { return x.kind == SL_BYTES || is_list(x) || is_map(x); }
sl_value sl_op_unfit(sl_run *r, const char *op, sl_value x) { return boxed(x) ? sl_op_fail(r, "%s is an invalid operation for %s", op, sl_value_gotype(x)) : sl_v_absent(); }
sl_value sl_op_binary(sl_run *r, sl_op op, sl_value x, sl_value y) {
    if (x.kind == SL_ERROR)
        return x;
    if (boxed(x)) /* whatever stands on the right */
        return sl_op_unfit(r, sl_op_text[op], x);
    if (y.kind == SL_ERROR)
        return y;
    if (sl_v_nil(x) || sl_v_nil(y))
        return op <= SL_OP_MOD ? sl_v_null() : sl_v_bool(false);
    x = widen(r, x);
    y = widen(r, y);
    switch (x.kind) {
    case SL_INT:
        if (x.flags & SL_F_WEEKDAY || y.flags & SL_F_WEEKDAY)
            break;
        if (y.kind == SL_INT)
            return op_ints(r, op, x.i, y.i);
        if (y.kind == SL_FLOAT)
            return op_floats(r, op, (double)x.i, y.f);
        break;
    case SL_FLOAT:
        if (y.kind == SL_INT && !(y.flags & SL_F_WEEKDAY))
            return op_floats(r, op, x.f, (double)y.i);
        if (y.kind == SL_FLOAT)
            return op_floats(r, op, x.f, y.f);
        break;
    case SL_STRING:
        if (y.kind == SL_STRING && op >= SL_OP_EQ)
            return sl_v_bool(truth(op, sl_str_cmp(sl_v_text(x), sl_v_text(y))));
        break;
    case SL_BOOL:
        if (y.kind == SL_BOOL)
            return op_bools(r, op, x.i, y.i);
        break;
    case SL_TIME:
        if (op >= SL_OP_EQ)
            return op_time(r, op, x, y);
        break;
    default: break;
    }
    return fail_op(r, op, x, y);
}

sl_value sl_op_member(sl_run *r, sl_value x, sl_str name) {
    if (!name.p && is_map(x))
        return sl_op_fail(r, "the right expression is not a field reference node");
    switch (x.kind) {
    case SL_ERROR: return x;
    case SL_MAP:
        for (uint32_t i = x.len; i-- > 0;)
            if (sl_str_eq(x.map[i].key, name))
                return x.map[i].val.kind == SL_ABSENT ? sl_v_null() : x.map[i].val;
        return sl_v_null();
    case SL_PAIRS:
        for (uint32_t i = x.len; i-- > 0;)
            if (x.pairs[i].key.kind == SL_STRING && sl_str_eq(sl_v_text(x.pairs[i].key), name))
                return x.pairs[i].val;
        return sl_v_null();
    case SL_JSONTEXT:
        if (is_map(x)) {
            sl_value v = sl_value_get(r->out, x, name);
            if (sl_arena_failed(r->out)) {
                r->nomem = true;
                return sl_v_null();
            }
            return v.kind == SL_ABSENT ? sl_v_null() : v;
        }
        break;
    case SL_LIST:
    case SL_BYTES: break;
    default: return sl_v_null();
    }
    r->errors++;
    sl_buf_clear(&r->buf);
    sl_buf_puts(&r->buf, "the result ");
    sl_value_print(&r->buf, x);
    sl_buf_puts(&r->buf, " is not a type of map[string]interface{}");
    return sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
}

/* An index or bound as upstream takes it: whole numbers, floats truncated. What is wrong with another one depends on the left side x. */
static bool bound(sl_run *r, sl_value x, sl_value v, const char *name, sl_str text, int64_t *out, sl_value *err) {
    if (is_map(x)) {
        *err = sl_op_unfit(r, "[]", x);
        return false;
    }
    v = widen(r, v);
    if (v.kind == SL_INT && !(v.flags & SL_F_WEEKDAY)) {
        *out = v.i;
        return true;
    }
    if (v.kind == SL_FLOAT) {
        *out = sl_go_i64(v.f);
        return true;
    }
    if (boxed(x))
        *err = sl_op_fail(r, "invalid evaluation result - <nil>");
    else if (v.kind == SL_ERROR)
        *err = v;
    else {
        sl_buf_clear(&r->buf);
        sl_buf_printf(&r->buf, "%s %.*s is not int: cannot convert ", name, SL_FMT(text));
        put_operand(&r->buf, v);
        sl_buf_puts(&r->buf, " to int");
        r->errors++;
        *err = sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
    }
    return false;
}
/* Decides what [] means on x; true when x is now an opened list, or bytes. */
static bool bracketed(sl_run *r, sl_value *x, int64_t from, int64_t to, sl_value *answer) {
    if (x->kind == SL_BYTES)
        return true;
    if (is_list(*x)) {
        *x = opened(r, *x);
        if (x->kind == SL_LIST)
            return true;
        *answer = sl_v_null();
        return false;
    }
    if (sl_v_nil(*x))
        *answer = sl_v_null();
    else {
        char tail[96];
        snprintf(tail, sizeof tail, " [] *xsql.BracketEvalResult(&{%lld %lld})", (long long)from, (long long)to);
        r->errors++;
        sl_buf_clear(&r->buf);
        sl_buf_puts(&r->buf, "invalid operation ");
        put_operand(&r->buf, widen(r, *x));
        sl_buf_puts(&r->buf, tail);
        *answer = sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
    }
    return false;
}
static sl_value element(sl_run *r, sl_value x, int64_t i) {
    int64_t k = i < 0 ? i + x.len : i;
    if (k < 0 || k >= x.len)
        return sl_op_fail(r, "out of index: %lld of %u", (long long)i, x.len);
    if (x.kind == SL_BYTES)
        return sl_v_int((uint8_t)x.p[k]);
    return x.list[k].kind == SL_ABSENT ? sl_v_null() : x.list[k];
}
sl_value sl_op_index(sl_run *r, sl_value x, sl_value at, sl_str text) {
    if (x.kind == SL_ERROR)
        return x;
    int64_t i;
    sl_value ans;
    if (!bound(r, x, at, "index", text, &i, &ans) || !bracketed(r, &x, i, i, &ans))
        return ans;
    return element(r, x, i);
}
/* Decision: computed equal bounds give the single element, as upstream does (D17 leaves it free); a whole-list slice of an empty
 * list is the empty list (D37); a start behind a negative end is an error (D14). */
sl_value sl_op_slice(sl_run *r, sl_value x, const sl_value *pfrom, const sl_value *pto, sl_str from_text, sl_str to_text) {
    if (x.kind == SL_ERROR)
        return x;
    int64_t from = 0, to = INT32_MIN;
    sl_value ans;
    if ((pfrom && !bound(r, x, *pfrom, "colon start", from_text, &from, &ans)) || (pto && !bound(r, x, *pto, "colon end", to_text, &to, &ans)))
        return ans;
    if (!pfrom && !pto && is_map(x))
        return sl_op_unfit(r, "[]", x);
    if (!bracketed(r, &x, from, to, &ans))
        return ans;
    if (pto && from == to)
        return element(r, x, from);
    int64_t n = x.len, f = from < 0 ? from + n : from, t = !pto ? n : to < 0 ? to + n : to;
    if (n == 0 && !pfrom && !pto)
        return x;
    if (f < 0)
        return sl_op_fail(r, "out of index: %lld of %u", (long long)from, x.len);
    if (f >= n)
        return sl_op_fail(r, "start value is out of index: %lld of %u", (long long)from, x.len);
    if (t < 0)
        return sl_op_fail(r, "out of index: %lld of %u", (long long)to, x.len);
    if (t > n)
        return sl_op_fail(r, "end value is out of index: %lld of %u", (long long)to, x.len);
    if (f > t || (f == t && to >= 0))
        return sl_op_fail(r, "start cannot be greater than end. start:%lld  end:%lld", (long long)f, (long long)(to < 0 && pto ? to : t));
    return x.kind == SL_BYTES ? sl_v_bytes(sl_str_n(x.p + f, (size_t)(t - f))) : sl_v_list(x.list + f, (size_t)(t - f));
}

sl_value sl_op_between(sl_run *r, sl_value x, sl_value lo, sl_value hi, bool negated) {
    if (x.kind == SL_ERROR)
        return x;
    if (boxed(x))
        return sl_op_unfit(r, negated ? "NOT BETWEEN" : "BETWEEN", x);
    if (sl_v_nil(x) || sl_v_nil(lo) || sl_v_nil(hi))
        return sl_v_bool(false);
    uint64_t before = r->errors;
    sl_value low = sl_op_binary(r, SL_OP_GE, x, lo), high = sl_v_bool(false);
    sl_value bad = lo;
    if (low.kind != SL_ERROR) {
        high = sl_op_binary(r, SL_OP_LE, x, hi);
        bad = hi;
    }
    if (low.kind == SL_ERROR || high.kind == SL_ERROR) {
        r->errors = before;
        if (x.kind == SL_LIST || x.kind == SL_MAP)
            return sl_op_fail(r, "%s is an invalid operation for %s", negated ? "NOT BETWEEN" : "BETWEEN", sl_value_gotype(x));
        return fail_pair(r, "between operator cannot compare ", widen(r, x), " and ", widen(r, bad), "");
    }
    return sl_v_bool((low.i && high.i) != negated);
}

sl_value sl_op_in(sl_run *r, sl_value x, const sl_value *list, uint32_t n, bool negated) {
    if (x.kind == SL_ERROR)
        return x;
    if (boxed(x))
        return sl_op_unfit(r, negated ? "NOT IN" : "IN", x);
    if (sl_v_nil(x))
        return sl_v_bool(false);
    if (x.kind == SL_LIST || x.kind == SL_MAP)
        return sl_op_fail(r, "%s is an invalid operation for %s", negated ? "NOT IN" : "IN", sl_value_gotype(x));
    for (uint32_t i = 0; i < n; i++) {
        if (sl_v_nil(list[i]))
            continue;
        if (list[i].kind == SL_ERROR)
            return list[i];
        sl_value eq = sl_op_binary(r, SL_OP_EQ, x, list[i]);
        if (eq.kind == SL_ERROR)
            return prefixed(r, "evaluate in expression error: ", eq);
        if (eq.i)
            return sl_v_bool(!negated);
    }
    return sl_v_bool(negated);
}
sl_value sl_op_in_value(sl_run *r, sl_value x, sl_value list, bool negated) {
    if (x.kind == SL_ERROR)
        return x;
    if (boxed(x))
        return sl_op_unfit(r, negated ? "NOT IN" : "IN", x);
    if (list.kind == SL_ERROR)
        return list;
    if (sl_v_nil(x))
        return sl_v_bool(false);
    if (sl_v_nil(list))
        return sl_v_bool(negated);
    if (is_list(list)) {
        list = opened(r, list);
        return sl_op_in(r, x, list.kind == SL_LIST ? list.list : NULL, list.kind == SL_LIST ? list.len : 0, negated);
    }
    if (is_map(list) && (list = opened(r, list)).len == 0) /* nothing to compare with, so nothing to stumble over */
        return sl_v_bool(negated);
    if (list.kind == SL_STRING || list.kind == SL_BYTES) {
        for (uint32_t i = 0; i < list.len; i++) {
            sl_value byte = sl_v_int((uint8_t)list.p[i]);
            sl_value one = sl_op_in(r, x, &byte, 1, false);
            if (one.kind == SL_ERROR)
                return one;
            if (one.i)
                return sl_v_bool(!negated);
        }
        return sl_v_bool(negated);
    }
    r->errors++;
    sl_buf_clear(&r->buf);
    sl_buf_puts(&r->buf, "IN operator right operand expects a list, but found ");
    put_operand(&r->buf, list);
    return sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf)));
}
int sl_op_case_eq(sl_run *r, sl_value x, sl_value y, sl_value *err) {
    if (sl_v_nil(x) || sl_v_nil(y))
        return 0;
    sl_value eq = boxed(x) || x.kind == SL_ERROR || y.kind == SL_ERROR ? fail_op(r, SL_OP_EQ, x, y) : sl_op_binary(r, SL_OP_EQ, x, y);
    if (eq.kind != SL_ERROR)
        return eq.i != 0;
    *err = prefixed(r, "evaluate case expression error: ", eq);
    return -1;
}

sl_value sl_op_call(sl_run *r, const sl_func *f, uint32_t site, uint32_t row, sl_value *args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (args[i].kind == SL_ERROR)
            return args[i];
        if (args[i].kind == SL_JSONTEXT)
            args[i] = opened(r, args[i]);
    }
    if (f->kind == SL_FN_META) { /* the argument has been looked up: meta gives it, mqtt wants text */
        if (strcmp(f->name, "mqtt") != 0 || args[0].kind == SL_STRING)
            return args[0];
        return sl_v_nil(args[0]) || r->quiet ? sl_v_null() : sl_op_fail(r, "call func mqtt error: <nil>");
    }
    sl_call *c = &r->call;
    c->arena = r->out;
    c->error = (sl_str){0};
    c->row_ms = r->time ? r->time[row] : r->at;
    c->state = &r->state[site];
    c->row_meta = r->meta ? &r->meta[row] : NULL;
    sl_value v;
    if (f->kept) {
        sl_keeps **k = (sl_keeps **)c->state;
        if (!*k && !(*k = sl_keeps_new())) {
            r->nomem = true;
            return sl_v_null();
        }
        if (r->defer && n == 0 && r->nreached < sizeof r->reached / sizeof *r->reached)
            r->reached[r->nreached++] = site;
        c->func = f;
        c->failed = false;
        if (!sl_func_gate(f, args, n, &v)) {
            v = f->kept(c, sl_keeps_at(*k, (sl_str){"", 0}), args, n, !r->defer);
            if (v.kind >= SL_STRING && !c->failed)
                v = sl_value_copy(r->out, v);
        }
    } else
        v = sl_func_call(c, f, args, n);
    if (c->failed) {
        sl_str text = c->error;
        return r->quiet ? sl_v_null() : sl_op_fail(r, "call func %s error: %.*s", f->name, SL_FMT(text));
    }
    if (v.kind == SL_ERROR)
        r->errors++;
    return v;
}

/* ---- sets of constants ---- */
struct sl_members {
    uint8_t kind;
    uint32_t mask;
    const sl_value *slots; /* ABSENT = empty */
};
static uint64_t set_hash(sl_value v) { return v.kind == SL_STRING ? sl_hash(v.p, v.len) : sl_hash(&v.i, sizeof v.i); }
bool sl_members_take(const sl_members *s, sl_value x) { return x.kind == s->kind && !(x.flags & SL_F_WEEKDAY); }
bool sl_members_have(const sl_members *s, sl_value x) {
    for (uint64_t h = set_hash(x);; h++) {
        sl_value m = s->slots[h & s->mask];
        if (m.kind == SL_ABSENT)
            return false;
        if (x.kind == SL_STRING ? sl_str_eq(sl_v_text(m), sl_v_text(x)) : m.i == x.i)
            return true;
    }
}
const sl_members *sl_members_new(sl_arena *a, const sl_value *at, uint32_t n) {
    if (n < 8 || (at[0].kind != SL_STRING && at[0].kind != SL_INT))
        return NULL;
    for (uint32_t i = 1; i < n; i++)
        if (at[i].kind != at[0].kind)
            return NULL;
    uint32_t size = 16;
    while (size < 2 * n)
        size *= 2;
    sl_value *slots = sl_zero(a, size * sizeof *slots);
    sl_members *s = sl_zero(a, sizeof *s);
    if (!slots || !s)
        return NULL;
    *s = (sl_members){.kind = at[0].kind, .mask = size - 1, .slots = slots};
    for (uint32_t i = 0; i < n; i++) {
        uint64_t h = set_hash(at[i]);
        while (slots[h & s->mask].kind != SL_ABSENT)
            h++;
        slots[h & s->mask] = at[i];
    }
    return s;
}

void sl_sites_free(const sl_prog *p, void **s) {
    for (uint32_t i = 0; s && i < p->nsite; i++)
        if (s[i] && p->sites[i]->kept)
            sl_keeps_free(s[i]);
        else if (s[i] && p->sites[i]->state_free)
            p->sites[i]->state_free(s[i]);
    free(s);
}
