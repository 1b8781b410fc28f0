/* Latency through a real broker. `mqttlat probe` publishes rows at a fixed rate on one connection and times them when they come back on
 * another; `mqttlat relay` is the plainest program that can stand where the engine stands: subscribe, publish the same bytes on. Probe alone
 * is one pass of the broker, probe and relay are two: what a rule adds is measured against that. `mqttlat floor` only waits and reads: what a
 * message costs that does nothing at all. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "net/mqtt.h"

typedef struct peer {
    int fd;
    sl_mqtt_reader in;
    sl_buf out;
    bool up;
} peer;
static int qos;
static const char *to_topic, *from_topic;
static uint32_t lat[200000]; /* steps of 1 us */
static uint64_t returned;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static _Noreturn void die(const char *what) {
    fprintf(stderr, "mqttlat: %s: %s\n", what, strerror(errno));
    exit(1);
}
static void flush(peer *p) {
    for (size_t at = 0; at < p->out.n;) { /* small writes to a socket with room: blocking is no loss here */
        ssize_t n = write(p->fd, p->out.p + at, p->out.n - at);
        if (n <= 0)
            die("write");
        at += (size_t)n;
    }
    p->out.n = 0;
}
static void arrived(peer *p, const sl_mqtt_packet *m, peer *out) {
    if (m->qos)
        sl_mqtt_put_ack(&p->out, 4, SL_MQTT_PUBACK, m->id, 0);
    if (out) { /* relay */
        static uint16_t id;
        if (++id == 0)
            id = 1;
        if (sl_mqtt_put_publish(&out->out, 4, sl_str_of(to_topic), m->payload, (uint8_t)qos, false, false, qos ? id : 0, NULL))
            die("publish");
        return;
    }
    int64_t sent = 0;
    const char *q = memmem(m->payload.p, m->payload.n, "\"ts\":", 5);
    for (q = q ? q + 5 : m->payload.p + m->payload.n; q < m->payload.p + m->payload.n && *q >= '0' && *q <= '9'; q++)
        sent = sent * 10 + (*q - '0');
    if (!sent)
        return;
    int64_t us = now_ns() / 1000 - sent;
    lat[us < 0 ? 0 : us >= 200000 ? 199999 : us]++;
    returned++;
}
static void take(peer *p, peer *relay_to) {
    static char buf[1 << 16];
    ssize_t n = read(p->fd, buf, sizeof buf);
    if (n <= 0)
        die("the broker ended the connection");
    sl_mqtt_packet m;
    int rc;
    for (sl_mqtt_feed(&p->in, sl_str_n(buf, (size_t)n)); (rc = sl_mqtt_next(&p->in, &m)) > 0;)
        if (m.type == SL_MQTT_PUBLISH)
            arrived(p, &m, relay_to);
        else if (m.type == SL_MQTT_CONNACK || m.type == SL_MQTT_SUBACK)
            p->up = true;
    if (rc < 0)
        die(p->in.why);
    flush(p);
}
static void await(peer *p) {
    for (p->up = false; !p->up;)
        take(p, NULL);
}
static peer connect_to(int port, const char *id) {
    peer p = {.in = {.version = 4}};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    char name[64];
    p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(p.fd, (struct sockaddr *)&a, sizeof a))
        die("connect");
    setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    snprintf(name, sizeof name, "mqttlat-%s-%d", id, (int)getpid());
    sl_mqtt_packet c;
    memset(&c, 0, sizeof c);
    c.type = SL_MQTT_CONNECT;
    c.version = 4;
    c.client_id = sl_str_of(name);
    c.clean = true;
    const char *bad = sl_mqtt_put(&p.out, 4, &c);
    if (bad)
        die(bad);
    flush(&p);
    await(&p);
    return p;
}
static void subscribe(peer *p, const char *topic) {
    sl_mqtt_filter f = {sl_str_of(topic), (uint8_t)qos};
    sl_mqtt_packet s;
    memset(&s, 0, sizeof s);
    s.type = SL_MQTT_SUBSCRIBE;
    s.id = 1;
    s.filters = &f;
    s.nfilters = 1;
    const char *bad = sl_mqtt_put(&p->out, 4, &s);
    if (bad)
        die(bad);
    flush(p);
    await(p);
}
static double percentile(double q) {
    uint64_t want = (uint64_t)((double)returned * q), seen = 0;
    for (size_t i = 0; i < sizeof lat / sizeof *lat; i++)
        if ((seen += lat[i]) > want)
            return (double)i;
    return 200000;
}
static _Noreturn void wait_and_read(int fd) {
    static char buf[1 << 16];
    struct epoll_event e = {.events = EPOLLIN};
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e))
        die("epoll");
    while (epoll_wait(poller, &e, 1, -1) >= 0)
        if (read(fd, buf, sizeof buf) <= 0)
            die("the broker ended the connection");
    die("epoll");
}
int main(int argc, char **argv) {
    if (argc != 8 || (strcmp(argv[1], "probe") && strcmp(argv[1], "relay") && strcmp(argv[1], "floor"))) {
        puts("usage: mqttlat probe|relay|floor PORT QOS PUBLISH-TOPIC SUBSCRIBE-TOPIC RATE COUNT\n"
             "  probe prints percentiles of latency in us as JSON; relay and floor run until they are killed (RATE and COUNT do not matter)");
        return 2;
    }
    bool relay = strcmp(argv[1], "relay") == 0;
    int port = atoi(argv[2]);
    qos = atoi(argv[3]) ? 1 : 0;
    to_topic = argv[4];
    from_topic = argv[5];
    double rate = atof(argv[6]);
    uint64_t count = strtoull(argv[7], NULL, 10), sent = 0;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
    peer in = connect_to(port, "in");
    if (strcmp(argv[1], "floor") == 0) {
        subscribe(&in, from_topic);
        wait_and_read(in.fd);
    }
    peer out = connect_to(port, "out");
    subscribe(&in, from_topic);
    fprintf(stderr, "# ready\n");
    int64_t start = now_ns();
    char row[256], pad[128];
    memset(pad, 'x', sizeof pad);
    while (relay || (returned < count && now_ns() < start + (int64_t)((double)count / rate * 1e9) + 2000000000)) {
        int64_t now = now_ns(), due = start + (int64_t)((double)sent * 1e9 / rate), wait = 100000000;
        if (!relay && sent < count) {
            if (now >= due) {
                int n = snprintf(row, sizeof row,
                                 "{\"ts\":%lld,\"id\":%llu,\"device\":\"device-0042\",\"temperature\":21.53,\"humidity\":45.1,\"pressure\":1013.25,\"ok\":true,"
                                 "\"count\":7,\"name\":\"hall 7\",\"note\":\"%.24s\"}",
                                 (long long)now / 1000, 1000000000ull + sent, pad);
                uint16_t id = (uint16_t)(sent % 65535 + 1);
                if (sl_mqtt_put_publish(&out.out, 4, sl_str_of(to_topic), sl_str_n(row, (size_t)n), (uint8_t)qos, false, false, qos ? id : 0, NULL))
                    die("publish");
                flush(&out);
                sent++;
                continue;
            }
            wait = due - now;
        }
        struct pollfd p[2] = {{in.fd, POLLIN, 0}, {out.fd, POLLIN, 0}};
        struct timespec t = {wait / 1000000000, wait % 1000000000};
        if (ppoll(p, 2, &t, NULL) <= 0)
            continue;
        if (p[0].revents)
            take(&in, relay ? &out : NULL);
        if (p[1].revents)
            take(&out, NULL);
        if (relay)
            flush(&out);
    }
    printf("{\"sent\":%llu,\"returned\":%llu,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f}\n", (unsigned long long)sent, (unsigned long long)returned, percentile(0.5),
           percentile(0.99), percentile(0.999));
    return returned == count ? 0 : 1;
}
