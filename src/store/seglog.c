/* The log's life and its writing: appending on the owner's loop, the scribe behind it.
 *
 * Decision: a log is with its owner or with the scribe, never with both: one visit at a time carries what was gathered meanwhile, so there is no lock and commits
 * group by themselves. The scribe writes for all logs of a turn, starts their write-back together, and then syncs one after the other.
 * Decision: after a failed fsync nothing is known about a file's last bytes: it is cut to what was synced, and they are written anew in another segment. */
#include "store/seglog.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/crc.h"
#include "base/log.h"
#include "os/file.h"
#include "store/seglog_int.h"

enum { SEGMENT = 8 << 20, AGAIN_MS = 1000 };

/* ---- the scribe ---- */
static struct {
    pthread_mutex_t lock; /* starting and ending only */
    unsigned logs;
    sl_loop *loop;
    sl_thread *thread;
    SL_VEC(sl_seglog *) round; /* on the scribe */
    bool deferred;
} scribe = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void scribe_main(void *arg) {
    sl_loop_run(arg);
    SL_VEC_FREE(scribe.round);
}
static sl_err *scribe_join(void) {
    sl_err *e = NULL;
    pthread_mutex_lock(&scribe.lock);
    if (!scribe.logs) {
        scribe.loop = sl_loop_new("scribe");
        e = scribe.loop ? sl_thread_start("scribe", scribe_main, scribe.loop, &scribe.thread) : sl_err_new(SL_E_NOMEM, "out of memory or descriptors");
        if (e && scribe.loop)
            sl_loop_free(scribe.loop);
    }
    scribe.logs += !e;
    pthread_mutex_unlock(&scribe.lock);
    return e;
}
static void scribe_leave(void) {
    pthread_mutex_lock(&scribe.lock);
    if (!--scribe.logs) {
        sl_loop_stop(scribe.loop);
        sl_thread_join(scribe.thread);
        sl_loop_free(scribe.loop);
        scribe.loop = NULL;
    }
    pthread_mutex_unlock(&scribe.lock);
}

