/* Running windows: groups with accumulators, kept up row by row, instead of rows. What windows hold from which only aggregates leave. The plain form
 * (emit.c over the rows of window.c) is the oracle: same results in the same order, also in which error a window ends.
 *
 * Rows fall into panes, stretches of time (or of row numbers) that belong to a window whole or not at all; a slot is what one group has in one pane. One
 * pane is the whole window (tumbling, session, count, state), or several make it (hopping: the greatest common divisor of length and hop; sliding: one
 * millisecond). With several, each group keeps its slots as two stacks: the older ones hold the merger of themselves with all that follow in their
 * stack, the newer ones are merged into one as they close, so that a window costs two mergers a group however long it is. Nothing is ever subtracted.
 *
 * In event time rows come before the watermark has reached them. Tumbling and hopping windows put them into their panes at once, in any order (`ahead`):
 * then each pane before the watermark has a table of its own, and what depends on the order of rows is kept with its time.
 *
 *   fastplan.c  is it possible, and how      fastwin.c  panes, slots, two stacks     fastkey.c  from rows to groups
 *   fastacc.c   accumulators                 fastdrive.c  rows into panes            fastsave.c  state (fastaccsave.c: of accumulators)
 *   fastwhen.c  which window when            fastahead.c  panes that the watermark has not passed
 * For the room's own use. */
#ifndef SL_SQL_FASTWIN_H
#define SL_SQL_FASTWIN_H
#include "sql/expr.h"
#include "sql/krow.h"
#include "sql/planner.h"

typedef struct sl_pipes sl_pipes;
enum { SL_FAST_DIMS = 32, SL_FAST_ROWS = 128 }; /* keys; rows whose keys are looked up together */
typedef enum sl_acckind { SL_ACC_NONE, SL_ACC_ROWS, SL_ACC_COUNT, SL_ACC_SUM, SL_ACC_AVG, SL_ACC_MIN, SL_ACC_MAX, SL_ACC_LAST } sl_acckind;
typedef struct sl_fagg { /* one aggregate of the plan */
    uint8_t kind;
    bool merges;    /* its accumulators are merged: they keep what another first value would need */
    bool skip;      /* last_value: nulls do not count */
    uint32_t at;    /* of its accumulator in a slot */
    uint32_t times; /* of what its accumulator keeps of time, in a slot; 0: rows come in order */
    const sl_func *func;
    int32_t arg; /* operand of program `rows` */
} sl_fagg;
typedef struct sl_fplan { /* part of the plan */
    const char *unfit;    /* why the window keeps rows; NULL: it runs so */
    const char *waits;    /* event time: why rows wait for the watermark; NULL: they do not */
    sl_fagg *agg;
    uint32_t nagg, size; /* bytes of the accumulators of a slot */
    bool multi;          /* several panes make a window */
    int64_t pane;        /* ms, or rows of a count window; 0: a pane is what the driver says */
    bool ahead;          /* event time: rows enter their panes before the watermark reaches them */
    uint32_t since;      /* then: of the time of a slot's first row, in a slot */
    bool *need;          /* [columns] read after the aggregates */
    bool meta, ana;      /* metadata, values of analytic calls: too */
    uint32_t *of_key;    /* [columns] item of GROUP BY that is this column, UINT32_MAX none */
    bool keyed;          /* all that is read so stands in the key: no first row is kept */
} sl_fplan;

