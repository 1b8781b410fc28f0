/* Inside flow: the parts of a running flow. Everything here is touched only on the flow's lane. */
#ifndef SL_FLOW_INT_H
#define SL_FLOW_INT_H
#include <stdlib.h>
#include "data/validate.h"
#include "flow/flow.h"
#include "sql/predindex.h"
#include "sql/rowgate.h"

struct sl_lane {
    sl_loop *loop;
    sl_thread *thread;
    struct source_node *shared; /* list of shared sources on this lane */
    sl_arena *scratch;          /* what sinks need while they take a batch; nested takes (memory to memory) stack up */
    uint32_t depth;
};

/* Cleared memory that starts at a line of the cache. */
static inline void *line_alloc(size_t n) {
    n = (n + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, n);
    return p ? memset(p, 0, n) : NULL;
}

/* ---- meters: one writer, the lane ---- */
void meter_error(sl_meter *m, int64_t now_ms, sl_str text) __attribute__((cold));
void meter_state(sl_meter *m, int64_t now_ms, sl_conn_state s, sl_str why);
void meter_took(sl_meter *m, int64_t us); /* duration of one processing */
void hist_took(sl_hist **h, int64_t us);
void meter_free(sl_meter *m);
int64_t clock_us(void); /* monotonic */
bool meter_copy(sl_meter *to, const sl_meter *from);

/* ---- source ---- */
typedef struct source_node source_node;
sl_err *source_join(sl_flow *f); /* opens the source for f, or joins the shared one; on failure nothing stays */
/* f gets no batch any more; a private source, or a shared one with no flow left, closes. done when f may go. */
void source_leave(sl_flow *f, sl_fn done, void *arg);
void source_stop_intake(sl_flow *f); /* f takes no more; when no other flow does either, the source is paused, until another joins */
bool source_stopped(const source_node *s);
void source_pressure(sl_flow *f, bool on);
/* Counts what f was not shown because the source's index knew that its WHERE would not let it through. Before anybody looks at f's counters. */
void source_settle(sl_flow *f);
enum { PAUSE_PRESSURE = 1, PAUSE_STOP = 2, PAUSE_JOURNAL = 4, PAUSE_CUT = 8, PAUSE_REPLAY = 16 };
void source_pause(source_node *s, unsigned why, bool on); /* paused while there is any reason */
bool source_pressed(const source_node *s);
/* A packet of the journal, which came at `clock`; then publishes them. */
void source_replay(source_node *s, const sl_packet *p, int64_t clock);
void source_replayed(source_node *s);
void source_caught_up(source_node *s);         /* all of the journal was replayed */
uint64_t source_taken(const source_node *s);   /* last position whose rows the flow got */
uint64_t source_settled(const source_node *s); /* last position that was settled */
void source_commit(source_node *s, uint64_t upto);
bool source_position(const source_node *s, uint64_t upto, sl_buf *json); /* false: there is none */
void source_complain(source_node *s, sl_str why);
const sl_meter *source_meter(const source_node *s);
const sl_meter *source_decoder_meter(const source_node *s);      /* NULL when rows come decoded */
const sl_meter *source_preprocessor_meter(const source_node *s); /* NULL without strict validation */
bool source_is_shared(const source_node *s);
uint64_t source_left(const source_node *s); /* rows that were not decoded to the end because no flow wanted them */
bool source_rewinds(const source_node *s);  /* waiting loses nothing */

/* ---- sieve: who of a source's flows is shown which rows of a batch ---- */
typedef struct sieve {
    sl_predindex *ix;
    SL_VEC(sl_flow *) byid;
    sl_flow *first; /* of those in the index: they stand at the end of the source's list */
    uint32_t waiting;
    uint64_t debt;  /* flows times rows that waiting has cost */
    uint64_t shown; /* rows that the index was asked about */
    int64_t shown_ms;
    uint64_t asked, matched; /* pairs of row and flow, since it was judged */
    uint32_t looks, rest;
    bool busy;
} sieve;
void sieve_free(sieve *v);
void sieve_in(sieve *v, sl_flow **subs, sl_flow *f);    /* puts f at the front of the list */
void sieve_out(sieve *v, sl_flow *f);                   /* takes it out of the list */
void sieve_again(sieve *v, sl_flow **subs, sl_flow *f); /* whether f may be in the index has changed */
void sieve_settle(sieve *v, sl_flow *f);
void sieve_batch(sieve *v, sl_flow **subs, sl_batch *b, int64_t now);

