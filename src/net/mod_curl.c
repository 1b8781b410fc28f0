/* HTTP client on libcurl's multi interface, driven by the loop's poller. Module: the daemon is 3 MB smaller until somebody calls out.
 * Decision: results are delivered from a zero timer, never inside of call(), so a caller may start the next call from his done(). */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>
#include <uv.h>
#include "net/http_client.h"
#include "os/module.h"

SL_MODULE_STAMP

typedef struct job {
    struct job *prev, *next;
    sl_http_client *c;
    CURL *easy;
    struct curl_slist *headers;
    curl_mime *form;
    sl_buf head, body, send;
    size_t max_body;
    bool no_private, too_big, started;
    char denied[INET6_ADDRSTRLEN];
    char error[CURL_ERROR_SIZE];
    const char *bad; /* refused before it was sent */
    void (*done)(void *arg, const sl_http_result *r);
    void *arg;
} job;
typedef struct sock {
    uv_poll_t poll;
    sl_http_client *c;
    curl_socket_t fd;
} sock;
struct sl_http_client {
    CURLM *multi;
    uv_loop_t *uv;
    uv_timer_t timer, kick;
    job *jobs;    /* running */
    job *refused; /* to be answered at the next turn */
    CURL *spare[8];
    int nspare, handles;
    bool closing, telling;
};

/* ---- poller ---- */
static void reap(sl_http_client *c);
static void on_poll(uv_poll_t *p, int status, int events) {
    sock *s = p->data;
    sl_http_client *c = s->c;
    int what = status < 0 ? CURL_CSELECT_ERR : (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0), running;
    curl_multi_socket_action(c->multi, s->fd, what, &running);
    reap(c);
}
static void on_time(uv_timer_t *t) {
    sl_http_client *c = t->data;
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(c);
}
static int set_timer(CURLM *m, long ms, void *arg) {
    sl_http_client *c = arg;
    if (c->closing)
        return 0;
    if (ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_time, (uint64_t)ms, 0); /* 0 too: curl must not be entered from its own callback */
    return 0;
}
static void client_gone(uv_handle_t *h) {
    sl_http_client *c = h->data;
    if (--c->handles == 0)
        free(c);
}
static void sock_gone(uv_handle_t *h) {
    sock *s = h->data;
    sl_http_client *c = s->c;
    free(s);
    if (--c->handles == 0)
        free(c);
}
static int set_socket(CURL *e, curl_socket_t fd, int what, void *arg, void *sp) {
    sl_http_client *c = arg;
    sock *s = sp;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *)&s->poll, sock_gone);
            curl_multi_assign(c->multi, fd, NULL);
        }
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s || uv_poll_init_socket(c->uv, &s->poll, fd) < 0) {
            free(s);
            return -1;
        }
        s->poll.data = s;
        s->c = c;
        s->fd = fd;
        c->handles++;
        curl_multi_assign(c->multi, fd, s);
    }
    uv_poll_start(&s->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0), on_poll);
    return 0;
}

