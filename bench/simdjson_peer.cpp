// The rival of bench_json: simdjson On-Demand on the same bytes and fields. Bench only.
#include <simdjson.h>
extern "C" {
double peer_three(const char *text, size_t n, size_t room, double *sum);
double peer_all(const char *text, size_t n, size_t room, double *sum);
double peer_nested(const char *text, size_t n, size_t room, double *sum);
double peer_arrays(const char *text, size_t n, size_t room, double *sum);
const char *peer_name(void);
}
using namespace simdjson;
static ondemand::parser parser;
const char *peer_name(void) {
    static std::string name = std::string("simdjson ") + SIMDJSON_STRINGIFY(SIMDJSON_VERSION) + " " + get_active_implementation()->name();
    return name.c_str();
}
// Three of ten fields, in the order of the text. room: bytes readable from text. Returns 0, or 1 on an error.
double peer_three(const char *text, size_t n, size_t room, double *sum) {
    ondemand::document doc;
    if (parser.iterate(text, n, room).get(doc))
        return 1;
    std::string_view name;
    double temperature;
    bool ok;
    ondemand::object o;
    if (doc.get_object().get(o) || o["device"].get(name) || o["temperature"].get(temperature) || o["online"].get(ok))
        return 1;
    *sum += temperature + double(name.size()) + ok;
    return 0;
}
double peer_all(const char *text, size_t n, size_t room, double *sum) {
    ondemand::document doc;
    if (parser.iterate(text, n, room).get(doc))
        return 1;
    ondemand::object o;
    if (doc.get_object().get(o))
        return 1;
    for (auto f : o) {
        std::string_view key, s;
        double d;
        bool b;
        ondemand::value v;
        ondemand::json_type t;
        if (f.unescaped_key().get(key) || f.value().get(v) || v.type().get(t))
            return 1;
        switch (t) {
        case ondemand::json_type::string:
            if (v.get(s))
                return 1;
            *sum += double(s.size());
            break;
        case ondemand::json_type::number:
            if (v.get(d))
                return 1;
            *sum += d;
            break;
        case ondemand::json_type::boolean:
            if (v.get(b))
                return 1;
            *sum += b;
            break;
        default: {
            std::string_view raw;
            if (v.raw_json_token().size() == 0)
                return 1;
        }
        }
        *sum += double(key.size());
    }
    return 0;
}
// Two scalars and one object as it stands.
double peer_nested(const char *text, size_t n, size_t room, double *sum) {
    ondemand::document doc;
    if (parser.iterate(text, n, room).get(doc))
        return 1;
    std::string_view id, reading;
    bool ok;
    ondemand::object o, r;
    if (doc.get_object().get(o) || o["id"].get(id) || o["reading"].get(r) || r.raw_json().get(reading) || o["online"].get(ok))
        return 1;
    *sum += double(id.size() + reading.size()) + ok;
    return 0;
}
double peer_arrays(const char *text, size_t n, size_t room, double *sum) {
    ondemand::document doc;
    if (parser.iterate(text, n, room).get(doc))
        return 1;
    std::string_view id;
    double last;
    bool ok;
    ondemand::object o;
    if (doc.get_object().get(o) || o["id"].get(id) || o["last"].get(last) || o["online"].get(ok))
        return 1;
    *sum += last + double(id.size()) + ok;
    return 0;
}
