/* CREATE STREAM | TABLE: columns with types and defaults, options, and the checks that need no catalogue. Error texts are upstream's,
 * including which token they name where its bracket handling is odd (STRUCT wants no WITH behind its last bracket). */
#include "base/num.h"
#include "data/json.h"
#include "sql/parser.h"

static bool fields(sl_parser *p, sl_field **out, uint32_t *n, bool nested);

static sl_coltype type_word(const sl_token *t) {
    static const char *const names[] = {[SL_T_BIGINT] = "BIGINT",     [SL_T_FLOAT] = "FLOAT",     [SL_T_STRING] = "STRING", [SL_T_BYTEA] = "BYTEA",
                                        [SL_T_DATETIME] = "DATETIME", [SL_T_BOOLEAN] = "BOOLEAN", [SL_T_ARRAY] = "ARRAY",   [SL_T_STRUCT] = "STRUCT"};
    for (int k = SL_T_BIGINT; t->kind == SL_K_IDENT && k <= SL_T_STRUCT; k++)
        if (sl_str_ieq(t->lit, sl_str_of(names[k])))
            return (sl_coltype)k;
    return SL_T_ANY;
}
static bool array_type(sl_parser *p, sl_type *t);
static bool struct_type(sl_parser *p, sl_type *t) {
    sl_field *f = NULL;
    if (!fields(p, &f, &t->nfields, true))
        return false;
    t->fields = f;
    return true;
}
static bool compound(sl_parser *p, sl_type *t) {
    if (t->kind != SL_T_ARRAY && t->kind != SL_T_STRUCT)
        return true;
    if (!sl_p_enter(p, sl_p_peek(p, 0)->pos))
        return false;
    bool ok = t->kind == SL_T_ARRAY ? array_type(p, t) : struct_type(p, t);
    p->depth--;
    return ok;
}
static bool array_type(sl_parser *p, sl_type *t) {
    sl_token open = sl_p_next(p);
    if (open.kind != SL_K_LP) {
        /* D42: upstream swallows the word and takes the column; where it goes wrong there, it names the token behind. */
        sl_tok k = sl_p_kind(p);
        bool fine = open.kind != SL_K_RP && (k == SL_K_COMMA || k == SL_K_RP);
        return fine ? sl_p_found(p, open, "found %s, expected lparen after array.") : sl_p_found(p, *sl_p_peek(p, 0), "found %s, expect comma or rparen.");
    }
    sl_token word = sl_p_next(p);
    sl_type *elem = SL_NEW(p->a, sl_type);
    if ((elem->kind = type_word(&word)) == SL_T_ANY)
        return sl_p_found(p, word, "found %s, expect stream data types.");
    if (!compound(p, elem))
        return false;
    t->elem = elem;
    if (sl_p_take(p, SL_K_RP))
        return true;
    return sl_p_found(p, sl_p_next(p),
                      elem->kind == SL_T_STRUCT      ? "found %s, expect rparen in struct of array type definition."
                          : elem->kind == SL_T_ARRAY ? "found %s, expect rparen in array of array type definition."
                                                     : "found %s, expect rparen in array type definition.");
}
static bool default_value(sl_parser *p, sl_type *t) {
    static const char *const names[] = {[SL_T_BYTEA] = "bytea", [SL_T_DATETIME] = "datetime", [SL_T_ARRAY] = "*ast.ArrayType"};
    bool minus = sl_p_take(p, SL_K_SUB);
    sl_token tok = sl_p_next(p);
    sl_value v = sl_v_null();
    sl_str why = {0};
    sl_str text = minus ? sl_arena_printf(p->a, "-%.*s", SL_FMT(tok.lit)) : tok.lit;
    double f = 0;
    int64_t i = 0;
    bool number = tok.kind == SL_K_INT || tok.kind == SL_K_NUM, ok = false;
    if (tok.kind == SL_K_INT && sl_num_parse_i64(text, &i))
        v = sl_v_int(i);
    else if (number && sl_num_parse_f64(text, &f))
        v = sl_v_float(f);
    else if (!minus && (tok.kind == SL_K_STR || tok.kind == SL_K_SQSTR))
        v = sl_v_str(text);
    else if (!minus && (tok.kind == SL_K_TRUE || tok.kind == SL_K_FALSE))
        v = sl_v_bool(tok.kind == SL_K_TRUE);
    else
        return sl_p_found(p, tok, "found %s, expect default constraint value.");
    switch (t->kind) {
    case SL_T_BIGINT:
        ok = sl_to_int(p->a, v, SL_CAST_ALL, &i, &why);
        v = sl_v_int(i);
        break;
    case SL_T_FLOAT:
        ok = sl_to_float(p->a, v, SL_CAST_ALL, &f, &why);
        v = sl_v_float(f);
        break;
    case SL_T_BOOLEAN: {
        bool b = false;
        ok = sl_to_bool(p->a, v, SL_CAST_ALL, &b, &why);
        if (!ok && v.kind == SL_STRING) {
            sl_buf q = {0};
            sl_go_quote(&q, text);
            why = sl_arena_printf(p->a, "strconv.ParseBool: parsing %s: invalid syntax", sl_buf_cstr(&q));
            sl_buf_free(&q);
        }
        v = sl_v_bool(b);
        break;
    }
    case SL_T_STRING:
        ok = sl_to_str(p->a, v, SL_CAST_ALL, &text, &why);
        v = sl_v_str(text);
        break;
    default: return sl_p_fail(p, tok.pos, "DEFAULT clause is not supported for %s", names[t->kind]);
    }
    if (!ok)
        return sl_p_fail(p, tok.pos, "%.*s", SL_FMT(why));
    t->has_default = true;
    t->dflt = v;
    return true;
}
static bool field(sl_parser *p, sl_field *f) {
    sl_token name = sl_p_next(p);
    if (name.kind != SL_K_IDENT)
        return sl_p_found(p, name, "found %s, expect stream field name.");
    f->name = name.lit;
    sl_token word = sl_p_next(p);
    sl_type *t = SL_NEW(p->a, sl_type);
    f->type = t;
    if ((t->kind = type_word(&word)) == SL_T_ANY)
        return sl_p_found(p, word, "found %s, expect valid stream field types(BIGINT | FLOAT | STRING | DATETIME | BOOLEAN | BYTEA | ARRAY | STRUCT).");
    if (!compound(p, t))
        return false;
    if (t->kind != SL_T_STRUCT && sl_p_take(p, SL_K_DEFAULT) && !default_value(p, t))
        return false;
    if (sl_p_take(p, SL_K_COMMA))
        return sl_p_kind(p) == SL_K_IDENT || sl_p_kind(p) == SL_K_RP || sl_p_found(p, sl_p_next(p), "found %s, expect stream field name.");
    return sl_p_kind(p) == SL_K_RP || sl_p_found(p, sl_p_next(p), "found %s, expect comma or rparen.");
}
static bool is_with(const sl_token *t) { return t->kind == SL_K_IDENT && sl_str_ieq(t->lit, SL_S("WITH")); }
static bool fields(sl_parser *p, sl_field **out, uint32_t *n, bool nested) {
    if (!sl_p_take(p, SL_K_LP))
        return sl_p_found(p, sl_p_next(p), "found %s, expected lparen after stream name.");
    bool empty = sl_p_kind(p) == SL_K_RP;
    while (sl_p_kind(p) != SL_K_RP) {
        sl_field f = {0};
        if (!field(p, &f))
            return false;
        if (!(*out = sl_p_more(p, *out, *n, sizeof **out)))
            return false;
        (*out)[(*n)++] = f;
    }
    sl_p_next(p);
    const sl_token *t = sl_p_peek(p, 0);
    if (nested && !empty && is_with(t)) {
        sl_p_next(p);
        return sl_p_found(p, sl_p_next(p), "found %s, expect comma in create stream record statement.");
    }
    if (nested ? !empty && (t->kind == SL_K_COMMA || t->kind == SL_K_RP) : is_with(t))
        return true;
    if (!nested && !empty && (t->kind == SL_K_COMMA || t->kind == SL_K_RP))
        return sl_p_found(p, *t, "found %s, expect stream options.");
    return sl_p_found(p, empty ? *t : sl_p_shouted(p, *t), "found %s, expected is with.");
}

