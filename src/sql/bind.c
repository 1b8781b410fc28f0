/* Names get their meaning: sources, columns, aliases.
 * Decisions: every unknown name is reported, not only the last; a source alias stands for its stream
 * (D13); on schema streams a reference to a later alias is resolved by dependency (D38); equal aliases are refused everywhere
 * (D40); s.* is all columns of s (D8). */
#include <stdlib.h>
#include "base/vec.h"
#include "sql/hint.h"
#include "sql/parse.h"
#include "sql/planner.h"
#include "sql/unknown.h"

enum { TEXTS = 1 << 20 };
#define SEVERAL UINTPTR_MAX
typedef struct binder {
    sl_plan *p;
    sl_map *alias;  /* name -> alias number + 1 */
    int32_t self;   /* alias whose expression is bound, -1 */
    uint32_t field; /* select field, when in the list */
    bool in_list;
    sl_str *alias_text; /* plan form of a reference */
    size_t texts;       /* bytes of such texts used so far */
    sl_map *qualified;  /* joins: column name -> source + 1 where it is written with its source, SEVERAL when with several */
    sl_err *err;
} binder;

static sl_err *no_memory(void) { return sl_err_new(SL_E_NOMEM, "out of memory"); }

static int column(sl_plan *p, sl_psource *s, sl_str name) {
    uintptr_t at = (uintptr_t)sl_map_get(s->cols, name);
    if (at)
        return (int)at - 1;
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 8;
        sl_str *names = sl_zero(p->a, cap * sizeof *names);
        if (!names)
            return -1;
        if (s->n)
            memcpy(names, s->names, s->n * sizeof *names);
        s->names = names;
        s->cap = cap;
    }
    if (s->n >= SL_PLAN_COLUMNS || !sl_map_set(s->cols, name, (void *)(uintptr_t)(s->n + 1), NULL))
        return -1;
    s->names[s->n] = name;
    return (int)s->n++;
}
/* A stream that stands there several times is read and kept once: its places have the same columns in the same order. */
int sl_plan_column(sl_plan *p, uint32_t i, sl_str name) {
    int at = -1;
    for (uint32_t k = 0; k < p->nsrc; k++)
        if (p->src[k].pub.same_as == p->src[i].pub.same_as && (at = column(p, &p->src[k], name)) < 0)
            break;
    return at;
}

