/* Inside the office: the nouns' structs. Office thread only. */
#ifndef SL_OFFICE_INT_H
#define SL_OFFICE_INT_H
#include "core/office.h"

typedef struct stream_def {
    sl_arena *arena;
    sl_create *def;
    sl_str text;
    bool temp;
    bool ever_shared; /* a rule ran on it as a shared stream */
    sl_srcdef *src;   /* shared: the source of its rules, one for all as long as the settings behind it stay the same */
} stream_def;

typedef enum { OP_NONE, OP_START, OP_STOP, OP_SCHED_STOP, OP_DURATION, OP_RESTART, OP_UPDATE, OP_DELETE } rule_op;
typedef struct queued {
    rule_op op;
    sl_flowspec *spec; /* START, UPDATE: planned already */
    struct rule_def *def;
    sl_api_done done;
    void *arg;
} queued;
typedef struct rule_opts {
    bool event_time, send_meta, send_error, send_nil, no_discard, incremental, window_v2, sliding_twice, disable_alias, plain;
    int64_t late_ns, idle_ns, concurrency, buffer_length, qos, checkpoint_ns;
    int64_t memory_soft, memory_hard; /* bytes, 0 none */
    sl_str cron, duration;
    sl_json *ranges;
    int64_t attempts, delay_ns, max_delay_ns;
    double multiplier, jitter;
} rule_opts;
typedef struct rule_def { /* one text of a rule, parsed */
    sl_arena *arena;
    sl_str id, name, version, sql, text;
    bool triggered, temp;
    sl_json *json, *actions;
    const sl_json *mock; /* stream -> properties of a simulator that stands in for it (trial runs) */
    rule_opts o;
} rule_def;
struct sl_rule {
    sl_office *office;
    char *id;
    rule_def *def;
    sl_rule_state state;
    char *message;
    int64_t last_start, last_stop;
    sl_flow *flow;
    sl_meters last; /* of the last run */
    char *topo;     /* of the last run */
    bool trace;     /* spans are kept */
    bool ran;
    bool complained; /* about a schedule that makes no sense: once is enough */
    SL_VEC(queued) queue;
    const char *stop_message;
    sl_rule_state stop_state;
    int tries;
    int64_t retry_in; /* ms after the failed flow has ended; below 0: not again */
    sl_timer *again;
    char *watch; /* path of its event stream once somebody watched */
};
typedef struct usage usage;
typedef struct traces traces;
struct sl_office {
    sl_map *schemas;  /* "type_name" */
    uint32_t appends; /* to the store since it was last compact */
    sl_map *trials;
    struct dump *dump;
    traces *traces;
    usage *usage;
    sl_office_conf conf;
    sl_kvlog *kv;
    sl_map *streams;     /* name -> stream_def */
    sl_map *rules;       /* id -> sl_rule */
    sl_map *confkeys;    /* "sources.mqtt.name" -> char* JSON text */
    char *import_errors; /* of the last full import: JSON text, or NULL */
    sl_map *conftouched; /* "sources.mqtt": a key was stored in this life */
    sl_zone zone;
    bool private_net, ignore_case, stopping;
    size_t restore_at;
    sl_fn restored;
    void *restored_arg;
    sl_fn stopped;
    void *stopped_arg;
    sl_timer *patrol;
    int64_t patrol_ms;
    bool patrolling;
};
void stream_def_free(stream_def *d);
bool stream_in_use(sl_office *o, sl_str name);
sl_json *shared_columns(sl_office *o, sl_arena *a, sl_str name); /* {"column":null…} of the rules that run on a shared stream */
sl_err *streams_load(sl_office *o);
sl_err *rules_load(sl_office *o);
sl_err *tasks_load(sl_office *o); /* tasks that the last life left running are cancelled */
/* Parses a rule's JSON. path_id "" for POST. */
sl_err *rule_parse(sl_office *o, sl_str body, sl_str path_id, rule_def **out);
void rule_def_free(rule_def *d);
/* Memory limits of a rule (limits.c): the settings, and over them its options (may be NULL). */
sl_err *rule_limits(const sl_office *o, const sl_json *options, rule_opts *p);
void limits_set(const sl_office *o); /* the limit of all rules together */
/* Everything needed to run: plan, source, sinks. */
sl_err *rule_plan(sl_office *o, rule_def *d, sl_flowspec **out);
void rule_free(sl_rule *r);
typedef struct rule_meters {
    const sl_rule *r;
    const sl_meters *m;
} rule_meters;
/* Asks all rules for their meters; ready gets them sorted by id, lent (l NULL: out of memory). false: out of memory, ready is not called. */
bool rules_survey(sl_office *o, void (*ready)(void *arg, const rule_meters *l, size_t n), void *arg);
void usage_start(sl_office *o); /* CPU time by rule, when basic.ResourceProfileConfig.enable */
void usage_free(sl_office *o);
void traces_take(void *office, sl_trace *t); /* from a flow that is watched */
void traces_free(sl_office *o);
void dump_set(sl_office *o); /* after basic.metricsDumpConfig changed */
void dump_free(sl_office *o);
sl_err *schemas_load(sl_office *o);
sl_json *schemas_records(sl_office *o, sl_arena *a); /* "type_name" -> text, as for exports */
void schemas_free(sl_office *o);
void trials_end(sl_office *o);
bool trials_busy(const sl_office *o);
void office_check_stopped(sl_office *o);                                       /* tells who waits for the office's end when everything has ended */
void metrics_write(sl_office *o, const rule_meters *l, size_t n, sl_buf *out); /* Prometheus text */
void rule_topo(const sl_flowspec *s, sl_buf *out);                             /* topology as JSON */
/* Ends what runs and starts spec instead. Takes spec. */
void rule_restart_from(sl_rule *r, sl_flowspec *spec, sl_api_done done, void *arg);
/* Stores and registers an imported rule; one that cannot be planned is kept as stopped by error. Takes d on success. */
sl_err *rule_adopt(sl_office *o, rule_def *d);
bool rule_scheduled(const rule_def *d);
/* The patrol's hand on a rule: OP_START, OP_SCHED_STOP or OP_DURATION. */
void rule_schedule(sl_rule *r, rule_op op);
/* Tells the patrol that a rule has this definition now. */
void schedule_watch(sl_office *o, const rule_def *d);
/* Next start by cron in ms, 0 when there is none. */
int64_t schedule_next(const sl_rule *r);
/* Keeps the state of a rule's statement; arg: the office. */
bool rule_keep_state(void *arg, sl_str rule_id, sl_str state);
sl_err *store_put(sl_office *o, const char *kind, sl_str name, sl_str value); /* value.p NULL: delete */
/* Remembered uploads: name -> JSON text. */
sl_json *uploads_records(sl_office *o, sl_arena *a);
#endif
