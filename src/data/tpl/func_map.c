/* sprig's functions on maps, its defaults and its questions about types.
 * Decision: rows are frozen, so set and unset make a new map and note that it stands for the old one: who has the old one sees the new one,
 * in this run only. */
#include <stdlib.h>
#include "data/tpl/tpl.h"

#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static sl_value map_of(trun *r, sl_value v) {
    v = tpl_open(r, v);
    return v.kind == SL_MAP ? v : sl_v_map(NULL, 0);
}
static int find(sl_value m, sl_str key) {
    for (uint32_t i = m.len; i-- > 0;)
        if (sl_str_eq(m.map[i].key, key))
            return (int)i;
    return -1;
}
static sl_member *room(trun *r, uint64_t n) { /* never without an address: that is how a map is known */
    sl_member *m = sl_arena_alloc(r->a, (n + 1) * sizeof *m);
    if (!m)
        tpl_call_fail(r, "out of memory");
    return m;
}
static sl_value nullable(tval v) { return v.v.kind == SL_ABSENT ? sl_v_null() : v.v; }
static const void *identity(sl_value v) { return v.kind == SL_JSONTEXT ? (const void *)v.p : v.kind == SL_MAP ? (const void *)v.map : NULL; }
static bool move(trun *r, sl_value was, sl_value is) {
    const void *id = identity(was);
    if (!id)
        return tpl_call_fail(r, "assignment to entry in nil map");
    for (uint32_t i = 0; i < r->nmoved; i++)
        if (r->moved[i].was == id) {
            r->moved[i].is = is;
            return true;
        }
    if (r->nmoved == r->cmoved) {
        uint32_t cap = r->cmoved ? r->cmoved * 2 : 4;
        moved *m = cap > 4096 ? NULL : sl_arena_alloc(r->a, cap * sizeof *m);
        if (!m)
            return tpl_call_fail(r, "too many maps are changed");
        if (r->nmoved)
            memcpy(m, r->moved, r->nmoved * sizeof *m);
        r->moved = m;
        r->cmoved = cap;
    }
    r->moved[r->nmoved++] = (moved){id, is};
    return true;
}
static sl_value with_member(trun *r, sl_value m, sl_str key, sl_value v) {
    int at = find(m, key);
    sl_member *to = room(r, (uint64_t)m.len + 1);
    if (!to)
        return m;
    if (m.len)
        memcpy(to, m.map, m.len * sizeof *to);
    to[at < 0 ? m.len : (uint32_t)at] = (sl_member){key, v};
    return sl_v_map(to, m.len + (at < 0));
}
FN(f_dict) {
    sl_member *m = room(r, n / 2 + 1);
    if (!m)
        return false;
    sl_value d = sl_v_map(m, 0);
    for (uint32_t i = 0; i < n; i += 2) {
        sl_str key = sl_v_nil(a[i].v) ? SL_S("") : tpl_text(r, a[i].v);
        sl_value v = i + 1 < n ? nullable(a[i + 1]) : sl_v_str(SL_S(""));
        int at = find(d, key);
        m[at < 0 ? (int)d.len++ : at] = (sl_member){key, v};
    }
    *out = tv_of(d);
    return true;
}
FN(f_get) {
    sl_value m = map_of(r, a[0].v);
    int at = find(m, sl_v_text(a[1].v));
    *out = at < 0 ? tv_str(SL_S("")) : (tval){m.map[at].val, true};
    return true;
}
FN(f_set) {
    sl_value m = map_of(r, a[0].v);
    if (!move(r, a[0].v, with_member(r, m, sl_v_text(a[1].v), nullable(a[2]))))
        return false;
    *out = a[0];
    return true;
}
static sl_value without_members(trun *r, sl_value m, const tval *keys, uint32_t n, bool keep) {
    sl_member *to = room(r, m.len);
    uint32_t k = 0;
    for (uint32_t i = 0; to && i < m.len; i++) {
        bool named = false;
        for (uint32_t j = 0; j < n && !named; j++)
            named = sl_str_eq(m.map[i].key, sl_v_text(keys[j].v));
        if (named == keep)
            to[k++] = m.map[i];
    }
    return sl_v_map(to, k);
}
FN(f_unset) {
    sl_value m = map_of(r, a[0].v);
    if (m.len && !move(r, a[0].v, without_members(r, m, a + 1, 1, false)))
        return false;
    *out = a[0];
    return true;
}
FN(f_has_key) {
    *out = tv_bool(find(map_of(r, a[0].v), sl_v_text(a[1].v)) >= 0);
    return true;
}
FN(f_keys) {
    uint64_t total = 0, k = 0;
    for (uint32_t i = 0; i < n; i++)
        total += map_of(r, a[i].v).len;
    sl_value *v = sl_arena_alloc(r->a, (total + 1) * sizeof *v);
    for (uint32_t i = 0; v && i < n; i++) {
        sl_value m = map_of(r, a[i].v);
        for (uint32_t j = 0; j < m.len; j++)
            v[k++] = sl_v_str(m.map[j].key);
    }
    *out = tv_of((sl_value){.kind = SL_LIST, .flags = SL_F_TEXTLIST, .len = (uint32_t)k, .list = v});
    return true;
}
FN(f_values) {
    sl_value m = map_of(r, a[0].v), *v = sl_arena_alloc(r->a, (m.len + 1) * sizeof *v);
    for (uint32_t j = 0; v && j < m.len; j++)
        v[j] = m.map[j].val;
    *out = tv_of(sl_v_list(v, v ? m.len : 0));
    return true;
}
FN(f_pick) {
    *out = tv_of(without_members(r, map_of(r, a[0].v), a + 1, n - 1, true));
    return true;
}
FN(f_omit) {
    *out = tv_of(without_members(r, map_of(r, a[0].v), a + 1, n - 1, false));
    return true;
}
FN(f_pluck) {
    sl_value *v = sl_arena_alloc(r->a, (n + 1) * sizeof *v);
    uint32_t k = 0;
    for (uint32_t i = 1; v && i < n; i++) {
        sl_value m = map_of(r, a[i].v);
        int at = find(m, sl_v_text(a[0].v));
        if (at >= 0)
            v[k++] = m.map[at].val;
    }
    *out = tv_of(sl_v_list(v, k));
    return true;
}
static sl_value merged(trun *r, sl_value to, sl_value from, bool over, int depth) {
    to = map_of(r, to);
    from = map_of(r, from);
    sl_member *m = room(r, (uint64_t)to.len + from.len);
    if (!m || depth > 100)
        return to;
    if (to.len)
        memcpy(m, to.map, to.len * sizeof *m);
    sl_value out = sl_v_map(m, to.len);
    for (uint32_t i = 0; i < from.len; i++) {
        int at = find(out, from.map[i].key);
        sl_value x = from.map[i].val, y = at < 0 ? sl_v_absent() : tpl_open(r, m[at].val);
        if (at < 0)
            m[out.len++] = from.map[i];
        else if (y.kind == SL_MAP && tpl_open(r, x).kind == SL_MAP)
            m[at].val = merged(r, y, x, over, depth + 1);
        else if (over ? !tpl_empty(r, tv_of(x)) : tpl_empty(r, tv_of(y)))
            m[at].val = x;
    }
    return out;
}
static bool merge_all(trun *r, const tval *a, uint32_t n, bool over, tval *out) {
    sl_value m = map_of(r, a[0].v);
    for (uint32_t i = 1; i < n; i++)
        m = merged(r, m, a[i].v, over, 0);
    if (identity(a[0].v) && !move(r, a[0].v, m))
        return false;
    *out = tv_of(m);
    return true;
}
FN(f_merge) { return merge_all(r, a, n, false, out); }
FN(f_merge_over) { return merge_all(r, a, n, true, out); }
FN(f_dig) { /* dig "a" "b" default map */
    if (n < 3)
        return tpl_call_fail(r, "dig needs at least three arguments");
    sl_value m = tpl_open(r, a[n - 1].v);
    for (uint32_t i = 0; i + 2 < n; i++) {
        if (m.kind != SL_MAP)
            return tpl_call_fail(r, "interface conversion: interface {} is %s, not map[string]interface {}", tpl_base_type(r, tv_of(m)));
        if (a[i].v.kind != SL_STRING)
            return tpl_call_fail(r, "interface conversion: interface {} is %s, not string", tpl_base_type(r, a[i]));
        int at = find(m, sl_v_text(a[i].v));
        if (at < 0) {
            *out = a[n - 2];
            return true;
        }
        m = m.map[at].val;
        if (i + 3 < n)
            m = tpl_open(r, m);
    }
    *out = (tval){m, true};
    return true;
}

