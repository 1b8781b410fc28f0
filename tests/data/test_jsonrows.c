/* The row reader: on random documents the projection equals the full parse; texts of errors are upstream's; what upstream's parser
 * takes and refuses is taken and refused; declared types convert and complain as upstream does. */
#define SL_JX_PLAIN
#include "kit.h"
#include <math.h>
#include "data/json.h"
#include "data/json_index.h"
#include "data/json_lex.h"

static sl_arena *A;
static uint64_t seed = 88172645463325252ull;
static uint32_t rnd(uint32_t n) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}
static int up(void **st) {
    (void)st;
    return (A = sl_arena_new(0)) ? 0 : -1;
}
static int down(void **st) {
    (void)st;
    sl_arena_free(A);
    return 0;
}
static sl_layout *layout_of(const char *const *names, uint32_t n) {
    sl_str s[16];
    for (uint32_t i = 0; i < n; i++)
        s[i] = sl_str_of(names[i]);
    return sl_layout_new(s, n, 1);
}
static const char *text_of(sl_value v) {
    sl_buf b = {0};
    sl_str why = {0};
    char *c;
    if (sl_json_put(&b, v, &why))
        c = sl_arena_cstr(A, sl_buf_cstr(&b));
    else
        c = (char *)sl_arena_dup(A, why).p;
    sl_buf_free(&b);
    return c;
}

/* ---- random documents ---- */
static const char *const keys[] = {"a",
                                   "b",
                                   "temperature",
                                   "c",
                                   "id",
                                   "ts",
                                   "name",
                                   "a_rather_long_key_of_more_than_thirty_two_bytes",
                                   "k\\u0061",
                                   "d\xc3\xa9",
                                   "e",
                                   "f",
                                   "a_key_that_is_longer_than_what_the_reader_keeps_of_a_key_in_its_shape"};
