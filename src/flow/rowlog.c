/* Rows as packets of the journal: what a source of rows gave, packed, and put back into a builder after a restart.
 * Decision: by name, not by position, so that the columns may have another order by then. */
#include "data/pack.h"
#include "flow/flow_int.h"

bool rowlog_pack(sl_buf *out, sl_batch *b, bool meta) {
    sl_value *had = b->meta;
    if (!meta)
        b->meta = NULL;
    sl_buf_clear(out);
    sl_pack_batch(out, b);
    b->meta = had;
    return !out->failed;
}
sl_err *rowlog_unpack(sl_str bytes, sl_builder *w) {
    sl_batch *b;
    SL_TRY(sl_unpack_batch(bytes, &b));
    sl_builder_base(w, b);
    for (uint32_t r = 0; r < b->nrows; r++) {
        sl_builder_row(w);
        for (uint32_t c = 0; c < b->layout->n; c++)
            if (b->cols[c][r].kind != SL_ABSENT)
                sl_builder_put(w, b->layout->names[c], b->cols[c][r]);
        for (uint32_t i = 0; b->tails && i < b->tails[r].n; i++)
            sl_builder_put(w, b->tails[r].at[i].key, b->tails[r].at[i].val);
        if (b->meta)
            sl_builder_meta(w, b->meta[r]);
        if (b->time)
            sl_builder_time(w, b->time[r]);
        sl_builder_end(w);
    }
    sl_batch_drop(b);
    return NULL;
}
