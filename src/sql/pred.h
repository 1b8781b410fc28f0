/* Conditions that can be asked about without running them: read off the compiled WHERE for the index over many statements (predindex.c) and for the
 * reader that looks at some columns first (rowgate.c). For the room's own use. */
#ifndef SL_SQL_PRED_H
#define SL_SQL_PRED_H
#include "sql/pipe.h"

enum { SL_PC_NUMBER = 1, SL_PC_TEXT, SL_PC_BOOLEAN, SL_PC_LIKED /* text, and null is an error */ };
enum { SL_PA_POINT, SL_PA_ABOVE, SL_PA_BELOW, SL_PA_WITHIN };
enum { SL_PRED_GUARDS = 4, SL_PRED_TESTS = 16 };
typedef struct sl_atom { /* values for which a condition may hold */
    uint8_t shape;
    double lo, hi;
    uint64_t key;
    uint32_t prefix; /* POINT: 0 the whole value, else length of the beginning */
} sl_atom;
typedef struct sl_ptest { /* a condition that cannot fail when its column holds null or values of a class */
    uint32_t col;         /* of the plan's only source */
    uint8_t cls;
    bool usable; /* the atoms say when it may hold; else it may hold for any value */
    sl_atom *at; /* malloc'ed */
    uint32_t n, cap;
    const sl_insn *in; /* the condition when it is one instruction */
} sl_ptest;
/* May an instance of p not be shown a row that fails WHERE? Nothing remembers it, and nothing in front of WHERE looks at it. */
bool sl_pred_possible(const sl_plan *p);
/* The program that the conditions in front of everything else are a part of. */
static inline const sl_prog *sl_pred_prog(const sl_plan *p) { return p->pipe ? &p->pipe->in : &p->prog; }
/* The conditions that cannot fail, from the first on, at most SL_PRED_TESTS, over at most SL_PRED_GUARDS + 1 columns; free each `at`. */
uint32_t sl_pred_tests(const sl_plan *p, sl_ptest *ts);
/* Does a value decide a condition of this class without an error? */
bool sl_pred_fits(uint8_t cls, const sl_value *v);
uint64_t sl_pred_key(const void *p, size_t n, uint32_t what); /* of a text, or of a beginning of `what` bytes */
uint64_t sl_pred_number_key(double f);
static inline double sl_pred_number(sl_value v) { return v.kind == SL_INT ? (double)v.i : v.f; }
#endif
