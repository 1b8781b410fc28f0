/* The runner: one instruction over all active rows, then the next.
 * Decision: the inner loops know two kinds, INT and FLOAT, because that is what rows are full of; any other pair of kinds goes
 * through sl_op_binary, one value at a time. A constant operand is a column with step 0, so that there is one loop for both. */
#include <math.h>
#include "sql/expr.h"

typedef struct opnd {
    const sl_value *at;
    uint32_t step;
} opnd;
static const sl_value nothing = {.kind = SL_NULL};
static inline opnd operand(sl_run *r, int32_t o) {
    if (o < 0)
        return (opnd){&r->p->consts[~o], 0};
    if (r->vec && r->vec[o].stale) {
        sl_run_box(r, o);
        if (r->nomem)
            return (opnd){&nothing, 0};
    }
    return (opnd){r->reg[o], 1};
}
#define AT(o, i) ((o).at[(size_t)(i) * (o).step])

/* Every active row in turn; i is the row number. */
#define EACH_ROW(rows, i, ...)                                                                                                                                                     \
    do {                                                                                                                                                                           \
        if ((rows).at)                                                                                                                                                             \
            for (uint32_t k_ = 0; k_ < (rows).n; k_++) {                                                                                                                           \
                uint32_t i = (rows).at[k_];                                                                                                                                        \
                __VA_ARGS__                                                                                                                                                        \
            }                                                                                                                                                                      \
        else                                                                                                                                                                       \
            for (uint32_t i = 0; i < (rows).n; i++) {                                                                                                                              \
                __VA_ARGS__                                                                                                                                                        \
            }                                                                                                                                                                      \
    } while (0)

void sl_run_begin(sl_run *r) {
    uint32_t n = r->p->nreg ? r->p->nreg : 1;
    r->reg = sl_zero(r->tmp, n * 2 * sizeof *r->reg);
    if (!r->reg) {
        r->nomem = true;
        return;
    }
    r->own = r->reg + n;
}
void sl_run_end(sl_run *r) { sl_buf_free(&r->buf); }
sl_value *sl_run_scratch(sl_run *r, int32_t dst) {
    if (!r->own[dst]) {
        sl_arena *a = r->lasting && r->p->lasting[dst] ? r->out : r->tmp;
        r->own[dst] = sl_arena_alloc(a, (size_t)r->nrows * sizeof(sl_value));
        if (!r->own[dst] || sl_arena_failed(a)) {
            r->nomem = true;
            r->own[dst] = NULL;
            return NULL;
        }
        r->reg[dst] = r->own[dst];
    }
    if (r->vec)
        r->vec[dst] = (sl_vec){.kind = SL_VEC_NONE};
    return r->own[dst];
}
void sl_run_unset(sl_run *r, sl_rows rows) {
    for (uint32_t k = 0; k < r->p->nalias && !r->nomem && !r->vec; k++) { /* where vectors are made, when one cannot be: run_alias() */
        if (!r->p->alias_lazy[k])
            continue;
        sl_value *d = sl_run_scratch(r, r->p->alias_reg[k]);
        if (d)
            EACH_ROW(rows, i, d[i].kind = SL_UNSET;);
    }
}
static uint32_t *row_list(sl_run *r, uint32_t n) {
    uint32_t *l = sl_arena_alloc(r->tmp, (size_t)n * sizeof *l);
    if (!l || sl_arena_failed(r->tmp)) {
        r->nomem = true;
        return NULL;
    }
    return l;
}

/* ---- comparison ---- */
#define PLAIN(v) (!((v).flags & (SL_F_WEEKDAY | SL_F_WHOLE)))
#define NO_TEXT(OP, x, y)
#define TEXT(OP, x, y)                                                                                                                                                             \
    if (x.kind == SL_STRING && y.kind == SL_STRING)                                                                                                                                \
        return sl_v_bool((x.len == y.len && (x.p == y.p || memcmp(x.p, y.p, x.len) == 0)) OP true);
