/* Modules: shared objects of ours (sl_NAME.so) around big client libraries, loaded on first use, kept until the end. */
#ifndef SL_OS_MODULE_H
#define SL_OS_MODULE_H
#include "base/err.h"
/* Every mod_NAME.c says this once at file level; a module of another build is refused. */
#define SL_MODULE_STAMP                                                                                                                                                            \
    extern const char sl_module_build[];                                                                                                                                           \
    const char sl_module_build[] = SL_VERSION;
/* Loads sl_<name>.so (once) and finds its object `symbol`. Searched: the folders of $SL_MODULES (colon-separated), then <folder of
 * the program>/modules, then <folder of the program>/../lib/sluice/modules, then /usr/lib/sluice/modules. The error says which
 * file or library is missing. @on any. */
sl_err *sl_module_load(const char *name, const char *symbol, void **table);
#endif