typedef struct sl_fgroup sl_fgroup;
typedef struct sl_fslot sl_fslot;
typedef struct sl_fkey { /* an item list as it came; several print alike and are one group */
    sl_fgroup *group;
    struct sl_fkey *next; /* of the group */
    uint64_t hash;
    size_t npacked; /* kinds that are not compared bit by bit: of their packed form, which stands behind the items */
    sl_value at[];  /* [ndims], text behind */
} sl_fkey;
typedef struct sl_fitem { /* a key in three numbers; of several items a is their hash */
    uint64_t a, b;
    uint32_t tag, epoch; /* tag 0: nobody's; epoch: of the pane */
} sl_fitem;
struct sl_fslot {
    sl_fgroup *group;
    struct sl_fslot *next; /* several panes: in its pane, in order of appearance */
    uint64_t seq;          /* several panes, or rows that run ahead: order of first rows */
    const sl_fkey *key;    /* of the first row */
    sl_krow *first;        /* held; NULL when the key is enough */
    sl_fitem item;         /* of the key. What a row touches begins here, on a line of the cache */
};                         /* behind it: accumulators; behind those, where several panes make a window, its links */
typedef struct sl_flinks {
    sl_fslot *older, *newer; /* of its group */
    int64_t pane;
} sl_flinks;
struct sl_fgroup {
    uint64_t hash;
    sl_str key;            /* the printed items; a single text is that of the first key */
    sl_fkey *keys;         /* the first one stands in the memory of the group */
    sl_fslot *head, *tail; /* oldest and newest slot; NULL: idle */
    sl_fslot *front;       /* newest slot of the older stack; NULL: that is empty */
    char *back;            /* merger of the slots between front and tail; made when first needed */
    bool has_back;
    uint32_t number; /* while saving */
};
typedef struct sl_fpane {
    int64_t at;
    sl_fslot *first, *last;
    uint32_t n;
    uint32_t stage; /* of the error: conditions by number, then keys; the lowest wins, of equal ones the earliest */
    int64_t when;   /* the time of its row; 0 where rows come in order */
    char *error;    /* a window with this pane ends in it */
} sl_fpane;
typedef struct sl_ftable { /* groups and panes of one window instance */
    const sl_fplan *plan;
    uint32_t ndims;
    sl_fgroup **groups;
    uint32_t ngroups, capgroups, live; /* live: with slots */
    uint64_t *hot;                     /* by typed items: bits of the hash, and where the last slot was; 0: nothing there */
    sl_fkey **keys;                    /* beside them */
    uint32_t *names;                   /* by printed items: places in groups, from 1 on; 0: none */
    uint32_t nkeys, keymask, namemask; /* masks: slots - 1; 0: none yet */
    uint32_t moved;                    /* how often the tables were made anew */
    sl_fpane *panes;                   /* ring, oldest first */
    uint32_t head, npanes, cappanes;   /* cap a power of two */
    uint32_t failed;                   /* panes with an error */
    bool loading;                      /* slots are being put back: nothing closes */
    uint64_t seq;
    uint32_t epoch, before; /* epoch: panes ever made; from 1 on. before: of the pane that was given up last */
    sl_fslot **order;       /* a single pane: its slots in order of appearance */
    uint32_t caporder;
    bool heavy; /* a single pane: a slot holds more than numbers */
    sl_fslot *free;
    void **chunks;
    uint32_t nchunks, capchunks;
    size_t nslots, slotbytes; /* in use; of the chunks */
    size_t *bytes;            /* of all tables of the window */
} sl_ftable;

/* ---- fastplan.c ---- */
/* Decides when the pipe is planned; false: out of memory. */
bool sl_fast_plan(sl_plan *p, const sl_select *s);
/* After the select list is bound: what is read after the aggregates. */
bool sl_fast_needs(sl_plan *p, const sl_select *s);

/* ---- fastacc.c ---- */
typedef struct sl_atime {
    const int64_t *by; /* by row; NULL: rows come in order */
    bool mixed;        /* some may be earlier than rows that are there */
} sl_atime;
uint32_t sl_acc_times(uint8_t kind); /* bytes, for rows in any order */
uint32_t sl_acc_size(uint8_t kind, bool merges);
/* The kind for a call, SL_ACC_NONE when there is none. */
uint8_t sl_acc_kind_of(const sl_pcall *c, bool *skip);
/* bytes: what accumulators hold elsewhere is counted there. Those that return bool say false when memory was out. */
/* Takes the values of rows[i] into the slot at[i]; col: a register, or a constant. */
bool sl_acc_column(const sl_fagg *a, sl_fslot *const *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_atime when, sl_arena *tmp, size_t *bytes);
/* All into one slot. */
bool sl_acc_rows(const sl_fagg *a, sl_fslot *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_atime when, sl_arena *tmp, size_t *bytes);
/* acc first, later behind it. */
bool sl_acc_merge(const sl_fagg *a, void *acc, const void *later, size_t *bytes);
/* The value; an error as sl_call_fail gives it, or as bare ERROR. */
sl_value sl_acc_result(sl_call *c, const sl_fagg *a, const void *acc);
/* The values of n slots, where they are plain numbers; others become ERROR and are to be asked for one by one. Gives how many. */
uint32_t sl_acc_results(const sl_fagg *a, sl_fslot *const *at, uint32_t n, sl_value *to);
void sl_acc_free(const sl_fagg *a, void *acc, size_t *bytes);
void sl_acc_save(const sl_fagg *a, const void *acc, sl_buf *out);
sl_err *sl_acc_load(const sl_fagg *a, void *acc, sl_arena *tmp, sl_str *at, size_t *bytes);
static inline void *sl_acc_at(const sl_fslot *s, uint32_t at) { return (char *)(uintptr_t)(s + 1) + at; }

