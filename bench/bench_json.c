/* Rows a second of the JSON paths, one core: rows of ten fields and about 200 bytes, one message a row, 1,000 rows a batch. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "codec/codec.h"
#include "data/json.h"
#if SL_SIMDJSON
double peer_three(const char *text, size_t n, size_t room, double *sum);
double peer_all(const char *text, size_t n, size_t room, double *sum);
const char *peer_name(void);
#endif
enum { ROWS = 1000, TRIES = 40 };
static char *texts;
static size_t at[ROWS + 1], room;
static const char *only; /* part of the name of what is to run; NULL: all */
static bool off(const char *what) { return only && !strstr(what, only); }
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static void make(void) {
    texts = calloc(ROWS, 320);
    size_t n = 0;
    unsigned x = 12345;
    for (int i = 0; i < ROWS; i++) {
        at[i] = n;
        x = x * 1103515245 + 12345;
        n += (size_t)sprintf(texts + n, "{\"ts\":17000064%05d,\"device\":\"sensor-%u\",\"site\":\"plant 7, hall %u\",\"temperature\":%u.%u,\"humidity\":%u.%02u,\"pressure\":10%u.%u,"
            "\"status\":\"%s\",\"online\":%s,\"seq\":%d,\"note\":\"no remarks so far for this one\"}", i, x >> 20, x >> 28, 10 + (x >> 8) % 30, (x >> 4) % 10, 30 + (x >> 12) % 60, x >> 25,
            10 + (x >> 9) % 80, (x >> 3) % 10, x & 1024 ? "running" : "idle", x & 2048 ? "true" : "false", i * 17);
    }
    at[ROWS] = n;
    room = ROWS * 320;
}
static void show(const char *what, double rows, double secs) { printf("%-44s %8.2f M rows/s  %6.0f ns/row  %7.2f MB/s\n", what, rows / secs / 1e6, secs / rows * 1e9, rows / secs * (double)at[ROWS] / ROWS / 1e6); }

static double decode(const char *what, const char *const *names, uint32_t n, bool all, bool borrowed) {
    if (off(what))
        return 0;
    sl_str cols[16];
    for (uint32_t i = 0; i < n; i++)
        cols[i] = sl_str_of(names[i]);
    sl_layout *l = sl_layout_new(cols, n, 1);
    sl_builder *w = sl_builder_new(l, all);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    double best = 1e9;
    for (int try = 0; try < TRIES; try++) {
        double t = now();
        for (int k = 0; k < 50; k++) {
            for (int i = 0; i < ROWS; i++) {
                uint32_t rows;
                sl_str why;
                if (!sl_jsonrows_read(d, w, (sl_str){texts + at[i], at[i + 1] - at[i]}, borrowed, &rows, &why))
                    exit(1);
            }
            sl_batch_drop(sl_builder_done(w, 0));
        }
        t = now() - t;
        best = t < best ? t : best;
    }
    show(what, 50.0 * ROWS, best);
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
    return best;
}
static void encode(const char *what, const char *const *names, uint32_t n, bool all, bool through) {
    if (off(what))
        return;
    sl_str cols[16];
    for (uint32_t i = 0; i < n; i++)
        cols[i] = sl_str_of(names[i]);
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
        for (int k = 0; k < 50; k++) {
            if (!b)
                for (int i = 0; i < ROWS; i++) {
                    uint32_t rows;
                    sl_str why;
                    if (!sl_jsonrows_read(d, w, (sl_str){texts + at[i], at[i + 1] - at[i]}, false, &rows, &why))
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
    show(what, 50.0 * ROWS, best);
    sl_batch_drop(b);
    sl_buf_free(&out);
    sl_arena_free(a);
    sl_codec_json.enc_free(e);
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
#if SL_SIMDJSON
static double peer(const char *what, double (*f)(const char *, size_t, size_t, double *)) {
    if (off(what))
        return 0;
    double best = 1e9, sum = 0;
    for (int try = 0; try < TRIES; try++) {
        double t = now();
        for (int k = 0; k < 50; k++)
            for (int i = 0; i < ROWS; i++)
                if (f(texts + at[i], at[i + 1] - at[i], room - at[i], &sum) != 0)
                    exit(2);
        t = now() - t;
        best = t < best ? t : best;
    }
    show(what, 50.0 * ROWS, best);
    if (sum == 0)
        exit(2);
    return best;
}
#endif
int main(int argc, char **argv) {
    only = argc > 1 ? argv[1] : NULL;
    static const char *const three[] = {"device", "temperature", "online"},
                             *const ten[] = {"ts", "device", "site", "temperature", "humidity", "pressure", "status", "online", "seq", "note"};
    make();
    printf("rows of %zu bytes on average, 10 fields; best of 40, CPU time of one thread\n", at[ROWS] / ROWS);
    double a = decode("decode 3 of 10 fields into columns", three, 3, false, false);
    decode("decode 3 of 10 fields, bytes lent", three, 3, false, true);
    double c = decode("decode all 10 fields into columns", ten, 10, false, false);
    decode("decode all, names unknown (SELECT *)", NULL, 0, true, false);
    encode("encode 10 columns", ten, 10, false, false);
    encode("encode 10 members of the tail", NULL, 0, true, false);
    encode("decode and encode 3 of 10", three, 3, false, true);
    encode("decode and encode 10 of 10", ten, 10, false, true);
#if SL_SIMDJSON
    double p = peer("rival, 3 of 10 fields (no columns made)", peer_three), q = peer("rival, all 10 fields (no columns made)", peer_all);
    if (!only)
        printf("against %s On-Demand: %.2f x on 3 of 10, %.2f x on all\n", peer_name(), p / a, q / c);
#else
    (void)a, (void)c;
    printf("simdjson is not installed: no rival\n");
#endif
    return 0;
}
