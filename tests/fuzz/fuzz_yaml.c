/* Settings files of any bytes: a tree that can be printed and read again, or an error; never more than the limit. */
#include <stdio.h>
#include <stdlib.h>
#include "core/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_arena *a = sl_arena_new(0);
    sl_json *tree, *again;
    sl_err *e = sl_yaml_parse(a, sl_str_n((const char *)data, size), "x.yaml", &tree);
    if (e && (tree || !*sl_err_text(e)))
        abort();
    sl_err_free(e);
    if (tree) {
        sl_buf b = {0};
        sl_json_write(&b, tree, false, 0);
        e = sl_json_parse(a, sl_buf_view(&b), &again, NULL);
        if (e && !b.failed) {
            fprintf(stderr, "%s\n%.*s\n", sl_err_text(e), (int)b.n, b.p);
            abort();
        }
        sl_err_free(e);
        sl_buf_free(&b);
    }
    sl_arena_free(a);
    return 0;
}
