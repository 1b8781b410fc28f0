/* Trial runs: a statement over invented rows, its results heard by whoever listens at /test/<id> of the data server; nothing is stored.
 *
 * Decision: a trial is a plain rule with an sse action. A second instance of that sink, opened here and never fed, keeps the path there from the
 * creation on, so that a listener can come before the start and stay until the end. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "core/body.h"
#include "core/office_int.h"

enum { LIFE_MS = 300000 };
typedef struct trial {
    sl_sink_host host; /* first: the sink holds a pointer to it */
    sl_office *office;
    rule_def *def;
    sl_flow *flow;
    sl_sinkdef keeper_def;
    sl_conn_env env;
    sl_sink *keeper;
    sl_timer *life;
    bool ended, closing_flow, closing_keeper;
    sl_trial_done done; /* of the creation, until the path is there */
    void *done_arg;
    char *id;
    bool bad;        /* the statement cannot run: nothing will come, but a listener may be on its way, as with eKuiper */
    sl_err *verdict; /* why, until it is told */
} trial;

bool trials_busy(const sl_office *o) { return o->trials && sl_map_len(o->trials) > 0; }

/* ---- the end ---- */
static void gone(trial *t) {
    if (!t->ended || t->closing_flow || t->closing_keeper)
        return;
    sl_office *o = t->office;
    char key[24];
    snprintf(key, sizeof key, "%p", (void *)t);
    sl_map_del(o->trials, sl_str_of(key));
    sl_sinkdef_drop(&t->keeper_def);
    rule_def_free(t->def);
    sl_err_free(t->verdict);
    free(t->id);
    free(t);
    office_check_stopped(o);
}
static void flow_closed(void *arg, sl_meters *m) {
    trial *t = arg;
    sl_meters_free(m);
    t->closing_flow = false;
    gone(t);
}
static void keeper_closed(void *arg) {
    trial *t = arg;
    t->closing_keeper = false;
    gone(t);
}
static void close_flow(trial *t) {
    sl_flow *f = t->flow;
    t->flow = NULL;
    if (!f)
        return;
    t->closing_flow = true;
    sl_flow_close(f, flow_closed, t);
}
static void end(trial *t) {
    if (t->ended)
        return;
    t->ended = true;
    sl_timer_free(t->life);
    t->life = NULL;
    if (t->done)
        t->done(t->done_arg, sl_err_new(SL_E_UNDEFINED, "fail to run rule %s: ended before it was there", t->id), (sl_str){0});
    t->done = NULL;
    close_flow(t);
    sl_sink *k = t->keeper;
    t->keeper = NULL;
    if (k) {
        t->closing_keeper = true;
        t->keeper_def.def->sink->close(k, keeper_closed, t);
    }
    gone(t);
}
static void life_over(void *arg) { end(arg); }
void trials_end(sl_office *o) {
    SL_VEC(trial *) all = {0};
    size_t it = 0;
    void *v;
    while (o->trials && sl_map_next(o->trials, &it, NULL, &v))
        if (!SL_PUSH(all, v))
            break;
    for (size_t i = 0; i < all.n; i++)
        end(all.at[i]);
    SL_VEC_FREE(all);
}
static trial *living(const sl_office *o, sl_str id) {
    size_t it = 0;
    void *v;
    while (o->trials && sl_map_next(o->trials, &it, NULL, &v))
        if (!((trial *)v)->ended && sl_str_is(id, ((trial *)v)->id))
            return v;
    return NULL;
}

/* ---- the run ---- */
static void on_event(void *arg, sl_flow_event e, const char *why) {
    trial *t = arg;
    if (e != SL_FLOW_DONE)
        sl_error("trial", "%s: %s", t->id, why);
    close_flow(t); /* the path stays for as long as the trial lives */
}
sl_err *sl_api_trial_start(sl_office *o, sl_str id) {
    trial *t = living(o, id);
    sl_flowspec *spec = NULL;
    if (!t || t->bad)
        return sl_err_new(SL_E_UNDEFINED, "try to start test rule %.*s but it is not found", SL_FMT(id));
    sl_timer_in(t->life, LIFE_MS); /* somebody is there: asking again keeps a long run alive */
    if (t->flow || t->closing_flow)
        return NULL;
    SL_TRY(sl_err_recode(rule_plan(o, t->def, &spec), SL_E_UNDEFINED));
    sl_err *e = sl_flow_new(spec, o->conf.loop, on_event, t, &t->flow);
    if (e)
        sl_flowspec_free(spec);
    else
        sl_flow_open(t->flow);
    return e;
}
void sl_api_trial_stop(sl_office *o, sl_str id) {
    trial *t = living(o, id);
    if (t)
        end(t);
}