/* ---- columns ---- */
static const sl_field *declared(const sl_psource *s, sl_str name, bool anycase) {
    const sl_field *other = NULL;
    for (uint32_t i = 0; i < s->def->nfields; i++) {
        if (sl_str_eq(s->def->fields[i].name, name))
            return &s->def->fields[i];
        if (anycase && sl_str_ieq(s->def->fields[i].name, name))
            other = &s->def->fields[i];
    }
    return other;
}
static sl_str shown_name(const sl_psource *s) { return s->alias.n ? s->alias : s->pub.stream; }
static bool any_schemaless(const sl_plan *p) {
    for (uint32_t i = 0; i < p->nsrc; i++)
        if (p->src[i].schemaless)
            return true;
    return false;
}
static void to_column(binder *b, sl_expr *e, uint32_t src, sl_str name) {
    int at = sl_plan_column(b->p, src, sl_str_eq(name, e->name) ? e->name : sl_arena_dup(b->p->a, name)); /* a definition's names are lent */
    if (at < 0) {
        b->err = b->p->src[src].n < SL_PLAN_COLUMNS
            ? no_memory()
            : sl_err_new(SL_E_LIMIT, "a statement may name at most %d columns of %.*s", SL_PLAN_COLUMNS, SL_FMT(shown_name(&b->p->src[src])));
        return;
    }
    e->b_col = at;
    e->b_src = (int)src;
    e->source = b->p->src[src].pub.stream;
}
static void bind_column(binder *b, sl_expr *e) {
    sl_plan *p = b->p;
    bool loose = any_schemaless(p);
    if (e->source.n) {
        uint32_t i = 0;
        while (i < p->nsrc && !sl_str_eq(p->src[i].pub.stream, e->source) && !(p->src[i].alias.n && sl_str_eq(p->src[i].alias, e->source)))
            i++;
        if (i == p->nsrc) {
            b->err = sl_hint_qualifier(sl_err_new(SL_E_PLAN, "stream %.*s not found", SL_FMT(e->source)), p, e);
            return;
        }
        sl_psource *s = &p->src[i];
        sl_str name = e->name;
        if (!s->schemaless) {
            const sl_field *f = declared(s, name, p->opts.ignore_case);
            if (!f && loose) { /* other sources may have any column, this one says what it has */
                b->err = sl_hint_column(sl_err_new(SL_E_PLAN, "field %.*s not found in stream %.*s", SL_FMT(name), SL_FMT(s->pub.stream)), p, e);
                return;
            }
            if (!f) {
                const char *q = "";
                for (uint32_t k = 0; k < p->nsrc; k++)
                    if (k != i && declared(&p->src[k], name, false))
                        q = ".";
                b->err = declared(s, name, true) ? sl_err_new(SL_E_PLAN, "field %.*s not found in stream %.*s", SL_FMT(name), SL_FMT(s->pub.stream))
                    : *q                         ? sl_err_new(SL_E_PLAN, "unknown field %.*s.%.*s", SL_FMT(e->source), SL_FMT(name))
                                                 : sl_err_new(SL_E_PLAN, "unknown field %.*s", SL_FMT(name));
                sl_hint_column(b->err, p, e);
                return;
            }
            if (f)
                name = f->name;
        }
        to_column(b, e, i, name);
        return;
    }
    int found = -1;
    sl_str name = e->name;
    for (uint32_t i = 0; i < p->nsrc; i++) {
        const sl_field *f = p->src[i].schemaless ? NULL : declared(&p->src[i], e->name, p->opts.ignore_case);
        if (!f)
            continue;
        if (found >= 0) {
            b->err = sl_hint_at(sl_err_new(SL_E_PLAN, "ambiguous field %.*s", SL_FMT(e->name)), p, e, "write %.*s.%.*s or %.*s.%.*s", SL_FMT(shown_name(&p->src[found])),
                                SL_FMT(e->name), SL_FMT(shown_name(&p->src[i])), SL_FMT(e->name));
            return;
        }
        found = (int)i;
        name = f->name;
    }
    if (found < 0 && !loose) {
        for (uint32_t i = 0; i < p->nsrc; i++)
            if (declared(&p->src[i], e->name, true)) {
                b->err = sl_err_new(SL_E_PLAN, "field %.*s not found in stream %.*s", SL_FMT(e->name), SL_FMT(p->src[i].pub.stream));
                sl_hint_column(b->err, p, e);
                return;
            }
        b->err = sl_hint_column(sl_err_new(SL_E_PLAN, "unknown field %.*s", SL_FMT(e->name)), p, e);
        return;
    }
    uintptr_t with = found < 0 && b->qualified ? (uintptr_t)sl_map_get(b->qualified, e->name) : 0;
    if (with == SEVERAL) {
        b->err = sl_hint_at(sl_err_new(SL_E_PLAN, "ambiguous field %.*s", SL_FMT(e->name)), p, e, "several sources have it here: write its source and a dot before it");
        return;
    }
    if (with) { /* written with its source elsewhere: the same column */
        to_column(b, e, (uint32_t)with - 1, name);
        return;
    }
    if (found < 0 && p->nsrc > 1) { /* looked up in the joined row: the first source that has it */
        e->b_src = -1;
        for (uint32_t i = 0; i < p->nsrc; i++)
            if (p->src[i].schemaless && sl_plan_column(p, i, name) < 0)
                b->err = no_memory();
        return;
    }
    to_column(b, e, found < 0 ? 0 : (uint32_t)found, name);
}

/* ---- aliases ---- */
static void to_alias(binder *b, sl_expr *e, uint32_t i) {
    e->kind = SL_X_SLOT;
    e->b_slot = (int)i;
    e->name = b->alias_text[i];
    if ((b->texts += e->name.n) > TEXTS) /* a statement of 1 MiB could ask for gigabytes of message text */
        e->name.n = sizeof "$$alias." - 1 + b->p->fields[b->p->alias_at[i]].name.n;
}
static bool is_plain(const sl_expr *e) { return e->kind == SL_X_COLUMN && !sl_str_is(e->name, "*"); }
/* The alias that an unqualified name means here, or -1. */
static int32_t alias_of(binder *b, sl_str name) {
    sl_plan *p = b->p;
    int32_t i = (int32_t)(uintptr_t)sl_map_get(b->alias, name) - 1;
    if (!b->in_list) {
        if (i >= 0)
            return i;
        for (uint32_t s = 0; s < p->nsrc; s++)
            if (!p->src[s].schemaless && declared(&p->src[s], name, false))
                return -1;
        for (uint32_t k = 0; k < p->nalias; k++)
            if (sl_str_ieq(p->fields[p->alias_at[k]].name, name))
                return (int32_t)k;
        return -1;
    }
    if (i < 0 || i == b->self)
        return -1;
    const sl_pfield *f = &p->fields[p->alias_at[i]];
    if (p->alias_at[i] < b->field)
        return i;
    if (p->opts.disable_alias_ref)
        return -1;
    /* a later one */
    bool column = is_plain(f->expr) || (f->expr->kind == SL_X_SLOT && f->expr->b_aux);
    return !any_schemaless(p) || column ? i : -1;
}

