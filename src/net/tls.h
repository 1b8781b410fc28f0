/* The table that a TLS module fills (mod_openssl.c exports it as "sl_tls_engine"). An engine does no I/O: encrypted bytes go in and come out
 * by hand, so that streams and servers on any loop can use it. Inside net only. */
#ifndef SL_NET_TLS_H
#define SL_NET_TLS_H
#include <stddef.h>
#include "net/stream.h"
typedef struct sl_tls sl_tls;
typedef struct sl_tls_engine {
    /* host: name or address of the peer, for SNI and the check of its certificate (client side). server: accepts instead of connecting. */
    sl_err *(*open)(const sl_tls_conf *conf, const char *host, bool server, sl_tls **out);
    void (*free)(sl_tls *t);
    bool (*feed)(sl_tls *t, sl_str cipher);              /* bytes from the network; false: out of memory */
    int (*handshake)(sl_tls *t);                         /* 1 done, 0 wants more from the network, -1 failed */
    ptrdiff_t (*read)(sl_tls *t, char *to, size_t room); /* plain bytes; 0 no more now, -1 failed, -2 the peer ended */
    bool (*write)(sl_tls *t, sl_str plain);              /* takes all; false: failed */
    void (*pending)(sl_tls *t, sl_buf *out);             /* appends encrypted bytes that want to go out */
    void (*bye)(sl_tls *t);                              /* queues the end notice */
    const char *(*why)(const sl_tls *t);                 /* text of the last failure */
} sl_tls_engine;
typedef sl_err *(*sl_rsa_check_fn)(sl_str pem, const char *alg, sl_str text, sl_str sig); /* net/sign.h */
/* Loads the module on first use. */
sl_err *sl_tls_engine_get(const sl_tls_engine **out);
#endif
