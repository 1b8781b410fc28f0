/* One MQTT client: a connection to a broker with its session, and the subscriptions and publishers that share it. Inside conn/mqtt only.
 *
 * Decision: everything here is @on the loop the client was made with. Users on other loops go through remote.h, which moves whole batches as
 * letters and offers the same callbacks; so sources and sinks are written once, and nothing here knows about threads. */
#ifndef SL_CONN_MQTT_CLIENT_H
#define SL_CONN_MQTT_CLIENT_H
#include "conn/conn.h"
#include "net/mqtt.h"
#include "net/stream.h"

typedef struct mq_conf { /* all properties of sources, sinks and named connections */
    sl_str server, version, clientid, username, password, state_path;
    bool session;
    int64_t session_expiry;
    int64_t qos;
    sl_str eof_message; /* source, base64 */
    sl_str topic;       /* sink */
    bool retained;
    sl_json *properties;
    sl_str selector;
    sl_tls_conf tls;
} mq_conf;

extern const sl_prop mq_props[]; /* property table of the connector, mqtt.c */

typedef struct mq_client mq_client;
typedef struct mq_sub mq_sub;
typedef struct mq_pub mq_pub;

/* Checks server and version; NULL = fine. */
sl_err *mq_conf_check(const mq_conf *c);
/* Starts connecting and keeps on trying. conf is lent until close is done; home: folder for relative paths. */
sl_err *mq_client_new(sl_loop *l, const mq_conf *conf, const char *home, const char *owner, mq_client **out);
/* Says goodbye to the broker and ends; subs and pubs must be gone. done: nothing of the client (nor of conf) is used any more. */
void mq_client_close(mq_client *c, sl_fn done, void *arg);
sl_conn_state mq_client_state(const mq_client *c);
const char *mq_client_why(const mq_client *c); /* reason of the last disconnect */
/* One observer of the connection's state (the pool). */
void mq_client_watch(mq_client *c, void (*state)(void *arg, sl_conn_state s, sl_str why), void *arg);

/* ---- subscriptions ---- */
typedef struct mq_sub_ops {
    bool (*message)(void *arg, const sl_mqtt_packet *p, uint64_t pos); /* false: taken, but pause now */
    void (*drained)(void *arg);
    void (*error)(void *arg, sl_str text);
    void (*state)(void *arg, sl_conn_state s, sl_str why); /* CONNECTED: the broker confirmed the subscription */
} mq_sub_ops;
/* filters: comma-separated as in DATASOURCE. lasts: acknowledge only what mq_commit() names, else each message once `message` returned. */
sl_err *mq_subscribe(mq_client *c, sl_str filters, uint8_t qos, bool lasts, const mq_sub_ops *ops, void *arg, mq_sub **out);
void mq_commit(mq_sub *s, uint64_t upto);
void mq_pause(mq_sub *s, bool pause);
typedef enum mq_leave {
    MQ_STAYS,   /* the subscription stays at the broker (its session collects until we come back), unsettled messages unacknowledged */
    MQ_RETURNS, /* as MQ_LEAVES, but when the session lasts somebody may come back for what is unsettled: see waiting.c */
    MQ_LEAVES   /* what is unsettled is acknowledged, so that it does not fill the window of the other users */
} mq_leave;
void mq_unsubscribe(mq_sub *s, mq_leave how); /* Ends. */
/* Of a shared client: whether users are still to come (BOOT) or leave for good (LEAVING). */
void mq_client_phase(mq_client *c, sl_pool_phase p);

/* ---- publishers ---- */
typedef struct mq_message {
    sl_str topic, payload;
    uint8_t qos;
    bool retain;
    const sl_mqtt_pair *users; /* version 5 */
    uint32_t nusers;
    uint64_t seq;
} mq_message;
typedef struct mq_pub_ops {
    void (*answer)(void *arg, uint64_t first, uint64_t last, sl_answer a, sl_str why);
    void (*ready)(void *arg);
    void (*state)(void *arg, sl_conn_state s, sl_str why);
} mq_pub_ops;
sl_err *mq_publisher(mq_client *c, const mq_pub_ops *ops, void *arg, mq_pub **out);
/* false: no room, `ready` will come. Everything taken is answered exactly once. */
bool mq_publish(mq_pub *p, const mq_message *m);
/* Ends; what is not acknowledged is answered SL_DOWN before this returns. */
void mq_publisher_close(mq_pub *p);
#endif
