/* Joins: rows of a collection by source to tuples, one row (or none) per source.
 * Decisions: sides follow the order of the text (D25). Where ON begins with equalities between the two sides and all keys are of one class
 * (numbers, or text), pairs are found by a hash of the keys and ON is still asked about each pair; otherwise every pair is asked, because comparing
 * different kinds is an error that must be seen. Lookups run behind the other joins; a collection whose answers are not there yet is
 * parked, and those behind it wait, so that the order of output is kept. */
#include <stdlib.h>
#include "sql/pipe.h"

enum { CHUNK = 1024, MOST = 4 << 20 }; /* pairs asked at once; tuples of one collection */
typedef struct tuples {
    sl_krow **at; /* [n * width] */
    size_t n, cap;
} tuples;
typedef struct joiner {
    sl_pipes *r;
    uint32_t width;
    sl_arena *tmp;
    bool failed;
} joiner;

static bool add(joiner *j, tuples *t, sl_krow *const *left, uint32_t src, sl_krow *right) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        sl_krow **at = cap <= MOST ? realloc(t->at, cap * j->width * sizeof *at) : NULL;
        if (!at) {
            if (cap > MOST)
                sl_pipe_error(j->r, "run Join error: ", SL_S("a collection may have at most 4194304 joined rows"));
            else
                j->r->nomem = true;
            j->failed = true;
            return false;
        }
        t->at = at;
        t->cap = cap;
    }
    sl_krow **to = t->at + t->n++ * j->width;
    for (uint32_t i = 0; i < j->width; i++)
        to[i] = left ? left[i] : NULL;
    to[src] = right;
    return true;
}

/* ---- conditions ---- */
static void tell(joiner *j, sl_value v) {
    if (v.kind == SL_ERROR)
        sl_pipe_error(j->r, "run Join error: ", sl_v_text(v));
    else {
        sl_buf b = {0};
        v.kind = v.kind == SL_ABSENT ? SL_NULL : v.kind;
        sl_buf_printf(&b, "invalid join condition that returns non-bool value %s(", sl_value_gotype(v));
        sl_value_print(&b, v);
        sl_buf_putc(&b, ')');
        sl_pipe_error(j->r, "run Join error: ", sl_buf_view(&b));
        sl_buf_free(&b);
    }
    j->failed = true;
}
/* Asks `on` about n tuples; hit[i] tells. */
static void ask(joiner *j, sl_block on, sl_krow *const *t, uint32_t n, bool *hit) {
    sl_batch *tmp = n && !j->failed ? sl_batch_fresh() : NULL;
    if (!tmp) {
        j->r->nomem |= n && !j->failed;
        j->failed |= j->r->nomem;
        return;
    }
    sl_run run;
    if (sl_pipe_begin(j->r, &run, &j->r->k->join, j->r->state_join, tmp->arena, tmp->arena, n)) {
        sl_pipe_load(j->r, &run, t, n, j->width);
        sl_run_unset(&run, (sl_rows){NULL, n});
        sl_run_block(&run, on, (sl_rows){NULL, n});
        for (uint32_t i = 0; i < n && !run.nomem && !j->failed; i++) {
            sl_value v = sl_run_at(&run, on.res, i);
            if (v.kind == SL_BOOL)
                hit[i] = v.i != 0;
            else
                tell(j, v);
        }
    }
    j->r->nomem |= run.nomem;
    j->failed |= j->r->nomem;
    sl_run_end(&run);
    sl_batch_drop(tmp);
}

