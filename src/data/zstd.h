/* What the module sl_zstd.so gives; used by data/press.c only. */
#ifndef SL_DATA_ZSTD_H
#define SL_DATA_ZSTD_H
#include "base/str.h"
typedef struct sl_zstd {
    /* Appends to out; false: *why (static text). most: limit of the result. */
    bool (*pack)(sl_str in, sl_buf *out, const char **why);
    bool (*unpack)(sl_str in, size_t most, sl_buf *out, const char **why);
} sl_zstd;
#endif
