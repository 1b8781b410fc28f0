/* Mathematical functions (one table at the end).
 * Decision: arithmetic is the C library's on doubles, as upstream's is Go's; where Go's answer for not-a-number or infinity is turned
 * into null or an error, the row of the table says so through the small function it names. */
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>
#include "base/num.h"
#include "sql/func.h"
#include "sql/func/dense.h"

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

static bool num(sl_call *c, sl_value v, double *out, sl_value *bad) {
    sl_str why;
    if (v.kind == SL_FLOAT) {
        *out = sl_f64(v);
        return true;
    }
    if (v.kind == SL_INT && !(v.flags & SL_F_WEEKDAY)) {
        *out = (double)v.i;
        return true;
    }
    if (sl_to_float(c->arena, v, SL_CAST_SAMEKIND, out, &why))
        return true;
    *bad = sl_call_fail(c, "%.*s", SL_FMT(why));
    return false;
}
static sl_value or_null(double d) { return isnan(d) ? sl_v_null() : sl_v_float(d); }

/* One argument, NaN becomes null. */
#define UNARY(name, expr)                                                                                                                                                          \
    static sl_value fn_##name(sl_call *c, const sl_value *args, uint32_t n) {                                                                                                      \
        double x;                                                                                                                                                                  \
        sl_value bad;                                                                                                                                                              \
        return num(c, args[0], &x, &bad) ? or_null(expr) : bad;                                                                                                                    \
    }
UNARY(acos, acos(x))
UNARY(asin, asin(x))
UNARY(atan, atan(x))
UNARY(sin, sin(x))
UNARY(cos, cos(x))
UNARY(tan, tan(x))
UNARY(sinh, sinh(x))
UNARY(cosh, cosh(x))
UNARY(tanh, tanh(x))
UNARY(exp, exp(x))
UNARY(radians, x *(M_PI / 180.0))
UNARY(degrees, x *(180.0 / M_PI))
#undef UNARY
#define UNARY(name, expr)                                                                                                                                                          \
    static sl_value fn_##name(sl_call *c, const sl_value *args, uint32_t n) {                                                                                                      \
        double x;                                                                                                                                                                  \
        sl_value bad;                                                                                                                                                              \
        return num(c, args[0], &x, &bad) ? sl_v_float(expr) : bad;                                                                                                                 \
    }
UNARY(ceil, ceil(x))
UNARY(floor, floor(x))
#undef UNARY

