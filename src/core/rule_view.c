/* What can be seen of rules: texts, lists, status documents, topology, tags, bulk operations, Prometheus. */
#include <stdlib.h>
#include "base/num.h"
#include "core/body.h"
#include "core/office_int.h"
#include "sql/parse.h"

static sl_rule *find(sl_office *o, sl_str id) { return sl_map_get(o->rules, id); }
static const char *state_name(sl_rule_state s) {
    static const char *const names[] = {"stopped", "starting", "running", "stopping", "stopped: waiting for next schedule.", "stopped by error"};
    return names[s];
}
sl_err *sl_api_rule_get(sl_office *o, sl_str id, sl_buf *out) {
    SL_TRY(sl_check_id(id));
    sl_rule *r = find(o, id);
    if (!r || r->def->temp)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found.", SL_FMT(id));
    sl_buf_str(out, r->def->text);
    return NULL;
}
static int by_id(const void *a, const void *b) { return strcmp((*(sl_rule *const *)a)->id, (*(sl_rule *const *)b)->id); }
static sl_rule **sorted(sl_office *o, size_t *n) {
    sl_rule **l = malloc((sl_map_len(o->rules) + 1) * sizeof *l);
    size_t it = 0;
    void *v;
    *n = 0;
    while (l && sl_map_next(o->rules, &it, NULL, &v))
        l[(*n)++] = v;
    if (l)
        qsort(l, *n, sizeof *l, by_id);
    return l;
}
void sl_api_rule_list(sl_office *o, sl_buf *out) {
    size_t n;
    sl_rule **l = sorted(o, &n);
    sl_buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        const rule_def *d = l[i]->def;
        sl_buf_puts(out, i ? ",{\"id\":" : "{\"id\":");
        sl_json_put_str(out, d->id);
        sl_buf_puts(out, ",\"name\":");
        sl_json_put_str(out, d->name.n ? d->name : d->id);
        sl_buf_puts(out, ",\"status\":");
        sl_json_put_str(out, sl_str_of(state_name(l[i]->state)));
        sl_buf_puts(out, ",\"tags\":");
        const sl_json *tags = sl_json_iget(d->json, "tags");
        if (tags && tags->kind == SL_J_ARR)
            sl_json_write(out, tags, false, 0);
        else
            sl_buf_puts(out, "null");
        sl_buf_printf(out, ",\"trace\":%s,\"version\":", l[i]->trace ? "true" : "false");
        sl_json_put_str(out, d->version);
        sl_buf_putc(out, '}');
    }
    sl_buf_putc(out, ']');
    free(l);
}

