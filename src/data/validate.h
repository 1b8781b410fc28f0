/* STRICT_VALIDATION: declared columns are required, converted to their type, and get their defaults. A step between
 * decoder and operators. */
#ifndef SL_DATA_VALIDATE_H
#define SL_DATA_VALIDATE_H
#include "data/json.h"
typedef struct sl_validation { /* all lent */
    const sl_field *fields;
    uint32_t nfields;
    sl_str time_format; /* TIMESTAMP_FORMAT or "" */
    sl_zone zone;       /* of texts without one */
} sl_validation;
/* One value to a declared type, "same kind" conversions only. false: *why, without any prefix. Memory from a. */
bool sl_validate_value(const sl_validation *c, sl_arena *a, const sl_type *type, sl_value v, sl_value *out, sl_str *why);
/* Row r of in becomes the next row of w: declared columns that w wants (by layout, or all) checked and converted, undeclared ones as they
 * are, meta and time too. Payloads stay in `in`: the caller has called sl_builder_base(w, in). false: no row was added, *why (in w's
 * arena) is "error in preprocessor: …". */
bool sl_validate_row(const sl_validation *c, const sl_batch *in, uint32_t r, sl_builder *w, sl_str *why);
/* The whole batch, frames and marks included, to w (holds in as its base). A row that fails becomes an ERROR frame. Returns how many failed. */
uint32_t sl_validate_batch(const sl_validation *c, sl_batch *in, sl_builder *w);
#endif