static sl_value fn_abs(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value v = args[0];
    if (v.kind == SL_INT && !(v.flags & SL_F_WEEKDAY)) {
        v.i = sl_go_i64(fabs((double)v.i)); /* through a double, as upstream */
        return v;
    }
    double x;
    sl_str why;
    if (v.kind == SL_FLOAT || ((v.kind == SL_UINT || v.kind == SL_DECIMAL) && sl_to_float(c->arena, v, SL_CAST_SAMEKIND, &x, &why)))
        return sl_v_float(fabs(v.kind == SL_FLOAT ? sl_f64(v) : x));
    return sl_call_fail(c, "only float64 & int type are supported");
}
static sl_value fn_atan2(sl_call *c, const sl_value *args, uint32_t n) {
    double y, x;
    sl_value bad;
    return num(c, args[0], &y, &bad) && num(c, args[1], &x, &bad) ? or_null(atan2(y, x)) : bad;
}
static sl_value fn_cot(sl_call *c, const sl_value *args, uint32_t n) {
    double x;
    sl_value bad;
    if (!num(c, args[0], &x, &bad))
        return bad;
    if (isinf(x * 2)) /* the double angle counts */
        return sl_v_null();
    double r = 1.0 / tan(x);
    return isinf(r) ? sl_call_fail(c, "out-of-range error") : or_null(r);
}
/* Domain errors of ln, log and sqrt are shown without the prefix of a failed call. */
static sl_value domain(sl_call *c, const char *what, double x) {
    return sl_v_error(sl_arena_printf(c->arena, "The argument must be a %s number but got %s", what, sl_fn_v(c, sl_v_float(x))));
}
static sl_value limited(sl_call *c, sl_value of, double (*f)(double), const char *what) {
    double x;
    sl_value bad;
    if (!num(c, of, &x, &bad))
        return bad;
    double r = f(x);
    return isnan(r) ? domain(c, what, x) : sl_v_float(r);
}
static sl_value fn_ln(sl_call *c, const sl_value *args, uint32_t n) { return limited(c, args[0], log, "strictly positive"); }
static sl_value fn_sqrt(sl_call *c, const sl_value *args, uint32_t n) { return limited(c, args[0], sqrt, "positive"); }
static sl_value fn_log(sl_call *c, const sl_value *args, uint32_t n) {
    double x, y;
    sl_value bad;
    if (!num(c, args[0], &x, &bad) || (n > 1 && !num(c, args[1], &y, &bad)))
        return bad;
    double r = n > 1 ? log(y) / log(x) : log10(x);
    return isnan(r) ? domain(c, "strictly positive", x) : sl_v_float(r);
}
static sl_value fn_power(sl_call *c, const sl_value *args, uint32_t n) {
    double x, y;
    sl_value bad;
    return num(c, args[0], &x, &bad) && num(c, args[1], &y, &bad) ? sl_v_float(pow(x, y)) : bad;
}
static sl_value fn_mod(sl_call *c, const sl_value *args, uint32_t n) {
    double x, y;
    sl_value bad;
    sl_str why;
    if (!num(c, args[0], &x, &bad))
        return bad;
    if (!sl_to_float(c->arena, args[1], SL_CAST_SAMEKIND, &y, &why))
        y = 0; /* upstream loses this error: the result is NaN */
    return sl_v_float(fmod(x, y));
}
static sl_value fn_round(sl_call *c, const sl_value *args, uint32_t n) {
    double x;
    sl_value bad;
    int64_t digits = 0;
    sl_str why;
    if (n > 1 && !sl_to_int(c->arena, args[1], SL_CAST_SAMEKIND | SL_CAST_GOINT, &digits, &why))
        return sl_call_fail(c, "The second argument must be an integer: %.*s", SL_FMT(why));
    if (!num(c, args[0], &x, &bad))
        return bad;
    double p = pow(10, (double)digits), scaled = x * p;
    if (isinf(x))
        return sl_v_float(copysign(1 / p, x)); /* one unit of that digit, as upstream */
    if (digits > 0 && !isfinite(scaled))
        return sl_v_float(x); /* nothing lies behind that digit */
    return sl_v_float(round(scaled) / p);
}
static sl_value fn_sign(sl_call *c, const sl_value *args, uint32_t n) {
    double x;
    sl_value bad;
    return num(c, args[0], &x, &bad) ? sl_v_goint((x > 0) - (x < 0)) : bad;
}
static bool two_ints(sl_call *c, const sl_value *args, int64_t *x, int64_t *y, sl_value *bad) {
    sl_str why;
    const char *which = "first";
    if (sl_to_int(c->arena, args[0], SL_CAST_STRICT, x, &why)) {
        which = "second";
        if (sl_to_int(c->arena, args[1], SL_CAST_STRICT, y, &why))
            return true;
    }
    *bad = sl_call_fail(c, "Expect int type for the %s operand but got %s", which, sl_fn_v(c, args[which[0] == 's']));
    return false;
}
#define BITS(name, op)                                                                                                                                                             \
    static sl_value fn_##name(sl_call *c, const sl_value *args, uint32_t n) {                                                                                                      \
        int64_t x, y;                                                                                                                                                              \
        sl_value bad;                                                                                                                                                              \
        return two_ints(c, args, &x, &y, &bad) ? sl_v_goint(x op y) : bad;                                                                                                         \
    }
