/* Results as they come: the interactive query (a trial run) and watching a rule. Both read an event stream of the data server.
 *
 * Decision: a line a result, JSON as it came, so that it can be piped; on a terminal aligned columns, unless --json asks for the former. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <wchar.h>
#include "base/utf8.h"
#include "cli/live.h"

static volatile sig_atomic_t stopped;
static void on_stop(int sig) { stopped = 1; }
void live_begin(live *s, cli *c, bool table) {
    static unsigned nth;
    *s = (live){.c = c, .fd = -1, .left = -1, .table = table, .names = sl_arena_new(0)};
    snprintf(s->id, sizeof s->id, c->kuiper ? "internal-ekuiper_query_rule" : "sluice-query-%ld-%lld-%u", (long)getpid(), (long long)time(NULL), ++nth);
}
static void begin(live *s, cli *c, const cli_args *a) {
    live_begin(s, c, !c->kuiper && !c->json && !a->json && isatty(STDOUT_FILENO));
    cli_locale();
    if (a->count)
        s->left = strtol(a->count, NULL, 10);
    struct sigaction act = {.sa_handler = on_stop}; /* without SA_RESTART: poll must return */
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}
void live_end(live *s) {
    live_stop(s);
    sl_buf_free(&s->in);
    sl_arena_free(s->names);
}

/* ---- showing ---- */
static bool same_columns(const live *s, const sl_json *row) {
    size_t i = 0;
    for (const sl_json *m = row->child; m; m = m->next, i++)
        if (i >= s->ncols || !sl_str_eq(s->cols[i], m->key))
            return false;
    return i == s->ncols;
}
static sl_str shown(sl_arena *a, const sl_json *v) {
    if (v->kind == SL_J_STR)
        return v->s;
    sl_buf b = {0};
    sl_json_write(&b, v, false, 0);
    sl_str t = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return t;
}
size_t cli_columns(sl_str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        i += sl_utf8_get(s.p + i, s.n - i, &r);
        int w = r < 128 ? 1 : wcwidth((wchar_t)r); /* below 0 where the locale knows no better */
        n += w < 0 ? 1 : (size_t)w;
    }
    return n;
}
size_t cli_screen(void) {
    struct winsize w;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}
/* A row too wide for the screen stands upright: a member a line. */
static bool upright(live *s, sl_arena *a, const sl_json *row) {
    size_t total = 0, name = 0;
    for (const sl_json *m = row->child; m; m = m->next) {
        size_t n = cli_columns(shown(a, m)), k = cli_columns(m->key);
        total += (n > k ? n : k) + 2;
        name = k > name ? k : name;
    }
    if (total <= cli_screen() + 2 || row->n < 2)
        return false;
    printf("-- %ld --\n", s->shown + 1);
    for (const sl_json *m = row->child; m; m = m->next) {
        sl_str t = shown(a, m);
        printf("%.*s%*s%.*s\n", SL_FMT(m->key), (int)(name - cli_columns(m->key) + 2), "", SL_FMT(t));
    }
    s->ncols = 0; /* the next row that fits gets a head */
    return true;
}
static void show_row(live *s, sl_arena *a, const sl_json *row) {
    if (upright(s, a, row))
        return;
    if (!same_columns(s, row) && row->n <= 24) { /* a row of another form: a new head */
        s->ncols = 0;
        sl_arena_reset(s->names);
        for (const sl_json *m = row->child; m; m = m->next, s->ncols++) {
            size_t n = cli_columns(shown(a, m)), k = cli_columns(m->key);
            s->cols[s->ncols] = sl_arena_dup(s->names, m->key);
            s->width[s->ncols] = n > k ? n : k;
        }
        for (size_t i = 0; i < s->ncols; i++)
            printf("%.*s%*s", SL_FMT(s->cols[i]), i + 1 < s->ncols ? (int)(s->width[i] - cli_columns(s->cols[i]) + 2) : 0, "");
        putchar('\n');
    }
    size_t i = 0;
    for (const sl_json *m = row->child; m; m = m->next, i++) {
        sl_str t = shown(a, m);
        size_t n = cli_columns(t);
        if (i < s->ncols && n > s->width[i])
            s->width[i] = n;
        printf("%.*s%*s", SL_FMT(t), m->next && i < s->ncols ? (int)(s->width[i] - n + 2) : 0, "");
    }
    putchar('\n');
}
static void show(live *s, sl_str text) {
    bool tell = s->seen && s->shown < 20;
    sl_arena *a = s->table || tell ? sl_arena_new(0) : NULL;
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, text, &j, NULL) : NULL;
    if (j && !e && tell && j->kind == SL_J_OBJ)
        s->seen(s->seen_arg, j);
    if (s->table && j && !e && j->kind == SL_J_OBJ && j->n)
        show_row(s, a, j);
    else
        printf("%.*s\n", SL_FMT(text));
    sl_err_free(e);
    sl_arena_free(a);
    s->shown++;
    if (s->left > 0)
        s->left--;
}
/* Shows what came; false: the stream ended. */
bool live_results(live *s) {
    char part[8192];
    ssize_t k = recv(s->fd, part, sizeof part, MSG_DONTWAIT);
    if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    if (k > 0)
        sl_buf_put(&s->in, part, (size_t)k);
    size_t from = 0;
    for (char *nl; s->left != 0 && s->in.n > from && (nl = memchr(s->in.p + from, '\n', s->in.n - from)); from = (size_t)(nl - s->in.p) + 1) {
        sl_str line = sl_str_trim(sl_str_n(s->in.p + from, (size_t)(nl - s->in.p) - from));
        if (sl_str_starts(line, SL_S("data:")))
            show(s, sl_str_trim(sl_str_n(line.p + 5, line.n - 5)));
    }
    if (from) {
        memmove(s->in.p, s->in.p + from, s->in.n - from);
        s->in.n -= from;
    }
    fflush(stdout);
    return true;
}
/* Opens the stream that {"port","path"} of an answer names; path: when it names none. The endpoint may be a moment behind the answer. */
static bool connect_to(live *s, sl_str answer, const char *path) {
    char port[16] = "10081", at[256];
    int64_t n;
    sl_buf early = {0};
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, answer, &j, NULL) : NULL;
    if (!e && j && sl_json_i64(sl_json_get(j, "port"), &n))
        snprintf(port, sizeof port, "%d", (int)n);
    sl_str p = j ? sl_json_text(sl_json_get(j, "path"), sl_str_of(path)) : sl_str_of(path);
    snprintf(at, sizeof at, "%.*s", SL_FMT(p));
    sl_err_free(e);
    sl_arena_free(a);
    for (int i = 0; i < 40 && s->fd < 0 && !stopped; i++) {
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        s->fd = cli_http_open(s->c, port, at, &early);
    }
    sl_buf_clear(&s->in);
    if (s->fd < 0 && !stopped)
        s->code = cli_fail(s->c, NULL, sl_buf_cstr(&early));
    else if (s->fd >= 0)
        sl_buf_str(&s->in, sl_buf_view(&early));
    sl_buf_free(&early);
    return s->fd >= 0;
}

