/* The MQTT wire format; see mqtt.h. Everything reads through a cursor that latches the first fault, so that the code of each packet is a
 * plain list of its fields and no length is used before it was compared with what is there. */
#include "net/mqtt.h"
#include <stdio.h>
#include "base/utf8.h"

static const char *const type_names[] = {"type 0",    "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
                                         "SUBSCRIBE", "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};

/* ---- cursor ---- */
typedef struct cur {
    const uint8_t *p, *end;
    const char *bad; /* first fault */
} cur;
static void fault(cur *c, const char *why) {
    if (!c->bad)
        c->bad = why;
    c->p = c->end;
}
static uint8_t u8(cur *c) {
    if (c->p == c->end) {
        fault(c, "ends too early");
        return 0;
    }
    return *c->p++;
}
static uint16_t u16(cur *c) {
    if (c->end - c->p < 2) {
        fault(c, "ends too early");
        return 0;
    }
    uint16_t v = (uint16_t)(c->p[0] << 8 | c->p[1]);
    c->p += 2;
    return v;
}
static uint32_t u32(cur *c) {
    uint32_t hi = u16(c);
    return hi << 16 | u16(c);
}
static uint32_t varint(cur *c) {
    uint32_t v = 0;
    for (int shift = 0; shift < 28; shift += 7) {
        uint8_t b = u8(c);
        v |= (uint32_t)(b & 127) << shift;
        if (!(b & 128)) {
            if (b == 0 && shift)
                fault(c, "has a length in more bytes than needed");
            return v;
        }
    }
    fault(c, "has a length of more than four bytes");
    return 0;
}
static sl_str take(cur *c, size_t n) {
    if ((size_t)(c->end - c->p) < n) {
        fault(c, "ends too early");
        return (sl_str){"", 0};
    }
    sl_str s = {(const char *)c->p, n};
    c->p += n;
    return s;
}
static sl_str bin(cur *c) { return take(c, u16(c)); }
/* Plain ASCII without control zero is nearly every topic: eight bytes a step, the slow way only for the rest. */
static bool text_ok(sl_str s) {
    const char *p = s.p, *end = s.p + s.n;
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        if ((w & 0x8080808080808080u) || ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u))
            goto slow;
    }
    for (; p < end; p++)
        if ((unsigned char)(*p - 1) >= 127)
            goto slow;
    return true;
slow:
    return !memchr(s.p, 0, s.n) && sl_utf8_valid(s.p, s.n);
}
static sl_str text(cur *c) {
    sl_str s = bin(c);
    if (!c->bad && !text_ok(s))
        fault(c, "holds text that is not UTF-8 or has a zero character");
    return s;
}

