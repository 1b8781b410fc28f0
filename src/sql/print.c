/* Expressions in upstream's plan form, as messages and plans show them. */
#include "base/num.h"
#include "sql/parser.h"

static void list(sl_buf *out, sl_expr *const *at, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        sl_buf_puts(out, i ? ", " : "");
        sl_expr_print(out, at[i]);
    }
}
static void value(sl_buf *out, sl_value v) {
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_INT: sl_buf_put(out, num, sl_num_i64(num, v.i)); break;
    case SL_FLOAT: sl_buf_put(out, num, sl_num_f(num, v.f)); break;
    case SL_STRING: sl_buf_str(out, sl_v_text(v)); break;
    case SL_BOOL: sl_buf_puts(out, v.i ? "true" : "false"); break;
    default: sl_buf_puts(out, "<nil>"); break;
    }
}
/* The pattern as the regular expression that upstream makes of it. */
static void pattern(sl_buf *out, sl_str s) {
    sl_buf_puts(out, "likePattern:^");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%')
            sl_buf_puts(out, ".*");
        else if (s.p[i] == '_')
            sl_buf_putc(out, '.');
        else
            sl_buf_putc(out, s.p[i]);
    }
    sl_buf_putc(out, '$');
}
/* An argument of changed_cols, which gives the result its name. */
static void column_of(sl_buf *out, const sl_expr *e) {
    sl_str name = e->kind == SL_X_COLUMN || e->kind == SL_X_CALL ? e->name : e->kind == SL_X_WILDCARD ? SL_S("*") : (sl_str){0};
    if (e->kind == SL_X_MEMBER && !e->r && e->l->kind == SL_X_COLUMN)
        name = e->name;
    sl_buf_puts(out, "colFuncField:{ ");
    if (name.n)
        sl_buf_printf(out, "name: %.*s, ", SL_FMT(name));
    sl_buf_puts(out, "expr:{ ");
    sl_expr_print(out, e);
    sl_buf_puts(out, " } }");
}
static void call(sl_buf *out, const sl_expr *e) {
    sl_buf_printf(out, "Call:{ name:%.*s", SL_FMT(e->name));
    if (e->nargs) {
        sl_buf_puts(out, ", args:[");
        for (uint32_t i = 0; i < e->nargs; i++) {
            sl_buf_puts(out, i ? ", " : "");
            if (e->func && e->func->kind == SL_FN_COLS)
                column_of(out, e->args[i]);
            else
                sl_expr_print(out, e->args[i]);
        }
        sl_buf_puts(out, "]");
    }
    if (e->over && e->over->when) {
        sl_buf_puts(out, ", when:{ ");
        sl_expr_print(out, e->over->when);
        sl_buf_puts(out, " }");
    }
    sl_buf_puts(out, " }");
}
static void bound(sl_buf *out, const sl_expr *e, const char *open) {
    if (e)
        sl_expr_print(out, e);
    else
        sl_buf_puts(out, open);
}
static void case_expr(sl_buf *out, const sl_expr *e) {
    sl_buf_puts(out, "caseExprValue:{ ");
    if (e->l) {
        sl_buf_puts(out, "value:{ ");
        sl_expr_print(out, e->l);
        sl_buf_puts(out, " }, ");
    }
    sl_buf_puts(out, "whenClauses:[");
    for (uint32_t i = 0; i + 1 < e->nargs; i += 2) {
        sl_buf_puts(out, i ? ", { whenClause:{ " : "{ whenClause:{ ");
        sl_expr_print(out, e->args[i]);
        sl_buf_puts(out, " } }");
    }
    sl_buf_puts(out, "] }");
}
void sl_expr_print(sl_buf *out, const sl_expr *e) {
    static const char *const units[] = {"DD", "HH", "MI", "SS", "MS"};
    const char *no = e->negated ? "NOT " : "";
    sl_str source = e->source.n ? e->source : SL_S("$$default");
    switch ((sl_xkind)e->kind) {
    case SL_X_LITERAL: value(out, e->value); return;
    case SL_X_TIMEUNIT: sl_buf_puts(out, units[e->op % 5]); return;
    case SL_X_WILDCARD: sl_buf_putc(out, '*'); return;
    case SL_X_COLUMN: sl_buf_printf(out, "%.*s.%.*s", SL_FMT(source), SL_FMT(e->name)); return;
    case SL_X_META: sl_buf_printf(out, "metaRef:{ streamName:%.*s, fieldName:%.*s }", SL_FMT(source), SL_FMT(e->name)); return;
    case SL_X_CALL: call(out, e); return;
    case SL_X_CASE: case_expr(out, e); return;
    case SL_X_SLOT: sl_buf_str(out, e->name); return;
    case SL_X_PAREN:
        sl_buf_puts(out, "parenExpr:{ ");
        sl_expr_print(out, e->l);
        break;
    default:
        sl_buf_puts(out, "binaryExpr:{ ");
        sl_expr_print(out, e->l);
        break;
    }
    switch ((sl_xkind)e->kind) {
    case SL_X_BINARY:
        sl_buf_printf(out, " %s ", sl_op_text[e->op]);
        sl_expr_print(out, e->r);
        break;
    case SL_X_MEMBER:
        sl_buf_puts(out, " -> ");
        if (e->r)
            sl_expr_print(out, e->r);
        else
            sl_buf_printf(out, "jsonFieldName:%.*s", SL_FMT(e->name));
        break;
    case SL_X_INDEX:
        sl_buf_puts(out, "[");
        sl_expr_print(out, e->r);
        sl_buf_puts(out, "]");
        break;
    case SL_X_SLICE:
        sl_buf_puts(out, "[ColonExpr:{ start:{ ");
        bound(out, e->args[0], "0");
        sl_buf_puts(out, " }, end:{ ");
        bound(out, e->args[1], "-2147483648");
        sl_buf_puts(out, " } }]");
        break;
    case SL_X_BETWEEN:
        sl_buf_printf(out, " %sBETWEEN betweenExpr:{ ", no);
        list(out, e->args, e->nargs);
        sl_buf_puts(out, " }");
        break;
    case SL_X_IN:
        sl_buf_printf(out, " %sIN ", no);
        if (e->r) {
            sl_expr_print(out, e->r);
        } else {
            sl_buf_puts(out, "valueSetExpr:{ literalExprs:[");
            list(out, e->args, e->nargs);
            sl_buf_puts(out, "] }");
        }
        break;
    case SL_X_LIKE:
        sl_buf_printf(out, " %sLIKE ", no);
        if (e->r->kind == SL_X_LITERAL && e->r->value.kind == SL_STRING)
            pattern(out, sl_v_text(e->r->value));
        else
            sl_expr_print(out, e->r);
        break;
    default: break;
    }
    sl_buf_puts(out, " }");
}
void sl_window_print(sl_buf *out, const sl_window *w) {
    static const char *const names[] = {"", "TUMBLING_WINDOW", "HOPPING_WINDOW", "SLIDING_WINDOW", "SESSION_WINDOW", "COUNT_WINDOW", ""};
    static const char *const units[] = {"DD", "HH", "MI", "SS", "MS"};
    sl_buf_printf(out, "window:{ windowType:%s", names[w->kind]);
    if (w->kind < SL_W_COUNT)
        sl_buf_printf(out, ", timeUnit: %s ", units[w->unit % 5]);
    if (w->filter) {
        sl_buf_puts(out, ", ");
        sl_expr_print(out, w->filter);
    }
    sl_buf_puts(out, " }");
}
