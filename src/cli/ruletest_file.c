/* A file of cases, from YAML to what a run needs. Decision: what stands at the top of the file holds for every case and a case may say it
 * again; so a small file repeats nothing and a file of one case needs no list of cases. */
#include <libgen.h>
#include <stdlib.h>
#include "base/num.h"
#include "cli/ruletest.h"
#include "data/value.h"
#include "os/file.h"

static const char *const file_keys[] = {"name",  "streams", "tables",    "ruleset", "rule",      "sql",   "options", "action", "timezone", "start",
                                        "until", "error",   "unordered", "partial", "tolerance", "input", "rows",    "expect", "cases",    NULL};

/* ---- complaints ---- */
static sl_err *wrong(const rt_file *f, const sl_json *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static sl_err *wrong(const rt_file *f, const sl_json *at, const char *fmt, ...) {
    sl_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    sl_err *e = sl_err_new(SL_E_CONF, "%s:%zu: %s", f->path, rt_line(sl_buf_view(&f->text), at), sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
static const char *kind_of(const sl_json *j) {
    static const char *const words[] = {
        [SL_J_NULL] = "nothing", [SL_J_BOOL] = "a boolean", [SL_J_NUM] = "a number", [SL_J_STR] = "a text", [SL_J_ARR] = "a list", [SL_J_OBJ] = "a map"};
    return words[j->kind];
}
static sl_err *known_keys(const rt_file *f, const sl_json *map, bool top) {
    for (const sl_json *m = map->child; m; m = m->next) {
        size_t i = 0;
        while (file_keys[i] && !sl_str_is(m->key, file_keys[i]))
            i++;
        if (file_keys[i] && (top || strcmp(file_keys[i], "cases") != 0))
            continue;
        sl_buf all = {0};
        for (i = 0; file_keys[i] && (top || strcmp(file_keys[i], "cases") != 0); i++)
            sl_buf_printf(&all, "%s%s", i ? ", " : "", file_keys[i]);
        sl_err *e = wrong(f, m, "%.*s is not known here; known are: %s", SL_FMT(m->key), sl_buf_cstr(&all));
        sl_buf_free(&all);
        return e;
    }
    return NULL;
}
static const sl_json *given(const rt_case *c, const char *key) {
    const sl_json *j = sl_json_get(c->map, key);
    return j ? j : sl_json_get(c->file->root, key);
}
static sl_err *text_of(const rt_file *f, const sl_json *j, const char *key, sl_str *out) {
    if (!j)
        return NULL;
    if (j->kind != SL_J_STR && j->kind != SL_J_NUM)
        return wrong(f, j, "%s: expected a text, found %s", key, kind_of(j));
    *out = j->s;
    return NULL;
}
static sl_err *flag_of(const rt_case *c, const char *key, bool *out) {
    const sl_json *j = given(c, key);
    if (!j)
        return NULL;
    if (j->kind != SL_J_BOOL)
        return wrong(c->file, j, "%s: expected true or false, found %s", key, kind_of(j));
    *out = j->b;
    return NULL;
}
/* A time after the start: 90s, 1h30m, or a number of ms. */
static sl_err *after(const rt_file *f, const sl_json *j, const char *key, int64_t *ms) {
    int64_t ns = 0;
    if (j->kind == SL_J_NUM && sl_json_i64(j, ms) && *ms >= 0)
        return NULL;
    if (j->kind != SL_J_STR || !sl_dur_parse(j->s, &ns) || ns < 0)
        return wrong(f, j, "%s: expected a time after the start such as 10s, 1h30m or 250ms, found %s%.*s", key, j->kind == SL_J_STR ? "" : kind_of(j),
                     SL_FMT(j->kind == SL_J_STR ? j->s : SL_S("")));
    *ms = ns / 1000000;
    return NULL;
}

/* ---- the rule ---- */
static sl_err *read_json(const rt_file *f, const sl_json *at, sl_str name, sl_json **out) {
    sl_arena *a = f->a;
    char *own = sl_strdup_n(f->path, strlen(f->path)), *path = own ? sl_path_join(dirname(own), sl_arena_dup(a, name).p) : NULL;
    sl_buf *text = SL_NEW(a, sl_buf); /* the tree points into it */
    sl_err *e = path ? sl_file_read(path, 256 << 20, text) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e) {
        sl_str copy = sl_arena_dup(a, sl_buf_view(text));
        e = sl_str_starts(sl_str_trim(copy), SL_S("{")) ? sl_json_parse(a, copy, out, NULL) : rt_yaml(a, copy, path, out);
        if (!e && (!*out || (*out)->kind != SL_J_OBJ))
            e = sl_err_new(SL_E_CONF, "expected an object");
    }
    sl_buf_free(text);
    free(own);
    free(path);
    if (!e)
        return NULL;
    sl_err *told = wrong(f, at, "%.*s: %s", SL_FMT(name), sl_err_text(e));
    sl_err_free(e);
    return told;
}
static void overlay(sl_arena *a, sl_json *to, const sl_json *from) {
    for (const sl_json *m = from ? from->child : NULL; m; m = m->next)
        sl_json_set(a, to, sl_arena_dup(a, m->key).p, sl_json_clone(a, m));
}
static sl_err *of_rule(rt_case *c, const sl_json *at, const sl_json *rule) {
    rt_file *f = c->file;
    const sl_json *sql = sl_json_get(rule, "sql"), *o = sl_json_get(rule, "options");
    if (!sl_json_isstr(sql))
        return wrong(f, at, sl_json_get(rule, "graph") ? "the rule is a graph; only rules with \"sql\" can be tested" : "the rule has no \"sql\"");
    c->sql = sl_str_trim(sql->s);
    overlay(f->a, c->options, o && o->kind == SL_J_OBJ ? o : NULL);
    c->actions = sl_json_get(rule, "actions");
    return NULL;
}
static sl_err *named_rule(rt_case *c, const sl_json *rule, const sl_json *set) {
    rt_file *f = c->file;
    sl_json *doc = NULL;
    sl_str name = {0}, file = {0};
    SL_TRY(text_of(f, rule, "rule", &name));
    if (!set) {
        SL_TRY(read_json(f, rule, name, &doc));
        return of_rule(c, rule, doc);
    }
    SL_TRY(text_of(f, set, "ruleset", &file));
    SL_TRY(read_json(f, set, file, &doc));
    static const char *const kinds[] = {"streams", "tables"};
    for (int k = 0; k < 2; k++) {
        const sl_json *all = sl_json_get(doc, kinds[k]);
        for (const sl_json *m = all ? all->child : NULL; m; m = m->next) {
            sl_str sql = m->kind == SL_J_OBJ ? sl_json_text(sl_json_get(m, "sql"), (sl_str){0}) : sl_json_text(m, (sl_str){0});
            if (sql.n)
                sl_json_add(c->lent, sl_json_str(f->a, sql));
        }
    }
    const sl_json *rules = sl_json_get(doc, "rules"), *one = NULL;
    for (const sl_json *m = rules ? rules->child : NULL; m; m = m->next)
        if (sl_str_eq(m->key, name) || sl_str_eq(sl_json_text(sl_json_get(m, "id"), (sl_str){0}), name))
            one = m;
    if (!one)
        return wrong(f, rule, "%.*s has no rule %.*s", SL_FMT(file), SL_FMT(name));
    if (one->kind == SL_J_STR) { /* eKuiper exports rules as texts of JSON */
        sl_json *j = NULL;
        sl_err *e = sl_json_parse(f->a, sl_arena_dup(f->a, one->s), &j, NULL);
        if (e) {
            sl_err *told = wrong(f, rule, "%.*s, rule %.*s: %s", SL_FMT(file), SL_FMT(name), sl_err_text(e));
            sl_err_free(e);
            return told;
        }
        one = j;
    }
    return of_rule(c, rule, one);
}
static sl_err *the_rule(rt_case *c) {
    rt_file *f = c->file;
    const sl_json *levels[] = {c->map, f->root};
    for (int i = 0; i < 2; i++) {
        const sl_json *sql = sl_json_get(levels[i], "sql"), *rule = sl_json_get(levels[i], "rule");
        if (sql && rule)
            return wrong(f, sql, "both sql and rule: expected one of them");
        if (!sql && !rule)
            continue;
        if (rule) {
            SL_TRY(named_rule(c, rule, given(c, "ruleset")));
        } else {
            SL_TRY(text_of(f, sql, "sql", &c->sql));
            c->sql = sl_str_trim(c->sql);
        }
        for (int k = 1; k >= 0; k--) { /* the file's first, the case's own win */
            const sl_json *o = sl_json_get(levels[k], "options");
            if (o && o->kind != SL_J_OBJ)
                return wrong(f, o, "options: expected a map, found %s", kind_of(o));
            overlay(f->a, c->options, k == 0 && o == sl_json_get(f->root, "options") ? NULL : o);
        }
        return NULL;
    }
    return wrong(f, c->map, "no statement: expected sql, or rule with a file, or ruleset and rule");
}

/* ---- the action whose messages are compared ---- */
static const sl_json *pick(const sl_json *list, const sl_json *which) {
    int64_t n = -1;
    bool number = sl_json_i64(which, &n);
    for (const sl_json *x = list && list->kind == SL_J_ARR ? list->child : NULL; x; x = x->next)
        for (const sl_json *m = x->kind == SL_J_OBJ ? x->child : NULL; m; m = m->next, n--)
            if (number ? n == 0 : sl_str_eq(m->key, which->s))
                return m;
    return NULL;
}
static sl_err *the_action(rt_case *c) {
    static const char *const form[] = {
        "omitIfEmpty", "sendSingle",    "dataTemplate", "format",         "schemaId",  "delimiter",     "hasHeader",
        "fields",      "excludeFields", "dataField",    "tableDataField", "batchSize", "lingerInterval"}; /* what makes a message; the rest is about where it goes */
    rt_file *f = c->file;
    const sl_json *j = given(c, "action"), *found = NULL;
    if (!j)
        return NULL;
    if (j->kind == SL_J_OBJ && j->n == 1)
        found = j->child;
    else if (j->kind == SL_J_STR || j->kind == SL_J_NUM)
        found = pick(c->actions, j);
    else
        return wrong(f, j, "action: expected a name or a number of the rule's actions, or a map such as {mqtt: {dataTemplate: …}}, found %s", kind_of(j));
    if (!found)
        return wrong(f, j, "action: the rule has no action %.*s", SL_FMT(j->s));
    c->sink = sl_json_obj(f->a);
    for (size_t i = 0; i < sizeof form / sizeof *form; i++)
        for (const sl_json *m = found->kind == SL_J_OBJ ? found->child : NULL; m; m = m->next)
            if (sl_str_ieq(m->key, sl_str_of(form[i])))
                sl_json_set(f->a, c->sink, form[i], sl_json_clone(f->a, m));
    return NULL;
}

/* ---- streams and tables ---- */
static sl_err *definitions(rt_case *c, const sl_json *list, const char *key) {
    rt_file *f = c->file;
    for (const sl_json *x = !list ? NULL : list->kind == SL_J_ARR ? list->child : list; x; x = list->kind == SL_J_ARR ? x->next : NULL) {
        const sl_json *sql = x->kind == SL_J_OBJ ? sl_json_get(x, "sql") : x;
        if (!sl_json_isstr(sql))
            return wrong(f, x, "%s: expected a statement such as CREATE STREAM demo () WITH (…)%s, found %s", key, strcmp(key, "tables") == 0 ? ", or a map with sql and rows" : "",
                         kind_of(sql ? sql : x));
        sl_json *one = sl_json_str(f->a, sl_str_trim(sql->s));
        one->raw = sql->raw;
        sl_json_add(c->streams, one);
    }
    return NULL;
}
/* The name that a statement creates: the word behind CREATE TABLE or STREAM. */
static sl_str name_in(sl_str sql) {
    sl_str word = {0};
    for (int i = 0; i < 3; i++) {
        size_t k = 0;
        while (sql.n && (unsigned char)*sql.p <= ' ')
            sql = sl_str_n(sql.p + 1, sql.n - 1);
        while (k < sql.n && (unsigned char)sql.p[k] > ' ' && sql.p[k] != '(')
            k++;
        word = sl_str_n(sql.p, k);
        sql = sl_str_n(sql.p + k, sql.n - k);
    }
    if (word.n > 1 && word.p[0] == '`')
        word = sl_str_n(word.p + 1, word.n - 2);
    return word;
}

/* ---- input: contents of tables first, then what the case tells ---- */
static sl_err *message(rt_case *c, int64_t at, sl_str stream, const sl_json *value, const sl_json *meta) {
    return SL_PUSH(c->input, ((rt_message){at, stream, value, meta})) ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
}
static sl_err *rows_of(rt_case *c, int64_t at, sl_str stream, const sl_json *rows, const sl_json *meta, bool texts) {
    if (rows->kind != SL_J_ARR)
        return wrong(c->file, rows, "rows of %.*s: expected a list of rows, found %s", SL_FMT(stream), kind_of(rows));
    for (const sl_json *r = rows->child; r; r = r->next) {
        if (r->kind != SL_J_OBJ && !(r->kind == SL_J_STR && texts))
            return wrong(c->file, r, "rows of %.*s: expected a row such as {id: 1}, found %s", SL_FMT(stream), kind_of(r));
        SL_TRY(message(c, at, stream, r, meta));
    }
    return NULL;
}
static sl_err *contents(rt_case *c) {
    rt_file *f = c->file;
    const sl_json *own = given(c, "rows");
    if (own && own->kind != SL_J_OBJ)
        return wrong(f, own, "rows: expected a map of tables, each with a list of rows, found %s", kind_of(own));
    const sl_json *lists[] = {sl_json_get(f->root, "tables"), c->map == f->root ? NULL : sl_json_get(c->map, "tables")};
    for (int i = 0; i < 2; i++)
        for (const sl_json *x = lists[i] && lists[i]->kind == SL_J_ARR ? lists[i]->child : NULL; x; x = x->next) {
            for (const sl_json *m = x->kind == SL_J_OBJ ? x->child : NULL; m; m = m->next)
                if (!sl_str_is(m->key, "sql") && !sl_str_is(m->key, "rows"))
                    return wrong(f, m, "%.*s is not known here; a table has sql and rows", SL_FMT(m->key));
            const sl_json *rows = x->kind == SL_J_OBJ ? sl_json_get(x, "rows") : NULL;
            sl_str name = rows ? sl_arena_dup(f->a, name_in(sl_json_text(sl_json_get(x, "sql"), (sl_str){"", 0}))) : (sl_str){0};
            if (rows && !sl_json_get(own, name.p))
                SL_TRY(rows_of(c, 0, name, rows, NULL, false));
        }
    for (const sl_json *m = own ? own->child : NULL; m; m = m->next)
        SL_TRY(rows_of(c, 0, m->key, m, NULL, false));
    return NULL;
}
/* How long the longest window of the statement can hold a row: every number of a window, in its unit. */
static int64_t longest_window(sl_str sql) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"dd", 86400000}, {"hh", 3600000}, {"mi", 60000}, {"ss", 1000}, {"ms", 1}};
    int64_t most = 0;
    for (size_t i = 0; i + 7 < sql.n; i++) {
        if (strncasecmp(sql.p + i, "window", 6) != 0)
            continue;
        const char *p = sql.p + i + 6, *end = sql.p + sql.n;
        int64_t unit = 0;
        while (p < end && (*p == ' ' || *p == '('))
            p++;
        for (size_t k = 0; k < 5 && p + 2 < end; k++)
            if (strncasecmp(p, units[k].unit, 2) == 0)
                unit = units[k].ms;
        for (p += 2; unit && p < end && *p != ')'; p++) {
            int64_t n = 0;
            for (; p < end && *p >= '0' && *p <= '9' && n < 1000000000; p++)
                n = n * 10 + (*p - '0');
            if (n * unit > most)
                most = n * unit + (unit == 86400000 ? 3600000 : 0); /* a day may have an hour more */
            if (p < end && *p == ')')
                break;
        }
    }
    return most;
}

