/* Bed for connector tests: a loop, an environment, a scripted flow side (what sources give is written down as text) and a scripted sink host.
 * kit_t k; kit_begin(&k); kit_conf(&k, &sl_conn_x, SL_P_SOURCE, json) …; KIT_UNTIL(&k, condition) turns the loop until the condition holds. */
#ifndef SL_TESTS_CONN_KIT_H
#define SL_TESTS_CONN_KIT_H
#include "../kit.h"
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>
#include "conn/conn.h"
#include "data/json.h"
#include "os/file.h"

typedef struct kit_t {
    sl_source_out out; /* first */
    sl_sink_host host;
    sl_loop *loop;
    sl_timer *tick;
    sl_arena *a;
    sl_conn_env env;
    char home[64];
    sl_builder *w;
    sl_layout *layout;
    /* source side */
    sl_source *src;
    const sl_conn_def *def;
    sl_buf got;    /* one line per message or row: payload, then " @" and metadata when with_meta */
    sl_buf errors; /* one line each */
    uint32_t messages, nerrors, eofs, drains;
    uint64_t pos;
    uint32_t stop_after; /* answer false from this message on, 0 = never */
    bool with_meta;
    sl_conn_state state;
    uint32_t states;
    char why[256];
    /* sink side */
    sl_sink *sink;
    sl_buf answers; /* "1-3 delivered\n" */
    uint32_t answered, ready;
    bool closed;
} kit_t;

#define KIT_HOST(h) ((kit_t *)(void *)((char *)(h)-offsetof(kit_t, host)))
static inline void kit_json(sl_buf *o, sl_value v) {
    sl_str why;
    if (!sl_json_put(o, v, &why))
        sl_buf_str(o, why);
}
static inline bool kit_more(kit_t *k) { return !k->stop_after || k->messages < k->stop_after; }
static inline bool kit_bytes_(sl_source_out *o, const sl_packet *p) {
    kit_t *k = (kit_t *)o;
    sl_buf_str(&k->got, p->bytes);
    if (k->with_meta) {
        sl_buf_puts(&k->got, " @");
        kit_json(&k->got, sl_v_map(p->meta, p->nmeta));
    }
    sl_buf_putc(&k->got, '\n');
    k->messages++;
    k->pos = p->pos;
    return kit_more(k);
}
static inline sl_builder *kit_builder_(sl_source_out *o) { return ((kit_t *)o)->w; }
static inline bool kit_rows_(sl_source_out *o, uint64_t pos) {
    kit_t *k = (kit_t *)o;
    sl_batch *b = sl_builder_done(k->w, sl_now(k->loop));
    assert_non_null(b);
    for (uint32_t r = 0; r < b->nrows; r++) {
        sl_arena *a = sl_arena_new(0);
        kit_json(&k->got, sl_batch_row(b, r, a));
        if (k->with_meta) {
            sl_buf_puts(&k->got, " @");
            kit_json(&k->got, b->meta ? b->meta[r] : sl_v_null());
        }
        sl_buf_putc(&k->got, '\n');
        k->messages++;
        sl_arena_free(a);
    }
    k->pos = pos;
    sl_batch_drop(b);
    return kit_more(k);
}
static inline void kit_drained_(sl_source_out *o) { ((kit_t *)o)->drains++; }
static inline void kit_error_(sl_source_out *o, sl_str t) {
    kit_t *k = (kit_t *)o;
    sl_buf_printf(&k->errors, "%.*s\n", SL_FMT(t));
    k->nerrors++;
}
static inline void kit_eof_(sl_source_out *o) { ((kit_t *)o)->eofs++; }
static inline void kit_state_of(kit_t *k, sl_conn_state s, sl_str why) {
    k->state = s;
    k->states++;
    snprintf(k->why, sizeof k->why, "%.*s", SL_FMT(why));
}
static inline void kit_state_(sl_source_out *o, sl_conn_state s, sl_str why) { kit_state_of((kit_t *)o, s, why); }
static inline void kit_hstate_(sl_sink_host *h, sl_conn_state s, sl_str why) { kit_state_of(KIT_HOST(h), s, why); }
static inline void kit_answer_(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    static const char *const words[] = {"delivered", "later", "bad", "down"};
    kit_t *k = KIT_HOST(h);
    sl_buf_printf(&k->answers, "%d-%d %s%s%.*s\n", (int)first, (int)last, words[a], why.n ? " " : "", SL_FMT(why));
    k->answered += (uint32_t)(last - first + 1);
}
static inline void kit_ready_(sl_sink_host *h) { KIT_HOST(h)->ready++; }
static inline void kit_tick_(void *arg) { sl_timer_in(((kit_t *)arg)->tick, 20); }

