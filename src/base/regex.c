/* Go's regular expressions on PCRE2.
 * Decision: the pattern is parsed once by Go's grammar and rewritten to PCRE2's: what Go refuses is refused here with Go's words (so
 * back-references and look-around never reach PCRE2), what both spell alike but mean differently (\s, \v, octal) is spelled out.
 * A known difference: bytes that are not UTF-8 match nothing here, and a replacement character in Go. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/utf8.h"

enum { MAX_DEPTH = 1000, MAX_REPEAT = 1000, MAX_STEPS = 5000000, MAX_PATTERN = 1 << 20, MAX_NAMES = 256 };

typedef struct name_of {
    char *name;
    size_t len;
    unsigned group;
} name_of;
struct sl_regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    bool hit;
    unsigned groups, nnames;
    name_of *names; /* PCRE2 limits names, so they stay with us and its groups are plain */
};

/* ---- rewriting ---- */
typedef struct parser {
    sl_str s;
    size_t i;
    sl_buf out;
    const char *why; /* Go's ErrorCode text */
    sl_str about;
    unsigned depth;
    unsigned groups;
    sl_str names[MAX_NAMES];
    unsigned name_group[MAX_NAMES], nnames;
} parser;

static bool bad(parser *p, const char *why, size_t from, size_t to) {
    if (!p->why) {
        p->why = why;
        p->about = sl_str_n(p->s.p + from, (to > p->s.n ? p->s.n : to) - from);
    }
    return false;
}
static bool more(const parser *p) { return p->i < p->s.n; }
static char at(const parser *p, size_t k) { return p->i + k < p->s.n ? p->s.p[p->i + k] : 0; }
static void put_rune(parser *p, uint32_t r) { sl_buf_printf(&p->out, "\\x{%x}", r); }
static int hexval(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }
static bool word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static size_t rune_len(const parser *p, size_t i) {
    uint32_t r;
    return i < p->s.n ? sl_utf8_get(p->s.p + i, p->s.n - i, &r) : 0;
}

