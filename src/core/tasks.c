/* Tasks: imports that go on after the request was answered. Their records live in the catalogue and survive the daemon. */
#include <stdlib.h>
#include "core/body.h"
#include "core/office_int.h"

typedef struct task {
    sl_office *office;
    bool partial;
    char *text, *file; /* one of them */
    int64_t created;
    char id[];
} task;
static int64_t now_ms(void) { return sl_wall_ns() / 1000000; }
static sl_err *record(sl_office *o, sl_str id, const char *status, sl_str message, int64_t created) {
    sl_buf b = {0};
    sl_buf_puts(&b, "{\"id\":");
    sl_json_put_str(&b, id);
    sl_buf_printf(&b, ",\"status\":\"%s\",\"message\":", status);
    sl_json_put_str(&b, message);
    sl_buf_printf(&b, ",\"createdTimestamp\":%lld,\"updatedTimestamp\":%lld}", (long long)created, (long long)now_ms());
    sl_err *e = b.failed ? sl_err_new(SL_E_NOMEM, "out of memory") : store_put(o, "task", id, sl_buf_view(&b));
    sl_buf_free(&b);
    return e;
}
static void ended(task *t, sl_err *e, sl_str message) {
    sl_buf b = {0};
    if (e)
        sl_buf_printf(&b, "err:%s, response:%.*s", sl_err_text(e), SL_FMT(message));
    else
        sl_buf_str(&b, message);
    sl_err_free(record(t->office, sl_str_of(t->id), e ? "error" : "finish", sl_buf_view(&b), t->created));
    sl_err_free(e);
    sl_buf_free(&b);
    free(t->text);
    free(t->file);
    free(t);
}
static void imported(void *arg, sl_err *e, bool failed, sl_str errors) {
    task *t = arg;
    sl_buf b = {0};
    if (e)
        ended(t, e, SL_S(""));
    else {
        sl_buf_printf(&b, "{\"ErrorMsg\":\"\",\"ConfigResponse\":%.*s}", SL_FMT(errors));
        ended(t, failed ? sl_err_new(SL_E_UNDEFINED, "%.*s", SL_FMT(errors)) : NULL, sl_buf_view(&b));
    }
    sl_buf_free(&b);
}
static void fetched(void *arg, sl_err *e, sl_str bytes) {
    task *t = arg;
    if (e)
        ended(t, e, SL_S(""));
    else
        sl_api_data_import(t->office, bytes, t->partial, imported, t);
}
static void run(void *arg) {
    task *t = arg;
    sl_err_free(record(t->office, sl_str_of(t->id), "running", SL_S(""), t->created));
    if (t->text && t->file)
        ended(t, sl_err_new(SL_E_UNDEFINED, "Invalid body: Cannot specify both content and file"), SL_S(""));
    else if (t->file)
        sl_api_fetch(t->office, sl_str_of(t->file), fetched, t);
    else if (t->text)
        sl_api_data_import(t->office, sl_str_of(t->text), t->partial, imported, t);
    else
        ended(t, sl_err_new(SL_E_UNDEFINED, "Invalid body: must specify content or file"), SL_S(""));
}
sl_err *sl_api_task_import(sl_office *o, sl_str content, sl_str file, bool partial, sl_buf *out) {
    bool taken = true;
    sl_buf key = {0}, have = {0};
    sl_err *e = NULL;
    for (int64_t n = 0, now = now_ms() / 1000; taken && !e; n++) { /* two in a second are told apart */
        sl_buf_clear(out);
        sl_buf_printf(out, "dataImport-%lld", (long long)now);
        if (n)
            sl_buf_printf(out, "-%lld", (long long)n);
        sl_buf_clear(&key);
        sl_buf_printf(&key, "task/%s", sl_buf_cstr(out));
        sl_buf_clear(&have);
        e = sl_kvlog_get(o->kv, sl_buf_view(&key), &have, &taken);
    }
    sl_buf_free(&key);
    sl_buf_free(&have);
    task *t = e ? NULL : calloc(1, sizeof *t + out->n + 1);
    if (!e && !t)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e)
        return e;
    t->office = o;
    t->partial = partial;
    t->created = now_ms();
    memcpy(t->id, out->p, out->n);
    t->text = content.n ? sl_strdup_n(content.p, content.n) : NULL;
    t->file = file.n ? sl_strdup_n(file.p, file.n) : NULL;
    e = record(o, sl_buf_view(out), "register", SL_S(""), t->created);
    if (!e && !sl_post(o->conf.loop, run, t))
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        free(t->text);
        free(t->file);
        free(t);
    }
    return e;
}
sl_err *sl_api_task_get(sl_office *o, sl_str id, sl_buf *out) {
    sl_buf key = {0};
    bool found = false;
    sl_buf_printf(&key, "task/%.*s", SL_FMT(id));
    sl_err *e = sl_kvlog_get(o->kv, sl_buf_view(&key), out, &found);
    sl_buf_free(&key);
    return e || found ? e : sl_err_new(SL_E_UNDEFINED, "async task: %.*s not found", SL_FMT(id));
}
/* Marks as cancelled what has not ended. */
static sl_err *cancel(sl_office *o, sl_str text) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_body_only(a, text, &j) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_str status = e ? (sl_str){0} : sl_json_text(sl_json_get(j, "status"), SL_S(""));
    int64_t created = 0;
    if (!e && (sl_str_is(status, "register") || sl_str_is(status, "running"))) {
        sl_json_i64(sl_json_get(j, "createdTimestamp"), &created);
        e = record(o, sl_json_text(sl_json_get(j, "id"), SL_S("")), "cancel", SL_S(""), created);
    }
    sl_arena_free(a);
    return e;
}
sl_err *sl_api_task_cancel(sl_office *o, sl_str id) {
    sl_buf have = {0};
    sl_err *e = sl_api_task_get(o, id, &have);
    if (!e)
        e = cancel(o, sl_buf_view(&have));
    sl_buf_free(&have);
    return e;
}
typedef struct left { /* copies: the log is not written while it is read */
    sl_office *office;
    sl_arena *a;
    sl_json *list;
} left;
static bool one_left(void *arg, sl_str key, sl_str value) {
    left *l = arg;
    if (sl_str_find(value, SL_S("\"status\":\"register\"")) >= 0 || sl_str_find(value, SL_S("\"status\":\"running\"")) >= 0)
        sl_json_add(l->list, sl_json_str(l->a, sl_arena_dup(l->a, value)));
    return true;
}
sl_err *tasks_load(sl_office *o) {
    left l = {o, sl_arena_new(0), NULL};
    if (!l.a)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    l.list = sl_json_arr(l.a);
    sl_err *e = sl_kvlog_read(o->kv, SL_S("task/"), one_left, &l);
    for (const sl_json *x = l.list->child; x && !e; x = x->next)
        e = cancel(o, x->s);
    sl_arena_free(l.a);
    return e;
}
