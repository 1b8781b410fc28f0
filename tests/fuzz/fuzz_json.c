/* Any bytes as JSON: the tree reads back what it wrote; the row reader takes what its slow twin takes; a projection equals the same columns
 * of the full parse; declared types never break it; what it yields can be written. Line by line: a reader that has seen the lines before
 * (and goes straight where it can) and one that has seen none agree on acceptance, error and values. */
#include <stdlib.h>
#include "data/json.h"
#include "data/json_lex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void tree(sl_arena *a, sl_str text) {
    sl_json *v, *again;
    sl_str rest;
    sl_err *e = sl_json_parse(a, text, &v, NULL);
    if (!e) {
        sl_buf one = {0}, two = {0};
        sl_json_write(&one, v, false, 0);
        if (sl_json_parse(a, sl_buf_view(&one), &again, NULL))
            abort();
        sl_json_write(&two, again, false, 0);
        if (!sl_str_eq(sl_buf_view(&one), sl_buf_view(&two)))
            abort();
        sl_json_write(&two, v, true, 2);
        sl_buf_free(&one);
        sl_buf_free(&two);
    }
    sl_err_free(e);
    sl_err_free(sl_json_parse(a, text, &v, &rest));
}
static sl_batch *rows(sl_str text, const sl_layout *l, bool all, const sl_field *types, uint32_t ntypes, bool int64, bool borrowed) {
    sl_builder *w = sl_builder_new(l, all);
    sl_jsonrows *d = sl_jsonrows_new(types, ntypes, int64, true);
    uint32_t n;
    sl_str why = {0};
    sl_buf err = {0};
    sl_str lent = borrowed ? sl_arena_dup(sl_builder_arena(w), text) : text;
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++) { /* twice: unknown and predicted keys */
        ok = sl_jsonrows_read(d, w, lent, borrowed, &n, &why);
        if (ok == sl_jx_error(text, &err) && ok)
            abort();
    }
    if (!ok && (sl_builder_rows(w) || !why.n))
        abort();
    sl_buf_free(&err);
    sl_batch *b = ok ? sl_builder_done(w, 0) : NULL;
    sl_jsonrows_free(d);
    sl_builder_free(w);
    return b;
}
static bool alike(sl_value v, sl_value w) { /* also NaN and NaN, wherever they are */
    if (v.kind != w.kind)
        return false;
    if (v.kind == SL_ABSENT || sl_value_same(v, w))
        return true;
    sl_buf a = {0}, b = {0};
    sl_value_print(&a, v);
    sl_value_print(&b, w);
    bool ok = sl_str_eq(sl_buf_view(&a), sl_buf_view(&b));
    sl_buf_free(&a);
    sl_buf_free(&b);
    return ok;
}
static void same(sl_batch *x, sl_batch *y) {
    if (x->nrows != y->nrows)
        abort();
    for (uint32_t r = 0; r < x->nrows; r++) {
        for (uint32_t c = 0; c < x->layout->n; c++)
            if (!alike(x->cols[c][r], y->cols[c][r]))
                abort();
        uint32_t n = x->tails ? x->tails[r].n : 0;
        if (n != (y->tails ? y->tails[r].n : 0))
            abort();
        for (uint32_t i = 0; i < n; i++)
            if (!sl_str_eq(x->tails[r].at[i].key, y->tails[r].at[i].key) || !alike(x->tails[r].at[i].val, y->tails[r].at[i].val))
                abort();
        sl_str a = x->raw ? x->raw[r] : (sl_str){NULL, 0}, b = y->raw ? y->raw[r] : (sl_str){NULL, 0};
        if (!sl_str_eq(a, b))
            abort();
    }
}
static bool half(void *arg, const sl_builder *w) { /* some rows are wanted, by what their first column holds */
    (void)arg;
    sl_value v = sl_builder_peek(w, 0);
    return v.kind == SL_STRING ? v.len & 1 : v.kind == SL_FLOAT ? v.f > 5 : v.kind == SL_ABSENT;
}
/* Columns first: what is left out would have been taken, what is refused is refused with the same words, what is wanted is the same. */
static void looks(sl_str text, const sl_layout *l, bool all, const sl_field *types, uint32_t ntypes, bool int64) {
    sl_jsonrows *d = sl_jsonrows_new(types, ntypes, int64, false);
    sl_builder *w = sl_builder_new(l, all), *v = sl_builder_new(l, all);
    uint16_t first = 0;
    sl_rowlook look = {.layout = l, .cols = &first, .ncols = 1, .wanted = half};
    sl_jsonrows_look(d, &look);
    for (const char *p = text.p, *end = p + text.n, *q; p < end; p = q + 1) {
        if (!(q = memchr(p, '\n', (size_t)(end - p))))
            q = end;
        sl_str line = {p, (size_t)(q - p)}, why = {0}, whynot = {0};
        uint32_t n = 0, m = 0, before = sl_builder_rows(v);
        uint64_t left = look.left;
        sl_jsonrows *fresh = sl_jsonrows_new(types, ntypes, int64, false);
        if (sl_jsonrows_read(d, w, line, false, &n, &why) != sl_jsonrows_read(fresh, v, line, false, &m, &whynot) || n != m || !sl_str_eq(why, whynot))
            abort();
        if (look.left > left)
            sl_builder_undo(v, before);
        sl_jsonrows_free(fresh);
    }
    sl_batch *x = sl_builder_done(w, 0), *y = sl_builder_done(v, 0);
    if (x && y)
        same(x, y);
    sl_batch_drop(x);
    sl_batch_drop(y);
    sl_builder_free(w);
    sl_builder_free(v);
    sl_jsonrows_free(d);
}
static void lines(sl_str text, const sl_layout *l, bool all, const sl_field *types, uint32_t ntypes, bool int64, bool raw) {
    sl_jsonrows *d = sl_jsonrows_new(types, ntypes, int64, raw);
    sl_builder *w = sl_builder_new(l, all), *v = sl_builder_new(l, all);
    for (const char *p = text.p, *end = p + text.n, *q; p < end; p = q + 1) {
        if (!(q = memchr(p, '\n', (size_t)(end - p))))
            q = end;
        char *exact = malloc((size_t)(q - p) + 1); /* so that a read beyond the end is seen */
        memcpy(exact, p, (size_t)(q - p));
        sl_str line = sl_arena_dup(sl_builder_arena(w), (sl_str){p, (size_t)(q - p)}), why = {0}, whynot = {0};
        uint32_t n = 0, m = 0;
        sl_jsonrows *fresh = sl_jsonrows_new(types, ntypes, int64, raw);
        bool ok = line.n & 1 ? sl_jsonrows_read(d, w, line, true, &n, &why) : sl_jsonrows_read(d, w, (sl_str){exact, line.n}, false, &n, &why);
        if (ok != sl_jsonrows_read(fresh, v, line, false, &m, &whynot) || n != m || !sl_str_eq(why, whynot))
            abort();
        sl_jsonrows_free(fresh);
        free(exact);
    }
    sl_batch *x = sl_builder_done(w, 0), *y = sl_builder_done(v, 0);
    if (x && y)
        same(x, y);
    sl_batch_drop(x);
    sl_batch_drop(y);
    sl_builder_free(w);
    sl_builder_free(v);
    sl_jsonrows_free(d);
}
static void written(sl_arena *a, sl_buf *out, sl_value v) {
    sl_str why = {0};
    if (v.kind == SL_ABSENT)
        sl_buf_puts(out, "-");
    else if (!sl_json_put(out, v, &why))
        sl_buf_str(out, why);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_str text = {(const char *)data, size};
    sl_arena *a = sl_arena_new(0);
    tree(a, text);
    static const sl_type big = {.kind = SL_T_BIGINT}, flt = {.kind = SL_T_FLOAT}, str = {.kind = SL_T_STRING}, byt = {.kind = SL_T_BYTEA}, boo = {.kind = SL_T_BOOLEAN},
                         bigs = {.kind = SL_T_ARRAY, .elem = &big};
    static const sl_field inner[] = {{{"x", 1}, &big}, {{"a", 1}, &bigs}};
    static const sl_type rec = {.kind = SL_T_STRUCT, .fields = inner, .nfields = 2};
    static const sl_field types[] = {{{"a", 1}, &flt}, {{"b", 1}, &str}, {{"c", 1}, &bigs}, {{"d", 1}, &rec}, {{"e", 1}, &byt}, {{"f", 1}, &boo}};
    sl_str names[] = {SL_S("a"), SL_S("c")};
    sl_layout *two = sl_layout_new(names, 2, 1), *none = sl_layout_new(NULL, 0, 2);
    sl_batch *p = rows(text, two, false, NULL, 0, false, false), *q = rows(text, none, true, NULL, 0, false, true), *t = rows(text, none, true, types, 6, false, false),
             *i = rows(text, two, true, NULL, 0, true, false);
    if (q && (!p || p->nrows != q->nrows)) /* p may accept more: it does not look at the numbers it skips */
        abort();
    for (uint32_t r = 0; q && r < q->nrows; r++)
        for (int c = 0; c < 2; c++) {
            sl_buf x = {0}, y = {0};
            written(a, &x, p->cols[c][r]);
            written(a, &y, sl_batch_get(q, r, names[c]));
            if (!sl_str_eq(sl_buf_view(&x), sl_buf_view(&y)))
                abort();
            sl_buf_free(&x);
            sl_buf_free(&y);
        }
    sl_buf out = {0};
    for (uint32_t r = 0; t && r < t->nrows; r++)
        written(a, &out, sl_batch_row(t, r, a));
    for (uint32_t r = 0; i && r < i->nrows; r++)
        written(a, &out, sl_batch_row(i, r, a));
    sl_buf_free(&out);
    sl_batch_drop(p);
    sl_batch_drop(q);
    sl_batch_drop(t);
    sl_batch_drop(i);
    lines(text, two, false, NULL, 0, false, false);
    lines(text, two, true, NULL, 0, size & 1, true);
    lines(text, none, true, types, 6, false, false);
    looks(text, two, false, NULL, 0, size & 1);
    looks(text, two, true, NULL, 0, false);
    looks(text, two, true, types, 6, false);
    sl_layout_drop(two);
    sl_layout_drop(none);
    sl_arena_free(a);
    return 0;
}
