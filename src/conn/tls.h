/* Rows of the TLS property family, the same for every connector that speaks TLS. T: conf struct, f: its member of type sl_tls_conf. */
#ifndef SL_CONN_TLS_H
#define SL_CONN_TLS_H
#include "net/stream.h"
#include "spec/spec.h"
#define SL_TLS_ROWS(T, f)                                                                                                                                                          \
    {.name = "insecureSkipVerify",                                                                                                                                                 \
     .type = SL_P_BOOL,                                                                                                                                                            \
     .flags = SL_P_SHARED,                                                                                                                                                         \
     .at = offsetof(T, f.insecure),                                                                                                                                                \
     .def = "false",                                                                                                                                                               \
     .doc = "Do not verify the server's certificate. Only for tests."},                                                                                                            \
        {.name = "certificationPath",                                                                                                                                              \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED,                                                                                                                                                     \
         .at = offsetof(T, f.cert_path),                                                                                                                                           \
         .doc = "Client certificate, a PEM file; relative paths start at the engine's home folder.",                                                                               \
         .example = "certs/client.crt"},                                                                                                                                           \
        {.name = "privateKeyPath",                                                                                                                                                 \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED,                                                                                                                                                     \
         .at = offsetof(T, f.key_path),                                                                                                                                            \
         .doc = "Private key of the client certificate, a PEM file.",                                                                                                              \
         .example = "certs/client.key"},                                                                                                                                           \
        {.name = "rootCaPath",                                                                                                                                                     \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED,                                                                                                                                                     \
         .at = offsetof(T, f.ca_path),                                                                                                                                             \
         .doc = "Certificates to trust, a PEM file; when given, only these are trusted, else those of the system.",                                                                \
         .example = "certs/ca.crt"},                                                                                                                                               \
        {.name = "certificationRaw",                                                                                                                                               \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED | SL_P_ADVANCED,                                                                                                                                     \
         .at = offsetof(T, f.cert_raw),                                                                                                                                            \
         .doc = "Client certificate as base64 of the PEM text; the path wins when both are given."},                                                                               \
        {.name = "privateKeyRaw",                                                                                                                                                  \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED | SL_P_SECRET | SL_P_ADVANCED,                                                                                                                       \
         .at = offsetof(T, f.key_raw),                                                                                                                                             \
         .doc = "Private key as base64 of the PEM text."},                                                                                                                         \
        {.name = "rootCARaw", .type = SL_P_STR, .flags = SL_P_SHARED | SL_P_ADVANCED, .at = offsetof(T, f.ca_raw), .doc = "Certificates to trust as base64 of the PEM text."},     \
        {.name = "tlsMinVersion",                                                                                                                                                  \
         .type = SL_P_STR,                                                                                                                                                         \
         .flags = SL_P_SHARED | SL_P_ADVANCED,                                                                                                                                     \
         .at = offsetof(T, f.min_version),                                                                                                                                         \
         .def = "tls1.2",                                                                                                                                                          \
         .doc = "Oldest TLS version to speak: tls1.0, tls1.1, tls1.2 or tls1.3; anything else counts as tls1.2.",                                                                  \
         .example = "tls1.3"},                                                                                                                                                     \
        {.name = "renegotiationSupport", .type = SL_P_REFUSED, .flags = SL_P_ADVANCED, .def = "never", .doc = "TLS renegotiation is not offered; TLS 1.3 has none."},              \
        {.name = "decrypt", .type = SL_P_REFUSED, .flags = SL_P_ADVANCED, .doc = "encrypted key material is not offered; protect the files or use ${file:…} instead."}, {          \
        .name = "tls", .type = SL_P_REFUSED, .flags = SL_P_ADVANCED, .def = "", .doc = "server-wide TLS options are not offered; give certificate, key and CA here."               \
    }
/* Makes the paths in c absolute, relative ones under home. paths: what was allocated, the owner frees all three. false: out of memory. */
bool sl_tls_absolute(sl_tls_conf *c, const char *home, char *paths[3]);
#endif
