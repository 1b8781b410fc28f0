/* Smaller, still different. Rows go in runs, halves first; then tokens of the statement: any stretch whose brackets are balanced may go, any bracketed stretch
 * may be replaced by what is in it, as long as the text still plans and still differs. What the grammar thinks of a cut decides itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "random.h"

#define MAX_TOKENS 400
typedef struct token {
    sl_str text;
    int depth; /* of brackets around it */
} token;
static uint32_t tokens_of(sl_str s, token *at) {
    uint32_t n = 0;
    int depth = 0;
    for (size_t i = 0; i < s.n && n < MAX_TOKENS;) {
        size_t from = i;
        char c = s.p[i];
        if (c == ' ' || c == '\t' || c == '\n') {
            i++;
            continue;
        }
        if (c == '"' || c == '\'' || c == '`') {
            for (i++; i < s.n && s.p[i] != c; i++)
                i += s.p[i] == '\\' && c != '`' && i + 1 < s.n;
            i += i < s.n;
        } else if ((c | 32) >= 'a' && (c | 32) <= 'z') {
            while (i < s.n && (((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
                i++;
        } else if ((c >= '0' && c <= '9') || (c == '-' && i + 1 < s.n && s.p[i + 1] >= '0' && s.p[i + 1] <= '9')) {
            for (i++; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'); i++) {
            }
        } else {
            i++;
            if (i < s.n && (s.p[i] == '=' || (c == '-' && s.p[i] == '>')))
                i++;
        }
        depth -= c == ')' || c == ']' || !strncmp(s.p + from, "END", i - from == 3 ? 3 : 4);
        at[n++] = (token){{s.p + from, i - from}, depth};
        depth += c == '(' || c == '[' || (i - from == 4 && !strncmp(s.p + from, "CASE", 4));
    }
    return n;
}
static sl_str joined(sl_arena *a, const token *t, uint32_t n, uint32_t cut, uint32_t len, const char *instead) {
    sl_buf b = {0};
    for (uint32_t i = 0; i <= n; i++) {
        if (i == cut && instead)
            sl_buf_printf(&b, " %s", instead);
        if (i == n || (i >= cut && i < cut + len))
            continue;
        bool tight = b.n && (memchr(".,)]", t[i].text.p[0], 4) || t[i].text.p[0] == '[' || b.p[b.n - 1] == '(' || b.p[b.n - 1] == '[' || b.p[b.n - 1] == '.');
        bool call = i > 0 && t[i].text.p[0] == '(' && (t[i - 1].text.p[0] | 32) >= 'a' && (t[i - 1].text.p[0] | 32) <= 'z';
        if (t[i].text.n > 1 && t[i].text.p[0] == '-' && t[i].text.p[1] == '>')
            tight = true;
        if (b.n > 1 && b.p[b.n - 1] == '>' && b.p[b.n - 2] == '-')
            tight = true;
        sl_buf_puts(&b, b.n && !tight && !call ? " " : "");
        sl_buf_str(&b, t[i].text);
    }
    sl_str out = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return out;
}
static bool differs(const rq_case *c, uint64_t salt) {
    pid_t child = fork(); /* what crashes is a difference too */
    if (child < 0)
        return false;
    if (child == 0) {
        bool yes = false;
        fclose(stderr);
        alarm(20);
        for (uint64_t k = 0; k < 2 && !yes; k++)
            yes = rq_check(c, salt + k * 77, NULL).verdict == RQ_DIFFERENT;
        _exit(yes);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
static bool without_rows(rq_case *c, uint64_t salt) {
    bool any = false;
    rq_row *all = malloc((c->nrows + 1) * sizeof *all);
    for (uint32_t run = c->nrows / 2 + 1; run > 0; run = run == 1 ? 0 : run / 2)
        for (uint32_t i = 0; i < c->nrows;) {
            uint32_t n = c->nrows, k = run < n - i ? run : n - i;
            memcpy(all, c->rows, n * sizeof *all);
            memmove(c->rows + i, c->rows + i + k, (n - i - k) * sizeof *all);
            c->nrows = n - k;
            if (i < c->nrows && c->rows[i].more && (i == 0 || c->rows[i - 1].at != c->rows[i].at || c->rows[i - 1].def != c->rows[i].def))
                c->rows[i].more = false;
            if (differs(c, salt)) {
                any = true;
                continue;
            }
            memcpy(c->rows, all, n * sizeof *all);
            c->nrows = n;
            i += k;
        }
    free(all);
    return any;
}
static bool try_sql(rq_case *c, uint64_t salt, sl_str sql) {
    if (sql.n >= c->sql.n)
        return false;
    rq_case d = *c;
    d.sql = sql;
    if (!differs(&d, salt))
        return false;
    c->sql = sl_arena_dup(c->a, sql);
    return true;
}
static bool cut_once(rq_case *c, uint64_t salt, sl_arena *tmp) {
    static token t[MAX_TOKENS];
    uint32_t n = tokens_of(c->sql, t);
    for (uint32_t len = n; len > 0; len--)
        for (uint32_t i = 0; i + len <= n; i++) {
            int low = t[i].depth;
            bool whole = true;
            for (uint32_t k = i; k < i + len && whole; k++)
                whole = t[k].depth >= low;
            /* what opens in it closes in it */
            if (!whole || (i + len < n && t[i + len].depth > low) || t[i + len - 1].depth != low)
                continue;
            sl_arena_reset(tmp);
            if (try_sql(c, salt, joined(tmp, t, n, i, len, NULL)))
                return true;
            static const char *const simple[] = {"1", "a", "true", "\"a\""};
            for (size_t k = 0; k < 4 && len > 1 && len < 40; k++)
                if (try_sql(c, salt, joined(tmp, t, n, i, len, simple[k])))
                    return true;
            /* f(x) and (x): x alone */
            if (len > 2 && t[i + len - 1].text.p[0] == ')')
                for (uint32_t from = i + 1, k = i + 1; k < i + len; k++)
                    if (k == i + len - 1 || (t[k].text.p[0] == ',' && t[k].depth == low + 1) || (t[k].text.p[0] == '(' && t[k].depth == low)) {
                        sl_str one = joined(tmp, t + from, k - from, k - from, 0, NULL);
                        from = k + 1;
                        if (one.n && try_sql(c, salt, joined(tmp, t, n, i, len, one.p)))
                            return true;
                    }
        }
    return false;
}
static bool plainer(rq_case *c, uint64_t salt) {
    bool any = false;
    bool *flags[] = {&c->opts.send_nil,
                     &c->opts.send_meta,
                     &c->opts.ignore_case,
                     &c->opts.disable_alias_ref,
                     &c->opts.incremental,
                     &c->opts.window_v2,
                     &c->opts.sliding_twice,
                     &c->opts.send_error,
                     &c->json,
                     &c->sleepy};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (*flags[i]) {
            *flags[i] = false;
            if (differs(c, salt))
                any = true;
            else
                *flags[i] = true;
        }
    for (uint32_t i = 0; i < c->nrows; i++) { /* members, metadata, togetherness */
        rq_row *r = &c->rows[i], was = *r;
        for (uint32_t k = 0; k < r->value.len;) {
            sl_member *m = sl_arena_alloc(c->a, r->value.len * sizeof *m);
            uint32_t n = 0;
            for (uint32_t j = 0; j < r->value.len; j++)
                if (j != k)
                    m[n++] = r->value.map[j];
            was = *r;
            r->value = sl_v_map(m, n);
            if (differs(c, salt))
                any = true;
            else {
                *r = was;
                k++;
            }
        }
        was = *r;
        r->meta = sl_v_absent();
        if (was.meta.kind && !differs(c, salt))
            *r = was;
    }
    for (uint32_t i = 0; i < c->ndefs && c->ndefs > 1; i++) {
        bool has = false;
        for (uint32_t k = 0; k < c->nrows; k++)
            has |= c->rows[k].def == i;
        if (has)
            continue;
        rq_case d = *c;
        memmove(d.defs + i, d.defs + i + 1, (d.ndefs - i - 1) * sizeof *d.defs);
        d.ndefs--;
        for (uint32_t k = 0; k < c->nrows; k++)
            c->rows[k].def -= c->rows[k].def > i;
        if (differs(&d, salt))
            *c = d;
        else
            for (uint32_t k = 0; k < c->nrows; k++)
                c->rows[k].def += c->rows[k].def >= i;
    }
    return any;
}
void rq_shrink(rq_case *c, uint64_t salt, void (*say)(const rq_case *c)) {
    if (!differs(c, salt))
        return;
    sl_arena *tmp = sl_arena_new(0);
    for (bool more = true; more;) {
        more = without_rows(c, salt);
        if (say)
            say(c);
        while (cut_once(c, salt, tmp)) {
            more = true;
            if (say)
                say(c);
        }
        more |= plainer(c, salt);
    }
    sl_arena_free(tmp);
}
