/* The test door's routes. Decision: a whole scenario is one call (/$test/play), played on the lane of the rule between two turns of its
 * loop, so that nothing depends on how fast the test is. Values travel in the notation of tests/conformance/README.md. */
#include <stdlib.h>
#include "base/num.h"
#include "conn/feed.h"
#include "front/testdoor.h"
#include "sql/func.h"

#define OFFICE(app) (((sl_door *)(app))->office)

/* ---- notation ---- */
static int b64(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}
static sl_str base64_get(sl_arena *a, sl_str s) {
    char *p = sl_arena_alloc(a, s.n + 4);
    size_t n = 0;
    uint32_t w = 0;
    int bits = 0;
    for (size_t i = 0; i < s.n; i++) {
        int v = b64(s.p[i]);
        if (v < 0)
            continue;
        w = w << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            p[n++] = (char)(w >> bits);
        }
    }
    return (sl_str){p, n};
}
static void base64_put(sl_buf *b, sl_str s) {
    static const char t[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t w = (uint32_t)(unsigned char)s.p[i] << 16;
        if (i + 1 < s.n)
            w |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
        if (i + 2 < s.n)
            w |= (unsigned char)s.p[i + 2];
        sl_buf_putc(b, t[w >> 18 & 63]);
        sl_buf_putc(b, t[w >> 12 & 63]);
        sl_buf_putc(b, i + 1 < s.n ? t[w >> 6 & 63] : '=');
        sl_buf_putc(b, i + 2 < s.n ? t[w & 63] : '=');
    }
}
static sl_value typed(sl_arena *a, const sl_json *j) {
    sl_str type = sl_json_text(sl_json_get(j, "$type"), (sl_str){0});
    const sl_json *v = sl_json_get(j, "value");
    if (sl_str_is(type, "float")) {
        if (v && v->kind == SL_J_NUM)
            return sl_v_float(v->num);
        sl_str t = sl_json_text(v, (sl_str){0});
        if (sl_str_is(t, "NaN"))
            return sl_v_float(__builtin_nan(""));
        if (sl_str_is(t, "Infinity"))
            return sl_v_float(__builtin_inf());
        return sl_v_float(sl_str_is(t, "-Infinity") ? -__builtin_inf() : -0.0);
    }
    if (sl_str_is(type, "int")) {
        int64_t i = 0;
        sl_num_parse_i64(v && v->kind == SL_J_STR ? v->s : v ? v->s : (sl_str){0}, &i);
        return sl_v_int(i);
    }
    if (sl_str_is(type, "bytes"))
        return sl_v_bytes(base64_get(a, sl_json_text(sl_json_get(j, "base64"), (sl_str){0})));
    if (sl_str_is(type, "datetime")) {
        const sl_json *ms = sl_json_get(j, "ms");
        int64_t m = ms ? (int64_t)ms->num : 0, sec = m / 1000 - (m % 1000 < 0);
        sl_zone z = SL_ZONE_UTC;
        sl_zone_find(sl_json_text(sl_json_get(j, "tz"), SL_S("UTC")), &z);
        return sl_v_time(sec, (uint32_t)((m - sec * 1000) * 1000000), z);
    }
    if (sl_str_is(type, "duration")) {
        const sl_json *ns = sl_json_get(j, "ns");
        return sl_v_dur(ns ? (int64_t)ns->num : 0);
    }
    return sl_v_null();
}
static sl_value value_of(sl_arena *a, const sl_json *j) {
    if (!j)
        return sl_v_absent();
    switch (j->kind) {
    case SL_J_NULL: return sl_v_null();
    case SL_J_BOOL: return sl_v_bool(j->b);
    case SL_J_STR: return sl_v_str(sl_arena_dup(a, j->s));
    case SL_J_NUM: {
        int64_t i;
        bool whole = true;
        for (size_t k = 0; k < j->s.n; k++)
            whole &= j->s.p[k] == '-' || (j->s.p[k] >= '0' && j->s.p[k] <= '9');
        return whole && sl_num_parse_i64(j->s, &i) ? sl_v_int(i) : sl_v_float(j->num);
    }
    case SL_J_ARR: {
        sl_value *l = sl_arena_alloc(a, (j->n + 1) * sizeof *l);
        uint32_t n = 0;
        for (const sl_json *c = j->child; c && l; c = c->next)
            l[n++] = value_of(a, c);
        return sl_v_list(l, n);
    }
    default: {
        if (sl_json_get(j, "$type"))
            return typed(a, j);
        sl_member *m = sl_arena_alloc(a, (j->n + 1) * sizeof *m);
        uint32_t n = 0;
        for (const sl_json *c = j->child; c && m; c = c->next)
            m[n++] = (sl_member){sl_arena_dup(a, c->key), value_of(a, c)};
        return sl_v_map(m, n);
    }
    }
}
static void put_value(sl_buf *b, sl_arena *a, sl_value v) {
    char num[SL_NUM_MAX];
    v = sl_value_open(a, v);
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: sl_buf_puts(b, "null"); break;
    case SL_BOOL: sl_buf_puts(b, v.i ? "true" : "false"); break;
    case SL_INT:
    case SL_UINT: sl_buf_printf(b, "{\"$type\":\"int\",\"value\":\"%lld\"}", (long long)v.i); break;
    case SL_FLOAT: {
        double d = sl_f64(v);
        if (d != d)
            sl_buf_puts(b, "{\"$type\":\"float\",\"value\":\"NaN\"}");
        else if (d - d != 0)
            sl_buf_printf(b, "{\"$type\":\"float\",\"value\":\"%sInfinity\"}", d < 0 ? "-" : "");
        else if (d == 0 && __builtin_signbit(d))
            sl_buf_puts(b, "{\"$type\":\"float\",\"value\":\"-0\"}");
        else
            sl_buf_printf(b, "{\"$type\":\"float\",\"value\":%.*s}", (int)sl_num_json(num, d), num);
        break;
    }
    case SL_STRING: sl_json_put_str(b, sl_v_text(v)); break;
    case SL_BYTES:
        sl_buf_puts(b, "{\"$type\":\"bytes\",\"base64\":\"");
        base64_put(b, sl_v_text(v));
        sl_buf_puts(b, "\"}");
        break;
    case SL_TIME: sl_buf_printf(b, "{\"$type\":\"datetime\",\"ms\":%lld,\"tz\":\"%s\"}", (long long)(v.i * 1000 + v.len / 1000000), sl_zone_name(v.aux)); break;
    case SL_DURATION: sl_buf_printf(b, "{\"$type\":\"duration\",\"ns\":%lld}", (long long)v.i); break;
    case SL_LIST:
        if (v.flags & SL_F_NILLIST) { /* the two recorders of the vectors write it differently: the reader decides */
            sl_buf_puts(b, "{\"$type\":\"nil list\"}");
            break;
        }
        sl_buf_putc(b, '[');
        for (uint32_t i = 0; i < v.len; i++) {
            if (i)
                sl_buf_putc(b, ',');
            put_value(b, a, v.list[i]);
        }
        sl_buf_putc(b, ']');
        break;
    case SL_MAP:
        if (v.flags & SL_F_NILLIST) {
            sl_buf_puts(b, "{\"$type\":\"nil map\"}");
            break;
        }
        sl_buf_putc(b, '{');
        for (uint32_t i = 0; i < v.len; i++) {
            if (i)
                sl_buf_putc(b, ',');
            sl_json_put_str(b, v.map[i].key);
            sl_buf_putc(b, ':');
            put_value(b, a, v.map[i].val);
        }
        sl_buf_putc(b, '}');
        break;
    default: sl_buf_puts(b, "null");
    }
}

