/* One case in the private daemon: its streams, its rule with a collector for its actions, its input in one call of the test door. */
#include <stdlib.h>
#include <time.h>
#include "base/num.h"
#include "cli/ruletest.h"

typedef struct run {
    rt_daemon *d;
    rt_case *c;
    sl_arena *a; /* of the file: answers live as long as the case */
    sl_buf body;
    bool lost; /* the daemon did not answer */
} run;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void why(rt_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void why(rt_case *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&c->why, fmt, ap);
    va_end(ap);
    sl_buf_putc(&c->why, '\n');
    c->verdict = RT_FAILED;
}
/* 2xx with the answer as JSON in *out (NULL when it is none), else the reason in *reason. */
static bool ask(run *r, const char *method, const char *path, sl_json **out, sl_str *reason) {
    cli_answer x = {0};
    sl_str body = r->body.n ? sl_buf_view(&r->body) : (sl_str){0};
    bool there = !r->lost && cli_http(&r->d->at, method, path, body, &x), ok = there && x.status >= 200 && x.status < 300;
    if (out)
        *out = NULL;
    if (!there) {
        sl_buf_free(&x.body);
        r->lost = true;
        return false;
    }
    if (reason && !ok) {
        cli_unescape_html(&x.body);
        *reason = sl_str_of(cli_reason(r->a, &x));
    }
    if (ok && out && x.body.n) {
        sl_err *e = sl_json_parse(r->a, sl_arena_dup(r->a, sl_buf_view(&x.body)), out, NULL);
        sl_err_free(e);
    }
    sl_buf_free(&x.body);
    return ok;
}
static bool ask_with(run *r, const char *method, const char *path, const sl_json *body, sl_json **out, sl_str *reason) {
    sl_buf_clear(&r->body);
    if (body)
        sl_json_write(&r->body, body, false, 0);
    bool ok = ask(r, method, path, out, reason);
    sl_buf_clear(&r->body);
    return ok;
}
static bool create(run *r, sl_str sql, sl_str *reason) {
    sl_json *b = sl_json_obj(r->a);
    sl_json_set(r->a, b, "sql", sl_json_str(r->a, sql));
    return ask_with(r, "POST", "/streams", b, NULL, reason);
}
static void clear(run *r) {
    static const char *const kinds[] = {"streams", "tables"};
    char path[32];
    ask_with(r, "DELETE", "/rules/case", NULL, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        sl_json *names = NULL;
        snprintf(path, sizeof path, "/%s", kinds[i]);
        ask_with(r, "GET", path, NULL, &names, NULL);
        for (const sl_json *n = names ? names->child : NULL; n; n = n->next) {
            sl_buf p = {0};
            sl_buf_printf(&p, "/%s/", kinds[i]);
            cli_escape(&p, sl_arena_dup(r->a, n->s).p);
            sl_buf_puts(&p, "?force=true");
            ask_with(r, "DELETE", sl_buf_cstr(&p), NULL, NULL, NULL);
            sl_buf_free(&p);
        }
    }
}

