/* From a bound expression tree to a program of straight-line blocks.
 * Decisions: parts that no row changes are computed here once, unless they fail (a failure belongs to the row that reaches it).
 * An alias is compiled at its first unconditional use and its register is read from then on; a use that only some rows reach
 * becomes an SL_I_ALIAS, which computes the alias for those rows that do not have it yet by a block made once. So the code of
 * an alias exists at most twice, however often it is used.
 * In the same way an instruction whose result depends on its operands alone is made once: at its first use that every row reaches; what only some rows
 * reach may read such a result but leaves none, because it would not be there, or fail, for the others. */
#include <stdlib.h>
#include "sql/expr.h"
#include "sql/parse.h"

static void no_memory(sl_comp *c) {
    if (!c->err)
        c->err = sl_err_new(SL_E_NOMEM, "out of memory");
}
static void *grow(sl_comp *c, void *old, uint32_t n, uint32_t *cap, size_t size) {
    if (n < *cap)
        return old;
    uint32_t more = *cap ? *cap * 2 : 2;
    void *p = sl_zero(c->a, more * size);
    if (!p) {
        no_memory(c);
        return NULL;
    }
    if (n)
        memcpy(p, old, n * size);
    *cap = more;
    return p;
}
static int32_t emit(sl_comp *c, sl_insn in) {
    sl_insn *at = grow(c, c->code, c->n, &c->cap, sizeof *at);
    if (at) {
        c->code = at;
        at[c->n++] = in;
    }
    return in.dst;
}
static int32_t constant(sl_comp *c, sl_value v) {
    sl_value *at = grow(c, c->p->consts, c->p->nconst, &c->p->capconst, sizeof *at);
    if (!at)
        return 0;
    c->p->consts = at;
    at[c->p->nconst] = v;
    return ~(int32_t)c->p->nconst++;
}
/* A literal that is there already, so that equal parts are seen to be equal. */
static int32_t literal(sl_comp *c, sl_value v) {
    enum { LOOK = 128 };
    for (uint32_t i = 0; c->share && i < c->p->nconst && i < LOOK; i++) {
        const sl_value *k = &c->p->consts[i];
        if (k->kind == v.kind && k->flags == v.flags && k->aux == v.aux &&
            (v.kind == SL_STRING ? k->len == v.len && (!v.len || memcmp(k->p, v.p, v.len) == 0) : v.kind <= SL_FLOAT && k->i == v.i))
            return ~(int32_t)i;
    }
    return constant(c, v);
}
/* ---- common parts ---- */
typedef struct sl_shared {
    sl_insn in;
    int32_t dst;
} sl_shared;
enum { SHARED_MAX = 256 };
static bool same_insn(const sl_insn *x, const sl_insn *y) {
    return x->op == y->op && x->sub == y->sub && x->negated == y->negated && x->a == y->a && x->b == y->b && x->c == y->c && x->nargs == y->nargs && x->site == y->site &&
        (x->op != SL_I_CALL || x->aux == y->aux) && x->text.n == y->text.n && (x->text.p != NULL) == (y->text.p != NULL) && (!x->text.n || sl_str_eq(x->text, y->text)) &&
        (!x->nargs || memcmp(x->args, y->args, x->nargs * sizeof *x->args) == 0);
}
/* The register of an equal instruction, or SL_NOREG. dst is not looked at, nor the site of a call. */
static int32_t known(const sl_comp *c, const sl_insn *in) {
    for (uint32_t i = 0; c->share && i < c->nshared; i++)
        if (same_insn(&c->shared[i].in, in))
            return c->shared[i].dst;
    return SL_NOREG;
}
static void publish(sl_comp *c, const sl_insn *in, int32_t dst) {
    if (!c->share || c->depth || c->err || c->nshared >= SHARED_MAX)
        return;
    if (c->nshared == c->capshared) {
        uint32_t cap = c->capshared ? c->capshared * 2 : 8;
        sl_shared *at = realloc(c->shared, cap * sizeof *at);
        if (!at) /* then it is computed again */
            return;
        c->shared = at;
        c->capshared = cap;
    }
    c->shared[c->nshared++] = (sl_shared){*in, dst};
}
void sl_comp_end(sl_comp *c) {
    free(c->shared);
    c->shared = NULL;
    c->nshared = c->capshared = 0;
}
void sl_comp_unshare(sl_comp *c, int32_t dst) {
    for (uint32_t i = 0; i < c->nshared; i++)
        if (c->shared[i].dst == dst)
            c->shared[i] = c->shared[--c->nshared];
}
static int32_t reg(sl_comp *c) { return (int32_t)c->p->nreg++; }

