/* Templates: what they print, and what they say when something is wrong. Texts are Go's. */
#include "kit.h"
#include <time.h>
#include "data/json.h"
#include "data/template.h"

static sl_arena *A;
static int up(void **st) {
    (void)st;
    setenv("TZ", "UTC", 1);
    return (A = sl_arena_new(0)) ? 0 : -1;
}
static int down(void **st) {
    (void)st;
    sl_arena_free(A);
    return 0;
}

static sl_value json(const char *text, bool ints) {
    sl_value v;
    sl_err *e = sl_json_value(A, sl_str_of(text), ints, &v);
    if (e)
        print_error("%s\n", sl_err_text(e));
    assert_null(e);
    return v;
}
/* The result; "!" and the text when compiling fails, "?" and the text when the run does. */
static const char *run(const char *text, sl_value root) {
    sl_template *t;
    sl_template_env env = {.now_ms = 1700006400123};
    sl_err *e = sl_template_new(sl_str_of(text), &t);
    if (e) {
        const char *s = sl_arena_printf(A, "!%s", sl_err_text(e)).p;
        sl_err_free(e);
        return s;
    }
    sl_buf out = {0};
    sl_buf_puts(&out, "#");
    sl_str why;
    const char *s;
    if (sl_template_run(t, &env, A, root, &out, &why))
        s = sl_arena_dup(A, (sl_str){out.p + 1, out.n - 1}).p;
    else {
        assert_int_equal(out.n, 1); /* nothing of a failed run stays */
        s = sl_arena_printf(A, "?%.*s", SL_FMT(why)).p;
    }
    sl_buf_free(&out);
    sl_template_free(t);
    return s;
}
typedef struct {
    const char *text, *want;
} pair;
static void check(const pair *p, size_t n, sl_value root) {
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        const char *got = run(p[i].text, root);
        if (strcmp(got, p[i].want)) {
            bad++;
            print_error("%s\n  got  %s\n  want %s\n", p[i].text, got, p[i].want);
        }
    }
    assert_int_equal(bad, 0);
}
#define CHECK(list, root) check(list, sizeof list / sizeof *list, root)
#define ROW                                                                                                                                                                        \
    "{\"vin\":\"K1\",\"speed\":88,\"fuel\":0.5,\"ok\":true,\"pos\":{\"lat\":48.1,\"lon\":11.5},\"tags\":[\"a\",\"b\"],\"nil\":null,\"empty\":\"\",\"big\":1700000000000,\"m\":{"   \
    "\"a\":[],\"z\":1}}"