/* ---- lookfirst: rows that no flow of a source wants are not decoded to the end ---- */
enum { LOOK_FLOWS = 4, LOOK_COLS = 8 };
typedef struct lookfirst {
    sl_rowlook look;
    struct looker {
        sl_rowgate *gate;
        uint32_t ncols;
    } each[LOOK_FLOWS];
    uint32_t n;
    uint16_t cols[LOOK_FLOWS * LOOK_COLS]; /* of the builder's layout, flow after flow */
    uint64_t left;                         /* rows that were left out, ever */
} lookfirst;
/* What the decoder of w is to look at first for these flows, or NULL when it does not pay or cannot be. Lent until the next begin or end. */
sl_rowlook *lookfirst_begin(lookfirst *l, const sl_flow *subs, const sl_builder *w);
void lookfirst_end(lookfirst *l);
void lookfirst_settle(lookfirst *l, sl_flow *subs, int64_t now); /* counts what was left out */

/* ---- intake: what common source properties put between the connector and the decoder ---- */
typedef struct intake intake;
typedef struct intake_ops {                                  /* implemented by the source node */
    bool (*bytes)(void *arg, const sl_packet *p);            /* as sl_source_out.bytes: to be decoded */
    void (*bad)(void *arg, const sl_packet *p, sl_str why);  /* p could not be used */
    sl_builder *(*builder)(void *arg, const sl_packet *p);   /* rows of p go here; NULL: closing */
    bool (*rows)(void *arg, const sl_packet *p, uint32_t n); /* n rows of p were put */
} intake_ops;
sl_err *intake_new(const sl_srcdef *d, sl_loop *l, const intake_ops *ops, void *arg, intake **out);
bool intake_take(intake *t, const sl_packet *p); /* as sl_source_out.bytes */
void intake_free(intake *t);

/* ---- sink ---- */
typedef struct sink_node sink_node;
sl_err *sink_open(sl_flow *f, uint32_t i, sink_node **out);
void sink_take(sink_node *s, sl_batch *b);    /* a derived batch; lent */
void sink_warm(const sink_node *s, int step); /* asks the cache for it, step 1 some work after step 0 */
void sink_finish(sink_node *s);               /* end of input: flushes a partial batch */
bool sink_idle(const sink_node *s);           /* nothing queued or in flight */
bool sink_full(const sink_node *s);
bool sink_low(const sink_node *s);
size_t sink_bytes(const sink_node *s); /* of what waits in memory */
void sink_close(sink_node *s, sl_fn done, void *arg);
sink_node *sink_resend(const sink_node *s); /* resendAlterQueue: the one that sends again, or NULL */
const sl_meter *sink_meter(const sink_node *s);
uint64_t sink_taken(const sink_node *s); /* rows and collections that came in */
void sink_took(sink_node *s, int64_t us);
void sink_free(sink_node *s);

/* Compiles the templates of an action; before that the options are filled. */
sl_err *sinkdef_templates(sl_arena *a, const sl_json *props, sl_sinkdef *d);

/* ---- watching ---- */
typedef struct trace_tap {
    void (*got)(void *arg, sl_trace *t);
    void *arg;
    bool head;
} trace_tap;
void source_watch(sl_flow *f);                /* f, which has a source, began or ended to be watched */
int64_t source_took(const source_node *s);    /* microseconds that the current batch took to gather */
uint32_t source_kept_n(const source_node *s); /* payloads of the current batch, while watched */
sl_str source_kept(const source_node *s, uint32_t i);
sl_trace *trace_begin(const sl_flow *f, const sl_batch *b);
void trace_ran(sl_trace *t, const sl_batch *out);
void trace_end(const sl_flow *f, sl_trace *t); /* takes t, which may be NULL */
/* ---- watch ---- */
typedef struct flow_watch flow_watch;
sl_err *watch_open(sl_flow *f, const char *path, flow_watch **out);
void watch_take(flow_watch *t, const sl_batch *b);
void watch_close(flow_watch *t, sl_fn done, void *arg); /* frees it; done may be NULL */

/* ---- lookup tables of a flow (look.c) ---- */
bool looks_new(sl_flow *f); /* room for them; false: out of memory */
sl_err *looks_open(sl_flow *f);
void looks_close(sl_flow *f, sl_fn left); /* left(f) once for each that is open; f->leaving counts them */
void looks_free(sl_flow *f);
int64_t looks_bytes(const sl_flow *f); /* of caches */
/* As sl_exec_env: one question, and many together for what is known at once. */
void looks_one(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *done_arg);
void looks_many(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *answers);

