/* Archives in ZIP form, made in memory: a few files of a few MB. */
#ifndef SL_STORE_ZIP_H
#define SL_STORE_ZIP_H
#include "base/str.h"
typedef struct sl_zip {
    sl_buf out, dir;
    uint32_t files;
} sl_zip;
bool sl_zip_add(sl_zip *z, sl_str name, sl_str bytes); /* compressed where that helps */
sl_str sl_zip_end(sl_zip *z);                          /* the archive, lent until free; empty: out of memory */
void sl_zip_free(sl_zip *z);
#endif
