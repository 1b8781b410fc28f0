/* The index over the WHERE of many statements on one stream (what it promises: predindex.h).
 *
 * Decision: it is made of what WHERE cannot do without, on one column, read off the compiled conditions. Values that must be equal are found by
 * 64-bit hash, one-sided bounds stand sorted, intervals in an array that is a tree of largest ends. Whatever is found is run in full by its
 * statement, so the index may say yes too often: hashes need no texts, integers are compared as doubles.
 * Decision: a condition is used only when all in front of it cannot fail, which depends on the kinds of values they meet. Statements that depend on the
 * same columns in the same way share a node; a row with another kind in one of these columns goes to all of the node. */
#include <math.h>
#include <stdlib.h>
#include "base/vec.h"
#include "sql/pred.h"
#include "sql/predindex.h"

enum { NODES = 64, PAIRS = 65536 };

/* ---- what WHERE demands ---- */
typedef struct guard {
    sl_str name;
    uint8_t cls;
} guard;
typedef struct demand {
    guard on;                   /* the column that is asked for */
    guard also[SL_PRED_GUARDS]; /* columns that conditions in front look at */
    uint32_t nalso;
    sl_ptest of; /* its atoms */
} demand;
static int worth(const sl_ptest *t) {
    int least = 3;
    for (uint32_t i = 0; i < t->n; i++) {
        int w = t->at[i].shape == SL_PA_POINT ? (t->at[i].prefix ? 2 : 3) : t->at[i].shape == SL_PA_WITHIN ? 2 : 1;
        least = w < least ? w : least;
    }
    return t->usable ? least : 0;
}
static bool is_range(const sl_ptest *t) { return t->usable && t->n == 1 && t->at->shape != SL_PA_POINT; }
/* What tests[from …] demand of the column of tests[from] together: bounds meet, anything else stands alone. *last: the last one that was used. */
static sl_ptest together(const sl_ptest *ts, uint32_t n, uint32_t from, uint32_t *last, sl_atom *room) {
    sl_ptest t = ts[from];
    *last = from;
    if (!is_range(&t))
        return t;
    *room = *t.at;
    t.at = room;
    for (uint32_t k = from + 1; k < n; k++) {
        if (ts[k].col != t.col || !is_range(&ts[k]))
            continue;
        double lo = fmax(room->lo, ts[k].at->lo), hi = fmin(room->hi, ts[k].at->hi);
        if (lo == room->lo && hi == room->hi)
            continue;
        *room = (sl_atom){.shape = lo == -INFINITY ? SL_PA_BELOW : hi == INFINITY ? SL_PA_ABOVE : SL_PA_WITHIN, .lo = lo, .hi = hi};
        *last = k;
    }
    t.n = room->lo <= room->hi;
    return t;
}
/* False: nothing that an index could be asked for. The atoms are the caller's to free. */
static bool demand_of(const sl_plan *p, demand *d) {
    *d = (demand){0};
    if (!sl_pred_possible(p))
        return false;
    sl_ptest ts[SL_PRED_TESTS];
    uint32_t n = sl_pred_tests(p, ts), best = 0, used = 0;
    int most = 0;
    for (uint32_t k = 0; k < n; k++) {
        sl_atom room;
        uint32_t last;
        sl_ptest t = together(ts, n, k, &last, &room);
        if (worth(&t) > most) {
            most = worth(&t);
            best = k;
            used = last;
        }
    }
    if (most) {
        sl_atom room;
        d->of = together(ts, n, best, &used, &room);
        if (d->of.at == &room) {
            *ts[best].at = room;
            d->of.at = ts[best].at;
        }
        ts[best].at = NULL;
        d->on = (guard){p->src[0].names[d->of.col], d->of.cls};
        for (uint32_t k = 0; k < used; k++) {
            sl_str name = p->src[0].names[ts[k].col];
            bool known = ts[k].col == d->of.col;
            for (uint32_t j = 0; j < d->nalso; j++)
                known |= sl_str_eq(d->also[j].name, name);
            if (!known)
                d->also[d->nalso++] = (guard){name, ts[k].cls};
        }
    }
    for (uint32_t k = 0; k < n; k++)
        free(ts[k].at);
    return most > 0;
}
bool sl_predindex_takes(const sl_plan *p) {
    demand d;
    bool ok = demand_of(p, &d);
    free(d.of.at);
    return ok;
}
bool sl_predindex_column(const sl_plan *p, sl_str *name) {
    demand d;
    bool ok = demand_of(p, &d);
    *name = ok ? d.on.name : SL_S("");
    free(d.of.at);
    return ok;
}