/* ---- fastwin.c ---- */
/* Of a plan with several panes only. */
static inline sl_flinks *sl_fslot_links(const sl_fplan *p, const sl_fslot *s) { return sl_acc_at(s, p->size); }
static inline sl_fslot *sl_fslot_older(const sl_fplan *p, const sl_fslot *s) { return p->multi ? sl_fslot_links(p, s)->older : NULL; }
static inline sl_fslot *sl_fslot_newer(const sl_fplan *p, const sl_fslot *s) { return p->multi ? sl_fslot_links(p, s)->newer : NULL; }
void sl_ftable_init(sl_ftable *t, const sl_fplan *plan, uint32_t ndims, size_t *bytes);
void sl_ftable_end(sl_ftable *t);
static inline sl_fpane *sl_fpane_at(const sl_ftable *t, uint32_t i) { return &t->panes[(t->head + i) & (t->cappanes - 1)]; }
/* The newest pane, if it is the one at `at` (or later); else a new one. NULL: out of memory. */
sl_fpane *sl_ftable_pane(sl_ftable *t, int64_t at);
/* Gives up the n oldest panes. false: out of memory. */
bool sl_ftable_drop(sl_ftable *t, uint32_t n);
/* Gives up the panes before `at`. */
bool sl_ftable_until(sl_ftable *t, int64_t at);
/* Gives back what idle groups and slots hold, when it is much more than `live` groups need, as many as were told last. */
void sl_ftable_tidy(sl_ftable *t, uint32_t live);
/* The slot of a group in the newest pane, made when new. NULL: out of memory. */
sl_fslot *sl_ftable_slot(sl_ftable *t, sl_fgroup *g, const sl_fkey *key);
/* The same for the group and key of a slot that is not of the newest pane. */
sl_fslot *sl_ftable_again(sl_ftable *t, sl_fslot *s);
/* Has the group a slot? */
static inline bool sl_fgroup_live(const sl_ftable *t, const sl_fgroup *g) { return g->tail && (t->plan->multi || g->tail->item.epoch == t->epoch); }
/* The accumulators of a group over all panes: its own, or merged into tmp (room for plan->size, emptied here; sl_ftable_done releases). */
const void *sl_ftable_total(const sl_ftable *t, const sl_fgroup *g, void *tmp, bool *ok);
/* Of a live group: what sl_ftable_total reads is asked for. */
void sl_fgroup_soon(const sl_ftable *t, const sl_fgroup *g);
void sl_ftable_done(const sl_ftable *t, const void *total, void *tmp);
void sl_fpane_fail(sl_ftable *t, sl_fpane *p, uint32_t stage, int64_t when, const char *head, sl_str text);
/* Several panes: live groups in order of their first rows; room for t->live. */
void sl_ftable_order(const sl_ftable *t, sl_fgroup **out, sl_fgroup **tmp);
/* Reads one number of saved state. */
sl_err *sl_fast_get(sl_arena *a, sl_str *at, int64_t *v);
void sl_ftable_save(const sl_ftable *t, uint32_t ncells, sl_buf *out);
sl_err *sl_ftable_load(sl_ftable *t, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at);

/* ---- fastkey.c ---- */
/* The key of items v[ndims] (no ERROR among them), with its group; made when new. NULL: out of memory. */
sl_fkey *sl_fast_key(sl_ftable *t, const sl_value *v, sl_arena *tmp, sl_buf *text);
/* Of n rows (at most SL_FAST_ROWS): the places of their keys in the table, UINT32_MAX when one is not there or not plain, and the last slots of their groups
 * with the very same key, NULL: ask by key. Places hold until `moved` changes. Gives how many slots are not those in the newest pane. The table must have been
 * asked before. */
