/* The parser's working state. Private to the parser files of sql/: parse.c (statements, SELECT), parse_expr.c (expressions, calls),
 * parse_window.c, parse_ddl.c, parse_check.c (what only the whole statement can tell).
 *
 * A parse function that fails returns NULL or false and leaves the one error in p->err; nobody goes on after that. */
#ifndef SL_SQL_PARSER_H
#define SL_SQL_PARSER_H
#include "sql/func.h"
#include "sql/lex.h"
#include "sql/parse.h"

typedef struct sl_parser {
    sl_arena *a;
    sl_lexer lex;
    sl_token ahead[2];
    int nahead;
    uint32_t last_end; /* end of the token taken last */
    sl_err *err;
    uint32_t errpos, errlen; /* errlen 0: the token that stands there */
    const char *hint;        /* advice that is known where the error is found; NULL: it is looked for */
    uint32_t depth;
    bool at_limit;  /* the error is a limit of ours: told as it is */
    bool in_fields; /* in the select list */
    bool in_meta;   /* directly inside meta() or mqtt() */
    sl_str func;    /* the call whose arguments are read, for messages */
    sl_token glued; /* first word glued to a source name: told when nothing else is wrong (D9) */
    bool has_glued;
    uint32_t unnamed;                        /* kuiper_field_N */
    uint32_t name_pos, format_pos, type_pos; /* CREATE: where these stand */
} sl_parser;

/* Sets the error (the first one stays); pos is a byte of the statement. Returns NULL. */
void *sl_p_fail(sl_parser *p, uint32_t pos, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Advice for the error just set: how long the place is, what to write. The first one stays. */
void sl_p_advise(sl_parser *p, uint32_t len, const char *hint);
/* Fails with fmt, in which the one %s stands for the token's text quoted as Go's %q. */
void *sl_p_found(sl_parser *p, sl_token t, const char *fmt);
/* The token with its text in upper case: how messages of DDL show words. */
sl_token sl_p_shouted(sl_parser *p, sl_token t);
const sl_token *sl_p_peek(sl_parser *p, int k); /* k = 0 or 1 */
sl_token sl_p_next(sl_parser *p);
bool sl_p_take(sl_parser *p, sl_tok kind); /* takes the next token when it is of that kind */
static inline sl_tok sl_p_kind(sl_parser *p) { return sl_p_peek(p, 0)->kind; }
/* Room for one more element behind n; NULL (and the error) when memory is out. */
void *sl_p_more(sl_parser *p, void *at, uint32_t n, size_t size);
bool sl_p_enter(sl_parser *p, uint32_t pos); /* one level deeper; false at the limit. Leave with p->depth-- */

/* A new node at pos; NULL (and the error) when memory is out. */
sl_expr *sl_p_node(sl_parser *p, sl_xkind kind, uint32_t pos);
sl_expr *sl_p_seal(sl_parser *p, sl_expr *e); /* height and span once the children are set; NULL when too high */
sl_expr *sl_p_expr(sl_parser *p);
bool sl_p_exprs(sl_parser *p, sl_expr ***at, uint32_t *n); /* e {, e} */
bool sl_p_field(sl_parser *p, sl_selfield *f);
bool sl_p_sorts(sl_parser *p, sl_sort **at, uint32_t *n); /* behind ORDER BY */
/* A window name's call, name taken, '(' next. Yields a NULL literal with the window in b_aux. */
sl_wkind sl_p_window_kind(sl_str lower);
sl_expr *sl_p_window(sl_parser *p, sl_wkind kind, sl_token name);
/* The argument list with its brackets. */
bool sl_p_args(sl_parser *p, sl_str lower, sl_expr ***at, uint32_t *n);
sl_create *sl_p_create(sl_parser *p, bool table, sl_str name); /* behind the name */
/* Splits x.y by source names, picks the window out of GROUP BY, runs the checks of whole statements. */
bool sl_p_finish(sl_parser *p, sl_select *s);
void sl_window_print(sl_buf *out, const sl_window *w);
#endif
