/* Rows that the filter does not want are not decoded to the end; what comes out and what is counted is that of rules that read every row whole: same rows,
 * same errors of malformed texts and wrong types, declared and schemaless, while rules come and go. */
#include "flow_kit.h"

enum { ROUNDS = 120 };
static uint32_t seed;
static uint32_t rnd(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}
static const char *const wheres[] = {"a > 20",
                                     "a = 7 AND s = \"x\"",
                                     "s LIKE \"x%\"",
                                     "a IN (1, 2, 3)",
                                     "a BETWEEN 3 AND 4 AND b = 1",
                                     "a > 19 AND (b = 1 OR s = \"x\")",
                                     "ok = true AND a < 3",
                                     "a != 5 AND s = \"yy\"",
                                     "a > 1",
                                     "20 <= a"};
static const char *const lists[] = {"*", "a, b, s, f", "a, s, o, ok", "b, f, ok, l", "o.x AS x, b, l, s, f"};
static const char *const loose = "CREATE STREAM demo () WITH (DATASOURCE=\"x\", TYPE=\"feed\", FORMAT=\"json\")";
static const char *const strict =
    "CREATE STREAM demo (a BIGINT, b FLOAT, s STRING, f FLOAT, ok BOOLEAN, o STRUCT(x BIGINT), l ARRAY(FLOAT)) WITH (DATASOURCE=\"x\", TYPE=\"feed\", FORMAT=\"json\")";