/* ---- relay: a shared source on another lane (relay.c) ---- */
typedef struct relay relay;
typedef struct far_meters { /* of a source on another lane */
    sl_meter at[3];
    uint32_t n;
} far_meters;
sl_lane *relay_home(const sl_srcdef *d, sl_lane *own); /* where the source lives, when the rule lives on own */
sl_err *relay_new(sl_flow *limb, sl_lane *home, int op, relay **out);
bool relay_join(relay *r);                                /* flow_joined follows; false: out of memory, it will not */
void relay_batch(sl_flow *sub, sl_batch *b, int64_t now); /* from the source */
void relay_eof(sl_flow *sub);
/* Asks the source's lane; done is called there. false: out of memory. */
bool relay_meters(relay *r, far_meters *to, sl_fn done, void *arg);
void relay_leave(relay *r, far_meters *last, sl_fn left); /* last (may be NULL) gets the last meters; then left(root) on the rule's lane */
void relay_free(relay *r);
/* ---- to the office ---- */
typedef struct flow_letter { /* about a flow; some outlive it */
    sl_flow *f;
    sl_flow_event e;
    char *why;
    void (*event)(void *arg, sl_flow_event e, const char *why);
    sl_meters m;
    void (*done)(void *arg, sl_meters *m);
    void *arg;
    sl_loop *office;
    _Atomic uint32_t waiting;
    far_meters *far; /* of relays */
    uint32_t nfar;
} flow_letter;
void flow_meters_arrive(void *letter); /* @on office: the last of l's work; frees it */
bool flow_has_relays(const sl_flow *f);
int flow_steps_of(const sl_srcdef *d);                        /* steps that a source runs itself */
void flow_snapshot(sl_flow *f, sl_meters *m);                 /* its meters now */
void put_source(sl_meters *m, const source_node *s, int *op); /* meters of a source and its own steps; m->at has room for three */
void flow_joined(sl_flow *f, sl_err *e);                      /* a further source was joined on its lane, or not; takes e */

/* ---- account: what a flow holds across turns (account.c) ---- */
typedef struct account {
    int64_t told;    /* bytes counted in the sum over all flows */
    bool keeps;      /* the statement has state */
    bool soft, back; /* beyond the soft mark; the sources are held back for it */
} account;
void account_turn(sl_flow *f); /* looks, holds back, or fails the flow; behind each turn while f->heavy */
bool account_over(sl_flow *f); /* a turn wanted more memory than the flow may hold: fails it; false: that was not why it failed */
void account_end(sl_flow *f);
/* ---- checkpoints (checkpoint.c): what a rule with qos >= 1 finds again ---- */
typedef struct checkpoint checkpoint;
typedef struct ck_mark { /* where a source of the flow is, in one cut with the state */
    uint64_t cursor;     /* journal: everything up to this record is in the state */
    uint64_t confirmed;  /* journal: the peer is known to have heard of everything up to this record */
    sl_str position;     /* JSON, of sources that rewind; "" none */
} ck_mark;
sl_err *ck_open(sl_flow *f);       /* f->exec is there: takes saved state over */
void ck_begin(sl_flow *f);         /* sources are open: replays what is to be replayed, starts the clock */
bool ck_begun(const sl_flow *f);   /* there is a state to go back to */
bool ck_commits(const sl_flow *f); /* sources that rewind are committed with the checkpoint */
sl_str ck_position(const sl_flow *f);
/* A hold on what leaves the statement now: the state that lacks it may be kept when all of it was settled. NULL: nobody asks. */
sl_ticket *ck_ticket(sl_flow *f);
void ck_soon(sl_flow *f);              /* a checkpoint now, when none is under way */
void ck_moved(sl_flow *f);             /* the journal became durable */
void ck_final(sl_flow *f, sl_fn done); /* f ends: its last state is kept, if it may be; then done(f) */
void ck_close(sl_flow *f);

/* ---- declared types (strict.c) ---- */
/* b as the operators may see it, counted in m; takes b, w is for the result. NULL: out of memory. */
sl_batch *strict_batch(const sl_validation *c, sl_batch *b, sl_builder *w, sl_meter *m, int64_t now);

/* ---- rows as packets of the journal (rowlog.c) ---- */
bool rowlog_pack(sl_buf *out, sl_batch *b, bool meta); /* b is nobody else's yet; meta: with metadata. false: out of memory */
sl_err *rowlog_unpack(sl_str bytes, sl_builder *w);    /* into the empty w */

