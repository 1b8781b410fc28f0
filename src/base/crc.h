/* CRC32C (Castagnoli), the checksum of what lies on a disk. */
#ifndef SL_BASE_CRC_H
#define SL_BASE_CRC_H
#include <stddef.h>
#include <stdint.h>
/* Continues crc (0 at first) over n bytes. */
uint32_t sl_crc32c(uint32_t crc, const void *p, size_t n);
#endif
