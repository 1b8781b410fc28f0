/* Rows and values as bytes on disk; the format is described in docs/formats.md.
 * Decision: everything a reader allocates is bounded by the bytes that are really there: each element of a count needs at least
 * one byte, so a count above the bytes left is refused before anything is made for it. */
#include "data/pack.h"
#include <math.h>
#include "data/json_lex.h"

enum { VERSION = 1, MAX_DEPTH = 512 };
enum tag {
    T_ABSENT,
    T_NULL,
    T_FALSE,
    T_TRUE,
    T_INT,
    T_UINT,
    T_FLOAT,
    T_SINGLE,
    T_WHOLE,
    T_DECIMAL,
    T_STRING,
    T_BYTES,
    T_TIME,
    T_DURATION,
    T_LIST,
    T_MAP,
    T_PAIRS,
    T_JSONTEXT,
    T_ERROR,
    T_GOINT,
    T_WEEKDAY,
    T_NILLIST,
    T_NILMAP
};
enum zone { Z_UTC, Z_NAMED, Z_FIXED };
enum { HAS_TAILS = 1, HAS_FRAMES = 2, HAS_META = 4, HAS_TIME = 8, HAS_MARKS = 16 };

/* ---- writing ---- */
static void uvar(sl_buf *b, uint64_t v) {
    if (!sl_buf_room(b, 10))
        return;
    while (v >= 0x80) {
        b->p[b->n++] = (char)(v | 0x80);
        v >>= 7;
    }
    b->p[b->n++] = (char)v;
}
static void svar(sl_buf *b, int64_t v) { uvar(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63)); }
static void text(sl_buf *b, sl_str s) {
    uvar(b, s.n);
    sl_buf_str(b, s);
}
static void fixed64(sl_buf *b, uint64_t v) {
    char t[8];
    for (int i = 0; i < 8; i++)
        t[i] = (char)(v >> 8 * i);
    sl_buf_put(b, t, 8);
}
static void put(sl_buf *b, sl_value v) {
    switch ((sl_kind)v.kind) {
    case SL_NULL: sl_buf_putc(b, T_NULL); return;
    case SL_BOOL: sl_buf_putc(b, v.i ? T_TRUE : T_FALSE); return;
    case SL_INT:
        sl_buf_putc(b, v.flags & SL_F_GOINT ? T_GOINT : v.flags & SL_F_WEEKDAY ? T_WEEKDAY : T_INT);
        svar(b, v.i);
        return;
    case SL_UINT:
        sl_buf_putc(b, T_UINT);
        uvar(b, v.u);
        return;
    case SL_FLOAT:
        if (v.flags & SL_F_WHOLE) {
            sl_buf_putc(b, T_WHOLE);
            svar(b, v.i);
            return;
        }
        sl_buf_putc(b, v.flags & SL_F_SINGLE ? T_SINGLE : T_FLOAT);
        fixed64(b, v.u);
        return;
    case SL_DECIMAL:
        sl_buf_putc(b, T_DECIMAL);
        svar(b, (int16_t)v.aux);
        text(b, sl_v_text(v));
        return;
    case SL_STRING:
    case SL_BYTES:
    case SL_ERROR:
        sl_buf_putc(b, v.kind == SL_STRING ? T_STRING : v.kind == SL_BYTES ? T_BYTES : T_ERROR);
        text(b, sl_v_text(v));
        return;
    case SL_JSONTEXT:
        sl_buf_putc(b, T_JSONTEXT);
        sl_buf_putc(b, (char)(v.aux & 1));
        text(b, sl_v_text(v));
        return;
    case SL_TIME: {
        sl_buf_putc(b, T_TIME);
        svar(b, v.i);
        uvar(b, v.len);
        const char *name = sl_zone_name(v.aux);
        sl_zone same;
        if (v.aux == SL_ZONE_UTC)
            sl_buf_putc(b, Z_UTC);
        else if (name && *name && sl_zone_find(sl_str_of(name), &same) && same == v.aux) {
            sl_buf_putc(b, Z_NAMED);
            text(b, sl_str_of(name));
        } else {
            const char *abbrev = "";
            int32_t east = sl_zone_at(v.aux, v.i, &abbrev);
            sl_buf_putc(b, Z_FIXED);
            svar(b, east);
            text(b, sl_str_of(name ? name : ""));
        }
        return;
    }
    case SL_DURATION:
        sl_buf_putc(b, T_DURATION);
        svar(b, v.i);
        return;
    case SL_LIST:
        if (!v.len && v.flags & SL_F_NILLIST) {
            sl_buf_putc(b, T_NILLIST);
            return;
        }
        sl_buf_putc(b, T_LIST);
        uvar(b, v.len);
        for (uint32_t i = 0; i < v.len; i++)
            put(b, v.list[i]);
        return;
    case SL_MAP:
        if (!v.len && v.flags & SL_F_NILLIST) {
            sl_buf_putc(b, T_NILMAP);
            return;
        }
        sl_buf_putc(b, T_MAP);
        uvar(b, v.len);
        for (uint32_t i = 0; i < v.len; i++) {
            text(b, v.map[i].key);
            put(b, v.map[i].val);
        }
        return;
    case SL_PAIRS:
        sl_buf_putc(b, T_PAIRS);
        uvar(b, v.len);
        for (uint32_t i = 0; i < v.len; i++) {
            put(b, v.pairs[i].key);
            put(b, v.pairs[i].val);
        }
        return;
    case SL_ABSENT:
    case SL_KINDS: break;
    }
    sl_buf_putc(b, T_ABSENT);
}
void sl_pack_value(sl_buf *out, sl_value v) {
    sl_buf_putc(out, VERSION);
    put(out, v);
}
void sl_pack_batch(sl_buf *out, const sl_batch *b) {
    const sl_layout *l = b->layout;
    bool tails = b->tails || !l->n; /* a row costs at least one byte */
    sl_buf_putc(out, VERSION);
    sl_buf_putc(out, (char)((tails ? HAS_TAILS : 0) | (b->frames ? HAS_FRAMES : 0) | (b->meta ? HAS_META : 0) | (b->time ? HAS_TIME : 0) | (b->marks ? HAS_MARKS : 0)));
    uvar(out, b->nrows);
    uvar(out, l->n);
    svar(out, b->at);
    for (uint32_t c = 0; c < l->n; c++)
        text(out, l->names[c]);
    for (uint32_t c = 0; c < l->n; c++)
        for (uint32_t r = 0; r < b->nrows; r++)
            put(out, b->cols[c][r]);
    if (tails)
        for (uint32_t r = 0; r < b->nrows; r++) {
            sl_tail t = b->tails ? b->tails[r] : (sl_tail){NULL, 0};
            uvar(out, t.n);
            for (uint32_t i = 0; i < t.n; i++) {
                text(out, t.at[i].key);
                put(out, t.at[i].val);
            }
        }
    if (b->frames) {
        uvar(out, b->nframes);
        for (uint32_t i = 0; i < b->nframes; i++) {
            const sl_frame *f = &b->frames[i];
            sl_buf_putc(out, (char)f->kind);
            uvar(out, f->first);
            uvar(out, f->count);
            svar(out, f->start);
            svar(out, f->end);
            text(out, f->error);
        }
    }
    if (b->meta)
        for (uint32_t r = 0; r < b->nrows; r++)
            put(out, b->meta[r]);
    if (b->time)
        for (uint32_t r = 0; r < b->nrows; r++)
            svar(out, b->time[r]);
    if (b->marks) {
        uvar(out, b->nmarks);
        for (uint32_t i = 0; i < b->nmarks; i++) {
            uvar(out, b->marks[i].row);
            sl_buf_putc(out, (char)b->marks[i].kind);
            svar(out, b->marks[i].value);
        }
    }
}

