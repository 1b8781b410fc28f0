/* Any SELECT that parses: planning says yes or why not, and a plan runs over rows of all kinds without a crash. */
#include <stdlib.h>
#include "data/json.h"
#include "sql/parse.h"
#include "sql/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static sl_create *defs[3];
static sl_arena *keep;
static const sl_create *find(void *arg, sl_str name) {
    for (int i = 0; i < 3; i++)
        if (sl_str_eq(defs[i]->name, name))
            return defs[i];
    return NULL;
}
static void setup(void) {
    static const char *const sql[] = {
        "CREATE STREAM demo () WITH (DATASOURCE=\"demo\")",
        "CREATE STREAM typed (a bigint, b float, s string, o struct(x bigint), arr array(bigint)) WITH (DATASOURCE=\"typed\")",
        "CREATE TABLE lk (a bigint, b bigint) WITH (DATASOURCE=\"lk\", KIND=\"lookup\", KEY=\"a\")",
    };
    keep = sl_arena_new(0);
    for (int i = 0; i < 3; i++) {
        sl_stmt st;
        if (sl_parse(keep, sl_str_of(sql[i]), &st, NULL))
            abort();
        defs[i] = st.create;
    }
}
static void run(sl_plan *p) {
    static const char *const rows[] = {
        "{\"a\":1,\"b\":2.5,\"s\":\"text\",\"o\":{\"x\":1,\"y\":[1,{\"z\":null}]},\"arr\":[1,2,3],\"t\":true}",
        "{\"a\":\"x\",\"b\":null,\"s\":5,\"o\":[1],\"arr\":{\"x\":1},\"t\":0}",
        "{\"a\":-9007199254740993,\"b\":0,\"s\":\"\",\"o\":{},\"arr\":[]}",
        "{}",
    };
    const sl_plan_source *s = sl_plan_source_at(p, 0);
    sl_builder *w = sl_builder_new(s->layout, s->all);
    sl_jsonrows *d = sl_jsonrows_new(NULL, 0, true, false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t n;
        sl_str why;
        if (!sl_jsonrows_read(d, w, sl_str_of(rows[i]), false, &n, &why))
            abort();
    }
    sl_batch *b = sl_builder_done(w, 1), *out;
    if (!b)
        abort();
    sl_exec *x = sl_exec_new(p, 0);
    if (!x)
        abort();
    sl_view v = {.batch = b, .n = b->nrows, .frames = b->frames, .nframes = b->nframes};
    bool nomem;
    sl_exec_run(x, 0, &v, 1000, &out, &nomem);
    sl_buf text = {0};
    for (uint32_t i = 0; out && i < out->nrows; i++) {
        sl_str why;
        sl_json_put(&text, sl_batch_row(out, i, out->arena), &why);
    }
    for (uint32_t i = 0; out && i < out->nframes; i++)
        if (out->frames[i].first + out->frames[i].count > out->nrows)
            abort();
    sl_buf_free(&text);
    sl_batch_drop(out);
    for (int i = 0; i < 3 && sl_exec_next(x) != INT64_MAX; i++) { /* a few windows */
        sl_exec_tick(x, sl_exec_next(x), &out, &nomem);
        sl_batch_drop(out);
    }
    for (uint32_t i = 1; i < sl_plan_nsources(p) && i < 4; i++) { /* rows of the other sides; their columns are looked up by name */
        sl_exec_run(x, i, &v, 2000, &out, &nomem);
        sl_batch_drop(out);
    }
    sl_exec_run(x, 0, &v, 3000, &out, &nomem);
    sl_batch_drop(out);
    sl_batch_drop(b);
    sl_exec_free(x);
    sl_jsonrows_free(d);
    sl_builder_free(w);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!keep)
        setup();
    if (size == 0)
        return 0;
    sl_arena *a = sl_arena_new(0);
    sl_select *sel;
    sl_err *e = sl_parse_select(a, sl_str_n((const char *)data + 1, size - 1), &sel, NULL);
    if (!e) {
        sl_plan_opts o;
        sl_plan_opts_default(&o);
        o.zone = SL_ZONE_UTC;
        o.send_error = data[0] & 1;
        o.send_nil = data[0] & 2;
        o.ignore_case = data[0] & 4;
        o.send_meta = data[0] & 8;
        o.disable_alias_ref = data[0] & 16;
        sl_plan *p;
        e = sl_plan_make(sel, find, NULL, &o, &p);
        if (!e) {
            sl_buf b = {0};
            sl_plan_explain(p, &b);
            sl_json *outline = sl_plan_outline(p, sel->text, a);
            if (!outline)
                abort();
            sl_plan_doubts(p, sel->text, find, NULL, a);
            sl_outline_draw(&b, sl_json_get(outline, "plan"));
            sl_buf_free(&b);
            run(p);
            sl_plan_drop(p);
        }
    }
    sl_err_free(e);
    sl_arena_free(a);
    return 0;
}
