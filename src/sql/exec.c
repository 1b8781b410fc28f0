/* A running plan: rows in, derived batch out.
 * Decisions: an instance keeps no scratch memory; registers live in the arena of a batch from the thread's pool, so that ten
 * thousand idle instances cost nothing and a one-row run allocates nothing. Results are written for the rows of the input and
 * gathered at the end, when it is known which rows survived; columns that nothing changed are shared with the input. */
#include <stdlib.h>
#include "sql/pipe.h"

typedef struct failure {
    uint32_t row;
    sl_value err;
    const sl_pfield *field; /* NULL: WHERE */
} failure;
typedef struct starmap {  /* how * maps one input layout to the output */
    const sl_layout *in;  /* held */
    const sl_layout *out; /* held */
    uint16_t *pass;       /* output column -> input column, for the first npass */
    uint32_t npass;
    int32_t *shadow; /* computed column -> input column of that name, -1 none */
    sl_arena *a;
} starmap;
struct sl_exec { /* what every run touches first */
    sl_plan *p;
    const sl_quick *quick;
    sl_pipes *pipe;                        /* statements with memory run there */
    sl_exec_stats before, filter, project; /* of a pipe: in front of the window, the window, behind it */
    void **state;
    int64_t start_ms;
    sl_keeps **ana; /* memory of analytic calls */
    sl_exec_env env;
    sl_buf last;
    int64_t last_at;
    starmap star;
    const sl_layout *known; /* held: layout that `map` was made for, when views come without a map of their own */
    uint16_t *map;
};
typedef struct work { /* one call of sl_exec_run */
    sl_exec *x;
    sl_plan *p;
    const sl_view *in;
    sl_batch *b, *out;
    sl_arena *tmp; /* the thread's */
    const uint16_t *map;
    sl_run run;
    sl_rows rows; /* still alive */
    failure *fail;
    uint32_t nfail, first_project_fail;
    bool nomem;
} work;

