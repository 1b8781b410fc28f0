/* Window calls: TUMBLINGWINDOW(ss, 10) FILTER(WHERE …) OVER(WHEN … PARTITION BY …). They look like functions and may stand
 * wherever one may; only at the top of GROUP BY do they mean a window, elsewhere upstream evaluates them to null. */
#include "sql/parser.h"

static const struct {
    const char *name;
    int min, max;
    const char *counts, *form; /* form: for advice */
} kinds[] = {[SL_W_TUMBLING] = {"tumblingwindow", 2, 2, "2", "TUMBLINGWINDOW(unit, length), for example TUMBLINGWINDOW(ss, 10)"},
             [SL_W_HOPPING] = {"hoppingwindow", 3, 3, "3", "HOPPINGWINDOW(unit, length, hop), for example HOPPINGWINDOW(ss, 10, 5)"},
             [SL_W_SLIDING] = {"slidingwindow", 2, 3, "2 or 3", "SLIDINGWINDOW(unit, length [, delay]), for example SLIDINGWINDOW(ss, 10)"},
             [SL_W_SESSION] = {"sessionwindow", 3, 3, "3", "SESSIONWINDOW(unit, longest, timeout), for example SESSIONWINDOW(mi, 20, 2)"},
             [SL_W_COUNT] = {"countwindow", 1, 2, "", "COUNTWINDOW(rows [, step]) with step at most rows, for example COUNTWINDOW(10, 5)"},
             [SL_W_STATE] = {"statewindow", 1, 2, "1 or 2", "STATEWINDOW(begin, emit), for example STATEWINDOW(v > 10, v < 5)"}};

sl_wkind sl_p_window_kind(sl_str lower) {
    for (int k = SL_W_TUMBLING; k <= SL_W_STATE; k++)
        if (sl_str_is(lower, kinds[k].name))
            return (sl_wkind)k;
    return SL_W_NONE;
}
static bool whole(const sl_expr *e) { return e->kind == SL_X_LITERAL && e->value.kind == SL_INT; }
static bool count_args(sl_parser *p, sl_window *w, sl_expr **args, uint32_t n) {
    if (n < 1 || n > 2)
        return sl_p_fail(p, w->pos, "Invalid parameter count.");
    bool ok = whole(args[0]) && args[0]->value.i > 0 && (n == 1 || whole(args[1]));
    if (ok && n == 2 && args[0]->value.i < args[1]->value.i)
        return sl_p_fail(p, args[1]->pos, "The second parameter value %lld should be less than the first parameter %lld.", (long long)args[1]->value.i,
                         (long long)args[0]->value.i);
    if (!ok) {
        sl_buf b = {0};
        for (uint32_t i = 0; i < n; i++) {
            sl_buf_puts(&b, i ? ", " : "");
            sl_expr_print(&b, args[i]);
        }
        sl_p_fail(p, args[0]->pos, "Invalid parameter value %s.", sl_buf_cstr(&b));
        sl_buf_free(&b);
        return false;
    }
    w->length = args[0]->value.i;
    w->interval = n == 2 && args[1]->value.i > 0 ? args[1]->value.i : 0;
    return true;
}
static bool read_args(sl_parser *p, sl_window *w, sl_str name, sl_expr **args, uint32_t n) {
    if (w->kind == SL_W_COUNT)
        return count_args(p, w, args, n);
    if ((int)n < kinds[w->kind].min || (int)n > kinds[w->kind].max)
        return sl_p_fail(p, w->pos, "The arguments for %.*s should be %s.\n", SL_FMT(name), kinds[w->kind].counts);
    if (w->kind == SL_W_STATE) {
        w->begin = args[0];
        w->emit = n == 2 ? args[1] : NULL;
        return true;
    }
    if (args[0]->kind != SL_X_TIMEUNIT)
        return sl_p_fail(p, args[0]->pos, "The 1st argument for %.*s is expecting timer literal expression. One value of [dd|hh|mi|ss|ms].\n", SL_FMT(name));
    for (uint32_t i = 1; i < n; i++)
        if (!whole(args[i]))
            return sl_p_fail(p, args[i]->pos, "The %u argument for %.*s is expecting interger literal expression. \n", i, SL_FMT(name));
    w->unit = args[0]->op;
    w->length = args[1]->value.i;
    if (n == 3 && w->kind == SL_W_SLIDING)
        w->delay = args[2]->value.i;
    else if (n == 3)
        w->interval = args[2]->value.i;
    return true;
}
static bool filter(sl_parser *p, sl_window *w) {
    if (!sl_p_take(p, SL_K_FILTER))
        return true;
    if (!sl_p_take(p, SL_K_LP))
        return sl_p_found(p, sl_p_next(p), "Found %s after FILTER, expect parentheses.");
    if (!sl_p_take(p, SL_K_WHERE))
        return sl_p_found(p, sl_p_next(p), "Found %s after FILTER(, expect WHERE.");
    if (!(w->filter = sl_p_expr(p)))
        return false;
    return sl_p_take(p, SL_K_RP) || sl_p_found(p, sl_p_next(p), "Found %s after FILTER, expect right parentheses.");
}
static bool over(sl_parser *p, sl_window *w) {
    if (!sl_p_take(p, SL_K_OVER))
        return true;
    if (!sl_p_take(p, SL_K_LP))
        return sl_p_found(p, sl_p_next(p), "Found %s after OVER, expect parentheses.");
    if (sl_p_take(p, SL_K_WHEN) && !(w->when = sl_p_expr(p)))
        return false;
    if (sl_p_take(p, SL_K_PARTITION)) {
        if (!sl_p_take(p, SL_K_BY))
            return sl_p_found(p, sl_p_next(p), "found %s, expected by after partition.");
        if (!sl_p_exprs(p, &w->partition, &w->npartition))
            return false;
    }
    return sl_p_take(p, SL_K_RP) || sl_p_found(p, sl_p_next(p), "Found %s after OVER, expect right parentheses.");
}
sl_expr *sl_p_window(sl_parser *p, sl_wkind kind, sl_token name) {
    sl_window *w = SL_NEW(p->a, sl_window);
    sl_expr *e = sl_p_node(p, SL_X_LITERAL, name.pos);
    if (!e)
        return NULL;
    w->kind = kind;
    w->pos = name.pos;
    sl_expr **args = NULL;
    uint32_t n = 0;
    if (!sl_p_args(p, name.lit, &args, &n))
        return NULL;
    w->len = p->last_end - w->pos;
    if (!read_args(p, w, name.lit, args, n)) {
        bool unit = n && p->errpos == args[0]->pos && w->kind != SL_W_COUNT;
        sl_p_advise(p, 0, unit ? "units stand without quotes: dd, hh, mi, ss or ms" : kinds[kind].form);
        return NULL;
    }
    if (!filter(p, w) || !over(p, w))
        return NULL;
    e->value = sl_v_null();
    e->b_aux = w;
    return sl_p_seal(p, e);
}
