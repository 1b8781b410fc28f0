/* Memory of functions: what analytic, state and multi-column functions remember from row to row. A keep is a short list of owned values, so that
 * every function's state is saved and loaded in one way. One keep per call site and partition. */
#ifndef SL_SQL_KEEP_H
#define SL_SQL_KEEP_H
#include "base/err.h"
#include "base/str.h"
#include "data/value.h"

typedef struct sl_keep sl_keep;
/* Value i, ABSENT when it was never set. Lent until that place is set again. */
sl_value sl_keep_get(const sl_keep *k, uint32_t i);
uint32_t sl_keep_len(const sl_keep *k);
/* Sets value i (deep copy); places between are ABSENT. false: out of memory, k unchanged. */
bool sl_keep_set(sl_keep *k, uint32_t i, sl_value v);
/* Forgets the values from n on. */
void sl_keep_cut(sl_keep *k, uint32_t n);

/* ---- for the evaluator ---- */
typedef struct sl_keeps sl_keeps; /* partition key -> keep, of one call site */
sl_keeps *sl_keeps_new(void);
void sl_keeps_free(sl_keeps *s);
/* The keep of a partition, made when new. NULL: out of memory. */
sl_keep *sl_keeps_at(sl_keeps *s, sl_str key);
size_t sl_keeps_bytes(const sl_keeps *s);
void sl_keeps_save(const sl_keeps *s, sl_buf *out);
sl_err *sl_keeps_load(sl_keeps *s, sl_str *at);
#endif
