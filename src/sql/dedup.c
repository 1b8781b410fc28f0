/* dedup_trigger(start, end, now, expire): a row waits until the `now` of a later row, or the clock, has reached its `end`. It leaves with the parts of
 * [start, end] that no row before it covered, as far as they are not older than now - expire; together that is each stretch of time once, whoever
 * asked for it how often.
 * Decisions: a stage for each call, one behind the other as upstream's operators; what a stage needs of a row stands in cells of the kept row, so
 * that waiting rows are saved like those of windows. What was covered is a sorted list of stretches that do not overlap. Waiting rows and the timer
 * are saved too (upstream forgets them). */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/dedup.h"

const sl_func sl_dedup_func = {.name = "dedup_trigger",
                               .kind = SL_FN_TRIGGER,
                               .min = 4,
                               .max = 4,
                               .sig = "(start column, end column, now column, expire integer) -> list",
                               .doc = "Rows wait for their end and leave with the parts of [start, end] that no row before them covered."};

typedef struct span {
    int64_t start, end;
} span;
typedef struct waiting {
    int64_t end;
    uint64_t turn; /* of rows with one end the first that came goes first */
    sl_krow *row;
} waiting;
struct sl_dedup {
    waiting *heap;
    uint32_t n, cap;
    uint64_t turn;
    span *taken;
    uint32_t ntaken, captaken;
    int64_t due;
};

sl_dedup *sl_dedup_new(const sl_plan *p) {
    sl_dedup *d = calloc(p->ntrig, sizeof *d);
    for (uint32_t i = 0; d && i < p->ntrig; i++)
        d[i].due = INT64_MAX;
    return d;
}
void sl_dedup_free(sl_dedup *d, uint32_t n) {
    for (uint32_t i = 0; d && i < n; i++) {
        for (uint32_t k = 0; k < d[i].n; k++)
            sl_krow_drop(d[i].heap[k].row);
        free(d[i].heap);
        free(d[i].taken);
    }
    free(d);
}
int64_t sl_dedup_next(const sl_pipes *r) {
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < r->p->ntrig; i++)
        due = r->dedup[i].due < due ? r->dedup[i].due : due;
    return due;
}
size_t sl_dedup_bytes(const sl_pipes *r) {
    size_t n = 0;
    for (uint32_t i = 0; i < r->p->ntrig; i++)
        n += r->dedup[i].cap * sizeof(waiting) + r->dedup[i].captaken * sizeof(span);
    return n;
}

/* ---- rows that wait, the earliest end first ---- */
static bool before(const waiting *a, const waiting *b) { return a->end != b->end ? a->end < b->end : a->turn < b->turn; }
static bool push(sl_dedup *d, sl_krow *x, int64_t end) {
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 8;
        waiting *heap = realloc(d->heap, cap * sizeof *heap);
        if (!heap)
            return false;
        d->heap = heap;
        d->cap = cap;
    }
    waiting w = {end, d->turn++, x};
    uint32_t at = d->n++;
    for (; at && before(&w, &d->heap[(at - 1) / 2]); at = (at - 1) / 2)
        d->heap[at] = d->heap[(at - 1) / 2];
    d->heap[at] = w;
    return true;
}
static sl_krow *pop(sl_dedup *d) {
    sl_krow *x = d->heap[0].row;
    waiting last = d->heap[--d->n];
    uint32_t at = 0, child;
    for (; (child = 2 * at + 1) < d->n; at = child) {
        child += child + 1 < d->n && before(&d->heap[child + 1], &d->heap[child]);
        if (before(&last, &d->heap[child]))
            break;
        d->heap[at] = d->heap[child];
    }
    if (d->n)
        d->heap[at] = last;
    enum { LARGE = 1024 };
    if (d->cap > LARGE && d->n < d->cap / 8) { /* a burst is over */
        waiting *heap = realloc(d->heap, d->cap / 4 * sizeof *heap);
        d->cap = heap ? d->cap / 4 : d->cap;
        d->heap = heap ? heap : d->heap;
    }
    return x;
}