#define CMP_KERNEL(name, OP, CODE, TEXTS)                                                                                                                                          \
    static inline sl_value one_##name(sl_run *r, sl_value x, sl_value y) {                                                                                                         \
        if (x.kind == SL_FLOAT && y.kind == SL_FLOAT && PLAIN(x) && PLAIN(y))                                                                                                      \
            return sl_v_bool(x.f OP y.f);                                                                                                                                          \
        if (x.kind == SL_INT && y.kind == SL_INT && PLAIN(x) && PLAIN(y))                                                                                                          \
            return sl_v_bool(x.i OP y.i);                                                                                                                                          \
        if (x.kind == SL_FLOAT && y.kind == SL_INT && PLAIN(x) && PLAIN(y))                                                                                                        \
            return sl_v_bool(x.f OP(double) y.i);                                                                                                                                  \
        TEXTS(OP, x, y)                                                                                                                                                            \
        return sl_op_binary(r, CODE, x, y);                                                                                                                                        \
    }                                                                                                                                                                              \
    static void cmp_##name(sl_run *r, sl_value *d, opnd x, opnd y, sl_rows rows) { EACH_ROW(rows, i, d[i] = one_##name(r, AT(x, i), AT(y, i));); }                                 \
    static uint32_t sel_##name(sl_run *r, opnd x, opnd y, sl_rows rows, uint32_t *keep, sl_value *odd, uint32_t *nodd, uint32_t *odd_row) {                                        \
        uint32_t n = 0;                                                                                                                                                            \
        EACH_ROW(                                                                                                                                                                  \
            rows, i, sl_value v = one_##name(r, AT(x, i), AT(y, i)); if (v.kind == SL_BOOL) {                                                                                      \
                keep[n] = i;                                                                                                                                                       \
                n += v.i != 0;                                                                                                                                                     \
            } else {                                                                                                                                                               \
                odd[*nodd] = v;                                                                                                                                                    \
                odd_row[(*nodd)++] = i;                                                                                                                                            \
            });                                                                                                                                                                    \
        return n;                                                                                                                                                                  \
    }
CMP_KERNEL(eq, ==, SL_OP_EQ, TEXT)
CMP_KERNEL(ne, !=, SL_OP_NE, TEXT)
CMP_KERNEL(lt, <, SL_OP_LT, NO_TEXT)
CMP_KERNEL(le, <=, SL_OP_LE, NO_TEXT)
CMP_KERNEL(gt, >, SL_OP_GT, NO_TEXT)
CMP_KERNEL(ge, >=, SL_OP_GE, NO_TEXT)

static void run_cmp(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    if (!d)
        return;
    opnd x = operand(r, in->a), y = operand(r, in->b);
    switch (in->sub) {
    case SL_OP_EQ: cmp_eq(r, d, x, y, rows); break;
    case SL_OP_NE: cmp_ne(r, d, x, y, rows); break;
    case SL_OP_LT: cmp_lt(r, d, x, y, rows); break;
    case SL_OP_LE: cmp_le(r, d, x, y, rows); break;
    case SL_OP_GT: cmp_gt(r, d, x, y, rows); break;
    default: cmp_ge(r, d, x, y, rows); break;
    }
}

/* ---- arithmetic ---- */
#define ARITH_KERNEL(name, OP, CODE)                                                                                                                                               \
    static void arith_##name(sl_run *r, sl_value *d, opnd x, opnd y, sl_rows rows) {                                                                                               \
        EACH_ROW(rows, i, const sl_value *a = &AT(x, i); const sl_value *b = &AT(y, i);                                                                                            \
                 if (a->kind == SL_FLOAT && b->kind == SL_FLOAT && PLAIN(*a) && PLAIN(*b)) d[i] = sl_v_float(a->f OP b->f);                                                        \
                 else if (a->kind == SL_INT && b->kind == SL_INT && PLAIN(*a) && PLAIN(*b)) d[i] = sl_v_int((int64_t)((uint64_t)a->i OP(uint64_t) b->i));                          \
                 else if (a->kind == SL_FLOAT && b->kind == SL_INT && PLAIN(*a) && PLAIN(*b)) d[i] = sl_v_float(a->f OP(double) b->i);                                             \
                 else d[i] = sl_op_binary(r, CODE, *a, *b););                                                                                                                      \
    }
