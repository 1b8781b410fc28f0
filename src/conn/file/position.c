/* Where a file source is, as JSON: {"mtime":…,"names":[…],"part":{"name":…,"mtime":…,"size":…,"rows":…}}. Of a folder all files up to that time were read, and of those of
 * that very time the named ones; of the part so many rows.
 * Decision: a part is gone on with only in the file that it was: same name, time and size. A single file that was read to its end has no position: who starts its rule
 * again wants it read again. */
#include "conn/file/source_int.h"
#include <stdlib.h>
#include "data/json.h"

sl_err *position_restore(sl_source *s, sl_str from) {
    if (!from.n)
        return NULL;
    sl_arena *a = sl_arena_new(0);
    sl_json *j = NULL;
    sl_err *e = a ? sl_json_parse(a, from, &j, NULL) : sl_err_new(SL_E_NOMEM, "out of memory");
    const sl_json *t = j ? sl_json_get(j, "mtime") : NULL, *names = j ? sl_json_get(j, "names") : NULL, *part = j ? sl_json_get(j, "part") : NULL;
    if (!e && s->folder && (t || !part) && (!t || !sl_json_i64(t, &s->from_ns)))
        e = sl_err_new(SL_E_CONF, "the saved position %.*s has no mtime", SL_FMT(from));
    for (const sl_json *n = names ? names->child : NULL; n && !e; n = n->next) {
        char *copy = sl_strdup_n(n->s.p, n->s.n);
        if (!copy || !SL_PUSH(s->from_names, copy)) {
            free(copy);
            e = sl_err_new(SL_E_NOMEM, "out of memory");
        }
    }
    const sl_json *name = part ? sl_json_get(part, "name") : NULL, *mtime = part ? sl_json_get(part, "mtime") : NULL, *size = part ? sl_json_get(part, "size") : NULL,
                  *rows = part ? sl_json_get(part, "rows") : NULL;
    int64_t n = 0;
    if (!e && name && name->kind == SL_J_STR && mtime && size && rows && sl_json_i64(mtime, &s->part.was.mtime_ns) && sl_json_i64(size, &s->part.was.size) &&
        sl_json_i64(rows, &n) && n > 0) {
        s->part.rows = (uint64_t)n;
        s->part.name = sl_strdup_n(name->s.p, name->s.n);
    }
    sl_arena_free(a);
    return sl_err_prefix(e, "file %s", s->path);
}
uint64_t position_skip(sl_source *s, const job *j) {
    if (!s->part.name || strcmp(s->part.name, j->name ? j->name : "") != 0)
        return 0;
    bool same = s->part.was.mtime_ns == j->was.mtime_ns && s->part.was.size == j->was.size && s->kind != WHOLE;
    free(s->part.name);
    s->part.name = NULL;
    return same ? s->part.rows : 0;
}
/* Rows of j, its beginning included, up to a position. */
static uint64_t rows_at(const sl_source *s, const job *j, uint64_t upto) {
    if (s->kind != CSV)
        return s->kind == LINES ? j->skipped + (upto - j->start) : 0;
    uint64_t rows = j->skipped;
    for (size_t i = 0; i < s->places.n && s->places.at[i].pos <= upto; i++)
        if (s->places.at[i].pos > j->start)
            rows = s->places.at[i].rows;
    return rows;
}
static void put_part(sl_buf *json, sl_str name, const seen *was, uint64_t rows) {
    sl_buf_puts(json, json->n > 1 ? ",\"part\":{\"name\":" : "\"part\":{\"name\":");
    sl_json_put_str(json, name);
    sl_buf_printf(json, ",\"mtime\":%lld,\"size\":%lld,\"rows\":%llu}", (long long)was->mtime_ns, (long long)was->size, (unsigned long long)rows);
}
bool position_of(sl_source *s, uint64_t upto, sl_buf *json) {
    int64_t t = s->folder ? s->from_ns : 0;
    for (size_t i = 0; s->folder && i < s->read.n && s->read.at[i].pos <= upto; i++)
        if (s->read.at[i].was.mtime_ns > t)
            t = s->read.at[i].was.mtime_ns;
    sl_buf_putc(json, '{');
    size_t empty = json->n;
    if (t) {
        sl_buf_printf(json, "\"mtime\":%lld,\"names\":[", (long long)t);
        bool any = false;
        for (size_t i = 0; t == s->from_ns && i < s->from_names.n; i++, any = true) {
            sl_buf_puts(json, any ? "," : "");
            sl_json_put_str(json, sl_str_of(s->from_names.at[i]));
        }
        for (size_t i = 0; i < s->read.n && s->read.at[i].pos <= upto; i++)
            if (s->read.at[i].was.mtime_ns == t) {
                sl_buf_puts(json, any ? "," : "");
                sl_json_put_str(json, sl_str_of(s->read.at[i].name));
                any = true;
            }
        sl_buf_putc(json, ']');
    }
    const job *part = NULL;
    for (size_t i = 0; i < s->read.n && !part; i++)
        if (s->read.at[i].pos > upto && s->read.at[i].start <= upto)
            part = &s->read.at[i];
    if (!part && s->rd && s->queue.n && s->queue.at[0].start <= upto)
        part = &s->queue.at[0];
    uint64_t rows = part ? rows_at(s, part, upto) : 0;
    if (rows)
        put_part(json, sl_str_of(part->name ? part->name : ""), &part->was, rows);
    else if (s->part.name)
        put_part(json, sl_str_of(s->part.name), &s->part.was, s->part.rows);
    bool some = json->n > empty;
    sl_buf_putc(json, '}');
    return some && !json->failed;
}
