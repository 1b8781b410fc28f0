/* Settings with provenance. Decision: one JSON tree of values and a flat list of who set what; a later layer replaces leaf by leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>
#include "base/num.h"
#include "base/vec.h"
#include "core/settings.h"
#include "os/file.h"

extern char **environ;
typedef struct origin {
    char *key;
    char *from;
} origin;
struct sl_settings {
    sl_arena *arena;
    sl_json *tree;
    SL_VEC(origin) origins;
};

/* ---- YAML to tree ---- */
static sl_json *scalar(sl_arena *a, const yaml_node_t *n) {
    sl_str s = {(const char *)n->data.scalar.value, n->data.scalar.length};
    if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return sl_json_str(a, s);
    int64_t i;
    double d;
    if (s.n == 0 || sl_str_is(s, "~") || sl_str_is(s, "null") || sl_str_is(s, "Null") || sl_str_is(s, "NULL"))
        return sl_json_null(a);
    if (sl_str_is(s, "true") || sl_str_is(s, "True") || sl_str_is(s, "TRUE"))
        return sl_json_bool(a, true);
    if (sl_str_is(s, "false") || sl_str_is(s, "False") || sl_str_is(s, "FALSE"))
        return sl_json_bool(a, false);
    if (sl_num_parse_i64(s, &i))
        return sl_json_int(a, i);
    if (sl_num_parse_f64(s, &d))
        return sl_json_dbl(a, d);
    return sl_json_str(a, s);
}
typedef struct yaml_tree {
    sl_arena *a;
    yaml_document_t doc;
    uint32_t left; /* nodes that may still come: an alias can stand for a tree of aliases */
} yaml_tree;
static sl_json *node(yaml_tree *t, int id, int depth) {
    sl_arena *a = t->a;
    yaml_node_t *n = depth < 64 && t->left ? yaml_document_get_node(&t->doc, id) : NULL;
    if (!n)
        return t->left = 0, sl_json_null(a);
    t->left--;
    if (n->type == YAML_SCALAR_NODE)
        return scalar(a, n);
    if (n->type == YAML_SEQUENCE_NODE) {
        sl_json *l = sl_json_arr(a);
        for (yaml_node_item_t *i = n->data.sequence.items.start; t->left && i < n->data.sequence.items.top; i++)
            sl_json_add(l, node(t, *i, depth + 1));
        return l;
    }
    sl_json *m = sl_json_obj(a);
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; t->left && p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(&t->doc, p->key);
        if (!k || k->type != YAML_SCALAR_NODE)
            continue;
        sl_json *v = node(t, p->value, depth + 1);
        if (strcmp((const char *)k->data.scalar.value, "<<") != 0 || v->kind != SL_J_OBJ)
            sl_json_set(a, m, sl_arena_cstr(a, (const char *)k->data.scalar.value), v);
        else /* a merge: what is written out wins, before it or behind it */
            for (const sl_json *c = v->child; c; c = c->next)
                if (!sl_json_get(m, c->key.p))
                    sl_json_set(a, m, c->key.p, sl_json_clone(a, c));
    }
    return m;
}
sl_err *sl_yaml_parse(sl_arena *a, sl_str text, const char *path, sl_json **out) {
    yaml_parser_t p;
    yaml_tree t = {.a = a, .left = 100000};
    *out = NULL;
    if (!yaml_parser_initialize(&p))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    yaml_parser_set_input_string(&p, (const unsigned char *)(text.p ? text.p : ""), text.n);
    sl_err *e = NULL;
    if (!yaml_parser_load(&p, &t.doc))
        e = sl_err_new(SL_E_CONF, "%s:%zu: %s", path, p.problem_mark.line + 1, p.problem ? p.problem : "not YAML");
    else {
        *out = yaml_document_get_root_node(&t.doc) ? node(&t, 1, 0) : NULL;
        if (!t.left)
            e = sl_err_new(SL_E_LIMIT, "%s: more than 100000 values, or nested deeper than 64", path);
        else if (*out && (*out)->kind != SL_J_OBJ && (*out)->kind != SL_J_NULL)
            e = sl_err_new(SL_E_CONF, "%s: expected keys with values at the top, found something else", path);
        if (*out && (e || (*out)->kind != SL_J_OBJ))
            *out = NULL;
        yaml_document_delete(&t.doc);
    }
    yaml_parser_delete(&p);
    return e;
}

