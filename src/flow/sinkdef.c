/* What an action says: the common sink properties (one table for all connectors), the connector's own, and the codec. */
#include <stddef.h>
#include "flow/flow_int.h"

#define O(f) SL_AT(sl_sinkopts, f)
const sl_prop sl_sinkopts_props[] = {
    {.name = "concurrency", .type = SL_P_INT, O(concurrency), .def = "1", .doc = "Accepted; order is always kept.", .example = "1"},
    {.name = "bufferLength", .type = SL_P_INT, O(buffer_length), .def = "1024", .doc = "Messages that may wait in front of this sink.", .example = "1024"},
    {.name = "omitIfEmpty", .type = SL_P_BOOL, O(omit_empty), .def = "false", .doc = "Skip empty results.", .example = "true"},
    {.name = "sendSingle", .type = SL_P_BOOL, O(send_single), .def = "false", .doc = "One message per row instead of one array.", .example = "true"},
    {.name = "dataTemplate", .type = SL_P_STR, O(data_template), .doc = "Template over the row or rows.", .example = "{{json .}}"},
    {.name = "format", .type = SL_P_STR, O(format), .def = "json", .doc = "Format of the payload.", .example = "json"},
    {.name = "schemaId", .type = SL_P_STR, O(schemaid), .doc = "Schema for formats that need one.", .example = "file.Message"},
    {.name = "delimiter", .type = SL_P_STR, O(delimiter), .def = ",", .doc = "Separator of the delimited format.", .example = ";"},
    {.name = "hasHeader", .type = SL_P_BOOL, O(has_header), .def = "false", .doc = "First line names the columns (delimited).", .example = "true"},
    {.name = "fields", .type = SL_P_STRS, O(fields), .doc = "Only these columns, in this order.", .example = "[\"a\",\"b\"]"},
    {.name = "excludeFields", .type = SL_P_STRS, O(exclude), .doc = "All columns but these.", .example = "[\"c\"]"},
    {.name = "dataField", .type = SL_P_STR, O(data_field), .doc = "Send the value of this column instead of the row.", .example = "payload"},
    {.name = "tableDataField", .type = SL_P_STR, O(table_data_field), .doc = "Old name of dataField.", .example = "payload"},
    {.name = "batchSize", .type = SL_P_INT, O(batch_size), .def = "0", .doc = "Send after this many messages.", .example = "100"},
    {.name = "lingerInterval", .type = SL_P_DUR, O(linger_ns), .def = "0s", .doc = "Send at this interval.", .example = "1s"},
    {.name = "compression", .type = SL_P_STR, O(compression), .doc = "Compression of the payload.", .example = "gzip"},
    {.name = "compressionProps", .type = SL_P_JSON, O(compression_props), .doc = "Settings of the compression.", .example = "{}"},
    {.name = "encryption", .type = SL_P_STR, O(encryption), .doc = "Encryption of the payload.", .example = "aes"},
    {.name = "encProps", .type = SL_P_JSON, O(enc_props), .doc = "Settings of the encryption.", .example = "{}"},
    {.name = "enableCache",
     .type = SL_P_BOOL,
     O(cache),
     .def = "false",
     .doc = "Keep what cannot be sent, in memory and on disk, and send it when it can be, also after a restart.",
     .example = "true"},
    {.name = "memoryCacheThreshold", .type = SL_P_INT, O(cache_memory), .def = "1024", .doc = "Messages kept in memory; a multiple of bufferPageSize.", .example = "1024"},
    {.name = "maxDiskCache",
     .type = SL_P_INT,
     O(cache_disk),
     .def = "1024000",
     .doc = "Messages kept on disk (not those of sinks that take rows); a multiple of bufferPageSize.",
     .example = "1024000"},
    {.name = "bufferPageSize", .type = SL_P_INT, O(cache_page), .def = "256", .doc = "Messages in one file of the cache.", .example = "256"},
    {.name = "resendInterval", .type = SL_P_DUR, O(resend_ns), .def = "0s", .doc = "Try again at this pace what may succeed later; with a cache 100 ms when 0.", .example = "1s"},
    {.name = "cleanCacheAtStop", .type = SL_P_BOOL, O(cache_clean), .def = "false", .doc = "Forget what was not sent when the rule stops.", .example = "false"},
    {.name = "resendAlterQueue",
     .type = SL_P_BOOL,
     O(resend_alter),
     .def = "false",
     .doc = "With enableCache: a second instance of the sink sends again what failed, new messages do not wait for it.",
     .example = "false"},
    {.name = "resendPriority", .type = SL_P_INT, O(resend_priority), .def = "0", .doc = "Accepted as upstream, without effect.", .example = "0"},
    {.name = "resendIndicatorField", .type = SL_P_STR, O(resend_indicator), .doc = "Accepted as upstream, without effect.", .example = "again"},
    {.name = "resendDestination", .type = SL_P_STR, O(resend_destination), .doc = "With resendAlterQueue: topic for what is sent again.", .example = "late"},
    {.name = "connectionSelector", .type = SL_P_STR, O(selector), .doc = "Name of a shared connection.", .example = "broker1"},
    {.name = "resourceId", .type = SL_P_STR, O(resource_id), .doc = "Stored sink configuration to start from.", .example = "conf1"},
    {0},
};

