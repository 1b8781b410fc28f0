/* What a statement's state takes: bytes of the heap per group, kept row, analytic partition, waiting row of event time, and per instance that waits. One line of JSON
 * each: what, bytes on the heap (0 where the allocator does not say, as under a sanitizer), bytes that the instance itself accounts for.
 * bench_memory [units], default 100,000. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "sql/parse.h"
#include "sql/plan.h"

enum { ROWS = 500 };
static sl_create *def;
static const sl_create *find(void *arg, sl_str name) { return def; }
static size_t heap(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}
static sl_plan *plan_of(const char *sql, bool event_time) {
    sl_arena *a = sl_arena_new(0);
    sl_select *sel;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.event_time = event_time;
    o.late_ms = event_time ? INT64_C(1) << 40 : 0; /* nothing is let go */
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &sel, NULL);
    if (!e)
        e = sl_plan_make(sel, find, NULL, &o, &p);
    if (e) {
        fprintf(stderr, "%s: %s\n", sql, sl_err_text(e));
        exit(1);
    }
    sl_arena_free(a);
    return p;
}
static sl_batch *batch_of(const sl_plan *p, uint32_t from) { /* every row a key of its own */
    const sl_plan_source *s = sl_plan_source_at(p, 0);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    for (uint32_t r = 0; r < ROWS; r++) {
        char key[16];
        int k = snprintf(key, sizeof key, "dev%06u", from + r);
        sl_builder_row(w);
        sl_builder_put(w, SL_S("k"), sl_v_str(sl_arena_dup(sl_builder_arena(w), sl_str_n(key, (size_t)k))));
        sl_builder_put(w, SL_S("v"), sl_v_float((from + r) % 1000 * 0.25));
        sl_builder_put(w, SL_S("t"), sl_v_int(1700000000000 + from + r));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 0);
    sl_builder_free(w);
    return b;
}
static void state(const char *what, const char *sql, bool event_time, uint32_t units) {
    sl_plan *p = plan_of(sql, event_time);
    sl_exec *x = sl_exec_new(p, 0);
    size_t before = 0, own = 0;
    sl_batch *out;
    bool failed;
    for (uint32_t at = 0; at < units + ROWS; at += ROWS) {
        sl_batch *b = batch_of(p, at);
        sl_view v = {.batch = b, .n = ROWS};
        sl_exec_run(x, 0, &v, 1, &out, &failed);
        sl_batch_drop(out);
        sl_batch_drop(b);
        if (failed) {
            fprintf(stderr, "%s: out of memory\n", what);
            exit(1);
        }
        if (at == 0) { /* scratch memory is warm */
            before = heap();
            own = sl_exec_state_bytes(x);
        }
    }
    printf("{\"what\":\"%s\",\"heap\":%.1f,\"accounted\":%.1f}\n", what, (double)(heap() - before) / units, (double)(sl_exec_state_bytes(x) - own) / units);
    sl_exec_free(x);
    sl_plan_drop(p);
}
/* Instances of one plan that have seen one row each and wait. */
static void instances(const char *what, const char *sql, uint32_t units) {
    sl_plan *p = plan_of(sql, false);
    sl_exec **x = calloc(units + 1, sizeof(sl_exec *));
    sl_batch *b = batch_of(p, 0), *out;
    sl_view v = {.batch = b, .n = 1};
    size_t before = heap(), own = 0;
    bool failed;
    for (uint32_t i = 0; i < units; i++) {
        x[i] = sl_exec_new(p, 0);
        sl_exec_run(x[i], 0, &v, 1, &out, &failed);
        sl_batch_drop(out);
        own += sl_exec_state_bytes(x[i]);
    }
    printf("{\"what\":\"%s\",\"heap\":%.1f,\"accounted\":%.1f}\n", what, (double)(heap() - before) / units, (double)own / units);
    for (uint32_t i = 0; i < units; i++)
        sl_exec_free(x[i]);
    free(x);
    sl_batch_drop(b);
    sl_plan_drop(p);
}
int main(int argc, char **argv) {
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    n = n < ROWS ? ROWS : n / ROWS * ROWS;
    sl_arena *a = sl_arena_new(0);
    sl_stmt st;
    if (sl_parse(a, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"t\")"), &st, NULL))
        return 1;
    def = st.create;
    state("group, running: count and avg", "SELECT k, count(*) AS c, avg(v) AS m FROM s GROUP BY k, TUMBLINGWINDOW(hh, 1)", false, n);
    state("group, hopping: count and avg", "SELECT k, count(*) AS c, avg(v) AS m FROM s GROUP BY k, HOPPINGWINDOW(hh, 10, 1)", false, n);
    state("kept row: text of 9, float, whole number", "SELECT k, v, t FROM s GROUP BY TUMBLINGWINDOW(hh, 1)", false, n);
    state("kept row of a wildcard", "SELECT * FROM s GROUP BY TUMBLINGWINDOW(hh, 1)", false, n);
    state("row that waits for a watermark", "SELECT k, v, t FROM s", true, n);
    state("analytic partition: lag", "SELECT lag(v) OVER (PARTITION BY k) AS p FROM s", false, n);
    state("analytic partition: running count and sum", "SELECT acc_count(v) OVER (PARTITION BY k) AS c, acc_sum(v) OVER (PARTITION BY k) AS t FROM s", false, n);
    instances("instance, filter", "SELECT k, v FROM s WHERE v > 5", n / 10);
    instances("instance, tumbling window with groups, one row in it", "SELECT k, count(*) AS c, avg(v) AS m FROM s GROUP BY k, TUMBLINGWINDOW(hh, 1)", n / 10);
    instances("instance, tumbling window with rows, one row in it", "SELECT k, v FROM s GROUP BY TUMBLINGWINDOW(hh, 1)", n / 10);
    instances("instance, sliding window", "SELECT k, count(*) AS c, avg(v) AS m FROM s GROUP BY k, SLIDINGWINDOW(hh, 1)", n / 10);
    instances("instance, lag", "SELECT lag(v) OVER (PARTITION BY k) AS p FROM s", n / 10);
    sl_arena_free(a);
    return 0;
}
