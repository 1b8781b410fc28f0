/* The lexer of templates: the whole text at once, blanks are tokens (they separate arguments). */
#ifndef SL_DATA_TPL_LEX_H
#define SL_DATA_TPL_LEX_H
#include "base/arena.h"
#include "base/vec.h"

typedef enum ttype {
    T_EOF,
    T_ERROR,
    T_TEXT,
    T_LEFT,
    T_RIGHT,
    T_SPACE,
    T_PIPE,
    T_LPAREN,
    T_RPAREN,
    T_ASSIGN,
    T_DECLARE,
    T_CHAR,
    T_FIELD,
    T_IDENT,
    T_VARIABLE,
    T_BOOL,
    T_NUMBER,
    T_CHARCONST,
    T_STRING,
    T_RAWSTRING,
    T_DOT,
    T_NIL,
    T_IF,
    T_ELSE,
    T_END,
    T_RANGE,
    T_WITH,
    T_BREAK,
    T_CONTINUE,
    T_DEFINE,
    T_BLOCK,
    T_TEMPLATE, /* keywords */
    T_TYPES
} ttype;
typedef struct token {
    uint8_t type;
    uint32_t pos, line;
    sl_str val; /* ERROR: what is wrong */
} token;
typedef SL_VEC(token) tokens;
/* Ends with T_EOF or T_ERROR. Error texts are in a. false: out of memory. */
bool tpl_lex(sl_arena *a, sl_str text, tokens *out);
#endif
