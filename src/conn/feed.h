/* The test door's feeding and collecting ends, and the lookup tables it fills. All calls @on the lane of the rule. */
#ifndef SL_CONN_FEED_H
#define SL_CONN_FEED_H
#include "conn/conn.h"
typedef struct collected {
    struct collected *next;
    char *rule, *bytes;
    size_t nbytes;
    sl_batch *batch; /* held; NULL for bytes */
    uint32_t first, count;
    int64_t at_ms;
    bool is_error, collection;
    char *props; /* JSON object of the properties that were templates; NULL: none */
} collected;
/* Gives one message to all sources fed by topic. false: there is none on this lane. */
bool sl_feed_bytes(sl_str topic, sl_str bytes, const sl_member *meta, uint32_t nmeta);
bool sl_feed_row(sl_str topic, sl_value row, sl_value meta);
/* Puts a row into the lookup tables of that name, in place of the one with the same key when they have a key. false: there is none. */
bool sl_feed_table(sl_str table, sl_value row);
/* What the rule's collectors got since the last call, in order; the caller frees it. */
collected *sl_collected_take(sl_str rule);
void sl_collected_free(collected *c);
/* Makes the definitions below findable by name. @on main, before anything runs. */
void sl_conn_allow_test(void);
extern const sl_conn_def sl_conn_feed[];
/* Publishes one row to a topic of the memory connector, for lookup tables; rowkind "" = a plain row. false: nobody listens. */
bool sl_memory_say(sl_str topic, sl_value row, sl_str rowkind, sl_str key);
#endif
