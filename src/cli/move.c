/* Import and export, completion. */
#include <errno.h>
#include <stdlib.h>
#include "cli/cli.h"
#include "os/file.h"

static bool boolean(const char *s, bool *v) {
    *v = s && strcmp(s, "true") == 0;
    return *v || (s && strcmp(s, "false") == 0);
}
int cli_import(cli *c, const cli_verb *v, const cli_args *a) {
    bool data = strcmp(v->name, "import data") == 0, stop = false, part = false;
    const char *missing = data ? "Required configuration json file to import" : "Required ruleset json file to import";
    if (!a->file && c->kuiper) {
        fputs(missing, stdout);
        return 0;
    }
    if (!a->file)
        return cli_bad_args(c, v, missing);
    /* the sluice voice has defaults: install nothing, keep what is there */
    if (data && !boolean(!a->stop && !c->kuiper ? "false" : a->stop, &stop))
        return cli_bad_args(c, v, "Expect s flag to be a boolean value.");
    if (data && !boolean(!a->partial && !c->kuiper ? "true" : a->partial, &part))
        return cli_bad_args(c, v, "Expect p flag to be a boolean value.");
    sl_buf text = {0}, body = {0};
    sl_err *e = sl_file_read(a->file, 256 << 20, &text);
    int code = 0;
    if (e) {
        sl_buf_printf(&body, "fail to read file %s: open %s: %s", a->file, a->file, sl_file_exists(a->file) ? sl_err_text(e) : "no such file or directory");
        code = cli_fail(c, NULL, sl_buf_cstr(&body));
        sl_err_free(e);
    } else {
        cli_answer x;
        char path[64];
        snprintf(path, sizeof path, "/data/import%s%s%s", stop || part ? "?" : "", stop ? "stop=1" : "", part ? stop ? "&partial=1" : "partial=1" : "");
        sl_buf_puts(&body, "{\"content\":");
        sl_json_put_str(&body, sl_buf_view(&text));
        sl_buf_putc(&body, '}');
        if (cli_ask(c, "POST", data ? path : "/ruleset/import", sl_buf_view(&body), NULL, &x, &code)) {
            if (data && (c->kuiper || c->json))
                cli_indent(stdout, sl_buf_view(&x.body));
            else if (data)
                puts("imported everything");
            else
                code = cli_say(c, sl_buf_cstr(&x.body));
            sl_buf_free(&x.body);
        }
    }
    sl_buf_free(&text);
    sl_buf_free(&body);
    return code;
}
static uint32_t members(const sl_json *j, const char *key) {
    const sl_json *m = sl_json_get(j, key);
    return m && m->kind == SL_J_OBJ ? m->n : 0;
}
int cli_export(cli *c, const cli_verb *v, const cli_args *a) {
    bool data = strcmp(v->name, "export data") == 0;
    if (a->n != 1)
        return cli_bad_args(c, v, data ? "Expect configuration file." : "Require exported file name.");
    cli_answer x;
    int code = 0;
    bool get = data && !a->rules;
    if (!cli_ask(c, get ? "GET" : "POST", data ? "/data/export" : "/ruleset/export", data && a->rules ? sl_str_of(a->rules) : (sl_str){0}, NULL, &x, &code))
        return code;
    FILE *f = fopen(a->at[0], "wb");
    bool ok = f && fwrite(x.body.p ? x.body.p : "", 1, x.body.n, f) == x.body.n;
    int why = errno;
    if (f && fclose(f) != 0) {
        ok = false;
        why = errno;
    }
    sl_buf say = {0};
    if (!ok) {
        sl_buf_printf(&say, "fail to write file %s: %s", a->at[0], strerror(why));
        code = cli_fail(c, NULL, sl_buf_cstr(&say));
    } else if (data)
        code = cli_say(c, "export configuration success");
    else {
        sl_arena *m = sl_arena_new(0);
        sl_json *j = NULL;
        sl_err *e = m ? sl_json_parse(m, sl_buf_view(&x.body), &j, NULL) : NULL;
        sl_buf_printf(&say, "exported %u streams, %u tables and %u rules", e ? 0 : members(j, "streams"), e ? 0 : members(j, "tables"), e ? 0 : members(j, "rules"));
        code = cli_say(c, sl_buf_cstr(&say));
        sl_err_free(e);
        sl_arena_free(m);
    }
    sl_buf_free(&say);
    sl_buf_free(&x.body);
    return code;
}

