/* Rules: a small state machine each, fed by requests one at a time. A request that needs a flow to end waits for its letter; requests that
 * arrive meanwhile queue up. */
#include <stdatomic.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "core/office_int.h"

static void next(sl_rule *r);
static int64_t now_ms(const sl_office *o) { return sl_now(o->conf.loop); }
static bool busy(const sl_rule *r) { return r->state == SL_RULE_STOPPING || r->state == SL_RULE_STARTING; }
static sl_rule *find(sl_office *o, sl_str id) { return sl_map_get(o->rules, id); }
static void set_message(sl_rule *r, const char *text) {
    free(r->message);
    r->message = *text ? sl_strdup_n(text, strlen(text)) : NULL;
}
static void failed(sl_rule *r, const char *why) { /* it could not start */
    r->state = SL_RULE_ERROR;
    r->last_stop = now_ms(r->office);
    set_message(r, why);
}
void rule_free(sl_rule *r) {
    if (!r)
        return;
    for (size_t i = 0; i < r->queue.n; i++)
        rule_def_free(r->queue.at[i].def);
    SL_VEC_FREE(r->queue);
    rule_def_free(r->def);
    sl_meters_free(&r->last);
    sl_timer_free(r->again);
    free(r->id);
    free(r->message);
    free(r->topo);
    free(r->watch);
    free(r);
}
/* Text as it is stored after a change of state or tags: compact, keys sorted, triggered present. */
static sl_err *store_rule(sl_rule *r, bool triggered) {
    rule_def *d = r->def;
    d->triggered = triggered;
    sl_json_set(d->arena, d->json, "triggered", sl_json_bool(d->arena, triggered));
    if (!sl_json_get(d->json, "id"))
        sl_json_set(d->arena, d->json, "id", sl_json_str(d->arena, d->id));
    sl_buf b = {0};
    sl_json_write(&b, d->json, true, 0);
    d->text = sl_arena_dup(d->arena, sl_buf_view(&b));
    sl_buf_free(&b);
    return d->temp ? NULL : store_put(r->office, "rule", d->id, d->text);
}