/* ---- defaults ---- */
FN(f_default) {
    *out = n < 2 || tpl_empty(r, a[1]) ? a[0] : a[1];
    return true;
}
FN(f_empty) {
    *out = tv_bool(tpl_empty(r, a[0]));
    return true;
}
FN(f_coalesce) {
    *out = tv_none();
    for (uint32_t i = 0; i < n; i++)
        if (!tpl_empty(r, a[i])) {
            *out = a[i];
            break;
        }
    return true;
}
FN(f_all) {
    bool all = true;
    for (uint32_t i = 0; i < n; i++)
        all &= !tpl_empty(r, a[i]);
    *out = tv_bool(all);
    return true;
}
FN(f_any) {
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        any |= !tpl_empty(r, a[i]);
    *out = tv_bool(any);
    return true;
}
FN(f_ternary) {
    *out = a[2].v.i ? a[0] : a[1];
    return true;
}
FN(f_fail) { return tpl_call_fail(r, "%.*s", SL_FMT(sl_v_text(a[0].v))); }
FN(f_copy) {
    if (sl_v_nil(a[0].v))
        return tpl_call_fail(r, "deepCopy of nil");
    *out = tv_of(sl_value_copy(r->a, tpl_settled(r, a[0].v)));
    return true;
}
FN(f_hello) {
    *out = tv_str(SL_S("Hello!"));
    return true;
}

