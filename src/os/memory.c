/* The memory that a share such as "25%" is a share of.
 * Decision: the least of what the machine has and what any control group above this process allows (both versions), because a container on an edge box is
 * killed by its own limit long before the machine is full. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/memory.h"

static int64_t number_in(const char *path) { /* INT64_MAX: no limit there */
    FILE *f = fopen(path, "re");
    char line[64] = "";
    if (!f)
        return INT64_MAX;
    char *got = fgets(line, sizeof line, f), *end = line;
    fclose(f);
    long long v = got ? strtoll(line, &end, 10) : 0;
    return got && end != line && v > 0 ? v : INT64_MAX;
}
/* The group's own limit and those of the groups above it. */
static int64_t least_up(const char *root, const char *group, const char *file) {
    char path[1024], at[512];
    int64_t least = INT64_MAX;
    snprintf(at, sizeof at, "%s", group);
    for (;;) {
        snprintf(path, sizeof path, "%s%s/%s", root, strcmp(at, "/") == 0 ? "" : at, file);
        int64_t n = number_in(path);
        least = n < least ? n : least;
        char *slash = strrchr(at, '/');
        if (!slash || !at[0])
            return least;
        *slash = 0;
    }
}
static int64_t groups(void) {
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[768];
    int64_t least = INT64_MAX;
    while (f && fgets(line, sizeof line, f)) { /* "0::/path", "4:memory:/path" */
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        int64_t n = INT64_MAX;
        if (!names[1])
            n = least_up("/sys/fs/cgroup", path, "memory.max");
        else if (strstr(names + 1, "memory"))
            n = least_up("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
        least = n < least ? n : least;
    }
    if (f)
        fclose(f);
    return least;
}
static int64_t machine(void) {
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    long long kb = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemTotal: %lld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb > 0 ? (int64_t)kb * 1024 : INT64_MAX;
}
int64_t sl_memory_size(void) {
    static _Atomic int64_t known; /* 0: not asked yet */
    int64_t n = atomic_load(&known);
    if (!n) {
        int64_t g = groups(), m = machine();
        n = g < m ? g : m;
        atomic_store(&known, n);
    }
    return n == INT64_MAX ? 0 : n;
}
