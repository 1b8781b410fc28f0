/* What windows, joins and lookups cost a rule: bench_flow [--limit SECONDS] [--rows N] [CASE…] feeds JSON messages of 200 bytes and ten fields, made beforehand, to real flows
 * that end in the nop sink, and prints a line of JSON for each case. Every case has the same input; `filter` and `alone` are what the others are held against.
 *
 * Decision: the clock is held and moved as the messages would come at the case's rate, so that an hour of stream time costs what its rows cost. A case that
 * takes longer than the limit is cut short and says how far it came: a cost that grows with the window shows itself. */
#include "runner.h"

enum { POOL = 16384, BYTES = 200, KEYS = 1000 };
#define BASE_MS INT64_C(1700000000000)
#define IN "CREATE STREAM s () WITH (DATASOURCE=\"s\", TYPE=\"feed\", FORMAT=\"json\", TIMESTAMP=\"ts\");\n"
#define TWO IN "CREATE STREAM t () WITH (DATASOURCE=\"t\", TYPE=\"feed\", FORMAT=\"json\", TIMESTAMP=\"ts\");\n"
#define LOOK                                                                                                                                                                       \
    IN "CREATE STREAM k () WITH (DATASOURCE=\"k\", TYPE=\"feed\", FORMAT=\"json\");\n"                                                                                             \
       "CREATE TABLE keys () WITH (DATASOURCE=\"bench/keys\", TYPE=\"memory\", KIND=\"lookup\", KEY=\"id\");\n-- into bench/keys\nSELECT id, name FROM k;\n"