/* ---- one call ---- */
static size_t on_header(char *p, size_t one, size_t n, void *arg) {
    job *j = arg;
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) { /* a new answer (redirect, 100 Continue): forget the former */
        sl_buf_clear(&j->head);
        sl_buf_clear(&j->body);
    } else if (n > 2 && j->head.n < 256 * 1024)
        sl_buf_put(&j->head, p, n);
    return n;
}
static size_t on_body(char *p, size_t one, size_t n, void *arg) {
    job *j = arg;
    if (n > j->max_body - j->body.n) {
        j->too_big = true;
        return 0;
    }
    sl_buf_put(&j->body, p, n);
    return j->body.failed ? 0 : n;
}
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    job *j = arg;
    if (j->no_private && sl_http_addr_internal(&a->addr)) {
        if (a->family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)&a->addr)->sin_addr, j->denied, sizeof j->denied);
        else if (a->family == AF_INET6)
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a->addr)->sin6_addr, j->denied, sizeof j->denied);
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}
static void job_free(job *j) {
    sl_http_client *c = j->c;
    if (j->easy) {
        curl_easy_reset(j->easy);
        if (c->nspare < 8 && !c->closing)
            c->spare[c->nspare++] = j->easy;
        else
            curl_easy_cleanup(j->easy);
    }
    curl_slist_free_all(j->headers);
    curl_mime_free(j->form);
    sl_buf_free(&j->head);
    sl_buf_free(&j->body);
    sl_buf_free(&j->send);
    free(j);
}
static void unlink_job(sl_http_client *c, job *j) {
    if (j->started)
        *(j->prev ? &j->prev->next : &c->jobs) = j->next;
    if (j->started && j->next)
        j->next->prev = j->prev;
}
static sl_http_fault fault_of(const job *j, CURLcode rc) {
    long os = 0;
    curl_easy_getinfo(j->easy, CURLINFO_OS_ERRNO, &os);
    switch (rc) {
    case CURLE_OPERATION_TIMEDOUT: return SL_HTTP_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST: return SL_HTTP_DNS;
    case CURLE_COULDNT_CONNECT: return os == ETIMEDOUT ? SL_HTTP_TIMEOUT : SL_HTTP_REFUSED;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return SL_HTTP_EOF;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return SL_HTTP_RESET;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: return SL_HTTP_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL: return strstr(j->error, "HTTP/0.9") ? SL_HTTP_OTHER : SL_HTTP_BADCALL; /* an answer that is not HTTP has the same code */
    case CURLE_URL_MALFORMAT: return SL_HTTP_BADCALL;
    default: return SL_HTTP_OTHER;
    }
}
/* curl keeps its first text. When the server is gone before curl has asked for its address, that is a remark about the address, and what happened is not said at all:
 * with TLS 1.3 a server that misses a client certificate finds out after the client's handshake is over. */
