/* The loop: libuv's poller with our clock, timers, posts and deferred calls on top.
 *
 * Decision: timers live in a heap of ours ordered by (instant, order of arming), and libuv carries a single alarm per heap. That makes
 * the held clock exact (moving it pops the same heap, no poller involved) and ten thousand timers cost no handles. Instants are wall time,
 * because windows and cron think in wall time; the alarm is renewed at least every ALARM_MAX so that a machine whose clock is
 * set forward is noticed. Timers of connectors (sl_timer_real) have a second heap on the monotonic clock. */
#include "os/loop.h"
#include "base/vec.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define ALARM_MAX 5000

typedef struct call {
    sl_fn fn;
    void *arg;
} call;
typedef SL_VEC(call) calls;

struct sl_timer {
    sl_loop *loop;
    sl_fn fn;
    void *arg;
    int64_t at;
    uint64_t order;
    size_t slot; /* in the heap + 1; 0 = not armed */
    bool real;
};
typedef struct heap {
    SL_VEC(sl_timer *) v;
    uv_timer_t alarm;
    int64_t armed; /* instant the alarm stands for, INT64_MAX = none */
    uint64_t order;
    size_t alive; /* timers that exist, armed or not */
    bool due;     /* something is due already: fired behind the poller, not by the alarm, as libuv 1.44 would run an alarm of 0 for ever */
} heap;

struct sl_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before;
    uv_check_t after;
    uv_idle_t spin;
    heap clock, real;
    pthread_mutex_t lock;
    calls inbox;   /* under lock */
    calls reading; /* taken from inbox, being run */
    calls late;    /* deferred */
    size_t late_at;
    _Atomic(pthread_t) owner;
    atomic_bool stopping;
    int64_t held;
    unsigned held_gen;
    char name[32];
};

static atomic_bool g_held;
static _Atomic int64_t g_held_ms;
static atomic_uint g_held_gen;