/* ---- what a row asks for ---- */
typedef struct request {
    int64_t start, end, now;
} request;
enum { TEXT = 16 << 10 }; /* of a message, at most */
static int by_key(const void *x, const void *y) { return sl_str_cmp(((const sl_member *)x)->key, ((const sl_member *)y)->key); }
/* Go's %s of a value. */
static void put_s(sl_buf *out, sl_arena *a, sl_value v, bool inside) {
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(a, v);
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: sl_buf_puts(out, inside ? "<nil>" : "%!s(<nil>)"); return;
    case SL_STRING:
    case SL_BYTES: sl_buf_str(out, sl_v_text(v)); return;
    case SL_LIST:
        sl_buf_putc(out, '[');
        for (uint32_t i = 0; i < v.len && out->n < TEXT; i++) {
            sl_buf_puts(out, i ? " " : "");
            put_s(out, a, v.list[i], true);
        }
        sl_buf_putc(out, ']');
        return;
    case SL_MAP: {
        sl_member *m = sl_arena_alloc(a, (v.len + 1) * sizeof *m);
        if (!m || sl_arena_failed(a))
            return;
        if (v.len)
            memcpy(m, v.map, v.len * sizeof *m);
        qsort(m, v.len, sizeof *m, by_key);
        sl_buf_puts(out, "map[");
        for (uint32_t i = 0; i < v.len && out->n < TEXT; i++) {
            sl_buf_printf(out, "%s%.*s:", i ? " " : "", SL_FMT(m[i].key));
            put_s(out, a, m[i].val, true);
        }
        sl_buf_putc(out, ']');
        return;
    }
    case SL_TIME:
    case SL_DURATION: sl_value_print(out, v); return;
    default:
        sl_buf_printf(out, "%%!s(%s=", sl_value_gotype(v));
        sl_value_print(out, v);
        sl_buf_putc(out, ')');
    }
}
static sl_value *cells_of(const sl_pipes *r, sl_krow *x, uint32_t stage) { return x->cells + r->p->src[0].n + r->p->nana + (size_t)stage * SL_DEDUP_CELLS; }
/* false: the row fails; why says so, unless it is NULL. */
static bool read_row(const sl_pipes *r, sl_krow *x, uint32_t stage, request *q, sl_buf *why) {
    static const char *const names[] = {"start", "end", "now"};
    int64_t *to[] = {&q->start, &q->end, &q->now};
    const sl_pcall *call = &r->p->trig[stage];
    const sl_value *arg = cells_of(r, x, stage) + 1;
    for (uint32_t i = 0; i < 3; i++) {
        if (arg[i].kind == SL_ERROR) {
            if (why)
                sl_buf_str(why, sl_v_text(arg[i]));
            return false;
        }
        if (arg[i].kind == SL_ABSENT) {
            if (why)
                sl_buf_printf(why, "dedup_trigger %.*s is missing", SL_FMT(call->names[i]));
            return false;
        }
        bool whole = arg[i].kind == SL_INT && !(arg[i].flags & SL_F_WEEKDAY), number = whole || arg[i].kind == SL_UINT || arg[i].kind == SL_FLOAT;
        if (!number || !sl_to_int(NULL, arg[i], SL_CAST_SAMEKIND, to[i], NULL)) {
            if (why) {
                sl_buf_printf(why, "dedup_trigger %s time ", names[i]);
                put_s(why, sl_krow_arena(x), arg[i], false);
                why->n = why->n > TEXT ? TEXT : why->n;
                sl_buf_puts(why, " is not int64");
            }
            return false;
        }
        if (i == 1 && q->start >= q->end) {
            if (why)
                sl_buf_printf(why, "dedup_trigger start time %lld is greater than end time %lld", (long long)q->start, (long long)q->end);
            return false;
        }
    }
    return true;
}

