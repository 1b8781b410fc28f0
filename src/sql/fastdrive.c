/* Running windows: rows into panes, and what is told between them (fastwhen.c).
 * Decision: WHERE, keys and arguments are computed for a batch at once; rows then go in stretches that share a pane. */
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "data/pack.h"
#include "sql/fastdrive.h"

sl_fast *sl_fast_new(sl_pipes *r, int64_t start_ms) {
    sl_fast *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->r = r;
    f->plan = &r->k->running;
    f->s = &r->k->window;
    f->next = INT64_MAX;
    f->from = start_ms;
    sl_ftable_init(&f->t, f->plan, r->k->ndims, &f->bytes);
    f->heads = (sl_faheads){.plan = *f->plan, .ndims = r->k->ndims, .bytes = &f->bytes};
    f->heads.plan.multi = false;
    const sl_wspec *s = f->s;
    if (!s->event_time && (s->kind == SL_W_TUMBLING || s->kind == SL_W_HOPPING || s->kind == SL_W_SESSION))
        f->base = f->boundary = f->next = sl_win_align(start_ms, s->unit, s->kind == SL_W_HOPPING ? s->interval : s->length, s->zone);
    return f;
}
void sl_fast_free(sl_fast *f) {
    if (!f)
        return;
    sl_ftable_end(&f->t);
    sl_faheads_end(&f->heads);
    size_t it = 0;
    void *v;
    while (f->parts && sl_map_next(f->parts, &it, NULL, &v)) {
        sl_ftable_end(&((sl_fpart *)v)->t);
        free(v);
    }
    if (f->parts)
        sl_map_free(f->parts);
    free(f->due);
    free(f);
}
int64_t sl_fast_next(const sl_fast *f) { return f->next; }
size_t sl_fast_bytes(const sl_fast *f) { return sizeof *f + f->bytes; }
bool sl_fast_passes(const sl_fast *f) {
    sl_wkind k = f->s->kind;
    return !f->s->event_time && f->t.npanes && (k == SL_W_TUMBLING || k == SL_W_HOPPING || k == SL_W_SESSION);
}
int64_t sl_fast_due(const sl_fast *f) {
    bool timer = f->s->kind == SL_W_TUMBLING || f->s->kind == SL_W_HOPPING;
    return timer && f->started ? f->boundary : INT64_MIN;
}

bool sl_fast_ahead(const sl_fast *f) { return f->plan->ahead && f->started; }

