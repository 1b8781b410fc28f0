/* MQTT 3.1, 3.1.1 and 5 on the wire: bytes to packets and back. Pure functions, no I/O, no clock.
 * Decision: a decoded packet is a set of spans into the input (payloads are never copied), and one struct serves every packet type in
 * both directions, so that a round trip is a comparison. Only a packet torn by the transport is put together in a buffer of the reader.
 * Decision: text the peer sends is judged here (UTF-8, no U+0000, lengths, reserved bits); what comes out is safe to use. */
#ifndef SL_NET_MQTT_H
#define SL_NET_MQTT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

typedef enum sl_mqtt_type {
    SL_MQTT_CONNECT = 1,
    SL_MQTT_CONNACK,
    SL_MQTT_PUBLISH,
    SL_MQTT_PUBACK,
    SL_MQTT_PUBREC,
    SL_MQTT_PUBREL,
    SL_MQTT_PUBCOMP,
    SL_MQTT_SUBSCRIBE,
    SL_MQTT_SUBACK,
    SL_MQTT_UNSUBSCRIBE,
    SL_MQTT_UNSUBACK,
    SL_MQTT_PINGREQ,
    SL_MQTT_PINGRESP,
    SL_MQTT_DISCONNECT,
    SL_MQTT_AUTH
} sl_mqtt_type;
enum { SL_MQTT_31 = 3, SL_MQTT_311 = 4, SL_MQTT_5 = 5 }; /* protocol level */
#define SL_MQTT_MAX_PACKET 268435460u                    /* largest whole packet the format can express */

typedef struct sl_mqtt_pair {
    sl_str name, value;
} sl_mqtt_pair;
typedef struct sl_mqtt_filter {
    sl_str filter;
    uint8_t options; /* bits 0-1 qos, 2 no local, 3 retain as published, 4-5 retain handling */
} sl_mqtt_filter;

/* Properties of MQTT 5; bit n of `have` says that identifier n is there, the other fields are undefined without it. */
enum {
    SL_MQTT_P_PAYLOAD_UTF8 = 0x01,
    SL_MQTT_P_MESSAGE_EXPIRY = 0x02,
    SL_MQTT_P_CONTENT_TYPE = 0x03,
    SL_MQTT_P_RESPONSE_TOPIC = 0x08,
    SL_MQTT_P_CORRELATION = 0x09,
    SL_MQTT_P_SUB_ID = 0x0B,
    SL_MQTT_P_SESSION_EXPIRY = 0x11,
    SL_MQTT_P_ASSIGNED_ID = 0x12,
    SL_MQTT_P_SERVER_KEEPALIVE = 0x13,
    SL_MQTT_P_AUTH_METHOD = 0x15,
    SL_MQTT_P_AUTH_DATA = 0x16,
    SL_MQTT_P_WANT_PROBLEM = 0x17,
    SL_MQTT_P_WILL_DELAY = 0x18,
    SL_MQTT_P_WANT_RESPONSE = 0x19,
    SL_MQTT_P_RESPONSE_INFO = 0x1A,
    SL_MQTT_P_SERVER_REF = 0x1C,
    SL_MQTT_P_REASON = 0x1F,
    SL_MQTT_P_RECEIVE_MAX = 0x21,
    SL_MQTT_P_ALIAS_MAX = 0x22,
    SL_MQTT_P_ALIAS = 0x23,
    SL_MQTT_P_MAX_QOS = 0x24,
    SL_MQTT_P_RETAIN_OK = 0x25,
    SL_MQTT_P_USER = 0x26,
    SL_MQTT_P_MAX_PACKET = 0x27,
    SL_MQTT_P_WILDCARD_OK = 0x28,
    SL_MQTT_P_SUBID_OK = 0x29,
    SL_MQTT_P_SHARED_OK = 0x2A
};
#define SL_MQTT_HAS(props, id) (((props)->have >> (id)) & 1u)
typedef struct sl_mqtt_props {
    uint64_t have;
    uint32_t num[0x2B];        /* integer properties by identifier (several SUB_ID: the last) */
    uint32_t subs[8], nsubs;   /* decoded PUBLISH with SUB_ID: all of them; nsubs above 8: more than there is room for */
    sl_str text[0x20];         /* text and binary properties by identifier (all are below 0x20) */
    sl_str user;               /* decoded: the span to walk with sl_mqtt_user() */
    const sl_mqtt_pair *users; /* to encode: user properties in order */
    uint32_t nusers;
} sl_mqtt_props;

