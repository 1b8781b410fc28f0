/* Running groups. Decisions: keys are the printed items, as in the plain form, so that 1, 1.0 and "1" fall together; a single text key is taken as
 * it is. An accumulator follows the one way of computing that the first value chose, because there is no merging here; its error texts are those of the
 * list form. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/fastwin.h"
#include "sql/parse.h"
#include "sql/pipe.h"

typedef enum acc_kind { ACC_NONE, ACC_COUNT, ACC_SUM, ACC_AVG, ACC_MIN, ACC_MAX } acc_kind;
typedef struct acc {
    int64_t n;    /* values that are not null */
    uint8_t lead; /* kind of the first */
    char *error;  /* the first value that did not fit */
    union {
        int64_t i;
        double f;
        char *s;
    };
    uint32_t len, cap; /* of s */
} acc;

static acc_kind kind_of(const sl_func *f) {
    static const char *const names[] = {"", "count", "sum", "avg", "min", "max"};
    for (int i = ACC_COUNT; i <= ACC_MAX; i++)
        if (strcmp(f->name, names[i]) == 0)
            return (acc_kind)i;
    return ACC_NONE;
}
/* Does it ask for something that is known only when the window fires? */
static bool not_of_firing(sl_expr *e, void *arg) {
    static const char *const names[] = {"window_start", "window_end",      "window_trigger", "event_time",   "tstamp",   "now",          "current_timestamp",
                                        "local_time",   "local_timestamp", "cur_date",       "current_date", "cur_time", "current_time", "get_keyed_state"};
    const sl_plan *p = arg;
    for (size_t i = 0; e->kind == SL_X_CALL && e->func && i < sizeof names / sizeof *names; i++)
        if (strcmp(e->func->name, names[i]) == 0)
            return false;
    return e->kind != SL_X_SLOT || sl_expr_walk(p->fields[p->alias_at[e->b_slot]].expr, not_of_firing, arg);
}
static bool of_firing(const sl_plan *p, const sl_select *s) {
    void *arg = (void *)(uintptr_t)p;
    bool none = p->pipe->where_early || sl_expr_walk(s->where, not_of_firing, arg);
    for (uint32_t i = 0; none && i < s->ndims; i++)
        none = sl_expr_walk(s->dims[i], not_of_firing, arg);
    for (uint32_t i = 0; none && i < p->nagg; i++)
        for (uint32_t k = 0; none && k < p->agg[i].nargs; k++)
            none = sl_expr_walk(p->agg[i].expr->args[k], not_of_firing, arg);
    return !none;
}
const char *sl_fast_unfit(const sl_plan *p, const sl_select *s) {
    const sl_pipe *k = p->pipe;
    const sl_window *w = s->window;
    if (p->opts.plain)
        return "the plain form is asked for (plainExecution)";
    if (p->opts.event_time)
        return "event time";
    if (p->nsrc != 1)
        return "rows are joined";
    if (k->incremental)
        return "incremental mode gives its own results";
    if (!k->aggregated)
        return "the rows themselves come out";
    if (p->star || p->src[0].pub.all)
        return "objects made of rows (*) need rows";
    if (p->nana || p->ncols || k->rows.counters || k->in.counters)
        return "analytic or counting functions need rows";
    if (w->kind != SL_W_TUMBLING && (w->kind != SL_W_COUNT || w->interval))
        return "windows of this kind overlap or end by rows";
    for (uint32_t i = 0; i < p->nagg; i++)
        if (p->agg[i].in_where || p->agg[i].nargs != 1 || kind_of(p->agg[i].func) == ACC_NONE)
            return "an aggregate has no running form";
    if (of_firing(p, s))
        return "the time at which the window fires is asked for, row by row";
    return NULL;
}
static acc *accs(const sl_group *g) { return (acc *)(uintptr_t)(g + 1); }

