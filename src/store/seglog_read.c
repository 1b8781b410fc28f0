/* The log's reading: what a folder holds when it is opened, and records in order.
 *
 * Decision: a place that is no record is only the torn tail when no whole record of this log follows in the newest segment; else it is damage in the middle, which is
 * copied aside for whoever wants to look and passed over, because the records behind it are good. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/crc.h"
#include "base/log.h"
#include "base/num.h"
#include "os/file.h"
#include "store/seglog_int.h"

void seg_path(const sl_seglog *l, uint64_t first, const char *end, char *out, size_t n) { snprintf(out, n, "%s/%020llu.%s", l->dir, (unsigned long long)first, end); }
bool seg_head_ok(const char *p, size_t n, uint64_t *first) {
    seg_head h;
    if (n < sizeof h)
        return false;
    memcpy(&h, p, sizeof h);
    uint32_t crc = h.crc;
    h.crc = 0;
    *first = h.first;
    return memcmp(h.magic, SEG_MAGIC, sizeof h.magic) == 0 && h.version == SEG_VERSION && crc == sl_crc32c(0, &h, sizeof h);
}
size_t rec_at(const char *p, size_t n, sl_seglog_rec *out) {
    rec_head h;
    if (n < sizeof h)
        return 0;
    memcpy(&h, p, sizeof h);
    if (h.magic != REC_MAGIC || h.len > REC_MOST || rec_room(h.len) > n)
        return 0;
    uint32_t crc = h.crc, body = sl_crc32c(0, p + REC_HEAD, h.len);
    h.crc = 0;
    if (crc != sl_crc32c(body, &h, sizeof h))
        return 0;
    *out = (sl_seglog_rec){h.seq, h.time_ms, h.type, h.tag, sl_str_n(p + REC_HEAD, h.len), body};
    return rec_room(h.len);
}
/* The next whole record behind a damaged place that may belong there: number at least `least`. n when there is none. */
static size_t resume_at(const char *p, size_t n, size_t at, uint64_t least, sl_seglog_rec *rec) {
    for (at = (at + 8) & ~(size_t)7; at + REC_HEAD <= n; at += 8)
        if (rec_at(p + at, n - at, rec) && rec->seq >= least)
            return at;
    return n;
}

/* ---- opening ---- */
static int by_first(const void *a, const void *b) {
    const segment *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}
/* The newest segment: reads it, cuts what is torn, leaves it open for writing. */
static sl_err *scan_newest(sl_seglog *l) {
    segment *s = &l->segs.at[l->segs.n - 1];
    char path[600];
    seg_path(l, s->first, "log", path, sizeof path);
    sl_buf b = {0};
    SL_TRY(sl_file_read(path, SIZE_MAX / 2, &b));
    size_t at = SEG_HEAD, end = at;
    uint64_t least = s->first;
    sl_seglog_rec rec;
    while (at < b.n) {
        size_t len = rec_at(b.p + at, b.n - at, &rec);
        if (len && rec.seq >= least) {
            least = rec.seq + 1;
            end = at += len;
        } else
            at = resume_at(b.p, b.n, at, least, &rec);
    }
    l->last = least - 1;
    l->damage.torn += b.n - end;
    if (b.n > end)
        sl_warn("log", "%s: %zu bytes behind the last whole record are cut off", path, b.n - end);
    sl_buf_free(&b);
    l->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (l->fd < 0 || ftruncate(l->fd, (off_t)end) != 0)
        return sl_err_new(SL_E_IO, "open %s for writing: %s", path, strerror(errno));
    l->at = l->synced = s->bytes = end;
    return NULL;
}
static bool head_of(const char *path, uint64_t *first) {
    char head[SEG_HEAD];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    if (fd >= 0)
        close(fd);
    return n == SEG_HEAD && seg_head_ok(head, sizeof head, first);
}
sl_err *seg_scan(sl_seglog *l) {
    sl_dirlist files = {0};
    SL_TRY(sl_dir_list(l->dir, &files));
    sl_err *e = NULL;
    for (size_t i = 0; i < files.n && !e; i++) {
        const sl_dirent *d = &files.at[i];
        char path[600], bad[620];
        int64_t named;
        uint64_t first = 0;
        if (d->dir || strlen(d->name) != 24 || strcmp(d->name + 20, ".log") != 0 || !sl_num_parse_i64(sl_str_n(d->name, 20), &named))
            continue;
        snprintf(path, sizeof path, "%s/%s", l->dir, d->name);
        if (head_of(path, &first) && first == (uint64_t)named) {
            if (!SL_PUSH(l->segs, ((segment){first, (uint64_t)d->size})))
                e = sl_err_new(SL_E_NOMEM, "out of memory");
            continue;
        }
        if (d->size <= SEG_HEAD) { /* it was just begun */
            l->damage.torn += (uint64_t)d->size;
            unlink(path);
            continue;
        }
        l->damage.bad += (uint64_t)d->size;
        snprintf(bad, sizeof bad, "%s.bad", path);
        sl_error("log", "%s is no segment of a log (its head is damaged); kept as %s", path, bad);
        if (rename(path, bad) != 0)
            e = sl_err_new(SL_E_IO, "rename %s: %s", path, strerror(errno));
    }
    sl_dirlist_free(&files);
    if (l->segs.n)
        qsort(l->segs.at, l->segs.n, sizeof *l->segs.at, by_first);
    return e || !l->segs.n ? e : scan_newest(l);
}
void sl_seglog_remove(const char *dir) {
    sl_dirlist files = {0};
    sl_err *e = sl_file_exists(dir) ? sl_dir_list(dir, &files) : NULL;
    for (size_t i = 0; !e && i < files.n; i++) {
        char *path = sl_path_join(dir, files.at[i].name);
        if (path && !files.at[i].dir && (sl_str_ends(sl_str_of(path), SL_S(".log")) || sl_str_ends(sl_str_of(path), SL_S(".bad"))))
            unlink(path);
        free(path);
    }
    sl_err_free(e);
    sl_dirlist_free(&files);
    rmdir(dir);
}

