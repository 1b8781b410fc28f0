/* Bodies of requests: read as Go's encoding/json reads them, with its words where something has another type than expected, because
 * clients compare these texts. Names are matched without case, null counts as absent. All errors have code UNDEFINED. */
#ifndef SL_CORE_BODY_H
#define SL_CORE_BODY_H
#include "base/err.h"
#include "data/json.h"
/* The first value of text; what follows is ignored. "EOF" when there is none. */
sl_err *sl_body_first(sl_arena *a, sl_str text, sl_json **out);
/* The only value of text. "unexpected end of JSON input" when there is none. */
sl_err *sl_body_only(sl_arena *a, sl_str text, sl_json **out);
/* j must be of this kind (or null); gotype is how Go calls the expected type. */
sl_err *sl_body_is(const sl_json *j, sl_jkind kind, const char *gotype);
/* Member of an object; *out NULL when absent. owner: Go's name of the struct, dotted for inner ones ("Rule", "Rule.options"). */
sl_err *sl_body_want(const sl_json *j, const char *owner, const char *key, sl_jkind kind, const char *gotype, const sl_json **out);
/* The same for texts, flags, whole numbers and lists of texts; *out keeps its value when the member is absent. */
sl_err *sl_body_text(const sl_json *j, const char *owner, const char *key, sl_str *out);
sl_err *sl_body_flag(const sl_json *j, const char *owner, const char *key, bool *out);
sl_err *sl_body_int(const sl_json *j, const char *owner, const char *key, int64_t *out);
sl_err *sl_body_texts(const sl_json *j, const char *owner, const char *key, const sl_json **out);
#endif
