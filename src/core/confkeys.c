/* Named settings: reading them in all their layers, storing them.
 *
 * Decision: nothing is cached. A section is put together when a rule is planned or somebody looks, from the file, the variables, the daemon's
 * settings and the catalogue, so that an edited file counts with the next start of a rule, and one function knows the order of the layers.
 * Names keep the spelling of whoever wrote them first and are compared without case. */
#include "core/confkeys.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "core/body.h"
#include "core/office_int.h"
#include "os/file.h"

/* ---- trees ---- */
static sl_json *find(const sl_json *obj, sl_str key) {
    sl_json *loose = NULL;
    for (sl_json *c = obj && obj->kind == SL_J_OBJ ? obj->child : NULL; c; c = c->next) {
        if (sl_str_eq(c->key, key))
            return c;
        if (!loose && sl_str_ieq(c->key, key))
            loose = c;
    }
    return loose;
}
static char *name_of(sl_arena *a, sl_str key) { return (char *)(uintptr_t)sl_arena_dup(a, key).p; }
sl_json *conf_section(const sl_json *sections, sl_str name) { return name.n ? find(sections, name) : NULL; }
void conf_overlay(sl_arena *a, sl_json *to, const sl_json *from) {
    for (const sl_json *c = from && from->kind == SL_J_OBJ ? from->child : NULL; c; c = c->next) {
        const sl_json *have = find(to, c->key);
        sl_json_set(a, to, name_of(a, have ? have->key : c->key), sl_json_clone(a, c));
    }
}
static void merge(sl_arena *a, sl_json *to, const sl_json *from) { /* objects are merged, all else is replaced */
    for (const sl_json *c = from->child; c; c = c->next) {
        sl_json *have = find(to, c->key);
        if (have && have->kind == SL_J_OBJ && c->kind == SL_J_OBJ)
            merge(a, have, c);
        else
            sl_json_set(a, to, name_of(a, have ? have->key : c->key), sl_json_clone(a, c));
    }
}
static const char *spelling(const sl_prop *rows, sl_str key) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        const char *in = p->type == SL_P_GROUP ? spelling(p->of, key) : sl_str_ieq(key, sl_str_of(p->name)) ? p->name : NULL;
        if (in)
            return in;
    }
    return NULL;
}
typedef struct layers {
    sl_arena *a;
    sl_json *to, *from;
    const sl_conn_def *def;
} layers;
/* Who set a property of a layer whose names may have lost their case on the way (variables, settings): objects inside are merged there. */
typedef const char *(*whence)(void *arg, sl_arena *a, sl_str section, sl_str prop);
static void lay(layers *l, const sl_json *sections, const char *who, whence w, void *arg) {
    sl_arena *a = l->a;
    for (const sl_json *s = sections && sections->kind == SL_J_OBJ ? sections->child : NULL; s; s = s->next) {
        if (s->kind != SL_J_OBJ)
            continue;
        sl_json *to = find(l->to, s->key);
        if (!to || to->kind != SL_J_OBJ) {
            to = sl_json_obj(a);
            sl_json_set(a, l->to, name_of(a, s->key), to);
            if (l->from)
                sl_json_set(a, l->from, name_of(a, s->key), sl_json_obj(a));
        }
        sl_json *from = l->from ? find(l->from, s->key) : NULL;
        for (const sl_json *p = s->child; p; p = p->next) {
            sl_json *have = find(to, p->key);
            const char *table = w && !have && l->def ? spelling(l->def->props, p->key) : NULL;
            char *name = table ? name_of(a, sl_str_of(table)) : name_of(a, have ? have->key : p->key);
            if (w && have && have->kind == SL_J_OBJ && p->kind == SL_J_OBJ)
                merge(a, have, p);
            else
                sl_json_set(a, to, name, sl_json_clone(a, p));
            if (from)
                sl_json_set(a, from, name, sl_json_str(a, sl_str_of(w ? w(arg, a, s->key, p->key) : who)));
        }
    }
}

