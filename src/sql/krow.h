/* Kept rows: what windows, watermarks, joins and tables hold across turns. A kept row is a deep copy of the cells a plan wants, in a page
 * that lives as long as one of its rows. For the room's own use.
 *
 * Decision: pages hold rows one behind the other (row-major), because rows come and go whole; a column is gathered when a window fires. */
#ifndef SL_SQL_KROW_H
#define SL_SQL_KROW_H
#include "base/err.h"
#include "data/batch.h"

typedef struct sl_page sl_page;
typedef struct sl_krow {
    sl_page *page;  /* NULL: a row of the moment, in scratch memory; never kept */
    int64_t time;   /* arrival or event time, ms */
    uint64_t seq;   /* order of arrival within the plan's instance */
    uint16_t src;   /* source of the plan */
    uint32_t ntail; /* columns that nobody planned (wildcards) */
    const sl_member *tail;
    sl_value meta;    /* MAP or ABSENT */
    sl_value cells[]; /* columns of the source by plan position, then the values of analytic calls */
} sl_krow;

/* Where rows are made: one per running instance. */
typedef struct sl_krows {
    sl_page *page; /* being filled */
    size_t bytes;  /* of all pages that live, and of the rings of the queues that hold their rows */
    uint64_t seq;
    bool failed; /* memory was out: latched */
} sl_krows;
/* A row with room for ncells cells and ntail tail members (both set ABSENT). Held once. NULL: out of memory (latched in k). */
sl_krow *sl_krow_new(sl_krows *k, uint32_t ncells, uint32_t ntail);
/* Arena for the payload of the row made last. */
sl_arena *sl_krow_arena(sl_krow *r);
/* Members of the tail, to be filled by the maker. */
sl_member *sl_krow_tail(sl_krow *r);
void sl_krow_hold(sl_krow *r);
void sl_krow_drop(sl_krow *r);
/* Gives the page that is being filled back; rows that are still held stay. */
void sl_krows_end(sl_krows *k);
/* Binary form (data/pack): cells, tail, meta, time. */
void sl_krow_pack(sl_buf *out, const sl_krow *r, uint32_t ncells);
sl_err *sl_krow_unpack(sl_krows *k, sl_str *at, const uint32_t *ncells, uint32_t nsources, sl_krow **out);

/* ---- queue of held rows, oldest first ---- */
typedef struct sl_kq {
    sl_krow **at;          /* ring */
    uint32_t head, n, cap; /* cap a power of two */
    sl_krows *owner;       /* whose bytes its ring is part of; NULL before the first row */
} sl_kq;
static inline sl_krow *sl_kq_at(const sl_kq *q, uint32_t i) { return q->at[(q->head + i) & (q->cap - 1)]; }
bool sl_kq_push(sl_kq *q, sl_krow *r); /* takes the hold; false: out of memory, the hold is dropped */
/* Puts r before the i-th (moves the later ones). */
bool sl_kq_insert(sl_kq *q, uint32_t i, sl_krow *r);
sl_krow *sl_kq_take(sl_kq *q);         /* the oldest, with its hold */
void sl_kq_drop(sl_kq *q, uint32_t n); /* drops the n oldest */
void sl_kq_free(sl_kq *q);
/* Binary form; ncells by source of the row. */
void sl_kq_save(const sl_kq *q, const uint32_t *ncells, sl_buf *out);
sl_err *sl_kq_load(sl_kq *q, sl_krows *k, const uint32_t *ncells, uint32_t nsources, sl_str *at);
#endif
