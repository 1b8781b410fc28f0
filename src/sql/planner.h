/* What binding (bind.c), planning (plan.c) and running (exec.c) share. For the room's own use. */
#ifndef SL_SQL_PLANNER_H
#define SL_SQL_PLANNER_H
#include "base/map.h"
#include "sql/expr.h"
#include "sql/plan.h"

/* Sum of the heights of expressions that stand on one another through aliases: walkers recurse. */
#define SL_PLAN_HEIGHT 4000

typedef struct sl_psource {
    sl_plan_source pub;
    sl_str alias;
    const sl_create *def; /* lent, only while planning */
    bool schemaless, lookup;
    sl_map *cols;         /* name -> position + 1, only while planning */
    sl_str *names;
    uint32_t n, cap;
} sl_psource;

typedef enum sl_pkind { SL_P_COLUMN, SL_P_EXPR, SL_P_ALIAS, SL_P_STAR } sl_pkind;
typedef struct sl_pfield {
    sl_pkind kind;
    bool visible;
    bool replace; /* item of * REPLACE */
    sl_expr *expr;
    sl_str name;  /* output column */
    int32_t alias; /* number of the alias, -1 none */
    sl_block block;
    sl_str fail;  /* what stands before the cause of a failure */
} sl_pfield;

struct sl_plan {
    _Atomic uint32_t refs;
    sl_arena *a;
    sl_plan_opts opts;
    sl_psource *src;
    uint32_t nsrc;
    sl_expr *where;
    sl_pfield *fields;  /* select list, REPLACE items behind their * */
    uint32_t nfields;
    uint32_t *order;    /* fields in the order of evaluation: expressions as written, then aliases by dependency */
    uint32_t norder;
    uint32_t *alias_at; /* alias -> field, in the order written */
    uint32_t *alias_order;
    uint32_t nalias;
    uint32_t *alias_rank;
    bool star;
    const sl_str *except;
    uint32_t nexcept;
    int64_t limit;
    sl_prog prog;
    sl_block *cond; /* WHERE, split at AND where that changes nothing */
    uint32_t ncond;
    const sl_layout *out; /* without a wildcard: the output columns */
    sl_str *outnames;
    uint32_t nout;
    uint32_t *outfield; /* output column -> field; UINT32_MAX: the metadata */
    sl_select *bound;   /* the bound copy of the statement, for explain */
};

/* Binds the statement `s` (already a copy in p->a) and fills sources, fields, aliases, where. */
sl_err *sl_bind(sl_plan *p, sl_select *s, sl_lookup_def find, void *arg);
/* Binds one expression to the columns of p's only source, without aliases. */
sl_err *sl_bind_expr(sl_plan *p, sl_expr *e);
/* What upstream refuses at planning (sql.md 16.4) and what is not built yet. After sl_bind. */
sl_err *sl_plan_check(sl_plan *p, const sl_select *s);
/* Finds the STRUCT columns that are used by their members only: fills pub.narrowed. After sl_bind, while the definitions are lent. */
void sl_prune(sl_plan *p, const sl_select *s);
/* Position of a column of source i, added when new. -1: out of memory. */
int sl_plan_column(sl_plan *p, uint32_t i, sl_str name);
#endif
