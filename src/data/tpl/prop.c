/* Properties of the engine, for templates and SQL. */
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "data/template.h"

bool sl_engine_prop(sl_arena *a, sl_str name, int64_t now_ms, sl_str *out) {
    if (sl_str_is(name, "et")) {
        *out = sl_arena_printf(a, "%lld", (long long)(now_ms ? now_ms : sl_wall_ns() / 1000000));
        return true;
    }
    if (sl_str_is(name, "snowflake")) { /* ms since the usual epoch, 10 bits of thread, 12 bits of sequence */
        static _Thread_local uint64_t last;
        static _Thread_local uint16_t node;
        if (!last && getrandom(&node, sizeof node, 0) != (ssize_t)sizeof node)
            node = (uint16_t)(uintptr_t)&last;
        uint64_t id = (uint64_t)(sl_wall_ns() / 1000000 - 1288834974657) << 22 | (uint64_t)(node & 0x3ff) << 12;
        if (id <= last)
            id = (last & 0xfff) == 0xfff ? ((last >> 22) + 1) << 22 | (uint64_t)(node & 0x3ff) << 12 : last + 1;
        last = id;
        *out = sl_arena_printf(a, "%llu", (unsigned long long)id);
        return true;
    }
    static const char prefix[] = "KUIPER_PROPS_";
    for (char **e = environ; *e; e++) {
        const char *eq = strncmp(*e, prefix, sizeof prefix - 1) == 0 ? strchr(*e, '=') : NULL;
        sl_str key = eq ? sl_str_n(*e + sizeof prefix - 1, (size_t)(eq - *e) - (sizeof prefix - 1)) : (sl_str){0};
        bool same = eq && key.n == name.n;
        for (size_t i = 0; same && i < key.n; i++) /* names are lower-cased; the asked one is taken as it is */
            same = (key.p[i] >= 'A' && key.p[i] <= 'Z' ? key.p[i] + 32 : key.p[i]) == name.p[i];
        if (same) {
            *out = sl_arena_dup(a, sl_str_of(eq + 1));
            return true;
        }
    }
    return false;
}
