/* The syntax tree. Nodes live in the arena of the statement; every node knows where in the text it stands. One node type for
 * expressions with a union, so that walkers are one switch. The parser resolves nothing but what the grammar needs (functions
 * exist, argument checks); names are bound by bind.c, which fills the `b_` fields. */
#ifndef SL_SQL_AST_H
#define SL_SQL_AST_H
#include "data/json.h" /* sl_type, sl_field */
#include "data/value.h"

#define SL_SQL_TEXT (1u << 20) /* bytes of one statement */
#define SL_SQL_NESTING 256     /* brackets, calls, CASE, types within each other */
#define SL_SQL_HEIGHT 2000     /* of one expression tree: a chain of that many operators; walkers may recurse */

typedef struct sl_expr sl_expr;
typedef struct sl_func sl_func;
typedef struct sl_window sl_window;
typedef enum sl_xkind {
    SL_X_LITERAL,  /* value: INT (GOINT never), FLOAT, STRING, BOOL; NULL = a window function outside GROUP BY */
    SL_X_TIMEUNIT, /* DD HH MI SS MS; op = the letter pair index 0..4 */
    SL_X_WILDCARD, /* except, replace */
    SL_X_COLUMN,   /* source (may be ""), name */
    SL_X_META,     /* inside meta()/mqtt(): source, name */
    SL_X_CALL,     /* func, args, over */
    SL_X_BINARY,   /* op, l, r */
    SL_X_PAREN,    /* l */
    SL_X_MEMBER,   /* l -> name (also .name); r (name "") when the right side is no name: an error of every row, as upstream */
    SL_X_INDEX,    /* l [ r ] */
    SL_X_SLICE,    /* l [ args[0] : args[1] ], either may be NULL */
    SL_X_BETWEEN,  /* l, args[0], args[1]; negated */
    SL_X_IN,       /* l, args (list) or r (single operand without parentheses); negated */
    SL_X_LIKE,     /* l, r; negated */
    SL_X_CASE,     /* l = operand or NULL; args = when0, then0, when1, then1 …; r = else or NULL */
    SL_X_SLOT      /* planner: a value computed elsewhere (alias, analytic, common sub-expression); slot */
} sl_xkind;
typedef enum sl_op { /* binary operators */
                     SL_OP_NONE,
                     SL_OP_ADD,
                     SL_OP_SUB,
                     SL_OP_MUL,
                     SL_OP_DIV,
                     SL_OP_MOD,
                     SL_OP_BAND,
                     SL_OP_BOR,
                     SL_OP_BXOR,
                     SL_OP_AND,
                     SL_OP_OR,
                     SL_OP_EQ,
                     SL_OP_NE,
                     SL_OP_LT,
                     SL_OP_LE,
                     SL_OP_GT,
                     SL_OP_GE
} sl_op;
extern const char *const sl_op_text[]; /* "+", … "AND", "=", indexed by sl_op */

typedef struct sl_sort {
    sl_expr *expr;
    bool desc;
} sl_sort;
typedef struct sl_over { /* OVER (…) of a call */
    sl_expr **partition;
    uint32_t npartition;
    sl_expr *when;
    sl_sort *order;
    uint32_t norder;
} sl_over;
typedef struct sl_selfield {
    sl_expr *expr;
    sl_str alias; /* "" without AS */
    sl_str name;  /* output column name */
    bool invisible;
    uint32_t pos;
} sl_selfield;

struct sl_expr {
    uint8_t kind, op;
    bool negated;
    uint16_t height;   /* of the tree below, at least 1; the parser bounds it by SL_SQL_HEIGHT */
    uint32_t pos, len; /* span in the statement text */
    sl_str source, name;
    sl_value value;
    sl_expr *l, *r;
    sl_expr **args;
    uint32_t nargs;
    const sl_func *func; /* CALL: table row, set by the parser; NULL for user functions */
    sl_over *over;       /* CALL */
    sl_str *except;      /* WILDCARD */
    uint32_t nexcept;
    sl_selfield *replace;
    uint32_t nreplace;
    /* binder's */
    int b_col;   /* COLUMN: position among the columns of its source, -1 = not yet bound */
    int b_src;   /* COLUMN, META: source; -1 = the first one of the joined row that has it */
    int b_slot;  /* CALL with state, or SLOT */
    void *b_aux; /* compiled pattern, … */
};

typedef enum sl_wkind { SL_W_NONE, SL_W_TUMBLING, SL_W_HOPPING, SL_W_SLIDING, SL_W_SESSION, SL_W_COUNT, SL_W_STATE } sl_wkind;
struct sl_window {
    sl_wkind kind;
    uint8_t unit;                    /* 0 DD 1 HH 2 MI 3 SS 4 MS */
    int64_t length, interval, delay; /* in units (count: rows); interval: hop, timeout or step */
    sl_expr *begin, *emit;           /* state window */
    sl_expr *filter, *when;
    sl_expr **partition;
    uint32_t npartition;
    uint32_t pos, len; /* of the call, without FILTER and OVER */
};
typedef enum sl_jointype { SL_JOIN_INNER, SL_JOIN_LEFT, SL_JOIN_RIGHT, SL_JOIN_FULL, SL_JOIN_CROSS } sl_jointype;
typedef struct sl_source_ref {
    sl_str name, alias;
    uint32_t pos;
} sl_source_ref;
typedef struct sl_join {
    sl_jointype type;
    sl_source_ref src;
    sl_expr *on;
} sl_join;
typedef struct sl_select {
    sl_selfield *fields;
    uint32_t nfields;
    sl_source_ref from;
    sl_join *joins;
    uint32_t njoins;
    sl_expr *where;
    sl_expr **dims; /* GROUP BY without the window */
    uint32_t ndims;
    sl_window *window;
    sl_expr *having;
    sl_sort *order;
    uint32_t norder;
    int64_t limit; /* -1 = none */
    sl_str text;   /* the whole statement, which positions count in; forgotten once the plan is made */
} sl_select;

typedef struct sl_stream_opts { /* WITH (…): text options, "" = not given */
    sl_str datasource, format, schemaid, delimiter, key, type, conf_key, extra, timestamp, timestamp_format, retain_size_text, kind, version;
    int64_t retain_size;
    bool shared, strict, temp;
    bool shared_set, strict_set, temp_set; /* the option was written */
} sl_stream_opts;
typedef struct sl_create {
    bool table;
    sl_str name;
    sl_field *fields;
    uint32_t nfields;
    bool schemaless; /* no column was declared */
    sl_stream_opts opts;
} sl_create;

typedef enum sl_stkind { SL_ST_NONE, SL_ST_SELECT, SL_ST_CREATE, SL_ST_SHOW, SL_ST_DESCRIBE, SL_ST_EXPLAIN, SL_ST_DROP } sl_stkind;
typedef struct sl_stmt {
    sl_stkind kind;
    sl_str text; /* copied into the arena */
    sl_select *select;
    sl_create *create;
    bool table; /* SHOW TABLES, DROP TABLE … */
    sl_str name;
    uint32_t name_pos;
} sl_stmt;
#endif
