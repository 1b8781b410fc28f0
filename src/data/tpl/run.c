/* Running a template, by the rules of Go's text/template/exec: what is evaluated in which order, what nil and missing mean, and the words of
 * every failure.
 * Decision: a run is bounded (steps, output, depth): a template may not hold up a lane for ever. */
#include <stdlib.h>
#include "base/num.h"
#include "data/tpl/tpl.h"

enum { STEPS = 5000000, DEPTH = 200, OUT_MAX = 64 << 20, MEMORY = 128 << 20 };
typedef enum flow_of { GO_ON, BREAK_OUT, CONTINUE_LOOP } flow_of;

/* ---- failing ---- */
static void where(const sl_template *t, uint32_t pos, uint32_t *line, uint32_t *col) {
    *line = 1;
    uint32_t start = 0;
    for (uint32_t i = 0; i < pos && i < t->text.n; i++)
        if (t->text.p[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    *col = pos - start;
}
tval tpl_fail(trun *r, const char *fmt, ...) {
    if (r->failed)
        return tv_none();
    r->failed = true;
    sl_buf b = {0};
    uint32_t line, col;
    where(r->t, r->at ? r->at->pos : 0, &line, &col);
    sl_buf_printf(&b, "template: sink:%u:%u: executing ", line, col);
    sl_go_quote(&b, r->def->name);
    sl_buf_puts(&b, " at <");
    if (r->at)
        tpl_show(&b, r->at);
    sl_buf_puts(&b, ">: ");
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    r->why = tpl_keep(r, &b);
    return tv_none();
}
bool tpl_call_fail(trun *r, const char *fmt, ...) {
    sl_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    r->call_why = tpl_keep(r, &b);
    return false;
}
sl_str tpl_keep(trun *r, sl_buf *b) {
    sl_str s = b->failed ? SL_S("out of memory") : sl_arena_dup(r->a, sl_buf_view(b));
    sl_buf_free(b);
    return s;
}

/* ---- the source form of nodes ---- */
static void show_names(sl_buf *out, const node *n) {
    for (uint32_t i = 0; i < n->nnames; i++)
        sl_buf_printf(out, ".%.*s", SL_FMT(n->names[i]));
}
void tpl_show(sl_buf *out, const node *n) {
    switch ((nkind)n->kind) {
    case N_TEXT: sl_go_quote(out, n->text); break;
    case N_ACTION:
        sl_buf_puts(out, "{{");
        tpl_show(out, n->pipe);
        sl_buf_puts(out, "}}");
        break;
    case N_TEMPLATE:
        sl_buf_printf(out, "{{template %.*s", SL_FMT(n->text));
        if (n->pipe) {
            sl_buf_putc(out, ' ');
            tpl_show(out, n->pipe);
        }
        sl_buf_puts(out, "}}");
        break;
    case N_PIPE:
        for (uint32_t i = 0; i < n->ndecl; i++)
            sl_buf_printf(out, i ? ", %.*s" : "%.*s", SL_FMT(n->declnames[i]));
        if (n->ndecl)
            sl_buf_puts(out, n->assign ? " = " : " := ");
        for (uint32_t i = 0; i < n->n; i++) {
            if (i)
                sl_buf_puts(out, " | ");
            tpl_show(out, n->at[i]);
        }
        break;
    case N_COMMAND:
        for (uint32_t i = 0; i < n->n; i++) {
            if (i)
                sl_buf_putc(out, ' ');
            bool pipe = n->at[i]->kind == N_PIPE;
            if (pipe)
                sl_buf_putc(out, '(');
            tpl_show(out, n->at[i]);
            if (pipe)
                sl_buf_putc(out, ')');
        }
        break;
    case N_DOT: sl_buf_putc(out, '.'); break;
    case N_NIL: sl_buf_puts(out, "nil"); break;
    case N_BOOL: sl_buf_puts(out, n->value.v.i ? "true" : "false"); break;
    case N_NUMBER:
    case N_STRING:
    case N_CALL: sl_buf_str(out, n->text); break;
    case N_VAR:
        sl_buf_str(out, n->text);
        show_names(out, n);
        break;
    case N_FIELD: show_names(out, n); break;
    case N_CHAIN:
        if (n->pipe->kind == N_PIPE)
            sl_buf_putc(out, '(');
        tpl_show(out, n->pipe);
        if (n->pipe->kind == N_PIPE)
            sl_buf_putc(out, ')');
        show_names(out, n);
        break;
    default: sl_buf_puts(out, n->kind == N_RANGE ? "{{range}}" : n->kind == N_IF ? "{{if}}" : n->kind == N_WITH ? "{{with}}" : "{{break}}");
    }
}

/* One step more; false when the run used up what it may. */
static bool step(trun *r) {
    if (++r->steps > STEPS)
        tpl_fail(r, "the template takes too long: more than %d steps", STEPS);
    else if (sl_arena_bytes(r->a) > r->memory)
        tpl_fail(r, "the template needs too much memory: more than %d MiB", MEMORY >> 20);
    return !r->failed;
}

/* ---- values ---- */
static const void *identity(sl_value v) { return v.kind == SL_MAP ? (const void *)v.map : v.kind == SL_JSONTEXT ? (const void *)v.p : NULL; }
sl_value tpl_open(trun *r, sl_value v) {
    const void *id = r->nmoved ? identity(v) : NULL;
    for (uint32_t i = 0; id && i < r->nmoved; i++)
        if (r->moved[i].was == id)
            return r->moved[i].is;
    return v.kind == SL_JSONTEXT ? sl_value_open(r->a, v) : v;
}
static sl_value settled(trun *r, sl_value v, uint32_t depth) {
    v = tpl_open(r, v);
    if (depth > DEPTH || !step(r)) /* a map may have been put into itself */
        return v;
    if (v.kind == SL_MAP && v.len) {
        sl_member *m = sl_arena_alloc(r->a, v.len * sizeof *m);
        for (uint32_t i = 0; m && i < v.len; i++)
            m[i] = (sl_member){v.map[i].key, settled(r, v.map[i].val, depth + 1)};
        return m ? sl_v_map(m, v.len) : v;
    }
    if (v.kind == SL_LIST && v.len) {
        sl_value *l = sl_arena_alloc(r->a, v.len * sizeof *l);
        for (uint32_t i = 0; l && i < v.len; i++)
            l[i] = settled(r, v.list[i], depth + 1);
        sl_value to = v;
        to.list = l;
        return l ? to : v;
    }
    return v;
}
sl_value tpl_settled(trun *r, sl_value v) { return r->nmoved ? settled(r, v, 0) : tpl_open(r, v); }
bool tpl_true(trun *r, tval v) {
    sl_value x = tpl_open(r, v.v);
    switch (x.kind) {
    case SL_ABSENT:
    case SL_NULL: return false;
    case SL_BOOL:
    case SL_INT:
    case SL_UINT:
    case SL_DURATION: return x.i != 0;
    case SL_FLOAT: return sl_f64(x) != 0;
    case SL_STRING:
    case SL_BYTES:
    case SL_LIST:
    case SL_MAP: return x.len != 0;
    default: return true;
    }
}
bool tpl_empty(trun *r, tval v) { return v.v.kind != SL_TIME && !tpl_true(r, v); }
const char *tpl_base_type(trun *r, tval v) {
    sl_value x = v.v;
    if (x.kind == SL_LIST && r->root_list && x.list == r->root_list)
        return "[]map[string]interface {}";
    if (x.kind == SL_JSONTEXT)
        return x.len && x.p[0] == '[' ? "[]interface {}" : "map[string]interface {}";
    return x.kind == SL_ABSENT || x.kind == SL_NULL ? "<nil>" : sl_value_gotype(x);
}
const char *tpl_type(trun *r, tval v) { return v.iface ? "interface {}" : tpl_base_type(r, v); }
sl_str tpl_text(trun *r, sl_value v) {
    v = tpl_settled(r, v);
    if (v.kind == SL_STRING || v.kind == SL_BYTES)
        return sl_v_text(v);
    sl_buf b = {0};
    sl_value_print(&b, v);
    return tpl_keep(r, &b);
}
static tval unwrap(tval v) { /* what a pipeline hands on: the thing inside an interface */
    if (v.v.kind == SL_NULL)
        return tv_none();
    v.iface = false;
    return v;
}

/* ---- fields ---- */
static tval member(trun *r, tval from, sl_str name, bool args) {
    if (from.v.kind == SL_ABSENT)
        return tv_none();
    if (from.v.kind == SL_NULL)
        return tpl_fail(r, "nil pointer evaluating interface {}.%.*s", SL_FMT(name));
    sl_value x = tpl_open(r, from.v);
    if (x.kind != SL_MAP)
        return tpl_fail(r, "can't evaluate field %.*s in type %s", SL_FMT(name), tpl_type(r, from));
    if (args)
        return tpl_fail(r, "%.*s is not a method but has arguments", SL_FMT(name));
    sl_value v = sl_value_get(r->a, x, name);
    return (tval){v, v.kind != SL_ABSENT};
}
static tval chain(trun *r, const node *n, tval from, bool args) {
    for (uint32_t i = 0; i < n->nnames && !r->failed; i++)
        from = member(r, from, n->names[i], args && i + 1 == n->nnames);
    return from;
}

/* ---- calls ---- */
static tval pipeline(trun *r, const node *p, tval dot);
static tval call(trun *r, tval dot, const node *ident, const node *cmd, node *const *args, uint32_t nargs, const tval *final);
static const char *want_name(char c) {
    switch (c) {
    case 's': return "string";
    case 'i': return "int";
    case 'b': return "bool";
    case 'f': return "float64";
    case 'm': return "map[string]interface {}";
    case 't': return "time.Time";
    default: return "interface {}";
    }
}
/* A value for a parameter. */
static tval fit(trun *r, tval v, char want) {
    if (want == 'a' || want == 'v') {
        if (want == 'a' && v.v.kind == SL_NULL)
            v = tv_none();
        v.iface = false;
        return v;
    }
    if (v.v.kind == SL_ABSENT) {
        if (want == 'm')
            return tv_of(sl_v_map(NULL, 0));
        return tpl_fail(r, "invalid value; expected %s", want_name(want));
    }
    sl_value x = v.v.kind == SL_JSONTEXT && want == 'm' && v.v.len && v.v.p[0] == '{' ? (sl_value){.kind = SL_MAP} : v.v;
    bool ok = want == 's' ? x.kind == SL_STRING
        : want == 'i'     ? x.kind == SL_INT && x.flags & SL_F_GOINT
        : want == 'b'     ? x.kind == SL_BOOL
        : want == 'f'     ? x.kind == SL_FLOAT
        : want == 'm'     ? x.kind == SL_MAP
                          : x.kind == SL_TIME;
    if (ok)
        return unwrap(v);
    return tpl_fail(r, "wrong type for value; expected %s; got %s", want_name(want), v.v.kind == SL_NULL ? "interface {}" : tpl_base_type(r, v));
}
static tval constant(trun *r, const node *n, char want) {
    switch (want) {
    case 'a':
    case 'v': return n->value;
    case 's':
        if (n->kind == N_STRING)
            return n->value;
        break;
    case 'b':
        if (n->kind == N_BOOL)
            return n->value;
        break;
    case 'i':
        if (n->kind == N_NUMBER && n->is_int)
            return n->value.v.kind == SL_INT ? n->value : tv_int((int64_t)n->number);
        break;
    case 'f':
        if (n->kind == N_NUMBER)
            return tv_of(sl_v_float(n->number));
        break;
    default: break;
    }
    sl_buf b = {0};
    tpl_show(&b, n);
    if (want == 'm' || want == 't')
        tpl_fail(r, "can't handle %s for arg of type %s", sl_buf_cstr(&b), want_name(want));
    else
        tpl_fail(r, "expected %s; found %s", want == 'i' ? "integer" : want == 'f' ? "float" : want_name(want), sl_buf_cstr(&b));
    sl_buf_free(&b);
    return tv_none();
}
static tval variable(trun *r, const node *n) {
    return n->slot < 0 || (uint32_t)n->slot >= r->def->slots ? tpl_fail(r, "undefined variable: %.*s", SL_FMT(n->text)) : r->frame[n->slot];
}
/* An argument as what it is, before it is fitted. false: it is a constant. */
static bool operand(trun *r, const node *n, tval dot, tval *out) {
    switch ((nkind)n->kind) {
    case N_DOT: *out = dot; return true;
    case N_FIELD: *out = chain(r, n, dot, false); return true;
    case N_VAR: *out = chain(r, n, variable(r, n), false); return true;
    case N_PIPE: *out = pipeline(r, n, dot); return true;
    case N_CALL: *out = call(r, dot, n, n, NULL, 0, NULL); return true;
    case N_CHAIN: {
        tval from;
        if (!operand(r, n->pipe, dot, &from))
            from = n->pipe->value;
        *out = r->failed ? tv_none() : chain(r, n, from, false);
        return true;
    }
    default: return false;
    }
}
static tval argument(trun *r, const node *n, tval dot, char want) {
    r->at = n;
    if (n->kind == N_NIL) {
        if (want == 'a' || want == 'v' || want == 'm')
            return want == 'm' ? tv_of(sl_v_map(NULL, 0)) : tv_none();
        return tpl_fail(r, "cannot assign nil to %s", want_name(want));
    }
    tval v;
    if (!operand(r, n, dot, &v))
        return constant(r, n, want);
    return r->failed ? tv_none() : fit(r, v, want); /* a misfit is told where evaluation stopped, as in Go */
}
static tval junction(trun *r, tval dot, bool is_or, node *const *args, uint32_t n, const tval *final) {
    tval v = tv_none();
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        v = argument(r, args[i], dot, 'v');
        if (r->failed || tpl_true(r, v) == is_or)
            return unwrap(v);
    }
    return final ? *final : unwrap(v);
}
/* cmd: what a message shows. args: without the function itself. */
static tval call(trun *r, tval dot, const node *ident, const node *cmd, node *const *args, uint32_t nargs, const tval *final) {
    r->at = ident;
    const tfunc *f = ident->fn;
    uint32_t total = nargs + (final != NULL), fixed = (uint32_t)strlen(f->args);
    bool many = fixed && f->args[fixed - 1] == '*';
    if (many)
        fixed -= 2; /* the last letter is for any number */
    if (many ? total < fixed : total != fixed)
        return tpl_fail(r, many ? "wrong number of args for %s: want at least %u got %u" : "wrong number of args for %s: want %u got %u", f->name, fixed, total);
    if (!step(r))
        return tv_none();
    if (tpl_func_and(f) || tpl_func_or(f))
        return junction(r, dot, tpl_func_or(f), args, nargs, final);
    tval *v = sl_arena_alloc(r->a, (total + 1) * sizeof *v);
    if (!v)
        return tpl_fail(r, "out of memory");
    for (uint32_t i = 0; i < total && !r->failed; i++) {
        char want = f->args[i < fixed ? i : fixed];
        if (i < nargs) {
            v[i] = argument(r, args[i], dot, want);
            continue;
        }
        v[i] = fit(r, *final, want);
    }
    if (r->failed)
        return tv_none();
    tval out = tv_none();
    const node *last = r->at;
    r->call_why = (sl_str){0};
    r->at = cmd;
    if (!f->fn(r, v, total, &out))
        return r->failed ? tv_none() : tpl_fail(r, "error calling %s: %.*s", f->name, SL_FMT(r->call_why));
    r->at = last;
    return unwrap(out);
}

/* ---- commands and pipelines ---- */
static tval command(trun *r, const node *c, tval dot, const tval *final) {
    const node *first = c->at[0];
    bool args = c->n > 1 || final;
    tval v;
    r->at = first;
    switch ((nkind)first->kind) {
    case N_FIELD: return chain(r, first, dot, args);
    case N_CALL: return call(r, dot, first, c, c->at + 1, c->n - 1, final);
    case N_CHAIN:
        if (!operand(r, first->pipe, dot, &v))
            v = first->pipe->value;
        return r->failed ? tv_none() : chain(r, first, v, args);
    case N_VAR:
        v = variable(r, first);
        if (!first->nnames && args)
            break;
        return chain(r, first, v, args);
    case N_PIPE:
        if (args)
            break;
        return pipeline(r, first, dot);
    default: break;
    }
    if (args) {
        sl_buf b = {0};
        tpl_show(&b, first);
        tpl_fail(r, "can't give argument to non-function %s", sl_buf_cstr(&b));
        sl_buf_free(&b);
        return tv_none();
    }
    switch ((nkind)first->kind) {
    case N_DOT: return dot;
    case N_NIL: return tpl_fail(r, "nil is not a command");
    default: return first->value;
    }
}
static tval pipeline(trun *r, const node *p, tval dot) {
    tval v = tv_none();
    if (++r->depth > DEPTH)
        return tpl_fail(r, "nested too deep");
    if (!step(r))
        return tv_none();
    for (uint32_t i = 0; i < p->n && !r->failed; i++)
        v = unwrap(command(r, p->at[i], dot, i ? &v : NULL));
    for (uint32_t i = 0; i < p->ndecl && !r->failed; i++) {
        if (p->decl[i] < 0) {
            r->at = p;
            tpl_fail(r, "undefined variable: %.*s", SL_FMT(p->declnames[i]));
        } else
            r->frame[p->decl[i]] = v;
    }
    r->depth--;
    return v;
}

/* ---- lists ---- */
static flow_of walk(trun *r, const node *n, tval dot);
static flow_of once(trun *r, const node *n, tval dot, tval key, tval elem, bool *stop) {
    const node *p = n->pipe;
    if (p->ndecl) { /* one variable: the element; two: index or key, then element */
        r->frame[p->decl[0]] = p->ndecl > 1 ? key : elem;
        if (p->ndecl > 1)
            r->frame[p->decl[1]] = elem;
    }
    flow_of f = walk(r, n->body, elem);
    r->at = n->pipe;
    *stop = r->failed || f == BREAK_OUT || !step(r);
    return GO_ON;
}
static int by_key(const void *a, const void *b) { return sl_str_cmp((*(const sl_member *const *)a)->key, (*(const sl_member *const *)b)->key); }
static void range(trun *r, const node *n, tval dot) {
    r->at = n->pipe;
    tval v = pipeline(r, n->pipe, dot);
    if (r->failed)
        return;
    sl_value x = tpl_open(r, v.v);
    bool stop = false;
    if (x.kind == SL_LIST && x.len) {
        bool typed = x.list == r->root_list || x.flags & SL_F_TEXTLIST; /* of maps, of strings */
        for (uint32_t i = 0; i < x.len && !stop; i++)
            once(r, n, dot, tv_int(i), (tval){x.list[i], !typed}, &stop);
        return;
    }
    if (x.kind == SL_MAP && x.len) {
        const sl_member **m = sl_arena_alloc(r->a, x.len * sizeof *m);
        for (uint32_t i = 0; m && i < x.len; i++)
            m[i] = &x.map[i];
        if (m)
            qsort(m, x.len, sizeof *m, by_key);
        for (uint32_t i = 0; m && i < x.len && !stop; i++)
            once(r, n, dot, tv_str(m[i]->key), (tval){m[i]->val, true}, &stop);
        return;
    }
    if ((x.kind == SL_INT || x.kind == SL_UINT) && x.i > 0) {
        for (int64_t i = 0; i < x.i && !stop; i++) {
            tval k = tv_of((sl_value){.kind = SL_INT, .flags = x.flags, .i = i});
            once(r, n, dot, k, k, &stop);
        }
        return;
    }
    if (x.kind != SL_LIST && x.kind != SL_MAP && x.kind != SL_INT && x.kind != SL_UINT && !sl_v_nil(x)) {
        r->at = n->pipe;
        tpl_fail(r, "range can't iterate over %.*s", SL_FMT(tpl_text(r, x)));
        return;
    }
    walk(r, n->other, dot);
}
static void invoke(trun *r, const node *n, tval dot) {
    sl_str name = sl_v_text(n->value.v);
    const tdef *d = r->t->defs;
    while (d && !sl_str_eq(d->name, name))
        d = d->next;
    r->at = n;
    if (!d) {
        sl_buf q = {0};
        sl_go_quote(&q, name);
        tpl_fail(r, "template %s not defined", sl_buf_cstr(&q));
        sl_buf_free(&q);
        return;
    }
    if (++r->depth > DEPTH) {
        tpl_fail(r, "exceeded maximum template depth (%d)", DEPTH);
        return;
    }
    tval to = n->pipe ? pipeline(r, n->pipe, dot) : tv_none();
    if (r->failed)
        return;
    const tdef *outer = r->def;
    tval *frame = r->frame;
    r->def = d;
    r->frame = sl_arena_zero(r->a, (d->slots + 1) * sizeof *r->frame);
    if (r->frame) {
        r->frame[0] = to;
        walk(r, d->body, to);
    }
    if (!r->failed)
        r->def = outer;
    r->frame = frame;
    r->depth--;
}
static void show_value(trun *r, tval v) {
    if (v.v.kind == SL_STRING)
        sl_buf_str(r->out, sl_v_text(v.v));
    else if (sl_v_nil(v.v))
        sl_buf_puts(r->out, "<no value>");
    else
        sl_value_print(r->out, tpl_settled(r, v.v));
}
static flow_of walk(trun *r, const node *n, tval dot) {
    for (; n && !r->failed; n = n->next) {
        flow_of f = GO_ON;
        tval v;
        switch ((nkind)n->kind) {
        case N_TEXT: sl_buf_str(r->out, n->text); break;
        case N_ACTION:
            r->at = n;
            v = pipeline(r, n->pipe, dot);
            if (!r->failed && !n->pipe->ndecl)
                show_value(r, v);
            break;
        case N_IF:
        case N_WITH:
            r->at = n->pipe;
            v = pipeline(r, n->pipe, dot);
            if (r->failed)
                break;
            if (tpl_true(r, v))
                f = walk(r, n->body, n->kind == N_WITH ? v : dot);
            else
                f = walk(r, n->other, dot);
            break;
        case N_RANGE: range(r, n, dot); break;
        case N_TEMPLATE: invoke(r, n, dot); break;
        case N_BREAK: return BREAK_OUT;
        case N_CONTINUE: return CONTINUE_LOOP;
        default: break;
        }
        if (r->out->n > r->limit)
            tpl_fail(r, "the result is too large: more than %d bytes", OUT_MAX);
        if (f != GO_ON)
            return f;
    }
    return GO_ON;
}
bool sl_template_run(sl_template *t, const sl_template_env *env, sl_arena *a, sl_value root, sl_buf *out, sl_str *why) {
    static const sl_template_env none = {0};
    size_t from = out->n;
    trun r = {.t = t, .env = env ? env : &none, .a = a, .out = out, .def = t->defs, .limit = from + OUT_MAX, .memory = sl_arena_bytes(a) + MEMORY};
    tval dot = tv_of(root);
    r.root_list = root.kind == SL_LIST && root.len ? root.list : NULL;
    r.frame = sl_arena_zero(a, (t->defs->slots + 1) * sizeof *r.frame);
    if (!r.frame) {
        *why = SL_S("out of memory");
        return false;
    }
    r.frame[0] = dot;
    walk(&r, t->defs->body, dot);
    if (!r.failed && !out->failed && !sl_arena_failed(a))
        return true;
    out->n = from;
    *why = r.failed ? r.why : SL_S("out of memory");
    return false;
}
