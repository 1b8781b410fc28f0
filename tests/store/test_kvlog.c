/* The key/value log: order, prefixes, groups, compaction, formats, and the word "durable" under SIGKILL. */
#include "kit.h"
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/kvlog.h"

static char dir[64], path[96];
static int set_up(void **s) {
    strcpy(dir, "/tmp/sl_kvlog_XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/store.db", dir);
    return 0;
}
static int tear_down(void **s) {
    char t[128];
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        snprintf(t, sizeof t, "%s%s", path, ends[i]);
        unlink(t);
    }
    return rmdir(dir);
}
static void ok(sl_err *e) {
    if (e)
        fail_msg("%s", sl_err_text(e));
}
static bool collect(void *arg, sl_str k, sl_str v) {
    sl_buf_printf(arg, "%.*s=%.*s;", SL_FMT(k), SL_FMT(v));
    return true;
}
static bool first_only(void *arg, sl_str k, sl_str v) {
    collect(arg, k, v);
    return false;
}
static void reads(sl_kvlog *k, sl_str prefix, const char *want) {
    sl_buf b = {0};
    ok(sl_kvlog_read(k, prefix, collect, &b));
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
}
static void put(sl_kvlog *k, const char *key, const char *v) { ok(sl_kvlog_append(k, sl_str_of(key), sl_str_of(v))); }
static void del(sl_kvlog *k, const char *key) { ok(sl_kvlog_append(k, sl_str_of(key), (sl_str){0})); }

static void test_log(void **s) {
    sl_kvlog *k;
    ok(sl_kvlog_open(path, &k));
    put(k, "stream/b", "1");
    put(k, "stream/a", "2");
    put(k, "streamer", "x");
    put(k, "rule/a", "");
    put(k, "stream/b", "3");
    reads(k, SL_S("stream/"), "stream/b=3;stream/a=2;");
    reads(k, SL_S(""), "stream/b=3;stream/a=2;streamer=x;rule/a=;");
    del(k, "stream/b");
    reads(k, SL_S("stream/"), "stream/a=2;");
    put(k, "stream/b", "4"); /* a new life: now behind a */
    reads(k, SL_S("stream/"), "stream/a=2;stream/b=4;");
    ok(sl_kvlog_append(k, SL_S("\xff\xff"), SL_S("top")));
    reads(k, SL_S("\xff"), "\xff\xff=top;");
    sl_buf b = {0};
    ok(sl_kvlog_read(k, SL_S("stream"), first_only, &b));
    assert_string_equal(sl_buf_cstr(&b), "stream/a=2;");
    sl_buf_clear(&b);
    bool found;
    ok(sl_kvlog_get(k, SL_S("stream/b"), &b, &found));
    assert_true(found);
    assert_string_equal(sl_buf_cstr(&b), "4");
    ok(sl_kvlog_get(k, SL_S("stream/c"), &b, &found));
    assert_false(found);
    sl_buf_free(&b);
    ok(sl_kvlog_begin(k));
    put(k, "g/1", "a");
    put(k, "g/2", "b");
    sl_err *e = sl_kvlog_begin(k);
    assert_non_null(e);
    sl_err_free(e);
    sl_kvlog_rollback(k);
    reads(k, SL_S("g/"), "");
    ok(sl_kvlog_begin(k));
    put(k, "g/1", "a");
    del(k, "stream/a");
    ok(sl_kvlog_commit(k));
    sl_kvlog *other;
    e = sl_kvlog_open(path, &other); /* somebody else's daemon on the same home */
    assert_non_null(strstr(sl_err_text(e), "in use by another process"));
    sl_err_free(e);
    sl_kvlog_close(k);
    ok(sl_kvlog_open(path, &k));
    reads(k, SL_S(""), "streamer=x;rule/a=;stream/b=4;\xff\xff=top;g/1=a;");
    sl_kvlog_close(k);
    sl_kvlog_close(NULL);
}

