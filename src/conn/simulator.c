/* The simulator: a list of rows from its own settings, one per pull, as a source; the same list as a lookup table. Also stands in for streams
 * in trial runs.
 *
 * Decision: rows are made once, at open, in an arena of the instance, and copied into each batch: the list is small by nature and the
 * batch must own what it carries. interval 0 pulls without pause, CHUNK rows a turn, so that sockets of the loop get their share. */
#include "conn/conn.h"
#include <stdlib.h>

enum { CHUNK = 256 };
typedef struct sim_conf {
    sl_json *data;
    int64_t interval;
    bool loop, int64;
} sim_conf;

static sl_err *sim_check(const void *conf, sl_str datasource) {
    const sim_conf *c = conf;
    if (c->interval < 0)
        return sl_err_new(SL_E_CONF, "interval must not be negative");
    if (!c->data)
        return NULL;
    if (c->data->kind != SL_J_ARR)
        return sl_err_new(SL_E_CONF, "1 error(s) decoding:\n\n* 'data': source data must be an array or slice, got %s",
                          c->data->kind == SL_J_OBJ        ? "map"
                              : c->data->kind == SL_J_STR  ? "string"
                              : c->data->kind == SL_J_BOOL ? "bool"
                                                           : "float64");
    uint32_t i = 0;
    for (const sl_json *r = c->data->child; r; r = r->next, i++)
        if (r->kind != SL_J_OBJ)
            return sl_err_new(SL_E_CONF, "1 error(s) decoding:\n\n* 'data[%u]' expected a map, got '%s'", i,
                              r->kind == SL_J_ARR        ? "slice"
                                  : r->kind == SL_J_STR  ? "string"
                                  : r->kind == SL_J_BOOL ? "bool"
                                  : r->kind == SL_J_NUM  ? "float64"
                                                         : "<nil>");
    return NULL;
}
static sl_err *rows_of(const sim_conf *c, sl_arena **arena, sl_value **rows, uint32_t *n) {
    *n = c->data ? c->data->n : 0;
    sl_arena *a = sl_arena_new(0);
    *rows = a ? SL_NEW_N(a, sl_value, *n + 1) : NULL;
    if (*rows) {
        uint32_t i = 0;
        for (const sl_json *r = c->data ? c->data->child : NULL; r; r = r->next)
            (*rows)[i++] = sl_json_to_value(a, r, c->int64);
    }
    if (!*rows || sl_arena_failed(a)) {
        sl_arena_free(a);
        return sl_err_new(SL_E_NOMEM, "simulator: out of memory");
    }
    *arena = a;
    return NULL;
}

/* ---- source ---- */
struct sl_source {
    sl_source_out *out;
    sl_loop *loop;
    sl_arena *arena;
    sl_value *rows;
    uint32_t n, at;
    uint64_t pos;
    int64_t interval, next;
    sl_timer *timer, *pump; /* the pump runs on the machine's clock: what is due now needs no time to pass */
    bool loops, paused, ended, due;
};

static bool give(sl_source *s) { /* one row */
    sl_builder *w = s->out->builder(s->out);
    if (!w)
        return false;
    sl_arena *a = sl_builder_arena(w);
    const sl_value *row = &s->rows[s->at++];
    sl_builder_row(w);
    for (uint32_t i = 0; i < row->len; i++) {
        sl_str key = row->map[i].key;
        int col = sl_layout_find(sl_builder_layout(w), key);
        if (col >= 0)
            sl_builder_set(w, (uint32_t)col, sl_value_copy(a, row->map[i].val));
        else if (sl_builder_all(w))
            sl_builder_tail(w, sl_arena_dup(a, key), sl_value_copy(a, row->map[i].val));
    }
    sl_builder_end(w);
    return s->out->rows(s->out, ++s->pos);
}
/* One pull: a row, the start over, or the end. false: stop for now. */
static bool pull(sl_source *s) {
    if (s->at == s->n) {
        if (!s->loops || !s->n) {
            s->ended = true;
            s->out->drained(s->out);
            s->out->eof(s->out);
            return false;
        }
        s->at = 0;
    }
    if (!give(s))
        s->paused = true;
    return !s->paused;
}
static void on_time(void *arg) {
    sl_source *s = arg;
    if (s->paused) {
        s->due = true;
        return;
    }
    if (s->interval) {
        s->next += s->interval;
        int64_t now = sl_now(s->loop);
        if (s->next <= now) /* the machine slept or the clock was set: no burst of missed pulls */
            s->next = now + s->interval;
        sl_timer_at(s->timer, s->next); /* before the pull: a consumer may move the clock */
        pull(s);
        if (s->ended)
            sl_timer_stop(s->timer);
        return;
    }
    for (int i = 0; i < CHUNK && pull(s); i++) {
    }
    if (s->paused)
        s->due = true;
    else if (!s->ended)
        sl_timer_in(s->pump, 0);
}
static sl_err *sim_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    const sim_conf *c = conf;
    SL_TRY(sim_check(conf, datasource));
    sl_source *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "simulator: out of memory");
    sl_err *e = rows_of(c, &s->arena, &s->rows, &s->n);
    if (!e && (!(s->timer = sl_timer_new(env->loop, on_time, s)) || !(s->pump = sl_timer_real(env->loop, on_time, s))))
        e = sl_err_new(SL_E_NOMEM, "simulator: out of memory");
    if (e) {
        sl_timer_free(s->timer);
        sl_arena_free(s->arena);
        free(s);
        return e;
    }
    s->out = out;
    s->loop = env->loop;
    s->loops = c->loop;
    s->interval = (c->interval + 999999) / 1000000;
    s->next = sl_now(env->loop);
    *src = s;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    sl_timer_in(s->pump, 0);
    return NULL;
}
static void sim_pause(sl_source *s) { s->paused = true; }
static void sim_resume(sl_source *s) {
    s->paused = false;
    if (s->due) {
        s->due = false;
        sl_timer_in(s->pump, 0);
    }
}
static void sim_close(sl_source *s, sl_fn done, void *arg) {
    sl_timer_free(s->timer);
    sl_timer_free(s->pump);
    sl_arena_free(s->arena);
    free(s);
    done(arg);
}