static sl_err *input(rt_case *c) {
    rt_file *f = c->file;
    const sl_json *list = given(c, "input"), *until = given(c, "until");
    int64_t now = 0;
    SL_TRY(contents(c));
    if (list && list->kind != SL_J_ARR)
        return wrong(f, list, "input: expected a list such as - {at: 1s, demo: {id: 1}}, found %s", kind_of(list));
    for (const sl_json *x = list ? list->child : NULL; x; x = x->next) {
        int64_t at = now;
        if (x->kind != SL_J_OBJ)
            return wrong(f, x, "input: expected a map such as {at: 1s, demo: {id: 1}}, found %s", kind_of(x));
        const sl_json *when = sl_json_get(x, "at"), *meta = sl_json_get(x, "meta");
        if (when)
            SL_TRY(after(f, when, "at", &at));
        if (at < now)
            return wrong(f, when, "at: the time goes back; entries stand in order of time");
        if (meta && meta->kind != SL_J_OBJ)
            return wrong(f, meta, "meta: expected a map, found %s", kind_of(meta));
        size_t before = c->input.n;
        for (const sl_json *m = x->child; m; m = m->next) {
            if (m == when || m == meta)
                continue;
            if (m->kind == SL_J_ARR)
                SL_TRY(rows_of(c, at, m->key, m, meta, true));
            else if (m->kind == SL_J_OBJ || m->kind == SL_J_STR)
                SL_TRY(message(c, at, m->key, m, meta));
            else
                return wrong(f, m, "%.*s: expected a row such as {id: 1}, a list of rows, or a text (the message as it comes), found %s", SL_FMT(m->key), kind_of(m));
        }
        if (c->input.n == before && x->n == (uint32_t)(when != NULL) + (meta != NULL))
            return wrong(f, x, "no row: expected the name of a stream with a row, such as demo: {id: 1}");
        now = at;
    }
    c->until = now + longest_window(c->sql);
    if (until)
        SL_TRY(after(f, until, "until", &c->until));
    return c->until < now ? wrong(f, until, "until: the last input comes later") : NULL;
}

