/* Accumulators of running windows.
 * Decision: an accumulator that has met numbers of one kind alone is as small as can be, because very many groups have to stay near; anything else makes it
 * a wide one on the heap, that takes all kinds.
 * Decision: the first value that is not null decides how a list is computed (func/agg.c), so where accumulators are merged each one also keeps what it
 * would be if an earlier value decided: the sum as whole numbers beside the sum of floats, and the first value that another way of computing would
 * refuse. Merging is then exact whatever kinds are mixed; only sums of floats differ, in rounding. Where rows come in any order of time, a value before the
 * first one is one behind which the others are merged, and of what the earliest decides the time is kept. */
#include "sql/fastacc.h"

uint32_t sl_acc_size(uint8_t kind, bool merges) {
    switch (kind) {
    case SL_ACC_ROWS: return sizeof(int64_t);
    case SL_ACC_COUNT: return sizeof(acc_count);
    case SL_ACC_LAST: return sizeof(acc_last);
    default: return merges ? sizeof(acc) : offsetof(acc, whole);
    }
}
uint32_t sl_acc_times(uint8_t kind) {
    bool counts = kind == SL_ACC_ROWS || kind == SL_ACC_COUNT;
    return counts ? 0 : kind == SL_ACC_MIN || kind == SL_ACC_MAX ? 2 * sizeof(int64_t) : sizeof(int64_t);
}
uint8_t sl_acc_kind_of(const sl_pcall *c, bool *skip) {
    static const char *const names[] = {"count", "sum", "avg", "min", "max"};
    static const uint8_t kinds[] = {SL_ACC_COUNT, SL_ACC_SUM, SL_ACC_AVG, SL_ACC_MIN, SL_ACC_MAX};
    *skip = false;
    if (strcmp(c->func->name, "last_value") == 0 && c->nargs == 2 && c->expr->args[1]->kind == SL_X_LITERAL && c->expr->args[1]->value.kind == SL_BOOL) {
        *skip = c->expr->args[1]->value.i != 0;
        return c->expr->args[0]->kind == SL_X_WILDCARD ? SL_ACC_NONE : SL_ACC_LAST;
    }
    for (size_t i = 0; c->nargs == 1 && i < sizeof kinds; i++)
        if (strcmp(c->func->name, names[i]) == 0)
            return c->expr->args[0]->kind != SL_X_WILDCARD ? kinds[i] : kinds[i] == SL_ACC_COUNT ? SL_ACC_ROWS : SL_ACC_NONE;
    return SL_ACC_NONE;
}

