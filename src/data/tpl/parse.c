/* From tokens to the tree, by the rules and with the words of Go's text/template/parse (Go 1.25).
 * Decision: variables become slots of a frame here, so that a run looks nothing up by name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/num.h"
#include "base/utf8.h"
#include "data/tpl/lex.h"
#include "data/tpl/tpl.h"

enum { DEEP = 200, VARS = 4096 };
typedef struct parser {
    sl_template *t;
    sl_arena *a;
    tokens tok;
    size_t at;
    uint32_t action_line; /* 0: not in an action */
    uint32_t ranges, depth;
    SL_VEC(sl_str) vars;
    uint32_t slots; /* most variables at a time */
    bool failed;
    sl_buf why;
} parser;

/* ---- errors: the first one stays ---- */
static void fail(parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fail(parser *p, const char *fmt, ...) {
    if (p->failed)
        return;
    p->failed = true;
    sl_buf_printf(&p->why, "template: sink:%u: ", p->tok.at[p->at ? p->at - 1 : 0].line);
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&p->why, fmt, ap);
    va_end(ap);
}
static void show_token(sl_buf *b, token t) {
    if (t.type == T_EOF) {
        sl_buf_puts(b, "EOF");
    } else if (t.type >= T_DOT && t.type != T_NIL) {
        sl_buf_printf(b, t.type == T_DOT ? "<.>" : "<%.*s>", SL_FMT(t.val));
    } else if (t.type == T_NIL) {
        sl_buf_puts(b, "<nil>");
    } else if (t.val.n > 10) {
        sl_go_quote(b, (sl_str){t.val.p, 10});
        sl_buf_puts(b, "...");
    } else
        sl_go_quote(b, t.val);
}
static token peek(parser *p) { return p->tok.at[p->at]; }
static token next(parser *p) { return p->at + 1 < p->tok.n ? p->tok.at[p->at++] : p->tok.at[p->at]; }
static void back(parser *p, token t) { /* the last token is never passed */
    if (t.type != T_EOF && t.type != T_ERROR)
        p->at--;
}
static token peek_word(parser *p) {
    while (peek(p).type == T_SPACE)
        p->at++;
    return peek(p);
}
static token next_word(parser *p) {
    peek_word(p);
    return next(p);
}
static void unexpected(parser *p, token t, const char *context) {
    sl_buf b = {0};
    if (t.type == T_ERROR) {
        p->at = p->at ? p->at : 1;
        sl_buf_str(&b, t.val);
        if (p->action_line && p->action_line != t.line)
            sl_buf_printf(&b, sl_str_ends(t.val, SL_S(" action")) ? " started at sink:%u" : " in action started at sink:%u", p->action_line);
        if (!p->failed) {
            p->failed = true;
            sl_buf_printf(&p->why, "template: sink:%u: %s", t.line, sl_buf_cstr(&b));
        }
    } else {
        show_token(&b, t);
        fail(p, "unexpected %s in %s", sl_buf_cstr(&b), context);
    }
    sl_buf_free(&b);
}
static bool expect(parser *p, ttype type, const char *context) {
    token t = next_word(p);
    if (t.type != type)
        unexpected(p, t, context);
    return t.type == type;
}
static node *new_node(parser *p, nkind kind, uint32_t pos) {
    node *n = SL_NEW(p->a, node);
    n->kind = (uint8_t)kind;
    n->pos = pos;
    return n;
}
static void add(parser *p, node *to, node *what) {
    if ((to->n & (to->n - 1)) == 0) { /* grows at powers of two */
        node **at = SL_NEW_N(p->a, node *, to->n ? to->n * 2 : 1);
        if (!at || sl_arena_failed(p->a)) {
            fail(p, "out of memory");
            return;
        }
        if (to->n)
            memcpy(at, to->at, to->n * sizeof *at);
        to->at = at;
    }
    to->at[to->n++] = what;
}

