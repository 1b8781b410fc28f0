/* Zstandard: a module, so that the daemon need not carry the library. */
#include <zstd.h>
#include "os/module.h"
#include "data/zstd.h"

SL_MODULE_STAMP

static bool pack(sl_str in, sl_buf *out, const char **why) {
    size_t room = ZSTD_compressBound(in.n);
    if (!sl_buf_room(out, room)) {
        *why = "out of memory";
        return false;
    }
    size_t n = ZSTD_compress(out->p + out->n, room, in.p, in.n, ZSTD_CLEVEL_DEFAULT);
    if (ZSTD_isError(n)) {
        *why = ZSTD_getErrorName(n);
        return false;
    }
    out->n += n;
    return true;
}
static bool unpack(sl_str in, size_t most, sl_buf *out, const char **why) {
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer src = {in.p, in.n, 0};
    size_t step = 1, total = 0;
    *why = z ? NULL : "out of memory";
    while (!*why && (src.pos < src.size || step > 0)) {
        if (!sl_buf_room(out, 65536)) {
            *why = "out of memory";
            break;
        }
        ZSTD_outBuffer dst = {out->p + out->n, 65536, 0};
        size_t before = src.pos;
        step = ZSTD_decompressStream(z, &dst, &src);
        out->n += dst.pos;
        total += dst.pos;
        if (ZSTD_isError(step))
            *why = ZSTD_getErrorName(step);
        else if (total > most)
            *why = "the result is too large";
        else if (step > 0 && src.pos == before && dst.pos == 0)
            *why = "unexpected EOF";
    }
    ZSTD_freeDStream(z);
    return !*why;
}
extern const sl_zstd sl_zstd_module;
const sl_zstd sl_zstd_module = {pack, unpack};
