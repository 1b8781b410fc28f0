/* The memory connector: rules in a pipeline. A sink publishes rows to a topic, sources of any lane subscribe with + and #, lookup tables keep
 * the newest row per key (table.c).
 *
 * Decision: rows are not copied between rules. The letter holds the publisher's batch, the subscriber's batch is built over it
 * (sl_builder_base) and shares its payloads. */
#include "conn/feed.h"
#include "conn/memory/board.h"
#include "conn/memory/table.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct memory_conf {
    sl_str topic, rowkind_field, key_field, key;
    int64_t buffer;
} memory_conf;

static sl_err *check_pattern(sl_str topic) {
    if (!topic.n)
        return sl_err_new(SL_E_CONF, "topic is required");
    const char *hash = memchr(topic.p, '#', topic.n);
    if (hash && hash != topic.p + topic.n - 1)
        return sl_err_new(SL_E_CONF, "invalid memory topic %.*s: # must be the last level", SL_FMT(topic));
    return NULL;
}

/* ---- source ---- */
struct sl_source {
    sl_source_out *out;
    sl_loop *loop;
    listener *ear;
    letter *first, *last;  /* waiting while paused */
    letter *kept, *newest; /* given, and not committed yet */
    bool paused, inside, closed, deferred;
    uint64_t pos, committed;
    uint32_t refs;
    /* from columns of the publisher's layout to ours, kept while both stay */
    const sl_layout *from, *to;
    int32_t *map;
    uint32_t nmap;
};
static void letters_free(letter **first) {
    for (letter *l = *first; l; l = *first) {
        *first = l->next;
        letter_free(l);
    }
}
static void source_unref(sl_source *s) {
    if (--s->refs)
        return;
    sl_layout_drop(s->from);
    sl_layout_drop(s->to);
    free(s->map);
    free(s);
}

