/* Request bodies in Go's words: see body.h. */
#include "core/body.h"

sl_err *sl_body_first(sl_arena *a, sl_str text, sl_json **out) {
    sl_str rest;
    return sl_err_recode(sl_json_parse(a, text, out, &rest), SL_E_UNDEFINED);
}
sl_err *sl_body_only(sl_arena *a, sl_str text, sl_json **out) { return sl_err_recode(sl_json_parse(a, text, out, NULL), SL_E_UNDEFINED); }
static const char *gokind(const sl_json *v) {
    static const char *const names[] = {"null", "bool", "number", "string", "array", "object"};
    return names[v->kind];
}
sl_err *sl_body_is(const sl_json *j, sl_jkind kind, const char *gotype) {
    if (!j || j->kind == SL_J_NULL || j->kind == kind)
        return NULL;
    return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go value of type %s", gokind(j), gotype);
}
static sl_err *mismatch(const sl_json *v, const char *owner, const char *key, const char *gotype) {
    return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal %s into Go struct field %s.%s of type %s", gokind(v), owner, key, gotype);
}
sl_err *sl_body_want(const sl_json *j, const char *owner, const char *key, sl_jkind kind, const char *gotype, const sl_json **out) {
    const sl_json *v = sl_json_iget(j, key);
    *out = NULL;
    if (!v || v->kind == SL_J_NULL)
        return NULL;
    if (v->kind != kind)
        return mismatch(v, owner, key, gotype);
    *out = v;
    return NULL;
}
sl_err *sl_body_text(const sl_json *j, const char *owner, const char *key, sl_str *out) {
    const sl_json *v;
    SL_TRY(sl_body_want(j, owner, key, SL_J_STR, "string", &v));
    if (v)
        *out = v->s;
    return NULL;
}
sl_err *sl_body_flag(const sl_json *j, const char *owner, const char *key, bool *out) {
    const sl_json *v;
    SL_TRY(sl_body_want(j, owner, key, SL_J_BOOL, "bool", &v));
    if (v)
        *out = v->b;
    return NULL;
}
sl_err *sl_body_int(const sl_json *j, const char *owner, const char *key, int64_t *out) {
    const sl_json *v;
    SL_TRY(sl_body_want(j, owner, key, SL_J_NUM, "int", &v));
    if (v && !sl_json_i64(v, out))
        return sl_err_new(SL_E_UNDEFINED, "json: cannot unmarshal number %.*s into Go struct field %s.%s of type int", SL_FMT(v->s), owner, key);
    return NULL;
}
sl_err *sl_body_texts(const sl_json *j, const char *owner, const char *key, const sl_json **out) {
    SL_TRY(sl_body_want(j, owner, key, SL_J_ARR, "[]string", out));
    for (const sl_json *x = *out ? (*out)->child : NULL; x; x = x->next)
        if (x->kind != SL_J_STR && x->kind != SL_J_NULL)
            return mismatch(x, owner, key, "string");
    return NULL;
}
