/* From a collection of rows to groups: aggregates of WHERE, WHERE, GROUP BY, aggregates. What follows is in select.c.
 * Decisions: a group is represented by its first row; the key is the printed items, as upstream (1, 1.0 and "1" fall together). Groups come
 * out in order of first appearance. Aggregates run over lists here: this is the plain form against which the running forms are tested. An error
 * anywhere discards the collection. */
#include <stdlib.h>
#include <string.h>
#include "sql/coll.h"
#include "sql/dedup.h"

void *sl_coll_space(sl_coll *c, size_t n) {
    void *p = sl_arena_alloc(c->tmp->arena, n ? n : 1);
    if (!p || sl_arena_failed(c->tmp->arena)) {
        c->r->nomem = c->failed = true;
        return NULL;
    }
    return p;
}
void sl_coll_fail(sl_coll *c, const char *head, sl_value err) {
    if (!c->failed && !c->quiet)
        sl_pipe_error(c->r, head, sl_v_text(err));
    c->failed = true;
}
void sl_coll_check(sl_coll *c, const sl_run *r) {
    if (r->nomem)
        c->r->nomem = c->failed = true;
}

sl_batch *sl_pipe_scratch(sl_pipes *r) {
    sl_batch *b = sl_batch_fresh();
    if (b && r->room) {
        size_t held = r->counted ? 0 : sl_pipes_bytes(r);
        if (!r->counted)
            r->purse = (sl_purse){.left = r->room > held ? r->room - held : 0};
        r->counted = true;
        sl_arena_purse(b->arena, &r->purse);
        sl_arena_purse(sl_builder_arena(r->w), &r->purse); /* and for what comes of it */
    }
    return b;
}