static bool remap(sl_source *s, const sl_layout *from, const sl_layout *to) {
    if (s->from == from && s->to == to)
        return true;
    if (from->n > s->nmap) {
        int32_t *p = realloc(s->map, from->n * sizeof *p);
        if (!p)
            return false;
        s->map = p;
        s->nmap = from->n;
    }
    for (uint32_t i = 0; i < from->n; i++)
        s->map[i] = sl_layout_find(to, from->names[i]);
    sl_layout_hold(from);
    sl_layout_hold(to);
    sl_layout_drop(s->from);
    sl_layout_drop(s->to);
    s->from = from;
    s->to = to;
    return true;
}
static sl_value with_topic(sl_arena *a, sl_value meta, const char *topic) {
    uint32_t n = meta.kind == SL_MAP ? meta.len : 0, k = 0;
    sl_member *m = SL_NEW_N(a, sl_member, n + 1);
    if (!m)
        return sl_v_absent();
    for (uint32_t i = 0; i < n; i++)
        if (!sl_str_is(meta.map[i].key, "topic"))
            m[k++] = meta.map[i];
    m[k++] = (sl_member){SL_S("topic"), sl_v_str(sl_arena_dup(a, sl_str_of(topic)))};
    return sl_v_map(m, k);
}
/* Rows of one item; true: go on. */
static bool give(sl_source *s, const item *it, const publisher *from) {
    sl_builder *w = s->out->builder(s->out);
    if (!w)
        return false;
    sl_batch *b = it->batch;
    bool all = sl_builder_all(w);
    if (!remap(s, b->layout, sl_builder_layout(w))) {
        s->out->error(s->out, SL_S("memory source: out of memory, a message is lost"));
        return true;
    }
    sl_builder_base(w, b);
    sl_arena *a = sl_builder_arena(w);
    sl_value shared = b->meta ? sl_v_absent() : with_topic(a, sl_v_absent(), from->topic);
    for (uint32_t r = it->first; r < it->first + it->count; r++) {
        sl_builder_row(w);
        for (uint32_t c = 0; c < b->layout->n; c++) {
            sl_value v = b->cols[c][r];
            if (v.kind == SL_ABSENT)
                continue;
            if (s->map[c] >= 0)
                sl_builder_set(w, (uint32_t)s->map[c], v);
            else if (all)
                sl_builder_tail(w, sl_arena_dup(a, b->layout->names[c]), v);
        }
        for (uint32_t i = 0; b->tails && i < b->tails[r].n; i++)
            sl_builder_put(w, b->tails[r].at[i].key, b->tails[r].at[i].val);
        sl_builder_meta(w, b->meta ? with_topic(a, b->meta[r], from->topic) : shared);
        sl_builder_end(w);
    }
    return s->out->rows(s->out, ++s->pos);
}
/* All of l was given. As long as it is held, what its rows came from is not acknowledged: a journal lets it go when it has them. */
static void done_with(sl_source *s, letter *l) {
    if (!s->out->keeps || s->pos <= s->committed) { /* (there was no row in it) */
        letter_free(l);
        return;
    }
    letter_taken(l);
    l->pos = s->pos;
    l->next = NULL;
    *(s->kept ? &s->newest->next : &s->kept) = l;
    s->newest = l;
}
static void source_commit(sl_source *s, uint64_t upto) {
    s->committed = upto;
    while (s->kept && s->kept->pos <= upto) {
        letter *l = s->kept;
        s->kept = l->next;
        letter_free(l);
    }
}
/* Gives what waits until the flow says stop. */
static void drain(sl_source *s) {
    if (s->inside || s->paused)
        return;
    s->inside = true;
    s->refs++;
    bool any = false;
    while (!s->closed && !s->paused && s->first) {
        letter *l = s->first;
        any = true;
        if (l->dropped) {
            char t[128];
            int n = snprintf(t, sizeof t, "memory source buffer of topic %.60s is full, %llu message(s) dropped", s->ear->topic, (unsigned long long)l->dropped);
            l->dropped = 0;
            s->out->error(s->out, sl_str_n(t, (size_t)(n < (int)sizeof t ? n : (int)sizeof t - 1)));
            continue; /* the error may have closed or paused us */
        }
        if (l->from->updates) {
            l->at = l->n;
            s->out->error(s->out, SL_S("receive wrong data"));
        } else if (l->at < l->n && !give(s, &l->items[l->at++], l->from)) {
            s->paused = true;
        }
        if (s->closed)
            break;
        if (l->at == l->n) {
            s->first = l->next;
            if (!s->first)
                s->last = NULL;
            done_with(s, l);
        }
    }
    s->inside = false;
    if (any && !s->closed && !s->first)
        s->out->drained(s->out);
    source_unref(s);
}
static void source_take(void *owner, letter *l) {
    sl_source *s = owner;
    l->next = NULL;
    if (s->last)
        s->last->next = l;
    else
        s->first = l;
    s->last = l;
    drain(s);
}
static sl_err *source_check(const void *conf, sl_str datasource) { return check_pattern(datasource); }
static sl_err *source_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    SL_TRY(check_pattern(datasource));
    const memory_conf *c = conf;
    sl_source *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "memory: out of memory");
    s->out = out;
    s->loop = env->loop;
    s->refs = 1;
    s->ear = board_listen(env->loop, datasource, (uint32_t)c->buffer, out->keeps, s, source_take);
    if (!s->ear) {
        free(s);
        return sl_err_new(SL_E_NOMEM, "memory: out of memory");
    }
    *src = s;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    return NULL;
}
static void source_pause(sl_source *s) { s->paused = true; }
static void on_resume(void *arg) {
    sl_source *s = arg;
    s->deferred = false;
    if (!s->closed)
        drain(s);
    source_unref(s);
}
static void source_resume(sl_source *s) { /* not at once: the flow may be in the middle of its own turn */
    s->paused = false;
    if (s->deferred || !s->first)
        return;
    s->refs++;
    s->deferred = true;
    if (!sl_defer(s->loop, on_resume, s))
        on_resume(s);
}
static void source_close(sl_source *s, sl_fn done, void *arg) {
    s->closed = true;
    letters_free(&s->kept);
    letters_free(&s->first);
    board_leave(s->ear);
    source_unref(s);
    done(arg);
}

/* ---- sink ---- */
struct sl_sink {
    sl_sink_host *host;
    publisher *me;
    route route;
    char *topic, *rowkind_field;
    SL_VEC(item) items;
    SL_VEC(uint8_t) kinds; /* of all items, in order */
    uint32_t messages;
};

