/* Instructions over all active rows of a batch whose operands are of one kind throughout: vectors in, a vector out (vec.h).
 *
 * Decisions: whether a register is of one kind is found out once per batch and register, when an instruction first wants to know; results of these
 * instructions are known to be. What is not, or runs for a part of the rows only, goes the way of expr_run.c, which asks each value. A vector becomes a
 * column of values when somebody wants one: the general way, or the output. What cannot fail is computed where it does not matter too, so conditions
 * become masks; a division by zero or a function that has something to tell makes the instruction, and what is around it, go the general way. */
#include "sql/expr.h"
#include "sql/vectext.h"

static void *room(sl_run *r, sl_arena *a, size_t n) {
    void *p = sl_arena_alloc(a, n + 64); /* vectors do not lie at equal places of pages: loads would wait for stores to others */
    if (!p || sl_arena_failed(a)) {
        r->nomem = true;
        return NULL;
    }
    return p;
}
static void *words(sl_run *r) { return room(r, r->tmp, (size_t)r->front.n * sizeof(int64_t)); }

/* Does the value of a register become part of the output? */
static bool leaves(const sl_run *r, int32_t dst) { return r->p->lasting && r->p->lasting[dst]; }

/* ---- registers and vectors ---- */
/* The kind of a column of values, when it is one. */
static uint8_t kind_of(const sl_run *r, int32_t o) {
    const sl_value *v = r->reg[o], *first = v + (r->front.at ? r->front.at[0] : 0);
    bool some = first->kind == SL_INT || first->kind == SL_FLOAT || first->kind == SL_BOOL || first->kind == SL_STRING;
    return some && !first->flags ? first->kind : SL_VEC_MIXED;
}
static void make(sl_run *r, int32_t o) {
    sl_vec *v = &r->vec[o];
    bool checked = v->kind != SL_VEC_NONE;
    uint8_t kind = checked ? v->kind : kind_of(r, o);
    *v = (sl_vec){.kind = kind};
    if (kind == SL_VEC_MIXED)
        return;
    const uint32_t *at = r->front.at;
    uint32_t n = r->front.n;
    if (kind != SL_STRING) {
        int64_t *w = words(r);
        if (!w || !r->loops->unbox(w, r->reg[o], at, kind, n))
            v->kind = SL_VEC_MIXED;
        v->w = w;
        return;
    }
    if (!checked && !r->loops->same(r->reg[o], at, kind, n))
        v->kind = SL_VEC_MIXED;
    else if (at) {
        sl_value *s = room(r, r->tmp, (size_t)n * sizeof *s);
        for (uint32_t i = 0; s && i < n; i++)
            s[i] = r->reg[o][at[i]];
        v->s = s;
        if (!s)
            v->kind = SL_VEC_MIXED;
    } else
        v->s = r->reg[o];
}
const sl_vec *sl_run_vec(sl_run *r, int32_t o, sl_vec *k) {
    if (o >= 0) {
        if (r->vec[o].kind == SL_VEC_NONE || r->vec[o].bare)
            make(r, o);
        return &r->vec[o];
    }
    const sl_value *v = &r->p->consts[~o];
    *k = (sl_vec){.kind = v->kind, .flags = v->flags, .one = true, .lasting = true};
    if (v->kind == SL_STRING && !v->flags)
        k->s = v;
    else if ((v->kind == SL_INT && !(v->flags & ~SL_F_GOINT)) || ((v->kind == SL_FLOAT || v->kind == SL_BOOL) && !v->flags))
        k->w = &v->i;
    else
        k->kind = SL_VEC_MIXED;
    return k;
}
void sl_run_box(sl_run *r, int32_t o) {
    sl_vec v = r->vec[o];
    sl_value *d = sl_run_scratch(r, o);
    if (!d)
        return;
    const uint32_t *at = r->front.at;
    uint32_t n = r->front.n;
    if (!at && !v.one && v.kind == SL_STRING)
        memcpy(d, v.s, (size_t)n * sizeof *d);
    else if (!at && !v.one)
        r->loops->box(d, v.w, v.kind, v.flags, n);
    else
        for (uint32_t i = 0; i < n; i++) {
            uint32_t k = v.one ? 0 : i;
            d[at ? at[i] : i] = v.kind == SL_STRING ? v.s[k] : (sl_value){.kind = v.kind, .flags = v.flags, .i = v.w[k]};
        }
    v.stale = false;
    r->vec[o] = v;
}
void sl_run_boxed(sl_run *r, int32_t reg) {
    if (r->vec && r->vec[reg].stale)
        sl_run_box(r, reg);
}
sl_value *sl_run_leave(sl_run *r, int32_t reg) {
    if (!r->vec || !r->vec[reg].stale)
        return NULL;
    const sl_vec *v = &r->vec[reg];
    uint32_t n = r->front.n;
    if (v->kind == SL_STRING && v->lasting && !v->one)
        return (sl_value *)(uintptr_t)v->s;
    sl_value *d = room(r, r->out, (size_t)n * sizeof *d);
    if (!d)
        return NULL;
    if (v->one) {
        sl_value k = v->kind == SL_STRING ? *v->s : (sl_value){.kind = v->kind, .flags = v->flags, .i = *v->w};
        for (uint32_t i = 0; i < n; i++)
            d[i] = k;
    } else if (v->kind == SL_STRING)
        memcpy(d, v->s, (size_t)n * sizeof *d);
    else
        r->loops->box(d, v->w, v->kind, v->flags, n);
    return d;
}
void sl_run_dense(sl_run *r, sl_rows rows) {
    if (r->nomem || rows.n < SL_DENSE_LEAST)
        return;
    r->vec = sl_zero(r->tmp, (r->p->nreg + 1) * sizeof *r->vec);
    r->nomem = !r->vec;
    r->loops = sl_loops_here();
    r->front = rows;
}
void sl_run_front(sl_run *r, sl_rows rows) {
    if (!r->vec || rows.n < SL_DENSE_LEAST || sl_run_whole(r, rows))
        return;
    uint32_t *place = NULL; /* of the rows that stay, among those before */
    for (uint32_t o = 0; o < r->p->nreg && !r->nomem; o++) {
        sl_vec *v = &r->vec[o];
        if (!sl_vec_known(v)) {
            v->kind = SL_VEC_NONE; /* the rest may be of one kind */
            continue;
        }
        if (v->one)
            continue;
        if (!v->stale) {
            v->bare = true;
            continue;
        }
        if (!place && (place = room(r, r->tmp, rows.n * sizeof *place)))
            for (uint32_t k = 0, at = 0; k < rows.n; k++) {
                uint32_t row = rows.at ? rows.at[k] : k;
                while ((r->front.at ? r->front.at[at] : at) != row)
                    at++;
                place[k] = at;
            }
        void *to = !place ? NULL : room(r, v->lasting ? r->out : r->tmp, rows.n * (v->kind == SL_STRING ? sizeof(sl_value) : sizeof(int64_t)));
        if (!to)
            return;
        if (v->kind == SL_STRING) {
            for (uint32_t k = 0; k < rows.n; k++)
                ((sl_value *)to)[k] = v->s[place[k]];
            v->s = to;
        } else {
            for (uint32_t k = 0; k < rows.n; k++)
                ((int64_t *)to)[k] = v->w[place[k]];
            v->w = to;
        }
    }
    r->front = rows;
}

