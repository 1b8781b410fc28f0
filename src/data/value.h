/* The value: 16 bytes, tagged. Everything a row, a property or a function can hold.
 * Payloads point into an arena that outlives the value (batch arena, plan arena); a value owns nothing.
 * Absent (no such column) and null (column with null) differ visibly everywhere.
 * Decision: a whole JSON number above 2^53 is a FLOAT (so it compares as upstream's float64) that carries its exact
 * int64 (flag SL_F_WHOLE): always read floats with sl_f64(). */
#ifndef SL_DATA_VALUE_H
#define SL_DATA_VALUE_H
#include "base/arena.h"
#include "base/civil.h"
#include "base/str.h"

typedef enum sl_kind {
    SL_ABSENT = 0,
    SL_NULL,
    SL_BOOL,
    SL_INT,      /* int64 */
    SL_UINT,     /* uint64; only carried: arithmetic wraps to int64 */
    SL_FLOAT,    /* double; SL_F_SINGLE: was a float32 */
    SL_DECIMAL,  /* p/len: two's complement big endian, aux: scale */
    SL_STRING,   /* p/len UTF-8 */
    SL_BYTES,    /* p/len */
    SL_TIME,     /* i: seconds, len: nanoseconds, aux: zone */
    SL_DURATION, /* i: ns */
    SL_LIST,     /* list/len elements */
    SL_MAP,      /* map/len members, insertion order, unique keys */
    SL_PAIRS,    /* pairs/len: map with keys of any kind */
    SL_JSONTEXT, /* p/len: valid JSON of one object or array, not yet parsed; see sl_value_open() */
    SL_ERROR,    /* p/len: text. Only in scratch columns and error frames, never in a published row */
    SL_KINDS
} sl_kind;

enum {
    SL_F_SINGLE = 1,   /* FLOAT from a float32 */
    SL_F_WHOLE = 2,    /* FLOAT whose exact value is the int64 in i */
    SL_F_GOINT = 4,    /* INT that upstream holds as its native "int" */
    SL_F_WEEKDAY = 8,  /* INT that upstream holds as a weekday (prints as a number) */
    SL_F_NILLIST = 16, /* LIST or MAP of length 0 that upstream holds as nil: prints as null */
    SL_F_TEXTLIST = 32 /* LIST that upstream holds as []string (keys()): array functions refuse it */
};

typedef struct sl_value sl_value;
typedef struct sl_member sl_member;
typedef struct sl_pair sl_pair;
struct sl_value {
    uint8_t kind, flags;
    uint16_t aux;
    uint32_t len;
    union {
        int64_t i;
        uint64_t u;
        double f;
        const char *p;
        const sl_value *list;
        const sl_member *map;
        const sl_pair *pairs;
    };
};
_Static_assert(sizeof(struct sl_value) == 16, "a value is 16 bytes");
struct sl_member {
    sl_str key;
    sl_value val;
};
struct sl_pair {
    sl_value key, val;
};

static inline sl_value sl_v_absent(void) { return (sl_value){.kind = SL_ABSENT}; }
static inline sl_value sl_v_null(void) { return (sl_value){.kind = SL_NULL}; }
static inline sl_value sl_v_bool(bool b) { return (sl_value){.kind = SL_BOOL, .i = b}; }
static inline sl_value sl_v_int(int64_t i) { return (sl_value){.kind = SL_INT, .i = i}; }
static inline sl_value sl_v_goint(int64_t i) { return (sl_value){.kind = SL_INT, .flags = SL_F_GOINT, .i = i}; }
static inline sl_value sl_v_uint(uint64_t u) { return (sl_value){.kind = SL_UINT, .u = u}; }
static inline sl_value sl_v_float(double f) { return (sl_value){.kind = SL_FLOAT, .f = f}; }
static inline sl_value sl_v_str(sl_str s) { return (sl_value){.kind = SL_STRING, .len = (uint32_t)s.n, .p = s.p}; }
static inline sl_value sl_v_bytes(sl_str s) { return (sl_value){.kind = SL_BYTES, .len = (uint32_t)s.n, .p = s.p}; }
static inline sl_value sl_v_time(int64_t sec, uint32_t ns, sl_zone z) { return (sl_value){.kind = SL_TIME, .aux = z, .len = ns, .i = sec}; }
static inline sl_value sl_v_dur(int64_t ns) { return (sl_value){.kind = SL_DURATION, .i = ns}; }
static inline sl_value sl_v_list(const sl_value *at, size_t n) { return (sl_value){.kind = SL_LIST, .len = (uint32_t)n, .list = at}; }
static inline sl_value sl_v_map(const sl_member *at, size_t n) { return (sl_value){.kind = SL_MAP, .len = (uint32_t)n, .map = at}; }
static inline sl_value sl_v_jsontext(sl_str s) { return (sl_value){.kind = SL_JSONTEXT, .len = (uint32_t)s.n, .p = s.p}; }
/* Error value; text must live as long as the value. */
static inline sl_value sl_v_error(sl_str s) { return (sl_value){.kind = SL_ERROR, .len = (uint32_t)s.n, .p = s.p}; }
static inline double sl_f64(sl_value v) { return (v.flags & SL_F_WHOLE) ? (double)v.i : v.f; }
static inline sl_str sl_v_text(sl_value v) { return (sl_str){v.p, v.len}; } /* STRING, BYTES, JSONTEXT, ERROR */
static inline bool sl_v_nil(sl_value v) { return v.kind <= SL_NULL; }       /* absent or null */

