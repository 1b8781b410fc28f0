/* Named connections: created over REST or by connection.yaml, kept as conf keys "connections.<type>.<id>" as eKuiper does, alive in the pool.
 *
 * Decision: a file is provisioned once per content. Its effective text is remembered, so that a connection which somebody removed over REST
 * does not come back at the next start. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "core/body.h"
#include "core/confkeys.h"
#include "core/office_int.h"

/* ---- boot ---- */
static void define(void *arg, sl_str type, sl_str id, sl_str props) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, props, &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        e = sl_pool_define(id, type, j);
    if (e)
        sl_error("connections", "%.*s: %s", SL_FMT(id), sl_err_text(e));
    sl_err_free(e);
    sl_arena_free(a);
}
static sl_err *keep(sl_office *o, sl_str type, sl_str id, const sl_json *props) {
    sl_buf text = {0};
    sl_json_write(&text, props, true, 0);
    sl_err *e = text.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : conf_store(o, "connections", type, id, sl_buf_view(&text));
    sl_buf_free(&text);
    return e;
}
static void provision(sl_office *o, sl_arena *a, sl_str type, sl_json *entry) {
    sl_str id = entry->key, op = SL_S("create"), was_type;
    const sl_json *was = sl_json_iget(entry, "xOperation");
    sl_json *have = NULL;
    if (was) {
        op = sl_json_text(was, (sl_str){"", 0});
        sl_json_del(entry, sl_arena_dup(a, was->key).p);
    }
    bool there = sl_pool_props(id, a, &have, &was_type);
    sl_err *e = NULL;
    if (sl_str_is(op, "delete")) {
        e = there ? sl_pool_undefine(id) : NULL;
        if (!e && there)
            e = conf_store(o, "connections", was_type, id, (sl_str){0});
    } else if (!sl_str_is(op, "create"))
        e = sl_err_new(SL_E_CONF, "xOperation %.*s is unknown, expected create or delete", SL_FMT(op));
    else if (!there) {
        e = keep(o, type, id, entry);
        if (!e)
            e = sl_pool_define(id, type, entry);
    }
    if (e)
        sl_error("connections", "%.*s: %s", SL_FMT(id), sl_err_text(e));
    sl_err_free(e);
}
void connections_load(sl_office *o) {
    sl_pool_home(o->conf.home);
    conf_each(o, "connections", define, NULL);
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return;
    char path[512];
    sl_json *etc = NULL, *data = NULL, *all = sl_json_obj(a);
    snprintf(path, sizeof path, "%s/etc/connections/connection.yaml", o->conf.home);
    sl_err *e = sl_yaml_read(a, path, "CONNECTION", &etc);
    if (e)
        sl_error("connections", "%s", sl_err_text(e));
    sl_err_free(e);
    /* eKuiper takes the file of this name in data/ for one of the connection type "connection" */
    snprintf(path, sizeof path, "%s/data/connections/connection.yaml", o->conf.home);
    e = sl_yaml_read(a, path, "", &data);
    if (e)
        sl_error("connections", "%s", sl_err_text(e));
    sl_err_free(e);
    for (const sl_json *t = etc ? etc->child : NULL; t; t = t->next)
        if (t->kind == SL_J_OBJ)
            sl_json_set(a, all, sl_arena_dup(a, t->key).p, sl_json_clone(a, t));
    if (data && data->n)
        sl_json_set(a, all, "connection", data);
    sl_buf text = {0}, before = {0};
    bool found = false;
    sl_json_write(&text, all, true, 0);
    e = sl_kvlog_get(o->kv, SL_S("provisioned/connection.yaml"), &before, &found);
    if (!e && all->n && !(found && sl_str_eq(sl_buf_view(&text), sl_buf_view(&before)))) {
        for (sl_json *t = all->child; t; t = t->next)
            for (sl_json *c = t->child, *next; c; c = next) {
                next = c->next;
                if (c->kind == SL_J_OBJ)
                    provision(o, a, t->key, c);
            }
        e = store_put(o, "provisioned", SL_S("connection.yaml"), sl_buf_view(&text));
    }
    if (e)
        sl_error("connections", "%s", sl_err_text(e));
    sl_err_free(e);
    sl_buf_free(&text);
    sl_buf_free(&before);
    sl_arena_free(a);
}

