/* Kept cases, then a fixed number of random ones from a fixed seed: every way of running gives the same output. As a program of its own
 * (./dev random): --seed N --count N runs others, --keep writes what fails, shrunk, to tests/random/cases; --shrink FILE cuts one file down; --show N prints a case,
 * --run FILE what comes out of it. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "random.h"

typedef struct tally {
    uint64_t ran, refused, longer, empty, failing, frames, errors, moves, different;
} tally;

static uint64_t now; /* what is being run */
static char now_file[1200];
static void open_case(rq_case *c) { *c = (rq_case){.a = sl_arena_new(0)}; }
static void made(rq_case *c, uint64_t seed) {
    rq_rnd r = {.s = seed};
    open_case(c);
    c->seed = seed;
    rq_generate(c, &r);
}
static void say(const rq_case *c) { fprintf(stderr, "  %u rows, %zu characters\r", c->nrows, c->sql.n); }
static void print(const rq_case *c, FILE *f) {
    sl_buf b = {0};
    rq_write(c, &b);
    fprintf(f, "%.*s", SL_FMT(sl_buf_view(&b)));
    sl_buf_free(&b);
}
/* What differs, as text; in a child, because it may crash. */
static void explain(const rq_case *c, uint64_t salt, sl_buf *out) {
    int ends[2];
    if (pipe(ends))
        return;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        sl_buf b = {0};
        rq_check(c, salt, &b);
        sl_buf_puts(&b, b.n ? "" : "the same now\n");
        for (size_t at = 0, n; at < b.n; at += n)
            n = (size_t)write(ends[1], b.p + at, b.n - at);
        _exit(0);
    }
    close(ends[1]);
    char piece[4096];
    for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;)
        sl_buf_put(out, piece, (size_t)n);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) || WEXITSTATUS(status))
        sl_buf_puts(out, "it crashes\n");
}
static void report(const rq_case *c, uint64_t salt) {
    sl_buf b = {0};
    explain(c, salt, &b);
    print(c, stdout);
    printf("%.*s\n", SL_FMT(sl_buf_view(&b)));
    sl_buf_free(&b);
}
static void keep(const rq_case *c, uint64_t salt) {
    char path[600];
    snprintf(path, sizeof path, "%s/random/cases/seed-%llu", SL_TESTS, (unsigned long long)c->seed);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        return;
    }
    sl_buf b = {0};
    explain(c, salt, &b);
    const char *s = sl_buf_cstr(&b);
    for (bool start = true; *s; start = *s++ == '\n')
        fprintf(f, "%s%c", start ? "# " : "", *s);
    sl_buf_free(&b);
    print(c, f);
    fclose(f);
    printf("kept as %s\n", path);
}
static void differs(uint64_t seed, const char *why, bool keeping) {
    rq_case c;
    made(&c, seed);
    printf("\nseed %llu differs: %s\n", (unsigned long long)seed, why);
    rq_shrink(&c, seed, isatty(2) ? say : NULL);
    report(&c, seed);
    if (keeping)
        keep(&c, seed);
    sl_arena_free(c.a);
}
static void one(uint64_t seed, tally *t, bool keeping) {
    rq_case c;
    made(&c, seed);
    rq_result r = rq_check(&c, seed, NULL);
    t->ran++;
    t->refused += r.verdict == RQ_REFUSED;
    t->longer += r.verdict == RQ_LONG;
    t->empty += r.verdict == RQ_SAME && r.out == r.errors;
    t->failing += r.verdict == RQ_SAME && r.errors * 2 > r.out;
    t->frames += r.out;
    t->errors += r.errors;
    t->moves += r.moves;
    if (r.verdict == RQ_DIFFERENT) {
        t->different++;
        differs(seed, r.why, keeping);
    }
    sl_arena_free(c.a);
}
static void tell(const tally *t) {
    printf("%llu statements: %llu refused, %llu too long, %llu without rows, %llu mostly errors; %llu frames, %llu of them errors; state moved %llu times; %llu differ\n",
           (unsigned long long)t->ran, (unsigned long long)t->refused, (unsigned long long)t->longer, (unsigned long long)t->empty, (unsigned long long)t->failing,
           (unsigned long long)t->frames, (unsigned long long)t->errors, (unsigned long long)t->moves, (unsigned long long)t->different);
}
static bool load(rq_case *c, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return false;
    }
    sl_buf b = {0};
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        sl_buf_put(&b, piece, n);
    fclose(f);
    open_case(c);
    const char *why = rq_read(c, sl_buf_view(&b));
    sl_buf_free(&b);
    if (why)
        fprintf(stderr, "%s: %s\n", path, why);
    return !why;
}
/* A kept case must still be one: a statement that is refused would test nothing. */
static bool replay(const char *path) {
    rq_case c;
    if (!load(&c, path))
        return false;
    sl_buf b = {0};
    rq_result r = {0};
    for (uint64_t salt = 0; salt < 4 && r.verdict == RQ_SAME; salt++)
        r = rq_check(&c, c.seed + salt, &b);
    if (r.verdict != RQ_SAME)
        printf("%s: %s\n%.*s\n", path, r.why ? r.why : "too long", SL_FMT(sl_buf_view(&b)));
    sl_buf_clear(&b);
    rq_output(&c, &b);
    bool expected = !c.expect.n || sl_str_eq(c.expect, sl_buf_view(&b));
    if (!expected)
        printf("%s: expected\n%.*sbut found\n%.*s\n", path, SL_FMT(c.expect), SL_FMT(sl_buf_view(&b)));
    sl_buf_free(&b);
    sl_arena_free(c.a);
    return r.verdict == RQ_SAME && expected;
}
static int replay_all(unsigned *n) {
    int bad = 0;
    DIR *d = opendir(SL_TESTS "/random/cases");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[1200];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/random/cases/%s", SL_TESTS, e->d_name);
        memcpy(now_file, path, sizeof path);
        bad += !replay(path);
        ++*n;
    }
    if (d)
        closedir(d);
    return bad;
}
static void crashed(int sig) { /* the one thing that must be known of it */
    char text[1300];
    int n = snprintf(text, sizeof text, "\nseed %llu %s crashes\n", (unsigned long long)now, now_file);
    if (write(2, text, (size_t)n) < 0) {
    }
    signal(sig, SIG_DFL);
    raise(sig);
}
/* Many, in children of some hundreds each, so that a crash is a finding like others. */
static void in_children(uint64_t seed, uint64_t count, tally *t, bool keeping, time_t *told) {
    enum { PIECE = 250, CPU_MOST = 20 };
    struct shared {
        tally t;
        uint64_t at;
    } *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return;
    for (uint64_t i = 0; i < count;) {
        fflush(stdout);
        s->t = *t;
        s->at = i;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);
            signal(SIGABRT, SIG_DFL);
            for (uint64_t k = i; k < count && k < i + PIECE; k++) {
                setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_sec = CPU_MOST}}, NULL);
                s->at = k;
                one(seed + k, &s->t, keeping);
            }
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        *t = s->t;
        i += PIECE;
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            i = s->at + 1;
            t->ran++;
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) { /* millions of rows, mostly out of joins */
                printf("seed %llu takes more than %d s\n", (unsigned long long)(seed + s->at), CPU_MOST);
                t->longer++;
                continue;
            }
            t->different++;
            differs(seed + s->at, "it crashes", keeping);
        }
        if (time(NULL) >= *told + 10) {
            *told = time(NULL);
            printf("%llu of %llu, %llu differ\n", (unsigned long long)t->ran, (unsigned long long)count, (unsigned long long)t->different);
        }
    }
    munmap(s, sizeof *s);
}
int main(int argc, char **argv) {
    uint64_t seed = 1, count = 0;
    bool keeping = false;
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--seed"))
            seed = strtoull(v, NULL, 10), i++;
        else if (!strcmp(argv[i], "--count"))
            count = strtoull(v, NULL, 10), i++;
        else if (!strcmp(argv[i], "--keep"))
            keeping = true;
        else if (!strcmp(argv[i], "--show")) {
            rq_case c;
            made(&c, strtoull(v, NULL, 10));
            rq_result r = rq_check(&c, c.seed, NULL);
            print(&c, stdout);
            printf("# %u frames, %u of them errors; %s%s\n", r.out, r.errors,
                   r.verdict == RQ_SAME       ? "the same however it is run"
                       : r.verdict == RQ_LONG ? "too long"
                                              : "",
                   r.why ? r.why : "");
            sl_arena_free(c.a);
            return 0;
        } else if (!strcmp(argv[i], "--run")) {
            rq_case c;
            sl_buf b = {0};
            if (!load(&c, v))
                return 2;
            rq_output(&c, &b);
            printf("%.*s", SL_FMT(sl_buf_view(&b)));
            sl_buf_free(&b);
            sl_arena_free(c.a);
            return 0;
        } else if (!strcmp(argv[i], "--shrink")) {
            rq_case c;
            if (!load(&c, v))
                return 2;
            rq_shrink(&c, c.seed, isatty(2) ? say : NULL);
            report(&c, c.seed);
            sl_arena_free(c.a);
            return 0;
        } else {
            fprintf(stderr, "usage: %s [--seed N] [--count N] [--keep] [--show N] [--run FILE] [--shrink FILE]\n", argv[0]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    unsigned files = 0;
    int bad = replay_all(&files);
    printf("%u kept cases, %d differ\n", files, bad);
    tally t = {0};
    bool test = argc == 1;
    if (test)
        count = 6000;
    clock_t begin = clock();
    time_t told = time(NULL);
    for (uint64_t i = 0; i < count && test; i++) {
        one(now = seed + i, &t, keeping);
        if (clock() - begin > 40 * CLOCKS_PER_SEC) /* a slow build (sanitizers): as far as it comes */
            break;
    }
    if (!test)
        in_children(seed, count, &t, keeping, &told);
    tell(&t);
    return bad || t.different ? 1 : 0;
}