/* Functions that take * see whole rows; count only counts them. deduplicate gets the rows as a first argument that nobody wrote. */
static void bind_row_objects(binder *b, sl_expr *e) {
    sl_plan *p = b->p;
    if (e->func && e->nargs == 2 && strcmp(e->func->name, "deduplicate") == 0) {
        sl_expr **args = sl_zero(p->a, 3 * sizeof *args), *rows = sl_zero(p->a, sizeof *rows);
        if (!args || !rows) {
            b->err = no_memory();
            return;
        }
        *rows = (sl_expr){.kind = SL_X_WILDCARD, .height = 1, .pos = e->pos, .b_col = -1, .b_slot = -1};
        args[0] = rows;
        args[1] = e->args[0];
        args[2] = e->args[1];
        e->args = args;
        e->nargs = 3;
    }
    bool count = e->func && strcmp(e->func->name, "count") == 0;
    for (uint32_t i = 0; i < e->nargs; i++) {
        if (e->args[i]->kind != SL_X_WILDCARD)
            continue;
        for (uint32_t k = 0; k < p->nsrc; k++) { /* counting needs no values, but declared ones are checked */
            sl_psource *s = &p->src[k];
            s->pub.all |= !count;
            for (uint32_t f = 0; !s->schemaless && f < s->def->nfields; f++)
                if (sl_plan_column(p, k, sl_arena_dup(p->a, s->def->fields[f].name)) < 0)
                    b->err = no_memory();
        }
    }
}
/* The columns of dedup_trigger are those of the row; an alias counts where the row has no such column. */
static void bind_trigger(binder *b, sl_expr *e) {
    sl_plan *p = b->p;
    for (uint32_t i = 0; i < 3 && i < e->nargs && !b->err; i++) {
        sl_expr *c = e->args[i];
        if (c->kind != SL_X_COLUMN) { /* o.x, where o is no stream */
            b->err = sl_hint_at(sl_err_new(SL_E_PLAN, "dedup_trigger function should have fieldRef as the %u argument", i + 1), p, c,
                                "it takes columns; give the member an alias and use that: o.x AS x, dedup_trigger(x, …)");
            return;
        }
        int32_t alias = c->source.n ? -1 : alias_of(b, c->name);
        bool loose = p->nsrc == 1 && p->src[0].schemaless;
        if (alias < 0 || (!loose && declared(&p->src[0], c->name, p->opts.ignore_case))) {
            bind_column(b, c);
            continue;
        }
        if (loose) {
            sl_expr **two = sl_zero(p->a, 2 * sizeof *two), *call = sl_zero(p->a, sizeof *call), *col = sl_zero(p->a, sizeof *col);
            if (!two || !call || !col) {
                b->err = no_memory();
                return;
            }
            *col = *c;
            *call = (sl_expr){.kind = SL_X_CALL,
                              .func = sl_func_find(SL_S("coalesce")),
                              .name = SL_S("coalesce"),
                              .args = two,
                              .nargs = 2,
                              .height = 2,
                              .pos = c->pos,
                              .b_col = -1,
                              .b_slot = -1};
            two[0] = col;
            two[1] = c;
            bind_column(b, col);
            e->args[i] = call;
        }
        to_alias(b, c, (uint32_t)alias);
    }
}
static void bind(binder *b, sl_expr *e) {
    if (!e || b->err)
        return;
    switch (e->kind) {
    case SL_X_COLUMN: {
        if (sl_str_is(e->name, "*")) {
            b->err = sl_hint_at(sl_err_new(SL_E_PLAN, "unknown field *"), b->p, e, "* stands in the select list, or alone between the brackets of count(*)");
            return;
        }
        int32_t i = e->source.n ? -1 : alias_of(b, e->name);
        if (i < 0) {
            bind_column(b, e);
            return;
        }
        to_alias(b, e, (uint32_t)i);
        e->b_aux = e; /* it was written as a plain name */
        return;
    }
    case SL_X_META:
        e->b_src = b->p->nsrc > 1 ? -1 : 0;
        for (uint32_t i = 0; i < b->p->nsrc; i++) {
            bool here = sl_str_eq(e->source, b->p->src[i].pub.stream) || (b->p->src[i].alias.n && sl_str_eq(e->source, b->p->src[i].alias));
            b->p->src[i].pub.meta |= here || b->p->nsrc == 1 || !e->source.n;
            if (here)
                e->b_src = (int)i;
        }
        if (b->p->nsrc == 1)
            e->source = (sl_str){0}; /* one source: its name says nothing */
        return;
    case SL_X_SLICE: {
        const sl_expr *from = e->args[0], *to = e->args[1];
        if (from && to && from->kind == SL_X_LITERAL && to->kind == SL_X_LITERAL && from->value.kind == SL_INT && to->value.kind == SL_INT && from->value.i >= 0 &&
            to->value.i >= 0 && from->value.i >= to->value.i) {
            b->err = sl_hint_at(sl_err_new(SL_E_PLAN, "colon start value can't be greater than end value"), b->p, from, "elements are counted from 0, the end is not included");
            return;
        }
        break;
    }
    case SL_X_CALL:
        if (e->func && e->func->kind == SL_FN_TRIGGER) {
            bind_trigger(b, e);
            return;
        }
        bind_row_objects(b, e);
        break;
    default: break;
    }
    bind(b, e->l);
    if (e->kind != SL_X_MEMBER)
        bind(b, e->r);
    for (uint32_t i = 0; i < e->nargs; i++)
        bind(b, e->args[i]);
    if (e->kind == SL_X_WILDCARD)
        for (uint32_t i = 0; i < e->nreplace; i++)
            bind(b, e->replace[i].expr);
    if (e->over) {
        for (uint32_t i = 0; i < e->over->npartition; i++)
            bind(b, e->over->partition[i]);
        bind(b, e->over->when);
        for (uint32_t i = 0; i < e->over->norder; i++)
            bind(b, e->over->order[i].expr);
    }
}

