/* Layouts, batches and their builder.
 * Decision: a batch is the first member of a *shell* that also owns its arena and its arrays. When the last reference goes, the
 * shell returns with all its memory to the pool of that thread, so that a flow in steady state allocates nothing. Columns are
 * written where they will be read (column by column, a stride apart): freezing copies no cell. */
#include "data/batch.h"
#include "base/vec.h"
#include "data/builder.h"
#include <pthread.h>
#include <stdlib.h>

/* ---- layouts ---- */
sl_layout *sl_layout_new(const sl_str *names, uint32_t n, uint64_t version) {
    if (n > 65000)
        return NULL;
    uint32_t nslots = 8;
    while (nslots < n * 2)
        nslots *= 2;
    size_t text = 0;
    for (uint32_t i = 0; i < n; i++)
        text += names[i].n + 1;
    char *block = malloc(sizeof(sl_layout) + n * sizeof(sl_str) + nslots * sizeof(uint16_t) + text);
    if (!block)
        return NULL;
    sl_layout *l = (sl_layout *)block;
    sl_str *copy = (sl_str *)(block + sizeof *l);
    uint16_t *slots = (uint16_t *)(copy + n);
    char *at = (char *)(slots + nslots);
    memset(slots, 0, nslots * sizeof *slots);
    *l = (sl_layout){.n = n, .version = version, .names = copy, .slots = slots, .nslots = nslots};
    atomic_init(&l->refs, 1);
    for (uint32_t i = 0; i < n; i++) {
        if (names[i].n)
            memcpy(at, names[i].p, names[i].n);
        at[names[i].n] = 0;
        copy[i] = (sl_str){at, names[i].n};
        at += names[i].n + 1;
        uint32_t s = (uint32_t)sl_hash(copy[i].p, copy[i].n) & (nslots - 1);
        while (slots[s] && !sl_str_eq(copy[slots[s] - 1], copy[i]))
            s = (s + 1) & (nslots - 1);
        if (!slots[s]) /* of equal names the first is found */
            slots[s] = (uint16_t)(i + 1);
    }
    return l;
}
sl_layout *sl_layout_hold(const sl_layout *l) {
    sl_layout *m = (sl_layout *)l;
    if (m)
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}
void sl_layout_drop(const sl_layout *l) {
    sl_layout *m = (sl_layout *)l;
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        free(m);
}
int sl_layout_find(const sl_layout *l, sl_str name) {
    for (uint32_t s = (uint32_t)sl_hash(name.p, name.n) & (l->nslots - 1);; s = (s + 1) & (l->nslots - 1)) {
        if (!l->slots[s])
            return -1;
        if (sl_str_eq(l->names[l->slots[s] - 1], name))
            return l->slots[s] - 1;
    }
}