/* ---- input ---- */
typedef struct known { /* what the daemon says of a stream */
    sl_str name, format, type, topic;
    bool there;
} known;
static const sl_json *option(const sl_json *o, const char *key) { return sl_json_iget(o, key); }
static known look(run *r, sl_str name) {
    known k = {.name = name};
    static const char *const kinds[] = {"streams", "tables"};
    for (int i = 0; i < 2 && !k.there; i++) {
        sl_buf p = {0};
        sl_json *j = NULL;
        sl_buf_printf(&p, "/%s/", kinds[i]);
        cli_escape(&p, sl_arena_dup(r->a, name).p);
        k.there = ask_with(r, "GET", sl_buf_cstr(&p), NULL, &j, NULL);
        sl_buf_free(&p);
        const sl_json *o = sl_json_iget(j, "Options");
        k.format = sl_json_text(option(o, "format"), (sl_str){"", 0});
        k.type = sl_json_text(option(o, "type"), (sl_str){"", 0});
        k.topic = sl_json_text(option(o, "datasource"), (sl_str){"", 0});
    }
    return k;
}
static bool put_message(run *r, sl_buf *b, const rt_message *m, const known *k, size_t line) {
    bool plain = !k->format.n || sl_str_ieq(k->format, SL_S("json")) || sl_str_is(k->type, "memory");
    if (!k->there) {
        why(r->c, "line %zu: there is no stream or table %.*s", line, SL_FMT(m->stream));
        return false;
    }
    if (m->value->kind == SL_J_OBJ && !plain) {
        why(r->c, "line %zu: %.*s reads %.*s: write the message as a text, such as %.*s: \"1,2\"", line, SL_FMT(m->stream), SL_FMT(k->format), SL_FMT(m->stream));
        return false;
    }
    sl_buf_printf(b, "{\"at\":%lld,\"stream\":", (long long)m->at_ms);
    sl_json_put_str(b, m->stream);
    sl_buf_puts(b, ",\"meta\":");
    if (m->meta)
        sl_json_write(b, m->meta, false, 0);
    else {
        sl_buf_puts(b, "{\"topic\":");
        sl_json_put_str(b, k->topic);
        sl_buf_putc(b, '}');
    }
    sl_buf_puts(b, m->value->kind == SL_J_OBJ ? ",\"row\":" : ",\"payload\":");
    sl_json_write(b, m->value, false, 0);
    sl_buf_putc(b, '}');
    return true;
}
static bool build(run *r) {
    rt_case *c = r->c;
    SL_VEC(known) seen = {0};
    bool ok = true;
    sl_buf_clear(&r->body);
    sl_buf_printf(&r->body, "{\"rule\":\"case\",\"plain\":true,\"start\":%lld,\"until\":%lld,\"input\":[", (long long)c->start, (long long)c->until);
    sl_buf b = r->body;
    r->body = (sl_buf){0}; /* the questions of look() have bodies of their own */
    for (size_t i = 0; ok && i < c->input.n; i++) {
        const rt_message *m = &c->input.at[i];
        size_t k = 0;
        while (k < seen.n && !sl_str_eq(seen.at[k].name, m->stream))
            k++;
        if (k == seen.n && !SL_PUSH(seen, look(r, m->stream)))
            ok = false;
        if (i)
            sl_buf_putc(&b, ',');
        ok = ok && put_message(r, &b, m, &seen.at[k], rt_line(sl_buf_view(&c->file->text), m->value));
    }
    sl_buf_puts(&b, "]}");
    SL_VEC_FREE(seen);
    sl_buf_free(&r->body);
    r->body = b;
    if (b.failed)
        why(c, "out of memory");
    return ok && !b.failed && !r->lost;
}

