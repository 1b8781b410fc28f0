/* Many rules on one shared stream, whose filters are asked of an index: each gives and counts what it does on a source of its own, whatever the rows
 * hold, while others come and go. */
#include "flow_kit.h"

enum { RULES = 40, ROUNDS = 60 };
static uint32_t seed;
static uint32_t rnd(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}
static void one_test(char *to, size_t size, const char *col) {
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    static const char *const words[] = {"\"a\"", "\"ab\"", "\"abc\"", "\"b\""};
    switch (rnd(9)) {
    case 0: snprintf(to, size, "%s = %u", col, rnd(20)); break;
    case 1: snprintf(to, size, "%s %s %u", col, ops[rnd(6)], rnd(20)); break;
    case 2: snprintf(to, size, "%s BETWEEN %u AND %u", col, rnd(20), rnd(20)); break;
    case 3: snprintf(to, size, "%s IN (%u, %u, %u.0)", col, rnd(20), rnd(20), rnd(20)); break;
    case 4: snprintf(to, size, "%s %s %s", col, ops[rnd(6)], words[rnd(4)]); break;
    case 5: snprintf(to, size, "%s LIKE \"%s%%\"", col, rnd(2) ? "a" : "ab"); break;
    case 6: snprintf(to, size, "(%s = %u OR %s > %u)", col, rnd(20), col, rnd(20)); break;
    case 7: snprintf(to, size, "%u.5 %s %s", rnd(20), ops[rnd(6)], col); break;
    default: snprintf(to, size, "%s = %s", col, rnd(2) ? "true" : "false"); break;
    }
}
static void statement(char *to, size_t size) {
    static const char *const cols[] = {"a", "b", "c"};
    char part[3][100];
    uint32_t n = 1 + rnd(3);
    for (uint32_t i = 0; i < 3; i++)
        one_test(part[i], sizeof part[i], cols[rnd(3)]);
    char where[400];
    snprintf(where, sizeof where, "%s%s%s%s%s", part[0], n > 1 ? " AND " : "", n > 1 ? part[1] : "", n > 2 ? " AND " : "", n > 2 ? part[2] : "");
    switch (rnd(8)) {
    case 0: snprintf(to, size, "SELECT count(*) AS n, collect(a) AS all_a, b FROM demo GROUP BY COUNTWINDOW(3) FILTER (WHERE %s)", where); break;
    case 1: snprintf(to, size, "SELECT count(*) AS n, sum(a) AS s FROM demo WHERE %s GROUP BY b, STATEWINDOW(c > 5, c < 10)", where); break;
    case 2: snprintf(to, size, "SELECT c, count(*) AS n FROM demo WHERE %s GROUP BY c, TUMBLINGWINDOW(ss, 1000)", where); break;
    default: snprintf(to, size, "SELECT a, b, c FROM demo WHERE %s", where); break;
    }
}
static void cell(char *to, size_t size, uint32_t odd) {
    if (rnd(100) >= odd)
        snprintf(to, size, "%u", rnd(22));
    else
        switch (rnd(8)) {
        case 0: snprintf(to, size, "null"); break;
        case 1: snprintf(to, size, "\"ab\""); break;
        case 2: snprintf(to, size, "\"b\""); break;
        case 3: snprintf(to, size, "true"); break;
        case 4: snprintf(to, size, "[1]"); break;
        case 5: snprintf(to, size, "%u.5", rnd(20)); break;
        case 6: snprintf(to, size, "-0.0"); break;
        default: snprintf(to, size, "9007199254740993"); break;
        }
}
typedef struct pack {
    feed *f;
    char (*text)[200];
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
typedef struct twin { /* one rule twice: on the shared stream, and alone */
    rule both[2];
    collect c[2];
    feed own;
    bool there;
} twin;
static twin twins[RULES];
static feed shared;
static void begin(twin *t, bool errors) {
    char sql[500];
    statement(sql, sizeof sql);
    *t = (twin){.there = true};
    for (int k = 0; k < 2; k++) {
        collect_init(&t->c[k], AT_ONCE);
        rule_open(&t->both[k], k ? &t->own : &shared, sql, make_src(k == 0, ""), "{}", &t->c[k], 0, errors);
    }
}
static void compare(twin *t) {
    for (int k = 0; k < 2; k++)
        rule_sink(&t->both[k]);
    const sl_meters *x = &t->both[0].m, *y = &t->both[1].m;
    assert_int_equal(x->rows_in, y->rows_in);
    assert_int_equal(x->rows_filtered, y->rows_filtered);
    assert_int_equal(x->rows_failed, y->rows_failed);
    assert_int_equal(x->rows_out, y->rows_out);
    for (uint32_t i = 0, seen = 0; i < x->n; i++)
        for (uint32_t k = 0; k < y->n && x->at[i].where == 1; k++) {
            const char *a = strrchr(x->at[i].name, '_'), *b = strrchr(y->at[k].name, '_');
            if (y->at[k].where != 1 || strcmp(a, b) != 0 || strcmp(a, "_decoder") == 0)
                continue;
            assert_int_equal(x->at[i].in, y->at[k].in);
            assert_int_equal(x->at[i].out, y->at[k].out);
            assert_int_equal(x->at[i].errors, y->at[k].errors);
            assert_int_equal(x->at[i].last_ms > 0, y->at[k].last_ms > 0);
            seen++;
        }
    assert_int_equal(t->c[0].got.n, t->c[1].got.n);
    for (size_t i = 0; i < t->c[0].got.n; i++)
        assert_string_equal(t->c[0].got.at[i], t->c[1].got.at[i]);
}
static void end(twin *t) {
    compare(t);
    for (int k = 0; k < 2; k++)
        rule_close(&t->both[k]);
    assert_int_equal(t->both[0].m.rows_in, t->both[1].m.rows_in);
    assert_int_equal(t->both[0].m.rows_filtered, t->both[1].m.rows_filtered);
    for (int k = 0; k < 2; k++) {
        rule_end(&t->both[k]);
        collect_forget(&t->c[k]);
    }
    t->there = false;
}
static void find_index(void *arg) { /* some flow of the shared source is in the index */
    for (int i = 0; i < RULES; i++)
        *(uint32_t *)arg += twins[i].there && twins[i].both[0].flow->filed;
}
static void play(uint32_t from, uint32_t odd, int most, bool errors) {
    seed = from;
    shared = (feed){0};
    uint32_t filed = 0;
    static char text[600][200];
    rule keeper;
    collect k;
    collect_init(&k, AT_ONCE);
    rule_open(&keeper, &shared, "SELECT a FROM demo WHERE a = 1", make_src(true, ""), "{}", &k, 0, false);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RULES; i++)
            if (!twins[i].there && rnd(3) == 0)
                begin(&twins[i], errors && rnd(4) == 0);
        int n = 1 + (int)rnd((uint32_t)most);
        for (int i = 0; i < n; i++) {
            char v[3][40];
            for (int c = 0; c < 3; c++)
                cell(v[c], sizeof v[c], odd);
            snprintf(text[i], sizeof text[i],
                     rnd(10)      ? "{\"a\":%s,\"b\":%s,\"c\":%s}"
                         : rnd(2) ? "{\"a\":%s,\"x\":%s,\"y\":%s}"
                                  : "{\"a\":%s,\"b\":%s,\"b\":%s}",
                     v[0], v[1], v[2]);
            if (errors && rnd(40) == 0)
                snprintf(text[i], sizeof text[i], "{\"a\":");
        }
        on_lane(pack_there, &(pack){&shared, text, n});
        for (int i = 0; i < RULES; i++)
            if (twins[i].there)
                on_lane(pack_there, &(pack){&twins[i].own, text, n});
        if (round > ROUNDS / 2)
            on_lane(find_index, &filed);
        for (int i = 0; i < RULES; i++)
            if (twins[i].there && rnd(12) == 0)
                end(&twins[i]);
            else if (twins[i].there && rnd(4) == 0)
                compare(&twins[i]);
    }
    assert_true(filed > ROUNDS);
    for (int i = 0; i < RULES; i++)
        if (twins[i].there)
            end(&twins[i]);
    rule_end(&keeper);
    collect_forget(&k);
}
static void single_rows(void **state) { play(1, 3, 1, false); }
static void few_rows(void **state) { play(2, 8, 7, false); }
static void many_rows(void **state) { play(3, 2, 550, false); }
static void odd_rows(void **state) { play(4, 60, 20, true); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(single_rows), cmocka_unit_test(few_rows), cmocka_unit_test(many_rows), cmocka_unit_test(odd_rows)};
    return cmocka_run_group_tests(tests, kit_begin, kit_end);
}
