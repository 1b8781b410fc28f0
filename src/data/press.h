/* Compression of payloads: gzip, zlib and flate by zlib, zstd by a module loaded on first use. */
#ifndef SL_DATA_PRESS_H
#define SL_DATA_PRESS_H
#include "base/err.h"
#include "base/str.h"
typedef enum sl_press { SL_PRESS_NONE, SL_PRESS_ZLIB, SL_PRESS_GZIP, SL_PRESS_FLATE, SL_PRESS_ZSTD } sl_press;
sl_press sl_press_of(sl_str name);     /* SL_PRESS_NONE: not known */
const char *sl_press_name(sl_press z); /* static text */
sl_err *sl_press_ready(sl_press z);    /* loads what it needs; the error says what is missing */
/* Both append to out. NULL or what is wrong (static text; out may hold a part). */
const char *sl_press_pack(sl_press z, sl_str in, sl_buf *out);
const char *sl_press_unpack(sl_press z, sl_str in, size_t most, sl_buf *out); /* most: limit of the result in bytes */
#endif
