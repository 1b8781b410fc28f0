/* ZIP writer: local headers with sizes known beforehand, then the directory. No 64-bit forms: callers stay far below 4 GB. */
#include "store/zip.h"
#include <stdlib.h>
#include <zlib.h>

static void le(sl_buf *b, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++)
        sl_buf_putc(b, (char)(v >> (8 * i)));
}
static void common(sl_buf *b, uint32_t crc, size_t packed, size_t plain, size_t name, bool deflated) {
    le(b, 20, 2);     /* version needed */
    le(b, 0x0800, 2); /* names are UTF-8 */
    le(b, deflated ? 8 : 0, 2);
    le(b, 0x00210000, 4); /* no time of its own: 1980-01-01 */
    le(b, crc, 4);
    le(b, (uint32_t)packed, 4);
    le(b, (uint32_t)plain, 4);
    le(b, (uint32_t)name, 2);
    le(b, 0, 2);
}
bool sl_zip_add(sl_zip *z, sl_str name, sl_str bytes) {
    if (bytes.n > 1u << 30 || name.n > 1024)
        return false;
    uint32_t crc = (uint32_t)crc32_z(0, (const Bytef *)bytes.p, bytes.n);
    uLong room = compressBound(bytes.n);
    char *packed = malloc(room + 1);
    z_stream s = {0};
    if (!packed || deflateInit2(&s, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(packed);
        return false;
    }
    s.next_in = (Bytef *)(uintptr_t)bytes.p;
    s.avail_in = (uInt)bytes.n;
    s.next_out = (Bytef *)packed;
    s.avail_out = (uInt)room;
    bool deflated = deflate(&s, Z_FINISH) == Z_STREAM_END && s.total_out < bytes.n;
    sl_str body = deflated ? sl_str_n(packed, s.total_out) : bytes;
    deflateEnd(&s);
    size_t at = z->out.n;
    sl_buf_put(&z->out, "PK\3\4", 4);
    common(&z->out, crc, body.n, bytes.n, name.n, deflated);
    sl_buf_str(&z->out, name);
    sl_buf_str(&z->out, body);
    free(packed);
    sl_buf_put(&z->dir, "PK\1\2", 4);
    le(&z->dir, 0x031E, 2);
    common(&z->dir, crc, body.n, bytes.n, name.n, deflated);
    le(&z->dir, 0, 2); /* comment */
    le(&z->dir, 0, 2); /* disk */
    le(&z->dir, 0, 2);
    le(&z->dir, 0100644u << 16, 4);
    le(&z->dir, (uint32_t)at, 4);
    sl_buf_str(&z->dir, name);
    z->files++;
    return !z->out.failed && !z->dir.failed;
}
sl_str sl_zip_end(sl_zip *z) {
    size_t at = z->out.n;
    sl_buf_str(&z->out, sl_buf_view(&z->dir));
    sl_buf_put(&z->out, "PK\5\6\0\0\0\0", 8);
    le(&z->out, z->files, 2);
    le(&z->out, z->files, 2);
    le(&z->out, (uint32_t)z->dir.n, 4);
    le(&z->out, (uint32_t)at, 4);
    le(&z->out, 0, 2);
    return z->out.failed || z->dir.failed ? (sl_str){0} : sl_buf_view(&z->out);
}
void sl_zip_free(sl_zip *z) {
    sl_buf_free(&z->out);
    sl_buf_free(&z->dir);
}
