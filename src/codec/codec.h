/* Codecs: bytes to rows and back, one file and one definition object each. A codec does no I/O and keeps no thread; decoder and encoder
 * instances belong to one flow. */
#ifndef SL_CODEC_CODEC_H
#define SL_CODEC_CODEC_H
#include "base/err.h"
#include "data/batch.h"
#include "data/json.h"

typedef struct sl_codec_conf { /* what a stream or an action says about its format; spans lent until the instance is freed */
    const sl_field *fields;    /* declared columns, NULL schemaless */
    uint32_t nfields;
    sl_str delimiter; /* "" = , */
    bool has_header;
    const sl_str *columns; /* names from `fields` property (delimited) */
    uint32_t ncolumns;
    bool int64; /* useInt64ForWholeNumber */
    bool keep_raw;
    sl_str schemaid;
} sl_codec_conf;
typedef struct sl_decoder sl_decoder;
typedef struct sl_encoder sl_encoder;
typedef struct sl_codec_def {
    const char *name; /* "json" */
    const char *title;
    bool text; /* "text format" in the sense of data templates */
    sl_err *(*dec_new)(const sl_codec_conf *c, sl_decoder **out);
    void (*dec_free)(sl_decoder *d);
    /* Decodes one message into w (borrowed: bytes live in w's arena). On failure: no row stays, *why = text, false. */
    bool (*decode)(sl_decoder *d, sl_builder *w, sl_str bytes, bool borrowed, uint32_t *rows, sl_str *why);
    /* Columns first (data/json.h); NULL: rows are always read whole. */
    void (*look)(sl_decoder *d, sl_rowlook *look);
    sl_err *(*enc_new)(const sl_codec_conf *c, sl_encoder **out);
    void (*enc_free)(sl_encoder *e);
    /* Encodes one value (MAP = one row; LIST of MAP = a collection) to out. false: *why (in a). */
    bool (*encode)(sl_encoder *e, sl_arena *a, sl_value v, sl_buf *out, sl_str *why);
    /* Fast path for derived batches: row r of b (all its columns, keys sorted). NULL: the flow makes a MAP and calls encode. */
    bool (*encode_row)(sl_encoder *e, sl_arena *a, const sl_batch *b, uint32_t r, sl_buf *out, sl_str *why);
} sl_codec_def;
const sl_codec_def *sl_codec_find(sl_str name); /* lower-cased by the caller; "" = json; NULL unknown */
const sl_codec_def *sl_codec_at(size_t i);      /* NULL behind the last */
extern const sl_codec_def sl_codec_json, sl_codec_delimited, sl_codec_binary, sl_codec_urlencoded;
#endif
