/* Any bytes as a template: never a crash, an error or a bounded result; what a failed run wrote is gone. */
#include <stdlib.h>
#include "data/json.h"
#include "data/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char row[] = "{\"s\":\"text\",\"n\":1.5,\"b\":true,\"z\":null,\"m\":{\"a\":{\"b\":[1,\"x\"]}},\"l\":[1,2,3],\"t\":[\"a\",\"b\"]}";
    sl_template *t = NULL;
    sl_err *e = sl_template_new(sl_str_n((const char *)data, size), &t);
    if (!e == !t)
        abort();
    sl_arena *a = sl_arena_new(0);
    sl_value root;
    sl_err *bad = sl_json_value(a, SL_S(row), false, &root);
    sl_value rows[2] = {root, root};
    for (int i = 0; t && !bad && i < 2; i++) {
        sl_buf out = {0};
        sl_buf_puts(&out, "before");
        sl_str why = {0};
        sl_template_env env = {.now_ms = 1700006400000};
        if (!sl_template_run(t, &env, a, i ? sl_v_list(rows, 2) : root, &out, &why) && (out.n != 6 || !why.n))
            abort();
        sl_buf_free(&out);
    }
    sl_err_free(bad);
    sl_err_free(e);
    sl_template_free(t);
    sl_arena_free(a);
    return 0;
}
