/* Which of several unknown names a statement is refused for, and the order of fields that this depends on. For the room's own use. */
#ifndef SL_SQL_UNKNOWN_H
#define SL_SQL_UNKNOWN_H
#include "sql/parser.h"
#include "sql/planner.h"

/* The visible order of upstream's plan, REPLACE items left out: aliases by dependency and name before other fields (true), or the text's order
 * (false) where a source is schemaless or aliases may not be rearranged. order has room for p->nfields; *n of them are set. */
bool sl_field_order(const sl_plan *p, uint32_t *order, uint32_t *n);
/* Before binding, when the aliases are ordered: the name that upstream complains of in the select list. NULL: none that it would notice. */
sl_err *sl_unknown_fields(const sl_plan *p);
/* The same for the other clauses, after the select list was bound. */
sl_err *sl_unknown_rest(const sl_plan *p, const sl_select *s);
#endif
