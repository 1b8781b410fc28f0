/* State of running windows: numbers of the driver, then for each table its groups with their keys and closed mergers, then the panes with their slots.
 * Decision: stacks are saved as they stand, so that a window that was moved rounds as one that was not. */
#include <stdlib.h>
#include "data/pack.h"
#include "sql/fastwin.h"

static void put(sl_buf *out, int64_t v) { sl_pack_value(out, sl_v_int(v)); }
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: a running window is damaged"); }
static sl_err *no_memory(void) { return sl_err_new(SL_E_NOMEM, "out of memory"); }
sl_err *sl_fast_get(sl_arena *a, sl_str *at, int64_t *v) {
    sl_value x;
    SL_TRY(sl_unpack_value(a, at, &x));
    *v = x.i;
    return x.kind == SL_INT ? NULL : damaged();
}

/* ---- groups ---- */
static uint32_t fronts(const sl_fplan *p, const sl_fgroup *g) { /* slots in the older stack */
    uint32_t n = 0;
    for (const sl_fslot *s = g->front; s; s = sl_fslot_older(p, s))
        n++;
    return n;
}
static void put_key(const sl_ftable *t, const sl_fkey *k, sl_buf *out) {
    sl_pack_value(out, sl_v_bool(k->npacked != 0));
    for (uint32_t i = 0; i < t->ndims && !k->npacked; i++)
        sl_pack_value(out, k->at[i]);
    sl_buf_str(out, sl_fast_packed(t, k)); /* it is the values packed */
}
void sl_ftable_save(const sl_ftable *t, uint32_t ncells, sl_buf *out) {
    put(out, (int64_t)t->seq);
    put(out, t->live);
    for (uint32_t i = 0, n = 0; i < t->ngroups; i++) {
        sl_fgroup *g = t->groups[i];
        if (!sl_fgroup_live(t, g))
            continue;
        uint32_t nkeys = 0;
        g->number = n++;
        for (const sl_fkey *k = g->keys; k; k = k->next)
            nkeys++;
        put(out, nkeys);
        put_key(t, g->keys, out);
        for (uint32_t want = nkeys; want-- > 1;) { /* the youngest stands behind the first */
            const sl_fkey *k = g->keys;
            for (uint32_t j = 0; j < want; j++)
                k = k->next;
            put_key(t, k, out);
        }
        put(out, fronts(t->plan, g));
        sl_pack_value(out, sl_v_bool(g->has_back));
        for (uint32_t k = 0; g->has_back && k < t->plan->nagg; k++)
            sl_acc_save(&t->plan->agg[k], g->back + t->plan->agg[k].at, out);
    }
    put(out, t->npanes);
    for (uint32_t i = 0; i < t->npanes; i++) {
        const sl_fpane *p = sl_fpane_at(t, i);
        put(out, p->at);
        put(out, p->stage);
        put(out, p->when);
        sl_pack_value(out, p->error ? sl_v_str(sl_str_of(p->error)) : sl_v_null());
        put(out, p->n);
        bool multi = t->plan->multi;
        const sl_fslot *s = multi ? p->first : NULL;
        for (uint32_t j = 0; j < p->n; j++, s = multi ? s->next : NULL) {
            uint32_t key = 0;
            s = multi ? s : t->order[j];
            put(out, s->group->number);
            for (const sl_fkey *k = s->key; k != s->group->keys; k = k->next ? k->next : s->group->keys)
                key++; /* counted from the end of the list, which is the order they are loaded in */
            put(out, key);
            put(out, (int64_t)s->seq);
            put(out, t->plan->ahead ? *sl_fslot_since(t->plan, s) : 0);
            sl_pack_value(out, sl_v_bool(s->first != NULL));
            if (s->first)
                sl_krow_pack(out, s->first, ncells);
            for (uint32_t k = 0; k < t->plan->nagg; k++)
                sl_acc_save(&t->plan->agg[k], sl_acc_at(s, t->plan->agg[k].at), out);
        }
    }
}
static sl_err *load_key(sl_ftable *t, sl_arena *a, sl_str *at, sl_fkey **key) {
    sl_value odd, v[SL_FAST_DIMS];
    sl_buf text = {0};
    uint32_t had = t->nkeys;
    SL_TRY(sl_unpack_value(a, at, &odd));
    for (uint32_t i = 0; i < t->ndims; i++)
        SL_TRY(sl_unpack_value(a, at, &v[i]));
    *key = sl_fast_key(t, v, a, &text);
    sl_buf_free(&text);
    return !*key ? no_memory() : t->nkeys == had || ((*key)->npacked != 0) != (odd.i != 0) ? damaged() : NULL;
}
static sl_err *load_accs(const sl_ftable *t, char *accs, sl_arena *a, sl_str *at) {
    for (uint32_t k = 0; k < t->plan->nagg; k++)
        SL_TRY(sl_acc_load(&t->plan->agg[k], accs + t->plan->agg[k].at, a, at, t->bytes));
    return NULL;
}
typedef struct loaded {
    int64_t front; /* slots in the older stack */
} loaded;
static sl_err *load_slot(sl_ftable *t, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at) {
    int64_t group, key, seq, since;
    sl_value first;
    SL_TRY(sl_fast_get(a, at, &group));
    SL_TRY(sl_fast_get(a, at, &key));
    SL_TRY(sl_fast_get(a, at, &seq));
    SL_TRY(sl_fast_get(a, at, &since));
    if (group < 0 || group >= t->ngroups || key < 0)
        return damaged();
    sl_fgroup *g = t->groups[group];
    uint32_t had = sl_fpane_at(t, t->npanes - 1)->n, nkeys = 0;
    for (const sl_fkey *x = g->keys; x; x = x->next)
        nkeys++;
    sl_fkey *which = g->keys;
    for (int64_t i = key ? nkeys - key : 0; i > 0; i--)
        which = which ? which->next : NULL;
    if (key >= nkeys || !which)
        return damaged();
    sl_fslot *s = sl_ftable_slot(t, g, which);
    if (!s)
        return no_memory();
    if (sl_fpane_at(t, t->npanes - 1)->n == had)
        return damaged();
    s->seq = (uint64_t)seq;
    if (t->plan->ahead)
        *sl_fslot_since(t->plan, s) = since;
    SL_TRY(sl_unpack_value(a, at, &first));
    if (first.i)
        SL_TRY(sl_krow_unpack(k, at, ncells, 1, &s->first));
    if (!s->first != t->plan->keyed)
        return damaged();
    return load_accs(t, sl_acc_at(s, 0), a, at);
}
static sl_err *load(sl_ftable *t, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at) {
    int64_t seq, ngroups, n, npanes, v;
    sl_value flag;
    SL_TRY(sl_fast_get(a, at, &seq));
    SL_TRY(sl_fast_get(a, at, &ngroups));
    if (ngroups < 0 || (size_t)ngroups > at->n)
        return damaged();
    loaded *l = SL_NEW_N(a, loaded, ngroups + 1);
    if (!l || sl_arena_failed(a))
        return no_memory();
    for (int64_t i = 0; i < ngroups; i++) {
        sl_fkey *first = NULL, *key;
        SL_TRY(sl_fast_get(a, at, &n));
        for (int64_t j = 0; j < n; j++) {
            SL_TRY(load_key(t, a, at, &key));
            first = first ? first : key;
            if (key->group != first->group)
                return damaged();
        }
        if (n < 1 || t->ngroups != i + 1)
            return damaged();
        SL_TRY(sl_fast_get(a, at, &l[i].front));
        SL_TRY(sl_unpack_value(a, at, &flag));
        sl_fgroup *g = t->groups[i];
        if (!flag.i)
            continue;
        if (!(g->back = calloc(1, t->plan->size + 1)))
            return no_memory();
        *t->bytes += t->plan->size;
        g->has_back = true;
        SL_TRY(load_accs(t, g->back, a, at));
    }
    SL_TRY(sl_fast_get(a, at, &npanes));
    if (npanes > 1 && !t->plan->multi)
        return damaged();
    t->loading = true;
    for (int64_t i = 0; i < npanes; i++) {
        int64_t stage, when;
        SL_TRY(sl_fast_get(a, at, &v));
        SL_TRY(sl_fast_get(a, at, &stage));
        SL_TRY(sl_fast_get(a, at, &when));
        SL_TRY(sl_unpack_value(a, at, &flag));
        if (t->npanes && sl_fpane_at(t, t->npanes - 1)->at >= v)
            return damaged();
        sl_fpane *p = sl_ftable_pane(t, v);
        if (!p)
            return no_memory();
        if (flag.kind == SL_STRING)
            sl_fpane_fail(t, p, (uint32_t)stage, when, "", sl_v_text(flag));
        SL_TRY(sl_fast_get(a, at, &n));
        for (int64_t j = 0; j < n; j++)
            SL_TRY(load_slot(t, k, ncells, a, at));
    }
    for (int64_t i = 0; i < ngroups; i++) {
        sl_fgroup *g = t->groups[i];
        sl_fslot *s = NULL;
        for (int64_t j = 0; j < l[i].front; j++)
            if (!(s = s ? sl_fslot_newer(t->plan, s) : g->head) || s == g->tail)
                return damaged();
        g->front = s;
        if (!g->head || g->has_back != (sl_fslot_older(t->plan, g->tail) != s))
            return damaged();
    }
    t->seq = (uint64_t)seq;
    return NULL;
}
sl_err *sl_ftable_load(sl_ftable *t, sl_krows *k, const uint32_t *ncells, sl_arena *a, sl_str *at) {
    sl_err *e = load(t, k, ncells, a, at);
    t->loading = false;
    t->heavy = true; /* perhaps */
    return e;
}
