/* An index over the WHERE of many statements that read the same rows: says which of them a row can matter to, so that the others are not even
 * visited. A statement is entered by what its WHERE demands of one column (=, IN, <, <=, >, >=, BETWEEN with constants, LIKE with a beginning,
 * these joined by OR); it may be told of rows that fail it, never not told of rows that pass it or make it fail with an error.
 *
 * One owner, one thread. */
#ifndef SL_SQL_PREDINDEX_H
#define SL_SQL_PREDINDEX_H
#include "sql/plan.h"

typedef struct sl_predindex sl_predindex;
typedef struct sl_predhit {
    uint32_t id, n;       /* number of the statement; how many rows */
    const uint32_t *rows; /* ascending; NULL: all of the batch */
} sl_predhit;

sl_predindex *sl_predindex_new(void); /* NULL: out of memory */
void sl_predindex_free(sl_predindex *x);
/* Can a row that fails WHERE be kept from an instance of p without anybody noticing, and can WHERE be asked of an index? */
bool sl_predindex_takes(const sl_plan *p);
/* The column that an index asks for p; false: sl_predindex_takes would be. Lent from the plan. */
bool sl_predindex_column(const sl_plan *p, sl_str *name);
/* Enters p; the plan is not kept. Its number, or UINT32_MAX when it cannot be taken or memory was out. Known from the next sl_predindex_seal on. */
uint32_t sl_predindex_add(sl_predindex *x, const sl_plan *p);
/* Number `id` is told of nothing any more, at once; it may be given out again after the next seal. */
void sl_predindex_remove(sl_predindex *x, uint32_t id);
/* Puts what was added in order and throws out what was removed: some work for each statement in the index. False: out of memory; whatever the index says
 * then is not to be used, until a seal works. */
bool sl_predindex_seal(sl_predindex *x);
uint32_t sl_predindex_count(const sl_predindex *x); /* statements in it */
uint32_t sl_predindex_dead(const sl_predindex *x);  /* removed since the last seal */
/* Which statements rows *from … of b can matter to; b has neither frames nor marks. Rows are taken until many pairs were found: *from is then the first row
 * that was not looked at, and is to be asked again. What is given lives until the next call. False: out of memory, nothing was said. */
bool sl_predindex_ask(sl_predindex *x, const sl_batch *b, uint32_t *from, const sl_predhit **hits, uint32_t *n);
#endif
