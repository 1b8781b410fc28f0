/* One case, run in many ways. Decision: the first way is the plainest (the plain form of every operator, one row a batch, never moved); each other way is
 * compared with it, frame by frame, with the time at which it came. Rows of one instant are what batches may be cut from: in processing time a batch has
 * one time of arrival, so cutting elsewhere would be another input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "data/json.h"
#include "random.h"

#define MAX_TICKS 4000
#define MAX_OUT 6000
#define MAX_LOOKS 20000

typedef struct way {
    const char *name;
    bool plain;
    uint32_t batch;
    bool move;  /* the state goes to a fresh instance at some turns */
    bool later; /* lookups are answered behind the run that asked */
    bool brief; /* for fuzzers: many small runs are better than one long one */
} way;
static const way ways[] = {
    {"plain form, one row a batch", true, 1, false, false},
    {"fast form, one row a batch", false, 1, false, false},
    {"fast form, 1,024 rows a batch, lookups answered later", false, 1024, false, true},
    {"fast form, 7 rows a batch, state moved", false, 7, true, false},
    {"plain form, 1,024 rows a batch, state moved, lookups answered later", true, 1024, true, true},
};
enum { NWAYS = sizeof ways / sizeof *ways };

typedef struct frame {
    int64_t at, start, end;
    uint8_t kind;
    sl_str error;
    sl_value rows; /* LIST of MAP */
} frame;
typedef struct asked {
    uint32_t src;
    sl_value rows;
    void (*done)(void *arg, sl_value rows);
    void *arg;
} asked;
typedef struct runner {
    const rq_case *c;
    const way *w;
    sl_plan *plan;
    sl_exec *x;
    sl_arena *a;
    frame *out;
    uint32_t n, cap, errors, ticks, moves, looks;
    bool longer, woken;
    const char *broken;
    asked *asked;
    uint32_t nasked, capasked;
    sl_arena *answers;
    rq_rnd rnd;
} runner;

