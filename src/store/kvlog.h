/* The catalogue's ground: an ordered log of key/values (append, read back, compact), not create/read/update/delete, because the same
 * interface is backed by compacted Kafka topics when the daemon scales out. Here it is SQLite in WAL mode. Keys look like "stream/demo".
 * Office thread only. */
#ifndef SL_STORE_KVLOG_H
#define SL_STORE_KVLOG_H
#include "base/err.h"
#include "base/str.h"
typedef struct sl_kvlog sl_kvlog;
/* Opens or creates; runs numbered migrations; refuses a file of a newer format. path ":memory:" for tests. */
sl_err *sl_kvlog_open(const char *path, sl_kvlog **out);
void sl_kvlog_close(sl_kvlog *k);
/* Appends key=value (value NULL span with p == NULL: tombstone). Durable when it returns, unless inside a group. */
sl_err *sl_kvlog_append(sl_kvlog *k, sl_str key, sl_str value);
/* Appends between begin and commit become durable together; rollback forgets them. */
sl_err *sl_kvlog_begin(sl_kvlog *k);
sl_err *sl_kvlog_commit(sl_kvlog *k);
void sl_kvlog_rollback(sl_kvlog *k);
/* Newest live value per key whose key starts with prefix, in the order of the keys' first appearance since they were last deleted. Spans are lent
 * during the call. Stop by returning false. */
sl_err *sl_kvlog_read(sl_kvlog *k, sl_str prefix, bool (*each)(void *arg, sl_str key, sl_str value), void *arg);
sl_err *sl_kvlog_get(sl_kvlog *k, sl_str key, sl_buf *out, bool *found);
/* Drops superseded entries; bounded work per call (about budget_ms), *more when it should be called again. */
sl_err *sl_kvlog_compact(sl_kvlog *k, int budget_ms, bool *more);
#endif
