/* How many PUBLISH packets a CPU second can be framed and decoded (and encoded), without any socket. Prints its own context. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "net/mqtt.h"
static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
int main(int argc, char **argv) {
    size_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    char payload[200];
    memset(payload, 'x', sizeof payload);
    printf("# MQTT framing: PUBLISH, topic of 16 bytes, payload of 200 bytes, input in pieces of 64 KiB cut anywhere\n");
    for (int version = 4; version <= 5; version++)
        for (uint8_t qos = 0; qos < 2; qos++) {
            sl_buf b = {0};
            const size_t count = 20000;
            double t0 = cpu();
            for (size_t round = 0; round < total / count; round++) {
                b.n = 0;
                for (size_t i = 0; i < count; i++)
                    sl_mqtt_put_publish(&b, version, SL_S("devices/12345/up"), sl_str_n(payload, sizeof payload), qos, false, false, (uint16_t)(i % 65535 + 1), NULL);
            }
            double enc = cpu() - t0;
            sl_mqtt_reader r = {.version = version};
            sl_mqtt_packet p;
            size_t seen = 0, bytes = 0;
            t0 = cpu();
            for (size_t round = 0; round < total / count; round++)
                for (size_t at = 0; at < b.n; at += 65536) {
                    sl_mqtt_feed(&r, sl_str_n(b.p + at, b.n - at < 65536 ? b.n - at : 65536));
                    while (sl_mqtt_next(&r, &p) > 0) {
                        seen++;
                        bytes += p.payload.n;
                    }
                }
            double dec = cpu() - t0;
            if (bytes != seen * sizeof payload || seen != total / count * count)
                return 1;
            printf("v%d qos %d: decode %.1f M msg/CPU-s, encode %.1f M msg/CPU-s\n", version, qos, (double)seen / dec / 1e6, (double)seen / enc / 1e6);
            sl_mqtt_reader_free(&r);
            sl_buf_free(&b);
        }
    return 0;
}