/* ---- reading ---- */
typedef struct reader {
    sl_arena *a;
    const unsigned char *p, *end;
    const char *bad; /* first error */
} reader;
static bool bad(reader *r, const char *what) {
    if (!r->bad)
        r->bad = what;
    r->p = r->end;
    return false;
}
static size_t left(const reader *r) { return (size_t)(r->end - r->p); }
static uint8_t byte(reader *r) {
    if (r->p < r->end)
        return *r->p++;
    bad(r, "ends too early");
    return 0;
}
static uint64_t get_uvar(reader *r) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t b = byte(r);
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80))
            return v;
    }
    bad(r, "has a number that is too long");
    return 0;
}
static int64_t get_svar(reader *r) {
    uint64_t v = get_uvar(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
static uint32_t get_count(reader *r) { /* of things of at least one byte each */
    uint64_t n = get_uvar(r);
    if (n > left(r) || n > UINT32_MAX) {
        bad(r, "has a count beyond its end");
        return 0;
    }
    return (uint32_t)n;
}
static void *make(reader *r, size_t n) {
    void *p = sl_arena_alloc(r->a, n);
    if (!p || sl_arena_failed(r->a)) {
        bad(r, "does not fit into memory");
        return NULL;
    }
    return p;
}
static sl_str get_text(reader *r) {
    uint32_t n = get_count(r);
    char *p = make(r, (size_t)n + 1);
    if (!p || r->bad)
        return (sl_str){"", 0};
    memcpy(p, r->p, n);
    p[n] = 0;
    r->p += n;
    return (sl_str){p, n};
}
static sl_value get(reader *r, int depth) {
    sl_value none = sl_v_absent(), v = none;
    if (depth > MAX_DEPTH) {
        bad(r, "is nested deeper than 512");
        return none;
    }
    uint8_t tag = byte(r);
    switch (tag) {
    case T_ABSENT: return none;
    case T_NULL: return sl_v_null();
    case T_FALSE:
    case T_TRUE: return sl_v_bool(tag == T_TRUE);
    case T_INT: return sl_v_int(get_svar(r));
    case T_GOINT: return sl_v_goint(get_svar(r));
    case T_WEEKDAY:
        v = sl_v_int(get_svar(r));
        v.flags = SL_F_WEEKDAY;
        return v;
    case T_UINT: return sl_v_uint(get_uvar(r));
    case T_WHOLE: v = (sl_value){.kind = SL_FLOAT, .flags = SL_F_WHOLE, .i = get_svar(r)}; return v;
    case T_FLOAT:
    case T_SINGLE:
        v = (sl_value){.kind = SL_FLOAT, .flags = tag == T_SINGLE ? SL_F_SINGLE : 0};
        for (int i = 0; i < 8; i++)
            v.u |= (uint64_t)byte(r) << 8 * i;
        return v;
    case T_DECIMAL: {
        int64_t scale = get_svar(r);
        sl_str s = get_text(r);
        if (scale < INT16_MIN || scale > INT16_MAX) {
            bad(r, "has a decimal with an impossible scale");
            return none;
        }
        return (sl_value){.kind = SL_DECIMAL, .aux = (uint16_t)scale, .len = (uint32_t)s.n, .p = s.p};
    }
    case T_STRING: return sl_v_str(get_text(r));
    case T_BYTES: return sl_v_bytes(get_text(r));
    case T_ERROR: return sl_v_error(get_text(r));
    case T_JSONTEXT: {
        uint8_t int64 = byte(r);
        sl_str s = get_text(r);
        unsigned flags = 0;
        if (r->bad)
            return none;
        if (int64 > 1 || !s.n || (*s.p != '{' && *s.p != '[') || sl_jx_skip(s.p, s.p + s.n, 1, true, false, &flags) != s.p + s.n || flags) {
            bad(r, "has JSON text that is none");
            return none;
        }
        v = sl_v_jsontext(s);
        v.aux = int64;
        return v;
    }
    case T_TIME: {
        int64_t sec = get_svar(r);
        uint64_t ns = get_uvar(r);
        uint8_t how = byte(r);
        sl_zone z = SL_ZONE_UTC;
        if (ns > 999999999 || how > Z_FIXED) {
            bad(r, "has an impossible time");
            return none;
        }
        if (how == Z_NAMED) {
            sl_str name = get_text(r);
            if (!r->bad && !sl_zone_find(name, &z))
                z = SL_ZONE_UTC; /* a zone this machine does not have: the instant stays right */
        } else if (how == Z_FIXED) {
            int64_t east = get_svar(r);
            sl_str name = get_text(r);
            if (east < -86400 || east > 86400 || name.n > 64) {
                bad(r, "has an impossible time");
                return none;
            }
            if (!r->bad)
                z = sl_zone_fixed((int32_t)east, name);
        }
        return sl_v_time(sec, (uint32_t)ns, z);
    }
    case T_DURATION: return sl_v_dur(get_svar(r));
    case T_NILLIST: return (sl_value){.kind = SL_LIST, .flags = SL_F_NILLIST};
    case T_NILMAP: return (sl_value){.kind = SL_MAP, .flags = SL_F_NILLIST};
    case T_LIST: {
        uint32_t n = get_count(r);
        sl_value *at = make(r, n * sizeof *at);
        for (uint32_t i = 0; at && i < n && !r->bad; i++)
            at[i] = get(r, depth + 1);
        return r->bad ? none : sl_v_list(at, n);
    }
    case T_MAP: {
        uint32_t n = get_count(r);
        sl_member *at = make(r, n * sizeof *at);
        for (uint32_t i = 0; at && i < n && !r->bad; i++) {
            at[i].key = get_text(r);
            at[i].val = get(r, depth + 1);
        }
        return r->bad ? none : sl_v_map(at, n);
    }
    case T_PAIRS: {
        uint32_t n = get_count(r);
        sl_pair *at = make(r, n * sizeof *at);
        for (uint32_t i = 0; at && i < n && !r->bad; i++) {
            at[i].key = get(r, depth + 1);
            at[i].val = get(r, depth + 1);
        }
        return r->bad ? none : (sl_value){.kind = SL_PAIRS, .len = n, .pairs = at};
    }
    }
    bad(r, "has an unknown kind of value");
    return none;
}
static sl_err *told(const reader *r) { return sl_err_new(SL_E_CODEC, "packed data %s", r->bad); }
static sl_err *version(reader *r) {
    uint8_t v = byte(r);
    if (r->bad)
        return sl_err_new(SL_E_CODEC, "packed data is empty");
    return v == VERSION ? NULL : sl_err_new(SL_E_CODEC, "packed data has version %u, this program reads %d", v, VERSION);
}
sl_err *sl_unpack_value(sl_arena *a, sl_str *at, sl_value *out) {
    reader r = {.a = a, .p = (const unsigned char *)at->p, .end = (const unsigned char *)at->p + at->n};
    *out = sl_v_absent();
    SL_TRY(version(&r));
    sl_value v = get(&r, 0);
    if (r.bad)
        return told(&r);
    *out = v;
    *at = (sl_str){(const char *)r.p, left(&r)};
    return NULL;
}
static bool get_frames(reader *r, sl_batch *b) {
    uint32_t n = get_count(r), covered = 0;
    sl_frame *f = make(r, n * sizeof *f);
    for (uint32_t i = 0; f && i < n && !r->bad; i++) {
        uint8_t kind = byte(r);
        uint64_t first = get_uvar(r), count = get_uvar(r);
        f[i] = (sl_frame){.kind = kind, .first = (uint32_t)first, .count = (uint32_t)count, .start = get_svar(r)};
        f[i].end = get_svar(r);
        f[i].error = get_text(r);
        if (kind > SL_FRAME_UPDATE || first != covered || count > b->nrows - covered || (kind == SL_FRAME_ERROR && count))
            return bad(r, "has frames that do not fit its rows");
        covered += (uint32_t)count;
    }
    if (!r->bad && covered != b->nrows)
        return bad(r, "has frames that do not fit its rows");
    b->frames = n ? f : NULL;
    b->nframes = n;
    return !r->bad;
}
static bool fill(reader *r, sl_batch *b, uint8_t has) {
    for (uint32_t c = 0; c < b->layout->n; c++)
        for (uint32_t i = 0; i < b->nrows; i++)
            b->cols[c][i] = r->bad ? sl_v_absent() : get(r, 0);
    if (has & HAS_TAILS) {
        sl_tail *tails = make(r, b->nrows * sizeof *tails);
        for (uint32_t i = 0; tails && i < b->nrows && !r->bad; i++) {
            uint32_t n = get_count(r);
            sl_member *m = make(r, n * sizeof *m);
            for (uint32_t k = 0; m && k < n && !r->bad; k++) {
                m[k].key = get_text(r);
                m[k].val = get(r, 0);
            }
            tails[i] = (sl_tail){m, n};
        }
        b->tails = tails;
    }
    if (has & HAS_FRAMES && !get_frames(r, b))
        return false;
    if (has & HAS_META) {
        b->meta = make(r, b->nrows * sizeof *b->meta);
        for (uint32_t i = 0; b->meta && i < b->nrows && !r->bad; i++)
            b->meta[i] = get(r, 0);
    }
    if (has & HAS_TIME) {
        b->time = make(r, b->nrows * sizeof *b->time);
        for (uint32_t i = 0; b->time && i < b->nrows && !r->bad; i++)
            b->time[i] = get_svar(r);
    }
    if (has & HAS_MARKS) {
        b->nmarks = get_count(r);
        b->marks = make(r, b->nmarks * sizeof *b->marks);
        for (uint32_t i = 0, last = 0; b->marks && i < b->nmarks && !r->bad; i++) {
            uint64_t row = get_uvar(r);
            uint8_t kind = byte(r);
            b->marks[i] = (sl_mark){.row = (uint32_t)row, .kind = kind, .value = get_svar(r)};
            if (row > b->nrows || row < last || kind > SL_MARK_CHECKPOINT)
                return bad(r, "has marks that do not fit its rows");
            last = (uint32_t)row;
        }
    }
    if (!r->bad && r->p != r->end)
        return bad(r, "has bytes behind its end");
    return !r->bad;
}
sl_err *sl_unpack_batch(sl_str bytes, sl_batch **out) {
    *out = NULL;
    reader r = {.p = (const unsigned char *)bytes.p, .end = (const unsigned char *)bytes.p + bytes.n};
    SL_TRY(version(&r));
    uint8_t has = byte(&r);
    uint64_t nrows = get_uvar(&r), ncols = get_uvar(&r);
    int64_t at = get_svar(&r);
    if (!r.bad && has > 31)
        bad(&r, "has parts this program does not know");
    if (!r.bad && (ncols > 65000 || ncols > left(&r) || nrows > left(&r) || nrows * ncols > left(&r) || (!ncols && !(has & HAS_TAILS))))
        bad(&r, "has a count beyond its end");
    if (r.bad)
        return told(&r);
    if (!(r.a = sl_arena_new(0)))
        return sl_err_new(SL_E_NOMEM, "out of memory while reading packed rows");
    sl_str *names = make(&r, ncols * sizeof *names);
    for (uint64_t c = 0; c < ncols && !r.bad; c++)
        names[c] = get_text(&r);
    sl_layout *l = r.bad ? NULL : sl_layout_new(names, (uint32_t)ncols, 0);
    sl_arena_free(r.a);
    if (r.bad)
        return told(&r);
    sl_batch *b = l ? sl_batch_derive(NULL, l, (uint32_t)nrows) : NULL;
    sl_layout_drop(l);
    if (!b)
        return sl_err_new(SL_E_NOMEM, "out of memory while reading packed rows");
    b->at = at;
    r.a = b->arena;
    if (!fill(&r, b, has)) {
        sl_batch_drop(b);
        return told(&r);
    }
    b->bytes = bytes.n;
    *out = b;
    return NULL;
}
