/* SQL functions: one table row each. From the same row come parsing checks, binding errors, /metadata/functions, the reference
 * page, completion, and a test that runs every example. The lexer knows no function name. */
#ifndef SL_SQL_FUNC_H
#define SL_SQL_FUNC_H
#include "sql/ast.h"
#include "sql/keep.h"

typedef enum sl_fkind { SL_FN_SCALAR, SL_FN_AGG, SL_FN_ANALYTIC, SL_FN_WINDOW, SL_FN_SRF, SL_FN_COLS, SL_FN_STATE, SL_FN_META, SL_FN_TRIGGER } sl_fkind;
typedef struct sl_call sl_call;
/* What a running call can see. Lent by the evaluator for one call. */
struct sl_call {
    sl_arena *arena; /* results go here; lives at least as long as the batch */
    const sl_func *func;
    sl_str error; /* set by sl_call_fail */
    bool failed;
    int64_t now_ms; /* the lane's clock */
    int64_t row_ms; /* arrival or event time of the row; INT64_MIN: it has none (several rows, outside a window) */
    int64_t win_start, win_end, win_trigger;
    sl_zone zone; /* basic.timezone */
    sl_str rule_id;
    int64_t rule_start_ms;
    void **state; /* per call site, owned by the evaluator; functions without state ignore it */
    const sl_value *row_meta;
    const sl_str *names;      /* COLS: output names of the arguments behind the second */
    const struct sl_env *env; /* keyed state and the like; may be NULL in tests of plain functions */
};
/* What functions read from outside the row; filled by whoever runs the plan. */
struct sl_env {
    void *arg;
    /* External key/value store of get_keyed_state: false when there is none or the key is missing. */
    bool (*keyed)(void *arg, sl_arena *a, sl_str key, sl_value *out);
};
/* Sets the error text (formatted into the arena) and returns an ERROR value. The evaluator puts "call func NAME error: " in front.
 * An eval that returns an ERROR value without calling this (c->failed stays false) means its text to be shown bare (ln, log, sqrt). */