/* resendAlterQueue: a second instance of the sink, to another topic when one is named. */
static sl_err *make_resend(sl_arena *a, const sl_json *props, sl_sinkdef *d) {
    sl_sinkdef *r = SL_NEW(a, sl_sinkdef);
    void *conf = sl_arena_zero(a, d->def->conf_size ? d->def->conf_size : 1);
    sl_json *p = sl_json_clone(a, props);
    if (!r || !conf || !p)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    if (d->opts.resend_destination.n)
        sl_json_set(a, p, "topic", sl_json_str(a, d->opts.resend_destination));
    *r = *d;
    r->conf = conf;
    r->opts.resend_alter = false;
    if (d->def->props)
        SL_TRY(sl_err_recode(sl_spec_load(d->def->props, SL_P_SINK, p, a, conf, NULL), SL_E_EXEC));
    d->resend = r;
    return d->def->sink->check ? d->def->sink->check(conf) : NULL;
}
static sl_err *check_cache(const sl_sinkopts *o) { /* with upstream's texts: what is wrong counts as its default from there on */
    sl_buf b = {0};
    int64_t page = o->cache_page <= 0 ? 256 : o->cache_page, memory = o->cache_memory < 0 ? 1024 : o->cache_memory, disk = o->cache_disk < 0 ? 1024000 : o->cache_disk;
    bool little_memory = memory < page, little_disk = disk < page;
    memory = little_memory ? page : memory;
    disk = little_disk ? page : disk;
    struct {
        bool bad;
        const char *text;
    } rules[] = {
        {o->cache_memory < 0, "memoryCacheThreshold:memoryCacheThreshold must be positive"},
        {o->cache_disk < 0, "maxDiskCache:maxDiskCache must be positive"},
        {o->cache_page <= 0, "bufferPageSize:bufferPageSize must be positive"},
        {o->resend_ns < 0, "resendInterval:resendInterval must be positive"},
        {little_memory, "memoryCacheThresholdTooSmall:memoryCacheThreshold must be greater than or equal to bufferPageSize"},
        {memory % page != 0, "memoryCacheThresholdNotMultiple:memoryCacheThreshold must be a multiple of bufferPageSize"},
        {little_disk, "maxDiskCacheTooSmall:maxDiskCache must be greater than bufferPageSize"},
        {disk % page != 0, "maxDiskCacheNotMultiple:maxDiskCache must be a multiple of bufferPageSize"},
        {o->resend_priority < -1 || o->resend_priority > 1, "resendPriority:resendPriority must be -1, 0 or 1"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad) {
            if (b.n)
                sl_buf_putc(&b, '\n');
            sl_buf_puts(&b, rules[i].text);
        }
    sl_err *e = b.n ? sl_err_new(SL_E_EXEC, "invalid cache properties: %s", sl_buf_cstr(&b)) : NULL;
    sl_buf_free(&b);
    return e;
}

/* Upstream reads the properties twice, those of the cache by themselves, and says which reading failed. */
static sl_err *read_common(sl_arena *a, const sl_json *props, sl_sinkopts *o) {
    static const char *const cache[] = {"'enableCache'",      "'memoryCacheThreshold'", "'maxDiskCache'",   "'bufferPageSize'",       "'resendInterval'",
                                        "'cleanCacheAtStop'", "'resendAlterQueue'",     "'resendPriority'", "'resendIndicatorField'", "'resendDestination'"};
    sl_err *e = sl_spec_load(sl_sinkopts_props, SL_P_SINK, props, a, o, NULL);
    if (!e || sl_err_code(e) != SL_E_CONF)
        return e;
    bool of_cache = false;
    for (size_t i = 0; i < sizeof cache / sizeof *cache; i++)
        of_cache |= strstr(sl_err_text(e), cache[i]) != NULL;
    sl_buf b = {0};
    sl_buf_puts(&b, "read properties ");
    sl_spec_show(&b, props);
    sl_buf_puts(&b, of_cache ? " to cache conf fail with error" : " fail with error");
    e = sl_err_prefix(e, "%s", sl_buf_cstr(&b));
    sl_buf_free(&b);
    return e;
}
sl_err *sl_sinkdef_make(sl_arena *a, sl_str type, const sl_json *props, sl_sinkdef *d) {
    *d = (sl_sinkdef){.type = sl_arena_dup(a, type), .def = sl_conn_find(type)};
    if (!d->def || !d->def->sink)
        return sl_err_new(SL_E_EXEC, "sink %.*s is not defined", SL_FMT(type));
    d->conf = sl_arena_zero(a, d->def->conf_size ? d->def->conf_size : 1);
    if (!d->conf)
        return sl_err_new(SL_E_NOMEM, "out of memory");
    const sl_sink_ops *ops = d->def->sink;
    if (d->def->props)
        SL_TRY(sl_err_recode(sl_spec_load(d->def->props, SL_P_SINK, props, a, d->conf, NULL), SL_E_EXEC));
    sl_err *bad = ops->check ? ops->check(d->conf) : NULL;
    if (bad)
        return sl_err_code(bad) == SL_E_CONF ? sl_err_recode(bad, SL_E_EXEC) : bad;
    sl_sinkopts *o = &d->opts;
    sl_err *e = read_common(a, props, o);
    if (!e && o->batch_size < 0)
        e = sl_err_new(SL_E_EXEC, "invalid batchSize %lld", (long long)o->batch_size);
    if (!e && o->linger_ns < 0)
        e = sl_err_new(SL_E_EXEC, "invalid lingerInterval %lld, must be positive", (long long)o->linger_ns);
    if (!e)
        e = check_cache(o);
    if (!e && o->fields.n && o->exclude.n)
        return sl_err_new(SL_E_EXEC, "field and excludeFields cannot both be set");
    if (e)
        return sl_err_recode(sl_err_prefix(e, "fail to parse sink configuration"), SL_E_EXEC);
    if (!o->data_field.n)
        o->data_field = o->table_data_field;
    SL_TRY(sinkdef_templates(a, props, d));
    if (o->compression.n && !ops->writes_stream && !ops->rows) {
        d->press = sl_press_of(o->compression);
        if (!d->press)
            return sl_err_new(SL_E_EXEC, "get compressor %.*s fail with error: unsupported compressor: %.*s", SL_FMT(o->compression), SL_FMT(o->compression));
        SL_TRY(sl_err_recode(sl_press_ready(d->press), SL_E_EXEC));
    }
    if (o->encryption.n && !ops->rows) { /* tried once, so that what is wrong is told now */
        sl_cipher *c;
        sl_err *bad_cipher = sl_cipher_new(o->encryption, o->enc_props, &c);
        if (bad_cipher) {
            sl_buf head = {0};
            sl_buf_printf(&head, "get encryptor %.*s fail with error", SL_FMT(o->encryption));
            bad_cipher = sl_err_recode(sl_err_prefix(bad_cipher, "%s", sl_buf_cstr(&head)), SL_E_EXEC);
            sl_buf_free(&head);
            return bad_cipher;
        }
        sl_cipher_free(c);
    }
    if (!ops->rows) {
        char low[32];
        size_t n = o->format.n < sizeof low ? o->format.n : sizeof low;
        for (size_t i = 0; i < n; i++)
            low[i] = (char)(o->format.p[i] >= 'A' && o->format.p[i] <= 'Z' ? o->format.p[i] + 32 : o->format.p[i]);
        d->codec = sl_codec_find((sl_str){low, n});
        if (!d->codec)
            return sl_err_new(SL_E_EXEC, "format type %.*s not supported", SL_FMT(o->format));
        bool batched = o->batch_size > 0 || o->linger_ns > 0; /* upstream's writer of batches joins by commas and has one header */
        d->codec_conf = (sl_codec_conf){
            .delimiter = batched ? (sl_str){0} : o->delimiter, .has_header = o->has_header && !batched, .schemaid = o->schemaid, .columns = o->fields.at, .ncolumns = o->fields.n};
    }
    if (o->cache && o->resend_alter)
        return make_resend(a, props, d);
    return NULL;
}
uint32_t sl_sinkdef_steps(const sl_sinkdef *d, const char *steps[SL_SINK_STEPS]) {
    const sl_sinkopts *o = &d->opts;
    bool stream = d->def->sink->writes_stream;
    uint32_t n = 0;
    if (o->batch_size > 0 || o->linger_ns > 0)
        steps[n++] = "batch";
    steps[n++] = "transform";
    if (d->codec)
        steps[n++] = "encode";
    if (d->codec && o->compression.n && !stream)
        steps[n++] = "compress";
    if (d->codec && o->encryption.n && !stream)
        steps[n++] = "encrypt";
    return n;
}
