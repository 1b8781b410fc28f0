/* Rows that look like the rows before, read from an index of their commas instead of byte after byte.
 * Decisions:
 * - Nothing here is the only way to read anything: whatever is unusual (an unknown key, another order, a backslash, an error) sends the row
 *   the other way, which decides and words errors. So this file knows only good rows.
 * - That a row is well formed follows from three things: each member begins with its key as it is known, its value fills the place up to
 *   the next comma outside strings, and there are no more quotes than keys and values need.
 * - No step waits for the one before: where a member begins and ends is known from the index. Conditions that cannot be foreseen (true or
 *   false, how many digits) are arithmetic, not branches. */
#include "base/utf8.h"
#include "data/jsonrows_in.h"
#define ALWAYS static inline __attribute__((always_inline))

ALWAYS bool all_number(const char *p, const char *stop, const char *end) {
    size_t n = (size_t)(stop - p);
#if SL_X16
    if (SL_JX_LIKELY(n <= 16 && end - p >= 16)) { /* + , - . / and digits; there is no comma here, and exponents go the long way */
        sl_x16 x = sl_x16_load(p), in = sl_x16_without(sl_x16_le(sl_x16_less(x, '+'), '9' - '+'), sl_x16_eq(x, '/'));
        if (SL_JX_LIKELY((~sl_x16_bits(in) & ((1u << n) - 1)) == 0))
            return n > 1 || *p != '-';
    }
#endif
    return (n > 1 || *p != '-') && sl_jx_run(p, stop) == n;
}
/* A number that every reader can take: digits, a minus in front of them, a point between them. */
ALWAYS bool plain_number(const char *p, const char *stop, const char *end, bool point) {
    size_t minus = *p == '-', n = (size_t)(stop - p);
    if (n > 16 || n <= minus)
        return false;
#if SL_X16
    if (SL_JX_LIKELY(end - p >= 16)) {
        sl_x16 x = sl_x16_load(p);
        uint32_t odd = ~sl_x16_bits(sl_x16_le(sl_x16_less(x, '0'), 9)) & ((1u << n) - 1) & ~(uint32_t)minus;
        if (SL_JX_LIKELY(!odd))
            return true;
        unsigned at = (unsigned)__builtin_ctz(odd);
        return point && !(odd & (odd - 1)) && p[at] == '.' && at > minus && at + 1 < n;
    }
#endif
    size_t points = 0;
    for (const char *q = p + minus; q < stop; q++)
        if (*q == '.')
            points += q > p + minus && q + 1 < stop ? 1 : 2;
        else if ((unsigned char)(*q - '0') >= 10)
            return false;
    return points <= point;
}

/* ---- numbers of known length ---- */
enum { LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };
ALWAYS uint64_t load8(const char *p) {
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}
ALWAYS uint64_t eight_digits(uint64_t x) { /* one a byte, the first one lowest */
    x = (x * (1 + (10ull << 8))) >> 8 & 0x00FF00FF00FF00FFull;
    x = (x * (1 + (100ull << 16))) >> 16 & 0x0000FFFF0000FFFFull;
    return (x * (1 + (10000ull << 32))) >> 32;
}
ALWAYS bool not_digits(uint64_t x) { return ((x + 0x7676767676767676ull) | x) & 0x8080808080808080ull; }
/* Plain numbers of up to 8 characters, and whole ones of up to 16; false: ask the general reader. text: bytes from there on may be read. */
ALWAYS bool short_number(const char *text, const char *v, const char *stop, bool int64, sl_value *out) {
    static const double pow10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    bool minus = *v == '-';
    v += minus;
    size_t n = (size_t)(stop - v);
    if (!LITTLE || n - 1 >= 16 || stop - text < 16)
        return false;
    const uint64_t zeros = 0x3030303030303030ull;
    uint64_t x = load8(stop - 8) ^ zeros, m;
    if (SL_JX_RARE(n > 8)) {
        uint64_t hi = load8(stop - 16) ^ zeros;
        unsigned up = (unsigned)(128 - 8 * n);
        hi = hi >> up << up;
        if (not_digits(x) || not_digits(hi))
            return false;
        m = eight_digits(hi) * 100000000u + eight_digits(x);
        if (SL_JX_RARE(m > 1ull << 53 && !int64))
            return false;
    } else {
        unsigned up = (unsigned)(64 - 8 * n);
        x = x >> up << up;
        uint64_t y = x ^ 0x1E1E1E1E1E1E1E1Eull; /* zero where the point is */
        const uint64_t low7 = 0x7F7F7F7F7F7F7F7Full;
        uint64_t point = ~(((y & low7) + low7) | y | low7);
        if (point) {
            unsigned f = 7 - (unsigned)__builtin_ctzll(point) / 8;
            uint64_t below = (point >> 7) - 1, above = ~((below << 8) | 0xFF);
            x = (x & above) | (x & below) << 8;
            if (f == 0 || f + 2 > n || not_digits(x))
                return false;
            double d = (double)(int64_t)eight_digits(x) / pow10[f];
            *out = sl_v_float(minus ? -d : d);
            return true;
        }
        if (not_digits(x))
            return false;
        m = eight_digits(x);
    }
    if (int64)
        *out = sl_v_int(minus ? -(int64_t)m : (int64_t)m);
    else {
        double d = (double)(int64_t)m;
        *out = sl_v_float(minus ? -d : d);
    }
    return true;
}