/* ---- hash of the keys ---- */
typedef struct keyed { /* the right side */
    uint32_t *head, *next;
    uint64_t *hash;
    uint32_t mask;
} keyed;
enum { CLASS_NONE, CLASS_NUMBER, CLASS_TEXT, CLASS_MIXED };
static int class_of(sl_value v) {
    return sl_v_nil(v) ? CLASS_NONE : v.kind == SL_INT || (v.kind == SL_FLOAT && !(v.flags & SL_F_WHOLE)) ? CLASS_NUMBER : v.kind == SL_STRING ? CLASS_TEXT : CLASS_MIXED;
}
static uint64_t hash_of(sl_value v) {
    if (v.kind == SL_STRING)
        return sl_hash(v.p, v.len);
    double d = v.kind == SL_INT ? (double)v.i : v.f;
    if (d == 0)
        d = 0; /* one zero */
    return sl_hash(&d, sizeof d);
}
/* Key hashes of n tuples; class[k] collects the classes of key k. A null key has hash 0: it meets nothing. */
static uint64_t *hashes(joiner *j, const sl_block *keys, uint32_t nkeys, sl_krow *const *t, uint32_t n, int *class) {
    uint64_t *h = sl_arena_alloc(j->tmp, (n + 1) * sizeof *h);
    sl_batch *tmp = h ? sl_batch_fresh() : NULL;
    if (!tmp) {
        j->r->nomem = j->failed = true;
        return NULL;
    }
    sl_run run;
    bool ok = sl_pipe_begin(j->r, &run, &j->r->k->join, j->r->state_join, tmp->arena, tmp->arena, n);
    if (ok) {
        sl_pipe_load(j->r, &run, t, n, j->width);
        sl_run_unset(&run, (sl_rows){NULL, n});
    }
    for (uint32_t i = 0; i < n; i++)
        h[i] = 1;
    for (uint32_t k = 0; ok && k < nkeys; k++) {
        sl_run_block(&run, keys[k], (sl_rows){NULL, n});
        for (uint32_t i = 0; i < n && !run.nomem; i++) {
            sl_value v = sl_run_at(&run, keys[k].res, i);
            int c = class_of(v);
            if (c == CLASS_NONE)
                h[i] = 0;
            else if (class[k] == CLASS_NONE)
                class[k] = c;
            else if (class[k] != c)
                class[k] = CLASS_MIXED;
            if (h[i] && c != CLASS_NONE && c != CLASS_MIXED)
                h[i] = (h[i] * 0x9E3779B97F4A7C15u ^ hash_of(v)) | 1;
        }
    }
    j->r->nomem |= run.nomem;
    j->failed |= j->r->nomem;
    sl_run_end(&run);
    sl_batch_drop(tmp);
    return j->failed ? NULL : h;
}
static bool index_rows(joiner *j, keyed *x, uint32_t n) {
    uint32_t size = 16;
    while (size < n)
        size *= 2;
    x->mask = size - 1;
    x->head = sl_arena_alloc(j->tmp, size * sizeof *x->head);
    x->next = sl_arena_alloc(j->tmp, (n + 1) * sizeof *x->next);
    if (!x->head || !x->next || sl_arena_failed(j->tmp)) {
        j->r->nomem = j->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < size; i++)
        x->head[i] = UINT32_MAX;
    for (uint32_t i = n; i-- > 0;) { /* chains in order of the rows */
        if (!x->hash[i])
            continue;
        uint32_t at = (uint32_t)(x->hash[i] >> 7) & x->mask;
        x->next[i] = x->head[at];
        x->head[at] = i;
    }
    return true;
}

