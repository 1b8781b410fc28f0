/* Data templates: Go's text/template with sprig's functions, as sinks use them. A template is compiled once into a
 * tree whose names are resolved (functions to table rows, variables to slots) and run per row; a run takes memory only from the arena it is
 * given. A compiled template belongs to one thread at a time: it keeps compiled patterns.
 *
 * Not offered (the name is unknown, so the rule is refused): methods of values, the functions for certificates, passwords and encryption, semver,
 * getHostByName. */
#ifndef SL_DATA_TEMPLATE_H
#define SL_DATA_TEMPLATE_H
#include "base/err.h"
#include "data/value.h"

typedef struct sl_template sl_template;
typedef struct sl_template_env { /* what functions read from outside; zero is fine */
    int64_t now_ms;
} sl_template_env;

/* Compiles text. Errors (SL_E_EXEC) in Go's words: `template: sink:1: unclosed action`. */
sl_err *sl_template_new(sl_str text, sl_template **out);
void sl_template_free(sl_template *t); /* NULL is fine */
sl_str sl_template_text(const sl_template *t);
/* Runs it on root (a MAP, or the LIST of the rows) and appends the result to out. false: *why (memory from a) has Go's words
 * (`template: sink:1:8: executing "sink" at <.speed.x>: …`), and out is as before. */
bool sl_template_run(sl_template *t, const sl_template_env *env, sl_arena *a, sl_value root, sl_buf *out, sl_str *why);
/* Whether a property is to be taken as a template: it has {{…}} on one line. */
bool sl_template_is(sl_str text);

/* What `prop` and the SQL function props know: et (the time), snowflake (a fresh id), or the environment's KUIPER_PROPS_<NAME>. false: none of
 * that name. Memory from a. */
bool sl_engine_prop(sl_arena *a, sl_str name, int64_t now_ms, sl_str *out);
#endif