/* ---- layers ---- */
static const char *from_variable(void *stem, sl_arena *a, sl_str section, sl_str prop) {
    sl_str s = sl_arena_printf(a, "%s__%.*s__%.*s", (const char *)stem, SL_FMT(section), SL_FMT(prop));
    for (char *c = (char *)(uintptr_t)s.p; c && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return sl_arena_printf(a, "variable %.*s", SL_FMT(s)).p;
}
typedef struct inside { /* a branch of the daemon's settings */
    const sl_settings *settings;
    const char *path;
} inside;
static const char *from_setting(void *arg, sl_arena *a, sl_str section, sl_str prop) {
    const inside *in = arg;
    const char *f = sl_settings_from(in->settings, sl_arena_printf(a, "%s.%.*s.%.*s", in->path, SL_FMT(section), SL_FMT(prop)).p);
    return f ? f : "settings";
}
static bool plain(sl_str type) { /* may be part of a file name */
    for (size_t i = 0; i < type.n; i++)
        if (!isalnum((unsigned char)type.p[i]) && type.p[i] != '_' && type.p[i] != '-')
            return false;
    return type.n && type.n < 64;
}
typedef struct stored {
    sl_arena *a;
    sl_str type;
    sl_json *sections;
    bool any;
} stored;
static void add_stored(void *arg, sl_str type, sl_str key, sl_str props) {
    stored *s = arg;
    sl_json *j = NULL;
    if (!sl_str_eq(type, s->type))
        return;
    s->any = true;
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, props), &j, NULL);
    if (!e)
        sl_json_set(s->a, s->sections, name_of(s->a, key), j);
    sl_err_free(e);
}
static bool role(const char *kind, const sl_conn_def *d) { return d && (*kind != 's' || (strcmp(kind, "sinks") == 0 ? d->sink != NULL : d->source || d->lookup)); }
static bool connection_type(sl_str type) {
    const sl_conn_def *d;
    for (size_t i = 0; (d = sl_conn_at(i)); i++)
        if (d->connection && sl_str_is(type, d->connection))
            return true;
    return false;
}
sl_err *conf_sections(sl_office *o, sl_arena *a, const char *kind, sl_str type, sl_json **out, sl_json **from, bool *known) {
    const sl_conn_def *def = sl_conn_find(type);
    layers l = {.a = a, .to = sl_json_obj(a), .from = from ? sl_json_obj(a) : NULL, .def = def};
    bool heard = strcmp(kind, "connections") == 0 ? connection_type(type) : role(kind, def);
    *out = l.to;
    if (from)
        *from = l.from;
    if (plain(type) && strcmp(kind, "connections") != 0) {
        bool mqtt = strcmp(kind, "sources") == 0 && sl_str_is(type, "mqtt");
        char path[512], stem[80], who[600];
        sl_json *file = NULL, *env = NULL;
        bool there = false;
        for (int i = 0; i < 2 && !there; i++) { /* data/ is where plug-ins have theirs */
            if (mqtt && i == 0)
                snprintf(path, sizeof path, "%s/etc/mqtt_source.yaml", o->conf.home);
            else
                snprintf(path, sizeof path, "%s/%s/%s/%.*s.yaml", o->conf.home, i ? "data" : "etc", kind, SL_FMT(type));
            there = sl_file_exists(path);
        }
        sl_str shipped = sl_shipped_conf(kind, type);
        if (there) {
            SL_TRY(sl_yaml_read(a, path, "", &file));
            snprintf(who, sizeof who, "file %s", path);
        } else if (shipped.n) {
            SL_TRY(sl_json_parse(a, shipped, &file, NULL));
            snprintf(who, sizeof who, "default");
        }
        heard = heard || there || shipped.n;
        lay(&l, file, who, NULL, NULL);
        size_t n = (size_t)snprintf(stem, sizeof stem, "%.*s%s", SL_FMT(type), mqtt ? "_source" : "");
        for (size_t i = 0; i < n && i < sizeof stem; i++)
            stem[i] = (char)toupper((unsigned char)stem[i]);
        SL_TRY(sl_yaml_read(a, "", stem, &env));
        lay(&l, env, NULL, from_variable, stem);
        snprintf(path, sizeof path, "%s.%.*s", kind, SL_FMT(type));
        lay(&l, sl_settings_get(o->conf.settings, path), NULL, from_setting, &(inside){o->conf.settings, path});
    }
    stored s = {.a = a, .type = type, .sections = sl_json_obj(a)};
    conf_each(o, kind, add_stored, &s);
    lay(&l, s.sections, "conf key set over REST", NULL, NULL);
    char key[128];
    snprintf(key, sizeof key, "%s.%.*s", kind, SL_FMT(type));
    if (known) /* keys of a type that is not there count only in the life in which they were written, as with eKuiper */
        *known = heard || sl_map_has(o->conftouched, sl_str_of(key)) || (s.any && strcmp(kind, "connections") == 0);
    return sl_arena_failed(a) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
void conf_each(sl_office *o, const char *kind, void (*each)(void *arg, sl_str type, sl_str key, sl_str props), void *arg) {
    size_t it = 0, k = strlen(kind);
    sl_str name;
    void *v;
    while (sl_map_next(o->confkeys, &it, &name, &v)) {
        if (name.n <= k || memcmp(name.p, kind, k) != 0 || name.p[k] != '.')
            continue;
        sl_str rest = {name.p + k + 1, name.n - k - 1};
        const char *dot = memrchr(rest.p, '.', rest.n); /* keys hold no dot */
        if (dot)
            each(arg, sl_str_n(rest.p, (size_t)(dot - rest.p)), sl_str_n(dot + 1, (size_t)(rest.p + rest.n - dot - 1)), sl_str_of(v));
    }
}
sl_err *conf_store(sl_office *o, const char *kind, sl_str type, sl_str key, sl_str props) {
    sl_buf name = {0};
    sl_buf_printf(&name, "%s.%.*s", kind, SL_FMT(type));
    if (props.p)
        sl_map_set(o->conftouched, sl_buf_view(&name), o, NULL);
    sl_buf_printf(&name, ".%.*s", SL_FMT(key));
    char *text = props.p ? sl_strdup_n(props.p, props.n) : NULL;
    sl_err *e = name.failed || (props.p && !text) ? sl_err_new(SL_E_NOMEM, "out of memory") : store_put(o, "confkey", sl_buf_view(&name), props);
    void *old = NULL;
    if (!e && props.p && !sl_map_set(o->confkeys, sl_buf_view(&name), text, &old))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        free(text);
    else if (!props.p)
        old = sl_map_del(o->confkeys, sl_buf_view(&name));
    free(old);
    sl_buf_free(&name);
    return e;
}

/* ---- what streams and actions make of it ---- */
static sl_str lower(sl_arena *a, sl_str s, const char *dflt) {
    char *t = name_of(a, s.n ? s : sl_str_of(dflt));
    for (char *c = t; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return sl_str_of(t);
}
static sl_err *source_props(sl_office *o, sl_arena *a, const sl_create *c, sl_str type, sl_json **out) {
    sl_json *p = sl_json_obj(a), *all = NULL;
    const sl_stream_opts *so = &c->opts;
    SL_TRY(conf_sections(o, a, "sources", type, &all, NULL, NULL));
    conf_overlay(a, p, conf_section(all, SL_S("default")));
    sl_json *sec = conf_section(all, so->conf_key);
    conf_overlay(a, p, sec);
    if (so->conf_key.n && !sec)
        sl_warn("sources", "conf key %.*s of source type %.*s is not found", SL_FMT(so->conf_key), SL_FMT(type));
    sl_json *extra = NULL;
    if (so->extra.n) {
        sl_err *e = sl_json_parse(a, so->extra, &extra, NULL);
        if (e)
            sl_warn("sources", "EXTRA of %.*s is not JSON: %s", SL_FMT(c->name), sl_err_text(e));
        sl_err_free(e);
    }
    const sl_json *selector = extra ? sl_json_iget(extra, "connectionSelector") : NULL;
    if (!sl_json_isstr(selector))
        selector = sl_json_iget(p, "connectionSelector");
    if (sl_json_isstr(selector) && selector->s.n) {
        sl_json *props = NULL;
        sl_str ctype;
        if (sl_pool_props(selector->s, a, &props, &ctype))
            conf_overlay(a, p, props);
        else
            sl_warn("sources", "connection %.*s is not found", SL_FMT(selector->s));
    }
    conf_overlay(a, p, extra);
    sl_json_set(a, p, "format", sl_json_str(a, lower(a, so->format, "json")));
    sl_json_set(a, p, "key", sl_json_str(a, so->key));
    sl_json_set(a, p, "datasource", sl_json_str(a, so->datasource));
    sl_json_set(a, p, "schemaId", sl_json_str(a, so->schemaid));
    sl_json_set(a, p, "delimiter", sl_json_str(a, so->delimiter));
    *out = p;
    return NULL;
}
sl_err *sl_office_source_props(sl_office *o, sl_arena *a, const sl_create *c, sl_str type, sl_json **out) {
    sl_arena *tmp = sl_arena_new(0); /* the layers are many times what is left of them */
    sl_json *p = NULL;
    sl_err *e = tmp ? source_props(o, tmp, c, type, &p) : sl_err_new(SL_E_NOMEM, "out of memory");
    *out = e ? NULL : sl_json_clone(a, p);
    sl_arena_free(tmp);
    return e;
}
sl_err *conf_sink_props(sl_office *o, sl_arena *a, sl_str type, const sl_json *given, sl_json **out) {
    static const char *const defaults[] = {"enableCache", "memoryCacheThreshold", "maxDiskCache", "bufferPageSize", "resendInterval", "cleanCacheAtStop"};
    sl_json *p = sl_json_obj(a);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) { /* of all sinks */
        char path[40];
        snprintf(path, sizeof path, "sink.%s", defaults[i]);
        const sl_json *v = sl_settings_get(o->conf.settings, path);
        if (v)
            sl_json_set(a, p, defaults[i], sl_json_clone(a, v));
    }
    const sl_json *id = sl_json_iget(given, "resourceId");
    if (sl_json_isstr(id) && id->s.n) {
        sl_json *all = NULL;
        SL_TRY(conf_sections(o, a, "sinks", type, &all, NULL, NULL));
        sl_json *sec = conf_section(all, id->s);
        conf_overlay(a, p, sec);
        if (!sec)
            sl_warn("sinks", "resourceId %.*s of sink type %.*s is not found", SL_FMT(id->s), SL_FMT(type));
    }
    conf_overlay(a, p, given);
    const sl_json *selector = sl_json_iget(p, "connectionSelector");
    sl_json *shared = NULL;
    sl_str ctype;
    if (sl_json_isstr(selector) && sl_pool_props(selector->s, a, &shared, &ctype) && sl_str_eq(ctype, type))
        conf_overlay(a, p, shared);
    *out = p;
    return NULL;
}

/* ---- secrets ---- */
static const sl_conn_def *table_of(const char *kind, sl_str type) {
    const sl_conn_def *d = sl_conn_find(type);
    for (size_t i = 0; !d && strcmp(kind, "connections") == 0 && sl_conn_at(i); i++)
        if (sl_conn_at(i)->connection && sl_str_is(type, sl_conn_at(i)->connection))
            d = sl_conn_at(i);
    return d;
}
static bool sounds_secret(sl_str key) { /* of a connector that is not there */
    static const char *const words[] = {"password", "saslPassword", "token", "secret", "privateKeyRaw", "secretKey", "apiKey"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_ieq(key, sl_str_of(words[i])))
            return true;
    return false;
}
sl_json *conf_mask(sl_arena *a, const char *kind, sl_str type, const sl_json *props) {
    const sl_conn_def *d = table_of(kind, type);
    sl_json *m = sl_spec_mask(a, d ? d->props : NULL, props);
    for (sl_json *c = m && m->kind == SL_J_OBJ && !d ? m->child : NULL; c; c = c->next)
        if (c->kind == SL_J_STR && c->s.n && sounds_secret(c->key))
            c->s = SL_S("******");
    return m;
}
sl_json *conf_unmask(sl_arena *a, const char *kind, sl_str type, const sl_json *fresh, const sl_json *old) {
    const sl_conn_def *d = table_of(kind, type);
    sl_json *m = sl_spec_unmask(a, d ? d->props : NULL, fresh, old);
    for (sl_json *c = m && m->kind == SL_J_OBJ && !d ? m->child : NULL; c; c = c->next)
        if (c->kind == SL_J_STR && sl_str_is(c->s, "******") && sounds_secret(c->key) && find(old, c->key))
            *c = (sl_json){.kind = SL_J_STR, .s = sl_json_text(find(old, c->key), SL_S("")), .key = c->key, .next = c->next};
    return m;
}

/* ---- use cases ---- */
static bool dur_key(sl_str k) { return sl_str_is(k, "interval") || sl_str_is(k, "timeout") || sl_str_is(k, "expiration"); }
static void as_duration(sl_arena *a, sl_json *obj, const sl_json *v) {
    int64_t ms;
    char t[64];
    if (!sl_json_i64(v, &ms) || ms > INT64_MAX / 1000000 || ms < INT64_MIN / 1000000)
        return;
    size_t n = sl_dur_print(t, ms * 1000000);
    sl_json_set(a, obj, name_of(a, v->key), sl_json_str(a, sl_str_n(t, n)));
}
/* Old spellings and numbers of milliseconds, as upstream takes them. */
static void modernise(sl_arena *a, sl_str type, sl_json *p) {
    const sl_json *v = sl_json_get(p, "saslPassword"), *url = sl_str_is(type, "sql") ? sl_json_get(p, "url") : NULL;
    if (v) {
        sl_json_set(a, p, "password", sl_json_clone(a, v));
        sl_json_del(p, "saslPassword");
    }
    if (url) {
        sl_json_set(a, p, "dburl", sl_json_clone(a, url));
        sl_json_del(p, "url");
    }
    for (const sl_json *c = p->child, *next; c; c = next) {
        next = c->next;
        if (dur_key(c->key))
            as_duration(a, p, c);
    }
    sl_json *lookup = sl_json_get(p, "lookup");
    if (lookup && lookup->kind == SL_J_OBJ && sl_json_get(lookup, "cacheTtl"))
        as_duration(a, lookup, sl_json_get(lookup, "cacheTtl"));
}
/* A body that must be an object; the error as Go words it. */
static sl_err *object(sl_arena *a, sl_str body, sl_json **out) {
    SL_TRY(sl_body_only(a, body, out));
    SL_TRY(sl_body_is(*out, SL_J_OBJ, "map[string]interface {}"));
    if ((*out)->kind == SL_J_NULL)
        *out = sl_json_obj(a);
    return NULL;
}
sl_err *sl_api_confkey_put(sl_office *o, const char *kind, sl_str type, sl_str key, sl_str body) {
    bool conn = strcmp(kind, "connections") == 0;
    SL_TRY(sl_err_prefix(sl_check_id(key), "Invalid confKey"));
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL, *all = NULL;
    sl_err *e = a ? object(a, body, &j) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        if (conn)
            e = sl_err_recode(sl_err_prefix(e, "Invalid body"), SL_E_UNDEFINED);
        else {
            sl_err *w = sl_err_new(SL_E_CONF, "Type conversion failed:%.*s.%s", SL_FMT(type), sl_err_text(e));
            sl_err_free(e);
            e = w;
        }
    }
    stored s = {.a = a, .type = type};
    sl_buf text = {0};
    if (!e) {
        s.sections = all = sl_json_obj(a);
        conf_each(o, kind, add_stored, &s);
        j = conf_unmask(a, kind, type, j, sl_json_get(all, name_of(a, key)));
        modernise(a, type, j);
        if (conn)
            e = sl_pool_define(key, type, j);
        sl_json_write(&text, j, true, 0);
        if (!e)
            e = text.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : conf_store(o, kind, type, key, sl_buf_view(&text));
    }
    sl_buf_free(&text);
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_confkey_delete(sl_office *o, const char *kind, sl_str type, sl_str key) {
    SL_TRY(sl_err_prefix(sl_check_id(key), "Invalid confKey"));
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    stored s = {.a = a, .type = type, .sections = sl_json_obj(a)};
    conf_each(o, kind, add_stored, &s);
    sl_json *all = NULL;
    bool known = false, there = sl_json_get(s.sections, name_of(a, key)) != NULL;
    sl_err *e = there ? NULL : conf_sections(o, a, kind, type, &all, NULL, &known);
    if (there) {
        if (strcmp(kind, "connections") == 0)
            e = sl_pool_undefine(key);
        if (!e)
            e = conf_store(o, kind, type, key, (sl_str){0});
    } else if (!e && !known)
        e = sl_err_new(SL_E_CONF, "This plugin was not found:%s.%.*s", kind, SL_FMT(type));
    else if (!e)
        e = sl_err_new(SL_E_CONF, "Failed to write data to file:%s.%.*s.%s.%.*s.%.*s is not found", kind, SL_FMT(type), kind, SL_FMT(type), SL_FMT(key));
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_confkey_all(sl_office *o, sl_arena *a, const char *kind, sl_str type, sl_json **out) {
    sl_json *all = NULL;
    bool known = false;
    SL_TRY(conf_sections(o, a, kind, type, &all, NULL, &known));
    if (!known)
        return sl_err_new(SL_E_CONF, "This plugin was not found:%s.%.*s", kind, SL_FMT(type));
    *out = sl_json_obj(a);
    for (const sl_json *s = all->child; s; s = s->next) {
        sl_json *m = conf_mask(a, kind, type, s);
        modernise(a, type, m);
        sl_json_set(a, *out, name_of(a, s->key), m);
    }
    return NULL;
}
typedef struct types { /* set of types, in order */
    sl_arena *a;
    sl_json *set;
    bool keys; /* the values are the types' keys: {"key":"type"} */
} types;
static void add_type(void *arg, sl_str type, sl_str key, sl_str props) {
    types *t = arg;
    sl_json *keys = sl_json_get(t->set, name_of(t->a, type));
    if (!keys)
        sl_json_set(t->a, t->set, name_of(t->a, type), keys = sl_json_obj(t->a));
    sl_json_set(t->a, keys, name_of(t->a, key), sl_json_str(t->a, type));
}
sl_err *sl_api_resource(sl_office *o, sl_arena *a, sl_str source_type, sl_json **out) {
    types t = {.a = a, .set = sl_json_obj(a)};
    sl_str name;
    const sl_conn_def *d;
    *out = sl_json_obj(a);
    for (size_t i = 0; (name = sl_shipped_type(i)).n; i++)
        sl_json_set(a, t.set, name_of(a, name), sl_json_obj(a));
    for (size_t i = 0; (d = sl_conn_at(i)); i++)
        if (d->source && d->name[0] != '$')
            sl_json_set(a, t.set, d->name, sl_json_obj(a));
    conf_each(o, "sources", add_type, &t);
    for (const sl_json *x = t.set->child; x; x = x->next) {
        sl_json *all = NULL, *chosen = sl_json_obj(a);
        bool known;
        SL_TRY(conf_sections(o, a, "sources", x->key, &all, NULL, &known));
        for (const sl_json *s = known ? all->child : NULL; s; s = s->next)
            if (!source_type.n || sl_str_eq(sl_json_text(sl_json_get(s, "sourceType"), (sl_str){0}), source_type))
                sl_json_set(a, chosen, name_of(a, s->key), conf_mask(a, "sources", x->key, s));
        if (chosen->n)
            sl_json_set(a, *out, name_of(a, x->key), chosen);
    }
    return NULL;
}
sl_json *sl_api_resources(sl_office *o, sl_arena *a) {
    static const char *const kinds[] = {"sources", "sinks"};
    sl_json *out = sl_json_obj(a);
    for (int i = 0; i < 2; i++) {
        types t = {.a = a, .set = sl_json_obj(a)};
        conf_each(o, kinds[i], add_type, &t);
        sl_json *list = t.set->child ? sl_json_arr(a) : sl_json_null(a);
        for (const sl_json *x = t.set->child; x; x = x->next)
            sl_json_add(list, sl_json_clone(a, x));
        sl_json_set(a, out, kinds[i], list);
    }
    return out;
}
/* Rows of `explain config` for conf files, variables and keys: everything but the shipped defaults. */
void conf_explain(sl_office *o, sl_arena *a, sl_json *list) {
    static const char *const kinds[] = {"sources", "sinks"};
    for (int k = 0; k < 2; k++) {
        types t = {.a = a, .set = sl_json_obj(a)};
        const sl_conn_def *d;
        sl_str name;
        for (size_t i = 0; k == 0 && (name = sl_shipped_type(i)).n; i++)
            sl_json_set(a, t.set, name_of(a, name), sl_json_obj(a));
        for (size_t i = 0; (d = sl_conn_at(i)); i++)
            if ((k ? d->sink != NULL : d->source != NULL) && d->name[0] != '$')
                sl_json_set(a, t.set, d->name, sl_json_obj(a));
        conf_each(o, kinds[k], add_type, &t);
        for (const sl_json *x = t.set->child; x; x = x->next) {
            sl_json *all = NULL, *from = NULL;
            sl_err *e = conf_sections(o, a, kinds[k], x->key, &all, &from, NULL);
            if (e) {
                sl_json *row = sl_json_obj(a);
                sl_json_set(a, row, "key", sl_json_str(a, sl_arena_printf(a, "%s.%.*s", kinds[k], SL_FMT(x->key))));
                sl_json_set(a, row, "value", sl_json_null(a));
                sl_json_set(a, row, "from", sl_json_str(a, sl_str_of(sl_err_text(e))));
                sl_json_add(list, row);
                sl_err_free(e);
                continue;
            }
            for (const sl_json *s = all->child; s; s = s->next) {
                sl_json *masked = conf_mask(a, kinds[k], x->key, s), *who = find(from, s->key);
                for (const sl_json *p = masked->child; p; p = p->next) {
                    sl_json *row = sl_json_obj(a);
                    sl_json_set(a, row, "key", sl_json_str(a, sl_arena_printf(a, "%s.%.*s.%.*s.%.*s", kinds[k], SL_FMT(x->key), SL_FMT(s->key), SL_FMT(p->key))));
                    sl_json_set(a, row, "value", sl_json_clone(a, p));
                    sl_json_set(a, row, "from", sl_json_str(a, sl_json_text(find(who, p->key), SL_S("default"))));
                    sl_json_add(list, row);
                }
            }
        }
    }
}

/* ---- who set each property of one stream or one rule's actions ---- */
typedef struct rows {
    sl_office *office;
    sl_arena *a;
    sl_json *list;
    const char *prefix;
    const sl_conn_def *def;
    const char *kind; /* "sources", "sinks" */
    sl_str type;
    sl_json *values, *from; /* property -> value, property -> who */
} rows;
static void claim(rows *r, const sl_json *props, const char *who, const sl_json *whos) {
    for (const sl_json *p = props && props->kind == SL_J_OBJ ? props->child : NULL; p; p = p->next) {
        const sl_json *have = find(r->values, p->key), *w = whos ? find(whos, p->key) : NULL;
        char *key = name_of(r->a, have ? have->key : p->key);
        sl_json_set(r->a, r->values, key, sl_json_clone(r->a, p));
        sl_str by = w ? sl_arena_printf(r->a, "%s: %.*s", who, SL_FMT(w->s)) : sl_str_of(who);
        sl_json_set(r->a, r->from, key, sl_json_str(r->a, by));
    }
}
static void claim_connection(rows *r, bool same_type) {
    const sl_json *selector = sl_json_iget(r->values, "connectionSelector");
    sl_json *shared = NULL;
    sl_str ctype;
    if (sl_json_isstr(selector) && selector->s.n && sl_pool_props(selector->s, r->a, &shared, &ctype) && (!same_type || sl_str_eq(ctype, r->type)))
        claim(r, shared, sl_arena_printf(r->a, "connection %.*s", SL_FMT(selector->s)).p, NULL);
}
static void add_row(rows *r, sl_str key, const sl_json *value, sl_str who) {
    sl_json *row = sl_json_obj(r->a);
    sl_json_set(r->a, row, "key", sl_json_str(r->a, sl_arena_printf(r->a, "%s%.*s", r->prefix, SL_FMT(key))));
    sl_json_set(r->a, row, "value", sl_json_clone(r->a, value));
    sl_json_set(r->a, row, "from", sl_json_str(r->a, who));
    sl_json_add(r->list, row);
}
static void add_defaults(rows *r, const sl_prop *table, int where) { /* what nobody set */
    for (const sl_prop *p = table; p && p->type != SL_P_END; p++) {
        int places = p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP);
        if (p->type == SL_P_GROUP)
            add_defaults(r, p->of, where);
        else if (p->def && *p->def && p->type != SL_P_REFUSED && (!places || places & where) && !find(r->values, sl_str_of(p->name)) &&
                 !(p->alias && find(r->values, sl_str_of(p->alias))))
            add_row(r, sl_str_of(p->name), sl_json_str(r->a, sl_str_of(p->def)), SL_S("default"));
    }
}
static void tell(rows *r, int where) {
    const sl_json *masked = conf_mask(r->a, r->kind, r->type, r->values);
    for (const sl_json *p = masked->child; p; p = p->next)
        add_row(r, p->key, p, sl_json_text(find(r->from, p->key), SL_S("default")));
    add_defaults(r, r->def ? r->def->props : NULL, where);
}
sl_err *sl_api_stream_config(sl_office *o, sl_arena *a, sl_str name, sl_json **out) {
    const sl_create *c = sl_office_find_def(o, name);
    if (!c)
        return sl_err_new(SL_E_NOTFOUND, "stream or table %.*s is not found", SL_FMT(name));
    const sl_stream_opts *so = &c->opts;
    sl_str type = so->type.n ? so->type : c->table ? SL_S("file") : SL_S("mqtt");
    rows r = {
        .office = o, .a = a, .list = sl_json_arr(a), .prefix = "", .def = sl_conn_find(type), .kind = "sources", .type = type, .values = sl_json_obj(a), .from = sl_json_obj(a)};
    sl_json *all = NULL, *from = NULL, *extra = NULL, *fixed = sl_json_obj(a);
    SL_TRY(conf_sections(o, a, "sources", type, &all, &from, NULL));
    claim(&r, conf_section(all, SL_S("default")), "section default", conf_section(from, SL_S("default")));
    if (so->conf_key.n)
        claim(&r, conf_section(all, so->conf_key), sl_arena_printf(a, "CONF_KEY %.*s", SL_FMT(so->conf_key)).p, conf_section(from, so->conf_key));
    claim_connection(&r, false);
    sl_err *e = so->extra.n ? sl_json_parse(a, so->extra, &extra, NULL) : NULL;
    sl_err_free(e);
    claim(&r, extra, "EXTRA of the stream", NULL);
    static const char with[] = "WITH of the stream";
    struct {
        const char *key;
        sl_str value;
    } opts[] = {
        {"datasource", so->datasource},           {"format", so->format}, {"key", so->key}, {"schemaId", so->schemaid}, {"delimiter", so->delimiter}, {"timestamp", so->timestamp},
        {"timestampFormat", so->timestamp_format}};
    for (size_t i = 0; i < sizeof opts / sizeof *opts; i++)
        if (opts[i].value.n)
            sl_json_set(a, fixed, opts[i].key, sl_json_str(a, opts[i].value));
    claim(&r, fixed, with, NULL);
    tell(&r, SL_P_SOURCE);
    *out = r.list;
    return NULL;
}
sl_err *sl_api_rule_config(sl_office *o, sl_arena *a, sl_str id, sl_json **out) {
    const sl_rule *rule = sl_map_get(o->rules, id);
    if (!rule)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found in registry, please check if it is created", SL_FMT(id));
    *out = sl_json_arr(a);
    uint32_t i = 0;
    for (const sl_json *x = rule->def->actions ? rule->def->actions->child : NULL; x; x = x->next, i++) {
        const sl_json *act = x->kind == SL_J_OBJ ? x->child : NULL, *res = act ? sl_json_iget(act, "resourceId") : NULL;
        if (!act)
            continue;
        rows r = {.office = o,
                  .a = a,
                  .list = *out,
                  .prefix = sl_arena_printf(a, "actions.%u.%.*s.", i, SL_FMT(act->key)).p,
                  .def = sl_conn_find(act->key),
                  .kind = "sinks",
                  .type = act->key,
                  .values = sl_json_obj(a),
                  .from = sl_json_obj(a)};
        if (sl_json_isstr(res) && res->s.n) {
            sl_json *all = NULL, *from = NULL;
            SL_TRY(conf_sections(o, a, "sinks", act->key, &all, &from, NULL));
            claim(&r, conf_section(all, res->s), sl_arena_printf(a, "resourceId %.*s", SL_FMT(res->s)).p, conf_section(from, res->s));
        }
        claim(&r, act, "action", NULL);
        claim_connection(&r, true);
        tell(&r, SL_P_SINK);
    }
    return NULL;
}
