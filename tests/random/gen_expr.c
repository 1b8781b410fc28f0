/* Expressions of a wanted type (now and then of another one), functions with the arguments that their own signature names. What must not be written
 * because its result is not determined stands in `undetermined`, with the reason. */
#include <string.h>
#include "gen.h"

static const struct {
    const char *name, *why;
} undetermined[] = {
    {"rand", "random"},
    {"newuuid", "random"},
    {"array_shuffle", "random"},
    {"delay", "waits"},
    {"props", "reads the process"},
    {"compress", "a loadable module; bytes are the library's"},
    {"decompress", "as compress"},
    {"cur_date", "the machine's clock"},
    {"current_date", "the machine's clock"},
    {"cur_time", "the machine's clock"},
    {"current_time", "the machine's clock"},
    {"now", "the machine's clock"},
    {"current_timestamp", "the machine's clock"},
    {"local_time", "the machine's clock"},
    {"local_timestamp", "the machine's clock"},
};
static bool usable(const sl_func *f) {
    for (size_t i = 0; i < sizeof undetermined / sizeof *undetermined; i++)
        if (!strcmp(f->name, undetermined[i].name))
            return false;
    return !(f->flags & SL_FN_HIDDEN) && strncmp(f->name, "inc_", 4) != 0;
}
/* ---- signatures ---- */
static ty type_named(const char *s, size_t n) {
    static const struct {
        const char *word;
        ty t;
    } words[] = {{"number", T_NUM}, {"int", T_INT},    {"float", T_NUM},     {"string", T_STR},  {"boolean", T_BOOL},
                 {"array", T_LIST}, {"object", T_MAP}, {"datetime", T_TIME}, {"bytea", T_BYTES}, {"weekday", T_INT}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t k = strlen(words[i].word);
        if (n >= k && !memcmp(s, words[i].word, k) && (n == k || s[k] == ' '))
            return words[i].t;
    }
    return T_ANY;
}
static ty result_of(const sl_func *f) {
    const char *p = f->sig ? strstr(f->sig, "-> ") : NULL;
    return p ? type_named(p + 3, strlen(p + 3)) : T_ANY;
}
static bool fits(ty have, ty want) { return want == T_ANY || have == want || (want == T_NUM && have == T_INT) || (have == T_ANY && want != T_TIME); }
const sl_func *gen_func(gen *g, sl_fkind kind, ty t) {
    enum { MOST = 400 };
    static struct {
        const sl_func *f;
        ty gives;
    } all[MOST];
    static uint32_t nall;
    const sl_func *f;
    if (!nall)
        for (size_t i = 0; (f = sl_func_at(i)) && nall < MOST; i++)
            if (usable(f)) {
                all[nall].f = f;
                all[nall++].gives = result_of(f);
            }
    uint32_t n = 0;
    for (uint32_t i = 0; i < nall; i++)
        n += all[i].f->kind == kind && fits(all[i].gives, t);
    uint32_t pick = gen_n(g, n);
    for (uint32_t i = 0; n && i < nall; i++)
        if (all[i].f->kind == kind && fits(all[i].gives, t) && pick-- == 0)
            return all[i].f;
    return NULL;
}
bool gen_parses(const char *expr) {
    sl_arena *a = sl_arena_new(0);
    sl_select *sel;
    sl_err *e = sl_parse_select(a, sl_arena_printf(a, "SELECT %s AS x FROM s1", expr), &sel, NULL);
    bool ok = !e;
    sl_err_free(e);
    sl_arena_free(a);
    return ok;
}
static void literal(gen *g, ty t);
/* Arguments by the signature: "(x number [, digits int]) -> …", "(key string, value any, …)". */
static void by_signature(gen *g, const sl_func *f, int depth) {
    const char *p = f->sig ? strchr(f->sig, '(') : NULL, *end = p ? strstr(p, ") ") : NULL;
    ty last = T_ANY;
    uint32_t n = 0;
    gen_put(g, f->name);
    gen_put(g, "(");
    for (p = p ? p + 1 : NULL; p && end && p < end;) {
        while (p < end && (*p == ' ' || *p == ',' || *p == ']'))
            p++;
        if (p >= end)
            break;
        if (*p == '[') {
            if (!gen_p(g, 50))
                break;
            p++;
            continue;
        }
        size_t k = 0;
        while (p + k < end && !memchr(",[]", p[k], 3))
            k++;
        if (!memcmp(p, "\xe2\x80\xa6", 3)) { /* … */
            for (uint32_t more = gen_n(g, 3); more > 0; more--) {
                gen_put(g, ", ");
                gen_expr(g, last, depth - 1);
            }
            break;
        }
        if (n++)
            gen_put(g, ", ");
        const char *type = memchr(p, ' ', k);
        last = type ? type_named(type + 1, k - (size_t)(type + 1 - p)) : T_ANY;
        if (*p == '"')
            sl_buf_put(&g->b, p, k);
        else if (f->flags & SL_FN_STAR && memmem(p, k, "or *", 4) && gen_p(g, 30))
            gen_put(g, gen_p(g, 10) ? "* EXCEPT(b)" : "*");
        else if (g->tame && last == T_BOOL)
            literal(g, last);
        else if (f->kind == SL_FN_SCALAR || gen_p(g, 70) || n == 1)
            gen_expr(g, last, depth - 1);
        else
            literal(g, last);
        p += k;
    }
    gen_put(g, ")");
}
/* The row's own example with some of its literals replaced, for functions whose check wants a form that types do not tell. */
static void by_example(gen *g, const sl_func *f, int depth) {
    for (const char *p = f->example; *p;) {
        if (*p == '"') {
            const char *e = p + 1;
            while (*e && *e != '"')
                e += e[0] == '\\' ? 2 : 1;
            if (gen_p(g, g->tame ? 10 : 30))
                gen_expr(g, T_STR, depth - 1);
            else
                sl_buf_put(&g->b, p, (size_t)(e + 1 - p));
            p = e + 1;
        } else if (*p >= '0' && *p <= '9' && (p == f->example || p[-1] == ' ' || p[-1] == '(')) {
            const char *e = p;
            while ((*e >= '0' && *e <= '9') || *e == '.')
                e++;
            if (gen_p(g, 50))
                gen_expr(g, T_INT, depth - 1);
            else
                sl_buf_put(&g->b, p, (size_t)(e - p));
            p = e;
        } else
            sl_buf_putc(&g->b, *p++);
    }
}
static void over(gen *g) {
    bool part = gen_p(g, 60), when = gen_p(g, 40) || !part;
    bool analytic = g->analytic;
    g->analytic = false;
    gen_put(g, " OVER (");
    if (part) {
        gen_put(g, "PARTITION BY ");
        gen_column(g, T_ANY);
    }
    if (when) {
        gen_put(g, part ? " WHEN " : "WHEN ");
        gen_expr(g, T_BOOL, 1);
    }
    gen_put(g, ")");
    g->analytic = analytic;
}
void gen_call(gen *g, const sl_func *f, int depth) {
    size_t mark = g->b.n;
    for (int tries = 0; tries < 3 && g->calls < 300; tries++, g->calls++) { /* bytes that ran out would try the same again and again */
        g->b.n = mark;
        if (!f->example || !strpbrk(f->example, "0123456789\"") || gen_p(g, g->tame && f->kind == SL_FN_SCALAR ? 40 : 70))
            by_signature(g, f, depth);
        else
            by_example(g, f, depth);
        if (f->kind == SL_FN_ANALYTIC && gen_p(g, 35))
            over(g);
        sl_buf_putc(&g->b, 0);
        g->b.n--;
        if (gen_parses(g->b.p + mark))
            return;
    }
    g->b.n = mark;
    literal(g, result_of(f));
}
/* ---- leaves ---- */
static void literal(gen *g, ty t) {
    static const char *const texts[] = {"a", "b", "abc", "", "x%y", "a,b", "10", "h\xc3\xa9", "2020-01-02 03:04:05", "{\\\"a\\\":1}", "$.x", "x", "y", "^a.*"};
    static const char *const ints[] = {"0", "1", "2", "3", "-1", "7", "10", "100", "-5", "9223372036854775807", "4096"};
    static const char *const floats[] = {"0.5", "1.25", "-2.5", "100.0", "0.0", "3.75", "1.0"};
    switch (t) {
    case T_INT: gen_put(g, ints[gen_n(g, gen_p(g, 5) ? 11 : 9)]); break;
    case T_NUM: gen_put(g, gen_p(g, 40) ? floats[gen_n(g, 7)] : ints[gen_n(g, 9)]); break;
    case T_STR: sl_buf_printf(&g->b, "\"%s\"", texts[gen_n(g, sizeof texts / sizeof *texts)]); break;
    case T_BOOL: gen_put(g, gen_p(g, 50) ? "true" : "false"); break;
    case T_LIST: gen_put(g, gen_p(g, 50) ? "array_create(1, 2.5)" : "array_create(\"a\", 3, \"b\")"); break;
    case T_MAP: gen_put(g, "object_construct(\"x\", 1, \"y\", \"b\")"); break;
    case T_TIME: gen_put(g, gen_p(g, 50) ? "cast(1700006405250, \"datetime\")" : "cast(\"2023-11-15 00:00:05\", \"datetime\")"); break;
    case T_BYTES: gen_put(g, "cast(\"aGk=\", \"bytea\")"); break;
    case T_ANY: literal(g, (ty)gen_n(g, T_TIME)); break;
    }
}
void gen_column(gen *g, ty t) {
    for (int tries = 0; tries < 6; tries++) {
        if (tries == 5 && g->tame) {
            literal(g, t);
            return;
        }
        const src *s = &g->srcs[g->used[gen_n(g, g->nused)]];
        const col *c = &s->cols[gen_n(g, s->ncols)];
        bool path = c->t == T_MAP && t != T_MAP && t != T_ANY;
        if (tries < 5 && !path && !fits(c->t, t) && !(c->t == T_LIST && t != T_BOOL && (!g->tame || (t == T_STR) == c->text)))
            continue;
        if (g->nused > 1 ? !gen_p(g, g->tame ? 1 : 3) : gen_p(g, 15))
            sl_buf_printf(&g->b, "%s.", s->called);
        gen_put(g, c->name);
        if (path)
            gen_put(g, t == T_STR ? "->y" : t == T_LIST ? "->z" : gen_p(g, 30) ? "->z[0]" : gen_p(g, 50) ? ".x" : "->x");
        else if (c->t == T_LIST && t != T_LIST && t != T_ANY)
            gen_put(g, gen_p(g, 70) ? "[0]" : gen_p(g, 50) ? "[-1]" : "[1]");
        return;
    }
}
static bool named(gen *g, ty t) {
    for (uint32_t i = g->naliases; i-- > 0;) {
        const alias *a = &g->aliases[i];
        if (a->rough || (a->agg && (!g->aggs || g->inside)) || (a->analytic && !g->analytic) || !fits(a->t, t) || gen_p(g, 50))
            continue;
        gen_put(g, a->name);
        g->saw_agg |= a->agg;
        g->saw_analytic |= a->analytic;
        return true;
    }
    return false;
}
/* ---- aggregates ---- */
/* Sums are compared exactly where something is computed from them, so what they add up must then be exact in binary. */
static void exact_argument(gen *g, ty t) {
    gen_column(g, t);
    if (t != T_STR && gen_p(g, 20))
        gen_put(g, gen_p(g, 50) ? " + 1" : " * 2");
}
void gen_agg(gen *g, ty t, int depth) {
    bool aggs = g->aggs, rough = g->rough, analytic = g->analytic;
    g->aggs = false;
    g->inside = true;
    g->analytic = analytic && gen_p(g, 10);
    g->saw_agg = true;
    const sl_func *f = gen_func(g, SL_FN_AGG, t);
    if (!f || gen_p(g, g->usual ? 90 : 50)) {
        static const char *const usual[] = {"count", "sum", "avg", "min", "max", "collect"};
        f = sl_func_find(sl_str_of(usual[gen_n(g, t == T_ANY ? 6 : 5)]));
    }
    static const char *const roughs[] = {"stddev", "stddevs", "var", "vars", "percentile_cont", "median", "avg", "sum"};
    bool is_rough = false;
    for (size_t i = 0; i < (g->decimals ? 8 : 5); i++)
        is_rough |= !strcmp(f->name, roughs[i]);
    if (is_rough && !rough)
        f = sl_func_find(SL_S("count"));
    g->rough = false;
    if (rough && !g->usual && gen_p(g, 50)) {
        g->saw_rough = true;
        gen_call(g, f, depth);
    } else if (!strcmp(f->name, "count") || !strcmp(f->name, "sum") || !strcmp(f->name, "avg") || !strcmp(f->name, "min") || !strcmp(f->name, "max")) {
        g->saw_rough |= is_rough;
        gen_put(g, f->name);
        gen_put(g, "(");
        if (f->name[0] == 'c' && gen_p(g, 50))
            gen_put(g, "*");
        else
            exact_argument(g, f->name[0] == 'm' && gen_p(g, 20) ? T_STR : T_NUM);
        gen_put(g, ")");
    } else if (is_rough) {
        g->saw_rough = true;
        gen_call(g, f, depth);
    } else
        gen_call(g, f, depth < 1 ? depth : 1);
    if (f->kind == SL_FN_AGG && gen_p(g, 4)) /* a condition of its own */
        (void)0;
    g->aggs = aggs;
    g->inside = false;
    g->rough = rough;
    g->analytic = analytic;
}
/* ---- operators ---- */
static void binary(gen *g, ty t, const char *const *ops, uint32_t n, int depth) {
    bool paren = gen_p(g, 30);
    gen_put(g, paren ? "(" : "");
    gen_expr(g, t, depth - 1);
    sl_buf_printf(&g->b, " %s ", ops[gen_n(g, n)]);
    gen_expr(g, t, depth - 1);
    gen_put(g, paren ? ")" : "");
}
static void operand(gen *g, ty t, int depth) { /* a bound of BETWEEN, the right side of LIKE: one operand */
    gen_put(g, "(");
    gen_expr(g, t, depth - 1);
    gen_put(g, ")");
}
static void condition(gen *g, int depth) {
    static const char *const compare[] = {"=", "!=", "<", "<=", ">", ">="}, *const logic[] = {"AND", "OR"};
    static const char *const patterns[] = {"a%", "%b%", "_b_", "%", "x\\\\%y", "a", "", "h_", "%1%"};
    switch (gen_n(g, 10)) {
    case 0:
    case 1:
    case 2: binary(g, gen_p(g, 80) ? T_NUM : gen_p(g, 80) ? T_STR : T_TIME, compare, 6, depth); break;
    case 3:
    case 4: binary(g, T_BOOL, logic, 2, depth); break;
    case 5: {
        ty t = gen_p(g, 80) ? T_NUM : T_STR;
        gen_expr(g, t, depth - 1);
        gen_put(g, gen_p(g, 30) ? " NOT BETWEEN " : " BETWEEN ");
        operand(g, t, depth);
        gen_put(g, " AND ");
        operand(g, t, depth);
        break;
    }
    case 6: {
        ty t = gen_p(g, 60) ? T_NUM : T_STR;
        gen_expr(g, t, depth - 1);
        gen_put(g, gen_p(g, 30) ? " NOT IN " : " IN ");
        if (gen_p(g, 20)) {
            gen_column(g, T_LIST);
            break;
        }
        gen_put(g, "(");
        for (uint32_t n = 1 + gen_n(g, 4), i = 0; i < n; i++) {
            gen_put(g, i ? ", " : "");
            if (gen_p(g, 70))
                literal(g, t);
            else
                gen_expr(g, t, depth - 1);
        }
        gen_put(g, ")");
        break;
    }
    case 7:
        gen_expr(g, T_STR, depth - 1);
        gen_put(g, gen_p(g, 30) ? " NOT LIKE " : " LIKE ");
        if (gen_p(g, 80))
            sl_buf_printf(&g->b, "\"%s\"", patterns[gen_n(g, 9)]);
        else
            operand(g, T_STR, depth);
        break;
    case 8:
        gen_put(g, "isnull(");
        gen_expr(g, T_ANY, depth - 1);
        gen_put(g, ")");
        break;
    default: gen_column(g, T_BOOL);
    }
}
static void choice(gen *g, ty t, int depth) {
    bool operand_form = gen_p(g, 40);
    ty of = gen_p(g, 60) ? T_NUM : T_STR;
    gen_put(g, "CASE");
    if (operand_form) {
        gen_put(g, " ");
        gen_expr(g, of, depth - 1);
    }
    for (uint32_t n = 1 + gen_n(g, 2), i = 0; i < n; i++) {
        static const char *const compare[] = {"=", "<", ">="};
        gen_put(g, " WHEN ");
        if (operand_form && gen_p(g, 70))
            literal(g, of);
        else if (operand_form)
            gen_expr(g, of, depth - 1);
        else {
            gen_expr(g, of, depth - 1);
            sl_buf_printf(&g->b, " %s ", compare[gen_n(g, 3)]);
            gen_expr(g, of, depth - 1);
        }
        gen_put(g, " THEN ");
        gen_expr(g, t, depth - 1);
    }
    if (gen_p(g, 70)) {
        gen_put(g, " ELSE ");
        gen_expr(g, t, depth - 1);
    }
    gen_put(g, " END");
}
static void slice(gen *g, int depth) {
    gen_column(g, T_LIST);
    gen_put(g, "[");
    if (gen_p(g, g->tame ? 20 : 60))
        gen_expr(g, T_INT, depth > 1 ? 1 : 0);
    gen_put(g, ":");
    if (gen_p(g, 30))
        gen_expr(g, T_INT, depth > 1 ? 1 : 0);
    gen_put(g, "]");
}
/* A condition that most rows meet. */
void gen_likely(gen *g) {
    static const char *const parts[] = {" >= -2", " < 1000", " != 3", " BETWEEN (-5) AND (500)", " NOT IN (1, 7)", " > 0", " + 1 < 50"};
    if (!g->tame || gen_p(g, g->usual ? 5 : 35)) {
        gen_expr(g, T_BOOL, 3);
        return;
    }
    for (uint32_t n = 1 + gen_n(g, 2), i = 0; i < n; i++) {
        gen_put(g, i ? gen_p(g, 70) ? " AND " : " OR " : "");
        if (gen_p(g, 20)) {
            gen_put(g, "isnull(");
            gen_column(g, T_ANY);
            gen_put(g, ") = false");
            continue;
        }
        gen_column(g, T_NUM);
        gen_put(g, parts[gen_n(g, 7)]);
    }
}
void gen_expr(gen *g, ty t, int depth) {
    static const char *const arith[] = {"+", "-", "*", "/", "%"}, *const bits[] = {"&", "|", "^", "+", "-"};
    if (!g->tame && gen_p(g, 4)) /* of a wrong type */
        t = (ty)gen_n(g, T_ANY + 1);
    if (g->aggs && !g->inside && gen_p(g, depth > 0 ? 25 : 15)) {
        gen_agg(g, t, depth);
        return;
    }
    if (gen_p(g, 15) && named(g, t))
        return;
    if (depth <= 0 || gen_p(g, 35) || g->b.n > 3000) {
        if (gen_p(g, 75) && t != T_BYTES)
            gen_column(g, t);
        else
            literal(g, t);
        return;
    }
    if (g->analytic && gen_p(g, 8)) {
        const sl_func *f = gen_func(g, SL_FN_ANALYTIC, t);
        if (f) {
            bool aggs = g->aggs;
            g->aggs = aggs && gen_p(g, 5); /* they run before there are groups: what an aggregate is to them is upstream's riddle */
            g->saw_analytic = true;
            gen_call(g, f, depth);
            g->aggs = aggs;
            return;
        }
    }
    if (gen_p(g, 3)) {
        gen_put(g, gen_p(g, 60) ? "meta(topic)" : gen_p(g, 50) ? "meta(n)" : "meta(h->x)");
        return;
    }
    if (gen_p(g, 8)) {
        choice(g, t, depth);
        return;
    }
    const sl_func *f = NULL;
    switch (t) {
    case T_INT:
        if (gen_p(g, 60)) {
            binary(g, T_INT, bits, 5, depth);
            return;
        }
        break;
    case T_NUM:
        if (gen_p(g, 60)) {
            binary(g, T_NUM, arith, gen_p(g, 60) ? 3 : 5, depth);
            return;
        }
        break;
    case T_BOOL:
        if (gen_p(g, 80)) {
            condition(g, depth);
            return;
        }
        break;
    case T_LIST:
        if (gen_p(g, 40)) {
            slice(g, depth);
            return;
        }
        break;
    default: break;
    }
    f = gen_func(g, SL_FN_SCALAR, t);
    if (f)
        gen_call(g, f, depth);
    else
        literal(g, t);
}
