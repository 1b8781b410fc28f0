/* Planning of statements with memory: which calls are provided, where WHERE takes effect, the three programs, the output's layout.
 * Decisions: WHERE runs before the window only where upstream lets it and results cannot tell (one source, timer and state windows,
 * processing time); with joins it always runs behind them (D19, D20). */
#include <stdlib.h>
#include "base/vec.h"
#include "sql/dedup.h"
#include "sql/hint.h"
#include "sql/parse.h"

static sl_err *no_memory(void) { return sl_err_new(SL_E_NOMEM, "out of memory"); }

/* ---- provided calls ---- */
typedef struct finder {
    sl_plan *p;
    uint32_t n[5], cap[5]; /* analytic, aggregate, row numbers, changed_cols, dedup_trigger */
    sl_pcall *at[5];
    sl_pstar *star;
    uint32_t nstar, capstar;
    bool in_where, failed;
} finder;
static void *more(sl_arena *a, void *old, uint32_t n, uint32_t *cap, size_t size) {
    if (n < *cap)
        return old;
    uint32_t want = *cap ? *cap * 2 : 1; /* most statements have one, and the memory stays with the plan */
    void *p = sl_zero(a, want * size);
    if (p && n)
        memcpy(p, old, n * size);
    if (p)
        *cap = want;
    return p;
}
static bool hit_function(const sl_func *f) { return strncmp(f->name, "last_agg_hit", 12) == 0; }
static void find(finder *f, sl_expr *e);
/* Aliases that an analytic call reads: the calls in them run before it. */
static bool find_aliased(sl_expr *e, void *arg) {
    finder *f = arg;
    bool in_where = f->in_where;
    if (e->kind == SL_X_SLOT) {
        f->in_where = false;
        find(f, f->p->fields[f->p->alias_at[e->b_slot]].expr);
        f->in_where = in_where;
    }
    return true;
}
/* Only the analytic calls, the last one of a tree first, what it is made of before it: upstream's order, which is seen when one of them fails. */
static void find_analytic(finder *f, sl_expr *e) {
    if (!e || f->failed)
        return;
    if (e->over) {
        find_analytic(f, e->over->when);
        for (uint32_t i = e->over->npartition; i-- > 0;)
            find_analytic(f, e->over->partition[i]);
    }
    for (uint32_t i = e->nargs; i-- > 0;)
        find_analytic(f, e->args[i]);
    find_analytic(f, e->r);
    find_analytic(f, e->l);
    if (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_ANALYTIC)
        find(f, e);
}
static void find(finder *f, sl_expr *e) {
    if (!e || f->failed)
        return;
    find(f, e->l);
    find(f, e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        find(f, e->args[i]);
    for (uint32_t i = 0; i < e->nreplace; i++)
        find(f, e->replace[i].expr);
    if (e->over) {
        for (uint32_t i = 0; i < e->over->npartition; i++)
            find(f, e->over->partition[i]);
        find(f, e->over->when);
        for (uint32_t i = 0; i < e->over->norder; i++)
            find(f, e->over->order[i].expr);
    }
    if (e->kind == SL_X_WILDCARD && e->b_slot < 0) {
        sl_pstar *s = more(f->p->a, f->star, f->nstar, &f->capstar, sizeof *s);
        if (!s) {
            f->failed = true;
            return;
        }
        f->star = s;
        s[f->nstar] = (sl_pstar){.expr = e};
        e->b_slot = (int)f->nstar++;
        return;
    }
    if (e->kind != SL_X_CALL || !e->func || e->b_slot >= 0)
        return;
    int k = e->func->kind == SL_FN_ANALYTIC                    ? 0
        : e->func->kind == SL_FN_AGG && !hit_function(e->func) ? 1
        : e->func->kind == SL_FN_WINDOW                        ? 2
        : e->func->kind == SL_FN_TRIGGER                       ? 4
                                                               : -1;
    if (k < 0)
        return;
    if (k == 0)
        sl_expr_walk(e, find_aliased, f);
    sl_pcall *c = more(f->p->a, f->at[k], f->n[k], &f->cap[k], sizeof *c);
    if (!c) {
        f->failed = true;
        return;
    }
    f->at[k] = c;
    c[f->n[k]] = (sl_pcall){.func = e->func, .expr = e, .in_where = f->in_where};
    e->b_slot = (int)f->n[k]++;
}
sl_err *sl_plan_calls(sl_plan *p, const sl_select *s) {
    finder f = {.p = p};
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind != SL_P_STAR)
            find_analytic(&f, p->fields[i].expr);
    for (uint32_t i = s->norder; i-- > 0;)
        find_analytic(&f, s->order[i].expr);
    find_analytic(&f, s->having);
    for (uint32_t i = s->ndims; i-- > 0;)
        find_analytic(&f, s->dims[i]);
    if (s->window) {
        find_analytic(&f, s->window->emit);
        find_analytic(&f, s->window->begin);
        find_analytic(&f, s->window->when);
        find_analytic(&f, s->window->filter);
    }
    find_analytic(&f, s->where);
    for (uint32_t i = s->njoins; i-- > 0;)
        find_analytic(&f, s->joins[i].on);
    f.in_where = true;
    find(&f, s->where);
    f.in_where = false;
    for (uint32_t i = 0; i < s->njoins; i++)
        find(&f, s->joins[i].on);
    for (uint32_t i = 0; i < s->ndims; i++)
        find(&f, s->dims[i]);
    if (s->window) {
        find(&f, s->window->begin);
        find(&f, s->window->emit);
        find(&f, s->window->filter);
        find(&f, s->window->when);
        for (uint32_t i = 0; i < s->window->npartition; i++)
            find(&f, s->window->partition[i]);
    }
    find(&f, s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        find(&f, s->order[i].expr);
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind != SL_P_STAR)
            find(&f, p->fields[i].expr);
    for (uint32_t i = 0; i < p->nfields && !f.failed; i++) {
        sl_expr *e = p->fields[i].expr;
        if (p->fields[i].kind == SL_P_STAR || e->kind != SL_X_CALL || !e->func || e->func->kind != SL_FN_COLS)
            continue;
        sl_pcall *c = more(p->a, f.at[3], f.n[3], &f.cap[3], sizeof *c);
        sl_str *names = sl_zero(p->a, (e->nargs + 1) * sizeof *names);
        if (!c || !names) {
            f.failed = true;
            break;
        }
        for (uint32_t k = 2; k < e->nargs; k++) /* name of a column or a call; others have none */
            names[k - 2] = e->args[k]->kind == SL_X_CALL ? sl_str_of(e->args[k]->func ? e->args[k]->func->name : "")
                : e->args[k]->kind == SL_X_COLUMN        ? e->args[k]->name
                : e->args[k]->kind == SL_X_SLOT          ? p->fields[p->alias_at[e->args[k]->b_slot]].name
                                                         : (sl_str){"", 0};
        f.at[3] = c;
        c[f.n[3]++] = (sl_pcall){.func = e->func, .expr = e, .names = names, .hidden = !p->fields[i].visible};
        if (p->fields[i].kind == SL_P_ALIAS)
            c[f.n[3] - 1].alias = p->fields[i].name;
        p->fields[i].cols = true;
    }
    for (uint32_t i = 0; i < f.n[4] && !f.failed; i++) {
        sl_pcall *c = &f.at[4][i];
        f.failed = !(c->names = sl_zero(p->a, 3 * sizeof *c->names));
        for (uint32_t k = 0; k < 3 && !f.failed; k++) {
            const sl_expr *e = c->expr->args[k]->kind == SL_X_CALL ? c->expr->args[k]->args[0] : c->expr->args[k]; /* a column, else an alias */
            c->names[k] = e->kind == SL_X_SLOT ? p->fields[p->alias_at[e->b_slot]].name : e->name;
        }
    }
    p->trig = f.at[4];
    p->ntrig = f.n[4];
    p->cols = f.at[3];
    p->ncols = f.n[3];
    p->ana = f.at[0];
    p->nana = f.n[0];
    p->agg = f.at[1];
    p->nagg = f.n[1];
    p->wf = f.at[2];
    p->nwf = f.n[2];
    p->stars = f.star;
    p->nstars = f.nstar;
    sl_regs *r = &p->regs;
    if (f.failed || !(r->base = sl_zero(p->a, (p->nsrc + 1) * sizeof *r->base)))
        return no_memory();
    for (uint32_t i = 0; i < p->nsrc; i++) {
        r->base[i] = r->ncol;
        r->ncol += p->src[i].n;
    }
    r->ana = r->ncol;
    r->star = r->ana + p->nana;
    r->agg = r->star + p->nstars;
    r->wf = r->agg + p->nagg;
    r->trig = r->wf + p->nwf;
    r->total = r->trig + p->ntrig;
    return NULL;
}

