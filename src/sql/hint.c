/* Help beside a parse error, for people: the error's own text is upstream's and stays; this says where, and what to write instead. */
#include "base/utf8.h"
#include "sql/func.h"
#include "sql/lex.h"
#include "sql/parse.h"

enum { LONGEST = 40, SHOWN = 120 };

/* Edits (insert, delete, replace, swap of neighbours) from a to b in any case; LONGEST when either is too long. */
static unsigned distance(sl_str a, sl_str b) {
    unsigned row[3][LONGEST + 1];
    if (a.n > LONGEST || b.n > LONGEST)
        return LONGEST;
    for (unsigned j = 0; j <= b.n; j++)
        row[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *cur = row[i % 3], *prev = row[(i - 1) % 3], *prev2 = row[(i + 1) % 3];
        cur[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            bool same = (a.p[i - 1] | 32) == (b.p[j - 1] | 32);
            unsigned d = prev[j - 1] + !same;
            d = d < prev[j] + 1 ? d : prev[j] + 1;
            d = d < cur[j - 1] + 1 ? d : cur[j - 1] + 1;
            if (i > 1 && j > 1 && (a.p[i - 1] | 32) == (b.p[j - 2] | 32) && (a.p[i - 2] | 32) == (b.p[j - 1] | 32) && prev2[j - 2] + 1 < d)
                d = prev2[j - 2] + 1;
            cur[j] = d;
        }
    }
    return row[a.n % 3][b.n];
}
struct near {
    sl_str want;
    const char *best;
    unsigned d;
};
static void offer(struct near *x, const char *name) {
    unsigned d = distance(x->want, sl_str_of(name));
    if (d < x->d && d <= (x->want.n < 4 ? 1 : x->want.n < 8 ? 2 : 3)) {
        x->d = d;
        x->best = name;
    }
}
static void offer_all(struct near *x, const char *const *names) {
    for (; *names; names++)
        offer(x, *names);
}

static const char *const kinds_of[] = {"STREAM", "TABLE", "STREAMS", "TABLES", NULL};
static const char *const types[] = {"BIGINT", "FLOAT", "STRING", "DATETIME", "BOOLEAN", "BYTEA", "ARRAY", "STRUCT", NULL};
static const char *const option_names[] = {"DATASOURCE", "FORMAT", "KEY",     "CONF_KEY", "SHARED", "STRICT_VALIDATION", "TYPE", "TIMESTAMP", "TIMESTAMP_FORMAT", "RETAIN_SIZE",
                                           "SCHEMAID",   "EXTRA",  "VERSION", "TEMP",     "KIND",   "DELIMITER",         NULL};
