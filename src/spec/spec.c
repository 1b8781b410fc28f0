/* Binding of settings to a property table.
 *
 * Decision: two readers for two worlds share the table and the setters. A JSON object (eKuiper) binds without weak typing and words its
 * errors as upstream's decoder does, because clients print and compare them; flat text (Connect, command line) converts from text and
 * words its errors as Kafka's ConfigDef does. Both collect: a person mends all mistakes in one go. */
#include "spec/spec.h"
#include "base/num.h"
#include "base/vec.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef SL_VEC(char *) errors;
typedef struct binder {
    sl_arena *a;
    int where;
    const sl_json *props;
    bool flat;
    errors errs;
    bool failed; /* out of memory while collecting */
} binder;

static void complain(binder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(binder *b, const char *fmt, ...) {
    sl_buf t = {0};
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&t, fmt, ap);
    va_end(ap);
    char *p = sl_buf_take(&t);
    if (!p || !SL_PUSH(b->errs, p)) {
        free(p);
        b->failed = true;
    }
}
static int by_text(const void *x, const void *y) { return strcmp(*(char *const *)x, *(char *const *)y); }
static sl_err *verdict(binder *b) {
    sl_err *e = NULL;
    if (b->failed || sl_arena_failed(b->a)) {
        e = sl_err_new(SL_E_NOMEM, "read settings: out of memory");
    } else if (b->errs.n) {
        qsort(b->errs.at, b->errs.n, sizeof *b->errs.at, by_text);
        sl_buf t = {0};
        if (!b->flat)
            sl_buf_printf(&t, "%zu error(s) decoding:\n\n", b->errs.n);
        for (size_t i = 0; i < b->errs.n; i++)
            sl_buf_printf(&t, "%s%s%s", i ? "\n" : "", b->flat ? "" : "* ", b->errs.at[i]);
        e = sl_err_new(SL_E_CONF, "%s", sl_buf_cstr(&t));
        sl_buf_free(&t);
    }
    for (size_t i = 0; i < b->errs.n; i++)
        free(b->errs.at[i]);
    SL_VEC_FREE(b->errs);
    return e;
}

static bool applies(const sl_prop *p, int where) {
    int places = p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP);
    return !places || !where || (places & where);
}
static const char *key_of(const sl_prop *p, bool flat) { return flat && p->kc ? p->kc : p->name; }

static const char *go_type(const sl_json *v) {
    switch (v->kind) {
    case SL_J_BOOL: return "bool";
    case SL_J_NUM: return "float64";
    case SL_J_STR: return "string";
    case SL_J_ARR: return "[]interface {}";
    case SL_J_OBJ: return "map[string]interface {}";
    default: return "<nil>";
    }
}
static const char *go_kind(const sl_json *v) { return v->kind == SL_J_ARR ? "slice" : v->kind == SL_J_OBJ ? "map" : go_type(v); }
void sl_spec_show(sl_buf *out, const sl_json *v) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        out->failed = true;
    else if (v->kind == SL_J_STR)
        sl_buf_str(out, v->s);
    else
        sl_value_print(out, sl_json_to_value(a, v, false));
    sl_arena_free(a);
}
static const char *shown(binder *b, const sl_json *v) {
    sl_buf t = {0};
    sl_spec_show(&t, v);
    const char *p = sl_arena_cstr(b->a, sl_buf_cstr(&t));
    sl_buf_free(&t);
    return p;
}
static void wrong_type(binder *b, const char *name, const char *want, const sl_json *v) {
    complain(b, "'%s' expected type '%s', got unconvertible type '%s', value: '%s'", name, want, go_type(v), shown(b, v));
}