static void ws(sl_buf *b, int loose) {
    while (loose && rnd(4) == 0)
        sl_buf_putc(b, " \n\t\r"[rnd(4)]);
}
static void doc_string(sl_buf *b) {
    static const char *const bits[] = {"x",      "hello world", "\\n", "\\u00e9", "\\ud83d\\ude97", "\xe4\xb8\xad", "\\\"", "\\\\", "0123456789abcdef0123456789abcdef",
                                       "{[,:]}", "\\/",         ""};
    sl_buf_putc(b, '"');
    for (uint32_t n = rnd(4); n--;)
        sl_buf_puts(b, bits[rnd(12)]);
    sl_buf_putc(b, '"');
}
static void doc_value(sl_buf *b, int depth, int loose) {
    static const char *const nums[] = {
        "0",     "-0",    "1", "23.5", "-17.25", "1e3", "1.5E-7", "9007199254740993", "123456789012345678", "12345678901234567890", "0.1", "100", "3.141592653589793238",
        "1e400", "5e-324"};
    switch (rnd(depth > 3 ? 5 : 8)) {
    case 0: sl_buf_puts(b, "true"); break;
    case 1: sl_buf_puts(b, "false"); break;
    case 2: sl_buf_puts(b, "null"); break;
    case 3: sl_buf_puts(b, nums[rnd(13)]); break;
    case 4: doc_string(b); break;
    case 5:
        sl_buf_putc(b, '[');
        for (uint32_t n = rnd(4), i = 0; i < n; i++) {
            if (i)
                sl_buf_putc(b, ',');
            ws(b, loose);
            doc_value(b, depth + 1, loose);
            ws(b, loose);
        }
        sl_buf_putc(b, ']');
        break;
    default:
        sl_buf_putc(b, '{');
        for (uint32_t n = rnd(4), i = 0; i < n; i++) {
            if (i)
                sl_buf_putc(b, ',');
            ws(b, loose);
            sl_buf_printf(b, "\"%s\"", keys[rnd(13)]);
            ws(b, loose);
            sl_buf_putc(b, ':');
            ws(b, loose);
            doc_value(b, depth + 1, loose);
        }
        sl_buf_putc(b, '}');
    }
}
static void doc_row(sl_buf *b, int mode) { /* 0: keys in order, 1: some missing, 2: any order, repeated too */
    int loose = rnd(3) == 0;
    sl_buf_putc(b, '{');
    int n = 0;
    for (uint32_t i = 0; i < 13; i++) {
        if (mode && rnd(3) == 0)
            continue;
        if (n++)
            sl_buf_putc(b, ',');
        ws(b, loose);
        sl_buf_printf(b, "\"%s\"", keys[mode == 2 ? rnd(13) : i]);
        ws(b, loose);
        sl_buf_putc(b, ':');
        ws(b, loose);
        doc_value(b, 0, loose);
        ws(b, loose);
    }
    sl_buf_putc(b, '}');
}
static void projection_equals_full_parse(void **st) {
    (void)st;
    static const char *const wanted[] = {"temperature", "a", "ka", "missing", "a_rather_long_key_of_more_than_thirty_two_bytes"};
    sl_layout *l = layout_of(wanted, 5), *none = sl_layout_new(NULL, 0, 0);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, true), *dall = sl_jsonrows_new(NULL, 0, false, false);
    sl_builder *w = sl_builder_new(l, false), *wall = sl_builder_new(none, true);
    for (int round = 0; round < 400; round++) {
        sl_str docs[8];
        for (int i = 0; i < 8; i++) {
            sl_buf b = {0};
            doc_row(&b, round % 3);
            docs[i] = sl_arena_dup(A, sl_buf_view(&b));
            sl_buf_free(&b);
            bool lent = rnd(2);
            char *exact = lent ? (char *)sl_arena_dup(sl_builder_arena(w), docs[i]).p : malloc(docs[i].n); /* so that a read beyond the end is seen */
            if (!lent)
                memcpy(exact, docs[i].p, docs[i].n);
            uint32_t rows;
            sl_str why;
            assert_true(sl_jsonrows_read(d, w, (sl_str){exact, docs[i].n}, lent, &rows, &why));
            assert_int_equal(rows, 1);
            assert_true(sl_jsonrows_read(dall, wall, (sl_str){exact, docs[i].n}, false, &rows, &why));
            if (!lent)
                free(exact);
        }
        sl_batch *b = sl_builder_done(w, 1), *ball = sl_builder_done(wall, 1);
        assert_non_null(b);
        for (uint32_t i = 0; i < 8; i++) {
            sl_value whole;
            assert_null(sl_json_value(A, docs[i], false, &whole));
            for (uint32_t c = 0; c < 5; c++) {
                sl_value want = sl_v_absent(), got = b->cols[c][i];
                for (uint32_t m = 0; m < whole.len; m++)
                    if (sl_str_is(whole.map[m].key, wanted[c]))
                        want = whole.map[m].val;
                assert_int_equal(want.kind == SL_ABSENT, got.kind == SL_ABSENT);
                assert_string_equal(text_of(want), text_of(got));
                assert_true(want.kind == SL_ABSENT || sl_value_same(want, sl_value_copy(A, got)));
            }
            assert_string_equal(text_of(whole), text_of(sl_batch_row(ball, i, A)));
            assert_int_equal(whole.len, ball->tails ? ball->tails[i].n : 0);
            assert_true(sl_str_eq(b->raw[i], docs[i]));
        }
        sl_batch_drop(b);
        sl_batch_drop(ball);
        sl_arena_reset(A);
    }
    sl_builder_free(w);
    sl_builder_free(wall);
    sl_jsonrows_free(d);
    sl_jsonrows_free(dall);
    sl_layout_drop(l);
    sl_layout_drop(none);
}
static void broken_documents_are_refused_in_whole(void **st) {
    (void)st;
    static const char *const wanted[] = {"a", "c"};
    sl_layout *l = layout_of(wanted, 2);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    sl_builder *w = sl_builder_new(l, true);
    int refused = 0;
    for (int i = 0; i < 20000; i++) {
        sl_buf b = {0};
        sl_buf_putc(&b, '[');
        doc_row(&b, i % 3);
        sl_buf_putc(&b, ',');
        doc_row(&b, i % 3);
        sl_buf_putc(&b, ']');
        if (rnd(4) == 0)
            b.n = rnd((uint32_t)b.n);
        for (uint32_t n = rnd(3); n-- && b.n;)
            b.p[rnd((uint32_t)b.n)] = "{}[]\",:\\ 1tfnx-\x80\x01"[rnd(17)];
        sl_buf err = {0};
        uint32_t rows, before = sl_builder_rows(w);
        sl_str why = {0};
        bool syntax = sl_jx_error(sl_buf_view(&b), &err);
        bool ok = sl_jsonrows_read(d, w, sl_buf_view(&b), false, &rows, &why);
        if (syntax) {
            assert_false(ok);
            bool utf8 = true;
            for (size_t k = 0; k < b.n; k++)
                utf8 = utf8 && (signed char)b.p[k] >= 0;
            if (utf8)
                assert_true(sl_str_eq(why, sl_buf_view(&err)));
            refused++;
        } else if (!ok) /* a number or an element that is none of ours */
            assert_true(sl_str_find(why, SL_S("doesn't contain")) >= 0 || sl_str_find(why, SL_S("pars")) >= 0 || sl_str_find(why, SL_S("mantissa")) >= 0 ||
                        sl_str_find(why, SL_S("missing")) >= 0 || sl_str_starts(why, SL_S("only map")));
        if (!ok)
            assert_int_equal(sl_builder_rows(w), before);
        sl_buf_free(&err);
        sl_buf_free(&b);
        if (i % 100 == 99)
            sl_batch_drop(sl_builder_done(w, 0));
    }
    assert_true(refused > 5000);
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
static void plain_and_vector_lexers_agree(void **st) { /* this file has the plain one, the library the vector one */
    (void)st;
    for (int i = 0; i < 20000; i++) {
        char t[80];
        uint32_t n = 1 + rnd(79);
        for (uint32_t k = 0; k < n; k++)
            t[k] = rnd(3) ? "0123456789.eE+-"[rnd(15)] : rnd(10) ? 'x' : "\"\\\x1f/),*"[rnd(7)];
        t[n - 1] = '"';
        size_t run = 0;
        while (run < n && strchr("0123456789.eE+-", t[run]))
            run++;
        assert_int_equal(sl_jx_run(t, t + n), run);
        char doc[96];
        doc[0] = '"';
        memcpy(doc + 1, t, n);
        unsigned f = 0, g = 0;
        const char *q = sl_jx_str(t, t + n, &f), *r = sl_jx_skip(doc, doc + 1 + n, 1, true, false, &g);
        assert_int_equal(q ? q - t : -2, r ? r - doc - 2 : -2);
        if (q && (f & SL_JX_ODD))
            assert_true(g & SL_JX_ODD);
    }
}

static void the_index_is_right(void **st) { /* in every form, against the plainest code */
    (void)st;
    static uint16_t comma[SL_JI_MAX];
    unsigned forms = sl_json_index_forms();
    assert_true(forms >= 1);
    for (int i = 0; i < 20000; i++) {
        size_t n = 1 + rnd(i % 10 ? 300 : SL_JI_MAX);
        char *t = malloc(n);
        for (size_t k = 0; k < n; k++)
            t[k] = i % 3 ? rnd(8) ? 'x' : "\",\":,"[rnd(5)] : ",\"abcdefghijk"[rnd(13)];
        if (rnd(5) == 0)
            t[rnd((uint32_t)n)] = rnd(2) ? '\\' : '\x80';
        bool inside = false, high = false, backslash = false;
        uint32_t ncommas = 0, nquotes = 0;
        for (size_t k = 0; k < n; k++) {
            high = high || t[k] & 0x80;
            backslash = backslash || t[k] == '\\';
            inside = inside != (t[k] == '"');
            nquotes += t[k] == '"';
            if (t[k] == ',' && !inside)
                comma[ncommas++] = (uint16_t)k;
        }
        sl_json_index_use((unsigned)i % forms);
        const sl_jindex *got = sl_json_index(t, n);
        if (!got) {
            assert_int_equal(i % (int)forms, 0);
            free(t);
            continue;
        }
        assert_int_equal(got->backslash, backslash);
        assert_int_equal(got->high, high);
        assert_int_equal(got->nquotes, nquotes);
        assert_int_equal(got->ncommas, ncommas);
        assert_memory_equal(got->comma, comma, ncommas * sizeof *comma);
        free(t);
    }
    sl_json_index_use(~0u);
}
/* What the map must say: commas of the first level, UINT32_MAX when it must say nothing at all. */
static uint32_t plain_map(const char *t, size_t n, uint32_t *comma, bool *nested, bool *backslash) {
    unsigned flags = 0;
    if (n < 2 || t[0] != '{' || sl_jx_skip(t, t + n, 1, true, false, &flags) != t + n || flags)
        return UINT32_MAX;
    uint32_t k = 0;
    int depth = 0, deepest = 0;
    *backslash = false;
    for (size_t i = 0; i < n; i++) {
        if (t[i] == '"') {
            for (i++; t[i] != '"'; i++)
                if (t[i] == '\\')
                    *backslash = true, i++;
        } else if (t[i] == '{' || t[i] == '[')
            deepest = ++depth > deepest ? depth : deepest;
        else if (t[i] == '}' || t[i] == ']')
            depth--;
        else if (t[i] == ',' && depth == 1) {
            if (k == SL_JM_MAX)
                return UINT32_MAX;
            comma[k++] = (uint32_t)i;
        } else if (((t[i] | 0x20) == 'e') && t[i - 1] >= '0' && t[i - 1] <= '9')
            return UINT32_MAX; /* it leaves exponents alone */
    }
    *nested = deepest > 1;
    return deepest > 63 ? UINT32_MAX : k;
}
static void the_map_is_right(void **st) {
    (void)st;
    uint32_t want[SL_JM_MAX + 1], taken = 0, refused = 0;
    unsigned forms = sl_json_index_forms();
    sl_json_index_use(~0u);
    bool any = sl_json_map("{}", 2) != NULL;
    for (int i = 0; i < 60000; i++) {
        sl_buf b = {0};
        if (i % 7 == 0) { /* small pieces in any order */
            static const char *const bits[] = {"{",  "}",    "[",     "]",    ":",         ",",  "\"a\"", "\"\"", " ",     "\n",      "1",     "-", "0",
                                               ".5", "true", "false", "null", "\"x\\\"\"", "\\", "\"",    "01",   "12.25", "{\"k\":", "[1,2]", "e"};
            sl_buf_putc(&b, '{');
            for (uint32_t n = rnd(12); n--;)
                sl_buf_puts(&b, bits[rnd(25)]);
            sl_buf_putc(&b, '}');
        } else {
            doc_row(&b, i % 3);
            for (uint32_t n = rnd(4) == 0 ? 1 + rnd(3) : 0; n-- && b.n > 2;)
                b.p[1 + rnd((uint32_t)b.n - 2)] = "{}[]\",:\\ 1tf0nx-.\n\t\x80\x01"[rnd(20)];
        }
        char *exact = malloc(b.n);
        memcpy(exact, b.p, b.n);
        bool nested = false, backslash = false;
        uint32_t n = plain_map(exact, b.n, want, &nested, &backslash);
        sl_json_index_use((unsigned)i % forms);
        bool mapless = !sl_json_map("{}", 2);
        const sl_jmap *got = sl_json_map(exact, b.n);
        if (mapless ? got != NULL : (got != NULL) != (n != UINT32_MAX))
            fail_msg("form %u: %s: %.*s", (unsigned)i % forms, got ? "taken" : "refused", (int)b.n, exact);
        if (got) {
            taken++;
            assert_int_equal(got->ncommas, n);
            want[n] = (uint32_t)b.n - 1;
            assert_memory_equal(got->comma, want, (n + 1) * sizeof *want);
            assert_int_equal(got->nested, nested);
            assert_int_equal(got->backslash, backslash);
        } else
            refused++;
        free(exact);
        sl_buf_free(&b);
    }
    assert_true(refused > 5000 && (!any || taken > 5000));
    char deep[200]; /* levels */
    for (int levels = 62; levels < 68; levels++) {
        int k = sprintf(deep, "{\"a\":");
        memset(deep + k, '[', (size_t)levels - 1);
        memset(deep + k + levels - 1, ']', (size_t)levels - 1);
        strcpy(deep + k + 2 * levels - 2, "}");
        assert_int_equal(sl_json_map(deep, strlen(deep)) != NULL, any && levels <= 63);
    }
    sl_json_index_use(~0u);
}
/* A reader that has seen rows before and one that has seen none agree on acceptance, error and values. */
static void same_rows(sl_batch *a, sl_batch *b) {
    assert_int_equal(a->nrows, b->nrows);
    for (uint32_t r = 0; r < a->nrows; r++) {
        for (uint32_t c = 0; c < a->layout->n; c++) {
            assert_int_equal(a->cols[c][r].kind, b->cols[c][r].kind);
            assert_true(a->cols[c][r].kind == SL_ABSENT || sl_value_same(a->cols[c][r], b->cols[c][r]));
        }
        assert_int_equal(a->tails ? a->tails[r].n : 0, b->tails ? b->tails[r].n : 0);
        for (uint32_t i = 0; a->tails && i < a->tails[r].n; i++) {
            assert_true(sl_str_eq(a->tails[r].at[i].key, b->tails[r].at[i].key));
            assert_true(sl_value_same(a->tails[r].at[i].val, b->tails[r].at[i].val));
        }
        sl_str x = a->raw ? a->raw[r] : (sl_str){NULL, 0}, y = b->raw ? b->raw[r] : (sl_str){NULL, 0};
        assert_true(sl_str_eq(x, y));
    }
}
static void the_straight_way_equals_the_other(void **st) {
    (void)st;
    static const sl_type big = {.kind = SL_T_BIGINT}, flt = {.kind = SL_T_FLOAT}, str = {.kind = SL_T_STRING};
    static const sl_field types[] = {{{"temperature", 11}, &flt}, {{"a", 1}, &big}, {{"name", 4}, &str}, {{"ts", 2}, NULL}};
    static const char *const wanted[] = {"temperature", "a", "name", "ts"};
    sl_layout *l = layout_of(wanted, 4);
    unsigned forms = sl_json_index_forms(), accepted = 0;
    for (int way = 0; way < 16; way++) {
        bool all = way & 1, typed = way & 2, int64 = way & 4, raw = way & 8;
        sl_jsonrows *d = sl_jsonrows_new(typed ? types : NULL, typed ? 4 : 0, int64, raw);
        sl_builder *w = sl_builder_new(l, all), *v = sl_builder_new(l, all);
        for (int i = 0; i < 3000; i++) {
            static const char *const names[] = {"ts", "a", "temperature", "name", "other", "a_name_longer_than_sixteen", "x", "a_name_longer_than_thirty_two_bytes__"};
            static const char *const vals[] = {"1",
                                               "-1",
                                               "23.5",
                                               "-0.25",
                                               "12345678",
                                               "1700000000123",
                                               "123456789012345678",
                                               "9007199254740993",
                                               "-",
                                               "+1",
                                               "1.",
                                               ".5",
                                               "01",
                                               "1e3",
                                               "\"\"",
                                               "\"text\"",
                                               "\"a text that is longer than thirty-two bytes, with a comma\"",
                                               "\"\xc3\xa9\"",
                                               "true",
                                               "false",
                                               "null",
                                               "nul",
                                               "\"esc\\u0041ped\"",
                                               "{\"a\":[1,2,{\"b\":\"c,d\"}]}",
                                               "[1,2,3]",
                                               "[]",
                                               "{}",
                                               "[1,2",
                                               "\"open",
                                               "12 3",
                                               "inf",
                                               "[1e5]",
                                               "\"a\"b\"",
                                               "\"ctl\x01\"",
                                               "[01]",
                                               "99999999999999999999"};
            sl_buf b = {0};
            bool loose = rnd(4) == 0;
            sl_buf_putc(&b, '{');
            for (uint32_t k = 0, n = 0; k < 8; k++) {
                if (rnd(10) == 0)
                    continue;
                if (n++)
                    sl_buf_putc(&b, ',');
                ws(&b, loose);
                sl_buf_printf(&b, "\"%s\":", names[rnd(40) ? k : rnd(8)]);
                ws(&b, loose);
                sl_buf_puts(&b, vals[rnd(8) ? k == 3 || k == 5 ? 15 + rnd(2) : k == 6 && i & 64 ? 23 + rnd(4) : rnd(8) : rnd(36)]);
                ws(&b, loose);
            }
            sl_buf_putc(&b, '}');
            if (rnd(10) == 0)
                b.p[rnd((uint32_t)b.n)] = "{}[]\",:\\ 1tfnx-\x80\x01"[rnd(17)];
            char *exact = malloc(b.n);
            memcpy(exact, b.p, b.n);
            sl_str text = {exact, b.n}, why = {0}, whynot = {0};
            uint32_t rows = 0, others = 0;
            sl_json_index_use((unsigned)i % forms);
            sl_jsonrows *fresh = sl_jsonrows_new(typed ? types : NULL, typed ? 4 : 0, int64, raw);
            bool ok = sl_jsonrows_read(d, w, text, false, &rows, &why), also = sl_jsonrows_read(fresh, v, text, false, &others, &whynot);
            if (ok != also || rows != others || !sl_str_eq(why, whynot))
                fail_msg("%d %d: %.*s\n%.*s\n%.*s", ok, also, (int)b.n, b.p, (int)why.n, why.p, (int)whynot.n, whynot.p);
            sl_jsonrows_free(fresh);
            free(exact);
            sl_buf_free(&b);
            accepted += ok;
            if (i % 50 == 49) {
                sl_batch *x = sl_builder_done(w, 0), *y = sl_builder_done(v, 0);
                same_rows(x, y);
                sl_batch_drop(x);
                sl_batch_drop(y);
            }
        }
        sl_builder_free(w);
        sl_builder_free(v);
        sl_jsonrows_free(d);
    }
    assert_true(accepted > 5000);
    sl_json_index_use(~0u);
    sl_layout_drop(l);
}

/* ---- texts ---- */
typedef struct one {
    const char *in, *out; /* row as JSON, or the error */
} one;
static void check(const sl_field *types, uint32_t n, bool int64, const char *const *wanted, uint32_t nwanted, bool all, const one *c) {
    sl_layout *l = layout_of(wanted, nwanted);
    sl_jsonrows *d = sl_jsonrows_new(types, n, int64, false);
    sl_builder *w = sl_builder_new(l, all);
    for (; c->in; c++) {
        uint32_t rows;
        sl_str why = {0};
        sl_buf b = {0};
        char *exact = malloc(strlen(c->in) + 1);
        memcpy(exact, c->in, strlen(c->in) + 1);
        if (!sl_jsonrows_read(d, w, sl_str_n(exact, strlen(c->in)), false, &rows, &why))
            sl_buf_str(&b, why);
        sl_batch *got = sl_builder_done(w, 0);
        assert_non_null(got);
        free(exact);
        for (uint32_t i = 0; i < got->nrows; i++) {
            if (i)
                sl_buf_putc(&b, ' ');
            sl_str none;
            sl_value row = sl_batch_row(got, i, A);
            if (row.len == 1 && row.map[0].val.kind == SL_FLOAT && isnan(row.map[0].val.f))
                sl_buf_puts(&b, "NaN");
            else
                assert_true(sl_json_put(&b, row, &none));
        }
        assert_string_equal(sl_buf_cstr(&b), c->out);
        sl_buf_free(&b);
        sl_batch_drop(got);
    }
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
static void schemaless_texts(void **st) {
    (void)st;
    static const char *const wanted[] = {"a"};
    static const one cases[] = {
        {"[]", ""},
        {"{}", "{}"},
        {"{\"a\":1} ", "{\"a\":1}"},
        {"{\"a\":1e2}", "{\"a\":100}"},
        {"{\"a\":-0}", "{\"a\":-0}"},
        {"{\"a\":NaN}", "NaN"},
        {"{\"a\":nan}", "NaN"},
        {"{\"a\":01}", "{\"a\":1}"},
        {"{\"a\":.5}", "{\"a\":0.5}"},
        {"{\"a\":1.}", "{\"a\":1}"},
        {"{\"a\":9007199254740993}", "{\"a\":9007199254740993}"},
        {"{\"a\":\"\\u4e2d\\ud83d\\ude97\"}", "{\"a\":\"\xe4\xb8\xad\xf0\x9f\x9a\x97\"}"},
        {"{\"a\":\"\\\xc3\xa9\\\xe4\xb8\xad\\\xf0\x9f\x9a\x97\\q\"}", "{\"a\":\"\\\\\xc3\xa9\\\\\xe4\xb8\xad\\\\\xf0\x9f\x9a\x97\\\\q\"}"},
        {"{\"a\":\"x\ty\"}", "{\"a\":\"x\\ty\"}"},
        {"{\"a\":\"\xff\"}", "{\"a\":\"\xef\xbf\xbd\"}"},
        {"{\"a\":{\"x\":01,\"x\":2}}", "{\"a\":{\"x\":2}}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"{\"b\":1,\"\\u0062\":2}", "{\"b\":2}"},
        {"[{\"a\":1},{\"b\":2}]", "{\"a\":1} {\"b\":2}"},
        {"{\"a\":null}", "{\"a\":null}"},
        {"[{\"a\":1},5]", "value doesn't contain object; it contains number"},
        {"[1,2]", "value doesn't contain object; it contains number"},
        {"[true]", "value doesn't contain object; it contains true"},
        {"[5,{]", "cannot parse JSON: cannot parse array: cannot parse array value: cannot parse object: cannot find opening '\"\" for object key; unparsed tail: \"]\""},
        {"{\"a\":1", "cannot parse JSON: cannot parse object: unexpected end of object; unparsed tail: \"\""},
        {"bad", "cannot parse JSON: cannot parse number: unexpected char: \"b\"; unparsed tail: \"bad\""},
        {"", "cannot parse JSON: cannot parse empty string; unparsed tail: \"\""},
        {"{\"a\":1}{\"a\":2}", "unexpected tail: \"{\\\"a\\\":2}\""},
        {"\"text\"", "only map[string]interface{} and []map[string]interface{} is supported"},
        {"5", "only map[string]interface{} and []map[string]interface{} is supported"},
        {"null", "only map[string]interface{} and []map[string]interface{} is supported"},
        {"{\"a\":tru}", "cannot parse JSON: cannot parse object: cannot parse object value: unexpected value found: \"tru}\"; unparsed tail: \"tru}\""},
        {"{\"a\":\"x}", "cannot parse JSON: cannot parse object: cannot parse object value: cannot parse string: missing closing '\"'; unparsed tail: \"\""},
        {"{\"a:1}", "cannot parse JSON: cannot parse object: cannot parse object key: missing closing '\"'; unparsed tail: \"\""},
        {"{\"a\" 1}", "cannot parse JSON: cannot parse object: missing ':' after object key; unparsed tail: \"1}\""},
        {"{\"a\":[1 2]}", "cannot parse JSON: cannot parse object: cannot parse object value: cannot parse array: missing ',' after array value; unparsed tail: \"2]}\""},
        {"{\"b\":1.2.3}", "cannot parse float64 from \"1.2.3\""},
        {NULL, NULL}};
    check(NULL, 0, false, wanted, 1, true, cases);
    static const one narrow[] = {{"{\"b\":1.2.3,\"c\":null,\"a\":2}", "{\"a\":2}"},
                                 {"{\"b\":{\"c\":[}",
                                  "cannot parse JSON: cannot parse object: cannot parse object value: cannot parse object: "
                                  "cannot parse object value: cannot parse array: cannot parse array value: cannot parse number: unexpected char: \"}\"; unparsed tail: \"}\""},
                                 {NULL, NULL}};
    check(NULL, 0, false, wanted, 1, false, narrow);
    static const one ints[] = {{"{\"a\":7,\"b\":7.0,\"c\":[1,2.5]}", "{\"a\":7,\"b\":7,\"c\":[1,2.5]}"},
                               {"{\"a\":1e3}", "unparsed tail left after parsing int64 form \"1e3\": \"e3\""},
                               {"{\"a\":[1e3]}", "unparsed tail left after parsing int64 form \"1e3\": \"e3\""},
                               {"{\"a\":9223372036854775807}", "{\"a\":9223372036854775807}"},
                               {"{\"a\":9223372036854775808}", "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"},
                               {NULL, NULL}};
    check(NULL, 0, true, wanted, 1, true, ints);
    /* depth: 300 is the limit of upstream's parser */
    char deep[2000] = "{\"z\":";
    size_t n = strlen(deep);
    memset(deep + n, '[', 299), memset(deep + n + 299, ']', 299), strcpy(deep + n + 598, "}");
    uint32_t rows;
    sl_str why;
    sl_layout *l = layout_of(wanted, 1);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, false, false);
    sl_builder *w = sl_builder_new(l, true);
    assert_true(sl_jsonrows_read(d, w, sl_str_of(deep), false, &rows, &why));
    deep[n + 299] = '1', memset(deep + n + 300, ']', 299), strcpy(deep + n + 599, "}");
    assert_false(sl_jsonrows_read(d, w, sl_str_of(deep), false, &rows, &why));
    assert_true(sl_str_find(why, SL_S("too big depth for the nested JSON; it exceeds 300")) > 0);
    sl_builder_free(w);
    sl_jsonrows_free(d);
    sl_layout_drop(l);
}
static void declared_types(void **st) {
    (void)st;
    static const sl_type big = {.kind = SL_T_BIGINT}, flt = {.kind = SL_T_FLOAT}, str = {.kind = SL_T_STRING}, byt = {.kind = SL_T_BYTEA}, dt = {.kind = SL_T_DATETIME},
                         boo = {.kind = SL_T_BOOLEAN}, bigs = {.kind = SL_T_ARRAY, .elem = &big}, bigss = {.kind = SL_T_ARRAY, .elem = &bigs},
                         strs = {.kind = SL_T_ARRAY, .elem = &str}, boos = {.kind = SL_T_ARRAY, .elem = &boo};
    static const sl_field xf[] = {{{"x", 1}, &big}, {{"y", 1}, &str}};
    static const sl_type rec = {.kind = SL_T_STRUCT, .fields = xf, .nfields = 2}, recs = {.kind = SL_T_ARRAY, .elem = &rec};
    static const sl_field types[] = {{{"i", 1}, &big},  {{"f", 1}, &flt},    {{"s", 1}, &str},   {{"r", 1}, &byt},   {{"t", 1}, &dt},  {{"b", 1}, &boo},
                                     {{"l", 1}, &bigs}, {{"ll", 2}, &bigss}, {{"ls", 2}, &strs}, {{"lb", 2}, &boos}, {{"o", 1}, &rec}, {{"lo", 2}, &recs}};
    static const char *const wanted[] = {"i", "f", "s", "r", "t", "b", "l", "ll", "ls", "lb", "o", "lo"};
    static const one cases[] = {
        {"{\"i\":5,\"zz\":{\"q\":1}}", "{\"i\":5}"},
        {"{\"zz\":null,\"yy\":nan}", "{\"zz\":null}"},
        {"{\"i\":null,\"l\":null,\"o\":null}", "{\"i\":null,\"l\":null,\"o\":null}"},
        {"{\"i\":1.5}", "unparsed tail left after parsing int64 form \"1.5\": \".5\""},
        {"{\"i\":1e3}", "unparsed tail left after parsing int64 form \"1e3\": \"e3\""},
        {"{\"i\":\"bad\"}", "i has wrong type:string, expect:bigint"},
        {"{\"i\":true}", "i has wrong type:true, expect:bigint"},
        {"{\"i\":99999999999999999999}", "strconv.ParseInt: parsing \"99999999999999999999\": value out of range"},
        {"{\"f\":1,\"f\":-2e2}", "{\"f\":-200}"},
        {"{\"f\":\"1.5\"}", "f has wrong type:string, expect:float"},
        {"{\"f\":[1]}", "f has wrong type:array, expect:float"},
        {"{\"s\":123}", "{\"s\":\"123\"}"},
        {"{\"s\":1234567}", "{\"s\":\"1.234567e+06\"}"},
        {"{\"s\":true}", "s has wrong type:true, expect:string"},
        {"{\"r\":\"aGk=\"}", "{\"r\":\"aGk=\"}"},
        {"{\"r\":\"not base64\"}", "{\"r\":\"bm90IGJhc2U2NA==\"}"},
        {"{\"r\":5}", "r has wrong type:number, expect:bytea"},
        {"{\"t\":\"junk\"}", "{\"t\":\"junk\"}"},
        {"{\"t\":1700006400000}", "{\"t\":1700006400000}"},
        {"{\"t\":true}", "t has wrong type:true, expect:datetime"},
        {"{\"b\":2.5}", "{\"b\":true}"},
        {"{\"b\":0}", "{\"b\":false}"},
        {"{\"b\":\"T\"}", "{\"b\":true}"},
        {"{\"b\":\"yes\"}", "strconv.ParseBool: parsing \"yes\": invalid syntax"},
        {"{\"b\":[]}", "b has wrong type:array, expect:boolean"},
        {"{\"l\":[1,null]}", "{\"l\":[1,null]}"},
        {"{\"l\":[]}", "{\"l\":[]}"},
        {"{\"l\":[1.5]}", "unparsed tail left after parsing int64 form \"1.5\": \".5\""},
        {"{\"l\":[\"1\"]}", "array has wrong type:string, expect:bigint"},
        {"{\"l\":\"x\"}", "l has wrong type:string, expect:array"},
        {"{\"l\":{\"a\":1}}", "l has wrong type:object, expect:array"},
        {"{\"ll\":[1]}", "array has wrong type:number, expect:array"},
        {"{\"ll\":[[1],[2,3]]}", "{\"ll\":[[1],[2,3]]}"},
        {"{\"ls\":[1]}", "{\"ls\":[\"1\"]}"},
        {"{\"lb\":[true,1,\"false\"]}", "{\"lb\":[true,true,false]}"},
        {"{\"o\":{\"x\":1,\"q\":2,\"n\":null,\"y\":5}}", "{\"o\":{\"n\":null,\"x\":1,\"y\":\"5\"}}"},
        {"{\"o\":{\"x\":\"bad\"}}", "x has wrong type:string, expect:bigint"},
        {"{\"o\":[1]}", "o has wrong type:array, expect:struct"},
        {"{\"o\":\"{\\\"x\\\":1}\"}", "o has wrong type:string, expect:struct"},
        {"{\"lo\":[1]}", "array has wrong type:number, expect:struct"},
        {"{\"lo\":[{\"x\":\"a\"}]}", "x has wrong type:string, expect:bigint"},
        {"{\"i\":\"bad\",\"f\":]}", "cannot parse JSON: cannot parse object: cannot parse object value: cannot parse number: unexpected char: \"]\"; unparsed tail: \"]}\""},
        {NULL, NULL}};
    check(types, 12, false, wanted, 12, true, cases);
    static const char *const few[] = {"f"};
    static const one pruned[] = {{"{\"i\":\"bad\",\"f\":2,\"zz\":1,\"n\":null}", "{\"f\":2}"}, {NULL, NULL}};
    check(types, 12, false, few, 1, false, pruned);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(projection_equals_full_parse, up, down),
        cmocka_unit_test_setup_teardown(broken_documents_are_refused_in_whole, up, down),
        cmocka_unit_test(plain_and_vector_lexers_agree),
        cmocka_unit_test(the_index_is_right),
        cmocka_unit_test(the_map_is_right),
        cmocka_unit_test(the_straight_way_equals_the_other),
        cmocka_unit_test_setup_teardown(schemaless_texts, up, down),
        cmocka_unit_test_setup_teardown(declared_types, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