sl_exec *sl_exec_new(sl_plan *p, int64_t rule_start_ms) {
    sl_exec *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    if (p->prog.nsite && !(x->state = calloc(p->prog.nsite, sizeof *x->state))) {
        free(x);
        return NULL;
    }
    x->p = sl_plan_hold(p);
    x->quick = p->quick;
    x->start_ms = rule_start_ms;
    bool ok = p->pipe ? (x->pipe = sl_pipes_new(p, rule_start_ms)) != NULL : !p->nana || (x->ana = calloc(p->nana, sizeof *x->ana));
    if (!ok) {
        sl_exec_free(x);
        return NULL;
    }
    return x;
}
void sl_exec_env_set(sl_exec *x, const sl_exec_env *env) {
    x->env = *env;
    if (x->pipe)
        x->pipe->env = &x->env;
}
int64_t sl_exec_next(const sl_exec *x) { return x->pipe ? sl_pipes_next(x->pipe) : INT64_MAX; }
bool sl_exec_timed(const sl_exec *x) { return x->pipe != NULL; }
static void take_stats(sl_exec *x, int64_t now_ms) {
    const sl_pipes *r = x->pipe;
    bool windowed = r->k->windowed || r->dedup;
    x->before = (sl_exec_stats){r->nin, r->nin, 0};
    x->filter = (sl_exec_stats){r->nin, r->nfired, 0};
    x->project = (sl_exec_stats){windowed ? r->nfired : r->nin, r->nout, r->errors};
    if (x->pipe->last_ms == now_ms && x->pipe->last.n) {
        sl_buf_clear(&x->last);
        sl_buf_str(&x->last, sl_buf_view(&x->pipe->last));
        x->last_at = now_ms;
    }
}
void sl_exec_tick(sl_exec *x, int64_t now_ms, sl_batch **out, bool *failed) {
    *out = NULL;
    *failed = false;
    if (!x->pipe)
        return;
    sl_pipes_tick(x->pipe, now_ms, out, failed);
    take_stats(x, now_ms);
}
bool sl_exec_absorbs(const sl_exec *x, uint64_t *filtered, uint64_t *failed, uint64_t *late) {
    if (!x->pipe)
        return false;
    *filtered = x->pipe->nfiltered;
    *failed = x->pipe->nfailed;
    *late = x->pipe->late;
    return true;
}
bool sl_exec_stateful(const sl_exec *x) {
    if (x->pipe || x->p->nana)
        return true;
    for (uint32_t i = 0; i < x->p->prog.nsite; i++)
        if (x->p->prog.sites[i]->kept)
            return true;
    return false;
}
bool sl_exec_save(const sl_exec *x, sl_buf *out) {
    if (x->pipe && !sl_pipes_quiet(x->pipe))
        return false;
    sl_state_head(x->p, out);
    if (x->pipe)
        sl_pipes_save(x->pipe, out);
    else {
        sl_keeps_save_all(x->ana, x->p->nana, out);
        if (x->state)
            sl_sites_save(&x->p->prog, x->state, out);
    }
    return !out->failed;
}
sl_err *sl_exec_load(sl_exec *x, sl_str state) {
    SL_TRY(sl_state_head_check(x->p, &state));
    if (x->pipe)
        return sl_pipes_load(x->pipe, &state);
    SL_TRY(sl_keeps_load_all(x->ana, x->p->nana, &state));
    return x->state ? sl_sites_load(&x->p->prog, x->state, &state) : NULL;
}
void sl_exec_slice(sl_exec *x, int64_t us) {
    if (x->pipe)
        x->pipe->slice_us = us;
}
bool sl_exec_unfinished(const sl_exec *x) { return x->pipe && x->pipe->slices && x->pipe->parked; }
void sl_exec_room(sl_exec *x, size_t bytes) {
    if (x->pipe)
        x->pipe->room = bytes;
}
size_t sl_exec_over(const sl_exec *x) { return x->pipe ? x->pipe->over : 0; }
size_t sl_exec_state_bytes(const sl_exec *x) {
    if (x->pipe)
        return sl_pipes_bytes(x->pipe);
    return (x->ana ? sl_keeps_bytes_all(x->ana, x->p->nana) : 0) + sl_sites_bytes(&x->p->prog, x->state);
}
uint32_t sl_exec_tables(const sl_exec *x, sl_buf *out) { return x->pipe ? sl_pipes_tables(x->pipe, out) : 0; }
size_t sl_exec_waiting(const sl_exec *x) { return x->pipe ? x->pipe->nparked : 0; }
bool sl_exec_passes(const sl_exec *x) { return x->pipe && sl_pipes_passes(x->pipe); }
static void warm(const void *p, size_t n) {
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)p + i);
}
void sl_exec_warm(const sl_exec *x, int step) {
    const sl_plan *p = x->p;
    if (x->quick)
        sl_quick_warm(x->quick, step);
    else if (step == 0)
        warm(p, sizeof *p);
    else if (step == 1) {
        warm(p->cond, p->ncond * sizeof *p->cond);
        warm(p->fields, p->nfields * sizeof *p->fields);
        warm(p->prog.consts, p->prog.nconst * sizeof *p->prog.consts);
        __builtin_prefetch(p->order);
        __builtin_prefetch(p->outfield);
        __builtin_prefetch(p->src);
        __builtin_prefetch(p->out, 1);
    } else {
        for (uint32_t i = 0; i < p->ncond; i++)
            warm(p->cond[i].code, p->cond[i].n * sizeof *p->cond[i].code);
        __builtin_prefetch(p->src[0].pub.layout);
    }
}
static void star_clear(starmap *s) {
    sl_layout_drop(s->in);
    sl_layout_drop(s->out);
    sl_arena_free(s->a);
    *s = (starmap){0};
}
void sl_exec_free(sl_exec *x) {
    if (!x)
        return;
    sl_sites_free(&x->p->prog, x->state);
    for (uint32_t i = 0; x->ana && i < x->p->nana; i++)
        sl_keeps_free(x->ana[i]);
    free(x->ana);
    sl_pipes_free(x->pipe);
    star_clear(&x->star);
    sl_layout_drop(x->known);
    free(x->map);
    sl_buf_free(&x->last);
    sl_plan_drop(x->p);
    free(x);
}
/* Upstream's names of the operators, in order of the rows' way. where: 0 in front of the window, 1 the window, 2 behind it. */
static const char *pipe_op(const sl_plan *p, uint32_t i, int *where) {
    const sl_select *s = p->bound;
    const sl_pipe *k = p->pipe;
    bool lookup = false, join = false, table = false;
    for (uint32_t j = 0; j < k->njoins; j++) {
        lookup |= k->joins[j].lookup;
        table |= k->joins[j].table && !k->joins[j].lookup;
        join |= !k->joins[j].lookup;
    }
    const struct {
        bool there;
        int where;
        const char *name;
    } ops[] = {{p->opts.event_time, 0, "watermark"},
               {p->nana > 0, 0, "analytic"},
               {p->where && k->where_early, 0, "filter"},
               {s->window != NULL, 1, "window"},
               {table, 2, "join_aligner"},
               {join, 2, "join"},
               {lookup, 2, "lookup"},
               {p->where && !k->where_early, 2, "filter"},
               {s->ndims > 0, 2, "aggregate"},
               {s->having != NULL, 2, "having"},
               {p->nwf > 0, 2, "windowFunc"},
               {s->norder > 0, 2, "order"},
               {p->ntrig > 0, 1, "dedup_trigger"},
               {true, 2, "project"},
               {k->srf, 2, "projectset"}};
    for (size_t n = 0; n < sizeof ops / sizeof *ops; n++)
        if (ops[n].there && i-- == 0) {
            *where = ops[n].where;
            return ops[n].name;
        }
    return NULL;
}
const char *sl_plan_op(const sl_plan *p, uint32_t i) {
    int where;
    if (p->pipe)
        return pipe_op(p, i, &where);
    if (p->nana && i-- == 0)
        return "analytic";
    if (p->where && i-- == 0)
        return "filter";
    return i == 0 ? "project" : NULL;
}
const char *sl_exec_op(const sl_exec *x, uint32_t i, const sl_exec_stats **stats) {
    const sl_plan *p = x->p;
    const char *name = sl_plan_op(p, i);
    int where = 2;
    if (p->pipe)
        pipe_op(p, i, &where);
    else if (name && strcmp(name, "filter") == 0)
        where = 1;
    else if (name && strcmp(name, "analytic") == 0)
        where = 0;
    *stats = where == 0 ? &x->before : where == 1 ? &x->filter : &x->project;
    return name;
}
sl_str sl_exec_last_error(const sl_exec *x, int64_t *at_ms) {
    *at_ms = x->last_at;
    return sl_buf_view(&x->last);
}

