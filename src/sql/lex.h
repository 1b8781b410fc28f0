/* Tokens of the SQL text. Private to the parser files of sql/. */
#ifndef SL_SQL_LEX_H
#define SL_SQL_LEX_H
#include "base/arena.h"

typedef enum sl_tok {
    SL_K_EOF,
    SL_K_ILLEGAL,
    SL_K_BANG,
    SL_K_IDENT,
    SL_K_INT,
    SL_K_NUM,
    SL_K_STR,
    SL_K_SQSTR,
    SL_K_ADD,
    SL_K_SUB,
    SL_K_MUL,
    SL_K_DIV,
    SL_K_MOD,
    SL_K_BAND,
    SL_K_BOR,
    SL_K_BXOR,
    SL_K_EQ,
    SL_K_NE,
    SL_K_LT,
    SL_K_LE,
    SL_K_GT,
    SL_K_GE,
    SL_K_LB,
    SL_K_RB,
    SL_K_ARROW,
    SL_K_DOT,
    SL_K_LP,
    SL_K_RP,
    SL_K_COMMA,
    SL_K_COLON,
    SL_K_SEMI,
    SL_K_HASH,
    /* reserved words, in the order of the table in lex.c */
    SL_K_SELECT,
    SL_K_AS,
    SL_K_FROM,
    SL_K_WHERE,
    SL_K_AND,
    SL_K_OR,
    SL_K_GROUP,
    SL_K_HAVING,
    SL_K_ORDER,
    SL_K_BY,
    SL_K_DESC,
    SL_K_ASC,
    SL_K_FILTER,
    SL_K_INNER,
    SL_K_LEFT,
    SL_K_RIGHT,
    SL_K_FULL,
    SL_K_CROSS,
    SL_K_JOIN,
    SL_K_ON,
    SL_K_CASE,
    SL_K_WHEN,
    SL_K_THEN,
    SL_K_DEFAULT,
    SL_K_ELSE,
    SL_K_END,
    SL_K_IN,
    SL_K_NOT,
    SL_K_BETWEEN,
    SL_K_LIKE,
    SL_K_OVER,
    SL_K_PARTITION,
    SL_K_REPLACE,
    SL_K_EXCEPT,
    SL_K_INVISIBLE,
    SL_K_TRUE,
    SL_K_FALSE,
    SL_K_DD,
    SL_K_HH,
    SL_K_MI,
    SL_K_SS,
    SL_K_MS,
    SL_K_LIMIT
} sl_tok;

typedef struct sl_token {
    sl_tok kind;
    bool quoted;       /* IDENT between backquotes */
    sl_str lit;        /* as messages show it: keywords in upper case, strings decoded, "EOF" */
    uint32_t pos, end; /* bytes of the text */
} sl_token;

typedef struct sl_lexer {
    sl_arena *a; /* decoded strings */
    sl_str text;
    uint32_t at;
} sl_lexer;
/* The next token; white space and comments are skipped. Behind the end always EOF. */
sl_token sl_lex(sl_lexer *x);
#endif
