/* The catalogue as YAML, eKuiper's second form of export (rest-api.md 10): rules with all their options spelt out. Import replaces what bears
 * the same names and leaves the rest alone. */
#include <ctype.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/num.h"
#include "core/body.h"
#include "core/confkeys.h"
#include "core/office_int.h"

/* ---- writing ---- */
static void indent(sl_buf *out, int depth) {
    for (int i = 0; i < depth * 4; i++)
        sl_buf_putc(out, ' ');
}
static bool plain(sl_str s) { /* reads back as the same text without quotes */
    static const char *const words[] = {"null", "~", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", ".inf", "-.inf", "<<", "=", NULL};
    double d;
    if (!s.n || !(isalpha((unsigned char)s.p[0]) || strchr("_/$.(", s.p[0])) || isspace((unsigned char)s.p[s.n - 1]))
        return false;
    for (int i = 0; words[i]; i++)
        if (sl_str_ieq(s, sl_str_of(words[i])))
            return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 32 || c == 127 || (c == ':' && (i + 1 == s.n || s.p[i + 1] == ' ')) || (c == '#' && i && s.p[i - 1] == ' '))
            return false;
    }
    return !sl_num_parse_f64(s, &d);
}
static void text(sl_buf *out, sl_str s) {
    if (plain(s))
        sl_buf_str(out, s);
    else
        sl_json_put_str(out, s); /* a JSON text is a double-quoted YAML text */
}
static void value(sl_buf *out, const sl_json *v, int depth);
static void members(sl_buf *out, const sl_json *v, int depth, bool first_here) {
    for (const sl_json *c = v->child; c; c = c->next) {
        if (!first_here)
            indent(out, depth);
        first_here = false;
        text(out, c->key);
        sl_buf_putc(out, ':');
        value(out, c, depth);
    }
}
static void value(sl_buf *out, const sl_json *v, int depth) { /* behind "key:" or inside a list */
    switch (v->kind) {
    case SL_J_OBJ:
        if (!v->n)
            sl_buf_puts(out, " {}\n");
        else {
            sl_buf_putc(out, '\n');
            members(out, v, depth + 1, false);
        }
        break;
    case SL_J_ARR:
        sl_buf_puts(out, v->n ? "\n" : " []\n");
        for (const sl_json *c = v->child; c; c = c->next) {
            indent(out, depth + 1);
            sl_buf_puts(out, "-");
            if (c->kind == SL_J_OBJ && c->n) {
                sl_buf_putc(out, ' ');
                members(out, c, depth + 2, true); /* "- " is as wide as half a level; deeper is still right */
            } else
                value(out, c, depth + 1);
        }
        break;
    case SL_J_STR:
        sl_buf_putc(out, ' ');
        text(out, v->s);
        sl_buf_putc(out, '\n');
        break;
    default:
        sl_buf_putc(out, ' ');
        sl_json_write(out, v, false, 0);
        sl_buf_putc(out, '\n');
    }
}