/* ---- properties ---- */
enum { K_NONE, K_U8, K_U16, K_U32, K_VAR, K_TEXT, K_BIN, K_PAIR };
#define ON(type) (1u << SL_MQTT_##type)
#define ON_WILL (1u << 16)
#define ON_ACKS (ON(PUBACK) | ON(PUBREC) | ON(PUBREL) | ON(PUBCOMP))
static const struct {
    uint8_t kind;
    uint32_t where;
} props_of[0x2B] = {
    [0x01] = {K_U8, ON(PUBLISH) | ON_WILL},
    [0x02] = {K_U32, ON(PUBLISH) | ON_WILL},
    [0x03] = {K_TEXT, ON(PUBLISH) | ON_WILL},
    [0x08] = {K_TEXT, ON(PUBLISH) | ON_WILL},
    [0x09] = {K_BIN, ON(PUBLISH) | ON_WILL},
    [0x0B] = {K_VAR, ON(PUBLISH) | ON(SUBSCRIBE)},
    [0x11] = {K_U32, ON(CONNECT) | ON(CONNACK) | ON(DISCONNECT)},
    [0x12] = {K_TEXT, ON(CONNACK)},
    [0x13] = {K_U16, ON(CONNACK)},
    [0x15] = {K_TEXT, ON(CONNECT) | ON(CONNACK) | ON(AUTH)},
    [0x16] = {K_BIN, ON(CONNECT) | ON(CONNACK) | ON(AUTH)},
    [0x17] = {K_U8, ON(CONNECT)},
    [0x18] = {K_U32, ON_WILL},
    [0x19] = {K_U8, ON(CONNECT)},
    [0x1A] = {K_TEXT, ON(CONNACK)},
    [0x1C] = {K_TEXT, ON(CONNACK) | ON(DISCONNECT)},
    [0x1F] = {K_TEXT, ON(CONNACK) | ON_ACKS | ON(SUBACK) | ON(UNSUBACK) | ON(DISCONNECT) | ON(AUTH)},
    [0x21] = {K_U16, ON(CONNECT) | ON(CONNACK)},
    [0x22] = {K_U16, ON(CONNECT) | ON(CONNACK)},
    [0x23] = {K_U16, ON(PUBLISH)},
    [0x24] = {K_U8, ON(CONNACK)},
    [0x25] = {K_U8, ON(CONNACK)},
    [0x26] = {K_PAIR, 0x1FFFE},
    [0x27] = {K_U32, ON(CONNECT) | ON(CONNACK)},
    [0x28] = {K_U8, ON(CONNACK)},
    [0x29] = {K_U8, ON(CONNACK)},
    [0x2A] = {K_U8, ON(CONNACK)},
};
static void props_read(cur *c, uint32_t where, sl_mqtt_props *o) {
    o->have = 0;
    uint32_t n = varint(c);
    if ((size_t)(c->end - c->p) < n) {
        fault(c, "ends inside its properties");
        return;
    }
    cur in = {c->p, c->p + n, NULL};
    c->p += n;
    const uint8_t *first_user = NULL;
    while (in.p < in.end) {
        const uint8_t *at = in.p;
        uint32_t id = varint(&in);
        if (id >= 0x2B || !(props_of[id].where & where)) {
            fault(&in, id < 0x2B && props_of[id].kind ? "has a property that does not belong there" : "has an unknown property");
            break;
        }
        bool again = SL_MQTT_HAS(o, id);
        if (again && id != SL_MQTT_P_USER && !(id == SL_MQTT_P_SUB_ID && (where & ON(PUBLISH)))) {
            fault(&in, "has the same property twice");
            break;
        }
        o->have |= 1ull << id;
        switch (props_of[id].kind) {
        case K_U8:
            o->num[id] = u8(&in);
            if (o->num[id] > 1)
                fault(&in, "has a property that is neither 0 nor 1");
            break;
        case K_U16:
            o->num[id] = u16(&in);
            if (!o->num[id] && (id == SL_MQTT_P_RECEIVE_MAX || id == SL_MQTT_P_ALIAS))
                fault(&in, "has a receive maximum or topic alias of zero");
            break;
        case K_U32:
            o->num[id] = u32(&in);
            if (!o->num[id] && id == SL_MQTT_P_MAX_PACKET)
                fault(&in, "has a maximum packet size of zero");
            break;
        case K_VAR:
            o->num[id] = varint(&in);
            if (!o->num[id])
                fault(&in, "has a subscription identifier of zero");
            if (!again)
                o->nsubs = 0;
            if (o->nsubs < sizeof o->subs / sizeof *o->subs)
                o->subs[o->nsubs] = o->num[id];
            o->nsubs += o->nsubs <= sizeof o->subs / sizeof *o->subs;
            break;
        case K_TEXT: o->text[id] = text(&in); break;
        case K_BIN: o->text[id] = bin(&in); break;
        case K_PAIR:
            if (!first_user)
                first_user = at;
            text(&in);
            text(&in);
            break;
        default: break;
        }
    }
    if (in.bad)
        fault(c, in.bad);
    else if (first_user)
        o->user = (sl_str){(const char *)first_user, (size_t)(in.end - first_user)};
}
bool sl_mqtt_user(sl_str *span, sl_mqtt_pair *pair) {
    cur c = {(const uint8_t *)span->p, (const uint8_t *)span->p + span->n, NULL};
    while (c.p < c.end) {
        uint32_t id = varint(&c);
        if (c.bad || id >= 0x2B)
            return false;
        switch (props_of[id].kind) {
        case K_U8: take(&c, 1); break;
        case K_U16: take(&c, 2); break;
        case K_U32: take(&c, 4); break;
        case K_VAR: varint(&c); break;
        case K_TEXT:
        case K_BIN: bin(&c); break;
        case K_PAIR:
            pair->name = bin(&c);
            pair->value = bin(&c);
            *span = (sl_str){(const char *)c.p, (size_t)(c.end - c.p)};
            return !c.bad;
        default: return false;
        }
    }
    return false;
}
bool sl_mqtt_filter_next(sl_str *list, bool with_options, sl_mqtt_filter *f) {
    cur c = {(const uint8_t *)list->p, (const uint8_t *)list->p + list->n, NULL};
    if (c.p == c.end)
        return false;
    f->filter = bin(&c);
    f->options = with_options ? u8(&c) : 0;
    *list = (sl_str){(const char *)c.p, (size_t)(c.end - c.p)};
    return !c.bad;
}

