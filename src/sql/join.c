/* Joins: rows of a collection by source to tuples, one row (or none) per source.
 * Decisions: sides follow the order of the text (D25). Where ON begins with equalities between the two sides and all keys are of one class
 * (numbers, or text), pairs are found by a hash of the keys and ON is still asked about each pair; otherwise every pair is asked, because comparing
 * different kinds is an error that must be seen. When ON is nothing but equalities of columns, equal keys need no further question. Lookups (looks.c) run behind the other joins.
 */
#include <stdlib.h>
#include "sql/joins.h"

enum { CHUNK = 1024 }; /* pairs asked at once */
typedef sl_tuples tuples;
typedef struct joiner {
    sl_pipes *r;
    uint32_t width;
    sl_arena *tmp;
    bool failed;
} joiner;

bool sl_tuples_add(sl_tuples *t, uint32_t width, sl_krow *const *left, uint32_t src, sl_krow *right, bool *full) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        *full = cap > SL_TUPLES_MOST;
        size_t more = (cap - t->cap) * width * sizeof *t->at;
        if (*full || !sl_purse_pay(t->purse, more))
            return false;
        sl_krow **at = realloc(t->at, cap * width * sizeof *at);
        if (!at) {
            sl_purse_back(t->purse, more);
            return false;
        }
        t->at = at;
        t->cap = cap;
    }
    sl_krow **to = t->at + t->n++ * width;
    for (uint32_t i = 0; i < width; i++)
        to[i] = left ? left[i] : NULL;
    to[src] = right;
    return true;
}
void sl_tuples_free(sl_tuples *t, uint32_t width) {
    free(t->at);
    sl_purse_back(t->purse, t->cap * width * sizeof *t->at);
    *t = (sl_tuples){.purse = t->purse};
}
static sl_purse *purse_of(sl_pipes *r) { return r->room ? &r->purse : NULL; }
static bool add(joiner *j, tuples *t, sl_krow *const *left, uint32_t src, sl_krow *right) {
    bool full;
    if (sl_tuples_add(t, j->width, left, src, right, &full))
        return true;
    if (full)
        sl_pipe_error(j->r, "run Join error: ", SL_S(SL_TUPLES_TEXT));
    else
        j->r->nomem = true;
    j->failed = true;
    return false;
}

