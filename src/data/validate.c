/* Declared types, strictly. Texts of errors are upstream's.
 * Decision: null for a list or struct becomes the nil list or map that upstream makes of it (prints as null, counts as empty). */
#include "data/validate.h"

static const char *shown(sl_arena *a, sl_value v) {
    sl_buf b = {0};
    sl_value_print(&b, v);
    const char *c = sl_arena_dup(a, sl_buf_view(&b)).p;
    sl_buf_free(&b);
    return c;
}
static bool list(const sl_validation *c, sl_arena *a, const sl_type *t, sl_value v, sl_value *out, sl_str *why) {
    v = sl_value_open(a, v);
    if (v.kind == SL_NULL) {
        *out = (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST};
        return true;
    }
    if (v.kind == SL_BYTES) {
        *why = sl_arena_printf(a, "cannot convert %s to []interface{}", shown(a, v));
        return false;
    }
    if (v.kind != SL_LIST) {
        *why = sl_arena_printf(a, "expect array but got %s", shown(a, v));
        return false;
    }
    if (!t->elem || t->elem->kind == SL_T_ANY) {
        *out = v;
        return true;
    }
    sl_value *at = sl_arena_alloc(a, v.len * sizeof *at);
    if (!at || (sl_arena_failed(a) && v.len * sizeof *at > SL_ARENA_BIG)) {
        *why = SL_S("out of memory");
        return false;
    }
    for (uint32_t i = 0; i < v.len; i++)
        if (!sl_validate_value(c, a, t->elem, v.list[i], &at[i], why)) {
            *why = sl_arena_printf(a, "array element type mismatch: %.*s", SL_FMT(*why));
            return false;
        }
    *out = sl_v_list(at, v.len);
    return true;
}
static bool record(const sl_validation *c, sl_arena *a, const sl_type *t, sl_value v, sl_value *out, sl_str *why) {
    if (v.kind == SL_NULL) {
        *out = (sl_value){.kind = SL_MAP, .flags = SL_F_NILLIST};
        return true;
    }
    if (v.kind == SL_STRING) { /* a struct may come as JSON text */
        sl_value parsed;
        sl_err *e = sl_json_value(a, sl_v_text(v), false, &parsed);
        if (e || parsed.kind != SL_MAP) {
            sl_err_free(e);
            const char *s = shown(a, v);
            *why = sl_arena_printf(a, "invalid data type for %s, expect map but found string(%s)", s, s);
            return false;
        }
        v = parsed;
    }
    v = sl_value_open(a, v);
    if (v.kind != SL_MAP) {
        *why = sl_arena_printf(a, "expect struct but found %s(%s)", sl_value_gotype(v), shown(a, v));
        return false;
    }
    if (!t->nfields) {
        *out = v;
        return true;
    }
    sl_member *at = sl_arena_alloc(a, t->nfields * sizeof *at);
    if (!at || (sl_arena_failed(a) && t->nfields * sizeof *at > SL_ARENA_BIG)) {
        *why = SL_S("out of memory");
        return false;
    }
    for (uint32_t i = 0; i < t->nfields; i++) {
        const sl_field *f = &t->fields[i];
        sl_value x = sl_value_get(a, v, f->name);
        at[i].key = f->name;
        if (x.kind == SL_ABSENT) {
            if (!f->type || !f->type->has_default) {
                *why = sl_arena_printf(a, "field %.*s is not found", SL_FMT(f->name));
                return false;
            }
            at[i].val = f->type->dflt;
        } else if (!sl_validate_value(c, a, f->type, x, &at[i].val, why)) {
            *why = sl_arena_printf(a, "field %.*s type mismatch: %.*s", SL_FMT(f->name), SL_FMT(*why));
            return false;
        }
    }
    *out = sl_v_map(at, t->nfields);
    return true;
}
bool sl_validate_value(const sl_validation *c, sl_arena *a, const sl_type *t, sl_value v, sl_value *out, sl_str *why) {
    sl_str s;
    int64_t i;
    double f;
    bool b;
    if (v.kind == SL_JSONTEXT && t && t->kind != SL_T_ARRAY && t->kind != SL_T_STRUCT && t->kind != SL_T_ANY)
        v = sl_value_copy(a, v);
    switch (t ? t->kind : SL_T_ANY) {
    case SL_T_ANY: *out = v; return true;
    case SL_T_BIGINT:
        if (!sl_to_int(a, v, SL_CAST_SAMEKIND, &i, why))
            return false;
        *out = sl_v_int(i);
        return true;
    case SL_T_FLOAT:
        if (!sl_to_float(a, v, SL_CAST_SAMEKIND, &f, why))
            return false;
        *out = v.kind == SL_FLOAT ? v : sl_v_float(f);
        return true;
    case SL_T_BOOLEAN:
        if (!sl_to_bool(a, v, SL_CAST_SAMEKIND, &b, why))
            return false;
        *out = sl_v_bool(b);
        return true;
    case SL_T_STRING:
        if (!sl_to_str(a, v, SL_CAST_SAMEKIND, &s, why))
            return false;
        *out = sl_v_str(s);
        return true;
    case SL_T_BYTEA:
        if (!sl_to_bytes(a, v, SL_CAST_SAMEKIND, &s, why))
            return false;
        *out = sl_v_bytes(s);
        return true;
    case SL_T_DATETIME: return sl_to_time(a, v, c->time_format, c->zone, out, why);
    case SL_T_ARRAY: return list(c, a, t, v, out, why);
    case SL_T_STRUCT: return record(c, a, t, v, out, why);
    }
    *out = v;
    return true;
}
static bool declared(const sl_validation *c, sl_str name) {
    for (uint32_t i = 0; i < c->nfields; i++)
        if (sl_str_eq(c->fields[i].name, name))
            return true;
    return false;
}
bool sl_validate_row(const sl_validation *c, const sl_batch *in, uint32_t r, sl_builder *w, sl_str *why) {
    sl_arena *a = sl_builder_arena(w);
    sl_builder_row(w);
    for (uint32_t i = 0; i < c->nfields; i++) {
        const sl_field *f = &c->fields[i];
        if (!sl_builder_all(w) && sl_layout_find(sl_builder_layout(w), f->name) < 0)
            continue;
        sl_value v = sl_batch_get(in, r, f->name), to;
        if (v.kind == SL_ABSENT) {
            if (!f->type || !f->type->has_default) {
                *why = sl_arena_printf(a, "error in preprocessor: field %.*s is not found", SL_FMT(f->name));
                sl_builder_cancel(w);
                return false;
            }
            to = f->type->dflt;
        } else if (!sl_validate_value(c, a, f->type, v, &to, why)) {
            *why = sl_arena_printf(a, "error in preprocessor: field %.*s type mismatch: %.*s", SL_FMT(f->name), SL_FMT(*why));
            sl_builder_cancel(w);
            return false;
        }
        sl_builder_put(w, f->name, to);
    }
    for (uint32_t i = 0; i < in->layout->n; i++)
        if (in->cols[i][r].kind != SL_ABSENT && !declared(c, in->layout->names[i]))
            sl_builder_put(w, sl_arena_dup(a, in->layout->names[i]), in->cols[i][r]);
    if (in->tails)
        for (uint32_t i = 0; i < in->tails[r].n; i++)
            if (!declared(c, in->tails[r].at[i].key))
                sl_builder_put(w, in->tails[r].at[i].key, in->tails[r].at[i].val);
    if (in->meta)
        sl_builder_meta(w, in->meta[r]);
    if (in->time)
        sl_builder_time(w, in->time[r]);
    sl_builder_end(w);
    return true;
}
uint32_t sl_validate_batch(const sl_validation *c, sl_batch *in, sl_builder *w) {
    uint32_t failed = 0, mark = 0;
    sl_builder_base(w, in);
    for (uint32_t f = 0, r = 0; in->frames ? f < in->nframes : r < in->nrows; f++) {
        sl_frame one = in->frames ? in->frames[f] : (sl_frame){.kind = SL_FRAME_ROW, .first = r, .count = 1};
        uint32_t first = sl_builder_rows(w);
        if (one.kind == SL_FRAME_ERROR)
            sl_builder_error(w, one.error);
        sl_str why = {0};
        bool ok = true;
        for (r = one.first; r < one.first + one.count; r++) {
            for (; mark < in->nmarks && in->marks[mark].row <= r; mark++)
                sl_builder_mark(w, (sl_mark_kind)in->marks[mark].kind, in->marks[mark].value);
            if (!sl_validate_row(c, in, r, w, &why)) {
                failed++;
                ok = false;
                if (one.kind == SL_FRAME_ROW)
                    sl_builder_error(w, why);
            }
        }
        if (one.kind == SL_FRAME_COLLECTION || one.kind == SL_FRAME_UPDATE) {
            if (ok)
                sl_builder_collection(w, first);
            else { /* one message: it fails as a whole */
                sl_builder_undo(w, first);
                sl_builder_error(w, why);
            }
        }
    }
    for (; mark < in->nmarks; mark++)
        sl_builder_mark(w, (sl_mark_kind)in->marks[mark].kind, in->marks[mark].value);
    return failed;
}
