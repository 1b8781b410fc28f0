/* Events of an auction house in the proportions and with the hot spots that NEXMark publishes: of 50 events 1 is a person, 3 are auctions, 46 are
 * bids; 3 of 4 auctions belong to the hot seller, every second bid goes to the hot auction, 3 of 4 bids come from the hot bidder; prices are spread
 * evenly by their logarithm over six decades; `extra` fills an event up to 200, 500 and 100 bytes on average. Ids may lead by ten: a bid can come before its auction.
 *
 * Decision: an event is a list of values by field, which point into tables of the generator; whoever makes rows or JSON of it copies what it keeps. One
 * seed gives one sequence, so that two programs can talk about the same events. For bench_nexmark alone. */
#ifndef SL_BENCH_EVENTS_H
#define SL_BENCH_EVENTS_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/batch.h"

enum { NX_PERSON, NX_AUCTION, NX_BID, NX_SIDE, NX_STREAMS };
enum { NX_EPOCH = 50, NX_AUCTIONS = 3, NX_FIRST_ID = 1000, NX_CATEGORIES = 5, NX_LEAD = 10, NX_FLIGHT = 100, NX_ACTIVE = 1000, NX_HOT = 100, NX_CHANNELS = 10000 };
enum { NX_TEXT = 1 << 20, NX_FIELDS = 10, NX_SIDE_ROWS = 10000 };
#define NX_BASE_MS INT64_C(1699988390000) /* time of the first event: ten seconds before 19:00, where the day of q14 changes its name */

static const char *const nx_stream[NX_STREAMS] = {"person", "auction", "bid", "side"};
static const char *const nx_field[NX_STREAMS][NX_FIELDS] = {
    {"id", "name", "emailAddress", "creditCard", "city", "state", "dateTime", "extra"},
    {"id", "itemName", "description", "initialBid", "reserve", "dateTime", "expires", "seller", "category", "extra"},
    {"auction", "bidder", "price", "channel", "url", "dateTime", "extra"},
    {"key", "value"},
};
static const uint32_t nx_nfields[NX_STREAMS] = {8, 10, 7, 2};

typedef struct nx_event {
    int kind;
    sl_value v[NX_FIELDS];
} nx_event;
typedef struct nx_channel {
    char name[16], url[88];
    uint32_t nname, nurl;
} nx_channel;
typedef struct nx_gen {
    uint64_t seed, number; /* of the next event */
    int64_t rate;          /* events a second of stream time */
    char *letters, *words; /* [NX_TEXT] */
    nx_channel *channels;  /* the last four are the hot ones */
    char mail[24], card[20];
} nx_gen;