/* The last instruction reads nothing but constants: runs it and puts a constant in its place when it works. */
static int32_t fold(sl_comp *c, int32_t dst) {
    if (c->err || dst < 0)
        return dst;
    sl_arena *tmp = sl_arena_new(0);
    if (!tmp)
        return dst;
    sl_run r = {.p = c->p, .out = c->a, .tmp = tmp, .nrows = 1};
    r.call.zone = c->zone;
    sl_run_begin(&r);
    r.state = c->p->nsite ? calloc(c->p->nsite, sizeof *r.state) : NULL;
    int32_t res = dst;
    if (!r.nomem && (r.state || !c->p->nsite)) {
        sl_run_block(&r, (sl_block){c->code + c->n - 1, 1, dst}, (sl_rows){NULL, 1});
        sl_value v = r.nomem ? sl_v_absent() : sl_run_at(&r, dst, 0);
        if (v.kind != SL_ERROR && v.kind != SL_ABSENT && !r.errors) {
            c->n--;
            res = constant(c, v);
        }
    }
    sl_sites_free(c->p, r.state);
    sl_run_end(&r);
    sl_arena_free(tmp);
    return res;
}

bool sl_x_always_bool(const sl_expr *e) {
    switch (e->kind) {
    case SL_X_LITERAL: return e->value.kind == SL_BOOL;
    case SL_X_PAREN: return sl_x_always_bool(e->l);
    case SL_X_BINARY: return e->op == SL_OP_AND || e->op == SL_OP_OR || e->op >= SL_OP_EQ;
    case SL_X_BETWEEN:
    case SL_X_IN:
    case SL_X_LIKE: return true;
    default: return false;
    }
}