sl_fast *sl_fast_new(void) { return calloc(1, sizeof(sl_fast)); }
void sl_fast_clear(sl_fast *f, const sl_plan *p) {
    for (uint32_t i = 0; i < f->n; i++) {
        sl_krow_drop(f->at[i]->first);
        for (uint32_t k = 0; k < p->nagg; k++) {
            acc *x = &accs(f->at[i])[k];
            free(x->error);
            if (x->lead == SL_STRING)
                free(x->s);
        }
    }
    f->n = 0;
    f->seen = 0;
    f->texts = 0;
    free(f->error);
    f->error = NULL;
    if (f->a)
        sl_arena_reset(f->a);
    if (f->slots)
        memset(f->slots, 0, ((size_t)f->mask + 1) * sizeof *f->slots);
}
void sl_fast_free(sl_fast *f, const sl_plan *p) {
    if (!f)
        return;
    sl_fast_clear(f, p);
    free(f->at);
    free(f->slots);
    sl_arena_free(f->a);
    free(f);
}
void sl_fast_fail(sl_fast *f, const char *head, sl_str text) {
    if (f->error)
        return;
    sl_buf b = {0};
    sl_buf_puts(&b, head);
    sl_buf_str(&b, text);
    f->error = sl_buf_take(&b);
}
static bool grow(sl_fast *f) {
    uint32_t size = f->slots ? (f->mask + 1) * 2 : 16;
    sl_group **slots = calloc(size, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        sl_group **at = &slots[f->at[i]->hash & (size - 1)];
        f->at[i]->next = *at;
        *at = f->at[i];
    }
    free(f->slots);
    f->slots = slots;
    f->mask = size - 1;
    return true;
}
sl_group *sl_fast_group(sl_fast *f, const sl_plan *p, sl_str key) {
    uint64_t h = sl_hash(key.p, key.n);
    for (sl_group *g = f->slots ? f->slots[h & f->mask] : NULL; g; g = g->next)
        if (g->hash == h && sl_str_eq(g->key, key))
            return g;
    if (!f->a && !(f->a = sl_arena_new(1024)))
        return NULL;
    if ((!f->slots || f->n > f->mask) && !grow(f))
        return NULL;
    if (f->n == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 8;
        sl_group **at = realloc(f->at, cap * sizeof *at);
        if (!at)
            return NULL;
        f->at = at;
        f->cap = cap;
    }
    sl_group *g = sl_arena_zero(f->a, sizeof *g + p->nagg * sizeof(acc));
    sl_str own = sl_arena_dup(f->a, key);
    if (!g || sl_arena_failed(f->a))
        return NULL;
    g->hash = h;
    g->key = own;
    g->next = f->slots[h & f->mask];
    f->slots[h & f->mask] = g;
    return f->at[f->n++] = g;
}

