/* What a text at the prompt is: where a statement ends, whether it could run as it stands, what could come next. Decision: it works on tokens
 * of the daemon's own lexer and a few rules about the words around the cursor, not on a grammar: the text is unfinished by nature, and the
 * daemon has the last word anyway. */
#include "cli/sql.h"
#include "sql/lex.h"

typedef SL_VEC(sl_token) tokens;
static void lex(sl_arena *a, sl_str text, tokens *out) {
    sl_lexer x = {.a = a, .text = text};
    for (;;) {
        sl_token t = sl_lex(&x);
        if (t.kind == SL_K_EOF || !SL_PUSH(*out, t))
            return;
        if (t.end <= t.pos && t.kind != SL_K_ILLEGAL)
            return;
    }
}
size_t sql_first(sl_str text) {
    sl_arena *a = sl_arena_new(0);
    tokens t = {0};
    size_t at = 0;
    if (a)
        lex(a, text, &t);
    for (size_t i = 0; i < t.n && !at; i++)
        if (t.at[i].kind == SL_K_SEMI)
            at = t.at[i].end;
    SL_VEC_FREE(t);
    sl_arena_free(a);
    return at;
}
bool sql_blank(sl_str text) {
    sl_arena *a = sl_arena_new(0);
    sl_lexer x = {.a = a, .text = text};
    bool blank = !a || sl_lex(&x).kind == SL_K_EOF;
    sl_arena_free(a);
    return blank;
}
static bool is(const sl_token *t, const char *word) { return t->kind != SL_K_STR && t->kind != SL_K_SQSTR && !t->quoted && sl_str_ieq(t->lit, sl_str_of(word)); }
/* Must something follow this token? */
static bool open_ended(sl_tok k) {
    return (k >= SL_K_BANG && k <= SL_K_BANG) || (k >= SL_K_ADD && k <= SL_K_GE && k != SL_K_MUL) || k == SL_K_LB || k == SL_K_ARROW || k == SL_K_DOT || k == SL_K_LP ||
        k == SL_K_COMMA || k == SL_K_COLON || (k >= SL_K_SELECT && k != SL_K_DESC && k != SL_K_ASC && k != SL_K_END && k != SL_K_TRUE && k != SL_K_FALSE);
}
static bool whole(sl_str text, const tokens *t) {
    long depth = 0, cases = 0;
    bool from = false, with = false;
    for (size_t i = 0; i < t->n; i++) {
        sl_tok k = t->at[i].kind;
        if (k == SL_K_ILLEGAL) /* a comment that does not end is waited for; strings end on their line */
            return !(t->at[i].end == text.n && text.p[t->at[i].pos] == '/');
        depth += k == SL_K_LP || k == SL_K_LB;
        depth -= k == SL_K_RP || k == SL_K_RB;
        cases += k == SL_K_CASE;
        cases -= k == SL_K_END;
        from |= k == SL_K_FROM;
        with |= is(&t->at[i], "with");
    }
    const sl_token *first = &t->at[0], *last = &t->at[t->n - 1];
    if (depth > 0 || cases > 0 || open_ended(last->kind))
        return false;
    if (first->kind == SL_K_SELECT)
        return from;
    if (is(first, "create"))
        return with;
    if (is(first, "show") || is(first, "describe") || is(first, "drop") || is(first, "explain"))
        return t->n >= (is(first, "show") ? 2u : 3u);
    return true;
}
bool sql_whole(sl_str text) {
    sl_arena *a = sl_arena_new(0);
    tokens t = {0};
    if (a)
        lex(a, text, &t);
    bool yes = !t.n || whole(text, &t);
    SL_VEC_FREE(t);
    sl_arena_free(a);
    return yes;
}

