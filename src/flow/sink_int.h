/* Inside the sink node: sink.c makes messages of rows, queue.c keeps them until the connector has answered. */
#ifndef SL_FLOW_SINK_INT_H
#define SL_FLOW_SINK_INT_H
#include <stdlib.h>
#include "flow/flow_int.h"

typedef struct hold { /* the ticket of a batch, shared by its messages: one atomic per batch */
    sl_ticket *ticket;
    uint32_t n;
    struct hold *also; /* batchSize: one message settles several input batches */
    bool fixed;        /* the one inside a sink */
} hold;
enum { WAIT, SENT, BACK /* to be offered again */, DONE };
typedef struct item {
    char *p; /* payload; owned when owned */
    size_t off, n;
    sl_batch *batch; /* row sinks: held */
    uint32_t first, count;
    hold *hold;
    struct page *page; /* of the cache on disk, where it is until it is settled */
    uint8_t state;
    bool owned, is_error, collection, tried;
    size_t doff, dn; /* rendered properties: in scratch, or behind the payload when owned; dn 0: none */
    size_t held;     /* bytes told to the account of the flow */
} item;
typedef struct ring {
    item *at;
    size_t head, n, cap; /* cap is a power of two */
} ring;

typedef struct page { /* a file of the cache whose messages are in memory */
    uint64_t no;
    uint32_t n, left;
} page;
typedef struct spill { /* cache.c: what a sink with enableCache keeps beyond its memory */
    char *dir;
    struct kept_page {
        uint64_t no;
        uint32_t n;
    } * pages; /* on disk only, oldest first: between what waits in memory and `fresh` */
    size_t npages, cap, items;
    uint64_t next;
    ring fresh; /* becomes the next page */
    SL_VEC(page *) loaded;
    size_t page, max;                /* messages of a page, pages */
    bool open, stuck, clean, ending; /* stuck: the last page could not be written */
} spill;

struct sink_node {
    sl_sink_host host; /* first: the connector holds a pointer to it */
    sl_flow *flow;
    bool blind; /* messages are only counted: */
    int64_t counted_ms;
    uint64_t counted, counted_taken; /* not yet in meter and taken */
    sl_sink *sink;
    const sl_sinkdef *def;
    sl_conn_env env;
    sl_encoder *enc;
    ring wait, sent;
    uint64_t base;     /* sequence number of the head of sent */
    size_t unsettled;  /* of sent: SENT or BACK */
    size_t loose;      /* messages whose bytes are in scratch */
    size_t held;       /* bytes of the messages that wait, rows and copies */
    size_t doff, dn;   /* rendered properties of the message being made */
    sl_str *props;     /* room for the rendered properties of one offer; NULL: none are templated */
    hold own;          /* for the batch of the moment, when nothing older uses it: no allocation */
    sl_cipher *cipher; /* encryption, after compression */
    sl_buf scratch, pressed;
    bool flushing;   /* a batch becomes one message */
    sl_arena *arena; /* the lane's */
    sl_timer *retry, *linger;
    bool probe;                                              /* after SL_LATER: one at a time until one is taken */
    bool down, later, pumping, again, back, closing, closed; /* later: offers rest until the retry timer; back: sent holds some BACK */
    sl_meter meter;
    uint64_t taken;
    spill *spill;       /* NULL: no cache, or rows that have no form on disk */
    sink_node *resend;  /* resendAlterQueue: what fails goes there, new messages go on here */
    bool spare, forget; /* it is somebody's resend; its owner could not be opened */
    /* batchSize / lingerInterval */
    sl_buf batch_buf, batch_dyn, csv_head, csv_list;
    uint32_t batch_n;
    hold *batch_hold;
    sl_builder *batch_rows;
    sl_fn done;
    void *done_arg;
};

static inline item *ring_at(const ring *r, size_t i) { return &r->at[(r->head + i) & (r->cap - 1)]; }
static inline int64_t now_of(const sink_node *s) { return sl_now(s->flow->lane->loop); }

/* ---- transform.c ---- */
uint32_t dyn_count(const sl_sinkdef *d); /* templated properties of the connector; 0: all are constant */
/* Renders the action's properties on data as one block. false: *why. */
bool dyn_render(sink_node *s, sl_value data, sl_buf *out, sl_str *why);
void dyn_spread(const sl_sinkdef *def, const char *block, sl_str *to); /* to: dyn_count texts, .p NULL where the constant holds */
bool sink_shapes(const sink_node *s);                                  /* dataField, fields or excludeFields */
typedef enum made { MADE_ERROR, MADE_VALUE, MADE_TEXT } made;
/* data (a MAP, or the LIST of rows) to what is encoded (*v), or to a finished payload (*text); *why when it failed. Memory: the lane's arena. */
made sink_transform(sink_node *s, sl_value data, sl_value *v, sl_str *text, sl_str *why);

static inline ring *queue_in(sink_node *s) { return s->spill && s->spill->open ? &s->spill->fresh : &s->wait; }

/* ---- cache.c ---- */
sl_err *spill_open(sink_node *s);       /* finds what an earlier run left */
void spill_begin(sink_node *s);         /* before messages are pushed: decides where they go */
void spill_limit(sink_node *s);         /* writes full pages */
bool spill_refill(sink_node *s);        /* nothing waits in memory: takes the oldest page; false: there is none */
void spill_done(sink_node *s, page *p); /* a message of p is settled */
void spill_keep(sink_node *s);          /* the end: writes what is left */
void spill_free(sink_node *s);
static inline size_t spill_n(const sink_node *s) { return s->spill ? s->spill->items + s->spill->fresh.n : 0; }

/* ---- queue.c ---- */
/* The item keeps so many bytes until it is cleared. */
static inline void item_holds(sink_node *s, item *x, size_t n) {
    x->held += n;
    s->held += n;
}
enum { OFFER = 256 }; /* most messages of one put */
bool ring_room(ring *r, size_t more);
extern const sl_sink_host queue_host;
hold *hold_new(sink_node *s, sl_ticket *t);
void hold_drop(hold *h);
void item_clear(sink_node *s, item *x);
bool queue_push(sink_node *s, item x);     /* counted as in; false: out of memory */
void queue_begin(sink_node *s);            /* before pushing */
void queue_pump(sink_node *s);             /* offers what waits */
void queue_own(sink_node *s);              /* the scratch buffer is about to be reused: what is left of it gets its own copy */
void queue_limit(sink_node *s);            /* a shared source is not held back: drops the oldest beyond the limit */
void queue_fail(sink_node *s, sl_str why); /* a message that was never queued */
void queue_free(sink_node *s);
#endif
