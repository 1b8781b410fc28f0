/* The segment log: what was durable is read back after any end, what was torn is cut, what is damaged is passed over and counted, a full disk loses nothing. */
#include "kit.h"
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/crc.h"
#include "store/seglog.h"

static sl_loop *loop;
static char dir[64];
static int set_up(void **s) {
    strcpy(dir, "/tmp/sl_seglog_XXXXXX");
    assert_non_null(mkdtemp(dir));
    loop = sl_loop_new("test");
    return 0;
}
static int tear_down(void **s) {
    sl_loop_free(loop);
    sl_seglog_remove(dir);
    struct stat st;
    assert_int_equal(stat(dir, &st), -1);
    return 0;
}
static void moved(void *arg) { sl_loop_stop(loop); }
static sl_seglog *opened(size_t segment, uint64_t next) {
    sl_seglog *l = NULL;
    sl_err *e = sl_seglog_open(&(sl_seglog_conf){.dir = dir, .loop = loop, .segment = segment, .next = next, .moved = moved}, &l);
    if (e)
        fail_msg("%s", sl_err_text(e));
    return l;
}
static void closed(sl_seglog *l) {
    sl_seglog_close(l, moved, NULL);
    sl_loop_run(loop);
}
static void put(sl_seglog *l, int first, int n) { /* records "text i" with a tail that grows */
    for (int i = first; i < first + n; i++) {
        char head[40], tail[64];
        memset(tail, 'x', sizeof tail);
        sl_str parts[] = {sl_str_n(head, (size_t)sprintf(head, "text %d ", i)), sl_str_n(tail, (size_t)i % 60)};
        uint64_t seq;
        uint32_t crc;
        assert_true(sl_seglog_append(l, 1000 + i, 3, (uint8_t)i, parts, 2, &seq, &crc));
        assert_int_equal(seq, i);
    }
}
static void durable(sl_seglog *l) {
    sl_seglog_flush(l);
    while (sl_seglog_durable(l) + 1 < sl_seglog_next(l))
        sl_loop_run(loop);
    assert_int_equal(sl_seglog_waiting(l), 0);
}
/* Reads all from `from` and checks each record; their number. */
static int reads(sl_seglog *l, uint64_t from, int *first) {
    sl_seglog_reader *r = sl_seglog_reader_new(l, from);
    sl_seglog_rec rec;
    int n = 0;
    char head[40];
    while (sl_seglog_read(r, &rec)) {
        if (!n && first)
            *first = (int)rec.seq;
        int len = sprintf(head, "text %d ", (int)rec.seq);
        assert_int_equal(rec.time_ms, 1000 + rec.seq);
        assert_int_equal(rec.type, 3);
        assert_int_equal(rec.tag, (uint8_t)rec.seq);
        assert_int_equal(rec.bytes.n, (size_t)len + rec.seq % 60);
        assert_memory_equal(rec.bytes.p, head, (size_t)len);
        assert_int_equal(rec.crc, sl_crc32c(0, rec.bytes.p, rec.bytes.n));
        n++;
    }
    sl_seglog_reader_free(r);
    return n;
}
static char *file_of(int which) { /* segment by age */
    static char path[200];
    char pattern[100];
    glob_t g;
    snprintf(pattern, sizeof pattern, "%s/*.log", dir);
    assert_int_equal(glob(pattern, 0, NULL, &g), 0);
    assert_true(which < (int)g.gl_pathc);
    strcpy(path, g.gl_pathv[which < 0 ? (int)g.gl_pathc + which : which]);
    globfree(&g);
    return path;
}
static int count(const char *end) {
    char pattern[100];
    glob_t g;
    snprintf(pattern, sizeof pattern, "%s/*%s", dir, end);
    int n = glob(pattern, 0, NULL, &g) ? 0 : (int)g.gl_pathc;
    if (n)
        globfree(&g);
    return n;
}
static off_t size_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}
static void flip(const char *path, off_t at) {
    int fd = open(path, O_RDWR);
    char c;
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0x10;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void checksum(void **state) {
    assert_int_equal(sl_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(sl_crc32c(sl_crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
}
static void there_and_back(void **state) {
    sl_seglog *l = opened(0, 0);
    assert_int_equal(sl_seglog_next(l), 1);
    put(l, 1, 100);
    assert_int_equal(reads(l, 1, NULL), 0); /* nothing is durable yet */
    durable(l);
    assert_int_equal(reads(l, 1, NULL), 100);
    put(l, 101, 50);
    closed(l); /* writes what is left */
    l = opened(0, 0);
    assert_int_equal(sl_seglog_next(l), 151);
    int first;
    assert_int_equal(reads(l, 1, NULL), 150);
    assert_int_equal(reads(l, 40, &first), 111);
    assert_int_equal(first, 40);
    put(l, 151, 1);
    closed(l);
    l = opened(0, 1000); /* numbers that were used and lost are not used again */
    assert_int_equal(sl_seglog_next(l), 1000);
    put(l, 1000, 1);
    durable(l);
    assert_int_equal(reads(l, 1, NULL), 152);
    closed(l);
}
static void segments(void **state) {
    sl_seglog *l = opened(4096, 0);
    for (int i = 1; i < 500; i += 10) {
        put(l, i, 10);
        durable(l);
    }
    int files = count(".log");
    assert_in_range(files, 5, 20);
    assert_int_equal(reads(l, 1, NULL), 500);
    assert_int_equal(sl_seglog_first(l), 1);
    uint64_t bytes = sl_seglog_bytes(l);
    sl_seglog_trim(l, 250);
    put(l, 501, 1);
    durable(l);
    assert_in_range(sl_seglog_first(l), 150, 251); /* the segment with 251 stays */
    assert_true(sl_seglog_bytes(l) < bytes * 2 / 3);
    assert_true(count(".log") < files);
    int first;
    assert_int_equal(reads(l, 251, &first), 251);
    assert_int_equal(first, 251);
    sl_seglog_trim(l, 501);
    put(l, 502, 1);
    durable(l);
    closed(l);
    l = opened(4096, 0);
    assert_int_equal(sl_seglog_next(l), 503);
    assert_in_range(count(".log"), 1, 2);
    closed(l);
}
/* (The last bytes of a record fill it up to a multiple of 8.) The newest segment may end anywhere: whole records before it stay, the rest is cut, and writing goes on. */
static void torn_tail(void **state) {
    sl_seglog *l = opened(0, 0);
    put(l, 1, 9);
    durable(l);
    off_t before = size_of(file_of(0));
    put(l, 10, 1);
    closed(l);
    char *path = file_of(0), copy[8192];
    off_t whole = size_of(path);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, copy, sizeof copy), whole);
    close(fd);
    for (off_t end = before; end < whole - 6; end += 3) {
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, copy, (size_t)end), end);
        if (end % 2) /* or filled with zeros, as some file systems leave it */
            assert_int_equal(ftruncate(fd, whole), 0);
        close(fd);
        l = opened(0, 0);
        assert_int_equal(sl_seglog_next(l), 10);
        assert_int_equal(sl_seglog_damaged(l)->torn, (end % 2 ? whole : end) - before);
        put(l, 10, 2);
        durable(l);
        assert_int_equal(reads(l, 1, NULL), 11);
        assert_int_equal(sl_seglog_damaged(l)->bad, 0);
        closed(l);
    }
    fd = open(path, O_WRONLY | O_TRUNC); /* only the beginning of a head is there */
    assert_int_equal(write(fd, copy, 20), 20);
    close(fd);
    l = opened(0, 0);
    assert_int_equal(sl_seglog_next(l), 1);
    put(l, 1, 1);
    durable(l);
    assert_int_equal(reads(l, 1, NULL), 1);
    closed(l);
}
/* Any flipped bit costs the record it is in, and no other. */
static void bad_middle(void **state) {
    sl_seglog *l = opened(2048, 0);
    for (int i = 1; i <= 100; i += 10) {
        put(l, i, 10);
        durable(l);
    }
    closed(l);
    char old[200], newest[200];
    strcpy(old, file_of(1));
    strcpy(newest, file_of(-1));
    for (int side = 0; side < 2; side++) {
        const char *path = side ? newest : old;
        off_t n = size_of(path) - (side ? 200 : 0); /* the last record of the newest would be a torn tail */
        for (off_t at = 32; at < n; at += 37) {
            flip(path, at);
            l = opened(2048, 0);
            assert_int_equal(sl_seglog_next(l), 101);
            int got = reads(l, 1, NULL);
            assert_in_range(got, 99, 100); /* a flip in the filling up to 8 bytes hurts nobody */
            assert_int_equal(sl_seglog_damaged(l)->lost, 100 - got);
            assert_int_equal(sl_seglog_damaged(l)->bad > 0, got == 99);
            assert_int_equal(sl_seglog_damaged(l)->torn, 0);
            closed(l);
            flip(path, at);
        }
    }
    assert_true(count(".bad") > 10);
    flip(old, 3); /* a head: the segment is put aside */
    l = opened(2048, 0);
    assert_in_range(reads(l, 1, NULL), 50, 95);
    assert_true(sl_seglog_damaged(l)->lost > 0);
    assert_true(sl_seglog_damaged(l)->bad > 0);
    closed(l);
}
static void full_disk(void **state) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 3000;
    sl_seglog *l = opened(0, 0);
    put(l, 1, 10);
    durable(l);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    put(l, 11, 60);
    sl_seglog_flush(l);
    while (!*sl_seglog_trouble(l))
        sl_loop_run(loop);
    assert_non_null(strstr(sl_seglog_trouble(l), "File too large"));
    assert_int_equal(sl_seglog_durable(l), 10);
    assert_true(sl_seglog_waiting(l) > 3000);
    assert_int_equal(reads(l, 1, NULL), 10);
    put(l, 71, 5); /* taken meanwhile */
    sl_seglog_flush(l);
    sl_loop_run(loop); /* tried again, in vain */
    assert_true(*sl_seglog_trouble(l));
    assert_int_equal(size_of(file_of(0)) % 8, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    durable(l);
    assert_string_equal(sl_seglog_trouble(l), "");
    assert_int_equal(reads(l, 1, NULL), 75);
    closed(l);
    l = opened(0, 0);
    assert_int_equal(reads(l, 1, NULL), 75);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    put(l, 76, 100);
    closed(l); /* ends although it cannot be written */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    l = opened(0, 0);
    assert_int_equal(reads(l, 1, NULL), 75);
    closed(l);
}
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum),
        cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_tail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