/* ---- columns ---- */
/* Plan position -> position in the batch's layout, 0xFFFF = tail. NULL: out of memory. */
static const uint16_t *column_map(work *w) {
    const sl_layout *mine = w->p->src[0].pub.layout, *theirs = w->b->layout;
    if (w->in->colmap)
        return w->in->colmap;
    if (w->x->known == theirs && w->x->map)
        return w->x->map;
    if (!w->x->map && !(w->x->map = malloc((mine->n + 1) * sizeof *w->x->map)))
        return NULL;
    for (uint32_t i = 0; i < mine->n; i++) {
        int at = theirs == mine ? (int)i : sl_layout_find(theirs, mine->names[i]);
        w->x->map[i] = at < 0 ? 0xFFFF : (uint16_t)at;
    }
    sl_layout_drop(w->x->known);
    w->x->known = sl_layout_hold(theirs);
    return w->x->map;
}
static void *space(work *w, sl_arena *a, size_t n) {
    void *p = sl_arena_alloc(a, n ? n : 1);
    if (!p || sl_arena_failed(a)) {
        w->nomem = true;
        return NULL;
    }
    return p;
}
static void load_columns(work *w) {
    const uint16_t *map = w->map = column_map(w);
    const sl_layout *l = w->p->src[0].pub.layout;
    bool ci = w->p->opts.ignore_case;
    if (!map) {
        w->nomem = true;
        return;
    }
    for (uint32_t i = 0; i < l->n && !w->nomem; i++) {
        sl_value *from = map[i] != 0xFFFF && map[i] < w->b->layout->n ? w->b->cols[map[i]] : NULL;
        w->run.reg[i] = from;
        if (from && !ci)
            continue;
        sl_value *to = space(w, w->tmp, (size_t)w->b->nrows * sizeof *to);
        for (uint32_t k = 0; to && k < w->in->n; k++) {
            uint32_t r = sl_view_row(w->in, k);
            sl_value v = from ? from[r] : sl_batch_loose(w->b, r, l->names[i], false);
            to[r] = v.kind == SL_ABSENT && ci ? sl_batch_loose(w->b, r, l->names[i], true) : v;
        }
        w->run.reg[i] = to;
    }
}

