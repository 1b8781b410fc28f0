/* The file source: one file once or again and again, or a folder.
 *
 * Decision: a queue of files to read and one pump that works a share of it per turn of the loop; watching, ticking and the first load only
 * put names on the queue. Decision: a folder remembers of each file what it was when it was read (time, size, inode), so that
 * notifications that changed nothing read nothing, and a burst of writes is one reading after SETTLE_MS of quiet.
 * Decision: with a rule of qos >= 1 a file is deleted or moved only when its rows are settled. */
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "conn/file/source_int.h"
#include "data/fields.h"
#include "data/press.h"
#include "os/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { SETTLE_MS = 50, SETTLE_MOST = 1000, ROWS_AT_ONCE = 256 };
static void report(sl_source *s, sl_err *e) {
    if (!e)
        return;
    s->out->error(s->out, sl_str_of(sl_err_text(e)));
    sl_err_free(e);
}
static sl_member file_meta(const sl_source *s) { return (sl_member){SL_S("file"), sl_v_str(sl_str_of(s->file))}; }
static void kick(sl_source *s) {
    if (!s->paused && !s->closing)
        sl_timer_in(s->pump, 0);
}

/* ---- the queue ---- */
static bool look_at(const sl_source *s, const char *name, seen *out, bool *plain) {
    char *full = name ? sl_path_join(s->path, name) : NULL;
    struct stat st;
    bool ok = (!name || full) && stat(name ? full : s->path, &st) == 0;
    free(full);
    if (!ok)
        return false;
    *plain = S_ISREG(st.st_mode);
    *out = (seen){(int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, (int64_t)st.st_size, (uint64_t)st.st_ino};
    return true;
}
static bool enqueue(sl_source *s, const char *name, seen was) {
    job j = {.was = was};
    if (name && !(j.name = sl_strdup_n(name, strlen(name))))
        return false;
    if (SL_PUSH(s->queue, j))
        return true;
    free(j.name);
    return false;
}
static bool known(sl_source *s, const char *name, const seen *now) {
    const seen *old = sl_map_get(s->files, sl_str_of(name));
    return old && old->mtime_ns == now->mtime_ns && old->size == now->size && old->inode == now->inode;
}
static void remember(sl_source *s, const char *name, const seen *now) {
    seen *old = sl_map_get(s->files, sl_str_of(name));
    if (!old && (!(old = calloc(1, sizeof *old)) || !sl_map_set(s->files, sl_str_of(name), old, NULL))) {
        free(old);
        return; /* out of memory: it may be read twice */
    }
    *old = *now;
}
static bool before_saved(const sl_source *s, const char *name, const seen *now) {
    if (now->mtime_ns != s->from_ns)
        return now->mtime_ns < s->from_ns;
    for (size_t i = 0; i < s->from_names.n; i++)
        if (!strcmp(s->from_names.at[i], name))
            return true;
    return false;
}
static int by_time(const void *a, const void *b) {
    const job *x = a, *y = b;
    if (x->was.mtime_ns != y->was.mtime_ns)
        return x->was.mtime_ns < y->was.mtime_ns ? -1 : 1;
    return strcmp(x->name, y->name);
}
/* Puts the plain files of the folder that changed since they were read on the queue, oldest first. */
static void load_folder(sl_source *s) {
    sl_dirlist l = {0};
    sl_err *e = sl_dir_list(s->path, &l);
    if (e) {
        report(s, e);
        return;
    }
    size_t first = s->queue.n;
    bool ok = true;
    for (size_t i = 0; i < l.n && ok; i++) {
        seen now;
        bool plain;
        if (l.at[i].dir || !look_at(s, l.at[i].name, &now, &plain) || !plain || known(s, l.at[i].name, &now))
            continue;
        remember(s, l.at[i].name, &now);
        if (!before_saved(s, l.at[i].name, &now))
            ok = enqueue(s, l.at[i].name, now);
    }
    sl_dirlist_free(&l);
    if (s->queue.n > first)
        qsort(s->queue.at + first, s->queue.n - first, sizeof *s->queue.at, by_time);
    if (!ok)
        report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
}
static void on_settled_quiet(void *arg) {
    sl_source *s = arg;
    size_t it = 0;
    sl_str name;
    void *v;
    int64_t at = (int64_t)uv_now(sl_loop_uv(s->loop));
    while (sl_map_next(s->changed, &it, &name, &v)) {
        noted *c = v;
        if (at - c->last < SETTLE_MS && at - c->first < SETTLE_MOST) /* a file that is written all the time is read now and then */
            continue;
        seen now;
        bool plain;
        char *n = sl_strdup_n(name.p, name.n);
        if (n && look_at(s, n, &now, &plain) && plain && !known(s, n, &now)) {
            remember(s, n, &now);
            if (!enqueue(s, n, now))
                report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
        } else if (n && access(s->path, F_OK) == 0 && !look_at(s, n, &now, &plain)) {
            free(sl_map_del(s->files, name)); /* gone: forget it */
        }
        free(n);
        free(sl_map_del(s->changed, name));
    }
    if (sl_map_len(s->changed))
        sl_timer_in(s->settle, SETTLE_MS);
    if (s->queue.n)
        kick(s);
}
static void on_change(uv_fs_event_t *w, const char *name, int events, int status) {
    sl_source *s = w->data;
    if (status < 0) {
        report(s, sl_err_new(SL_E_IO, "watch %s: %s", s->path, uv_strerror(status)));
        return;
    }
    if (!name || s->closing)
        return;
    noted *c = sl_map_get(s->changed, sl_str_of(name));
    int64_t now = (int64_t)uv_now(sl_loop_uv(s->loop));
    if (!c) {
        if ((c = malloc(sizeof *c)))
            c->first = now;
        if (!c || !sl_map_set(s->changed, sl_str_of(name), c, NULL)) {
            free(c);
            report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
            return;
        }
        if (sl_map_len(s->changed) == 1)
            sl_timer_in(s->settle, SETTLE_MS);
    }
    c->last = now;
}

/* ---- reading ---- */
static void act(sl_source *s, const job *j) {
    if (!s->action)
        return;
    char *from = j->name ? sl_path_join(s->path, j->name) : sl_strdup_n(s->path, strlen(s->path));
    const char *slash = from ? strrchr(from, '/') : NULL;
    char *to = from && s->action == 2 ? sl_path_join(s->move_to, slash ? slash + 1 : from) : NULL;
    if (!from || (s->action == 2 && !to))
        report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
    else if (s->action == 1 ? unlink(from) : rename(from, to))
        report(s, s->action == 1 ? sl_err_new(SL_E_IO, "remove %s: %s", from, strerror(errno)) : sl_err_new(SL_E_IO, "move %s to %s: %s", from, to, strerror(errno)));
    free(from);
    free(to);
}
static void names_free(sl_source *s) {
    for (size_t i = 0; i < s->names.n; i++)
        free(s->names.at[i]);
    s->names.n = 0;
}
static bool begin(sl_source *s) {
    job *j = &s->queue.at[0];
    s->file = j->name ? sl_path_join(s->path, j->name) : sl_strdup_n(s->path, strlen(s->path));
    s->header_done = false;
    s->rows = 0;
    j->start = s->pos;
    j->skipped = position_skip(s, j);
    names_free(s);
    if (s->kind == CSV) {
        csv_free(s->csv);
        s->csv = csv_new(s->delimiter);
    }
    if (!s->file || (s->kind == CSV && !s->csv)) {
        report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
        return false;
    }
    if (!j->was.size) {
        sl_warn(s->rule, "file source: %s is empty, skipped", s->file);
        return false;
    }
    sl_err *e = reader_open(s->file, s->kind == WHOLE ? s->inflate : SL_S(""), s->ignore_start, s->ignore_end, &s->rd);
    report(s, e);
    return !e;
}
/* The first file of the queue is through. */
static void finish(sl_source *s, bool act_on_it) {
    job j = s->queue.at[0];
    memmove(s->queue.at, s->queue.at + 1, --s->queue.n * sizeof *s->queue.at);
    reader_close(s->rd);
    s->rd = NULL;
    free(s->file);
    s->file = NULL;
    j.pos = s->pos;
    if (act_on_it && !s->lasts)
        act(s, &j);
    if (act_on_it && (s->lasts || s->folder)) { /* kept until settled, for the action and the position */
        if (SL_PUSH(s->read, j))
            return;
        report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
    }
    free(j.name);
}

static const char *column(sl_source *s, uint32_t i, char *room, size_t cap) {
    if (s->names.n)
        return i < s->names.n ? s->names.at[i] : NULL;
    if (s->columns.n)
        return i < s->columns.n ? s->columns.at[i].p : NULL;
    snprintf(room, cap, "cols%u", i);
    return room;
}
static bool remap(sl_source *s, const sl_layout *l, bool all, uint32_t n) {
    if (s->layout == l && s->map_all == all && s->map.n >= n && s->header_done)
        return true;
    s->map.n = 0;
    s->serial = 0;
    s->map_unique = n <= 256; /* more are not worth looking at */
    for (uint32_t i = 0; i < n; i++) {
        char room[24], other[24];
        const char *name = column(s, i, room, sizeof room);
        int at = name ? sl_layout_find(l, sl_str_of(name)) : -1;
        if (!SL_PUSH(s->map, at >= 0 ? at : all && name ? SL_FIELD_TAIL : SL_FIELD_SKIP))
            return false;
        for (uint32_t k = 0; name && s->map_unique && k < i; k++) {
            const char *before = column(s, k, other, sizeof other);
            s->map_unique = !before || strcmp(before, name) != 0;
        }
    }
    sl_layout_hold(l);
    sl_layout_drop(s->layout);
    s->layout = l;
    s->map_all = all;
    return true;
}
static bool keys_of(sl_source *s, sl_builder *w) { /* of this batch */
    if (s->serial == sl_builder_serial(w))
        return true;
    s->keys.n = 0;
    for (uint32_t i = 0; i < s->map.n; i++) {
        char room[24];
        const char *name = s->map.at[i] == SL_FIELD_TAIL ? column(s, i, room, sizeof room) : NULL;
        if (!SL_PUSH(s->keys, name ? sl_arena_dup(sl_builder_arena(w), sl_str_of(name)) : SL_S("")))
            return false;
    }
    s->serial = sl_builder_serial(w);
    return true;
}
/* meta: made with the first row of a batch, shared by the others. */
static void end_row(sl_source *s, sl_builder *w, sl_value *meta) {
    if (meta->kind == SL_ABSENT) {
        sl_arena *a = sl_builder_arena(w);
        sl_member *m = SL_NEW(a, sl_member);
        *m = (sl_member){SL_S("file"), sl_v_str(sl_arena_dup(a, sl_str_of(s->file)))};
        *meta = sl_v_map(m, 1);
    }
    sl_builder_meta(w, *meta);
    sl_builder_end(w);
    s->rows++;
}
/* A line without quotes like the records before: true when it became a row; false: nothing is decided. */
static bool put_plain(sl_source *s, sl_builder *w, sl_str line, sl_value *meta) {
    if (!s->header_done || !s->map_unique || s->layout != sl_builder_layout(w) || s->map_all != sl_builder_all(w) || !csv_plain(s->csv, line) || !keys_of(s, w))
        return false;
    uint32_t want = s->names.n ? (uint32_t)s->names.n : s->columns.n;
    sl_builder_row(w);
    uint32_t n = sl_fields_split(w, sl_arena_dup(sl_builder_arena(w), line), s->delimiter, true, s->map.at, s->keys.at, (uint32_t)s->map.n);
    if (n < want || n > s->map.n) {
        sl_builder_cancel(w);
        return false;
    }
    csv_pass(s->csv);
    end_row(s, w, meta);
    return true;
}
static sl_err *put_record(sl_source *s, sl_builder *w, sl_value *meta) {
    uint32_t n = csv_count(s->csv), want = s->names.n ? (uint32_t)s->names.n : s->columns.n;
    if (s->has_header && !s->header_done) {
        for (uint32_t i = 0; i < n; i++) {
            sl_str f = csv_field(s->csv, i);
            if (!i && sl_str_starts(f, SL_S("\xef\xbb\xbf")))
                f = sl_str_n(f.p + 3, f.n - 3); /* what spreadsheets put in front */
            char *name = sl_strdup_n(f.p, f.n);
            if (!name || !SL_PUSH(s->names, name)) {
                free(name);
                return sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->file);
            }
        }
        s->map.n = 0;
        s->header_done = true;
        return NULL;
    }
    if (n < want)
        return sl_err_new(SL_E_CODEC, "file %s: row %llu has %u fields, %u expected", s->file, (unsigned long long)s->rows + 1, n, want);
    if (!remap(s, sl_builder_layout(w), sl_builder_all(w), n) || !keys_of(s, w))
        return sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->file);
    s->header_done = true;
    sl_arena *a = sl_builder_arena(w);
    sl_builder_row(w);
    for (uint32_t i = 0; i < n; i++)
        if (s->map.at[i] >= 0)
            sl_builder_set(w, (uint32_t)s->map.at[i], sl_v_str(sl_arena_dup(a, csv_field(s->csv, i))));
        else if (s->map.at[i] == SL_FIELD_TAIL)
            sl_builder_tail(w, s->keys.at[i], sl_v_str(sl_arena_dup(a, csv_field(s->csv, i))));
    end_row(s, w, meta);
    return NULL;
}
/* csv: rows of this turn. GOT_LATER: another turn; GOT_ONE: pause (flow or sendInterval). */
static got read_csv(sl_source *s) {
    sl_builder *w = s->out->builder(s->out);
    if (!w)
        return GOT_ONE;
    uint32_t n = 0, most = s->send_interval ? 1 : ROWS_AT_ONCE;
    got g = GOT_ONE;
    sl_err *e = NULL;
    sl_value meta = sl_v_absent();
    while (n < most) {
        sl_str line;
        bool skip = s->rows < s->queue.at[0].skipped && (s->header_done || !s->has_header);
        g = reader_line(s->rd, &line, &e);
        if (g == GOT_END)
            g = csv_end(s->csv, &e);
        if (g != GOT_ONE)
            break;
        if (!skip && put_plain(s, w, line, &meta)) {
            n++;
            continue;
        }
        got record = csv_line(s->csv, line, &e);
        uint64_t before = s->rows;
        if (record == GOT_ONE && skip)
            s->rows++;
        else if (record == GOT_ONE)
            e = put_record(s, w, &meta);
        if (e) {
            g = GOT_ERROR;
            break;
        }
        n += !skip && s->rows > before;
    }
    bool go_on = true;
    if (n) {
        (void)SL_PUSH(s->places, ((place){++s->pos, s->rows})); /* else the rows of this chunk may come again */
        go_on = s->out->rows(s->out, s->pos);
    }
    if (s->closing)
        return GOT_ONE;
    if (e)
        report(s, sl_err_prefix(e, "read %s", s->file));
    s->paused |= !go_on;
    return g;
}
static bool give(sl_source *s, sl_str bytes, bool whole) {
    sl_member meta = file_meta(s);
    sl_packet p = {.bytes = bytes, .meta = &meta, .nmeta = 1, .pos = ++s->pos, .whole = whole};
    s->rows++;
    bool go_on = s->out->bytes(s->out, &p);
    if (!go_on)
        s->paused = true;
    return go_on;
}
static got read_bytes(sl_source *s) {
    sl_err *e = NULL;
    sl_str b;
    if (s->kind == WHOLE) {
        got g = reader_whole(s->rd, &b, &e);
        if (g == GOT_ONE) {
            give(s, b, true);
            return GOT_END;
        }
        report(s, e);
        return g;
    }
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
        got g = reader_line(s->rd, &b, &e);
        if (g != GOT_ONE) {
            report(s, e);
            return g;
        }
        if (s->rows < s->queue.at[0].skipped) {
            s->rows++;
            continue;
        }
        if (!give(s, b, false) || s->closing || s->send_interval)
            return GOT_ONE;
    }
    return GOT_LATER;
}
static void end_of_queue(sl_source *s) {
    s->out->drained(s->out);
    if (s->closing)
        return;
    if (s->once) {
        s->once = false;
        s->out->eof(s->out);
    } else if (s->late) {
        s->late = s->started = false;
        kick(s);
    }
}
static void on_pump(void *arg) {
    sl_source *s = arg;
    if (s->paused || s->closing)
        return;
    if (!s->started) {
        s->started = true;
        seen now;
        bool plain;
        if (s->folder)
            load_folder(s);
        else if (!look_at(s, NULL, &now, &plain))
            report(s, sl_err_new(SL_E_IO, "file %s not exist", s->path));
        else if (!enqueue(s, NULL, now))
            report(s, sl_err_new(SL_E_NOMEM, "file %s: out of memory", s->path));
    }
    if (!s->queue.n) {
        end_of_queue(s);
        return;
    }
    if (!s->rd) {
        if (!begin(s)) {
            finish(s, false);
            if (!s->closing)
                kick(s);
            return;
        }
    }
    reader_turn(s->rd);
    got g = s->kind == CSV ? read_csv(s) : read_bytes(s);
    if (s->closing)
        return;
    if (g == GOT_END || g == GOT_ERROR) {
        finish(s, g == GOT_END);
        if (s->closing)
            return;
        if (!s->queue.n && !s->paused)
            end_of_queue(s);
        else
            kick(s);
    } else if (s->send_interval && g == GOT_ONE && !s->paused) {
        sl_timer_in(s->row_wait, s->send_interval);
    } else {
        kick(s);
    }
}
static void on_row_wait(void *arg) { kick(arg); }
static void on_tick(void *arg) {
    sl_source *s = arg;
    s->next += s->interval;
    int64_t now = sl_now(s->loop);
    if (s->next <= now)
        s->next = now + s->interval;
    sl_timer_at(s->tick, s->next);
    if (s->queue.n) /* still reading: this tick is for when it is through */
        s->late = true;
    s->started = s->queue.n > 0;
    if (!s->started)
        kick(s);
}

