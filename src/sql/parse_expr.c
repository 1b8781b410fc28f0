/* Expressions and calls, by precedence climbing. Decision (sql.md D4): -> . and [ ] bind tighter than * (upstream puts them on the
 * level of *, where `2 * arr[1]` can only fail). Functions are looked up and their arguments checked here, as upstream does. */
#include <stdlib.h>
#include "base/num.h"
#include "sql/dedup.h"
#include "sql/hint.h"
#include "sql/parser.h"

const char *const sl_op_text[] = {"", "+", "-", "*", "/", "%", "&", "|", "^", "AND", "OR", "=", "!=", "<", "<=", ">", ">="};
enum { P_OR = 1, P_AND, P_CMP, P_SUM, P_MUL };

static const struct {
    uint8_t tok, op, prec;
} ops[] = {{SL_K_ADD, SL_OP_ADD, P_SUM},      {SL_K_SUB, SL_OP_SUB, P_SUM},   {SL_K_BOR, SL_OP_BOR, P_SUM},   {SL_K_BXOR, SL_OP_BXOR, P_SUM}, {SL_K_MUL, SL_OP_MUL, P_MUL},
           {SL_K_DIV, SL_OP_DIV, P_MUL},      {SL_K_MOD, SL_OP_MOD, P_MUL},   {SL_K_BAND, SL_OP_BAND, P_MUL}, {SL_K_EQ, SL_OP_EQ, P_CMP},     {SL_K_NE, SL_OP_NE, P_CMP},
           {SL_K_LT, SL_OP_LT, P_CMP},        {SL_K_LE, SL_OP_LE, P_CMP},     {SL_K_GT, SL_OP_GT, P_CMP},     {SL_K_GE, SL_OP_GE, P_CMP},     {SL_K_IN, SL_OP_NONE, P_CMP},
           {SL_K_BETWEEN, SL_OP_NONE, P_CMP}, {SL_K_LIKE, SL_OP_NONE, P_CMP}, {SL_K_NOT, SL_OP_NONE, P_CMP},  {SL_K_AND, SL_OP_AND, P_AND},   {SL_K_OR, SL_OP_OR, P_OR}};
static int op_at(sl_tok k) {
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i].tok == k)
            return (int)i;
    return -1;
}

