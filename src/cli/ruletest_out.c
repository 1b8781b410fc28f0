/* What a run leaves behind: JUnit, JSON, and rows written back into the file. Decision: --update changes lines of text and nothing else, so that
 * comments, order and style of the rest of the file stay; what it wrote is read again before the file is touched. */
#include <stdlib.h>
#include "base/num.h"
#include "cli/ruletest.h"
#include "os/file.h"

/* ---- JUnit ---- */
static void xml(sl_buf *out, sl_str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == '<')
            sl_buf_puts(out, "&lt;");
        else if (ch == '>')
            sl_buf_puts(out, "&gt;");
        else if (ch == '&')
            sl_buf_puts(out, "&amp;");
        else if (ch == '"')
            sl_buf_puts(out, "&quot;");
        else if (ch >= 32 || ch == '\n' || ch == '\t')
            sl_buf_putc(out, (char)ch);
        else
            sl_buf_putc(out, '?');
    }
}
static const char *const words[] = {[RT_PASSED] = "passed", [RT_FAILED] = "failed", [RT_UPDATED] = "updated", [RT_UNRUN] = "not run", [RT_SKIPPED] = "skipped"};
static size_t count(const rt_file *f, rt_verdict v) {
    size_t n = 0;
    for (size_t i = 0; i < f->cases.n; i++)
        n += f->cases.at[i].verdict == v;
    return n;
}
void rt_junit(sl_buf *out, const rt_file *files, size_t n) {
    sl_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < n; i++) {
        const rt_file *f = &files[i];
        double took = 0;
        for (size_t k = 0; k < f->cases.n; k++)
            took += f->cases.at[k].seconds;
        sl_buf_puts(out, "  <testsuite name=\"");
        xml(out, sl_str_of(f->path));
        sl_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n", f->cases.n + (f->bad.n > 0), count(f, RT_FAILED),
                      count(f, RT_UNRUN) + (f->bad.n > 0), count(f, RT_SKIPPED), took);
        if (f->bad.n) {
            sl_buf_puts(out, "    <testcase name=\"the file\" classname=\"");
            xml(out, sl_str_of(f->path));
            sl_buf_puts(out, "\"><error message=\"");
            xml(out, sl_buf_view(&f->bad));
            sl_buf_puts(out, "\"/></testcase>\n");
        }
        for (size_t k = 0; k < f->cases.n; k++) {
            const rt_case *c = &f->cases.at[k];
            sl_buf_puts(out, "    <testcase name=\"");
            xml(out, c->name);
            sl_buf_puts(out, "\" classname=\"");
            xml(out, sl_str_of(f->path));
            sl_buf_printf(out, "\" file=\"");
            xml(out, sl_str_of(f->path));
            sl_buf_printf(out, "\" line=\"%zu\" time=\"%.3f\"", c->line, c->seconds);
            if (c->verdict == RT_PASSED || c->verdict == RT_UPDATED) {
                sl_buf_puts(out, "/>\n");
                continue;
            }
            if (c->verdict == RT_SKIPPED) {
                sl_buf_puts(out, "><skipped/></testcase>\n");
                continue;
            }
            const char *tag = c->verdict == RT_FAILED ? "failure" : "error";
            sl_buf text = {0};
            rt_show(&text, c, false);
            sl_str all = sl_buf_view(&text);
            const char *nl = all.n ? memchr(all.p, '\n', all.n) : NULL;
            sl_buf_printf(out, ">\n      <%s message=\"", tag);
            xml(out, sl_str_n(all.p, nl ? (size_t)(nl - all.p) : all.n));
            sl_buf_puts(out, "\">");
            xml(out, c->sql);
            sl_buf_putc(out, '\n');
            xml(out, all);
            sl_buf_printf(out, "</%s>\n    </testcase>\n", tag);
            sl_buf_free(&text);
        }
        sl_buf_puts(out, "  </testsuite>\n");
    }
    sl_buf_puts(out, "</testsuites>\n");
}