ARITH_KERNEL(add, +, SL_OP_ADD)
ARITH_KERNEL(sub, -, SL_OP_SUB)
ARITH_KERNEL(mul, *, SL_OP_MUL)
static void run_arith(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    if (!d)
        return;
    opnd x = operand(r, in->a), y = operand(r, in->b);
    sl_op op = in->sub;
    switch (op) {
    case SL_OP_ADD: arith_add(r, d, x, y, rows); return;
    case SL_OP_SUB: arith_sub(r, d, x, y, rows); return;
    case SL_OP_MUL: arith_mul(r, d, x, y, rows); return;
    default: EACH_ROW(rows, i, d[i] = sl_op_binary(r, op, AT(x, i), AT(y, i)););
    }
}

/* ---- conditional parts ---- */
static void run_block(sl_run *r, sl_block b, sl_rows rows);
static void run_logic(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    bool is_or = in->sub == SL_OP_OR;
    opnd x = operand(r, in->a);
    uint32_t *rest = row_list(r, rows.n), n = 0;
    if (!d || !rest)
        return;
    EACH_ROW(rows, i, sl_value v = AT(x, i); if (v.kind == SL_ERROR || (v.kind == SL_BOOL && (v.i != 0) == is_or)) d[i] = v; else rest[n++] = i;);
    if (n == 0)
        return;
    sl_rows some = {n == rows.n ? rows.at : rest, n};
    run_block(r, in->x, some);
    if (r->nomem)
        return;
    opnd y = operand(r, in->x.res);
    sl_op op = in->sub;
    EACH_ROW(some, i, sl_value a = AT(x, i); sl_value b = AT(y, i); if (a.kind == SL_BOOL && b.kind == SL_BOOL) d[i] = b; else d[i] = sl_op_binary(r, op, a, b););
}
static void run_alias(sl_run *r, const sl_insn *in, sl_rows rows) {
    bool first = r->vec && !r->own[in->dst];
    sl_value *d = sl_run_scratch(r, in->dst);
    uint32_t *rest = row_list(r, rows.n), n = 0;
    if (!d || !rest)
        return;
    if (first)
        EACH_ROW(r->front, i, d[i].kind = SL_UNSET;);
    EACH_ROW(rows, i, if (d[i].kind == SL_UNSET) rest[n++] = i;);
    if (n == 0)
        return;
    sl_rows some = {rest, n};
    run_block(r, in->x, some);
    if (r->nomem)
        return;
    opnd y = operand(r, in->x.res);
    EACH_ROW(some, i, d[i] = AT(y, i););
}
static void run_case(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    uint32_t *left = row_list(r, rows.n), *hit = row_list(r, rows.n);
    if (!d || !left || !hit)
        return;
    sl_rows rest = rows;
    uint32_t nleft = rows.n;
    for (uint32_t w = 0; w < in->nargs && nleft; w++) {
        const sl_block *cond = &in->whens[2 * w], *then = cond + 1;
        uint32_t nhit = 0, n = 0;
        run_block(r, *cond, rest);
        if (r->nomem)
            return;
        opnd c = operand(r, cond->res), x = in->a == SL_NOREG ? c : operand(r, in->a);
        for (uint32_t k = 0; k < nleft; k++) {
            uint32_t i = rest.at ? rest.at[k] : k;
            sl_value v = AT(c, i), err;
            int yes;
            if (in->a == SL_NOREG) {
                yes = v.kind == SL_ERROR ? -1 : v.kind == SL_BOOL && v.i;
                err = yes < 0 ? sl_op_fail(r, "evaluate case expression error: %.*s", (int)v.len, v.p) : v;
            } else
                yes = sl_op_case_eq(r, AT(x, i), v, &err);
            if (yes < 0)
                d[i] = err;
            else if (yes)
                hit[nhit++] = i;
            else
                left[n++] = i;
        }
        rest = (sl_rows){left, nleft = n};
        if (!nhit)
            continue;
        run_block(r, *then, (sl_rows){hit, nhit});
        if (r->nomem)
            return;
        opnd t = operand(r, then->res);
        for (uint32_t k = 0; k < nhit; k++)
            d[hit[k]] = AT(t, hit[k]);
    }
    if (!nleft)
        return;
    const sl_block *other = &in->whens[2 * in->nargs];
    run_block(r, *other, rest);
    if (r->nomem)
        return;
    opnd t = operand(r, other->res);
    EACH_ROW(rest, i, d[i] = AT(t, i););
}

