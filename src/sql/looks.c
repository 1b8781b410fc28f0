/* Joins with lookup tables: the tuples of many collections are asked about together, and the rows that are found make new tuples.
 *
 * Decisions: what can be answered at once (tables in memory, cached answers) runs in scratch memory, with nothing kept, nothing copied and no allocation per
 * row. When an answer must be waited for, the whole lot is moved into memory of its own and stands in a queue; all lots ask at once, but leave in the
 * order in which they came. An error belongs to the collection that it arose in, and is told when that one's turn to leave has come. */
#include <stdlib.h>
#include "sql/joins.h"

typedef struct part { /* a collection */
    uint32_t upto;    /* its last tuple + 1 */
    int64_t start, end;
    bool failed;
    sl_str error;
} part;
typedef struct ticket { /* of one question */
    sl_parked *of;
    uint32_t i;
} ticket;
enum { GUESSES = 32 };
struct sl_parked { /* a lot */
    sl_parked *next;
    sl_pipes *r;
    sl_arena *a; /* its own when it is parked, else scratch */
    sl_tuples t;
    part *parts;
    uint32_t nparts;
    uint32_t join;  /* the lookup that it is at */
    sl_value *rows; /* [t.n] answers: LIST of MAP, ERROR; ABSENT: not there yet */
    uint32_t waiting;
    bool parked, asked, issuing, nomem;
    bool later; /* a collection that no join has seen yet: the rows are those held */
    int64_t start, end, now;
    sl_str text;    /* only an error that had to wait for its turn */
    sl_krow **held; /* parked: rows of windows */
    size_t nheld, bytes;
    uint16_t guess[GUESSES]; /* where the members of the last row stood in the layout, + 1 */
};

/* ---- memory ---- */
static void account(sl_parked *p) {
    size_t now = sizeof *p + sl_arena_bytes(p->a) + p->t.cap * p->r->p->nsrc * sizeof *p->t.at;
    p->r->parked_bytes += now - p->bytes;
    p->bytes = now;
}
static void lot_free(sl_parked *p) {
    p->r->parked_bytes -= p->bytes;
    p->r->nparked -= p->nparts;
    for (size_t i = 0; i < p->nheld; i++)
        sl_krow_drop(p->held[i]);
    free(p->t.at);
    sl_arena_free(p->a);
    free(p);
}
static sl_krow *copy_row(sl_parked *p, const sl_krow *x) {
    uint32_t n = p->r->k->ncells[x->src];
    sl_krow *k = sl_arena_alloc(p->a, sizeof *k + n * sizeof(sl_value));
    sl_member *m = sl_arena_alloc(p->a, (x->ntail + 1) * sizeof *m);
    if (!k || !m)
        return NULL;
    *k = (sl_krow){.time = x->time, .seq = x->seq, .src = x->src, .ntail = x->ntail, .tail = m, .meta = sl_value_copy(p->a, x->meta)};
    for (uint32_t i = 0; i < n; i++)
        k->cells[i] = sl_value_copy(p->a, x->cells[i]);
    for (uint32_t i = 0; i < x->ntail; i++)
        m[i] = (sl_member){sl_arena_dup(p->a, x->tail[i].key), sl_value_copy(p->a, x->tail[i].val)};
    return k;
}
/* The lot with memory of its own; takes p's tuples. NULL: out of memory. */
static sl_parked *settle(sl_parked *p) {
    sl_pipes *r = p->r;
    uint32_t width = r->p->nsrc;
    sl_parked *q = malloc(sizeof *q);
    if (!q)
        return NULL;
    *q = *p;
    q->bytes = 0;
    q->parked = true;
    q->next = NULL;
    q->a = sl_arena_new(0);
    q->parts = q->a ? sl_arena_alloc(q->a, (p->nparts + 1) * sizeof *q->parts) : NULL;
    q->held = q->a ? sl_arena_alloc(q->a, (p->t.n * width + 1) * sizeof *q->held) : NULL;
    q->nheld = 0;
    bool ok = q->parts && q->held;
    for (uint32_t i = 0; ok && i < p->nparts; i++) {
        q->parts[i] = p->parts[i];
        q->parts[i].error = sl_arena_dup(q->a, p->parts[i].error);
    }
    for (uint32_t s = 0; ok && s < width; s++) {
        sl_krow *was = NULL, *is = NULL; /* tuples of one row stand together */
        for (size_t i = 0; ok && i < p->t.n; i++) {
            sl_krow **at = &q->t.at[i * width + s];
            if (*at && *at != was) {
                was = is = *at;
                if (was->page) {
                    sl_krow_hold(was);
                    q->held[q->nheld++] = was;
                } else
                    ok = (is = copy_row(q, was)) != NULL;
            }
            *at = *at ? is : NULL;
        }
    }
    if (!ok || sl_arena_failed(q->a)) {
        for (size_t i = 0; i < q->nheld; i++)
            sl_krow_drop(q->held[i]);
        sl_arena_free(q->a);
        free(q);
        return NULL;
    }
    p->t = (sl_tuples){0};
    r->nparked += q->nparts;
    return q;
}