/* ---- the index ---- */
typedef struct bound {
    double at;
    uint32_t id;
} bound;
typedef struct span {
    double lo, hi, most; /* most: the largest hi of its subtree */
    uint32_t id;
} span;
typedef struct point {
    uint64_t key;
    uint32_t id, next; /* next: position + 1 in its chain */
} point;
typedef struct node {
    guard on, also[SL_PRED_GUARDS];
    uint32_t nalso;
    uint32_t prefixes; /* bit n: some point is a beginning of n bytes, bit 0: a whole value */
    SL_VEC(point) points;
    uint32_t *table, mask; /* first point of a chain, position + 1 */
    SL_VEC(bound) above, below;
    SL_VEC(span) within;
    int32_t col, acol[SL_PRED_GUARDS]; /* in the layout that was met last */
} node;
enum { FREE, LIVE, DEAD };
typedef struct slot {
    uint32_t n, last; /* during an ask: rows found, the last one + 1. FREE: n = next free sl_pred_number + 1 */
    uint16_t node;
    uint8_t state;
} slot;
typedef struct pair {
    uint32_t id, row;
} pair;
struct sl_predindex {
    SL_VEC(node) nodes;
    SL_VEC(slot) slots;
    uint32_t free, live, dead;
    bool broken;
    const sl_layout *seen; /* held: the columns of the nodes are of this one */
    SL_VEC(uint32_t) touched;
    SL_VEC(pair) pairs;
    SL_VEC(sl_predhit) hits;
    SL_VEC(uint32_t) rows;
};

sl_predindex *sl_predindex_new(void) { return calloc(1, sizeof(sl_predindex)); }
static void node_free(node *d) {
    free((char *)d->on.name.p);
    for (uint32_t i = 0; i < d->nalso; i++)
        free((char *)d->also[i].name.p);
    SL_VEC_FREE(d->points);
    SL_VEC_FREE(d->above);
    SL_VEC_FREE(d->below);
    SL_VEC_FREE(d->within);
    free(d->table);
}
void sl_predindex_free(sl_predindex *x) {
    if (!x)
        return;
    for (size_t i = 0; i < x->nodes.n; i++)
        node_free(&x->nodes.at[i]);
    SL_VEC_FREE(x->nodes);
    SL_VEC_FREE(x->slots);
    SL_VEC_FREE(x->touched);
    SL_VEC_FREE(x->pairs);
    SL_VEC_FREE(x->hits);
    SL_VEC_FREE(x->rows);
    sl_layout_drop(x->seen);
    free(x);
}
uint32_t sl_predindex_count(const sl_predindex *x) { return x->live; }
uint32_t sl_predindex_dead(const sl_predindex *x) { return x->dead; }

static bool same_guard(const guard *a, const guard *b) { return a->cls == b->cls && sl_str_eq(a->name, b->name); }
static bool same_node(const node *d, const demand *w) {
    if (!same_guard(&d->on, &w->on) || d->nalso != w->nalso)
        return false;
    for (uint32_t i = 0; i < d->nalso; i++) {
        bool there = false;
        for (uint32_t k = 0; k < w->nalso; k++)
            there |= same_guard(&d->also[i], &w->also[k]);
        if (!there)
            return false;
    }
    return true;
}
static bool keep_guard(guard *to, const guard *from) {
    char *s = sl_strdup_n(from->name.p, from->name.n);
    *to = (guard){{s, from->name.n}, from->cls};
    return s != NULL;
}
static node *node_for(sl_predindex *x, const demand *w) {
    for (size_t i = 0; i < x->nodes.n; i++)
        if (same_node(&x->nodes.at[i], w))
            return &x->nodes.at[i];
    node d = {.col = -1};
    bool ok = x->nodes.n < NODES && keep_guard(&d.on, &w->on);
    for (; ok && d.nalso < w->nalso; d.nalso++)
        ok = keep_guard(&d.also[d.nalso], &w->also[d.nalso]);
    if (!ok || !SL_PUSH(x->nodes, d)) {
        node_free(&d);
        return NULL;
    }
    sl_layout_drop(x->seen); /* columns are looked up anew */
    x->seen = NULL;
    return &x->nodes.at[x->nodes.n - 1];
}
static uint32_t number_for(sl_predindex *x) {
    if (x->free) {
        uint32_t id = x->free - 1;
        x->free = x->slots.at[id].n;
        return id;
    }
    return x->slots.n < UINT32_MAX && SL_PUSH(x->slots, (slot){0}) ? (uint32_t)x->slots.n - 1 : UINT32_MAX;
}
static bool enter(node *d, const sl_atom *a, uint32_t id) {
    switch (a->shape) {
    case SL_PA_POINT: d->prefixes |= 1u << a->prefix; return SL_PUSH(d->points, ((point){a->key, id, 0}));
    case SL_PA_ABOVE: return SL_PUSH(d->above, ((bound){a->lo, id}));
    case SL_PA_BELOW: return SL_PUSH(d->below, ((bound){a->hi, id}));
    default: return SL_PUSH(d->within, ((span){a->lo, a->hi, a->hi, id}));
    }
}
uint32_t sl_predindex_add(sl_predindex *x, const sl_plan *p) {
    demand w;
    node *d = demand_of(p, &w) ? node_for(x, &w) : NULL;
    uint32_t id = d ? number_for(x) : UINT32_MAX;
    if (id != UINT32_MAX) {
        x->slots.at[id] = (slot){.node = (uint16_t)(d - x->nodes.at), .state = LIVE};
        x->live++;
        bool ok = true;
        for (uint32_t i = 0; ok && i < w.of.n; i++)
            ok = enter(d, &w.of.at[i], id);
        x->broken = true; /* until the next seal */
        if (!ok) {
            sl_predindex_remove(x, id);
            id = UINT32_MAX;
        }
    }
    free(w.of.at);
    return id;
}
void sl_predindex_remove(sl_predindex *x, uint32_t id) {
    x->slots.at[id].state = DEAD;
    x->live--;
    x->dead++;
}

