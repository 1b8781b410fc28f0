/* `sluice sql`: the prompt, and statements out of -e and of pipes. Decision: SELECT runs as a trial run, so that nothing lasting is made; what
 * the client has a verb for (SHOW RULES, DESCRIBE FUNCTION avg, EXPLAIN SELECT …) is that verb; anything else is the daemon's to judge. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/num.h"
#include "cli/live.h"
#include "cli/sql.h"
#include "os/file.h"
#include "os/module.h"

enum { HISTORY_MOST = 1000 };
const char cli_sql_help[] = "  -e 'STATEMENT; …'   run these and end; without it, statements come from the terminal, or from a pipe\n"
                            "  --count N           end each SELECT after N results; with --for: 1 when fewer came\n"
                            "  --for 10s           end each SELECT after that time\n"
                            "  --json              results as lines of JSON (as always when they do not go to a terminal)\n"
                            "\n"
                            "SELECT shows results as they come until Ctrl-C and leaves nothing behind. CREATE, SHOW, DESCRIBE, DROP and EXPLAIN do what they say.\n"
                            "At the prompt: Tab completes streams, columns, functions and words; \\help lists the commands; Ctrl-D leaves.\n"
                            "From -e or a pipe: stops at the first error, ends with 1. A SELECT without --count or --for runs until Ctrl-C.\n";

typedef struct session {
    cli *c;
    bool screen; /* somebody looks */
    bool json, timing, quit;
    long count; /* -1: without end */
    int64_t for_ms;
    int code; /* of the last statement */
    sl_buf text;
    const sql_editor *lib;
    void *ed;
    sql_names *names;
    sl_arena *answers; /* of the last Tab */
    char history[512];
    sl_buf in; /* read from a pipe, not used yet */
} session;

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) { interrupted = sig; }
static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- running ---- */
/* Does the word begin the text? *rest: what stands behind it. */
static bool begins(sl_str text, const char *word, sl_str *rest) {
    size_t n = strlen(word);
    if (text.n < n || strncasecmp(text.p, word, n) != 0 || (text.n > n && (isalnum((unsigned char)text.p[n]) || text.p[n] == '_')))
        return false;
    *rest = sl_str_trim(sl_str_n(text.p + n, text.n - n));
    return true;
}
static void seen(void *arg, const sl_json *row) { sql_names_learn(arg, row); }
static int select_now(session *s, sl_str sql) {
    live l;
    sl_str list = {0};
    live_begin(&l, s->c, s->screen && !s->json);
    if (s->ed && begins(sql, "select", &list) && list.n && *list.p == '*') {
        l.seen = seen;
        l.seen_arg = s->names;
    }
    l.left = s->count;
    double began = seconds(), renew = began + LIVE_RENEW_S;
    bool open = live_start(&l, sql), timed = false;
    while (open && !interrupted && l.left != 0 && !timed) {
        struct pollfd p = {l.fd, POLLIN, 0};
        double now = seconds();
        int64_t left = s->for_ms < 0 ? 200 : s->for_ms - (int64_t)((now - began) * 1000);
        timed = left <= 0;
        if (now > renew) {
            renew = now + LIVE_RENEW_S;
            open = live_renew(&l);
        } else if (!timed && poll(&p, 1, left < 200 ? (int)left : 200) > 0)
            open = live_results(&l);
    }
    int code = l.code;
    if (!code && !open) {
        fputs("sluice: the daemon ended the results\n", stderr);
        code = 1;
    }
    if (timed && s->count > 0 && l.left > 0) {
        fprintf(stderr, "sluice: %ld of %ld results came\n", l.shown, s->count);
        code = 1;
    }
    if (s->screen && interrupted) /* behind the terminal's ^C */
        putchar('\n');
    if (s->screen && !s->json && !l.code) {
        printf("(%ld row%s", l.shown, l.shown == 1 ? "" : "s");
        if (s->timing)
            printf(", %.1f s", seconds() - began);
        puts(")");
    }
    live_end(&l);
    return code;
}
static int send_text(session *s, sl_str sql) {
    sl_buf body = {0};
    cli_answer x;
    int code = 0;
    sl_buf_puts(&body, "{\"sql\":");
    sl_json_put_str(&body, sql);
    sl_buf_putc(&body, '}');
    if (cli_ask(s->c, "POST", "/streams", sl_buf_view(&body), NULL, &x, &code)) {
        cli_unescape_html(&x.body);
        sl_str text = sl_str_trim(sl_buf_view(&x.body));
        code = cli_say(s->c, sl_arena_dup(s->answers, text).p);
        sl_buf_free(&x.body);
    }
    sl_buf_free(&body);
    return code;
}
/* A verb of the client with the rest as its arguments; NULL: there is none. */
static const cli_verb *verb_of(session *s, sl_str sql, sl_str *rest) {
    static const char *const first[] = {"show", "describe", "drop", "explain", "start", "stop", "restart", "getstatus"};
    sl_str behind = {0};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        if (!begins(sql, first[i], &behind))
            continue;
        size_t n = 0;
        char second[32];
        while (n < behind.n && n + 1 < sizeof second && (isalpha((unsigned char)behind.p[n]) || behind.p[n] == '_'))
            n++;
        for (size_t k = 0; k < n; k++)
            second[k] = (char)tolower((unsigned char)behind.p[k]);
        second[n] = 0;
        *rest = sl_str_trim(sl_str_n(behind.p + n, behind.n - n));
        char *words[2] = {(char *)(uintptr_t)first[i], second};
        int used = 0;
        const cli_verb *v = cli_verb_find(2, words, &used);
        if (used == 1) /* explain SELECT … */
            *rest = behind;
        return v && v->doc && (used == 2 || strcmp(second, "select") == 0) ? v : NULL;
    }
    return NULL;
}
static int run_verb(session *s, const cli_verb *v, sl_str rest) {
    char *words[8];
    int n = 0;
    cli_args a;
    sl_str all = sl_arena_dup(s->answers, rest);
    if (strcmp(v->name, "explain") == 0)
        words[n++] = (char *)(uintptr_t)all.p;
    else
        for (char *w = strtok((char *)(uintptr_t)all.p, " \t\r\n"); w && n < 8; w = strtok(NULL, " \t\r\n")) {
            size_t k = strlen(w);
            if (k > 1 && w[0] == '`' && w[k - 1] == '`') {
                w[k - 1] = 0;
                w++;
            }
            words[n++] = w;
        }
    cli_flags(&a, n, words);
    return v->run(s->c, v, &a);
}
static void run(session *s, sl_str sql) {
    sql = sl_str_trim(sql);
    while (sql.n && sql.p[sql.n - 1] == ';')
        sql = sl_str_trim(sl_str_n(sql.p, sql.n - 1));
    if (sql_blank(sql))
        return;
    double began = seconds();
    sl_str rest;
    s->c->json = s->json;
    sl_arena_reset(s->answers);
    bool select = begins(sql, "select", &rest);
    const cli_verb *v = select ? NULL : verb_of(s, sql, &rest);
    s->code = select ? select_now(s, sql) : v ? run_verb(s, v, rest) : send_text(s, sql);
    if (s->timing && !select)
        printf("(%.3f s)\n", seconds() - began);
    fflush(stdout);
}

