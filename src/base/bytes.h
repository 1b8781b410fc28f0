/* Bytes as text and digests of bytes. The digests are for functions and handshakes, not for protecting secrets at speed. */
#ifndef SL_BASE_BYTES_H
#define SL_BASE_BYTES_H
#include "base/str.h"

void sl_hex_put(sl_buf *out, sl_str bytes);    /* lower case */
bool sl_hex_get(sl_buf *out, sl_str text);     /* either case; false: odd length or another character */
void sl_base64_put(sl_buf *out, sl_str bytes); /* standard alphabet, padded */
/* Standard alphabet, padding required, line ends skipped, as Go's StdEncoding. false: *at is the offset Go names in "illegal base64 data
 * at input byte N"; out may hold a part. */
bool sl_base64_get(sl_buf *out, sl_str text, size_t *at);

typedef enum sl_digest { SL_MD5, SL_SHA1, SL_SHA256, SL_SHA384, SL_SHA512 } sl_digest;
#define SL_DIGEST_MAX 64
/* Digest of data into out; returns its length (16, 20, 32, 48, 64). */
size_t sl_digest_of(sl_digest kind, sl_str data, uint8_t out[SL_DIGEST_MAX]);
#endif
