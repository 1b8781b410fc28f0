/* Text to tokens, one at a time. What counts as a token, odd corners included (a minus before a dot belongs to the number, white
 * space inside two-character operators, one illegal character shown as ""), is upstream's: its error texts name the token found.
 * Decision: the lexer knows reserved words only; statement words, type names, options and functions are plain identifiers. */
#include "base/utf8.h"
#include "sql/lex.h"

static const struct {
    const char *word;
    sl_tok kind;
} words[] = {{"SELECT", SL_K_SELECT},
             {"AS", SL_K_AS},
             {"FROM", SL_K_FROM},
             {"WHERE", SL_K_WHERE},
             {"AND", SL_K_AND},
             {"OR", SL_K_OR},
             {"GROUP", SL_K_GROUP},
             {"HAVING", SL_K_HAVING},
             {"ORDER", SL_K_ORDER},
             {"BY", SL_K_BY},
             {"DESC", SL_K_DESC},
             {"ASC", SL_K_ASC},
             {"FILTER", SL_K_FILTER},
             {"INNER", SL_K_INNER},
             {"LEFT", SL_K_LEFT},
             {"RIGHT", SL_K_RIGHT},
             {"FULL", SL_K_FULL},
             {"CROSS", SL_K_CROSS},
             {"JOIN", SL_K_JOIN},
             {"ON", SL_K_ON},
             {"CASE", SL_K_CASE},
             {"WHEN", SL_K_WHEN},
             {"THEN", SL_K_THEN},
             {"DEFAULT", SL_K_DEFAULT},
             {"ELSE", SL_K_ELSE},
             {"END", SL_K_END},
             {"IN", SL_K_IN},
             {"NOT", SL_K_NOT},
             {"BETWEEN", SL_K_BETWEEN},
             {"LIKE", SL_K_LIKE},
             {"OVER", SL_K_OVER},
             {"PARTITION", SL_K_PARTITION},
             {"REPLACE", SL_K_REPLACE},
             {"EXCEPT", SL_K_EXCEPT},
             {"INVISIBLE", SL_K_INVISIBLE},
             {"TRUE", SL_K_TRUE},
             {"FALSE", SL_K_FALSE},
             {"DD", SL_K_DD},
             {"HH", SL_K_HH},
             {"MI", SL_K_MI},
             {"SS", SL_K_SS},
             {"MS", SL_K_MS},
             {"LIMIT", SL_K_LIMIT}};