void sl_dur_fault(sl_buf *q, sl_str s) {
    size_t i = 0;
    while (i < s.n && (s.p[i] == '-' || s.p[i] == '+' || s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9')))
        i++;
    bool digits = i > 0 && s.p[i - 1] >= '0' && s.p[i - 1] <= '9';
    if (!digits || !s.n)
        sl_buf_puts(q, "time: invalid duration ");
    else if (i == s.n)
        sl_buf_puts(q, "time: missing unit in duration ");
    else {
        size_t u = i;
        while (u < s.n && s.p[u] != '.' && (s.p[u] < '0' || s.p[u] > '9'))
            u++;
        sl_str unit = sl_str_n(s.p + i, u - i);
        char one[64];
        int n = unit.n < 32 ? snprintf(one, sizeof one, "1%.*s", SL_FMT(unit)) : 0;
        int64_t ns;
        if (n && sl_dur_parse(sl_str_n(one, (size_t)n), &ns)) {
            sl_buf_puts(q, "time: invalid duration ");
        } else {
            sl_buf_puts(q, "time: unknown unit ");
            sl_go_quote(q, unit);
            sl_buf_puts(q, " in duration ");
        }
    }
    sl_go_quote(q, s);
}
static const char *duration_fault(binder *b, sl_str s) {
    sl_buf q = {0};
    sl_dur_fault(&q, s);
    const char *p = sl_arena_cstr(b->a, sl_buf_cstr(&q));
    sl_buf_free(&q);
    return p;
}

/* ---- setters: the value is of the right kind; range and choices are checked here ---- */
static bool in_choices(const char *choices, sl_str v) {
    for (const char *c = choices;;) {
        const char *end = strchr(c, '|');
        size_t n = end ? (size_t)(end - c) : strlen(c);
        if (n == v.n && !memcmp(c, v.p, n))
            return true;
        if (!end)
            return false;
        c = end + 1;
    }
}
static void check_range(binder *b, const sl_prop *p, double v) {
    if ((p->min == 0 && p->max == 0) || (v >= p->min && v <= p->max))
        return;
    char lo[SL_NUM_MAX], hi[SL_NUM_MAX], x[SL_NUM_MAX];
    size_t l = sl_num_f(lo, p->min), h = sl_num_f(hi, p->max), n = sl_num_f(x, v);
    const char *unit = p->type == SL_P_DUR ? "ms" : "";
    if (b->flat)
        complain(b, "Invalid value %.*s for configuration %s: Value must be %s %.*s%s", (int)n, x, key_of(p, true), v < p->min ? "at least" : "no more than",
                 (int)(v < p->min ? l : h), v < p->min ? lo : hi, unit);
    else
        complain(b, "'%s' expected a value from %.*s%s to %.*s%s, got %.*s%s", p->name, (int)l, lo, unit, (int)h, hi, unit, (int)n, x, unit);
}
static void set_str(binder *b, const sl_prop *p, void *at, sl_str s) {
    if (p->choices && !(p->flags & SL_P_TEMPLATE && sl_str_find(s, SL_S("{{")) >= 0) && !in_choices(p->choices, s)) {
        if (b->flat)
            complain(b, "Invalid value %.*s for configuration %s: String must be one of: %s", SL_FMT(s), key_of(p, true), p->choices);
        else
            complain(b, "'%s' expected one of %s, got '%.*s'", p->name, p->choices, SL_FMT(s));
        return;
    }
    *(sl_str *)at = sl_arena_dup(b->a, s);
}
static void set_int(binder *b, const sl_prop *p, void *at, int64_t v) {
    check_range(b, p, (double)v);
    *(int64_t *)at = v;
}
static void set_dur(binder *b, const sl_prop *p, void *at, int64_t ns) {
    check_range(b, p, (double)ns / 1e6);
    *(int64_t *)at = ns;
}
static bool ms_to_ns(double ms, int64_t *ns) {
    ms = trunc(ms);
    if (!(fabs(ms) < 9.2e12))
        return false;
    *ns = (int64_t)ms * 1000000;
    return true;
}

static void set_json(binder *b, const sl_prop *p, void *at, const sl_json *v);
static void set_strs(binder *b, const sl_prop *p, void *at, const sl_json *v) {
    sl_strs *out = at;
    sl_strs got = {SL_NEW_N(b->a, sl_str, v->n ? v->n : 1), 0};
    if (!got.at) {
        b->failed = true;
        return;
    }
    for (const sl_json *c = v->child; c; c = c->next) {
        if (c->kind != SL_J_STR) {
            char name[128];
            snprintf(name, sizeof name, "%s[%u]", p->name, got.n);
            wrong_type(b, name, "string", c);
        }
        got.at[got.n++] = c->kind == SL_J_STR ? sl_arena_dup(b->a, c->s) : SL_S("");
    }
    *out = got;
}
static void set_json(binder *b, const sl_prop *p, void *at, const sl_json *v) {
    switch (p->type) {
    case SL_P_STR:
        if (v->kind != SL_J_STR)
            wrong_type(b, p->name, "string", v);
        else
            set_str(b, p, at, v->s);
        break;
    case SL_P_INT: {
        int64_t i;
        if (v->kind != SL_J_NUM)
            wrong_type(b, p->name, "int", v);
        else if (sl_num_parse_i64(v->s, &i))
            set_int(b, p, at, i);
        else if (fabs(v->num) < 9.2e18)
            set_int(b, p, at, (int64_t)v->num); /* toward zero */
        else
            complain(b, "cannot parse '%s', %s overflows int", p->name, shown(b, v));
        break;
    }
    case SL_P_FLOAT:
        if (v->kind != SL_J_NUM) {
            wrong_type(b, p->name, "float64", v);
        } else {
            check_range(b, p, v->num);
            *(double *)at = v->num;
        }
        break;
    case SL_P_BOOL:
        if (v->kind != SL_J_BOOL)
            wrong_type(b, p->name, "bool", v);
        else
            *(bool *)at = v->b;
        break;
    case SL_P_DUR: {
        int64_t ns;
        if (v->kind == SL_J_NUM) {
            if (ms_to_ns(v->num, &ns))
                set_dur(b, p, at, ns);
            else
                complain(b, "error decoding '%s': %s ms is out of the range of durations", p->name, shown(b, v));
        } else if (v->kind != SL_J_STR) {
            wrong_type(b, p->name, "cast.DurationConf", v);
        } else if (sl_dur_parse(v->s, &ns)) {
            set_dur(b, p, at, ns);
        } else {
            complain(b, "error decoding '%s': %s", p->name, duration_fault(b, v->s));
        }
        break;
    }
    case SL_P_STRS:
        if (v->kind != SL_J_ARR)
            complain(b, "'%s': source data must be an array or slice, got %s", p->name, go_kind(v));
        else
            set_strs(b, p, at, v);
        break;
    case SL_P_JSON: *(sl_json **)at = sl_json_clone(b->a, v); break;
    default: break;
    }
}

static bool text_bool(sl_str s, bool *out) {
    *out = sl_str_ieq(s, SL_S("true"));
    return *out || sl_str_ieq(s, SL_S("false"));
}
/* From text: defaults, Connect, command line. what: the kind that was expected, NULL when it read. */
static const char *set_text(binder *b, const sl_prop *p, void *at, sl_str s) {
    switch (p->type) {
    case SL_P_STR: set_str(b, p, at, s); return NULL;
    case SL_P_INT: {
        int64_t v;
        if (!sl_num_parse_i64(sl_str_trim(s), &v))
            return "Not a number of type INT";
        set_int(b, p, at, v);
        return NULL;
    }
    case SL_P_FLOAT: {
        double v;
        if (!sl_num_parse_f64(sl_str_trim(s), &v))
            return "Not a number of type DOUBLE";
        check_range(b, p, v);
        *(double *)at = v;
        return NULL;
    }
    case SL_P_BOOL: return text_bool(sl_str_trim(s), at) ? NULL : "Expected value to be either true or false";
    case SL_P_DUR: {
        int64_t ns;
        double ms;
        s = sl_str_trim(s);
        if (!(sl_num_parse_f64(s, &ms) && ms_to_ns(ms, &ns)) && !sl_dur_parse(s, &ns))
            return "Expected a duration as 1h15m, 500ms, or a number of milliseconds";
        set_dur(b, p, at, ns);
        return NULL;
    }
    case SL_P_STRS: {
        s = sl_str_trim(s);
        if (s.n && s.p[0] == '[') {
            sl_json *v = NULL;
            sl_err *e = sl_json_parse(b->a, s, &v, NULL);
            sl_err_free(e);
            if (e || v->kind != SL_J_ARR)
                return "Expected a list as a,b or [\"a\",\"b\"]";
            set_strs(b, p, at, v);
            return NULL;
        }
        sl_strs got = {0};
        size_t most = 1;
        for (size_t i = 0; i < s.n; i++)
            most += s.p[i] == ',';
        got.at = SL_NEW_N(b->a, sl_str, most);
        if (!got.at) {
            b->failed = true;
            return NULL;
        }
        for (size_t i = 0, from = 0; s.n && i <= s.n; i++)
            if (i == s.n || s.p[i] == ',') {
                got.at[got.n++] = sl_arena_dup(b->a, sl_str_trim(sl_str_n(s.p + from, i - from)));
                from = i + 1;
            }
        *(sl_strs *)at = got;
        return NULL;
    }
    case SL_P_JSON: {
        sl_json *v = NULL;
        sl_err *e = sl_json_parse(b->a, s, &v, NULL);
        sl_err_free(e);
        if (e)
            return "Expected JSON";
        *(sl_json **)at = sl_json_clone(b->a, v);
        return NULL;
    }
    default: return NULL;
    }
}

/* Is the value what upstream has without the property? */
static bool like_unset(const sl_prop *p, const sl_json *v) {
    if (v->kind == SL_J_NULL)
        return true;
    if (p->def) {
        sl_buf t = {0};
        if (v->kind == SL_J_STR)
            sl_buf_str(&t, v->s);
        else
            sl_json_write(&t, v, false, 0);
        bool same = !t.failed && sl_str_is(sl_buf_view(&t), p->def);
        sl_buf_free(&t);
        return same;
    }
    switch (v->kind) {
    case SL_J_BOOL: return !v->b;
    case SL_J_NUM: return v->num == 0;
    case SL_J_STR: return v->s.n == 0 || sl_str_is(v->s, "false");
    default: return v->n == 0;
    }
}

static const sl_json *find(const binder *b, const sl_prop *p) {
    const sl_json *v = sl_json_iget(b->props, key_of(p, b->flat));
    if ((!v || v->kind == SL_J_NULL) && b->flat && p->kc)
        v = sl_json_iget(b->props, p->name);
    if ((!v || v->kind == SL_J_NULL) && p->alias)
        v = sl_json_iget(b->props, p->alias);
    return v && v->kind != SL_J_NULL ? v : NULL;
}

static void load(binder *b, const sl_prop *rows, char *conf) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        void *at = conf + p->at;
        if (p->type == SL_P_GROUP) {
            if (applies(p, b->where))
                load(b, p->of, at);
            continue;
        }
        bool here = applies(p, b->where);
        const sl_json *v = here ? find(b, p) : NULL;
        if (p->type == SL_P_REFUSED) {
            if (v && !like_unset(p, v))
                complain(b, "'%s' is not supported: %s", key_of(p, b->flat), p->doc);
            continue;
        }
        if (!here)
            continue; /* a row of the other direction may own the same place */
        if (!v || (p->flags & SL_P_REQUIRED && v->kind == SL_J_STR && !v->s.n)) {
            if (p->def)
                set_text(b, p, at, sl_str_of(p->def));
            else if (p->flags & SL_P_REQUIRED) {
                if (b->flat)
                    complain(b, "Missing required configuration \"%s\" which has no default value.", key_of(p, true));
                else
                    complain(b, "%s is required", p->name);
            }
        } else if (b->flat && v->kind == SL_J_STR) {
            const char *why = set_text(b, p, at, v->s);
            if (why)
                complain(b, "Invalid value %.*s for configuration %s: %s", SL_FMT(v->s), key_of(p, true), why);
        } else {
            set_json(b, p, at, v);
        }
    }
}