/* ---- layers ---- */
static sl_json *find_key(sl_json *obj, sl_str key) {
    for (sl_json *c = obj && obj->kind == SL_J_OBJ ? obj->child : NULL; c; c = c->next)
        if (sl_str_ieq(c->key, key))
            return c;
    return NULL;
}
static sl_json *env_value(sl_arena *a, sl_str s) { /* texts of variables, as upstream reads them */
    s = sl_str_trim(s);
    int64_t i;
    double d;
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
        sl_json *l = sl_json_arr(a);
        sl_str rest = {s.p + 1, s.n - 2};
        while (rest.n) {
            ptrdiff_t c = sl_str_find(rest, SL_S(","));
            sl_str one = {rest.p, c < 0 ? rest.n : (size_t)c};
            sl_json_add(l, env_value(a, one));
            rest = c < 0 ? (sl_str){0} : (sl_str){rest.p + c + 1, rest.n - (size_t)c - 1};
        }
        return l;
    }
    if (sl_num_parse_i64(s, &i))
        return sl_json_int(a, i);
    static const char *const yes[] = {"true", "True", "TRUE", "t", "T"}, *const no[] = {"false", "False", "FALSE", "f", "F"};
    for (int k = 0; k < 5; k++) {
        if (sl_str_is(s, yes[k]))
            return sl_json_bool(a, true);
        if (sl_str_is(s, no[k]))
            return sl_json_bool(a, false);
    }
    if (sl_num_parse_f64(s, &d))
        return sl_json_dbl(a, d);
    return sl_json_str(a, s);
}
static void put_path(sl_arena *a, sl_json *tree, sl_str path, const char *sep, sl_json *v) {
    size_t ns = strlen(sep);
    for (;;) {
        ptrdiff_t at = sl_str_find(path, sl_str_n(sep, ns));
        sl_str key = {path.p, at < 0 ? path.n : (size_t)at};
        sl_json *have = find_key(tree, key);
        char *name = (char *)sl_arena_dup(a, have ? have->key : key).p;
        if (!have)
            for (char *c = name; *c; c++)
                *c = (char)(*c >= 'A' && *c <= 'Z' && sep[0] == '_' ? *c + 32 : *c);
        if (at < 0) {
            sl_json_set(a, tree, name, v);
            return;
        }
        if (!have || have->kind != SL_J_OBJ) {
            sl_json_set(a, tree, name, sl_json_obj(a));
            have = find_key(tree, sl_str_of(name));
        }
        tree = have;
        path = (sl_str){path.p + at + (ptrdiff_t)ns, path.n - (size_t)at - ns};
    }
}
static void note(sl_settings *s, sl_str key, const char *from) {
    origin o = {sl_strdup_n(key.p, key.n), sl_strdup_n(from, strlen(from))};
    if (!o.key || !o.from || !SL_PUSH(s->origins, o)) {
        free(o.key);
        free(o.from);
    }
}
static void lay(sl_settings *s, sl_json *to, const sl_json *from, sl_str prefix, const char *who) {
    for (const sl_json *c = from->child; c; c = c->next) {
        sl_json *have = find_key(to, c->key);
        sl_str name = have ? have->key : c->key;
        sl_str path = prefix.n ? sl_arena_printf(s->arena, "%.*s.%.*s", SL_FMT(prefix), SL_FMT(name)) : name;
        char *key = (char *)sl_arena_dup(s->arena, name).p;
        if (c->kind == SL_J_OBJ) {
            if (!have || have->kind != SL_J_OBJ) {
                sl_json_set(s->arena, to, key, sl_json_obj(s->arena));
                have = find_key(to, name);
            }
            lay(s, have, c, path, who);
        } else if (c->kind != SL_J_NULL) {
            sl_json_set(s->arena, to, key, sl_json_clone(s->arena, c));
            note(s, path, who);
        }
    }
}
static void lay_env(sl_settings *s, const char *stem) {
    size_t n = strlen(stem);
    for (char **e = environ; *e; e++) {
        char *eq = strchr(*e, '=');
        if (!eq || (size_t)(eq - *e) < n + 3 || strncmp(*e, stem, n) != 0 || strncmp(*e + n, "__", 2) != 0)
            continue;
        sl_json *one = sl_json_obj(s->arena);
        put_path(s->arena, one, sl_str_n(*e + n + 2, (size_t)(eq - *e) - n - 2), "__", env_value(s->arena, sl_str_of(eq + 1)));
        sl_str who = sl_arena_printf(s->arena, "variable %.*s", (int)(eq - *e), *e);
        lay(s, s->tree, one, (sl_str){0}, who.p);
    }
}
sl_err *sl_yaml_read(sl_arena *a, const char *path, const char *env_stem, sl_json **out) {
    *out = NULL;
    if (sl_file_exists(path)) {
        sl_buf b = {0};
        sl_err *e = sl_file_read(path, 8 << 20, &b);
        if (!e)
            e = sl_yaml_parse(a, sl_buf_view(&b), path, out);
        sl_buf_free(&b);
        if (e)
            return e;
    }
    size_t n = strlen(env_stem);
    for (char **e = environ; n && *e; e++) {
        char *eq = strchr(*e, '=');
        if (!eq || strncmp(*e, env_stem, n) != 0 || strncmp(*e + n, "__", 2) != 0)
            continue;
        if (!*out)
            *out = sl_json_obj(a);
        put_path(a, *out, sl_str_n(*e + n + 2, (size_t)(eq - *e) - n - 2), "__", env_value(a, sl_str_of(eq + 1)));
    }
    return NULL;
}