static const struct {
    const char *name;
    size_t at;
} texts[] = {
#define T(n, m)                                                                                                                                                                    \
    { n, offsetof(sl_stream_opts, m) }
    T("DATASOURCE", datasource),
    T("FORMAT", format),
    T("KEY", key),
    T("CONF_KEY", conf_key),
    T("TYPE", type),
    T("TIMESTAMP", timestamp),
    T("TIMESTAMP_FORMAT", timestamp_format),
    T("RETAIN_SIZE", retain_size_text),
    T("SCHEMAID", schemaid),
    T("EXTRA", extra),
    T("VERSION", version),
    T("KIND", kind),
    T("DELIMITER", delimiter)
#undef T
};
static sl_str lower(sl_parser *p, sl_str s) {
    sl_str c = sl_arena_dup(p->a, s);
    for (size_t i = 0; i < c.n; i++)
        if (c.p[i] >= 'A' && c.p[i] <= 'Z')
            ((char *)c.p)[i] += 32;
    return c;
}
static bool option(sl_parser *p, sl_token name, sl_stream_opts *o) {
    bool *flag = NULL, *set = NULL;
    const char *flag_name = "";
    sl_str *text = NULL;
    bool word = name.kind == SL_K_IDENT || name.kind == SL_K_STR || name.kind == SL_K_SQSTR;
    if (word && sl_str_ieq(name.lit, SL_S("SHARED")))
        flag = &o->shared, set = &o->shared_set, flag_name = "SHARED";
    else if (word && sl_str_ieq(name.lit, SL_S("STRICT_VALIDATION")))
        flag = &o->strict, set = &o->strict_set, flag_name = "STRICT_VALIDATION";
    else if (word && sl_str_ieq(name.lit, SL_S("TEMP")))
        flag = &o->temp, set = &o->temp_set, flag_name = "TEMP";
    for (size_t i = 0; word && i < sizeof texts / sizeof *texts; i++)
        if (sl_str_ieq(name.lit, sl_str_of(texts[i].name)))
            text = (sl_str *)(void *)((char *)o + texts[i].at);
    if (!flag && !text)
        return sl_p_found(p, sl_p_shouted(p, name),
                          "found %s, unknown option keys(DATASOURCE|FORMAT|KEY|CONF_KEY|SHARED|STRICT_VALIDATION|TYPE|TIMESTAMP|"
                          "TIMESTAMP_FORMAT|RETAIN_SIZE|SCHEMAID|EXTRA|VERSION|TEMP|KIND|DELIMITER).");
    sl_token t = sl_p_next(p);
    if (t.kind != SL_K_EQ)
        return sl_p_found(p, t, "found %s, expect equals(=) in options.");
    t = sl_p_next(p);
    if (t.kind != SL_K_STR && t.kind != SL_K_TRUE && t.kind != SL_K_FALSE)
        return sl_p_found(p, t, "found %s, expect string or boolean value in option.");
    if (flag) {
        *flag = sl_str_ieq(t.lit, SL_S("TRUE"));
        *set = true;
        if (*flag || sl_str_ieq(t.lit, SL_S("FALSE")))
            return true;
        sl_buf b = {0};
        sl_go_quote(&b, t.lit);
        sl_p_fail(p, t.pos, "found %s, expect TRUE/FALSE value in %s option.", sl_buf_cstr(&b), flag_name);
        sl_buf_free(&b);
        return false;
    }
    *text = t.lit;
    if (text == &o->format)
        p->format_pos = t.pos;
    if (text == &o->extra) {
        sl_json *j = NULL;
        sl_err *e = sl_json_parse(p->a, t.lit, &j, NULL);
        sl_err_free(e);
        if (e)
            return sl_p_fail(p, t.pos, "invalid extra option, expect JSON string");
    }
    if (text == &o->type)
        p->type_pos = t.pos;
    if (text == &o->retain_size_text && !sl_num_parse_i64(t.lit, &o->retain_size))
        return sl_p_found(p, t, "found %s, expect number value in RETAIN_SIZE option.");
    if (text == &o->kind || text == &o->version)
        *text = lower(p, t.lit);
    return true;
}
static bool options(sl_parser *p, sl_stream_opts *o) {
    sl_p_next(p); /* WITH */
    sl_token t = sl_p_next(p);
    if (t.kind != SL_K_LP)
        return sl_p_found(p, t, "found %s, expect stream options.");
    for (;;) {
        t = sl_p_next(p);
        if (t.kind == SL_K_RP)
            return true;
        if (t.kind != SL_K_COMMA && !option(p, t, o))
            return false;
    }
}
static bool check(sl_parser *p, const sl_create *c, bool table) {
    static const char *const formats[] = {"json", "binary", "delimited", "urlencoded", "protobuf"};
    const sl_stream_opts *o = &c->opts;
    bool known = !o->format.n, binary = sl_str_ieq(o->format, SL_S("binary"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        known |= sl_str_ieq(o->format, sl_str_of(formats[i]));
    if (!known)
        return sl_p_fail(p, p->format_pos, "option 'format=%.*s' is invalid", SL_FMT(o->format));
    if (binary && table)
        return sl_p_fail(p, p->format_pos, "'binary' format is not supported for table");
    if (binary && c->nfields > 1)
        return sl_p_fail(p, p->format_pos, "'binary' format stream can have only one field");
    if (binary && c->nfields && c->fields[0].type->kind != SL_T_BYTEA)
        return sl_p_fail(p, p->format_pos, "'binary' format stream can have only 'bytea' type field");
    if (sl_str_is(o->type, "memory") && sl_str_is(o->kind, "lookup") && !o->key.n)
        return sl_p_fail(p, p->type_pos, "Option \"key\" is required for memory lookup table.");
    return true;
}
sl_create *sl_p_create(sl_parser *p, bool table, sl_str name) {
    sl_create *c = SL_NEW(p->a, sl_create);
    c->table = table;
    c->name = name;
    if (!fields(p, &c->fields, &c->nfields, false) || !options(p, &c->opts))
        return NULL;
    c->schemaless = !c->nfields;
    sl_token t = sl_p_next(p);
    if (t.kind != SL_K_EOF && t.kind != SL_K_SEMI)
        return sl_p_found(p, t, "found %s, expected semicolon or EOF.");
    if (!check(p, c, table))
        return NULL;
    sl_err *bad = sl_check_id(name);
    if (bad)
        sl_p_fail(p, p->name_pos, "%s", sl_err_text(bad));
    sl_err_free(bad);
    return bad ? NULL : c;
}
sl_err *sl_check_id(sl_str id) {
    if (!id.n)
        return sl_err_new(SL_E_UNDEFINED, "id cannot be empty");
    if (sl_str_trim(id).n != id.n)
        return sl_err_new(SL_E_UNDEFINED, "id '%.*s' contains leading or trailing whitespace", SL_FMT(id));
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return sl_err_new(SL_E_UNDEFINED, "id '%.*s' contains invalid characters: only alphanumeric, hyphens and underscores are allowed", SL_FMT(id));
    }
    return NULL;
}
