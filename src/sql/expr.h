/* Compiled expressions: what the compiler (expr.c) makes, the runner (expr_run.c) executes and the plan strings together.
 * For the room's own use.
 *
 * A register is a column of values indexed by the row number of the batch; the first registers are the referenced columns and
 * point straight into the batch. An instruction works on all active rows (a list of row numbers, or all) before the next one
 * starts. AND, OR, CASE and lazily computed aliases are structured: their conditional parts are sub-programs that run over a
 * shorter list. A failed row has a value of kind SL_ERROR in its register and nothing else stops. */
#ifndef SL_SQL_EXPR_H
#define SL_SQL_EXPR_H
#include "base/err.h"
#include "data/batch.h"
#include "sql/ast.h"
#include "sql/func.h"
#include "sql/vec.h"

/* Cleared memory, or NULL when memory is out, however small the piece: what is built here is full of pointers, and the garbage page
 * that an arena hands out in its last need must not be taken for them. */
static inline void *sl_zero(sl_arena *a, size_t n) {
    void *p = sl_arena_zero(a, n);
    return sl_arena_failed(a) ? NULL : p;
}

typedef enum sl_iop {
    SL_I_ARITH,   /* dst = a sub b (+ - * / % & | ^) */
    SL_I_CMP,     /* dst = a sub b */
    SL_I_LOGIC,   /* dst = a AND/OR block x */
    SL_I_MEMBER,  /* dst = a -> text */
    SL_I_INDEX,   /* dst = a[b] */
    SL_I_SLICE,   /* dst = a[b:c]; SL_NOREG = open end */
    SL_I_BETWEEN, /* dst = a between b and c */
    SL_I_INLIST,  /* dst = a in (args) */
    SL_I_INVAL,   /* dst = a in b */
    SL_I_LIKE,    /* dst = a like b; aux = compiled pattern or NULL */
    SL_I_CASE,    /* dst = result of the first of whens that holds; a = operand or SL_NOREG */
    SL_I_CALL,    /* dst = func(args) */
    SL_I_META,    /* dst = metadata member text, or all of it when text is empty */
    SL_I_ALIAS,   /* dst = block x where dst is not yet computed */
    SL_I_FIRST    /* dst = the first of args that is not absent */
} sl_iop;

#define SL_NOREG INT32_MIN
/* Marks a row of an alias register that has not been computed. Never leaves the runner. */
#define SL_UNSET 0xFE

typedef struct sl_insn sl_insn;
typedef struct sl_block { /* straight-line code, result in `res` (register, or constant ~i) */
    const sl_insn *code;
    uint32_t n;
    int32_t res;
} sl_block;
struct sl_insn {
    uint8_t op, sub;
    bool negated;
    int32_t dst, a, b, c;
    sl_block x;
    const int32_t *args;
    const sl_block *whens; /* CASE: condition, result, condition, result …; the ELSE at [2 * nargs] */
    uint32_t nargs;
    uint32_t site; /* CALL: number of the call site; META: source + 1, 0 = the first that has metadata */
    sl_str text;
    const void *aux; /* SLICE: the text of its end (sl_str), `text` being that of its start */
};
typedef struct sl_prog {
    sl_value *consts;
    uint32_t nconst, capconst;
    uint32_t ncol, nreg; /* registers 0 … ncol-1 are columns */
    uint32_t nsite;
    const sl_func **sites; /* [nsite] */
    uint32_t capsite;
    bool counters;      /* a call counts how often it is reached: conditions run row by row */
    int32_t *alias_reg; /* [nalias] where the value is */
    bool *alias_lazy;   /* [nalias] the register starts UNSET */
    uint32_t nalias;
    bool *lasting; /* [nreg] results of the statement; may be NULL */
} sl_prog;

