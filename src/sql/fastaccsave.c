/* State of accumulators. Decision: one form for all of a kind, that of the wide ones: what is small is a matter of memory. */
#include "data/pack.h"
#include "sql/fastacc.h"

static void put_text(sl_buf *out, const char *s, size_t n) { sl_pack_value(out, s ? sl_v_str((sl_str){s, n}) : sl_v_null()); }
static void put_int(sl_buf *out, int64_t v) { sl_pack_value(out, sl_v_int(v)); }
static void put_odd(sl_buf *out, const odd *o) {
    sl_pack_value(out, sl_v_bool(o != NULL));
    if (!o)
        return;
    put_text(out, o->error, o->error ? strlen(o->error) : 0);
    put_text(out, o->lead, o->lead ? strlen(o->lead) : 0);
    for (int i = 0; i < WAYS; i++)
        put_text(out, o->bad[i], o->bad[i] ? strlen(o->bad[i]) : 0);
    put_text(out, o->text, o->len);
    put_int(out, o->error_at);
    for (int i = 0; i < WAYS; i++)
        put_int(out, o->bad_at[i]);
}
static int64_t *times_of(const sl_fagg *a, const void *mem) { return (int64_t *)(void *)((char *)(uintptr_t)mem + (a->times - a->at)); }
static sl_err *damaged(void) { return sl_err_new(SL_E_CODEC, "saved state: a running group is damaged"); }
static sl_err *get_text(char **to, uint32_t *len, room m, sl_str *at) {
    sl_value v;
    SL_TRY(sl_unpack_value(m.tmp, at, &v));
    if (v.kind == SL_NULL)
        return NULL;
    if (v.kind != SL_STRING)
        return damaged();
    if (len) /* counted by its room */
        *m.bytes += *len = v.len;
    return (len ? (*to = sl_strdup_n(v.p, v.len)) != NULL : own(to, sl_strdup_n(v.p, v.len), m)) ? NULL : sl_err_new(SL_E_NOMEM, "out of memory");
}
static sl_err *get_odd(odd **to, room m, sl_str *at) {
    sl_value v;
    SL_TRY(sl_unpack_value(m.tmp, at, &v));
    if (v.kind != SL_BOOL)
        return damaged();
    if (!v.i)
        return NULL;
    odd *o = odd_of(to, m);
    if (!o)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    SL_TRY(get_text(&o->error, NULL, m, at));
    SL_TRY(get_text(&o->lead, NULL, m, at));
    for (int i = 0; i < WAYS; i++)
        SL_TRY(get_text(&o->bad[i], NULL, m, at));
    SL_TRY(get_text(&o->text, &o->len, m, at));
    o->cap = o->len;
    SL_TRY(sl_fast_get(m.tmp, at, &o->error_at));
    for (int i = 0; i < WAYS; i++)
        SL_TRY(sl_fast_get(m.tmp, at, &o->bad_at[i]));
    return NULL;
}
void sl_acc_save(const sl_fagg *a, const void *mem, sl_buf *out) {
    for (uint32_t i = 0; a->times && i < sl_acc_times(a->kind) / sizeof(int64_t); i++)
        put_int(out, times_of(a, mem)[i]);
    if (a->kind == SL_ACC_LAST) {
        const acc_last *l = mem;
        sl_pack_value(out, l->last);
        put_text(out, l->error, l->error ? strlen(l->error) : 0);
        put_int(out, l->error_at);
        return;
    }
    if (a->kind == SL_ACC_ROWS || a->kind == SL_ACC_COUNT) {
        sl_pack_value(out, sl_v_int(*(const int64_t *)mem));
        if (a->kind == SL_ACC_COUNT)
            put_odd(out, ((const acc_count *)mem)->odd);
        return;
    }
    wide seen = sl_acc_view(a, mem), *x = &seen;
    if (!a->merges && x->lead.kind == SL_INT && !x->lead.flags) /* as narrow ones say it */
        x->lead.i = x->i;
    else if (!a->merges && x->lead.kind == SL_FLOAT && !x->lead.flags && !is_best(a))
        x->lead.f = x->f;
    else if (!a->merges && x->lead.kind == SL_FLOAT && !x->lead.flags && x->lead.f == x->lead.f && x->best.kind == SL_FLOAT && !x->best.flags)
        x->lead.f = x->best.f;
    sl_pack_value(out, sl_v_int(x->n));
    put_odd(out, x->odd);
    bool number = x->lead.kind == SL_INT || x->lead.kind == SL_UINT || x->lead.kind == SL_FLOAT;
    sl_pack_value(out, sl_v_int(x->lead.kind));
    sl_pack_value(out, number ? x->lead : sl_v_null());
    sl_pack_value(out, sl_v_int(x->i));
    bool floats = x->lead.kind == SL_FLOAT;
    sl_pack_value(out, is_best(a) ? (floats ? x->best : sl_v_absent()) : sl_v_float(floats ? x->f : 0));
}
/* Small again, if it may be. */
static void narrow(const sl_fagg *a, acc *x, room m) {
    wide w = *x->wide;
    bool best = is_best(a), floats = w.lead.kind == SL_FLOAT;
    if (w.odd || w.lead.flags || (w.n && !floats && w.lead.kind != SL_INT) || w.n >= INT64_MAX / ONE)
        return;
    if (w.n && floats && best && (w.best.kind != SL_FLOAT || w.best.flags || w.lead.f != w.lead.f))
        return;
    free(x->wide);
    *m.bytes -= sizeof w;
    x->i = 0;
    x->n = w.n ? (uint64_t)w.n * ONE | w.lead.kind : NOTHING;
    if (!w.n)
        return;
    if (floats)
        x->f = best ? w.best.f : w.f;
    else
        x->i = w.i;
    if (a->merges) {
        x->first = w.lead.u;
        x->whole = floats ? w.i : 0;
    }
}
sl_err *sl_acc_load(const sl_fagg *a, void *mem, sl_arena *tmp, sl_str *at, size_t *bytes) {
    room m = {.tmp = tmp, .bytes = bytes};
    sl_value n, kind, lead, i, f;
    for (uint32_t k = 0; a->times && k < sl_acc_times(a->kind) / sizeof(int64_t); k++)
        SL_TRY(sl_fast_get(tmp, at, &times_of(a, mem)[k]));
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        SL_TRY(sl_unpack_value(tmp, at, &f));
        bool absent = f.kind == SL_ABSENT;
        if (!absent && !sl_acc_take_last(&(sl_fagg){0}, l, f, m))
            return sl_err_new(SL_E_NOMEM, "out of memory");
        SL_TRY(get_text(&l->error, NULL, m, at));
        return sl_fast_get(tmp, at, &l->error_at);
    }
    SL_TRY(sl_unpack_value(tmp, at, &n));
    if (n.kind != SL_INT || n.i < 0)
        return damaged();
    if (a->kind == SL_ACC_ROWS || a->kind == SL_ACC_COUNT) {
        *(int64_t *)mem = n.i;
        return a->kind == SL_ACC_ROWS ? NULL : get_odd(&((acc_count *)mem)->odd, m, at);
    }
    wide *x = sl_acc_widen(a, mem, m); /* which goes with the slot, whatever follows */
    if (!x)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    x->n = n.i;
    SL_TRY(get_odd(&x->odd, m, at));
    SL_TRY(sl_unpack_value(tmp, at, &kind));
    SL_TRY(sl_unpack_value(tmp, at, &lead));
    SL_TRY(sl_unpack_value(tmp, at, &i));
    SL_TRY(sl_unpack_value(tmp, at, &f));
    bool best = is_best(a), number = lead.kind == SL_INT || lead.kind == SL_UINT || lead.kind == SL_FLOAT;
    if (kind.kind != SL_INT || kind.i < 0 || kind.i >= SL_ERROR || (number && lead.kind != kind.i) || i.kind != SL_INT || (f.kind != SL_FLOAT && (!best || f.kind != SL_ABSENT)))
        return damaged();
    int w = way_of((uint8_t)kind.i);
    if ((w == AS_INT || w == AS_FLOAT) && !number)
        return damaged();
    bool text = w == AS_TEXT && best;
    if (!number && x->n && (!x->odd || (!x->odd->lead && (a->merges || !text)) || (text && !x->odd->text)))
        return damaged();
    if (w == AS_FLOAT && best && f.kind == SL_ABSENT && sl_f64(lead) == sl_f64(lead))
        return damaged();
    x->lead = number ? lead : (sl_value){.kind = (uint8_t)kind.i};
    x->i = i.i;
    if (best)
        x->best = f;
    else
        x->f = sl_f64(f);
    narrow(a, mem, m);
    return NULL;
}
