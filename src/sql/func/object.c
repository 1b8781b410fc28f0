/* Object functions (one table at the end).
 * Decision: objects keep the order of their members, so results that upstream gives in random order come in a stable one here. */
#include "sql/func/box.h"

static sl_value got(sl_call *c, const char *text, sl_value v) { return sl_call_fail(c, "%s, got %s", text, sl_fn_v(c, v)); }

static sl_value fn_keys(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m, out;
    sl_vals l = {0};
    if (!sl_box_map(c, args[0], &m))
        return sl_call_fail(c, "the argument should be map[string]interface{}");
    for (uint32_t i = 0; i < m.len; i++)
        sl_vals_add(c, &l, sl_v_str(m.map[i].key));
    out = sl_vals_done(c, &l);
    if (out.kind == SL_LIST)
        out.flags |= SL_F_TEXTLIST;
    return out;
}
static sl_value fn_values(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m;
    sl_vals l = {0};
    if (!sl_box_map(c, args[0], &m))
        return sl_call_fail(c, "the argument should be map[string]interface{}");
    for (uint32_t i = 0; i < m.len; i++)
        sl_vals_add(c, &l, m.map[i].val);
    return sl_vals_done(c, &l);
}
static sl_value fn_items(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m;
    sl_vals l = {0};
    if (!sl_box_map(c, args[0], &m))
        return sl_call_fail(c, "first argument should be map[string]interface{}");
    for (uint32_t i = 0; i < m.len; i++) {
        sl_value *pair = sl_arena_alloc(c->arena, 2 * sizeof *pair);
        pair[0] = sl_v_str(m.map[i].key), pair[1] = m.map[i].val;
        sl_vals_add(c, &l, sl_v_list(pair, 2));
    }
    return sl_vals_done(c, &l);
}
static sl_value fn_to_kv(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m;
    sl_vals l = {0};
    if (!sl_box_map(c, args[0], &m))
        return got(c, "the first argument should be map[string]interface{}", args[0]);
    for (uint32_t i = 0; i < m.len; i++) {
        sl_member *pair = sl_arena_alloc(c->arena, 2 * sizeof *pair);
        pair[0] = (sl_member){SL_S("key"), sl_v_str(m.map[i].key)};
        pair[1] = (sl_member){SL_S("value"), m.map[i].val};
        sl_vals_add(c, &l, sl_v_map(pair, 2));
    }
    return sl_vals_done(c, &l);
}
static sl_value fn_object(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value ks, vs;
    sl_mems out = {0};
    if (!sl_box_list(c, args[0], &ks))
        return sl_call_fail(c, "first argument should be []string");
    if (!sl_box_list(c, args[1], &vs))
        return sl_call_fail(c, "second argument should be []interface{}");
    if (ks.len != vs.len)
        return sl_call_fail(c, "the length of the arguments should be same");
    for (uint32_t i = 0; i < ks.len; i++) {
        if (ks.list[i].kind != SL_STRING)
            return sl_call_fail(c, "first argument should be []string");
        sl_mems_set(c, &out, sl_v_text(ks.list[i]), vs.list[i]);
    }
    return sl_mems_done(c, &out);
}
static sl_value fn_zip(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value l, pair;
    sl_mems out = {0};
    if (!sl_box_list(c, args[0], &l))
        return sl_call_fail(c, "each argument should be [][2]interface{}");
    for (uint32_t i = 0; i < l.len; i++) {
        if (sl_v_nil(l.list[i]))
            continue;
        if (!sl_box_list(c, l.list[i], &pair) || pair.len != 2)
            return sl_call_fail(c, "each argument should be [][2]interface{}");
        if (pair.list[0].kind != SL_STRING)
            return sl_call_fail(c, "the first element in the list item should be string");
        sl_mems_set(c, &out, sl_v_text(pair.list[0]), pair.list[1]);
    }
    return sl_mems_done(c, &out);
}
static sl_value fn_concat(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m;
    sl_mems out = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (sl_v_nil(args[i]))
            continue;
        if (!sl_box_map(c, args[i], &m))
            return got(c, "the argument should be map[string]interface{}", args[i]);
        for (uint32_t k = 0; k < m.len; k++)
            sl_mems_set(c, &out, m.map[k].key, m.map[k].val);
    }
    return sl_mems_done(c, &out);
}
static sl_value fn_construct(sl_call *c, const sl_value *args, uint32_t n) {
    sl_mems out = {0};
    for (uint32_t i = 0; i + 1 < n; i += 2) {
        if (sl_v_nil(args[i]))
            continue;
        if (args[i].kind != SL_STRING && args[i].kind != SL_BYTES)
            return sl_call_fail(c, "key %s is not a string", sl_fn_v(c, args[i]));
        sl_mems_set(c, &out, sl_v_text(args[i]), args[i + 1]);
    }
    return sl_mems_done(c, &out);
}
static sl_value fn_size(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m;
    if (sl_v_nil(args[0]))
        return sl_v_goint(0);
    if (!sl_box_map(c, args[0], &m))
        return got(c, "the first argument should be map[string]any", args[0]);
    return sl_v_goint(m.len);
}

