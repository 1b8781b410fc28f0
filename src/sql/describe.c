/* What a stream or table definition looks like from outside: DESCRIBE text, describe JSON, schema map. */
#include "base/num.h"
#include "sql/parse.h"

static const char *type_name(const sl_type *t) {
    static const char *const names[] = {"", "bigint", "float", "string", "bytea", "datetime", "boolean", "array", "struct"};
    return names[t->kind];
}
static void dflt_print(sl_buf *out, sl_value v) {
    char num[SL_NUM_MAX];
    switch (v.kind) {
    case SL_INT: sl_buf_put(out, num, sl_num_i64(num, v.i)); break;
    case SL_FLOAT: sl_buf_put(out, num, sl_num_g(num, v.f)); break;
    case SL_BOOL: sl_buf_puts(out, v.i ? "true" : "false"); break;
    default: sl_buf_str(out, sl_v_text(v)); break;
    }
}
void sl_type_print(sl_buf *out, const sl_type *t) {
    sl_buf_puts(out, type_name(t));
    if (t->kind == SL_T_ARRAY) {
        sl_buf_putc(out, '(');
        sl_type_print(out, t->elem);
        sl_buf_putc(out, ')');
    }
    if (t->kind == SL_T_STRUCT) {
        for (uint32_t i = 0; i < t->nfields; i++) {
            sl_buf_puts(out, i ? ", " : "(");
            sl_buf_str(out, t->fields[i].name);
            sl_buf_putc(out, ' ');
            sl_type_print(out, t->fields[i].type);
        }
        sl_buf_putc(out, ')');
    }
}
void sl_create_describe(sl_buf *out, const sl_create *c) {
    const sl_stream_opts *o = &c->opts;
    sl_buf_puts(out, "Fields\n--------------------------------------------------------------------------------\n");
    for (uint32_t i = 0; i < c->nfields; i++) {
        const sl_type *t = c->fields[i].type;
        sl_buf_str(out, c->fields[i].name);
        sl_buf_putc(out, '\t');
        sl_type_print(out, t);
        if (t->has_default) {
            sl_buf_puts(out, "\tDEFAULT\t");
            dflt_print(out, t->dflt);
        }
        sl_buf_putc(out, '\n');
    }
    sl_buf_putc(out, '\n');
    char size[SL_NUM_MAX];
    const struct {
        const char *key;
        sl_str text;
    } lines[] = {{"CONF_KEY", o->conf_key},
                 {"DATASOURCE", o->datasource},
                 {"FORMAT", o->format},
                 {"SCHEMAID", o->schemaid},
                 {"KEY", o->key},
                 {"RETAIN_SIZE", {size, o->retain_size ? sl_num_i64(size, o->retain_size) : 0}},
                 {"SHARED", sl_str_of(o->shared ? "true" : "")},
                 {"STRICT_VALIDATION", sl_str_of(o->strict ? "true" : "")},
                 {"TIMESTAMP", o->timestamp},
                 {"TIMESTAMP_FORMAT", o->timestamp_format},
                 {"TYPE", o->type},
                 {"EXTRA", o->extra},
                 {"VERSION", o->version}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].text.n)
            sl_buf_printf(out, "%s: %.*s\n", lines[i].key, SL_FMT(lines[i].text));
}

