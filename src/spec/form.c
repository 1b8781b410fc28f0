/* A property table as the form description that eKuiper's manager reads (GET /metadata/…).
 *
 * Decision: a form says nothing that the table does not say: the control follows from the type and the choices, the label from the name. */
#include <ctype.h>
#include <stdlib.h>
#include "spec/spec.h"

static sl_json *both(sl_arena *a, sl_str text) { /* one language under both names */
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "en", sl_json_str(a, text));
    sl_json_set(a, j, "zh", sl_json_str(a, text));
    return j;
}
sl_json *sl_spec_text(sl_arena *a, const char *text) { return both(a, sl_str_of(text ? text : "")); }
static sl_str label(sl_arena *a, const char *name) { /* connectionSelector: Connection selector */
    sl_buf b = {0};
    for (const char *p = name; *p; p++) {
        if (p == name)
            sl_buf_putc(&b, (char)toupper((unsigned char)*p));
        else if (isupper((unsigned char)*p) && islower((unsigned char)p[-1])) {
            sl_buf_putc(&b, ' ');
            sl_buf_putc(&b, isupper((unsigned char)p[1]) ? *p : (char)tolower((unsigned char)*p));
        } else
            sl_buf_putc(&b, *p);
    }
    sl_str s = sl_arena_dup(a, sl_buf_view(&b));
    sl_buf_free(&b);
    return s;
}
static sl_json *typed(sl_arena *a, const sl_prop *p, sl_str text) {
    sl_json *j = NULL;
    sl_err *e = NULL;
    switch (p->type) {
    case SL_P_INT: return sl_json_int(a, strtoll(sl_arena_dup(a, text).p, NULL, 10));
    case SL_P_FLOAT: return sl_json_dbl(a, strtod(sl_arena_dup(a, text).p, NULL));
    case SL_P_BOOL: return sl_json_bool(a, sl_str_is(text, "true"));
    case SL_P_STRS:
    case SL_P_JSON:
        if (!text.n)
            return p->type == SL_P_STRS ? sl_json_arr(a) : sl_json_obj(a);
        e = sl_json_parse(a, text, &j, NULL);
        sl_err_free(e);
        return e ? sl_json_str(a, text) : j;
    default: return sl_json_str(a, text);
    }
}
static const sl_json *value_of(const sl_json *values, const sl_prop *p) {
    const sl_json *v = values ? sl_json_iget(values, p->name) : NULL;
    return v || !values || !p->alias ? v : sl_json_iget(values, p->alias);
}
static void add(sl_arena *a, sl_json *out, const sl_prop *rows, int where, bool shared, const sl_json *values) {
    static const char *const types[] = {
        [SL_P_STR] = "string", [SL_P_INT] = "int", [SL_P_FLOAT] = "float", [SL_P_BOOL] = "bool", [SL_P_DUR] = "string", [SL_P_STRS] = "list_string", [SL_P_JSON] = "object"};
    static const char *const controls[] = {
        [SL_P_STR] = "text", [SL_P_INT] = "text", [SL_P_FLOAT] = "text", [SL_P_BOOL] = "radio", [SL_P_DUR] = "text", [SL_P_STRS] = "list", [SL_P_JSON] = "textarea"};
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        int places = p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP);
        if ((places && where && !(places & where)) || p->type == SL_P_REFUSED || (shared && p->type != SL_P_GROUP && !(p->flags & SL_P_SHARED)))
            continue;
        if (p->type == SL_P_GROUP) {
            add(a, out, p->of, where, shared, values);
            continue;
        }
        const sl_json *v = value_of(values, p);
        sl_json *f = sl_json_obj(a), *choices = NULL;
        for (sl_str rest = sl_str_of(p->choices ? p->choices : ""); rest.n;) {
            ptrdiff_t bar = sl_str_find(rest, SL_S("|"));
            sl_str one = {rest.p, bar < 0 ? rest.n : (size_t)bar};
            choices = choices ? choices : sl_json_arr(a);
            sl_json_add(choices, typed(a, p, one));
            rest = bar < 0 ? (sl_str){0} : (sl_str){rest.p + bar + 1, rest.n - (size_t)bar - 1};
        }
        sl_json_set(a, f, "exist", sl_json_bool(a, v != NULL));
        sl_json_set(a, f, "name", sl_json_str(a, sl_str_of(p->name)));
        sl_json_set(a, f, "default", v ? sl_json_clone(a, v) : typed(a, p, sl_str_of(p->def ? p->def : "")));
        sl_json_set(a, f, "type", sl_json_str(a, sl_str_of(types[p->type])));
        sl_json_set(a, f, "control", sl_json_str(a, sl_str_of(choices ? "select" : p->flags & SL_P_SECRET ? "password" : controls[p->type])));
        sl_json_set(a, f, "connection_related", sl_json_bool(a, p->flags & SL_P_SHARED));
        sl_json_set(a, f, "optional", sl_json_bool(a, !(p->flags & SL_P_REQUIRED)));
        sl_json_set(a, f, "values", choices ? choices : sl_json_null(a));
        sl_json_set(a, f, "hint", sl_spec_text(a, p->doc));
        sl_json_set(a, f, "label", both(a, label(a, p->name)));
        sl_json_add(out, f);
    }
}
sl_json *sl_spec_form(sl_arena *a, const sl_prop *rows, int where, bool shared, const sl_json *values, sl_json *out) {
    out = out ? out : sl_json_arr(a);
    add(a, out, rows, where, shared, values);
    return out;
}