/* ---- status ---- */
static void key(sl_arena *a, sl_json *j, const sl_meter *m, const char *suffix, sl_json *v) {
    static const char *const where[] = {"source", "op", "sink"};
    sl_json_set(a, j, sl_arena_printf(a, "%s_%s_0_%s", where[m->where], m->name, suffix).p, v);
}
static void head(sl_arena *a, sl_json *j, const sl_rule *r) {
    sl_json_set(a, j, "status", sl_json_str(a, sl_str_of(state_name(r->state))));
    sl_json_set(a, j, "message", sl_json_str(a, sl_str_of(r->message ? r->message : "")));
    sl_json_set(a, j, "lastStartTimestamp", sl_json_int(a, r->last_start));
    sl_json_set(a, j, "lastStopTimestamp", sl_json_int(a, r->last_stop));
    sl_json_set(a, j, "nextStartTimestamp", sl_json_int(a, schedule_next(r)));
}
static void body(sl_arena *a, sl_json *j, const sl_meters *ms) {
    if (ms->rows_late)
        sl_json_set(a, j, "late_rows_total", sl_json_int(a, (int64_t)ms->rows_late));
    if (ms->bytes_state || ms->bytes_queued) { /* ours; where there is nothing to say the document is as upstream's */
        sl_json_set(a, j, "memory_state_bytes", sl_json_int(a, ms->bytes_state));
        sl_json_set(a, j, "memory_waiting_bytes", sl_json_int(a, ms->bytes_queued));
    }
    for (uint32_t i = 0; i < ms->n; i++) {
        const sl_meter *m = &ms->at[i];
#define K(suffix, v) key(a, j, m, suffix, v)
        K("records_in_total", sl_json_int(a, (int64_t)m->in));
        K("records_out_total", sl_json_int(a, (int64_t)m->out));
        K("messages_processed_total", sl_json_int(a, (int64_t)(m->processed ? m->processed : m->out)));
        K("process_latency_us", sl_json_int(a, m->latency_us));
        K("buffer_length", sl_json_int(a, (int64_t)m->buffer));
        K("last_invocation", sl_json_int(a, m->last_ms));
        K("exceptions_total", sl_json_int(a, (int64_t)m->errors));
        K("last_exception", sl_json_str(a, sl_str_of(m->last_error ? m->last_error : "")));
        K("last_exception_time", sl_json_int(a, m->last_error_ms));
        if (m->where != 1) {
            K("connection_status", sl_json_int(a, m->conn));
            K("connection_last_connected_time", sl_json_int(a, m->conn_at));
            K("connection_last_disconnected_time", sl_json_int(a, m->disconn_at));
            K("connection_last_disconnected_message", sl_json_str(a, sl_str_of(m->disconn_why ? m->disconn_why : "")));
            K("connection_last_try_time", sl_json_int(a, m->try_at));
        }
#undef K
    }
}
static sl_json *memory(sl_arena *a, const sl_rule *r, const sl_meters *ms) {
    sl_json *m = sl_json_obj(a);
    sl_json_set(a, m, "state", sl_json_int(a, ms->bytes_state));
    sl_json_set(a, m, "waiting", sl_json_int(a, ms->bytes_queued));
    sl_json_set(a, m, "softLimit", sl_json_int(a, r->def->o.memory_soft));
    sl_json_set(a, m, "limit", sl_json_int(a, r->def->o.memory_hard));
    sl_json_set(a, m, "heldBack", sl_json_bool(a, ms->held_back));
    return m;
}
/* The journal of a rule that keeps what comes until a checkpoint contains it. */
static sl_json *journal(sl_arena *a, const sl_journal_meters *m) {
    sl_json *j = sl_json_obj(a);
    const struct {
        const char *key;
        uint64_t n;
    } all[] = {{"bytes", m->bytes},       {"records", m->records},   {"waiting", m->waiting}, {"next", m->next}, {"durable", m->durable}, {"cursor", m->cursor},
               {"replayed", m->replayed}, {"repeated", m->repeated}, {"torn", m->torn},       {"bad", m->bad},   {"lost", m->lost}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sl_json_set(a, j, all[i].key, sl_json_int(a, (int64_t)all[i].n));
    sl_json_set(a, j, "replaying", sl_json_bool(a, m->replaying));
    sl_json_set(a, j, "trouble", sl_json_str(a, sl_str_of(m->trouble)));
    return j;
}
/* Where every row and every message is. Of a rule that runs: in = the sum of the others, at any moment (rows: unless windows absorb). */
static void ledger(sl_arena *a, sl_json *j, const sl_rule *r, const sl_meters *ms) {
    sl_json *rows = sl_json_obj(a), *sinks = sl_json_obj(a);
    sl_json_set(a, rows, "in", sl_json_int(a, (int64_t)ms->rows_in));
    sl_json_set(a, rows, "filtered", sl_json_int(a, (int64_t)ms->rows_filtered));
    sl_json_set(a, rows, "failed", sl_json_int(a, (int64_t)ms->rows_failed));
    if (ms->rows_late)
        sl_json_set(a, rows, "late", sl_json_int(a, (int64_t)ms->rows_late));
    if (ms->rows_absorbed)
        sl_json_set(a, rows, "absorbed", sl_json_int(a, (int64_t)ms->rows_absorbed));
    sl_json_set(a, rows, "out", sl_json_int(a, (int64_t)ms->rows_out));
    for (uint32_t i = 0; i < ms->n; i++) {
        const sl_meter *m = &ms->at[i];
        if (m->where != 2)
            continue;
        sl_json *s = sl_json_obj(a);
        sl_json_set(a, s, "in", sl_json_int(a, (int64_t)m->in));
        sl_json_set(a, s, "delivered", sl_json_int(a, (int64_t)m->out));
        sl_json_set(a, s, "failed", sl_json_int(a, (int64_t)m->failed));
        sl_json_set(a, s, "dropped", sl_json_int(a, (int64_t)m->dropped));
        sl_json_set(a, s, "waiting", sl_json_int(a, (int64_t)m->buffer));
        sl_json_set(a, sinks, m->name, s);
    }
    sl_json_set(a, j, "rows", rows);
    sl_json_set(a, j, "sinks", sinks);
    sl_json_set(a, j, "memory", memory(a, r, ms));
    if (ms->journal)
        sl_json_set(a, j, "journal", journal(a, ms->journal));
}
typedef struct ask { /* one question about a rule's meters */
    sl_office *office;
    char *id;
    bool v2, ledger;
    sl_api_text done;
    void *arg;
} ask;
static void status_ready(void *arg, sl_meters *m) {
    ask *q = arg;
    sl_rule *r = q->id ? find(q->office, sl_str_of(q->id)) : NULL;
    sl_arena *a = sl_arena_new(0);
    sl_buf out = {0};
    if (!r || !a)
        q->done(q->arg, sl_err_new(SL_E_NOTFOUND, "Rule %s is not found", q->id ? q->id : ""), (sl_str){0});
    else {
        sl_json *j = sl_json_obj(a);
        if (q->ledger)
            ledger(a, j, r, m->n ? m : &r->last);
        else {
            head(a, j, r);
            body(a, j, m->n ? m : &r->last);
        }
        sl_json_write(&out, j, q->v2, q->v2 ? 0 : 2);
        q->done(q->arg, NULL, sl_buf_view(&out));
    }
    sl_buf_free(&out);
    sl_arena_free(a);
    sl_meters_free(m);
    free(q->id);
    free(q);
}
static void ask_meters(sl_office *o, sl_str id, bool v2, bool ledger, sl_api_text done, void *arg) {
    sl_rule *r = find(o, id);
    ask *q = r ? calloc(1, sizeof *q) : NULL;
    if (!q) {
        done(arg, sl_err_new(r ? SL_E_NOMEM : SL_E_NOTFOUND, r ? "out of memory" : "Rule %.*s is not found", SL_FMT(id)), (sl_str){0});
        return;
    }
    *q = (ask){.office = o, .id = sl_strdup_n(id.p, id.n), .v2 = v2, .ledger = ledger, .done = done, .arg = arg};
    if (r->flow)
        sl_flow_meters(r->flow, status_ready, q);
    else {
        sl_meters none = {0};
        status_ready(q, &none);
    }
}

void sl_api_rule_status(sl_office *o, sl_str id, bool v2, sl_api_text done, void *arg) { ask_meters(o, id, v2, false, done, arg); }
void sl_api_rule_ledger(sl_office *o, sl_str id, sl_api_text done, void *arg) { ask_meters(o, id, false, true, done, arg); }

/* ---- all rules at once ---- */
typedef struct survey { /* one question about the meters of all rules; counts the letters that are out */
    sl_office *office;
    void (*ready)(void *arg, const rule_meters *l, size_t n);
    void *arg;
    size_t waiting, n;
    struct surveyed {
        struct survey *of;
        char *id;
        sl_meters m;
    } * ones;
} survey;
static void survey_end(survey *q) {
    rule_meters *l = calloc(q->n + 1, sizeof *l);
    size_t n = 0;
    for (size_t i = 0; l && i < q->n; i++) {
        const sl_rule *r = find(q->office, sl_str_of(q->ones[i].id));
        if (r) /* what stands still shows its last run */
            l[n++] = (rule_meters){r, q->ones[i].m.n ? &q->ones[i].m : &r->last};
    }
    q->ready(q->arg, l, n);
    free(l);
    for (size_t i = 0; i < q->n; i++) {
        free(q->ones[i].id);
        sl_meters_free(&q->ones[i].m);
    }
    free(q->ones);
    free(q);
}
static void one_ready(void *arg, sl_meters *m) {
    struct surveyed *x = arg;
    x->m = *m;
    *m = (sl_meters){0};
    if (--x->of->waiting == 0)
        survey_end(x->of);
}
bool rules_survey(sl_office *o, void (*ready)(void *arg, const rule_meters *l, size_t n), void *arg) {
    survey *q = calloc(1, sizeof *q);
    size_t n;
    sl_rule **l = sorted(o, &n);
    if (!q || !l || !(q->ones = calloc(n + 1, sizeof *q->ones))) {
        free(q);
        free(l);
        return false;
    }
    q->office = o;
    q->ready = ready;
    q->arg = arg;
    q->n = n;
    q->waiting = 1;
    for (size_t i = 0; i < n; i++) {
        q->ones[i].of = q;
        q->ones[i].id = sl_strdup_n(l[i]->id, strlen(l[i]->id));
        if (l[i]->flow) {
            q->waiting++;
            sl_flow_meters(l[i]->flow, one_ready, &q->ones[i]);
        }
    }
    free(l);
    if (--q->waiting == 0)
        survey_end(q);
    return true;
}
static void write_all(const rule_meters *l, size_t n, sl_buf *out) {
    sl_buf_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        const sl_meter *worst = NULL;
        for (uint32_t k = 0; l[i].r->flow && k < l[i].m->n; k++) { /* errors only of what runs */
            const sl_meter *m = &l[i].m->at[k];
            if (m->errors && (!worst || m->last_error_ms > worst->last_error_ms))
                worst = m;
        }
        sl_buf_puts(out, i ? "," : "");
        sl_json_put_str(out, sl_str_of(l[i].r->id));
        sl_buf_printf(out, ":{\"status\":\"%s\",\"last_exception\":", state_name(l[i].r->state));
        sl_json_put_str(out, sl_str_of(worst && worst->last_error ? worst->last_error : ""));
        sl_buf_printf(out, ",\"exceptions_total\":%llu}", worst ? (unsigned long long)worst->errors : 0ull);
    }
    sl_buf_putc(out, '}');
}
typedef struct whole { /* who wants one text about all */
    sl_office *office;
    bool metrics;
    sl_api_text done;
    void *arg;
} whole;
static void whole_ready(void *arg, const rule_meters *l, size_t n) {
    whole *w = arg;
    sl_buf out = {0};
    if (w->metrics)
        metrics_write(w->office, l, n, &out);
    else
        write_all(l, n, &out);
    if (out.failed || !l)
        w->done(w->arg, sl_err_new(SL_E_NOMEM, "out of memory"), (sl_str){0});
    else
        w->done(w->arg, NULL, sl_buf_view(&out));
    sl_buf_free(&out);
    free(w);
}
static void whole_ask(sl_office *o, bool metrics, sl_api_text done, void *arg) {
    whole *w = malloc(sizeof *w);
    if (w)
        *w = (whole){o, metrics, done, arg};
    if (!w || !rules_survey(o, whole_ready, w)) {
        free(w);
        done(arg, sl_err_new(SL_E_NOMEM, "out of memory"), (sl_str){0});
    }
}
void sl_api_rule_status_all(sl_office *o, sl_api_text done, void *arg) { whole_ask(o, false, done, arg); }
void sl_api_metrics(sl_office *o, sl_api_text done, void *arg) { whole_ask(o, true, done, arg); }

