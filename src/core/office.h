/* The office: every noun once. What exists (streams, tables, rules, conf keys, connections), what runs, who may change it. Doors call the
 * sl_api_* functions, one per use case; they decide, doors only translate. Everything here runs on the office's loop (the main thread);
 * flows are spoken to by letter. Everything that persists goes through the log-shaped catalogue (store/kvlog.h). */
#ifndef SL_CORE_OFFICE_H
#define SL_CORE_OFFICE_H
#include "base/map.h"
#include "core/settings.h"
#include "flow/flow.h"
#include "net/http.h"
#include "sql/parse.h"
#include "store/kvlog.h"

typedef struct sl_office sl_office;
typedef struct sl_office_conf {
    sl_loop *loop;
    const char *home;
    sl_settings *settings;
    sl_http_mount *http;
    void (*log_changed)(const sl_settings *s); /* a setting of the log was changed; may be NULL */
    bool test_mode;                            /* streams without a real source are fed by the test door */
    bool stand_in;                             /* with test_mode: streams and lookup tables of any type are, by their own names */
} sl_office_conf;
/* Opens the catalogue and reads definitions back; rules are started afterwards in slices by sl_office_restore. */
sl_err *sl_office_open(const sl_office_conf *c, sl_office **out);
/* Starts triggered rules in slices of about 2 ms a turn; done when all were tried. */
void sl_office_restore(sl_office *o, sl_fn done, void *arg);
/* Stops all rules, then done. */
void sl_office_stop(sl_office *o, sl_fn done, void *arg);
void sl_office_free(sl_office *o);
sl_settings *sl_office_settings(sl_office *o);
sl_loop *sl_office_loop(sl_office *o);
sl_http_mount *sl_office_mount(sl_office *o);
const char *sl_office_home(sl_office *o);

/* ---- streams and tables ---- */
/* Runs one statement (CREATE, SHOW, DESCRIBE, EXPLAIN, DROP). out gets the result text. */
sl_err *sl_api_stream_sql(sl_office *o, sl_str sql, sl_buf *out);
sl_err *sl_api_stream_replace(sl_office *o, bool table, sl_str name, sl_str sql);
sl_err *sl_api_stream_drop(sl_office *o, bool table, sl_str name, bool force);
/* names / details / definition / schema as JSON in a. kind "" = all. */
sl_json *sl_api_stream_names(sl_office *o, sl_arena *a, bool table, sl_str kind);
sl_json *sl_api_stream_details(sl_office *o, sl_arena *a, bool table, sl_str kind);
sl_err *sl_api_stream_get(sl_office *o, sl_arena *a, bool table, sl_str name, sl_json **out);
sl_err *sl_api_stream_schema(sl_office *o, sl_arena *a, bool table, sl_str name, sl_json **out);
const sl_create *sl_office_find_def(void *office, sl_str name); /* sl_lookup_def */
sl_str sl_office_stream_text(sl_office *o, sl_str name);