/* ---- what is seldom there ---- */
static void odd_free(odd *o, size_t *bytes) {
    if (!o)
        return;
    *bytes -= sizeof *o + o->cap + text_bytes(o->error) + text_bytes(o->lead);
    for (int i = 0; i < WAYS; i++)
        *bytes -= text_bytes(o->bad[i]);
    free(o->error);
    free(o->lead);
    for (int i = 0; i < WAYS; i++)
        free(o->bad[i]);
    free(o->text);
    free(o);
}
static bool set(char **to, const char *text, room m) { return *to || !text || own(to, sl_strdup_n(text, strlen(text)), m); }
/* KIND(VALUE), as the list form says it. */
static char *in_words(sl_value v) {
    sl_arena *a = sl_arena_new(256);
    sl_buf b = {0};
    if (!a)
        return NULL;
    v = v.kind == SL_JSONTEXT ? sl_value_open(a, v) : v;
    sl_call c = {.arena = a};
    sl_buf_printf(&b, "%s(%s)", sl_value_gotype(v), sl_fn_v(&c, v));
    sl_arena_free(a);
    return sl_buf_take(&b);
}
/* Of two the earlier is kept; `at` is the time of the one that is there. */
static bool keep_first(char **to, int64_t *at, char *(*text)(sl_value), sl_value v, room m) {
    if (*to && (!m.times || m.now >= *at))
        return true;
    *m.bytes -= text_bytes(*to);
    free(*to);
    *at = m.now;
    return own(to, text(v), m);
}
static char *text_of(sl_value v) { return sl_strdup_n(v.p, v.len); }
static bool failed_argument(odd **to, sl_value v, room m) {
    odd *o = odd_of(to, m);
    return o && keep_first(&o->error, &o->error_at, text_of, v, m);
}
static inline int64_t truncated(double f) { return f >= -0x1p63 && f < 0x1p63 ? (int64_t)f : INT64_MIN; }
/* As sl_to_int of what is a number. */
static bool whole(sl_value v, int64_t *i) {
    if ((v.kind == SL_INT && !(v.flags & SL_F_WEEKDAY)) || v.kind == SL_UINT || (v.kind == SL_FLOAT && v.flags & SL_F_WHOLE))
        *i = v.i;
    else if (v.kind == SL_FLOAT)
        *i = truncated(v.f);
    else
        return false;
    return true;
}
static bool better(const sl_fagg *a, int d) { return a->kind == SL_ACC_MAX ? d > 0 : d < 0; }
static bool better_float(const sl_fagg *a, sl_value x, sl_value than) { return a->kind == SL_ACC_MAX ? sl_f64(x) > sl_f64(than) : sl_f64(x) < sl_f64(than); }
static bool keep_text(odd *o, const char *p, uint32_t len, room m) {
    if (!o->text || o->cap < len) {
        uint32_t cap = o->text ? len + len / 2 + 16 : len + 8;
        char *s = realloc(o->text, cap);
        if (!s)
            return false;
        *m.bytes += cap - o->cap;
        o->text = s;
        o->cap = cap;
    }
    memcpy(o->text, p, len);
    o->len = len;
    return true;
}
static bool best_text(const sl_fagg *a, odd **to, const char *p, uint32_t len, room m) {
    odd *o = odd_of(to, m);
    if (!o)
        return false;
    return (o->text && !better(a, sl_str_cmp((sl_str){p, len}, (sl_str){o->text, o->len}))) || keep_text(o, p, len, m);
}

