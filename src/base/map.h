/* Hash map from text to pointer, insertion-ordered. Keys are copied. Holds what it is given; it frees nothing
 * but its own. For tables of tens to ten thousands of entries on the control plane; not for the row path. */
#ifndef SL_BASE_MAP_H
#define SL_BASE_MAP_H
#include "base/str.h"
typedef struct sl_map sl_map;
sl_map *sl_map_new(void);
void sl_map_free(sl_map *m);
void *sl_map_get(const sl_map *m, sl_str key); /* NULL when absent */
bool sl_map_has(const sl_map *m, sl_str key);
/* Sets, replaces (order kept); *old gets the former value when old is not NULL. false: out of memory. */
bool sl_map_set(sl_map *m, sl_str key, void *value, void **old);
void *sl_map_del(sl_map *m, sl_str key); /* returns the value, NULL when absent */
size_t sl_map_len(const sl_map *m);
/* Iteration in insertion order: start with *it = 0; the current entry may be deleted meanwhile. */
bool sl_map_next(const sl_map *m, size_t *it, sl_str *key, void **value);
#endif
