/* Inside of the log: the form on disk, and who has which half of a log. */
#ifndef SL_STORE_SEGLOG_INT_H
#define SL_STORE_SEGLOG_INT_H
#include "base/vec.h"
#include "store/seglog.h"

#define SEG_MAGIC "SLSEGLOG"
enum { SEG_VERSION = 1, SEG_HEAD = 32, REC_HEAD = 32, REC_MAGIC = 0x4F52CE0D, REC_MOST = 256 << 20 };
typedef struct seg_head { /* little endian, as all numbers here */
    char magic[8];
    uint32_t version, crc; /* crc of the head with crc 0 */
    uint64_t first, zero;
} seg_head;
typedef struct rec_head {     /* at a multiple of 8; behind it the bytes, filled up to a multiple of 8 with zeros */
    uint32_t magic, len, crc; /* crc of the bytes, then of the head with crc 0 */
    uint8_t type, tag;
    uint16_t zero;
    uint64_t seq;
    int64_t time_ms;
} rec_head;
static inline size_t rec_room(uint32_t len) { return REC_HEAD + (((size_t)len + 7) & ~(size_t)7); }

typedef struct segment {
    uint64_t first, bytes;
} segment;
typedef SL_VEC(segment) segments;

struct sl_seglog {
    /* the owner's half */
    char *dir;
    sl_loop *loop;
    void (*moved)(void *arg);
    void *arg;
    sl_buf fill;                                /* appended, not handed over */
    uint64_t next, durable, first, disk, found; /* found: newest number when it was opened */
    uint64_t fill_first, trim_to;
    size_t under_way; /* bytes with the scribe */
    bool flying, doubt, closing, wants;
    char *trouble;
    sl_timer *again;
    segments known; /* as of the last report, for readers */
    sl_seglog_damage damage;
    sl_fn done;
    void *done_arg;
    /* the scribe's half while flying */
    size_t segment;
    int fd; /* of the newest segment; -1: the next write begins one */
    segments segs;
    uint64_t at, synced; /* length of the newest segment: written, synced */
    uint64_t last, firm; /* newest number that was written, and synced */
    bool new_name;       /* the folder has to be synced too */
    sl_buf work;
    uint64_t work_first, work_last, trim;
    bool sure, ending; /* sync at any rate; the last visit */
    bool wrote;        /* this round */
    char error[700];
};
void seg_path(const sl_seglog *l, uint64_t first, const char *end, char *out, size_t n);
/* Checks the head of a segment; false: it is none. */
bool seg_head_ok(const char *p, size_t n, uint64_t *first);
/* One record at p; its length, 0: none there (bytes missing or damaged). */
size_t rec_at(const char *p, size_t n, sl_seglog_rec *out);
/* Finds segments and the end of the newest. */
sl_err *seg_scan(sl_seglog *l);
#endif
