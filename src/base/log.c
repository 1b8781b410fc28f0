/* Log lines in logrus' text form. Decision: a line is built on the stack and leaves in one write(2), so lines of different threads never
 * mix and there is no lock and no buffer to lose when the process dies; a line longer than the stack room is cut and says so. */
#include "base/log.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int least = SL_INFO, file_fd = -1, console = 1, times = 1, zone = SL_ZONE_UTC;

void sl_log_level(sl_level l) { atomic_store(&least, (int)l); }
void sl_log_form(int with_times, sl_zone z) {
    atomic_store(&times, with_times);
    atomic_store(&zone, z);
}
void sl_log_to(int fd, int also_console) {
    atomic_store(&file_fd, fd);
    atomic_store(&console, also_console);
}

static void put_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0) {
            if (errno == EINTR)
                continue;
            return; /* nowhere left to complain */
        }
        p += w;
        n -= (size_t)w;
    }
}
static size_t put_quoted(char *o, size_t cap, const char *s) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    if (cap < 16)
        return 0;
    o[n++] = '"';
    for (; *s; s++) {
        if (n + 12 > cap) {
            memcpy(o + n, "[cut]", 5);
            n += 5;
            break;
        }
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            o[n++] = '\\';
            o[n++] = (char)c;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            o[n++] = '\\';
            o[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        } else if (c < 0x20 || c == 0x7f) {
            o[n++] = '\\';
            o[n++] = 'x';
            o[n++] = hex[c >> 4];
            o[n++] = hex[c & 15];
        } else {
            o[n++] = (char)c;
        }
    }
    o[n++] = '"';
    return n;
}

void sl_log_at(sl_level l, const char *owner, const char *fmt, ...) {
    if ((int)l < atomic_load_explicit(&least, memory_order_relaxed))
        return;
    static const char *const names[] = {"debug", "info", "warning", "error"};
    int saved = errno;
    char msg[3000], line[8192];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(msg, sizeof msg, fmt, ap) >= (int)sizeof msg)
        memcpy(msg + sizeof msg - 6, "[cut]", 6);
    va_end(ap);
    size_t n = 0;
    if (atomic_load_explicit(&times, memory_order_relaxed)) {
        struct timespec ts;
        sl_civil c;
        clock_gettime(CLOCK_REALTIME, &ts);
        sl_civil_of(ts.tv_sec, 0, (sl_zone)atomic_load_explicit(&zone, memory_order_relaxed), &c);
        n = (size_t)snprintf(line, sizeof line, "time=\"%04d-%02d-%02d %02d:%02d:%02d.%03d\" ", (int)c.year, c.month, c.day, c.hour, c.min, c.sec, (int)(ts.tv_nsec / 1000000));
    }
    n += (size_t)snprintf(line + n, sizeof line - n, "level=");
    n += (size_t)snprintf(line + n, sizeof line - n, "%s msg=", names[l]);
    n += put_quoted(line + n, sizeof line - n - 600, msg);
    if (owner && *owner) {
        memcpy(line + n, " owner=", 7);
        n += 7;
        n += put_quoted(line + n, 512, owner);
    }
    line[n++] = '\n';
    int fd = atomic_load(&file_fd);
    if (fd >= 0)
        put_all(fd, line, n);
    if (atomic_load(&console))
        put_all(STDERR_FILENO, line, n);
    errno = saved;
}