/* ---- playing ---- */
typedef struct play {
    const sl_json *next; /* input */
    bool began;
    sl_door *door;
    sl_http_req *r;
    sl_loop *lane, *office;
    sl_arena *a;
    sl_json *j;
    char *rule;
    sl_buf out;
} play;
static void play_answer(void *arg) { /* @on office */
    play *p = arg;
    sl_rest_ok_json(p->r, sl_buf_view(&p->out));
    sl_buf_free(&p->out);
    sl_arena_free(p->a);
    free(p->rule);
    free(p);
}
/* A row as a sink of JSON would write it. */
static void put_plain(sl_buf *b, sl_arena *a, sl_value v) {
    sl_str why = {0};
    size_t from = b->n;
    if (sl_json_put(b, v, &why))
        return;
    b->n = from;
    sl_buf_puts(b, "{\"error\":");
    sl_json_put_str(b, why);
    sl_buf_putc(b, '}');
}
static void put_collected(play *p) {
    bool plain = sl_json_true(sl_json_get(p->j, "plain"), false);
    collected *c = sl_collected_take(sl_str_of(p->rule));
    sl_buf_putc(&p->out, '[');
    for (collected *k = c; k; k = k->next) {
        sl_buf_printf(&p->out, "%s{\"at\":%lld,", k == c ? "" : ",", (long long)k->at_ms);
        if (k->batch) {
            sl_buf_puts(&p->out, k->is_error ? "\"is_error\":true,\"rows\":[" : "\"rows\":[");
            for (uint32_t i = 0; i < k->count; i++) {
                if (i)
                    sl_buf_putc(&p->out, ',');
                (plain ? put_plain : put_value)(&p->out, p->a, sl_batch_row(k->batch, k->first + i, p->a));
            }
            sl_buf_puts(&p->out, "]}");
        } else {
            sl_buf_puts(&p->out, k->is_error ? "\"is_error\":true," : "");
            if (plain) {
                sl_buf_puts(&p->out, "\"text\":");
                sl_json_put_str(&p->out, (sl_str){k->bytes, k->nbytes});
            } else {
                sl_buf_puts(&p->out, "\"base64\":\"");
                base64_put(&p->out, (sl_str){k->bytes, k->nbytes});
                sl_buf_putc(&p->out, '"');
            }
            if (k->props)
                sl_buf_printf(&p->out, ",\"props\":%s", k->props);
            sl_buf_putc(&p->out, '}');
        }
    }
    sl_buf_putc(&p->out, ']');
    sl_collected_free(c);
}
static void play_lane(void *arg) { /* @on the rule's lane, once for every row that goes to a lookup table */
    play *p = arg;
    int64_t start = 0, at = 0;
    sl_json_i64(sl_json_get(p->j, "start"), &start);
    if (!p->began) {
        const sl_json *in = sl_json_get(p->j, "input");
        p->next = in ? in->child : NULL;
        p->began = true;
    }
    while (p->next) {
        const sl_json *x = p->next;
        p->next = x->next;
        at = 0;
        sl_json_i64(sl_json_get(x, "at"), &at);
        sl_clock_move(p->lane, start + at);
        sl_str topic = sl_json_text(sl_json_get(x, "stream"), (sl_str){0});
        sl_value meta = value_of(p->a, sl_json_get(x, "meta"));
        const sl_json *row = sl_json_get(x, "row"), *b64text = sl_json_get(x, "payload_base64");
        bool fed = row
            ? sl_feed_row(topic, value_of(p->a, row), meta) || sl_feed_bytes(topic, row->raw, meta.map, meta.kind == SL_MAP ? meta.len : 0) ||
                sl_feed_table(topic, value_of(p->a, row))
            : sl_feed_bytes(topic, b64text ? base64_get(p->a, b64text->s) : sl_json_text(sl_json_get(x, "payload"), (sl_str){"", 0}), meta.map, meta.kind == SL_MAP ? meta.len : 0);
        if (!fed && row && sl_memory_say(topic, value_of(p->a, row), sl_json_text(sl_json_get(x, "rowkind"), SL_S("")), sl_json_text(sl_json_get(x, "key"), SL_S("")))) {
            sl_post(p->lane, play_lane, p); /* the table hears of it by letter: go on behind that */
            return;
        }
    }
    if (sl_json_i64(sl_json_get(p->j, "until"), &at))
        sl_clock_move(p->lane, start + at);
    put_collected(p);
    sl_post(p->office, play_answer, p);
}
static void do_play(void *app, sl_http_req *r, const sl_str *v) {
    play *p = calloc(1, sizeof *p);
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = p && a ? sl_json_parse(a, sl_arena_dup(a, r->body), &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_str rule = e ? (sl_str){0} : sl_json_text(sl_json_get(j, "rule"), (sl_str){"", 0});
    sl_loop *lane = e ? NULL : sl_office_rule_loop(OFFICE(app), rule);
    if (!e && !lane)
        e = sl_err_new(SL_E_NOTFOUND, "rule %.*s does not run", SL_FMT(rule));
    if (e) {
        free(p);
        sl_arena_free(a);
        sl_rest_fail(r, e, NULL);
        return;
    }
    *p = (play){.door = app, .r = r, .lane = lane, .office = sl_office_loop(OFFICE(app)), .a = a, .j = j, .rule = sl_strdup_n(rule.p, rule.n)};
    sl_post(lane, play_lane, p);
}
static void do_clock(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    int64_t ms = 0;
    sl_err *e = a ? sl_json_parse(a, r->body, &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    bool move = !e && sl_json_get(j, "move");
    if (!e && !sl_json_i64(sl_json_get(j, move ? "move" : "hold"), &ms))
        e = sl_err_new(SL_E_UNDEFINED, "%s: expected a time in ms since 1970", move ? "move" : "hold");
    sl_arena_free(a);
    if (e) {
        sl_rest_fail(r, e, NULL);
        return;
    }
    if (move) /* of the office: schedules */
        sl_clock_move(sl_office_loop(OFFICE(app)), ms);
    else
        sl_clock_hold(ms);
    sl_rest_ok_text(r, move ? SL_S("moved") : SL_S("held"));
}

/* ---- language ---- */
static void do_parse(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_stmt st;
    sl_err *e = a ? sl_parse(a, r->body, &st, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_buf b = {0};
    if (e) {
        sl_buf_puts(&b, "{\"error\":");
        sl_json_put_str(&b, sl_str_of(sl_err_text(e)));
        sl_buf_putc(&b, '}');
        sl_err_free(e);
    } else
        sl_buf_puts(&b, "{\"valid\":true}");
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
    sl_arena_free(a);
}
static bool keyed(void *arg, sl_arena *a, sl_str key, sl_value *out) { /* the store is the object that came with the call */
    for (const sl_json *x = ((const sl_json *)arg)->child; x; x = x->next)
        if (sl_str_eq(x->key, key)) {
            *out = value_of(a, x);
            return true;
        }
    return false;
}
static void put_result(sl_buf *b, sl_arena *a, sl_call *c, sl_value out) {
    if (out.kind == SL_ERROR || c->failed) {
        sl_buf_puts(b, "{\"error\":");
        sl_json_put_str(b, c->failed ? c->error : sl_v_text(out));
    } else {
        sl_buf_puts(b, "{\"expect\":");
        put_value(b, a, out);
    }
    sl_buf_putc(b, '}');
}
/* One evaluation of a function with memory. */
static sl_value one_step(sl_call *c, sl_arena *a, sl_keeps *mem, const sl_json *x) {
    sl_value args = value_of(a, sl_json_get(x, "args")), names = value_of(a, sl_json_get(x, "names")), out;
    sl_str *n = SL_NEW_N(a, sl_str, names.kind == SL_LIST ? names.len + 1 : 1);
    for (uint32_t i = 0; n && names.kind == SL_LIST && i < names.len; i++)
        n[i] = sl_v_text(names.list[i]);
    c->names = n;
    c->failed = false;
    sl_json_i64(sl_json_get(x, "now_ms"), &c->row_ms);
    if (!c->func->kept)
        return sl_func_call(c, c->func, args.list, args.len);
    if (sl_func_gate(c->func, args.list, args.len, &out))
        return out;
    sl_str part = sl_json_text(sl_json_get(x, "partition"), SL_S(""));
    bool valid = sl_json_true(sl_json_get(x, "when"), true) && sl_json_true(sl_json_get(x, "update"), true);
    return sl_value_copy(a, c->func->kept(c, sl_keeps_at(mem, part), args.list, args.len, valid)); /* the next step changes the memory */
}
static void do_call(void *app, sl_http_req *r, const sl_str *v) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, sl_arena_dup(a, r->body), &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    sl_str name = e ? (sl_str){0} : sl_json_text(sl_json_get(j, "fn"), (sl_str){"", 0});
    const sl_func *f = e ? NULL : sl_func_find(name);
    const sl_json *steps = e ? NULL : sl_json_get(j, "steps");
    if (!e && (!f || (!f->eval && !(steps && f->kept))))
        e = sl_err_new(SL_E_NOTFOUND, "function %.*s cannot be called alone", SL_FMT(name));
    if (e) {
        sl_rest_fail(r, e, NULL);
        sl_arena_free(a);
        return;
    }
    sl_value args = value_of(a, sl_json_get(j, "args"));
    if (sl_json_true(sl_json_get(j, "goint"), false)) /* whole numbers as length() or cast() return them */
        for (uint32_t i = 0; i < args.len; i++)
            if (args.list[i].kind == SL_INT)
                ((sl_value *)(uintptr_t)args.list)[i].flags |= SL_F_GOINT;
    const sl_json *env = sl_json_get(j, "env");
    sl_zone z = SL_ZONE_UTC;
    sl_zone_find(sl_json_text(sl_json_get(env, "tz"), SL_S("UTC")), &z);
    int64_t now = sl_wall_ns() / 1000000, rs = 0;
    sl_json_i64(sl_json_get(env, "now_ms"), &now);
    sl_json_i64(sl_json_get(env, "rule_start"), &rs);
    void *state = NULL;
    const sl_json *store = sl_json_get(env, "keyed_state");
    struct sl_env outside = {(void *)(uintptr_t)store, keyed};
    sl_call c = {.env = store ? &outside : NULL,
                 .arena = a,
                 .func = f,
                 .now_ms = now,
                 .row_ms = now,
                 .zone = z,
                 .rule_id = sl_json_text(sl_json_get(env, "rule_id"), (sl_str){"", 0}),
                 .rule_start_ms = rs,
                 .state = &state};
    sl_buf b = {0};
    if (steps) {
        sl_keeps *mem = sl_keeps_new();
        sl_buf_putc(&b, '[');
        for (const sl_json *x = steps->child; x && mem; x = x->next) {
            sl_buf_puts(&b, x == steps->child ? "" : ",");
            put_result(&b, a, &c, one_step(&c, a, mem, x));
        }
        sl_buf_putc(&b, ']');
        sl_keeps_free(mem);
    } else
        put_result(&b, a, &c, sl_func_call(&c, f, args.list, args.len));
    if (f->state_free && state)
        f->state_free(state);
    sl_rest_ok_json(r, sl_buf_view(&b));
    sl_buf_free(&b);
    sl_arena_free(a);
}
static const sl_route routes[] = {
    {"POST", "/$test/clock", do_clock, "Holds the clock at a time, or moves the office's held clock on."},
    {"POST", "/$test/play", do_play, "Plays inputs to a rule on the held clock, answers what its collectors got."},
    {"POST", "/$test/parse", do_parse, "Parses a statement."},
    {"POST", "/$test/call", do_call, "Calls a function."},
    {0},
};
bool sl_testdoor_routes(sl_router *rt) { return sl_router_add(rt, routes); }
