/* From a statement to a plan: checks, binding, compiling, and what the rest of the house asks a plan.
 * Decisions: WHERE is split at AND into conditions that each shorten the row list, but only where both sides can be nothing but
 * true, false or an error, so that results and error texts stay those of AND. Fields without alias are evaluated before aliased
 * ones, as upstream does; it shows in which error a row reports. */
#include <stdlib.h>
#include "sql/parse.h"
#include "sql/pipe.h"
#include "sql/planner.h"

void sl_plan_opts_default(sl_plan_opts *o) { *o = (sl_plan_opts){.late_ms = 1000, .zone = SL_ZONE_LOCAL}; }

enum { PLAN_CHUNK = 2528 }; /* ten thousand small plans: start small */
static sl_err *no_memory(void) { return sl_err_new(SL_E_NOMEM, "out of memory"); }

/* ---- a copy of the statement that the plan may change ---- */
static sl_expr **copy_list(sl_arena *a, sl_expr **at, uint32_t n) {
    sl_expr **c = sl_zero(a, (n + 1) * sizeof *c);
    for (uint32_t i = 0; c && i < n; i++)
        c[i] = sl_x_copy(a, at[i]);
    return c;
}
static sl_select *copy_select(sl_arena *a, const sl_select *s) {
    sl_select *c = sl_zero(a, sizeof *c);
    if (!c)
        return NULL;
    *c = *s;
    c->fields = sl_zero(a, (s->nfields + 1) * sizeof *c->fields);
    c->joins = sl_zero(a, (s->njoins + 1) * sizeof *c->joins);
    c->order = sl_zero(a, (s->norder + 1) * sizeof *c->order);
    c->dims = copy_list(a, s->dims, s->ndims);
    if (!c->fields || !c->joins || !c->order || !c->dims)
        return NULL;
    for (uint32_t i = 0; i < s->nfields; i++) {
        c->fields[i] = s->fields[i];
        c->fields[i].expr = sl_x_copy(a, s->fields[i].expr);
        c->fields[i].alias = sl_arena_dup(a, s->fields[i].alias);
        c->fields[i].name = sl_arena_dup(a, s->fields[i].name);
    }
    c->from.name = sl_arena_dup(a, s->from.name);
    c->from.alias = sl_arena_dup(a, s->from.alias);
    for (uint32_t i = 0; i < s->njoins; i++) {
        c->joins[i] = s->joins[i];
        c->joins[i].src.name = sl_arena_dup(a, s->joins[i].src.name);
        c->joins[i].src.alias = sl_arena_dup(a, s->joins[i].src.alias);
        c->joins[i].on = sl_x_copy(a, s->joins[i].on);
    }
    for (uint32_t i = 0; i < s->norder; i++) {
        c->order[i] = s->order[i];
        c->order[i].expr = sl_x_copy(a, s->order[i].expr);
    }
    c->where = sl_x_copy(a, s->where);
    c->having = sl_x_copy(a, s->having);
    if (s->window) {
        if (!(c->window = sl_zero(a, sizeof *c->window)))
            return NULL;
        *c->window = *s->window;
        c->window->begin = sl_x_copy(a, s->window->begin);
        c->window->emit = sl_x_copy(a, s->window->emit);
        c->window->filter = sl_x_copy(a, s->window->filter);
        c->window->when = sl_x_copy(a, s->window->when);
        c->window->partition = copy_list(a, s->window->partition, s->window->npartition);
    }
    return c;
}

