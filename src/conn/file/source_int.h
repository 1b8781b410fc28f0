/* Inside of the file source: what source.c (reading) and position.c (where it is) share. */
#ifndef SL_CONN_FILE_SOURCE_INT_H
#define SL_CONN_FILE_SOURCE_INT_H
#include <uv.h>
#include "base/map.h"
#include "base/vec.h"
#include "conn/file/inside.h"

typedef enum kind { LINES, CSV, WHOLE } kind;

typedef struct seen { /* what a file was when it was read last */
    int64_t mtime_ns, size;
    uint64_t inode;
} seen;
typedef struct noted { /* a notified change */
    int64_t first, last;
} noted;
typedef struct place { /* csv: rows of the file up to a position */
    uint64_t pos, rows;
} place;
typedef struct job { /* a file on the queue, or read and waiting for its rows */
    char *name;      /* in the folder; NULL = the single file */
    seen was;
    uint64_t start, pos; /* before its first message; of its last */
    uint64_t skipped;    /* rows at its beginning that an earlier life gave */
    bool acted;
} job;

struct sl_source {
    sl_source_out *out;
    sl_loop *loop;
    char *path, *move_to, *rule;
    kind kind;
    bool folder, once, paused, closing, watching, late, lasts, started;
    char delimiter;
    bool has_header;
    sl_strs columns;
    sl_str inflate;
    int64_t interval, send_interval, action, ignore_start, ignore_end;
    int64_t next; /* instant of the next tick */
    sl_timer *pump, *tick, *settle, *row_wait;
    union { /* closed by its callback, which frees us: a timer that never ran when nothing is watched */
        uv_handle_t any;
        uv_fs_event_t events;
        uv_timer_t timer;
    } watch;
    sl_map *files;             /* name -> seen */
    sl_map *changed;           /* name -> noted, waiting for quiet of its own */
    SL_VEC(job) queue;         /* files to read; [0] is being read when rd is open */
    SL_VEC(job) read;          /* read, rows not settled yet (for position and action) */
    int64_t from_ns;           /* saved position: files up to here were read … */
    SL_VEC(char *) from_names; /* … and of those of this very time, these */
    struct {                   /* … and of this one, so many rows */
        char *name;            /* NULL: none, or begun */
        seen was;
        uint64_t rows;
    } part;
    SL_VEC(place) places;
    reader *rd;
    char *file; /* full name of the file being read */
    csv *csv;
    SL_VEC(char *) names; /* columns from the header */
    bool header_done;
    uint64_t pos, rows;
    /* csv column -> builder column, while the layout stays */
    const sl_layout *layout;
    bool map_all, map_unique; /* names outside the layout are wanted; no name stands twice */
    SL_VEC(int32_t) map;
    SL_VEC(sl_str) keys; /* names of the columns that go to the tail, in the arena of batch `serial` */
    uint64_t serial;
    sl_fn done;
    void *arg;
};

/* ---- position.c ---- */
sl_err *position_restore(sl_source *s, sl_str from);
/* A file is begun: rows at its beginning that are not to be given, because the position that was restored is behind them. */
uint64_t position_skip(sl_source *s, const job *j);
bool position_of(sl_source *s, uint64_t upto, sl_buf *json);
#endif