/* ---- commands ---- */
static void about(void) {
    puts("SELECT … shows results as they come; Ctrl-C ends them. CREATE, SHOW, DESCRIBE, DROP, EXPLAIN: streams, tables, rules.\n"
         "A statement ends with ; or with Enter where it is whole. An empty line runs what is there, Ctrl-C forgets it.\n"
         "\n"
         "  \\d               streams, tables and rules\n"
         "  \\d NAME          columns and options of a stream or a table, or a rule\n"
         "  \\help FUNCTION   what a function does\n"
         "  \\help STATEMENT  how SELECT, CREATE, SHOW, DESCRIBE, DROP or EXPLAIN is written\n"
         "  \\json            results as lines of JSON, or as a table again\n"
         "  \\timing          say how long a statement took, or no longer\n"
         "  \\q               leave (or Ctrl-D)\n"
         "\n"
         "Tab completes; arrows and Ctrl-R go back to earlier statements.");
}
static bool syntax(sl_str word) {
    static const char *const pages[][2] = {
        {"select",
         "SELECT expr [AS name], … FROM stream [AS alias] [INNER|LEFT|RIGHT|FULL|CROSS JOIN source ON …]\n  [WHERE …] [GROUP BY …, TUMBLINGWINDOW(ss, 10)] [HAVING …] [ORDER BY … "
         "ASC|DESC] [LIMIT n]\n"
         "Windows: TUMBLINGWINDOW(unit, n), HOPPINGWINDOW(unit, n, hop), SLIDINGWINDOW(unit, n [, delay]), SESSIONWINDOW(unit, n, gap), COUNTWINDOW(n [, every]),\n"
         "  STATEWINDOW(begin, emit); units: dd, hh, mi, ss, ms"},
        {"create",
         "CREATE STREAM name (column TYPE, …) WITH (DATASOURCE=\"topic\", FORMAT=\"json\", TYPE=\"mqtt\", …)\nCREATE TABLE name () WITH (DATASOURCE=\"…\", TYPE=\"…\", "
         "KIND=\"lookup\", KEY=\"id\", …)\n"
         "Types: BIGINT, FLOAT, STRING, BOOLEAN, DATETIME, BYTEA, ARRAY(TYPE), STRUCT(name TYPE, …); () takes what comes"},
        {"show", "SHOW STREAMS, SHOW TABLES, SHOW RULES, SHOW FUNCTIONS, SHOW CONNECTIONS"},
        {"describe", "DESCRIBE STREAM name, DESCRIBE TABLE name, DESCRIBE RULE id, DESCRIBE FUNCTION name"},
        {"drop", "DROP STREAM name, DROP TABLE name, DROP RULE id"},
        {"explain", "EXPLAIN SELECT …, EXPLAIN RULE id, EXPLAIN STREAM name"},
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (sl_str_ieq(word, sl_str_of(pages[i][0])))
            return puts(pages[i][1]), true;
    return false;
}
static void ask_verb(session *s, const char *first, const char *second, sl_str rest) {
    char *words[2] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second};
    int used;
    const cli_verb *v = cli_verb_find(2, words, &used);
    if (v)
        s->code = run_verb(s, v, rest);
}
static bool there(session *s, const char *noun, sl_str name) {
    sl_buf p = {0};
    cli_answer x;
    sl_buf_printf(&p, "/%s/", noun);
    cli_escape(&p, sl_arena_dup(s->answers, name).p);
    bool yes = cli_http(s->c, "GET", sl_buf_cstr(&p), (sl_str){0}, &x) && x.status == 200;
    sl_buf_free(&x.body);
    sl_buf_free(&p);
    return yes;
}
static void describe(session *s, sl_str name) {
    static const char *const nouns[][2] = {{"streams", "stream"}, {"tables", "table"}, {"rules", "rule"}};
    for (int i = 0; i < 3 && !name.n; i++) {
        printf("%s%c%s:\n", i ? "\n" : "", toupper(nouns[i][0][0]), nouns[i][0] + 1);
        ask_verb(s, "show", nouns[i][0], name);
    }
    for (int i = 0; i < 3 && name.n; i++)
        if (i == 2 || there(s, nouns[i][0], name)) {
            ask_verb(s, "describe", nouns[i][1], name);
            return;
        }
}
static void command(session *s, sl_str line) {
    size_t n = 1;
    while (n < line.n && !isspace((unsigned char)line.p[n]))
        n++;
    sl_str word = sl_str_n(line.p, n), rest = sl_str_trim(sl_str_n(line.p + n, line.n - n));
    while (rest.n && rest.p[rest.n - 1] == ';')
        rest = sl_str_trim(sl_str_n(rest.p, rest.n - 1));
    s->c->json = s->json;
    s->code = 0;
    sl_arena_reset(s->answers);
    if (sl_str_is(word, "\\q") || sl_str_is(word, "\\quit"))
        s->quit = true;
    else if (sl_str_is(word, "\\d"))
        describe(s, rest);
    else if (sl_str_is(word, "\\json") || sl_str_is(word, "\\timing")) {
        bool *flag = word.p[1] == 'j' ? &s->json : &s->timing;
        *flag = rest.n ? sl_str_ieq(rest, SL_S("on")) : !*flag;
        printf("%.*s is %s\n", (int)word.n - 1, word.p + 1, *flag ? "on" : "off");
    } else if (sl_str_is(word, "\\help") || sl_str_is(word, "\\h") || sl_str_is(word, "\\?")) {
        if (!rest.n)
            about();
        else if (!syntax(rest))
            ask_verb(s, "describe", "function", rest);
    } else {
        fprintf(stderr, "sluice: %.*s: no such command; \\help lists them\n", SL_FMT(word));
        s->code = 1;
    }
    fflush(stdout);
}

