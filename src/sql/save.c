/* State of a running statement in binary form (data/pack): a header, then the parts in a fixed order. What a form holds is told by the plan, so the
 * header carries the plan's text: state is taken over only by an instance of the same plan.
 * Decision: one text decides, the bound statement spelled out with the options that change results. A rule whose sinks or other options change keeps its
 * state; any other change drops it, and says so. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/dedup.h"
#include "sql/parse.h"

enum { FORM = 3 };

/* ---- parts ---- */
size_t sl_keeps_bytes_all(sl_keeps *const *k, uint32_t n) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        bytes += k[i] ? sl_keeps_bytes(k[i]) : 0;
    return bytes;
}
size_t sl_sites_bytes(const sl_prog *p, void *const *state) {
    size_t bytes = 0;
    for (uint32_t i = 0; state && i < p->nsite; i++)
        bytes += p->sites[i]->kept && state[i] ? sl_keeps_bytes(state[i]) : 0;
    return bytes;
}
void sl_keeps_save_all(sl_keeps *const *k, uint32_t n, sl_buf *out) {
    sl_pack_value(out, sl_v_int(n));
    for (uint32_t i = 0; i < n; i++) {
        sl_pack_value(out, sl_v_bool(k[i] != NULL));
        if (k[i])
            sl_keeps_save(k[i], out);
    }
}
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: it is damaged"); }
static sl_err *flag(sl_str *at, sl_value *v) {
    sl_arena *a = sl_arena_new(0);
    sl_err *e = a ? sl_unpack_value(a, at, v) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(a);
    return !e && v->kind != SL_INT && v->kind != SL_BOOL ? damaged() : e;
}
static sl_err *keeps_at(sl_keeps **k, sl_str *at) {
    if (!*k && !(*k = sl_keeps_new()))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    return sl_keeps_load(*k, at);
}
sl_err *sl_keeps_load_all(sl_keeps **k, uint32_t n, sl_str *at) {
    sl_value v;
    SL_TRY(flag(at, &v));
    if (v.i != n)
        return damaged();
    for (uint32_t i = 0; i < n; i++) {
        SL_TRY(flag(at, &v));
        if (v.i)
            SL_TRY(keeps_at(&k[i], at));
    }
    return NULL;
}
void sl_sites_save(const sl_prog *p, void *const *state, sl_buf *out) {
    for (uint32_t i = 0; i < p->nsite; i++) {
        if (!p->sites[i]->kept)
            continue;
        sl_pack_value(out, sl_v_bool(state[i] != NULL));
        if (state[i])
            sl_keeps_save(state[i], out);
    }
}
sl_err *sl_sites_load(const sl_prog *p, void **state, sl_str *at) {
    for (uint32_t i = 0; i < p->nsite; i++) {
        if (!p->sites[i]->kept)
            continue;
        sl_value v;
        SL_TRY(flag(at, &v));
        if (v.i)
            SL_TRY(keeps_at((sl_keeps **)&state[i], at));
    }
    return NULL;
}

/* ---- the pipe ---- */
bool sl_pipes_quiet(const sl_pipes *r) { return !r->parked; }
void sl_pipes_save(const sl_pipes *r, sl_buf *out) {
    const sl_plan *p = r->p;
    sl_pack_value(out, sl_v_int((int64_t)r->rows.seq));
    sl_keeps_save_all(r->ana, p->nana, out);
    sl_keeps_save_all(r->cols, p->ncols, out);
    sl_sites_save(&r->k->in, r->state_in, out);
    sl_sites_save(&r->k->rows, r->state_rows, out);
    sl_sites_save(&p->prog, r->state_out, out);
    sl_sites_save(&r->k->join, r->state_join, out);
    if (r->wm)
        sl_wm_save(r->wm, r->k->ncells, out);
    if (r->win)
        sl_win_save(r->win, out);
    if (r->fast)
        sl_fast_save(r->fast, out);
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (p->src[i].pub.is_table && !p->src[i].lookup)
            sl_kq_save(&r->tables[i], r->k->ncells, out);
    if (r->dedup)
        sl_dedup_save(r, out);
}
sl_err *sl_pipes_load(sl_pipes *r, sl_str *at) {
    const sl_plan *p = r->p;
    sl_value seq;
    SL_TRY(flag(at, &seq));
    SL_TRY(sl_keeps_load_all(r->ana, p->nana, at));
    SL_TRY(sl_keeps_load_all(r->cols, p->ncols, at));
    SL_TRY(sl_sites_load(&r->k->in, r->state_in, at));
    SL_TRY(sl_sites_load(&r->k->rows, r->state_rows, at));
    SL_TRY(sl_sites_load(&p->prog, r->state_out, at));
    SL_TRY(sl_sites_load(&r->k->join, r->state_join, at));
    if (r->wm)
        SL_TRY(sl_wm_load(r->wm, &r->rows, r->k->ncells, at));
    if (r->win)
        SL_TRY(sl_win_load(r->win, &r->rows, p->nsrc, at));
    if (r->fast)
        SL_TRY(sl_fast_load(r->fast, at));
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (p->src[i].pub.is_table && !p->src[i].lookup)
            SL_TRY(sl_kq_load(&r->tables[i], &r->rows, r->k->ncells, p->nsrc, at));
    if (r->dedup)
        SL_TRY(sl_dedup_load(r, at));
    r->rows.seq = (uint64_t)seq.i; /* loading made rows too */
    return NULL;
}

