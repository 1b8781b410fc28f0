/* Filter and projection over prepared batches against the same work written by hand: what a node of the engine costs per row.
 * Both sides read the same batches and write result columns of values; by hand means a loop that knows the types. Run it from a
 * Release build: bench_exec [seconds per case]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "conn/conn.h"
#include "sql/parse.h"
#include "sql/plan.h"

enum { ROWS = 1024, COLS = 10 };
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static sl_create *def;
static const sl_create *find(void *arg, sl_str name) { return def; }
static sl_plan *plan_of(sl_arena *a, const char *sql) {
    sl_select *s;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &s, NULL);
    if (!e)
        e = sl_plan_make(s, find, NULL, &o, &p);
    if (e) {
        fprintf(stderr, "%s: %s\n", sql, sl_err_text(e));
        exit(1);
    }
    return p;
}
/* Columns c0 … c9: c0 int 0..99, c1 float, c2 text, the rest ints; all rows of every column, as a decoder of `SELECT *` leaves them. */
static sl_batch *batch_of(const sl_layout *l, uint32_t n) {
    sl_builder *w = sl_builder_new(l, true);
    for (uint32_t r = 0; r < n; r++) {
        sl_builder_row(w);
        for (uint32_t c = 0; c < COLS; c++) {
            char name[8];
            int k = snprintf(name, sizeof name, "c%u", c);
            sl_value v = c == 1 ? sl_v_float(r * 0.5) : c == 2 ? sl_v_str(r % 3 ? SL_S("green") : SL_S("red")) : sl_v_int((r * 37 + c) % 100);
            sl_builder_put(w, sl_arena_dup(sl_builder_arena(w), sl_str_n(name, (size_t)k)), v);
        }
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 0);
    sl_builder_free(w);
    return b;
}
static const sl_value *col(const sl_batch *b, const char *name) { return b->cols[sl_layout_find(b->layout, sl_str_of(name))]; }

/* ---- by hand ---- */
static uint32_t hand_filter_project(const sl_batch *b, sl_value **out) { /* SELECT c3, c4, c0 * 2 + 1 AS x, c1 WHERE c0 > 50 */
    const sl_value *c0 = col(b, "c0"), *c1 = col(b, "c1"), *c3 = col(b, "c3"), *c4 = col(b, "c4");
    uint32_t n = 0;
    for (uint32_t r = 0; r < b->nrows; r++)
        if (c0[r].kind == SL_INT && c0[r].i > 50) {
            out[0][n] = c3[r];
            out[1][n] = c4[r];
            out[2][n] = sl_v_int(c0[r].i * 2 + 1);
            out[3][n++] = c1[r];
        }
    return n;
}
static uint32_t hand_filter(const sl_batch *b, sl_value **out) { /* SELECT c3 WHERE c0 > 98 */
    const sl_value *c0 = col(b, "c0"), *c3 = col(b, "c3");
    uint32_t n = 0;
    for (uint32_t r = 0; r < b->nrows; r++)
        if (c0[r].kind == SL_INT && c0[r].i > 98)
            out[0][n++] = c3[r];
    return n;
}
static uint32_t hand_text(const sl_batch *b, sl_value **out) { /* SELECT c2, c1 WHERE c2 = "red" AND c1 < 300 */
    const sl_value *c2 = col(b, "c2"), *c1 = col(b, "c1");
    uint32_t n = 0;
    for (uint32_t r = 0; r < b->nrows; r++)
        if (c2[r].kind == SL_STRING && sl_str_eq(sl_v_text(c2[r]), SL_S("red")) && c1[r].kind == SL_FLOAT && c1[r].f < 300) {
            out[0][n] = c2[r];
            out[1][n++] = c1[r];
        }
    return n;
}
static uint32_t hand_compute(const sl_batch *b, sl_value **out) { /* SELECT c0 + c3 AS a, c1 * 1.5 AS b, c4 - 1 AS c */
    const sl_value *c0 = col(b, "c0"), *c1 = col(b, "c1"), *c3 = col(b, "c3"), *c4 = col(b, "c4");
    for (uint32_t r = 0; r < b->nrows; r++) {
        out[0][r] = sl_v_int(c0[r].i + c3[r].i);
        out[1][r] = sl_v_float(c1[r].f * 1.5);
        out[2][r] = sl_v_int(c4[r].i - 1);
    }
    return b->nrows;
}
/* The twenty expressions of `heavy`: types known, common parts computed once, texts into one piece of memory that is used again. */
static const char heavy[] = "SELECT c0 + c3 AS e0, c0 * c3 - c4 AS e1, (c0 + c3) * 2 AS e2, c1 * 1.5 + 2 AS e3, c1 / 3.0 AS e4, c0 * 100 / 7 AS e5, c0 % 7 AS e6, c3 > c4 AS e7, "
                            "c0 + c3 > 100 AND c1 < 300 AS e8, CASE WHEN c0 > 66 THEN \"high\" WHEN c0 > 33 THEN \"mid\" ELSE \"low\" END AS e9, "
                            "CASE WHEN c0 + c3 > 100 THEN c0 ELSE c3 END AS e10, concat(c2, \"-\", \"x\") AS e11, upper(c2) AS e12, substring(c2, 0, 2) AS e13, length(c2) AS e14, "
                            "abs(c4 - c5) AS e15, sqrt(c1) AS e16, round(c1 * 1.5) AS e17, floor(c1) AS e18, c2 LIKE \"g%\" AS e19 FROM s";
