/* Which members of struct columns a statement needs, and the union of what several need. */
#include "kit.h"
#include "data/type.h"
#include "sql/parse.h"
#include "sql/plan.h"

static sl_arena *A;
static sl_stmt def;
static int up(void **st) {
    (void)st;
    A = sl_arena_new(0);
    return sl_parse(A, SL_S("CREATE STREAM s (o STRUCT(x BIGINT, y STRING, z STRUCT(w FLOAT, v BIGINT)), l ARRAY(STRUCT(x BIGINT)), n BIGINT) WITH (DATASOURCE=\"s\")"), &def,
                    NULL) != NULL;
}
static int down(void **st) {
    (void)st;
    sl_arena_free(A);
    return 0;
}
static const sl_create *find(void *arg, sl_str name) { return arg && name.n ? def.create : NULL; }

static void show(sl_buf *b, const sl_type *t) {
    static const char *const names[] = {"any", "bigint", "float", "string", "bytea", "datetime", "boolean", "array", "struct"};
    sl_buf_puts(b, names[t->kind]);
    if (t->kind != SL_T_STRUCT)
        return;
    sl_buf_putc(b, '(');
    for (uint32_t i = 0; i < t->nfields; i++) {
        sl_buf_printf(b, i ? ",%.*s " : "%.*s ", SL_FMT(t->fields[i].name));
        show(b, t->fields[i].type);
    }
    sl_buf_putc(b, ')');
}
static const sl_type *narrowed(const char *sql, sl_plan **plan) {
    sl_select *s = NULL;
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    assert_null(sl_parse_select(A, sl_str_of(sql), &s, NULL));
    assert_null(sl_plan_make(s, find, A, &o, plan));
    const sl_plan_source *ps = sl_plan_source_at(*plan, 0);
    return ps->nnarrowed ? ps->narrowed[0].type : NULL;
}
static const sl_create *find_loose(void *arg, sl_str name) {
    static sl_create loose = {.schemaless = true};
    (void)arg;
    (void)name;
    return &loose;
}
static void paths_narrow(void **st) {
    (void)st;
    const struct {
        const char *sql, *want;
    } cases[] = {
        {"SELECT o.x FROM s", "struct(x bigint)"},
        {"SELECT n, o->z->w AS w, o.y AS y FROM s", "struct(y string,z struct(w float))"},
        {"SELECT o.z FROM s WHERE o.x > 1", "struct(x bigint,z struct(w float,v bigint))"},
        {"SELECT (o.z).v AS v FROM s", "struct(z struct(v bigint))"},
        {"SELECT CASE WHEN o.x > 1 THEN upper(o.y) ELSE \"\" END AS c FROM s", "struct(x bigint,y string)"},
        {"SELECT o.x, o FROM s", ""},
        {"SELECT * FROM s", ""},
        {"SELECT o.x, * FROM s", ""},
        {"SELECT l[0]->x AS x FROM s", ""},
        {"SELECT o AS q, q->x AS x FROM s", ""},
        {"SELECT o.nosuch AS x FROM s", ""},
        {"SELECT n FROM s", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_plan *p = NULL;
        const sl_type *t = narrowed(cases[i].sql, &p);
        sl_buf b = {0};
        sl_buf_puts(&b, "");
        if (t)
            show(&b, t);
        if (strcmp(sl_buf_cstr(&b), cases[i].want))
            print_error("%s\n", cases[i].sql);
        assert_string_equal(sl_buf_cstr(&b), cases[i].want);
        sl_buf_free(&b);
        sl_plan_drop(p);
    }
}
static void unions_keep_the_order_of_the_declaration(void **st) {
    (void)st;
    sl_plan *p = NULL, *q = NULL;
    const sl_type *whole = def.create->fields[0].type, *x = narrowed("SELECT o->z->v AS v, o.y AS y FROM s", &p), *y = narrowed("SELECT o.x AS x, o->z->w AS w FROM s", &q);
    sl_buf b = {0};
    show(&b, sl_type_union(A, whole, x, y));
    assert_string_equal(sl_buf_cstr(&b), "struct(x bigint,y string,z struct(w float,v bigint))");
    assert_true(sl_type_same(sl_type_union(A, whole, x, y), whole));
    assert_false(sl_type_same(x, y));
    assert_ptr_equal(sl_type_union(A, whole, x, whole), whole);
    assert_ptr_equal(sl_type_union(A, whole, x, sl_type_copy(A, x)), x);
    sl_buf_free(&b);
    sl_plan_drop(p);
    sl_plan_drop(q);
}
/* What only stands in front of a window is not kept in it. */
static void windows_keep_what_is_read_later(void **st) {
    (void)st;
    static const char *const cases[] = {
        "SELECT collect(n) AS c FROM s WHERE long != \"\" GROUP BY TUMBLINGWINDOW(ss, 10)",
        "SELECT collect(n) AS c FROM s GROUP BY SLIDINGWINDOW(ss, 10) FILTER (WHERE long != \"\")",
        "SELECT last_value(n, true) AS c FROM s GROUP BY STATEWINDOW(long = \"begin\", long = \"end\")",
        "SELECT n FROM s GROUP BY COUNTWINDOW(1000) FILTER (WHERE long != \"\")",
    };
    char text[400];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bytes[2];
        for (int plain = 0; plain < 2; plain++) {
            sl_select *s = NULL;
            sl_plan *p = NULL;
            sl_plan_opts o;
            sl_plan_opts_default(&o);
            o.plain = plain;
            assert_null(sl_parse_select(A, sl_str_of(cases[i]), &s, NULL));
            assert_null(sl_plan_make(s, find_loose, A, &o, &p));
            sl_exec *x = sl_exec_new(p, 0);
            sl_builder *w = sl_builder_new(sl_plan_source_at(p, 0)->layout, false);
            for (int r = 0; r < 500; r++) {
                sl_builder_row(w);
                sl_builder_put(w, SL_S("n"), sl_v_int(r));
                sl_builder_put(w, SL_S("long"), sl_v_str(r == 0 ? SL_S("begin") : sl_str_n(text, sizeof text)));
                sl_builder_end(w);
            }
            sl_batch *b = sl_builder_done(w, 1000), *out = NULL;
            sl_view v = {.batch = b, .n = b->nrows};
            bool failed;
            sl_exec_run(x, 0, &v, 1000, &out, &failed);
            assert_false(failed);
            bytes[plain] = sl_exec_state_bytes(x);
            sl_batch_drop(out);
            sl_batch_drop(b);
            sl_builder_free(w);
            sl_exec_free(x);
            sl_plan_drop(p);
        }
        if (bytes[0] * 4 > bytes[1])
            fail_msg("%s: %zu bytes, all columns %zu", cases[i], bytes[0], bytes[1]);
    }
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(paths_narrow), cmocka_unit_test(unions_keep_the_order_of_the_declaration),
                                       cmocka_unit_test(windows_keep_what_is_read_later)};
    return cmocka_run_group_tests(tests, up, down);
}
