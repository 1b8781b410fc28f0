/* Accumulators of running windows.
 * Decision: an accumulator that has met numbers of one kind alone is as small as can be, because very many groups have to stay near; anything else makes it
 * a wide one on the heap, that takes all kinds.
 * Decision: the first value that is not null decides how a list is computed (func/agg.c), so where accumulators are merged each one also keeps what it
 * would be if an earlier value decided: the sum as whole numbers beside the sum of floats, and the first value that another way of computing would
 * refuse. Merging is then exact whatever kinds are mixed; only sums of floats differ, in rounding. */
#include <stdlib.h>
#include <string.h>
#include "data/pack.h"
#include "sql/fastwin.h"

/* Ways of computing, by the kind of the first value; AS_NONE: no aggregate takes it. */
enum { AS_INT, AS_FLOAT, AS_TEXT, WAYS, AS_NONE = WAYS };
typedef struct room { /* scratch memory, and where is counted what is held */
    sl_arena *tmp;
    size_t *bytes;
} room;
typedef struct odd { /* what is seldom there */
    char *error;     /* an argument that failed is the result */
    char *lead;      /* the first value in words, when it is not a number */
    char *bad[WAYS]; /* the first value that a way refuses, in words; only of the ways that are followed */
    char *text;      /* min, max: best text */
    uint32_t len, cap;
} odd;
typedef struct wide { /* whatever kinds came */
    int64_t n;        /* values that are not null */
    odd *odd;
    sl_value lead; /* the first of them; of what is not a number the kind alone */
    int64_t i;
    union {
        double f;
        sl_value best; /* ABSENT: none but NaN */
    };
} wide;
typedef struct acc {
    uint64_t n; /* values that are not null, in steps of ONE; below it what it is */
    union {     /* sum or best */
        double f;
        int64_t i;
        wide *wide;
    };
    int64_t whole;  /* from here on only where accumulators are merged: of floats, as whole numbers */
    uint64_t first; /* the first value */
} acc;
enum { NOTHING = 0, WIDE = 0xFF, ONE = 0x100 }; /* or SL_INT, SL_FLOAT: so was the first value, without flags (and no NaN that may be the best) */
typedef struct acc_count {
    int64_t n;
    odd *odd;
} acc_count;
typedef struct acc_last {
    sl_value last;
    char *text;  /* what a text points into; there may be one for each of very many groups */
    sl_arena *a; /* what other kinds point into */
    char *error;
    uint32_t cap;
} acc_last;

