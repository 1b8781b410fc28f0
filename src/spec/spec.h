/* A property is described once. Validation, docs, REST metadata, Connect's ConfigDef, forms and masking derive from the row. There is no
 * second way to read a setting: connectors, codecs, rule options and the daemon's own settings all use it.
 *
 * Binding follows upstream: exact key first, else case-insensitive; no weak typing (a string target takes only
 * a string …); null = absent. Errors are collected and reported together, naming property, found and expected. */
#ifndef SL_SPEC_SPEC_H
#define SL_SPEC_SPEC_H
#include <stddef.h>
#include "base/err.h"
#include "data/json.h"

typedef enum sl_ptype {
    SL_P_END = 0,
    SL_P_STR,    /* sl_str */
    SL_P_INT,    /* int64_t */
    SL_P_FLOAT,  /* double */
    SL_P_BOOL,   /* bool */
    SL_P_DUR,    /* int64_t ns; text as Go duration, number = ms */
    SL_P_STRS,   /* sl_strs */
    SL_P_JSON,   /* sl_json * : any tree (maps, lists) */
    SL_P_GROUP,  /* nested rows .of, stored in place at .at; keys stay flat in eKuiper's JSON */
    SL_P_REFUSED /* known upstream, refused here with .doc as reason (only when set to something else than .def) */
} sl_ptype;
enum {
    SL_P_REQUIRED = 1,
    SL_P_SHARED = 2,   /* belongs to a pooled connection */
    SL_P_SECRET = 4,   /* masked on read */
    SL_P_TEMPLATE = 8, /* may be a data template, rendered per message */
    SL_P_SOURCE = 16,
    SL_P_SINK = 32,
    SL_P_LOOKUP = 64, /* where it applies; none = everywhere */
    SL_P_ADVANCED = 128
};
typedef struct sl_strs {
    sl_str *at;
    uint32_t n;
} sl_strs;
typedef struct sl_prop {
    const char *name; /* eKuiper's key */
    uint8_t type;
    uint16_t flags;
    size_t at;           /* offset into the conf struct */
    const char *def;     /* default as text (JSON for STRS/JSON); NULL = zero */
    double min, max;     /* INT, FLOAT, DUR(ms); both 0 = no limit */
    const char *choices; /* "a|b|c" for STR */
    const struct sl_prop *of;
    const char *alias; /* second key upstream accepts */
    const char *kc;    /* Kafka Connect's key when it differs */
    const char *doc, *example;
} sl_prop;
#define SL_AT(T, f) .at = offsetof(T, f)

/* Fills conf (conf_size bytes, zeroed first) from a JSON object: defaults, then values. All errors at once, code CONF:
 * "2 error(s) decoding:\n\n* 'qos' expected …" as upstream's, with the property named. Unknown keys are ignored (as upstream) and, when
 * unknown is not NULL, listed there comma-separated for a warning. Strings live in a. where: SL_P_SOURCE/SINK/LOOKUP. */
sl_err *sl_spec_load(const sl_prop *rows, int where, const sl_json *props, sl_arena *a, void *conf, sl_buf *unknown);
/* The same from flat text pairs (Connect, CLI). */
sl_err *sl_spec_load_flat(const sl_prop *rows, int where, const sl_json *flat, sl_arena *a, void *conf, sl_buf *unknown);
/* Copy of a property object with secrets masked ("******"); unmask puts the old secret back where the new text is the mask. */
sl_json *sl_spec_mask(sl_arena *a, const sl_prop *rows, const sl_json *props);
sl_json *sl_spec_unmask(sl_arena *a, const sl_prop *rows, const sl_json *fresh, const sl_json *old);
/* A value in Go's words: map[a:1 b:[x y]]; what Go says of a duration that does not read. */
void sl_spec_show(sl_buf *out, const sl_json *v);
void sl_dur_fault(sl_buf *out, sl_str s);
/* Start-up self check of a table (name clash, default in range, doc present): NULL or what is wrong. */
sl_err *sl_spec_lint(const char *owner, const sl_prop *rows, size_t conf_size);
/* Field descriptions for forms: [{"name","default","type","control","connection_related","optional","values","hint","label"}].
 * shared: only rows of connections. values: what is configured, shown as default; may be NULL. out: list to append to, or NULL. */
sl_json *sl_spec_form(sl_arena *a, const sl_prop *rows, int where, bool shared, const sl_json *values, sl_json *out);
sl_json *sl_spec_text(sl_arena *a, const char *text); /* {"en":text,"zh":text} */
/* Markdown table of a property table; docs/ref is made of it. */
void sl_spec_markdown(sl_buf *out, const sl_prop *rows, int where);
#endif
