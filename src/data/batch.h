/* Batches: how rows travel. A batch owns an arena and is frozen once published (sl_batch_done): from then on it is
 * read-only, shared by reference count, readable from any lane. Columns stand by position of a layout; names nobody
 * planned go to a per-row tail. A *frame* is what upstream calls one message or one collection; transport batching is
 * never visible in output. A *view* is a selection over a batch; operators yield views or derived batches.
 *
 * Decision: without `frames` every row is a frame of its own (kind ROW), the common case, and costs nothing.
 * Decision: tail members keep their key as text, not interned: hostile key sets must not grow a table for ever. */
#ifndef SL_DATA_BATCH_H
#define SL_DATA_BATCH_H
#include <stdatomic.h>
#include "data/value.h"

/* ---- layout: names by position; immutable, shared ---- */
typedef struct sl_layout {
    _Atomic uint32_t refs;
    uint32_t n;
    uint64_t version;
    const sl_str *names; /* [n] */
    uint16_t *slots;     /* open-addressed index, nslots a power of two, value = position + 1 */
    uint32_t nslots;
} sl_layout;
/* Copies the names. NULL: out of memory. At most 65,000 names. */
sl_layout *sl_layout_new(const sl_str *names, uint32_t n, uint64_t version);
sl_layout *sl_layout_hold(const sl_layout *l);
void sl_layout_drop(const sl_layout *l);
int sl_layout_find(const sl_layout *l, sl_str name); /* position or -1 */

/* ---- tickets: who still holds the input of a batch ---- */
typedef struct sl_ticket {
    _Atomic uint32_t holders;
    uint64_t seq;                         /* the source's sequence number of this batch */
    void (*settled)(struct sl_ticket *t); /* called once, on the thread of the last drop; frees t */
    void *owner;
} sl_ticket;
static inline sl_ticket *sl_ticket_hold(sl_ticket *t) {
    if (t)
        atomic_fetch_add_explicit(&t->holders, 1, memory_order_relaxed);
    return t;
}
static inline void sl_ticket_drop(sl_ticket *t) {
    if (t && atomic_fetch_sub_explicit(&t->holders, 1, memory_order_acq_rel) == 1)
        t->settled(t);
}

/* ---- frames and marks ---- */
typedef enum sl_frame_kind { SL_FRAME_ROW, SL_FRAME_COLLECTION, SL_FRAME_ERROR, SL_FRAME_UPDATE } sl_frame_kind;
typedef struct sl_frame {
    uint8_t kind;
    uint32_t first, count; /* rows; an ERROR frame has none and stands before row `first` */
    int64_t start, end;    /* window range in ms, 0 0 = none */
    sl_str error;          /* ERROR: text */
} sl_frame;
typedef enum sl_mark_kind { SL_MARK_WATERMARK, SL_MARK_EOF, SL_MARK_CHECKPOINT } sl_mark_kind;
typedef struct sl_mark {
    uint32_t row; /* stands before this row */
    uint8_t kind;
    int64_t value;
} sl_mark;

typedef struct sl_tail { /* columns of one row that the layout does not name */
    const sl_member *at;
    uint32_t n;
} sl_tail;

/* The record side (Connect): key columns beside the value columns, headers, origin. NULL in eKuiper flows. */
typedef enum sl_root { SL_ROOT_STRUCT, SL_ROOT_MAP, SL_ROOT_SCALAR, SL_ROOT_LIST, SL_ROOT_NULL } sl_root;
typedef struct sl_schema sl_schema; /* data/schema.h, with Connect */
typedef struct sl_record_side {
    uint8_t key_root, value_root;
    const sl_schema *key_schema, *value_schema;
    const sl_value *keys;    /* [nrows] */
    const sl_value *headers; /* [nrows] LIST of MAP or ABSENT */
    const sl_str *topic;     /* [nrows] */
    const int32_t *partition;
    const int64_t *offset;
} sl_record_side;

typedef struct sl_batch {
    _Atomic uint32_t refs;
    sl_arena *arena;
    struct sl_batch *base; /* held: the batch that payloads of this derived one point into; NULL for a root */
    const sl_layout *layout;
    uint32_t nrows;
    sl_value **cols;  /* [layout->n][nrows] */
    sl_tail *tails;   /* [nrows] or NULL */
    sl_frame *frames; /* or NULL: every row a frame */
    uint32_t nframes;
    sl_mark *marks;
    uint32_t nmarks;
    sl_value *meta; /* [nrows] MAP, or NULL */
    int64_t *time;  /* [nrows] arrival or event time, ms; or NULL */
    int64_t at;     /* arrival of the batch, ms (lane clock); used where time is NULL */
    sl_str *raw;    /* [nrows] the bytes a row arrived as, when it may leave as them; or NULL */
    const sl_record_side *rec;
    sl_ticket *ticket; /* held */
    size_t bytes;      /* payload bytes, for accounts */
} sl_batch;
sl_batch *sl_batch_hold(sl_batch *b);
void sl_batch_drop(sl_batch *b); /* NULL is fine */

/* A batch under construction for operators that fill whole columns: nrows rows, b->cols[i] ready to be written (every cell must
 * be), an arena of its own, frames and marks NULL. base (may be NULL): held, payloads may point into it; its ticket is held too
 * and `at` taken over. The caller is the only owner until it hands the batch on. NULL: out of memory. */
sl_batch *sl_batch_derive(sl_batch *base, const sl_layout *layout, uint32_t nrows);

