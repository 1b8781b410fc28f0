/* The notice board of the memory connector: who listens to which topic, in the whole process. Inside of conn/memory only.
 *
 * A publisher finds its listeners through a cached list and posts each of them one letter per put: no lock, no copy of rows, the batches
 * are held. The board's lock is taken only when a subscription comes or goes, or a publisher meets a new topic. */
#ifndef SL_CONN_MEMORY_BOARD_H
#define SL_CONN_MEMORY_BOARD_H
#include <stdatomic.h>
#include "base/vec.h"
#include "conn/conn.h"

enum { KIND_PLAIN, KIND_INSERT, KIND_UPDATE, KIND_UPSERT, KIND_DELETE };

typedef struct publisher { /* what letters say about their sender; shared by its letters */
    atomic_uint refs;
    char *topic; /* as configured */
    char *key_field;
    bool updates; /* rows carry kinds */
} publisher;

typedef struct item { /* rows [first, first+count) of a held batch */
    sl_batch *batch;
    uint32_t first, count;
    uint8_t *kinds; /* [count], inside the letter, or NULL */
} item;
typedef struct listener listener;
typedef struct letter {
    listener *to;
    publisher *from;
    uint64_t pos; /* the source's, of its last row */
    struct letter *next;
    uint32_t n, at, messages; /* at: next item to handle */
    uint64_t dropped;         /* messages lost before this letter because the queue was full */
    item items[];
} letter;

struct listener {
    atomic_uint refs;
    atomic_uint queued; /* messages under way or waiting */
    atomic_ullong dropped;
    uint32_t limit; /* of queued */
    bool keeps;     /* has a journal: nothing is thrown away for it; publishers offer it again */
    sl_loop *loop;
    char *topic; /* exact or with + # */
    bool wild;
    /* @on loop */
    bool closed;
    void *owner;
    void (*take)(void *owner, letter *l); /* takes the letter over */
    listener *next;                       /* of the board */
};

bool topic_wild(sl_str topic);
/* Levels by '/'; + is one non-empty level, # the rest (at least one character). */
bool topic_match(sl_str pattern, sl_str topic);

/* limit: queue length in messages. NULL: out of memory. */
listener *board_listen(sl_loop *loop, sl_str topic, uint32_t limit, bool keeps, void *owner, void (*take)(void *owner, letter *l));
void board_leave(listener *l); /* @on its loop; letters under way are thrown away on arrival */
void letter_taken(letter *l);  /* gives back the room in the queue */
void letter_free(letter *l);   /* the same, and drops the batches: the publisher's source may commit them */

typedef struct route { /* a publisher's cache: who listens to the topic it published to last */
    char *topic;
    uint64_t generation;
    listener **to; /* referenced */
    uint32_t n;
    bool keeps; /* one of them does */
} route;
/* Listeners of topic, from the cache when it still holds. false: out of memory. */
bool route_find(route *r, sl_str topic);
void route_free(route *r);
publisher *publisher_new(sl_str topic, sl_str key_field, bool updates);
void publisher_drop(publisher *p);
/* Is there a listener that keeps a journal and whose queue is full? Then nothing should be posted. */
bool route_full(const route *r);
/* Posts the items to all listeners of the route; messages counts for their queues. false: out of memory for one of them. */
bool route_post(route *r, publisher *from, const item *items, uint32_t n, uint32_t messages);
#endif