/* ---- stages ---- */
static void add_failure(work *w, uint32_t row, sl_value err, const sl_pfield *f) {
    if (!w->fail && !(w->fail = space(w, w->tmp, (size_t)w->in->n * sizeof *w->fail)))
        return;
    w->fail[w->nfail++] = (failure){row, err, f};
}
static void where_failed(void *arg, uint32_t row, sl_value err) { add_failure(arg, row, err, NULL); }
static const sl_pfield analytic_field = {.fail = {"", 0}}; /* their errors are told bare */
static void analytic_failed(void *arg, uint32_t row, sl_value err) { add_failure(arg, row, err, &analytic_field); }
/* Analytic calls see every row, before WHERE. */
static void analytic(work *w) {
    uint32_t *keep = space(w, w->tmp, ((size_t)w->rows.n + 1) * sizeof *keep), had = w->rows.n;
    if (!keep)
        return;
    sl_rows all = w->rows;
    w->x->before.in += had;
    if (!sl_ana_run(&w->run, w->p->ana, w->p->nana, w->p->regs.ana, w->x->ana, &w->rows, keep, analytic_failed, w))
        w->nomem = true;
    else if (w->rows.n == had)
        w->rows = all;
    w->x->before.out += w->rows.n;
    w->x->before.errors += had - w->rows.n;
}
static void filter(work *w) {
    w->x->filter.in += w->rows.n;
    for (uint32_t i = 0; i < w->p->ncond && w->rows.n && !w->nomem; i++) {
        uint32_t *keep = space(w, w->tmp, (size_t)w->rows.n * sizeof *keep);
        if (!keep)
            return;
        uint32_t n = sl_run_filter(&w->run, w->p->cond[i], w->rows, keep, where_failed, w);
        w->nomem |= w->run.nomem;
        if (n < w->rows.n)
            w->rows = (sl_rows){keep, n};
        sl_run_front(&w->run, w->rows);
    }
    w->x->filter.errors += w->nfail;
    w->x->filter.out += w->rows.n;
}
/* Takes the rows out whose value of f is an error. */
static void drop_failed(work *w, const sl_pfield *f) {
    uint32_t *keep = space(w, w->tmp, (size_t)w->rows.n * sizeof *keep), n = 0;
    if (f->block.res >= 0)
        sl_run_boxed(&w->run, f->block.res);
    if (!keep || (w->nomem |= w->run.nomem))
        return;
    for (uint32_t k = 0; k < w->rows.n; k++) {
        uint32_t r = w->rows.at ? w->rows.at[k] : k;
        sl_value v = sl_run_at(&w->run, f->block.res, r);
        if (v.kind == SL_ERROR)
            add_failure(w, r, v, f);
        else
            keep[n++] = r;
    }
    if (n < w->rows.n)
        w->rows = (sl_rows){keep, n};
    sl_run_front(&w->run, w->rows);
}
static void project(work *w) {
    w->x->project.in += w->rows.n;
    w->first_project_fail = w->nfail;
    for (uint32_t i = 0; i < w->p->norder && w->rows.n && !w->nomem; i++) {
        const sl_pfield *f = &w->p->fields[w->p->order[i]];
        sl_run_block(&w->run, f->block, w->rows);
        w->nomem |= w->run.nomem;
        if (w->run.errors && !w->nomem)
            drop_failed(w, f);
    }
    w->x->project.errors += w->nfail - w->first_project_fail;
}