sl_value sl_call_fail(sl_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
typedef sl_value (*sl_fn_eval)(sl_call *c, const sl_value *args, uint32_t n);
/* Evaluation with memory (keep.h). valid: false when OVER (WHEN …) is false for this row: the memory is read, not written. Of a STATE function:
 * whether this evaluation counts as a hit. */
typedef sl_value (*sl_fn_kept)(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool valid);
/* Running form of an aggregate: what fast windows keep instead of rows. An accumulator is `size` bytes, zeroed by the caller before init.
 * The result must be that of the row's eval over the same values in the same order (floats: within rounding). */
typedef struct sl_agg {
    uint32_t size;
    bool commutes;                                                        /* the order of the rows does not matter (but for rounding) */
    bool (*add)(sl_call *c, void *acc, const sl_value *args, uint32_t n); /* false: this kind of value is beyond the running form; use rows */
    bool (*merge)(sl_call *c, void *acc, const void *later);              /* acc first, later behind it */
    bool (*sub)(sl_call *c, void *acc, const sl_value *args, uint32_t n); /* exact inverse of add, or NULL */
    sl_value (*result)(sl_call *c, const void *acc);
    void (*free)(void *acc);                    /* or NULL */
    void (*save)(const void *acc, sl_buf *out); /* packed values */
    bool (*load)(void *acc, sl_arena *tmp, sl_str *at);
} sl_agg;
/* The same over all rows of a batch whose arguments are of one kind each (vec.h). False: not for such kinds, or some row's result is null or an error; then
 * eval is asked, row by row. Only of functions that are PURE and have no memory. */
typedef struct sl_dense sl_dense;
typedef bool (*sl_fn_dense)(sl_dense *d);
/* Parse-time check of the argument expressions: NULL when fine, else the text after "validate function NAME error: " (memory from a). */
typedef const char *(*sl_fn_check)(sl_arena *a, sl_expr **args, uint32_t n);

enum {
    SL_FN_NULLGATE = 1, /* any argument nil, or an empty array or object: the result is null and eval is not called */
    SL_FN_PURE = 2,     /* same arguments, same result: may be folded and shared */
    SL_FN_STAR = 4,     /* takes * */
    SL_FN_HIDDEN = 8,
    SL_FN_FALSEGATE = 16, /* as NULLGATE, the result is false */
    SL_FN_ZEROGATE = 32   /* as NULLGATE, the result is 0 */
};
struct sl_func {
    const char *name; /* lower case */
    uint8_t kind, flags;
    int8_t min, max;                         /* arguments; max -1 = any. For readers; sl_func_validate uses them only for rows without check */
    sl_fn_check check;                       /* the whole check, count included; or NULL: min/max with the common texts */
    sl_fn_eval eval;                         /* scalar */
    void (*state_free)(void *state);         /* set: *c->state is kept per call site and freed with this; a SCALAR row with it only caches */
    const char *sig, *doc, *example, *gives; /* "(n number) -> number"; one sentence; an expression and the JSON it gives */
    const struct sl_agg *agg;                /* AGG: running form, when there is one; `eval` of an AGG row takes one LIST per argument */
    sl_fn_kept kept;                         /* ANALYTIC, STATE, COLS: evaluation with memory */
    sl_fn_dense dense;                       /* SCALAR: over whole batches; or NULL */
};
const sl_func *sl_func_find(sl_str name); /* any case; NULL when unknown */
const sl_func *sl_func_at(size_t i);      /* all, in table order; NULL behind the last */
/* "scalar", "aggregate", … */
const char *sl_func_kind(const sl_func *f);
/* The visible function whose name is nearest to a name that nobody has; NULL when none is near. */
const char *sl_func_near(sl_str name);
/* The parser's check of one call: NULL when fine, else the text after "validate function NAME error: ". */
const char *sl_func_validate(sl_arena *a, const sl_func *f, sl_expr **args, uint32_t n);
/* The null gate: true when it decides the result (then *out is it). */
bool sl_func_gate(const sl_func *f, const sl_value *args, uint32_t n, sl_value *out);
/* Gate, then eval. c->func is set here; c->failed and c->error tell of a failure (the result is then an ERROR value). */
sl_value sl_func_call(sl_call *c, const sl_func *f, const sl_value *args, uint32_t n);

/* ---- for the tables ---- */
/* Upstream's questions about the syntactic form of an argument. */
bool sl_x_is_int(const sl_expr *e);   /* integer literal */
bool sl_x_is_float(const sl_expr *e); /* literal with a fraction */
bool sl_x_is_num(const sl_expr *e);   /* either */
bool sl_x_is_str(const sl_expr *e);   /* string literal */
bool sl_x_is_bool(const sl_expr *e);  /* true, false, or an expression with a boolean operator */
bool sl_x_is_unit(const sl_expr *e);  /* dd hh mi ss ms */
/* The usual checks of arguments, with upstream's texts. */
const char *sl_ck_count(sl_arena *a, uint32_t want, uint32_t n);       /* "Expect n arguments but found k." */
const char *sl_ck_least(sl_arena *a, uint32_t want, uint32_t n);       /* "At least has n argument but found k." */
const char *sl_ck_expect(sl_arena *a, const char *what, uint32_t pos); /* "Expect WHAT type for parameter POS", pos from 1 */
bool sl_x_not_number(const sl_expr *e);                                /* cannot be a number: string literal, boolean, unit */
bool sl_x_not_int(const sl_expr *e);                                   /* not_number or a float literal */
bool sl_x_not_str(const sl_expr *e);                                   /* cannot be text: numeric literal, boolean, unit */
bool sl_x_not_time(const sl_expr *e);                                  /* cannot be an instant: numeric or string literal, boolean */
const char *sl_ck_n1(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_n2(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_i2(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_s1(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_s2(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_s3(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_si(sl_arena *a, sl_expr **args, uint32_t n);
const char *sl_ck_ds(sl_arena *a, sl_expr **args, uint32_t n); /* datetime, string */
const char *sl_ck_d1(sl_arena *a, sl_expr **args, uint32_t n);
/* Display text: text as is, nil as "", the rest as sl_value_print. */
sl_str sl_fn_text(sl_call *c, sl_value v);
/* Go's %v of a value for messages (nil is <nil>), NUL-terminated. */
const char *sl_fn_v(sl_call *c, sl_value v);
#define SL_FN_TEXT ((size_t)64 << 20) /* the longest text that a function makes out of shorter ones: sl_buf.most */
/* A buffer's content as text of the arena; frees the buffer. Fails the call when memory was out. */
sl_value sl_fn_take(sl_call *c, sl_buf *b);
/* A buffer of the arena with room for n bytes, so that a function that knows its size writes without malloc. Never write more, never free it;
 * p is NULL when memory is out. */
sl_buf sl_fn_room(sl_call *c, size_t n);
/* float64 to int64 as Go on amd64: truncated, out of range and NaN give the smallest int. */
int64_t sl_go_i64(double d);

/* How often and when a place was reached before: two names each. */
sl_value sl_fn_hit_count(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit);
sl_value sl_fn_hit_time(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit);
/* Each file in sql/func/ ends with one table (last row: name NULL); func.c lists them. */
extern const sl_func sl_funcs_math[], sl_funcs_str[], sl_funcs_conv[], sl_funcs_time[], sl_funcs_array[], sl_funcs_object[], sl_funcs_json[], sl_funcs_hash[], sl_funcs_encode[],
    sl_funcs_misc[], sl_funcs_agg[], sl_funcs_analytic[];
#endif