static bool known(const sl_prop *rows, int where, bool flat, sl_str key) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        if (!applies(p, where))
            continue;
        if (p->type == SL_P_GROUP) {
            if (known(p->of, where, flat, key))
                return true;
        } else if (sl_str_ieq(key, sl_str_of(p->name)) || (p->alias && sl_str_ieq(key, sl_str_of(p->alias))) || (flat && p->kc && sl_str_ieq(key, sl_str_of(p->kc)))) {
            return true;
        }
    }
    return false;
}

static sl_err *bind(const sl_prop *rows, int where, const sl_json *props, sl_arena *a, void *conf, sl_buf *unknown, bool flat) {
    binder b = {.a = a, .where = where, .props = props, .flat = flat};
    load(&b, rows, conf);
    if (unknown && props && props->kind == SL_J_OBJ)
        for (const sl_json *c = props->child; c; c = c->next)
            if (!known(rows, where, flat, c->key))
                sl_buf_printf(unknown, "%s%.*s", unknown->n ? ", " : "", SL_FMT(c->key));
    return verdict(&b);
}

/* The table does not say how large the struct is, only how far it reaches; a row's own place is cleared before it is set. */
static size_t size_of(const sl_prop *p) {
    switch (p->type) {
    case SL_P_STR: return sizeof(sl_str);
    case SL_P_INT:
    case SL_P_DUR: return sizeof(int64_t);
    case SL_P_FLOAT: return sizeof(double);
    case SL_P_BOOL: return sizeof(bool);
    case SL_P_STRS: return sizeof(sl_strs);
    case SL_P_JSON: return sizeof(sl_json *);
    default: return 0;
    }
}
static void clear(const sl_prop *rows, char *conf) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        if (p->type == SL_P_GROUP)
            clear(p->of, conf + p->at);
        else
            memset(conf + p->at, 0, size_of(p));
        if (p->type == SL_P_STR)
            ((sl_str *)(void *)(conf + p->at))->p = "";
    }
}
sl_err *sl_spec_load(const sl_prop *rows, int where, const sl_json *props, sl_arena *a, void *conf, sl_buf *unknown) {
    clear(rows, conf);
    return bind(rows, where, props, a, conf, unknown, false);
}
sl_err *sl_spec_load_flat(const sl_prop *rows, int where, const sl_json *flat, sl_arena *a, void *conf, sl_buf *unknown) {
    clear(rows, conf);
    return bind(rows, where, flat, a, conf, unknown, true);
}

