/* Lookup tables of a flow: who is asked, how many questions are under way, and the cache of answers.
 *
 * Decisions: a table that can answer without waiting is asked for a whole batch in one call. Others are asked one question at a time, so many at once, the
 * rest waits in order; equal questions share one answer while it is under way when there is a cache. The cache belongs to one rule and one table, as
 * upstream's: entries by the values asked for (kinds included), with a time to live on the lane's clock; what was not used for longest goes when it is full.
 * Errors are never kept. */
#include "base/num.h"
#include "data/pack.h"
#include "flow/flow_int.h"

enum { UNDERWAY = 64, ENTRIES_MOST = 65536, BYTES_MOST = 16 << 20, SLOTS = 64 };
typedef struct entry {
    struct entry *next;          /* of the same slot */
    struct entry *newer, *older; /* by last use */
    uint64_t hash;
    sl_str key;
    sl_value rows;
    sl_arena *a;   /* holds this too */
    int64_t until; /* ms, INT64_MAX for ever */
    size_t bytes;
} entry;
typedef struct waiter {
    struct waiter *next;
    void (*done)(void *arg, sl_value rows);
    void *arg;
} waiter;
typedef struct question {
    struct question *next; /* that waits to be asked, or is under way */
    struct lookup_end *end;
    sl_arena *a; /* holds this too; the answer comes in it */
    const sl_str *cols;
    sl_value *vals;
    uint32_t n;
    sl_str key; /* with a cache */
    waiter *waiters, **last;
} question;
struct lookup_end {
    sl_flow *f;
    const sl_lookup_ops *ops;
    sl_lookup *at;
    bool closing, pumping;
    sl_fn left;
    const struct sl_lookopts *o; /* NULL: no cache */
    entry **slots;
    uint32_t mask, n; /* slots - 1; entries */
    entry *newest, *oldest;
    size_t bytes;
    sl_timer *sweep;
    sl_buf key;
    question *waiting, **last, *asked; /* in order; asked: under way */
    uint32_t underway;
};

sl_err *sl_srcdef_lookup(sl_srcdef *d, const sl_json *props) {
    const sl_json *l = sl_json_iget(props, "lookup"), *v;
    if (!l || l->kind != SL_J_OBJ)
        return NULL;
    struct {
        const char *key;
        bool *to;
    } flags[] = {{"cache", &d->look.cache}, {"cacheMissingKey", &d->look.missing}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        v = sl_json_iget(l, flags[i].key);
        if (v && v->kind != SL_J_NULL && v->kind != SL_J_BOOL)
            return sl_err_new(SL_E_EXEC, "property lookup.%s of table %.*s: expected true or false", flags[i].key, SL_FMT(d->stream));
        *flags[i].to = sl_json_true(v, false);
    }
    int64_t ns = 0;
    v = sl_json_iget(l, "cacheTtl");
    if (!v || v->kind == SL_J_NULL)
        return NULL;
    if (sl_json_isstr(v) && sl_dur_parse(v->s, &ns))
        d->look.ttl_ms = ns / 1000000;
    else if (!sl_json_i64(v, &d->look.ttl_ms))
        d->look.ttl_ms = -1;
    if (d->look.ttl_ms < 0)
        return sl_err_new(SL_E_EXEC, "property lookup.cacheTtl of table %.*s: expected a duration such as \"10s\" or a number of milliseconds", SL_FMT(d->stream));
    return NULL;
}