/* ---- compiling ---- */
static bool split_here(const sl_expr *e) { return e->kind == SL_X_BINARY && e->op == SL_OP_AND && sl_x_always_bool(e->l) && sl_x_always_bool(e->r); }
static uint32_t count_conditions(const sl_expr *e) {
    while (e->kind == SL_X_PAREN)
        e = e->l;
    return split_here(e) ? count_conditions(e->l) + count_conditions(e->r) : 1;
}
static void compile_conditions(sl_block *at, uint32_t *n, sl_comp *c, const sl_expr *e) {
    while (e->kind == SL_X_PAREN)
        e = e->l;
    if (split_here(e)) {
        compile_conditions(at, n, c, e->l);
        compile_conditions(at, n, c, e->r);
    } else {
        at[*n] = sl_compile_block(c, e);
        sl_comp_unshare(c, at[(*n)++].res); /* a comparison that ends a condition makes a list of rows, no value */
    }
}
static bool no_counter(sl_expr *e, void *arg) { return !(e->kind == SL_X_CALL && e->func && e->func->kept && e->nargs == 0); }
uint32_t sl_plan_conditions(sl_plan *p, sl_comp *c, const sl_expr *e, sl_block **out) {
    uint32_t n = 0;
    bool whole = !sl_expr_walk((sl_expr *)e, no_counter, NULL); /* counters move when all of it is true */
    *out = sl_zero(p->a, (whole ? 1 : count_conditions(e)) * sizeof **out);
    if (*out && whole)
        (*out)[n++] = sl_compile_block(c, e);
    else if (*out)
        compile_conditions(*out, &n, c, e);
    else if (!c->err)
        c->err = no_memory();
    return n;
}
static sl_str fail_text(sl_plan *p, const sl_pfield *f) {
    enum { MOST = 16 << 10 };
    sl_buf b = {0};
    sl_buf_puts(&b, "run Select error: ");
    if (f->kind == SL_P_ALIAS || f->replace)
        sl_buf_printf(&b, "alias: %.*s ", SL_FMT(f->name));
    sl_buf_puts(&b, "expr: ");
    sl_expr_print(&b, f->expr);
    if (b.n > MOST)
        b.n = MOST;
    sl_buf_puts(&b, " meet error, err:");
    sl_str s = sl_arena_dup(p->a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static int32_t column_register(sl_comp *c, const sl_expr *e) {
    const sl_plan *p = c->arg;
    if (e->b_src >= 0)
        return (int32_t)(p->regs.base[e->b_src] + (uint32_t)e->b_col);
    int32_t regs[64];
    uint32_t n = 0;
    for (uint32_t k = 0; k < p->nsrc && n < 64; k++) { /* the first source of the joined row that has it */
        uint32_t i = p->pipe ? p->pipe->prec[k] : k;
        for (uint32_t at = 0; at < p->src[i].n; at++)
            if (sl_str_eq(p->src[i].names[at], e->name))
                regs[n++] = (int32_t)(p->regs.base[i] + at);
    }
    return sl_compile_first(c, regs, n);
}
static int32_t provided(sl_comp *c, const sl_expr *e) {
    const sl_plan *p = c->arg;
    if (e->kind == SL_X_WILDCARD)
        return e->b_slot >= 0 ? (int32_t)(p->regs.star + (uint32_t)e->b_slot) : SL_NOREG;
    if (e->b_slot < 0)
        return SL_NOREG;
    switch (e->func->kind) {
    case SL_FN_ANALYTIC: return (int32_t)(p->regs.ana + (uint32_t)e->b_slot);
    case SL_FN_AGG: return (int32_t)(p->regs.agg + (uint32_t)e->b_slot);
    case SL_FN_WINDOW: return (int32_t)(p->regs.wf + (uint32_t)e->b_slot);
    case SL_FN_TRIGGER: return (int32_t)(p->regs.trig + (uint32_t)e->b_slot);
    default: return SL_NOREG;
    }
}
bool sl_plan_comp(sl_plan *p, sl_prog *prog, sl_comp *c) {
    uint32_t n = p->nalias + 1;
    *c = (sl_comp){.a = p->a, .p = prog, .zone = p->opts.zone, .column = p->regs.base ? column_register : NULL, .given = provided, .arg = p};
    prog->ncol = prog->nreg = p->regs.base ? p->regs.total : p->src[0].n;
    prog->nalias = p->nalias;
    prog->alias_reg = sl_zero(p->a, n * sizeof *prog->alias_reg);
    prog->alias_lazy = sl_zero(p->a, n * sizeof *prog->alias_lazy);
    c->alias_expr = sl_zero(p->a, n * sizeof *c->alias_expr);
    c->alias_state = sl_zero(p->a, n);
    c->alias_insn = sl_zero(p->a, n * sizeof *c->alias_insn);
    if (!prog->alias_reg || !prog->alias_lazy || !c->alias_expr || !c->alias_state || !c->alias_insn)
        return false;
    for (uint32_t i = 0; i < p->nalias; i++)
        c->alias_expr[i] = p->fields[p->alias_at[i]].expr;
    return true;
}
static sl_block *blocks(sl_comp *c, sl_expr *const *at, uint32_t n) {
    sl_block *b = sl_zero(c->a, (n + 1) * sizeof *b);
    for (uint32_t i = 0; b && i < n; i++)
        b[i] = sl_compile_block(c, at[i]);
    if (!b && !c->err)
        c->err = no_memory();
    return b;
}
void sl_plan_call(sl_comp *c, sl_pcall *call) {
    const sl_expr *e = call->expr;
    call->args = blocks(c, e->args, e->nargs);
    call->nargs = e->nargs;
    if (!e->over)
        return;
    call->part = blocks(c, e->over->partition, e->over->npartition);
    call->npart = e->over->npartition;
    call->has_when = e->over->when != NULL;
    if (call->has_when)
        call->when = sl_compile_block(c, e->over->when);
    call->order = sl_zero(c->a, (e->over->norder + 1) * sizeof *call->order);
    call->desc = sl_zero(c->a, e->over->norder + 1);
    for (uint32_t i = 0; call->order && call->desc && i < e->over->norder; i++) {
        call->order[i] = sl_compile_block(c, e->over->order[i].expr);
        call->desc[i] = e->over->order[i].desc;
    }
    call->norder = e->over->norder;
}
static sl_err *compile_all(sl_plan *p, const sl_select *s) {
    sl_comp c;
    p->order = sl_zero(p->a, (p->nfields + 1) * sizeof *p->order);
    if (!sl_plan_comp(p, &p->prog, &c) || !p->order)
        return no_memory();
    if (p->pipe)
        sl_pipe_front(p, &c, s);
    else {
        for (uint32_t i = 0; i < p->nana; i++)
            sl_plan_call(&c, &p->ana[i]);
        c.share = !p->opts.plain;
        if (p->where)
            p->ncond = sl_plan_conditions(p, &c, p->where, &p->cond);
    }
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind == SL_P_EXPR && !p->fields[i].replace && !p->fields[i].cols)
            p->order[p->norder++] = i;
    for (uint32_t k = 0; k < p->nalias; k++)
        p->order[p->norder++] = p->alias_at[p->alias_order[k]];
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].replace)
            p->order[p->norder++] = i;
    for (uint32_t k = 0; k < p->norder && !c.err; k++) {
        sl_pfield *f = &p->fields[p->order[k]];
        sl_expr slot = {.kind = SL_X_SLOT, .b_slot = f->alias};
        f->block = sl_compile_block(&c, f->kind == SL_P_ALIAS ? &slot : f->expr);
        f->fail = fail_text(p, f);
    }
    if (!p->pipe && p->norder && !c.err)
        p->prog.lasting = sl_zero(p->a, p->prog.nreg + 1);
    for (uint32_t k = 0; p->prog.lasting && k < p->norder; k++)
        if (p->fields[p->order[k]].block.res >= (int32_t)p->prog.ncol)
            p->prog.lasting[p->fields[p->order[k]].block.res] = true;
    for (uint32_t i = 0; i < p->nfields && !c.err; i++)
        if (p->fields[i].kind == SL_P_COLUMN) /* no code, unless it is looked up in a joined row */
            p->fields[i].block = sl_compile_block(&c, p->fields[i].expr);
    for (uint32_t i = 0; i < p->ncols && !c.err; i++) /* they run last: an alias that they use is a field's to compute */
        sl_plan_call(&c, &p->cols[i]);
    sl_comp_end(&c);
    return c.err;
}
static sl_err *outputs(sl_plan *p) {
    p->outnames = sl_zero(p->a, (p->nfields + 1) * sizeof *p->outnames);
    p->outfield = sl_zero(p->a, (p->nfields + 1) * sizeof *p->outfield);
    if (!p->outnames || !p->outfield)
        return no_memory();
    bool all = false; /* beside * a plain column says nothing: what * hides or does not have stays away */
    for (uint32_t i = 0; i < p->nfields; i++)
        all |= p->fields[i].kind == SL_P_STAR && p->fields[i].expr->kind == SL_X_WILDCARD;
    for (uint32_t i = 0; i < p->nfields; i++) {
        sl_pfield *f = &p->fields[i];
        if (!f->visible || f->kind == SL_P_STAR || f->cols || (all && f->kind == SL_P_COLUMN))
            continue;
        uint32_t k = p->star ? 0 : p->nout; /* only REPLACE items can meet a name again; the later one wins */
        while (k < p->nout && !sl_str_eq(p->outnames[k], f->name))
            k++;
        p->outnames[k] = f->name;
        p->outfield[k] = i;
        p->nout += k == p->nout;
    }
    if (p->opts.send_meta) {
        p->src[0].pub.meta = true;
        p->outnames[p->nout] = SL_S("__meta");
        p->outfield[p->nout++] = UINT32_MAX;
    }
    bool wide = p->nout > SL_PLAN_COLUMNS;
    for (uint32_t i = 0; i < p->nsrc; i++)
        wide |= p->src[i].n > SL_PLAN_COLUMNS;
    if (wide)
        return sl_err_new(SL_E_LIMIT, "a statement may name at most %d columns", SL_PLAN_COLUMNS);
    if (!p->star && !p->pipe && !(p->out = sl_layout_new(p->outnames, p->nout, 0)))
        return no_memory();
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_psource *s = &p->src[i];
        s->pub.all |= p->opts.ignore_case; /* another spelling may stand anywhere in the row */
        if (!(s->pub.layout = sl_layout_new(s->names, s->n, 0)))
            return no_memory();
    }
    return NULL;
}