/* ---- what was covered ---- */
static uint32_t ending_at_or_after(const sl_dedup *d, uint32_t from, int64_t t, bool after) {
    uint32_t to = d->ntaken;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (after ? d->taken[mid].end > t : d->taken[mid].end >= t)
            to = mid;
        else
            from = mid + 1;
    }
    return from;
}
typedef struct found { /* the parts that are new */
    sl_value *at;
    uint32_t n;
    sl_arena *a;
} found;
static void add_part(found *f, int64_t start, int64_t end) {
    sl_member *m = sl_arena_alloc(f->a, 2 * sizeof *m);
    if (!m || !f->at)
        return; /* the latch of the arena tells */
    m[0] = (sl_member){SL_S("start_key"), sl_v_str(sl_arena_printf(f->a, "%lld", (long long)start))};
    m[1] = (sl_member){SL_S("end_key"), sl_v_str(sl_arena_printf(f->a, "%lld", (long long)end))};
    f->at[f->n++] = sl_v_map(m, 2);
}
/* Covers [q->start, q->end]; *out: the list of what was not covered. false: out of memory. */
static bool cover(sl_dedup *d, const request *q, int64_t expire, sl_arena *a, sl_value *out) {
    int64_t oldest, start = q->start, end = q->end;
    if (__builtin_sub_overflow(q->now, expire, &oldest))
        oldest = expire < 0 ? INT64_MAX : INT64_MIN;
    *out = sl_v_list(NULL, 0);
    out->flags |= SL_F_NILLIST;
    if (end < oldest)
        return true;
    if (start < oldest)
        start = oldest;
    uint32_t gone = ending_at_or_after(d, 0, oldest, false);
    if (gone)
        memmove(d->taken, d->taken + gone, (d->ntaken - gone) * sizeof *d->taken);
    d->ntaken -= gone;
    uint32_t l = ending_at_or_after(d, 0, start, true), r = ending_at_or_after(d, l, end, false); /* the first ones that start and end do not lie behind */
    bool in_l = l < d->ntaken && start >= d->taken[l].start, in_r = r < d->ntaken && end > d->taken[r].start;
    if (in_l && (l == r)) /* it lies in one */
        return true;
    if (d->ntaken == d->captaken) {
        uint32_t cap = d->captaken ? d->captaken * 2 : 8;
        span *more = realloc(d->taken, cap * sizeof *more);
        if (!more)
            return false;
        d->taken = more;
        d->captaken = cap;
    }
    found f = {.at = sl_arena_alloc(a, ((size_t)r - l + 1) * sizeof *f.at), .a = a};
    int64_t from = in_l ? d->taken[l].end : start;
    for (uint32_t i = in_l ? l + 1 : l; i < r; i++) {
        add_part(&f, from, d->taken[i].start);
        from = d->taken[i].end;
    }
    add_part(&f, from, in_r ? d->taken[r].start : end);
    if (sl_arena_failed(a))
        return false;
    span whole = {in_l ? d->taken[l].start : start, in_r ? d->taken[r].end : end};
    uint32_t behind = in_r ? r + 1 : r; /* [l, behind) becomes one */
    memmove(d->taken + l + 1, d->taken + behind, (d->ntaken - behind) * sizeof *d->taken);
    d->ntaken = d->ntaken - behind + l + 1;
    d->taken[l] = whole;
    *out = sl_v_list(f.at, f.n);
    return true;
}

/* ---- the way of a row ---- */
static void enter(sl_pipes *r, uint32_t stage, sl_krow *x, int64_t at_ms);
/* Lets go all rows whose end `now` has reached (0: the first one decides); sets the timer for the others. */
static void trigger(sl_pipes *r, uint32_t stage, int64_t now, int64_t at_ms) {
    sl_dedup *d = &r->dedup[stage];
    d->due = INT64_MAX;
    while (d->n && !r->nomem) {
        int64_t end = d->heap[0].end, left;
        now = now ? now : end;
        if (end > now) {
            if (__builtin_sub_overflow(end, now, &left) || __builtin_add_overflow(at_ms, left, &d->due))
                d->due = INT64_MAX - 1;
            return;
        }
        sl_krow *x = pop(d);
        request q;
        sl_value *cell = cells_of(r, x, stage);
        if (!read_row(r, x, stage, &q, NULL) || !cover(d, &q, r->p->trig[stage].expr->args[3]->value.i, sl_krow_arena(x), cell))
            r->nomem = true;
        else if (stage + 1 < r->p->ntrig)
            enter(r, stage + 1, x, at_ms);
        else {
            r->nfired++;
            sl_pipe_emit(r, &x, 1, 1, x->time, x->time, true);
        }
        sl_krow_drop(x);
    }
}
static void enter(sl_pipes *r, uint32_t stage, sl_krow *x, int64_t at_ms) {
    request q;
    sl_buf why = {0};
    if (!read_row(r, x, stage, &q, &why)) {
        r->nfailed += stage == 0;
        sl_pipe_error(r, "", sl_buf_view(&why));
        sl_buf_free(&why);
        return;
    }
    sl_krow_hold(x);
    if (!push(&r->dedup[stage], x, q.end)) {
        sl_krow_drop(x);
        r->nomem = true;
        return;
    }
    trigger(r, stage, q.now, at_ms);
}
void sl_dedup_args(sl_pipes *r, sl_run *run, sl_rows rows) {
    for (uint32_t i = 0; i < r->p->ntrig; i++)
        for (uint32_t k = 0; k < 3 && !run->nomem; k++)
            sl_run_block(run, r->p->trig[i].args[k], rows);
}
void sl_dedup_row(sl_pipes *r, sl_krow *x, const sl_run *run, uint32_t row) {
    for (uint32_t i = 0; i < r->p->ntrig; i++) {
        sl_value *to = cells_of(r, x, i);
        *to++ = sl_v_absent();
        for (uint32_t k = 0; k < 3; k++) {
            sl_value v = sl_run_at(run, r->p->trig[i].args[k].res, row);
            to[k] = v.kind == SL_ERROR ? sl_v_error(sl_arena_dup(sl_krow_arena(x), sl_v_text(v))) : v.kind >= SL_DECIMAL ? sl_value_copy(sl_krow_arena(x), v) : v;
        }
    }
    if (sl_arena_failed(sl_krow_arena(x)))
        r->nomem = true;
    else
        enter(r, 0, x, r->now_ms);
}
void sl_dedup_tick(sl_pipes *r, int64_t now_ms) {
    for (int64_t due; (due = sl_dedup_next(r)) <= now_ms && !r->nomem;) {
        uint32_t stage = r->p->ntrig - 1; /* of two at one instant the last first: a row that comes from the other must not set its timer anew */
        while (r->dedup[stage].due != due)
            stage--;
        trigger(r, stage, 0, due);
    }
}

