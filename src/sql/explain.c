/* The plan as upstream tells it (language reference 19): one line per node, root first, children below, indented. What of it runs where here is told
 * by the fields of the plan; the text is for people and their tools. */
#include <stdlib.h>
#include "sql/parse.h"
#include "sql/pipe.h"
#include "sql/unknown.h"

static void put_info(sl_buf *out, uint32_t depth, uint32_t id, const char *op, sl_buf *info) {
    for (uint32_t i = 0; depth && i < 2 * depth - 1; i++)
        sl_buf_putc(out, '\t');
    sl_buf_printf(out, "{\"op\":\"%s_%u\",\"info\":\"", op, id);
    for (size_t i = 0; i < info->n; i++) {
        unsigned char ch = (unsigned char)info->p[i];
        if (ch == '"' || ch == '\\')
            sl_buf_printf(out, "\\%c", ch);
        else if (ch == '\n')
            sl_buf_puts(out, "\\n");
        else if (ch == '\t')
            sl_buf_puts(out, "\\t");
        else if (ch == '\r')
            sl_buf_puts(out, "\\r");
        else if (ch < 0x20)
            sl_buf_printf(out, "\\u%04x", ch);
        else
            sl_buf_putc(out, (char)ch);
    }
    sl_buf_puts(out, "\"}\n");
    sl_buf_clear(info);
}
static int by_name(const void *x, const void *y) { return sl_str_cmp(*(const sl_str *)x, *(const sl_str *)y); }
typedef struct tree {
    const sl_plan *p;
    sl_buf *out, info;
    uint32_t depth;
} tree;
static void node(tree *t, const char *op) {
    put_info(t->out, t->depth, t->depth, op, &t->info);
    t->depth++;
}
static void list(tree *t, const char *head, sl_expr *const *at, uint32_t n, const char *tail) {
    sl_buf_puts(&t->info, head);
    for (uint32_t i = 0; i < n; i++) {
        sl_buf_puts(&t->info, i ? ", " : "");
        sl_expr_print(&t->info, at[i]);
    }
    sl_buf_puts(&t->info, tail);
}
static void condition(tree *t, const sl_expr *e, const char *op) {
    sl_buf_puts(&t->info, "Condition:{ ");
    sl_expr_print(&t->info, e);
    sl_buf_puts(&t->info, " }, ");
    node(t, op);
}
static void project(tree *t) {
    const sl_plan *p = t->p;
    uint32_t *order = malloc((p->nfields + 1) * sizeof *order), n;
    if (!order) {
        t->out->failed = true;
        return;
    }
    sl_field_order(p, order, &n);
    sl_buf_puts(&t->info, "Fields:[ ");
    for (uint32_t i = 0; i < n; i++) {
        const sl_pfield *f = &p->fields[order[i]];
        sl_buf_puts(&t->info, i ? ", " : "");
        if (f->kind == SL_P_ALIAS)
            sl_buf_printf(&t->info, "$$alias.%.*s,aliasRef:", SL_FMT(f->name));
        sl_expr_print(&t->info, f->expr);
    }
    free(order);
    sl_buf_puts(&t->info, " ]");
    if (p->limit >= 0)
        sl_buf_printf(&t->info, ", Limit:%lld", (long long)p->limit);
    node(t, "ProjectPlan");
}
static void sources(tree *t) {
    const sl_plan *p = t->p;
    uint32_t nth = 0;
    if (p->nsrc == 1 && p->src[0].pub.is_table)
        return; /* nothing runs a table by itself */
    for (uint32_t i = 0; i < p->nsrc; i++) {
        const sl_psource *s = &p->src[i];
        if (s->lookup)
            continue;
        sl_buf_printf(&t->info, "StreamName: %.*s", SL_FMT(s->pub.stream));
        sl_str *names = malloc((s->n + 1) * sizeof *names);
        if (names && s->n && !(s->schemaless && s->pub.all)) {
            memcpy(names, s->names, s->n * sizeof *names);
            qsort(names, s->n, sizeof *names, by_name);
            sl_buf_puts(&t->info, ", StreamFields:[ ");
            for (uint32_t k = 0; k < s->n; k++)
                sl_buf_printf(&t->info, "%s%.*s", k ? ", " : "", SL_FMT(names[k]));
            sl_buf_puts(&t->info, " ]");
        }
        free(names);
        put_info(t->out, t->depth, t->depth + nth++, "DataSourcePlan", &t->info);
    }
}
static void joins(tree *t, const sl_select *s) {
    static const char *const types[] = {"INNER_JOIN", "LEFT_JOIN", "RIGHT_JOIN", "FULL_JOIN", "CROSS_JOIN"};
    const sl_plan *p = t->p;
    bool streams = false, tables = false;
    for (uint32_t i = s->njoins; i-- > 0;) {
        streams |= !p->src[i + 1].lookup;
        tables |= p->src[i + 1].pub.is_table && !p->src[i + 1].lookup;
        if (!p->src[i + 1].lookup)
            continue;
        sl_buf_printf(&t->info, "Join:{ joinType:%s, expr:", types[s->joins[i].type]);
        if (s->joins[i].on)
            sl_expr_print(&t->info, s->joins[i].on);
        sl_buf_puts(&t->info, " }");
        node(t, "LookupPlan");
    }
    if (streams) {
        sl_buf_puts(&t->info, "Joins:[ ");
        for (uint32_t i = 0, n = 0; i < s->njoins; i++) {
            if (p->src[i + 1].lookup)
                continue;
            sl_buf_printf(&t->info, "%s{ joinType:%s, ", n++ ? ", " : "", types[s->joins[i].type]);
            if (s->joins[i].on)
                sl_expr_print(&t->info, s->joins[i].on);
            sl_buf_puts(&t->info, " }");
        }
        sl_buf_puts(&t->info, " ]");
        node(t, "JoinPlan");
    }
    if (tables) {
        sl_buf_puts(&t->info, "Emitters:[ ");
        for (uint32_t i = 1, n = 0; i < p->nsrc; i++)
            if (p->src[i].pub.is_table && !p->src[i].lookup)
                sl_buf_printf(&t->info, "%s%.*s", n++ ? ", " : "", SL_FMT(p->src[i].pub.stream));
        sl_buf_puts(&t->info, " ]");
        node(t, "JoinAlignPlan");
    }
}
static void both(sl_buf *out, const sl_expr *where, const sl_expr *filter) {
    if (where && filter)
        sl_buf_puts(out, "binaryExpr:{ ");
    if (where)
        sl_expr_print(out, where);
    if (where && filter)
        sl_buf_puts(out, " AND ");
    if (filter)
        sl_expr_print(out, filter);
    if (where && filter)
        sl_buf_puts(out, " }");
}
/* A timer's window lets conditions through to the source, as far as nothing else stands between. */
static void window(tree *t, const sl_window *w, const sl_expr *where) {
    static const char *const kinds[] = {"", "TUMBLING_WINDOW", "HOPPING_WINDOW", "SLIDING_WINDOW", "SESSION_WINDOW", "COUNT_WINDOW", ""};
    const sl_plan *p = t->p;
    const sl_expr *filter = w ? w->filter : NULL;
    bool through = !w || (w->kind != SL_W_COUNT && w->kind != SL_W_SLIDING && !p->opts.event_time);
    if (!w && where && p->nana)
        condition(t, where, "FilterPlan");
    if (w) {
        sl_buf_printf(&t->info, "{ length:%lld, windowType:%s", (long long)w->length, kinds[w->kind]);
        if (through ? p->nana && (where || filter) : filter != NULL) {
            sl_buf_puts(&t->info, ", condition:");
            both(&t->info, through ? where : NULL, filter);
        }
        sl_buf_puts(&t->info, ", limit: 0 }");
        node(t, "WindowPlan");
    }
    if (p->nana || (!where && (!filter || !through)))
        return;
    sl_buf_puts(&t->info, "Condition:{ ");
    both(&t->info, where, through ? filter : NULL);
    sl_buf_puts(&t->info, " }, ");
    node(t, "FilterPlan");
}
static bool is_it(sl_expr *e, void *arg) { return e != arg; }
static bool in_fields(const sl_plan *p, const sl_expr *call) {
    for (uint32_t i = 0; i < p->nfields; i++)
        if (!sl_expr_walk(p->fields[i].expr, is_it, (void *)(uintptr_t)call))
            return true;
    return false;
}
static void analytic(tree *t) {
    const sl_plan *p = t->p;
    for (int field = 0; field < 2; field++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < p->nana; i++) {
            if (in_fields(p, p->ana[i].expr) != field)
                continue;
            sl_buf_puts(&t->info, n++ ? ", " : field ? "FieldFuncs:[ " : "Funcs:[ ");
            sl_expr_print(&t->info, p->ana[i].expr);
        }
        if (n)
            sl_buf_puts(&t->info, field ? " ]" : " ], ");
    }
    node(t, "AnalyticFuncsPlan");
}
void sl_plan_explain(const sl_plan *p, sl_buf *out) {
    tree t = {.p = p, .out = out};
    const sl_select *s = p->bound;
    const sl_pipe *k = p->pipe;
    if (k && k->srf) {
        sl_buf_printf(&t.info, "SrfMap:{key:%.*s}, EnableLimit:%s", SL_FMT(p->fields[k->srf_field].name), p->limit >= 0 ? "true" : "false");
        node(&t, "ProjectSetPlan");
    }
    project(&t);
    for (uint32_t i = p->ntrig; i-- > 0;) { /* upstream ends here, in a recursion */
        sl_expr_print(&t.info, p->trig[i].expr);
        node(&t, "DedupTriggerPlan");
    }
    if (s->norder) {
        sl_buf_puts(&t.info, "SortFields:[ ");
        for (uint32_t i = 0; i < s->norder; i++) {
            const sl_expr *by = s->order[i].expr;
            sl_str name = by->kind == SL_X_SLOT && by->b_slot >= 0 ? p->fields[p->alias_at[by->b_slot]].name : by->name;
            sl_buf_printf(&t.info, "%ssortField:{ name:%.*s, ascending:%s, fieldExpr:{ ", i ? ", " : "", SL_FMT(name), s->order[i].desc ? "false" : "true");
            sl_expr_print(&t.info, s->order[i].expr);
            sl_buf_puts(&t.info, " } }");
        }
        sl_buf_puts(&t.info, " ]");
        node(&t, "OrderPlan");
    }
    for (uint32_t i = 0; i < p->nwf; i++) {
        sl_buf_printf(&t.info, "windowFuncField:{name:wf_%s_%u, expr:", p->wf[i].func->name, i + 1);
        sl_expr_print(&t.info, p->wf[i].expr);
        sl_buf_puts(&t.info, "}");
        node(&t, "WindowFuncPlan");
    }
    if (s->having)
        condition(&t, s->having, "HavingPlan");
    if (s->ndims) {
        list(&t, "Dimension:{ ", s->dims, s->ndims, " }");
        node(&t, "AggregatePlan");
    }
    if (p->where && k && !k->where_early)
        condition(&t, p->where, "FilterPlan");
    joins(&t, s);
    window(&t, s->window, !k || k->where_early ? p->where : NULL);
    if (p->nana)
        analytic(&t);
    if (p->opts.event_time) {
        sl_buf_puts(&t.info, "Emitters:[ ");
        for (uint32_t i = 0, n = 0; i < p->nsrc; i++)
            if (!p->src[i].pub.is_table)
                sl_buf_printf(&t.info, "%s%.*s", n++ ? ", " : "", SL_FMT(p->src[i].pub.stream));
        sl_buf_printf(&t.info, " ], SendWatermark:%s", s->window ? "true" : "false");
        node(&t, "WatermarkPlan");
    }
    sources(&t);
    sl_buf_free(&t.info);
}
