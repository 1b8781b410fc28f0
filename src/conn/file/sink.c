/* The file sink: messages into rolling files, one open file per rendered path.
 *
 * Decision: what a put brought is written when the put ends (one system call per file), and only then answered as delivered; a write that
 * fails is taken back (the file is cut to where it was), so that trying again writes nothing twice. Compressed files cannot be cut:
 * there a failed write is final and says so. Decision: a finished file is flushed to disk and closed on the job pool. */
#include "base/log.h"
#include "base/map.h"
#include "conn/file/inside.h"
#include "data/cipher.h"
#include "data/press.h"
#include "os/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { FRAME = 256 * 1024 };
typedef enum { LINES, JSON, CSV } kind;
typedef struct file {
    char *path; /* as rendered */
    char *name; /* as opened, with its time */
    int fd;
    int64_t made_ms, items, size;      /* size: before compression */
    bool touched;                      /* in this put */
    sl_buf out;                        /* not written yet */
    int64_t written;                   /* bytes in the file */
    int64_t items_before, size_before; /* of this put */
    bool packed, zstd;                 /* zstd: in frames of FRAME bytes, else one gzip stream */
    z_stream z;
    sl_buf plain;      /* of the next frame */
    sl_cipher *cipher; /* encryption */
} file;
struct sl_sink {
    sl_sink_host *host;
    sl_loop *loop;
    char *home, *rule, *path, *delimiter;
    sl_buf header;
    bool header_known, want_header, gzip, zstd, encrypt, suffix, prefix, closing;
    kind kind;
    int64_t roll_ns, check_ms, roll_count, roll_size;
    sl_map *files; /* rendered path -> file */
    sl_timer *check;
    uint32_t closers; /* jobs under way */
    sl_fn done;
    void *arg;
};

/* ---- closing, on the pool ---- */
typedef struct closer {
    sl_sink *s;
    int fd, error;
    char *name;
} closer;
static void close_work(void *arg) {
    closer *c = arg;
    if (fsync(c->fd) != 0 && errno != EINVAL && errno != EROFS) /* pipes and devices cannot be flushed */
        c->error = errno;
    if (close(c->fd) != 0 && !c->error)
        c->error = errno;
}
static void sink_free(sl_sink *s) {
    sl_fn done = s->done;
    void *arg = s->arg;
    sl_timer_free(s->check);
    sl_map_free(s->files);
    sl_buf_free(&s->header);
    free(s->home);
    free(s->rule);
    free(s->path);
    free(s->delimiter);
    free(s);
    if (done)
        done(arg);
}
static void close_done(void *arg) {
    closer *c = arg;
    sl_sink *s = c->s;
    if (c->error)
        sl_error(s->rule, "file sink: close %s: %s", c->name, strerror(c->error));
    free(c->name);
    free(c);
    if (--s->closers == 0 && s->closing)
        sink_free(s);
}
static void close_fd(sl_sink *s, int fd, char *name) { /* takes name */
    closer *c = malloc(sizeof *c);
    if (c) {
        *c = (closer){s, fd, 0, name};
        s->closers++;
        if (sl_job(s->loop, close_work, close_done, c))
            return;
        s->closers--;
    }
    free(c);
    free(name);
    close(fd);
}