/* ---- journal (journal.c): packets of sources that cannot rewind ---- */
typedef struct journal journal;
char *journal_dir(const char *home, sl_str rule_id);
/* marks [sources]: of the state that was loaded, set to the journal's end when !usable (what it holds belongs to another statement). */
sl_err *journal_open(sl_flow *f, ck_mark *marks, bool usable, journal **out);
void journal_replay(journal *j); /* what no checkpoint contains goes to the flow; what comes meanwhile, behind it */
void journal_go_on(journal *j);  /* pressure is gone */
bool journal_replaying(const journal *j);
void journal_acknowledge(journal *j); /* what is durable */
/* Keeps a packet of source src; *pos: its number. false: it was there before (the peer sent it again), or cannot be kept. */
bool journal_take(journal *j, uint32_t src, const sl_packet *p, bool meta, uint64_t *pos);
void journal_connected(journal *j, uint32_t src, bool up);
void journal_marks(journal *j, ck_mark *marks); /* of a cut that is made now */
bool journal_durable(const journal *j, const ck_mark *marks);
bool journal_idle(const journal *j);                 /* everything is durable and acknowledged */
void journal_kept(journal *j, const ck_mark *marks); /* a checkpoint with these marks is kept */
void journal_meters(const journal *j, sl_journal_meters *m);
void journal_close(journal *j, sl_fn done, void *arg);                             /* sources are closed; frees it */
char *flow_dir(const char *home, const char *what, sl_str rule, const char *part); /* home/data/what/rule[/part], names made safe */

/* ---- flow ---- */
struct sl_flow {
    /* what every batch touches, in two lines of the cache (a flow starts at one) */
    sl_exec *exec;
    struct sl_flow *next_sub; /* list of flows of one source */
    /* A statement over several sources has limbs: flows that only take rows of source `src` to their root. */
    struct sl_flow *root; /* NULL: this is one */
    sink_node **sinks;
    uint16_t *colmap;
    const sl_layout *seen; /* layout that colmap belongs to, held */
    uint32_t nsinks, src;
    bool open, closing, eof, eof_here, pressed;
    bool heavy;     /* it may hold more than at the last look: account_turn */
    bool timed;     /* the statement may wait for time */
    bool whole;     /* colmap has all columns */
    sink_node *one; /* room for sinks and colmap of small rules */
    uint16_t few[4];
    int64_t last_ms;
    uint64_t rows_in, rows_out, batches;
    flow_watch *watch;
    trace_tap *tap; /* NULL: not watched */
    /* the rest */
    sl_flowspec *spec;
    sl_loop *office;
    void (*event)(void *arg, sl_flow_event e, const char *why);
    void *event_arg;
    sl_lane *lane;
    struct sl_flow **limbs;
    struct relay **relays; /* [nlimbs] for those whose source lives on another lane, else NULL */
    uint32_t joining;      /* relays that have not answered yet */
    uint32_t nlimbs;
    struct lookup_end *lookups; /* [nsources] of the root */
    uint32_t leaving;           /* sources and lookups that are closing */
    source_node *source;
    struct sl_flow **sub_at; /* what points here in the source's list */
    uint32_t pending;        /* letters on their way to this flow: it may not go before they arrived */
    sl_timer *drain;
    checkpoint *ck;   /* NULL: nothing is kept */
    journal *journal; /* NULL: none */
    bool replaying;   /* the clock of the statement is the journal's */
    uint64_t ticks;
    sl_timer *tick; /* statements that wait for time; made when first wanted */
    void (*done)(void *arg, sl_meters *m);
    void *done_arg;
    uint32_t closing_sinks;
    sl_timer *watch_end;
    bool told;
    account account;
    int64_t took_us; /* duration of the operators' last turns, shared by all */
    sl_hist *hist;
    int64_t busy_us;
    uint64_t shown; /* rows that the source's index was asked about and this flow has counted */
    uint32_t filed; /* number in that index + 1, 0 = it is shown every row */
    bool waits;     /* to be taken into it */
    bool relay;     /* it stands in a source's list for a limb on another lane */
    bool aside;     /* not any more: it is about to end */
};
static inline const sl_plan_source *flow_want(const sl_flow *f) { return sl_plan_source_at(f->spec->plan, f->src); }
static inline sl_srcdef *flow_def(const sl_flow *f) { return f->src ? f->spec->more[f->src - 1] : f->spec->src; }
void flow_batch(sl_flow *f, sl_batch *b, int64_t now); /* from the source */
/* The same for some rows of b; sel: as in sl_view. */
void flow_rows(sl_flow *f, sl_batch *b, const uint32_t *sel, uint32_t n, int64_t now);
void flow_owe(sl_flow *f, uint64_t rows, int64_t last_ms); /* rows that came and were filtered out, the last of them at last_ms */
/* Asks the cache for what flow_batch of f will touch, steps 0 to 3 some work apart; f may be NULL. */
void flow_warm(const sl_flow *f, int step);
void flow_eof(sl_flow *f);
void flow_fail(sl_flow *f, sl_flow_event e, const char *why); /* takes no more rows; the office will close it */
void flow_press(sl_flow *f);                                  /* tells the sources whether they are held back */
bool flow_rewinds(const sl_flow *f);                          /* all its sources are its own, and give the same rows later */
void flow_tick(sl_flow *f);                                   /* the statement does what is due */
void flow_sink_moved(sl_flow *f);                             /* a sink's queue became shorter or longer */
#endif
