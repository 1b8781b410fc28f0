/* What the JSON readers of this room share: text of strings and numbers. Not for other rooms. */
#ifndef SL_DATA_JSON_TEXT_H
#define SL_DATA_JSON_TEXT_H
#include "data/value.h"

static inline int sl_jt_hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
/* Text between the quotes to UTF-8: escapes resolved, lone surrogates and invalid bytes become U+FFFD, an unknown or broken escape
 * stays as it stands. Room for 3 * in.n bytes at out; returns the length. */
size_t sl_jt_unescape(char *out, sl_str in);
/* A number's text (valid JSON number) to a value: FLOAT (SL_F_WHOLE above 2^53), or INT when int64 and it has neither '.' nor exponent. */
sl_value sl_jt_number(sl_str s, bool int64);
/* Makes keys unique, last wins, at the place of the first; returns the new count. a: scratch for long maps. */
size_t sl_jt_unique(sl_arena *a, sl_member *at, size_t n);
#endif
