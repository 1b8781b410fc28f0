/* What an action makes of rows before they are encoded: templated properties, the data template, dataField, fields and
 * excludeFields. Texts of errors are upstream's.
 * Decision: a sink without templates, fields and dataField never comes here: its rows are encoded from their columns. */
#include "data/json.h"
#include "flow/sink_int.h"

/* ---- templates of an action ---- */
struct sl_sinkdyn {
    uint32_t nrows; /* templated rows of the connector's table */
    struct dynrow {
        sl_str fixed; /* text property without a template */
        sl_template *text;
        const sl_json *tree; /* object or list with templates somewhere inside */
    } * rows;
    bool soft; /* with oauth, headers may be templates over the token: what the message cannot fill stays as it is */
    struct leaf {
        sl_str text;
        sl_template *t;
        struct leaf *next;
    } * leaves; /* every templated text of the action, compiled once each */
};
static sl_err *compile(sl_arena *a, sl_str text, struct sl_sinkdyn *d, sl_template **out) {
    for (struct leaf *l = d->leaves; l; l = l->next)
        if (sl_str_eq(l->text, text)) {
            *out = l->t;
            return NULL;
        }
    struct leaf *l = SL_NEW(a, struct leaf);
    SL_TRY(sl_template_new(text, &l->t));
    l->text = text;
    l->next = d->leaves;
    d->leaves = l;
    *out = l->t;
    return NULL;
}
/* Compiles what an object holds, as deep as objects go; upstream does not look into lists. */
static sl_err *compile_tree(sl_arena *a, const sl_json *j, struct sl_sinkdyn *d, bool *any) {
    sl_template *t;
    for (const sl_json *x = j->kind == SL_J_OBJ ? j->child : NULL; x; x = x->next) {
        if (x->kind == SL_J_OBJ)
            SL_TRY(compile_tree(a, x, d, any));
        if (x->kind != SL_J_STR || !sl_template_is(x->s))
            continue;
        *any = true;
        SL_TRY(compile(a, x->s, d, &t));
    }
    return NULL;
}
sl_err *sinkdef_templates(sl_arena *a, const sl_json *props, sl_sinkdef *d) {
    bool any = false;
    const sl_json *oauth = sl_json_iget(props, "oauth");
    struct sl_sinkdyn *y = d->dyn = SL_NEW(a, struct sl_sinkdyn);
    y->soft = oauth && oauth->kind == SL_J_OBJ;
    SL_TRY(compile_tree(a, props, y, &any));
    if (d->opts.data_template.n) {
        SL_TRY(compile(a, d->opts.data_template, y, &d->data_template));
        any = false; /* is there another one? */
        for (struct leaf *l = y->leaves; l; l = l->next)
            any |= l->t != d->data_template;
    }
    uint32_t n = 0;
    const sl_prop *rows = d->def->props;
    for (const sl_prop *p = rows; p && p->name; p++)
        n += (p->flags & SL_P_TEMPLATE) != 0;
    if (!any || !n)
        return NULL;
    y->rows = SL_NEW_N(a, struct dynrow, n);
    bool used = false;
    for (const sl_prop *p = rows; p->name; p++) {
        if (!(p->flags & SL_P_TEMPLATE))
            continue;
        struct dynrow *r = &y->rows[y->nrows++];
        const sl_json *x = sl_json_iget(props, p->name);
        bool inside = false;
        if (x && x->kind == SL_J_STR && sl_template_is(x->s)) {
            SL_TRY(compile(a, x->s, y, &r->text));
            used = true;
        } else if (x && x->kind == SL_J_OBJ) {
            SL_TRY(compile_tree(a, x, y, &inside));
            r->tree = inside ? x : NULL;
            used |= inside;
        } else if (p->type == SL_P_STR)
            r->fixed = *(const sl_str *)((const char *)d->conf + p->at);
    }
    if (!used)
        y->nrows = 0;
    return NULL;
}
void sl_sinkdef_drop(sl_sinkdef *d) {
    for (struct leaf *l = d->dyn ? d->dyn->leaves : NULL; l; l = l->next)
        sl_template_free(l->t);
    d->dyn = NULL;
    d->data_template = NULL;
}
uint32_t dyn_count(const sl_sinkdef *d) { return d->dyn ? d->dyn->nrows : 0; }

