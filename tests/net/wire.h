/* For tests of servers: a loop on a thread of its own, and raw blocking sockets with a deadline. */
#ifndef SL_TESTS_WIRE_H
#define SL_TESTS_WIRE_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "os/loop.h"

typedef struct rig {
    sl_loop *loop;
    sl_thread *thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
} rig;
static void rig_main(void *arg) { sl_loop_run(((rig *)arg)->loop); }
static inline void rig_start(rig *r) {
    signal(SIGPIPE, SIG_IGN); /* as the daemon */
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->cond, NULL);
    r->loop = sl_loop_new("test");
    assert_non_null(r->loop);
    assert_null(sl_thread_start("test", rig_main, r, &r->thread));
}
typedef struct rig_call {
    rig *r;
    sl_fn fn;
    void *arg;
    bool async, done;
} rig_call;
static inline void rig_done(void *arg) {
    rig_call *c = arg;
    pthread_mutex_lock(&c->r->lock);
    c->done = true;
    pthread_cond_broadcast(&c->r->cond);
    pthread_mutex_unlock(&c->r->lock);
}
static void rig_step(void *arg) {
    rig_call *c = arg;
    if (c->async) {
        c->fn(c); /* c may be gone when this returns */
        return;
    }
    c->fn(c->arg);
    rig_done(c);
}
static inline void rig_wait(rig_call *c) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_mutex_lock(&c->r->lock);
    while (!c->done)
        if (pthread_cond_timedwait(&c->r->cond, &c->r->lock, &end) == ETIMEDOUT)
            fail_msg("the loop did not answer in time");
    pthread_mutex_unlock(&c->r->lock);
}
/* Runs fn(arg) on the loop and waits. */
static inline void rig_do(rig *r, sl_fn fn, void *arg) {
    rig_call c = {.r = r, .fn = fn, .arg = arg};
    assert_true(sl_post(r->loop, rig_step, &c));
    rig_wait(&c);
}
/* The same for something that ends later: fn gets the rig_call and lets rig_done(call) be called. */
static inline void rig_async(rig *r, sl_fn fn, void *arg) {
    rig_call c = {.r = r, .fn = fn, .arg = arg, .async = true};
    assert_true(sl_post(r->loop, rig_step, &c));
    rig_wait(&c);
}
static inline void rig_stop(rig *r) {
    sl_loop_stop(r->loop);
    sl_thread_join(r->thread);
    sl_loop_free(r->loop);
}

static inline int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    struct timeval tv = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    return fd;
}
static inline void say(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0)
            return; /* the server may have hung up on purpose */
        p += k;
        n -= (size_t)k;
    }
}
static inline void says(int fd, const char *c) { say(fd, c, strlen(c)); }
/* Reads until the text is there (true) or the peer closed. */
static inline bool hear(int fd, sl_buf *b, const char *text) {
    for (;;) {
        if (b->n && sl_str_find(sl_buf_view(b), sl_str_of(text)) >= 0)
            return true;
        char part[65536];
        ssize_t k = recv(fd, part, sizeof part, 0);
        if (k <= 0) {
            if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                fail_msg("nothing came in time; so far: %s", sl_buf_cstr(b));
            return false;
        }
        sl_buf_put(b, part, (size_t)k);
    }
}
/* Reads to the end of the connection. */
static inline char *hear_all(int fd, sl_buf *b) {
    hear(fd, b, "\x01\x02no such text\x03");
    return (char *)(uintptr_t)sl_buf_cstr(b);
}
/* One exchange on a connection of its own; the answer to the end, malloc'd. */
static inline char *exchange(int port, const char *text) {
    int fd = dial(port);
    says(fd, text);
    sl_buf b = {0};
    hear_all(fd, &b);
    close(fd);
    if (!b.p)
        sl_buf_puts(&b, "");
    return sl_buf_take(&b);
}
#endif
