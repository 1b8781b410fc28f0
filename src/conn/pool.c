/* Named connections. The office is the only writer; lanes take and give back uses at any time.
 *
 * Decision: no lock. Definitions form a list that only grows at its head; a definition carries a use count that -1 makes dead, taken by
 * compare-and-swap, so that taking and dropping cannot cross. Dead ones stay in memory until sl_pool_stop(): they come from people
 * editing connections, not from data. */
#include "conn/pool.h"
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"

typedef struct use { /* somebody's name; kept and used again by the same name */
    struct use *next;
    _Atomic int count;
    char name[];
} use;
struct sl_pool_conn {
    struct sl_pool_conn *next;
    char *id, *type;
    sl_arena *arena;
    sl_json *props;
    const sl_pool_kind *kind; /* NULL: a type without clients */
    _Atomic int refs;         /* -1: dead */
    _Atomic(use *) uses;
    _Atomic int state;
    _Atomic unsigned why_no; /* texts alternate between two places; a reader that was overtaken reads again */
    _Atomic char why[2][200];
    /* @on the pool's loop */
    void *client;
    char *bad;
};
static const sl_pool_kind *const kinds[] = {&sl_pool_mqtt};
static _Atomic(sl_pool_conn *) all;
static sl_loop *loop;     /* made by the office before the first definition that needs it is seen by anybody */
static sl_thread *thread; /* NULL: the loop is somebody else's */
static sem_t closed;
static char *home_dir;
static unsigned alive; /* clients, and whether the end waits for them; @on the pool's loop */
static bool stopping;
static _Atomic int phase;

static void run(void *arg) { sl_loop_run(arg); }
void sl_pool_home(const char *home) {
    free(home_dir);
    home_dir = home ? sl_strdup_n(home, strlen(home)) : NULL;
}
void sl_pool_on(sl_loop *l) { loop = l; }
static sl_err *start(void) {
    if (loop)
        return NULL;
    if (!(loop = sl_loop_new("connections")))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_err *e = sl_thread_start("connections", run, loop, &thread);
    if (e) {
        sl_loop_free(loop);
        loop = NULL;
    }
    return e;
}
static sl_pool_conn *find(sl_str id) {
    for (sl_pool_conn *c = atomic_load(&all); c; c = c->next)
        if (atomic_load(&c->refs) >= 0 && sl_str_is(id, c->id))
            return c;
    return NULL;
}
static bool die(sl_pool_conn *c) {
    int none = 0;
    return atomic_compare_exchange_strong(&c->refs, &none, -1);
}

/* ---- on the pool's loop ---- */
static void on_state(void *arg, sl_conn_state s, sl_str why) {
    sl_pool_conn *c = arg;
    unsigned n = atomic_load(&c->why_no) + 1;
    size_t len = why.n < sizeof c->why[0] - 1 ? why.n : sizeof c->why[0] - 1;
    for (size_t i = 0; i <= len; i++)
        atomic_store_explicit(&c->why[n & 1][i], i < len ? why.p[i] : 0, memory_order_relaxed);
    atomic_store(&c->why_no, n);
    atomic_store(&c->state, s);
}
static void open_client(void *arg) {
    sl_pool_conn *c = arg;
    sl_err *e = c->kind->open(loop, c->id, c->props, c->arena, home_dir, on_state, c, &c->client);
    if (e) {
        sl_warn("connections", "connection %s: %s", c->id, sl_err_text(e));
        c->bad = sl_strdup_n(sl_err_text(e), strlen(sl_err_text(e)));
        on_state(c, SL_CONN_DISCONNECTED, sl_str_of(sl_err_text(e)));
        sl_err_free(e);
    } else {
        alive++;
        c->kind->phase(c->client, (sl_pool_phase)atomic_load(&phase));
    }
}
static void tell_phase(void *arg) {
    for (sl_pool_conn *c = atomic_load(&all); c; c = c->next)
        if (c->client)
            c->kind->phase(c->client, (sl_pool_phase)atomic_load(&phase));
}
static void stop_now(void *arg) {
    if (thread)
        sl_loop_stop(loop);
    else
        sem_post(&closed);
}
static void client_gone(void *arg) {
    if (--alive == 0 && stopping) /* posted: what the clients deferred comes first */
        sl_post(loop, stop_now, NULL);
}
static void close_client(void *arg) {
    sl_pool_conn *c = arg;
    void *client = c->client;
    c->client = NULL;
    if (client)
        c->kind->close(client, client_gone, NULL);
}
sl_loop *sl_pool_loop(const sl_pool_conn *c) { return loop; }
void *sl_pool_client(sl_pool_conn *c, const char **why) {
    *why = c->bad ? c->bad : "out of memory";
    return c->client;
}