/* ---- constants ---- */
static bool unquote(parser *p, sl_str s, char quote, sl_str *out) { /* what stands between the quotes */
    char *to = sl_arena_alloc(p->a, s.n + 8);
    if (!to)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '\\') {
            to[n++] = s.p[i++];
            continue;
        }
        if (++i >= s.n)
            return false;
        char c = s.p[i++];
        const char *plain = "abfnrtv\\", *is = "\a\b\f\n\r\t\v\\", *f = strchr(plain, c);
        uint32_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0, rune = 0;
        if (c && f) {
            to[n++] = is[f - plain];
        } else if (c == quote) {
            to[n++] = quote;
        } else if (digits) {
            if (s.n - i < digits)
                return false;
            for (uint32_t k = 0; k < digits; k++, i++) {
                char h = s.p[i];
                int d = h >= '0' && h <= '9' ? h - '0' : (h | 32) >= 'a' && (h | 32) <= 'f' ? (h | 32) - 'a' + 10 : -1;
                if (d < 0)
                    return false;
                rune = rune << 4 | (uint32_t)d;
            }
            if (c == 'x') {
                to[n++] = (char)rune;
            } else {
                if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000))
                    return false;
                n += sl_utf8_put(to + n, rune);
            }
        } else if (c >= '0' && c <= '7') {
            if (s.n - i < 2)
                return false;
            rune = (uint32_t)(c - '0');
            for (int k = 0; k < 2; k++, i++) {
                if (s.p[i] < '0' || s.p[i] > '7')
                    return false;
                rune = rune << 3 | (uint32_t)(s.p[i] - '0');
            }
            if (rune > 255)
                return false;
            to[n++] = (char)rune;
        } else
            return false;
    }
    *out = (sl_str){to, n};
    return true;
}
static bool integer_of(sl_str s, int64_t *out, bool *over) { /* Go syntax: sign, prefix, underscores between digits */
    size_t i = 0;
    bool neg = false;
    if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
        neg = s.p[i++] == '-';
    unsigned base = 10;
    if (s.n - i > 1 && s.p[i] == '0') {
        char c = (char)(s.p[i + 1] | 32);
        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        i += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
    }
    uint64_t v = 0;
    size_t digits = 0;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (c == '_')
            continue;
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a' + 10) : 99;
        if (d >= base)
            return false;
        if (v > (UINT64_MAX - d) / base) {
            *over = true;
            return false;
        }
        v = v * base + d;
        digits++;
    }
    if (!digits && !(base == 8))
        return false;
    if (v > (uint64_t)INT64_MAX + neg) {
        *over = true;
        return false;
    }
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}
static node *number(parser *p, token t) {
    node *n = new_node(p, N_NUMBER, t.pos);
    n->text = t.val;
    if (t.type == T_CHARCONST) {
        sl_str s;
        uint32_t rune;
        if (!unquote(p, (sl_str){t.val.p + 1, t.val.n - 2}, '\'', &s) || !s.n || sl_utf8_get(s.p, s.n, &rune) != s.n) {
            fail(p, "malformed character constant: %.*s", SL_FMT(t.val));
            return n;
        }
        n->is_int = true;
        n->number = rune;
        n->value = tv_int(rune);
        return n;
    }
    int64_t i;
    bool over = false;
    if (integer_of(t.val, &i, &over)) {
        n->is_int = true;
        n->number = (double)i;
        n->value = tv_int(i);
        return n;
    }
    if (over) {
        fail(p, "integer overflow: \"%.*s\"", SL_FMT(t.val));
        return n;
    }
    char clean[128];
    size_t len = 0;
    for (size_t k = 0; k < t.val.n && len < sizeof clean - 1; k++)
        if (t.val.p[k] != '_')
            clean[len++] = t.val.p[k];
    clean[len] = 0;
    double d;
    bool hex = len > 1 && (clean[1] == 'x' || clean[1] == 'X' || clean[2] == 'x' || clean[2] == 'X');
    char *end = clean;
    if (hex)
        d = strtod(clean, &end);
    if (hex ? !len || *end || !strpbrk(clean, "pP") : !sl_num_parse_f64((sl_str){clean, len}, &d)) {
        size_t dot = len && (clean[0] == '+' || clean[0] == '-'); /* Go takes .5 and 5. too */
        char wide[160];
        int w = snprintf(wide, sizeof wide, "%.*s%s%s", (int)dot, clean, clean[dot] == '.' ? "0" : "", clean + dot);
        if (w > 0 && wide[w - 1] == '.')
            wide[w - 1] = 0;
        char *mid = strstr(wide, ".e");
        mid = mid ? mid : strstr(wide, ".E");
        if (mid)
            memmove(mid, mid + 1, strlen(mid));
        if (hex || !sl_num_parse_f64(sl_str_of(wide), &d)) {
            fail(p, "illegal number syntax: \"%.*s\"", SL_FMT(t.val));
            return n;
        }
    }
    n->number = d;
    n->is_int = d == trunc(d) && fabs(d) < 9.2e18;
    n->value = tv_of(sl_v_float(d));
    return n;
}