/* ---- asking ---- */
static void fail_part(sl_parked *p, part *x, sl_str why) {
    if (!x->failed)
        x->error = sl_arena_dup(p->a, why);
    x->failed = true;
}
static part *part_of(sl_parked *p, uint32_t tuple) {
    part *x = p->parts;
    while (x->upto <= tuple)
        x++;
    return x;
}
/* The keys of all tuples; vals: those of the tuples that are asked about, one behind the other; of: their numbers. Returns how many. */
static uint32_t keys_of(sl_parked *p, const sl_pjoin *d, sl_arena *a, sl_value *vals, uint32_t *of) {
    sl_pipes *r = p->r;
    uint32_t n = (uint32_t)p->t.n, m = 0;
    sl_run run;
    if (!sl_pipe_begin(r, &run, &r->k->join, r->state_join, a, a, n)) {
        p->nomem = true;
        return 0;
    }
    sl_pipe_load(r, &run, p->t.at, n, r->p->nsrc);
    sl_run_unset(&run, (sl_rows){NULL, n});
    for (uint32_t k = 0; k < d->neq; k++)
        sl_run_block(&run, d->left[k], (sl_rows){NULL, n});
    part *x = p->parts;
    for (uint32_t i = 0; i < n && !run.nomem; i++) {
        while (x->upto <= i)
            x++;
        bool null = x->failed;
        for (uint32_t k = 0; k < d->neq && !null; k++) {
            sl_value v = sl_run_at(&run, d->left[k].res, i);
            if (v.kind == SL_ERROR)
                fail_part(p, x, sl_v_text(v));
            null = sl_v_nil(v) || v.kind == SL_ERROR;
            vals[(size_t)m * d->neq + k] = v;
        }
        p->rows[i] = sl_v_list(NULL, 0);
        if (!null)
            of[m++] = i;
    }
    p->nomem |= run.nomem || r->nomem;
    sl_run_end(&run);
    return m;
}
static void answered(void *arg, sl_value rows) {
    ticket *t = arg;
    sl_parked *p = t->of;
    p->rows[t->i] = sl_value_copy(p->a, rows);
    account(p);
    if (--p->waiting == 0 && !p->issuing && p->r->env && p->r->env->wake)
        p->r->env->wake(p->r->env->arg);
}
/* Asks for the rows that the tuples want. What it gives is p, or p with memory of its own because answers are to come. NULL: out of memory. */
static sl_parked *ask(sl_parked *p, const sl_pjoin *d) {
    sl_pipes *r = p->r;
    const sl_exec_env *env = r->env;
    uint32_t n = (uint32_t)p->t.n, later = 0;
    sl_batch *tmp = sl_batch_fresh();
    sl_arena *a = tmp ? tmp->arena : NULL;
    uint32_t *of = a ? sl_arena_alloc(a, (n + 1) * sizeof *of) : NULL;
    sl_value *vals = a ? sl_arena_alloc(a, ((size_t)n * d->neq + 1) * sizeof *vals) : NULL, *got = a ? sl_arena_alloc(a, (n + 1) * sizeof *got) : NULL;
    p->rows = sl_arena_alloc(p->a, (n + 1) * sizeof *p->rows);
    p->asked = true;
    if (!of || !vals || !got || !p->rows) {
        sl_batch_drop(tmp);
        return NULL;
    }
    uint32_t m = keys_of(p, d, a, vals, of);
    for (uint32_t i = 0; i < m; i++)
        got[i] = sl_v_absent();
    if (m && env && env->look_many)
        env->look_many(env->arg, d->src, p->a, d->key, d->neq, vals, m, got);
    for (uint32_t i = 0; i < m && env; i++) { /* without anybody to ask nothing is found */
        p->rows[of[i]] = p->parked ? sl_value_copy(p->a, got[i]) : got[i];
        later += got[i].kind == SL_ABSENT;
    }
    if (later && !p->nomem) {
        if (!p->parked) {
            sl_value *lent = p->rows;
            sl_parked *q = settle(p);
            if (!q || !(q->rows = sl_arena_alloc(q->a, (n + 1) * sizeof *q->rows))) {
                if (q)
                    lot_free(q);
                sl_batch_drop(tmp);
                return NULL;
            }
            for (uint32_t i = 0; i < n; i++)
                q->rows[i] = sl_value_copy(q->a, lent[i]);
            p = q;
        }
        ticket *tickets = sl_arena_alloc(p->a, later * sizeof *tickets);
        sl_value *keys = sl_arena_alloc(p->a, ((size_t)later * d->neq + 1) * sizeof *keys);
        p->nomem |= !tickets || !keys;
        p->issuing = true;
        p->waiting = later;
        for (uint32_t i = 0, k = 0; i < m && !p->nomem; i++) {
            if (got[i].kind != SL_ABSENT)
                continue;
            for (uint32_t c = 0; c < d->neq; c++)
                keys[(size_t)k * d->neq + c] = sl_value_copy(p->a, vals[(size_t)i * d->neq + c]);
            tickets[k] = (ticket){p, of[i]};
            env->look(env->arg, d->src, p->a, d->key, keys + (size_t)k * d->neq, d->neq, answered, &tickets[k]);
            k++;
        }
        p->issuing = false;
        account(p);
    }
    sl_batch_drop(tmp);
    return p;
}

