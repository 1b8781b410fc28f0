/* Rows a second of the JSON paths, one core: one message a row, up to 1,000 rows a batch, which stay in the cache as those of a socket do; beside each decode the rival on the same
 * bytes and fields, in turns. The rival makes no columns and copies no text: it reads the fields and is done, so that its time is a floor for a reader that keeps what it read. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "codec/codec.h"
#include "data/json.h"
#include "data/json_index.h"
#include "sql/parse.h"
#include "sql/plan.h"
#include "sql/rowgate.h"
typedef double rival(const char *text, size_t n, size_t room, double *sum); /* 0, or 1 on an error */
#if SL_SIMDJSON
rival peer_three, peer_all, peer_nested, peer_arrays;
const char *peer_name(void);
#else
#define peer_three NULL
#define peer_all NULL
#define peer_nested NULL
#define peer_arrays NULL
#endif
enum { ROWS = 1000, TRIES = 25, FIELDS = 16 };
typedef struct docs {
    char *text;
    size_t at[ROWS + 1], room;
    int rows, rounds; /* rounds over all rows, in a try */
} docs;
static const char *only; /* part of the name of what is to run; NULL: all */
static bool off(const char *what) { return only && !strstr(what, only); }
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static unsigned seed = 12345;
static unsigned rnd(unsigned n) { return ((seed = seed * 1103515245 + 12345) >> 8) % n; }
static int flat(char *o, int i) {
    unsigned x = seed = seed * 1103515245 + 12345;
    return sprintf(o,
                   "{\"ts\":17000064%05d,\"device\":\"sensor-%u\",\"site\":\"plant 7, hall %u\",\"temperature\":%u.%u,\"humidity\":%u.%02u,\"pressure\":10%u.%u,"
                   "\"status\":\"%s\",\"online\":%s,\"seq\":%d,\"note\":\"no remarks so far for this one\"}",
                   i, x >> 20, x >> 28, 10 + (x >> 8) % 30, (x >> 4) % 10, 30 + (x >> 12) % 60, x >> 25, 10 + (x >> 9) % 80, (x >> 3) % 10, x & 1024 ? "running" : "idle",
                   x & 2048 ? "true" : "false", i * 17);
}
static int nested(char *o, int i) {
    char *p = o;
    p += sprintf(p,
                 "{\"id\":\"machine-%u\",\"ts\":17000064%05d,\"meta\":{\"site\":{\"name\":\"plant "
                 "%u\",\"geo\":{\"lat\":48.%u,\"lon\":11.%u}},\"tags\":[\"line-%u\",\"press\",\"night shift\"],\"owner\":null},",
                 rnd(5000), i, rnd(20), rnd(100000), rnd(100000), rnd(9));
    p += sprintf(p, "\"reading\":{\"temperature\":%u.%u,\"humidity\":%u,\"status\":{\"ok\":%s,\"code\":%u}},\"history\":[", rnd(90), rnd(10), rnd(100), rnd(2) ? "true" : "false",
                 rnd(1000));
    for (unsigned k = 0; k < 5; k++)
        p += sprintf(p, "%s{\"t\":17000064%05u,\"v\":%u.%u,\"q\":\"good\"}", k ? "," : "", rnd(100000), rnd(100), rnd(100));
    p += sprintf(p, "],\"online\":%s,\"version\":%u}", rnd(2) ? "true" : "false", rnd(10));
    return (int)(p - o);
}
static int arrays(char *o, int i, unsigned numbers, unsigned words) {
    char *p = o;
    p += sprintf(p, "{\"id\":\"machine-%u\",\"ts\":17000064%05d,\"samples\":[", rnd(5000), i);
    for (unsigned k = 0; k < numbers; k++)
        p += sprintf(p, "%s%s%u.%u", k ? "," : "", rnd(5) ? "" : "-", rnd(200), rnd(1000));
    p += sprintf(p, "],\"labels\":[");
    for (unsigned k = 0; k < words; k++)
        p += sprintf(p, "%s\"label %u\"", k ? "," : "", rnd(100000));
    p += sprintf(p, "],\"last\":%u.%u,\"online\":%s}", rnd(100), rnd(100), rnd(2) ? "true" : "false");
    return (int)(p - o);
}
static int arrays_small(char *o, int i) { return arrays(o, i, 100, 30); }
static int arrays_large(char *o, int i) { return arrays(o, i, 2000, 300); }
static docs *make(int (*f)(char *, int), int rows, int rounds) {
    docs *d = calloc(1, sizeof *d);
    size_t cap = 64 << 10, n = 0;
    d->text = malloc(cap);
    for (int i = 0; i < rows; i++) {
        if (cap - n < 32 << 10)
            d->text = realloc(d->text, cap *= 2);
        d->at[i] = n;
        n += (size_t)f(d->text + n, i);
    }
    d->at[rows] = n;
    d->rows = rows;
    d->room = n + (32 << 10) < cap ? n + (32 << 10) : cap;
    d->rounds = rounds;
    return d;
}
static void show(const char *what, const docs *x, double secs) {
    double rows = (double)x->rows * x->rounds;
    printf("%-44s %8.3f M rows/s %7.0f ns/row %6.2f GB/s\n", what, rows / secs / 1e6, secs / rows * 1e9, rows / secs * (double)x->at[x->rows] / x->rows / 1e9);
}
static void decode(const char *what, const docs *x, const char *const *names, bool all, bool borrowed, rival *peer) {
    if (off(what))
        return;
    sl_str cols[FIELDS];
    uint32_t n = 0;
    for (; names && names[n]; n++)
        cols[n] = sl_str_of(names[n]);
    sl_layout *l = sl_layout_new(cols, n, 1);
    sl_builder *w = sl_builder_new(l, all);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    double best = 1e9, other = 1e9, sum = 0;
    for (int try = 0; try < TRIES; try++) {
        double t = now();
        for (int k = 0; k < x->rounds; k++) {
            for (int i = 0; i < x->rows; i++) {
                uint32_t rows;
                sl_str why;
                if (!sl_jsonrows_read(d, w, (sl_str){x->text + x->at[i], x->at[i + 1] - x->at[i]}, borrowed, &rows, &why)) {
                    fprintf(stderr, "%.*s\n", (int)why.n, why.p);
                    exit(1);
                }
            }
            sl_batch_drop(sl_builder_done(w, 0));
        }
        t = now() - t;
        best = t < best ? t : best;
        t = now();
        for (int k = 0; peer && k < x->rounds; k++)
            for (int i = 0; i < x->rows; i++)
                if (peer(x->text + x->at[i], x->at[i + 1] - x->at[i], x->room - x->at[i], &sum) != 0)
                    exit(2);
        t = now() - t;
        other = t < other ? t : other;
    }
    show(what, x, best);
    if (peer) {
        if (sum == 0)
            exit(2);
        show("  the rival, no columns made", x, other);
        printf("  ratio %.2f\n", other / best);
    }
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
static void encode(const char *what, const docs *x, const char *const *names, bool all, bool through) {
    if (off(what))
        return;
    sl_str cols[FIELDS];
    uint32_t n = 0;
    for (; names && names[n]; n++)
        cols[n] = sl_str_of(names[n]);
    sl_layout *l = sl_layout_new(cols, n, 1);
    sl_builder *w = sl_builder_new(l, all);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    sl_encoder *e;
    sl_codec_conf conf = {0};
    sl_err_free(sl_codec_json.enc_new(&conf, &e));
    sl_arena *a = sl_arena_new(0);
    sl_buf out = {0};
    double best = 1e9;
    sl_batch *b = NULL;
    for (int try = 0; try < TRIES; try++) {
        double t = now();
        for (int k = 0; k < x->rounds; k++) {
            if (!b)
                for (int i = 0; i < x->rows; i++) {
                    uint32_t rows;
                    sl_str why;
                    if (!sl_jsonrows_read(d, w, (sl_str){x->text + x->at[i], x->at[i + 1] - x->at[i]}, false, &rows, &why))
                        exit(1);
                }
            if (!b)
                b = sl_builder_done(w, 0);
            sl_buf_clear(&out);
            for (uint32_t i = 0; i < b->nrows; i++) {
                sl_str why;
                if (!sl_codec_json.encode_row(e, a, b, i, &out, &why))
                    exit(1);
            }
            sl_arena_reset(a);
            if (through) {
                sl_batch_drop(b);
                b = NULL;
            }
        }
        t = now() - t;
        best = t < best ? t : best;
    }
    show(what, x, best);
    sl_batch_drop(b);
    sl_buf_free(&out);
    sl_arena_free(a);
    sl_codec_json.enc_free(e);
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
/* Decode, a rule's filter and projection, encode: what a rule costs without its connectors; beside it the decoding alone. */
static sl_create *stream;
static const sl_create *find(void *arg, sl_str name) { return stream; }
static void through_sql(const docs *x, const char *sql) {
    if (off(sql))
        return;
    sl_arena *pa = sl_arena_new(0), *a = sl_arena_new(0);
    sl_stmt st;
    sl_select *sel;
    sl_plan *p;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    if (sl_parse(pa, SL_S("CREATE STREAM s () WITH (DATASOURCE=\"s\", FORMAT=\"json\")"), &st, NULL))
        exit(1);
    stream = st.create;
    if (sl_parse_select(pa, sl_str_of(sql), &sel, NULL) || sl_plan_make(sel, find, NULL, &o, &p))
        exit(1);
    sl_exec *e = sl_exec_new(p, 0);
    const sl_plan_source *src = sl_plan_source_at(p, 0);
    sl_builder *w = sl_builder_new(src->layout, src->all);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    sl_encoder *enc;
    sl_codec_conf conf = {0};
    sl_err_free(sl_codec_json.enc_new(&conf, &enc));
    sl_buf out = {0};
    double best[2] = {1e9, 1e9};
    uint64_t passed = 0;
    for (int try = 0; try < TRIES * 2; try++) {
        double t = now();
        passed = 0;
        for (int k = 0; k < x->rounds; k++) {
            for (int i = 0; i < x->rows; i++) {
                uint32_t rows;
                sl_str why;
                if (!sl_jsonrows_read(d, w, (sl_str){x->text + x->at[i], x->at[i + 1] - x->at[i]}, false, &rows, &why))
                    exit(1);
            }
            sl_batch *b = sl_builder_done(w, 0), *r = NULL;
            if (try & 1) {
                bool nomem;
                sl_view v = {.batch = b, .n = b->nrows};
                sl_exec_run(e, 0, &v, 0, &r, &nomem);
                sl_buf_clear(&out);
                for (uint32_t i = 0; r && i < r->nrows; i++) {
                    sl_str why;
                    if (!sl_codec_json.encode_row(enc, a, r, i, &out, &why))
                        exit(1);
                }
                passed += r ? r->nrows : 0;
                sl_arena_reset(a);
            }
            sl_batch_drop(r);
            sl_batch_drop(b);
        }
        t = now() - t;
        best[try & 1] = t < best[try & 1] ? t : best[try & 1];
    }
    show(sql, x, best[1]);
    show("  decoding alone", x, best[0]);
    printf("  ratio %.2f, %.0f %% of the rows pass\n", best[0] / best[1], (double)passed / ((double)x->rows * x->rounds) * 100);
    sl_buf_free(&out);
    sl_codec_json.enc_free(enc);
    sl_jsonrows_free(d);
    sl_builder_free(w);
    sl_exec_free(e);
    sl_plan_drop(p);
    sl_arena_free(a);
    sl_arena_free(pa);
}
/* A filter that few rows pass: rows read whole, the columns of WHERE first, and next to no column at all. */
static sl_rowgate *gate;
static uint16_t gate_cols[8];
static bool wanted(void *arg, const sl_builder *w) {
    sl_value v[8];
    for (uint32_t i = 0; i < *(uint32_t *)arg; i++)
        v[i] = sl_builder_peek(w, gate_cols[i]);
    return sl_rowgate_lets(gate, v);
}
static void selective(const docs *x, const char *create, const char *sql) {
    if (off(sql))
        return;
    sl_arena *pa = sl_arena_new(0);
    sl_stmt st;
    sl_select *sel;
    sl_plan *p;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    if (sl_parse(pa, sl_str_of(create), &st, NULL))
        exit(1);
    stream = st.create;
    if (sl_parse_select(pa, sl_str_of(sql), &sel, NULL) || sl_plan_make(sel, find, NULL, &o, &p) || !(gate = sl_rowgate_new(p)))
        exit(1);
    sl_exec *e = sl_exec_new(p, 0);
    const sl_plan_source *src = sl_plan_source_at(p, 0);
    const uint16_t *cols;
    uint32_t n = sl_rowgate_columns(gate, &cols);
    memcpy(gate_cols, cols, n * sizeof *cols);
    sl_rowlook look = {.layout = src->layout, .cols = gate_cols, .ncols = n, .wanted = wanted, .arg = &n};
    sl_layout *none = sl_layout_new(NULL, 0, 9);
    double best[3] = {1e9, 1e9, 1e9};
    uint64_t passed[3] = {0};
    for (int mode = 0; mode < 3; mode++) {
        sl_builder *w = sl_builder_new(mode == 2 ? none : src->layout, mode != 2 && src->all);
        sl_jsonrows *d = sl_jsonrows_new(stream->fields, stream->nfields, false, false);
        if (mode == 1)
            sl_jsonrows_look(d, &look);
        for (int try = 0; try < TRIES; try++) {
            double t = now();
            passed[mode] = 0;
            for (int k = 0; k < x->rounds; k++) {
                for (int i = 0; i < x->rows; i++) {
                    uint32_t rows;
                    sl_str why;
                    if (!sl_jsonrows_read(d, w, (sl_str){x->text + x->at[i], x->at[i + 1] - x->at[i]}, false, &rows, &why))
                        exit(1);
                }
                sl_batch *b = sl_builder_done(w, 0), *r = NULL;
                bool nomem;
                if (b && mode != 2) {
                    sl_view v = {.batch = b, .n = b->nrows};
                    sl_exec_run(e, 0, &v, 0, &r, &nomem);
                    passed[mode] += r ? r->nrows : 0;
                }
                sl_batch_drop(r);
                sl_batch_drop(b);
            }
            t = now() - t;
            best[mode] = t < best[mode] ? t : best[mode];
        }
        sl_builder_free(w);
        sl_jsonrows_free(d);
    }
    if (passed[0] != passed[1])
        exit(1);
    printf("%s%s\n", sql, stream->nfields ? " (declared types)" : "");
    show("  columns of WHERE first", x, best[1]);
    show("  rows read whole", x, best[0]);
    show("  no column", x, best[2]);
    printf("  %.2f times as many rows, %.1f %% pass\n", best[0] / best[1], (double)passed[0] / ((double)x->rows * x->rounds) * 100);
    sl_layout_drop(none);
    sl_exec_free(e);
    sl_rowgate_free(gate);
    sl_plan_drop(p);
    sl_arena_free(pa);
}
int main(int argc, char **argv) {
    only = argc > 1 && *argv[1] ? argv[1] : NULL;
    if (argc > 2)
        sl_json_index_use((unsigned)atoi(argv[2])); /* a narrower form than the machine's best */
    static const char *const three[] = {"device", "temperature", "online", NULL}, *const ten[] = {"ts",     "device", "site", "temperature", "humidity", "pressure",
                                                                                                  "status", "online", "seq",  "note",        NULL},
                             *const deep[] = {"id", "reading", "online", NULL}, *const wide[] = {"id", "last", "online", NULL};
    docs *f = make(flat, ROWS, 50), *t = make(nested, ROWS, 20), *s = make(arrays_small, ROWS, 10), *g = make(arrays_large, 50, 20);
#if SL_SIMDJSON
    printf("best of %d, CPU time of one thread; the rival is %s On-Demand\n", TRIES, peer_name());
#else
    printf("best of %d, CPU time of one thread; no rival: simdjson is not installed\n", TRIES);
#endif
    printf("flat rows of 10 fields, %zu bytes\n", f->at[ROWS] / ROWS);
    decode("decode 3 of 10 fields into columns", f, three, false, false, peer_three);
    decode("decode 3 of 10 fields, bytes lent", f, three, false, true, NULL);
    decode("decode all 10 fields into columns", f, ten, false, false, peer_all);
    decode("decode all, names unknown (SELECT *)", f, NULL, true, false, NULL);
    encode("encode 10 columns", f, ten, false, false);
    encode("encode 10 members of the tail", f, NULL, true, false);
    encode("decode and encode 3 of 10", f, three, false, true);
    encode("decode and encode 10 of 10", f, ten, false, true);
    through_sql(f, "SELECT ts, device, temperature * 1.8 + 32 AS fahrenheit, humidity, pressure, note FROM s WHERE temperature > 20");
    through_sql(f, "SELECT device, temperature FROM s WHERE temperature > 35");
    through_sql(f, "SELECT * FROM s WHERE temperature > 20");
    static const char loose[] = "CREATE STREAM s () WITH (DATASOURCE=\"s\", FORMAT=\"json\")",
                      typed[] =
                          "CREATE STREAM s (ts BIGINT, device STRING, site STRING, temperature FLOAT, humidity FLOAT, pressure FLOAT, status STRING, online BOOLEAN, seq BIGINT, "
                          "note STRING) WITH (DATASOURCE=\"s\", FORMAT=\"json\")";
    selective(f, loose, "SELECT * FROM s WHERE temperature > 39.6");
    selective(f, typed, "SELECT * FROM s WHERE temperature > 39.6");
    selective(f, loose, "SELECT ts, device, humidity, note FROM s WHERE temperature > 39.6");
    printf("nested documents, %zu bytes\n", t->at[ROWS] / ROWS);
    decode("decode 3 of 7 nested fields, one an object", t, deep, false, false, peer_nested);
    encode("encode the same", t, deep, false, false);
    selective(t, loose, "SELECT * FROM s WHERE version = 10 AND online = true");
    selective(t, loose, "SELECT id, reading, history FROM s WHERE version = 10");
    printf("100 numbers and 30 strings in arrays, %zu bytes\n", s->at[ROWS] / ROWS);
    decode("decode 3 fields beside small arrays", s, wide, false, false, peer_arrays);
    printf("2,000 numbers and 300 strings in arrays, %zu bytes\n", g->at[50] / 50);
    decode("decode 3 fields beside large arrays", g, wide, false, false, peer_arrays);
    return 0;
}