static int64_t clock_ns(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
static int64_t real_ms(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }

/* ---- time ---- */
bool sl_clock_held(void) { return atomic_load_explicit(&g_held, memory_order_acquire); }
void sl_clock_hold(int64_t ms) {
    atomic_store(&g_held_ms, ms);
    atomic_fetch_add(&g_held_gen, 1);
    atomic_store_explicit(&g_held, ms >= 0, memory_order_release);
}
static int64_t held_now(const sl_loop *l) { return l->held_gen == atomic_load(&g_held_gen) ? l->held : atomic_load(&g_held_ms); }
int64_t sl_now(const sl_loop *l) { return sl_clock_held() ? held_now(l) : clock_ns(CLOCK_REALTIME) / 1000000; }
int64_t sl_now_ns(const sl_loop *l) { return sl_clock_held() ? held_now(l) * 1000000 : clock_ns(CLOCK_REALTIME); }

/* ---- heap ---- */
static bool sooner(const sl_timer *a, const sl_timer *b) { return a->at < b->at || (a->at == b->at && a->order < b->order); }
static void put(heap *h, size_t i, sl_timer *t) {
    h->v.at[i] = t;
    t->slot = i + 1;
}
static void sift(heap *h, size_t i) {
    sl_timer *t = h->v.at[i];
    while (i && sooner(t, h->v.at[(i - 1) / 2])) {
        put(h, i, h->v.at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->v.n)
            break;
        if (c + 1 < h->v.n && sooner(h->v.at[c + 1], h->v.at[c]))
            c++;
        if (!sooner(h->v.at[c], t))
            break;
        put(h, i, h->v.at[c]);
        i = c;
    }
    put(h, i, t);
}
static void take(heap *h, sl_timer *t) {
    if (!t->slot)
        return;
    size_t i = t->slot - 1;
    t->slot = 0;
    sl_timer *last = h->v.at[--h->v.n];
    if (last != t) {
        put(h, i, last);
        sift(h, i);
    }
}

static heap *heap_of(sl_timer *t) { return t->real ? &t->loop->real : &t->loop->clock; }
static void on_alarm(uv_timer_t *u);
static void alarm_set(sl_loop *l, heap *h) {
    bool real = h == &l->real;
    if (!h->v.n || (!real && sl_clock_held())) {
        if (h->armed != INT64_MAX)
            uv_timer_stop(&h->alarm);
        h->armed = INT64_MAX;
        h->due = false;
        return;
    }
    int64_t at = h->v.at[0]->at;
    if (at == h->armed)
        return;
    int64_t now = real ? real_ms() : sl_now(l);
    int64_t wait = at <= now ? 0 : at - now;
    if (wait > ALARM_MAX)
        wait = ALARM_MAX;
    h->armed = at;
    h->due = wait == 0;
    if (h->due) {
        uv_timer_stop(&h->alarm);
        return;
    }
    uv_update_time(&l->uv);
    uv_timer_start(&h->alarm, on_alarm, (uint64_t)wait, 0);
}
static void fire(sl_loop *l, heap *h) {
    bool real = h == &l->real;
    h->armed = INT64_MAX;
    h->due = false;
    if (real || !sl_clock_held()) {
        int64_t now = real ? real_ms() : sl_now(l);
        uint64_t upto = h->order; /* a timer that re-arms itself at once waits for the next turn: sockets get their share */
        while (h->v.n && h->v.at[0]->at <= now && h->v.at[0]->order <= upto) {
            sl_timer *t = h->v.at[0];
            take(h, t);
            t->fn(t->arg);
            if (!real && sl_clock_held())
                break;
        }
    }
    alarm_set(l, h);
}
static void on_alarm(uv_timer_t *u) { fire(u->loop->data, u->data); }

static sl_timer *timer_new(sl_loop *l, sl_fn fn, void *arg, bool real) {
    heap *h = real ? &l->real : &l->clock;
    /* room in the heap for every timer that exists, so that arming cannot fail */
    if (h->alive + 1 > h->v.cap && !sl_vec_grow_((void **)&h->v.at, &h->v.cap, sizeof *h->v.at, h->alive + 1))
        return NULL;
    sl_timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    h->alive++;
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    t->real = real;
    return t;
}
sl_timer *sl_timer_new(sl_loop *l, sl_fn fn, void *arg) { return timer_new(l, fn, arg, false); }
sl_timer *sl_timer_real(sl_loop *l, sl_fn fn, void *arg) { return timer_new(l, fn, arg, true); }

static void arm(sl_timer *t, int64_t at) {
    heap *h = heap_of(t);
    t->at = at;
    t->order = ++h->order;
    if (!t->slot) {
        h->v.at[h->v.n++] = t;
        t->slot = h->v.n;
    }
    sift(h, t->slot - 1);
    alarm_set(t->loop, h);
}
void sl_timer_at(sl_timer *t, int64_t at_ms) {
    if (t->real) /* an instant of sl_now: only the distance counts */
        at_ms = real_ms() + (at_ms - sl_now(t->loop));
    arm(t, at_ms);
}
void sl_timer_in(sl_timer *t, int64_t delay_ms) {
    int64_t now = t->real ? real_ms() : sl_now(t->loop);
    if (delay_ms < 0)
        delay_ms = 0;
    arm(t, delay_ms > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + delay_ms);
}
void sl_timer_stop(sl_timer *t) {
    heap *h = heap_of(t);
    take(h, t);
    alarm_set(t->loop, h);
}
void sl_timer_free(sl_timer *t) {
    if (!t)
        return;
    sl_timer_stop(t);
    heap_of(t)->alive--;
    free(t);
}

/* ---- deferred calls ---- */
bool sl_defer(sl_loop *l, sl_fn fn, void *arg) {
    call c = {fn, arg};
    return SL_PUSH(l->late, c);
}
/* Runs `most` deferred calls at the utmost, those that came meanwhile included; true when some are left. */
static bool run_late(sl_loop *l, size_t most) {
    while (l->late_at < l->late.n && most--) {
        call c = l->late.at[l->late_at++];
        if (l->late_at == l->late.n)
            l->late_at = l->late.n = 0;
        c.fn(c.arg);
    }
    return l->late_at < l->late.n;
}
static void on_after(uv_check_t *u) {
    sl_loop *l = u->loop->data;
    if (l->clock.due)
        fire(l, &l->clock);
    if (l->real.due)
        fire(l, &l->real);
    run_late(l, l->late.n - l->late_at);
}
static void on_spin(uv_idle_t *u) {}
static void on_before(uv_prepare_t *u) {
    sl_loop *l = u->loop->data;
    alarm_set(l, &l->clock); /* the clock may have been held or let go */
    if (run_late(l, l->late.n - l->late_at) || l->clock.due || l->real.due)
        uv_idle_start(&l->spin, on_spin); /* do not sleep in the poller */
    else
        uv_idle_stop(&l->spin);
}

void sl_clock_move(sl_loop *l, int64_t to_ms) {
    if (!sl_clock_held())
        return;
    unsigned gen = atomic_load(&g_held_gen);
    l->held = held_now(l);
    l->held_gen = gen;
    heap *h = &l->clock;
    while (h->v.n && h->v.at[0]->at <= to_ms && atomic_load(&g_held_gen) == gen) {
        sl_timer *t = h->v.at[0];
        take(h, t);
        if (t->at > l->held)
            l->held = t->at;
        t->fn(t->arg);
        run_late(l, 100000); /* what the timer put off belongs to its instant */
    }
    if (to_ms > l->held)
        l->held = to_ms;
}
int64_t sl_clock_next(const sl_loop *l) { return l->clock.v.n ? l->clock.v.at[0]->at : INT64_MAX; }

/* ---- posts ---- */
bool sl_post(sl_loop *l, sl_fn fn, void *arg) {
    call c = {fn, arg};
    pthread_mutex_lock(&l->lock);
    bool first = l->inbox.n == 0, ok = SL_PUSH(l->inbox, c);
    pthread_mutex_unlock(&l->lock);
    if (ok && first)
        uv_async_send(&l->wake);
    return ok;
}
static void on_wake(uv_async_t *u) {
    sl_loop *l = u->loop->data;
    bool stop = atomic_load(&l->stopping); /* read first: what was posted before the stop still runs */
    pthread_mutex_lock(&l->lock);
    calls got = l->inbox;
    l->inbox = l->reading;
    pthread_mutex_unlock(&l->lock);
    memset(&l->reading, 0, sizeof l->reading);
    for (size_t i = 0; i < got.n; i++)
        got.at[i].fn(got.at[i].arg);
    got.n = 0;
    free(l->reading.at);
    l->reading.at = got.at;
    l->reading.n = 0;
    l->reading.cap = got.cap;
    if (stop)
        uv_stop(&l->uv);
}

/* ---- life ---- */
static void close_one(uv_handle_t *h, void *arg) {
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}
sl_loop *sl_loop_new(const char *name) {
    sl_loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    if (uv_loop_init(&l->uv) != 0) {
        free(l);
        return NULL;
    }
    l->uv.data = l;
    snprintf(l->name, sizeof l->name, "%s", name ? name : "loop");
    pthread_mutex_init(&l->lock, NULL);
    atomic_init(&l->owner, pthread_self());
    atomic_init(&l->stopping, false);
    l->held_gen = atomic_load(&g_held_gen) - 1;
    heap *hs[] = {&l->clock, &l->real};
    for (int i = 0; i < 2; i++) {
        hs[i]->armed = INT64_MAX;
        hs[i]->alarm.data = hs[i];
        uv_timer_init(&l->uv, &hs[i]->alarm);
        hs[i]->alarm.data = hs[i];
    }
    uv_prepare_init(&l->uv, &l->before);
    uv_check_init(&l->uv, &l->after);
    uv_idle_init(&l->uv, &l->spin);
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0) {
        uv_walk(&l->uv, close_one, NULL);
        uv_run(&l->uv, UV_RUN_DEFAULT);
        uv_loop_close(&l->uv);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return NULL;
    }
    uv_prepare_start(&l->before, on_before);
    uv_check_start(&l->after, on_after);
    return l;
}
void sl_loop_free(sl_loop *l) {
    if (!l)
        return;
    uv_walk(&l->uv, close_one, NULL);
    do /* closing callbacks and finished jobs may open or close more */
        uv_walk(&l->uv, close_one, NULL);
    while (uv_run(&l->uv, UV_RUN_ONCE));
    uv_loop_close(&l->uv);
    pthread_mutex_destroy(&l->lock);
    SL_VEC_FREE(l->inbox);
    SL_VEC_FREE(l->reading);
    SL_VEC_FREE(l->late);
    SL_VEC_FREE(l->clock.v);
    SL_VEC_FREE(l->real.v);
    free(l);
}
void sl_loop_run(sl_loop *l) {
    atomic_store(&l->owner, pthread_self());
    uv_run(&l->uv, UV_RUN_DEFAULT);
    atomic_store(&l->stopping, false);
}
void sl_loop_stop(sl_loop *l) {
    atomic_store(&l->stopping, true);
    uv_async_send(&l->wake);
}
void *sl_loop_uv(sl_loop *l) { return &l->uv; }
const char *sl_loop_name(const sl_loop *l) { return l->name; }
bool sl_loop_mine(const sl_loop *l) { return pthread_equal(atomic_load(&((sl_loop *)(uintptr_t)l)->owner), pthread_self()); }

