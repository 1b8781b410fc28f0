/* encode, decode, hexadecimal and compression.
 * Decision: zlib is part of the daemon; Zstandard is a module loaded on the first call that asks for it. What a call site has compressed
 * with first is kept in its state, because upstream insists on one method per call site. */
#include <limits.h>
#include <stdlib.h>
#include "base/bytes.h"
#include "sql/func.h"
#include "data/press.h"

enum { MAX_UNPACKED = 256 << 20 };

static sl_value take_bytes(sl_call *c, sl_buf *b) {
    sl_value v = sl_fn_take(c, b);
    if (v.kind == SL_STRING)
        v.kind = SL_BYTES;
    return v;
}
static const char *base64_only(const sl_value *args, const char *format, const char *text) { /* NULL, or what upstream says, in its order */
    if (args[1].kind != SL_STRING)
        return "<nil>";
    return !sl_str_ieq(sl_v_text(args[1]), SL_S("base64")) ? format : args[0].kind != SL_STRING ? text : NULL;
}
static sl_value fn_encode(sl_call *c, const sl_value *args, uint32_t n) {
    const char *bad = base64_only(args, "Only base64 encoding is supported.", "Only string type can be encoded.");
    if (bad)
        return sl_call_fail(c, "%s", bad);
    sl_buf b = sl_fn_room(c, (args[0].len + (size_t)2) / 3 * 4);
    if (!b.p)
        return sl_call_fail(c, "out of memory");
    sl_base64_put(&b, sl_v_text(args[0]));
    return sl_v_str(sl_buf_view(&b));
}
static sl_value fn_decode(sl_call *c, const sl_value *args, uint32_t n) {
    const char *bad = base64_only(args, "Only base64 decoding is supported.", "Only string type can be decoded.");
    if (bad)
        return sl_call_fail(c, "%s", bad);
    sl_buf b = sl_fn_room(c, args[0].len);
    size_t at;
    if (!b.p)
        return sl_call_fail(c, "out of memory");
    if (sl_base64_get(&b, sl_v_text(args[0]), &at))
        return sl_v_bytes(sl_buf_view(&b));
    return sl_call_fail(c, "fail to decode base64 string: illegal base64 data at input byte %zu", at);
}
static sl_value fn_hex2dec(sl_call *c, const sl_value *args, uint32_t n) {
    if (args[0].kind != SL_STRING)
        return sl_call_fail(c, "invalid input type: %s please input hex string", sl_fn_v(c, args[0]));
    sl_str s = sl_v_text(args[0]);
    if (sl_str_starts(s, SL_S("0x")))
        s.p += 2, s.n -= 2;
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    bool minus = i && s.p[0] == '-', fine = i < s.n;
    uint64_t u = 0;
    for (; fine && i < s.n; i++) {
        char ch = s.p[i];
        int d = ch >= '0' && ch <= '9' ? ch - '0' : (ch | 32) >= 'a' && (ch | 32) <= 'f' ? (ch | 32) - 'a' + 10 : -1;
        fine = d >= 0 && u >> 60 == 0;
        u = u << 4 | (uint64_t)(d & 15);
    }
    if (!fine || u > (uint64_t)INT64_MAX + minus)
        return sl_call_fail(c, "invalid hexadecimal value: %.*s", SL_FMT(s));
    return sl_v_int((int64_t)(minus ? 0 - u : u));
}
static sl_value fn_dec2hex(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t i;
    sl_str why;
    if (!sl_to_int(c->arena, args[0], SL_CAST_STRICT | SL_CAST_GOINT, &i, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    return sl_v_str(sl_arena_printf(c->arena, "0x%s%llx", i < 0 ? "-" : "", (unsigned long long)(i < 0 ? 0 - (uint64_t)i : (uint64_t)i)));
}

/* ---- compression ---- */
static sl_value coded(sl_call *c, const sl_value *args, bool packing) {
    const char *const verb = packing ? "compress" : "decompress";
    sl_value v = args[0];
    if (sl_v_nil(v))
        return sl_v_null();
    if (v.kind != SL_STRING && v.kind != SL_BYTES)
        return sl_call_fail(c, "require string or bytea parameter, but got %s", sl_fn_v(c, v));
    sl_str name = sl_fn_text(c, args[1]);
    const char *before = c->state ? *c->state : NULL;
    if (before && !sl_str_is(name, before))
        return sl_call_fail(c, "%s type must be consistent, previous %s, now %.*s", verb, before, SL_FMT(name));
    sl_press m = sl_press_of(name);
    if (m == SL_PRESS_NONE)
        return sl_call_fail(c, "unsupported %sor: %.*s", verb, SL_FMT(name));
    sl_buf out = {0};
    sl_err *e = sl_press_ready(m);
    if (e) {
        sl_value bad = sl_call_fail(c, "%s", sl_err_text(e));
        sl_err_free(e);
        return bad;
    }
    const char *why = packing ? sl_press_pack(m, sl_v_text(v), &out) : sl_press_unpack(m, sl_v_text(v), MAX_UNPACKED, &out);
    if (c->state)
        *c->state = (void *)(uintptr_t)sl_press_name(m); /* static text: nothing to free */
    if (!why)
        return take_bytes(c, &out);
    sl_buf_free(&out);
    return sl_call_fail(c, "%s", why);
}
static sl_value fn_compress(sl_call *c, const sl_value *args, uint32_t n) { return coded(c, args, true); }
static sl_value fn_decompress(sl_call *c, const sl_value *args, uint32_t n) { return coded(c, args, false); }
static void forget(void *state) {}

static const char *encode_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_str(args[0]))
        return sl_ck_expect(a, "string", 1);
    if (!sl_x_is_str(args[1]))
        return sl_ck_expect(a, "string", 2);
    return sl_str_is(sl_v_text(args[1]->value), "base64") ? NULL : "Only base64 is supported for the 2nd parameter.";
}
#define GP (SL_FN_NULLGATE | SL_FN_PURE)
const sl_func sl_funcs_encode[] = {
    {"encode", SL_FN_SCALAR, GP, 2, 2, encode_check, fn_encode, NULL, "(s string, \"base64\") -> string", "Base64 of a text.", "encode(\"hi\", \"base64\")", "\"aGk=\"", NULL},
    {"decode", SL_FN_SCALAR, GP, 2, 2, encode_check, fn_decode, NULL, "(s string, \"base64\") -> bytea", "Bytes of a base64 text.",
     "cast(decode(\"aGk=\", \"base64\"), \"string\")", "\"hi\"", NULL},
    {"hex2dec", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_hex2dec, NULL, "(s string) -> int", "A hexadecimal text as a number.", "hex2dec(\"0xff\")", "255", NULL},
    {"dec2hex", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_dec2hex, NULL, "(n int) -> string", "A number in hexadecimal (not a literal number).", "dec2hex(hex2dec(\"ff\"))", "\"0xff\"",
     NULL},
    {"compress", SL_FN_SCALAR, 0, 2, 2, sl_ck_s2, fn_compress, forget, "(data string or bytea, method string) -> bytea", "Compresses with zlib, gzip, flate or zstd.",
     "cast(decompress(compress(\"hi\", \"zlib\"), \"zlib\"), \"string\")", "\"hi\"", NULL},
    {"decompress", SL_FN_SCALAR, 0, 2, 2, sl_ck_s2, fn_decompress, forget, "(data string or bytea, method string) -> bytea", "Undoes compress.",
     "cast(decompress(compress(\"hi\", \"gzip\"), \"gzip\"), \"string\")", "\"hi\"", NULL},
    {0}};
