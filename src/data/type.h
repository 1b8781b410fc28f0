/* Declared types as trees: copies, comparison, and the union of two narrowings of one type. */
#ifndef SL_DATA_TYPE_H
#define SL_DATA_TYPE_H
#include "data/json.h"
/* Deep copy into a. */
const sl_type *sl_type_copy(sl_arena *a, const sl_type *t);
bool sl_type_same(const sl_type *x, const sl_type *y);
/* x and y hold some members of the structs in `whole` each: the type with the members of both, in the order of `whole`. Memory from a,
 * parts are shared with x, y and whole. */
const sl_type *sl_type_union(sl_arena *a, const sl_type *whole, const sl_type *x, const sl_type *y);
#endif