/* ---- a batch of rows ---- */
typedef struct wrong { /* a row whose condition failed */
    uint32_t row, stage;
    sl_str text;
} wrong;
typedef struct batch {
    sl_fast *f;
    const sl_fastrows *in;
    sl_arena *tmp;
    const uint32_t *alive; /* rows that pass WHERE */
    uint32_t nalive, at;   /* at: the next to enter */
    wrong *bad;
    uint32_t nbad, capbad, stage;
    sl_buf text;
    bool nomem;
} batch;
static void where_failed(void *arg, uint32_t row, sl_value err) {
    batch *b = arg;
    if (b->nbad == b->capbad) {
        uint32_t cap = b->capbad ? b->capbad * 2 : 8;
        wrong *more = realloc(b->bad, cap * sizeof *more);
        if (!more) {
            b->nomem = true;
            return;
        }
        b->bad = more;
        b->capbad = cap;
    }
    b->bad[b->nbad++] = (wrong){row, b->stage, sl_arena_dup(b->tmp, sl_v_text(err))};
}
static void *space(batch *b, size_t n) {
    void *p = sl_arena_alloc(b->tmp, n ? n : 1);
    b->nomem |= !p || sl_arena_failed(b->tmp);
    return b->nomem ? NULL : p;
}
/* WHERE, keys and arguments of all rows. */
static bool compute(batch *b) {
    const sl_pipes *r = b->f->r;
    sl_run *run = b->in->run;
    sl_rows rows = {b->in->all ? NULL : b->in->at, b->in->n};
    for (uint32_t i = 0; i < r->k->nwhere && rows.n && !b->nomem; i++) {
        uint32_t *keep = space(b, rows.n * sizeof *keep);
        if (!keep)
            return false;
        b->stage = i;
        rows = sl_rows_of(rows, keep, sl_run_filter(run, r->k->where[i], rows, keep, where_failed, b));
        sl_run_front(run, rows);
    }
    for (uint32_t i = 0; i < r->k->ndims && rows.n; i++)
        sl_run_block(run, r->k->dims[i], rows);
    for (uint32_t i = 0; i < r->p->nagg && rows.n; i++)
        if (b->f->plan->agg[i].kind != SL_ACC_ROWS)
            sl_run_block(run, r->p->agg[i].args[0], rows);
    b->alive = rows.at ? rows.at : b->in->at;
    b->nalive = rows.n;
    return !b->nomem && !run->nomem;
}
/* *slot is the slot of a row's group. */
static bool enters(batch *b, sl_fslot *s, uint32_t row, sl_fslot **slot) {
    const sl_fplan *plan = b->f->plan;
    *slot = s;
    if (s && plan->ahead && *sl_fslot_since(plan, s) == INT64_MAX) {
        *sl_fslot_since(plan, s) = b->in->time[row];
        s->seq = b->in->seq + row;
    }
    return s && (plan->keyed || s->first || (s->first = b->in->first(b->in->arg, row)));
}
static bool slot_of(batch *b, sl_ftable *t, uint32_t row, sl_fslot **slot) {
    const sl_pipe *k = b->f->r->k;
    sl_value v[SL_FAST_DIMS];
    *slot = NULL;
    for (uint32_t i = 0; i < k->ndims; i++) {
        v[i] = sl_run_at(b->in->run, k->dims[i].res, row);
        if (v[i].kind == SL_ERROR) {
            sl_fpane_fail(t, sl_fpane_at(t, t->npanes - 1), k->nwhere, b->f->plan->ahead ? b->in->time[row] : 0, "run Group By error: ", sl_v_text(v[i]));
            return true;
        }
    }
    sl_fkey *key = sl_fast_key(t, v, b->tmp, &b->text);
    return key && enters(b, sl_ftable_slot(t, key->group, key), row, slot);
}
/* The slot of a row: *slot is the last one of its group, or NULL, and then place where its key is, or UINT32_MAX. Left NULL: its key failed. */
static bool find_slot(batch *b, sl_ftable *t, uint32_t place, uint32_t row, sl_fslot **slot) {
    const sl_fslot *had = *slot;
    bool ok = true;
    if (*slot)
        ok = enters(b, sl_ftable_again(t, *slot), row, slot);
    else if (place == UINT32_MAX)
        return slot_of(b, t, row, slot);
    else
        ok = enters(b, sl_ftable_slot(t, t->keys[place]->group, t->keys[place]), row, slot);
    if (ok && place != UINT32_MAX && *slot != had)
        sl_fast_known(t, place, *slot);
    return ok;
}
/* What it takes to close slots is asked for: their groups, then what those merged. */
static void close_soon(const sl_ftable *t, sl_fslot *const *slots, uint32_t i, uint32_t n) {
    enum { AHEAD = 8 };
    const sl_fslot *far = i + 2 * AHEAD < n ? slots[i + 2 * AHEAD] : NULL, *near = i + AHEAD < n ? slots[i + AHEAD] : NULL;
    if (far && far->item.epoch != t->epoch)
        __builtin_prefetch(far->group);
    if (near && near->item.epoch != t->epoch)
        __builtin_prefetch(near->group->back, 1);
}
/* The slots of n rows, at most SL_FAST_ROWS; rows whose key failed are left out of *rows. */
static bool slots_of(batch *b, sl_ftable *t, const uint32_t **rows, uint32_t n, sl_fslot **slots, uint32_t *count) {
    const uint32_t *in = *rows;
    uint32_t places[SL_FAST_ROWS], failed = 0, moved = t->moved;
    bool ok = true, known = n > 1 && t->keys;
    uint32_t missing = known ? sl_fast_keys(t, b->in->run, b->f->r->k->dims, in, n, places, slots) : n;
    for (uint32_t i = 0; i < n && missing && ok; i++) {
        if (known && t->plan->multi)
            close_soon(t, slots, i, n);
        if (!known)
            slots[i] = NULL;
        else if (slots[i] && slots[i]->item.epoch == t->epoch)
            continue;
        ok = find_slot(b, t, known && moved == t->moved ? places[i] : UINT32_MAX, in[i], &slots[i]);
        failed += slots[i] == NULL;
    }
    *count = n - failed;
    if (!failed || !ok)
        return ok;
    uint32_t *left = space(b, n * sizeof *left);
    for (uint32_t i = 0, to = 0; left && i < n; i++) {
        left[to] = in[i];
        slots[to] = slots[i];
        to += slots[i] != NULL;
    }
    *rows = left;
    return left != NULL;
}
/* The row comes before the first one of the slot that it enters. */
static bool comes_first(batch *b, sl_ftable *t, sl_fslot *s, uint32_t row) {
    const sl_fplan *plan = b->f->plan;
    const sl_pipe *k = b->f->r->k;
    *sl_fslot_since(plan, s) = b->in->time[row];
    s->seq = b->in->seq + row;
    if (s->group->keys->next) {
        sl_value v[SL_FAST_DIMS];
        for (uint32_t i = 0; i < k->ndims; i++)
            v[i] = sl_run_at(b->in->run, k->dims[i].res, row);
        if (!(s->key = sl_fast_key(t, v, b->tmp, &b->text)))
            return false;
        s->item = sl_fast_item(t, s->key);
        s->item.epoch = t->epoch;
    }
    if (plan->keyed)
        return true;
    sl_krow *first = b->in->first(b->in->arg, row);
    if (first) {
        sl_krow_drop(s->first);
        s->first = first;
    }
    return first != NULL;
}
/* Rows into the newest pane. mixed: some may be earlier than rows that are there. */
static bool take(batch *b, sl_ftable *t, const uint32_t *rows, uint32_t n, bool mixed) {
    const sl_fplan *plan = b->f->plan;
    sl_atime when = {plan->ahead ? b->in->time : NULL, mixed};
    const sl_run *run = b->in->run;
    sl_fslot *slots[SL_FAST_ROWS];
    size_t held = 0; /* by accumulators, beyond what they are */
    bool one = t->ndims == 0, ok = true;
    for (uint32_t at = 0, m; at < n && ok; at += m) { /* in pieces that the nearest cache holds */
        const uint32_t *some = rows + at;
        uint32_t count = m = one || n - at < SL_FAST_ROWS ? n - at : SL_FAST_ROWS;
        ok = one ? slot_of(b, t, rows[0], &slots[0]) : slots_of(b, t, &some, m, slots, &count);
        for (uint32_t i = 0; mixed && ok && i < count; i++) {
            sl_fslot *s = slots[one ? 0 : i];
            if (when.by[some[i]] < *sl_fslot_since(plan, s))
                ok = comes_first(b, t, s, some[i]);
        }
        for (uint32_t i = 0; ok && count && i < plan->nagg; i++) {
            const sl_fagg *a = &plan->agg[i];
            const sl_value *col = a->arg >= 0 ? run->reg[a->arg] : &run->p->consts[~a->arg];
            ok = one ? sl_acc_rows(a, slots[0], col, a->arg < 0, some, count, when, b->tmp, &held) : sl_acc_column(a, slots, col, a->arg < 0, some, count, when, b->tmp, &held);
        }
    }
    t->heavy |= held != 0;
    *t->bytes += held;
    return ok;
}
/* The rows up to row number `last` into the newest pane. */
static bool enter(batch *b, sl_ftable *t, uint32_t from, uint32_t last) {
    sl_fpane *pane = sl_fpane_at(t, t->npanes - 1);
    for (uint32_t i = 0; i < b->nbad; i++)
        if (b->bad[i].row >= from && b->bad[i].row <= last)
            sl_fpane_fail(t, pane, b->bad[i].stage, 0, "run Where error: ", b->bad[i].text);
    uint32_t first = b->at;
    if (b->nalive && b->alive[b->nalive - 1] <= last)
        b->at = b->nalive;
    while (b->at < b->nalive && b->alive[b->at] <= last)
        b->at++;
    return take(b, t, b->alive + first, b->at - first, false);
}
static void skip(batch *b, uint32_t last) { /* rows that no window will hold */
    while (b->at < b->nalive && b->alive[b->at] <= last)
        b->at++;
}