static sl_err *sink_check(const void *conf) {
    const memory_conf *c = conf;
    if (!c->topic.n)
        return sl_err_new(SL_E_CONF, "topic is required");
    bool templated = sl_str_find(c->topic, SL_S("{{")) >= 0;
    if (!templated && topic_wild(c->topic))
        return sl_err_new(SL_E_CONF, "invalid memory topic %.*s: wildcard found", SL_FMT(c->topic));
    if (c->rowkind_field.n && !c->key_field.n)
        return sl_err_new(SL_E_CONF, "keyField is required when rowkindField is set");
    return NULL;
}
static sl_err *sink_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    const memory_conf *c = conf;
    SL_TRY(sink_check(conf));
    sl_sink *s = calloc(1, sizeof *s);
    if (s) {
        s->host = host;
        s->me = publisher_new(c->topic, c->key_field, c->rowkind_field.n > 0);
        s->topic = sl_strdup_n(c->topic.p, c->topic.n);
        s->rowkind_field = sl_strdup_n(c->rowkind_field.p, c->rowkind_field.n);
    }
    if (!s || !s->me || !s->topic || !s->rowkind_field) {
        if (s) {
            publisher_drop(s->me);
            free(s->topic);
            free(s->rowkind_field);
        }
        free(s);
        return sl_err_new(SL_E_NOMEM, "memory: out of memory");
    }
    *sink = s;
    host->state(host, SL_CONN_CONNECTED, SL_S(""));
    return NULL;
}

/* Kinds of a message's rows at the end of s->kinds. NULL, or what is wrong (lent). */
static const char *read_kinds(sl_sink *s, const sl_message *m, char *why, size_t cap) {
    static const struct {
        const char *word;
        uint8_t kind;
    } words[] = {{"insert", KIND_INSERT}, {"update", KIND_UPDATE}, {"upsert", KIND_UPSERT}, {"delete", KIND_DELETE}};
    for (uint32_t r = m->first; r < m->first + m->count; r++) {
        sl_value v = sl_batch_get(m->batch, r, sl_str_of(s->rowkind_field));
        uint8_t kind = KIND_UPSERT;
        if (!sl_v_nil(v)) {
            if (v.kind != SL_STRING) {
                snprintf(why, cap, "rowkind field %s is not a string in data", s->rowkind_field);
                return why;
            }
            kind = 0;
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (sl_str_is(sl_v_text(v), words[i].word))
                    kind = words[i].kind;
            if (!kind) {
                snprintf(why, cap, "invalid rowkind %.*s", SL_FMT(sl_v_text(v)));
                return why;
            }
        }
        if (!SL_PUSH(s->kinds, kind))
            return "memory: out of memory";
    }
    return NULL;
}
/* Posts what was collected, and answers messages first to last. */
static void post(sl_sink *s, sl_str topic, uint64_t first, uint64_t last) {
    const char *why = "memory: out of memory";
    uint8_t *k = s->kinds.at;
    for (size_t i = 0; s->me->updates && i < s->items.n; i++) {
        s->items.at[i].kinds = k;
        k += s->items.at[i].count;
    }
    if (!s->items.n)
        why = NULL;
    else if (route_find(&s->route, topic)) {
        if (route_full(&s->route))
            why = "memory: the queue of a rule with a journal is full";
        else if (route_post(&s->route, s->me, s->items.at, (uint32_t)s->items.n, s->messages))
            why = NULL;
    }
    s->items.n = s->kinds.n = 0;
    s->messages = 0;
    s->host->answer(s->host, first, last, why ? SL_LATER : SL_DELIVERED, sl_str_of(why ? why : ""));
}
static bool collect(sl_sink *s, const sl_message *m) {
    s->messages++;
    if (!m->count)
        return true;
    item *last = s->items.n ? &s->items.at[s->items.n - 1] : NULL;
    if (last && last->batch == m->batch && last->first + last->count == m->first) {
        last->count += m->count; /* neighbours of one batch travel as one */
        return true;
    }
    item it = {m->batch ? (sl_batch *)(uintptr_t)m->batch : NULL, m->first, m->count, NULL};
    return SL_PUSH(s->items, it);
}
static uint32_t sink_put(sl_sink *s, const sl_message *m, uint32_t n) {
    char why[256];
    uint32_t from = 0; /* first message not yet answered */
    sl_str topic = SL_S("");
    for (uint32_t i = 0; i < n; i++) {
        sl_str t = m[i].props && m[i].props[0].p ? m[i].props[0] : sl_str_of(s->topic);
        if (i > from && !sl_str_eq(t, topic)) {
            post(s, topic, m[from].seq, m[i - 1].seq);
            from = i;
        }
        topic = t;
        size_t kinds = s->kinds.n;
        const char *bad = s->me->updates ? read_kinds(s, &m[i], why, sizeof why) : NULL;
        if (!bad && !collect(s, &m[i]))
            bad = "memory: out of memory";
        if (bad) {
            s->kinds.n = kinds;
            if (i > from)
                post(s, topic, m[from].seq, m[i - 1].seq);
            s->host->answer(s->host, m[i].seq, m[i].seq, SL_BAD, sl_str_of(bad));
            from = i + 1;
        }
    }
    if (from < n)
        post(s, topic, m[from].seq, m[n - 1].seq);
    return n;
}
static void sink_close(sl_sink *s, sl_fn done, void *arg) {
    route_free(&s->route);
    publisher_drop(s->me);
    SL_VEC_FREE(s->items);
    SL_VEC_FREE(s->kinds);
    free(s->topic);
    free(s->rowkind_field);
    free(s);
    done(arg);
}