static sl_err *make(sl_plan *p, const sl_select *sel, sl_lookup_def find, void *arg) {
    sl_select *s = p->bound = copy_select(p->a, sel);
    if (!s || sl_arena_failed(p->a))
        return no_memory();
    p->limit = s->limit;
    SL_TRY(sl_plan_options(p, s));
    SL_TRY(sl_bind(p, s, find, arg));
    for (uint32_t i = 0; i < p->nsrc; i++) { /* what its other places want of a stream comes with the first */
        sl_plan_source *first = &p->src[p->src[i].pub.same_as].pub;
        first->all |= p->src[i].pub.all;
        first->meta |= p->src[i].pub.meta;
    }
    SL_TRY(sl_plan_calls(p, s));
    if (sl_pipe_wanted(p, s))
        SL_TRY(sl_pipe_plan(p, s));
    SL_TRY(compile_all(p, s));
    if (p->pipe && !sl_fast_needs(p, s))
        return no_memory();
    SL_TRY(outputs(p));
    if (!p->opts.plain)
        sl_prune(p, s);
    if (!p->opts.plain && p->pipe)
        sl_prune_kept(p, s);
    if (p->pipe)
        SL_TRY(sl_pipe_output(p));
    p->quick = sl_quick_make(p);
    return sl_arena_failed(p->a) ? no_memory() : NULL;
}
sl_err *sl_plan_make(const sl_select *sel, sl_lookup_def find, void *arg, const sl_plan_opts *o, sl_plan **out) {
    *out = NULL;
    sl_plan *p = calloc(1, sizeof *p);
    if (!p || !(p->a = sl_arena_new(PLAN_CHUNK))) {
        free(p);
        return no_memory();
    }
    atomic_init(&p->refs, 1);
    p->opts = *o;
    p->opts.rule_id = sl_arena_dup(p->a, o->rule_id);
    sl_err *err = make(p, sel, find, arg);
    if (err) {
        sl_plan_drop(p);
        return err;
    }
    for (uint32_t i = 0; i < p->nsrc; i++)
        p->src[i].def = NULL;
    p->bound->text = (sl_str){0};
    p->opts.streams = NULL;
    *out = p;
    return NULL;
}
sl_plan *sl_plan_hold(sl_plan *p) {
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}
void sl_plan_drop(sl_plan *p) {
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < p->nsrc; i++)
        sl_layout_drop(p->src[i].pub.layout);
    sl_layout_drop(p->out);
    if (p->pipe)
        sl_pipe_free(p->pipe);
    sl_arena_free(p->a);
    free(p);
}
uint32_t sl_plan_nsources(const sl_plan *p) { return p->nsrc; }
const sl_plan_source *sl_plan_source_at(const sl_plan *p, uint32_t i) { return i < p->nsrc ? &p->src[i].pub : NULL; }
uint32_t sl_plan_output(const sl_plan *p, const sl_str **names, bool *all) {
    *names = p->outnames;
    *all = p->star;
    return p->nout;
}

