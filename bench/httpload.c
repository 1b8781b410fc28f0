/* Load for benchmarks: POSTs one row of JSON again and again over some kept connections, as fast as answers come or at a fixed rate, and
 * prints what was answered and what the process under test spent. Answers are told apart by their status line and Content-Length alone. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 64 };
typedef struct client {
    int fd;
    char in[4096];
    size_t n;
    bool busy;
} client;
static uint64_t ok, refused;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static double cpu_of(int pid) {
    char path[64];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char file[400];
        unsigned long long ns = 0;
        snprintf(file, sizeof file, "%s/%.255s/schedstat", path, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += (double)ns * 1e-9;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}
static _Noreturn void die(const char *what) {
    fprintf(stderr, "httpload: %s: %s\n", what, strerror(errno));
    exit(1);
}
static void take(client *c) {
    ssize_t got = read(c->fd, c->in + c->n, sizeof c->in - 1 - c->n);
    if (got <= 0)
        die("the server ended the connection");
    c->n += (size_t)got;
    c->in[c->n] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return;
    char *len = strcasestr(c->in, "content-length:");
    size_t whole = (size_t)(end + 4 - c->in) + (len && len < end ? strtoul(len + 15, NULL, 10) : 0);
    if (c->n < whole)
        return;
    int code = atoi(c->in + 9);
    if (code >= 200 && code < 300)
        ok++;
    else
        refused++;
    c->n = 0; /* one request at a time: nothing follows */
    c->busy = false;
}
int main(int argc, char **argv) {
    if (argc != 7) {
        puts("usage: httpload PORT PATH COUNT RATE CONNECTIONS PID   (RATE 0: as fast as answers come)");
        return 2;
    }
    int port = atoi(argv[1]), n = atoi(argv[5]), pid = atoi(argv[6]);
    uint64_t count = strtoull(argv[3], NULL, 10), sent = 0;
    double rate = atof(argv[4]);
    if (n < 1 || n > CLIENTS)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
    static client clients[CLIENTS];
    struct pollfd p[CLIENTS];
    char req[1024], body[256];
    int body_n = snprintf(body, sizeof body,
                          "{\"ts\":1700000000000,\"id\":1000000000,\"device\":\"device-0042\",\"temperature\":21.53,\"humidity\":45.1,\"pressure\":1013.25,"
                          "\"ok\":true,\"count\":7,\"name\":\"hall 7\",\"note\":\"%.40s\"}",
                          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    int req_n = snprintf(req, sizeof req, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", argv[2], body_n, body);
    for (int i = 0; i < n; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int on = 1;
        clients[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(clients[i].fd, (struct sockaddr *)&a, sizeof a))
            die("connect");
        setsockopt(clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        p[i] = (struct pollfd){clients[i].fd, POLLIN, 0};
    }
    double cpu = cpu_of(pid);
    int64_t start = now_ns();
    while (ok + refused < count && now_ns() < start + 60000000000ll) {
        int64_t wait = 100000000;
        for (int i = 0; i < n && sent < count; i++) {
            if (clients[i].busy)
                continue;
            if (rate > 0) {
                int64_t due = start + (int64_t)((double)sent * 1e9 / rate), now = now_ns();
                if (now < due) {
                    wait = due - now;
                    break;
                }
            }
            if (write(clients[i].fd, req, (size_t)req_n) != req_n)
                die("write");
            clients[i].busy = true;
            sent++;
        }
        struct timespec t = {wait / 1000000000, wait % 1000000000};
        if (ppoll(p, (nfds_t)n, &t, NULL) > 0)
            for (int i = 0; i < n; i++)
                if (p[i].revents)
                    take(&clients[i]);
    }
    double secs = (double)(now_ns() - start) * 1e-9;
    cpu = cpu_of(pid) - cpu;
    printf("{\"sent\":%llu,\"ok\":%llu,\"refused\":%llu,\"seconds\":%.3f,\"per_s\":%.0f,\"cpu_s\":%.4f,\"cpu_s_per_M\":%.3f}\n", (unsigned long long)sent, (unsigned long long)ok,
           (unsigned long long)refused, secs, (double)ok / secs, cpu, ok ? cpu / (double)ok * 1e6 : 0);
    return ok == count ? 0 : 1;
}
