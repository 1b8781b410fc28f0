/* Streams: a TCP or TLS byte stream on a loop, client side. TLS comes from a module (OpenSSL, memory BIOs) loaded on first use. */
#ifndef SL_NET_STREAM_H
#define SL_NET_STREAM_H
#include "base/err.h"
#include "base/str.h"
#include "os/loop.h"
typedef struct sl_stream sl_stream;
typedef struct sl_tls_conf { /* all may be empty */
    sl_str cert_path, key_path, ca_path, cert_raw, key_raw, ca_raw, server_name, min_version;
    bool insecure;
} sl_tls_conf;
typedef struct sl_stream_ops {
    void (*opened)(void *arg);             /* connected (and TLS done) */
    void (*data)(void *arg, sl_str bytes); /* as much as the socket had */
    void (*drained)(void *arg);            /* the socket has no more right now */
    void (*writable)(void *arg);           /* what was queued went out */
    void (*closed)(void *arg, sl_str why); /* once; s must be freed by the owner afterwards */
} sl_stream_ops;
/* Starts connecting; all results come by callback. tls NULL = plain. host: name or address. */
sl_err *sl_stream_open(sl_loop *l, const char *host, int port, const sl_tls_conf *tls, int64_t timeout_ms, const sl_stream_ops *ops, void *arg, sl_stream **out);
/* Queues a copy; small writes of one turn leave in one system call. Returns bytes waiting. */
size_t sl_stream_write(sl_stream *s, sl_str bytes);
size_t sl_stream_waiting(const sl_stream *s);   /* bytes the socket has not taken */
void sl_stream_pause(sl_stream *s, bool pause); /* stop reading */
void sl_stream_free(sl_stream *s);              /* closes without a callback */
#endif
