/* JSON functions (one table at the end). Decision: a path is read once per call site and kept in its state. */
#include "data/json.h"
#include "sql/func/jsonpath.h"

static sl_value fn_to_json(sl_call *c, const sl_value *args, uint32_t n) {
    sl_buf b = {0};
    sl_str why;
    if (!sl_json_put(&b, args[0], &why)) {
        sl_buf_free(&b);
        return sl_call_fail(c, "fail to convert %s to json", sl_fn_v(c, args[0]));
    }
    return sl_fn_take(c, &b);
}
static sl_value fn_parse_json(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value v = args[0], out;
    if (sl_v_nil(v))
        return sl_v_null();
    if (v.kind != SL_STRING && v.kind != SL_BYTES)
        return sl_call_fail(c, "fail to convert %s to string", sl_fn_v(c, v));
    sl_err *e = sl_json_value(c->arena, sl_v_text(v), false, &out);
    if (!e)
        return out;
    out = sl_call_fail(c, "fail to parse json: %s", sl_err_text(e));
    sl_err_free(e);
    return out;
}

static void path_free(void *state) { sl_jpath_free(state); }
/* What a path is looked up in: objects, arrays, or text that holds JSON. */
static bool opened(sl_call *c, sl_value arg, sl_value *data) {
    *data = arg;
    if (sl_v_nil(arg))
        sl_call_fail(c, "invalid data nil for jsonpath");
    else if (arg.kind == SL_STRING) {
        sl_err *e = sl_json_value(c->arena, sl_v_text(arg), false, data);
        if (!e)
            return true;
        sl_err_free(e);
        sl_call_fail(c, "data '%.*s' is not a valid json string", SL_FMT(sl_v_text(arg)));
    } else if (arg.kind == SL_LIST || arg.kind == SL_MAP || arg.kind == SL_PAIRS || arg.kind == SL_JSONTEXT)
        return true;
    else
        sl_call_fail(c, "invalid data %s for jsonpath", sl_fn_v(c, arg));
    return false;
}
static bool query(sl_call *c, const sl_value *args, sl_value *out) {
    sl_value data;
    sl_str why;
    if (args[1].kind != SL_STRING) {
        sl_call_fail(c, "invalid jsonPath, must be a string but got %s", sl_fn_v(c, args[1]));
        return false;
    }
    sl_jpath *path = c->state ? *c->state : NULL, *made = NULL;
    if (!path || !sl_str_eq(sl_jpath_text(path), sl_v_text(args[1]))) {
        made = path = sl_jpath_new(c->arena, sl_v_text(args[1]), &why);
        if (path && c->state) {
            sl_jpath_free(*c->state);
            *c->state = path;
            made = NULL;
        }
    }
    if (!path) {
        sl_call_fail(c, "%.*s", SL_FMT(why));
        return false;
    }
    bool ok = opened(c, args[0], &data);
    if (ok && !sl_jpath_eval(c, path, data, out, &why)) {
        sl_call_fail(c, "%.*s", SL_FMT(why));
        ok = false;
    }
    sl_jpath_free(made);
    return ok;
}
static sl_value fn_query(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value out;
    return query(c, args, &out) ? out : sl_v_error(c->error);
}
static sl_value fn_query_first(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value out;
    if (!query(c, args, &out))
        return sl_v_error(c->error);
    sl_value l = sl_value_open(c->arena, out);
    if (l.kind != SL_LIST)
        return sl_call_fail(c, "query result (%s) is not an array", sl_fn_v(c, out));
    return l.len ? l.list[0] : sl_call_fail(c, "query result is an empty array");
}
static sl_value fn_exists(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value out;
    bool ok = query(c, args, &out);
    c->failed = false;
    if (!ok || sl_v_nil(out))
        return sl_v_bool(false);
    out = sl_value_open(c->arena, out);
    return sl_v_bool(out.kind != SL_LIST || out.len > 0);
}
static const char *path_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : sl_x_is_str(args[1]) ? NULL : sl_ck_expect(a, "string", 2);
}
#define PATH(name, fn, sig, doc, example, gives)                                                                                                                                   \
    { name, SL_FN_SCALAR, SL_FN_PURE, 2, 2, path_check, fn, path_free, sig, doc, example, gives, NULL }
const sl_func sl_funcs_json[] = {{"to_json", SL_FN_SCALAR, SL_FN_NULLGATE | SL_FN_PURE, 1, 1, NULL, fn_to_json, NULL, "(v any) -> string", "The value as JSON text.",
                                  "to_json(object_construct(\"a\", \"<\"))", "\"{\\\"a\\\":\\\"\\\\u003c\\\"}\"", NULL},
                                 {"parse_json", SL_FN_SCALAR, SL_FN_PURE, 1, 1, sl_ck_s1, fn_parse_json, NULL, "(text string) -> any", "Reads JSON text; numbers become floats.",
                                  "parse_json(\"[1]\")", "[1]", NULL},
                                 PATH("json_path_query", fn_query, "(data any, path string) -> any", "What a JSON path finds; an array when the path can match several things.",
                                      "json_path_query(\"{\\\"a\\\":[1,2]}\", \"$.a[*]\")", "[1,2]"),
                                 PATH("json_path_query_first", fn_query_first, "(data any, path string) -> any", "The first element of the array that a JSON path finds.",
                                      "json_path_query_first(\"{\\\"a\\\":[7,8]}\", \"$.a\")", "7"),
                                 PATH("json_path_exists", fn_exists, "(data any, path string) -> boolean", "Whether a JSON path finds anything but null.",
                                      "json_path_exists(\"{\\\"a\\\":1}\", \"$.b\")", "false"),
                                 {0}};
