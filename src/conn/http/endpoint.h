/* Inside of conn/http: endpoints of the data server with many peers (WebSocket, server-sent events), shared by all sources and sinks that
 * name the same path. A user lives on a lane; peers live on the server's loop; letters go between. */
#ifndef SL_CONN_HTTP_ENDPOINT_H
#define SL_CONN_HTTP_ENDPOINT_H
#include "conn/conn.h"
#include "net/http.h"
typedef struct sl_endpoint sl_endpoint;         /* one user of an endpoint */
typedef struct sl_endpoint_ops {                /* @on the user's lane */
    void (*joined)(void *arg, const char *why); /* NULL: it is there; else why not */
    bool (*message)(void *arg, sl_str bytes);   /* a text frame came; false: pause. NULL for sinks */
    void (*sent)(void *arg, uint64_t seq);      /* was written to every peer that keeps up */
} sl_endpoint_ops;
enum { SL_ENDPOINT_WAITING = 1024 }; /* letters on the way in each direction */
typedef enum sl_endpoint_kind { SL_EP_WS, SL_EP_SSE, SL_EP_EITHER /* event streams, and WebSocket for who asks for it */ } sl_endpoint_kind;
sl_err *sl_endpoint_open(const sl_conn_env *env, sl_str path, sl_endpoint_kind kind, const sl_endpoint_ops *ops, void *arg, sl_endpoint **out);
/* false: too much is on the way; room again after a sent(). */
bool sl_endpoint_send(sl_endpoint *e, uint64_t seq, sl_str bytes);
void sl_endpoint_pause(sl_endpoint *e, bool pause);
void sl_endpoint_close(sl_endpoint *e, sl_fn done, void *arg); /* what is on the way is still told (sent) before done */
#endif