/* ---- registers ---- */
static void begin(sl_pipes *r, sl_run *run, const sl_prog *prog, void **state, sl_arena *out, sl_arena *tmp, uint32_t n) {
    *run = (sl_run){.p = prog, .out = out, .tmp = tmp, .nrows = n, .at = r->now_ms};
    run->call = (sl_call){.now_ms = r->now_ms, .zone = r->p->opts.zone, .rule_id = r->p->opts.rule_id, .rule_start_ms = r->start_ms};
    run->state = state;
    sl_run_begin(run);
}
bool sl_pipe_begin_like(sl_pipes *r, sl_run *run, const sl_prog *prog, void **state, const sl_run *of) {
    begin(r, run, prog, state, of->out, of->tmp, of->nrows);
    for (uint32_t i = 0; i < r->p->regs.total && !run->nomem; i++)
        run->reg[i] = of->reg[i];
    r->nomem |= run->nomem;
    return !run->nomem;
}
bool sl_pipe_begin(sl_pipes *r, sl_run *run, const sl_prog *prog, void **state, sl_arena *out, sl_arena *tmp, uint32_t n) {
    begin(r, run, prog, state, out, tmp, n);
    static sl_value nothing[4096]; /* all ABSENT, never written: columns are replaced */
    sl_value *none = run->nomem ? NULL : n <= sizeof nothing / sizeof *nothing ? nothing : sl_arena_zero(tmp, n * sizeof *none);
    if (!none || sl_arena_failed(tmp)) {
        r->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < prog->ncol; i++)
        run->reg[i] = none;
    return true;
}
sl_value *sl_coll_column(sl_pipes *r, sl_run *run, uint32_t n) {
    sl_value *to = sl_arena_alloc(run->tmp, (n ? n : 1) * sizeof *to);
    if (!to || sl_arena_failed(run->tmp)) {
        r->nomem = run->nomem = true;
        return NULL;
    }
    return to;
}
static sl_value cell_of(sl_krow *const *t, uint32_t width, uint32_t src, uint32_t cell) {
    const sl_krow *k = width == 1 ? (t[0] && t[0]->src == src ? t[0] : NULL) : t[src];
    return k ? k->cells[cell] : sl_v_absent();
}
/* The object that * stands for in a function: of equal names the first source of the joined row wins. */
sl_value sl_pipe_object(sl_pipes *r, sl_run *run, const sl_pstar *s, sl_krow *const *t, uint32_t width, uint32_t row) {
    const sl_plan *p = r->p;
    const sl_expr *e = s->expr;
    uint32_t room = e->nreplace, n = 0;
    for (uint32_t k = 0; k < p->nsrc; k++) {
        const sl_krow *x = width == 1 ? (t[0]->src == k ? t[0] : NULL) : t[k];
        room += x ? p->src[k].n + x->ntail : 0;
    }
    sl_member *m = sl_arena_alloc(run->out, (room ? room : 1) * sizeof *m);
    if (!m || sl_arena_failed(run->out)) {
        r->nomem = run->nomem = true;
        return sl_v_absent();
    }
    for (uint32_t i = 0; i < p->nsrc; i++) {
        uint32_t src = r->k->prec[i];
        const sl_krow *x = width == 1 ? (t[0]->src == src ? t[0] : NULL) : t[src];
        for (uint32_t c = 0; x && c < p->src[src].n + x->ntail; c++) {
            bool known = c < p->src[src].n;
            sl_str name = known ? p->src[src].names[c] : x->tail[c - p->src[src].n].key;
            sl_value v = known ? x->cells[c] : x->tail[c - p->src[src].n].val;
            bool out = v.kind == SL_ABSENT;
            for (uint32_t j = 0; j < e->nexcept && !out; j++)
                out = sl_str_eq(e->except[j], name);
            for (uint32_t j = 0; i > 0 && j < n && !out; j++)
                out = sl_str_eq(m[j].key, name);
            if (!out)
                m[n++] = (sl_member){name, v};
        }
    }
    for (uint32_t i = 0; s->replace && i < e->nreplace; i++) {
        sl_str name = e->replace[i].alias.n ? e->replace[i].alias : e->replace[i].name;
        sl_run_block(run, s->replace[i], (sl_rows){&row, 1});
        uint32_t at = 0;
        while (at < n && !sl_str_eq(m[at].key, name))
            at++;
        m[at] = (sl_member){name, sl_run_at(run, s->replace[i].res, row)};
        n += at == n;
    }
    return sl_v_map(m, n);
}
/* Row by row, because a kept row lies in one piece and somewhere else than the next. */
static void load_source(sl_pipes *r, sl_run *run, sl_krow *const *tuples, uint32_t n, uint32_t width, uint32_t src) {
    enum { AHEAD = 8 };
    uint32_t nc = r->p->src[src].n;
    sl_value **to = sl_arena_alloc(run->tmp, (nc + 1) * sizeof *to);
    for (uint32_t c = 0; to && c < nc; c++)
        run->reg[r->p->regs.base[src] + c] = to[c] = sl_coll_column(r, run, n);
    r->nomem |= !to;
    for (uint32_t i = 0; nc && i < n && !r->nomem; i++) {
        const sl_krow *k = tuples[(size_t)i * width + (width == 1 ? 0 : src)];
        if (i + AHEAD < n)
            __builtin_prefetch(tuples[(size_t)(i + AHEAD) * width + (width == 1 ? 0 : src)]);
        if (k && width == 1 && k->src != src)
            k = NULL;
        for (uint32_t c = 0; c < nc; c++)
            to[c][i] = k ? k->cells[c] : sl_v_absent();
    }
}
void sl_pipe_load(sl_pipes *r, sl_run *run, sl_krow *const *tuples, uint32_t n, uint32_t width) {
    const sl_plan *p = r->p;
    const sl_value **metas = sl_arena_alloc(run->tmp, p->nsrc * sizeof *metas);
    int64_t *times = width == 1 ? sl_arena_alloc(run->tmp, (n ? n : 1) * sizeof *times) : NULL;
    if (!metas || sl_arena_failed(run->tmp)) {
        r->nomem = run->nomem = true;
        return;
    }
    for (uint32_t s = 0; s < p->nsrc; s++) {
        metas[s] = NULL;
        load_source(r, run, tuples, n, width, s);
        sl_value *m = p->src[s].pub.meta ? sl_coll_column(r, run, n) : NULL;
        for (uint32_t i = 0; m && i < n; i++) {
            sl_krow *const *t = tuples + (size_t)i * width;
            const sl_krow *x = width == 1 ? (t[0]->src == s ? t[0] : NULL) : t[s];
            m[i] = x ? x->meta : sl_v_absent();
        }
        metas[s] = m;
    }
    for (uint32_t a = 0; a < p->nana && !r->nomem; a++) {
        sl_value *to = sl_coll_column(r, run, n);
        for (uint32_t i = 0; to && i < n; i++) {
            to[i] = sl_v_absent();
            for (uint32_t s = 0; s < p->nsrc && to[i].kind == SL_ABSENT; s++)
                to[i] = cell_of(tuples + (size_t)i * width, width, r->k->prec[s], p->src[r->k->prec[s]].n + a);
        }
        run->reg[p->regs.ana + a] = to;
    }
    for (uint32_t d = 0; d < p->ntrig && !r->nomem; d++) {
        sl_value *to = sl_coll_column(r, run, n);
        for (uint32_t i = 0; to && i < n; i++)
            to[i] = cell_of(tuples + (size_t)i * width, width, 0, p->src[0].n + p->nana + d * SL_DEDUP_CELLS);
        run->reg[p->regs.trig + d] = to;
    }
    for (uint32_t i = 0; times && i < n; i++)
        times[i] = tuples[i]->time;
    run->time = times;
    run->metas = metas;
    run->nmetas = p->nsrc;
}
static void load_objects(sl_coll *c, sl_run *run) {
    for (uint32_t s = 0; s < c->p->nstars && !c->failed; s++) {
        sl_value *to = sl_coll_column(c->r, run, c->n);
        bool count_only = !c->p->src[0].pub.all;
        if (to)
            run->reg[c->p->regs.star + s] = to;
        for (uint32_t i = 0; to && i < c->n && !c->r->nomem; i++)
            to[i] = count_only ? sl_v_bool(true) : sl_pipe_object(c->r, run, &c->p->stars[s], c->tuples + (size_t)i * c->width, c->width, i);
        c->failed |= c->r->nomem;
    }
}