/* ---- state ---- */
static int by_turn(const void *x, const void *y) { return before(x, y) ? -1 : 1; }
void sl_dedup_save(const sl_pipes *r, sl_buf *out) {
    for (uint32_t i = 0; i < r->p->ntrig; i++) {
        const sl_dedup *d = &r->dedup[i];
        waiting *order = malloc((d->n + 1) * sizeof *order);
        if (!order) {
            out->failed = true;
            return;
        }
        if (d->n)
            memcpy(order, d->heap, d->n * sizeof *order);
        qsort(order, d->n, sizeof *order, by_turn);
        sl_pack_value(out, sl_v_int(d->due));
        sl_pack_value(out, sl_v_int(d->n));
        for (uint32_t k = 0; k < d->n; k++)
            sl_krow_pack(out, order[k].row, r->k->ncells[0]);
        sl_pack_value(out, sl_v_int(d->ntaken));
        for (uint32_t k = 0; k < d->ntaken; k++) {
            sl_pack_value(out, sl_v_int(d->taken[k].start));
            sl_pack_value(out, sl_v_int(d->taken[k].end));
        }
        free(order);
    }
}
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: what dedup_trigger remembers is damaged"); }
static sl_err *number(sl_arena *tmp, sl_str *at, int64_t least, int64_t *to) {
    sl_value v;
    SL_TRY(sl_unpack_value(tmp, at, &v));
    *to = v.i;
    return v.kind == SL_INT && v.i >= least ? NULL : damaged();
}
static sl_err *load_stage(sl_pipes *r, uint32_t stage, sl_arena *tmp, sl_str *at) {
    sl_dedup *d = &r->dedup[stage];
    int64_t n;
    SL_TRY(number(tmp, at, INT64_MIN, &d->due));
    SL_TRY(number(tmp, at, 0, &n));
    for (int64_t i = 0; i < n; i++) {
        sl_krow *x;
        request q;
        SL_TRY(sl_krow_unpack(&r->rows, at, r->k->ncells, r->p->nsrc, &x));
        bool sound = x->src == 0 && read_row(r, x, stage, &q, NULL);
        if (!sound || !push(d, x, q.end)) {
            sl_krow_drop(x);
            return sound ? sl_err_new(SL_E_NOMEM, "out of memory") : damaged();
        }
    }
    SL_TRY(number(tmp, at, 0, &n));
    if ((size_t)n > at->n) /* each takes some bytes */
        return damaged();
    if (n && !(d->taken = calloc((size_t)n, sizeof *d->taken)))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    d->captaken = (uint32_t)n;
    for (int64_t i = 0; i < n; i++) {
        span *s = &d->taken[i];
        SL_TRY(number(tmp, at, i ? d->taken[i - 1].end : INT64_MIN, &s->start));
        SL_TRY(number(tmp, at, s->start, &s->end));
        d->ntaken++;
    }
    return NULL;
}
sl_err *sl_dedup_load(sl_pipes *r, sl_str *at) {
    sl_arena *tmp = sl_arena_new(0);
    sl_err *e = tmp ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    for (uint32_t i = 0; !e && i < r->p->ntrig; i++)
        e = load_stage(r, i, tmp, at);
    sl_arena_free(tmp);
    return e;
}
