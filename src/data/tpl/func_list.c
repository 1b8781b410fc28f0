/* sprig's functions on lists. */
#include <stdlib.h>
#include "base/utf8.h"
#include "data/tpl/tpl.h"

enum { LIST_MAX = 4 << 20 };
#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static bool is_list(trun *r, tval v, const char *what, sl_value *l) { /* what: sprig's message, %s is the kind */
    *l = tpl_open(r, v.v);
    if (l->kind == SL_LIST)
        return true;
    if (sl_v_nil(*l))
        return tpl_call_fail(r, "runtime error: invalid memory address or nil pointer dereference");
    const char *kind = l->kind == SL_MAP ? "map" : l->kind == SL_TIME ? "struct" : l->kind == SL_BYTES ? "slice" : tpl_base_type(r, v);
    const char *at = strstr(what, "%s");
    return tpl_call_fail(r, "%.*s%s%s", (int)(at - what), what, kind, at + 2);
}
static sl_value elem(trun *r, sl_value l, uint32_t i) { return l.list[i]; }
static sl_value *room(trun *r, uint64_t n) {
    sl_value *v = n <= LIST_MAX ? sl_arena_alloc(r->a, (n + 1) * sizeof *v) : NULL;
    if (!v)
        tpl_call_fail(r, "the list is too long: %llu elements", (unsigned long long)n);
    return v;
}
static bool give(tval *out, const sl_value *v, uint64_t n) {
    *out = tv_of(sl_v_list(v, n));
    return true;
}
static sl_value nullable(tval v) { return v.v.kind == SL_ABSENT ? sl_v_null() : v.v; }
static bool same(trun *r, sl_value x, sl_value y) { return sl_value_same(tpl_settled(r, x), tpl_settled(r, y)); }

