/* Queries over an auction house: bench_nexmark [options] FILE… runs each file of bench/nexmark through real flows (source, decoder, statement, sink)
 * on one lane and prints a line of JSON: events and rows, CPU seconds of the whole process, the generator's included.
 *
 *   --json         events come as JSON bytes and are decoded (default: as rows of the columns that the statement wants)
 *   --events N     so many events (default 1,650,000); --rate N: so many in a second of stream time (default 50,000)
 *   --check        prints what the last statement gives, one JSON object a row, instead of the line
 *   --dump         prints the events, one object of stream and fields a line, and runs nothing
 *
 * A file holds statements, after those of streams.sql beside it: CREATE STREAM and TABLE, then SELECTs, each a rule. Comment lines before a SELECT are its
 * options: `-- event time`, `-- into TOPIC` (a memory topic instead of the nop sink). The clock is held and moved with the times of the events.
 *
 * Decision: all events are made, also those of streams that nobody reads, because the published figures count them so. Of an event that
 * is read as rows, numbers and texts of wanted columns are copied, as a decoder does. */
#include "nexmark/events.h"
#include "runner.h"

enum { CHUNK = 512 };
static struct {
    bool dump;
    uint64_t events;
    int64_t rate;
} opt = {.events = 1650000, .rate = 50000};
static nx_gen gen;

static void give_row(sl_source *s, const nx_event *e) {
    sl_builder *w = s->out->builder(s->out);
    if (!w)
        return;
    const sl_layout *l = sl_builder_layout(w);
    if (l != s->layout) {
        if (s->layout)
            sl_layout_drop(s->layout);
        s->layout = sl_layout_hold(l);
        s->all = sl_builder_all(w);
        for (uint32_t f = 0; f < nx_nfields[e->kind]; f++)
            s->at[f] = sl_layout_find(l, sl_str_of(nx_field[e->kind][f]));
    }
    sl_arena *a = sl_builder_arena(w);
    sl_builder_row(w);
    for (uint32_t f = 0; f < nx_nfields[e->kind]; f++) {
        if (s->at[f] < 0 && !s->all)
            continue;
        sl_value v = e->v[f];
        if (v.kind == SL_STRING)
            v = sl_v_str(sl_arena_dup(a, sl_v_text(v)));
        if (s->at[f] >= 0)
            sl_builder_set(w, (uint32_t)s->at[f], v);
        else
            sl_builder_tail(w, sl_str_of(nx_field[e->kind][f]), v);
    }
    sl_builder_end(w);
    s->pos++;
}
static void give(const nx_event *e) {
    static char text[NX_JSON];
    size_t n = runner_json ? nx_json(e, text) : 0;
    for (uint32_t i = 0; i < MAX_SOURCES; i++) {
        sl_source *s = sources[i];
        if (!s || s->kind != e->kind)
            continue;
        if (runner_json) {
            sl_packet p = {.bytes = sl_str_n(text, n), .pos = ++s->pos};
            s->out->bytes(s->out, &p);
        } else
            give_row(s, e);
    }
}
static void pump(void *arg) {
    sl_loop *l = arg;
    nx_event e;
    sl_clock_move(l, nx_time(&gen, gen.number));
    for (int i = 0; i < CHUNK && gen.number < opt.events; i++) {
        nx_make(&gen, &e);
        give(&e);
    }
    cut();
    sl_post(gen.number < opt.events ? l : office, gen.number < opt.events ? pump : back, l);
}
static void pump_side(void *arg) {
    nx_event e;
    for (uint32_t i = 0; i < NX_SIDE_ROWS; i++) {
        nx_side(i, &e);
        give(&e);
        if (i % CHUNK == CHUNK - 1)
            cut();
    }
    cut();
    sl_post(office, back, NULL);
}
static void read_file(sl_arena *a, const char *path) {
    sl_buf text = {0};
    char part[4096];
    FILE *f = fopen(path, "r");
    size_t n;
    if (!f)
        fail(path, sl_err_new(SL_E_IO, "cannot be read"));
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        sl_buf_put(&text, part, n);
    fclose(f);
    read_text(a, sl_buf_view(&text));
    sl_buf_free(&text);
}
static void run(const char *path) {
    sl_arena *a = sl_arena_new(0);
    const char *slash = strrchr(path, '/');
    char streams[1024];
    snprintf(streams, sizeof streams, "%.*s/streams.sql", slash ? (int)(slash - path) : 1, slash ? path : ".");
    read_file(a, streams);
    read_file(a, path);
    if (!nx_init(&gen, 42, opt.rate))
        exit(1);
    open_all();
    bool side = false;
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        side |= sources[i] && sources[i]->kind == NX_SIDE;
    if (side) {
        on_lane(pump_side, NULL);
        settle();
    }
    double t = cpu();
    on_lane(pump, sl_lane_loop(sl_lane_at(0)));
    settle();
    t = cpu() - t;
    int64_t rss = sl_rss_bytes();
    const rule *last = &rules[nrules - 1];
    close_all();
    if (!runner_print)
        printf("{\"query\":\"%.*s\",\"json\":%s,\"events\":%llu,\"rows_in\":%llu,\"rows_out\":%llu,\"cpu_s\":%.4f,\"events_per_cpu_s\":%.0f,\"rss_kb\":%lld}\n",
               (int)strcspn(slash ? slash + 1 : path, "."), slash ? slash + 1 : path, runner_json ? "true" : "false", (unsigned long long)opt.events, (unsigned long long)last->in,
               (unsigned long long)last->out, t, (double)opt.events / t, (long long)rss / 1024);
    fflush(stdout);
    nx_end(&gen);
    sl_arena_free(a);
}
static void dump(void) {
    static char text[NX_JSON];
    nx_event e;
    if (!nx_init(&gen, 42, opt.rate))
        exit(1);
    while (gen.number < opt.events) {
        nx_make(&gen, &e);
        printf("{\"%s\":%.*s}\n", nx_stream[e.kind], (int)nx_json(&e, text), text);
    }
    nx_end(&gen);
}
int main(int argc, char **argv) {
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        sl_str o = sl_str_of(argv[at]);
        runner_json |= sl_str_is(o, "--json");
        runner_print |= sl_str_is(o, "--check");
        opt.dump |= sl_str_is(o, "--dump");
        if (sl_str_is(o, "--events") && at + 1 < argc)
            opt.events = strtoull(argv[++at], NULL, 10);
        else if (sl_str_is(o, "--rate") && at + 1 < argc)
            opt.rate = strtoll(argv[++at], NULL, 10);
    }
    if (opt.rate <= 0 || (at == argc && !opt.dump)) {
        fprintf(stderr, "usage: bench_nexmark [--json] [--events N] [--rate N] [--check] FILE… | --dump\n");
        return 2;
    }
    if (opt.dump) {
        dump();
        return 0;
    }
    static const char *const streams[] = {"person", "auction", "bid", "side", NULL};
    runner_start(streams, "nexmark", NX_BASE_MS);
    for (; at < argc; at++)
        run(argv[at]);
    runner_stop();
    return exit_code;
}