/* ---- is there memory ---- */
static bool has_kind(sl_expr *e, void *arg) {
    const uint32_t *kinds = arg;
    return !(e->kind == SL_X_CALL && e->func && (*kinds >> e->func->kind & 1));
}
bool sl_pipe_wanted(const sl_plan *p, const sl_select *s) {
    if (s->window || s->njoins || s->having || s->ndims || p->nagg || p->nwf || p->ncols || p->ntrig || p->nstars || p->opts.event_time)
        return true;
    uint32_t kinds = 1u << SL_FN_SRF;
    for (uint32_t i = 0; i < p->nfields; i++)
        if (p->fields[i].kind != SL_P_STAR && !sl_expr_walk(p->fields[i].expr, has_kind, &kinds))
            return true;
    return false;
}

/* ---- the window ---- */
static sl_err *window_spec(sl_plan *p, const sl_window *w) {
    static const int64_t unit_ms[] = {86400000, 3600000, 60000, 1000, 1};
    static const char *const names[] = {"", "TUMBLING_WINDOW", "HOPPING_WINDOW", "SLIDING_WINDOW", "SESSION_WINDOW", "COUNT_WINDOW", "STATE_WINDOW"};
    sl_pipe *k = p->pipe;
    sl_wspec *o = &k->window;
    *o = (sl_wspec){.kind = w->kind,
                    .unit = w->unit,
                    .length = w->length,
                    .interval = w->interval,
                    .delay = w->delay,
                    .event_time = p->opts.event_time,
                    .v2 = p->opts.window_v2,
                    .twice = p->opts.sliding_twice,
                    .zone = p->opts.event_time ? p->opts.zone : SL_ZONE_LOCAL,
                    .ncells = k->ncells};
    k->windowed = true;
    o->two = w->emit != NULL;
    if (o->v2 && w->kind != SL_W_SLIDING && w->kind != SL_W_STATE)
        return sl_hint_pos(sl_err_new(SL_E_PLAN, "unsupported window type:%s", names[w->kind]), p, w->pos, "windowOption v2 knows sliding and state windows");
    if (w->kind == SL_W_COUNT || w->kind == SL_W_STATE)
        return NULL;
    enum { YEARS = 100 };
    int64_t u = unit_ms[w->unit], most = (int64_t)YEARS * 365 * 86400000 / u;
    if (w->length <= 0 || (w->kind != SL_W_SLIDING && w->kind != SL_W_TUMBLING && w->interval <= 0) || w->delay < 0)
        return sl_hint_pos(sl_err_new(SL_E_PLAN, "the length of a window must be greater than zero"), p, w->pos, "so must its hop or timeout");
    if (w->length > most || w->interval > most || w->delay > most)
        return sl_hint_pos(sl_err_new(SL_E_LIMIT, "the length of a window may be at most %d years", YEARS), p, w->pos, NULL);
    o->length_ms = w->length * u;
    o->interval_ms = w->interval * u;
    o->delay_ms = w->delay * u;
    return NULL;
}