/* ---- the daemon's settings ---- */
sl_err *sl_settings_load(const char *home, const char *const *overrides, size_t n, sl_settings **out) {
    sl_settings *s = calloc(1, sizeof *s);
    sl_arena *a = sl_arena_new(0);
    if (!s || !a) {
        free(s);
        sl_arena_free(a);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    s->arena = a;
    s->tree = sl_json_obj(a);
    sl_json *layer = sl_json_obj(a);
    sl_err *e = NULL;
    for (const sl_setting *d = sl_settings_table; d->key && !e; d++) {
        sl_json *v = NULL;
        if (d->where != SL_SET_RULE && d->def && !(e = sl_json_parse(a, sl_str_of(d->def), &v, NULL)))
            put_path(a, layer, sl_str_of(d->key), ".", v);
    }
    if (!e) {
        lay(s, s->tree, layer, (sl_str){0}, "default");
        char *path = sl_path_join(home, "etc/kuiper.yaml");
        e = path ? sl_yaml_read(a, path, "", &layer) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (!e && layer)
            lay(s, s->tree, layer, (sl_str){0}, sl_arena_printf(a, "file %s", path).p);
        free(path);
    }
    if (!e) {
        lay_env(s, "KUIPER");
        lay_env(s, "SLUICE");
        for (size_t i = 0; i < n && !e; i++) {
            const char *eq = strchr(overrides[i], '=');
            if (!eq) {
                e = sl_err_new(SL_E_CONF, "%s: expected KEY=VALUE, for example basic.restPort=9082", overrides[i]);
                break;
            }
            sl_json *one = sl_json_obj(a);
            put_path(a, one, sl_str_n(overrides[i], (size_t)(eq - overrides[i])), ".", env_value(a, sl_str_of(eq + 1)));
            lay(s, s->tree, one, (sl_str){0}, "command line");
        }
    }
    if (e) {
        sl_settings_free(s);
        return e;
    }
    *out = s;
    return NULL;
}
void sl_settings_free(sl_settings *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->origins.n; i++) {
        free(s->origins.at[i].key);
        free(s->origins.at[i].from);
    }
    SL_VEC_FREE(s->origins);
    sl_arena_free(s->arena);
    free(s);
}
const sl_json *sl_settings_get(const sl_settings *s, const char *path) {
    sl_json *at = s->tree;
    sl_str p = sl_str_of(path);
    while (at && p.n) {
        ptrdiff_t dot = sl_str_find(p, SL_S("."));
        at = find_key(at, (sl_str){p.p, dot < 0 ? p.n : (size_t)dot});
        p = dot < 0 ? (sl_str){0} : (sl_str){p.p + dot + 1, p.n - (size_t)dot - 1};
    }
    return at;
}
sl_str sl_settings_str(const sl_settings *s, const char *path, const char *dflt) { return sl_json_text(sl_settings_get(s, path), sl_str_of(dflt)); }
int64_t sl_settings_int(const sl_settings *s, const char *path, int64_t dflt) {
    int64_t v;
    return sl_json_i64(sl_settings_get(s, path), &v) ? v : dflt;
}
bool sl_settings_bool(const sl_settings *s, const char *path, bool dflt) { return sl_json_true(sl_settings_get(s, path), dflt); }
int64_t sl_settings_dur_ms(const sl_settings *s, const char *path, int64_t dflt) {
    const sl_json *v = sl_settings_get(s, path);
    int64_t n;
    if (sl_json_i64(v, &n))
        return n;
    return sl_json_isstr(v) && sl_dur_parse(v->s, &n) ? n / 1000000 : dflt;
}
sl_err *sl_settings_set(sl_settings *s, const char *path, const sl_json *v, const char *from) {
    sl_json *one = sl_json_obj(s->arena);
    put_path(s->arena, one, sl_str_of(path), ".", sl_json_clone(s->arena, v));
    lay(s, s->tree, one, (sl_str){0}, from);
    return sl_arena_failed(s->arena) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
const char *sl_settings_from(const sl_settings *s, const char *path) {
    for (size_t i = s->origins.n; i > 0; i--)
        if (strcasecmp(s->origins.at[i - 1].key, path) == 0)
            return s->origins.at[i - 1].from;
    return NULL;
}
sl_json *sl_settings_explain(const sl_settings *s, sl_arena *a) {
    sl_json *l = sl_json_arr(a);
    for (size_t i = 0; i < s->origins.n; i++) {
        bool later = false;
        for (size_t k = i + 1; k < s->origins.n && !later; k++)
            later = strcasecmp(s->origins.at[k].key, s->origins.at[i].key) == 0;
        const sl_json *v = later ? NULL : sl_settings_get(s, s->origins.at[i].key);
        if (!v)
            continue;
        sl_json *one = sl_json_obj(a);
        sl_json_set(a, one, "key", sl_json_str(a, sl_str_of(s->origins.at[i].key)));
        sl_json_set(a, one, "value", sl_json_clone(a, v));
        sl_json_set(a, one, "from", sl_json_str(a, sl_str_of(s->origins.at[i].from)));
        sl_json_add(l, one);
    }
    return l;
}