/* ---- flow events ---- */
static void start_again(void *arg);
enum { LIMIT_WAIT = 10000 }; /* ms, at least, after a failure by the memory limit */
/* ms until the rule is tried again as its restart strategy says; below 0: not again */
static int64_t next_wait(sl_rule *r) {
    const rule_opts *o = &r->def->o;
    if (o->attempts <= 0 || r->tries >= o->attempts)
        return -1;
    double ns = (double)o->delay_ns;
    for (int i = 0; i < r->tries && ns < (double)o->max_delay_ns; i++)
        ns *= o->multiplier;
    if (ns > (double)o->max_delay_ns)
        ns = (double)o->max_delay_ns;
    ns *= 1 + o->jitter * ((double)(random() % 2001) / 1000 - 1);
    r->tries++;
    return ns > 0 ? (int64_t)(ns / 1e6) : 0;
}
static void arm_again(sl_rule *r, int64_t in) {
    if (in < 0 || r->office->stopping)
        return;
    if (!r->again)
        r->again = sl_timer_new(r->office->conf.loop, start_again, r);
    if (r->again)
        sl_timer_in(r->again, in);
}
/* State is kept under the rule's name; what does not fit a later statement is refused when it is loaded. */
bool rule_keep_state(void *arg, sl_str rule_id, sl_str state) {
    enum { MOST = 512 << 20 };
    sl_office *o = arg;
    if (!find(o, rule_id))
        return false;
    sl_err *e = state.n > MOST ? sl_err_new(SL_E_LIMIT, "it has %zu bytes, at most %d are kept", state.n, MOST) : store_put(o, "state", rule_id, state);
    if (e)
        sl_error("rule", "the state of rule %.*s is not saved: %s", SL_FMT(rule_id), sl_err_text(e));
    bool ok = !e;
    sl_err_free(e);
    return ok;
}
static void finish_stop(void *arg, sl_meters *m) {
    sl_rule *r = arg;
    sl_meters_free(&r->last);
    r->last = *m;
    *m = (sl_meters){0};
    r->state = r->stop_state;
    r->last_stop = now_ms(r->office);
    if (r->stop_message)
        set_message(r, r->stop_message);
    r->stop_message = NULL;
    if (r->state == SL_RULE_ERROR && !r->queue.n)
        arm_again(r, r->retry_in);
    next(r);
}
static void begin_stop(sl_rule *r, sl_rule_state to, const char *message) {
    sl_buf topo = {0};
    rule_topo(sl_flow_spec(r->flow), &topo);
    free(r->topo);
    r->topo = sl_buf_take(&topo);
    r->trace = false;
    sl_flow *f = r->flow;
    r->flow = NULL;
    r->state = SL_RULE_STOPPING;
    r->stop_state = to;
    r->stop_message = message;
    r->retry_in = -1;
    sl_flow_close(f, finish_stop, r);
}
static void on_event(void *arg, sl_flow_event e, const char *why) {
    sl_rule *r = arg;
    if (!r->flow)
        return;
    if (e == SL_FLOW_DONE) {
        store_rule(r, false);
        begin_stop(r, SL_RULE_STOPPED, NULL);
        set_message(r, why);
        return;
    }
    sl_error(r->id, "stopped by error: %s", why);
    begin_stop(r, SL_RULE_ERROR, NULL);
    set_message(r, why);
    r->retry_in = next_wait(r);
    int64_t longest = r->def->o.max_delay_ns / 1000000;
    if (e == SL_FLOW_LIMIT && r->retry_in >= 0) /* it would grow again: at once is too soon, whatever the delay */
        r->retry_in = longest > LIMIT_WAIT ? longest : LIMIT_WAIT;
}
/* What was kept when the rule ended, or was killed; read as late as possible, behind the end of the former flow. */
static void take_state(sl_rule *r, sl_flowspec *spec) {
    sl_buf key = {0}, state = {0};
    bool found = false;
    sl_buf_printf(&key, "state/%s", r->id);
    sl_err *e = sl_kvlog_get(r->office->kv, sl_buf_view(&key), &state, &found);
    if (e)
        sl_error("rule", "the state of rule %s cannot be read: %s", r->id, sl_err_text(e));
    sl_err_free(e);
    if (found) {
        spec->nstate = state.n;
        spec->state = sl_buf_take(&state);
    }
    sl_buf_free(&state);
    sl_buf_free(&key);
}
static void launch(sl_rule *r, sl_flowspec *spec) {
    sl_flow *f = NULL;
    if (spec->keep)
        take_state(r, spec);
    if (r->office->stopping) { /* a request that waited for the old flow's end */
        sl_flowspec_free(spec);
        r->state = SL_RULE_STOPPED;
        return;
    }
    sl_err *e = sl_flow_new(spec, r->office->conf.loop, on_event, r, &f);
    if (e) {
        sl_flowspec_free(spec);
        failed(r, sl_err_text(e));
        sl_err_free(e);
        return;
    }
    r->flow = f;
    r->state = SL_RULE_RUNNING;
    r->ran = true;
    r->last_start = now_ms(r->office);
    set_message(r, "");
    for (uint32_t i = 0; i < sl_plan_nsources(spec->plan); i++) {
        stream_def *d = sl_map_get(r->office->streams, sl_plan_source_at(spec->plan, i)->stream);
        if (d && d->def->opts.shared)
            d->ever_shared = true;
    }
    sl_flow_open(f);
}
static void start_again(void *arg) {
    sl_rule *r = arg;
    if (r->state != SL_RULE_ERROR || r->office->stopping)
        return;
    sl_flowspec *spec = NULL;
    sl_err *e = rule_plan(r->office, r->def, &spec);
    if (e) {
        set_message(r, sl_err_text(e));
        sl_err_free(e);
        arm_again(r, next_wait(r));
        return;
    }
    launch(r, spec);
}

