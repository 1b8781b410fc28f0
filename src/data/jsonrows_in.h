/* The inside of the row reader, which stands in two files: jsonrows.c reads any text, jsonstraight.c only rows that look like those before. Not
 * for other rooms. */
#ifndef SL_DATA_JSONROWS_IN_H
#define SL_DATA_JSONROWS_IN_H
#include "base/vec.h"
#include "data/builder.h"
#include "data/json.h"
#include "data/json_index.h"
#include "data/json_lex.h"
#include "data/json_text.h"

enum { SHAPE_MAX = 64, LIT_MAX = 48, COL_SKIP = -1, COL_TAIL = -2 };
enum { DO_SKIP, DO_KEEP, DO_OTHER, DO_CHECK }; /* skip; keep as it is, whatever its type; typed, or not declared in a typed stream; to be kept, but not yet */
typedef struct seen {
    _Alignas(16) char lit[LIT_MAX]; /* `"key":`, the rest zero */
    uint32_t n;
    uint32_t need;   /* a bit for each of the n bytes; when they are more than 16, for 17, which never match */
    uint8_t what;    /* DO_… */
    uint8_t early;   /* the same while only the first columns are read */
    uint8_t scalar;  /* DO_OTHER: type of a scalar, whose usual form needs no more than a look; else 0 */
    bool undeclared; /* typed stream, key not declared: only a null is kept */
    int32_t col;
    const sl_type *type; /* declared type, or NULL */
    sl_str key;          /* for the tail: its copy in the arena of batch `serial` */
    uint64_t serial;
} seen;
struct sl_jsonrows {
    const sl_field *types;
    uint32_t ntypes;
    bool typed, int64, keep_raw;
    sl_layout *typenames; /* index over the declared names */
    sl_layout *layout;    /* held: what the shape was made for */
    bool all;
    seen *shape; /* behind the last one stands one that fits nothing */
    uint32_t nshape, misses;
    bool rich;                /* the rows of late have nested values or backslashes */
    uint32_t fails, pause;    /* rows in a row that did not go straight; rows that need not try */
    SL_VEC(sl_member) stack;  /* of nested values under construction */
    sl_rowlook *offer, *look; /* what the owner wants looked at first; the same when the layout is the one it meant */
    /* of the message being read */
    sl_builder *w;
    sl_arena *a;
    bool borrowed, failed;
    uint64_t serial;
    sl_buf why;
    const char *end; /* of its text */
    sl_str key;      /* unescaped key of a member that was not predicted */
};

/* Values; each takes p at the value's first byte and returns behind it, or NULL on a syntax error. */
const char *sl_jr_any(sl_jsonrows *d, const char *p, const char *end, unsigned depth, sl_value *out);
const char *sl_jr_typed(sl_jsonrows *d, const sl_type *t, sl_str name, const char *p, const char *end, unsigned depth, sl_value *out);
/* bigint: BIGINT was declared; int64: a number without point is a whole one. */
const char *sl_jr_number(sl_jsonrows *d, const char *p, const char *end, bool bigint, bool int64, sl_value *out);
/* A key in the arena that is not one of the layout's. */
void sl_jr_tail(sl_jsonrows *d, seen *e, sl_value v);
typedef enum sl_jr_told {
    SL_JR_NOT,       /* nothing is decided; the row is begun at most */
    SL_JR_ASCII,     /* the same; the text is all ASCII */
    SL_JR_UTF8,      /* the same; valid UTF-8 */
    SL_JR_BAD_UTF8,  /* the same; not valid */
    SL_JR_LEFT,      /* the message is one row that is not wanted */
    SL_JR_ROW,       /* the message is one row, which is begun and filled */
    SL_JR_STRICT_ROW /* the same; the text is strict JSON */
} sl_jr_told;
/* A message that is one object like those before. */
sl_jr_told sl_jr_straight(sl_jsonrows *d, sl_str text);

