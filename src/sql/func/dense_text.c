/* Functions on texts over whole batches. Decision: new texts of a batch lie one behind the other in one piece of its arena; bytes below 0x80 are handled eight at a time, and a
 * text with others goes to the function on one value. */
#include "base/num.h"
#include "base/utf8.h"
#include "sql/func/dense.h"
#include "sql/vectext.h"

/* The function on one value for row i; false: the result is no text. */
static bool ask(sl_dense *d, const sl_value *arg, sl_value *out) {
    sl_call *c = d->call;
    c->failed = false;
    *out = c->func->eval(c, arg, 1);
    if (!c->failed)
        return out->kind == SL_STRING;
    c->error = (sl_str){0};
    return false;
}
/* Room for texts of so many bytes that are written eight at a time. */
static char *piece(sl_dense *d, size_t n) {
    char *p = n < ((size_t)1 << 31) ? sl_arena_alloc(d->call->arena, n + 8) : NULL;
    if (!p || sl_arena_failed(d->call->arena)) {
        d->nomem = true;
        return NULL;
    }
    return p;
}
static const sl_value *at(const sl_vec *v, uint32_t i) { return &v->s[v->one ? 0 : i]; }

/* ---- from letters to letters ---- */
static bool letters(sl_dense *d, bool up) {
    const sl_vec *x = &d->args[0];
    sl_value *out = x->kind == SL_STRING ? sl_dense_texts(d) : NULL;
    if (!out)
        return false;
    size_t total = 0;
    for (uint32_t i = 0; i < d->n; i++)
        total += x->s[i].len;
    char *to = piece(d, total);
    if (!to)
        return false;
    for (uint32_t i = 0; i < d->n; i++) {
        const char *p = x->s[i].p;
        size_t n = x->s[i].len;
        out[i] = (sl_value){.kind = SL_STRING, .len = (uint32_t)n, .p = to};
        uint64_t w, high = 0;
        char *begin = to;
        for (; n > 8; p += 8, to += 8, n -= 8) {
            memcpy(&w, p, 8);
            high |= w;
            w = sl_word_case(w & SL_BYTES_OF(0x7F), up);
            memcpy(to, &w, 8);
        }
        w = sl_text_word(p, n);
        high |= w;
        w = sl_word_case(w & SL_BYTES_OF(0x7F), up);
        memcpy(to, &w, 8);
        to += n;
        if (high & SL_BYTES_OF(0x80)) {
            to = begin;
            if (!ask(d, &x->s[i], &out[i]))
                return false;
        }
    }
    return true;
}
bool sl_dn_upper(sl_dense *d) { return letters(d, true); }
bool sl_dn_lower(sl_dense *d) { return letters(d, false); }

/* ---- joined ---- */
/* A number or truth value as texts in scratch memory. */
static const sl_value *as_texts(sl_dense *d, const sl_vec *v) {
    if (v->kind == SL_STRING)
        return v->s;
    const uint32_t n = v->one ? 1 : d->n;
    sl_value *out = sl_arena_alloc(d->tmp, (size_t)n * sizeof *out);
    char num[SL_NUM_MAX];
    for (uint32_t i = 0; out && i < n; i++) {
        if (v->kind == SL_BOOL)
            out[i] = sl_v_str(v->w[i] ? SL_S("true") : SL_S("false"));
        else {
            size_t k = v->kind == SL_INT ? sl_num_i64(num, v->w[i]) : sl_num_g(num, v->f[i]);
            char *p = sl_arena_alloc(d->tmp, k);
            memcpy(p, num, k);
            out[i] = sl_v_str((sl_str){p, k});
        }
    }
    d->nomem |= !out || sl_arena_failed(d->tmp);
    return d->nomem ? NULL : out;
}
typedef struct part {
    const sl_value *at;
    size_t step;   /* 0: the same for all */
    uint64_t word; /* a short constant */
    uint32_t small;
} part;
static inline __attribute__((always_inline)) void join(sl_value *out, char *to, const part *parts, uint32_t np, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        char *begin = to;
        for (uint32_t k = 0; k < np; k++) {
            const part *p = &parts[k];
            if (p->small) {
                memcpy(to, &p->word, 8);
                to += p->small;
            } else {
                const sl_value *s = &p->at[i * p->step];
                sl_text_put(to, s->p, s->len);
                to += s->len;
            }
        }
        out[i] = (sl_value){.kind = SL_STRING, .len = (uint32_t)(to - begin), .p = begin};
    }
}
bool sl_dn_concat(sl_dense *d) {
    enum { MOST = 8 };
    part parts[MOST];
    sl_value fixed[MOST];
    uint32_t np = 0;
    if (d->nargs > MOST)
        return false;
    for (uint32_t k = 0; k < d->nargs; k++) {
        const sl_vec *v = &d->args[k];
        const sl_value *s = as_texts(d, v);
        if (!s)
            return false;
        if (v->one && np && !parts[np - 1].step) { /* behind another constant */
            sl_value *f = &fixed[np - 1];
            char *p = sl_arena_alloc(d->tmp, (size_t)f->len + s->len + 1);
            if (!p || sl_arena_failed(d->tmp)) {
                d->nomem = true;
                return false;
            }
            if (f->len)
                memcpy(p, f->p, f->len);
            if (s->len)
                memcpy(p + f->len, s->p, s->len);
            *f = sl_v_str((sl_str){p, (size_t)f->len + s->len});
            continue;
        }
        fixed[np] = *s;
        parts[np] = (part){.at = v->one ? &fixed[np] : s, .step = !v->one};
        np++;
    }
    size_t total = 0, longest = 0;
    for (uint32_t k = 0; k < np; k++) {
        size_t sum = 0;
        uint32_t most = 0;
        if (parts[k].step)
            for (uint32_t i = 0; i < d->n; i++) {
                const uint32_t len = parts[k].at[i].len;
                sum += len;
                most = len > most ? len : most;
            }
        else
            sum = (size_t)d->n * (most = fixed[k].len);
        total += sum;
        longest += most;
        parts[k].small = parts[k].step || fixed[k].len > 8 ? 0 : fixed[k].len;
        parts[k].word = parts[k].small ? sl_text_word(fixed[k].p, parts[k].small) : 0;
    }
    if (longest > SL_FN_TEXT || total >= (size_t)1 << 28) /* long texts: not all at once */
        return false;
    sl_value *out = sl_dense_texts(d);
    char *to = out ? piece(d, total) : NULL;
    if (!to)
        return false;
    switch (np) { /* so that the compiler knows how many */
    case 1: join(out, to, parts, 1, d->n); break;
    case 2: join(out, to, parts, 2, d->n); break;
    case 3: join(out, to, parts, 3, d->n); break;
    case 4: join(out, to, parts, 4, d->n); break;
    default: join(out, to, parts, np, d->n); break;
    }
    return true;
}

