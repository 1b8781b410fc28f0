/* Reference pages: each has what the tables have, none is made up. */
#include "kit.h"
#include "conn/conn.h"
#include "core/settings.h"
#include "front/ekuiper.h"
#include "front/reference.h"
#include "sql/func.h"

static sl_buf page(const char *name) {
    sl_router *rt = sl_router_new(&(sl_router_opts){0}, NULL);
    sl_buf b = {0};
    assert_true(rt && sl_ekuiper_routes(rt));
    assert_true(sl_reference(sl_str_of(name), rt, &b));
    sl_router_free(rt);
    assert_false(b.failed);
    return b;
}
static void has(const sl_buf *b, const char *fmt, const char *x) {
    char want[256];
    snprintf(want, sizeof want, fmt, x);
    if (sl_str_find(sl_buf_view(b), sl_str_of(want)) < 0)
        fail_msg("the page does not say: %s", want);
}
static void complete(void **st) {
    sl_buf b = page("functions");
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++)
        if (!(f->flags & SL_FN_HIDDEN))
            has(&b, "\n| `%s` |", f->name);
    sl_buf_free(&b);
    b = page("connectors");
    const sl_conn_def *d;
    for (size_t i = 0; (d = sl_conn_at(i)); i++) {
        has(&b, "\n## %s\n", d->name);
        for (const sl_prop *p = d->props; p && p->type != SL_P_END; p++)
            if (p->type != SL_P_GROUP)
                has(&b, "\n| `%s` |", p->name);
    }
    sl_buf_free(&b);
    b = page("settings");
    for (const sl_setting *s = sl_settings_table; s->key; s++)
        if (s->where != SL_SET_RULE)
            has(&b, "\n| `%s` |", s->key);
    sl_buf_free(&b);
    b = page("rest");
    has(&b, "| `%s` |", "POST /rules/{name}/start");
    sl_buf_free(&b);
}
static void unknown(void **st) {
    sl_buf b = {0};
    assert_false(sl_reference(SL_S("nonsense"), NULL, &b));
    assert_int_equal(b.n, 0);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(complete), cmocka_unit_test(unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