/* Which sources an expression reads, as bits; all when that cannot be told. */
static uint64_t sources_of(const sl_plan *p, const sl_expr *e) {
    if (!e)
        return 0;
    if (e->kind == SL_X_SLOT)
        return sources_of(p, p->fields[p->alias_at[e->b_slot]].expr);
    if (e->kind == SL_X_COLUMN || e->kind == SL_X_META)
        return e->b_src < 0 || e->b_src > 62 ? UINT64_MAX : UINT64_C(1) << e->b_src;
    if (e->kind == SL_X_WILDCARD || (e->kind == SL_X_CALL && e->func && e->func->kind != SL_FN_SCALAR))
        return UINT64_MAX;
    uint64_t m = sources_of(p, e->l) | (e->kind == SL_X_MEMBER ? 0 : sources_of(p, e->r));
    for (uint32_t i = 0; i < e->nargs; i++)
        m |= sources_of(p, e->args[i]);
    return m;
}
typedef struct parts {
    const sl_expr *at[64];
    uint32_t n;
    bool all; /* every part is here */
} parts;
static void split(parts *q, const sl_expr *e) {
    while (e->kind == SL_X_PAREN)
        e = e->l;
    if (e->kind == SL_X_BINARY && e->op == SL_OP_AND) {
        split(q, e->l);
        split(q, e->r);
    } else if (q->n < 64)
        q->at[q->n++] = e;
    else
        q->all = false;
}
static const sl_expr *bare(const sl_expr *e) {
    while (e->kind == SL_X_PAREN)
        e = e->l;
    return e;
}
/* ---- joins ---- */
static sl_err *plan_joins(sl_plan *p, const sl_select *s) {
    sl_pipe *k = p->pipe;
    k->prec = sl_zero(p->a, p->nsrc * sizeof *k->prec);
    k->joins = sl_zero(p->a, (s->njoins + 1) * sizeof *k->joins);
    if (!k->prec || !k->joins)
        return no_memory();
    uint32_t n = 1; /* source 0 first; a right join puts its source in front */
    for (uint32_t i = 0; i < s->njoins; i++) {
        uint32_t at = s->joins[i].type == SL_JOIN_RIGHT && !p->src[i + 1].lookup ? 0 : n; /* what is looked up stands behind */
        memmove(k->prec + at + 1, k->prec + at, (n - at) * sizeof *k->prec);
        k->prec[at] = i + 1;
        n++;
        k->joins[i] = (sl_pjoin){.type = s->joins[i].type, .src = i + 1, .has_on = s->joins[i].on != NULL, .lookup = p->src[i + 1].lookup, .table = p->src[i + 1].pub.is_table};
    }
    k->njoins = s->njoins;
    return NULL;
}
/* Equalities that find rows: of a lookup the keys it is asked with, of other joins those at the beginning of ON. */
static sl_err *equalities(sl_plan *p, sl_comp *c, sl_pjoin *j, const sl_expr *on) {
    parts q = {.all = true};
    split(&q, on);
    j->left = sl_zero(p->a, (q.n + 1) * sizeof *j->left);
    j->right = sl_zero(p->a, (q.n + 1) * sizeof *j->right);
    j->key = sl_zero(p->a, (q.n + 1) * sizeof *j->key);
    if (!j->left || !j->right || !j->key)
        return no_memory();
    const sl_expr *rest = NULL;
    bool leading = true, plain = !j->lookup;
    sl_pkey cols[64];
    for (uint32_t i = 0; i < q.n && !c->err; i++) {
        const sl_expr *e = q.at[i], *mine = NULL, *other = NULL;
        if (e->kind == SL_X_BINARY && e->op == SL_OP_EQ && j->src < 63) {
            uint64_t me = UINT64_C(1) << j->src, l = sources_of(p, e->l), r = sources_of(p, e->r), before = me - 1;
            if (j->lookup)
                before = ~me;
            if (l == me && !(r & ~before))
                mine = e->l, other = e->r;
            else if (r == me && !(l & ~before))
                mine = e->r, other = e->l;
            bool used = false;
            for (uint32_t k = 0; mine && j->lookup && k < j->neq; k++)
                used |= sl_str_eq(j->key[k], bare(mine)->name);
            if (mine && j->lookup && (bare(mine)->kind != SL_X_COLUMN || used))
                mine = NULL;
        }
        if (mine && (leading || j->lookup)) {
            j->left[j->neq] = sl_compile_block(c, other);
            if (j->lookup)
                j->key[j->neq] = bare(mine)->name;
            else
                j->right[j->neq] = sl_compile_block(c, mine);
            mine = bare(mine);
            other = bare(other);
            plain &= mine->kind == SL_X_COLUMN && other->kind == SL_X_COLUMN && mine->b_col >= 0 && other->b_col >= 0 && mine->b_src == (int)j->src && other->b_src >= 0;
            cols[j->neq] = (sl_pkey){plain ? (uint32_t)other->b_src : 0, (uint32_t)other->b_col, (uint32_t)mine->b_col};
            j->neq++;
            continue;
        }
        leading = false;
        if (!rest)
            rest = e;
        else {
            sl_expr *and = sl_zero(p->a, sizeof *and);
            if (!and)
                return no_memory();
            *and = (sl_expr){.kind = SL_X_BINARY, .op = SL_OP_AND, .l = (sl_expr *)rest, .r = (sl_expr *)e, .b_col = -1, .b_slot = -1};
            rest = and;
        }
    }
    if (!q.all)
        return sl_err_new(SL_E_LIMIT, "a join condition may have at most 64 parts");
    if (plain && !rest && j->neq && j->neq <= 8) {
        if (!(j->cols = sl_zero(p->a, j->neq * sizeof *j->cols)))
            return no_memory();
        memcpy(j->cols, cols, j->neq * sizeof *cols);
    }
    if (j->lookup && rest) {
        j->rest = sl_compile_block(c, rest);
        j->has_rest = true;
    }
    return c->err;
}
static sl_err *compile_joins(sl_plan *p, const sl_select *s) {
    sl_pipe *k = p->pipe;
    sl_comp c;
    if (!k->njoins)
        return NULL;
    if (!sl_plan_comp(p, &k->join, &c))
        return no_memory();
    for (uint32_t i = 0; i < k->njoins && !c.err; i++) {
        if (!k->joins[i].has_on)
            continue;
        SL_TRY(equalities(p, &c, &k->joins[i], s->joins[i].on));
        if (!k->joins[i].lookup)
            k->joins[i].on = sl_compile_block(&c, s->joins[i].on);
    }
    return c.err;
}

