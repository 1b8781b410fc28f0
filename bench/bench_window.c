/* What windows of aggregates cost per input row: the whole way of a rule without its connectors, JSON text to rows to the statement to nothing, beside
 * the same input filtered and projected. Both take turns in one run, so that their ratio holds on a busy machine; CPU time. The clock is moved by hand.
 * Rows of about 200 bytes. Run it from a Release build: bench_window [seconds per case [part of a name]]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "codec/codec.h"
#include "data/json.h"
#include "sql/parse.h"
#include "sql/plan.h"

enum { TEXTS = 32768, BATCH = 512 };
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static sl_create *def;
static const sl_create *find(void *arg, sl_str name) { return def; }
typedef struct input { /* messages with ts as far apart as the rate says */
    char *text;
    size_t at[TEXTS + 1];
    uint32_t rate; /* rows a second of stream time */
    bool event;
} input;
static void make_input(input *in, uint32_t groups, uint32_t rate, bool event) {
    in->rate = rate;
    in->event = event;
    in->text = malloc(TEXTS * (size_t)400);
    char *to = in->text;
    for (uint32_t r = 0; r < TEXTS; r++) {
        in->at[r] = (size_t)(to - in->text);
        to += sprintf(
            to,
            "{\"k\":\"dev%u\",\"v\":%.2f,\"n\":%u,\"unit\":\"C\",\"site\":\"north hall %u\",\"at\":{\"x\":%u.5,\"y\":%u.25},\"model\":\"TS-2000 rev. B\",\"firmware\":\"4.11.%u\","
            "\"battery\":%u,\"signal\":-%u,\"uptime\":%u}",
            r * 7919 % groups, r % 1000 * 0.25, r % 100, r % 7, r % 90, r % 70, r % 9, r % 100, r % 90, r * 10);
    }
    in->at[TEXTS] = (size_t)(to - in->text);
}
typedef struct side { /* one statement being run */
    sl_plan *p;
    sl_exec *x;
    sl_builder *w;
    sl_jsonrows *d;
    uint64_t rows, out;
    double used, decoding;
} side;
static sl_arena *memory;
static int64_t late; /* tolerance in event time */
static void open_side(side *s, const char *sql, bool event) {
    sl_select *sel;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.event_time = event;
    o.late_ms = late;
    sl_err *e = sl_parse_select(memory, sl_str_of(sql), &sel, NULL);
    e = e ? e : sl_plan_make(sel, find, NULL, &o, &s->p);
    if (e) {
        fprintf(stderr, "%s: %s\n", sql, sl_err_text(e));
        exit(1);
    }
    s->x = sl_exec_new(s->p, 0);
    const sl_plan_source *src = sl_plan_source_at(s->p, 0);
    s->w = sl_builder_new(src->layout, src->all);
    s->d = sl_jsonrows_new(NULL, 0, false, false);
    s->rows = s->out = 0;
    s->used = s->decoding = 0;
}
static void close_side(side *s) {
    sl_jsonrows_free(s->d);
    sl_builder_free(s->w);
    sl_exec_free(s->x);
    sl_plan_drop(s->p);
}
static void round_of(side *s, const input *in) { /* all texts once */
    int ts = sl_layout_find(sl_plan_source_at(s->p, 0)->layout, SL_S("ts"));
    double start = now();
    for (uint32_t r = 0; r < TEXTS; r += BATCH) {
        double t = now();
        int64_t ms = 0;
        for (uint32_t i = r; i < r + BATCH; i++) {
            uint32_t n;
            sl_str why;
            ms = (int64_t)((s->rows + i - r) * 1000 / in->rate);
            sl_builder_message(s->w, sl_v_absent(), ms + 1);
            if (!sl_jsonrows_read(s->d, s->w, (sl_str){in->text + in->at[i], in->at[i + 1] - in->at[i]}, false, &n, &why))
                exit(1);
        }
        sl_batch *b = sl_builder_done(s->w, ms + 1), *out;
        for (uint32_t i = 0; ts >= 0 && i < BATCH; i++)
            ((sl_value **)(uintptr_t)b->cols)[ts][i] = sl_v_int((int64_t)((s->rows + i) * 1000 / in->rate) + 1);
        s->decoding += now() - t;
        sl_view v = {.batch = b, .n = BATCH};
        bool failed;
        sl_exec_run(s->x, 0, &v, ms + 1, &out, &failed);
        s->out += out ? out->nrows : 0;
        sl_batch_drop(out);
        sl_batch_drop(b);
        s->rows += BATCH;
    }
    s->used += now() - start;
}
static const char *only; /* cases whose name has this in it */
static void run(double secs, const char *name, const char *base, const char *sql, uint32_t groups, uint32_t rate, bool event) {
    if (only && !strstr(name, only))
        return;
    static input in;
    side a, b;
    make_input(&in, groups, rate, event);
    open_side(&a, base, false);
    open_side(&b, sql, event);
    round_of(&a, &in); /* warm */
    round_of(&b, &in);
    a.used = b.used = a.decoding = b.decoding = 0;
    uint64_t from = a.rows, out = b.out;
    while (a.used + b.used < secs) {
        round_of(&a, &in);
        round_of(&b, &in);
    }
    double n = (double)(a.rows - from), x = a.used * 1e9 / n, y = b.used * 1e9 / n;
    printf("%-40s %7.1f ns a row, %5.2f x %6.1f ns; statement alone %6.1f ns", name, y, y / x, x, (b.used - b.decoding) * 1e9 / n);
    if (b.out - out > n / 100)
        printf(", %6.1f ns an output row", (b.used - b.decoding) * 1e9 / (double)(b.out - out));
    printf("; %zu KiB state\n", sl_exec_state_bytes(b.x) / 1024);
    fflush(stdout);
    close_side(&a);
    close_side(&b);
    free(in.text);
}
int main(int argc, char **argv) {
    double secs = argc > 1 ? strtod(argv[1], NULL) : 1;
    only = argc > 2 ? argv[2] : NULL;
    memory = sl_arena_new(0);
    sl_stmt st;
    if (sl_parse(memory, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", TIMESTAMP=\"ts\")"), &st, NULL))
        return 1;
    def = st.create;
    enum { FAST = 100000, SLOW = 1000 };
    static const char base[] = "SELECT k, v, n FROM s WHERE n >= 0", all[] = "SELECT v FROM s WHERE n >= 0";
