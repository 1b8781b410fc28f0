/* The flows of a source take a batch: those whose WHERE can be asked of an index are shown only the rows that can matter to them.
 *
 * Decision: flows in the index stand at the end of the source's list, so that every other loop over it stays as it was, and a batch goes to the
 * front part one by one. What a flow was not shown is counted when somebody looks at its counters or it leaves (source_settle).
 * Decision: a flow that joins waits in the front part until what waiting costs is more than putting the index in order again; where most rows
 * matter to most flows the index rests. */
#include "flow/flow_int.h"

enum { FEW = 8, AHEAD = 5, LOOKS = 32, REST = 96 };

void sieve_free(sieve *v) {
    sl_predindex_free(v->ix);
    SL_VEC_FREE(v->byid);
}
static void flow_link(sl_flow **at, sl_flow *f) {
    f->next_sub = *at;
    f->sub_at = at;
    if (*at)
        (*at)->sub_at = &f->next_sub;
    *at = f;
}
static void flow_unlink(sl_flow *f) {
    *f->sub_at = f->next_sub;
    if (f->next_sub)
        f->next_sub->sub_at = f->sub_at;
    f->next_sub = NULL;
}
void sieve_in(sieve *v, sl_flow **subs, sl_flow *f) {
    flow_link(subs, f);
    f->waits = !f->root && !f->tap && !f->eof && !f->aside && sl_predindex_takes(f->spec->plan);
    v->waiting += f->waits;
}
void sieve_settle(sieve *v, sl_flow *f) {
    if (!f->filed || v->shown == f->shown)
        return;
    flow_owe(f, v->shown - f->shown, v->shown_ms);
    f->shown = v->shown;
}
void sieve_out(sieve *v, sl_flow *f) {
    v->waiting -= f->waits;
    f->waits = false;
    if (f->filed) {
        sieve_settle(v, f);
        sl_predindex_remove(v->ix, f->filed - 1);
        v->byid.at[f->filed - 1] = NULL;
        f->filed = 0;
        if (v->first == f)
            v->first = f->next_sub;
    }
    flow_unlink(f);
}
void sieve_again(sieve *v, sl_flow **subs, sl_flow *f) {
    sieve_out(v, f);
    sieve_in(v, subs, f);
}

/* ---- the index ---- */
static bool due(const sieve *v) {
    uint32_t n = v->ix ? sl_predindex_count(v->ix) : 0, dead = v->ix ? sl_predindex_dead(v->ix) : 0;
    return (v->waiting + n >= FEW && v->waiting && v->debt >= 4 * (uint64_t)(v->waiting + n)) || dead > n / 2 + FEW;
}
static bool enter(sieve *v, sl_flow *f) {
    uint32_t id = sl_predindex_add(v->ix, f->spec->plan);
    while (id != UINT32_MAX && v->byid.n <= id)
        if (!SL_PUSH(v->byid, NULL)) {
            sl_predindex_remove(v->ix, id);
            return false;
        }
    if (id == UINT32_MAX)
        return false;
    v->byid.at[id] = f;
    f->filed = id + 1;
    f->shown = v->shown;
    return true;
}
/* Takes everybody who waits into the index. */
static void file(sieve *v, sl_flow **subs) {
    v->debt = 0;
    if (!v->ix && !(v->ix = sl_predindex_new()))
        return;
    sl_flow **end = subs, *news = NULL; /* news: those taken in; they go in front of the others */
    for (sl_flow *f = *subs, *next; f && f != v->first; f = next) {
        next = f->next_sub;
        if (!f->waits)
            continue;
        f->waits = false; /* who cannot be taken now stays outside */
        v->waiting--;
        if (!enter(v, f))
            continue;
        flow_unlink(f);
        flow_link(&news, f);
    }
    while (*end != v->first)
        end = &(*end)->next_sub;
    while (news) {
        sl_flow *f = news;
        flow_unlink(f);
        flow_link(end, f);
        v->first = f;
    }
    sl_predindex_seal(v->ix); /* when it fails the index says so, and every row goes to everybody */
}

