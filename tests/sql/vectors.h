/* Helpers for tests that run statements from the conformance vectors (or of their own) through planner and runner. */
#ifndef SL_TESTS_SQL_VECTORS_H
#define SL_TESTS_SQL_VECTORS_H
#include "kit.h"
#include <math.h>
#include "data/json.h"
#include "sql/parse.h"
#include "sql/plan.h"

/* Reads tests/conformance/NAME line by line; the arena is emptied before each line. */
static inline void vec_each(const char *name, void (*run)(sl_arena *a, sl_json *v)) {
    char path[512];
    snprintf(path, sizeof path, "%s/conformance/%s", SL_TESTS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    sl_arena *a = sl_arena_new(0);
    while ((n = getline(&line, &cap, f)) > 0) {
        sl_json *v;
        sl_arena_reset(a);
        assert_null(sl_json_parse(a, sl_str_n(line, (size_t)n), &v, NULL));
        run(a, v);
    }
    sl_arena_free(a);
    free(line);
    fclose(f);
}
static inline sl_str vec_text(const sl_json *v, const char *key) {
    const sl_json *m = sl_json_get(v, key);
    return m ? sl_json_text(m, SL_S("")) : SL_S("");
}
static inline sl_zone vec_zone(sl_str name) {
    sl_zone z;
    assert_true(sl_zone_find(name, &z));
    return z;
}
/* A value in the notation of the vectors (README.md there). */
static inline sl_value vec_value(sl_arena *a, const sl_json *v) {
    switch (v->kind) {
    case SL_J_NULL: return sl_v_null();
    case SL_J_BOOL: return sl_v_bool(v->b);
    case SL_J_STR: return sl_v_str(v->s);
    case SL_J_NUM: {
        int64_t i;
        bool whole = !memchr(v->s.p, '.', v->s.n) && !memchr(v->s.p, 'e', v->s.n) && !memchr(v->s.p, 'E', v->s.n);
        return whole && sl_json_i64(v, &i) ? sl_v_int(i) : sl_v_float(v->num);
    }
    case SL_J_ARR: {
        sl_value *at = SL_NEW_N(a, sl_value, v->n + 1);
        uint32_t n = 0;
        for (const sl_json *c = v->child; c; c = c->next)
            at[n++] = vec_value(a, c);
        return sl_v_list(at, n);
    }
    case SL_J_OBJ: break;
    }
    sl_str type = vec_text(v, "$type");
    const sl_json *val = sl_json_get(v, "value");
    if (sl_str_is(type, "float")) {
        if (val->kind == SL_J_NUM)
            return sl_v_float(val->num);
        return sl_v_float(sl_str_is(val->s, "NaN") ? (double)NAN : sl_str_is(val->s, "-0") ? -0.0 : val->s.p[0] == '-' ? -INFINITY : INFINITY);
    }
    if (sl_str_is(type, "int"))
        return sl_v_int(strtoll(sl_arena_dup(a, val->s).p, NULL, 10));
    if (sl_str_is(type, "bytes")) {
        sl_str out, why;
        assert_true(sl_to_bytes(a, sl_v_str(vec_text(v, "base64")), SL_CAST_ALL, &out, &why));
        return sl_v_bytes(out);
    }
    int64_t n = 0;
    if (sl_str_is(type, "datetime")) {
        assert_true(sl_json_i64(sl_json_get(v, "ms"), &n));
        int64_t sec = n >= 0 ? n / 1000 : -((999 - n) / 1000);
        return sl_v_time(sec, (uint32_t)(n - sec * 1000) * 1000000, vec_zone(vec_text(v, "tz")));
    }
    if (sl_str_is(type, "duration")) {
        assert_true(sl_json_i64(sl_json_get(v, "ns"), &n));
        return sl_v_dur(n);
    }
    sl_member *at = SL_NEW_N(a, sl_member, v->n + 1);
    uint32_t k = 0;
    for (const sl_json *c = v->child; c; c = c->next)
        at[k++] = (sl_member){c->key, vec_value(a, c)};
    return sl_v_map(at, k);
}
/* Equal as the vectors mean it: int and float differ, objects in any order, instants to the millisecond. */
static inline bool vec_same(sl_arena *a, sl_value x, sl_value y) {
    x = sl_value_open(a, x);
    y = sl_value_open(a, y);
    if (x.kind == SL_ABSENT)
        x.kind = SL_NULL;
    if ((x.kind == SL_LIST || x.kind == SL_MAP) && x.flags & SL_F_NILLIST && y.kind == SL_NULL)
        return true;
    if (x.kind != y.kind)
        return false;
    switch (x.kind) {
    case SL_NULL: return true;
    case SL_BOOL:
    case SL_INT:
    case SL_DURATION: return x.i == y.i;
    case SL_FLOAT: {
        double p = sl_f64(x), q = sl_f64(y), d = p > q ? p - q : q - p;
        return p == q || (p != p && q != q) || d <= 1e-12 * (q < 0 ? -q : q);
    }
    case SL_STRING:
    case SL_BYTES: return sl_str_eq(sl_v_text(x), sl_v_text(y));
    case SL_TIME: return x.i == y.i && x.len / 1000000 == y.len / 1000000;
    case SL_LIST:
        if (x.len != y.len)
            return false;
        for (uint32_t i = 0; i < x.len; i++)
            if (!vec_same(a, x.list[i], y.list[i]))
                return false;
        return true;
    case SL_MAP:
        if (x.len != y.len)
            return false;
        for (uint32_t i = 0; i < y.len; i++) {
            sl_value m = sl_value_get(a, x, y.map[i].key);
            if (m.kind == SL_ABSENT || !vec_same(a, m, y.map[i].val))
                return false;
        }
        return true;
    default: return false;
    }
}
static inline const char *vec_show(sl_arena *a, sl_value v) {
    sl_buf b = {0};
    sl_str why;
    if (!sl_json_put(&b, v, &why))
        sl_buf_printf(&b, "<%.*s>", SL_FMT(why));
    const char *s = sl_arena_cstr(a, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return s;
}

/* ---- a catalogue of definitions ---- */
typedef struct vec_defs {
    const sl_create *at[16];
    uint32_t n;
} vec_defs;
static inline void vec_define(sl_arena *a, vec_defs *d, sl_str sql) {
    sl_stmt *st = SL_NEW(a, sl_stmt);
    sl_err *e = sl_parse(a, sql, st, NULL);
    if (e)
        fail_msg("%.*s: %s", SL_FMT(sql), sl_err_text(e));
    assert_int_equal(st->kind, SL_ST_CREATE);
    d->at[d->n++] = st->create;
}
static inline const sl_create *vec_find(void *arg, sl_str name) {
    vec_defs *d = arg;
    for (uint32_t i = 0; i < d->n; i++)
        if (sl_str_eq(d->at[i]->name, name))
            return d->at[i];
    return NULL;
}

/* ---- running ---- */
typedef struct vec_out { /* what came out: one entry per frame; error.p set for errors */
    int64_t at;
    sl_value rows; /* LIST of MAP */
    sl_str error;
} vec_out;
typedef struct vec_list {
    vec_out at[256];
    uint32_t n;
} vec_list;
static inline void vec_collect(sl_arena *a, const sl_batch *b, int64_t at, vec_list *l) {
    if (!b)
        return;
    uint32_t n = b->frames ? b->nframes : b->nrows;
    for (uint32_t i = 0; i < n; i++) {
        sl_frame f = b->frames ? b->frames[i] : (sl_frame){.kind = SL_FRAME_ROW, .first = i, .count = 1};
        assert_true(l->n < 256 && f.first + f.count <= b->nrows);
        vec_out *o = &l->at[l->n++];
        *o = (vec_out){.at = at};
        if (f.kind == SL_FRAME_ERROR) {
            o->error = sl_arena_dup(a, f.error);
            continue;
        }
        sl_value *rows = SL_NEW_N(a, sl_value, f.count + 1);
        for (uint32_t k = 0; k < f.count; k++)
            rows[k] = sl_value_copy(a, sl_batch_row(b, f.first + k, a));
        o->rows = sl_v_list(rows, f.count);
    }
}
/* Builds a batch of rows given as MAPs (metas may be NULL) for source 0 of the plan. */
static inline sl_batch *vec_batch(const sl_plan *p, const sl_value *rows, const sl_value *metas, uint32_t n, int64_t at) {
    const sl_plan_source *s = sl_plan_source_at(p, 0);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    for (uint32_t i = 0; i < n; i++) {
        sl_builder_row(w);
        for (uint32_t k = 0; k < rows[i].len; k++)
            sl_builder_put(w, sl_arena_dup(sl_builder_arena(w), rows[i].map[k].key), sl_value_copy(sl_builder_arena(w), rows[i].map[k].val));
        if (metas && metas[i].kind == SL_MAP)
            sl_builder_meta(w, sl_value_copy(sl_builder_arena(w), metas[i]));
        sl_builder_end(w);
    }
    sl_batch *b = sl_builder_done(w, at);
    assert_non_null(b);
    sl_builder_free(w);
    return b;
}
static inline void vec_run(sl_arena *a, sl_exec *x, sl_batch *b, int64_t at, vec_list *l) {
    sl_view v = {.batch = b, .n = b->nrows, .frames = b->frames, .nframes = b->nframes};
    sl_batch *out;
    bool failed;
    sl_exec_run(x, 0, &v, at, &out, &failed);
    assert_false(failed);
    vec_collect(a, out, at, l);
    sl_batch_drop(out);
}
#endif
