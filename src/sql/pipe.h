/* Statements with memory: windows, joins, groups, event time, tables, and what multiplies rows. The stateless ones run in exec.c alone.
 *
 *   rows of a source -> [watermark] -> in: analytic calls, early WHERE, FILTER, OVER (WHEN), state conditions -> window
 *     window fires -> collection of kept rows -> joins -> rows: aggregates of WHERE, WHERE, GROUP BY, arguments of aggregates
 *     -> out: HAVING, row_number, ORDER BY, select list -> LIMIT -> unnest -> frame
 *
 * Decision: three programs (in, rows, out) over one register space: first the columns of all sources, then the values of analytic calls, row
 * objects (for *), aggregates and row numbers. The last four are written by the pipe and read as columns. When nothing is aggregated
 * `rows` is the same program as `out`, so that an alias is computed once per row.
 * For the room's own use. */
#ifndef SL_SQL_PIPE_H
#define SL_SQL_PIPE_H
#include "sql/fastwin.h"
#include "sql/planner.h"
#include "sql/window.h"
#include "sql/wmark.h"

typedef struct sl_pkey { /* left column = right column */
    uint32_t lsrc, lcell, rcell;
} sl_pkey;
typedef struct sl_pjoin {
    sl_jointype type;
    uint32_t src;
    bool has_on, lookup, table;
    sl_block on; /* in the join program */
    /* equality parts of ON: hash join and lookup keys; left side in the registers of the sources so far, right side of src */
    sl_block *left, *right;
    sl_str *key; /* lookup: name of the table's column */
    uint32_t neq;
    sl_block rest; /* ON without the equality parts */
    bool has_rest;
    sl_pkey *cols; /* [neq] when ON is nothing but equalities of plain columns, else NULL: keys are read where they stand */
} sl_pjoin;

typedef struct sl_early {
    sl_block block;
    int32_t src;       /* asked of rows of this source only; -1: of all */
    const sl_expr *of; /* the condition it is a part of, for explain */
} sl_early;
struct sl_pipe {            /* part of the plan; immutable. The program `out` is that of the plan. */
    sl_prog in, rows, join; /* rows is unused unless aggregated */
    sl_early *early;        /* conditions before the window: WHERE and FILTER */
    uint32_t nearly;
    bool where_early; /* all of WHERE is among them */
    sl_fplan running; /* the window as accumulators, where it fits */
    bool incremental; /* results as upstream's incremental windows give them */
    sl_block *where;  /* late WHERE, in `rows` (aggregated) or `out` */
    uint32_t nwhere;
    sl_block when, begin, emit;
    bool has_when;
    sl_block *part; /* of a state window */
    uint32_t npart;
    sl_wspec window;
    bool windowed, aggregated; /* aggregated: one row a group */
    bool many;                 /* collections can go out together: none of their rows, and no memory, decides about another */
    bool looks;                /* all joins are lookups */
    sl_block *dims;
    uint32_t ndims;
    sl_block having;
    bool has_having;
    sl_block *order;
    bool *desc;
    uint32_t norder;
    sl_block *sort; /* in `rows`: ORDER BY of a statement that makes one row of a window sorts the window */
    bool *sort_desc;
    uint32_t nsort;
    uint32_t *prec; /* [nsrc] sources in the order of the joined row: the first that has a name wins */
    sl_pjoin *joins;
    uint32_t njoins;
    uint32_t *ncells; /* [nsrc] cells of a kept row */
    bool **later;     /* [nsrc][columns] read behind the window, the others are kept as ABSENT; NULL: all */
    bool srf;         /* a field gives a list: one row per element */
    uint32_t srf_field;
    int32_t *ts_col; /* [nsrc] event time: position of the timestamp column, -1 for tables */
    sl_str *ts_format;
    const sl_layout *layout; /* of the output; with a wildcard all names that are known */
    uint32_t *field_at;      /* [nfields] column of a field in it, UINT32_MAX none */
    uint32_t **star_at;      /* [nsrc][n] column of a source's column in it */
};

/* Does this bound statement need a pipe? */
bool sl_pipe_wanted(const sl_plan *p, const sl_select *s);
/* Compiles everything behind binding. p->pipe is set. */
sl_err *sl_pipe_plan(sl_plan *p, const sl_select *s);
/* Compiles what shares the program of the select list, before it: late WHERE, HAVING, ORDER BY. */
void sl_pipe_front(sl_plan *p, sl_comp *c, const sl_select *s);
/* The output's layout. */
sl_err *sl_pipe_output(sl_plan *p);
void sl_pipe_free(sl_pipe *k);

