/* AES by the server's key. Decision: payloads in mode cfb and files share one stream form: random IV (or the one given), then ciphertext. */
#include "data/cipher.h"
#include <stdlib.h>
#include <sys/random.h>
#include "base/bytes.h"
#include "os/module.h"

struct sl_cipher {
    const sl_aes *aes;
    bool cfb;
    sl_buf iv, aad;
    int64_t tagsize;
    void *stream;
};
static unsigned char key[32];
static size_t key_n;
static bool key_bad;

void sl_cipher_key(sl_str base64) {
    sl_buf b = {0};
    size_t at;
    bool ok = sl_base64_get(&b, base64, &at);
    key_n = 0;
    key_bad = base64.n && (!ok || (b.n != 16 && b.n != 24 && b.n != 32));
    if (base64.n && !key_bad) {
        key_n = b.n;
        memcpy(key, b.p, b.n);
    }
    sl_buf_free(&b);
}
static sl_err *bytes_of(const sl_json *props, const char *name, sl_buf *out) {
    const sl_json *v = props ? sl_json_iget(props, name) : NULL;
    size_t at;
    if (!v || v->kind == SL_J_NULL)
        return NULL;
    if (v->kind != SL_J_STR || !sl_base64_get(out, v->s, &at))
        return sl_err_new(SL_E_CONF, "encProps.%s must be base64 text", name);
    return NULL;
}
static sl_err *fill(sl_cipher *c, const sl_json *props) {
    const sl_json *mode = props ? sl_json_iget(props, "mode") : NULL, *tag = props ? sl_json_iget(props, "tagsize") : NULL;
    sl_str m = mode ? sl_json_text(mode, SL_S("")) : SL_S("gcm");
    c->cfb = sl_str_is(m, "cfb");
    if (!c->cfb && !sl_str_is(m, "gcm"))
        return sl_err_new(SL_E_CONF, "unsupported mode: %.*s, expected gcm or cfb", SL_FMT(m));
    SL_TRY(bytes_of(props, "iv", &c->iv));
    SL_TRY(bytes_of(props, "aad", &c->aad));
    if (c->iv.n && c->iv.n != (c->cfb ? 16u : 12u))
        return sl_err_new(SL_E_CONF, "encProps.iv must hold %d bytes, it holds %zu", c->cfb ? 16 : 12, c->iv.n);
    if (tag && tag->kind != SL_J_NULL && (!sl_json_i64(tag, &c->tagsize) || c->tagsize < 0 || c->tagsize > 1024))
        return sl_err_new(SL_E_CONF, "encProps.tagsize must be a whole number from 0 to 1024");
    if (c->aad.n && !c->iv.n && !c->cfb)
        return sl_err_new(SL_E_CONF, "encProps.aad needs encProps.iv: the receiver must know it");
    return NULL;
}
sl_err *sl_cipher_new(sl_str name, const sl_json *props, sl_cipher **out) {
    if (sl_str_is(name, "default"))
        return sl_err_new(SL_E_UNSUPPORTED, "encryption default is not offered; use aes");
    if (!sl_str_is(name, "aes"))
        return sl_err_new(SL_E_CONF, "encryptor '%.*s' is not supported", SL_FMT(name));
    if (key_bad)
        return sl_err_new(SL_E_CONF, "basic.aesKey must be base64 text of 16, 24 or 32 bytes");
    if (!key_n)
        return sl_err_new(SL_E_CONF, "AES Key is not defined");
    void *table;
    SL_TRY(sl_err_prefix(sl_module_load("aes", "sl_aes_module", &table), "encryption"));
    sl_cipher *c = calloc(1, sizeof *c);
    if (!c)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    c->aes = table;
    sl_err *e = fill(c, props);
    if (e) {
        sl_cipher_free(c);
        return e;
    }
    *out = c;
    return NULL;
}
void sl_cipher_free(sl_cipher *c) {
    if (!c)
        return;
    if (c->stream)
        c->aes->end(c->stream);
    sl_buf_free(&c->iv);
    sl_buf_free(&c->aad);
    free(c);
}
static sl_str the_key(void) { return sl_str_n((const char *)key, key_n); }
const char *sl_cipher_stream(sl_cipher *c, sl_str in, sl_buf *out) {
    if (!c->stream) {
        unsigned char iv[16];
        if (c->iv.n == 16)
            memcpy(iv, c->iv.p, 16);
        else if (getrandom(iv, sizeof iv, 0) != sizeof iv)
            return "no random numbers for the IV";
        if (!(c->stream = c->aes->cfb(the_key(), iv)))
            return "AES could not be set up";
        sl_buf_put(out, (const char *)iv, sizeof iv);
    }
    return c->aes->step(c->stream, in, out) && !out->failed ? NULL : "encryption failed";
}
const char *sl_cipher_seal(sl_cipher *c, sl_str in, sl_buf *out) {
    if (c->cfb) {
        const char *why = sl_cipher_stream(c, in, out);
        if (c->stream)
            c->aes->end(c->stream);
        c->stream = NULL;
        return why;
    }
    unsigned char iv[12], tag[16];
    if (c->iv.n)
        memcpy(iv, c->iv.p, 12);
    else if (getrandom(iv, sizeof iv, 0) != sizeof iv)
        return "no random numbers for the nonce";
    sl_str n = sl_str_n((const char *)iv, 12);
    sl_buf sealed = {0};
    bool ok = c->aes->gcm(the_key(), n, sl_buf_view(&c->aad), in, &sealed, tag);
    if (ok && c->aad.n) { /* the tag in front, padded; no nonce */
        sl_buf_put(out, (const char *)tag, 16);
        for (int64_t i = 16; i < c->tagsize; i++)
            sl_buf_putc(out, 0);
        sl_buf_str(out, sl_buf_view(&sealed));
    } else if (ok) {
        sl_buf_str(out, n);
        sl_buf_str(out, sl_buf_view(&sealed));
        sl_buf_put(out, (const char *)tag, 16);
    }
    sl_buf_free(&sealed);
    return ok && !out->failed ? NULL : "encryption failed";
}