/* As upstream's incremental windows: kept up row by row, the value after the last row counts. */
static sl_value incremental(sl_coll *c, sl_run *run, const sl_pcall *a, const uint32_t *rows, uint32_t n) {
    const sl_func *f = sl_func_find(sl_arena_printf(run->tmp, "inc_%s", a->func->name));
    sl_keeps *mem = sl_keeps_new();
    sl_value v = sl_v_null(), args[4];
    if (!f || !mem || a->nargs > 4) {
        sl_keeps_free(mem);
        c->r->nomem |= !mem;
        return v;
    }
    sl_call *call = &run->call;
    for (uint32_t i = 0; i < n; i++) {
        bool bad = false;
        for (uint32_t k = 0; k < a->nargs && !bad; k++) {
            args[k] = sl_run_at(run, a->args[k].res, rows[i]);
            if (args[k].kind == SL_JSONTEXT)
                args[k] = sl_value_open(run->out, args[k]);
            if ((bad = args[k].kind == SL_ERROR))
                v = args[k];
        }
        if (bad) /* the row is not counted; as the last one it is the result */
            continue;
        call->arena = run->out;
        call->failed = false;
        call->func = f;
        if (!sl_func_gate(f, args, a->nargs, &v))
            v = f->kept(call, sl_keeps_at(mem, (sl_str){"", 0}), args, a->nargs, true);
        if (call->failed)
            v = sl_op_fail(run, "call func %s error: %.*s", f->name, SL_FMT(call->error));
    }
    v = v.kind == SL_ERROR ? v : sl_value_copy(run->out, v);
    sl_keeps_free(mem);
    return v;
}

