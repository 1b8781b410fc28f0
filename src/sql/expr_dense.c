/* Instructions over all rows of a batch whose operands are of one kind throughout: loops without a question about kinds, which the compiler makes wide.
 *
 * Decision: whether a register is uniform is found out once per batch and register, when an instruction first wants to know; results of these loops are
 * known to be. What is not uniform, or runs for a part of the rows only, goes the way of expr_run.c, which asks each value. Values stay 16 bytes: a column
 * that comes in and one that goes out are such, so nothing is converted. */
#include "sql/expr.h"

enum { UNKNOWN = 0, MIXED = 0xFF, LEAST = 8 };

static uint8_t scan(const sl_value *v, uint32_t n) {
    uint8_t kind = v->kind;
    if (kind != SL_INT && kind != SL_FLOAT && kind != SL_BOOL && kind != SL_STRING)
        return MIXED;
    uint32_t bad = 0;
    for (uint32_t at = 0; at < n && !bad;) { /* in pieces: a mixed column is soon known */
        uint32_t end = at + 64 < n ? at + 64 : n;
        for (; at < end; at++)
            bad |= (uint32_t)(v[at].kind ^ kind) | v[at].flags;
    }
    return bad ? MIXED : kind;
}
uint8_t sl_run_kind(sl_run *r, int32_t o, uint32_t n) {
    if (o < 0) {
        const sl_value *v = &r->p->consts[~o];
        return v->flags ? MIXED : v->kind;
    }
    if (r->uni[o] == UNKNOWN)
        r->uni[o] = scan(r->reg[o], n);
    return r->uni[o];
}

#define LOOP(EXPR)                                                                                                                                                                 \
    for (uint32_t i = 0; i < n; i++)                                                                                                                                               \
        d[i] = (EXPR);
/* Three loops: both columns, one of them constant. A column against itself needs none of its own. */
#define LOOPS(MAKE, OP, T, F)                                                                                                                                                      \
    do {                                                                                                                                                                           \
        if (sa && sb)                                                                                                                                                              \
            LOOP(MAKE(OP((T)a[i].F, (T)b[i].F)))                                                                                                                                   \
        else if (sa) {                                                                                                                                                             \
            const T k = (T)b->F;                                                                                                                                                   \
            LOOP(MAKE(OP((T)a[i].F, k)))                                                                                                                                           \
        } else {                                                                                                                                                                   \
            const T k = (T)a->F;                                                                                                                                                   \
            LOOP(MAKE(OP(k, (T)b[i].F)))                                                                                                                                           \
        }                                                                                                                                                                          \
    } while (0)
#define PLUS(x, y) ((x) + (y))
#define MINUS(x, y) ((x) - (y))
#define TIMES(x, y) ((x) * (y))
#define OVER(x, y) ((x) / (y))
#define EQ(x, y) ((x) == (y))
#define NE(x, y) ((x) != (y))
#define LT(x, y) ((x) < (y))
#define LE(x, y) ((x) <= (y))
#define GT(x, y) ((x) > (y))
#define GE(x, y) ((x) >= (y))
#define AS_INT(x) sl_v_int((int64_t)(x))

