/* The loops of vec.h. Included by one file for each kind of processor, which names the table: the same C, made wider or less wide by the compiler.
 * Decision: no loop has a branch in it but the counting one, and none knows registers or rows' numbers beyond a list of places. */
#include <math.h>
#include "sql/vec.h"

#define EACH(EXPR)                                                                                                                                                                 \
    for (uint32_t i = 0; i < n; i++)                                                                                                                                               \
        d[i] = (EXPR);
/* Both columns, or one of them a constant. */
#define FORMS(OP)                                                                                                                                                                  \
    do {                                                                                                                                                                           \
        if (!one)                                                                                                                                                                  \
            EACH(OP(a[i], b[i]))                                                                                                                                                   \
        else if (one & SL_ONE_B)                                                                                                                                                   \
            EACH(OP(a[i], kb))                                                                                                                                                     \
        else                                                                                                                                                                       \
            EACH(OP(ka, b[i]))                                                                                                                                                     \
    } while (0)
#define IADD(x, y) ((int64_t)((uint64_t)(x) + (uint64_t)(y)))
#define ISUB(x, y) ((int64_t)((uint64_t)(x) - (uint64_t)(y)))
#define IMUL(x, y) ((int64_t)((uint64_t)(x) * (uint64_t)(y)))
#define FADD(x, y) ((x) + (y))
#define FSUB(x, y) ((x) - (y))
#define FMUL(x, y) ((x) * (y))
#define FDIV(x, y) ((x) / (y))
#define AND(x, y) ((x) & (y))
#define OR(x, y) ((x) | (y))
#define XOR(x, y) ((x) ^ (y))
#define EQ(x, y) ((x) == (y))
#define NE(x, y) ((x) != (y))
#define LT(x, y) ((x) < (y))
#define LE(x, y) ((x) <= (y))
#define GT(x, y) ((x) > (y))
#define GE(x, y) ((x) >= (y))

