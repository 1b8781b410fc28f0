/* The client's insides, shared by client.c (life, connection), subs.c (subscriptions), inbound.c (acknowledging what came) and outbound.c
 * (what goes out). */
#ifndef SL_CONN_MQTT_INSIDE_H
#define SL_CONN_MQTT_INSIDE_H
#include "base/vec.h"
#include "base/map.h"
#include "conn/mqtt/client.h"
#include "conn/mqtt/wire.h"

#define MQ_WINDOW 4096               /* our own bound of publishes in flight */
#define MQ_WINDOW_QOS2 20            /* below version 5, where brokers do not say how many they bear; mosquitto ends the connection beyond 20 */
#define MQ_WRITE_LIMIT (512u * 1024) /* bytes waiting for the socket before publishers are told to wait */
#define MQ_KEEP_LIMIT (16u << 20)    /* bytes kept for sending again in a lasting session */
#define MQ_RECEIVE_MAX 2048          /* version 5: unacknowledged messages we let the broker send */
#define MQ_PUB_IDS 60000u            /* packet identifiers 1 … for publishes, the rest for subscriptions */

/* ---- inbound QoS 1 and 2: a ring by order of arrival ---- */
enum { IN_HELD, IN_SETTLED, IN_RECEIVED /* PUBREC sent, PUBREL awaited */, IN_DONE };
typedef struct mq_in {
    uint16_t id;
    uint8_t qos, state;
    bool left;        /* somebody who got it ended before he settled it: never acknowledged, the broker sends it again */
    uint32_t holders; /* subscriptions that did not commit it yet */
    uint32_t epoch;   /* connection on which the broker sent it last */
} mq_in;
typedef struct mq_inring {
    mq_in *at;
    uint32_t cap;        /* power of two */
    uint64_t base, tail; /* sequence numbers */
    uint64_t ack_at;     /* all before it are acknowledged or of an older connection */
    uint32_t stale;      /* entries of an older connection that the broker may send again */
} mq_inring;
#define IN_AT(r, seq) (&(r)->at[(seq) & ((r)->cap - 1)])

/* ---- outbound QoS 1 and 2: a ring by order of sending; the packet identifier is the position ---- */
enum { OUT_SENT, OUT_RELEASED /* PUBREL sent, PUBCOMP awaited */, OUT_DONE };
typedef struct mq_out {
    mq_pub *pub; /* NULL: its publisher is gone */
    uint64_t seq;
    uint64_t off; /* kept bytes, absolute */
    uint32_t len; /* 0: not kept */
    uint8_t qos, state;
} mq_out;
typedef struct mq_outring {
    mq_out *at;
    uint32_t cap;
    uint64_t base, tail;
    sl_buf kept;       /* encoded packets, in order */
    uint64_t kept_off; /* absolute offset of kept.p[0] */
} mq_outring;
#define OUT_AT(r, seq) (&(r)->at[(seq) & ((r)->cap - 1)])

typedef struct mq_held { /* a message that a subscription has not committed */
    uint64_t pos, seq;
} mq_held;
typedef struct mq_topic { /* a filter subscribed at the broker, for all subscriptions that name it */
    uint32_t users;
    uint8_t qos;         /* asked for */
    uint8_t code;        /* the broker's answer; MQ_UNASKED, or 0x80 and above: refused */
    uint32_t sub;        /* version 5: subscription identifier, 0 = none */
    uint16_t id, at;     /* packet identifier and place of a SUBSCRIBE under way; 0 = none */
    sl_str filter, pure; /* pure: without $share/group/ */
    char text[];
} mq_topic;
#define MQ_UNASKED 0xFF
struct mq_sub {
    mq_sub *next;
    mq_client *client;
    const mq_sub_ops *ops;
    void *arg;
    mq_topic **topics;
    uint32_t ntopics;
    uint8_t qos;
    int ghost; /* gone, but may come back while it is not 0: ticks left */
    bool lasts, paused, gone, fresh /* got something since the last drained */;
    bool asks;     /* the broker's answer is awaited and will be told */
    mq_held *held; /* ring */
    uint32_t held_cap, held_at, held_n;
};
struct mq_pub {
    mq_pub *next;
    mq_pub *next_owed, **owed_at; /* list of those to whom answers are owed: a thousand idle publishers cost nothing; NULL = not in it */
    mq_client *client;
    const mq_pub_ops *ops;
    void *arg;
    bool hungry; /* was told to wait */
    bool gone;
    bool q0; /* QoS 0 messages first … last wait for the socket */
    uint64_t q0_first, q0_last;
    bool some; /* acknowledged first … last, not yet told */
    uint64_t some_first, some_last;
};