/* Parses JSONTEXT one level deep into MAP or LIST (nested ones stay JSONTEXT); other kinds come back unchanged.
 * int64: whole numbers become INT (useInt64ForWholeNumber was recorded in v.aux bit 0 by the decoder). */
sl_value sl_value_open(sl_arena *a, sl_value v);
/* Fully parsed copy into a: nothing points outside a afterwards. */
sl_value sl_value_copy(sl_arena *a, sl_value v);
/* Member by name of MAP (last wins) or JSONTEXT; ABSENT when missing or not a map. */
sl_value sl_value_get(sl_arena *a, sl_value v, sl_str key);
/* Deep equality as Go's reflect.DeepEqual on upstream's values: kinds matter (INT 1 != FLOAT 1). */
bool sl_value_same(sl_value x, sl_value y);
/* Upstream's name of the Go type in messages: int64, float64, string, bool, time.Time, []interface {},
 * map[string]interface {}, []uint8, <nil>, int, time.Weekday … */
const char *sl_value_gotype(sl_value v);
/* Go's %v text: map[a:1 b:2] with sorted keys, [1 2], <nil>, floats as sl_num_g, times as Go prints them. */
void sl_value_print(sl_buf *out, sl_value v);

/* Conversions of upstream's cast package. Each returns true and sets *out, or false
 * and sets *why to the text ("cannot convert string(x) to int64"). Memory from a. STRICT takes the same kind only,
 * CONVERT_SAMEKIND number<->number, CONVERT_ALL everything sensible. */
typedef enum sl_cast { SL_CAST_STRICT, SL_CAST_SAMEKIND, SL_CAST_ALL, SL_CAST_GOINT = 8 } sl_cast; /* | GOINT: sl_to_int says "to int" */
/* a NULL, where only numbers come: no text is made. */
bool sl_to_int(sl_arena *a, sl_value v, sl_cast how, int64_t *out, sl_str *why);
bool sl_to_float(sl_arena *a, sl_value v, sl_cast how, double *out, sl_str *why);
bool sl_to_bool(sl_arena *a, sl_value v, sl_cast how, bool *out, sl_str *why);
bool sl_to_str(sl_arena *a, sl_value v, sl_cast how, sl_str *out, sl_str *why);
bool sl_to_bytes(sl_arena *a, sl_value v, sl_cast how, sl_str *out, sl_str *why);
/* To a time in zone (used when the text has none); format "" = the built-in list of forms. today_sec: the
 * machine's date for missing parts. */
bool sl_to_time(sl_arena *a, sl_value v, sl_str format, sl_zone zone, sl_value *out, sl_str *why);
bool sl_text_to_time(sl_arena *a, sl_str text, sl_str format, sl_zone zone, sl_value *out, sl_str *why);
/* Layouts of Go's time package ("2006-01-02 15:04:05 MST"), from which the functions above are made. parse: false when
 * text does not fit; without a zone in the text it is read in zone, without a year the year is 0. */
bool sl_golayout_parse(sl_str layout, sl_str text, sl_zone zone, sl_value *out);
void sl_golayout_print(sl_buf *out, sl_str layout, sl_value time);
/* format_time patterns. false: *why. */
bool sl_time_format(sl_arena *a, sl_value time, sl_str pattern, sl_str *out, sl_str *why);
#endif
