/* EXPLAIN of a rule, or of a statement that is none yet: upstream's text, or a tree of ours with what the office knows added to what the plan
 * knows: where rows come from and go, who reads them, what survives a restart.
 * Decision: it is planned anew each time, as a start would, so that it tells what would run now. */
#include "core/office_int.h"

static void set(sl_arena *a, sl_json *j, const char *key, sl_str s) { sl_json_set(a, j, key, sl_json_str(a, s)); }
static const sl_srcdef *def_of(const sl_flowspec *s, sl_str stream) {
    if (s->src && sl_str_eq(s->src->stream, stream))
        return s->src;
    for (uint32_t i = 0; i < s->nmore; i++)
        if (s->more[i] && sl_str_eq(s->more[i]->stream, stream))
            return s->more[i];
    return NULL;
}
/* Behind the last checkpoint, after a crash. */
static const char *comes_again(const sl_srcdef *d) {
    if (d->def->source->rewinds && d->def->source->position)
        return "after a crash it goes back to the position of the last checkpoint";
    if (sl_src_journal(d))
        return "what comes is kept in a journal until a checkpoint holds it";
    return "after a crash, what came since the last checkpoint is missing";
}
/* "mqtt devices/+, json; one reader for all rules" as the first note of a source. */
static void reader(sl_office *o, sl_arena *a, const sl_flowspec *s, bool stateful, sl_json *node) {
    sl_str name = sl_json_text(sl_json_get(node, "stream"), (sl_str){0});
    const sl_srcdef *d = def_of(s, name);
    const sl_create *c = sl_office_find_def(o, name);
    if (!d || !c)
        return;
    sl_str type = c->opts.type.n ? c->opts.type : c->table ? SL_S("file") : SL_S("mqtt");
    sl_str format = !d->codec ? SL_S("rows") : c->opts.format.n ? c->opts.format : SL_S("json");
    set(a, node, "type", type);
    set(a, node, "datasource", d->datasource);
    set(a, node, "format", format);
    sl_json_set(a, node, "shared", sl_json_bool(a, d->shared));
    sl_buf b = {0};
    sl_buf_printf(&b, "%.*s%s%.*s", SL_FMT(type), d->datasource.n ? " " : "", SL_FMT(d->datasource));
    if (d->codec)
        sl_buf_printf(&b, ", %.*s", SL_FMT(format));
    if (d->shared)
        sl_buf_puts(&b, "; shared: one reader for all rules");
    else if (c->opts.shared)
        sl_buf_printf(&b, "; a reader of its own, although the stream is shared: the rule has qos %d", s->qos);
    else if (!c->table)
        sl_buf_puts(&b, "; a reader of its own");
    if (d->is_lookup)
        sl_json_set(a, node, "cache", sl_json_bool(a, d->look.cache));
    if (d->is_lookup && d->look.cache && d->look.ttl_ms)
        sl_buf_printf(&b, "; answers are cached for %g s", (double)d->look.ttl_ms / 1000);
    else if (d->is_lookup)
        sl_buf_puts(&b, d->look.cache ? "; answers are cached" : "; asked each time, no cache");
    sl_json *old = sl_json_get(node, "notes"), *notes = sl_json_arr(a);
    sl_json_add(notes, sl_json_str(a, sl_buf_view(&b)));
    const char *again = s->qos > 0 && stateful && !c->table ? comes_again(d) : NULL;
    if (again)
        sl_json_add(notes, sl_json_str(a, sl_str_of(again)));
    for (const sl_json *x = old ? old->child : NULL; x; x = x->next)
        sl_json_add(notes, sl_json_clone(a, x));
    sl_json_set(a, node, "notes", notes);
    sl_buf_free(&b);
}
static void readers(sl_office *o, sl_arena *a, const sl_flowspec *s, bool stateful, sl_json *node) {
    if (sl_json_get(node, "stream"))
        reader(o, a, s, stateful, node);
    sl_json *in = sl_json_get(node, "inputs");
    for (sl_json *x = in ? in->child : NULL; x; x = x->next)
        readers(o, a, s, stateful, x);
}
static sl_json *sinks(sl_arena *a, const sl_flowspec *s, sl_json *plan) {
    sl_json *node = sl_json_obj(a), *in = sl_json_arr(a);
    sl_buf b = {0};
    for (uint32_t i = 0; i < s->nsinks; i++)
        sl_buf_printf(&b, "%s%.*s", i ? ", " : "", SL_FMT(s->sinks[i].type));
    set(a, node, "op", SL_S("to"));
    set(a, node, "text", sl_buf_view(&b));
    sl_json_add(in, plan);
    sl_json_set(a, node, "inputs", in);
    sl_buf_free(&b);
    return node;
}
static void duration(sl_buf *out, int64_t ms) {
    if (ms % 60000 == 0)
        sl_buf_printf(out, "%lld min", (long long)(ms / 60000));
    else if (ms % 1000 == 0)
        sl_buf_printf(out, "%lld s", (long long)(ms / 1000));
    else
        sl_buf_printf(out, "%lld ms", (long long)ms);
}
static void kept(sl_buf *out, const sl_flowspec *s) {
    if (!s->qos)
        sl_buf_puts(out, "qos 0: it is lost when the rule ends; with the option qos 1 it is saved");
    else {
        sl_buf_printf(out, "qos %d: it is saved ", s->qos);
        if (s->checkpoint_ms > 0) {
            sl_buf_puts(out, "every ");
            duration(out, s->checkpoint_ms);
            sl_buf_puts(out, " and ");
        }
        sl_buf_puts(out, "when the rule ends, and taken over when it starts");
    }
}
static void lines(sl_buf *out, const char *head, const sl_json *l) {
    for (const sl_json *x = l ? l->child : NULL; x; x = x->next)
        sl_buf_printf(out, "%s%.*s", x == l->child ? head : ", ", SL_FMT(x->s));
    if (l && l->n)
        sl_buf_putc(out, '\n');
}
static void draw(sl_buf *out, const sl_json *j) {
    sl_str none = {"", 0};
    sl_outline_draw(out, sl_json_get(j, "plan"));
    sl_buf_putc(out, '\n');
    const sl_json *state = sl_json_get(j, "state"), *folded = sl_json_get(j, "folded"), *more = sl_json_get(j, "moreColumns");
    const sl_json *columns = sl_json_get(j, "columns");
    lines(out, "columns  ", columns);
    if (sl_json_true(more, false))
        sl_buf_puts(out, columns->n ? "         and what the rows have (*)\n" : "columns  what the rows have (*)\n");
    if (state->n) {
        lines(out, "state    ", state);
        sl_buf_printf(out, "         %.*s\n", SL_FMT(sl_json_text(sl_json_get(j, "kept"), none)));
    } else
        sl_buf_puts(out, "state    none\n");
    const sl_json *doubts = sl_json_get(j, "doubts");
    for (const sl_json *x = folded->child; x; x = x->next)
        sl_buf_printf(out, "computed now  %.*s = %.*s\n", SL_FMT(sl_json_text(sl_json_get(x, "text"), none)), SL_FMT(sl_json_text(sl_json_get(x, "value"), none)));
    for (const sl_json *x = doubts->child; x; x = x->next)
        sl_buf_printf(out, "\nline %.*s, column %.*s: %.*s\n    %.*s\n    %.*s\n", SL_FMT(sl_json_get(x, "line")->s), SL_FMT(sl_json_get(x, "column")->s),
                      SL_FMT(sl_json_text(sl_json_get(x, "say"), none)), SL_FMT(sl_json_text(sl_json_get(x, "text"), none)), SL_FMT(sl_json_text(sl_json_get(x, "mark"), none)));
}
static sl_err *outline(sl_office *o, const rule_def *d, const sl_flowspec *s, bool json, sl_buf *out) {
    sl_arena *a = sl_arena_new(0);
    sl_json *plan = a ? sl_plan_outline(s->plan, d->sql, a) : NULL;
    if (!plan) {
        sl_arena_free(a);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_json *j = sl_json_obj(a), *root = sl_json_get(plan, "plan");
    sl_buf how = {0};
    readers(o, a, s, sl_json_get(plan, "state")->n > 0, root);
    kept(&how, s);
    set(a, j, "rule", d->id);
    set(a, j, "sql", d->sql);
    sl_json_set(a, j, "qos", sl_json_int(a, s->qos));
    sl_json_set(a, j, "checkpointInterval", sl_json_int(a, d->o.checkpoint_ns / 1000000));
    sl_json_set(a, j, "plan", sinks(a, s, sl_json_clone(a, root)));
    static const char *const rest[] = {"columns", "moreColumns", "state", "folded"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        sl_json_set(a, j, rest[i], sl_json_clone(a, sl_json_get(plan, rest[i])));
    sl_json_set(a, j, "doubts", sl_plan_doubts(s->plan, d->sql, sl_office_find_def, o, a));
    if (sl_json_get(j, "state")->n)
        set(a, j, "kept", sl_buf_view(&how));
    if (json) {
        sl_json_write(out, j, false, 0);
        sl_buf_putc(out, '\n');
    } else
        draw(out, j);
    sl_buf_free(&how);
    bool bad = sl_arena_failed(a) || out->failed;
    sl_arena_free(a);
    return bad ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
static sl_err *explain(sl_office *o, rule_def *d, sl_explain_form form, sl_buf *out) {
    sl_flowspec *s = NULL;
    SL_TRY(rule_plan(o, d, &s));
    sl_err *e = NULL;
    if (form == SL_EXPLAIN_TEXT) {
        sl_plan_explain(s->plan, out);
        if (out->n && out->p[out->n - 1] == '\n')
            out->n--;
    } else
        e = outline(o, d, s, form == SL_EXPLAIN_JSON, out);
    sl_flowspec_free(s);
    return e;
}
sl_err *sl_api_rule_explain(sl_office *o, sl_str id, sl_explain_form form, sl_buf *out) {
    sl_rule *r = sl_map_get(o->rules, id);
    if (!r)
        return sl_err_new(SL_E_NOTFOUND, "Rule %.*s is not found.", SL_FMT(id));
    return explain(o, r->def, form, out);
}
sl_err *sl_api_explain(sl_office *o, sl_str body, sl_explain_form form, sl_buf *out) {
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, body, &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    if (!e && (j->kind != SL_J_OBJ || !sl_json_isstr(sl_json_get(j, "sql"))))
        e = sl_err_new(SL_E_UNDEFINED, "expected {\"sql\": \"SELECT ...\"}, with options as in a rule where they are wanted");
    rule_def *d = NULL;
    if (!e) {
        sl_buf text = {0};
        sl_json *action = sl_json_obj(a), *actions = sl_json_arr(a);
        sl_json_set(a, action, "nop", sl_json_obj(a));
        sl_json_add(actions, action);
        if (!sl_json_get(j, "actions"))
            sl_json_set(a, j, "actions", actions);
        set(a, j, "id", SL_S("explain"));
        sl_json_set(a, j, "temp", sl_json_bool(a, true));
        sl_json_write(&text, j, false, 0);
        e = rule_parse(o, sl_buf_view(&text), (sl_str){0}, &d);
        sl_buf_free(&text);
    }
    if (!e)
        e = explain(o, d, form, out);
    if (d)
        rule_def_free(d);
    sl_arena_free(a);
    return e;
}
