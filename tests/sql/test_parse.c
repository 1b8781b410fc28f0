/* The SQL parser: error texts, trees in plan form, definitions, limits. */
#include "kit.h"
#include "sql/func.h"
#include "sql/parse.h"
static char *parse_error(const char *sql, uint32_t *pos) {
    sl_arena *a = sl_arena_new(0);
    sl_select *s;
    sl_err *e = sl_parse_select(a, sl_str_of(sql), &s, pos);
    char *text = e ? strdup(sl_err_text(e)) : NULL;
    assert_true(e ? (sl_err_code(e) == SL_E_PARSE || sl_err_code(e) == SL_E_RULE) && !s : s != NULL);
    sl_err_free(e);
    sl_arena_free(a);
    return text;
}
static void want_error(const char *sql, const char *want) {
    uint32_t pos;
    char *got = parse_error(sql, &pos);
    if (!got ? want != NULL : !want || strcmp(got, want) != 0) {
        print_error("%s\n  got:  %s\n  want: %s\n", sql, got ? got : "(fine)", want ? want : "(fine)");
        fail();
    }
    if (got && pos > strlen(sql))
        fail_msg("position %u behind the end of %s", pos, sql);
    free(got);
}

static void error_texts(void **st) {
    static const struct {
        const char *sql, *error;
    } t[] = {
        {"update x", "SQL update x is not a select statement."},
        {"SELECT *, FROM s", "found \"FROM\", expected expression."},
        {"SELECT a b FROM s", "found \"b\", expected FROM."},
        {"SELECT a FROM s x, y", "found \",\", expected EOF."},
        {"SELECT a FROM s x", "found \"x\", expected EOF."},
        {"SELECT a FROM s AS b c", "found \"c\", expected EOF."},
        {"SELECT a FROM s INNER JOIN b c ON 1 = 1", "found \"c\", expected EOF."},
        {"SELECT -a FROM s", "found \"-\", expected expression."},
        {"SELECT a FROM s WHERE NOT a", "found \"NOT\", expected expression."},
        {"SELECT a FROM s WHERE a NOT = 1", "found \"=\", expected expression"},
        {"SELECT a FROM s WHERE (a > 1", "found \"EOF\", expected right paren."},
        {"SELECT 1.2.3 FROM s", "found \"1.2.3\", invalid number value."},
        {"SELECT \"a\\q\" FROM s", "found \"invalid string: \\\"a\\\\q\\\"\", expected expression."},
        {"SELECT 'a\\q' FROM s", "found \"invalid string: \\\"a\\\\q\\\"\", expected expression."},
        {"SELECT \"abc FROM s", "found \"\\\"abc FROM s\", expected expression."},
        {"SELECT * AS x FROM s", "alias is not supported for *"},
        {"SELECT s.* AS x FROM s", "alias is not supported for *"},
        {"SELECT a AS select FROM s", "found \"SELECT\", expected as alias."},
        {"SELECT * EXCEPT a FROM s", "Found \"a\" after EXCEPT, expect left parentheses."},
        {"SELECT * REPLACE a FROM s", "Found \"a\" after REPLACE, expect left parentheses."},
        {"SELECT * EXCEPT(1) FROM s", "Found \"1\" in EXCEPT"},
        {"SELECT * REPLACE(a + 1) FROM s", "found \")\", expected AS and the name of the column to replace"},
        {"SELECT nofn(a) FROM s", "function nofn not found"},
        {"SELECT abs(a b) FROM s", "found function call \"abs\", expected ), but with \"b\"."},
        {"SELECT abs(a, b) FROM s", "validate function abs error: Expect 1 arguments but found 2."},
        {"SELECT ABS(\"x\") FROM s", "validate function abs error: Expect number - float or int type for parameter 1"},
        {"SELECT abs(a) OVER (PARTITION BY b) FROM s", "Found OVER after non analytic function abs"},
        {"SELECT a BETWEEN 1 OR 2 FROM s", "expect AND expression after between but found OR"},
        {"SELECT a BETWEEN 1 AND 2 + 1 FROM s", "found \"+\" after BETWEEN, whose bounds are single operands; put the bound in parentheses"},
        {"SELECT a IN () FROM s", "expect elements for IN expression, but found \")\", expected expression."},
        {"SELECT a IN (1, 2 FROM s", "expect ) for IN expression, but got \"FROM\""},
        {"SELECT CASE a ELSE 1 END FROM s", "invalid CASE expression, WHEN expected before ELSE"},
        {"SELECT CASE a END FROM s", "invalid CASE expression, WHEN expected before END"},
        {"SELECT CASE WHEN a THEN 1 END FROM s", "invalid CASE expression, WHEN expression must be a bool condition"},
        {"SELECT CASE WHEN a = 1 2 END FROM s", "invalid CASE expression, THEN expected after WHEN"},
        {"SELECT CASE WHEN a = 1 THEN 2 FROM s", "invalid CASE expression, END expected"},
        {"SELECT a[1 FROM s", "Unexpected token \"1\". when parsing bracket expressions."},
        {"SELECT a[1:2 FROM s", "Found \"FROM\", expected right bracket."},
        {"SELECT a[1: FROM s", "The end index FROM is invalid in bracket expression."},
        {"SELECT a FROM s CROSS JOIN b ON s.a = b.a", "On expression is not required for cross join type.\n"},
        {"SELECT a FROM s LEFT b", "found \"LEFT\", expected JOIN key word."},
        {"SELECT a FROM s AS 1", "found \"s\", expected JOIN key word."},
        {"SELECT a FROM s GROUP a", "found \"a\", expected BY statement."},
        {"SELECT a FROM s ORDER a", "found \"a\", expected BY keyword."},
        {"SELECT a FROM s ORDER BY 1", "found \"1\", expected EOF."},
        {"SELECT a FROM s ORDER BY (a)", "found \"(\", expected EOF."},
        {"SELECT a FROM s LIMIT 1.5", "limit should be integer"},
        {"SELECT a FROM s GROUP BY TUMBLINGWINDOW(ss)", "The arguments for tumblingwindow should be 2.\n"},
        {"SELECT a FROM s GROUP BY SLIDINGWINDOW(ss)", "The arguments for slidingwindow should be 2 or 3.\n"},
        {"SELECT a FROM s GROUP BY STATEWINDOW()", "The arguments for statewindow should be 1 or 2.\n"},
        {"SELECT a FROM s GROUP BY COUNTWINDOW()", "Invalid parameter count."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(3, 5)", "The second parameter value 5 should be less than the first parameter 3."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(0)", "Invalid parameter value 0."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(-1)", "Invalid parameter value -1."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(b)", "Invalid parameter value $$default.b."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(3, b)", "Invalid parameter value 3, $$default.b."},
        {"SELECT a FROM s GROUP BY TUMBLINGWINDOW(10, ss)", "The 1st argument for tumblingwindow is expecting timer literal expression. One value of [dd|hh|mi|ss|ms].\n"},
        {"SELECT a FROM s GROUP BY TUMBLINGWINDOW(ss, a)", "The 1 argument for tumblingwindow is expecting interger literal expression. \n"},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(2) FILTER where a > 1", "Found \"WHERE\" after FILTER, expect parentheses."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(2) FILTER(a)", "Found \"a\" after FILTER(, expect WHERE."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(2) FILTER(WHERE a > 1", "Found \"EOF\" after FILTER, expect right parentheses."},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(2) OVER a", "Found \"a\" after OVER, expect parentheses."},
        {"SELECT a FROM s GROUP BY SLIDINGWINDOW(ss, 10) OVER (PARTITION BY a WHEN a > 1)", "Found \"WHEN\" after OVER, expect right parentheses."},
        {"SELECT a FROM s WHERE a ! 5", "found \"!\", expected an operator such as \"!=\"."},
        {"SELECT a FROM s WHERE a <> 5", "found \">\", expected expression."},
        {"SELECT [1] FROM s", "found \"[\", expected expression."},
        {"SELECT 1e3 FROM s", "found \"e3\", expected FROM."},
        {"SELECT a - .5 FROM s", "found \"-.5\", expected FROM."},
        {"SELECT a - -1 FROM s", "found \"EOF\", expected FROM."},
        {"SELECT _a FROM s", "found \"\", expected expression."},
        {"SELECT a FROM s HAVING a > 1 GROUP BY b", "found \"GROUP\", expected EOF."},
        {"SELECT /* open FROM s", "found \"\", expected expression."},
        {"SELECT dedup_trigger(a, b, c) FROM s", "dedup_trigger function should have 4 arguments"},
        {"SELECT dedup_trigger(a, b, 1, 5) FROM s", "dedup_trigger function should have fieldRef as the 3 argument"},
        {"SELECT dedup_trigger(a, b, c, d) FROM s", "dedup_trigger function should have integer as the fourth argument"},
        /* fine */
        {"SELECT a FROM s;", NULL},
        {"SELECT a FROM s; rest is ignored", NULL},
        {"SELECT a FROM a/+/b/#", NULL},
        {"SELECT a FROM", NULL},
        {"SELECT a FROM s ORDER BY", NULL},
        {"SELECT a FROM s ORDER BY a DESC b, c ASC,", NULL},
        {"SELECT abs(a,) FROM s", NULL},
        {"SELECT `select`, `a b` FROM `s`", NULL},
        {"select a from s where a in (1,2) and b like 'x%' or c not between 1 and 2", NULL},
        {"SELECT TUMBLINGWINDOW(ss, 10) FROM s", NULL},
        {"SELECT a FROM s GROUP BY COUNTWINDOW(3, -1)", NULL},
        {"SELECT s. FROM s", NULL},
        {"SELECT o->*, o->1, o->\"x\" FROM s", NULL},
        {"SELECT dedup_trigger(a, b, c, 5) FROM s", NULL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        want_error(t[i].sql, t[i].error);
}

/* The first field (or WHERE) in plan form. */
static void plan_forms(void **st) {
    static const struct {
        const char *expr, *form;
    } t[] = {
        {"a", "$$default.a"},
        {"s.a", "s.a"},
        {"o.x", "binaryExpr:{ $$default.o -> jsonFieldName:x }"},
        {"s.o.x", "binaryExpr:{ s.o -> jsonFieldName:x }"},
        {"o.x.y", "binaryExpr:{ binaryExpr:{ $$default.o -> jsonFieldName:x } -> jsonFieldName:y }"},
        {"s.a - 5", "binaryExpr:{ s.a - 5 }"},
        {"- 5", "-5"},
        {"-.5", "-0.5"},
        {"2.", "2"},
        {"99999999999999999999", "9223372036854775807"},
        {"1 + 2 * 3", "binaryExpr:{ 1 + binaryExpr:{ 2 * 3 } }"},
        {"1 * 2 + 3", "binaryExpr:{ binaryExpr:{ 1 * 2 } + 3 }"},
        {"1 - 2 - 3", "binaryExpr:{ binaryExpr:{ 1 - 2 } - 3 }"},
        {"1 | 2 & 3", "binaryExpr:{ 1 | binaryExpr:{ 2 & 3 } }"},
        {"1 = 2 OR 3 < 4 AND true", "binaryExpr:{ binaryExpr:{ 1 = 2 } OR binaryExpr:{ binaryExpr:{ 3 < 4 } AND true } }"},
        {"2 * s.arr[1]", "binaryExpr:{ 2 * binaryExpr:{ s.arr[1] } }"},
        {"s.a / s.o->x", "binaryExpr:{ s.a / binaryExpr:{ s.o -> jsonFieldName:x } }"},
        {"s.a[1:]", "binaryExpr:{ s.a[ColonExpr:{ start:{ 1 }, end:{ -2147483648 } }] }"},
        {"s.a[:2]", "binaryExpr:{ s.a[ColonExpr:{ start:{ 0 }, end:{ 2 } }] }"},
        {"s.a[]", "binaryExpr:{ s.a[ColonExpr:{ start:{ 0 }, end:{ -2147483648 } }] }"},
        {"s.a->b[0].c[1:2]", "binaryExpr:{ binaryExpr:{ binaryExpr:{ binaryExpr:{ s.a -> jsonFieldName:b }[0] } -> jsonFieldName:c }[ColonExpr:{ start:{ 1 }, end:{ 2 } }] }"},
        {"(1)", "parenExpr:{ 1 }"},
        {"1 + 1 NOT BETWEEN 0 AND (1 + 1)", "binaryExpr:{ binaryExpr:{ 1 + 1 } NOT BETWEEN betweenExpr:{ 0, parenExpr:{ binaryExpr:{ 1 + 1 } } } }"},
        {"3 BETWEEN 1 AND 2 OR true", "binaryExpr:{ binaryExpr:{ 3 BETWEEN betweenExpr:{ 1, 2 } } OR true }"},
        {"s.a BETWEEN s.b[0] AND 5", "binaryExpr:{ s.a BETWEEN betweenExpr:{ binaryExpr:{ s.b[0] }, 5 } }"},
        {"s.a NOT IN (1, \"x\")", "binaryExpr:{ s.a NOT IN valueSetExpr:{ literalExprs:[1, x] } }"},
        {"s.a IN s.b", "binaryExpr:{ s.a IN s.b }"},
        {"s.a NOT LIKE 'a%_'", "binaryExpr:{ s.a NOT LIKE likePattern:^a.*.$ }"},
        {"CASE s.a WHEN 1 THEN 2 ELSE 3 END", "caseExprValue:{ value:{ s.a }, whenClauses:[{ whenClause:{ 1 } }] }"},
        {"abs(s.a)", "Call:{ name:abs, args:[s.a] }"},
        {"ABS(s.a) + 1", "binaryExpr:{ Call:{ name:abs, args:[s.a] } + 1 }"},
        {"* EXCEPT(a, b) REPLACE(1 AS c)", "*"},
        {"\"it\\\"s \\u00e9\\x41\"",
         "it\"s \xc3\xa9"
         "A"},
        {"'it\\'s \"q\"'", "it's \"q\""},
        {"'ends in \\''", "ends in '"},
        {"1 ! = 2", "binaryExpr:{ 1 != 2 }"},
        {"1 < = 2", "binaryExpr:{ 1 <= 2 }"},
        {"s.o - > x", "binaryExpr:{ s.o -> jsonFieldName:x }"},
        {"1 -- comment\n + /* more */ 2", "binaryExpr:{ 1 + 2 }"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        sl_arena *a = sl_arena_new(0);
        sl_select *s;
        sl_str sql = sl_arena_printf(a, "SELECT %s FROM s", t[i].expr);
        sl_err *e = sl_parse_select(a, sql, &s, NULL);
        if (e)
            fail_msg("%s: %s", t[i].expr, sl_err_text(e));
        sl_buf b = {0};
        sl_expr_print(&b, s->fields[0].expr);
        assert_string_equal(sl_buf_cstr(&b), t[i].form);
        sl_buf_free(&b);
        sl_arena_free(a);
    }
}

static void field_names(void **st) {
    sl_arena *a = sl_arena_new(0);
    sl_select *s;
    assert_null(sl_parse_select(a,
                                SL_S("SELECT o.x, o->x, s.a, ABS(a), a + 1 AS k INVISIBLE, arr[1], * EXCEPT(a), (a), s.o.x, 5, b INVISIBLE, s.*, "
                                     "* REPLACE(a + 1 AS a), 6 FROM s"),
                                &s, NULL));
    static const char *const want[] = {"x", "kuiper_field_0", "a", "abs", "k", "kuiper_field_1", "*", "kuiper_field_2", "kuiper_field_3", "kuiper_field_4", "b", "*",
                                       "*", "kuiper_field_5"};
    assert_int_equal(s->nfields, sizeof want / sizeof *want);
    for (uint32_t i = 0; i < s->nfields; i++) {
        assert_string_equal(sl_arena_dup(a, s->fields[i].name).p, want[i]);
        assert_int_equal(s->fields[i].invisible, i == 4 || i == 10);
    }
    assert_true(sl_str_is(s->fields[4].alias, "k"));
    assert_int_equal(s->fields[0].alias.n, 0);
    assert_int_equal(s->fields[1].pos, 12);
    assert_int_equal(s->fields[1].expr->len, 4);
    sl_arena_free(a);
}

static void clauses(void **st) {
    sl_arena *a = sl_arena_new(0);
    sl_select *s;
    sl_err *e = sl_parse_select(a,
                                SL_S("SELECT * FROM l AS x LEFT JOIN r AS y ON x.id = y.id INNER JOIN t WHERE l.a > 1 GROUP BY k, "
                                     "SLIDINGWINDOW(mi, 10, 2) FILTER(WHERE a > 1) OVER(WHEN b = 2 PARTITION BY c, d), COUNTWINDOW(3), abs(v) HAVING abs(a) > 1 "
                                     "ORDER BY k DESC, o.x LIMIT 7;"),
                                &s, NULL);
    if (e)
        fail_msg("%s", sl_err_text(e));
    assert_true(sl_str_is(s->from.name, "l") && sl_str_is(s->from.alias, "x"));
    assert_int_equal(s->njoins, 2);
    assert_int_equal(s->joins[0].type, SL_JOIN_LEFT);
    assert_true(sl_str_is(s->joins[0].src.alias, "y") && s->joins[0].on);
    assert_null(s->joins[1].on);
    assert_true(sl_str_is(s->joins[0].on->l->source, "x") && s->joins[0].on->l->kind == SL_X_COLUMN);
    assert_int_equal(s->ndims, 2);
    assert_true(sl_str_is(s->dims[0]->name, "k") && s->dims[1]->kind == SL_X_CALL);
    assert_int_equal(s->window->kind, SL_W_SLIDING);
    assert_int_equal(s->window->unit, 2);
    assert_int_equal(s->window->length, 10);
    assert_int_equal(s->window->delay, 2);
    assert_true(s->window->filter && s->window->when && s->window->npartition == 2);
    assert_true(s->having && s->where);
    assert_int_equal(s->norder, 2);
    assert_true(s->order[0].desc && !s->order[1].desc && s->order[1].expr->kind == SL_X_MEMBER);
    assert_int_equal(s->limit, 7);
    assert_null(sl_parse_select(a, SL_S("SELECT a FROM s LIMIT -3"), &s, NULL));
    assert_int_equal(s->limit, -1);
    assert_null(sl_parse_select(a, SL_S("SELECT a FROM s LIMIT 0"), &s, NULL));
    assert_int_equal(s->limit, 0);
    sl_arena_free(a);
}

static char *repeat(const char *head, const char *part, size_t n, const char *tail) {
    size_t one = strlen(part);
    char *p = malloc(strlen(head) + one * n + strlen(tail) + 1);
    char *at = stpcpy(p, head);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, part);
    strcpy(at, tail);
    return p;
}
static void limits(void **st) {
    static const struct {
        const char *head, *part;
        size_t n;
        const char *tail, *error;
    } t[] = {
        {"SELECT ", "(", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT ", "abs(", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT ", "a[", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT ", "1 IN (", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT ", "CASE ", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT ", "* REPLACE(", 10000, "1 FROM s", "statement is nested too deeply: more than 256 levels of brackets, calls or CASE"},
        {"SELECT o", "->x", 10000, " FROM s", "expression is too long: more than 2000 operators on one another"},
        {"SELECT 1", " + 1", 100000, " FROM s", "expression is too long: more than 2000 operators on one another"},
        {"SELECT 1", " + 1", 1500, " FROM s", NULL},
        {"SELECT a", ", a", 100000, " FROM s", NULL},
        {"SELECT a IN (1", ", 1", 100000, ") FROM s", NULL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *sql = repeat(t[i].head, t[i].part, t[i].n, t[i].tail);
        want_error(sql, t[i].error);
        free(sql);
    }
    char *big = repeat("SELECT a FROM s WHERE a = \"", "0123456789abcdef", 65536, "\"");
    char *got = parse_error(big, NULL);
    assert_non_null(strstr(got, "statement is too long"));
    free(got);
    free(big);
    sl_arena *a = sl_arena_new(0);
    sl_stmt s;
    char *deep = repeat("CREATE STREAM d (a ", "ARRAY(", 10000, "BIGINT");
    sl_err *e = sl_parse(a, sl_str_of(deep), &s, NULL);
    assert_string_equal(sl_err_text(e), "statement is nested too deeply: more than 256 levels of brackets, calls or CASE");
    sl_err_free(e);
    free(deep);
    sl_arena_free(a);
}

static void ddl_errors(void **st) {
    static const struct {
        const char *sql, *error;
    } t[] = {
        {"CREATE VIEW d () WITH ()", "found \"VIEW\", expected keyword stream or table."},
        {"DROP x", "found \"X\", expected keyword stream or table."},
        {"CREATE TABLE", "found \"EOF\", expected stream name."},
        {"CREATE STREAM a", "found \"EOF\", expected lparen after stream name."},
        {"CREATE STREAM a (", "found \"EOF\", expect stream field name."},
        {"CREATE STREAM a ()", "found \"EOF\", expected is with."},
        {"CREATE STREAM a () WITH", "found \"EOF\", expect stream options."},
        {"CREATE STREAM a () WITHS ()", "found \"WITHS\", expected is with."},
        {"CREATE STREAM a (b integer) WITH ()", "found \"integer\", expect valid stream field types(BIGINT | FLOAT | STRING | DATETIME | BOOLEAN | BYTEA | ARRAY | STRUCT)."},
        {"CREATE STREAM a (( BIGINT) WITH ()", "found \"(\", expect stream field name."},
        {"CREATE STREAM a (select BIGINT) WITH ()", "found \"SELECT\", expect stream field name."},
        {"CREATE STREAM a (x BIGINT b STRING) WITH ()", "found \"b\", expect comma or rparen."},
        {"CREATE STREAM a (x ARRAY) WITH ()", "found \"WITH\", expect comma or rparen."},
        {"CREATE STREAM a (x ARRAY BIGINT) WITH ()", "found \"BIGINT\", expected lparen after array."},
        {"CREATE STREAM a (x ARRAY()) WITH ()", "found \")\", expect stream data types."},
        {"CREATE STREAM a (x STRUCT()) WITH ()", "found \")\", expected is with."},
        {"CREATE STREAM a (x STRUCT(y BIGINT) WITH ()", "found \"(\", expect comma in create stream record statement."},
        {"CREATE STREAM a (x STRUCT(y BIGINT) DEFAULT 1) WITH ()", "found \"DEFAULT\", expected is with."},
        {"CREATE STREAM a (x BIGINT DEFAULT null) WITH ()", "found \"null\", expect default constraint value."},
        {"CREATE STREAM a (x DATETIME DEFAULT 1) WITH ()", "DEFAULT clause is not supported for datetime"},
        {"CREATE STREAM a (x BYTEA DEFAULT 1) WITH ()", "DEFAULT clause is not supported for bytea"},
        {"CREATE STREAM a (x ARRAY(BIGINT) DEFAULT 1) WITH ()", "DEFAULT clause is not supported for *ast.ArrayType"},
        {"CREATE STREAM a () WITH DATASOURCE=\"d\"", "found \"DATASOURCE\", expect stream options."},
        {"CREATE STREAM a () WITH (TYPE x)", "found \"x\", expect equals(=) in options."},
        {"CREATE STREAM a () WITH (TYPE=3)", "found \"3\", expect string or boolean value in option."},
        {"CREATE STREAM a () WITH (TYPE='d')", "found \"d\", expect string or boolean value in option."},
        {"CREATE STREAM a () WITH (STRICT_VALIDATION=\"true1\")", "found \"true1\", expect TRUE/FALSE value in STRICT_VALIDATION option."},
        {"CREATE STREAM a () WITH (retain_size=\"x\")", "found \"x\", expect number value in RETAIN_SIZE option."},
        {"CREATE STREAM a () WITH ())", "found \")\", expected semicolon or EOF."},
        {"CREATE STREAM a () WITH (X=\"1\")",
         "found \"X\", unknown option keys(DATASOURCE|FORMAT|KEY|CONF_KEY|SHARED|STRICT_VALIDATION|TYPE|TIMESTAMP|TIMESTAMP_FORMAT|RETAIN_SIZE|"
         "SCHEMAID|EXTRA|VERSION|TEMP|KIND|DELIMITER)."},
        {"CREATE STREAM a () WITH (FORMAT=\"avro\")", "option 'format=avro' is invalid"},
        {"CREATE TABLE a () WITH (FORMAT=\"binary\")", "'binary' format is not supported for table"},
        {"CREATE STREAM a (x BIGINT) WITH (FORMAT=\"binary\");", "'binary' format stream can have only 'bytea' type field"},
        {"CREATE STREAM a (x BYTEA, y BYTEA) WITH (FORMAT=\"BINARY\")", "'binary' format stream can have only one field"},
        {"CREATE TABLE a () WITH (TYPE=\"memory\", KIND=\"LOOKUP\")", "Option \"key\" is required for memory lookup table."},
        {"CREATE STREAM `a.b` () WITH ()", "id 'a.b' contains invalid characters: only alphanumeric, hyphens and underscores are allowed"},
        {"CREATE STREAM `` () WITH ()", "id cannot be empty"},
        {"CREATE STREAM ` a` () WITH ()", "id ' a' contains leading or trailing whitespace"},
        {"SHOW STREAMSF", "found \"STREAMSF\", expected keyword streams or tables."},
        {"SHOW STREAMS d", "found \"d\", expected semecolon or EOF."},
        {"CREATE STREAM `a-b` (x BIGINT,) WITH (DATASOURCE=\"a\" TYPE=\"b\",,);", NULL},
        {"CREATE STREAM a (x BYTEA) WITH (FORMAT=\"binary\")", NULL},
        {"DESCRIBE TABLE t more words", NULL},
        {"DROP STREAM t;", NULL},
        {"EXPLAIN STREAM t", NULL},
        {"show tables;", NULL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        sl_arena *a = sl_arena_new(0);
        sl_stmt s;
        uint32_t pos;
        sl_err *e = sl_parse(a, sl_str_of(t[i].sql), &s, &pos);
        if (e ? !t[i].error || strcmp(sl_err_text(e), t[i].error) != 0 : t[i].error != NULL)
            fail_msg("%s\n  got:  %s\n  want: %s", t[i].sql, e ? sl_err_text(e) : "(fine)", t[i].error ? t[i].error : "(fine)");
        assert_true(e || s.kind != SL_ST_NONE);
        sl_err_free(e);
        sl_arena_free(a);
    }
}
static void definitions(void **st) {
    sl_arena *a = sl_arena_new(0);
    sl_stmt s;
    sl_err *e = sl_parse(a,
                         SL_S("create table demo (a BIGINT DEFAULT \"0x1F\", `b c` float default -1.5, s STRING DEFAULT 'x', k BOOLEAN DEFAULT true, "
                              "l ARRAY(STRUCT(x string, y ARRAY(FLOAT))), o STRUCT(x bigint default 2, y STRUCT(z BOOLEAN))) WITH (datasource=\"d\", FORMAT=\"JSON\", "
                              "KIND=\"LOOKUP\", SHARED=TRUE, STRICT_VALIDATION=\"false\", RETAIN_SIZE=\"3\", VERSION=\"V1\", KEY=TRUE, TEMP=\"true\");"),
                         &s, NULL);
    if (e)
        fail_msg("%s", sl_err_text(e));
    assert_int_equal(s.kind, SL_ST_CREATE);
    sl_create *c = s.create;
    assert_true(s.table && c->table && sl_str_is(c->name, "demo") && !c->schemaless);
    assert_int_equal(c->nfields, 6);
    assert_int_equal(c->fields[0].type->dflt.i, 31);
    assert_true(c->opts.shared && c->opts.shared_set && !c->opts.strict && c->opts.strict_set && c->opts.temp);
    assert_true(sl_str_is(c->opts.kind, "lookup") && sl_str_is(c->opts.version, "v1") && sl_str_is(c->opts.key, "TRUE"));
    assert_int_equal(c->opts.retain_size, 3);
    sl_buf b = {0};
    sl_create_describe(&b, c);
    assert_string_equal(sl_buf_cstr(&b),
                        "Fields\n--------------------------------------------------------------------------------\n"
                        "a\tbigint\tDEFAULT\t31\nb c\tfloat\tDEFAULT\t-1.5\ns\tstring\tDEFAULT\tx\nk\tboolean\tDEFAULT\ttrue\n"
                        "l\tarray(struct(x string, y array(float)))\no\tstruct(x bigint, y struct(z boolean))\n\n"
                        "DATASOURCE: d\nFORMAT: JSON\nKEY: TRUE\nRETAIN_SIZE: 3\nSHARED: true\nVERSION: v1\n");
    sl_buf_free(&b);
    assert_null(sl_parse(a, SL_S("CREATE STREAM s () WITH ()"), &s, NULL));
    assert_true(s.create->schemaless && !s.table);
    assert_null(sl_parse(a, SL_S(" ; "), &s, NULL));
    assert_int_equal(s.kind, SL_ST_NONE);
    assert_null(sl_parse(a, SL_S("DROP TABLE t1;"), &s, NULL));
    assert_true(s.kind == SL_ST_DROP && s.table && sl_str_is(s.name, "t1"));
    sl_arena_free(a);
}

static void want_json(const char *sql, const char *describe, const char *schema) {
    sl_arena *a = sl_arena_new(0);
    sl_stmt s;
    assert_null(sl_parse(a, sl_str_of(sql), &s, NULL));
    sl_buf b = {0};
    sl_json_write(&b, sl_create_json(a, s.create), false, 0);
    assert_string_equal(sl_buf_cstr(&b), describe);
    sl_buf_clear(&b);
    sl_json_write(&b, sl_create_schema(a, s.create), true, 0);
    assert_string_equal(sl_buf_cstr(&b), schema);
    sl_buf_free(&b);
    sl_arena_free(a);
}
static void json_forms(void **st) {
    want_json("CREATE STREAM s1 (id BIGINT, tags ARRAY(STRING), p STRUCT(v FLOAT)) WITH (DATASOURCE=\"t/1\", FORMAT=\"json\", TYPE=\"mqtt\")",
              "{\"Name\":\"s1\",\"StreamFields\":[{\"FieldType\":\"bigint\",\"Name\":\"id\"},{\"FieldType\":{\"Type\":\"array\",\"ElementType\":\"string\"},"
              "\"Name\":\"tags\"},{\"FieldType\":{\"Type\":\"struct\",\"Fields\":[{\"FieldType\":\"float\",\"Name\":\"v\"}]},\"Name\":\"p\"}],"
              "\"Options\":{\"datasource\":\"t/1\",\"format\":\"json\",\"type\":\"mqtt\"},\"StreamType\":0,\"Statement\":null}",
              "{\"id\":{\"index\":0,\"type\":\"bigint\"},\"p\":{\"index\":0,\"properties\":{\"v\":{\"index\":0,\"type\":\"float\"}},\"type\":\"struct\"},"
              "\"tags\":{\"index\":0,\"items\":{\"index\":0,\"type\":\"string\"},\"type\":\"array\"}}");
    want_json("CREATE TABLE t () WITH (KEY=\"id\", FORMAT=\"JSON\", CONF_KEY=\"demo\", TYPE=\"mqtt\", STRICT_VALIDATION=\"TRUE\", TIMESTAMP=\"ts\", "
              "TIMESTAMP_FORMAT=\"yyyy\", SHARED=\"false\", VERSION=\"3\", EXTRA=\"{\\\"k\\\":1}\", TEMP=\"true\", RETAIN_SIZE=\"10\", KIND=\"scan\", DELIMITER=\";\")",
              "{\"Name\":\"t\",\"StreamFields\":null,\"Options\":{\"key\":\"id\",\"format\":\"JSON\",\"confKey\":\"demo\",\"type\":\"mqtt\",\"strictValidation\":true,"
              "\"timestamp\":\"ts\",\"timestampFormat\":\"yyyy\",\"version\":\"3\",\"extra\":\"{\\\"k\\\":1}\",\"temp\":true,\"retainSize\":10,\"kind\":\"scan\","
              "\"delimiter\":\";\"},\"StreamType\":1,\"Statement\":null}",
              "null");
    want_json("CREATE STREAM d (a BIGINT DEFAULT 5) WITH ()",
              "{\"Name\":\"d\",\"StreamFields\":[{\"DefaultClause\":5,\"FieldType\":\"bigint\",\"Name\":\"a\"}],\"Options\":{},\"StreamType\":0,\"Statement\":null}",
              "{\"a\":{\"default\":5,\"index\":0,\"type\":\"bigint\"}}");
}
int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_texts), cmocka_unit_test(field_names), cmocka_unit_test(clauses),     cmocka_unit_test(limits),
        cmocka_unit_test(ddl_errors),  cmocka_unit_test(plan_forms),  cmocka_unit_test(definitions), cmocka_unit_test(json_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
