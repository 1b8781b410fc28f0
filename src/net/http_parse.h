/* Inside of net: one HTTP request assembled from bytes, without sockets (the server feeds it, fuzzing too). */
#ifndef SL_NET_HTTP_PARSE_H
#define SL_NET_HTTP_PARSE_H
#include <http_parser.h>
#include "net/http.h"

typedef struct sl_http_span {
    uint32_t name, name_n, value, value_n; /* offsets into head */
} sl_http_span;
typedef struct sl_http_in {
    http_parser p;
    size_t max_head, max_body;
    sl_buf head; /* target, then header names and values, each with a NUL behind */
    uint32_t target_n;
    sl_http_span *spans;
    uint32_t nspans, cap;
    sl_buf body;
    sl_http_header *headers; /* filled by take */
    char *path;
    const char *method;
    bool started, target_done, in_value, head_done, done;
    bool expect;  /* wants "100 Continue"; the server clears it */
    bool upgrade; /* asks for a WebSocket: what follows is not HTTP */
    bool keep_alive, http10;
    int fail; /* status to answer with */
    const char *why;
} sl_http_in;
typedef enum sl_http_fed { SL_HTTP_MORE, SL_HTTP_DONE, SL_HTTP_FAIL } sl_http_fed;
void sl_http_in_init(sl_http_in *in, size_t max_head, size_t max_body);
void sl_http_in_free(sl_http_in *in);
/* Ready for the next request of the connection; keeps small buffers. */
void sl_http_in_next(sl_http_in *in);
/* Takes bytes up to the end of one request; *used tells how many. */
sl_http_fed sl_http_in_feed(sl_http_in *in, const char *p, size_t n, size_t *used);
/* After DONE: fills r with spans into in (valid until next/free). false: bad target or out of memory; in->fail and why tell. */
bool sl_http_in_take(sl_http_in *in, sl_http_req *r);
const char *sl_http_status_text(int status);
#endif
