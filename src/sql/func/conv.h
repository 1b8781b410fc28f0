/* cast() for those who convert by the same rules. */
#ifndef SL_SQL_FUNC_CONV_H
#define SL_SQL_FUNC_CONV_H
#include "sql/func.h"
/* v as the type named by `type` (bigint, float, string, boolean, datetime, bytea). */
sl_value sl_fn_cast_to(sl_call *c, sl_value v, sl_value type);
#endif
