/* The outside world: contracts of sources, sinks, lookups and connections. A connector is one file or folder that ends with one
 * sl_conn_def, and that object is all the house knows of it. It serves eKuiper's vocabulary and Connect's without knowing which called.
 *
 * Threads: every operation of one instance runs on the loop it was opened with (a lane). A connector never blocks that loop; blocking
 * clients live on a thread of their own and post. Nobody here retries or sleeps by himself after a put: he answers, flow's sink policy decides.
 * (A connection to a broker does reconnect by itself, with back-off, and says so through `state`.)
 *
 * Decision: answers are asynchronous and by sequence number, so that QoS 1 sinks pipeline; a synchronous sink answers inside put. */
#ifndef SL_CONN_CONN_H
#define SL_CONN_CONN_H
#include "base/err.h"
#include "data/batch.h"
#include "os/loop.h"
#include "spec/spec.h"

/* ---- environment lent to every instance ---- */
typedef struct sl_conn_env {
    sl_loop *loop;
    const char *home;           /* folder with etc/ data/ log/ */
    const char *rule_id;        /* owner's name in messages */
    const char *op_name;        /* "demo", "mqtt_0" */
    struct sl_http_mount *http; /* shared data server (push sources, websocket, sse); NULL in units */
    bool private_net;           /* enablePrivateNet */
    sl_zone zone;
    bool lasts; /* rule qos >= 1: the source is asked to acknowledge only on commit */
} sl_conn_env;

typedef enum sl_conn_state { SL_CONN_CONNECTING, SL_CONN_CONNECTED, SL_CONN_DISCONNECTED } sl_conn_state;

/* ---- source ---- */
typedef struct sl_packet { /* one message of bytes; everything lent during give */
    sl_str bytes;
    const sl_member *meta; /* metadata as upstream names it (topic, qos, messageId …) */
    uint32_t nmeta;
    uint64_t pos;  /* the source's own token, rising; commit(upto) comes back with the last settled one */
    bool whole;    /* binary hint: the payload is a complete document even if the codec is line oriented */
    int64_t at_ms; /* 0 = now */
    uint16_t id;   /* the peer's own number of this delivery, 0 = none … */
    bool again;    /* … and it says that it may have sent it before */
} sl_packet;
typedef struct sl_source_out sl_source_out;
struct sl_source_out { /* implemented by flow; lent for the life of the source; @on the source's loop */
    /* Takes one message. false: taken, but pause now (pause() need not be called back; resume() will come). */
    bool (*bytes)(sl_source_out *o, const sl_packet *p);
    /* A builder for sources that deliver rows; the layout and wildcard wish are those of the flow. Rows are put into it; then rows() publishes. */
    sl_builder *(*builder)(sl_source_out *o);
    bool (*rows)(sl_source_out *o, uint64_t pos); /* publishes what the builder holds; return as bytes() */
    void (*drained)(sl_source_out *o);            /* natural end of a batch: nothing more is waiting right now */
    void (*error)(sl_source_out *o, sl_str text); /* ingest error: counted, an ERROR frame when sendError */
    void (*eof)(sl_source_out *o);
    void (*state)(sl_source_out *o, sl_conn_state s, sl_str why);
    bool keeps; /* set before open: what is given goes to a journal, and is committed when that is on the disk */
};
typedef struct sl_source sl_source; /* the connector's own struct starts as it likes; opaque here */
typedef struct sl_source_ops {
    bool rows;    /* delivers rows (no decode step) */
    bool bounded; /* may signal eof */
    bool rewinds; /* position can be saved and given back */
    bool shares;  /* several streams of one connection */
    bool journal; /* what it gives cannot be had again once it is committed (or lost): statements with memory, in rules with qos >= 1, keep it in a journal */
    /* Checks conf beyond the table's rules; called at rule creation, contacts nobody. NULL = nothing to check. */
    sl_err *(*check)(const void *conf, sl_str datasource);
    /* Are local things there that must exist when a rule is created (a file)? NULL = nothing to look for. */
    sl_err *(*exists)(const void *conf, sl_str datasource, const char *home);
    /* Opens and starts delivering (asynchronously where a peer is involved: a peer that is away is not an error, `state` tells). conf and
     * datasource are lent until close. from: saved position (JSON text) or "". */
    sl_err *(*open)(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src);
    void (*commit)(sl_source *s, uint64_t upto); /* all packets with pos <= upto are settled (of rows: only when `keeps`); may be NULL */
    void (*pause)(sl_source *s);
    void (*resume)(sl_source *s);
    bool (*position)(sl_source *s, uint64_t upto, sl_buf *json); /* position behind the packet upto, for checkpoints; NULL unless rewinds */
    /* Ends. done(arg) is called (possibly at once) when nothing of s is used any more. */
    void (*close)(sl_source *s, sl_fn done, void *arg);
} sl_source_ops;

