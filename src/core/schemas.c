/* Schemas: documents that streams and actions name by SCHEMAID, kept as files in data/schemas/<type>. What came over REST is
 * remembered in the catalogue too, as it came, for exports; files laid there by hand are found at boot. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "core/body.h"
#include "core/office_int.h"
#include "os/file.h"

enum { PROTOBUF, CUSTOM, TYPES };
static const char *const types[TYPES] = {"protobuf", "custom"}, *const ends[TYPES] = {".proto", ".so"};
typedef struct schema {
    int type;
    char *name, *version, *file, *so; /* file, so: absolute; NULL when there is none */
} schema;
static void schema_free(schema *s) {
    if (!s)
        return;
    free(s->name);
    free(s->version);
    free(s->file);
    free(s->so);
    free(s);
}
static int type_of(sl_str t) {
    for (int i = 0; i < TYPES; i++)
        if (sl_str_is(t, types[i]))
            return i;
    return -1;
}
static const char *key_of(sl_buf *b, int type, sl_str name) {
    sl_buf_clear(b);
    sl_buf_printf(b, "%s_%.*s", types[type], SL_FMT(name));
    return sl_buf_cstr(b);
}
static schema *find(sl_office *o, int type, sl_str name) {
    sl_buf b = {0};
    schema *s = o->schemas ? sl_map_get(o->schemas, sl_str_of(key_of(&b, type, name))) : NULL;
    sl_buf_free(&b);
    return s;
}
static sl_err *keep(sl_office *o, schema *s) {
    sl_buf b = {0};
    void *old = NULL;
    if (!o->schemas)
        o->schemas = sl_map_new();
    bool ok = s->name && s->version && o->schemas && sl_map_set(o->schemas, sl_str_of(key_of(&b, s->type, sl_str_of(s->name))), s, &old);
    sl_buf_free(&b);
    schema_free(ok ? old : s);
    return ok ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
}

/* ---- reading what a body wants ---- */
typedef struct wish {
    sl_office *office;
    sl_arena *a;
    int type;
    bool update;
    sl_str name, content, file, so, version;
    sl_str content_bytes, so_bytes;
    bool fetched, so_fetched;
    sl_api_done done;
    void *arg;
} wish;
static void end(wish *w, sl_err *e) {
    sl_api_done done = w->done;
    void *arg = w->arg;
    sl_arena_free(w->a);
    free(w);
    done(arg, e);
}
static void fail(wish *w, sl_err *e) { /* by what was being done */
    end(w, sl_err_recode(sl_err_prefix(e, "schema %s command error", w->update ? "update" : "create"), SL_E_UNDEFINED));
}
static sl_err *check(const wish *w, sl_str type) {
    if (!w->name.n)
        return sl_err_new(SL_E_UNDEFINED, "Invalid body: name is required");
    SL_TRY(sl_check_id(w->name));
    if (w->type < 0)
        return sl_err_new(SL_E_UNDEFINED, "Invalid body: unsupported schema type %.*s", SL_FMT(type));
    if (w->type == CUSTOM)
        return w->so.n ? NULL : sl_err_new(SL_E_UNDEFINED, "Invalid body: soFile is required");
    if (w->content.n && w->file.n)
        return sl_err_new(SL_E_UNDEFINED, "Invalid body: cannot specify both content and file");
    return w->content.n || w->file.n ? NULL : sl_err_new(SL_E_UNDEFINED, "Invalid body: must specify content or file");
}
static sl_err *read_body(wish *w, sl_str body) {
    sl_json *j = NULL;
    SL_TRY(sl_body_first(w->a, body, &j));
    SL_TRY(sl_body_is(j, SL_J_OBJ, "schema.Info"));
    SL_TRY(sl_body_text(j, "Info", "name", &w->name));
    SL_TRY(sl_body_text(j, "Info", "content", &w->content));
    SL_TRY(sl_body_text(j, "Info", "file", &w->file));
    SL_TRY(sl_body_text(j, "Info", "soFile", &w->so));
    return sl_body_text(j, "Info", "version", &w->version);
}