static inline uint64_t nx_next(nx_gen *g) { /* splitmix64 */
    uint64_t z = g->seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static inline uint64_t nx_below(nx_gen *g, uint64_t n) { return (uint64_t)((unsigned __int128)nx_next(g) * n >> 64); }
static inline int64_t nx_price(nx_gen *g) { return (int64_t)(exp((double)(nx_next(g) >> 11) * 0x1p-53 * 13.815510557964274) * 100 + 0.5); }
static inline sl_value nx_part(nx_gen *g, const char *text, uint64_t n) { return sl_v_str(sl_str_n(text + nx_below(g, NX_TEXT - n), n)); }
static inline sl_value nx_cut(nx_gen *g, uint64_t most) { /* words of up to so many characters, without blanks at the ends */
    sl_value v = nx_part(g, g->words, 3 + nx_below(g, most - 3));
    while (v.len && v.p[0] == ' ')
        v.p++, v.len--;
    while (v.len && v.p[v.len - 1] == ' ')
        v.len--;
    return v;
}
static inline sl_value nx_extra(nx_gen *g, uint64_t have, uint64_t average) { /* four to six fifths of what is missing */
    if (have >= average)
        return sl_v_str(SL_S(""));
    uint64_t fifth = (average - have + 2) / 5;
    return nx_part(g, g->letters, average - have - fifth + (fifth ? nx_below(g, 2 * fifth) : 0));
}
static bool nx_init(nx_gen *g, uint64_t seed, int64_t rate) {
    *g = (nx_gen){.seed = seed, .rate = rate, .letters = malloc(NX_TEXT), .words = malloc(NX_TEXT), .channels = calloc(NX_CHANNELS + 4, sizeof *g->channels)};
    if (!g->letters || !g->words || !g->channels)
        return false;
    for (int i = 0; i < NX_TEXT; i++) {
        g->letters[i] = (char)('a' + nx_below(g, 26));
        g->words[i] = nx_below(g, 13) ? (char)('a' + nx_below(g, 26)) : ' ';
    }
    static const char *const hot[] = {"Google", "Facebook", "Baidu", "Apple"};
    for (uint32_t i = 0; i < NX_CHANNELS + 4; i++) {
        nx_channel *c = &g->channels[i];
        char dir[3][6];
        for (int k = 0; k < 3; k++) {
            uint64_t n = 3 + nx_below(g, 2);
            for (uint64_t x = 0; x < n; x++)
                dir[k][x] = nx_below(g, 13) ? (char)('a' + nx_below(g, 26)) : '_';
            dir[k][n] = 0;
        }
        c->nname = (uint32_t)(i < NX_CHANNELS ? snprintf(c->name, sizeof c->name, "channel-%u", i) : snprintf(c->name, sizeof c->name, "%s", hot[i - NX_CHANNELS]));
        c->nurl = (uint32_t)snprintf(c->url, sizeof c->url, "https://www.nexmark.com/%s/%s/%s/item.htm?query=1", dir[0], dir[1], dir[2]);
        if (i < NX_CHANNELS && nx_below(g, 10))
            c->nurl += (uint32_t)snprintf(c->url + c->nurl, sizeof c->url - c->nurl, "&channel_id=%u", (unsigned)nx_below(g, 1u << 31));
    }
    return true;
}
static void nx_end(nx_gen *g) {
    free(g->letters);
    free(g->words);
    free(g->channels);
}
static inline int64_t nx_time(const nx_gen *g, uint64_t number) { return NX_BASE_MS + (int64_t)(number * 1000 / (uint64_t)g->rate); }
/* Any of the last people, and a few who are still to come. */
static inline int64_t nx_anyone(nx_gen *g, int64_t last) {
    int64_t active = last + 1 < NX_ACTIVE ? last + 1 : NX_ACTIVE;
    return last + 1 - active + (int64_t)nx_below(g, (uint64_t)(active + NX_LEAD));
}
#define NX_PICK(list) sl_v_str(sl_str_of(list[nx_below(g, sizeof list / sizeof *list)]))
static inline void nx_make(nx_gen *g, nx_event *e) {
    uint64_t k = g->number++, at = k % NX_EPOCH;
    int64_t epoch = (int64_t)(k / NX_EPOCH), person = epoch, ms = nx_time(g, k);
    if (at == 0) {
        static const char *const first[] = {"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"};
        static const char *const last[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"};
        static const char *const city[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"};
        static const char *const state[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
        static char name[32];
        int n = snprintf(name, sizeof name, "%s %s", first[nx_below(g, 11)], last[nx_below(g, 9)]);
        e->kind = NX_PERSON;
        e->v[0] = sl_v_int(person + NX_FIRST_ID);
        e->v[1] = sl_v_str(sl_str_n(name, (size_t)n));
        sl_value a = nx_part(g, g->letters, 3 + nx_below(g, 4)), b = nx_part(g, g->letters, 3 + nx_below(g, 2));
        n = snprintf(g->mail, sizeof g->mail, "%.*s@%.*s.com", (int)a.len, a.p, (int)b.len, b.p);
        e->v[2] = sl_v_str(sl_str_n(g->mail, (size_t)n));
        n = snprintf(g->card, sizeof g->card, "%04u %04u %04u %04u", (unsigned)nx_below(g, 10000), (unsigned)nx_below(g, 10000), (unsigned)nx_below(g, 10000),
                     (unsigned)nx_below(g, 10000));
        e->v[3] = sl_v_str(sl_str_n(g->card, (size_t)n));
        e->v[4] = NX_PICK(city);
        e->v[5] = NX_PICK(state);
        e->v[6] = sl_v_int(ms);
        e->v[7] = nx_extra(g, 8 + e->v[1].len + e->v[2].len + e->v[3].len + e->v[4].len + 2, 200);
    } else if (at <= NX_AUCTIONS) {
        int64_t price = nx_price(g);
        uint64_t horizon = (uint64_t)NX_FLIGHT * NX_EPOCH / NX_AUCTIONS * 2000 / (uint64_t)g->rate;
        e->kind = NX_AUCTION;
        e->v[0] = sl_v_int(epoch * NX_AUCTIONS + (int64_t)at - 1 + NX_FIRST_ID);
        e->v[1] = nx_cut(g, 20);
        e->v[2] = nx_cut(g, 100);
        e->v[3] = sl_v_int(price);
        e->v[4] = sl_v_int(price + nx_price(g));
        e->v[5] = sl_v_int(ms);
        e->v[6] = sl_v_int(ms + 1 + (int64_t)nx_below(g, horizon ? horizon : 1));
        e->v[7] = sl_v_int((nx_below(g, 4) ? person / NX_HOT * NX_HOT : nx_anyone(g, person)) + NX_FIRST_ID);
        e->v[8] = sl_v_int(10 + (int64_t)nx_below(g, NX_CATEGORIES));
        e->v[9] = nx_extra(g, 48 + e->v[1].len + e->v[2].len, 500);
    } else {
        int64_t last = epoch * NX_AUCTIONS + NX_AUCTIONS - 1, least = last > NX_FLIGHT ? last - NX_FLIGHT : 0;
        e->kind = NX_BID;
        e->v[0] = sl_v_int((nx_below(g, 2) ? last / NX_HOT * NX_HOT : least + (int64_t)nx_below(g, (uint64_t)(last - least + 1 + NX_LEAD))) + NX_FIRST_ID);
        e->v[1] = sl_v_int((nx_below(g, 4) ? person / NX_HOT * NX_HOT + 1 : nx_anyone(g, person)) + NX_FIRST_ID);
        e->v[2] = sl_v_int(nx_price(g));
        const nx_channel *c = &g->channels[nx_below(g, 2) ? NX_CHANNELS + nx_below(g, 4) : nx_below(g, NX_CHANNELS)];
        e->v[3] = sl_v_str(sl_str_n(c->name, c->nname));
        e->v[4] = sl_v_str(sl_str_n(c->url, c->nurl));
        e->v[5] = sl_v_int(ms);
        e->v[6] = nx_extra(g, 32, 100);
    }
}
/* Row i of the side input: 10,000 keys with a word. */
static inline void nx_side(uint32_t i, nx_event *e) {
    static char text[24];
    int n = snprintf(text, sizeof text, "side-%u", i);
    e->kind = NX_SIDE;
    e->v[0] = sl_v_int(i);
    e->v[1] = sl_v_str(sl_str_n(text, (size_t)n));
}
static inline char *nx_put(char *p, const char *s, size_t n) {
    memcpy(p, s, n);
    return p + n;
}
enum { NX_JSON = 1024 }; /* more than the JSON of an event can take */
/* The event as a JSON object; its texts need no escapes. Returns the length. */
static inline size_t nx_json(const nx_event *e, char *to) {
    static uint32_t len[NX_STREAMS][NX_FIELDS];
    char *p = to;
    for (uint32_t f = 0; f < nx_nfields[e->kind]; f++) {
        if (!len[e->kind][f])
            len[e->kind][f] = (uint32_t)strlen(nx_field[e->kind][f]);
        *p++ = f ? ',' : '{';
        *p++ = '"';
        p = nx_put(p, nx_field[e->kind][f], len[e->kind][f]);
        *p++ = '"';
        *p++ = ':';
        if (e->v[f].kind == SL_STRING) {
            *p++ = '"';
            p = nx_put(p, e->v[f].p, e->v[f].len);
            *p++ = '"';
        } else {
            char d[20];
            int n = 0;
            uint64_t i = (uint64_t)e->v[f].i;
            do
                d[n++] = (char)('0' + i % 10);
            while (i /= 10);
            while (n)
                *p++ = d[--n];
        }
    }
    *p++ = '}';
    return (size_t)(p - to);
}
#endif
