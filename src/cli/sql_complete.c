/* What Tab offers: names that the daemon knows, asked for when they are needed, and words of the language. Decision: a list is asked anew at each
 * Tab but functions, which do not change; a daemon that does not answer within a second leaves the words. */
#include <stdlib.h>
#include "cli/live.h"
#include "cli/sql.h"
#include "sql/lex.h"

struct sql_names {
    cli *c;
    sl_arena *a; /* of functions */
    sl_json *functions;
    sl_json *seen; /* columns of results: a list of texts */
};
typedef struct offer {
    sl_str text;
    const char *behind; /* what is typed behind it when it is the only one */
    bool keyword;
} offer;
typedef struct offers {
    SL_VEC(offer) v;
    sl_arena *a;
    const sql_place *at;
    size_t functions; /* fit, but are too many to show */
} offers;

sql_names *sql_names_new(cli *c) {
    sql_names *n = calloc(1, sizeof *n);
    if (n && !(n->a = sl_arena_new(0))) {
        free(n);
        n = NULL;
    }
    if (n)
        n->c = c;
    return n;
}
void sql_names_free(sql_names *n) {
    if (n)
        sl_arena_free(n->a);
    free(n);
}
void sql_names_learn(sql_names *n, const sl_json *row) {
    if (!n->seen)
        n->seen = sl_json_arr(n->a);
    for (const sl_json *m = row->child; m && n->seen->n < 500; m = m->next) {
        const sl_json *x = n->seen->child;
        while (x && !sl_str_eq(x->s, m->key))
            x = x->next;
        if (!x)
            sl_json_add(n->seen, sl_json_str(n->a, m->key));
    }
}
static sl_json *ask(sql_names *n, sl_arena *a, const char *path) {
    cli_answer x;
    sl_json *j = NULL;
    cli_http_limits(1000, NULL);
    bool there = cli_http(n->c, "GET", path, (sl_str){0}, &x);
    cli_http_limits(0, NULL);
    if (there && x.status == 200) {
        sl_err *e = sl_json_parse(a, sl_arena_dup(a, sl_buf_view(&x.body)), &j, NULL);
        sl_err_free(e);
    }
    sl_buf_free(&x.body);
    return j;
}

