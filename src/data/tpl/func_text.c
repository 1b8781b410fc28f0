/* sprig's functions on strings. Positions and lengths are bytes where sprig counts bytes, runes where it counts runes. */
#include <stdlib.h>
#include "base/utf8.h"
#include "data/tpl/tpl.h"

enum { TEXT_MAX = 16 << 20 }; /* of what one call makes */
#define S(i) sl_v_text(a[i].v)
#define NUM(k) (a[k].v.i)
#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static bool give(trun *r, sl_buf *b, tval *out) {
    if (b->n > TEXT_MAX) {
        sl_buf_free(b);
        return tpl_call_fail(r, "the text is too long: more than %d bytes", TEXT_MAX);
    }
    *out = tv_str(tpl_keep(r, b));
    return true;
}
static bool is_space(uint32_t c) {
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
        c == 0x3000;
}
/* Simple case mapping of Latin, Greek and Cyrillic letters; others stay. */
static uint32_t upper_of(uint32_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7) || (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F))
        return c - 32;
    if (c >= 0x450 && c <= 0x45F)
        return c - 80;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
        return c & ~1u;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c % 2 ? c : c - 1;
    return c == 0xFF ? 0x178 : c == 0x3C2 ? 0x3A3 : c == 0xB5 ? 0x39C : c;
}
static uint32_t lower_of(uint32_t c) {
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F)
        return c + 80;
    if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177))
        return c | 1u;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c % 2 ? c + 1 : c;
    return c == 0x178 ? 0xFF : c;
}
static bool is_letter(uint32_t c) { return (c | 32) - 'a' < 26u || c >= 0xC0; }
static bool is_upper(uint32_t c) { return lower_of(c) != c; }
static bool is_lower(uint32_t c) { return upper_of(c) != c; }
static bool is_digit(uint32_t c) { return c - '0' < 10u; }
static void put_rune(sl_buf *b, uint32_t c) {
    char u[4];
    sl_buf_put(b, u, sl_utf8_put(u, c));
}
#define EACH_RUNE(s, c) for (size_t at_ = 0, len_; at_ < (s).n && (len_ = sl_utf8_get((s).p + at_, (s).n - at_, &c)); at_ += len_)

/* ---- trimming ---- */
static bool in_set(sl_str set, uint32_t c) {
    uint32_t k;
    EACH_RUNE(set, k) if (k == c) return true;
    return false;
}
static sl_str trim_set(sl_str s, const sl_str *set) { /* NULL: white space */
    uint32_t c;
    while (s.n) {
        size_t len = sl_utf8_get(s.p, s.n, &c);
        if (!(set ? in_set(*set, c) : is_space(c)))
            break;
        s.p += len;
        s.n -= len;
    }
    while (s.n) {
        size_t k = s.n - 1;
        while (k && ((unsigned char)s.p[k] & 0xC0) == 0x80)
            k--;
        sl_utf8_get(s.p + k, s.n - k, &c);
        if (!(set ? in_set(*set, c) : is_space(c)))
            break;
        s.n = k;
    }
    return s;
}
FN(f_trim) {
    *out = tv_str(trim_set(S(0), NULL));
    return true;
}
FN(f_trim_all) {
    sl_str cut = S(0);
    *out = tv_str(trim_set(S(1), &cut));
    return true;
}
FN(f_trim_prefix) {
    sl_str s = S(1);
    *out = tv_str(sl_str_starts(s, S(0)) ? (sl_str){s.p + S(0).n, s.n - S(0).n} : s);
    return true;
}
FN(f_trim_suffix) {
    sl_str s = S(1);
    *out = tv_str(sl_str_ends(s, S(0)) ? (sl_str){s.p, s.n - S(0).n} : s);
    return true;
}

