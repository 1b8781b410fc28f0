/* From groups (or rows) to output: HAVING, row numbers, ORDER BY, the select list, LIMIT, set-returning functions.
 * Decisions: an error anywhere discards the collection. What comes out is copied into the output batch, because results may point into kept rows. */
#include <stdlib.h>
#include <string.h>
#include "sql/coll.h"
#include "sql/parse.h"

/* ---- HAVING, row numbers, ORDER BY ---- */
static void having(sl_coll *c) {
    if (!c->k->has_having || c->failed)
        return;
    if (c->row) {
        sl_pipe_error(c->r, "run Having error: ", SL_S("invalid input *xsql.Tuple(a single row): HAVING needs a window"));
        c->failed = true;
        return;
    }
    bool groups = c->k->ndims > 0;
    uint32_t n = groups ? c->nalive : c->nalive ? 1 : 0, kept = 0;
    uint32_t *keep = sl_coll_space(c, (c->nalive + 1) * sizeof *keep);
    if (!keep || !n) {
        c->nalive = 0;
        return;
    }
    bool counters = c->sel.p->counters;
    uint32_t nhits = 0, hits[sizeof c->sel.reached / sizeof *c->sel.reached], hit = 0;
    if (!counters)
        sl_run_block(&c->sel, c->k->having, (sl_rows){c->alive, n});
    sl_coll_check(c, &c->sel);
    for (uint32_t i = 0; i < n && !c->failed; i++) {
        if (counters) { /* they are read by every group, and move once when any is left */
            c->sel.defer = true;
            c->sel.nreached = 0;
            sl_run_block(&c->sel, c->k->having, (sl_rows){&c->alive[i], 1});
            c->sel.defer = false;
            sl_coll_check(c, &c->sel);
            sl_value yes = sl_run_at(&c->sel, c->k->having.res, c->alive[i]);
            if (yes.kind == SL_BOOL && yes.i && !nhits) {
                hit = c->alive[i];
                nhits = c->sel.nreached;
                memcpy(hits, c->sel.reached, nhits * sizeof *hits);
            }
        }
        sl_value v = sl_run_at(&c->sel, c->k->having.res, c->alive[i]);
        if (v.kind == SL_ERROR)
            sl_coll_fail(c, "run Having error: ", v);
        else if (v.kind != SL_BOOL) {
            v.kind = v.kind == SL_ABSENT ? SL_NULL : v.kind;
            sl_buf b = {0};
            sl_buf_printf(&b, "invalid condition that returns non-bool value %s(", sl_value_gotype(v));
            sl_value_print(&b, v);
            sl_buf_putc(&b, ')');
            sl_coll_fail(c, "run Having error: ", sl_v_error(sl_buf_view(&b)));
            sl_buf_free(&b);
        } else if (v.i && groups)
            keep[kept++] = c->alive[i];
        else if (v.i) { /* all rows stay */
            keep = c->alive;
            kept = c->nalive;
        }
    }
    for (uint32_t h = 0; h < nhits && !c->failed; h++)
        sl_op_call(&c->sel, c->sel.p->sites[hits[h]], hits[h], hit, NULL, 0);
    c->alive = keep;
    c->nalive = kept;
}
typedef struct sorter {
    sl_coll *c;
    const sl_run *run;
    const sl_block *key;
    const bool *desc;
    uint32_t n;
} sorter;
/* Numbers with numbers, text with text, nulls last in both directions; bools are equal. */
static int compare(const sorter *s, uint32_t x, uint32_t y) {
    for (uint32_t i = 0; i < s->n; i++) {
        sl_value a = sl_run_at(s->run, s->key[i].res, x), b = sl_run_at(s->run, s->key[i].res, y);
        if (sl_v_nil(a) || sl_v_nil(b)) {
            return sl_v_nil(a) - sl_v_nil(b); /* two nulls: equal, whatever the other keys say */
        }
        int d = 0;
        bool na = a.kind == SL_INT || a.kind == SL_FLOAT || a.kind == SL_UINT, nb = b.kind == SL_INT || b.kind == SL_FLOAT || b.kind == SL_UINT;
        if (a.kind == SL_INT && b.kind == SL_INT)
            d = (a.i > b.i) - (a.i < b.i);
        else if (na && nb) {
            double f = a.kind == SL_FLOAT ? sl_f64(a) : (double)a.i, g = b.kind == SL_FLOAT ? sl_f64(b) : (double)b.i;
            d = (f > g) - (f < g);
        } else if (a.kind == SL_STRING && b.kind == SL_STRING)
            d = sl_str_cmp(sl_v_text(a), sl_v_text(b));
        else if (a.kind == SL_TIME && b.kind == SL_TIME)
            d = a.i != b.i ? (a.i > b.i) - (a.i < b.i) : (a.len > b.len) - (a.len < b.len);
        else if (!(a.kind == SL_BOOL && b.kind == SL_BOOL)) {
            const char *ta = sl_value_gotype(a), *tb = sl_value_gotype(b);
            sl_buf m = {0};
            sl_buf_printf(&m, "incompatible types for comparison: %s and %s", ta, tb);
            sl_coll_fail(s->c, "run Order By error: ", sl_v_error(sl_buf_view(&m)));
            sl_buf_free(&m);
            return 0;
        }
        if (d)
            return s->desc[i] ? -d : d;
    }
    return 0;
}
static void merge_sort(const sorter *s, uint32_t *at, uint32_t *tmp, uint32_t n) {
    if (n < 2 || s->c->failed)
        return;
    uint32_t h = n / 2, i = 0, j = h, k = 0;
    merge_sort(s, at, tmp, h);
    merge_sort(s, at + h, tmp, n - h);
    while (i < h && j < n)
        tmp[k++] = compare(s, at[i], at[j]) <= 0 ? at[i++] : at[j++];
    while (i < h)
        tmp[k++] = at[i++];
    memcpy(at, tmp, k * sizeof *at); /* what is left of the second half is in place */
}
void sl_coll_sort(sl_coll *c, sl_run *run, const sl_block *key, const bool *desc, uint32_t nkey, uint32_t *at, uint32_t n, const char *head) {
    sorter s = {c, run, key, desc, nkey};
    uint32_t *tmp = sl_coll_space(c, (n + 1) * sizeof *tmp);
    for (uint32_t i = 0; i < nkey && !c->failed; i++) {
        sl_run_block(run, key[i], (sl_rows){at, n});
        sl_coll_check(c, run);
        for (uint32_t k = 0; k < n && !c->failed; k++) {
            sl_value v = sl_run_at(run, key[i].res, at[k]);
            if (v.kind == SL_ERROR)
                sl_coll_fail(c, head, v);
        }
    }
    if (tmp && !c->failed)
        merge_sort(&s, at, tmp, n);
}
/* Partitions in byte order of their printed keys, rows inside in the order asked for; the rows themselves move. */
typedef struct numbered {
    sl_str key;
    uint32_t row, at;
} numbered;
static int by_partition(const void *x, const void *y) {
    const numbered *a = x, *b = y;
    int d = sl_str_cmp(a->key, b->key);
    return d ? d : (a->at > b->at) - (a->at < b->at);
}
static void row_numbers(sl_coll *c) {
    for (uint32_t i = 0; i < c->p->nwf && !c->failed; i++) {
        const sl_pcall *f = &c->p->wf[i];
        sl_value *to = sl_coll_column(c->r, &c->sel, c->sel.nrows);
        numbered *rows = sl_coll_space(c, (c->nalive + 1) * sizeof *rows);
        if (!to || !rows)
            return;
        if (f->norder)
            sl_coll_sort(c, &c->sel, f->order, f->desc, f->norder, c->alive, c->nalive, "run Window Function error: ");
        for (uint32_t k = 0; k < f->npart && !c->failed; k++)
            sl_run_block(&c->sel, f->part[k], (sl_rows){c->alive, c->nalive});
        sl_coll_check(c, &c->sel);
        sl_buf key = {0};
        for (uint32_t k = 0; k < c->nalive && !c->failed; k++) {
            sl_buf_clear(&key);
            for (uint32_t j = 0; j < f->npart; j++) {
                sl_value_print(&key, sl_run_at(&c->sel, f->part[j].res, c->alive[k]));
                sl_buf_putc(&key, ',');
            }
            rows[k] = (numbered){f->npart ? sl_arena_dup(c->tmp->arena, sl_buf_view(&key)) : (sl_str){0}, c->alive[k], k};
        }
        c->r->nomem |= key.failed;
        sl_buf_free(&key);
        if (c->failed)
            return;
        if (f->npart)
            qsort(rows, c->nalive, sizeof *rows, by_partition);
        int64_t n = 0;
        if (c->k->aggregated && !c->n) { /* the one row of an empty window has none */
            to[c->alive[0]] = sl_v_null();
            c->sel.reg[c->p->regs.wf + i] = to;
            continue;
        }
        for (uint32_t k = 0; k < c->nalive; k++) {
            n = k && sl_str_eq(rows[k].key, rows[k - 1].key) ? n + 1 : 1;
            to[rows[k].row] = sl_v_int(n);
            c->alive[k] = rows[k].row;
        }
        c->sel.reg[c->p->regs.wf + i] = to;
    }
}