/* ---- shells and their pool ---- */
typedef struct sl_shell {
    sl_batch b; /* first: a batch is its shell */
    sl_value *cells;
    size_t ncells;  /* capacity */
    uint32_t ncols; /* capacity of b.cols' array */
    sl_value **cols;
    uint32_t rowcap; /* capacity of the four arrays below that exist */
    sl_tail *tails;
    sl_value *meta;
    int64_t *time;
    sl_str *raw;
    sl_frame *frames;
    size_t nframes, framecap;
    sl_mark *marks;
    size_t nmarks, markcap;
    struct sl_shell *next;
    size_t pooled; /* bytes it was put into the pool with */
} shell;
enum { POOL_SHELLS = 64, POOL_SHELL_BYTES = 8 << 20, POOL_BYTES = 32 << 20, ARENA_ONE_CHUNK = 2 << 20 };
typedef struct pool {
    shell *free;
    uint32_t n;
    size_t bytes;
    sl_arena *scratch;
} pool;
static _Thread_local pool *my_pool;
static pthread_key_t pool_key;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void shell_free(shell *s) {
    sl_arena_free(s->b.arena);
    free(s->cells);
    free(s->cols);
    free(s->tails);
    free(s->meta);
    free(s->time);
    free(s->raw);
    free(s->frames);
    free(s->marks);
    free(s);
}
static size_t shell_bytes(const shell *s) {
    return sizeof *s + sl_arena_bytes(s->b.arena) + s->ncells * sizeof(sl_value) + s->rowcap * (size_t)64 + s->framecap * sizeof(sl_frame);
}
static void pool_end(void *p) {
    pool *me = p;
    for (shell *s = me->free, *next; s; s = next) {
        next = s->next;
        shell_free(s);
    }
    sl_arena_free(me->scratch);
    free(me);
    my_pool = NULL;
}
static void pool_init(void) { pthread_key_create(&pool_key, pool_end); }
static pool *pool_mine(void) {
    if (!my_pool) {
        pthread_once(&pool_once, pool_init);
        my_pool = calloc(1, sizeof(pool));
        if (my_pool)
            pthread_setspecific(pool_key, my_pool);
    }
    return my_pool;
}
static shell *shell_get(void) {
    pool *me = pool_mine();
    shell *s = me ? me->free : NULL;
    if (s) {
        me->free = s->next;
        me->n--;
        me->bytes -= s->pooled;
        return s;
    }
    s = calloc(1, sizeof *s);
    if (s && !(s->b.arena = sl_arena_new(0))) {
        free(s);
        return NULL;
    }
    return s;
}
/* All that the batch held is dropped already. */
static void shell_put(shell *s) {
    pool *me = pool_mine();
    sl_arena_purse(s->b.arena, NULL);
    size_t held = sl_arena_bytes(s->b.arena), all = shell_bytes(s);
    if (!me || me->n >= POOL_SHELLS || all > POOL_SHELL_BYTES || me->bytes + all > POOL_BYTES) {
        shell_free(s);
        return;
    }
    sl_arena *a = s->b.arena;
    sl_arena_reset(a);
    if (sl_arena_bytes(a) < held && held <= ARENA_ONE_CHUNK) { /* it took several chunks: next time one is enough */
        sl_arena *one = sl_arena_new(held);
        if (one) {
            sl_arena_free(a);
            a = one;
        }
    }
    s->b = (sl_batch){.arena = a};
    s->nframes = s->nmarks = 0;
    s->next = me->free;
    me->free = s;
    me->n++;
    s->pooled = all - held + sl_arena_bytes(a);
    me->bytes += s->pooled;
}
sl_arena *sl_thread_scratch(void) {
    pool *me = pool_mine();
    if (!me || (!me->scratch && !(me->scratch = sl_arena_new(0))))
        return NULL;
    sl_arena_reset(me->scratch);
    return me->scratch;
}
sl_batch *sl_batch_hold(sl_batch *b) {
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}
sl_batch *sl_batch_fresh(void) {
    shell *s = shell_get();
    if (!s)
        return NULL;
    atomic_init(&s->b.refs, 1); /* the rest is clear in a shell that was put away */
    return &s->b;
}
void sl_batch_drop(sl_batch *b) {
    while (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) {
        sl_batch *base = b->base;
        sl_layout_drop(b->layout);
        sl_ticket_drop(b->ticket);
        shell_put((shell *)b);
        b = base; /* a chain of derived batches must not become a chain of calls */
    }
}

/* Distance between columns: a multiple of four cells (one cache line) and never of a page, else the columns of one row
 * would share one set of the cache. */