/* ---- which pane, and when ---- */
/* What is told before row i enters; then its pane is the newest. */
static bool before(batch *b, uint32_t i) {
    sl_fast *f = b->f;
    const sl_wspec *s = f->s;
    int64_t t = b->in->time[b->in->at[i]], at = 0;
    bool ok = true;
    switch (s->kind) {
    case SL_W_TUMBLING:
    case SL_W_HOPPING:
        ok = !s->event_time || sl_fast_boundaries(f, t, true);
        at = s->kind == SL_W_TUMBLING ? 0 : sl_fast_number(f, t);
        break;
    case SL_W_SLIDING:
        while (f->ndue && ok && (s->event_time || s->v2 ? sl_fast_oldest(f) + s->delay_ms < t : sl_fast_oldest(f) + s->delay_ms <= t))
            ok = sl_fast_slide_oldest(f);
        ok = sl_fast_pass_by(f, t) && ok;
        at = t;
        break;
    case SL_W_SESSION:
        if (s->event_time)
            ok = sl_fast_sessions(f, t, true);
        else if (!f->started) {
            f->started = true;
            if (!f->seen) /* else it begins where the one before was cut */
                f->from = t;
        }
        break;
    case SL_W_COUNT: at = f->plan->multi ? (int64_t)(f->rows / (uint64_t)f->plan->pane) : 0; break;
    default: break;
    }
    return ok && sl_ftable_pane(&f->t, at) != NULL;
}
/* How many rows from the i-th on share its pane, nothing being told between them. */
static uint32_t stretch(const batch *b, uint32_t i) {
    const sl_fast *f = b->f;
    const sl_wspec *s = f->s;
    const sl_fastrows *in = b->in;
    int64_t t = in->time[in->at[i]], end = INT64_MAX, last = t;
    uint32_t n = i;
    switch (s->kind) {
    case SL_W_TUMBLING:
        if (!s->event_time)
            return in->n - i;
        end = f->boundary;
        break;
    case SL_W_HOPPING:
        end = f->base + (sl_fast_number(f, t) + 1) * f->plan->pane;
        if (s->event_time && f->boundary < end)
            end = f->boundary;
        break;
    case SL_W_SLIDING:
        end = t + 1;
        if (!s->event_time || s->delay_ms)
            break;
        while (n < in->n && in->time[in->at[n]] < end)
            n++;
        return n - i;
    case SL_W_SESSION:
        if (!s->event_time)
            return in->n - i;
        for (n++; n < in->n && in->time[in->at[n]] - last <= s->interval_ms && in->time[in->at[n]] < f->boundary; n++)
            last = in->time[in->at[n]];
        return n - i;
    case SL_W_COUNT: {
        uint64_t each = s->interval ? (uint64_t)s->interval : (uint64_t)s->length, room = each - f->seen;
        if (f->plan->multi && (uint64_t)f->plan->pane - f->rows % (uint64_t)f->plan->pane < room)
            room = (uint64_t)f->plan->pane - f->rows % (uint64_t)f->plan->pane;
        return room < in->n - i ? (uint32_t)room : in->n - i;
    }
    default: return 1;
    }
    bool fires = s->kind == SL_W_SLIDING && !s->delay_ms;
    for (; n < in->n && in->time[in->at[n]] < end; n++)
        if (fires && (!in->trigger || in->trigger[n]))
            return n + 1 - i;
    return n > i ? n - i : 1;
}
/* What is told when rows i … i+n-1 have entered. */
static bool after(batch *b, uint32_t i, uint32_t n) {
    sl_fast *f = b->f;
    const sl_wspec *s = f->s;
    int64_t t = b->in->time[b->in->at[i + n - 1]];
    bool ok = true;
    switch (s->kind) {
    case SL_W_SLIDING:
        for (uint32_t k = i; k < i + n && ok; k++) {
            if (b->in->trigger && !b->in->trigger[k])
                continue;
            ok = s->event_time || s->delay_ms ? sl_fast_wait_for(f, t) : sl_fast_slide(f, t);
        }
        if (!s->event_time)
            f->next = f->ndue ? sl_fast_oldest(f) + s->delay_ms : INT64_MAX;
        break;
    case SL_W_SESSION:
        f->rows += n;
        if (f->rows == n)
            f->first = b->in->time[b->in->at[i]];
        f->last = t;
        if (!s->event_time)
            sl_fast_session_next(f);
        break;
    case SL_W_COUNT: {
        uint64_t each = s->interval ? (uint64_t)s->interval : (uint64_t)s->length;
        f->rows += n;
        f->seen += n;
        if (f->seen < each)
            break;
        f->seen = 0;
        if (!s->interval)
            return sl_fast_tell_all(f, f->r->now_ms, f->r->now_ms);
        if (f->rows < (uint64_t)s->length)
            break;
        ok = sl_ftable_until(&f->t, ((int64_t)f->rows - s->length) / f->plan->pane);
        sl_fast_tell(f, &f->t, f->r->now_ms, f->r->now_ms);
        int64_t keep = (int64_t)f->rows + s->interval - s->length;
        ok = sl_fast_until(f, keep / f->plan->pane) && ok;
        break;
    }
    default: f->rows = f->t.npanes;
    }
    return ok;
}
/* ---- state windows ---- */
static sl_fpart *open_part(sl_fast *f, sl_str key, int64_t t) {
    sl_fpart *p;
    if ((!f->parts && !(f->parts = sl_map_new())) || !(p = calloc(1, sizeof *p)))
        return NULL;
    sl_ftable_init(&p->t, f->plan, f->t.ndims, &f->bytes);
    p->opened = t;
    if (!sl_map_set(f->parts, key, p, NULL)) {
        free(p);
        return NULL;
    }
    f->bytes += sizeof *p;
    return p;
}
static bool state_row(batch *b, uint32_t i) {
    sl_fast *f = b->f;
    const sl_fastrows *in = b->in;
    uint32_t row = in->at[i];
    sl_str key = in->part ? in->part[i] : (sl_str){"", 0};
    int64_t t = in->time[row];
    sl_fpart *p = f->parts ? sl_map_get(f->parts, key) : NULL;
    bool first = !p, ok = true;
    if (first) {
        if (!in->begin[i]) {
            skip(b, row);
            return true;
        }
        if (!(p = open_part(f, key, t)))
            return false;
    } else if (!f->s->two && in->begin[i]) {
        uint32_t live = p->t.live;
        sl_fast_tell(f, &p->t, p->opened, t);
        ok = sl_ftable_drop(&p->t, p->t.npanes);
        sl_ftable_tidy(&p->t, live);
        p->opened = t;
    }
    ok = ok && sl_ftable_pane(&p->t, 0) && enter(b, &p->t, row, row);
    if (f->s->two && !first && in->emit[i]) {
        sl_fast_tell(f, &p->t, p->opened, t);
        sl_map_del(f->parts, key);
        sl_ftable_end(&p->t);
        free(p);
        f->bytes -= sizeof *p;
    }
    return ok;
}