/* ---- taking ---- */
/* Way w refuses v. */
static bool refuse(odd **to, int w, sl_value v, room m) {
    odd *o = odd_of(to, m);
    return o && keep_first(&o->bad[w], &o->bad_at[w], in_words, v, m);
}
static void led(const sl_fagg *a, room m) { /* the first value has come */
    if (m.times)
        m.times[FIRST] = m.times[a->kind == SL_ACC_MIN || a->kind == SL_ACC_MAX ? BEST : FIRST] = m.now;
}
/* Of equal numbers, which may print differently, the earliest is the best. */
static bool earlier_equal(sl_value v, double best, room m) { return m.times && m.now < m.times[BEST] && sl_f64(v) == best; }
/* Which ways are followed: that of the first value, and whole numbers beside floats, which an earlier first value would make of them. */
static bool follows(const sl_fagg *a, sl_value lead, int w) { return way_of(lead.kind) == w || (a->merges && w == AS_INT && lead.kind == SL_FLOAT); }
static bool take_wide(const sl_fagg *a, wide *x, sl_value v, room m) {
    bool best = is_best(a), first = x->n++ == 0, ok = true;
    int64_t i = 0;
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(m.tmp, v);
    if (first) {
        led(a, m);
        bool number = v.kind == SL_INT || v.kind == SL_FLOAT || v.kind == SL_UINT;
        x->lead = number ? v : (sl_value){.kind = v.kind};
        if (!number && !(best && v.kind == SL_STRING && !a->merges)) { /* nobody asks for it there */
            odd *o = odd_of(&x->odd, m);
            ok = o && own(&o->lead, in_words(v), m);
        }
    }
    if (follows(a, x->lead, AS_INT)) {
        if (!whole(v, &i))
            ok &= refuse(&x->odd, AS_INT, v, m);
        else if (!best)
            x->i = (int64_t)((uint64_t)x->i + (uint64_t)i);
        else if (first || better(a, (i > x->i) - (i < x->i)))
            x->i = i;
    }
    if (x->lead.kind == SL_FLOAT) {
        if (v.kind != SL_FLOAT)
            ok &= refuse(&x->odd, AS_FLOAT, v, m);
        else if (!best)
            x->f += sl_f64(v);
        else if (sl_f64(v) == sl_f64(v) && (x->best.kind == SL_ABSENT || better_float(a, v, x->best) || earlier_equal(v, sl_f64(x->best), m))) {
            x->best = v;
            if (m.times)
                m.times[BEST] = m.now;
        }
    }
    if (best && x->lead.kind == SL_STRING)
        ok &= v.kind != SL_STRING ? refuse(&x->odd, AS_TEXT, v, m) : best_text(a, &x->odd, v.p, v.len, m);
    return ok;
}
bool sl_acc_take_last(const sl_fagg *a, acc_last *x, sl_value v, room m) {
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(m.tmp, v);
    if (a->skip && sl_v_nil(v))
        return true;
    if (m.times) {
        if (x->last.kind != SL_ABSENT && m.now < m.times[LAST])
            return true;
        m.times[LAST] = m.now;
    }
    if (v.kind == SL_STRING) {
        if (x->cap < v.len || !x->text) {
            uint32_t cap = x->text ? v.len + v.len / 2 : v.len + 1;
            char *s = realloc(x->text, cap);
            if (!s)
                return false;
            *m.bytes += cap - x->cap;
            x->text = s;
            x->cap = cap;
        }
        if (v.len)
            memcpy(x->text, v.p, v.len);
        v.p = x->text;
    } else if (v.kind >= SL_DECIMAL && v.kind != SL_TIME && v.kind != SL_DURATION) { /* emptied, the arena keeps its memory */
        size_t had = x->a ? sl_arena_bytes(x->a) : 0;
        if (!x->a && !(x->a = sl_arena_new(64)))
            return false;
        sl_arena_reset(x->a);
        v = sl_value_copy(x->a, v);
        *m.bytes += sl_arena_bytes(x->a) - had;
        if (sl_arena_failed(x->a))
            return false;
    }
    v.kind = v.kind == SL_ABSENT ? SL_NULL : v.kind;
    x->last = v;
    return true;
}
wide sl_acc_view(const sl_fagg *a, const acc *x) {
    if (is_wide(x))
        return *x->wide;
    uint8_t kind = (uint8_t)x->n;
    wide w = {.n = (int64_t)(x->n / ONE), .lead = {.kind = kind}};
    w.lead.u = a->merges ? x->first : (uint64_t)x->i; /* where nothing is merged any number will do */
    if (kind == SL_INT)
        w.i = x->i;
    else if (kind == SL_FLOAT) {
        w.i = a->merges ? x->whole : 0;
        if (is_best(a))
            w.best = sl_v_float(x->f);
        else
            w.f = x->f;
    }
    return w;
}
wide *sl_acc_widen(const sl_fagg *a, acc *x, room m) {
    if (is_wide(x))
        return x->wide;
    wide *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = sl_acc_view(a, x);
    *m.bytes += sizeof *w;
    x->wide = w;
    x->n = WIDE;
    return w;
}
static inline void add_whole(const sl_fagg *a, int64_t *to, int64_t i) {
    if (!is_best(a))
        *to = (int64_t)((uint64_t)*to + (uint64_t)i);
    else if (better(a, (i > *to) - (i < *to)))
        *to = i;
}
static bool take_number(const sl_fagg *a, acc *x, sl_value v, room m) {
    bool best = is_best(a), plain = !v.flags && (v.kind == SL_INT || (v.kind == SL_FLOAT && (!best || v.f == v.f)));
    int64_t i;
    if (x->n == NOTHING && plain) {
        led(a, m);
        x->n = ONE | v.kind;
        if (v.kind == SL_INT)
            x->i = v.i;
        else
            x->f = best ? v.f : 0.0 + v.f;
        if (a->merges) {
            x->first = v.u;
            x->whole = v.kind == SL_FLOAT ? truncated(v.f) : 0;
        }
        return true;
    }
    if ((uint8_t)x->n == SL_INT && whole(v, &i)) {
        x->n += ONE;
        add_whole(a, &x->i, i);
        return true;
    }
    if ((uint8_t)x->n == SL_FLOAT && v.kind == SL_FLOAT && !v.flags) {
        x->n += ONE;
        if (!best)
            x->f += v.f;
        else if ((a->kind == SL_ACC_MAX ? v.f > x->f : v.f < x->f) || earlier_equal(v, x->f, m)) {
            x->f = v.f;
            if (m.times)
                m.times[BEST] = m.now;
        }
        if (a->merges)
            add_whole(a, &x->whole, truncated(v.f));
        return true;
    }
    wide *w = sl_acc_widen(a, x, m);
    return w && take_wide(a, w, v, m);
}
/* Does the accumulator follow way w? */
static bool knows(const wide *x, int w) { return way_of(x->lead.kind) == w || (w == AS_INT && x->lead.kind == SL_FLOAT); }
/* What way w refuses first in `later`; NULL: nothing. *made: to be freed. */
static const char *refused(const wide *later, int w, char **made) {
    *made = NULL;
    if (knows(later, w))
        return later->odd ? later->odd->bad[w] : NULL;
    return later->odd && later->odd->lead ? later->odd->lead : (*made = in_words(later->lead));
}
static bool merge(const sl_fagg *a, wide *x, const wide *y, room m) {
    bool best = is_best(a), ok = true, first = !x->n;
    if (y->odd && (y->odd->error || first)) {
        odd *o = odd_of(&x->odd, m);
        if (!o || !set(&o->error, y->odd->error, m) || (first && !set(&o->lead, y->odd->lead, m)))
            return false;
    }
    if (!y->n)
        return true;
    if (first)
        x->lead = y->lead;
    x->n += y->n;
    if (!best) {
        x->i = (int64_t)((uint64_t)x->i + (uint64_t)y->i);
        x->f += y->f;
    } else {
        if (first || better(a, (y->i > x->i) - (y->i < x->i)))
            x->i = y->i;
        if (y->best.kind != SL_ABSENT && (x->best.kind == SL_ABSENT || better_float(a, y->best, x->best)))
            x->best = y->best;
        if (y->odd && y->odd->text && x->lead.kind == SL_STRING)
            ok &= best_text(a, &x->odd, y->odd->text, y->odd->len, m);
    }
    if (x->lead.kind == y->lead.kind && !y->odd)
        return ok;
    for (int w = 0; w < WAYS; w++) {
        if (!follows(a, x->lead, w) || (x->odd && x->odd->bad[w]))
            continue;
        char *made;
        const char *why = refused(y, w, &made);
        odd *o = why ? odd_of(&x->odd, m) : NULL;
        ok &= !why || (o && set(&o->bad[w], why, m));
        free(made);
    }
    return ok;
}
/* Is the value in front of all that are there? */
static bool before(const acc *x, room m) { return m.times && (is_wide(x) ? x->wide->n > 0 : x->n != NOTHING) && m.now < m.times[FIRST]; }
/* Then they are merged behind it. */
static bool take_before(const sl_fagg *a, acc *x, sl_value v, room m) {
    bool best = is_best(a), mine[WAYS] = {false};
    if ((uint8_t)x->n == v.kind && !v.flags && (v.kind == SL_INT || (v.kind == SL_FLOAT && v.f == v.f))) { /* most are of one kind */
        m.times[FIRST] = m.now;
        x->first = v.u;
        return take_number(a, x, v, m);
    }
    wide *w = sl_acc_widen(a, x, m), y = {0};
    if (!w)
        return false;
    int64_t lead_at = m.times[FIRST], best_at = m.times[best ? BEST : FIRST];
    bool ok = take_wide(a, &y, v, m);
    for (int i = 0; i < WAYS; i++)
        mine[i] = y.odd && y.odd->bad[i];
    if (best && w->best.kind != SL_ABSENT && (y.best.kind == SL_ABSENT || better_float(a, w->best, y.best)))
        m.times[BEST] = best_at;
    ok = ok && merge(a, &y, w, m);
    if (y.odd && w->odd)
        y.odd->error_at = w->odd->error_at;
    for (int i = 0; y.odd && i < WAYS; i++)
        if (!mine[i])
            y.odd->bad_at[i] = !knows(w, i) ? lead_at : w->odd ? w->odd->bad_at[i] : 0;
    odd_free(w->odd, m.bytes);
    *w = y;
    return ok;
}
static bool take(const sl_fagg *a, void *mem, sl_value v, room m) {
    if (a->kind == SL_ACC_ROWS) {
        ++*(int64_t *)mem;
        return true;
    }
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        if (v.kind != SL_ERROR)
            return sl_acc_take_last(a, l, v, m);
        return keep_first(&l->error, &l->error_at, text_of, v, m);
    }
    if (a->kind == SL_ACC_COUNT) {
        acc_count *c = mem;
        c->n += !sl_v_nil(v) && v.kind != SL_ERROR;
        return v.kind != SL_ERROR || failed_argument(&c->odd, v, m);
    }
    if (v.kind != SL_ERROR)
        return sl_v_nil(v) || (before(mem, m) ? take_before(a, mem, v, m) : take_number(a, mem, v, m));
    wide *w = sl_acc_widen(a, mem, m);
    return w && failed_argument(&w->odd, v, m);
}
typedef enum order { IN_ORDER, TIMED, MIXED } order; /* TIMED: in order, but rows before them may follow */
/* Numbers of the kind that leads, without flags, go straight in. The first three arguments are known where it is used. */
static inline __attribute__((always_inline)) bool take_plain(uint8_t kind, bool merges, order o, const sl_fagg *a, acc *x, sl_value v, room m) {
    bool best = kind == SL_ACC_MIN || kind == SL_ACC_MAX, max = kind == SL_ACC_MAX;
    if (v.flags || (o == MIXED && m.now < m.times[FIRST]))
        return take(a, x, v, m);
    if (v.kind == SL_FLOAT && (uint8_t)x->n == SL_FLOAT) {
        if (best && o != IN_ORDER && !(max ? v.f < x->f : v.f > x->f)) /* its time counts */
            return take(a, x, v, m);
        if (!best) {
            x->n += ONE;
            x->f += v.f;
        } else if (max ? v.f > x->f : v.f < x->f)
            x->f = v.f;
        if (merges) {
            int64_t i = truncated(v.f);
            if (!best)
                x->whole = (int64_t)((uint64_t)x->whole + (uint64_t)i);
            else if (max ? i > x->whole : i < x->whole)
                x->whole = i;
        }
        return true;
    }
    if (v.kind == SL_INT && (uint8_t)x->n == SL_INT) {
        if (!best) {
            x->n += ONE;
            x->i = (int64_t)((uint64_t)x->i + (uint64_t)v.i);
        } else if (max ? v.i > x->i : v.i < x->i)
            x->i = v.i;
        return true;
    }
    return take(a, x, v, m);
}
#define EACH(STEP)                                                                                                                                                                 \
    for (uint32_t k = 0; k < n; k++) {                                                                                                                                             \
        void *x = sl_acc_at(at[k], a->at);                                                                                                                                         \
        ok &= STEP;                                                                                                                                                                \
    }