/* ---- case ---- */
FN(f_upper) {
    sl_buf b = {0};
    uint32_t c;
    EACH_RUNE(S(0), c) put_rune(&b, upper_of(c));
    return give(r, &b, out);
}
FN(f_lower) {
    sl_buf b = {0};
    uint32_t c;
    EACH_RUNE(S(0), c) put_rune(&b, lower_of(c));
    return give(r, &b, out);
}
FN(f_title) {
    sl_buf b = {0};
    uint32_t c, before = ' ';
    EACH_RUNE(S(0), c) {
        bool in_word = is_letter(before) || is_digit(before) || before == '_';
        put_rune(&b, in_word ? c : upper_of(c));
        before = c == '\'' ? before : c;
    }
    return give(r, &b, out);
}
FN(f_untitle) {
    sl_buf b = {0};
    uint32_t c, before = ' ';
    EACH_RUNE(S(0), c) {
        put_rune(&b, is_space(before) ? lower_of(c) : c);
        before = c;
    }
    return give(r, &b, out);
}
FN(f_swapcase) {
    sl_buf b = {0};
    uint32_t c, before = ' ';
    EACH_RUNE(S(0), c) {
        put_rune(&b, is_upper(c) ? lower_of(c) : is_lower(c) ? upper_of(c) : c);
        before = c;
    }
    (void)before;
    return give(r, &b, out);
}
static bool is_sep(uint32_t c) { return c == '_' || c == '-' || is_space(c); }
FN(f_camelcase) { /* separators in front stay, and so do those that no word follows */
    sl_str s = S(0);
    sl_buf b = {0};
    uint32_t c;
    size_t i = 0, len;
    for (; i < s.n && (len = sl_utf8_get(s.p + i, s.n - i, &c), is_sep(c)); i += len)
        put_rune(&b, c);
    for (bool up = true, run = false; i < s.n; i += len) { /* run: in the capitals that a word begins with; only the first stays */
        len = sl_utf8_get(s.p + i, s.n - i, &c);
        uint32_t next = ' ';
        if (i + len < s.n)
            sl_utf8_get(s.p + i + len, s.n - i - len, &next);
        if (is_sep(c)) {
            if (is_sep(next))
                put_rune(&b, c);
            up = true;
            continue;
        }
        run = (up || run) && is_upper(c);
        put_rune(&b, up ? upper_of(c) : run ? lower_of(c) : c);
        up = false;
    }
    return give(r, &b, out);
}
/* snakecase and kebabcase. Words end where a capital begins one (HTTPServer: http_server), and around symbols; digits belong to the word
 * before them, unless small letters follow: those begin a word (http2xx: http_2xx). */
typedef enum rune_class { R_NONE, R_LOWER, R_UPPER, R_DIGIT, R_OTHER, R_PUNCT, R_SEP } rune_class;
static rune_class class_of(uint32_t c) {
    if (is_sep(c))
        return R_SEP;
    if (is_digit(c))
        return R_DIGIT;
    if (is_upper(c))
        return R_UPPER;
    if (is_lower(c))
        return R_LOWER;
    return c < 0x80 && !strchr("$+<=>^`|~", (int)c) ? R_PUNCT : R_OTHER;
}
static bool worded(trun *r, sl_str s, char joint, tval *out) {
    sl_buf b = {0};
    rune_class before = R_NONE;
    bool number_word = false; /* the word began with digits */
    for (size_t i = 0; i < s.n;) {
        uint32_t c, next;
        size_t len = sl_utf8_get(s.p + i, s.n - i, &c);
        rune_class is = class_of(c), then = R_NONE;
        if (i + len < s.n) {
            sl_utf8_get(s.p + i + len, s.n - i - len, &next);
            then = class_of(next);
        }
        if (is == R_SEP) {
            sl_buf_putc(&b, joint);
            before = R_NONE;
            number_word = false;
            i += len;
            continue;
        }
        bool border = false;
        if (before == R_NONE)
            number_word = is == R_DIGIT;
        else if (is == R_UPPER)
            border = before == R_LOWER || before == R_DIGIT || before == R_OTHER || (before == R_UPPER && then == R_LOWER);
        else if (is == R_DIGIT && before != R_DIGIT) {
            size_t k = i;
            while (k < s.n && is_digit((unsigned char)s.p[k]))
                k++;
            uint32_t behind = 0;
            if (k < s.n)
                sl_utf8_get(s.p + k, s.n - k, &behind);
            border = !number_word && (before == R_OTHER || ((before == R_LOWER || before == R_UPPER) && k < s.n && class_of(behind) == R_LOWER));
        } else if (is == R_OTHER)
            border = before == R_LOWER || before == R_UPPER || before == R_DIGIT;
        else if (is == R_LOWER)
            border = before == R_OTHER;
        if (border) {
            sl_buf_putc(&b, joint);
            number_word = is == R_DIGIT;
        }
        put_rune(&b, lower_of(c));
        before = is;
        i += len;
    }
    return give(r, &b, out);
}
FN(f_snakecase) { return worded(r, S(0), '_', out); }
FN(f_kebabcase) { return worded(r, S(0), '-', out); }

