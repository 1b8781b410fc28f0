/* The loops over vectors for processors with AVX2. Decision: no fused multiply and add, which rounds once where the general way rounds twice. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("O3,no-math-errno,no-trapping-math")
#pragma GCC target("avx2")
#endif
#define LOOPS sl_loops_avx2
#include "sql/vec_loops.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int sl_no_avx2;
#endif
