/* Hostile packed bytes: an error, or something that packs to what it reads back from. */
#include <stdlib.h>
#include "data/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static sl_err *drop(sl_err *e) {
    sl_err_free(e);
    return e;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_str in = {(const char *)data, size};
    sl_arena *a = sl_arena_new(0);
    sl_value v;
    sl_buf one = {0}, two = {0};
    if (!drop(sl_unpack_value(a, &in, &v))) {
        sl_pack_value(&one, v);
        sl_str at = sl_buf_view(&one);
        if (drop(sl_unpack_value(a, &at, &v)) || at.n)
            abort();
        sl_pack_value(&two, v);
        if (!sl_str_eq(sl_buf_view(&one), sl_buf_view(&two)))
            abort();
    }
    sl_buf_clear(&one);
    sl_buf_clear(&two);
    sl_batch *b = NULL, *c = NULL;
    if (!drop(sl_unpack_batch((sl_str){(const char *)data, size}, &b))) {
        sl_pack_batch(&one, b);
        if (drop(sl_unpack_batch(sl_buf_view(&one), &c)))
            abort();
        sl_pack_batch(&two, c);
        if (!sl_str_eq(sl_buf_view(&one), sl_buf_view(&two)))
            abort();
        for (uint32_t r = 0; r < b->nrows && r < 8; r++)
            sl_batch_row(b, r, a);
    }
    sl_batch_drop(b);
    sl_batch_drop(c);
    sl_buf_free(&one);
    sl_buf_free(&two);
    sl_arena_free(a);
    return 0;
}