/* ---- what is expected ---- */
/* {at, row}, {at, rows} or {at, error}, and not a row that has such columns. */
static bool is_form(const sl_json *x, bool any) {
    uint32_t others = x->n;
    const sl_json *at = sl_json_get(x, "at"), *row = sl_json_get(x, "row"), *rows = sl_json_get(x, "rows"), *error = sl_json_get(x, "error");
    others -= (uint32_t)(at != NULL) + (row || rows || error);
    if (x->kind != SL_J_OBJ || others || !(row || rows || error))
        return false;
    return row ? any || row->kind == SL_J_OBJ : rows ? rows->kind == SL_J_ARR : error->kind == SL_J_STR;
}
static sl_err *expect(rt_case *c) {
    rt_file *f = c->file;
    const sl_json *list = given(c, "expect"), *e = given(c, "error");
    if (list && list->kind == SL_J_NULL) /* "expect:" and nothing: to be filled in */
        list = NULL;
    if (e) {
        c->wants_error = true;
        SL_TRY(text_of(f, e, "error", &c->error));
        return list && sl_json_get(c->map, "expect") ? wrong(f, e, "both error and expect: a rule that is refused emits nothing") : NULL;
    }
    if (list && list->kind != SL_J_ARR)
        return wrong(f, list, "expect: expected a list of rows ([] for none), found %s", kind_of(list));
    c->no_expect = !list;
    int64_t last = 0;
    for (const sl_json *x = list ? list->child : NULL; x; x = x->next) {
        if (x->kind != SL_J_OBJ && !c->sink)
            return wrong(f, x, "expect: expected a row such as {id: 1}, found %s", kind_of(x));
        const sl_json *at = sl_json_get(x, "at"), *row = sl_json_get(x, "row"), *rows = sl_json_get(x, "rows"), *error = sl_json_get(x, "error");
        rt_row r = {.at_ms = -1, .row = x, .line = rt_line(sl_buf_view(&f->text), x)};
        if (is_form(x, c->sink != NULL)) {
            if (at)
                SL_TRY(after(f, at, "at", &r.at_ms));
            last = r.at_ms > last ? r.at_ms : last;
            c->said_at |= at != NULL;
            r.row = row;
            r.is_error = error != NULL;
            if (error)
                r.error = error->s;
            for (const sl_json *y = rows ? rows->child : NULL; y; y = y->next) {
                if (y->kind != SL_J_OBJ && !c->sink)
                    return wrong(f, y, "rows: expected a row such as {id: 1}, found %s", kind_of(y));
                r.row = y;
                r.line = rt_line(sl_buf_view(&f->text), y);
                if (!SL_PUSH(c->expect, r))
                    return sl_err_new(SL_E_NOMEM, "out of memory");
            }
            if (rows)
                continue;
        }
        if (!SL_PUSH(c->expect, r))
            return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (!given(c, "until") && last > c->until)
        c->until = last;
    return NULL;
}

/* ---- cases ---- */
static sl_err *start_of(rt_case *c) {
    const sl_json *j = given(c, "start");
    sl_str text = SL_S("2026-01-01T00:00:00Z"), why;
    sl_value t;
    if (j && sl_json_i64(j, &c->start) && c->start >= 0)
        return NULL;
    if (j && j->kind != SL_J_STR)
        return wrong(c->file, j, "start: expected a time such as 2026-01-01T00:00:00Z, found %s", kind_of(j));
    sl_zone z = SL_ZONE_UTC;
    if (c->zone.n && !sl_zone_find(c->zone, &z))
        return wrong(c->file, given(c, "timezone"), "timezone: %.*s is not known", SL_FMT(c->zone));
    if (!sl_text_to_time(c->file->a, j ? j->s : text, SL_S(""), z, &t, &why) || t.i < 0)
        return wrong(c->file, j, "start: expected a time such as 2026-01-01T00:00:00Z, found %.*s", SL_FMT(j->s));
    c->start = t.i * 1000 + t.len / 1000000;
    return NULL;
}
static sl_err *read_case(rt_case *c, bool may_lack_expect) {
    rt_file *f = c->file;
    sl_arena *a = f->a;
    const sl_json *tolerance = given(c, "tolerance"), *lists[2];
    c->options = sl_json_obj(a);
    c->streams = sl_json_arr(a);
    c->lent = sl_json_arr(a);
    SL_TRY(known_keys(f, c->map, c->map == f->root));
    SL_TRY(text_of(f, sl_json_get(c->map, "name"), "name", &c->name));
    SL_TRY(text_of(f, given(c, "timezone"), "timezone", &c->zone));
    if (!c->zone.n)
        c->zone = SL_S("UTC");
    SL_TRY(flag_of(c, "unordered", &c->unordered));
    SL_TRY(flag_of(c, "partial", &c->partial));
    if (tolerance && (tolerance->kind != SL_J_NUM || tolerance->num < 0))
        return wrong(f, tolerance, "tolerance: expected a number such as 0.001, found %s", kind_of(tolerance));
    c->tolerance = tolerance ? tolerance->num : 0;
    SL_TRY(the_rule(c));
    SL_TRY(the_action(c));
    for (int k = 0; k < 2; k++) {
        const char *key = k ? "tables" : "streams";
        lists[0] = sl_json_get(f->root, key);
        lists[1] = c->map == f->root ? NULL : sl_json_get(c->map, key);
        for (int i = 0; i < 2; i++)
            SL_TRY(definitions(c, lists[i], key));
    }
    SL_TRY(start_of(c));
    SL_TRY(input(c));
    SL_TRY(expect(c));
    if (c->no_expect && !may_lack_expect)
        return wrong(f, c->map, "the case expects nothing: write expect with a list of rows ([] for none), or error; --update fills it in");
    return NULL;
}
sl_err *rt_file_read(const char *path, bool may_lack_expect, rt_file *f) {
    *f = (rt_file){.path = path, .a = sl_arena_new(0)};
    if (!f->a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_err *e = sl_file_exists(path) ? sl_file_read(path, 64 << 20, &f->text) : sl_err_new(SL_E_NOTFOUND, "%s: there is no such file", path);
    if (e)
        return e;
    sl_buf_cstr(&f->text);
    size_t bom = sl_str_starts(sl_buf_view(&f->text), SL_S("\xef\xbb\xbf")) ? 3 : 0;
    SL_TRY(rt_yaml(f->a, sl_str_n(f->text.p + bom, f->text.n - bom), path, &f->root));
    if (!f->root || f->root->kind != SL_J_OBJ)
        return sl_err_new(SL_E_CONF, "%s:1: expected a map with streams, sql, input and expect, or cases; found %s", path, f->root ? kind_of(f->root) : "nothing");
    SL_TRY(known_keys(f, f->root, true));
    const sl_json *cases = sl_json_get(f->root, "cases");
    if (cases && (cases->kind != SL_J_ARR || !cases->n))
        return wrong(f, cases, "cases: expected a list of cases, found %s", cases->kind == SL_J_ARR ? "an empty one" : kind_of(cases));
    size_t n = 0;
    for (const sl_json *x = cases ? cases->child : f->root; x; x = cases ? x->next : NULL) {
        n++;
        if (x->kind != SL_J_OBJ)
            return wrong(f, x, "cases: expected a map with name, input and expect, found %s", kind_of(x));
        rt_case c = {.file = f, .map = x, .line = rt_line(sl_buf_view(&f->text), x)};
        if (!SL_PUSH(f->cases, c))
            return sl_err_new(SL_E_NOMEM, "out of memory");
        rt_case *me = &f->cases.at[f->cases.n - 1];
        SL_TRY(read_case(me, may_lack_expect));
        if (!me->name.n)
            me->name = cases ? sl_arena_printf(f->a, "case %zu", n) : sl_arena_dup(f->a, sl_str_of(path));
    }
    return sl_arena_failed(f->a) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
void rt_file_free(rt_file *f) {
    for (size_t i = 0; i < f->cases.n; i++) {
        rt_case *c = &f->cases.at[i];
        SL_VEC_FREE(c->input);
        SL_VEC_FREE(c->expect);
        SL_VEC_FREE(c->got);
        SL_VEC_FREE(c->changes);
        sl_buf_free(&c->why);
    }
    SL_VEC_FREE(f->cases);
    sl_buf_free(&f->text);
    sl_buf_free(&f->bad);
    sl_arena_free(f->a);
}