/* ---- errors and frames ---- */
static int by_row(const void *x, const void *y) {
    uint32_t a = ((const failure *)x)->row, b = ((const failure *)y)->row;
    return a < b ? -1 : a > b;
}
static sl_str fail_text(sl_arena *a, const failure *f) {
    sl_str head = f->field ? f->field->fail : SL_S("run Where error: ");
    char *p = sl_arena_alloc(a, head.n + f->err.len + 1);
    if (!p || sl_arena_failed(a))
        return SL_S("out of memory");
    memcpy(p, head.p, head.n);
    if (f->err.len)
        memcpy(p + head.n, f->err.p, f->err.len);
    return (sl_str){p, head.n + f->err.len};
}
static void note_error(work *w, int64_t now_ms) {
    if (!w->nfail)
        return;
    if (w->nfail > 1)
        qsort(w->fail, w->nfail, sizeof *w->fail, by_row);
    sl_buf_clear(&w->x->last);
    sl_buf_str(&w->x->last, fail_text(w->tmp, &w->fail[w->nfail - 1]));
    w->x->last_at = now_ms;
}
static void push_frame(sl_batch *o, sl_frame f) { o->frames[o->nframes++] = f; }
/* Frames of the output in the order of the input, when they must be spelled out; a collection with a failed row is lost whole. */
static void make_frames(work *w) {
    bool tell = w->p->opts.send_error && w->nfail;
    if (!tell && !w->in->frames)
        return;
    sl_batch *o = w->out;
    uint32_t nin = w->in->frames ? w->in->nframes : w->in->n;
    o->frames = space(w, o->arena, ((size_t)w->rows.n + w->nfail + nin + 1) * sizeof *o->frames);
    uint32_t *keep = space(w, w->tmp, ((size_t)w->rows.n + 1) * sizeof *keep);
    if (!o->frames || !keep)
        return;
    uint32_t out = 0, at = 0, bad = 0;
    for (uint32_t i = 0; i < nin; i++) {
        sl_frame f = w->in->frames ? w->in->frames[i] : (sl_frame){.kind = SL_FRAME_ROW, .first = i, .count = 1};
        bool whole = f.kind != SL_FRAME_ROW;
        uint32_t start = out;
        if (f.kind == SL_FRAME_ERROR && w->p->opts.send_error)
            push_frame(o, (sl_frame){.kind = SL_FRAME_ERROR, .first = out, .error = sl_arena_dup(o->arena, f.error)});
        if (f.kind == SL_FRAME_ERROR)
            continue;
        const failure *lost = NULL;
        for (uint32_t k = f.first; k < f.first + f.count; k++) {
            uint32_t r = sl_view_row(w->in, k);
            if (at < w->rows.n && (w->rows.at ? w->rows.at[at] : at) == r) {
                at++;
                if (!whole)
                    push_frame(o, (sl_frame){.kind = SL_FRAME_ROW, .first = out, .count = 1});
                keep[out++] = r;
            } else if (bad < w->nfail && w->fail[bad].row == r) {
                lost = lost ? lost : &w->fail[bad];
                bad++;
                if (!whole && tell)
                    push_frame(o, (sl_frame){.kind = SL_FRAME_ERROR, .first = out, .error = fail_text(o->arena, &w->fail[bad - 1])});
            }
        }
        if (!whole)
            continue;
        if (lost) {
            out = start;
            if (tell)
                push_frame(o, (sl_frame){.kind = SL_FRAME_ERROR, .first = out, .error = fail_text(o->arena, lost)});
        } else if (out > start || f.count == 0)
            push_frame(o, (sl_frame){.kind = f.kind, .first = start, .count = out - start, .start = f.start, .end = f.end});
    }
    if (out < w->rows.n)
        w->rows = (sl_rows){keep, out};
}
static void make_marks(work *w) {
    const sl_batch *b = w->b;
    if (!b->nmarks || !(w->out->marks = space(w, w->out->arena, b->nmarks * sizeof *b->marks)))
        return;
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->nmarks; i++) { /* both lists ascend */
        while (at < w->rows.n && (w->rows.at ? w->rows.at[at] : at) < b->marks[i].row)
            at++;
        w->out->marks[w->out->nmarks] = b->marks[i];
        w->out->marks[w->out->nmarks++].row = at;
    }
}