/* ---- the run ---- */
/* What an action would have sent: JSON as such, anything else as a text. */
static const sl_json *message_of(sl_arena *a, const sl_json *text) {
    sl_json *j = NULL;
    sl_err *e = sl_json_parse(a, sl_arena_dup(a, text->s), &j, NULL);
    bool ok = !e && j;
    sl_err_free(e);
    return ok ? j : text;
}
static void results(run *r, const sl_json *list) {
    rt_case *c = r->c;
    for (const sl_json *x = list->child; x; x = x->next) {
        int64_t at = 0;
        sl_json_i64(sl_json_get(x, "at"), &at);
        bool error = sl_json_true(sl_json_get(x, "is_error"), false);
        const sl_json *rows = sl_json_get(x, "rows"), *text = sl_json_get(x, "text");
        if (text) {
            rt_row row = {.at_ms = at - c->start, .row = message_of(r->a, text), .is_error = error, .error = error ? text->s : (sl_str){0}};
            if (!SL_PUSH(c->got, row))
                why(c, "out of memory");
        }
        for (const sl_json *y = rows ? rows->child : NULL; y; y = y->next) {
            rt_row row = {.at_ms = at - c->start, .row = y, .is_error = error};
            if (error)
                row.error = sl_json_text(sl_json_get(y, "error"), (sl_str){"", 0});
            if (!SL_PUSH(c->got, row))
                why(c, "out of memory");
        }
    }
}
/* The case was refused: right when that is expected. */
static void refused(run *r, const char *what, sl_str reason) {
    rt_case *c = r->c;
    if (r->lost)
        return;
    if (!c->wants_error)
        why(c, "%s: %.*s", what, SL_FMT(reason));
    else if (sl_str_find(reason, c->error) < 0)
        why(c, "expected an error with: %.*s\ngot: %.*s", SL_FMT(c->error), SL_FMT(reason));
}
static void play(run *r) {
    rt_case *c = r->c;
    sl_arena *a = r->a;
    sl_json *b = sl_json_obj(a), *collect = sl_json_obj(a), *conf = sl_json_obj(a), *actions = sl_json_arr(a), *got = NULL;
    sl_str reason = {0}, lent = {0};
    sl_json_set(a, b, "timezone", sl_json_str(a, c->zone));
    if (!sl_str_is(c->zone, r->d->zone)) {
        if (!ask_with(r, "PATCH", "/configs", b, NULL, &reason)) {
            refused(r, "timezone", reason);
            return;
        }
        snprintf(r->d->zone, sizeof r->d->zone, "%.*s", SL_FMT(c->zone));
    }
    b = sl_json_obj(a);
    sl_json_set(a, b, "hold", sl_json_int(a, c->start));
    ask_with(r, "POST", "/$test/clock", b, NULL, NULL);
    for (const sl_json *s = c->streams->child; s; s = s->next)
        if (!create(r, s->s, &reason)) {
            refused(r, sl_arena_printf(a, "line %zu", rt_line(sl_buf_view(&c->file->text), s)).p, reason);
            return;
        }
    for (const sl_json *s = c->lent->child; s; s = s->next) { /* what the file itself defines is there already */
        sl_str no = {0};
        if (!create(r, s->s, &no) && sl_str_find(no, SL_S("already exists")) < 0)
            lent = no;
    }
    b = sl_json_obj(a);
    sl_json_set(a, conf, "sendSingle", sl_json_bool(a, false));
    sl_json_set(a, collect, c->sink ? "$collect_bytes" : "$collect", c->sink ? c->sink : conf);
    sl_json_add(actions, collect);
    static const char *const schedule[] = {"cron", "duration", "cronDatetimeRange"};
    for (size_t i = 0; i < 3; i++) /* it runs for as long as the case does */
        sl_json_del(c->options, schedule[i]);
    sl_json_set(a, c->options, "sendError", sl_json_bool(a, true)); /* an error that nobody sees would be a silent pass */
    sl_json_set(a, b, "id", sl_json_str(a, SL_S("case")));
    sl_json_set(a, b, "sql", sl_json_str(a, c->sql));
    sl_json_set(a, b, "actions", actions);
    sl_json_set(a, b, "options", c->options);
    if (!ask_with(r, "POST", "/rules", b, NULL, &reason)) {
        if (lent.n)
            reason = sl_arena_printf(a, "%.*s\nand of the ruleset: %.*s", SL_FMT(reason), SL_FMT(lent));
        refused(r, "the rule is refused", reason);
        return;
    }
    if (!build(r))
        return;
    if (!ask(r, "POST", "/$test/play", &got, &reason)) {
        sl_json *status = NULL;
        ask_with(r, "GET", "/rules/case/status", NULL, &status, NULL);
        sl_str m = sl_json_text(sl_json_get(status, "message"), (sl_str){"", 0});
        refused(r, "the rule does not run", m.n ? m : reason);
        return;
    }
    if (c->wants_error) {
        why(c, "expected an error with: %.*s\nthe rule runs", SL_FMT(c->error));
        return;
    }
    results(r, got);
    if (!rt_compare(c))
        why(c, "out of memory");
    else if (c->changes.n || c->no_expect)
        c->verdict = RT_FAILED;
}
bool rt_run(rt_daemon *d, rt_case *c, int timeout_s) {
    double began = seconds();
    sl_err *e = rt_daemon_need(d);
    if (e) {
        c->verdict = RT_UNRUN;
        sl_buf_printf(&c->why, "%s\n", sl_err_text(e));
        sl_err_free(e);
        return false;
    }
    run r = {.d = d, .c = c, .a = c->file->a};
    cli_http_limits((int64_t)timeout_s * 1000, &rt_stopped);
    c->verdict = RT_PASSED;
    play(&r);
    if (!r.lost)
        clear(&r);
    if (r.lost) { /* it died, or hangs: the next case gets a new one */
        double took = seconds() - began;
        const char *words = rt_daemon_end(d, true, r.a);
        if (rt_stopped)
            c->verdict = RT_UNRUN;
        else if (words)
            why(c, "%s", words);
        else
            why(c, "nothing came for %.0f s (--timeout %d)", took, timeout_s);
    }
    sl_buf_free(&r.body);
    c->seconds = seconds() - began;
    return true;
}
