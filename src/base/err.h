/* Errors as data. A function that can fail returns sl_err*: NULL is success, anything else is owned by the
 * caller, who frees it or hands it on. Codes come from one list that also holds the HTTP meaning; the words are
 * for a person and say what is wrong, where and what was expected.
 * Decision: per-row errors never use this type (no allocation per row); they are values of kind SL_ERROR. */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H
#include <stdarg.h>
#include <stdbool.h>
#include "base/str.h"

/* X(name, eKuiper code, HTTP status). */
#define SL_CODES(X)                                                                                                                                                                \
    X(UNDEFINED, 1000, 400) /* anything without a better name */                                                                                                                   \
    X(GENERAL, 1001, 400)   /* for example: topology of a rule that never ran */                                                                                                   \
    X(NOTFOUND, 1002, 404)                                                                                                                                                         \
    X(IO, 1003, 400) /* peer or device; worth another try */                                                                                                                       \
    X(CODEC, 1004, 400)                                                                                                                                                            \
    X(EOF, 1005, 400)    /* a finite source ended */                                                                                                                               \
    X(PARSE, 2001, 400)  /* SQL text */                                                                                                                                            \
    X(PLAN, 2101, 400)   /* binding and planning */                                                                                                                                \
    X(EXEC, 2201, 400)   /* building the flow */                                                                                                                                   \
    X(STREAM, 3000, 400) /* stream and table statements */                                                                                                                         \
    X(RULE, 4000, 400)                                                                                                                                                             \
    X(CONF, 5000, 400)                                                                                                                                                             \
    X(NOMEM, 1006, 500)                                                                                                                                                            \
    X(LIMIT, 1007, 400)       /* a documented limit of ours */                                                                                                                     \
    X(UNSUPPORTED, 1008, 400) /* understood, not offered yet */

typedef enum sl_code {
    SL_OK = 0,
#define X(n, ek, http) SL_E_##n,
    SL_CODES(X)
#undef X
} sl_code;

typedef struct sl_err sl_err;

/* Makes an error. Never returns NULL (falls back to a static one when memory is out). */
sl_err *sl_err_new(sl_code code, const char *fmt, ...) __attribute__((cold, format(printf, 2, 3)));
/* Puts "prefix: " in front of the text. Takes e, returns it (or NULL when e is NULL). Code unchanged. */
sl_err *sl_err_prefix(sl_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Changes the code. Takes and returns e. */
sl_err *sl_err_recode(sl_err *e, sl_code code);
/* The text, lent until e is freed; "" for NULL. */
const char *sl_err_text(const sl_err *e);
sl_code sl_err_code(const sl_err *e);
/* eKuiper's number (1000…) and the HTTP status for a code. */
int sl_code_ekuiper(sl_code c);
int sl_code_http(sl_code c);
void sl_err_free(sl_err *e);
sl_err *sl_err_dup(const sl_err *e);
/* Another text in the same error: code and place stay. Takes and returns e. */
sl_err *sl_err_retext(sl_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where in a text of many lines an error lies, and advice. It stands beside the error's own text, which may be somebody else's contract. */
typedef struct sl_spot {
    unsigned line, column; /* from 1, in characters */
    const char *why;       /* the error's text when the place was put, without what was said around it later */
    const char *text;      /* the line, what surrounds the place when it is long */
    const char *mark;      /* blanks up to the place and ^~~~ below it */
    const char *hint;      /* what to write instead; NULL: no advice */
} sl_spot;
/* Puts a place beside the error, in place of the one it had; copied (but for why). Takes and returns e. */
sl_err *sl_err_put_spot(sl_err *e, const sl_spot *s);
/* Draws the place: len bytes at byte pos of the text (0: one character), and advice (NULL: none). Nothing without a text. Takes and returns e. */
sl_err *sl_err_mark(sl_err *e, sl_str text, size_t pos, size_t len, const char *hint);
const sl_spot *sl_err_spot(const sl_err *e); /* lent; NULL: it has none */

/* Returns from the enclosing function when EXPR yields an error. The only macro that hides a return; used
 * where a function has nothing to clean up. */
#define SL_TRY(EXPR)                                                                                                                                                               \
    do {                                                                                                                                                                           \
        sl_err *sl_try_e_ = (EXPR);                                                                                                                                                \
        if (sl_try_e_)                                                                                                                                                             \
            return sl_try_e_;                                                                                                                                                      \
    } while (0)
#endif
