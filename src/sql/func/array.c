/* Array functions (one table at the end).
 * Decision: elements are equal by kind and value, as upstream compares interface values. Where upstream dies on comparing arrays or
 * objects with each other, the call fails with the words of that panic. No function changes its argument. */
#include <stdlib.h>
#include <sys/random.h>
#include "sql/func/box.h"

static sl_value no_array(sl_call *c, int which) { return sl_call_fail(c, "%s argument should be array of interface{}", which == 1 ? "first" : "second"); }
static sl_value nil_list(void) { return (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST}; }
static sl_value null_if_absent(sl_value v) { return v.kind == SL_ABSENT ? sl_v_null() : v; }
/* Both arrays, or both objects: no order and no equality between them. */
static bool alike(sl_value x, sl_value y) { return !sl_set_able(x) && !sl_set_able(y) && sl_box_is_map(x) == sl_box_is_map(y); }
static sl_value not_comparable(sl_call *c, sl_value v) { return sl_call_fail(c, "comparing uncomparable type %s", sl_value_gotype(v)); }

static sl_value fn_create(sl_call *c, const sl_value *args, uint32_t n) {
    sl_vals l = {0};
    for (uint32_t i = 0; i < n; i++)
        if (!sl_v_nil(args[i]))
            sl_vals_add(c, &l, args[i]);
    return l.n || l.failed ? sl_vals_done(c, &l) : sl_v_null();
}
/* Index of v in the array at args[0], from either end; -1 when it is not there. */
static bool position(sl_call *c, const sl_value *args, bool last, int64_t *out, sl_value *bad) {
    sl_value l;
    *out = -1;
    if (sl_v_nil(args[0]))
        return true;
    if (!sl_box_list(c, args[0], &l)) {
        *bad = no_array(c, 1);
        return false;
    }
    for (uint32_t k = 0; k < l.len; k++) {
        uint32_t i = last ? l.len - 1 - k : k;
        if (alike(l.list[i], args[1])) {
            *bad = not_comparable(c, args[1]);
            return false;
        }
        if (sl_value_same(l.list[i], args[1])) {
            *out = i;
            return true;
        }
    }
    return true;
}
static sl_value fn_position(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t i;
    sl_value bad;
    return position(c, args, false, &i, &bad) ? sl_v_goint(i) : bad;
}
static sl_value fn_last_position(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t i;
    sl_value bad;
    return position(c, args, true, &i, &bad) ? sl_v_goint(i) : bad;
}
static sl_value fn_contains(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t i;
    sl_value bad;
    return position(c, args, false, &i, &bad) ? sl_v_bool(i >= 0) : bad;
}
static sl_value fn_contains_any(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value a, b;
    if (sl_v_nil(args[0]))
        return sl_v_bool(false);
    if (!sl_box_list(c, args[0], &a))
        return no_array(c, 1);
    if (!sl_box_list(c, args[1], &b))
        return no_array(c, 2);
    for (uint32_t i = 0; i < a.len; i++)
        for (uint32_t k = 0; k < b.len; k++) {
            if (alike(a.list[i], b.list[k]))
                return not_comparable(c, a.list[i]);
            if (sl_value_same(a.list[i], b.list[k]))
                return sl_v_bool(true);
        }
    return sl_v_bool(false);
}
static sl_value fn_remove(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value a;
    sl_vals l = {0};
    if (sl_v_nil(args[0]))
        return sl_v_null();
    if (!sl_box_list(c, args[0], &a))
        return no_array(c, 1);
    for (uint32_t i = 0; i < a.len; i++) {
        if (alike(a.list[i], args[1]))
            return not_comparable(c, args[1]);
        if (!sl_value_same(a.list[i], args[1]))
            sl_vals_add(c, &l, a.list[i]);
    }
    return sl_vals_done(c, &l);
}
/* Fills a set with the elements; adds new ones to out when it is not NULL. */
static bool gather(sl_call *c, sl_value list, sl_set *s, sl_vals *out, sl_value *bad) {
    for (uint32_t i = 0; i < list.len; i++) {
        if (!sl_set_able(list.list[i])) {
            *bad = sl_call_fail(c, "hash of unhashable type %s", sl_value_gotype(list.list[i]));
            return false;
        }
        if (sl_set_add(c, s, list.list[i]) && out)
            sl_vals_add(c, out, list.list[i]);
    }
    return true;
}
static sl_value fn_intersect(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value a, b, bad;
    sl_set in = {0}, done = {0};
    sl_vals out = {0}, distinct = {0};
    if (!sl_box_list(c, args[0], &a))
        return no_array(c, 1);
    if (!sl_box_list(c, args[1], &b))
        return no_array(c, 2);
    if (!gather(c, a, &in, NULL, &bad) || !gather(c, b, &done, &distinct, &bad))
        return bad;
    for (uint32_t i = 0; i < distinct.n; i++)
        if (sl_set_has(&in, distinct.at[i]))
            sl_vals_add(c, &out, distinct.at[i]);
    return sl_vals_done(c, &out);
}
static sl_value fn_union(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l[2] = {sl_v_list(NULL, 0), sl_v_list(NULL, 0)}, bad;
    sl_set s = {0};
    sl_vals out = {0};
    for (int i = 0; i < 2; i++)
        if (!sl_v_nil(args[i]) && !sl_box_list(c, args[i], &l[i]))
            return no_array(c, i + 1);
    for (int i = 0; i < 2; i++)
        if (!gather(c, l[i], &s, &out, &bad))
            return bad;
    return sl_vals_done(c, &out);
}
static sl_value fn_except(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value a, b = sl_v_list(NULL, 0), bad;
    sl_set s = {0};
    sl_vals out = {0};
    if (sl_v_nil(args[0]))
        return sl_v_null();
    if (!sl_box_list(c, args[0], &a))
        return no_array(c, 1);
    if (!sl_v_nil(args[1]) && !sl_box_list(c, args[1], &b))
        return no_array(c, 2);
    return gather(c, b, &s, NULL, &bad) && gather(c, a, &s, &out, &bad) ? sl_vals_done(c, &out) : bad;
}
/* max and min as the aggregates have it: the first element that is not null says what the others must be. */
static sl_value extreme(sl_call *c, const sl_value *args, int sign) {
    sl_value l, best = sl_v_null();
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++) {
        sl_value v = l.list[i];
        sl_str why;
        int cmp = 0;
        if (sl_v_nil(v))
            continue;
        bool first = best.kind == SL_NULL;
        uint8_t kind = first ? v.kind : best.kind;
        if (kind == SL_INT || kind == SL_UINT) {
            int64_t x;
            if (!sl_to_int(c->arena, v, SL_CAST_SAMEKIND, &x, &why))
                return first ? sl_call_fail(c, "found invalid arg %s(%s)", sl_value_gotype(v), sl_fn_v(c, v))
                             : sl_call_fail(c, "requires int64 but found %s(%s)", sl_value_gotype(v), sl_fn_v(c, v));
            v = sl_v_int(x);
            cmp = first ? 0 : (x > best.i) - (x < best.i);
        } else if (kind == SL_FLOAT) {
            if (v.kind != SL_FLOAT)
                return sl_call_fail(c, "requires float64 but found %s(%s)", sl_value_gotype(v), sl_fn_v(c, v));
            cmp = first ? 0 : (sl_f64(v) > sl_f64(best)) - (sl_f64(v) < sl_f64(best));
        } else if (kind == SL_STRING) {
            if (v.kind != SL_STRING)
                return sl_call_fail(c, "requires string but found %s(%s)", sl_value_gotype(v), sl_fn_v(c, v));
            cmp = first ? 0 : sl_str_cmp(sl_v_text(v), sl_v_text(best));
        } else
            return sl_call_fail(c, "found invalid arg %s(%s)", sl_value_gotype(v), sl_fn_v(c, v));
        if (first || cmp * sign > 0)
            best = v;
    }
    return best;
}
static sl_value fn_max(sl_call *c, const sl_value *args, uint32_t n) { return extreme(c, args, 1); }
static sl_value fn_min(sl_call *c, const sl_value *args, uint32_t n) { return extreme(c, args, -1); }
static sl_value fn_array_cardinality(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    int64_t have = 0;
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++)
        have += !sl_v_nil(l.list[i]);
    return sl_v_goint(have);
}
static sl_value fn_cardinality(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l = sl_value_open(c->arena, args[0]);
    return sl_v_goint(l.kind == SL_LIST || l.kind == SL_BYTES ? l.len : 0);
}
static sl_value fn_flatten(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l, inner;
    sl_vals out = {0};
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++)
        if (sl_box_list(c, l.list[i], &inner))
            for (uint32_t k = 0; k < inner.len; k++)
                sl_vals_add(c, &out, inner.list[k]);
        else
            sl_vals_add(c, &out, l.list[i]);
    return out.n || out.failed ? sl_vals_done(c, &out) : nil_list();
}
static sl_value fn_distinct(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    sl_set s = {0};
    sl_vals out = {0};
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++)
        if (!sl_set_able(l.list[i]) || sl_set_add(c, &s, l.list[i]))
            sl_vals_add(c, &out, l.list[i]);
    return sl_vals_done(c, &out);
}
static sl_value fn_map(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    if (args[0].kind != SL_STRING)
        return sl_call_fail(c, "first argument should be string");
    sl_str name = sl_v_text(args[0]);
    if (!sl_box_list(c, args[1], &l))
        return no_array(c, 2);
    const sl_func *f = sl_func_find(name);
    if (!f || !sl_str_is(name, f->name) || sl_str_is(name, "compress") || sl_str_is(name, "decompress"))
        return sl_call_fail(c, "unknown built-in function: %.*s.", SL_FMT(name));
    if (f->kind == SL_FN_AGG || f->kind == SL_FN_SRF || f->kind == SL_FN_COLS || f->kind == SL_FN_WINDOW || !f->eval)
        return sl_call_fail(c, "first argument should be a scalar function.");
    sl_expr any = {.kind = SL_X_COLUMN};
    sl_expr *one = &any;
    if (sl_func_validate(c->arena, f, &one, 1))
        return sl_call_fail(c, "validate %.*s arguments failed", SL_FMT(name));
    sl_vals out = {0};
    const sl_func *self = c->func;
    void **outer = c->state, *inner = NULL, **state = &inner;
    sl_value got = sl_v_null();
    c->func = f;
    c->state = state;
    for (uint32_t i = 0; i < l.len && !c->failed && got.kind != SL_ERROR; i++) {
        sl_value arg = null_if_absent(l.list[i]);
        got = f->eval(c, &arg, 1); /* its null gate is passed over, as upstream */
        sl_vals_add(c, &out, got);
    }
    if (inner && f->state_free)
        f->state_free(inner);
    c->func = self;
    c->state = outer;
    return c->failed || got.kind == SL_ERROR ? got : sl_vals_done(c, &out);
}
static sl_value fn_join(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    sl_buf b = {.most = SL_FN_TEXT};
    bool any = false;
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    if (args[1].kind != SL_STRING)
        return sl_call_fail(c, "second argument should be string");
    if (n > 2 && args[2].kind != SL_STRING)
        return sl_call_fail(c, "third argument should be string");
    for (uint32_t i = 0; i < l.len && !b.failed; i++) {
        sl_str text, why;
        if (sl_v_nil(l.list[i])) {
            if (n < 3 || !args[2].len)
                continue;
            text = sl_v_text(args[2]);
        } else if (!sl_to_str(c->arena, l.list[i], SL_CAST_ALL, &text, &why)) {
            sl_buf_free(&b);
            return sl_call_fail(c, "%.*s", SL_FMT(why));
        }
        if (any)
            sl_buf_str(&b, sl_v_text(args[1]));
        sl_buf_str(&b, text);
        any = true;
    }
    return sl_fn_take(c, &b);
}
static uint64_t dice(void) {
    static _Thread_local uint64_t x;
    while (!x)
        if (getrandom(&x, sizeof x, 0) != sizeof x)
            x = (uint64_t)(uintptr_t)&x ^ (uint64_t)sl_wall_ns();
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x * 0x2545F4914F6CDD1Dull >> 11;
}
static sl_value fn_shuffle(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    sl_vals out = {0};
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++)
        sl_vals_add(c, &out, l.list[i]);
    for (uint32_t i = out.n; i > 1; i--) {
        uint32_t k = (uint32_t)(dice() % i);
        sl_value t = out.at[i - 1];
        out.at[i - 1] = out.at[k], out.at[k] = t;
    }
    return sl_vals_done(c, &out);
}
typedef struct sortable {
    sl_str text;
    uint32_t pos;
} sortable;
static int by_text(const void *x, const void *y) {
    const sortable *a = x, *b = y;
    int r = sl_str_cmp(a->text, b->text);
    return r ? r : (a->pos > b->pos) - (a->pos < b->pos);
}
static sl_value fn_sort(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    sl_vals out = {0};
    if (!sl_box_list(c, args[0], &l))
        return sl_call_fail(c, "array elements should be array");
    if (l.len < 2)
        return l;
    sortable *s = sl_arena_alloc(c->arena, l.len * sizeof *s);
    if (!s || sl_arena_failed(c->arena))
        return sl_call_fail(c, "out of memory");
    for (uint32_t i = 0; i < l.len; i++)
        s[i] = (sortable){sl_v_nil(l.list[i]) ? SL_S("<nil>") : sl_fn_text(c, l.list[i]), i};
    qsort(s, l.len, sizeof *s, by_text);
    for (uint32_t i = 0; i < l.len; i++)
        sl_vals_add(c, &out, l.list[s[i].pos]);
    return sl_vals_done(c, &out);
}
static sl_value fn_concat(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l;
    sl_vals out = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (sl_v_nil(args[i]))
            continue;
        if (!sl_box_list(c, args[i], &l))
            return sl_call_fail(c, "array elements should be array");
        for (uint32_t k = 0; k < l.len; k++)
            sl_vals_add(c, &out, l.list[k]);
    }
    return out.n || out.failed ? sl_vals_done(c, &out) : nil_list();
}
static sl_value fn_element_at(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value box = args[0], v;
    if (sl_box_is_map(box)) {
        if (args[1].kind != SL_STRING)
            return sl_call_fail(c, "second argument should be string");
        return null_if_absent(sl_value_get(c->arena, box, sl_v_text(args[1])));
    }
    if (!sl_box_list(c, box, &v))
        return sl_call_fail(c, "first argument should be []interface{} or map[string]interface{}");
    int64_t i;
    sl_str why;
    if (!sl_to_int(c->arena, args[1], (sl_cast)(SL_CAST_STRICT | SL_CAST_GOINT), &i, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (i >= v.len || i < -(int64_t)v.len)
        return sl_call_fail(c, "index out of range");
    return null_if_absent(v.list[i < 0 ? i + v.len : i]);
}
static bool native(sl_value v) { return v.kind == SL_INT && (v.flags & SL_F_GOINT); }
static sl_value fn_repeat(sl_call *c, const sl_value *args, uint32_t n) {
    sl_vals out = {0};
    if (!native(args[1]))
        return sl_call_fail(c, "second argument should be int");
    if (args[1].i < 0 || args[1].i > SL_BOX_MAX)
        return sl_call_fail(c, "second argument should be between 0 and %u", SL_BOX_MAX);
    for (int64_t i = 0; i < args[1].i; i++)
        sl_vals_add(c, &out, args[0]);
    return sl_vals_done(c, &out);
}
static sl_value fn_sequence(sl_call *c, const sl_value *args, uint32_t n) {
    static const char *const which[] = {"first", "second", "third"};
    for (uint32_t i = 0; i < n; i++)
        if (!native(args[i]))
            return sl_call_fail(c, "%s argument should be int", which[i]);
    int64_t from = args[0].i, to = args[1].i, step = n > 2 ? args[2].i : from < to ? 1 : -1, span;
    sl_vals out = {0};
    if (step == 0)
        return sl_call_fail(c, "invalid step: should not be zero");
    if (__builtin_sub_overflow(to, from, &span) || (step == -1 && span == INT64_MIN) || span / step >= SL_BOX_MAX)
        return sl_call_fail(c, "the array would have more than %u elements", SL_BOX_MAX);
    if (span / step < -1)
        return sl_call_fail(c, "invalid step: %lld leads away from %lld", (long long)step, (long long)to);
    for (int64_t i = 0; i <= span / step; i++)
        sl_vals_add(c, &out, sl_v_goint(from + i * step));
    return sl_vals_done(c, &out);
}
static sl_value fn_kv_to_obj(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l, m;
    sl_mems out = {0};
    if (!sl_box_list(c, args[0], &l))
        return no_array(c, 1);
    for (uint32_t i = 0; i < l.len; i++) {
        if (!sl_box_map(c, l.list[i], &m))
            return sl_call_fail(c, "array item should be map[string]interface{}");
        sl_value key = sl_value_get(c->arena, m, SL_S("key")), val = sl_value_get(c->arena, m, SL_S("value"));
        if (m.len != 2 || key.kind != SL_STRING || val.kind == SL_ABSENT)
            return sl_call_fail(c, "array item should be key-value pair");
        sl_mems_set(c, &out, sl_v_text(key), val);
    }
    return sl_mems_done(c, &out);
}

static const char *two_or_three(sl_arena *a, sl_expr **args, uint32_t n) {
    (void)args;
    return n == 2 || n == 3 ? NULL : sl_arena_printf(a, "Expect two or three arguments but found %u.", n).p;
}
#define P SL_FN_PURE
#define GP (SL_FN_NULLGATE | SL_FN_PURE)
#define ROW(name, flags, n, fn, sig, doc, example, gives)                                                                                                                          \
    { name, SL_FN_SCALAR, flags, n, n, NULL, fn, NULL, sig, doc, example, gives, NULL }
const sl_func sl_funcs_array[] = {
    {"array_create", SL_FN_SCALAR, P, 0, -1, NULL, fn_create, NULL, "(value any, …) -> array", "An array of the arguments that are not null.", "array_create(1, \"x\")",
     "[1,\"x\"]", NULL},
    ROW("array_position", P, 2, fn_position, "(a array, v any) -> int", "First index of v, from 0; -1 when it is not there.", "array_position(array_create(3, 4), 4)", "1"),
    ROW("array_last_position", P, 2, fn_last_position, "(a array, v any) -> int", "Last index of v, from 0; -1 when it is not there.", "array_last_position(array_create(4, 4), 4)",
        "1"),
    ROW("array_contains", P, 2, fn_contains, "(a array, v any) -> boolean", "Whether v is an element; kinds matter, 1 is not 1.0.", "array_contains(array_create(1), 2)", "false"),
    ROW("array_contains_any", P, 2, fn_contains_any, "(a array, b array) -> boolean", "Whether the arrays have an element in common.",
        "array_contains_any(array_create(1, 2), array_create(2))", "true"),
    ROW("array_remove", P, 2, fn_remove, "(a array, v any) -> array", "The array without all elements equal to v.", "array_remove(array_create(1, 2, 1), 1)", "[2]"),
    ROW("array_intersect", GP, 2, fn_intersect, "(a array, b array) -> array", "Distinct elements of b that are in a.",
        "array_intersect(array_create(1, 2, 3), array_create(3, 1, 3))", "[3,1]"),
    ROW("array_union", P, 2, fn_union, "(a array, b array) -> array", "Distinct elements of both.", "array_union(array_create(1, 1), array_create(2))", "[1,2]"),
    ROW("array_except", P, 2, fn_except, "(a array, b array) -> array", "Distinct elements of a that are not in b.", "array_except(array_create(1, 1, 2), array_create(2))", "[1]"),
    ROW("array_max", GP, 1, fn_max, "(a array) -> any", "Largest element; the first decides whether numbers or texts.", "array_max(array_create(1, 3))", "3"),
    ROW("array_min", GP, 1, fn_min, "(a array) -> any", "Smallest element; the first decides whether numbers or texts.", "array_min(array_create(\"b\", \"a\"))", "\"a\""),
    ROW("array_cardinality", SL_FN_ZEROGATE | P, 1, fn_array_cardinality, "(a array) -> int", "How many elements are not null.", "array_cardinality(array_create(1, 2))", "2"),
    ROW("array_flatten", GP, 1, fn_flatten, "(a array) -> array", "Replaces inner arrays by their elements, one level deep.", "array_flatten(array_create(array_create(1), 2))",
        "[1,2]"),
    ROW("array_distinct", GP, 1, fn_distinct, "(a array) -> array", "First occurrences; arrays and objects are all kept.", "array_distinct(array_create(1, 1, 2))", "[1,2]"),
    ROW("array_map", SL_FN_NULLGATE, 2, fn_map, "(function string, a array) -> array", "Applies a built-in function of one argument to every element.",
        "array_map(\"abs\", array_create(-1))", "[1]"),
    {"array_join", SL_FN_SCALAR, GP, 2, 3, two_or_three, fn_join, NULL, "(a array, separator string [, null string]) -> string",
     "Joins the elements as text; nulls are left out unless a text for them is given.", "array_join(array_create(\"a\", 1.5), \"-\")", "\"a-1.5\"", NULL},
    ROW("array_shuffle", SL_FN_NULLGATE, 1, fn_shuffle, "(a array) -> array", "The elements in random order.", "array_cardinality(array_shuffle(array_create(1, 2)))", "2"),
    ROW("array_sort", GP, 1, fn_sort, "(a array) -> array", "Sorts by the elements' text, so 10 stands before 9.", "array_sort(array_create(9, 10, 1))", "[1,10,9]"),
    {"array_concat", SL_FN_SCALAR, P, 1, -1, NULL, fn_concat, NULL, "(a array, …) -> array", "The arrays one after the other.", "array_concat(array_create(1), array_create(2))",
     "[1,2]", NULL},
    ROW("element_at", GP, 2, fn_element_at, "(x array or object, i int or string) -> any", "Element by index from 0 (negative: from the end), or value by key.",
        "element_at(array_create(1, 2), -1)", "2"),
    ROW("repeat", GP, 2, fn_repeat, "(v any, n int) -> array", "An array of n copies; n is the result of a function such as length or cast.", "repeat(\"x\", cast(2, \"bigint\"))",
        "[\"x\",\"x\"]"),
    {"sequence", SL_FN_SCALAR, GP, 2, 3, two_or_three, fn_sequence, NULL, "(start int, stop int [, step int]) -> array",
     "Numbers from start to stop; ints that are results of functions such as length or cast.", "sequence(cast(1, \"bigint\"), cast(5, \"bigint\"), cast(2, \"bigint\"))", "[1,3,5]",
     NULL},
    ROW("kvpair_array_to_obj", GP, 1, fn_kv_to_obj, "(a array) -> object", "An object from objects with the members key and value.",
        "kvpair_array_to_obj(array_create(object_construct(\"key\", \"a\", \"value\", 1)))", "{\"a\":1}"),
    ROW("cardinality", SL_FN_ZEROGATE | P, 1, fn_cardinality, "(a array) -> int", "How many elements, nulls included; 0 for anything else.", "cardinality(array_create(1, 2))",
        "2"),
    {0}};