sl_block sl_compile_block(sl_comp *c, const sl_expr *e) {
    sl_insn *code = c->code;
    uint32_t n = c->n, cap = c->cap;
    c->code = NULL;
    c->n = c->cap = 0;
    int32_t res = sl_compile(c, e);
    sl_block b = {c->code, c->n, res};
    c->code = code;
    c->n = n;
    c->cap = cap;
    return b;
}
/* How messages write e. */
static sl_str text_of(sl_comp *c, const sl_expr *e) {
    sl_buf b = {0};
    sl_expr_print(&b, e);
    sl_str s = sl_arena_dup(c->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static sl_block conditional(sl_comp *c, const sl_expr *e) {
    c->depth++;
    sl_block b = sl_compile_block(c, e);
    c->depth--;
    return b;
}

static int32_t compile_alias(sl_comp *c, const sl_expr *e) {
    uint32_t i = (uint32_t)e->b_slot;
    if (c->alias_state[i] == 2)
        return c->p->alias_reg[i];
    if (c->depth == 0 && c->alias_state[i] == 0) {
        int32_t at = sl_compile(c, c->alias_expr[i]);
        c->alias_state[i] = 2;
        return c->p->alias_reg[i] = at;
    }
    if (!c->alias_insn[i]) {
        sl_insn *in = c->alias_insn[i] = sl_zero(c->a, sizeof *in);
        if (!in) {
            no_memory(c);
            return 0;
        }
        *in = (sl_insn){.op = SL_I_ALIAS, .dst = reg(c)};
        c->p->alias_reg[i] = in->dst;
        c->p->alias_lazy[i] = true;
        in->x = conditional(c, c->alias_expr[i]);
    }
    emit(c, *c->alias_insn[i]);
    c->alias_state[i] = c->depth == 0 ? 2 : 1;
    return c->p->alias_reg[i];
}

static int32_t compile_case(sl_comp *c, const sl_expr *e) {
    uint32_t n = e->nargs / 2;
    sl_insn in = {.op = SL_I_CASE, .a = SL_NOREG, .nargs = n};
    if (e->l)
        in.a = sl_compile(c, e->l);
    sl_block *w = sl_zero(c->a, (2 * (size_t)n + 1) * sizeof *w);
    if (!w) {
        no_memory(c);
        return 0;
    }
    for (uint32_t i = 0; i < e->nargs; i++) /* only the first condition is reached by every row */
        w[i] = i == 0 ? sl_compile_block(c, e->args[i]) : conditional(c, e->args[i]);
    if (e->r)
        w[2 * n] = conditional(c, e->r);
    else
        w[2 * n].res = constant(c, sl_v_null());
    in.whens = w;
    in.dst = reg(c);
    return emit(c, in);
}

static int32_t compile_args(sl_comp *c, const sl_expr *e, sl_insn *in, bool *fixed) {
    int32_t *args = e->nargs ? sl_zero(c->a, e->nargs * sizeof *args) : NULL;
    if (e->nargs && !args) {
        no_memory(c);
        return 0;
    }
    for (uint32_t i = 0; i < e->nargs; i++) {
        args[i] = sl_compile(c, e->args[i]);
        *fixed &= args[i] < 0;
    }
    in->args = args;
    in->nargs = e->nargs;
    return 0;
}
static int32_t compile_call(sl_comp *c, const sl_expr *e) {
    sl_insn in = {.op = SL_I_CALL};
    bool fixed = true;
    int32_t here = e->func && c->given ? c->given(c, e) : SL_NOREG;
    if (here != SL_NOREG)
        return here;
    if (!e->func || e->func->kind == SL_FN_TRIGGER) {
        if (!c->err)
            c->err = sl_err_new(SL_E_UNSUPPORTED, "function %.*s is not available yet", SL_FMT(e->name));
        return 0;
    }
    compile_args(c, e, &in, &fixed);
    bool pure = e->func->kind == SL_FN_SCALAR && e->func->flags & SL_FN_PURE && !e->func->kept;
    in.aux = e->func;
    int32_t have = pure && !c->err ? known(c, &in) : SL_NOREG;
    if (have != SL_NOREG)
        return have;
    const sl_insn bare = in;
    in.dst = reg(c);
    const sl_func **at = grow(c, c->p->sites, c->p->nsite, &c->p->capsite, sizeof *at);
    if (!at)
        return 0;
    c->p->sites = at;
    at[c->p->nsite] = e->func;
    in.site = c->p->nsite++;
    c->p->counters |= e->func->kept && e->nargs == 0;
    emit(c, in);
    have = fixed && pure ? fold(c, in.dst) : in.dst;
    if (pure && have >= 0)
        publish(c, &bare, have);
    return have;
}

int32_t sl_compile_first(sl_comp *c, const int32_t *regs, uint32_t n) {
    sl_insn in = {.op = SL_I_FIRST, .nargs = n};
    int32_t *args = sl_zero(c->a, (n + 1) * sizeof *args);
    if (!args) {
        no_memory(c);
        return 0;
    }
    memcpy(args, regs, n * sizeof *args);
    in.args = args;
    in.dst = reg(c);
    return emit(c, in);
}

static const sl_members *member_set(sl_comp *c, const sl_insn *in) {
    sl_value *at = malloc((in->nargs + 1) * sizeof *at);
    for (uint32_t i = 0; at && i < in->nargs; i++)
        at[i] = c->p->consts[~in->args[i]];
    const sl_members *s = at ? sl_members_new(c->a, at, in->nargs) : NULL;
    free(at);
    return s;
}

int32_t sl_compile(sl_comp *c, const sl_expr *e) {
    if (c->err)
        return 0;
    sl_insn in = {.dst = -1, .a = SL_NOREG, .b = SL_NOREG, .c = SL_NOREG, .negated = e->negated, .sub = e->op};
    bool fixed = true;
    switch (e->kind) {
    case SL_X_LITERAL: return literal(c, e->value);
    case SL_X_TIMEUNIT: return constant(c, sl_v_null());
    case SL_X_PAREN: return sl_compile(c, e->l);
    case SL_X_COLUMN: return c->column ? c->column(c, e) : e->b_col;
    case SL_X_WILDCARD: {
        int32_t at = c->given ? c->given(c, e) : SL_NOREG;
        if (at != SL_NOREG)
            return at;
        c->err = sl_err_new(SL_E_PLAN, "* cannot stand here");
        return 0;
    }
    case SL_X_SLOT: return compile_alias(c, e);
    case SL_X_META:
        in.op = SL_I_META;
        in.text = sl_str_is(e->name, "*") ? (sl_str){0} : e->name;
        in.site = (uint32_t)(e->b_src + 1);
        in.dst = reg(c);
        return emit(c, in);
    case SL_X_CALL: return compile_call(c, e);
    case SL_X_CASE: return compile_case(c, e);
    case SL_X_BINARY:
        in.a = sl_compile(c, e->l);
        if (e->op == SL_OP_AND || e->op == SL_OP_OR) {
            in.op = SL_I_LOGIC;
            if (in.a < 0 && !c->err) {
                sl_value l = c->p->consts[~in.a];
                if (l.kind == SL_BOOL && l.i == (e->op == SL_OP_OR)) /* decided without looking right */
                    return in.a;
            }
            in.x = conditional(c, e->r);
            in.dst = reg(c);
            return emit(c, in);
        }
        in.op = e->op >= SL_OP_EQ ? SL_I_CMP : SL_I_ARITH;
        in.b = sl_compile(c, e->r);
        break;
    case SL_X_MEMBER:
        in.op = SL_I_MEMBER;
        in.a = sl_compile(c, e->l);
        in.text = e->r ? (sl_str){0} : e->name;
        break;
    case SL_X_INDEX:
        in.op = SL_I_INDEX;
        in.a = sl_compile(c, e->l);
        in.text = text_of(c, e->r);
        in.b = sl_compile(c, e->r);
        break;
    case SL_X_SLICE:
        in.op = SL_I_SLICE;
        in.a = sl_compile(c, e->l);
        if (e->args[0]) {
            in.b = sl_compile(c, e->args[0]);
            in.text = text_of(c, e->args[0]);
        }
        if (e->args[1]) {
            in.c = sl_compile(c, e->args[1]);
            sl_str *end = sl_zero(c->a, sizeof *end);
            if (end)
                *end = text_of(c, e->args[1]);
            in.aux = end;
        }
        break;
    case SL_X_BETWEEN:
        in.op = SL_I_BETWEEN;
        in.a = sl_compile(c, e->l);
        in.b = sl_compile(c, e->args[0]);
        in.c = sl_compile(c, e->args[1]);
        break;
    case SL_X_IN:
        in.a = sl_compile(c, e->l);
        if (e->r) {
            in.op = SL_I_INVAL;
            in.b = sl_compile(c, e->r);
        } else {
            in.op = SL_I_INLIST;
            compile_args(c, e, &in, &fixed);
            if (fixed && in.a >= 0 && !c->err)
                in.aux = member_set(c, &in);
        }
        break;
    case SL_X_LIKE:
        in.op = SL_I_LIKE;
        in.a = sl_compile(c, e->l);
        in.b = sl_compile(c, e->r);
        if (!c->err && in.b < 0 && c->p->consts[~in.b].kind == SL_STRING)
            in.aux = sl_like_new(c->a, sl_v_text(c->p->consts[~in.b]));
        break;
    default: c->err = sl_err_new(SL_E_UNSUPPORTED, "this kind of expression is not available yet"); return 0;
    }
    if (c->err)
        return 0;
    int32_t have = known(c, &in);
    if (have != SL_NOREG)
        return have;
    fixed = fixed && in.a < 0 && in.b < 0 && in.c < 0; /* SL_NOREG is negative too */
    in.dst = reg(c);
    emit(c, in);
    have = fixed ? fold(c, in.dst) : in.dst;
    if (have >= 0)
        publish(c, &in, have);
    return have;
}

/* When an array of a node cannot be had the copy is short and the arena is told: the border looks at sl_arena_failed(). */
sl_expr *sl_x_copy(sl_arena *a, const sl_expr *e) {
    if (!e)
        return NULL;
    sl_expr *n = sl_zero(a, sizeof *n);
    if (!n)
        return NULL;
    *n = *e;
    n->l = sl_x_copy(a, e->l);
    n->r = sl_x_copy(a, e->r);
    n->source = sl_arena_dup(a, e->source);
    n->name = sl_arena_dup(a, e->name);
    if (e->value.kind == SL_STRING)
        n->value = sl_v_str(sl_arena_dup(a, sl_v_text(e->value)));
    if (e->nargs) {
        n->args = sl_zero(a, e->nargs * sizeof *n->args);
        for (uint32_t i = 0; n->args && i < e->nargs; i++)
            n->args[i] = sl_x_copy(a, e->args[i]);
        if (!n->args)
            n->nargs = 0;
    }
    if (e->nexcept) {
        n->except = sl_zero(a, e->nexcept * sizeof *n->except);
        for (uint32_t i = 0; n->except && i < e->nexcept; i++)
            n->except[i] = sl_arena_dup(a, e->except[i]);
        if (!n->except)
            n->nexcept = 0;
    }
    if (e->nreplace) {
        n->replace = sl_zero(a, e->nreplace * sizeof *n->replace);
        for (uint32_t i = 0; n->replace && i < e->nreplace; i++) {
            n->replace[i] = e->replace[i];
            n->replace[i].expr = sl_x_copy(a, e->replace[i].expr);
            n->replace[i].alias = sl_arena_dup(a, e->replace[i].alias);
            n->replace[i].name = sl_arena_dup(a, e->replace[i].name);
        }
        if (!n->replace)
            n->nreplace = 0;
    }
    if (e->over) {
        sl_over *o = n->over = sl_zero(a, sizeof *o);
        if (!o)
            return NULL;
        *o = *e->over;
        o->when = sl_x_copy(a, o->when);
        o->partition = sl_zero(a, (o->npartition + 1) * sizeof *o->partition);
        o->order = sl_zero(a, (o->norder + 1) * sizeof *o->order);
        if (!o->partition || !o->order)
            o->npartition = o->norder = 0;
        for (uint32_t i = 0; i < o->npartition; i++)
            o->partition[i] = sl_x_copy(a, e->over->partition[i]);
        for (uint32_t i = 0; i < o->norder; i++)
            o->order[i] = (sl_sort){sl_x_copy(a, e->over->order[i].expr), e->over->order[i].desc};
    }
    return n;
}
