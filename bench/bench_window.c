/* What windows, groups and joins cost per input row, beside the same input filtered and projected: batches of 512 rows, the clock moved by hand
 * (100,000 rows a second of stream time). Run it from a Release build: bench_window [seconds per case [part of a name]]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sql/parse.h"
#include "sql/plan.h"

enum { ROWS = 512, RATE = 100000 };
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static sl_create *def;
static const sl_create *find(void *arg, sl_str name) { return def; }
static sl_batch *batch_of(const sl_plan *p, uint32_t groups, uint32_t from) {
    const sl_plan_source *s = sl_plan_source_at(p, 0);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    for (uint32_t r = 0; r < ROWS; r++) {
        char key[16];
        int k = snprintf(key, sizeof key, "dev%u", (from + r) * 7919 % groups);
        sl_builder_row(w);
        sl_builder_put(w, SL_S("k"), sl_v_str(sl_arena_dup(sl_builder_arena(w), sl_str_n(key, (size_t)k))));
        sl_builder_put(w, SL_S("v"), sl_v_float((from + r) % 1000 * 0.25));
        sl_builder_put(w, SL_S("n"), sl_v_int((from + r) % 100));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 0);
    sl_builder_free(w);
    return b;
}
static const char *only; /* cases whose name has this in it */
static double run(double secs, const char *name, const char *sql, uint32_t groups, double base) {
    if (only && !strstr(name, only))
        return 0;
    sl_arena *a = sl_arena_new(0);
    sl_select *sel;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &sel, NULL);
    if (!e)
        e = sl_plan_make(sel, find, NULL, &o, &p);
    if (e) {
        fprintf(stderr, "%s: %s\n", sql, sl_err_text(e));
        exit(1);
    }
    enum { BATCHES = 64 };
    sl_batch *b[BATCHES];
    for (uint32_t i = 0; i < BATCHES; i++)
        b[i] = batch_of(p, groups, i * ROWS);
    sl_exec *x = sl_exec_new(p, 0);
    double start = now(), used = 0;
    uint64_t rows = 0, out_rows = 0;
    while ((used = now() - start) < secs)
        for (uint32_t i = 0; i < BATCHES; i++) {
            sl_view v = {.batch = b[i], .n = ROWS};
            sl_batch *out;
            bool failed;
            sl_exec_run(x, 0, &v, (int64_t)(rows * 1000 / RATE), &out, &failed);
            out_rows += out ? out->nrows : 0;
            sl_batch_drop(out);
            rows += ROWS;
        }
    double ns = used * 1e9 / (double)rows;
    printf("%-44s %8.1f ns/row", name, ns);
    if (base > 0)
        printf("  %+7.1f over the filter", ns - base);
    printf("  %8.2f M rows/CPU-s  %9.4f rows out/in  %8zu KiB state\n", 1e3 / ns, (double)out_rows / (double)rows, sl_exec_state_bytes(x) / 1024);
    sl_exec_free(x);
    for (uint32_t i = 0; i < BATCHES; i++)
        sl_batch_drop(b[i]);
    sl_plan_drop(p);
    sl_arena_free(a);
    return ns;
}
int main(int argc, char **argv) {
    double secs = argc > 1 ? strtod(argv[1], NULL) : 1;
    only = argc > 2 ? argv[2] : NULL;
    sl_arena *a = sl_arena_new(0);
    sl_stmt st;
    if (sl_parse(a, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\")"), &st, NULL))
        return 1;
    def = st.create;
    double base = run(secs, "filter and projection", "SELECT k, v, n FROM s WHERE n >= 0", 100, 0);
    run(secs, "tumbling 1 s, no group", "SELECT count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY TUMBLINGWINDOW(ss, 1)", 100, base);
    run(secs, "tumbling 1 s, 100 groups", "SELECT k, count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY k, TUMBLINGWINDOW(ss, 1)", 100, base);
    run(secs, "tumbling 1 s, 10,000 groups", "SELECT k, count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY k, TUMBLINGWINDOW(ss, 1)", 10000, base);
    run(secs, "tumbling 10 s, 100 groups", "SELECT k, count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY k, TUMBLINGWINDOW(ss, 10)", 100, base);
    run(secs, "hopping 10 s / 1 s, 100 groups", "SELECT k, count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY k, HOPPINGWINDOW(ss, 10, 1)", 100, base);
    run(secs, "count 1,000", "SELECT count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY COUNTWINDOW(1000)", 100, base);
    run(secs, "rows of tumbling 1 s", "SELECT k, v FROM s WHERE n >= 0 GROUP BY TUMBLINGWINDOW(ss, 1)", 100, base);
    run(secs, "lag per key", "SELECT lag(v) OVER (PARTITION BY k) AS p, v FROM s WHERE n >= 0", 100, base);
    sl_arena_free(a);
    return 0;
}
