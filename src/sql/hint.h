/* Help for the person who wrote a statement: where an error lies and what to write instead. For the room's own use.
 *
 * Decision: advice never changes an error's text, which is upstream's; it is a spot (base/err.h) beside it. All of it is made on the way out
 * with an error, so it may cost what it likes. */
#ifndef SL_SQL_HINT_H
#define SL_SQL_HINT_H
#include "sql/planner.h"

/* The name that is nearest to `want`, when one is near enough to be meant. */
typedef struct sl_near {
    sl_str want, best;
    unsigned d;
} sl_near;
sl_near sl_near_to(sl_str want);
void sl_near_offer(sl_near *x, sl_str name);

/* Puts a place beside the error: len bytes at byte pos of the statement (len 0: the token that stands there) and advice (NULL: none). Nothing
 * without a text. Takes and returns e. */
sl_err *sl_hint_put(sl_err *e, sl_str text, uint32_t pos, uint32_t len, const char *hint);
/* Advice for an error of the parser at pos, by its text and the token there; "" when there is none. */
void sl_hint_parse(sl_buf *out, sl_str text, uint32_t pos, const sl_err *e);
/* What a function takes, for an error about its arguments; found: the argument that does not fit, NULL when their number is wrong. */
void sl_hint_call(sl_buf *out, const sl_func *f, const sl_expr *found);

/* The same for errors of planning: at a node of the bound statement, at a byte of it. fmt NULL: only the place. */
sl_err *sl_hint_at(sl_err *e, const sl_plan *p, const sl_expr *x, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
sl_err *sl_hint_pos(sl_err *e, const sl_plan *p, uint32_t pos, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A column, a qualifier that nobody knows. */
sl_err *sl_hint_column(sl_err *e, const sl_plan *p, const sl_expr *x);
sl_err *sl_hint_qualifier(sl_err *e, const sl_plan *p, const sl_expr *x);
#endif