/* ---- aggregates over lists ---- */
static sl_value aggregate(sl_coll *c, sl_run *run, const sl_pcall *a, const uint32_t *rows, uint32_t n) {
    sl_value args[8];
    if (c->k->incremental)
        return incremental(c, run, a, rows, n);
    if (a->nargs > 8)
        return sl_op_fail(run, "call func %s error: too many arguments", a->func->name);
    for (uint32_t k = 0; k < a->nargs; k++) {
        sl_value *list = sl_arena_alloc(run->out, (n ? n : 1) * sizeof *list);
        if (!list || sl_arena_failed(run->out)) {
            c->r->nomem = c->failed = true;
            return sl_v_null();
        }
        for (uint32_t i = 0; i < n; i++) {
            list[i] = sl_run_at(run, a->args[k].res, rows[i]);
            if (list[i].kind == SL_ERROR)
                return list[i];
            if (list[i].kind == SL_ABSENT)
                list[i].kind = SL_NULL;
            if (list[i].kind == SL_JSONTEXT)
                list[i] = sl_value_open(run->out, list[i]);
        }
        args[k] = sl_v_list(list, n);
    }
    sl_call *call = &run->call;
    call->arena = run->out;
    call->error = (sl_str){0};
    call->failed = false;
    call->func = a->func;
    call->row_ms = c->end;
    sl_value v = n == 0 && a->func->flags & SL_FN_NULLGATE ? sl_v_null() : a->func->eval(call, args, a->nargs);
    if (call->failed) {
        sl_str text = call->error;
        return sl_op_fail(run, "call func %s error: %.*s", a->func->name, SL_FMT(text));
    }
    run->errors += v.kind == SL_ERROR;
    return v;
}
static void run_args(sl_coll *c, sl_run *run, const sl_pcall *a, sl_rows rows) {
    for (uint32_t k = 0; k < a->nargs && !run->nomem; k++)
        sl_run_block(run, a->args[k], rows);
    sl_coll_check(c, run);
}
/* Aggregates of WHERE: one value for the whole collection, read by every row. */
static void where_aggregates(sl_coll *c) {
    for (uint32_t i = 0; i < c->p->nagg && !c->failed; i++) {
        const sl_pcall *a = &c->p->agg[i];
        if (!a->in_where || c->k->where_early)
            continue;
        sl_value *to = sl_coll_column(c->r, c->front, c->n);
        run_args(c, c->front, a, (sl_rows){c->alive, c->nalive});
        if (c->failed || !to)
            return;
        sl_value v = aggregate(c, c->front, a, c->alive, c->nalive);
        if (v.kind == SL_ERROR) /* upstream: one that fails is null here */
            v = sl_v_null();
        for (uint32_t k = 0; k < c->n; k++)
            to[k] = v;
        c->front->reg[c->p->regs.agg + i] = to;
    }
}
static void where_failed(void *arg, uint32_t row, sl_value err) {
    (void)row;
    sl_coll_fail(arg, "run Where error: ", err);
}
static void where(sl_coll *c) {
    where_aggregates(c);
    c->front->counting = c->front->defer = true; /* WHERE over a collection reads counters and moves none */
    for (uint32_t i = 0; i < c->k->nwhere && c->nalive && !c->failed; i++) {
        uint32_t *keep = sl_coll_space(c, c->nalive * sizeof *keep);
        if (!keep)
            return;
        c->nalive = sl_run_filter(c->front, c->k->where[i], (sl_rows){c->alive, c->nalive}, keep, where_failed, c);
        c->alive = keep;
        sl_coll_check(c, c->front);
    }
    c->front->counting = c->front->defer = false;
}

