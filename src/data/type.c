/* Trees of declared types. Decision: types are immutable once made, so parts of one tree may stand in another. */
#include "data/type.h"

const sl_type *sl_type_copy(sl_arena *a, const sl_type *t) {
    if (!t)
        return NULL;
    sl_type *n = SL_NEW(a, sl_type);
    *n = *t;
    if (t->has_default)
        n->dflt = sl_value_copy(a, t->dflt);
    n->elem = sl_type_copy(a, t->elem);
    sl_field *f = t->nfields ? SL_NEW_N(a, sl_field, t->nfields) : NULL;
    if (t->nfields && !f) {
        n->nfields = 0;
        return n;
    }
    for (uint32_t i = 0; i < t->nfields; i++)
        f[i] = (sl_field){sl_arena_dup(a, t->fields[i].name), sl_type_copy(a, t->fields[i].type)};
    n->fields = f;
    return n;
}
bool sl_type_same(const sl_type *x, const sl_type *y) {
    if (x == y)
        return true;
    if (!x || !y || x->kind != y->kind || x->nfields != y->nfields || x->has_default != y->has_default || !sl_type_same(x->elem, y->elem))
        return false;
    if (x->has_default && !sl_value_same(x->dflt, y->dflt))
        return false;
    for (uint32_t i = 0; i < x->nfields; i++)
        if (!sl_str_eq(x->fields[i].name, y->fields[i].name) || !sl_type_same(x->fields[i].type, y->fields[i].type))
            return false;
    return true;
}
static const sl_field *member(const sl_type *t, sl_str name) {
    for (uint32_t i = 0; i < t->nfields; i++)
        if (sl_str_eq(t->fields[i].name, name))
            return &t->fields[i];
    return NULL;
}
const sl_type *sl_type_union(sl_arena *a, const sl_type *whole, const sl_type *x, const sl_type *y) {
    if (!whole || whole->kind != SL_T_STRUCT || x == whole || y == whole)
        return whole;
    if (sl_type_same(x, y))
        return x;
    sl_type *n = SL_NEW(a, sl_type);
    sl_field *f = SL_NEW_N(a, sl_field, whole->nfields + 1);
    if (!n || !f)
        return whole;
    *n = *whole;
    n->fields = f;
    n->nfields = 0;
    for (uint32_t i = 0; i < whole->nfields; i++) {
        const sl_field *w = &whole->fields[i], *p = member(x, w->name), *q = member(y, w->name);
        if (p || q)
            f[n->nfields++] = (sl_field){w->name, p && q ? sl_type_union(a, w->type, p->type, q->type) : (p ? p : q)->type};
    }
    return n;
}
