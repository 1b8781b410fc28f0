/* Loops for columns of one kind and shared common parts give what the plain form gives: random statements on batches whose columns are uniform, mixed,
 * or hold nulls, run once with all that and once with plain_execution, large and small batches. */
#include <math.h>
#include "kit.h"
#include "sql/parse.h"
#include "sql/plan.h"
#include "sql/vec.h"
#include "sql/vectext.h"

enum { STATEMENTS = 4000 };
static sl_create def;
static const sl_create *find(void *arg, sl_str name) { return &def; }
static uint32_t seed = 7;
static uint32_t rnd(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 9) % n;
}
/* Parts that were written before come again. */
static char pool[16][400];
static uint32_t npool;
static void expr(sl_buf *b, uint32_t depth);
static void text(sl_buf *b, uint32_t depth);
static void when(sl_buf *b, uint32_t depth);
static void number(sl_buf *b, uint32_t depth) {
    static const char *const leaves[] = {"a", "b", "f", "g", "z", "m", "a", "b", "f", "0", "1", "3", "-1", "2.5", "9223372036854775807", "7", "h", "h", "-3", "4"};
    static const char *const ops[] = {"+", "-", "*", "/", "%", "+", "*", "-", "+", "&", "|", "^"};
    static const char *const calls[] = {"abs",  "floor", "sqrt", "round", "length", "sign", "ceil",    "ceiling", "exp", "ln",  "log",  "sin",
                                        "acos", "tan",   "cosh", "atan",  "bitnot", "cot",  "radians", "degrees", "log", "cos", "asin", "tanh"};
    static const char *const pairs[] = {"power", "mod", "bitand", "bitor", "bitxor", "atan2", "round", "log"};
    static const char *const types[] = {"bigint", "float", "boolean", "string"};
    if (depth == 0 || rnd(4) == 0) {
        sl_buf_puts(b, leaves[rnd(20)]);
        return;
    }
    switch (rnd(10)) {
    case 0:
        sl_buf_printf(b, "%s(", calls[rnd(24)]);
        number(b, depth - 1);
        sl_buf_putc(b, ')');
        break;
    case 2:
        sl_buf_printf(b, "%s(", pairs[rnd(8)]);
        number(b, depth - 1);
        sl_buf_puts(b, ", ");
        number(b, 0);
        sl_buf_putc(b, ')');
        break;
    case 3:
        switch (rnd(4)) {
        case 0:
            sl_buf_puts(b, "length(");
            text(b, depth - 1);
            sl_buf_putc(b, ')');
            break;
        case 1:
            sl_buf_puts(b, "indexof(");
            text(b, depth - 1);
            sl_buf_puts(b, ", \"e\")");
            break;
        case 2:
            sl_buf_puts(b, "cast(");
            number(b, depth - 1);
            sl_buf_printf(b, ", \"%s\")", types[rnd(4)]);
            break;
        default:
            sl_buf_puts(b, "CASE ");
            number(b, 0);
            sl_buf_puts(b, " WHEN 1 THEN ");
            number(b, depth - 1);
            sl_buf_puts(b, " WHEN b THEN 2 ELSE ");
            number(b, depth - 1);
            sl_buf_puts(b, " END");
        }
        break;
    case 1:
        sl_buf_puts(b, "CASE WHEN ");
        when(b, depth - 1);
        sl_buf_puts(b, " THEN ");
        number(b, depth - 1);
        if (rnd(2)) {
            sl_buf_puts(b, " WHEN ");
            when(b, depth - 1);
            sl_buf_puts(b, " THEN ");
            number(b, depth - 1);
        }
        if (rnd(3)) {
            sl_buf_puts(b, " ELSE ");
            number(b, depth - 1);
        }
        sl_buf_puts(b, " END");
        break;
    default:
        sl_buf_putc(b, '(');
        number(b, depth - 1);
        sl_buf_printf(b, " %s ", ops[rnd(12)]);
        number(b, depth - 1);
        sl_buf_putc(b, ')');
    }
}
static void when(sl_buf *b, uint32_t depth) { /* no brackets around it */
    static const char *const ops[] = {"=", "<", ">", ">="};
    number(b, depth);
    sl_buf_printf(b, " %s ", ops[rnd(4)]);
    number(b, 0);
    if (rnd(3))
        return;
    sl_buf_puts(b, rnd(2) ? " AND " : " OR ");
    expr(b, depth ? depth - 1 : 0);
}
static void text(sl_buf *b, uint32_t depth) {
    static const char *const calls[] = {"upper", "lower", "trim", "ltrim", "rtrim", "reverse"};
    static const char *const tests[] = {"startswith", "endswith", "regexp_matches"};
    switch (rnd(depth ? 11 : 3)) {
    case 0: sl_buf_puts(b, "\"red\""); break;
    case 1: sl_buf_putc(b, 's'); break;
    case 2: sl_buf_puts(b, rnd(6) ? "t" : "m"); break;
    case 3:
        sl_buf_printf(b, "%s(", calls[rnd(6)]);
        text(b, depth - 1);
        sl_buf_putc(b, ')');
        break;
    case 4:
        sl_buf_puts(b, "substring(");
        text(b, depth - 1);
        sl_buf_puts(b, (const char *const[]){", 0, 2)", ", 1)", ", 2, 9)", ", b, 4)"}[rnd(4)]);
        break;
    case 5:
        sl_buf_puts(b, "CASE WHEN ");
        when(b, depth - 1);
        sl_buf_puts(b, " THEN ");
        text(b, depth - 1);
        sl_buf_puts(b, " WHEN a > 3 THEN \"mid\" ELSE ");
        text(b, depth - 1);
        sl_buf_puts(b, " END");
        break;
    case 6:
        sl_buf_printf(b, "%s(", tests[rnd(3)]);
        text(b, depth - 1);
        sl_buf_puts(b, ", \"e\")");
        break;
    case 7:
        sl_buf_puts(b, "concat(");
        text(b, depth - 1);
        sl_buf_puts(b, ", \"-\", \"x\", ");
        text(b, depth - 1);
        sl_buf_putc(b, ')');
        break;
    case 8: sl_buf_puts(b, "split_value(t, \"e\", 0)"); break;
    default:
        sl_buf_puts(b, "concat(\"a\", ");
        text(b, depth - 1);
        sl_buf_putc(b, ')');
    }
}
static void expr(sl_buf *b, uint32_t depth) { /* a condition, mostly */
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    if (npool && rnd(4) == 0) {
        sl_buf_puts(b, pool[rnd(npool)]);
        return;
    }
    size_t from = b->n;
    switch (depth ? rnd(10) : 9) {
    case 0:
    case 1:
        sl_buf_putc(b, '(');
        expr(b, depth - 1);
        sl_buf_puts(b, rnd(2) ? " AND " : " OR ");
        expr(b, depth - 1);
        sl_buf_putc(b, ')');
        break;
    case 2:
        sl_buf_putc(b, '(');
        number(b, depth - 1);
        sl_buf_puts(b, rnd(2) ? " BETWEEN " : " NOT BETWEEN ");
        number(b, 0);
        sl_buf_puts(b, " AND ");
        number(b, 0);
        sl_buf_putc(b, ')');
        break;
    case 3:
        sl_buf_putc(b, '(');
        text(b, depth - 1);
        sl_buf_puts(b, (const char *const[]){" = \"red\")", " LIKE \"r%\")", " > s)", " <= \"green\")", " NOT LIKE \"%e_\")", " IN (\"red\", s))"}[rnd(6)]);
        break;
    case 4:
        sl_buf_putc(b, '(');
        number(b, depth - 1);
        sl_buf_puts(b, (const char *const[]){" IN (1, 2, 5))", " NOT IN (1, 2.5))", " IN (b, 3))", " IN (1,2,3,4,5,6,7,8,9,11))"}[rnd(4)]);
        break;
    case 5: sl_buf_puts(b, (const char *const[]){"(y AND a > 1)", "(y = true OR a / b > 1)", "(CASE WHEN y THEN true ELSE a > b END)"}[rnd(3)]); break;
    default:
        sl_buf_putc(b, '(');
        number(b, depth ? depth - 1 : 0);
        sl_buf_printf(b, " %s ", ops[rnd(6)]);
        number(b, depth ? depth - 1 : 0);
        sl_buf_putc(b, ')');
    }
    size_t n = b->n - from;
    if (n < sizeof *pool) {
        char *to = pool[npool < 16 ? npool++ : rnd(16)];
        memcpy(to, b->p + from, n);
        to[n] = 0;
    }
}
static void statement(sl_buf *b) {
    npool = 0;
    sl_buf_puts(b, "SELECT ");
    for (uint32_t i = 0, n = 1 + rnd(4); i < n; i++) {
        sl_buf_puts(b, i ? ", " : "");
        switch (rnd(4)) {
        case 0: expr(b, 3); break;
        case 1: text(b, 2); break;
        default: number(b, 4); break;
        }
        sl_buf_printf(b, " AS x%u", i);
        if (i && rnd(4) == 0)
            sl_buf_printf(b, rnd(2) ? ", x%u + a AS y%u" : ", CASE WHEN a > 5 THEN x%u ELSE a END AS y%u", i - 1, i);
    }
    sl_buf_puts(b, rnd(3) ? "" : ", *");
    sl_buf_puts(b, " FROM demo");
    if (rnd(2)) {
        sl_buf_puts(b, " WHERE ");
        expr(b, 2);
        if (rnd(3) == 0) {
            sl_buf_puts(b, " AND ");
            expr(b, 2);
        }
        if (rnd(4) == 0)
            sl_buf_puts(b, rnd(2) ? " AND (a > 30 OR x0 > 3)" : " AND x0 != 3");
    }
}
static sl_plan *plan_of(sl_arena *a, sl_str sql, bool plain, bool errors) {
    sl_select *s;
    sl_plan *p = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.send_error = errors;
    o.plain = plain;
    sl_err *e = sl_parse_select(a, sql, &s, NULL);
    if (!e)
        e = sl_plan_make(s, find, NULL, &o, &p);
    if (e && getenv("SHOW"))
        fprintf(stderr, "REFUSED %s\n", sl_err_text(e));
    sl_err_free(e);
    return p;
}
static sl_batch *batch_of(const sl_layout *l, uint32_t n, uint32_t odd) {
    static const char *const words[] = {"red", "green", "r", ""};
    static const char *const longer[] = {" a\tline of text ", "two\nlines", "\xc3\xa4\xc3\x9f\xe2\x82\xac", "re\n", "Grey mare", "\xff\xfe broken",
                                         "eight by",          "e",          "RED and green, twenty bytes"};
    static const int64_t big[] = {INT64_MIN, INT64_MAX, (int64_t)1 << 53, ((int64_t)1 << 53) + 1, -1, 0, 1000003, -7};
    sl_builder *w = sl_builder_new(l, true);
    for (uint32_t r = 0; r < n; r++) {
        sl_builder_row(w);
        bool strange = odd && rnd(odd) == 0;
        sl_value mixed[] = {sl_v_int(rnd(9)), sl_v_float(rnd(9) * 0.5), sl_v_str(SL_S("3")), sl_v_bool(rnd(2)), sl_v_null(), sl_v_int(INT64_MIN)};
        sl_builder_put(w, SL_S("a"), strange ? mixed[rnd(6)] : sl_v_int((int64_t)rnd(40) - 10));
        sl_builder_put(w, SL_S("b"), rnd(50) ? sl_v_int(rnd(5)) : sl_v_int(INT64_MIN));
        sl_builder_put(w, SL_S("f"), sl_v_float(rnd(40) * 0.5 - 3));
        sl_builder_put(w, SL_S("g"), sl_v_float(rnd(100) * 1.25));
        sl_builder_put(w, SL_S("s"), sl_v_str(sl_str_of(words[rnd(4)])));
        sl_builder_put(w, SL_S("t"), sl_v_str(sl_str_of(rnd(3) ? words[rnd(4)] : longer[rnd(9)])));
        sl_builder_put(w, SL_S("h"), sl_v_int(big[rnd(8)]));
        sl_builder_put(w, SL_S("y"), sl_v_bool(rnd(2)));
        sl_builder_put(w, SL_S("m"), mixed[rnd(6)]);
        if (rnd(5))
            sl_builder_put(w, SL_S("z"), sl_v_int(rnd(10)));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, 1000);
    sl_builder_free(w);
    return b;
}
static bool same(sl_value x, sl_value y) {
    if (x.kind != y.kind || x.flags != y.flags)
        return false;
    if (x.kind == SL_STRING)
        return sl_str_eq(sl_v_text(x), sl_v_text(y));
    return x.kind <= SL_NULL || (x.kind == SL_FLOAT && x.f != x.f && y.f != y.f) || x.i == y.i;
}
static void compare(sl_str sql, const sl_batch *x, const sl_batch *y) {
    if ((x != NULL) != (y != NULL))
        fail_msg("%.*s: one gives nothing", SL_FMT(sql));
    if (!x)
        return;
    if (x->nrows != y->nrows || x->nframes != y->nframes || x->layout->n != y->layout->n)
        fail_msg("%.*s: %u and %u rows, %u and %u frames", SL_FMT(sql), x->nrows, y->nrows, x->nframes, y->nframes);
    for (uint32_t i = 0; i < x->nframes; i++)
        if (x->frames[i].kind != y->frames[i].kind || !sl_str_eq(x->frames[i].error, y->frames[i].error))
            fail_msg("%.*s: frame %u: %.*s\n and %.*s", SL_FMT(sql), i, SL_FMT(x->frames[i].error), SL_FMT(y->frames[i].error));
    for (uint32_t c = 0; c < x->layout->n; c++)
        for (uint32_t r = 0; r < x->nrows; r++)
            if (!same(x->cols[c][r], y->cols[c][r]))
                fail_msg("%.*s: column %.*s of row %u: kinds %u and %u, %lld and %lld", SL_FMT(sql), SL_FMT(x->layout->names[c]), r, x->cols[c][r].kind, y->cols[c][r].kind,
                         (long long)x->cols[c][r].i, (long long)y->cols[c][r].i);
}
static void random_statements(void **state) {
    uint32_t ran = 0;
    def.schemaless = true;
    for (uint32_t i = 0; i < STATEMENTS; i++) {
        sl_buf text_of = {0};
        statement(&text_of);
        sl_str sql = sl_buf_view(&text_of);
        sl_arena *a = sl_arena_new(0);
        bool errors = rnd(2);
        if (getenv("SHOW"))
            fprintf(stderr, "%.*s\n", SL_FMT(sql));
        sl_plan *p = plan_of(a, sql, false, errors), *q = plan_of(a, sql, true, errors);
        assert_int_equal(p != NULL, q != NULL);
        for (int k = 0; p && k < 3; k++) {
            sl_exec *x = sl_exec_new(p, 0), *y = sl_exec_new(q, 0);
            sl_batch *b = batch_of(sl_plan_source_at(p, 0)->layout, (const uint32_t[]){1, 30, 150}[k], (const uint32_t[]){0, 0, 20}[rnd(3)]), *ox = NULL, *oy = NULL;
            uint32_t sel[150], nsel = 0;
            for (uint32_t r = 0; r < b->nrows; r++)
                if (rnd(4))
                    sel[nsel++] = r;
            bool some = rnd(3) == 0 && nsel;
            sl_view v = {.batch = b, .sel = some ? sel : NULL, .n = some ? nsel : b->nrows};
            bool fx, fy;
            sl_exec_run(x, 0, &v, 1000, &ox, &fx);
            sl_exec_run(y, 0, &v, 1000, &oy, &fy);
            assert_false(fx || fy);
            compare(sql, ox, oy);
            int64_t at;
            sl_str ex = sl_exec_last_error(x, &at), ey = sl_exec_last_error(y, &at);
            if (!sl_str_eq(ex, ey))
                fail_msg("%.*s: %.*s\n and %.*s", SL_FMT(sql), SL_FMT(ex), SL_FMT(ey));
            ran += ox != NULL;
            sl_batch_drop(ox);
            sl_batch_drop(oy);
            sl_batch_drop(b);
            sl_exec_free(x);
            sl_exec_free(y);
        }
        sl_plan_drop(p);
        sl_plan_drop(q);
        sl_arena_free(a);
        sl_buf_free(&text_of);
    }
    assert_true(ran > STATEMENTS);
}
/* ---- the loops themselves ---- */
enum { PLACES = 67, ROUNDS = 200 };
static int64_t edge_int(void) {
    static const int64_t edges[] = {0, 1, -1, 2, -2, 7, -7, 10, 1000003, INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, (int64_t)1 << 32, -((int64_t)1 << 53), 3};
    int64_t wide = (int64_t)((uint64_t)rnd(1u << 20) << 44 ^ (uint64_t)rnd(1u << 20) << 22 ^ rnd(1u << 20));
    return rnd(2) ? edges[rnd(16)] : rnd(2) ? wide : wide >> rnd(60);
}
static double edge_float(void) {
    static const double edges[] = {0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 4503599627370497.5, 9007199254740993.0, 1e300, -1e300, INFINITY, -INFINITY, NAN, 3};
    return rnd(2) ? edges[rnd(16)] : (double)edge_int() / 1024;
}
static int64_t int_of(sl_op op, int64_t x, int64_t y) { /* what one value after the other would give */
    switch (op) {
    case SL_OP_ADD: return (int64_t)((uint64_t)x + (uint64_t)y);
    case SL_OP_SUB: return (int64_t)((uint64_t)x - (uint64_t)y);
    case SL_OP_MUL: return (int64_t)((uint64_t)x * (uint64_t)y);
    case SL_OP_DIV: return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
    case SL_OP_MOD: return y == -1 ? 0 : x % y;
    case SL_OP_BAND: return x & y;
    case SL_OP_BOR: return x | y;
    default: return x ^ y;
    }
}
#define HOLDS(op, x, y)                                                                                                                                                            \
    ((op) == SL_OP_EQ ? (x) == (y) : (op) == SL_OP_NE ? (x) != (y) : (op) == SL_OP_LT ? (x) < (y) : (op) == SL_OP_LE ? (x) <= (y) : (op) == SL_OP_GT ? (x) > (y) : (x) >= (y))