/* ---- groups ---- */
static sl_str key_of(sl_coll *c, uint32_t row, sl_buf *b) {
    sl_buf_clear(b);
    for (uint32_t i = 0; i < c->k->ndims; i++) {
        sl_value v = sl_run_at(c->front, c->k->dims[i].res, row);
        if (v.kind == SL_ERROR) {
            sl_coll_fail(c, "run Group By error: ", v);
            break;
        }
        if (i)
            sl_buf_putc(b, ',');
        if (v.kind == SL_JSONTEXT)
            v = sl_value_open(c->tmp->arena, v);
        if (v.kind == SL_ABSENT)
            v.kind = SL_NULL;
        sl_value_print(b, v);
    }
    if (b->failed)
        c->r->nomem = c->failed = true;
    return sl_buf_view(b);
}
/* Numbers the groups by first appearance and sorts the rows by group, keeping their order. */
static void group(sl_coll *c) {
    uint32_t n = c->nalive, size = 16;
    while (size < 2 * n)
        size *= 2;
    uint32_t *of = sl_coll_space(c, (n + 1) * sizeof *of), *slot = sl_coll_space(c, size * sizeof *slot);
    sl_str *keys = sl_coll_space(c, (n + 1) * sizeof *keys);
    c->first = sl_coll_space(c, (n + 1) * sizeof *c->first);
    c->start_at = sl_coll_space(c, ((size_t)n + 2) * sizeof *c->start_at);
    c->members = sl_coll_space(c, (n + 1) * sizeof *c->members);
    for (uint32_t i = 0; i < c->k->ndims && !c->failed; i++) {
        sl_run_block(c->front, c->k->dims[i], (sl_rows){c->alive, n});
        sl_coll_check(c, c->front);
    }
    if (c->failed)
        return;
    memset(slot, 0, size * sizeof *slot);
    sl_buf b = {0};
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        sl_str key = key_of(c, c->alive[i], &b);
        uint64_t h = sl_hash(key.p, key.n);
        uint32_t g;
        while ((g = slot[h & (size - 1)]) && !sl_str_eq(keys[g - 1], key))
            h++;
        if (!g) {
            keys[c->ngroups] = sl_arena_dup(c->tmp->arena, key);
            c->first[c->ngroups] = c->alive[i];
            g = slot[h & (size - 1)] = ++c->ngroups;
        }
        of[i] = g - 1;
    }
    sl_buf_free(&b);
    if (c->failed)
        return;
    memset(c->start_at, 0, ((size_t)c->ngroups + 2) * sizeof *c->start_at);
    for (uint32_t i = 0; i < n; i++)
        c->start_at[of[i] + 2]++;
    for (uint32_t g = 0; g < c->ngroups; g++)
        c->start_at[g + 2] += c->start_at[g + 1];
    for (uint32_t i = 0; i < n; i++)
        c->members[c->start_at[of[i] + 1]++] = c->alive[i];
    for (uint32_t g = 0; c->k->incremental && g < c->ngroups; g++) /* there the last row stands for its group */
        c->first[g] = c->members[c->start_at[g + 1] - 1];
}
static void single_group(sl_coll *c) {
    c->ngroups = 1;
    c->members = c->alive;
    c->first = sl_coll_space(c, sizeof *c->first);
    c->start_at = sl_coll_space(c, 2 * sizeof *c->start_at);
    if (c->failed)
        return;
    c->first[0] = c->nalive ? c->alive[c->k->incremental ? c->nalive - 1 : 0] : UINT32_MAX;
    c->start_at[0] = 0;
    c->start_at[1] = c->nalive;
}
/* One row a group: the group's first row, then its aggregates. */
static bool begin_select(sl_coll *c) {
    uint32_t n = c->ngroups;
    sl_krow **t = sl_coll_space(c, (n * (size_t)c->width + 1) * sizeof *t);
    static sl_krow nothing = {.src = UINT16_MAX};
    if (!t || !sl_pipe_begin(c->r, &c->sel, &c->p->prog, c->r->state_out, c->out, c->tmp->arena, n))
        return false;
    for (uint32_t g = 0; g < n; g++)
        for (uint32_t s = 0; s < c->width; s++)
            t[(size_t)g * c->width + s] = c->first[g] != UINT32_MAX ? c->tuples[(size_t)c->first[g] * c->width + s] : c->width == 1 ? &nothing : NULL;
    c->sel.quiet = true;
    sl_pipe_load(c->r, &c->sel, t, n, c->width);
    if (!c->k->incremental) /* there a group is its last row */
        c->sel.time = NULL;
    for (uint32_t s = 0; s < c->p->nstars && !c->r->nomem; s++) {
        sl_value *to = sl_coll_column(c->r, &c->sel, n);
        for (uint32_t g = 0; to && g < n; g++)
            to[g] = c->first[g] != UINT32_MAX && c->front->reg ? c->front->reg[c->p->regs.star + s][c->first[g]] : sl_v_absent();
        if (to)
            c->sel.reg[c->p->regs.star + s] = to;
    }
    c->tuples = t;
    return !c->r->nomem;
}
static void group_aggregates(sl_coll *c) {
    if (!begin_select(c)) {
        c->failed = true;
        return;
    }
    for (uint32_t i = 0; i < c->p->nagg && !c->failed; i++) {
        const sl_pcall *a = &c->p->agg[i];
        sl_value *to = sl_coll_column(c->r, &c->sel, c->ngroups);
        if (!to)
            break;
        c->sel.reg[c->p->regs.agg + i] = to;
        if (a->in_where) {
            sl_value v = c->n && !c->k->where_early ? c->front->reg[c->p->regs.agg + i][0] : sl_v_null();
            for (uint32_t g = 0; g < c->ngroups; g++)
                to[g] = v;
            continue;
        }
        run_args(c, c->front, a, (sl_rows){c->alive, c->nalive});
        for (uint32_t g = 0; g < c->ngroups && !c->failed; g++)
            to[g] = aggregate(c, c->front, a, c->members + c->start_at[g], c->start_at[g + 1] - c->start_at[g]);
    }
    c->sel.errors += c->front->errors;
    c->nalive = c->ngroups;
    c->alive = sl_coll_space(c, (c->ngroups + 1) * sizeof *c->alive);
    for (uint32_t g = 0; c->alive && g < c->ngroups; g++)
        c->alive[g] = g;
}
/* Aggregates of HAVING or ORDER BY when the rows themselves come out. */
static void row_aggregates(sl_coll *c) {
    for (uint32_t i = 0; i < c->p->nagg && !c->failed; i++) {
        const sl_pcall *a = &c->p->agg[i];
        sl_value *to = a->in_where ? NULL : sl_coll_column(c->r, &c->sel, c->n);
        if (!to)
            continue;
        run_args(c, &c->sel, a, (sl_rows){c->alive, c->nalive});
        sl_value v = c->failed ? sl_v_null() : aggregate(c, &c->sel, a, c->alive, c->nalive);
        for (uint32_t k = 0; k < c->n; k++)
            to[k] = v;
        c->sel.reg[c->p->regs.agg + i] = to;
    }
}