/* ---- object_pick ---- */
typedef struct tree { /* an object being built, with the objects inside it that are being built too */
    sl_mems m;
    struct tree *kids, *next;
    sl_str key; /* place in the parent */
} tree;
/* Upstream does not step down into a parent that an earlier path made: the rest of the path lands on the level above. */
static void pick(sl_call *c, tree *top, sl_value from, sl_str path) {
    sl_value v = from;
    for (sl_str rest = path;;) {
        const char *dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
        v = sl_value_get(c->arena, v, sl_str_n(rest.p, dot ? (size_t)(dot - rest.p) : rest.n));
        if (v.kind == SL_ABSENT)
            return;
        if (!dot)
            break;
        rest = sl_str_n(dot + 1, rest.n - (size_t)(dot + 1 - rest.p));
    }
    for (tree *at = top;;) {
        const char *dot = path.n ? memchr(path.p, '.', path.n) : NULL;
        sl_str key = sl_str_n(path.p, dot ? (size_t)(dot - path.p) : path.n);
        if (!dot) {
            sl_mems_set(c, &at->m, key, v);
            return;
        }
        if (!sl_mems_find(&at->m, key)) {
            tree *kid = SL_NEW(c->arena, tree);
            kid->key = key;
            kid->next = at->kids;
            at->kids = kid;
            sl_mems_set(c, &at->m, key, sl_v_map(NULL, 0));
            at = kid;
        }
        path = sl_str_n(dot + 1, path.n - (size_t)(dot + 1 - path.p));
    }
}
static sl_value finish(sl_call *c, tree *t) {
    for (tree *k = t->kids; k; k = k->next) {
        sl_value *v = sl_mems_find(&t->m, k->key);
        if (v && v->kind == SL_MAP && v->len == 0 && !v->map) /* not replaced since */
            *v = finish(c, k);
    }
    return sl_mems_done(c, &t->m);
}
static sl_value fn_pick(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m, l;
    tree top = {0};
    if (sl_v_nil(args[0]))
        return sl_v_null();
    if (!sl_box_map(c, args[0], &m))
        return got(c, "the first argument should be a map", args[0]);
    if (sl_box_list(c, args[1], &l)) {
        for (uint32_t i = 0; i < l.len; i++)
            if (l.list[i].kind == SL_STRING)
                pick(c, &top, m, sl_v_text(l.list[i]));
    } else if (args[1].kind == SL_STRING)
        for (uint32_t i = 1; i < n; i++)
            if (args[i].kind == SL_STRING)
                pick(c, &top, m, sl_v_text(args[i]));
    return finish(c, &top);
}
static sl_value fn_erase(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value m, l;
    sl_vals keep = {0};
    sl_str why, text;
    if (n != 2)
        return sl_call_fail(c, "the argument number should be 2, got %u", n);
    if (!sl_box_map(c, args[0], &m))
        return got(c, "the first argument should be map[string]interface{}", args[0]);
    if (sl_box_list(c, args[1], &l) || l.kind == SL_LIST)
        for (uint32_t i = 0; i < l.len; i++) {
            if (!sl_to_str(c->arena, l.list[i], SL_CAST_ALL, &text, &why))
                return sl_call_fail(c, "%.*s", SL_FMT(why));
            sl_vals_add(c, &keep, sl_v_str(text));
        }
    else if (args[1].kind == SL_STRING)
        sl_vals_add(c, &keep, args[1]);
    else if (args[1].kind == SL_BYTES) /* a list of numbers, too */
        for (uint32_t i = 0; i < args[1].len; i++)
            sl_vals_add(c, &keep, sl_v_str(sl_arena_printf(c->arena, "%u", (unsigned char)args[1].p[i])));
    else
        return sl_call_fail(c, "the argument should be slice or string");
    sl_mems out = {0};
    for (uint32_t i = 0; i < m.len; i++) {
        bool gone = false;
        for (uint32_t k = 0; k < keep.n && !gone; k++)
            gone = sl_str_eq(m.map[i].key, sl_v_text(keep.at[k]));
        if (!gone)
            sl_mems_set(c, &out, m.map[i].key, m.map[i].val);
    }
    return sl_mems_done(c, &out);
}

