/* What joins of collections (join.c) and lookups (looks.c) share. For the room's own use. */
#ifndef SL_SQL_JOINS_H
#define SL_SQL_JOINS_H
#include "sql/pipe.h"

enum { SL_TUPLES_MOST = 4 << 20 }; /* tuples of one collection */
#define SL_TUPLES_TEXT "a collection may have at most 4194304 joined rows"
typedef struct sl_tuples { /* one row (or none) per source */
    sl_krow **at;          /* [n * width] */
    size_t n, cap;
    sl_purse *purse; /* who pays for the memory, or NULL */
} sl_tuples;
void sl_tuples_free(sl_tuples *t, uint32_t width);
/* Adds left (NULL: nothing) with `right` as the row of src. false: out of memory (*full false), or there would be too many. */
bool sl_tuples_add(sl_tuples *t, uint32_t width, sl_krow *const *left, uint32_t src, sl_krow *right, bool *full);
/* Asks the condition `on` about n tuples; hit[i] tells. fail gets what is no answer: a text that is lent; false ends the asking. false: out of memory. */
bool sl_tuples_ask(sl_pipes *r, sl_block on, sl_krow *const *t, uint32_t n, bool *hit, bool (*fail)(void *arg, uint32_t i, sl_str why), void *arg);

/* Rows outside of windows through the lookups of a statement that joins nothing else: each is a collection. Rows are lent. */
void sl_looks_rows(sl_pipes *r, sl_krow *const *rows, uint32_t n);
/* The tuples of one collection through the lookups; takes t's memory. */
void sl_looks_run(sl_pipes *r, sl_tuples *t, int64_t start, int64_t end);
#endif
