/* The file connector from inside: settings, the reader of pieces, lines and csv. */
#ifndef SL_CONN_FILE_INSIDE_H
#define SL_CONN_FILE_INSIDE_H
#include "conn/conn.h"

typedef struct file_conf {
    sl_str path, file_type, move_to, delimiter, decompression, format; /* source */
    int64_t interval, send_interval, action, ignore_start, ignore_end;
    bool has_header;
    sl_strs columns;
    /* sink */
    sl_str out_path, out_type, out_delimiter, pattern, compression, encryption, out_format;
    bool out_header;
    sl_strs fields;
    int64_t roll_interval, check_interval, roll_count, roll_size;
} file_conf;

extern const sl_source_ops file_source;
extern const sl_sink_ops file_sink;

/* ---- reading one file in pieces (reader.c) ---- */
typedef enum got {
    GOT_ONE,   /* there is one */
    GOT_LATER, /* this turn's share of reading is used up: call again in another turn */
    GOT_END,   /* nothing more */
    GOT_ERROR  /* *why */
} got;
typedef struct reader reader;
/* inflate: "", gzip, zlib, flate, or for whole files zstd. Skips the first `start` lines and the last `end` ones (lines only). */
sl_err *reader_open(const char *path, sl_str inflate, int64_t start, int64_t end, reader **out);
void reader_close(reader *r);
void reader_turn(reader *r); /* a new turn: a new share */
/* Next line without its end (\n or \r\n), lent until the next call. */
got reader_line(reader *r, sl_str *line, sl_err **why);
/* The whole content, lent until close; GOT_ONE once. */
got reader_whole(reader *r, sl_str *bytes, sl_err **why);

/* ---- csv (csv.c): RFC 4180, fed line by line ---- */
typedef struct csv csv;
csv *csv_new(char delimiter);
void csv_free(csv *c);
/* Feeds one line. GOT_ONE: a record is complete; GOT_LATER: a quoted field goes on in the next line, or the line was empty. */
got csv_line(csv *c, sl_str line, sl_err **why);
/* Is the line a record of its own without any quoting? Then the caller may split it at the delimiters himself (leaving out white space
 * before a field) and say so with csv_pass. */
bool csv_plain(const csv *c, sl_str line);
void csv_pass(csv *c);
got csv_end(csv *c, sl_err **why); /* end of file: GOT_END, or GOT_ERROR inside a quoted field */
uint32_t csv_count(const csv *c);
sl_str csv_field(const csv *c, uint32_t i); /* lent until the next line */
#endif
