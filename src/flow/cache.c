/* The cache of a sink (enableCache): messages wait in memory up to memoryCacheThreshold, then on disk up to maxDiskCache, in pages of
 * bufferPageSize messages, one file a page. When the disk's share is full a private source is held back; otherwise the oldest page is dropped and counted.
 *
 * Order: memory, then pages, then what is not yet a page. A page's file stays until all its messages are settled, so that a killed process sends
 * some of them twice rather than none. At the end what is left in memory is written in front of the pages, except what the source sends
 * again anyway.
 * Decision: a message that is in a page counts as settled for its source. The files are written without waiting for the disk itself: they survive
 * the end of the process, not of the machine. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include "base/log.h"
#include "flow/sink_int.h"
#include "os/file.h"

enum { HEAD = 13 /* lengths of payload and rendered properties, checksum, flags */, PAGE_LIMIT = 1 << 30 };
#define FIRST (1ull << 32) /* pages are put in front of others, too */

/* ---- names ---- */
static void name_put(sl_buf *b, sl_str s) { /* any rule id as a file name */
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-')
            sl_buf_putc(b, (char)c);
        else
            sl_buf_printf(b, "%%%02x", c);
    }
}
char *flow_dir(const char *home, const char *what, sl_str rule, const char *part) {
    sl_buf b = {0};
    sl_buf_printf(&b, "%s/data/%s/", home, what);
    name_put(&b, rule);
    if (part) {
        sl_buf_putc(&b, '/');
        name_put(&b, sl_str_of(part));
    }
    return sl_buf_take(&b);
}
static char *dir_of(const char *home, sl_str rule, const char *sink) { return flow_dir(home, "cache", rule, sink); }
static void path_of(char *to, size_t n, const spill *c, uint64_t no, uint32_t count) { snprintf(to, n, "%s/%016llx-%u.page", c->dir, (unsigned long long)no, count); }
static void remove_dir(const char *path) { /* with the files in it */
    DIR *d = opendir(path);
    char file[800];
    for (struct dirent *x; d && (x = readdir(d));) {
        if (x->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, x->d_name);
        if (unlink(file) != 0)
            remove_dir(file);
    }
    if (d)
        closedir(d);
    rmdir(path);
}
void sl_flow_forget(const char *home, sl_str rule_id) {
    char *path = home ? dir_of(home, rule_id, NULL) : NULL;
    if (path)
        remove_dir(path);
    free(path);
    sl_flow_forget_journal(home, rule_id);
}

