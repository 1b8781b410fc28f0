/* Inside of conn/http: what the rest sink and the httppull source share: properties, header building, TLS, the OAuth token. */
#ifndef SL_CONN_HTTP_COMMON_H
#define SL_CONN_HTTP_COMMON_H
#include "conn/conn.h"
#include "net/http.h"

typedef struct sl_httpconf {
    sl_str url, method, body_type, body, response_type, compression, format, file_field, encryption;
    sl_json *headers, *form, *oauth, *states;
    int64_t timeout_ns, interval_ns;
    bool incremental, debug_resp, insecure;
    sl_str cert_path, key_path, ca_path, cert_raw, key_raw, ca_raw, tls_min;
} sl_httpconf;
/* Rows of the TLS family for a table over sl_httpconf. */
#define SL_HTTP_TLS_ROWS(W)                                                                                                                                                        \
    {.name = "insecureSkipVerify",                                                                                                                                                 \
     .type = SL_P_BOOL,                                                                                                                                                            \
     .flags = (W),                                                                                                                                                                 \
     SL_AT(sl_httpconf, insecure),                                                                                                                                                 \
     .def = "false",                                                                                                                                                               \
     .doc = "Do not verify the server's certificate.",                                                                                                                             \
     .example = "true"},                                                                                                                                                           \
        {.name = "certificationPath",                                                                                                                                              \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = (W),                                                                                                                                                             \
         SL_AT(sl_httpconf, cert_path),                                                                                                                                            \
         .doc = "PEM file of the client certificate; relative to the program's home.",                                                                                             \
         .example = "etc/client.pem"},                                                                                                                                             \
        {.name = "privateKeyPath", .type = SL_P_STR, .flags = (W), SL_AT(sl_httpconf, key_path), .doc = "PEM file of the client key.", .example = "etc/client.key"},               \
        {.name = "rootCaPath",                                                                                                                                                     \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = (W),                                                                                                                                                             \
         SL_AT(sl_httpconf, ca_path),                                                                                                                                              \
         .doc = "PEM file of the trusted CAs; only they are trusted then.",                                                                                                        \
         .example = "etc/ca.pem"},                                                                                                                                                 \
        {.name = "certificationRaw",                                                                                                                                               \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = (W),                                                                                                                                                             \
         SL_AT(sl_httpconf, cert_raw),                                                                                                                                             \
         .doc = "Client certificate, base64 of the PEM text.",                                                                                                                     \
         .example = "LS0tLS1CRUdJTi…"},                                                                                                                                            \
        {.name = "privateKeyRaw",                                                                                                                                                  \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = (W) | SL_P_SECRET,                                                                                                                                               \
         SL_AT(sl_httpconf, key_raw),                                                                                                                                              \
         .doc = "Client key, base64 of the PEM text.",                                                                                                                             \
         .example = "LS0tLS1CRUdJTi…"},                                                                                                                                            \
        {.name = "rootCARaw", .type = SL_P_STR, .flags = (W), SL_AT(sl_httpconf, ca_raw), .doc = "Trusted CAs, base64 of the PEM text.", .example = "LS0tLS1CRUdJTi…"},            \
        {.name = "tlsMinVersion",                                                                                                                                                  \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = (W),                                                                                                                                                             \
         SL_AT(sl_httpconf, tls_min),                                                                                                                                              \
         .def = "tls1.2",                                                                                                                                                          \
         .doc = "Least TLS version: tls1.0, tls1.1, tls1.2, tls1.3; anything else means 1.2.",                                                                                     \
         .example = "tls1.3"},                                                                                                                                                     \
        {.name = "renegotiationSupport", .type = SL_P_REFUSED, .flags = (W), .def = "never", .doc = "TLS renegotiation is not offered; TLS 1.3 has none."},                        \
        {.name = "decrypt", .type = SL_P_REFUSED, .flags = (W), .doc = "Encrypted key material is not offered; use file permissions or ${file:} instead."}, {                      \
        .name = "tls", .type = SL_P_REFUSED, .flags = (W), .def = "", .doc = "Server-wide TLS options are not offered; give the certificate here."                                 \
    }

/* What is checked without contacting anybody; url: after appending a path. */
sl_err *sl_httpconf_check(const sl_httpconf *c, sl_str url);
/* The body type in force and the Content-Type it sends ("" = none). */
sl_str sl_httpconf_body_type(const sl_httpconf *c);
const char *sl_http_content_type(sl_str body_type);
/* Fills the constant parts of a call (method in capitals, timeout, TLS); memory from a. */
sl_err *sl_httpconf_call(const sl_httpconf *c, const sl_conn_env *env, sl_arena *a, sl_http_call *call);
/* Text with what a URL must not hold percent-encoded. */
sl_str sl_http_url(sl_arena *a, sl_str url);

/* ---- OAuth ---- */
typedef struct sl_oauth sl_oauth;
/* conf: the `oauth` property; *out NULL when there is none (or no access URL). */
sl_err *sl_oauth_new(const sl_httpconf *c, const sl_conn_env *env, sl_http_client *client, sl_oauth **out);
/* Checks the property alone. */
sl_err *sl_oauth_check(const sl_httpconf *c);
void sl_oauth_free(sl_oauth *o);        /* NULL is fine; not while a fetch runs: end the client first */
bool sl_oauth_has(const sl_oauth *o);   /* a token is there */
bool sl_oauth_stale(const sl_oauth *o); /* half of its life is over */
/* Gets the first token, or refreshes. done(arg, why): NULL on success. */
void sl_oauth_fetch(sl_oauth *o, void (*done)(void *arg, const char *why), void *arg);
/* Data templates over a tree (data/template.h). render: root NULL = text unchanged; what fails is logged and stays as it is. */
sl_err *sl_http_template_check(sl_str text);
sl_str sl_http_render(const sl_json *root, sl_arena *a, sl_str text);
/* text rendered with the token; o may be NULL (text unchanged). */
sl_str sl_oauth_render(const sl_oauth *o, sl_arena *a, sl_str text);
#endif