static sl_json *fields_json(sl_arena *a, const sl_field *at, uint32_t n);
static sl_json *type_json(sl_arena *a, const sl_type *t) {
    if (t->kind != SL_T_ARRAY && t->kind != SL_T_STRUCT)
        return sl_json_str(a, sl_str_of(type_name(t)));
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "Type", sl_json_str(a, sl_str_of(type_name(t))));
    if (t->kind == SL_T_ARRAY)
        sl_json_set(a, j, "ElementType", type_json(a, t->elem));
    else
        sl_json_set(a, j, "Fields", fields_json(a, t->fields, t->nfields));
    return j;
}
static sl_json *dflt_json(sl_arena *a, sl_value v) {
    switch (v.kind) {
    case SL_INT: return sl_json_int(a, v.i);
    case SL_FLOAT: return sl_json_dbl(a, v.f);
    case SL_BOOL: return sl_json_bool(a, v.i);
    default: return sl_json_str(a, sl_v_text(v));
    }
}
static sl_json *fields_json(sl_arena *a, const sl_field *at, uint32_t n) {
    sl_json *list = sl_json_arr(a);
    for (uint32_t i = 0; i < n; i++) {
        sl_json *f = sl_json_obj(a);
        if (at[i].type->has_default)
            sl_json_set(a, f, "DefaultClause", dflt_json(a, at[i].type->dflt));
        sl_json_set(a, f, "FieldType", type_json(a, at[i].type));
        sl_json_set(a, f, "Name", sl_json_str(a, at[i].name));
        sl_json_add(list, f);
    }
    return list;
}
static void text(sl_arena *a, sl_json *o, const char *key, sl_str s) {
    if (s.n)
        sl_json_set(a, o, key, sl_json_str(a, s));
}
static void flag(sl_arena *a, sl_json *o, const char *key, bool on) {
    if (on)
        sl_json_set(a, o, key, sl_json_bool(a, true));
}
sl_json *sl_create_json(sl_arena *a, const sl_create *c) {
    const sl_stream_opts *o = &c->opts;
    sl_json *j = sl_json_obj(a), *opts = sl_json_obj(a);
    text(a, opts, "datasource", o->datasource);
    text(a, opts, "key", o->key);
    text(a, opts, "format", o->format);
    text(a, opts, "confKey", o->conf_key);
    text(a, opts, "type", o->type);
    flag(a, opts, "strictValidation", o->strict);
    text(a, opts, "timestamp", o->timestamp);
    text(a, opts, "timestampFormat", o->timestamp_format);
    flag(a, opts, "shared", o->shared);
    text(a, opts, "schemaid", o->schemaid);
    text(a, opts, "version", o->version);
    text(a, opts, "extra", o->extra);
    flag(a, opts, "temp", o->temp);
    if (o->retain_size)
        sl_json_set(a, opts, "retainSize", sl_json_int(a, o->retain_size));
    text(a, opts, "kind", o->kind);
    text(a, opts, "delimiter", o->delimiter);
    sl_json_set(a, j, "Name", sl_json_str(a, c->name));
    sl_json_set(a, j, "StreamFields", c->nfields ? fields_json(a, c->fields, c->nfields) : sl_json_null(a));
    sl_json_set(a, j, "Options", opts);
    sl_json_set(a, j, "StreamType", sl_json_int(a, c->table));
    sl_json_set(a, j, "Statement", sl_json_null(a));
    return j;
}

/* Names come from the user and may hold any byte but NUL; sl_json_set wants a C string. */
static sl_json *schema_map(sl_arena *a, const sl_field *at, uint32_t n);
static sl_json *schema_of(sl_arena *a, const sl_type *t) {
    sl_json *j = sl_json_obj(a);
    sl_json_set(a, j, "type", sl_json_str(a, sl_str_of(type_name(t))));
    if (t->kind == SL_T_ARRAY)
        sl_json_set(a, j, "items", schema_of(a, t->elem));
    if (t->kind == SL_T_STRUCT)
        sl_json_set(a, j, "properties", schema_map(a, t->fields, t->nfields));
    if (t->has_default)
        sl_json_set(a, j, "default", dflt_json(a, t->dflt));
    sl_json_set(a, j, "index", sl_json_int(a, 0));
    return j;
}
static sl_json *schema_map(sl_arena *a, const sl_field *at, uint32_t n) {
    sl_json *j = sl_json_obj(a);
    for (uint32_t i = 0; i < n; i++)
        sl_json_set(a, j, sl_arena_dup(a, at[i].name).p, schema_of(a, at[i].type));
    return j;
}
sl_json *sl_create_schema(sl_arena *a, const sl_create *c) { return c->nfields ? schema_map(a, c->fields, c->nfields) : sl_json_null(a); }
