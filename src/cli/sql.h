/* The inside of `sluice sql`: what a text at the prompt is, and what could come next. Inside cli only. */
#ifndef SL_CLI_SQL_H
#define SL_CLI_SQL_H
#include "base/vec.h"
#include "cli/cli.h"

/* ---- sql_text.c: no I/O ---- */
/* Bytes up to and with the first ; outside of strings and comments; 0: there is none. */
size_t sql_first(sl_str text);
/* Can this run without a ;? false: something is missing at its end. Nonsense is whole: the daemon says what is wrong. */
bool sql_whole(sl_str text);
/* Nothing but white space and comments? */
bool sql_blank(sl_str text);

typedef enum sql_want {
    SQL_NOTHING,
    SQL_STATEMENT, /* the first word */
    SQL_WORD,      /* one of a fixed list: words */
    SQL_SOURCE,    /* a stream or a table */
    SQL_STREAM,
    SQL_TABLE,
    SQL_RULE,
    SQL_COLUMN, /* of source */
    SQL_EXPR,   /* columns, functions, and words */
    SQL_OPTION, /* of WITH */
    SQL_VALUE,  /* of the option `source` */
    SQL_META    /* a command with a backslash */
} sql_want;
typedef struct sql_ref { /* a source of the statement */
    sl_str name, alias;
} sql_ref;
typedef struct sql_place {
    sql_want want;
    sl_str word;              /* what is typed of it already */
    bool quoted;              /* word stands behind a quote (or a backquote) that is not closed */
    const char *const *words; /* ends with NULL; may be NULL */
    sl_str source;
    sl_str call; /* the function whose arguments these are; n = 0: none */
    bool lower;  /* the person writes keywords in lower case */
    SL_VEC(sql_ref) refs;
} sql_place;
/* What could stand at the end of before. after: the rest of the statement, where sources may be named. Free refs with SL_VEC_FREE. */
void sql_place_find(sl_arena *a, sl_str before, sl_str after, sql_place *out);

/* ---- sql_complete.c ---- */
typedef struct sql_names sql_names;
sql_names *sql_names_new(cli *c);
void sql_names_free(sql_names *n);
/* Columns that a SELECT * has shown, for streams that declare none. */
void sql_names_learn(sql_names *n, const sl_json *row);
/* What Tab does behind `before`: a text to insert once `erase` characters are gone, and what to show; both in a, NULL: nothing. */
void sql_complete(sql_names *n, sl_arena *a, sl_str before, sl_str after, const char **insert, size_t *erase, const char **show);

/* ---- the line editor: the module sl_edit.so ---- */
typedef struct sql_edit_host {
    void *arg;
    const volatile sig_atomic_t *interrupted; /* not 0: Ctrl-C came */
    const char *(*prompt)(void *arg);
    /* before and after: the line around the cursor. Texts live until the next call. */
    void (*complete)(void *arg, const char *before, size_t nbefore, const char *after, size_t nafter, const char **insert, size_t *erase, const char **show);
} sql_edit_host;
typedef struct sql_editor {
    void *(*open)(const sql_edit_host *h); /* NULL: the terminal is not one to edit on */
    /* A line without its end, malloc'd. 1: there is one; 0: the end of the input; -1: Ctrl-C. */
    int (*read)(void *e, char **line);
    void (*remember)(void *e, const char *line);
    void (*close)(void *e);
} sql_editor;
#endif