/* ---- topology, explain, schema ---- */
static sl_err *never_ran(sl_str id) { return sl_err_new(SL_E_GENERAL, "Fail to get rule %.*s's topo, make sure the rule has been started before", SL_FMT(id)); }
enum { SL_TOPO_SOURCES = 64 }; /* further ones of a statement are not drawn */
static void edge(sl_buf *edges, sl_buf *last, const sl_buf *to) {
    sl_json_put_str(edges, sl_buf_view(last));
    sl_buf_puts(edges, ":[");
    sl_json_put_str(edges, sl_buf_view(to));
    sl_buf_puts(edges, "],");
    sl_buf_clear(last);
    sl_buf_str(last, sl_buf_view(to));
}
/* A source with what it runs itself (what is shared bears the stream's name); the end of its chain goes into last. */
static void topo_source(const sl_srcdef *s, int *op, sl_buf *sources, sl_buf *edges, sl_buf *last) {
    sl_buf to = {0};
    sl_buf_clear(last);
    sl_buf_printf(last, "source_%.*s", SL_FMT(s->stream));
    if (sources->n)
        sl_buf_putc(sources, ',');
    sl_json_put_str(sources, sl_buf_view(last));
    const char *own[] = {s->codec ? "decoder" : NULL, s->strict && s->nfields ? "preprocessor" : NULL};
    for (int i = 0; i < 2; i++) {
        if (!own[i])
            continue;
        sl_buf_clear(&to);
        sl_buf_puts(&to, "op_");
        if (s->shared)
            sl_buf_printf(&to, "%.*s_", SL_FMT(s->stream));
        sl_buf_printf(&to, "%d_%s", (*op)++, own[i]);
        edge(edges, last, &to);
    }
    sl_buf_free(&to);
}
void rule_topo(const sl_flowspec *s, sl_buf *out) {
    sl_buf last = {0}, to = {0}, edges = {0}, sources = {0}, ends[SL_TOPO_SOURCES] = {{0}};
    int op = 2;
    uint32_t nends = 0;
    topo_source(s->src, &op, &sources, &edges, &ends[nends++]);
    for (uint32_t i = 0; i < s->nmore && nends < SL_TOPO_SOURCES; i++)
        if (s->more[i] && !sl_plan_source_at(s->plan, i + 1)->is_lookup)
            topo_source(s->more[i], &op, &sources, &edges, &ends[nends++]);
    const char *kind;
    for (uint32_t i = 0; (kind = sl_plan_op(s->plan, i)); i++) {
        sl_buf_clear(&to);
        sl_buf_printf(&to, "op_%d_%s", op++, kind);
        if (i)
            edge(&edges, &last, &to);
        for (uint32_t k = 0; !i && k < nends; k++)
            edge(&edges, &ends[k], &to);
        if (!i)
            sl_buf_str(&last, sl_buf_view(&to));
    }
    for (uint32_t k = 0; k < nends; k++)
        sl_buf_free(&ends[k]);
    sl_buf_printf(out, "{\"sources\":[%.*s],\"edges\":{", SL_FMT(sl_buf_view(&sources)));
    sl_buf_free(&sources);
    sl_buf_str(out, sl_buf_view(&edges));
    sl_json_put_str(out, sl_buf_view(&last));
    sl_buf_puts(out, ":[");
    const char *steps[SL_SINK_STEPS];
    for (uint32_t i = 0; i < s->nsinks; i++) {
        sl_sinkdef_steps(&s->sinks[i], steps);
        sl_buf_printf(out, "%s\"op_%.*s_%u_0_%s\"", i ? "," : "", SL_FMT(s->sinks[i].type), i, steps[0]);
    }
    sl_buf_putc(out, ']');
    for (uint32_t i = 0; i < s->nsinks; i++) {
        const sl_sinkdef *d = &s->sinks[i];
        for (uint32_t k = 0, n = sl_sinkdef_steps(d, steps); k < n; k++) {
            sl_buf_printf(out, ",\"op_%.*s_%u_%u_%s\":[", SL_FMT(d->type), i, k, steps[k]);
            if (k + 1 < n)
                sl_buf_printf(out, "\"op_%.*s_%u_%u_%s\"]", SL_FMT(d->type), i, k + 1, steps[k + 1]);
            else
                sl_buf_printf(out, "\"sink_%.*s_%u\"]", SL_FMT(d->type), i);
        }
    }
    sl_buf_puts(out, "}}");
    sl_buf_free(&last);
    sl_buf_free(&to);
    sl_buf_free(&edges);
}
sl_err *sl_api_rule_topo(sl_office *o, sl_str id, sl_buf *out) {
    sl_rule *r = find(o, id);
    if (!r)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found", SL_FMT(id));
    if (r->flow)
        rule_topo(sl_flow_spec(r->flow), out);
    else if (r->topo)
        sl_buf_puts(out, r->topo);
    else
        return never_ran(id);
    return NULL;
}
sl_err *sl_api_rule_schema(sl_office *o, sl_str id, sl_buf *out) {
    sl_rule *r = find(o, id);
    if (!r)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found", SL_FMT(id));
    if (!r->flow)
        return never_ran(id);
    const sl_str *names;
    bool all;
    uint32_t n = sl_plan_output(sl_flow_spec(r->flow)->plan, &names, &all);
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_json *j = sl_json_obj(a);
    for (uint32_t i = 0; i < n; i++) {
        sl_json *c = sl_json_obj(a);
        sl_json_set(a, c, "hasIndex", sl_json_bool(a, true));
        sl_json_set(a, c, "index", sl_json_int(a, i));
        sl_json_set(a, j, sl_arena_dup(a, names[i]).p, c);
    }
    sl_json_write(out, j, true, 0);
    sl_arena_free(a);
    return NULL;
}
sl_err *sl_api_rule_validate(sl_office *o, sl_str id, sl_str text, sl_buf *out) {
    rule_def *d = NULL;
    SL_TRY(sl_err_prefix(rule_parse(o, text, id, &d), "invalid rule json"));
    sl_select *sel = NULL;
    sl_err *e = sl_parse_select(d->arena, d->sql, &sel, NULL);
    sl_buf names = {0};
    for (uint32_t i = 0; !e && i <= sel->njoins; i++) {
        sl_str n = i ? sel->joins[i - 1].src.name : sel->from.name;
        if (!sl_map_has(o->streams, n))
            e = sl_hint_stream(sl_err_new(SL_E_PLAN, "%.*s is not found", SL_FMT(n)), sel->text, i ? &sel->joins[i - 1].src : &sel->from, o->streams);
        if (i)
            sl_buf_putc(&names, ',');
        sl_json_put_str(&names, n);
    }
    if (!e) {
        sl_buf_puts(out, "{\"sources\":[");
        sl_buf_str(out, sl_buf_view(&names));
        sl_buf_puts(out, "],\"valid\":true}");
    }
    sl_buf_free(&names);
    rule_def_free(d);
    return e;
}