static uint32_t stride_of(size_t ncells, uint32_t n) {
    size_t s = n ? ncells / n : 0;
    if (s > UINT32_MAX / 2)
        s = UINT32_MAX / 2;
    s &= ~(size_t)3;
    if (s >= 256 && s % 64 == 0)
        s -= 4;
    return (uint32_t)s;
}
static bool shell_cols(shell *s, uint32_t n) {
    if (s->ncols >= n && s->cols)
        return true;
    sl_value **p = realloc(s->cols, (n ? n : 1) * sizeof *p);
    if (!p)
        return false;
    s->cols = p;
    s->ncols = n;
    return true;
}
sl_batch *sl_batch_derive(sl_batch *base, const sl_layout *layout, uint32_t nrows) {
    shell *s = shell_get();
    if (!s)
        return NULL;
    uint32_t n = layout->n;
    size_t stride = ((size_t)nrows + 3) & ~(size_t)3;
    if (stride >= 256 && stride % 64 == 0)
        stride += 4;
    if (stride * n > s->ncells) {
        free(s->cells);
        s->cells = aligned_alloc(64, stride * n * sizeof(sl_value));
        s->ncells = s->cells ? stride * n : 0;
    }
    if (!shell_cols(s, n) || (!s->cells && stride * n > 0)) {
        shell_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        s->cols[i] = s->cells + i * stride;
    s->b = (sl_batch){.arena = s->b.arena, .base = sl_batch_hold(base), .layout = sl_layout_hold(layout), .nrows = nrows, .cols = s->cols};
    if (base) {
        s->b.ticket = sl_ticket_hold(base->ticket);
        s->b.at = base->at;
    }
    atomic_init(&s->b.refs, 1);
    return &s->b;
}
sl_value sl_batch_get(const sl_batch *b, uint32_t r, sl_str name) {
    int c = sl_layout_find(b->layout, name);
    if (c >= 0 && b->cols[c][r].kind != SL_ABSENT)
        return b->cols[c][r];
    if (b->tails)
        for (uint32_t i = b->tails[r].n; i-- > 0;)
            if (sl_str_eq(b->tails[r].at[i].key, name))
                return b->tails[r].at[i].val;
    return sl_v_absent();
}
sl_value sl_batch_loose(const sl_batch *b, uint32_t r, sl_str name, bool anycase) {
    for (uint32_t c = 0; anycase && c < b->layout->n; c++)
        if (b->cols[c][r].kind != SL_ABSENT && sl_str_ieq(b->layout->names[c], name))
            return b->cols[c][r];
    const sl_tail *t = b->tails ? &b->tails[r] : NULL;
    for (uint32_t i = 0; t && i < t->n; i++)
        if (anycase ? sl_str_ieq(t->at[i].key, name) : sl_str_eq(t->at[i].key, name))
            return t->at[i].val;
    return sl_v_absent();
}
sl_value sl_batch_row(const sl_batch *b, uint32_t r, sl_arena *a) {
    uint32_t most = b->layout->n + (b->tails ? b->tails[r].n : 0), n = 0;
    sl_member *m = sl_arena_alloc(a, most * sizeof *m);
    if (!m || sl_arena_failed(a))
        return sl_v_map(NULL, 0);
    for (uint32_t c = 0; c < b->layout->n; c++)
        if (b->cols[c][r].kind != SL_ABSENT)
            m[n++] = (sl_member){b->layout->names[c], b->cols[c][r]};
    if (b->tails)
        for (uint32_t i = 0; i < b->tails[r].n; i++)
            if (b->tails[r].at[i].val.kind != SL_ABSENT)
                m[n++] = b->tails[r].at[i];
    return sl_v_map(m, n);
}

/* ---- builder ---- */
#define NO_TIME SL_BUILDER_NO_TIME

/* Nothing is under construction. The next batch takes its shell when the first row comes: by then those of the turn before are back in the
 * pool, so that messages that come one by one go round in few shells, and who waits holds none. */
static void builder_clear(sl_builder *w) {
    static _Atomic uint64_t serials;
    w->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed) + 1;
    w->s = NULL;
    w->cells = NULL;
    w->rows = w->cleared = w->covered = w->errors = w->stride = 0;
    w->n = w->layout->n;
    w->failed = w->inrow = false;
    w->message_meta = (sl_value){.kind = SL_ABSENT};
    w->message_time = NO_TIME;
}
static bool builder_open(sl_builder *w) { /* takes a shell */
    shell *s = shell_get();
    if (s && !shell_cols(s, w->n)) {
        shell_free(s);
        s = NULL;
    }
    if (!s) {
        w->failed = true;
        return false;
    }
    w->s = s;
    w->stride = w->n ? stride_of(s->ncells, w->n) : UINT32_MAX;
    w->cells = s->cells;
    return true;
}
sl_builder *sl_builder_new(const sl_layout *layout, bool all) {
    sl_builder *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->layout = sl_layout_hold(layout);
    w->all = all;
    builder_clear(w);
    return w;
}
static void builder_reset(sl_builder *w) { /* drops what the unfinished batch holds */
    if (w->s) {
        sl_batch_drop(w->s->b.base);
        shell_put(w->s);
    }
    builder_clear(w);
}
void sl_builder_rest(sl_builder *w) {
    shell *s = w->s;
    if (!s || w->failed || w->inrow || w->rows || w->errors || s->nframes || s->nmarks || s->b.base)
        return;
    builder_clear(w);
    shell_put(s);
}
void sl_builder_free(sl_builder *w) {
    if (!w)
        return;
    if (w->s) {
        sl_batch_drop(w->s->b.base);
        shell_put(w->s);
    }
    sl_layout_drop(w->layout);
    free(w->tail);
    free(w->index);
    free(w);
}
sl_arena *sl_builder_arena(sl_builder *w) {
    if (!w->s)
        builder_open(w);
    /* Without a shell there is no arena to give: one of the thread takes the writes; done() tells the failure. */
    static _Thread_local sl_arena none;
    if (!w->s) {
        none.failed = true;
        return &none;
    }
    return w->s->b.arena;
}
const sl_layout *sl_builder_layout(const sl_builder *w) { return w->layout; }
uint64_t sl_builder_serial(const sl_builder *w) { return w->serial; }
bool sl_builder_all(const sl_builder *w) { return w->all; }
uint32_t sl_builder_rows(const sl_builder *w) { return w->rows; }
uint32_t sl_builder_events(const sl_builder *w) { return w->rows + w->errors; }