#define AT_ITS_TIME (m.times = sl_acc_at(at[k], a->times), m.now = when.by[rows[k]], m)
#define PLAIN(KIND)                                                                                                                                                                \
    if (when.by && when.mixed)                                                                                                                                                     \
        EACH(take_plain(KIND, true, MIXED, a, x, col[rows[k]], AT_ITS_TIME))                                                                                                       \
    else if (when.by)                                                                                                                                                              \
        EACH(take_plain(KIND, true, TIMED, a, x, col[rows[k]], AT_ITS_TIME))                                                                                                       \
    else if (a->merges)                                                                                                                                                            \
        EACH(take_plain(KIND, true, IN_ORDER, a, x, col[rows[k]], m))                                                                                                              \
    else                                                                                                                                                                           \
        EACH(take_plain(KIND, false, IN_ORDER, a, x, col[rows[k]], m))                                                                                                             \
    break
bool sl_acc_column(const sl_fagg *a, sl_fslot *const *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_atime when, sl_arena *tmp, size_t *bytes) {
    room m = {tmp, bytes, NULL, 0};
    bool ok = true;
    if (a->kind == SL_ACC_ROWS) {
        for (uint32_t k = 0; k < n; k++)
            ++*(int64_t *)sl_acc_at(at[k], a->at);
        return true;
    }
    if (constant) {
        EACH(take(a, x, col[0], when.by ? AT_ITS_TIME : m))
        return ok;
    }
    switch (a->kind) {
    case SL_ACC_SUM:
    case SL_ACC_AVG: PLAIN(SL_ACC_SUM);
    case SL_ACC_MIN: PLAIN(SL_ACC_MIN);
    case SL_ACC_MAX: PLAIN(SL_ACC_MAX);
    default: EACH(take(a, x, col[rows[k]], when.by ? AT_ITS_TIME : m))
    }
    return ok;
}
/* In registers, as long as the kind stays: the next value need not wait for memory. The first argument is known where it is used. */
static inline __attribute__((always_inline)) uint32_t run_of_floats(uint8_t kind, acc *x, bool merges, const sl_value *col, const uint32_t *rows, uint32_t n, bool timed) {
    bool best = kind == SL_ACC_MIN || kind == SL_ACC_MAX, max = kind == SL_ACC_MAX;
    double f = x->f;
    int64_t whole = merges ? x->whole : 0;
    uint32_t k = 0;
    for (; k < n && col[rows[k]].kind == SL_FLOAT && !col[rows[k]].flags; k++) {
        double v = col[rows[k]].f;
        if (best && timed && !(max ? v < f : v > f)) /* its time counts */
            break;
        f = !best ? f + v : (max ? v > f : v < f) ? v : f;
        if (!merges)
            continue;
        int64_t i = truncated(v);
        whole = !best ? (int64_t)((uint64_t)whole + (uint64_t)i) : (max ? i > whole : i < whole) ? i : whole;
    }
    x->f = f;
    if (merges)
        x->whole = whole;
    return k;
}
static inline __attribute__((always_inline)) uint32_t run_of_ints(uint8_t kind, acc *x, const sl_value *col, const uint32_t *rows, uint32_t n) {
    bool best = kind == SL_ACC_MIN || kind == SL_ACC_MAX, max = kind == SL_ACC_MAX;
    int64_t i = x->i;
    uint32_t k = 0;
    for (; k < n && col[rows[k]].kind == SL_INT && !col[rows[k]].flags; k++) {
        int64_t v = col[rows[k]].i;
        i = !best ? (int64_t)((uint64_t)i + (uint64_t)v) : (max ? v > i : v < i) ? v : i;
    }
    x->i = i;
    return k;
}
static uint32_t run_of(const sl_fagg *a, acc *x, const sl_value *col, const uint32_t *rows, uint32_t n, sl_atime when, room m) {
    uint32_t k = 0;
    bool floats = (uint8_t)x->n == SL_FLOAT, timed = when.by != NULL;
    if (!floats && (uint8_t)x->n != SL_INT)
        return 0;
    if (when.mixed) { /* up to the first that is in front of all */
        while (k < n && when.by[rows[k]] >= m.times[FIRST])
            k++;
        n = k;
    }
    switch (a->kind) {
    case SL_ACC_MIN: k = floats ? run_of_floats(SL_ACC_MIN, x, a->merges, col, rows, n, timed) : run_of_ints(SL_ACC_MIN, x, col, rows, n); break;
    case SL_ACC_MAX: k = floats ? run_of_floats(SL_ACC_MAX, x, a->merges, col, rows, n, timed) : run_of_ints(SL_ACC_MAX, x, col, rows, n); break;
    default: k = floats ? run_of_floats(SL_ACC_SUM, x, a->merges, col, rows, n, timed) : run_of_ints(SL_ACC_SUM, x, col, rows, n);
    }
    x->n += (uint64_t)k * ONE;
    return k;
}
bool sl_acc_rows(const sl_fagg *a, sl_fslot *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_atime when, sl_arena *tmp, size_t *bytes) {
    room m = {tmp, bytes, when.by ? sl_acc_at(at, a->times) : NULL, 0};
    void *x = sl_acc_at(at, a->at);
    bool ok = true, number = !constant && (a->kind == SL_ACC_SUM || a->kind == SL_ACC_AVG || is_best(a));
    if (a->kind == SL_ACC_ROWS)
        *(int64_t *)x += n;
    else
        for (uint32_t k = 0; k < n; k++) {
            k += number ? run_of(a, x, col, rows + k, n - k, when, m) : 0;
            if (k == n)
                break;
            m.now = when.by ? when.by[rows[k]] : 0;
            ok &= take(a, x, col[constant ? 0 : rows[k]], m);
        }
    return ok;
}