static const char *reason(const job *j, CURLcode rc) {
    static const char address[] = "getpeername()";
    if (strncmp(j->error, address, sizeof address - 1) != 0)
        return j->error[0] ? j->error : curl_easy_strerror(rc);
    const char *scheme = NULL;
    curl_easy_getinfo(j->easy, CURLINFO_SCHEME, &scheme);
    return scheme && strcasecmp(scheme, "https") == 0 ? "the server closed the connection right after the TLS handshake; it may require a client certificate"
                                                      : "the server closed the connection as soon as it was made";
}
static void finish(job *j, CURLcode rc) {
    sl_http_client *c = j->c;
    sl_http_result r = {.headers = sl_buf_view(&j->head), .body = sl_buf_view(&j->body)};
    char text[160];
    long status = 0;
    if (j->denied[0]) {
        snprintf(text, sizeof text, "ip %s is in internal network", j->denied);
        r = (sl_http_result){.fault = SL_HTTP_PRIVATE, .error = sl_str_of(text)};
    } else if (j->too_big) {
        snprintf(text, sizeof text, "response body is larger than %zu bytes", j->max_body);
        r = (sl_http_result){.fault = SL_HTTP_TOOBIG, .error = sl_str_of(text)};
    } else if (rc != CURLE_OK) {
        r = (sl_http_result){.fault = fault_of(j, rc), .error = sl_str_of(reason(j, rc))};
    } else {
        curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
        r.status = (int)status;
    }
    unlink_job(c, j);
    curl_multi_remove_handle(c->multi, j->easy);
    j->done(j->arg, &r);
    job_free(j);
}
static void client_end(sl_http_client *c);
static void reap(sl_http_client *c) {
    if (c->telling)
        return;
    c->telling = true;
    CURLMsg *m;
    int left;
    while (!c->closing && (m = curl_multi_info_read(c->multi, &left)))
        if (m->msg == CURLMSG_DONE) {
            CURLcode rc = m->data.result;
            job *j;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&j);
            finish(j, rc);
        }
    c->telling = false;
    if (c->closing)
        client_end(c);
}
static void on_kick(uv_timer_t *t) {
    sl_http_client *c = t->data;
    c->telling = true;
    while (c->refused && !c->closing) {
        job *j = c->refused;
        c->refused = j->next;
        sl_http_result r = {.fault = SL_HTTP_BADCALL, .error = sl_str_of(j->bad)};
        j->done(j->arg, &r);
        job_free(j);
    }
    c->telling = false;
    if (c->closing)
        client_end(c);
}
static bool clean(sl_str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 && s.p[i] != '\t')
            return false;
    return true;
}
static void add_header(job *j, sl_buf *b, sl_str name, sl_str value) {
    sl_buf_clear(b);
    if (value.n)
        sl_buf_printf(b, "%.*s: %.*s", SL_FMT(name), SL_FMT(value));
    else
        sl_buf_printf(b, "%.*s;", SL_FMT(name)); /* curl's way to send an empty value */
    struct curl_slist *l = curl_slist_append(j->headers, sl_buf_cstr(b));
    if (l)
        j->headers = l;
}
static void blob(CURL *e, CURLoption opt, sl_str pem) {
    struct curl_blob bl = {.data = (void *)(uintptr_t)pem.p, .len = pem.n, .flags = CURL_BLOB_COPY};
    curl_easy_setopt(e, opt, &bl);
}
static void set_tls(CURL *e, const sl_http_call *call) {
    static const long least[] = {CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3};
    int min = call->tls_min >= 10 && call->tls_min <= 13 ? call->tls_min : 12;
    curl_easy_setopt(e, CURLOPT_SSLVERSION, least[min - 10]);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, call->insecure ? 0L : 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, call->insecure ? 0L : 2L);
    if (call->ca_path && *call->ca_path)
        curl_easy_setopt(e, CURLOPT_CAINFO, call->ca_path);
    else if (call->ca_pem.n)
        blob(e, CURLOPT_CAINFO_BLOB, call->ca_pem);
    if (call->cert_path && *call->cert_path)
        curl_easy_setopt(e, CURLOPT_SSLCERT, call->cert_path);
    else if (call->cert_pem.n)
        blob(e, CURLOPT_SSLCERT_BLOB, call->cert_pem);
    if (call->key_path && *call->key_path)
        curl_easy_setopt(e, CURLOPT_SSLKEY, call->key_path);
    else if (call->key_pem.n)
        blob(e, CURLOPT_SSLKEY_BLOB, call->key_pem);
}
static void set_form(job *j, const sl_http_call *call, sl_buf *b) {
    j->form = curl_mime_init(j->easy);
    for (uint32_t i = 0; i < call->nform; i++) {
        const sl_http_field *f = &call->form[i];
        curl_mimepart *p = curl_mime_addpart(j->form);
        sl_buf_clear(b);
        sl_buf_str(b, f->name);
        curl_mime_name(p, sl_buf_cstr(b));
        curl_mime_data(p, f->value.n ? f->value.p : "", f->value.n);
        sl_buf_clear(b);
        sl_buf_str(b, f->filename);
        if (f->filename.n)
            curl_mime_filename(p, sl_buf_cstr(b));
        sl_buf_clear(b);
        sl_buf_str(b, f->type);
        if (f->type.n)
            curl_mime_type(p, sl_buf_cstr(b));
    }
    curl_easy_setopt(j->easy, CURLOPT_MIMEPOST, j->form);
}
static const char *prepare(job *j, const sl_http_call *call) {
    if (!call->url.n || !clean(call->url) || !clean(call->method))
        return "the URL or method is empty or holds control characters";
    for (uint32_t i = 0; i < call->nheaders; i++)
        if (!call->headers[i].name.n || !clean(call->headers[i].name) || !clean(call->headers[i].value))
            return "a header holds control characters";
    CURL *e = j->easy;
    sl_buf b = {0};
    bool typed = false;
    for (uint32_t i = 0; i < call->nheaders; i++) {
        typed |= sl_str_ieq(call->headers[i].name, SL_S("content-type"));
        add_header(j, &b, call->headers[i].name, call->headers[i].value);
    }
    struct curl_slist *l = curl_slist_append(j->headers, "Expect:");
    j->headers = l ? l : j->headers;
    if (!typed && !call->nform && (l = curl_slist_append(j->headers, "Content-Type:")))
        j->headers = l;
    sl_buf_clear(&b);
    sl_buf_str(&b, call->url);
    curl_easy_setopt(e, CURLOPT_URL, sl_buf_cstr(&b));
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(e, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "sluice/" SL_VERSION);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, call->timeout_ms < 0 ? 0L : (long)(call->timeout_ms ? call->timeout_ms : 5000));
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, j->headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, j->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, j);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, j);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, j);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, j);
    if (call->decode)
        curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, ""); /* all it was built with */
    if (call->no_private)                                 /* a pooled connection would not be asked again, and a proxy would hide the peer */
        curl_easy_setopt(e, CURLOPT_PROXY, "");
    set_tls(e, call);
    bool get = sl_str_is(call->method, "GET"), head = sl_str_is(call->method, "HEAD"), post = sl_str_is(call->method, "POST");
    if (call->nform)
        set_form(j, call, &b);
    else if (post || call->body.n) {
        sl_buf_str(&j->send, call->body);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)j->send.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, j->send.n ? j->send.p : "");
    }
    if (head)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (get && !call->body.n && !call->nform)
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    else if (!post) {
        sl_buf_clear(&b);
        sl_buf_str(&b, call->method);
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, sl_buf_cstr(&b));
    }
    bool failed = b.failed || j->send.failed;
    sl_buf_free(&b);
    return failed ? "out of memory" : NULL;
}
static void no_memory(void (*done)(void *arg, const sl_http_result *r), void *arg) {
    sl_http_result r = {.fault = SL_HTTP_OTHER, .error = SL_S("out of memory")};
    done(arg, &r);
}
static void client_call(sl_http_client *c, const sl_http_call *call, void (*done)(void *arg, const sl_http_result *r), void *arg) {
    job *j = calloc(1, sizeof *j);
    if (!j) {
        no_memory(done, arg);
        return;
    }
    j->c = c;
    j->done = done;
    j->arg = arg;
    j->max_body = call->max_body ? call->max_body : 16u << 20;
    j->no_private = call->no_private;
    j->easy = c->nspare ? c->spare[--c->nspare] : curl_easy_init();
    j->bad = !j->easy ? "out of memory" : c->closing ? "the client is closing" : prepare(j, call);
    if (!j->bad && curl_multi_add_handle(c->multi, j->easy) != CURLM_OK)
        j->bad = "out of memory";
    if (j->bad) {
        j->next = c->refused;
        c->refused = j;
        if (!c->closing)
            uv_timer_start(&c->kick, on_kick, 0, 0);
        return;
    }
    j->started = true;
    j->next = c->jobs;
    if (j->next)
        j->next->prev = j;
    c->jobs = j;
}
static sl_err *client_make(sl_loop *l, sl_http_client **out) {
    static bool ready; /* under the module loader's first call; curl's own initialiser is thread safe since 7.84 */
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sl_err_new(SL_E_IO, "libcurl cannot be initialised");
    ready = true;
    sl_http_client *c = calloc(1, sizeof *c);
    if (!c || !(c->multi = curl_multi_init())) {
        free(c);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    c->uv = sl_loop_uv(l);
    uv_timer_init(c->uv, &c->timer);
    uv_timer_init(c->uv, &c->kick);
    c->timer.data = c->kick.data = c;
    c->handles = 2;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    *out = c;
    return NULL;
}
static void client_end(sl_http_client *c) {
    static const sl_http_result ended = {.fault = SL_HTTP_OTHER, .error = {"the client was closed", 21}};
    while (c->jobs || c->refused) {
        job *j = c->jobs ? c->jobs : c->refused;
        if (j->started) {
            unlink_job(c, j);
            curl_multi_remove_handle(c->multi, j->easy);
        } else
            c->refused = j->next;
        j->done(j->arg, &ended);
        job_free(j);
    }
    for (int i = 0; i < c->nspare; i++)
        curl_easy_cleanup(c->spare[i]);
    curl_multi_cleanup(c->multi); /* closes pooled connections: set_socket(REMOVE) closes their pollers */
    uv_close((uv_handle_t *)&c->timer, client_gone);
    uv_close((uv_handle_t *)&c->kick, client_gone);
}
static void client_free(sl_http_client *c) {
    if (c->closing)
        return;
    c->closing = true;
    if (!c->telling) /* else when the running callback has returned */
        client_end(c);
}
extern const sl_http_client_table sl_http_curl;
const sl_http_client_table sl_http_curl = {client_make, client_call, client_free};
