/* The table of verbs and the ones that are a single request. */
#include <stdlib.h>
#include <unistd.h>
#include "cli/cli.h"

static int one(cli *c, const cli_verb *v, const cli_args *a);
static const cli_verb verbs[] = {
    /* streams and tables */
    {"create stream", "NAME (COLUMNS) WITH (OPTIONS) | NAME -f FILE", "Creates a stream; everything behind the words is the statement.",
     "'demo (id BIGINT, t FLOAT) WITH (DATASOURCE=\"devices/+\", FORMAT=\"json\", TYPE=\"mqtt\")'", cli_statement},
    {"create table", "NAME (COLUMNS) WITH (OPTIONS) | NAME -f FILE", "Creates a table.", "'names () WITH (DATASOURCE=\"names.json\", FORMAT=\"json\", TYPE=\"file\")'",
     cli_statement},
    {"show streams", "", "Lists the streams.", "", cli_show_streams},
    {"show tables", "", "Lists the tables.", "", cli_show_streams},
    {"describe stream", "NAME [-json]", "Shows columns and options of a stream.", "demo", cli_statement},
    {"describe table", "NAME [-json]", "Shows columns and options of a table.", "names", cli_statement},
    {"drop stream", "NAME", "Drops a stream.", "demo", cli_statement},
    {"drop table", "NAME", "Drops a table.", "names", cli_statement},
    {"sql", "[-e 'STATEMENT; …'] [--count N] [--for 10s] [--json]", "A prompt for SQL with history and completion, live results, and scripts.",
     "-e 'SELECT * FROM demo WHERE t > 30' --count 10", cli_sql, .more = cli_sql_help},
    {"query", "['SELECT …'] [-n COUNT]", "Runs a SELECT without creating a rule and shows its results as they come; without one, reads them from the terminal.",
     "'SELECT * FROM demo WHERE t > 30' -n 10", cli_query},
    {"show functions", "", "Lists the functions of SQL.", "", one, NULL, "GET", "/functions", NULL, NULL, "No functions are found."},
    {"describe function", "NAME", "Shows what a function of SQL takes, does and gives.", "lag", cli_describe_function},
    /* rules */
    {"create rule", "ID 'JSON' | ID -f FILE", "Creates a rule and starts it.", "r1 '{\"sql\":\"SELECT * FROM demo WHERE t > 30\",\"actions\":[{\"log\":{}}]}'", cli_create_rule},
    {"validate rule", "ID 'JSON' | ID -f FILE", "Checks a rule without creating it.", "r1 -f rule.json", cli_validate_rule},
    {"show rules", "", "Lists the rules and how they are.", "", one, NULL, "GET", "/rules", NULL, NULL, "No rule definitions are found."},
    {"describe rule", "ID", "Shows a rule with all its options.", "r1", one, "Expect rule name.", "GET", "/rules/{}?full=true", "Desc rule error : %s.", NULL, NULL},
    {"drop rule", "ID", "Stops a rule and forgets it.", "r1", one, "Expect rule name.", "DELETE", "/rules/{}", "Drop rule error : %s.", NULL, NULL},
    {"start rule", "ID", "Starts a rule (a running one starts again).", "r1", one, "Expect rule name.", "POST", "/rules/{}/start", NULL, NULL, NULL},
    {"stop rule", "ID", "Stops a rule.", "r1", one, "Expect rule name.", "POST", "/rules/{}/stop", NULL, NULL, NULL},
    {"restart rule", "ID", "Stops a rule and starts it from its stored text.", "r1", one, "Expect rule name.", "POST", "/rules/{}/restart", NULL, "Rule {} was restarted.", NULL},
    {"getstatus rule", "ID", "Shows state and counters of a rule.", "r1", one, "Expect rule name.", "GET", "/rules/{}/status", NULL, NULL, NULL},
    {"gettopo rule", "ID", "Shows the nodes of a rule and how they are connected.", "r1", one, "Expect rule name.", "GET", "/rules/{}/topo", NULL, NULL, NULL},
    {"watch rule", "ID [-n COUNT]", "Shows what a running rule emits as it comes.", "r1 -n 10", cli_watch},
    {"explain rule", "ID", "Shows what of a rule runs where, in which form and why; --json for programs.", "r1", cli_explain, "Expect rule name.", "GET", "/rules/{}/explain", NULL,
     NULL, NULL},
    {"rule test", "FILE… [-k PATTERN] [--update] [--json] [--junit FILE] [--timeout 30s] [--daemon PROGRAM]",
     "Runs rules of files of cases on their input, on a held clock in a daemon of its own, and compares what they emit.", "tests/alarms.yaml", cli_rule_test,
     .more = cli_rule_test_help},
    /* plugins */
    {"create plugin", "TYPE NAME 'JSON' | TYPE NAME -f FILE | TYPE NAME -zf ZIP", "Installs a plugin; TYPE: source, sink, function, portable, wasm.",
     "portable pysam '{\"file\":\"file:///tmp/pysam.zip\"}'", cli_create_plugin},
    {"show plugins", "TYPE", "Lists the plugins of a type.", "portable", cli_show_plugins},
    {"describe plugin", "TYPE NAME", "Shows a plugin.", "portable pysam", cli_describe_plugin},
    {"drop plugin", "TYPE NAME -s true|false", "Removes a plugin; -s true ends the daemon afterwards.", "portable pysam -s false", cli_drop_plugin},
    {"register plugin", "function NAME 'JSON'", "Names the functions of a plugin.", "function math '{\"functions\":[\"cube\"]}'", cli_register_plugin},
    {"show udfs", "", "Lists functions that plugins brought.", "", one, NULL, "GET", "/plugins/udfs", NULL, NULL, "No udf is found."},
    {"describe udf", "NAME", "Says which plugin brought a function.", "cube", one, "Expect udf name.", "GET", "/plugins/udfs/{}", "Describe udf error: %s", NULL, NULL},
    /* services, schemas, scripts */
    {"create service", "NAME 'JSON'", "Registers an external service.", "sample '{\"name\":\"sample\",\"file\":\"file:///tmp/sample.zip\"}'", cli_create_service},
    {"show services", "", "Lists external services.", "", one, NULL, "GET", "/services", NULL, NULL, "No service definitions are found."},
    {"describe service", "NAME", "Shows an external service.", "sample", one, "Expect service name.", "GET", "/services/{}", "Desc service error : can't get the service {}.", NULL,
     NULL},
    {"drop service", "NAME", "Removes an external service.", "sample", one, "Expect service name.", "DELETE", "/services/{}", "Drop service error : %s.", "Service {} is dropped",
     NULL},
    {"show service_funcs", "", "Lists functions of external services.", "", one, NULL, "GET", "/services/functions", NULL, NULL, "No service definitions are found."},
    {"describe service_func", "NAME", "Shows a function of an external service.", "area", one, "Expect service func name.", "GET", "/services/functions/{}",
     "Desc service func error : can't get the service function {}.", NULL, NULL},
    {"create schema", "TYPE NAME 'JSON'", "Registers a schema; TYPE: protobuf, custom.", "protobuf s1 '{\"name\":\"s1\",\"file\":\"file:///tmp/s1.proto\"}'", cli_create_schema},
    {"show schemas", "TYPE", "Lists the schemas of a type.", "protobuf", cli_show_schemas},
    {"describe schema", "TYPE NAME", "Shows a schema.", "protobuf s1", cli_one_schema},
    {"drop schema", "TYPE NAME", "Removes a schema.", "protobuf s1", cli_one_schema},
    {"create script", "'JSON'", "Registers a JavaScript function.", "'{\"id\":\"area\",\"script\":\"function area(x,y){return x*y}\",\"isAgg\":false}'", cli_create_script},
    {"show scripts", "", "Lists the JavaScript functions.", "", one, NULL, "GET", "/udf/javascript", NULL, NULL, "No JavaScript functions are found."},
    {"describe script", "ID", "Shows a JavaScript function.", "area", one, "Expect JavaScript function id.", "GET", "/udf/javascript/{}",
     "Describe JavaScript function error : %s.", NULL, NULL},
    {"drop script", "ID", "Removes a JavaScript function.", "area", one, "Expect JavaScript function id.", "DELETE", "/udf/javascript/{}", "Drop JavaScript function error : %s.",
     "JavaScript function {} is dropped", NULL},
    /* connections and settings */
    {"create connection", "ID TYPE 'JSON'", "Defines a connection that streams and actions can name (connectionSelector).",
     "cloud mqtt '{\"server\":\"tcp://broker:1883\",\"username\":\"u\"}'", cli_create_connection},
    {"show connections", "", "Lists connections and how they are.", "", one, NULL, "GET", "/connections", NULL, NULL, "No connections are found."},
    {"describe connection", "ID", "Shows a connection.", "cloud", one, "Expect connection id.", "GET", "/connections/{}", NULL, NULL, NULL},
    {"drop connection", "ID", "Removes a connection that nobody uses.", "cloud", one, "Expect connection id.", "DELETE", "/connections/{}", NULL, NULL, NULL},
    {"show confkeys", "KIND TYPE", "Shows named settings of a connector type; KIND: sources, sinks, connections.", "sources mqtt", cli_confkey},
    {"set confkey", "KIND TYPE NAME 'JSON'", "Stores named settings of a connector type.", "sources mqtt plant '{\"server\":\"tcp://plant:1883\"}'", cli_confkey},
    {"drop confkey", "KIND TYPE NAME", "Removes named settings of a connector type.", "sources mqtt plant", cli_confkey},
    {"explain stream", "NAME", "Shows every property of a stream's source and who set it.", "demo", one, "Expect stream name.", "GET", "/config/explain/stream/{}", NULL, NULL,
     NULL},
    {"explain actions", "RULE", "Shows every property of a rule's actions and who set it.", "r1", one, "Expect rule name.", "GET", "/config/explain/rule/{}", NULL, NULL,
     "The rule has no actions."},
    {"explain config", "", "Shows every setting of the daemon and who set it.", "", one, NULL, "GET", "/config/explain", NULL, NULL, NULL},
    {"explain", "'SELECT ...'", "Shows the same of a statement that is no rule yet.", "'SELECT device, avg(t) AS t FROM demo GROUP BY device, TUMBLINGWINDOW(ss, 10)'",
     cli_explain},
    /* everything at once */
    {"import ruleset", "-f FILE", "Creates streams, tables and rules of a file.", "-f rules.json", cli_import},
    {"import data", "-f FILE -s true|false -p true|false", "Imports definitions; -p true keeps what is there, -s true installs plugins and ends the daemon.",
     "-f all.json -s false -p true", cli_import},
    {"getstatus import", "", "Shows what went wrong in the last import.", "", one, NULL, "GET", "/data/import/status", NULL, NULL, NULL},
    {"export ruleset", "FILE", "Writes streams, tables and rules to a file.", "rules.json", cli_export},
    {"export data", "FILE [-r '[\"RULE\",…]']", "Writes all definitions, or what the rules need, to a file.", "all.json", cli_export},
    /* the client itself */
    {"ping", "", "Says whether the daemon is there, its version and memory.", "", one, NULL, "GET", "/", NULL, NULL, NULL},
    {"completion", "bash|zsh", "Prints a script that completes words in a shell.", "bash > /etc/bash_completion.d/sluice", cli_completion},
    {"__names", "NOUN", NULL, "rule", cli_names},
};
const cli_verb *cli_verb_at(size_t i) { return i < sizeof verbs / sizeof *verbs ? &verbs[i] : NULL; }
const cli_verb *cli_verb_find(int n, char **w, int *used) {
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const char *name = verbs[i].name, *gap = strchr(name, ' ');
        size_t k = gap ? (size_t)(gap - name) : strlen(name);
        if (n < (gap ? 2 : 1) || strlen(w[0]) != k || memcmp(w[0], name, k) != 0 || (gap && strcmp(w[1], gap + 1) != 0))
            continue;
        *used = gap ? 2 : 1;
        return &verbs[i];
    }
    return NULL;
}
void cli_flags(cli_args *a, int n, char **w) {
    *a = (cli_args){.at = w};
    for (int i = 0; i < n; i++) {
        struct {
            const char *name, **to;
        } flags[] = {{"f", &a->file},          {"file", &a->file}, {"zf", &a->zip},      {"s", &a->stop},  {"stop", &a->stop},  {"p", &a->partial},
                     {"partial", &a->partial}, {"r", &a->rules},   {"rules", &a->rules}, {"n", &a->count}, {"count", &a->count}};
        const char *x = w[i];
        size_t dash = x[0] != '-' ? 0 : x[1] == '-' ? 2 : 1, k = 0, nf = sizeof flags / sizeof *flags;
        if (dash && strcmp(x + dash, "json") == 0) {
            a->json = true;
            continue;
        }
        for (; dash && k < nf; k++) {
            size_t len = strlen(flags[k].name);
            if (strcmp(x + dash, flags[k].name) == 0 && i + 1 < n) {
                *flags[k].to = w[++i];
                break;
            }
            if (strncmp(x + dash, flags[k].name, len) == 0 && x[dash + len] == '=') {
                *flags[k].to = x + dash + len + 1;
                break;
            }
        }
        if (!dash || k == nf)
            a->at[a->n++] = w[i];
    }
}