/* ---- the path ---- */
static void nobody_answers(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {}
static void nobody_waits(sl_sink_host *h) {}
static void path_state(sl_sink_host *h, sl_conn_state s, sl_str why) {
    trial *t = (trial *)h;
    sl_trial_done done = t->done;
    t->done = NULL;
    if (!done || s == SL_CONN_CONNECTING)
        return;
    if (s == SL_CONN_CONNECTED || t->verdict) {
        sl_err *e = t->verdict;
        t->verdict = NULL;
        done(t->done_arg, e, e ? (sl_str){0} : sl_str_of(t->id));
    } else {
        done(t->done_arg, sl_err_new(SL_E_UNDEFINED, "fail to run rule %s: %.*s", t->id, SL_FMT(why)), (sl_str){0});
        end(t);
    }
}

/* ---- creation ---- */
static sl_err *statement_error(sl_arena *a, sl_str sql) {
    sl_select *sel = NULL;
    sl_err *e = sl_parse_select(a, sql, &sel, NULL);
    if (e && sl_err_code(e) != SL_E_RULE) {
        sl_buf why = {0};
        sl_buf_puts(&why, sl_err_text(e));
        e = sl_err_recode(sl_err_retext(e, "Parse SQL %.*s error: %s.", SL_FMT(sql), sl_buf_cstr(&why)), SL_E_UNDEFINED);
        sl_buf_free(&why);
    }
    return e;
}
/* The rule that a trial is, as JSON: one sse action with the wanted properties over its own. */
static sl_json *rule_of(sl_arena *a, sl_str id, sl_str sql, const sl_json *props) {
    sl_json *rule = sl_json_obj(a), *action = sl_json_obj(a), *sse = sl_json_obj(a), *actions = sl_json_arr(a), *options = sl_json_obj(a);
    for (const sl_json *p = props ? props->child : NULL; p; p = p->next)
        sl_json_set(a, sse, sl_arena_dup(a, p->key).p, sl_json_clone(a, p));
    sl_json_set(a, sse, "endpoint", sl_json_str(a, sl_arena_printf(a, "/test/%.*s", SL_FMT(id))));
    sl_json_set(a, sse, "datasource", sl_json_str(a, SL_S("")));
    sl_json_set(a, sse, "alsoWebsocket", sl_json_bool(a, true));
    sl_json_set(a, action, "sse", sse);
    sl_json_add(actions, action);
    sl_json_set(a, options, "sendError", sl_json_bool(a, true));
    sl_json_set(a, rule, "id", sl_json_str(a, SL_S("trial")));
    sl_json_set(a, rule, "sql", sl_json_str(a, sql));
    sl_json_set(a, rule, "temp", sl_json_bool(a, true));
    sl_json_set(a, rule, "actions", actions);
    sl_json_set(a, rule, "options", options);
    return rule;
}
static sl_err *define(sl_office *o, sl_arena *a, sl_str id, sl_str sql, const sl_json *props, const sl_json *mock, rule_def **out) {
    sl_buf text = {0};
    sl_flowspec *spec = NULL;
    SL_TRY(statement_error(a, sql));
    sl_json_write(&text, rule_of(a, id, sql, props), false, 0);
    sl_err *e = rule_parse(o, sl_buf_view(&text), (sl_str){0}, out);
    sl_buf_free(&text);
    if (e)
        return e;
    (*out)->mock = mock ? sl_json_clone((*out)->arena, mock) : NULL;
    if ((e = rule_plan(o, *out, &spec)))
        rule_def_free(*out);
    else
        sl_flowspec_free(spec);
    return e;
}
/* A definition that only has the path. */
static sl_err *define_path(sl_office *o, sl_arena *a, sl_str id, rule_def **out) {
    sl_buf text = {0};
    sl_json_write(&text, rule_of(a, id, SL_S("SELECT * FROM nothing"), NULL), false, 0);
    sl_err *e = rule_parse(o, sl_buf_view(&text), (sl_str){0}, out);
    sl_buf_free(&text);
    return e;
}
static sl_err *open_path(sl_office *o, trial *t) {
    rule_def *d = t->def;
    const sl_json *action = d->actions->child->child;
    SL_TRY(sl_sinkdef_make(d->arena, action->key, action, &t->keeper_def));
    t->host = (sl_sink_host){nobody_answers, path_state, nobody_waits};
    t->env =
        (sl_conn_env){.loop = o->conf.loop, .home = o->conf.home, .rule_id = "trial", .op_name = "sse_0", .http = o->conf.http, .private_net = o->private_net, .zone = o->zone};
    return t->keeper_def.def->sink->open(t->keeper_def.conf, &t->env, &t->host, &t->keeper);
}
static sl_err *create(sl_office *o, sl_arena *a, sl_str body, trial **out) {
    sl_json *j = NULL;
    sl_str id = {"", 0}, sql = {"", 0};
    const sl_json *mock = NULL, *props = NULL;
    sl_err *e = sl_body_only(a, body, &j);
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, "trial.RunDef");
    if (!e)
        e = sl_body_text(j, "RunDef", "id", &id);
    if (!e)
        e = sl_body_text(j, "RunDef", "sql", &sql);
    if (!e)
        e = sl_body_want(j, "RunDef", "mockSource", SL_J_OBJ, "map[string]map[string]interface {}", &mock);
    for (const sl_json *m = mock ? mock->child : NULL; m && !e; m = m->next)
        e = sl_body_is(m, SL_J_OBJ, "map[string]interface {}");
    if (!e)
        e = sl_body_want(j, "RunDef", "sinkProps", SL_J_OBJ, "map[string]interface {}", &props);
    if (e)
        return sl_err_recode(sl_err_prefix(e, "fail to parse rule definition %.*s", SL_FMT(body)), SL_E_UNDEFINED);
    trial *old = living(o, id), *t = NULL;
    rule_def *d = NULL;
    char key[24];
    if (!o->trials)
        o->trials = sl_map_new();
    sl_err *verdict = sl_err_recode(sl_err_prefix(define(o, a, id, sql, props, mock, &d), "fail to run rule %.*s", SL_FMT(id)), SL_E_UNDEFINED);
    if (verdict && (e = define_path(o, a, id, &d))) {
        sl_err_free(e);
        return verdict;
    }
    if (!e) {
        if (old)
            end(old); /* a new one of the same name takes its place */
        t = calloc(1, sizeof *t);
        if (!t || !(t->id = sl_strdup_n(id.p, id.n)) || !(t->life = sl_timer_real(o->conf.loop, life_over, t)) ||
            (snprintf(key, sizeof key, "%p", (void *)t), !sl_map_set(o->trials, sl_str_of(key), t, NULL))) {
            if (t) {
                sl_timer_free(t->life);
                free(t->id);
            }
            free(t);
            rule_def_free(d);
            sl_err_free(verdict);
            return sl_err_new(SL_E_NOMEM, "out of memory");
        }
        t->bad = verdict != NULL;
        t->verdict = verdict;
        t->office = o;
        t->def = d;
        sl_timer_in(t->life, LIFE_MS);
        if ((e = open_path(o, t)))
            end(t);
    }
    if (e)
        return sl_err_recode(sl_err_prefix(e, "fail to run rule %.*s", SL_FMT(id)), SL_E_UNDEFINED);
    *out = t;
    return NULL;
}
void sl_api_trial_create(sl_office *o, sl_str body, sl_trial_done done, void *arg) {
    sl_arena *a = sl_arena_new(0);
    trial *t = NULL;
    sl_err *e = a ? create(o, a, body, &t) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(a);
    if (e) {
        done(arg, e, (sl_str){0});
        return;
    }
    t->done = done; /* the path's state comes by letter, later */
    t->done_arg = arg;
}