#define ET "-- event time\n"
#define AGG "SELECT device, count(*) AS c, avg(temperature) AS m, max(count) AS x FROM s WHERE temperature >= 0 GROUP BY device, "
typedef struct bench_case {
    const char *name, *text;
    uint32_t rate, chunk, groups; /* messages a second of stream time, in a batch; different devices */
    uint32_t least;               /* rows before counting begins: windows are full then */
    double share;                 /* of the rows asked for */
} bench_case;
static const bench_case cases[] = {
    {"filter", IN "SELECT device, temperature, count FROM s WHERE temperature >= 0;", 100000, 512, 100, 0, 1},
    {"tumbling 1 s, no group", IN "SELECT count(*) AS c, avg(temperature) AS m, max(count) AS x FROM s WHERE temperature >= 0 GROUP BY TUMBLINGWINDOW(ss, 1);", 100000, 512, 100, 0,
     1},
    {"tumbling 1 s, 100 groups", IN AGG "TUMBLINGWINDOW(ss, 1);", 100000, 512, 100, 0, 1},
    {"tumbling 10 s, 100 groups", IN AGG "TUMBLINGWINDOW(ss, 10);", 100000, 512, 100, 0, 1},
    {"tumbling 1 s, 10,000 groups", IN AGG "TUMBLINGWINDOW(ss, 1);", 100000, 512, 10000, 0, 1},
    {"tumbling 10 s, 10,000 groups", IN AGG "TUMBLINGWINDOW(ss, 10);", 100000, 512, 10000, 0, 1},
    {"tumbling 1 s, event time, 100 groups", IN ET AGG "TUMBLINGWINDOW(ss, 1);", 100000, 512, 100, 200000, 1},
    {"hopping 10 s / 1 s, 100 groups", IN AGG "HOPPINGWINDOW(ss, 10, 1);", 100000, 512, 100, 1000000, 1},
    {"hopping 10 s / 1 s, 10,000 groups", IN AGG "HOPPINGWINDOW(ss, 10, 1);", 100000, 512, 10000, 1000000, 1},
    {"hopping 60 s / 1 s, 100 groups", IN AGG "HOPPINGWINDOW(ss, 60, 1);", 20000, 512, 100, 1200000, 1},
    {"hopping 10 s / 1 s, event time, 100 groups", IN ET AGG "HOPPINGWINDOW(ss, 10, 1);", 100000, 512, 100, 1000000, 1},
    {"count 1,000", IN "SELECT count(*) AS c, avg(temperature) AS m FROM s WHERE temperature >= 0 GROUP BY COUNTWINDOW(1000);", 100000, 512, 100, 0, 1},
    {"session, 100 groups", IN AGG "SESSIONWINDOW(ss, 1, 1);", 100000, 512, 100, 0, 1},
    {"session, event time, 100 groups", IN ET AGG "SESSIONWINDOW(ss, 1, 1);", 100000, 512, 100, 200000, 1},
    {"rows of tumbling 1 s", IN "SELECT device, temperature, count FROM s WHERE temperature >= 0 GROUP BY TUMBLINGWINDOW(ss, 1);", 100000, 512, 100, 0, 1},
    {"alone", IN "SELECT device, temperature, count FROM s WHERE temperature >= 0;", 1000, 1, 100, 0, 0.2},
    {"sliding 10 s", IN "SELECT count(*) AS c, avg(temperature) AS m FROM s GROUP BY SLIDINGWINDOW(ss, 10);", 1000, 1, 100, 20000, 0.2},
    {"sliding 10 s, event time", IN ET "SELECT count(*) AS c, avg(temperature) AS m FROM s GROUP BY SLIDINGWINDOW(ss, 10);", 1000, 1, 100, 20000, 0.2},
    {"sliding 1 h", IN "SELECT count(*) AS c, avg(temperature) AS m FROM s GROUP BY SLIDINGWINDOW(hh, 1);", 1000, 1, 100, 3700000, 0.2},
    {"sliding 10 s, 100 groups", IN "SELECT device, count(*) AS c, avg(temperature) AS m FROM s GROUP BY device, SLIDINGWINDOW(ss, 10);", 1000, 1, 100, 20000, 0.02},
    {"join of two streams, 1 s at 2,000/s each", TWO "SELECT s.device, s.temperature, t.humidity FROM s INNER JOIN t ON s.id = t.id GROUP BY TUMBLINGWINDOW(ss, 1);", 4000, 512,
     100, 0, 0.5},
    {"join of two streams, 1 s at 8,000/s each", TWO "SELECT s.device, s.temperature, t.humidity FROM s INNER JOIN t ON s.id = t.id GROUP BY TUMBLINGWINDOW(ss, 1);", 16000, 512,
     100, 0, 0.5},
    {"join, left, text keys, 1 s at 2,000/s each", TWO "SELECT s.device, t.name AS n FROM s LEFT JOIN t ON s.note = t.note GROUP BY TUMBLINGWINDOW(ss, 1);", 4000, 512, 100, 0,
     0.5},
    {"join, event time, 1 s at 2,000/s each", TWO ET "SELECT s.device, s.temperature, t.humidity FROM s INNER JOIN t ON s.id = t.id GROUP BY TUMBLINGWINDOW(ss, 1);", 4000, 512,
     100, 0, 0.5},
    {"lookup in memory, 1,000 keys", LOOK "SELECT s.device, s.temperature, keys.name FROM s INNER JOIN keys ON s.count = keys.id;", 100000, 512, 100, 0, 0.5},
    {"lag per key, 100 keys", IN "SELECT device, temperature, lag(temperature) OVER (PARTITION BY device) AS before FROM s WHERE temperature >= 0;", 100000, 512, 100, 0, 1},
    {"lag per key, 10,000 keys", IN "SELECT device, temperature, lag(temperature) OVER (PARTITION BY device) AS before FROM s WHERE temperature >= 0;", 100000, 512, 10000, 0, 1},
};
static char (*pool)[BYTES + 1];
static const bench_case *now_case;
static uint64_t fed, until;
static double began, limit = 8;

