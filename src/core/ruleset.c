/* Rulesets: streams, tables and rules as one JSON document, exported, imported, and read at boot from init.json.
 * Decision: the document is parsed before anything is touched; single failures are logged and the rest is imported. */
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "core/office_int.h"
#include "os/file.h"

void sl_api_ruleset_export(sl_office *o, sl_buf *out) {
    size_t it = 0, n = 0;
    void *v;
    for (int table = 0; table < 2; table++) {
        sl_buf_puts(out, table ? "},\"tables\":{" : "{\"streams\":{");
        for (it = 0, n = 0; sl_map_next(o->streams, &it, NULL, &v);) {
            const stream_def *d = v;
            if (d->def->table != (table == 1))
                continue;
            sl_buf_puts(out, n++ ? "," : "");
            sl_json_put_str(out, d->def->name);
            sl_buf_putc(out, ':');
            sl_json_put_str(out, d->text);
        }
    }
    sl_buf_puts(out, "},\"rules\":{");
    for (it = 0, n = 0; sl_map_next(o->rules, &it, NULL, &v);) {
        const rule_def *d = ((sl_rule *)v)->def;
        if (d->temp)
            continue;
        sl_buf_puts(out, n++ ? "," : "");
        sl_json_put_str(out, d->id);
        sl_buf_putc(out, ':');
        sl_json_put_str(out, d->text);
    }
    sl_buf_puts(out, "}}");
}
static bool failed(const char *what, sl_str name, sl_err *e) {
    if (!e)
        return false;
    sl_error("ruleset", "%s %.*s: %s", what, SL_FMT(name), sl_err_text(e));
    sl_err_free(e);
    return true;
}
typedef struct import { /* counts the updates that are on their way */
    int count[3];
    size_t waiting;
    sl_ruleset_done done;
    void *arg;
} import;
static void one_less(import *im) {
    if (--im->waiting)
        return;
    im->done(im->arg, NULL, im->count);
    free(im);
}
static void updated(void *arg, sl_err *e) {
    import *im = arg;
    if (!failed("rule", SL_S("of a ruleset"), e))
        im->count[2]++;
    one_less(im);
}
void sl_api_ruleset_import(sl_office *o, sl_str text, sl_ruleset_done done, void *arg) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, text, &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && j->kind != SL_J_OBJ)
        e = sl_err_new(SL_E_UNDEFINED, "expected an object with the keys streams, tables and rules");
    import *im = e ? NULL : calloc(1, sizeof *im);
    if (!e && !im)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (e) {
        sl_arena_free(a);
        done(arg, e, (const int[3]){0});
        return;
    }
    *im = (import){.waiting = 1, .done = done, .arg = arg};
    static const char *const keys[] = {"streams", "tables", "rules"};
    for (int k = 0; k < 3; k++) {
        const sl_json *sec = sl_json_iget(j, keys[k]);
        for (const sl_json *x = sec && sec->kind == SL_J_OBJ ? sec->child : NULL; x; x = x->next) {
            if (x->kind != SL_J_STR) {
                failed(keys[k], x->key, sl_err_new(SL_E_UNDEFINED, "expected a text"));
                continue;
            }
            sl_buf out = {0};
            sl_err *one;
            if (k < 2)
                one = sl_map_has(o->streams, x->key) ? sl_api_stream_replace(o, k == 1, x->key, x->s) : sl_api_stream_sql(o, x->s, &out);
            else if (sl_map_has(o->rules, x->key)) {
                im->waiting++;
                sl_api_rule_update(o, x->key, x->s, updated, im);
                continue;
            } else {
                rule_def *d = NULL;
                one = rule_parse(o, x->s, x->key, &d);
                if (!one && (one = rule_adopt(o, d)))
                    rule_def_free(d);
            }
            sl_buf_free(&out);
            if (!failed(keys[k], x->key, one))
                im->count[k]++;
        }
    }
    sl_arena_free(a);
    one_less(im);
}

/* ---- init.json ---- */
static void booted(void *arg, sl_err *e, const int n[3]) {
    if (e)
        sl_error("ruleset", "%s: %s", (const char *)arg, sl_err_text(e));
    else
        sl_info("ruleset", "%s: imported %d streams, %d tables and %d rules", (const char *)arg, n[0], n[1], n[2]);
    sl_err_free(e);
}
static void boot_file(sl_office *o, const char *dir) {
    char *folder = sl_path_join(o->conf.home, dir);
    sl_dirlist l = {0};
    sl_err *e = folder && sl_file_exists(folder) ? sl_dir_list(folder, &l) : NULL;
    int64_t mtime = -1, seen = -1;
    for (size_t i = 0; !e && i < l.n; i++) {
        if (strcmp(l.at[i].name, "init.json") == 0)
            mtime = l.at[i].mtime_ms;
        else if (strncmp(l.at[i].name, "initialized", 11) == 0)
            seen = strtoll(l.at[i].name + 11, NULL, 10);
    }
    if (!e && mtime >= 0 && mtime != seen) {
        char *path = sl_path_join(folder, "init.json");
        sl_buf text = {0};
        e = path ? sl_file_read(path, 64 << 20, &text) : sl_err_new(SL_E_NOMEM, "out of memory");
        if (!e)
            sl_api_ruleset_import(o, sl_buf_view(&text), booted, (void *)(uintptr_t)dir); /* no rule runs yet: done at once */
        for (size_t i = 0; !e && i < l.n; i++)
            if (strncmp(l.at[i].name, "initialized", 11) == 0) {
                char *old = sl_path_join(folder, l.at[i].name);
                if (old)
                    remove(old);
                free(old);
            }
        char mark[64];
        snprintf(mark, sizeof mark, "initialized%lld", (long long)mtime);
        char *marker = sl_path_join(folder, mark);
        if (!e && marker)
            e = sl_file_write_durable(marker, (sl_str){"", 0});
        free(marker);
        sl_buf_free(&text);
        free(path);
    }
    if (e)
        sl_error("ruleset", "%s/init.json: %s", dir, sl_err_text(e));
    sl_err_free(e);
    sl_dirlist_free(&l);
    free(folder);
}
void sl_office_init_json(sl_office *o) {
    boot_file(o, "data");
    boot_file(o, "etc");
}
