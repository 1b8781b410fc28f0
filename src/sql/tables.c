/* What scan tables hold, for people who ask: rows as the source gave them, with the columns that the statement wants.
 * Decision: text is made on the lane of the rule, because rows do not leave it. */
#include "data/json.h"
#include "sql/pipe.h"

static void row(sl_arena *a, const sl_plan *p, uint32_t src, const sl_krow *x, sl_buf *out) {
    uint32_t n = 0;
    sl_member *m = sl_arena_alloc(a, (p->src[src].n + x->ntail + 1) * sizeof *m);
    sl_str why;
    for (uint32_t c = 0; m && c < p->src[src].n; c++)
        if (x->cells[c].kind != SL_ABSENT)
            m[n++] = (sl_member){p->src[src].names[c], x->cells[c]};
    for (uint32_t i = 0; m && i < x->ntail; i++)
        m[n++] = x->tail[i];
    size_t at = out->n;
    if (!sl_json_put(out, sl_v_map(m, m ? n : 0), &why)) {
        out->n = at;
        sl_buf_puts(out, "null");
    }
}
uint32_t sl_pipes_tables(const sl_pipes *r, sl_buf *out) {
    const sl_plan *p = r->p;
    uint32_t rows = 0, tables = 0;
    sl_arena *a = sl_arena_new(0);
    sl_buf_putc(out, '[');
    for (uint32_t s = 0; a && s < p->nsrc; s++) {
        const sl_kq *q = &r->tables[s];
        if (!p->src[s].pub.is_table || p->src[s].pub.is_lookup || !q->n)
            continue;
        sl_buf_puts(out, tables++ ? ",{\"content\":[" : "{\"content\":[");
        for (uint32_t i = 0; i < q->n; i++) {
            if (i)
                sl_buf_putc(out, ',');
            row(a, p, s, sl_kq_at(q, i), out);
            sl_arena_reset(a);
        }
        rows += q->n;
        sl_buf_puts(out, "],\"emitter\":");
        sl_json_put_str(out, p->src[s].alias.n ? p->src[s].alias : p->src[s].pub.stream);
        sl_buf_putc(out, '}');
    }
    sl_buf_putc(out, ']');
    sl_arena_free(a);
    return rows;
}
