/* YAML to a tree that knows where everything stood. Decision: the nodes are those of JSON with `raw` pointing into the text, because then one
 * walk serves files, rules and answers of the daemon; libyaml counts characters, so their places in bytes are counted once per file. */
#include <math.h>
#include <stdlib.h>
#include <yaml.h>
#include "base/num.h"
#include "cli/ruletest.h"

typedef struct tree {
    sl_arena *a;
    sl_str text;
    const char *path;
    uint32_t *byte_of; /* of each character, and behind the last one */
    size_t nchars;
    yaml_document_t doc;
    uint32_t left; /* nodes that may still come: aliases unfold */
    sl_err *e;
} tree;

size_t rt_line(sl_str text, const sl_json *node) {
    size_t line = 1;
    for (const char *p = text.p; node->raw.p && p < node->raw.p && p < text.p + text.n; p++)
        line += *p == '\n';
    return line;
}
static sl_str span(const tree *t, yaml_mark_t from, yaml_mark_t to) {
    size_t a = from.index < t->nchars ? from.index : t->nchars, b = to.index < t->nchars ? to.index : t->nchars;
    return sl_str_n(t->text.p + t->byte_of[a], t->byte_of[b < a ? a : b] - t->byte_of[a]);
}
static bool json_number(sl_str s) {
    size_t i = s.n && s.p[0] == '-', k = i;
    while (k < s.n && s.p[k] >= '0' && s.p[k] <= '9')
        k++;
    if (k == i || (s.p[i] == '0' && k > i + 1) || s.p[s.n - 1] == '.')
        return false;
    return k == s.n || (s.p[k] == '.' && k + 1 < s.n && s.p[k + 1] >= '0' && s.p[k + 1] <= '9') || s.p[k] == 'e' || s.p[k] == 'E';
}
static sl_json *scalar(const tree *t, const yaml_node_t *n) {
    sl_arena *a = t->a;
    sl_str s = {(const char *)n->data.scalar.value, n->data.scalar.length};
    int64_t i;
    double d;
    if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return sl_json_str(a, s);
    static const char *const words[] = {"~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"};
    if (!s.n)
        return sl_json_null(a);
    for (int k = 0; k < 10; k++)
        if (sl_str_is(s, words[k]))
            return k < 4 ? sl_json_null(a) : sl_json_bool(a, k < 7);
    if (!sl_num_parse_f64(s, &d) || !isfinite(d))
        return sl_json_str(a, s);
    if (!json_number(s))
        return sl_num_parse_i64(s, &i) ? sl_json_int(a, i) : sl_json_dbl(a, d);
    sl_json *j = sl_json_dbl(a, d); /* 1.0 stays 1.0: a whole number is another kind */
    j->s = sl_arena_dup(a, s);
    return j;
}
static sl_json *node(tree *t, int id, int depth) {
    yaml_node_t *n = yaml_document_get_node(&t->doc, id);
    if (!n || depth > 64 || !t->left) {
        if (!t->e)
            t->e = sl_err_new(SL_E_LIMIT, "%s: more than 1000000 values, or nested deeper than 64", t->path);
        return sl_json_null(t->a);
    }
    t->left--;
    sl_json *j = n->type == YAML_SCALAR_NODE ? scalar(t, n) : n->type == YAML_SEQUENCE_NODE ? sl_json_arr(t->a) : sl_json_obj(t->a);
    j->raw = span(t, n->start_mark, n->end_mark);
    if (n->type == YAML_SEQUENCE_NODE)
        for (yaml_node_item_t *i = n->data.sequence.items.start; !t->e && i < n->data.sequence.items.top; i++)
            sl_json_add(j, node(t, *i, depth + 1));
    for (yaml_node_pair_t *p = n->type == YAML_MAPPING_NODE ? n->data.mapping.pairs.start : NULL; p && !t->e && p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *k = yaml_document_get_node(&t->doc, p->key);
        if (!k || k->type != YAML_SCALAR_NODE) {
            t->e = sl_err_new(SL_E_CONF, "%s:%zu: a key must be a plain word", t->path, k ? k->start_mark.line + 1 : n->start_mark.line + 1);
            break;
        }
        sl_str key = {(const char *)k->data.scalar.value, k->data.scalar.length}, at = span(t, k->start_mark, k->end_mark);
        sl_json *v = node(t, p->value, depth + 1);
        if (sl_str_is(key, "<<") && v->kind == SL_J_OBJ) { /* a merge: what is written out wins */
            for (const sl_json *c = v->child; c; c = c->next)
                if (!sl_json_get(j, sl_arena_dup(t->a, c->key).p)) {
                    sl_json *copy = sl_json_clone(t->a, c);
                    copy->raw = c->raw;
                    copy->key = sl_arena_dup(t->a, c->key);
                    sl_json_add(j, copy);
                }
            continue;
        }
        if (sl_json_get(j, sl_arena_dup(t->a, key).p))
            t->e = sl_err_new(SL_E_CONF, "%s:%zu: %.*s is there twice", t->path, k->start_mark.line + 1, SL_FMT(key));
        v->key = sl_str_eq(key, at) ? at : sl_arena_dup(t->a, key); /* in the text where possible: --update looks for its line */
        sl_json_add(j, v);
    }
    return j;
}
static bool count(tree *t) { /* line ends as libyaml counts them: each byte of CR LF is one */
    size_t n = 0;
    t->byte_of = malloc((t->text.n + 2) * sizeof *t->byte_of);
    if (!t->byte_of)
        return false;
    for (size_t i = 0; i < t->text.n; i++)
        if (((unsigned char)t->text.p[i] & 0xc0) != 0x80)
            t->byte_of[n++] = (uint32_t)i;
    t->byte_of[n] = (uint32_t)t->text.n;
    t->nchars = n;
    return true;
}
sl_err *rt_yaml(sl_arena *a, sl_str text, const char *path, sl_json **out) {
    yaml_parser_t p;
    tree t = {.a = a, .text = text, .path = path, .left = 1000000};
    *out = NULL;
    if (text.n > UINT32_MAX / 2)
        return sl_err_new(SL_E_LIMIT, "%s: the file is too large", path);
    if (!count(&t) || !yaml_parser_initialize(&p)) {
        free(t.byte_of);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    yaml_parser_set_input_string(&p, (const unsigned char *)(text.p ? text.p : ""), text.n);
    if (!yaml_parser_load(&p, &t.doc)) {
        size_t line = p.problem_mark.line + 1;
        if (p.error == YAML_READER_ERROR) { /* knows the byte only */
            line = 1;
            for (size_t i = 0; i < p.problem_offset && i < text.n; i++)
                line += text.p[i] == '\n';
        }
        t.e = sl_err_new(SL_E_CONF, "%s:%zu: %s%s%s", path, line, p.context ? p.context : "", p.context ? ": " : "", p.problem ? p.problem : "not YAML");
    } else {
        if (yaml_document_get_root_node(&t.doc))
            *out = node(&t, 1, 0);
        yaml_document_delete(&t.doc);
    }
    yaml_parser_delete(&p);
    free(t.byte_of);
    return t.e ? t.e : sl_arena_failed(a) ? sl_err_new(SL_E_NOMEM, "out of memory") : NULL;
}