/* ---- compiling ---- */
typedef struct sl_comp sl_comp;
struct sl_comp {
    sl_arena *a;
    sl_prog *p;
    sl_insn *code; /* of the block being built */
    uint32_t n, cap;
    sl_expr **alias_expr; /* [nalias] */
    uint8_t *alias_state; /* 0 not computed, 1 perhaps, 2 computed on all rows that get here */
    sl_insn **alias_insn; /* [nalias] computes it on demand; NULL until somebody needs that */
    uint32_t depth;       /* > 0: inside a conditional part */
    sl_zone zone;
    /* Where a column is; NULL: its position is its register. */
    int32_t (*column)(sl_comp *c, const sl_expr *e);
    /* Register of a call or wildcard whose value somebody else provides, or SL_NOREG; may be NULL. */
    int32_t (*given)(sl_comp *c, const sl_expr *e);
    const void *arg;          /* theirs */
    bool share;               /* what was computed for all rows that get here is not computed again */
    struct sl_shared *shared; /* sl_comp_end frees it */
    uint32_t nshared, capshared;
    sl_err *err;
};
void sl_comp_end(sl_comp *c); /* only needed after share */
/* Forgets that the value of register dst may be shared: the instruction that makes it may not be run. */
void sl_comp_unshare(sl_comp *c, int32_t dst);
/* Emits SL_I_FIRST over n registers (copied). */
int32_t sl_compile_first(sl_comp *c, const int32_t *regs, uint32_t n);
/* Compiles e (bound: COLUMN has b_col, an alias is a SLOT with b_slot) and returns where its value will be: a register, or ~i for
 * constant i. Errors are latched in c->err. */
int32_t sl_compile(sl_comp *c, const sl_expr *e);
sl_block sl_compile_block(sl_comp *c, const sl_expr *e);
/* The value is true, false or an error whatever the row holds. */
bool sl_x_always_bool(const sl_expr *e);
/* Deep copy into a. */
sl_expr *sl_x_copy(sl_arena *a, const sl_expr *e);

/* ---- running ---- */
typedef struct sl_rows { /* active rows; at = NULL: 0 … n-1 */
    const uint32_t *at;
    uint32_t n;
} sl_rows;
typedef struct sl_run {
    const sl_prog *p;
    sl_arena *out;  /* results: live as long as the output */
    sl_arena *tmp;  /* registers, row lists: until the end of the run */
    sl_value **reg; /* [nreg]; columns set by the caller */
    sl_value **own; /* [nreg] scratch columns, made on first use */
    sl_vec *vec;    /* [nreg] registers as vectors; NULL: none are made in this run */
    sl_rows front;  /* the rows that vectors have places for: all that are active */
    uint32_t nrows; /* rows a register has room for */
    bool lazy;      /* the caller asks for the result of a block with sl_run_boxed() or sl_run_leave(); else sl_run_block() writes its column */
    bool lasting;   /* registers that the program says become part of the output are written to `out`: mostly all rows leave */
    const sl_loops *loops;
    const sl_value *meta;
    const sl_value *const *metas; /* [nmetas] metadata by source, for joined rows; NULL: meta */
    uint32_t nmetas;
    const int64_t *time;
    int64_t at;
    sl_call call;                   /* template: clock, zone, rule */
    void **state;                   /* [nsite] */
    sl_buf buf;                     /* error texts are written here */
    uint64_t errors;                /* error values made so far in this run */
    bool counting;                  /* sl_run_filter is inside itself */
    bool defer;                     /* inside a condition: counters are read; they count when the condition was true */
    uint32_t reached[16], nreached; /* call sites of counters that were read */
    bool quiet;                     /* a plain function that fails gives null: so it is upstream behind a group */
    bool nomem;
} sl_run;
/* What is left of rows, which were listed in keep: all rows are better not listed. */
static inline sl_rows sl_rows_of(sl_rows all, const uint32_t *keep, uint32_t n) { return !all.at && n == all.n ? all : (sl_rows){keep, n}; }
void sl_run_begin(sl_run *r);               /* after p, out, tmp, nrows were set: makes the register tables */
void sl_run_unset(sl_run *r, sl_rows rows); /* marks the lazily computed aliases */
void sl_run_end(sl_run *r);
void sl_run_block(sl_run *r, sl_block b, sl_rows rows);
sl_value *sl_run_scratch(sl_run *r, int32_t dst); /* column that a register is written to; NULL: out of memory (latched) */
/* The value of an operand in row i. */
static inline sl_value sl_run_at(const sl_run *r, int32_t opnd, uint32_t i) { return opnd >= 0 ? r->reg[opnd][i] : r->p->consts[~opnd]; }
/* Frees what call sites remember; s may be NULL. */
void sl_sites_free(const sl_prog *p, void **s);
/* Runs b as a condition: rows for which it is true go to `keep` (room for rows.n), failed ones are told to fail(). */
uint32_t sl_run_filter(sl_run *r, sl_block b, sl_rows rows, uint32_t *keep, void (*fail)(void *arg, uint32_t row, sl_value err), void *arg);

