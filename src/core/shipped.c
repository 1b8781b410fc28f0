/* The conf files that eKuiper ships in its etc folder. Decision: a folder without them behaves as one with them, because streams that were
 * written against the shipped defaults must mean the same here. */
#include "core/confkeys.h"

static const struct {
    const char *type, *json;
} files[] = {
    {"file",
     "{\"default\":{\"fileType\":\"json\",\"path\":\"data\",\"interval\":0,\"sendInterval\":0,\"parallel\":false,\"actionAfterRead\":0,"
     "\"moveTo\":\"/tmp/kuiper/moved\",\"hasHeader\":false,\"ignoreStartLines\":0,\"ignoreEndLines\":0}}"},
    {"httppull",
     "{\"default\":{\"url\":\"http://localhost\",\"method\":\"post\",\"interval\":\"10s\",\"timeout\":\"5s\",\"incremental\":false,\"bodyType\":\"json\","
     "\"insecureSkipVerify\":true,\"headers\":{\"accept\":\"application/json\"},\"responseType\":\"code\"},"
     "\"token_conf\":{\"url\":\"http://127.0.0.1:8085/api/neuron/node/state\",\"method\":\"get\",\"interval\":10000,\"timeout\":5000,\"incremental\":false,"
     "\"bodyType\":\"json\",\"insecureSkipVerify\":true,\"headers\":{\"authorization\":\"Bearer {{.token}}\",\"accept\":\"application/json\"},"
     "\"responseType\":\"code\",\"oauth\":{\"access\":{\"url\":\"http://127.0.0.1:8085/api/login\",\"expire\":\"3600\"}}}}"},
    {"httppush", "{\"default\":{\"method\":\"POST\"}}"},
    {"mqtt", "{\"default\":{\"server\":\"tcp://127.0.0.1:1883\",\"qos\":1,\"protocolVersion\":\"3.1.1\",\"insecureSkipVerify\":false}}"},
    {"neuron", "{\"default\":{\"url\":\"tcp://127.0.0.1:7081\"}}"},
    {"redis", "{\"default\":{\"addr\":\"127.0.0.1:6379\",\"dataType\":\"string\"}}"},
    {"redisSub", "{\"default\":{\"address\":\"127.0.0.1:6379\",\"db\":0}}"},
    {"simulator", "{\"default\":{\"data\":[{\"temperature\":22.5,\"humidity\":50}],\"interval\":\"1s\",\"loop\":true}}"},
};
sl_str sl_shipped_conf(const char *kind, sl_str type) {
    for (size_t i = 0; strcmp(kind, "sources") == 0 && i < sizeof files / sizeof *files; i++)
        if (sl_str_is(type, files[i].type))
            return sl_str_of(files[i].json);
    return (sl_str){0};
}
sl_str sl_shipped_type(size_t i) { return i < sizeof files / sizeof *files ? sl_str_of(files[i].type) : (sl_str){0}; }
