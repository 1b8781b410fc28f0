/* One file, read in pieces. Decision: reading happens on the caller's loop (local files answer at once from the page cache), but a turn gets a
 * share of SHARE bytes only, whatever the size of the file or of a line, so that the loop's other work is never held up for long. */
#include "conn/file/inside.h"
#include "data/press.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 64 * 1024, SHARE = 512 * 1024 };
#define WHOLE_LIMIT ((size_t)1 << 30)

struct reader {
    int fd;
    char *path;
    size_t share;
    bool eof;
    int64_t skip, hold; /* lines to skip; lines to keep back at the end */
    sl_buf buf;         /* what was read and not given */
    size_t at, scanned; /* next byte to give; line ends are counted up to here */
    int64_t ahead;      /* complete lines between */
    bool tail_counted;
    bool inflate, ended; /* ended: the compressed stream is complete */
    z_stream z;
    unsigned char *in;
    bool zstd; /* unpacked when all is there */
    sl_buf plain;
};

sl_err *reader_open(const char *path, sl_str inflate, int64_t start, int64_t end, reader **out) {
    reader *r = calloc(1, sizeof *r);
    if (!r || !(r->path = sl_strdup_n(path, strlen(path)))) {
        free(r);
        return sl_err_new(SL_E_NOMEM, "read %s: out of memory", path);
    }
    r->skip = start > 0 ? start : 0;
    r->hold = end > 0 ? end : 0;
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        sl_err *e = sl_err_new(SL_E_IO, "open %s: %s", path, strerror(errno));
        reader_close(r);
        return e;
    }
    if (sl_str_is(inflate, "zstd"))
        r->zstd = true;
    else if (inflate.n) {
        int bits = sl_str_is(inflate, "gzip") ? 16 + MAX_WBITS : sl_str_is(inflate, "zlib") ? MAX_WBITS : -MAX_WBITS;
        r->in = malloc(PIECE);
        if (!r->in || inflateInit2(&r->z, bits) != Z_OK) {
            reader_close(r);
            return sl_err_new(SL_E_NOMEM, "read %s: out of memory", path);
        }
        r->inflate = true;
    }
    reader_turn(r);
    *out = r;
    return NULL;
}
void reader_close(reader *r) {
    if (!r)
        return;
    if (r->inflate)
        inflateEnd(&r->z);
    if (r->fd >= 0)
        close(r->fd);
    free(r->in);
    sl_buf_free(&r->buf);
    sl_buf_free(&r->plain);
    free(r->path);
    free(r);
}
void reader_turn(reader *r) { r->share = SHARE; }

static ssize_t pull(reader *r, void *to, size_t n) {
    ssize_t got_n;
    do
        got_n = read(r->fd, to, n);
    while (got_n < 0 && errno == EINTR);
    return got_n;
}
static got unpack(reader *r, sl_err **why) {
    if (r->z.avail_in == 0) {
        ssize_t n = pull(r, r->in, PIECE);
        if (n < 0) {
            *why = sl_err_new(SL_E_IO, "read %s: %s", r->path, strerror(errno));
            return GOT_ERROR;
        }
        if (n == 0) {
            if (!r->ended) {
                *why = sl_err_new(SL_E_CODEC, "read %s: the compressed data ends too early", r->path);
                return GOT_ERROR;
            }
            r->eof = true;
            return GOT_END;
        }
        r->z.next_in = r->in;
        r->z.avail_in = (uInt)n;
    }
    if (r->ended) { /* several members in one file are one content */
        inflateReset(&r->z);
        r->ended = false;
    }
    r->z.next_out = (unsigned char *)r->buf.p + r->buf.n;
    r->z.avail_out = PIECE;
    int z = inflate(&r->z, Z_NO_FLUSH);
    size_t made = PIECE - r->z.avail_out;
    r->buf.n += made;
    r->share -= made < r->share ? made : r->share;
    if (z == Z_STREAM_END)
        r->ended = true;
    else if (z != Z_OK && z != Z_BUF_ERROR) {
        *why = sl_err_new(SL_E_CODEC, "read %s: decompress: %s", r->path, r->z.msg ? r->z.msg : "damaged data");
        return GOT_ERROR;
    }
    return GOT_ONE;
}
/* Reads one more piece. */
static got more(reader *r, sl_err **why) {
    if (r->eof)
        return GOT_END;
    if (!r->share)
        return GOT_LATER;
    if (r->at > r->buf.n / 2 && r->at >= PIECE) { /* make room in front */
        memmove(r->buf.p, r->buf.p + r->at, r->buf.n - r->at);
        r->buf.n -= r->at;
        r->scanned -= r->at;
        r->at = 0;
    }
    if (r->buf.n - r->at > WHOLE_LIMIT) {
        *why = sl_err_new(SL_E_LIMIT, "read %s: a message of more than %zu MB", r->path, WHOLE_LIMIT >> 20);
        return GOT_ERROR;
    }
    if (!sl_buf_room(&r->buf, PIECE)) {
        *why = sl_err_new(SL_E_NOMEM, "read %s: out of memory", r->path);
        return GOT_ERROR;
    }
    if (r->inflate)
        return unpack(r, why);
    ssize_t n = pull(r, r->buf.p + r->buf.n, PIECE);
    if (n < 0) {
        *why = sl_err_new(SL_E_IO, "read %s: %s", r->path, strerror(errno));
        return GOT_ERROR;
    }
    r->eof = n == 0;
    r->buf.n += (size_t)n;
    r->share -= (size_t)n < r->share ? (size_t)n : r->share;
    return n ? GOT_ONE : GOT_END;
}

