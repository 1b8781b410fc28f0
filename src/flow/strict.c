/* STRICT_VALIDATION at the entry of a flow: a batch goes through the declared types before anybody reads it. The rules are the codec's; here is what it
 * counts. */
#include "flow/flow_int.h"

sl_batch *strict_batch(const sl_validation *c, sl_batch *b, sl_builder *w, sl_meter *m, int64_t now) {
    m->in += b->nrows;
    m->processed += b->nrows;
    m->last_ms = now;
    uint32_t failed = sl_validate_batch(c, b, w);
    sl_batch *out = sl_builder_done(w, b->at);
    sl_batch_drop(b);
    if (out)
        m->out += out->nrows;
    for (uint32_t i = out && failed ? out->nframes : 0; i-- > 0;)
        if (out->frames[i].kind == SL_FRAME_ERROR) {
            meter_error(m, now, out->frames[i].error);
            m->errors += failed - 1;
            break;
        }
    return out;
}