static bool emit(sl_coll c) {
    sl_pipes *r = c.r;
    uint32_t n = c.n;
    int64_t start = c.start, end = c.end;
    if (!(c.tmp = sl_pipe_scratch(r))) {
        r->nomem = true;
        return false;
    }
    sl_arena *t = c.out = c.tmp->arena; /* what comes out is copied: results may point into kept rows */
    bool agg = c.k->aggregated;
    c.front = agg ? &c.rows : &c.sel;
    c.failed = !sl_pipe_begin(r, c.front, agg ? &c.k->rows : &c.p->prog, agg ? r->state_rows : r->state_out, t, t, n);
    if (!c.failed) {
        sl_pipe_load(r, c.front, c.tuples, n, c.width);
        c.failed = r->nomem;
    }
    if (c.k->incremental && n && (c.k->window.kind != SL_W_TUMBLING ? c.k->window.kind != SL_W_HOPPING : !c.k->window.event_time && start != r->start_ms))
        start = c.tuples[0]->time; /* such a window begins with its first row */
    else if (c.k->incremental && c.k->window.kind == SL_W_TUMBLING && c.k->window.event_time)
        start = end - c.k->window.length_ms;
    bool second = c.k->window.twice && end - start != c.k->window.length_ms; /* of the two results of a trigger */
    int64_t trigger = !c.k->windowed && c.k->njoins ? INT64_MIN : second ? start : end;
    if (c.k->windowed) {
        c.front->call.win_start = start;
        c.front->call.win_end = end;
        c.front->call.win_trigger = trigger;
    }
    c.front->at = trigger;
    c.alive = c.failed ? NULL : sl_coll_space(&c, (n + 1) * sizeof *c.alive);
    for (uint32_t i = 0; c.alive && i < n; i++)
        c.alive[i] = i;
    c.nalive = n;
    if (!c.failed) {
        sl_run_unset(c.front, (sl_rows){c.alive, n});
        load_objects(&c, c.front);
    }
    if (!c.failed)
        where(&c);
    bool silent = !c.nalive && (c.k->nwhere || c.k->njoins || c.k->ndims); /* nothing left, and that says nothing */
    silent |= c.k->incremental && !c.nalive;
    if (c.k->incremental && !n && !c.k->has_having && c.k->window.kind == SL_W_TUMBLING && !c.k->window.event_time && start == r->start_ms)
        sl_builder_collection(r->w, sl_builder_rows(r->w)); /* upstream: the first window stands before any row, the others begin with one */
    if (!c.failed && !silent && c.k->nsort)
        sl_coll_sort(&c, c.front, c.k->sort, c.k->sort_desc, c.k->nsort, c.alive, c.nalive, "run Order By error: ");
    if (!c.failed && !silent && agg) {
        if (c.k->ndims)
            group(&c);
        else
            single_group(&c);
        if (!c.failed)
            group_aggregates(&c);
        c.sel.at = trigger;
        c.sel.call.win_start = c.front->call.win_start;
        c.sel.call.win_end = c.front->call.win_end;
        c.sel.call.win_trigger = c.front->call.win_trigger;
        if (!c.failed)
            sl_run_unset(&c.sel, (sl_rows){c.alive, c.nalive});
    } else if (!c.failed && !silent)
        row_aggregates(&c);
    if (!c.failed && !silent)
        sl_coll_finish(&c);
    sl_coll_check(&c, c.front);
    r->nomem |= sl_arena_failed(t);
    sl_run_end(&c.rows);
    sl_run_end(&c.sel);
    sl_batch_drop(c.tmp);
    return !c.failed;
}
void sl_pipe_emit(sl_pipes *r, sl_krow *const *tuples, uint32_t n, uint32_t width, int64_t start, int64_t end, bool row) {
    emit((sl_coll){.r = r, .k = r->k, .p = r->p, .tuples = tuples, .n = n, .width = width, .start = start, .end = end, .row = row});
}
bool sl_pipe_emit_many(sl_pipes *r, sl_krow *const *tuples, const uint32_t *upto, uint32_t nparts, uint32_t width, int64_t start, int64_t end) {
    uint32_t n = upto[nparts - 1];
    return !n || emit((sl_coll){.r = r, .k = r->k, .p = r->p, .tuples = tuples, .n = n, .width = width, .start = start, .end = end, .quiet = true, .upto = upto, .nparts = nparts});
}