/* ---- one join ---- */
typedef struct pairs { /* what is to be asked */
    tuples t;
    uint32_t *left, *right;
    uint32_t n;
} pairs;
static void flush(joiner *j, const sl_pjoin *d, pairs *p, tuples *match, uint32_t **of) {
    bool *hit = sl_arena_alloc(j->tmp, p->n + 1);
    for (uint32_t i = 0; hit && i < p->n; i++)
        hit[i] = true;
    if (!hit)
        j->failed = j->r->nomem = true;
    else if (d->has_on)
        ask(j, d->on, p->t.at, p->n, hit);
    for (uint32_t i = 0; i < p->n && !j->failed; i++)
        if (hit[i]) {
            if (match->n % 1024 == 0) {
                uint32_t *more = realloc(*of, (match->n + 1024) * 2 * sizeof **of);
                if (!more) {
                    j->failed = j->r->nomem = true;
                    break;
                }
                *of = more;
            }
            (*of)[2 * match->n] = p->left[i];
            (*of)[2 * match->n + 1] = p->right[i];
            add(j, match, p->t.at + (size_t)i * j->width, d->src, p->t.at[(size_t)i * j->width + d->src]);
        }
    p->n = 0;
    p->t.n = 0;
}
/* Matching pairs of left tuples and right rows, ordered by the left side; of: their numbers. */
static void match(joiner *j, const sl_pjoin *d, const tuples *left, sl_krow *const *right, uint32_t nright, tuples *out, uint32_t **of) {
    pairs p = {.left = sl_arena_alloc(j->tmp, CHUNK * sizeof(uint32_t)), .right = sl_arena_alloc(j->tmp, CHUNK * sizeof(uint32_t))};
    keyed x = {0};
    uint64_t *lh = NULL;
    bool hash = !j->r->p->opts.plain && d->neq && left->n && nright && (size_t)left->n * nright > 16;
    if (hash) {
        int class[8] = {0};
        tuples r = {0};
        for (uint32_t i = 0; i < nright; i++)
            add(j, &r, NULL, d->src, right[i]);
        uint32_t nk = d->neq < 8 ? d->neq : 8;
        x.hash = j->failed ? NULL : hashes(j, d->right, nk, r.at, nright, class);
        lh = x.hash ? hashes(j, d->left, nk, left->at, (uint32_t)left->n, class) : NULL;
        for (uint32_t k = 0; k < nk; k++)
            hash &= class[k] != CLASS_MIXED;
        free(r.at);
        if (hash && lh)
            index_rows(j, &x, nright);
    }
    for (uint32_t l = 0; l < left->n && !j->failed; l++) {
        uint32_t i = !hash ? 0 : lh[l] ? x.head[(uint32_t)(lh[l] >> 7) & x.mask] : UINT32_MAX;
        while (i < nright && !j->failed) {
            if (!hash || x.hash[i] == lh[l]) {
                p.left[p.n] = l;
                p.right[p.n++] = i;
                add(j, &p.t, left->at + (size_t)l * j->width, d->src, right[i]);
                if (p.n == CHUNK)
                    flush(j, d, &p, out, of);
            }
            i = hash ? x.next[i] : i + 1;
        }
    }
    if (p.n && !j->failed)
        flush(j, d, &p, out, of);
    free(p.t.at);
}
static int by_right(const void *x, const void *y) {
    const uint32_t *a = x, *b = y;
    return a[1] != b[1] ? (a[1] < b[1] ? -1 : 1) : (a[0] > b[0]) - (a[0] < b[0]);
}
static void join_one(joiner *j, const sl_pjoin *d, tuples *left, sl_krow *const *right, uint32_t nright) {
    tuples m = {0}, out = {0};
    uint32_t *of = NULL;
    match(j, d, left, right, nright, &m, &of);
    size_t n = m.n, at = 0;
    if (j->failed)
        goto done;
    if (d->type == SL_JOIN_RIGHT) {
        if (n)
            qsort(of, n, 2 * sizeof *of, by_right);
        for (uint32_t i = 0; i < nright && !j->failed; i++) {
            bool any = false;
            for (; at < n && of[2 * at + 1] == i; at++) {
                add(j, &out, left->at + (size_t)of[2 * at] * j->width, d->src, right[i]);
                any = true;
            }
            if (!any)
                add(j, &out, NULL, d->src, right[i]);
        }
    } else {
        bool outer = d->type == SL_JOIN_LEFT || d->type == SL_JOIN_FULL;
        for (size_t l = 0; l < left->n && !j->failed; l++) {
            bool any = false;
            for (; at < n && of[2 * at] == l; at++) {
                add(j, &out, left->at + l * j->width, d->src, right[of[2 * at + 1]]);
                any = true;
            }
            if (!any && outer)
                add(j, &out, left->at + l * j->width, d->src, NULL);
        }
    }
    if (d->type == SL_JOIN_FULL) {
        bool *met = sl_arena_alloc(j->tmp, nright + 1);
        for (uint32_t i = 0; met && i < nright; i++)
            met[i] = false;
        for (size_t i = 0; met && i < n; i++)
            met[of[2 * i + 1]] = true;
        for (uint32_t i = 0; met && i < nright && !j->failed; i++)
            if (!met[i])
                add(j, &out, NULL, d->src, right[i]);
    }
done:
    free(of);
    free(m.at);
    free(left->at);
    *left = out;
}