/* ---- pages ---- */
static bool pages_room(spill *c) {
    if (c->npages < c->cap)
        return true;
    size_t cap = c->cap ? c->cap * 2 : 16;
    struct kept_page *p = realloc(c->pages, cap * sizeof *p);
    if (!p)
        return false;
    c->pages = p;
    c->cap = cap;
    return true;
}
static void say(sink_node *s, const char *what, const char *path) {
    sl_buf b = {0};
    sl_buf_printf(&b, "cache of %s: %s: %s", s->meter.name, path, what);
    meter_error(&s->meter, now_of(s), sl_buf_view(&b));
    sl_error((const char *)s->flow->spec->rule_id.p, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
}
static uint32_t sum_of(uint8_t flags, const char *p, size_t n) { return (uint32_t)crc32(crc32(0, &flags, 1), (const Bytef *)p, (uInt)n); }
static void page_put(sl_buf *b, const item *x) {
    uint8_t flags = (uint8_t)(x->is_error | x->collection << 1);
    uint32_t n = (uint32_t)x->n, dn = (uint32_t)x->dn, crc = sum_of(flags, x->p, x->n + x->dn);
    sl_buf_put(b, &n, 4);
    sl_buf_put(b, &dn, 4);
    sl_buf_put(b, &crc, 4);
    sl_buf_put(b, &flags, 1);
    sl_buf_put(b, x->p, x->n + x->dn);
}
/* Rendered properties of an earlier run belong to the templates of that run. */
static bool block_fits(const sl_sinkdef *d, const char *block, size_t n) {
    uint32_t rows = dyn_count(d), len;
    size_t at = rows * sizeof len;
    for (uint32_t i = 0; i < rows && at <= n; i++) {
        memcpy(&len, block + i * sizeof len, sizeof len);
        at += len == UINT32_MAX ? 0 : len;
    }
    return rows && at == n;
}
static bool page_write(sink_node *s, uint64_t no, uint32_t n, sl_str bytes) {
    char path[700], aside[720];
    path_of(path, sizeof path, s->spill, no, n);
    snprintf(aside, sizeof aside, "%s.new", path);
    sl_err *e = sl_dir_make(s->spill->dir);
    FILE *f = e ? NULL : fopen(aside, "we");
    bool ok = f && fwrite(bytes.p, 1, bytes.n, f) == bytes.n;
    if (f && fclose(f) != 0)
        ok = false;
    if (ok && rename(aside, path) != 0)
        ok = false;
    if (!ok) {
        say(s, e ? sl_err_text(e) : "cannot be written (is the disk full?)", path);
        unlink(aside);
    }
    sl_err_free(e);
    return ok;
}
static void ring_drop(sink_node *s, ring *r) { /* the first one; it is settled */
    item *x = ring_at(r, 0);
    r->head = (r->head + 1) & (r->cap - 1);
    r->n--;
    item_clear(s, x);
}
static bool write_fresh(sink_node *s, size_t n) {
    spill *c = s->spill;
    sl_buf b = {0};
    uint32_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const item *x = ring_at(&c->fresh, i);
        if (x->state == DONE)
            continue;
        page_put(&b, x);
        k++;
    }
    bool ok = !b.failed && pages_room(c) && (!k || page_write(s, c->next, k, sl_buf_view(&b)));
    sl_buf_free(&b);
    c->stuck = !ok;
    if (!ok)
        return false;
    if (k)
        c->pages[c->npages++] = (struct kept_page){c->next++, k};
    c->items += k;
    for (size_t i = 0; i < n; i++)
        ring_drop(s, &c->fresh);
    return true;
}
static void drop_said(sink_node *s, size_t n) {
    sl_buf b = {0};
    sl_buf_printf(&b, "cache full, drop %zu message(s) from %s", n, s->meter.name);
    meter_error(&s->meter, now_of(s), sl_buf_view(&b));
    s->meter.errors += n - 1;
    s->meter.dropped += n;
    sl_buf_free(&b);
}
static void forget_first(spill *c) {
    c->items -= c->pages[0].n;
    memmove(c->pages, c->pages + 1, --c->npages * sizeof *c->pages);
}
void spill_limit(sink_node *s) {
    spill *c = s->spill;
    bool lossy = s->spare || source_is_shared(s->flow->source);
    while (c->fresh.n >= c->page) {
        if (c->npages >= c->max) {
            if (!lossy)
                break; /* the source is held back */
            char path[700];
            path_of(path, sizeof path, c, c->pages[0].no, c->pages[0].n);
            unlink(path);
            drop_said(s, c->pages[0].n);
            forget_first(c);
        }
        if (write_fresh(s, c->page))
            continue;
        if (!lossy)
            break;
        drop_said(s, c->page);
        for (size_t i = 0; i < c->page; i++)
            ring_drop(s, &c->fresh);
    }
}
void spill_begin(sink_node *s) {
    spill *c = s->spill;
    c->open = c->fresh.n || c->npages || s->wait.n + s->unsettled >= (size_t)s->def->opts.cache_memory;
}
static void load_first(sink_node *s) {
    spill *c = s->spill;
    struct kept_page k = c->pages[0];
    char path[700], bad[720];
    path_of(path, sizeof path, c, k.no, k.n);
    sl_buf b = {0};
    sl_err *e = sl_file_read(path, PAGE_LIMIT, &b);
    page *p = calloc(1, sizeof *p);
    if (!p || !ring_room(&s->wait, k.n) || !SL_PUSH(c->loaded, p)) {
        free(p);
        sl_err_free(e);
        sl_buf_free(&b);
        return;
    }
    p->no = k.no;
    p->n = k.n;
    size_t at = 0;
    while (!e && p->left < k.n && at + HEAD <= b.n) {
        uint32_t n, dn, crc;
        const char *body = b.p + at + HEAD;
        memcpy(&n, b.p + at, 4);
        memcpy(&dn, b.p + at + 4, 4);
        memcpy(&crc, b.p + at + 8, 4);
        uint8_t flags = (uint8_t)b.p[at + 12];
        size_t all = (size_t)n + dn;
        if (all > b.n - at - HEAD || crc != sum_of(flags, body, all))
            break;
        char *bytes = sl_strdup_n(body, all);
        if (!bytes)
            break;
        *ring_at(&s->wait, s->wait.n++) =
            (item){.p = bytes, .n = n, .dn = dn && block_fits(s->def, body + n, dn) ? dn : 0, .page = p, .owned = true, .is_error = flags & 1, .collection = flags >> 1 & 1};
        item_holds(s, ring_at(&s->wait, s->wait.n - 1), all);
        p->left++;
        at += HEAD + all;
    }
    forget_first(c);
    if (p->left < k.n) {
        snprintf(bad, sizeof bad, "%s.bad", path);
        rename(path, bad);
        say(s, e ? sl_err_text(e) : "is damaged; what could be read is sent, the file is kept as .bad", path);
        s->meter.failed += k.n - p->left;
        if (!p->left) {
            c->loaded.n--;
            free(p);
        }
    }
    sl_err_free(e);
    sl_buf_free(&b);
}
bool spill_refill(sink_node *s) {
    spill *c = s->spill;
    if (s->unsettled >= (size_t)s->def->opts.cache_memory)
        return false; /* the connector has enough */
    while (c->npages && !s->wait.n) {
        size_t before = c->npages;
        load_first(s);
        if (c->npages == before)
            return false; /* out of memory */
    }
    if (!s->wait.n && c->fresh.n) {
        ring r = s->wait;
        s->wait = c->fresh;
        c->fresh = r;
        c->open = false;
    }
    return s->wait.n > 0;
}
static void page_gone(spill *c, const page *p) {
    char path[700];
    path_of(path, sizeof path, c, p->no, p->n);
    unlink(path);
}
void spill_done(sink_node *s, page *p) {
    spill *c = s->spill;
    if (--p->left || c->ending)
        return;
    page_gone(c, p);
    for (size_t i = 0; i < c->loaded.n; i++)
        if (c->loaded.at[i] == p) {
            c->loaded.at[i] = c->loaded.at[--c->loaded.n];
            break;
        }
    free(p);
}

