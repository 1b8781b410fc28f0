/* Lanes: a fixed number of threads, each with one loop, that run flows. A flow is placed once and never moves; flows of one shared stream
 * stay together (placed by the hash of its name), so that a batch crosses no thread. */
#include <stdio.h>
#include <stdlib.h>
#include "flow/flow_int.h"

static struct {
    sl_lane *at;
    int n;
} lanes;

static void lane_main(void *arg) { sl_loop_run(((sl_lane *)arg)->loop); }

sl_err *sl_lanes_start(int n) {
    if (n <= 0)
        n = sl_cpu_count() > 2 ? sl_cpu_count() - 1 : 1;
    lanes.at = calloc((size_t)n, sizeof *lanes.at);
    if (!lanes.at)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "lane%d", i % 1000);
        lanes.at[i].loop = sl_loop_new(name);
        lanes.at[i].scratch = sl_arena_new(0);
        if (!lanes.at[i].loop || !lanes.at[i].scratch)
            return sl_err_new(SL_E_NOMEM, "cannot create the loop of lane %d", i);
        SL_TRY(sl_thread_start(name, lane_main, &lanes.at[i], &lanes.at[i].thread));
        lanes.n = i + 1;
    }
    return NULL;
}
void sl_lanes_stop(void) {
    for (int i = 0; i < lanes.n; i++) {
        sl_loop_stop(lanes.at[i].loop);
        sl_thread_join(lanes.at[i].thread);
        sl_loop_free(lanes.at[i].loop);
        sl_arena_free(lanes.at[i].scratch);
    }
    free(lanes.at);
    lanes.at = NULL;
    lanes.n = 0;
}
int sl_lane_count(void) { return lanes.n; }
sl_lane *sl_lane_at(int i) { return i >= 0 && i < lanes.n ? &lanes.at[i] : NULL; }
sl_loop *sl_lane_loop(sl_lane *l) { return l->loop; }