/* ---- topics ---- */
const char *sl_mqtt_topic_check(sl_str t) {
    if (!t.n)
        return "topic is empty";
    if (t.n > 65535)
        return "topic is longer than 65535 bytes";
    if (memchr(t.p, '#', t.n) || memchr(t.p, '+', t.n))
        return "topic to publish to holds a wildcard (# or +)";
    return text_ok(t) ? NULL : "topic is not UTF-8 or has a zero character";
}
sl_str sl_mqtt_unshare(sl_str f) {
    if (!sl_str_starts(f, SL_S("$share/")))
        return f;
    const char *slash = memchr(f.p + 7, '/', f.n - 7);
    return slash ? sl_str_n(slash + 1, f.n - (size_t)(slash + 1 - f.p)) : f;
}
const char *sl_mqtt_filter_check(sl_str f) {
    if (!f.n)
        return "topic filter is empty";
    if (f.n > 65535)
        return "topic filter is longer than 65535 bytes";
    if (!text_ok(f))
        return "topic filter is not UTF-8 or has a zero character";
    if (sl_str_starts(f, SL_S("$share/"))) {
        sl_str rest = sl_mqtt_unshare(f);
        if (rest.n == f.n || rest.n == 0)
            return "shared subscription wants $share/<group>/<topic filter>";
        sl_str group = {f.p + 7, (size_t)(rest.p - f.p) - 8};
        if (!group.n || memchr(group.p, '#', group.n) || memchr(group.p, '+', group.n))
            return "group of a shared subscription is empty or holds a wildcard";
        f = rest;
    }
    for (size_t i = 0; i < f.n; i++) {
        if (f.p[i] == '#' && (i + 1 != f.n || (i && f.p[i - 1] != '/')))
            return "# stands elsewhere than alone in the last level of the topic filter";
        if (f.p[i] == '+' && ((i && f.p[i - 1] != '/') || (i + 1 < f.n && f.p[i + 1] != '/')))
            return "+ does not stand alone in its level of the topic filter";
    }
    return NULL;
}
bool sl_mqtt_match(sl_str f, sl_str t) {
    if (sl_str_eq(f, t))
        return true;
    if (!f.n || !t.n || (t.p[0] == '$' && (f.p[0] == '+' || f.p[0] == '#')))
        return false;
    size_t i = 0, k = 0;
    for (;;) {
        if (i < f.n && f.p[i] == '#')
            return true;
        if (i < f.n && f.p[i] == '+') {
            i++;
            while (k < t.n && t.p[k] != '/')
                k++;
        } else {
            while (i < f.n && k < t.n && f.p[i] == t.p[k] && f.p[i] != '/')
                i++, k++;
            if ((i < f.n && f.p[i] != '/') || (k < t.n && t.p[k] != '/'))
                return false;
        }
        if (k == t.n) /* "a/#" takes "a" too */
            return i == f.n || (f.n - i == 2 && f.p[i] == '/' && f.p[i + 1] == '#');
        if (i == f.n)
            return false;
        i++, k++; /* both stand on a slash */
        if (k == t.n && i == f.n)
            return true;
    }
}