/* ---- rendering ---- */
static sl_str print(sink_node *s, sl_value v) {
    sl_buf b = {0};
    sl_value_print(&b, v);
    sl_str t = sl_arena_dup(s->arena, sl_buf_view(&b));
    sl_buf_free(&b);
    return t;
}
static bool render(sink_node *s, sl_template *t, sl_value data, sl_buf *out, sl_str *why) {
    sl_template_env env = {.now_ms = now_of(s)};
    sl_str cause;
    if (sl_template_run(t, &env, s->arena, data, out, &cause))
        return true;
    sl_str text = sl_template_text(t), v = print(s, data);
    *why = sl_arena_printf(s->arena, "fail to calculate props %.*s through data %.*s with dataTemplate for error %.*s", SL_FMT(text), SL_FMT(v), SL_FMT(cause));
    return false;
}
static sl_template *leaf_of(const struct sl_sinkdyn *d, sl_str text) {
    for (struct leaf *l = d->leaves; l; l = l->next)
        if (sl_str_eq(l->text, text))
            return l->t;
    return NULL;
}
static bool render_tree(sink_node *s, const sl_json *j, sl_value data, sl_buf *out, sl_str *why) {
    sl_buf text = {0};
    bool ok = true;
    sl_buf_putc(out, '{');
    for (const sl_json *x = j->child; x && ok; x = x->next) {
        if (x != j->child)
            sl_buf_putc(out, ',');
        sl_json_put_str(out, x->key);
        sl_buf_putc(out, ':');
        sl_template *t = x->kind == SL_J_STR && sl_template_is(x->s) ? leaf_of(s->def->dyn, x->s) : NULL;
        if (t) {
            sl_buf_clear(&text);
            ok = render(s, t, data, &text, why) || s->def->dyn->soft;
            sl_json_put_str(out, text.n ? sl_buf_view(&text) : ok && s->def->dyn->soft ? x->s : SL_S(""));
        } else if (x->kind == SL_J_OBJ)
            ok = render_tree(s, x, data, out, why);
        else
            sl_json_write(out, x, false, 0);
    }
    sl_buf_putc(out, '}');
    sl_buf_free(&text);
    return ok;
}
/* A block of rendered properties: the lengths, then the texts. Length UINT32_MAX: the constant holds. */
bool dyn_render(sink_node *s, sl_value data, sl_buf *out, sl_str *why) {
    const struct sl_sinkdyn *d = s->def->dyn;
    size_t head = out->n;
    uint32_t none = UINT32_MAX;
    for (uint32_t i = 0; i < d->nrows; i++)
        sl_buf_put(out, &none, sizeof none);
    for (uint32_t i = 0; i < d->nrows; i++) {
        const struct dynrow *r = &d->rows[i];
        size_t from = out->n;
        bool ok = true;
        if (r->text)
            ok = render(s, r->text, data, out, why);
        else if (r->tree)
            ok = render_tree(s, r->tree, data, out, why);
        else if (r->fixed.p)
            sl_buf_str(out, r->fixed);
        else
            continue;
        if (!ok || out->failed) {
            out->n = head;
            return false;
        }
        uint32_t len = (uint32_t)(out->n - from);
        memcpy(out->p + head + i * sizeof len, &len, sizeof len);
    }
    return true;
}
void dyn_spread(const sl_sinkdef *def, const char *block, sl_str *to) {
    uint32_t n = dyn_count(def), len;
    const char *at = block + n * sizeof len;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&len, block + i * sizeof len, sizeof len);
        to[i] = len == UINT32_MAX ? (sl_str){NULL, 0} : (sl_str){at, len};
        at += len == UINT32_MAX ? 0 : len;
    }
}