/* ---- numbers and comparisons ---- */
static bool number(const sl_vec *v) { return v->kind == SL_INT || v->kind == SL_FLOAT; }
static unsigned ones(const sl_vec *a, const sl_vec *b) { return (a->one ? SL_ONE_A : 0) | (b->one ? SL_ONE_B : 0); }
/* A number as floats; a constant is turned in *k. */
static const double *as_floats(sl_run *r, const sl_vec *v, double *k) {
    if (v->kind == SL_FLOAT)
        return v->f;
    if (v->one) {
        *k = (double)*v->w;
        return k;
    }
    double *d = words(r);
    if (d)
        r->loops->to_floats(d, v->w, r->front.n);
    return d;
}
static bool result(sl_run *r, int32_t dst, sl_vec v) {
    v.stale = true;
    r->vec[dst] = v;
    return true;
}
static bool holds(sl_op op, int c) {
    switch (op) {
    case SL_OP_EQ: return c == 0;
    case SL_OP_NE: return c != 0;
    case SL_OP_LT: return c < 0;
    case SL_OP_LE: return c <= 0;
    case SL_OP_GT: return c > 0;
    default: return c >= 0;
    }
}
static void compare_texts(sl_op op, int64_t *d, const sl_vec *a, const sl_vec *b, uint32_t n) {
    const size_t sa = !a->one, sb = !b->one;
    if (op == SL_OP_EQ || op == SL_OP_NE) {
        const int64_t turn = op == SL_OP_NE;
        if (a->one || b->one) {
            const sl_value *k = a->one ? a->s : b->s, *x = a->one ? b->s : a->s;
            const sl_text_key key = sl_text_key_of(k->p, k->len);
            for (uint32_t i = 0; i < n; i++)
                d[i] = (x[i].len == key.n && sl_text_is(x[i].p, &key)) ^ turn;
            return;
        }
        for (uint32_t i = 0; i < n; i++) {
            const sl_value *x = &a->s[i], *y = &b->s[i];
            d[i] = (x->len == y->len && (x->p == y->p || memcmp(x->p, y->p, x->len) == 0)) ^ turn;
        }
    } else
        for (uint32_t i = 0; i < n; i++)
            d[i] = holds(op, sl_str_cmp(sl_v_text(a->s[i * sa]), sl_v_text(b->s[i * sb])));
}
/* Truth of a op b for operators that compare, or NULL. */
static int64_t *compare(sl_run *r, sl_op op, const sl_vec *a, const sl_vec *b) {
    uint32_t n = r->front.n;
    unsigned one = ones(a, b);
    double ka, kb;
    bool numbers = number(a) && number(b), same = a->kind == b->kind;
    if (one == (SL_ONE_A | SL_ONE_B) || (!numbers && !(same && (a->kind == SL_STRING || (a->kind == SL_BOOL && op <= SL_OP_NE)))))
        return NULL;
    int64_t *d = words(r);
    if (!d)
        return NULL;
    if (a->kind == SL_STRING)
        compare_texts(op, d, a, b, n);
    else if (same && a->kind != SL_FLOAT)
        r->loops->cmp_ints(op, d, a->w, b->w, one, n);
    else {
        const double *x = as_floats(r, a, &ka), *y = as_floats(r, b, &kb);
        if (!x || !y)
            return NULL;
        r->loops->cmp_floats(op, d, x, y, one, n);
    }
    return d;
}
static bool binary(sl_run *r, const sl_insn *in) {
    sl_vec ka, kb;
    const sl_vec *a = sl_run_vec(r, in->a, &ka), *b;
    if (a->kind == SL_VEC_MIXED || (b = sl_run_vec(r, in->b, &kb))->kind == SL_VEC_MIXED || r->nomem)
        return false;
    sl_op op = in->sub;
    if (op >= SL_OP_EQ) {
        int64_t *d = compare(r, op, a, b);
        return d && result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
    }
    unsigned one = ones(a, b);
    bool ints = a->kind == b->kind && (a->kind == SL_INT || (a->kind == SL_BOOL && op >= SL_OP_BAND)), floats = number(a) && number(b) && !ints && op <= SL_OP_MOD;
    if (one == (SL_ONE_A | SL_ONE_B) || (!ints && !floats))
        return false;
    double xa, xb, *d = words(r);
    if (!d)
        return false;
    if (ints)
        return r->loops->ints(op, (int64_t *)(void *)d, a->w, b->w, one, r->front.n) && result(r, in->dst, (sl_vec){.kind = a->kind, .f = d});
    const double *x = as_floats(r, a, &xa), *y = as_floats(r, b, &xb);
    return x && y && r->loops->floats(op, d, x, y, one, r->front.n) && result(r, in->dst, (sl_vec){.kind = SL_FLOAT, .f = d});
}
static bool between(sl_run *r, const sl_insn *in) {
    sl_vec kx, kl, kh;
    const sl_vec *x = sl_run_vec(r, in->a, &kx), *lo, *hi;
    if (x->kind == SL_VEC_MIXED || (lo = sl_run_vec(r, in->b, &kl))->kind == SL_VEC_MIXED || (hi = sl_run_vec(r, in->c, &kh))->kind == SL_VEC_MIXED || r->nomem || x->one)
        return false;
    uint32_t n = r->front.n;
    int64_t *d;
    if (lo->one && hi->one && number(lo) && number(hi) && (x->kind == SL_FLOAT || (x->kind == SL_INT && lo->kind == SL_INT && hi->kind == SL_INT))) {
        if (!(d = words(r)))
            return false;
        if (x->kind == SL_INT)
            r->loops->between_ints(d, x->w, *lo->w, *hi->w, in->negated, n);
        else
            r->loops->between_floats(d, x->f, lo->kind == SL_INT ? (double)*lo->w : *lo->f, hi->kind == SL_INT ? (double)*hi->w : *hi->f, in->negated, n);
    } else {
        int64_t *over = compare(r, SL_OP_GE, x, lo), *under = over ? compare(r, SL_OP_LE, x, hi) : NULL;
        if (!under || !(d = words(r)))
            return false;
        r->loops->ints(SL_OP_BAND, d, over, under, 0, n);
        if (in->negated)
            r->loops->invert(d, n);
    }
    return result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
}
static bool in_list(sl_run *r, const sl_insn *in) {
    enum { MOST = 16 }; /* compared one after the other */
    sl_vec kx, ky;
    const sl_vec *x = sl_run_vec(r, in->a, &kx);
    const sl_members *set = in->aux;
    uint32_t n = r->front.n;
    if (x->kind == SL_VEC_MIXED || r->nomem || x->one)
        return false;
    int64_t *d = words(r);
    if (!d)
        return false;
    if (set) {
        const int64_t turn = in->negated;
        sl_value v = {.kind = x->kind};
        if (!sl_members_take(set, v))
            return false;
        if (x->kind == SL_STRING)
            for (uint32_t i = 0; i < n; i++)
                d[i] = sl_members_have(set, x->s[i]) ^ turn;
        else
            for (uint32_t i = 0; i < n; i++) {
                v.i = x->w[i];
                d[i] = sl_members_have(set, v) ^ turn;
            }
        return result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
    }
    if (in->nargs > MOST)
        return false;
    r->loops->fill(d, 0, n);
    for (uint32_t k = 0; k < in->nargs; k++) {
        if (in->args[k] < 0 && sl_v_nil(r->p->consts[~in->args[k]]))
            continue;
        const sl_vec *y = sl_run_vec(r, in->args[k], &ky);
        sl_arena_mark m = sl_arena_here(r->tmp);
        int64_t *eq = y->kind == SL_VEC_MIXED ? NULL : compare(r, SL_OP_EQ, x, y);
        if (!eq)
            return false;
        for (uint32_t i = 0; i < n; i++)
            d[i] |= eq[i];
        sl_arena_back(r->tmp, m);
    }
    if (in->negated)
        r->loops->invert(d, n);
    return result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
}
static bool like(sl_run *r, const sl_insn *in) {
    sl_vec kx;
    const sl_vec *x = in->aux ? sl_run_vec(r, in->a, &kx) : NULL;
    int64_t *d;
    if (!x || x->kind != SL_STRING || x->one || !(d = words(r)))
        return false;
    sl_like_match_all(in->aux, x->s, d, in->negated, r->front.n);
    return result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
}

