/* Templates to tokens, by the rules of Go's text/template/parse. */
#include "data/tpl/lex.h"
#include "base/utf8.h"

typedef struct lexer {
    sl_arena *a;
    sl_str s;
    tokens *out;
    size_t at, start;
    uint32_t line, start_line;
    int parens;
    bool over; /* an error was met, or memory is out */
} lexer;

static bool space(unsigned char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool alnum(const lexer *x, size_t at) { /* a letter, digit or _; letters beyond ASCII count */
    if (at >= x->s.n)
        return false;
    unsigned char c = (unsigned char)x->s.p[at];
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c >= 0x80;
}
static bool has(const lexer *x, size_t at, const char *lit) {
    size_t n = strlen(lit);
    return x->s.n - at >= n && memcmp(x->s.p + at, lit, n) == 0;
}
static void emit(lexer *x, ttype type) {
    token t = {(uint8_t)type, (uint32_t)x->start, x->start_line, {x->s.p + x->start, x->at - x->start}};
    if (!SL_PUSH(*x->out, t))
        x->over = true;
    for (; x->start < x->at; x->start++)
        x->line += x->s.p[x->start] == '\n';
    x->start_line = x->line;
}
static void skip(lexer *x) { /* forgets what was read */
    for (; x->start < x->at; x->start++)
        x->line += x->s.p[x->start] == '\n';
    x->start_line = x->line;
}
static void fail(lexer *x, sl_str why) {
    x->over = true;
    if (!SL_PUSH(*x->out, ((token){T_ERROR, (uint32_t)x->start, x->start_line, why})))
        return;
}
static void bad_rune(lexer *x, const char *what) {
    uint32_t r = 0;
    if (x->at < x->s.n)
        sl_utf8_get(x->s.p + x->at, x->s.n - x->at, &r);
    char ch[5] = {0};
    if (r >= 0x20 && r != 0x7f)
        sl_utf8_put(ch, r);
    fail(x, ch[0] ? sl_arena_printf(x->a, "%s U+%04X '%s'", what, r, ch) : sl_arena_printf(x->a, "%s U+%04X", what, r));
}
static bool right_trim(const lexer *x, size_t at) { return at + 1 < x->s.n && space((unsigned char)x->s.p[at]) && x->s.p[at + 1] == '-' && has(x, at + 2, "}}"); }
static bool at_end_of_word(const lexer *x) {
    if (x->at >= x->s.n || space((unsigned char)x->s.p[x->at]) || (x->s.p[x->at] && strchr(".,|:)(", x->s.p[x->at])))
        return true;
    return has(x, x->at, "}}");
}
static void right(lexer *x) { /* at }} or at the blank of ` -}}` */
    bool trim = right_trim(x, x->at);
    if (trim) {
        x->at += 2;
        skip(x);
    }
    x->at += 2;
    emit(x, T_RIGHT);
    if (trim) {
        while (x->at < x->s.n && space((unsigned char)x->s.p[x->at]))
            x->at++;
        skip(x);
    }
}
static void word(lexer *x) {
    static const struct {
        const char *word;
        ttype type;
    } keys[] = {{"if", T_IF},         {"else", T_ELSE},   {"end", T_END},           {"range", T_RANGE}, {"with", T_WITH}, {"break", T_BREAK}, {"continue", T_CONTINUE},
                {"define", T_DEFINE}, {"block", T_BLOCK}, {"template", T_TEMPLATE}, {"nil", T_NIL},     {"true", T_BOOL}, {"false", T_BOOL}};
    while (alnum(x, x->at))
        x->at++;
    if (!at_end_of_word(x)) {
        bad_rune(x, "bad character");
        return;
    }
    sl_str w = {x->s.p + x->start, x->at - x->start};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sl_str_is(w, keys[i].word)) {
            emit(x, keys[i].type);
            return;
        }
    emit(x, T_IDENT);
}
static void name(lexer *x, ttype type, ttype alone) { /* behind . or $ */
    if (at_end_of_word(x)) {
        emit(x, alone);
        return;
    }
    while (alnum(x, x->at))
        x->at++;
    if (!at_end_of_word(x))
        bad_rune(x, "bad character");
    else
        emit(x, type);
}
static void quoted(lexer *x, char end, ttype type, const char *open) {
    for (;; x->at++) {
        if (x->at >= x->s.n || x->s.p[x->at] == '\n') {
            fail(x, sl_str_of(open));
            return;
        }
        if (x->s.p[x->at] == '\\' && x->at + 1 < x->s.n && x->s.p[x->at + 1] != '\n')
            x->at++;
        else if (x->s.p[x->at] == end)
            break;
    }
    x->at++;
    emit(x, type);
}
static void raw(lexer *x) {
    while (x->at < x->s.n && x->s.p[x->at] != '`')
        x->at++;
    if (x->at >= x->s.n) {
        fail(x, SL_S("unterminated raw quoted string"));
        return;
    }
    x->at++;
    emit(x, T_RAWSTRING);
}
static void run_of(lexer *x, const char *set) {
    while (x->at < x->s.n && x->s.p[x->at] && strchr(set, x->s.p[x->at]))
        x->at++;
}
static void number(lexer *x) {
    const char *digits = "0123456789_";
    if (x->at < x->s.n && (x->s.p[x->at] == '+' || x->s.p[x->at] == '-'))
        x->at++;
    bool hex = false, ten = true;
    if (has(x, x->at, "0")) {
        char c = x->at + 1 < x->s.n ? (char)(x->s.p[x->at + 1] | 32) : 0;
        if (c == 'x')
            hex = true, ten = false, digits = "0123456789abcdefABCDEF_";
        else if (c == 'o')
            ten = false, digits = "01234567_";
        else if (c == 'b')
            ten = false, digits = "01_";
        x->at += ten ? 0 : 2;
    }
    run_of(x, digits);
    if (has(x, x->at, ".")) {
        x->at++;
        run_of(x, digits);
    }
    if (x->at < x->s.n && ((ten && (x->s.p[x->at] | 32) == 'e') || (hex && (x->s.p[x->at] | 32) == 'p'))) {
        x->at++;
        if (x->at < x->s.n && (x->s.p[x->at] == '+' || x->s.p[x->at] == '-'))
            x->at++;
        run_of(x, "0123456789_");
    }
    if (alnum(x, x->at)) {
        x->at++;
        fail(x, sl_arena_printf(x->a, "bad number syntax: \"%.*s\"", (int)(x->at - x->start), x->s.p + x->start));
        return;
    }
    emit(x, T_NUMBER);
}
static void blanks(lexer *x) {
    size_t n = 0;
    while (x->at < x->s.n && space((unsigned char)x->s.p[x->at])) {
        if (right_trim(x, x->at))
            break;
        x->at++;
        n++;
    }
    if (n)
        emit(x, T_SPACE);
}
static void action(lexer *x) { /* behind {{ (and its trim marker) */
    x->parens = 0;
    while (!x->over) {
        if (x->at < x->s.n && (has(x, x->at, "}}") || right_trim(x, x->at))) {
            if (x->parens) {
                fail(x, SL_S("unclosed left paren"));
                return;
            }
            right(x);
            return;
        }
        if (x->at >= x->s.n) {
            fail(x, SL_S("unclosed action"));
            return;
        }
        char c = x->s.p[x->at];
        if (space((unsigned char)c)) {
            blanks(x);
            continue;
        }
        bool digit_next = x->at + 1 < x->s.n && x->s.p[x->at + 1] >= '0' && x->s.p[x->at + 1] <= '9';
        if (alnum(x, x->at) && !(c >= '0' && c <= '9')) {
            word(x);
            continue;
        }
        if ((c >= '0' && c <= '9') || c == '+' || c == '-' || (c == '.' && digit_next)) {
            number(x);
            continue;
        }
        x->at++;
        switch (c) {
        case '=': emit(x, T_ASSIGN); break;
        case ':':
            if (!has(x, x->at, "=")) {
                fail(x, SL_S("expected :="));
                return;
            }
            x->at++;
            emit(x, T_DECLARE);
            break;
        case '|': emit(x, T_PIPE); break;
        case '"': quoted(x, '"', T_STRING, "unterminated quoted string"); break;
        case '\'': quoted(x, '\'', T_CHARCONST, "unterminated character constant"); break;
        case '`': raw(x); break;
        case '$': name(x, T_VARIABLE, T_VARIABLE); break;
        case '.': name(x, T_FIELD, T_DOT); break;
        case '(':
            x->parens++;
            emit(x, T_LPAREN);
            break;
        case ')':
            if (--x->parens < 0)
                fail(x, SL_S("unexpected right paren"));
            else
                emit(x, T_RPAREN);
            break;
        default:
            if (c > ' ' && c < 0x7f) {
                emit(x, T_CHAR);
                break;
            }
            x->at--;
            bad_rune(x, "unrecognized character in action:");
        }
    }
}
static bool comment(lexer *x) { /* at the comment's start, in an action; false: there is none */
    if (!has(x, x->at, "/*"))
        return false;
    x->at += 2;
    ptrdiff_t end = sl_str_find((sl_str){x->s.p + x->at, x->s.n - x->at}, SL_S("*/"));
    if (end < 0) {
        fail(x, SL_S("unclosed comment"));
        return true;
    }
    x->at += (size_t)end + 2;
    if (!has(x, x->at, "}}") && !right_trim(x, x->at)) {
        fail(x, SL_S("comment ends before closing delimiter"));
        return true;
    }
    bool trim = right_trim(x, x->at);
    x->at += trim ? 4 : 2;
    while (trim && x->at < x->s.n && space((unsigned char)x->s.p[x->at]))
        x->at++;
    skip(x);
    return true;
}
bool tpl_lex(sl_arena *a, sl_str text, tokens *out) {
    lexer x = {.a = a, .s = text, .out = out, .line = 1, .start_line = 1};
    while (!x.over && x.at < text.n) {
        ptrdiff_t open = sl_str_find((sl_str){text.p + x.at, text.n - x.at}, SL_S("{{"));
        size_t brace = open < 0 ? text.n : x.at + (size_t)open;
        bool trim = open >= 0 && brace + 3 < text.n && text.p[brace + 2] == '-' && space((unsigned char)text.p[brace + 3]);
        size_t end = brace;
        while (trim && end > x.at && space((unsigned char)text.p[end - 1]))
            end--;
        x.at = end;
        if (x.at > x.start)
            emit(&x, T_TEXT);
        x.at = brace;
        skip(&x);
        if (open < 0)
            break;
        size_t inside = brace + (trim ? 4 : 2);
        if (has(&x, trim ? brace + 4 : brace + 2, "/*")) {
            x.at = inside;
            comment(&x);
            continue;
        }
        x.at = brace + 2;
        emit(&x, T_LEFT);
        if (trim) {
            x.at += 2;
            skip(&x);
        }
        action(&x);
    }
    if (!x.over && !SL_PUSH(*out, ((token){T_EOF, (uint32_t)text.n, x.line, {text.p + text.n, 0}})))
        x.over = true;
    return out->n && (out->at[out->n - 1].type == T_EOF || out->at[out->n - 1].type == T_ERROR);
}
