/* The daemon: read settings, build the floors upward, wait, take them down in reverse. The only place that exits. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>
#include "base/log.h"
#include "conn/feed.h"
#include "core/logfile.h"
#include "front/ekuiper.h"
#include "front/reference.h"
#include "front/testdoor.h"
#include "os/file.h"

typedef struct daemon {
    sl_loop *loop;
    sl_office *office;
    sl_settings *settings;
    sl_door door;
    sl_router *rest_router, *prom_router;
    sl_http_server *rest, *cli, *push, *prom;
    sl_http_mount *mount;
    uv_signal_t term, intr;
    bool ending;
    int code;
} daemon_t;

static const char usage[] = "usage: sluiced [--home DIR] [--set KEY=VALUE]… [--lanes N] [--test | --stand-in]\n"
                            "\n"
                            "Runs the sluice daemon in the foreground until SIGTERM. Without arguments it uses the current folder as eKuiper's kuiperd does:\n"
                            "etc/kuiper.yaml when it is there (built-in defaults when not), data/ for what is stored, log/stream.log for the log.\n"
                            "\n"
                            "  --home DIR        use DIR instead of $KuiperBaseKey, or the current folder, or the next one above with etc/kuiper.yaml\n"
                            "  --set KEY=VALUE   set one setting, for example --set basic.restPort=9082\n"
                            "  --lanes N         threads that run rules (default: one per core but one, at least one)\n"
                            "  --test            open the test door: held clock, fed rows (for tests only)\n"
                            "  --stand-in        --test, and streams and lookup tables of any type are fed there (what `sluice rule test` starts)\n"
                            "  --version         print the version\n"
                            "  --reference PAGE  print a reference page (functions, connectors, settings, rest) as Markdown\n"
                            "\n"
                            "Settings come from: built-in defaults < etc/kuiper.yaml < KUIPER__… < SLUICE__… < --set.\n"
                            "Example: sluiced --home /var/lib/sluice --set basic.restIp=0.0.0.0\n";

static void leave(void *arg) { sl_loop_stop(((daemon_t *)arg)->loop); }
static void push_closed(void *arg) { sl_post(((daemon_t *)arg)->loop, leave, arg); }
static void close_push(void *arg) { /* @on the data server's loop */
    daemon_t *d = arg;
    sl_http_close(d->push, push_closed, d);
}
static void rules_stopped(void *arg) {
    daemon_t *d = arg;
    if (!sl_post(sl_mount_loop(d->mount), close_push, d))
        leave(d);
}
static void end(void *arg) {
    daemon_t *d = arg;
    if (d->ending)
        return;
    d->ending = true;
    sl_info("sluiced", "stopping");
    if (d->rest)
        sl_http_close(d->rest, NULL, NULL);
    if (d->cli)
        sl_http_close(d->cli, NULL, NULL);
    if (d->prom)
        sl_http_close(d->prom, NULL, NULL);
    sl_office_stop(d->office, rules_stopped, d);
}
static void restart(void *arg) { /* the supervisor knows this code */
    ((daemon_t *)arg)->code = 100;
    end(arg);
}
static void on_signal(uv_signal_t *s, int sig) { end(s->data); }
static void mount_serve(void *arg, sl_http_req *r) { sl_mount_serve(arg, r); }
static void restored(void *arg) {
    sl_info("sluiced", "all rules were tried");
    sl_memory_trim();
}

