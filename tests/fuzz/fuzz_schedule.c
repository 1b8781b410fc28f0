/* Schedules of any text: a cron that parses gives rising instants that it calls open; ranges are checked before they are asked. */
#include <stdlib.h>
#include "core/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t starts[] = {0, 1700006400000, 1709164800000, 4102444799999, -1};
    sl_str text = sl_str_n((const char *)data, size);
    sl_cron c;
    sl_err *e = sl_cron_parse(text, SL_ZONE_UTC, &c);
    for (size_t i = 0; !e && i < sizeof starts / sizeof *starts; i++) {
        int64_t at = starts[i];
        for (int k = 0; k < 5; k++) {
            int64_t next = sl_cron_next(&c, at);
            if (!next)
                break;
            if (next <= at || (!c.every_ms && !sl_cron_open(&c, next, 1000)))
                abort();
            at = next;
        }
    }
    sl_err_free(e);
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err_free(sl_json_parse(a, text, &j, NULL));
    if (j) {
        e = sl_ranges_check(j, SL_ZONE_UTC);
        sl_ranges_open(j, SL_ZONE_UTC, 1700006400000);
        sl_err_free(e);
    }
    sl_arena_free(a);
    return 0;
}