/* ---- life ---- */
sl_err *spill_open(sink_node *s) {
    const sl_sinkopts *o = &s->def->opts;
    spill *c = s->spill = calloc(1, sizeof *c);
    if (!c || !(c->dir = dir_of(s->flow->spec->home ? s->flow->spec->home : ".", s->flow->spec->rule_id, s->meter.name)))
        return sl_err_new(SL_E_NOMEM, "out of memory");
    c->page = (size_t)o->cache_page;
    c->max = (size_t)(o->cache_disk / o->cache_page);
    if (c->max < 2)
        c->max = 2;
    c->clean = o->cache_clean;
    c->next = FIRST;
    if (c->clean)
        remove_dir(c->dir);
    if (!sl_file_exists(c->dir))
        return NULL;
    sl_dirlist l = {0};
    sl_err *e = sl_dir_list(c->dir, &l);
    for (size_t i = 0; i < l.n && !e; i++) {
        unsigned long long no;
        unsigned n;
        char end[8] = "";
        if (sscanf(l.at[i].name, "%16llx-%u.%5s", &no, &n, end) != 3 || strcmp(end, "page") != 0 || strstr(l.at[i].name, ".page.") || !n)
            continue;
        if (!pages_room(c)) {
            e = sl_err_new(SL_E_NOMEM, "out of memory");
            break;
        }
        c->pages[c->npages++] = (struct kept_page){no, n};
        c->items += n;
        c->next = no + 1;
    }
    sl_dirlist_free(&l);
    s->meter.in += c->items;
    s->meter.buffer = c->items;
    return e;
}
/* Writes what is left: from memory in front of the pages, then what is behind them. */
void spill_keep(sink_node *s) {
    spill *c = s->spill;
    c->ending = true;
    if (c->clean) {
        remove_dir(c->dir);
        return;
    }
    bool comes_again = s->flow->spec->qos >= 1; /* what has a ticket that was not settled */
    sl_buf b = {0};
    uint32_t n = 0;
    ring *const rings[] = {&s->sent, &s->wait};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < rings[k]->n; i++) {
            const item *x = ring_at(rings[k], i);
            if (x->state == DONE || (x->hold && comes_again))
                continue;
            page_put(&b, x);
            n++;
        }
    uint64_t no = c->npages ? c->pages[0].no : c->next;
    for (size_t i = 0; i < c->loaded.n; i++)
        no = c->loaded.at[i]->no < no ? c->loaded.at[i]->no : no;
    no--;
    bool ok = !b.failed && (!n || page_write(s, no, n, sl_buf_view(&b)));
    sl_buf_free(&b);
    for (size_t i = 0; ok && i < c->loaded.n; i++)
        page_gone(c, c->loaded.at[i]);
    size_t keep = 0; /* of fresh */
    for (size_t i = 0; i < c->fresh.n; i++) {
        item *x = ring_at(&c->fresh, i);
        if (x->state != DONE && !(x->hold && comes_again)) {
            item y = *x;
            *x = *ring_at(&c->fresh, keep);
            *ring_at(&c->fresh, keep++) = y;
        }
    }
    if (keep)
        write_fresh(s, keep);
}
void spill_free(sink_node *s) {
    spill *c = s->spill;
    if (!c)
        return;
    c->ending = true;
    while (c->fresh.n)
        ring_drop(s, &c->fresh);
    free(c->fresh.at);
    for (size_t i = 0; i < c->loaded.n; i++)
        free(c->loaded.at[i]);
    SL_VEC_FREE(c->loaded);
    free(c->pages);
    free(c->dir);
    free(c);
    s->spill = NULL;
}