/* ---- what could come next ---- */
static const char *const statements[] = {"SELECT", "CREATE", "SHOW", "DESCRIBE", "DROP", "EXPLAIN", NULL};
static const char *const kinds[] = {"STREAM", "TABLE", NULL};
static const char *const described[] = {"STREAM", "TABLE", "RULE", "FUNCTION", NULL};
static const char *const dropped[] = {"STREAM", "TABLE", "RULE", NULL};
static const char *const explained[] = {"SELECT", "STREAM", "TABLE", "RULE", NULL};
static const char *const shown[] = {"STREAMS", "TABLES", "RULES", "FUNCTIONS", "CONNECTIONS", NULL};
static const char *const with_word[] = {"WITH", NULL};
static const char *const types[] = {"BIGINT", "FLOAT", "STRING", "BOOLEAN", "DATETIME", "BYTEA", "ARRAY", "STRUCT", NULL};
static const char *const units[] = {"ss", "mi", "hh", "dd", "ms", NULL};
static const char *const by_word[] = {"BY", NULL};
static const char *const join_word[] = {"JOIN", NULL};
static const char *const operand[] = {"CASE", "NOT", NULL};
static const char *const behind_select[] = {"FROM", "AS", "AND", "OR", "OVER", "FILTER", "EXCEPT", "REPLACE", NULL};
static const char *const behind_source[] = {"WHERE",     "GROUP BY",   "ORDER BY",  "HAVING",     "LIMIT", "AS", "INNER JOIN",
                                            "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "ON",    NULL};
static const char *const behind_expr[] = {"AND", "OR", "IN", "LIKE", "BETWEEN", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "INNER JOIN", "LEFT JOIN", NULL};
static const char *const behind_group[] = {"HAVING", "ORDER BY", "LIMIT", "FILTER", "OVER", NULL};
static const char *const behind_order[] = {"ASC", "DESC", "LIMIT", NULL};
static const char *const behind_case[] = {"WHEN", "THEN", "ELSE", "END", NULL};
static const char *const windows[] = {"TUMBLINGWINDOW", "HOPPINGWINDOW", "SLIDINGWINDOW", "SESSIONWINDOW", "COUNTWINDOW", "STATEWINDOW", "CASE", NULL};

static bool operand_end(const sl_token *t) {
    switch (t->kind) {
    case SL_K_IDENT:
    case SL_K_INT:
    case SL_K_NUM:
    case SL_K_STR:
    case SL_K_SQSTR:
    case SL_K_RP:
    case SL_K_RB:
    case SL_K_END:
    case SL_K_TRUE:
    case SL_K_FALSE:
    case SL_K_MUL: return true; /* SELECT * rather than a product that ends here */
    default: return false;
    }
}
static void find_refs(const tokens *t, sql_place *out) {
    for (size_t i = 0; i + 1 < t->n; i++) {
        if ((t->at[i].kind != SL_K_FROM && t->at[i].kind != SL_K_JOIN) || t->at[i + 1].kind != SL_K_IDENT)
            continue;
        sql_ref r = {.name = t->at[i + 1].lit};
        if (i + 3 < t->n && t->at[i + 2].kind == SL_K_AS && t->at[i + 3].kind == SL_K_IDENT)
            r.alias = t->at[i + 3].lit;
        if (!SL_PUSH(out->refs, r))
            return;
    }
}
static void want(sql_place *out, sql_want w, const char *const *words) {
    out->want = w;
    out->words = words;
}
static void in_create(const tokens *t, sql_place *out) {
    size_t n = t->n;
    long depth = 0;
    bool with = false;
    for (size_t i = 0; i < n; i++) {
        depth += t->at[i].kind == SL_K_LP;
        depth -= t->at[i].kind == SL_K_RP;
        with |= is(&t->at[i], "with");
    }
    const sl_token *last = &t->at[n - 1];
    if (n == 1)
        want(out, SQL_WORD, kinds);
    else if (with && depth == 1 && last->kind == SL_K_EQ && n > 2) {
        out->source = t->at[n - 2].lit;
        want(out, SQL_VALUE, NULL);
    } else if (with && depth == 1 && (last->kind == SL_K_LP || last->kind == SL_K_COMMA) && !out->quoted)
        want(out, SQL_OPTION, NULL);
    else if (!with && depth >= 1 && (last->kind == SL_K_IDENT || (last->kind == SL_K_LP && n > 1 && is(&t->at[n - 2], "array"))) && !is(last, "array") && !is(last, "struct"))
        want(out, SQL_WORD, types);
    else if (!with && depth == 0 && last->kind == SL_K_RP)
        want(out, SQL_WORD, with_word);
}
static void in_select(const tokens *t, size_t from, sql_place *out) {
    const sl_token *last = &t->at[t->n - 1], *before = t->n - from > 1 ? last - 1 : NULL;
    sl_tok clause = SL_K_SELECT;
    long depth = 0, at_call = -1, cases = 0;
    struct {
        size_t name;
        bool call;
    } open[64];
    for (size_t i = from; i < t->n; i++) {
        sl_tok k = t->at[i].kind;
        if (k == SL_K_FROM || k == SL_K_WHERE || k == SL_K_GROUP || k == SL_K_HAVING || k == SL_K_ORDER || k == SL_K_ON || k == SL_K_JOIN)
            clause = k;
        cases += k == SL_K_CASE;
        cases -= k == SL_K_END;
        if (k == SL_K_LP) {
            if (depth < 64) {
                open[depth].call = i > from && t->at[i - 1].kind == SL_K_IDENT;
                open[depth].name = i ? i - 1 : 0;
            }
            depth++;
        } else if (k == SL_K_RP && depth)
            depth--;
    }
    for (long d = depth < 64 ? depth : 64; d-- > 0 && at_call < 0;)
        if (open[d].call)
            at_call = (long)open[d].name;
    if (at_call >= 0)
        out->call = t->at[at_call].lit;
    if (last->kind == SL_K_FROM || last->kind == SL_K_JOIN)
        want(out, SQL_SOURCE, NULL);
    else if (last->kind == SL_K_DOT && before && before->kind == SL_K_IDENT) {
        out->source = before->lit;
        for (size_t i = 0; i < out->refs.n; i++)
            if (sl_str_eq(out->refs.at[i].alias, before->lit))
                out->source = out->refs.at[i].name;
        want(out, SQL_COLUMN, NULL);
    } else if (last->kind == SL_K_AS || last->kind == SL_K_LIMIT || last->kind == SL_K_ARROW || last->kind == SL_K_DOT)
        want(out, SQL_NOTHING, NULL);
    else if (last->kind == SL_K_GROUP || last->kind == SL_K_ORDER || last->kind == SL_K_PARTITION)
        want(out, SQL_WORD, by_word);
    else if (last->kind == SL_K_LEFT || last->kind == SL_K_RIGHT || last->kind == SL_K_INNER || last->kind == SL_K_FULL || last->kind == SL_K_CROSS)
        want(out, SQL_WORD, join_word);
    else if (last->kind == SL_K_LP && before && before->kind == SL_K_IDENT && before->lit.n > 6 && sl_str_ieq(sl_str_n(before->lit.p + before->lit.n - 6, 6), SL_S("window")) &&
             !is(before, "countwindow") && !is(before, "statewindow"))
        want(out, SQL_WORD, units);
    else if (operand_end(last) && !(last->kind == SL_K_MUL && before && operand_end(before))) {
        bool source = clause == SL_K_FROM || clause == SL_K_JOIN;
        want(out, SQL_WORD,
             cases > 0                   ? behind_case
                 : source                ? behind_source
                 : clause == SL_K_SELECT ? behind_select
                 : clause == SL_K_ORDER  ? behind_order
                 : clause == SL_K_GROUP  ? behind_group
                                         : behind_expr);
    } else
        want(out, SQL_EXPR, cases > 0 ? behind_case : clause == SL_K_GROUP && depth == 0 ? windows : operand);
}
static void of_names(const tokens *t, sql_place *out, const char *const *words) {
    if (t->n == 1)
        want(out, SQL_WORD, words);
    else if (t->n == 2)
        want(out, is(&t->at[1], "stream") ? SQL_STREAM : is(&t->at[1], "table") ? SQL_TABLE : is(&t->at[1], "rule") ? SQL_RULE : SQL_NOTHING, NULL);
    if (t->n == 2 && is(&t->at[1], "function"))
        want(out, SQL_EXPR, NULL);
}
void sql_place_find(sl_arena *a, sl_str before, sl_str after, sql_place *out) {
    *out = (sql_place){0};
    for (size_t cut; (cut = sql_first(before));) /* the statement that the cursor stands in */
        before = sl_str_n(before.p + cut, before.n - cut);
    sl_str lead = before;
    while (lead.n && (unsigned char)*lead.p <= ' ')
        lead = sl_str_n(lead.p + 1, lead.n - 1);
    if (lead.n && *lead.p == '\\') {
        const char *blank = memchr(lead.p, ' ', lead.n);
        out->word = blank ? sl_str_n(blank + 1, lead.n - (size_t)(blank + 1 - lead.p)) : lead;
        out->lower = true;
        want(out, !blank ? SQL_META : lead.p[1] == 'd' ? SQL_SOURCE : lead.p[1] == 'h' ? SQL_EXPR : SQL_NOTHING, NULL);
        return;
    }
    tokens t = {0}, all = {0};
    lex(a, before, &t);
    lex(a, sl_arena_printf(a, "%.*s %.*s", SL_FMT(before), SL_FMT(after)), &all);
    find_refs(&all, out);
    out->word = sl_str_n(before.p + before.n, 0);
    if (t.n && t.at[t.n - 1].end == before.n) { /* no blank behind the last token: it is what is being typed */
        const sl_token *last = &t.at[t.n - 1];
        char first = before.p[last->pos];
        bool open_string = last->kind == SL_K_ILLEGAL && (first == '"' || first == '\'');
        bool open_name = last->quoted && (before.n - last->pos < 2 || before.p[before.n - 1] != '`');
        if (open_string || open_name) {
            out->quoted = true;
            out->word = sl_str_n(before.p + last->pos + 1, before.n - last->pos - 1);
            t.n--;
        } else if ((last->kind == SL_K_IDENT && !last->quoted) || last->kind >= SL_K_SELECT) {
            out->word = sl_str_n(before.p + last->pos, last->end - last->pos);
            t.n--;
        }
    }
    char ch = t.n ? before.p[t.at[0].pos] : out->word.n ? *out->word.p : 'S';
    out->lower = ch >= 'a' && ch <= 'z';
    if (out->quoted && out->word.p[-1] != '`' && !(t.n && is(&t.at[0], "create")))
        want(out, SQL_NOTHING, NULL);
    else if (!t.n)
        want(out, SQL_STATEMENT, statements);
    else if (t.at[0].kind == SL_K_SELECT)
        in_select(&t, 0, out);
    else if (is(&t.at[0], "explain") && t.n > 1 && t.at[1].kind == SL_K_SELECT)
        in_select(&t, 1, out);
    else if (is(&t.at[0], "create"))
        in_create(&t, out);
    else if (is(&t.at[0], "show"))
        want(out, t.n == 1 ? SQL_WORD : SQL_NOTHING, t.n == 1 ? shown : NULL);
    else if (is(&t.at[0], "describe") || is(&t.at[0], "drop") || is(&t.at[0], "explain"))
        of_names(&t, out, is(&t.at[0], "drop") ? dropped : is(&t.at[0], "explain") ? explained : described);
    SL_VEC_FREE(t);
    SL_VEC_FREE(all);
}
