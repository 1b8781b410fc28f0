/* From a syntax tree to something that runs. `sl_plan` is immutable and shareable; `sl_exec` is one running instance with its
 * state, owned by one lane. No I/O, no threads; time comes with the call.
 *
 *   view of decoded rows -> [filter] -> [project] -> derived batch
 *
 * Expressions run as flat programs over the selected rows, one instruction at a time, driven by masks (short circuit, CASE,
 * per-row error slots). */
#ifndef SL_SQL_PLAN_H
#define SL_SQL_PLAN_H
#include "base/err.h"
#include "base/map.h"
#include "data/batch.h"
#include "data/json.h"
#include "sql/ast.h"

typedef struct sl_plan sl_plan;
typedef struct sl_exec sl_exec;

/* Looks a stream or table definition up by name. Returns the parsed definition (lent until the plan is made) or NULL. */
typedef const sl_create *(*sl_lookup_def)(void *arg, sl_str name);
typedef struct sl_plan_opts { /* rule options that change SQL results */
    bool event_time, send_error, send_nil, send_meta, ignore_case;
    bool disable_alias_ref;
    bool incremental;
    bool window_v2, sliding_twice; /* planOptimizeStrategy.windowOption */
    bool plain;                    /* planOptimizeStrategy.plainExecution, ours: no fast form anywhere (kept rows, loops, no quick path). For tests: results are the same */
    int64_t late_ms;
    int64_t idle_ms; /* event time: a stream not heard of for so long by the clock holds the others up no longer; 0: never */
    sl_zone zone;
    sl_str rule_id;
    bool temp_rule;
    const sl_map *streams; /* names there are, for advice about one there is not; NULL: unknown. Used while planning only */
} sl_plan_opts;
void sl_plan_opts_default(sl_plan_opts *o);

/* Binds and plans. Errors: SL_E_PLAN with upstream's text, the place and advice beside it (sl_err_spot); what parses but cannot run yet: SL_E_UNSUPPORTED with a text
 * that names it. The statement is copied as needed. */
sl_err *sl_plan_make(const sl_select *sel, sl_lookup_def find, void *arg, const sl_plan_opts *o, sl_plan **out);
sl_plan *sl_plan_hold(sl_plan *p);
void sl_plan_drop(sl_plan *p);

/* What the source must deliver: names by position (the plan's columns) and whether all other names are wanted too. */
uint32_t sl_plan_nsources(const sl_plan *p);
typedef struct sl_plan_source {
    sl_str stream;           /* name of the stream */
    const sl_layout *layout; /* columns by plan position */
    bool all;                /* wildcard: every column of the row is wanted */
    bool meta;               /* meta() is used */
    bool is_table, is_lookup;
    uint32_t same_as;         /* number of the first source that is this very stream, itself when there is none before: only that one is fed */
    const sl_field *narrowed; /* declared STRUCT columns of which only some members are used, with the type that holds just these */
    uint32_t nnarrowed;
} sl_plan_source;
const sl_plan_source *sl_plan_source_at(const sl_plan *p, uint32_t i);
/* Output columns: names in select order; *all: a wildcard adds more. */
uint32_t sl_plan_output(const sl_plan *p, const sl_str **names, bool *all);
/* Kind of operator i in order ("filter", "project", …); NULL behind the last. */
const char *sl_plan_op(const sl_plan *p, uint32_t i);
/* Upstream's explain text. */
void sl_plan_explain(const sl_plan *p, sl_buf *out);

/* What runs here and why, as a tree for people and programs. text: the statement that the plan was made of (positions of the bound one count in it).
 *   {"plan": NODE, "state": [TEXT…], "folded": [{"text","value"}…], "columns": [TEXT…]}
 *   NODE: {"op", "text", "notes": [TEXT…], "inputs": [NODE…], and what the kind of node has: "stream", "columns", "keys", "form", "why", …}
 * The root is what comes last. In a; NULL: out of memory. */
sl_json *sl_plan_outline(const sl_plan *p, sl_str text, sl_arena *a);
/* What is accepted and can hardly be meant: a list of {"line", "column", "say", "text", "mark"}. find: as in sl_plan_make. In a. */
sl_json *sl_plan_doubts(const sl_plan *p, sl_str text, sl_lookup_def find, void *arg, sl_arena *a);
/* A NODE drawn as a tree: op, text, notes below them, inputs below those. */
void sl_outline_draw(sl_buf *out, const sl_json *node);
/* How the parts of a statement with memory run here, in words: one line per part, "PART: FORM; REASON", the reason only where another form was passed
 * over. Nothing for statements without memory. */
void sl_plan_forms(const sl_plan *p, sl_buf *out);

/* What an instance asks its owner for. look: rows of lookup table `src` whose columns equal the values; done may be called inside or later, on the
 * same thread, never after the instance was freed. wake: sl_exec_tick is wanted soon (answers have come). */
