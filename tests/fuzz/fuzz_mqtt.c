/* MQTT framing and decoding of hostile bytes: first byte chooses version and side, the second where the transport tears. Whatever decodes
 * must encode again, and the packets must not depend on the tearing. */
#include <stdlib.h>
#include "net/mqtt.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static uint64_t run(const uint8_t *data, size_t size, int version, bool server, size_t step) {
    sl_mqtt_reader r = {.version = version, .server = server, .limit = 1 << 20};
    sl_mqtt_packet p;
    uint64_t sum = 14695981039346656037u;
    int rc = 0;
    for (size_t at = 0; at < size && rc >= 0; at += step) {
        size_t n = size - at < step ? size - at : step;
        sl_mqtt_feed(&r, sl_str_n((const char *)data + at, n));
        while ((rc = sl_mqtt_next(&r, &p)) > 0) {
            sum = (sum ^ p.type ^ (uint64_t)p.id << 8) * 1099511628211u;
            if (p.type == SL_MQTT_PUBLISH) {
                sum = (sum ^ sl_hash(p.topic.p, p.topic.n) ^ sl_hash(p.payload.p, p.payload.n)) * 1099511628211u;
                p.props.nusers = 0;
                sl_buf b = {0};
                if (p.topic.n && sl_mqtt_put(&b, r.version, &p))
                    abort();
                sl_buf_free(&b);
            }
            if (SL_MQTT_HAS(&p.props, SL_MQTT_P_USER)) {
                sl_str span = p.props.user;
                sl_mqtt_pair pair;
                while (sl_mqtt_user(&span, &pair))
                    sum += sl_hash(pair.name.p, pair.name.n) ^ sl_hash(pair.value.p, pair.value.n);
            }
            if (p.type == SL_MQTT_SUBSCRIBE || p.type == SL_MQTT_UNSUBSCRIBE) {
                sl_mqtt_filter f;
                for (sl_str list = p.list; sl_mqtt_filter_next(&list, p.type == SL_MQTT_SUBSCRIBE, &f);)
                    sum += sl_mqtt_match(f.filter, SL_S("a/b/c"));
            }
        }
    }
    sl_mqtt_reader_free(&r);
    return sum;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    int version = data[0] & 1 ? 5 : 4;
    bool server = data[0] & 2;
    size_t step = data[1] % 16 + 1;
    if (run(data + 2, size - 2, version, server, step) != run(data + 2, size - 2, version, server, size))
        abort();
    return 0;
}
