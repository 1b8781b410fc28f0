/* The test door: only when the daemon runs with --test. Holds the clock, feeds rows, collects results, calls functions. One door for the
 * conformance runner, pytest and `sluice rule test`. */
#ifndef SL_FRONT_TESTDOOR_H
#define SL_FRONT_TESTDOOR_H
#include "front/ekuiper.h"
bool sl_testdoor_routes(sl_router *rt);
#endif
