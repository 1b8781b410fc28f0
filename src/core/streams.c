/* Streams and tables: definitions are kept as the original statement text and parsed once when read or created. */
#include <stdio.h>
#include <stdlib.h>
#include "core/office_int.h"
#include "base/log.h"
#include "os/file.h"

void stream_def_free(stream_def *d) {
    if (!d)
        return;
    sl_srcdef_drop(d->src);
    sl_arena_free(d->arena);
}
const sl_create *sl_office_find_def(void *office, sl_str name) {
    stream_def *d = sl_map_get(((sl_office *)office)->streams, name);
    return d ? d->def : NULL;
}
sl_str sl_office_stream_text(sl_office *o, sl_str name) {
    stream_def *d = sl_map_get(o->streams, name);
    return d ? d->text : (sl_str){0};
}
static const char *kind_of(bool table) { return table ? "table" : "stream"; }
static const char *Kind_of(bool table) { return table ? "Table" : "Stream"; }
static const sl_create *find(sl_office *o, bool table, sl_str name) {
    const sl_create *c = sl_office_find_def(o, name);
    return c && c->table == table ? c : NULL;
}
static sl_err *cannot_describe(sl_office *o, bool table, sl_str name) {
    const char *k = kind_of(table);
    return sl_map_has(o->streams, name) ? sl_err_new(SL_E_STREAM, "Describe %s fails, %s %.*s is not found.", k, k, SL_FMT(name))
                                        : sl_err_new(SL_E_STREAM, "Describe %s fails, %.*s is not found.", k, SL_FMT(name));
}
static sl_err *parse_def(sl_str text, stream_def **out) {
    sl_arena *a = sl_arena_new(0);
    stream_def *d = a ? SL_NEW(a, stream_def) : NULL;
    sl_stmt st;
    sl_err *e = d ? sl_parse(a, text, &st, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && st.kind != SL_ST_CREATE)
        e = sl_hint_first(sl_err_new(SL_E_STREAM, "Invalid stream statement: %.*s", SL_FMT(text)), text);
    if (e) {
        sl_arena_free(a);
        return e;
    }
    *d = (stream_def){.arena = a, .def = st.create, .text = st.text, .temp = st.create->opts.temp};
    *out = d;
    return NULL;
}
static sl_err *put(sl_office *o, stream_def *d) {
    if (!d->temp)
        SL_TRY(store_put(o, "stream", d->def->name, d->text));
    void *old = NULL;
    if (!sl_map_set(o->streams, d->def->name, d, &old))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    stream_def_free(old);
    return NULL;
}
/* A lookup table must be able to work when it is created. */
static sl_err *check_lookup(const sl_office *o, const sl_create *c) {
    const sl_conn_def *def = sl_conn_find(c->opts.type);
    if ((!def || !def->lookup) && !o->conf.stand_in)
        return sl_err_new(SL_E_STREAM, "Create %s fails: lookup source type %.*s not found.", kind_of(c->table), SL_FMT(c->opts.type));
    if (!c->opts.key.n && sl_str_is(c->opts.type, "memory"))
        return sl_err_new(SL_E_STREAM, "Option \"key\" is required for memory lookup table.");
    if (!c->opts.datasource.n && def && sl_str_is(sl_str_of(def->name), "memory"))
        return sl_err_new(SL_E_STREAM, "Create %s fails: datasource(topic) is required.", kind_of(c->table));
    return NULL;
}
static sl_err *create(sl_office *o, sl_str sql, sl_buf *out) {
    stream_def *d = NULL;
    SL_TRY(sl_err_recode(parse_def(sql, &d), SL_E_STREAM));
    const sl_create *c = d->def;
    sl_err *e = sl_check_id(c->name);
    if (!e && c->table && sl_str_ieq(c->opts.kind, SL_S("lookup")))
        e = check_lookup(o, c);
    if (!e && sl_map_has(o->streams, c->name))
        e = c->opts.temp ? sl_err_new(SL_E_STREAM, "Create %s fails: key %.*s already exists.", kind_of(c->table), SL_FMT(c->name))
                         : sl_err_new(SL_E_STREAM, "Create %s fails: Item %.*s already exists.", kind_of(c->table), SL_FMT(c->name));
    bool table = c->table;
    sl_buf name = {0};
    sl_buf_str(&name, c->name);
    if (!e)
        e = put(o, d);
    if (e)
        stream_def_free(d);
    else
        sl_buf_printf(out, "%s %s is created.", Kind_of(table), sl_buf_cstr(&name));
    sl_buf_free(&name);
    return e;
}
sl_err *sl_api_stream_sql(sl_office *o, sl_str sql, sl_buf *out) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    sl_stmt st;
    sl_err *e = sl_err_recode(sl_parse(a, sql, &st, NULL), SL_E_STREAM);
    if (e) {
        sl_arena_free(a);
        return e;
    }
    const char *k = kind_of(st.table), *K = Kind_of(st.table);
    const sl_create *c = NULL;
    switch (st.kind) {
    case SL_ST_CREATE: e = create(o, sql, out); break;
    case SL_ST_SHOW: {
        sl_json *l = sl_api_stream_names(o, a, st.table, (sl_str){0});
        if (!l->n)
            sl_buf_printf(out, "No %s definitions are found.", k);
        for (sl_json *x = l->child; x; x = x->next) {
            sl_buf_str(out, x->s);
            if (x->next)
                sl_buf_putc(out, '\n');
        }
        break;
    }
    case SL_ST_DESCRIBE:
        if ((c = find(o, st.table, st.name)))
            sl_create_describe(out, c);
        else
            e = cannot_describe(o, st.table, st.name);
        break;
    case SL_ST_EXPLAIN:
        if (find(o, st.table, st.name))
            sl_buf_puts(out, "TO BE SUPPORTED");
        else
            e = sl_err_new(SL_E_STREAM, "Explain %s fails, %.*s is not found.", k, SL_FMT(st.name));
        break;
    case SL_ST_DROP:
        if (!(c = find(o, st.table, st.name)))
            e = sl_err_new(SL_E_STREAM, "Drop %s fails: %s %.*s is not found.", k, k, SL_FMT(st.name));
        else if (sl_str_ieq(c->opts.kind, SL_S("lookup")) && stream_in_use(o, st.name))
            e = sl_err_new(SL_E_STREAM, "Drop %s fails: lookup table %.*s is still in use, stop all using rules before dropping it.", k, SL_FMT(st.name));
        else
            e = sl_api_stream_drop(o, st.table, st.name, false);
        if (!e)
            sl_buf_printf(out, "%s %.*s is dropped.", K, SL_FMT(st.name));
        break;
    default: e = sl_hint_first(sl_err_new(SL_E_STREAM, "Invalid stream statement: %.*s", SL_FMT(sql)), sql);
    }
    if (e && (st.kind == SL_ST_DESCRIBE || st.kind == SL_ST_EXPLAIN || st.kind == SL_ST_DROP) && !c)
        sl_hint_stream(e, st.text, &(sl_source_ref){.name = st.name, .pos = st.name_pos}, o->streams);
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_stream_replace(sl_office *o, bool table, sl_str name, sl_str sql) {
    stream_def *d = NULL;
    SL_TRY(sl_err_recode(parse_def(sql, &d), SL_E_STREAM));
    const sl_create *c = d->def;
    const sl_create *old = sl_office_find_def(o, name);
    sl_err *e = NULL;
    if (c->table != table)
        e = sl_err_new(SL_E_NOTFOUND, "%s %.*s is not found", kind_of(table), SL_FMT(c->name));
    else if (!sl_str_eq(c->name, name))
        e = sl_err_new(SL_E_STREAM, "Replace %.*s fails: the sql statement must update the %.*s source.", SL_FMT(name), SL_FMT(name));
    else if (c->opts.temp)
        e = sl_err_new(SL_E_STREAM, "Replace %.*s fails: cannot replace with temp option.", SL_FMT(name));
    else if (old && old->opts.shared != c->opts.shared)
        e = sl_err_new(SL_E_STREAM, "Replace %.*s fails: do not support to change stream SHARED option.", SL_FMT(name));
    else if (old && (old->opts.version.n || c->opts.version.n) && sl_str_cmp(c->opts.version, old->opts.version) <= 0)
        e = sl_err_new(SL_E_STREAM, "source %.*s already exists with version (%.*s), new version (%.*s) is lower", SL_FMT(name), SL_FMT(old->opts.version),
                       SL_FMT(c->opts.version));
    if (!e)
        e = sl_check_id(c->name);
    if (!e)
        e = put(o, d);
    if (e)
        stream_def_free(d);
    return e;
}
sl_err *sl_api_stream_drop(sl_office *o, bool table, sl_str name, bool force) {
    stream_def *d = sl_map_get(o->streams, name);
    if (!d) /* either kind may be named: upstream drops what bears the name */
        return sl_err_new(SL_E_NOTFOUND, "%s %.*s is not found", kind_of(table), SL_FMT(name));
    if (!force && stream_in_use(o, name))
        return sl_err_new(SL_E_UNDEFINED, "stream %.*s has been referenced by other rules", SL_FMT(name));
    if (!d->temp)
        SL_TRY(store_put(o, "stream", name, (sl_str){0}));
    stream_def_free(sl_map_del(o->streams, name));
    return NULL;
}
static bool kind_fits(const sl_create *c, sl_str kind) {
    bool lookup = sl_str_ieq(c->opts.kind, SL_S("lookup"));
    if (sl_str_is(kind, "lookup"))
        return lookup;
    return !sl_str_is(kind, "scan") || !lookup;
}
sl_json *sl_api_stream_names(sl_office *o, sl_arena *a, bool table, sl_str kind) {
    sl_json *l = sl_json_arr(a);
    for (int temp = 0; temp < 2; temp++) {
        size_t it = 0;
        void *v;
        while (sl_map_next(o->streams, &it, NULL, &v)) {
            stream_def *d = v;
            if (d->def->table == table && d->temp == (temp == 1) && (!table || kind_fits(d->def, kind)))
                sl_json_add(l, sl_json_str(a, d->def->name));
        }
    }
    return l;
}
static sl_str lower(sl_arena *a, sl_str s, const char *dflt) {
    sl_str c = sl_arena_dup(a, s.n ? s : sl_str_of(dflt));
    for (size_t i = 0; i < c.n; i++)
        ((char *)(uintptr_t)c.p)[i] = (char)(c.p[i] >= 'A' && c.p[i] <= 'Z' ? c.p[i] + 32 : c.p[i]);
    return c;
}
sl_json *sl_api_stream_details(sl_office *o, sl_arena *a, bool table, sl_str kind) {
    sl_json *l = sl_json_arr(a), *names = sl_api_stream_names(o, a, table, kind);
    for (const sl_json *x = names->child; x; x = x->next) {
        const sl_create *c = sl_office_find_def(o, x->s);
        sl_json *d = sl_json_obj(a);
        sl_json_set(a, d, "name", sl_json_str(a, c->name));
        sl_json_set(a, d, "type", sl_json_str(a, lower(a, c->opts.type, "mqtt")));
        sl_json_set(a, d, "format", sl_json_str(a, lower(a, c->opts.format, "json")));
        sl_json_add(l, d);
    }
    return l;
}
sl_err *sl_api_stream_get(sl_office *o, sl_arena *a, bool table, sl_str name, sl_json **out) {
    SL_TRY(sl_check_id(name));
    const sl_create *c = find(o, table, name);
    if (!c)
        return cannot_describe(o, table, name);
    *out = sl_create_json(a, c);
    return NULL;
}
sl_err *sl_api_stream_schema(sl_office *o, sl_arena *a, bool table, sl_str name, sl_json **out) {
    const sl_create *c = find(o, table, name);
    if (!c)
        return cannot_describe(o, table, name);
    const stream_def *d = sl_map_get(o->streams, name);
    *out = NULL;
    if (c->schemaless && (!c->opts.shared || d->ever_shared))
        *out = shared_columns(o, a, name); /* what its rules read now */
    if (!*out || (!c->opts.shared && !(*out)->n))
        *out = sl_create_schema(a, c);
    return NULL;
}
static bool load_one(void *arg, sl_str key, sl_str value) {
    sl_office *o = arg;
    stream_def *d = NULL;
    sl_err *e = parse_def(value, &d);
    void *old = NULL;
    if (e || !sl_map_set(o->streams, d->def->name, d, &old))
        sl_error("catalogue", "cannot read back %.*s: %s", SL_FMT(key), sl_err_text(e));
    stream_def_free(old);
    sl_err_free(e);
    return true;
}
sl_err *streams_load(sl_office *o) { return sl_kvlog_read(o->kv, SL_S("stream/"), load_one, o); }
