/* The line editor of `sluice sql`: libedit, a module, so that the client starts without it and works (line by line) where it is not installed. */
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include "cli/sql.h"
#include "os/module.h"

SL_MODULE_STAMP

typedef struct editor {
    EditLine *el;
    History *hist;
    sql_edit_host host;
} editor;

static volatile sig_atomic_t changed; /* the screen's size, or we are in front again */
static void on_change(int sig) { changed = 1; }

static editor *of(EditLine *el) {
    void *e = NULL;
    el_get(el, EL_CLIENTDATA, &e);
    return e;
}
static char *prompt(EditLine *el) {
    const editor *e = of(el);
    return (char *)(uintptr_t)e->host.prompt(e->host.arg);
}
/* One character. Ctrl-C is seen wherever it came: signals are let in only while we wait. */
static int get_char(EditLine *el, wchar_t *out) {
    const editor *e = of(el);
    sigset_t block, old;
    char bytes[8];
    size_t n = 0;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGWINCH);
    sigaddset(&block, SIGCONT);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    int rc = 0;
    while (!rc) {
        struct pollfd p = {STDIN_FILENO, POLLIN, 0};
        if (*e->host.interrupted) {
            errno = EINTR;
            rc = -1;
        } else if (changed) {
            changed = 0;
            el_set(el, EL_PREP_TERM, 1);
            el_resize(el);
            el_set(el, EL_REFRESH);
        } else if (ppoll(&p, 1, NULL, &old) > 0) {
            ssize_t k = read(STDIN_FILENO, bytes + n, 1);
            mbstate_t state = {0};
            if (k <= 0) {
                rc = k < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : k < 0 && errno != EIO ? -1 : -2;
                continue;
            }
            size_t used = mbrtowc(out, bytes, ++n, &state);
            if (used == (size_t)-2 && n < sizeof bytes)
                continue;
            if (used == (size_t)-1 || used == (size_t)-2)
                *out = L'?';
            rc = 1;
        }
    }
    int why = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = why;
    return rc == -2 ? 0 : rc;
}
static unsigned char complete(EditLine *el, int key) {
    editor *e = of(el);
    struct pollfd more = {STDIN_FILENO, POLLIN, 0};
    if (poll(&more, 1, 0) > 0) /* a tab in a text that is being pasted */
        return el_insertstr(el, " ") == 0 ? CC_REFRESH : CC_ERROR;
    const LineInfo *l = el_line(el);
    const char *insert = NULL, *show = NULL;
    size_t erase = 0;
    e->host.complete(e->host.arg, l->buffer, (size_t)(l->cursor - l->buffer), l->cursor, (size_t)(l->lastchar - l->cursor), &insert, &erase, &show);
    if (erase)
        el_deletestr(el, (int)erase);
    if (insert && el_insertstr(el, insert) != 0)
        return CC_ERROR;
    if (!show)
        return insert ? CC_REFRESH : CC_ERROR;
    printf("\n%s", show);
    fflush(stdout);
    return CC_REDISPLAY;
}
static void *open_editor(const sql_edit_host *h) {
    editor *e = calloc(1, sizeof *e);
    HistEvent ev;
    if (!e)
        return NULL;
    e->host = *h;
    e->el = el_init("sluice", stdin, stdout, stderr);
    e->hist = history_init();
    if (!e->el || !e->hist) {
        if (e->el)
            el_end(e->el);
        if (e->hist)
            history_end(e->hist);
        free(e);
        return NULL;
    }
    history(e->hist, &ev, H_SETSIZE, 1000);
    history(e->hist, &ev, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, prompt);
    el_set(e->el, EL_SIGNAL, 0);
    el_set(e->el, EL_GETCFN, get_char);
    el_set(e->el, EL_HIST, history, e->hist);
    el_set(e->el, EL_EDITOR, "emacs");
    el_wset(e->el, EL_ADDFN, L"sluice-complete", L"What could come next", complete); /* the narrow call copies the texts and loses them */
    el_set(e->el, EL_BIND, "\t", "sluice-complete", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(e->el, EL_BIND, "^W", "ed-delete-prev-word", NULL);
    el_source(e->el, NULL); /* the person's own keys */
    struct sigaction act = {.sa_handler = on_change};
    sigaction(SIGWINCH, &act, NULL);
    sigaction(SIGCONT, &act, NULL);
    return e;
}
static int read_line(void *p, char **line) {
    editor *e = p;
    int n = 0;
    errno = 0;
    el_set(e->el, EL_PREP_TERM, 1); /* before the prompt shows: what is typed ahead is ours to edit */
    const char *s = el_gets(e->el, &n);
    if (!s || n < 0)
        return n < 0 && errno == EINTR ? -1 : 0;
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r'))
        n--;
    *line = strndup(s, (size_t)n);
    return *line ? 1 : 0;
}
static void remember(void *p, const char *line) {
    HistEvent ev;
    history(((editor *)p)->hist, &ev, H_ENTER, line);
}
static void close_editor(void *p) {
    editor *e = p;
    el_end(e->el);
    history_end(e->hist);
    free(e);
}
extern const sql_editor sql_editor_module;
const sql_editor sql_editor_module = {open_editor, read_line, remember, close_editor};