/* ---- merging ---- */
bool sl_acc_merge(const sl_fagg *a, void *mem, const void *later, size_t *bytes) {
    room m = {.bytes = bytes};
    if (a->kind == SL_ACC_ROWS) {
        *(int64_t *)mem += *(const int64_t *)later;
        return true;
    }
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        const acc_last *y = later;
        return set(&l->error, y->error, m) && (y->last.kind == SL_ABSENT || sl_acc_take_last(a, l, y->last, m));
    }
    if (a->kind == SL_ACC_COUNT) {
        acc_count *c = mem;
        const acc_count *y = later;
        c->n += y->n;
        return !y->odd || (odd_of(&c->odd, m) && set(&c->odd->error, y->odd->error, m));
    }
    acc *x = mem;
    const acc *y = later;
    if (y->n == NOTHING)
        return true;
    uint8_t kx = (uint8_t)x->n, ky = (uint8_t)y->n;
    if (x->n == NOTHING && ky != WIDE)
        *x = *y;
    else if (kx == SL_FLOAT && ky == SL_FLOAT) {
        x->n += y->n - SL_FLOAT;
        if (!is_best(a))
            x->f += y->f;
        else if (a->kind == SL_ACC_MAX ? y->f > x->f : y->f < x->f)
            x->f = y->f;
        add_whole(a, &x->whole, y->whole);
    } else if (kx == SL_INT && (ky == SL_INT || ky == SL_FLOAT)) {
        x->n += y->n - ky;
        add_whole(a, &x->i, ky == SL_INT ? y->i : y->whole);
    } else {
        wide *w = sl_acc_widen(a, x, m), from = sl_acc_view(a, y);
        return w && merge(a, w, &from, m);
    }
    return true;
}