/* ---- dataField, fields, excludeFields ---- */
static bool listed(const sl_strs *l, sl_str key) {
    for (uint32_t i = 0; i < l->n; i++)
        if (sl_str_eq(l->at[i], key))
            return true;
    return false;
}
static sl_value select_fields(sink_node *s, sl_value v) { /* on one MAP */
    const sl_sinkopts *o = &s->def->opts;
    if (o->fields.n) {
        sl_member *m = sl_arena_alloc(s->arena, o->fields.n * sizeof *m);
        for (uint32_t i = 0; i < o->fields.n; i++) {
            sl_value x = sl_value_get(s->arena, v, o->fields.at[i]);
            m[i] = (sl_member){o->fields.at[i], x.kind == SL_ABSENT ? sl_v_null() : x};
        }
        return sl_v_map(m, o->fields.n);
    }
    if (o->exclude.n) {
        sl_member *m = sl_arena_alloc(s->arena, (v.len + 1) * sizeof *m);
        uint32_t n = 0;
        for (uint32_t i = 0; i < v.len; i++)
            if (!listed(&o->exclude, v.map[i].key))
                m[n++] = v.map[i];
        return sl_v_map(m, n);
    }
    return v;
}
static bool complain(sink_node *s, sl_value data, sl_str cause, sl_str *why) {
    sl_str v = print(s, data);
    *why = sl_arena_printf(s->arena, "fail to TransItem data %.*s for error %.*s", SL_FMT(v), SL_FMT(cause));
    return false;
}
static bool undecodable(sink_node *s, sl_value data, sl_value v, sl_str *why) {
    sl_str t = print(s, v);
    return complain(s, data, sl_arena_printf(s->arena, "fail to decode data %.*s for error unsupported type %.*s", SL_FMT(t), SL_FMT(t)), why);
}
static bool all_maps(sink_node *s, sl_value *v) { /* opens the elements */
    sl_value *l = sl_arena_alloc(s->arena, (v->len + 1) * sizeof *l);
    bool maps = l != NULL;
    for (uint32_t i = 0; maps && i < v->len; i++) {
        l[i] = sl_value_open(s->arena, v->list[i]);
        maps = l[i].kind == SL_MAP;
    }
    if (maps)
        *v = sl_v_list(l, v->len);
    return maps;
}
bool sink_shapes(const sink_node *s) {
    const sl_sinkopts *o = &s->def->opts;
    return o->fields.n || o->exclude.n || o->data_field.n;
}
/* data: what the messages in case of errors show; v: what is shaped. */
static bool shape(sink_node *s, sl_value data, sl_value *v, sl_str *why) {
    const sl_sinkopts *o = &s->def->opts;
    if (o->data_field.n) {
        sl_value from = *v;
        if (from.kind == SL_LIST)
            from = from.len ? sl_value_open(s->arena, from.list[0]) : sl_v_null();
        if (from.kind != SL_MAP && !sl_v_nil(from)) {
            sl_str t = print(s, from);
            return complain(s, data, sl_arena_printf(s->arena, "fail to decode data %.*s", SL_FMT(t)), why);
        }
        *v = from.kind == SL_MAP ? sl_value_open(s->arena, sl_value_get(s->arena, from, o->data_field)) : sl_v_null();
        if (v->kind == SL_ABSENT)
            *v = sl_v_null();
        if (v->kind == SL_LIST && !all_maps(s, v)) {
            sl_str t = print(s, *v);
            return complain(s, data, sl_arena_printf(s->arena, "unsupported type %.*s", SL_FMT(t)), why);
        }
    }
    if (!o->fields.n && !o->exclude.n)
        return true;
    if (v->kind == SL_MAP) {
        *v = select_fields(s, *v);
        return true;
    }
    if (v->kind != SL_LIST || !all_maps(s, v))
        return undecodable(s, data, *v, why);
    for (uint32_t i = 0; i < v->len; i++)
        ((sl_value *)(uintptr_t)v->list)[i] = select_fields(s, v->list[i]);
    return true;
}
static bool parse(sink_node *s, sl_str text, sl_value *v, sl_str *why) {
    sl_err *e = sl_json_value(s->arena, text, false, v);
    if (e)
        *why = sl_arena_printf(s->arena, "%s", sl_err_text(e));
    sl_err_free(e);
    return !e;
}
made sink_transform(sink_node *s, sl_value data, sl_value *v, sl_str *text, sl_str *why) {
    sl_template *t = s->def->data_template;
    *v = data;
    if (t) {
        sl_buf b = {0};
        bool ok = render(s, t, data, &b, why);
        *text = ok ? sl_arena_dup(s->arena, sl_buf_view(&b)) : (sl_str){0};
        sl_buf_free(&b);
        if (!ok)
            return MADE_ERROR;
        bool rows = s->def->def->sink->rows, plain = !sink_shapes(s);
        if (plain && !rows && s->def->codec->text)
            return MADE_TEXT;
        sl_str cause;
        if (!parse(s, *text, v, &cause)) {
            sl_str full = sl_arena_printf(s->arena, "fail to decode data %.*s for error %.*s", SL_FMT(*text), SL_FMT(cause));
            if (plain)
                *why = full;
            else
                complain(s, data, full, why);
            return MADE_ERROR;
        }
        *v = sl_value_open(s->arena, *v);
        if (plain && !rows && v->kind != SL_MAP) {
            *why = sl_arena_printf(s->arena, "invalid transform result type %.*s", SL_FMT(print(s, *v)));
            return MADE_ERROR;
        }
    }
    if (sink_shapes(s) && !shape(s, data, v, why))
        return MADE_ERROR;
    if (v->kind == SL_LIST && !all_maps(s, v)) {
        *why = sl_arena_printf(s->arena, "invalid transform result type %.*s", SL_FMT(print(s, *v)));
        return MADE_ERROR;
    }
    if (sl_v_nil(*v)) {
        *why = SL_S("receive unsupported data <nil>");
        return MADE_ERROR;
    }
    if (v->kind == SL_BYTES && !s->def->def->sink->rows) {
        *text = sl_v_text(*v);
        return MADE_TEXT;
    }
    if (v->kind != SL_MAP && v->kind != SL_LIST) {
        *why = sl_arena_printf(s->arena, "invalid transform result type %.*s", SL_FMT(print(s, *v)));
        return MADE_ERROR;
    }
    return MADE_VALUE;
}