/* A number by which much is divided: multiplied instead. With |k| = 2^l or less, 2^(63+l) / |k| rounded up is a factor of 65 bits whose highest is known. */
typedef struct divisor {
    int64_t factor, minus; /* minus: -1 when k is negative */
    unsigned shift;
} divisor;
static divisor divisor_of(int64_t k) {
    uint64_t m = k < 0 ? 0 - (uint64_t)k : (uint64_t)k;
    unsigned l = m > 1 ? 64u - (unsigned)__builtin_clzll(m - 1) : 1;
    unsigned __int128 f = ((unsigned __int128)1 << (63 + l)) / m + 1;
    return (divisor){(int64_t)(uint64_t)f, k < 0 ? -1 : 0, l - 1};
}
static inline int64_t quotient(int64_t x, divisor k) {
    int64_t high = (int64_t)(((__int128)x * k.factor) >> 64);
    uint64_t q = (uint64_t)((int64_t)((uint64_t)x + (uint64_t)high) >> k.shift) - (uint64_t)(x >> 63);
    return (int64_t)((q ^ (uint64_t)k.minus) - (uint64_t)k.minus);
}
static bool divide_ints(bool rest, int64_t *restrict d, const int64_t *a, const int64_t *b, unsigned one, uint32_t n) {
    if (one & SL_ONE_B) {
        const int64_t k = *b;
        if (k == 0)
            return false;
        const divisor by = divisor_of(k);
        if (rest)
            EACH(ISUB(a[i], IMUL(quotient(a[i], by), k)))
        else
            EACH(quotient(a[i], by))
        return true;
    }
    uint32_t zero = 0;
    for (uint32_t i = 0; i < n; i++)
        zero |= b[i] == 0;
    if (zero)
        return false;
    const uint32_t step = !(one & SL_ONE_A);
    for (uint32_t i = 0; i < n; i++) {
        int64_t x = a[(size_t)i * step], y = b[i], by = y == -1 ? 1 : y; /* the least number by -1 is out of range */
        d[i] = rest ? x % by : y == -1 ? ISUB(0, x) : x / by;
    }
    return true;
}
static bool ints(sl_op op, int64_t *restrict d, const int64_t *a, const int64_t *b, unsigned one, uint32_t n) {
    const int64_t ka = *a, kb = *b;
    switch (op) {
    case SL_OP_ADD: FORMS(IADD); return true;
    case SL_OP_SUB: FORMS(ISUB); return true;
    case SL_OP_MUL: FORMS(IMUL); return true;
    case SL_OP_BAND: FORMS(AND); return true;
    case SL_OP_BOR: FORMS(OR); return true;
    case SL_OP_BXOR: FORMS(XOR); return true;
    case SL_OP_DIV: return divide_ints(false, d, a, b, one, n);
    case SL_OP_MOD: return divide_ints(true, d, a, b, one, n);
    default: return false;
    }
}
/* Rests of whole numbers by a whole number. Below 2^53 a quotient is never rounded up to the next whole number, and what is multiplied back is exact. */
static bool whole_rests(double *restrict d, const double *a, double k, uint32_t n) {
    int64_t odd = !(fabs(k) < 0x1p53) | (trunc(k) != k);
    for (uint32_t i = 0; i < n; i++) {
        const double x = a[i];
        odd |= (int64_t) !(fabs(x) < 0x1p53) | (int64_t)(trunc(x) != x);
        d[i] = copysign(fabs(x - trunc(x / k) * k), x);
    }
    return !odd;
}
static bool floats(sl_op op, double *restrict d, const double *a, const double *b, unsigned one, uint32_t n) {
    const double ka = *a, kb = *b;
    uint32_t zero = 0;
    switch (op) {
    case SL_OP_ADD: FORMS(FADD); return true;
    case SL_OP_SUB: FORMS(FSUB); return true;
    case SL_OP_MUL: FORMS(FMUL); return true;
    case SL_OP_DIV:
    case SL_OP_MOD:
        if (one & SL_ONE_B)
            zero = kb == 0;
        else
            for (uint32_t i = 0; i < n; i++)
                zero |= b[i] == 0;
        if (zero)
            return false;
        if (op == SL_OP_DIV)
            FORMS(FDIV);
        else if (!(one & SL_ONE_B) || !whole_rests(d, a, kb, n))
            FORMS(fmod);
        return true;
    default: return false;
    }
}
#define COMPARE                                                                                                                                                                    \
    switch (op) {                                                                                                                                                                  \
    case SL_OP_EQ: FORMS(EQ); break;                                                                                                                                               \
    case SL_OP_NE: FORMS(NE); break;                                                                                                                                               \
    case SL_OP_LT: FORMS(LT); break;                                                                                                                                               \
    case SL_OP_LE: FORMS(LE); break;                                                                                                                                               \
    case SL_OP_GT: FORMS(GT); break;                                                                                                                                               \
    default: FORMS(GE); break;                                                                                                                                                     \
    }