/* ---- decode ---- */
static void read_publish(cur *c, uint8_t flags, int version, sl_mqtt_packet *o) {
    o->qos = (flags >> 1) & 3;
    o->dup = flags & 8;
    o->retain = flags & 1;
    o->id = 0;
    o->topic = text(c);
    if (o->qos == 3)
        fault(c, "has QoS 3");
    if (o->dup && !o->qos)
        fault(c, "is marked as a repetition with QoS 0");
    if (o->qos && !(o->id = u16(c)))
        fault(c, "has packet identifier 0");
    if (version >= SL_MQTT_5)
        props_read(c, ON(PUBLISH), &o->props);
    if (!c->bad) {
        if (!o->topic.n && !(version >= SL_MQTT_5 && SL_MQTT_HAS(&o->props, SL_MQTT_P_ALIAS)))
            fault(c, "has no topic");
        else if (memchr(o->topic.p, '#', o->topic.n) || memchr(o->topic.p, '+', o->topic.n))
            fault(c, "has a wildcard in its topic");
    }
    o->payload = take(c, (size_t)(c->end - c->p));
}
static void read_connect(cur *c, int *version, sl_mqtt_packet *o) {
    sl_str name = bin(c);
    o->version = u8(c);
    if (!c->bad && !(sl_str_is(name, "MQTT") && (o->version == 4 || o->version == 5)) && !(sl_str_is(name, "MQIsdp") && o->version == 3))
        fault(c, "names an unknown protocol");
    uint8_t f = u8(c);
    o->clean = f & 2;
    o->has_will = f & 4;
    o->will_qos = (f >> 3) & 3;
    o->will_retain = f & 32;
    o->has_password = f & 64;
    o->has_user = f & 128;
    if ((f & 1) || o->will_qos == 3 || (!o->has_will && (f & 0x38)) || (o->version < 5 && o->has_password && !o->has_user))
        fault(c, "has impossible flags");
    o->keepalive = u16(c);
    if (o->version == 5)
        props_read(c, ON(CONNECT), &o->props);
    o->client_id = text(c);
    if (o->has_will) {
        if (o->version == 5) { /* read and judged; nobody here serves wills */
            sl_mqtt_props will;
            props_read(c, ON_WILL, &will);
        }
        o->will_topic = text(c);
        o->will_payload = bin(c);
    }
    if (o->has_user)
        o->user = text(c);
    if (o->has_password)
        o->password = bin(c);
    if (!c->bad)
        *version = o->version;
}
/* PUBACK … PUBCOMP, DISCONNECT, AUTH: in version 5 reason and properties may be left out. */
static void read_reason(cur *c, int version, sl_mqtt_packet *o) {
    if (version >= SL_MQTT_5 && c->p < c->end) {
        o->reason = u8(c);
        if (c->p < c->end)
            props_read(c, 1u << o->type, &o->props);
    }
}
static void read_filters(cur *c, int version, sl_mqtt_packet *o) {
    bool sub = o->type == SL_MQTT_SUBSCRIBE;
    o->id = u16(c);
    if (!o->id)
        fault(c, "has packet identifier 0");
    if (version >= SL_MQTT_5)
        props_read(c, 1u << o->type, &o->props);
    o->list = (sl_str){(const char *)c->p, (size_t)(c->end - c->p)};
    if (!o->list.n)
        fault(c, "names no topic filter");
    while (c->p < c->end) {
        sl_str f = text(c);
        uint8_t opt = sub ? u8(c) : 0;
        if (c->bad)
            return;
        if ((opt & 3) == 3 || (opt & 0xC0) || (version < 5 && (opt & 0xFC)) || (opt & 0x30) == 0x30)
            fault(c, "has impossible subscription options");
        else if (sl_mqtt_filter_check(f))
            fault(c, sl_mqtt_filter_check(f));
    }
}
static const uint8_t fixed_flags[16] = {[SL_MQTT_PUBREL] = 2, [SL_MQTT_SUBSCRIBE] = 2, [SL_MQTT_UNSUBSCRIBE] = 2};
#define FROM_CLIENT (ON(CONNECT) | ON(PUBLISH) | ON_ACKS | ON(SUBSCRIBE) | ON(UNSUBSCRIBE) | ON(PINGREQ) | ON(DISCONNECT) | ON(AUTH))
#define FROM_SERVER (ON(CONNACK) | ON(PUBLISH) | ON_ACKS | ON(SUBACK) | ON(UNSUBACK) | ON(PINGRESP) | ON(DISCONNECT) | ON(AUTH))

