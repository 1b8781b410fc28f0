/* Arrays and objects inside functions: opening arguments, building results, sets of scalars. Only for the files of this folder. */
#ifndef SL_SQL_FUNC_BOX_H
#define SL_SQL_FUNC_BOX_H
#include "sql/func.h"

/* Arrays and objects made by functions have at most this many elements. */
#define SL_BOX_MAX (1u << 20)

/* Opens v (JSONTEXT too). false: no array (a list of texts made by keys() is none, as upstream). */
bool sl_box_list(sl_call *c, sl_value v, sl_value *list);
/* false: no object. */
bool sl_box_map(sl_call *c, sl_value v, sl_value *map);
static inline bool sl_box_is_map(sl_value v) { return v.kind == SL_MAP || v.kind == SL_PAIRS || (v.kind == SL_JSONTEXT && v.len && sl_str_trim(sl_v_text(v)).p[0] == '{'); }

/* An array in the making; a growth that fails is told by sl_vals_done. */
typedef struct sl_vals {
    sl_value *at;
    uint32_t n, cap;
    bool failed;
} sl_vals;
void sl_vals_add(sl_call *c, sl_vals *l, sl_value v); /* ABSENT becomes NULL */
sl_value sl_vals_done(sl_call *c, sl_vals *l);

/* An object in the making: keys unique, the last value wins, order of first appearance. */
typedef struct sl_mems {
    sl_member *at;
    uint32_t n, cap;
    uint32_t *slots, nslots; /* index once there are many: position + 1 */
    bool failed;
} sl_mems;
void sl_mems_set(sl_call *c, sl_mems *m, sl_str key, sl_value v);
sl_value *sl_mems_find(sl_mems *m, sl_str key); /* NULL: not there */
sl_value sl_mems_done(sl_call *c, sl_mems *m);

/* A set of scalars, equal by kind and value. */
typedef struct sl_set {
    sl_value *at;
    uint32_t n, cap; /* cap slots, power of two; ABSENT = free */
} sl_set;
bool sl_set_able(sl_value v); /* arrays and objects cannot be members */
bool sl_set_has(const sl_set *s, sl_value v);
bool sl_set_add(sl_call *c, sl_set *s, sl_value v); /* false: was there already */
#endif