/* ---- writing ---- */
/* Neither a compressor nor a cipher can be set back. */
static bool one_way(const file *f) { return f->packed || f->cipher; }
static const char *write_out(file *f) { /* NULL or what went wrong */
    size_t at = 0;
    if (f->cipher && f->out.n) {
        sl_buf sealed = {0};
        const char *why = sl_cipher_stream(f->cipher, sl_buf_view(&f->out), &sealed);
        sl_buf_free(&f->out);
        f->out = sealed;
        if (why) {
            errno = EIO;
            return why;
        }
    }
    while (at < f->out.n) {
        ssize_t n = write(f->fd, f->out.p + at, f->out.n - at);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            int e = errno;
            if (at && !one_way(f) && ftruncate(f->fd, (off_t)f->written) == 0)
                lseek(f->fd, (off_t)f->written, SEEK_SET);
            errno = e;
            return strerror(e);
        }
        at += (size_t)n;
    }
    f->written += (int64_t)f->out.n;
    f->out.n = 0;
    return NULL;
}
static bool deflate_to(file *f, sl_str bytes, int flush) {
    f->z.next_in = (unsigned char *)(uintptr_t)bytes.p;
    f->z.avail_in = (uInt)bytes.n;
    for (;;) {
        if (!sl_buf_room(&f->out, 16384))
            return false;
        f->z.next_out = (unsigned char *)f->out.p + f->out.n;
        f->z.avail_out = 16384;
        int z = deflate(&f->z, flush);
        f->out.n += 16384 - f->z.avail_out;
        if (z == Z_STREAM_END || (flush == Z_NO_FLUSH && f->z.avail_out != 0))
            return true;
        if (z != Z_OK && z != Z_BUF_ERROR)
            return false;
    }
}
static bool pack_frame(file *f) {
    const char *why = f->plain.failed ? "out of memory" : sl_press_pack(SL_PRESS_ZSTD, sl_buf_view(&f->plain), &f->out);
    f->plain.n = 0;
    return !why && !f->out.failed;
}
static bool put_bytes(file *f, sl_str bytes) {
    f->size += (int64_t)bytes.n;
    if (f->zstd) {
        sl_buf_str(&f->plain, bytes);
        return f->plain.n < FRAME || pack_frame(f);
    }
    if (f->packed)
        return deflate_to(f, bytes, Z_NO_FLUSH);
    sl_buf_str(&f->out, bytes);
    return !f->out.failed;
}
static void file_free(file *f) {
    if (f->packed && !f->zstd)
        deflateEnd(&f->z);
    sl_cipher_free(f->cipher);
    sl_buf_free(&f->plain);
    sl_buf_free(&f->out);
    free(f->path);
    free(f->name);
    free(f);
}
static void file_close(sl_sink *s, file *f) {
    sl_map_del(s->files, sl_str_of(f->path));
    const char *why = NULL;
    if (s->kind == JSON && !put_bytes(f, SL_S("]")))
        why = "out of memory";
    if (f->packed && !(f->zstd ? pack_frame(f) : deflate_to(f, SL_S(""), Z_FINISH)))
        why = "out of memory";
    if (!why)
        why = write_out(f);
    if (why)
        sl_error(s->rule, "file sink: write the end of %s: %s", f->name, why);
    close_fd(s, f->fd, f->name);
    f->name = NULL;
    file_free(f);
}

