/* What derives from a property table for people: masked copies and the reference page.
 *
 * Decision: a mask is a fixed text, so a form that is read, changed and written back carries it unharmed: where the new text is the mask, the
 * old secret stays. Secret trees (header maps, logins) are masked leaf by leaf; keys, addresses and times stay readable. */
#include "spec/spec.h"

#define MASK "******"

static void mask_tree(sl_arena *a, sl_json *v) {
    if (v->kind == SL_J_STR && v->s.n && !sl_str_is(v->key, "url") && !sl_str_is(v->key, "expire"))
        v->s = SL_S(MASK);
    for (sl_json *c = v->child; c; c = c->next)
        mask_tree(a, c);
}
static void unmask_tree(sl_arena *a, sl_json *v, const sl_json *old) {
    if (!old)
        return;
    if (v->kind == SL_J_STR && sl_str_is(v->s, MASK) && old->kind == SL_J_STR)
        v->s = sl_arena_dup(a, old->s);
    uint32_t i = 0;
    for (sl_json *c = v->child; c; c = c->next, i++) {
        const sl_json *o = NULL;
        if (v->kind == SL_J_OBJ) {
            for (const sl_json *m = old->kind == SL_J_OBJ ? old->child : NULL; m; m = m->next)
                if (sl_str_eq(m->key, c->key))
                    o = m;
        } else if (old->kind == SL_J_ARR) {
            o = sl_json_at(old, i);
        }
        unmask_tree(a, c, o);
    }
}
static bool secret(const sl_prop *rows, sl_str key) {
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        if (p->type == SL_P_GROUP) {
            if (secret(p->of, key))
                return true;
        } else if (p->flags & SL_P_SECRET &&
                   (sl_str_ieq(key, sl_str_of(p->name)) || (p->alias && sl_str_ieq(key, sl_str_of(p->alias))) || (p->kc && sl_str_ieq(key, sl_str_of(p->kc))))) {
            return true;
        }
    }
    return false;
}
sl_json *sl_spec_mask(sl_arena *a, const sl_prop *rows, const sl_json *props) {
    sl_json *copy = sl_json_clone(a, props);
    for (sl_json *c = copy && copy->kind == SL_J_OBJ ? copy->child : NULL; c; c = c->next)
        if (secret(rows, c->key))
            mask_tree(a, c);
    return copy;
}
sl_json *sl_spec_unmask(sl_arena *a, const sl_prop *rows, const sl_json *fresh, const sl_json *old) {
    sl_json *copy = sl_json_clone(a, fresh);
    for (sl_json *c = copy && copy->kind == SL_J_OBJ ? copy->child : NULL; c; c = c->next) {
        if (!secret(rows, c->key))
            continue;
        const sl_json *o = NULL;
        for (const sl_json *m = old && old->kind == SL_J_OBJ ? old->child : NULL; m; m = m->next)
            if (sl_str_eq(m->key, c->key) || (!o && sl_str_ieq(m->key, c->key)))
                o = m;
        unmask_tree(a, c, o);
    }
    return copy;
}

static void cell(sl_buf *out, const char *t) {
    for (; *t; t++) {
        if (*t == '|')
            sl_buf_putc(out, '\\');
        sl_buf_putc(out, *t == '\n' ? ' ' : *t);
    }
}
static void table(sl_buf *out, const sl_prop *rows, int where) {
    static const char *const types[] = {"", "text", "integer", "number", "boolean", "duration", "list of text", "JSON", "", "refused"};
    for (const sl_prop *p = rows; p && p->type != SL_P_END; p++) {
        int places = p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP);
        if (places && where && !(places & where))
            continue;
        if (p->type == SL_P_GROUP) {
            table(out, p->of, where);
            continue;
        }
        sl_buf_printf(out, "| `%s` | %s", p->name, types[p->type]);
        if (p->flags & SL_P_TEMPLATE)
            sl_buf_puts(out, ", template");
        sl_buf_puts(out, " | ");
        if (p->flags & SL_P_REQUIRED)
            sl_buf_puts(out, "required");
        else if (p->def && *p->def) {
            sl_buf_putc(out, '`');
            cell(out, p->def);
            sl_buf_putc(out, '`');
        }
        sl_buf_puts(out, " | ");
        cell(out, p->doc ? p->doc : "");
        if (p->choices) {
            sl_buf_puts(out, " One of: ");
            cell(out, p->choices);
            sl_buf_putc(out, '.');
        }
        if (p->min != 0 || p->max != 0)
            sl_buf_printf(out, " From %g to %g%s.", p->min, p->max, p->type == SL_P_DUR ? " ms" : "");
        if (p->alias)
            sl_buf_printf(out, " Also `%s`.", p->alias);
        if (p->kc)
            sl_buf_printf(out, " In Kafka Connect: `%s`.", p->kc);
        if (p->flags & SL_P_SECRET)
            sl_buf_puts(out, " Secret: masked when read back.");
        if (p->example) {
            sl_buf_puts(out, " Example: `");
            cell(out, p->example);
            sl_buf_puts(out, "`.");
        }
        sl_buf_puts(out, " |\n");
    }
}
void sl_spec_markdown(sl_buf *out, const sl_prop *rows, int where) {
    sl_buf_puts(out, "| Property | Type | Default | Meaning |\n|---|---|---|---|\n");
    table(out, rows, where);
}