/* ---- one row from the test door ---- */
bool sl_memory_say(sl_str topic, sl_value row, sl_str rowkind, sl_str key) {
    static const char *const words[] = {"", "insert", "update", "upsert", "delete"};
    uint8_t kind = 0;
    for (uint8_t i = 1; i < sizeof words / sizeof *words; i++)
        if (sl_str_is(rowkind, words[i]))
            kind = i;
    sl_str *names = calloc(row.kind == SL_MAP && row.len ? row.len : 1, sizeof *names);
    for (uint32_t i = 0; names && row.kind == SL_MAP && i < row.len; i++)
        names[i] = row.map[i].key;
    sl_layout *l = names ? sl_layout_new(names, row.kind == SL_MAP ? row.len : 0, 0) : NULL;
    sl_batch *b = l ? sl_batch_derive(NULL, l, 1) : NULL;
    publisher *me = publisher_new(topic, key, kind > 0);
    route r = {0};
    for (uint32_t i = 0; b && row.kind == SL_MAP && i < row.len; i++)
        b->cols[i][0] = sl_value_copy(b->arena, row.map[i].val);
    item it = {b, 0, 1, kind ? &kind : NULL};
    bool ok = b && me && route_find(&r, topic) && r.n && route_post(&r, me, &it, 1, 1);
    route_free(&r);
    publisher_drop(me);
    sl_batch_drop(b);
    sl_layout_drop(l);
    free(names);
    return ok;
}

/* ---- lookup: the conf side; the table itself is in table.c ---- */
static sl_err *look_check(const void *conf, sl_str datasource) {
    SL_TRY(check_pattern(datasource));
    if (!((const memory_conf *)conf)->key.n)
        return sl_err_new(SL_E_CONF, "key is required for lookup source");
    return NULL;
}
static sl_err *look_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **l) {
    SL_TRY(look_check(conf, datasource));
    return table_open(datasource, ((const memory_conf *)conf)->key, env, l);
}

static const sl_prop memory_props[] = {
    {"bufferLength", SL_P_INT, SL_P_SOURCE, SL_AT(memory_conf, buffer), .def = "1024", .min = 1, .max = 1e9,
     .doc = "Messages that may wait for this source; while the queue is full, new ones are dropped, counted and reported."},
    {"key", SL_P_STR, SL_P_LOOKUP, SL_AT(memory_conf, key), .doc = "Primary key column of the lookup table (option KEY of the statement).", .example = "id"},
    {"topic", SL_P_STR, SL_P_SINK | SL_P_TEMPLATE, SL_AT(memory_conf, topic), .doc = "Topic to publish to; no wildcards.", .example = "home/result"},
    {"rowkindField", SL_P_STR, SL_P_SINK, SL_AT(memory_conf, rowkind_field),
     .doc = "Column that says insert, update, upsert or delete; lookup tables then follow. Without the column in a row: upsert."},
    {"keyField", SL_P_STR, SL_P_SINK, SL_AT(memory_conf, key_field), .doc = "Key column of updates; required with rowkindField."},
    {0}};
static const sl_source_ops memory_source = {
    .rows = true, .journal = true, .check = source_check, .open = source_open, .commit = source_commit, .pause = source_pause, .resume = source_resume, .close = source_close};
static const sl_sink_ops memory_sink = {.rows = true, .check = sink_check, .open = sink_open, .put = sink_put, .close = sink_close};
static const sl_lookup_ops memory_lookup = {.check = look_check, .open = look_open, .look = table_look, .now = table_now, .close = table_close};
const sl_conn_def sl_conn_memory = {.name = "memory",
                                    .title = "Memory",
                                    .doc = "Rows from rule to rule inside this process.",
                                    .props = memory_props,
                                    .conf_size = sizeof(memory_conf),
                                    .datasource = "Topic, with + and # as wildcards",
                                    .source = &memory_source,
                                    .sink = &memory_sink,
                                    .lookup = &memory_lookup};
