/* Results of a statement as they come: a trial run of the daemon, its events, and the ways to show them. Inside cli only. */
#ifndef SL_CLI_LIVE_H
#define SL_CLI_LIVE_H
#include "cli/cli.h"
enum { LIVE_RENEW_S = 60 }; /* the daemon forgets a trial run that nobody asks for in five minutes */
typedef struct live {
    cli *c;
    char id[64]; /* of the trial run */
    bool trial;  /* it exists */
    int fd;      /* the event stream, -1 none */
    sl_buf in;
    int code;
    long left;                                   /* results still wanted, below 0: without end */
    long shown;                                  /* results of this statement */
    bool table;                                  /* aligned columns */
    void (*seen)(void *arg, const sl_json *row); /* told of the first rows; may be NULL */
    void *seen_arg;
    sl_arena *names;
    sl_str cols[24];
    size_t width[24], ncols;
} live;
void live_begin(live *s, cli *c, bool table);
void live_end(live *s);
/* Starts a statement; false: said what is wrong, code tells. What ran before ends. */
bool live_start(live *s, sl_str sql);
/* Shows what came; false: the stream ended. */
bool live_results(live *s);
bool live_renew(live *s); /* every LIVE_RENEW_S; false: the run is no more */
void live_stop(live *s);
size_t cli_columns(sl_str s); /* a text takes on a terminal */
size_t cli_screen(void);      /* columns of the terminal, 80 when there is none */
#endif