/* ---- conditions ---- */
bool sl_tuples_ask(sl_pipes *r, sl_block on, sl_krow *const *t, uint32_t n, bool *hit, bool (*fail)(void *arg, uint32_t i, sl_str why), void *arg) {
    sl_batch *tmp = n ? sl_pipe_scratch(r) : NULL;
    if (!tmp)
        return !n;
    sl_run run;
    bool ok = sl_pipe_begin(r, &run, &r->k->join, r->state_join, tmp->arena, tmp->arena, n), go = ok;
    if (ok) {
        sl_pipe_load(r, &run, t, n, r->p->nsrc);
        sl_run_unset(&run, (sl_rows){NULL, n});
        sl_run_block(&run, on, (sl_rows){NULL, n});
    }
    for (uint32_t i = 0; go && i < n && !run.nomem; i++) {
        sl_value v = sl_run_at(&run, on.res, i);
        if (v.kind == SL_BOOL)
            hit[i] = v.i != 0;
        else if (v.kind == SL_ERROR)
            go = fail(arg, i, sl_v_text(v));
        else {
            sl_buf b = {0};
            v.kind = v.kind == SL_ABSENT ? SL_NULL : v.kind;
            sl_buf_printf(&b, "invalid join condition that returns non-bool value %s(", sl_value_gotype(v));
            sl_value_print(&b, v);
            sl_buf_putc(&b, ')');
            go = fail(arg, i, sl_buf_view(&b));
            sl_buf_free(&b);
        }
    }
    ok &= !run.nomem && !r->nomem;
    sl_run_end(&run);
    sl_batch_drop(tmp);
    return ok;
}
static bool told(void *arg, uint32_t i, sl_str why) {
    joiner *j = arg;
    (void)i;
    sl_pipe_error(j->r, "run Join error: ", why);
    j->failed = true;
    return false;
}
/* Asks `on` about n tuples; hit[i] tells. */
static void ask(joiner *j, sl_block on, sl_krow *const *t, uint32_t n, bool *hit) {
    if (!j->failed && !sl_tuples_ask(j->r, on, t, n, hit, told, j))
        j->r->nomem = j->failed = true;
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
    sl_batch *tmp = h ? sl_pipe_scratch(j->r) : NULL;
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
            if (match->n == match->cap) { /* grows with the pairs themselves */
                size_t cap = match->cap ? match->cap * 2 : 16;
                uint32_t *more = sl_purse_pay(match->purse, (cap - match->cap) * 2 * sizeof **of) ? realloc(*of, cap * 2 * sizeof **of) : NULL;
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
    pairs p = {.t.purse = purse_of(j->r), .left = sl_arena_alloc(j->tmp, CHUNK * sizeof(uint32_t)), .right = sl_arena_alloc(j->tmp, CHUNK * sizeof(uint32_t))};
    keyed x = {0};
    uint64_t *lh = NULL;
    bool hash = !j->r->p->opts.plain && d->neq && left->n && nright && (size_t)left->n * nright > 16;
    if (hash) {
        int class[8] = {0};
        tuples r = {.purse = purse_of(j->r)};
        for (uint32_t i = 0; i < nright; i++)
            add(j, &r, NULL, d->src, right[i]);
        uint32_t nk = d->neq < 8 ? d->neq : 8;
        x.hash = j->failed ? NULL : hashes(j, d->right, nk, r.at, nright, class);
        lh = x.hash ? hashes(j, d->left, nk, left->at, (uint32_t)left->n, class) : NULL;
        for (uint32_t k = 0; k < nk; k++)
            hash &= class[k] != CLASS_MIXED;
        sl_tuples_free(&r, j->width);
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
    sl_tuples_free(&p.t, j->width);
}
/* ---- keys that are columns ---- */
static sl_value key_at(const joiner *j, const sl_pkey *c, sl_krow *const *t, size_t i, bool left) {
    const sl_krow *r = left ? t[i * j->width + c->lsrc] : t[i];
    return r ? r->cells[left ? c->lcell : c->rcell] : sl_v_absent();
}
/* Hashes of one side's keys; false: kinds that only ON itself can tell about. */
static bool column_hashes(joiner *j, const sl_pjoin *d, sl_krow *const *t, size_t n, bool left, uint64_t *h, int *class) {
    for (size_t i = 0; i < n; i++) {
        h[i] = 1;
        for (uint32_t k = 0; k < d->neq; k++) {
            sl_value v = key_at(j, &d->cols[k], t, i, left);
            int c = class_of(v);
            if (c == CLASS_NONE) {
                h[i] = 0;
                continue;
            }
            if (c == CLASS_MIXED || (class[k] != CLASS_NONE && class[k] != c) || (v.kind == SL_INT && v.flags))
                return false;
            class[k] = c;
            double num = v.kind == SL_INT ? (double)v.i : v.kind == SL_FLOAT ? v.f : 0;
            uint64_t x;
            num += 0.0; /* one zero */
            memcpy(&x, &num, sizeof x);
            x = c == CLASS_TEXT ? sl_hash(v.p, v.len) : (x ^ x >> 32) * 0xD6E8FEB86659FD93u;
            if (h[i])
                h[i] = ((h[i] * 0x9E3779B97F4A7C15u ^ x ^ x >> 29)) | 1;
        }
    }
    return true;
}
static bool same_keys(const joiner *j, const sl_pjoin *d, sl_krow *const *left, size_t l, sl_krow *const *right, uint32_t i) {
    for (uint32_t k = 0; k < d->neq; k++) {
        sl_value a = key_at(j, &d->cols[k], left, l, true), b = key_at(j, &d->cols[k], right, i, false);
        if (a.kind == SL_STRING                        ? !sl_str_eq(sl_v_text(a), sl_v_text(b))
                : a.kind == SL_INT && b.kind == SL_INT ? a.i != b.i
                                                       : !(sl_f64(a.kind == SL_INT ? sl_v_float((double)a.i) : a) == sl_f64(b.kind == SL_INT ? sl_v_float((double)b.i) : b)))
            return false;
    }
    return true;
}
/* Inner and left joins whose ON is nothing but equalities of columns: no program runs and the pairs come out in one pass. false: not one of these. */
static bool join_columns(joiner *j, const sl_pjoin *d, tuples *left, sl_krow *const *right, uint32_t nright) {
    if (!d->cols || j->r->p->opts.plain || (d->type != SL_JOIN_INNER && d->type != SL_JOIN_LEFT) || !left->n || !nright)
        return false;
    keyed x = {.hash = sl_arena_alloc(j->tmp, ((size_t)nright + 1) * sizeof *x.hash)};
    uint64_t *lh = sl_arena_alloc(j->tmp, (left->n + 1) * sizeof *lh);
    int class[8] = {0};
    if (!x.hash || !lh || sl_arena_failed(j->tmp)) {
        j->failed = j->r->nomem = true;
        return true;
    }
    if (!column_hashes(j, d, right, nright, false, x.hash, class) || !column_hashes(j, d, left->at, left->n, true, lh, class))
        return false;
    tuples out = {.purse = purse_of(j->r)};
    if (index_rows(j, &x, nright))
        for (size_t l = 0; l < left->n && !j->failed; l++) {
            bool any = false;
            for (uint32_t i = lh[l] ? x.head[(uint32_t)(lh[l] >> 7) & x.mask] : UINT32_MAX; i < nright && !j->failed; i = x.next[i])
                if (x.hash[i] == lh[l] && same_keys(j, d, left->at, l, right, i)) {
                    add(j, &out, left->at + l * j->width, d->src, right[i]);
                    any = true;
                }
            if (!any && d->type == SL_JOIN_LEFT && !j->failed)
                add(j, &out, left->at + l * j->width, d->src, NULL);
        }
    sl_tuples_free(left, j->width);
    *left = out;
    return true;
}
static int by_right(const void *x, const void *y) {
    const uint32_t *a = x, *b = y;
    return a[1] != b[1] ? (a[1] < b[1] ? -1 : 1) : (a[0] > b[0]) - (a[0] < b[0]);
}
static void join_one(joiner *j, const sl_pjoin *d, tuples *left, sl_krow *const *right, uint32_t nright) {
    tuples m = {.purse = purse_of(j->r)}, out = m;
    uint32_t *of = NULL;
    if (join_columns(j, d, left, right, nright))
        return;
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
    sl_purse_back(m.purse, m.cap * 2 * sizeof *of);
    sl_tuples_free(&m, j->width);
    sl_tuples_free(left, j->width);
    *left = out;
}

void sl_join_run(sl_pipes *r, sl_krow *const *rows, uint32_t n, int64_t start, int64_t end, bool row) {
    const sl_pipe *k = r->k;
    joiner j = {.r = r, .width = r->p->nsrc};
    sl_batch *scratch = sl_pipe_scratch(r);
    if (!scratch || !(j.tmp = scratch->arena)) {
        r->nomem = true;
        return;
    }
    tuples t = {.purse = purse_of(r)};
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
        sl_looks_run(r, &t, start, end);
    else if (right && !j.failed && t.n)
        sl_pipe_emit(r, t.at, (uint32_t)t.n, r->p->nsrc, start, end, row);
    r->nomem |= sl_arena_failed(j.tmp) || !right;
    sl_tuples_free(&t, r->p->nsrc);
    sl_batch_drop(scratch);
}