uint32_t sl_fast_keys(const sl_ftable *t, const sl_run *run, const sl_block *dims, const uint32_t *rows, uint32_t n, uint32_t *places, sl_fslot **slots);
/* The slot of the key at this place in the newest pane is s. */
void sl_fast_known(sl_ftable *t, uint32_t place, const sl_fslot *s);
/* The key as an item. */
sl_fitem sl_fast_item(const sl_ftable *t, const sl_fkey *k);
/* The other way round, for a single key; text: room for 16 bytes. false: an item does not say all of it. */
bool sl_fast_value(const sl_fitem *x, sl_value *v, char *text);
/* Slots have moved. */
void sl_fast_forget(sl_ftable *t);
size_t sl_fast_table_bytes(const sl_ftable *t);
size_t sl_fast_key_bytes(const sl_ftable *t, const sl_fkey *k);
size_t sl_fast_group_bytes(const sl_ftable *t, const sl_fgroup *g); /* without its keys */
static inline sl_str sl_fast_packed(const sl_ftable *t, const sl_fkey *k) { return (sl_str){k->npacked ? (const char *)&k->at[t->ndims] : NULL, k->npacked}; }
void sl_fast_rehash(sl_ftable *t); /* after groups were taken away; memory is there */
void sl_fast_group_free(sl_fgroup *g);

/* ---- fastahead.c ---- */
typedef struct sl_fahead { /* a pane that the watermark has not passed */
    int64_t at;            /* its number */
    int64_t most;          /* the largest time in it */
    sl_ftable t;           /* with this pane alone */
} sl_fahead;
typedef struct sl_faheads {
    sl_fahead **at; /* by number */
    uint32_t n, cap, nspare;
    sl_fahead *spare[2]; /* emptied; they know their groups */
    sl_fplan plan;       /* of their tables: as that of the window, for a single pane */
    uint32_t ndims;
    size_t *bytes;
} sl_faheads;
static inline int64_t *sl_fslot_since(const sl_fplan *p, const sl_fslot *s) { return sl_acc_at(s, p->since); }
void sl_faheads_end(sl_faheads *h);
/* The pane of that number, made when new. NULL: out of memory. */
sl_fahead *sl_fahead_at(sl_faheads *h, int64_t number);
/* The slots of the pane come into order of their first rows. */
void sl_fahead_sort(sl_fahead *p);
/* The oldest pane goes on to the end of t, in order. false: out of memory. */
bool sl_fahead_move(sl_faheads *h, sl_ftable *t);
/* Gives up the oldest pane. */
bool sl_fahead_drop(sl_faheads *h);
void sl_faheads_save(const sl_faheads *h, uint32_t ncells, sl_buf *out);
sl_err *sl_faheads_load(sl_faheads *h, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at);

/* ---- fastdrive.c ---- */
typedef struct sl_fast sl_fast;
typedef struct sl_fastrows { /* rows that passed the first program, in order of time, or of arrival where they run ahead */
    sl_run *run;             /* program `rows`, with the columns set */
    const uint32_t *at;
    uint32_t n;
    bool all;                                   /* at is 0 … n-1 */
    const int64_t *time;                        /* by row */
    const bool *trigger;                        /* by place in at; NULL: all */
    bool moves;                                 /* where they run ahead: the watermark follows the largest of their times */
    int64_t late;                               /* at this distance */
    uint64_t seq;                               /* they came as this and the following */
    const bool *begin, *emit;                   /* state windows, by place */
    const sl_str *part;                         /* by place; NULL: one partition */
    sl_krow *(*first)(void *arg, uint32_t row); /* a kept row of the cells that are needed */
    void *arg;
} sl_fastrows;
sl_fast *sl_fast_new(sl_pipes *r, int64_t start_ms);
void sl_fast_free(sl_fast *f);
bool sl_fast_rows(sl_fast *f, const sl_fastrows *rows);
int64_t sl_fast_next(const sl_fast *f);
bool sl_fast_tick(sl_fast *f, int64_t now_ms);
bool sl_fast_mark(sl_fast *f, int64_t watermark);
/* The least watermark at which something comes out, INT64_MIN when that is not known. */
int64_t sl_fast_due(const sl_fast *f);
/* Do rows enter now before the watermark reaches them? */
bool sl_fast_ahead(const sl_fast *f);
size_t sl_fast_bytes(const sl_fast *f);
bool sl_fast_passes(const sl_fast *f); /* holds it what leaves by the clock alone? */
void sl_fast_save(const sl_fast *f, sl_buf *out);
sl_err *sl_fast_load(sl_fast *f, sl_str *at);

/* ---- fastemit.c ---- */
void sl_fast_emit(sl_pipes *r, sl_ftable *t, int64_t start, int64_t end);
#endif
