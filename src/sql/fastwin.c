/* Panes, slots, two stacks (fastwin.h tells what they are).
 * Decision: slots come from chunks and go back to a list, all of one size per plan; a group's back is merged when the group enters a later pane, not
 * when the pane closes, so that groups which are not there cost nothing. */
#include <stdlib.h>
#include <string.h>
#include "sql/fastwin.h"

enum { AHEAD = 8 }; /* so many groups are asked for from memory before they are needed */

void sl_ftable_init(sl_ftable *t, const sl_fplan *plan, uint32_t ndims, size_t *bytes) { *t = (sl_ftable){.plan = plan, .ndims = ndims, .bytes = bytes}; }
static void empty(const sl_ftable *t, sl_fslot *s) {
    for (uint32_t i = 0; i < t->plan->nagg; i++)
        sl_acc_free(&t->plan->agg[i], sl_acc_at(s, t->plan->agg[i].at), t->bytes);
    sl_krow_drop(s->first);
    s->first = NULL;
}
static void give_back(sl_ftable *t, sl_fslot *s) {
    s->item.tag = 0;
    s->next = t->free;
    t->free = s;
    t->nslots--;
}
static void empty_back(const sl_ftable *t, sl_fgroup *g) {
    for (uint32_t i = 0; g->has_back && i < t->plan->nagg; i++)
        sl_acc_free(&t->plan->agg[i], g->back + t->plan->agg[i].at, t->bytes);
    g->has_back = false;
}
static void give_up(sl_ftable *t, sl_fgroup *g) {
    for (sl_fkey *k = g->keys; k; k = k->next) {
        *t->bytes -= sl_fast_key_bytes(t, k);
        t->nkeys--;
    }
    *t->bytes -= sl_fast_group_bytes(t, g) + (g->back ? t->plan->size : 0);
    empty_back(t, g);
    if (g->tail) /* of a single pane, and idle */
        give_back(t, g->tail);
    sl_fast_group_free(g);
}
void sl_ftable_end(sl_ftable *t) {
    sl_ftable_drop(t, t->npanes);
    for (uint32_t i = 0; i < t->ngroups; i++)
        give_up(t, t->groups[i]);
    *t->bytes -= sl_fast_table_bytes(t) + t->cappanes * sizeof *t->panes + t->capgroups * sizeof *t->groups + t->caporder * sizeof *t->order + t->slotbytes;
    for (uint32_t i = 0; i < t->nchunks; i++)
        free(t->chunks[i]);
    free(t->chunks);
    free(t->groups);
    free(t->keys);
    free(t->hot);
    free(t->order);
    free(t->names);
    free(t->panes);
}