/* ---- use cases ---- */
static sl_json *view(sl_arena *a, sl_str id, sl_str type, const sl_json *props) {
    static const char *const words[] = {[SL_CONN_CONNECTING] = "connecting", [SL_CONN_CONNECTED] = "connected", [SL_CONN_DISCONNECTED] = "disconnected"};
    sl_json *j = sl_json_obj(a);
    sl_conn_state st = SL_CONN_CONNECTING;
    char why[200] = "";
    int refs = sl_pool_refs(id);
    sl_pool_status(id, &st, why, sizeof why);
    sl_json_set(a, j, "id", sl_json_str(a, id));
    sl_json_set(a, j, "typ", sl_json_str(a, type));
    sl_json_set(a, j, "props", conf_mask(a, "connections", type, props));
    sl_json_set(a, j, "isNamed", sl_json_bool(a, true));
    sl_json_set(a, j, "status", sl_json_str(a, sl_str_of(words[st])));
    if (st == SL_CONN_DISCONNECTED && why[0])
        sl_json_set(a, j, "err", sl_json_str(a, sl_str_of(why)));
    if (refs > 0)
        sl_json_set(a, j, "refCount", sl_json_int(a, refs));
    return j;
}
typedef struct finder {
    sl_arena *a;
    sl_json *list; /* all, or NULL */
    sl_str id;     /* the one */
    sl_json *one;
    sl_str type;
    sl_json *props;
} finder;
static void look(void *arg, sl_str type, sl_str id, sl_str props) {
    finder *f = arg;
    sl_json *j = NULL;
    if (!f->list && !sl_str_eq(id, f->id))
        return;
    sl_err *e = sl_json_parse(f->a, sl_arena_dup(f->a, props), &j, NULL);
    if (!e && f->list)
        sl_json_add(f->list, view(f->a, id, type, j));
    else if (!e) {
        f->type = sl_arena_dup(f->a, type);
        f->props = j;
        f->one = view(f->a, id, type, j);
    }
    sl_err_free(e);
}
sl_json *sl_api_connections(sl_office *o, sl_arena *a) {
    finder f = {.a = a, .list = sl_json_arr(a)};
    conf_each(o, "connections", look, &f);
    return f.list;
}

