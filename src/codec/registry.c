/* The formats by name. */
#include "codec/codec.h"

static const sl_codec_def *const all[] = {&sl_codec_json, &sl_codec_delimited, &sl_codec_binary, &sl_codec_urlencoded};
const sl_codec_def *sl_codec_at(size_t i) { return i < sizeof all / sizeof *all ? all[i] : NULL; }
const sl_codec_def *sl_codec_find(sl_str name) {
    if (!name.n)
        return &sl_codec_json;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (sl_str_is(name, all[i]->name))
            return all[i];
    return NULL;
}
