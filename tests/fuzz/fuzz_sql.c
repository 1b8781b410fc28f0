/* Any bytes as a statement: never a crash, the error points into the text, and what parses can be walked, printed and described. */
#include <stdlib.h>
#include "sql/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static bool count(sl_expr *e, void *arg) {
    ++*(size_t *)arg;
    if (e->height < 1 || e->height > SL_SQL_HEIGHT + 1)
        abort();
    return true;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_arena *a = sl_arena_new(0);
    sl_stmt st;
    uint32_t pos;
    sl_buf b = {0};
    sl_str text = sl_str_n((const char *)data, size);
    sl_err *e = sl_parse(a, text, &st, &pos);
    if (pos > size)
        abort();
    if (e) {
        const sl_spot *spot = sl_err_spot(e);
        if (spot && (!spot->line || !spot->column || !*spot->mark || strlen(spot->text) > 300 || strlen(spot->mark) > 600 || spot->line > size + 1))
            abort();
    } else if (st.select) {
        size_t n = 0;
        for (uint32_t i = 0; i < st.select->nfields; i++) {
            sl_expr_walk(st.select->fields[i].expr, count, &n);
            sl_expr_print(&b, st.select->fields[i].expr);
        }
        sl_expr_walk(st.select->where, count, &n);
        if (st.select->where)
            sl_expr_print(&b, st.select->where);
    } else if (st.create) {
        sl_create_describe(&b, st.create);
        sl_json_write(&b, sl_create_json(a, st.create), false, 0);
        sl_json_write(&b, sl_create_schema(a, st.create), true, 0);
    }
    if (b.failed)
        abort();
    sl_buf_free(&b);
    sl_err_free(e);
    sl_arena_free(a);
    return 0;
}
