/* JSON paths: a small expression language around selectors, read once per call site, evaluated on values.
 * Decision: a path is "many" when one of its selectors can match several things; from there on what does not fit is dropped
 * silently, while in a single path it is an error. Objects are walked in the order of their members. */
#include "sql/func/jsonpath.h"
#include <math.h>
#include "base/num.h"
#include "base/regex.h"
#include "base/utf8.h"
#include "data/json.h"

typedef enum nkind { N_LIT, N_PATH, N_NEG, N_NOT, N_BIN, N_COND, N_LIST, N_OBJECT } nkind;
typedef enum op {
    O_NONE,
    O_COALESCE,
    O_OR,
    O_AND,
    O_EQ,
    O_NE,
    O_LT,
    O_LE,
    O_GT,
    O_GE,
    O_MATCH,
    O_NOMATCH,
    O_IN,
    O_XOR,
    O_BAND,
    O_BOR,
    O_SHL,
    O_SHR,
    O_ADD,
    O_SUB,
    O_MUL,
    O_DIV,
    O_MOD,
    O_POW
} op;
typedef enum skind { S_KEY, S_ANY, S_LIST, S_SLICE, S_FILTER, S_DEEP } skind;
typedef struct node node;
typedef struct sel {
    skind kind;
    node **at; /* KEY 1, LIST n, SLICE 3 (may be NULL), FILTER 1 */
    uint32_t n;
    struct sel *next;
} sel;
struct node {
    nkind kind;
    op op;
    sl_value lit;
    bool current, many; /* PATH: from @; matches several */
    bool bare;          /* PATH: begins with a name instead of $ or @ */
    sel *sels;
    node *a, *b, *c; /* operands */
    node **at;       /* LIST; OBJECT: key, value … */
    uint32_t n;
    sl_regex *re; /* right operand of =~ when it is a literal */
};
struct sl_jpath {
    sl_arena *arena;
    sl_str text;
    node *root;
    node *regexes; /* nodes that own one, by c */
    bool many;     /* some path in it matches several things */
};
enum { DEPTH = 100, STEPS = 1000000 };

/* ---- reading ---- */
typedef struct reader {
    sl_jpath *p;
    size_t at;
    int depth;
    bool failed;
    sl_str why;
    sl_arena *errors;
} reader;
static node *expr(reader *r, int min);

