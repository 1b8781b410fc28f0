/* The MQTT connector alone: source to sink on one loop, nothing in between. Run it against mqttload; prints nothing, ends with the broker. */
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include "conn/conn.h"
#include "conn/mqtt/client.h"

static sl_loop *loop;
static sl_source *src;
static sl_sink *sink;
static uint64_t seq, failed;
static bool paused;
static sl_buf held; /* the one message the sink did not take */
static bool has_held;

static bool offer(sl_str bytes) {
    sl_message m = {.bytes = bytes, .seq = seq};
    if (!sl_conn_mqtt.sink->put(sink, &m, 1))
        return false;
    seq++;
    return true;
}
static bool on_bytes(sl_source_out *o, const sl_packet *p) {
    if (offer(p->bytes))
        return true;
    held.n = 0;
    sl_buf_str(&held, p->bytes);
    has_held = paused = true;
    return false;
}
static void on_drained(sl_source_out *o) {
    if (sl_conn_mqtt.sink->flush)
        sl_conn_mqtt.sink->flush(sink);
}
static void on_error(sl_source_out *o, sl_str t) { fprintf(stderr, "%.*s\n", SL_FMT(t)); }
static void on_eof(sl_source_out *o) {}
static unsigned ups;
static void on_state(sl_source_out *o, sl_conn_state s, sl_str why) {
    if (s == SL_CONN_CONNECTED)
        ups++;
    else if (ups)
        sl_loop_stop(loop);
}
static void on_answer(sl_sink_host *h, uint64_t a, uint64_t b, sl_answer r, sl_str why) { failed += r != SL_DELIVERED ? b - a + 1 : 0; }
static void on_sink_state(sl_sink_host *h, sl_conn_state s, sl_str why) {}
static void on_ready(sl_sink_host *h) {
    if (has_held && offer(sl_buf_view(&held))) {
        has_held = paused = false;
        sl_conn_mqtt.source->resume(src);
    }
}
int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: bench_mqttpipe port qos [selector]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    loop = sl_loop_new("bench");
    char server[64];
    snprintf(server, sizeof server, "tcp://127.0.0.1:%s", argv[1]);
    bool shared = argc > 3;
    if (shared) {
        sl_arena *a = sl_arena_new(0);
        sl_json *o = sl_json_obj(a);
        sl_json_set(a, o, "server", sl_json_str(a, sl_str_of(server)));
        sl_err_free(sl_pool_define(SL_S("c"), SL_S("mqtt"), o));
        sl_arena_free(a);
    }
    mq_conf c = {.server = sl_str_of(server), .qos = atoi(argv[2]), .topic = SL_S("bench/out"), .selector = shared ? SL_S("c") : SL_S("")};
    sl_conn_env env = {.loop = loop, .rule_id = "bench", .op_name = "mqtt"};
    sl_source_out out = {.bytes = on_bytes, .drained = on_drained, .error = on_error, .eof = on_eof, .state = on_state};
    sl_sink_host host = {on_answer, on_sink_state, on_ready};
    sl_err *e = sl_conn_mqtt.sink->open(&c, &env, &host, &sink);
    if (!e)
        e = sl_conn_mqtt.source->open(&c, SL_S("bench/in"), &env, &out, SL_S(""), &src);
    if (e) {
        fprintf(stderr, "%s\n", sl_err_text(e));
        return 1;
    }
    sl_loop_run(loop);
    if (failed)
        fprintf(stderr, "%llu messages were not delivered\n", (unsigned long long)failed);
    sl_buf_free(&held);
    return 0; /* a bench: what is open ends with the process */
}
