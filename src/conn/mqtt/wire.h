/* The way of the bytes to the broker: a TCP or TLS stream, or binary WebSocket frames. One face for both, that of net/stream.h. Inside
 * conn/mqtt only. */
#ifndef SL_CONN_MQTT_WIRE_H
#define SL_CONN_MQTT_WIRE_H
#include "net/stream.h"
typedef struct mq_wire mq_wire;
typedef struct mq_addr { /* lent until mq_wire_open returns */
    const char *host;
    int port;
    const sl_tls_conf *tls; /* NULL = plain */
    const char *ws_path;    /* NULL = no WebSocket */
} mq_addr;
/* Calls and callbacks as in net/stream.h. */
sl_err *mq_wire_open(sl_loop *l, const mq_addr *a, int64_t timeout_ms, const sl_stream_ops *ops, void *arg, mq_wire **out);
size_t mq_wire_write(mq_wire *w, sl_str bytes);
void mq_wire_pause(mq_wire *w, bool pause);
void mq_wire_free(mq_wire *w);
#endif