/* ---- all active rows, one kind (expr_dense.c) ---- */
enum { SL_DENSE_LEAST = 8 }; /* fewer rows are not worth a vector */
/* Are these all the active rows? */
static inline bool sl_run_whole(const sl_run *r, sl_rows rows) { return r->vec && rows.n == r->front.n && rows.at == r->front.at; }
/* Is the value of a register known as a vector? */
static inline bool sl_vec_known(const sl_vec *v) { return v->kind != SL_VEC_NONE && v->kind != SL_VEC_MIXED; }
/* Vectors may be made: rows are all that are active, and columns stay as they are from now on. */
void sl_run_dense(sl_run *r, sl_rows rows);
/* From now on these rows (some of those before) are the active ones. */
void sl_run_front(sl_run *r, sl_rows rows);
/* Runs an instruction over all active rows. False: not of such kinds, or some row has an error; nothing was done. */
bool sl_dense_insn(sl_run *r, const sl_insn *in);
/* An operand as a vector; kind MIXED: it cannot be one. Constants are made in *k. */
const sl_vec *sl_run_vec(sl_run *r, int32_t o, sl_vec *k);
/* Writes the column of values of a register that is so far a vector only. */
void sl_run_box(sl_run *r, int32_t o);
/* Makes sure that the column of values of a register is written, as far as it was run. */
void sl_run_boxed(sl_run *r, int32_t reg);
/* The values of a register in the active rows, one behind the other, in memory of r->out; NULL: it is no vector, or memory is out (latched). */
sl_value *sl_run_leave(sl_run *r, int32_t reg);
/* Active rows for which a comparison of a column with a constant holds. False: not of such kinds, or the column is a vector already. */
bool sl_dense_select(sl_run *r, const sl_insn *in, uint32_t *keep, uint32_t *kept);

/* ---- operators on single values (expr_ops.c) ---- */
sl_value sl_op_fail(sl_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
sl_value sl_op_binary(sl_run *r, sl_op op, sl_value x, sl_value y);
sl_value sl_op_member(sl_run *r, sl_value x, sl_str name);
/* An error when the left operand x is a list, map or bytes, else absent. */
sl_value sl_op_unfit(sl_run *r, const char *op, sl_value x);
/* The texts are those of the index or bounds in the statement, for messages. */
sl_value sl_op_index(sl_run *r, sl_value x, sl_value i, sl_str text);
sl_value sl_op_slice(sl_run *r, sl_value x, const sl_value *from, const sl_value *to, sl_str from_text, sl_str to_text);
sl_value sl_op_between(sl_run *r, sl_value x, sl_value lo, sl_value hi, bool negated);
sl_value sl_op_in(sl_run *r, sl_value x, const sl_value *list, uint32_t n, bool negated);
sl_value sl_op_in_value(sl_run *r, sl_value x, sl_value list, bool negated);
sl_value sl_op_call(sl_run *r, const sl_func *f, uint32_t site, uint32_t row, sl_value *args, uint32_t n);
/* Is x = y inside CASE: 1, 0, or -1 with the error in *err. */
int sl_op_case_eq(sl_run *r, sl_value x, sl_value y, sl_value *err);

/* Does x OP y hold, for an operator that compares? */
static inline bool sl_truth_f(sl_op op, double x, double y) {
    switch (op) {
    case SL_OP_EQ: return x == y;
    case SL_OP_NE: return x != y;
    case SL_OP_LT: return x < y;
    case SL_OP_LE: return x <= y;
    case SL_OP_GT: return x > y;
    default: return x >= y;
    }
}

/* Long IN lists of constants of one kind (texts or ints): membership without walking the list. */
typedef struct sl_members sl_members;
const sl_members *sl_members_new(sl_arena *a, const sl_value *at, uint32_t n); /* NULL: not worth it, mixed kinds, or out of memory */
bool sl_members_take(const sl_members *s, sl_value x);                         /* x is of the kind of the members */
bool sl_members_have(const sl_members *s, sl_value x);

/* ---- LIKE (like.c) ---- */
typedef struct sl_like sl_like;
/* Compiles a pattern into a: % any run without line breaks, _ one character, backslash makes the next % _ or \ plain. */
const sl_like *sl_like_new(sl_arena *a, sl_str pattern);
bool sl_like_match(const sl_like *k, sl_str s);
/* The same for n texts: 1 or 0, turned round when negated. */
void sl_like_match_all(const sl_like *k, const sl_value *s, int64_t *d, bool negated, uint32_t n);
sl_value sl_op_like(sl_run *r, sl_value x, const sl_like *compiled, sl_value pattern, bool negated);
#endif