/* ---- reading ---- */
struct sl_seglog_reader {
    sl_seglog *log;
    uint64_t next; /* the least number wanted */
    int fd;
    uint64_t seg; /* first number of the open segment */
    uint64_t at;  /* offset of b.p[0] */
    sl_buf b;     /* a piece of the segment */
    size_t pos;   /* in b */
    bool started;
};
sl_seglog_reader *sl_seglog_reader_new(sl_seglog *l, uint64_t from) {
    sl_seglog_reader *r = calloc(1, sizeof *r);
    if (r)
        *r = (sl_seglog_reader){.log = l, .next = from, .fd = -1};
    return r;
}
static void leave_segment(sl_seglog_reader *r) {
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->b.n = r->pos = 0;
}
void sl_seglog_reader_free(sl_seglog_reader *r) {
    if (!r)
        return;
    leave_segment(r);
    sl_buf_free(&r->b);
    free(r);
}
/* The segment that holds r->next, or the first one behind it. */
static bool enter_segment(sl_seglog_reader *r) {
    const segments *k = &r->log->known;
    size_t i = 0;
    while (i + 1 < k->n && k->at[i + 1].first <= r->next)
        i++;
    char path[600];
    for (; i < k->n; i++) {
        if (r->started && k->at[i].first <= r->seg)
            continue;
        seg_path(r->log, k->at[i].first, "log", path, sizeof path);
        if ((r->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
            continue; /* not needed by anybody any more */
        r->seg = k->at[i].first;
        r->started = true;
        r->at = SEG_HEAD;
        r->b.n = r->pos = 0;
        return true;
    }
    return false;
}
/* Makes n bytes at pos available; false: the segment has no more. */
static bool need(sl_seglog_reader *r, size_t n) {
    enum { PIECE = 256 << 10 };
    if (r->b.n - r->pos >= n)
        return true;
    if (r->pos) {
        memmove(r->b.p, r->b.p + r->pos, r->b.n - r->pos);
        r->b.n -= r->pos;
        r->at += r->pos;
        r->pos = 0;
    }
    size_t want = n > PIECE ? n : PIECE;
    if (!sl_buf_room(&r->b, want))
        return false;
    while (r->b.n < want) {
        ssize_t got = pread(r->fd, r->b.p + r->b.n, want - r->b.n, (off_t)(r->at + r->b.n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        r->b.n += (size_t)got;
    }
    return r->b.n >= n;
}
static size_t whole_at(sl_seglog_reader *r, sl_seglog_rec *rec) {
    if (!need(r, REC_HEAD))
        return 0;
    rec_head h;
    memcpy(&h, r->b.p + r->pos, sizeof h);
    if (h.magic != REC_MAGIC || h.len > REC_MOST || !need(r, rec_room(h.len)))
        return 0;
    return rec_at(r->b.p + r->pos, r->b.n - r->pos, rec);
}
/* A damaged place: found again behind it, or at the end of the segment. false: it is being written. */
static bool pass_over(sl_seglog_reader *r) {
    char path[600], bad[640];
    struct stat st;
    if (fstat(r->fd, &st) != 0)
        st.st_size = 0;
    uint64_t from = r->at + r->pos, size = (uint64_t)st.st_size;
    if (size <= from || !need(r, (size_t)(size - from))) {
        leave_segment(r);
        return true;
    }
    sl_seglog_rec rec;
    size_t to = resume_at(r->b.p, r->b.n, r->pos, r->next, &rec), n = to - r->pos;
    if (r->seg == r->log->known.at[r->log->known.n - 1].first && to == r->b.n && r->log->durable < r->log->next - 1)
        return false;
    r->log->damage.bad += n;
    seg_path(r->log, r->seg, "log", path, sizeof path);
    snprintf(bad, sizeof bad, "%s.%llu.bad", path, (unsigned long long)from);
    sl_error("log", "%s: %zu bytes at %llu are no record: passed over, kept as %s", path, n, (unsigned long long)from, bad);
    sl_err *e = sl_file_exists(bad) ? NULL : sl_file_write_durable(bad, sl_str_n(r->b.p + r->pos, n));
    if (e)
        sl_warn("log", "%s", sl_err_text(e));
    sl_err_free(e);
    r->pos = to;
    return true;
}
bool sl_seglog_read(sl_seglog_reader *r, sl_seglog_rec *rec) {
    uint64_t most = r->log->durable > r->log->found ? r->log->durable : r->log->found;
    while (r->next <= most) {
        if (r->fd < 0 && !enter_segment(r))
            return false;
        size_t len = whole_at(r, rec);
        if (!len && r->b.n == r->pos) { /* the end of the segment */
            size_t i = 0;
            while (i < r->log->known.n && r->log->known.at[i].first <= r->seg)
                i++;
            if (i == r->log->known.n)
                return false; /* more may come */
            leave_segment(r);
            continue;
        }
        if (!len) {
            if (!pass_over(r))
                return false;
            continue;
        }
        if (rec->seq > most)
            return false;
        r->pos += len;
        if (rec->seq < r->next)
            continue;
        if (rec->seq > r->next && r->next > 1)
            r->log->damage.lost += rec->seq - r->next;
        r->next = rec->seq + 1;
        return true;
    }
    return false;
}
