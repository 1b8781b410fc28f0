/* The registry: finds a function by name in any case, checks the arguments of a call at parse time, runs the null gate.
 * Decision: the tables of the other files are the only truth; a hash index over all of them is built once, on first use. */
#include <pthread.h>
#include <stdio.h>
#include "base/num.h"
#include "sql/func.h"

static const sl_func *const tables[] = {sl_funcs_agg,  sl_funcs_analytic, sl_funcs_math, sl_funcs_str,   sl_funcs_hash,   sl_funcs_encode,
                                        sl_funcs_conv, sl_funcs_json,     sl_funcs_time, sl_funcs_array, sl_funcs_object, sl_funcs_misc};
enum { MOST = 512, SLOTS = 1024 };
static const sl_func *all[MOST];
static size_t nall;
static uint16_t slots[SLOTS]; /* index into all, plus 1 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t hash_name(const char *p, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
    }
    return h ^ h >> 15;
}
static void build(void) {
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const sl_func *f = tables[t]; f && f->name && nall < MOST; f++) {
            uint32_t h = hash_name(f->name, strlen(f->name));
            while (slots[h % SLOTS])
                h++;
            all[nall++] = f;
            slots[h % SLOTS] = (uint16_t)nall;
        }
}
const sl_func *sl_func_find(sl_str name) {
    pthread_once(&once, build);
    for (uint32_t h = hash_name(name.p, name.n); slots[h % SLOTS]; h++) {
        const sl_func *f = all[slots[h % SLOTS] - 1];
        if (sl_str_ieq(name, sl_str_of(f->name)))
            return f;
    }
    return NULL;
}
const sl_func *sl_func_at(size_t i) {
    pthread_once(&once, build);
    return i < nall ? all[i] : NULL;
}

const char *sl_func_kind(const sl_func *f) {
    switch ((sl_fkind)f->kind) {
    case SL_FN_SCALAR: return "scalar";
    case SL_FN_AGG: return "aggregate";
    case SL_FN_ANALYTIC: return "analytic";
    case SL_FN_WINDOW: return "window";
    case SL_FN_SRF: return "set-returning";
    case SL_FN_COLS: return "several columns";
    case SL_FN_STATE: return "state";
    case SL_FN_META: return "message";
    case SL_FN_TRIGGER: return "operator";
    }
    return "";
}

/* ---- a call ---- */
sl_value sl_call_fail(sl_call *c, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    size_t size = n < 0 ? 0 : (size_t)n;
    char *p = sl_arena_alloc(c->arena, size + 1);
    if (p)
        vsnprintf(p, size + 1, fmt, again);
    va_end(again);
    c->failed = true;
    c->error = p ? (sl_str){p, size} : SL_S("out of memory");
    return sl_v_error(c->error);
}
static bool blank(char ch) { return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r'; }
static bool gated(sl_value v) {
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: return true;
    case SL_LIST:
    case SL_MAP:
    case SL_PAIRS: return v.len == 0;
    case SL_JSONTEXT: /* valid, so the first byte that is not blank behind the bracket tells */
        for (uint32_t i = 0, seen = 0; i < v.len; i++)
            if (!blank(v.p[i]) && seen++)
                return v.p[i] == ']' || v.p[i] == '}';
        return false;
    default: return false;
    }
}
bool sl_func_gate(const sl_func *f, const sl_value *args, uint32_t n, sl_value *out) {
    if (!(f->flags & (SL_FN_NULLGATE | SL_FN_FALSEGATE | SL_FN_ZEROGATE)))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (gated(args[i])) {
            *out = f->flags & SL_FN_NULLGATE ? sl_v_null() : f->flags & SL_FN_FALSEGATE ? sl_v_bool(false) : sl_v_goint(0);
            return true;
        }
    return false;
}
sl_value sl_func_call(sl_call *c, const sl_func *f, const sl_value *args, uint32_t n) {
    sl_value out;
    c->func = f;
    c->failed = false;
    if (sl_func_gate(f, args, n, &out))
        return out;
    return f->eval ? f->eval(c, args, n) : sl_call_fail(c, "function %s cannot be called for a single row", f->name);
}
const char *sl_fn_v(sl_call *c, sl_value v) {
    sl_buf b = {0};
    sl_value_print(&b, v);
    const char *p = sl_arena_dup(c->arena, sl_str_of(sl_buf_cstr(&b))).p;
    sl_buf_free(&b);
    return p ? p : "";
}
sl_str sl_fn_text(sl_call *c, sl_value v) {
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_ABSENT:
    case SL_NULL: return SL_S("");
    case SL_STRING: return sl_v_text(v);
    case SL_BOOL: return v.i ? SL_S("true") : SL_S("false");
    case SL_INT:
        if (v.flags & SL_F_WEEKDAY)
            break;
        return sl_arena_dup(c->arena, (sl_str){num, sl_num_i64(num, v.i)});
    case SL_FLOAT: return sl_arena_dup(c->arena, (sl_str){num, sl_num_g(num, sl_f64(v))});
    default: break;
    }
    sl_buf b = {0};
    sl_value_print(&b, v);
    sl_str s = sl_arena_dup(c->arena, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
sl_value sl_fn_take(sl_call *c, sl_buf *b) {
    sl_str s = sl_arena_dup(c->arena, sl_buf_view(b));
    bool failed = b->failed || !s.p, large = b->failed && b->most && b->n > b->most / 4;
    sl_buf_free(b);
    if (large)
        return sl_call_fail(c, "the result would have more than %zu bytes", SL_FN_TEXT);
    return failed ? sl_call_fail(c, "out of memory") : sl_v_str(s);
}
sl_buf sl_fn_room(sl_call *c, size_t n) {
    char *p = sl_arena_alloc(c->arena, n + 2);
    return (sl_buf){.p = p, .cap = p ? n + 2 : 0, .failed = !p};
}
int64_t sl_go_i64(double d) { return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : INT64_MIN; }

/* ---- parse-time checks ---- */
static bool literal(const sl_expr *e, sl_kind k) { return e->kind == SL_X_LITERAL && e->value.kind == k; }
bool sl_x_is_int(const sl_expr *e) { return literal(e, SL_INT); }
bool sl_x_is_float(const sl_expr *e) { return literal(e, SL_FLOAT); }
bool sl_x_is_num(const sl_expr *e) { return sl_x_is_int(e) || sl_x_is_float(e); }
bool sl_x_is_str(const sl_expr *e) { return literal(e, SL_STRING); }
bool sl_x_is_unit(const sl_expr *e) { return e->kind == SL_X_TIMEUNIT; }
bool sl_x_is_bool(const sl_expr *e) {
    return literal(e, SL_BOOL) || (e->kind == SL_X_BINARY && e->op >= SL_OP_AND) || e->kind == SL_X_BETWEEN || e->kind == SL_X_IN || e->kind == SL_X_LIKE;
}
bool sl_x_not_number(const sl_expr *e) { return sl_x_is_str(e) || sl_x_is_bool(e) || sl_x_is_unit(e); }
bool sl_x_not_int(const sl_expr *e) { return sl_x_not_number(e) || sl_x_is_float(e); }
bool sl_x_not_str(const sl_expr *e) { return sl_x_is_num(e) || sl_x_is_bool(e) || sl_x_is_unit(e); }
bool sl_x_not_time(const sl_expr *e) { return sl_x_is_num(e) || sl_x_is_str(e) || sl_x_is_bool(e); }

static const char number_type[] = "number - float or int";
const char *sl_ck_count(sl_arena *a, uint32_t want, uint32_t n) { return n == want ? NULL : sl_arena_printf(a, "Expect %u arguments but found %u.", want, n).p; }
const char *sl_ck_least(sl_arena *a, uint32_t want, uint32_t n) { return n >= want ? NULL : sl_arena_printf(a, "At least has %u argument but found %u.", want, n).p; }
const char *sl_ck_expect(sl_arena *a, const char *what, uint32_t pos) { return sl_arena_printf(a, "Expect %s type for parameter %u", what, pos).p; }
static const char *each(sl_arena *a, sl_expr **args, uint32_t n, uint32_t want, bool (*wrong)(const sl_expr *), const char *what) {
    const char *e = sl_ck_count(a, want, n);
    for (uint32_t i = 0; !e && i < n; i++)
        if (wrong(args[i]))
            e = sl_ck_expect(a, what, i + 1);
    return e;
}
const char *sl_ck_n1(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 1, sl_x_not_number, number_type); }
const char *sl_ck_n2(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 2, sl_x_not_number, number_type); }
const char *sl_ck_i2(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 2, sl_x_not_int, "int"); }
const char *sl_ck_s1(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 1, sl_x_not_str, "string"); }
const char *sl_ck_s2(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 2, sl_x_not_str, "string"); }
const char *sl_ck_s3(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 3, sl_x_not_str, "string"); }
const char *sl_ck_d1(sl_arena *a, sl_expr **args, uint32_t n) { return each(a, args, n, 1, sl_x_not_time, "datetime"); }
const char *sl_ck_si(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_str(args[0]))
        return sl_ck_expect(a, "string", 1);
    return sl_x_not_int(args[1]) ? sl_ck_expect(a, "int", 2) : NULL;
}
const char *sl_ck_ds(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    if (e)
        return e;
    if (sl_x_not_time(args[0]))
        return sl_ck_expect(a, "datetime", 1);
    return sl_x_not_str(args[1]) ? sl_ck_expect(a, "string", 2) : NULL;
}
const char *sl_func_validate(sl_arena *a, const sl_func *f, sl_expr **args, uint32_t n) {
    if (f->check)
        return f->check(a, args, n);
    if (f->max < 0)
        return sl_ck_least(a, (uint32_t)f->min, n);
    if (n >= (uint32_t)f->min && n <= (uint32_t)f->max)
        return NULL;
    return sl_ck_count(a, (uint32_t)(n < (uint32_t)f->min ? f->min : f->max), n);
}