/* ---- life ---- */
static bool streams(sl_str type) { return sl_str_is(type, "csv") || sl_str_is(type, "lines") || sl_str_is(type, "parquet"); }
static sl_err *source_check(const void *conf, sl_str datasource) {
    const file_conf *c = conf;
    if (!c->path.n)
        return sl_err_new(SL_E_CONF, "missing property path");
    if (sl_str_is(c->file_type, "parquet"))
        return sl_err_new(SL_E_UNSUPPORTED, "fileType parquet is not supported: there is no library for it; convert the file to csv or lines");
    if (c->interval < 0 || c->send_interval < 0)
        return sl_err_new(SL_E_CONF, "interval and sendInterval must not be negative");
    if (c->action < 0 || c->action > 2)
        return sl_err_new(SL_E_CONF, "invalid actionAfterRead: %lld", (long long)c->action);
    if (c->action == 2 && !c->move_to.n)
        return sl_err_new(SL_E_CONF, "missing moveTo when actionAfterRead is 2");
    if (c->decompression.n) {
        if (streams(c->file_type))
            return sl_err_new(SL_E_CONF, "decompression is not supported for %.*s file type", SL_FMT(c->file_type));
        if (!sl_press_of(c->decompression))
            return sl_err_new(SL_E_CONF, "unsupported decompressor: %.*s", SL_FMT(c->decompression));
        SL_TRY(sl_press_ready(sl_press_of(c->decompression)));
    }
    return NULL;
}
static char *path_of(const file_conf *c, sl_str datasource, const char *home) {
    char *ds = sl_strdup_n(datasource.p, datasource.n), *dir = sl_path_join(home, c->path.p);
    char *full = dir && ds ? (datasource.n ? sl_path_join(dir, ds) : sl_strdup_n(dir, strlen(dir))) : NULL;
    free(ds);
    free(dir);
    return full;
}
static sl_err *source_exists(const void *conf, sl_str datasource, const char *home) {
    char *path = path_of(conf, datasource, home);
    if (!path)
        return sl_err_new(SL_E_NOMEM, "file: out of memory");
    sl_err *e = sl_file_exists(path) ? NULL : sl_err_new(SL_E_IO, "file %s not exist", path);
    free(path);
    return e;
}
static void source_free(sl_source *s) {
    sl_timer_free(s->pump);
    sl_timer_free(s->tick);
    sl_timer_free(s->settle);
    sl_timer_free(s->row_wait);
    reader_close(s->rd);
    csv_free(s->csv);
    names_free(s);
    for (size_t i = 0; i < s->queue.n; i++)
        free(s->queue.at[i].name);
    for (size_t i = 0; i < s->read.n; i++)
        free(s->read.at[i].name);
    for (size_t i = 0; i < s->from_names.n; i++)
        free(s->from_names.at[i]);
    size_t it = 0;
    sl_str k;
    void *v;
    while (s->files && sl_map_next(s->files, &it, &k, &v))
        free(v);
    sl_map_free(s->files);
    it = 0;
    while (s->changed && sl_map_next(s->changed, &it, &k, &v))
        free(v);
    sl_map_free(s->changed);
    SL_VEC_FREE(s->names);
    SL_VEC_FREE(s->queue);
    SL_VEC_FREE(s->read);
    SL_VEC_FREE(s->from_names);
    SL_VEC_FREE(s->places);
    free(s->part.name);
    SL_VEC_FREE(s->map);
    SL_VEC_FREE(s->keys);
    sl_layout_drop(s->layout);
    free(s->file);
    free(s->path);
    free(s->move_to);
    free(s->rule);
    free(s);
}
static sl_err *set_up(sl_source *s, const file_conf *c, const sl_conn_env *env, sl_str from) {
    struct stat st;
    if (stat(s->path, &st) != 0)
        return sl_err_new(SL_E_IO, "file %s not exist", s->path);
    s->folder = S_ISDIR(st.st_mode);
    s->once = !s->folder && !s->interval;
    if (s->action == 2) {
        SL_TRY(sl_dir_make(s->move_to));
    }
    SL_TRY(position_restore(s, from));
    if (s->folder && !s->interval) { /* watch first, list then: nothing falls between */
        int r = uv_fs_event_init(sl_loop_uv(s->loop), &s->watch.events);
        if (r == 0) {
            s->watching = true;
            s->watch.any.data = s;
            r = uv_fs_event_start(&s->watch.events, on_change, s->path, 0);
        }
        if (r != 0)
            return sl_err_new(SL_E_IO, "watch %s: %s", s->path, uv_strerror(r));
    }
    return NULL;
}
static void on_watch_closed(uv_handle_t *h) {
    sl_source *s = h->data;
    sl_fn done = s->done;
    void *arg = s->arg;
    source_free(s);
    if (done)
        done(arg);
}
static sl_err *source_open(const void *conf, sl_str datasource, const sl_conn_env *env, sl_source_out *out, sl_str from, sl_source **src) {
    const file_conf *c = conf;
    SL_TRY(source_check(conf, datasource));
    sl_source *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "file: out of memory");
    s->out = out;
    s->loop = env->loop;
    s->lasts = env->lasts;
    s->kind = sl_str_is(c->file_type, "lines") ? LINES : sl_str_is(c->file_type, "csv") ? CSV : WHOLE;
    s->delimiter = c->delimiter.n ? c->delimiter.p[0] : ',';
    s->has_header = c->has_header;
    s->columns = c->columns;
    s->inflate = c->decompression;
    s->interval = (c->interval + 999999) / 1000000;
    s->send_interval = (c->send_interval + 999999) / 1000000;
    s->action = c->action;
    s->ignore_start = c->ignore_start;
    s->ignore_end = c->ignore_end;
    s->rule = sl_strdup_n(env->rule_id, strlen(env->rule_id));
    s->path = path_of(c, datasource, env->home);
    s->move_to = sl_path_join(env->home, c->move_to.n ? c->move_to.p : ".");
    s->files = sl_map_new();
    s->changed = sl_map_new();
    s->pump = sl_timer_real(s->loop, on_pump, s);
    s->settle = sl_timer_real(s->loop, on_settled_quiet, s);
    s->tick = sl_timer_new(s->loop, on_tick, s);
    s->row_wait = sl_timer_new(s->loop, on_row_wait, s);
    sl_err *e = NULL;
    if (!s->path || !s->move_to || !s->rule || !s->files || !s->changed || !s->pump || !s->settle || !s->tick || !s->row_wait)
        e = sl_err_new(SL_E_NOMEM, "file: out of memory");
    else
        e = set_up(s, c, env, from);
    if (e) {
        if (s->watching) {
            s->closing = true;
            uv_close(&s->watch.any, on_watch_closed);
        } else {
            source_free(s);
        }
        return e;
    }
    *src = s;
    out->state(out, SL_CONN_CONNECTED, SL_S(""));
    if (s->interval) {
        s->next = sl_now(s->loop) + s->interval;
        sl_timer_at(s->tick, s->next);
    }
    kick(s);
    return NULL;
}
static void source_commit(sl_source *s, uint64_t upto) {
    size_t n = 0, drop = 0;
    for (; n < s->read.n && s->read.at[n].pos <= upto; n++) {
        job *j = &s->read.at[n];
        if (s->lasts && !j->acted)
            act(s, j);
        j->acted = true;
        if (n && j->was.mtime_ns != j[-1].was.mtime_ns)
            drop = n;
    }
    if (!s->folder)
        drop = n; /* of a folder, the newest file stays for the position, and those of its very time with it */
    for (size_t i = 0; i < drop; i++)
        free(s->read.at[i].name);
    size_t old = 0;
    while (old + 1 < s->places.n && s->places.at[old + 1].pos <= upto)
        old++;
    if (old)
        memmove(s->places.at, s->places.at + old, (s->places.n -= old) * sizeof *s->places.at);
    if (drop)
        memmove(s->read.at, s->read.at + drop, (s->read.n -= drop) * sizeof *s->read.at);
}
static void source_pause(sl_source *s) { s->paused = true; }
static void source_resume(sl_source *s) {
    s->paused = false;
    kick(s);
}
static void source_close(sl_source *s, sl_fn done, void *arg) {
    s->closing = true;
    sl_timer_stop(s->pump);
    sl_timer_stop(s->tick);
    sl_timer_stop(s->settle);
    sl_timer_stop(s->row_wait);
    s->done = done;
    s->arg = arg;
    /* not freed at once: the flow may close us from inside of what the pump called */
    if (!s->watching) {
        uv_timer_init(sl_loop_uv(s->loop), &s->watch.timer);
        s->watch.any.data = s;
    }
    uv_close(&s->watch.any, on_watch_closed);
}
const sl_source_ops file_source = {.bounded = true,
                                   .rewinds = true,
                                   .check = source_check,
                                   .exists = source_exists,
                                   .open = source_open,
                                   .commit = source_commit,
                                   .pause = source_pause,
                                   .resume = source_resume,
                                   .position = position_of,
                                   .close = source_close};
