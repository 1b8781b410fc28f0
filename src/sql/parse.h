/* Text to syntax tree: the whole grammar, hand-written, positions kept. Any thread; no I/O. */
#ifndef SL_SQL_PARSE_H
#define SL_SQL_PARSE_H
#include "base/err.h"
#include "base/map.h"
#include "sql/ast.h"
/* Parses one statement into a. An unknown first word gives kind SL_ST_NONE and no error. Error texts are upstream's, code
 * SL_E_PARSE, with the place and advice beside them (sl_err_spot). pos (may be NULL) gets the byte offset the error points at. Limits: 1 MiB of text, nesting 256. The checks of a
 * whole statement are run too, with or without ';'. */
sl_err *sl_parse(sl_arena *a, sl_str text, sl_stmt *out, uint32_t *pos);
/* As sl_parse, and refuses all but SELECT (code RULE) with `SQL <text> is not a select statement.` */
sl_err *sl_parse_select(sl_arena *a, sl_str text, sl_select **out, uint32_t *pos);
/* Puts the place of a source that is not there beside the error, and the nearest of the streams there are (names; NULL: unknown). Takes and
 * returns e. */
sl_err *sl_hint_stream(sl_err *e, sl_str text, const sl_source_ref *r, const sl_map *streams);
/* The same for a statement that does not begin as it should. */
sl_err *sl_hint_first(sl_err *e, sl_str text);
/* Name rule of streams, rules, …. */
sl_err *sl_check_id(sl_str id);
/* A type's text as DESCRIBE prints it: bigint, array(struct(a bigint)). */
void sl_type_print(sl_buf *out, const sl_type *t);
/* DESCRIBE text of a definition. */
void sl_create_describe(sl_buf *out, const sl_create *c);
/* Describe JSON and schema map (3.4). */
sl_json *sl_create_json(sl_arena *a, const sl_create *c);
sl_json *sl_create_schema(sl_arena *a, const sl_create *c);
/* An expression in upstream's plan form: demo.a, binaryExpr:{ L op R } … */
void sl_expr_print(sl_buf *out, const sl_expr *e);
/* Visits e and everything below it, children after the node; stop by returning false. */
bool sl_expr_walk(sl_expr *e, bool (*visit)(sl_expr *e, void *arg), void *arg);
#endif
