/* Random statements over random rows. A case is everything that one run needs, and can be written to a file that a person reads and that is
 * replayed: definitions, statement, options, rows in order of time. What must hold: the case gives the same output however it is run (rq_check).
 * Decision: one generator, driven by numbers that come from a seed or from a fuzzer's bytes; it writes the statement as text, so that a kept case needs
 * no generator, and a case is shrunk by cutting tokens out of the text as long as it still fails. */
#ifndef SL_TESTS_RANDOM_H
#define SL_TESTS_RANDOM_H
#include <stdio.h>
#include "base/arena.h"
#include "sql/parse.h"
#include "sql/plan.h"

/* ---- numbers ---- */
typedef struct rq_rnd {
    uint64_t s;
    const uint8_t *bytes; /* a fuzzer's; NULL: from s alone. Behind its end every choice is the first one */
    size_t n, at;
} rq_rnd;
uint32_t rq_n(rq_rnd *r, uint32_t n); /* 0 … n-1; 0 for n = 0 */
static inline bool rq_p(rq_rnd *r, uint32_t percent) { return rq_n(r, 100) >= 100 - percent; }

/* ---- a case ---- */
#define RQ_DEFS 4
#define RQ_ROWS 4096
typedef struct rq_def {
    sl_str sql;
    const sl_create *create;
    bool lookup;
} rq_def;
typedef struct rq_row {
    int64_t at;     /* ms since the start; of lookup tables: not used */
    uint32_t def;   /* whose row */
    bool more;      /* may be in one batch with the row before it: same definition, same instant */
    sl_value value; /* MAP */
    sl_value meta;  /* MAP or ABSENT */
} rq_row;
typedef struct rq_case {
    sl_arena *a;
    uint64_t seed; /* 0: not made from a seed */
    rq_def defs[RQ_DEFS];
    uint32_t ndefs;
    sl_str sql, zone;
    sl_plan_opts opts;
    bool json;   /* rows pass the JSON reader, with the declared types; else they come as they are, as from a memory topic */
    bool sleepy; /* the clock jumps from row to row; else it stops at every instant that somebody waits for */
    int64_t until;
    rq_row *rows;
    uint32_t nrows;
    sl_str expect; /* of a file: what must come out, as rq_output writes it; "": whatever it is */
} rq_case;
#define RQ_START 1700006400000 /* a whole hour; rules start there */

/* Fills c from r (memory from c->a): definitions, statement, options, rows. */
void rq_generate(rq_case *c, rq_rnd *r);
/* As a file, and back. NULL when fine, else what is wrong (memory from a). */
void rq_write(const rq_case *c, sl_buf *out);
const char *rq_read(rq_case *c, sl_str text);
/* One value in the notation of the file: JSON; a float always has a point, other kinds stand as {"$time": ms} and the like. */
void rq_put(sl_buf *b, sl_value v);

/* ---- running ---- */
typedef enum rq_verdict { RQ_SAME, RQ_REFUSED, RQ_LONG, RQ_DIFFERENT } rq_verdict; /* LONG: more output or ticks than a test wants */
typedef struct rq_result {
    rq_verdict verdict;
    uint32_t out, errors; /* frames that came out of the first run */
    uint32_t moves;       /* states moved to a fresh instance */
    const char *why;      /* refused: the text; different: which two ways of running differ */
} rq_result;
/* Runs c in every way and compares. report (may be NULL): what differs, for a person. salt: chooses where states are moved. */
rq_result rq_check(const rq_case *c, uint64_t salt, sl_buf *report);
/* What comes out of c, a line a frame. */
void rq_output(const rq_case *c, sl_buf *out);
/* Runs c once, with saves and loads, for fuzzers: nothing is compared. */
void rq_exercise(const rq_case *c);

/* Cuts c down as long as it still differs. say: told now and then. */
void rq_shrink(rq_case *c, uint64_t salt, void (*say)(const rq_case *c));
#endif
