/* Inside of net: what the module around libcurl exports. */
#ifndef SL_NET_HTTP_CLIENT_H
#define SL_NET_HTTP_CLIENT_H
#include "net/http.h"
typedef struct sl_http_client_table {
    sl_err *(*make)(sl_loop *l, sl_http_client **out);
    void (*call)(sl_http_client *c, const sl_http_call *call, void (*done)(void *arg, const sl_http_result *r), void *arg);
    void (*free)(sl_http_client *c);
} sl_http_client_table;
/* SL_HTTP_PRIVATE's test: loopback, private, link-local, multicast, unspecified. */
bool sl_http_addr_internal(const struct sockaddr *a);
#endif
