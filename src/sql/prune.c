/* Which members of STRUCT columns a statement uses: a column that is only met through paths is decoded and validated
 * only as far as the paths go.
 * Decision: a struct that is also used as a whole is decoded whole (D7), and so are all of a source under `*`.
 * Also: which columns are read behind a window. What only stands in front of it (WHERE, FILTER, conditions of a state window) is not copied into it. */
#include "data/type.h"
#include "sql/pipe.h"

typedef struct want { /* of one column or member */
    sl_str name;
    bool whole;
    struct want *child, *next;
} want;
typedef struct pruner {
    sl_plan *p;
    want **cols; /* [source][column of the plan] */
} pruner;

static want *child_of(sl_arena *a, want *w, sl_str name) {
    want *c = w->child;
    while (c && !sl_str_eq(c->name, name))
        c = c->next;
    if (!c) {
        c = SL_NEW(a, want);
        *c = (want){.name = name, .next = w->child};
        w->child = c;
    }
    return c;
}
static want *column(pruner *r, const sl_expr *e) {
    for (uint32_t i = 0; i < r->p->nsrc; i++)
        if (e->b_col >= 0 && sl_str_eq(r->p->src[i].pub.stream, e->source))
            return &r->cols[i][e->b_col];
    return NULL;
}
static void use(pruner *r, const sl_expr *e);
static void use_all(pruner *r, sl_expr *const *at, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        use(r, at[i]);
}
/* o.x.y or o->x->y: the names from the outermost inwards are collected on the way down, applied on the way back. */
static want *path(pruner *r, const sl_expr *e) {
    if (e->kind == SL_X_PAREN)
        return path(r, e->l);
    if (e->kind == SL_X_COLUMN)
        return column(r, e);
    if (e->kind != SL_X_MEMBER || !e->name.n)
        return NULL;
    want *w = path(r, e->l);
    return !w ? NULL : child_of(r->p->a, w, e->name);
}
static void use(pruner *r, const sl_expr *e) {
    if (!e)
        return;
    if (e->kind == SL_X_COLUMN || e->kind == SL_X_MEMBER) {
        want *w = path(r, e);
        if (w) {
            w->whole = true;
            return;
        }
    }
    use(r, e->l);
    if (e->kind != SL_X_MEMBER || !e->name.n)
        use(r, e->r);
    use_all(r, e->args, e->nargs);
    for (uint32_t i = 0; e->kind == SL_X_WILDCARD && i < e->nreplace; i++)
        use(r, e->replace[i].expr);
    if (e->over) {
        use_all(r, e->over->partition, e->over->npartition);
        use(r, e->over->when);
        for (uint32_t i = 0; i < e->over->norder; i++)
            use(r, e->over->order[i].expr);
    }
}
static const sl_type *narrow(sl_arena *a, const sl_type *t, const want *w) {
    if (!w || w->whole || !t || t->kind != SL_T_STRUCT)
        return t;
    sl_field *f = SL_NEW_N(a, sl_field, t->nfields + 1);
    sl_type *n = SL_NEW(a, sl_type);
    *n = *t;
    n->fields = f;
    n->nfields = 0;
    for (uint32_t i = 0; i < t->nfields; i++)
        for (const want *c = w->child; c; c = c->next)
            if (sl_str_eq(c->name, t->fields[i].name)) {
                f[n->nfields++] = (sl_field){t->fields[i].name, narrow(a, t->fields[i].type, c)};
                break;
            }
    return n->nfields && n->nfields <= t->nfields ? n : t;
}
static void statement(pruner *r, const sl_select *s) {
    for (uint32_t i = 0; i < s->nfields; i++)
        use(r, s->fields[i].expr);
    use(r, s->where);
    for (uint32_t i = 0; i < s->njoins; i++)
        use(r, s->joins[i].on);
    use_all(r, s->dims, s->ndims);
    const sl_window *w = s->window;
    if (w) {
        use(r, w->begin);
        use(r, w->emit);
        use(r, w->filter);
        use(r, w->when);
        use_all(r, w->partition, w->npartition);
    }
    use(r, s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        use(r, s->order[i].expr);
}
void sl_prune(sl_plan *p, const sl_select *s) {
    bool structs = false;
    for (uint32_t i = 0; i < p->nsrc; i++)
        for (uint32_t k = 0; !p->src[i].schemaless && !p->src[i].pub.all && k < p->src[i].def->nfields; k++)
            structs |= p->src[i].def->fields[k].type && p->src[i].def->fields[k].type->kind == SL_T_STRUCT;
    if (!structs)
        return;
    pruner r = {p, SL_NEW_N(p->a, want *, p->nsrc)};
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (!(r.cols[i] = p->src[i].pub.same_as < i ? r.cols[p->src[i].pub.same_as] : SL_NEW_N(p->a, want, p->src[i].n + 1)))
            return; /* the latch of the arena tells */
    statement(&r, s);
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_psource *src = &p->src[i];
        if (src->schemaless || src->pub.all)
            continue;
        sl_field *out = SL_NEW_N(p->a, sl_field, src->def->nfields + 1);
        uint32_t n = 0;
        for (uint32_t k = 0; out && k < src->def->nfields; k++) {
            const sl_field *f = &src->def->fields[k];
            for (uint32_t c = 0; c < src->n; c++)
                if (sl_str_eq(src->names[c], f->name)) {
                    const sl_type *t = narrow(p->a, f->type, &r.cols[i][c]);
                    if (t != f->type) /* the definition is lent only while planning */
                        out[n++] = (sl_field){src->names[c], sl_type_copy(p->a, t)};
                    break;
                }
        }
        src->pub.narrowed = out;
        src->pub.nnarrowed = n;
    }
}