/* An empty batch of this thread's pool for an operator that fills it itself: refs 1, an arena, nothing else. What is set as base,
 * layout and ticket must be held for it; all arrays must live in its arena (or in the base). NULL: out of memory. */
sl_batch *sl_batch_fresh(void);

/* ---- view: what operators see ---- */
typedef struct sl_view {
    sl_batch *batch;     /* lent */
    const uint32_t *sel; /* row numbers, ascending; NULL = rows 0 … n-1 */
    uint32_t n;
    const uint16_t *colmap; /* plan position -> layout position, 0xFFFF = look into the tail; NULL = identity */
    bool whole;             /* there is a colmap, and no 0xFFFF in it */
    const sl_frame *frames; /* over positions of the selection; NULL = every row a frame */
    uint32_t nframes;
} sl_view;
static inline uint32_t sl_view_row(const sl_view *v, uint32_t k) { return v->sel ? v->sel[k] : k; }
/* Value of a named column in row r, by layout, then tail; ABSENT when neither has it. */
sl_value sl_batch_get(const sl_batch *b, uint32_t r, sl_str name);
/* The same for a name that the reader did not find as a column of its own: of the tail, the first member so called; anycase: of the columns that have a
 * value, then of the tail, in any case of letters. */
sl_value sl_batch_loose(const sl_batch *b, uint32_t r, sl_str name, bool anycase);
/* All present columns of a row as members (planned ones that are not ABSENT, then the tail), unordered. Memory from a. */
sl_value sl_batch_row(const sl_batch *b, uint32_t r, sl_arena *a);

/* ---- builder: one owner; allocation failure is latched and told by sl_batch_done ---- */
typedef struct sl_builder sl_builder;
/* layout: held. all: names outside the layout are wanted too (tail). */
sl_builder *sl_builder_new(const sl_layout *layout, bool all);
void sl_builder_free(sl_builder *w);
/* An empty builder gives the room for its next batch back to the thread; the next use takes some again. For those who are many and mostly idle. */
void sl_builder_rest(sl_builder *w);
/* Arena of the batch under construction; payload bytes go here. */
sl_arena *sl_builder_arena(sl_builder *w);
const sl_layout *sl_builder_layout(const sl_builder *w);
bool sl_builder_all(const sl_builder *w);
uint32_t sl_builder_rows(const sl_builder *w);               /* finished rows */
uint32_t sl_builder_events(const sl_builder *w);             /* finished rows, error frames and empty collections */
sl_value sl_builder_peek(const sl_builder *w, uint32_t col); /* of the row under construction */
/* Begins a row; all columns ABSENT. */
void sl_builder_row(sl_builder *w);
void sl_builder_set(sl_builder *w, uint32_t col, sl_value v);    /* by position, last wins */
void sl_builder_tail(sl_builder *w, sl_str key, sl_value v);     /* key bytes must live in the arena; last of equal keys wins */
void sl_builder_tail_new(sl_builder *w, sl_str key, sl_value v); /* as tail; the caller knows that the row has no such key yet */
void sl_builder_put(sl_builder *w, sl_str key, sl_value v);      /* by name: layout or (if all) tail, else ignored */
/* Rows begun from now on belong to one message: its metadata (MAP in the arena, or ABSENT) and time (0 = none). Holds for the batch
 * under construction. */
void sl_builder_message(sl_builder *w, sl_value meta, int64_t ms);
void sl_builder_meta(sl_builder *w, sl_value map); /* of the current row */
void sl_builder_time(sl_builder *w, int64_t ms);   /* of the current row */
void sl_builder_raw(sl_builder *w, sl_str bytes);  /* of the current row; bytes live in the arena */
void sl_builder_end(sl_builder *w);                /* the row is complete */
/* Many complete rows at once: cols[c] becomes the cells of column c of n rows, all of which the caller writes before it does anything else with the builder.
 * false: not this way (rows have more than columns), or out of memory. */
bool sl_builder_bulk(sl_builder *w, uint32_t n, sl_value **cols);
void sl_builder_cancel(sl_builder *w);              /* forgets the current row */
void sl_builder_undo(sl_builder *w, uint32_t rows); /* back to that many rows (a message failed half way) */
void sl_builder_error(sl_builder *w, sl_str text);  /* an ERROR frame here; text is copied */
/* Rows since `first` become one COLLECTION frame. */
void sl_builder_collection(sl_builder *w, uint32_t first);
void sl_builder_mark(sl_builder *w, sl_mark_kind kind, int64_t value); /* before the next row */
/* Freezes and gives the batch (refs 1); the builder is empty again, same layout. NULL: out of memory, rows lost
 * (the caller counts them and fails the flow). at: arrival time in ms. */
sl_batch *sl_builder_done(sl_builder *w, int64_t at);
void sl_builder_relayout(sl_builder *w, const sl_layout *layout, bool all); /* only when empty */
/* A number that differs for every batch under construction in this process (what lives in its arena is valid as long as it stays). */
uint64_t sl_builder_serial(const sl_builder *w);
/* Payloads of the batch under construction may point into base: held until the batch goes. At most one. */
void sl_builder_base(sl_builder *w, sl_batch *base);
/* Pool of arenas so that steady state allocates nothing: per-thread, inside batch.c. */
/* An empty arena of this thread for the length of one call that calls nobody who asks for it too. NULL: out of memory. */
sl_arena *sl_thread_scratch(void);
#endif
