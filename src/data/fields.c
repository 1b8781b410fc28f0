/* See fields.h. Decision: separators are looked for sixteen bytes at a time, without a call per field. */
#include "data/fields.h"
#include "base/bytes16.h"
#include "data/builder.h"

static inline void put(sl_builder *w, const char *p, const char *end, char delim, bool trim, int32_t to, const sl_str *key) {
    if (to == SL_FIELD_SKIP)
        return;
    if (trim)
        while (p < end && (*p == ' ' || *p == '\t') && *p != delim)
            p++;
    sl_value v = sl_v_str((sl_str){p, (size_t)(end - p)});
    if (to >= 0)
        sl_builder_cell(w, (uint32_t)to, v);
    else
        sl_builder_tail_new(w, *key, v);
}
uint32_t sl_fields_split(sl_builder *w, sl_str line, char delim, bool trim, const int32_t *to, const sl_str *keys, uint32_t n) {
    if (!line.n)
        line = SL_S("");
    const char *p = line.p, *end = p + line.n, *from = p;
    uint32_t i = 0;
    if (!w->inrow)
        n = 0;
#define FIELD(stop)                                                                                                                                                                \
    {                                                                                                                                                                              \
        const char *stop_ = stop;                                                                                                                                                  \
        if (i < n)                                                                                                                                                                 \
            put(w, from, stop_, delim, trim, to[i], &keys[i]);                                                                                                                     \
        i++;                                                                                                                                                                       \
        from = stop_ + 1;                                                                                                                                                          \
    }
#if SL_X16
    if (line.n >= 16)
        for (;;) {
            size_t left = (size_t)(end - p), over = left < 16 ? 16 - left : 0; /* the last ones are read together with some before */
            for (uint32_t m = sl_x16_bits(sl_x16_eq(sl_x16_load(p - over), delim)) >> over; m; m &= m - 1)
                FIELD(p + __builtin_ctz(m))
            if (left <= 16)
                break;
            p += 16;
        }
    else
#endif
        for (; p < end; p++)
            if (*p == delim)
                FIELD(p)
    FIELD(end)
    return i;
}
