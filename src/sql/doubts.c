/* What upstream accepts and can hardly be meant: operands whose declared types never go together, conditions that are no conditions, texts where a
 * column was meant. Every row, or every row that has the values, fails or gives null there.
 * Decision: these are no errors, because eKuiper takes such statements and others depend on that; explain tells them, and the client after a
 * rule was made. Only what is certain from declared columns and literals is told: a stream without declared columns raises no doubts about types. */
#include <stdlib.h>
#include "sql/func.h"
#include "sql/hint.h"
#include "sql/parse.h"
#include "sql/pipe.h"

enum { MOST = 20, BUDGET = 20000 };
typedef enum kind { K_UNKNOWN, K_INT, K_FLOAT, K_NUMBER, K_TEXT, K_BOOL, K_BYTES, K_LIST, K_OBJECT } kind;
static const char *const names[] = {"", "a whole number", "a number", "a number", "a text", "true or false", "bytes", "a list", "an object"};
typedef struct what {
    kind k;
    const sl_type *type; /* of a declared column, for its elements and members */
} what;
typedef struct doubter {
    const sl_plan *p;
    sl_str text;
    sl_lookup_def find;
    void *arg;
    sl_arena *a;
    sl_json *out;
    uint32_t budget;
} doubter;

static void tell(doubter *d, const sl_expr *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void tell(doubter *d, const sl_expr *e, const char *fmt, ...) {
    sl_buf b = {0};
    va_list ap;
    if (d->out->n >= MOST)
        return;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    sl_err *err = sl_hint_put(sl_err_new(SL_E_PLAN, "doubt"), d->text, e->pos, e->len, NULL);
    const sl_spot *s = sl_err_spot(err);
    if (s) {
        sl_json *j = sl_json_obj(d->a);
        sl_json_set(d->a, j, "line", sl_json_int(d->a, s->line));
        sl_json_set(d->a, j, "column", sl_json_int(d->a, s->column));
        sl_json_set(d->a, j, "say", sl_json_str(d->a, sl_buf_view(&b)));
        sl_json_set(d->a, j, "text", sl_json_str(d->a, sl_str_of(s->text)));
        sl_json_set(d->a, j, "mark", sl_json_str(d->a, sl_str_of(s->mark)));
        sl_json_add(d->out, j);
    }
    sl_err_free(err);
    sl_buf_free(&b);
}
static sl_str shown(const doubter *d, const sl_expr *e) {
    return e->len && e->pos < d->text.n && e->len <= d->text.n - e->pos && e->len < 60 ? sl_str_n(d->text.p + e->pos, e->len) : SL_S("this");
}

/* ---- kinds ---- */
static what of_type(const sl_type *t) {
    static const kind of[] = {[SL_T_ANY] = K_UNKNOWN,      [SL_T_BIGINT] = K_INT,   [SL_T_FLOAT] = K_FLOAT, [SL_T_STRING] = K_TEXT,  [SL_T_BYTEA] = K_BYTES,
                              [SL_T_DATETIME] = K_UNKNOWN, [SL_T_BOOLEAN] = K_BOOL, [SL_T_ARRAY] = K_LIST,  [SL_T_STRUCT] = K_OBJECT};
    return (what){t ? of[t->kind] : K_UNKNOWN, t};
}
static const sl_type *member_type(const sl_field *f, uint32_t n, sl_str name) {
    for (uint32_t i = 0; i < n; i++)
        if (sl_str_eq(f[i].name, name))
            return f[i].type;
    return NULL;
}
static const sl_create *def_of(const doubter *d, int src) {
    const sl_create *c = src >= 0 && (uint32_t)src < d->p->nsrc ? d->find(d->arg, d->p->src[src].pub.stream) : NULL;
    return c && !c->schemaless ? c : NULL;
}
/* "… -> string" */
static kind of_result(const sl_func *f) {
    static const struct {
        const char *word;
        kind k;
    } of[] = {{"string", K_TEXT}, {"int", K_INT}, {"float", K_FLOAT}, {"number", K_NUMBER}, {"boolean", K_BOOL}, {"array", K_LIST}, {"object", K_OBJECT}, {"bytea", K_BYTES}};
    const char *arrow = f && f->sig ? strstr(f->sig, "-> ") : NULL;
    for (size_t i = 0; arrow && i < sizeof of / sizeof *of; i++)
        if (strcmp(arrow + 3, of[i].word) == 0)
            return of[i].k;
    return K_UNKNOWN;
}
static what kind_of(doubter *d, const sl_expr *e) {
    what none = {K_UNKNOWN, NULL}, w;
    if (!e || !d->budget || !--d->budget) /* aliases of aliases may double at each step */
        return none;
    switch (e->kind) {
    case SL_X_LITERAL:
        return (what){e->value.kind == SL_INT          ? K_INT
                          : e->value.kind == SL_FLOAT  ? K_FLOAT
                          : e->value.kind == SL_STRING ? K_TEXT
                          : e->value.kind == SL_BOOL   ? K_BOOL
                                                       : K_UNKNOWN,
                      NULL};
    case SL_X_COLUMN: {
        const sl_create *c = def_of(d, e->b_src);
        const sl_psource *s = c ? &d->p->src[e->b_src] : NULL;
        return c && e->b_col >= 0 && (uint32_t)e->b_col < s->n ? of_type(member_type(c->fields, c->nfields, s->names[e->b_col])) : none;
    }
    case SL_X_PAREN: return kind_of(d, e->l);
    case SL_X_SLOT: return e->b_slot >= 0 && (uint32_t)e->b_slot < d->p->nalias ? kind_of(d, d->p->fields[d->p->alias_at[e->b_slot]].expr) : none;
    case SL_X_BINARY:
        if (e->op == SL_OP_AND || e->op == SL_OP_OR || e->op >= SL_OP_EQ)
            return (what){K_BOOL, NULL};
        w = kind_of(d, e->l);
        return (what){w.k == K_INT && kind_of(d, e->r).k == K_INT ? K_INT : K_NUMBER, NULL};
    case SL_X_BETWEEN:
    case SL_X_IN:
    case SL_X_LIKE: return (what){K_BOOL, NULL};
    case SL_X_INDEX: w = kind_of(d, e->l); return w.k == K_LIST && w.type ? of_type(w.type->elem) : none;
    case SL_X_MEMBER: w = kind_of(d, e->l); return w.k == K_OBJECT && w.type ? of_type(member_type(w.type->fields, w.type->nfields, e->name)) : none;
    case SL_X_CALL: return (what){of_result(e->func), NULL};
    default: return none;
    }
}
static bool number(kind k) { return k == K_INT || k == K_FLOAT || k == K_NUMBER; }

/* ---- single doubts ---- */
static void compared(doubter *d, const sl_expr *at, const sl_expr *l, const sl_expr *r, bool equal) {
    kind a = kind_of(d, l).k, b = kind_of(d, r).k;
    if (a == K_UNKNOWN || b == K_UNKNOWN)
        return;
    const sl_expr *never = a >= K_BYTES ? l : b >= K_BYTES ? r : NULL;
    if (never)
        tell(d, at, "%.*s is %s, which cannot be compared: every row that has it fails", SL_FMT(shown(d, never)), names[kind_of(d, never).k]);
    else if (a != b && !(number(a) && number(b)))
        tell(d, at, "%.*s is %s and %.*s is %s: every row that has both fails", SL_FMT(shown(d, l)), names[a], SL_FMT(shown(d, r)), names[b]);
    else if (a == K_BOOL && !equal)
        tell(d, at, "true and false are only equal or not: every row that has both fails");
}
static void operands(doubter *d, const sl_expr *e) {
    const sl_expr *side[2] = {e->l, e->r};
    bool logic = e->op == SL_OP_AND || e->op == SL_OP_OR;
    for (int i = 0; i < 2 && e->op >= SL_OP_EQ; i++)
        if (side[i]->kind == SL_X_COLUMN && sl_str_ieq(side[i]->name, SL_S("null")) && !def_of(d, side[i]->b_src))
            tell(d, side[i], "null is read as the name of a column, and nothing equals it; write isnull(%.*s) = %s", SL_FMT(shown(d, side[!i])),
                 e->op == SL_OP_NE ? "false" : "true");
    if (e->op >= SL_OP_EQ) {
        compared(d, e, e->l, e->r, e->op == SL_OP_EQ || e->op == SL_OP_NE);
        return;
    }
    for (int i = 0; i < 2; i++) {
        kind k = kind_of(d, side[i]).k;
        if (k == K_BOOL && (e->op == SL_OP_BAND || e->op == SL_OP_BOR))
            return;
        if (k != K_UNKNOWN && (logic ? k != K_BOOL : !number(k))) {
            tell(d, e, "%.*s is %s, %s takes %s: every row that has it fails%s", SL_FMT(shown(d, side[i])), names[k], sl_op_text[e->op], logic ? "conditions" : "numbers",
                 e->op == SL_OP_ADD && k == K_TEXT ? "; texts are joined by concat" : "");
            return;
        }
    }
    if (e->op == SL_OP_DIV && (e->l->kind != SL_X_LITERAL || e->r->kind != SL_X_LITERAL) && kind_of(d, e->l).k == K_INT && kind_of(d, e->r).k == K_INT)
        tell(d, e, "both are whole numbers, and so is the result: 7 / 2 = 3; divide by 2.0 for the rest");
}
/* Does the parameter want a number? "(x number, digits int [, …]) -> …" */
static bool wants_number(const sl_func *f, uint32_t at) {
    const char *p = f->sig ? strchr(f->sig, '(') : NULL;
    for (uint32_t i = 0; p && i < at; i++)
        p = strchr(p + 1, ',');
    if (!p)
        return false;
    size_t n = strcspn(p + 1, ",)[");
    sl_str par = sl_str_trim(sl_str_n(p + 1, n));
    return sl_str_ends(par, SL_S(" number")) || sl_str_ends(par, SL_S(" float")) || sl_str_ends(par, SL_S(" int"));
}
static void called(doubter *d, const sl_expr *e) {
    if (!e->func)
        return;
    bool bounds = strcmp(e->func->name, "window_start") == 0 || strcmp(e->func->name, "window_end") == 0 || strcmp(e->func->name, "window_trigger") == 0;
    if (bounds && !d->p->bound->window)
        tell(d, e, "there is no window here: it is null");
    for (uint32_t i = 0; i < e->nargs; i++) {
        kind k = kind_of(d, e->args[i]).k;
        if (k != K_UNKNOWN && !number(k) && wants_number(e->func, i))
            tell(d, e->args[i], "%s takes a number here, %.*s is %s: every row that has it fails", e->func->name, SL_FMT(shown(d, e->args[i])), names[k]);
    }
}
static void member(doubter *d, const sl_expr *e) {
    what w = kind_of(d, e->l);
    if (w.k == K_OBJECT && w.type && e->name.n && !member_type(w.type->fields, w.type->nfields, e->name)) {
        sl_near near = sl_near_to(e->name);
        for (uint32_t i = 0; i < w.type->nfields; i++)
            sl_near_offer(&near, w.type->fields[i].name);
        if (near.best.n)
            tell(d, e, "%.*s has no member %.*s, it is always null; did you mean \"%.*s\"?", SL_FMT(shown(d, e->l)), SL_FMT(e->name), SL_FMT(near.best));
        else
            tell(d, e, "%.*s has no member %.*s, it is always null", SL_FMT(shown(d, e->l)), SL_FMT(e->name));
    } else if (w.k == K_LIST)
        tell(d, e, "%.*s is a list: write [0] for its first element", SL_FMT(shown(d, e->l)));
    else if (number(w.k) || w.k == K_TEXT || w.k == K_BOOL)
        tell(d, e, "%.*s is %s and has no members: it is always null", SL_FMT(shown(d, e->l)), names[w.k]);
}
/* "name" where name is a column: other dialects write columns so. */
static void quoted(doubter *d, const sl_expr *e) {
    for (uint32_t i = 0; e->value.kind == SL_STRING && i < d->p->nsrc; i++) {
        const sl_create *c = def_of(d, (int)i);
        if (c && e->pos < d->text.n && d->text.p[e->pos] == '"' && member_type(c->fields, c->nfields, sl_v_text(e->value)))
            tell(d, e, "this is a text; the column is written without quotes: %.*s", SL_FMT(sl_v_text(e->value)));
    }
}
static bool visit(sl_expr *e, void *arg) {
    doubter *d = arg;
    switch (e->kind) {
    case SL_X_BINARY: operands(d, e); break;
    case SL_X_BETWEEN:
        compared(d, e, e->l, e->args[0], false);
        compared(d, e, e->l, e->args[1], false);
        break;
    case SL_X_IN:
        for (uint32_t i = 0; i < e->nargs; i++)
            compared(d, e, e->l, e->args[i], true);
        break;
    case SL_X_LIKE: {
        kind k = kind_of(d, e->l).k;
        if (k != K_UNKNOWN && k != K_TEXT)
            tell(d, e, "%.*s is %s, LIKE takes texts: every row that has it fails", SL_FMT(shown(d, e->l)), names[k]);
        break;
    }
    case SL_X_CASE:
        for (uint32_t i = 0; e->l && i < e->nargs; i += 2)
            compared(d, e->args[i], e->l, e->args[i], true);
        break;
    case SL_X_INDEX:
    case SL_X_SLICE: {
        kind k = kind_of(d, e->l).k;
        if (k != K_UNKNOWN && k != K_LIST)
            tell(d, e, "%.*s is %s and has no elements: every row that has it fails", SL_FMT(shown(d, e->l)), names[k]);
        break;
    }
    case SL_X_MEMBER: member(d, e); return true;
    case SL_X_CALL: called(d, e); break;
    case SL_X_LITERAL:
        if (e->value.kind == SL_NULL)
            tell(d, e, "a window stands in GROUP BY; here it is null");
        else if (e->value.kind == SL_STRING)
            quoted(d, e);
        break;
    default: break;
    }
    return true;
}
static void clause(doubter *d, sl_expr *e, bool condition) {
    if (!e)
        return;
    sl_expr_walk(e, visit, d);
    kind k = condition ? kind_of(d, e).k : K_UNKNOWN;
    if (k != K_UNKNOWN && k != K_BOOL)
        tell(d, e, "a condition is true or false, this is %s: every row that has it fails", names[k]);
}

/* ---- columns that are neither grouped nor aggregated ---- */
static bool same_column(const doubter *d, const sl_expr *x, const sl_expr *e) {
    while (x->kind == SL_X_PAREN)
        x = x->l;
    if (x->kind == SL_X_SLOT)
        x = d->p->fields[d->p->alias_at[x->b_slot]].expr;
    return x->kind == SL_X_COLUMN && x->b_src == e->b_src && sl_str_eq(x->name, e->name);
}
static bool grouped(doubter *d, const sl_expr *e) {
    const sl_select *s = d->p->bound;
    for (uint32_t i = 0; i < s->ndims; i++)
        if (!d->budget || !--d->budget || s->dims[i] == e || (s->dims[i]->kind == SL_X_SLOT && d->p->fields[d->p->alias_at[s->dims[i]->b_slot]].expr == e) ||
            same_column(d, s->dims[i], e) || (e->len > 0 && s->dims[i]->len == e->len && sl_str_eq(shown(d, s->dims[i]), shown(d, e))))
            return true;
    return false;
}
static void first_row(doubter *d, const sl_expr *e) {
    if (!e || d->out->n >= MOST || grouped(d, e) || (e->kind == SL_X_CALL && (!e->func || e->func->kind != SL_FN_SCALAR)))
        return;
    if (e->kind == SL_X_COLUMN) {
        if (d->p->bound->ndims || d->p->nagg)
            tell(d, e, "%.*s is neither grouped nor aggregated: it is that of the first row of %s", SL_FMT(shown(d, e)), d->p->bound->ndims ? "the group" : "the window");
        return;
    }
    first_row(d, e->l);
    first_row(d, e->kind == SL_X_MEMBER ? NULL : e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        first_row(d, e->args[i]);
}
sl_json *sl_plan_doubts(const sl_plan *p, sl_str text, sl_lookup_def find, void *arg, sl_arena *a) {
    doubter d = {.p = p, .text = text, .find = find, .arg = arg, .a = a, .out = sl_json_arr(a), .budget = BUDGET};
    const sl_select *s = p->bound;
    for (uint32_t i = 0; i < s->nfields; i++) {
        clause(&d, s->fields[i].expr, false);
        if (p->pipe && p->pipe->aggregated && s->fields[i].expr->kind != SL_X_WILDCARD)
            first_row(&d, s->fields[i].expr);
    }
    for (uint32_t i = 0; i < s->njoins; i++)
        clause(&d, s->joins[i].on, true);
    clause(&d, s->where, true);
    for (uint32_t i = 0; i < s->ndims; i++)
        clause(&d, s->dims[i], false);
    if (s->window) {
        clause(&d, s->window->filter, true);
        clause(&d, s->window->when, true);
        clause(&d, s->window->begin, true);
        clause(&d, s->window->emit, true);
    }
    clause(&d, s->having, true);
    for (uint32_t i = 0; i < s->norder; i++)
        clause(&d, s->order[i].expr, false);
    return d.out;
}
