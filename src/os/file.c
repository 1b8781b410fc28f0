/* Files. Decision: a durable write never touches the old content: new bytes go to a neighbour, are flushed, renamed over, and the folder
 * is flushed too, so a reader or a power cut sees the old or the new file, whole. */
#include "os/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static sl_err *io(const char *verb, const char *path) {
    int e = errno;
    return sl_err_new(SL_E_IO, "%s %s: %s", verb, path, strerror(e));
}

sl_err *sl_file_read(const char *path, size_t limit, sl_buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io("open", path);
    size_t before = out->n;
    for (;;) {
        if (!sl_buf_room(out, 64 * 1024)) {
            close(fd);
            return sl_err_new(SL_E_NOMEM, "read %s: out of memory", path);
        }
        ssize_t n = read(fd, out->p + out->n, 64 * 1024);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            sl_err *e = io("read", path);
            close(fd);
            return e;
        }
        if (n == 0)
            break;
        out->n += (size_t)n;
        if (out->n - before > limit) {
            out->n = before;
            close(fd);
            return sl_err_new(SL_E_LIMIT, "read %s: longer than the limit of %zu bytes", path, limit);
        }
    }
    close(fd);
    return NULL;
}

static sl_err *flush_folder(const char *path) {
    char *dir = sl_strdup_n(path, strlen(path));
    if (!dir)
        return sl_err_new(SL_E_NOMEM, "write %s: out of memory", path);
    char *slash = strrchr(dir, '/');
    const char *name = ".";
    if (slash == dir)
        name = "/";
    else if (slash) {
        *slash = 0;
        name = dir;
    }
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    sl_err *e = NULL;
    if (fd < 0)
        e = io("open", name);
    else if (fsync(fd) != 0 && errno != EINVAL) /* some file systems cannot flush a folder */
        e = io("fsync", name);
    if (fd >= 0)
        close(fd);
    free(dir);
    return e;
}

sl_err *sl_file_write_durable(const char *path, sl_str bytes) {
    sl_buf aside = {0};
    sl_buf_printf(&aside, "%s.%d.tmp", path, (int)getpid());
    const char *tmp = sl_buf_cstr(&aside);
    if (aside.failed) {
        sl_buf_free(&aside);
        return sl_err_new(SL_E_NOMEM, "write %s: out of memory", path);
    }
    sl_err *e = NULL;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        e = io("create", tmp);
        sl_buf_free(&aside);
        return e;
    }
    size_t at = 0;
    while (!e && at < bytes.n) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            e = io("write", tmp);
    }
    if (!e && fsync(fd) != 0)
        e = io("fsync", tmp);
    if (close(fd) != 0 && !e)
        e = io("close", tmp);
    if (!e && rename(tmp, path) != 0)
        e = io("rename", tmp);
    if (!e)
        e = flush_folder(path);
    else
        unlink(tmp);
    sl_buf_free(&aside);
    return e;
}

sl_err *sl_dir_make(const char *path) {
    char *p = sl_strdup_n(path, strlen(path));
    if (!p)
        return sl_err_new(SL_E_NOMEM, "mkdir %s: out of memory", path);
    sl_err *e = NULL;
    for (char *c = p + (*p == '/'); !e; c++) {
        if (*c && *c != '/')
            continue;
        char was = *c;
        *c = 0;
        struct stat st;
        if (*p && mkdir(p, 0755) != 0 && !(errno == EEXIST && stat(p, &st) == 0 && S_ISDIR(st.st_mode)))
            e = io("mkdir", p);
        *c = was;
        if (!was)
            break;
    }
    free(p);
    return e;
}

static int by_name(const void *a, const void *b) { return strcmp(((const sl_dirent *)a)->name, ((const sl_dirent *)b)->name); }

sl_err *sl_dir_list(const char *path, sl_dirlist *out) {
    DIR *d = opendir(path);
    if (!d)
        return io("open", path);
    sl_err *e = NULL;
    struct dirent *de;
    while (!e && (de = readdir(d))) {
        if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
            continue;
        struct stat st;
        if (fstatat(dirfd(d), de->d_name, &st, 0) != 0)
            continue; /* gone meanwhile, or a dangling link */
        sl_dirent ent = {sl_strdup_n(de->d_name, strlen(de->d_name)), S_ISDIR(st.st_mode), (int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000};
        if (!ent.name || !SL_PUSH(*out, ent)) {
            free(ent.name);
            e = sl_err_new(SL_E_NOMEM, "list %s: out of memory", path);
        }
    }
    closedir(d);
    if (e)
        sl_dirlist_free(out);
    else if (out->n)
        qsort(out->at, out->n, sizeof *out->at, by_name);
    return e;
}
void sl_dirlist_free(sl_dirlist *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i].name);
    SL_VEC_FREE(*l);
}
bool sl_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}
char *sl_path_join(const char *dir, const char *name) {
    size_t d = dir ? strlen(dir) : 0, n = strlen(name);
    if (!d || name[0] == '/')
        return sl_strdup_n(name, n);
    while (d > 1 && dir[d - 1] == '/')
        d--;
    bool slash = dir[d - 1] != '/';
    char *p = malloc(d + n + 2);
    if (!p)
        return NULL;
    memcpy(p, dir, d);
    if (slash)
        p[d++] = '/';
    memcpy(p + d, name, n + 1);
    return p;
}