/* ---- rules ---- */
typedef struct sl_rule sl_rule;
typedef enum sl_rule_state { SL_RULE_STOPPED, SL_RULE_STARTING, SL_RULE_RUNNING, SL_RULE_STOPPING, SL_RULE_WAITING, SL_RULE_ERROR } sl_rule_state;
/* A use case that ends later: called once, e owned by the callee. */
typedef void (*sl_api_done)(void *arg, sl_err *e);
/* id: in the name the caller wants when the body may lack it ("" = it must not), out the name. */
sl_err *sl_api_rule_create(sl_office *o, sl_str body, sl_buf *id);
void sl_api_rule_update(sl_office *o, sl_str id, sl_str body, sl_api_done done, void *arg);
void sl_api_rule_delete(sl_office *o, sl_str id, sl_api_done done, void *arg);
void sl_api_rule_start(sl_office *o, sl_str id, sl_api_done done, void *arg);
void sl_api_rule_stop(sl_office *o, sl_str id, sl_api_done done, void *arg);
void sl_api_rule_restart(sl_office *o, sl_str id, sl_api_done done, void *arg);
sl_err *sl_api_rule_get(sl_office *o, sl_str id, sl_buf *out);
/* The rule with all its options spelt out, as eKuiper's client describes it. */
sl_err *sl_api_rule_full(sl_office *o, sl_str id, sl_buf *out);
void sl_api_rule_list(sl_office *o, sl_buf *out);
/* Status document (v1: indented, ordered; v2: compact, keys sorted). text is lent. */
typedef void (*sl_api_text)(void *arg, sl_err *e, sl_str text);
void sl_api_rule_status(sl_office *o, sl_str id, bool v2, sl_api_text done, void *arg);
/* Rows that entered and what became of them, messages of each sink and where they are (an extension of ours). */
void sl_api_rule_ledger(sl_office *o, sl_str id, sl_api_text done, void *arg);
/* Rows of its scan tables; an error without a join of one, or when there are none. */
void sl_api_rule_tables(sl_office *o, sl_str id, sl_api_text done, void *arg);
void sl_api_rule_status_all(sl_office *o, sl_api_text done, void *arg);
sl_err *sl_api_rule_topo(sl_office *o, sl_str id, sl_buf *out);
typedef enum sl_explain_form { SL_EXPLAIN_TEXT, SL_EXPLAIN_TREE, SL_EXPLAIN_JSON } sl_explain_form; /* TEXT: upstream's */
sl_err *sl_api_rule_explain(sl_office *o, sl_str id, sl_explain_form form, sl_buf *out);
/* The same for a statement that is no rule: body {"sql", "options"…}. */
sl_err *sl_api_explain(sl_office *o, sl_str body, sl_explain_form form, sl_buf *out);
sl_err *sl_api_rule_schema(sl_office *o, sl_str id, sl_buf *out);
/* NULL and sources when valid; else the text for a 422 answer. */
sl_err *sl_api_rule_validate(sl_office *o, sl_str id, sl_str body, sl_buf *out); /* id: as in create */
sl_err *sl_api_rule_tags(sl_office *o, sl_str id, sl_str body, int how);         /* 0 replace, 1 add, 2 remove */
sl_err *sl_api_rule_match(sl_office *o, sl_str body, sl_buf *out);
void sl_api_rule_bulk(sl_office *o, bool start, sl_str body, sl_api_text done, void *arg);
/* Puts a source of a running rule to another position: {"type":1,"params":{"streamName":…,"input":position}}. */
void sl_api_rule_reset(sl_office *o, sl_str id, sl_str body, sl_api_done done, void *arg);
/* Keeps spans of the rule's messages, or ends that. body: {"strategy":"always"|"head"}. */
sl_err *sl_api_rule_trace(sl_office *o, sl_str id, bool on, sl_str body);
/* Snapshots of the metrics of these seconds as a ZIP archive of hourly files. */
bool sl_api_dump_enabled(sl_office *o);
sl_err *sl_api_dump(sl_office *o, int64_t from_s, int64_t to_s, sl_buf *out);
/* The spans of a trace as a tree; ids of a rule's traces, newest first (limit < 0: all). */
sl_err *sl_api_trace_get(sl_office *o, sl_str id, sl_buf *out);
void sl_api_trace_list(sl_office *o, sl_str rule, int64_t limit, sl_buf *out);
/* {"action":"start","service_name":…,"collector_url":…}: sends spans to a collector (OTLP over HTTP, JSON); another action ends that. */
sl_err *sl_api_tracer(sl_office *o, sl_str body);
/* {"rule":ms…} of the last interval; false: text says why there is none. */
bool sl_api_cpu_usage(sl_office *o, sl_buf *out);
/* Prometheus text. */
void sl_api_metrics(sl_office *o, sl_api_text done, void *arg);
/* For the test door: the loop a rule's flow runs on, NULL when not running. */
sl_loop *sl_office_rule_loop(sl_office *o, sl_str id);

/* ---- trial runs ---- */
/* Plans a run; its results will be heard at /test/<id> of the data server. done when that is there; id gets its name. */
typedef void (*sl_trial_done)(void *arg, sl_err *e, sl_str id);
void sl_api_trial_create(sl_office *o, sl_str body, sl_trial_done done, void *arg);
sl_err *sl_api_trial_start(sl_office *o, sl_str id);
void sl_api_trial_stop(sl_office *o, sl_str id); /* unknown ones too */

/* Shows what a running rule emits as events at a path of the data server, for so many seconds; asking again makes it longer. out gets
 * {"port","path","seconds"}. */
sl_err *sl_api_rule_watch(sl_office *o, sl_str id, sl_buf *out);

/* ---- rulesets ---- */
void sl_api_ruleset_export(sl_office *o, sl_buf *out);
/* Imports a document; done hears how many streams, tables and rules went well, when all updates are through. It fails (e, owned by the callee)
 * only when the text is no ruleset. */
typedef void (*sl_ruleset_done)(void *arg, sl_err *e, const int count[3]);
void sl_api_ruleset_import(sl_office *o, sl_str text, sl_ruleset_done done, void *arg);
/* Imports data/init.json and etc/init.json when they are new. @on office, at boot, before restore. */
void sl_office_init_json(sl_office *o);