static int by_bound(const void *x, const void *y) {
    const bound *a = x, *b = y;
    return a->at < b->at ? -1 : a->at > b->at;
}
static int by_bound_down(const void *x, const void *y) { return by_bound(y, x); }
static int by_lo(const void *x, const void *y) {
    const span *a = x, *b = y;
    return a->lo < b->lo ? -1 : a->lo > b->lo;
}
static double crown(span *at, size_t n) {
    if (!n)
        return -INFINITY;
    size_t m = n / 2;
    double l = crown(at, m), r = crown(at + m + 1, n - m - 1);
    return at[m].most = fmax(at[m].hi, fmax(l, r));
}
#define SWEEP(x, v)                                                                                                                                                                \
    do {                                                                                                                                                                           \
        size_t n_ = 0;                                                                                                                                                             \
        for (size_t i_ = 0; i_ < (v).n; i_++)                                                                                                                                      \
            if ((x)->slots.at[(v).at[i_].id].state == LIVE)                                                                                                                        \
                (v).at[n_++] = (v).at[i_];                                                                                                                                         \
        (v).n = n_;                                                                                                                                                                \
    } while (0)
static bool seal_node(sl_predindex *x, node *d) {
    SWEEP(x, d->points);
    SWEEP(x, d->above);
    SWEEP(x, d->below);
    SWEEP(x, d->within);
    if (d->above.n)
        qsort(d->above.at, d->above.n, sizeof *d->above.at, by_bound);
    if (d->below.n)
        qsort(d->below.at, d->below.n, sizeof *d->below.at, by_bound_down);
    if (d->within.n)
        qsort(d->within.at, d->within.n, sizeof *d->within.at, by_lo);
    crown(d->within.at, d->within.n);
    uint32_t size = 4;
    while (size < d->points.n)
        size *= 2;
    if (size != d->mask + 1 || !d->table) {
        uint32_t *t = realloc(d->table, size * sizeof *t);
        if (!t)
            return false;
        d->table = t;
        d->mask = size - 1;
    }
    memset(d->table, 0, size * sizeof *d->table);
    for (size_t i = 0; i < d->points.n; i++) {
        uint32_t *head = &d->table[d->points.at[i].key & d->mask];
        d->points.at[i].next = *head;
        *head = (uint32_t)i + 1;
    }
    return true;
}
bool sl_predindex_seal(sl_predindex *x) {
    x->broken = true;
    for (size_t i = 0; i < x->nodes.n; i++)
        if (!seal_node(x, &x->nodes.at[i]))
            return false;
    for (uint32_t id = (uint32_t)x->slots.n; id-- > 0 && x->dead;)
        if (x->slots.at[id].state == DEAD) {
            x->slots.at[id] = (slot){.n = x->free};
            x->free = id + 1;
            x->dead--;
        }
    x->broken = false;
    return true;
}

