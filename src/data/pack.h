/* pack: the one binary form for rows and values on disk (state, spool, journal, embedded topics). Tagged and versioned; writes names
 * and kinds, never interned ids or layout versions. Format on docs/formats.md. First byte: version (1). */
#ifndef SL_DATA_PACK_H
#define SL_DATA_PACK_H
#include "base/err.h"
#include "data/batch.h"
void sl_pack_value(sl_buf *out, sl_value v); /* JSONTEXT keeps its text */
/* Reads one value at *at (advanced); strings are copied to a. Hostile input gives an error, never a read beyond the end; depth limit 512. */
sl_err *sl_unpack_value(sl_arena *a, sl_str *at, sl_value *out);
/* A whole batch: names, rows, tails, frames, meta, time. */
void sl_pack_batch(sl_buf *out, const sl_batch *b);
sl_err *sl_unpack_batch(sl_str bytes, sl_batch **out);
#endif
