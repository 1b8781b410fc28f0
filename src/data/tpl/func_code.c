/* JSON, encodings, digests, patterns, addresses, paths, the environment: what turns text into other text by some rule. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/num.h"
#include "base/utf8.h"
#include "data/tpl/tpl.h"

#define S(i) sl_v_text(a[i].v)
#define FN(name) static bool name(trun *r, const tval *a, uint32_t n, tval *out)
static bool give(trun *r, sl_buf *b, tval *out) {
    *out = tv_str(tpl_keep(r, b));
    return true;
}
static sl_value shown(trun *r, tval v) { return v.v.kind == SL_ABSENT ? sl_v_null() : tpl_settled(r, v.v); }

/* ---- JSON ---- */
static bool to_json(trun *r, tval v, sl_buf *b, bool must) { /* errors: empty text */
    sl_str why;
    if (sl_json_put(b, shown(r, v), &why))
        return true;
    sl_buf_clear(b);
    return must ? tpl_call_fail(r, "%.*s", SL_FMT(why)) : true;
}
FN(f_json) {
    sl_buf b = {0};
    return to_json(r, a[0], &b, false) && give(r, &b, out);
}
FN(f_must_json) {
    sl_buf b = {0};
    if (to_json(r, a[0], &b, true))
        return give(r, &b, out);
    sl_buf_free(&b);
    return false;
}
static bool pretty(trun *r, tval v, bool must, tval *out) {
    sl_buf b = {0}, p = {0};
    sl_json *j = NULL;
    if (!to_json(r, v, &b, must)) {
        sl_buf_free(&b);
        return false;
    }
    sl_err *e = b.n ? sl_json_parse(r->a, tpl_keep(r, &b), &j, NULL) : NULL;
    sl_err_free(e);
    if (j)
        sl_json_write(&p, j, false, 2);
    sl_buf_free(&b);
    return give(r, &p, out);
}
FN(f_pretty) { return pretty(r, a[0], false, out); }
FN(f_must_pretty) { return pretty(r, a[0], true, out); }
static bool unescaped(trun *r, tval v, bool must, tval *out) { /* without the escapes for HTML */
    sl_buf b = {0}, o = {0};
    if (!to_json(r, v, &b, must)) {
        sl_buf_free(&b);
        return false;
    }
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] != '\\') {
            sl_buf_putc(&o, b.p[i]);
            continue;
        }
        sl_str rest = {b.p + i, b.n - i};
        if (sl_str_starts(rest, SL_S("\\u003c")) || sl_str_starts(rest, SL_S("\\u003e")) || sl_str_starts(rest, SL_S("\\u0026"))) {
            sl_buf_putc(&o, b.p[i + 5] == 'c' ? '<' : b.p[i + 5] == 'e' ? '>' : '&');
            i += 5;
        } else {
            sl_buf_putc(&o, '\\');
            if (++i < b.n)
                sl_buf_putc(&o, b.p[i]);
        }
    }
    sl_buf_free(&b);
    return give(r, &o, out);
}
FN(f_raw_json) { return unescaped(r, a[0], false, out); }
FN(f_must_raw_json) { return unescaped(r, a[0], true, out); }
static bool from_json(trun *r, sl_str s, bool must, tval *out) {
    sl_value v;
    sl_err *e = sl_json_value(r->a, sl_arena_dup(r->a, s), false, &v);
    bool ok = !e || !must || tpl_call_fail(r, "%s", sl_err_text(e));
    *out = e ? tv_none() : tv_of(v);
    sl_err_free(e);
    return ok;
}
FN(f_from_json) { return from_json(r, S(0), false, out); }
FN(f_must_from_json) { return from_json(r, S(0), true, out); }

