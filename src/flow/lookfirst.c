/* Columns first: a source that decodes for few flows, all of which begin their WHERE with conditions on columns, lets its decoder leave the other columns of
 * rows that none of them wants.
 *
 * Decision: a row that was left is a row that came and was filtered out, for every flow of the source; nobody can tell the difference but by the clock.
 * So it is done only where a row has no other life: no metadata, no validation, nobody watching. Who comes or goes ends it until the batch is out. */
#include "flow/flow_int.h"

enum { LEAST = 4 }; /* columns to leave: what a second look costs */

static bool wanted(void *arg, const sl_builder *w) {
    lookfirst *l = arg;
    sl_value vals[LOOK_COLS];
    for (uint32_t i = 0, c = 0; i < l->n; c += l->each[i++].ncols) {
        for (uint32_t k = 0; k < l->each[i].ncols; k++)
            vals[k] = sl_builder_peek(w, l->cols[c + k]);
        if (sl_rowgate_lets(l->each[i].gate, vals))
            return true;
    }
    return false;
}
void lookfirst_end(lookfirst *l) {
    for (uint32_t i = 0; i < l->n; i++)
        sl_rowgate_free(l->each[i].gate);
    sl_layout_drop(l->look.layout);
    *l = (lookfirst){.left = l->left};
}
static bool open_for_all(const sl_flow *f) { return f->open && !f->eof && !f->closing && !f->root && !f->tap; }
sl_rowlook *lookfirst_begin(lookfirst *l, const sl_flow *subs, const sl_builder *w) {
    const sl_layout *have = sl_builder_layout(w);
    lookfirst_end(l);
    uint32_t ncols = 0, flows = 0;
    for (const sl_flow *f = subs; f; f = f->next_sub)
        if (++flows > LOOK_FLOWS)
            return NULL;
    for (const sl_flow *f = subs; f; f = f->next_sub) {
        sl_rowgate *g = open_for_all(f) ? sl_rowgate_new(f->spec->plan) : NULL;
        const uint16_t *cols;
        uint32_t n = g ? sl_rowgate_columns(g, &cols) : 0;
        bool fits = n > 0;
        for (uint32_t k = 0; k < n && fits; k++) {
            int at = sl_layout_find(have, flow_want(f)->layout->names[cols[k]]);
            fits = at >= 0;
            l->cols[ncols++] = (uint16_t)at;
        }
        if (!fits) {
            sl_rowgate_free(g);
            lookfirst_end(l);
            return NULL;
        }
        l->each[l->n++] = (struct looker){g, n};
    }
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < ncols; i++) {
        bool first = true;
        for (uint32_t k = 0; k < i; k++)
            first &= l->cols[k] != l->cols[i];
        distinct += first;
    }
    if (!l->n || (!sl_builder_all(w) && have->n < distinct + LEAST)) { /* little to leave */
        lookfirst_end(l);
        return NULL;
    }
    l->look = (sl_rowlook){.layout = sl_layout_hold(have), .cols = l->cols, .ncols = ncols, .wanted = wanted, .arg = l};
    return &l->look;
}
void lookfirst_settle(lookfirst *l, sl_flow *subs, int64_t now) {
    for (sl_flow *f = subs; f && l->look.left; f = f->next_sub)
        flow_owe(f, l->look.left, now);
    l->left += l->look.left;
    l->look.left = 0;
}
