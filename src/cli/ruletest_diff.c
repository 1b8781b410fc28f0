/* Expected against got, row by row. Decision: rows in order are aligned by their longest common part, so that one row that is missing is told
 * as one row that is missing; what stands against each other between two common rows is told as changed, member by member. */
#include <math.h>
#include <stdlib.h>
#include "base/num.h"
#include "cli/ruletest.h"

enum { ALIGN_MOST = 4000000, SHOWN_MOST = 25 };

static bool same_number(const sl_json *w, const sl_json *g, double tolerance) {
    int64_t a, b;
    if (tolerance <= 0 && sl_num_parse_i64(w->s, &a) && sl_num_parse_i64(g->s, &b))
        return a == b;
    double d = fabs(w->num - g->num), most = fmax(fabs(w->num), fabs(g->num));
    return d <= tolerance || d <= most * 1e-12;
}
static bool same(const rt_case *c, const sl_json *w, const sl_json *g) {
    if (w->kind != g->kind)
        return false;
    switch (w->kind) {
    case SL_J_NULL: return true;
    case SL_J_BOOL: return w->b == g->b;
    case SL_J_NUM: return same_number(w, g, c->tolerance);
    case SL_J_STR: return sl_str_eq(w->s, g->s);
    case SL_J_ARR: {
        const sl_json *x = w->child, *y = g->child;
        for (; x && y; x = x->next, y = y->next)
            if (!same(c, x, y))
                return false;
        return !x && !y;
    }
    default:
        for (const sl_json *x = w->child; x; x = x->next) {
            const sl_json *y = g->child;
            while (y && !sl_str_eq(y->key, x->key))
                y = y->next;
            if (!y || !same(c, x, y))
                return false;
        }
        return c->partial || w->n == g->n;
    }
}
static bool fits(const rt_case *c, const rt_row *w, const rt_row *g) {
    if (w->is_error != g->is_error || (w->at_ms >= 0 && w->at_ms != g->at_ms))
        return false;
    return w->is_error ? sl_str_find(g->error, w->error) >= 0 : same(c, w->row, g->row);
}

/* ---- in any order: as many pairs as there can be, also when a row of few members fits several ---- */
typedef struct pairing {
    const rt_case *c;
    size_t *of_got; /* 1 + expected row */
    bool *tried;
} pairing;
static bool place(pairing *p, size_t w) {
    for (size_t g = 0; g < p->c->got.n; g++) {
        if (p->tried[g] || !fits(p->c, &p->c->expect.at[w], &p->c->got.at[g]))
            continue;
        p->tried[g] = true;
        if (!p->of_got[g] || place(p, p->of_got[g] - 1)) {
            p->of_got[g] = w + 1;
            return true;
        }
    }
    return false;
}
static bool pair_up(rt_case *c) {
    pairing p = {c, calloc(c->got.n + 1, sizeof *p.of_got), calloc(c->got.n + 1, sizeof *p.tried)};
    bool ok = p.of_got && p.tried;
    for (size_t w = 0; ok && w < c->expect.n; w++) {
        memset(p.tried, 0, c->got.n);
        if (!place(&p, w))
            ok = SL_PUSH(c->changes, ((rt_change){RT_MISSING, w, 0}));
    }
    for (size_t g = 0; ok && g < c->got.n; g++)
        if (!p.of_got[g])
            ok = SL_PUSH(c->changes, ((rt_change){RT_EXTRA, c->expect.n, g}));
    free(p.of_got);
    free(p.tried);
    return ok;
}

/* ---- in order ---- */
static bool gap(rt_case *c, size_t w, size_t wend, size_t g, size_t gend) { /* nothing in between is common */
    bool ok = true;
    for (; ok && w < wend && g < gend; w++, g++)
        if (!fits(c, &c->expect.at[w], &c->got.at[g]))
            ok = SL_PUSH(c->changes, ((rt_change){RT_CHANGED, w, g}));
    for (; ok && w < wend; w++)
        ok = SL_PUSH(c->changes, ((rt_change){RT_MISSING, w, g}));
    for (; ok && g < gend; g++)
        ok = SL_PUSH(c->changes, ((rt_change){RT_EXTRA, w, g}));
    return ok;
}
static bool align(rt_case *c) {
    size_t from = 0, n = c->expect.n, m = c->got.n;
    while (from < n && from < m && fits(c, &c->expect.at[from], &c->got.at[from]))
        from++;
    while (n > from && m > from && fits(c, &c->expect.at[n - 1], &c->got.at[m - 1])) {
        n--;
        m--;
    }
    size_t rows = n - from, cols = m - from;
    if (!rows || !cols || rows > ALIGN_MOST / cols)
        return gap(c, from, n, from, m);
    uint32_t *len = calloc((rows + 1) * (cols + 1), sizeof *len); /* of the common part behind (w, g) */
    if (!len)
        return false;
    for (size_t w = rows; w-- > 0;)
        for (size_t g = cols; g-- > 0;) {
            uint32_t down = len[(w + 1) * (cols + 1) + g], right = len[w * (cols + 1) + g + 1];
            len[w * (cols + 1) + g] = fits(c, &c->expect.at[from + w], &c->got.at[from + g]) ? len[(w + 1) * (cols + 1) + g + 1] + 1 : down > right ? down : right;
        }
    size_t w = 0, g = 0, w0 = 0, g0 = 0;
    bool ok = true;
    while (ok && w < rows && g < cols) {
        if (fits(c, &c->expect.at[from + w], &c->got.at[from + g])) {
            ok = gap(c, from + w0, from + w, from + g0, from + g);
            w0 = ++w;
            g0 = ++g;
        } else if (len[(w + 1) * (cols + 1) + g] >= len[w * (cols + 1) + g + 1])
            w++;
        else
            g++;
    }
    ok = ok && gap(c, from + w0, from + rows, from + g0, from + cols);
    free(len);
    return ok;
}
bool rt_compare(rt_case *c) {
    if (c->no_expect)
        return true;
    return c->unordered ? pair_up(c) : align(c);
}