/* ---- completion ---- */
int cli_names(cli *c, const cli_verb *v, const cli_args *a) { /* hidden: names of a noun, one a line, for the completion scripts */
    static const char *const paths[][2] = {{"stream", "/streams"},         {"table", "/tables"},     {"rule", "/rules"},
                                           {"connection", "/connections"}, {"service", "/services"}, {"script", "/udf/javascript"}};
    cli_answer x;
    for (size_t i = 0; a->n == 1 && i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(a->at[0], paths[i][0]) != 0 || !cli_http(c, "GET", paths[i][1], (sl_str){0}, &x))
            continue;
        sl_arena *m = sl_arena_new(0);
        sl_json *j = NULL;
        sl_err *e = m ? sl_json_parse(m, sl_buf_view(&x.body), &j, NULL) : NULL;
        for (const sl_json *n = !e && j && j->kind == SL_J_ARR ? j->child : NULL; n; n = n->next) {
            sl_str s = n->kind == SL_J_STR ? n->s : sl_json_text(sl_json_get(n, "id"), (sl_str){0});
            printf("%.*s\n", SL_FMT(s));
        }
        sl_err_free(e);
        sl_arena_free(m);
        sl_buf_free(&x.body);
    }
    return 0;
}
static void second_words(const char *first, size_t n) {
    const cli_verb *w;
    for (size_t i = 0; (w = cli_verb_at(i)); i++)
        if (strncmp(w->name, first, n) == 0 && w->name[n] == ' ')
            printf(" %s", w->name + n + 1);
}
int cli_completion(cli *c, const cli_verb *v, const cli_args *a) {
    bool zsh = a->n == 1 && strcmp(a->at[0], "zsh") == 0;
    if (!zsh && !(a->n == 1 && strcmp(a->at[0], "bash") == 0))
        return cli_bad_args(c, v, "Expect bash or zsh.");
    const cli_verb *w;
    if (zsh)
        puts("#compdef sluice kuiper\nautoload -U +X bashcompinit && bashcompinit");
    printf("_sluice() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=\"\" tool=${COMP_WORDS[0]}\n    case $COMP_CWORD in\n    1) words=\"");
    for (size_t i = 0; (w = cli_verb_at(i)); i++) {
        size_t n = strcspn(w->name, " ");
        bool seen = !w->doc;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strncmp(cli_verb_at(k)->name, w->name, n) == 0 && strcspn(cli_verb_at(k)->name, " ") == n;
        if (!seen)
            printf("%.*s ", (int)n, w->name);
    }
    puts("help\" ;;\n    2) case ${COMP_WORDS[1]} in");
    for (size_t i = 0; (w = cli_verb_at(i)); i++) {
        size_t n = strcspn(w->name, " ");
        bool seen = !w->name[n];
        for (size_t k = 0; k < i && !seen; k++)
            seen = strncmp(cli_verb_at(k)->name, w->name, n) == 0 && strcspn(cli_verb_at(k)->name, " ") == n;
        if (seen)
            continue;
        printf("        %.*s) words=\"", (int)n, w->name);
        second_words(w->name, n);
        puts("\" ;;");
    }
    puts("        completion) words=\"bash zsh\" ;;\n        esac ;;\n"
         "    3) case ${COMP_WORDS[1]} in\n"
         "        describe|drop|start|stop|restart|getstatus|gettopo|explain|watch) words=$($tool __names \"${COMP_WORDS[2]}\" 2>/dev/null | grep -v '^Connecting to ') ;;\n"
         "        esac ;;\n    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _sluice -o default sluice kuiper");
    return 0;
}
