/* Reference pages out of the tables of functions, connectors, formats, settings and routes.
 *
 * Decision: the daemon itself prints them (sluiced --reference PAGE); ./dev docs only stores what it says, and ./dev check compares. */
#include "front/reference.h"
#include "codec/codec.h"
#include "conn/conn.h"
#include "core/settings.h"
#include "flow/flow.h"
#include "sql/func.h"

static void cell(sl_buf *out, const char *t) { /* text inside a table */
    for (; t && *t; t++) {
        if (*t == '|')
            sl_buf_putc(out, '\\');
        sl_buf_putc(out, *t == '\n' ? ' ' : *t);
    }
}
static void code(sl_buf *out, const char *t) {
    const char *fence = t && strchr(t, '`') ? "``" : "`";
    if (!t || !*t)
        return;
    sl_buf_puts(out, fence);
    cell(out, t);
    sl_buf_puts(out, fence);
}

static void functions(sl_buf *out) {
    static const struct {
        uint8_t kind;
        const char *title, *doc;
    } kinds[] = {
        {SL_FN_SCALAR, "Scalar functions", "One value out of the values of one row. Unless the row says otherwise, a null argument gives null."},
        {SL_FN_META, "Functions about the message", "What is known of a message besides its columns."},
        {SL_FN_AGG, "Aggregate functions", "One value out of the rows of a window or group."},
        {SL_FN_ANALYTIC, "Analytic functions", "What was before: state over the rows of a stream, with OVER (PARTITION BY … WHEN …)."},
        {SL_FN_STATE, "Functions with state", "They count or add row by row."},
        {SL_FN_WINDOW, "Window functions", "About the window that gave the rows."},
        {SL_FN_SRF, "Set-returning functions", "More than one row out of one."},
        {SL_FN_COLS, "Functions of several columns", "More than one column out of one call."},
    };
    sl_buf_puts(out, "# Functions\n\nNames match whatever their case. Where one cannot be used in this version, creating the rule says so.\n");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        sl_buf_printf(out, "\n## %s\n\n%s\n\n| Function | Arguments | Meaning | Example | gives |\n|---|---|---|---|---|\n", kinds[k].title, kinds[k].doc);
        const sl_func *f;
        for (size_t i = 0; (f = sl_func_at(i)); i++) {
            if (f->kind != kinds[k].kind || f->flags & SL_FN_HIDDEN)
                continue;
            sl_buf_puts(out, "| ");
            code(out, f->name);
            sl_buf_puts(out, " | ");
            code(out, f->sig);
            sl_buf_puts(out, " | ");
            cell(out, f->doc);
            sl_buf_puts(out, " | ");
            code(out, f->example);
            sl_buf_puts(out, " | ");
            code(out, f->gives);
            sl_buf_puts(out, " |\n");
        }
    }
}