/* ---- the header ---- */
/* One node in full: the plan form of an expression (print.c) is for people, it rounds numbers and leaves results of CASE out. */
static bool spell(sl_expr *e, void *arg) {
    sl_buf *out = arg;
    sl_buf_printf(out, "(%d %d %d %d%d %u %d ", e->kind, e->op, e->negated, e->l != NULL, e->r != NULL, e->nargs, e->kind == SL_X_SLOT ? e->b_slot : -1);
    if (e->kind != SL_X_SLOT)
        sl_buf_printf(out, "%.*s.%.*s", SL_FMT(e->source), SL_FMT(e->name));
    if (e->kind == SL_X_LITERAL && (e->value.kind == SL_INT || e->value.kind == SL_BOOL))
        sl_buf_printf(out, "%d:%lld", e->value.kind, (long long)e->value.i);
    else if (e->kind == SL_X_LITERAL && e->value.kind == SL_FLOAT)
        sl_buf_printf(out, "%a", e->value.f);
    else if (e->kind == SL_X_LITERAL && e->value.kind == SL_STRING)
        sl_buf_printf(out, "\"%u:%.*s", (unsigned)sl_v_text(e->value).n, SL_FMT(sl_v_text(e->value)));
    for (uint32_t i = 0; i < e->nexcept; i++)
        sl_buf_printf(out, " -%.*s", SL_FMT(e->except[i]));
    for (uint32_t i = 0; i < e->nreplace; i++)
        sl_buf_printf(out, " +%.*s", SL_FMT(e->replace[i].alias));
    if (e->over)
        sl_buf_printf(out, " over %u %u %d", e->over->npartition, e->over->norder, e->over->when != NULL);
    for (uint32_t i = 0; e->over && i < e->over->norder; i++)
        sl_buf_putc(out, e->over->order[i].desc ? '>' : '<');
    return true;
}
static void text_of(sl_buf *out, const char *name, const sl_expr *e) {
    if (!e)
        return;
    sl_buf_printf(out, " %s ", name);
    sl_expr_walk((sl_expr *)(uintptr_t)e, spell, out);
}
/* The bound statement, spelled out: what selects, keeps, groups and computes. */
void sl_plan_identity(const sl_plan *p, sl_buf *out) {
    const sl_select *s = p->bound;
    for (uint32_t i = 0; i < p->nfields; i++) {
        sl_buf_printf(out, " field %.*s %d", SL_FMT(p->fields[i].name), p->fields[i].visible);
        text_of(out, "=", p->fields[i].expr);
    }
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_buf_printf(out, " from %.*s %d", SL_FMT(p->src[i].pub.stream), p->src[i].pub.all);
        for (uint32_t c = 0; c < p->src[i].n; c++)
            sl_buf_printf(out, ",%.*s", SL_FMT(p->src[i].names[c]));
    }
    for (uint32_t i = 0; i < s->njoins; i++) {
        sl_buf_printf(out, " join %d", s->joins[i].type);
        text_of(out, "on", s->joins[i].on);
    }
    text_of(out, "where", s->where);
    for (uint32_t i = 0; i < s->ndims; i++)
        text_of(out, "by", s->dims[i]);
    const sl_window *w = s->window;
    if (w) {
        sl_buf_printf(out, " window %d %d %lld %lld %lld", w->kind, w->unit, (long long)w->length, (long long)w->interval, (long long)w->delay);
        text_of(out, "begin", w->begin);
        text_of(out, "emit", w->emit);
        text_of(out, "filter", w->filter);
        text_of(out, "when", w->when);
        for (uint32_t i = 0; i < w->npartition; i++)
            text_of(out, "partition", w->partition[i]);
    }
    text_of(out, "having", s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        text_of(out, s->order[i].desc ? "desc" : "asc", s->order[i].expr);
    const sl_plan_opts *o = &p->opts;
    sl_buf_printf(out, "|%lld|%d%d%d%d%d%d%s|%lld|%s", (long long)p->limit, o->event_time, o->send_nil, o->ignore_case, o->incremental, o->window_v2, o->sliding_twice,
                  o->plain ? "p" : "", o->event_time ? (long long)o->late_ms : 0LL, sl_zone_name(o->zone));
    if (p->pipe && p->pipe->windowed) /* what a window holds */
        sl_buf_printf(out, "|%s%d%s %lld", p->pipe->running.unfit ? "rows" : "groups", p->pipe->running.multi, p->pipe->running.ahead ? "ahead" : "",
                      (long long)p->pipe->running.pane);
}
void sl_state_head(const sl_plan *p, sl_buf *out) {
    sl_buf id = {0};
    sl_plan_identity(p, &id);
    sl_pack_value(out, sl_v_int(FORM));
    sl_pack_value(out, sl_v_str(sl_buf_view(&id)));
    out->failed |= id.failed;
    sl_buf_free(&id);
}
sl_err *sl_state_head_check(const sl_plan *p, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_buf id = {0};
    sl_value form, text;
    sl_plan_identity(p, &id);
    sl_err *e = !a || id.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : sl_unpack_value(a, at, &form);
    if (!e && (form.kind != SL_INT || form.i != FORM))
        e = sl_err_new(SL_E_CODEC, "saved state: it was written by another version (form %lld, this one reads %d)", (long long)form.i, FORM);
    e = e ? e : sl_unpack_value(a, at, &text);
    if (!e && (text.kind != SL_STRING || !sl_str_eq(sl_v_text(text), sl_buf_view(&id))))
        e = sl_err_new(SL_E_CODEC, "the statement or an option that changes its results is not what it was when the state was saved");
    sl_buf_free(&id);
    sl_arena_free(a);
    return e;
}
