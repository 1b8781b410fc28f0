/* Format binary: the payload is one value, `self`, or the only declared column of the stream. */
#include <stdlib.h>
#include "codec/codec.h"

typedef struct decoder {
    sl_str name;
} decoder;
static sl_err *dec_new(const sl_codec_conf *c, sl_decoder **out) {
    decoder *d = calloc(1, sizeof *d);
    if (!d)
        return sl_err_new(SL_E_NOMEM, "out of memory while making a binary decoder");
    d->name = c->nfields == 1 ? c->fields[0].name : SL_S("self");
    *out = (sl_decoder *)d;
    return NULL;
}
static void dec_free(sl_decoder *d) { free(d); }
static bool decode(sl_decoder *p, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why) {
    decoder *d = (decoder *)p;
    *rows = 0;
    if (bytes.n > UINT32_MAX) {
        *why = SL_S("message is larger than 4 GiB");
        return false;
    }
    bool wanted = sl_builder_all(w) || sl_layout_find(sl_builder_layout(w), d->name) >= 0;
    sl_builder_row(w);
    if (wanted)
        sl_builder_put(w, d->name, sl_v_bytes(borrowed ? bytes : sl_arena_dup(sl_builder_arena(w), bytes)));
    sl_builder_end(w);
    *rows = 1;
    return true;
}
static sl_err *enc_new(const sl_codec_conf *c, sl_encoder **out) {
    *out = calloc(1, 1); /* nothing to keep */
    return *out ? NULL : sl_err_new(SL_E_NOMEM, "out of memory while making a binary encoder");
}
static void enc_free(sl_encoder *e) { free(e); }
static bool encode(sl_encoder *e, sl_arena *a, sl_value v, sl_buf *out, sl_str *why) {
    v = sl_value_open(a, v);
    if (v.kind != SL_MAP) {
        sl_buf t = {0};
        sl_value_print(&t, v);
        *why = sl_arena_printf(a, "unsupported type %.*s, must be a map", SL_FMT(sl_buf_view(&t)));
        sl_buf_free(&t);
        return false;
    }
    sl_value self = sl_value_get(a, v, SL_S("self"));
    if (self.kind == SL_ABSENT) {
        *why = SL_S("field self not exist");
        return false;
    }
    sl_str bytes;
    if (!sl_to_bytes(a, self, SL_CAST_SAMEKIND, &bytes, why))
        return false;
    sl_buf_str(out, bytes);
    return true;
}
const sl_codec_def sl_codec_binary = {
    .name = "binary", .title = "Binary", .dec_new = dec_new, .dec_free = dec_free, .decode = decode, .enc_new = enc_new, .enc_free = enc_free, .encode = encode};
