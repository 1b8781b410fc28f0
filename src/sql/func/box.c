/* Arrays and objects inside functions. Decision: everything lives in the arena of the call; what grows is copied to twice the room and
 * the old room is left to the arena. */
#include "sql/func/box.h"

bool sl_box_list(sl_call *c, sl_value v, sl_value *list) {
    *list = sl_value_open(c->arena, v);
    return list->kind == SL_LIST && !(list->flags & SL_F_TEXTLIST);
}
bool sl_box_map(sl_call *c, sl_value v, sl_value *map) {
    *map = sl_value_open(c->arena, v);
    if (map->kind == SL_PAIRS) { /* keys become text */
        sl_mems m = {0};
        for (uint32_t i = 0; i < v.len; i++)
            sl_mems_set(c, &m, sl_fn_text(c, v.pairs[i].key), v.pairs[i].val);
        *map = sl_mems_done(c, &m);
    }
    return map->kind == SL_MAP;
}

void sl_vals_add(sl_call *c, sl_vals *l, sl_value v) {
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 8;
        sl_value *at = l->failed || l->n >= SL_BOX_MAX ? NULL : sl_arena_alloc(c->arena, cap * sizeof *at);
        if (!at || sl_arena_failed(c->arena)) {
            l->failed = true;
            return;
        }
        if (l->n)
            memcpy(at, l->at, l->n * sizeof *at);
        l->at = at, l->cap = cap;
    }
    l->at[l->n++] = v.kind == SL_ABSENT ? sl_v_null() : v;
}
sl_value sl_vals_done(sl_call *c, sl_vals *l) {
    return l->failed ? sl_call_fail(c, "the array would have more than %u elements or memory is out", SL_BOX_MAX) : sl_v_list(l->at, l->n);
}

static uint32_t *slot(const sl_mems *m, sl_str key) {
    for (uint64_t i = sl_hash(key.p, key.n) & (m->nslots - 1);; i = (i + 1) & (m->nslots - 1))
        if (!m->slots[i] || sl_str_eq(m->at[m->slots[i] - 1].key, key))
            return &m->slots[i];
}
sl_value *sl_mems_find(sl_mems *m, sl_str key) {
    if (m->nslots) {
        uint32_t pos = *slot(m, key);
        return pos ? &m->at[pos - 1].val : NULL;
    }
    for (uint32_t i = 0; i < m->n; i++)
        if (sl_str_eq(m->at[i].key, key))
            return &m->at[i].val;
    return NULL;
}
void sl_mems_set(sl_call *c, sl_mems *m, sl_str key, sl_value v) {
    if (v.kind == SL_ABSENT)
        v = sl_v_null();
    sl_value *old = sl_mems_find(m, key);
    if (old) {
        *old = v;
        return;
    }
    if (m->n == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 8;
        bool ok = !m->failed && m->n < SL_BOX_MAX;
        sl_member *at = ok ? sl_arena_alloc(c->arena, cap * sizeof *at) : NULL;
        uint32_t *slots = ok && cap > 16 ? SL_NEW_N(c->arena, uint32_t, cap * 2) : NULL;
        if (!at || (cap > 16 && !slots) || sl_arena_failed(c->arena)) {
            m->failed = true;
            return;
        }
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at, m->cap = cap;
        if (slots) {
            m->slots = slots, m->nslots = cap * 2;
            for (uint32_t i = 0; i < m->n; i++)
                *slot(m, at[i].key) = i + 1;
        }
    }
    m->at[m->n] = (sl_member){key, v};
    if (m->nslots)
        *slot(m, key) = m->n + 1;
    m->n++;
}
sl_value sl_mems_done(sl_call *c, sl_mems *m) {
    return m->failed ? sl_call_fail(c, "the object would have more than %u keys or memory is out", SL_BOX_MAX) : sl_v_map(m->at, m->n);
}

bool sl_set_able(sl_value v) { return v.kind != SL_LIST && v.kind != SL_MAP && v.kind != SL_PAIRS && v.kind != SL_JSONTEXT; }
static uint64_t hash_of(sl_value v) {
    switch (v.kind) {
    case SL_STRING:
    case SL_BYTES:
    case SL_DECIMAL: return sl_hash(v.p, v.len) + v.kind;
    case SL_FLOAT: {
        double f = sl_f64(v) + 0.0; /* -0 equals 0 */
        return sl_hash(&f, sizeof f);
    }
    case SL_ABSENT:
    case SL_NULL: return 1;
    default: return sl_hash(&v.i, sizeof v.i) + v.kind;
    }
}
static sl_value *place(const sl_set *s, sl_value v) {
    for (uint64_t i = hash_of(v) & (s->cap - 1);; i = (i + 1) & (s->cap - 1))
        if (s->at[i].kind == SL_ABSENT || sl_value_same(s->at[i], v))
            return &s->at[i];
}
bool sl_set_has(const sl_set *s, sl_value v) { return s->cap && place(s, v.kind == SL_ABSENT ? sl_v_null() : v)->kind != SL_ABSENT; }
bool sl_set_add(sl_call *c, sl_set *s, sl_value v) {
    if (v.kind == SL_ABSENT)
        v = sl_v_null();
    if (s->n * 2 >= s->cap) {
        sl_set more = {.cap = s->cap ? s->cap * 2 : 16};
        more.at = SL_NEW_N(c->arena, sl_value, more.cap);
        if (!more.at || sl_arena_failed(c->arena))
            return false; /* the border sees the arena's latch */
        for (uint32_t i = 0; i < s->cap; i++)
            if (s->at[i].kind != SL_ABSENT)
                *place(&more, s->at[i]) = s->at[i];
        more.n = s->n;
        *s = more;
    }
    sl_value *p = place(s, v);
    if (p->kind != SL_ABSENT)
        return false;
    *p = v;
    s->n++;
    return true;
}
