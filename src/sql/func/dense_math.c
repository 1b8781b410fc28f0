/* Mathematical functions over whole batches. Decision: the same calls of the C library as the functions on one value; only what processors do in one instruction is left to
 * the wide loops. */
#include <math.h>
#include "sql/func/dense.h"

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

static bool unary(sl_dense *d, sl_unary f) {
    const double *x = sl_dense_as_floats(d, 0);
    double *to = x ? sl_dense_floats(d) : NULL;
    if (!to)
        return false;
    d->loops->unary(f, to, x, d->n);
    return true;
}
static bool no_nan(const sl_dense *d) { return !d->loops->any_nan(d->out.f, d->n); }
bool sl_dn_ceil(sl_dense *d) { return unary(d, SL_U_CEIL); }
bool sl_dn_floor(sl_dense *d) { return unary(d, SL_U_FLOOR); }
bool sl_dn_sqrt(sl_dense *d) { return unary(d, SL_U_SQRT) && no_nan(d); }
bool sl_dn_sign(sl_dense *d) {
    bool done = unary(d, SL_U_SIGN);
    d->out.kind = SL_INT;
    d->out.flags = SL_F_GOINT;
    return done;
}
bool sl_dn_abs(sl_dense *d) {
    const sl_vec *x = &d->args[0];
    if (x->kind == SL_FLOAT)
        return unary(d, SL_U_ABS);
    int64_t *to = x->kind == SL_INT ? sl_dense_words(d, SL_INT) : NULL;
    if (!to)
        return false;
    uint64_t large = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        int64_t sign = x->w[i] >> 63;
        uint64_t y = ((uint64_t)x->w[i] ^ (uint64_t)sign) - (uint64_t)sign;
        large |= y >> 53;
        to[i] = (int64_t)y;
    }
    for (uint32_t i = 0; large && i < d->n; i++) /* by way of a double */
        to[i] = sl_go_i64(fabs((double)x->w[i]));
    d->out.flags = x->flags;
    return true;
}

#define EACH1(name, expr, fine)                                                                                                                                                    \
    bool sl_dn_##name(sl_dense *d) {                                                                                                                                               \
        const double *a = sl_dense_as_floats(d, 0);                                                                                                                                \
        double *to = a ? sl_dense_floats(d) : NULL;                                                                                                                                \
        for (uint32_t i = 0; to && i < d->n; i++) {                                                                                                                                \
            const double x = a[i];                                                                                                                                                 \
            to[i] = (expr);                                                                                                                                                        \
        }                                                                                                                                                                          \
        return to && (fine);                                                                                                                                                       \
    }
EACH1(exp, exp(x), no_nan(d))
EACH1(ln, log(x), no_nan(d))
EACH1(sin, sin(x), no_nan(d))
EACH1(cos, cos(x), no_nan(d))
EACH1(tan, tan(x), no_nan(d))
EACH1(asin, asin(x), no_nan(d))
EACH1(acos, acos(x), no_nan(d))
EACH1(atan, atan(x), no_nan(d))
EACH1(sinh, sinh(x), no_nan(d))
EACH1(cosh, cosh(x), no_nan(d))
EACH1(tanh, tanh(x), no_nan(d))
EACH1(radians, x *(M_PI / 180.0), no_nan(d))
EACH1(degrees, x *(180.0 / M_PI), no_nan(d))
bool sl_dn_cot(sl_dense *d) {
    const double *a = sl_dense_as_floats(d, 0);
    double *to = a ? sl_dense_floats(d) : NULL;
    bool odd = false;
    for (uint32_t i = 0; to && i < d->n; i++) {
        to[i] = 1.0 / tan(a[i]);
        odd |= !isfinite(to[i]) || isinf(a[i] * 2);
    }
    return to && !odd;
}
#define EACH2(name, expr, fine)                                                                                                                                                    \
    bool sl_dn_##name(sl_dense *d) {                                                                                                                                               \
        const double *a = sl_dense_as_floats(d, 0), *b = a ? sl_dense_as_floats(d, 1) : NULL;                                                                                      \
        double *to = b ? sl_dense_floats(d) : NULL;                                                                                                                                \
        const size_t sa = !d->args[0].one, sb = !d->args[1].one;                                                                                                                   \
        for (uint32_t i = 0; to && i < d->n; i++) {                                                                                                                                \
            const double x = a[i * sa], y = b[i * sb];                                                                                                                             \
            to[i] = (expr);                                                                                                                                                        \
        }                                                                                                                                                                          \
        return to && (fine);                                                                                                                                                       \
    }
