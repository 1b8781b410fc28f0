/* `sluice rule test`: which files, which cases, what is said. Decision: one line a case; a case that fails shows the statement and what differs;
 * the last line counts; the exit code alone is enough for a script: 0 all passed, 1 some failed, 2 some could not run. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/num.h"
#include "cli/ruletest.h"
#include "os/file.h"

const char cli_rule_test_help[] = "A file of cases (docs/testing-rules.md has it all):\n"
                                  "\n"
                                  "    streams:\n"
                                  "      - CREATE STREAM demo (id BIGINT, t FLOAT) WITH (DATASOURCE=\"devices/+\", FORMAT=\"json\", TYPE=\"mqtt\")\n"
                                  "    sql: SELECT id, avg(t) AS t FROM demo GROUP BY id, TUMBLINGWINDOW(ss, 10)\n"
                                  "    cases:\n"
                                  "      - name: the mean of ten seconds\n"
                                  "        input:\n"
                                  "          - {at: 1s, demo: {id: 1, t: 20}}\n"
                                  "          - {at: 2s, demo: {id: 1, t: 21}}\n"
                                  "        expect:\n"
                                  "          - {at: 10s, row: {id: 1, t: 20.5}}\n"
                                  "\n"
                                  "  -k PATTERN        run the cases whose name contains the text, or fits the pattern when it has * or ?\n"
                                  "  --update          write what came as the expected rows of cases that differ\n"
                                  "  --json            one JSON document instead of text\n"
                                  "  --junit FILE      write results as JUnit XML too\n"
                                  "  --timeout 30s     how long one case may take\n"
                                  "  --daemon PROGRAM  the sluiced to use; else the one beside this program, else the one on PATH\n"
                                  "\n"
                                  "Sources of any type are replaced by the rows of the file, actions by a collector: nothing outside is touched. The clock is moved, not waited\n"
                                  "for, so that windows of hours close at once. Ends with 0 when all passed, 1 when some failed, 2 when some could not run.\n";

typedef struct asked {
    const char *pattern, *junit, *daemon;
    bool update, json;
    int timeout_s;
    SL_VEC(rt_file) files;
} asked;

static void on_signal(int sig) { rt_stopped = sig; }
static int misuse(const char *text, const char *what) {
    fprintf(stderr, "sluice rule test: %s%s%s\n`sluice rule test --help` shows how it is used\n", what, *what ? ": " : "", text);
    return 2;
}
/* One word and perhaps the next; false: said what is wrong. */
static bool option(asked *q, char **w, int n, int *i, bool *is) {
    struct {
        const char *name, **to;
    } with[] = {{"-k", &q->pattern}, {"--junit", &q->junit}, {"--daemon", &q->daemon}, {"--timeout", NULL}};
    const char *x = w[*i];
    *is = x[0] == '-' && x[1];
    if (!*is)
        return true;
    if (strcmp(x, "--update") == 0)
        return q->update = true;
    for (size_t k = 0; k < sizeof with / sizeof *with; k++) {
        size_t len = strlen(with[k].name);
        if (strncmp(x, with[k].name, len) != 0 || (x[len] && x[len] != '='))
            continue;
        const char *v = x[len] ? x + len + 1 : *i + 1 < n ? w[++*i] : NULL;
        int64_t ns;
        if (!v)
            misuse("its value is missing", x);
        else if (with[k].to)
            *with[k].to = v;
        else if (!sl_dur_parse(sl_str_of(v), &ns) || ns < 1000000000)
            misuse("expected a time of at least a second, such as 30s", v);
        else
            return q->timeout_s = (int)(ns / 1000000000), true;
        return v && with[k].to;
    }
    misuse("unknown option", x);
    return false;
}
static bool wanted(const asked *q, const rt_case *c) {
    if (!q->pattern)
        return true;
    char *name = sl_strdup_n(c->name.p, c->name.n);
    bool yes = name && (strpbrk(q->pattern, "*?[") ? fnmatch(q->pattern, name, 0) == 0 : strcasestr(name, q->pattern) != NULL);
    free(name);
    return yes;
}
static void indented(sl_str s, const char *with) {
    while (s.n) {
        const char *nl = memchr(s.p, '\n', s.n);
        size_t n = nl ? (size_t)(nl - s.p) : s.n;
        printf("%s%.*s\n", with, (int)n, s.p);
        s = sl_str_n(s.p + n + (nl != NULL), s.n - n - (nl != NULL));
    }
}
static void tell(const rt_case *c, bool colour, bool with_file) {
    static const char *const words[] = {[RT_PASSED] = "ok     ", [RT_FAILED] = "FAILED ", [RT_UPDATED] = "updated", [RT_UNRUN] = "NOT RUN", [RT_SKIPPED] = "skipped"};
    bool bad = c->verdict == RT_FAILED || c->verdict == RT_UNRUN;
    printf("%s%s%s %s%s%.*s", colour ? bad ? "\033[31m" : "\033[32m" : "", words[c->verdict], colour ? "\033[0m" : "", with_file ? c->file->path : "", with_file ? ": " : "",
           SL_FMT(c->name));
    if (!bad) {
        putchar('\n');
        return;
    }
    printf("  (%s:%zu)\n", c->file->path, c->line);
    sl_buf b = {0};
    rt_show(&b, c, colour);
    if (c->verdict == RT_FAILED)
        indented(c->sql, "        ");
    indented(sl_buf_view(&b), "        ");
    sl_buf_free(&b);
}
static bool write_junit(const asked *q) {
    sl_buf b = {0};
    rt_junit(&b, q->files.at, q->files.n);
    FILE *f = fopen(q->junit, "wb");
    bool ok = f && !b.failed && fwrite(b.p, 1, b.n, f) == b.n;
    int why = errno;
    if (f && fclose(f) != 0) {
        ok = false;
        why = errno;
    }
    if (!ok)
        fprintf(stderr, "sluice rule test: --junit %s: %s\n", q->junit, strerror(why));
    sl_buf_free(&b);
    return ok;
}
static void run_file(asked *q, rt_daemon *d, rt_file *f, bool colour) {
    bool written = true;
    for (size_t i = 0; i < f->cases.n; i++) {
        rt_case *c = &f->cases.at[i];
        c->verdict = wanted(q, c) ? RT_UNRUN : RT_SKIPPED;
        if (c->verdict == RT_SKIPPED || rt_stopped)
            continue;
        if (!d->program || *d->program) /* "" = there is none to be had, and the first case said so */
            rt_run(d, c, q->timeout_s);
        if (c->verdict == RT_UNRUN && !rt_stopped && !c->why.n)
            sl_buf_puts(&c->why, "there is no daemon\n");
        if (c->verdict == RT_UNRUN)
            d->program = "";
        if (c->verdict == RT_FAILED && !c->why.n && q->update)
            c->verdict = RT_UPDATED;
        if (c->verdict == RT_UPDATED)
            continue; /* told when it is written */
        if (!q->json)
            tell(c, colour, q->files.n > 1);
        fflush(stdout);
    }
    sl_err *e = q->update && !rt_stopped ? rt_update(f) : NULL;
    if (e) {
        written = false;
        fprintf(stderr, "sluice rule test: %s\n", sl_err_text(e));
        sl_err_free(e);
    }
    for (size_t i = 0; i < f->cases.n; i++) {
        rt_case *c = &f->cases.at[i];
        if (c->verdict != RT_UPDATED)
            continue;
        if (!written || rt_stopped)
            c->verdict = RT_FAILED;
        if (!q->json)
            tell(c, colour, q->files.n > 1);
    }
}
static int run(asked *q) {
    struct timespec from, to;
    struct sigaction act = {.sa_handler = on_signal};
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++)
        sigaction(sigs[i], &act, NULL);
    bool colour = !q->json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    size_t of[RT_SKIPPED + 1] = {0}, bad = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    rt_daemon d = {.program = q->daemon};
    for (size_t i = 0; i < q->files.n; i++) {
        rt_file *f = &q->files.at[i];
        bad += f->bad.n > 0;
        if (f->bad.n)
            fprintf(stderr, "sluice rule test: %s\n", sl_buf_cstr(&f->bad));
        else
            run_file(q, &d, f, colour);
        for (size_t k = 0; k < f->cases.n; k++)
            of[f->cases.at[k].verdict]++;
    }
    rt_daemon_end(&d, false, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    if (q->json) {
        sl_buf b = {0};
        rt_json(&b, q->files.at, q->files.n, took);
        fwrite(b.p, 1, b.n, stdout);
        sl_buf_free(&b);
    } else {
        printf("%zu passed, %zu failed", of[RT_PASSED], of[RT_FAILED]);
        if (of[RT_UPDATED])
            printf(", %zu updated", of[RT_UPDATED]);
        if (of[RT_UNRUN])
            printf(", %zu not run", of[RT_UNRUN]);
        if (of[RT_SKIPPED])
            printf(", %zu skipped", of[RT_SKIPPED]);
        printf(" (%.1f s)\n", took);
    }
    bool ok = !q->junit || write_junit(q);
    if (rt_stopped)
        return 128 + rt_stopped;
    if (q->pattern && !bad && !(of[RT_PASSED] + of[RT_FAILED] + of[RT_UPDATED] + of[RT_UNRUN])) {
        fprintf(stderr, "sluice rule test: no case fits -k %s\n", q->pattern);
        return 2;
    }
    return bad || of[RT_UNRUN] || !ok ? 2 : of[RT_FAILED] ? 1 : 0;
}
int cli_rule_test(cli *c, const cli_verb *v, const cli_args *a) {
    asked q = {.json = a->json || c->json, .timeout_s = 30};
    int code = 0;
    int nfiles = 0;
    for (int i = 0; i < a->n && !code; i++) {
        bool is;
        if (!option(&q, a->at, a->n, &i, &is))
            code = 2;
        else if (!is)
            a->at[nfiles++] = a->at[i]; /* options may stand behind */
    }
    for (int i = 0; i < nfiles && !code; i++)
        if (!SL_PUSH(q.files, (rt_file){0}))
            code = misuse("out of memory", "");
    for (size_t i = 0; i < q.files.n && !code; i++) {
        rt_file *f = &q.files.at[i];
        sl_err *e = rt_file_read(a->at[i], q.update, f);
        if (!e)
            continue;
        sl_buf_puts(&f->bad, sl_err_text(e));
        for (size_t k = 0; k < f->cases.n; k++) /* what was read up to there is not run */
            f->cases.at[k].verdict = RT_SKIPPED;
        sl_err_free(e);
    }
    if (!code && !q.files.n)
        code = misuse("the file is missing", "");
    if (!code)
        code = run(&q);
    for (size_t i = 0; i < q.files.n; i++)
        rt_file_free(&q.files.at[i]);
    SL_VEC_FREE(q.files);
    return code;
}
