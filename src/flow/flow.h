/* Rows moving: the only place where everything meets. A rule and a Connect task both become a flow spec, built and run here.
 *
 *   source (connector -> decode) ==batches==> flow (exec) ==derived batches==> sinks (transform -> encode -> queue -> connector)
 *
 * A flow and its source live on one lane for life. Inside a flow there are no queues but the one in front of each sink; nodes are a
 * fused chain of calls. A shared stream is one source with many flows. Between office and lanes only letters (sl_post). */
#ifndef SL_FLOW_FLOW_H
#define SL_FLOW_FLOW_H
#include <stdatomic.h>
#include "base/vec.h"
#include "codec/codec.h"
#include "conn/conn.h"
#include "data/cipher.h"
#include "data/press.h"
#include "data/template.h"
#include "sql/plan.h"

/* ---- lanes ---- */
typedef struct sl_lane sl_lane;
sl_err *sl_lanes_start(int n); /* @on main, once; n 0 = one per core but one, at least one */
void sl_lanes_stop(void);      /* flows must be closed before */
int sl_lane_count(void);
sl_lane *sl_lane_at(int i);
sl_loop *sl_lane_loop(sl_lane *l);

/* ---- common source properties (connectors.md 4, 13, 14) ---- */
typedef struct sl_srcopts {
    int64_t interval_ns, send_ns;
    sl_str decompression, merge_field, merger, payload_format, payload_field, payload_batch, payload_schema, payload_delimiter;
    sl_press unpress;
    const sl_codec_def *payload; /* second decoder */
    sl_codec_conf payload_conf;
} sl_srcopts;
extern const sl_prop sl_srcopts_props[];

/* ---- what a source is; shared by all flows of a shared stream; immutable ---- */
typedef struct sl_srcdef {
    _Atomic uint32_t refs;
    sl_arena *arena; /* owns all below */
    sl_str stream, datasource;
    sl_str identity; /* text that differs when the definition or its properties differ: flows share a source only when equal */
    const sl_conn_def *def;
    void *conf;                /* filled property struct */
    const sl_codec_def *codec; /* NULL: the connector delivers rows */
    sl_codec_conf codec_conf;
    const struct sl_srcopts *in; /* common source properties, NULL when none is used */
    const sl_field *fields;      /* declared columns */
    uint32_t nfields;
    bool shared, strict;
    sl_str timestamp_format;
    sl_zone zone;
    bool is_lookup;          /* a lookup table */
    struct sl_lookopts {     /* its cache of answers, kept by each rule for itself */
        bool cache, missing; /* missing: that there is nothing is kept too */
        int64_t ttl_ms;      /* 0: for ever */
    } look;
} sl_srcdef;
sl_srcdef *sl_srcdef_new(void); /* refs 1, empty arena; NULL out of memory */
/* Reads the common properties, once def and codec are set. Errors: code EXEC with upstream's text; what cannot run is refused by name. */
sl_err *sl_srcdef_common(sl_srcdef *d, const sl_json *props);
/* Reads the properties of a lookup table that are the flow's: lookup.cache, lookup.cacheTtl, lookup.cacheMissingKey. */
sl_err *sl_srcdef_lookup(sl_srcdef *d, const sl_json *props);
sl_srcdef *sl_srcdef_hold(sl_srcdef *d);
void sl_srcdef_drop(sl_srcdef *d);

