/* The key/value log on SQLite.
 *
 * Decision: two tables in one transaction. `log` is the truth and only ever grows at its end, as a compacted topic does; `live` says for
 * each key where its newest value stands and where it first appeared, so reading back is one range scan and compaction can ask of any
 * entry whether it is superseded. synchronous=FULL: in WAL mode NORMAL may lose the last commits when power goes, and "durable
 * when it returns" is this room's promise; definitions change seldom, one fsync each is no cost. The file is locked for this process
 * (exclusive): two daemons on one home is a mistake that must be told at start, and it spares the shared-memory index file. */
#include "store/kvlog.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

struct sl_kvlog {
    sqlite3 *db;
    sqlite3_stmt *put, *mark, *unmark, *get;
    int64_t compact_at; /* entries up to here were looked at in this round */
    bool grouped;
};

static const char *const migrations[] = {
    "CREATE TABLE log(seq INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB);"
    "CREATE TABLE live(key BLOB PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;",
};
enum { FORMAT = sizeof migrations / sizeof *migrations, APPLICATION = 0x736c7563 }; /* "sluc" */

static sl_err *bad(sl_kvlog *k, const char *doing) {
    int c = sqlite3_errcode(k->db) & 0xff;
    if (c == SQLITE_BUSY || c == SQLITE_LOCKED)
        return sl_err_new(SL_E_IO, "%s: the store is in use by another process", doing);
    if (c == SQLITE_NOMEM)
        return sl_err_new(SL_E_NOMEM, "%s: out of memory", doing);
    return sl_err_new(SL_E_IO, "%s: %s", doing, sqlite3_errmsg(k->db));
}
static sl_err *run(sl_kvlog *k, const char *sql, const char *doing) { return sqlite3_exec(k->db, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : bad(k, doing); }
static sl_err *number(sl_kvlog *k, const char *pragma, int *out) {
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(k->db, pragma, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        sl_err *e = bad(k, "open store");
        sqlite3_finalize(s);
        return e;
    }
    *out = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return NULL;
}
static sl_err *prepare(sl_kvlog *k, const char *sql, sqlite3_stmt **out) {
    return sqlite3_prepare_v3(k->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK ? NULL : bad(k, "open store");
}

static sl_err *migrate(sl_kvlog *k, const char *path) {
    int version = 0, app = 0;
    SL_TRY(number(k, "PRAGMA user_version", &version));
    SL_TRY(number(k, "PRAGMA application_id", &app));
    if (version > FORMAT)
        return sl_err_new(SL_E_IO, "open store %s: its format %d is newer than the newest that this program knows, %d; use a newer program", path, version, (int)FORMAT);
    if (version && app != APPLICATION)
        return sl_err_new(SL_E_IO, "open store %s: this SQLite file belongs to another application", path);
    for (int v = version; v < FORMAT; v++) {
        char tail[96];
        sqlite3_snprintf(sizeof tail, tail, "PRAGMA user_version=%d;PRAGMA application_id=%d;COMMIT", v + 1, (int)APPLICATION);
        sl_err *e = run(k, "BEGIN IMMEDIATE", "migrate store");
        if (!e)
            e = run(k, migrations[v], "migrate store");
        if (!e)
            e = run(k, tail, "migrate store");
        if (e) {
            sqlite3_exec(k->db, "ROLLBACK", NULL, NULL, NULL);
            return sl_err_prefix(e, "%s", path);
        }
    }
    return NULL;
}

static sl_err *set_up(sl_kvlog *k, const char *path) {
    SL_TRY(run(k, "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-512", "open store"));
    SL_TRY(migrate(k, path));
    SL_TRY(prepare(k, "INSERT INTO log(key,value) VALUES(?1,?2)", &k->put));
    SL_TRY(prepare(k, "INSERT INTO live(key,first,last) VALUES(?1,?2,?2) ON CONFLICT(key) DO UPDATE SET last=?2", &k->mark));
    SL_TRY(prepare(k, "DELETE FROM live WHERE key=?1", &k->unmark));
    return prepare(k, "SELECT log.value FROM live JOIN log ON log.seq=live.last WHERE live.key=?1", &k->get);
}

sl_err *sl_kvlog_open(const char *path, sl_kvlog **out) {
    sl_kvlog *k = calloc(1, sizeof *k);
    if (!k)
        return sl_err_new(SL_E_NOMEM, "open store %s: out of memory", path);
    sl_err *e = NULL;
    if (sqlite3_open_v2(path, &k->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        e = sl_err_new(SL_E_IO, "open store %s: %s", path, k->db ? sqlite3_errmsg(k->db) : "out of memory");
    else
        e = set_up(k, path);
    if (e && !strstr(sl_err_text(e), path))
        e = sl_err_prefix(e, "%s", path);
    if (e) {
        sl_kvlog_close(k);
        return e;
    }
    *out = k;
    return NULL;
}
void sl_kvlog_close(sl_kvlog *k) {
    if (!k)
        return;
    sqlite3_finalize(k->put);
    sqlite3_finalize(k->mark);
    sqlite3_finalize(k->unmark);
    sqlite3_finalize(k->get);
    sqlite3_close(k->db);
    free(k);
}

static sl_err *step(sl_kvlog *k, sqlite3_stmt *s) {
    sl_err *e = sqlite3_step(s) == SQLITE_DONE ? NULL : bad(k, "write store");
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return e;
}
/* An empty key or value is a blob of no bytes, not NULL. */
static void bind(sqlite3_stmt *s, int at, sl_str v) { sqlite3_bind_blob64(s, at, v.n ? v.p : "", v.n, SQLITE_STATIC); }

static sl_err *append(sl_kvlog *k, sl_str key, sl_str value) {
    bind(k->put, 1, key);
    if (value.p)
        bind(k->put, 2, value);
    SL_TRY(step(k, k->put));
    sqlite3_stmt *s = value.p ? k->mark : k->unmark;
    bind(s, 1, key);
    if (value.p)
        sqlite3_bind_int64(s, 2, sqlite3_last_insert_rowid(k->db));
    return step(k, s);
}
sl_err *sl_kvlog_append(sl_kvlog *k, sl_str key, sl_str value) {
    if (k->grouped)
        return append(k, key, value);
    SL_TRY(sl_kvlog_begin(k));
    sl_err *e = append(k, key, value);
    if (!e)
        return sl_kvlog_commit(k);
    sl_kvlog_rollback(k);
    return e;
}
sl_err *sl_kvlog_begin(sl_kvlog *k) {
    if (k->grouped)
        return sl_err_new(SL_E_GENERAL, "write store: a group is open already");
    SL_TRY(run(k, "BEGIN IMMEDIATE", "write store"));
    k->grouped = true;
    return NULL;
}
sl_err *sl_kvlog_commit(sl_kvlog *k) {
    if (!k->grouped)
        return sl_err_new(SL_E_GENERAL, "write store: no group is open");
    sl_err *e = run(k, "COMMIT", "write store");
    if (e)
        sqlite3_exec(k->db, "ROLLBACK", NULL, NULL, NULL);
    k->grouped = false;
    return e;
}
void sl_kvlog_rollback(sl_kvlog *k) {
    if (k->grouped)
        sqlite3_exec(k->db, "ROLLBACK", NULL, NULL, NULL);
    k->grouped = false;
}

static sl_str column(sqlite3_stmt *s, int at) {
    const void *p = sqlite3_column_blob(s, at); /* before bytes */
    size_t n = (size_t)sqlite3_column_bytes(s, at);
    return sl_str_n(n ? p : "", n);
}
sl_err *sl_kvlog_read(sl_kvlog *k, sl_str prefix, bool (*each)(void *arg, sl_str key, sl_str value), void *arg) {
    /* the end of the range: the prefix with its last byte below 0xff raised, nothing when there is none */
    sl_buf end = {0};
    sl_buf_str(&end, prefix);
    while (end.n && (unsigned char)end.p[end.n - 1] == 0xff)
        end.n--;
    if (end.n)
        end.p[end.n - 1]++;
    if (end.failed)
        return sl_err_new(SL_E_NOMEM, "read store: out of memory");
    sqlite3_stmt *s = NULL; /* its own statement, so that a reader may read again */
    sl_err *e = prepare(k,
                        "SELECT live.key,log.value FROM live JOIN log ON log.seq=live.last WHERE live.key>=?1 AND (?2 IS NULL OR live.key<?2)"
                        " ORDER BY live.first",
                        &s);
    if (!e) {
        bind(s, 1, prefix);
        if (end.n)
            bind(s, 2, sl_buf_view(&end));
        int c;
        while ((c = sqlite3_step(s)) == SQLITE_ROW)
            if (!each(arg, column(s, 0), column(s, 1)))
                break;
        if (c != SQLITE_DONE && c != SQLITE_ROW)
            e = bad(k, "read store");
    }
    sqlite3_finalize(s);
    sl_buf_free(&end);
    return e;
}
sl_err *sl_kvlog_get(sl_kvlog *k, sl_str key, sl_buf *out, bool *found) {
    bind(k->get, 1, key);
    int c = sqlite3_step(k->get);
    *found = c == SQLITE_ROW;
    sl_err *e = c != SQLITE_ROW && c != SQLITE_DONE ? bad(k, "read store") : NULL;
    if (*found) {
        sl_buf_str(out, column(k->get, 0));
        if (out->failed)
            e = sl_err_new(SL_E_NOMEM, "read store: out of memory");
    }
    sqlite3_reset(k->get);
    sqlite3_clear_bindings(k->get);
    return e;
}

sl_err *sl_kvlog_compact(sl_kvlog *k, int budget_ms, bool *more) {
    struct timespec t0, t;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    sqlite3_stmt *upto = NULL, *drop = NULL;
    sl_err *e = prepare(k, "SELECT max(seq) FROM (SELECT seq FROM log WHERE seq>?1 ORDER BY seq LIMIT 256)", &upto);
    if (!e)
        e = prepare(k, "DELETE FROM log WHERE seq>?1 AND seq<=?2 AND NOT EXISTS(SELECT 1 FROM live WHERE live.key=log.key AND live.last=log.seq)", &drop);
    *more = true;
    while (!e && *more) {
        sqlite3_bind_int64(upto, 1, k->compact_at);
        int c = sqlite3_step(upto);
        if (c != SQLITE_ROW)
            e = bad(k, "compact store");
        bool end = c == SQLITE_ROW && sqlite3_column_type(upto, 0) == SQLITE_NULL;
        int64_t to = end ? 0 : sqlite3_column_int64(upto, 0);
        sqlite3_reset(upto);
        if (e)
            break;
        if (end) {
            k->compact_at = 0;
            *more = false;
            break;
        }
        sqlite3_bind_int64(drop, 1, k->compact_at);
        sqlite3_bind_int64(drop, 2, to);
        if (sqlite3_step(drop) != SQLITE_DONE)
            e = bad(k, "compact store");
        sqlite3_reset(drop);
        k->compact_at = to;
        clock_gettime(CLOCK_MONOTONIC, &t);
        if ((t.tv_sec - t0.tv_sec) * 1000 + (t.tv_nsec - t0.tv_nsec) / 1000000 >= budget_ms)
            break;
    }
    sqlite3_finalize(upto);
    sqlite3_finalize(drop);
    return e;
}
