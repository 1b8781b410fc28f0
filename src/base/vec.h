/* Growable array for control-plane use: SL_VEC(T) name; SL_PUSH(name, value). Memory by malloc; a failed
 * growth leaves the vector as it was and SL_PUSH yields false. */
#ifndef SL_BASE_VEC_H
#define SL_BASE_VEC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#define SL_VEC(T)                                                                                                                                                                  \
    struct {                                                                                                                                                                       \
        T *at;                                                                                                                                                                     \
        size_t n, cap;                                                                                                                                                             \
    }
bool sl_vec_grow_(void **at, size_t *cap, size_t size, size_t want);
#define SL_PUSH(v, x) (((v).n < (v).cap || sl_vec_grow_((void **)&(v).at, &(v).cap, sizeof *(v).at, (v).n + 1)) ? ((v).at[(v).n++] = (x), true) : false)
#define SL_VEC_FREE(v) (free((v).at), (v).at = NULL, (v).n = (v).cap = 0)
#endif
