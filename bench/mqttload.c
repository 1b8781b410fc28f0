/* Load for benchmarks: a tiny MQTT broker that is generator and counter in one. The daemon connects to it as to any broker; whoever subscribes to
 * the input topic gets N publishes of a JSON row, as fast as the socket takes them or at a fixed rate, and everything that clients publish is
 * acknowledged and counted. So no real broker stands between the load and what is measured.
 *
 * Rows carry the instant of sending ("ts", µs); where it comes back, latencies are printed. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "net/mqtt.h"

#define CLIENTS 512
#define OUT_LIMIT (256u << 10)
typedef struct client {
    int fd;
    sl_mqtt_reader in;
    sl_buf out;
    size_t out_at;
    bool connected, gets, sends;
    uint16_t id; /* last packet identifier of ours */
    uint64_t sent, inflight;
    uint8_t qos; /* granted */
} client;
static client clients[CLIENTS];
static int nclients;

static struct {
    int port, qos, window, pid, clients, seconds, devices;
    uint64_t count, rate, expect;
    size_t size;
    const char *topic;
    bool json, quiet, go;
} opt = {.port = 1883, .window = 1000, .clients = 2, .size = 200, .topic = "bench/in", .count = 1000000, .seconds = 60};

static uint64_t returned, returned_bytes, acked, sent_all;
static int64_t first_back, last_back;
static uint32_t lat[200000]; /* steps of 1 us to 200 ms */
static uint64_t lats;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static double cpu_of(int pid) { /* user + system seconds of all threads; the scheduler's nanoseconds, /proc/PID/stat counts in hundredths */
    char path[64];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));) {
        char file[400];
        unsigned long long ns = 0;
        snprintf(file, sizeof file, "%s/%.255s/schedstat", path, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += (double)ns * 1e-9;
        if (f)
            fclose(f);
    }
    closedir(d);
    return sum;
}
static double own_cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
static long rss_kb(int pid, const char *what) {
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, what, strlen(what)) == 0)
            kb = atol(line + strlen(what) + 1);
    if (f)
        fclose(f);
    return kb;
}

/* ---- rows: made once, only the two numbers of fixed width change ---- */
static char *row;
static size_t row_n, ts_at, id_at, device_at;
static void make_row(void) {
    row = malloc(opt.size + 512);
    row_n = (size_t)sprintf(row,
                            "{\"ts\":1000000000000000,\"id\":1000000000,\"device\":\"device-0042\",\"temperature\":21.53,\"humidity\":45.1,"
                            "\"pressure\":1013.25,\"ok\":true,\"count\":7,\"name\":\"hall 7\",\"note\":\"");
    ts_at = (size_t)(strstr(row, "1000000000000000") - row);
    id_at = (size_t)(strstr(row, "\"id\":") - row) + 5;
    device_at = (size_t)(strstr(row, "device-") - row) + 7;
    while (row_n + 2 < opt.size)
        row[row_n++] = 'x';
    row[row_n++] = '"';
    row[row_n++] = '}';
}
static void digits(char *at, int n, uint64_t v) {
    for (at += n; n--; v /= 10)
        *--at = (char)('0' + v % 10);
}
static bool push(client *c, uint64_t us) {
    uint8_t qos = (uint8_t)opt.qos < c->qos ? (uint8_t)opt.qos : c->qos;
    if (qos && c->inflight >= (uint64_t)opt.window)
        return false;
    if (c->out.n - c->out_at >= OUT_LIMIT)
        return false;
    digits(row + ts_at, 16, us);
    digits(row + id_at, 10, 1000000000 + c->sent % 1000000000);
    if (opt.devices)
        digits(row + device_at, 4, c->sent * 7919 % (uint64_t)opt.devices);
    if (qos && ++c->id == 0)
        c->id = 1;
    if (sl_mqtt_put_publish(&c->out, c->in.version, sl_str_of(opt.topic), sl_str_n(row, row_n), qos, false, false, qos ? c->id : 0, NULL))
        return false;
    c->sent++;
    sent_all++;
    c->inflight += qos > 0;
    return true;
}