/* ---- operands ---- */
static node *pipeline(parser *p, const char *context, ttype end);
static node *variable(parser *p, token t) {
    node *n = new_node(p, N_VAR, t.pos);
    n->text = t.val;
    n->slot = -1;
    for (size_t i = p->vars.n; i-- > 0 && n->slot < 0;)
        if (sl_str_eq(p->vars.at[i], t.val))
            n->slot = (int32_t)i;
    if (n->slot < 0)
        fail(p, "undefined variable \"%.*s\"", SL_FMT(t.val));
    return n;
}
static void add_name(parser *p, node *n, token field) {
    if ((n->nnames & (n->nnames - 1)) == 0) {
        sl_str *names = SL_NEW_N(p->a, sl_str, n->nnames ? n->nnames * 2 : 1);
        if (!names || sl_arena_failed(p->a)) {
            fail(p, "out of memory");
            return;
        }
        if (n->nnames)
            memcpy(names, n->names, n->nnames * sizeof *names);
        n->names = names;
    }
    n->names[n->nnames++] = (sl_str){field.val.p + 1, field.val.n - 1};
}
static node *term(parser *p) {
    token t = next_word(p);
    node *n;
    switch (t.type) {
    case T_IDENT:
        n = new_node(p, N_CALL, t.pos);
        n->text = t.val;
        if (!(n->fn = tpl_func_find(t.val)))
            fail(p, "function \"%.*s\" not defined", SL_FMT(t.val));
        return n;
    case T_DOT: return new_node(p, N_DOT, t.pos);
    case T_NIL: return new_node(p, N_NIL, t.pos);
    case T_VARIABLE: return variable(p, t);
    case T_FIELD:
        n = new_node(p, N_FIELD, t.pos);
        add_name(p, n, t);
        return n;
    case T_BOOL:
        n = new_node(p, N_BOOL, t.pos);
        n->value = tv_bool(sl_str_is(t.val, "true"));
        return n;
    case T_CHARCONST:
    case T_NUMBER: return number(p, t);
    case T_LPAREN: return pipeline(p, "parenthesized pipeline", T_RPAREN);
    case T_STRING:
    case T_RAWSTRING: {
        n = new_node(p, N_STRING, t.pos);
        n->text = t.val;
        sl_str s = {t.val.p + 1, t.val.n - 2};
        if (t.type == T_STRING && !unquote(p, s, '"', &s))
            fail(p, "invalid syntax");
        n->value = tv_str(s);
        return n;
    }
    default: back(p, t); return NULL;
    }
}
static node *operand(parser *p) {
    node *n = term(p);
    if (!n || p->failed || peek(p).type != T_FIELD)
        return n;
    uint32_t pos = peek(p).pos;
    switch (n->kind) {
    case N_FIELD:
    case N_VAR: break;
    case N_BOOL:
    case N_STRING:
    case N_NUMBER:
    case N_NIL:
    case N_DOT: {
        sl_buf b = {0}, q = {0};
        tpl_show(&b, n);
        sl_go_quote(&q, sl_buf_view(&b));
        fail(p, "unexpected . after term %s", sl_buf_cstr(&q));
        sl_buf_free(&b);
        sl_buf_free(&q);
        return n;
    }
    default: {
        node *chain = new_node(p, N_CHAIN, pos);
        chain->pipe = n;
        n = chain;
    }
    }
    n->pos = pos;
    while (peek(p).type == T_FIELD)
        add_name(p, n, next(p));
    return n;
}
static node *command(parser *p) {
    node *c = new_node(p, N_COMMAND, peek_word(p).pos);
    while (!p->failed) {
        peek_word(p);
        node *o = operand(p);
        if (o)
            add(p, c, o);
        if (p->failed)
            break;
        token t = next(p);
        if (t.type == T_SPACE)
            continue;
        if (t.type == T_RIGHT || t.type == T_RPAREN)
            back(p, t);
        else if (t.type != T_PIPE)
            unexpected(p, t, "operand");
        break;
    }
    if (!c->n)
        fail(p, "empty command");
    return c;
}
static int32_t declare(parser *p, sl_str name, bool assign) {
    if (assign) {
        for (size_t i = p->vars.n; i-- > 0;)
            if (sl_str_eq(p->vars.at[i], name))
                return (int32_t)i;
        return -1; /* an error of the run, as in Go */
    }
    if (p->vars.n >= VARS || !SL_PUSH(p->vars, name)) {
        fail(p, "too many variables: at most %d", VARS);
        return -1;
    }
    if (p->vars.n > p->slots)
        p->slots = (uint32_t)p->vars.n;
    return (int32_t)p->vars.n - 1;
}
static void declarations(parser *p, node *pipe, const char *context) {
    sl_str names[2];
    uint32_t n = 0;
    bool is = false;
    while (!p->failed && peek_word(p).type == T_VARIABLE) {
        size_t from = p->at;
        token v = next(p), after = peek_word(p);
        if (after.type == T_ASSIGN || after.type == T_DECLARE) {
            next_word(p);
            pipe->assign = after.type == T_ASSIGN;
            names[n++] = v.val;
            is = true;
            break;
        }
        if (after.type == T_CHAR && sl_str_is(after.val, ",")) {
            next_word(p);
            if (strcmp(context, "range") == 0 && n < 1) {
                names[n++] = v.val;
                token t = peek_word(p);
                if (t.type == T_VARIABLE || t.type == T_RIGHT || t.type == T_RPAREN)
                    continue;
                fail(p, "range can only initialize variables");
                return;
            }
            fail(p, "too many declarations in %s", context);
            return;
        }
        p->at = from;
        break;
    }
    if (!is && n) { /* range $a, $b without an assignment */
        unexpected(p, next_word(p), context);
        return;
    }
    memcpy(pipe->declnames, names, n * sizeof *names);
    pipe->ndecl = (uint8_t)n;
}
static node *pipeline(parser *p, const char *context, ttype end) {
    node *pipe = new_node(p, N_PIPE, peek_word(p).pos);
    if (++p->depth > DEEP) {
        fail(p, "nested too deep: at most %d levels", DEEP);
        return pipe;
    }
    declarations(p, pipe, context);
    while (!p->failed) {
        token t = next_word(p);
        if (t.type == end) {
            if (!pipe->n)
                fail(p, "missing value for %s", context);
            for (uint32_t i = 1; i < pipe->n && !p->failed; i++)
                switch (pipe->at[i]->at[0]->kind) {
                case N_BOOL:
                case N_DOT:
                case N_NIL:
                case N_NUMBER:
                case N_STRING: fail(p, "non executable command in pipeline stage %u", i + 1); break;
                default: break;
                }
            break;
        }
        switch (t.type) {
        case T_BOOL:
        case T_CHARCONST:
        case T_DOT:
        case T_FIELD:
        case T_IDENT:
        case T_NUMBER:
        case T_NIL:
        case T_RAWSTRING:
        case T_STRING:
        case T_VARIABLE:
        case T_LPAREN:
            back(p, t);
            add(p, pipe, command(p));
            break;
        default: unexpected(p, t, context);
        }
    }
    for (uint32_t i = 0; i < pipe->ndecl && !p->failed; i++) /* not seen by what it is computed from */
        pipe->decl[i] = declare(p, pipe->declnames[i], pipe->assign);
    p->depth--;
    return pipe;
}