/* What is between the quotes p … q, to the arena. */
static inline sl_str sl_jr_text(sl_jsonrows *d, const char *p, const char *q, unsigned flags) {
    sl_str s = {p, (size_t)(q - p)};
    if (SL_JX_RARE(flags & SL_JX_ESCAPED)) {
        char *t = sl_arena_alloc(d->a, s.n + 1); /* valid UTF-8 by now: never longer than it was */
        if (!t || (sl_arena_failed(d->a) && s.n + 1 > SL_ARENA_BIG))
            return (sl_str){"", 0};
        return (sl_str){t, sl_jt_unescape(t, s)};
    }
    if (d->borrowed)
        return s;
    char *t = sl_arena_alloc(d->a, s.n);
    if (!t)
        return (sl_str){"", 0};
#if SL_X16
    if (SL_JX_LIKELY(s.n <= 32 && (size_t)(d->end - s.p) >= 32)) { /* the arena rounds up to 16 */
        if (s.n)
            sl_x16_store(t, sl_x16_load(s.p));
        if (s.n > 16)
            sl_x16_store(t + 16, sl_x16_load(s.p + 16));
        return (sl_str){t, s.n};
    }
#endif
    memcpy(t, s.p, s.n);
    return (sl_str){t, s.n};
}
/* A set bit for each of the sixteen bytes at t that differs from the literal's, and sixteen more. */
static inline uint32_t sl_jr_differ(const seen *e, const char *t) {
#if SL_X16
    return ~sl_x16_bits(sl_x16_same(sl_x16_load(t), *(const sl_x16 *)(const void *)e->lit));
#else
    uint64_t a[2], b[2];
    memcpy(a, t, 16);
    memcpy(b, e->lit, 16);
    if (a[0] == b[0] && a[1] == b[1])
        return 0xFFFF0000u;
    if (e->n <= 16 && memcmp(t, e->lit, e->n) == 0)
        return ~e->need;
    return 0xFFFFFFFFu;
#endif
}
/* The same for a literal of more than 16 bytes, whose first 16 are equal: are the others? */
static inline bool sl_jr_same_more(const seen *e, const char *p, const char *end) {
#if SL_X16
    if (SL_JX_LIKELY(e->n <= 32 && end - p >= 32)) {
        return (~sl_x16_bits(sl_x16_same(sl_x16_load(p + 16), *(const sl_x16 *)(const void *)(e->lit + 16))) & (uint32_t)((1ull << (e->n - 16)) - 1)) == 0;
    }
#endif
    return (size_t)(end - p) >= e->n && memcmp(p + 16, e->lit + 16, e->n - 16) == 0;
}
/* Does the literal stand at p? Sixteen bytes can be read at t, which is p or a copy of what is there. */
static inline bool sl_jr_same(const seen *e, const char *t, const char *p, const char *end) {
    uint32_t differ = sl_jr_differ(e, t) & e->need;
    return differ == 0 || (differ == 1u << 16 && sl_jr_same_more(e, p, end));
}
static inline bool sl_jr_same_lit(const seen *e, const char *p, const char *end) {
    return SL_JX_LIKELY(end - p >= 16) ? sl_jr_same(e, p, p, end) : (size_t)(end - p) >= e->n && memcmp(p, e->lit, e->n) == 0;
}
/* Length of true or false at p, 0 when it is neither; which of the two is no branch, as it cannot be foreseen. */
static inline unsigned sl_jr_boolean(const char *p, const char *end, sl_value *out) {
    uint32_t w;
    if (SL_JX_RARE(end - p < 4))
        return 0;
    memcpy(&w, p, 4);
    uint32_t t, f;
    memcpy(&t, "true", 4);
    memcpy(&f, "fals", 4);
    unsigned yes = w == t;
    if (SL_JX_RARE(!(yes | (w == f))))
        return 0;
    if (SL_JX_RARE(end - p < 5))
        return yes ? (*out = sl_v_bool(true), 4) : 0;
    if (SL_JX_RARE(!(yes | (p[4] == 'e'))))
        return 0;
    *out = sl_v_bool(yes);
    return 5 - yes;
}
static inline sl_str sl_jr_lit_key(const seen *e) { return (sl_str){e->lit + 1, e->n - 3}; }
#endif
