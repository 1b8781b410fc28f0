/* Patterns and texts of any bytes: compile, search, replace. The first line is the pattern, the second the template, the rest the text. What the rewriter
 * accepts PCRE2 must accept too, except for properties it does not know and sizes it cannot hold. */
#include <stdlib.h>
#include "base/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static sl_str line(sl_str *rest) {
    const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    sl_str s = {rest->p, nl ? (size_t)(nl - rest->p) : rest->n};
    rest->n -= s.n + (nl != NULL);
    rest->p += s.n + (nl != NULL);
    return s;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_str rest = {(const char *)data, size}, pattern = line(&rest), with = line(&rest);
    char err[128];
    sl_regex *re = sl_regex_new(pattern, err, sizeof err);
    if (!re)
        return 0;
    sl_buf out = {0};
    if (rest.n < 4096 && sl_regex_find(re, rest, 0) >= 0)
        sl_regex_replace(re, rest, with, &out);
    sl_buf_free(&out);
    sl_regex_free(re);
    return 0;
}
