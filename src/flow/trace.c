/* Spans of a rule that is being watched: what came in, what came out, and when each step was through. The lane only notes times and copies
 * texts; ids, trees and stores are the office's. A rule that is not watched pays for one pointer. */
#include <stdlib.h>
#include "flow/flow_int.h"

enum { MESSAGES = 64 }; /* of one batch; a flood is sampled */

typedef struct order { /* letter to the lane */
    sl_flow *f;
    trace_tap *tap;
} order;
static void tap_now(void *arg) { /* @on lane */
    order *o = arg;
    free(o->f->tap);
    o->f->tap = o->tap;
    if (o->f->source)
        source_watch(o->f);
    free(o);
}
void sl_flow_trace(sl_flow *f, bool on, bool head, void (*got)(void *arg, sl_trace *t), void *arg) {
    order *o = malloc(sizeof *o);
    trace_tap *tap = on ? malloc(sizeof *tap) : NULL;
    if (tap)
        *tap = (trace_tap){got, arg, head};
    if (o)
        *o = (order){f, tap};
    if (!o || (on && !tap) || !sl_post(f->lane->loop, tap_now, o)) {
        free(o);
        free(tap);
    }
}
void sl_trace_free(sl_trace *t) {
    if (!t)
        return;
    for (uint32_t i = 0; i < t->n; i++) {
        free(t->msgs[i].payload);
        free(t->msgs[i].in);
        free(t->msgs[i].out);
    }
    free(t->msgs);
    free(t->rule);
    free(t);
}
static char *row_text(const sl_batch *b, uint32_t r, sl_arena *a) {
    sl_buf out = {0};
    sl_str why = {0};
    if (r >= b->nrows || !sl_json_put(&out, sl_batch_row(b, r, a), &why)) {
        sl_buf_free(&out);
        return NULL;
    }
    return sl_buf_take(&out);
}
/* The trace a message came with: 00-<32 hex>-<16 hex>-<2 hex> in its metadata. */
static bool context(const sl_batch *b, uint32_t r, char id[33], char parent[17]) {
    const sl_value *m = b->meta ? &b->meta[r] : NULL;
    if (!m || m->kind != SL_MAP)
        return false;
    for (uint32_t i = 0; i < m->len; i++) {
        const sl_member *x = &m->map[i];
        if (!sl_str_ieq(x->key, SL_S("traceparent")) || x->val.kind != SL_STRING)
            continue;
        sl_str s = sl_str_n(x->val.p, x->val.len);
        if (s.n < 53 || s.p[2] != '-' || s.p[35] != '-')
            return false;
        memcpy(id, s.p + 3, 32);
        memcpy(parent, s.p + 36, 16);
        id[32] = parent[16] = 0;
        return true;
    }
    return false;
}
sl_trace *trace_begin(const sl_flow *f, const sl_batch *b) {
    uint32_t n = b->nrows < MESSAGES ? b->nrows : MESSAGES;
    sl_trace *t = n ? calloc(1, sizeof *t) : NULL;
    sl_arena *a = t ? sl_arena_new(0) : NULL;
    if (!a || !(t->msgs = calloc(n, sizeof *t->msgs))) {
        free(t);
        sl_arena_free(a);
        return NULL;
    }
    t->rule = sl_strdup_n(f->spec->rule_id.p, f->spec->rule_id.n);
    int64_t now = sl_wall_ns();
    t->at[2] = now;
    t->at[1] = now - 1000;
    t->at[0] = now - 1000 - source_took(f->source) * 1000;
    for (uint32_t r = 0; r < n; r++) {
        sl_trace_msg m = {0};
        if (!context(b, r, m.trace, m.parent) && f->tap->head)
            continue;
        sl_str raw = b->nrows == source_kept_n(f->source) ? source_kept(f->source, r) : (sl_str){0};
        m.payload = raw.n ? sl_strdup_n(raw.p, raw.n) : NULL;
        m.payload_n = m.payload ? raw.n : 0;
        m.in = row_text(b, r, a);
        m.row = r;
        t->msgs[t->n++] = m;
    }
    t->alone = b->nrows == 1;
    sl_arena_free(a);
    return t;
}
void trace_ran(sl_trace *t, const sl_batch *out) {
    if (!t)
        return;
    t->at[3] = sl_wall_ns();
    t->passed = out != NULL;
    sl_arena *a = out && t->alone && out->nrows == 1 && t->n ? sl_arena_new(0) : NULL;
    if (a)
        t->msgs[0].out = row_text(out, 0, a); /* which row became which is certain only then */
    sl_arena_free(a);
}
typedef struct parcel {
    sl_trace *t;
    trace_tap tap;
} parcel;
static void arrives(void *arg) { /* @on office */
    parcel *p = arg;
    p->tap.got(p->tap.arg, p->t);
    free(p);
}
void trace_end(const sl_flow *f, sl_trace *t) {
    if (!t)
        return;
    t->at[4] = sl_wall_ns();
    parcel *p = t->n ? malloc(sizeof *p) : NULL;
    if (p)
        *p = (parcel){t, *f->tap};
    if (!p || !sl_post(f->office, arrives, p)) {
        free(p);
        sl_trace_free(t);
    }
}
