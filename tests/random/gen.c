/* Schemas, statements and rows. Decisions: floats of rows are binary fractions in most cases, so that sums are exact and may be computed with; where
 * they are decimals, sums stand alone in the select list, where they are compared with a tolerance. Rows come in bursts of one instant. */
#include <string.h>
#include "gen.h"

uint32_t rq_n(rq_rnd *r, uint32_t n) {
    if (n < 2)
        return 0;
    if (r->bytes) {
        if (r->at >= r->n)
            return 0;
        uint32_t v = r->bytes[r->at++];
        if (n > 256 && r->at < r->n)
            v = v << 8 | r->bytes[r->at++];
        return v % n;
    }
    uint64_t z = r->s += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 32) % n;
}
static sl_str taken(gen *g) {
    sl_str s = sl_arena_dup(g->c->a, sl_buf_view(&g->b));
    sl_buf_clear(&g->b);
    return s;
}
/* ---- definitions ---- */
static void define(gen *g, const char *name, bool table, bool lookup) {
    static const struct {
        const char *name, *type, *type2;
        ty t;
    } pool[] = {{"k", "bigint", "string", T_INT},
                {"a", "bigint", NULL, T_INT},
                {"b", "float", NULL, T_NUM},
                {"c", "string", NULL, T_STR},
                {"d", "boolean", NULL, T_BOOL},
                {"l", "array(bigint)", "array(string)", T_LIST},
                {"o", "struct(x bigint, y string, z array(float))", NULL, T_MAP},
                {"t", "datetime", NULL, T_TIME},
                {"`e e`", "float", NULL, T_NUM}};
    src *s = &g->srcs[g->nsrcs];
    *s = (src){.name = name, .called = name, .def = g->nsrcs++, .table = table, .lookup = lookup, .schemaless = gen_p(g, 60)};
    sl_buf_printf(&g->b, "CREATE %s %s (", table ? "TABLE" : "STREAM", name);
    bool any = false;
    for (size_t i = 0; i < sizeof pool / sizeof *pool; i++) {
        if (i > 0 && !gen_p(g, i < 4 ? 85 : 45))
            continue;
        bool second = pool[i].type2 && gen_p(g, 40);
        s->cols[s->ncols++] = (col){pool[i].name, i == 0 && second ? T_STR : pool[i].t, second};
        if (!s->schemaless)
            sl_buf_printf(&g->b, "%s%s %s", any ? ", " : "", pool[i].name, second ? pool[i].type2 : pool[i].type);
        any = true;
    }
    if (g->c->opts.event_time && !lookup) {
        if (!s->schemaless)
            gen_put(g, ", ts bigint");
        s->cols[s->ncols++] = (col){"ts", T_INT, false};
    }
    sl_buf_printf(&g->b, ") WITH (DATASOURCE=\"%s\", FORMAT=\"json\"", name);
    if (g->c->opts.event_time && !lookup)
        gen_put(g, ", TIMESTAMP=\"ts\"");
    if (lookup)
        gen_put(g, ", KIND=\"lookup\", TYPE=\"memory\", KEY=\"k\"");
    else if (table && gen_p(g, 60))
        sl_buf_printf(&g->b, ", RETAIN_SIZE=\"%u\"", 1 + gen_n(g, 5));
    else if (!table && !s->schemaless && gen_p(g, 10))
        gen_put(g, ", STRICT_VALIDATION=\"true\"");
    gen_put(g, ")");
    rq_def *d = &g->c->defs[g->c->ndefs++];
    d->sql = taken(g);
    d->lookup = lookup;
    sl_stmt st;
    sl_err *e = sl_parse(g->c->a, d->sql, &st, NULL);
    sl_err_free(e);
    d->create = e ? NULL : st.create;
}
/* ---- clauses ---- */
static void fresh_marks(gen *g) { g->saw_agg = g->saw_rough = g->saw_analytic = false; }
static void named_so(gen *g, uint32_t i, ty t) {
    g->aliases[g->naliases] = (alias){.t = t, .agg = g->saw_agg, .rough = g->saw_rough, .analytic = g->saw_analytic};
    snprintf(g->aliases[g->naliases].name, sizeof g->aliases->name, "x%u", i % 100);
    sl_buf_printf(&g->b, " AS %s", g->aliases[g->naliases++].name);
}
/* What most people write. */
static void usual_field(gen *g, uint32_t i) {
    static const char *const texts[] = {"upper(", "length(", "concat(\"<\", ", "trim("}, *const before[] = {"lag(", "latest(", "had_changed(true, "};
    fresh_marks(g);
    ty t = T_NUM;
    uint32_t what = gen_n(g, 10);
    if (g->aggs && what < 6) {
        g->rough = true;
        gen_agg(g, T_NUM, 0);
        g->rough = false;
    } else if (g->windowed && what == 6) {
        gen_put(g, gen_p(g, 50) ? "window_end()" : "window_start()");
        t = T_INT;
    } else if (what < 8) {
        t = gen_p(g, 60) ? T_NUM : T_ANY;
        gen_column(g, t);
    } else if (what == 8) {
        gen_column(g, T_NUM);
        gen_put(g, gen_p(g, 50) ? " * 2 + " : " - ");
        gen_column(g, T_NUM);
    } else if (g->analytic && !g->aggs && gen_p(g, 50)) {
        g->saw_analytic = true;
        gen_put(g, before[gen_n(g, 3)]);
        gen_column(g, T_NUM);
        gen_put(g, ")");
    } else if (gen_p(g, 50)) {
        t = T_ANY;
        gen_put(g, texts[gen_n(g, 4)]);
        gen_column(g, T_STR);
        gen_put(g, ")");
    } else {
        t = T_STR;
        gen_put(g, "CASE WHEN ");
        gen_column(g, T_NUM);
        gen_put(g, " > 5 THEN \"high\" ELSE \"low\" END");
    }
    named_so(g, i, t);
}
static void field(gen *g, uint32_t i, bool *srf) {
    if (i > 0)
        gen_put(g, ", ");
    if (g->usual && !gen_p(g, 8)) {
        usual_field(g, i);
        return;
    }
    if (gen_p(g, 7)) {
        gen_put(g, g->nused > 1 && gen_p(g, 30) ? g->srcs[g->used[gen_n(g, g->nused)]].called : "");
        gen_put(g,
                g->b.n && g->b.p[g->b.n - 1] != ' ' && g->b.p[g->b.n - 1] != ',' ? ".*"
                    : gen_p(g, 60)                                               ? "*"
                    : gen_p(g, 50)                                               ? "* EXCEPT(a, c)"
                                                                                 : "* REPLACE(a + 1 AS a, k AS n)");
        return;
    }
    fresh_marks(g);
    if (!*srf && gen_p(g, 3)) {
        *srf = true;
        gen_put(g, gen_p(g, 60) ? "unnest(" : "extract(");
        gen_expr(g, g->b.p[g->b.n - 2] == 't' && g->b.p[g->b.n - 3] == 's' ? T_LIST : T_MAP, 1);
        gen_put(g, ")");
        if (gen_p(g, 50))
            sl_buf_printf(&g->b, " AS u%u", i);
        return;
    }
    if (gen_p(g, 3)) {
        const sl_func *f = gen_func(g, SL_FN_COLS, T_ANY);
        bool aggs = g->aggs;
        g->aggs = false;
        gen_call(g, f, 1);
        g->aggs = aggs;
        return;
    }
    if (gen_p(g, 3)) {
        gen_put(g, "row_number()");
        if (gen_p(g, 40)) {
            gen_put(g, " OVER (");
            if (gen_p(g, 60)) {
                gen_put(g, "PARTITION BY ");
                gen_column(g, T_ANY);
            }
            if (gen_p(g, 60)) {
                gen_put(g, " ORDER BY ");
                gen_column(g, T_NUM);
                gen_put(g, gen_p(g, 50) ? " DESC" : "");
            }
            gen_put(g, ")");
        }
        sl_buf_printf(&g->b, " AS n%u", i);
        return;
    }
    if (!g->windowed && g->nused == 1 && gen_p(g, 8)) {
        gen_put(g, "dedup_trigger(");
        for (uint32_t k = 0; k < 3; k++) {
            gen_column(g, T_INT);
            gen_put(g, ", ");
        }
        sl_buf_printf(&g->b, "%u) AS d%u", gen_n(g, 30), i);
        return;
    }
    if (gen_p(g, 3) && g->windowed) {
        sl_buf_printf(&g->b, "%s() AS w%u", gen_p(g, 50) ? "window_start" : "window_end", i);
        return;
    }
    if (gen_p(g, 2) && (g->aggs || !g->windowed)) {
        sl_buf_printf(&g->b, "%s() AS h%u", gen_p(g, 50) ? (g->aggs ? "last_agg_hit_count" : "last_hit_count") : g->aggs ? "last_agg_hit_time" : "last_hit_time", i);
        return;
    }
    ty t = (ty)gen_n(g, T_ANY + 1);
    if (gen_p(g, 50))
        t = T_NUM;
    if (g->aggs && gen_p(g, 55)) {
        g->rough = true; /* alone in the list: its last bits may differ */
        gen_agg(g, gen_p(g, 70) ? T_NUM : T_ANY, 2);
        g->rough = false;
    } else
        gen_expr(g, t, gen_p(g, 30) ? 0 : 3);
    bool late = gen_p(g, 80);
    if (late || gen_p(g, 60)) {
        alias *a = &g->aliases[g->naliases];
        *a = (alias){.t = t, .agg = g->saw_agg, .rough = g->saw_rough, .analytic = g->saw_analytic};
        if (gen_p(g, 5)) /* an alias like a column */
            snprintf(a->name, sizeof a->name, "%s", gen_p(g, 50) ? "a" : "b");
        else
            snprintf(a->name, sizeof a->name, "x%u", i % 100);
        sl_buf_printf(&g->b, " AS %s", a->name);
        g->naliases++;
    }
    if (gen_p(g, 4))
        gen_put(g, " INVISIBLE");
}
static void window(gen *g) {
    bool event = g->c->opts.event_time;
    const char *unit = gen_p(g, 75) ? "ss" : gen_p(g, 50) ? "ms" : gen_p(g, 80) ? "mi" : "hh";
    g->unit = unit[0] == 'm' && unit[1] == 's' ? 1000 : unit[0] == 's' ? 1000 : unit[0] == 'm' ? 60000 : 3600000;
    uint32_t f = unit[0] == 'm' && unit[1] == 's' ? 500 : 1, n = (1 + gen_n(g, 10)) * f;
    bool sliding = false;
    switch (gen_n(g, event ? 5 : 7)) {
    case 0: sl_buf_printf(&g->b, "TUMBLINGWINDOW(%s, %u)", unit, n); break;
    case 1: sl_buf_printf(&g->b, "HOPPINGWINDOW(%s, %u, %u)", unit, n, gen_p(g, 60) && n / f > 1 ? n / 2 : (1 + gen_n(g, 12)) * f); break;
    case 2:
        sliding = g->sliding = true;
        sl_buf_printf(&g->b, "SLIDINGWINDOW(%s, %u", unit, n);
        if (gen_p(g, 25))
            sl_buf_printf(&g->b, ", %u", (1 + gen_n(g, 4)) * f);
        gen_put(g, ")");
        break;
    case 3: sl_buf_printf(&g->b, "SESSIONWINDOW(%s, %u, %u)", unit, n, (1 + gen_n(g, 5)) * f); break;
    case 4:
        gen_put(g, "STATEWINDOW(");
        gen_likely(g);
        if (gen_p(g, 60)) {
            gen_put(g, ", ");
            gen_likely(g);
        }
        gen_put(g, ")");
        break;
    default:
        n = 1 + gen_n(g, 8);
        sl_buf_printf(&g->b, "COUNTWINDOW(%u", n);
        if (gen_p(g, 40))
            sl_buf_printf(&g->b, ", %u", 1 + gen_n(g, n));
        gen_put(g, ")");
    }
    if (gen_p(g, 20)) {
        gen_put(g, " FILTER (WHERE ");
        gen_likely(g);
        gen_put(g, ")");
    }
    if (gen_p(g, sliding ? 35 : 6)) {
        gen_put(g, " OVER (WHEN ");
        gen_likely(g);
        if (!sliding && gen_p(g, 30)) {
            gen_put(g, " PARTITION BY ");
            gen_column(g, T_ANY);
        }
        gen_put(g, ")");
    }
}
static void on_key(gen *g, uint32_t left, uint32_t right) {
    const char *l = g->srcs[left].called, *r = g->srcs[right].called;
    if (gen_p(g, 20)) {
        const char *x = l;
        l = r;
        r = x;
    }
    sl_buf_printf(&g->b, "%s.k = %s.k", l, r);
}
static void source(gen *g, uint32_t i) {
    const src *s = &g->srcs[i];
    gen_put(g, s->name);
    if (s->called != s->name)
        sl_buf_printf(&g->b, "%s%s", gen_p(g, 80) ? " AS " : " ", s->called);
}
static void from(gen *g, uint32_t main) {
    static const char *const kinds[] = {"INNER", "LEFT", "RIGHT", "FULL", "CROSS"};
    gen_put(g, " FROM ");
    source(g, main);
    for (uint32_t i = 1; i < g->nused; i++) {
        uint32_t u = g->used[i];
        uint32_t kind = gen_n(g, g->srcs[u].lookup ? 2 : 5);
        sl_buf_printf(&g->b, " %s JOIN ", kinds[kind]);
        source(g, u);
        if (kind == 4 || (!g->srcs[u].lookup && gen_p(g, 5)))
            continue;
        uint32_t nused = g->nused;
        bool aggs = g->aggs, analytic = g->analytic;
        g->aggs = false;
        g->analytic = false;
        gen_put(g, " ON ");
        if (g->srcs[u].lookup || gen_p(g, 85)) {
            on_key(g, g->used[gen_n(g, i)], u);
            if (gen_p(g, 30)) {
                gen_put(g, " AND (");
                g->nused = i + 1;
                gen_likely(g);
                gen_put(g, ")");
            }
        } else {
            g->nused = i + 1;
            gen_likely(g);
        }
        g->nused = nused;
        g->aggs = aggs;
        g->analytic = analytic;
    }
}
static void select(gen *g) {
    uint32_t streams = 0, order[RQ_DEFS + 1];
    for (uint32_t i = 0; i < g->nsrcs; i++)
        streams += !g->srcs[i].table;
    for (uint32_t i = 0; i < g->nsrcs; i++)
        order[i] = i;
    if (streams > 1 && gen_p(g, 40)) { /* not always in the order of definition */
        order[0] = 1;
        order[1] = 0;
    }
    static const char *const others[] = {"p", "q", "r", "v", "w"};
    uint32_t all = g->nsrcs;
    if (streams == 1 && all == 1 && gen_p(g, 6)) { /* the stream with itself */
        g->srcs[all] = g->srcs[0];
        g->srcs[all].called = others[4];
        order[all] = all;
        all++;
        streams++;
    }
    for (uint32_t i = 0; i < g->nsrcs; i++)
        if (gen_p(g, 8))
            g->srcs[i].called = others[i];
    g->nused = all;
    memcpy(g->used, order, sizeof order);
    g->windowed = gen_p(g, streams > 1 ? 97 : 55);
    bool dims = g->windowed && gen_p(g, 45), agg_query = g->windowed ? gen_p(g, 65) : gen_p(g, 8);
    g->aggs = agg_query;
    g->analytic = gen_p(g, 30);
    gen_put(g, "SELECT ");
    uint32_t fields = 1 + gen_n(g, 5);
    bool srf = false;
    for (uint32_t i = 0; i < fields; i++)
        field(g, i, &srf);
    from(g, g->used[0]);
    g->aggs = false;
    if (gen_p(g, 40)) {
        gen_put(g, " WHERE ");
        g->aggs = agg_query && gen_p(g, 8);
        gen_likely(g);
        g->aggs = false;
    }
    bool analytic = g->analytic;
    if (g->windowed) {
        g->grouped = dims;
        bool first = gen_p(g, 50);
        gen_put(g, " GROUP BY ");
        if (first || !dims)
            window(g);
        for (uint32_t n = dims ? 1 + gen_n(g, 2) : 0, i = 0; i < n; i++) {
            gen_put(g, i || first ? ", " : "");
            g->analytic = analytic && gen_p(g, 20);
            if (gen_p(g, g->usual ? 80 : 50)) /* few groups of some rows */
                sl_buf_printf(&g->b, "%s.k", g->srcs[g->used[gen_n(g, g->nused)]].called);
            else if (g->usual || gen_p(g, 50))
                gen_column(g, gen_p(g, 70) ? T_INT : T_STR);
            else
                gen_expr(g, gen_p(g, 60) ? T_NUM : T_ANY, 1);
        }
        if (!first && dims) {
            gen_put(g, ", ");
            window(g);
        }
        g->analytic = analytic;
        if (agg_query && gen_p(g, 25)) {
            static const char *const ops[] = {">", "<", ">=", "!=", "="};
            gen_put(g, " HAVING ");
            for (uint32_t n = 1 + gen_n(g, 2), i = 0; i < n; i++) {
                gen_put(g, i ? gen_p(g, 50) ? " AND " : " OR " : "");
                gen_agg(g, T_NUM, 1);
                sl_buf_printf(&g->b, " %s %u", ops[gen_n(g, 5)], gen_n(g, 5));
            }
        } else if (gen_p(g, 3)) {
            gen_put(g, " HAVING ");
            g->aggs = true;
            gen_expr(g, T_BOOL, 2);
            g->aggs = false;
        }
    }
    if (gen_p(g, g->windowed ? 30 : 5)) {
        gen_put(g, " ORDER BY ");
        for (uint32_t n = 1 + gen_n(g, 2), i = 0; i < n; i++) {
            gen_put(g, i ? ", " : "");
            uint32_t a = gen_n(g, 8);
            if (a < g->naliases && !g->aliases[a].rough)
                gen_put(g, g->aliases[a].name);
            else if (agg_query && gen_p(g, 30))
                gen_agg(g, T_NUM, 1);
            else
                gen_column(g, gen_p(g, 60) ? T_NUM : T_STR);
            gen_put(g, gen_p(g, 50) ? " DESC" : gen_p(g, 50) ? " ASC" : "");
        }
    }
    if (gen_p(g, 8))
        sl_buf_printf(&g->b, " LIMIT %u", gen_n(g, 5));
    g->c->sql = taken(g);
}
/* ---- rows ---- */
static sl_value scalar(gen *g, ty t) {
    static const char *const texts[] = {"a", "b", "abc", "", "x%y", "a,b", "10", "h\xc3\xa9", "2020-01-02 03:04:05", "{\"a\":1}", "bbb", "3.5"};
    bool json = g->c->json;
    switch (t) {
    case T_INT: {
        int64_t i = gen_p(g, 1) ? 9007199254740993 : gen_p(g, 1) ? INT64_MAX - (int64_t)gen_n(g, 3) : (int64_t)gen_n(g, 24) - 5;
        return json || gen_p(g, 80) ? sl_v_int(i) : sl_v_float((double)((int64_t)gen_n(g, 24) - 5));
    }
    case T_NUM: {
        double d = g->decimals ? ((double)gen_n(g, 20000) - 5000) / 10.0 : ((double)gen_n(g, 1600) - 300) / 8.0;
        return gen_p(g, 85) ? sl_v_float(d) : sl_v_int((int64_t)d);
    }
    case T_STR: return sl_v_str(sl_str_of(texts[gen_n(g, sizeof texts / sizeof *texts)]));
    case T_BOOL: return sl_v_bool(gen_n(g, 2));
    case T_TIME: {
        int64_t ms = RQ_START + gen_n(g, 20000);
        if (!json && gen_p(g, 40))
            return sl_v_time(ms / 1000, (uint32_t)(ms % 1000) * 1000000, g->c->opts.zone);
        return gen_p(g, 60) ? sl_v_int(ms) : sl_v_str(SL_S("2023-11-15T00:00:05Z"));
    }
    default: return sl_v_null();
    }
}
static sl_value value(gen *g, const col *c, int depth) {
    sl_arena *a = g->c->a;
    ty t = c->t;
    if (gen_p(g, g->tame ? 0 : 3))
        t = (ty)gen_n(g, T_BYTES);
    if (gen_p(g, g->usual ? 1 : g->tame ? 2 : 5))
        return sl_v_null();
    if (!strcmp(c->name, "k") && t == c->t)
        return c->text ? sl_v_str(sl_str_n(&"xyz"[gen_n(g, 3)], 1)) : g->c->json || gen_p(g, 90) ? sl_v_int(gen_n(g, 4)) : sl_v_float(gen_n(g, 4));
    if (t == T_LIST) {
        uint32_t n = (g->tame ? 2 : 0) + gen_n(g, 5);
        sl_value *at = SL_NEW_N(a, sl_value, n + 1);
        for (uint32_t i = 0; i < n; i++)
            at[i] = gen_p(g, 5) ? sl_v_null() : scalar(g, c->text ? T_STR : g->tame || gen_p(g, 95) ? T_INT : T_STR);
        return sl_v_list(at, n);
    }
    if (t == T_MAP && depth > 0) {
        static const col members[] = {{"x", T_INT, false}, {"y", T_STR, false}, {"z", T_LIST, false}, {"w", T_MAP, false}};
        sl_member *at = SL_NEW_N(a, sl_member, 5);
        uint32_t n = 0;
        for (uint32_t i = 0; i < 4; i++)
            if (gen_p(g, i < 3 ? 85 : 15))
                at[n++] = (sl_member){sl_str_of(members[i].name), value(g, &members[i], depth - 1)};
        return sl_v_map(at, n);
    }
    return scalar(g, t);
}
static sl_value row_of(gen *g, const src *s, int64_t at) {
    sl_arena *a = g->c->a;
    sl_member *m = SL_NEW_N(a, sl_member, s->ncols + 2);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->ncols; i++) {
        sl_str name = sl_str_of(s->cols[i].name);
        if (name.p[0] == '`')
            name = (sl_str){name.p + 1, name.n - 2};
        if (sl_str_is(name, "ts")) {
            int64_t ts = RQ_START + at - (gen_p(g, 30) ? (int64_t)gen_n(g, 4000) : 0);
            if (g->tame || !gen_p(g, 2))
                m[n++] = (sl_member){name, !g->tame && gen_p(g, 2) ? sl_v_str(SL_S("never")) : sl_v_int(ts)};
        } else if (!gen_p(g, g->usual ? 1 : g->tame ? 2 : 5))
            m[n++] = (sl_member){name, value(g, &s->cols[i], 2)};
    }
    if (gen_p(g, 10)) /* a column that nobody declared or mentions */
        m[n++] = (sl_member){SL_S("extra"), scalar(g, T_NUM)};
    return sl_v_map(m, n);
}
static void rows(gen *g) {
    rq_case *c = g->c;
    uint32_t most = gen_p(g, 70) ? 30 : g->r->bytes ? 50 : gen_p(g, 70) ? 80 : 300, want = 1 + gen_n(g, most);
    if (g->nused > 1 && want > 80) /* pairs of pairs in every window */
        want = 80;
    static const int64_t steps[] = {0, 1, 100, 500, 999, 1000, 1001, 2000, 3000, 5000, 12000};
    c->rows = sl_arena_alloc(c->a, RQ_ROWS * sizeof *c->rows);
    int64_t at = 0, far = g->windowed && g->unit > 1000 ? 13 * g->unit : 15000;
    uint32_t pace = 1 + gen_n(g, 11);       /* some cases are slow, some are fast */
    for (uint32_t i = 0; i < g->nsrcs; i++) /* tables first, as a start would find them */
        if (g->srcs[i].table)
            for (uint32_t n = gen_n(g, 8); n > 0; n--)
                c->rows[c->nrows++] = (rq_row){.def = i, .value = row_of(g, &g->srcs[i], 0)};
    while (c->nrows < want) {
        uint32_t s = gen_n(g, g->nsrcs), burst = gen_p(g, 60) ? 1 : gen_p(g, 80) ? 1 + gen_n(g, 12) : 1 + gen_n(g, 40);
        if (g->srcs[s].lookup)
            s = 0;
        if (g->srcs[s].table && gen_p(g, 60))
            s = 0;
        at += steps[gen_n(g, pace)];
        if (far > 15000 && gen_p(g, 20))
            at += far / 50;
        bool meta = gen_p(g, 15);
        for (uint32_t i = 0; i < burst && c->nrows < want; i++) {
            rq_row *r = &c->rows[c->nrows++];
            *r = (rq_row){.at = at, .def = s, .more = i > 0, .value = row_of(g, &g->srcs[s], at)};
            if (meta) {
                sl_member *m = SL_NEW_N(c->a, sl_member, 3), *h = SL_NEW_N(c->a, sl_member, 1);
                h[0] = (sl_member){SL_S("x"), scalar(g, T_INT)};
                m[0] = (sl_member){SL_S("topic"), sl_v_str(sl_str_of(gen_p(g, 50) ? "t/1" : "t/2"))};
                m[1] = (sl_member){SL_S("n"), scalar(g, T_NUM)};
                m[2] = (sl_member){SL_S("h"), sl_v_map(h, 1)};
                r->meta = sl_v_map(m, 3);
            }
        }
    }
    if (c->opts.event_time && gen_p(g, 80)) { /* what waits for the watermark comes out at the end */
        at += far + 6000;
        for (uint32_t i = 0; i < g->nsrcs; i++)
            if (!g->srcs[i].table && c->nrows < RQ_ROWS)
                c->rows[c->nrows++] = (rq_row){.at = at, .def = i, .value = row_of(g, &g->srcs[i], at)};
    }
    c->until = at + far;
}
void rq_generate(rq_case *c, rq_rnd *r) {
    static const char *const zones[] = {"UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata"};
    gen g = {.c = c, .r = r};
    sl_plan_opts *o = &c->opts;
    sl_plan_opts_default(o);
    c->zone = sl_str_of(zones[gen_p(&g, 75) ? 0 : gen_n(&g, 4)]);
    sl_zone_find(c->zone, &o->zone);
    o->event_time = gen_p(&g, 40);
    o->send_error = gen_p(&g, 80);
    o->send_nil = gen_p(&g, 15);
    g.tame = gen_p(&g, 70);
    g.usual = g.tame && gen_p(&g, 45);
    o->send_meta = gen_p(&g, 8);
    o->ignore_case = gen_p(&g, 5);
    o->disable_alias_ref = gen_p(&g, 4);
    o->incremental = gen_p(&g, 12);
    o->window_v2 = gen_p(&g, 15);
    o->sliding_twice = gen_p(&g, 5);
    static const int64_t late[] = {0, 1000, 2000, 100, 5000};
    o->late_ms = late[gen_n(&g, 5)];
    o->rule_id = SL_S("r1");
    c->json = gen_p(&g, 50);
    c->sleepy = gen_p(&g, 20);
    g.decimals = gen_p(&g, 15);
    uint32_t shape = gen_n(&g, 100);
    define(&g, "s1", false, false);
    if (shape >= 55 && shape < 85)
        define(&g, "s2", false, false);
    if (shape >= 75 && shape < 80)
        define(&g, "s3", false, false);
    if ((shape >= 80 && shape < 92) || shape == 55)
        define(&g, "tb", true, false);
    if (shape >= 92 || shape == 56 || shape == 80)
        define(&g, "lk", true, true);
    select(&g);
    o->window_v2 &= !g.windowed || g.sliding || gen_p(&g, 3); /* else refused */
    o->send_meta &= !g.windowed || gen_p(&g, 3);
    rows(&g);
    sl_buf_free(&g.b);
}
