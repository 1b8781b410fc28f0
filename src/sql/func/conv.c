/* Conversions: cast, convert_tz, to_seconds, trunc, chr (one table at the end). The rules themselves are data/cast.c's. */
#include "sql/func/conv.h"
#include <math.h>
#include "base/bytes.h"
#include "sql/func/dense.h"

sl_value sl_fn_cast_to(sl_call *c, sl_value v, sl_value type) {
    sl_arena *a = c->arena;
    sl_str why = {0}, t = sl_v_text(type), s;
    int64_t i;
    double f;
    bool b;
    sl_value time;
    if (type.kind != SL_STRING)
        return sl_call_fail(c, "expect string type for type parameter");
    v = sl_value_open(a, v);
    if (sl_str_is(t, "bigint")) {
        if (sl_to_int(a, v, SL_CAST_ALL | SL_CAST_GOINT, &i, &why))
            return sl_v_goint(i);
    } else if (sl_str_is(t, "float")) {
        if (sl_to_float(a, v, SL_CAST_ALL, &f, &why))
            return sl_v_float(f);
    } else if (sl_str_is(t, "string")) {
        if (sl_to_str(a, v, SL_CAST_ALL, &s, &why))
            return sl_v_str(s);
    } else if (sl_str_is(t, "boolean")) {
        if (sl_to_bool(a, v, SL_CAST_ALL, &b, &why))
            return sl_v_bool(b);
    } else if (sl_str_is(t, "datetime")) {
        return sl_to_time(a, v, SL_S(""), c->zone, &time, &why) ? time : sl_call_fail(c, "%.*s", SL_FMT(why));
    } else if (sl_str_is(t, "bytea")) {
        if (v.kind == SL_BYTES)
            return v;
        if (v.kind != SL_STRING)
            return sl_call_fail(c, "cannot convert %s(%s) to bytea", sl_value_gotype(v), sl_fn_v(c, v));
        sl_buf out = sl_fn_room(c, v.len);
        size_t at;
        if (!out.p)
            return sl_call_fail(c, "out of memory");
        return sl_v_bytes(sl_base64_get(&out, sl_v_text(v), &at) ? sl_buf_view(&out) : sl_v_text(v));
    } else
        return sl_call_fail(c, "unknow type, only support bigint, float, string, boolean and datetime");
    return sl_call_fail(c, "not supported type conversion, got error %.*s", SL_FMT(why));
}
static sl_value fn_cast(sl_call *c, const sl_value *args, uint32_t n) { return sl_fn_cast_to(c, args[0], args[1]); }

static sl_value fn_convert_tz(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value t;
    sl_str why, name = sl_fn_text(c, args[1]);
    sl_zone z;
    if (!sl_to_time(c->arena, args[0], SL_S(""), c->zone, &t, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (name.n && (name.p[0] == '/' || name.p[0] == '\\' || sl_str_find(name, SL_S("..")) >= 0))
        return sl_call_fail(c, "time: invalid location name");
    if (!sl_zone_find(name, &z))
        return sl_call_fail(c, "unknown time zone %.*s", SL_FMT(name));
    t.aux = z;
    return t;
}
static sl_value fn_to_seconds(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value t;
    sl_str why;
    if (!sl_to_time(c->arena, args[0], SL_S(""), c->zone, &t, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    return sl_v_int(t.i);
}
static sl_value fn_trunc(sl_call *c, const sl_value *args, uint32_t n) {
    double x;
    sl_str why;
    if (!sl_to_float(c->arena, args[0], SL_CAST_SAMEKIND, &x, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (args[1].kind != SL_INT)
        return sl_call_fail(c, "The 2nd parameter must be int value.");
    double p = pow(10, (double)args[1].i);
    double scaled = x * p;
    return sl_v_float((double)sl_go_i64(scaled + copysign(0.5, scaled)) / p);
}
static sl_value fn_chr(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value v = args[0];
    switch (v.kind) {
    case SL_INT:
    case SL_UINT: return sl_v_goint((int32_t)(uint32_t)v.u);
    case SL_FLOAT: return sl_v_goint(sl_f64(v) > -2147483649.0 && sl_f64(v) < 2147483648.0 ? (int32_t)sl_f64(v) : INT32_MIN);
    case SL_STRING:
        if (v.len > 1)
            return sl_call_fail(c, "Parameter length cannot larger than 1.");
        if (v.len == 0)
            return sl_call_fail(c, "chr needs a text of one character, but got an empty one");
        return sl_v_goint((unsigned char)v.p[0]);
    default: return sl_call_fail(c, "Only bigint, float and string type can be convert to char type.");
    }
}

static const char *cast_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_str(args[1]))
        return sl_ck_expect(a, "string", 1); /* upstream's number */
    static const char *const types[] = {"bigint", "float", "string", "boolean", "datetime", "bytea"};
    for (size_t i = 0; sl_x_is_str(args[1]) && i < 6; i++)
        if (sl_str_is(sl_v_text(args[1]->value), types[i]))
            return NULL;
    return sl_x_is_str(args[1]) ? "Expect one of following value for the 2nd parameter: bigint, float, string, boolean, datetime, bytea." : NULL;
}
static const char *trunc_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_number(args[0]))
        return sl_ck_expect(a, "number - float or int", 1);
    return sl_x_not_int(args[1]) ? sl_ck_expect(a, "int", 2) : NULL;
}
static const char *chr_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    return e ? e : sl_x_is_float(args[0]) || sl_x_is_bool(args[0]) || sl_x_is_unit(args[0]) ? sl_ck_expect(a, "int", 1) : NULL;
}
#define GP (SL_FN_NULLGATE | SL_FN_PURE)
const sl_func sl_funcs_conv[] = {
    {"cast", SL_FN_SCALAR, SL_FN_NULLGATE, 2, 2, cast_check, fn_cast, NULL, "(x any, type string) -> any", "x as bigint, float, string, boolean, datetime or bytea.",
     "cast(\"0x10\", \"bigint\")", "16", NULL, .dense = sl_dn_cast},
    {"convert_tz", SL_FN_SCALAR, GP, 2, 2, sl_ck_ds, fn_convert_tz, NULL, "(t datetime, zone string) -> datetime", "The same instant in another time zone.",
     "to_seconds(convert_tz(cast(1000, \"datetime\"), \"Asia/Tokyo\"))", "1", NULL},
    {"to_seconds", SL_FN_SCALAR, SL_FN_NULLGATE, 1, 1, NULL, fn_to_seconds, NULL, "(t datetime) -> int", "Whole seconds since 1970.", "to_seconds(1999)", "1", NULL},
    {"trunc", SL_FN_SCALAR, GP, 2, 2, trunc_check, fn_trunc, NULL, "(x number, digits int) -> float", "Rounds half away from zero to a number of decimals (despite its name).",
     "trunc(3.1415, 2)", "3.14", NULL},
    {"chr", SL_FN_SCALAR, GP, 1, 1, chr_check, fn_chr, NULL, "(x any) -> int", "Code of a one-character text; a number loses its fraction.", "chr(\"a\")", "97", NULL},
    {0}};