/* ---- one expression on one row ---- */
static sl_err *eval1(sl_plan *p, sl_expr *x, sl_value row, sl_value meta, int64_t now_ms, sl_arena *a, sl_value *out) {
    sl_expr *e = sl_x_copy(p->a, x);
    if (sl_arena_failed(p->a))
        return no_memory();
    sl_create loose = {.schemaless = true};
    sl_psource src = {.schemaless = true, .def = &loose};
    src.pub.stream = SL_S("$$default");
    p->src = &src;
    p->nsrc = 1;
    SL_TRY(sl_bind_expr(p, e));
    sl_comp c;
    if (!sl_plan_comp(p, &p->prog, &c))
        return no_memory();
    sl_block b = sl_compile_block(&c, e);
    if (c.err)
        return c.err;
    sl_run r = {.p = &p->prog, .out = a, .tmp = p->a, .nrows = 1, .meta = &meta, .at = now_ms};
    r.call = (sl_call){.now_ms = now_ms, .zone = p->opts.zone};
    r.state = sl_zero(p->a, (p->prog.nsite + 1) * sizeof *r.state);
    sl_run_begin(&r);
    sl_value *cells = sl_zero(p->a, (src.n + 1) * sizeof *cells);
    sl_err *err = r.nomem || !r.state || !cells ? no_memory() : NULL;
    for (uint32_t i = 0; !err && i < src.n; i++) {
        cells[i] = sl_value_get(a, row, src.names[i]);
        r.reg[i] = &cells[i];
    }
    if (!err) {
        sl_run_block(&r, b, (sl_rows){NULL, 1});
        if (r.nomem)
            err = no_memory();
    }
    if (!err) {
        sl_value v = sl_run_at(&r, b.res, 0);
        if (v.kind == SL_ERROR)
            err = sl_err_new(SL_E_EXEC, "%.*s", (int)v.len, v.p);
        *out = sl_v_nil(v) || v.kind == SL_ERROR ? sl_v_null() : sl_value_copy(a, v); /* may point into the program */
    }
    for (uint32_t i = 0; r.state && i < p->prog.nsite; i++)
        if (r.state[i] && p->prog.sites[i]->kept)
            sl_keeps_free(r.state[i]);
        else if (r.state[i] && p->prog.sites[i]->state_free)
            p->prog.sites[i]->state_free(r.state[i]);
    sl_run_end(&r);
    return err;
}
sl_err *sl_expr_eval1(sl_arena *a, sl_expr *e, sl_value row, sl_value meta, int64_t now_ms, sl_zone zone, sl_value *out) {
    sl_plan p = {.a = sl_arena_new(0)};
    if (!p.a)
        return no_memory();
    p.opts.zone = zone;
    *out = sl_v_null();
    sl_err *err = eval1(&p, e, row, meta, now_ms, a, out);
    sl_arena_free(p.a);
    return err;
}
