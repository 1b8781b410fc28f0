/* Functions on text (one table at the end); format() lives in format.c.
 * Decision: whatever is not text is taken as its display text (1.7 of the rules), so every function starts with sl_fn_text. A compiled
 * pattern is kept in the state of the call site; it is a cache, not a state that belongs in a checkpoint. */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <wctype.h>
#include "base/regex.h"
#include "base/utf8.h"
#include "sql/func.h"
#include "sql/func/dense.h"
#include "sql/func/format.h"

static sl_value text_n(const char *p, size_t n) { return sl_v_str(sl_str_n(p, n)); }

static sl_value fn_concat(sl_call *c, const sl_value *args, uint32_t n) {
    sl_str few[16], *parts = n <= 16 ? few : sl_arena_alloc(c->arena, n * sizeof *parts);
    size_t total = 0, at = 0;
    if (!parts)
        return sl_call_fail(c, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        total += (parts[i] = sl_fn_text(c, args[i])).n;
    if (total > SL_FN_TEXT)
        return sl_call_fail(c, "the result would have more than %zu bytes", SL_FN_TEXT);
    char *out = sl_arena_alloc(c->arena, total + 1);
    if (!out)
        return sl_call_fail(c, "out of memory");
    for (uint32_t i = 0; i < n; at += parts[i++].n)
        if (parts[i].n)
            memcpy(out + at, parts[i].p, parts[i].n);
    return text_n(out, total);
}
static sl_value fn_startswith(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_bool(sl_str_starts(sl_fn_text(c, args[0]), sl_fn_text(c, args[1]))); }
static sl_value fn_endswith(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_bool(sl_str_ends(sl_fn_text(c, args[0]), sl_fn_text(c, args[1]))); }
static sl_value fn_indexof(sl_call *c, const sl_value *args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (sl_v_nil(args[i]))
            return sl_v_goint(-1);
    if (n < 2)
        return sl_v_goint(-1);
    sl_str hay = sl_fn_text(c, args[0]), needle = sl_fn_text(c, args[1]);
    return sl_v_goint(needle.n ? sl_str_find(hay, needle) : 0);
}
static sl_value fn_length(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value v = sl_value_open(c->arena, args[0]);
    if ((v.kind == SL_LIST && !(v.flags & SL_F_TEXTLIST)) || v.kind == SL_MAP) /* a []string is measured as it prints */
        return sl_v_goint(v.len);
    return sl_v_goint((int64_t)sl_utf8_count(sl_fn_text(c, v)));
}
static sl_value fn_numbytes(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_goint((int64_t)sl_fn_text(c, args[0]).n); }

/* One to one by the Unicode data of the C library, independent of the process's locale. */
static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;
static void open_unicode(void) { unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }
static uint32_t upper(uint32_t r) { return unicode ? (uint32_t)towupper_l((wint_t)r, unicode) : r; }
static uint32_t lower(uint32_t r) { return unicode ? (uint32_t)towlower_l((wint_t)r, unicode) : r; }
static sl_value mapped(sl_call *c, sl_value v, bool up) {
    sl_str s = sl_fn_text(c, v);
    size_t i = 0, n = 0;
    char *out = sl_arena_alloc(c->arena, s.n * 4 + 1); /* a broken byte becomes three */
    if (!out)
        return sl_call_fail(c, "out of memory");
    pthread_once(&unicode_once, open_unicode);
    while (i < s.n) {
        unsigned char b = (unsigned char)s.p[i];
        if (b < 0x80) {
            out[n++] = (char)(up ? (b >= 'a' && b <= 'z' ? b - 32 : b) : (b >= 'A' && b <= 'Z' ? b + 32 : b));
            i++;
            continue;
        }
        uint32_t r;
        i += sl_utf8_get(s.p + i, s.n - i, &r);
        n += sl_utf8_put(out + n, up ? upper(r) : lower(r));
    }
    return text_n(out, n);
}
static sl_value fn_upper(sl_call *c, const sl_value *args, uint32_t n) { return mapped(c, args[0], true); }
static sl_value fn_lower(sl_call *c, const sl_value *args, uint32_t n) { return mapped(c, args[0], false); }

enum { MAX_PAD = 1 << 24 };
static sl_value pad(sl_call *c, const sl_value *args, bool left) {
    int64_t k;
    sl_str why, s = sl_fn_text(c, args[0]);
    if (!sl_to_int(c->arena, args[1], SL_CAST_STRICT | SL_CAST_GOINT, &k, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (k < 0 || k > MAX_PAD)
        return sl_call_fail(c, "the number of spaces must be from 0 to %d but got %lld", MAX_PAD, (long long)k);
    char *out = sl_arena_alloc(c->arena, s.n + (size_t)k + 1);
    if (!out)
        return sl_call_fail(c, "out of memory");
    memset(out + (left ? 0 : s.n), ' ', (size_t)k);
    if (s.n)
        memcpy(out + (left ? (size_t)k : 0), s.p, s.n);
    return text_n(out, s.n + (size_t)k);
}
static sl_value fn_lpad(sl_call *c, const sl_value *args, uint32_t n) { return pad(c, args, true); }
static sl_value fn_rpad(sl_call *c, const sl_value *args, uint32_t n) { return pad(c, args, false); }

static bool space(uint32_t r) {
    return (r >= 9 && r <= 13) || r == ' ' || r == 0x85 || r == 0xa0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f ||
        r == 0x3000;
}
static sl_str trim_left(sl_str s) {
    uint32_t r;
    unsigned k;
    while (s.n && (k = sl_utf8_get(s.p, s.n, &r), space(r)))
        s.p += k, s.n -= k;
    return s;
}
static sl_str trim_right(sl_str s) {
    while (s.n) {
        size_t at = s.n - 1;
        uint32_t r;
        while (at > 0 && s.n - at < 4 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
            at--;
        if (sl_utf8_get(s.p + at, s.n - at, &r) != s.n - at || !space(r))
            break;
        s.n = at;
    }
    return s;
}
static sl_value fn_ltrim(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_str(trim_left(sl_fn_text(c, args[0]))); }
static sl_value fn_rtrim(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_str(trim_right(sl_fn_text(c, args[0]))); }
static sl_value fn_trim(sl_call *c, const sl_value *args, uint32_t n) { return sl_v_str(trim_right(trim_left(sl_fn_text(c, args[0])))); }

static sl_value fn_reverse(sl_call *c, const sl_value *args, uint32_t n) {
    sl_str s = sl_fn_text(c, args[0]);
    size_t room = s.n * 3, at = room; /* a broken byte becomes three */
    char *out = sl_arena_alloc(c->arena, room + 1);
    if (!out)
        return sl_call_fail(c, "out of memory");
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        char rune[4];
        i += sl_utf8_get(s.p + i, s.n - i, &r);
        unsigned k = sl_utf8_put(rune, r);
        at -= k;
        memcpy(out + at, rune, k);
    }
    return text_n(out + at, room - at);
}

/* ---- regular expressions ---- */
typedef struct compiled {
    sl_regex *re;
    sl_buf out; /* of replace, kept to spare an allocation per row */
    size_t n;
    char pattern[];
} compiled;
static void drop_compiled(void *state) {
    compiled *k = state;
    if (k) {
        sl_regex_free(k->re);
        sl_buf_free(&k->out);
        free(k);
    }
}
/* The compiled pattern, from the call site's cache; *mine: the caller frees it (there is no cache). */
static sl_regex *pattern(sl_call *c, sl_value v, bool *mine, sl_value *bad) {
    sl_str s = sl_fn_text(c, v);
    compiled *k = c->state ? *c->state : NULL;
    *mine = false;
    if (k && sl_str_eq(s, sl_str_n(k->pattern, k->n)))
        return k->re;
    char err[512];
    sl_regex *re = sl_regex_new(s, err, sizeof err);
    if (!re) {
        *bad = sl_call_fail(c, "%s", err);
        return NULL;
    }
    compiled *fresh = c->state ? malloc(sizeof *fresh + s.n) : NULL;
    if (!fresh) {
        *mine = true;
        return re;
    }
    fresh->re = re;
    fresh->out = (sl_buf){0};
    fresh->n = s.n;
    if (s.n)
        memcpy(fresh->pattern, s.p, s.n);
    drop_compiled(k);
    *c->state = fresh;
    return re;
}
static const char too_long[] = "the regular expression takes too many steps on this text";
static sl_value fn_regexp_matches(sl_call *c, const sl_value *args, uint32_t n) {
    bool mine;
    sl_value out;
    sl_regex *re = pattern(c, args[1], &mine, &out);
    if (!re)
        return out;
    int found = sl_regex_find(re, sl_fn_text(c, args[0]), 0);
    out = found < 0 ? sl_call_fail(c, "%s", too_long) : sl_v_bool(found);
    if (mine)
        sl_regex_free(re);
    return out;
}
static sl_value fn_regexp_substr(sl_call *c, const sl_value *args, uint32_t n) {
    bool mine;
    sl_value out;
    sl_regex *re = pattern(c, args[1], &mine, &out);
    if (!re)
        return out;
    sl_str s = sl_fn_text(c, args[0]);
    int found = sl_regex_find(re, s, 0);
    size_t a = 0, b = 0;
    if (found > 0 && !sl_regex_span(re, 0, &a, &b))
        a = b = 0;
    out = found < 0 ? sl_call_fail(c, "%s", too_long) : text_n(s.p + a, b - a);
    if (mine)
        sl_regex_free(re);
    return out;
}
enum { KEPT_TEXT = 1 << 20 }; /* room for results that a call site keeps */
static sl_value fn_regexp_replace(sl_call *c, const sl_value *args, uint32_t n) {
    bool mine;
    sl_value out;
    sl_regex *re = pattern(c, args[1], &mine, &out);
    if (!re)
        return out;
    sl_buf own = {0}, *b = mine ? &own : &((compiled *)*c->state)->out;
    sl_buf_clear(b);
    b->most = SL_FN_TEXT;
    if (!sl_regex_replace(re, sl_fn_text(c, args[0]), sl_fn_text(c, args[2]), b))
        out = sl_call_fail(c, "%s", too_long);
    else {
        sl_str s = sl_arena_dup(c->arena, sl_buf_view(b));
        out = b->failed ? sl_call_fail(c, "the result would have more than %zu bytes", SL_FN_TEXT) : !s.p ? sl_call_fail(c, "out of memory") : sl_v_str(s);
    }
    if (b->failed || b->cap > KEPT_TEXT) /* not for ever */
        sl_buf_free(b);
    sl_buf_free(&own);
    if (mine)
        sl_regex_free(re);
    return out;
}

/* ---- parts ---- */
static sl_value fn_substring(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t from, to;
    sl_str why, s = sl_fn_text(c, args[0]);
    if (!sl_to_int(c->arena, args[1], SL_CAST_STRICT | SL_CAST_GOINT, &from, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    if (from < 0)
        return sl_call_fail(c, "start index must be a positive number");
    to = (int64_t)s.n;
    if (n > 2) {
        if (!sl_to_int(c->arena, args[2], SL_CAST_STRICT | SL_CAST_GOINT, &to, &why))
            return sl_call_fail(c, "%.*s", SL_FMT(why));
        if (to < 0)
            return sl_call_fail(c, "end index must be a positive number");
        if (from > to)
            return sl_call_fail(c, "start index must be smaller than end index");
    }
    if (from > (int64_t)s.n)
        from = (int64_t)s.n;
    if (to > (int64_t)s.n)
        to = (int64_t)s.n;
    return text_n(s.p + from, (size_t)(to - from));
}
/* Where sep begins in s at or behind `from`; s.n when nowhere. */
static size_t next_sep(sl_str s, size_t from, sl_str sep) {
    if (from >= s.n)
        return s.n;
    const char *p = sep.n == 1 ? memchr(s.p + from, sep.p[0], s.n - from) : memmem(s.p + from, s.n - from, sep.p, sep.n);
    return p ? (size_t)(p - s.p) : s.n;
}
static sl_value fn_split_value(sl_call *c, const sl_value *args, uint32_t n) {
    sl_str why, s = sl_fn_text(c, args[0]), sep = sl_fn_text(c, args[1]);
    int64_t want, count = 1;
    if (!sl_to_int(c->arena, args[2], SL_CAST_STRICT, &want, &why))
        want = 0;             /* as upstream */
    if (sep.n && want >= 0) { /* no need to look beyond the piece */
        size_t start = 0, end;
        for (int64_t k = want; (end = next_sep(s, start, sep)) < s.n || k == 0; k--, count++, start = end + sep.n)
            if (k == 0)
                return text_n(s.p + start, end - start);
        return sl_call_fail(c, "%lld out of index array (size = %lld)", (long long)want, (long long)count);
    }
    if (!sep.n)
        count = (int64_t)sl_utf8_count(s);
    else
        for (size_t i = 0; (i = next_sep(s, i, sep)) < s.n; i += sep.n)
            count++;
    int64_t k = want < 0 ? want + count : want;
    if (k < 0 || k >= count)
        return sl_call_fail(c, "%lld out of index array (size = %lld)", (long long)want, (long long)count);
    if (!sep.n) {
        uint32_t r;
        size_t i = 0;
        while (k--)
            i += sl_utf8_get(s.p + i, s.n - i, &r);
        return text_n(s.p + i, sl_utf8_get(s.p + i, s.n - i, &r));
    }
    size_t start = 0, end;
    while ((end = next_sep(s, start, sep)) < s.n && k--)
        start = end + sep.n;
    return text_n(s.p + start, end - start);
}

/* ---- checks ---- */
static const char *concat_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n == 0)
        return "The arguments should be at least one.";
    for (uint32_t i = 0; i < n; i++)
        if (sl_x_not_str(args[i]))
            return sl_ck_expect(a, "string", i + 1);
    return NULL;
}
static const char *substring_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n != 2 && n != 3)
        return "the arguments for substring should be 2 or 3";
    if (sl_x_not_str(args[0]))
        return sl_ck_expect(a, "string", 1);
    for (uint32_t i = 1; i < n; i++)
        if (sl_x_not_int(args[i]))
            return sl_ck_expect(a, "int", i + 1);
    if (sl_x_is_int(args[1])) {
        if (args[1]->value.i < 0)
            return "The start index should not be a nagtive integer.";
        if (n == 3 && sl_x_is_int(args[2]) && args[2]->value.i < args[1]->value.i)
            return "The end index should be larger than start index.";
    }
    return NULL;
}
static const char *split_check(sl_arena *a, sl_expr **args, uint32_t n) {
    if (n != 3)
        return "the arguments for split_value should be 3";
    for (uint32_t i = 0; i < 2; i++)
        if (sl_x_not_str(args[i]))
            return sl_ck_expect(a, "string", i + 1);
    if (sl_x_not_int(args[2]))
        return sl_ck_expect(a, "int", 3);
    return sl_x_is_int(args[2]) && args[2]->value.i < 0 ? "The index should not be a nagtive integer." : NULL;
}
static const char *format_check(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_least(a, 2, n);
    if (e)
        return e;
    if (!sl_x_is_int(args[1]))
        return sl_ck_expect(a, "integer", 2);
    return n == 3 && !sl_x_is_str(args[2]) ? sl_ck_expect(a, "string", 3) : NULL;
}

#define GP (SL_FN_NULLGATE | SL_FN_PURE)
#define FP (SL_FN_FALSEGATE | SL_FN_PURE)
#define ZP (SL_FN_ZEROGATE | SL_FN_PURE)
const sl_func sl_funcs_str[] = {
    {"concat", SL_FN_SCALAR, SL_FN_PURE, 1, -1, concat_check, fn_concat, NULL, "(a any, …) -> string", "Joins texts; null adds nothing.", "concat(\"a\", \"b\")", "\"ab\"", NULL,
     .dense = sl_dn_concat},
    {"endswith", SL_FN_SCALAR, FP, 2, 2, sl_ck_s2, fn_endswith, NULL, "(s string, t string) -> boolean", "Whether s ends with t.", "endswith(\"abc\", \"bc\")", "true", NULL,
     .dense = sl_dn_endswith},
    {"format", SL_FN_SCALAR, GP, 2, -1, format_check, sl_fn_format, NULL, "(x number, digits int [, locale string]) -> string",
     "A number with fixed decimals, in the manner of a country.", "format(1234.5, 2, \"en_US\")", "\"1,234.50\"", NULL},
    {"indexof", SL_FN_SCALAR, SL_FN_PURE, 2, 2, sl_ck_s2, fn_indexof, NULL, "(s string, t string) -> int", "Byte offset of t in s, from 0; -1 when it is not there.",
     "indexof(\"hello\", \"l\")", "2", NULL, .dense = sl_dn_indexof},
    {"length", SL_FN_SCALAR, ZP, 1, 1, NULL, fn_length, NULL, "(x any) -> int", "Characters of a text, elements of an array, keys of an object.", "length(\"hello\")", "5", NULL,
     .dense = sl_dn_length},
    {"lower", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_lower, NULL, "(s string) -> string", "Lower case.", "lower(\"HeLLo\")", "\"hello\"", NULL, .dense = sl_dn_lower},
    {"upper", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_upper, NULL, "(s string) -> string", "Upper case.", "upper(\"hello\")", "\"HELLO\"", NULL, .dense = sl_dn_upper},
    {"lpad", SL_FN_SCALAR, GP, 2, 2, sl_ck_si, fn_lpad, NULL, "(s string, n int) -> string", "Puts n spaces in front.", "lpad(\"x\", 2)", "\"  x\"", NULL},
    {"rpad", SL_FN_SCALAR, GP, 2, 2, sl_ck_si, fn_rpad, NULL, "(s string, n int) -> string", "Puts n spaces behind.", "rpad(\"x\", 2)", "\"x  \"", NULL},
    {"ltrim", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_ltrim, NULL, "(s string) -> string", "Takes white space off the front.", "ltrim(\"  a \")", "\"a \"", NULL, .dense = sl_dn_trim},
    {"rtrim", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_rtrim, NULL, "(s string) -> string", "Takes white space off the end.", "rtrim(\" a  \")", "\" a\"", NULL, .dense = sl_dn_trim},
    {"trim", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_trim, NULL, "(s string) -> string", "Takes white space off both ends.", "trim(\" a \")", "\"a\"", NULL, .dense = sl_dn_trim},
    {"numbytes", SL_FN_SCALAR, ZP, 1, 1, sl_ck_s1, fn_numbytes, NULL, "(s string) -> int", "Bytes of a text.", "numbytes(\"abc\")", "3", NULL, .dense = sl_dn_numbytes},
    {"regexp_matches", SL_FN_SCALAR, FP, 2, 2, sl_ck_s2, fn_regexp_matches, drop_compiled, "(s string, pattern string) -> boolean", "Whether the pattern occurs in s.",
     "regexp_matches(\"abc\", \"b\")", "true", NULL},
    {"regexp_replace", SL_FN_SCALAR, GP, 3, 3, sl_ck_s3, fn_regexp_replace, drop_compiled, "(s string, pattern string, with string) -> string",
     "Replaces all matches; $1 or ${name} stands for a group.", "regexp_replace(\"a1\", \"([a-z])\", \"[$1]\")", "\"[a]1\"", NULL},
    {"regexp_substr", SL_FN_SCALAR, GP, 2, 2, sl_ck_s2, fn_regexp_substr, drop_compiled, "(s string, pattern string) -> string", "The first match, or the empty text.",
     "regexp_substr(\"xaab\", \"a+\")", "\"aa\"", NULL},
    {"reverse", SL_FN_SCALAR, GP, 1, 1, sl_ck_s1, fn_reverse, NULL, "(s string) -> string", "The characters in reverse order.", "reverse(\"abc\")", "\"cba\"", NULL,
     .dense = sl_dn_reverse},
    {"startswith", SL_FN_SCALAR, FP, 2, 2, sl_ck_s2, fn_startswith, NULL, "(s string, t string) -> boolean", "Whether s begins with t.", "startswith(\"abc\", \"ab\")", "true",
     NULL, .dense = sl_dn_startswith},
    {"substring", SL_FN_SCALAR, GP, 2, 3, substring_check, fn_substring, NULL, "(s string, start int [, end int]) -> string",
     "Bytes from start up to but not including end, counted from 0.", "substring(\"hello\", 1, 3)", "\"el\"", NULL, .dense = sl_dn_substring},
    {"split_value", SL_FN_SCALAR, GP, 3, 3, split_check, fn_split_value, NULL, "(s string, separator string, i int) -> string",
     "Splits s and gives the i-th piece, from 0; a negative i counts from the end.", "split_value(\"a,b\", \",\", 1)", "\"b\"", NULL},
    {0}};