/* ---- the output's columns ---- */
static bool all_rows(const work *w) { return !w->rows.at && w->rows.n == w->b->nrows; }
static sl_value *gather(work *w, const sl_value *from) {
    sl_value *to = space(w, w->out->arena, (size_t)w->rows.n * sizeof *to);
    if (!to)
        return NULL;
    if (!w->rows.at)
        memcpy(to, from, (size_t)w->rows.n * sizeof *to);
    else
        for (uint32_t k = 0; k < w->rows.n; k++)
            to[k] = from[w->rows.at[k]];
    return to;
}
/* The register of a computed field as it is, when all its rows leave and none is nil. */
static sl_value *whole_register(work *w, const sl_pfield *f) {
    int32_t reg = f->block.res;
    if (!w->run.lasting || f->kind == SL_P_COLUMN || reg < (int32_t)w->p->prog.ncol || !w->p->prog.lasting[reg] || !w->run.own[reg] || !all_rows(w))
        return NULL;
    sl_value *v = w->run.own[reg];
    uint32_t nil = 0;
    if (!w->run.vec || !sl_vec_known(&w->run.vec[reg]))
        for (uint32_t r = 0; r < w->rows.n; r++)
            nil |= v[r].kind <= SL_NULL;
    return nil ? NULL : v;
}
/* Column of a field; `under` is what * shows where the field has nothing (may be NULL). */
static sl_value *field_column(work *w, const sl_pfield *f, const sl_value *under, sl_str tail) {
    bool nil = w->p->opts.send_nil, alias = f->kind == SL_P_ALIAS || f->replace;
    if (f->kind == SL_P_COLUMN && !nil && !w->p->star) {
        const sl_value *reg = w->run.reg[f->block.res];
        uint16_t at = w->map[f->block.res];
        if (all_rows(w) && at < w->b->layout->n && reg == w->b->cols[at])
            return w->b->cols[at];
        return gather(w, reg);
    }
    sl_value *to = NULL;
    if (f->kind != SL_P_COLUMN && f->block.res >= 0) {
        if (sl_run_whole(&w->run, w->rows) && (to = sl_run_leave(&w->run, f->block.res)))
            return to;
        sl_run_boxed(&w->run, f->block.res);
        if ((w->nomem |= w->run.nomem))
            return NULL;
        if ((to = whole_register(w, f)))
            return to;
    }
    to = space(w, w->out->arena, (size_t)w->rows.n * sizeof *to);
    if (!to)
        return NULL;
    const sl_value *from = f->block.res >= 0 ? w->run.reg[f->block.res] : &w->p->prog.consts[~f->block.res];
    size_t step = f->block.res >= 0;
    if (f->kind != SL_P_COLUMN && !under && !tail.p) {
        const uint8_t none = nil && alias ? SL_NULL : SL_ABSENT;
        for (uint32_t k = 0; k < w->rows.n; k++) {
            to[k] = from[(w->rows.at ? w->rows.at[k] : k) * step];
            to[k].kind = to[k].kind <= SL_NULL ? none : to[k].kind;
        }
        return to;
    }
    for (uint32_t k = 0; k < w->rows.n; k++) {
        uint32_t r = w->rows.at ? w->rows.at[k] : k;
        sl_value v = from[r * step];
        if (f->kind == SL_P_COLUMN) {
            if (nil && v.kind == SL_ABSENT)
                v.kind = SL_NULL;
        } else if (v.kind <= SL_NULL) {
            v.kind = nil && alias ? SL_NULL : SL_ABSENT;
            if (v.kind == SL_ABSENT && under)
                v = under[r];
            if (v.kind == SL_ABSENT && tail.p)
                v = sl_batch_loose(w->b, r, tail, false);
        }
        to[k] = v;
    }
    return to;
}
static sl_value *meta_column(work *w) {
    sl_value *to = space(w, w->out->arena, (size_t)w->rows.n * sizeof *to);
    for (uint32_t k = 0; to && k < w->rows.n; k++) {
        to[k] = w->b->meta ? w->b->meta[w->rows.at ? w->rows.at[k] : k] : sl_v_absent();
        if (to[k].kind == SL_ABSENT)
            to[k] = sl_v_map(NULL, 0);
    }
    return to;
}
static void plain_output(work *w) {
    sl_batch *o = w->out;
    o->layout = sl_layout_hold(w->p->out);
    o->cols = space(w, o->arena, (size_t)w->p->nout * sizeof *o->cols);
    for (uint32_t j = 0; o->cols && j < w->p->nout && !w->nomem; j++)
        o->cols[j] = w->p->outfield[j] == UINT32_MAX ? meta_column(w) : field_column(w, &w->p->fields[w->p->outfield[j]], NULL, (sl_str){0});
}

