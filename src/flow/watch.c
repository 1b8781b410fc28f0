/* Watching: somebody looks at what a running rule emits, as an event stream on the data server.
 *
 * Decision: it is no sink. It holds no ticket, has no queue and no meter; what the watcher does not take at once is gone. So nobody who
 * watches can slow a rule down or keep a broker waiting. It ends by itself unless it is asked for again. */
#include <stdlib.h>
#include "codec/codec.h"
#include "flow/flow_int.h"

struct flow_watch {
    sl_sink_host host; /* first: the connector holds a pointer to it */
    sl_arena *arena, *tmp;
    const sl_conn_def *def;
    void *conf;
    sl_conn_env env;
    sl_sink *sink;
    sl_encoder *enc;
    sl_buf text;
    uint64_t seq;
    sl_fn done;
    void *done_arg;
};
static void answer(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {}
static void state(sl_sink_host *h, sl_conn_state s, sl_str why) {}
static void ready(sl_sink_host *h) {}
static void watch_free(flow_watch *t) {
    if (t->enc)
        sl_codec_json.enc_free(t->enc);
    sl_buf_free(&t->text);
    sl_arena_free(t->tmp);
    sl_arena_free(t->arena);
    free(t);
}
static sl_err *watch_make(sl_flow *f, const char *path, flow_watch *t) {
    t->arena = sl_arena_new(0);
    t->tmp = sl_arena_new(0);
    t->def = sl_conn_find(SL_S("sse"));
    if (!t->arena || !t->tmp)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (!t->def)
        return sl_err_new(SL_E_UNSUPPORTED, "this build has no event streams (connector sse)");
    sl_json *props = sl_json_obj(t->arena);
    sl_json_set(t->arena, props, "endpoint", sl_json_str(t->arena, sl_str_of(path)));
    t->conf = sl_arena_zero(t->arena, t->def->conf_size);
    SL_TRY(sl_spec_load(t->def->props, SL_P_SINK, props, t->arena, t->conf, NULL));
    SL_TRY(sl_codec_json.enc_new(&(sl_codec_conf){0}, &t->enc));
    t->host = (sl_sink_host){answer, state, ready};
    t->env = (sl_conn_env){.loop = f->lane->loop, .home = f->spec->home, .rule_id = sl_arena_dup(t->arena, f->spec->rule_id).p, .op_name = "watch", .http = f->spec->http};
    return t->def->sink->open(t->conf, &t->env, &t->host, &t->sink);
}
sl_err *watch_open(sl_flow *f, const char *path, flow_watch **out) {
    flow_watch *t = calloc(1, sizeof *t);
    sl_err *e = t ? watch_make(f, path, t) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (e && t)
        watch_free(t);
    *out = e ? NULL : t;
    return e;
}
static void send(flow_watch *t) {
    if (t->text.n && !t->text.failed)
        t->def->sink->put(t->sink, &(sl_message){.bytes = sl_buf_view(&t->text), .seq = t->seq++}, 1);
    sl_buf_clear(&t->text);
}
void watch_take(flow_watch *t, const sl_batch *b) {
    uint32_t nf = b->frames ? b->nframes : b->nrows;
    sl_str why;
    sl_arena_reset(t->tmp);
    for (uint32_t i = 0; i < nf; i++) {
        sl_frame one = {.kind = SL_FRAME_ROW, .first = i, .count = 1};
        const sl_frame *f = b->frames ? &b->frames[i] : &one;
        if (f->kind == SL_FRAME_ERROR) {
            sl_buf_puts(&t->text, "{\"error\":");
            sl_json_put_str(&t->text, f->error);
            sl_buf_putc(&t->text, '}');
            send(t);
        }
        for (uint32_t r = f->first; f->kind != SL_FRAME_ERROR && r < f->first + f->count; r++) {
            if (sl_codec_json.encode_row(t->enc, t->tmp, b, r, &t->text, &why))
                send(t);
            else
                sl_buf_clear(&t->text);
        }
    }
    if (t->def->sink->flush)
        t->def->sink->flush(t->sink);
}
static void closed(void *arg) {
    flow_watch *t = arg;
    sl_fn done = t->done;
    void *done_arg = t->done_arg;
    watch_free(t);
    if (done)
        done(done_arg);
}
void watch_close(flow_watch *t, sl_fn done, void *arg) {
    t->done = done;
    t->done_arg = arg;
    t->def->sink->close(t->sink, closed, t);
}