static bool grow_cells(sl_builder *w, size_t least) {
    shell *s = w->s;
    size_t rows = w->rows < 32 ? 64 : (size_t)w->rows * 2;
    rows = rows < least ? least : rows;
    size_t ncells = (rows + 8) * w->n; /* a column may be told to be up to seven cells shorter */
    uint32_t stride = stride_of(ncells, w->n);
    if (ncells > s->ncells && !sl_purse_pay(s->b.arena->purse, (ncells - s->ncells) * sizeof(sl_value)))
        return false;
    sl_value *p = rows > UINT32_MAX / 4 ? NULL : aligned_alloc(64, ((ncells + 3) & ~(size_t)3) * sizeof *p);
    if (!p)
        return false;
    for (uint32_t c = 0; c < w->n; c++)
        if (w->rows)
            memcpy(p + (size_t)c * stride, s->cells + (size_t)c * w->stride, w->rows * sizeof *p);
    free(s->cells);
    s->cells = w->cells = p;
    s->ncells = ncells;
    w->stride = stride;
    w->cleared = w->rows;
    return true;
}
sl_value sl_builder_peek(const sl_builder *w, uint32_t col) { return w->inrow && col < w->n ? w->cell[(size_t)col * w->stride] : sl_v_absent(); }
void sl_builder_row(sl_builder *w) {
    if (w->inrow)
        sl_builder_cancel(w);
    if (!w->s && !builder_open(w))
        return;
    if (w->rows >= w->stride && !grow_cells(w, 0)) {
        w->failed = true;
        return;
    }
    if (w->rows >= w->cleared && w->n) {
        uint32_t block = w->rows < 4 ? 4 : w->rows > 64 ? 64 : w->rows;
        if (block > w->stride - w->rows)
            block = w->stride - w->rows;
        for (uint32_t c = 0; c < w->n; c++)
            memset(w->s->cells + (size_t)c * w->stride + w->rows, 0, block * sizeof(sl_value));
        w->cleared = w->rows + block;
    }
    w->cell = w->n ? w->s->cells + w->rows : NULL;
    w->inrow = true;
    w->ntail = w->nindex = 0;
    w->row_meta = w->message_meta;
    w->row_time = w->message_time;
    w->row_raw = (sl_str){NULL, 0};
}
void sl_builder_set(sl_builder *w, uint32_t col, sl_value v) {
    if (w->inrow && col < w->n)
        w->cell[(size_t)col * w->stride] = v;
}
void sl_builder_tail_new(sl_builder *w, sl_str key, sl_value v) {
    if (!w->inrow)
        return;
    if (w->ntail == w->tailcap && !sl_vec_grow_((void **)&w->tail, &w->tailcap, sizeof *w->tail, w->ntail + 1)) {
        w->failed = true;
        return;
    }
    w->tail[w->ntail++] = (sl_member){key, v};
}
static bool index_add(sl_builder *w) { /* makes or extends the index so that it covers the tail */
    if (w->nindex && (w->ntail + 1) * 2 <= w->nindex)
        return true;
    size_t want = 64;
    while (want < w->ntail * 4)
        want *= 2;
    if (want > w->indexcap) {
        uint32_t *p = realloc(w->index, want * sizeof *p);
        if (!p)
            return false;
        w->index = p;
        w->indexcap = want;
    }
    memset(w->index, 0, want * sizeof *w->index);
    w->nindex = want;
    for (size_t i = 0; i < w->ntail; i++) {
        size_t at = sl_hash(w->tail[i].key.p, w->tail[i].key.n) & (want - 1);
        while (w->index[at])
            at = (at + 1) & (want - 1);
        w->index[at] = (uint32_t)i + 1;
    }
    return true;
}
void sl_builder_tail(sl_builder *w, sl_str key, sl_value v) {
    if (!w->inrow)
        return;
    if (w->ntail < 16) {
        for (size_t i = 0; i < w->ntail; i++)
            if (sl_str_eq(w->tail[i].key, key)) {
                w->tail[i].val = v;
                return;
            }
        sl_builder_tail_new(w, key, v);
        return;
    }
    if (!index_add(w)) {
        w->failed = true;
        return;
    }
    size_t at = sl_hash(key.p, key.n) & (w->nindex - 1);
    for (; w->index[at]; at = (at + 1) & (w->nindex - 1))
        if (sl_str_eq(w->tail[w->index[at] - 1].key, key)) {
            w->tail[w->index[at] - 1].val = v;
            return;
        }
    size_t was = w->ntail;
    sl_builder_tail_new(w, key, v);
    if (w->ntail > was)
        w->index[at] = (uint32_t)w->ntail;
}
void sl_builder_put(sl_builder *w, sl_str key, sl_value v) {
    int c = sl_layout_find(w->layout, key);
    if (c >= 0)
        sl_builder_set(w, (uint32_t)c, v);
    else if (w->all)
        sl_builder_tail(w, key, v);
}
void sl_builder_message(sl_builder *w, sl_value meta, int64_t ms) {
    w->message_meta = meta;
    w->message_time = ms ? ms : NO_TIME;
}
void sl_builder_meta(sl_builder *w, sl_value map) { w->row_meta = map; }
void sl_builder_time(sl_builder *w, int64_t ms) { w->row_time = ms; }
void sl_builder_raw(sl_builder *w, sl_str bytes) { w->row_raw = bytes; }