/* ---- saying things ---- */
int cli_fail(cli *c, const char *format, const char *reason) {
    if (!c->kuiper) {
        fprintf(stderr, "sluice: %s\n", reason);
        return 1;
    }
    const char *hole = format ? strstr(format, "%s") : NULL;
    if (hole)
        printf("%.*s%s%s\n", (int)(hole - format), format, reason, hole + 2);
    else
        printf("%s\n", format ? format : reason);
    return 0;
}
int cli_bad_args(cli *c, const cli_verb *v, const char *text) {
    if (c->kuiper) {
        printf("%s\n", text);
        return 0;
    }
    fprintf(stderr, "sluice: %s\nusage:   sluice %s %s\nexample: sluice %s %s\n", text, v->name, v->args, v->name, v->example);
    return 1;
}
int cli_say(cli *c, const char *text) {
    if (c->json && !c->kuiper) {
        sl_buf b = {0};
        sl_buf_puts(&b, "{\"message\":");
        sl_json_put_str(&b, sl_str_of(text));
        sl_buf_putc(&b, '}');
        puts(sl_buf_cstr(&b));
        sl_buf_free(&b);
    } else
        puts(text);
    return 0;
}
bool cli_absent(const cli_answer *x) { return x->status == 404 && x->body.n == 19 && memcmp(x->body.p, "404 page not found\n", 19) == 0; }
char *cli_reason(sl_arena *a, const cli_answer *x) {
    sl_str body = sl_str_trim(sl_buf_view(&x->body));
    sl_json *j = NULL;
    sl_err *e = sl_json_parse(a, sl_arena_dup(a, body), &j, NULL);
    sl_err_free(e);
    sl_str m = e ? (sl_str){0} : sl_json_text(sl_json_get(j, "message"), (sl_str){0});
    if (!m.n)
        return body.n ? sl_arena_cstr(a, sl_arena_dup(a, body).p) : (char *)sl_arena_printf(a, "the daemon answered %d", x->status).p;
    /* "start rule error: Rule x is not found": what stands before is the REST call's name, not the reason */
    static const char *const heads[] = {"error: ", "failed: "};
    ptrdiff_t first = -1;
    size_t skip = 0;
    for (size_t i = 0; i < 2; i++) {
        ptrdiff_t at = sl_str_find(m, sl_str_of(heads[i]));
        bool plain = at > 0;
        for (ptrdiff_t k = 0; plain && k < at; k++) /* the name of a call is words only, no colon */
            plain = m.p[k] != ':' && m.p[k] != '"';
        if (plain && (first < 0 || at < first)) {
            first = at;
            skip = (size_t)at + strlen(heads[i]);
        }
    }
    return (char *)(uintptr_t)sl_arena_dup(a, sl_str_n(m.p + skip, m.n - skip)).p;
}
/* What the daemon knows about the place of an error: the line, a mark below it, advice. Colours only where a person looks. */
static bool help(const cli *c, const sl_json *j) {
    const sl_json *h = sl_json_get(j, "help");
    int64_t line, column;
    if (c->kuiper || !h || !sl_json_i64(sl_json_get(h, "line"), &line) || !sl_json_i64(sl_json_get(h, "column"), &column))
        return false;
    bool colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    sl_str none = {"", 0}, hint = sl_json_text(sl_json_get(h, "hint"), none), why = sl_str_trim(sl_json_text(sl_json_get(h, "reason"), none));
    fprintf(stderr, "sluice: %.*s\n  line %lld, column %lld\n    %.*s\n    %s%.*s%s\n", SL_FMT(why), (long long)line, (long long)column,
            SL_FMT(sl_json_text(sl_json_get(h, "text"), none)), colour ? "\x1b[1;31m" : "", SL_FMT(sl_json_text(sl_json_get(h, "mark"), none)), colour ? "\x1b[0m" : "");
    if (hint.n)
        fprintf(stderr, "  %.*s\n", SL_FMT(hint));
    return true;
}
static bool helped(cli *c, sl_arena *a, const cli_answer *x) {
    sl_json *j = NULL;
    sl_err *e = sl_json_parse(a, sl_arena_dup(a, sl_str_trim(sl_buf_view(&x->body))), &j, NULL);
    bool said = !e && help(c, j);
    sl_err_free(e);
    return said;
}
bool cli_judge(cli *c, bool there, const char *fail, cli_answer *x, int *code) {
    if (there && x->status >= 200 && x->status < 300)
        return true;
    if (!there && c->kuiper)
        puts("Failed to connect the server, please start the server.");
    else if (!there)
        fprintf(stderr, "sluice: cannot reach the daemon: %s\nIs it running? Start it with `sluiced`, or name it with --url http://HOST:PORT.\n", sl_buf_cstr(&x->body));
    *code = c->kuiper ? 0 : 1;
    if (there) {
        sl_arena *a = sl_arena_new(0);
        if (cli_absent(x))
            *code = cli_fail(c, fail, c->kuiper ? "not found" : "this daemon does not offer that");
        else if (a && helped(c, a, x))
            *code = 1;
        else
            *code = cli_fail(c, fail, a ? cli_reason(a, x) : "out of memory");
        sl_arena_free(a);
    }
    sl_buf_free(&x->body);
    return false;
}
bool cli_ask(cli *c, const char *method, const char *path, sl_str body, const char *fail, cli_answer *out, int *code) {
    return cli_judge(c, cli_http(c, method, path, body, out), fail, out, code);
}
bool cli_ask_list(cli *c, const char *path, const char *fail, cli_answer *out, int *code) {
    bool there = cli_http(c, "GET", path, (sl_str){0}, out);
    if (there && cli_absent(out)) { /* nothing can exist of a kind that the daemon does not know */
        sl_buf_clear(&out->body);
        sl_buf_puts(&out->body, "[]");
        out->status = 200;
    }
    return cli_judge(c, there, fail, out, code);
}

