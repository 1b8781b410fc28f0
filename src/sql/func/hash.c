/* Digests of the display text, as lower-case hexadecimal. */
#include <stdio.h>
#include <zlib.h>
#include "base/bytes.h"
#include "sql/func.h"

static sl_value digest(sl_call *c, sl_digest kind, sl_value v) {
    uint8_t raw[SL_DIGEST_MAX];
    size_t n = sl_digest_of(kind, sl_fn_text(c, v), raw);
    char *out = sl_arena_alloc(c->arena, 2 * n);
    for (size_t i = 0; i < 2 * n; i++)
        out[i] = "0123456789abcdef"[raw[i / 2] >> (i % 2 ? 0 : 4) & 15];
    return sl_v_str(sl_str_n(out, 2 * n));
}
static sl_value fn_md5(sl_call *c, const sl_value *args, uint32_t n) { return digest(c, SL_MD5, args[0]); }
static sl_value fn_sha1(sl_call *c, const sl_value *args, uint32_t n) { return digest(c, SL_SHA1, args[0]); }
static sl_value fn_sha256(sl_call *c, const sl_value *args, uint32_t n) { return digest(c, SL_SHA256, args[0]); }
static sl_value fn_sha384(sl_call *c, const sl_value *args, uint32_t n) { return digest(c, SL_SHA384, args[0]); }
static sl_value fn_sha512(sl_call *c, const sl_value *args, uint32_t n) { return digest(c, SL_SHA512, args[0]); }
static sl_value fn_crc32(sl_call *c, const sl_value *args, uint32_t n) {
    sl_str s = sl_fn_text(c, args[0]);
    return sl_v_str(sl_arena_printf(c->arena, "%lx", crc32_z(0, (const Bytef *)s.p, s.n))); /* no leading zeros, as upstream */
}
#define ROW(name, fn, doc, gives)                                                                                                                                                  \
    { name, SL_FN_SCALAR, SL_FN_NULLGATE | SL_FN_PURE, 1, 1, sl_ck_s1, fn, NULL, "(s string) -> string", doc, name "(\"a\")", gives, NULL }
const sl_func sl_funcs_hash[] = {
    ROW("md5", fn_md5, "MD5 in hexadecimal.", "\"0cc175b9c0f1b6a831c399e269772661\""),
    ROW("sha1", fn_sha1, "SHA-1 in hexadecimal.", "\"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8\""),
    ROW("sha256", fn_sha256, "SHA-256 in hexadecimal.", "\"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\""),
    ROW("sha384", fn_sha384, "SHA-384 in hexadecimal.", "\"54a59b9f22b0b80880d8427e548b7c23abd873486e1f035dce9cd697e85175033caa88e6d57bc35efae0b5afd3145f31\""),
    ROW("sha512", fn_sha512, "SHA-512 in hexadecimal.",
        "\"1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75\""),
    ROW("crc32", fn_crc32, "CRC-32 (IEEE) in hexadecimal without leading zeros.", "\"e8b7be43\""),
    {0}};