/* ---- answers to tuples ---- */
/* A row of the table for the moment, in the lot's memory. */
static sl_krow *row_of(sl_parked *p, uint32_t src, sl_value map) {
    const sl_psource *s = &p->r->p->src[src];
    const sl_layout *l = s->pub.layout;
    uint32_t n = p->r->k->ncells[src], ntail = 0;
    sl_krow *x = sl_arena_alloc(p->a, sizeof *x + n * sizeof(sl_value));
    sl_member *tail = s->pub.all ? sl_arena_alloc(p->a, (map.len + 1) * sizeof *tail) : NULL;
    if (!x || (s->pub.all && !tail))
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        x->cells[i] = sl_v_absent();
    for (uint32_t m = 0; m < map.len; m++) {
        int at = m < GUESSES && p->guess[m] && p->guess[m] <= l->n && sl_str_eq(l->names[p->guess[m] - 1], map.map[m].key) ? p->guess[m] - 1 : sl_layout_find(l, map.map[m].key);
        if (at >= 0) {
            x->cells[at] = map.map[m].val;
            if (m < GUESSES)
                p->guess[m] = (uint16_t)(at + 1);
        } else if (s->pub.all)
            tail[ntail++] = map.map[m];
    }
    x->page = NULL;
    x->time = 0;
    x->seq = 0;
    x->src = (uint16_t)src;
    x->ntail = ntail;
    x->tail = tail;
    x->meta = sl_v_absent();
    return x;
}
typedef struct condition { /* what is asked about the rest of ON */
    sl_parked *p;
    const uint32_t *of; /* candidate -> tuple */
} condition;
static bool rest_failed(void *arg, uint32_t i, sl_str why) {
    condition *c = arg;
    fail_part(c->p, part_of(c->p, c->of[i]), why);
    return true;
}
static bool combine(sl_parked *p, const sl_pjoin *d) {
    sl_pipes *r = p->r;
    uint32_t width = r->p->nsrc, room = 0, n = (uint32_t)p->t.n;
    sl_tuples cand = {0}, out = {0};
    bool full = false, ok = true;
    for (uint32_t i = 0; i < n; i++)
        room += p->rows[i].kind == SL_LIST ? p->rows[i].len : 0;
    uint32_t *of = sl_arena_alloc(p->a, ((size_t)room + 1) * sizeof *of); /* candidate -> tuple */
    bool *hit = sl_arena_alloc(p->a, (size_t)room + 1);
    ok = of && hit;
    part *x = p->parts;
    for (uint32_t i = 0; ok && i < n; i++) {
        while (x->upto <= i)
            x++;
        sl_value rows = p->rows[i];
        if (rows.kind == SL_ERROR)
            fail_part(p, x, sl_v_text(rows));
        for (uint32_t k = 0; ok && !x->failed && rows.kind == SL_LIST && k < rows.len; k++) {
            sl_value m = sl_value_open(p->a, rows.list[k]);
            if (m.kind != SL_MAP)
                continue;
            sl_krow *y = row_of(p, d->src, m);
            hit[cand.n] = true;
            of[cand.n] = i;
            ok = y && sl_tuples_add(&cand, width, p->t.at + (size_t)i * width, d->src, y, &full);
            if (!ok && full) {
                fail_part(p, x, SL_S(SL_TUPLES_TEXT));
                ok = true;
            }
        }
    }
    if (ok && d->has_rest)
        ok = sl_tuples_ask(r, d->rest, cand.at, (uint32_t)cand.n, hit, rest_failed, &(condition){p, of});
    uint32_t k = 0, i = 0;
    for (part *y = p->parts; ok && y < p->parts + p->nparts; y++) {
        for (; ok && i < y->upto; i++) {
            bool any = false;
            for (; ok && k < cand.n && of[k] == i; k++)
                if (hit[k] && !y->failed) {
                    any = true;
                    ok = sl_tuples_add(&out, width, cand.at + (size_t)k * width, d->src, cand.at[(size_t)k * width + d->src], &full);
                }
            if (ok && !any && !y->failed && d->type == SL_JOIN_LEFT)
                ok = sl_tuples_add(&out, width, p->t.at + (size_t)i * width, d->src, NULL, &full);
        }
        y->upto = (uint32_t)out.n;
    }
    free(cand.at);
    free(p->t.at);
    p->t = out;
    return ok && !sl_arena_failed(p->a);
}

