/* HTTP without opinions: a server (http-parser on libuv streams) with a callback per complete request, streaming answers (SSE), upgrade
 * to WebSocket (wslay), and a client (libcurl multi, in a module loaded on first use). */
#ifndef SL_NET_HTTP_H
#define SL_NET_HTTP_H
#include "base/err.h"
#include "base/str.h"
#include "os/loop.h"

typedef struct sl_http_server sl_http_server;
typedef struct sl_http_req sl_http_req;
typedef struct sl_http_header {
    sl_str name, value;
} sl_http_header;
struct sl_http_req {       /* lent to the handler until it answers */
    sl_str method, target; /* target as sent */
    char *path;            /* decoded path, NUL-terminated */
    sl_str query;          /* behind '?', raw */
    const sl_http_header *headers;
    uint32_t nheaders;
    sl_str body;      /* whole body (de-chunked) */
    const char *peer; /* address text */
    void *conn;       /* server's */
    bool keep_alive;
    /* A request that was made here instead of being received (one of a batch): the whole answer goes here; type and extra may be NULL. */
    void (*answer)(sl_http_req *r, int status, const char *type, sl_str body, const char *extra);
    void *answer_arg;
};
typedef struct sl_http_opts {
    size_t max_body;                /* 0 = 64 MiB; beyond: 413 and the connection closes */
    size_t max_head;                /* 0 = 64 KiB; beyond: 431 */
    uint32_t max_conns;             /* 0 = 4096 */
    int64_t idle_ms;                /* 0 = 60 s: head or body not complete in time -> 408 */
    bool close_each;                /* answer with Connection: close (eKuiper's REST does) */
    const char *tls_cert, *tls_key; /* both NULL = plain */
} sl_http_opts;
/* The handler runs on the loop for each complete request and must answer once (at once or later, see the calls below). */
typedef void (*sl_http_handler)(void *arg, sl_http_req *r);
/* port 0 = any free one. */
sl_err *sl_http_listen(sl_loop *l, const char *ip, int port, const sl_http_opts *o, sl_http_handler h, void *arg, sl_http_server **out);
int sl_http_port(const sl_http_server *s);
void sl_http_close(sl_http_server *s, sl_fn done, void *arg); /* stops listening, ends connections after running answers */
/* Answers whole. extra: more header lines ("Name: value\r\n"…) or NULL. Frees r. type NULL = none. */
void sl_http_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra);
/* The same with what a page of another origin needs, when the request came from one. */
void sl_cors_reply(sl_http_req *r, int status, const char *type, sl_str body, const char *extra);
/* Answers an OPTIONS request; false: it is none. */
bool sl_cors_preflight(sl_http_req *r);
/* Streaming answer (of received requests): begin, then parts (chunked), then end. closed(arg) when the client went away first. Stream handle valid until end or closed. */
typedef struct sl_http_stream sl_http_stream;
sl_http_stream *sl_http_begin(sl_http_req *r, int status, const char *type, const char *extra, sl_fn closed, void *arg);
bool sl_http_part(sl_http_stream *s, sl_str bytes); /* false: client too slow, more than 1 MiB waiting; the part was dropped */
void sl_http_end(sl_http_stream *s);
const char *sl_http_header_get(const sl_http_req *r, const char *name, sl_str *out); /* case-insensitive; NULL when absent */
/* Percent-decoding; plus: '+' is a space. false on a bad escape. */
bool sl_http_unescape(sl_buf *out, sl_str s, bool plus);
bool sl_http_query_get(const sl_http_req *r, const char *name, sl_buf *out); /* decoded; false when absent */