static int64_t count(void) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM log", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return n;
}
static void test_compact(void **s) {
    sl_kvlog *k;
    ok(sl_kvlog_open(path, &k));
    ok(sl_kvlog_begin(k));
    char key[16], v[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "k%d", i % 7);
        snprintf(v, sizeof v, "%d", i);
        put(k, key, v);
    }
    del(k, "k3");
    ok(sl_kvlog_commit(k));
    bool more = true;
    int calls = 0;
    while (more) {
        ok(sl_kvlog_compact(k, 0, &more));
        calls++;
    }
    assert_true(calls >= 12); /* a budget of nothing is one piece a call */
    reads(k, SL_S(""), "k0=2996;k1=2997;k2=2998;k4=2993;k5=2994;k6=2995;");
    put(k, "k3", "again");
    sl_kvlog_close(k);
    assert_int_equal(count(), 7);
    ok(sl_kvlog_open(path, &k));
    reads(k, SL_S("k3"), "k3=again;");
    sl_kvlog_close(k);
}

static void test_formats(void **s) {
    sl_kvlog *k;
    ok(sl_kvlog_open(path, &k));
    sl_kvlog_close(k);
    sqlite3 *db;
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
    sqlite3_close(db);
    sl_err *e = sl_kvlog_open(path, &k);
    assert_non_null(strstr(sl_err_text(e), "newer"));
    sl_err_free(e);
    sqlite3_open(path, &db);
    sqlite3_exec(db, "PRAGMA user_version=1;PRAGMA application_id=5", NULL, NULL, NULL);
    sqlite3_close(db);
    e = sl_kvlog_open(path, &k);
    assert_non_null(strstr(sl_err_text(e), "another application"));
    sl_err_free(e);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 300; i++)
        fputs("this is no database ", f);
    fclose(f);
    e = sl_kvlog_open(path, &k);
    assert_int_equal(sl_err_code(e), SL_E_IO);
    sl_err_free(e);
    e = sl_kvlog_open("/nowhere/at/all.db", &k);
    assert_non_null(strstr(sl_err_text(e), "/nowhere/at/all.db"));
    sl_err_free(e);
    ok(sl_kvlog_open(":memory:", &k));
    put(k, "a", "b");
    reads(k, SL_S("a"), "a=b;");
    sl_kvlog_close(k);
}

/* The child says a number only when its append returned; killed in the middle, every number it said must be there, and a group whole. */
static void test_kill(void **s) {
    int total = 0;
    for (int round = 0; round < 5; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            sl_kvlog *k;
            if (sl_kvlog_open(path, &k))
                _exit(1);
            for (int i = total;; i++) {
                char a[16], b[16];
                snprintf(a, sizeof a, "a/%d", i);
                snprintf(b, sizeof b, "b/%d", i);
                if (sl_kvlog_begin(k) || sl_kvlog_append(k, sl_str_of(a), SL_S("x")) || sl_kvlog_append(k, sl_str_of(b), SL_S("y")) || sl_kvlog_commit(k))
                    _exit(2);
                if (write(fds[1], "+", 1) != 1)
                    _exit(3);
            }
        }
        close(fds[1]);
        char c;
        for (int i = 0; i < 7 + round * 11; i++) {
            assert_int_equal(read(fds[0], &c, 1), 1);
            total++;
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(fds[0], &c, 1) == 1)
            total++;
        close(fds[0]);
        sl_kvlog *k;
        ok(sl_kvlog_open(path, &k));
        for (int i = 0; i <= total; i++) {
            char a[16];
            sl_buf buf = {0};
            bool fa, fb;
            snprintf(a, sizeof a, "a/%d", i);
            ok(sl_kvlog_get(k, sl_str_of(a), &buf, &fa));
            a[0] = 'b';
            ok(sl_kvlog_get(k, sl_str_of(a), &buf, &fb));
            assert_int_equal(fa, fb);
            assert_true(fa || i == total); /* committed but not said: possible, and whole */
            sl_buf_free(&buf);
        }
        sl_kvlog_close(k);
    }
}
int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test_setup_teardown(test_log, set_up, tear_down), cmocka_unit_test_setup_teardown(test_compact, set_up, tear_down),
                                   cmocka_unit_test_setup_teardown(test_formats, set_up, tear_down), cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