/* ---- query ---- */
void live_stop(live *s) {
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    sl_buf_clear(&s->in);
    if (!s->trial)
        return;
    s->trial = false;
    cli_answer x;
    char path[96];
    snprintf(path, sizeof path, "/ruletest/%s", s->id);
    cli_http(s->c, "DELETE", path, (sl_str){0}, &x);
    sl_buf_free(&x.body);
}
static bool sent(live *s, const char *method, const char *path, const sl_buf *body, cli_answer *x) {
    int code = 0;
    bool ok = cli_ask(s->c, method, path, body ? sl_buf_view(body) : (sl_str){0}, NULL, x, &code);
    s->code = ok ? s->code : code;
    return ok;
}
bool live_renew(live *s) {
    char path[96];
    cli_answer x;
    snprintf(path, sizeof path, "/ruletest/%s/start", s->id);
    bool ok = cli_http(s->c, "POST", path, (sl_str){0}, &x) && x.status == 200;
    sl_buf_free(&x.body);
    return ok;
}
bool live_start(live *s, sl_str sql) {
    live_stop(s);
    s->ncols = 0;
    s->shown = 0;
    sl_buf body = {0};
    cli_answer x;
    char path[96];
    bool ok = false;
    sl_buf_printf(&body, "{\"id\":\"%s\",\"temp\":true,\"triggered\":false,\"actions\":[{\"nop\":{}}],\"sql\":", s->id);
    sl_json_put_str(&body, sql);
    sl_buf_puts(&body, "}");
    /* a temporary rule says best what is wrong with the statement; the trial run then brings the results */
    if (!sent(s, "POST", "/rules", &body, &x))
        goto end;
    sl_buf_free(&x.body);
    snprintf(path, sizeof path, "/rules/%s", s->id);
    cli_http(s->c, "DELETE", path, (sl_str){0}, &x);
    sl_buf_free(&x.body);
    sl_buf_clear(&body);
    sl_buf_printf(&body, "{\"id\":\"%s\",\"mockSource\":{},\"sinkProps\":{\"sendSingle\":true},\"sql\":", s->id);
    sl_json_put_str(&body, sql);
    sl_buf_putc(&body, '}');
    if (!sent(s, "POST", "/ruletest", &body, &x))
        goto end;
    s->trial = true;
    snprintf(path, sizeof path, "/test/%s", s->id);
    bool open = connect_to(s, sl_buf_view(&x.body), path);
    sl_buf_free(&x.body);
    snprintf(path, sizeof path, "/ruletest/%s/start", s->id);
    if (open && sent(s, "POST", path, NULL, &x)) {
        sl_buf_free(&x.body);
        ok = true;
    } else
        live_stop(s);
end:
    sl_buf_free(&body);
    return ok;
}
static int one_query(live *s, const char *sql) { /* sluice query 'SELECT …' */
    live_start(s, sl_str_of(sql));
    while (s->fd >= 0 && !stopped && s->left != 0) {
        struct pollfd p = {s->fd, POLLIN, 0};
        int k = poll(&p, 1, LIVE_RENEW_S * 1000);
        if ((k > 0 && !live_results(s)) || (k == 0 && !live_renew(s)))
            break;
    }
    live_end(s);
    return s->code;
}
int cli_query(cli *c, const cli_verb *v, const cli_args *a) {
    live s;
    begin(&s, c, a);
    if (a->n && !c->kuiper) {
        sl_buf sql = {0};
        for (int i = 0; i < a->n; i++)
            sl_buf_printf(&sql, "%s%s", i ? " " : "", a->at[i]);
        int code = one_query(&s, sl_buf_cstr(&sql));
        sl_buf_free(&sql);
        return code;
    }
    sl_buf line = {0};
    const char *prompt = c->kuiper ? "kuiper > " : "sluice > ";
    bool open = true;
    fputs(prompt, stdout);
    fflush(stdout);
    while (open && !stopped) {
        struct pollfd p[2] = {{STDIN_FILENO, POLLIN, 0}, {s.fd, POLLIN, 0}};
        if (poll(p, s.fd < 0 ? 1 : 2, -1) < 0) {
            if (errno != EINTR)
                break;
            if (stopped && s.fd >= 0 && !c->kuiper) { /* Ctrl-C ends the query, not the prompt */
                stopped = 0;
                live_stop(&s);
                printf("\n%s", prompt);
                fflush(stdout);
            }
            continue;
        }
        if (s.fd >= 0 && p[1].revents && !live_results(&s)) {
            live_stop(&s);
            fputs(prompt, stdout);
            fflush(stdout);
        }
        if (!p[0].revents)
            continue;
        char part[4096];
        ssize_t k = read(STDIN_FILENO, part, sizeof part);
        if (k <= 0)
            break;
        sl_buf_put(&line, part, (size_t)k);
        for (char *nl; open && line.n && (nl = memchr(line.p, '\n', line.n));) {
            sl_str sql = sl_str_trim(sl_str_n(line.p, (size_t)(nl - line.p)));
            if (sl_str_ieq(sql, SL_S("quit")) || sl_str_ieq(sql, SL_S("exit"))) {
                open = false;
                break;
            }
            if (sql.n && live_start(&s, sql))
                puts("Query was submit successfully.");
            size_t used = (size_t)(nl - line.p) + 1;
            memmove(line.p, line.p + used, line.n - used);
            line.n -= used;
            fputs(prompt, stdout);
            fflush(stdout);
        }
    }
    sl_buf_free(&line);
    live_end(&s);
    if (!c->kuiper)
        putchar('\n');
    return c->kuiper ? 0 : s.code;
}

