/* What connectors and functions say about themselves, in the shape that eKuiper's manager reads, and the ping of a
 * configuration. Everything comes out of the connectors' and functions' own tables; nothing is described twice. */
#include <ctype.h>
#include <stdlib.h>
#include "core/body.h"
#include "core/confkeys.h"
#include "core/office_int.h"
#include "flow/flow.h"
#include "sql/func.h"

static sl_json *about(sl_arena *a, const char *doc) {
    sl_json *j = sl_json_obj(a), *who = sl_json_obj(a);
    static const char *const keys[][2] = {{"name", "sluice"}, {"email", ""}, {"company", ""}, {"website", ""}};
    for (size_t i = 0; i < 4; i++)
        sl_json_set(a, who, keys[i][0], sl_json_str(a, sl_str_of(keys[i][1])));
    sl_json_set(a, j, "trial", sl_json_bool(a, false));
    sl_json_set(a, j, "installed", sl_json_bool(a, true));
    sl_json_set(a, j, "author", who);
    sl_json_set(a, j, "helpUrl", sl_spec_text(a, ""));
    sl_json_set(a, j, "description", sl_spec_text(a, doc));
    return j;
}
static sl_json *node(sl_arena *a, const char *category, const char *label) {
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "category", sl_json_str(a, sl_str_of(category)));
    sl_json_set(a, j, "icon", sl_json_str(a, SL_S("iconPath")));
    sl_json_set(a, j, "label", sl_spec_text(a, label));
    return j;
}
static bool plays(const sl_conn_def *d, const char *role, sl_str kind) {
    if (*d->name == '$')
        return false;
    if (strcmp(role, "sinks") == 0)
        return d->sink != NULL;
    if (strcmp(role, "connections") == 0)
        return d->connection && strcmp(d->connection, d->name) == 0;
    return sl_str_is(kind, "lookup") ? d->lookup != NULL : d->source != NULL;
}
static int by_name(const void *x, const void *y) { return strcmp((*(const sl_conn_def *const *)x)->name, (*(const sl_conn_def *const *)y)->name); }
sl_json *sl_api_meta_list(sl_office *o, sl_arena *a, const char *role, sl_str kind) {
    const sl_conn_def *all[64], *d;
    size_t n = 0;
    for (size_t i = 0; n < 64 && (d = sl_conn_at(i)); i++)
        if (plays(d, role, kind))
            all[n++] = d;
    qsort(all, n, sizeof *all, by_name);
    sl_json *list = sl_json_arr(a);
    for (size_t i = 0; i < n; i++) {
        sl_json *j = sl_json_obj(a);
        sl_json_set(a, j, "name", sl_json_str(a, sl_str_of(all[i]->name)));
        sl_json_set(a, j, "about", about(a, all[i]->doc));
        sl_json_set(a, j, "type", sl_json_str(a, SL_S("internal")));
        sl_json_add(list, j);
    }
    return list;
}
sl_err *sl_api_meta_get(sl_office *o, sl_arena *a, const char *role, sl_str name, sl_json **out) {
    const sl_conn_def *d = sl_conn_find(name);
    bool sink = strcmp(role, "sinks") == 0, conn = strcmp(role, "connections") == 0;
    if (!d || !(plays(d, role, (sl_str){0}) || (strcmp(role, "sources") == 0 && plays(d, role, SL_S("lookup")))))
        return sl_err_new(SL_E_CONF, "This plugin was not found:%.*s", SL_FMT(name));
    sl_json *j = sl_json_obj(a), *sections = NULL, *props = NULL;
    sl_json_set(a, j, "about", about(a, d->doc));
    sl_json_set(a, j, "libs", sl_json_arr(a));
    SL_TRY(conf_sections(o, a, role, name, &sections, NULL, NULL));
    if (sink) {
        props = sl_spec_form(a, d->props, SL_P_SINK, false, NULL, NULL);
        sl_spec_form(a, sl_sinkopts_props, SL_P_SINK, false, NULL, props);
    } else {
        props = sl_json_obj(a);
        int where = conn ? 0 : SL_P_SOURCE | SL_P_LOOKUP;
        if (!conf_section(sections, SL_S("default")))
            sl_json_set(a, props, "default", sl_spec_form(a, d->props, where, conn, NULL, NULL));
        for (const sl_json *s = sections->child; s; s = s->next)
            sl_json_set(a, props, sl_arena_dup(a, s->key).p, sl_spec_form(a, d->props, where, conn, conf_mask(a, role, name, s), NULL));
    }
    if (!sink && !conn) {
        sl_json *ds = sl_json_obj(a);
        sl_json_set(a, ds, "default", sl_json_str(a, SL_S("")));
        sl_json_set(a, ds, "hint", sl_spec_text(a, d->datasource));
        sl_json_set(a, ds, "label", sl_spec_text(a, "Data source"));
        sl_json_set(a, j, "dataSource", ds);
    }
    sl_json_set(a, j, "properties", props);
    if (sink && sections->child) { /* stored settings that resourceId can name */
        sl_json *keys = sl_json_obj(a);
        for (const sl_json *s = sections->child; s; s = s->next)
            sl_json_set(a, keys, sl_arena_dup(a, s->key).p, conf_mask(a, role, name, s));
        sl_json_set(a, j, "confKeys", keys);
    }
    sl_json_set(a, j, "node", node(a, sink ? "sink" : "source", d->title));
    sl_json_set(a, j, "type", sl_json_str(a, SL_S("internal")));
    *out = j;
    return NULL;
}