static bool has_rows(const sl_prop *p, int where) {
    for (; p && p->type != SL_P_END; p++) {
        int places = p->flags & (SL_P_SOURCE | SL_P_SINK | SL_P_LOOKUP);
        if (p->type == SL_P_GROUP ? has_rows(p->of, where) : !places || places & where)
            return true;
    }
    return false;
}
static void side(sl_buf *out, const sl_conn_def *d, bool there, int where, const char *title, const char *none) {
    if (!there)
        return;
    sl_buf_printf(out, "\n### %s: %s\n\n", d->name, title);
    if (where != SL_P_SINK && d->datasource)
        sl_buf_printf(out, "DATASOURCE: %s\n\n", d->datasource);
    if (has_rows(d->props, where))
        sl_spec_markdown(out, d->props, where);
    else
        sl_buf_puts(out, none);
}
static void connectors(sl_buf *out) {
    static const struct {
        const char *name, *doc;
    } with[] = {
        {"DATASOURCE", "What to read; each source below says what it means for it."},
        {"TYPE", "The source, by the names below; mqtt when not given."},
        {"FORMAT", "Format of the bytes; json when not given."},
        {"CONF_KEY", "Name of a set of properties: a key of etc/mqtt_source.yaml or etc/sources/TYPE.yaml, or made over REST."},
        {"EXTRA", "More properties, as the text of a JSON object; they win over CONF_KEY."},
        {"SHARED", "\"true\": rules share one source, decoded once."},
        {"STRICT_VALIDATION", "\"true\": rows that do not fit the declared columns are errors."},
        {"TIMESTAMP, TIMESTAMP_FORMAT", "Column with the time of a row, and how it is written."},
        {"DELIMITER", "Separator of the delimited format."},
        {"SCHEMAID", "Schema of formats that need one."},
        {"KIND, KEY, RETAIN_SIZE", "Of tables: \"scan\" or \"lookup\"; key column; how many rows a scan table keeps."},
        {"TEMP, VERSION", "Not stored; a version that protects a newer definition."},
    };
    sl_buf_puts(out,
                "# Connectors\n\nProperties of a source stand in a set named by CONF_KEY or in EXTRA of the stream; those of a sink in the action of the rule. Keys match\n"
                "whatever their case. Durations are texts such as `500ms`, `1m30s`, or numbers of milliseconds.\n\n"
                "## Options of CREATE STREAM and CREATE TABLE\n\n| Option | Meaning |\n|---|---|\n");
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        sl_buf_printf(out, "| %s | %s |\n", with[i].name, with[i].doc);
    sl_buf_puts(out, "\n## Formats\n\n| FORMAT | |\n|---|---|\n");
    const sl_codec_def *c;
    for (size_t i = 0; (c = sl_codec_at(i)); i++)
        sl_buf_printf(out, "| `%s` | %s%s |\n", c->name, c->title ? c->title : "", c->enc_new && c->encode ? "" : " (sources only)");
    sl_buf_puts(out, "\n## Properties of every action\n\n");
    sl_spec_markdown(out, sl_sinkopts_props, SL_P_SINK);
    sl_buf_puts(out, "\n## Properties of every source\n\nNot for sources that give rows instead of bytes (memory, simulator, httppull), unless they list them below.\n\n");
    sl_spec_markdown(out, sl_srcopts_props, SL_P_SOURCE);
    const sl_conn_def *d;
    for (size_t i = 0; (d = sl_conn_at(i)); i++) {
        sl_buf_printf(out, "\n## %s\n\n%s\n", d->name, d->doc ? d->doc : "");
        side(out, d, d->source, SL_P_SOURCE, "source", "No properties of its own.\n");
        side(out, d, d->lookup, SL_P_LOOKUP, "lookup table", "No properties of its own.\n");
        side(out, d, d->sink, SL_P_SINK, "sink", "No properties besides those of every action.\n");
    }
}

static void setting_rows(sl_buf *out, bool rule) {
    for (const sl_setting *s = sl_settings_table; s->key; s++) {
        if (rule ? s->where == SL_SET_DAEMON : s->where == SL_SET_RULE)
            continue;
        sl_buf_puts(out, "| ");
        code(out, rule ? s->key + strlen("rule.") : s->key);
        sl_buf_puts(out, " | ");
        code(out, s->def);
        sl_buf_puts(out, " | ");
        cell(out, s->doc);
        sl_buf_puts(out, " |\n");
    }
}
static void settings(sl_buf *out) {
    sl_buf_puts(out,
                "# Settings\n\nA setting comes from, in rising order: the built-in default, `etc/kuiper.yaml`, a variable `KUIPER__BASIC__RESTPORT=9082`, a variable\n"
                "`SLUICE__BASIC__RESTPORT=9082`, `sluiced --set basic.restPort=9082`. `sluice explain config` says who set what. Keys match whatever their case.\n\n"
                "| Setting | Default | Meaning |\n|---|---|---|\n");
    setting_rows(out, false);
    sl_buf_puts(out,
                "\n# Options of a rule\n\nMembers of `options` in the text of a rule. Those that are settings `rule.…` too take that as their default.\n\n"
                "| Option | Default | Meaning |\n|---|---|---|\n");
    setting_rows(out, true);
}
static void rest(const sl_router *rt, sl_buf *out) {
    sl_buf_puts(out, "# REST\n\nThe calls of the port `basic.restPort` (9081) and of the client's port `basic.port` (20498).\n\n| Call | Meaning |\n|---|---|\n");
    const sl_route *r;
    for (size_t i = 0; (r = sl_router_at(rt, i)); i++) {
        sl_buf_printf(out, "| `%s %s` | ", r->method, r->pattern);
        cell(out, r->doc);
        sl_buf_puts(out, " |\n");
    }
}
bool sl_reference(sl_str page, const sl_router *rt, sl_buf *out) {
    if (sl_str_is(page, "functions"))
        functions(out);
    else if (sl_str_is(page, "connectors"))
        connectors(out);
    else if (sl_str_is(page, "settings"))
        settings(out);
    else if (sl_str_is(page, "rest"))
        rest(rt, out);
    else
        return false;
    return true;
}