/* ---- showing ---- */
void rt_put_time(sl_buf *out, int64_t ms) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    bool any = false;
    for (size_t i = 0; i < 4; i++)
        if (ms >= units[i].ms || (i == 2 && !any && !ms)) {
            sl_buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
            ms %= units[i].ms;
            any = true;
        }
}
void rt_show_row(sl_buf *out, const rt_row *r, bool with_time) {
    if (with_time && r->at_ms >= 0) {
        sl_buf_puts(out, "at ");
        rt_put_time(out, r->at_ms);
        sl_buf_puts(out, "  ");
    }
    if (r->is_error)
        sl_buf_printf(out, "error: %.*s", SL_FMT(r->error));
    else
        sl_json_write(out, r->row, false, 0);
}
static void line(sl_buf *out, char mark, const rt_row *r, bool colour) {
    sl_buf_printf(out, "  %s%c ", colour ? mark == '-' ? "\033[32m" : "\033[31m" : "", mark);
    rt_show_row(out, r, true);
    sl_buf_printf(out, "%s\n", colour ? "\033[0m" : "");
}
static void put_value(sl_buf *out, const sl_json *v) {
    if (v)
        sl_json_write(out, v, false, 0);
    else
        sl_buf_puts(out, "nothing");
}
static void members(sl_buf *out, const rt_case *c, const rt_row *w, const rt_row *g) {
    if (w->at_ms >= 0 && w->at_ms != g->at_ms) {
        sl_buf_puts(out, "    time: expected ");
        rt_put_time(out, w->at_ms);
        sl_buf_puts(out, ", got ");
        rt_put_time(out, g->at_ms);
        sl_buf_putc(out, '\n');
    }
    if (w->is_error || g->is_error || w->row->kind != SL_J_OBJ || g->row->kind != SL_J_OBJ)
        return;
    for (int way = 0; way < 2; way++) /* what was expected, then what nobody expected */
        for (const sl_json *x = way ? g->row->child : w->row->child; x && !(way && c->partial); x = x->next) {
            const sl_json *y = way ? w->row->child : g->row->child;
            while (y && !sl_str_eq(y->key, x->key))
                y = y->next;
            if (y && (way || same(c, x, y)))
                continue;
            sl_buf_printf(out, "    %.*s: expected ", SL_FMT(x->key));
            put_value(out, way ? y : x);
            sl_buf_puts(out, ", got ");
            put_value(out, way ? x : y);
            if (x && y && x->kind != y->kind)
                sl_buf_puts(out, " (another kind)");
            sl_buf_putc(out, '\n');
        }
}
void rt_show(sl_buf *out, const rt_case *c, bool colour) {
    sl_buf_str(out, sl_buf_view(&c->why));
    for (size_t i = 0; i < c->changes.n && i < SHOWN_MOST; i++) {
        const rt_change *x = &c->changes.at[i];
        const rt_row *w = x->kind != RT_EXTRA ? &c->expect.at[x->want] : NULL, *g = x->kind != RT_MISSING ? &c->got.at[x->got] : NULL;
        if (x->kind == RT_CHANGED) {
            sl_buf_printf(out, "row %zu (line %zu) differs:\n", x->want + 1, w->line);
            line(out, '-', w, colour);
            line(out, '+', g, colour);
            members(out, c, w, g);
        } else if (w) {
            sl_buf_printf(out, "row %zu (line %zu) did not come:\n", x->want + 1, w->line);
            line(out, '-', w, colour);
        } else {
            sl_buf_printf(out, "not expected%s:\n", c->unordered ? "" : x->want < c->expect.n ? sl_arena_printf(c->file->a, ", before row %zu", x->want + 1).p : ", at the end");
            line(out, '+', g, colour);
        }
    }
    if (c->changes.n > SHOWN_MOST)
        sl_buf_printf(out, "and %zu more differences\n", c->changes.n - SHOWN_MOST);
    if (c->changes.n)
        sl_buf_printf(out, "expected %zu row%s (-), got %zu (+)\n", c->expect.n, c->expect.n == 1 ? "" : "s", c->got.n);
}