static opnd *operands(sl_run *r, const sl_insn *in, opnd *few, uint32_t nfew) {
    opnd *at = in->nargs <= nfew ? few : sl_arena_alloc(r->tmp, in->nargs * sizeof *at);
    if (!at || sl_arena_failed(r->tmp)) {
        r->nomem = true;
        return NULL;
    }
    for (uint32_t k = 0; k < in->nargs; k++)
        at[k] = operand(r, in->args[k]);
    return at;
}
static sl_value *space_for_list(sl_run *r, const sl_insn *in) { /* constants, for the rows that the set does not decide */
    sl_value *at = sl_arena_alloc(r->tmp, in->nargs * sizeof *at);
    if (!at || sl_arena_failed(r->tmp)) {
        r->nomem = true;
        return NULL;
    }
    for (uint32_t k = 0; k < in->nargs; k++)
        at[k] = sl_run_at(r, in->args[k], 0);
    return at;
}
/* A plain function: what is the same for all rows is done once; arguments that the gate or an unparsed value asks about go to sl_op_call. */
static void run_scalar(sl_run *r, const sl_insn *in, sl_rows rows, sl_value *d, sl_value *args) {
    enum { NEVER = 1u << SL_ERROR | 1u << SL_JSONTEXT, GATES = 1u << SL_ABSENT | 1u << SL_NULL | 1u << SL_LIST | 1u << SL_MAP | 1u << SL_PAIRS };
    const sl_func *f = in->aux;
    const uint32_t odd = f->flags & (SL_FN_NULLGATE | SL_FN_FALSEGATE | SL_FN_ZEROGATE) ? NEVER | GATES : NEVER, n = in->nargs;
    sl_call *c = &r->call;
    opnd few[4], *from = operands(r, in, few, 4);
    if (!from)
        return;
    *c = (sl_call){.arena = r->out,
                   .func = f,
                   .now_ms = c->now_ms,
                   .win_start = c->win_start,
                   .win_end = c->win_end,
                   .win_trigger = c->win_trigger,
                   .zone = c->zone,
                   .rule_id = c->rule_id,
                   .rule_start_ms = c->rule_start_ms,
                   .names = c->names,
                   .env = c->env,
                   .state = &r->state[in->site],
                   .row_ms = r->at};
    EACH_ROW(
        rows, i, uint32_t kinds = 0; for (uint32_t k = 0; k < n; k++) {
            args[k] = AT(from[k], i);
            kinds |= 1u << args[k].kind;
        } if (kinds & odd) {
            d[i] = sl_op_call(r, f, in->site, i, args, n);
            continue;
        } if (r->time) c->row_ms = r->time[i];
        if (r->meta) c->row_meta = &r->meta[i]; c->failed = false; sl_value v = f->eval(c, args, n); d[i] = v; if (c->failed) {
            sl_str text = c->error;
            d[i] = r->quiet ? sl_v_null() : sl_op_fail(r, "call func %s error: %.*s", f->name, SL_FMT(text));
            c->error = (sl_str){0};
        } else if (v.kind == SL_ERROR) r->errors++;);
}
static void run_list(sl_run *r, const sl_insn *in, sl_rows rows) { /* IN (…) and calls: several operands at once */
    sl_value *d = sl_run_scratch(r, in->dst);
    sl_value few[8], *args = in->nargs <= 8 ? few : sl_arena_alloc(r->tmp, in->nargs * sizeof *args);
    if (!d || !args || sl_arena_failed(r->tmp)) {
        r->nomem = true;
        return;
    }
    if (in->op == SL_I_INLIST && in->aux) {
        const sl_members *set = in->aux;
        sl_value *all = space_for_list(r, in);
        opnd o = operand(r, in->a);
        if (all)
            EACH_ROW(rows, i, sl_value x = AT(o, i);
                     d[i] = sl_members_take(set, x) ? sl_v_bool(sl_members_have(set, x) != in->negated) : sl_op_in(r, x, all, in->nargs, in->negated););
        return;
    }
    const sl_func *f = in->aux;
    bool call = in->op == SL_I_CALL;
    if (call && f->kind == SL_FN_SCALAR && f->eval && !f->kept) {
        run_scalar(r, in, rows, d, args);
        return;
    }
    opnd these[4], *from = operands(r, in, these, 4), x = call ? (opnd){&nothing, 0} : operand(r, in->a);
    if (!from)
        return;
    EACH_ROW(rows, i, for (uint32_t k = 0; k < in->nargs; k++) args[k] = AT(from[k], i);
             d[i] = call ? sl_op_call(r, in->aux, in->site, i, args, in->nargs) : sl_op_in(r, AT(x, i), args, in->nargs, in->negated););
}
/* Metadata of a row: of the source that was named, or of the first that has some. */
static sl_value meta_of(const sl_run *r, uint32_t site, uint32_t row) {
    if (!r->metas)
        return r->meta ? r->meta[row] : sl_v_absent();
    for (uint32_t s = site ? site - 1 : 0; s < (site ? site : r->nmetas); s++)
        if (r->metas[s] && !sl_v_nil(r->metas[s][row]))
            return r->metas[s][row];
    return sl_v_absent();
}
static void run_first(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    if (!d)
        return;
    opnd few[4], *from = operands(r, in, few, 4);
    if (from)
        EACH_ROW(rows, i, d[i] = sl_v_absent(); for (uint32_t k = 0; k < in->nargs && d[i].kind == SL_ABSENT; k++) d[i] = AT(from[k], i););
}
static void run_meta(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    if (!d)
        return;
    EACH_ROW(rows, i, sl_value m = meta_of(r, in->site, i); d[i] = sl_v_nil(m) ? sl_v_null() : in->text.p ? sl_op_member(r, m, in->text) : m;);
}
static void run_other(sl_run *r, const sl_insn *in, sl_rows rows) {
    sl_value *d = sl_run_scratch(r, in->dst);
    if (!d)
        return;
    opnd x = operand(r, in->a), none = {NULL, 0};
    opnd y = in->b == SL_NOREG ? none : operand(r, in->b), z = in->c == SL_NOREG ? none : operand(r, in->c);
    switch (in->op) {
    case SL_I_MEMBER: EACH_ROW(rows, i, d[i] = sl_op_member(r, AT(x, i), in->text);); break;
    case SL_I_INDEX: EACH_ROW(rows, i, d[i] = sl_op_index(r, AT(x, i), AT(y, i), in->text);); break;
    case SL_I_SLICE:
        EACH_ROW(rows, i, d[i] = sl_op_slice(r, AT(x, i), y.at ? &AT(y, i) : NULL, z.at ? &AT(z, i) : NULL, in->text, in->aux ? *(const sl_str *)in->aux : (sl_str){0}););
        break;
    case SL_I_BETWEEN: EACH_ROW(rows, i, d[i] = sl_op_between(r, AT(x, i), AT(y, i), AT(z, i), in->negated);); break;
    case SL_I_INVAL: EACH_ROW(rows, i, d[i] = sl_op_in_value(r, AT(x, i), AT(y, i), in->negated);); break;
    default: EACH_ROW(rows, i, d[i] = sl_op_like(r, AT(x, i), in->aux, AT(y, i), in->negated);); break;
    }
}
static void run_one(sl_run *r, const sl_insn *in, sl_rows rows) {
    /* what is a vector is there for all rows; else it is worth a try when all are wanted */
    if (r->vec && (sl_vec_known(&r->vec[in->dst]) || (sl_run_whole(r, rows) && sl_dense_insn(r, in))))
        return;
    if (r->nomem)
        return;
    switch (in->op) {
    case SL_I_ARITH: run_arith(r, in, rows); break;
    case SL_I_CMP: run_cmp(r, in, rows); break;
    case SL_I_LOGIC: run_logic(r, in, rows); break;
    case SL_I_CASE: run_case(r, in, rows); break;
    case SL_I_ALIAS: run_alias(r, in, rows); break;
    case SL_I_FIRST: run_first(r, in, rows); break;
    case SL_I_META: run_meta(r, in, rows); break;
    case SL_I_CALL:
    case SL_I_INLIST: run_list(r, in, rows); break;
    default: run_other(r, in, rows); break;
    }
}
static void run_block(sl_run *r, sl_block b, sl_rows rows) {
    for (uint32_t k = 0; k < b.n && !r->nomem; k++)
        run_one(r, &b.code[k], rows);
}
void sl_run_block(sl_run *r, sl_block b, sl_rows rows) {
    run_block(r, b, rows);
    if (r->vec && !r->lazy && b.res >= 0 && !r->nomem)
        sl_run_boxed(r, b.res);
}