/* ---- offers ---- */
static bool same_head(sl_str text, sl_str word, bool exact) {
    return text.n >= word.n && (exact ? memcmp(text.p, word.p, word.n) == 0 : sl_str_ieq(sl_str_n(text.p, word.n), word));
}
static bool plain_name(sl_str s) { /* needs no backquotes */
    sl_arena *a = sl_arena_new(0);
    sl_lexer x = {.a = a, .text = s};
    sl_token t = a ? sl_lex(&x) : (sl_token){0};
    sl_arena_free(a);
    return t.kind == SL_K_IDENT && t.end == s.n && !t.quoted;
}
static void add(offers *o, sl_str text, const char *behind, bool keyword) {
    if (!same_head(text, o->at->word, false))
        return;
    for (size_t i = 0; i < o->v.n; i++)
        if (sl_str_eq(o->v.at[i].text, text))
            return;
    if (!SL_PUSH(o->v, ((offer){text, behind, keyword})))
        return;
}
static void add_name(offers *o, sl_str s, const char *behind) {
    if (!s.n)
        return;
    if (o->at->quoted)
        add(o, sl_arena_dup(o->a, s), "`", false);
    else if (plain_name(s))
        add(o, sl_arena_dup(o->a, s), behind, false);
    else if (!o->at->word.n || same_head(s, o->at->word, false)) { /* offered whole: what is typed does not begin it */
        if (!SL_PUSH(o->v, ((offer){sl_arena_printf(o->a, "`%.*s`", SL_FMT(s)), behind, false})))
            return;
    }
}
static void add_words(offers *o, const char *const *words) {
    for (size_t i = 0; words && words[i]; i++) {
        sl_str s = sl_arena_dup(o->a, sl_str_of(words[i]));
        bool unit = s.p[0] >= 'a' && s.p[0] <= 'z';
        if (o->at->lower)
            for (size_t k = 0; k < s.n; k++)
                if (s.p[k] >= 'A' && s.p[k] <= 'Z')
                    ((char *)(uintptr_t)s.p)[k] += 32;
        bool call = sl_str_ends(s, o->at->lower ? SL_S("window") : SL_S("WINDOW"));
        add(o, s, call ? "(" : unit ? ", " : " ", true);
    }
}
static void add_list(offers *o, sql_names *n, const char *path, const char *behind) {
    const sl_json *j = ask(n, o->a, path);
    for (const sl_json *x = j && j->kind == SL_J_ARR ? j->child : NULL; x; x = x->next)
        add_name(o, x->kind == SL_J_STR ? x->s : sl_json_text(sl_json_get(x, "id"), sl_json_text(sl_json_get(x, "name"), (sl_str){0})), behind);
}
static void add_columns(offers *o, sql_names *n, sl_str source) {
    static const char *const nouns[] = {"streams", "tables"};
    for (int i = 0; i < 2; i++) {
        sl_buf path = {0};
        sl_buf_printf(&path, "/%s/", nouns[i]);
        cli_escape(&path, sl_arena_dup(o->a, source).p);
        sl_buf_puts(&path, "/schema");
        const sl_json *j = ask(n, o->a, sl_buf_cstr(&path));
        sl_buf_free(&path);
        for (const sl_json *m = j && j->kind == SL_J_OBJ ? j->child : NULL; m; m = m->next)
            add_name(o, m->key, "");
        if (j && j->kind == SL_J_OBJ && j->n)
            return;
    }
    for (const sl_json *x = n->seen ? n->seen->child : NULL; x; x = x->next)
        add_name(o, x->s, "");
}
static const sl_json *functions(sql_names *n) {
    if (!n->functions)
        n->functions = ask(n, n->a, "/functions");
    return n->functions && n->functions->kind == SL_J_ARR ? n->functions->child : NULL;
}
static void add_functions(offers *o, sql_names *n) {
    for (const sl_json *f = functions(n); f; f = f->next) {
        sl_str name = sl_json_text(sl_json_get(f, "name"), (sl_str){0});
        if (!o->at->word.n)
            o->functions++;
        else
            add(o, name, "(", false);
    }
}
static void add_expr(offers *o, sql_names *n) {
    const sql_place *p = o->at;
    for (size_t i = 0; i < p->refs.n; i++)
        add_columns(o, n, p->refs.at[i].name);
    for (size_t i = 0; i < p->refs.n && p->refs.n > 1; i++)
        add_name(o, p->refs.at[i].alias.n ? p->refs.at[i].alias : p->refs.at[i].name, ".");
    add_words(o, p->words);
    if (!p->quoted)
        add_functions(o, n);
}
static void add_values(offers *o, sql_names *n) {
    static const char *const formats[] = {"json", "delimited", "binary", "urlencoded", "protobuf", "custom", NULL};
    static const char *const flags[] = {"true", "false", NULL};
    static const char *const table_kinds[] = {"lookup", "scan", NULL};
    sl_str key = o->at->source;
    SL_VEC(sl_str) all = {0};
    const char *const *fixed = sl_str_ieq(key, SL_S("format"))                          ? formats
        : sl_str_ieq(key, SL_S("shared")) || sl_str_ieq(key, SL_S("strict_validation")) ? flags
        : sl_str_ieq(key, SL_S("kind"))                                                 ? table_kinds
                                                                                        : NULL;
    for (size_t i = 0; fixed && fixed[i]; i++)
        if (!SL_PUSH(all, sl_str_of(fixed[i])))
            break;
    if (sl_str_ieq(key, SL_S("type"))) {
        const sl_json *j = ask(n, o->a, "/metadata/sources");
        for (const sl_json *x = j && j->kind == SL_J_ARR ? j->child : NULL; x; x = x->next)
            if (!SL_PUSH(all, sl_json_text(sl_json_get(x, "name"), (sl_str){"", 0})))
                break;
    }
    for (size_t i = 0; i < all.n; i++) /* values are texts in quotes */
        add(o, o->at->quoted ? all.at[i] : sl_arena_printf(o->a, "\"%.*s\"", SL_FMT(all.at[i])), o->at->quoted ? "\"" : "", true);
    SL_VEC_FREE(all);
}
static void gather(offers *o, sql_names *n) {
    static const char *const options[] = {"DATASOURCE",  "FORMAT",   "TYPE",  "KEY",  "CONF_KEY",  "SHARED", "STRICT_VALIDATION", "TIMESTAMP", "TIMESTAMP_FORMAT",
                                          "RETAIN_SIZE", "SCHEMAID", "EXTRA", "KIND", "DELIMITER", NULL};
    static const char *const metas[] = {"\\help", "\\d", "\\q", "\\timing", "\\json", NULL};
    const sql_place *p = o->at;
    switch (p->want) {
    case SQL_STATEMENT:
    case SQL_WORD: add_words(o, p->words); break;
    case SQL_META: add_words(o, metas); break;
    case SQL_STREAM: add_list(o, n, "/streams", ""); break;
    case SQL_TABLE: add_list(o, n, "/tables", ""); break;
    case SQL_RULE: add_list(o, n, "/rules", ""); break;
    case SQL_SOURCE:
        add_list(o, n, "/streams", " ");
        add_list(o, n, "/tables", " ");
        break;
    case SQL_COLUMN: add_columns(o, n, p->source); break;
    case SQL_EXPR: add_expr(o, n); break;
    case SQL_OPTION:
        add_words(o, options);
        for (size_t i = 0; i < o->v.n; i++)
            o->v.at[i].behind = "=\"";
        break;
    case SQL_VALUE: add_values(o, n); break;
    default: break;
    }
}