/* ---- writing ---- */
static char *path_of(const sl_office *o, const wish *w, const char *ending) {
    sl_buf b = {0};
    sl_buf_printf(&b, "data/schemas/%s/%.*s", types[w->type], SL_FMT(w->name));
    if (w->version.n)
        sl_buf_printf(&b, "@%.*s", SL_FMT(w->version));
    sl_buf_puts(&b, ending);
    char *path = sl_path_join(o->conf.home, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return path;
}
static sl_err *write_file(char **path, sl_str bytes) {
    char *slash = *path ? strrchr(*path, '/') : NULL;
    if (!slash)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *slash = 0;
    sl_err *e = sl_dir_make(*path);
    *slash = '/';
    return e ? e : sl_file_write_durable(*path, bytes);
}
static sl_err *remember(const wish *w) {
    sl_buf key = {0}, text = {0};
    sl_json *r = sl_json_obj(w->a);
    sl_json_set(w->a, r, "type", sl_json_str(w->a, sl_str_of(types[w->type])));
    sl_json_set(w->a, r, "name", sl_json_str(w->a, w->name));
    struct {
        const char *key;
        sl_str v;
    } rest[] = {{"content", w->content}, {"file", w->file}, {"soFile", w->so}, {"version", w->version}};
    for (int i = 0; i < 4; i++)
        if (rest[i].v.n)
            sl_json_set(w->a, r, rest[i].key, sl_json_str(w->a, rest[i].v));
    sl_json_write(&text, r, false, 0);
    sl_err *e = store_put(w->office, "schema", sl_str_of(key_of(&key, w->type, w->name)), sl_buf_view(&text));
    sl_buf_free(&key);
    sl_buf_free(&text);
    return e;
}
static void remove_files(const schema *old, const schema *now) {
    if (old->file && (!now || !now->file || strcmp(old->file, now->file) != 0))
        remove(old->file);
    if (old->so && (!now || !now->so || strcmp(old->so, now->so) != 0))
        remove(old->so);
}
static sl_err *store(wish *w) {
    sl_office *o = w->office;
    schema *s = calloc(1, sizeof *s), *old = find(o, w->type, w->name);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    s->type = w->type;
    s->name = sl_strdup_n(w->name.p, w->name.n);
    s->version = sl_strdup_n(w->version.n ? w->version.p : "", w->version.n);
    sl_err *e = NULL;
    if (w->content.n || w->fetched) {
        s->file = path_of(o, w, ends[PROTOBUF]);
        e = write_file(&s->file, w->fetched ? w->content_bytes : w->content);
    }
    if (!e && w->so_fetched) {
        s->so = path_of(o, w, ends[CUSTOM]);
        e = write_file(&s->so, w->so_bytes);
    }
    if (!e)
        e = remember(w);
    if (e) {
        schema_free(s);
        return e;
    }
    if (old)
        remove_files(old, s);
    return keep(o, s);
}
static void step(wish *w);
static void came(void *arg, sl_err *e, sl_str bytes) {
    wish *w = arg;
    if (e) {
        fail(w, e);
        return;
    }
    w->content_bytes = sl_arena_dup(w->a, bytes);
    w->fetched = true;
    step(w);
}
static void so_came(void *arg, sl_err *e, sl_str bytes) {
    wish *w = arg;
    if (e) {
        fail(w, e);
        return;
    }
    w->so_bytes = sl_arena_dup(w->a, bytes);
    w->so_fetched = true;
    step(w);
}
static void step(wish *w) {
    sl_str uri = !w->fetched && w->file.n ? w->file : !w->so_fetched && w->so.n ? w->so : (sl_str){0};
    if (uri.n && sl_str_find(uri, SL_S("://")) < 0)
        fail(w, sl_err_new(SL_E_UNDEFINED, "parse \"%.*s\": invalid URI for request", SL_FMT(uri)));
    else if (uri.n)
        sl_api_fetch(w->office, uri, uri.p == w->file.p ? came : so_came, w);
    else {
        sl_err *e = store(w);
        if (e)
            fail(w, e);
        else
            end(w, NULL);
    }
}
void sl_api_schema_put(sl_office *o, sl_str type, sl_str name, sl_str body, sl_api_done done, void *arg) {
    wish *w = calloc(1, sizeof *w);
    if (!w || !(w->a = sl_arena_new(0))) {
        free(w);
        done(arg, sl_err_new(SL_E_NOMEM, "out of memory"));
        return;
    }
    *w = (wish){.office = o, .a = w->a, .type = type_of(type), .update = name.n > 0, .done = done, .arg = arg};
    sl_err *e = sl_err_prefix(read_body(w, sl_arena_dup(w->a, body)), "Invalid body: Error decoding schema json");
    if (!e && name.n && !w->name.n)
        w->name = sl_arena_dup(w->a, name);
    if (!e)
        e = check(w, type);
    if (!e && name.n && !sl_str_eq(w->name, name))
        e = sl_err_new(SL_E_UNDEFINED, "Invalid body: the name %.*s does not match the path's %.*s", SL_FMT(w->name), SL_FMT(name));
    if (e) {
        end(w, sl_err_recode(e, SL_E_UNDEFINED));
        return;
    }
    const schema *old = find(o, w->type, w->name);
    if (old && !w->update)
        fail(w, sl_err_new(SL_E_UNDEFINED, "schema %s.%.*s already registered", types[w->type], SL_FMT(w->name)));
    else if (old && *old->version && sl_str_cmp(w->version, sl_str_of(old->version)) < 0)
        fail(w, sl_err_new(SL_E_UNDEFINED, "schema %s.%.*s already registered with a newer version %s", types[w->type], SL_FMT(w->name), old->version));
    else
        step(w);
}

/* ---- looking ---- */
sl_err *sl_api_schema_list(sl_office *o, sl_arena *a, sl_str type, sl_json **out) {
    int t = type_of(type);
    size_t it = 0;
    void *v;
    if (t < 0)
        return sl_err_new(SL_E_UNDEFINED, "schema type %.*s not found", SL_FMT(type));
    *out = sl_json_arr(a);
    while (o->schemas && sl_map_next(o->schemas, &it, NULL, &v))
        if (((schema *)v)->type == t)
            sl_json_add(*out, sl_json_str(a, sl_str_of(((schema *)v)->name)));
    return NULL;
}
sl_err *sl_api_schema_get(sl_office *o, sl_arena *a, sl_str type, sl_str name, sl_json **out) {
    int t = type_of(type);
    SL_TRY(sl_check_id(name));
    if (t < 0)
        return sl_err_new(SL_E_UNDEFINED, "schema type %.*s not found in registry", SL_FMT(type));
    const schema *s = find(o, t, name);
    if (!s)
        return sl_err_new(SL_E_UNDEFINED, "schema type %.*s id %.*s not found in registry", SL_FMT(type), SL_FMT(name));
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "type", sl_json_str(a, type));
    sl_json_set(a, j, "name", sl_json_str(a, name));
    if (s->file) {
        sl_buf text = {0};
        sl_err *e = sl_file_read(s->file, 16 << 20, &text);
        if (e)
            return sl_err_recode(e, SL_E_UNDEFINED);
        sl_json_set(a, j, "content", sl_json_str(a, sl_arena_dup(a, sl_buf_view(&text))));
        sl_json_set(a, j, "file", sl_json_str(a, sl_str_of(s->file)));
        sl_buf_free(&text);
    }
    if (s->so)
        sl_json_set(a, j, "soFile", sl_json_str(a, sl_str_of(s->so)));
    if (*s->version)
        sl_json_set(a, j, "version", sl_json_str(a, sl_str_of(s->version)));
    *out = j;
    return NULL;
}
sl_err *sl_api_schema_delete(sl_office *o, sl_str type, sl_str name) {
    int t = type_of(type);
    SL_TRY(sl_check_id(name));
    sl_err *e = NULL;
    schema *s = t < 0 ? NULL : find(o, t, name);
    if (t < 0)
        e = sl_err_new(SL_E_UNDEFINED, "schema type %.*s not found", SL_FMT(type));
    else if (!s)
        e = sl_err_new(SL_E_UNDEFINED, "schema %.*s.%.*s not found", SL_FMT(type), SL_FMT(name));
    sl_buf key = {0};
    if (!e)
        e = store_put(o, "schema", sl_str_of(key_of(&key, t, name)), (sl_str){0});
    if (!e) {
        remove_files(s, NULL);
        schema_free(sl_map_del(o->schemas, sl_buf_view(&key)));
    }
    sl_buf_free(&key);
    return sl_err_prefix(e, "delete %.*s schema %.*s error", SL_FMT(type), SL_FMT(name));
}