/* ---- asking ---- */
static void found(sl_predindex *x, uint32_t id, uint32_t row) {
    slot *s = &x->slots.at[id];
    if (s->state != LIVE || s->last == row + 1)
        return;
    if (!SL_PUSH(x->pairs, ((pair){id, row})) || (!s->n && !SL_PUSH(x->touched, id))) {
        x->broken = true;
        return;
    }
    s->last = row + 1;
    s->n++;
}
static void chain(sl_predindex *x, const node *d, uint64_t key, uint32_t row) {
    for (uint32_t i = d->table[key & d->mask]; i; i = d->points.at[i - 1].next)
        if (d->points.at[i - 1].key == key)
            found(x, d->points.at[i - 1].id, row);
}
static void stab(sl_predindex *x, const span *at, size_t n, double v, uint32_t row) {
    while (n) {
        size_t m = n / 2;
        if (at[m].most < v)
            return;
        stab(x, at, m, v, row);
        if (at[m].lo > v)
            return;
        if (at[m].hi >= v)
            found(x, at[m].id, row);
        at += m + 1;
        n -= m + 1;
    }
}
static void everybody(sl_predindex *x, const node *d, uint32_t row) {
    for (uint32_t id = 0; id < x->slots.n; id++)
        if (x->slots.at[id].state == LIVE && &x->nodes.at[x->slots.at[id].node] == d)
            found(x, id, row);
}
static void look(sl_predindex *x, const node *d, const sl_batch *b, uint32_t row) {
    const sl_value *v = d->col >= 0 ? &b->cols[d->col][row] : NULL;
    bool ok = v && sl_pred_fits(d->on.cls, v);
    for (uint32_t i = 0; ok && i < d->nalso; i++)
        ok = d->acol[i] >= 0 && sl_pred_fits(d->also[i].cls, &b->cols[d->acol[i]][row]);
    if (!ok) {
        everybody(x, d, row);
        return;
    }
    if (v->kind <= SL_NULL)
        return;
    if (d->on.cls != SL_PC_NUMBER) {
        if (v->kind == SL_BOOL) {
            chain(x, d, (uint64_t)v->i, row);
            return;
        }
        for (uint32_t left = d->prefixes; left; left &= left - 1) {
            uint32_t n = (uint32_t)__builtin_ctz(left);
            if (n <= v->len)
                chain(x, d, sl_pred_key(v->p, n ? n : v->len, n), row);
        }
        return;
    }
    double f = sl_pred_number(*v);
    if (d->points.n)
        chain(x, d, sl_pred_number_key(f), row);
    for (size_t i = 0; i < d->above.n && d->above.at[i].at <= f; i++)
        found(x, d->above.at[i].id, row);
    for (size_t i = 0; i < d->below.n && d->below.at[i].at >= f; i++)
        found(x, d->below.at[i].id, row);
    stab(x, d->within.at, d->within.n, f, row);
}
static void learn(sl_predindex *x, const sl_layout *l) {
    if (x->seen == l)
        return;
    for (size_t i = 0; i < x->nodes.n; i++) {
        node *d = &x->nodes.at[i];
        d->col = sl_layout_find(l, d->on.name);
        for (uint32_t k = 0; k < d->nalso; k++)
            d->acol[k] = sl_layout_find(l, d->also[k].name);
    }
    sl_layout_drop(x->seen);
    x->seen = sl_layout_hold(l);
}
/* The pairs, gathered by statement. */
static bool gather(sl_predindex *x, uint32_t nrows) {
    uint32_t at = 0;
    x->hits.n = x->rows.n = 0;
    if (nrows > 1 && x->rows.cap < x->pairs.n && !sl_vec_grow_((void **)&x->rows.at, &x->rows.cap, sizeof *x->rows.at, x->pairs.n))
        return false;
    for (size_t i = 0; i < x->touched.n; i++) {
        slot *s = &x->slots.at[x->touched.at[i]];
        if (!SL_PUSH(x->hits, ((sl_predhit){x->touched.at[i], s->n, s->n == nrows ? NULL : x->rows.at + at})))
            return false;
        uint32_t n = s->n;
        s->n = at; /* from here on: where its next row goes */
        at += n;
    }
    for (size_t i = 0; nrows > 1 && i < x->pairs.n; i++)
        x->rows.at[x->slots.at[x->pairs.at[i].id].n++] = x->pairs.at[i].row;
    return true;
}
bool sl_predindex_ask(sl_predindex *x, const sl_batch *b, uint32_t *from, const sl_predhit **hits, uint32_t *n) {
    *hits = NULL;
    *n = 0;
    if (x->broken)
        return false;
    learn(x, b->layout);
    x->touched.n = x->pairs.n = 0;
    uint32_t row = *from;
    while (row < b->nrows && x->pairs.n < PAIRS && !x->broken) {
        for (size_t i = 0; i < x->nodes.n; i++)
            look(x, &x->nodes.at[i], b, row);
        row++;
    }
    bool ok = !x->broken && gather(x, b->nrows);
    for (size_t i = 0; i < x->touched.n; i++)
        x->slots.at[x->touched.at[i]].n = x->slots.at[x->touched.at[i]].last = 0;
    x->broken = false;
    if (!ok)
        return false;
    *from = row;
    *hits = x->hits.at;
    *n = (uint32_t)x->hits.n;
    return true;
}