/* ---- encodings ---- */
FN(f_base64) { /* the product's own: of a value's text, of a map's JSON */
    sl_value v = tpl_settled(r, a[0].v);
    sl_buf text = {0}, b = {0};
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: return tpl_call_fail(r, "based64 error for nil");
    case SL_BOOL:
    case SL_INT:
    case SL_UINT: sl_value_print(&text, v); break;
    case SL_FLOAT: sl_buf_put(&text, num, sl_num_f(num, sl_f64(v))); break;
    case SL_STRING: sl_buf_str(&text, sl_v_text(v)); break;
    case SL_MAP: to_json(r, tv_of(v), &text, false); break;
    default: return tpl_call_fail(r, "Unsupported data type %s for base64 function.", v.kind == SL_TIME ? "struct" : "slice");
    }
    sl_base64_put(&b, sl_buf_view(&text));
    sl_buf_free(&text);
    return give(r, &b, out);
}
FN(f_b64enc) {
    sl_buf b = {0};
    sl_base64_put(&b, S(0));
    return give(r, &b, out);
}
FN(f_b64dec) {
    sl_buf b = {0};
    size_t at = 0;
    if (!sl_base64_get(&b, S(0), &at)) {
        sl_buf_clear(&b);
        sl_buf_printf(&b, "illegal base64 data at input byte %zu", at);
    }
    return give(r, &b, out);
}
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
FN(f_b32enc) {
    sl_str s = S(0);
    sl_buf b = {0};
    for (size_t i = 0; i < s.n; i += 5) {
        uint64_t w = 0;
        size_t k = s.n - i < 5 ? s.n - i : 5;
        for (size_t j = 0; j < 5; j++)
            w = w << 8 | (j < k ? (unsigned char)s.p[i + j] : 0);
        size_t chars = (k * 8 + 4) / 5;
        for (size_t j = 0; j < 8; j++)
            sl_buf_putc(&b, j < chars ? base32[w >> (35 - 5 * j) & 31] : '=');
    }
    return give(r, &b, out);
}
FN(f_b32dec) {
    sl_str s = S(0);
    sl_buf b = {0};
    uint64_t w = 0;
    int bits = 0;
    size_t end = s.n;
    while (end && s.p[end - 1] == '=')
        end--;
    for (size_t i = 0; i < end; i++) {
        const char *at = s.p[i] ? strchr(base32, s.p[i]) : NULL;
        if (!at) {
            sl_buf_clear(&b);
            sl_buf_printf(&b, "illegal base32 data at input byte %zu", i);
            return give(r, &b, out);
        }
        w = w << 5 | (uint64_t)(at - base32);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            sl_buf_putc(&b, (char)(w >> bits));
        }
    }
    if (s.n % 8) {
        sl_buf_clear(&b);
        sl_buf_printf(&b, "illegal base32 data at input byte %zu", end);
    }
    return give(r, &b, out);
}
static bool digest(trun *r, sl_str s, sl_digest kind, tval *out) {
    uint8_t d[SL_DIGEST_MAX];
    size_t len = sl_digest_of(kind, s, d);
    sl_buf b = {0};
    sl_hex_put(&b, (sl_str){(const char *)d, len});
    return give(r, &b, out);
}
FN(f_sha1) { return digest(r, S(0), SL_SHA1, out); }
FN(f_sha256) { return digest(r, S(0), SL_SHA256, out); }
FN(f_sha512) { return digest(r, S(0), SL_SHA512, out); }
FN(f_adler32) {
    uint32_t x = 1, y = 0;
    for (size_t i = 0; i < S(0).n; i++) {
        x = (x + (unsigned char)S(0).p[i]) % 65521;
        y = (y + x) % 65521;
    }
    *out = tv_str(sl_arena_printf(r->a, "%u", y << 16 | x));
    return true;
}

