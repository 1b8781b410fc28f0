/* Subscriptions and the post. Decision: a generation number tells a publisher whether its list of listeners still holds, so that the row
 * path reads one atomic; listeners and publishers are counted references because letters outlive both. */
#include "conn/memory/board.h"
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* control plane only: see board.h */
static listener *all;
static atomic_ullong generation = 1;

bool topic_wild(sl_str t) { return t.n && (memchr(t.p, '+', t.n) || memchr(t.p, '#', t.n)); }

static sl_str level(sl_str *rest, bool *more) {
    const char *slash = rest->n ? memchr(rest->p, '/', rest->n) : NULL;
    sl_str l = *rest;
    *more = slash != NULL;
    if (slash) {
        l.n = (size_t)(slash - rest->p);
        *rest = sl_str_n(slash + 1, rest->n - l.n - 1);
    }
    return l;
}
bool topic_match(sl_str pattern, sl_str topic) {
    for (;;) {
        bool pmore, tmore;
        if (sl_str_is(pattern, "#"))
            return topic.n > 0;
        sl_str p = level(&pattern, &pmore), t = level(&topic, &tmore);
        if (sl_str_is(p, "+") ? t.n == 0 : !sl_str_eq(p, t))
            return false;
        if (!pmore || !tmore)
            return pmore == tmore;
    }
}

static void listener_unref(listener *l) {
    if (atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    free(l->topic);
    free(l);
}
listener *board_listen(sl_loop *loop, sl_str topic, uint32_t limit, bool keeps, void *owner, void (*take)(void *owner, letter *l)) {
    listener *l = calloc(1, sizeof *l);
    if (!l || !(l->topic = sl_strdup_n(topic.p, topic.n))) {
        free(l);
        return NULL;
    }
    atomic_init(&l->refs, 1);
    atomic_init(&l->queued, 0);
    atomic_init(&l->dropped, 0);
    l->limit = limit;
    l->keeps = keeps;
    l->loop = loop;
    l->wild = topic_wild(topic);
    l->owner = owner;
    l->take = take;
    pthread_mutex_lock(&lock);
    listener **end = &all; /* in order of coming */
    while (*end)
        end = &(*end)->next;
    *end = l;
    atomic_fetch_add(&generation, 1);
    pthread_mutex_unlock(&lock);
    return l;
}
void board_leave(listener *l) {
    pthread_mutex_lock(&lock);
    for (listener **p = &all; *p; p = &(*p)->next)
        if (*p == l) {
            *p = l->next;
            break;
        }
    atomic_fetch_add(&generation, 1);
    pthread_mutex_unlock(&lock);
    l->closed = true;
    listener_unref(l);
}

static void route_clear(route *r) {
    for (uint32_t i = 0; i < r->n; i++)
        listener_unref(r->to[i]);
    free(r->to);
    r->to = NULL;
    r->n = 0;
    r->keeps = false;
}
void route_free(route *r) {
    route_clear(r);
    free(r->topic);
    r->topic = NULL;
}
bool route_find(route *r, sl_str topic) {
    uint64_t now = atomic_load_explicit(&generation, memory_order_acquire);
    if (r->topic && r->generation == now && sl_str_is(topic, r->topic))
        return true;
    if (!r->topic || !sl_str_is(topic, r->topic)) {
        char *copy = sl_strdup_n(topic.p, topic.n);
        if (!copy)
            return false;
        free(r->topic);
        r->topic = copy;
    }
    route_clear(r);
    r->generation = 0;
    SL_VEC(listener *) found = {0};
    bool ok = true;
    pthread_mutex_lock(&lock);
    now = atomic_load(&generation);
    for (listener *l = all; l && ok; l = l->next)
        if (l->wild ? topic_match(sl_str_of(l->topic), topic) : sl_str_is(topic, l->topic)) {
            ok = SL_PUSH(found, l);
            if (ok)
                atomic_fetch_add(&l->refs, 1);
            r->keeps |= l->keeps;
        }
    pthread_mutex_unlock(&lock);
    r->to = found.at;
    r->n = (uint32_t)found.n;
    if (ok)
        r->generation = now;
    return ok;
}

publisher *publisher_new(sl_str topic, sl_str key_field, bool updates) {
    publisher *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->topic = sl_strdup_n(topic.p, topic.n);
    p->key_field = sl_strdup_n(key_field.p, key_field.n);
    p->updates = updates;
    if (!p->topic || !p->key_field) {
        publisher_drop(p);
        return NULL;
    }
    return p;
}
void publisher_drop(publisher *p) {
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    free(p->topic);
    free(p->key_field);
    free(p);
}

void letter_taken(letter *l) {
    atomic_fetch_sub(&l->to->queued, l->messages);
    l->messages = 0;
}
void letter_free(letter *l) {
    for (uint32_t i = 0; i < l->n; i++)
        sl_batch_drop(l->items[i].batch);
    letter_taken(l);
    listener_unref(l->to);
    publisher_drop(l->from);
    free(l);
}
static void arrive(void *arg) {
    letter *l = arg;
    if (l->to->closed)
        letter_free(l);
    else
        l->to->take(l->to->owner, l);
}
static letter *letter_new(listener *to, publisher *from, const item *items, uint32_t n, uint32_t messages) {
    size_t kinds = 0;
    for (uint32_t i = 0; i < n; i++)
        kinds += items[i].kinds ? items[i].count : 0;
    letter *l = malloc(sizeof *l + n * sizeof *items + kinds);
    if (!l)
        return NULL;
    *l = (letter){.to = to, .from = from, .n = n, .messages = messages};
    uint8_t *at = (uint8_t *)(l->items + n);
    for (uint32_t i = 0; i < n; i++) {
        l->items[i] = items[i];
        sl_batch_hold(items[i].batch);
        if (items[i].kinds) {
            memcpy(at, items[i].kinds, items[i].count);
            l->items[i].kinds = at;
            at += items[i].count;
        }
    }
    atomic_fetch_add(&to->refs, 1);
    atomic_fetch_add(&from->refs, 1);
    atomic_fetch_add(&to->queued, messages);
    return l;
}
bool route_full(const route *r) {
    for (uint32_t i = 0; r->keeps && i < r->n; i++)
        if (r->to[i]->keeps && atomic_load(&r->to[i]->queued) >= r->to[i]->limit)
            return true;
    return false;
}
bool route_post(route *r, publisher *from, const item *items, uint32_t n, uint32_t messages) {
    bool ok = true;
    for (uint32_t i = 0; i < r->n; i++) {
        listener *to = r->to[i];
        /* A put that began while there was room goes whole: the limit is about falling behind, not about the size of a batch. */
        if (atomic_load(&to->queued) >= to->limit) {
            atomic_fetch_add(&to->dropped, messages);
            continue;
        }
        letter *l = letter_new(to, from, items, n, messages);
        if (!l) {
            ok = false;
            continue;
        }
        l->dropped = atomic_exchange(&to->dropped, 0);
        if (!sl_post(to->loop, arrive, l)) {
            letter_free(l);
            ok = false;
        }
    }
    return ok;
}
