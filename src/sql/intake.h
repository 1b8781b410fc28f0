/* Rows of a source on their way to the window: what pipe.c and the watermark (intake.c) share. For the room's own use. */
#ifndef SL_SQL_INTAKE_H
#define SL_SQL_INTAKE_H
#include "sql/joins.h"

typedef struct sl_told { /* an error of the rows before the window, told where its row stands */
    uint32_t row;
    sl_str text;
} sl_told;
typedef struct sl_intake { /* one call with rows of one source */
    sl_pipes *r;
    uint32_t src;
    const sl_view *in;    /* rows as they came; NULL: kept */
    sl_krow *const *kept; /* rows that the watermark let go, of any source */
    sl_batch *tmp;
    sl_run run;
    sl_rows rows;
    const char *head; /* of errors */
    sl_told *told;    /* by row; only when errors are sent */
    uint32_t ntold, toldcap;
} sl_intake;

/* ---- pipe.c ---- */
/* Columns that the layout has for somebody else: they count as unplanned names here. */
uint32_t *sl_in_foreign(sl_intake *t, uint32_t *n);
/* A row with its cells; deep: held, with copies of what they point into. NULL: out of memory. */
sl_krow *sl_in_keep(sl_intake *t, uint32_t row, const uint32_t *cols, uint32_t ncols, bool deep);
/* Analytic calls, early WHERE, FILTER. */
bool sl_in_first(sl_intake *t);
/* The rows that are left go to the window: to one that keeps rows, to a running one. */
bool sl_in_window(sl_intake *t);
bool sl_in_running(sl_intake *t);
/* The same, in stretches between the errors. */
bool sl_in_go_on(sl_intake *t, bool (*half)(sl_intake *t));
/* Tells the errors in front of a row, from number `done` on. */
uint32_t sl_in_tell(sl_intake *t, uint32_t done, uint32_t row);

/* ---- intake.c ---- */
/* Event time of a row; false: it has none, an error was told. */
bool sl_in_time(sl_intake *t, uint32_t row, int64_t *out);
/* What the watermark reaches goes on. */
void sl_in_reached(sl_pipes *r);
/* Event time: rows of a batch come. */
void sl_in_await(sl_intake *t);
#endif