/* ---- actions ---- */
typedef enum ending { END_NONE, END_END, END_ELSE } ending;
static node *list(parser *p, ending *how);
static node *item(parser *p, ending *how);

static node *control(parser *p, nkind kind, const char *context) {
    size_t vars = p->vars.n;
    node *n = new_node(p, kind, peek_word(p).pos);
    if (++p->depth > DEEP) {
        fail(p, "nested too deep: at most %d levels", DEEP);
        return n;
    }
    n->pipe = pipeline(p, context, T_RIGHT);
    ending how = END_NONE;
    p->ranges += kind == N_RANGE;
    if (!p->failed)
        n->body = list(p, &how);
    p->ranges -= kind == N_RANGE;
    if (!p->failed && how == END_ELSE) {
        ttype same = kind == N_IF ? T_IF : kind == N_WITH ? T_WITH : T_TYPES;
        if (peek_word(p).type == same) {
            next_word(p);
            n->other = control(p, kind, context);
        } else if (expect(p, T_RIGHT, "else")) {
            n->other = list(p, &how);
            if (!p->failed && how != END_END)
                fail(p, "expected end; found {{else}}");
        }
    }
    p->vars.n = vars;
    p->depth--;
    return n;
}
static bool template_name(parser *p, const char *context, sl_str *quoted, sl_str *name, uint32_t *pos) {
    token t = next_word(p);
    if (t.type != T_STRING && t.type != T_RAWSTRING) {
        unexpected(p, t, context);
        return false;
    }
    *quoted = t.val;
    *pos = t.pos;
    *name = (sl_str){t.val.p + 1, t.val.n - 2};
    if (t.type == T_STRING && !unquote(p, *name, '"', name))
        fail(p, "invalid syntax");
    return !p->failed;
}
static bool blank(const node *n) {
    for (; n; n = n->next)
        if (n->kind != N_TEXT || sl_str_trim(n->text).n)
            return false;
    return true;
}
static tdef *named(parser *p, sl_str name) {
    for (tdef *d = p->t->defs->next; d; d = d->next)
        if (sl_str_eq(d->name, name))
            return d;
    return NULL;
}
/* {{define}} and {{block}}: variables of the outside are not seen inside. */
static void body_of(parser *p, sl_str name, const char *context) {
    SL_VEC(sl_str) outer = {p->vars.at, p->vars.n, p->vars.cap};
    uint32_t slots = p->slots, ranges = p->ranges;
    p->vars.at = NULL;
    p->vars.n = p->vars.cap = 0;
    p->slots = 0;
    p->ranges = 0;
    declare(p, SL_S("$"), false);
    ending how = END_NONE;
    node *body = list(p, &how);
    if (!p->failed && how != END_END)
        fail(p, "unexpected {{else}} in %s", context);
    tdef *d = named(p, name);
    if (!d) {
        d = SL_NEW(p->a, tdef);
        *d = (tdef){name, body, p->slots, p->t->defs->next};
        p->t->defs->next = d;
    } else if (blank(d->body)) {
        d->body = body;
        d->slots = p->slots;
    } else if (!blank(body) && !p->failed) {
        sl_buf q = {0};
        sl_go_quote(&q, name);
        fail(p, "template: multiple definition of template %s", sl_buf_cstr(&q));
        sl_buf_free(&q);
    }
    SL_VEC_FREE(p->vars);
    p->vars.at = outer.at;
    p->vars.n = outer.n;
    p->vars.cap = outer.cap;
    p->slots = slots;
    p->ranges = ranges;
}
static node *call_template(parser *p, bool block) {
    sl_str name, quoted;
    uint32_t pos;
    if (!template_name(p, block ? "block clause" : "template clause", &quoted, &name, &pos))
        return NULL;
    node *n = new_node(p, N_TEMPLATE, pos);
    n->text = quoted;
    n->value = tv_str(name);
    token t = block ? peek(p) : next_word(p);
    if (block || t.type != T_RIGHT) {
        if (!block)
            back(p, t);
        n->pipe = pipeline(p, block ? "block clause" : "template clause", T_RIGHT);
    }
    if (block && !p->failed && ++p->depth <= DEEP) {
        body_of(p, name, "block clause");
        p->depth--;
    } else if (block)
        fail(p, "nested too deep: at most %d levels", DEEP);
    return n;
}
static node *jump(parser *p, nkind kind, token t) {
    const char *context = kind == N_BREAK ? "{{break}}" : "{{continue}}";
    if (!p->ranges)
        fail(p, "%s outside {{range}}", context);
    else
        expect(p, T_RIGHT, context);
    return new_node(p, kind, t.pos);
}
/* Behind {{. Sets how at {{end}} and {{else}}, which give no node. */
static node *action(parser *p, ending *how) {
    p->action_line = peek(p).line;
    token t = next_word(p);
    node *n = NULL;
    switch (t.type) {
    case T_END:
        if (expect(p, T_RIGHT, "end"))
            *how = END_END;
        break;
    case T_ELSE:
        *how = END_ELSE;
        if (peek_word(p).type == T_IF || peek_word(p).type == T_WITH)
            break; /* control() goes on there, or complains */
        break;
    case T_IF: n = control(p, N_IF, "if"); break;
    case T_WITH: n = control(p, N_WITH, "with"); break;
    case T_RANGE: n = control(p, N_RANGE, "range"); break;
    case T_BREAK: n = jump(p, N_BREAK, t); break;
    case T_CONTINUE: n = jump(p, N_CONTINUE, t); break;
    case T_TEMPLATE: n = call_template(p, false); break;
    case T_BLOCK: n = call_template(p, true); break;
    case T_DEFINE: unexpected(p, t, "command"); break;
    default:
        back(p, t);
        n = new_node(p, N_ACTION, peek(p).pos);
        n->pipe = pipeline(p, "command", T_RIGHT);
    }
    p->action_line = 0;
    return n;
}
static node *item(parser *p, ending *how) {
    token t = next_word(p);
    if (t.type == T_TEXT) {
        node *n = new_node(p, N_TEXT, t.pos);
        n->text = t.val;
        return n;
    }
    if (t.type == T_LEFT)
        return action(p, how);
    unexpected(p, t, "input");
    return NULL;
}
static node *list(parser *p, ending *how) {
    node *first = NULL, **end = &first;
    *how = END_NONE;
    while (!p->failed && peek_word(p).type != T_EOF) {
        node *n = item(p, how);
        if (*how != END_NONE)
            return first;
        if (n) {
            *end = n;
            end = &n->next;
        }
    }
    fail(p, "unexpected EOF");
    return first;
}
static void document(parser *p) {
    tdef *root = p->t->defs = SL_NEW(p->a, tdef);
    root->name = SL_S("sink");
    declare(p, SL_S("$"), false);
    node **end = &root->body;
    while (!p->failed && peek(p).type != T_EOF) {
        size_t from = p->at;
        if (peek(p).type == T_LEFT) {
            next(p);
            if (peek_word(p).type == T_DEFINE) {
                next_word(p);
                sl_str quoted, name;
                uint32_t pos;
                if (template_name(p, "define clause", &quoted, &name, &pos) && expect(p, T_RIGHT, "define clause"))
                    body_of(p, name, "define clause");
                continue;
            }
            p->at = from;
        }
        ending how = END_NONE;
        node *n = item(p, &how);
        if (how == END_ELSE && !p->failed)
            fail(p, "unexpected {{else}}");
        if (how == END_END && !p->failed)
            fail(p, "unexpected {{end}}");
        if (n) {
            *end = n;
            end = &n->next;
        }
    }
    root->slots = p->slots;
}