typedef struct sl_exec_env {
    void *arg;
    void (*look)(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *done_arg);
    void (*wake)(void *arg);
    /* May be NULL: n questions together (vals: those of one behind those of the other), for what is known at once. answers[i]: a LIST of MAP or an ERROR, lent
     * until the owner's next turn or in a; ABSENT: look must be asked. */
    void (*look_many)(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *answers);
} sl_exec_env;
void sl_exec_env_set(sl_exec *x, const sl_exec_env *env); /* copied; before the first run of a plan with lookups */
/* One running instance. zone, rule id and the like come from the plan's options. */
sl_exec *sl_exec_new(sl_plan *p, int64_t rule_start_ms);
/* Asks the cache for what the next run will touch. Steps 0, 1, 2 must be some work apart: each follows pointers that the one before asked for. */
void sl_exec_warm(const sl_exec *x, int step);
void sl_exec_free(sl_exec *x);
typedef struct sl_exec_stats { /* per operator, for status metrics; counted in rows or frames as upstream counts messages */
    uint64_t in, out, errors;
} sl_exec_stats;
/* Runs one view of source `src` through the plan. now_ms: the lane's clock. *out: a derived batch (refs 1, holds what it needs) or NULL when
 * nothing comes out. Rows that fail become ERROR frames in *out only when send_error; they are always counted. A NULL *out with *failed
 * set means out of memory. Order of rows and errors is kept. */
void sl_exec_run(sl_exec *x, uint32_t src, const sl_view *in, int64_t now_ms, sl_batch **out, bool *failed);
/* Counts n rows as read and filtered out by WHERE, for an owner who knew (predindex.h). */
void sl_exec_skip(sl_exec *x, uint64_t n);
/* The zone of date functions from now on; what was folded into the plan and where windows end stays. @on the exec's thread */
void sl_exec_zone(sl_exec *x, sl_zone zone);
/* Time: the instant (ms) at which sl_exec_tick must be called, INT64_MAX when nothing waits for time. sl_exec_run does what is due at its
 * now_ms or before by itself, before its rows. out, failed: as sl_exec_run. */
int64_t sl_exec_next(const sl_exec *x);
bool sl_exec_timed(const sl_exec *x); /* may it ever wait for time? */
void sl_exec_tick(sl_exec *x, int64_t now_ms, sl_batch **out, bool *failed);
/* Does this instance remember anything that a restart would lose? */
bool sl_exec_stateful(const sl_exec *x);
/* State in binary form, between two turns; false: not now (a lookup is under way) or memory was out. */
bool sl_exec_save(const sl_exec *x, sl_buf *out);
/* Takes saved state over, before the first run. An error says why it cannot be used: of another plan, another version, damaged. The instance is
 * then to be thrown away. */
sl_err *sl_exec_load(sl_exec *x, sl_str state);
/* Bytes of state that this instance keeps across turns: kept rows, groups, what functions remember, what waits for lookups. Cheap: it adds up counters. */
size_t sl_exec_state_bytes(const sl_exec *x);
/* How long one call may go on telling windows, in microseconds; 0, as in the beginning: as long as it takes. What is left over is told by the next calls, in order: sl_exec_next is
 * then the time of this call, and the state cannot be saved until it is done. Of windows with groups and of statements with tables nothing is left over. */
void sl_exec_slice(sl_exec *x, int64_t us);
bool sl_exec_unfinished(const sl_exec *x);
/* How much it may hold at all, together with what a call needs while it computes (pairs of a join, columns, results); 0: any number. A call that needs more ends
 * with *failed, and sl_exec_over says how much it would have been; else that is 0. Statements with memory only. */
void sl_exec_room(sl_exec *x, size_t bytes);
size_t sl_exec_over(const sl_exec *x);
/* Does it hold rows that will leave by the clock alone, if no other row comes? */
bool sl_exec_passes(const sl_exec *x);
/* What scan tables hold, as JSON: [{"content":[rows],"emitter":"table"}]. Returns how many rows. */
uint32_t sl_exec_tables(const sl_exec *x, sl_buf *out);
/* Collections that wait for answers of lookups. */
size_t sl_exec_waiting(const sl_exec *x);
/* Where the rows of a statement with memory went: filtered out, failed, late (event time); all others were absorbed by its state. false: it has none. */
bool sl_exec_absorbs(const sl_exec *x, uint64_t *filtered, uint64_t *failed, uint64_t *late);
/* Operators of this plan in order, for metrics: "filter", "project", …; stats lent. NULL behind the last. */
const char *sl_exec_op(const sl_exec *x, uint32_t i, const sl_exec_stats **stats);
/* Last run-time error text (lent until the next run) and its time; "" when none. */
sl_str sl_exec_last_error(const sl_exec *x, int64_t *at_ms);

/* One expression against one row given as a MAP: for tests and dynamic properties. */
sl_err *sl_expr_eval1(sl_arena *a, sl_expr *e, sl_value row, sl_value meta, int64_t now_ms, sl_zone zone, sl_value *out);
#endif
