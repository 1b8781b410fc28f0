/* A blocking HTTP/1.1 client of two calls. Decision: one connection per request and "Connection: close", because a command line makes one or
 * two requests and the daemon's REST closes anyway. */
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "cli/cli.h"

enum { CONNECT_MS = 5000, ANSWER_S = 300, MOST = 1 << 30 };

const char *cli_url(cli *c, const char *url) {
    if (strncmp(url, "http://", 7) != 0)
        return strncmp(url, "https://", 8) == 0 ? "https is not spoken by this client; use a plain port or a tunnel (ssh -L)" : "expected a URL such as http://127.0.0.1:9081";
    const char *h = url + 7, *slash = h + strcspn(h, "/"), *end = slash, *colon = NULL;
    if (*h == '[') {
        const char *close = memchr(h, ']', (size_t)(slash - h));
        if (!close)
            return "the host's bracket is not closed, expected http://[::1]:9081";
        if (close + 1 < slash && close[1] == ':')
            colon = close + 1;
        end = close;
        h++;
    } else if ((colon = memchr(h, ':', (size_t)(slash - h))))
        end = colon;
    size_t n = (size_t)(end - h), pn = colon ? (size_t)(slash - colon - 1) : 0, bn = strlen(slash);
    if (!n || n >= sizeof c->host)
        return "the host is missing or too long, expected http://127.0.0.1:9081";
    if (colon && (!pn || pn > 5 || strspn(colon + 1, "0123456789") < pn))
        return "the port is not a number, expected http://127.0.0.1:9081";
    while (bn && slash[bn - 1] == '/')
        bn--;
    if (bn >= sizeof c->base)
        return "the path is too long";
    memcpy(c->host, h, n);
    c->host[n] = 0;
    if (colon) {
        memcpy(c->port, colon + 1, pn);
        c->port[pn] = 0;
    }
    memcpy(c->base, slash, bn);
    c->base[bn] = 0;
    return NULL;
}
void cli_escape(sl_buf *out, const char *s) {
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (isalnum(ch) || strchr("-_.~", ch))
            sl_buf_putc(out, *s);
        else
            sl_buf_printf(out, "%%%02X", ch);
    }
}
static int dial(cli *c, const char *port, sl_buf *why) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int rc = getaddrinfo(c->host, port, &hints, &list), fd = -1;
    if (rc)
        sl_buf_printf(why, "%s: %s", c->host, gai_strerror(rc));
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
        if (fd < 0)
            continue;
        int err = 0;
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            err = errno;
            if (err == EINPROGRESS) {
                struct pollfd p = {fd, POLLOUT, 0};
                socklen_t n = sizeof err;
                if (poll(&p, 1, CONNECT_MS) != 1)
                    err = ETIMEDOUT;
                else
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
            }
        }
        if (err) {
            sl_buf_clear(why);
            sl_buf_printf(why, "%s:%s: %s", c->host, port, strerror(err));
            close(fd);
            fd = -1;
        }
    }
    if (list)
        freeaddrinfo(list);
    return fd;
}
static int64_t answer_ms = ANSWER_S * 1000;
static const volatile sig_atomic_t *leave;
void cli_http_limits(int64_t ms, const volatile sig_atomic_t *stop) {
    answer_ms = ms > 0 ? ms : ANSWER_S * 1000;
    leave = stop;
}
static bool ready(int fd, short what) {
    struct pollfd p = {fd, what, 0};
    for (int64_t left = answer_ms; left > 0 && !(leave && *leave); left -= 200) { /* a signal may come just before poll */
        int rc = poll(&p, 1, left < 200 ? (int)left : 200);
        if (rc == 1 || (rc < 0 && errno != EINTR))
            return rc == 1;
    }
    return false;
}
static bool send_all(int fd, sl_str s) {
    while (s.n) {
        ssize_t k = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (k < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!ready(fd, POLLOUT))
                return false;
            continue;
        }
        if (k <= 0)
            return false;
        s.p += k;
        s.n -= (size_t)k;
    }
    return true;
}
/* More bytes into b: 1 got some, 0 end, -1 failure. */
static int more(int fd, sl_buf *b) {
    char part[16384];
    for (;;) {
        ssize_t k = recv(fd, part, sizeof part, 0);
        if (k >= 0) {
            sl_buf_put(b, part, (size_t)k);
            return b->failed || b->n > MOST ? -1 : k > 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        if (!ready(fd, POLLIN))
            return -1;
    }
}
static bool send_request(cli *c, int fd, const char *port, const char *method, const char *path, sl_str body) {
    sl_buf b = {0};
    bool six = strchr(c->host, ':') != NULL;
    sl_buf_printf(&b, "%s %s%s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\nUser-Agent: sluice/" SL_VERSION "\r\n", method, c->base, path, six ? "[" : "", c->host,
                  six ? "]" : "", port);
    if (!c->kuiper)
        sl_buf_puts(&b, "Accept: application/json\r\n"); /* errors come with help */
    if (c->token)
        sl_buf_printf(&b, "Authorization: %s\r\n", c->token);
    if (body.p)
        sl_buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.n);
    sl_buf_puts(&b, "\r\n");
    bool ok = !b.failed && send_all(fd, sl_buf_view(&b)) && send_all(fd, body);
    sl_buf_free(&b);
    return ok;
}
/* Reads up to the end of the head; *at = where the body begins in b. Interim answers are skipped. */
static int read_head(int fd, sl_buf *b, size_t *at) {
    for (;;) {
        ptrdiff_t end = sl_str_find(sl_buf_view(b), SL_S("\r\n\r\n"));
        if (end >= 0) {
            int status = 0;
            if (sscanf(sl_buf_cstr(b), "HTTP/1.%*c %3d", &status) != 1)
                return 0;
            if (status >= 200) {
                *at = (size_t)end + 4;
                return status;
            }
            size_t cut = (size_t)end + 4;
            memmove(b->p, b->p + cut, b->n - cut);
            b->n -= cut;
            continue;
        }
        if (b->n > 1 << 20 || more(fd, b) <= 0)
            return 0;
    }
}
static bool header(sl_str head, const char *name, sl_str *value) {
    size_t n = strlen(name);
    for (size_t i = 0; i + n < head.n; i++)
        if (head.p[i] == '\n' && i + 1 + n < head.n && strncasecmp(head.p + i + 1, name, n) == 0 && head.p[i + 1 + n] == ':') {
            const char *from = head.p + i + n + 2, *to = memchr(from, '\r', (size_t)(head.p + head.n - from));
            *value = sl_str_trim(sl_str_n(from, (size_t)((to ? to : head.p + head.n) - from)));
            return true;
        }
    return false;
}
static bool dechunk(sl_str in, sl_buf *out) {
    for (;;) {
        ptrdiff_t line = sl_str_find(in, SL_S("\r\n"));
        if (line <= 0)
            return false;
        char *end;
        unsigned long n = strtoul(in.p, &end, 16);
        if (end == in.p)
            return false;
        in = sl_str_n(in.p + line + 2, in.n - (size_t)line - 2);
        if (!n)
            return true;
        if (n > in.n || in.n - n < 2)
            return false;
        sl_buf_put(out, in.p, n);
        in = sl_str_n(in.p + n + 2, in.n - n - 2);
    }
}
bool cli_http(cli *c, const char *method, const char *path, sl_str body, cli_answer *out) {
    *out = (cli_answer){0};
    int fd = dial(c, c->port, &out->body);
    if (fd < 0)
        return false;
    sl_buf raw = {0};
    size_t at = 0;
    int rc = 1;
    bool sent = send_request(c, fd, c->port, method, path, body);
    int status = sent ? read_head(fd, &raw, &at) : 0;
    sl_str head = sl_str_n(raw.p, at), len, te;
    bool chunked = status && header(head, "Transfer-Encoding", &te) && sl_str_ieq(te, SL_S("chunked"));
    bool sized = status && !chunked && header(head, "Content-Length", &len);
    size_t want = sized ? at + strtoul(len.p, NULL, 10) : 0;
    while (status && rc == 1 && !(sized && raw.n >= want))
        rc = more(fd, &raw);
    close(fd);
    bool whole = status && rc >= 0 && !raw.failed && (!sized || raw.n >= want);
    if (whole && chunked)
        whole = dechunk(sl_str_n(raw.p + at, raw.n - at), &out->body);
    else if (whole && raw.n > at)
        sl_buf_put(&out->body, raw.p + at, (sized ? want : raw.n) - at);
    sl_buf_free(&raw);
    if (!whole) {
        sl_buf_clear(&out->body);
        sl_buf_printf(&out->body, "%s:%s: the connection was cut before the answer was complete", c->host, c->port);
        return false;
    }
    out->status = status;
    return true;
}
int cli_http_open(cli *c, const char *port, const char *path, sl_buf *early) {
    sl_buf raw = {0};
    size_t at = 0;
    int fd = dial(c, port, early);
    if (fd < 0)
        return -1;
    if (!send_request(c, fd, port, "GET", path, (sl_str){0}) || read_head(fd, &raw, &at) != 200) {
        sl_buf_clear(early);
        sl_buf_printf(early, "%s:%s%s: no stream of results", c->host, port, path);
        close(fd);
        fd = -1;
    } else {
        sl_buf_clear(early);
        sl_buf_put(early, raw.p + at, raw.n - at);
    }
    sl_buf_free(&raw);
    return fd;
}