static void same_float(double x, double y) {
    if (memcmp(&x, &y, sizeof x) != 0 && !(x != x && y != y))
        fail_msg("%a and %a", x, y);
}
static void numbers(const sl_loops *l) {
    int64_t a[PLACES], b[PLACES], d[PLACES], yes[PLACES];
    double x[PLACES], y[PLACES], f[PLACES];
    for (uint32_t again = 0; again < ROUNDS; again++) {
        uint32_t n = 1 + rnd(PLACES);
        unsigned one = rnd(3);
        for (uint32_t i = 0; i < n; i++) {
            a[i] = edge_int();
            b[i] = edge_int();
            x[i] = again % 2 ? edge_float() : (double)((int64_t)rnd(1u << 30) - (1 << 29));
            y[i] = again % 4 ? edge_float() : (double)((int64_t)rnd(40) - 20);
            yes[i] = rnd(2);
        }
#define A(v, i) v[one == SL_ONE_A ? 0 : i]
#define B(v, i) v[one == SL_ONE_B ? 0 : i]
        for (sl_op op = SL_OP_ADD; op <= SL_OP_BXOR; op++) {
            bool zero = false;
            for (uint32_t i = 0; i < n; i++)
                zero |= B(b, i) == 0 && (op == SL_OP_DIV || op == SL_OP_MOD);
            assert_int_equal(l->ints(op, d, a, b, one, n), !zero);
            for (uint32_t i = 0; !zero && i < n; i++)
                if (d[i] != int_of(op, A(a, i), B(b, i)))
                    fail_msg("%lld %s %lld gives %lld", (long long)A(a, i), sl_op_text[op], (long long)B(b, i), (long long)d[i]);
        }
        for (sl_op op = SL_OP_ADD; op <= SL_OP_MOD; op++) {
            bool zero = false;
            for (uint32_t i = 0; i < n; i++)
                zero |= B(y, i) == 0 && (op == SL_OP_DIV || op == SL_OP_MOD);
            assert_int_equal(l->floats(op, f, x, y, one, n), !zero);
            for (uint32_t i = 0; !zero && i < n; i++) {
                double p = A(x, i), q = B(y, i);
                same_float(f[i], op == SL_OP_ADD ? p + q : op == SL_OP_SUB ? p - q : op == SL_OP_MUL ? p * q : op == SL_OP_DIV ? p / q : fmod(p, q));
            }
        }
        for (sl_op op = SL_OP_EQ; op <= SL_OP_GE; op++) {
            l->cmp_ints(op, d, a, b, one, n);
            for (uint32_t i = 0; i < n; i++)
                assert_int_equal(d[i], HOLDS(op, A(a, i), B(b, i)));
            l->cmp_floats(op, d, x, y, one, n);
            for (uint32_t i = 0; i < n; i++)
                assert_int_equal(d[i], HOLDS(op, A(x, i), B(y, i)));
        }
        double (*const calls[])(double) = {fabs, ceil, floor, round, sqrt};
        for (sl_unary u = SL_U_ABS; u <= SL_U_SQRT; u++) {
            l->unary(u, f, x, n);
            for (uint32_t i = 0; i < n; i++)
                same_float(f[i], calls[u](x[i]));
        }
        l->between_ints(d, a, b[0], INT64_MAX, true, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(d[i], a[i] < b[0]);
        l->between_floats(d, x, -3, y[0], false, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(d[i], x[i] >= -3 && x[i] <= y[0]);
        memcpy(d, a, sizeof d);
        l->pick(d, yes, b, false, n);
        uint32_t at[PLACES], hits = l->keep(at, yes, NULL, n), k = 0;
        assert_int_equal(hits, l->count(yes, n));
        for (uint32_t i = 0; i < n; i++) {
            assert_true(d[i] == (yes[i] ? b[i] : a[i]));
            if (yes[i])
                assert_int_equal(at[k++], i);
        }
        sl_value v[PLACES];
        l->box(v, a, SL_INT, 0, n);
        assert_true(l->unbox(d, v, NULL, SL_INT, n) && l->same(v, NULL, SL_INT, n) && memcmp(d, a, n * sizeof *d) == 0);
        assert_true(hits == 0 || (l->unbox(d, v, at, SL_INT, hits) && d[hits - 1] == a[at[hits - 1]]));
        v[n - 1].flags = SL_F_WEEKDAY;
        assert_false(l->unbox(d, v, NULL, SL_INT, n) || l->same(v, NULL, SL_INT, n));
    }
}
static void loops_for_every_processor(void **state) {
    numbers(&sl_loops_plain);
    numbers(sl_loops_here());
}
static void short_texts(void **state) {
    char text[80], to[96];
    for (uint32_t n = 0; n <= 70; n++)
        for (uint32_t at = 0; at <= n; at++) {
            char *p = memcpy(malloc(n + 1), memset(text, 'x', sizeof text), n + 1); /* of just that length, for those who watch */
            if (at < n)
                p[at] = '\n';
            char *just = memcpy(malloc(n ? n : 1), p, n ? n : 1);
            assert_int_equal(sl_text_has_newline(just, n), at < n);
            assert_true(sl_text_plain(just, n));
            sl_text_key key = sl_text_key_of(p, n);
            assert_true(sl_text_is(just, &key));
            sl_text_put(to, just, n);
            assert_memory_equal(to, just, n);
            if (at < n) {
                just[at] = (char)0x8a;
                assert_false(sl_text_has_newline(just, n) || sl_text_plain(just, n) || sl_text_is(just, &key));
            }
            free(just);
            free(p);
        }
    uint64_t w;
    memcpy(&w, "aZ@[`{z9", 8);
    w = sl_word_case(w, true);
    assert_memory_equal(&w, "AZ@[`{Z9", 8);
    w = sl_word_case(w, false);
    assert_memory_equal(&w, "az@[`{z9", 8);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_statements), cmocka_unit_test(loops_for_every_processor), cmocka_unit_test(short_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