/* ---- requests, one at a time ---- */
static void forget(sl_rule *r) {
    sl_map_del(r->office->rules, sl_str_of(r->id));
    rule_free(r);
}
void office_check_stopped(sl_office *o) {
    size_t it = 0;
    void *v;
    if (!o->stopping || !o->stopped || trials_busy(o))
        return;
    while (sl_map_next(o->rules, &it, NULL, &v))
        if (((sl_rule *)v)->flow || busy(v))
            return;
    sl_fn done = o->stopped;
    o->stopped = NULL;
    done(o->stopped_arg);
}
static void forget_state(sl_rule *r) {
    sl_err_free(store_put(r->office, "state", sl_str_of(r->id), (sl_str){0}));
    sl_flow_forget_journal(r->office->conf.home, sl_str_of(r->id));
}
static void step(sl_rule *r) { /* the request at the head; the flow is down or must go down first */
    queued q = r->queue.at[0];
    if (r->flow) {
        if (q.op == OP_STOP)
            begin_stop(r, SL_RULE_STOPPED, "canceled manually");
        else if (q.op == OP_SCHED_STOP)
            begin_stop(r, SL_RULE_WAITING, "schedule terminated");
        else if (q.op == OP_DURATION)
            begin_stop(r, SL_RULE_STOPPED, "duration terminated");
        else
            begin_stop(r, SL_RULE_STOPPED, q.op == OP_DELETE ? NULL : "stopped by update");
        return;
    }
    memmove(r->queue.at, r->queue.at + 1, (r->queue.n - 1) * sizeof q);
    r->queue.n--;
    sl_err *e = NULL;
    switch (q.op) {
    case OP_UPDATE:
        if (r->def && r->def->o.qos > 0 && q.def->o.qos <= 0) /* it would be found by a later one that knows nothing of what came between */
            forget_state(r);
        rule_def_free(r->def);
        r->def = q.def;
        r->complained = false;
        schedule_watch(r->office, r->def);
        if (q.spec)
            launch(r, q.spec);
        break;
    case OP_START:
        if (q.spec)
            launch(r, q.spec);
        break;
    case OP_RESTART:
        if (rule_scheduled(r->def)) {
            r->state = SL_RULE_WAITING;
            set_message(r, "");
        } else {
            sl_flowspec *spec = NULL;
            e = rule_plan(r->office, r->def, &spec);
            if (!e)
                launch(r, spec);
            else {
                failed(r, sl_err_text(e));
            }
        }
        break;
    case OP_STOP:
        r->state = SL_RULE_STOPPED;
        set_message(r, "canceled manually");
        break;
    default: break;
    }
    if (q.op == OP_DELETE) {
        sl_flow_forget(r->office->conf.home, sl_str_of(r->id));
        if (r->def && r->def->o.qos > 0)
            forget_state(r);
        sl_office *o = r->office;
        forget(r);
        if (q.done)
            q.done(q.arg, NULL);
        office_check_stopped(o);
        return;
    }
    if (q.done)
        q.done(q.arg, e);
    else
        sl_err_free(e);
    next(r);
}
static void next(sl_rule *r) {
    if (busy(r))
        return;
    if (r->queue.n)
        step(r);
    else
        office_check_stopped(r->office);
}
static void request(sl_rule *r, queued q) {
    if (!SL_PUSH(r->queue, q)) {
        if (q.spec)
            sl_flowspec_free(q.spec);
        rule_def_free(q.def);
        if (q.done)
            q.done(q.arg, sl_err_new(SL_E_NOMEM, "out of memory"));
        return;
    }
    if (r->queue.n == 1)
        next(r);
}

void rule_schedule(sl_rule *r, rule_op op) {
    sl_flowspec *spec = NULL;
    sl_err *e = op == OP_START ? rule_plan(r->office, r->def, &spec) : NULL;
    if (!e) {
        request(r, (queued){.op = op, .spec = spec});
        return;
    }
    if (!r->message || strcmp(r->message, sl_err_text(e)) != 0)
        sl_error(r->id, "cannot start as scheduled: %s", sl_err_text(e));
    failed(r, sl_err_text(e));
    sl_err_free(e);
}