/* ---- what only some rows reach ---- */
static bool dense_block(sl_run *r, sl_block b) {
    for (uint32_t k = 0; k < b.n; k++)
        if (!sl_dense_insn(r, &b.code[k]))
            return false;
    return true;
}
/* Is a part that `some` of all rows reach worth computing for all? */
static bool worth(const sl_run *r, sl_block b, uint32_t some) {
    uint32_t share = 16;
    for (uint32_t k = 0; k < b.n; k++)
        if (b.code[k].op != SL_I_CMP && b.code[k].op != SL_I_ARITH && b.code[k].op != SL_I_BETWEEN)
            share = 3;
    return !b.n || some > r->front.n / share;
}
/* A condition; NULL: it is not true or false for all rows. */
static const sl_vec *truth(sl_run *r, sl_block b, sl_vec *k) {
    if (!dense_block(r, b))
        return NULL;
    const sl_vec *v = sl_run_vec(r, b.res, k);
    return v->kind == SL_BOOL ? v : NULL;
}
static bool logic(sl_run *r, const sl_insn *in) {
    sl_vec kx, ky;
    const sl_vec *x = sl_run_vec(r, in->a, &kx), *y;
    uint32_t n = r->front.n;
    int64_t *d;
    if (x->kind != SL_BOOL || x->one)
        return false;
    uint32_t yes = r->loops->count(x->w, n);
    if (!worth(r, in->x, in->sub == SL_OP_OR ? n - yes : yes) || !(y = truth(r, in->x, &ky)) || !(d = words(r)))
        return false;
    r->loops->ints(in->sub == SL_OP_OR ? SL_OP_BOR : SL_OP_BAND, d, x->w, y->w, y->one ? SL_ONE_B : 0, n);
    return result(r, in->dst, (sl_vec){.kind = SL_BOOL, .w = d});
}
static bool alias(sl_run *r, const sl_insn *in) {
    sl_vec k;
    if (!dense_block(r, in->x))
        return false;
    sl_vec v = *sl_run_vec(r, in->x.res, &k);
    return v.kind != SL_VEC_MIXED && !r->nomem && result(r, in->dst, v);
}
/* The value of the w-th branch of a CASE; behind the last: ELSE. */
static sl_block branch(const sl_insn *in, uint32_t w) { return in->whens[w == in->nargs ? 2 * w : 2 * w + 1]; }
/* Are the values of all branches of one kind? */
static bool alike(sl_run *r, const sl_insn *in) {
    sl_vec k, first = {.kind = SL_VEC_MIXED};
    for (uint32_t w = 0; w <= in->nargs; w++) {
        const sl_vec *t = sl_run_vec(r, branch(in, w).res, &k);
        if (w == 0)
            first = *t;
        if (t->kind == SL_VEC_MIXED || t->kind != first.kind || t->flags != first.flags)
            return false;
    }
    return true;
}
/* Of several kinds, or null: the register becomes a column of values. */
static bool choose_values(sl_run *r, const sl_insn *in, const int64_t *const *yes) {
    uint32_t nw = in->nargs;
    for (uint32_t w = 0; w <= nw; w++) {
        int32_t res = branch(in, w).res;
        if (res >= 0)
            sl_run_boxed(r, res);
    }
    sl_value *d = r->nomem ? NULL : sl_run_scratch(r, in->dst);
    if (!d)
        return false;
    const uint32_t *at = r->front.at, n = r->front.n;
    if (!at) { /* the rows' numbers are their places */
        for (uint32_t w = nw + 1; w-- > 0;) {
            int32_t res = branch(in, w).res;
            const sl_value *from = res >= 0 ? r->reg[res] : &r->p->consts[~res];
            if (w < nw)
                r->loops->pick_texts(d, yes[w], from, res < 0, n);
            else
                for (uint32_t i = 0; i < n; i++)
                    d[i] = from[res >= 0 ? i : 0];
        }
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t w = 0, row = at[i];
        while (w < nw && !yes[w][i])
            w++;
        int32_t res = branch(in, w).res;
        d[row] = res >= 0 ? r->reg[res][row] : r->p->consts[~res];
    }
    return true;
}
/* Which rows take which branch, as masks; each then takes its value where its mask is 1, from the last branch to the first. */
static bool choose(sl_run *r, const sl_insn *in) {
    enum { MOST = 16 };
    const int64_t *yes[MOST];
    uint32_t n = r->front.n, nw = in->nargs, left = n;
    sl_vec kx, kc, kt;
    const sl_vec *x = NULL;
    if (nw > MOST || !nw || (in->a != SL_NOREG && (x = sl_run_vec(r, in->a, &kx))->kind == SL_VEC_MIXED))
        return false;
    for (uint32_t w = 0; w < nw; w++) {
        sl_block b = in->whens[2 * w];
        if (!worth(r, b, left) || !dense_block(r, b))
            return false;
        const sl_vec *c = sl_run_vec(r, b.res, &kc);
        if (c->kind == SL_VEC_MIXED)
            return false;
        if (x)
            yes[w] = compare(r, SL_OP_EQ, x, c);
        else
            yes[w] = c->kind == SL_BOOL && !c->one ? c->w : NULL;
        if (!yes[w])
            return false;
        uint32_t hits = r->loops->count(yes[w], n);
        if (!worth(r, in->whens[2 * w + 1], hits))
            return false;
        left -= hits < left ? hits : left;
    }
    if (!worth(r, in->whens[2 * nw], left))
        return false;
    for (uint32_t w = 0; w <= nw; w++)
        if (!dense_block(r, branch(in, w)))
            return false;
    if (r->nomem)
        return false;
    sl_vec out = {.kind = SL_VEC_NONE};
    sl_value *texts = NULL;
    int64_t *d = NULL;
    if (!alike(r, in))
        return choose_values(r, in, yes);
    for (uint32_t w = nw + 1; w-- > 0;) {
        sl_block b = branch(in, w);
        const sl_vec *t = sl_run_vec(r, b.res, &kt);
        bool text = t->kind == SL_STRING;
        if (w == nw) { /* ELSE is under all of them */
            out = (sl_vec){.kind = t->kind, .flags = t->flags, .lasting = text && leaves(r, in->dst)};
            if (text)
                texts = room(r, out.lasting ? r->out : r->tmp, (size_t)n * sizeof *texts);
            else
                d = words(r);
            if (!(text ? (void *)texts : (void *)d))
                return false;
            if (text && t->one)
                for (uint32_t i = 0; i < n; i++)
                    texts[i] = *t->s;
            else if (text)
                memcpy(texts, t->s, (size_t)n * sizeof *texts);
            else if (t->one)
                r->loops->fill(d, *t->w, n);
            else
                memcpy(d, t->w, (size_t)n * sizeof *d);
        } else if (text)
            r->loops->pick_texts(texts, yes[w], t->s, t->one, n);
        else
            r->loops->pick(d, yes[w], t->w, t->one, n);
    }
    if (texts)
        out.s = texts;
    else
        out.w = d;
    return result(r, in->dst, out);
}