/* ---- accumulators ---- */
static bool complain(acc *x, sl_arena *a, const char *fmt, sl_value v) {
    sl_buf b = {0};
    sl_buf_printf(&b, fmt, sl_value_gotype(v));
    sl_buf_putc(&b, '(');
    sl_value_print(&b, v.kind == SL_JSONTEXT ? sl_value_open(a, v) : v);
    sl_buf_putc(&b, ')');
    x->error = sl_buf_take(&b);
    return x->error != NULL;
}
static bool keep_text(acc *x, sl_value v) {
    if (v.len > x->cap || !x->s) {
        char *s = realloc(x->s, v.len + 1);
        if (!s)
            return false;
        x->s = s;
        x->cap = v.len;
    }
    memcpy(x->s, v.p, v.len);
    x->len = v.len;
    return true;
}
static bool take(acc *x, acc_kind k, sl_arena *a, sl_value v) {
    if (sl_v_nil(v))
        return true;
    bool first = x->n++ == 0, extreme = k == ACC_MIN || k == ACC_MAX;
    if (k == ACC_COUNT || x->error)
        return true;
    if (first) {
        x->lead = v.kind == SL_UINT ? SL_INT : v.kind;
        if (x->lead != SL_INT && x->lead != SL_FLOAT && !(extreme && x->lead == SL_STRING)) {
            x->lead = SL_NULL;
            return complain(x, a,
                            extreme            ? "found invalid arg %s"
                                : k == ACC_AVG ? "run avg function error: found invalid arg %s"
                                               : "run sum function error: found invalid arg %s",
                            v);
        }
    }
    int sign = k == ACC_MIN ? -1 : 1;
    if (x->lead == SL_STRING) {
        if (v.kind != SL_STRING)
            return complain(x, a, "requires string but found %s", v);
        return first || sl_str_cmp(sl_v_text(v), (sl_str){x->s, x->len}) * sign > 0 ? keep_text(x, v) : true;
    }
    if (x->lead == SL_FLOAT) {
        if (v.kind != SL_FLOAT)
            return complain(x, a, "requires float64 but found %s", v);
        double d = sl_f64(v);
        if (!extreme)
            x->f = first ? d : x->f + d;
        else if (first || (sign > 0 ? d > x->f : d < x->f))
            x->f = d;
        return true;
    }
    int64_t i;
    sl_str why;
    if ((v.kind != SL_INT && v.kind != SL_FLOAT && v.kind != SL_UINT) || !sl_to_int(a, v, SL_CAST_SAMEKIND, &i, &why))
        return complain(x, a, extreme ? "requires int64 but found %s" : "requires int but found %s", v);
    if (!extreme)
        x->i = first ? i : (int64_t)((uint64_t)x->i + (uint64_t)i);
    else if (first || (sign > 0 ? i > x->i : i < x->i))
        x->i = i;
    return true;
}
bool sl_fast_add(sl_fast *f, const sl_plan *p, sl_run *run, sl_group *g, uint32_t row) {
    for (uint32_t k = 0; k < p->nagg; k++) {
        acc *x = &accs(g)[k];
        sl_value v = sl_run_at(run, p->agg[k].args[0].res, row);
        if (v.kind == SL_ERROR) { /* an argument that fails is the result: told bare, apart from what the function says */
            if (!x->error && !(x->error = malloc((size_t)v.len + 2)))
                return false;
            if (x->lead != SL_ERROR) {
                free(x->error);
                if (x->lead == SL_STRING)
                    free(x->s);
                if (!(x->error = malloc((size_t)v.len + 1)))
                    return false;
                memcpy(x->error, v.p, v.len);
                x->error[v.len] = 0;
                x->lead = SL_ERROR;
            }
            continue;
        }
        uint32_t had = x->cap;
        if (x->lead != SL_ERROR && !take(x, kind_of(p->agg[k].func), run->tmp, v))
            return false;
        f->texts += x->cap - had;
    }
    return true;
}
sl_value sl_fast_result(sl_call *c, const sl_plan *p, const sl_group *g, uint32_t i) {
    const acc *x = &accs(g)[i];
    acc_kind k = kind_of(p->agg[i].func);
    if (x->lead == SL_ERROR)
        return sl_v_error(sl_arena_dup(c->arena, sl_str_of(x->error)));
    if (k == ACC_COUNT)
        return sl_v_goint(x->n);
    if (x->error)
        return sl_call_fail(c, "%s", x->error);
    if (!x->n)
        return sl_v_null();
    if (x->lead == SL_STRING)
        return sl_v_str(sl_arena_dup(c->arena, (sl_str){x->s, x->len}));
    if (x->lead == SL_FLOAT)
        return sl_v_float(k == ACC_AVG ? x->f / (double)x->n : x->f);
    return sl_v_int(k == ACC_AVG ? x->i / x->n : x->i);
}
size_t sl_fast_bytes(const sl_fast *f) {
    return sizeof *f + f->texts + (f->a ? sl_arena_bytes(f->a) : 0) + f->cap * sizeof *f->at + (f->slots ? (f->mask + 1) * sizeof *f->slots : 0);
}