/* ---- broker ---- */
static void drop(client *c, const char *why) {
    if (!opt.quiet)
        fprintf(stderr, "# client gone: %s\n", why);
    close(c->fd);
    c->fd = -1;
    sl_mqtt_reader_free(&c->in);
    sl_buf_free(&c->out);
    *c = (client){.fd = -1};
}
static void latency(sl_str payload, int64_t now_us) {
    const char *p = memmem(payload.p, payload.n, "\"ts\":", 5);
    if (!p)
        return;
    uint64_t v = 0;
    for (p += 5; p < payload.p + payload.n && *p >= '0' && *p <= '9'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    int64_t d = now_us - (int64_t)v;
    size_t slot = d < 0 ? 0 : d >= 200000 ? 199999 : (size_t)d;
    lat[slot]++;
    lats++;
}
static void reply(client *c, sl_mqtt_packet *p) {
    const char *bad = sl_mqtt_put(&c->out, c->in.version, p);
    if (bad) {
        fprintf(stderr, "mqttload: %s\n", bad);
        exit(1);
    }
}
static void handle(client *c, const sl_mqtt_packet *p, int64_t now) {
    sl_mqtt_packet r;
    memset(&r, 0, sizeof r);
    switch (p->type) {
    case SL_MQTT_CONNECT:
        r.type = SL_MQTT_CONNACK;
        reply(c, &r);
        c->connected = true;
        break;
    case SL_MQTT_SUBSCRIBE: {
        char codes[64];
        size_t n = 0;
        sl_mqtt_filter f;
        for (sl_str list = p->list; n < sizeof codes && sl_mqtt_filter_next(&list, true, &f);) {
            codes[n++] = (char)(f.options & 3);
            if (sl_mqtt_match(sl_mqtt_unshare(f.filter), sl_str_of(opt.topic))) {
                c->gets = true;
                c->qos = f.options & 3;
            }
        }
        r.type = SL_MQTT_SUBACK;
        r.id = p->id;
        r.list = sl_str_n(codes, n);
        reply(c, &r);
        break;
    }
    case SL_MQTT_UNSUBSCRIBE:
        c->gets = false;
        r.type = SL_MQTT_UNSUBACK;
        r.id = p->id;
        r.list = sl_str_n("\0", 1);
        reply(c, &r);
        break;
    case SL_MQTT_PINGREQ:
        r.type = SL_MQTT_PINGRESP;
        reply(c, &r);
        break;
    case SL_MQTT_PUBLISH:
        if (p->qos)
            sl_mqtt_put_ack(&c->out, c->in.version, p->qos == 1 ? SL_MQTT_PUBACK : SL_MQTT_PUBREC, p->id, 0);
        if (!returned++)
            first_back = now;
        last_back = now;
        returned_bytes += p->payload.n;
        latency(p->payload, now / 1000);
        break;
    case SL_MQTT_PUBREL: sl_mqtt_put_ack(&c->out, c->in.version, SL_MQTT_PUBCOMP, p->id, 0); break;
    case SL_MQTT_PUBACK:
    case SL_MQTT_PUBCOMP:
        c->inflight -= c->inflight > 0;
        acked++;
        break;
    case SL_MQTT_PUBREC: sl_mqtt_put_ack(&c->out, c->in.version, SL_MQTT_PUBREL, p->id, 0); break;
    default: break;
    }
}
static void read_from(client *c) {
    static char buf[1 << 18];
    for (int round = 0; round < 4; round++) {
        ssize_t n = read(c->fd, buf, sizeof buf);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            drop(c, n < 0 ? strerror(errno) : "closed");
            return;
        }
        int64_t now = now_ns();
        sl_mqtt_packet p;
        int rc;
        sl_mqtt_feed(&c->in, sl_str_n(buf, (size_t)n));
        while ((rc = sl_mqtt_next(&c->in, &p)) > 0) {
            if (p.type == SL_MQTT_DISCONNECT) {
                drop(c, "disconnected");
                return;
            }
            handle(c, &p, now);
        }
        if (rc < 0) {
            drop(c, c->in.why);
            return;
        }
        if ((size_t)n < sizeof buf)
            return;
    }
}
static void write_to(client *c) {
    while (c->out_at < c->out.n) {
        ssize_t n = write(c->fd, c->out.p + c->out_at, c->out.n - c->out_at);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                drop(c, strerror(errno));
            return;
        }
        c->out_at += (size_t)n;
    }
    c->out.n = c->out_at = 0;
}
static void accept_one(int lfd) {
    int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int i = 0; i < CLIENTS; i++)
        if (i >= nclients || clients[i].fd < 0) {
            clients[i] = (client){.fd = fd, .in = {.version = 4, .server = true}};
            if (i >= nclients)
                nclients = i + 1;
            return;
        }
    close(fd);
}
/* One turn: waits at most wait_ns, reads, writes. */
static void turn(int lfd, int64_t wait_ns) {
    struct pollfd p[CLIENTS + 1];
    int n = nclients;
    p[0] = (struct pollfd){.fd = lfd, .events = POLLIN};
    for (int i = 0; i < n; i++)
        p[i + 1] = (struct pollfd){.fd = clients[i].fd, .events = (short)(POLLIN | (clients[i].out.n > clients[i].out_at ? POLLOUT : 0))};
    struct timespec t = {wait_ns / 1000000000, wait_ns % 1000000000};
    if (ppoll(p, (nfds_t)n + 1, &t, NULL) > 0) {
        if (p[0].revents)
            accept_one(lfd);
        for (int i = 0; i < n; i++)
            if (clients[i].fd >= 0 && p[i + 1].fd == clients[i].fd && (p[i + 1].revents & (POLLIN | POLLHUP | POLLERR)))
                read_from(&clients[i]);
    }
    for (int i = 0; i < nclients; i++)
        if (clients[i].fd >= 0 && clients[i].out.n > clients[i].out_at)
            write_to(&clients[i]);
}
static double percentile(double q) {
    uint64_t want = (uint64_t)((double)lats * q), seen = 0;
    for (size_t i = 0; i < sizeof lat / sizeof *lat; i++)
        if ((seen += lat[i]) > want)
            return (double)i / 1000;
    return 200;
}
static _Noreturn void usage(void) {
    puts("usage: mqttload [options]\n"
         "  --port N      listen on 127.0.0.1:N (default 1883; 0 = a free one, printed)\n"
         "  --topic T     topic of the load (bench/in)      --size N      bytes of a row (200)\n"
         "  --count N     rows to send (1000000; 0 = only count what comes)\n"
         "  --rate N      rows a second (0 = as fast as the socket takes)\n"
         "  --qos N       QoS of the load, at most what was subscribed (0)\n"
         "  --window N    unacknowledged rows under way at QoS 1 and 2 (1000)\n"
         "  --expect N    end when so many publishes came back (default: as many as sent)\n"
         "  --clients N   connections to await before the load starts (2), a subscriber to the topic among them\n"
         "  --go          and await a line on standard input too\n"
         "  --seconds N   give up after so many (60)\n"
         "  --devices N   different devices in the rows, at most 10,000 (always the same one)\n"
         "  --pid N       process to account: CPU seconds and resident size\n"
         "  --json        one line of JSON instead of words");
    exit(2);
}
int main(int argc, char **argv) {
    static const struct option names[] = {{"port", 1, 0, 'p'},   {"topic", 1, 0, 't'},  {"count", 1, 0, 'n'},   {"rate", 1, 0, 'r'},    {"qos", 1, 0, 'q'},
                                          {"window", 1, 0, 'w'}, {"expect", 1, 0, 'e'}, {"clients", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"pid", 1, 0, 'P'},
                                          {"size", 1, 0, 'z'},   {"json", 0, 0, 'j'},   {"go", 0, 0, 'g'},      {"devices", 1, 0, 'D'}, {0}};
    bool expect_given = false;
    for (int o; (o = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (o) {
        case 'p': opt.port = atoi(optarg); break;
        case 't': opt.topic = optarg; break;
        case 'n': opt.count = strtoull(optarg, NULL, 10); break;
        case 'r': opt.rate = strtoull(optarg, NULL, 10); break;
        case 'q': opt.qos = atoi(optarg); break;
        case 'w': opt.window = atoi(optarg); break;
        case 'e': opt.expect = strtoull(optarg, NULL, 10), expect_given = true; break;
        case 'c': opt.clients = atoi(optarg); break;
        case 's': opt.seconds = atoi(optarg); break;
        case 'P': opt.pid = atoi(optarg); break;
        case 'z': opt.size = strtoull(optarg, NULL, 10); break;
        case 'g': opt.go = true; break;
        case 'D': opt.devices = atoi(optarg); break;
        case 'j': opt.json = opt.quiet = true; break;
        default: usage();
        }
    if (opt.qos < 0 || opt.qos > 2 || opt.window < 1 || opt.size < 180 || opt.size > 1 << 20 || optind != argc)
        usage();
    if (!expect_given)
        opt.expect = opt.count;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000); /* ns: rows of a fixed rate leave when due */
    make_row();
    int lfd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t alen = sizeof a;
    setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(lfd, (struct sockaddr *)&a, sizeof a) || listen(lfd, 64) || getsockname(lfd, (struct sockaddr *)&a, &alen)) {
        fprintf(stderr, "mqttload: cannot listen on port %d: %s\n", opt.port, strerror(errno));
        return 1;
    }
    fprintf(stderr, "# mqttload listens on port %d, awaits %d connection(s)\n", ntohs(a.sin_port), opt.clients);
    int64_t give_up = now_ns() + (int64_t)opt.seconds * 1000000000;
    for (;;) { /* the clients come */
        int up = 0, gets = 0;
        for (int i = 0; i < nclients; i++)
            up += clients[i].fd >= 0 && clients[i].connected, gets += clients[i].fd >= 0 && clients[i].gets;
        struct pollfd word = {.fd = 0, .events = POLLIN};
        if (up >= opt.clients && (gets || !opt.count) && (!opt.go || poll(&word, 1, 0) > 0))
            break;
        if (now_ns() > give_up) {
            fprintf(stderr, "mqttload: %d of %d clients connected, %d subscribed to %s; giving up\n", up, opt.clients, gets, opt.topic);
            return 1;
        }
        turn(lfd, 10000000);
    }
    double cpu0 = opt.pid ? cpu_of(opt.pid) : 0, own0 = own_cpu();
    int64_t start = now_ns(), quiet_since = start, all_sent = 0;
    uint64_t seen = 0;
    give_up = start + (int64_t)opt.seconds * 1000000000;
    while (returned < opt.expect || (opt.qos && acked < opt.count)) {
        int64_t now = now_ns(), wait = 20000000;
        bool stuck = false;
        uint64_t due = opt.rate ? (uint64_t)((double)(now - start) * 1e-9 * (double)opt.rate) + 1 : opt.count;
        if (due > opt.count)
            due = opt.count;
        int getters = 0;
        for (int i = 0; i < nclients; i++) {
            client *c = &clients[i];
            if (c->fd < 0 || !c->gets)
                continue;
            getters++;
            for (int k = 0; c->sent < due && !stuck; k++) {
                if (!opt.rate && k % 64 == 0)
                    now = now_ns();
                stuck = !push(c, (uint64_t)(opt.rate ? start + (int64_t)((double)c->sent * 1e9 / (double)opt.rate) : now) / 1000);
            }
            if (c->out.n > c->out_at)
                write_to(c);
            if (stuck && !opt.qos && c->out.n == c->out_at) /* there is room for more */
                wait = 0;
        }
        if (!getters && opt.count)
            break;
        bool done = sent_all >= opt.count * (uint64_t)getters;
        if (done && !all_sent)
            all_sent = now_ns();
        if (opt.rate && !done) {
            wait = start + (int64_t)((double)due * 1e9 / (double)opt.rate) - now_ns();
            wait = wait < 0 ? 0 : wait;
        }
        turn(lfd, wait);
        now = now_ns();
        if (returned + acked + sent_all != seen) {
            seen = returned + acked + sent_all;
            quiet_since = now;
        }
        if (now > give_up || (done && now - quiet_since > 3000000000))
            break;
    }
    int64_t end = returned ? last_back : all_sent ? all_sent : now_ns();
    double secs = (double)(end - start) * 1e-9, cpu = opt.pid ? cpu_of(opt.pid) - cpu0 : 0;
    uint64_t basis = sent_all ? sent_all : returned;
    bool complete = returned >= opt.expect;
    if (opt.json)
        printf("{\"sent\":%llu,\"returned\":%llu,\"complete\":%s,\"seconds\":%.3f,\"sent_per_s\":%.0f,\"returned_per_s\":%.0f,\"qos\":%d,\"rate\":%llu,\"cpu_s\":%.4f,\"cpu_s_per_"
               "M\":%.3f,"
               "\"msg_per_cpu_s\":%.0f,\"rss_kb\":%ld,\"peak_kb\":%ld,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"load_cpu_s\":%.3f}\n",
               (unsigned long long)sent_all, (unsigned long long)returned, complete ? "true" : "false", secs, (double)sent_all / secs, (double)returned / secs, opt.qos,
               (unsigned long long)opt.rate, cpu, basis ? cpu / (double)basis * 1e6 : 0, cpu > 0 ? (double)basis / cpu : 0, opt.pid ? rss_kb(opt.pid, "VmRSS:") : 0,
               opt.pid ? rss_kb(opt.pid, "VmHWM:") : 0, lats ? percentile(0.5) : 0, lats ? percentile(0.99) : 0, lats ? percentile(0.999) : 0, own_cpu() - own0);
    else {
        printf("sent %llu, returned %llu of %llu in %.3f s: %.0f sent/s, %.0f returned/s (qos %d, %s)\n", (unsigned long long)sent_all, (unsigned long long)returned,
               (unsigned long long)opt.expect, secs, (double)sent_all / secs, (double)returned / secs, opt.qos, opt.rate ? "fixed rate" : "flat out");
        if (lats)
            printf("latency p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms\n", percentile(0.5), percentile(0.99), percentile(0.999));
        if (opt.pid)
            printf("process %d: %.2f CPU-s, %.3f CPU-s per million, %.0f msg per CPU-s, resident %ld KB, peak %ld KB\n", opt.pid, cpu, basis ? cpu / (double)basis * 1e6 : 0,
                   cpu > 0 ? (double)basis / cpu : 0, rss_kb(opt.pid, "VmRSS:"), rss_kb(opt.pid, "VmHWM:"));
    }
    for (int i = 0; i < nclients; i++)
        if (clients[i].fd >= 0)
            drop(&clients[i], "end");
    free(row);
    return complete ? 0 : 1;
}