sl_expr *sl_p_node(sl_parser *p, sl_xkind kind, uint32_t pos) {
    sl_expr *e = SL_NEW(p->a, sl_expr);
    if (sl_arena_failed(p->a)) {
        if (!p->err)
            p->err = sl_err_new(SL_E_NOMEM, "out of memory");
        return NULL;
    }
    e->kind = (uint8_t)kind;
    e->height = 1;
    e->pos = pos;
    e->b_col = e->b_slot = -1;
    return e;
}
static void raise_over(sl_expr *e, const sl_expr *child) {
    if (child && child->height >= e->height)
        e->height = (uint16_t)(child->height + 1);
}
sl_expr *sl_p_seal(sl_parser *p, sl_expr *e) {
    raise_over(e, e->l);
    raise_over(e, e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        raise_over(e, e->args[i]);
    for (uint32_t i = 0; i < e->nreplace; i++)
        raise_over(e, e->replace[i].expr);
    if (e->over) {
        raise_over(e, e->over->when);
        for (uint32_t i = 0; i < e->over->npartition; i++)
            raise_over(e, e->over->partition[i]);
        for (uint32_t i = 0; i < e->over->norder; i++)
            raise_over(e, e->over->order[i].expr);
    }
    e->len = p->last_end > e->pos ? p->last_end - e->pos : 0;
    if (e->height <= SL_SQL_HEIGHT)
        return e;
    p->at_limit = true;
    return sl_p_fail(p, e->pos, "expression is too long: more than %d operators on one another", SL_SQL_HEIGHT);
}

/* Some messages show what a token is instead of its text. */
static sl_token as_kind(sl_token t) {
    static const struct {
        sl_tok kind;
        const char *name;
    } names[] = {{SL_K_IDENT, "IDENT"}, {SL_K_INT, "INTEGER"}, {SL_K_NUM, "NUMBER"}, {SL_K_STR, "STRING"}, {SL_K_SQSTR, "SINGLEQUOTE"}, {SL_K_ILLEGAL, "ILLEGAL"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (t.kind == names[i].kind)
            t.lit = sl_str_of(names[i].name);
    return t;
}
static sl_expr *primary(sl_parser *p);
static sl_expr *postfix(sl_parser *p);
static sl_expr *binary(sl_parser *p, int min);

bool sl_p_exprs(sl_parser *p, sl_expr ***at, uint32_t *n) {
    do {
        if (!(*at = sl_p_more(p, *at, *n, sizeof **at)) || !((*at)[*n] = sl_p_expr(p)))
            return false;
        ++*n;
    } while (sl_p_take(p, SL_K_COMMA));
    return true;
}
sl_expr *sl_p_expr(sl_parser *p) {
    if (!sl_p_enter(p, sl_p_peek(p, 0)->pos))
        return NULL;
    sl_expr *e = binary(p, P_OR);
    p->depth--;
    return e;
}

/* An operator that binds tighter than the comparison just read can only apply to its bounds or list, which upstream accepts and then
 * fails on every row. */
static bool loose_end(sl_parser *p, const char *what) {
    sl_token t = *sl_p_peek(p, 0);
    int o = op_at(t.kind);
    bool path = t.kind == SL_K_LB || t.kind == SL_K_ARROW || t.kind == SL_K_DOT;
    if (!path && (o < 0 || ops[o].prec <= P_CMP))
        return true;
    sl_buf b = {0};
    sl_go_quote(&b, t.lit);
    sl_p_fail(p, t.pos, "found %s after %s", sl_buf_cstr(&b), what);
    sl_buf_free(&b);
    return false;
}
static void explain_error(sl_parser *p, const char *fmt) { /* the one %s stands for the error so far */
    sl_err *why = p->err;
    if (sl_err_code(why) != SL_E_PARSE || p->at_limit)
        return;
    const char *at = strstr(fmt, "%s");
    p->err = sl_err_new(SL_E_PARSE, "%.*s%s", (int)(at - fmt), fmt, sl_err_text(why));
    sl_err_free(why);
}
static sl_expr *in_list(sl_parser *p, sl_expr *e) {
    if (sl_p_kind(p) != SL_K_LP) {
        e->r = binary(p, P_SUM);
        if (!e->r)
            explain_error(p, "expect expression after IN, but got error %s");
        return e->r ? sl_p_seal(p, e) : NULL;
    }
    sl_p_next(p);
    do {
        if (!(e->args = sl_p_more(p, e->args, e->nargs, sizeof *e->args)))
            return NULL;
        if (!(e->args[e->nargs] = sl_p_expr(p))) {
            explain_error(p, "expect elements for IN expression, but %s");
            return NULL;
        }
        e->nargs++;
    } while (sl_p_take(p, SL_K_COMMA));
    sl_token t = sl_p_next(p);
    if (t.kind != SL_K_RP)
        return sl_p_found(p, t, "expect ) for IN expression, but got %s");
    return loose_end(p, "the list of IN, expected a comparison of the whole; use parentheses") ? sl_p_seal(p, e) : NULL;
}
/* [NOT] IN, BETWEEN, LIKE; the first word is next. */
static sl_expr *test(sl_parser *p, sl_expr *left) {
    sl_token t = sl_p_next(p);
    bool negated = t.kind == SL_K_NOT;
    if (negated)
        t = sl_p_next(p);
    if (t.kind != SL_K_IN && t.kind != SL_K_BETWEEN && t.kind != SL_K_LIKE)
        return sl_p_found(p, t, "found %s, expected expression");
    sl_expr *e = sl_p_node(p, t.kind == SL_K_IN ? SL_X_IN : t.kind == SL_K_LIKE ? SL_X_LIKE : SL_X_BETWEEN, left->pos);
    if (!e)
        return NULL;
    e->negated = negated;
    e->l = left;
    if (t.kind == SL_K_IN)
        return in_list(p, e);
    if (t.kind == SL_K_LIKE) {
        e->r = binary(p, P_SUM);
        return e->r ? sl_p_seal(p, e) : NULL;
    }
    e->args = SL_NEW_N(p->a, sl_expr *, 2);
    if (!(e->args[0] = postfix(p)))
        return NULL;
    t = sl_p_next(p);
    if (t.kind != SL_K_AND)
        return sl_p_fail(p, t.pos, "expect AND expression after between but found %.*s", SL_FMT(as_kind(t).lit));
    if (!(e->args[1] = postfix(p)))
        return NULL;
    e->nargs = 2;
    return loose_end(p, "BETWEEN, whose bounds are single operands; put the bound in parentheses") ? sl_p_seal(p, e) : NULL;
}
static sl_expr *binary(sl_parser *p, int min) {
    sl_expr *left = postfix(p);
    while (left) {
        int o = op_at(sl_p_kind(p));
        if (o < 0 || ops[o].prec < min)
            return left;
        if (!ops[o].op) {
            left = test(p, left);
            continue;
        }
        sl_p_next(p);
        sl_expr *e = sl_p_node(p, SL_X_BINARY, left->pos);
        if (!e)
            return NULL;
        e->op = ops[o].op;
        e->l = left;
        if (!(e->r = binary(p, ops[o].prec + 1)))
            return NULL;
        left = sl_p_seal(p, e);
    }
    return NULL;
}

/* What is wrong inside brackets is told in upstream's words, which name the token they begin with; the place and advice stay. */
__attribute__((format(printf, 3, 0))) static void instead(sl_parser *p, sl_token t, const char *fmt) {
    if (sl_err_code(p->err) != SL_E_PARSE || p->at_limit)
        return;
    uint32_t pos = p->errpos;
    sl_err_free(p->err);
    p->err = NULL;
    sl_buf b = {0};
    sl_buf_printf(&b, fmt, SL_FMT(t.lit));
    sl_p_fail(p, pos, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
}
static sl_expr *bracket(sl_parser *p, sl_expr *of) {
    sl_p_next(p); /* [ */
    sl_expr *e = sl_p_node(p, SL_X_SLICE, of->pos);
    if (!e)
        return NULL;
    e->l = of;
    sl_token first = *sl_p_peek(p, 0);
    sl_expr *start = NULL;
    if (first.kind != SL_K_RB && first.kind != SL_K_COLON) {
        sl_tok digits = first.kind == SL_K_SUB ? sl_p_peek(p, 1)->kind : first.kind;
        if (digits != first.kind && (digits == SL_K_INT || digits == SL_K_NUM)) /* upstream's tokens have their sign */
            first.lit = sl_arena_printf(p->a, "-%.*s", SL_FMT(sl_p_peek(p, 1)->lit));
        if (!(start = sl_p_expr(p))) {
            if (digits == SL_K_INT)
                instead(p, first, "Unexpected token \"%.*s\". when parsing bracket expressions.");
            else
                instead(p, first, "The start index %.*s is invalid in bracket expression.");
            return NULL;
        }
        if (sl_p_take(p, SL_K_RB)) {
            e->kind = SL_X_INDEX;
            e->r = start;
            return sl_p_seal(p, e);
        }
        if (sl_p_kind(p) != SL_K_COLON)
            return sl_p_found(p, first, "Unexpected token %s. when parsing bracket expressions.");
    }
    e->args = SL_NEW_N(p->a, sl_expr *, 2);
    e->nargs = 2;
    e->args[0] = start;
    if (sl_p_take(p, SL_K_COLON) && sl_p_kind(p) != SL_K_RB) {
        sl_token t = *sl_p_peek(p, 0);
        if (!(e->args[1] = sl_p_expr(p))) {
            instead(p, t, "The end index %.*s is invalid in bracket expression.");
            return NULL;
        }
    }
    sl_token t = sl_p_next(p);
    return t.kind == SL_K_RB ? sl_p_seal(p, e) : sl_p_found(p, t, "Found %s, expected right bracket.");
}
static sl_expr *postfix(sl_parser *p) {
    sl_expr *e = primary(p);
    while (e) {
        sl_tok k = sl_p_kind(p);
        if (k == SL_K_LB) {
            e = bracket(p, e);
            continue;
        }
        if (k != SL_K_ARROW && k != SL_K_DOT)
            return e;
        sl_p_next(p);
        sl_expr *m = sl_p_node(p, SL_X_MEMBER, e->pos);
        if (!m)
            return NULL;
        m->l = e;
        if (sl_p_kind(p) == SL_K_IDENT && sl_p_peek(p, 1)->kind != SL_K_LP)
            m->name = sl_p_next(p).lit;
        else if (!sl_p_enter(p, sl_p_peek(p, 0)->pos) || !(m->r = primary(p)))
            return NULL;
        else
            p->depth--;
        e = sl_p_seal(p, m);
    }
    return NULL;
}

static bool case_add(sl_parser *p, sl_expr *e, sl_expr *x) {
    if (!x || !(e->args = sl_p_more(p, e->args, e->nargs, sizeof *e->args)))
        return false;
    e->args[e->nargs++] = x;
    return true;
}
static sl_expr *case_expr(sl_parser *p, uint32_t pos) {
    sl_expr *e = sl_p_node(p, SL_X_CASE, pos);
    if (!e || (sl_p_kind(p) != SL_K_WHEN && !(e->l = sl_p_expr(p))))
        return NULL;
    for (;;) {
        sl_token t = sl_p_next(p);
        switch (t.kind) {
        case SL_K_WHEN:
            if (!case_add(p, e, sl_p_expr(p)))
                return NULL;
            if (!e->l && !sl_x_is_bool(e->args[e->nargs - 1]))
                return sl_p_fail(p, e->args[e->nargs - 1]->pos, "invalid CASE expression, WHEN expression must be a bool condition");
            t = sl_p_next(p);
            if (t.kind != SL_K_THEN)
                return sl_p_fail(p, t.pos, "invalid CASE expression, THEN expected after WHEN");
            if (!case_add(p, e, sl_p_expr(p)))
                return NULL;
            break;
        case SL_K_ELSE:
            if (!e->nargs)
                return sl_p_fail(p, t.pos, "invalid CASE expression, WHEN expected before ELSE");
            if (!(e->r = sl_p_expr(p)))
                return NULL;
            break;
        case SL_K_END:
            if (!e->nargs)
                return sl_p_fail(p, t.pos, "invalid CASE expression, WHEN expected before END");
            return sl_p_seal(p, e);
        default: return sl_p_fail(p, t.pos, "invalid CASE expression, END expected");
        }
    }
}

static sl_expr *wildcard(sl_parser *p, sl_token star) {
    sl_token t = *sl_p_peek(p, 0);
    if (p->in_meta) {
        if (t.kind == SL_K_EXCEPT || t.kind == SL_K_REPLACE)
            return sl_p_fail(p, t.pos, "\"%.*s\" is not supported in %.*s function", SL_FMT(t.lit), SL_FMT(p->func));
        sl_expr *m = sl_p_node(p, SL_X_META, star.pos);
        if (m)
            m->name = SL_S("*");
        return m ? sl_p_seal(p, m) : NULL;
    }
    sl_expr *e = sl_p_node(p, SL_X_WILDCARD, star.pos);
    while (e && (sl_p_kind(p) == SL_K_EXCEPT || sl_p_kind(p) == SL_K_REPLACE)) {
        bool except = sl_p_next(p).kind == SL_K_EXCEPT;
        if (!sl_p_take(p, SL_K_LP))
            return sl_p_found(p, sl_p_next(p), except ? "Found %s after EXCEPT, expect left parentheses." : "Found %s after REPLACE, expect left parentheses.");
        for (;;) {
            while (except && sl_p_take(p, SL_K_COMMA)) /* names may stand between any number of commas */
                ;
            if (except && sl_p_take(p, SL_K_RP)) /* EXCEPT () leaves nothing out */
                break;
            if (except) {
                t = sl_p_next(p);
                if (t.kind != SL_K_IDENT)
                    return sl_p_found(p, t, "Found %s in EXCEPT");
                if (!(e->except = sl_p_more(p, e->except, e->nexcept, sizeof *e->except)))
                    return NULL;
                e->except[e->nexcept++] = t.lit;
            } else {
                if (!(e->replace = sl_p_more(p, e->replace, e->nreplace, sizeof *e->replace)))
                    return NULL;
                uint32_t unnamed = p->unnamed;
                sl_selfield *f = &e->replace[e->nreplace];
                if (!sl_p_field(p, f))
                    return NULL;
                p->unnamed = unnamed;
                e->nreplace++;
                sl_tok k = sl_p_kind(p);
                if (!f->alias.n && (k == SL_K_RP || k == SL_K_COMMA)) /* D11: upstream writes a column without a name */
                    return sl_p_found(p, *sl_p_peek(p, 0), "found %s, expected AS and the name of the column to replace");
            }
            if (except)
                continue;
            t = sl_p_next(p);
            if (t.kind == SL_K_RP)
                break;
            if (t.kind != SL_K_COMMA)
                return sl_p_found(p, t, "Found %s in REPLACE");
        }
    }
    return e ? sl_p_seal(p, e) : NULL;
}

bool sl_p_args(sl_parser *p, sl_str lower, sl_expr ***at, uint32_t *n) {
    sl_p_next(p); /* ( */
    while (sl_p_kind(p) != SL_K_RP) {
        if (!(*at = sl_p_more(p, *at, *n, sizeof **at)) || !((*at)[*n] = sl_p_expr(p)))
            return false;
        ++*n;
        if (!sl_p_take(p, SL_K_COMMA))
            break;
    }
    sl_token t = sl_p_next(p);
    if (t.kind == SL_K_RP)
        return true;
    sl_buf b = {0};
    sl_go_quote(&b, t.lit);
    sl_p_fail(p, t.pos, "found function call \"%.*s\", expected ), but with %s.", SL_FMT(lower), sl_buf_cstr(&b));
    sl_buf_free(&b);
    return false;
}
static bool over(sl_parser *p, sl_expr *call) {
    sl_token t = sl_p_next(p); /* OVER */
    bool rows = call->func && call->func->kind == SL_FN_WINDOW;
    if (!rows && !(call->func && call->func->kind == SL_FN_ANALYTIC))
        return sl_p_fail(p, t.pos, "Found OVER after non analytic function %.*s", SL_FMT(call->name));
    if (!sl_p_take(p, SL_K_LP))
        return sl_p_found(p, as_kind(sl_p_next(p)), "Found %s after OVER, expect parentheses.");
    sl_over *o = call->over = SL_NEW(p->a, sl_over);
    bool any = false;
    if (sl_p_take(p, SL_K_PARTITION)) {
        if (!sl_p_take(p, SL_K_BY))
            return sl_p_found(p, sl_p_next(p), "found %s, expected by after partition.");
        if (!sl_p_exprs(p, &o->partition, &o->npartition))
            return false;
        any = true;
    }
    if (!rows && sl_p_take(p, SL_K_WHEN)) {
        if (!(o->when = sl_p_expr(p)))
            return false;
        any = true;
    } else if (rows && sl_p_take(p, SL_K_ORDER)) {
        if (!sl_p_take(p, SL_K_BY))
            return sl_p_found(p, sl_p_next(p), "found %s, expected BY keyword.");
        if (!sl_p_sorts(p, &o->order, &o->norder))
            return false;
        any = true;
    }
    t = sl_p_next(p);
    if (!any)
        return sl_p_found(p, as_kind(t), "Found %s after OVER (, expect partition by or when.");
    return t.kind == SL_K_RP || sl_p_found(p, as_kind(t), "Found %s, expect right parentheses after OVER ");
}
static bool check_args(sl_parser *p, const sl_expr *e) {
    const sl_func *f = e->func;
    const char *why = sl_func_validate(p->a, f, e->args, e->nargs);
    if (!why)
        return true;
    const char *par = strstr(why, "parameter ");
    unsigned long at = par ? strtoul(par + 10, NULL, 10) : 0;
    const sl_expr *found = at && at <= e->nargs ? e->args[at - 1] : NULL;
    sl_buf b = {0};
    sl_hint_call(&b, f, found);
    sl_p_fail(p, found ? found->pos : e->pos, "validate function %s error: %s", f->name, why);
    sl_p_advise(p, found ? found->len : p->last_end - e->pos, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return false;
}
/* dedup_trigger is an operator of its own upstream; its form is checked like a window's. */
static bool dedup_trigger(sl_parser *p, const sl_expr *e) {
    if (e->nargs != 4)
        return sl_p_fail(p, e->pos, "dedup_trigger function should have 4 arguments");
    for (uint32_t i = 0; i < 3; i++)
        if (e->args[i]->kind != SL_X_COLUMN)
            return sl_p_fail(p, e->args[i]->pos, "dedup_trigger function should have fieldRef as the %u argument", i + 1);
    if (e->args[3]->kind != SL_X_LITERAL || e->args[3]->value.kind != SL_INT)
        return sl_p_fail(p, e->args[3]->pos, "dedup_trigger function should have integer as the fourth argument");
    return true;
}
static sl_expr *call(sl_parser *p, sl_token name) {
    char *low = sl_arena_alloc(p->a, name.lit.n + 1);
    if (!low || sl_arena_failed(p->a))
        return sl_p_node(p, SL_X_CALL, name.pos);
    for (size_t i = 0; i < name.lit.n; i++)
        low[i] = (char)(name.lit.p[i] >= 'A' && name.lit.p[i] <= 'Z' ? name.lit.p[i] + 32 : name.lit.p[i]);
    low[name.lit.n] = 0;
    sl_str lower = sl_str_n(low, name.lit.n);
    bool dedup = sl_str_is(lower, "dedup_trigger");
    sl_wkind window = sl_p_window_kind(lower);
    const sl_func *f = window ? NULL : dedup ? &sl_dedup_func : sl_func_find(lower);
    if (!window && !f)
        return sl_p_fail(p, name.pos, "function %.*s not found", SL_FMT(name.lit));
    if (f && f->kind == SL_FN_COLS && !p->in_fields)
        return sl_p_fail(p, name.pos, "function %.*s can only be used inside the select clause", SL_FMT(name.lit));
    bool was_meta = p->in_meta;
    sl_str was = p->func;
    p->in_meta = sl_str_is(lower, "meta") || sl_str_is(lower, "mqtt");
    p->func = lower;
    sl_expr *e;
    if (window) {
        e = sl_p_window(p, window, (sl_token){.lit = lower, .pos = name.pos});
    } else if ((e = sl_p_node(p, SL_X_CALL, name.pos))) {
        e->name = lower;
        e->func = f;
        if (!sl_p_args(p, lower, &e->args, &e->nargs))
            e = NULL;
    }
    p->in_meta = was_meta;
    p->func = was;
    if (!e || window)
        return e;
    if (dedup ? !dedup_trigger(p, e) : !check_args(p, e))
        return NULL;
    if (sl_p_kind(p) == SL_K_OVER && !over(p, e))
        return NULL;
    return sl_p_seal(p, e);
}

static sl_expr *literal(sl_parser *p, sl_token t, bool minus, uint32_t pos) {
    sl_expr *e = sl_p_node(p, SL_X_LITERAL, pos);
    if (!e)
        return NULL;
    if (t.kind == SL_K_STR || t.kind == SL_K_SQSTR) {
        e->value = sl_v_str(t.lit);
    } else if (t.kind == SL_K_INT) {
        int64_t v = 0;
        for (size_t i = 0; i < t.lit.n; i++) {
            int d = t.lit.p[i] - '0';
            v = v > (INT64_MAX - d) / 10 ? INT64_MAX : v * 10 + d;
        }
        if (minus && v == INT64_MAX && sl_str_is(t.lit, "9223372036854775808"))
            v = INT64_MIN;
        else if (minus)
            v = -v;
        e->value = sl_v_int(v);
    } else if (t.kind == SL_K_NUM) {
        bool neg = t.lit.p[0] == '-';
        sl_str digits = sl_str_n(t.lit.p + neg, t.lit.n - neg);
        const char *dot = memchr(digits.p, '.', digits.n);
        sl_str whole = sl_str_n(digits.p, (size_t)(dot - digits.p)), part = sl_str_n(dot + 1, digits.n - whole.n - 1);
        double v = 0;
        while (whole.n && whole.p[0] == '0')
            whole = sl_str_n(whole.p + 1, whole.n - 1);
        bool ok = digits.n > 1 && !memchr(part.p, '.', part.n);
        if (!ok || !sl_num_parse_f64(sl_arena_printf(p->a, "%s%.*s.%.*s0", whole.n ? "" : "0", SL_FMT(whole), SL_FMT(part)), &v))
            return sl_p_found(p, t, "found %s, invalid number value.");
        e->value = sl_v_float(neg != minus ? -v : v);
    } else {
        e->value = sl_v_bool(t.kind == SL_K_TRUE);
    }
    return sl_p_seal(p, e);
}
static sl_expr *column(sl_parser *p, sl_token t) {
    sl_expr *e = sl_p_node(p, p->in_meta ? SL_X_META : SL_X_COLUMN, t.pos);
    if (!e)
        return NULL;
    e->name = t.lit;
    if (sl_p_take(p, SL_K_DOT)) { /* a dot with nothing behind it is ignored, as upstream */
        sl_token u = *sl_p_peek(p, 0);
        if (u.kind == SL_K_IDENT || u.kind == SL_K_MUL) {
            sl_p_next(p);
            e->source = t.lit;
            e->name = u.lit;
        }
    }
    return sl_p_seal(p, e);
}
static sl_expr *primary(sl_parser *p) {
    sl_token t = sl_p_next(p);
    sl_expr *e;
    switch (t.kind) {
    case SL_K_LP:
        if (!(e = sl_p_node(p, SL_X_PAREN, t.pos)) || !(e->l = sl_p_expr(p)))
            return NULL;
        if (sl_p_take(p, SL_K_RP))
            return sl_p_seal(p, e);
        return sl_p_found(p, sl_p_next(p), "found %s, expected right paren.");
    case SL_K_CASE: return case_expr(p, t.pos);
    case SL_K_IDENT: return sl_p_kind(p) == SL_K_LP ? call(p, t) : column(p, t);
    case SL_K_STR:
    case SL_K_SQSTR:
    case SL_K_INT:
    case SL_K_NUM:
    case SL_K_TRUE:
    case SL_K_FALSE: return literal(p, t, false, t.pos);
    case SL_K_SUB:
        if (sl_p_kind(p) == SL_K_INT || (sl_p_kind(p) == SL_K_NUM && sl_p_peek(p, 0)->lit.p[0] != '-'))
            return literal(p, sl_p_next(p), true, t.pos);
        break;
    case SL_K_DD:
    case SL_K_HH:
    case SL_K_MI:
    case SL_K_SS:
    case SL_K_MS:
        if (!(e = sl_p_node(p, SL_X_TIMEUNIT, t.pos)))
            return NULL;
        e->op = (uint8_t)(t.kind - SL_K_DD);
        return sl_p_seal(p, e);
    case SL_K_MUL: return wildcard(p, t);
    default: break;
    }
    return sl_p_found(p, t, "found %s, expected expression.");
}