static const char *const behind[] = {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", NULL};
static const char *const windows[] = {"tumblingwindow", "hoppingwindow", "slidingwindow", "sessionwindow", "countwindow", "statewindow", NULL};

/* Words people bring from other dialects; NULL error: any. */
static const struct {
    const char *error, *token, *advice;
} habits[] = {
    {"expected FROM", "DISTINCT", "there is no DISTINCT; GROUP BY a window and the columns, or use deduplicate()"},
    {NULL, "JOIN", "write the kind of join: INNER JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN"},
    {"JOIN key word", "LEFT", "write LEFT JOIN, without OUTER"},
    {"JOIN key word", "RIGHT", "write RIGHT JOIN, without OUTER"},
    {"JOIN key word", "FULL", "write FULL JOIN, without OUTER"},
    {"expected EOF", "IS", "there is no IS NULL; write isnull(column) = true"},
    {"expected EOF", "OFFSET", "there is no OFFSET"},
    {"expected EOF", "USING", "write ON left.column = right.column"},
    {"expected EOF", "UNION", "there is no UNION; make one rule per SELECT with the same action"},
    {"expected EOF", "=", "an alias is defined with AS in the select list"},
    {"expected expression", "NOT", "there is no NOT for conditions; write condition = false"},
    {"expected expression", "-", "only numbers take a minus sign; write 0 - column"},
    {"expected expression", ">", "unequal is written !="},
    {"expected expression", "(", "a sub-select is not possible; make it a rule of its own with a memory sink"},
    {"stream field types", "INT", "did you mean \"BIGINT\"?"},
    {"stream field types", "INTEGER", "did you mean \"BIGINT\"?"},
    {"stream field types", "DOUBLE", "did you mean \"FLOAT\"?"},
    {"stream field types", "REAL", "did you mean \"FLOAT\"?"},
    {"stream field types", "TEXT", "did you mean \"STRING\"?"},
    {"stream field types", "VARCHAR", "did you mean \"STRING\"?"},
    {"stream field types", "BLOB", "did you mean \"BYTEA\"?"},
    {"stream field types", "TIMESTAMP", "did you mean \"DATETIME\"?"},
    {"stream field types", "BOOL", "did you mean \"BOOLEAN\"?"},
    {"lparen after stream name", "-", "a name with a hyphen stands between backquotes: `a-b`"},
    {"must be a bool condition", NULL, "compare it with something: WHEN column = true"},
    {"expected as alias", NULL, "an alias is a plain name; a reserved word stands between backquotes: AS `name`"},
    {"expect stream field name", NULL, "a reserved word as a column name stands between backquotes"},
    {"expect string or boolean value", NULL, "option values stand between double quotes: TYPE=\"mqtt\""},
    {"invalid string", NULL, "a backslash in a string is written \\\\"},
};

static void offer_functions(struct near *x) {
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++)
        if (!(f->flags & SL_FN_HIDDEN))
            offer(x, f->name);
}
const char *sl_func_near(sl_str name) {
    struct near x = {.want = name, .d = LONGEST};
    offer_functions(&x);
    return x.best;
}
static void advice(sl_buf *out, const char *error, const sl_token *t) {
    struct near x = {.want = t->lit, .d = LONGEST};
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if ((!habits[i].error || strstr(error, habits[i].error)) && (!habits[i].token || sl_str_ieq(t->lit, sl_str_of(habits[i].token)))) {
            sl_buf_printf(out, "%s\n", habits[i].advice);
            return;
        }
    bool fn = strncmp(error, "function ", 9) == 0 && strstr(error, " not found");
    if (fn) {
        offer_functions(&x);
        offer_all(&x, windows);
    } else if (strstr(error, "keyword stream")) {
        offer_all(&x, kinds_of);
    } else if (strstr(error, "stream field types") || strstr(error, "stream data types")) {
        offer_all(&x, types);
    } else if (strstr(error, "unknown option keys")) {
        offer_all(&x, option_names);
    } else if (strstr(error, "expected is with")) {
        offer(&x, "WITH");
    } else if (strstr(error, "expected FROM")) {
        offer(&x, "FROM");
    } else if (strstr(error, "expected BY")) {
        offer(&x, "BY");
    } else if (strstr(error, "expected EOF")) {
        offer_all(&x, behind);
    }
    if (x.best)
        sl_buf_printf(out, "did you mean \"%s\"?\n", x.best);
    else if (strstr(error, "expected FROM") && t->kind == SL_K_IDENT)
        sl_buf_puts(out, "an alias needs AS, and fields are separated by commas\n");
    else if (strstr(error, "expected EOF") && t->kind == SL_K_IDENT)
        sl_buf_puts(out, "an alias of a stream needs AS\n");
}
void sl_parse_hint(sl_buf *out, sl_str text, uint32_t pos, const sl_err *e) {
    if (pos > text.n)
        pos = (uint32_t)text.n;
    size_t from = pos, to = pos, line = 1;
    for (size_t i = 0; i < pos; i++)
        line += text.p[i] == '\n';
    while (from && text.p[from - 1] != '\n')
        from--;
    while (to < text.n && text.p[to] != '\n')
        to++;
    size_t column = 1 + sl_utf8_count(sl_str_n(text.p + from, pos - from));
    sl_buf_printf(out, "line %zu, column %zu\n", line, column);
    bool cut = pos - from > SHOWN; /* a long line: what surrounds the place */
    if (cut)
        for (from = pos - SHOWN / 2; from < pos && ((unsigned char)text.p[from] & 0xC0) == 0x80; from++)
            ;
    bool more = to - from > 2 * SHOWN;
    if (more)
        for (to = from + 2 * SHOWN; to > pos && ((unsigned char)text.p[to] & 0xC0) == 0x80; to--)
            ;
    sl_buf_printf(out, "%s%.*s%s\n%s", cut ? "..." : "", (int)(to - from), text.p + from, more ? "..." : "", cut ? "   " : "");
    for (size_t i = from; i < pos;) { /* tabs keep their width, every other rune is one blank */
        uint32_t r;
        i += sl_utf8_get(text.p + i, text.n - i, &r);
        sl_buf_putc(out, r == '\t' ? '\t' : ' ');
    }
    sl_buf_puts(out, "^\n");
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return;
    sl_lexer x = {.a = a, .text = sl_str_n(text.p + pos, text.n - pos < SHOWN ? text.n - pos : SHOWN)};
    sl_token t = sl_lex(&x);
    advice(out, sl_err_text(e), &t);
    sl_arena_free(a);
}
