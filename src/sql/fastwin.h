/* Groups kept up row by row, instead of rows: what tumbling and count windows hold when only aggregates leave them. The plain form (emit.c over kept
 * rows) is the oracle: same results, also in which error a window ends. For the room's own use. */
#ifndef SL_SQL_FASTWIN_H
#define SL_SQL_FASTWIN_H
#include "sql/expr.h"
#include "sql/krow.h"
#include "sql/planner.h"

struct sl_pipes;
typedef struct sl_group {
    uint64_t hash;
    sl_str key;
    sl_krow *first;        /* held */
    struct sl_group *next; /* of the same hash slot */
} sl_group;                /* behind it: one accumulator per aggregate */
typedef struct sl_fast {
    sl_arena *a;   /* groups; emptied with the window */
    sl_group **at; /* in order of appearance */
    uint32_t n, cap;
    sl_group **slots;
    uint32_t mask; /* slots - 1 */
    char *error;   /* of the first row that failed: the window ends in it */
    int64_t seen;  /* count windows: rows so far */
    size_t texts;  /* bytes of the texts that accumulators hold */
} sl_fast;
/* NULL: this plan can be run so; else why not, in words. Called when the pipe is planned. */
const char *sl_fast_unfit(const sl_plan *p, const sl_select *s);
sl_fast *sl_fast_new(void);
void sl_fast_free(sl_fast *f, const sl_plan *p);
void sl_fast_clear(sl_fast *f, const sl_plan *p);
/* The group of a key, made when new (first is then NULL). NULL: out of memory. */
sl_group *sl_fast_group(sl_fast *f, const sl_plan *p, sl_str key);
/* Takes row `row` of a run into the group. false: out of memory. */
bool sl_fast_add(sl_fast *f, const sl_plan *p, sl_run *run, sl_group *g, uint32_t row);
/* Value of aggregate i of a group; an error as sl_call_fail gives it. */
sl_value sl_fast_result(sl_call *c, const sl_plan *p, const sl_group *g, uint32_t i);
void sl_fast_fail(sl_fast *f, const char *head, sl_str text);
size_t sl_fast_bytes(const sl_fast *f);
void sl_fast_save(const sl_fast *f, const sl_plan *p, uint32_t ncells, sl_buf *out);
sl_err *sl_fast_load(sl_fast *f, const sl_plan *p, sl_krows *k, const uint32_t *ncells, sl_str *at);
#endif
