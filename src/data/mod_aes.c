/* AES by OpenSSL: a module, so that the daemon need not carry the library. */
#include <openssl/evp.h>
#include "data/cipher.h"
#include "os/module.h"

SL_MODULE_STAMP

enum { PIECE = 1 << 20 };
static bool update(EVP_CIPHER_CTX *x, sl_str in, sl_buf *out) {
    while (in.n) {
        int k = in.n > PIECE ? PIECE : (int)in.n, made = 0;
        if (!sl_buf_room(out, (size_t)k) || EVP_EncryptUpdate(x, (unsigned char *)out->p + out->n, &made, (const unsigned char *)in.p, k) != 1)
            return false;
        out->n += (size_t)made;
        in.p += k;
        in.n -= (size_t)k;
    }
    return true;
}
static bool gcm(sl_str key, sl_str iv, sl_str aad, sl_str in, sl_buf *out, unsigned char tag[16]) {
    const EVP_CIPHER *kind = key.n == 16 ? EVP_aes_128_gcm() : key.n == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int n = 0;
    unsigned char none[16];
    bool ok = x && EVP_EncryptInit_ex(x, kind, NULL, (const unsigned char *)key.p, (const unsigned char *)iv.p) == 1 &&
        (!aad.n || EVP_EncryptUpdate(x, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1) && update(x, in, out) && EVP_EncryptFinal_ex(x, none, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(x);
    return ok;
}
static void *cfb(sl_str key, const unsigned char iv[16]) {
    const EVP_CIPHER *kind = key.n == 16 ? EVP_aes_128_cfb128() : key.n == 24 ? EVP_aes_192_cfb128() : EVP_aes_256_cfb128();
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    if (x && EVP_EncryptInit_ex(x, kind, NULL, (const unsigned char *)key.p, iv) != 1) {
        EVP_CIPHER_CTX_free(x);
        return NULL;
    }
    return x;
}
static bool step(void *x, sl_str in, sl_buf *out) { return update(x, in, out); }
static void end(void *x) { EVP_CIPHER_CTX_free(x); }
extern const sl_aes sl_aes_module;
const sl_aes sl_aes_module = {gcm, cfb, step, end};