/* ---- panes ---- */
static sl_fslot *slot_of_chunk(const sl_ftable *t, uint32_t chunk, size_t i);
static size_t in_chunk(uint32_t chunk) { return chunk < 6 ? (size_t)4 << chunk : 256; }
static void next_epoch(sl_ftable *t) {
    if (t->epoch++ < UINT32_MAX)
        return;
    for (uint32_t c = 0; c < t->nchunks; c++) /* begun anew: what was long ago is not to be taken for now */
        for (size_t i = 0; i < in_chunk(c); i++)
            slot_of_chunk(t, c, i)->item.epoch = 0;
    t->before = 0;
    t->epoch = 1;
}
sl_fpane *sl_ftable_pane(sl_ftable *t, int64_t at) {
    if (t->npanes) {
        sl_fpane *last = sl_fpane_at(t, t->npanes - 1);
        if (at <= last->at)
            return last;
    }
    if (t->npanes == t->cappanes) {
        uint32_t cap = t->cappanes ? t->cappanes * 2 : 1;
        sl_fpane *more = malloc(cap * sizeof *more);
        if (!more)
            return NULL;
        for (uint32_t i = 0; i < t->npanes; i++)
            more[i] = *sl_fpane_at(t, i);
        free(t->panes);
        *t->bytes += (cap - t->cappanes) * sizeof *more;
        t->panes = more;
        t->head = 0;
        t->cappanes = cap;
    }
    sl_fpane *p = sl_fpane_at(t, t->npanes++);
    *p = (sl_fpane){.at = at};
    next_epoch(t);
    return p;
}
void sl_fpane_fail(sl_ftable *t, sl_fpane *p, uint32_t stage, int64_t when, const char *head, sl_str text) {
    if (p->error && (p->stage < stage || (p->stage == stage && p->when <= when)))
        return;
    sl_buf b = {0};
    sl_buf_puts(&b, head);
    sl_buf_str(&b, text);
    t->failed += p->error == NULL;
    free(p->error);
    p->error = sl_buf_take(&b);
    p->stage = stage;
    p->when = when;
}
static bool merge_all(const sl_ftable *t, char *to, const char *later) {
    bool ok = true;
    for (uint32_t i = 0; i < t->plan->nagg; i++)
        ok &= sl_acc_merge(&t->plan->agg[i], to + t->plan->agg[i].at, later + t->plan->agg[i].at, t->bytes);
    return ok;
}
/* The slots that are closed become the older stack, each merged with what follows. */
static bool flip(sl_ftable *t, sl_fgroup *g) {
    bool ok = true;
    empty_back(t, g);
    g->front = sl_fslot_older(t->plan, g->tail);
    for (sl_fslot *s = g->front ? sl_fslot_older(t->plan, g->front) : NULL; s; s = sl_fslot_older(t->plan, s))
        ok &= merge_all(t, sl_acc_at(s, 0), sl_acc_at(sl_fslot_newer(t->plan, s), 0));
    return ok;
}
/* Slots of a single pane stay with their groups, which are likely to come again. */
static void drop_single(sl_ftable *t) {
    for (uint32_t i = 0; (t->heavy || !t->plan->keyed) && i < t->live; i++)
        empty(t, t->order[i]);
    t->heavy = false;
    t->live = 0;
    t->before = t->epoch;
    next_epoch(t);
}
static bool drop_pane(sl_ftable *t) {
    sl_fpane *p = sl_fpane_at(t, 0);
    bool ok = true;
    if (!t->plan->multi)
        drop_single(t);
    for (sl_fslot *s = p->first, *next; s; s = next) { /* each is the oldest of its group */
        sl_fgroup *g = s->group;
        next = s->next;
        if (next) {
            __builtin_prefetch(next->next);
            __builtin_prefetch(next->group);
        }
        if (!g->front && s != g->tail)
            ok &= flip(t, g);
        if (g->front == s)
            g->front = NULL;
        g->head = sl_fslot_newer(t->plan, s);
        if (g->head)
            sl_fslot_links(t->plan, g->head)->older = NULL;
        else {
            g->tail = NULL;
            empty_back(t, g);
            t->live--;
        }
        empty(t, s);
        give_back(t, s);
    }
    t->failed -= p->error != NULL;
    free(p->error);
    t->head = (t->head + 1) & (t->cappanes - 1);
    t->npanes--;
    return ok;
}
bool sl_ftable_drop(sl_ftable *t, uint32_t n) {
    bool ok = true;
    while (n--)
        ok &= drop_pane(t);
    return ok;
}
bool sl_ftable_until(sl_ftable *t, int64_t at) {
    bool ok = true;
    while (t->npanes && sl_fpane_at(t, 0)->at < at)
        ok &= drop_pane(t);
    return ok;
}
/* ---- slots ---- */
/* What a row touches is to lie on as few lines of the cache as can be. */
static size_t slot_size(const sl_ftable *t) {
    size_t n = sizeof(sl_fslot) + t->plan->size + (t->plan->multi ? sizeof(sl_flinks) : 0), busy = sizeof(sl_fitem) + t->plan->size;
    size_t to = busy > 32 && busy <= 64 ? 64 : 32;
    return (n + to - 1) & ~(to - 1);
}
static sl_fslot *slot_of_chunk(const sl_ftable *t, uint32_t chunk, size_t i) {
    return (sl_fslot *)(void *)((char *)t->chunks[chunk] + 64 - offsetof(sl_fslot, item) + i * slot_size(t));
}
static bool more_slots(sl_ftable *t) {
    size_t size = slot_size(t), n = in_chunk(t->nchunks);
    if (t->nchunks == t->capchunks) {
        uint32_t cap = t->capchunks ? t->capchunks * 2 : 4;
        void **more = realloc(t->chunks, cap * sizeof *more);
        if (!more)
            return false;
        t->chunks = more;
        t->capchunks = cap;
    }
    char *c = aligned_alloc(64, (n * size + 64 + 63) & ~(size_t)63);
    if (!c)
        return false;
    t->chunks[t->nchunks++] = c;
    *t->bytes += n * size;
    t->slotbytes += n * size;
    for (size_t i = n; i-- > 0;) {
        sl_fslot *s = slot_of_chunk(t, t->nchunks - 1, i);
        s->item = (sl_fitem){0};
        s->next = t->free;
        t->free = s;
    }
    return true;
}
static sl_fslot *new_slot(sl_ftable *t, sl_fgroup *g, const sl_fkey *key) {
    if (!t->free && !more_slots(t))
        return NULL;
    sl_fslot *s = t->free;
    t->free = s->next;
    t->nslots++;
    memset(s, 0, slot_size(t));
    s->group = g;
    s->key = key;
    s->item = sl_fast_item(t, key);
    return s;
}
/* The slot of a group enters the pane. */
static bool begin(sl_ftable *t, sl_fslot *s) {
    if (t->live == t->caporder) {
        uint32_t cap = t->caporder ? t->caporder * 2 : 4;
        sl_fslot **more = realloc(t->order, cap * sizeof *more);
        if (!more)
            return false;
        *t->bytes += (cap - t->caporder) * sizeof *more;
        t->order = more;
        t->caporder = cap;
    }
    t->order[t->live++] = s;
    sl_fpane_at(t, 0)->n++;
    memset(sl_acc_at(s, 0), 0, t->plan->size);
    if (t->plan->ahead)
        *sl_fslot_since(t->plan, s) = INT64_MAX;
    s->item.epoch = t->epoch;
    return true;
}
static sl_fslot *single_slot(sl_ftable *t, sl_fgroup *g, const sl_fkey *key) {
    sl_fslot *s = g->tail;
    if (s && s->item.epoch == t->epoch)
        return s;
    if (!s && !(s = g->head = g->tail = new_slot(t, g, key)))
        return NULL;
    if (s->key != key) {
        s->key = key;
        s->item = sl_fast_item(t, key);
    }
    return begin(t, s) ? s : NULL;
}
sl_fslot *sl_ftable_slot(sl_ftable *t, sl_fgroup *g, const sl_fkey *key) {
    sl_fpane *p = sl_fpane_at(t, t->npanes - 1);
    if (!t->plan->multi)
        return single_slot(t, g, key);
    if (g->tail && sl_fslot_links(t->plan, g->tail)->pane == p->at)
        return g->tail;
    sl_fslot *s = new_slot(t, g, key);
    if (!s)
        return NULL;
    if (g->tail && !t->loading) { /* it closes */
        if (!g->back) {
            if (!(g->back = malloc(t->plan->size + 1))) {
                give_back(t, s);
                return NULL;
            }
            *t->bytes += t->plan->size;
        }
        if (!g->has_back)
            memset(g->back, 0, t->plan->size);
        g->has_back = true;
        if (!merge_all(t, g->back, sl_acc_at(g->tail, 0))) {
            give_back(t, s);
            return NULL;
        }
    } else if (!g->tail)
        t->live++;
    s->seq = ++t->seq;
    s->item.epoch = t->epoch;
    *sl_fslot_links(t->plan, s) = (sl_flinks){.older = g->tail, .pane = p->at};
    if (g->tail)
        sl_fslot_links(t->plan, g->tail)->newer = s;
    else
        g->head = s;
    g->tail = s;
    if (p->last)
        p->last->next = s;
    else
        p->first = s;
    p->last = s;
    p->n++;
    return s;
}
sl_fslot *sl_ftable_again(sl_ftable *t, sl_fslot *s) {
    if (t->plan->multi)
        return sl_ftable_slot(t, s->group, s->key);
    return begin(t, s) ? s : NULL;
}
/* ---- giving back ---- */
static void move_slots(sl_ftable *t) { /* into chunks of their own: what is left of a burst does not hold its memory */
    void **old = t->chunks;
    uint32_t n = t->nchunks;
    size_t bytes = t->slotbytes;
    sl_fslot *spare = t->free;
    t->chunks = NULL;
    t->free = NULL;
    t->nchunks = t->capchunks = 0;
    t->slotbytes = 0;
    while (t->slotbytes < t->nslots * slot_size(t))
        if (!more_slots(t)) { /* as it was */
            for (uint32_t i = 0; i < t->nchunks; i++)
                free(t->chunks[i]);
            free(t->chunks);
            *t->bytes -= t->slotbytes;
            t->chunks = old;
            t->nchunks = t->capchunks = n;
            t->slotbytes = bytes;
            t->free = spare;
            return;
        }
    for (uint32_t i = 0; !t->plan->multi && i < t->ngroups; i++) { /* of a single pane all are idle */
        sl_fgroup *g = t->groups[i];
        sl_fslot *to = t->free;
        if (!g->tail)
            continue;
        t->free = to->next;
        memcpy(to, g->tail, slot_size(t));
        g->head = g->tail = to;
    }
    for (uint32_t i = 0; t->plan->multi && i < t->npanes; i++) {
        sl_fpane *p = sl_fpane_at(t, i);
        sl_fslot **link = &p->first;
        for (sl_fslot *s = p->first, *next; s; s = next) {
            sl_fslot *to = t->free;
            sl_fgroup *g = s->group;
            t->free = to->next;
            memcpy(to, s, slot_size(t));
            next = s->next;
            s->next = to; /* where it went, for the next of its group */
            sl_fslot *older = sl_fslot_older(t->plan, s);
            if (older) {
                sl_fslot_links(t->plan, to)->older = older->next;
                sl_fslot_links(t->plan, older->next)->newer = to;
            } else
                g->head = to;
            g->tail = g->tail == s ? to : g->tail;
            g->front = g->front == s ? to : g->front;
            *link = p->last = to;
            link = &to->next;
        }
        *link = NULL;
    }
    *t->bytes -= bytes;
    sl_fast_forget(t);
    for (uint32_t i = 0; i < n; i++)
        free(old[i]);
    free(old);
}
static bool stays(const sl_ftable *t, const sl_fgroup *g) { return g->tail && (t->plan->multi || g->tail->item.epoch == t->before); }
static void fewer_groups(sl_ftable *t, bool none) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->ngroups; i++) {
        sl_fgroup *g = t->groups[i];
        if (!none && stays(t, g))
            t->groups[n++] = g;
        else
            give_up(t, g);
    }
    t->ngroups = n;
    sl_fast_rehash(t);
    uint32_t cap = 4;
    while (cap < n)
        cap *= 2;
    sl_fslot **order = t->caporder > 2 * cap ? realloc(t->order, cap * sizeof *order) : NULL;
    if (!order)
        return;
    *t->bytes -= (t->caporder - cap) * sizeof *order;
    t->order = order;
    t->caporder = cap;
}
void sl_ftable_tidy(sl_ftable *t, uint32_t live) {
    enum { FEW = 64, MANY = 64 * 1024 };
    if (!t->plan->multi && t->npanes)
        return;
    if (t->ngroups > 2 * live + FEW)
        fewer_groups(t, live == 0);
    if (t->slotbytes > MANY && (t->nslots + live) * slot_size(t) < t->slotbytes / 8)
        move_slots(t);
}
void sl_fgroup_soon(const sl_ftable *t, const sl_fgroup *g) {
    size_t last = t->plan->size ? t->plan->size - 1 : 0;
    const char *at[] = {sl_acc_at(g->head, 0), sl_acc_at(g->tail, 0), g->back};
    for (int i = 0; i < 3; i++) {
        __builtin_prefetch(at[i]);
        __builtin_prefetch(at[i] + last);
    }
}
const void *sl_ftable_total(const sl_ftable *t, const sl_fgroup *g, void *tmp, bool *ok) {
    if (g->head == g->tail)
        return sl_acc_at(g->tail, 0);
    memset(tmp, 0, t->plan->size);
    if (g->front)
        *ok &= merge_all(t, tmp, sl_acc_at(g->head, 0));
    if (g->has_back)
        *ok &= merge_all(t, tmp, g->back);
    *ok &= merge_all(t, tmp, sl_acc_at(g->tail, 0));
    return tmp;
}
void sl_ftable_done(const sl_ftable *t, const void *total, void *tmp) {
    for (uint32_t i = 0; total == tmp && i < t->plan->nagg; i++)
        sl_acc_free(&t->plan->agg[i], (char *)tmp + t->plan->agg[i].at, t->bytes);
}