/* ---- functions ---- */
static void *latched(sl_dense *d, void *p) {
    if (!p || sl_arena_failed(d->tmp) || sl_arena_failed(d->call->arena)) {
        d->nomem = true;
        return NULL;
    }
    return p;
}
int64_t *sl_dense_words(sl_dense *d, uint8_t kind) {
    int64_t *w = latched(d, sl_arena_alloc(d->tmp, (size_t)d->n * sizeof *w + 64));
    d->out = (sl_vec){.kind = kind, .w = w};
    return w;
}
double *sl_dense_floats(sl_dense *d) { return (double *)(void *)sl_dense_words(d, SL_FLOAT); }
sl_value *sl_dense_texts(sl_dense *d) {
    sl_value *s = latched(d, sl_arena_alloc(d->lasting ? d->call->arena : d->tmp, (size_t)d->n * sizeof *s + 64));
    d->out = (sl_vec){.kind = SL_STRING, .lasting = d->lasting, .s = s};
    return s;
}
const double *sl_dense_as_floats(sl_dense *d, uint32_t k) {
    const sl_vec *v = &d->args[k];
    if (v->kind == SL_FLOAT)
        return v->f;
    if (v->kind != SL_INT)
        return NULL;
    double *f = latched(d, sl_arena_alloc(d->tmp, (v->one ? 1 : (size_t)d->n) * sizeof *f + 64));
    if (f)
        d->loops->to_floats(f, v->w, v->one ? 1 : d->n);
    return f;
}
bool sl_dense_all_texts(const sl_dense *d) {
    for (uint32_t k = 0; k < d->nargs; k++)
        if (d->args[k].kind != SL_STRING)
            return false;
    return true;
}
bool sl_dense_const_int(const sl_dense *d, uint32_t k, int64_t *out) {
    const sl_vec *v = &d->args[k];
    if (!v->one || v->kind != SL_INT)
        return false;
    *out = *v->w;
    return true;
}
static bool call(sl_run *r, const sl_insn *in) {
    enum { MOST = 8 };
    const sl_func *f = in->aux;
    sl_vec args[MOST], k;
    bool some = false;
    if (!f->dense || in->nargs > MOST)
        return false;
    for (uint32_t i = 0; i < in->nargs; i++) {
        args[i] = *sl_run_vec(r, in->args[i], &k);
        if (args[i].kind == SL_VEC_MIXED || r->nomem)
            return false;
        some |= !args[i].one;
    }
    if (!some)
        return false;
    sl_call *c = &r->call;
    c->arena = r->out;
    c->func = f;
    sl_dense d = {.call = c, .args = args, .nargs = in->nargs, .n = r->front.n, .loops = r->loops, .tmp = r->tmp, .lasting = leaves(r, in->dst)};
    bool done = f->dense(&d);
    r->nomem |= d.nomem;
    return done && !d.nomem && result(r, in->dst, d.out);
}
bool sl_dense_insn(sl_run *r, const sl_insn *in) {
    if (sl_vec_known(&r->vec[in->dst]))
        return true;
    if (r->nomem)
        return false;
    switch (in->op) {
    case SL_I_ARITH:
    case SL_I_CMP: return binary(r, in);
    case SL_I_LOGIC: return logic(r, in);
    case SL_I_BETWEEN: return between(r, in);
    case SL_I_INLIST: return in_list(r, in);
    case SL_I_LIKE: return like(r, in);
    case SL_I_CASE: return choose(r, in);
    case SL_I_CALL: return call(r, in);
    case SL_I_ALIAS: return alias(r, in);
    default: return false;
    }
}