BITS(bitand, &)
BITS(bitor, |)
BITS(bitxor, ^)
#undef BITS
static sl_value fn_bitnot(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t x;
    sl_str why;
    if (!sl_to_int(c->arena, args[0], SL_CAST_STRICT, &x, &why))
        return sl_call_fail(c, "Expect int type for operand but got %s", sl_fn_v(c, args[0]));
    return sl_v_goint(~x);
}
static sl_value fn_pi(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_float(M_PI); }
static sl_value fn_rand(sl_call *c, const sl_value *args, uint32_t n) {
    static _Thread_local uint64_t s; /* splitmix64 */
    if (!s && getrandom(&s, sizeof s, 0) != (ssize_t)sizeof s)
        s = (uint64_t)sl_wall_ns() ^ (uint64_t)(uintptr_t)&s;
    uint64_t z = (s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return sl_v_float((double)((z ^ z >> 31) >> 11) * 0x1p-53);
}
/* conv: MySQL's rules. */
static int digit(char ch) { return ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'z' ? ch - 'a' + 10 : ch >= 'A' && ch <= 'Z' ? ch - 'A' + 10 : 99; }
static sl_value fn_conv(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t from, to;
    sl_str why, s = sl_str_trim(sl_fn_text(c, args[0]));
    if (!sl_to_int(c->arena, args[1], SL_CAST_SAMEKIND, &from, &why) || !sl_to_int(c->arena, args[2], SL_CAST_SAMEKIND, &to, &why))
        return sl_v_null();
    bool from_signed = from < 0, to_signed = to < 0, minus = false;
    if (from < -36 || from > 36 || to < -36 || to > 36)
        return sl_v_null();
    from = from < 0 ? -from : from;
    to = to < 0 ? -to : to;
    if (from < 2 || to < 2)
        return sl_v_null();
    size_t i = 0;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        minus = s.p[i++] == '-';
    size_t start = i;
    uint64_t u = 0;
    bool over = false;
    for (; i < s.n && digit(s.p[i]) < from; i++)
        over |= __builtin_mul_overflow(u, (uint64_t)from, &u) || __builtin_add_overflow(u, (uint64_t)digit(s.p[i]), &u);
    if (over)
        return sl_call_fail(c, "strconv.ParseUint: parsing \"%.*s\": value out of range", (int)(i - start), s.p + start);
    if (i == start)
        return sl_v_str(SL_S("0"));
    const uint64_t top = (uint64_t)1 << 63;
    if (from_signed && minus && u > top)
        u = top;
    if (from_signed && !minus && u > top - 1)
        u = top - 1;
    if (minus)
        u = 0 - u;
    bool show_minus = to_signed && (u & top);
    if (show_minus)
        u = 0 - u;
    char buf[72], *p = buf + sizeof buf;
    do
        *--p = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[u % (uint64_t)to];
    while (u /= (uint64_t)to);
    if (show_minus)
        *--p = '-';
    return sl_v_str(sl_arena_dup(c->arena, (sl_str){p, (size_t)(buf + sizeof buf - p)}));
}

/* ---- checks ---- */
static const char *one_or_two(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n != 1 && n != 2)
        return "Expect 1 or 2 arguments only";
    for (uint32_t i = 0; i < n; i++)
        if (sl_x_not_number(args[i]))
            return sl_ck_expect(a, "number - float or int", i + 1);
    return NULL;
}
static const char *log_check(sl_arena *a, sl_expr **args, uint32_t n) { return one_or_two(a, args, n == 2 && !sl_x_not_number(args[0]) ? 1 : n); }
static const char *bitnot_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 1, n);
    return e ? e : sl_x_not_int(args[0]) ? sl_ck_expect(a, "int", 1) : NULL;
}
static const char *conv_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 3, n);
    for (uint32_t i = 1; !e && i < 3; i++)
        if (!sl_x_is_int(args[i]))
            e = sl_ck_expect(a, "integer", i + 1);
    return e;
}

#define GP (SL_FN_NULLGATE | SL_FN_PURE)
#define N1(name, fn, fast, sig, doc, example, gives)                                                                                                                               \
    { name, SL_FN_SCALAR, GP, 1, 1, sl_ck_n1, fn, NULL, sig, doc, example, gives, NULL, NULL, fast }
#define N2(name, fn, fast, sig, doc, example, gives)                                                                                                                               \
    { name, SL_FN_SCALAR, GP, 2, 2, sl_ck_n2, fn, NULL, sig, doc, example, gives, NULL, NULL, fast }
#define I2(name, fn, fast, sig, doc, example, gives)                                                                                                                               \
    { name, SL_FN_SCALAR, GP, 2, 2, sl_ck_i2, fn, NULL, sig, doc, example, gives, NULL, NULL, fast }