FN(f_list) {
    sl_value *v = room(r, n);
    for (uint32_t i = 0; v && i < n; i++)
        v[i] = nullable(a[i]);
    return v && give(out, v, n);
}
FN(f_first) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find first on type %s", &l))
        return false;
    *out = l.len ? (tval){elem(r, l, 0), true} : tv_none();
    return true;
}
FN(f_last) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find last on type %s", &l))
        return false;
    *out = l.len ? (tval){elem(r, l, l.len - 1), true} : tv_none();
    return true;
}
FN(f_rest) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find rest on type %s", &l))
        return false;
    *out = tv_of(l.len ? sl_v_list(l.list + 1, l.len - 1) : (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST});
    return true;
}
FN(f_initial) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find initial on type %s", &l))
        return false;
    *out = tv_of(l.len ? sl_v_list(l.list, l.len - 1) : (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST});
    return true;
}
FN(f_append) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot push on type %s", &l))
        return false;
    sl_value *v = room(r, (uint64_t)l.len + 1);
    if (!v)
        return false;
    if (l.len)
        memcpy(v, l.list, l.len * sizeof *v);
    v[l.len] = nullable(a[1]);
    return give(out, v, (uint64_t)l.len + 1);
}
FN(f_prepend) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot prepend on type %s", &l))
        return false;
    sl_value *v = room(r, (uint64_t)l.len + 1);
    if (!v)
        return false;
    v[0] = nullable(a[1]);
    if (l.len)
        memcpy(v + 1, l.list, l.len * sizeof *v);
    return give(out, v, (uint64_t)l.len + 1);
}
FN(f_concat) {
    uint64_t total = 0;
    sl_value l;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_list(r, a[i], "Cannot concat type %s as list", &l))
            return false;
        total += l.len;
    }
    sl_value *v = room(r, total), *to = v;
    for (uint32_t i = 0; v && i < n; i++) {
        l = tpl_open(r, a[i].v);
        if (l.len)
            memcpy(to, l.list, l.len * sizeof *v);
        to += l.len;
    }
    return v && give(out, v, total);
}
FN(f_reverse) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find reverse on type %s", &l))
        return false;
    sl_value *v = room(r, l.len);
    for (uint32_t i = 0; v && i < l.len; i++)
        v[i] = l.list[l.len - 1 - i];
    return v && give(out, v, l.len);
}
static bool among(trun *r, const sl_value *l, uint32_t n, sl_value v) {
    for (uint32_t i = 0; i < n; i++)
        if (++r->steps, same(r, l[i], v))
            return true;
    return false;
}
FN(f_uniq) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find uniq on type %s", &l))
        return false;
    if (l.len > 20000)
        return tpl_call_fail(r, "uniq takes lists of at most 20000 elements, this one has %u", l.len);
    sl_value *v = room(r, l.len);
    uint32_t m = 0;
    for (uint32_t i = 0; v && i < l.len; i++)
        if (!among(r, v, m, l.list[i]))
            v[m++] = l.list[i];
    return v && give(out, v, m);
}
FN(f_compact) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot compact on type %s", &l))
        return false;
    sl_value *v = room(r, l.len);
    uint32_t m = 0;
    for (uint32_t i = 0; v && i < l.len; i++)
        if (!tpl_empty(r, tv_of(l.list[i])))
            v[m++] = l.list[i];
    return v && give(out, v, m);
}
FN(f_without) {
    sl_value l;
    if (!is_list(r, a[0], "Cannot find without on type %s", &l))
        return false;
    sl_value *v = room(r, l.len);
    uint32_t m = 0;
    for (uint32_t i = 0; v && i < l.len; i++) {
        bool drop = false;
        for (uint32_t k = 1; k < n && !drop; k++)
            drop = same(r, nullable(a[k]), l.list[i]);
        if (!drop)
            v[m++] = l.list[i];
    }
    return v && give(out, v, m);
}
FN(f_has) {
    sl_value l;
    if (sl_v_nil(a[1].v)) {
        *out = tv_bool(false);
        return true;
    }
    if (!is_list(r, a[1], "Cannot find has on type %s", &l))
        return false;
    *out = tv_bool(among(r, l.list, l.len, nullable(a[0])));
    return true;
}
FN(f_slice) {
    sl_value l;
    if (!is_list(r, a[0], "list should be type of slice or array but %s", &l))
        return false;
    int64_t from = n > 1 ? tpl_i64(r, a[1]) : 0, to = n > 2 ? tpl_i64(r, a[2]) : l.len;
    if (!l.len) {
        *out = tv_none();
        return true;
    }
    if (from < 0 || to > l.len || from > to)
        return tpl_call_fail(r, "reflect.Value.Slice: slice index out of bounds");
    return give(out, l.list + from, (uint64_t)(to - from));
}
FN(f_chunk) {
    sl_value l;
    if (!is_list(r, a[1], "Cannot chunk type %s", &l))
        return false;
    int64_t size = a[0].v.i;
    int64_t chunks = size ? (int64_t)l.len - 1 : -1; /* floor((n - 1) / size) + 1 */
    if (size && chunks)
        chunks = chunks / size - (chunks % size && (chunks < 0) != (size < 0)) + 1;
    if (chunks < 0)
        return tpl_call_fail(r, "runtime error: makeslice: len out of range");
    if (size < 0)
        return give(out, NULL, 0);
    sl_value *v = room(r, l.len);
    uint32_t m = 0;
    for (uint64_t i = 0; v && i < l.len; i += (uint64_t)size)
        v[m++] = sl_v_list(l.list + i, l.len - i < (uint64_t)size ? l.len - i : (uint64_t)size);
    return v && give(out, v, m);
}