static void landed(void *arg);
static void trouble(sl_seglog *l, const char *what, uint64_t first) {
    char path[600];
    int err = errno;
    seg_path(l, first, "log", path, sizeof path);
    snprintf(l->error, sizeof l->error, "%s %s: %s", what, path, strerror(err));
}
static bool write_all(int fd, const char *p, size_t n, uint64_t at) {
    while (n) {
        ssize_t w = pwrite(fd, p, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            if (!w)
                errno = ENOSPC;
            return false;
        }
        p += w;
        n -= (size_t)w;
        at += (uint64_t)w;
    }
    return true;
}
static bool begin_segment(sl_seglog *l) {
    char path[600];
    seg_head h = {.version = SEG_VERSION, .first = l->work_first};
    memcpy(h.magic, SEG_MAGIC, sizeof h.magic);
    h.crc = sl_crc32c(0, &h, sizeof h);
    seg_path(l, l->work_first, "log", path, sizeof path);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) {
        trouble(l, "create", l->work_first);
        return false;
    }
    segment s = {l->work_first, SEG_HEAD};
    if (!write_all(fd, (const char *)&h, sizeof h, 0) || !SL_PUSH(l->segs, s)) {
        trouble(l, "write", l->work_first);
        close(fd);
        unlink(path);
        return false;
    }
    l->fd = fd;
    l->at = l->synced = SEG_HEAD;
    l->new_name = true;
    return true;
}
static void give_up_segment(sl_seglog *l) { /* nothing is known of what was not synced */
    segment *s = &l->segs.at[l->segs.n - 1];
    char path[600];
    if (l->synced <= SEG_HEAD) {
        seg_path(l, s->first, "log", path, sizeof path);
        unlink(path);
        l->segs.n--;
    } else {
        if (ftruncate(l->fd, (off_t)l->synced) != 0)
            sl_warn("log", "%s: cannot be cut: %s", l->dir, strerror(errno));
        s->bytes = l->synced;
    }
    close(l->fd);
    l->fd = -1;
    l->at = l->synced = 0;
}
static void visit_write(sl_seglog *l) {
    l->error[0] = 0;
    l->wrote = false;
    if (!l->work.n || (l->fd < 0 && !begin_segment(l)))
        return;
    if (!write_all(l->fd, l->work.p, l->work.n, l->at)) {
        trouble(l, "write", l->segs.at[l->segs.n - 1].first);
        if (ftruncate(l->fd, (off_t)l->at) != 0)
            give_up_segment(l);
        return;
    }
    l->wrote = true;
}
static void sync_dir(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        sl_warn("log", "sync %s: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
}
static void visit_sync(sl_seglog *l) {
    if (l->error[0] || (!l->wrote && !(l->sure && l->fd >= 0)))
        return;
    if (fdatasync(l->fd) != 0) {
        trouble(l, "sync", l->segs.at[l->segs.n - 1].first);
        give_up_segment(l);
        return;
    }
    if (l->new_name)
        sync_dir(l->dir);
    l->new_name = l->sure = false;
    l->firm = l->last;
    if (!l->wrote)
        return;
    l->at += l->work.n;
    l->synced = l->segs.at[l->segs.n - 1].bytes = l->at;
    l->firm = l->last = l->work_last;
    sl_buf_clear(&l->work);
    if (l->work.cap > 1 << 20)
        sl_buf_free(&l->work);
    if (l->at >= l->segment) {
        close(l->fd);
        l->fd = -1;
    }
}
static void visit_trim(sl_seglog *l) {
    char path[600];
    size_t n = 0;
    while (n + 1 < l->segs.n && l->segs.at[n + 1].first <= l->trim + 1)
        n++;
    if (n + 1 == l->segs.n && l->last <= l->trim && !l->work.n && (l->fd < 0 || l->at > l->segment / 8)) { /* nothing in the newest is needed */
        if (l->fd >= 0)
            close(l->fd);
        l->fd = -1;
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        seg_path(l, l->segs.at[i].first, "log", path, sizeof path);
        if (unlink(path) != 0)
            sl_warn("log", "remove %s: %s", path, strerror(errno));
    }
    if (n)
        memmove(l->segs.at, l->segs.at + n, (l->segs.n -= n) * sizeof *l->segs.at);
}
static void scribe_round(void *arg) {
    scribe.deferred = false;
    size_t n = scribe.round.n;
    for (size_t i = 0; i < n; i++)
        visit_write(scribe.round.at[i]);
    for (size_t i = 0; i < n && n > 1; i++)
        if (scribe.round.at[i]->wrote)
            sync_file_range(scribe.round.at[i]->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < n; i++) {
        sl_seglog *l = scribe.round.at[i];
        visit_sync(l);
        visit_trim(l);
        if (l->ending && l->fd >= 0)
            close(l->fd);
        while (!sl_post(l->loop, landed, l)) {
        }
    }
    scribe.round.n = 0;
}
static void scribe_takes(void *arg) { /* @on scribe */
    sl_seglog *l = arg;
    while (!SL_PUSH(scribe.round, l)) {
    }
    if (!scribe.deferred)
        scribe.deferred = sl_defer(scribe.loop, scribe_round, NULL);
    if (!scribe.deferred)
        scribe_round(NULL);
}

/* ---- the owner ---- */
static void send(sl_seglog *l) {
    if (l->flying)
        return;
    if (!l->work.n)
        l->wants = false;
    if (!l->work.n && l->fill.n) { /* else: what could not be written goes again */
        sl_buf empty = l->work;
        l->work = l->fill;
        l->fill = empty;
        l->work_first = l->fill_first;
        l->work_last = l->next - 1;
        l->under_way = l->work.n;
    }
    l->trim = l->trim_to;
    l->sure |= l->doubt;
    l->doubt = false;
    l->ending = l->closing && !l->fill.n;
    l->flying = true;
    while (!sl_post(scribe.loop, scribe_takes, l)) {
    }
}
static void try_again(void *arg) { send(arg); }
static void log_free(sl_seglog *l) {
    sl_timer_free(l->again);
    sl_buf_free(&l->fill);
    sl_buf_free(&l->work);
    SL_VEC_FREE(l->segs);
    SL_VEC_FREE(l->known);
    free(l->trouble);
    free(l->dir);
    free(l);
}
static void closed(sl_seglog *l) {
    sl_fn done = l->done;
    void *arg = l->done_arg;
    if (l->work.n || l->fill.n)
        sl_warn("log", "%s: closed with %zu bytes that could not be written: %s", l->dir, l->work.n + l->fill.n, l->error);
    log_free(l);
    scribe_leave();
    if (done)
        done(arg);
}
static void report(sl_seglog *l) {
    l->durable = l->firm;
    l->disk = 0;
    l->known.n = 0;
    for (size_t i = 0; i < l->segs.n; i++) {
        l->disk += l->segs.at[i].bytes;
        if (!SL_PUSH(l->known, l->segs.at[i]))
            sl_warn("log", "%s: out of memory", l->dir);
    }
    l->first = l->segs.n ? l->segs.at[0].first : l->last + 1;
    l->under_way = l->work.n;
}
static void landed(void *arg) { /* @on the owner's loop */
    sl_seglog *l = arg;
    bool bad = l->error[0];
    l->flying = false;
    report(l);
    free(l->trouble);
    l->trouble = bad ? sl_strdup_n(l->error, strlen(l->error)) : NULL;
    if (l->closing && (bad || l->ending)) {
        if (bad && !l->ending) {
            l->ending = true; /* its descriptor */
            if (l->fd >= 0)
                close(l->fd);
        }
        closed(l);
        return;
    }
    if (bad && l->again)
        sl_timer_in(l->again, AGAIN_MS);
    else if (l->wants || l->closing || l->trim != l->trim_to)
        send(l);
    if (l->moved)
        l->moved(l->arg);
}
sl_err *sl_seglog_open(const sl_seglog_conf *c, sl_seglog **out) {
    sl_seglog *l = calloc(1, sizeof *l);
    if (!l)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    *l = (sl_seglog){.loop = c->loop, .moved = c->moved, .arg = c->arg, .segment = c->segment ? c->segment : SEGMENT, .fd = -1, .doubt = true};
    l->next = c->next ? c->next : 1;
    l->dir = sl_strdup_n(c->dir, strlen(c->dir));
    l->again = sl_timer_real(c->loop, try_again, l);
    sl_err *e = l->dir && l->again ? sl_dir_make(l->dir) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e)
        e = seg_scan(l);
    if (!e)
        e = scribe_join();
    if (e) {
        if (l->fd >= 0)
            close(l->fd);
        log_free(l);
        return e;
    }
    if (l->last + 1 > l->next)
        l->next = l->last + 1;
    l->last = l->found = l->next - 1;
    if (l->fd < 0)
        l->firm = l->last;
    report(l);
    send(l); /* what was found is not known to be on the disk */
    *out = l;
    return NULL;
}
void sl_seglog_close(sl_seglog *l, sl_fn done, void *arg) {
    l->done = done;
    l->done_arg = arg;
    l->closing = true;
    l->moved = NULL;
    sl_timer_stop(l->again);
    send(l); /* behind what flies, when something does */
}
bool sl_seglog_append(sl_seglog *l, int64_t time_ms, uint8_t type, uint8_t tag, const sl_str *parts, uint32_t n, uint64_t *seq, uint32_t *crc) {
    static const char zeros[8];
    size_t len = 0;
    for (uint32_t i = 0; i < n; i++)
        len += parts[i].n;
    if (len > REC_MOST)
        return false;
    size_t all = rec_room((uint32_t)len);
    if (!sl_buf_room(&l->fill, all)) {
        l->fill.failed = false;
        return false;
    }
    rec_head h = {.magic = REC_MAGIC, .len = (uint32_t)len, .type = type, .tag = tag, .seq = l->next, .time_ms = time_ms};
    size_t at = l->fill.n;
    l->fill.n += REC_HEAD;
    for (uint32_t i = 0; i < n; i++)
        sl_buf_str(&l->fill, parts[i]);
    uint32_t c = sl_crc32c(0, l->fill.p + at + REC_HEAD, len);
    if (crc)
        *crc = c;
    h.crc = sl_crc32c(c, &h, sizeof h);
    memcpy(l->fill.p + at, &h, sizeof h);
    sl_buf_put(&l->fill, zeros, all - REC_HEAD - len);
    if (!at)
        l->fill_first = l->next;
    if (seq)
        *seq = l->next;
    l->next++;
    return true;
}
void sl_seglog_flush(sl_seglog *l) {
    if (l->flying || l->trouble)
        l->wants = true;
    else if (l->fill.n || l->work.n || l->doubt || l->trim != l->trim_to)
        send(l);
}
uint64_t sl_seglog_next(const sl_seglog *l) { return l->next; }
uint64_t sl_seglog_first(const sl_seglog *l) { return l->first; }
uint64_t sl_seglog_durable(const sl_seglog *l) { return l->durable; }
size_t sl_seglog_waiting(const sl_seglog *l) { return l->fill.n + l->under_way; }
uint64_t sl_seglog_bytes(const sl_seglog *l) { return l->disk; }
const char *sl_seglog_trouble(const sl_seglog *l) { return l->trouble ? l->trouble : ""; }
const sl_seglog_damage *sl_seglog_damaged(const sl_seglog *l) { return &l->damage; }
void sl_seglog_trim(sl_seglog *l, uint64_t upto) {
    if (upto <= l->trim_to)
        return;
    l->trim_to = upto;
    send(l);
}
