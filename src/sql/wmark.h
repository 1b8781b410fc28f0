/* Watermarks: rows wait in order of their timestamps until the watermark (the least of the streams' largest timestamps, less the tolerance)
 * reaches them. A stream that was not heard of for some time may be left out, when that is wanted. For the room's own use. */
#ifndef SL_SQL_WMARK_H
#define SL_SQL_WMARK_H
#include "base/err.h"
#include "sql/krow.h"

typedef struct sl_wm sl_wm;
/* idle_ms: a stream not heard of for so long by the clock holds nobody up; 0: it does for ever. NULL: out of memory. */
sl_wm *sl_wm_new(uint32_t nsources, int64_t late_ms, int64_t idle_ms, int64_t now_ms);
void sl_wm_free(sl_wm *w);
void sl_wm_ignore(sl_wm *w, uint32_t src);   /* a table: takes no part */
bool sl_wm_late(const sl_wm *w, int64_t ts); /* older than the watermark: to be dropped and counted */
/* A stream was heard of: a row of it came, late or not. */
void sl_wm_heard(sl_wm *w, uint32_t src, int64_t now_ms);
/* A row waits (its hold is taken) and may move the watermark. Rows leave only when it moves. false: out of memory, the row is dropped. */
bool sl_wm_add(sl_wm *w, sl_krow *r, bool *moved);
/* The largest timestamp of the only stream, INT64_MIN none yet. false: there are several, or the watermark is not where that timestamp puts it. */
bool sl_wm_most(const sl_wm *w, int64_t *most);
/* How many rows wait. */
uint32_t sl_wm_waiting(const sl_wm *w);
/* A row of the only stream with that timestamp, the largest so far, goes on without waiting; true: the watermark has moved. */
bool sl_wm_pass(sl_wm *w, int64_t ts);
int64_t sl_wm_next(const sl_wm *w);        /* instant (of the clock) at which a stream becomes idle, INT64_MAX: none will */
bool sl_wm_tick(sl_wm *w, int64_t now_ms); /* leaves out what has become idle; true: the watermark has moved */
/* How many of the oldest waiting rows the watermark has reached. */
uint32_t sl_wm_ready(const sl_wm *w);
sl_krow *sl_wm_take(sl_wm *w);      /* the oldest, with its hold */
int64_t sl_wm_mark(const sl_wm *w); /* INT64_MIN: some stream has not been heard of */
void sl_wm_save(const sl_wm *w, const uint32_t *ncells, sl_buf *out);
sl_err *sl_wm_load(sl_wm *w, sl_krows *k, const uint32_t *ncells, sl_str *at);
#endif