static void put(sl_buf *b, const char *key, uint32_t odd) {
    static const char *const strange[] = {"null", "1.5",  "\"12\"",  "true", "[1,2]", "{\"x\":1}", "1e3",     "\"a\\\"b\\u00e9\"", "12345678901234567890",
                                          "-0",   "\"\"", "[\"x\"]", "tru",  "1-2",   "{",         "\"\xff\""};
    if (b->n > 1)
        sl_buf_puts(b, rnd(20) ? "," : " , ");
    sl_buf_printf(b, "\"%s\":", key);
    if (odd && rnd(odd) == 0) {
        sl_buf_puts(b, strange[rnd(odd < 30 ? 16 : 12)]);
        return;
    }
    switch (*key) {
    case 'a': sl_buf_printf(b, "%u", rnd(23)); break;
    case 'b': sl_buf_printf(b, "%u", rnd(3)); break;
    case 's': sl_buf_puts(b, rnd(3) ? "\"yyyyyyyyyyyyyyyyyyy\"" : rnd(2) ? "\"x\"" : "\"yy\""); break;
    case 'f': sl_buf_printf(b, "%u.%u", rnd(1000), rnd(1000)); break;
    case 'o': sl_buf_puts(b, key[1] ? rnd(2) ? "true" : "false" : "{\"x\":7}"); break;
    case 'l': sl_buf_puts(b, "[1,2.5]"); break;
    default: sl_buf_puts(b, "\"more\""); break;
    }
}
static void message(char *to, size_t size, uint32_t odd, bool nested) {
    static const char *const keys[] = {"a", "b", "s", "f", "ok", "extra", "o", "l"};
    sl_buf b = {0};
    sl_buf_putc(&b, '{');
    uint32_t n = nested ? 8 : 6, from = rnd(30) ? 0 : rnd(n);
    for (uint32_t i = 0; i < n; i++)
        if (rnd(40))
            put(&b, keys[(from + i) % n], odd);
    if (rnd(60))
        sl_buf_putc(&b, '}');
    snprintf(to, size, rnd(50) ? "%s" : "[%s]", sl_buf_cstr(&b));
    sl_buf_free(&b);
}
typedef struct pack {
    feed *f;
    char (*text)[400];
    int n;
} pack;
static void pack_there(void *arg) {
    pack *g = arg;
    for (int i = 0; i < g->n; i++) {
        sl_packet p = {.bytes = sl_str_of(g->text[i]), .pos = ++g->f->pos};
        g->f->out->bytes(g->f->out, &p);
    }
    g->f->out->drained(g->f->out);
}
static sl_srcdef *source_of(const char *identity, bool declared) {
    sl_srcdef *d = make_src(true, identity);
    def_text = declared ? strict : loose;
    if (declared) {
        const sl_create *c = find_def(d->arena, SL_S("demo"));
        d->fields = d->codec_conf.fields = c->fields;
        d->nfields = d->codec_conf.nfields = c->nfields;
    }
    return d;
}
typedef struct twin {
    rule both[2];
    collect c[2];
    bool there;
} twin;
static feed feeds[2];
static void begin(twin *t, bool declared, bool errors) {
    char sql[500];
    const char *where = wheres[rnd(10)];
    switch (rnd(6)) {
    case 0: snprintf(sql, sizeof sql, "SELECT count(*) AS n, collect(a) AS all_a, b, s, f, o, l FROM demo GROUP BY COUNTWINDOW(2) FILTER (WHERE %s)", where); break;
    case 1: snprintf(sql, sizeof sql, "SELECT count(*) AS n, b, s, f, l FROM demo WHERE %s GROUP BY STATEWINDOW(b = 1, b = 2)", where); break;
    default: snprintf(sql, sizeof sql, "SELECT %s FROM demo WHERE %s", lists[rnd(5)], where); break;
    }
    *t = (twin){.there = true};
    for (int k = 0; k < 2; k++) {
        plain_form = k;
        collect_init(&t->c[k], AT_ONCE);
        rule_open(&t->both[k], &feeds[k], sql, source_of(k ? "plain" : "look", declared), "{}", &t->c[k], 0, errors);
    }
    plain_form = false;
}
static void compare(twin *t) {
    for (int k = 0; k < 2; k++)
        rule_sink(&t->both[k]);
    const sl_meters *x = &t->both[0].m, *y = &t->both[1].m;
    assert_int_equal(x->rows_in, y->rows_in);
    assert_int_equal(x->rows_filtered, y->rows_filtered);
    assert_int_equal(x->rows_failed, y->rows_failed);
    assert_int_equal(x->rows_out, y->rows_out);
    assert_int_equal(x->n, y->n);
    for (uint32_t i = 0; i < x->n; i++) {
        assert_string_equal(x->at[i].name, y->at[i].name);
        if (x->at[i].in != y->at[i].in || x->at[i].out != y->at[i].out)
            fail_msg("%s: in %llu and %llu, out %llu and %llu", x->at[i].name, (unsigned long long)x->at[i].in, (unsigned long long)y->at[i].in, (unsigned long long)x->at[i].out,
                     (unsigned long long)y->at[i].out);
        assert_int_equal(x->at[i].errors, y->at[i].errors);
        assert_int_equal(x->at[i].last_error != NULL, y->at[i].last_error != NULL);
        if (x->at[i].last_error)
            assert_string_equal(x->at[i].last_error, y->at[i].last_error);
    }
    for (size_t i = 0; i < t->c[0].got.n && i < t->c[1].got.n; i++)
        assert_string_equal(t->c[0].got.at[i], t->c[1].got.at[i]);
    assert_int_equal(t->c[0].got.n, t->c[1].got.n);
    for (size_t i = 0; i < t->c[0].got.n; i++)
        assert_string_equal(t->c[0].got.at[i], t->c[1].got.at[i]);
}
static void end(twin *t) {
    compare(t);
    for (int k = 0; k < 2; k++)
        rule_close(&t->both[k]);
    assert_int_equal(t->both[0].m.rows_in, t->both[1].m.rows_in);
    for (int k = 0; k < 2; k++) {
        rule_end(&t->both[k]);
        collect_forget(&t->c[k]);
    }
    t->there = false;
}
static uint64_t left_now;
static void count_left(void *arg) { left_now += source_left(((rule *)arg)->flow->source); }
static void play(uint32_t from, bool declared, bool nested, uint32_t odd, bool errors) {
    enum { RULES = 3 };
    static char text[300][400];
    twin twins[RULES] = {{.there = false}};
    seed = from;
    left_now = 0;
    memset(feeds, 0, sizeof feeds);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RULES; i++)
            if (!twins[i].there && (round == 0 ? i == 0 : rnd(3) == 0))
                begin(&twins[i], declared, errors && rnd(2));
        int n = 1 + (int)rnd(rnd(3) ? 8 : 300);
        for (int i = 0; i < n; i++)
            message(text[i], sizeof text[i], odd, nested);
        for (int k = 0; k < 2; k++)
            if (feeds[k].out)
                on_lane(pack_there, &(pack){&feeds[k], text, n});
        bool some = false;
        for (int i = 0; i < RULES; i++) {
            if (twins[i].there && !some)
                on_lane(count_left, &twins[i].both[0]);
            some |= twins[i].there;
        }
        assert_int_equal(feeds[0].committed, feeds[1].committed);
        for (int i = 0; i < RULES; i++)
            if (twins[i].there && rnd(8) == 0)
                end(&twins[i]);
            else if (twins[i].there && rnd(3) == 0)
                compare(&twins[i]);
    }
    assert_true(left_now > 0);
    for (int i = 0; i < RULES; i++)
        if (twins[i].there)
            end(&twins[i]);
}
static void flat(void **state) { play(1, false, false, 0, false); }
static void nested_values(void **state) { play(2, false, true, 0, false); }
static void declared_types(void **state) { play(3, true, false, 0, false); }
static void declared_nested(void **state) { play(4, true, true, 0, false); }
static void odd_values(void **state) { play(5, false, true, 60, true); }
static void odd_declared(void **state) { play(6, true, true, 60, true); }
static void broken(void **state) { play(7, false, false, 20, true); }
static void broken_declared(void **state) { play(8, true, false, 20, true); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(flat),       cmocka_unit_test(nested_values), cmocka_unit_test(declared_types), cmocka_unit_test(declared_nested),
                                       cmocka_unit_test(odd_values), cmocka_unit_test(odd_declared),  cmocka_unit_test(broken),         cmocka_unit_test(broken_declared)};
    return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