/* ---- programs ---- */
/* The only source that e reads, -1 when it is none or several. */
static int32_t only_source(const sl_plan *p, const sl_expr *e) {
    uint64_t m = sources_of(p, e);
    for (int32_t i = 0; i < 63; i++)
        if (m == UINT64_C(1) << i)
            return i;
    return -1;
}
static void add_early(sl_plan *p, sl_comp *c, const sl_expr *e, int32_t src) {
    sl_pipe *k = p->pipe;
    sl_block *b;
    c->depth += src >= 0; /* rows of other sources pass it by: an alias in it is not computed for them */
    uint32_t n = sl_plan_conditions(p, c, e, &b);
    c->depth -= src >= 0;
    sl_early *more = sl_zero(p->a, (k->nearly + n + 1) * sizeof *more);
    if (!more || c->err) {
        c->err = c->err ? c->err : no_memory();
        return;
    }
    if (k->nearly)
        memcpy(more, k->early, k->nearly * sizeof *more);
    for (uint32_t i = 0; i < n; i++)
        more[k->nearly++] = (sl_early){b[i], src, e};
    k->early = more;
}
/* Of an inner join, parts of ON and WHERE that read one stream are asked before the window, where that lets them through: it tells in where an
 * error is reported, not in results. */
static void push_parts(sl_plan *p, sl_comp *c, const sl_expr *e) {
    parts q = {.all = true};
    split(&q, e);
    for (uint32_t i = 0; q.all && i < q.n; i++) {
        int32_t src = only_source(p, q.at[i]);
        if (src >= 0 && !p->src[src].pub.is_table)
            add_early(p, c, q.at[i], src);
    }
}
static sl_err *compile_in(sl_plan *p, const sl_select *s, bool early, bool timer) {
    sl_pipe *k = p->pipe;
    sl_comp c;
    if (!sl_plan_comp(p, &k->in, &c))
        return no_memory();
    for (uint32_t i = 0; i < p->nana; i++)
        sl_plan_call(&c, &p->ana[i]);
    if (s->where && early) {
        add_early(p, &c, s->where, -1);
        k->where_early = true;
    } else if (timer && s->njoins == 1 && s->joins[0].type == SL_JOIN_INNER && !p->src[1].pub.is_table) {
        if (s->joins[0].on)
            push_parts(p, &c, s->joins[0].on);
        if (s->where)
            push_parts(p, &c, s->where);
    }
    for (uint32_t i = 0; i < p->ntrig; i++)
        sl_plan_call(&c, &p->trig[i]);
    const sl_window *w = s->window;
    if (w && w->filter && s->njoins) { /* rows of a stream are asked what concerns it */
        parts q = {.all = true};
        split(&q, w->filter);
        for (uint32_t i = 0; q.all && i < q.n; i++)
            add_early(p, &c, q.at[i], only_source(p, q.at[i]));
        if (!q.all)
            add_early(p, &c, w->filter, -1);
    } else if (w && w->filter)
        add_early(p, &c, w->filter, -1);
    if (w && w->when && w->kind == SL_W_SLIDING) {
        k->when = sl_compile_block(&c, w->when);
        k->has_when = true;
    }
    if (w && w->kind == SL_W_STATE) {
        k->begin = sl_compile_block(&c, w->begin);
        if (w->emit)
            k->emit = sl_compile_block(&c, w->emit);
        k->part = sl_zero(p->a, (w->npartition + 1) * sizeof *k->part);
        for (uint32_t i = 0; k->part && i < w->npartition; i++)
            k->part[i] = sl_compile_block(&c, w->partition[i]);
        k->npart = w->npartition;
    }
    return c.err;
}
static bool deep_aggregate(const sl_plan *p, const sl_expr *e) {
    if (!e)
        return false;
    if (e->kind == SL_X_SLOT)
        return deep_aggregate(p, p->fields[p->alias_at[e->b_slot]].expr);
    bool yes = (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_AGG) || deep_aggregate(p, e->l) || deep_aggregate(p, e->r);
    for (uint32_t i = 0; i < e->nargs && !yes; i++)
        yes = deep_aggregate(p, e->args[i]);
    return yes;
}
/* In the order in which the blocks run: an alias is computed by the first that names it. */
static void compile_groups(sl_plan *p, sl_comp *c, const sl_select *s) {
    sl_pipe *k = p->pipe;
    for (uint32_t i = 0; i < p->nstars; i++) {
        const sl_expr *e = p->stars[i].expr;
        p->stars[i].replace = sl_zero(p->a, (e->nreplace + 1) * sizeof *p->stars[i].replace);
        for (uint32_t r = 0; p->stars[i].replace && r < e->nreplace; r++)
            p->stars[i].replace[r] = sl_compile_block(c, e->replace[r].expr);
    }
    for (uint32_t i = 0; i < p->nagg; i++)
        if (p->agg[i].in_where)
            sl_plan_call(c, &p->agg[i]);
    if (s->where && !k->where_early)
        k->nwhere = sl_plan_conditions(p, c, s->where, &k->where);
    k->dims = sl_zero(p->a, (s->ndims + 1) * sizeof *k->dims);
    for (uint32_t i = 0; k->dims && i < s->ndims; i++)
        k->dims[i] = sl_compile_block(c, s->dims[i]);
    k->ndims = s->ndims;
    bool sorted = k->aggregated && !s->ndims && !k->incremental && (s->window || s->njoins);
    k->sort = sorted ? sl_zero(p->a, (s->norder + 1) * sizeof *k->sort) : NULL;
    k->sort_desc = sorted ? sl_zero(p->a, s->norder + 1) : NULL;
    for (uint32_t i = 0; k->sort && k->sort_desc && i < s->norder; i++) {
        if (deep_aggregate(p, s->order[i].expr)) /* the same for all rows */
            continue;
        k->sort[k->nsort] = sl_compile_block(c, s->order[i].expr);
        k->sort_desc[k->nsort++] = s->order[i].desc;
    }
    for (uint32_t i = 0; i < p->nagg; i++)
        if (!p->agg[i].in_where)
            sl_plan_call(c, &p->agg[i]);
}
void sl_pipe_front(sl_plan *p, sl_comp *c, const sl_select *s) {
    sl_pipe *k = p->pipe;
    if (!k->aggregated)
        compile_groups(p, c, s);
    if (s->having) {
        k->having = sl_compile_block(c, s->having);
        k->has_having = true;
    }
    for (uint32_t i = 0; i < p->nwf; i++)
        sl_plan_call(c, &p->wf[i]);
    k->order = sl_zero(p->a, (s->norder + 1) * sizeof *k->order);
    k->desc = sl_zero(p->a, s->norder + 1);
    if (!s->window && !s->njoins) /* a single row is not sorted; what only its sorting would compute, the select list must compute itself */
        return;
    for (uint32_t i = 0; k->order && k->desc && i < s->norder; i++) {
        k->order[i] = sl_compile_block(c, s->order[i].expr);
        k->desc[i] = s->order[i].desc;
    }
    k->norder = s->norder;
}
static bool holds_aggregate(const sl_plan *p, sl_expr *e) {
    (void)p;
    uint32_t kinds = 1u << SL_FN_AGG;
    return !sl_expr_walk(e, has_kind, &kinds);
}
static sl_err *plan_srf(sl_plan *p) {
    sl_pipe *k = p->pipe;
    for (uint32_t i = 0; i < p->nfields; i++) {
        const sl_expr *e = p->fields[i].expr;
        if (p->fields[i].kind == SL_P_STAR || e->kind != SL_X_CALL || !e->func || e->func->kind != SL_FN_SRF)
            continue;
        k->srf = true;
        k->srf_field = i;
    }
    return NULL;
}
static sl_err *plan_event_time(sl_plan *p) {
    sl_pipe *k = p->pipe;
    if (!p->opts.event_time)
        return NULL;
    k->ts_col = sl_zero(p->a, p->nsrc * sizeof *k->ts_col);
    k->ts_format = sl_zero(p->a, p->nsrc * sizeof *k->ts_format);
    if (!k->ts_col || !k->ts_format)
        return no_memory();
    for (uint32_t i = 0; i < p->nsrc; i++) {
        const sl_psource *s = &p->src[i];
        k->ts_col[i] = -1;
        if (s->lookup)
            continue;
        k->ts_format[i] = sl_arena_dup(p->a, s->def->opts.timestamp_format);
        for (uint32_t c = 0; c < s->n; c++)
            if (sl_str_eq(s->names[c], s->def->opts.timestamp))
                k->ts_col[i] = (int32_t)c;
    }
    return NULL;
}
/* Would upstream run this in incremental mode? (language reference 14) */
static bool incremental(const sl_plan *p, const sl_select *s) {
    static const char *const names[] = {"count", "avg", "max", "min", "sum", "merge_agg", "collect", "last_value"};
    const sl_window *w = s->window;
    if (!w || s->njoins || !p->nagg || w->kind == SL_W_SESSION || w->kind == SL_W_STATE || (w->kind == SL_W_COUNT && w->interval))
        return false;
    for (uint32_t i = 0; i < p->nagg; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            known |= strcmp(p->agg[i].func->name, names[k]) == 0;
        if (!known || p->agg[i].in_where)
            return false;
    }
    return true;
}
sl_err *sl_pipe_plan(sl_plan *p, const sl_select *s) {
    sl_pipe *k = p->pipe = sl_zero(p->a, sizeof *k);
    if (!k || !(k->ncells = sl_zero(p->a, p->nsrc * sizeof *k->ncells)))
        return no_memory();
    for (uint32_t i = 0; i < p->nsrc; i++)
        k->ncells[i] = p->src[i].n + p->nana + SL_DEDUP_CELLS * p->ntrig;
    if (s->window)
        SL_TRY(window_spec(p, s->window));
    k->aggregated = s->ndims > 0;
    for (uint32_t i = 0; i < p->nfields && !k->aggregated; i++)
        k->aggregated = p->fields[i].kind != SL_P_STAR && holds_aggregate(p, p->fields[i].expr);
    if (s->window && s->window->kind == SL_W_SLIDING && p->opts.sliding_twice && !s->window->delay)
        k->window.twice = false;
    SL_TRY(plan_joins(p, s));
    k->looks = k->njoins > 0;
    for (uint32_t i = 0; i < k->njoins; i++)
        k->looks &= k->joins[i].lookup;
    SL_TRY(plan_event_time(p));
    bool timer = !s->window || (s->window->kind != SL_W_COUNT && s->window->kind != SL_W_SLIDING);
    bool early = !s->njoins && timer && !(s->window && p->opts.event_time);
    SL_TRY(compile_in(p, s, early, s->window && timer && !p->opts.event_time));
    k->incremental = p->opts.incremental && incremental(p, s);
    k->window.v2 |= k->incremental && s->window->kind == SL_W_SLIDING && !p->opts.event_time; /* upstream: without the row at the left bound */
    SL_TRY(compile_joins(p, s));
    if (k->aggregated) {
        sl_comp c;
        if (!sl_plan_comp(p, &k->rows, &c))
            return no_memory();
        compile_groups(p, &c, s);
        if (c.err)
            return c.err;
    }
    if (!sl_fast_plan(p, s))
        return no_memory();
    return plan_srf(p);
}