/* ---- rows ahead of the watermark ---- */
typedef struct span { /* a pane and what belongs to it */
    sl_fahead *pane;
    int64_t from, to;
} span;
static bool span_of(sl_fast *f, int64_t t, span *s) {
    if (s->pane && t >= s->from && t < s->to)
        return true;
    int64_t n = sl_fast_number(f, t);
    s->from = f->base + n * sl_fast_width(f);
    s->to = s->from + sl_fast_width(f);
    return (s->pane = sl_fahead_at(&f->heads, n)) != NULL;
}
/* Rows that fell into several panes go pane by pane; which are left is put in front. */
static bool enter_each(batch *b, uint32_t *rows, uint32_t n) {
    uint32_t *mine = space(b, (n + 1) * sizeof *mine);
    const int64_t *time = b->in->time;
    while (n && mine) {
        span s = {0};
        if (!span_of(b->f, time[rows[0]], &s))
            return false;
        uint32_t left = 0, m = 0;
        for (uint32_t i = 0; i < n; i++) {
            int64_t t = time[rows[i]];
            if (t >= s.from && t < s.to)
                mine[m++] = rows[i];
            else
                rows[left++] = rows[i];
        }
        if (!take(b, &s.pane->t, mine, m, true))
            return false;
        n = left;
    }
    return mine != NULL;
}
/* The rows from place i on, up to the first with which the watermark reaches the time `upto`. Gives the next place. */
static uint32_t enter_ahead(batch *b, uint32_t i, int64_t upto, bool *ok) {
    const sl_fastrows *in = b->in;
    const int64_t *time = in->time;
    uint32_t first = b->at, end = i;
    span s = {0};
    bool mixed = false, several = false, reached = false;
    while (end < in->n && !reached) {
        const sl_fahead *was = s.pane;
        *ok = span_of(b->f, time[in->at[end]], &s);
        if (!*ok)
            return end;
        several |= was && was != s.pane;
        int64_t most = s.pane->most;
        for (; end < in->n && !reached; end++) {
            int64_t t = time[in->at[end]];
            if (t < s.from || t >= s.to)
                break;
            mixed |= t < most;
            most = t > most ? t : most;
            reached = t >= upto;
        }
        s.pane->most = most;
    }
    uint32_t last = in->at[end - 1];
    for (uint32_t k = 0; k < b->nbad && *ok; k++) {
        const wrong *x = &b->bad[k];
        if (x->row < in->at[i] || x->row > last)
            continue;
        *ok = span_of(b->f, time[x->row], &s);
        if (*ok)
            sl_fpane_fail(&s.pane->t, sl_fpane_at(&s.pane->t, 0), x->stage, time[x->row], "run Where error: ", x->text);
    }
    if (end == in->n)
        b->at = b->nalive;
    while (b->at < b->nalive && b->alive[b->at] <= last)
        b->at++;
    uint32_t n = b->at - first;
    if (!*ok)
        return end;
    if (!several) {
        *ok = take(b, &s.pane->t, b->alive + first, n, mixed);
        return end;
    }
    uint32_t *rows = space(b, (n + 1) * sizeof *rows);
    if (rows && n)
        memcpy(rows, b->alive + first, n * sizeof *rows);
    *ok = rows && enter_each(b, rows, n);
    return end;
}
static bool rows_ahead(batch *b) {
    sl_fast *f = b->f;
    const sl_fastrows *in = b->in;
    bool ok = true;
    if (in->n && !f->started)
        sl_fast_start(f, in->time[in->at[0]]);
    for (uint32_t i = 0; i < in->n && ok;) {
        i = enter_ahead(b, i, in->moves ? f->boundary + in->late : INT64_MAX, &ok);
        int64_t last = in->time[in->at[i - 1]];
        ok = ok && (!in->moves || sl_fast_behind(f, last - in->late));
    }
    return ok;
}

