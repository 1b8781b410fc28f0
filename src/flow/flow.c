/* A running flow: one source, one exec, its sinks. Opening and closing are small state machines on the lane; the office hears by letter.
 *
 * Decision: closing first stops the intake of a private source, lets what is in flight settle for up to a second (so that a broker hears its
 * acknowledgements), then closes source before sinks: what never settled is not committed and comes again. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/log.h"
#include "flow/flow_int.h"

void sl_flowspec_free(sl_flowspec *s) {
    if (!s)
        return;
    for (uint32_t i = 0; i < s->nsinks; i++)
        sl_sinkdef_drop(&s->sinks[i]);
    sl_plan_drop(s->plan);
    free(s->state);
    sl_srcdef_drop(s->src);
    for (uint32_t i = 0; i < s->nmore; i++)
        sl_srcdef_drop(s->more[i]);
    sl_arena_free(s->arena);
}
const sl_flowspec *sl_flow_spec(const sl_flow *f) { return f->spec; }
sl_loop *sl_flow_loop(const sl_flow *f) { return f->lane->loop; }

/* ---- further sources ---- */
static bool limbs_new(sl_flow *f) {
    uint32_t n = f->spec->nmore;
    f->limbs = calloc(n + 1, sizeof *f->limbs);
    for (uint32_t i = 0; f->limbs && i < n; i++) {
        if (!f->spec->more[i] || sl_plan_source_at(f->spec->plan, i + 1)->is_lookup)
            continue;
        sl_flow *l = f->limbs[f->nlimbs] = calloc(1, sizeof *l);
        if (!l || !(l->colmap = calloc(sl_plan_source_at(f->spec->plan, i + 1)->layout->n + 1, sizeof *l->colmap)))
            return false;
        f->nlimbs++;
        l->spec = f->spec;
        l->root = f;
        l->src = i + 1;
        l->lane = f->lane;
    }
    f->relays = calloc(f->nlimbs + 1, sizeof *f->relays);
    return f->limbs && f->relays && looks_new(f);
}
static void limbs_free(sl_flow *f) {
    for (uint32_t i = 0; f->limbs && i <= f->nlimbs; i++)
        if (f->limbs[i]) {
            if (f->limbs[i]->seen)
                sl_layout_drop(f->limbs[i]->seen);
            free(f->limbs[i]->colmap);
            free(f->limbs[i]);
        }
    for (uint32_t i = 0; f->relays && i < f->nlimbs; i++)
        relay_free(f->relays[i]);
    free(f->relays);
    free(f->limbs);
    looks_free(f);
}
static void tick(void *arg);
static void woken(void *arg) {
    sl_flow *f = arg;
    f->pending--;
    tick(f);
}
static void wake(void *arg) {
    sl_flow *f = arg;
    f->pending++;
    if (!sl_defer(f->lane->loop, woken, f))
        woken(f);
}
static void give_room(sl_flow *f) {
    if (f->sinks != &f->one)
        free(f->sinks);
    if (f->colmap != f->few)
        free(f->colmap);
}
sl_err *sl_flow_new(sl_flowspec *spec, sl_loop *office, void (*event)(void *arg, sl_flow_event e, const char *why), void *arg, sl_flow **out) {
    sl_flow *f = line_alloc(sizeof *f);
    if (!f)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    f->sinks = spec->nsinks <= 1 ? &f->one : calloc(spec->nsinks, sizeof *f->sinks);
    const sl_plan_source *ps = sl_plan_source_at(spec->plan, 0);
    f->colmap = ps->layout->n <= sizeof f->few / sizeof *f->few ? f->few : calloc(ps->layout->n, sizeof *f->colmap);
    if (!f->sinks || !f->colmap) {
        give_room(f);
        free(f);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    f->spec = spec;
    f->office = office;
    f->event = event;
    f->event_arg = arg;
    static unsigned turn; /* office thread only */
    const sl_srcdef *shared = spec->src->shared ? spec->src : NULL;
    for (uint32_t i = 0; i < spec->nmore && !shared; i++)
        shared = spec->more[i] && spec->more[i]->shared ? spec->more[i] : NULL;
    uint64_t where = shared ? sl_hash(shared->stream.p, shared->stream.n) : turn++;
    f->lane = sl_lane_at((int)(where % (uint64_t)sl_lane_count()));
    if (spec->nmore && !limbs_new(f)) {
        limbs_free(f);
        give_room(f);
        free(f);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *out = f;
    return NULL;
}

/* ---- letters to the office ---- */
static void event_arrives(void *arg) { /* @on office */
    flow_letter *l = arg;
    l->event(l->arg, l->e, l->why ? l->why : ""); /* the flow itself may be gone by now */
    free(l->why);
    free(l);
}
static void press(sl_flow *f, bool on);
static void tell(sl_flow *f, sl_flow_event e, const char *why) {
    if (f->told || f->closing)
        return;
    flow_letter *l = calloc(1, sizeof *l);
    if (!l)
        return;
    f->told = true;
    *l = (flow_letter){.e = e, .why = sl_strdup_n(why, strlen(why)), .event = f->event, .arg = f->event_arg};
    sl_post(f->office, event_arrives, l);
}

void flow_fail(sl_flow *f, sl_flow_event e, const char *why) {
    tell(f, e, why);
    f->open = false;
    press(f, true);
}

/* ---- rows ---- */
static void map_columns(sl_flow *f, const sl_layout *l) {
    if (f->seen == l)
        return;
    const sl_layout *want = flow_want(f)->layout;
    f->whole = true;
    for (uint32_t i = 0; i < want->n; i++) {
        int at = i < l->n && sl_str_eq(l->names[i], want->names[i]) ? (int)i : sl_layout_find(l, want->names[i]);
        f->colmap[i] = at < 0 ? 0xFFFF : (uint16_t)at;
        f->whole &= at >= 0;
    }
    if (f->seen)
        sl_layout_drop(f->seen);
    f->seen = sl_layout_hold(l);
}
int64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
/* t: now, in microseconds; weight: turns that this one stands for in the times, 0 = it is not timed */
static void give_out(sl_flow *f, sl_batch *out, int64_t t, int64_t weight) {
    f->rows_out += out->nrows;
    if (!out->ticket)
        out->ticket = ck_ticket(f);
    if (f->watch)
        watch_take(f->watch, out);
    for (uint32_t i = 0; i < f->nsinks; i++) {
        sink_take(f->sinks[i], out);
        if (!weight)
            continue;
        int64_t after = clock_us();
        sink_took(f->sinks[i], after - t);
        f->busy_us += (after - t) * weight;
        t = after;
    }
    sl_batch_drop(out);
}
/* The next instant at which the statement wants to be called. */
static void wind(sl_flow *f) {
    if (f->replaying)
        return;
    int64_t at = sl_exec_next(f->exec);
    if (at == INT64_MAX) {
        if (f->tick)
            sl_timer_stop(f->tick);
        return;
    }
    if (!f->tick && !(f->tick = sl_timer_new(f->lane->loop, tick, f))) {
        sl_error(f->spec->rule_id.p, "out of memory: no timer for the rule's windows");
        return;
    }
    sl_timer_at(f->tick, at);
}
/* On the held clock everything that is due at an instant happens at that instant. */
static void slice(sl_flow *f) {
    enum { MOST_US = 5000 };
    sl_exec_slice(f->exec, sl_clock_held() || f->replaying ? 0 : MOST_US);
}
/* What is left over of a long tick is told now, in one. */
static void finish(sl_flow *f) {
    if (!f->open || !f->timed || !sl_exec_unfinished(f->exec))
        return;
    sl_batch *out = NULL;
    bool failed = false;
    sl_exec_slice(f->exec, 0);
    sl_exec_tick(f->exec, f->last_ms, &out, &failed);
    if (failed && !account_over(f))
        sl_error(f->spec->rule_id.p, "out of memory: rows of a window were lost");
    if (out)
        give_out(f, out, 0, 0);
}
static void tick(void *arg) {
    sl_flow *f = arg;
    if (!f->open || f->eof || f->closing || f->replaying)
        return;
    sl_batch *out = NULL;
    bool failed = false;
    f->ticks++;
    int64_t t0 = clock_us();
    f->last_ms = sl_now(f->lane->loop);
    slice(f);
    sl_exec_tick(f->exec, f->last_ms, &out, &failed);
    int64_t t = clock_us();
    f->busy_us += t - t0;
    if (failed && !account_over(f))
        sl_error(f->spec->rule_id.p, "out of memory: rows of a window were lost");
    if (out)
        give_out(f, out, t, 1);
    if (f->heavy)
        account_turn(f);
    wind(f);
}
void flow_tick(sl_flow *f) {
    if (f->timed)
        tick(f);
}
void flow_warm(const sl_flow *f, int step) {
    if (!f || !f->open)
        return;
    if (step == 0) {
        __builtin_prefetch(f->exec, 1);
        __builtin_prefetch((const char *)f->exec + 64, 1);
        for (uint32_t i = 0; i < f->nsinks; i++)
            sink_warm(f->sinks[i], 0);
        return;
    }
    if (step == 1)
        for (uint32_t i = 0; i < f->nsinks; i++)
            sink_warm(f->sinks[i], 1);
    sl_exec_warm(f->exec, step - 1);
}
void flow_owe(sl_flow *f, uint64_t rows, int64_t last_ms) {
    f->rows_in += rows;
    sl_exec_skip(f->exec, rows);
    if (last_ms > f->last_ms)
        f->last_ms = last_ms;
}
void flow_batch(sl_flow *f, sl_batch *b, int64_t now) { flow_rows(f, b, NULL, b->nrows, now); }
void flow_rows(sl_flow *from, sl_batch *b, const uint32_t *sel, uint32_t n, int64_t now) {
    if (from->relay) {
        relay_batch(from, b, now); /* such a flow is shown whole batches */
        return;
    }
    sl_flow *f = from->root ? from->root : from;
    if (!f->open || f->eof || (f->closing && (!from->source || !source_stopped(from->source))))
        return;
    map_columns(from, b->layout);
    sl_view v = {.batch = b, .sel = sel, .n = n, .colmap = from->colmap, .whole = from->whole, .frames = b->frames, .nframes = b->nframes};
    /* Asking the clock costs as much as a small rule: of a long run every sixteenth turn stands for all. */
    enum { FIRST = 64, EVERY = 16 };
    bool timed = f->batches++ < FIRST || f->batches % EVERY == 0;
    int64_t weight = !timed ? 0 : f->batches <= FIRST ? 1 : EVERY;
    int64_t t0 = timed ? clock_us() : 0;
    sl_batch *out = NULL;
    bool failed = false;
    sl_trace *seen = f->tap ? trace_begin(f, b) : NULL;
    if (f->timed)
        slice(f);
    sl_exec_run(f->exec, from->src, &v, now, &out, &failed);
    trace_ran(seen, out);
    f->last_ms = now;
    int64_t t = timed ? clock_us() : 0;
    if (timed) {
        f->took_us = t - t0;
        hist_took(&f->hist, t - t0);
        f->busy_us += (t - t0) * weight;
    }
    f->rows_in += n;
    if (failed && !account_over(f))
        sl_error(f->spec->rule_id.p, "out of memory: rows of one batch were lost");
    if (f->timed)
        wind(f);
    if (out) {
        if (!out->ticket)
            out->ticket = sl_ticket_hold(b->ticket);
        give_out(f, out, t, weight);
    }
    trace_end(f, seen);
    if (f->heavy)
        account_turn(f);
}
static bool idle(const sl_flow *f) {
    for (uint32_t i = 0; i < f->nsinks; i++)
        if (!sink_idle(f->sinks[i]))
            return false;
    return true;
}
static void press(sl_flow *f, bool on) {
    source_pressure(f, on);
    for (uint32_t i = 0; i < f->nlimbs; i++)
        source_pressure(f->limbs[i], on);
}
void flow_press(sl_flow *f) { press(f, f->pressed || f->account.back); }
bool flow_rewinds(const sl_flow *f) {
    bool all = f->source && !source_is_shared(f->source) && source_rewinds(f->source);
    for (uint32_t i = 0; i < f->nlimbs; i++)
        all &= f->limbs[i]->source && !source_is_shared(f->limbs[i]->source) && source_rewinds(f->limbs[i]->source);
    return all;
}
static void keep_last(void *arg);
void flow_sink_moved(sl_flow *f) {
    if (f->closing) {
        if (f->drain && idle(f) && (!f->journal || journal_idle(f->journal))) {
            sl_timer_free(f->drain);
            f->drain = NULL;
            sl_defer(f->lane->loop, keep_last, f);
        }
        return;
    }
    if (!f->open)
        return;
    bool full = false, low = true;
    for (uint32_t i = 0; i < f->nsinks; i++) {
        full |= sink_full(f->sinks[i]);
        low &= sink_low(f->sinks[i]);
    }
    if (full && !f->pressed) {
        f->pressed = true;
        flow_press(f);
    } else if (low && f->pressed) {
        f->pressed = false;
        flow_press(f);
    }
    if (f->account.back) { /* less may wait now */
        account_turn(f);
        if (!f->open)
            return;
    }
    if (f->eof && idle(f))
        tell(f, SL_FLOW_DONE, "done");
}
/* The end has come when every stream has ended; tables do not count. */
static bool ended(sl_flow *f) {
    bool all = f->eof_here || flow_want(f)->is_table;
    for (uint32_t i = 0; i < f->nlimbs; i++)
        all &= f->limbs[i]->eof_here || flow_want(f->limbs[i])->is_table;
    return all;
}
void flow_eof(sl_flow *from) {
    if (from->relay) {
        relay_eof(from);
        return;
    }
    sl_flow *f = from->root ? from->root : from;
    from->eof_here = true;
    if (!ended(f))
        return;
    finish(f);
    for (uint32_t i = 0; i < f->nsinks; i++)
        sink_finish(f->sinks[i]);
    f->eof = true;
    flow_sink_moved(f);
}

/* ---- opening ---- */
int flow_steps_of(const sl_srcdef *d) { return (d->codec != NULL) + (d->strict && d->nfields); }
static sl_err *join_limb(sl_flow *f, uint32_t i) {
    sl_flow *l = f->limbs[i];
    sl_lane *home = relay_home(flow_def(l), f->lane);
    if (home == f->lane)
        return source_join(l);
    int op = 2 + flow_steps_of(f->spec->src);
    for (uint32_t k = 0; k < i; k++)
        op += flow_steps_of(flow_def(f->limbs[k]));
    SL_TRY(relay_new(l, home, op, &f->relays[i]));
    f->joining++;
    if (relay_join(f->relays[i]))
        return NULL;
    f->joining--;
    return sl_err_new(SL_E_NOMEM, "out of memory");
}
static void open_last(sl_flow *f, sl_err *e) {
    if (!e)
        e = source_join(f);
    if (!e)
        ck_begin(f);
    if (!e && f->timed)
        wind(f);
    if (e) {
        f->open = false;
        tell(f, SL_FLOW_FAILED, sl_err_text(e));
        sl_err_free(e);
    }
}
void flow_joined(sl_flow *f, sl_err *e) {
    f->joining--;
    if (f->closing || !f->open) /* it failed, or is to end */
        sl_err_free(e);
    else if (e || !f->joining)
        open_last(f, e);
}
static void open_now(void *arg) {
    sl_flow *f = arg;
    if (f->closing)
        return;
    sl_err *e = NULL;
    f->exec = sl_exec_new(f->spec->plan, sl_now(f->lane->loop));
    e = f->exec ? ck_open(f) : sl_err_new(SL_E_NOMEM, "out of memory");
    for (uint32_t i = 0; !e && i < f->spec->nsinks; i++) {
        e = sink_open(f, i, &f->sinks[i]);
        if (!e)
            f->nsinks++;
    }
    f->open = !e;
    f->timed = f->exec && sl_exec_timed(f->exec);
    f->account.keeps = f->heavy = f->exec && sl_exec_stateful(f->exec);
    if (f->exec && f->spec->memory_hard)
        sl_exec_room(f->exec, (size_t)f->spec->memory_hard);
    if (!e && f->lookups) {
        sl_exec_env_set(f->exec, &(sl_exec_env){f, looks_one, wake, looks_many});
        e = looks_open(f);
    }
    for (uint32_t i = 0; !e && i < f->nlimbs; i++) /* tables and other sides first: what drives the rule comes last */
        e = join_limb(f, i);
    if (e || !f->joining)
        open_last(f, e);
}
void sl_flow_open(sl_flow *f) { sl_post(f->lane->loop, open_now, f); }

/* ---- watching ---- */
typedef struct wish {
    sl_flow *f;
    int64_t ms;
    char path[];
} wish;
static void watch_over(void *arg) {
    sl_flow *f = arg;
    if (f->watch)
        watch_close(f->watch, NULL, NULL);
    f->watch = NULL;
}
static void watch_now(void *arg) { /* @on lane */
    wish *w = arg;
    sl_flow *f = w->f;
    sl_err *e = f->watch || f->closing ? NULL : watch_open(f, w->path, &f->watch);
    if (e)
        sl_warn(f->spec->rule_id.p, "cannot be watched: %s", sl_err_text(e));
    sl_err_free(e);
    if (f->watch && !f->watch_end)
        f->watch_end = sl_timer_real(f->lane->loop, watch_over, f);
    if (f->watch && f->watch_end)
        sl_timer_in(f->watch_end, w->ms);
    free(w);
}
void sl_flow_watch(sl_flow *f, const char *path, int64_t ms) { /* a closing flow hears this before its end: letters keep their order */
    wish *w = malloc(sizeof *w + strlen(path) + 1);
    if (!w)
        return;
    w->f = f;
    w->ms = ms;
    strcpy(w->path, path);
    if (!sl_post(f->lane->loop, watch_now, w))
        free(w);
}

/* ---- zone ---- */
typedef struct new_zone {
    sl_flow *f;
    sl_zone zone;
} new_zone;
static void zone_now(void *arg) { /* @on lane */
    new_zone *z = arg;
    if (z->f->exec)
        sl_exec_zone(z->f->exec, z->zone);
    free(z);
}
void sl_flow_zone(sl_flow *f, sl_zone zone) {
    new_zone *z = malloc(sizeof *z);
    if (!z)
        return;
    *z = (new_zone){f, zone};
    if (!sl_post(f->lane->loop, zone_now, z))
        free(z);
}

/* ---- closing ---- */
static void all_closed(void *arg) { /* @on lane */
    sl_flow *f = arg;
    if (f->pending) { /* a call of ours is still on its way */
        sl_defer(f->lane->loop, all_closed, f);
        return;
    }
    account_end(f);
    ck_close(f);
    limbs_free(f);
    for (uint32_t i = 0; i < f->nsinks; i++)
        sink_free(f->sinks[i]);
    f->nsinks = 0;
    if (f->exec)
        sl_exec_free(f->exec);
    if (f->seen)
        sl_layout_drop(f->seen);
    sl_flowspec_free(f->spec);
    flow_letter *l = f->done_arg;
    l->f = NULL;
    sl_post(f->office, flow_meters_arrive, l);
    free(f->hist);
    free(f->tap);
    give_room(f);
    free(f);
}
static void sink_closed(void *arg) {
    sl_flow *f = arg;
    if (--f->closing_sinks == 0)
        sl_defer(f->lane->loop, all_closed, f);
}
static void close_sinks(void *arg) {
    sl_flow *f = arg;
    f->closing_sinks = f->nsinks + 1;
    if (f->watch) {
        f->closing_sinks++;
        watch_close(f->watch, sink_closed, f);
        f->watch = NULL;
    }
    sl_timer_free(f->watch_end);
    f->watch_end = NULL;
    for (uint32_t i = 0; i < f->nsinks; i++)
        sink_close(f->sinks[i], sink_closed, f);
    sink_closed(f);
}
static void journal_left(void *arg) {
    sl_flow *f = arg;
    f->journal = NULL;
    close_sinks(f);
}
static void left(void *arg) {
    sl_flow *f = arg;
    if (--f->leaving)
        return;
    if (f->journal)
        journal_close(f->journal, journal_left, f);
    else
        close_sinks(f);
}
static void close_source(void *arg) {
    sl_flow *f = arg;
    flow_snapshot(f, &((flow_letter *)f->done_arg)->m);
    f->open = false;
    sl_timer_free(f->tick);
    f->tick = NULL;
    f->leaving = 2 + f->nlimbs;
    flow_letter *l = f->done_arg;
    if (flow_has_relays(f) && (l->far = calloc(f->nlimbs, sizeof *l->far)))
        l->nfar = f->nlimbs;
    for (uint32_t i = 0; i < f->nlimbs; i++)
        if (f->relays[i])
            relay_leave(f->relays[i], l->far ? &l->far[i] : NULL, left);
        else
            source_leave(f->limbs[i], left, f);
    looks_close(f, left);
    source_leave(f, left, f);
    left(f);
}
static void keep_last(void *arg) { ck_final(arg, close_source); }
static void drain_over(void *arg) {
    sl_flow *f = arg;
    sl_timer *t = f->drain;
    f->drain = NULL;
    sl_timer_free(t);
    keep_last(f);
}
static void close_now(void *arg) { /* @on lane */
    sl_flow *f = arg;
    if (!f->open || !f->source) {
        f->closing = true;
        close_source(f);
        return;
    }
    source_stop_intake(f);
    for (uint32_t i = 0; i < f->nlimbs; i++)
        source_stop_intake(f->limbs[i]);
    finish(f);
    for (uint32_t i = 0; i < f->nsinks; i++)
        sink_finish(f->sinks[i]);
    f->closing = true;
    bool quiet = idle(f) && (!f->journal || journal_idle(f->journal));
    f->drain = quiet ? NULL : sl_timer_real(f->lane->loop, drain_over, f);
    if (f->drain)
        sl_timer_in(f->drain, 1000);
    else
        keep_last(f);
}
void sl_flow_close(sl_flow *f, void (*done)(void *arg, sl_meters *m), void *arg) {
    flow_letter *l = calloc(1, sizeof *l);
    if (!l) { /* cannot be told; the flow is left running rather than leaked half closed */
        sl_meters none = {0};
        done(arg, &none);
        return;
    }
    *l = (flow_letter){.f = f, .done = done, .arg = arg};
    f->done_arg = l;
    sl_post(f->lane->loop, close_now, f);
}
