/* The test door's ends: sources that take what a test feeds ($feed: bytes, $feed_rows: rows) and sinks that keep what they get ($collect:
 * rows, $collect_bytes). Only there when the daemon runs in test mode; each belongs to one lane.
 * Decision: the door stands in for a stream's own connector, so that rules run on the very flow they run on in production. */
#include <stdlib.h>
#include "base/map.h"
#include "base/vec.h"
#include "conn/feed.h"
#include "data/template.h"

typedef struct feed {
    char *topic;
    bool rows;
    sl_source_out *out;
    struct feed *next;
} feed;
static _Thread_local feed *feeds; /* of this lane */
static _Thread_local collected *kept;

static sl_err *open_feed(sl_str datasource, sl_source_out *out, bool rows, sl_source **src) {
    feed *f = calloc(1, sizeof *f);
    if (!f || !(f->topic = sl_strdup_n(datasource.p, datasource.n))) {
        free(f);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    f->out = out;
    f->rows = rows;
    feed **end = &feeds;
    while (*end)
        end = &(*end)->next;
    *end = f;
    *src = (sl_source *)f;
    out->state(out, SL_CONN_CONNECTED, (sl_str){0});
    return NULL;
}
static sl_err *feed_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    return open_feed(datasource, out, false, src);
}
static sl_err *feed_rows_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    return open_feed(datasource, out, true, src);
}
static void feed_close(sl_source *s, sl_fn done, void *arg) {
    for (feed **p = &feeds; *p; p = &(*p)->next)
        if (*p == (feed *)s) {
            feed *f = *p;
            *p = f->next;
            free(f->topic);
            free(f);
            break;
        }
    done(arg);
}
bool sl_feed_bytes(sl_str topic, sl_str bytes, const sl_member *meta, uint32_t nmeta) {
    bool any = false;
    for (feed *f = feeds, *n; f; f = n) {
        n = f->next;
        if (!sl_str_is(topic, f->topic))
            continue;
        f->out->bytes(f->out, &(sl_packet){.bytes = bytes, .meta = meta, .nmeta = nmeta});
        f->out->drained(f->out);
        any = true;
    }
    return any;
}
bool sl_feed_row(sl_str topic, sl_value row, sl_value meta) {
    bool any = false;
    for (feed *f = feeds, *n; f; f = n) {
        n = f->next;
        sl_builder *w = f->rows && sl_str_is(topic, f->topic) ? f->out->builder(f->out) : NULL;
        if (!w)
            continue;
        sl_arena *a = sl_builder_arena(w);
        sl_value v = sl_value_copy(a, row);
        sl_builder_row(w);
        for (uint32_t i = 0; v.kind == SL_MAP && i < v.len; i++)
            sl_builder_put(w, v.map[i].key, v.map[i].val);
        sl_member of_memory = {SL_S("topic"), sl_v_str(topic)}; /* what the memory connector gives */
        sl_builder_meta(w, sl_value_copy(a, meta.kind == SL_MAP ? meta : sl_v_map(&of_memory, 1)));
        sl_builder_end(w);
        f->out->rows(f->out, 0);
        any = true;
    }
    return any;
}
static const sl_source_ops feed_ops = {.open = feed_open, .close = feed_close};
static const sl_source_ops feed_rows_ops = {.rows = true, .open = feed_rows_open, .close = feed_close};

/* ---- lookup tables ---- */
typedef struct table_conf {
    sl_str key;
} table_conf;
static const sl_prop table_props[] = {{"key", SL_P_STR, SL_P_LOOKUP, SL_AT(table_conf, key), .doc = "Column that tells rows apart."}, {0}};
typedef struct table {
    char *name;
    sl_str key;
    sl_arena *a;
    SL_VEC(sl_value) rows;
    struct table *next;
} table;
static _Thread_local table *tables; /* of this lane */