/* WebSocket on a request that asks for it. */
typedef struct sl_ws sl_ws;
typedef struct sl_ws_ops {
    void (*message)(void *arg, sl_ws *w, sl_str bytes, bool text);
    void (*closed)(void *arg, sl_ws *w);   /* w is gone after this; sl_ws_why may be asked inside */
    void (*opened)(void *arg, sl_ws *w);   /* dialled ones: the handshake is through */
    void (*writable)(void *arg, sl_ws *w); /* dialled ones: what was sent went out; may be NULL */
} sl_ws_ops;
bool sl_ws_wanted(const sl_http_req *r);
sl_ws *sl_ws_accept(sl_http_req *r, const sl_ws_ops *ops, void *arg); /* answers 101, frees r; NULL: answered 400 */
/* Client side. headers: further request headers. All results come by callback. */
typedef struct sl_ws_dial {
    const char *host;
    int port;
    sl_str path; /* with query */
    const sl_http_header *headers;
    uint32_t nheaders;
    const struct sl_tls_conf *tls; /* NULL = ws, else wss */
    int64_t timeout_ms;            /* for connecting and handshake; 0 = 3 s */
} sl_ws_dial;
sl_err *sl_ws_open(sl_loop *l, const sl_ws_dial *d, const sl_ws_ops *ops, void *arg, sl_ws **out);
const char *sl_ws_why(const sl_ws *w);              /* why it ended, "" by the peer's wish */
void sl_ws_pause(sl_ws *w, bool pause);             /* stop reading; what was read already may still come */
bool sl_ws_send(sl_ws *w, sl_str bytes, bool text); /* false: too much is waiting; dropped */
size_t sl_ws_waiting(sl_ws *w);                     /* bytes not yet taken by the socket */
void sl_ws_close(sl_ws *w);                         /* says goodbye; no closed() afterwards */

/* Multipart form data of a complete body. */
typedef struct sl_part {
    sl_str name, filename, body;
} sl_part;
bool sl_multipart(const sl_http_req *r, sl_part *parts, uint32_t max, uint32_t *n); /* spans into r->body */

/* The shared data server as push connectors see it: mounts of exact paths (or path prefixes ending in '/'). Handlers run on the server's loop. */
typedef struct sl_http_mount sl_http_mount;
sl_http_mount *sl_mount_new(sl_loop *l); /* the server's loop */
/* Takes path+method; refused when taken. The handler runs on the server's loop. @on any. */
sl_err *sl_mount_add(sl_http_mount *m, sl_str method, sl_str path, sl_http_handler h, void *arg);
void sl_mount_del(sl_http_mount *m, sl_str method, sl_str path); /* @on any; once it returned the handler does not run any more */
/* arg of the endpoint when path+method is mounted with exactly h, else NULL. @on the server's loop, to share an endpoint. */
void *sl_mount_find(sl_http_mount *m, sl_str method, sl_str path, sl_http_handler h);
void sl_mount_serve(sl_http_mount *m, sl_http_req *r); /* 404 when nobody has it */
sl_loop *sl_mount_loop(sl_http_mount *m);
void sl_mount_free(sl_http_mount *m); /* after the server closed */

/* ---- client ---- */
typedef struct sl_http_field { /* one part; filename "" = a plain field */
    sl_str name, value, filename, type;
} sl_http_field;
typedef enum sl_http_fault {
    SL_HTTP_FINE,
    SL_HTTP_REFUSED,
    SL_HTTP_RESET,
    SL_HTTP_TIMEOUT,
    SL_HTTP_EOF,
    SL_HTTP_DNS,
    SL_HTTP_TLS,
    SL_HTTP_PRIVATE,
    SL_HTTP_TOOBIG,
    SL_HTTP_BADCALL,
    SL_HTTP_OTHER
} sl_http_fault;
typedef struct sl_http_call {
    sl_str method, url, body;
    const sl_http_header *headers;
    uint32_t nheaders;
    int64_t timeout_ms; /* 0 = 5 s, negative = none */
    bool insecure;      /* skip TLS verification */
    const char *ca_path, *cert_path, *key_path;
    sl_str ca_pem, cert_pem, key_pem; /* the same as PEM text; paths win */
    int tls_min;                      /* 10, 11, 12, 13; 0 = 12 */
    const sl_http_field *form;        /* multipart/form-data instead of body */
    uint32_t nform;
    size_t max_body; /* 0 = 16 MiB */
    bool decode;     /* ask for compressed answers and decode them (max_body counts decoded bytes) */
    bool no_private; /* refuse loopback, private and link-local addresses */
} sl_http_call;
typedef struct sl_http_result {
    int status; /* 0: no answer, see error and fault */
    sl_http_fault fault;
    sl_str headers, body, error; /* headers: of the last answer, "Name: value\r\n"… */
} sl_http_result;
typedef struct sl_http_client sl_http_client;                 /* connections are kept alive per client */
sl_err *sl_http_client_new(sl_loop *l, sl_http_client **out); /* loads the module; error names the missing package */
/* Copies what it needs; done comes on the loop, result lent during it. */
void sl_http_do(sl_http_client *c, const sl_http_call *call, void (*done)(void *arg, const sl_http_result *r), void *arg);
void sl_http_client_free(sl_http_client *c); /* running calls are answered with an error */
#endif
