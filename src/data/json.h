/* JSON, the lingua franca. Three readers and one writer:
 *   sl_json_*     control plane: ordered tree, number text kept, errors with position
 *   sl_json_value bytes -> sl_value (fully parsed), for functions and tests
 *   sl_jsonrows   bytes -> rows of a builder with projection: only referenced columns are decoded, the rest is skipped
 *                 by a skipper that still validates structure, strings and UTF-8
 *   sl_json_put*  sl_value -> text as Go's encoding/json writes it (keys sorted, HTML characters escaped) */
#ifndef SL_DATA_JSON_H
#define SL_DATA_JSON_H
#include "base/err.h"
#include "data/batch.h"

/* ---- control plane tree; all nodes live in an arena ---- */
typedef enum sl_jkind { SL_J_NULL, SL_J_BOOL, SL_J_NUM, SL_J_STR, SL_J_ARR, SL_J_OBJ } sl_jkind;
typedef struct sl_json sl_json;
struct sl_json {
    uint8_t kind;
    bool b;
    sl_str s; /* STR: text; NUM: the number as written */
    double num;
    sl_str raw; /* the bytes of this value in the source text (parsed trees only) */
    sl_str key; /* member name when inside an object */
    sl_json *child, *last, *next;
    uint32_t n; /* elements or members */
};
/* Reads the first value of text; *rest (may be NULL) gets what follows; without rest anything but white space after it
 * is an error. Depth limit 512. Error text as Go's encoding/json words it where clients see it. */
sl_err *sl_json_parse(sl_arena *a, sl_str text, sl_json **out, sl_str *rest);
sl_json *sl_json_get(const sl_json *obj, const char *key);  /* exact; last of equal names; NULL when absent or not an object */
sl_json *sl_json_iget(const sl_json *obj, const char *key); /* exact first, then case-insensitive (Go rule) */
sl_json *sl_json_at(const sl_json *arr, uint32_t i);
/* Typed reads with a default. */
sl_str sl_json_text(const sl_json *v, sl_str dflt);
bool sl_json_isstr(const sl_json *v);
bool sl_json_true(const sl_json *v, bool dflt);
bool sl_json_i64(const sl_json *v, int64_t *out); /* whole numbers only */
/* Building. */
sl_json *sl_json_obj(sl_arena *a);
sl_json *sl_json_arr(sl_arena *a);
sl_json *sl_json_str(sl_arena *a, sl_str s); /* copies */
sl_json *sl_json_int(sl_arena *a, int64_t v);
sl_json *sl_json_dbl(sl_arena *a, double v);
sl_json *sl_json_bool(sl_arena *a, bool b);
sl_json *sl_json_null(sl_arena *a);
void sl_json_set(sl_arena *a, sl_json *obj, const char *key, sl_json *v); /* appends or replaces; takes v */
void sl_json_add(sl_json *arr, sl_json *v);
void sl_json_del(sl_json *obj, const char *key);
sl_json *sl_json_clone(sl_arena *a, const sl_json *v);
/* Writing: compact, members in order (sorted = true: by bytes, as Go maps); indent 0 = compact. HTML characters are escaped as Go does. */
void sl_json_write(sl_buf *out, const sl_json *v, bool sorted, int indent);
sl_value sl_json_to_value(sl_arena *a, const sl_json *v, bool int64); /* numbers: FLOAT, or INT when int64 and no '.' */

/* ---- row values ---- */
/* Fully parses one value. int64: whole numbers become INT. */
sl_err *sl_json_value(sl_arena *a, sl_str text, bool int64, sl_value *out);

/* ---- projecting row reader ---- */
typedef enum sl_coltype { SL_T_ANY, SL_T_BIGINT, SL_T_FLOAT, SL_T_STRING, SL_T_BYTEA, SL_T_DATETIME, SL_T_BOOLEAN, SL_T_ARRAY, SL_T_STRUCT } sl_coltype;
typedef struct sl_type sl_type; /* declared type of a column; see sl_field */
typedef struct sl_field {
    sl_str name;
    const sl_type *type;
} sl_field;
struct sl_type {
    sl_coltype kind;
    const sl_type *elem;    /* ARRAY */
    const sl_field *fields; /* STRUCT */
    uint32_t nfields;
    bool has_default;
    sl_value dflt;
};
typedef struct sl_jsonrows sl_jsonrows;
/* types: declared columns (lent until free) or NULL for schemaless; undeclared keys of a typed stream are skipped unless null.
 * int64: useInt64ForWholeNumber. keep_raw: rows keep their bytes (object payloads only). */
sl_jsonrows *sl_jsonrows_new(const sl_field *types, uint32_t ntypes, bool int64, bool keep_raw);
void sl_jsonrows_free(sl_jsonrows *d);
/* Decodes one message (object = one row, array of objects = several) to w. The bytes need not outlive the call (strings are
 * copied into the batch arena; borrowed = true: bytes already live in the batch arena and strings without escapes point into
 * them). On failure no row of the message stays and *why has the text upstream words (lent, in the batch arena). */
bool sl_jsonrows_read(sl_jsonrows *d, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why);

/* Columns first: of a message that is one object like those before, these columns are read, and only when wanted() lets it through the others too. A row that
 * it does not let through is counted as read but not put; that its text is good, and that declared types fit, is checked all the same. */
typedef struct sl_rowlook {
    const sl_layout *layout; /* rows of a builder with another one are read whole */
    const uint16_t *cols;    /* [ncols] of it */
    uint32_t ncols;
    bool (*wanted)(void *arg, const sl_builder *w); /* the row under construction has these columns (sl_builder_peek) */
    void *arg;
    uint64_t left;               /* rows that were not let through; to be taken away by the owner */
    uint32_t seen, passed, rest; /* the reader's: where most rows pass, looking rests */
} sl_rowlook;
/* look: lent until it is changed; NULL: none. Between two messages. */
void sl_jsonrows_look(sl_jsonrows *d, sl_rowlook *look);

/* ---- writer ---- */
/* One value as Go's encoding/json (JSONTEXT is copied when already compact and canonical, else re-written). Returns false and sets
 * *why for NaN/Inf ("json: unsupported value: NaN"). Invalid UTF-8 becomes U+FFFD. */
bool sl_json_put(sl_buf *out, sl_value v, sl_str *why);
void sl_json_put_str(sl_buf *out, sl_str s); /* quoted, Go's escapes */
/* Go's %q quoting, as error bodies use it. */
void sl_go_quote(sl_buf *out, sl_str s);
#endif