static const char *construct_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n % 2)
        return "the args must be key value pairs";
    for (uint32_t i = 0; i < n; i += 2)
        if (sl_x_not_str(args[i]))
            return sl_ck_expect(a, "string", i + 1);
    return NULL;
}
#define P SL_FN_PURE
#define GP (SL_FN_NULLGATE | SL_FN_PURE)
#define ROW(name, flags, min, max, fn, sig, doc, example, gives)                                                                                                                   \
    { name, SL_FN_SCALAR, flags, min, max, NULL, fn, NULL, sig, doc, example, gives, NULL }
const sl_func sl_funcs_object[] = {
    ROW("keys", GP, 1, 1, fn_keys, "(o object) -> array", "The keys.", "keys(object_construct(\"a\", 1))", "[\"a\"]"),
    ROW("values", GP, 1, 1, fn_values, "(o object) -> array", "The values.", "values(object_construct(\"a\", 1))", "[1]"),
    ROW("items", GP, 1, 1, fn_items, "(o object) -> array", "Pairs of key and value.", "items(object_construct(\"a\", 1))", "[[\"a\",1]]"),
    ROW("object", GP, 2, 2, fn_object, "(keys array, values array) -> object", "An object from an array of keys and one of values.", "object(array_create(\"a\"), array_create(1))",
        "{\"a\":1}"),
    ROW("zip", GP, 1, 1, fn_zip, "(pairs array) -> object", "An object from pairs of key and value.", "zip(array_create(array_create(\"a\", 1)))", "{\"a\":1}"),
    ROW("object_concat", P, 2, -1, fn_concat, "(a object, b object, …) -> object", "The members of all; later ones win.",
        "object_concat(object_construct(\"a\", 1), object_construct(\"a\", 2))", "{\"a\":2}"),
    {"object_construct", SL_FN_SCALAR, P, 0, -1, construct_check, fn_construct, NULL, "(key string, value any, …) -> object", "An object from keys and values in turn.",
     "object_construct(\"a\", 1)", "{\"a\":1}", NULL},
    ROW("object_size", P, 1, 1, fn_size, "(o object) -> int", "How many keys; 0 for null.", "object_size(object_construct(\"a\", 1))", "1"),
    ROW("object_pick", P, 2, -1, fn_pick, "(o object, key string, …) -> object", "Only the members named by keys, dotted paths or one array of them.",
        "object_pick(object_construct(\"a\", 1, \"b\", 2), \"a\")", "{\"a\":1}"),
    ROW("erase", GP, 2, -1, fn_erase, "(o object, key string or array) -> object", "The object without a key or the keys of an array.",
        "erase(object_construct(\"a\", 1, \"b\", 2), \"a\")", "{\"b\":2}"),
    ROW("obj_to_kvpair_array", GP, 1, 1, fn_to_kv, "(o object) -> array", "Objects with the members key and value.", "obj_to_kvpair_array(object_construct(\"a\", 1))",
        "[{\"key\":\"a\",\"value\":1}]"),
    {0}};
