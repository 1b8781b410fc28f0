/* The pool from the connectors' side: taking a named connection and reaching its client. Inside conn only.
 *
 * A pooled client lives on the pool's own loop (one thread for all of them, started with the first one), so that it can connect at once,
 * before anybody uses it, and outlives its users wherever they run. */
#ifndef SL_CONN_POOL_H
#define SL_CONN_POOL_H
#include "conn/conn.h"
typedef struct sl_pool_conn sl_pool_conn;
typedef struct sl_pool_kind { /* one per connection type with clients */
    const char *type;
    /* @on the pool's loop. props live as long as the client. state is told to the pool. */
    sl_err *(*open)(sl_loop *l, const char *id, const sl_json *props, sl_arena *a, const char *home, void (*state)(void *arg, sl_conn_state s, sl_str why), void *arg,
                    void **client);
    void (*phase)(void *client, sl_pool_phase p);
    void (*close)(void *client, sl_fn done, void *arg);
} sl_pool_kind;
extern const sl_pool_kind sl_pool_mqtt;
/* Takes one use; user: its name in "can't be dropped" messages. Unknown id: "connection <id> not existed". @on any */
sl_err *sl_pool_take(sl_str id, const char *type, const char *user, sl_pool_conn **out);
void sl_pool_give(sl_pool_conn *c, const char *user); /* @on any */
sl_loop *sl_pool_loop(const sl_pool_conn *c);
/* The client, or NULL and why it could not be made. @on the pool's loop */
void *sl_pool_client(sl_pool_conn *c, const char **why);
#endif
