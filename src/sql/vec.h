/* Columns of one kind while a statement runs: plain words, eight bytes a value, made and read by loops that the compiler makes wide.
 *
 * A vector has a place for each active row of the batch, in their order, and no value of it is nil or an error. Truth values, ints and floats are words
 * (a float's bits are its word); texts are values, because a text is an address and a length. A loop that meets what the general way must tell
 * (a division by zero, a root of a negative number) says so and leaves it to do the instruction. */
#ifndef SL_SQL_VEC_H
#define SL_SQL_VEC_H
#include "sql/func.h"

enum { SL_VEC_NONE = 0, SL_VEC_MIXED = 0xFF };
typedef struct sl_vec {
    uint8_t kind;  /* SL_BOOL, SL_INT, SL_FLOAT, SL_STRING; SL_VEC_NONE: nobody has looked; SL_VEC_MIXED: not of one kind */
    uint8_t flags; /* of the values: 0 or SL_F_GOINT */
    bool one;      /* a constant: the first place stands for all */
    bool bare;     /* the kind is known, the words are not made yet */
    bool stale;    /* the register's column of values is not written yet */
    bool lasting;  /* texts: the values live as long as the output */
    union {
        const int64_t *w;
        const double *f;
        const sl_value *s;
    };
} sl_vec;

/* ---- loops: vec_loops.h, compiled for the plain processor and for wide ones ---- */
enum { SL_ONE_A = 1, SL_ONE_B = 2 }; /* which operand is a constant; never both */
typedef enum sl_unary { SL_U_ABS, SL_U_CEIL, SL_U_FLOOR, SL_U_ROUND, SL_U_SQRT, SL_U_SIGN } sl_unary;
typedef struct sl_loops {
    /* + - * / % & | ^ on ints. False: a divisor is 0. */
    bool (*ints)(sl_op op, int64_t *d, const int64_t *a, const int64_t *b, unsigned one, uint32_t n);
    /* + - * / % on floats. False: a divisor is 0, or the operator is none of these. */
    bool (*floats)(sl_op op, double *d, const double *a, const double *b, unsigned one, uint32_t n);
    void (*cmp_ints)(sl_op op, int64_t *d, const int64_t *a, const int64_t *b, unsigned one, uint32_t n); /* words 0 or 1 */
    void (*cmp_floats)(sl_op op, int64_t *d, const double *a, const double *b, unsigned one, uint32_t n);
    void (*between_ints)(int64_t *d, const int64_t *x, int64_t lo, int64_t hi, bool negated, uint32_t n);
    void (*between_floats)(int64_t *d, const double *x, double lo, double hi, bool negated, uint32_t n);
    void (*to_floats)(double *d, const int64_t *a, uint32_t n);
    void (*invert)(int64_t *d, uint32_t n);                                                       /* 0 to 1, 1 to 0 */
    void (*pick)(int64_t *d, const int64_t *yes, const int64_t *a, bool one, uint32_t n);         /* d becomes a where yes */
    void (*pick_texts)(sl_value *d, const int64_t *yes, const sl_value *a, bool one, uint32_t n); /* the same of values */
    void (*fill)(int64_t *d, int64_t w, uint32_t n);
    uint32_t (*count)(const int64_t *yes, uint32_t n);                                            /* words that are 1 */
    uint32_t (*keep)(uint32_t *out, const int64_t *yes, const uint32_t *rows, uint32_t n);        /* rows NULL: places */
    void (*unary)(sl_unary f, double *d, const double *a, uint32_t n);                            /* SIGN: ints */
    bool (*any_nan)(const double *a, uint32_t n);                                                 /* is there one? */
    bool (*unbox)(int64_t *d, const sl_value *v, const uint32_t *rows, uint8_t kind, uint32_t n); /* false: not all of this kind without flags */
    bool (*same)(const sl_value *v, const uint32_t *rows, uint8_t kind, uint32_t n);              /* the same without words */
    void (*box)(sl_value *d, const int64_t *w, uint8_t kind, uint8_t flags, uint32_t n);          /* words to values */
} sl_loops;
/* For the processor that runs this. */
const sl_loops *sl_loops_here(void);
extern const sl_loops sl_loops_plain, sl_loops_avx2;

/* ---- calls over all rows: the column `dense` of the functions' table ---- */
struct sl_dense {
    sl_call *call;      /* its arena: the bytes of new texts */
    const sl_vec *args; /* at least one is no constant */
    uint32_t nargs, n;
    const sl_loops *loops;
    sl_arena *tmp; /* for the length of the run */
    bool lasting;  /* the result becomes part of the output */
    bool nomem;
    sl_vec out;
};
/* Room for the results, which become d->out. NULL: memory is out (latched). */
int64_t *sl_dense_words(sl_dense *d, uint8_t kind);
double *sl_dense_floats(sl_dense *d);
sl_value *sl_dense_texts(sl_dense *d);
/* A number argument as floats. NULL: it is no number, or memory is out. */
const double *sl_dense_as_floats(sl_dense *d, uint32_t k);
/* All arguments are texts. */
bool sl_dense_all_texts(const sl_dense *d);
/* A constant int argument. */
bool sl_dense_const_int(const sl_dense *d, uint32_t k, int64_t *out);
#endif