sl_err *sl_template_new(sl_str text, sl_template **out) {
    *out = NULL;
    sl_arena *a = sl_arena_new(0);
    sl_template *t = a ? SL_NEW(a, sl_template) : NULL;
    if (!t) {
        sl_arena_free(a);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    t->a = a;
    t->text = sl_arena_dup(a, text);
    parser p = {.t = t, .a = a};
    sl_err *e = NULL;
    if (text.n > 1u << 20)
        e = sl_err_new(SL_E_LIMIT, "a template may have at most 1 MiB, this one has %zu bytes", text.n);
    else if (!tpl_lex(a, t->text, &p.tok))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    else {
        document(&p);
        if (sl_arena_failed(a))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        else if (p.failed)
            e = sl_err_new(SL_E_EXEC, "%s", sl_buf_cstr(&p.why));
    }
    SL_VEC_FREE(p.tok);
    SL_VEC_FREE(p.vars);
    sl_buf_free(&p.why);
    if (e) {
        sl_template_free(t);
        return e;
    }
    *out = t;
    return NULL;
}
void sl_template_free(sl_template *t) {
    if (!t)
        return;
    for (uint32_t i = 0; i < t->npattern; i++) {
        sl_regex_free(t->pattern[i].re);
        free((void *)(uintptr_t)t->pattern[i].text.p);
    }
    sl_arena_free(t->a);
}
sl_str sl_template_text(const sl_template *t) { return t->text; }
bool sl_template_is(sl_str s) {
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '{' && s.p[i + 1] == '{')
            for (size_t k = i + 2; k + 1 < s.n && s.p[k] != '\n'; k++)
                if (s.p[k] == '}' && s.p[k + 1] == '}')
                    return true;
    return false;
}
