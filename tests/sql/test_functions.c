/* Runs tests/conformance/functions.jsonl: plain calls, compress/decompress sequences, parse-time checks and whole statements of functions that have
 * an evaluator (or, for checks, a table row). Vectors that do not pass yet are listed in functions.todo: a failure that is not listed and a pass that is
 * listed both fail the test.
 *   -v            name every failing vector, the counts per function
 *   --write-todo  rewrite the list from this run */
#include "kit.h"
#include <math.h>
#include "base/bytes.h"
#include "base/map.h"
#include "data/json.h"
#include "sql/func.h"
#include "sql/parse.h"

static bool verbose, write_todo;

static sl_str file(const char *path) {
    FILE *f = fopen(path, "rb");
    sl_buf b = {0};
    char chunk[65536];
    for (size_t n; f && (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        sl_buf_put(&b, chunk, n);
    if (f)
        fclose(f);
    return (sl_str){b.p, b.n};
}
static sl_str line_of(sl_str *rest) {
    const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    sl_str line = {rest->p, nl ? (size_t)(nl - rest->p) : rest->n};
    rest->n -= line.n + (nl != NULL);
    rest->p = nl ? nl + 1 : rest->p + line.n;
    return line;
}
/* A value in the notation of the vectors. */
static sl_value value(sl_arena *a, const sl_json *j) {
    if (!j)
        return sl_v_absent();
    switch (j->kind) {
    case SL_J_NULL: return sl_v_null();
    case SL_J_BOOL: return sl_v_bool(j->b);
    case SL_J_STR: return sl_v_str(j->s);
    case SL_J_NUM: {
        bool frac = memchr(j->s.p, '.', j->s.n) || memchr(j->s.p, 'e', j->s.n) || memchr(j->s.p, 'E', j->s.n);
        return frac ? sl_v_float(j->num) : sl_v_int(strtoll(sl_arena_dup(a, j->s).p, NULL, 10));
    }
    case SL_J_ARR: {
        sl_value *at = SL_NEW_N(a, sl_value, j->n + 1);
        uint32_t n = 0;
        for (const sl_json *k = j->child; k; k = k->next)
            at[n++] = value(a, k);
        return sl_v_list(at, n);
    }
    default: break;
    }
    sl_str type = sl_json_text(sl_json_get(j, "$type"), SL_S(""));
    const sl_json *v = sl_json_get(j, "value");
    if (sl_str_is(type, "float")) {
        if (v->kind == SL_J_NUM)
            return sl_v_float(v->num);
        return sl_v_float(sl_str_is(v->s, "NaN") ? NAN : sl_str_is(v->s, "Infinity") ? INFINITY : sl_str_is(v->s, "-Infinity") ? -INFINITY : -0.0);
    }
    if (sl_str_is(type, "int"))
        return sl_v_int(strtoll(sl_arena_dup(a, v->s).p, NULL, 10));
    if (sl_str_is(type, "bytes")) {
        sl_buf b = {0};
        size_t at;
        assert_true(sl_base64_get(&b, sl_json_get(j, "base64")->s, &at));
        sl_value out = sl_v_bytes(sl_arena_dup(a, sl_buf_view(&b)));
        sl_buf_free(&b);
        return out;
    }
    if (sl_str_is(type, "datetime")) {
        int64_t ms = 0;
        sl_zone z;
        assert_true(sl_json_i64(sl_json_get(j, "ms"), &ms));
        sl_str tz = sl_json_get(j, "tz")->s;
        if (!sl_zone_find(tz, &z)) {
            int h = 0, m = 0;
            z = sscanf(sl_arena_dup(a, tz).p, "%3d:%2d", &h, &m) >= 1 ? sl_zone_fixed(h * 3600 + (h < 0 ? -m : m) * 60, SL_S("")) : SL_ZONE_UTC;
        }
        int64_t sec = ms / 1000 - (ms % 1000 < 0);
        return sl_v_time(sec, (uint32_t)(ms - sec * 1000) * 1000000u, z);
    }
    if (sl_str_is(type, "duration")) {
        int64_t ns = 0;
        assert_true(sl_json_i64(sl_json_get(j, "ns"), &ns));
        return sl_v_dur(ns);
    }
    assert_int_equal(type.n, 0);
    sl_member *at = SL_NEW_N(a, sl_member, j->n + 1);
    uint32_t n = 0;
    for (const sl_json *k = j->child; k; k = k->next)
        at[n++] = (sl_member){k->key, value(a, k)};
    return sl_v_map(at, n);
}
static bool transcendental(sl_str fn) {
    static const char *const names[] = {"acos", "asin",  "atan", "atan2", "cos",  "cosh", "cot",  "exp",     "ln",      "log",
                                        "pow",  "power", "sin",  "sinh",  "sqrt", "tan",  "tanh", "radians", "degrees", "stddev"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_is(fn, names[i]))
            return true;
    return false;
}
static bool same(sl_arena *a, sl_value got, sl_value want, bool close) {
    got = sl_value_open(a, got);
    if (got.kind == SL_ABSENT || (got.flags & SL_F_NILLIST && got.kind >= SL_LIST))
        got = sl_v_null();
    if (got.kind != want.kind)
        return false;
    switch (got.kind) {
    case SL_NULL: return true;
    case SL_BOOL:
    case SL_INT:
    case SL_DURATION: return got.i == want.i;
    case SL_FLOAT: {
        double x = sl_f64(got), y = sl_f64(want);
        if (isnan(x) || isnan(y))
            return isnan(x) && isnan(y);
        return (x == y && signbit(x) == signbit(y)) || (close && fabs(x - y) <= 1e-12 * fabs(y));
    }
    case SL_STRING:
    case SL_BYTES: return sl_str_eq(sl_v_text(got), sl_v_text(want));
    case SL_TIME: return got.i == want.i && got.len / 1000000 == want.len / 1000000 && sl_zone_at(got.aux, got.i, NULL) == sl_zone_at(want.aux, want.i, NULL);
    case SL_LIST:
        for (uint32_t i = 0; got.len == want.len && i < got.len; i++)
            if (!same(a, got.list[i], want.list[i], close))
                return false;
        return got.len == want.len;
    case SL_MAP:
        for (uint32_t i = 0; got.len == want.len && i < got.len; i++)
            if (!same(a, sl_value_get(a, got, want.map[i].key), want.map[i].val, close))
                return false;
        return got.len == want.len;
    default: return false;
    }
}
static bool same_unordered(sl_arena *a, sl_value got, sl_value want, bool close) {
    got = sl_value_open(a, got);
    if (got.kind != SL_LIST || want.kind != SL_LIST)
        return same(a, got, want, close);
    bool *used = SL_NEW_N(a, bool, want.len + 1);
    for (uint32_t i = 0; i < got.len; i++) {
        uint32_t k = 0;
        while (k < want.len && (used[k] || !same(a, got.list[i], want.list[k], close)))
            k++;
        if (k == want.len)
            return false;
        used[k] = true;
    }
    return got.len == want.len;
}

static bool keyed(void *arg, sl_arena *a, sl_str key, sl_value *out) {
    for (const sl_json *k = arg ? ((sl_json *)arg)->child : NULL; k; k = k->next)
        if (sl_str_eq(k->key, key)) {
            *out = value(a, k);
            return true;
        }
    return false;
}
/* Some functions are vectors of the native int: mark whole arguments of those. */
static bool native_ints(sl_str fn) {
    static const char *const names[] = {"repeat", "sequence", "now", "current_timestamp", "local_time", "local_timestamp", "cur_time", "current_time"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_is(fn, names[i]))
            return true;
    return false;
}
static bool judge(sl_arena *a, sl_call *c, const sl_json *o, const sl_json *step, const sl_func *f, sl_value got, sl_str *say) {
    const sl_json *err = sl_json_get(step, "error");
    sl_str match = sl_json_text(sl_json_get(step, "error_match"), sl_json_text(sl_json_get(o, "error_match"), SL_S("")));
    sl_str cmp = sl_json_text(sl_json_get(o, "cmp"), SL_S(""));
    sl_buf b = {0};
    if (got.kind == SL_ERROR)
        sl_buf_printf(&b, "error: %.*s", SL_FMT(sl_v_text(got)));
    else {
        sl_buf_printf(&b, "%s ", sl_value_gotype(got));
        sl_value_print(&b, got);
    }
    *say = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    if (err)
        return got.kind == SL_ERROR && (match.n || sl_str_eq(sl_v_text(got), err->s));
    if (got.kind == SL_ERROR)
        return false;
    sl_value want = value(a, sl_json_get(step, "expect"));
    if (sl_str_is(cmp, "decompress") && want.kind == SL_BYTES) {
        sl_value method = value(a, sl_json_at(sl_json_get(step, "args"), 1)), x[2] = {got, method}, y[2] = {want, method};
        const sl_func *un = sl_func_find(SL_S("decompress"));
        c->state = NULL;
        got = sl_func_call(c, un, x, 2);
        want = sl_func_call(c, un, y, 2);
    }
    return sl_str_is(cmp, "unordered") ? same_unordered(a, got, want, transcendental(sl_str_of(f->name))) : same(a, got, want, transcendental(sl_str_of(f->name)));
}
static bool one_call(sl_arena *a, const sl_json *o, const sl_json *step, const sl_func *f, void **state, sl_str *say) {
    const sl_json *env = sl_json_get(o, "env"), *args = sl_json_get(step, "args");
    struct sl_env e = {.arg = (void *)(uintptr_t)sl_json_get(env, "keyed_state"), .keyed = keyed};
    sl_call c = {.arena = a, .state = state, .env = &e, .zone = SL_ZONE_UTC, .rule_id = sl_json_text(sl_json_get(env, "rule_id"), SL_S(""))};
    if (sl_json_get(env, "tz"))
        assert_true(sl_zone_find(sl_json_get(env, "tz")->s, &c.zone));
    sl_json_i64(sl_json_get(env, "now_ms"), &c.now_ms);
    sl_json_i64(sl_json_get(env, "rule_start"), &c.rule_start_ms);
    sl_value v = value(a, args);
    for (uint32_t i = 0; native_ints(sl_str_of(f->name)) && i < v.len; i++)
        if (v.list[i].kind == SL_INT)
            ((sl_value *)(uintptr_t)v.list)[i].flags |= SL_F_GOINT;
    if (!judge(a, &c, o, step, f, sl_func_call(&c, f, v.list, v.len), say))
        return false;
    bool again = false; /* once more with arrays and objects that nobody opened yet */
    uint32_t n = 0;
    for (const sl_json *k = args ? args->child : NULL; k && !state; k = k->next, n++)
        if ((k->kind == SL_J_ARR || k->kind == SL_J_OBJ) && sl_str_find(k->raw, SL_S("$type")) < 0) {
            sl_value t = sl_v_jsontext(k->raw);
            t.aux = 1;
            ((sl_value *)(uintptr_t)v.list)[n] = t;
            again = true;
        }
    c.failed = false;
    return !again || judge(a, &c, o, step, f, sl_func_call(&c, f, v.list, v.len), say);
}
static bool statement(sl_arena *a, const sl_json *o, sl_str *say) {
    sl_buf b = {0};
    sl_str fn = sl_json_get(o, "fn")->s;
    const sl_json *sql = sl_json_get(o, "sql"), *error = sl_json_get(o, "error"), *args = sl_json_get(o, "sql_args");
    if (sql)
        sl_buf_str(&b, sql->s);
    else {
        sl_buf_printf(&b, "SELECT %.*s(", SL_FMT(fn));
        for (const sl_json *k = args ? args->child : NULL; k; k = k->next)
            sl_buf_printf(&b, "%.*s%s", SL_FMT(k->s), k->next ? "," : "");
        sl_buf_puts(&b, ") FROM s");
    }
    sl_select *sel;
    sl_err *e = sl_parse_select(a, sl_arena_dup(a, sl_buf_view(&b)), &sel, NULL);
    sl_buf_clear(&b);
    if (!sql && error)
        sl_buf_printf(&b, "validate function %.*s error: ", SL_FMT(fn));
    if (error)
        sl_buf_str(&b, error->s);
    bool ok = sl_str_eq(sl_buf_view(&b), sl_str_of(sl_err_text(e)));
    *say = sl_arena_dup(a, sl_str_of(sl_err_text(e)));
    sl_buf_free(&b);
    sl_err_free(e);
    return ok;
}
/* 1 passed, 0 failed, -1 not for this runner. */
static int vector(sl_arena *a, const sl_json *o, sl_str *say) {
    sl_str kind = sl_json_text(sl_json_get(o, "kind"), SL_S(""));
    const sl_func *f = sl_func_find(sl_json_get(o, "fn")->s);
    *say = SL_S("");
    if (!f)
        return -1;
    if (sl_str_is(kind, "validate") || sl_str_is(kind, "parse"))
        return statement(a, o, say);
    if (!f->eval)
        return -1;
    if (!kind.n)
        return one_call(a, o, o, f, NULL, say);
    if (!sl_str_is(kind, "seq") || f->kind != SL_FN_SCALAR)
        return -1;
    void *state = NULL;
    bool ok = true;
    for (const sl_json *s = sl_json_get(o, "steps")->child; s && ok; s = s->next)
        ok = one_call(a, o, s, f, &state, say);
    if (f->state_free)
        f->state_free(state);
    return ok;
}

typedef struct tally {
    int pass, all;
} tally;
static void vectors(void **unused) {
    sl_str all = file(SL_TESTS "/conformance/functions.jsonl"), list = file(SL_TESTS "/conformance/functions.todo"), rest = all, line;
    sl_map *todo = sl_map_new(), *fns = sl_map_new();
    sl_buf fresh = {0};
    static int yes;
    int wrong = 0, skipped = 0;
    tally sum = {0};
    assert_true(all.n > 0);
    for (sl_str left = list; left.n;)
        if ((line = line_of(&left)).n && line.p[0] != '#')
            sl_map_set(todo, line, &yes, NULL);
    sl_arena *a = sl_arena_new(1 << 16);
    while (rest.n) {
        line = line_of(&rest);
        sl_arena_reset(a);
        sl_json *o;
        sl_err *e = sl_json_parse(a, line, &o, NULL);
        if (e)
            fail_msg("%.*s: %s", SL_FMT(line), sl_err_text(e));
        sl_str id = sl_json_get(o, "id")->s, fn = sl_json_get(o, "fn")->s, say;
        int got = vector(a, o, &say);
        if (got < 0) {
            skipped++;
            continue;
        }
        tally *t = sl_map_get(fns, fn);
        if (!t)
            sl_map_set(fns, fn, t = calloc(1, sizeof *t), NULL);
        t->all++, sum.all++;
        t->pass += got, sum.pass += got;
        bool listed = sl_map_del(todo, id);
        if (!got)
            sl_buf_printf(&fresh, "%.*s\n", SL_FMT(id));
        if (got == listed) {
            wrong += !write_todo;
            if (!write_todo)
                print_message("%.*s: %s\n", SL_FMT(id), got ? "passes, but is in functions.todo (run sql_test_functions --write-todo)" : "FAILS");
        }
        if (!got && (verbose || (!listed && !write_todo)))
            print_message("%.*s\n   got %.*s\n", SL_FMT(line), SL_FMT(say));
    }
    size_t it = 0;
    sl_str key;
    void *p;
    while (sl_map_next(fns, &it, &key, &p)) {
        tally *t = p;
        if (verbose || t->pass < t->all)
            print_message("%-24.*s %d of %d\n", SL_FMT(key), t->pass, t->all);
        free(t);
    }
    print_message("functions: %d of %d vectors pass, %d are not for this runner\n", sum.pass, sum.all, skipped);
    if (write_todo) {
        FILE *f = fopen(SL_TESTS "/conformance/functions.todo", "wb");
        assert_non_null(f);
        fprintf(f, "# Vectors of functions.jsonl that tests/sql/test_functions.c runs and that do not pass yet.\n%s", sl_buf_cstr(&fresh));
        fclose(f);
    } else
        for (it = 0; sl_map_next(todo, &it, &key, &p);) {
            print_message("%.*s: in functions.todo, but there is no such vector for this runner\n", SL_FMT(key));
            wrong++;
        }
    sl_buf_free(&fresh);
    sl_map_free(fns);
    sl_map_free(todo);
    sl_arena_free(a);
    free((char *)(uintptr_t)all.p);
    free((char *)(uintptr_t)list.p);
    assert_int_equal(wrong, 0);
}
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        verbose |= strcmp(argv[i], "-v") == 0;
        write_todo |= strcmp(argv[i], "--write-todo") == 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
