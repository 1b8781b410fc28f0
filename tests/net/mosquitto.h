/* A real mosquitto for tests: started on a free port in a temporary folder, stopped at the end. */
#ifndef SL_TESTS_MOSQUITTO_H
#define SL_TESTS_MOSQUITTO_H
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
typedef struct mosquitto {
    int port;
    pid_t pid;
    char dir[64];
    char extra[1024]; /* lines of configuration */
} mosquitto;
static inline int free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || getsockname(fd, (struct sockaddr *)&a, &n))
        abort();
    close(fd);
    return ntohs(a.sin_port);
}
static inline bool port_answers(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}
static inline void mosquitto_prepare(mosquitto *m) {
    memset(m, 0, sizeof *m);
    strcpy(m->dir, "/tmp/sl_mosquitto_XXXXXX");
    if (!mkdtemp(m->dir))
        abort();
    strcpy(m->extra, "allow_anonymous true\n");
    m->port = free_port();
}
/* Starts it (again, on the same port) and waits until it answers. */
static inline void mosquitto_start(mosquitto *m) {
    char conf[128];
    snprintf(conf, sizeof conf, "%s/m.conf", m->dir);
    FILE *f = fopen(conf, "w");
    if (!f)
        abort();
    fprintf(f, "listener %d 127.0.0.1\nuser root\npersistence_location %s/\nlog_dest none\nmax_queued_messages 100000\n%s", m->port, m->dir, m->extra);
    fclose(f);
    m->pid = fork();
    if (m->pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000; i++) {
        if (port_answers(m->port))
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fprintf(stderr, "mosquitto does not start\n");
    abort();
}
static inline void mosquitto_kill(mosquitto *m, int signal) {
    if (m->pid > 0) {
        kill(m->pid, signal);
        waitpid(m->pid, NULL, 0);
    }
    m->pid = 0;
}
static inline void mosquitto_stop(mosquitto *m) { mosquitto_kill(m, SIGTERM); }
static inline void mosquitto_end(mosquitto *m) {
    mosquitto_stop(m);
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf %s", m->dir);
    if (system(cmd))
        abort();
}
#endif