static bool listed(const sl_str *names, uint32_t n, sl_str s) {
    for (uint32_t i = 0; i < n; i++)
        if (sl_str_eq(names[i], s))
            return true;
    return false;
}
static bool star_make(work *w) {
    starmap *s = &w->x->star;
    const sl_layout *l = w->b->layout;
    const sl_plan *p = w->p;
    if (s->in == l)
        return true;
    star_clear(s);
    if (!(s->a = sl_arena_new(512)))
        return false;
    sl_str *names = sl_zero(s->a, ((size_t)l->n + p->nout + 1) * sizeof *names);
    s->pass = sl_zero(s->a, (l->n + 1) * sizeof *s->pass);
    s->shadow = sl_zero(s->a, (p->nout + 1) * sizeof *s->shadow);
    if (!names || !s->pass || !s->shadow)
        return false;
    for (uint32_t i = 0; i < l->n; i++)
        if (!listed(p->except, p->nexcept, l->names[i]) && !listed(p->outnames, p->nout, l->names[i])) {
            names[s->npass] = l->names[i];
            s->pass[s->npass++] = (uint16_t)i;
        }
    for (uint32_t j = 0; j < p->nout; j++) {
        names[s->npass + j] = p->outnames[j];
        s->shadow[j] = listed(p->except, p->nexcept, p->outnames[j]) ? -1 : sl_layout_find(l, p->outnames[j]);
    }
    s->out = s->npass == l->n && !p->nout ? sl_layout_hold(l) : sl_layout_new(names, s->npass + p->nout, 0);
    if (!s->out || sl_arena_failed(s->a))
        return false;
    s->in = sl_layout_hold(l);
    return true;
}
static sl_tail cut_tail(work *w, sl_tail t) {
    const sl_plan *p = w->p;
    uint32_t n = 0;
    for (uint32_t i = 0; i < t.n; i++)
        n += listed(p->except, p->nexcept, t.at[i].key) || listed(p->outnames, p->nout, t.at[i].key);
    if (!n)
        return t;
    sl_member *m = space(w, w->out->arena, (size_t)(t.n - n) * sizeof *m);
    n = 0;
    for (uint32_t i = 0; m && i < t.n; i++)
        if (!listed(p->except, p->nexcept, t.at[i].key) && !listed(p->outnames, p->nout, t.at[i].key))
            m[n++] = t.at[i];
    return (sl_tail){m, n};
}
static void star_output(work *w) {
    sl_batch *o = w->out;
    const sl_batch *b = w->b;
    const sl_plan *p = w->p;
    if (!star_make(w)) {
        star_clear(&w->x->star);
        w->nomem = true;
        return;
    }
    const starmap *s = &w->x->star;
    bool all = all_rows(w), untouched = !p->nout && !p->nexcept;
    o->layout = sl_layout_hold(s->out);
    o->cols = space(w, o->arena, (size_t)s->out->n * sizeof *o->cols);
    for (uint32_t j = 0; o->cols && j < s->npass && !w->nomem; j++)
        o->cols[j] = all ? b->cols[s->pass[j]] : gather(w, b->cols[s->pass[j]]);
    for (uint32_t j = 0; o->cols && j < p->nout && !w->nomem; j++) {
        bool hidden = listed(p->except, p->nexcept, p->outnames[j]);
        o->cols[s->npass + j] = p->outfield[j] == UINT32_MAX
            ? meta_column(w)
            : field_column(w, &p->fields[p->outfield[j]], s->shadow[j] >= 0 ? b->cols[s->shadow[j]] : NULL, hidden ? (sl_str){0} : p->outnames[j]);
    }
    if (b->tails && all && untouched)
        o->tails = b->tails;
    else if (b->tails && (o->tails = space(w, o->arena, (size_t)w->rows.n * sizeof *o->tails)))
        for (uint32_t k = 0; k < w->rows.n; k++) {
            sl_tail t = b->tails[w->rows.at ? w->rows.at[k] : k];
            o->tails[k] = untouched ? t : cut_tail(w, t);
        }
    if (b->raw && untouched && all)
        o->raw = b->raw;
    else if (b->raw && untouched && (o->raw = space(w, o->arena, (size_t)w->rows.n * sizeof *o->raw)))
        for (uint32_t k = 0; k < w->rows.n; k++)
            o->raw[k] = b->raw[w->rows.at ? w->rows.at[k] : k];
}
static void finish(work *w) {
    sl_batch *o = w->out, *b = w->b;
    o->base = sl_batch_hold(b);
    o->nrows = w->rows.n;
    if (w->p->star)
        star_output(w);
    else
        plain_output(w);
    if (b->time && all_rows(w))
        o->time = b->time;
    else if (b->time && (o->time = space(w, o->arena, (size_t)w->rows.n * sizeof *o->time)))
        for (uint32_t k = 0; k < w->rows.n; k++)
            o->time[k] = b->time[w->rows.at ? w->rows.at[k] : k];
    o->at = b->at;
    o->ticket = sl_ticket_hold(b->ticket);
    if (o->layout)
        o->bytes = (size_t)o->nrows * o->layout->n * sizeof(sl_value);
}