/* ---- lookup ---- */
struct sl_lookup {
    sl_arena *arena;
    sl_value *rows;
    uint32_t n;
};
static sl_err *look_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **out) {
    SL_TRY(sim_check(conf, datasource));
    sl_lookup *l = calloc(1, sizeof *l);
    if (!l)
        return sl_err_new(SL_E_NOMEM, "simulator: out of memory");
    sl_err *e = rows_of(conf, &l->arena, &l->rows, &l->n);
    if (e) {
        free(l);
        return e;
    }
    *out = l;
    return NULL;
}
static uint32_t matching(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, sl_value *got) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        bool all = true;
        for (uint32_t c = 0; c < n && all; c++)
            all = sl_value_same(sl_value_get(a, l->rows[i], cols[c]), vals[c]);
        if (all)
            got[k++] = l->rows[i];
    }
    return k;
}
/* Rows whose key columns all equal: upstream answers once per matching key, which makes two keys match too much; the documented join wins. */
static void look(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg) {
    sl_value *got = SL_NEW_N(a, sl_value, l->n + 1);
    if (!got) {
        done(arg, sl_v_error(SL_S("simulator: out of memory")));
        return;
    }
    uint32_t k = matching(l, a, cols, vals, n, got);
    for (uint32_t i = 0; i < k; i++)
        got[i] = sl_value_copy(a, got[i]);
    done(arg, sl_v_list(got, k));
}
static void look_now(sl_lookup *l, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *out) {
    sl_value *got = sl_arena_alloc(a, (l->n + 1) * sizeof *got);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = got ? matching(l, a, cols, vals + (size_t)i * ncols, ncols, got) : 0;
        sl_value *list = got ? sl_arena_alloc(a, (k + 1) * sizeof *list) : NULL;
        out[i] = list ? sl_v_list(list, k) : sl_v_error(SL_S("simulator: out of memory"));
        if (k && list)
            memcpy(list, got, k * sizeof *list);
    }
}
static void look_close(sl_lookup *l, sl_fn done, void *arg) {
    sl_arena_free(l->arena);
    free(l);
    done(arg);
}

static const sl_prop sim_props[] = {
    {"data", SL_P_JSON, SL_P_SOURCE | SL_P_LOOKUP, SL_AT(sim_conf, data), .doc = "List of rows (objects), given in this order.", .example = "[{\"a\":1},{\"a\":2}]"},
    {"interval", SL_P_DUR, SL_P_SOURCE, SL_AT(sim_conf, interval), .def = "1s", .doc = "Time between two rows; 0 gives them without pause."},
    {"loop", SL_P_BOOL, SL_P_SOURCE, SL_AT(sim_conf, loop), .def = "false", .doc = "Start over after the last row; otherwise the stream ends."},
    {"useInt64ForWholeNumber", SL_P_BOOL, SL_P_SOURCE | SL_P_LOOKUP, SL_AT(sim_conf, int64), .def = "false", .doc = "Whole numbers are integers, not floats."},
    {0}};
static const sl_source_ops sim_source = {.rows = true, .bounded = true, .check = sim_check, .open = sim_open, .pause = sim_pause, .resume = sim_resume, .close = sim_close};
static const sl_lookup_ops sim_lookup = {.check = sim_check, .open = look_open, .look = look, .now = look_now, .close = look_close};
const sl_conn_def sl_conn_simulator = {.name = "simulator",
                                       .title = "Simulator",
                                       .doc = "Gives rows from its own settings.",
                                       .props = sim_props,
                                       .conf_size = sizeof(sim_conf),
                                       .source = &sim_source,
                                       .lookup = &sim_lookup};