/* ---- results ---- */
sl_value sl_acc_result(sl_call *c, const sl_fagg *a, const void *mem) {
    if (a->kind == SL_ACC_ROWS)
        return sl_v_goint(*(const int64_t *)mem);
    if (a->kind == SL_ACC_LAST) {
        const acc_last *l = mem;
        if (l->error)
            return sl_v_error(sl_arena_dup(c->arena, sl_str_of(l->error)));
        return sl_v_nil(l->last) ? sl_v_null() : sl_value_copy(c->arena, l->last);
    }
    if (a->kind == SL_ACC_COUNT) {
        const acc_count *n = mem;
        return n->odd && n->odd->error ? sl_v_error(sl_arena_dup(c->arena, sl_str_of(n->odd->error))) : sl_v_goint(n->n);
    }
    const acc *small = mem;
    bool best = is_best(a), avg = a->kind == SL_ACC_AVG;
    switch ((uint8_t)small->n) {
    case NOTHING: return sl_v_null();
    case SL_INT: return sl_v_int(avg ? small->i / (int64_t)(small->n / ONE) : small->i);
    case SL_FLOAT: return sl_v_float(avg ? small->f / (double)(small->n / ONE) : small->f);
    default: break;
    }
    const wide *x = small->wide;
    const odd *o = x->odd;
    if (o && o->error)
        return sl_v_error(sl_arena_dup(c->arena, sl_str_of(o->error)));
    if (!x->n)
        return sl_v_null();
    int w = way_of(x->lead.kind);
    if (w == AS_NONE || (w == AS_TEXT && !best))
        return best ? sl_call_fail(c, "found invalid arg %s", o ? o->lead : "") : sl_call_fail(c, "run %s function error: found invalid arg %s", a->func->name, o ? o->lead : "");
    if (o && o->bad[w])
        return sl_call_fail(c, "requires %s but found %s", w == AS_FLOAT ? "float64" : w == AS_TEXT ? "string" : best ? "int64" : "int", o->bad[w]);
    if (w == AS_TEXT)
        return sl_v_str(sl_arena_dup(c->arena, (sl_str){o->text, o->len}));
    if (best && w == AS_FLOAT)
        return sl_f64(x->lead) != sl_f64(x->lead) ? x->lead : x->best;
    int64_t first = 0;
    if (best)
        return whole(x->lead, &first) && first == x->i ? x->lead : sl_v_int(x->i);
    if (w == AS_FLOAT)
        return sl_v_float(avg ? x->f / (double)x->n : x->f);
    return sl_v_int(avg ? x->i / x->n : x->i);
}
uint32_t sl_acc_results(const sl_fagg *a, sl_fslot *const *at, uint32_t n, sl_value *to) {
    uint32_t others = 0;
    bool avg = a->kind == SL_ACC_AVG;
    if (a->kind == SL_ACC_ROWS) {
        for (uint32_t k = 0; k < n; k++)
            to[k] = sl_v_goint(*(const int64_t *)sl_acc_at(at[k], a->at));
        return 0;
    }
    for (uint32_t k = 0; k < n; k++) {
        const acc *x = sl_acc_at(at[k], a->at);
        to[k].kind = SL_ERROR;
        if (a->kind == SL_ACC_COUNT || a->kind == SL_ACC_LAST)
            others++;
        else if ((uint8_t)x->n == SL_FLOAT)
            to[k] = sl_v_float(avg ? x->f / (double)(x->n / ONE) : x->f);
        else if ((uint8_t)x->n == SL_INT)
            to[k] = sl_v_int(avg ? x->i / (int64_t)(x->n / ONE) : x->i);
        else
            others++;
    }
    return others;
}
void sl_acc_free(const sl_fagg *a, void *mem, size_t *bytes) {
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        *bytes -= text_bytes(l->error) + (l->a ? sl_arena_bytes(l->a) : 0) + l->cap;
        sl_arena_free(l->a);
        free(l->text);
        free(l->error);
    } else if (a->kind == SL_ACC_COUNT)
        odd_free(((acc_count *)mem)->odd, bytes);
    else if (a->kind != SL_ACC_ROWS && is_wide(mem)) {
        wide *w = ((acc *)mem)->wide;
        odd_free(w->odd, bytes);
        *bytes -= sizeof *w;
        free(w);
    }
}