/* ---- the way of a lot ---- */
static void emit(sl_parked *p) {
    sl_pipes *r = p->r;
    uint32_t width = r->p->nsrc, from = 0, *upto = sl_arena_alloc(p->a, (p->nparts + 1) * sizeof *upto);
    for (uint32_t i = 0, j; upto && i < p->nparts; i = j) {
        const part *x = &p->parts[i];
        sl_krow *const *t = p->t.at ? p->t.at + (size_t)from * width : NULL;
        for (j = i; j < p->nparts && !p->parts[j].failed && p->parts[j].start == x->start && p->parts[j].end == x->end; j++)
            upto[j - i] = p->parts[j].upto - from;
        if (x->failed) {
            sl_pipe_error(r, "run Join error: ", x->error);
            j = i + 1;
        } else if (j - i == 1 || !r->k->many || !sl_pipe_emit_many(r, t, upto, j - i, width, x->start, x->end))
            for (uint32_t k = 0, at = 0; k < j - i; at = upto[k++])
                if (upto[k] > at)
                    sl_pipe_emit(r, t + (size_t)at * width, upto[k] - at, width, x->start, x->end, false);
        from = p->parts[j - 1].upto;
    }
    r->nomem |= !upto;
}
/* Goes as far as the answers allow. *at may become another lot, with memory of its own. true: it is through. */
static bool advance(sl_parked **at) {
    const sl_pipe *k = (*at)->r->k;
    for (sl_parked *p = *at; !p->nomem && p->join < k->njoins;) {
        const sl_pjoin *d = &k->joins[p->join];
        if (!d->lookup) {
            p->join++;
            continue;
        }
        if (!p->asked) {
            sl_parked *q = ask(p, d);
            if (!q)
                p->nomem = true;
            else
                *at = p = q;
        }
        if (p->waiting)
            return false;
        if (!p->nomem && !combine(p, d))
            p->nomem = true;
        p->asked = false;
        p->join++;
    }
    return (*at)->waiting == 0;
}
static void leave(sl_parked *p) {
    if (p->nomem)
        p->r->nomem = true;
    else if (p->text.p)
        sl_builder_error(p->r->w, p->text);
    else if (p->later) {
        int64_t now = p->r->now_ms;
        p->r->now_ms = p->now;
        sl_pipe_collection(p->r, p->held, (uint32_t)p->nheld, p->start, p->end);
        p->r->now_ms = now;
    } else
        emit(p);
}
void sl_join_drain(sl_pipes *r) {
    for (sl_parked *p = r->parked; p; p = p->next) { /* all go on; they leave in order */
        sl_parked *same = p;
        if (!p->waiting)
            advance(&same);
    }
    bool inside = r->draining; /* what fails now is the oldest: it is told at once */
    r->draining = true;
    while (r->parked && !r->parked->waiting && !(r->parked->later && sl_pipe_late(r))) {
        sl_parked *p = r->parked;
        r->parked = p->next;
        if (!r->parked)
            r->last_parked = NULL;
        leave(p);
        lot_free(p);
    }
    r->draining = inside;
}
void sl_join_end(sl_pipes *r) {
    while (r->parked) {
        sl_parked *p = r->parked;
        r->parked = p->next;
        lot_free(p);
    }
}
static void park(sl_parked *p) {
    sl_pipes *r = p->r;
    account(p);
    if (r->last_parked)
        r->last_parked->next = p;
    else
        r->parked = p;
    r->last_parked = p;
}
void sl_join_later(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end) {
    sl_parked *p = calloc(1, sizeof *p);
    if (!p || !(p->a = sl_arena_new(n * sizeof *rows + 64)) || !(p->held = sl_arena_alloc(p->a, (n + 1) * sizeof *rows))) {
        if (p)
            sl_arena_free(p->a);
        free(p);
        r->nomem = true;
        return;
    }
    p->r = r;
    p->parked = p->later = true;
    p->join = r->k->njoins;
    p->start = start;
    p->end = end;
    p->now = r->now_ms;
    for (uint32_t i = 0; i < n; i++) {
        sl_krow_hold(rows[i]);
        p->held[p->nheld++] = rows[i];
    }
    p->nparts = 1;
    r->nparked++;
    park(p);
}
void sl_join_tell(sl_pipes *r, sl_str text) {
    sl_parked *p = calloc(1, sizeof *p);
    if (!p || !(p->a = sl_arena_new(256))) {
        free(p);
        r->nomem = true;
        return;
    }
    p->r = r;
    p->parked = true;
    p->join = r->k->njoins;
    p->text = sl_arena_dup(p->a, text);
    park(p);
}
static void go(sl_parked *p) {
    sl_pipes *r = p->r;
    sl_parked *q = p;
    bool through = advance(&q);
    if (q == p && r->parked && !(q = settle(p))) { /* others are before it */
        r->nomem = true;
        free(p->t.at);
        return;
    }
    if (q == p && through) {
        leave(p);
        free(p->t.at);
        return;
    }
    free(p->t.at);
    park(q);
    sl_join_drain(r);
}
void sl_looks_run(sl_pipes *r, sl_tuples *t, int64_t start, int64_t end) {
    sl_batch *tmp = sl_batch_fresh();
    if (!tmp) {
        r->nomem = true;
        return;
    }
    sl_purse_back(t->purse, t->cap * r->p->nsrc * sizeof *t->at);
    t->purse = NULL;
    part one = {.upto = (uint32_t)t->n, .start = start, .end = end};
    sl_parked p = {.r = r, .a = tmp->arena, .t = *t, .parts = &one, .nparts = 1};
    *t = (sl_tuples){0};
    go(&p);
    sl_batch_drop(tmp);
}
void sl_looks_rows(sl_pipes *r, sl_krow *const *rows, uint32_t n) {
    uint32_t width = r->p->nsrc;
    sl_batch *tmp = n ? sl_batch_fresh() : NULL;
    part *parts = tmp ? sl_arena_alloc(tmp->arena, n * sizeof *parts) : NULL;
    sl_krow **at = tmp ? calloc((size_t)n * width, sizeof *at) : NULL;
    if (!parts || !at) {
        r->nomem |= n > 0;
        free(at);
        sl_batch_drop(tmp);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        at[(size_t)i * width + rows[i]->src] = rows[i];
        parts[i] = (part){.upto = i + 1, .start = rows[i]->time, .end = rows[i]->time};
    }
    sl_parked p = {.r = r, .a = tmp->arena, .t = {at, n, n}, .parts = parts, .nparts = n};
    go(&p);
    sl_batch_drop(tmp);
}