/* ---- texts ---- */
static bool strings(trun *r, tval from, sl_value *out) { /* sprig's strslice: nil left out; a scalar is a list of one */
    sl_value l = tpl_open(r, from.v);
    bool list = l.kind == SL_LIST;
    sl_value *v = room(r, list ? l.len : 1);
    uint32_t m = 0;
    for (uint32_t i = 0; v && i < (list ? l.len : 1); i++) {
        sl_value x = list ? l.list[i] : l;
        if (!sl_v_nil(x))
            v[m++] = sl_v_str(tpl_text(r, x));
    }
    *out = (sl_value){.kind = SL_LIST, .flags = SL_F_TEXTLIST, .len = m, .list = v};
    return v != NULL;
}
static int by_text(const void *x, const void *y) { return sl_str_cmp(sl_v_text(*(const sl_value *)x), sl_v_text(*(const sl_value *)y)); }
FN(f_sort_alpha) {
    sl_value l;
    if (!strings(r, a[0], &l))
        return false;
    qsort((void *)(uintptr_t)l.list, l.len, sizeof *l.list, by_text);
    *out = tv_of(l);
    return true;
}
FN(f_to_strings) {
    sl_value l;
    bool ok = strings(r, a[0], &l);
    *out = tv_of(l);
    return ok;
}
FN(f_join) {
    sl_value l;
    if (!strings(r, a[1], &l))
        return false;
    sl_buf b = {0};
    for (uint32_t i = 0; i < l.len; i++) {
        if (i)
            sl_buf_str(&b, sl_v_text(a[0].v));
        sl_buf_str(&b, sl_v_text(l.list[i]));
    }
    *out = tv_str(tpl_keep(r, &b));
    return true;
}
static bool parts_of(trun *r, sl_str sep, sl_str s, int64_t max, sl_value *out) { /* strings.SplitN */
    uint64_t want = 1;
    sl_str left = s;
    if (!sep.n) { /* runes */
        want = sl_utf8_count(s);
        if (max > 0 && want > (uint64_t)max)
            want = (uint64_t)max;
    } else
        for (ptrdiff_t k; (k = sl_str_find(left, sep)) >= 0 && (max < 0 || (int64_t)want < max); want++) {
            left.p += (size_t)k + sep.n;
            left.n -= (size_t)k + sep.n;
        }
    if (max == 0)
        want = 0;
    sl_value *v = room(r, want);
    uint32_t m = 0;
    for (left = s; v && m < want; m++) {
        uint32_t rune;
        ptrdiff_t k = m + 1 == want ? -1 : sep.n ? sl_str_find(left, sep) : (ptrdiff_t)sl_utf8_get(left.p, left.n, &rune);
        size_t len = k < 0 ? left.n : (size_t)k;
        v[m] = sl_v_str((sl_str){left.p, len});
        left.p += len + (k < 0 ? 0 : sep.n);
        left.n -= len + (k < 0 ? 0 : sep.n);
    }
    *out = (sl_value){.kind = SL_LIST, .flags = SL_F_TEXTLIST, .len = m, .list = v};
    return v != NULL;
}
FN(f_split_list) {
    sl_value l;
    if (!parts_of(r, sl_v_text(a[0].v), sl_v_text(a[1].v), -1, &l))
        return false;
    *out = tv_of(l);
    return true;
}
static bool split_map(trun *r, sl_str sep, sl_str s, int64_t max, tval *out) { /* {_0: …, _1: …} */
    sl_value l;
    if (!parts_of(r, sep, s, max, &l))
        return false;
    sl_member *m = sl_arena_alloc(r->a, (l.len + 1) * sizeof *m);
    for (uint32_t i = 0; m && i < l.len; i++)
        m[i] = (sl_member){sl_arena_printf(r->a, "_%u", i), l.list[i]};
    *out = tv_of(sl_v_map(m, m ? l.len : 0));
    return true;
}
FN(f_split) { return split_map(r, sl_v_text(a[0].v), sl_v_text(a[1].v), -1, out); }
FN(f_splitn) { return split_map(r, sl_v_text(a[0].v), sl_v_text(a[2].v), a[1].v.i, out); }
const tfunc tpl_list_funcs[] = {{"list", "a*", f_list},
                                {"tuple", "a*", f_list},
                                {"first", "a", f_first},
                                {"mustFirst", "a", f_first},
                                {"last", "a", f_last},
                                {"mustLast", "a", f_last},
                                {"rest", "a", f_rest},
                                {"mustRest", "a", f_rest},
                                {"initial", "a", f_initial},
                                {"mustInitial", "a", f_initial},
                                {"append", "aa", f_append},
                                {"mustAppend", "aa", f_append},
                                {"push", "aa", f_append},
                                {"mustPush", "aa", f_append},
                                {"prepend", "aa", f_prepend},
                                {"mustPrepend", "aa", f_prepend},
                                {"concat", "a*", f_concat},
                                {"reverse", "a", f_reverse},
                                {"mustReverse", "a", f_reverse},
                                {"uniq", "a", f_uniq},
                                {"mustUniq", "a", f_uniq},
                                {"compact", "a", f_compact},
                                {"mustCompact", "a", f_compact},
                                {"without", "aa*", f_without},
                                {"mustWithout", "aa*", f_without},
                                {"has", "aa", f_has},
                                {"mustHas", "aa", f_has},
                                {"slice", "aa*", f_slice},
                                {"mustSlice", "aa*", f_slice},
                                {"chunk", "ia", f_chunk},
                                {"mustChunk", "ia", f_chunk},
                                {"sortAlpha", "a", f_sort_alpha},
                                {"toStrings", "a", f_to_strings},
                                {"join", "sa", f_join},
                                {"split", "ss", f_split},
                                {"splitn", "sis", f_splitn},
                                {"splitList", "ss", f_split_list},
                                {0}};
