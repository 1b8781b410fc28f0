/* What an accumulator is made of: for those that take rows and merge (fastacc.c) and those that save (fastaccsave.c). */
#ifndef SL_SQL_FASTACC_H
#define SL_SQL_FASTACC_H
#include <stdlib.h>
#include <string.h>
#include "sql/fastwin.h"

/* Ways of computing, by the kind of the first value; AS_NONE: no aggregate takes it. */
enum { AS_INT, AS_FLOAT, AS_TEXT, WAYS, AS_NONE = WAYS };
typedef struct room { /* scratch memory, and where is counted what is held */
    sl_arena *tmp;
    size_t *bytes;
    int64_t *times; /* of the accumulator, NULL: rows come in order */
    int64_t now;    /* of the row */
} room;
enum { FIRST, BEST, LAST = FIRST }; /* in times: the value that leads, the best float; of a last value its own */
typedef struct odd {                /* what is seldom there */
    char *error;                    /* an argument that failed is the result */
    char *lead;                     /* the first value in words, when it is not a number */
    char *bad[WAYS];                /* the first value that a way refuses, in words; only of the ways that are followed */
    char *text;                     /* min, max: best text */
    uint32_t len, cap;
    int64_t error_at, bad_at[WAYS]; /* their times */
} odd;
typedef struct wide { /* whatever kinds came */
    int64_t n;        /* values that are not null */
    odd *odd;
    sl_value lead; /* the first of them; of what is not a number the kind alone */
    int64_t i;
    union {
        double f;
        sl_value best; /* ABSENT: none but NaN */
    };
} wide;
typedef struct acc {
    uint64_t n; /* values that are not null, in steps of ONE; below it what it is */
    union {     /* sum or best */
        double f;
        int64_t i;
        wide *wide;
    };
    int64_t whole;  /* from here on only where accumulators are merged: of floats, as whole numbers */
    uint64_t first; /* the first value */
} acc;
enum { NOTHING = 0, WIDE = 0xFF, ONE = 0x100 }; /* or SL_INT, SL_FLOAT: so was the first value, without flags (and no NaN that may be the best) */
typedef struct acc_count {
    int64_t n;
    odd *odd;
} acc_count;
typedef struct acc_last {
    sl_value last;
    char *text;  /* what a text points into; there may be one for each of very many groups */
    sl_arena *a; /* what other kinds point into */
    char *error;
    int64_t error_at;
    uint32_t cap;
} acc_last;

static inline odd *odd_of(odd **o, room m) {
    if (!*o && (*o = calloc(1, sizeof **o)))
        *m.bytes += sizeof **o;
    return *o;
}
static inline size_t text_bytes(const char *s) { return s ? strlen(s) + 1 : 0; }
static inline bool own(char **to, char *text, room m) { /* text: from the heap, or NULL when memory was out */
    *to = text;
    *m.bytes += text_bytes(text);
    return text != NULL;
}
static inline int way_of(uint8_t kind) { return kind == SL_FLOAT ? AS_FLOAT : kind == SL_INT || kind == SL_UINT ? AS_INT : kind == SL_STRING ? AS_TEXT : AS_NONE; }
static inline bool is_best(const sl_fagg *a) { return a->kind == SL_ACC_MIN || a->kind == SL_ACC_MAX; }
static inline bool is_wide(const acc *x) { return (uint8_t)x->n == WIDE; }
/* What the accumulator is, as a wide one. */
wide sl_acc_view(const sl_fagg *a, const acc *x);
/* Makes it a wide one. NULL: out of memory. */
wide *sl_acc_widen(const sl_fagg *a, acc *x, room m);
bool sl_acc_take_last(const sl_fagg *a, acc_last *x, sl_value v, room m);
#endif
