/* TLS by OpenSSL with memory BIOs: no socket is ever given to the library. Contexts are made per connection: files that changed on disk count
 * at the next connect, and nothing is shared between threads. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include "net/tls.h"
#include "os/module.h"
SL_MODULE_STAMP
extern const sl_tls_engine sl_tls_engine_openssl;
extern const sl_rsa_check_fn sl_rsa_check_openssl;

struct sl_tls {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    char why[256];
};
static void tls_free(sl_tls *t) {
    if (!t)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    free(t);
}
static const char *queue_text(char *buf, size_t n) {
    unsigned long e = ERR_peek_error();
    const char *r = e ? ERR_reason_error_string(e) : NULL;
    snprintf(buf, n, "%s", r ? r : e ? "unknown reason" : "no reason given");
    ERR_clear_error();
    return buf;
}
static void failed(sl_tls *t, const char *what) {
    char r[160];
    long v = t->ssl ? SSL_get_verify_result(t->ssl) : X509_V_OK;
    queue_text(r, sizeof r);
    if (v != X509_V_OK)
        snprintf(t->why, sizeof t->why, "%s: %s: %s", what, r, X509_verify_cert_error_string(v));
    else
        snprintf(t->why, sizeof t->why, "%s: %s", what, r);
}
/* The raw properties hold PEM or the base64 text of PEM. */
static BIO *raw_bio(sl_str raw) {
    raw = sl_str_trim(raw);
    if (raw.n > INT32_MAX)
        return NULL;
    if (sl_str_starts(raw, SL_S("-----BEGIN"))) {
        BIO *b = BIO_new(BIO_s_mem());
        if (b)
            BIO_write(b, raw.p, (int)raw.n);
        return b;
    }
    unsigned char *plain = malloc(raw.n + 4);
    EVP_ENCODE_CTX *d = EVP_ENCODE_CTX_new();
    int n = 0, last = 0;
    BIO *b = NULL;
    if (plain && d) {
        EVP_DecodeInit(d);
        if (EVP_DecodeUpdate(d, plain, &n, (const unsigned char *)raw.p, (int)raw.n) >= 0 && EVP_DecodeFinal(d, plain + n, &last) == 1 && (b = BIO_new(BIO_s_mem())))
            BIO_write(b, plain, n + last);
    }
    EVP_ENCODE_CTX_free(d);
    free(plain);
    return b;
}
static BIO *open_pem(sl_str path, sl_str raw, const char *what, sl_err **e) {
    char r[160];
    BIO *b;
    if (path.n) {
        char *p = sl_strdup_n(path.p, path.n);
        b = p ? BIO_new_file(p, "r") : NULL;
        free(p);
        if (!b)
            *e = sl_err_new(SL_E_CONF, "%s %.*s cannot be read: %s", what, SL_FMT(path), queue_text(r, sizeof r));
    } else if (!(b = raw_bio(raw)))
        *e = sl_err_new(SL_E_CONF, "%s given raw is not the base64 text of a PEM document", what);
    return b;
}
static sl_err *load_cert(SSL_CTX *ctx, BIO *b) {
    char r[160];
    X509 *x = PEM_read_bio_X509_AUX(b, NULL, NULL, NULL);
    if (!x || SSL_CTX_use_certificate(ctx, x) != 1) {
        X509_free(x);
        return sl_err_new(SL_E_CONF, "client certificate cannot be used: %s", queue_text(r, sizeof r));
    }
    X509_free(x);
    while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, x) != 1)
            X509_free(x);
    ERR_clear_error(); /* the end of the file is reported as an error */
    return NULL;
}
static sl_err *load_key(SSL_CTX *ctx, BIO *b) {
    char r[160];
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
    bool ok = k && SSL_CTX_use_PrivateKey(ctx, k) == 1;
    EVP_PKEY_free(k);
    return ok ? NULL : sl_err_new(SL_E_CONF, "private key cannot be used: %s", queue_text(r, sizeof r));
}
static sl_err *load_ca(SSL_CTX *ctx, BIO *b) {
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509 *x;
    int n = 0;
    while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(store, x) == 1;
        X509_free(x);
    }
    ERR_clear_error();
    return n ? NULL : sl_err_new(SL_E_CONF, "root CA holds no certificate in PEM form");
}
static sl_err *load(SSL_CTX *ctx, const sl_tls_conf *c, bool server) {
    sl_err *e = NULL;
    BIO *b;
    if (c->cert_path.n || c->cert_raw.n) {
        if ((b = open_pem(c->cert_path, c->cert_raw, "certificate", &e)))
            e = load_cert(ctx, b);
        BIO_free(b);
        if (!e && (c->key_path.n || c->key_raw.n)) {
            if ((b = open_pem(c->key_path, c->key_raw, "private key", &e)))
                e = load_key(ctx, b);
            BIO_free(b);
        }
        char r[160];
        if (!e && SSL_CTX_check_private_key(ctx) != 1)
            e = sl_err_new(SL_E_CONF, "certificate and private key do not belong together: %s", queue_text(r, sizeof r));
    }
    if (!e && (c->ca_path.n || c->ca_raw.n)) { /* then only these are trusted */
        if ((b = open_pem(c->ca_path, c->ca_raw, "root CA", &e)))
            e = load_ca(ctx, b);
        BIO_free(b);
    } else if (!e && !server && !c->insecure)
        SSL_CTX_set_default_verify_paths(ctx);
    return e;
}
static sl_err *tls_open(const sl_tls_conf *c, const char *host, bool server, sl_tls **out) {
    ERR_clear_error();
    sl_tls *t = calloc(1, sizeof *t);
    if (!t || !(t->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()))) {
        free(t);
        return sl_err_new(SL_E_NOMEM, "out of memory for TLS");
    }
    sl_str v = c->min_version;
    int min = sl_str_ieq(v, SL_S("tls1.0")) ? TLS1_VERSION : sl_str_ieq(v, SL_S("tls1.1")) ? TLS1_1_VERSION : sl_str_ieq(v, SL_S("tls1.3")) ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(t->ctx, min);
    if (min < TLS1_2_VERSION) /* asked for by name; OpenSSL's default level would still refuse it */
        SSL_CTX_set_cipher_list(t->ctx, "DEFAULT@SECLEVEL=0");
    SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(t->ctx,
                       server            ? (c->ca_path.n || c->ca_raw.n ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE)
                           : c->insecure ? SSL_VERIFY_NONE
                                         : SSL_VERIFY_PEER,
                       NULL);
    sl_err *e = load(t->ctx, c, server);
    if (e) {
        tls_free(t);
        return e;
    }
    t->ssl = SSL_new(t->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        tls_free(t);
        return sl_err_new(SL_E_NOMEM, "out of memory for TLS");
    }
    BIO_set_mem_eof_return(t->in, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    if (server)
        SSL_set_accept_state(t->ssl);
    else {
        char *name = c->server_name.n ? sl_strdup_n(c->server_name.p, c->server_name.n) : sl_strdup_n(host, strlen(host));
        X509_VERIFY_PARAM *p = SSL_get0_param(t->ssl);
        if (name && X509_VERIFY_PARAM_set1_ip_asc(p, name) != 1) { /* no address: a name */
            ERR_clear_error();
            SSL_set_tlsext_host_name(t->ssl, name);
            X509_VERIFY_PARAM_set1_host(p, name, 0);
        }
        free(name);
        SSL_set_connect_state(t->ssl);
    }
    *out = t;
    return NULL;
}
static bool tls_feed(sl_tls *t, sl_str s) {
    while (s.n) {
        int n = BIO_write(t->in, s.p, s.n > 1 << 20 ? 1 << 20 : (int)s.n);
        if (n <= 0) {
            snprintf(t->why, sizeof t->why, "out of memory for TLS");
            return false;
        }
        s.p += n;
        s.n -= (size_t)n;
    }
    return true;
}
static int tls_handshake(sl_tls *t) {
    ERR_clear_error();
    int n = SSL_do_handshake(t->ssl);
    if (n == 1)
        return 1;
    int e = SSL_get_error(t->ssl, n);
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
        return 0;
    failed(t, "TLS handshake failed");
    return -1;
}
static ptrdiff_t tls_read(sl_tls *t, char *to, size_t room) {
    ERR_clear_error();
    int n = SSL_read(t->ssl, to, room > 1 << 20 ? 1 << 20 : (int)room);
    if (n > 0)
        return n;
    switch (SSL_get_error(t->ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return 0;
    case SSL_ERROR_ZERO_RETURN: return -2;
    default: failed(t, "TLS"); return -1;
    }
}
static bool tls_write(sl_tls *t, sl_str s) {
    ERR_clear_error();
    while (s.n) {
        int n = SSL_write(t->ssl, s.p, s.n > 1 << 20 ? 1 << 20 : (int)s.n);
        if (n <= 0) {
            failed(t, "TLS write failed");
            return false;
        }
        s.p += n;
        s.n -= (size_t)n;
    }
    return true;
}
static void tls_pending(sl_tls *t, sl_buf *out) {
    char *p;
    long n = BIO_get_mem_data(t->out, &p);
    if (n > 0) {
        sl_buf_put(out, p, (size_t)n);
        (void)BIO_reset(t->out);
    }
}
static void tls_bye(sl_tls *t) {
    if (SSL_is_init_finished(t->ssl)) {
        ERR_clear_error();
        SSL_shutdown(t->ssl);
        ERR_clear_error();
    }
}
static const char *tls_why(const sl_tls *t) { return t->why; }
const sl_tls_engine sl_tls_engine_openssl = {tls_open, tls_free, tls_feed, tls_handshake, tls_read, tls_write, tls_pending, tls_bye, tls_why};

/* ---- signatures ---- */
static EVP_PKEY *public_key(sl_str pem) {
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *k = b ? PEM_read_bio_PUBKEY(b, NULL, NULL, NULL) : NULL;
    if (!k && b && BIO_reset(b) == 1) {
        X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
        k = x ? X509_get_pubkey(x) : NULL;
        X509_free(x);
    }
    BIO_free(b);
    ERR_clear_error();
    return k;
}
static sl_err *rsa_check(sl_str pem, const char *alg, sl_str text, sl_str sig) {
    const EVP_MD *md = strcmp(alg + 2, "256") == 0 ? EVP_sha256() : strcmp(alg + 2, "384") == 0 ? EVP_sha384() : strcmp(alg + 2, "512") == 0 ? EVP_sha512() : NULL;
    if (!md || (strncmp(alg, "RS", 2) != 0 && strncmp(alg, "PS", 2) != 0))
        return sl_err_new(SL_E_UNDEFINED, "signing method %s is not offered, expected RS256, RS384, RS512, PS256, PS384 or PS512", alg);
    EVP_PKEY *k = pem.n < 1 << 20 ? public_key(pem) : NULL;
    if (!k || EVP_PKEY_get_base_id(k) != EVP_PKEY_RSA) {
        EVP_PKEY_free(k);
        return sl_err_new(SL_E_UNDEFINED, "the key file holds no RSA public key or certificate in PEM form");
    }
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc = NULL;
    bool ok = c && EVP_DigestVerifyInit(c, &pc, md, NULL, k) == 1;
    if (ok && alg[0] == 'P')
        ok = EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_AUTO) == 1;
    ok = ok && EVP_DigestVerify(c, (const unsigned char *)sig.p, sig.n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    ERR_clear_error();
    return ok ? NULL : sl_err_new(SL_E_UNDEFINED, "crypto/rsa: verification error");
}
const sl_rsa_check_fn sl_rsa_check_openssl = rsa_check;
