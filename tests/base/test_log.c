/* Log lines: logrus' text form, escaped, one line each. */
#include "kit.h"
#include <unistd.h>
#include "base/log.h"

static void test_lines(void **s) {
    FILE *f = tmpfile();
    assert_non_null(f);
    sl_log_to(fileno(f), 0);
    sl_log_level(SL_INFO);
    sl_debug("x", "not this");
    sl_info("rule1", "say \"%s\"\n\x01", "hi");
    char *big = malloc(9001);
    memset(big, '"', 9000);
    big[9000] = 0;
    sl_error(NULL, "%s", big);
    free(big);
    sl_log_to(-1, 1);
    char text[16384];
    rewind(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    assert_null(strstr(text, "not this"));
    assert_memory_equal(text, "time=\"2", 7);
    assert_int_equal(text[6 + 10], ' ');
    assert_int_equal(text[6 + 19], '.');
    assert_non_null(strstr(text, "\" level=info msg=\"say \\\"hi\\\"\\n\\x01\" owner=\"rule1\"\n"));
    char *second = strchr(text, '\n') + 1;
    assert_non_null(strstr(second, "level=error msg=\"\\\""));
    assert_non_null(strstr(second, "[cut]"));
    assert_ptr_equal(strchr(second, '\n'), text + n - 1);
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(test_lines)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
