/* JSON and texts as people like to read them. */
#include <stdlib.h>
#include "cli/cli.h"

/* Shows text by `show`, or as it is when it is no JSON. */
static void as_json(FILE *f, sl_str text, void (*show)(FILE *f, sl_arena *a, const sl_json *j)) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, text, &j, NULL) : NULL;
    if (!j || e)
        fprintf(f, "%.*s\n", SL_FMT(text));
    else
        show(f, a, j);
    sl_err_free(e);
    sl_arena_free(a);
}
static void indented(FILE *f, sl_arena *a, const sl_json *j) {
    sl_buf b = {0};
    sl_json_write(&b, j, false, 2);
    fprintf(f, "%s\n", sl_buf_cstr(&b));
    sl_buf_free(&b);
}
void cli_indent(FILE *f, sl_str text) { as_json(f, text, indented); }
static size_t width(sl_str s) { /* columns on a terminal, near enough: one per code point */
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.p[i] & 0xc0) != 0x80;
    return n;
}
static sl_str cell(sl_arena *a, const sl_json *v) {
    if (!v || v->kind == SL_J_NULL)
        return SL_S("-");
    if (v->kind == SL_J_STR)
        return v->s.n ? v->s : SL_S("-");
    sl_buf b = {0};
    if (v->kind == SL_J_ARR && v->n && v->child->kind == SL_J_STR)
        for (const sl_json *x = v->child; x; x = x->next) {
            if (x != v->child)
                sl_buf_puts(&b, ", ");
            sl_buf_str(&b, cell(a, x));
        }
    else
        sl_json_write(&b, v, false, 0);
    sl_str s = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static void upper(FILE *f, sl_str s) { /* "lastStart" -> "LAST START" */
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (i && ch >= 'A' && ch <= 'Z' && s.p[i - 1] >= 'a' && s.p[i - 1] <= 'z')
            fputc('_', f);
        fputc(ch >= 'a' && ch <= 'z' ? ch - 32 : ch, f);
    }
}
static size_t upper_width(sl_str s) {
    size_t n = s.n;
    for (size_t i = 1; i < s.n; i++)
        n += s.p[i] >= 'A' && s.p[i] <= 'Z' && s.p[i - 1] >= 'a' && s.p[i - 1] <= 'z';
    return n;
}
static void grid(FILE *f, sl_arena *a, const sl_json *rows) { /* columns: members of all rows in order of appearance */
    enum { MOST = 24 };
    sl_str cols[MOST];
    size_t w[MOST], n = 0;
    for (const sl_json *r = rows->child; r; r = r->next)
        for (const sl_json *m = r->kind == SL_J_OBJ ? r->child : NULL; m; m = m->next) {
            size_t k = 0;
            while (k < n && !sl_str_eq(cols[k], m->key))
                k++;
            if (k == n && n < MOST) {
                cols[n] = m->key;
                w[n++] = upper_width(m->key);
            }
            size_t len = k < n ? width(cell(a, m)) : 0;
            if (k < n && len > w[k])
                w[k] = len;
        }
    for (size_t k = 0; k < n; k++) {
        upper(f, cols[k]);
        fprintf(f, "%*s", k + 1 < n ? (int)(w[k] - upper_width(cols[k]) + 2) : 0, "");
    }
    fputc('\n', f);
    for (const sl_json *r = rows->child; r; r = r->next) {
        for (size_t k = 0; k < n; k++) {
            sl_str s = cell(a, sl_json_get(r, sl_arena_dup(a, cols[k]).p));
            fprintf(f, "%.*s%*s", SL_FMT(s), k + 1 < n ? (int)(w[k] - width(s) + 2) : 0, "");
        }
        fputc('\n', f);
    }
}
static void table(FILE *f, sl_arena *a, const sl_json *j) {
    if (j->kind == SL_J_ARR && j->n && j->child->kind == SL_J_OBJ)
        grid(f, a, j);
    else if (j->kind == SL_J_ARR && !j->n)
        fputs("(none)\n", f);
    else if (j->kind == SL_J_ARR)
        for (const sl_json *x = j->child; x; x = x->next) {
            sl_str s = cell(a, x);
            fprintf(f, "%.*s\n", SL_FMT(s));
        }
    else
        indented(f, a, j);
}
void cli_table(FILE *f, sl_str text) { as_json(f, text, table); }
void cli_status_table(FILE *f, sl_str text) {
    static const struct {
        const char *suffix, *column;
    } cols[] = {{"_records_in_total", "in"},
                {"_records_out_total", "out"},
                {"_exceptions_total", "errors"},
                {"_process_latency_us", "us"},
                {"_buffer_length", "waiting"},
                {"_connection_status", "link"},
                {"_last_exception", "lastError"},
                {"_messages_processed_total", NULL},
                {"_last_invocation", NULL},
                {"_last_exception_time", NULL},
                {"_connection_last_connected_time", NULL},
                {"_connection_last_disconnected_time", NULL},
                {"_connection_last_disconnected_message", NULL},
                {"_connection_last_try_time", NULL}};
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, text, &j, NULL) : NULL;
    if (!j || e || j->kind != SL_J_OBJ) {
        fprintf(f, "%.*s\n", SL_FMT(text));
        sl_err_free(e);
        sl_arena_free(a);
        return;
    }
    sl_json *rows = sl_json_arr(a), *row = NULL;
    sl_str node = {0};
    for (sl_json *m = j->child; m; m = m->next) {
        size_t k = 0, nc = sizeof cols / sizeof *cols;
        while (k < nc && !sl_str_ends(m->key, sl_str_of(cols[k].suffix)))
            k++;
        if (k == nc || !(sl_str_starts(m->key, SL_S("source_")) || sl_str_starts(m->key, SL_S("op_")) || sl_str_starts(m->key, SL_S("sink_")))) {
            sl_str s = cell(a, m);
            fprintf(f, "%-20.*s  %.*s\n", SL_FMT(m->key), SL_FMT(s));
            continue;
        }
        sl_str name = sl_str_n(m->key.p, m->key.n - strlen(cols[k].suffix));
        if (sl_str_ends(name, SL_S("_0")))
            name.n -= 2; /* the instance, always 0 */
        if (!sl_str_eq(name, node)) {
            node = name;
            row = sl_json_obj(a);
            sl_json_set(a, row, "node", sl_json_str(a, name));
            sl_json_add(rows, row);
        }
        if (cols[k].column)
            sl_json_set(a, row, cols[k].column, sl_json_clone(a, m));
    }
    if (rows->n) {
        fputc('\n', f);
        grid(f, a, rows);
    }
    sl_arena_free(a);
}
void cli_unescape_html(sl_buf *b) {
    static const struct {
        const char *from;
        char to;
    } pairs[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&#39;", '\''}, {"&#34;", '"'}};
    size_t w = 0;
    for (size_t i = 0; i < b->n;) {
        size_t k = 0, step = 1;
        char ch = b->p[i];
        for (; ch == '&' && k < sizeof pairs / sizeof *pairs; k++)
            if (sl_str_starts(sl_str_n(b->p + i, b->n - i), sl_str_of(pairs[k].from))) {
                ch = pairs[k].to;
                step = strlen(pairs[k].from);
                break;
            }
        b->p[w++] = ch;
        i += step;
    }
    b->n = w;
}
void cli_describe_json(FILE *f, sl_str text) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return;
    sl_json *j = sl_json_obj(a), *fields = sl_json_arr(a), *opts = sl_json_obj(a);
    sl_json_set(a, j, "Fields", fields);
    sl_json_set(a, j, "Options", opts);
    while (text.n) {
        const char *nl = memchr(text.p, '\n', text.n);
        sl_str line = sl_str_n(text.p, nl ? (size_t)(nl - text.p) : text.n);
        text = nl ? sl_str_n(nl + 1, text.n - line.n - 1) : (sl_str){0};
        const char *tab = line.n ? memchr(line.p, '\t', line.n) : NULL;
        ptrdiff_t colon = sl_str_find(line, SL_S(": "));
        if (tab) {
            sl_json *one = sl_json_obj(a);
            sl_json_set(a, one, "Name", sl_json_str(a, sl_str_n(line.p, (size_t)(tab - line.p))));
            sl_json_set(a, one, "Type", sl_json_str(a, sl_str_n(tab + 1, line.n - (size_t)(tab + 1 - line.p))));
            sl_json_add(fields, one);
        } else if (colon > 0) {
            sl_buf v = {0}; /* eKuiper's own client drops the blanks of values */
            for (size_t i = (size_t)colon + 2; i < line.n; i++)
                if (line.p[i] != ' ')
                    sl_buf_putc(&v, line.p[i]);
            sl_json_set(a, opts, sl_arena_dup(a, sl_str_n(line.p, (size_t)colon + 1)).p, sl_json_str(a, sl_buf_view(&v)));
            sl_buf_free(&v);
        }
    }
    sl_buf two = {0};
    sl_json_write(&two, opts, true, 0);
    sl_json *sorted = NULL;
    sl_err *e = sl_json_parse(a, sl_arena_dup(a, sl_buf_view(&two)), &sorted, NULL);
    if (!e)
        sl_json_set(a, j, "Options", sorted);
    sl_err_free(e);
    sl_buf_clear(&two);
    sl_json_write(&two, j, false, 1);
    /* one blank a level becomes one tab a level */
    bool start = true;
    for (size_t i = 0; i < two.n; i++) {
        bool blank = start && two.p[i] == ' ';
        fputc(blank ? '\t' : two.p[i], f);
        start = blank || two.p[i] == '\n';
    }
    fputc('\n', f);
    sl_buf_free(&two);
    sl_arena_free(a);
}
static void function(FILE *f, sl_arena *a, const sl_json *j) {
    sl_str kind = sl_json_text(sl_json_iget(j, "kind"), SL_S("")), eg = sl_json_text(sl_json_iget(j, "example"), SL_S("")),
           gives = sl_json_text(sl_json_iget(j, "gives"), SL_S(""));
    sl_str sig = sl_json_text(sl_json_iget(j, "signature"), SL_S("")), doc = sl_json_text(sl_json_iget(j, "description"), SL_S(""));
    fprintf(f, "%.*s\n%.*s function\n\n%.*s\n", SL_FMT(sig), SL_FMT(kind), SL_FMT(doc));
    if (eg.n)
        fprintf(f, "\nexample  %.*s\n", SL_FMT(eg));
    if (gives.n)
        fprintf(f, "gives    %.*s\n", SL_FMT(gives));
}
void cli_function(FILE *f, sl_str text) { as_json(f, text, function); }