typedef enum mq_phase { MQ_IDLE, MQ_OPENING, MQ_GREETING, MQ_UP, MQ_LEAVING, MQ_GONE } mq_phase;
struct mq_client {
    sl_loop *loop;
    const mq_conf *conf;
    char *owner, *host, *client_id, *path /* WebSocket only */;
    int port, version;
    bool tls;
    sl_tls_conf tls_conf; /* with absolute paths */
    char *paths[3];
    unsigned refs;
    mq_phase phase;
    bool ever, told_down;
    char why[400];
    mq_wire *stream;
    sl_timer *timer;
    int64_t backoff;
    /* keep-alive */
    int64_t keepalive; /* seconds */
    bool wrote, heard;
    int silent; /* half periods since the last byte after a PINGREQ */
    /* reading */
    sl_mqtt_reader reader;
    sl_buf stash;    /* read but not handled: a subscription paused */
    uint32_t paused; /* paused subscriptions */
    bool reading, broken, resuming, ended;
    sl_buf scratch;
    size_t waiting; /* bytes the socket had not taken at the last write */
    char **alias;   /* version 5, inbound: [alias] topic */
    uint32_t nalias;
    /* limits of the broker */
    uint32_t receive_max, max_packet;
    uint8_t max_qos;
    bool retain_ok, sub_ids;
    uint32_t epoch;
    uint16_t next_sub_id;
    uint64_t pos;
    mq_inring in;
    mq_outring out;
    mq_sub *subs;
    sl_map *topics; /* filter -> mq_topic */
    mq_pub *pubs;
    mq_pub *owed, *telling; /* telling: of the round under way */
    uint32_t nhungry;
    bool dirty; /* answers gathered */
    sl_pool_phase where;
    SL_VEC(struct mq_orphan *) orphans; /* waiting.c */
    size_t orphan_bytes;
    uint32_t left; /* unacknowledged for good: they fill the broker's window until the next connection */
    sl_timer *ghosts;
    void (*watch)(void *arg, sl_conn_state s, sl_str why);
    void *watch_arg;
    sl_fn done;
    void *done_arg;
};

/* client.c */
void mq_send(mq_client *c, sl_str bytes);
void mq_send_ack(mq_client *c, sl_mqtt_type type, uint16_t id, uint8_t reason);
void mq_broken(mq_client *c, const char *why) __attribute__((cold)); /* the peer broke the protocol, or we must start over */
void mq_again(mq_client *c, const char *why);                        /* ends the connection and makes a new one at once */

/* waiting.c */
bool mq_wait_wanted(const mq_client *c, sl_str topic); /* should a message be kept for somebody who is to come? */
void mq_wait_keep(mq_client *c, const sl_mqtt_packet *p, uint64_t pos, uint64_t seq);
void mq_wait_ghost(mq_sub *s);               /* s is gone and may come back */
void mq_wait_found(mq_client *c, mq_sub *s); /* s is new: it gets what waited */
void mq_wait_free(mq_client *c);

const char *mq_send_packet(mq_client *c, const sl_mqtt_packet *p); /* NULL or what is wrong with it */

/* subs.c */
void mq_subs_connected(mq_client *c); /* asks the broker for all of them */
void mq_subs_lost(mq_client *c);
void mq_subs_confirmed(mq_client *c, const sl_mqtt_packet *p); /* SUBACK */
void mq_part(mq_sub *s);                                       /* UNSUBSCRIBE of what no other wants */
void mq_reap(mq_client *c);                                    /* frees those that left */
void mq_subs_free(mq_client *c);

/* inbound.c */
void mq_in_publish(mq_client *c, sl_mqtt_packet *p);
void mq_in_release(mq_client *c, uint16_t id); /* PUBREL */
bool mq_in_fits(const mq_sub *s, sl_str topic);
/* Brokers of version 5 may send a message once for each filter that fits it, with the identifiers of those filters. s takes the copy of its
 * first fitting filter. *known: the copy belongs to some filter of s. */
bool mq_in_mine(const mq_sub *s, const sl_mqtt_packet *p, bool *known);
bool mq_in_hold(mq_sub *s, uint64_t pos, uint64_t seq);   /* s has to settle it; false: out of memory */
void mq_in_unhold(mq_client *c, uint64_t seq, bool left); /* one holder less; left: it must come again */
void mq_in_run(mq_client *c);                             /* acknowledges the settled prefix */
void mq_in_connected(mq_client *c, bool resumed);
void mq_in_forget_aliases(mq_client *c);

/* outbound.c */
void mq_out_ack(mq_client *c, const sl_mqtt_packet *p); /* PUBACK, PUBREC, PUBCOMP */
void mq_out_connected(mq_client *c, bool resumed);      /* sends again what is in flight */
void mq_out_lost(mq_client *c, sl_str why);             /* the connection ended */
void mq_out_written(mq_client *c);                      /* the socket took everything */
void mq_out_tell(mq_client *c);                         /* hands gathered answers over */
#endif