/* ---- dependencies between aliases ---- */
typedef struct edges {
    binder *b;
    SL_VEC(uint32_t) from, to; /* `from` must be computed before `to` */
    uint32_t cur;
    bool failed;
} edges;
static bool add_edge(sl_expr *e, void *arg) {
    edges *g = arg;
    if (e->kind != SL_X_COLUMN || e->source.n)
        return true;
    uint32_t i = (uint32_t)(uintptr_t)sl_map_get(g->b->alias, e->name);
    if (!i-- || i == g->cur)
        return true;
    if (!SL_PUSH(g->from, i) || !SL_PUSH(g->to, g->cur))
        g->failed = true;
    return !g->failed;
}
/* How often values of other aliases may stand in the value of e: what x9 can hold when x1 AS array_create(x0, x0) and so on. Texts, lists and objects
 * double without the statement growing; numbers do not. */
static double copies(binder *b, const sl_expr *e, const double *of, uint32_t cur) {
    double n = 1, k;
    switch (e->kind) {
    case SL_X_COLUMN: {
        uint32_t i = e->source.n ? 0 : (uint32_t)(uintptr_t)sl_map_get(b->alias, e->name);
        return i && i - 1 != cur ? of[i - 1] : 1;
    }
    case SL_X_PAREN:
    case SL_X_MEMBER:
    case SL_X_INDEX:
    case SL_X_SLICE: return copies(b, e->l, of, cur);
    case SL_X_CASE:
        for (uint32_t i = 1; i < e->nargs; i += 2)
            n = (k = copies(b, e->args[i], of, cur)) > n ? k : n;
        return e->r && (k = copies(b, e->r, of, cur)) > n ? k : n;
    case SL_X_CALL: {
        const char *gives = e->func && e->func->sig ? strstr(e->func->sig, "-> ") : NULL;
        if (gives && (!strcmp(gives, "-> int") || !strcmp(gives, "-> float") || !strcmp(gives, "-> number") || !strcmp(gives, "-> boolean") || !strcmp(gives, "-> datetime")))
            return 1;
        n = 0;
        for (uint32_t i = 0; i < e->nargs; i++)
            n += copies(b, e->args[i], of, cur);
        return n < 1 ? 1 : n;
    }
    default: return 1;
    }
}
/* Orders the aliases; an error when they form a circle or stand too high on one another. */
static sl_err *order_aliases(binder *b) {
    sl_plan *p = b->p;
    uint32_t n = p->nalias;
    edges g = {.b = b};
    for (g.cur = 0; g.cur < n && !g.failed; g.cur++)
        sl_expr_walk(p->fields[p->alias_at[g.cur]].expr, add_edge, &g);
    uint32_t *wait = calloc(n + 1, sizeof *wait), *high = calloc(n + 1, sizeof *high), *first = calloc(n + 2, sizeof *first);
    uint32_t *list = calloc(g.from.n + 1, sizeof *list);
    double *many = calloc(n + 1, sizeof *many);
    sl_err *err = g.failed || !wait || !high || !first || !list || !many ? no_memory() : NULL;
    if (!err) {
        for (size_t k = 0; k < g.from.n; k++) {
            first[g.from.at[k] + 1]++;
            wait[g.to.at[k]]++;
        }
        for (uint32_t i = 0; i < n; i++)
            first[i + 1] += first[i];
        uint32_t *at = calloc(n + 1, sizeof *at);
        if (!at)
            err = no_memory();
        for (size_t k = 0; !err && k < g.from.n; k++)
            list[first[g.from.at[k]] + at[g.from.at[k]]++] = g.to.at[k];
        free(at);
    }
    if (!err) { /* those without open dependencies, in text order; the output list is the queue */
        uint32_t done = 0, head = 0;
        for (uint32_t i = 0; i < n; i++)
            if (!wait[i])
                p->alias_order[done++] = i;
        while (head < done && !err) {
            uint32_t i = p->alias_order[head++];
            high[i] += p->fields[p->alias_at[i]].expr->height + 1u;
            if (high[i] > SL_PLAN_HEIGHT)
                err = sl_err_new(SL_E_LIMIT, "alias %.*s stands on too long a chain of other aliases: at most %d operators on one another", SL_FMT(p->fields[p->alias_at[i]].name),
                                 SL_PLAN_HEIGHT);
            many[i] = copies(b, p->fields[p->alias_at[i]].expr, many, i);
            if (!err && many[i] > SL_PLAN_COPIES)
                err = sl_err_new(SL_E_LIMIT, "alias %.*s holds values of other aliases %.0f times over: at most %d times", SL_FMT(p->fields[p->alias_at[i]].name), many[i],
                                 SL_PLAN_COPIES);
            for (uint32_t k = first[i]; k < first[i + 1]; k++) {
                uint32_t to = list[k];
                if (high[to] < high[i])
                    high[to] = high[i];
                if (p->alias_rank[to] < p->alias_rank[i] + 1)
                    p->alias_rank[to] = p->alias_rank[i] + 1;
                if (--wait[to] == 0)
                    p->alias_order[done++] = to;
            }
        }
        for (uint32_t i = 0; !err && done < n && i < n; i++)
            if (wait[i])
                err = sl_hint_at(sl_err_new(SL_E_PLAN, "select fields have cycled alias"), p, p->fields[p->alias_at[i]].expr, "%.*s stands for something that needs %.*s itself",
                                 SL_FMT(p->fields[p->alias_at[i]].name), SL_FMT(p->fields[p->alias_at[i]].name));
    }
    free(wait);
    free(high);
    free(first);
    free(list);
    free(many);
    SL_VEC_FREE(g.from);
    SL_VEC_FREE(g.to);
    return err;
}

