/* A durable log of records in segments: what the journal of a rule is written to, and the spool of a sink later.
 *
 * A record has a number (dense, rising), a time, a type and a tag for its owner, and bytes. It is durable when sl_seglog_durable() has passed it. Readers see what
 * is durable. A segment is removed when no record in it is needed.
 *
 * Threads: everything here is called on the loop that the log was opened with. Writing, fsync and unlink happen on one thread of the process, the scribe, for
 * all logs: what came while it waited for the disk goes with its next fsync. */
#ifndef SL_STORE_SEGLOG_H
#define SL_STORE_SEGLOG_H
#include "base/err.h"
#include "base/str.h"
#include "os/loop.h"

typedef struct sl_seglog sl_seglog;
typedef struct sl_seglog_conf {
    const char *dir; /* made when it is missing; copied */
    sl_loop *loop;
    size_t segment; /* bytes after which a segment is closed; 0: 8 MiB */
    uint64_t next;  /* numbers begin here at least; 0: 1 */
    /* durable, bytes or trouble changed; @on loop, never inside of a call to the log. May be NULL. */
    void (*moved)(void *arg);
    void *arg;
} sl_seglog_conf;
typedef struct sl_seglog_rec {
    uint64_t seq;
    int64_t time_ms;
    uint8_t type, tag;
    sl_str bytes; /* lent until the reader's next step */
    uint32_t crc; /* of bytes alone */
} sl_seglog_rec;
typedef struct sl_seglog_damage { /* found since it was opened */
    uint64_t torn;                /* bytes behind the last whole record, cut off */
    uint64_t bad;                 /* bytes in the middle that are no record: copied to *.bad beside the segment, passed over */
    uint64_t lost;                /* numbers that are missing between those that were read */
} sl_seglog_damage;

/* Opens or creates; cuts a torn tail. Blocks: reads the newest segment. Starts the scribe when this is the first log. */
sl_err *sl_seglog_open(const sl_seglog_conf *c, sl_seglog **out);
/* What was appended is written and synced, if the disk takes it; then done (on the loop). The reader must be gone. */
void sl_seglog_close(sl_seglog *l, sl_fn done, void *arg);
/* Removes a closed log with all it has. Blocks. */
void sl_seglog_remove(const char *dir);

/* Appends one record whose bytes are the parts one after the other; gives its number and the CRC of its bytes (both may be NULL). Only memory is
 * touched. false: out of memory, or longer than 256 MiB. */
bool sl_seglog_append(sl_seglog *l, int64_t time_ms, uint8_t type, uint8_t tag, const sl_str *parts, uint32_t n, uint64_t *seq, uint32_t *crc);
/* Sends what was appended on its way, now or behind what is on its way already. */
void sl_seglog_flush(sl_seglog *l);
uint64_t sl_seglog_next(const sl_seglog *l);    /* number of the next record */
uint64_t sl_seglog_first(const sl_seglog *l);   /* of the oldest one that is still there; = next when there is none */
uint64_t sl_seglog_durable(const sl_seglog *l); /* all up to this number are on the disk */
size_t sl_seglog_waiting(const sl_seglog *l);   /* bytes appended and not durable */
uint64_t sl_seglog_bytes(const sl_seglog *l);   /* on the disk */
/* Why nothing can be written now (it is tried again every second, nothing is lost meanwhile); "" when all is well. */
const char *sl_seglog_trouble(const sl_seglog *l);
const sl_seglog_damage *sl_seglog_damaged(const sl_seglog *l);
/* Records up to this number are not needed any more. */
void sl_seglog_trim(sl_seglog *l, uint64_t upto);

/* ---- reading ---- */
typedef struct sl_seglog_reader sl_seglog_reader;
/* From number `from` on, or the oldest there is. NULL: out of memory. */
sl_seglog_reader *sl_seglog_reader_new(sl_seglog *l, uint64_t from);
/* The next record that is durable, or was there when the log was opened; false: there is none (now). Damage is passed over and counted. */
bool sl_seglog_read(sl_seglog_reader *r, sl_seglog_rec *rec);
void sl_seglog_reader_free(sl_seglog_reader *r);
#endif