/* ---- what a sink is ---- */
typedef struct sl_sinkopts { /* common sink properties (connectors.md 5) */
    bool send_single, omit_empty, has_header;
    int64_t buffer_length, batch_size, concurrency;
    int64_t linger_ns, resend_ns;
    sl_str format, delimiter, schemaid, data_template, data_field, table_data_field, compression, encryption;
    sl_strs fields, exclude;
    bool cache, resend_alter, cache_clean;
    int64_t cache_memory, cache_disk, cache_page, resend_priority;
    sl_str resend_indicator, resend_destination, resource_id, selector;
    sl_json *compression_props, *enc_props;
} sl_sinkopts;
extern const sl_prop sl_sinkopts_props[];
typedef struct sl_sinkdef {
    sl_str type; /* action key */
    const sl_conn_def *def;
    void *conf;
    sl_sinkopts opts;
    const sl_codec_def *codec; /* NULL: the connector takes rows */
    sl_codec_conf codec_conf;
    sl_press press;             /* compression of payloads */
    sl_template *data_template; /* NULL: none */
    struct sl_sinkdyn *dyn;     /* templates of the action */
    struct sl_sinkdef *resend;  /* resendAlterQueue: the second instance, to resendDestination; else NULL */
} sl_sinkdef;
/* Fills d from the property object of an action: common properties, the connector's own, codec. Memory from a. Errors: code EXEC with
 * upstream's text; what cannot run yet is refused by name. */
sl_err *sl_sinkdef_make(sl_arena *a, sl_str type, const sl_json *props, sl_sinkdef *d);
void sl_sinkdef_drop(sl_sinkdef *d); /* frees what is not in the arena; also after a failed make */

enum { SL_SINK_STEPS = 5 };
/* What a message passes before this sink, in order ("transform", "encode", …), as status and topology list it. Returns how many. */
uint32_t sl_sinkdef_steps(const sl_sinkdef *d, const char *steps[SL_SINK_STEPS]);

/* ---- a flow ---- */
typedef struct sl_flowspec {
    sl_arena *arena; /* owns all below but plan and src */
    sl_str rule_id;
    sl_plan *plan;    /* held */
    sl_srcdef *src;   /* held: source 0 of the plan */
    sl_srcdef **more; /* held: sources 1 … of the plan; NULL where the plan says same_as */
    uint32_t nmore;
    sl_sinkdef *sinks;
    uint32_t nsinks;
    bool send_error;
    /* State of the statement and where its sources are, for rules with qos 1 or 2: what was saved last (malloc'ed, owned; NULL none), how often it is saved
     * (0: only when the rule ends), and who keeps it (called @on office with the state lent; false: it could not be kept, and was told). */
    char *state;
    size_t nstate;
    int64_t checkpoint_ms;
    bool (*keep)(void *arg, sl_str rule_id, sl_str state);
    void *keep_arg;
    int qos;
    int64_t buffer_length;
    int64_t journal_limit; /* bytes, 0: 512 MiB */
    const char *home;
    struct sl_http_mount *http;
    bool private_net;
    int64_t memory_soft, memory_hard; /* bytes it may hold: from here on held back, from there on failed; 0 no limit */
    sl_str from;                      /* JSON position that a private source starts from, "" = its own beginning */
} sl_flowspec;
void sl_flowspec_free(sl_flowspec *s);