/* A pane has its slots in order; of several the groups are sorted by their oldest slot, byte by byte from the lowest. */
void sl_ftable_order(const sl_ftable *t, sl_fgroup **out, sl_fgroup **tmp) {
    uint32_t n = 0;
    if (t->npanes == 1) {
        for (const sl_fslot *s = sl_fpane_at(t, 0)->first; s; s = s->next)
            out[n++] = s->group;
        return;
    }
    uint64_t least = UINT64_MAX, most = 0;
    bool sorted = true;
    for (uint32_t i = 0; i < t->ngroups; i++) {
        sl_fgroup *g = t->groups[i];
        if (i + 2 * AHEAD < t->ngroups)
            __builtin_prefetch(&t->groups[i + 2 * AHEAD]->head);
        if (i + AHEAD < t->ngroups && t->groups[i + AHEAD]->head)
            __builtin_prefetch(&t->groups[i + AHEAD]->head->seq);
        if (!g->head)
            continue;
        sorted &= g->head->seq >= most;
        most = g->head->seq > most ? g->head->seq : most;
        least = g->head->seq < least ? g->head->seq : least;
        out[n++] = g;
    }
    for (uint32_t shift = 0; !sorted && shift < 64 && (most - least) >> shift; shift += 8) {
        uint32_t at[257] = {0};
        for (uint32_t i = 0; i < n; i++)
            at[((out[i]->head->seq - least) >> shift & 255) + 1]++;
        for (uint32_t i = 0; i < 256; i++)
            at[i + 1] += at[i];
        for (uint32_t i = 0; i < n; i++)
            tmp[at[(out[i]->head->seq - least) >> shift & 255]++] = out[i];
        memcpy(out, tmp, n * sizeof *out);
    }
}
