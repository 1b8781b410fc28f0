/* The command line client's inside: one table of verbs, a small blocking HTTP client, and ways to show JSON. It speaks only REST, so it
 * works against any daemon it reaches; it never opens the daemon's files.
 *
 * Decision: two voices over one table. Called as `kuiper` it says what eKuiper's client says, letter by letter, exit codes included
 *; called as `sluice` it shows tables, ends with 1 on errors and writes them to stderr. */
#ifndef SL_CLI_CLI_H
#define SL_CLI_CLI_H
#include <signal.h>
#include <stdio.h>
#include "data/json.h"

typedef struct cli {
    bool kuiper; /* the voice */
    bool json;   /* --json */
    char host[256];
    char port[8];
    char base[256];    /* path in front of every request, "" mostly */
    const char *token; /* Authorization header or NULL */
} cli;
typedef struct cli_args { /* arguments of a verb, flags taken out */
    int n;
    char **at;
    const char *file, *zip, *stop, *partial, *rules, *count;
    bool json;
} cli_args;
typedef struct cli_verb cli_verb;
struct cli_verb {
    const char *name;                                         /* "create rule" */
    const char *args;                                         /* "ID 'JSON' | ID -f FILE" */
    const char *doc;                                          /* one sentence */
    const char *example;                                      /* arguments of one call */
    int (*run)(cli *c, const cli_verb *v, const cli_args *a); /* returns the exit code */
    /* The rest describes verbs that are one request with at most one name. */
    const char *expect;        /* said when the name is missing; NULL: no name is taken */
    const char *method, *path; /* {} = the name */
    const char *fail;          /* kuiper's error line; %s = the reason; NULL: the reason alone */
    const char *ok;            /* kuiper's success line, {} = the name; NULL: what the daemon says */
    const char *none;          /* said for an empty list */
    const char *more;          /* what --help says besides; NULL: nothing */
};
const cli_verb *cli_verb_at(size_t i); /* NULL at the end */
/* The verb that the first words name; *words: how many of them. NULL: none. */
const cli_verb *cli_verb_find(int n, char **words, int *used);
/* Takes flags out of words (which is reordered). */
void cli_flags(cli_args *a, int n, char **words);

/* ---- http.c ---- */
typedef struct cli_answer {
    int status; /* 0: nobody answered, body says why */
    sl_buf body;
} cli_answer;
/* One request, whole answer. False when the daemon could not be reached. */
bool cli_http(cli *c, const char *method, const char *path, sl_str body, cli_answer *out);
/* How long an answer may take (0: five minutes, as at first), and a flag that ends the waiting when it is set (NULL: none). */
void cli_http_limits(int64_t ms, const volatile sig_atomic_t *stop);
/* Opens a request whose answer goes on for ever; returns the socket behind the head, -1 on failure. */
int cli_http_open(cli *c, const char *port, const char *path, sl_buf *early);
/* Splits "http://host:port/base"; an error text for people, or NULL. */
const char *cli_url(cli *c, const char *url);
void cli_escape(sl_buf *out, const char *segment); /* percent-encodes */

/* ---- verbs.c ---- */
int cli_fail(cli *c, const char *kuiper_format, const char *reason); /* says why; returns the exit code */
int cli_bad_args(cli *c, const cli_verb *v, const char *text);
int cli_say(cli *c, const char *text); /* a sentence of success */
/* Sends; on failure says why (format as cli_fail) and sets *code; true: 2xx, answer owned by the caller. */
bool cli_ask(cli *c, const char *method, const char *path, sl_str body, const char *fail, cli_answer *out, int *code);
/* The same for GET of a list; a kind that the daemon does not know is an empty list. */
bool cli_ask_list(cli *c, const char *path, const char *fail, cli_answer *out, int *code);
/* The reason inside an error answer, without the prefix that names the REST call; in a. */
char *cli_reason(sl_arena *a, const cli_answer *x);
/* What cli_ask does with an answer (there: cli_http said true). */
bool cli_judge(cli *c, bool there, const char *fail, cli_answer *x, int *code);
bool cli_absent(const cli_answer *x); /* the daemon does not know the path at all */

/* ---- define.c, move.c: verbs that are more than one request ---- */
int cli_statement(cli *c, const cli_verb *v, const cli_args *a);
int cli_show_streams(cli *c, const cli_verb *v, const cli_args *a);
int cli_describe_function(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_rule(cli *c, const cli_verb *v, const cli_args *a);
int cli_validate_rule(cli *c, const cli_verb *v, const cli_args *a);
int cli_explain(cli *c, const cli_verb *v, const cli_args *a);
int cli_show_plugins(cli *c, const cli_verb *v, const cli_args *a);
int cli_describe_plugin(cli *c, const cli_verb *v, const cli_args *a);
int cli_drop_plugin(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_plugin(cli *c, const cli_verb *v, const cli_args *a);
int cli_register_plugin(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_service(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_schema(cli *c, const cli_verb *v, const cli_args *a);
int cli_one_schema(cli *c, const cli_verb *v, const cli_args *a);
int cli_show_schemas(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_script(cli *c, const cli_verb *v, const cli_args *a);
int cli_create_connection(cli *c, const cli_verb *v, const cli_args *a);
int cli_confkey(cli *c, const cli_verb *v, const cli_args *a);
int cli_import(cli *c, const cli_verb *v, const cli_args *a);
int cli_export(cli *c, const cli_verb *v, const cli_args *a);
int cli_completion(cli *c, const cli_verb *v, const cli_args *a);
int cli_names(cli *c, const cli_verb *v, const cli_args *a);

/* ---- ruletest.c ---- */
int cli_rule_test(cli *c, const cli_verb *v, const cli_args *a);
extern const char cli_rule_test_help[]; /* what --help adds */

/* ---- sql.c ---- */
int cli_sql(cli *c, const cli_verb *v, const cli_args *a);
extern const char cli_sql_help[]; /* what --help adds */
void cli_locale(void);            /* UTF-8 characters for what counts columns */

/* ---- live.c ---- */
int cli_query(cli *c, const cli_verb *v, const cli_args *a);
int cli_watch(cli *c, const cli_verb *v, const cli_args *a);

/* ---- show.c ---- */
void cli_indent(FILE *f, sl_str json); /* two blanks a level, a newline at the end; not JSON: as it is */
/* A JSON answer in the best form of its shape: list of objects or map = table, else indented. */
void cli_table(FILE *f, sl_str json);
void cli_status_table(FILE *f, sl_str json); /* a rule's status document */
void cli_function(FILE *f, sl_str json);     /* what the daemon says of a function, for people */
/* DESCRIBE's text as kuiper's -json form. */
void cli_describe_json(FILE *f, sl_str text);
void cli_unescape_html(sl_buf *b);
#endif
