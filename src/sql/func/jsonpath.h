/* JSON paths in upstream's dialect: paths inside an expression language. */
#ifndef SL_SQL_FUNC_JSONPATH_H
#define SL_SQL_FUNC_JSONPATH_H
#include "sql/func/box.h"
typedef struct sl_jpath sl_jpath;
/* Reads a path. NULL: *why says where and why not (memory from a). */
sl_jpath *sl_jpath_new(sl_arena *a, sl_str text, sl_str *why);
void sl_jpath_free(sl_jpath *p);
sl_str sl_jpath_text(const sl_jpath *p);
/* Evaluates on data; the result lives in the call's arena. false: *why. A path with wildcards, lists, slices, filters or ".." always
 * gives an array. One evaluation makes at most a million steps. */
bool sl_jpath_eval(sl_call *c, sl_jpath *p, sl_value data, sl_value *out, sl_str *why);
#endif