const sl_func sl_funcs_math[] = {
    N1("abs", fn_abs, sl_dn_abs, "(x number) -> number", "Absolute value; an int stays an int.", "abs(-2)", "2"),
    N1("acos", fn_acos, sl_dn_acos, "(x number) -> float", "Arc cosine in radians; null outside [-1, 1].", "acos(1)", "0"),
    N1("asin", fn_asin, sl_dn_asin, "(x number) -> float", "Arc sine in radians; null outside [-1, 1].", "asin(0)", "0"),
    N1("atan", fn_atan, sl_dn_atan, "(x number) -> float", "Arc tangent in radians.", "atan(0)", "0"),
    N2("atan2", fn_atan2, sl_dn_atan2, "(y number, x number) -> float", "Angle of the point (x, y) in radians.", "atan2(1, 1)", "0.7853981633974483"),
    I2("bitand", fn_bitand, sl_dn_bitand, "(x int, y int) -> int", "Bitwise and.", "bitand(12, 10)", "8"),
    I2("bitor", fn_bitor, sl_dn_bitor, "(x int, y int) -> int", "Bitwise or.", "bitor(12, 10)", "14"),
    I2("bitxor", fn_bitxor, sl_dn_bitxor, "(x int, y int) -> int", "Bitwise exclusive or.", "bitxor(6, 3)", "5"),
    {"bitnot", SL_FN_SCALAR, GP, 1, 1, bitnot_check, fn_bitnot, NULL, "(x int) -> int", "All bits inverted.", "bitnot(0)", "-1", NULL, .dense = sl_dn_bitnot},
    N1("ceiling", fn_ceil, sl_dn_ceil, "(x number) -> float", "Smallest whole number not below x.", "ceiling(1.2)", "2"),
    N1("ceil", fn_ceil, sl_dn_ceil, "(x number) -> float", "Same as ceiling.", "ceil(1.2)", "2"),
    N1("cos", fn_cos, sl_dn_cos, "(x number) -> float", "Cosine of an angle in radians.", "cos(0)", "1"),
    N1("cosh", fn_cosh, sl_dn_cosh, "(x number) -> float", "Hyperbolic cosine.", "cosh(0)", "1"),
    N1("cot", fn_cot, sl_dn_cot, "(x number) -> float", "Cotangent; an error where it is infinite.", "cot(1)", "0.6420926159343306"),
    N1("exp", fn_exp, sl_dn_exp, "(x number) -> float", "e to the power of x.", "exp(0)", "1"),
    N1("floor", fn_floor, sl_dn_floor, "(x number) -> float", "Largest whole number not above x.", "floor(1.8)", "1"),
    N1("ln", fn_ln, sl_dn_ln, "(x number) -> float", "Natural logarithm; an error for negative x.", "ln(1)", "0"),
    {"log", SL_FN_SCALAR, GP, 1, 2, log_check, fn_log, NULL, "([base number,] x number) -> float", "Logarithm to base 10, or to the base given first.", "log(2, 8)", "3", NULL,
     .dense = sl_dn_log},
    N2("mod", fn_mod, sl_dn_mod, "(x number, y number) -> float", "Remainder of x / y with the sign of x.", "mod(-7, 4)", "-3"),
    {"pi", SL_FN_SCALAR, SL_FN_PURE, 0, 0, NULL, fn_pi, NULL, "() -> float", "The number pi.", "pi()", "3.141592653589793", NULL},
    N2("power", fn_power, sl_dn_power, "(x number, y number) -> float", "x to the power of y.", "power(2, 10)", "1024"),
    N2("pow", fn_power, sl_dn_power, "(x number, y number) -> float", "Same as power.", "pow(2, -1)", "0.5"),
    {"rand", SL_FN_SCALAR, 0, 0, 0, NULL, fn_rand, NULL, "() -> float", "A random number from 0 up to but not including 1.", "rand() < 1", "true", NULL},
    {"round", SL_FN_SCALAR, GP, 1, 2, one_or_two, fn_round, NULL, "(x number [, digits int]) -> float", "Rounds half away from zero, to a number of decimals (may be negative).",
     "round(25.987, 2)", "25.99", NULL, .dense = sl_dn_round},
    N1("sign", fn_sign, sl_dn_sign, "(x number) -> int", "-1, 0 or 1.", "sign(-0.1)", "-1"),
    N1("sin", fn_sin, sl_dn_sin, "(x number) -> float", "Sine of an angle in radians.", "sin(0)", "0"),
    N1("sinh", fn_sinh, sl_dn_sinh, "(x number) -> float", "Hyperbolic sine.", "sinh(0)", "0"),
    N1("sqrt", fn_sqrt, sl_dn_sqrt, "(x number) -> float", "Square root; an error for negative x.", "sqrt(9)", "3"),
    N1("tan", fn_tan, sl_dn_tan, "(x number) -> float", "Tangent of an angle in radians.", "tan(0)", "0"),
    N1("tanh", fn_tanh, sl_dn_tanh, "(x number) -> float", "Hyperbolic tangent.", "tanh(0)", "0"),
    N1("radians", fn_radians, sl_dn_radians, "(x number) -> float", "Degrees to radians.", "radians(180)", "3.141592653589793"),
    N1("degrees", fn_degrees, sl_dn_degrees, "(x number) -> float", "Radians to degrees.", "degrees(pi())", "180"),
    {"conv", SL_FN_SCALAR, GP, 3, 3, conv_check, fn_conv, NULL, "(n any, from int, to int) -> string",
     "Rewrites a number from one base (2 to 36) in another; a negative base means signed.", "conv(\"ff\", 16, 10)", "\"255\"", NULL},
    {0}};