/* ---- parts of a text ---- */
bool sl_dn_substring(sl_dense *d) {
    const sl_vec *x = &d->args[0], *f = &d->args[1], *t = d->nargs > 2 ? &d->args[2] : NULL;
    if (x->kind != SL_STRING || f->kind != SL_INT || (t && t->kind != SL_INT))
        return false;
    sl_value *out = sl_dense_texts(d);
    if (!out)
        return false;
    if (f->one && (!t || t->one) && !x->one) {
        const int64_t begin = *f->w, end = t ? *t->w : UINT32_MAX;
        if (begin < 0 || begin > end)
            return false;
        const uint32_t b = begin < UINT32_MAX ? (uint32_t)begin : UINT32_MAX, e = end < UINT32_MAX ? (uint32_t)end : UINT32_MAX;
        for (uint32_t i = 0; i < d->n; i++) {
            const uint32_t n = x->s[i].len, from = b < n ? b : n, to = e < n ? e : n;
            out[i] = (sl_value){.kind = SL_STRING, .len = to - from, .p = x->s[i].p + from};
        }
        return true;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        const sl_value *s = at(x, i);
        const int64_t n = s->len;
        int64_t from = f->w[f->one ? 0 : i], to = t ? t->w[t->one ? 0 : i] : n;
        if (from < 0 || (t && from > to)) /* a `to` below 0 is below `from` */
            return false;
        from = from > n ? n : from;
        to = to > n ? n : to;
        out[i] = (sl_value){.kind = SL_STRING, .len = (uint32_t)(to - from), .p = s->p + from};
    }
    return true;
}
bool sl_dn_trim(sl_dense *d) { /* most texts have nothing to take off */
    const sl_vec *x = &d->args[0];
    sl_value *out = x->kind == SL_STRING ? sl_dense_texts(d) : NULL;
    if (!out)
        return false;
    for (uint32_t i = 0; i < d->n; i++) {
        const sl_value *s = &x->s[i];
        unsigned char first = s->len ? (unsigned char)s->p[0] : 'x', last = s->len ? (unsigned char)s->p[s->len - 1] : 'x';
        if (first > ' ' && first < 0x80 && last > ' ' && last < 0x80)
            out[i] = *s;
        else if (!ask(d, s, &out[i]))
            return false;
    }
    return true;
}

bool sl_dn_reverse(sl_dense *d) {
    const sl_vec *x = &d->args[0];
    sl_value *out = x->kind == SL_STRING ? sl_dense_texts(d) : NULL;
    size_t total = 0;
    for (uint32_t i = 0; out && i < d->n; i++)
        total += x->s[i].len;
    char *to = out ? piece(d, total) : NULL;
    if (!to)
        return false;
    for (uint32_t i = 0; i < d->n; i++) {
        const sl_value *s = &x->s[i];
        const uint32_t n = s->len;
        if (sl_text_plain(s->p, n)) {
            for (uint32_t k = 0; k < n; k++)
                to[k] = s->p[n - 1 - k];
            out[i] = (sl_value){.kind = SL_STRING, .len = n, .p = to};
            to += n;
        } else if (!ask(d, s, &out[i]))
            return false;
    }
    return true;
}