/* The four per-row arrays share one capacity; each exists from the first row that needs it. */
static bool rows_room(shell *s, uint32_t row) {
    if (row < s->rowcap)
        return true;
    uint32_t want = s->rowcap ? s->rowcap : 64;
    while (want <= row)
        want *= 2;
#define GROW(f)                                                                                                                                                                    \
    if (s->f) {                                                                                                                                                                    \
        void *p = realloc(s->f, sizeof *s->f * want);                                                                                                                              \
        if (!p)                                                                                                                                                                    \
            return false;                                                                                                                                                          \
        s->f = p;                                                                                                                                                                  \
    }
    GROW(tails)
    GROW(meta)
    GROW(time)
    GROW(raw)
#undef GROW
    s->rowcap = want;
    return true;
}
/* First use in this batch: the rows before it get the empty value. */
#define COLUMN(field, none)                                                                                                                                                        \
    if (!s->b.field) {                                                                                                                                                             \
        if (!s->field && !(s->field = malloc(s->rowcap * sizeof *s->field))) {                                                                                                     \
            w->failed = true;                                                                                                                                                      \
            return;                                                                                                                                                                \
        }                                                                                                                                                                          \
        s->b.field = s->field;                                                                                                                                                     \
        for (uint32_t i = 0; i < w->rows; i++)                                                                                                                                     \
            s->field[i] = none;                                                                                                                                                    \
    }
