/* The inside of the row builder, for the readers of this room that set a cell for every few nanoseconds. Not for other rooms. */
#ifndef SL_DATA_BUILDER_H
#define SL_DATA_BUILDER_H
#include "data/batch.h"
#define SL_BUILDER_NO_TIME INT64_MIN
struct sl_shell;
struct sl_builder {
    struct sl_shell *s; /* its first member is the batch under construction */
    const sl_layout *layout;
    sl_value *cells; /* of s */
    sl_value *cell;  /* cells + row number: column c of the current row is cell[c * stride] */
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
/* As sl_builder_row and sl_builder_end, the usual case in line. */
static inline void sl_builder_begin(sl_builder *w) {
    if (__builtin_expect(w->inrow | !w->s | (w->rows >= w->cleared), 0)) {
        sl_builder_row(w);
        return;
    }
    w->cell = w->cells + w->rows;
    w->inrow = true;
    w->ntail = w->nindex = 0;
    w->row_meta = w->message_meta;
    w->row_time = w->message_time;
    w->row_raw = (sl_str){NULL, 0};
}
static inline void sl_builder_finish(sl_builder *w) {
    const sl_batch *b = (const sl_batch *)(const void *)w->s;
    if (__builtin_expect(!w->inrow || w->ntail || w->row_meta.kind || w->row_time != SL_BUILDER_NO_TIME || w->row_raw.p || b->tails || b->meta || b->time || b->raw, 0)) {
        sl_builder_end(w);
        return;
    }
    w->inrow = false;
    w->rows++;
}
/* As sl_builder_set; the row is begun and col is one of the layout. */
static inline void sl_builder_cell(sl_builder *w, uint32_t col, sl_value v) { w->cell[(size_t)col * w->stride] = v; }
#endif