static bool ints(sl_op op, sl_value *restrict d, const sl_value *a, bool sa, const sl_value *b, bool sb, uint32_t n) {
    switch (op) {
    case SL_OP_ADD: LOOPS(AS_INT, PLUS, uint64_t, u); return true;
    case SL_OP_SUB: LOOPS(AS_INT, MINUS, uint64_t, u); return true;
    case SL_OP_MUL: LOOPS(AS_INT, TIMES, uint64_t, u); return true;
    case SL_OP_DIV:
    case SL_OP_MOD: /* by a constant that neither fails nor overflows */
        if (sb || b->i == 0 || b->i == -1)
            return false;
        if (op == SL_OP_DIV)
            LOOP(sl_v_int(a[i].i / b->i))
        else
            LOOP(sl_v_int(a[i].i % b->i))
        return true;
    case SL_OP_EQ: LOOPS(sl_v_bool, EQ, int64_t, i); return true;
    case SL_OP_NE: LOOPS(sl_v_bool, NE, int64_t, i); return true;
    case SL_OP_LT: LOOPS(sl_v_bool, LT, int64_t, i); return true;
    case SL_OP_LE: LOOPS(sl_v_bool, LE, int64_t, i); return true;
    case SL_OP_GT: LOOPS(sl_v_bool, GT, int64_t, i); return true;
    case SL_OP_GE: LOOPS(sl_v_bool, GE, int64_t, i); return true;
    default: return false;
    }
}
static bool floats(sl_op op, sl_value *restrict d, const sl_value *a, bool sa, const sl_value *b, bool sb, uint32_t n) {
    switch (op) {
    case SL_OP_ADD: LOOPS(sl_v_float, PLUS, double, f); return true;
    case SL_OP_SUB: LOOPS(sl_v_float, MINUS, double, f); return true;
    case SL_OP_MUL: LOOPS(sl_v_float, TIMES, double, f); return true;
    case SL_OP_DIV:
        if (sb || b->f == 0)
            return false;
        LOOP(sl_v_float(a[i].f / b->f))
        return true;
    case SL_OP_EQ: LOOPS(sl_v_bool, EQ, double, f); return true;
    case SL_OP_NE: LOOPS(sl_v_bool, NE, double, f); return true;
    case SL_OP_LT: LOOPS(sl_v_bool, LT, double, f); return true;
    case SL_OP_LE: LOOPS(sl_v_bool, LE, double, f); return true;
    case SL_OP_GT: LOOPS(sl_v_bool, GT, double, f); return true;
    case SL_OP_GE: LOOPS(sl_v_bool, GE, double, f); return true;
    default: return false;
    }
}
bool sl_dense_binary(sl_run *r, const sl_insn *in, sl_value *d, uint32_t n) {
    if (n < LEAST || (in->a < 0 && in->b < 0))
        return false;
    uint8_t ka = sl_run_kind(r, in->a, n), kb = ka == MIXED ? MIXED : sl_run_kind(r, in->b, n);
    if ((ka != SL_INT && ka != SL_FLOAT) || (kb != SL_INT && kb != SL_FLOAT))
        return false;
    sl_value k;
    const sl_value *a = in->a >= 0 ? r->reg[in->a] : &r->p->consts[~in->a], *b = in->b >= 0 ? r->reg[in->b] : &r->p->consts[~in->b];
    bool sa = in->a >= 0, sb = in->b >= 0;
    if (ka != kb) { /* a whole number meets a fraction: only constants are turned here */
        if (ka == SL_INT && !sa) {
            k = sl_v_float((double)a->i);
            a = &k;
        } else if (kb == SL_INT && !sb) {
            k = sl_v_float((double)b->i);
            b = &k;
        } else
            return false;
        ka = SL_FLOAT;
    }
    sl_op op = in->sub;
    if (!(ka == SL_INT ? ints(op, d, a, sa, b, sb, n) : floats(op, d, a, sa, b, sb, n)))
        return false;
    r->uni[in->dst] = op >= SL_OP_EQ ? SL_BOOL : ka;
    return true;
}
bool sl_dense_block(sl_run *r, sl_block b, uint32_t n) {
    if (!b.n || n < LEAST)
        return false;
    for (uint32_t k = 0; k < b.n; k++) {
        const sl_insn *in = &b.code[k];
        if (in->op != SL_I_CMP && in->op != SL_I_ARITH)
            return false;
        sl_value *d = sl_run_scratch(r, in->dst);
        if (!d || !sl_dense_binary(r, in, d, n))
            return false;
    }
    return b.res >= 0 && r->uni[b.res] == SL_BOOL;
}

#define PICK(OP, F)                                                                                                                                                                \
    for (uint32_t i = 0; i < n; i++) {                                                                                                                                             \
        keep[m] = i;                                                                                                                                                               \
        m += OP(a[i].F, k);                                                                                                                                                        \
    }                                                                                                                                                                              \
    break
#define PICKS(F)                                                                                                                                                                   \
    switch (op) {                                                                                                                                                                  \
    case SL_OP_EQ: PICK(EQ, F);                                                                                                                                                    \
    case SL_OP_NE: PICK(NE, F);                                                                                                                                                    \
    case SL_OP_LT: PICK(LT, F);                                                                                                                                                    \
    case SL_OP_LE: PICK(LE, F);                                                                                                                                                    \
    case SL_OP_GT: PICK(GT, F);                                                                                                                                                    \
    default: PICK(GE, F);                                                                                                                                                          \
    }
bool sl_dense_select(sl_run *r, const sl_insn *in, uint32_t n, uint32_t *keep, uint32_t *kept) {
    if (n < LEAST || in->a < 0 || in->b >= 0)
        return false;
    uint8_t kb = sl_run_kind(r, in->b, n);
    if (kb == SL_STRING && in->sub != SL_OP_EQ) /* anything else may walk the texts, which is work enough */
        return false;
    uint8_t ka = sl_run_kind(r, in->a, n);
    if (ka == SL_STRING && kb == SL_STRING) {
        const sl_value *t = r->reg[in->a], k = r->p->consts[~in->b];
        uint32_t m = 0;
        for (uint32_t i = 0; i < n; i++) {
            keep[m] = i;
            m += t[i].len == k.len && memcmp(t[i].p, k.p, k.len) == 0;
        }
        *kept = m;
        return true;
    }
    if ((ka != SL_INT && ka != SL_FLOAT) || (kb != ka && (kb != SL_INT || ka != SL_FLOAT)))
        return false;
    const sl_value *a = r->reg[in->a], *b = &r->p->consts[~in->b];
    sl_op op = in->sub;
    uint32_t m = 0;
    if (ka == SL_INT) {
        const int64_t k = b->i;
        PICKS(i)
    } else {
        const double k = kb == SL_INT ? (double)b->i : b->f;
        PICKS(f)
    }
    *kept = m;
    return true;
}