/* ---- JSON ---- */
static void put_rows(sl_buf *out, const rt_rows *rows) {
    sl_buf_putc(out, '[');
    for (size_t i = 0; i < rows->n; i++) {
        const rt_row *r = &rows->at[i];
        sl_buf_puts(out, i ? ",{" : "{");
        if (r->at_ms >= 0)
            sl_buf_printf(out, "\"at\":%lld,", (long long)r->at_ms);
        if (r->is_error) {
            sl_buf_puts(out, "\"error\":");
            sl_json_put_str(out, r->error);
        } else {
            sl_buf_puts(out, "\"row\":");
            sl_json_write(out, r->row, false, 0);
        }
        sl_buf_putc(out, '}');
    }
    sl_buf_putc(out, ']');
}
void rt_json(sl_buf *out, const rt_file *files, size_t n, double seconds) {
    size_t of[RT_SKIPPED + 1] = {0}, bad = 0;
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        bad += files[i].bad.n > 0;
        for (size_t k = 0; k < files[i].cases.n; k++)
            of[files[i].cases.at[k].verdict]++;
    }
    sl_buf_printf(out, "{\"passed\":%zu,\"failed\":%zu,\"updated\":%zu,\"notRun\":%zu,\"skipped\":%zu,\"badFiles\":%zu,\"seconds\":%.3f,\"cases\":[", of[RT_PASSED], of[RT_FAILED],
                  of[RT_UPDATED], of[RT_UNRUN], of[RT_SKIPPED], bad, seconds);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < files[i].cases.n; k++) {
            const rt_case *c = &files[i].cases.at[k];
            sl_buf_printf(out, "%s\n{\"file\":", first ? "" : ",");
            first = false;
            sl_json_put_str(out, sl_str_of(files[i].path));
            sl_buf_printf(out, ",\"line\":%zu,\"name\":", c->line);
            sl_json_put_str(out, c->name);
            sl_buf_printf(out, ",\"result\":\"%s\",\"seconds\":%.3f", words[c->verdict], c->seconds);
            if (c->verdict == RT_FAILED || c->verdict == RT_UNRUN) {
                sl_buf text = {0};
                rt_show(&text, c, false);
                sl_buf_puts(out, ",\"sql\":");
                sl_json_put_str(out, c->sql);
                sl_buf_puts(out, ",\"text\":");
                sl_json_put_str(out, sl_buf_view(&text));
                sl_buf_puts(out, ",\"expected\":");
                put_rows(out, &c->expect);
                sl_buf_puts(out, ",\"got\":");
                put_rows(out, &c->got);
                sl_buf_free(&text);
            }
            sl_buf_putc(out, '}');
        }
    sl_buf_puts(out, "],\"errors\":[");
    first = true;
    for (size_t i = 0; i < n; i++)
        if (files[i].bad.n) {
            sl_buf_puts(out, first ? "" : ",");
            first = false;
            sl_json_put_str(out, sl_buf_view(&files[i].bad));
        }
    sl_buf_puts(out, "]}\n");
}

