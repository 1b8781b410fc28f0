/* Files that REST bodies name: http(s)://, file://, or a path of the home folder. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "core/office_int.h"
#include "os/file.h"

typedef struct fetch {
    sl_office *office;
    sl_fetched done;
    void *arg;
    sl_http_client *client;
} fetch;
static void client_gone(void *arg) { sl_http_client_free(arg); }
static void came(void *arg, const sl_http_result *res) {
    fetch *f = arg;
    sl_err *e = NULL;
    if (res->status && res->status != 200) {
        sl_str line = res->headers; /* "HTTP/1.1 404 Not Found" */
        ptrdiff_t end = sl_str_find(line, SL_S("\r\n")), sp = sl_str_find(line, SL_S(" "));
        line = sl_str_starts(line, SL_S("HTTP/")) && sp >= 0 && end > sp ? sl_str_n(line.p + sp + 1, (size_t)(end - sp) - 1) : (sl_str){0};
        e = line.n ? sl_err_new(SL_E_UNDEFINED, "cannot download the file with status: %.*s", SL_FMT(line))
                   : sl_err_new(SL_E_UNDEFINED, "cannot download the file with status: %d%s", res->status, res->status == 404 ? " Not Found" : "");
    } else if (!res->status)
        e = sl_err_new(SL_E_UNDEFINED, "%.*s", SL_FMT(res->error));
    f->done(f->arg, e, e ? (sl_str){0} : res->body);
    sl_post(f->office->conf.loop, client_gone, f->client);
    free(f);
}
static void from_disk(sl_office *o, sl_str name, sl_fetched done, void *arg) {
    char *path = sl_strdup_n(name.p, name.n), *full = path ? sl_path_join(o->conf.home, path) : NULL, *real = full ? realpath(full, NULL) : NULL;
    sl_buf text = {0};
    struct stat st;
    sl_err *e = full ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (!real || stat(real, &st) != 0))
        e = sl_err_new(SL_E_UNDEFINED, "stat %s: %s", path, errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (!e && !sl_settings_bool(o->conf.settings, "basic.allowExternalFileAccess", true)) {
        char *dir = sl_path_join(o->conf.home, "data/uploads"), *allowed = dir ? realpath(dir, NULL) : NULL;
        size_t n = allowed ? strlen(allowed) : 0;
        if (!n || strncmp(real, allowed, n) != 0 || real[n] != '/')
            e = sl_err_new(SL_E_UNDEFINED, "file access denied: path must be under %s", dir ? dir : "data/uploads");
        free(allowed);
        free(dir);
    }
    if (!e && !S_ISREG(st.st_mode))
        e = sl_err_new(SL_E_UNDEFINED, "%s is not a regular file", path);
    if (!e)
        e = sl_err_recode(sl_file_read(real, 64 << 20, &text), SL_E_UNDEFINED);
    done(arg, e, e ? (sl_str){0} : sl_buf_view(&text));
    sl_buf_free(&text);
    free(real);
    free(full);
    free(path);
}
void sl_api_fetch(sl_office *o, sl_str uri, sl_fetched done, void *arg) {
    ptrdiff_t at = sl_str_find(uri, SL_S("://"));
    if (sl_str_starts(uri, SL_S("file://"))) {
        from_disk(o, (sl_str){uri.p + 7, uri.n - 7}, done, arg);
        return;
    }
    if (at < 0) {
        from_disk(o, uri, done, arg);
        return;
    }
    if (!sl_str_starts(uri, SL_S("http://")) && !sl_str_starts(uri, SL_S("https://"))) {
        done(arg, sl_err_new(SL_E_UNDEFINED, "unsupported url scheme %.*s", (int)at, uri.p), (sl_str){0});
        return;
    }
    fetch *f = calloc(1, sizeof *f);
    sl_err *e = f ? sl_http_client_new(o->conf.loop, &f->client) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        free(f);
        done(arg, e, (sl_str){0});
        return;
    }
    f->office = o;
    f->done = done;
    f->arg = arg;
    sl_http_do(f->client, &(sl_http_call){.method = SL_S("GET"), .url = uri, .no_private = !o->private_net, .timeout_ms = 300000, .max_body = 256 << 20}, came, f);
}
