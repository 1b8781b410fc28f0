/* Everything at once: export of all definitions (or of what some rules need) and import, as eKuiper's /data endpoints.
 *
 * Decision: an import is a list of entries that is worked off one after the other, because some take their time (a rule must stop before
 * it is replaced, a file must be fetched). The document is read completely before anything is touched; an entry that fails is reported
 * and the rest goes on. */
#include <stdlib.h>
#include "base/log.h"
#include "core/body.h"
#include "core/confkeys.h"
#include "core/office_int.h"

enum { STREAMS, TABLES, RULES, NATIVE, PORTABLE, SOURCES, SINKS, CONNECTIONS, SERVICES, SCHEMAS, UPLOADS, SCRIPTS, SECTIONS, RESET };
static const char *const names[SECTIONS] = {"streams",    "tables",           "rules",   "nativePlugins", "portablePlugins", "sourceConfig",
                                            "sinkConfig", "connectionConfig", "Service", "Schema",        "uploads",         "scripts"};
static const char *const kind_of[SECTIONS] = {[SOURCES] = "sources", [SINKS] = "sinks", [CONNECTIONS] = "connections"};

static sl_json *document(sl_arena *a) {
    sl_json *d = sl_json_obj(a);
    for (int i = 0; i < SECTIONS; i++)
        sl_json_set(a, d, names[i], sl_json_obj(a));
    return d;
}
static const char *key_of(sl_arena *a, sl_str s) { return sl_arena_dup(a, s).p; }
static void put_text(sl_arena *a, sl_json *doc, int section, sl_str key, sl_str text) { sl_json_set(a, sl_json_get(doc, names[section]), key_of(a, key), sl_json_str(a, text)); }

/* ---- export ---- */
typedef struct keys {
    sl_arena *a;
    sl_json *of;      /* type -> {key: props} */
    sl_str type, key; /* only this one; empty: all */
} keys;
static void add_key(void *arg, sl_str type, sl_str key, sl_str props) {
    keys *k = arg;
    sl_json *j = NULL;
    if (k->type.n && (!sl_str_eq(type, k->type) || !sl_str_eq(key, k->key)))
        return;
    sl_err *e = sl_json_parse(k->a, sl_arena_dup(k->a, props), &j, NULL);
    sl_json *t = sl_json_get(k->of, key_of(k->a, type));
    if (!t)
        sl_json_set(k->a, k->of, key_of(k->a, type), t = sl_json_obj(k->a));
    if (!e)
        sl_json_set(k->a, t, key_of(k->a, key), j);
    sl_err_free(e);
}
static void put_keys(sl_arena *a, sl_json *doc, int section, const sl_json *of) {
    for (const sl_json *t = of->child; t; t = t->next) {
        sl_buf b = {0};
        sl_json_write(&b, t, true, 0);
        put_text(a, doc, section, t->key, sl_buf_view(&b));
        sl_buf_free(&b);
    }
}
static void add_stream(sl_office *o, sl_arena *a, sl_json *doc, sl_str name, sl_json *sources) {
    const stream_def *d = sl_map_get(o->streams, name);
    if (!d)
        return;
    put_text(a, doc, d->def->table ? TABLES : STREAMS, d->def->name, d->text);
    const sl_stream_opts *so = &d->def->opts;
    if (sources && so->schemaid.n) { /* "file.message" of a type that is the format */
        ptrdiff_t dot = sl_str_find(so->schemaid, SL_S("."));
        sl_str file = dot >= 0 ? sl_str_n(so->schemaid.p, (size_t)dot) : so->schemaid;
        const char *id = sl_arena_printf(a, "%.*s_%.*s", SL_FMT(so->format), SL_FMT(file)).p;
        const sl_json *s = schemas_records(o, a);
        for (s = s->child; s; s = s->next)
            if (sl_str_ieq(s->key, sl_str_of(id)))
                put_text(a, doc, SCHEMAS, s->key, s->s);
    }
    if (sources && so->conf_key.n) {
        keys k = {a, sources, so->type.n ? so->type : d->def->table ? SL_S("file") : SL_S("mqtt"), so->conf_key};
        conf_each(o, "sources", add_key, &k);
    }
}
static void add_closure(sl_office *o, sl_arena *a, sl_json *doc, sl_str id, sl_json *sources, sl_json *sinks) {
    const sl_rule *r = sl_map_get(o->rules, id);
    put_text(a, doc, RULES, id, r && !r->def->temp ? r->def->text : SL_S(""));
    sl_select *sel = NULL;
    sl_err *e = r ? sl_parse_select(a, r->def->sql, &sel, NULL) : NULL;
    if (sel && !e) {
        add_stream(o, a, doc, sel->from.name, sources);
        for (uint32_t i = 0; i < sel->njoins; i++)
            add_stream(o, a, doc, sel->joins[i].src.name, sources);
    }
    sl_err_free(e);
    for (const sl_json *x = r && r->def->actions ? r->def->actions->child : NULL; x; x = x->next) {
        const sl_json *act = x->kind == SL_J_OBJ ? x->child : NULL, *res = act ? sl_json_iget(act, "resourceId") : NULL;
        if (sl_json_isstr(res) && res->s.n) {
            keys k = {a, sinks, act->key, res->s};
            conf_each(o, "sinks", add_key, &k);
        }
    }
}
sl_json *sl_api_data_export(sl_office *o, sl_arena *a, const sl_json *rules) {
    sl_json *doc = document(a), *of[SECTIONS] = {[SOURCES] = sl_json_obj(a), [SINKS] = sl_json_obj(a), [CONNECTIONS] = sl_json_obj(a)};
    size_t it = 0;
    void *v;
    for (const sl_json *x = rules ? rules->child : NULL; x; x = x->next)
        add_closure(o, a, doc, sl_json_text(x->kind == SL_J_STR ? x : NULL, (sl_str){"", 0}), of[SOURCES], of[SINKS]);
    while (!rules && sl_map_next(o->streams, &it, NULL, &v))
        add_stream(o, a, doc, ((stream_def *)v)->def->name, NULL);
    for (it = 0; !rules && sl_map_next(o->rules, &it, NULL, &v);)
        if (!((sl_rule *)v)->def->temp)
            put_text(a, doc, RULES, ((sl_rule *)v)->def->id, ((sl_rule *)v)->def->text);
    for (int s = SOURCES; s <= CONNECTIONS; s++) {
        keys k = {.a = a, .of = of[s]};
        if (!rules || s == CONNECTIONS)
            conf_each(o, kind_of[s], add_key, &k);
        put_keys(a, doc, s, of[s]);
    }
    const sl_json *schemas = rules ? NULL : schemas_records(o, a);
    for (const sl_json *x = schemas ? schemas->child : NULL; x; x = x->next)
        put_text(a, doc, SCHEMAS, x->key, x->s);
    const sl_json *up = uploads_records(o, a);
    for (const sl_json *u = up->child; u; u = u->next)
        put_text(a, doc, UPLOADS, u->key, u->s);
    return doc;
}

