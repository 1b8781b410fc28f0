/* What people read when a statement is wrong: tests/sql/errors.txt. Blocks end with a line ----; a statement, >>>, and what is said about it:
 * the error's text, line and column, the line with a mark, advice; of one that is accepted, its doubts. A statement without >>> defines a stream for
 * the blocks behind it; a first line @OPTION sets an option of the rule. */
#include "kit.h"
#include "sql/parse.h"
#include "sql/plan.h"

typedef struct world {
    sl_arena *a;
    sl_map *streams;
} world;
static const sl_create *find(void *arg, sl_str name) { return sl_map_get(((world *)arg)->streams, name); }
static void said(sl_buf *out, const sl_err *e) {
    const sl_spot *s = sl_err_spot(e);
    sl_buf_printf(out, "%s\n", sl_err_text(e));
    if (s)
        sl_buf_printf(out, "%u:%u\n%s\n%s\n", s->line, s->column, s->text, s->mark);
    if (s && s->hint)
        sl_buf_printf(out, "%s\n", s->hint);
}
static sl_err *try(world *w, sl_arena *a, sl_str sql, const sl_plan_opts *o, sl_buf *got) {
    sl_stmt st;
    sl_err *e = sl_parse(a, sql, &st, NULL);
    if (!e && st.kind == SL_ST_NONE) /* a rule says more about it */
        e = sl_parse_select(a, sql, &st.select, NULL);
    if (e || st.kind != SL_ST_SELECT)
        return e;
    sl_plan *p = NULL;
    e = sl_plan_make(st.select, find, w, o, &p);
    if (e)
        return e;
    const sl_json *l = sl_plan_doubts(p, sql, find, w, a);
    for (const sl_json *x = l->child; x; x = x->next)
        sl_buf_printf(got, "%.*s:%.*s %.*s\n", SL_FMT(sl_json_get(x, "line")->s), SL_FMT(sl_json_get(x, "column")->s), SL_FMT(sl_json_get(x, "say")->s));
    if (!l->n)
        sl_buf_puts(got, "fine\n");
    sl_plan_drop(p);
    return NULL;
}
static int block(world *w, sl_str text, int line) {
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    o.streams = w->streams;
    while (text.n && text.p[0] == '@') {
        sl_str word = sl_str_n(text.p + 1, (size_t)((const char *)memchr(text.p, '\n', text.n) - text.p - 1));
        o.event_time |= sl_str_is(word, "event_time");
        o.send_meta |= sl_str_is(word, "send_meta");
        text = sl_str_n(word.p + word.n + 1, text.n - word.n - 2);
    }
    ptrdiff_t cut = sl_str_find(text, SL_S("\n>>>\n"));
    if (cut < 0) {
        sl_stmt st;
        assert_null(sl_parse(w->a, text, &st, NULL));
        assert_true(sl_map_set(w->streams, st.create->name, st.create, NULL));
        return 0;
    }
    sl_arena *a = sl_arena_new(0);
    sl_buf got = {0};
    sl_err *e = try(w, a, sl_str_n(text.p, (size_t)cut), &o, &got);
    if (e)
        said(&got, e);
    sl_str want = sl_str_n(text.p + cut + 5, text.n - (size_t)cut - 5);
    int bad = !sl_str_eq(sl_buf_view(&got), want);
    if (bad)
        print_error("tests/sql/errors.txt:%d\n--- want\n%.*s--- got\n%s\n", line, SL_FMT(want), sl_buf_cstr(&got));
    sl_buf_free(&got);
    sl_err_free(e);
    sl_arena_free(a);
    return bad;
}
static void texts(void **st) {
    sl_buf all = {0};
    char path[512], part[4096];
    snprintf(path, sizeof path, "%s/sql/errors.txt", SL_TESTS);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        sl_buf_put(&all, part, n);
    fclose(f);
    world w = {sl_arena_new(0), sl_map_new()};
    int line = 1, bad = 0, blocks = 0;
    for (sl_str rest = sl_buf_view(&all); rest.n;) {
        ptrdiff_t end = sl_str_find(rest, SL_S("----\n"));
        assert_true(end >= 0);
        bad += block(&w, sl_str_n(rest.p, (size_t)end), line);
        blocks++;
        for (size_t i = 0; i < (size_t)end + 5; i++)
            line += rest.p[i] == '\n';
        rest = sl_str_n(rest.p + end + 5, rest.n - (size_t)end - 5);
    }
    assert_int_equal(bad, 0);
    assert_true(blocks > 40);
    sl_map_free(w.streams);
    sl_arena_free(w.a);
    sl_buf_free(&all);
}
/* One very long line shows only what surrounds the place; a copy and a longer text keep the place. */
static void long_line(void **st) {
    sl_buf sql = {0};
    sl_buf_puts(&sql, "SELECT a");
    for (int i = 0; i < 5000; i++)
        sl_buf_puts(&sql, ", a");
    sl_buf_puts(&sql, " + FROM s");
    sl_arena *a = sl_arena_new(0);
    sl_stmt s;
    sl_err *e = sl_err_prefix(sl_parse(a, sl_buf_view(&sql), &s, NULL), "invalid"), *c = sl_err_dup(e);
    sl_err_free(e);
    c = sl_err_retext(c, "Parse SQL error: %s.", "it");
    assert_string_equal(sl_err_text(c), "Parse SQL error: it.");
    const sl_spot *spot = sl_err_spot(c);
    assert_non_null(spot);
    assert_int_equal(spot->column, 15012);
    assert_true(strlen(spot->text) < 300 && strlen(spot->mark) < 300);
    sl_err_free(c);
    sl_buf_free(&sql);
    sl_arena_free(a);
}
/* Names as long as a statement do not come back as advice. */
static void long_name(void **st) {
    static char name[5001];
    memset(name, 'x', 5000);
    sl_buf sql = {0};
    sl_buf_printf(&sql, "SELECT a AS %s, b AS %s FROM s", name, name);
    world w = {sl_arena_new(0), sl_map_new()};
    sl_stmt s;
    assert_null(sl_parse(w.a, SL_S("CREATE STREAM s () WITH ()"), &s, NULL));
    assert_true(sl_map_set(w.streams, SL_S("s"), s.create, NULL));
    sl_plan_opts o;
    sl_plan_opts_default(&o);
    sl_buf got = {0};
    sl_err *e = try(&w, w.a, sl_buf_view(&sql), &o, &got);
    const sl_spot *spot = sl_err_spot(e);
    assert_non_null(spot);
    assert_non_null(spot->hint);
    assert_true(strlen(spot->hint) < 700);
    sl_err_free(e);
    sl_buf_free(&got);
    sl_buf_free(&sql);
    sl_map_free(w.streams);
    sl_arena_free(w.a);
}
int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(long_line), cmocka_unit_test(long_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