/* ---- what windows and joins keep ---- */
static void later(const sl_plan *p, bool **read, const sl_expr *e) {
    if (!e || (e->kind == SL_X_CALL && e->func && e->func->kind == SL_FN_ANALYTIC && e->b_slot >= 0)) /* its value is kept, not what it was made of */
        return;
    if (e->kind == SL_X_COLUMN) {
        for (uint32_t i = 0; i < p->nsrc; i++)
            if (e->b_src < 0 || (uint32_t)e->b_src == i)
                for (uint32_t c = 0; c < p->src[i].n; c++)
                    read[i][c] |= e->b_src < 0 ? sl_str_eq(p->src[i].names[c], e->name) : c == (uint32_t)e->b_col;
        return;
    }
    later(p, read, e->l);
    if (e->kind != SL_X_MEMBER || !e->name.n)
        later(p, read, e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        later(p, read, e->args[i]);
    for (uint32_t i = 0; e->over && i < e->over->npartition; i++)
        later(p, read, e->over->partition[i]);
    for (uint32_t i = 0; e->over && i < e->over->norder; i++)
        later(p, read, e->over->order[i].expr);
    if (e->over)
        later(p, read, e->over->when);
}
void sl_prune_kept(sl_plan *p, const sl_select *s) {
    bool stars = p->star || p->nstars || p->opts.event_time; /* in event time rows are kept before they are looked at */
    for (uint32_t i = 0; i < p->nsrc; i++)
        stars |= p->src[i].pub.all || p->src[i].star;
    if (stars || !p->pipe->windowed)
        return;
    bool **read = sl_zero(p->a, (p->nsrc + 1) * sizeof *read), some = false;
    for (uint32_t i = 0; read && i < p->nsrc; i++)
        if (!(read[i] = p->src[i].pub.same_as < i ? read[p->src[i].pub.same_as] : sl_zero(p->a, p->src[i].n + 1)))
            return; /* the latch of the arena tells */
    if (!read)
        return;
    for (uint32_t i = 0; i < p->nfields; i++)
        later(p, read, p->fields[i].expr);
    for (uint32_t i = 0; i < s->njoins; i++)
        later(p, read, s->joins[i].on);
    for (uint32_t i = 0; i < s->ndims; i++)
        later(p, read, s->dims[i]);
    if (!p->pipe->where_early)
        later(p, read, p->where);
    later(p, read, s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        later(p, read, s->order[i].expr);
    for (uint32_t i = 0; i < p->nsrc; i++)
        for (uint32_t c = 0; c < p->src[i].n; c++)
            some |= !read[i][c];
    if (some)
        p->pipe->later = read;
}