/* ---- verbs that are one request ---- */
static void fill(sl_buf *out, const char *text, const char *name, bool escape) {
    const char *hole = strstr(text, "{}");
    sl_buf_put(out, text, hole ? (size_t)(hole - text) : strlen(text));
    if (hole) {
        if (escape)
            cli_escape(out, name);
        else
            sl_buf_puts(out, name);
        sl_buf_puts(out, hole + 2);
    }
}
static int one(cli *c, const cli_verb *v, const cli_args *a) {
    const char *name = "";
    if (v->expect) {
        if (a->n != 1)
            return cli_bad_args(c, v, v->expect);
        name = a->at[0];
    }
    sl_buf path = {0}, fail = {0}, text = {0};
    fill(&path, v->path, name, true);
    if (v->fail)
        fill(&fail, v->fail, name, false);
    cli_answer x;
    int code = 0;
    const char *f = v->fail ? sl_buf_cstr(&fail) : NULL;
    bool ok = v->none ? cli_ask_list(c, sl_buf_cstr(&path), f, &x, &code) : cli_ask(c, v->method, sl_buf_cstr(&path), (sl_str){0}, f, &x, &code);
    if (ok) {
        sl_str body = sl_str_trim(sl_buf_view(&x.body));
        bool json = body.n && (body.p[0] == '{' || body.p[0] == '[');
        if (v->none && sl_str_is(body, "[]") && !c->json)
            code = cli_say(c, v->none);
        else if (c->kuiper && v->ok) {
            fill(&text, v->ok, name, false);
            code = cli_say(c, sl_buf_cstr(&text));
        } else if (json && (c->kuiper || c->json)) {
            cli_indent(stdout, body);
            if (c->kuiper && strcmp(v->name, "describe rule") == 0)
                putchar('\n');
        } else if (json && strcmp(v->name, "getstatus rule") == 0)
            cli_status_table(stdout, body);
        else if (json)
            cli_table(stdout, body);
        else
            code = cli_say(c, body.n ? sl_buf_cstr(&x.body) : "ok");
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    sl_buf_free(&fail);
    sl_buf_free(&text);
    return code;
}
