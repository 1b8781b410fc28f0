/* A rule's JSON: parsed, checked, and turned into something that runs. Texts: rest-api.md 4.2, 21. */
#include <stdlib.h>
#include "base/num.h"
#include "core/body.h"
#include "core/confkeys.h"
#include "base/log.h"
#include "core/office_int.h"
#include "core/schedule.h"

void rule_def_free(rule_def *d) {
    if (d)
        sl_arena_free(d->arena);
}
static bool dur_of(const sl_json *v, int64_t *ns) {
    int64_t ms;
    if (sl_json_i64(v, &ms)) {
        *ns = ms * 1000000;
        return true;
    }
    return sl_json_isstr(v) && sl_dur_parse(v->s, ns);
}
static sl_err *dur_option(const sl_json *j, const char *key, int64_t *ns) {
    const sl_json *v = sl_json_iget(j, key);
    if (!v || v->kind == SL_J_NULL || dur_of(v, ns))
        return NULL;
    sl_buf b = {0};
    if (v->kind == SL_J_STR)
        sl_dur_fault(&b, v->s);
    else if (v->kind == SL_J_NUM)
        sl_buf_puts(&b, "duration ");
    else
        sl_buf_puts(&b, "unsupported type:");
    if (v->kind != SL_J_STR)
        sl_spec_show(&b, v);
    if (v->kind == SL_J_NUM)
        sl_buf_puts(&b, " is not an integer");
    sl_err *e = sl_err_new(SL_E_UNDEFINED, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
static sl_err *read_opts(sl_office *o, rule_def *d, const sl_json *j) {
    rule_opts *p = &d->o;
    const sl_settings *s = o->conf.settings;
    *p = (rule_opts){.late_ns = sl_settings_dur_ms(s, "rule.lateTolerance", 1000) * 1000000,
                     .idle_ns = sl_settings_dur_ms(s, "rule.idleSource", 0) * 1000000,
                     .concurrency = sl_settings_int(s, "rule.concurrency", 1),
                     .buffer_length = sl_settings_int(s, "rule.bufferLength", 1024),
                     .send_error = sl_settings_bool(s, "rule.sendError", false),
                     .qos = sl_settings_int(s, "rule.qos", 0),
                     .send_meta = sl_settings_bool(s, "rule.sendMetaToSink", false),
                     .event_time = sl_settings_bool(s, "rule.isEventTime", false),
                     .checkpoint_ns = sl_settings_dur_ms(s, "rule.checkpointInterval", 300000) * 1000000,
                     .attempts = sl_settings_int(s, "rule.restartStrategy.attempts", 0),
                     .delay_ns = 1000000000,
                     .multiplier = 2,
                     .max_delay_ns = 30000000000,
                     .jitter = 0.1};
    SL_TRY(rule_limits(o, j, p));
    if (!j)
        return NULL;
    bool ignored = false;
    sl_str unused = {0};
    int64_t number = 0;
    struct {
        const char *key;
        bool *to;
    } flags[] = {{"isEventTime", &p->event_time},
                 {"sendMetaToSink", &p->send_meta},
                 {"sendError", &p->send_error},
                 {"sendNilField", &p->send_nil},
                 {"disableBufferFullDiscard", &p->no_discard},
                 {"debug", &ignored},
                 {"notifySub", &ignored},
                 {"enableSaveStateBeforeStop", &ignored}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        SL_TRY(sl_body_flag(j, "Rule.options", flags[i].key, flags[i].to));
    struct {
        const char *key;
        int64_t *to;
    } ints[] = {{"concurrency", &p->concurrency}, {"bufferLength", &p->buffer_length}, {"qos", &p->qos}};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        SL_TRY(sl_body_int(j, "Rule.options", ints[i].key, ints[i].to));
    SL_TRY(dur_option(j, "lateTolerance", &p->late_ns));
    SL_TRY(dur_option(j, "idleSource", &p->idle_ns));
    if (p->idle_ns < 0)
        return sl_err_new(SL_E_UNDEFINED, "options.idleSource: expected a duration that is not negative");
    SL_TRY(dur_option(j, "checkpointInterval", &p->checkpoint_ns));
    SL_TRY(dur_option(j, "forceExitTimeout", &number));
    SL_TRY(sl_body_text(j, "Rule.options", "cron", &p->cron));
    SL_TRY(sl_body_text(j, "Rule.options", "duration", &p->duration));
    SL_TRY(sl_body_text(j, "Rule.options", "logFilename", &unused));
    const sl_json *v;
    SL_TRY(sl_body_want(j, "Rule.options", "cronDatetimeRange", SL_J_ARR, "[]schedule.DatetimeRange", &v));
    p->ranges = v && v->n ? (sl_json *)(uintptr_t)v : NULL;
    for (const sl_json *r = v ? v->child : NULL; r; r = r->next) {
        SL_TRY(sl_body_is(r, SL_J_OBJ, "schedule.DatetimeRange"));
        SL_TRY(sl_body_text(r, "Rule.options.cronDatetimeRange", "begin", &unused));
        SL_TRY(sl_body_text(r, "Rule.options.cronDatetimeRange", "end", &unused));
        SL_TRY(sl_body_int(r, "Rule.options.cronDatetimeRange", "beginTimestamp", &number));
        SL_TRY(sl_body_int(r, "Rule.options.cronDatetimeRange", "endTimestamp", &number));
    }
    const sl_json *rs;
    SL_TRY(sl_body_want(j, "Rule.options", "restartStrategy", SL_J_OBJ, "def.RestartStrategy", &rs));
    if (rs) {
        SL_TRY(sl_body_int(rs, "Rule.options.restartStrategy", "attempts", &p->attempts));
        SL_TRY(dur_option(rs, "delay", &p->delay_ns));
        SL_TRY(dur_option(rs, "maxDelay", &p->max_delay_ns));
        SL_TRY(sl_body_want(rs, "Rule.options.restartStrategy", "multiplier", SL_J_NUM, "float64", &v));
        p->multiplier = v ? v->num : p->multiplier;
        SL_TRY(sl_body_want(rs, "Rule.options.restartStrategy", "jitterFactor", SL_J_NUM, "float64", &v));
        p->jitter = v ? v->num : p->jitter;
    }
    const sl_json *strategy;
    SL_TRY(sl_body_want(j, "Rule.options", "planOptimizeStrategy", SL_J_OBJ, "def.PlanOptimizeStrategy", &strategy));
    SL_TRY(sl_body_flag(strategy, "Rule.options.planOptimizeStrategy", "enableIncrementalWindow", &p->incremental));
    SL_TRY(sl_body_flag(strategy, "Rule.options.planOptimizeStrategy", "enableAliasPushdown", &ignored));
    SL_TRY(sl_body_flag(strategy, "Rule.options.planOptimizeStrategy", "disableAliasRefCal", &p->disable_alias));
    SL_TRY(sl_body_flag(strategy, "Rule.options.planOptimizeStrategy", "plainExecution", &p->plain));
    SL_TRY(sl_body_want(strategy, "Rule.options.planOptimizeStrategy", "optimizeControl", SL_J_OBJ, "def.OptimizeControl", &v));
    SL_TRY(sl_body_texts(v, "Rule.options.planOptimizeStrategy.optimizeControl", "disableOptimizeRules", &v));
    const sl_json *window;
    sl_str version = {"", 0};
    SL_TRY(sl_body_want(strategy, "Rule.options.planOptimizeStrategy", "windowOption", SL_J_OBJ, "def.WindowOption", &window));
    SL_TRY(sl_body_text(window, "Rule.options.planOptimizeStrategy.windowOption", "windowVersion", &version));
    p->window_v2 = sl_str_is(version, "v2");
    SL_TRY(sl_body_flag(window, "Rule.options.planOptimizeStrategy.windowOption", "enableSendSlidingWindowTwice", &p->sliding_twice));
    return sl_body_want(j, "Rule.options", "experiment", SL_J_OBJ, "def.ExpOpts", &v);
}
static sl_err *check_opts(const sl_office *o, const rule_def *d) {
    sl_buf b = {0};
    const rule_opts *p = &d->o;
    struct {
        bool bad;
        const char *text;
    } rules[] = {{p->concurrency < 0, "invalidConcurrency:concurrency must be greater than 0"},
                 {p->buffer_length < 0, "invalidBufferLength:bufferLength must be greater than 0"},
                 {p->late_ns < 0, "invalidLateTol:lateTol must be greater than 0"},
                 {p->attempts < 0, "invalidRestartAttempts:restart attempts must be greater than 0"}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad) {
            if (b.n)
                sl_buf_putc(&b, '\n');
            sl_buf_puts(&b, rules[i].text);
        }
    sl_err *range = sl_ranges_check(p->ranges, o->zone);
    if (range)
        sl_buf_printf(&b, "%svalidate cronDatetimeRange failed, err:%s", b.n ? "\n" : "", sl_err_text(range));
    sl_err_free(range);
    sl_err *e = b.n ? sl_err_new(SL_E_UNDEFINED, "Rule %.*s has invalid options: %s.", SL_FMT(d->id), sl_buf_cstr(&b)) : NULL;
    sl_buf_free(&b);
    return e;
}
static sl_err *read_members(sl_office *o, rule_def *d) {
    const sl_json *v = NULL;
    SL_TRY(sl_body_only(d->arena, d->text, &d->json));
    const sl_json *j = d->json;
    if (j->kind == SL_J_NULL)
        return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal null into Go value of type def.Rule");
    SL_TRY(sl_body_is(j, SL_J_OBJ, "def.Rule"));
    d->triggered = true;
    SL_TRY(sl_body_text(j, "Rule", "id", &d->id));
    SL_TRY(sl_body_text(j, "Rule", "name", &d->name));
    SL_TRY(sl_body_text(j, "Rule", "version", &d->version));
    SL_TRY(sl_body_text(j, "Rule", "sql", &d->sql));
    SL_TRY(sl_body_flag(j, "Rule", "triggered", &d->triggered));
    SL_TRY(sl_body_flag(j, "Rule", "temp", &d->temp));
    SL_TRY(sl_body_want(j, "Rule", "actions", SL_J_ARR, "[]map[string]interface {}", &v));
    d->actions = (sl_json *)(uintptr_t)v;
    for (const sl_json *x = v ? v->child : NULL; x; x = x->next)
        if (x->kind != SL_J_OBJ && x->kind != SL_J_NULL)
            return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go struct field Rule.actions of type map[string]interface {}",
                              x->kind == SL_J_ARR       ? "array"
                                  : x->kind == SL_J_STR ? "string"
                                  : x->kind == SL_J_NUM ? "number"
                                                        : "bool");
    SL_TRY(sl_body_texts(j, "Rule", "tags", &v));
    SL_TRY(sl_body_want(j, "Rule", "graph", SL_J_OBJ, "def.RuleGraph", &v));
    SL_TRY(sl_body_want(j, "Rule", "options", SL_J_OBJ, "def.RuleOption", &v));
    return read_opts(o, d, v);
}
static sl_err *parse_into(sl_office *o, sl_str body, sl_str path_id, rule_def *d) {
    sl_arena *a = d->arena;
    d->text = sl_arena_dup(a, body);
    sl_err *e = read_members(o, d);
    if (e) {
        sl_buf why = {0};
        sl_buf_puts(&why, sl_err_text(e));
        e = sl_err_recode(sl_err_retext(e, "Parse rule %.*s error : %s.", SL_FMT(body), sl_buf_cstr(&why)), SL_E_UNDEFINED);
        sl_buf_free(&why);
        return e;
    }
    if (!d->id.n && !path_id.n)
        return sl_err_new(SL_E_UNDEFINED, "Missing rule id.");
    if (path_id.n && d->id.n && !sl_str_eq(path_id, d->id))
        return sl_err_new(SL_E_UNDEFINED, "RuleId is not consistent with rule id.");
    if (!d->id.n)
        d->id = sl_arena_dup(a, path_id);
    SL_TRY(sl_err_recode(sl_check_id(d->id), SL_E_UNDEFINED));
    const sl_json *graph = sl_json_iget(d->json, "graph");
    bool has_graph = graph && graph->kind == SL_J_OBJ;
    if (d->sql.n && has_graph)
        return sl_err_new(SL_E_UNDEFINED, "Rule %.*s has both sql and graph.", SL_FMT(d->id));
    if (!d->sql.n && !has_graph)
        return sl_err_new(SL_E_UNDEFINED, "Rule %.*s has neither sql nor graph.", SL_FMT(d->id));
    if (has_graph)
        return sl_err_new(SL_E_UNSUPPORTED, "Rule %.*s: graph rules are not available yet, write the rule with sql.", SL_FMT(d->id));
    sl_arena *tmp = sl_arena_new(0); /* the tree is made again when the rule is planned */
    sl_select *sel;
    e = tmp ? sl_parse_select(tmp, d->sql, &sel, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(tmp);
    if (e && sl_err_code(e) != SL_E_RULE) {
        sl_buf why = {0};
        sl_buf_puts(&why, sl_err_text(e));
        e = sl_err_recode(sl_err_retext(e, "Parse SQL %.*s error: %s.", SL_FMT(d->sql), sl_buf_cstr(&why)), SL_E_UNDEFINED);
        sl_buf_free(&why);
    }
    if (e)
        return e;
    if (!d->actions || !d->actions->n)
        return sl_err_new(SL_E_UNDEFINED, "Missing rule actions.");
    return check_opts(o, d);
}
sl_err *rule_parse(sl_office *o, sl_str body, sl_str path_id, rule_def **out) {
    sl_arena *a = sl_arena_new(384 + 7 * (body.n < 4096 ? body.n : 4096)); /* ten thousand of them stand around */
    rule_def *d = a ? SL_NEW(a, rule_def) : NULL;
    if (!d) {
        sl_arena_free(a);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    d->arena = a;
    sl_err *e = parse_into(o, body, path_id, d);
    if (e) {
        sl_arena_free(a);
        return e;
    }
    *out = d;
    return NULL;
}
bool rule_scheduled(const rule_def *d) { return d->o.ranges || (d->o.cron.n && d->o.duration.n); }

/* ---- planning ---- */
/* alone: id of the rule that gets a source of its own though the stream is shared; "": none does */
static sl_err *make_source(sl_office *o, sl_str stream, sl_str alone, bool lookup, const sl_json *mock, sl_srcdef **out) {
    sl_srcdef *s = sl_srcdef_new();
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena *a = s->arena;
    sl_stmt st;
    sl_str text = sl_arena_dup(a, sl_office_stream_text(o, stream));
    sl_err *e = sl_parse(a, text, &st, NULL);
    if (e)
        goto fail;
    const sl_create *c = st.create;
    const sl_stream_opts *so = &c->opts;
    sl_str type = so->type.n ? so->type : c->table ? SL_S("file") : SL_S("mqtt");
    s->stream = c->name;
    s->datasource = so->datasource;
    s->def = sl_conn_find(type);
    if (o->conf.test_mode && !lookup) { /* the test door stands in for whatever the stream names */
        const sl_conn_def *feed = sl_conn_find(sl_str_is(type, "memory") ? SL_S("$feed_rows") : SL_S("$feed"));
        if (feed && (sl_str_is(type, "memory") || sl_str_is(type, "mqtt")))
            s->def = feed;
    }
    if (o->conf.stand_in) {
        s->def = sl_conn_find(lookup ? SL_S("$table") : s->def && s->def->source && s->def->source->rows ? SL_S("$feed_rows") : SL_S("$feed"));
        s->datasource = c->name;
    }
    if (mock)
        s->def = &sl_conn_simulator;
    if (lookup && (!s->def || !s->def->lookup)) {
        e = sl_err_new(SL_E_EXEC, "lookup source type %.*s not found", SL_FMT(type));
        goto fail;
    }
    if (!lookup && (!s->def || !s->def->source)) {
        e = sl_err_new(SL_E_EXEC, "source type %.*s not found", SL_FMT(type));
        goto fail;
    }
    sl_json *props = NULL;
    e = mock ? NULL : sl_office_source_props(o, a, c, type, &props);
    if (mock)
        props = sl_json_clone(a, mock);
    if (e)
        goto fail;
    sl_json *client = so->shared && alone.n && sl_str_is(type, "mqtt") ? sl_json_iget(props, "clientid") : NULL;
    if (sl_json_isstr(client) && client->s.n) /* a broker bears one client of a name */
        client->s = sl_arena_printf(a, "%.*s_%.*s", SL_FMT(client->s), SL_FMT(alone));
    s->conf = sl_arena_zero(a, s->def->conf_size ? s->def->conf_size : 1);
    if (s->def->props && (e = sl_err_recode(sl_spec_load(s->def->props, lookup ? SL_P_LOOKUP : SL_P_SOURCE, props, a, s->conf, NULL), SL_E_EXEC)))
        goto fail;
    s->zone = o->zone;
    if (lookup) {
        s->is_lookup = true;
        if ((e = sl_srcdef_lookup(s, props)))
            goto fail;
        if (s->def->lookup->check && (e = sl_err_recode(s->def->lookup->check(s->conf, s->datasource), SL_E_EXEC)))
            goto fail;
        *out = s;
        return NULL;
    }
    if (s->def->source->check && (e = s->def->source->check(s->conf, s->datasource))) {
        if (sl_err_code(e) == SL_E_CONF)
            sl_err_recode(e, SL_E_EXEC);
        goto fail;
    }
    if (s->def->source->exists && (e = s->def->source->exists(s->conf, s->datasource, o->conf.home)))
        goto fail;
    sl_buf id = {0};
    sl_buf_str(&id, text);
    sl_json_write(&id, props, true, 0);
    s->identity = sl_arena_dup(a, sl_buf_view(&id));
    sl_buf_free(&id);
    s->fields = c->fields;
    s->nfields = c->nfields;
    s->shared = so->shared && !alone.n && !mock;
    s->strict = so->strict;
    s->timestamp_format = so->timestamp_format;
    s->zone = o->zone;
    if (!s->def->source->rows) {
        sl_str f = sl_json_text(sl_json_get(props, "format"), SL_S("json"));
        s->codec = sl_codec_find(f);
        if (!s->codec) {
            e = sl_err_new(SL_E_EXEC, "format type %.*s not supported", SL_FMT(f));
            goto fail;
        }
        sl_json *names = sl_json_iget(props, "fields");
        sl_str *cols = NULL;
        uint32_t n = 0;
        if (names && names->kind == SL_J_ARR) {
            cols = SL_NEW_N(a, sl_str, names->n + 1);
            for (sl_json *x = names->child; x; x = x->next)
                cols[n++] = x->s;
        }
        s->codec_conf = (sl_codec_conf){.fields = c->nfields ? c->fields : NULL,
                                        .nfields = c->nfields,
                                        .delimiter = so->delimiter,
                                        .columns = cols,
                                        .ncolumns = n,
                                        .int64 = sl_json_true(sl_json_iget(props, "useInt64ForWholeNumber"), false),
                                        .has_header = sl_json_true(sl_json_iget(props, "hasHeader"), false),
                                        .schemaid = so->schemaid};
    }
    if ((e = sl_srcdef_common(s, props)))
        goto fail;
    stream_def *d = sl_map_get(o->streams, stream);
    if (s->shared && d) { /* rules of a shared stream hold one definition between them */
        if (d->src && d->src->def == s->def && sl_str_eq(d->src->identity, s->identity)) {
            sl_srcdef_drop(s);
            s = d->src;
        } else {
            sl_srcdef_drop(d->src);
            d->src = s;
        }
        sl_srcdef_hold(s);
    }
    *out = s;
    return NULL;
fail:
    sl_srcdef_drop(s);
    return e;
}
static sl_err *make_sink(sl_office *o, sl_arena *a, const sl_json *act, sl_sinkdef *out) {
    sl_json *props = NULL;
    if (act->kind != SL_J_OBJ)
        return sl_err_new(SL_E_EXEC, "expect map[string]interface{} type for the action properties, but found %.*s",
                          SL_FMT(act->kind == SL_J_STR        ? act->s
                                     : act->kind == SL_J_NULL ? SL_S("<nil>")
                                                              : act->raw));
    SL_TRY(conf_sink_props(o, a, act->key, act, &props));
    return sl_err_recode(sl_sinkdef_make(a, act->key, props, out), SL_E_EXEC);
}
sl_err *rule_plan(sl_office *o, rule_def *d, sl_flowspec **out) {
    sl_arena *a = sl_arena_new(448 + 480 * (size_t)d->actions->n), *tmp = sl_arena_new(0);
    sl_flowspec *spec = a ? SL_NEW(a, sl_flowspec) : NULL;
    if (!spec || !tmp) {
        sl_arena_free(a);
        sl_arena_free(tmp);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    spec->arena = a;
    spec->rule_id = sl_arena_dup(a, d->id);
    sl_select *sel = NULL;
    sl_err *e = sl_parse_select(tmp, d->sql, &sel, NULL);
    sl_plan_opts po;
    sl_plan_opts_default(&po);
    po.event_time = d->o.event_time;
    po.send_error = d->o.send_error;
    po.send_nil = d->o.send_nil;
    po.send_meta = d->o.send_meta;
    po.ignore_case = o->ignore_case;
    po.disable_alias_ref = d->o.disable_alias;
    po.incremental = d->o.incremental;
    po.window_v2 = d->o.window_v2;
    po.sliding_twice = d->o.sliding_twice;
    po.plain = d->o.plain;
    po.late_ms = d->o.late_ns / 1000000;
    po.idle_ms = d->o.idle_ns / 1000000;
    po.zone = o->zone;
    po.rule_id = spec->rule_id;
    po.temp_rule = d->temp;
    po.streams = o->streams;
    if (!e)
        e = sl_plan_make(sel, sl_office_find_def, o, &po, &spec->plan);
    if (sl_err_code(e) == SL_E_PLAN) /* upstream has the code and does not use it */
        e = sl_err_recode(e, SL_E_UNDEFINED);
    sl_arena_free(tmp);
    if (!e) {
        const sl_plan_source *ps = sl_plan_source_at(spec->plan, 0);
        const sl_create *c = sl_office_find_def(o, ps->stream);
        if (c && c->opts.shared && d->o.no_discard)
            e = sl_err_new(SL_E_UNDEFINED, "disableBufferFullDiscard can't be enabled with shared stream %.*s", SL_FMT(ps->stream));
        else
            e = sl_err_recode(make_source(o, ps->stream, d->o.qos > 0 ? d->id : SL_S(""), false, sl_json_get(d->mock, sl_arena_dup(a, ps->stream).p), &spec->src),
                              SL_E_EXEC); /* alone with qos until the journal exists (docs/design.md) */
        uint32_t n = sl_plan_nsources(spec->plan);
        spec->more = SL_NEW_N(a, sl_srcdef *, n);
        for (uint32_t i = 1; i < n && !e && spec->more; i++) {
            ps = sl_plan_source_at(spec->plan, i);
            spec->nmore = i;
            if (ps->same_as == i)
                e = sl_err_recode(
                    make_source(o, ps->stream, d->o.qos > 0 ? d->id : SL_S(""), ps->is_lookup, sl_json_get(d->mock, sl_arena_dup(a, ps->stream).p), &spec->more[i - 1]), SL_E_EXEC);
        }
    }
    uint32_t nsinks = 0;
    for (const sl_json *x = d->actions->child; x; x = x->next)
        nsinks += x->kind == SL_J_OBJ ? x->n : 0;
    spec->sinks = SL_NEW_N(a, sl_sinkdef, nsinks ? nsinks : 1);
    if (!e && !spec->sinks)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    for (const sl_json *x = d->actions->child; x && !e; x = x->next) /* an action has one key; each further one is a sink too */
        for (const sl_json *act = x->kind == SL_J_OBJ ? x->child : NULL; act && !e; act = act->next)
            e = make_sink(o, a, act, &spec->sinks[spec->nsinks++]);
    if (!e && !spec->nsinks)
        e = sl_err_new(SL_E_EXEC, "the actions of the rule are empty, expected objects with one key each, the type of the sink");
    if (e) {
        sl_flowspec_free(spec);
        return e;
    }
    if (d->o.qos > 0 && !d->temp) {
        spec->checkpoint_ms = d->o.checkpoint_ns / 1000000;
        spec->keep = rule_keep_state;
        spec->keep_arg = o;
        spec->journal_limit = sl_settings_int(o->conf.settings, "basic.journalLimit", 0);
    }
    spec->send_error = d->o.send_error;
    spec->qos = (int)d->o.qos;
    spec->memory_soft = d->o.memory_soft;
    spec->memory_hard = d->o.memory_hard;
    spec->buffer_length = d->o.buffer_length;
    spec->home = o->conf.home;
    spec->http = o->conf.http;
    spec->private_net = o->private_net;
    *out = spec;
    return NULL;
}
