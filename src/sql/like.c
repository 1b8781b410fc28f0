/* LIKE without a regular expression. A pattern is a row of pieces separated by %; matching is greedy from the left with one
 * point of return, so the time is at worst length of text times length of piece, never exponential.
 * Decision: only % and _ are special, a backslash in front of %, _ or itself makes it plain. */
#include "sql/expr.h"
#include "base/utf8.h"
#include "sql/vectext.h"

typedef struct piece {
    sl_str text;        /* without wildcards */
    const uint8_t *any; /* bit per byte: a byte 1 stands for one character; NULL: no _ inside */
} piece;
struct sl_like {
    piece *at;
    uint32_t n; /* pieces; n - 1 times % between them */
};

const sl_like *sl_like_new(sl_arena *a, sl_str s) {
    sl_like *k = sl_zero(a, sizeof *k);
    if (!k)
        return NULL;
    uint32_t most = 1;
    for (size_t i = 0; i < s.n; i++)
        most += s.p[i] == '%';
    k->at = sl_zero(a, most * sizeof *k->at);
    char *text = sl_zero(a, s.n + 1);
    uint8_t *any = sl_zero(a, s.n + 1);
    if (!k->at || !text || !any)
        return NULL;
    size_t w = 0, start = 0;
    bool has = false;
    for (size_t i = 0; i <= s.n; i++) {
        if (i == s.n || s.p[i] == '%') {
            k->at[k->n++] = (piece){{text + start, w - start}, has ? any + start : NULL};
            start = w;
            has = false;
            continue;
        }
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '%' || s.p[i + 1] == '_' || s.p[i + 1] == '\\'))
            i++;
        else if (s.p[i] == '_') {
            has = true;
            any[w] = 1;
        }
        text[w++] = s.p[i];
    }
    return k;
}

/* Bytes of text that piece p covers at the start of s, or -1. */
static ptrdiff_t here(const piece *p, sl_str s) {
    if (!p->any)
        return s.n >= p->text.n && (p->text.n == 0 || memcmp(s.p, p->text.p, p->text.n) == 0) ? (ptrdiff_t)p->text.n : -1;
    size_t at = 0;
    for (size_t i = 0; i < p->text.n; i++) {
        if (at >= s.n)
            return -1;
        if (p->any[i]) {
            if (s.p[at] == '\n')
                return -1;
            uint32_t rune;
            at += sl_utf8_get(s.p + at, s.n - at, &rune);
        } else if (s.p[at] == p->text.p[i])
            at++;
        else
            return -1;
    }
    return (ptrdiff_t)at;
}

bool sl_like_match(const sl_like *k, sl_str s) {
    ptrdiff_t got = here(&k->at[0], s);
    if (got < 0)
        return false;
    sl_str rest = {s.p + got, s.n - (size_t)got};
    if (k->n == 1)
        return rest.n == 0;
    for (uint32_t i = 1; i < k->n; i++) {
        const piece *p = &k->at[i];
        bool last = i + 1 == k->n;
        if (p->text.n == 0) {
            if (last)
                return !memchr(rest.p ? rest.p : "", '\n', rest.n);
            continue;
        }
        if (!p->any && ((unsigned char)p->text.p[0] & 0xc0) != 0x80) { /* where such a text stands a character begins */
            const size_t n = p->text.n;
            if (rest.n < n)
                return false;
            const char *end = rest.p + rest.n, *at = last ? end - n : memmem(rest.p, rest.n, p->text.p, n);
            if (!at || (last && memcmp(at, p->text.p, n) != 0) || (at > rest.p && sl_text_has_newline(rest.p, (size_t)(at - rest.p))))
                return false;
            rest = (sl_str){at + n, (size_t)(end - at) - n};
            continue;
        }
        for (;;) {
            got = here(p, rest);
            if (got >= 0 && (!last || (size_t)got == rest.n))
                break;
            if (rest.n == 0 || rest.p[0] == '\n')
                return false;
            uint32_t rune; /* % covers whole characters */
            unsigned step = sl_utf8_get(rest.p, rest.n, &rune);
            rest.p += step;
            rest.n -= step;
        }
        rest.p += got;
        rest.n -= (size_t)got;
    }
    return true;
}
void sl_like_match_all(const sl_like *k, const sl_value *s, int64_t *d, bool negated, uint32_t n) {
    const piece *p = k->at;
    const int64_t turn = negated;
    if (k->n != 2 || p[0].any || p[1].text.n) {
        for (uint32_t i = 0; i < n; i++)
            d[i] = sl_like_match(k, sl_v_text(s[i])) ^ turn;
        return;
    }
    const sl_text_key key = sl_text_key_of(p->text.p, p->text.n);
    const uint64_t mask = sl_word_mask(key.n);
    const bool small = key.n <= 8 && !(key.n && memchr(key.p, '\n', key.n));
    for (uint32_t i = 0; i < n; i++) { /* text% */
        const size_t len = s[i].len;
        if (small && len <= 8) {
            const uint64_t w = sl_text_word(s[i].p, len);
            d[i] = ((len >= key.n) & ((w & mask) == key.word) & !(sl_word_zeros(w ^ SL_BYTES_OF('\n')) & ~mask)) ^ turn;
        } else
            d[i] = (len >= key.n && sl_text_is(s[i].p, &key) && (len == key.n || !sl_text_has_newline(s[i].p + key.n, len - key.n))) ^ turn;
    }
}

sl_value sl_op_like(sl_run *r, sl_value x, const sl_like *k, sl_value pattern, bool negated) {
    if (x.kind == SL_ERROR)
        return x;
    sl_value unfit = sl_op_unfit(r, negated ? "NOT LIKE" : "LIKE", x);
    if (unfit.kind == SL_ERROR)
        return unfit;
    if (!k && pattern.kind == SL_ERROR)
        return pattern;
    if (x.kind == SL_LIST || x.kind == SL_MAP)
        return sl_op_fail(r, "%s is an invalid operation for %s", negated ? "NOT LIKE" : "LIKE", sl_value_gotype(x));
    const char *what = NULL;
    sl_value bad = x;
    if (x.kind != SL_STRING)
        what = "LIKE operator left operand expects string, but found ";
    else if (!k && pattern.kind != SL_STRING) {
        what = "invalid LIKE pattern, must be a string but got ";
        bad = pattern;
    }
    if (what) {
        sl_buf_clear(&r->buf);
        sl_value_print(&r->buf, bad);
        sl_str t = sl_arena_dup(r->out, sl_buf_view(&r->buf));
        return sl_op_fail(r, "%s%.*s", what, SL_FMT(t));
    }
    if (!k) {
        sl_arena_mark m = sl_arena_here(r->tmp);
        k = sl_like_new(r->tmp, sl_v_text(pattern));
        r->nomem |= !k;
        bool yes = k && sl_like_match(k, sl_v_text(x));
        sl_arena_back(r->tmp, m);
        return sl_v_bool(yes != negated);
    }
    return sl_v_bool(sl_like_match(k, sl_v_text(x)) != negated);
}