uint32_t sl_acc_size(uint8_t kind, bool merges) {
    switch (kind) {
    case SL_ACC_ROWS: return sizeof(int64_t);
    case SL_ACC_COUNT: return sizeof(acc_count);
    case SL_ACC_LAST: return sizeof(acc_last);
    default: return merges ? sizeof(acc) : offsetof(acc, whole);
    }
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
static odd *odd_of(odd **o, room m) {
    if (!*o && (*o = calloc(1, sizeof **o)))
        *m.bytes += sizeof **o;
    return *o;
}
static size_t text_bytes(const char *s) { return s ? strlen(s) + 1 : 0; }
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
static bool own(char **to, char *text, room m) { /* text: from the heap, or NULL when memory was out */
    *to = text;
    *m.bytes += text_bytes(text);
    return text != NULL;
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
static bool failed_argument(odd **to, sl_value v, room m) {
    odd *o = odd_of(to, m);
    return o && (o->error || own(&o->error, sl_strdup_n(v.p, v.len), m));
}
static int way_of(uint8_t kind) { return kind == SL_FLOAT ? AS_FLOAT : kind == SL_INT || kind == SL_UINT ? AS_INT : kind == SL_STRING ? AS_TEXT : AS_NONE; }
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
    return o && (o->bad[w] || own(&o->bad[w], in_words(v), m));
}
/* Which ways are followed: that of the first value, and whole numbers beside floats, which an earlier first value would make of them. */
static bool follows(const sl_fagg *a, sl_value lead, int w) { return way_of(lead.kind) == w || (a->merges && w == AS_INT && lead.kind == SL_FLOAT); }
static bool is_best(const sl_fagg *a) { return a->kind == SL_ACC_MIN || a->kind == SL_ACC_MAX; }
static bool take_wide(const sl_fagg *a, wide *x, sl_value v, room m) {
    bool best = is_best(a), first = x->n++ == 0, ok = true;
    int64_t i = 0;
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(m.tmp, v);
    if (first) {
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
        else if (sl_f64(v) == sl_f64(v) && (x->best.kind == SL_ABSENT || better_float(a, v, x->best)))
            x->best = v;
    }
    if (best && x->lead.kind == SL_STRING)
        ok &= v.kind != SL_STRING ? refuse(&x->odd, AS_TEXT, v, m) : best_text(a, &x->odd, v.p, v.len, m);
    return ok;
}
static bool take_last(const sl_fagg *a, acc_last *x, sl_value v, room m) {
    if (v.kind == SL_JSONTEXT)
        v = sl_value_open(m.tmp, v);
    if (a->skip && sl_v_nil(v))
        return true;
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
static bool is_wide(const acc *x) { return (uint8_t)x->n == WIDE; }
/* What the accumulator is, as a wide one. */
static wide view(const sl_fagg *a, const acc *x) {
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
static wide *widen(const sl_fagg *a, acc *x, room m) {
    if (is_wide(x))
        return x->wide;
    wide *w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = view(a, x);
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
        else if (a->kind == SL_ACC_MAX ? v.f > x->f : v.f < x->f)
            x->f = v.f;
        if (a->merges)
            add_whole(a, &x->whole, truncated(v.f));
        return true;
    }
    wide *w = widen(a, x, m);
    return w && take_wide(a, w, v, m);
}
static bool take(const sl_fagg *a, void *mem, sl_value v, room m) {
    if (a->kind == SL_ACC_ROWS) {
        ++*(int64_t *)mem;
        return true;
    }
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        if (v.kind != SL_ERROR)
            return take_last(a, l, v, m);
        return l->error || own(&l->error, sl_strdup_n(v.p, v.len), m);
    }
    if (a->kind == SL_ACC_COUNT) {
        acc_count *c = mem;
        c->n += !sl_v_nil(v) && v.kind != SL_ERROR;
        return v.kind != SL_ERROR || failed_argument(&c->odd, v, m);
    }
    if (v.kind != SL_ERROR)
        return sl_v_nil(v) || take_number(a, mem, v, m);
    wide *w = widen(a, mem, m);
    return w && failed_argument(&w->odd, v, m);
}
/* Numbers of the kind that leads, without flags, go straight in. The first two arguments are known where it is used. */
static inline __attribute__((always_inline)) bool take_plain(uint8_t kind, bool merges, const sl_fagg *a, acc *x, sl_value v, room m) {
    bool best = kind == SL_ACC_MIN || kind == SL_ACC_MAX, max = kind == SL_ACC_MAX;
    if (v.flags)
        return take(a, x, v, m);
    if (v.kind == SL_FLOAT && (uint8_t)x->n == SL_FLOAT) {
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
#define PLAIN(KIND)                                                                                                                                                                \
    if (a->merges)                                                                                                                                                                 \
        EACH(take_plain(KIND, true, a, x, col[rows[k]], m))                                                                                                                        \
    else                                                                                                                                                                           \
        EACH(take_plain(KIND, false, a, x, col[rows[k]], m))                                                                                                                       \
    break
bool sl_acc_column(const sl_fagg *a, sl_fslot *const *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_arena *tmp, size_t *bytes) {
    room m = {tmp, bytes};
    bool ok = true;
    if (a->kind == SL_ACC_ROWS) {
        for (uint32_t k = 0; k < n; k++)
            ++*(int64_t *)sl_acc_at(at[k], a->at);
        return true;
    }
    if (constant) {
        EACH(take(a, x, col[0], m))
        return ok;
    }
    switch (a->kind) {
    case SL_ACC_SUM:
    case SL_ACC_AVG: PLAIN(SL_ACC_SUM);
    case SL_ACC_MIN: PLAIN(SL_ACC_MIN);
    case SL_ACC_MAX: PLAIN(SL_ACC_MAX);
    default: EACH(take(a, x, col[rows[k]], m))
    }
    return ok;
}
/* In registers, as long as the kind stays: the next value need not wait for memory. The first argument is known where it is used. */
static inline __attribute__((always_inline)) uint32_t run_of_floats(uint8_t kind, acc *x, bool merges, const sl_value *col, const uint32_t *rows, uint32_t n) {
    bool best = kind == SL_ACC_MIN || kind == SL_ACC_MAX, max = kind == SL_ACC_MAX;
    double f = x->f;
    int64_t whole = merges ? x->whole : 0;
    uint32_t k = 0;
    for (; k < n && col[rows[k]].kind == SL_FLOAT && !col[rows[k]].flags; k++) {
        double v = col[rows[k]].f;
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
static uint32_t run_of(const sl_fagg *a, acc *x, const sl_value *col, const uint32_t *rows, uint32_t n) {
    uint32_t k = 0;
    bool floats = (uint8_t)x->n == SL_FLOAT;
    if (!floats && (uint8_t)x->n != SL_INT)
        return 0;
    switch (a->kind) {
    case SL_ACC_MIN: k = floats ? run_of_floats(SL_ACC_MIN, x, a->merges, col, rows, n) : run_of_ints(SL_ACC_MIN, x, col, rows, n); break;
    case SL_ACC_MAX: k = floats ? run_of_floats(SL_ACC_MAX, x, a->merges, col, rows, n) : run_of_ints(SL_ACC_MAX, x, col, rows, n); break;
    default: k = floats ? run_of_floats(SL_ACC_SUM, x, a->merges, col, rows, n) : run_of_ints(SL_ACC_SUM, x, col, rows, n);
    }
    x->n += (uint64_t)k * ONE;
    return k;
}
bool sl_acc_rows(const sl_fagg *a, sl_fslot *at, const sl_value *col, bool constant, const uint32_t *rows, uint32_t n, sl_arena *tmp, size_t *bytes) {
    room m = {tmp, bytes};
    void *x = sl_acc_at(at, a->at);
    bool ok = true, number = !constant && (a->kind == SL_ACC_SUM || a->kind == SL_ACC_AVG || is_best(a));
    if (a->kind == SL_ACC_ROWS)
        *(int64_t *)x += n;
    else
        for (uint32_t k = 0; k < n; k++) {
            k += number ? run_of(a, x, col, rows + k, n - k) : 0;
            if (k < n)
                ok &= take(a, x, col[constant ? 0 : rows[k]], m);
        }
    return ok;
}

/* ---- merging ---- */
/* What way w refuses first in `later`; NULL: nothing. *made: to be freed. */
static const char *refused(const wide *later, int w, char **made) {
    bool mine = way_of(later->lead.kind) == w || (w == AS_INT && later->lead.kind == SL_FLOAT);
    *made = NULL;
    if (mine)
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
bool sl_acc_merge(const sl_fagg *a, void *mem, const void *later, size_t *bytes) {
    room m = {NULL, bytes};
    if (a->kind == SL_ACC_ROWS) {
        *(int64_t *)mem += *(const int64_t *)later;
        return true;
    }
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        const acc_last *y = later;
        return set(&l->error, y->error, m) && (y->last.kind == SL_ABSENT || take_last(a, l, y->last, m));
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
        wide *w = widen(a, x, m), from = view(a, y);
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

/* ---- saving ---- */
static void put_text(sl_buf *out, const char *s, size_t n) { sl_pack_value(out, s ? sl_v_str((sl_str){s, n}) : sl_v_null()); }
static void put_odd(sl_buf *out, const odd *o) {
    sl_pack_value(out, sl_v_bool(o != NULL));
    if (!o)
        return;
    put_text(out, o->error, o->error ? strlen(o->error) : 0);
    put_text(out, o->lead, o->lead ? strlen(o->lead) : 0);
    for (int i = 0; i < WAYS; i++)
        put_text(out, o->bad[i], o->bad[i] ? strlen(o->bad[i]) : 0);
    put_text(out, o->text, o->len);
}
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
    return NULL;
}
void sl_acc_save(const sl_fagg *a, const void *mem, sl_buf *out) {
    if (a->kind == SL_ACC_LAST) {
        const acc_last *l = mem;
        sl_pack_value(out, l->last);
        put_text(out, l->error, l->error ? strlen(l->error) : 0);
        return;
    }
    if (a->kind == SL_ACC_ROWS || a->kind == SL_ACC_COUNT) {
        sl_pack_value(out, sl_v_int(*(const int64_t *)mem));
        if (a->kind == SL_ACC_COUNT)
            put_odd(out, ((const acc_count *)mem)->odd);
        return;
    }
    wide seen = view(a, mem), *x = &seen;
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
    room m = {tmp, bytes};
    sl_value n, kind, lead, i, f;
    if (a->kind == SL_ACC_LAST) {
        acc_last *l = mem;
        SL_TRY(sl_unpack_value(tmp, at, &f));
        bool absent = f.kind == SL_ABSENT;
        if (!absent && !take_last(&(sl_fagg){0}, l, f, m))
            return sl_err_new(SL_E_NOMEM, "out of memory");
        return get_text(&l->error, NULL, m, at);
    }
    SL_TRY(sl_unpack_value(tmp, at, &n));
    if (n.kind != SL_INT || n.i < 0)
        return damaged();
    if (a->kind == SL_ACC_ROWS || a->kind == SL_ACC_COUNT) {
        *(int64_t *)mem = n.i;
        return a->kind == SL_ACC_ROWS ? NULL : get_odd(&((acc_count *)mem)->odd, m, at);
    }
    wide *x = widen(a, mem, m); /* which goes with the slot, whatever follows */
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
