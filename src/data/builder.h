/* The inside of the row builder, for the readers of this room that set a cell for every few nanoseconds. Not for other rooms. */
#ifndef SL_DATA_BUILDER_H
#define SL_DATA_BUILDER_H
#include "data/batch.h"
struct sl_shell;
struct sl_builder {
    struct sl_shell *s; /* its first member is the batch under construction */
    const sl_layout *layout;
    sl_value *cell; /* cells + row number: column c of the current row is cell[c * stride] */
    uint32_t n, rows, stride, cleared, covered;
    uint32_t errors;
    uint64_t serial;
    bool all, failed, inrow;
    sl_member *tail; /* of the current row */
    size_t ntail, tailcap;
    uint32_t *index; /* positions + 1 in tail by key hash, only for long tails */
    size_t nindex;   /* 0: not in use for this row */
    size_t indexcap;
    sl_value row_meta;
    sl_str row_raw;
    int64_t row_time;
    sl_value message_meta;
    int64_t message_time;
};
/* As sl_builder_set; the row is begun and col is one of the layout. */
static inline void sl_builder_cell(sl_builder *w, uint32_t col, sl_value v) { w->cell[(size_t)col * w->stride] = v; }
#endif