/* ---- output ---- */
static uint32_t add_name(sl_map *seen, sl_str *names, uint32_t *n, sl_str s, bool *full) { /* tens of thousands may come */
    uintptr_t at = (uintptr_t)sl_map_get(seen, s);
    if (at)
        return (uint32_t)at - 1;
    names[*n] = s;
    *full |= !sl_map_set(seen, s, (void *)(uintptr_t)(*n + 1), NULL);
    return (*n)++;
}
/* Does nothing of one collection, and no memory, decide about another? */
static bool independent(const sl_plan *p) {
    const sl_pipe *k = p->pipe;
    bool kept = p->prog.counters;
    for (uint32_t i = 0; i < p->prog.nsite; i++)
        kept |= p->prog.sites[i]->kept != NULL;
    return !p->opts.plain && !kept && !k->aggregated && !k->has_having && !k->norder && !k->srf && !p->nagg && !p->nwf && !p->ncols && p->limit < 0;
}
sl_err *sl_pipe_output(sl_plan *p) {
    sl_pipe *k = p->pipe;
    k->many = independent(p);
    uint32_t room = p->nout + 1, n = 0;
    for (uint32_t i = 0; i < p->nsrc; i++)
        room += p->src[i].star ? p->src[i].n : 0;
    sl_str *names = sl_zero(p->a, room * sizeof *names);
    k->field_at = sl_zero(p->a, (p->nfields + 1) * sizeof *k->field_at);
    k->star_at = sl_zero(p->a, p->nsrc * sizeof *k->star_at);
    sl_map *seen = names && k->field_at && k->star_at ? sl_map_new() : NULL;
    if (!seen)
        return no_memory();
    bool full = false;
    for (uint32_t i = 0; i < p->nsrc; i++) {
        if (!p->src[i].star)
            continue;
        full |= !(k->star_at[i] = sl_zero(p->a, (p->src[i].n + 1) * sizeof **k->star_at));
        for (uint32_t c = 0; !full && c < p->src[i].n; c++)
            k->star_at[i][c] = add_name(seen, names, &n, p->src[i].names[c], &full);
    }
    for (uint32_t i = 0; i < p->nfields; i++)
        k->field_at[i] = UINT32_MAX;
    for (uint32_t j = 0; j < p->nout; j++)
        if (p->outfield[j] != UINT32_MAX)
            k->field_at[p->outfield[j]] = add_name(seen, names, &n, p->outnames[j], &full);
    sl_map_free(seen);
    k->layout = full ? NULL : sl_layout_new(names, n, 0);
    return k->layout ? NULL : no_memory();
}
void sl_pipe_free(sl_pipe *k) { sl_layout_drop(k->layout); }