/* names: the flow's columns, comma separated; "*" = all names are wanted */
static inline void kit_layout(kit_t *k, const char *names) {
    sl_str at[32];
    uint32_t n = 0;
    bool all = !strcmp(names, "*");
    for (const char *p = names; !all && *p;) {
        size_t len = strcspn(p, ",");
        at[n++] = sl_str_n(p, len);
        p += len + (p[len] == ',');
    }
    if (k->w)
        sl_builder_free(k->w);
    sl_layout_drop(k->layout);
    k->layout = sl_layout_new(at, n, 1);
    k->w = sl_builder_new(k->layout, all);
    assert_non_null(k->w);
}
static inline void kit_begin(kit_t *k) {
    memset(k, 0, sizeof *k);
    strcpy(k->home, "/tmp/sl_conn_XXXXXX");
    assert_non_null(mkdtemp(k->home));
    k->loop = sl_loop_new("kit");
    k->a = sl_arena_new(0);
    k->out = (sl_source_out){kit_bytes_, kit_builder_, kit_rows_, kit_drained_, kit_error_, kit_eof_, kit_state_};
    k->host = (sl_sink_host){kit_answer_, kit_hstate_, kit_ready_};
    k->env = (sl_conn_env){.loop = k->loop, .home = k->home, .rule_id = "rule1", .op_name = "op1"};
    kit_layout(k, "*");
    k->tick = sl_timer_real(k->loop, kit_tick_, k);
    kit_tick_(k);
}
static inline int kit_rm_(const char *path) {
    DIR *d = opendir(path);
    if (d) {
        struct dirent *e;
        while ((e = readdir(d)))
            if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
                char *p = sl_path_join(path, e->d_name);
                kit_rm_(p);
                free(p);
            }
        closedir(d);
        return rmdir(path);
    }
    return unlink(path);
}
static inline void kit_turn(kit_t *k) { uv_run(sl_loop_uv(k->loop), UV_RUN_NOWAIT); }
static inline void kit_closed_(void *arg) { ((kit_t *)arg)->closed = true; }
static inline bool kit_late_(int64_t *start) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (!*start)
        *start = now;
    return now - *start > 10000;
}
#define KIT_UNTIL(k, cond)                                                                                                                                                         \
    do {                                                                                                                                                                           \
        int64_t start_ = 0;                                                                                                                                                        \
        while (!(cond)) {                                                                                                                                                          \
            if (kit_late_(&start_))                                                                                                                                                \
                fail_msg("never came: %s\ngot:\n%s\nerrors:\n%s\nanswers:\n%s", #cond, sl_buf_cstr(&(k)->got), sl_buf_cstr(&(k)->errors), sl_buf_cstr(&(k)->answers));             \
            uv_run(sl_loop_uv((k)->loop), UV_RUN_ONCE);                                                                                                                            \
        }                                                                                                                                                                          \
    } while (0)
static inline void kit_close_source(kit_t *k) {
    if (!k->src)
        return;
    k->closed = false;
    k->def->source->close(k->src, kit_closed_, k);
    k->src = NULL;
    KIT_UNTIL(k, k->closed);
}
static inline void kit_close_sink(kit_t *k) {
    if (!k->sink)
        return;
    k->closed = false;
    k->def->sink->close(k->sink, kit_closed_, k);
    k->sink = NULL;
    KIT_UNTIL(k, k->closed);
}
static inline void kit_end(kit_t *k) {
    kit_close_source(k);
    kit_close_sink(k);
    sl_timer_free(k->tick);
    kit_turn(k);
    sl_loop_free(k->loop);
    sl_builder_free(k->w);
    sl_layout_drop(k->layout);
    sl_arena_free(k->a);
    sl_buf_free(&k->got);
    sl_buf_free(&k->errors);
    sl_buf_free(&k->answers);
    kit_rm_(k->home);
}
/* Settings by the property table; NULL and *e when they are wrong. */
static inline void *kit_conf_try(kit_t *k, const sl_conn_def *def, int where, const char *json, sl_err **e) {
    sl_json *props = NULL;
    void *conf = sl_arena_zero(k->a, def->conf_size);
    *e = sl_json_parse(k->a, sl_str_of(json), &props, NULL);
    if (*e)
        fail_msg("test's own JSON: %s: %s", json, sl_err_text(*e));
    *e = sl_spec_load(def->props, where, props, k->a, conf, NULL);
    return *e ? NULL : conf;
}
static inline void kit_ok(sl_err *e) {
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static inline void kit_says(sl_err *e, const char *text) {
    assert_non_null(e);
    assert_string_equal(sl_err_text(e), text);
    sl_err_free(e);
}
static inline sl_err *kit_source_try(kit_t *k, const sl_conn_def *def, const char *json, const char *datasource, const char *from) {
    sl_err *e;
    void *conf = kit_conf_try(k, def, SL_P_SOURCE, json, &e);
    k->def = def;
    if (!e && def->source->check)
        e = def->source->check(conf, sl_str_of(datasource));
    if (!e)
        e = def->source->open(conf, sl_str_of(datasource), &k->env, &k->out, sl_str_of(from), &k->src);
    return e;
}
static inline void kit_source(kit_t *k, const sl_conn_def *def, const char *json, const char *datasource) { kit_ok(kit_source_try(k, def, json, datasource, "")); }
static inline sl_err *kit_sink_try(kit_t *k, const sl_conn_def *def, const char *json) {
    sl_err *e;
    void *conf = kit_conf_try(k, def, SL_P_SINK, json, &e);
    k->def = def;
    if (!e && def->sink->check)
        e = def->sink->check(conf);
    if (!e)
        e = def->sink->open(conf, &k->env, &k->host, &k->sink);
    return e;
}
static inline void kit_sink(kit_t *k, const sl_conn_def *def, const char *json) { kit_ok(kit_sink_try(k, def, json)); }
/* One row as a batch of its own (refs 1). */
static inline sl_batch *kit_batch(kit_t *k, const char *json_rows) {
    sl_value v;
    sl_layout *l = sl_layout_new(NULL, 0, 1);
    sl_builder *w = sl_builder_new(l, true);
    kit_ok(sl_json_value(sl_builder_arena(w), sl_str_of(json_rows), false, &v));
    uint32_t n = v.kind == SL_LIST ? v.len : 1;
    for (uint32_t i = 0; i < n; i++) {
        sl_value row = v.kind == SL_LIST ? v.list[i] : v;
        sl_builder_row(w);
        for (uint32_t c = 0; c < row.len; c++)
            sl_builder_tail(w, row.map[c].key, row.map[c].val);
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 0);
    assert_non_null(b);
    sl_builder_free(w);
    sl_layout_drop(l);
    return b;
}
#define KIT_GOT(k, text) assert_string_equal(sl_buf_cstr(&(k)->got), text)
#endif