/* ---- saving ---- */
void sl_fast_save(const sl_fast *f, const sl_plan *p, uint32_t ncells, sl_buf *out) {
    sl_pack_value(out, sl_v_int(f->seen));
    sl_pack_value(out, f->error ? sl_v_str(sl_str_of(f->error)) : sl_v_null());
    sl_pack_value(out, sl_v_int(f->n));
    for (uint32_t i = 0; i < f->n; i++) {
        sl_pack_value(out, sl_v_str(f->at[i]->key));
        sl_krow_pack(out, f->at[i]->first, ncells);
        for (uint32_t k = 0; k < p->nagg; k++) {
            const acc *x = &accs(f->at[i])[k];
            sl_pack_value(out, sl_v_int(x->n));
            sl_pack_value(out, sl_v_int(x->lead));
            sl_pack_value(out, x->error ? sl_v_str(sl_str_of(x->error)) : sl_v_null());
            sl_pack_value(out, x->lead == SL_STRING ? sl_v_str((sl_str){x->s, x->len}) : x->lead == SL_FLOAT ? sl_v_float(x->f) : sl_v_int(x->i));
        }
    }
}
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: a running group is damaged"); }
static sl_err *load_acc(acc *x, sl_arena *a, sl_str *at) {
    sl_value n, lead, error, v;
    SL_TRY(sl_unpack_value(a, at, &n));
    SL_TRY(sl_unpack_value(a, at, &lead));
    SL_TRY(sl_unpack_value(a, at, &error));
    SL_TRY(sl_unpack_value(a, at, &v));
    if (n.kind != SL_INT || n.i < 0 || lead.kind != SL_INT || (error.kind != SL_NULL && error.kind != SL_STRING))
        return damaged();
    x->n = n.i;
    if (error.kind == SL_STRING && !(x->error = sl_strdup_n(error.p, error.len)))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (lead.i == SL_STRING && v.kind == SL_STRING) {
        if (!keep_text(x, v))
            return sl_err_new(SL_E_NOMEM, "out of memory");
    } else if (lead.i == SL_FLOAT && v.kind == SL_FLOAT)
        x->f = sl_f64(v);
    else if ((lead.i == SL_INT || lead.i == SL_ABSENT || lead.i == SL_NULL || (lead.i == SL_ERROR && x->error)) && v.kind == SL_INT)
        x->i = v.i;
    else
        return damaged();
    x->lead = (uint8_t)lead.i;
    return NULL;
}
static sl_err *load(sl_fast *f, const sl_plan *p, sl_krows *k, const uint32_t *ncells, sl_str *at, sl_arena *a) {
    sl_value seen, error, n, key;
    SL_TRY(sl_unpack_value(a, at, &seen));
    SL_TRY(sl_unpack_value(a, at, &error));
    SL_TRY(sl_unpack_value(a, at, &n));
    if (seen.kind != SL_INT || n.kind != SL_INT)
        return damaged();
    f->seen = seen.i;
    if (error.kind == SL_STRING)
        sl_fast_fail(f, "", sl_v_text(error));
    for (int64_t i = 0; i < n.i; i++) {
        SL_TRY(sl_unpack_value(a, at, &key));
        if (key.kind != SL_STRING)
            return damaged();
        uint32_t had = f->n;
        sl_krow *first;
        SL_TRY(sl_krow_unpack(k, at, ncells, p->nsrc, &first));
        sl_group *g = sl_fast_group(f, p, sl_v_text(key));
        if (!g || f->n == had) {
            sl_krow_drop(first);
            return g ? damaged() : sl_err_new(SL_E_NOMEM, "out of memory");
        }
        g->first = first;
        for (uint32_t j = 0; j < p->nagg; j++) {
            SL_TRY(load_acc(&accs(g)[j], a, at));
            f->texts += accs(g)[j].cap;
        }
    }
    return NULL;
}
sl_err *sl_fast_load(sl_fast *f, const sl_plan *p, sl_krows *k, const uint32_t *ncells, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_err *e = a ? load(f, p, k, ncells, at, a) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(a);
    return e;
}