/* ---- what is in a text ---- */
bool sl_dn_length(sl_dense *d) {
    const sl_vec *x = &d->args[0];
    int64_t *to = x->kind == SL_STRING ? sl_dense_words(d, SL_INT) : NULL;
    for (uint32_t i = 0; to && i < d->n; i++) {
        const size_t n = x->s[i].len;
        to[i] = (int64_t)(sl_text_plain(x->s[i].p, n) ? n : sl_utf8_count(sl_v_text(x->s[i])));
    }
    d->out.flags = SL_F_GOINT;
    return to != NULL;
}
bool sl_dn_numbytes(sl_dense *d) {
    const sl_vec *x = &d->args[0];
    int64_t *to = x->kind == SL_STRING ? sl_dense_words(d, SL_INT) : NULL;
    for (uint32_t i = 0; to && i < d->n; i++)
        to[i] = x->s[i].len;
    d->out.flags = SL_F_GOINT;
    return to != NULL;
}
static bool edge(sl_dense *d, bool end) {
    int64_t *to = sl_dense_all_texts(d) ? sl_dense_words(d, SL_BOOL) : NULL;
    if (to && d->args[1].one) {
        const sl_text_key key = sl_text_key_of(d->args[1].s->p, d->args[1].s->len);
        for (uint32_t i = 0; i < d->n; i++) {
            const sl_value *s = &d->args[0].s[i];
            to[i] = s->len >= key.n && sl_text_is(s->p + (end ? s->len - key.n : 0), &key);
        }
        return true;
    }
    for (uint32_t i = 0; to && i < d->n; i++) {
        const sl_value *s = at(&d->args[0], i), *t = at(&d->args[1], i);
        to[i] = s->len >= t->len && (t->len == 0 || memcmp(s->p + (end ? s->len - t->len : 0), t->p, t->len) == 0);
    }
    return to != NULL;
}
bool sl_dn_startswith(sl_dense *d) { return edge(d, false); }
bool sl_dn_endswith(sl_dense *d) { return edge(d, true); }
bool sl_dn_indexof(sl_dense *d) {
    int64_t *to = sl_dense_all_texts(d) ? sl_dense_words(d, SL_INT) : NULL;
    for (uint32_t i = 0; to && i < d->n; i++) {
        const sl_value *s = at(&d->args[0], i), *t = at(&d->args[1], i);
        to[i] = t->len ? sl_str_find(sl_v_text(*s), sl_v_text(*t)) : 0;
    }
    d->out.flags = SL_F_GOINT;
    return to != NULL;
}

/* ---- conversion ---- */
static bool to_texts(sl_dense *d, const sl_vec *x) {
    if (x->kind == SL_STRING) {
        d->out = *x;
        return true;
    }
    sl_value *out = sl_dense_texts(d);
    char num[SL_NUM_MAX];
    for (uint32_t i = 0; out && i < d->n; i++) {
        if (x->kind == SL_BOOL) {
            out[i] = sl_v_str(x->w[i] ? SL_S("true") : SL_S("false"));
            continue;
        }
        size_t k = x->kind == SL_INT ? sl_num_i64(num, x->w[i]) : sl_num_f(num, x->f[i]);
        char *p = sl_arena_alloc(d->call->arena, k);
        memcpy(p, num, k);
        out[i] = sl_v_str((sl_str){p, k});
    }
    d->nomem |= sl_arena_failed(d->call->arena);
    return out != NULL;
}
bool sl_dn_cast(sl_dense *d) {
    const sl_vec *x = &d->args[0], *type = &d->args[1];
    if (!type->one || type->kind != SL_STRING || x->one)
        return false;
    const sl_str t = sl_v_text(*type->s);
    if (sl_str_is(t, "string"))
        return to_texts(d, x);
    if (x->kind != SL_INT && x->kind != SL_FLOAT)
        return false;
    if (sl_str_is(t, "float")) {
        const double *f = sl_dense_as_floats(d, 0);
        d->out = (sl_vec){.kind = SL_FLOAT, .f = f};
        return f != NULL;
    }
    if (!sl_str_is(t, "bigint"))
        return false;
    if (x->kind == SL_INT)
        d->out = (sl_vec){.kind = SL_INT, .flags = SL_F_GOINT, .w = x->w};
    else {
        int64_t *to = sl_dense_words(d, SL_INT);
        for (uint32_t i = 0; to && i < d->n; i++)
            to[i] = sl_go_i64(x->f[i]);
        d->out.flags = SL_F_GOINT;
        return to != NULL;
    }
    return true;
}
