/* Lines of fields between separators, straight into the cells of a row. */
#ifndef SL_DATA_FIELDS_H
#define SL_DATA_FIELDS_H
#include "data/batch.h"
enum { SL_FIELD_SKIP = -1, SL_FIELD_TAIL = -2 };
/* Splits line at each delim. Field i becomes the cell of column to[i] of w's current row, or (SL_FIELD_TAIL) a member of its tail under keys[i], a key
 * the row has not got; fields from n on are only counted. trim: white space (space, tab) before a field is left out. The values are texts
 * within the line, which must live as long as the batch. Returns the number of fields, at least one. */
uint32_t sl_fields_split(sl_builder *w, sl_str line, char delim, bool trim, const int32_t *to, const sl_str *keys, uint32_t n);
#endif