typedef struct listening {
    sl_loop *loop;
    const char *ip;
    int port;
    const sl_http_opts *o;
    sl_http_handler h;
    void *arg;
    sl_http_server **out;
    sl_err *e;
    sem_t done;
} listening;
static void listen_now(void *arg) {
    listening *l = arg;
    l->e = sl_http_listen(l->loop, l->ip, l->port, l->o, l->h, l->arg, l->out);
    sem_post(&l->done);
}
/* loop: the office's, which does not run yet, or that of a running lane. */
static sl_err *listen_on(daemon_t *d, sl_loop *loop, const char *what, const char *ip_key, const char *port_key, const sl_http_opts *o, sl_http_handler h, void *arg,
                         sl_http_server **out) {
    char ip[64];
    sl_str s = sl_settings_str(d->settings, ip_key, "127.0.0.1");
    snprintf(ip, sizeof ip, "%.*s", SL_FMT(s));
    int port = (int)sl_settings_int(d->settings, port_key, 0);
    listening l = {loop, ip, port, o, h, arg, out, NULL};
    sem_init(&l.done, 0, 0);
    if (loop == d->loop)
        listen_now(&l);
    else if (!sl_post(loop, listen_now, &l)) {
        sem_destroy(&l.done);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    while (sem_wait(&l.done) < 0) { /* a signal */
    }
    sem_destroy(&l.done);
    sl_err *e = l.e;
    if (!e && strcmp(ip, "127.0.0.1") != 0 && !sl_settings_bool(d->settings, "basic.authentication", false))
        sl_warn("sluiced", "%s listens on %s:%d without authentication: everybody who reaches this address can use it", what, ip, port);
    return sl_err_prefix(e, "%s (%s, %s)", what, ip_key, port_key);
}
/* Certificate and key of a listener, when its setting names them; relative paths start at the home folder. */
static void tls_of(const sl_settings *s, const char *home, const char *setting, char *cert, char *key, size_t n, sl_http_opts *o) {
    char name[80];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s.%s", setting, i ? "keyfile" : "certfile");
        sl_str path = sl_settings_str(s, name, "");
        const char **to = i ? &o->tls_key : &o->tls_cert;
        if (!path.n)
            continue;
        bool under = path.p[0] != '/';
        snprintf(i ? key : cert, n, "%s%s%.*s", under ? home : "", under ? "/" : "", SL_FMT(path));
        *to = i ? key : cert;
    }
}
static bool rest_routes(sl_router *rt, bool test) {
    return sl_ekuiper_routes(rt) && sl_batch_routes(rt) && sl_trial_routes(rt) && sl_extend_routes(rt) && sl_data_routes(rt) && sl_meta_routes(rt) &&
        (!test || sl_testdoor_routes(rt));
}
static int reference(const char *page) {
    sl_buf b = {0};
    sl_router *rt = sl_router_new(&(sl_router_opts){0}, NULL);
    bool ok = rt && rest_routes(rt, false) && sl_metric_routes(rt) && sl_reference(sl_str_of(page), rt, &b) && !b.failed;
    if (ok)
        fwrite(b.p, 1, b.n, stdout);
    else
        fprintf(stderr, "sluiced: --reference %s: expected functions, connectors, settings or rest\n", page);
    sl_buf_free(&b);
    sl_router_free(rt);
    return ok ? 0 : 2;
}
/* As kuiperd: $KuiperBaseKey, else the current folder or the next one above that holds etc/kuiper.yaml. */
static const char *find_home(void) {
    const char *base = getenv("KuiperBaseKey");
    static const char *const up[] = {".", "..", "../..", "../../.."};
    for (size_t i = 0; !base && i < sizeof up / sizeof *up; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/etc/kuiper.yaml", up[i]);
        if (sl_file_exists(path))
            return up[i];
    }
    return base && *base ? base : ".";
}
int main(int argc, char **argv) {
    const char *home = NULL, *set[64];
    size_t nset = 0;
    int lanes = 0;
    bool test = false, stand_in = false;
    for (int i = 1; i < argc; i++) {
        const char *x = argv[i];
        if (strcmp(x, "--help") == 0 || strcmp(x, "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(x, "--version") == 0) {
            printf("sluiced %s\n", SL_VERSION);
            return 0;
        }
        if (strcmp(x, "--test") == 0) {
            test = true;
            continue;
        }
        if (strcmp(x, "--stand-in") == 0) {
            test = stand_in = true;
            continue;
        }
        if (i + 1 >= argc || (strcmp(x, "--home") != 0 && strcmp(x, "--set") != 0 && strcmp(x, "--lanes") != 0 && strcmp(x, "--reference") != 0) ||
            (strcmp(x, "--set") == 0 && nset == 64)) {
            fprintf(stderr, "sluiced: %s: %s\n\n%s", x, strncmp(x, "--", 2) == 0 ? "unknown option, or its value is missing" : "unexpected argument", usage);
            return 2;
        }
        if (strcmp(x, "--home") == 0)
            home = argv[++i];
        else if (strcmp(x, "--set") == 0)
            set[nset++] = argv[++i];
        else if (strcmp(x, "--reference") == 0)
            return reference(argv[++i]);
        else
            lanes = atoi(argv[++i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write */
    if (test)
        sl_conn_allow_test();
    static daemon_t d;
    if (!home)
        home = find_home();
    char *abs = realpath(home, NULL);
    if (!abs) {
        fprintf(stderr, "sluiced: --home %s: %s\n", home, strerror(errno));
        return 1;
    }
    sl_err *e = sl_settings_load(abs, set, nset, &d.settings);
    if (e) {
        fprintf(stderr, "sluiced: %s\n", sl_err_text(e));
        sl_err_free(e);
        free(abs);
        return 1;
    }
    sl_logfile_open(abs, d.settings);
    d.door.started_ms = sl_wall_ns() / 1000000;
    d.loop = sl_loop_new("office");
    e = d.loop ? sl_lanes_start(test && !lanes ? 1 : lanes) : sl_err_new(SL_E_NOMEM, "out of memory");
    /* The data server lives on a lane: what is pushed to a rule there needs no letter to get to it, nor its answer one to get back. */
    d.mount = e ? NULL : sl_mount_new(sl_lane_loop(sl_lane_at(0)));
    if (!e && !d.mount)
        e = sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && sl_lane_count() == 1)
        sl_pool_on(sl_lane_loop(sl_lane_at(0)));
    sl_http_opts push_opts = {0};
    char push_cert[512], push_key[512];
    if (!e)
        tls_of(d.settings, abs, "source.httpServerTls", push_cert, push_key, sizeof push_cert, &push_opts);
    if (!e)
        e = listen_on(&d, sl_mount_loop(d.mount), "data server", "source.httpServerIp", "source.httpServerPort", &push_opts, mount_serve, d.mount, &d.push);
    if (!e)
        e = sl_office_open(&(sl_office_conf){d.loop, abs, d.settings, d.mount, sl_logfile_changed, test, stand_in}, &d.office);
    d.door.office = d.office;
    d.door.stop = end;
    d.door.restart = restart;
    d.door.stop_arg = &d;
    if (!e) {
        d.rest_router = sl_router_new(&(sl_router_opts){.cors = true, .clean = true, .admit = sl_rest_admit}, &d.door);
        d.door.router = d.rest_router;
        if (!d.rest_router || !rest_routes(d.rest_router, test))
            e = sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_http_opts rest_opts = {.close_each = true};
    char cert[512], key[512];
    if (!e)
        tls_of(d.settings, abs, "basic.restTls", cert, key, sizeof cert, &rest_opts);
    if (!e)
        e = listen_on(&d, d.loop, "REST", "basic.restIp", "basic.restPort", &rest_opts, sl_router_serve, d.rest_router, &d.rest);
    /* eKuiper's client has a port of its own; ours speaks REST there, in plain, as that port never had TLS */
    sl_http_opts cli_opts = {.close_each = true};
    int64_t cli_port = sl_settings_int(d.settings, "basic.port", 20498);
    if (!e && cli_port && cli_port != sl_settings_int(d.settings, "basic.restPort", 9081))
        e = listen_on(&d, d.loop, "command line client", "basic.ip", "basic.port", &cli_opts, sl_router_serve, d.rest_router, &d.cli);
    int64_t prom_port = sl_settings_int(d.settings, "basic.prometheusPort", 20499);
    if (!e && prom_port == sl_settings_int(d.settings, "basic.restPort", 9081)) /* there it is even when it is off, as upstream */
        e = sl_metric_routes(d.rest_router) ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
    else if (!e && sl_settings_bool(d.settings, "basic.prometheus", false)) {
        sl_http_opts prom_opts = {0};
        d.prom_router = sl_router_new(&(sl_router_opts){.clean = true}, &d.door);
        e = d.prom_router && sl_metric_routes(d.prom_router)
            ? listen_on(&d, d.loop, "Prometheus", "basic.ip", "basic.prometheusPort", &prom_opts, sl_router_serve, d.prom_router, &d.prom)
            : sl_err_new(SL_E_NOMEM, "out of memory");
    }
    if (e) {
        fprintf(stderr, "sluiced: %s\n", sl_err_text(e));
        sl_error("sluiced", "%s", sl_err_text(e));
        sl_err_free(e);
        free(abs);
        return 1;
    }
    uv_loop_t *uv = sl_loop_uv(d.loop);
    d.term.data = d.intr.data = &d;
    uv_signal_init(uv, &d.term);
    uv_signal_init(uv, &d.intr);
    uv_signal_start(&d.term, on_signal, SIGTERM);
    uv_signal_start(&d.intr, on_signal, SIGINT);
    printf("Serving kuiper (version - %s) on port %lld, and restful api on %s://%.*s:%d.\n", SL_VERSION, (long long)sl_settings_int(d.settings, "basic.port", 20498),
           rest_opts.tls_cert ? "https" : "http", SL_FMT(sl_settings_str(d.settings, "basic.restIp", "127.0.0.1")), sl_http_port(d.rest));
    fflush(stdout);
    sl_info("sluiced", "Serving kuiper (version - %s) on port %lld, and restful api on %s://%.*s:%d.", SL_VERSION, (long long)sl_settings_int(d.settings, "basic.port", 20498),
            rest_opts.tls_cert ? "https" : "http", SL_FMT(sl_settings_str(d.settings, "basic.restIp", "127.0.0.1")), sl_http_port(d.rest));
    sl_settings_check(d.settings);
    sl_logfile_keep(d.loop);
    sl_office_init_json(d.office);
    sl_office_restore(d.office, restored, NULL);
    sl_loop_run(d.loop);
    sl_pool_stop(); /* before the lanes: it may live on one */
    sl_lanes_stop();
    sl_logfile_close();
    sl_office_free(d.office);
    sl_settings_free(d.settings);
    free(abs);
    return d.code;
}
