/* UTF-8 helpers. Invalid bytes decode as U+FFFD, one byte consumed, as Go does. */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H
#include "base/str.h"
bool sl_utf8_valid(const char *p, size_t n);
/* Decodes one rune at p (n > 0), returns bytes consumed (1..4). */
unsigned sl_utf8_get(const char *p, size_t n, uint32_t *rune);
/* Encodes r into out (room for 4), returns bytes; invalid runes become U+FFFD. */
unsigned sl_utf8_put(char *out, uint32_t r);
size_t sl_utf8_count(sl_str s); /* runes */
#endif