/* ---- types ---- */
static const char *kind_of(trun *r, tval v) {
    switch (tpl_open(r, v.v).kind) {
    case SL_ABSENT:
    case SL_NULL: return "invalid";
    case SL_MAP: return "map";
    case SL_LIST:
    case SL_BYTES: return "slice";
    case SL_TIME: return "struct";
    case SL_DURATION: return "int64";
    default: return tpl_base_type(r, v);
    }
}
FN(f_type_of) {
    *out = tv_str(sl_str_of(tpl_base_type(r, a[0])));
    return true;
}
FN(f_kind_of) {
    *out = tv_str(sl_str_of(kind_of(r, a[0])));
    return true;
}
FN(f_type_is) {
    *out = tv_bool(sl_str_is(sl_v_text(a[0].v), tpl_base_type(r, a[1])));
    return true;
}
FN(f_type_is_like) {
    sl_str t = sl_v_text(a[0].v);
    const char *is = tpl_base_type(r, a[1]);
    *out = tv_bool(sl_str_is(t, is) || (is[0] == '*' && sl_str_is(t, is + 1)));
    return true;
}
FN(f_kind_is) {
    *out = tv_bool(sl_str_is(sl_v_text(a[0].v), kind_of(r, a[1])));
    return true;
}
FN(f_deep_equal) {
    *out = tv_bool(sl_value_same(tpl_settled(r, nullable(a[0])), tpl_settled(r, nullable(a[1]))));
    return true;
}
const tfunc tpl_map_funcs[] = {{"dict", "a*", f_dict},
                               {"get", "ms", f_get},
                               {"set", "msa", f_set},
                               {"unset", "ms", f_unset},
                               {"hasKey", "ms", f_has_key},
                               {"keys", "m*", f_keys},
                               {"values", "m", f_values},
                               {"pick", "ms*", f_pick},
                               {"omit", "ms*", f_omit},
                               {"pluck", "sm*", f_pluck},
                               {"merge", "mm*", f_merge},
                               {"mustMerge", "mm*", f_merge},
                               {"mergeOverwrite", "mm*", f_merge_over},
                               {"mustMergeOverwrite", "mm*", f_merge_over},
                               {"dig", "a*", f_dig},
                               {"default", "aa*", f_default},
                               {"empty", "a", f_empty},
                               {"coalesce", "a*", f_coalesce},
                               {"all", "a*", f_all},
                               {"any", "a*", f_any},
                               {"ternary", "aab", f_ternary},
                               {"fail", "s", f_fail},
                               {"deepCopy", "a", f_copy},
                               {"mustDeepCopy", "a", f_copy},
                               {"hello", "", f_hello},
                               {"typeOf", "a", f_type_of},
                               {"kindOf", "a", f_kind_of},
                               {"typeIs", "sa", f_type_is},
                               {"typeIsLike", "sa", f_type_is_like},
                               {"kindIs", "sa", f_kind_is},
                               {"deepEqual", "aa", f_deep_equal},
                               {0}};