static void blanks(reader *r) {
    while (r->at < r->p->text.n && strchr(" \t\r\n", r->p->text.p[r->at]))
        r->at++;
}
static char peek(reader *r) {
    blanks(r);
    return r->at < r->p->text.n ? r->p->text.p[r->at] : 0;
}
static bool here(reader *r, const char *s) {
    blanks(r);
    size_t n = strlen(s);
    return r->p->text.n - r->at >= n && memcmp(r->p->text.p + r->at, s, n) == 0;
}
static bool take(reader *r, const char *s) {
    if (!here(r, s))
        return false;
    r->at += strlen(s);
    return true;
}
static node *fail(reader *r, const char *expected) {
    if (!r->failed) {
        sl_str t = r->p->text;
        r->why = r->at < t.n ? sl_arena_printf(r->errors, "parsing error: %.*s\t:1:%zu unexpected \"%c\" expected %s", SL_FMT(t), r->at + 1, t.p[r->at], expected)
                             : sl_arena_printf(r->errors, "parsing error: %.*s\t:1:%zu unexpected EOF expected %s", SL_FMT(t), r->at + 1, expected);
        r->failed = true;
    }
    return NULL;
}
static node *make(reader *r, nkind k) {
    node *x = SL_NEW(r->p->arena, node);
    x->kind = k;
    return x;
}
static node *literal(reader *r, sl_value v) {
    node *x = make(r, N_LIT);
    x->lit = v;
    return x;
}
static bool ident_char(unsigned char c, bool first) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80 || (!first && c >= '0' && c <= '9'); }
static sl_str ident(reader *r) {
    blanks(r);
    size_t from = r->at;
    sl_str t = r->p->text;
    while (r->at < t.n && ident_char((unsigned char)t.p[r->at], r->at == from))
        r->at++;
    return sl_str_n(t.p + from, r->at - from);
}
static node *quoted(reader *r) {
    sl_str t = r->p->text;
    char q = t.p[r->at++];
    sl_buf b = {0};
    while (r->at < t.n && t.p[r->at] != q) {
        char c = t.p[r->at++];
        if (c != '\\' || r->at >= t.n) {
            sl_buf_putc(&b, c);
            continue;
        }
        c = t.p[r->at++];
        int width = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
        uint32_t rune = 0;
        for (int i = 0; i < width && r->at < t.n; i++) {
            char h = t.p[r->at++];
            rune = rune << 4 | (uint32_t)(h >= '0' && h <= '9' ? h - '0' : ((h | 32) - 'a' + 10) & 15);
        }
        char u[4];
        if (width == 2)
            sl_buf_putc(&b, (char)rune);
        else if (width)
            sl_buf_put(&b, u, sl_utf8_put(u, rune));
        else
            sl_buf_putc(&b, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c == 'v' ? '\v' : c == 'a' ? '\a' : c);
    }
    sl_str s = sl_arena_dup(r->p->arena, sl_buf_view(&b));
    sl_buf_free(&b);
    if (r->at >= t.n)
        return fail(r, "a closing quote");
    r->at++;
    return literal(r, sl_v_str(s));
}
static node *number(reader *r) {
    sl_str t = r->p->text;
    size_t from = r->at;
    while (r->at < t.n &&
           ((t.p[r->at] >= '0' && t.p[r->at] <= '9') || t.p[r->at] == '.' || (t.p[r->at] | 32) == 'e' ||
            ((t.p[r->at] == '-' || t.p[r->at] == '+') && (t.p[r->at - 1] | 32) == 'e' && r->at > from)))
        r->at++;
    double d;
    if (!sl_num_parse_f64(sl_str_n(t.p + from, r->at - from), &d)) {
        r->at = from;
        return fail(r, "a number");
    }
    return literal(r, sl_v_float(d));
}
static node **nodes_add(reader *r, node **at, uint32_t n, node *x) {
    if ((n & (n - 1)) == 0) { /* room doubles at powers of two */
        node **more = sl_arena_alloc(r->p->arena, (n ? n * 2u : 1u) * sizeof *more);
        if (n)
            memcpy(more, at, n * sizeof *more);
        at = more;
    }
    at[n] = x;
    return at;
}
static sel *sel_add(reader *r, node *path, sel ***tail, skind k) {
    sel *s = SL_NEW(r->p->arena, sel);
    s->kind = k;
    **tail = s;
    *tail = &s->next;
    if (k != S_KEY)
        path->many = r->p->many = true;
    return s;
}
static void bracket(reader *r, node *path, sel ***tail) {
    if (take(r, "*")) {
        sel_add(r, path, tail, S_ANY);
    } else if (take(r, "?")) {
        node *x = expr(r, 0);
        sel *s = sel_add(r, path, tail, S_FILTER);
        s->at = nodes_add(r, NULL, 0, x), s->n = 1;
    } else {
        node *part[3] = {NULL, NULL, NULL};
        unsigned k = 0;
        sel *list = NULL;
        if (peek(r) != ':')
            part[0] = expr(r, 1);
        if (peek(r) == ':') {
            while (k < 2 && take(r, ":")) {
                k++;
                if (peek(r) != ':' && peek(r) != ']')
                    part[k] = expr(r, 1);
            }
            list = sel_add(r, path, tail, S_SLICE);
            list->at = SL_NEW_N(r->p->arena, node *, 3);
            memcpy(list->at, part, sizeof part);
            list->n = 3;
        } else {
            list = sel_add(r, path, tail, peek(r) == ',' ? S_LIST : S_KEY);
            list->at = nodes_add(r, NULL, 0, part[0]), list->n = 1;
            while (!r->failed && take(r, ",")) {
                list->at = nodes_add(r, list->at, list->n, expr(r, 1));
                list->n++;
            }
        }
    }
    if (!r->failed && !take(r, "]"))
        fail(r, "\"]\"");
}
static void named(reader *r, node *path, sel ***tail) {
    if (take(r, "*")) {
        sel_add(r, path, tail, S_ANY);
        return;
    }
    sl_str name = ident(r);
    if (!name.n) {
        fail(r, "Ident, \".\" or \"*\"");
        return;
    }
    sel *s = sel_add(r, path, tail, S_KEY);
    s->at = nodes_add(r, NULL, 0, literal(r, sl_v_str(name))), s->n = 1;
}
static node *path_from(reader *r, bool current, sl_str first) {
    node *path = make(r, N_PATH);
    sel **tail = &path->sels;
    path->current = current;
    path->bare = first.n > 0;
    if (first.n) {
        sel *s = sel_add(r, path, &tail, S_KEY);
        s->at = nodes_add(r, NULL, 0, literal(r, sl_v_str(first))), s->n = 1;
    }
    while (!r->failed) {
        if (take(r, "[")) {
            bracket(r, path, &tail);
        } else if (take(r, "..")) {
            sel_add(r, path, &tail, S_DEEP);
            if (take(r, "["))
                bracket(r, path, &tail);
            else
                named(r, path, &tail);
        } else if (take(r, "."))
            named(r, path, &tail);
        else
            break;
    }
    return path;
}
static node *primary(reader *r) {
    char c = peek(r);
    sl_str t = r->p->text;
    node *x;
    if (c == '"' || c == '\'' || c == '`')
        return quoted(r);
    if ((c >= '0' && c <= '9') || (c == '.' && r->at + 1 < t.n && t.p[r->at + 1] >= '0' && t.p[r->at + 1] <= '9'))
        return number(r);
    if (take(r, "$"))
        return path_from(r, false, SL_S(""));
    if (take(r, "@"))
        return path_from(r, true, SL_S(""));
    if (take(r, "-") || (!here(r, "!~") && take(r, "!"))) {
        x = make(r, c == '-' ? N_NEG : N_NOT);
        if (++r->depth > DEPTH)
            return fail(r, "less nesting");
        x->a = primary(r);
        r->depth--;
        return x;
    }
    if (take(r, "(")) {
        x = expr(r, 0);
        return r->failed || take(r, ")") ? x : fail(r, "\")\"");
    }
    if (take(r, "[")) {
        x = make(r, N_LIST);
        while (!r->failed && peek(r) != ']') {
            x->at = nodes_add(r, x->at, x->n, expr(r, 0));
            x->n++;
            if (!take(r, ","))
                break;
        }
        return r->failed || take(r, "]") ? x : fail(r, "\"]\"");
    }
    if (take(r, "{")) {
        x = make(r, N_OBJECT);
        while (!r->failed && peek(r) != '}') {
            x->at = nodes_add(r, x->at, x->n, expr(r, 1));
            x->n++;
            if (!r->failed && !take(r, ":"))
                return fail(r, "\":\"");
            if (r->failed)
                break;
            x->at = nodes_add(r, x->at, x->n, expr(r, 0));
            x->n++;
            if (!take(r, ","))
                break;
        }
        return r->failed || take(r, "}") ? x : fail(r, "\"}\"");
    }
    sl_str name = ident(r);
    if (sl_str_is(name, "true") || sl_str_is(name, "false"))
        return literal(r, sl_v_bool(name.p[0] == 't'));
    if (sl_str_is(name, "null") || sl_str_is(name, "nil"))
        return literal(r, sl_v_null());
    return name.n ? path_from(r, false, name) : fail(r, "an expression");
}
static op operator_at(reader *r, int *level, size_t *len) {
    static const struct {
        const char *text;
        op op;
        int level;
    } ops[] = {{"??", O_COALESCE, 1}, {"||", O_OR, 20},  {"&&", O_AND, 21}, {"==", O_EQ, 40},   {"=~", O_MATCH, 40}, {"!=", O_NE, 40},  {"!~", O_NOMATCH, 40}, {"<<", O_SHL, 90},
               {">>", O_SHR, 90},     {"<=", O_LE, 40},  {">=", O_GE, 40},  {"<", O_LT, 40},    {">", O_GT, 40},     {"in", O_IN, 40},  {"^", O_XOR, 60},      {"&", O_BAND, 60},
               {"|", O_BOR, 60},      {"+", O_ADD, 120}, {"-", O_SUB, 120}, {"**", O_POW, 200}, {"*", O_MUL, 150},   {"/", O_DIV, 150}, {"%", O_MOD, 150}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (here(r, ops[i].text)) {
            size_t n = strlen(ops[i].text);
            if (ops[i].op == O_IN && r->at + n < r->p->text.n && ident_char((unsigned char)r->p->text.p[r->at + n], false))
                continue;
            *level = ops[i].level, *len = n;
            return ops[i].op;
        }
    return O_NONE;
}
/* min 0: everything; 1: without "? :" (inside brackets and keys, where ':' means something else). */
static node *expr(reader *r, int min) {
    if (++r->depth > DEPTH)
        return fail(r, "less nesting");
    node *left = primary(r);
    while (!r->failed) {
        int level = 0;
        size_t len = 0;
        op o = operator_at(r, &level, &len);
        if (o == O_NONE || level < min)
            break;
        r->at += len;
        node *x = make(r, N_BIN);
        x->op = o;
        x->a = left;
        x->b = expr(r, level + 1);
        if (!r->failed && (o == O_MATCH || o == O_NOMATCH) && x->b->kind == N_LIT && x->b->lit.kind == SL_STRING) {
            char err[256];
            x->re = sl_regex_new(sl_v_text(x->b->lit), err, sizeof err);
            if (!x->re) {
                r->why = sl_arena_printf(r->errors, "%s", err);
                r->failed = true;
                break;
            }
            x->c = r->p->regexes;
            r->p->regexes = x;
        }
        left = x;
    }
    if (!r->failed && min == 0 && !here(r, "??") && take(r, "?")) {
        node *x = make(r, N_COND);
        x->a = left;
        x->b = expr(r, 1);
        if (!r->failed && take(r, ":"))
            x->c = expr(r, 0);
        left = x;
    }
    r->depth--;
    return left;
}
sl_jpath *sl_jpath_new(sl_arena *a, sl_str text, sl_str *why) {
    sl_arena *own = sl_arena_new(0);
    sl_jpath *p = own ? SL_NEW(own, sl_jpath) : NULL;
    if (!p) {
        *why = SL_S("out of memory");
        return NULL;
    }
    p->arena = own;
    p->text = sl_arena_dup(own, text);
    reader r = {.p = p, .errors = a};
    p->root = expr(&r, 0);
    if (!r.failed && peek(&r))
        fail(&r, "the end");
    if (r.failed || sl_arena_failed(own)) {
        *why = r.failed ? r.why : SL_S("out of memory");
        sl_jpath_free(p);
        return NULL;
    }
    return p;
}
void sl_jpath_free(sl_jpath *p) {
    if (!p)
        return;
    for (node *x = p->regexes; x; x = x->c)
        sl_regex_free(x->re);
    sl_arena_free(p->arena);
}
sl_str sl_jpath_text(const sl_jpath *p) { return p->text; }

/* ---- evaluating ---- */
typedef struct run {
    sl_call *c;
    sl_value root;
    uint32_t steps;
    sl_str why;
} run;

static bool bad(run *r, const char *fmt, const char *a, const char *b) {
    r->why = sl_arena_printf(r->c->arena, fmt, a, b);
    return false;
}
static bool step(run *r) { return ++r->steps <= STEPS || bad(r, "the path takes more than %s steps", "1000000", ""); }
static bool is_num(sl_value v) { return v.kind == SL_FLOAT || v.kind == SL_INT || v.kind == SL_UINT || v.kind == SL_DECIMAL; }
static bool to_num(run *r, sl_value v, double *d) {
    sl_str why;
    return (is_num(v) || v.kind == SL_STRING) && sl_to_float(r->c->arena, v, SL_CAST_ALL, d, &why);
}
static bool truth(run *r, sl_value v, bool *out) { /* numbers and words too */
    sl_str why;
    double d;
    if (is_num(v) && to_num(r, v, &d)) {
        *out = d != 0;
        return true;
    }
    return (v.kind == SL_BOOL || v.kind == SL_STRING) && sl_to_bool(r->c->arena, v, SL_CAST_ALL, out, &why);
}
static bool equal(run *r, sl_value x, sl_value y) {
    double a, b;
    if (is_num(x) && is_num(y) && to_num(r, x, &a) && to_num(r, y, &b))
        return a == b;
    return sl_value_same(x, y);
}
static bool eval(run *r, const node *x, sl_value cur, sl_value *out);
static bool unknown(run *r, const node *x) { /* "unknown parameter a.b.0" */
    sl_buf b = {0};
    for (const sel *s = x->sels; s; s = s->next) {
        sl_value key;
        if (!eval(r, s->at[0], r->root, &key))
            break;
        sl_buf_printf(&b, s == x->sels ? "%.*s" : ".%.*s", SL_FMT(sl_fn_text(r->c, key)));
    }
    sl_str name = sl_arena_dup(r->c->arena, sl_buf_view(&b));
    sl_buf_free(&b);
    return bad(r, "unknown parameter %s", name.p, "");
}
static bool select_one(run *r, sl_value v, sl_value key, sl_value *out) {
    sl_value box = sl_value_open(r->c->arena, v);
    if (box.kind == SL_LIST) {
        double d;
        if (!to_num(r, key, &d))
            return bad(r, "could not select value, invalid key: expected number but got %s (%s)", sl_fn_v(r->c, key), sl_value_gotype(key));
        int64_t i = sl_go_i64(d);
        if (i < 0 || i >= box.len)
            return bad(r, "index %s out of bounds", sl_fn_v(r->c, sl_v_int(i)), "");
        *out = box.list[i];
        return true;
    }
    if (box.kind == SL_MAP || box.kind == SL_PAIRS) {
        sl_str k = sl_fn_text(r->c, key);
        *out = sl_value_get(r->c->arena, box, k);
        return out->kind != SL_ABSENT || bad(r, "unknown key %s", sl_arena_dup(r->c->arena, k).p, "");
    }
    return bad(r, "unsupported value type %s for select, expected map[string]interface{} or []interface{}", sl_value_gotype(v), "");
}
static void walk(run *r, const sel *s, sl_value v, sl_value cur, sl_vals *out);

static void each(run *r, sl_value box, const sel *next, sl_value cur, const node *filter, sl_vals *out) {
    box = sl_value_open(r->c->arena, box);
    sl_value map;
    if (box.kind == SL_PAIRS && sl_box_map(r->c, box, &map))
        box = map;
    if (box.kind != SL_LIST && box.kind != SL_MAP)
        return;
    for (uint32_t i = 0; i < box.len && step(r); i++) {
        sl_value v = box.kind == SL_LIST ? box.list[i] : box.map[i].val, got;
        bool yes = true;
        if (filter && (!eval(r, filter, v, &got) || !truth(r, got, &yes)))
            yes = false;
        if (yes)
            walk(r, next, v, cur, out);
    }
}
static void deep(run *r, sl_value v, const sel *next, sl_value cur, sl_vals *out) {
    walk(r, next, v, cur, out);
    v = sl_value_open(r->c->arena, v);
    if (v.kind == SL_LIST || v.kind == SL_MAP)
        for (uint32_t i = 0; i < v.len && step(r); i++)
            deep(r, v.kind == SL_LIST ? v.list[i] : v.map[i].val, next, cur, out);
}
static void slice(run *r, const sel *s, sl_value v, sl_value cur, sl_vals *out) {
    sl_value box = sl_value_open(r->c->arena, v), got;
    if (box.kind != SL_LIST)
        return;
    double part[3] = {NAN, NAN, 1};
    for (int i = 0; i < 3; i++)
        if (s->at[i] && (!eval(r, s->at[i], v, &got) || !to_num(r, got, &part[i])))
            return;
    int64_t n = box.len, step_by = sl_go_i64(part[2]), from, to;
    if (step_by == 0)
        return;
    from = isnan(part[0]) ? (step_by > 0 ? 0 : n - 1) : sl_go_i64(part[0]);
    to = isnan(part[1]) ? (step_by > 0 ? n : -1) : sl_go_i64(part[1]);
    if (!isnan(part[0]) && from < 0)
        from += n;
    if (!isnan(part[1]) && to < 0)
        to += n;
    if (step_by > 0) {
        from = from < 0 ? 0 : from;
        to = to > n ? n : to;
        for (int64_t i = from; i < to && step(r); i = step_by > n ? n : i + step_by)
            walk(r, s->next, box.list[i], cur, out);
    } else {
        from = from >= n ? n - 1 : from;
        to = to < -1 ? -1 : to;
        for (int64_t i = from; i > to && step(r); i = step_by < -n ? -1 : i + step_by)
            walk(r, s->next, box.list[i], cur, out);
    }
}
/* A path that matches several things: what does not fit is dropped. */
static void walk(run *r, const sel *s, sl_value v, sl_value cur, sl_vals *out) {
    sl_value key, got;
    if (!step(r))
        return;
    if (!s) {
        sl_vals_add(r->c, out, v);
        return;
    }
    switch (s->kind) {
    case S_KEY:
    case S_LIST:
        for (uint32_t i = 0; i < s->n; i++)
            if (eval(r, s->at[i], v, &key) && select_one(r, v, key, &got))
                walk(r, s->next, got, cur, out);
        break;
    case S_ANY: each(r, v, s->next, cur, NULL, out); break;
    case S_FILTER: each(r, v, s->next, cur, s->at[0], out); break;
    case S_SLICE: slice(r, s, v, cur, out); break;
    case S_DEEP: deep(r, v, s->next, cur, out); break;
    }
}
static bool arithmetic(run *r, const node *x, sl_value a, sl_value b, sl_value *out) {
    double p, q;
    bool num = to_num(r, a, &p) && to_num(r, b, &q);
    int cmp = 0;
    if (x->op >= O_LT && x->op <= O_GE) {
        if (num) {
            if (isnan(p) || isnan(q)) {
                *out = sl_v_bool(false);
                return true;
            }
            cmp = (p > q) - (p < q);
        } else if (a.kind == SL_STRING && b.kind == SL_STRING)
            cmp = sl_str_cmp(sl_v_text(a), sl_v_text(b));
        else if (a.kind == SL_TIME && b.kind == SL_TIME)
            cmp = a.i != b.i ? (a.i > b.i) - (a.i < b.i) : (a.len > b.len) - (a.len < b.len);
        else
            return bad(r, "invalid operation (%s) compare (%s)", sl_value_gotype(a), sl_value_gotype(b));
        *out = sl_v_bool(x->op == O_LT ? cmp < 0 : x->op == O_LE ? cmp <= 0 : x->op == O_GT ? cmp > 0 : cmp >= 0);
        return true;
    }
    if (!num && x->op == O_ADD && !sl_v_nil(a) && !sl_v_nil(b)) {
        sl_str s = sl_fn_text(r->c, a), t = sl_fn_text(r->c, b);
        *out = sl_v_str(sl_arena_printf(r->c->arena, "%.*s%.*s", SL_FMT(s), SL_FMT(t)));
        return true;
    }
    if (!num)
        return bad(r, "invalid operation (%s) and (%s): expected numbers", sl_value_gotype(a), sl_value_gotype(b));
    int64_t i = sl_go_i64(p), k = sl_go_i64(q);
    double d = 0;
    switch (x->op) {
    case O_ADD: d = p + q; break;
    case O_SUB: d = p - q; break;
    case O_MUL: d = p * q; break;
    case O_DIV: d = p / q; break;
    case O_MOD: d = fmod(p, q); break;
    case O_POW: d = pow(p, q); break;
    case O_BAND: d = (double)(i & k); break;
    case O_BOR: d = (double)(i | k); break;
    case O_XOR: d = (double)(i ^ k); break;
    case O_SHL: d = k < 0 || k > 63 ? 0 : (double)(int64_t)((uint64_t)i << k); break;
    default: d = k < 0 || k > 63 ? (i < 0 ? -1 : 0) : (double)(i >> k); break;
    }
    *out = sl_v_float(d);
    return true;
}
static bool matches(run *r, const node *x, sl_value a, sl_value b, sl_value *out) {
    if (a.kind != SL_STRING || b.kind != SL_STRING)
        return bad(r, "invalid operation (%s) =~ (%s)", sl_value_gotype(a), sl_value_gotype(b));
    char err[256];
    sl_regex *re = x->re ? x->re : sl_regex_new(sl_v_text(b), err, sizeof err);
    if (!re)
        return bad(r, "%s", sl_arena_cstr(r->c->arena, err), "");
    int found = sl_regex_find(re, sl_v_text(a), 0);
    if (!x->re)
        sl_regex_free(re);
    *out = sl_v_bool((found == 1) == (x->op == O_MATCH));
    return found >= 0 || bad(r, "the pattern takes too many steps", "", "");
}
static bool binary(run *r, const node *x, sl_value cur, sl_value *out) {
    sl_value a, b;
    bool p, q;
    if (!eval(r, x->a, cur, &a))
        return false;
    if (x->op == O_AND || x->op == O_OR) {
        if (!truth(r, a, &p))
            return bad(r, "invalid operation (%s) %s: expected bool", sl_value_gotype(a), x->op == O_AND ? "&&" : "||");
        if (p == (x->op == O_OR)) {
            *out = sl_v_bool(p);
            return true;
        }
        if (!eval(r, x->b, cur, &b))
            return false;
        if (!truth(r, b, &q))
            return bad(r, "invalid operation (%s) %s: expected bool", sl_value_gotype(b), x->op == O_AND ? "&&" : "||");
        *out = sl_v_bool(q);
        return true;
    }
    if (x->op == O_COALESCE && !sl_v_nil(a) && !(a.kind == SL_BOOL && !a.i)) {
        *out = a;
        return true;
    }
    if (!eval(r, x->b, cur, &b))
        return false;
    switch (x->op) {
    case O_COALESCE: *out = b; return true;
    case O_EQ: *out = sl_v_bool(equal(r, a, b)); return true;
    case O_NE: *out = sl_v_bool(!equal(r, a, b)); return true;
    case O_MATCH:
    case O_NOMATCH: return matches(r, x, a, b, out);
    case O_IN: {
        sl_value l = sl_value_open(r->c->arena, b);
        if (l.kind != SL_LIST)
            return bad(r, "expected type []interface{} for in operator but got %s", sl_value_gotype(b), "");
        p = false;
        for (uint32_t i = 0; i < l.len && !p; i++)
            p = equal(r, a, l.list[i]);
        *out = sl_v_bool(p);
        return true;
    }
    default: return arithmetic(r, x, a, b, out);
    }
}
static bool eval(run *r, const node *x, sl_value cur, sl_value *out) {
    sl_value v;
    if (!step(r))
        return false;
    switch (x->kind) {
    case N_LIT: *out = x->lit.kind == SL_STRING ? sl_v_str(sl_arena_dup(r->c->arena, sl_v_text(x->lit))) : x->lit; return true;
    case N_BIN: return binary(r, x, cur, out);
    case N_NEG: {
        double d;
        if (!eval(r, x->a, cur, &v))
            return false;
        if (!to_num(r, v, &d))
            return bad(r, "unexpected %s(%s) expected number", sl_value_gotype(v), sl_fn_v(r->c, v));
        *out = sl_v_float(-d);
        return true;
    }
    case N_NOT: {
        bool b;
        if (!eval(r, x->a, cur, &v))
            return false;
        if (!truth(r, v, &b))
            return bad(r, "unexpected %s(%s) expected bool", sl_value_gotype(v), sl_fn_v(r->c, v));
        *out = sl_v_bool(!b);
        return true;
    }
    case N_COND: {
        bool b;
        if (!eval(r, x->a, cur, &v))
            return false;
        if (!truth(r, v, &b))
            b = !sl_v_nil(v);
        if (!b && !x->c) {
            *out = sl_v_null();
            return true;
        }
        return eval(r, b ? x->b : x->c, cur, out);
    }
    case N_LIST: {
        sl_vals l = {0};
        for (uint32_t i = 0; i < x->n; i++) {
            if (!eval(r, x->at[i], cur, &v))
                return false;
            sl_vals_add(r->c, &l, v);
        }
        *out = sl_vals_done(r->c, &l);
        return true;
    }
    case N_OBJECT: {
        sl_mems m = {0};
        for (uint32_t i = 0; i + 1 < x->n; i += 2) {
            sl_value k;
            if (!eval(r, x->at[i], cur, &k) || !eval(r, x->at[i + 1], cur, &v))
                return false;
            sl_mems_set(r->c, &m, sl_fn_text(r->c, k), v);
        }
        *out = sl_mems_done(r->c, &m);
        return true;
    }
    case N_PATH: break;
    }
    v = x->current ? cur : r->root;
    if (x->many) {
        sl_vals l = {0};
        walk(r, x->sels, v, cur, &l);
        if (r->steps > STEPS)
            return false;
        *out = sl_vals_done(r->c, &l);
        return out->kind != SL_ERROR || bad(r, "%s", sl_arena_dup(r->c->arena, sl_v_text(*out)).p, "");
    }
    for (const sel *s = x->sels; s; s = s->next) {
        sl_value key, box = x->bare ? sl_value_open(r->c->arena, v) : sl_v_null();
        if (!eval(r, s->at[0], v, &key))
            return false;
        if (box.kind == SL_LIST && key.kind == SL_STRING) /* upstream: a name says nothing to a list */
            continue;
        if (box.kind == SL_MAP && sl_value_get(r->c->arena, box, sl_fn_text(r->c, key)).kind == SL_ABSENT) {
            if (x->sels->next)
                return unknown(r, x);
            v = sl_v_null();
            break;
        }
        if (!select_one(r, v, key, &v))
            return false;
    }
    *out = v;
    return true;
}
/* All JSON text below v read at once: a path that matches several things would read it again at every visit. */
static sl_value opened(sl_call *c, sl_value v) {
    if (v.kind == SL_JSONTEXT) {
        sl_value all = sl_v_null();
        sl_err_free(sl_json_value(c->arena, sl_v_text(v), v.aux & 1, &all));
        return all;
    }
    if ((v.kind != SL_LIST && v.kind != SL_MAP) || v.len == 0)
        return v;
    if (v.kind == SL_LIST) {
        sl_value *at = sl_arena_alloc(c->arena, v.len * sizeof *at);
        for (uint32_t i = 0; at && i < v.len; i++)
            at[i] = opened(c, v.list[i]);
        v.list = at ? at : v.list;
    } else {
        sl_member *at = sl_arena_alloc(c->arena, v.len * sizeof *at);
        for (uint32_t i = 0; at && i < v.len; i++)
            at[i] = (sl_member){v.map[i].key, opened(c, v.map[i].val)};
        v.map = at ? at : v.map;
    }
    return v;
}
bool sl_jpath_eval(sl_call *c, sl_jpath *p, sl_value data, sl_value *out, sl_str *why) {
    if (p->many)
        data = opened(c, data);
    run r = {.c = c, .root = data};
    if (eval(&r, p->root, data, out))
        return true;
    *why = r.why;
    return false;
}
