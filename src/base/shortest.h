/* Between decimal and double, where it takes more than one operation. Not for other rooms. */
#ifndef SL_BASE_SHORTEST_H
#define SL_BASE_SHORTEST_H
#include <stdbool.h>
#include <stdint.h>
/* v finite and > 0. Of the decimals with the fewest digits that read back as v, the one closest to it is digits * 10^*exponent, as Go and
 * JavaScript print it; digits may end with zeros. */
uint64_t sl_num_shortest(double v, int *exponent);
/* The double closest to digits * 10^exponent (digits not 0). false: too close to the middle between two, or out of the range of normal
 * numbers; the caller knows a slower way. */
bool sl_num_nearest(uint64_t digits, int exponent, double *out);
#endif
