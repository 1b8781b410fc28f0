/* The loop: one poller per thread (libuv inside), timers on a wheel behind a clock that tests can hold, and posts from other threads.
 * Lanes, the office and docks each own one. Connectors see only this.
 *
 * Decision: the manual clock works in the real daemon (a test setting): sl_now() then returns the held time, sl_timer fires only
 * when somebody moves the clock; sockets keep working in real time. */
#ifndef SL_OS_LOOP_H
#define SL_OS_LOOP_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

typedef struct sl_loop sl_loop;
typedef struct sl_timer sl_timer;
typedef void (*sl_fn)(void *arg);

sl_loop *sl_loop_new(const char *name); /* NULL: out of memory or descriptors */
void sl_loop_free(sl_loop *l);          /* @on its thread, after sl_loop_run returned */
void sl_loop_run(sl_loop *l);           /* until sl_loop_stop */
void sl_loop_stop(sl_loop *l);          /* @on any; what was posted before it still runs */
void *sl_loop_uv(sl_loop *l);           /* the uv_loop_t, for net and os only */
const char *sl_loop_name(const sl_loop *l);
bool sl_loop_mine(const sl_loop *l); /* is the caller on this loop's thread? */

/* Runs fn(arg) on l's thread, in order of posting. @on any. Lock inside. false only when memory is out. */
bool sl_post(sl_loop *l, sl_fn fn, void *arg);
/* Runs fn(arg) at the end of the current turn of the loop. @on l. */
bool sl_defer(sl_loop *l, sl_fn fn, void *arg);

/* ---- time ---- @on l unless said otherwise */
int64_t sl_now(const sl_loop *l); /* ms since 1970: clock of this loop (held or the machine's) */
int64_t sl_now_ns(const sl_loop *l);
void sl_clock_hold(int64_t ms); /* all loops: from now on the clock stands still at ms (below 0: it runs again). @on any, before loops run or while they are idle */
bool sl_clock_held(void);
/* Moves the held clock forward and fires due timers of l in order of time, each at its own instant. @on l. Loops are moved one after
 * another by the test door. */
void sl_clock_move(sl_loop *l, int64_t to_ms);
int64_t sl_clock_next(const sl_loop *l); /* instant of the earliest timer, INT64_MAX when none */

/* One-shot timer; restarts by calling again. at_ms is an instant of sl_now. */
sl_timer *sl_timer_new(sl_loop *l, sl_fn fn, void *arg);
void sl_timer_at(sl_timer *t, int64_t at_ms);
void sl_timer_in(sl_timer *t, int64_t delay_ms);
void sl_timer_stop(sl_timer *t);
void sl_timer_free(sl_timer *t); /* NULL is fine */
/* A timer of connectors for real waiting (reconnect, protocol keep-alive): runs on the machine's clock even when the clock is held. */
sl_timer *sl_timer_real(sl_loop *l, sl_fn fn, void *arg);

/* ---- threads ---- */
typedef struct sl_thread sl_thread;
/* Starts a thread that runs fn(arg); name up to 15 characters. */
sl_err *sl_thread_start(const char *name, sl_fn fn, void *arg, sl_thread **out);
void sl_thread_join(sl_thread *t); /* waits and frees */
/* Blocking job on the process-wide small pool; done(arg) comes back on l. @on l. */
bool sl_job(sl_loop *l, sl_fn work, sl_fn done, void *arg);
int sl_cpu_count(void);
int64_t sl_rss_bytes(void);
void sl_memory_trim(void);   /* gives back what only the start needed: free heap, pages of code (they come back when called) */
double sl_cpu_seconds(void); /* user + system of this process */
#endif