/* One row after the other, because what a row makes count is seen by the next. */
static uint32_t filter_counting(sl_run *r, sl_block b, sl_rows rows, uint32_t *keep, void (*fail)(void *arg, uint32_t row, sl_value err), void *arg) {
    uint32_t n = 0;
    r->defer = true;
    for (uint32_t k = 0; k < rows.n && !r->nomem; k++) {
        uint32_t row = rows.at ? rows.at[k] : k, kept;
        r->nreached = 0;
        r->counting = true;
        uint32_t hit = sl_run_filter(r, b, (sl_rows){&row, 1}, &kept, fail, arg);
        r->counting = false;
        r->defer = false;
        for (uint32_t i = 0; hit && i < r->nreached; i++)
            sl_op_call(r, r->p->sites[r->reached[i]], r->reached[i], row, NULL, 0);
        r->defer = true;
        if (hit)
            keep[n++] = row;
    }
    r->defer = false;
    return n;
}
static bool read_later(const sl_prog *p, int32_t reg) { /* the value of an alias is wanted, not only what follows from it */
    for (uint32_t i = 0; i < p->nalias; i++)
        if (p->alias_reg[i] == reg)
            return true;
    return false;
}
uint32_t sl_run_filter(sl_run *r, sl_block b, sl_rows rows, uint32_t *keep, void (*fail)(void *arg, uint32_t row, sl_value err), void *arg) {
    if (r->p->counters && !r->counting)
        return filter_counting(r, b, rows, keep, fail, arg);
    uint32_t n = 0;
    const sl_insn *last = b.n ? &b.code[b.n - 1] : NULL;
    bool whole = sl_run_whole(r, rows);
    if (last && last->op == SL_I_CMP && last->dst == b.res && !read_later(r->p, b.res)) { /* the comparison writes the list itself */
        run_block(r, (sl_block){b.code, b.n - 1, 0}, rows);
        if (r->nomem)
            return 0;
        if (whole && sl_dense_select(r, last, keep, &n))
            return n;
        bool once = b.n == 1 && last->a >= 0 && (uint32_t)last->a < r->p->ncol && last->b < 0; /* a column read for some rows: not worth a vector */
        if (whole && !once && sl_dense_insn(r, last))
            return r->loops->keep(keep, r->vec[last->dst].w, rows.at, rows.n);
        if (r->nomem)
            return 0;
        sl_value *odd = sl_arena_alloc(r->tmp, (size_t)rows.n * sizeof *odd);
        uint32_t *odd_row = row_list(r, rows.n), nodd = 0;
        if (r->nomem || !odd || sl_arena_failed(r->tmp)) {
            r->nomem = true;
            return 0;
        }
        opnd x = operand(r, last->a), y = operand(r, last->b);
        switch (last->sub) {
        case SL_OP_EQ: n = sel_eq(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        case SL_OP_NE: n = sel_ne(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        case SL_OP_LT: n = sel_lt(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        case SL_OP_LE: n = sel_le(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        case SL_OP_GT: n = sel_gt(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        default: n = sel_ge(r, x, y, rows, keep, odd, &nodd, odd_row); break;
        }
        for (uint32_t k = 0; k < nodd; k++)
            fail(arg, odd_row[k], odd[k]);
        return n;
    }
    run_block(r, b, rows);
    if (r->nomem)
        return 0;
    if (whole && b.res >= 0 && r->vec[b.res].kind == SL_BOOL && !r->vec[b.res].one && !r->vec[b.res].bare)
        return r->loops->keep(keep, r->vec[b.res].w, rows.at, rows.n);
    opnd x = operand(r, b.res);
    EACH_ROW(
        rows, i, sl_value v = AT(x, i); if (v.kind == SL_BOOL) {
            keep[n] = i;
            n += v.i != 0;
        } else if (v.kind == SL_ERROR) fail(arg, i, v);
        else if (!sl_v_nil(v)) {
            sl_buf_clear(&r->buf);
            sl_buf_puts(&r->buf, "invalid condition that returns non-bool value ");
            sl_buf_puts(&r->buf, sl_value_gotype(v));
            sl_buf_putc(&r->buf, '(');
            sl_value_print(&r->buf, v);
            sl_buf_putc(&r->buf, ')');
            fail(arg, i, sl_v_error(sl_arena_dup(r->out, sl_buf_view(&r->buf))));
        });
    return n;
}