/* ---- running ---- */
typedef struct sl_parked sl_parked;
typedef struct sl_dedup sl_dedup;
struct sl_pipes { /* one running pipe */
    sl_plan *p;
    const sl_pipe *k;
    sl_krows rows; /* where kept rows are made */
    sl_win *win;
    sl_fast *fast;
    sl_kq *tables;                   /* [nsrc] rows of scan tables */
    sl_dedup *dedup;                 /* [ntrig] rows that wait for their end */
    sl_parked *parked, *last_parked; /* collections that wait for lookups */
    size_t parked_bytes, nparked;    /* what they hold beside kept rows; how many they are */
    const sl_exec_env *env;
    sl_wm *wm;                                                /* event time */
    uint64_t late;                                            /* rows older than the watermark */
    sl_keeps **ana;                                           /* [nana] memory of analytic calls */
    sl_keeps **cols;                                          /* [ncols] of changed_cols */
    void **state_in, **state_rows, **state_out, **state_join; /* per call site of the programs */
    sl_builder *w;                                            /* the output of this call */
    int64_t start_ms, now_ms;
    uint64_t errors;
    sl_buf last; /* last error */
    int64_t last_ms;
    uint64_t nfiltered, nfailed; /* rows that did not pass the first program */
    uint64_t nin, nfired, nout;  /* rows in, collections fired, frames out */
    bool nomem;                  /* of this call */
    int64_t slice_us, deadline;  /* how long a call may tell windows, and until when this one may (0: not begun); 0: as long as it takes */
    bool slices;                 /* collections depend on nothing but their rows: they may be told in a later call */
    size_t room;                 /* bytes that this instance may hold at all; 0: any number */
    sl_purse purse;              /* what of it this call may take, once that is counted */
    bool counted;
    size_t over;   /* this call wanted to hold so much, more than room; 0: it did not */
    bool draining; /* what waited for lookups goes on */
};
sl_pipes *sl_pipes_new(sl_plan *p, int64_t start_ms);
void sl_pipes_free(sl_pipes *r);
void sl_pipes_run(sl_pipes *r, uint32_t src, const sl_view *in, int64_t now_ms, sl_batch **out, bool *failed);
void sl_pipes_tick(sl_pipes *r, int64_t now_ms, sl_batch **out, bool *failed);
int64_t sl_pipes_next(const sl_pipes *r);
size_t sl_pipes_bytes(const sl_pipes *r);
bool sl_pipes_passes(const sl_pipes *r); /* holds a window rows that leave by the clock alone? */
bool sl_pipes_quiet(const sl_pipes *r);  /* nothing waits for an answer: it can be saved */
void sl_pipes_save(const sl_pipes *r, sl_buf *out);
sl_err *sl_pipes_load(sl_pipes *r, sl_str *at);
/* Memory of call sites: only functions with keeps are saved; others only cache. */
void sl_sites_save(const sl_prog *p, void *const *state, sl_buf *out);
sl_err *sl_sites_load(const sl_prog *p, void **state, sl_str *at);
size_t sl_sites_bytes(const sl_prog *p, void *const *state);
size_t sl_keeps_bytes_all(sl_keeps *const *k, uint32_t n);
void sl_keeps_save_all(sl_keeps *const *k, uint32_t n, sl_buf *out);
sl_err *sl_keeps_load_all(sl_keeps **k, uint32_t n, sl_str *at);

/* As sl_exec_tables (plan.h). */
uint32_t sl_pipes_tables(const sl_pipes *r, sl_buf *out);

/* Inside: */
/* Counts an error event, remembers it, tells it when errors are sent. head goes in front. */
void sl_pipe_error(sl_pipes *r, const char *head, sl_str text);
/* A collection (or, with row set, one row outside windows) through WHERE to the output. tuples: n tuples of `width` rows, one per source (NULL:
 * nothing of that source), or of one row each when width is 1. */
void sl_pipe_emit(sl_pipes *r, sl_krow *const *tuples, uint32_t n, uint32_t width, int64_t start, int64_t end, bool row);
/* Several collections at once, when the plan says `many`: part i ends before tuple upto[i]; those of which nothing is left say nothing. false: something failed,
 * nothing was told; each is to be emitted alone. */
bool sl_pipe_emit_many(sl_pipes *r, sl_krow *const *tuples, const uint32_t *upto, uint32_t nparts, uint32_t width, int64_t start, int64_t end);
/* Points the column registers of a run at the cells of tuples; metadata too. r->tmp has the copies. */
void sl_pipe_load(sl_pipes *r, sl_run *run, sl_krow *const *tuples, uint32_t n, uint32_t width);
/* Scratch memory of this call. */
sl_batch *sl_pipe_scratch(sl_pipes *r);
/* A run of program `prog` over n rows: registers made, everything ABSENT. */
bool sl_pipe_begin(sl_pipes *r, sl_run *run, const sl_prog *prog, void **state, sl_arena *out, sl_arena *tmp, uint32_t n);
/* A run over the rows of another, with its columns. */
bool sl_pipe_begin_like(sl_pipes *r, sl_run *run, const sl_prog *prog, void **state, const sl_run *of);

/* A collection through the joins, then out. */
void sl_join_run(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end, bool row);
/* Takes on what waited for lookups and has its answers. */
void sl_join_drain(sl_pipes *r);
void sl_join_end(sl_pipes *r);
/* A collection waits for a later call; its rows are held. */
void sl_join_later(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end);
/* A collection on its way: joins, then out. */
void sl_pipe_collection(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end);
/* Has this call told windows for long enough? */
bool sl_pipe_late(sl_pipes *r);
/* An error that must not overtake what waits. */
void sl_join_tell(sl_pipes *r, sl_str text);
/* The object that * stands for in a function, of the tuple t. */
sl_value sl_pipe_object(sl_pipes *r, sl_run *run, const sl_pstar *s, sl_krow *const *t, uint32_t width, uint32_t row);

/* ---- analytic calls (analytic.c) ---- */
/* Runs the calls in order over the rows and writes their registers; rows that fail are told and left out of *rows (keep: room for rows->n). */
bool sl_ana_run(sl_run *run, const sl_pcall *calls, uint32_t n, uint32_t first, sl_keeps **keeps, sl_rows *rows, uint32_t *keep,
                void (*fail)(void *arg, uint32_t row, sl_value err), void *arg);
#endif