/* ---- cache ---- */
static bool key_of(struct lookup_end *l, const sl_value *vals, uint32_t n) {
    sl_buf_clear(&l->key);
    for (uint32_t i = 0; i < n; i++)
        sl_pack_value(&l->key, vals[i]);
    return !l->key.failed;
}
static void age_out(struct lookup_end *l, entry *e) { /* out of the order of use */
    *(e->newer ? &e->newer->older : &l->newest) = e->older;
    *(e->older ? &e->older->newer : &l->oldest) = e->newer;
}
static void age_in(struct lookup_end *l, entry *e) {
    e->newer = NULL;
    e->older = l->newest;
    *(l->newest ? &l->newest->newer : &l->oldest) = e;
    l->newest = e;
}
static void entry_drop(struct lookup_end *l, entry *e) {
    entry **p = &l->slots[e->hash & l->mask];
    while (*p != e)
        p = &(*p)->next;
    *p = e->next;
    age_out(l, e);
    l->n--;
    l->bytes -= e->bytes;
    sl_arena_free(e->a);
}
/* The entry of l->key; NULL: none, or its time is over. */
static entry *entry_at(struct lookup_end *l, int64_t now) {
    if (!l->slots)
        return NULL;
    uint64_t h = sl_hash(l->key.p, l->key.n);
    entry *e = l->slots[h & l->mask];
    while (e && (e->hash != h || !sl_str_eq(e->key, sl_buf_view(&l->key))))
        e = e->next;
    if (!e || e->until <= now)
        return NULL;
    age_out(l, e);
    age_in(l, e);
    return e;
}
/* Only between turns of the statement: what was lent is still looked at. */
static void trim(struct lookup_end *l) {
    while (l->n > ENTRIES_MOST || (l->bytes > BYTES_MOST && l->n))
        entry_drop(l, l->oldest);
}
static void sweep(void *arg) {
    struct lookup_end *l = arg;
    int64_t now = sl_now(l->f->lane->loop);
    for (entry *e = l->oldest, *newer; e; e = newer) {
        newer = e->newer;
        if (e->until <= now)
            entry_drop(l, e);
    }
    if (l->n)
        sl_timer_in(l->sweep, 2 * l->o->ttl_ms);
}
static void grow(struct lookup_end *l) {
    uint32_t n = l->slots ? (l->mask + 1) * 2 : SLOTS;
    entry **slots = calloc(n, sizeof *slots);
    if (!slots)
        return; /* longer chains, or no cache: right all the same */
    for (entry *e = l->oldest; e; e = e->newer) {
        e->next = slots[e->hash & (n - 1)];
        slots[e->hash & (n - 1)] = e;
    }
    free(l->slots);
    l->slots = slots;
    l->mask = n - 1;
}
/* Keeps an answer under `key`. Where memory is short it is not kept. */
static void keep(struct lookup_end *l, sl_str key, sl_value rows) {
    if (rows.kind != SL_LIST || (!rows.len && !l->o->missing))
        return;
    if (!l->slots || l->n > l->mask)
        grow(l);
    sl_arena *a = l->slots ? sl_arena_new(256) : NULL;
    entry *e = a ? SL_NEW(a, entry) : NULL;
    if (!e)
        return;
    e->a = a;
    e->hash = sl_hash(key.p, key.n);
    e->key = sl_arena_dup(a, key);
    e->rows = sl_value_copy(a, rows);
    int64_t ttl = l->o->ttl_ms, now = sl_now(l->f->lane->loop);
    e->until = ttl ? now + ttl : INT64_MAX;
    e->bytes = sl_arena_bytes(a);
    if (sl_arena_failed(a)) {
        sl_arena_free(a);
        return;
    }
    for (entry *old = l->slots[e->hash & l->mask]; old; old = old->next)
        if (old->hash == e->hash && sl_str_eq(old->key, key)) {
            entry_drop(l, old);
            break;
        }
    e->next = l->slots[e->hash & l->mask];
    l->slots[e->hash & l->mask] = e;
    age_in(l, e);
    l->bytes += e->bytes;
    if (l->n++ == 0 && ttl) {
        if (!l->sweep)
            l->sweep = sl_timer_new(l->f->lane->loop, sweep, l);
        if (l->sweep)
            sl_timer_in(l->sweep, 2 * ttl);
    }
}

/* ---- many at once ---- */
void looks_many(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *answers) {
    struct lookup_end *l = &((sl_flow *)arg)->lookups[src];
    if (!l->o) {
        if (l->ops->now)
            l->ops->now(l->at, a, cols, ncols, vals, n, answers);
        return;
    }
    trim(l);
    int64_t now = sl_now(l->f->lane->loop);
    for (uint32_t i = 0; i < n; i++) {
        const sl_value *v = vals + (size_t)i * ncols;
        if (!key_of(l, v, ncols))
            continue;
        entry *e = entry_at(l, now);
        if (e) {
            answers[i] = e->rows;
            continue;
        }
        if (!l->ops->now)
            continue;
        l->ops->now(l->at, a, cols, ncols, v, 1, &answers[i]);
        keep(l, sl_buf_view(&l->key), answers[i]);
    }
}

