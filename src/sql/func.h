/* SQL functions: one table row each. From the same row come parsing checks, binding errors, /metadata/functions, the reference
 * page, completion, and a test that runs every example. The lexer knows no function name. */
#ifndef SL_SQL_FUNC_H
#define SL_SQL_FUNC_H
#include "sql/ast.h"

typedef enum sl_fkind { SL_FN_SCALAR, SL_FN_AGG, SL_FN_ANALYTIC, SL_FN_WINDOW, SL_FN_SRF, SL_FN_COLS, SL_FN_STATE, SL_FN_META } sl_fkind;
typedef struct sl_call sl_call;
/* What a running call can see. Lent by the evaluator for one call. */
struct sl_call {
    sl_arena *arena;       /* results go here; lives at least as long as the batch */
    const sl_func *func;
    sl_str error;          /* set by sl_call_fail */
    bool failed;
    int64_t now_ms;        /* the lane's clock */
    int64_t row_ms;        /* arrival or event time of the row */
    int64_t win_start, win_end;
    sl_zone zone;          /* basic.timezone */
    sl_str rule_id;
    int64_t rule_start_ms;
    void **state;          /* per call site, owned by the evaluator; functions without state ignore it */
    const sl_value *row_meta;
    const struct sl_env *env; /* keyed state and the like; may be NULL in tests of plain functions */
};
/* Sets the error text (formatted into the arena) and returns an ERROR value. */
sl_value sl_call_fail(sl_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
typedef sl_value (*sl_fn_eval)(sl_call *c, const sl_value *args, uint32_t n);
/* Parse-time check of the argument expressions: NULL when fine, else the text after "validate function NAME error: " (memory from a). */
typedef const char *(*sl_fn_check)(sl_arena *a, sl_expr **args, uint32_t n);

enum {
    SL_FN_NULLGATE = 1, /* a nil first argument (or any, see functions.md 1) gives null without calling eval */
    SL_FN_PURE = 2,     /* same arguments, same result: may be folded and shared */
    SL_FN_STAR = 4,     /* takes * */
    SL_FN_HIDDEN = 8
};
struct sl_func {
    const char *name; /* lower case */
    uint8_t kind, flags;
    int8_t min, max;   /* arguments; max -1 = any. Checked by the common text "Expect N arguments but found M." unless check does it */
    sl_fn_check check; /* or NULL */
    sl_fn_eval eval;   /* scalar */
    void (*state_free)(void *state);
    const char *sig, *doc, *example, *gives; /* "(n number) -> number"; one sentence; an expression and the JSON it gives */
    const struct sl_agg *agg; /* AGG: see issue of the language */
};
const sl_func *sl_func_find(sl_str name);            /* any case; NULL when unknown */
const sl_func *sl_func_at(size_t i);                 /* all, in table order; NULL behind the last */
/* Common checks for the tables. */
bool sl_x_is_str(const sl_expr *e);   /* could the literal kind be a string: upstream's IsStringArg etc. (functions.md 1) */
/* Each file in sql/func/ ends with one table; func.c lists them. */
extern const sl_func sl_funcs_math[], sl_funcs_str[], sl_funcs_conv[], sl_funcs_time[], sl_funcs_array[], sl_funcs_object[],
    sl_funcs_json[], sl_funcs_hash[], sl_funcs_misc[];
#endif