/* ---- pieces ---- */
FN(f_repeat) {
    sl_buf b = {0};
    if (NUM(0) < 0)
        return tpl_call_fail(r, "strings: negative Repeat count");
    if (S(1).n && (uint64_t)NUM(0) > TEXT_MAX / S(1).n)
        return tpl_call_fail(r, "the text is too long: more than %d bytes", TEXT_MAX);
    for (int64_t i = 0; i < NUM(0); i++)
        sl_buf_str(&b, S(1));
    return give(r, &b, out);
}
FN(f_substr) {
    sl_str s = S(2);
    int64_t from = NUM(0) < 0 ? 0 : NUM(0), to = NUM(1);
    if (NUM(0) >= 0 && (to < 0 || to > (int64_t)s.n))
        to = (int64_t)s.n;
    if (from > to || to > (int64_t)s.n || to < 0)
        return from > to && to >= 0 ? tpl_call_fail(r, "runtime error: slice bounds out of range [%lld:%lld]", (long long)from, (long long)to)
            : to < 0                ? tpl_call_fail(r, "runtime error: slice bounds out of range [:%lld]", (long long)to)
                                    : tpl_call_fail(r, "runtime error: slice bounds out of range [:%lld] with length %zu", (long long)to, s.n);
    *out = tv_str((sl_str){s.p + from, (size_t)(to - from)});
    return true;
}
FN(f_trunc) {
    sl_str s = S(1);
    int64_t c = NUM(0);
    if (c < 0 && (int64_t)s.n + c > 0)
        s = (sl_str){s.p + ((int64_t)s.n + c), (size_t)-c};
    else if (c >= 0 && (int64_t)s.n > c)
        s.n = (size_t)c;
    *out = tv_str(s);
    return true;
}
static sl_str abbreviated(trun *r, sl_str s, int64_t offset, int64_t width) {
    int64_t len = (int64_t)s.n;
    if (width < 4 || len <= width)
        return s;
    if (offset > len)
        offset = len;
    if (len - offset < width - 3)
        offset = len - (width - 3);
    if (offset <= 4)
        return sl_arena_printf(r->a, "%.*s...", (int)(width - 3), s.p);
    if (width < 7)
        return s;
    if (offset + width - 3 < len) {
        sl_str in = abbreviated(r, (sl_str){s.p + offset, (size_t)(len - offset)}, 0, width - 3);
        return sl_arena_printf(r->a, "...%.*s", SL_FMT(in));
    }
    return sl_arena_printf(r->a, "...%.*s", (int)(width - 3), s.p + len - (width - 3));
}
FN(f_abbrev) {
    *out = tv_str(abbreviated(r, S(1), 0, NUM(0)));
    return true;
}
FN(f_abbrevboth) {
    bool as_is = NUM(1) < 4 || (NUM(0) > 0 && NUM(1) < 7);
    *out = tv_str(as_is ? S(2) : abbreviated(r, S(2), NUM(0), NUM(1)));
    return true;
}
FN(f_nospace) {
    sl_buf b = {0};
    uint32_t c;
    EACH_RUNE(S(0), c) if (!is_space(c)) put_rune(&b, c);
    return give(r, &b, out);
}
FN(f_initials) {
    sl_buf b = {0};
    uint32_t c, before = ' ';
    EACH_RUNE(S(0), c) {
        if (is_space(before) && !is_space(c))
            put_rune(&b, c);
        before = c;
    }
    return give(r, &b, out);
}
FN(f_contains) {
    *out = tv_bool(!S(0).n || sl_str_find(S(1), S(0)) >= 0);
    return true;
}
FN(f_has_prefix) {
    *out = tv_bool(sl_str_starts(S(1), S(0)));
    return true;
}
FN(f_has_suffix) {
    *out = tv_bool(sl_str_ends(S(1), S(0)));
    return true;
}
static bool replaced(trun *r, sl_str s, sl_str from, sl_str to, tval *out) {
    sl_buf b = {0};
    if (!from.n) { /* between all runes */
        uint32_t c;
        EACH_RUNE(s, c) {
            sl_buf_str(&b, to);
            put_rune(&b, c);
        }
        sl_buf_str(&b, to);
        return give(r, &b, out);
    }
    while (b.n <= TEXT_MAX) {
        ptrdiff_t k = sl_str_find(s, from);
        if (k < 0)
            break;
        sl_buf_put(&b, s.p, (size_t)k);
        sl_buf_str(&b, to);
        s.p += (size_t)k + from.n;
        s.n -= (size_t)k + from.n;
    }
    sl_buf_str(&b, s);
    return give(r, &b, out);
}
FN(f_replace) { return replaced(r, S(2), S(0), S(1), out); }