/* ---- import ---- */
typedef struct entry {
    int section; /* RULES with drop: remove the rule first */
    bool drop;
    sl_str key, text;
} entry;
typedef struct job {
    sl_office *office;
    sl_arena *arena;
    sl_json *errors; /* a document: name -> error */
    bool partial, failed;
    SL_VEC(entry) todo;
    size_t at;
    bool turning, came;    /* a step that ended inside its own call */
    sl_str upload, record; /* of a file that is being fetched */
    sl_data_done done;
    void *arg;
} job;
static void turn(job *j);
static void finish(job *j) {
    sl_office *o = j->office;
    sl_buf text = {0};
    sl_json_write(&text, j->errors, false, 0);
    if (!j->partial) {
        free(o->import_errors);
        o->import_errors = sl_strdup_n(sl_buf_cstr(&text), text.n);
    }
    j->done(j->arg, NULL, j->failed, sl_buf_view(&text));
    sl_buf_free(&text);
    SL_VEC_FREE(j->todo);
    sl_arena_free(j->arena);
    free(j);
}
static void record(job *j, const entry *x, sl_err *e) {
    if (!e)
        return;
    int section = x->section == RESET ? STREAMS : x->section;
    sl_warn("import", "%s %.*s: %s", names[section], SL_FMT(x->key), sl_err_text(e));
    put_text(j->arena, j->errors, section, x->key, sl_str_of(sl_err_text(e)));
    j->failed = true;
    sl_err_free(e);
}
static void next(job *j) {
    j->at++;
    if (j->turning)
        j->came = true;
    else
        turn(j);
}
static void ended(void *arg, sl_err *e) {
    job *j = arg;
    record(j, &j->todo.at[j->at], e);
    next(j);
}
static void fetched(void *arg, sl_err *e, sl_str bytes) {
    job *j = arg;
    sl_buf path = {0};
    if (!e)
        e = sl_api_upload_put(j->office, j->upload, bytes, j->record, &path);
    sl_buf_free(&path);
    ended(j, e);
}
static sl_err *import_keys(job *j, const entry *x) {
    sl_json *o = NULL;
    sl_err *first = sl_json_parse(j->arena, x->text, &o, NULL);
    for (const sl_json *k = !first && o->kind == SL_J_OBJ ? o->child : NULL; k; k = k->next) {
        sl_buf b = {0};
        sl_json_write(&b, k, true, 0);
        sl_err *e = sl_api_confkey_put(j->office, kind_of[x->section], x->key, k->key, sl_buf_view(&b));
        sl_buf_free(&b);
        if (first)
            sl_err_free(e);
        else
            first = e;
    }
    return first;
}
static sl_err *forget_all(job *j) { /* all but rules, which are entries of the list */
    sl_office *o = j->office;
    sl_arena *a = j->arena;
    const sl_json *doc = sl_api_data_export(o, a, NULL);
    for (int s = STREAMS; s <= TABLES; s++)
        for (const sl_json *x = sl_json_get(doc, names[s])->child; x; x = x->next)
            SL_TRY(sl_api_stream_drop(o, s == TABLES, x->key, true));
    for (int s = SOURCES; s <= CONNECTIONS; s++)
        for (const sl_json *t = sl_json_get(doc, names[s])->child; t; t = t->next) {
            sl_json *of = NULL;
            SL_TRY(sl_json_parse(a, t->s, &of, NULL));
            for (const sl_json *k = of->child; k; k = k->next)
                SL_TRY(sl_api_confkey_delete(o, kind_of[s], t->key, k->key));
        }
    for (const sl_json *x = sl_json_get(doc, names[SCHEMAS])->child; x; x = x->next) {
        ptrdiff_t bar = sl_str_find(x->key, SL_S("_"));
        SL_TRY(sl_api_schema_delete(o, sl_str_n(x->key.p, (size_t)bar), sl_str_n(x->key.p + bar + 1, x->key.n - (size_t)bar - 1)));
    }
    for (const sl_json *u = sl_json_get(doc, names[UPLOADS])->child; u; u = u->next)
        SL_TRY(store_put(o, "upload", u->key, (sl_str){0}));
    return NULL;
}
/* One entry; false: it ends later, by next(). */
static bool start(job *j, const entry *x) {
    sl_office *o = j->office;
    sl_err *e = NULL;
    sl_buf out = {0};
    switch (x->section) {
    case RESET: e = forget_all(j); break;
    case STREAMS:
    case TABLES:
        if (sl_map_has(o->streams, x->key))
            e = sl_api_stream_replace(o, x->section == TABLES, x->key, x->text);
        else
            e = sl_api_stream_sql(o, x->text, &out);
        break;
    case RULES:
        if (x->drop) {
            sl_api_rule_delete(o, x->key, ended, j);
            return false;
        }
        if (sl_map_has(o->rules, x->key)) {
            sl_api_rule_update(o, x->key, x->text, ended, j);
            return false;
        }
        if (j->partial) {
            sl_buf_str(&out, x->key);
            e = sl_api_rule_create(o, x->text, &out);
        } else {
            rule_def *d = NULL;
            e = rule_parse(o, x->text, x->key, &d);
            if (!e && (e = rule_adopt(o, d)))
                rule_def_free(d);
        }
        break;
    case SOURCES:
    case SINKS:
    case CONNECTIONS: e = import_keys(j, x); break;
    case UPLOADS: {
        sl_str content, file;
        e = sl_api_upload_read(j->arena, x->text, &j->upload, &content, &file, &j->record);
        if (!e && file.n) {
            sl_api_fetch(o, file, fetched, j);
            return false;
        }
        if (!e)
            e = sl_api_upload_put(o, j->upload, content, j->record, &out);
        break;
    }
    case SCHEMAS:
        if (j->partial && o->schemas && sl_map_has(o->schemas, x->key))
            break; /* only what is absent */
        {
            sl_json *s = NULL;
            if (!(e = sl_body_only(j->arena, x->text, &s)) && !(e = sl_body_is(s, SL_J_OBJ, "schema.Info"))) {
                sl_api_schema_put(o, sl_json_text(sl_json_iget(s, "type"), SL_S("protobuf")), SL_S(""), x->text, ended, j);
                return false;
            }
        }
        break;
    case NATIVE: /* what eKuiper loads as a plug-in is built in here, or it is not there */
        if (j->partial) {
            ptrdiff_t bar = sl_str_find(x->key, SL_S("_"));
            if (bar < 0 || !sl_conn_find((sl_str){x->key.p + bar + 1, x->key.n - (size_t)bar - 1}))
                e = sl_err_new(SL_E_UNSUPPORTED, "plug-ins of eKuiper (Go) cannot be loaded here");
        }
        break;
    default:
        e = sl_err_new(SL_E_UNSUPPORTED, "%s are not available yet",
                       x->section == PORTABLE       ? "portable plug-ins"
                           : x->section == SERVICES ? "external services"
                                                    : "script functions");
    }
    sl_buf_free(&out);
    record(j, x, e);
    return true;
}
static void turn(job *j) { /* what ends at once is a loop, not a recursion: there may be ten thousand entries */
    while (j->at < j->todo.n) {
        entry x = j->todo.at[j->at];
        j->turning = true;
        j->came = false;
        if (start(j, &x))
            j->at++;
        else if (!j->came) {
            j->turning = false;
            return;
        }
        j->turning = false;
    }
    finish(j);
}
static sl_err *read_document(sl_arena *a, sl_str text, sl_json **out) {
    SL_TRY(sl_body_only(a, text, out));
    SL_TRY(sl_body_is(*out, SL_J_OBJ, "server.Configuration"));
    for (int s = 0; s < SECTIONS; s++) {
        const sl_json *sec = NULL;
        SL_TRY(sl_body_want(*out, "Configuration", names[s], SL_J_OBJ, "map[string]string", &sec));
        for (const sl_json *x = sec ? sec->child : NULL; x; x = x->next)
            if (x->kind != SL_J_STR && x->kind != SL_J_NULL)
                return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go struct field Configuration.%s of type string",
                                  x->kind == SL_J_NUM        ? "number"
                                      : x->kind == SL_J_BOOL ? "bool"
                                      : x->kind == SL_J_ARR  ? "array"
                                                             : "object",
                                  names[s]);
    }
    return NULL;
}
static sl_err *unmarshal(sl_err *why) { /* upstream puts no colon here */
    sl_err *e = why ? sl_err_new(sl_err_code(why), "configuration unmarshal with error %s", sl_err_text(why)) : NULL;
    sl_err_free(why);
    return e;
}
void sl_api_data_import(sl_office *o, sl_str text, bool partial, sl_data_done done, void *arg) {
    static const int order[2][SECTIONS] = {{UPLOADS, NATIVE, SCHEMAS, PORTABLE, SERVICES, SCRIPTS, SOURCES, SINKS, CONNECTIONS, STREAMS, TABLES, RULES},
                                           {SOURCES, SINKS, CONNECTIONS, UPLOADS, NATIVE, SCHEMAS, PORTABLE, SERVICES, SCRIPTS, STREAMS, TABLES, RULES}};
    job *j = calloc(1, sizeof *j);
    sl_json *doc = NULL;
    sl_err *e = j && (j->arena = sl_arena_new(0)) ? unmarshal(read_document(j->arena, sl_arena_dup(j->arena, text), &doc)) : sl_err_new(SL_E_NOMEM, "out of memory");
    bool ok = !e;
    size_t it = 0;
    void *v;
    while (ok && !partial && sl_map_next(o->rules, &it, NULL, &v))
        ok = SL_PUSH(j->todo, ((entry){.section = RULES, .drop = true, .key = sl_arena_dup(j->arena, sl_str_of(((sl_rule *)v)->id))}));
    if (ok && !partial)
        ok = SL_PUSH(j->todo, ((entry){.section = RESET, .key = {"", 0}}));
    for (int i = 0; ok && i < SECTIONS; i++) {
        const sl_json *sec = sl_json_iget(doc, names[order[partial][i]]);
        for (const sl_json *x = sec && sec->kind == SL_J_OBJ ? sec->child : NULL; ok && x; x = x->next)
            ok = SL_PUSH(j->todo, ((entry){.section = order[partial][i], .key = x->key, .text = sl_json_text(x, (sl_str){"", 0})}));
    }
    if (!ok) {
        if (j) {
            SL_VEC_FREE(j->todo);
            sl_arena_free(j->arena);
        }
        free(j);
        done(arg, e ? e : sl_err_new(SL_E_NOMEM, "out of memory"), false, (sl_str){0});
        return;
    }
    j->office = o;
    j->errors = document(j->arena);
    j->partial = partial;
    j->done = done;
    j->arg = arg;
    turn(j);
}
void sl_api_data_status(sl_office *o, sl_buf *out) {
    sl_arena *a = o->import_errors ? NULL : sl_arena_new(0);
    if (o->import_errors)
        sl_buf_puts(out, o->import_errors);
    else if (a)
        sl_json_write(out, document(a), false, 0);
    sl_arena_free(a);
}
