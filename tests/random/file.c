/* Cases as files: one word a line says what the rest of the line is. Made for a person to read, so rows are JSON with a few marked kinds. */
#include <stdlib.h>
#include <string.h>
#include "base/num.h"
#include "data/json.h"
#include "random.h"

/* ---- values ---- */
static void put_float(sl_buf *b, sl_value v) {
    char t[40];
    if (v.flags & SL_F_WHOLE) {
        sl_buf_printf(b, "{\"$whole\":%lld}", (long long)v.i);
        return;
    }
    if (!(v.f - v.f == 0)) {
        sl_buf_printf(b, "{\"$float\":\"%s\"}", v.f != v.f ? "NaN" : v.f > 0 ? "Inf" : "-Inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(t, sizeof t, "%.*g", digits, v.f);
        if (strtod(t, NULL) == v.f)
            break;
    }
    sl_buf_puts(b, t);
    if (!strpbrk(t, ".e"))
        sl_buf_puts(b, ".0");
}
static void put_text(sl_buf *b, sl_str s) {
    sl_str why;
    if (!sl_json_put(b, sl_v_str(s), &why))
        sl_buf_puts(b, "\"?\"");
}
void rq_put(sl_buf *b, sl_value v) {
    sl_arena *a = sl_arena_new(0);
    v = sl_value_open(a, v);
    switch (v.kind) {
    case SL_ABSENT: sl_buf_puts(b, "absent"); break;
    case SL_NULL: sl_buf_puts(b, "null"); break;
    case SL_BOOL: sl_buf_puts(b, v.i ? "true" : "false"); break;
    case SL_INT: sl_buf_printf(b, "%lld", (long long)v.i); break;
    case SL_UINT: sl_buf_printf(b, "{\"$uint\":%llu}", (unsigned long long)v.u); break;
    case SL_FLOAT: put_float(b, v); break;
    case SL_STRING: put_text(b, sl_v_text(v)); break;
    case SL_BYTES:
        sl_buf_puts(b, "{\"$bytes\":\"");
        for (uint32_t i = 0; i < v.len; i++)
            sl_buf_printf(b, "%02x", (unsigned char)v.p[i]);
        sl_buf_puts(b, "\"}");
        break;
    case SL_TIME:
        sl_buf_printf(b, "{\"$time\":%lld,\"zone\":", (long long)(v.i * 1000 + v.len / 1000000));
        put_text(b, sl_str_of(sl_zone_name(v.aux)));
        sl_buf_putc(b, '}');
        break;
    case SL_DURATION: sl_buf_printf(b, "{\"$duration\":%lld}", (long long)v.i); break;
    case SL_LIST:
        sl_buf_putc(b, '[');
        for (uint32_t i = 0; i < v.len; i++) {
            sl_buf_puts(b, i ? "," : "");
            rq_put(b, v.list[i]);
        }
        sl_buf_putc(b, ']');
        break;
    case SL_MAP:
        sl_buf_putc(b, '{');
        for (uint32_t i = 0; i < v.len; i++) {
            sl_buf_puts(b, i ? "," : "");
            put_text(b, v.map[i].key);
            sl_buf_putc(b, ':');
            rq_put(b, v.map[i].val);
        }
        sl_buf_putc(b, '}');
        break;
    default: sl_buf_printf(b, "{\"$kind\":%d}", v.kind);
    }
    sl_arena_free(a);
}
static sl_value value_of(sl_arena *a, const sl_json *j) {
    int64_t n = 0;
    switch (j->kind) {
    case SL_J_NULL: return sl_v_null();
    case SL_J_BOOL: return sl_v_bool(j->b);
    case SL_J_STR: return sl_v_str(sl_arena_dup(a, j->s));
    case SL_J_NUM: return !memchr(j->s.p, '.', j->s.n) && !memchr(j->s.p, 'e', j->s.n) && sl_json_i64(j, &n) ? sl_v_int(n) : sl_v_float(j->num);
    case SL_J_ARR: {
        sl_value *at = SL_NEW_N(a, sl_value, j->n + 1);
        uint32_t k = 0;
        for (const sl_json *c = j->child; c; c = c->next)
            at[k++] = value_of(a, c);
        return sl_v_list(at, k);
    }
    case SL_J_OBJ: break;
    }
    const sl_json *f = j->child;
    if (f && f->key.n > 1 && f->key.p[0] == '$') {
        sl_json_i64(f, &n);
        if (sl_str_is(f->key, "$time")) {
            sl_zone z = SL_ZONE_UTC;
            sl_zone_find(sl_json_text(sl_json_get(j, "zone"), SL_S("UTC")), &z);
            int64_t sec = n / 1000 - (n % 1000 < 0);
            return sl_v_time(sec, (uint32_t)(n - sec * 1000) * 1000000, z);
        }
        if (sl_str_is(f->key, "$duration"))
            return sl_v_dur(n);
        if (sl_str_is(f->key, "$whole"))
            return (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = n};
        if (sl_str_is(f->key, "$bytes")) {
            char *p = sl_arena_alloc(a, f->s.n / 2 + 1);
            for (size_t i = 0; i + 1 < f->s.n; i += 2) {
                char hex[3] = {f->s.p[i], f->s.p[i + 1], 0};
                p[i / 2] = (char)strtoul(hex, NULL, 16);
            }
            return sl_v_bytes((sl_str){p, f->s.n / 2});
        }
    }
    sl_member *at = SL_NEW_N(a, sl_member, j->n + 1);
    uint32_t k = 0;
    for (const sl_json *c = f; c; c = c->next)
        at[k++] = (sl_member){sl_arena_dup(a, c->key), value_of(a, c)};
    return sl_v_map(at, k);
}

/* ---- options ---- */
typedef struct flag {
    const char *name;
    size_t at;
} flag;
#define FLAG(x)                                                                                                                                                                    \
    { #x, offsetof(sl_plan_opts, x) }
static const flag flags[] = {FLAG(event_time),        FLAG(send_error),  FLAG(send_nil),  FLAG(send_meta),    FLAG(ignore_case),
                             FLAG(disable_alias_ref), FLAG(incremental), FLAG(window_v2), FLAG(sliding_twice)};
enum { NFLAGS = sizeof flags / sizeof *flags };
static bool *flag_at(sl_plan_opts *o, int i) { return (bool *)((char *)o + flags[i].at); }

void rq_write(const rq_case *c, sl_buf *out) {
    if (c->seed)
        sl_buf_printf(out, "seed %llu\n", (unsigned long long)c->seed);
    for (uint32_t i = 0; i < c->ndefs; i++)
        sl_buf_printf(out, "define %.*s\n", SL_FMT(c->defs[i].sql));
    sl_buf_printf(out, "sql %.*s\noptions", SL_FMT(c->sql));
    sl_plan_opts o = c->opts;
    for (int i = 0; i < NFLAGS; i++)
        if (*flag_at(&o, i))
            sl_buf_printf(out, " %s", flags[i].name);
    sl_buf_printf(out, " late=%lld%s%s\n", (long long)c->opts.late_ms, c->json ? " json" : "", c->sleepy ? " jumping" : "");
    sl_buf_printf(out, "zone %.*s\n", SL_FMT(c->zone));
    for (uint32_t i = 0; i < c->nrows; i++) {
        const rq_row *r = &c->rows[i];
        if (r->more)
            sl_buf_puts(out, "row +");
        else
            sl_buf_printf(out, "row %lld", (long long)r->at);
        sl_buf_printf(out, " %.*s %s", SL_FMT(c->defs[r->def].create->name), r->meta.kind == SL_MAP ? "[" : "");
        rq_put(out, r->value);
        if (r->meta.kind == SL_MAP) {
            sl_buf_puts(out, ", ");
            rq_put(out, r->meta);
            sl_buf_putc(out, ']');
        }
        sl_buf_putc(out, '\n');
    }
    sl_buf_printf(out, "until %lld\n", (long long)c->until);
}
static sl_str word(sl_str *rest) {
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ')
        n++;
    sl_str w = {rest->p, n};
    n += n < rest->n;
    *rest = (sl_str){rest->p + n, rest->n - n};
    return w;
}
static const char *read_row(rq_case *c, sl_str rest) {
    sl_str at = word(&rest), name = word(&rest);
    if (c->nrows == RQ_ROWS)
        return "too many rows";
    rq_row *r = &c->rows[c->nrows++];
    *r = (rq_row){.def = RQ_DEFS};
    if (sl_str_is(at, "+") && c->nrows > 1) {
        r->more = true;
        r->at = r[-1].at;
    } else
        r->at = strtoll(sl_arena_dup(c->a, at).p, NULL, 10);
    for (uint32_t i = 0; i < c->ndefs; i++)
        if (sl_str_eq(c->defs[i].create->name, name))
            r->def = i;
    sl_json *j;
    sl_err *e = sl_json_parse(c->a, rest, &j, NULL);
    if (e || r->def == RQ_DEFS) {
        const char *why = sl_arena_printf(c->a, "row %u: %s", c->nrows, e ? sl_err_text(e) : "of an unknown definition").p;
        sl_err_free(e);
        return why;
    }
    r->value = value_of(c->a, j->kind == SL_J_ARR ? j->child : j);
    r->meta = j->kind == SL_J_ARR && j->child->next ? value_of(c->a, j->child->next) : sl_v_absent();
    return r->value.kind == SL_MAP ? NULL : sl_arena_printf(c->a, "row %u is no object", c->nrows).p;
}
static const char *define(rq_case *c, sl_str sql) {
    sl_stmt st;
    if (c->ndefs == RQ_DEFS)
        return "too many definitions";
    rq_def *d = &c->defs[c->ndefs++];
    sl_err *e = sl_parse(c->a, sql, &st, NULL);
    if (e || st.kind != SL_ST_CREATE) {
        const char *why = sl_arena_printf(c->a, "%.*s: %s", SL_FMT(sql), e ? sl_err_text(e) : "no CREATE").p;
        sl_err_free(e);
        return why;
    }
    *d = (rq_def){sl_arena_dup(c->a, sql), st.create, sl_str_is(st.create->opts.kind, "lookup")};
    return NULL;
}
const char *rq_read(rq_case *c, sl_str text) {
    sl_plan_opts_default(&c->opts);
    c->zone = SL_S("UTC");
    c->opts.zone = SL_ZONE_UTC;
    c->rows = sl_arena_alloc(c->a, RQ_ROWS * sizeof *c->rows);
    sl_buf expect = {0};
    while (text.n) {
        const char *nl = memchr(text.p, '\n', text.n), *why = NULL;
        sl_str line = {text.p, nl ? (size_t)(nl - text.p) : text.n}, rest = line;
        text = nl ? (sl_str){nl + 1, text.n - line.n - 1} : (sl_str){0};
        sl_str w = word(&rest);
        if (!line.n || line.p[0] == '#')
            continue;
        if (sl_str_is(w, "define"))
            why = define(c, rest);
        else if (sl_str_is(w, "sql"))
            c->sql = sl_arena_dup(c->a, rest);
        else if (sl_str_is(w, "out"))
            sl_buf_printf(&expect, "%.*s\n", SL_FMT(rest));
        else if (sl_str_is(w, "seed"))
            c->seed = strtoull(sl_arena_dup(c->a, rest).p, NULL, 10);
        else if (sl_str_is(w, "until"))
            c->until = strtoll(sl_arena_dup(c->a, rest).p, NULL, 10);
        else if (sl_str_is(w, "zone")) {
            c->zone = sl_arena_dup(c->a, rest);
            why = sl_zone_find(rest, &c->opts.zone) ? NULL : "unknown zone";
        } else if (sl_str_is(w, "row"))
            why = read_row(c, rest);
        else if (sl_str_is(w, "options"))
            while (rest.n && !why) {
                sl_str o = word(&rest);
                bool known = sl_str_is(o, "json") || sl_str_is(o, "jumping") || !o.n;
                c->json |= sl_str_is(o, "json");
                c->sleepy |= sl_str_is(o, "jumping");
                for (int i = 0; i < NFLAGS; i++)
                    if (sl_str_is(o, flags[i].name))
                        known = *flag_at(&c->opts, i) = true;
                if (o.n > 5 && !memcmp(o.p, "late=", 5)) {
                    c->opts.late_ms = strtoll(sl_arena_dup(c->a, o).p + 5, NULL, 10);
                    known = true;
                }
                if (!known)
                    why = sl_arena_printf(c->a, "unknown option %.*s", SL_FMT(o)).p;
            }
        else
            why = sl_arena_printf(c->a, "a line begins with %.*s", SL_FMT(w)).p;
        if (why) {
            sl_buf_free(&expect);
            return why;
        }
    }
    c->expect = sl_arena_dup(c->a, sl_buf_view(&expect));
    sl_buf_free(&expect);
    return c->sql.n && c->ndefs ? NULL : "no sql line or no define line";
}