/* ---- connections that belong to nodes of running rules, under the names that eKuiper gives them ---- */
typedef struct all_wish {
    sl_office *office;
    sl_api_text done;
    void *arg;
} all_wish;
static const sl_meter *meter_named(const sl_meters *m, sl_str name, uint8_t where) {
    for (uint32_t i = 0; i < m->n; i++)
        if (m->at[i].where == where && sl_str_is(name, m->at[i].name))
            return &m->at[i];
    return NULL;
}
static void add_anonymous(sl_arena *a, sl_json *list, sl_str id, const char *type, const sl_json *props, const sl_meter *m) {
    int64_t refs = 0;
    for (sl_json *c = list->child; c; c = c->next)
        if (sl_str_eq(sl_json_text(sl_json_get(c, "id"), (sl_str){0}), id)) { /* several nodes share it */
            sl_json_i64(sl_json_get(c, "refCount"), &refs);
            sl_json_set(a, c, "refCount", sl_json_int(a, refs + 1));
            return;
        }
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "id", sl_json_str(a, id));
    sl_json_set(a, j, "typ", sl_json_str(a, sl_str_of(type)));
    sl_json_set(a, j, "props", conf_mask(a, "connections", sl_str_of(type), props));
    sl_json_set(a, j, "isNamed", sl_json_bool(a, false));
    sl_json_set(a, j, "status", sl_json_str(a, !m || m->conn == 0 ? SL_S("connecting") : m->conn > 0 ? SL_S("connected") : SL_S("disconnected")));
    if (m && m->conn < 0 && m->disconn_why && *m->disconn_why)
        sl_json_set(a, j, "err", sl_json_str(a, sl_str_of(m->disconn_why)));
    sl_json_set(a, j, "refCount", sl_json_int(a, 1));
    sl_json_add(list, j);
}
static bool selected(const sl_json *props) {
    const sl_json *s = sl_json_iget(props, "connectionSelector");
    return sl_json_isstr(s) && s->s.n;
}
static sl_str path_of(const sl_json *props, const char *first) {
    sl_str p = sl_json_text(sl_json_iget(props, first), (sl_str){0});
    return p.n ? p : sl_json_text(sl_json_iget(props, "datasource"), (sl_str){"", 0});
}
static sl_str name_of(sl_arena *a, const sl_rule *r, const sl_conn_def *d, sl_str op, const sl_json *props, bool sink) {
    if (strcmp(d->connection, "httppush") == 0)
        return path_of(props, "datasource");
    if (strcmp(d->connection, "websocket") == 0)
        return sl_arena_printf(a, "$$ws/%.*s", SL_FMT(path_of(props, "path")));
    if (strcmp(d->connection, "sse") == 0)
        return sl_arena_printf(a, "$$sse/%.*s", SL_FMT(path_of(props, "endpoint")));
    sl_str topic = sl_json_text(sl_json_iget(props, sink ? "topic" : "datasource"), (sl_str){"", 0});
    return sl_arena_printf(a, "%s-%.*s-%.*s-%s-%s", r->id, SL_FMT(op), SL_FMT(topic), d->name, sink ? "sink" : "source");
}
static void of_rule(sl_office *o, sl_arena *a, sl_json *list, const sl_rule *r, const sl_meters *m) {
    const sl_flowspec *spec = sl_flow_spec(r->flow);
    sl_json *props = NULL;
    sl_err *e = NULL;
    for (uint32_t i = 0; i < sl_plan_nsources(spec->plan); i++) {
        sl_str name = sl_plan_source_at(spec->plan, i)->stream;
        const sl_create *c = sl_office_find_def(o, name);
        sl_str type = !c ? SL_S("") : c->opts.type.n ? c->opts.type : c->table ? SL_S("file") : SL_S("mqtt");
        const sl_conn_def *d = sl_conn_find(type);
        if (!c || !d || !d->connection)
            continue;
        e = sl_office_source_props(o, a, c, type, &props);
        if (!e && !selected(props))
            add_anonymous(a, list, name_of(a, r, d, name, props, false), d->connection, props, meter_named(m, name, 0));
        sl_err_free(e);
    }
    uint32_t i = 0;
    for (const sl_json *x = r->def->actions ? r->def->actions->child : NULL; x; x = x->next, i++) {
        const sl_json *act = x->kind == SL_J_OBJ ? x->child : NULL;
        const sl_conn_def *d = act ? sl_conn_find(act->key) : NULL;
        if (!d || !d->connection || !d->sink)
            continue;
        e = conf_sink_props(o, a, act->key, act, &props);
        sl_str op = sl_arena_printf(a, "%.*s_%u", SL_FMT(act->key), i);
        if (!e && !selected(props))
            add_anonymous(a, list, name_of(a, r, d, op, props, true), d->connection, props, meter_named(m, op, 2));
        sl_err_free(e);
    }
}
static int by_id(const void *x, const void *y) {
    return sl_str_cmp(sl_json_text(sl_json_get(*(sl_json *const *)x, "id"), (sl_str){0}), sl_json_text(sl_json_get(*(sl_json *const *)y, "id"), (sl_str){0}));
}
static void all_ready(void *arg, const rule_meters *l, size_t n) {
    all_wish *w = arg;
    sl_arena *a = sl_arena_new(0);
    sl_json *list = a ? sl_api_connections(w->office, a) : NULL, *sorted = a ? sl_json_arr(a) : NULL;
    for (size_t i = 0; list && l && i < n; i++)
        if (l[i].r->flow && l[i].r->state == SL_RULE_RUNNING)
            of_rule(w->office, a, list, l[i].r, l[i].m);
    sl_json **at = list ? SL_NEW_N(a, sl_json *, list->n + 1) : NULL;
    sl_buf b = {0};
    size_t k = 0;
    for (sl_json *c = at ? list->child : NULL; c; c = c->next)
        at[k++] = c;
    if (k)
        qsort(at, k, sizeof *at, by_id);
    for (size_t i = 0; i < k; i++)
        sl_json_add(sorted, sl_json_clone(a, at[i]));
    if (sorted)
        sl_json_write(&b, sorted, false, 0);
    w->done(w->arg, !at || b.failed || sl_arena_failed(a) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL, sl_buf_view(&b));
    sl_buf_free(&b);
    sl_arena_free(a);
    free(w);
}
void sl_api_connections_all(sl_office *o, sl_api_text done, void *arg) {
    all_wish *w = malloc(sizeof *w);
    if (w)
        *w = (all_wish){o, done, arg};
    if (!w || !rules_survey(o, all_ready, w)) {
        free(w);
        done(arg, sl_err_new(SL_E_NOMEM, "out of memory"), (sl_str){0});
    }
}
sl_err *sl_api_connection_get(sl_office *o, sl_arena *a, sl_str id, sl_json **out) {
    finder f = {.a = a, .id = id};
    conf_each(o, "connections", look, &f);
    *out = f.one;
    return f.one ? NULL : sl_err_new(SL_E_UNDEFINED, "connection %.*s not existed", SL_FMT(id));
}
static sl_err *read_body(sl_arena *a, sl_str body, sl_str *id, sl_str *type, sl_json **props) {
    static const char owner[] = "ConnectionRequest";
    sl_json *j = NULL;
    const sl_json *p = NULL;
    *id = *type = (sl_str){"", 0};
    SL_TRY(sl_body_only(a, body, &j));
    SL_TRY(sl_body_is(j, SL_J_OBJ, "server.ConnectionRequest"));
    SL_TRY(sl_body_text(j, owner, "id", id));
    SL_TRY(sl_body_text(j, owner, "typ", type));
    SL_TRY(sl_body_want(j, owner, "props", SL_J_OBJ, "map[string]interface {}", &p));
    *props = p ? sl_json_clone(a, p) : sl_json_obj(a);
    return NULL;
}
static sl_err *create(sl_office *o, sl_arena *a, sl_str id, sl_str type, sl_json *props) {
    sl_json *have = NULL;
    sl_str was;
    if (!id.n || !type.n)
        return sl_err_new(SL_E_UNDEFINED, "connection id and type should be defined");
    if (sl_pool_props(id, a, &have, &was))
        return sl_err_new(SL_E_UNDEFINED, "connection %.*s already been created", SL_FMT(id));
    SL_TRY(keep(o, type, id, props));
    return sl_pool_define(id, type, props);
}
sl_err *sl_api_connection_create(sl_office *o, sl_str body) {
    sl_arena *a = sl_arena_new(0);
    sl_str id = {0}, type = {0};
    sl_json *props = NULL;
    sl_err *e = a ? read_body(a, body, &id, &type, &props) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        e = sl_err_recode(sl_err_prefix(e, "Invalid body"), SL_E_UNDEFINED);
    else if (!(e = sl_err_recode(sl_check_id(id), SL_E_UNDEFINED)))
        e = sl_err_prefix(create(o, a, id, type, props), "create connection failed");
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_connection_update(sl_office *o, sl_str id, sl_str body) {
    sl_arena *a = sl_arena_new(0);
    sl_str named = {0}, type = {0};
    sl_json *props = NULL;
    sl_err *e = a ? read_body(a, body, &named, &type, &props) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        e = sl_err_recode(sl_err_prefix(e, "Invalid body"), SL_E_UNDEFINED);
    else {
        finder f = {.a = a, .id = id};
        conf_each(o, "connections", look, &f);
        if (!type.n)
            e = sl_err_new(SL_E_UNDEFINED, "connection id and type should be defined");
        else if (!f.one)
            e = sl_err_new(SL_E_UNDEFINED, "connection %.*s not existed", SL_FMT(id));
        else if (!(e = sl_pool_undefine(id))) { /* refused while somebody uses it */
            props = conf_unmask(a, "connections", type, props, f.props);
            if (!sl_str_eq(type, f.type))
                e = conf_store(o, "connections", f.type, id, (sl_str){0});
            if (!e)
                e = create(o, a, id, type, props);
        }
        e = sl_err_prefix(e, "update connection failed");
    }
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_connection_delete(sl_office *o, sl_str id) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    finder f = {.a = a, .id = id};
    conf_each(o, "connections", look, &f);
    sl_err *e = sl_pool_undefine(id);
    if (!e && f.one)
        e = conf_store(o, "connections", f.type, id, (sl_str){0});
    sl_arena_free(a);
    return sl_err_prefix(e, "drop connection failed");
}