/* ---- patterns ---- */
static sl_regex *pattern(trun *r, sl_str text, char *why, size_t n) { /* compiled once; a template that makes up patterns turns the table over */
    sl_template *t = r->t;
    for (uint32_t i = 0; i < t->npattern; i++)
        if (sl_str_eq(t->pattern[i].text, text))
            return t->pattern[i].re;
    sl_regex *re = sl_regex_new(text, why, n);
    if (!re)
        return NULL;
    uint32_t at = t->npattern;
    if (at == PATTERNS) {
        at = (uint32_t)(r->steps % PATTERNS);
        sl_regex_free(t->pattern[at].re);
        free((void *)(uintptr_t)t->pattern[at].text.p);
    } else
        t->npattern++;
    t->pattern[at].re = re;
    t->pattern[at].text = (sl_str){sl_strdup_n(text.p, text.n), text.n};
    if (!t->pattern[at].text.p)
        t->pattern[at].text.n = 0;
    return re;
}
static sl_regex *pattern_or_fail(trun *r, sl_str text) {
    char why[256];
    sl_regex *re = pattern(r, text, why, sizeof why);
    if (!re)
        tpl_call_fail(r, "%s", why);
    return re;
}
static bool too_many(trun *r) { return tpl_call_fail(r, "the pattern takes too many steps on this text"); }
FN(f_match) {
    char why[256];
    sl_regex *re = pattern(r, S(0), why, sizeof why);
    *out = tv_bool(re && sl_regex_find(re, S(1), 0) == 1);
    return true;
}
FN(f_must_match) {
    sl_regex *re = pattern_or_fail(r, S(0));
    if (!re)
        return false;
    int got = sl_regex_find(re, S(1), 0);
    *out = tv_bool(got == 1);
    return got >= 0 || too_many(r);
}
FN(f_find) {
    sl_regex *re = pattern_or_fail(r, S(0));
    if (!re)
        return false;
    int got = sl_regex_find(re, S(1), 0);
    size_t s = 0, e = 0;
    if (got == 1)
        sl_regex_span(re, 0, &s, &e);
    *out = tv_str((sl_str){S(1).p + s, e - s});
    return got >= 0 || too_many(r);
}
typedef bool (*on_span)(void *arg, size_t from, size_t to);
/* All matches, at most max (negative: all); an empty one right behind a match does not count, as in Go. */
static int all_matches(sl_regex *re, sl_str text, int64_t max, on_span f, void *arg) {
    size_t at = 0, last = (size_t)-1;
    for (int64_t k = 0; (max < 0 || k < max) && at <= text.n;) {
        size_t s, e;
        int got = sl_regex_find(re, text, at);
        if (got != 1)
            return got;
        sl_regex_span(re, 0, &s, &e);
        if (e > s || s != last) {
            if (!f(arg, s, e))
                return -1;
            k++;
            last = e;
        }
        uint32_t rune;
        at = e > s ? e : e < text.n ? e + sl_utf8_get(text.p + e, text.n - e, &rune) : e + 1;
    }
    return 0;
}
typedef struct spans {
    trun *r;
    sl_str text;
    sl_value *v;
    uint32_t n, cap;
    size_t at, from; /* splitting: the last match */
    bool split;
    int64_t max;
} spans;
static bool add_text(spans *s, size_t from, size_t to) {
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 8;
        sl_value *v = cap > 1 << 20 ? NULL : sl_arena_alloc(s->r->a, cap * sizeof *v);
        if (!v)
            return false;
        if (s->n)
            memcpy(v, s->v, s->n * sizeof *v);
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = sl_v_str((sl_str){s->text.p + from, to - from});
    return true;
}
static bool on_match(void *arg, size_t from, size_t to) {
    spans *s = arg;
    if (!s->split)
        return add_text(s, from, to);
    if (s->max > 0 && s->n + 1 >= s->max)
        return true;
    s->from = from;
    bool ok = to == 0 || add_text(s, s->at, from); /* an empty match at the start splits nothing */
    s->at = to;
    return ok;
}
static bool give_texts(spans *s, tval *out) {
    *out = tv_of((sl_value){.kind = SL_LIST, .flags = SL_F_TEXTLIST, .len = s->n, .list = s->v});
    return true;
}
FN(f_find_all) {
    sl_regex *re = pattern_or_fail(r, S(0));
    spans s = {.r = r, .text = S(1)};
    if (!re)
        return false;
    if (all_matches(re, S(1), a[2].v.i, on_match, &s) < 0)
        return too_many(r);
    return give_texts(&s, out);
}
FN(f_re_split) {
    sl_regex *re = pattern_or_fail(r, S(0));
    spans s = {.r = r, .text = S(1), .split = true, .max = a[2].v.i};
    if (!re)
        return false;
    if (s.max && all_matches(re, S(1), -1, on_match, &s) < 0)
        return too_many(r);
    if (s.max && (s.from != s.text.n || !s.text.n))
        add_text(&s, s.at, s.text.n);
    return give_texts(&s, out);
}
FN(f_re_replace) {
    sl_regex *re = pattern_or_fail(r, S(0));
    sl_buf b = {0};
    if (!re)
        return false;
    if (!sl_regex_replace(re, S(1), S(2), &b)) {
        sl_buf_free(&b);
        return too_many(r);
    }
    return give(r, &b, out);
}
FN(f_re_replace_literal) {
    tval args[3] = {a[0], a[1], a[2]};
    sl_buf b = {0};
    for (size_t i = 0; i < S(2).n; i++) { /* $ has no meaning */
        if (S(2).p[i] == '$')
            sl_buf_putc(&b, '$');
        sl_buf_putc(&b, S(2).p[i]);
    }
    args[2] = tv_str(tpl_keep(r, &b));
    return f_re_replace(r, args, n, out);
}
FN(f_quote_meta) {
    sl_buf b = {0};
    sl_regex_quote(&b, S(0));
    return give(r, &b, out);
}

