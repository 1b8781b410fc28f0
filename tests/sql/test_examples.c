/* Every scalar function's example gives what its table row says (the rows are the documentation); the others' examples parse. */
#include "kit.h"
#include "data/json.h"
#include "sql/func.h"
#include "sql/parse.h"
#include "sql/plan.h"

static const sl_member meta[] = {{{"topic", 5}, {.kind = SL_STRING, .len = 3, .p = "a/b"}}};

static void examples(void **st) {
    sl_arena *a = sl_arena_new(0);
    unsigned ran = 0, wrong = 0;
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++) {
        bool scalar = f->kind == SL_FN_SCALAR || f->kind == SL_FN_META;
        sl_arena_reset(a);
        sl_select *sel;
        sl_buf b = {0};
        sl_str why;
        sl_value v = sl_v_null();
        sl_err *e = sl_parse_select(a, sl_arena_printf(a, "SELECT %s FROM s", f->example), &sel, NULL);
        if (!scalar) { /* the examples of the other kinds are shown, so they must parse */
            if (e)
                print_message("%s: %s\n", f->example, sl_err_text(e));
            wrong += e != NULL;
            sl_err_free(e);
            continue;
        }
        if (!e)
            e = sl_expr_eval1(a, sel->fields[0].expr, sl_v_map(NULL, 0), sl_v_map(meta, 1), 0, SL_ZONE_UTC, &v);
        if (e)
            sl_buf_puts(&b, sl_err_text(e));
        else if (!sl_json_put(&b, v, &why))
            sl_buf_str(&b, why);
        ran++;
        if (strcmp(sl_buf_cstr(&b), f->gives)) {
            wrong++;
            print_message("%s gives %s, the table says %s\n", f->example, sl_buf_cstr(&b), f->gives);
        }
        sl_err_free(e);
        sl_buf_free(&b);
    }
    sl_arena_free(a);
    assert_true(ran > 60);
    assert_int_equal(wrong, 0);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
