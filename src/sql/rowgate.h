/* A look at a row before it is complete: does WHERE already fail by the columns it reads first? For readers that can leave the other columns of such rows
 * undecoded. One owner, one thread. */
#ifndef SL_SQL_ROWGATE_H
#define SL_SQL_ROWGATE_H
#include "sql/plan.h"

typedef struct sl_rowgate sl_rowgate;
/* NULL: WHERE has no beginning that only looks at columns, or rows must be seen whole, or memory was out. Holds the plan. */
sl_rowgate *sl_rowgate_new(sl_plan *p);
void sl_rowgate_free(sl_rowgate *g);
/* Positions in the plan's columns of what it looks at, each once. */
uint32_t sl_rowgate_columns(const sl_rowgate *g, const uint16_t **cols);
/* vals: of these columns, in that order. False: WHERE is false for the row, without an error, whatever the other columns hold. */
bool sl_rowgate_lets(sl_rowgate *g, const sl_value *vals);
#endif
