/* Hex, base64, digests (published test values) and Go's regular expressions. */
#include "kit.h"
#include "base/bytes.h"
#include "base/regex.h"

static void digest(sl_digest kind, sl_str data, const char *want) {
    uint8_t out[SL_DIGEST_MAX];
    size_t n = sl_digest_of(kind, data, out);
    sl_buf b = {0};
    sl_hex_put(&b, sl_str_n((char *)out, n));
    assert_string_equal(sl_buf_cstr(&b), want);
    sl_buf_free(&b);
}
static void digests(void **state) {
    digest(SL_MD5, SL_S(""), "d41d8cd98f00b204e9800998ecf8427e");
    digest(SL_MD5, SL_S("abc"), "900150983cd24fb0d6963f7d28e17f72");
    digest(SL_SHA1, SL_S("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest(SL_SHA256, SL_S("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest(SL_SHA384, SL_S("abc"), "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    digest(SL_SHA512, SL_S("abc"), "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    /* Lengths around the block borders. */
    static char a[200];
    memset(a, 'a', sizeof a);
    digest(SL_SHA256, sl_str_n(a, 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    digest(SL_SHA1, sl_str_n(a, 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    digest(SL_MD5, sl_str_n(a, 56), "3b0c8ac703f828b04c6c197006d17218");
    digest(SL_SHA512, sl_str_n(a, 112), "c01d080efd492776a1c43bd23dd99d0a2e626d481e16782e75d54c2503b5dc32bd05f0f1ba33e568b88fd2d970929b719ecbb152f58f130a407c8830604b70ca");
}
static void base64(void **state) {
    static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < 5; i++) {
        sl_buf b = {0}, c = {0};
        size_t at;
        sl_base64_put(&b, sl_str_of(pairs[i][0]));
        assert_string_equal(sl_buf_cstr(&b), pairs[i][1]);
        assert_true(sl_base64_get(&c, sl_buf_view(&b), &at));
        assert_string_equal(sl_buf_cstr(&c), pairs[i][0]);
        sl_buf_free(&b);
        sl_buf_free(&c);
    }
    static const struct {
        const char *text;
        size_t at;
    } wrong[] = {{"Zg", 0}, {"Zg=", 3}, {"Zm9v!", 4}, {"Z===", 1}, {"Zg==x", 4}, {"Zm9vZg", 4}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sl_buf b = {0};
        size_t at = 99;
        assert_false(sl_base64_get(&b, sl_str_of(wrong[i].text), &at));
        assert_int_equal(at, wrong[i].at);
        sl_buf_free(&b);
    }
    sl_buf b = {0};
    assert_true(sl_hex_get(&b, SL_S("6A6b")));
    assert_string_equal(sl_buf_cstr(&b), "jk");
    assert_false(sl_hex_get(&b, SL_S("6")));
    assert_false(sl_hex_get(&b, SL_S("6g")));
    sl_buf_free(&b);
}

static void refused(void **state) {
    static const char *const cases[][2] = {
        {"a(?=b)", "invalid or unsupported Perl syntax: `(?=`"},
        {"(?<=a)b", "invalid or unsupported Perl syntax: `(?<`"},
        {"(a)\\1", "invalid escape sequence: `\\1`"},
        {"a**", "invalid nested repetition operator: `**`"},
        {"a++", "invalid nested repetition operator: `++`"},
        {"*a", "missing argument to repetition operator: `*`"},
        {"(a", "missing closing ): `(a`"},
        {"a)", "unexpected ): `a)`"},
        {"[a", "missing closing ]: `[a`"},
        {"[z-a]", "invalid character class range: `z-a`"},
        {"a\\", "trailing backslash at end of expression: ``"},
        {"a{1001}", "invalid repeat count: `{1001}`"},
        {"\\h", "invalid escape sequence: `\\h`"},
        {"(?>a)", "invalid or unsupported Perl syntax: `(?>`"},
        {"(*ACCEPT)", "missing argument to repetition operator: `*`"},
        {"(?P<n>a)(?P<n>b)", "invalid named capture: `n`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char err[256], want[256];
        sl_regex *re = sl_regex_new(sl_str_of(cases[i][0]), err, sizeof err);
        assert_null(re);
        snprintf(want, sizeof want, "error parsing regexp: %s", cases[i][1]);
        assert_string_equal(err, want);
    }
}
static void meanings(void **state) {
    static const struct {
        const char *pattern, *text;
        int found;
    } cases[] = {
        {"a.c", "abc", 1},
        {"a.b", "a\nb", 0},
        {"(?s)a.b", "a\nb", 1},
        {"^b$", "b\n", 0},
        {"(?m)^b$", "a\nb\n", 1},
        {"\\s", "\v", 0},
        {"\\v", "\v", 1},
        {"[\\s]", "\t", 1},
        {"[\\S]", "\v", 1},
        {"\\d", "\xd9\xa1", 0},
        {"\\pL", "\xc3\xa9", 1},
        {"\\p{Greek}", "a", 0},
        {"(?i)\xc3\xa9", "\xc3\x89", 1},
        {"\\x41", "A", 1},
        {"\\x{e9}", "\xc3\xa9", 1},
        {"\\101", "A", 1},
        {"a{,2}", "a{,2}", 1},
        {"x{2}", "xx", 1},
        {"[]a]", "]", 1},
        {"[[:word:]]", "_", 1},
        {"\\Qa.b\\E", "axb", 0},
        {"\\Qa.b\\E", "a.b", 1},
        {"(?P<n>a)", "a", 1},
        {"(?<n>a)", "a", 1},
        {"#", "#", 1},
        {"", "", 1},
        {"[^\\pL]", "a", 0},
        {"\\-", "-", 1},
        {"(|a)+", "b", 1},
        {"[-a]", "-", 1},
        {"[a-]", "-", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char err[256];
        sl_regex *re = sl_regex_new(sl_str_of(cases[i].pattern), err, sizeof err);
        if (!re)
            fail_msg("%s: %s", cases[i].pattern, err);
        if (sl_regex_find(re, sl_str_of(cases[i].text), 0) != cases[i].found)
            fail_msg("%s on %s: not %d", cases[i].pattern, cases[i].text, cases[i].found);
        sl_regex_free(re);
    }
}
static void replacing(void **state) {
    static const char *const cases[][4] = {
        {"abc", "b*", "-", "-a-c-"},
        {"a1", "([a-z])", "<$1>", "<a>1"},
        {"abab", "a(b)", "$1x", ""},
        {"abab", "a(b)", "${1}x", "bxbx"},
        {"ab", "a", "$$", "$b"},
        {"abc", "", "-", "-a-b-c-"},
        {"ab", "(?P<first>a)", "[${first}]", "[a]b"},
        {"\xc3\xa9", "", "-", "-\xc3\xa9-"},
        {"a", "a", "$", "$"},
        {"a", "a", "${x", "${x"},
        {"", "x*", "y", "y"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char err[256];
        sl_regex *re = sl_regex_new(sl_str_of(cases[i][1]), err, sizeof err);
        assert_non_null(re);
        sl_buf b = {0};
        assert_true(sl_regex_replace(re, sl_str_of(cases[i][0]), sl_str_of(cases[i][2]), &b));
        assert_string_equal(sl_buf_cstr(&b), cases[i][3]);
        sl_buf_free(&b);
        sl_regex_free(re);
    }
}
static void steps_are_limited(void **state) {
    char err[256], text[64];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    sl_regex *re = sl_regex_new(SL_S("(a|aa|aaa)*(a|aa)*(aa|a)*c|(a*)*(a*)*d"), err, sizeof err);
    assert_non_null(re);
    assert_true(sl_regex_find(re, sl_str_n(text, sizeof text), 0) <= 0);
    sl_regex_free(re);
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(digests),  cmocka_unit_test(base64),    cmocka_unit_test(refused),
                                       cmocka_unit_test(meanings), cmocka_unit_test(replacing), cmocka_unit_test(steps_are_limited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