/* ---- export ---- */
typedef struct section {
    sl_arena *a;
    sl_json *to;
    const char *kind;
} section;
static void add_key(void *arg, sl_str type, sl_str key, sl_str props) {
    section *s = arg;
    sl_json *p = NULL;
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, props), &p, NULL);
    if (p)
        sl_json_set(s->a, s->to, sl_arena_printf(s->a, "%s.%.*s.%.*s", s->kind, SL_FMT(type), SL_FMT(key)).p, p);
    sl_err_free(e);
}
static bool add_upload(void *arg, sl_str key, sl_str value_text) {
    section *s = arg;
    sl_json *p = NULL, *u = sl_json_obj(s->a);
    sl_err *e = sl_json_parse(s->a, sl_arena_dup(s->a, value_text), &p, NULL);
    for (const sl_json *m = p ? p->child : NULL; m; m = m->next)
        sl_json_set(s->a, u, sl_str_is(m->key, "file") ? "filePath" : sl_arena_dup(s->a, m->key).p, sl_json_clone(s->a, m));
    sl_json_set(s->a, s->to, sl_arena_dup(s->a, sl_str_n(key.p + 7, key.n - 7)).p, u);
    sl_err_free(e);
    return true;
}
static sl_err *gather(sl_office *o, sl_arena *a, sl_json *doc) {
    static const struct { const char *name, *kind; } confs[] = {{"sourceConfig", "sources"}, {"sinkConfig", "sinks"}, {"connectionConfig", "connections"}};
    for (int i = 0; i < 3; i++) {
        section s = {a, sl_json_obj(a), confs[i].kind};
        conf_each(o, confs[i].kind, add_key, &s);
        sl_json_set(a, doc, confs[i].name, s.to);
    }
    static const char *const none[] = {"nativePlugins", "portablePlugins", "service"};
    for (int i = 0; i < 3; i++)
        sl_json_set(a, doc, none[i], sl_json_obj(a));
    sl_json *schemas = sl_json_obj(a);
    for (const sl_json *x = schemas_records(o, a)->child; x; x = x->next) {
        sl_json *one = NULL;
        SL_TRY(sl_json_parse(a, x->s, &one, NULL));
        sl_json_set(a, schemas, sl_arena_dup(a, x->key).p, one);
    }
    sl_json_set(a, doc, "schema", schemas);
    section s = {a, sl_json_obj(a), NULL};
    SL_TRY(sl_kvlog_read(o->kv, SL_S("upload/"), add_upload, &s));
    sl_json_set(a, doc, "uploads", s.to);
    sl_json *rules = sl_json_obj(a);
    size_t it = 0;
    void *v;
    for (int table = 0; table < 2; table++) {
        sl_json *to = sl_json_obj(a);
        for (it = 0; sl_map_next(o->streams, &it, NULL, &v);) {
            const stream_def *d = v;
            if (d->def->table != (table == 1))
                continue;
            sl_json *one = sl_json_obj(a);
            sl_json_set(a, one, "sql", sl_json_str(a, d->text));
            sl_json_set(a, to, sl_arena_dup(a, d->def->name).p, one);
        }
        sl_json_set(a, doc, table ? "tables" : "streams", to);
    }
    for (it = 0; sl_map_next(o->rules, &it, NULL, &v);) {
        const sl_rule *r = v;
        sl_buf full = {0};
        sl_json *j = NULL;
        if (r->def->temp)
            continue;
        sl_err *e = sl_api_rule_full(o, r->def->id, &full);
        if (!e)
            e = sl_json_parse(a, sl_arena_dup(a, sl_buf_view(&full)), &j, NULL);
        if (j)
            sl_json_set(a, rules, sl_arena_dup(a, r->def->id).p, j);
        sl_buf_free(&full);
        SL_TRY(e);
    }
    sl_json_set(a, doc, "rules", rules);
    return sl_arena_failed(a) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
sl_err *sl_api_yaml_export(sl_office *o, sl_buf *out) {
    sl_arena *a = sl_arena_new(0);
    sl_json *doc = a ? sl_json_obj(a) : NULL;
    sl_err *e = a ? gather(o, a, doc) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        members(out, doc, 0, false);
    sl_arena_free(a);
    return e;
}

/* ---- import ---- */
typedef struct import {
    sl_office *office;
    sl_arena *a;
    sl_json *doc;
    const sl_json *rule, *upload, *schema; /* the one in work */
    sl_str name, record;                   /* of the upload */
    sl_api_done done;
    void *arg;
} import;
static void finish(import *im, sl_err *e) {
    im->done(im->arg, e ? sl_err_recode(sl_err_prefix(e, "import failed"), SL_E_UNDEFINED) : NULL);
    sl_arena_free(im->a);
    free(im);
}
static const sl_json *first(const import *im, const char *name) {
    const sl_json *sec = sl_json_iget(im->doc, name);
    return sec && sec->kind == SL_J_OBJ ? sec->child : NULL;
}
static sl_err *take_keys(import *im, const char *name, const char *kind) {
    for (const sl_json *x = first(im, name); x; x = x->next) { /* "sources.mqtt.confA" */
        ptrdiff_t one = sl_str_find(x->key, SL_S("."));
        const char *dot = memrchr(x->key.p, '.', x->key.n);
        if (one < 0 || dot == x->key.p + one || !sl_str_eq(sl_str_n(x->key.p, (size_t)one), sl_str_of(kind)))
            return sl_err_new(SL_E_UNDEFINED, "%s: key %.*s: expected %s.<type>.<name>", name, SL_FMT(x->key), kind);
        sl_str type = sl_str_n(x->key.p + one + 1, (size_t)(dot - x->key.p - one - 1)), key = sl_str_n(dot + 1, (size_t)(x->key.p + x->key.n - dot - 1));
        sl_buf b = {0};
        sl_json_write(&b, x, true, 0);
        sl_err *e = sl_api_confkey_put(im->office, kind, type, key, sl_buf_view(&b));
        sl_buf_free(&b);
        SL_TRY(e);
    }
    return NULL;
}
static sl_err *take_streams(import *im, bool table) {
    for (const sl_json *x = first(im, table ? "tables" : "streams"); x; x = x->next) {
        sl_str sql = sl_json_text(sl_json_iget(x, "sql"), SL_S(""));
        sl_stmt st;
        sl_err *e = sl_parse(im->a, sql, &st, NULL); /* what is there goes only when the new one can be read */
        if (!e && sl_map_has(im->office->streams, x->key))
            e = sl_api_stream_drop(im->office, table, x->key, true);
        sl_buf out = {0};
        if (!e)
            e = sl_api_stream_sql(im->office, sql, &out);
        sl_buf_free(&out);
        if (e) {
            sl_err *w = sl_err_new(SL_E_UNDEFINED, "replace %s %.*s failed, err:%s", table ? "table" : "stream", SL_FMT(x->key), sl_err_text(e));
            sl_err_free(e);
            return w;
        }
    }
    return NULL;
}
static void next_rule(import *im);
static void rule_failed(import *im, sl_err *e) {
    sl_err *w = sl_err_new(SL_E_UNDEFINED, "replace rule %.*s failed, err:%s", SL_FMT(im->rule->key), sl_err_text(e));
    sl_err_free(e);
    finish(im, w);
}
static void rule_made(void *arg, sl_err *e) {
    import *im = arg;
    if (e) {
        rule_failed(im, e);
        return;
    }
    im->rule = im->rule->next;
    next_rule(im);
}
static void next_rule(import *im) {
    if (!im->rule) {
        finish(im, NULL);
        return;
    }
    sl_json *j = sl_json_clone(im->a, im->rule);
    if (j->kind == SL_J_OBJ && !sl_json_iget(j, "triggered"))
        sl_json_set(im->a, j, "triggered", sl_json_bool(im->a, false)); /* what is not said is false in this form */
    sl_json_set(im->a, j, "version", sl_json_str(im->a, SL_S("")));     /* a replacement, whatever was there */
    const sl_json *version = sl_json_iget(im->rule, "version");
    const sl_rule *old = sl_map_get(im->office->rules, im->rule->key);
    if (sl_json_isstr(version) && (!old || !old->def->version.n || sl_str_cmp(version->s, old->def->version) > 0))
        sl_json_set(im->a, j, "version", sl_json_clone(im->a, version));
    sl_buf b = {0};
    sl_json_write(&b, j, true, 0);
    sl_api_rule_update(im->office, im->rule->key, sl_buf_view(&b), rule_made, im);
    sl_buf_free(&b);
}
static void next_schema(import *im);
static void next_upload(import *im);
static void upload_came(void *arg, sl_err *e, sl_str bytes) {
    import *im = arg;
    sl_buf path = {0};
    if (!e)
        e = sl_api_upload_put(im->office, im->name, bytes, im->record, &path);
    sl_buf_free(&path);
    if (e) {
        finish(im, e);
        return;
    }
    im->upload = im->upload->next;
    next_upload(im);
}
static void next_upload(import *im) {
    if (im->upload) {
        sl_arena *a = im->a;
        sl_buf b = {0};
        sl_str content, file;
        sl_json *u = sl_json_obj(a);
        for (const sl_json *m = im->upload->kind == SL_J_OBJ ? im->upload->child : NULL; m; m = m->next)
            sl_json_set(a, u, sl_str_is(m->key, "filePath") ? "file" : sl_arena_dup(a, m->key).p, sl_json_clone(a, m));
        if (!sl_json_get(u, "name"))
            sl_json_set(a, u, "name", sl_json_str(a, im->upload->key));
        sl_json_write(&b, u, false, 0);
        sl_err *why = sl_api_upload_read(a, sl_arena_dup(a, sl_buf_view(&b)), &im->name, &content, &file, &im->record);
        sl_buf_free(&b);
        if (why)
            finish(im, why);
        else if (file.n)
            sl_api_fetch(im->office, file, upload_came, im);
        else
            upload_came(im, NULL, content);
        return;
    }
    next_schema(im);
}
static void schema_done(void *arg, sl_err *e) {
    import *im = arg;
    if (e) {
        finish(im, e);
        return;
    }
    im->schema = im->schema->next;
    next_schema(im);
}
static void next_schema(import *im) {
    if (im->schema) {
        sl_buf b = {0};
        sl_str name = sl_json_text(sl_json_iget(im->schema, "name"), (sl_str){0});
        sl_json_write(&b, im->schema, false, 0);
        if (name.n) /* replaces what is there */
            sl_api_schema_put(im->office, sl_json_text(sl_json_iget(im->schema, "type"), SL_S("protobuf")), sl_arena_dup(im->a, name), sl_buf_view(&b), schema_done, im);
        else
            schema_done(im, sl_err_new(SL_E_UNDEFINED, "schema %.*s has no name", SL_FMT(im->schema->key)));
        sl_buf_free(&b);
        return;
    }
    sl_err *e = take_keys(im, "sourceConfig", "sources");
    if (!e)
        e = take_keys(im, "sinkConfig", "sinks");
    if (!e)
        e = take_keys(im, "connectionConfig", "connections");
    if (!e)
        e = take_streams(im, false);
    if (!e)
        e = take_streams(im, true);
    if (e)
        finish(im, e);
    else {
        im->rule = first(im, "rules");
        next_rule(im);
    }
}
static sl_err *check(const sl_json *doc) {
    static const char *const maps[] = {"sourceConfig", "sinkConfig", "connectionConfig", "nativePlugins", "portablePlugins", "service", "schema",
                                       "uploads",      "streams",    "tables",           "rules"};
    static const char *const absent[] = {"nativePlugins", "portablePlugins", "service"};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        const sl_json *sec = sl_json_iget(doc, maps[i]);
        if (sec && sec->kind != SL_J_NULL && sec->kind != SL_J_OBJ)
            return sl_err_new(SL_E_UNDEFINED, "yaml: unmarshal errors: %s: expected names with values", maps[i]);
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        const sl_json *sec = sl_json_iget(doc, absent[i]);
        if (sec && sec->kind == SL_J_OBJ && sec->n)
            return sl_err_new(SL_E_UNDEFINED, "%s %.*s: not available yet", absent[i], SL_FMT(sec->child->key));
    }
    return NULL;
}
static sl_err *read_doc(sl_arena *a, sl_str body, sl_json **doc) {
    sl_err *e = sl_yaml_parse(a, body, "line", doc);
    const char *t = sl_err_text(e);
    if (!e)
        return NULL;
    sl_err *w = strncmp(t, "line:", 5) == 0 ? sl_err_new(SL_E_UNDEFINED, "yaml: line %s", t + 5) : sl_err_new(SL_E_UNDEFINED, "yaml: %s", t);
    sl_err_free(e);
    return w;
}
void sl_api_yaml_import(sl_office *o, sl_str body, sl_api_done done, void *arg) {
    import *im = calloc(1, sizeof *im);
    sl_arena *a = sl_arena_new(0);
    if (!im || !a) {
        free(im);
        sl_arena_free(a);
        done(arg, sl_err_new(SL_E_NOMEM, "out of memory"));
        return;
    }
    *im = (import){.office = o, .a = a, .done = done, .arg = arg};
    sl_err *e = read_doc(a, sl_arena_dup(a, body), &im->doc);
    if (!e)
        e = check(im->doc);
    if (e)
        finish(im, e);
    else {
        im->upload = first(im, "uploads");
        im->schema = first(im, "schema");
        next_upload(im);
    }
}
