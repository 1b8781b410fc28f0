/* dedup_trigger: rows that wait for their end and leave with what no row before them covered. One stage for each call of a statement. For the
 * room's own use. */
#ifndef SL_SQL_DEDUP_H
#define SL_SQL_DEDUP_H
#include "sql/pipe.h"

enum { SL_DEDUP_CELLS = 4 }; /* of a row for each call, behind those of analytic calls: the value, then what start, end and now were */
extern const sl_func sl_dedup_func;

/* [p->ntrig] stages; NULL: out of memory. */
sl_dedup *sl_dedup_new(const sl_plan *p);
void sl_dedup_free(sl_dedup *d, uint32_t n);
/* Computes the arguments of all calls for these rows, in the program `in`. */
void sl_dedup_args(sl_pipes *r, sl_run *run, sl_rows rows);
/* A kept row enters; `row`: its number in the run. The row is held as long as it waits. */
void sl_dedup_row(sl_pipes *r, sl_krow *x, const sl_run *run, uint32_t row);
/* Lets go what the clock has reached. */
void sl_dedup_tick(sl_pipes *r, int64_t now_ms);
int64_t sl_dedup_next(const sl_pipes *r); /* INT64_MAX: nothing waits */
size_t sl_dedup_bytes(const sl_pipes *r); /* without the rows */
void sl_dedup_save(const sl_pipes *r, sl_buf *out);
sl_err *sl_dedup_load(sl_pipes *r, sl_str *at);
#endif