/* ---- showing ---- */
static sl_str signature(sql_names *n, sl_arena *a, sl_str name) {
    for (const sl_json *f = functions(n); f && name.n; f = f->next)
        if (sl_str_ieq(sl_json_text(sl_json_get(f, "name"), (sl_str){0}), name))
            return sl_arena_printf(a, "%.*s   %.*s\n", SL_FMT(sl_json_text(sl_json_get(f, "signature"), name)),
                                   SL_FMT(sl_json_text(sl_json_get(f, "description"), (sl_str){"", 0})));
    return (sl_str){0};
}
static void list(sl_buf *out, const offers *o) {
    size_t widest = 1, screen = cli_screen(), most = 120;
    for (size_t i = 0; i < o->v.n; i++) {
        size_t w = cli_columns(o->v.at[i].text);
        widest = w > widest ? w : widest;
    }
    size_t shown = o->v.n < most ? o->v.n : most, cols = screen / (widest + 2) ? screen / (widest + 2) : 1, rows = (shown + cols - 1) / cols;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c * rows + r < shown; c++) {
            sl_str s = o->v.at[c * rows + r].text;
            bool last = (c + 1) * rows + r >= shown;
            sl_buf_printf(out, "%.*s%*s", SL_FMT(s), last ? 0 : (int)(widest + 2 - cli_columns(s)), "");
        }
        sl_buf_putc(out, '\n');
    }
    if (o->v.n > shown)
        sl_buf_printf(out, "and %zu more\n", o->v.n - shown);
    if (o->functions)
        sl_buf_printf(out, "and %zu functions: type a letter, or \\help NAME\n", o->functions);
}
static int by_text(const void *x, const void *y) { return sl_str_cmp(((const offer *)x)->text, ((const offer *)y)->text); }
/* Bytes that all offers begin with, letters of either case being one. */
static size_t common(const offers *o) {
    size_t n = o->v.at[0].text.n;
    for (size_t i = 1; i < o->v.n; i++) {
        size_t k = 0;
        while (k < n && k < o->v.at[i].text.n && sl_str_ieq(sl_str_n(o->v.at[0].text.p + k, 1), sl_str_n(o->v.at[i].text.p + k, 1)))
            k++;
        n = k;
    }
    while (n && n < o->v.at[0].text.n && ((unsigned char)o->v.at[0].text.p[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    return n;
}
void sql_complete(sql_names *n, sl_arena *a, sl_str before, sl_str after, const char **insert, size_t *erase, const char **show) {
    sql_place p;
    sql_place_find(a, before, after, &p);
    offers o = {.a = a, .at = &p};
    sl_buf text = {0};
    *insert = *show = NULL;
    *erase = 0;
    gather(&o, n);
    size_t head = o.v.n ? common(&o) : 0, typed = 0;
    for (size_t i = 0; i < p.word.n; i++)
        typed += ((unsigned char)p.word.p[i] & 0xc0) != 0x80;
    if (o.v.n == 1) {
        const offer *only = &o.v.at[0];
        const char *behind = after.n && only->behind[0] && *after.p == only->behind[0] ? "" : only->behind;
        *insert = sl_arena_printf(a, "%.*s%s", SL_FMT(only->text), behind).p;
        *erase = typed;
        if (strcmp(only->behind, "(") == 0)
            *show = signature(n, a, only->text).p;
    } else if (head > p.word.n) {
        *insert = sl_arena_dup(a, sl_str_n(o.v.at[0].text.p, head)).p;
        *erase = typed;
    } else {
        sl_str sig = p.word.n ? (sl_str){0} : signature(n, a, p.call);
        sl_buf_str(&text, sig);
        if (o.v.n)
            qsort(o.v.at, o.v.n, sizeof *o.v.at, by_text);
        list(&text, &o);
        if (text.n && !text.failed)
            *show = sl_arena_dup(a, sl_buf_view(&text)).p;
    }
    sl_buf_free(&text);
    SL_VEC_FREE(o.v);
    SL_VEC_FREE(p.refs);
}