/* ---- addresses and paths ---- */
static sl_member url_part(const char *name, sl_str s) { return (sl_member){sl_str_of(name), sl_v_str(s)}; }
FN(f_url_parse) {
    sl_str s = S(0), scheme = {"", 0}, host = {"", 0}, query = {"", 0}, fragment = {"", 0}, user = {"", 0}, opaque = {"", 0};
    const char *hash = s.n ? memchr(s.p, '#', s.n) : NULL;
    if (hash) {
        fragment = (sl_str){hash + 1, (size_t)(s.p + s.n - hash) - 1};
        s.n = (size_t)(hash - s.p);
    }
    size_t k = 0;
    while (k < s.n && s.p[k] != ':' && s.p[k] != '/' && s.p[k] != '?')
        k++;
    if (k && k < s.n && s.p[k] == ':') {
        scheme = (sl_str){s.p, k};
        s = (sl_str){s.p + k + 1, s.n - k - 1};
    }
    const char *mark = s.n ? memchr(s.p, '?', s.n) : NULL;
    if (mark) {
        query = (sl_str){mark + 1, (size_t)(s.p + s.n - mark) - 1};
        s.n = (size_t)(mark - s.p);
    }
    if (s.n > 1 && s.p[0] == '/' && s.p[1] == '/') {
        host = (sl_str){s.p + 2, s.n - 2};
        const char *slash = host.n ? memchr(host.p, '/', host.n) : NULL;
        s = slash ? (sl_str){slash, (size_t)(host.p + host.n - slash)} : (sl_str){"", 0};
        if (slash)
            host.n = (size_t)(slash - host.p);
        for (size_t i = host.n; i-- > 0;)
            if (host.p[i] == '@') {
                user = (sl_str){host.p, i};
                host = (sl_str){host.p + i + 1, host.n - i - 1};
                break;
            }
    } else if (scheme.n && s.n && s.p[0] != '/') {
        opaque = s;
        s = (sl_str){"", 0};
    }
    sl_str hostname = host;
    for (size_t i = host.n; i-- > 0 && host.p[i] != ']';)
        if (host.p[i] == ':')
            hostname.n = i;
    sl_member *m = sl_arena_alloc(r->a, 8 * sizeof *m);
    if (!m)
        return tpl_call_fail(r, "out of memory");
    uint32_t c = 0;
    m[c++] = url_part("scheme", scheme);
    m[c++] = url_part("host", host);
    m[c++] = url_part("hostname", hostname);
    m[c++] = url_part("path", s);
    m[c++] = url_part("query", query);
    m[c++] = url_part("opaque", opaque);
    m[c++] = url_part("fragment", fragment);
    m[c++] = url_part("userinfo", user);
    *out = tv_of(sl_v_map(m, c));
    return true;
}
FN(f_url_join) {
    sl_value m = tpl_open(r, a[0].v);
    sl_str scheme = {0}, host = {0}, path = {0}, query = {0}, opaque = {0}, fragment = {0}, user = {0};
    struct {
        const char *name;
        sl_str *to;
    } parts[] = {{"scheme", &scheme}, {"host", &host}, {"path", &path}, {"query", &query}, {"opaque", &opaque}, {"fragment", &fragment}, {"userinfo", &user}};
    for (uint32_t i = 0; i < m.len; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (sl_str_is(m.map[i].key, parts[k].name) && m.map[i].val.kind == SL_STRING)
                *parts[k].to = sl_v_text(m.map[i].val);
    sl_buf b = {0};
    if (scheme.n)
        sl_buf_printf(&b, "%.*s:", SL_FMT(scheme));
    if (opaque.n)
        sl_buf_str(&b, opaque);
    else {
        if (scheme.n || host.n || user.n)
            sl_buf_puts(&b, host.n || user.n || path.n ? "//" : "");
        if (user.n)
            sl_buf_printf(&b, "%.*s@", SL_FMT(user));
        sl_buf_str(&b, host);
        if (path.n && path.p[0] != '/' && host.n)
            sl_buf_putc(&b, '/');
        sl_buf_str(&b, path);
    }
    if (query.n)
        sl_buf_printf(&b, "?%.*s", SL_FMT(query));
    if (fragment.n)
        sl_buf_printf(&b, "#%.*s", SL_FMT(fragment));
    return give(r, &b, out);
}
static sl_str cleaned(trun *r, sl_str s) { /* path.Clean */
    bool root = s.n && s.p[0] == '/';
    char *to = sl_arena_alloc(r->a, s.n + 2);
    size_t n = 0, low = 0; /* what .. may not take away */
    if (!to)
        return s;
    if (root)
        to[n++] = '/', low = 1;
    for (size_t i = 0; i < s.n;) {
        size_t e = i;
        while (e < s.n && s.p[e] != '/')
            e++;
        sl_str part = {s.p + i, e - i};
        i = e + 1;
        if (!part.n || sl_str_is(part, "."))
            continue;
        if (sl_str_is(part, "..")) {
            if (n > low) {
                while (n > low && to[n - 1] != '/')
                    n--;
                if (n > low && n > 1)
                    n--;
            } else if (!root) {
                if (n)
                    to[n++] = '/';
                memcpy(to + n, "..", 2);
                n += 2;
                low = n;
            }
            continue;
        }
        if (n > (root ? 1 : 0))
            to[n++] = '/';
        memcpy(to + n, part.p, part.n);
        n += part.n;
    }
    if (!n)
        to[n++] = '.';
    return (sl_str){to, n};
}
FN(f_base) {
    sl_str s = S(0);
    if (!s.n) {
        *out = tv_str(SL_S("."));
        return true;
    }
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    size_t k = s.n;
    while (k && s.p[k - 1] != '/')
        k--;
    *out = tv_str(s.n ? (sl_str){s.p + k, s.n - k} : SL_S("/"));
    return true;
}
FN(f_dir) {
    sl_str s = S(0);
    while (s.n && s.p[s.n - 1] != '/')
        s.n--;
    *out = tv_str(cleaned(r, s));
    return true;
}
FN(f_clean) {
    *out = tv_str(cleaned(r, S(0)));
    return true;
}
FN(f_ext) {
    sl_str s = S(0);
    for (size_t i = s.n; i-- > 0 && s.p[i] != '/';)
        if (s.p[i] == '.') {
            *out = tv_str((sl_str){s.p + i, s.n - i});
            return true;
        }
    *out = tv_str(SL_S(""));
    return true;
}
FN(f_is_abs) {
    *out = tv_bool(S(0).n && S(0).p[0] == '/');
    return true;
}

/* ---- the surroundings ---- */
FN(f_env) {
    const char *v = getenv(sl_arena_dup(r->a, S(0)).p);
    *out = tv_str(sl_arena_dup(r->a, sl_str_of(v ? v : "")));
    return true;
}
FN(f_expandenv) {
    sl_str s = S(0);
    sl_buf b = {0};
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] != '$') {
            sl_buf_putc(&b, s.p[i++]);
            continue;
        }
        size_t from = ++i, to;
        bool brace = i < s.n && s.p[i] == '{';
        if (brace) {
            from = ++i;
            while (i < s.n && s.p[i] != '}')
                i++;
            to = i;
            i += i < s.n;
        } else {
            while (i < s.n && (s.p[i] == '_' || ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') || (i > from && s.p[i] >= '0' && s.p[i] <= '9')))
                i++;
            to = i;
        }
        if (to == from && !brace) {
            sl_buf_putc(&b, '$');
            continue;
        }
        const char *v = getenv(sl_arena_dup(r->a, (sl_str){s.p + from, to - from}).p);
        sl_buf_puts(&b, v ? v : "");
    }
    return give(r, &b, out);
}
FN(f_prop) { /* what is not a property stands for itself */
    sl_str v;
    *out = tv_str(sl_engine_prop(r->a, S(0), r->env->now_ms, &v) ? v : S(0));
    return true;
}
const tfunc tpl_code_funcs[] = {{"json", "a", f_json},
                                {"toJson", "a", f_json},
                                {"mustToJson", "a", f_must_json},
                                {"toPrettyJson", "a", f_pretty},
                                {"mustToPrettyJson", "a", f_must_pretty},
                                {"toRawJson", "a", f_raw_json},
                                {"mustToRawJson", "a", f_must_raw_json},
                                {"fromJson", "s", f_from_json},
                                {"mustFromJson", "s", f_must_from_json},
                                {"base64", "a", f_base64},
                                {"b64enc", "s", f_b64enc},
                                {"b64dec", "s", f_b64dec},
                                {"b32enc", "s", f_b32enc},
                                {"b32dec", "s", f_b32dec},
                                {"sha1sum", "s", f_sha1},
                                {"sha256sum", "s", f_sha256},
                                {"sha512sum", "s", f_sha512},
                                {"adler32sum", "s", f_adler32},
                                {"regexMatch", "ss", f_match},
                                {"mustRegexMatch", "ss", f_must_match},
                                {"regexFind", "ss", f_find},
                                {"mustRegexFind", "ss", f_find},
                                {"regexFindAll", "ssi", f_find_all},
                                {"mustRegexFindAll", "ssi", f_find_all},
                                {"regexSplit", "ssi", f_re_split},
                                {"mustRegexSplit", "ssi", f_re_split},
                                {"regexReplaceAll", "sss", f_re_replace},
                                {"mustRegexReplaceAll", "sss", f_re_replace},
                                {"regexReplaceAllLiteral", "sss", f_re_replace_literal},
                                {"mustRegexReplaceAllLiteral", "sss", f_re_replace_literal},
                                {"regexQuoteMeta", "s", f_quote_meta},
                                {"urlParse", "s", f_url_parse},
                                {"urlJoin", "m", f_url_join},
                                {"base", "s", f_base},
                                {"dir", "s", f_dir},
                                {"clean", "s", f_clean},
                                {"ext", "s", f_ext},
                                {"isAbs", "s", f_is_abs},
                                {"osBase", "s", f_base},
                                {"osDir", "s", f_dir},
                                {"osClean", "s", f_clean},
                                {"osExt", "s", f_ext},
                                {"osIsAbs", "s", f_is_abs},
                                {"env", "s", f_env},
                                {"expandenv", "s", f_expandenv},
                                {"prop", "s", f_prop},
                                {0}};
