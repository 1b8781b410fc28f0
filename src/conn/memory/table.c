/* One table per (topic, key) in the process, alive from its first instance to its last.
 *
 * Decision: a table belongs to the loop that opened it first and lives there, so it needs no lock: updates arrive as letters, questions of
 * other loops too, and their answers carry counted rows. On its own loop a look answers at once. Rows are copied out of their
 * batches: one row of a thousand must not keep the batch. */
#include "base/log.h"
#include "base/map.h"
#include "conn/memory/board.h"
#include "conn/memory/table.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct row {
    atomic_uint refs;
    sl_arena *arena; /* holds this struct too */
    sl_value map;
} row;
typedef struct table {
    struct table *next; /* of the list, under the lock */
    uint32_t instances; /* under the lock */
    sl_loop *loop;
    char *topic, *key;
    /* @on loop */
    listener *ear;
    sl_map *rows;  /* key text -> row */
    uint32_t refs; /* questions under way and the list's own */
} table;
struct sl_lookup {
    table *t;
    sl_loop *loop;
    uint32_t asked; /* questions not answered yet */
    bool closing;
    sl_fn done;
    void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the list of tables; taken when a table opens or closes */
static table *tables;

static void row_drop(row *r) {
    if (r && atomic_fetch_sub(&r->refs, 1) == 1)
        sl_arena_free(r->arena);
}
static bool short_key(sl_value v) { return (v.kind == SL_INT && !(v.flags & (SL_F_GOINT | SL_F_WEEKDAY))) || v.kind == SL_STRING; }
static void key_text(sl_buf *o, sl_value v) { /* equal texts = equal values: the type is part of it */
    sl_buf_clear(o);
    if (short_key(v)) { /* the usual ones quickly */
        sl_buf_putc(o, v.kind == SL_INT ? 'i' : 's');
        sl_buf_put(o, v.kind == SL_INT ? (const char *)&v.i : v.p, v.kind == SL_INT ? sizeof v.i : v.len);
        return;
    }
    sl_buf_putc(o, '.');
    sl_buf_puts(o, sl_value_gotype(v));
    sl_buf_putc(o, ':');
    sl_value_print(o, v);
}
static void table_unref(table *t) {
    if (--t->refs)
        return;
    size_t it = 0;
    sl_str k;
    void *v;
    while (sl_map_next(t->rows, &it, &k, &v))
        row_drop(v);
    sl_map_free(t->rows);
    free(t->topic);
    free(t->key);
    free(t);
}

/* ---- filling ---- */
static void apply(table *t, const sl_batch *b, uint32_t r, uint8_t kind, const publisher *from, sl_buf *text) {
    sl_str name = kind == KIND_DELETE ? sl_str_of(from->key_field) : sl_str_of(t->key);
    sl_value key = sl_batch_get(b, r, name);
    if (key.kind == SL_ABSENT) {
        sl_error(t->topic, "lookup table of topic %s: a row has no column %.*s, it goes to the empty key", t->topic, SL_FMT(name));
        key = sl_v_null();
    }
    key_text(text, key);
    void *old = NULL;
    if (kind == KIND_DELETE) {
        old = sl_map_del(t->rows, sl_buf_view(text));
    } else {
        sl_arena *a = sl_arena_new(512);
        row *fresh = a ? SL_NEW(a, row) : NULL;
        if (fresh) {
            atomic_init(&fresh->refs, 1);
            fresh->arena = a;
            fresh->map = sl_value_copy(a, sl_batch_row(b, r, a));
        }
        if (!fresh || sl_arena_failed(a) || text->failed || !sl_map_set(t->rows, sl_buf_view(text), fresh, &old)) {
            sl_error(t->topic, "lookup table of topic %s: out of memory, a row is lost", t->topic);
            sl_arena_free(a);
            return;
        }
    }
    row_drop(old);
}
static void table_take(void *owner, letter *l) {
    table *t = owner;
    sl_buf text = {0};
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; k < l->items[i].count; k++)
            apply(t, l->items[i].batch, l->items[i].first + k, l->items[i].kinds ? l->items[i].kinds[k] : KIND_PLAIN, l->from, &text);
    sl_buf_free(&text);
    letter_free(l);
}