/* ---- use cases ---- */
static sl_err *add_rule(sl_office *o, rule_def *d, sl_rule **out) {
    sl_rule *r = calloc(1, sizeof *r);
    if (!r)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    r->office = o;
    r->id = sl_strdup_n(d->id.p, d->id.n);
    r->def = d;
    set_message(r, "");
    if (!r->id || !sl_map_set(o->rules, d->id, r, NULL)) {
        r->def = NULL;
        rule_free(r);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    schedule_watch(o, d);
    *out = r;
    return NULL;
}
static sl_err *create(sl_office *o, rule_def *d) {
    sl_flowspec *spec = NULL;
    SL_TRY(rule_plan(o, d, &spec));
    sl_err *e = d->temp ? NULL : sl_err_prefix(store_put(o, "rule", d->id, d->text), "store the rule error");
    sl_rule *r = NULL;
    if (!e)
        e = add_rule(o, d, &r);
    if (e) {
        sl_flowspec_free(spec);
        return e;
    }
    if (d->triggered)
        launch(r, spec);
    else
        sl_flowspec_free(spec);
    return NULL;
}
sl_err *rule_adopt(sl_office *o, rule_def *d) {
    sl_err *e = d->temp ? NULL : store_put(o, "rule", d->id, d->text);
    sl_rule *r = NULL;
    if (e || (e = add_rule(o, d, &r)))
        return e;
    sl_flowspec *spec = NULL;
    sl_err *why = d->triggered ? rule_plan(o, d, &spec) : NULL;
    if (spec)
        launch(r, spec);
    else if (why)
        failed(r, sl_err_text(why));
    sl_err_free(why);
    return NULL;
}
sl_err *sl_api_rule_create(sl_office *o, sl_str body, sl_buf *id) {
    rule_def *d = NULL;
    SL_TRY(sl_err_recode(sl_err_prefix(rule_parse(o, body, sl_buf_view(id), &d), "invalid rule json"), SL_E_UNDEFINED));
    sl_buf_clear(id);
    sl_err *e = NULL;
    if (find(o, d->id))
        e = sl_err_new(SL_E_UNDEFINED, "rule %.*s already exists", SL_FMT(d->id));
    if (!e) {
        sl_buf_str(id, d->id);
        e = create(o, d);
    }
    if (e)
        rule_def_free(d);
    return e;
}
void sl_api_rule_update(sl_office *o, sl_str id, sl_str body, sl_api_done done, void *arg) {
    rule_def *d = NULL;
    sl_flowspec *spec = NULL;
    sl_err *e = sl_err_recode(sl_err_prefix(rule_parse(o, body, id, &d), "Invalid rule json"), SL_E_UNDEFINED);
    sl_rule *r = e ? NULL : find(o, d->id);
    if (!e && !r) {
        e = create(o, d);
        if (e)
            rule_def_free(d);
        done(arg, e);
        return;
    }
    if (!e && (r->def->version.n || d->version.n) && sl_str_cmp(d->version, r->def->version) <= 0)
        e = sl_err_new(SL_E_UNDEFINED, "rule %.*s already exists with version (%.*s), new version (%.*s) is lower", SL_FMT(d->id), SL_FMT(r->def->version), SL_FMT(d->version));
    if (!e)
        e = rule_plan(o, d, &spec);
    if (!e && !d->temp) {
        e = store_put(o, "rule", d->id, d->text);
        if (e)
            sl_flowspec_free(spec);
    }
    if (e) {
        rule_def_free(d);
        done(arg, e);
        return;
    }
    if (!d->triggered) {
        sl_flowspec_free(spec);
        spec = NULL;
    }
    request(r, (queued){.op = OP_UPDATE, .spec = spec, .def = d, .done = done, .arg = arg});
}
void sl_api_rule_delete(sl_office *o, sl_str id, sl_api_done done, void *arg) {
    sl_rule *r = find(o, id);
    if (!r) {
        done(arg, sl_err_new(SL_E_UNDEFINED, "rule %.*s not found", SL_FMT(id)));
        return;
    }
    sl_err *e = r->def->temp ? NULL : store_put(o, "rule", id, (sl_str){0});
    if (e)
        done(arg, e);
    else
        request(r, (queued){.op = OP_DELETE, .done = done, .arg = arg});
}
static sl_err *not_registered(sl_str id) { return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found in registry, please check if it is created", SL_FMT(id)); }
void sl_api_rule_start(sl_office *o, sl_str id, sl_api_done done, void *arg) {
    sl_rule *r = find(o, id);
    sl_flowspec *spec = NULL;
    sl_err *e = r ? rule_plan(o, r->def, &spec) : not_registered(id);
    if (!e && (e = store_rule(r, true)))
        sl_flowspec_free(spec);
    if (e) {
        done(arg, e);
        return;
    }
    r->tries = 0;
    request(r, (queued){.op = OP_START, .spec = spec, .done = done, .arg = arg});
}
void sl_api_rule_stop(sl_office *o, sl_str id, sl_api_done done, void *arg) {
    sl_rule *r = find(o, id);
    sl_err *e = r ? store_rule(r, false) : not_registered(id);
    if (e)
        done(arg, e);
    else if (!r->flow && !busy(r) && r->state == SL_RULE_STOPPED)
        done(arg, NULL); /* stop is ignored in state stopped */
    else
        request(r, (queued){.op = OP_STOP, .done = done, .arg = arg});
}
void sl_api_rule_restart(sl_office *o, sl_str id, sl_api_done done, void *arg) {
    sl_rule *r = find(o, id);
    sl_err *e = r ? store_rule(r, true) : not_registered(id);
    if (e)
        done(arg, e);
    else
        request(r, (queued){.op = OP_RESTART, .done = done, .arg = arg});
}
void rule_restart_from(sl_rule *r, sl_flowspec *spec, sl_api_done done, void *arg) { request(r, (queued){.op = OP_START, .spec = spec, .done = done, .arg = arg}); }
bool stream_in_use(sl_office *o, sl_str name) {
    size_t it = 0;
    void *v;
    while (sl_map_next(o->rules, &it, NULL, &v)) {
        sl_rule *r = v;
        const sl_flowspec *s = r->flow ? sl_flow_spec(r->flow) : NULL;
        for (uint32_t i = 0; s && i < sl_plan_nsources(s->plan); i++)
            if (sl_str_eq(sl_plan_source_at(s->plan, i)->stream, name))
                return true;
    }
    return false;
}
sl_json *shared_columns(sl_office *o, sl_arena *a, sl_str name) {
    sl_json *j = sl_json_obj(a);
    size_t it = 0;
    void *v;
    while (sl_map_next(o->rules, &it, NULL, &v)) {
        sl_rule *r = v;
        const sl_flowspec *s = r->flow ? sl_flow_spec(r->flow) : NULL;
        for (uint32_t i = 0; s && i < sl_plan_nsources(s->plan); i++) {
            const sl_plan_source *ps = sl_plan_source_at(s->plan, i);
            for (uint32_t c = 0; sl_str_eq(ps->stream, name) && c < ps->layout->n; c++)
                sl_json_set(a, j, sl_arena_dup(a, ps->layout->names[c]).p, sl_json_null(a));
        }
    }
    return j;
}
sl_loop *sl_office_rule_loop(sl_office *o, sl_str id) {
    sl_rule *r = find(o, id);
    return r && r->flow ? sl_flow_loop(r->flow) : NULL;
}

/* ---- boot and end ---- */
static bool load_one(void *arg, sl_str key, sl_str value) {
    sl_office *o = arg;
    rule_def *d = NULL;
    sl_rule *r;
    sl_err *e = rule_parse(o, value, (sl_str){key.p + 5, key.n - 5}, &d);
    if (!e && (e = add_rule(o, d, &r)))
        rule_def_free(d);
    if (e)
        sl_error("catalogue", "cannot read back %.*s: %s", SL_FMT(key), sl_err_text(e));
    else {
        r->state = d->triggered ? SL_RULE_WAITING : SL_RULE_STOPPED;
        r->last_stop = d->triggered && rule_scheduled(d) ? now_ms(o) : 0;
    }
    sl_err_free(e);
    return true;
}
sl_err *rules_load(sl_office *o) { return sl_kvlog_read(o->kv, SL_S("rule/"), load_one, o); }
/* Rules open on their lanes, by letter; a letter behind the last of them on each lane finds all of them opened. */
static _Atomic int lanes_left;
static void lane_passed(void *arg) {
    if (atomic_fetch_sub(&lanes_left, 1) == 1)
        sl_pool_phase_set(SL_POOL_RUN);
}
static void users_came(sl_office *o) {
    if (o->stopping)
        return;
    atomic_store(&lanes_left, sl_lane_count());
    for (int i = 0; i < sl_lane_count(); i++)
        if (!sl_post(sl_lane_loop(sl_lane_at(i)), lane_passed, NULL))
            lane_passed(NULL);
}
static void restore_slice(void *arg) {
    sl_office *o = arg;
    int64_t until = sl_wall_ns() + 2000000;
    void *v;
    while (sl_wall_ns() < until) {
        if (o->stopping || !sl_map_next(o->rules, &o->restore_at, NULL, &v)) {
            users_came(o);
            if (o->restored)
                o->restored(o->restored_arg);
            o->restored = NULL;
            return;
        }
        sl_rule *r = v;
        if (r->state != SL_RULE_WAITING || rule_scheduled(r->def) || r->flow || r->queue.n)
            continue;
        sl_flowspec *spec = NULL;
        sl_err *e = rule_plan(o, r->def, &spec);
        if (e) {
            failed(r, sl_err_text(e));
            sl_error(r->id, "cannot start: %s", sl_err_text(e));
            sl_err_free(e);
            arm_again(r, next_wait(r));
        } else
            launch(r, spec);
    }
    sl_post(o->conf.loop, restore_slice, o);
}
void sl_office_restore(sl_office *o, sl_fn done, void *arg) {
    o->restored = done;
    o->restored_arg = arg;
    o->restore_at = 0;
    sl_post(o->conf.loop, restore_slice, o);
}
static void stop_check(void *arg) { office_check_stopped(arg); }
void sl_office_stop(sl_office *o, sl_fn done, void *arg) {
    o->stopping = true;
    sl_pool_phase_set(SL_POOL_LEAVING);
    o->stopped = done;
    o->stopped_arg = arg;
    size_t it = 0;
    void *v;
    while (sl_map_next(o->rules, &it, NULL, &v)) {
        sl_rule *r = v;
        if (r->flow && !busy(r))
            begin_stop(r, SL_RULE_STOPPED, NULL);
    }
    trials_end(o);
    sl_post(o->conf.loop, stop_check, o);
}
