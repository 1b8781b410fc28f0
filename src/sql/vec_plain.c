/* The loops over vectors for any processor, and which of them are used here. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3,no-math-errno,no-trapping-math")
#endif
#define LOOPS sl_loops_plain
#include "sql/vec_loops.h"

const sl_loops *sl_loops_here(void) {
#if defined(__x86_64__)
    static const sl_loops *mine; /* the same whoever asks first */
    const sl_loops *l = __atomic_load_n(&mine, __ATOMIC_RELAXED);
    if (!l) {
        __builtin_cpu_init();
        l = __builtin_cpu_supports("avx2") ? &sl_loops_avx2 : &sl_loops_plain;
        __atomic_store_n(&mine, l, __ATOMIC_RELAXED);
    }
    return l;
#else
    return &sl_loops_plain;
#endif
}
