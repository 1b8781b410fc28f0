/* Inside of net: a request's connection taken over by another protocol (WebSocket). */
#ifndef SL_NET_HTTP_CONN_H
#define SL_NET_HTTP_CONN_H
#include "net/http.h"
typedef struct sl_http_raw_ops {
    void (*data)(void *arg, const char *p, size_t n); /* never inside of takeover */
    void (*gone)(void *arg);                          /* once; the connection is no more. Not after raw_close */
} sl_http_raw_ops;
/* Frees r, sends head, then bytes flow to ops. NULL: the peer is gone already. */
void *sl_http_takeover(sl_http_req *r, sl_str head, const sl_http_raw_ops *ops, void *arg);
void sl_http_raw_write(void *conn, const char *p, size_t n);
size_t sl_http_raw_waiting(void *conn); /* bytes not yet taken by the system */
void sl_http_raw_close(void *conn);     /* after what was written went out (or a while); no callback */
void sl_http_raw_pause(void *conn, bool pause);
sl_loop *sl_http_raw_loop(void *conn);
#endif