static bool decode(const uint8_t *head, const uint8_t *body, const uint8_t *end, int *version, bool server, sl_mqtt_packet *o, char *why) {
    cur c = {body, end, NULL};
    uint8_t type = head[0] >> 4, flags = head[0] & 15;
    o->type = type;
    o->props.have = 0;
    if (type == SL_MQTT_PUBLISH) {
        read_publish(&c, flags, *version, o);
    } else if (!((server ? FROM_CLIENT : FROM_SERVER) >> type & 1)) {
        fault(&c, server ? "is not for a broker" : "is not for a client");
    } else if (flags != fixed_flags[type]) {
        fault(&c, "has reserved bits set in its first byte");
    } else {
        o->reason = 0;
        o->id = 0;
        switch (type) {
        case SL_MQTT_CONNECT: read_connect(&c, version, o); break;
        case SL_MQTT_CONNACK: {
            uint8_t ack = u8(&c);
            if (ack > 1)
                fault(&c, "has reserved bits set");
            o->session_present = ack;
            o->reason = u8(&c);
            if (*version >= SL_MQTT_5 && c.p < c.end) /* brokers that know only 3.1.1 refuse version 5 in their own form */
                props_read(&c, ON(CONNACK), &o->props);
            break;
        }
        case SL_MQTT_PUBACK:
        case SL_MQTT_PUBREC:
        case SL_MQTT_PUBREL:
        case SL_MQTT_PUBCOMP:
            o->id = u16(&c);
            if (!o->id)
                fault(&c, "has packet identifier 0");
            read_reason(&c, *version, o);
            break;
        case SL_MQTT_SUBSCRIBE:
        case SL_MQTT_UNSUBSCRIBE: read_filters(&c, *version, o); break;
        case SL_MQTT_SUBACK:
        case SL_MQTT_UNSUBACK:
            o->id = u16(&c);
            if (!o->id)
                fault(&c, "has packet identifier 0");
            if (*version >= SL_MQTT_5)
                props_read(&c, 1u << type, &o->props);
            o->list = take(&c, (size_t)(c.end - c.p));
            if (!o->list.n && (type == SL_MQTT_SUBACK || *version >= SL_MQTT_5))
                fault(&c, "names no reason code");
            break;
        case SL_MQTT_AUTH:
            if (*version < SL_MQTT_5)
                fault(&c, "exists only in version 5");
            read_reason(&c, *version, o);
            break;
        case SL_MQTT_DISCONNECT:
            if (*version < SL_MQTT_5 && !server)
                fault(&c, "is not for a client before version 5");
            read_reason(&c, *version, o);
            break;
        default: break; /* PINGREQ, PINGRESP: empty */
        }
        if (!c.bad && c.p != c.end)
            fault(&c, "has bytes behind its end");
    }
    if (!c.bad)
        return true;
    snprintf(why, 160, "malformed packet from the peer: %s of %zu bytes %s", type_names[type], (size_t)(end - body), c.bad);
    return false;
}
/* Looks at the fixed header: >0 whole length, 0 wants more, -1 broken. *body: bytes of the header. */
static ptrdiff_t frame(const uint8_t *p, size_t n, size_t *body) {
    if (n >= 2 && p[1] < 128) {
        *body = 2;
        return 2 + p[1];
    }
    size_t v = 0;
    for (size_t i = 1; i < 5; i++) {
        if (i >= n)
            return 0;
        v |= (size_t)(p[i] & 127) << (7 * (i - 1));
        if (!(p[i] & 128)) {
            *body = i + 1;
            return (ptrdiff_t)(v + i + 1);
        }
    }
    return -1;
}
bool sl_mqtt_decode(sl_str packet, int *version, bool server, sl_mqtt_packet *out, char *why) {
    size_t body;
    const uint8_t *p = (const uint8_t *)packet.p;
    ptrdiff_t len = frame(p, packet.n, &body);
    if (len < 0 || (size_t)len != packet.n) {
        snprintf(why, 160, "not one whole packet");
        return false;
    }
    return decode(p, p + body, p + len, version, server, out, why);
}
static int head_fault(sl_mqtt_reader *r, ptrdiff_t len) {
    if (len < 0)
        snprintf(r->why, sizeof r->why, "malformed packet from the peer: length of more than four bytes");
    else
        snprintf(r->why, sizeof r->why, "packet of %td bytes is larger than the limit of %zu bytes", len, r->limit);
    return -1;
}
/* A packet torn over several inputs: copies into part no more than the packet wants. */
static int next_torn(sl_mqtt_reader *r, sl_mqtt_packet *out) {
    for (;;) {
        size_t body = 0;
        ptrdiff_t len = r->part.n ? frame((const uint8_t *)r->part.p, r->part.n, &body) : 0;
        if (len < 0 || (r->limit && (size_t)len > r->limit))
            return head_fault(r, len);
        if (len && r->part.n == (size_t)len) {
            r->spent = true;
            const uint8_t *p = (const uint8_t *)r->part.p;
            return decode(p, p + body, p + len, &r->version, r->server, out, r->why) ? 1 : -1;
        }
        if (!r->in.n)
            return 0;
        size_t want = len ? (size_t)len - r->part.n : 1;
        if (want > r->in.n)
            want = r->in.n;
        sl_buf_put(&r->part, r->in.p, want);
        if (r->part.failed) {
            snprintf(r->why, sizeof r->why, "out of memory for a packet of %td bytes", len);
            return -1;
        }
        r->in.p += want;
        r->in.n -= want;
    }
}
int sl_mqtt_next(sl_mqtt_reader *r, sl_mqtt_packet *out) {
    if (r->part.n) {
        if (!r->spent)
            return next_torn(r, out);
        r->spent = false;
        r->part.n = 0;
        if (r->part.cap > 1u << 20) /* one giant must not stay for ever */
            sl_buf_free(&r->part);
    }
    size_t body = 0;
    ptrdiff_t len = frame((const uint8_t *)r->in.p, r->in.n, &body);
    if (len < 0 || (r->limit && (size_t)len > r->limit))
        return head_fault(r, len);
    if (!len || (size_t)len > r->in.n)
        return r->in.n ? next_torn(r, out) : 0;
    const uint8_t *p = (const uint8_t *)r->in.p;
    r->in.p += len;
    r->in.n -= (size_t)len;
    return decode(p, p + body, p + len, &r->version, r->server, out, r->why) ? 1 : -1;
}
void sl_mqtt_reader_free(sl_mqtt_reader *r) { sl_buf_free(&r->part); }

