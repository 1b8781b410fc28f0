/* What binding (bind.c), planning (plan.c) and running (exec.c) share. For the room's own use. */
#ifndef SL_SQL_PLANNER_H
#define SL_SQL_PLANNER_H
#include "base/map.h"
#include "sql/expr.h"
#include "sql/plan.h"

/* Sum of the heights of expressions that stand on one another through aliases: walkers recurse. */
#define SL_PLAN_HEIGHT 4000
#define SL_PLAN_COPIES 65536  /* how often one value may stand in another through aliases of aliases */
#define SL_PLAN_COLUMNS 60000 /* of one source, and of the result */

typedef struct sl_psource {
    sl_plan_source pub;
    sl_str alias;
    const sl_create *def; /* lent, only while planning */
    bool schemaless, lookup;
    int64_t retain; /* scan table: rows kept */
    bool star;      /* * or s.* shows all its columns */
    sl_map *cols;   /* name -> position + 1, only while planning */
    sl_str *names;
    uint32_t n, cap;
} sl_psource;

typedef enum sl_pkind { SL_P_COLUMN, SL_P_EXPR, SL_P_ALIAS, SL_P_STAR } sl_pkind;
typedef struct sl_pfield {
    sl_pkind kind;
    bool visible;
    bool replace; /* item of * REPLACE */
    sl_expr *expr;
    sl_str name;   /* output column */
    int32_t alias; /* number of the alias, -1 none */
    bool cols;     /* changed_cols: no column of its own */
    sl_block block;
    sl_str fail; /* what stands before the cause of a failure */
} sl_pfield;

/* The register space shared by all programs of a plan: columns of all sources, then what is written by somebody else and read as columns. */
typedef struct sl_regs {
    uint32_t *base;                    /* [nsrc] first register of a source */
    uint32_t ncol;                     /* columns of all sources */
    uint32_t ana, star, agg, wf, trig; /* first register of analytic values, row objects, aggregates, row numbers, dedup_trigger */
    uint32_t total;
} sl_regs;
typedef struct sl_pcall { /* a call whose value is provided: analytic, aggregate, row_number */
    const sl_func *func;
    const sl_expr *expr; /* the bound call */
    sl_block *args;      /* [nargs], in the program that evaluates it */
    uint32_t nargs;
    sl_block when; /* OVER (WHEN …) */
    bool has_when;
    sl_block *part; /* OVER (PARTITION BY …) */
    uint32_t npart;
    sl_block *order; /* row_number: OVER (… ORDER BY …) */
    bool *desc;
    uint32_t norder;
    sl_str *names; /* changed_cols: of the arguments behind the second; dedup_trigger: of the columns */
    sl_str alias;  /* changed_cols: its columns come in an object of this name; empty: as columns of the row */
    bool hidden;   /* changed_cols: INVISIBLE */
    bool in_where; /* aggregate computed over the whole collection before WHERE */
} sl_pcall;
typedef struct sl_pstar { /* a row object that some function takes */
    const sl_expr *expr;  /* WILDCARD, with EXCEPT and REPLACE */
    sl_block *replace;    /* [expr->nreplace] */
} sl_pstar;
typedef struct sl_pipe sl_pipe;

struct sl_plan {
    _Atomic uint32_t refs;
    sl_arena *a;
    sl_plan_opts opts;
    sl_psource *src;
    uint32_t nsrc;
    sl_expr *where;
    sl_pfield *fields; /* select list, REPLACE items behind their * */
    uint32_t nfields;
    uint32_t *order; /* fields in the order of evaluation: expressions as written, then aliases by dependency */
    uint32_t norder;
    uint32_t *alias_at; /* alias -> field, in the order written */
    uint32_t *alias_order;
    uint32_t nalias;
    uint32_t *alias_rank;
    bool star;
    const sl_str *except;
    uint32_t nexcept;
    int64_t limit;
    sl_regs regs;
    sl_pcall *ana, *agg, *wf; /* inner ones first */
    uint32_t nana, nagg, nwf;
    sl_pcall *cols; /* changed_cols: fields that become several columns */
    uint32_t ncols;
    sl_pcall *trig; /* dedup_trigger: rows wait in front of the select list */
    uint32_t ntrig;
    sl_pstar *stars;
    uint32_t nstars;
    sl_pipe *pipe; /* NULL: exec.c alone runs the statement */
    sl_prog prog;
    sl_block *cond; /* WHERE, split at AND where that changes nothing */
    uint32_t ncond;
    const sl_layout *out; /* without a wildcard: the output columns */
    sl_str *outnames;
    uint32_t nout;
    uint32_t *outfield;           /* output column -> field; UINT32_MAX: the metadata */
    sl_select *bound;             /* the bound copy of the statement, for explain */
    const struct sl_quick *quick; /* NULL: the statement is not that simple */
};
/* quick.c. make: after the plan is complete; NULL when it is not simple. run: 1 done, 0 take the long way (nothing was changed), -1 out of memory. */
typedef struct sl_quick sl_quick;
const sl_quick *sl_quick_make(sl_plan *p);
void sl_quick_warm(const sl_quick *q, int step);
int sl_quick_run(const sl_quick *q, const sl_view *in, sl_exec_stats *filter, sl_exec_stats *project, sl_batch **out);

/* Binds the statement `s` (already a copy in p->a) and fills sources, fields, aliases, where. */
sl_err *sl_bind(sl_plan *p, sl_select *s, sl_lookup_def find, void *arg);
/* Binds one expression to the columns of p's only source, without aliases. */
sl_err *sl_bind_expr(sl_plan *p, sl_expr *e);
/* What upstream refuses at planning and what is not built yet. After sl_bind. */
sl_err *sl_plan_options(const sl_plan *p, const sl_select *s); /* options that do not go with the statement, before any name is looked up */
sl_err *sl_plan_joins(const sl_plan *p, const sl_select *s);   /* streams are joined in a window only */
sl_err *sl_plan_check(sl_plan *p, const sl_select *s);
/* Finds the STRUCT columns that are used by their members only: fills pub.narrowed. After sl_bind, while the definitions are lent. */
void sl_prune(sl_plan *p, const sl_select *s);
/* Finds the columns that a window need not keep: fills pipe->later. After compiling. */
void sl_prune_kept(sl_plan *p, const sl_select *s);
/* Finds the calls whose values are provided and gives them numbers (b_slot). After sl_bind. */
sl_err *sl_plan_calls(sl_plan *p, const sl_select *s);
/* Prepares a program of the plan and its compiler; false: out of memory. */
bool sl_plan_comp(sl_plan *p, sl_prog *prog, sl_comp *c);
/* Compiles the parts of a provided call. */
void sl_plan_call(sl_comp *c, sl_pcall *call);
/* Splits e at AND where that changes nothing; *out in the plan's memory. */
uint32_t sl_plan_conditions(sl_plan *p, sl_comp *c, const sl_expr *e, sl_block **out);
/* Header of saved state: version and identity of the plan. */
void sl_plan_identity(const sl_plan *p, sl_buf *out);
void sl_state_head(const sl_plan *p, sl_buf *out);
sl_err *sl_state_head_check(const sl_plan *p, sl_str *at);
/* Position of a column of source i, added when new. -1: out of memory. */
int sl_plan_column(sl_plan *p, uint32_t i, sl_str name);
#endif