typedef struct sl_mqtt_packet {
    uint8_t type;
    uint8_t qos;          /* PUBLISH */
    bool dup, retain;     /* PUBLISH */
    uint8_t reason;       /* CONNACK, PUBACK … PUBCOMP, DISCONNECT, AUTH: return or reason code */
    bool session_present; /* CONNACK */
    uint16_t id;          /* packet identifier */
    sl_str topic, payload;
    sl_str list;                   /* decoded SUBSCRIBE, UNSUBSCRIBE: walk with sl_mqtt_filter_next(); SUBACK, UNSUBACK: one code a byte */
    const sl_mqtt_filter *filters; /* to encode: SUBSCRIBE, UNSUBSCRIBE */
    uint32_t nfilters;
    /* CONNECT */
    uint8_t version, will_qos;
    bool clean, has_user, has_password, has_will, will_retain;
    uint16_t keepalive;
    sl_str client_id, user, password, will_topic, will_payload;
    sl_mqtt_props props; /* undefined except props.have, which is 0 below version 5 and for packets without properties */
} sl_mqtt_packet;

/* ---- reading ---- */
typedef struct sl_mqtt_reader { /* zero it, set version and limit; free with sl_mqtt_reader_free */
    int version;                /* of the connection; a CONNECT packet says its own and sets this */
    bool server;                /* reads what clients send (CONNECT, SUBSCRIBE …) instead of what brokers send */
    size_t limit;               /* whole packets above this are refused; 0 = the format's own limit */
    sl_str in;                  /* not yet read part of what was fed */
    sl_buf part;                /* a torn packet */
    bool spent;                 /* part was handed out and may be reused */
    char why[160];              /* text of the error */
} sl_mqtt_reader;
/* Gives the next piece of input; it is lent until sl_mqtt_next has returned 0 or less. */
static inline void sl_mqtt_feed(sl_mqtt_reader *r, sl_str bytes) { r->in = bytes; }
/* Next packet: 1 = there (its spans live until the next call), 0 = wants more input, -1 = the peer broke the protocol (r->why). */
int sl_mqtt_next(sl_mqtt_reader *r, sl_mqtt_packet *out);
void sl_mqtt_reader_free(sl_mqtt_reader *r);
/* Decodes one whole packet (fixed header included). false: why (room for 160). version is updated by CONNECT. */
bool sl_mqtt_decode(sl_str packet, int *version, bool server, sl_mqtt_packet *out, char *why);
/* Walks user properties: true and *pair, or false at the end. Start with *span = props.user (only when the USER bit is set). */
bool sl_mqtt_user(sl_str *span, sl_mqtt_pair *pair);
/* Walks filters of SUBSCRIBE (with options) or UNSUBSCRIBE. */
bool sl_mqtt_filter_next(sl_str *list, bool with_options, sl_mqtt_filter *f);

/* ---- writing ---- all append to out; NULL or what is wrong (then nothing was appended) */
const char *sl_mqtt_put(sl_buf *out, int version, const sl_mqtt_packet *p);
/* The two packets of the row path. props may be NULL; only its user pairs and set bits are written (version 5). */
const char *sl_mqtt_put_publish(sl_buf *out, int version, sl_str topic, sl_str payload, uint8_t qos, bool dup, bool retain, uint16_t id, const sl_mqtt_props *props);
/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
void sl_mqtt_put_ack(sl_buf *out, int version, sl_mqtt_type type, uint16_t id, uint8_t reason);

/* ---- topics ---- */
bool sl_mqtt_match(sl_str filter, sl_str topic); /* filter without $share; "+", "#", topics with $ as the standard says */
sl_str sl_mqtt_unshare(sl_str filter);           /* "$share/group/a/b" -> "a/b"; others unchanged */
const char *sl_mqtt_filter_check(sl_str filter); /* NULL or what is wrong */
const char *sl_mqtt_topic_check(sl_str topic);   /* of a publish */
/* What a return code (CONNACK below 5) or reason code means, in words. */
const char *sl_mqtt_connack_text(int version, uint8_t code);
const char *sl_mqtt_reason_text(uint8_t code);
#endif
