/* The shortest decimal digits of a double, by the Schubfach way (R. Giulietti, "The Schubfach way to render doubles", 2020): the interval that
 * reads back as the number is scaled by a power of ten so that at most two candidates of 17 digits and two of 16 remain. And back: with the
 * same powers the product is known but for its last bits, which decide nothing unless it is in the middle between two doubles.
 * Decision: the powers of ten, to 128 bits, are computed when they are first needed, each on its own: a program that prints sensor data needs
 * some dozen of the 617. */
#include "base/shortest.h"
#include <stdatomic.h>
#include <string.h>

enum { LEAST = -292, MOST = 324, LIMBS = 26 };
typedef struct power {       /* 10^e = (hi, lo) * 2^x, 2^127 <= (hi, lo) < 2^128, rounded up */
    _Atomic uint64_t hi, lo; /* hi 0: not known yet */
} power;
static power powers[MOST - LEAST + 1];

typedef struct big {
    uint32_t at[LIMBS]; /* the lowest first */
    int n;
} big;
static int bits_of(const big *b) { return 32 * (b->n - 1) + 32 - __builtin_clz(b->at[b->n - 1]); }
static bool bit_at(const big *b, int i) { return i >= 0 && b->at[i / 32] >> (i % 32) & 1; }
static void times_five(big *b) {
    uint64_t carry = 0;
    for (int i = 0; i < b->n; i++) {
        carry += (uint64_t)b->at[i] * 5;
        b->at[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->at[b->n++] = (uint32_t)carry;
}
static void twice(big *b) {
    uint32_t carry = 0;
    for (int i = 0; i < b->n; i++) {
        uint32_t top = b->at[i] >> 31;
        b->at[i] = b->at[i] << 1 | carry;
        carry = top;
    }
    if (carry)
        b->at[b->n++] = carry;
}
static bool subtract(big *b, const big *from) { /* b - from when that is not negative */
    int i = b->n > from->n ? b->n : from->n;
    for (; i > 0; i--) {
        uint32_t x = i <= b->n ? b->at[i - 1] : 0, y = i <= from->n ? from->at[i - 1] : 0;
        if (x < y)
            return false;
        if (x > y)
            break;
    }
    uint64_t borrow = 0;
    for (i = 0; i < b->n; i++) {
        uint64_t x = (uint64_t)b->at[i] - (i < from->n ? from->at[i] : 0) - borrow;
        b->at[i] = (uint32_t)x;
        borrow = x >> 63;
    }
    while (b->n > 1 && !b->at[b->n - 1])
        b->n--;
    return true;
}
static void compute(int e, uint64_t *hi, uint64_t *lo) {
    big five = {{1}, 1};
    for (int i = 0; i < (e < 0 ? -e : e); i++)
        times_five(&five);
    int bits = bits_of(&five);
    uint64_t h = 0, l = 0;
    bool more; /* there is something below the 128 bits */
    if (e >= 0) {
        for (int i = 1; i <= 128; i++) {
            h = h << 1 | l >> 63;
            l = l << 1 | bit_at(&five, bits - i);
        }
        more = false;
        for (int i = bits - 129; i >= 0 && !more; i--)
            more = bit_at(&five, i);
    } else { /* 2^(bits - 1 + 128) / 5^-e, one bit after the other */
        big rest = {{0}, (bits - 1) / 32 + 1};
        rest.at[(bits - 1) / 32] = 1u << ((bits - 1) % 32);
        for (int i = 0; i < 128; i++) {
            twice(&rest);
            h = h << 1 | l >> 63;
            l = l << 1 | subtract(&rest, &five);
        }
        more = true;
    }
    l += more;
    h += more && !l;
    *hi = h;
    *lo = l;
}
static void power_of(int e, uint64_t *hi, uint64_t *lo) {
    power *p = &powers[e - LEAST];
    *hi = atomic_load_explicit(&p->hi, memory_order_acquire);
    if (__builtin_expect(!*hi, 0)) { /* two threads may do it at once: they get the same */
        compute(e, hi, lo);
        atomic_store_explicit(&p->lo, *lo, memory_order_relaxed);
        atomic_store_explicit(&p->hi, *hi, memory_order_release);
    }
    *lo = atomic_load_explicit(&p->lo, memory_order_relaxed);
}
/* The upper 64 bits of the product of 192; the lowest of them is set when anything below them is. */
static inline uint64_t scaled(uint64_t hi, uint64_t lo, uint64_t c) {
    __extension__ typedef unsigned __int128 wide;
    wide low = (wide)lo * c >> 64, all = (wide)hi * c + low;
    return (uint64_t)(all >> 64) | ((uint64_t)all > 1);
}
uint64_t sl_num_shortest(double v, int *exponent) {
    uint64_t bits;
    memcpy(&bits, &v, 8);
    uint64_t fraction = bits & ((1ull << 52) - 1), c = fraction;
    int biased = (int)(bits >> 52), q = -1074;
    if (biased) {
        c |= 1ull << 52;
        q = biased - 1075;
    }
    bool even = !(c & 1), near = !fraction && biased > 1; /* near: the neighbour below is half as far */
    uint64_t left = 4 * c - 2 + near, right = 4 * c + 2;
    int k = (q * 1262611 - (near ? 524031 : 0)) >> 22; /* floor(log10(2^q)), or of three quarters of it */
    int h = q + ((-k * 1741647) >> 19) + 1;            /* floor(log2(10^-k)) */
    uint64_t hi, lo;
    power_of(-k, &hi, &lo);
    uint64_t l = scaled(hi, lo, left << h), m = scaled(hi, lo, 4 * c << h), r = scaled(hi, lo, right << h);
    l += !even; /* the ends of the interval belong to it when the number is even */
    r -= !even;
    uint64_t s = m / 4;
    *exponent = k;
    if (s >= 10) {
        uint64_t t = s / 10;
        bool below = l <= 40 * t, above = 40 * t + 40 <= r;
        if (below != above) {
            *exponent = k + 1;
            return t + above;
        }
    }
    bool below = l <= 4 * s, above = 4 * s + 4 <= r;
    if (below != above)
        return s + above;
    uint64_t middle = 4 * s + 2;
    return s + (m > middle || (m == middle && s & 1));
}
bool sl_num_nearest(uint64_t digits, int exponent, double *out) {
    __extension__ typedef unsigned __int128 wide;
    if (exponent < LEAST || exponent > MOST)
        return false;
    uint64_t hi, lo;
    power_of(exponent, &hi, &lo);
    int zeros = __builtin_clzll(digits);
    digits <<= zeros;
    /* The upper 128 of 192 bits, at most one too high, because the power is rounded up. */
    wide all = (wide)hi * digits + ((wide)lo * digits >> 64);
    int cut = (int)(all >> 127) + 74; /* leaves 53 bits */
    wide rest = all & (((wide)1 << cut) - 1), half = (wide)1 << (cut - 1);
    if (rest + 1 >= half && rest <= half + 1)
        return false;
    uint64_t s = (uint64_t)(all >> cut) + (rest > half);
    int e = cut + 64 - zeros + (exponent * 1741647 >> 19) - 127; /* s * 2^e */
    if (s >> 53) {
        s >>= 1;
        e++;
    }
    int biased = e + 1075;
    if (biased < 1 || biased > 2046)
        return false;
    uint64_t bits = (uint64_t)biased << 52 | (s & ((1ull << 52) - 1));
    memcpy(out, &bits, 8);
    return true;
}
