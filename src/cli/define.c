/* Verbs that define things: statements, rules, plugins, services, schemas, scripts, connections, conf keys. */
#include <stdlib.h>
#include "cli/cli.h"
#include "os/file.h"

/* Reads a file that a flag names. False: said so, *code set. what: "stream" in eKuiper's sentence (its spelling is part of the contract). */
static bool read_def(cli *c, const char *what, const char *path, sl_buf *out, int *code) {
    sl_buf text = {0};
    sl_err *e = sl_file_exists(path) ? sl_file_read(path, 64 << 20, out) : NULL;
    bool ok = sl_file_exists(path) && !e;
    if (!ok && !c->kuiper && e)
        sl_buf_puts(&text, sl_err_text(e));
    else if (!ok && !c->kuiper)
        sl_buf_printf(&text, "-f %s: there is no such file", path);
    else if (!ok)
        sl_buf_printf(&text, "The specified %s defenition file %s is not existed.", what, path);
    else if (c->kuiper)
        printf("Creating a new %s from file %s.\n", what, path);
    if (!ok)
        *code = cli_fail(c, NULL, sl_buf_cstr(&text));
    sl_err_free(e);
    sl_buf_free(&text);
    return ok;
}
static void say_json_member(sl_buf *b, const char *key, sl_str value) {
    sl_json_put_str(b, sl_str_of(key));
    sl_buf_putc(b, ':');
    sl_json_put_str(b, value);
}
static int wrong_count(cli *c, const cli_verb *v, const cli_args *a, const char *text) { /* Go prints lists as [a b c] */
    sl_buf b = {0};
    sl_buf_puts(&b, text);
    if (c->kuiper) {
        sl_buf_printf(&b, "\nBut found %d args:[", a->n);
        for (int i = 0; i < a->n; i++)
            sl_buf_printf(&b, "%s%s", i ? " " : "", a->at[i]);
        sl_buf_puts(&b, "].");
    }
    int code = cli_bad_args(c, v, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return code;
}

/* ---- statements ---- */
int cli_statement(cli *c, const cli_verb *v, const cli_args *a) {
    sl_buf sql = {0}, body = {0};
    const char *what = strstr(v->name, "table") ? "table" : "stream";
    int code = 0;
    sl_buf_printf(&sql, "%s ", v->name);
    bool ok = true;
    if (a->file && strncmp(v->name, "create", 6) == 0)
        ok = read_def(c, what, a->file, &sql, &code);
    else
        for (int i = 0; i < a->n; i++)
            sl_buf_printf(&sql, "%s%s", i ? " " : "", a->at[i]);
    if (ok && !c->kuiper && !a->n && !a->file) {
        sl_buf_free(&sql);
        return cli_bad_args(c, v, "the name is missing");
    }
    cli_answer x;
    if (ok) {
        sl_buf_putc(&body, '{');
        say_json_member(&body, "sql", sl_str_trim(sl_buf_view(&sql)));
        sl_buf_putc(&body, '}');
        ok = cli_ask(c, "POST", "/streams", sl_buf_view(&body), "Stream command error: %s", &x, &code);
    }
    if (ok) {
        cli_unescape_html(&x.body);
        bool describe = strncmp(v->name, "describe", 8) == 0;
        if (describe && (a->json || c->json))
            cli_describe_json(stdout, sl_buf_view(&x.body));
        else if (c->kuiper)
            printf("%.*s\n\n", SL_FMT(x.body.n ? sl_buf_view(&x.body) : SL_S("")));
        else if (describe)
            printf("%s", sl_buf_cstr(&x.body));
        else
            code = cli_say(c, sl_buf_cstr(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&sql);
    sl_buf_free(&body);
    return code;
}
int cli_show_streams(cli *c, const cli_verb *v, const cli_args *a) {
    bool tables = strcmp(v->name, "show tables") == 0;
    if (c->kuiper)
        return cli_statement(c, v, a);
    cli_answer x;
    int code = 0;
    if (!cli_ask(c, "GET", tables ? "/tabledetails" : "/streamdetails", (sl_str){0}, NULL, &x, &code))
        return code;
    if (c->json)
        cli_indent(stdout, sl_buf_view(&x.body));
    else if (sl_str_is(sl_buf_view(&x.body), "[]"))
        printf("No %s definitions are found.\n", tables ? "table" : "stream");
    else
        cli_table(stdout, sl_buf_view(&x.body));
    sl_buf_free(&x.body);
    return 0;
}

/* ---- rules ---- */
/* Name and text of "ID JSON" or "ID -f FILE". */
static bool rule_text(cli *c, const cli_verb *v, const cli_args *a, sl_buf *text, sl_buf *path, const char *at, int *code) {
    if (a->file && a->n != 1) {
        *code = cli_bad_args(c, v, "Expect rule name.");
        return false;
    }
    if (!a->file && a->n != 2) {
        *code = wrong_count(c, v, a, "Expect rule name and json.");
        return false;
    }
    if (a->file) {
        if (!read_def(c, "rule", a->file, text, code))
            return false;
    } else
        sl_buf_puts(text, a->at[1]);
    sl_buf_printf(path, "%s?id=", at);
    cli_escape(path, a->at[0]);
    return true;
}
static sl_str number_text(const sl_json *j, const char *key) {
    const sl_json *n = sl_json_get(j, key);
    return n && n->kind == SL_J_NUM ? n->s : (sl_str){"?", 1};
}
/* What of a rule that was taken can hardly be meant, for people. */
static void doubts(cli *c, const char *method, const char *path, sl_str body) {
    cli_answer x;
    sl_arena *m = c->kuiper || c->json ? NULL : sl_arena_new(0);
    sl_json *j = NULL;
    if (!m)
        return;
    fflush(stdout);
    if (cli_http(c, method, path, body, &x) && x.status == 200) {
        sl_err_free(sl_json_parse(m, sl_buf_view(&x.body), &j, NULL));
        const sl_json *l = sl_json_get(j, "doubts");
        for (const sl_json *d = l ? l->child : NULL; d; d = d->next) {
            sl_str none = {"", 0};
            fprintf(stderr, "note: line %.*s, column %.*s: %.*s\n    %.*s\n    %.*s\n", SL_FMT(number_text(d, "line")), SL_FMT(number_text(d, "column")),
                    SL_FMT(sl_json_text(sl_json_get(d, "say"), none)), SL_FMT(sl_json_text(sl_json_get(d, "text"), none)), SL_FMT(sl_json_text(sl_json_get(d, "mark"), none)));
        }
    }
    sl_buf_free(&x.body);
    sl_arena_free(m);
}
int cli_create_rule(cli *c, const cli_verb *v, const cli_args *a) {
    sl_buf text = {0}, path = {0}, say = {0};
    int code = 0;
    cli_answer x = {0};
    if (rule_text(c, v, a, &text, &path, "/rules", &code)) {
        /* eKuiper's client does not know the id yet when the text does not parse */
        bool there = cli_http(c, "POST", sl_buf_cstr(&path), sl_buf_view(&text), &x);
        sl_arena *m = sl_arena_new(0);
        bool parsed = !there || x.status < 300 || !m || !sl_str_starts(sl_str_of(cli_reason(m, &x)), SL_S("invalid rule json"));
        sl_buf_printf(&say, "Create rule %s error : %%s.", parsed ? a->at[0] : "");
        if (cli_judge(c, there, sl_buf_cstr(&say), &x, &code)) {
            sl_buf_clear(&say);
            if (c->kuiper)
                sl_buf_printf(&say, "Rule %s was created successfully, please use 'bin/kuiper getstatus rule %s' command to get rule status.", a->at[0], a->at[0]);
            else
                sl_buf_printf(&say, "Rule %s was created; `sluice getstatus rule %s` shows how it runs.", a->at[0], a->at[0]);
            code = cli_say(c, sl_buf_cstr(&say));
            sl_buf_clear(&path);
            sl_buf_puts(&path, "/rules/");
            cli_escape(&path, a->at[0]);
            sl_buf_puts(&path, "/explain?format=json");
            doubts(c, "GET", sl_buf_cstr(&path), (sl_str){0});
        }
        sl_arena_free(m);
        sl_buf_free(&x.body);
    }
    sl_buf_free(&text);
    sl_buf_free(&path);
    sl_buf_free(&say);
    return code;
}
int cli_validate_rule(cli *c, const cli_verb *v, const cli_args *a) {
    sl_buf text = {0}, path = {0};
    int code = 0;
    cli_answer x;
    if (rule_text(c, v, a, &text, &path, "/rules/validate", &code) && cli_ask(c, "POST", sl_buf_cstr(&path), sl_buf_view(&text), NULL, &x, &code)) {
        code = cli_say(c, "The rule has been successfully validated and is confirmed to be correct.");
        doubts(c, "POST", "/rules/explain?format=json", sl_buf_view(&text));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&text);
    sl_buf_free(&path);
    return code;
}

/* A rule's plan, or that of the words behind the verb. eKuiper's client shows upstream's text of rules. */
int cli_explain(cli *c, const cli_verb *v, const cli_args *a) {
    bool rule = v->path != NULL;
    if (rule ? a->n != 1 : !a->n)
        return cli_bad_args(c, v, rule ? v->expect : "the statement is missing");
    sl_buf path = {0}, body = {0};
    sl_buf_puts(&path, "/rules/");
    if (rule) {
        cli_escape(&path, a->at[0]);
        sl_buf_puts(&path, "/");
    }
    sl_buf_puts(&path, "explain");
    if (!c->kuiper)
        sl_buf_puts(&path, c->json || a->json ? "?format=json" : "?format=tree");
    if (!rule) {
        sl_buf sql = {0};
        for (int i = 0; i < a->n; i++)
            sl_buf_printf(&sql, "%s%s", i ? " " : "", a->at[i]);
        sl_buf_putc(&body, '{');
        say_json_member(&body, "sql", sl_buf_view(&sql));
        sl_buf_putc(&body, '}');
        sl_buf_free(&sql);
    }
    cli_answer x;
    int code = 0;
    if (cli_ask(c, rule ? "GET" : "POST", sl_buf_cstr(&path), rule ? (sl_str){0} : sl_buf_view(&body), NULL, &x, &code)) {
        sl_str text = sl_str_trim(sl_buf_view(&x.body));
        if (text.n && text.p[0] == '{' && (c->json || a->json || c->kuiper))
            cli_indent(stdout, text);
        else
            printf("%.*s\n", SL_FMT(text));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    sl_buf_free(&body);
    return code;
}

/* ---- plugins ---- */
static const char *plugin_path(cli *c, const char *type, int *code) {
    static const char *const kinds[][2] = {{"source", "sources"}, {"sink", "sinks"}, {"function", "functions"}, {"portable", "portables"}, {"wasm", "wasms"}};
    for (size_t i = 0; i < 5; i++)
        if (strcmp(type, kinds[i][0]) == 0)
            return kinds[i][1];
    sl_buf b = {0};
    sl_buf_printf(&b, "Invalid plugin type %s, should be \"source\", \"sink\", \"function\" or \"portable\" or \"wasm\".%s", type, c->kuiper ? "\n" : "");
    *code = cli_fail(c, NULL, sl_buf_cstr(&b));
    sl_buf_free(&b);
    return NULL;
}
int cli_show_plugins(cli *c, const cli_verb *v, const cli_args *a) {
    int code = 0;
    if (a->n != 1)
        return cli_bad_args(c, v, "Expect plugin type.");
    const char *t = plugin_path(c, a->at[0], &code);
    char path[64];
    cli_answer x;
    snprintf(path, sizeof path, "/plugins/%s", t ? t : "");
    if (!t || !cli_ask_list(c, path, "Show plugins error: %s", &x, &code))
        return code;
    bool empty = sl_str_is(sl_str_trim(sl_buf_view(&x.body)), "[]");
    if (c->json || (c->kuiper && strcmp(t, "portables") == 0))
        cli_indent(stdout, sl_buf_view(&x.body));
    else if (empty)
        puts("No plugin is found.");
    else
        cli_table(stdout, sl_buf_view(&x.body));
    sl_buf_free(&x.body);
    return 0;
}
int cli_describe_plugin(cli *c, const cli_verb *v, const cli_args *a) {
    int code = 0;
    if (a->n < 1)
        return cli_bad_args(c, v, "Expect plugin type and name.");
    const char *t = plugin_path(c, a->at[0], &code);
    if (!t)
        return code;
    if (a->n != 2)
        return cli_bad_args(c, v, "Expect plugin name.");
    sl_buf path = {0};
    cli_answer x;
    sl_buf_printf(&path, "/plugins/%s/", t);
    cli_escape(&path, a->at[1]);
    if (cli_ask(c, "GET", sl_buf_cstr(&path), (sl_str){0}, "Describe plugin error: %s", &x, &code)) {
        cli_indent(stdout, sl_buf_view(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    return code;
}
int cli_drop_plugin(cli *c, const cli_verb *v, const cli_args *a) {
    int code = 0;
    bool yes = a->stop && strcmp(a->stop, "true") == 0;
    if (!yes && (!a->stop || strcmp(a->stop, "false") != 0))
        return cli_bad_args(c, v, "Expect s flag to be a boolean value.");
    if (a->n != 2)
        return cli_bad_args(c, v, "Expect plugin type and name.");
    const char *t = plugin_path(c, a->at[0], &code);
    if (!t)
        return code;
    sl_buf path = {0}, say = {0};
    cli_answer x;
    sl_buf_printf(&path, "/plugins/%s/", t);
    cli_escape(&path, a->at[1]);
    sl_buf_printf(&path, "?stop=%d", yes);
    if (cli_ask(c, "DELETE", sl_buf_cstr(&path), (sl_str){0}, "Drop plugin error: %s", &x, &code)) {
        sl_buf_printf(&say,
                      strcmp(t, "portables") == 0 ? "Plugin %s is dropped ."
                          : yes                   ? "Plugin %s is dropped and Kuiper will be stopped."
                                                  : "Plugin %s is dropped and Kuiper must restart for the change to take effect.",
                      a->at[1]);
        code = cli_say(c, c->kuiper ? sl_buf_cstr(&say) : sl_buf_cstr(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    sl_buf_free(&say);
    return code;
}
/* The JSON of a definition as an object with one member set; NULL: does not parse (said so with format, one %s = "TEXT error : WHY"). */
static sl_json *def_of(cli *c, sl_arena *a, const char *text, const char *format, const char *what, int *code) {
    sl_json *j = NULL;
    sl_str rest;
    sl_err *e = sl_json_parse(a, sl_str_of(text), &j, &rest);
    if (!e && j->kind == SL_J_OBJ)
        return j;
    sl_str why = sl_arena_printf(a, "Parse %s%s%s error : %s.", what, c->kuiper && !strstr(what, " ") ? " " : "", c->kuiper && !strstr(what, " ") ? text : "",
                                 e ? sl_err_text(e) : "expected a JSON object");
    *code = cli_fail(c, format, why.p);
    sl_err_free(e);
    return NULL;
}
/* Sends j to path; ok (with {} filled by cli) when it was taken. */
static int define(cli *c, const char *path, const sl_json *j, const char *fail, const char *ok) {
    sl_buf body = {0};
    sl_json_write(&body, j, false, 0);
    cli_answer x;
    int code = 0;
    if (cli_ask(c, "POST", path, sl_buf_view(&body), fail, &x, &code)) {
        code = cli_say(c, ok);
        sl_buf_free(&x.body);
    }
    sl_buf_free(&body);
    return code;
}
int cli_create_plugin(cli *c, const cli_verb *v, const cli_args *a) {
    int code = 0;
    if (a->n < 2)
        return cli_bad_args(c, v, "Expect plugin type and name.");
    sl_buf text = {0};
    if (a->zip) {
        sl_buf_puts(&text, "{\"file\":");
        sl_buf full = {0};
        char *real = realpath(a->zip, NULL);
        sl_buf_printf(&full, "file://%s", real ? real : a->zip);
        sl_json_put_str(&text, sl_buf_view(&full));
        sl_buf_putc(&text, '}');
        sl_buf_free(&full);
        free(real);
    } else if (a->file) {
        if (!read_def(c, "plugin", a->file, &text, &code))
            return code;
    } else if (a->n != 3)
        return wrong_count(c, v, a, "Expect plugin type, name and json.");
    else
        sl_buf_puts(&text, a->at[2]);
    const char *t = plugin_path(c, a->at[0], &code);
    sl_arena *m = sl_arena_new(0);
    sl_json *j = t && m ? def_of(c, m, sl_buf_cstr(&text), "Create plugin error: %s", "plugin", &code) : NULL;
    if (j && !sl_json_text(sl_json_iget(j, "file"), (sl_str){0}).n)
        code = cli_fail(c, "Create plugin error: %s", "Missing plugin file url.");
    else if (j) {
        sl_json_set(m, j, "name", sl_json_str(m, sl_str_of(a->at[1])));
        code = define(c, sl_arena_printf(m, "/plugins/%s", t).p, j, "Create plugin error: %s", sl_arena_printf(m, "Plugin %s is created.", a->at[1]).p);
    }
    sl_arena_free(m);
    sl_buf_free(&text);
    return code;
}
int cli_register_plugin(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 3 || strcmp(a->at[0], "function") != 0)
        return wrong_count(c, v, a, "Expect plugin type, name and json.");
    sl_arena *m = sl_arena_new(0);
    int code = 0;
    sl_json *j = m ? def_of(c, m, a->at[2], "Register plugin error: %s", "plugin", &code) : NULL;
    if (j) {
        sl_buf path = {0};
        sl_buf_puts(&path, "/plugins/functions/");
        cli_escape(&path, a->at[1]);
        sl_buf_puts(&path, "/register");
        code = define(c, sl_buf_cstr(&path), j, "Register plugin error: %s", sl_arena_printf(m, "Plugin %s is created.", a->at[1]).p);
        sl_buf_free(&path);
    }
    sl_arena_free(m);
    return code;
}

/* ---- services, schemas, scripts ---- */
static bool named(const sl_json *j, const char *name) { return sl_str_is(sl_json_text(sl_json_iget(j, "name"), (sl_str){0}), name); }
int cli_create_service(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 2)
        return cli_bad_args(c, v, "Expect service name and json.");
    sl_arena *m = sl_arena_new(0);
    int code = 0;
    sl_json *j = m ? def_of(c, m, a->at[1], NULL, "service", &code) : NULL;
    if (j && !named(j, a->at[0]))
        code = cli_fail(c, "Create service error: %s.", "name mismatch");
    else if (j)
        code = define(c, "/services", j, "Create service error: %s", sl_arena_printf(m, "Service %s is created.", a->at[0]).p);
    sl_arena_free(m);
    return code;
}
int cli_create_schema(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 3)
        return cli_bad_args(c, v, "Expect plugin type, name and json.");
    sl_arena *m = sl_arena_new(0);
    int code = 0;
    sl_json *j = m ? def_of(c, m, a->at[2], NULL, "service", &code) : NULL;
    if (j && !named(j, a->at[1]))
        code = cli_fail(c, "Create schema error: %s.", "name mismatch");
    else if (j) {
        sl_buf path = {0};
        sl_buf_puts(&path, "/schemas/");
        cli_escape(&path, a->at[0]);
        code = define(c, sl_buf_cstr(&path), j, "Create schema error: %s", sl_arena_printf(m, "Schema %s is created.", a->at[1]).p);
        sl_buf_free(&path);
    }
    sl_arena_free(m);
    return code;
}
int cli_show_schemas(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 1)
        return cli_bad_args(c, v, "Expect schema type.");
    sl_buf path = {0};
    sl_buf_puts(&path, "/schemas/");
    cli_escape(&path, a->at[0]);
    cli_answer x;
    int code = 0;
    if (cli_ask_list(c, sl_buf_cstr(&path), "Show schemas error: %s.", &x, &code)) {
        if (sl_str_is(sl_str_trim(sl_buf_view(&x.body)), "[]") && !c->json)
            puts("No schema definitions are found.");
        else if (c->kuiper || c->json)
            cli_indent(stdout, sl_buf_view(&x.body));
        else
            cli_table(stdout, sl_buf_view(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    return code;
}
int cli_one_schema(cli *c, const cli_verb *v, const cli_args *a) {
    bool drop = strncmp(v->name, "drop", 4) == 0;
    if (a->n != 2)
        return cli_bad_args(c, v, "Expect schema type and name.");
    sl_buf path = {0};
    sl_buf_puts(&path, "/schemas/");
    cli_escape(&path, a->at[0]);
    sl_buf_putc(&path, '/');
    cli_escape(&path, a->at[1]);
    cli_answer x;
    int code = 0;
    if (cli_ask(c, drop ? "DELETE" : "GET", sl_buf_cstr(&path), (sl_str){0}, drop ? "Drop schema error : %s." : "Desc schema error : %s.", &x, &code)) {
        if (drop)
            printf("Schema %s is dropped\n", a->at[1]);
        else
            cli_indent(stdout, sl_buf_view(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    return code;
}
int cli_describe_function(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 1)
        return cli_bad_args(c, v, "Expect function name.");
    sl_buf path = {0};
    sl_buf_puts(&path, "/functions/");
    cli_escape(&path, a->at[0]);
    cli_answer x;
    int code = 0;
    if (cli_ask(c, "GET", sl_buf_cstr(&path), (sl_str){0}, "Describe function error : %s.", &x, &code)) {
        if (c->json || a->json || c->kuiper)
            cli_indent(stdout, sl_buf_view(&x.body));
        else
            cli_function(stdout, sl_buf_view(&x.body));
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    return code;
}
int cli_create_script(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 1)
        return cli_bad_args(c, v, "Expect JavaScript function definition JSON.");
    sl_arena *m = sl_arena_new(0);
    int code = 0;
    sl_json *j = m ? def_of(c, m, a->at[0], NULL, "JavaScript function", &code) : NULL;
    if (j) {
        sl_str id = sl_json_text(sl_json_iget(j, "id"), SL_S(""));
        code = define(c, "/udf/javascript", j, "Create JavaScript function error : %s.", sl_arena_printf(m, "JavaScript function %.*s is created.", SL_FMT(id)).p);
    }
    sl_arena_free(m);
    return code;
}

/* ---- connections and conf keys (not in eKuiper's client) ---- */
int cli_create_connection(cli *c, const cli_verb *v, const cli_args *a) {
    if (a->n != 3)
        return cli_bad_args(c, v, "Expect connection id, type and json.");
    sl_arena *m = sl_arena_new(0);
    int code = 0;
    sl_json *props = m ? def_of(c, m, a->at[2], NULL, "connection", &code) : NULL;
    if (props) {
        sl_json *j = sl_json_obj(m);
        sl_json_set(m, j, "id", sl_json_str(m, sl_str_of(a->at[0])));
        sl_json_set(m, j, "typ", sl_json_str(m, sl_str_of(a->at[1])));
        sl_json_set(m, j, "props", props);
        code = define(c, "/connections", j, NULL, sl_arena_printf(m, "Connection %s is created.", a->at[0]).p);
    }
    sl_arena_free(m);
    return code;
}
int cli_confkey(cli *c, const cli_verb *v, const cli_args *a) {
    bool show = strcmp(v->name, "show confkeys") == 0, set = strncmp(v->name, "set", 3) == 0;
    if (a->n != (show ? 2 : set ? 4 : 3) || (strcmp(a->at[0], "sources") != 0 && strcmp(a->at[0], "sinks") != 0 && strcmp(a->at[0], "connections") != 0))
        return cli_bad_args(c, v,
                            show      ? "Expect kind (sources, sinks, connections) and type."
                                : set ? "Expect kind (sources, sinks, connections), type, name and json."
                                      : "Expect kind (sources, sinks, connections), type and name.");
    sl_buf path = {0};
    sl_buf_printf(&path, show ? "/metadata/%s/yaml/" : "/metadata/%s/", a->at[0]);
    cli_escape(&path, a->at[1]);
    if (!show) {
        sl_buf_puts(&path, "/confKeys/");
        cli_escape(&path, a->at[2]);
    }
    cli_answer x;
    int code = 0;
    if (cli_ask(c, show ? "GET" : set ? "PUT" : "DELETE", sl_buf_cstr(&path), set ? sl_str_of(a->at[3]) : (sl_str){0}, NULL, &x, &code)) {
        if (show)
            cli_indent(stdout, sl_buf_view(&x.body));
        else
            code = cli_say(c, set ? "Conf key is stored." : "Conf key is dropped.");
        sl_buf_free(&x.body);
    }
    sl_buf_free(&path);
    return code;
}