/* ---- watch ---- */
int cli_watch(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 1)
        return cli_bad_args(c, v, "Expect rule name.");
    live s;
    begin(&s, c, a);
    sl_buf path = {0};
    sl_buf_puts(&path, "/rules/");
    cli_escape(&path, a->at[0]);
    sl_buf_puts(&path, "/watch");
    bool seen = false;
    while (!stopped && s.left != 0) {
        cli_answer x;
        bool there = cli_http(c, "POST", sl_buf_cstr(&path), (sl_str){0}, &x);
        if (seen && there && x.status >= 400) { /* it ran, now it does not: that is no failure of ours */
            sl_buf_free(&x.body);
            if (!c->json)
                fprintf(stderr, "rule %s does not run any more\n", a->at[0]);
            break;
        }
        if (!cli_judge(c, there, NULL, &x, &s.code))
            break;
        if (s.fd < 0 && !connect_to(&s, sl_buf_view(&x.body), "/")) {
            sl_buf_free(&x.body);
            break;
        }
        sl_buf_free(&x.body);
        seen = true;
        time_t renew = time(NULL) + 30; /* the daemon shows results for so long only as somebody asks */
        while (!stopped && s.left != 0 && s.fd >= 0 && time(NULL) < renew) {
            struct pollfd p = {s.fd, POLLIN, 0};
            int k = poll(&p, 1, 5000);
            if (k > 0 && !live_results(&s)) { /* the rule was stopped or restarted: ask again */
                close(s.fd);
                s.fd = -1;
                nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
            }
        }
    }
    sl_buf_free(&path);
    live_end(&s);
    return s.code;
}