/* <folder>/<ms>-<name> or <folder>/<stem>-<ms><ext>; a name that is taken gets the next millisecond: two parts in one must not be one. */
static char *part_name(sl_sink *s, const char *path, int64_t ms) {
    char *full = sl_path_join(s->home, path);
    if (!full || (!s->prefix && !s->suffix))
        return full;
    const char *slash = strrchr(full, '/'), *base = slash ? slash + 1 : full, *dot = strrchr(base, '.');
    int dir = (int)(base - full);
    char *out = NULL;
    for (;; ms++) {
        sl_buf b = {0};
        if (s->prefix)
            sl_buf_printf(&b, "%.*s%lld-%s", dir, full, (long long)ms, base);
        else if (dot)
            sl_buf_printf(&b, "%.*s-%lld%s", (int)(dot - full), full, (long long)ms, dot);
        else
            sl_buf_printf(&b, "%s-%lld", full, (long long)ms);
        out = sl_buf_take(&b);
        if (!out || !sl_file_exists(out))
            break;
        free(out);
    }
    free(full);
    return out;
}
static sl_err *file_open(sl_sink *s, sl_str path, file **out, int *why) {
    *why = 0;
    file *f = calloc(1, sizeof *f);
    if (!f)
        return sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    f->fd = -1;
    f->made_ms = sl_now(s->loop);
    f->path = sl_strdup_n(path.p, path.n);
    f->name = f->path ? part_name(s, f->path, f->made_ms) : NULL;
    sl_err *e = f->name ? NULL : sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    char *slash = e ? NULL : strrchr(f->name, '/');
    if (slash && slash != f->name) {
        *slash = 0;
        e = sl_dir_make(f->name);
        *slash = '/';
    }
    if (!e && (f->fd = open(f->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) < 0) {
        *why = errno;
        e = sl_err_new(SL_E_IO, "file sink: open %s: %s", f->name, strerror(*why));
    }
    if (!e && s->encrypt)
        e = sl_cipher_new(SL_S("aes"), NULL, &f->cipher);
    if (!e && s->zstd)
        f->packed = f->zstd = true;
    if (!e && s->gzip) {
        f->packed = deflateInit2(&f->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
        if (!f->packed)
            e = sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    }
    if (!e && !sl_map_set(s->files, path, f, NULL))
        e = sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    if (e) {
        if (f->fd >= 0)
            close(f->fd);
        file_free(f);
        return e;
    }
    *out = f;
    return NULL;
}

/* ---- messages ---- */
/* The names of a csv file that are not configured come with the first payload: as the encoder's mark (delimiter, length in four bytes, text)
 * for single rows, as its first line for lists. */
static sl_str strip_header(sl_sink *s, const sl_message *m) {
    sl_str b = m->bytes, d = sl_str_of(s->delimiter), head;
    if (!s->want_header || m->is_error)
        return b;
    if (b.n >= d.n + 4 && sl_str_starts(b, d)) {
        const unsigned char *p = (const unsigned char *)b.p + d.n;
        size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (n <= b.n - d.n - 4 && (p[0] == 0)) {
            head = sl_str_n(b.p + d.n + 4, n);
            b = sl_str_n(head.p + n, b.n - d.n - 4 - n);
            if (!s->header_known) {
                s->header_known = true;
                sl_buf_str(&s->header, head);
            }
            return b;
        }
    }
    if (m->collection) {
        const char *nl = memchr(b.p, '\n', b.n);
        head = nl ? sl_str_n(b.p, (size_t)(nl - b.p)) : b;
        if (!s->header_known) {
            s->header_known = true;
            sl_buf_str(&s->header, head);
        }
        if (sl_str_eq(head, sl_buf_view(&s->header)))
            return nl ? sl_str_n(nl + 1, b.n - head.n - 1) : SL_S("");
    }
    return b;
}
static bool put_item(sl_sink *s, file *f, const sl_message *m) {
    sl_str b = s->kind == CSV ? strip_header(s, m) : m->bytes;
    bool ok = true;
    if (!f->items && s->kind == JSON)
        ok = put_bytes(f, SL_S("["));
    bool any = f->items > 0;
    if (!f->items && s->kind == CSV && s->want_header && s->header_known) {
        ok = put_bytes(f, sl_buf_view(&s->header));
        any = true;
    }
    if (any)
        ok = ok && put_bytes(f, s->kind == JSON ? SL_S(",") : SL_S("\n"));
    ok = ok && put_bytes(f, b);
    f->items++;
    return ok;
}
static bool full(const sl_sink *s, const file *f) { return (s->roll_count && f->items >= s->roll_count) || (s->roll_size && f->size >= s->roll_size); }

static bool again_later(int e) { return e == ENOSPC || e == EDQUOT || e == EIO || e == EMFILE || e == ENFILE; }
/* Writes what a file got in this put; the answer for its messages. */
static sl_answer settle(sl_sink *s, file *f, char *why, size_t cap) {
    const char *fault = write_out(f);
    f->touched = false;
    if (!fault)
        return SL_DELIVERED;
    int e = errno;
    snprintf(why, cap, "write %s: %s", f->name, fault);
    if (one_way(f)) {
        f->out.n = 0;
        sl_map_del(s->files, sl_str_of(f->path));
        close_fd(s, f->fd, f->name);
        f->name = NULL;
        file_free(f);
        return SL_BAD;
    }
    f->out.n = 0;
    f->out.failed = false;
    f->items = f->items_before;
    f->size = f->size_before;
    return again_later(e) ? SL_LATER : SL_BAD;
}
static void touch(file *f) {
    if (f->touched)
        return;
    f->touched = true;
    f->items_before = f->items;
    f->size_before = f->size;
}
/* Answers the messages first … last, all of which are in f. */
static void finish_run(sl_sink *s, file *f, uint64_t first, uint64_t last) {
    char why[512];
    sl_answer a = settle(s, f, why, sizeof why);
    s->host->answer(s->host, first, last, a, a == SL_DELIVERED ? SL_S("") : sl_str_of(why));
    if (a == SL_DELIVERED && full(s, f))
        file_close(s, f);
}
static uint32_t sink_put(sl_sink *s, const sl_message *m, uint32_t n) {
    file *now = NULL; /* messages from..i-1 are in it, not yet written */
    uint32_t from = 0;
    sl_str path = {0};
    for (uint32_t i = 0; i < n; i++) {
        sl_str p = m[i].props && m[i].props[0].p ? m[i].props[0] : sl_str_of(s->path);
        if (now && !sl_str_eq(p, path)) {
            finish_run(s, now, m[from].seq, m[i - 1].seq);
            now = NULL;
        }
        path = p;
        if (!now) {
            from = i;
            now = sl_map_get(s->files, p);
            int why = 0;
            sl_err *e = now ? NULL : file_open(s, p, &now, &why);
            if (e) {
                s->host->answer(s->host, m[i].seq, m[i].seq, again_later(why) ? SL_LATER : SL_BAD, sl_str_of(sl_err_text(e)));
                sl_err_free(e);
                now = NULL;
                continue;
            }
        }
        touch(now);
        if (!put_item(s, now, &m[i])) {
            errno = ENOSPC;
            now->out.failed = false;
            now->out.n = 0;
            now->items = now->items_before;
            now->size = now->size_before;
            now->touched = false;
            s->host->answer(s->host, m[from].seq, m[i].seq, one_way(now) ? SL_BAD : SL_LATER, SL_S("file sink: out of memory"));
            now = NULL;
            continue;
        }
        if (full(s, now) || now->out.n > (1u << 20)) {
            finish_run(s, now, m[from].seq, m[i].seq);
            now = NULL;
        }
    }
    if (now)
        finish_run(s, now, m[from].seq, m[n - 1].seq);
    return n;
}
static void on_check(void *arg) {
    sl_sink *s = arg;
    size_t it = 0;
    sl_str k;
    void *v;
    int64_t now = sl_now(s->loop);
    while (sl_map_next(s->files, &it, &k, &v)) {
        file *f = v;
        if ((now - f->made_ms) * 1000000 >= s->roll_ns)
            file_close(s, f);
    }
    sl_timer_in(s->check, s->check_ms);
}

/* ---- life ---- */
static sl_err *sink_check(const void *conf) {
    const file_conf *c = conf;
    const char *why = NULL;
    if (c->roll_interval < 0)
        why = "rollingInterval must be positive";
    else if (c->roll_count < 0)
        why = "rollingCount must be positive";
    else if (c->roll_size < 0)
        why = "rollingSize must be positive";
    else if (c->check_interval < 0)
        why = "checkInterval must be positive";
    else if (!c->out_path.n)
        why = "path must be set";
    else if (!sl_str_is(c->out_type, "json") && !sl_str_is(c->out_type, "csv") && !sl_str_is(c->out_type, "lines"))
        why = "fileType must be one of json, csv or lines";
    else if (sl_str_is(c->out_type, "csv") && !sl_str_ieq(c->out_format, SL_S("delimited")))
        why = "format must be delimited when fileType is csv";
    else if (!c->roll_interval && !c->roll_count && !c->roll_size)
        why = "one of rollingInterval, rollingCount, or rollingSize must be set";
    else if (c->pattern.n && !sl_str_is(c->pattern, "none") && !sl_str_is(c->pattern, "prefix") && !sl_str_is(c->pattern, "suffix"))
        why = "rollingNamePattern must be one of prefix, suffix or none";
    else if (c->compression.n && !sl_str_is(c->compression, "gzip") && !sl_str_is(c->compression, "zstd"))
        why = "compression must be one of gzip, zstd";
    if (why)
        return sl_err_new(SL_E_CONF, "%s", why);
    if (c->encryption.n) {
        sl_cipher *probe;
        SL_TRY(sl_cipher_new(c->encryption, NULL, &probe));
        sl_cipher_free(probe);
    }
    return sl_press_ready(sl_press_of(c->compression));
}
static sl_err *sink_open(const void *conf, const sl_conn_env *env, sl_sink_host *host, sl_sink **sink) {
    const file_conf *c = conf;
    SL_TRY(sink_check(conf));
    sl_sink *s = calloc(1, sizeof *s);
    if (!s)
        return sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    s->host = host;
    s->loop = env->loop;
    s->kind = sl_str_is(c->out_type, "json") ? JSON : sl_str_is(c->out_type, "csv") ? CSV : LINES;
    s->home = sl_strdup_n(env->home, strlen(env->home));
    s->rule = sl_strdup_n(env->rule_id, strlen(env->rule_id));
    s->path = sl_strdup_n(c->out_path.p, c->out_path.n);
    s->delimiter = c->out_delimiter.n ? sl_strdup_n(c->out_delimiter.p, c->out_delimiter.n) : sl_strdup_n(",", 1);
    s->files = sl_map_new();
    s->check = sl_timer_new(env->loop, on_check, s);
    if (!s->home || !s->rule || !s->path || !s->delimiter || !s->files || !s->check) {
        sink_free(s);
        return sl_err_new(SL_E_NOMEM, "file sink: out of memory");
    }
    s->want_header = c->out_header;
    s->gzip = sl_str_is(c->compression, "gzip");
    s->zstd = sl_str_is(c->compression, "zstd");
    s->encrypt = c->encryption.n > 0;
    s->prefix = sl_str_is(c->pattern, "prefix");
    s->suffix = sl_str_is(c->pattern, "suffix");
    s->roll_ns = c->roll_interval;
    s->roll_count = c->roll_count;
    s->roll_size = c->roll_size;
    s->header_known = c->fields.n > 0;
    for (uint32_t i = 0; i < c->fields.n; i++) {
        sl_buf_puts(&s->header, i ? s->delimiter : "");
        sl_buf_str(&s->header, c->fields.at[i]);
    }
    *sink = s;
    host->state(host, SL_CONN_CONNECTED, SL_S(""));
    if (s->roll_ns) { /* without an age to roll at there is nothing to look for */
        int64_t check = c->check_interval && c->check_interval < s->roll_ns ? c->check_interval : s->roll_ns;
        s->check_ms = (check + 999999) / 1000000;
        sl_timer_in(s->check, s->check_ms);
    }
    return NULL;
}
static void sink_close(sl_sink *s, sl_fn done, void *arg) {
    sl_timer_stop(s->check);
    size_t it = 0;
    sl_str k;
    void *v;
    while (sl_map_next(s->files, &it, &k, &v))
        file_close(s, v);
    s->closing = true;
    s->done = done;
    s->arg = arg;
    if (!s->closers)
        sink_free(s);
}
const sl_sink_ops file_sink = {.writes_stream = true, .check = sink_check, .open = sink_open, .put = sink_put, .close = sink_close};