static sl_value text_of(char *p, size_t n) { return sl_v_str(sl_str_n(p, n)); }
static uint32_t hand_heavy(const sl_batch *b, sl_value **out) {
    static char *room;
    if (!room)
        room = malloc(ROWS * 64);
    char *at = room;
    const sl_value *c0 = col(b, "c0"), *c1 = col(b, "c1"), *c2 = col(b, "c2"), *c3 = col(b, "c3"), *c4 = col(b, "c4"), *c5 = col(b, "c5");
    for (uint32_t r = 0; r < b->nrows; r++) {
        int64_t x = c0[r].i, y = c3[r].i, z = c4[r].i, sum = x + y;
        double f = c1[r].f, g = f * 1.5;
        const char *s = c2[r].p;
        size_t n = c2[r].len;
        out[0][r] = sl_v_int(sum);
        out[1][r] = sl_v_int(x * y - z);
        out[2][r] = sl_v_int(sum * 2);
        out[3][r] = sl_v_float(g + 2);
        out[4][r] = sl_v_float(f / 3.0);
        out[5][r] = sl_v_int(x * 100 / 7);
        out[6][r] = sl_v_int(x % 7);
        out[7][r] = sl_v_bool(y > z);
        out[8][r] = sl_v_bool(sum > 100 && f < 300);
        out[9][r] = sl_v_str(x > 66 ? SL_S("high") : x > 33 ? SL_S("mid") : SL_S("low"));
        out[10][r] = sl_v_int(sum > 100 ? x : y);
        memcpy(at, s, n);
        memcpy(at + n, "-x", 2);
        out[11][r] = text_of(at, n + 2);
        at += n + 2;
        for (size_t i = 0; i < n; i++)
            at[i] = s[i] >= 'a' && s[i] <= 'z' ? s[i] - 32 : s[i];
        out[12][r] = text_of(at, n);
        at += n;
        out[13][r] = sl_v_str(sl_str_n(s, n < 2 ? n : 2));
        out[14][r] = sl_v_int((int64_t)n);
        out[15][r] = sl_v_int(llabs(z - c5[r].i));
        out[16][r] = sl_v_float(sqrt(f));
        out[17][r] = sl_v_float(round(g));
        out[18][r] = sl_v_float(floor(f));
        out[19][r] = sl_v_bool(n > 0 && s[0] == 'g');
    }
    return b->nrows;
}
static uint32_t hand_pass(const sl_batch *b, sl_value **out) { return b->nrows; }