static void count(reader *r) {
    while (r->scanned < r->buf.n) {
        const char *nl = memchr(r->buf.p + r->scanned, '\n', r->buf.n - r->scanned);
        if (!nl) {
            r->scanned = r->buf.n;
            break;
        }
        r->ahead++;
        r->scanned = (size_t)(nl - r->buf.p) + 1;
        if (r->ahead > r->hold)
            return; /* enough to give one */
    }
    if (r->eof && !r->tail_counted && r->scanned == r->buf.n) {
        r->tail_counted = true;
        if (r->buf.n > r->at && r->buf.p[r->buf.n - 1] != '\n')
            r->ahead++;
    }
}
/* Without lines to keep back a line end is looked for once. */
static got next_line(reader *r, sl_str *line, sl_err **why) {
    for (;;) {
        if (r->scanned < r->at)
            r->scanned = r->at;
        const char *nl = r->scanned < r->buf.n ? memchr(r->buf.p + r->scanned, '\n', r->buf.n - r->scanned) : NULL;
        if (!nl) {
            r->scanned = r->buf.n;
            got g = more(r, why);
            if (g == GOT_ONE)
                continue;
            if (g != GOT_END || r->at == r->buf.n)
                return g;
        }
        const char *p = r->buf.p + r->at;
        size_t n = nl ? (size_t)(nl - p) : r->buf.n - r->at;
        r->at += n + (nl != NULL);
        if (r->skip) {
            r->skip--;
            continue;
        }
        if (n && p[n - 1] == '\r')
            n--;
        *line = sl_str_n(p, n);
        return GOT_ONE;
    }
}
got reader_line(reader *r, sl_str *line, sl_err **why) {
    if (!r->hold)
        return next_line(r, line, why);
    for (;;) {
        count(r);
        if (r->ahead <= r->hold) {
            got g = more(r, why);
            if (g == GOT_END) {
                count(r);
                if (r->ahead <= r->hold)
                    return GOT_END;
            } else if (g != GOT_ONE) {
                return g;
            } else {
                continue;
            }
        }
        const char *p = r->buf.p + r->at, *nl = memchr(p, '\n', r->buf.n - r->at);
        size_t n = nl ? (size_t)(nl - p) : r->buf.n - r->at;
        r->at += n + (nl != NULL);
        r->ahead--;
        if (r->skip) {
            r->skip--;
            continue;
        }
        if (n && p[n - 1] == '\r')
            n--;
        *line = sl_str_n(p, n);
        return GOT_ONE;
    }
}
got reader_whole(reader *r, sl_str *bytes, sl_err **why) {
    for (;;) {
        got g = more(r, why);
        if (g == GOT_END && r->zstd) {
            const char *bad = sl_press_unpack(SL_PRESS_ZSTD, sl_buf_view(&r->buf), WHOLE_LIMIT, &r->plain);
            if (bad) {
                *why = sl_err_new(SL_E_CODEC, "read %s: decompress: %s", r->path, bad);
                return GOT_ERROR;
            }
        }
        if (g == GOT_END) {
            *bytes = sl_buf_view(r->zstd ? &r->plain : &r->buf);
            return GOT_ONE;
        }
        if (g != GOT_ONE)
            return g;
    }
}