/* ---- functions and operators ---- */
/* "(n number, m number) -> number": the arguments with their types, then what comes back. */
static sl_json *arguments(sl_arena *a, const char *sig, sl_str *returns) {
    sl_json *list = sl_json_arr(a);
    sl_str s = sl_str_of(sig ? sig : "");
    ptrdiff_t open = sl_str_find(s, SL_S("(")), close = sl_str_find(s, SL_S(") ->"));
    *returns = SL_S("any");
    if (open < 0 || close < open)
        return list;
    *returns = sl_str_trim((sl_str){s.p + close + 4, s.n - (size_t)close - 4});
    for (sl_str rest = {s.p + open + 1, (size_t)(close - open - 1)}; rest.n;) {
        ptrdiff_t comma = sl_str_find(rest, SL_S(","));
        sl_str one = sl_str_trim((sl_str){rest.p, comma < 0 ? rest.n : (size_t)comma});
        rest = comma < 0 ? (sl_str){0} : (sl_str){rest.p + comma + 1, rest.n - (size_t)comma - 1};
        bool optional = one.n && one.p[0] == '[';
        while (one.n && (one.p[0] == '[' || one.p[0] == ' '))
            one = (sl_str){one.p + 1, one.n - 1};
        while (one.n && (one.p[one.n - 1] == ']' || one.p[one.n - 1] == ' '))
            one.n--;
        if (!one.n)
            continue;
        ptrdiff_t gap = sl_str_find(one, SL_S(" "));
        sl_str name = {one.p, gap < 0 ? one.n : (size_t)gap}, type = gap < 0 ? SL_S("any") : sl_str_trim((sl_str){one.p + gap, one.n - (size_t)gap});
        sl_json *f = sl_json_obj(a);
        sl_json_set(a, f, "name", sl_json_str(a, name));
        sl_json_set(a, f, "optional", sl_json_bool(a, optional));
        sl_json_set(a, f, "control", sl_json_str(a, SL_S("field")));
        sl_json_set(a, f, "type", sl_json_str(a, type));
        sl_json_set(a, f, "hint", sl_spec_text(a, sl_arena_dup(a, name).p));
        sl_json_set(a, f, "label", sl_spec_text(a, sl_arena_dup(a, name).p));
        sl_json_add(list, f);
    }
    return list;
}
sl_json *sl_api_meta_functions(sl_arena *a) {
    sl_json *list = sl_json_arr(a), *file = sl_json_obj(a), *funcs = sl_json_arr(a);
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++) {
        if (f->flags & SL_FN_HIDDEN)
            continue;
        sl_json *j = sl_json_obj(a), *ret = sl_json_obj(a);
        sl_str returns;
        sl_json *args = arguments(a, f->sig, &returns);
        sl_json_set(a, j, "name", sl_json_str(a, sl_str_of(f->name)));
        sl_json_set(a, j, "example", sl_json_str(a, sl_str_of(f->example ? f->example : "")));
        sl_json_set(a, j, "aggregate", sl_json_bool(a, f->kind == SL_FN_AGG));
        sl_json_set(a, j, "hint", sl_spec_text(a, f->doc));
        sl_json_set(a, j, "args", args);
        sl_json_set(a, ret, "type", sl_json_str(a, returns));
        sl_json_set(a, ret, "hint", sl_spec_text(a, ""));
        sl_json_set(a, j, "return", ret);
        sl_json_set(a, j, "node", node(a, "function", f->name));
        sl_json_add(funcs, j);
    }
    sl_json_set(a, file, "about", about(a, "Functions of the engine."));
    sl_json_set(a, file, "name", sl_json_str(a, SL_S("internal")));
    sl_json_set(a, file, "functions", funcs);
    sl_json_add(list, file);
    return list;
}
static sl_json *function_row(sl_arena *a, const sl_func *f, bool whole) {
    const char *const said[][2] = {{"name", f->name},       {"kind", sl_func_kind(f)}, {"signature", sl_arena_printf(a, "%s%s", f->name, f->sig).p},
                                   {"description", f->doc}, {"example", f->example},   {"gives", f->gives}};
    sl_json *j = sl_json_obj(a);
    for (size_t i = 0; i < (whole ? 6 : 4); i++)
        if (said[i][1] && *said[i][1])
            sl_json_set(a, j, said[i][0], sl_json_str(a, sl_str_of(said[i][1])));
    return j;
}
sl_json *sl_api_functions(sl_arena *a) {
    sl_json *list = sl_json_arr(a);
    const sl_func *f;
    for (size_t i = 0; (f = sl_func_at(i)); i++)
        if (!(f->flags & SL_FN_HIDDEN))
            sl_json_add(list, function_row(a, f, false));
    return list;
}
sl_err *sl_api_function(sl_arena *a, sl_str name, sl_json **out) {
    const sl_func *f = sl_func_find(name);
    if (f && !(f->flags & SL_FN_HIDDEN)) {
        *out = function_row(a, f, true);
        return NULL;
    }
    const char *near = sl_func_near(name);
    return sl_err_new(SL_E_NOTFOUND, "function %.*s not found%s%s%s", SL_FMT(name), near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
sl_json *sl_api_meta_operators(sl_arena *a) {
    static const char *const ops[][2] = {{"filter", "Keeps the rows for which an expression is true."},
                                         {"function", "Adds the result of a function as a column."},
                                         {"groupby", "Groups rows by expressions."},
                                         {"join", "Joins the streams of a window."},
                                         {"orderby", "Sorts the rows of a window."},
                                         {"pick", "Chooses, renames and computes columns."},
                                         {"script", "Runs a script on each row."},
                                         {"switch", "Sends rows to different outputs by conditions."},
                                         {"window", "Collects rows by time or number."}};
    sl_json *list = sl_json_arr(a);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        sl_json *j = sl_json_obj(a);
        sl_json_set(a, j, "name", sl_json_str(a, sl_str_of(ops[i][0])));
        sl_json_set(a, j, "about", about(a, ops[i][1]));
        sl_json_set(a, j, "properties", sl_json_arr(a));
        sl_json_set(a, j, "node", node(a, "operator", ops[i][0]));
        sl_json_add(list, j);
    }
    return list;
}

/* ---- ping ---- */
typedef struct ping {
    sl_arena *arena; /* of the configuration, which lives until the answer */
    sl_api_done done;
    void *arg;
} ping;
static void pinged(void *arg, sl_err *e) {
    ping *p = arg;
    sl_arena_free(p->arena);
    p->done(p->arg, sl_err_code(e) == SL_E_IO ? e : sl_err_recode(e, SL_E_UNDEFINED));
    free(p);
}
static sl_err *prepare(sl_office *o, sl_arena *a, const char *role, sl_str type, sl_str body, const sl_conn_def **def, void **conf) {
    sl_json *j = NULL;
    SL_TRY(sl_body_only(a, body, &j));
    SL_TRY(sl_body_is(j, SL_J_OBJ, "map[string]interface {}"));
    if (j->kind == SL_J_NULL)
        j = sl_json_obj(a);
    bool sink = strcmp(role, "sinks") == 0, lookup = strcmp(role, "lookups") == 0;
    const sl_conn_def *d = sl_conn_find(type);
    bool there = d && (sink ? d->sink != NULL : lookup ? d->lookup != NULL : d->source != NULL);
    if (lookup && !there)
        return sl_err_new(SL_E_UNDEFINED, d ? "lookup source %.*s doesn't support ping connection" : "lookup source type %.*s not found", SL_FMT(type));
    if (!there || !d->ping)
        return sl_err_new(SL_E_UNDEFINED, "%s %.*s doesn't support ping connection", sink ? "sink" : lookup ? "lookup source" : "source", SL_FMT(type));
    const sl_json *selector = sl_json_iget(j, "connectionSelector");
    sl_json *shared = NULL;
    sl_str ctype;
    if (sl_json_isstr(selector) && selector->s.n) {
        if (!sl_pool_props(selector->s, a, &shared, &ctype))
            return sl_err_new(SL_E_UNDEFINED, "connection %.*s not existed", SL_FMT(selector->s));
        conf_overlay(a, j, shared);
    }
    *conf = sl_arena_zero(a, d->conf_size ? d->conf_size : 1);
    if (!*conf)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *def = d;
    return sl_err_recode(sl_spec_load(d->props, sink ? SL_P_SINK : lookup ? SL_P_LOOKUP : SL_P_SOURCE, j, a, *conf, NULL), SL_E_UNDEFINED);
}
void sl_api_meta_ping(sl_office *o, const char *role, sl_str type, sl_str body, sl_api_done done, void *arg) {
    ping *p = calloc(1, sizeof *p);
    const sl_conn_def *d = NULL;
    void *conf = NULL;
    sl_err *e = p && (p->arena = sl_arena_new(0)) ? prepare(o, p->arena, role, type, sl_arena_dup(p->arena, body), &d, &conf) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        if (p)
            sl_arena_free(p->arena);
        free(p);
        done(arg, e);
        return;
    }
    p->done = done;
    p->arg = arg;
    sl_conn_env env = {.loop = o->conf.loop, .home = o->conf.home, .rule_id = "ping", .op_name = "ping", .http = o->conf.http, .private_net = o->private_net, .zone = o->zone};
    d->ping(conf, &env, pinged, p);
}
