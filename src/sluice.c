/* The command line client: finds the daemon, finds the verb, runs it. The only place of the client that exits. */
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "cli/cli.h"
#include "core/settings.h"
#include "os/file.h"

static void help(bool kuiper) {
    printf("usage: %s %sVERB ARGUMENTS…\n\n", kuiper ? "kuiper" : "sluice", kuiper ? "" : "[--url http://HOST:PORT] [--token JWT] [--json] ");
    const cli_verb *v;
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        if (v->doc)
            printf("  %-22s %s\n", v->name, v->doc);
    if (!kuiper)
        puts("\n`sluice VERB --help` shows arguments and an example. The daemon is found by --url, else SLUICE_URL, else etc/client.yaml\n"
             "(basic.host, basic.restPort), else http://127.0.0.1:9081. --token or SLUICE_TOKEN: token of a daemon with authentication.\n\n"
             "Example: sluice create stream 'demo () WITH (DATASOURCE=\"devices/+\", FORMAT=\"json\", TYPE=\"mqtt\")'");
}
static void help_verb(const cli_verb *v) {
    printf("%s\n\nusage:   sluice %s%s%s\nexample: sluice %s%s%s\n", v->doc ? v->doc : "", v->name, *v->args ? " " : "", v->args, v->name, *v->example ? " " : "", v->example);
    if (v->more)
        printf("\n%s", v->more);
}
/* etc/client.yaml of the folder $KuiperBaseKey, of the current one, or beside the program. */
static void read_yaml(cli *c) {
    char exe[3072], path[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    const char *base = getenv("KuiperBaseKey"), *bin = n > 0 ? dirname(exe) : ".";
    for (int i = 0; i < 3; i++) {
        if (i == 0 && !base)
            continue;
        snprintf(path, sizeof path, "%s%s/etc/client.yaml", i == 0 ? base : i == 1 ? "." : bin, i == 2 ? "/.." : "");
        if (sl_file_exists(path) || i == 2)
            break;
    }
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_yaml_read(a, path, "CLIENT", &j) : NULL;
    if (e)
        fprintf(stderr, "%s\n", sl_err_text(e));
    else if (j) {
        const sl_json *b = sl_json_iget(j, "basic");
        sl_str host = sl_json_text(sl_json_iget(b, "host"), (sl_str){0});
        int64_t port;
        if (host.n && host.n < sizeof c->host)
            snprintf(c->host, sizeof c->host, "%.*s", SL_FMT(host));
        if (sl_json_i64(sl_json_iget(b, c->kuiper ? "port" : "restPort"), &port) && port > 0 && port < 65536)
            snprintf(c->port, sizeof c->port, "%d", (int)port);
    }
    sl_err_free(e);
    sl_arena_free(a);
}
int main(int argc, char **argv) {
    static cli c;
    const char *self = strrchr(argv[0], '/');
    c.kuiper = strcmp(self ? self + 1 : argv[0], "kuiper") == 0;
    snprintf(c.host, sizeof c.host, "127.0.0.1");
    snprintf(c.port, sizeof c.port, "%s", c.kuiper ? "20498" : "9081");
    signal(SIGPIPE, SIG_IGN);
    const char *url = getenv("SLUICE_URL"), *port = getenv("SLUICE_CLI_PORT");
    bool want_help = false;
    c.token = getenv("SLUICE_TOKEN");
    read_yaml(&c);
    char **w = calloc((size_t)argc + 1, sizeof *w);
    int n = 0;
    for (int i = 1; w && i < argc; i++) {
        const char *x = argv[i];
        if (strcmp(x, "--url") == 0 && i + 1 < argc)
            url = argv[++i];
        else if (strncmp(x, "--url=", 6) == 0)
            url = x + 6;
        else if (strcmp(x, "--token") == 0 && i + 1 < argc)
            c.token = argv[++i];
        else if (!c.kuiper && strcmp(x, "--json") == 0)
            c.json = true;
        else if (strcmp(x, "--help") == 0 || strcmp(x, "-h") == 0)
            want_help = true;
        else if ((strcmp(x, "--version") == 0 || strcmp(x, "-v") == 0) && n == 0) {
            printf("%s version %s\n", c.kuiper ? "kuiper" : "sluice", SL_VERSION);
            free(w);
            return 0;
        } else
            w[n++] = argv[i];
    }
    const char *bad = url && *url ? cli_url(&c, url) : NULL;
    if (bad) {
        fprintf(stderr, "sluice: %s: %s\n", url, bad);
        free(w);
        return 1;
    }
    if (c.kuiper && port && *port)
        snprintf(c.port, sizeof c.port, "%.7s", port);
    if (n && strcmp(w[0], "help") == 0) {
        want_help = true;
        memmove(w, w + 1, (size_t)n * sizeof *w);
        n--;
    }
    int used = 0, code = 0;
    const cli_verb *v = n ? cli_verb_find(n, w, &used) : NULL;
    if (c.kuiper && !want_help)
        printf("Connecting to %s:%s... \n", c.host, c.port);
    if (!n || (want_help && !v))
        help(c.kuiper);
    else if (!v) {
        if (c.kuiper) {
            printf("No help topic for '%s'\n", w[n > 1 ? 1 : 0]);
            code = 3;
        } else {
            fprintf(stderr, "sluice: %s%s%s: no such verb; `sluice --help` lists them\n", w[0], n > 1 ? " " : "", n > 1 ? w[1] : "");
            code = 1;
        }
    } else if (want_help)
        help_verb(v);
    else {
        cli_args a;
        cli_flags(&a, n - used, w + used);
        code = v->run(&c, v, &a);
    }
    free(w);
    if (fflush(stdout) != 0 && !code)
        code = 1;
    return code;
}
