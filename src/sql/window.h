/* Windows: which kept rows belong together, and when that is told. Knows rows, time and flags, nothing of expressions.
 * One running instance per rule (or, for state windows, with one sub-window per partition inside). For the room's own use.
 *
 * Two drivers: in processing time rows come as they arrive and sl_win_tick is called when sl_win_next is due (before rows of that instant or a later
 * one); in event time rows come in order of their timestamps and sl_win_mark follows with the watermark that released them. */
#ifndef SL_SQL_WINDOW_H
#define SL_SQL_WINDOW_H
#include "base/civil.h"
#include "sql/ast.h"
#include "sql/krow.h"

typedef struct sl_wspec { /* what the planner made of the clause */
    sl_wkind kind;
    uint8_t unit;                             /* as in ast.h */
    int64_t length, interval, delay;          /* in units as written (count: rows) */
    int64_t length_ms, interval_ms, delay_ms; /* time windows: in ms; interval_ms = hop or timeout */
    bool two;                                 /* state window with a condition of its own for the end */
    bool event_time, v2, twice;               /* windowOption.windowVersion "v2", enableSendSlidingWindowTwice */
    sl_zone zone;                             /* of the boundaries */
    const uint32_t *ncells;                   /* cells of a kept row by source of the plan, for saving */
} sl_wspec;

typedef struct sl_winrow { /* a row that may enter, with what the conditions said about it */
    sl_krow *row;          /* held by the caller; the window holds it for itself */
    bool trigger;          /* sliding: OVER (WHEN …) is true or absent */
    bool begin, emit;      /* state window */
    sl_str part;           /* state window: key of the partition, "" without */
} sl_winrow;

/* A window fires: rows in order, bounds and trigger time in ms. Rows are lent for the call. */
typedef void (*sl_win_fire)(void *arg, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end);

typedef struct sl_win sl_win;
sl_win *sl_win_new(const sl_wspec *spec, int64_t start_ms, sl_win_fire fire, void *arg); /* spec is lent for life; NULL: out of memory */
void sl_win_free(sl_win *w);
/* Rows enter; may fire. now_ms: the clock (processing time). false: memory was out, the window is as before that row. */
bool sl_win_rows(sl_win *w, const sl_winrow *rows, uint32_t n, int64_t now_ms);
/* Instant of the next tick, INT64_MAX when none is wanted. */
int64_t sl_win_next(const sl_win *w);
bool sl_win_tick(sl_win *w, int64_t now_ms);
/* Event time: all rows up to the watermark have been given. */
bool sl_win_mark(sl_win *w, int64_t watermark);
/* What it holds beside kept rows and their rings. */
size_t sl_win_bytes(const sl_win *w);
/* Does it hold rows that will leave by the clock alone, without another row? */
bool sl_win_passes(const sl_win *w);
/* State in binary form, for sl_win_load on a fresh instance of the same spec. k: where rows are made. */
void sl_win_save(const sl_win *w, sl_buf *out);
sl_err *sl_win_load(sl_win *w, sl_krows *k, uint32_t nsources, sl_str *at);

/* First boundary after (processing: at or after) t: section 9.2 of the language reference, with D22 mended (never zero length). */
int64_t sl_win_align(int64_t t, uint8_t unit, int64_t n, sl_zone zone);
#endif