/* ---- everything at once, and files ---- */
/* The document of a data export; rules: a list of ids whose closure is wanted, or NULL for everything. */
sl_json *sl_api_data_export(sl_office *o, sl_arena *a, const sl_json *rules);
/* done: e when nothing was touched (owned by the callee); else errors is a document with what failed, failed says whether anything did. */
typedef void (*sl_data_done)(void *arg, sl_err *e, bool failed, sl_str errors);
void sl_api_data_import(sl_office *o, sl_str text, bool partial, sl_data_done done, void *arg);
void sl_api_data_status(sl_office *o, sl_buf *out); /* errors of the last full import */
/* The same as YAML. */
sl_err *sl_api_yaml_export(sl_office *o, sl_buf *out);
void sl_api_yaml_import(sl_office *o, sl_str text, sl_api_done done, void *arg);
/* A task that imports; it outlives the request. content or file is given. out gets its id. */
sl_err *sl_api_task_import(sl_office *o, sl_str content, sl_str file, bool partial, sl_buf *out);
sl_err *sl_api_task_get(sl_office *o, sl_str id, sl_buf *out);
sl_err *sl_api_task_cancel(sl_office *o, sl_str id);
/* Reads what a body names: http(s)://, file:// or a path of the home folder. e owned by the callee, bytes lent. */
typedef void (*sl_fetched)(void *arg, sl_err *e, sl_str bytes);
void sl_api_fetch(sl_office *o, sl_str uri, sl_fetched done, void *arg);
/* Writes a file below data/uploads; record.p not NULL: remembered for exports. path gets where it is. */
sl_err *sl_api_upload_put(sl_office *o, sl_str name, sl_str bytes, sl_str record, sl_buf *path);
sl_err *sl_api_uploads(sl_office *o, sl_arena *a, sl_json **out); /* absolute paths */
sl_err *sl_api_upload_delete(sl_office *o, sl_str name);
/* Reads {"name","content"} or {"name","file"}; record: what is remembered of it. Spans in a. */
sl_err *sl_api_upload_read(sl_arena *a, sl_str text, sl_str *name, sl_str *content, sl_str *file, sl_str *record);

/* ---- schemas ---- */
sl_err *sl_api_schema_list(sl_office *o, sl_arena *a, sl_str type, sl_json **out);
sl_err *sl_api_schema_get(sl_office *o, sl_arena *a, sl_str type, sl_str name, sl_json **out);
/* name "": registers what the body names; else replaces or registers that. done once, when its files are there. */
void sl_api_schema_put(sl_office *o, sl_str type, sl_str name, sl_str body, sl_api_done done, void *arg);
sl_err *sl_api_schema_delete(sl_office *o, sl_str type, sl_str name);

/* ---- conf keys and connections ---- */
/* Merged properties of a source of this type: yaml default, CONF_KEY, connection, EXTRA, fixed. */
sl_err *sl_office_source_props(sl_office *o, sl_arena *a, const sl_create *c, sl_str type, sl_json **out);
/* kind: "sources", "sinks" or "connections". A key of connections is a named connection. */
sl_err *sl_api_confkey_put(sl_office *o, const char *kind, sl_str type, sl_str key, sl_str body);
sl_err *sl_api_confkey_delete(sl_office *o, const char *kind, sl_str type, sl_str key);
/* {"default":{…},"confA":{…}} with secrets masked. */
sl_err *sl_api_confkey_all(sl_office *o, sl_arena *a, const char *kind, sl_str type, sl_json **out);
/* {"mqtt":{"confA":{…}}}: all sections of sources; source_type not empty: those whose property sourceType says so. */
sl_err *sl_api_resource(sl_office *o, sl_arena *a, sl_str source_type, sl_json **out);
/* {"sources":[{"confA":"mqtt"}],"sinks":null}: the stored keys. */
sl_json *sl_api_resources(sl_office *o, sl_arena *a);
/* Forms: what a connector takes, out of its property table. role: "sources" (scan or lookup), "sinks", "connections". */
sl_json *sl_api_meta_list(sl_office *o, sl_arena *a, const char *role, sl_str kind);
sl_err *sl_api_meta_get(sl_office *o, sl_arena *a, const char *role, sl_str name, sl_json **out);
sl_json *sl_api_meta_functions(sl_arena *a);
sl_json *sl_api_functions(sl_arena *a);                           /* what the rows of the table say: one object a function */
sl_err *sl_api_function(sl_arena *a, sl_str name, sl_json **out); /* NOTFOUND names the nearest one */
sl_json *sl_api_meta_operators(sl_arena *a);
/* Tries to reach the peer. role: "sources", "sinks", "lookups". done is called once. */
void sl_api_meta_ping(sl_office *o, const char *role, sl_str type, sl_str body, sl_api_done done, void *arg);
/* {"id","typ","props","isNamed","status",…}; secrets masked. */
sl_json *sl_api_connections(sl_office *o, sl_arena *a);
/* The named ones and those that belong to nodes of running rules. */
void sl_api_connections_all(sl_office *o, sl_api_text done, void *arg);
sl_err *sl_api_connection_get(sl_office *o, sl_arena *a, sl_str id, sl_json **out);
sl_err *sl_api_connection_create(sl_office *o, sl_str body);
sl_err *sl_api_connection_update(sl_office *o, sl_str id, sl_str body);
sl_err *sl_api_connection_delete(sl_office *o, sl_str id);

/* ---- settings while the daemon runs ---- */
sl_json *sl_api_configs(sl_office *o, sl_arena *a);
sl_err *sl_api_configs_patch(sl_office *o, sl_str body);
/* Every setting with who set it: the daemon's, those of conf files, variables and conf keys. */
sl_json *sl_api_config_explain(sl_office *o, sl_arena *a);
/* The same for the properties of one stream's source, and of one rule's actions. */
sl_err *sl_api_stream_config(sl_office *o, sl_arena *a, sl_str name, sl_json **out);
sl_err *sl_api_rule_config(sl_office *o, sl_arena *a, sl_str id, sl_json **out);
#endif