/* ---- office ---- */
static sl_err *refused(sl_pool_conn *c) {
    sl_buf b = {0};
    for (use *u = atomic_load(&c->uses); u; u = u->next)
        if (atomic_load(&u->count) > 0)
            sl_buf_printf(&b, "%s%s", b.n ? " " : "", u->name);
    sl_err *e = sl_err_new(SL_E_UNDEFINED, "connection %s can't be dropped due to rule references [%s]", c->id, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
static void conn_free(sl_pool_conn *c) {
    for (use *u = atomic_load(&c->uses), *next; u; u = next) {
        next = u->next;
        free(u);
    }
    sl_arena_free(c->arena);
    free(c->id);
    free(c->type);
    free(c->bad);
    free(c);
}
void sl_pool_phase_set(sl_pool_phase p) {
    atomic_store(&phase, p);
    if (loop)
        sl_post(loop, tell_phase, NULL);
}
sl_err *sl_pool_undefine(sl_str id) {
    sl_pool_conn *c = find(id);
    if (!c)
        return NULL;
    if (!die(c))
        return refused(c);
    if (c->kind && !sl_post(loop, close_client, c))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    return NULL;
}
sl_err *sl_pool_define(sl_str id, sl_str type, const sl_json *props) {
    SL_TRY(sl_pool_undefine(id));
    sl_pool_conn *c = calloc(1, sizeof *c);
    if (!c)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    c->id = sl_strdup_n(id.p, id.n);
    c->type = sl_strdup_n(type.p, type.n);
    c->arena = sl_arena_new(0);
    if (c->arena)
        c->props = props ? sl_json_clone(c->arena, props) : sl_json_obj(c->arena);
    if (!c->id || !c->type || !c->arena || sl_arena_failed(c->arena)) {
        conn_free(c);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (sl_str_is(type, kinds[i]->type))
            c->kind = kinds[i];
    bool served = false; /* by the data server of this process: nobody to wait for */
    for (size_t i = 0; !c->kind && sl_conn_at(i); i++)
        served = served || (sl_conn_at(i)->connection && sl_str_is(type, sl_conn_at(i)->connection));
    atomic_store(&c->state, served ? SL_CONN_CONNECTED : SL_CONN_CONNECTING);
    if (c->kind) {
        sl_err *e = start();
        if (!e && !sl_post(loop, open_client, c))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        if (e) {
            conn_free(c);
            return e;
        }
    }
    c->next = atomic_load(&all);
    atomic_store(&all, c);
    return NULL;
}
static void close_all(void *arg) {
    stopping = true;
    alive++; /* of this function */
    for (sl_pool_conn *c = atomic_load(&all); c; c = c->next)
        close_client(c);
    client_gone(NULL);
}
void sl_pool_stop(void) {
    if (loop) {
        sem_init(&closed, 0, 0);
        while (!sl_post(loop, close_all, NULL)) {
        }
        if (thread) {
            sl_thread_join(thread);
            sl_loop_free(loop);
        } else
            while (sem_wait(&closed) < 0) { /* a signal */
            }
        sem_destroy(&closed);
        loop = NULL;
        thread = NULL;
        stopping = false;
    }
    for (sl_pool_conn *c = atomic_exchange(&all, NULL), *next; c; c = next) {
        next = c->next;
        conn_free(c);
    }
    free(home_dir);
    home_dir = NULL;
}

/* ---- anybody ---- */
bool sl_pool_props(sl_str id, sl_arena *a, sl_json **props, sl_str *type) {
    sl_pool_conn *c = find(id);
    if (!c)
        return false;
    *props = sl_json_clone(a, c->props);
    *type = sl_arena_dup(a, sl_str_of(c->type));
    return true;
}
int sl_pool_refs(sl_str id) {
    sl_pool_conn *c = find(id);
    return c ? atomic_load(&c->refs) : -1;
}
bool sl_pool_status(sl_str id, sl_conn_state *s, char *why, size_t n) {
    sl_pool_conn *c = find(id);
    if (!c)
        return false;
    *s = (sl_conn_state)atomic_load(&c->state);
    for (unsigned no;;) {
        no = atomic_load(&c->why_no);
        size_t i = 0;
        for (char ch; i + 1 < n && i < sizeof c->why[0] && (ch = atomic_load_explicit(&c->why[no & 1][i], memory_order_relaxed)); i++)
            why[i] = ch;
        if (n)
            why[i] = 0;
        if (atomic_load(&c->why_no) == no)
            return true;
    }
}
static use *use_of(sl_pool_conn *c, const char *user) {
    for (use *u = atomic_load(&c->uses); u; u = u->next)
        if (strcmp(u->name, user) == 0)
            return u;
    return NULL;
}
sl_err *sl_pool_take(sl_str id, const char *type, const char *user, sl_pool_conn **out) {
    sl_pool_conn *c = find(id);
    size_t t = strlen(type);
    if (!c && id.n > t && memcmp(id.p, type, t) == 0 && id.p[t] == '.') /* the older spelling type.id */
        c = find(sl_str_n(id.p + t + 1, id.n - t - 1));
    int refs = c ? atomic_load(&c->refs) : -1;
    while (refs >= 0 && !atomic_compare_exchange_weak(&c->refs, &refs, refs + 1)) {
    }
    if (refs < 0)
        return sl_err_new(SL_E_NOTFOUND, "connection %.*s not existed", SL_FMT(id));
    if (strcmp(c->type, type) != 0) {
        atomic_fetch_sub(&c->refs, 1);
        return sl_err_new(SL_E_CONF, "connection %s is of type %s, not %s", c->id, c->type, type);
    }
    use *u = use_of(c, user);
    if (!u && (u = malloc(sizeof *u + strlen(user) + 1))) {
        strcpy(u->name, user);
        atomic_init(&u->count, 0);
        u->next = atomic_load(&c->uses);
        while (!atomic_compare_exchange_weak(&c->uses, &u->next, u)) {
        }
    }
    if (u)
        atomic_fetch_add(&u->count, 1);
    *out = c;
    return NULL;
}
void sl_pool_give(sl_pool_conn *c, const char *user) {
    use *u = use_of(c, user);
    if (u)
        atomic_fetch_sub(&u->count, 1);
    atomic_fetch_sub(&c->refs, 1);
}
