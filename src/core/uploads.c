/* Files that people put into data/uploads over REST. What came with its content or address is remembered, so that an export can bring it to
 * another daemon; the files themselves are the list of what is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/body.h"
#include "core/office_int.h"
#include "os/file.h"

static char *folder(sl_office *o) { return sl_path_join(o->conf.home, "data/uploads"); }
static bool inside(sl_str name) { /* a path below the folder */
    if (!name.n || name.p[0] == '/' || memchr(name.p, 0, name.n))
        return false;
    for (size_t i = 0, from = 0; i <= name.n; i++)
        if (i == name.n || name.p[i] == '/') {
            if (i - from == 2 && name.p[from] == '.' && name.p[from + 1] == '.')
                return false;
            from = i + 1;
        }
    return true;
}
sl_err *sl_api_upload_put(sl_office *o, sl_str name, sl_str bytes, sl_str record, sl_buf *path) {
    if (!inside(name))
        return sl_err_new(SL_E_UNDEFINED, "openat %.*s: path escapes from parent", SL_FMT(name));
    char *dir = folder(o);
    sl_buf full = {0};
    sl_buf_printf(&full, "%s/%.*s", dir ? dir : "", SL_FMT(name));
    sl_err *e = dir && !full.failed ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    char *slash = e ? NULL : strrchr(full.p, '/');
    if (slash) {
        *slash = 0;
        e = sl_dir_make(full.p);
        *slash = '/';
    }
    if (!e)
        e = sl_file_write_durable(sl_buf_cstr(&full), bytes);
    if (!e && record.p)
        e = store_put(o, "upload", name, record);
    if (!e)
        sl_buf_str(path, sl_buf_view(&full));
    sl_buf_free(&full);
    free(dir);
    return sl_err_recode(e, SL_E_UNDEFINED);
}
sl_err *sl_api_uploads(sl_office *o, sl_arena *a, sl_json **out) {
    char *dir = folder(o);
    sl_dirlist l = {0};
    *out = sl_json_arr(a);
    sl_err *e = !dir ? sl_err_new(SL_E_NOMEM, "out of memory") : sl_file_exists(dir) ? sl_dir_list(dir, &l) : NULL;
    for (size_t i = 0; i < l.n; i++)
        sl_json_add(*out, sl_json_str(a, sl_arena_printf(a, "%s/%s", dir, l.at[i].name)));
    sl_dirlist_free(&l);
    free(dir);
    return sl_err_recode(e, SL_E_UNDEFINED);
}
sl_err *sl_api_upload_delete(sl_office *o, sl_str name) {
    char *dir = folder(o);
    sl_buf full = {0};
    sl_buf_printf(&full, "%s/%.*s", dir ? dir : "", SL_FMT(name));
    sl_err *e = !inside(name) ? sl_err_new(SL_E_UNDEFINED, "%.*s: path escapes from parent", SL_FMT(name)) : NULL;
    if (!e && remove(sl_buf_cstr(&full)) != 0)
        e = sl_err_new(SL_E_UNDEFINED, "removeat %.*s: %s", SL_FMT(name), errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (!e)
        e = store_put(o, "upload", name, (sl_str){0});
    sl_buf_free(&full);
    free(dir);
    return e;
}
typedef struct records {
    sl_arena *a;
    sl_json *out;
} records;
static bool one(void *arg, sl_str key, sl_str value) {
    records *r = arg;
    sl_json_set(r->a, r->out, sl_arena_dup(r->a, (sl_str){key.p + 7, key.n - 7}).p, sl_json_str(r->a, value));
    return true;
}
sl_json *uploads_records(sl_office *o, sl_arena *a) {
    records r = {a, sl_json_obj(a)};
    sl_err_free(sl_kvlog_read(o->kv, SL_S("upload/"), one, &r));
    return r.out;
}
sl_err *sl_api_upload_read(sl_arena *a, sl_str text, sl_str *name, sl_str *content, sl_str *file, sl_str *record) {
    sl_json *j = NULL;
    sl_err *e = sl_body_only(a, text, &j);
    *name = *content = *file = (sl_str){"", 0};
    if (!e)
        e = sl_body_is(j, SL_J_OBJ, "server.fileContent");
    if (!e && !(e = sl_body_text(j, "fileContent", "name", name)) && !(e = sl_body_text(j, "fileContent", "content", content)))
        e = sl_body_text(j, "fileContent", "file", file);
    if (e)
        return sl_err_prefix(e, "invalid body: Error decoding file json");
    const sl_json *c = sl_json_iget(j, "content");
    if (!file->n && (!c || c->kind == SL_J_NULL || !content->n))
        return sl_err_new(SL_E_UNDEFINED, "invalid body: content or FilePath is required");
    if (!name->n)
        return sl_err_new(SL_E_UNDEFINED, "invalid body: name is required");
    sl_json *kept = sl_json_obj(a);
    sl_buf b = {0};
    sl_json_set(a, kept, "name", sl_json_str(a, *name));
    sl_json_set(a, kept, file->n ? "file" : "content", sl_json_str(a, file->n ? *file : *content));
    sl_json_write(&b, kept, false, 0);
    *record = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return NULL;
}