/* ---- lookups ---- */
typedef struct answer {
    sl_parked *parked;
    sl_value rows; /* LIST of MAP, or ERROR */
    bool asked;
} answer;
struct sl_parked { /* a collection on its way through the lookups */
    sl_parked *next;
    sl_pipes *r;
    sl_arena *a;
    tuples t;        /* rows are held */
    uint32_t join;   /* the lookup join it is at */
    answer *answers; /* [t.n] */
    uint32_t waiting;
    bool issuing, asked, failed, row, error; /* error: only a text, told in its turn */
    size_t bytes;                            /* told to the pipe */
    int64_t start, end;
    sl_str text;
};
static void account(sl_parked *p) {
    size_t now = sizeof *p + sl_arena_bytes(p->a) + p->t.cap * p->r->p->nsrc * sizeof *p->t.at;
    p->r->parked_bytes += now - p->bytes;
    p->bytes = now;
}
static void parked_free(sl_parked *p) {
    p->r->parked_bytes -= p->bytes;
    for (size_t i = 0; i < p->t.n * p->r->p->nsrc; i++)
        sl_krow_drop(p->t.at[i]);
    free(p->t.at);
    sl_arena_free(p->a);
    free(p);
}
static void answered(void *arg, sl_value rows) {
    answer *x = arg;
    sl_parked *p = x->parked;
    x->rows = sl_value_copy(p->a, rows);
    account(p);
    if (--p->waiting == 0 && !p->issuing && p->r->env && p->r->env->wake)
        p->r->env->wake(p->r->env->arg);
}
/* Asks for the rows that the tuples want. */
static void issue(sl_parked *p, const sl_pjoin *d) {
    sl_pipes *r = p->r;
    uint32_t n = (uint32_t)p->t.n;
    sl_batch *tmp = sl_batch_fresh();
    p->answers = sl_arena_zero(p->a, (n + 1) * sizeof *p->answers);
    p->asked = true;
    if (!tmp || !p->answers) {
        r->nomem = true;
        sl_batch_drop(tmp);
        p->failed = true;
        return;
    }
    sl_run run;
    p->issuing = true;
    if (sl_pipe_begin(r, &run, &r->k->join, r->state_join, tmp->arena, tmp->arena, n)) {
        sl_pipe_load(r, &run, p->t.at, n, r->p->nsrc);
        sl_run_unset(&run, (sl_rows){NULL, n});
        for (uint32_t k = 0; k < d->neq; k++)
            sl_run_block(&run, d->left[k], (sl_rows){NULL, n});
        for (uint32_t i = 0; i < n && !run.nomem && !p->failed; i++) {
            sl_value *key = sl_arena_alloc(p->a, (d->neq + 1) * sizeof *key);
            bool null = false;
            for (uint32_t k = 0; key && k < d->neq; k++) {
                key[k] = sl_run_at(&run, d->left[k].res, i);
                null |= sl_v_nil(key[k]);
                if (key[k].kind == SL_ERROR) {
                    sl_pipe_error(r, "run Join error: ", sl_v_text(key[k]));
                    p->failed = true;
                }
                key[k] = sl_value_copy(p->a, key[k]);
            }
            p->answers[i] = (answer){.parked = p, .rows = sl_v_list(NULL, 0)};
            if (null || !key || p->failed || !r->env) /* nobody to ask: nothing is found */
                continue;
            p->waiting++;
            r->env->look(r->env->arg, d->src, p->a, d->key, key, d->neq, answered, &p->answers[i]);
        }
    }
    p->issuing = false;
    p->failed |= run.nomem || r->nomem;
    sl_run_end(&run);
    sl_batch_drop(tmp);
}
static sl_krow *row_of(sl_pipes *r, uint32_t src, sl_value map) {
    const sl_psource *s = &r->p->src[src];
    uint32_t ntail = 0;
    for (uint32_t m = 0; s->pub.all && m < map.len; m++)
        ntail += sl_layout_find(s->pub.layout, map.map[m].key) < 0;
    sl_krow *x = sl_krow_new(&r->rows, s->n + r->p->nana, ntail);
    if (!x)
        return NULL;
    sl_arena *a = sl_krow_arena(x);
    sl_member *tail = sl_krow_tail(x);
    x->src = (uint16_t)src;
    for (uint32_t m = 0; m < map.len; m++) {
        int at = sl_layout_find(s->pub.layout, map.map[m].key);
        if (at >= 0)
            x->cells[at] = sl_value_copy(a, map.map[m].val);
        else if (s->pub.all)
            *tail++ = (sl_member){sl_arena_dup(a, map.map[m].key), sl_value_copy(a, map.map[m].val)};
    }
    return x;
}
/* All answers are there: makes the tuples. */
static void combine(sl_parked *p, const sl_pjoin *d) {
    joiner j = {p->r, p->r->p->nsrc, p->a, false};
    tuples cand = {0}, out = {0};
    uint32_t *of = malloc((p->t.n + 1) * sizeof *of), ncand = 0;
    for (size_t i = 0; of && i < p->t.n && !j.failed; i++) {
        of[i] = ncand;
        sl_value rows = p->answers[i].rows;
        if (rows.kind == SL_ERROR) {
            sl_pipe_error(p->r, "run Join error: ", sl_v_text(rows));
            j.failed = true;
            break;
        }
        for (uint32_t k = 0; rows.kind == SL_LIST && k < rows.len && !j.failed; k++) {
            sl_value m = sl_value_open(p->a, rows.list[k]);
            sl_krow *x = m.kind == SL_MAP ? row_of(p->r, d->src, m) : NULL;
            if (m.kind == SL_MAP && !x)
                j.failed = p->r->nomem = true;
            else if (x && add(&j, &cand, p->t.at + i * j.width, d->src, x))
                ncand++;
        }
    }
    if (of)
        of[p->t.n] = ncand;
    bool *hit = j.failed || !of ? NULL : sl_arena_alloc(p->a, ncand + 1);
    for (uint32_t i = 0; hit && i < ncand; i++)
        hit[i] = true;
    if (hit && d->has_rest)
        ask(&j, d->rest, cand.at, ncand, hit);
    for (size_t i = 0; hit && i < p->t.n && !j.failed; i++) {
        bool any = false;
        for (uint32_t k = of[i]; k < of[i + 1] && !j.failed; k++)
            if (hit[k]) {
                any = true;
                add(&j, &out, cand.at + (size_t)k * j.width, d->src, cand.at[(size_t)k * j.width + d->src]);
            }
        if (!any && d->type == SL_JOIN_LEFT)
            add(&j, &out, p->t.at + i * j.width, d->src, NULL);
    }
    p->failed |= j.failed || !hit;
    for (size_t i = 0; i < out.n * j.width; i++)
        if (out.at[i])
            sl_krow_hold(out.at[i]);
    for (uint32_t i = 0; i < ncand; i++)
        sl_krow_drop(cand.at[(size_t)i * j.width + d->src]);
    for (size_t i = 0; i < p->t.n * j.width; i++)
        sl_krow_drop(p->t.at[i]);
    free(p->t.at);
    free(cand.at);
    free(of);
    p->t = out;
}
/* Goes as far as the answers allow. true: it is through (or failed). */
static bool advance(sl_parked *p) {
    const sl_pipe *k = p->r->k;
    while (!p->failed && !p->error && p->join < k->njoins) {
        const sl_pjoin *d = &k->joins[p->join];
        if (!d->lookup) {
            p->join++;
            continue;
        }
        if (!p->asked)
            issue(p, d);
        if (p->waiting)
            return false;
        if (!p->failed)
            combine(p, d);
        p->asked = false;
        p->join++;
    }
    return p->waiting == 0;
}
void sl_join_drain(sl_pipes *r) {
    bool inside = r->draining; /* what fails now is the oldest: it is told at once */
    r->draining = true;
    while (r->parked && advance(r->parked)) {
        sl_parked *p = r->parked;
        r->parked = p->next;
        if (!r->parked)
            r->last_parked = NULL;
        if (p->error)
            sl_builder_error(r->w, p->text);
        else if (!p->failed)
            sl_pipe_emit(r, p->t.at, (uint32_t)p->t.n, r->p->nsrc, p->start, p->end, p->row);
        parked_free(p);
    }
    r->draining = inside;
}
void sl_join_end(sl_pipes *r) {
    while (r->parked) {
        sl_parked *p = r->parked;
        r->parked = p->next;
        parked_free(p);
    }
}
static sl_parked *parked_new(sl_pipes *r) {
    sl_parked *p = calloc(1, sizeof *p);
    if (!p || !(p->a = sl_arena_new(0))) {
        free(p);
        r->nomem = true;
        return NULL;
    }
    p->r = r;
    if (r->last_parked)
        r->last_parked->next = p;
    else
        r->parked = p;
    r->last_parked = p;
    return p;
}
void sl_join_tell(sl_pipes *r, sl_str text) {
    sl_parked *p = parked_new(r);
    if (!p)
        return;
    p->error = true;
    p->text = sl_arena_dup(p->a, text);
    account(p);
}
static void park(sl_pipes *r, tuples *t, int64_t start, int64_t end, bool row) {
    sl_parked *p = parked_new(r);
    if (!p)
        return;
    p->t = *t;
    *t = (tuples){0};
    p->start = start;
    p->end = end;
    p->row = row;
    for (size_t i = 0; i < p->t.n * r->p->nsrc; i++)
        if (p->t.at[i])
            sl_krow_hold(p->t.at[i]);
    account(p);
    sl_join_drain(r);
}

