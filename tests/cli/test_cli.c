/* The client's parts that need no daemon: addresses, flags, the table of verbs, the ways to show things. */
#include "kit.h"
#include "cli/cli.h"

static void urls(void **st) {
    cli c = {.port = "9081"};
    assert_null(cli_url(&c, "http://box"));
    assert_string_equal(c.host, "box");
    assert_string_equal(c.port, "9081");
    assert_null(cli_url(&c, "http://10.0.0.1:81/edge/"));
    assert_string_equal(c.host, "10.0.0.1");
    assert_string_equal(c.port, "81");
    assert_string_equal(c.base, "/edge");
    assert_null(cli_url(&c, "http://[::1]:9082"));
    assert_string_equal(c.host, "::1");
    assert_string_equal(c.port, "9082");
    assert_string_equal(c.base, "");
    static const char *const bad[] = {"box:9081", "https://box", "http://", "http://:81", "http://box:", "http://box:x", "http://box:123456", "http://[::1", ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(cli_url(&c, bad[i]));
}
static void flags(void **st) {
    char *w[] = {(char *)"demo", (char *)"-f", (char *)"a.sql", (char *)"--stop=true", (char *)"{\"a\":-1}", (char *)"-json", (char *)"-x"};
    cli_args a;
    cli_flags(&a, 7, w);
    assert_int_equal(a.n, 3);
    assert_string_equal(a.at[0], "demo");
    assert_string_equal(a.at[1], "{\"a\":-1}");
    assert_string_equal(a.at[2], "-x"); /* not a flag of ours: an argument */
    assert_string_equal(a.file, "a.sql");
    assert_string_equal(a.stop, "true");
    assert_null(a.partial);
    assert_true(a.json);
}
static void every_verb_explains_itself(void **st) {
    const cli_verb *v;
    size_t n = 0;
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        char first[32], *gap, *words[2] = {first, NULL};
        snprintf(first, sizeof first, "%s", v->name);
        if ((gap = strchr(first, ' '))) {
            *gap = 0;
            words[1] = gap + 1;
        }
        int used = 0;
        assert_ptr_equal(cli_verb_find(gap ? 2 : 1, words, &used), v);
        assert_int_equal(used, gap ? 2 : 1);
        if (v->doc) {
            n++;
            assert_true(*v->args == 0 || *v->example);
            assert_int_equal(v->doc[strlen(v->doc) - 1], '.');
        }
    }
    assert_true(n > 40);
    char *none[] = {(char *)"create", (char *)"nothing"};
    int used;
    assert_null(cli_verb_find(2, none, &used));
    assert_null(cli_verb_find(1, none, &used));
}
static void shows(void (*show)(FILE *, sl_str), const char *in, const char *want) {
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    show(f, sl_str_of(in));
    fclose(f);
    assert_string_equal(text, want);
    free(text);
}
static void tables(void **st) {
    shows(cli_table, "[{\"id\":\"r1\",\"status\":\"running\",\"tags\":[\"a\",\"b\"]},{\"id\":\"längeres\",\"status\":\"\",\"tags\":null,\"lastStart\":7}]",
          "ID        STATUS   TAGS  LAST_START\n"
          "r1        running  a, b  -\n"
          "längeres  -        -     7\n");
    shows(cli_table, "[\"a\",\"b\"]", "a\nb\n");
    shows(cli_table, "[]", "(none)\n");
    shows(cli_table, "not JSON", "not JSON\n");
    shows(cli_status_table, "{\"status\":\"running\",\"source_demo_0_records_in_total\":3,\"source_demo_0_last_exception\":\"x\",\"sink_log_0_0_records_in_total\":12}",
          "status                running\n\n"
          "NODE         IN  LAST_ERROR\nsource_demo  3   x\nsink_log_0   12  -\n");
}
static void describes(void **st) {
    shows(cli_describe_json, "Fields\n-----\na\tbigint\nb\tarray(struct(x float))\n\nTYPE: mqtt\nDATASOURCE: a b\n",
          "{\n\t\"Fields\": [\n\t\t{\n\t\t\t\"Name\": \"a\",\n\t\t\t\"Type\": \"bigint\"\n\t\t},\n\t\t{\n\t\t\t\"Name\": \"b\",\n\t\t\t\"Type\": "
          "\"array(struct(x float))\"\n\t\t}\n\t],\n\t\"Options\": {\n\t\t\"DATASOURCE:\": \"ab\",\n\t\t\"TYPE:\": \"mqtt\"\n\t}\n}\n");
}
static void reasons(void **st) {
    static const struct {
        const char *body, *why;
    } rows[] = {{"{\"error\":1002,\"message\":\"start rule error: Rule x is not found\"}\n", "Rule x is not found"},
                {"{\"error\":1000,\"message\":\"invalid rule json: Parse SQL SELECT error: found\"}", "invalid rule json: Parse SQL SELECT error: found"},
                {"{\"error\":1000,\"message\":\"create connection failed: no\"}", "no"},
                {"plain text\n", "plain text"},
                {"", "the daemon answered 500"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sl_arena *a = sl_arena_new(0);
        cli_answer x = {.status = 500};
        sl_buf_puts(&x.body, rows[i].body);
        assert_string_equal(cli_reason(a, &x), rows[i].why);
        sl_buf_free(&x.body);
        sl_arena_free(a);
    }
    sl_buf b = {0};
    sl_buf_puts(&b, "a &lt; b &amp;&amp; c &#34;d&#39; &x");
    cli_unescape_html(&b);
    assert_string_equal(sl_buf_cstr(&b), "a < b && c \"d' &x");
    sl_buf_free(&b);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(urls),   cmocka_unit_test(flags),     cmocka_unit_test(every_verb_explains_itself),
                                   cmocka_unit_test(tables), cmocka_unit_test(describes), cmocka_unit_test(reasons)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