/* After a backslash at i: one character. */
static bool escaped_rune(parser *p, uint32_t *r) {
    size_t from = p->i++;
    if (!more(p))
        return bad(p, "trailing backslash at end of expression", p->s.n, p->s.n);
    char c = p->s.p[p->i];
    size_t len = rune_len(p, p->i);
    p->i += len;
    switch (c) {
    case 'a': *r = 7; return true;
    case 'f': *r = 12; return true;
    case 'n': *r = 10; return true;
    case 'r': *r = 13; return true;
    case 't': *r = 9; return true;
    case 'v': *r = 11; return true;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
        if (at(p, 0) < '0' || at(p, 0) > '7')
            break; /* a back-reference */
        /* fall through */
    case '0':
        *r = (uint32_t)(c - '0');
        for (int k = 1; k < 3 && at(p, 0) >= '0' && at(p, 0) <= '7'; k++)
            *r = *r * 8 + (uint32_t)(p->s.p[p->i++] - '0');
        return true;
    case 'x':
        if (at(p, 0) == '{') {
            uint32_t v = 0;
            size_t k = 1, digits = 0;
            for (; hexval(at(p, k)) >= 0 && v <= 0x10FFFF; k++, digits++)
                v = v * 16 + (uint32_t)hexval(at(p, k));
            if (at(p, k) != '}' || !digits || v > 0x10FFFF) {
                p->i += k;
                break;
            }
            p->i += k + 1;
            *r = v;
            return true;
        }
        if (hexval(at(p, 0)) >= 0 && hexval(at(p, 1)) >= 0) {
            *r = (uint32_t)(hexval(at(p, 0)) * 16 + hexval(at(p, 1)));
            p->i += 2;
            return true;
        }
        break;
    default:
        if ((unsigned char)c < 0x80 && (!word(c) || c == '_')) {
            *r = (unsigned char)c;
            return true;
        }
    }
    return bad(p, "invalid escape sequence", from, p->i);
}
/* \d \s \w and \p{…} at i, in or outside a class. Writes the replacement; false when it is none of these. */
static bool escaped_class(parser *p, bool in_class) {
    char c = at(p, 1);
    if (c == 'd' || c == 'D' || c == 'w' || c == 'W') {
        sl_buf_put(&p->out, p->s.p + p->i, 2);
    } else if (c == 's') {
        sl_buf_puts(&p->out, in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
    } else if (c == 'S') {
        sl_buf_puts(&p->out, in_class ? "\\x00-\\x08\\x0b\\x0e-\\x1f!-\\x{10ffff}" : "[^\\t\\n\\f\\r ]");
    } else if (c == 'p' || c == 'P') {
        size_t from = p->i, end;
        p->i += 2;
        if (!more(p)) {
            bad(p, "invalid character class range", from, p->s.n);
            return true;
        }
        bool negate = c == 'P';
        sl_str name;
        if (at(p, 0) == '{') {
            end = p->i + 1;
            while (end < p->s.n && p->s.p[end] != '}')
                end++;
            if (end == p->s.n) {
                bad(p, "invalid character class range", from, p->s.n);
                return true;
            }
            name = sl_str_n(p->s.p + p->i + 1, end - p->i - 1);
            end++;
        } else {
            end = p->i + rune_len(p, p->i);
            name = sl_str_n(p->s.p + p->i, end - p->i);
        }
        if (name.n && name.p[0] == '^') {
            negate = !negate;
            name.p++, name.n--;
        }
        bool fine = name.n > 0;
        for (size_t k = 0; k < name.n; k++)
            fine = fine && word(name.p[k]);
        if (!fine)
            bad(p, "invalid character class range", from, end);
        sl_buf_printf(&p->out, "\\%c{%.*s}", negate ? 'P' : 'p', SL_FMT(name));
        p->i = end;
        return true;
    } else
        return false;
    p->i += 2;
    return true;
}
/* [ at i. */
static bool char_class(parser *p) {
    size_t start = p->i++;
    sl_buf_putc(&p->out, '[');
    if (at(p, 0) == '^') {
        sl_buf_putc(&p->out, '^');
        p->i++;
    }
    for (bool first = true; !more(p) || p->s.p[p->i] != ']' || first; first = false) {
        if (!more(p))
            return bad(p, "missing closing ]", start, p->s.n);
        size_t from = p->i;
        if (at(p, 0) == '-' && !first && at(p, 1) != ']') { /* Go: a - is free only at the ends, or as the end of a range */
            size_t len = 1 + rune_len(p, p->i + 1);
            if (p->i + 1 >= p->s.n)
                return bad(p, "missing closing ]", start, p->s.n);
            return bad(p, "invalid character class range", p->i, p->i + len);
        }
        if (at(p, 0) == '[' && at(p, 1) == ':') {
            static const char *const posix[] = {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"};
            ptrdiff_t k = sl_str_find(sl_str_n(p->s.p + p->i + 2, p->s.n - p->i - 2), SL_S(":]"));
            if (k >= 0) {
                sl_str name = sl_str_n(p->s.p + p->i + 2, (size_t)k), whole = sl_str_n(p->s.p + p->i, (size_t)k + 4);
                if (name.n && name.p[0] == '^')
                    name.p++, name.n--;
                bool known = false;
                for (size_t x = 0; x < sizeof posix / sizeof *posix; x++)
                    known |= sl_str_is(name, posix[x]);
                if (!known)
                    return bad(p, "invalid character class range", p->i, p->i + whole.n);
                sl_buf_str(&p->out, whole);
                p->i += whole.n;
                continue;
            }
        }
        if (at(p, 0) == '\\' && escaped_class(p, true)) {
            if (p->why)
                return false;
            continue;
        }
        uint32_t lo, hi;
        if (at(p, 0) == '\\') {
            if (!escaped_rune(p, &lo))
                return false;
        } else
            p->i += sl_utf8_get(p->s.p + p->i, p->s.n - p->i, &lo);
        hi = lo;
        if (at(p, 0) == '-' && p->i + 1 < p->s.n && at(p, 1) != ']') {
            p->i++;
            if (at(p, 0) == '\\') {
                if (!escaped_rune(p, &hi))
                    return false;
            } else
                p->i += sl_utf8_get(p->s.p + p->i, p->s.n - p->i, &hi);
            if (hi < lo)
                return bad(p, "invalid character class range", from, p->i);
        }
        put_rune(p, lo);
        if (hi != lo) {
            sl_buf_putc(&p->out, '-');
            put_rune(p, hi);
        }
    }
    p->i++;
    sl_buf_putc(&p->out, ']');
    return true;
}
/* {n}, {n,}, {n,m} at i: its length, 0 when it is literal text. */
static size_t repeat(const parser *p, long *min, long *max) {
    size_t k = 1, d = k;
    *min = 0;
    for (; at(p, k) >= '0' && at(p, k) <= '9'; k++)
        *min = *min > MAX_REPEAT ? *min : *min * 10 + at(p, k) - '0';
    if (k == d || (at(p, d) == '0' && k > d + 1))
        return 0;
    *max = *min;
    if (at(p, k) == ',') {
        d = ++k;
        *max = 0;
        for (; at(p, k) >= '0' && at(p, k) <= '9'; k++)
            *max = *max > MAX_REPEAT ? *max : *max * 10 + at(p, k) - '0';
        if (k == d)
            *max = -1;
        else if (at(p, d) == '0' && k > d + 1)
            return 0;
    }
    return at(p, k) == '}' ? k + 1 : 0;
}
/* (? at i. *opens: a group was opened (else only flags were set). */
static bool perl_group(parser *p, bool *opens) {
    size_t start = p->i;
    *opens = true;
    bool angle = at(p, 2) == '<' && at(p, 3) != '=' && at(p, 3) != '!';
    if (angle || (at(p, 2) == 'P' && at(p, 3) == '<')) {
        size_t from = p->i + (angle ? 3 : 4), end = from;
        while (end < p->s.n && p->s.p[end] != '>')
            end++;
        if (end >= p->s.n)
            return bad(p, "invalid named capture", start, p->s.n);
        sl_str name = sl_str_n(p->s.p + from, end - from);
        bool fine = name.n > 0;
        for (size_t k = 0; k < name.n; k++)
            fine = fine && word(name.p[k]);
        if (!fine)
            return bad(p, "invalid named capture", start, end + 1);
        for (unsigned k = 0; k < p->nnames; k++)
            if (sl_str_eq(p->names[k], name))
                return bad(p, "invalid named capture", from, end);
        if (p->nnames == MAX_NAMES)
            return bad(p, "expression has too many named groups", from, end);
        p->name_group[p->nnames] = ++p->groups;
        p->names[p->nnames++] = name;
        sl_buf_putc(&p->out, '(');
        p->i = end + 1;
        return true;
    }
    sl_buf_puts(&p->out, "(?");
    bool any = false, minus = false;
    for (p->i += 2; more(p); p->i++) {
        char c = p->s.p[p->i];
        switch (c) {
        case 'i':
        case 'm':
        case 's':
        case 'U':
            any = true;
            sl_buf_putc(&p->out, c);
            continue;
        case '-':
            if (minus)
                goto refuse;
            minus = true;
            any = false;
            sl_buf_putc(&p->out, c);
            continue;
        case ':':
        case ')':
            if (minus && !any)
                goto refuse;
            sl_buf_putc(&p->out, c);
            p->i++;
            *opens = c == ':';
            return true;
        default: goto refuse;
        }
    }
    return bad(p, "missing argument to repetition operator", start, p->s.n);
refuse:
    return bad(p, "invalid or unsupported Perl syntax", start, p->i + rune_len(p, p->i));
}
static bool rewrite(parser *p) {
    bool can_repeat = false; /* something stands to the left that may be repeated */
    size_t op = 0;           /* where the last repetition began, when it stands directly to the left */
    bool after_op = false;
    while (more(p)) {
        size_t from = p->i;
        char c = p->s.p[p->i];
        bool is_op = false;
        switch (c) {
        case '(':
            if (++p->depth > MAX_DEPTH)
                return bad(p, "expression nests too deeply", 0, p->s.n);
            can_repeat = false;
            if (at(p, 1) == '?') {
                bool opens;
                if (!perl_group(p, &opens))
                    return false;
                p->depth -= !opens;
            } else {
                sl_buf_putc(&p->out, '(');
                p->groups++;
                p->i++;
            }
            break;
        case ')':
            if (p->depth-- == 0)
                return bad(p, "unexpected )", 0, p->s.n);
            sl_buf_putc(&p->out, c);
            p->i++;
            can_repeat = true;
            break;
        case '|':
            sl_buf_putc(&p->out, c);
            p->i++;
            can_repeat = false;
            break;
        case '[':
            if (!char_class(p))
                return false;
            can_repeat = true;
            break;
        case '*':
        case '+':
        case '?':
        case '{': {
            long min, max;
            size_t len = 1;
            if (c == '{' && !(len = repeat(p, &min, &max))) {
                sl_buf_puts(&p->out, "\\{");
                p->i++;
                can_repeat = true;
                break;
            }
            if (c == '{' && (min > MAX_REPEAT || max > MAX_REPEAT || (max >= 0 && min > max)))
                return bad(p, "invalid repeat count", from, from + len);
            if (after_op)
                return bad(p, "invalid nested repetition operator", op, from + len);
            if (!can_repeat)
                return bad(p, "missing argument to repetition operator", from, from + len);
            sl_buf_put(&p->out, p->s.p + from, len);
            p->i += len;
            if (at(p, 0) == '?') {
                sl_buf_putc(&p->out, '?');
                p->i++;
            }
            is_op = true;
            op = from;
            break;
        }
        case '\\':
            can_repeat = true;
            if (at(p, 1) == 'A' || at(p, 1) == 'z' || at(p, 1) == 'b' || at(p, 1) == 'B') {
                sl_buf_put(&p->out, p->s.p + p->i, 2);
                p->i += 2;
            } else if (at(p, 1) == 'Q') {
                p->i += 2;
                ptrdiff_t k = sl_str_find(sl_str_n(p->s.p + p->i, p->s.n - p->i), SL_S("\\E"));
                size_t end = k < 0 ? p->s.n : p->i + (size_t)k;
                can_repeat = end > p->i;
                while (p->i < end) {
                    uint32_t r;
                    p->i += sl_utf8_get(p->s.p + p->i, end - p->i, &r);
                    put_rune(p, r);
                }
                p->i += k < 0 ? 0 : 2;
            } else if (!escaped_class(p, false)) {
                uint32_t r;
                if (!escaped_rune(p, &r))
                    return false;
                put_rune(p, r);
            }
            if (p->why)
                return false;
            break;
        case '^':
        case '$':
        case '.':
            sl_buf_putc(&p->out, c);
            p->i++;
            can_repeat = true;
            break;
        default: {
            uint32_t r;
            p->i += sl_utf8_get(p->s.p + p->i, p->s.n - p->i, &r);
            if (r < 0x80 && !word((char)r))
                put_rune(p, r);
            else
                sl_buf_put(&p->out, p->s.p + from, p->i - from);
            can_repeat = true;
        }
        }
        after_op = is_op;
    }
    return p->depth == 0 || bad(p, "missing closing )", 0, p->s.n);
}

sl_regex *sl_regex_new(sl_str pattern, char *err, size_t errn) {
    parser *p = calloc(1, sizeof *p);
    sl_regex *re = calloc(1, sizeof *re);
    pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
    int code = 0;
    size_t where = 0;
    bool fine = p && re && cc;
    snprintf(err, errn, "out of memory");
    if (!fine)
        goto out;
    p->s = pattern;
    fine = pattern.n > MAX_PATTERN ? bad(p, "expression too large", 0, 0) : !sl_utf8_valid(pattern.p, pattern.n) ? bad(p, "invalid UTF-8", 0, pattern.n) : rewrite(p);
    if (!fine) {
        snprintf(err, errn, "error parsing regexp: %s: `%.*s`", p->why, p->about.n > 200 ? 200 : (int)p->about.n, p->about.p);
        goto out;
    }
    fine = !p->out.failed;
    if (!fine)
        goto out;
    pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(cc, MAX_DEPTH + 1);
    re->code =
        pcre2_compile((PCRE2_SPTR)(p->out.p ? p->out.p : ""), p->out.n, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code, &where, cc);
    if (!re->code) {
        char text[160] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        snprintf(err, errn, "error parsing regexp: %s: `%.*s`", text, pattern.n > 200 ? 200 : (int)pattern.n, pattern.p);
        fine = false;
        goto out;
    }
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
    re->match = pcre2_match_data_create_from_pattern(re->code, NULL);
    re->limits = pcre2_match_context_create(NULL);
    fine = re->match && re->limits;
    if (fine) {
        pcre2_set_match_limit(re->limits, MAX_STEPS);
        pcre2_set_heap_limit(re->limits, 16384); /* KiB */
    }
    re->groups = p->groups;
    re->names = p->nnames ? calloc(p->nnames, sizeof *re->names) : NULL;
    for (unsigned k = 0; k < p->nnames && fine; k++) {
        fine = re->names && (re->names[k].name = sl_strdup_n(p->names[k].p, p->names[k].n));
        if (fine) {
            re->names[k].len = p->names[k].n;
            re->names[k].group = p->name_group[k];
            re->nnames++;
        }
    }
out:
    if (p) {
        free(p->out.p);
        free(p);
    }
    if (cc)
        pcre2_compile_context_free(cc);
    if (fine)
        return re;
    sl_regex_free(re);
    return NULL;
}
void sl_regex_free(sl_regex *re) {
    if (!re)
        return;
    pcre2_code_free(re->code);
    pcre2_match_data_free(re->match);
    pcre2_match_context_free(re->limits);
    for (unsigned k = 0; k < re->nnames; k++)
        free(re->names[k].name);
    free(re->names);
    free(re);
}

/* ---- searching ---- */
int sl_regex_find(sl_regex *re, sl_str text, size_t from) {
    int rc = pcre2_match(re->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, from, 0, re->match, re->limits);
    re->hit = rc > 0;
    return rc > 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}
bool sl_regex_span(const sl_regex *re, unsigned g, size_t *start, size_t *end) {
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(re->match);
    if (!re->hit || g > re->groups || v[2 * g] == PCRE2_UNSET)
        return false;
    *start = v[2 * g];
    *end = v[2 * g + 1];
    return *end >= *start;
}
unsigned sl_regex_groups(const sl_regex *re) { return re->groups; }
int sl_regex_group(const sl_regex *re, sl_str name) {
    for (unsigned k = 0; k < re->nnames; k++)
        if (sl_str_eq(name, sl_str_n(re->names[k].name, re->names[k].len)))
            return (int)re->names[k].group;
    return -1;
}
/* One reference behind a $ at i: advances i. false: not a reference, the $ stands for itself. */
static bool reference(const sl_regex *re, sl_str with, size_t *i, sl_str text, sl_buf *out) {
    size_t k = *i + 1;
    bool brace = k < with.n && with.p[k] == '{';
    size_t from = k + brace, end = from;
    while (end < with.n && (word(with.p[end]) || (unsigned char)with.p[end] >= 0x80))
        end++;
    if (end == from || (brace && (end >= with.n || with.p[end] != '}')))
        return false;
    sl_str name = sl_str_n(with.p + from, end - from);
    bool digits = true;
    unsigned g = 0;
    for (size_t d = 0; d < name.n; d++) {
        digits = digits && name.p[d] >= '0' && name.p[d] <= '9';
        g = digits && g < 100000 ? g * 10 + (unsigned)(name.p[d] - '0') : g;
    }
    int named = digits ? (int)g : sl_regex_group(re, name);
    size_t a, b;
    if (named >= 0 && sl_regex_span(re, (unsigned)named, &a, &b))
        sl_buf_put(out, text.p + a, b - a);
    *i = end + brace;
    return true;
}
static void expand(const sl_regex *re, sl_str with, sl_str text, sl_buf *out) {
    for (size_t i = 0; i < with.n;) {
        if (with.p[i] != '$') {
            sl_buf_putc(out, with.p[i++]);
        } else if (i + 1 < with.n && with.p[i + 1] == '$') {
            sl_buf_putc(out, '$');
            i += 2;
        } else if (!reference(re, with, &i, text, out))
            sl_buf_putc(out, with.p[i++]);
    }
}
bool sl_regex_replace(sl_regex *re, sl_str text, sl_str with, sl_buf *out) {
    size_t last = 0, from = 0;               /* end of the last match; where to search */
    while (from <= text.n && !out->failed) { /* more cannot make it right */
        size_t a, b;
        int found = sl_regex_find(re, text, from);
        if (found < 0)
            return false;
        if (!found || !sl_regex_span(re, 0, &a, &b))
            break;
        sl_buf_put(out, text.p + last, a - last);
        if (b > last || a == 0) /* no empty match directly behind a match */
            expand(re, with, text, out);
        last = b;
        uint32_t r;
        size_t step = from < text.n ? sl_utf8_get(text.p + from, text.n - from, &r) : 1;
        from = from + step > b ? from + step : b;
    }
    sl_buf_put(out, text.p + (last < text.n ? last : text.n), last < text.n ? text.n - last : 0);
    return true;
}
void sl_regex_quote(sl_buf *out, sl_str s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] && strchr("\\.+*?()|[]{}^$", s.p[i]))
            sl_buf_putc(out, '\\');
        sl_buf_putc(out, s.p[i]);
    }
}
