/* The inside of `sluice rule test`: a file of cases becomes runs of rules in a private daemon, whose clock and sources the test door moves.
 * Values of a file stay JSON nodes whose `raw` is their place in the text, so that every complaint can name a line and --update can
 * write rows where the old ones stood. */
#ifndef SL_CLI_RULETEST_H
#define SL_CLI_RULETEST_H
#include "base/err.h"
#include "base/vec.h"
#include "cli/cli.h"

typedef struct rt_row {
    int64_t at_ms; /* after the start; -1: not said */
    bool is_error;
    sl_str error; /* expected: a part of it is enough */
    const sl_json *row;
    size_t line; /* expected rows */
} rt_row;
typedef SL_VEC(rt_row) rt_rows;
typedef struct rt_message { /* one message of the input */
    int64_t at_ms;
    sl_str stream;
    const sl_json *value; /* a map is a row, a text the message as it comes */
    const sl_json *meta;
} rt_message;
typedef struct rt_change {
    enum { RT_MISSING, RT_EXTRA, RT_CHANGED } kind;
    size_t want, got; /* positions in the two lists */
} rt_change;
typedef SL_VEC(rt_change) rt_changes;
typedef enum rt_verdict { RT_PASSED, RT_FAILED, RT_UPDATED, RT_UNRUN, RT_SKIPPED } rt_verdict;
typedef struct rt_file rt_file;
typedef struct rt_case {
    rt_file *file;
    const sl_json *map; /* the case in its file */
    size_t line;
    sl_str name, sql, zone, error;
    bool wants_error, no_expect, unordered, partial, said_at;
    double tolerance;
    sl_json *options;        /* of the rule, ready to send */
    const sl_json *actions;  /* of the rule, or NULL */
    sl_json *sink;           /* properties of the action whose messages are compared; NULL: rows are */
    sl_json *streams, *lent; /* statements of the file; of the ruleset, which may fail */
    SL_VEC(rt_message) input;
    int64_t start, until; /* ms since 1970; ms after the start */
    rt_rows expect;
    /* what came of it */
    rt_verdict verdict;
    double seconds;
    sl_buf why; /* why not, in lines */
    rt_rows got;
    rt_changes changes;
} rt_case;
struct rt_file {
    const char *path;
    sl_arena *a;
    sl_buf text;
    sl_json *root;
    SL_VEC(rt_case) cases;
    sl_buf bad; /* why it cannot be used; empty: it can */
};

/* ---- ruletest_yaml.c ---- */
/* YAML text as a tree of nodes in a; text must live as long. Any root is taken; NULL for an empty text. */
sl_err *rt_yaml(sl_arena *a, sl_str text, const char *path, sl_json **out);
/* Number of the line at which a node of the text begins. */
size_t rt_line(sl_str text, const sl_json *node);
/* ---- ruletest_file.c ---- */
/* Reads a file of cases; on failure *f may still be freed. */
sl_err *rt_file_read(const char *path, bool may_lack_expect, rt_file *f);
void rt_file_free(rt_file *f);
/* ---- ruletest_daemon.c ---- */
typedef struct rt_daemon {
    const char *program; /* --daemon, or NULL: beside the client, else on PATH */
    int pid;             /* 0: none */
    int out;
    char home[64];
    cli at; /* how to reach it */
    char zone[64];
} rt_daemon;
/* Starts one when none runs. */
sl_err *rt_daemon_need(rt_daemon *d);
/* Ends it and removes its folder; kill: at once. Returns what it said last when it had ended by itself, in a; else NULL. */
const char *rt_daemon_end(rt_daemon *d, bool kill, sl_arena *a);
extern volatile sig_atomic_t rt_stopped; /* the signal that asked us to stop */

/* ---- ruletest_run.c ---- */
/* Runs one case; the verdict and all that came are in it. False: the daemon could not be had, why says the reason. */
bool rt_run(rt_daemon *d, rt_case *c, int timeout_s);

/* ---- ruletest_diff.c ---- */
/* What differs, by the case's own rules; false: out of memory. */
bool rt_compare(rt_case *c);
/* The differences in lines; colour: with escape sequences. */
void rt_show(sl_buf *out, const rt_case *c, bool colour);
/* 8h, 1m30s, 1s500ms: as `at` takes it. */
void rt_put_time(sl_buf *out, int64_t ms);
/* A row in one line, its time in front when it has one. */
void rt_show_row(sl_buf *out, const rt_row *r, bool with_time);

/* ---- ruletest_out.c ---- */
void rt_junit(sl_buf *out, const rt_file *files, size_t n);
void rt_json(sl_buf *out, const rt_file *files, size_t n, double seconds);
/* Writes what came as the expected rows of the cases that are RT_UPDATED. */
sl_err *rt_update(rt_file *f);
#endif