/* ---- exports and boot ---- */
typedef struct records {
    sl_arena *a;
    sl_json *out;
} records;
static bool one(void *arg, sl_str key, sl_str value) {
    records *r = arg;
    sl_json_set(r->a, r->out, sl_arena_dup(r->a, (sl_str){key.p + 7, key.n - 7}).p, sl_json_str(r->a, sl_arena_dup(r->a, value)));
    return true;
}
sl_json *schemas_records(sl_office *o, sl_arena *a) {
    records r = {a, sl_json_obj(a)};
    sl_err_free(sl_kvlog_read(o->kv, SL_S("schema/"), one, &r));
    return r.out;
}
/* name[@version].ending */
static void found(sl_office *o, int type, const char *dir, const char *file) {
    size_t n = strlen(file);
    int ending = n > 6 && strcmp(file + n - 6, ends[PROTOBUF]) == 0 ? PROTOBUF : n > 3 && strcmp(file + n - 3, ends[CUSTOM]) == 0 ? CUSTOM : -1;
    if (ending < 0)
        return;
    sl_str stem = sl_str_n(file, n - strlen(ends[ending]));
    ptrdiff_t at = sl_str_find(stem, SL_S("@"));
    sl_str name = at >= 0 ? sl_str_n(stem.p, (size_t)at) : stem, version = at >= 0 ? sl_str_n(stem.p + at + 1, stem.n - (size_t)at - 1) : (sl_str){"", 0};
    schema *s = find(o, type, name);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return;
        s->type = type;
        s->name = sl_strdup_n(name.p, name.n);
        s->version = sl_strdup_n(version.p, version.n);
        sl_err *e = keep(o, s);
        if (e) {
            sl_err_free(e);
            return;
        }
    } else if (sl_str_cmp(version, sl_str_of(s->version)) < 0)
        return; /* of two the newer one counts */
    char **to = ending == PROTOBUF ? &s->file : &s->so;
    free(*to);
    *to = sl_path_join(dir, file);
}
sl_err *schemas_load(sl_office *o) {
    for (int t = 0; t < TYPES; t++) {
        char sub[64];
        snprintf(sub, sizeof sub, "data/schemas/%s", types[t]);
        char *dir = sl_path_join(o->conf.home, sub);
        sl_dirlist l = {0};
        sl_err *e = !dir ? sl_err_new(SL_E_NOMEM, "out of memory") : sl_file_exists(dir) ? sl_dir_list(dir, &l) : NULL;
        for (size_t i = 0; i < l.n; i++)
            if (!l.at[i].dir)
                found(o, t, dir, l.at[i].name);
        if (e)
            sl_error("schemas", "%s", sl_err_text(e));
        sl_err_free(e);
        sl_dirlist_free(&l);
        free(dir);
    }
    return NULL;
}
void schemas_free(sl_office *o) {
    size_t it = 0;
    void *v;
    while (o->schemas && sl_map_next(o->schemas, &it, NULL, &v))
        schema_free(v);
    sl_map_free(o->schemas);
}