/* ---- a batch ---- */
static void one_by_one(sl_flow *f, const sl_flow *end, sl_batch *b, int64_t now) {
    /* Thousands of rules do not fit the cache: while one runs, the state of the next ones is on its way. A flow that leaves meanwhile is
     * freed at the end of the turn, not before. */
    sl_flow *next[AHEAD] = {0};
    for (int i = 0; i < AHEAD && (i == 0 ? f : next[i - 1]); i++)
        next[i] = i == 0 ? f : next[i - 1]->next_sub;
    for (sl_flow *n; f && f != end; f = n) {
        n = f->next_sub;
        for (int i = 1; i < AHEAD; i++) /* next[i]: i steps ahead */
            flow_warm(next[i], AHEAD - 1 - i);
        for (int i = 0; i + 1 < AHEAD; i++)
            next[i] = next[i + 1];
        if (next[AHEAD - 1] && (next[AHEAD - 1] = next[AHEAD - 1]->next_sub))
            for (size_t i = 0; i < 128; i += 64)
                __builtin_prefetch((const char *)next[AHEAD - 1] + i, 1);
        flow_batch(f, b, now);
    }
}
static void show(sieve *v, sl_batch *b, const sl_predhit *h, uint32_t n, int64_t now) {
    for (uint32_t i = 0; i < n; i++) {
        if (i + AHEAD < n && v->byid.at[h[i + AHEAD].id])
            for (size_t k = 0; k < 128; k += 64)
                __builtin_prefetch((const char *)v->byid.at[h[i + AHEAD].id] + k, 1);
        for (uint32_t k = 1; k < AHEAD && i + k < n; k++)
            flow_warm(v->byid.at[h[i + k].id], (int)(AHEAD - 1 - k));
        sl_flow *f = v->byid.at[h[i].id];
        if (!f)
            continue;
        f->shown += h[i].n; /* these it counts itself */
        v->matched += h[i].n;
        flow_rows(f, b, h[i].rows, h[i].n, now);
    }
}
/* For want of memory the index cannot be asked about the rest of a batch: all flows in it get all rows from `from` on. */
static void show_all(sieve *v, sl_batch *b, uint32_t from, int64_t now) {
    while (from < b->nrows) {
        uint32_t rows[64], n = 0;
        while (n < sizeof rows / sizeof *rows && from < b->nrows)
            rows[n++] = from++;
        for (sl_flow *f = v->first, *next; f; f = next) {
            next = f->next_sub;
            f->shown += n;
            flow_rows(f, b, rows, n, now);
        }
    }
}
/* Is the index worth asking? Told of a batch that it was asked about. */
static void judge(sieve *v, uint32_t nrows) {
    v->asked += (uint64_t)nrows * sl_predindex_count(v->ix);
    if (++v->looks < LOOKS)
        return;
    if (v->matched > v->asked / 2)
        v->rest = REST;
    v->looks = 0;
    v->asked = v->matched = 0;
}
void sieve_batch(sieve *v, sl_flow **subs, sl_batch *b, int64_t now) {
    bool inner = v->busy; /* a flow's sink feeds this very source: what it finds here stays as it is */
    if (!inner && due(v))
        file(v, subs);
    v->busy = true;
    if (v->waiting)
        v->debt += (uint64_t)v->waiting * (b->nrows + 1);
    bool all = inner || !v->first || b->frames || b->nmarks || !b->nrows;
    if (!all && v->rest) {
        v->rest--;
        all = true;
    }
    uint32_t from = 0, n;
    const sl_predhit *h;
    if (!all && !sl_predindex_ask(v->ix, b, &from, &h, &n))
        all = true;
    if (!all) {
        v->shown += b->nrows;
        v->shown_ms = now;
    }
    one_by_one(*subs, all ? NULL : v->first, b, now);
    for (bool more = !all; more;) {
        show(v, b, h, n, now);
        more = from < b->nrows;
        if (more && !sl_predindex_ask(v->ix, b, &from, &h, &n)) {
            show_all(v, b, from, now);
            more = false;
        }
    }
    if (!all)
        judge(v, b->nrows);
    v->busy = inner;
}
