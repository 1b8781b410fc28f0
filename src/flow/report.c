/* What a flow tells of itself when the office asks: meters of every step, its ledger, rows of its tables.
 * Decision: the lane copies and posts; the office never looks into a flow, and a lane never waits for who asked. */
#include <stdio.h>
#include <stdlib.h>
#include "flow/flow_int.h"

/* ---- meters ---- */
static void put_meter(sl_meters *m, const sl_meter *x) {
    if (meter_copy(&m->at[m->n], x))
        m->n++;
}
/* The steps in front of a sink are one piece of work here; what went in and out of each follows from the sink's own counts. */
static void put_steps(sl_meters *m, const sl_sinkdef *d, uint32_t at, const sink_node *sink) {
    const char *steps[SL_SINK_STEPS];
    const sl_meter *k = sink_meter(sink);
    bool gathered = false;
    for (uint32_t i = 0, n = sl_sinkdef_steps(d, steps); i < n; i++) {
        char full[128];
        snprintf(full, sizeof full, "%.*s_%u_%u_%s", SL_FMT(d->type), at, i, steps[i]);
        bool rows = !gathered && (i == 0 || strcmp(steps[i], "transform") == 0); /* counts rows and collections, behind it messages */
        gathered |= strcmp(steps[i], "transform") == 0;
        sl_meter x = {.name = full,
                      .where = 1,
                      .in = rows ? sink_taken(sink) : k->in,
                      .out = gathered ? k->in : sink_taken(sink),
                      .last_ms = k->last_ms,
                      .latency_us = k->latency_us,
                      .hist = k->hist};
        x.processed = x.in;
        put_meter(m, &x);
    }
}
/* A source and what it runs itself, numbered on; what is shared bears the stream's name. */
void put_source(sl_meters *m, const source_node *s, int *op) {
    if (!s)
        return;
    put_meter(m, source_meter(s));
    const sl_meter *own[] = {source_decoder_meter(s), source_preprocessor_meter(s)};
    for (int i = 0; i < 2; i++) {
        char full[160];
        if (!own[i])
            continue;
        snprintf(full, sizeof full, "%s%s%d_%s", source_is_shared(s) ? source_meter(s)->name : "", source_is_shared(s) ? "_" : "", (*op)++, i ? "preprocessor" : "decoder");
        sl_meter x = *own[i];
        x.name = full;
        put_meter(m, &x);
    }
}
void flow_snapshot(sl_flow *f, sl_meters *m) {
    source_settle(f);
    m->n = 0;
    m->busy_us = f->busy_us;
    m->rows_in = f->rows_in;
    if (f->journal && (m->journal = calloc(1, sizeof *m->journal)))
        journal_meters(f->journal, m->journal);
    m->rows_out = f->rows_out;
    m->bytes_state = f->exec ? (int64_t)sl_exec_state_bytes(f->exec) + looks_bytes(f) : 0;
    m->bytes_queued = 0;
    for (uint32_t i = 0; i < f->nsinks; i++)
        m->bytes_queued += (int64_t)sink_bytes(f->sinks[i]);
    m->held_back = f->account.back;
    m->at = calloc((size_t)f->spec->nsinks * (2 + SL_SINK_STEPS) + (size_t)f->nlimbs * 3 + 24, sizeof *m->at);
    if (!m->at)
        return;
    int op = 2;
    put_source(m, f->source, &op);
    for (uint32_t i = 0; i < f->nlimbs; i++)
        if (f->relays[i])
            op += flow_steps_of(flow_def(f->limbs[i]));
        else
            put_source(m, f->limbs[i]->source, &op);
    const sl_exec_stats *st;
    const char *name;
    for (uint32_t i = 0; f->exec && i < 12 && (name = sl_exec_op(f->exec, i, &st)); i++) {
        char full[64];
        snprintf(full, sizeof full, "%d_%s", op++, name);
        sl_meter x = {
            .name = full, .where = 1, .in = st->in, .out = st->out, .processed = st->in, .errors = st->errors, .last_ms = f->last_ms, .latency_us = f->took_us, .hist = f->hist};
        m->rows_failed += st->errors;
        if (strcmp(name, "filter") == 0)
            m->rows_filtered += st->in - st->out - st->errors;
        int64_t at = 0;
        sl_str why = st->errors ? sl_exec_last_error(f->exec, &at) : (sl_str){0};
        char *text = why.n ? sl_strdup_n(why.p, why.n) : NULL;
        x.last_error = text;
        x.last_error_ms = at;
        put_meter(m, &x);
        free(text);
    }
    if (f->exec && sl_exec_absorbs(f->exec, &m->rows_filtered, &m->rows_failed, &m->rows_late))
        m->rows_absorbed = m->rows_in - m->rows_filtered - m->rows_failed - m->rows_late;
    for (uint32_t i = 0; i < f->nsinks; i++)
        put_steps(m, &f->spec->sinks[i], i, f->sinks[i]);
    for (uint32_t i = 0; i < f->nsinks; i++) {
        put_meter(m, sink_meter(f->sinks[i]));
        if (sink_resend(f->sinks[i]))
            put_meter(m, sink_meter(sink_resend(f->sinks[i])));
    }
    sl_meter *fit = realloc(m->at, (m->n + 1) * sizeof *fit); /* kept for as long as the rule stands still */
    if (fit)
        m->at = fit;
}
/* Meters of sources on other lanes come to the others. */
static void merge_far(flow_letter *l) {
    uint32_t more = 0;
    for (uint32_t i = 0; i < l->nfar; i++)
        more += l->far[i].n;
    sl_meter *at = more ? realloc(l->m.at, (l->m.n + more) * sizeof *at) : NULL;
    if (at)
        l->m.at = at;
    for (uint32_t i = 0; i < l->nfar; i++)
        for (uint32_t k = 0; k < l->far[i].n; k++)
            if (at)
                at[l->m.n++] = l->far[i].at[k];
            else
                meter_free(&l->far[i].at[k]);
    free(l->far);
    l->far = NULL;
    l->nfar = 0;
}
void flow_meters_arrive(void *arg) { /* @on office */
    flow_letter *l = arg;
    merge_far(l);
    l->done(l->arg, &l->m);
    free(l);
}
static void one_less(void *arg) { /* @on any lane */
    flow_letter *l = arg;
    if (atomic_fetch_sub(&l->waiting, 1) == 1)
        sl_post(l->office, flow_meters_arrive, l);
}
bool flow_has_relays(const sl_flow *f) {
    bool any = false;
    for (uint32_t i = 0; i < f->nlimbs; i++)
        any |= f->relays[i] != NULL;
    return any;
}
static void meters_now(void *arg) { /* @on lane */
    flow_letter *l = arg;
    sl_flow *f = l->f;
    l->office = f->office;
    flow_snapshot(f, &l->m);
    l->waiting = 1;
    if (flow_has_relays(f) && (l->far = calloc(f->nlimbs, sizeof *l->far)))
        l->nfar = f->nlimbs;
    for (uint32_t i = 0; i < l->nfar; i++) { /* each in its own letter: a relay is there as long as letters sent now are on their way to it */
        if (!f->relays[i])
            continue;
        atomic_fetch_add(&l->waiting, 1);
        if (!relay_meters(f->relays[i], &l->far[i], one_less, l))
            atomic_fetch_sub(&l->waiting, 1);
    }
    one_less(l);
}
void sl_flow_meters(sl_flow *f, void (*done)(void *arg, sl_meters *m), void *arg) {
    flow_letter *l = calloc(1, sizeof *l);
    if (!l || (*l = (flow_letter){.f = f, .done = done, .arg = arg}, !sl_post(f->lane->loop, meters_now, l))) {
        free(l);
        sl_meters none = {0};
        done(arg, &none);
    }
}

/* ---- scan tables ---- */
typedef struct tables_letter {
    sl_flow *f;
    sl_loop *office;
    sl_buf json;
    void (*done)(void *arg, sl_str json);
    void *arg;
} tables_letter;
static void tables_arrive(void *arg) { /* @on office */
    tables_letter *l = arg;
    l->done(l->arg, l->json.failed ? (sl_str){"", 0} : sl_buf_view(&l->json));
    sl_buf_free(&l->json);
    free(l);
}
static void tables_now(void *arg) { /* @on lane */
    tables_letter *l = arg;
    if (!l->f->exec || !sl_exec_tables(l->f->exec, &l->json))
        sl_buf_free(&l->json);
    sl_post(l->office, tables_arrive, l);
}
void sl_flow_tables(sl_flow *f, void (*done)(void *arg, sl_str json), void *arg) {
    tables_letter *l = calloc(1, sizeof *l);
    if (l)
        *l = (tables_letter){.f = f, .office = f->office, .done = done, .arg = arg};
    if (l && sl_post(f->lane->loop, tables_now, l))
        return;
    free(l);
    done(arg, (sl_str){"", 0});
}
