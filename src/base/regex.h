/* Regular expressions with Go's (RE2) syntax and meaning, run by PCRE2 under a limit of steps.
 * A compiled expression may be shared for reading only by one thread at a time (it owns its match block). */
#ifndef SL_BASE_REGEX_H
#define SL_BASE_REGEX_H
#include "base/str.h"

typedef struct sl_regex sl_regex;
/* Compiles. NULL: err (room for errn bytes) has Go's words, "error parsing regexp: missing closing ): `a(`". */
sl_regex *sl_regex_new(sl_str pattern, char *err, size_t errn);
void sl_regex_free(sl_regex *re);
/* Leftmost-first search from byte `from` of text. 1: found (span(re, 0…) is valid), 0: no match, -1: too many steps. */
int sl_regex_find(sl_regex *re, sl_str text, size_t from);
/* Span of group g of the last match: false when the group did not take part or does not exist. */
bool sl_regex_span(const sl_regex *re, unsigned g, size_t *start, size_t *end);
unsigned sl_regex_groups(const sl_regex *re);        /* without the whole match */
int sl_regex_group(const sl_regex *re, sl_str name); /* number of a named group, -1 when there is none */
/* Replaces all matches; template as Go's Expand ($1, ${1}, $name, ${name}, $$). false: too many steps. */
bool sl_regex_replace(sl_regex *re, sl_str text, sl_str with, sl_buf *out);
/* Pattern text that matches s literally. */
void sl_regex_quote(sl_buf *out, sl_str s);
#endif