static const sl_create *find(void *arg, sl_str name) {
    const rq_case *c = arg;
    for (uint32_t i = 0; i < c->ndefs; i++)
        if (sl_str_eq(c->defs[i].create->name, name))
            return c->defs[i].create;
    return NULL;
}
static void collect(runner *r, sl_batch *b, int64_t at) {
    if (!b)
        return;
    uint32_t n = b->frames ? b->nframes : b->nrows;
    for (uint32_t i = 0; i < n && !r->longer; i++) {
        sl_frame f = b->frames ? b->frames[i] : (sl_frame){.kind = SL_FRAME_ROW, .first = i, .count = 1};
        if (f.first + f.count > b->nrows)
            r->broken = "a frame has rows that the batch has not";
        if (r->n == r->cap) {
            uint32_t cap = r->cap ? r->cap * 2 : 64;
            frame *more = sl_arena_alloc(r->a, cap * sizeof *more);
            if (r->n)
                memcpy(more, r->out, r->n * sizeof *more);
            r->out = more;
            r->cap = cap;
        }
        frame *o = &r->out[r->n++];
        *o = (frame){.at = at, .kind = f.kind, .start = f.start, .end = f.end};
        r->longer |= r->n > (r->w->brief ? MAX_OUT / 20 : MAX_OUT);
        if (f.kind == SL_FRAME_ERROR) {
            o->error = sl_arena_dup(r->a, f.error);
            r->errors++;
            continue;
        }
        sl_value *rows = sl_arena_alloc(r->a, (f.count + 1) * sizeof *rows);
        for (uint32_t k = 0; k < f.count; k++)
            rows[k] = sl_value_copy(r->a, sl_batch_row(b, f.first + k, r->a));
        o->rows = sl_v_list(rows, f.count);
    }
    sl_batch_drop(b);
}
/* Equality of a key with a column of a table, as a connector would answer: numbers by value, text by text. */
static bool matches(sl_value x, sl_value y) {
    bool nx = x.kind == SL_INT || x.kind == SL_FLOAT, ny = y.kind == SL_INT || y.kind == SL_FLOAT;
    if (nx && ny)
        return (x.kind == SL_INT ? (double)x.i : sl_f64(x)) == (y.kind == SL_INT ? (double)y.i : sl_f64(y));
    return sl_value_same(x, y);
}
static void look(void *arg, uint32_t src, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *done_arg) {
    runner *r = arg;
    r->longer |= ++r->looks > MAX_LOOKS;
    const sl_create *def = find((void *)(uintptr_t)r->c, sl_plan_source_at(r->plan, src)->stream);
    sl_value *rows = sl_arena_alloc(r->answers, (r->c->nrows + 1) * sizeof *rows);
    uint32_t k = 0;
    for (uint32_t i = 0; i < r->c->nrows && !r->longer; i++) {
        const rq_row *row = &r->c->rows[i];
        bool hit = r->c->defs[row->def].create == def;
        for (uint32_t j = 0; j < n && hit; j++)
            hit = matches(sl_value_get(r->answers, row->value, cols[j]), vals[j]);
        if (hit)
            rows[k++] = row->value;
    }
    sl_value list = sl_v_list(rows, k);
    if (!r->w->later) {
        done(done_arg, list);
        return;
    }
    if (r->nasked == r->capasked) {
        r->capasked = r->capasked ? r->capasked * 2 : 16;
        r->asked = realloc(r->asked, r->capasked * sizeof *r->asked);
    }
    r->asked[r->nasked++] = (asked){src, list, done, done_arg};
}
static void wake(void *arg) { ((runner *)arg)->woken = true; }
static void tick(runner *r, int64_t now) {
    sl_batch *out;
    bool failed;
    sl_exec_tick(r->x, now, &out, &failed);
    if (failed)
        r->broken = "out of memory";
    collect(r, out, now);
    r->longer |= ++r->ticks > (r->w->brief ? MAX_TICKS / 10 : MAX_TICKS);
}
/* Answers what was asked, in the order of asking or (to see that order is restored) the other way round. */
static void settle(runner *r, int64_t now) {
    while (r->nasked && !r->longer) {
        asked *list = r->asked;
        uint32_t n = r->nasked;
        r->asked = NULL;
        r->nasked = r->capasked = 0;
        bool back = rq_n(&r->rnd, 2);
        for (uint32_t i = 0; i < n; i++) {
            asked *q = &list[back ? n - 1 - i : i];
            q->done(q->arg, q->rows);
        }
        free(list);
        tick(r, now);
    }
    if (r->woken) {
        r->woken = false;
        tick(r, now);
    }
}
static void ticks(runner *r, int64_t upto) {
    for (int64_t t; !r->longer && (t = sl_exec_next(r->x)) <= upto;) {
        tick(r, t);
        settle(r, t);
        if (sl_exec_next(r->x) == t && r->ticks > MAX_TICKS / 2)
            r->broken = "the same instant is asked for again and again";
    }
}
static sl_exec *fresh(runner *r) {
    sl_exec *x = sl_exec_new(r->plan, RQ_START);
    sl_exec_env env = {r, look, wake};
    sl_exec_env_set(x, &env);
    return x;
}
static void move(runner *r) {
    sl_buf b = {0}, again = {0};
    if (!sl_exec_save(r->x, &b)) {
        r->broken = r->nasked ? NULL : "state cannot be saved though no lookup is under way";
        sl_buf_free(&b);
        return;
    }
    sl_exec *y = fresh(r);
    sl_err *e = sl_exec_load(y, sl_buf_view(&b));
    if (e) {
        r->broken = sl_arena_cstr(r->a, sl_err_text(e));
        sl_err_free(e);
    }
    if (!sl_exec_save(y, &again) || again.n != b.n || memcmp(again.p, b.p, b.n))
        r->broken = r->broken ? r->broken : "state that was loaded is not saved as it was";
    sl_buf_free(&b);
    sl_buf_free(&again);
    sl_exec_free(r->x);
    r->x = y;
    r->moves++;
}
static void strip(sl_buf *b, sl_value v) { /* JSON text as a source would send it */
    sl_str why;
    if (!sl_json_put(b, v, &why))
        sl_buf_puts(b, "{}");
}
static sl_batch *batch(runner *r, uint32_t src, const rq_row *rows, uint32_t n, int64_t now) {
    const sl_plan_source *s = sl_plan_source_at(r->plan, src);
    const sl_create *def = r->c->defs[rows->def].create;
    sl_builder *w = sl_builder_new(s->layout, s->all);
    sl_jsonrows *d = r->c->json ? sl_jsonrows_new(def->schemaless ? NULL : def->fields, def->nfields, false, false) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        sl_arena *a = sl_builder_arena(w);
        if (d) {
            sl_buf text = {0};
            uint32_t k;
            sl_str why;
            strip(&text, rows[i].value);
            sl_builder_message(w, rows[i].meta.kind == SL_MAP ? sl_value_copy(a, rows[i].meta) : sl_v_absent(), 0);
            if (!sl_jsonrows_read(d, w, sl_buf_view(&text), false, &k, &why))
                sl_builder_error(w, why);
            sl_buf_free(&text);
            continue;
        }
        sl_builder_row(w);
        for (uint32_t k = 0; k < rows[i].value.len; k++)
            sl_builder_put(w, sl_arena_dup(a, rows[i].value.map[k].key), sl_value_copy(a, rows[i].value.map[k].val));
        if (rows[i].meta.kind == SL_MAP)
            sl_builder_meta(w, sl_value_copy(a, rows[i].meta));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, now);
    sl_jsonrows_free(d);
    sl_builder_free(w);
    return b;
}
static void feed(runner *r, const rq_row *rows, uint32_t n, int64_t now) {
    const sl_create *def = r->c->defs[rows->def].create;
    for (uint32_t s = 0; s < sl_plan_nsources(r->plan) && !r->longer; s++) {
        const sl_plan_source *ps = sl_plan_source_at(r->plan, s);
        if (ps->same_as != s || ps->is_lookup || !sl_str_eq(ps->stream, def->name))
            continue;
        sl_batch *b = batch(r, s, rows, n, now), *out;
        sl_view v = {.batch = b, .n = b->nrows, .frames = b->frames, .nframes = b->nframes};
        bool failed;
        sl_exec_run(r->x, s, &v, now, &out, &failed);
        if (failed)
            r->broken = "out of memory";
        collect(r, out, now);
        sl_batch_drop(b);
        settle(r, now);
    }
}
static void run(runner *r, uint64_t salt) {
    const rq_case *c = r->c;
    r->rnd = (rq_rnd){.s = salt};
    r->x = fresh(r);
    for (uint32_t i = 0; i < c->nrows && !r->longer && !r->broken;) {
        const rq_row *row = &c->rows[i];
        if (c->defs[row->def].lookup) {
            i++;
            continue;
        }
        uint32_t n = 1;
        while (i + n < c->nrows && c->rows[i + n].more && n < r->w->batch)
            n++;
        if (!c->sleepy)
            ticks(r, RQ_START + row->at);
        feed(r, row, n, RQ_START + row->at);
        if (r->w->move && rq_n(&r->rnd, 4) == 3)
            move(r);
        i += n;
    }
    if (!r->broken)
        ticks(r, RQ_START + c->until);
    sl_exec_free(r->x);
    free(r->asked);
}

