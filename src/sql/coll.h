/* A collection on its way to the output: what emit.c (WHERE, GROUP BY, aggregates) and select.c (from HAVING on) share. For the room's own use. */
#ifndef SL_SQL_COLL_H
#define SL_SQL_COLL_H
#include "sql/pipe.h"

typedef struct sl_coll { /* a collection on its way out */
    sl_pipes *r;
    const sl_pipe *k;
    sl_plan *p;
    sl_krow *const *tuples;
    uint32_t n, width; /* tuples */
    int64_t start, end;
    bool row, failed;     /* failed: an error was told or memory was out */
    bool quiet;           /* errors are not told */
    sl_str fault;         /* an error among rows that were written already: told when they are undone */
    const uint32_t *upto; /* several collections: part i ends before tuple upto[i]; NULL: one */
    uint32_t nparts;
    sl_value *changes; /* what changed_cols found out about the row that is written: [ncols] */
    sl_batch *tmp;
    sl_arena *out;
    sl_run rows, sel; /* programs `rows` and `out`; the same run when nothing is aggregated */
    sl_run *front;    /* the one of WHERE and GROUP BY */
    uint32_t *alive, nalive;
    uint32_t *first, *members, *start_at, ngroups; /* groups: first row; rows by group */
} sl_coll;

/* Scratch memory of the collection; NULL: memory was out, the collection has failed. */
void *sl_coll_space(sl_coll *c, size_t n);
/* Tells the first error, with head in front, and discards the collection. */
void sl_coll_fail(sl_coll *c, const char *head, sl_value err);
/* Takes over that a run was out of memory. */
void sl_coll_check(sl_coll *c, const sl_run *r);
/* A scratch column of n rows for a register of run; NULL: out of memory (latched). */
sl_value *sl_coll_column(sl_pipes *r, sl_run *run, uint32_t n);
/* Sorts rows by what the blocks give in `run`; an error, with head in front, fails the collection. */
void sl_coll_sort(sl_coll *c, sl_run *run, const sl_block *key, const bool *desc, uint32_t nkey, uint32_t *at, uint32_t n, const char *head);
/* HAVING, row numbers, ORDER BY, select list, LIMIT, output. */
void sl_coll_finish(sl_coll *c);
#endif