/* ---- the statement ---- */
static sl_err *add_source(sl_plan *p, const sl_source_ref *r, sl_lookup_def find, void *arg) {
    const sl_create *def = find(arg, r->name);
    if (!def)
        return sl_hint_stream(sl_err_new(SL_E_UNDEFINED, "fail to get stream %.*s, please check if stream is created", SL_FMT(r->name)), p->bound ? p->bound->text : (sl_str){0}, r,
                              p->opts.streams);
    if (def->opts.temp && !p->opts.temp_rule)
        return sl_hint_pos(sl_err_new(SL_E_UNDEFINED, "temp stream %.*s can only be used by temp rules", SL_FMT(r->name)), p, r->pos,
                           "give the rule \"temp\": true, or create the stream without TEMP");
    sl_psource *s = &p->src[p->nsrc++];
    s->pub.stream = r->name;
    s->pub.is_table = def->table;
    s->alias = r->alias;
    s->def = def;
    s->schemaless = def->schemaless;
    s->lookup = s->pub.is_lookup = def->table && sl_str_ieq(def->opts.kind, SL_S("lookup"));
    bool file = !def->opts.type.n || sl_str_ieq(def->opts.type, SL_S("file"));
    s->retain = def->opts.retain_size > 0 ? def->opts.retain_size : file ? 9999 : 1;
    s->pub.same_as = p->nsrc - 1;
    for (uint32_t i = 0; i + 1 < p->nsrc && !def->table; i++)
        if (s->pub.same_as == p->nsrc - 1 && sl_str_eq(p->src[i].pub.stream, r->name))
            s->pub.same_as = i;
    s->cols = sl_map_new();
    return s->cols ? NULL : no_memory();
}
static sl_err *event_time(sl_plan *p, const sl_select *q) {
    for (uint32_t i = 0; p->opts.event_time && i < p->nsrc; i++) {
        sl_psource *s = &p->src[i];
        if (s->lookup)
            continue;
        if (!s->def->opts.timestamp.n)
            return sl_hint_pos(sl_err_new(SL_E_PLAN, "preprocessor is set to be event time but stream option TIMESTAMP not found"), p, i ? q->joins[i - 1].src.pos : q->from.pos,
                               "the rule has isEventTime: say which column of %.*s holds the time, WITH (..., TIMESTAMP=\"column\")", SL_FMT(s->pub.stream));
        if (!s->schemaless && !declared(s, s->def->opts.timestamp, false))
            return sl_hint_pos(sl_err_new(SL_E_PLAN, "timestamp field %.*s not found", SL_FMT(s->def->opts.timestamp)), p, i ? q->joins[i - 1].src.pos : q->from.pos,
                               "TIMESTAMP of %.*s names a column that the stream does not declare", SL_FMT(s->pub.stream));
        if (sl_plan_column(p, i, sl_arena_dup(p->a, s->def->opts.timestamp)) < 0)
            return no_memory();
    }
    return NULL;
}
/* *, s.* */
static bool star_of(const sl_expr *e) { return e->kind == SL_X_WILDCARD || (e->kind == SL_X_COLUMN && sl_str_is(e->name, "*")); }
static sl_err *bind_star(sl_plan *p, const sl_expr *e) {
    bool first = !p->star;
    p->star = true;
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_psource *s = &p->src[i];
        if (e->kind == SL_X_COLUMN && !sl_str_eq(e->source, s->pub.stream) && !sl_str_eq(e->source, s->alias))
            continue;
        s->pub.all = s->star = true;
        for (uint32_t k = 0; !s->schemaless && k < s->def->nfields; k++)
            if (sl_plan_column(p, i, sl_arena_dup(p->a, s->def->fields[k].name)) < 0)
                return no_memory();
    }
    if (first) {
        p->except = e->except;
        p->nexcept = e->nexcept;
        return NULL;
    }
    sl_str *both = sl_zero(p->a, (e->nexcept + 1) * sizeof *both); /* what one * shows another does not hide */
    uint32_t n = 0;
    for (uint32_t i = 0; both && i < e->nexcept; i++)
        for (uint32_t k = 0; k < p->nexcept; k++)
            if (sl_str_eq(e->except[i], p->except[k])) {
                both[n++] = e->except[i];
                break;
            }
    p->except = both;
    p->nexcept = n;
    return both ? NULL : no_memory();
}
static sl_err *fill_fields(sl_plan *p, sl_select *s, binder *b) {
    uint32_t total = s->nfields;
    for (uint32_t i = 0; i < s->nfields; i++)
        if (s->fields[i].expr->kind == SL_X_WILDCARD)
            total += s->fields[i].expr->nreplace;
    p->fields = sl_zero(p->a, (total + 1) * sizeof *p->fields);
    p->alias_at = sl_zero(p->a, (s->nfields + 1) * sizeof *p->alias_at);
    p->alias_order = sl_zero(p->a, (s->nfields + 1) * sizeof *p->alias_order);
    p->alias_rank = sl_zero(p->a, (s->nfields + 1) * sizeof *p->alias_rank);
    if (!p->fields || !p->alias_at || !p->alias_order || !p->alias_rank || !b->alias)
        return no_memory();
    for (uint32_t i = 0; i < s->nfields; i++) {
        sl_selfield *f = &s->fields[i];
        sl_pfield *o = &p->fields[p->nfields++];
        *o = (sl_pfield){.kind = SL_P_EXPR, .visible = !f->invisible, .expr = f->expr, .name = f->alias.n ? f->alias : f->name, .alias = -1};
        if (star_of(f->expr) && !f->alias.n) {
            o->kind = SL_P_STAR;
            o->visible = false;
            for (uint32_t k = 0; f->expr->kind == SL_X_WILDCARD && k < f->expr->nreplace; k++) {
                sl_selfield *r = &f->expr->replace[k];
                p->fields[p->nfields++] = (sl_pfield){.kind = SL_P_EXPR, .visible = true, .replace = true, .expr = r->expr, .name = r->alias.n ? r->alias : r->name, .alias = -1};
            }
            continue;
        }
        if (!f->alias.n) {
            if (is_plain(f->expr))
                o->kind = SL_P_COLUMN;
            continue;
        }
        o->kind = SL_P_ALIAS;
        o->alias = (int32_t)p->nalias;
        if (sl_map_has(b->alias, f->alias))
            return sl_hint_pos(sl_err_new(SL_E_PLAN, "duplicate alias %.*s", SL_FMT(f->alias)), p, f->pos, "an earlier field is called %.*s too; give one of them another name",
                               SL_FMT(f->alias));
        p->alias_at[p->nalias++] = p->nfields - 1;
        if (!sl_map_set(b->alias, f->alias, (void *)(uintptr_t)p->nalias, NULL))
            return no_memory();
    }
    return NULL;
}
/* $$alias.x,aliasRef:<expr>, cut to the name where texts grow out of hand (aliases of aliases double). */
static sl_str reference_text(sl_plan *p, const sl_pfield *f) {
    sl_buf t = {0};
    sl_buf_printf(&t, "$$alias.%.*s,aliasRef:", SL_FMT(f->name));
    sl_expr_print(&t, f->expr);
    sl_str s = t.n <= 2000 ? sl_arena_dup(p->a, sl_buf_view(&t)) : sl_arena_printf(p->a, "$$alias.%.*s", SL_FMT(f->name));
    sl_buf_free(&t);
    return s;
}
static sl_err *bind_fields(sl_plan *p, binder *b) {
    b->in_list = true;
    b->alias_text = sl_zero(p->a, (p->nalias + 1) * sizeof *b->alias_text);
    if (!b->alias_text)
        return no_memory();
    /* Aliases first, in dependency order, so that the text of a reference is known when it is needed. */
    for (uint32_t k = 0; k < p->nalias && !b->err; k++) {
        uint32_t i = p->alias_order[k];
        sl_pfield *f = &p->fields[p->alias_at[i]];
        b->self = (int32_t)i;
        b->field = p->alias_at[i];
        bind(b, f->expr);
        b->alias_text[i] = reference_text(p, f);
    }
    b->self = -1;
    for (uint32_t i = 0; i < p->nfields && !b->err; i++) {
        sl_pfield *f = &p->fields[i];
        b->field = i;
        if (f->kind == SL_P_STAR) {
            sl_err *e = bind_star(p, f->expr);
            if (e)
                return e;
        } else if (f->kind != SL_P_ALIAS) {
            bind(b, f->expr);
            if (f->kind == SL_P_COLUMN && f->expr->kind == SL_X_SLOT) /* a plain name that is an alias: another use of its value */
                f->kind = SL_P_EXPR;
        }
    }
    b->in_list = false;
    return b->err;
}
static sl_err *unique_names(const sl_plan *p) {
    sl_map *seen = sl_map_new();
    sl_err *err = seen ? NULL : no_memory();
    for (uint32_t i = 0; i < p->nfields && !err; i++) {
        const sl_pfield *f = &p->fields[i];
        if (!f->visible || f->kind == SL_P_STAR || f->replace)
            continue;
        if (sl_map_has(seen, f->name))
            err = sl_hint_at(sl_err_new(SL_E_PLAN, "duplicate field definition %.*s", SL_FMT(f->name)), p, f->expr,
                             "an earlier field is called %.*s too; write AS and another name", SL_FMT(f->name));
        else if (!sl_map_set(seen, f->name, (void *)1, NULL))
            err = no_memory();
    }
    sl_map_free(seen);
    return err;
}
static bool note_qualified(sl_expr *e, void *arg) {
    binder *b = arg;
    if (e->kind != SL_X_COLUMN || !e->source.n || sl_str_is(e->name, "*"))
        return true;
    for (uint32_t i = 0; i < b->p->nsrc; i++) {
        const sl_psource *s = &b->p->src[i];
        if (!sl_str_eq(s->pub.stream, e->source) && !(s->alias.n && sl_str_eq(s->alias, e->source)))
            continue;
        uintptr_t had = (uintptr_t)sl_map_get(b->qualified, e->name);
        if (!sl_map_set(b->qualified, e->name, (void *)(had && had != i + 1 ? SEVERAL : (uintptr_t)i + 1), NULL))
            b->err = no_memory();
        break;
    }
    return true;
}
/* Which names of a join are written with their source. */
static sl_err *find_qualified(binder *b, sl_select *s) {
    if (b->p->nsrc < 2)
        return NULL;
    if (!(b->qualified = sl_map_new()))
        return no_memory();
    for (uint32_t i = 0; i < s->nfields; i++)
        sl_expr_walk(s->fields[i].expr, note_qualified, b);
    sl_expr_walk(s->where, note_qualified, b);
    for (uint32_t i = 0; i < s->ndims; i++)
        sl_expr_walk(s->dims[i], note_qualified, b);
    sl_expr_walk(s->having, note_qualified, b);
    for (uint32_t i = 0; i < s->norder; i++)
        sl_expr_walk(s->order[i].expr, note_qualified, b);
    return b->err;
}
static void bind_window(binder *b, sl_window *w) {
    bind(b, w->begin);
    bind(b, w->emit);
    bind(b, w->filter);
    bind(b, w->when);
    for (uint32_t i = 0; i < w->npartition; i++)
        bind(b, w->partition[i]);
}
static sl_err *bind_rest(binder *b, sl_select *s) {
    bind(b, s->where);
    for (uint32_t i = 0; i < s->njoins; i++)
        bind(b, s->joins[i].on);
    for (uint32_t i = 0; i < s->ndims; i++)
        bind(b, s->dims[i]);
    if (s->window)
        bind_window(b, s->window);
    bind(b, s->having);
    for (uint32_t i = 0; i < s->norder; i++)
        bind(b, s->order[i].expr);
    return b->err;
}

