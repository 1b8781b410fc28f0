/* Functions over whole batches: what rows of the tables name in the column `dense` (func.h). A loop here gives exactly what `eval` of the same row gives, or says
 * that it does not: where one row's result is null or an error it returns false. */
#ifndef SL_SQL_FUNC_DENSE_H
#define SL_SQL_FUNC_DENSE_H
#include "sql/vec.h"

/* Numbers (dense_math.c). */
bool sl_dn_abs(sl_dense *d);
/* Whole numbers around. */
bool sl_dn_ceil(sl_dense *d), sl_dn_floor(sl_dense *d), sl_dn_round(sl_dense *d), sl_dn_sign(sl_dense *d);
/* Roots, powers and logarithms. */
bool sl_dn_sqrt(sl_dense *d), sl_dn_exp(sl_dense *d), sl_dn_ln(sl_dense *d), sl_dn_log(sl_dense *d), sl_dn_power(sl_dense *d), sl_dn_mod(sl_dense *d);
/* Angles. */
bool sl_dn_sin(sl_dense *d), sl_dn_cos(sl_dense *d), sl_dn_tan(sl_dense *d), sl_dn_cot(sl_dense *d), sl_dn_asin(sl_dense *d), sl_dn_acos(sl_dense *d), sl_dn_atan(sl_dense *d),
    sl_dn_atan2(sl_dense *d), sl_dn_sinh(sl_dense *d), sl_dn_cosh(sl_dense *d), sl_dn_tanh(sl_dense *d), sl_dn_radians(sl_dense *d), sl_dn_degrees(sl_dense *d);
/* Bits. */
bool sl_dn_bitand(sl_dense *d), sl_dn_bitor(sl_dense *d), sl_dn_bitxor(sl_dense *d), sl_dn_bitnot(sl_dense *d);
/* Texts (dense_text.c). */
bool sl_dn_concat(sl_dense *d), sl_dn_upper(sl_dense *d), sl_dn_lower(sl_dense *d), sl_dn_substring(sl_dense *d), sl_dn_trim(sl_dense *d), sl_dn_reverse(sl_dense *d);
/* What is in a text. */
bool sl_dn_length(sl_dense *d), sl_dn_numbytes(sl_dense *d), sl_dn_startswith(sl_dense *d), sl_dn_endswith(sl_dense *d), sl_dn_indexof(sl_dense *d);
/* cast() to bigint, float and string. */
bool sl_dn_cast(sl_dense *d);
#endif