/* ---- members ---- */
/* The member at *p is not the one foreseen, or has a long key, or white space before it: which is it? */
static __attribute__((noinline)) const seen *find(sl_jsonrows *d, const seen *e, const char **p, const char *safe, const char *tail, const char *end) {
    if ((unsigned char)**p <= ' ')
        *p = sl_jx_ws(*p, end);
    const char *t = *p <= safe ? *p : tail + (*p - safe);
    const seen *last = d->shape + d->nshape, *far = last - e > 4 ? e + 4 : last;
    for (; e < far; e++)
        if (sl_jr_same(e, t, *p, end))
            return e;
    return NULL;
}
ALWAYS void store(sl_jsonrows *d, const seen *e, sl_value v) {
    if (SL_JX_LIKELY(e->col >= 0))
        sl_builder_cell(d->w, (uint32_t)e->col, v);
    else
        sl_jr_tail(d, (seen *)e, v);
}
/* A value at v that is no plain text and no plain number, up to stop; false: the other way. */
static __attribute__((noinline)) bool other(sl_jsonrows *d, const seen *e, uint8_t what, const char *v, const char *stop, bool mapped) {
    sl_value out;
    const char *q;
    if (e->undeclared) {
        if (*v == 'n')
            return false;
        if (mapped)
            return true;
    }
    if (what == DO_SKIP || e->undeclared) {
        unsigned flags = 0;
        q = sl_jx_skip(v, d->end, 2, false, false, &flags);
    } else
        q = e->type ? sl_jr_typed(d, e->type, sl_jr_lit_key(e), v, d->end, 2, &out) : sl_jr_any(d, v, d->end, 2, &out);
    if (!q || d->failed || sl_jx_ws(q, d->end) != stop)
        return false;
    if ((what == DO_KEEP || what == DO_OTHER) && !e->undeclared)
        store(d, e, out);
    return true;
}
ALWAYS bool is_string(const char *v, const char *stop) { return (*v == '"') & (stop[-1] == '"') && stop - v >= 2; }
ALWAYS bool is_word(const char *v, const char *stop) { /* true, false or null: its last four letters tell */
    uint32_t w, t, f, n;
    memcpy(&w, stop - 4, 4);
    memcpy(&t, "true", 4);
    memcpy(&f, "alse", 4);
    memcpy(&n, "null", 4);
    return ((w == t) | (w == n)) & (stop - v == 4) || ((w == f) & (stop - v == 5) && *v == 'f');
}
/* index: the text has no backslash, and what follows is checked here. map: the text is known to be good. One of them is NULL. */
ALWAYS bool body(sl_jsonrows *d, const char *text, size_t n, sl_jindex *index, const sl_jmap *map, bool early) {
    const char *const end = text + n, *const safe = end - 16;
    const uint32_t last = map ? map->ncommas : index->ncommas;
    if (!map) {
        if (end[-1] != '}')
            return false;
        index->comma[last] = (uint16_t)(n - 1);
    }
    char tail[32]; /* the last 16 bytes, and room behind them */
    memcpy(tail, safe, 16);
    memset(tail + 16, 0, 16);
    sl_builder *w = d->w;
    sl_builder_begin(w);
    if (SL_JX_RARE(!w->inrow))
        return false;
    const seen *e = d->shape;
    const char *p = text + 1;
    uint32_t quotes = 0; /* accounted for */
    for (uint32_t i = 0;; e++) {
        const char *t = p;
        if (SL_JX_RARE(p > safe))
            t = tail + (p - safe);
        if (SL_JX_RARE(sl_jr_differ(e, t) & e->need) && !(e = find(d, e, &p, safe, tail, end)))
            return false;
        const char *v = p + e->n, *stop = text + (map ? map->comma[i] : index->comma[i]);
        p = stop + 1;
        const uint8_t what = early ? e->early : e->what;
        quotes += 2;
        if (map) {
            if (what == DO_SKIP)
                goto next;
            if (SL_JX_RARE((unsigned char)stop[-1] <= ' '))
                while ((unsigned char)stop[-1] <= ' ')
                    stop--;
        }
    again:
        if (early && SL_JX_LIKELY(what == DO_CHECK)) { /* of a form that no reader of it can refuse? */
            sl_value out;
            const uint8_t want = e->scalar;
            if (SL_JX_LIKELY(e->what == DO_KEEP || want)) {
                if (is_string(v, stop)) {
                    if (!want || want == SL_T_STRING) {
                        quotes += 2;
                        goto next;
                    }
                } else if ((unsigned char)(*v - '0') < 10 || *v == '-') {
                    if ((!want || want == SL_T_FLOAT || want == SL_T_BIGINT) && plain_number(v, stop, end, want != SL_T_BIGINT))
                        goto next;
                } else if (v < stop && sl_jr_boolean(v, stop, &out) == stop - v) {
                    if (!want || want == SL_T_BOOLEAN)
                        goto next;
                } else if (!want && map && !d->int64 && (*v == '{' || *v == '['))
                    goto next;
            }
        } else if (what == DO_SKIP) {
            if (is_string(v, stop)) {
                quotes += 2;
                goto next;
            }
            if ((unsigned char)(*v - '0') < 10 || *v == '-') {
                if (SL_JX_LIKELY(all_number(v, stop, end)))
                    goto next;
            } else if (is_word(v, stop))
                goto next;
        } else if (SL_JX_LIKELY(what == DO_KEEP)) {
            sl_value out;
            if (is_string(v, stop)) {
                quotes += 2;
                unsigned flags = map && map->backslash && memchr(v + 1, '\\', (size_t)(stop - v - 2)) ? SL_JX_ESCAPED : 0;
                store(d, e, sl_v_str(sl_jr_text(d, v + 1, stop - 1, flags)));
                goto next;
            }
            if ((unsigned char)(*v - '0') < 10 || *v == '-') {
                if (SL_JX_LIKELY(short_number(text, v, stop, d->int64, &out))) {
                    store(d, e, out);
                    goto next;
                }
            } else if (sl_jr_boolean(v, stop, &out) == stop - v && v < stop) {
                store(d, e, out);
                goto next;
            } else if (map && !d->int64 && (*v == '{' || *v == '[')) {
                store(d, e, sl_v_jsontext(sl_jr_text(d, v, stop, 0)));
                goto next;
            }
        } else if (e->scalar) { /* declared, and of the usual form */
            sl_value out;
            if (e->scalar == SL_T_STRING) {
                if (is_string(v, stop)) {
                    quotes += 2;
                    unsigned flags = map && map->backslash && memchr(v + 1, '\\', (size_t)(stop - v - 2)) ? SL_JX_ESCAPED : 0;
                    store(d, e, sl_v_str(sl_jr_text(d, v + 1, stop - 1, flags)));
                    goto next;
                }
            } else if (e->scalar == SL_T_BOOLEAN) {
                if (v < stop && sl_jr_boolean(v, stop, &out) == stop - v) {
                    store(d, e, out);
                    goto next;
                }
            } else if (((unsigned char)(*v - '0') < 10 || *v == '-') && short_number(text, v, stop, e->scalar == SL_T_BIGINT, &out) &&
                       (out.kind == SL_INT) == (e->scalar == SL_T_BIGINT)) {
                store(d, e, out);
                goto next;
            }
        }
        if ((unsigned char)*v <= ' ') {
            const char *s = sl_jx_ws(v, stop);
            if (s > v) {
                v = s;
                goto again;
            }
        }
        if (v >= stop || (!map && (*v == '{' || *v == '[')) || !other(d, e, what, v, stop, map != NULL))
            return false;
        quotes += *v == '"' ? 2 : 0;
    next:
        if (i++ == last)
            return map || quotes == index->nquotes;
    }
}
static bool indexed(sl_jsonrows *d, const char *text, size_t n, sl_jindex *x) { return body(d, text, n, x, NULL, false); }
static bool mapped(sl_jsonrows *d, const char *text, size_t n, const sl_jmap *x) { return body(d, text, n, NULL, x, false); }
static bool indexed_early(sl_jsonrows *d, const char *text, size_t n, sl_jindex *x) { return body(d, text, n, x, NULL, true); }
static bool mapped_early(sl_jsonrows *d, const char *text, size_t n, const sl_jmap *x) { return body(d, text, n, NULL, x, true); }