static sl_err *bind_all(sl_plan *p, sl_select *s, sl_lookup_def find, void *arg, binder *b) {
    p->src = sl_zero(p->a, (1 + (size_t)s->njoins) * sizeof *p->src);
    if (!p->src)
        return no_memory();
    SL_TRY(add_source(p, &s->from, find, arg));
    for (uint32_t i = 0; i < s->njoins; i++)
        SL_TRY(add_source(p, &s->joins[i].src, find, arg));
    SL_TRY(find_qualified(b, s));
    SL_TRY(fill_fields(p, s, b));
    SL_TRY(order_aliases(b));
    SL_TRY(sl_unknown_fields(p));
    SL_TRY(bind_fields(p, b));
    SL_TRY(sl_unknown_rest(p, s));
    if (!s->ndims) /* before names are found ambiguous that upstream takes */
        SL_TRY(sl_plan_joins(p, s));
    SL_TRY(bind_rest(b, s));
    SL_TRY(sl_plan_check(p, s));
    SL_TRY(event_time(p, s));
    SL_TRY(unique_names(p));
    if (p->opts.event_time && s->window && s->window->kind == SL_W_COUNT)
        return sl_hint_pos(sl_err_new(SL_E_EXEC, "unsupported window type 5"), p, s->window->pos, "the rule has isEventTime, and a count window does not look at the time");
    p->where = s->where;
    return NULL;
}
static void done(sl_plan *p, binder *b) {
    for (uint32_t i = 0; i < p->nsrc; i++) {
        sl_map_free(p->src[i].cols);
        p->src[i].cols = NULL;
    }
    if (b->alias)
        sl_map_free(b->alias);
    if (b->qualified)
        sl_map_free(b->qualified);
}
sl_err *sl_bind(sl_plan *p, sl_select *s, sl_lookup_def find, void *arg) {
    binder b = {.p = p, .self = -1, .alias = sl_map_new()};
    sl_err *err = bind_all(p, s, find, arg, &b);
    if (!err && sl_arena_failed(p->a))
        err = no_memory();
    done(p, &b);
    return err;
}
sl_err *sl_bind_expr(sl_plan *p, sl_expr *e) {
    binder b = {.p = p, .self = -1, .alias = sl_map_new()};
    p->src[0].cols = sl_map_new();
    if (!b.alias || !p->src[0].cols)
        b.err = no_memory();
    bind(&b, e);
    done(p, &b);
    return b.err;
}