/* ---- comparison ---- */
static double magnitude(sl_value v) {
    double m = 0;
    if (v.kind == SL_INT)
        m = fabs((double)v.i);
    else if (v.kind == SL_FLOAT)
        m = fabs(sl_f64(v));
    else if (v.kind == SL_LIST)
        for (uint32_t i = 0; i < v.len; i++)
            m += magnitude(v.list[i]);
    else if (v.kind == SL_MAP)
        for (uint32_t i = 0; i < v.len; i++)
            m += magnitude(v.map[i].val);
    return m;
}
static bool same(sl_arena *a, sl_value x, sl_value y, double sum) {
    x = sl_value_open(a, x);
    y = sl_value_open(a, y);
    if (x.kind != y.kind)
        return (x.flags & SL_F_NILLIST && y.kind == SL_NULL) || (y.flags & SL_F_NILLIST && x.kind == SL_NULL);
    switch (x.kind) {
    case SL_FLOAT: {
        double p = sl_f64(x), q = sl_f64(y), scale = fmax(sum, fmax(fabs(p), fabs(q)));
        return p == q || (p != p && q != q) || fabs(p - q) <= 1e-12 * scale;
    }
    case SL_LIST:
        for (uint32_t i = 0; i < x.len && x.len == y.len; i++)
            if (!same(a, x.list[i], y.list[i], sum))
                return false;
        return x.len == y.len;
    case SL_MAP:
        for (uint32_t i = 0; i < x.len && x.len == y.len; i++) {
            sl_value m = sl_value_get(a, y, x.map[i].key);
            if (m.kind == SL_ABSENT || !same(a, x.map[i].val, m, sum))
                return false;
        }
        return x.len == y.len;
    case SL_BOOL:
    case SL_INT:
    case SL_DURATION: return x.i == y.i; /* upstream's many kinds of integers look alike outside */
    default: return sl_value_same(x, y);
    }
}
static bool same_frame(sl_arena *a, const frame *x, const frame *y, double sum) {
    return x->at == y->at && x->kind == y->kind && x->start == y->start && x->end == y->end && sl_str_eq(x->error, y->error) && same(a, x->rows, y->rows, sum);
}
static void show(sl_buf *b, const runner *r, uint32_t i) {
    if (i >= r->n) {
        sl_buf_puts(b, "nothing");
        return;
    }
    const frame *f = &r->out[i];
    sl_buf_printf(b, "at %lld ", (long long)(f->at - RQ_START));
    if (f->kind == SL_FRAME_ERROR) {
        sl_buf_printf(b, "error: %.*s", SL_FMT(f->error));
        return;
    }
    if (f->start || f->end)
        sl_buf_printf(b, "[%lld, %lld) ", (long long)(f->start - RQ_START), (long long)(f->end - RQ_START));
    if (f->kind == SL_FRAME_ROW && f->rows.len == 1)
        rq_put(b, f->rows.list[0]);
    else
        rq_put(b, f->rows);
}
static void compare(const runner *one, const runner *two, double sum, sl_buf *report, rq_result *res) {
    uint32_t i = 0;
    while (i < one->n && i < two->n && same_frame(one->a, &one->out[i], &two->out[i], sum))
        i++;
    if (!two->broken && i == one->n && i == two->n)
        return;
    res->verdict = RQ_DIFFERENT;
    res->why = two->w->name;
    if (!report)
        return;
    if (two->broken) {
        sl_buf_printf(report, "%s: %s\n", two->w->name, two->broken);
        return;
    }
    sl_buf_printf(report, "frame %u of %u and %u\n  %s:\n    ", i, one->n, two->n, one->w->name);
    show(report, one, i);
    sl_buf_printf(report, "\n  %s:\n    ", two->w->name);
    show(report, two, i);
    sl_buf_putc(report, '\n');
}
static sl_err *prepare(const rq_case *c, bool plain, sl_plan **out) {
    sl_select *sel;
    sl_err *e = sl_parse_select(c->a, c->sql, &sel, NULL);
    if (e)
        return e;
    sl_plan_opts o = c->opts;
    o.plain = plain;
    return sl_plan_make(sel, find, (void *)(uintptr_t)c, &o, out);
}
rq_result rq_check(const rq_case *c, uint64_t salt, sl_buf *report) {
    rq_result res = {.verdict = RQ_SAME};
    sl_plan *plans[2] = {0};
    for (int i = 0; i < 2; i++) {
        sl_err *e = prepare(c, i == 1, &plans[i]);
        if (!e)
            continue;
        res.verdict = i ? RQ_DIFFERENT : RQ_REFUSED;
        res.why = sl_arena_cstr(c->a, sl_err_text(e));
        if (i && report)
            sl_buf_printf(report, "the plain form is refused: %s\n", res.why);
        sl_err_free(e);
        sl_plan_drop(plans[0]);
        return res;
    }
    double sum = 1;
    for (uint32_t i = 0; i < c->nrows; i++)
        sum += magnitude(c->rows[i].value);
    runner one = {0};
    for (int i = 0; i < NWAYS && res.verdict == RQ_SAME; i++) {
        runner r = {.c = c, .w = &ways[i], .plan = plans[ways[i].plain], .a = sl_arena_new(0), .answers = sl_arena_new(0)};
        run(&r, salt + (uint64_t)i);
        res.moves += r.moves;
        if (r.longer)
            res.verdict = RQ_LONG;
        else if (i > 0)
            compare(&one, &r, sum, report, &res);
        else if (r.broken) {
            res.verdict = RQ_DIFFERENT;
            res.why = r.w->name;
            if (report)
                sl_buf_printf(report, "%s: %s\n", r.w->name, r.broken);
        }
        sl_arena_free(r.answers);
        if (i == 0) {
            one = r;
            res.out = r.n;
            res.errors = r.errors;
        } else
            sl_arena_free(r.a);
    }
    sl_arena_free(one.a);
    sl_plan_drop(plans[0]);
    sl_plan_drop(plans[1]);
    return res;
}
void rq_output(const rq_case *c, sl_buf *out) {
    sl_plan *p;
    sl_err *e = prepare(c, true, &p);
    if (e) {
        sl_buf_printf(out, "refused: %s\n", sl_err_text(e));
        sl_err_free(e);
        return;
    }
    runner r = {.c = c, .w = &ways[0], .plan = p, .a = sl_arena_new(0), .answers = sl_arena_new(0)};
    run(&r, 1);
    for (uint32_t i = 0; i < r.n; i++) {
        show(out, &r, i);
        sl_buf_putc(out, '\n');
    }
    sl_arena_free(r.a);
    sl_arena_free(r.answers);
    sl_plan_drop(p);
}
void rq_exercise(const rq_case *c) {
    static const way twice[] = {{"", false, 7, true, true, true}, {"", true, 1024, true, false, true}};
    for (int i = 0; i < 2; i++) {
        sl_plan *p;
        sl_err *e = prepare(c, twice[i].plain, &p);
        if (e) {
            sl_err_free(e);
            return;
        }
        runner r = {.c = c, .w = &twice[i], .plan = p, .a = sl_arena_new(0), .answers = sl_arena_new(0)};
        run(&r, 1);
        if (r.broken && strcmp(r.broken, "out of memory") != 0)
            abort();
        sl_arena_free(r.a);
        sl_arena_free(r.answers);
        sl_plan_drop(p);
    }
}
