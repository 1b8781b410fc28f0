/* The inside of the generator: what its two halves (expressions; schemas, clauses and rows) know of each other. */
#ifndef SL_TESTS_RANDOM_GEN_H
#define SL_TESTS_RANDOM_GEN_H
#include "random.h"
#include "sql/func.h"

typedef enum ty { T_INT, T_NUM, T_STR, T_BOOL, T_LIST, T_MAP, T_TIME, T_BYTES, T_ANY } ty;
typedef struct col {
    const char *name;
    ty t;
    bool text; /* of keys: "x" instead of 1 */
} col;
typedef struct src {
    const char *name, *called; /* called: in the statement */
    uint32_t def;              /* a stream may stand there twice */
    col cols[10];
    uint32_t ncols;
    bool schemaless, table, lookup;
} src;
typedef struct alias {
    char name[12];
    ty t;
    bool agg, rough, analytic;
} alias;
typedef struct gen {
    rq_case *c;
    rq_rnd *r;
    sl_buf b;
    src srcs[RQ_DEFS + 1];
    uint32_t nsrcs;
    uint32_t used[RQ_DEFS + 1], nused; /* of the statement */
    alias aliases[8];
    uint32_t naliases, calls;
    bool windowed, grouped, sliding;
    int64_t unit; /* of the window, ms */
    bool tame;    /* types fit and nulls are rare: most rows come through */
    bool usual;   /* what most people write: aggregates of columns, short arithmetic */
    /* of the place that is being written */
    bool aggs;     /* aggregates may stand here */
    bool inside;   /* inside of an aggregate */
    bool analytic; /* analytic calls may stand here */
    bool rough;    /* a sum's last bits may show here */
    bool decimals; /* floats of the rows are no binary fractions */
    bool saw_agg, saw_rough, saw_analytic;
} gen;

/* One expression of about that type. */
void gen_expr(gen *g, ty t, int depth);
void gen_likely(gen *g);
void gen_column(gen *g, ty t);
void gen_agg(gen *g, ty t, int depth);
void gen_call(gen *g, const sl_func *f, int depth);
const sl_func *gen_func(gen *g, sl_fkind kind, ty t);
static inline void gen_put(gen *g, const char *s) { sl_buf_puts(&g->b, s); }
static inline uint32_t gen_n(gen *g, uint32_t n) { return rq_n(g->r, n); }
static inline bool gen_p(gen *g, uint32_t percent) { return rq_p(g->r, percent); }
/* Is this text, as the only field, a statement that parses? */
bool gen_parses(const char *expr);
#endif