static void fill_pool(uint32_t groups) {
    for (uint32_t i = 0; i < POOL; i++) {
        int n = snprintf(pool[i], sizeof *pool,
                         "{\"ts\":%lld,\"id\":%u,\"device\":\"device-%05u\",\"temperature\":%u.%02u,\"humidity\":45.1,\"pressure\":1013.25,\"ok\":true,\"count\":%u,\"name\":"
                         "\"hall 7\",\"note\":\"n%05u",
                         (long long)BASE_MS, i, i * 7919u % groups, i % 40, i % 97, i * 31u % KEYS, i);
        memset(pool[i] + n, 'x', (size_t)(BYTES - n));
        memcpy(pool[i] + BYTES - 2, "\"}", 3);
    }
}
static void stamp(char *m, int64_t ms) { /* thirteen digits behind {"ts": */
    for (int i = 12; i >= 0; i--, ms /= 10)
        m[6 + i] = (char)('0' + ms % 10);
}
static sl_source *source_at(int kind) {
    for (uint32_t i = 0; i < MAX_SOURCES; i++)
        if (sources[i] && sources[i]->kind == kind)
            return sources[i];
    return NULL;
}
static void give(sl_source *s, char *m, size_t n) {
    sl_packet p = {.bytes = sl_str_n(m, n), .pos = ++s->pos};
    s->out->bytes(s->out, &p);
}
static void pump(void *arg) {
    sl_loop *l = arg;
    sl_source *s = source_at(0), *t = source_at(1);
    for (uint32_t done = 0; done < 512 && fed < until;) {
        sl_clock_move(l, BASE_MS + (int64_t)(fed * 1000 / now_case->rate));
        for (uint32_t i = 0; i < now_case->chunk && fed < until; i++, done++, fed++) {
            uint64_t k = t ? fed / 2 : fed; /* the two sides of a join have the same keys at the same time */
            char *m = pool[k % POOL];
            stamp(m, BASE_MS + (int64_t)(fed * 1000 / now_case->rate));
            give(t && fed % 2 ? t : s, m, BYTES);
        }
        cut();
    }
    bool more = fed < until && cpu() - began < limit;
    sl_post(more ? l : office, more ? pump : back, l);
}
static void pump_keys(void *arg) {
    sl_source *k = source_at(2);
    char text[64];
    for (int i = 0; i < KEYS; i++)
        give(k, text, (size_t)snprintf(text, sizeof text, "{\"id\":%d,\"name\":\"key %d\"}", i, i));
    cut();
    sl_post(office, back, NULL);
}
static void run(const bench_case *c, uint64_t rows) {
    sl_arena *a = sl_arena_new(0);
    sl_loop *lane = sl_lane_loop(sl_lane_at(0));
    char *text = malloc(strlen(c->text) + 2);
    strcpy(text, c->text);
    read_text(a, sl_str_of(strcat(text, "\n")));
    now_case = c;
    fill_pool(c->groups);
    sl_clock_hold(BASE_MS);
    fed = 0;
    open_all();
    if (source_at(2)) {
        on_lane(pump_keys, NULL);
        settle();
    }
    began = cpu();
    until = c->least;
    if (until)
        on_lane(pump, lane);
    uint64_t before = fed;
    bool full = fed == until; /* else: cut short while the window filled; counted from the start then */
    double t = full ? cpu() : began;
    before = full ? before : 0;
    began = cpu();
    until = fed + (full ? (uint64_t)((double)rows * c->share) : 0);
    if (full)
        on_lane(pump, lane);
    settle();
    t = cpu() - t;
    int64_t rss = sl_rss_bytes();
    const rule *last = &rules[nrules - 1];
    close_all();
    printf("{\"case\":\"%s\",\"rows\":%llu,\"out\":%llu,\"whole\":%s,\"cpu_s\":%.4f,\"ns_row\":%.1f,\"ns_out\":%.1f,\"rss_kb\":%lld}\n", c->name,
           (unsigned long long)(fed - before), (unsigned long long)last->out, fed == until && full ? "true" : "false", t, t * 1e9 / (double)(fed - before),
           last->out ? t * 1e9 * (double)fed / (double)(fed - before) / (double)last->out : 0.0, (long long)rss / 1024);
    fflush(stdout);
    free(text);
    sl_arena_free(a);
}
int main(int argc, char **argv) {
    uint64_t rows = 1000000;
    static const char *const streams[] = {"s", "t", "k", NULL};
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        if (strcmp(argv[at], "--limit") == 0)
            limit = strtod(argv[at + 1], NULL);
        else if (strcmp(argv[at], "--rows") == 0)
            rows = strtoull(argv[at + 1], NULL, 10);
    }
    pool = malloc(POOL * sizeof *pool);
    runner_json = true;
    runner_start(streams, "feed", BASE_MS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool wanted = at == argc;
        for (int k = at; k < argc; k++)
            wanted |= strstr(cases[i].name, argv[k]) != NULL;
        if (wanted)
            run(&cases[i], rows);
    }
    runner_stop();
    free(pool);
    return exit_code;
}
