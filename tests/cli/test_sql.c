/* Texts at the prompt: where statements end, when Enter runs them, what could come next. */
#include "kit.h"
#include "cli/sql.h"

static void ends(void **st) {
    assert_int_equal(sql_first(SL_S("SELECT 1; x")), 9);
    assert_int_equal(sql_first(SL_S("SELECT ';' -- ;\n , \"a;b\", `c;d` /* ; */ FROM x")), 0);
    assert_int_equal(sql_first(SL_S("")), 0);
    assert_int_equal(sql_first(SL_S(";")), 1);
    assert_true(sql_blank(SL_S(" \n-- nothing\n/* at all */ ")));
    assert_false(sql_blank(SL_S(" x")));
}
static void enter(void **st) {
    static const char *const more[] = {
        "SELECT",
        "SELECT *",
        "SELECT a,",
        "SELECT * FROM",
        "SELECT * FROM demo WHERE",
        "SELECT * FROM demo WHERE a >",
        "SELECT * FROM demo WHERE (a > 1",
        "SELECT * FROM demo GROUP BY TUMBLINGWINDOW(ss, 10",
        "SELECT * FROM demo INNER JOIN",
        "SELECT CASE WHEN a THEN 1 FROM demo",
        "SELECT * FROM demo /* why",
        "SELECT * FROM demo ORDER BY",
        "SELECT a[0",
        "CREATE STREAM demo ()",
        "CREATE STREAM demo () WITH (",
        "create",
        "SHOW",
        "describe stream",
        "drop",
    };
    static const char *const now[] = {"SELECT * FROM demo",
                                      "select a from demo where a > 1",
                                      "SELECT * FROM demo -- all",
                                      "SELECT * FROM demo ORDER BY a DESC",
                                      "SELECT CASE WHEN a THEN 1 ELSE 2 END FROM demo",
                                      "SELECT a FROM demo WHERE b = \"x",
                                      "CREATE STREAM demo () WITH (TYPE=\"mqtt\")",
                                      "SHOW STREAMS",
                                      "DROP STREAM demo",
                                      "SELEC * FROM demo",
                                      "?",
                                      "SELECT * FROM demo)",
                                      "explain select a from demo",
                                      ""};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (sql_whole(sl_str_of(more[i])))
            fail_msg("not waited for: %s", more[i]);
    for (size_t i = 0; i < sizeof now / sizeof *now; i++)
        if (!sql_whole(sl_str_of(now[i])))
            fail_msg("waited for: %s", now[i]);
}
static void places(void **st) {
    static const struct {
        const char *text; /* | = the cursor */
        sql_want want;
        const char *word, *first, *source, *call; /* first of the words */
    } t[] = {
        {"|", SQL_STATEMENT, "", "SELECT", "", ""},
        {"sel|", SQL_STATEMENT, "sel", "SELECT", "", ""},
        {"SELECT |", SQL_EXPR, "", "CASE", "", ""},
        {"SELECT te|", SQL_EXPR, "te", "CASE", "", ""},
        {"SELECT a |", SQL_WORD, "", "FROM", "", ""},
        {"SELECT * fr|", SQL_WORD, "fr", "FROM", "", ""},
        {"SELECT a * |", SQL_EXPR, "", "CASE", "", ""},
        {"SELECT a, b + |", SQL_EXPR, "", "CASE", "", ""},
        {"SELECT a AS |", SQL_NOTHING, "", NULL, "", ""},
        {"SELECT a FROM |", SQL_SOURCE, "", NULL, "", ""},
        {"SELECT a FROM de|", SQL_SOURCE, "de", NULL, "", ""},
        {"SELECT a FROM `de|", SQL_SOURCE, "de", NULL, "", ""},
        {"SELECT a FROM demo |", SQL_WORD, "", "WHERE", "", ""},
        {"SELECT a FROM demo WHERE |", SQL_EXPR, "", "CASE", "", ""},
        {"SELECT a FROM demo WHERE x = 1 |", SQL_WORD, "", "AND", "", ""},
        {"SELECT a FROM demo WHERE x = \"y|", SQL_NOTHING, "y", NULL, "", ""},
        {"SELECT a FROM demo INNER |", SQL_WORD, "", "JOIN", "", ""},
        {"SELECT a FROM demo INNER JOIN na|", SQL_SOURCE, "na", NULL, "", ""},
        {"SELECT a FROM demo AS d INNER JOIN names AS n ON d.|", SQL_COLUMN, "", NULL, "demo", ""},
        {"SELECT n.x| FROM demo AS d INNER JOIN names AS n", SQL_COLUMN, "x", NULL, "names", ""},
        {"SELECT demo.te| FROM demo", SQL_COLUMN, "te", NULL, "demo", ""},
        {"SELECT o->|", SQL_NOTHING, "", NULL, "", ""},
        {"SELECT a FROM demo GROUP |", SQL_WORD, "", "BY", "", ""},
        {"SELECT a FROM demo GROUP BY |", SQL_EXPR, "", "TUMBLINGWINDOW", "", ""},
        {"SELECT a FROM demo GROUP BY TUMBLINGWINDOW(|", SQL_WORD, "", "ss", "", "TUMBLINGWINDOW"},
        {"SELECT a FROM demo GROUP BY a |", SQL_WORD, "", "HAVING", "", ""},
        {"SELECT a FROM demo ORDER BY a |", SQL_WORD, "", "ASC", "", ""},
        {"SELECT a FROM demo LIMIT |", SQL_NOTHING, "", NULL, "", ""},
        {"SELECT avg(|", SQL_EXPR, "", "CASE", "", "avg"},
        {"SELECT round(avg(x), |", SQL_EXPR, "", "CASE", "", "round"},
        {"SELECT CASE WHEN a > 1 |", SQL_WORD, "", "WHEN", "", ""},
        {"SELECT 1; SELECT b FROM |", SQL_SOURCE, "", NULL, "", ""},
        {"CREATE |", SQL_WORD, "", "STREAM", "", ""},
        {"CREATE STREAM x (a |", SQL_WORD, "", "BIGINT", "", ""},
        {"CREATE STREAM x (|", SQL_NOTHING, "", NULL, "", ""},
        {"CREATE STREAM x () |", SQL_WORD, "", "WITH", "", ""},
        {"CREATE STREAM x () WITH (|", SQL_OPTION, "", NULL, "", ""},
        {"CREATE STREAM x () WITH (TYPE=\"mqtt\", FOR|", SQL_OPTION, "FOR", NULL, "", ""},
        {"CREATE STREAM x () WITH (TYPE=|", SQL_VALUE, "", NULL, "TYPE", ""},
        {"CREATE STREAM x () WITH (TYPE=\"mq|", SQL_VALUE, "mq", NULL, "TYPE", ""},
        {"show |", SQL_WORD, "", "STREAMS", "", ""},
        {"show streams |", SQL_NOTHING, "", NULL, "", ""},
        {"DESCRIBE STREAM |", SQL_STREAM, "", NULL, "", ""},
        {"DROP TABLE n|", SQL_TABLE, "n", NULL, "", ""},
        {"DROP RULE |", SQL_RULE, "", NULL, "", ""},
        {"EXPLAIN |", SQL_WORD, "", "SELECT", "", ""},
        {"EXPLAIN SELECT a FROM |", SQL_SOURCE, "", NULL, "", ""},
        {"\\d|", SQL_META, "\\d", NULL, "", ""},
        {"\\d de|", SQL_SOURCE, "de", NULL, "", ""},
        {"\\help av|", SQL_EXPR, "av", NULL, "", ""},
        {"nonsense |", SQL_NOTHING, "", NULL, "", ""},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *bar = strchr(t[i].text, '|');
        sl_arena *a = sl_arena_new(0);
        sql_place p;
        sql_place_find(a, sl_str_n(t[i].text, (size_t)(bar - t[i].text)), sl_str_of(bar + 1), &p);
        if (p.want != t[i].want || !sl_str_is(p.word, t[i].word) || !sl_str_is(p.source, t[i].source) || !sl_str_is(p.call, t[i].call) ||
            (t[i].first ? !p.words || strcmp(p.words[0], t[i].first) != 0 : p.words != NULL))
            fail_msg("%s: want %d, word \"%.*s\", first %s, source %.*s, call %.*s", t[i].text, (int)p.want, SL_FMT(p.word), p.words ? p.words[0] : "-", SL_FMT(p.source),
                     SL_FMT(p.call));
        SL_VEC_FREE(p.refs);
        sl_arena_free(a);
    }
}
/* Any text up to any byte of it. */
static void anywhere(void **st) {
    static const char text[] =
        "SELECT a.`b c`, avg(x[1:2]) AS y, CASE WHEN \"é\\\"\" LIKE 'z' THEN -1.5 ELSE o->p END FROM s AS a /* c */ INNER JOIN t ON a.k = t.k -- e\nGROUP BY "
        "TUMBLINGWINDOW(ss, 1); CREATE STREAM x (a ARRAY(BIGINT), \xff\xfe) WITH (TYPE=\"m\"); \\d x";
    for (size_t i = 0; i < sizeof text; i++) {
        char *copy = sl_strdup_n(text, i); /* its end is known to the sanitizers */
        sl_arena *a = sl_arena_new(0);
        sql_place p;
        sql_place_find(a, sl_str_n(copy, i), SL_S(" FROM demo"), &p);
        SL_VEC_FREE(p.refs);
        sl_arena_free(a);
        sql_whole(sl_str_n(copy, i));
        assert_true(sql_first(sl_str_n(copy, i)) <= i);
        free(copy);
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(ends), cmocka_unit_test(enter), cmocka_unit_test(places), cmocka_unit_test(anywhere)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