typedef struct sl_flow sl_flow;
/* Bytes that all flows may hold together; beyond, one that holds at least the mean of all is failed. 0: no limit. @on office, before flows are made */
void sl_flow_memory(int64_t bytes);
typedef enum sl_flow_event { SL_FLOW_FAILED, SL_FLOW_DONE, SL_FLOW_LIMIT /* failed by its memory limit: it would again */ } sl_flow_event;
/* Takes spec. event comes on the office's loop, at most once, never after close's done. */
sl_err *sl_flow_new(sl_flowspec *spec, sl_loop *office, void (*event)(void *arg, sl_flow_event e, const char *why), void *arg, sl_flow **out);
void sl_flow_open(sl_flow *f);                       /* posts the opening to the flow's lane. @on office */
enum { SL_HIST_BUCKETS = 20 };                       /* bounds 10 us * 2^k */
typedef struct sl_hist {                             /* durations */
    uint64_t count, sum_us, bucket[SL_HIST_BUCKETS]; /* each bucket counts what fell into it alone; beyond the last: only in count */
} sl_hist;
typedef struct sl_meter {
    char *name;    /* "demo", "2_decoder", "mqtt_0" */
    uint8_t where; /* 0 source, 1 op, 2 sink */
    uint64_t in, out, processed, errors, dropped, failed, filtered;
    int64_t latency_us, last_ms;
    uint64_t buffer;
    char *last_error;
    int64_t last_error_ms;
    int conn; /* 1 connected, 0 connecting, -1 disconnected */
    int64_t conn_at, disconn_at, try_at;
    char *disconn_why;
    sl_hist *hist; /* of latency_us; NULL until something was processed */
} sl_meter;
typedef struct sl_journal_meters { /* of a rule that keeps what comes in a journal */
    bool replaying;
    uint64_t bytes, waiting, records; /* on disk; not yet there; in it */
    uint64_t next, durable, cursor;   /* numbers: of the next packet; written; all up to it are in the state that was kept last */
    uint64_t replayed, repeated;      /* since the start: taken from the journal; sent again by the peer and recognised */
    uint64_t torn, bad, lost;         /* damage: bytes cut off, bytes passed over, packets missing */
    char trouble[200];                /* why it cannot be written now, "" */
} sl_journal_meters;
typedef struct sl_meters {
    sl_meter *at;
    uint32_t n;
    int64_t busy_us;                                        /* time that the flow's turns took, its source's excluded */
    uint64_t rows_in, rows_filtered, rows_failed, rows_out; /* ledger of the entry: in = filtered + failed + out, or, with memory, */
    uint64_t rows_late, rows_absorbed;                      /* in = filtered + failed + late + absorbed */
    int64_t bytes_state, bytes_queued;                      /* what it holds across turns */
    bool held_back;                                         /* its sources, for the soft mark */
    sl_journal_meters *journal;                             /* NULL: it has none */
} sl_meters;
void sl_meters_free(sl_meters *m);
/* Ends: intake stops, what is in flight may settle for up to a second, everything is closed. done comes on the office's loop with the last
 * meters (done takes their content); the flow is gone afterwards. @on office */
void sl_flow_close(sl_flow *f, void (*done)(void *arg, sl_meters *m), void *arg);
/* Snapshot of the meters; done on the office's loop, takes the content. */
void sl_flow_meters(sl_flow *f, void (*done)(void *arg, sl_meters *m), void *arg);
/* What its scan tables hold, as JSON (lent; "" when there is nothing); done on the office's loop. @on office */
void sl_flow_tables(sl_flow *f, void (*done)(void *arg, sl_str json), void *arg);
/* ---- watching a flow: one message on its way ---- */
typedef struct sl_trace_msg {
    char trace[33], parent[17]; /* the trace it came with; "" */
    char *payload;              /* bytes as they came; NULL when rows came */
    size_t payload_n;
    char *in, *out; /* the row before and behind the statement as JSON; NULL when not known */
    uint32_t row;
} sl_trace_msg;
typedef struct sl_trace { /* the messages of one batch */
    char *rule;
    int64_t at[5]; /* wall clock in ns: arrived, at the decoder, decoded, through the statement, with the sinks */
    sl_trace_msg *msgs;
    uint32_t n;
    bool alone, passed; /* one message; something came out */
} sl_trace;
void sl_trace_free(sl_trace *t);
/* Starts or ends watching; head: only messages that came with a trace. got comes on the office's loop and owns t. @on office */
void sl_flow_trace(sl_flow *f, bool on, bool head, void (*got)(void *arg, sl_trace *t), void *arg);
void sl_flow_zone(sl_flow *f, sl_zone zone); /* for date functions, from now on. @on office, while the flow is open */
/* Shows what the flow emits, one JSON object a row, as an event stream at path of the data server for so long; again: longer. What the
 * listeners do not take is gone. @on office */
void sl_flow_watch(sl_flow *f, const char *path, int64_t ms);
/* Removes what a rule keeps on disk: its sinks' caches, its journal. The rule must not run. @on any */
void sl_flow_forget(const char *home, sl_str rule_id);
/* Whether packets of d are kept in a journal when a statement with memory reads it with qos >= 1. @on any */
bool sl_src_journal(const sl_srcdef *d);
/* Removes a rule's journal alone; says so in the log when there was one. */
void sl_flow_forget_journal(const char *home, sl_str rule_id);
const sl_flowspec *sl_flow_spec(const sl_flow *f);
sl_loop *sl_flow_loop(const sl_flow *f);
#endif
