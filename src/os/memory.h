/* How much memory this process may use. */
#ifndef SL_OS_MEMORY_H
#define SL_OS_MEMORY_H
#include <stdint.h>
/* Bytes of the machine, or of the smallest control group (memory.max, memory.limit_in_bytes) that holds this process; asked of the system once.
 * 0: not known. @on any */
int64_t sl_memory_size(void);
#endif