/* ---- the select list ---- */
static void select_list(sl_coll *c) {
    for (uint32_t i = 0; i < c->p->nfields && !c->failed; i++) /* columns that are looked up in the joined row */
        if (c->p->fields[i].kind == SL_P_COLUMN && c->p->fields[i].block.n)
            sl_run_block(&c->sel, c->p->fields[i].block, (sl_rows){c->alive, c->nalive});
    for (uint32_t i = 0; i < c->p->norder && !c->failed; i++) {
        const sl_pfield *f = &c->p->fields[c->p->order[i]];
        sl_run_block(&c->sel, f->block, (sl_rows){c->alive, c->nalive});
        sl_coll_check(c, &c->sel);
        for (uint32_t k = 0; c->sel.errors && k < c->nalive && !c->failed; k++) {
            sl_value v = sl_run_at(&c->sel, f->block.res, c->alive[k]);
            if (v.kind != SL_ERROR)
                continue;
            sl_buf b = {0};
            sl_buf_str(&b, f->fail);
            sl_buf_str(&b, sl_v_text(v));
            sl_coll_fail(c, "", sl_v_error(sl_buf_view(&b)));
            sl_buf_free(&b);
        }
    }
}
static bool hidden(const sl_plan *p, sl_str name) {
    for (uint32_t i = 0; i < p->nexcept; i++)
        if (sl_str_eq(p->except[i], name))
            return true;
    return false;
}
static void put_star(sl_coll *c, uint32_t row) {
    sl_builder *w = c->r->w;
    sl_arena *a = sl_builder_arena(w);
    sl_krow *const *t = c->tuples + (size_t)row * c->width;
    for (uint32_t i = c->p->nsrc; i-- > 0;) { /* the last one set wins: sources in reverse order */
        uint32_t s = c->k->prec[i];
        const sl_krow *x = c->width == 1 ? (t[0]->src == s ? t[0] : NULL) : t[s];
        if (!x || !c->p->src[s].star)
            continue;
        for (uint32_t k = 0; k < c->p->src[s].n; k++)
            if (x->cells[k].kind != SL_ABSENT && !hidden(c->p, c->p->src[s].names[k]))
                sl_builder_set(w, c->k->star_at[s][k], sl_value_copy(a, x->cells[k]));
        for (uint32_t k = 0; k < x->ntail; k++)
            if (!hidden(c->p, x->tail[k].key))
                sl_builder_put(w, sl_arena_dup(a, x->tail[k].key), sl_value_copy(a, x->tail[k].val));
    }
}
static void put_fields(sl_coll *c, uint32_t row, uint32_t but) {
    sl_builder *w = c->r->w;
    sl_arena *a = sl_builder_arena(w);
    for (uint32_t i = 0; i < c->p->nfields; i++) {
        const sl_pfield *f = &c->p->fields[i];
        uint32_t at = c->k->field_at[i];
        if (at == UINT32_MAX || i == but)
            continue;
        sl_value v = sl_run_at(&c->sel, f->block.res, row);
        bool nil = c->p->opts.send_nil, alias = f->kind == SL_P_ALIAS || f->replace;
        if (f->kind == SL_P_COLUMN ? v.kind == SL_ABSENT && !nil : sl_v_nil(v) && !(nil && alias))
            continue;
        if (v.kind == SL_ABSENT)
            v.kind = SL_NULL;
        sl_builder_set(w, at, sl_value_copy(a, v));
    }
}
/* changed_cols: an object with a column per change. It fails into c->fault. */
static sl_value changes_of(sl_coll *c, uint32_t row, const sl_pcall *f, sl_keeps **mem) {
    sl_arena *a = c->tmp->arena;
    uint32_t room = f->nargs, n = 0;
    for (uint32_t k = 2; k < f->nargs; k++) {
        sl_value v = f->expr->args[k]->kind == SL_X_WILDCARD ? sl_run_at(&c->sel, f->args[k].res, row) : sl_v_null();
        room += v.kind == SL_MAP ? v.len : 0;
    }
    sl_value *args = sl_arena_alloc(a, (room + 1) * sizeof *args);
    sl_str *names = sl_arena_alloc(a, (room + 1) * sizeof *names);
    if (!args || !names || sl_arena_failed(a) || (!*mem && !(*mem = sl_keeps_new()))) {
        c->r->nomem = c->failed = true;
        return sl_v_null();
    }
    for (uint32_t k = 0; k < f->nargs; k++) {
        sl_run_block(&c->sel, f->args[k], (sl_rows){&row, 1});
        sl_value v = sl_run_at(&c->sel, f->args[k].res, row);
        if (k >= 2 && f->expr->args[k]->kind == SL_X_WILDCARD)
            for (uint32_t m = 0; v.kind == SL_MAP && m < v.len; m++) {
                names[n - 2] = v.map[m].key;
                args[n++] = v.map[m].val;
            }
        else {
            if (k >= 2)
                names[n - 2] = f->names[k - 2];
            args[n++] = v;
        }
        if (v.kind == SL_ERROR)
            args[n = 0] = v;
        if (v.kind == SL_ERROR)
            break;
    }
    sl_call *call = &c->sel.call;
    call->arena = a;
    call->failed = false;
    call->func = f->func;
    call->names = names;
    sl_value v = n ? f->func->kept(call, sl_keeps_at(*mem, (sl_str){"", 0}), args, n, true) : args[0];
    if (call->failed || v.kind == SL_ERROR) {
        sl_buf b = {0};
        sl_buf_puts(&b, "run Select error: expr: ");
        sl_expr_print(&b, f->expr);
        sl_buf_puts(&b, " meet error, err:");
        if (call->failed)
            sl_buf_printf(&b, "call func %s error: %.*s", f->func->name, SL_FMT(call->error));
        else
            sl_buf_str(&b, sl_v_text(v));
        c->fault = sl_arena_dup(a, sl_buf_view(&b));
        sl_buf_free(&b);
        return sl_v_null();
    }
    return sl_value_copy(a, v); /* the memory may change under it */
}
static void find_changes(sl_coll *c, uint32_t row) {
    if (!c->changes)
        c->changes = sl_coll_space(c, c->p->ncols * sizeof *c->changes);
    for (uint32_t i = 0; i < c->p->ncols && !c->failed && !c->fault.n; i++)
        c->changes[i] = changes_of(c, row, &c->p->cols[i], &c->r->cols[i]);
}
static void put_changes(sl_coll *c, const sl_pcall *f, sl_value v) {
    sl_builder *w = c->r->w;
    sl_arena *a = sl_builder_arena(w);
    if (f->alias.n && !f->hidden)
        sl_builder_put(w, f->alias, sl_value_copy(a, v));
    for (uint32_t m = 0; !f->hidden && !f->alias.n && v.kind == SL_MAP && m < v.len; m++)
        sl_builder_put(w, sl_arena_dup(a, v.map[m].key), sl_value_copy(a, v.map[m].val));
}
static void put_meta(sl_coll *c, uint32_t row) {
    sl_builder *w = c->r->w;
    sl_value m = c->tuples[(size_t)row * c->width]->meta;
    sl_builder_put(w, SL_S("__meta"), m.kind == SL_ABSENT ? sl_v_map(NULL, 0) : sl_value_copy(sl_builder_arena(w), m));
}
static void put_row(sl_coll *c, uint32_t row, uint32_t but) {
    sl_builder_row(c->r->w);
    if (c->p->star)
        put_star(c, row);
    put_fields(c, row, but);
    if (c->p->opts.send_meta)
        put_meta(c, row);
    for (uint32_t i = 0; i < c->p->ncols; i++)
        put_changes(c, &c->p->cols[i], c->changes[i]);
}
/* Rows of a set-returning function; returns how many. */
static uint32_t put_set(sl_coll *c, uint32_t row, uint32_t most) {
    const sl_pfield *f = &c->p->fields[c->k->srf_field];
    sl_builder *w = c->r->w;
    sl_value v = sl_run_at(&c->sel, f->block.res, row);
    const char *why = NULL;
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(sl_builder_arena(w), v);
    bool nil = sl_v_nil(v) && !(c->p->opts.send_nil && f->kind == SL_P_ALIAS);          /* there it is a column that holds null */
    if (nil || (v.kind == SL_LIST && v.len == 0) || (c->k->aggregated && !c->k->ndims)) /* of aggregates only groups can be expanded */
        why = "can't find the result from the %.*s function";
    else if (v.kind != SL_LIST)
        why = "the argument for the %.*s function should be array";
    if (why) {
        c->fault = sl_arena_printf(c->tmp->arena, why, SL_FMT(f->name));
        return 0;
    }
    uint32_t n = v.len;
    if (n > most)
        n = most;
    for (uint32_t i = 0; i < n; i++) {
        sl_value e = v.list[i];
        sl_arena *a = sl_builder_arena(w);
        if (e.kind == SL_JSONTEXT)
            e = sl_value_open(a, e);
        put_row(c, row, c->k->srf_field);
        if (e.kind == SL_MAP)
            for (uint32_t m = 0; m < e.len; m++)
                sl_builder_put(w, sl_arena_dup(a, e.map[m].key), sl_value_copy(a, e.map[m].val));
        else
            sl_builder_put(w, f->name, sl_value_copy(a, e));
        sl_builder_end(w);
    }
    return n;
}
/* ---- many rows at once ---- */
/* Texts behind each other in one piece: there may be ten thousand. */
static void own_texts(sl_coll *c, sl_value *to, uint32_t n) {
    size_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all += to[i].kind == SL_STRING ? to[i].len + (size_t)1 : 0;
    sl_arena *a = sl_builder_arena(c->r->w);
    char *p = all ? sl_arena_alloc(a, all + 16) : NULL; /* room for a copy of 16 bytes */
    if (all && (!p || sl_arena_failed(a))) {
        c->r->nomem = c->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (to[i].kind != SL_STRING) {
            if (to[i].kind >= SL_DECIMAL)
                to[i] = sl_value_copy(a, to[i]);
            continue;
        }
        uint32_t len = to[i].len;
        const char *from = to[i].p;
        to[i].p = p;
        if (len >= 8 && len <= 16) {
            char head[8], tail[8];
            memcpy(head, from, 8);
            memcpy(tail, from + len - 8, 8);
            memcpy(p, head, 8);
            memcpy(p + len - 8, tail, 8);
        } else if (len)
            memcpy(p, from, len);
        p[len] = 0;
        p += len + 1;
    }
}
/* As put_fields, but a column after the other. false: not this way. */
static bool put_columns(sl_coll *c, uint32_t n) {
    enum { LEAST = 8, MOST = 64 };
    const sl_plan *p = c->p;
    uint32_t width = c->k->layout->n;
    if (n < LEAST || p->star || p->ncols || p->opts.send_meta || width > MOST)
        return false;
    uint64_t filled = 0;
    for (uint32_t i = 0; i < p->nfields; i++) {
        uint32_t at = c->k->field_at[i];
        if (at != UINT32_MAX && (filled >> at & 1)) /* of equal names the last that has a value counts */
            return false;
        filled |= at != UINT32_MAX ? UINT64_C(1) << at : 0;
    }
    sl_value *cols[MOST];
    if (!sl_builder_bulk(c->r->w, n, cols))
        return false;
    for (uint32_t col = 0; col < width; col++)
        if (!(filled >> col & 1))
            memset(cols[col], 0, n * sizeof **cols);
    bool nil = p->opts.send_nil;
    for (uint32_t i = 0; i < p->nfields; i++) {
        const sl_pfield *f = &p->fields[i];
        uint32_t at = c->k->field_at[i];
        if (at == UINT32_MAX)
            continue;
        bool alias = f->kind == SL_P_ALIAS || f->replace, text = false;
        sl_value *to = cols[at];
        for (uint32_t k = 0; k < n; k++) {
            sl_value v = sl_run_at(&c->sel, f->block.res, c->alive[k]);
            if (sl_v_nil(v))
                v.kind = (f->kind == SL_P_COLUMN ? v.kind == SL_ABSENT && !nil : !(nil && alias)) ? SL_ABSENT : SL_NULL;
            text |= v.kind >= SL_DECIMAL;
            to[k] = v;
        }
        if (text)
            own_texts(c, to, n);
    }
    return true;
}
/* Several collections: a frame each. */
static void output_parts(sl_coll *c) {
    sl_builder *w = c->r->w;
    uint32_t first = sl_builder_rows(w), part = 0;
    for (uint32_t i = 0; i <= c->nalive; i++) {
        while (i == c->nalive ? part < c->nparts : c->alive[i] >= c->upto[part]) {
            part++;
            if (sl_builder_rows(w) == first)
                continue;
            sl_builder_collection(w, first);
            first = sl_builder_rows(w);
            c->r->nout++;
        }
        if (i < c->nalive) {
            put_row(c, c->alive[i], UINT32_MAX);
            sl_builder_end(w);
        }
    }
}
static void output(sl_coll *c) {
    sl_builder *w = c->r->w;
    uint32_t first = sl_builder_rows(w), most = c->p->limit >= 0 && c->p->limit < UINT32_MAX ? (uint32_t)c->p->limit : UINT32_MAX;
    bool srf = c->k->srf;
    if (c->row && !srf && most)
        most = UINT32_MAX;
    uint32_t whole = c->nalive < most ? c->nalive : most;
    bool bulk = !srf && put_columns(c, whole);
    if (bulk && c->failed) {
        sl_builder_undo(w, first);
        return;
    }
    for (uint32_t i = 0, n = 0; !bulk && i < c->nalive && n < most; i++) {
        if (c->p->ncols)
            find_changes(c, c->alive[i]);
        if (srf && !c->failed && !c->fault.n)
            n += put_set(c, c->alive[i], most - n);
        else if (!c->failed && !c->fault.n)
            put_row(c, c->alive[i], UINT32_MAX);
        if (c->failed || c->fault.n) {
            sl_builder_undo(w, first);
            if (!c->failed)
                sl_coll_fail(c, "", sl_v_error(c->fault));
            return;
        }
        if (srf)
            continue;
        sl_builder_end(w);
        n++;
    }
    uint32_t made = sl_builder_rows(w) - first;
    if (!c->row && most)
        sl_builder_collection(w, first);
    c->r->nout += c->row ? made : most != 0;
}

/* From HAVING on. */
void sl_coll_finish(sl_coll *c) {
    having(c);
    if (c->failed || (c->k->has_having && !c->nalive))
        return;
    row_numbers(c);
    if (c->k->norder && !c->row && !c->failed)
        sl_coll_sort(c, &c->sel, c->k->order, c->k->desc, c->k->norder, c->alive, c->nalive, "run Order By error: ");
    if (!c->failed)
        select_list(c);
    if (!c->failed && c->upto)
        output_parts(c);
    else if (!c->failed)
        output(c);
}
