/* What a reader of rows wants to know about a message before it reads it, found 64 bytes at a time. Not for other rooms.
 * Decision: reading value by value is one long chain of "load, compare, find, advance". Places found beforehand have no such chain, so that
 * the members of a row are read side by side. Two forms: the index knows little and costs little, which is best for flat rows; the map
 * checks the whole grammar, so that whatever is not wanted is skipped without another look, which is best where values are nested. */
#ifndef SL_DATA_JSON_INDEX_H
#define SL_DATA_JSON_INDEX_H
#include "base/str.h"
enum { SL_JI_MAX = 4096, SL_JM_MAX = 64 }; /* longest message that is indexed; most members of an object that is mapped */
typedef struct sl_jindex {
    bool high;      /* there are bytes above 0x7F */
    bool backslash; /* then nothing below is to be used */
    uint32_t nquotes, ncommas;
    uint16_t comma[SL_JI_MAX + 64]; /* places of commas outside strings, ascending; room behind them */
} sl_jindex;
typedef struct sl_jmap {
    bool high, backslash;          /* as above */
    bool nested;                   /* a member is an object or a list */
    uint32_t ncommas;              /* between the members of the object */
    uint32_t comma[SL_JM_MAX + 8]; /* their places, and the closing bracket's as the last */
} sl_jmap;
/* n: 1 … SL_JI_MAX. Lent until the thread's next call. NULL on a machine for which there is no fast form. */
sl_jindex *sl_json_index(const char *p, size_t n);
/* Is p one object in strict JSON, from the first byte to the last? (UTF-8 is not looked at.) false also for what is too much to be looked at
 * here: exponents, more than 63 levels, more than SL_JM_MAX members, 4 GiB; always on a machine for which there is no
 * fast form. The map is lent until the thread's next call. */
const sl_jmap *sl_json_map(const char *p, size_t n);
/* For tests: how many forms of these two this machine has, number 0 being none at all; from now on the given one is used, the best one with a
 * number out of range. */
unsigned sl_json_index_forms(void);
void sl_json_index_use(unsigned form);
#endif
