/* Encryption of payloads and files: AES with the server's key, by a module loaded on first use. */
#ifndef SL_DATA_CIPHER_H
#define SL_DATA_CIPHER_H
#include "data/json.h"
typedef struct sl_cipher sl_cipher;
/* The server's key as base64 text of 16, 24 or 32 bytes (setting basic.aesKey); "" = none. @on main, before anything is encrypted */
void sl_cipher_key(sl_str base64);
/* name: "aes". props: mode gcm (default) or cfb, iv, aad (base64), tagsize; NULL = none. The error says what is wrong. */
sl_err *sl_cipher_new(sl_str name, const sl_json *props, sl_cipher **out);
void sl_cipher_free(sl_cipher *c); /* NULL is fine */
/* One payload, appended to out. NULL or what is wrong (static text). */
const char *sl_cipher_seal(sl_cipher *c, sl_str in, sl_buf *out);
/* A stream (CFB): the first call writes a random IV in front. */
const char *sl_cipher_stream(sl_cipher *c, sl_str in, sl_buf *out);
/* What the module gives; used by data/cipher.c only. false: failed. */
typedef struct sl_aes {
    bool (*gcm)(sl_str key, sl_str iv, sl_str aad, sl_str in, sl_buf *out, unsigned char tag[16]);
    void *(*cfb)(sl_str key, const unsigned char iv[16]);
    bool (*step)(void *cfb, sl_str in, sl_buf *out);
    void (*end)(void *cfb);
} sl_aes;
#endif
