/* A daemon for one run of tests: a folder of its own, ports that the system picks, a held clock, streams and tables that only the test door
 * feeds. Decision: nothing of the caller's settings reaches it (no KUIPER__ or SLUICE__ variable), so a case means the same everywhere; and it
 * dies with us whatever happens to us. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cli/ruletest.h"
#include "os/file.h"

enum { START_MS = 20000, STOP_MS = 10000 };
volatile sig_atomic_t rt_stopped;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *w) {
    remove(path);
    return 0;
}
static void child(const rt_daemon *d, const char *beside, int out, pid_t parent) {
    extern char **environ;
    char said[96];
    setpgid(0, 0); /* Ctrl-C is ours to answer */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    char **w = environ;
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "KUIPER__", 8) != 0 && strncmp(*e, "SLUICE__", 8) != 0)
            *w++ = *e;
    *w = NULL;
    snprintf(said, sizeof said, "%s/said", d->home);
    int err = open(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, 0);
    dup2(out, 1);
    dup2(err, 2);
    const char *args[] = {"sluiced", "--home",
                          d->home,   "--stand-in",
                          "--set",   "basic.restIp=127.0.0.1",
                          "--set",   "basic.restPort=0",
                          "--set",   "basic.port=0",
                          "--set",   "source.httpServerIp=127.0.0.1",
                          "--set",   "source.httpServerPort=0",
                          "--set",   "basic.timezone=UTC",
                          NULL};
    char **argv = (char **)(uintptr_t)args;
    if (d->program)
        execv(d->program, argv);
    else {
        execv(beside, argv);
        execvp("sluiced", argv);
    }
    dprintf(2, "%s: %s", d->program ? d->program : "sluiced", strerror(errno));
    _exit(127);
}
static const char *last_words(const rt_daemon *d, sl_arena *a, int status) {
    char path[96];
    sl_buf b = {0};
    snprintf(path, sizeof path, "%s/said", d->home);
    sl_err *e = sl_file_read(path, 1 << 20, &b);
    sl_err_free(e);
    sl_str s = sl_str_trim(sl_buf_view(&b));
    if (s.n > 2000)
        s = sl_str_n(s.p + s.n - 2000, 2000);
    const char *text = WIFSIGNALED(status)
        ? sl_arena_printf(a, "the daemon died of signal %d (%s)%s%.*s", WTERMSIG(status), strsignal(WTERMSIG(status)), s.n ? ": " : "", SL_FMT(s)).p
        : sl_arena_printf(a, "the daemon ended with %d%s%.*s", WEXITSTATUS(status), s.n ? ": " : "", SL_FMT(s)).p;
    sl_buf_free(&b);
    return text;
}
const char *rt_daemon_end(rt_daemon *d, bool now, sl_arena *a) {
    if (!d->pid)
        return NULL;
    int status = 0;
    const char *words = NULL;
    struct timespec nap = {.tv_nsec = 5000000};
    bool ended = waitpid(d->pid, &status, WNOHANG) == d->pid;
    for (int i = 0; i < 100 && !ended && now && !rt_stopped; i++) { /* one that dies cuts its connections a moment before it is gone */
        nanosleep(&nap, NULL);
        ended = waitpid(d->pid, &status, WNOHANG) == d->pid;
    }
    if (ended && a)
        words = last_words(d, a, status);
    if (!ended)
        kill(d->pid, now ? SIGKILL : SIGTERM);
    for (int64_t end = now_ms() + STOP_MS; !ended; nanosleep(&nap, NULL)) {
        ended = waitpid(d->pid, &status, WNOHANG) == d->pid;
        if (!ended && now_ms() > end) {
            kill(d->pid, SIGKILL);
            ended = waitpid(d->pid, &status, 0) == d->pid;
        }
    }
    close(d->out);
    nftw(d->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    d->pid = 0;
    return words;
}
/* The line that says where REST is; false: it ended or was too slow. */
static bool first_line(rt_daemon *d) {
    char line[512];
    size_t n = 0;
    int64_t end = now_ms() + START_MS;
    while (now_ms() < end && !rt_stopped && n + 1 < sizeof line) {
        struct pollfd p = {d->out, POLLIN, 0};
        if (poll(&p, 1, 200) <= 0)
            continue;
        ssize_t k = read(d->out, line + n, sizeof line - 1 - n);
        if (k <= 0)
            return false;
        n += (size_t)k;
        line[n] = 0;
        const char *at = strstr(line, "http://127.0.0.1:");
        if (at && strchr(at, '\n')) {
            snprintf(d->at.host, sizeof d->at.host, "127.0.0.1");
            snprintf(d->at.port, sizeof d->at.port, "%d", atoi(at + 17));
            return true;
        }
    }
    return false;
}
sl_err *rt_daemon_need(rt_daemon *d) {
    if (d->pid)
        return NULL;
    const char *tmp = getenv("TMPDIR");
    int out[2];
    char exe[3072];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 9);
    exe[n > 0 ? n : 0] = 0;
    char *slash = strrchr(exe, '/');
    strcpy(slash ? slash : exe, "/sluiced");
    if (!tmp || *tmp != '/' || strlen(tmp) > sizeof d->home - 24)
        tmp = "/tmp";
    snprintf(d->home, sizeof d->home, "%s/sluice-rule-test.XXXXXX", tmp);
    if (!mkdtemp(d->home))
        return sl_err_new(SL_E_IO, "%s: %s", d->home, strerror(errno));
    if (pipe2(out, O_CLOEXEC) != 0) {
        rmdir(d->home);
        return sl_err_new(SL_E_IO, "a pipe: %s", strerror(errno));
    }
    pid_t parent = getpid();
    d->pid = fork();
    if (d->pid == 0)
        child(d, exe, out[1], parent);
    close(out[1]);
    d->out = out[0];
    if (d->pid < 0) {
        d->pid = 0;
        close(out[0]);
        rmdir(d->home);
        return sl_err_new(SL_E_IO, "cannot start the daemon: %s", strerror(errno));
    }
    setpgid(d->pid, d->pid);
    snprintf(d->zone, sizeof d->zone, "UTC");
    if (first_line(d))
        return NULL;
    sl_arena *a = sl_arena_new(0);
    struct timespec nap = {.tv_nsec = 50000000}; /* its end of the pipe closes a moment before it is gone */
    if (!rt_stopped)
        nanosleep(&nap, NULL);
    const char *words = a ? rt_daemon_end(d, false, a) : NULL;
    sl_err *e = sl_err_new(SL_E_IO, "cannot start a daemon: %s", words ? words : "it did not say that it serves");
    sl_arena_free(a);
    return e;
}