/* What JSON made a float and a person wrote as a whole number is the same key. */
static bool alike(sl_value x, sl_value y) {
    bool numbers = (x.kind == SL_INT || x.kind == SL_FLOAT) && (y.kind == SL_INT || y.kind == SL_FLOAT);
    return numbers && x.kind != y.kind ? (x.kind == SL_INT ? (double)x.i : sl_f64(x)) == (y.kind == SL_INT ? (double)y.i : sl_f64(y)) : sl_value_same(x, y);
}
bool sl_feed_table(sl_str name, sl_value row) {
    bool any = false;
    for (table *t = tables; t; t = t->next) {
        if (!sl_str_is(name, t->name))
            continue;
        any = true;
        size_t at = 0;
        sl_value mine = sl_value_copy(t->a, row), key = sl_value_get(t->a, mine, t->key);
        while (at < t->rows.n && !(t->key.n && alike(sl_value_get(t->a, t->rows.at[at], t->key), key)))
            at++;
        if (at < t->rows.n)
            t->rows.at[at] = mine;
        else if (!SL_PUSH(t->rows, mine))
            return false;
    }
    return any;
}
static sl_err *table_opened(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **l) {
    table *t = calloc(1, sizeof *t);
    if (!t || !(t->a = sl_arena_new(0)) || !(t->name = sl_strdup_n(datasource.p, datasource.n))) {
        sl_arena_free(t ? t->a : NULL);
        free(t);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    t->key = sl_arena_dup(t->a, ((const table_conf *)conf)->key);
    t->next = tables;
    tables = t;
    *l = (sl_lookup *)t;
    return NULL;
}
static void table_asked(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg) {
    table *t = (table *)l;
    sl_value *found = sl_arena_alloc(a, (t->rows.n + 1) * sizeof *found);
    uint32_t k = 0;
    for (size_t i = 0; found && i < t->rows.n; i++) {
        bool fits = true;
        for (uint32_t c = 0; c < n && fits; c++)
            fits = alike(sl_value_get(a, t->rows.at[i], cols[c]), vals[c]);
        if (fits)
            found[k++] = sl_value_copy(a, t->rows.at[i]);
    }
    done(arg, found ? sl_v_list(found, k) : sl_v_error(SL_S("out of memory")));
}
static void table_closed(sl_lookup *l, sl_fn done, void *arg) {
    for (table **p = &tables; *p; p = &(*p)->next)
        if (*p == (table *)l) {
            table *t = *p;
            *p = t->next;
            SL_VEC_FREE(t->rows);
            sl_arena_free(t->a);
            free(t->name);
            free(t);
            break;
        }
    done(arg);
}
static const sl_lookup_ops table_ops = {.open = table_opened, .look = table_asked, .close = table_closed};

/* ---- collecting ---- */
typedef struct collect_conf { /* properties that other connectors template */
    sl_str topic, url, path, key, table, stable, node, group;
} collect_conf;
#define TPL(key, field)                                                                                                                                                            \
    { key, SL_P_STR, SL_P_SINK | SL_P_TEMPLATE, SL_AT(collect_conf, field), .doc = "Shown as it was rendered." }
static const sl_prop collect_props[] = {
    TPL("topic", topic), TPL("url", url), TPL("path", path), TPL("key", key), TPL("table", table), TPL("sTable", stable), TPL("nodeName", node), TPL("groupName", group), {0}};
typedef struct collect {
    sl_sink_host *host;
    sl_loop *loop;
    char *rule;
    const collect_conf *conf;
} collect;
static char *props_of(const collect *c, const sl_str *v) {
    sl_buf b = {0};
    for (uint32_t i = 0; v && collect_props[i].name; i++) {
        if (!sl_template_is(*(const sl_str *)((const char *)c->conf + collect_props[i].at)))
            continue;
        sl_buf_printf(&b, "%s\"%s\":", b.n ? "," : "{", collect_props[i].name);
        sl_json_put_str(&b, v[i]);
    }
    if (b.n)
        sl_buf_putc(&b, '}');
    char *text = b.n ? sl_buf_take(&b) : NULL;
    sl_buf_free(&b);
    return text;
}
collected *sl_collected_take(sl_str rule) {
    collected *mine = NULL, **end = &mine, **p = &kept;
    while (*p)
        if (sl_str_is(rule, (*p)->rule)) {
            *end = *p;
            *p = (*p)->next;
            end = &(*end)->next;
            *end = NULL;
        } else
            p = &(*p)->next;
    return mine;
}
void sl_collected_free(collected *c) {
    while (c) {
        collected *n = c->next;
        sl_batch_drop(c->batch);
        free(c->bytes);
        free(c->props);
        free(c->rule);
        free(c);
        c = n;
    }
}
static sl_err *collect_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    collect *c = calloc(1, sizeof *c);
    if (!c || !(c->rule = sl_strdup_n(env->rule_id, strlen(env->rule_id)))) {
        free(c);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    c->host = host;
    c->loop = env->loop;
    c->conf = conf;
    *sink = (sl_sink *)c;
    host->state(host, SL_CONN_CONNECTED, (sl_str){0});
    return NULL;
}
static uint32_t collect_put(sl_sink *s, const sl_message *m, uint32_t n) {
    collect *c = (collect *)s;
    collected **end = &kept;
    while (*end)
        end = &(*end)->next;
    for (uint32_t i = 0; i < n; i++) {
        collected *k = calloc(1, sizeof *k);
        if (!k)
            return i;
        *k = (collected){.rule = sl_strdup_n(c->rule, strlen(c->rule)),
                         .at_ms = sl_now(c->loop),
                         .batch = m[i].batch ? sl_batch_hold((sl_batch *)(uintptr_t)m[i].batch) : NULL,
                         .first = m[i].first,
                         .count = m[i].count,
                         .bytes = m[i].batch ? NULL : sl_strdup_n(m[i].bytes.p, m[i].bytes.n),
                         .nbytes = m[i].bytes.n,
                         .is_error = m[i].is_error,
                         .collection = m[i].collection,
                         .props = props_of(c, m[i].props)};
        *end = k;
        end = &k->next;
        c->host->answer(c->host, m[i].seq, m[i].seq, SL_DELIVERED, (sl_str){0});
    }
    return n;
}
static void collect_close(sl_sink *s, sl_fn done, void *arg) {
    collect *c = (collect *)s;
    sl_collected_free(sl_collected_take(sl_str_of(c->rule))); /* what came too late for anybody */
    free(c->rule);
    free(c);
    done(arg);
}
static const sl_sink_ops collect_ops = {.rows = true, .open = collect_open, .put = collect_put, .close = collect_close};
static const sl_sink_ops collect_bytes_ops = {.open = collect_open, .put = collect_put, .close = collect_close};

const sl_conn_def sl_conn_feed[] = {
    {.name = "$feed", .title = "Test feed of bytes", .doc = "Stands in for a source of bytes in test mode.", .source = &feed_ops, .sink = NULL},
    {.name = "$feed_rows", .title = "Test feed of rows", .doc = "Stands in for a source of rows in test mode.", .source = &feed_rows_ops},
    {.name = "$table", .title = "Test table", .doc = "Stands in for a lookup table in test mode.", .props = table_props, .conf_size = sizeof(table_conf), .lookup = &table_ops},
    {.name = "$collect",
     .title = "Test collector of rows",
     .doc = "Keeps the rows it gets, in test mode.",
     .props = collect_props,
     .conf_size = sizeof(collect_conf),
     .sink = &collect_ops},
    {.name = "$collect_bytes",
     .title = "Test collector of bytes",
     .doc = "Keeps the payloads it gets, in test mode.",
     .props = collect_props,
     .conf_size = sizeof(collect_conf),
     .sink = &collect_bytes_ops},
    {0},
};