static void run(double secs, const char *sql, uint32_t (*hand)(const sl_batch *, sl_value **), uint32_t rows) {
    sl_arena *a = sl_arena_new(0);
    sl_plan *p = plan_of(a, sql);
    sl_exec *x = sl_exec_new(p, 0);
    enum { BATCHES = 16 }; /* more than the first-level cache holds */
    sl_batch *b[BATCHES];
    for (int i = 0; i < BATCHES; i++)
        b[i] = batch_of(sl_plan_source_at(p, 0)->layout, rows);
    uint64_t done = 0, got = 0, want = 0;
    double t0 = now(), t = 0;
    while ((t = now() - t0) < secs)
        for (int i = 0; i < 64; i++) {
            sl_batch *out;
            bool nomem;
            sl_view v = {.batch = b[i % BATCHES], .n = rows};
            sl_exec_run(x, 0, &v, 0, &out, &nomem);
            if (out)
                got += out->nrows;
            sl_batch_drop(out);
            done += rows;
        }
    double ours = (double)done / t;
    printf("%-62.62s %5u rows/batch %8.1f M rows/s %6.1f ns/row", sql, rows, ours / 1e6, 1e9 / ours);
    if (hand) {
        sl_value *out[20];
        for (int i = 0; i < 20; i++)
            out[i] = malloc(rows * sizeof *out[i]);
        sl_batch *h[BATCHES]; /* with every column in the layout */
        sl_str names[COLS] = {SL_S("c0"), SL_S("c1"), SL_S("c2"), SL_S("c3"), SL_S("c4"), SL_S("c5"), SL_S("c6"), SL_S("c7"), SL_S("c8"), SL_S("c9")};
        sl_layout *l = sl_layout_new(names, COLS, 0);
        for (int i = 0; i < BATCHES; i++)
            h[i] = batch_of(l, rows);
        uint64_t again = 0;
        t0 = now();
        while ((t = now() - t0) < secs)
            for (int i = 0; i < 64; i++) {
                want += hand(h[i % BATCHES], out);
                __asm__ volatile("" : : "r"(out) : "memory");
                again += rows;
            }
        double theirs = (double)again / t;
        if ((double)got / (double)done - (double)want / (double)again > 1e-6)
            printf(" DIFFERENT RESULT");
        printf("   by hand %8.1f M rows/s, %5.1f ns/row more, %.2f x", theirs / 1e6, 1e9 / ours - 1e9 / theirs, ours / theirs);
        for (int i = 0; i < 20; i++)
            free(out[i]);
        for (int i = 0; i < BATCHES; i++)
            sl_batch_drop(h[i]);
        sl_layout_drop(l);
    }
    printf("\n");
    for (int i = 0; i < BATCHES; i++)
        sl_batch_drop(b[i]);
    sl_exec_free(x);
    sl_plan_drop(p);
    sl_arena_free(a);
}
/* ---- lookup join: the table in memory, asked as a flow asks it ---- */
static sl_create *table_def;
static const sl_create *find_two(void *arg, sl_str name) { return sl_str_is(name, "t") ? table_def : def; }
static sl_lookup *table;
static void look_one(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *done_arg) {
    sl_conn_memory.lookup->look(table, a, cols, vals, n, done, done_arg);
}
static void look_many(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *answers) {
    sl_conn_memory.lookup->now(table, a, cols, ncols, vals, n, answers);
}
static void wake(void *arg) {}
static void answer(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {}
static void state(sl_sink_host *h, sl_conn_state s, sl_str why) {}
static void ready(sl_sink_host *h) {}
static void closed(void *arg) { *(bool *)arg = true; }
static void *conf_of(sl_arena *a, const char *json, unsigned role) {
    sl_json *props;
    void *conf = sl_arena_zero(a, sl_conn_memory.conf_size);
    sl_err *e = sl_json_parse(a, sl_str_of(json), &props, NULL);
    if (!e)
        e = sl_spec_load(sl_conn_memory.props, role, props, a, conf, NULL);
    if (e) {
        fprintf(stderr, "%s\n", sl_err_text(e));
        exit(1);
    }
    return conf;
}
typedef struct lookups {
    double secs;
    const char *sql;
    uint32_t keys;
    sl_loop *loop;
    sl_sink *sink;
    sl_arena *a;
    bool gone;
    int turns;
} lookups;
static void need(const char *what, sl_err *e) {
    if (!e)
        return;
    fprintf(stderr, "%s: %s\n", what, sl_err_text(e));
    exit(1);
}
static void fill(void *arg) { /* @on loop, as the rest */
    lookups *l = arg;
    sl_conn_env env = {.loop = l->loop, .home = "/tmp", .rule_id = "bench", .op_name = "t"};
    static sl_sink_host host = {answer, state, ready};
    need("the table", sl_conn_memory.lookup->open(conf_of(l->a, "{\"key\":\"id\"}", SL_P_LOOKUP), SL_S("bench/t"), &env, &table));
    need("its rows", sl_conn_memory.sink->open(conf_of(l->a, "{\"topic\":\"bench/t\"}", SL_P_SINK), &env, &host, &l->sink));
    sl_layout *none = sl_layout_new(NULL, 0, 0);
    sl_builder *w = sl_builder_new(none, true);
    for (uint32_t i = 0; i < l->keys; i++) {
        sl_builder_row(w);
        sl_builder_put(w, SL_S("id"), sl_v_int(i));
        sl_builder_put(w, SL_S("name"), sl_v_str(SL_S("some name of it")));
        sl_builder_put(w, SL_S("size"), sl_v_float(i * 1.5));
        sl_builder_end(w);
    }
    sl_batch *rows = sl_builder_done(w, 0);
    sl_message m = {.batch = rows, .count = l->keys, .collection = true, .seq = 1};
    sl_conn_memory.sink->put(l->sink, &m, 1);
    sl_batch_drop(rows);
    sl_builder_free(w);
    sl_layout_drop(none);
}
static void look_up(void *arg) {
    lookups *l = arg;
    if (l->turns++ < 10) { /* behind the letters with the rows */
        sl_post(l->loop, look_up, l);
        return;
    }
    sl_select *s;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    need(l->sql, sl_parse_select(l->a, sl_str_of(l->sql), &s, NULL));
    need(l->sql, sl_plan_make(s, find_two, NULL, &o, &p));
    sl_exec *x = sl_exec_new(p, 0);
    sl_exec_env_set(x, &(sl_exec_env){.look = look_one, .wake = wake, .look_many = look_many});
    sl_batch *b[16];
    for (int i = 0; i < 16; i++)
        b[i] = batch_of(sl_plan_source_at(p, 0)->layout, ROWS);
    uint64_t done = 0, got = 0;
    double t0 = now(), t = 0;
    while ((t = now() - t0) < l->secs)
        for (int i = 0; i < 16; i++) {
            sl_batch *out;
            bool nomem;
            sl_view v = {.batch = b[i], .n = ROWS};
            sl_exec_run(x, 0, &v, 0, &out, &nomem);
            if (out)
                got += out->nrows;
            sl_batch_drop(out);
            done += ROWS;
        }
    double rate = (double)done / t;
    printf("%-62s %5u rows/batch %8.1f M rows/s %6.1f ns/row, %u keys, %.2f rows out of each\n", l->sql, ROWS, rate / 1e6, 1e9 / rate, l->keys, (double)got / (double)done);
    for (int i = 0; i < 16; i++)
        sl_batch_drop(b[i]);
    sl_exec_free(x);
    sl_plan_drop(p);
    sl_conn_memory.sink->close(l->sink, closed, &l->gone);
    sl_conn_memory.lookup->close(table, closed, &l->gone);
    sl_loop_stop(l->loop);
}
static void lookup(double secs, const char *sql, uint32_t keys) {
    lookups l = {.secs = secs, .sql = sql, .keys = keys, .loop = sl_loop_new("bench"), .a = sl_arena_new(0)};
    sl_post(l.loop, fill, &l);
    sl_post(l.loop, look_up, &l);
    sl_loop_run(l.loop);
    sl_loop_free(l.loop);
    sl_arena_free(l.a);
}
int main(int argc, char **argv) {
    double secs = argc > 1 ? atof(argv[1]) : 0.5;
    sl_arena *a = sl_arena_new(0);
    sl_stmt st;
    sl_err *e = sl_parse(a, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", FORMAT=\"json\")"), &st, NULL);
    if (e)
        return 1;
    def = st.create;
    sl_stmt tt;
    if ((e = sl_parse(a, SL_S("CREATE TABLE t () WITH (DATASOURCE=\"bench/t\", TYPE=\"memory\", KIND=\"lookup\", KEY=\"id\")"), &tt, NULL)))
        return 1;
    table_def = tt.create;
    run(secs, "SELECT c3, c4, c0 * 2 + 1 AS x, c1 FROM s WHERE c0 > 50", hand_filter_project, ROWS);
    run(secs, "SELECT c3 FROM s WHERE c0 > 98", hand_filter, ROWS);
    run(secs, "SELECT c2, c1 FROM s WHERE c2 = \"red\" AND c1 < 300", hand_text, ROWS);
    run(secs, "SELECT c0 + c3 AS a, c1 * 1.5 AS b, c4 - 1 AS c FROM s", hand_compute, ROWS);
    run(secs, heavy, hand_heavy, ROWS);
    run(secs, "SELECT * FROM s", hand_pass, ROWS);
    run(secs, "SELECT *, c0 + 1 AS x FROM s WHERE c0 > 50", NULL, ROWS);
    run(secs, "SELECT CASE WHEN c0 > 50 THEN \"hi\" ELSE \"lo\" END AS k FROM s", NULL, ROWS);
    run(secs, "SELECT c3, c4, c0 * 2 + 1 AS x, c1 FROM s WHERE c0 > 50", hand_filter_project, 1);
    run(secs, "SELECT c3 FROM s WHERE c0 > 98", hand_filter, 1);
    lookup(secs, "SELECT s.c0, t.name FROM s INNER JOIN t ON s.c0 = t.id", 1000);
    lookup(secs, "SELECT s.c0, s.c3, t.name, t.size FROM s LEFT JOIN t ON s.c0 = t.id", 50);
    lookup(secs, "SELECT s.c0, t.name FROM s INNER JOIN t ON s.c0 = t.id AND t.size > 75 WHERE s.c3 < 50", 1000);
    sl_arena_free(a);
    return 0;
}