/* ---- sink ---- */
typedef enum sl_answer {
    SL_DELIVERED,
    SL_LATER, /* busy or a recoverable I/O error: the same message may succeed later */
    SL_BAD,   /* this message will never be taken */
    SL_DOWN   /* the peer is away: nothing will succeed until state(CONNECTED) */
} sl_answer;
typedef struct sl_message { /* lent during put; the sink copies what it keeps */
    sl_str bytes;           /* bytes sinks: the encoded payload */
    const sl_batch *batch;  /* row sinks: rows [first, first+count); hold it to keep it */
    uint32_t first, count;
    bool collection;     /* row sinks: the rows came as one list (sendSingle=false) */
    const sl_str *props; /* values of templated properties in table order of SL_P_TEMPLATE rows; NULL, or .p NULL of one: the constant holds */
    bool is_error;       /* an error event: bytes are its bare text; row sinks get one row {"error":text} */
    uint64_t seq;
} sl_message;
typedef struct sl_sink_host sl_sink_host;
struct sl_sink_host { /* implemented by flow; @on the sink's loop */
    /* Messages first … last (by seq) were answered. why: text, lent, "" when delivered. */
    void (*answer)(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why);
    void (*state)(sl_sink_host *h, sl_conn_state s, sl_str why);
    /* Room again after put returned false. */
    void (*ready)(sl_sink_host *h);
};
typedef struct sl_sink sl_sink;
typedef struct sl_sink_ops {
    bool rows;
    bool writes_stream; /* file: does its own rolling, framing and compression; gets messages one by one */
    sl_err *(*check)(const void *conf);
    sl_err *(*open)(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink);
    /* Offers n messages; returns how many were taken (the rest is offered again after ready()). Every taken one is answered exactly once,
     * possibly before put returns, also on close (then as SL_DOWN). */
    uint32_t (*put)(sl_sink *s, const sl_message *m, uint32_t n);
    void (*flush)(sl_sink *s); /* end of a batch: send what is buffered; may be NULL */
    /* Does it take messages without looking at them? Then they are counted as delivered; nothing is encoded, put is not called. NULL: it looks. */
    bool (*blind)(const void *conf);
    void (*close)(sl_sink *s, sl_fn done, void *arg);
} sl_sink_ops;

/* ---- lookup (memory first; asynchronous by shape) ---- */
typedef struct sl_lookup sl_lookup;
typedef struct sl_lookup_ops {
    sl_err *(*check)(const void *conf, sl_str datasource);
    sl_err *(*open)(const void *conf, sl_str datasource, const sl_conn_env *env, sl_lookup **l);
    /* Rows whose key columns equal the values; done gets a LIST of MAP (memory from a, which lives until done) or an ERROR. */
    void (*look)(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg);
    /* Answers n questions together where that needs no waiting (vals: those of one behind those of the other). out[i]: a LIST of MAP or an ERROR, lent until
     * the loop's next turn or in a; left ABSENT where look must be asked. May be NULL. */
    void (*now)(sl_lookup *l, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *out);
    /* Ends; done is called behind the answers that are still to come (as errors, where they need not be waited for). */
    void (*close)(sl_lookup *l, sl_fn done, void *arg);
} sl_lookup_ops;

typedef struct sl_conn_def {
    const char *name; /* eKuiper's TYPE / action key */
    const char *title;
    const char *doc;      /* one sentence */
    const sl_prop *props; /* one table for both directions; rows say where they apply */
    size_t conf_size;
    const char *datasource; /* what DATASOURCE means, for docs and metadata */
    const sl_source_ops *source;
    const sl_sink_ops *sink;
    const sl_lookup_ops *lookup;
    const char *connection;          /* connection type of /connections it shares ("mqtt"), or NULL */
    const char *kc_source, *kc_sink; /* Kafka Connect class names or NULL */
    /* Tries to reach the peer (POST /metadata/.../connection/, /connections ping): answers once on the loop. May be NULL. */
    void (*ping)(const void *conf, const sl_conn_env *env, void (*done)(void *arg, sl_err *e), void *arg);
} sl_conn_def;
const sl_conn_def *sl_conn_find(sl_str name); /* exact, case-sensitive; NULL unknown */
const sl_conn_def *sl_conn_at(size_t i);
extern const sl_conn_def sl_conn_mqtt, sl_conn_httppush, sl_conn_file, sl_conn_memory, sl_conn_simulator, sl_conn_rest, sl_conn_log, sl_conn_nop, sl_conn_httppull,
    sl_conn_websocket, sl_conn_sse;

/* ---- shared connections (connection.yaml, POST /connections, connectionSelector): one client, many users ----
 * The office defines them by id; a connector with def->connection asks for one by id at open (property connectionSelector). */
sl_err *sl_pool_define(sl_str id, sl_str type, const sl_json *props);      /* @on office; replaces only when unused */
sl_err *sl_pool_undefine(sl_str id);                                       /* refused while used: text as upstream */
bool sl_pool_props(sl_str id, sl_arena *a, sl_json **props, sl_str *type); /* copy; @on any */
/* State of a named connection and, when disconnected, why (cut to n bytes, NUL-terminated). false: unknown id. @on any */
bool sl_pool_status(sl_str id, sl_conn_state *s, char *why, size_t n);
int sl_pool_refs(sl_str id); /* how many use it; -1: unknown id. @on any */
/* home: folder for relative paths in connections. Before the first definition; without it they are relative to the working folder. @on office */
void sl_pool_home(const char *home);
/* Lets named connections live on this running loop instead of on a thread of their own: their sinks there need no letters. Before the first
 * definition; l must run until sl_pool_stop() returned. */
void sl_pool_on(sl_loop *l);
typedef enum sl_pool_phase {
    SL_POOL_RUN,
    SL_POOL_BOOT,   /* users are still to come: what a lasting session kept for them waits until they are there */
    SL_POOL_LEAVING /* the process ends: subscriptions of lasting sessions stay at their brokers */
} sl_pool_phase;
void sl_pool_phase_set(sl_pool_phase p); /* @on any; SL_POOL_RUN at first */
/* Ends all connections and the pool's thread; nobody may use one any more. @on office */
void sl_pool_stop(void);
#endif