#define AGGS "count(*) AS c, avg(v) AS m FROM s WHERE n >= 0 GROUP BY "
    run(secs, "filter and projection again", base, base, 100, FAST, false);
    run(secs, "tumbling 1 s, no group", all, "SELECT " AGGS "TUMBLINGWINDOW(ss, 1)", 100, FAST, false);
    run(secs, "tumbling 1 s, 100 groups", base, "SELECT k, " AGGS "k, TUMBLINGWINDOW(ss, 1)", 100, FAST, false);
    run(secs, "tumbling 1 s, 10,000 groups", base, "SELECT k, " AGGS "k, TUMBLINGWINDOW(ss, 1)", 10000, FAST, false);
    run(secs, "tumbling 10 s, 10,000 groups", base, "SELECT k, " AGGS "k, TUMBLINGWINDOW(ss, 10)", 10000, FAST, false);
    run(secs, "tumbling 10 s, two keys", base, "SELECT k, n, " AGGS "k, n, TUMBLINGWINDOW(ss, 10)", 100, FAST, false);
    run(secs, "tumbling 10 s, event time, 100 groups", base, "SELECT k, " AGGS "k, TUMBLINGWINDOW(ss, 10)", 100, FAST, true);
    late = 1000;
    run(secs, "tumbling 10 s, event time, 1 s late, 100", base, "SELECT k, " AGGS "k, TUMBLINGWINDOW(ss, 10)", 100, FAST, true);
    late = 0;
    run(secs, "hopping 10 s by 1 s, 100 groups", base, "SELECT k, " AGGS "k, HOPPINGWINDOW(ss, 10, 1)", 100, FAST, false);
    run(secs, "hopping 1 h by 1 s, 100 groups", base, "SELECT k, " AGGS "k, HOPPINGWINDOW(ss, 3600, 1)", 100, FAST, false);
    run(secs, "hopping 10 s by 1 s, 10,000 groups", base, "SELECT k, " AGGS "k, HOPPINGWINDOW(ss, 10, 1)", 10000, FAST, false);
    run(secs, "hopping 100 s by 10 s, 10,000 groups", base, "SELECT k, " AGGS "k, HOPPINGWINDOW(ss, 100, 10)", 10000, FAST, false);
    run(secs, "hopping 10 s by 1 s, event time, 100", base, "SELECT k, " AGGS "k, HOPPINGWINDOW(ss, 10, 1)", 100, FAST, true);
    run(secs, "session, 100 groups", base, "SELECT k, " AGGS "k, SESSIONWINDOW(ss, 10, 1)", 100, FAST, false);
    run(secs, "count 1,000", all, "SELECT " AGGS "COUNTWINDOW(1000)", 100, FAST, false);
    run(secs, "count 10,000 by 1,000, 100 groups", base, "SELECT k, " AGGS "k, COUNTWINDOW(10000, 1000)", 100, FAST, false);
    run(secs, "state, 100 groups", base, "SELECT k, " AGGS "k, STATEWINDOW(n = 0, n = 99)", 100, FAST, false);
    run(secs, "sliding 10 s, 1,000 rows/s", all, "SELECT " AGGS "SLIDINGWINDOW(ss, 10)", 100, SLOW, false);
    run(secs, "sliding 10 min, 1,000 rows/s", all, "SELECT " AGGS "SLIDINGWINDOW(mi, 10)", 100, SLOW, false);
    run(secs, "sliding 10 s, one row in 100 triggers", all, "SELECT " AGGS "SLIDINGWINDOW(ss, 10) OVER (WHEN n = 50)", 100, SLOW, false);
    run(secs, "sliding 10 s, 100 groups, 1 in 100", base, "SELECT k, " AGGS "k, SLIDINGWINDOW(ss, 10) OVER (WHEN n = 50)", 100, SLOW, false);
    run(secs, "sliding 10 s, event time", all, "SELECT " AGGS "SLIDINGWINDOW(ss, 10)", 100, SLOW, true);
    run(secs, "rows of tumbling 1 s", base, "SELECT k, v FROM s WHERE n >= 0 GROUP BY TUMBLINGWINDOW(ss, 1)", 100, FAST, false);
    run(secs, "lag per key", base, "SELECT lag(v) OVER (PARTITION BY k) AS p, v FROM s WHERE n >= 0", 100, FAST, false);
    sl_arena_free(memory);
    return 0;
}