void sl_exec_run(sl_exec *x, uint32_t src, const sl_view *in, int64_t now_ms, sl_batch **out, bool *failed) {
    int quick = x->quick && src == 0 ? sl_quick_run(x->quick, in, &x->filter, &x->project, out) : 0;
    *failed = quick < 0;
    if (quick)
        return;
    work w = {.x = x, .p = x->p, .in = in, .b = in->batch};
    *out = NULL;
    *failed = true;
    if (x->pipe) {
        sl_pipes_run(x->pipe, src, in, now_ms, out, failed);
        take_stats(x, now_ms);
        if (*out && !(*out)->base)
            (*out)->at = in->batch->at;
        return;
    }
    if (src < x->p->nsrc && x->p->src[src].pub.is_table) { /* rows of a table are looked at, they start nothing */
        *failed = false;
        return;
    }
    if (src != 0 || !(w.tmp = sl_thread_scratch()) || !(w.out = sl_batch_fresh()))
        return;
    w.run = (sl_run){.p = &x->p->prog, .out = w.out->arena, .tmp = w.tmp, .nrows = w.b->nrows, .meta = w.b->meta, .time = w.b->time, .at = w.b->at};
    w.run.call = (sl_call){.now_ms = now_ms, .zone = x->p->opts.zone, .rule_id = x->p->opts.rule_id, .rule_start_ms = x->start_ms};
    w.run.state = x->state;
    w.rows = (sl_rows){in->sel, x->p->limit == 0 ? 0 : in->n};
    bool dense = !x->p->opts.plain;
    w.run.lasting = dense && !x->p->nana && x->p->prog.lasting && !x->p->where;
    w.run.lazy = true;
    sl_run_begin(&w.run);
    w.nomem = w.run.nomem;
    if (!w.nomem)
        load_columns(&w);
    if (!w.nomem && dense && !x->p->nana)
        sl_run_dense(&w.run, w.rows);
    if (!w.nomem)
        sl_run_unset(&w.run, w.rows);
    if (!w.nomem && x->p->nana) {
        analytic(&w);
        if (!w.nomem && dense) /* now their values stay as they are */
            sl_run_dense(&w.run, w.rows);
    }
    if (!w.nomem && x->p->where)
        filter(&w);
    if (!w.nomem)
        project(&w);
    if (!w.nomem) {
        note_error(&w, now_ms);
        make_frames(&w);
        make_marks(&w);
    }
    if (!w.nomem && (w.rows.n || w.out->nframes || w.out->nmarks)) {
        finish(&w);
        x->project.out += w.out->frames ? w.out->nframes : w.rows.n;
        *out = w.out;
    }
    w.nomem |= w.run.nomem || sl_arena_failed(w.out->arena) || sl_arena_failed(w.tmp);
    sl_run_end(&w.run);
    if (w.nomem || !*out) {
        *out = NULL;
        sl_batch_drop(w.out);
    }
    *failed = w.nomem;
}
void sl_exec_skip(sl_exec *x, uint64_t n) {
    if (x->pipe) {
        x->pipe->nin += n;
        x->pipe->nfiltered += n;
        take_stats(x, INT64_MIN);
    } else
        x->filter.in += n;
}
void sl_exec_zone(sl_exec *x, sl_zone zone) { x->p->opts.zone = zone; }