void sl_join_run(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end, bool row) {
    const sl_pipe *k = r->k;
    joiner j = {.r = r, .width = r->p->nsrc};
    sl_batch *scratch = sl_batch_fresh();
    if (!scratch || !(j.tmp = scratch->arena)) {
        r->nomem = true;
        return;
    }
    tuples t = {0};
    bool lookups = false;
    for (uint32_t i = 0; i < n && !j.failed; i++)
        if (rows[i]->src == 0)
            add(&j, &t, NULL, 0, rows[i]);
    sl_krow **right = sl_arena_alloc(j.tmp, (n + 1) * sizeof *right);
    for (uint32_t d = 0; right && d < k->njoins && !j.failed; d++) {
        uint32_t src = k->joins[d].src, from = r->p->src[src].pub.same_as, nright = 0;
        lookups |= k->joins[d].lookup;
        if (k->joins[d].lookup)
            continue;
        if (k->joins[d].table) {
            const sl_kq *q = &r->tables[src];
            sl_krow **all = sl_arena_alloc(j.tmp, (q->n + 1) * sizeof *all);
            for (uint32_t i = 0; all && i < q->n; i++)
                all[i] = sl_kq_at(q, i);
            if (all)
                join_one(&j, &k->joins[d], &t, all, q->n);
            j.failed |= !all;
            continue;
        }
        for (uint32_t i = 0; i < n; i++)
            if (rows[i]->src == from)
                right[nright++] = rows[i];
        join_one(&j, &k->joins[d], &t, right, nright);
    }
    if (right && !j.failed && t.n && lookups)
        park(r, &t, start, end, row);
    else if (right && !j.failed && t.n)
        sl_pipe_emit(r, t.at, (uint32_t)t.n, r->p->nsrc, start, end, row);
    r->nomem |= sl_arena_failed(j.tmp) || !right;
    free(t.at);
    sl_batch_drop(scratch);
}
