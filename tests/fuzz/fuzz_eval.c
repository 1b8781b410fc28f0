/* Evaluation: a statement and rows made by the generator of random statements, whose decisions are the input's bytes; or, when the first byte says so,
 * a kept case whose statement is the input as text. Rows run, state is saved, loaded into a fresh instance and run on, in the fast and the plain form. */
#include <stdlib.h>
#include "../random/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Streams and rows for statements that come as text. */
static const char world[] =
    "define CREATE STREAM s1 () WITH (DATASOURCE=\"s1\", TIMESTAMP=\"ts\")\n"
    "define CREATE STREAM s2 (k bigint, a bigint, b float, c string, d boolean, l array(bigint), o struct(x bigint, y string), ts bigint) WITH (DATASOURCE=\"s2\", "
    "TIMESTAMP=\"ts\")\n"
    "define CREATE TABLE tb () WITH (DATASOURCE=\"tb\")\n"
    "define CREATE TABLE lk () WITH (DATASOURCE=\"lk\", KIND=\"lookup\", TYPE=\"memory\", KEY=\"k\")\n"
    "sql SELECT 1 FROM s1\n"
    "options send_error late=1000\n"
    "row 0 tb {\"k\":1,\"a\":5,\"c\":\"t\"}\n"
    "row 0 lk {\"k\":1,\"v\":5}\n"
    "row 0 lk {\"k\":2,\"v\":\"x\",\"l\":[1]}\n"
    "row 0 s1 {\"k\":1,\"a\":1,\"b\":0.5,\"c\":\"abc\",\"d\":true,\"l\":[1,2.5,\"x\",null],\"o\":{\"x\":1,\"y\":\"z\",\"z\":[{\"x\":2}]},\"ts\":1700006400000}\n"
    "row + s1 {\"k\":2,\"a\":-9223372036854775807,\"b\":1e300,\"c\":\"\",\"d\":false,\"l\":[],\"o\":{},\"ts\":1700006401000}\n"
    "row + s1 {\"k\":null,\"a\":\"x\",\"b\":[],\"c\":7,\"d\":\"true\",\"l\":5,\"o\":\"o\",\"ts\":1700006400500}\n"
    "row 1000 s2 {\"k\":1,\"a\":3,\"b\":2.0,\"c\":\"abc\",\"d\":true,\"l\":[4],\"o\":{\"x\":3},\"ts\":1700006402000}\n"
    "row 3000 s1 {\"k\":1,\"a\":7,\"ts\":1700006403000}\n"
    "row 12000 s2 {\"k\":2,\"c\":\"z\",\"ts\":1700006412000}\n"
    "row 12000 s1 [{\"k\":2,\"a\":9,\"t\":{\"$time\":1700006400000,\"zone\":\"UTC\"},\"ts\":1700006412000}, {\"topic\":\"a\"}]\n"
    "row 20000 s1 {\"k\":2,\"a\":9,\"ts\":1700006420000}\n"
    "until 30000\n";
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    rq_case c = {.a = sl_arena_new(0)};
    if (data[0] & 1) {
        rq_rnd r = {.bytes = data + 1, .n = size - 1};
        rq_generate(&c, &r);
    } else {
        if (rq_read(&c, sl_str_of(world)))
            abort();
        c.sql = (sl_str){(const char *)data + 2, size - 2};
        c.opts.event_time = data[0] & 2;
        c.json = data[0] & 4;
        c.sleepy = data[0] & 8;
        c.opts.incremental = data[0] & 16;
        c.opts.send_nil = data[0] & 32;
        c.opts.window_v2 = data[0] & 64;
        c.opts.sliding_twice = data[0] & 128;
        c.opts.ignore_case = data[1] & 1;
    }
    rq_exercise(&c);
    sl_arena_free(c.a);
    return 0;
}