static void language(void **st) {
    (void)st;
    static const pair p[] = {
        {"", ""},
        {"plain } } text", "plain } } text"},
        {"{{.vin}}:{{.speed}} {{.fuel}} {{.ok}}", "K1:88 0.5 true"},
        {"{{ .vin }}{{- \" x \" -}} y", "K1 x y"},
        {"a {{/* note\n2 */}}b {{- /* c */ -}} d", "a bd"},
        {"{{.pos.lat}} {{.pos.nosuch}} {{.nosuch}} {{.nosuch.x.y}} {{.nil}}", "48.1 <no value> <no value> <no value> <no value>"},
        {"{{.}}", "map[big:1700000000000 empty: fuel:0.5 m:map[a:[] z:1] nil:<nil> ok:true pos:map[lat:48.1 lon:11.5] speed:88 tags:[a b] vin:K1]"},
        {"{{.m}} {{.tags}}", "map[a:[] z:1] [a b]"},
        {"{{$x := .speed}}{{$x}}-{{$x}}", "88-88"},
        {"{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{$x}}{{end}}{{$x}}", "32"},
        {"{{$x := 1}}{{$x := add $x 1}}{{$x}}", "2"},
        {"{{$.vin}}{{range .tags}}{{$.vin}}{{.}}{{end}}", "K1K1aK1b"},
        {"{{if .ok}}t{{else}}f{{end}}{{if .empty}}t{{else if .vin}}e{{else}}f{{end}}{{if .nosuch}}{{end}}", "te"},
        {"{{with .pos}}{{.lat}},{{.lon}}{{end}}{{with .nosuch}}x{{else with .vin}}{{.}}{{else}}y{{end}}", "48.1,11.5K1"},
        {"{{range $i, $t := .tags}}{{$i}}={{$t}};{{end}}", "0=a;1=b;"},
        {"{{range $k, $v := .pos}}{{$k}}:{{$v}},{{end}}{{range $e := .tags}}{{$e}}{{end}}", "lat:48.1,lon:11.5,ab"},
        {"{{range .nosuch}}x{{else}}none{{end}}{{range .m.a}}x{{else}}none{{end}}", "nonenone"},
        {"{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}", "01201"},
        {"{{range .tags}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}{{range .tags}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}", "ab"},
        {"{{range .tags}}{{range $.tags}}{{.}}{{break}}{{end}}{{end}}", "aa"},
        {"{{define \"t\"}}<{{.}}{{$}}>{{end}}{{template \"t\" .vin}}{{template \"t\"}}", "<K1K1><<no value><no value>>"},
        {"{{block \"b\" .pos}}{{.lat}}{{end}}", "48.1"},
        {"{{define \"t\"}} {{end}}{{define \"t\"}}one{{end}}{{define \"t\"}} {{end}}{{template `t`}}{{/*/ c */}}", "one"},
        {"{{`raw \\n`}}{{\"\\t\\\"\\u00e9\\x41\\101\"}}{{'a'}}",
         "raw \\n\t\"\xC3\xA9"
         "AA97"},
        {"{{1_000}} {{0x10}} {{0b11}} {{0o17}} {{017}} {{1e3}} {{-3}} {{+4}} {{.5}} {{1.50}}", "1000 16 3 15 15 1000 -3 4 0.5 1.5"},
        {"{{(index .tags 1)}}{{(.pos).lat}}{{(index .pos \"lon\")}}", "b48.111.5"},
        {"{{.vin | printf \"%s-%s\" \"x\" | upper}}", "X-K1"},
        {"{{true}} {{false}} {{not .ok}} {{and .vin .speed}} {{or .nosuch .vin}} {{or .nosuch false}} {{and 1 0 2}}", "true false false 88 K1 false 0"},
        {"{{.nosuch | or .vin}} {{.vin | and true}}", "K1 K1"},
        {"{ {{- .vin -}} }", "{K1}"},
        {"{{if and .ok (lt .speed 100)}}t{{end}}", "t"},
        {"{{.vin\n}}", "K1"},
    };
    CHECK(p, json(ROW, true));
    static const pair list[] = {
        {"{{len .}}{{range .}}{{.a}}{{end}}", "212"},
        {"{{(index . 0).a}}{{(first .).a}}{{(last .).a}}", "112"},
        {"{{json .}}", "[{\"a\":1},{\"a\":2}]"},
        {"{{.}}", "[map[a:1] map[a:2]]"},
        {"{{range $i, $e := .}}{{if $i}},{{end}}{{toJson $e}}{{end}}", "{\"a\":1},{\"a\":2}"},
        {"{{.a}}", "?template: sink:1:2: executing \"sink\" at <.a>: can't evaluate field a in type []map[string]interface {}"},
        {"{{index . 2}}", "?template: sink:1:2: executing \"sink\" at <index . 2>: error calling index: reflect: slice index out of range"},
        {"{{index . 9}}", "?template: sink:1:2: executing \"sink\" at <index . 9>: error calling index: index out of range: 9"},
    };
    CHECK(list, json("[{\"a\":1},{\"a\":2}]", false));
}
static void what_is_refused(void **st) {
    (void)st;
    static const pair p[] = {
        {"{{.vin", "!template: sink:1: unclosed action"},
        {"{{.a-b}}", "!template: sink:1: bad character U+002D '-'"},
        {"{{}}", "!template: sink:1: missing value for command"},
        {"{{{.a}}}", "!template: sink:1: unexpected \"{\" in command"},
        {"{{end}}", "!template: sink:1: unexpected {{end}}"},
        {"{{else}}", "!template: sink:1: unexpected {{else}}"},
        {"{{if .a}}x", "!template: sink:1: unexpected EOF"},
        {"{{if}}x{{end}}", "!template: sink:1: missing value for if"},
        {"\n{{nofn .a}}", "!template: sink:2: function \"nofn\" not defined"},
        {"{{$x}}", "!template: sink:1: undefined variable \"$x\""},
        {"{{break}}", "!template: sink:1: {{break}} outside {{range}}"},
        {"{{range .a}}{{define \"x\"}}{{end}}{{end}}", "!template: sink:1: unexpected <define> in command"},
        {"{{/* x", "!template: sink:1: unclosed comment"},
        {"{{\"x}}", "!template: sink:1: unterminated quoted string"},
        {"{{`x}}", "!template: sink:1: unterminated raw quoted string"},
        {"{{(.a}}", "!template: sink:1: unclosed left paren"},
        {"{{.a)}}", "!template: sink:1: unexpected right paren"},
        {"{{1x}}", "!template: sink:1: bad number syntax: \"1x\""},
        {"{{.a | 3}}", "!template: sink:1: non executable command in pipeline stage 2"},
        {"{{template x}}", "!template: sink:1: unexpected \"x\" in template clause"},
        {"{{1.x}}", "!template: sink:1: bad number syntax: \"1.x\""},
        {"{{nil.x}}", "!template: sink:1: unexpected . after term \"nil\""},
        {"{{if .a}}{{else}}{{else}}{{end}}", "!template: sink:1: expected end; found {{else}}"},
        {"{{.a b}}", "!template: sink:1: function \"b\" not defined"},
        {"{{define \"t\"}}one{{end}}{{define \"t\"}}two{{end}}", "!template: sink:1: template: multiple definition of template \"t\""},
        {"{{if .a}\n}}", "!template: sink:1: bad character U+007D '}'"},
    };
    CHECK(p, sl_v_null());
}
static void what_fails(void **st) {
    (void)st;
    static const pair p[] = {
        {"{{.speed.x}}", "?template: sink:1:8: executing \"sink\" at <.speed.x>: can't evaluate field x in type interface {}"},
        {"x{{.speed.bad}}", "?template: sink:1:9: executing \"sink\" at <.speed.bad>: can't evaluate field bad in type interface {}"},
        {"{{.nil.x}}", "?template: sink:1:6: executing \"sink\" at <.nil.x>: nil pointer evaluating interface {}.x"},
        {"{{$s := .speed}}\n {{$s.x}}", "?template: sink:2:5: executing \"sink\" at <$s.x>: can't evaluate field x in type float64"},
        {"{{index .tags 9}}", "?template: sink:1:2: executing \"sink\" at <index .tags 9>: error calling index: index out of range: 9"},
        {"{{index .tags 1.0}}", "?template: sink:1:2: executing \"sink\" at <index .tags 1.0>: error calling index: cannot index slice/array with type float64"},
        {"{{index .pos 1}}", "?template: sink:1:2: executing \"sink\" at <index .pos 1>: error calling index: value has type int; should be string"},
        {"{{index .nosuch 0}}", "?template: sink:1:2: executing \"sink\" at <index .nosuch 0>: error calling index: index of untyped nil"},
        {"{{nil}}", "?template: sink:1:2: executing \"sink\" at <nil>: nil is not a command"},
        {"{{template \"x\"}}", "?template: sink:1:11: executing \"sink\" at <{{template \"x\"}}>: template \"x\" not defined"},
        {"{{eq .vin 1}}", "?template: sink:1:2: executing \"sink\" at <eq .vin 1>: error calling eq: incompatible types for comparison: string and int"},
        {"{{gt .speed 30}}", "?template: sink:1:2: executing \"sink\" at <gt .speed 30>: error calling gt: incompatible types for comparison: float64 and int"},
        {"{{lt .nosuch 30}}", "?template: sink:1:2: executing \"sink\" at <lt .nosuch 30>: error calling lt: invalid type for comparison"},
        {"{{upper .speed}}", "?template: sink:1:8: executing \"sink\" at <.speed>: wrong type for value; expected string; got float64"},
        {"{{upper .nosuch}}", "?template: sink:1:8: executing \"sink\" at <.nosuch>: invalid value; expected string"},
        {"{{upper .nil}}", "?template: sink:1:8: executing \"sink\" at <.nil>: wrong type for value; expected string; got interface {}"},
        {"{{upper 3}}", "?template: sink:1:8: executing \"sink\" at <3>: expected string; found 3"},
        {"{{upper}}", "?template: sink:1:2: executing \"sink\" at <upper>: wrong number of args for upper: want 1 got 0"},
        {"{{base64 .nosuch}}", "?template: sink:1:2: executing \"sink\" at <base64 .nosuch>: error calling base64: based64 error for nil"},
        {"{{base64 .tags}}", "?template: sink:1:2: executing \"sink\" at <base64 .tags>: error calling base64: Unsupported data type slice for base64 function."},
        {"{{range .vin}}{{end}}", "?template: sink:1:8: executing \"sink\" at <.vin>: range can't iterate over K1"},
        {"{{.vin 3}}", "?template: sink:1:2: executing \"sink\" at <.vin>: vin is not a method but has arguments"},
        {"{{1 2}}", "?template: sink:1:2: executing \"sink\" at <1>: can't give argument to non-function 1"},
        {"{{call .vin}}", "?template: sink:1:2: executing \"sink\" at <call .vin>: error calling call: non-function .vin of type string"},
        {"{{div 1 0}}", "?template: sink:1:2: executing \"sink\" at <div 1 0>: error calling div: runtime error: integer divide by zero"},
        {"{{fail \"no\"}}", "?template: sink:1:2: executing \"sink\" at <fail \"no\">: error calling fail: no"},
        {"{{define \"d\"}}{{.x.y}}{{end}}{{template \"d\" .vin}}", "?template: sink:1:18: executing \"d\" at <.x.y>: can't evaluate field x in type string"},
        {"{{define \"d\"}}{{template \"d\"}}{{end}}{{template \"d\"}}", "?template: sink:1:25: executing \"d\" at <{{template \"d\"}}>: exceeded maximum template depth (200)"},
        {"{{len .nosuch}}", "?template: sink:1:2: executing \"sink\" at <len .nosuch>: error calling len: reflect: call of reflect.Value.Type on zero Value"},
        {"{{$x = 3}}", "?template: sink:1:2: executing \"sink\" at <$x = 3>: undefined variable: $x"},
    };
    CHECK(p, json(ROW, false));
    assert_non_null(strstr(run("{{range 1000000000}}{{end}}", sl_v_null()), "takes too long"));
    assert_non_null(strstr(run("{{range 1000000}}{{range until 1000000}}{{end}}{{end}}", sl_v_null()), "too "));
    assert_non_null(strstr(run("{{range 1000000}}{{$x := until 1000000}}{{end}}", sl_v_null()), "too much memory"));
    run("{{$d := dict}}{{$_ := set $d \"a\" $d}}{{$_ := set $d \"b\" $d}}{{toJson $d}}{{$d}}", sl_v_null()); /* a map in itself */
    assert_non_null(strstr(run("{{repeat 100000000 \"abc\"}}", sl_v_null()), "too long"));
}
static void printing(void **st) {
    (void)st;
    static const pair p[] = {
        {"{{.f}} {{.g}} {{.h}} {{.i}} {{.b}}", "27 1.234567891e+06 1e-05 1e+06 [104 105]"},
        {"{{print 1 2 \"a\" \"b\" 3}}|{{print .n}}|{{println \"a\" 1}}", "1 2ab3|<nil>|a 1\n"},
        {"{{printf \"%d\" .f}} {{printf \"%d %d\" 1}} {{printf \"%d\" 1 2}} {{printf \"%z\" 1}}", "%!d(float64=27) 1 %!d(MISSING) 1%!(EXTRA int=2) %!z(int=1)"},
        {"{{printf \"%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%b|%c|%U|%q\" 42 42 42 42 255 255 255 8 5 97 8364 97}}", "   42|42   |00042|+42|ff|FF|0xff|10|101|a|U+20AC|'a'"},
        {"{{printf \"%.2f|%8.3f|%-8.1f|%e|%g|%G|%06.2f|%v\" 3.14159 2.5 2.5 1234.5 0.00001 1e-7 3.14159 1e21}}", "3.14|   2.500|2.5     |1.234500e+03|1e-05|1E-07|003.14|1e+21"},
        {"{{printf \"%s|%10s|%-6s|%.2s|%q|%x|%v\" \"abc\" \"abc\" \"abc\" \"abc\" \"a\\\"b\" \"hi\" \"abc\"}}", "abc|       abc|abc   |ab|\"a\\\"b\"|6869|abc"},
        {"{{printf \"%v %s %d\" .l .l .l}}", "[1 a <nil>] [%!s(float64=1) a <nil>] [%!d(float64=1) %!d(string=a) <nil>]"},
        {"{{printf \"%s\" .b}} {{toString .b}} {{toJson .b}}", "hi hi \"aGk=\""},
        {"{{printf \"%T %T %T %T %T %T\" .f 1 \"a\" true .l .n}}", "float64 int string bool []interface {} <nil>"},
        {"{{printf \"%[2]d %[1]d\" 1 2}} {{printf \"%*d\" 5 42}} {{printf \"%t %v\" true .n}} {{printf \"%%\"}}", "2 1    42 true <nil> %"},
        {"{{html \"<a href='x'>&\"}} {{js \"it's <\\\\>\"}} {{urlquery \"a b&c/é\"}} {{html .n}}",
         "&lt;a href=&#39;x&#39;&gt;&amp; it\\'s \\u003C\\\\\\u003E a+b%26c%2F%C3%A9 &lt;no value&gt;"},
        {"{{.t}}", "2023-11-15 00:00:00 +0000 UTC"},
    };
    sl_member m[16];
    uint32_t n = 0;
    m[n++] = (sl_member){SL_S("f"), sl_v_float(27)};
    m[n++] = (sl_member){SL_S("g"), sl_v_float(1234567.891)};
    m[n++] = (sl_member){SL_S("h"), sl_v_float(0.00001)};
    m[n++] = (sl_member){SL_S("i"), sl_v_float(1000000)};
    m[n++] = (sl_member){SL_S("b"), sl_v_bytes(SL_S("hi"))};
    m[n++] = (sl_member){SL_S("n"), sl_v_null()};
    sl_value l[] = {sl_v_float(1), sl_v_str(SL_S("a")), sl_v_null()};
    m[n++] = (sl_member){SL_S("l"), sl_v_list(l, 3)};
    m[n++] = (sl_member){SL_S("t"), sl_v_time(1700006400, 0, SL_ZONE_UTC)};
    CHECK(p, sl_v_map(m, n));
}
static void functions(void **st) {
    (void)st;
    static const pair p[] = {
        {"{{trim \"  a \"}}|{{trimAll \"$\" \"$5$\"}}|{{trimPrefix \"a\" \"ab\"}}|{{trimSuffix \"b\" \"ab\"}}", "a|5|b|a"},
        {"{{upper \"aé\"}}{{lower \"AÉ\"}}{{title \"hello world\"}}{{untitle \"Hello World\"}}{{swapcase \"aB\"}}", "AÉaéHello Worldhello worldAb"},
        {"{{camelcase \"http_server name\"}} {{snakecase \"FirstName\"}} {{kebabcase \"FirstName\"}} {{snakecase \"HTTPServer\"}}",
         "HttpServerName first_name first-name http_server"},
        {"{{repeat 3 \"ab\"}} {{substr 0 1 \"K1\"}} {{substr 1 -1 \"abc\"}} {{trunc 2 \"abc\"}} {{trunc -2 \"abc\"}}", "ababab K bc ab bc"},
        {"{{abbrev 5 \"hello world\"}} {{abbrevboth 5 10 \"1234 5678 9123\"}} {{nospace \"a b c\"}} {{initials \"First Try\"}}", "he... ...5678... abc FT"},
        {"{{contains \"a\" \"cat\"}} {{hasPrefix \"c\" \"cat\"}} {{hasSuffix \"c\" \"cat\"}} {{replace \" \" \"-\" \"a b c\"}}", "true true false a-b-c"},
        {"{{quote \"a\" 1 .nil}} {{squote \"a\" 1}} {{cat \"a\" 1 .nil true}}", "\"a\" \"1\" 'a' '1' a 1 true"},
        {"{{indent 2 \"a\\nb\"}}|{{nindent 2 \"a\"}}|{{wrap 5 \"hello big world\"}}|{{wrapWith 3 \"-\" \"abcdefg\"}}", "  a\n  b|\n  a|hello\nbig\nworld|abc-def-g"},
        {"{{plural \"one\" \"many\" 1}} {{plural \"one\" \"many\" 2}}", "one many"},
        {"{{add 1 2 3}} {{add1 1}} {{sub 5 2}} {{mul 2 3 4}} {{div 7 2}} {{mod 7 2}} {{max 1 5 3}} {{min 4 2}} {{add .speed 1.9}} {{add \"0x10\" \"1.00\" true}}",
         "6 2 3 24 3 1 5 2 89 18"},
        {"{{addf 0.1 0.2}} {{subf 1 0.9}} {{mulf 1.1 1.1}} {{divf 1 4}} {{add1f 1.5}} {{maxf 1.5 2}} {{minf 1.5 2}} {{addf .fuel 1.5}}", "0.3 0.1 1.21 0.25 2.5 2 1.5 2"},
        {"{{ceil 1.2}} {{floor 1.7}} {{round 123.555 2}} {{round -1.2 0}} {{round .fuel 0}} {{round 123.5555 3 0.6}}", "2 1 123.56 -2 1 123.555"},
        {"{{int 3.9}} {{int64 \"7\"}} {{float64 \"1.5\"}} {{atoi \"7\"}} {{atoi \"x\"}} {{toDecimal \"0777\"}} {{int .nosuch}}", "3 7 1.5 7 0 511 0"},
        {"{{seq 5}}|{{seq 2 4}}|{{seq 0 2 6}}|{{seq 3 1}}|{{until 3}}|{{untilStep 1 8 3}}", "1 2 3 4 5|2 3 4|0 2 4 6|3 2 1|[0 1 2]|[1 4 7]"},
        {"{{list 1 \"a\" nil}} {{first .tags}} {{last .tags}} {{rest (list 1 2 3)}} {{initial (list 1 2 3)}}", "[1 a <nil>] a b [2 3] [1 2]"},
        {"{{append .tags \"c\"}} {{prepend .tags \"c\"}} {{concat .tags (list 1)}} {{reverse .tags}} {{uniq (list 1 2 1)}} {{compact (list 0 1 \"\" 2)}}",
         "[a b c] [c a b] [a b 1] [b a] [1 2] [1 2]"},
        {"{{without .tags \"a\"}} {{has \"a\" .tags}} {{has 1 (list 1.0)}} {{slice (list 1 2 3) 1 2}} {{slice (list 1 2 3) 1}} {{chunk 2 (list 1 2 3)}}",
         "[b] true false [2] [2 3] [[1 2] [3]]"},
        {"{{sortAlpha (list \"b\" \"a\")}} {{join \"-\" .tags}} {{join \",\" (list 1 .nil 2)}} {{splitList \",\" \"a,b\" | join \"-\"}} {{(split \"$\" \"a$b\")._1}} {{splitn "
         "\"$\" 2 \"a$b$c\"}}",
         "[a b] a-b 1,2 a-b b map[_0:a _1:b$c]"},
        {"{{dict \"a\" 1 \"b\" .vin | toJson}} {{get .pos \"lat\"}} {{get .pos \"x\"}}| {{hasKey .pos \"lat\"}} {{omit .pos \"lat\" | toJson}} {{pick .pos \"lat\" | toJson}}",
         "{\"a\":1,\"b\":\"K1\"} 48.1 | true {\"lon\":11.5} {\"lat\":48.1}"},
        {"{{set .pos \"z\" 1 | toJson}} {{.pos.z}} {{unset .pos \"lat\" | toJson}} {{len .pos}} {{toJson .pos}}",
         "{\"lat\":48.1,\"lon\":11.5,\"z\":1} 1 {\"lon\":11.5,\"z\":1} 2 {\"lon\":11.5,\"z\":1}"},
        {"{{$d := dict}}{{range .tags}}{{$_ := set $d . (len .)}}{{end}}{{toJson $d}}{{$d.a}}", "{\"a\":1,\"b\":1}1"},
        {"{{$m := merge (dict \"a\" 1 \"n\" (dict \"x\" 1)) (dict \"a\" 2 \"b\" 3 \"n\" (dict \"y\" 2))}}{{toJson $m}} {{toJson (mergeOverwrite (dict \"a\" 1) (dict \"a\" 2))}}",
         "{\"a\":1,\"b\":3,\"n\":{\"x\":1,\"y\":2}} {\"a\":2}"},
        {"{{dig \"pos\" \"lat\" 0 .}} {{dig \"pos\" \"q\" \"d\" .}} {{dig \"q\" \"d\" .}} {{pluck \"a\" (dict \"a\" 1) (dict \"b\" 2) (dict \"a\" 3)}} {{values (dict \"a\" 1)}} "
         "{{keys (dict \"a\" 1)}}",
         "48.1 d d [1 3] [1] [a]"},
        {"{{default \"d\" .nosuch}} {{.nosuch | default 5}} {{default \"d\" .vin}} {{empty .empty}} {{coalesce .nosuch 0 .vin}} {{ternary \"y\" \"n\" .ok}} {{all 1 0}} {{any 1 "
         "0}}",
         "d 5 K1 true K1 y false true"},
        {"{{typeOf .speed}} {{typeOf 1}} {{typeOf .pos}} {{kindOf .tags}} {{kindOf .nil}} {{kindIs \"string\" .vin}} {{typeIs \"float64\" .fuel}} {{deepEqual .tags (list \"a\" "
         "\"b\")}}",
         "float64 int map[string]interface {} slice invalid true true true"},
        {"{{toJson .vin}} {{toRawJson \"<a>\"}} {{toJson \"<a>\"}} {{(fromJson \"{\\\"a\\\":[1]}\").a}} {{toPrettyJson (dict \"a\" 1)}} {{fromJson \"bad\"}}",
         "\"K1\" \"<a>\" \"\\u003ca\\u003e\" [1] {\n  \"a\": 1\n} <no value>"},
        {"{{base64 .fuel}} {{base64 .speed}} {{base64 .vin}} {{base64 true}} {{b64enc \"K1\"}} {{b64dec \"SzE=\"}} {{b32enc \"hi\"}} {{b32dec \"NBUQ====\"}}",
         "MC41 ODg= SzE= dHJ1ZQ== SzE= K1 NBUQ==== hi"},
        {"{{sha1sum \"a\"}} {{sha256sum \"a\"}} {{adler32sum \"a\"}}",
         "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb 6422626"},
        {"{{regexMatch \"^[a-z]+$\" \"abc\"}} {{regexFind \"[0-9]+\" \"a12b3\"}} {{regexFindAll \"[0-9]\" \"a12b3\" -1}} {{regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\"}} "
         "{{regexReplaceAllLiteral \"a\" \"banana\" \"$1\"}} {{regexSplit \"z+\" \"pizza\" -1}} {{regexQuoteMeta \"1.2\"}}",
         "true 12 [1 2 3] -W-xxW- b$1n$1n$1 [pi a] 1\\.2"},
        {"{{base \"a/b.c\"}} {{dir \"/a/b/c\"}} {{clean \"a/../b//c/.\"}} {{ext \"a.tar.gz\"}} {{isAbs \"/a\"}}", "b.c /a/b b/c .gz true"},
        {"{{(urlParse \"http://u:p@h:80/p?q=1#f\").hostname}} {{urlJoin (dict \"scheme\" \"http\" \"host\" \"h\" \"path\" \"/p\" \"query\" \"q\")}}", "h http://h/p?q"},
        {"{{date \"2006-01-02 15:04:05\" 1700006400}} {{dateInZone \"15:04 MST\" 1700006400 \"Asia/Shanghai\"}} {{htmlDate 1700006400}} {{now | date \"2006\"}} {{now | "
         "unixEpoch}}",
         "2023-11-15 00:00:00 08:00 CST 2023-11-15 2023 1700006400"},
        {"{{toDate \"2006-01-02\" \"2023-11-15\" | date \"02/01/2006\"}} {{now | dateModify \"-24h\" | htmlDate}} {{duration \"95\"}} {{durationRound \"2h10m5s\"}} {{toDate "
         "\"2006-01-02\" \"2023-11-14\" | ago}}",
         "15/11/2023 2023-11-14 1m35s 2h 24h0m0s"},
        {"{{len (uuidv4)}} {{len (randAlphaNum 7)}} {{randInt 3 4}} {{len (shuffle \"abc\")}} {{prop \"et\"}} {{prop \"nothing\"}} {{env \"SL_TPL\"}} {{expandenv "
         "\"a${SL_TPL}$SL_TPL.\"}}",
         "36 7 3 3 1700006400123 nothing there athere"
         "there."},
        {"{{len \"abc\"}} {{len .pos}} {{index .tags 0}} {{index . \"vin\"}} {{index . \"pos\" \"lat\"}} {{index .pos \"no\"}} {{eq .vin \"x\" \"K1\"}} {{ne 1 2}} {{lt 1 2}} {{le "
         "2 2}} {{ge \"b\" \"a\"}} {{eq .nil .nosuch}} {{eq .nosuch nil}}",
         "3 2 a K1 48.1 <no value> true true true true true true true"},
        {"{{printf \"%.0f\" .big}} {{int64 .big}} {{.big}}", "1700000000000 1700000000000 1.7e+12"},
        {"{{hello}} {{toStrings (list 1 2)}} {{tuple 1 2}}", "Hello! [1 2] [1 2]"},
    };
    setenv("SL_TPL", "there", 1);
    CHECK(p, json(ROW, false));
}
static void bad_input_is_survived(void **st) { /* cuts and doubled brackets of a long template */
    (void)st;
    static const char all[] =
        "{{define \"d\"}}{{range $i, $e := .tags}}{{if and $e (eq $i 1)}}{{$e | printf \"%5.2f %[1]q %*d\" 3}}{{else if .x}}{{break}}{{end}}{{end}}{{end}}"
        "{{template \"d\" .}}{{- with $x := (index .m \"a\").b.c }}{{$x}}{{else with 1e3}}{{.}}{{end -}}{{/* c */}}{{`raw`}}{{'x'}}{{block \"q\" 0x1F}}{{.}}{{end}}";
    sl_value root = json(ROW, false);
    for (size_t i = 0; i <= sizeof all - 1; i++) {
        char text[sizeof all + 8];
        memcpy(text, all, i);
        text[i] = 0;
        run(text, root);
        memcpy(text + i, "{{(", 3);
        memcpy(text + i + 3, all + i, sizeof all - i);
        run(text, root);
        memcpy(text, all, i);
        strcpy(text + i, i + 1 < sizeof all ? all + i + 1 : "");
        run(text, root);
    }
    sl_buf deep = {0};
    for (int i = 0; i < 100000; i++)
        sl_buf_puts(&deep, "{{if .a}}");
    assert_string_equal(run(sl_buf_cstr(&deep), root), "!template: sink:1: nested too deep: at most 200 levels");
    sl_buf_clear(&deep);
    sl_buf_puts(&deep, "{{");
    for (int i = 0; i < 100000; i++)
        sl_buf_puts(&deep, "(");
    assert_true(run(sl_buf_cstr(&deep), root)[0] == '!');
    sl_buf_free(&deep);
    assert_true(sl_template_is(SL_S("a{{.b}}")));
    assert_false(sl_template_is(SL_S("{{.b")));
    assert_false(sl_template_is(SL_S("{{\n}}")));
}
int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(language), cmocka_unit_test(what_is_refused), cmocka_unit_test(what_fails),
                                       cmocka_unit_test(printing), cmocka_unit_test(functions),       cmocka_unit_test(bad_input_is_survived)};
    return cmocka_run_group_tests(tests, up, down);
}
