/* CSV records, line by line. Decision: the state survives between lines (no re-reading of what came), so that a file with a quote nobody
 * closes costs its length once and ends in an error. Words of errors follow Go's encoding/csv, which people find in upstream's logs. */
#include "conn/file/inside.h"
#include "base/vec.h"
#include <stdlib.h>

struct csv {
    sl_buf text;         /* fields of the record, one behind the other */
    SL_VEC(size_t) ends; /* of each finished field in text */
    char delimiter;
    bool quoted; /* inside a quoted field */
    uint64_t line, start;
};

csv *csv_new(char delimiter) {
    csv *c = calloc(1, sizeof *c);
    if (c)
        c->delimiter = delimiter;
    return c;
}
void csv_free(csv *c) {
    if (!c)
        return;
    sl_buf_free(&c->text);
    SL_VEC_FREE(c->ends);
    free(c);
}
uint32_t csv_count(const csv *c) { return (uint32_t)c->ends.n; }
sl_str csv_field(const csv *c, uint32_t i) {
    size_t from = i ? c->ends.at[i - 1] : 0;
    return sl_str_n(c->text.p ? c->text.p + from : "", c->ends.at[i] - from);
}
static got fault(csv *c, size_t column, const char *what, sl_err **why) {
    if (c->start == c->line)
        *why = sl_err_new(SL_E_CODEC, "parse error on line %llu, column %zu: %s", (unsigned long long)c->line, column + 1, what);
    else
        *why = sl_err_new(SL_E_CODEC, "record on line %llu; parse error on line %llu, column %zu: %s", (unsigned long long)c->start, (unsigned long long)c->line, column + 1, what);
    return GOT_ERROR;
}
/* i: behind the opening quote (or the start of a further line). Leaves *at behind the closing one. */
static got quoted(csv *c, sl_str l, size_t *at, sl_err **why) {
    size_t i = *at;
    for (;;) {
        const char *q = i < l.n ? memchr(l.p + i, '"', l.n - i) : NULL;
        if (!q) {
            if (i < l.n)
                sl_buf_put(&c->text, l.p + i, l.n - i);
            sl_buf_putc(&c->text, '\n');
            c->quoted = true;
            return GOT_LATER;
        }
        size_t to = (size_t)(q - l.p);
        sl_buf_put(&c->text, l.p + i, to - i);
        i = to + 1;
        if (i < l.n && l.p[i] == '"') {
            sl_buf_putc(&c->text, '"');
            i++;
            continue;
        }
        if (i < l.n && l.p[i] != c->delimiter)
            return fault(c, to, "extraneous or missing \" in quoted-field", why);
        c->quoted = false;
        *at = i;
        return GOT_ONE;
    }
}
bool csv_plain(const csv *c, sl_str l) { return !c->quoted && l.n && !memchr(l.p, '"', l.n); }
void csv_pass(csv *c) { c->start = ++c->line; }
got csv_line(csv *c, sl_str l, sl_err **why) {
    c->line++;
    size_t i = 0;
    if (!c->quoted) {
        c->text.n = c->ends.n = 0;
        c->start = c->line;
        if (!l.n)
            return GOT_LATER;
    }
    for (bool go_on = c->quoted;; go_on = false) {
        if (!go_on) {
            while (i < l.n && (l.p[i] == ' ' || l.p[i] == '\t') && l.p[i] != c->delimiter)
                i++;
            go_on = i < l.n && l.p[i] == '"';
            i += go_on;
        }
        if (go_on) {
            got g = quoted(c, l, &i, why);
            if (g != GOT_ONE)
                return g;
        } else {
            const char *d = i < l.n ? memchr(l.p + i, c->delimiter, l.n - i) : NULL;
            size_t to = d ? (size_t)(d - l.p) : l.n;
            const char *q = to > i ? memchr(l.p + i, '"', to - i) : NULL;
            if (q)
                return fault(c, (size_t)(q - l.p), "bare \" in non-quoted-field", why);
            sl_buf_put(&c->text, l.p + i, to - i);
            i = to;
        }
        if (c->text.failed || !SL_PUSH(c->ends, c->text.n)) {
            *why = sl_err_new(SL_E_NOMEM, "csv: out of memory");
            return GOT_ERROR;
        }
        if (i >= l.n)
            return GOT_ONE;
        i++; /* the delimiter */
    }
}
got csv_end(csv *c, sl_err **why) { return c->quoted ? fault(c, 0, "extraneous or missing \" in quoted-field", why) : GOT_END; }
