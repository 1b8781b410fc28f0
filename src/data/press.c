/* Compression of whole payloads in memory. */
#include "data/press.h"
#include <limits.h>
#include <zlib.h>
#include "data/zstd.h"
#include "os/module.h"

static const char *const names[] = {"", "zlib", "gzip", "flate", "zstd"};
sl_press sl_press_of(sl_str name) {
    for (int z = SL_PRESS_ZLIB; z <= SL_PRESS_ZSTD; z++)
        if (sl_str_is(name, names[z]))
            return (sl_press)z;
    return SL_PRESS_NONE;
}
const char *sl_press_name(sl_press z) { return names[z]; }
static sl_err *zstd(const sl_zstd **out) {
    void *table;
    SL_TRY(sl_err_prefix(sl_module_load("zstd", "sl_zstd_module", &table), "zstd is a module of its own that could not be loaded"));
    *out = table;
    return NULL;
}
sl_err *sl_press_ready(sl_press z) {
    const sl_zstd *m;
    return z == SL_PRESS_ZSTD ? zstd(&m) : NULL;
}
static int window_bits(sl_press z) { return z == SL_PRESS_ZLIB ? 15 : z == SL_PRESS_GZIP ? 31 : -15; }

const char *sl_press_pack(sl_press m, sl_str in, sl_buf *out) {
    const char *why = NULL;
    if (m == SL_PRESS_ZSTD) {
        const sl_zstd *t;
        sl_err *e = zstd(&t);
        sl_err_free(e);
        if (e)
            return "the module zstd could not be loaded";
        t->pack(in, out, &why);
        return why;
    }
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits(m), 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return "out of memory";
    size_t room = deflateBound(&z, in.n);
    why = !sl_buf_room(out, room) ? "out of memory" : in.n > UINT_MAX || room > UINT_MAX ? "the data is too large" : NULL;
    if (!why) {
        z.next_in = (Bytef *)(uintptr_t)in.p;
        z.avail_in = (uInt)in.n;
        z.next_out = (Bytef *)out->p + out->n;
        z.avail_out = (uInt)room;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END)
            why = "the data could not be compressed";
        out->n += z.total_out;
    }
    deflateEnd(&z);
    return why;
}
const char *sl_press_unpack(sl_press m, sl_str in, size_t most, sl_buf *out) {
    const char *why = NULL;
    if (m == SL_PRESS_ZSTD) {
        const sl_zstd *t;
        sl_err *e = zstd(&t);
        sl_err_free(e);
        if (e)
            return "the module zstd could not be loaded";
        t->unpack(in, most, out, &why);
        return why;
    }
    z_stream z = {0};
    size_t start = out->n;
    if (in.n > UINT_MAX)
        return "the data is too large";
    if (inflateInit2(&z, window_bits(m)) != Z_OK)
        return "out of memory";
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    for (int rc = Z_OK; !why;) {
        if (rc == Z_STREAM_END) { /* several gzip members in a row are one content */
            if (m != SL_PRESS_GZIP || !z.avail_in)
                break;
            inflateReset(&z);
        }
        if (!sl_buf_room(out, 16384)) {
            why = "out of memory";
            break;
        }
        z.next_out = (Bytef *)out->p + out->n;
        z.avail_out = 16384;
        rc = inflate(&z, Z_NO_FLUSH);
        out->n += 16384 - z.avail_out;
        if (out->n - start > most)
            why = "the result is too large";
        else if (rc == Z_BUF_ERROR || (rc == Z_OK && z.avail_in == 0 && z.avail_out != 0))
            why = "unexpected EOF";
        else if (rc != Z_OK && rc != Z_STREAM_END)
            why = m == SL_PRESS_ZLIB ? "zlib: invalid header or data" : m == SL_PRESS_GZIP ? "gzip: invalid header or data" : "flate: corrupt input";
    }
    inflateEnd(&z);
    return why;
}
