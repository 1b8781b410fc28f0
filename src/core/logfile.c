/* Log files. Decision: a new file takes the place of the old one under the same descriptor (dup2), so that threads which are writing a line
 * need no lock: the line is in one file or in the other. */
#include "core/logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/civil.h"
#include "base/log.h"
#include "os/file.h"

static struct {
    char *dir;
    int fd; /* -1: no file */
    int64_t opened_ms, rotate_ms, max_size, max_age_ms;
    int64_t count; /* files that are kept, below 1: age decides */
    sl_zone zone;
    sl_timer *timer;
} lf = {.fd = -1};

static sl_zone zone_of(const sl_settings *s) {
    sl_zone z = SL_ZONE_LOCAL;
    sl_zone_find(sl_settings_str(s, "basic.timezone", "Local"), &z);
    return z;
}
void sl_logfile_changed(const sl_settings *s) {
    sl_str level = sl_settings_str(s, "basic.logLevel", "info");
    sl_log_level(sl_settings_bool(s, "basic.debug", false) || sl_str_is(level, "debug")                    ? SL_DEBUG
                     : sl_str_is(level, "warn") || sl_str_is(level, "warning")                             ? SL_WARN
                     : sl_str_is(level, "error") || sl_str_is(level, "fatal") || sl_str_is(level, "panic") ? SL_ERR
                                                                                                           : SL_INFO);
    lf.zone = zone_of(s);
    sl_log_form(!sl_settings_bool(s, "basic.logDisableTimestamp", false), lf.zone);
    sl_log_to(sl_settings_bool(s, "basic.fileLog", true) ? lf.fd : -1, sl_settings_bool(s, "basic.consoleLog", false));
}
static bool ours(const char *name) { /* stream.<time>.log */
    size_t n = strlen(name);
    return n > 11 && strncmp(name, "stream.", 7) == 0 && strcmp(name + n - 4, ".log") == 0;
}
/* A file that did not exist yet, and the link to it. -1: errno says why. */
static int new_file(void) {
    char name[64], path[1024], link[1024], aside[1024];
    sl_civil c;
    int64_t now = sl_wall_ns();
    sl_civil_of(now / 1000000000, 0, lf.zone, &c);
    int fd = -1;
    for (int i = 0; fd < 0 && i < 100; i++) {
        snprintf(name, sizeof name, "stream.%04d-%02d-%02d_%02d-%02d-%02d.%03d.log", (int)c.year, c.month, c.day, c.hour, c.min, c.sec, (int)(now / 1000000 % 1000) + i);
        snprintf(path, sizeof path, "%s/%s", lf.dir, name);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    snprintf(link, sizeof link, "%s/stream.log", lf.dir);
    snprintf(aside, sizeof aside, "%s/stream.log.new", lf.dir);
    struct stat st;
    if (lstat(link, &st) == 0 && S_ISREG(st.st_mode)) { /* of a daemon that wrote there itself: kept among the old ones */
        char old[1024];
        snprintf(old, sizeof old, "%s/stream.%lld.log", lf.dir, (long long)st.st_mtime);
        if (rename(link, old) != 0)
            return fd;
    }
    unlink(aside);
    if (fd >= 0 && (symlink(name, aside) != 0 || rename(aside, link) != 0))
        sl_warn("log", "%s cannot be linked to %s: %s", link, name, strerror(errno));
    return fd;
}
static void clean(void) {
    sl_dirlist l = {0};
    char current[64] = "", link[1024];
    snprintf(link, sizeof link, "%s/stream.log", lf.dir);
    ssize_t n = readlink(link, current, sizeof current - 1);
    current[n > 0 ? n : 0] = 0;
    sl_err *e = sl_dir_list(lf.dir, &l); /* by name, and so by time */
    int64_t now = sl_wall_ns() / 1000000, there = 0, gone = 0;
    for (size_t i = 0; !e && i < l.n; i++)
        there += ours(l.at[i].name);
    for (size_t i = 0; !e && i < l.n; i++) {
        if (!ours(l.at[i].name) || strcmp(l.at[i].name, current) == 0)
            continue;
        bool old = lf.count > 0 ? there - gone > lf.count : lf.max_age_ms > 0 && now - l.at[i].mtime_ms > lf.max_age_ms;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", lf.dir, l.at[i].name);
        if (old && unlink(path) == 0)
            gone++;
    }
    sl_err_free(e);
    sl_dirlist_free(&l);
}
void sl_logfile_open(const char *home, const sl_settings *s) {
    lf.dir = sl_path_join(home, "log");
    lf.zone = zone_of(s);
    lf.rotate_ms = sl_settings_int(s, "basic.rotateTime", 24) * 3600000;
    lf.max_size = sl_settings_int(s, "basic.rotateSize", 10485760);
    lf.count = lf.max_size > 0 ? sl_settings_int(s, "basic.rotateCount", 3) : 0; /* with a size, the age is not looked at */
    lf.max_age_ms = sl_settings_int(s, "basic.maxAge", 72) * 3600000;
    if (lf.dir && sl_settings_bool(s, "basic.fileLog", true)) {
        char path[1024], to[64];
        sl_err *e = sl_dir_make(lf.dir);
        /* the last file is written on, if it is ours and has room: a daemon that is restarted often would push out what matters */
        snprintf(path, sizeof path, "%s/stream.log", lf.dir);
        ssize_t n = e ? -1 : readlink(path, to, sizeof to - 1);
        to[n > 0 ? n : 0] = 0;
        struct stat st;
        if (n > 0 && ours(to) && stat(path, &st) == 0 && (lf.max_size <= 0 || st.st_size < lf.max_size))
            lf.fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        if (!e && lf.fd < 0)
            lf.fd = new_file();
        if (e || lf.fd < 0)
            fprintf(stderr, "cannot write into %s: %s\n", lf.dir, e ? sl_err_text(e) : strerror(errno));
        else
            clean();
        sl_err_free(e);
    }
    lf.opened_ms = sl_wall_ns() / 1000000;
    sl_logfile_changed(s);
}
static void look(void *arg) {
    struct stat st;
    int64_t now = sl_wall_ns() / 1000000;
    bool full = lf.fd >= 0 && fstat(lf.fd, &st) == 0 && lf.max_size > 0 && st.st_size >= lf.max_size;
    bool old = lf.fd >= 0 && lf.rotate_ms > 0 && now - lf.opened_ms >= lf.rotate_ms;
    if (full || old) {
        int fd = new_file();
        if (fd >= 0) {
            if (dup3(fd, lf.fd, O_CLOEXEC) < 0)
                sl_warn("log", "cannot change to another file: %s", strerror(errno));
            close(fd);
            clean();
        }
        lf.opened_ms = now; /* one that cannot be made is tried again after as long */
    }
    sl_timer_in(lf.timer, 10000);
}
void sl_logfile_keep(sl_loop *l) {
    lf.timer = sl_timer_real(l, look, NULL);
    if (lf.timer)
        look(NULL);
}
void sl_logfile_close(void) {
    sl_timer_free(lf.timer);
    lf.timer = NULL;
}