static int at(const sl_lexer *x, uint32_t i) { return i < x->text.n && x->text.p[i] ? (unsigned char)x->text.p[i] : -1; }
static bool space(int c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool digit(int c) { return c >= '0' && c <= '9'; }
static bool letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static uint32_t skip(const sl_lexer *x, uint32_t i) {
    while (space(at(x, i)))
        i++;
    return i;
}
static sl_token tok(sl_lexer *x, sl_tok kind, uint32_t from, uint32_t to, const char *lit) {
    x->at = to;
    return (sl_token){.kind = kind, .lit = lit ? sl_str_of(lit) : sl_str_n(x->text.p + from, to - from), .pos = from, .end = to};
}

static sl_token word(sl_lexer *x, uint32_t from) {
    uint32_t i = from;
    while (letter(at(x, i)) || digit(at(x, i)) || at(x, i) == '_')
        i++;
    sl_str s = sl_str_n(x->text.p + from, i - from);
    if (s.n <= 9)
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (sl_str_ieq(s, sl_str_of(words[k].word)))
                return tok(x, words[k].kind, from, i, words[k].word);
    return tok(x, SL_K_IDENT, from, i, NULL);
}
static sl_token quoted(sl_lexer *x, uint32_t from) {
    uint32_t i = from + 1;
    while (at(x, i) >= 0 && at(x, i) != '`')
        i++;
    sl_token t = tok(x, SL_K_IDENT, from, i + (at(x, i) == '`'), NULL);
    t.lit = sl_str_n(x->text.p + from + 1, i - from - 1);
    t.quoted = true;
    return t;
}
/* from: the sign or the first character; i: first digit or dot. */
static sl_token number(sl_lexer *x, uint32_t from, uint32_t i) {
    bool dot = false;
    uint32_t first = i;
    for (; digit(at(x, i)) || at(x, i) == '.'; i++)
        dot |= at(x, i) == '.';
    sl_token t = tok(x, dot ? SL_K_NUM : SL_K_INT, from, i, NULL);
    if (first - from > 1) /* white space between sign and digits */
        t.lit = sl_arena_printf(x->a, "-%.*s", (int)(i - first), x->text.p + first);
    return t;
}

static int hex(int c) { return digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
/* One escape at s[*i] (behind the backslash) as in a Go string; writes to out, returns bytes or -1. */
static int escape(sl_str s, size_t *i, char *out) {
    static const char from[] = "abfnrtv\\\"", to[] = "\a\b\f\n\r\t\v\\\"";
    if (*i >= s.n)
        return -1;
    char c = s.p[(*i)++];
    const char *f = c ? strchr(from, c) : NULL;
    if (f) {
        out[0] = to[f - from];
        return 1;
    }
    unsigned n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t v = 0;
    if (c >= '0' && c <= '7') {
        v = (uint32_t)(c - '0');
        for (int k = 0; k < 2; k++, (*i)++) {
            if (*i >= s.n || s.p[*i] < '0' || s.p[*i] > '7')
                return -1;
            v = v * 8 + (uint32_t)(s.p[*i] - '0');
        }
        if (v > 255)
            return -1;
        out[0] = (char)v;
        return 1;
    }
    if (!n)
        return -1;
    for (unsigned k = 0; k < n; k++, (*i)++) {
        int h = *i < s.n ? hex((unsigned char)s.p[*i]) : -1;
        if (h < 0 || v > 0x0FFFFFFF)
            return -1;
        v = v * 16 + (uint32_t)h;
    }
    if (n == 2) {
        out[0] = (char)v;
        return 1;
    }
    if (v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return -1;
    return (int)sl_utf8_put(out, v);
}
static sl_token string(sl_lexer *x, uint32_t from) {
    char q = x->text.p[from];
    uint32_t i = from + 1;
    bool esc = false;
    for (; at(x, i) >= 0 && (esc || at(x, i) != q); i++)
        esc = !esc && at(x, i) == '\\';
    sl_str in = sl_str_n(x->text.p + from + 1, i - from - 1);
    if (at(x, i) < 0) {
        sl_token t = tok(x, SL_K_ILLEGAL, from, i, NULL);
        t.lit = sl_arena_printf(x->a, "\"%.*s", (int)in.n, in.p);
        return t;
    }
    sl_token t = tok(x, q == '"' ? SL_K_STR : SL_K_SQSTR, from, i + 1, NULL);
    char *out = sl_arena_alloc(x->a, in.n * 3 + 4); /* an invalid byte becomes the three bytes of U+FFFD */
    if (!out || sl_arena_failed(x->a)) {
        t.lit = SL_S("");
        return t;
    }
    size_t n = 0, k = 0;
    bool bad = false;
    while (k < in.n && !bad) {
        char c = in.p[k];
        if (c == '\\' && q == '\'' && k + 1 < in.n && in.p[k + 1] == '\'') {
            out[n++] = '\'';
            k += 2;
        } else if (c == '\\') {
            k++;
            int w = escape(in, &k, out + n);
            bad = w < 0;
            n += bad ? 0 : (size_t)w;
        } else if (c == '\n') {
            bad = true;
        } else {
            uint32_t r;
            unsigned w = sl_utf8_get(in.p + k, in.n - k, &r);
            n += sl_utf8_put(out + n, r);
            k += w;
        }
    }
    t.lit = sl_str_n(out, n);
    if (bad) {
        t.kind = SL_K_ILLEGAL;
        t.lit = sl_arena_printf(x->a, "invalid string: \"%.*s\"", (int)in.n, in.p);
    }
    return t;
}

static sl_token two(sl_lexer *x, uint32_t from, sl_tok with_eq, const char *text, sl_tok alone) {
    uint32_t i = skip(x, from + 1);
    return at(x, i) == '=' ? tok(x, with_eq, from, i + 1, text) : tok(x, alone, from, from + 1, alone == SL_K_BANG ? "=" : NULL);
}
sl_token sl_lex(sl_lexer *x) {
    for (;;) {
        uint32_t from = skip(x, x->at), next;
        int c = at(x, from);
        static const char singles[] = "+*%&|^=[].(),:;#";
        static const sl_tok kinds[] = {SL_K_ADD, SL_K_MUL, SL_K_MOD, SL_K_BAND, SL_K_BOR,   SL_K_BXOR,  SL_K_EQ,   SL_K_LB,
                                       SL_K_RB,  SL_K_DOT, SL_K_LP,  SL_K_RP,   SL_K_COMMA, SL_K_COLON, SL_K_SEMI, SL_K_HASH};
        if (c < 0) {
            x->at = from;
            return (sl_token){.kind = SL_K_EOF, .lit = SL_S("EOF"), .pos = from, .end = from};
        }
        if (letter(c))
            return word(x, from);
        if (digit(c) || (c == '.' && digit(at(x, from + 1))))
            return number(x, from, from);
        if (c == '`')
            return quoted(x, from);
        if (c == '"' || c == '\'')
            return string(x, from);
        switch (c) {
        case '-':
            next = skip(x, from + 1);
            if (at(x, next) == '>')
                return tok(x, SL_K_ARROW, from, next + 1, "->");
            if (at(x, next) == '.')
                return number(x, from, next);
            if (at(x, next) != '-')
                return tok(x, SL_K_SUB, from, from + 1, NULL);
            while (at(x, next) >= 0 && at(x, next) != '\n')
                next++;
            x->at = next;
            continue;
        case '/':
            next = skip(x, from + 1);
            if (at(x, next) != '*')
                return tok(x, SL_K_DIV, from, from + 1, NULL);
            for (next++; at(x, next) >= 0 && !(at(x, next) == '*' && at(x, next + 1) == '/'); next++)
                ;
            if (at(x, next) < 0)
                return tok(x, SL_K_ILLEGAL, from, next, "");
            x->at = next + 2;
            continue;
        case '!': return two(x, from, SL_K_NE, "!=", SL_K_BANG);
        case '<': return two(x, from, SL_K_LE, "<=", SL_K_LT);
        case '>': return two(x, from, SL_K_GE, ">=", SL_K_GT);
        default: break;
        }
        const char *f = strchr(singles, c);
        if (f)
            return tok(x, kinds[f - singles], from, from + 1, NULL);
        uint32_t rune;
        unsigned w = sl_utf8_get(x->text.p + from, x->text.n - from, &rune);
        return tok(x, SL_K_ILLEGAL, from, from + w, "");
    }
}
