/* Lookup tables in memory: the newest row per key of a topic. Inside of conn/memory only. */
#ifndef SL_CONN_MEMORY_TABLE_H
#define SL_CONN_MEMORY_TABLE_H
#include "conn/conn.h"
sl_err *table_open(sl_str topic, sl_str key, const sl_conn_env *env, sl_lookup **out);
void table_look(sl_lookup *l, sl_arena *a, const sl_str *cols, const sl_value *vals, uint32_t n, void (*done)(void *arg, sl_value rows), void *arg);
/* What can be answered at once: where the table lives on this loop. */
void table_now(sl_lookup *l, sl_arena *a, const sl_str *cols, uint32_t ncols, const sl_value *vals, uint32_t n, sl_value *out);
void table_close(sl_lookup *l, sl_fn done, void *arg);
#endif