/* ---- joining ---- */
FN(f_quote) {
    sl_buf b = {0};
    for (uint32_t i = 0; i < n; i++)
        if (!sl_v_nil(a[i].v)) {
            if (b.n)
                sl_buf_putc(&b, ' ');
            sl_go_quote(&b, tpl_text(r, a[i].v));
        }
    return give(r, &b, out);
}
FN(f_squote) {
    sl_buf b = {0};
    for (uint32_t i = 0; i < n; i++)
        if (!sl_v_nil(a[i].v)) {
            sl_str s;
            sl_buf t = {0};
            sl_value_print(&t, tpl_settled(r, a[i].v));
            s = tpl_keep(r, &t);
            sl_buf_printf(&b, b.n ? " '%.*s'" : "'%.*s'", SL_FMT(s));
        }
    return give(r, &b, out);
}
FN(f_cat) {
    sl_buf b = {0};
    bool some = false;
    for (uint32_t i = 0; i < n; i++)
        if (!sl_v_nil(a[i].v)) {
            if (some)
                sl_buf_putc(&b, ' ');
            sl_value_print(&b, tpl_settled(r, a[i].v));
            some = true;
        }
    return give(r, &b, out);
}
static bool indented(trun *r, int64_t by, sl_str s, bool line, tval *out) {
    sl_buf b = {0};
    if (by < 0)
        return tpl_call_fail(r, "strings: negative Repeat count");
    if (by > 10000)
        return tpl_call_fail(r, "an indent of %lld is too deep", (long long)by);
    if (line)
        sl_buf_putc(&b, '\n');
    for (size_t i = 0; i <= s.n && b.n <= TEXT_MAX;) {
        const char *nl = memchr(s.p + i, '\n', s.n - i);
        size_t end = nl ? (size_t)(nl - s.p) : s.n;
        for (int64_t k = 0; k < by; k++)
            sl_buf_putc(&b, ' ');
        sl_buf_put(&b, s.p + i, end - i);
        if (!nl)
            break;
        sl_buf_putc(&b, '\n');
        i = end + 1;
    }
    return give(r, &b, out);
}
FN(f_indent) { return indented(r, NUM(0), S(1), false, out); }
FN(f_nindent) { return indented(r, NUM(0), S(1), true, out); }
static bool wrapped(trun *r, int64_t width, sl_str sep, sl_str s, bool cut, tval *out) {
    sl_buf b = {0};
    int64_t len = (int64_t)s.n, at = 0;
    if (width < 1)
        width = 1;
    if (!sep.n)
        sep = SL_S("\n");
    while (len - at > width && b.n <= TEXT_MAX) {
        if (s.p[at] == ' ') {
            at++;
            continue;
        }
        int64_t blank = -1;
        for (int64_t k = at; k <= at + width && k < len; k++)
            if (s.p[k] == ' ')
                blank = k;
        if (blank < at && !cut) { /* a word longer than the line stays whole */
            for (int64_t k = at + width; k < len && blank < 0; k++)
                if (s.p[k] == ' ')
                    blank = k;
            if (blank < 0)
                break;
        }
        int64_t end = blank >= at ? blank : at + width;
        sl_buf_put(&b, s.p + at, (size_t)(end - at));
        sl_buf_str(&b, sep);
        at = blank >= at ? end + 1 : end;
    }
    sl_buf_put(&b, s.p + at, (size_t)(len - at));
    return give(r, &b, out);
}
FN(f_wrap) { return wrapped(r, NUM(0), SL_S("\n"), S(1), false, out); }
FN(f_wrap_with) { return wrapped(r, NUM(0), S(1), S(2), true, out); }
FN(f_plural) {
    *out = tv_str(NUM(2) == 1 ? S(0) : S(1));
    return true;
}
FN(f_to_string) {
    *out = tv_str(sl_v_nil(a[0].v) ? SL_S("<nil>") : tpl_text(r, a[0].v));
    return true;
}
const tfunc tpl_text_funcs[] = {{"trim", "s", f_trim},
                                {"trimAll", "ss", f_trim_all},
                                {"trimall", "ss", f_trim_all},
                                {"trimPrefix", "ss", f_trim_prefix},
                                {"trimSuffix", "ss", f_trim_suffix},
                                {"upper", "s", f_upper},
                                {"lower", "s", f_lower},
                                {"title", "s", f_title},
                                {"untitle", "s", f_untitle},
                                {"swapcase", "s", f_swapcase},
                                {"camelcase", "s", f_camelcase},
                                {"snakecase", "s", f_snakecase},
                                {"kebabcase", "s", f_kebabcase},
                                {"repeat", "is", f_repeat},
                                {"substr", "iis", f_substr},
                                {"trunc", "is", f_trunc},
                                {"abbrev", "is", f_abbrev},
                                {"abbrevboth", "iis", f_abbrevboth},
                                {"nospace", "s", f_nospace},
                                {"initials", "s", f_initials},
                                {"contains", "ss", f_contains},
                                {"hasPrefix", "ss", f_has_prefix},
                                {"hasSuffix", "ss", f_has_suffix},
                                {"replace", "sss", f_replace},
                                {"quote", "a*", f_quote},
                                {"squote", "a*", f_squote},
                                {"cat", "a*", f_cat},
                                {"indent", "is", f_indent},
                                {"nindent", "is", f_nindent},
                                {"wrap", "is", f_wrap},
                                {"wrapWith", "iss", f_wrap_with},
                                {"plural", "ssi", f_plural},
                                {"toString", "a", f_to_string},
                                {0}};
