/* Numbers and text, exact and independent of the locale. */
#ifndef SL_BASE_NUM_H
#define SL_BASE_NUM_H
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
/* Each writer wants room for SL_NUM_MAX bytes at out and returns the length (no NUL). */
#define SL_NUM_MAX 400
size_t sl_num_i64(char *out, int64_t v);
size_t sl_num_u64(char *out, uint64_t v);
/* Shortest text that reads back equal. */
size_t sl_num_json(char *out, double v); /* Go encoding/json: plain unless |x|<1e-6 or >=1e21 (1e-7, 1e+21) */
size_t sl_num_g(char *out, double v);    /* Go %v: scientific below 1e-4 and from 1e6 up whatever the digits (1e-05, 1e+06, 1.2345678e+07); NaN, +Inf, -Inf */
size_t sl_num_f(char *out, double v);    /* Go 'f',-1: never an exponent */
/* Whole span must be a number of JSON's or Go's plain form; exact (correctly rounded). */
bool sl_num_parse_f64(sl_str s, double *out);  /* decimal with optional exponent, sign */
bool sl_num_parse_i64(sl_str s, int64_t *out); /* decimal with optional sign; false on overflow */
/* Go's duration text ("1h15m", "500ms", "-1.5s") to ns and back. */
bool sl_dur_parse(sl_str s, int64_t *ns);
size_t sl_dur_print(char *out, int64_t ns);
#endif