void sl_builder_end(sl_builder *w) {
    if (!w->inrow)
        return;
    shell *s = w->s;
    w->inrow = false;
    bool more = w->ntail || w->row_meta.kind || w->row_time != NO_TIME || w->row_raw.p;
    if (more || s->b.tails || s->b.meta || s->b.time || s->b.raw) {
        if (!rows_room(s, w->rows)) {
            w->failed = true;
            return;
        }
        s->b.tails = s->b.tails ? s->tails : NULL; /* may have moved */
        s->b.meta = s->b.meta ? s->meta : NULL;
        s->b.time = s->b.time ? s->time : NULL;
        s->b.raw = s->b.raw ? s->raw : NULL;
        sl_tail none = {NULL, 0}, mine = none;
        if (w->ntail) {
            sl_member *m = sl_arena_alloc(s->b.arena, w->ntail * sizeof *m);
            if (!m || sl_arena_failed(s->b.arena)) {
                w->failed = true;
                return;
            }
            memcpy(m, w->tail, w->ntail * sizeof *m);
            mine = (sl_tail){m, (uint32_t)w->ntail};
            COLUMN(tails, none)
        }
        if (w->row_meta.kind) {
            COLUMN(meta, sl_v_absent())
        }
        if (w->row_time != NO_TIME) {
            COLUMN(time, NO_TIME)
        }
        if (w->row_raw.p) {
            COLUMN(raw, ((sl_str){NULL, 0}))
        }
        if (s->b.tails)
            s->tails[w->rows] = mine;
        if (s->b.meta)
            s->meta[w->rows] = w->row_meta;
        if (s->b.time)
            s->time[w->rows] = w->row_time;
        if (s->b.raw)
            s->raw[w->rows] = w->row_raw;
    }
    w->rows++;
}
bool sl_builder_bulk(sl_builder *w, uint32_t n, sl_value **cols) {
    if (w->inrow)
        sl_builder_cancel(w);
    if (!w->s && !builder_open(w))
        return false;
    const sl_batch *b = &w->s->b;
    if (!w->n || w->message_meta.kind || w->message_time != NO_TIME || b->tails || b->meta || b->time || b->raw || n > UINT32_MAX / 8 - w->rows)
        return false;
    if ((size_t)w->rows + n > w->stride && !grow_cells(w, (size_t)w->rows + n)) {
        w->failed = true;
        return false;
    }
    for (uint32_t c = 0; c < w->n; c++)
        cols[c] = w->s->cells + (size_t)c * w->stride + w->rows;
    w->rows += n;
    w->cleared = w->cleared < w->rows ? w->rows : w->cleared;
    return true;
}
void sl_builder_cancel(sl_builder *w) {
    if (w->inrow) {
        for (uint32_t c = 0; c < w->n; c++)
            w->cell[(size_t)c * w->stride] = sl_v_absent();
        w->inrow = false;
    }
}
void sl_builder_undo(sl_builder *w, uint32_t rows) {
    sl_builder_cancel(w);
    if (!w->s || rows >= w->rows)
        return;
    w->rows = rows;
    if (w->cleared > rows)
        w->cleared = rows;
    shell *s = w->s;
    while (s->nframes) {
        sl_frame *f = &s->frames[s->nframes - 1];
        if (f->kind == SL_FRAME_ERROR ? f->first > rows : f->first >= rows) {
            w->errors -= f->count == 0; /* error frames and empty collections */
            s->nframes--;
            continue;
        }
        if (f->first + f->count > rows)
            f->count = rows - f->first;
        break;
    }
    while (s->nmarks && s->marks[s->nmarks - 1].row > rows)
        s->nmarks--;
    if (w->covered > rows)
        w->covered = rows;
}
static bool frame_add(sl_builder *w, sl_frame f) {
    shell *s = w->s;
    if (s->nframes == s->framecap && !sl_vec_grow_((void **)&s->frames, &s->framecap, sizeof f, s->nframes + 1)) {
        w->failed = true;
        return false;
    }
    s->frames[s->nframes++] = f;
    return true;
}
static void cover(sl_builder *w, uint32_t to) { /* rows not yet in a frame are frames of their own */
    while (w->covered < to && frame_add(w, (sl_frame){.kind = SL_FRAME_ROW, .first = w->covered, .count = 1}))
        w->covered++;
}
void sl_builder_error(sl_builder *w, sl_str text) {
    if (!w->s && !builder_open(w))
        return;
    sl_builder_cancel(w);
    cover(w, w->rows);
    if (frame_add(w, (sl_frame){.kind = SL_FRAME_ERROR, .first = w->rows, .error = sl_arena_dup(w->s->b.arena, text)}))
        w->errors++;
}
void sl_builder_collection(sl_builder *w, uint32_t first) {
    if (!w->s && !builder_open(w))
        return;
    if (first < w->covered) /* rows that already have a frame keep it */
        first = w->covered;
    cover(w, first);
    if (frame_add(w, (sl_frame){.kind = SL_FRAME_COLLECTION, .first = first, .count = w->rows - first})) {
        w->errors += first == w->rows; /* an empty one is an event too */
        w->covered = w->rows;
    }
}
void sl_builder_mark(sl_builder *w, sl_mark_kind kind, int64_t value) {
    if (!w->s && !builder_open(w))
        return;
    shell *s = w->s;
    if (s->nmarks == s->markcap && !sl_vec_grow_((void **)&s->marks, &s->markcap, sizeof *s->marks, s->nmarks + 1)) {
        w->failed = true;
        return;
    }
    s->marks[s->nmarks++] = (sl_mark){.row = w->rows, .kind = (uint8_t)kind, .value = value};
}
void sl_builder_base(sl_builder *w, sl_batch *base) {
    if (!w->s && !builder_open(w))
        return;
    sl_batch *old = w->s->b.base;
    w->s->b.base = sl_batch_hold(base);
    sl_batch_drop(old);
}
sl_batch *sl_builder_done(sl_builder *w, int64_t at) {
    sl_builder_cancel(w);
    if (!w->s && !w->failed)
        builder_open(w); /* an empty batch is one too */
    shell *s = w->s;
    if (s && s->nframes)
        cover(w, w->rows);
    if (w->failed || sl_arena_failed(s->b.arena)) {
        builder_reset(w);
        return NULL;
    }
    sl_batch *b = &s->b;
    b->layout = sl_layout_hold(w->layout);
    b->nrows = w->rows;
    b->cols = s->cols;
    for (uint32_t c = 0; c < w->n; c++)
        s->cols[c] = s->cells ? s->cells + (size_t)c * w->stride : NULL;
    b->frames = s->nframes ? s->frames : NULL;
    b->nframes = (uint32_t)s->nframes;
    b->marks = s->nmarks ? s->marks : NULL;
    b->nmarks = (uint32_t)s->nmarks;
    b->at = at;
    if (b->time)
        for (uint32_t i = 0; i < b->nrows; i++)
            if (b->time[i] == NO_TIME)
                b->time[i] = at;
    b->bytes = sl_arena_bytes(b->arena) - (size_t)(b->arena->end - b->arena->at) + (size_t)w->rows * w->n * sizeof(sl_value);
    atomic_init(&b->refs, 1);
    builder_clear(w);
    return b;
}
void sl_builder_relayout(sl_builder *w, const sl_layout *layout, bool all) {
    sl_layout *old = (sl_layout *)w->layout;
    w->layout = sl_layout_hold(layout);
    sl_layout_drop(old);
    w->all = all;
    builder_reset(w);
}
