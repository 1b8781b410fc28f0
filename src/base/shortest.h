/* The shortest decimal digits of a double. Not for other rooms. */
#ifndef SL_BASE_SHORTEST_H
#define SL_BASE_SHORTEST_H
#include <stdint.h>
/* v finite and > 0. Of the decimals with the fewest digits that read back as v, the one closest to it is digits * 10^*exponent, as Go and
 * JavaScript print it; digits may end with zeros. */
uint64_t sl_num_shortest(double v, int *exponent);
#endif
