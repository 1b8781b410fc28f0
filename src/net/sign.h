/* Signatures of texts (tokens). The work is done by the module around OpenSSL, loaded on first use. */
#ifndef SL_NET_SIGN_H
#define SL_NET_SIGN_H
#include "base/err.h"
#include "base/str.h"
/* NULL when sig is the RSA signature of text by the owner of the public key or certificate in pem. alg: RS256, RS384, RS512 (PKCS #1 v1.5),
 * PS256, PS384, PS512 (PSS). Otherwise an error says what is wrong: the key, the algorithm or the signature. */
sl_err *sl_rsa_check(sl_str pem, const char *alg, sl_str text, sl_str sig);
#endif
