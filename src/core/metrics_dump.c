/* Metrics kept as files: a snapshot each quarter of a minute into log/metrics, one file an hour, a few hours long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "core/office_int.h"
#include "os/file.h"
#include "store/zip.h"

enum { EVERY_MS = 15000, FILE_MAX = 256 << 20 };
struct dump {
    sl_office *office;
    sl_timer *timer;
};
static bool enabled(const sl_office *o) { return sl_settings_bool(o->conf.settings, "basic.metricsDumpConfig.enable", false); }
static char *folder(const sl_office *o) { return sl_path_join(o->conf.home, "log/metrics"); }
static void name_of(char out[48], time_t t) {
    struct tm tm;
    localtime_r(&t, &tm);
    strftime(out, 48, "metrics.%Y%m%d-%H.log", &tm);
}
static void forget_old(sl_office *o, const char *dir) {
    int64_t keep = sl_settings_dur_ms(o->conf.settings, "basic.metricsDumpConfig.retainedDuration", 6 * 3600 * 1000), now = sl_wall_ns() / 1000000;
    sl_dirlist l = {0};
    sl_err_free(sl_dir_list(dir, &l));
    for (size_t i = 0; i < l.n; i++)
        if (strncmp(l.at[i].name, "metrics.", 8) == 0 && now - l.at[i].mtime_ms > keep) {
            char *path = sl_path_join(dir, l.at[i].name);
            if (path)
                remove(path);
            free(path);
        }
    sl_dirlist_free(&l);
}
static void write_snapshot(void *arg, sl_err *e, sl_str text) {
    sl_office *o = arg;
    char *dir = e ? NULL : folder(o), name[48];
    time_t now = (time_t)(sl_wall_ns() / 1000000000);
    if (dir && !(e = sl_dir_make(dir))) {
        name_of(name, now);
        char *path = sl_path_join(dir, name);
        FILE *f = path ? fopen(path, "ae") : NULL;
        if (f) {
            fprintf(f, "# time %lld\n%.*s", (long long)now, SL_FMT(text));
            fclose(f);
        } else
            sl_warn("metrics", "cannot write %s", path ? path : dir);
        free(path);
        forget_old(o, dir);
    }
    if (e)
        sl_warn("metrics", "%s", sl_err_text(e));
    sl_err_free(e);
    free(dir);
}
static void tick(void *arg) {
    struct dump *d = arg;
    if (!enabled(d->office) || d->office->stopping)
        return;
    sl_timer_in(d->timer, EVERY_MS);
    sl_api_metrics(d->office, write_snapshot, d->office);
}
void dump_set(sl_office *o) {
    if (!enabled(o))
        return; /* a timer that runs ends by itself */
    if (!o->dump) {
        if (!(o->dump = calloc(1, sizeof *o->dump)))
            return;
        o->dump->office = o;
        o->dump->timer = sl_timer_new(o->conf.loop, tick, o->dump);
    }
    if (o->dump->timer)
        sl_timer_in(o->dump->timer, EVERY_MS);
}
void dump_free(sl_office *o) {
    if (o->dump)
        sl_timer_free(o->dump->timer);
    free(o->dump);
    o->dump = NULL;
}
bool sl_api_dump_enabled(sl_office *o) { return enabled(o); }
sl_err *sl_api_dump(sl_office *o, int64_t from_s, int64_t to_s, sl_buf *out) {
    if (!enabled(o))
        return sl_err_new(SL_E_UNDEFINED, "metrics dump not enabled");
    char *dir = folder(o), first[48], last[48];
    sl_dirlist l = {0};
    sl_zip z = {0};
    name_of(first, (time_t)from_s);
    name_of(last, (time_t)to_s);
    sl_err *e = dir ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && sl_file_exists(dir))
        e = sl_dir_list(dir, &l);
    for (size_t i = 0; i < l.n && !e; i++) {
        const char *name = l.at[i].name; /* names sort as their times do */
        if (strlen(name) != strlen(first) || strcmp(name, first) < 0 || strcmp(name, last) > 0)
            continue;
        char *path = sl_path_join(dir, name);
        sl_buf bytes = {0};
        e = path ? sl_file_read(path, FILE_MAX, &bytes) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (!e && !sl_zip_add(&z, sl_str_of(name), sl_buf_view(&bytes)))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        sl_buf_free(&bytes);
        free(path);
    }
    if (!e && !z.files)
        e = sl_err_new(SL_E_UNDEFINED, "not metrics are selected");
    if (!e)
        sl_buf_str(out, sl_zip_end(&z));
    sl_zip_free(&z);
    sl_dirlist_free(&l);
    free(dir);
    return sl_err_recode(e, SL_E_UNDEFINED);
}