/* ---- one by one ---- */
static void pump(struct lookup_end *l);
static void got(void *arg, sl_value rows) {
    question *q = arg;
    struct lookup_end *l = q->end;
    question **p = &l->asked;
    while (*p != q)
        p = &(*p)->next;
    *p = q->next;
    l->underway--;
    if (!l->closing) { /* else the statement will not hear of it */
        if (l->o)
            keep(l, q->key, rows);
        for (waiter *w = q->waiters; w; w = w->next)
            w->done(w->arg, rows);
    }
    sl_arena_free(q->a);
    pump(l);
}
static void pump(struct lookup_end *l) {
    if (l->pumping)
        return;
    l->pumping = true;
    while (l->waiting && l->underway < UNDERWAY && !l->closing) {
        question *q = l->waiting;
        l->waiting = q->next;
        if (!l->waiting)
            l->last = &l->waiting;
        q->next = l->asked;
        l->asked = q;
        l->underway++;
        l->ops->look(l->at, q->a, q->cols, q->vals, q->n, got, q);
    }
    l->pumping = false;
}
static question *same(question *q, sl_str key) {
    while (q && !sl_str_eq(q->key, key))
        q = q->next;
    return q;
}
void looks_one(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *done_arg) {
    struct lookup_end *l = &((sl_flow *)arg)->lookups[src];
    question *q = NULL;
    if (l->o && !l->key.failed && key_of(l, vals, n)) {
        entry *e = entry_at(l, sl_now(l->f->lane->loop)); /* an answer may have come since */
        if (e) {
            done(done_arg, e->rows);
            return;
        }
        q = same(l->asked, sl_buf_view(&l->key));
        q = q ? q : same(l->waiting, sl_buf_view(&l->key));
    }
    if (q) {
        waiter *w = SL_NEW(q->a, waiter);
        *w = (waiter){NULL, done, done_arg};
        *q->last = w;
        q->last = &w->next;
        return;
    }
    sl_arena *own = sl_arena_new(512);
    waiter *w = own ? SL_NEW(own, waiter) : NULL;
    q = own ? SL_NEW(own, question) : NULL;
    if (q) {
        *w = (waiter){NULL, done, done_arg};
        *q = (question){.end = l, .a = own, .cols = cols, .vals = SL_NEW_N(own, sl_value, n + 1), .n = n, .waiters = w, .last = &w->next};
        if (l->o)
            q->key = sl_arena_dup(own, sl_buf_view(&l->key));
        for (uint32_t i = 0; q->vals && i < n; i++)
            q->vals[i] = sl_value_copy(own, vals[i]);
    }
    if (!q || !q->vals || sl_arena_failed(own)) {
        sl_arena_free(own);
        done(done_arg, sl_v_error(SL_S("out of memory")));
        return;
    }
    *l->last = q;
    l->last = &q->next;
    pump(l);
}

/* ---- life ---- */
bool looks_new(sl_flow *f) { return (f->lookups = calloc((size_t)f->spec->nmore + 2, sizeof *f->lookups)) != NULL; }
sl_err *looks_open(sl_flow *f) {
    for (uint32_t i = 0; i < f->spec->nmore; i++) {
        const sl_srcdef *d = f->spec->more[i];
        if (!d || !sl_plan_source_at(f->spec->plan, i + 1)->is_lookup)
            continue;
        struct lookup_end *l = &f->lookups[i + 1];
        *l = (struct lookup_end){.f = f, .ops = d->def->lookup, .o = d->look.cache ? &d->look : NULL};
        l->last = &l->waiting;
        sl_conn_env env = {.loop = f->lane->loop,
                           .home = f->spec->home,
                           .rule_id = f->spec->rule_id.p,
                           .op_name = d->stream.p,
                           .http = f->spec->http,
                           .private_net = f->spec->private_net,
                           .zone = d->zone};
        SL_TRY(l->ops->open(d->conf, d->datasource, &env, &l->at));
    }
    return NULL;
}
static void ended(void *arg) {
    struct lookup_end *l = arg;
    l->at = NULL;
    l->left(l->f);
}
void looks_close(sl_flow *f, sl_fn left) {
    for (uint32_t i = 0; f->lookups && i <= f->spec->nmore; i++) {
        struct lookup_end *l = &f->lookups[i];
        if (!l->at)
            continue;
        f->leaving++;
        l->closing = true;
        l->left = left;
        l->ops->close(l->at, ended, l);
    }
}
void looks_free(sl_flow *f) {
    for (uint32_t i = 0; f->lookups && i <= f->spec->nmore; i++) {
        struct lookup_end *l = &f->lookups[i];
        while (l->oldest)
            entry_drop(l, l->oldest);
        for (question *q = l->waiting, *next; q; q = next) {
            next = q->next;
            sl_arena_free(q->a);
        }
        free(l->slots);
        sl_timer_free(l->sweep);
        sl_buf_free(&l->key);
    }
    free(f->lookups);
    f->lookups = NULL;
}
int64_t looks_bytes(const sl_flow *f) {
    size_t n = 0;
    for (uint32_t i = 0; f->lookups && i <= f->spec->nmore; i++)
        n += f->lookups[i].bytes;
    return (int64_t)n;
}