static void cmp_ints(sl_op op, int64_t *restrict d, const int64_t *a, const int64_t *b, unsigned one, uint32_t n) {
    const int64_t ka = *a, kb = *b;
    COMPARE
}
static void cmp_floats(sl_op op, int64_t *restrict d, const double *a, const double *b, unsigned one, uint32_t n) {
    const double ka = *a, kb = *b;
    COMPARE
}
static void between_ints(int64_t *restrict d, const int64_t *x, int64_t lo, int64_t hi, bool negated, uint32_t n) {
    const int64_t turn = negated;
    EACH(((int64_t)(x[i] >= lo) & (int64_t)(x[i] <= hi)) ^ turn)
}
static void between_floats(int64_t *restrict d, const double *x, double lo, double hi, bool negated, uint32_t n) {
    const int64_t turn = negated;
    EACH(((int64_t)(x[i] >= lo) & (int64_t)(x[i] <= hi)) ^ turn)
}
static void to_floats(double *restrict d, const int64_t *a, uint32_t n) { EACH((double)a[i]) }
static void invert(int64_t *d, uint32_t n) { EACH(d[i] ^ 1) }
static void pick(int64_t *restrict d, const int64_t *yes, const int64_t *a, bool one, uint32_t n) {
    const int64_t ka = *a;
    if (one)
        EACH((ka & -yes[i]) | (d[i] & (yes[i] - 1)))
    else
        EACH((a[i] & -yes[i]) | (d[i] & (yes[i] - 1)))
}
static void fill(int64_t *d, int64_t w, uint32_t n) { EACH(w) }
static uint32_t count(const int64_t *yes, uint32_t n) {
    int64_t m = 0;
    for (uint32_t i = 0; i < n; i++)
        m += yes[i];
    return (uint32_t)m;
}
static uint32_t keep(uint32_t *restrict out, const int64_t *yes, const uint32_t *rows, uint32_t n) {
    uint32_t m = 0;
    if (rows)
        for (uint32_t i = 0; i < n; i++) {
            out[m] = rows[i];
            m += (uint32_t)yes[i];
        }
    else
        for (uint32_t i = 0; i < n; i++) {
            out[m] = i;
            m += (uint32_t)yes[i];
        }
    return m;
}
static inline double rounded(double x) { /* half away from zero */
    double whole = trunc(x);
    return whole + copysign(fabs(x - whole) >= 0.5 ? 1.0 : 0.0, x);
}
static void unary(sl_unary f, double *restrict d, const double *a, uint32_t n) {
    switch (f) {
    case SL_U_ABS: EACH(fabs(a[i])) break;
    case SL_U_CEIL: EACH(ceil(a[i])) break;
    case SL_U_FLOOR: EACH(floor(a[i])) break;
    case SL_U_ROUND: EACH(rounded(a[i])) break;
    case SL_U_SQRT: EACH(sqrt(a[i])) break;
    case SL_U_SIGN:
        for (uint32_t i = 0; i < n; i++)
            ((int64_t *)(void *)d)[i] = (int64_t)(a[i] > 0) - (int64_t)(a[i] < 0);
        break;
    }
}
static bool any_nan(const double *a, uint32_t n) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++)
        bad |= a[i] != a[i];
    return bad != 0;
}
/* A value as two words: kind, flags and length; and what it holds. */
typedef struct words {
    uint64_t head, bits;
} words;
static void pick_texts(sl_value *restrict to, const int64_t *yes, const sl_value *from, bool one, uint32_t n) {
    words *restrict d = (words *)(void *)to;
    const words *a = (const words *)(const void *)from, ka = *a;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t m = 0 - (uint64_t)yes[i];
        const words x = one ? ka : a[i];
        d[i].head = (x.head & m) | (d[i].head & ~m);
        d[i].bits = (x.bits & m) | (d[i].bits & ~m);
    }
}
#define CHECKED(AT, BODY)                                                                                                                                                          \
    for (uint32_t at = 0; at < n && !bad;) { /* in pieces: a mixed column is soon known */                                                                                         \
        const uint32_t end = at + 128 < n ? at + 128 : n;                                                                                                                          \
        for (uint32_t i = at; i < end; i++) {                                                                                                                                      \
            const words *x = v + (AT);                                                                                                                                             \
            bad |= (x->head ^ kind) & 0xFFFF;                                                                                                                                      \
            BODY                                                                                                                                                                   \
        }                                                                                                                                                                          \
        at = end;                                                                                                                                                                  \
    }
_Static_assert(offsetof(sl_value, kind) == 0 && offsetof(sl_value, flags) == 1 && offsetof(sl_value, i) == 8, "a value's head is its first word");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "kind and flags are the low bytes of a value's head"
#endif
static bool unbox(int64_t *restrict d, const sl_value *from, const uint32_t *rows, uint8_t kind, uint32_t n) {
    const words *v = (const words *)(const void *)from;
    uint64_t bad = 0;
    if (rows)
        CHECKED(rows[i], d[i] = (int64_t)x->bits;)
    else
        CHECKED(i, d[i] = (int64_t)x->bits;)
    return !bad;
}
static bool same(const sl_value *from, const uint32_t *rows, uint8_t kind, uint32_t n) {
    const words *v = (const words *)(const void *)from;
    uint64_t bad = 0;
    if (rows)
        CHECKED(rows[i], )
    else
        CHECKED(i, )
    return !bad;
}
static void box(sl_value *restrict to, const int64_t *w, uint8_t kind, uint8_t flags, uint32_t n) {
    words *restrict d = (words *)(void *)to;
    const uint64_t head = kind | (uint64_t)flags << 8;
    for (uint32_t i = 0; i < n; i++) {
        d[i].head = head;
        d[i].bits = (uint64_t)w[i];
    }
}
const sl_loops LOOPS = {ints, floats, cmp_ints, cmp_floats, between_ints, between_floats, to_floats, invert, pick, pick_texts, fill, count, keep, unary, any_nan, unbox, same, box};