bool sl_fast_rows(sl_fast *f, const sl_fastrows *in) {
    batch b = {.f = f, .in = in, .tmp = in->run->tmp};
    bool ok = !in->n || compute(&b);
    if (f->plan->ahead) {
        ok = ok && rows_ahead(&b);
        sl_buf_free(&b.text);
        free(b.bad);
        return ok && !b.nomem;
    }
    for (uint32_t i = 0, n; i < in->n && ok; i += n) {
        if (f->s->kind == SL_W_STATE) {
            n = 1;
            ok = state_row(&b, i);
            continue;
        }
        ok = before(&b, i);
        n = stretch(&b, i);
        ok = ok && enter(&b, &f->t, in->at[i], in->at[i + n - 1]) && after(&b, i, n);
    }
    sl_buf_free(&b.text);
    free(b.bad);
    return ok && !b.nomem;
}

/* ---- saving ---- */
static void put(sl_buf *out, int64_t v) { sl_pack_value(out, sl_v_int(v)); }
void sl_fast_save(const sl_fast *f, sl_buf *out) {
    uint32_t ncells = f->r->k->ncells[0];
    const int64_t all[] = {f->next, f->from, f->boundary, f->base, f->first, f->last, f->started, f->empty, (int64_t)f->rows, (int64_t)f->seen, f->ndue};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        put(out, all[i]);
    for (uint32_t i = 0; i < f->ndue; i++)
        put(out, f->due[(f->head + i) & (f->capdue - 1)]);
    sl_ftable_save(&f->t, ncells, out);
    sl_faheads_save(&f->heads, ncells, out);
    put(out, f->parts ? (int64_t)sl_map_len(f->parts) : 0);
    size_t it = 0;
    sl_str key;
    void *v;
    while (f->parts && sl_map_next(f->parts, &it, &key, &v)) {
        const sl_fpart *p = v;
        sl_pack_value(out, sl_v_str(key));
        put(out, p->opened);
        sl_ftable_save(&p->t, ncells, out);
    }
}
static sl_err *load(sl_fast *f, sl_arena *a, sl_str *at) {
    int64_t started, empty, rows, seen, ndue, nparts, v;
    int64_t *const all[] = {&f->next, &f->from, &f->boundary, &f->base, &f->first, &f->last, &started, &empty, &rows, &seen, &ndue};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        SL_TRY(sl_fast_get(a, at, all[i]));
    f->started = started != 0;
    f->empty = (uint32_t)empty;
    f->rows = (uint64_t)rows;
    f->seen = (uint64_t)seen;
    for (int64_t i = 0; i < ndue; i++) {
        SL_TRY(sl_fast_get(a, at, &v));
        if (!sl_fast_wait_for(f, v))
            return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    SL_TRY(sl_ftable_load(&f->t, &f->r->rows, f->r->k->ncells, a, at));
    SL_TRY(sl_faheads_load(&f->heads, &f->r->rows, f->r->k->ncells, a, at));
    SL_TRY(sl_fast_get(a, at, &nparts));
    for (int64_t i = 0; i < nparts; i++) {
        sl_value key;
        SL_TRY(sl_unpack_value(a, at, &key));
        SL_TRY(sl_fast_get(a, at, &v));
        if (key.kind != SL_STRING || (f->parts && sl_map_get(f->parts, sl_v_text(key))))
            return sl_err_new(SL_E_CODEC, "saved state: a partition of a window is damaged");
        sl_fpart *p = open_part(f, sl_v_text(key), v);
        if (!p)
            return sl_err_new(SL_E_NOMEM, "out of memory");
        SL_TRY(sl_ftable_load(&p->t, &f->r->rows, f->r->k->ncells, a, at));
    }
    return NULL;
}
sl_err *sl_fast_load(sl_fast *f, sl_str *at) {
    sl_arena *a = sl_arena_new(0);
    sl_err *e = a ? load(f, a, at) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_arena_free(a);
    return e;
}