/* ---- --update: rows as a person would write them ---- */
static bool word(sl_str s, bool key) { /* means itself without quotes, to every reader of YAML */
    static const char *const not [] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    double d;
    if (!s.n || !((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') || (key && s.p[0] == '_')))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || strchr("_-./", s.p[i])))
            return false;
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (sl_str_ieq(s, sl_str_of(not [i])))
            return false;
    return !sl_num_parse_f64(s, &d);
}
static void put_text(sl_buf *out, sl_str s, bool key) {
    if (word(s, key))
        sl_buf_str(out, s);
    else
        sl_json_put_str(out, s); /* a JSON text is a quoted YAML text */
}
static void put_yaml(sl_buf *out, const sl_json *v) {
    if (v->kind == SL_J_STR)
        put_text(out, v->s, false);
    else if (v->kind != SL_J_ARR && v->kind != SL_J_OBJ)
        sl_json_write(out, v, false, 0);
    else {
        bool map = v->kind == SL_J_OBJ;
        sl_buf_putc(out, map ? '{' : '[');
        for (const sl_json *x = v->child; x; x = x->next) {
            sl_buf_puts(out, x == v->child ? "" : ", ");
            if (map) {
                put_text(out, x->key, true);
                sl_buf_puts(out, ": ");
            }
            put_yaml(out, x);
        }
        sl_buf_putc(out, map ? '}' : ']');
    }
}
/* Of a row of which only some members are compared: those that some expected row has. */
static const sl_json *wanted(const rt_case *c, const sl_json *row) {
    if (!c->partial || !c->expect.n || row->kind != SL_J_OBJ)
        return row;
    sl_json *some = sl_json_obj(c->file->a);
    for (const sl_json *x = row->child; x; x = x->next)
        for (size_t i = 0; i < c->expect.n; i++) {
            const char *key = sl_arena_dup(c->file->a, x->key).p;
            if (c->expect.at[i].row && sl_json_get(c->expect.at[i].row, key)) {
                sl_json_set(c->file->a, some, key, sl_json_clone(c->file->a, x));
                break;
            }
        }
    return some;
}
static bool special(const sl_json *row) { /* would be read as a form with a time */
    if (row->kind != SL_J_OBJ)
        return false;
    for (const sl_json *x = row->child; x; x = x->next)
        if (!sl_str_is(x->key, "at") && !sl_str_is(x->key, "row") && !sl_str_is(x->key, "rows") && !sl_str_is(x->key, "error"))
            return false;
    return row->child != NULL;
}
static void put_expect(sl_buf *out, const rt_case *c, size_t indent) {
    sl_buf_puts(out, c->got.n ? "expect:" : "expect: []");
    for (size_t i = 0; i < c->got.n; i++) {
        const rt_row *r = &c->got.at[i];
        const sl_json *row = r->is_error ? NULL : wanted(c, r->row);
        bool form = r->is_error || c->said_at || special(row);
        sl_buf_printf(out, "\n%*s- ", (int)indent + 2, "");
        if (form)
            sl_buf_putc(out, '{');
        if (c->said_at) {
            sl_buf_puts(out, "at: ");
            rt_put_time(out, r->at_ms);
            sl_buf_puts(out, ", ");
        }
        if (r->is_error) {
            sl_buf_puts(out, "error: ");
            put_text(out, r->error, false);
        } else {
            if (form)
                sl_buf_puts(out, "row: ");
            put_yaml(out, row);
        }
        if (form)
            sl_buf_putc(out, '}');
    }
}

/* ---- --update: where they go ---- */
typedef struct edit {
    const char *from, *to;
    sl_buf text;
} edit;
static const char *line_start(const rt_file *f, const char *p) {
    while (p > f->text.p && p[-1] != '\n')
        p--;
    return p;
}
static const char *line_end(const rt_file *f, const char *p) { /* before CR LF */
    const char *end = f->text.p + f->text.n, *from = p;
    while (p < end && *p != '\n')
        p++;
    return p > from && p[-1] == '\r' ? p - 1 : p;
}
/* The end of the last line of the node that says something: what a block ends with may be comments about the next thing. */
static const char *last_word(const rt_file *f, const sl_json *j) {
    const char *p = j->raw.p + j->raw.n;
    if (j->raw.n && (*j->raw.p == '[' || *j->raw.p == '{'))
        return p;
    while (p > j->raw.p) {
        const char *ls = line_start(f, p), *x = ls < j->raw.p ? j->raw.p : ls;
        while (x < p && (*x == ' ' || *x == '\t' || *x == '\r'))
            x++;
        if (x < p && *x != '#')
            return line_end(f, x);
        p = ls > j->raw.p ? ls - 1 : j->raw.p;
    }
    return p;
}
static bool blank_behind(const rt_file *f, const char *p) {
    const char *end = line_end(f, p);
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p == end || *p == '#';
}
static sl_err *plan(const rt_case *c, edit *e) {
    const rt_file *f = c->file;
    const sl_json *old = sl_json_get(c->map, "expect");
    size_t line = rt_line(sl_buf_view(&f->text), old && old->raw.p ? old : c->map);
    sl_err *no = sl_err_new(SL_E_CONF, "%s:%zu: the expected rows cannot be written in place; put expect on a line of its own", f->path, line);
    const char *key = old ? old->key.p : c->map->raw.p, *ls;
    if (key < f->text.p || key >= f->text.p + f->text.n || *c->map->raw.p == '{')
        return no;
    ls = line_start(f, key);
    for (const char *p = ls; p < key; p++)
        if (*p != ' ' && *p != '-')
            return no;
    if (old) {
        const char *end = old->kind == SL_J_NULL ? key + 7 : last_word(f, old);
        if (!blank_behind(f, end))
            return no;
        *e = (edit){.from = key, .to = line_end(f, end)};
    } else {
        e->from = e->to = last_word(f, c->map);
        sl_buf_printf(&e->text, "\n%*s", (int)(key - ls), "");
    }
    put_expect(&e->text, c, (size_t)(key - ls));
    sl_err_free(no);
    return NULL;
}
sl_err *rt_update(rt_file *f) {
    SL_VEC(edit) edits = {0};
    sl_buf out = {0};
    sl_err *e = NULL;
    for (size_t i = 0; i < f->cases.n && !e; i++) {
        edit one = {0};
        if (f->cases.at[i].verdict != RT_UPDATED)
            continue;
        e = plan(&f->cases.at[i], &one);
        if (!e && !SL_PUSH(edits, one))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    const char *at = f->text.p, *end = f->text.p + f->text.n;
    for (size_t i = 0; i < edits.n && !e; i++) { /* cases stand in the order of the text */
        sl_buf_put(&out, at, (size_t)(edits.at[i].from - at));
        sl_buf_str(&out, sl_buf_view(&edits.at[i].text));
        at = edits.at[i].to;
    }
    if (!e && edits.n) {
        sl_buf_put(&out, at, (size_t)(end - at));
        sl_arena *a = sl_arena_new(0);
        sl_json *again = NULL;
        e = !a || out.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : rt_yaml(a, sl_buf_view(&out), f->path, &again);
        if (!e)
            e = sl_file_write_durable(f->path, sl_buf_view(&out));
        sl_arena_free(a);
    }
    for (size_t i = 0; i < edits.n; i++)
        sl_buf_free(&edits.at[i].text);
    SL_VEC_FREE(edits);
    sl_buf_free(&out);
    return e;
}