/* ---- conditions on columns ---- */
#define PICK(OP, F)                                                                                                                                                                \
    for (uint32_t i = 0; i < n; i++) {                                                                                                                                             \
        keep[m] = i;                                                                                                                                                               \
        m += a[i].F OP k;                                                                                                                                                          \
    }                                                                                                                                                                              \
    break
#define PICKS(F)                                                                                                                                                                   \
    switch (op) {                                                                                                                                                                  \
    case SL_OP_EQ: PICK(==, F);                                                                                                                                                    \
    case SL_OP_NE: PICK(!=, F);                                                                                                                                                    \
    case SL_OP_LT: PICK(<, F);                                                                                                                                                     \
    case SL_OP_LE: PICK(<=, F);                                                                                                                                                    \
    case SL_OP_GT: PICK(>, F);                                                                                                                                                     \
    default: PICK(>=, F);                                                                                                                                                          \
    }
/* The values as they stand: they are read once, so no words are made of them. */
bool sl_dense_select(sl_run *r, const sl_insn *in, uint32_t *keep, uint32_t *kept) {
    uint32_t n = r->front.n, m = 0;
    sl_vec *v = in->a >= 0 ? &r->vec[in->a] : NULL;
    if (!v || in->b >= 0 || r->front.at || v->stale || (sl_vec_known(v) && !v->bare))
        return false;
    const sl_value *a = r->reg[in->a], *b = &r->p->consts[~in->b];
    uint8_t ka = v->kind == SL_VEC_NONE ? kind_of(r, in->a) : v->kind, kb = b->flags ? SL_VEC_MIXED : b->kind;
    sl_op op = in->sub;
    if (ka == SL_STRING ? kb != SL_STRING || op != SL_OP_EQ : (ka != SL_INT && ka != SL_FLOAT) || (kb != ka && (kb != SL_INT || ka != SL_FLOAT)))
        return false;
    if (v->kind == SL_VEC_NONE) {
        bool one = r->loops->same(a, NULL, ka, n);
        *v = (sl_vec){.kind = one ? ka : SL_VEC_MIXED, .bare = one};
        if (!one)
            return false;
    }
    if (ka == SL_STRING) {
        const sl_text_key key = sl_text_key_of(b->p, b->len);
        for (uint32_t i = 0; i < n; i++) {
            keep[m] = i;
            m += a[i].len == key.n && sl_text_is(a[i].p, &key);
        }
    } else if (ka == SL_INT) {
        const int64_t k = b->i;
        PICKS(i)
    } else {
        const double k = kb == SL_INT ? (double)b->i : b->f;
        PICKS(f)
    }
    *kept = m;
    return true;
}