/* ---- tags ---- */
static sl_err *read_tags(sl_arena *a, sl_str text, const sl_json **tags) {
    sl_json *j = NULL;
    sl_err *e = sl_body_first(a, text, &j);
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, "server.RuleTagRequest");
    if (!e)
        e = sl_body_texts(j, "RuleTagRequest", "tags", tags);
    return sl_err_prefix(e, "decode body error");
}
static bool has_tag(const sl_json *tags, sl_str t) {
    for (const sl_json *x = tags && tags->kind == SL_J_ARR ? tags->child : NULL; x; x = x->next)
        if (sl_str_eq(x->s, t))
            return true;
    return false;
}
sl_err *sl_api_rule_tags(sl_office *o, sl_str id, sl_str text, int how) {
    sl_rule *r = find(o, id);
    sl_arena *a = sl_arena_new(0);
    const sl_json *tags = NULL;
    sl_err *e = a ? read_tags(a, text, &tags) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (!r || r->def->temp))
        e = sl_err_new(SL_E_NOTFOUND, "Get rule error: Rule %.*s is not found.", SL_FMT(id));
    if (e) {
        sl_arena_free(a);
        return e;
    }
    sl_arena *keep = r->def->arena;
    const sl_json *old = sl_json_iget(r->def->json, "tags");
    sl_json *fresh = sl_json_arr(keep);
    if (how) /* 1 add, 2 remove: what was there stays in order */
        for (const sl_json *x = old && old->kind == SL_J_ARR ? old->child : NULL; x; x = x->next)
            if (how == 1 || !has_tag(tags, x->s))
                sl_json_add(fresh, sl_json_str(keep, sl_arena_dup(keep, x->s)));
    if (how < 2)
        for (const sl_json *x = tags ? tags->child : NULL; x; x = x->next)
            if (!how || !has_tag(fresh, x->s))
                sl_json_add(fresh, sl_json_str(keep, sl_arena_dup(keep, x->s)));
    sl_arena_free(a);
    sl_json_set(keep, r->def->json, "tags", fresh);
    sl_buf b = {0};
    sl_json_write(&b, r->def->json, true, 0);
    r->def->text = sl_arena_dup(keep, sl_buf_view(&b));
    sl_buf_free(&b);
    return store_put(o, "rule", id, r->def->text);
}
static bool matches(const sl_rule *r, const sl_json *tags) {
    const sl_json *have = sl_json_iget(r->def->json, "tags");
    for (const sl_json *x = tags && tags->kind == SL_J_ARR ? tags->child : NULL; x; x = x->next)
        if (!has_tag(have, x->s))
            return false;
    return true;
}
sl_err *sl_api_rule_match(sl_office *o, sl_str text, sl_buf *out) {
    sl_arena *a = sl_arena_new(0);
    const sl_json *tags = NULL;
    sl_err *e = a ? read_tags(a, text, &tags) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e) {
        size_t n, found = 0;
        sl_rule **l = sorted(o, &n);
        sl_buf_putc(out, '{');
        for (size_t i = 0; i < n; i++)
            if (matches(l[i], tags)) {
                sl_buf_puts(out, found++ ? "," : "\"rules\":[");
                sl_json_put_str(out, sl_str_of(l[i]->id));
            }
        sl_buf_puts(out, found ? "]}" : "}");
        free(l);
    }
    sl_arena_free(a);
    return e;
}
typedef struct bulk {
    size_t waiting, n;
    struct bulk_one {
        struct bulk *of;
        char *id;
        char *error;
    } * ones;
    sl_api_text done;
    void *arg;
} bulk;
static void bulk_end(bulk *k) {
    sl_buf b = {0};
    sl_buf_putc(&b, '[');
    for (size_t i = 0; i < k->n; i++) {
        sl_buf_puts(&b, i ? ",{\"ruleId\":" : "{\"ruleId\":");
        sl_json_put_str(&b, sl_str_of(k->ones[i].id));
        sl_buf_puts(&b, k->ones[i].error ? ",\"success\":false,\"error\":" : ",\"success\":true");
        if (k->ones[i].error)
            sl_json_put_str(&b, sl_str_of(k->ones[i].error));
        sl_buf_putc(&b, '}');
        free(k->ones[i].id);
        free(k->ones[i].error);
    }
    sl_buf_putc(&b, ']');
    k->done(k->arg, NULL, sl_buf_view(&b));
    sl_buf_free(&b);
    free(k->ones);
    free(k);
}
static void bulk_done(void *arg, sl_err *e) {
    struct bulk_one *x = arg;
    if (e)
        x->error = sl_strdup_n(sl_err_text(e), strlen(sl_err_text(e)));
    sl_err_free(e);
    if (--x->of->waiting == 0)
        bulk_end(x->of);
}
void sl_api_rule_bulk(sl_office *o, bool start, sl_str text, sl_api_text done, void *arg) {
    sl_arena *a = sl_arena_new(0);
    const sl_json *tags = NULL;
    sl_err *e = a ? read_tags(a, text, &tags) : sl_err_new(SL_E_NOMEM, "out of memory");
    size_t n = 0, m = 0;
    sl_rule **l = e ? NULL : sorted(o, &n);
    bulk *k = calloc(1, sizeof *k);
    if (!e && (!l || !k || !(k->ones = calloc(n + 1, sizeof *k->ones))))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    for (size_t i = 0; !e && i < n; i++)
        if (matches(l[i], tags))
            l[m++] = l[i];
    if (!e && !m)
        e = sl_err_new(SL_E_UNDEFINED, "%s failed: no matching rules", start ? "bulk start" : "bulk stop");
    if (e) {
        if (k)
            free(k->ones);
        free(k);
        done(arg, e, (sl_str){0});
    } else {
        k->done = done;
        k->arg = arg;
        k->n = m;
        k->waiting = m + 1;
        for (size_t i = 0; i < m; i++) {
            k->ones[i] = (struct bulk_one){k, sl_strdup_n(l[i]->id, strlen(l[i]->id)), NULL};
            (start ? sl_api_rule_start : sl_api_rule_stop)(o, sl_str_of(l[i]->id), bulk_done, &k->ones[i]);
        }
        if (--k->waiting == 0)
            bulk_end(k);
    }
    free(l);
    sl_arena_free(a);
}
