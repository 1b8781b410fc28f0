/* The driver of running windows: what its two halves share. Rows go into panes in fastdrive.c; which window is told when is in fastwhen.c. */
#ifndef SL_SQL_FASTDRIVE_H
#define SL_SQL_FASTDRIVE_H
#include "sql/fastwin.h"
#include "sql/pipe.h"

typedef struct sl_fpart { /* state window: one partition */
    sl_ftable t;
    int64_t opened;
} sl_fpart;
struct sl_fast {
    sl_pipes *r;
    const sl_fplan *plan;
    const sl_wspec *s;
    sl_ftable t;
    sl_faheads heads; /* panes that the watermark has not passed, where rows run ahead of it: all of them of a tumbling window */
    sl_map *parts;    /* state windows: key -> part; only open ones */
    int64_t next;     /* next tick by the clock, INT64_MAX none */
    int64_t from;     /* where the open window or session began */
    int64_t boundary; /* next aligned boundary */
    int64_t base;     /* where panes are counted from */
    int64_t first, last;
    bool started;
    uint32_t empty; /* empty windows in a row, of this watermark */
    uint64_t rows;  /* session: in it; count: ever */
    uint64_t seen;  /* count: since the last emission; session: was the last one cut, with nothing behind? */
    int64_t *due;   /* sliding: instants of triggers that wait, in order */
    uint32_t ndue, head, capdue;
    size_t bytes;
};

/* Tells a window: the groups of t. */
void sl_fast_tell(sl_fast *f, sl_ftable *t, int64_t start, int64_t end);
/* The same of the only table, and begins anew. Those that return bool say false when memory was out. */
bool sl_fast_tell_all(sl_fast *f, int64_t start, int64_t end);
int64_t sl_fast_width(const sl_fast *f);             /* of a pane in time */
int64_t sl_fast_number(const sl_fast *f, int64_t t); /* of the pane of that time */
/* Gives up the panes before number `at`. */
bool sl_fast_until(sl_fast *f, int64_t at);
/* Event time: the first row has this time. */
void sl_fast_start(sl_fast *f, int64_t t);
/* Event time: boundaries up to t. row: one of that time comes next; else t is the watermark. */
bool sl_fast_boundaries(sl_fast *f, int64_t t, bool row);
/* Rows run ahead: boundaries up to the watermark. */
bool sl_fast_behind(sl_fast *f, int64_t mark);
/* Event time: sessions that end before a row of time t, or (no row) by the watermark t. */
bool sl_fast_sessions(sl_fast *f, int64_t t, bool row);
void sl_fast_session_next(sl_fast *f);
/* Sliding: triggers that wait, windows, panes that no window to come holds. */
bool sl_fast_wait_for(sl_fast *f, int64_t t);
static inline int64_t sl_fast_oldest(const sl_fast *f) { return f->due[f->head]; }
bool sl_fast_slide(sl_fast *f, int64_t t);
bool sl_fast_slide_oldest(sl_fast *f);
bool sl_fast_pass_by(sl_fast *f, int64_t t);
#endif