/* ---- lint ---- */
static sl_err *lint(const char *owner, const sl_prop *rows, const sl_prop *all, size_t base, size_t conf_size, sl_arena *a);
static bool names_clash(const char *x, const char *y) { return x && y && sl_str_ieq(sl_str_of(x), sl_str_of(y)); }
static bool meet(const sl_prop *x, const sl_prop *y) {
    int m = SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP, px = x->flags & m, py = y->flags & m;
    return (px ? px : m) & (py ? py : m);
}
static sl_err *lint_clash(const char *owner, const sl_prop *p, const sl_prop *rows, bool *past) {
    for (const sl_prop *q = rows; q && q->type != SL_P_END; q++) {
        if (q == p)
            *past = true;
        else if (q->type == SL_P_GROUP)
            SL_TRY(lint_clash(owner, p, q->of, past));
        else if (*past && meet(p, q) && (names_clash(p->name, q->name) || names_clash(p->name, q->alias) || names_clash(p->alias, q->name)))
            return sl_err_new(SL_E_CONF, "%s.%s: another row of the table answers to the same name", owner, p->name);
    }
    return NULL;
}
static sl_err *lint_row(const char *owner, const sl_prop *p, const sl_prop *all, size_t base, size_t conf_size, sl_arena *a) {
    if (!p->name || !*p->name)
        return sl_err_new(SL_E_CONF, "%s: a row without a name", owner);
    if (p->type > SL_P_REFUSED)
        return sl_err_new(SL_E_CONF, "%s.%s: unknown type %d", owner, p->name, p->type);
    if (p->type == SL_P_GROUP)
        return p->of ? lint(owner, p->of, all, base + p->at, conf_size, a) : sl_err_new(SL_E_CONF, "%s.%s: a group without rows", owner, p->name);
    if (!p->doc || !*p->doc)
        return sl_err_new(SL_E_CONF, "%s.%s: doc is missing", owner, p->name);
    bool past = false;
    SL_TRY(lint_clash(owner, p, all, &past));
    if (p->type == SL_P_REFUSED)
        return NULL;
    if (base + p->at + size_of(p) > conf_size)
        return sl_err_new(SL_E_CONF, "%s.%s: lies outside the struct of %zu bytes", owner, p->name, conf_size);
    if (p->min > p->max)
        return sl_err_new(SL_E_CONF, "%s.%s: min is above max", owner, p->name);
    if (p->choices && p->type != SL_P_STR)
        return sl_err_new(SL_E_CONF, "%s.%s: only text can have choices", owner, p->name);
    if (p->flags & SL_P_TEMPLATE && p->type != SL_P_STR && p->type != SL_P_JSON)
        return sl_err_new(SL_E_CONF, "%s.%s: only text can be a template", owner, p->name);
    if (p->flags & SL_P_REQUIRED && p->def)
        return sl_err_new(SL_E_CONF, "%s.%s: required and yet it has a default", owner, p->name);
    if (p->def) {
        _Alignas(16) char place[64] = {0};
        binder b = {.a = a};
        const char *why = set_text(&b, p, place, sl_str_of(p->def));
        sl_err *e = verdict(&b);
        if (why && !e)
            e = sl_err_new(SL_E_CONF, "%s", why);
        if (e)
            return sl_err_prefix(e, "%s.%s: default '%s'", owner, p->name, p->def);
    }
    return NULL;
}
static sl_err *lint(const char *owner, const sl_prop *rows, const sl_prop *all, size_t base, size_t conf_size, sl_arena *a) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++)
        SL_TRY(lint_row(owner, p, all, base, conf_size, a));
    return NULL;
}
sl_err *sl_spec_lint(const char *owner, const sl_prop *rows, size_t conf_size) {
    sl_arena *a = sl_arena_new(0);
    if (!a)
        return sl_err_new(SL_E_NOMEM, "%s: out of memory", owner);
    sl_err *e = lint(owner, rows, rows, 0, conf_size, a);
    sl_arena_free(a);
    return e;
}