/* ---- encode ---- */
static void put_u16(sl_buf *o, size_t v) {
    char b[2] = {(char)(v >> 8), (char)v};
    sl_buf_put(o, b, 2);
}
static size_t var_len(size_t v) { return v < 128 ? 1 : v < 16384 ? 2 : v < 2097152 ? 3 : 4; }
static char *var_to(char *p, size_t v) {
    do {
        *p++ = (char)((v & 127) | (v > 127 ? 128 : 0));
    } while (v >>= 7);
    return p;
}
static void put_var(sl_buf *o, size_t v) {
    char b[5];
    sl_buf_put(o, b, (size_t)(var_to(b, v) - b));
}
static void put_bin(sl_buf *o, sl_str s) {
    put_u16(o, s.n);
    sl_buf_str(o, s);
}
static size_t props_size(const sl_mqtt_props *x) {
    size_t n = 0;
    if (!x)
        return 0;
    for (uint64_t left = x->have & ~(1ull << SL_MQTT_P_USER); left; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        switch (props_of[id].kind) {
        case K_U8: n += 2; break;
        case K_U16: n += 3; break;
        case K_U32: n += 5; break;
        case K_VAR: n += 1 + var_len(x->num[id]); break;
        default: n += 3 + x->text[id].n; break;
        }
    }
    for (uint32_t i = 0; i < x->nusers && SL_MQTT_HAS(x, SL_MQTT_P_USER); i++)
        n += 5 + x->users[i].name.n + x->users[i].value.n;
    return n;
}
static void put_props(sl_buf *o, const sl_mqtt_props *x, size_t size) {
    put_var(o, size);
    if (!size)
        return;
    for (uint64_t left = x->have & ~(1ull << SL_MQTT_P_USER); left; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        sl_buf_putc(o, (char)id);
        switch (props_of[id].kind) {
        case K_U8: sl_buf_putc(o, (char)x->num[id]); break;
        case K_U16: put_u16(o, x->num[id]); break;
        case K_U32:
            put_u16(o, x->num[id] >> 16);
            put_u16(o, x->num[id] & 0xFFFF);
            break;
        case K_VAR: put_var(o, x->num[id]); break;
        default: put_bin(o, x->text[id]); break;
        }
    }
    for (uint32_t i = 0; i < x->nusers && SL_MQTT_HAS(x, SL_MQTT_P_USER); i++) {
        sl_buf_putc(o, SL_MQTT_P_USER);
        put_bin(o, x->users[i].name);
        put_bin(o, x->users[i].value);
    }
}
static const char *props_check(const sl_mqtt_props *x) {
    for (uint64_t left = x->have; left; left &= left - 1) {
        unsigned id = (unsigned)__builtin_ctzll(left);
        if (id >= 0x2B || !props_of[id].kind)
            return "unknown property";
        if (props_of[id].kind == K_TEXT || props_of[id].kind == K_BIN) {
            if (x->text[id].n > 65535)
                return "property is longer than 65535 bytes";
        }
    }
    for (uint32_t i = 0; i < x->nusers && SL_MQTT_HAS(x, SL_MQTT_P_USER); i++)
        if (x->users[i].name.n > 65535 || x->users[i].value.n > 65535 || !text_ok(x->users[i].name) || !text_ok(x->users[i].value))
            return "user property is longer than 65535 bytes, not UTF-8 or has a zero character";
    return NULL;
}
const char *sl_mqtt_put_publish(sl_buf *out, int version, sl_str topic, sl_str payload, uint8_t qos, bool dup, bool retain, uint16_t id, const sl_mqtt_props *props) {
    const char *bad = topic.n || version < SL_MQTT_5 ? sl_mqtt_topic_check(topic) : NULL;
    size_t psize = 0, plen = 0;
    if (!bad && version >= SL_MQTT_5) {
        if (props && props->have)
            bad = props_check(props);
        psize = bad ? 0 : props_size(props);
        plen = psize + var_len(psize);
    }
    size_t rest = 2 + topic.n + (qos ? 2 : 0) + plen + payload.n;
    if (!bad && (rest > SL_MQTT_MAX_PACKET - 5 || psize > 268435455))
        bad = "message is larger than MQTT can carry (256 MB)";
    if (bad)
        return bad;
    if (!sl_buf_room(out, rest + 5))
        return "out of memory";
    char *p = out->p + out->n;
    *p++ = (char)(SL_MQTT_PUBLISH << 4 | (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0));
    p = var_to(p, rest);
    *p++ = (char)(topic.n >> 8);
    *p++ = (char)topic.n;
    if (topic.n)
        memcpy(p, topic.p, topic.n);
    p += topic.n;
    if (qos) {
        *p++ = (char)(id >> 8);
        *p++ = (char)id;
    }
    out->n = (size_t)(p - out->p);
    if (version >= SL_MQTT_5)
        put_props(out, props, psize);
    if (payload.n)
        memcpy(out->p + out->n, payload.p, payload.n);
    out->n += payload.n;
    return NULL;
}
void sl_mqtt_put_ack(sl_buf *out, int version, sl_mqtt_type type, uint16_t id, uint8_t reason) {
    bool with = version >= SL_MQTT_5 && reason;
    char b[5] = {(char)(type << 4 | fixed_flags[type]), with ? 3 : 2, (char)(id >> 8), (char)id, (char)reason};
    sl_buf_put(out, b, with ? 5 : 4);
}
static const char *text_check(sl_str s, const char *why) { return s.n <= 65535 && text_ok(s) ? NULL : why; }
static const char *put_connect(sl_buf *o, const sl_mqtt_packet *p) {
    const char *bad = text_check(p->client_id, "client id is too long or not UTF-8");
    if (!bad && p->has_user)
        bad = text_check(p->user, "user name is too long or not UTF-8");
    if (!bad && p->has_password && p->password.n > 65535)
        bad = "password is longer than 65535 bytes";
    if (!bad && p->has_will)
        bad = p->will_payload.n > 65535 ? "will message is longer than 65535 bytes" : sl_mqtt_topic_check(p->will_topic);
    if (!bad && p->version < SL_MQTT_5 && p->has_password && !p->has_user)
        bad = "a password without a user name needs protocol version 5";
    if (bad)
        return bad;
    put_bin(o, p->version == SL_MQTT_31 ? SL_S("MQIsdp") : SL_S("MQTT"));
    sl_buf_putc(o, (char)p->version);
    sl_buf_putc(o, (char)((p->clean ? 2 : 0) | (p->has_will ? 4 | p->will_qos << 3 | (p->will_retain ? 32 : 0) : 0) | (p->has_password ? 64 : 0) | (p->has_user ? 128 : 0)));
    put_u16(o, p->keepalive);
    if (p->version >= SL_MQTT_5)
        put_props(o, &p->props, props_size(&p->props));
    put_bin(o, p->client_id);
    if (p->has_will) {
        if (p->version >= SL_MQTT_5)
            sl_buf_putc(o, 0);
        put_bin(o, p->will_topic);
        put_bin(o, p->will_payload);
    }
    if (p->has_user)
        put_bin(o, p->user);
    if (p->has_password)
        put_bin(o, p->password);
    return NULL;
}
const char *sl_mqtt_put(sl_buf *out, int version, const sl_mqtt_packet *p) {
    if (p->type == SL_MQTT_PUBLISH)
        return sl_mqtt_put_publish(out, version, p->topic, p->payload, p->qos, p->dup, p->retain, p->id, &p->props);
    bool v5 = (p->type == SL_MQTT_CONNECT ? p->version : version) >= SL_MQTT_5;
    const char *bad = v5 ? props_check(&p->props) : NULL;
    sl_buf b = {0};
    size_t psize = v5 && !bad ? props_size(&p->props) : 0;
    if (!bad)
        switch (p->type) {
        case SL_MQTT_CONNECT: bad = put_connect(&b, p); break;
        case SL_MQTT_CONNACK:
            sl_buf_putc(&b, p->session_present);
            sl_buf_putc(&b, (char)p->reason);
            if (v5)
                put_props(&b, &p->props, psize);
            break;
        case SL_MQTT_PUBACK:
        case SL_MQTT_PUBREC:
        case SL_MQTT_PUBREL:
        case SL_MQTT_PUBCOMP:
        case SL_MQTT_DISCONNECT:
        case SL_MQTT_AUTH:
            if (p->type != SL_MQTT_DISCONNECT && p->type != SL_MQTT_AUTH)
                put_u16(&b, p->id);
            if (v5 && (p->reason || psize))
                sl_buf_putc(&b, (char)p->reason);
            if (psize)
                put_props(&b, &p->props, psize);
            break;
        case SL_MQTT_SUBSCRIBE:
        case SL_MQTT_UNSUBSCRIBE:
            put_u16(&b, p->id);
            if (v5)
                put_props(&b, &p->props, psize);
            if (!p->nfilters)
                bad = "no topic filter";
            for (uint32_t i = 0; i < p->nfilters && !bad; i++) {
                bad = sl_mqtt_filter_check(p->filters[i].filter);
                put_bin(&b, p->filters[i].filter);
                if (p->type == SL_MQTT_SUBSCRIBE)
                    sl_buf_putc(&b, (char)(v5 ? p->filters[i].options : p->filters[i].options & 3));
            }
            break;
        case SL_MQTT_SUBACK:
        case SL_MQTT_UNSUBACK:
            put_u16(&b, p->id);
            if (v5)
                put_props(&b, &p->props, psize);
            if (v5 || p->type == SL_MQTT_SUBACK)
                sl_buf_str(&b, p->list);
            break;
        case SL_MQTT_PINGREQ:
        case SL_MQTT_PINGRESP: break;
        default: bad = "unknown packet type";
        }
    if (!bad && b.n > SL_MQTT_MAX_PACKET - 5)
        bad = "packet is larger than MQTT can carry (256 MB)";
    if (!bad && (b.failed || !sl_buf_room(out, b.n + 5)))
        bad = "out of memory";
    if (!bad) {
        sl_buf_putc(out, (char)(p->type << 4 | fixed_flags[p->type]));
        put_var(out, b.n);
        sl_buf_put(out, b.p, b.n);
    }
    sl_buf_free(&b);
    return bad;
}