sl_err *table_open(sl_str topic, sl_str key, const sl_conn_env *env, sl_lookup **out) {
    sl_lookup *l = calloc(1, sizeof *l);
    if (!l)
        return sl_err_new(SL_E_NOMEM, "memory: out of memory");
    l->loop = env->loop;
    pthread_mutex_lock(&lock);
    table *t = tables;
    while (t && !(sl_str_is(topic, t->topic) && sl_str_is(key, t->key)))
        t = t->next;
    if (!t && (t = calloc(1, sizeof *t))) {
        t->loop = env->loop;
        t->refs = 1;
        t->topic = sl_strdup_n(topic.p, topic.n);
        t->key = sl_strdup_n(key.p, key.n);
        t->rows = sl_map_new();
        if (t->topic && t->key && t->rows)
            t->ear = board_listen(env->loop, topic, UINT32_MAX, false, t, table_take);
        if (t->ear) {
            t->next = tables;
            tables = t;
        } else {
            free(t->topic);
            free(t->key);
            sl_map_free(t->rows);
            free(t);
            t = NULL;
        }
    }
    if (t)
        t->instances++;
    pthread_mutex_unlock(&lock);
    if (!t) {
        free(l);
        return sl_err_new(SL_E_NOMEM, "memory: out of memory");
    }
    l->t = t;
    *out = l;
    return NULL;
}
static void retire(void *arg) { /* @on the table's loop */
    table *t = arg;
    board_leave(t->ear);
    table_unref(t);
}
static void finish(sl_lookup *l) {
    table *t = l->t;
    bool last;
    pthread_mutex_lock(&lock);
    last = --t->instances == 0;
    for (table **p = &tables; last && *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (last) {
        if (sl_loop_mine(t->loop))
            retire(t);
        else if (!sl_post(t->loop, retire, t))
            sl_error(t->topic, "out of memory: a lookup table stays in memory");
    }
    l->done(l->arg);
    free(l);
}
void table_close(sl_lookup *l, sl_fn done, void *arg) {
    l->closing = true;
    l->done = done;
    l->arg = arg;
    if (!l->asked)
        finish(l);
}

/* ---- asking ---- */
typedef struct question {
    sl_lookup *who;
    sl_arena *asker; /* the asker's, touched on his loop only */
    sl_arena *own;   /* question and answer while they travel */
    const sl_str *cols;
    const sl_value *vals;
    uint32_t n;
    row **rows;
    uint32_t nrows;
    bool failed;
    void (*done)(void *arg, sl_value rows);
    void *arg;
} question;

static bool fits(const row *r, const question *q, sl_arena *a) {
    for (uint32_t i = 0; i < q->n; i++)
        if (!sl_value_same(sl_value_get(a, r->map, q->cols[i]), q->vals[i]))
            return false;
    return true;
}
static void find(table *t, question *q, sl_arena *a) {
    q->rows = NULL;
    q->nrows = 0;
    for (uint32_t i = 0; i < q->n; i++)
        if (sl_str_is(q->cols[i], t->key)) { /* the primary key is among the columns: one row or none */
            sl_buf text = {0};
            key_text(&text, q->vals[i]);
            row *r = sl_map_get(t->rows, sl_buf_view(&text));
            q->failed = text.failed;
            sl_buf_free(&text);
            if (r && fits(r, q, a) && (q->rows = SL_NEW_N(a, row *, 1)))
                q->rows[q->nrows++] = r;
            return;
        }
    q->rows = SL_NEW_N(a, row *, sl_map_len(t->rows) + 1);
    q->failed = !q->rows;
    size_t it = 0;
    sl_str k;
    void *v;
    while (q->rows && sl_map_next(t->rows, &it, &k, &v))
        if (fits(v, q, a))
            q->rows[q->nrows++] = v;
}
static sl_value answer_of(const question *q, sl_arena *a) {
    sl_value *list = q->failed ? NULL : SL_NEW_N(a, sl_value, q->nrows + 1);
    if (!list || sl_arena_failed(a))
        return sl_v_error(SL_S("memory: out of memory"));
    for (uint32_t i = 0; i < q->nrows; i++)
        list[i] = sl_value_copy(a, q->rows[i]->map);
    return sl_v_list(list, q->nrows);
}
static void on_answer(void *arg) {
    question *q = arg;
    sl_lookup *l = q->who;
    sl_value v = answer_of(q, q->asker);
    for (uint32_t i = 0; i < q->nrows; i++)
        row_drop(q->rows[i]);
    q->done(q->arg, v);
    sl_arena_free(q->own);
    if (--l->asked == 0 && l->closing)
        finish(l);
}
static void on_question(void *arg) { /* @on the table's loop */
    question *q = arg;
    find(q->who->t, q, q->own);
    for (uint32_t i = 0; i < q->nrows; i++)
        atomic_fetch_add(&q->rows[i]->refs, 1);
    if (!sl_post(q->who->loop, on_answer, q))
        sl_error(q->who->t->topic, "out of memory: a lookup has no answer");
}
void table_now(sl_lookup *l, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *out) {
    table *t = l->t;
    if (!sl_loop_mine(t->loop))
        return;
    uint32_t key = 0;
    while (key < ncols && !sl_str_is(cols[key], t->key))
        key++;
    sl_buf text = {0};
    for (uint32_t i = 0; i < n; i++) {
        const sl_value *v = vals + (size_t)i * ncols;
        question q = {.cols = cols, .vals = v, .n = ncols};
        row *r = NULL;
        if (key == ncols)
            find(t, &q, a);
        else {
            key_text(&text, v[key]);
            r = text.failed ? NULL : sl_map_get(t->rows, sl_buf_view(&text));
            if (r && (ncols > 1 || !short_key(v[key])) && !fits(r, &q, a))
                r = NULL;
            q.nrows = r != NULL;
        }
        sl_value *list = q.nrows ? sl_arena_alloc(a, q.nrows * sizeof *list) : NULL;
        if (q.failed || text.failed || (q.nrows && !list)) {
            out[i] = sl_v_error(SL_S("memory: out of memory"));
            continue;
        }
        for (uint32_t k = 0; k < q.nrows; k++) /* lent: the table changes by letters only */
            list[k] = r ? r->map : q.rows[k]->map;
        out[i] = sl_v_list(list, q.nrows);
    }
    sl_buf_free(&text);
}
void table_look(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg) {
    if (sl_loop_mine(l->t->loop)) {
        question q = {.cols = cols, .vals = vals, .n = n};
        find(l->t, &q, a);
        done(arg, answer_of(&q, a));
        return;
    }
    sl_arena *own = sl_arena_new(0);
    question *q = own ? SL_NEW(own, question) : NULL;
    sl_str *c = q ? SL_NEW_N(own, sl_str, n) : NULL;
    sl_value *v = c ? SL_NEW_N(own, sl_value, n) : NULL;
    if (v) {
        for (uint32_t i = 0; i < n; i++) {
            c[i] = sl_arena_dup(own, cols[i]);
            v[i] = sl_value_copy(own, vals[i]);
        }
        *q = (question){.who = l, .asker = a, .own = own, .cols = c, .vals = v, .n = n, .done = done, .arg = arg};
        if (!sl_arena_failed(own) && sl_post(l->t->loop, on_question, q)) {
            l->asked++;
            return;
        }
    }
    sl_arena_free(own);
    done(arg, sl_v_error(SL_S("memory: out of memory")));
}