/* ---- threads and jobs ---- */
struct sl_thread {
    pthread_t id;
    sl_fn fn;
    void *arg;
    char name[16];
};
static void *thread_main(void *p) {
    sl_thread *t = p;
    pthread_setname_np(pthread_self(), t->name);
    t->fn(t->arg);
    return NULL;
}
sl_err *sl_thread_start(const char *name, sl_fn fn, void *arg, sl_thread **out) {
    sl_thread *t = calloc(1, sizeof *t);
    if (!t)
        return sl_err_new(SL_E_NOMEM, "start thread %s: out of memory", name);
    t->fn = fn;
    t->arg = arg;
    snprintf(t->name, sizeof t->name, "%.15s", name);
    int e = pthread_create(&t->id, NULL, thread_main, t);
    if (e) {
        free(t);
        return sl_err_new(SL_E_IO, "start thread %s: %s", name, strerror(e));
    }
    *out = t;
    return NULL;
}
void sl_thread_join(sl_thread *t) {
    if (!t)
        return;
    pthread_join(t->id, NULL);
    free(t);
}

typedef struct job {
    uv_work_t req;
    sl_fn work, done;
    void *arg;
} job;
static void job_work(uv_work_t *r) {
    job *j = r->data;
    j->work(j->arg);
}
static void job_done(uv_work_t *r, int status) {
    job *j = r->data;
    sl_fn done = j->done;
    void *arg = j->arg;
    free(j);
    if (done)
        done(arg);
}
bool sl_job(sl_loop *l, sl_fn work, sl_fn done, void *arg) {
    job *j = malloc(sizeof *j);
    if (!j)
        return false;
    *j = (job){.work = work, .done = done, .arg = arg};
    j->req.data = j;
    if (uv_queue_work(&l->uv, &j->req, job_work, job_done) != 0) {
        free(j);
        return false;
    }
    return true;
}

/* ---- the process ---- */
int sl_cpu_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
int64_t sl_rss_bytes(void) {
    FILE *f = fopen("/proc/self/statm", "re");
    long size = 0, pages = 0;
    if (!f)
        return 0;
    int n = fscanf(f, "%ld %ld", &size, &pages);
    fclose(f);
    return n == 2 ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}
double sl_cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