/* ---- words ---- */
const char *sl_mqtt_connack_text(int version, uint8_t code) {
    static const char *const old[] = {"connection accepted", "unacceptable protocol version", "identifier rejected",
                                      "server unavailable",  "bad user name or password",     "not authorized"};
    if (code < 6 && (version < SL_MQTT_5 || code == 1))
        return old[code];
    return version < SL_MQTT_5 ? "unknown return code" : sl_mqtt_reason_text(code);
}
const char *sl_mqtt_reason_text(uint8_t code) {
    switch (code) {
    case 0x00: return "success";
    case 0x04: return "disconnect with will message";
    case 0x10: return "no matching subscribers";
    case 0x11: return "no subscription existed";
    case 0x80: return "unspecified error";
    case 0x81: return "malformed packet";
    case 0x82: return "protocol error";
    case 0x83: return "implementation specific error";
    case 0x84: return "unsupported protocol version";
    case 0x85: return "client identifier not valid";
    case 0x86: return "bad user name or password";
    case 0x87: return "not authorized";
    case 0x88: return "server unavailable";
    case 0x89: return "server busy";
    case 0x8A: return "banned";
    case 0x8B: return "server shutting down";
    case 0x8C: return "bad authentication method";
    case 0x8D: return "keep alive timeout";
    case 0x8E: return "session taken over";
    case 0x8F: return "topic filter invalid";
    case 0x90: return "topic name invalid";
    case 0x91: return "packet identifier in use";
    case 0x92: return "packet identifier not found";
    case 0x93: return "receive maximum exceeded";
    case 0x94: return "topic alias invalid";
    case 0x95: return "packet too large";
    case 0x96: return "message rate too high";
    case 0x97: return "quota exceeded";
    case 0x98: return "administrative action";
    case 0x99: return "payload format invalid";
    case 0x9A: return "retain not supported";
    case 0x9B: return "QoS not supported";
    case 0x9C: return "use another server";
    case 0x9D: return "server moved";
    case 0x9E: return "shared subscriptions not supported";
    case 0x9F: return "connection rate exceeded";
    case 0xA0: return "maximum connect time";
    case 0xA1: return "subscription identifiers not supported";
    case 0xA2: return "wildcard subscriptions not supported";
    default: return "unknown reason code";
    }
}