/* ---- history: statements, a line each, in the person's state folder ---- */
static void history_open(session *s) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char dir[480];
    if (state && *state == '/')
        snprintf(dir, sizeof dir, "%s/sluice", state);
    else if (home && *home == '/')
        snprintf(dir, sizeof dir, "%s/.local/state/sluice", home);
    else
        return;
    mode_t old = umask(077);
    sl_err *e = sl_dir_make(dir);
    umask(old);
    sl_err_free(e);
    snprintf(s->history, sizeof s->history, "%s/history", dir);
    sl_buf all = {0};
    e = sl_file_exists(s->history) ? sl_file_read(s->history, 4 << 20, &all) : NULL;
    sl_err_free(e);
    sl_str lines[HISTORY_MOST];
    size_t n = 0;
    for (size_t end = all.n; end && n < HISTORY_MOST;) { /* the last ones, from the end */
        size_t from = end;
        while (from && all.p[from - 1] != '\n')
            from--;
        if (end > from)
            lines[n++] = sl_str_n(all.p + from, end - from);
        end = from ? from - 1 : 0;
    }
    if (n == HISTORY_MOST && all.n > 256 * 1024) { /* no longer than it must be */
        FILE *f = fopen(s->history, "w");
        for (size_t i = n; f && i-- > 0;)
            fprintf(f, "%.*s\n", SL_FMT(lines[i]));
        if (f)
            fclose(f);
    }
    for (size_t i = n; i-- > 0;) {
        char *line = sl_strdup_n(lines[i].p, lines[i].n);
        if (line)
            s->lib->remember(s->ed, line);
        free(line);
    }
    sl_buf_free(&all);
}
static void remember(session *s, sl_str text) {
    text = sl_str_trim(text);
    char *line = s->ed && text.n && text.n < 65536 ? sl_strdup_n(text.p, text.n) : NULL;
    for (char *p = line; p && *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    if (line && !strstr(line, "--")) /* a comment would swallow what was the next line */
        s->lib->remember(s->ed, line);
    int fd = line && s->history[0] ? open(s->history, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && !strstr(line, "--")) {
        dprintf(fd, "%s\n", line);
    }
    if (fd >= 0)
        close(fd);
    free(line);
}

/* ---- lines ---- */
static const char *prompt(void *arg) { return sql_blank(sl_buf_view(&((session *)arg)->text)) ? "sluice> " : "     -> "; }
static void complete(void *arg, const char *before, size_t nbefore, const char *after, size_t nafter, const char **insert, size_t *erase, const char **show) {
    session *s = arg;
    sl_arena_reset(s->answers);
    sl_buf all = {0}; /* the lines above count too */
    sl_buf_str(&all, sl_buf_view(&s->text));
    sl_buf_put(&all, before, nbefore);
    sl_str text = sl_arena_dup(s->answers, sl_buf_view(&all));
    sl_buf_free(&all);
    sql_complete(s->names, s->answers, text, sl_arena_dup(s->answers, sl_str_n(after, nafter)), insert, erase, show);
}
/* A line, malloc'd: 1; the end: 0; Ctrl-C: -1. */
static int read_line(session *s, char **line) {
    if (s->ed)
        return s->lib->read(s->ed, line);
    if (s->screen && isatty(STDIN_FILENO)) {
        fputs(prompt(s), stdout);
        fflush(stdout);
    }
    for (;;) {
        char part[4096], *nl = s->in.n ? memchr(s->in.p, '\n', s->in.n) : NULL;
        ssize_t k = 0;
        if (!nl) {
            k = read(STDIN_FILENO, part, sizeof part);
            if (k < 0 && errno == EINTR)
                return -1;
            if (k > 0) {
                sl_buf_put(&s->in, part, (size_t)k);
                continue;
            }
            if (!s->in.n)
                return 0;
        }
        size_t n = nl ? (size_t)(nl - s->in.p) : s->in.n, used = nl ? n + 1 : n;
        *line = sl_strdup_n(s->in.p, n);
        memmove(s->in.p, s->in.p + used, s->in.n - used);
        s->in.n -= used;
        return *line ? 1 : 0;
    }
}
static bool more_waits(void) {
    struct pollfd p = {STDIN_FILENO, POLLIN, 0};
    return poll(&p, 1, 0) > 0;
}
/* Ctrl-C counts from the moment when a line was given, and is used up by the statement that ran. */
static void done(session *s, bool script) {
    s->quit |= script && (s->code || interrupted);
    if (!script)
        interrupted = 0;
}
/* Runs what is complete in text and keeps the rest. last: nothing will follow. */
static void drain(session *s, bool last) {
    bool script = !isatty(STDIN_FILENO) || !s->screen;
    for (size_t n; !s->quit && (n = sql_first(sl_buf_view(&s->text)));) {
        remember(s, sl_str_n(s->text.p, n));
        char *one = sl_strdup_n(s->text.p, n);
        memmove(s->text.p, s->text.p + n, s->text.n - n);
        s->text.n -= n;
        if (one)
            run(s, sl_str_of(one));
        free(one);
        done(s, script);
    }
    if (last && !s->quit && !sql_blank(sl_buf_view(&s->text))) {
        remember(s, sl_buf_view(&s->text));
        char *one = sl_strdup_n(s->text.p, s->text.n);
        sl_buf_clear(&s->text);
        if (one)
            run(s, sl_str_of(one));
        free(one);
        done(s, script);
    }
    if (sql_blank(sl_buf_view(&s->text)) && sl_str_find(sl_buf_view(&s->text), SL_S("/*")) < 0)
        sl_buf_clear(&s->text);
}
static void take_line(session *s, sl_str line) {
    sl_str t = sl_str_trim(line);
    bool fresh = sql_blank(sl_buf_view(&s->text)), terminal = s->screen && isatty(STDIN_FILENO);
    if (fresh && t.n && *t.p == '\\') {
        remember(s, t);
        command(s, t);
        s->quit |= !terminal && s->code;
        return;
    }
    if (fresh && (sl_str_ieq(t, SL_S("exit")) || sl_str_ieq(t, SL_S("quit")))) {
        s->quit = true;
        return;
    }
    sl_buf_str(&s->text, line);
    sl_buf_putc(&s->text, '\n');
    bool ready = terminal && !more_waits() && (!t.n || sql_whole(sl_buf_view(&s->text)));
    drain(s, ready);
}
static void prompts(session *s) {
    while (!s->quit) {
        char *line = NULL;
        interrupted = 0;
        int k = read_line(s, &line);
        if (k == 0)
            break;
        if (k < 0) { /* Ctrl-C: what was typed is forgotten */
            sl_buf_clear(&s->text);
            if (!isatty(STDIN_FILENO))
                break;
            putchar('\n');
            continue;
        }
        take_line(s, sl_str_of(line));
        free(line);
    }
    if (!s->quit && !(s->screen && isatty(STDIN_FILENO)))
        drain(s, true);
    else if (!s->quit)
        putchar('\n');
}
static void open_editor(session *s) {
    const char *term = getenv("TERM");
    void *lib = NULL;
    if (!s->screen || !isatty(STDIN_FILENO) || !term || strcmp(term, "dumb") == 0)
        return;
    sl_err *e = sl_module_load("edit", "sql_editor_module", &lib);
    if (e) {
        fprintf(stderr, "Without line editing and Tab: %s\n", sl_err_text(e));
        sl_err_free(e);
        return;
    }
    s->lib = lib;
    s->ed = s->lib->open(&(sql_edit_host){s, &interrupted, prompt, complete});
    if (s->ed)
        history_open(s);
}
void cli_locale(void) { /* characters of other scripts also where nothing is set */
    const char *got = setlocale(LC_CTYPE, "");
    if (!got || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}
int cli_sql(cli *c, const cli_verb *v, const cli_args *a) {
    session s = {.c = c, .count = -1, .for_ms = -1, .screen = isatty(STDOUT_FILENO)};
    const char *text = NULL, *period = NULL;
    int64_t ns = 0;
    for (int i = 0; i < a->n; i++) {
        const char *x = a->at[i], **to = strcmp(x, "-e") == 0 ? &text : strcmp(x, "--for") == 0 ? &period : NULL;
        if (strncmp(x, "--for=", 6) == 0)
            period = x + 6;
        else if (to && i + 1 < a->n)
            *to = a->at[++i];
        else
            return cli_bad_args(c, v, to ? "a value is missing" : x[0] == '-' ? "unknown option" : "a statement stands behind -e"), 2;
    }
    char *end = NULL;
    if (a->count && ((s.count = strtol(a->count, &end, 10)) <= 0 || *end))
        return cli_bad_args(c, v, "--count: expected a number above 0"), 2;
    if (period && (!sl_dur_parse(sl_str_of(period), &ns) || ns <= 0))
        return cli_bad_args(c, v, "--for: expected a time such as 10s"), 2;
    if (period)
        s.for_ms = ns / 1000000;
    cli_locale();
    s.json = c->json || a->json;
    s.answers = sl_arena_new(0);
    s.names = sql_names_new(c);
    if (!s.answers || !s.names)
        return cli_fail(c, NULL, "out of memory");
    struct sigaction act = {.sa_handler = on_interrupt}; /* without SA_RESTART: waiting must return */
    sigaction(SIGINT, &act, NULL);
    if (text) {
        s.screen &= !s.json;
        sl_buf_puts(&s.text, text);
        drain(&s, true);
    } else {
        open_editor(&s);
        if (s.ed)
            puts("sluice " SL_VERSION ", \\help for help");
        prompts(&s);
    }
    bool script = text || !s.screen || !isatty(STDIN_FILENO);
    if (s.ed)
        s.lib->close(s.ed);
    sql_names_free(s.names);
    sl_arena_free(s.answers);
    sl_buf_free(&s.text);
    sl_buf_free(&s.in);
    return !script ? 0 : interrupted && !s.code ? 130 : s.code;
}
