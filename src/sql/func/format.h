/* format(x, digits [, locale]): numbers in the manner of a country. */
#ifndef SL_SQL_FUNC_FORMAT_H
#define SL_SQL_FUNC_FORMAT_H
#include "sql/func.h"
sl_value sl_fn_format(sl_call *c, const sl_value *args, uint32_t n);
#endif
