/* Inside templates: tree, values, function table. */
#ifndef SL_DATA_TPL_TPL_H
#define SL_DATA_TPL_TPL_H
#include "base/regex.h"
#include "data/json.h"
#include "data/template.h"

/* ---- values at run time ----
 * Go's reflection shows in messages and in what nil means, so a value remembers whether it was met as an interface (an element of a map or
 * list). ABSENT is Go's invalid value (a missing key); NULL only occurs as an element. */
typedef struct tval {
    sl_value v;
    bool iface;
} tval;
static inline tval tv_of(sl_value v) { return (tval){v, false}; }
static inline tval tv_none(void) { return (tval){sl_v_absent(), false}; }
static inline tval tv_str(sl_str s) { return tv_of(sl_v_str(s)); }
static inline tval tv_int(int64_t i) { return tv_of(sl_v_goint(i)); } /* Go's int */
static inline tval tv_bool(bool b) { return tv_of(sl_v_bool(b)); }

/* ---- tree ---- */
typedef enum nkind {
    N_TEXT,
    N_ACTION,
    N_IF,
    N_WITH,
    N_RANGE,
    N_BREAK,
    N_CONTINUE,
    N_TEMPLATE, /* in lists */
    N_PIPE,
    N_COMMAND,
    N_DOT,
    N_NIL,
    N_BOOL,
    N_NUMBER,
    N_STRING,
    N_FIELD,
    N_VAR,
    N_CHAIN,
    N_CALL /* operands */
} nkind;
typedef struct node node;
typedef struct tfunc tfunc;
struct node {
    uint8_t kind;
    bool assign;   /* PIPE: = instead of := */
    bool is_int;   /* NUMBER: fits an int */
    uint32_t pos;  /* byte offset in the text */
    sl_str text;   /* TEXT: bytes; NUMBER, STRING: as written; VAR, CALL: name; TEMPLATE: name quoted */
    tval value;    /* constants */
    double number; /* NUMBER as float */
    sl_str *names; /* FIELD, VAR, CHAIN: the fields in order */
    uint32_t nnames;
    int32_t slot;    /* VAR: of the frame, -1 undefined */
    int32_t decl[2]; /* PIPE: slots that get the value */
    sl_str declnames[2];
    uint8_t ndecl;
    const tfunc *fn; /* CALL */
    node **at;       /* COMMAND: words; PIPE: commands */
    uint32_t n;
    node *pipe;         /* ACTION, IF, WITH, RANGE, TEMPLATE; CHAIN: the operand */
    node *body, *other; /* first of a list */
    node *next;
};
typedef struct tdef { /* a named template; the first is the text itself */
    sl_str name;
    node *body;
    uint32_t slots; /* of its frame; slot 0 is $ */
    struct tdef *next;
} tdef;
enum { PATTERNS = 16 };
struct sl_template {
    sl_arena *a;
    sl_str text;
    tdef *defs;
    struct {
        sl_str text;
        sl_regex *re;
    } pattern[PATTERNS]; /* compiled when first used */
    uint32_t npattern;
};
/* Source form of a node as Go prints it in messages. */
void tpl_show(sl_buf *out, const node *n);

/* ---- a run ---- */
typedef struct moved { /* a map that set or unset changed: whoever has the old one sees the new one */
    const void *was;
    sl_value is;
} moved;
typedef struct trun {
    sl_template *t;
    const sl_template_env *env;
    sl_arena *a;
    sl_buf *out;
    const tdef *def; /* being executed */
    tval *frame;
    const void *root_list; /* the list of rows has a Go type of its own */
    const node *at;        /* what is being evaluated, for messages */
    uint32_t depth;
    uint64_t steps;
    size_t limit, memory; /* of out, of the arena */
    moved *moved;
    uint32_t nmoved, cmoved;
    bool failed;
    sl_str why;      /* of the run, complete */
    sl_str call_why; /* of a function: what stands behind "error calling NAME: " */
} trun;
/* Ends the run with "template: sink:L:C: executing …: " and this text. Returns a value to return. */
tval tpl_fail(trun *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fails the function being called: false, with this text. */
bool tpl_call_fail(trun *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Goes one level into a nested JSON text; follows maps that were changed. */
sl_value tpl_open(trun *r, sl_value v);
/* The same at all depths, where maps were changed: for whoever shows a value whole. */
sl_value tpl_settled(trun *r, sl_value v);
bool tpl_true(trun *r, tval v);
const char *tpl_type(trun *r, tval v);      /* Go's type text */
const char *tpl_base_type(trun *r, tval v); /* the same without the interface */
sl_str tpl_text(trun *r, sl_value v);       /* %v; sprig's strval for bytes */
int64_t tpl_i64(trun *r, tval v);           /* sprig's toInt64: never fails */
double tpl_f64(trun *r, tval v);
bool tpl_empty(trun *r, tval v);

/* ---- functions ----
 * args: one letter a parameter: s string, i int, b bool, f float64, m map, t time, a any, v any but as Go's reflect.Value (missing stays
 * missing); the last may be followed by * (any number). fn: false after tpl_call_fail. */
typedef bool (*tpl_fn)(trun *r, const tval *args, uint32_t n, tval *out);
struct tfunc {
    const char *name, *args;
    tpl_fn fn;
};
extern const tfunc tpl_go_funcs[], tpl_text_funcs[], tpl_number_funcs[], tpl_list_funcs[], tpl_map_funcs[], tpl_time_funcs[], tpl_code_funcs[];
const tfunc *tpl_func_find(sl_str name);
/* "and" and "or" decide before all operands are evaluated. */
bool tpl_func_and(const tfunc *f);
bool tpl_func_or(const tfunc *f);

/* Go's Sprintf, Sprint, Sprintln. */
void tpl_sprintf(trun *r, sl_buf *out, sl_str format, const tval *args, uint32_t n);
void tpl_sprint(trun *r, sl_buf *out, const tval *args, uint32_t n, bool line);
/* A buffer's content into the arena; frees it. */
sl_str tpl_keep(trun *r, sl_buf *b);
#endif
