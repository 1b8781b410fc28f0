#include "kit.h"
#include <sys/stat.h>
#include <unistd.h>
#include "os/file.h"

static void test_files(void **s) {
    char dir[] = "/tmp/sl_file_XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *deep = sl_path_join(dir, "a/b//c"), *f = sl_path_join(deep, "x.txt");
    assert_null(sl_dir_make(deep));
    assert_null(sl_dir_make(deep));
    assert_null(sl_file_write_durable(f, SL_S("hello")));
    assert_null(sl_file_write_durable(f, SL_S("world!")));
    sl_buf b = {0};
    sl_buf_puts(&b, "> ");
    assert_null(sl_file_read(f, 100, &b));
    assert_string_equal(sl_buf_cstr(&b), "> world!");
    sl_err *e = sl_file_read(f, 3, &b);
    assert_int_equal(sl_err_code(e), SL_E_LIMIT);
    assert_string_equal(sl_buf_cstr(&b), "> world!");
    sl_err_free(e);
    e = sl_file_read("/nowhere/x", 10, &b);
    assert_int_equal(sl_err_code(e), SL_E_IO);
    assert_non_null(strstr(sl_err_text(e), "/nowhere/x"));
    sl_err_free(e);
    e = sl_dir_make(f);
    assert_non_null(e);
    sl_err_free(e);
    e = sl_file_write_durable("/nowhere/x", SL_S("x"));
    assert_non_null(e);
    sl_err_free(e);
    char *g = sl_path_join(deep, "b.txt");
    assert_null(sl_file_write_durable(g, SL_S("")));
    sl_dirlist l = {0};
    assert_null(sl_dir_list(deep, &l));
    assert_int_equal(l.n, 2); /* and no leftover of the writing aside */
    assert_string_equal(l.at[0].name, "b.txt");
    assert_string_equal(l.at[1].name, "x.txt");
    assert_int_equal(l.at[1].size, 6);
    assert_false(l.at[1].dir);
    assert_true(l.at[1].mtime_ms > 1600000000000);
    sl_dirlist_free(&l);
    assert_true(sl_file_exists(f));
    unlink(f);
    assert_false(sl_file_exists(f));
    e = sl_dir_list(f, &l);
    assert_non_null(e);
    sl_err_free(e);
    unlink(g);
    sl_buf_free(&b);
    free(f);
    free(g);
    free(deep);
    char *p = sl_path_join("/", "x"), *q = sl_path_join("a//", "x"), *r = sl_path_join("a", "/x"), *t = sl_path_join("", "x");
    assert_string_equal(p, "/x");
    assert_string_equal(q, "a/x");
    assert_string_equal(r, "/x");
    assert_string_equal(t, "x");
    free(p);
    free(q);
    free(r);
    free(t);
    char rm[100];
    snprintf(rm, sizeof rm, "%s/a/b/c", dir);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rmdir(rm), 0);
        *strrchr(rm, '/') = 0;
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