/* The same, for this file. */
#define PART1(name, expr, fine) static EACH1(name, expr, fine)
#define PART2(name, expr, fine) static EACH2(name, expr, fine)
EACH2(power, pow(x, y), true)
PART2(rests, fmod(x, y), true)
bool sl_dn_mod(sl_dense *d) {
    const double *x = sl_dense_as_floats(d, 0), *k = x && d->args[1].one ? sl_dense_as_floats(d, 1) : NULL;
    if (!k || *k == 0)
        return sl_dn_rests(d);
    double *to = sl_dense_floats(d);
    return to && d->loops->floats(SL_OP_MOD, to, x, k, SL_ONE_B, d->n);
}
EACH2(atan2, atan2(x, y), no_nan(d))
PART2(logs, log(y) / log(x), no_nan(d))
PART1(log10, log10(x), no_nan(d))
bool sl_dn_log(sl_dense *d) { return d->nargs > 1 ? sl_dn_logs(d) : sl_dn_log10(d); }
bool sl_dn_round(sl_dense *d) {
    int64_t digits = 0;
    if (d->nargs == 1) {
        bool done = unary(d, SL_U_ROUND), odd = false;
        for (uint32_t i = 0; done && i < d->n; i++)
            odd |= isinf(d->out.f[i]);
        return done && !odd;
    }
    if (!sl_dense_const_int(d, 1, &digits))
        return false;
    const double *a = sl_dense_as_floats(d, 0);
    double *scaled = a ? sl_dense_floats(d) : NULL, *to = scaled ? sl_dense_floats(d) : NULL;
    if (!to)
        return false;
    const double p = pow(10, (double)digits);
    uint32_t odd = p == 0;
    for (uint32_t i = 0; i < d->n; i++) {
        scaled[i] = a[i] * p;
        odd |= !(fabs(a[i]) <= 0x1p1022) | !(fabs(scaled[i]) <= 0x1p1022);
    }
    if (odd)
        return false;
    d->loops->unary(SL_U_ROUND, to, scaled, d->n);
    for (uint32_t i = 0; i < d->n; i++)
        to[i] /= p;
    return true;
}

static bool bits(sl_dense *d, sl_op op) {
    const sl_vec *a = &d->args[0], *b = &d->args[1];
    int64_t *to = a->kind == SL_INT && b->kind == SL_INT ? sl_dense_words(d, SL_INT) : NULL;
    d->out.flags = SL_F_GOINT;
    return to && d->loops->ints(op, to, a->w, b->w, (a->one ? SL_ONE_A : 0) | (b->one ? SL_ONE_B : 0), d->n);
}
bool sl_dn_bitand(sl_dense *d) { return bits(d, SL_OP_BAND); }
bool sl_dn_bitor(sl_dense *d) { return bits(d, SL_OP_BOR); }
bool sl_dn_bitxor(sl_dense *d) { return bits(d, SL_OP_BXOR); }
bool sl_dn_bitnot(sl_dense *d) {
    int64_t *to = d->args[0].kind == SL_INT ? sl_dense_words(d, SL_INT) : NULL;
    for (uint32_t i = 0; to && i < d->n; i++)
        to[i] = ~d->args[0].w[i];
    d->out.flags = SL_F_GOINT;
    return to != NULL;
}