/* Reads the first columns and asks; false: the row is to be read whole. */
static bool unwanted(sl_jsonrows *d, sl_str text, sl_jindex *x, const sl_jmap *map) {
    enum { SPAN = 256, MANY = SPAN / 3, REST = 4096 };
    sl_rowlook *look = d->look;
    if (look->rest) {
        look->rest--;
        return false;
    }
    sl_arena_mark here = sl_arena_here(d->a);
    bool left = (map ? mapped_early(d, text.p, text.n, map) : indexed_early(d, text.p, text.n, x)) && !look->wanted(look->arg, d->w);
    sl_arena_back(d->a, here);
    if (SL_JX_RARE(d->failed)) { /* whatever is wrong is found again */
        d->failed = false;
        sl_buf_clear(&d->why);
    }
    look->passed += !left;
    if (++look->seen == SPAN) {
        look->rest = look->passed > MANY ? REST : 0;
        look->seen = look->passed = 0;
    }
    return left;
}

sl_jr_told sl_jr_straight(sl_jsonrows *d, sl_str text) {
    if (text.n < 16 || *text.p != '{' || !d->nshape || d->pause) {
        d->pause -= d->pause != 0;
        return SL_JR_NOT;
    }
    sl_jr_told told = SL_JR_NOT;
    bool high = true;
    if (!d->rich && !d->keep_raw && text.n <= SL_JI_MAX) {
        sl_jindex *x = sl_json_index(text.p, text.n);
        if (!x)
            return SL_JR_NOT;
        high = x->high;
        if (SL_JX_RARE(high && !sl_utf8_valid(text.p, text.n)))
            return SL_JR_BAD_UTF8;
        if (!x->backslash && d->look && unwanted(d, text, x, NULL)) {
            d->fails = 0;
            return SL_JR_LEFT;
        }
        if (!x->backslash && SL_JX_LIKELY(indexed(d, text.p, text.n, x))) {
            d->fails = 0;
            return SL_JR_ROW;
        }
        told = high ? SL_JR_UTF8 : SL_JR_ASCII;
    }
    const sl_jmap *x = sl_json_map(text.p, text.n);
    if (x) {
        if (told == SL_JR_NOT && x->high && !sl_utf8_valid(text.p, text.n))
            return SL_JR_BAD_UTF8;
        told = x->high ? SL_JR_UTF8 : SL_JR_ASCII;
        d->rich = x->nested || x->backslash;
        if (d->look && unwanted(d, text, NULL, x)) {
            d->fails = 0;
            return SL_JR_LEFT;
        }
        if (SL_JX_LIKELY(mapped(d, text.p, text.n, x))) {
            d->fails = 0;
            return SL_JR_STRICT_ROW;
        }
    }
    if (++d->fails > 4) /* such rows are better read the other way at once */
        d->pause = 50;
    return told;
}
