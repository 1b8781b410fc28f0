/* How much memory rules may hold: sizes in words, and what holds when nobody said anything.
 * Decision: the default is a share of what the machine or its control group has, so that one rule that grows cannot take an edge box down, and a large
 * machine is not kept small. A setting of the daemon that makes no sense is said once and the default holds; an option of a rule is refused. */
#include "base/log.h"
#include "base/num.h"
#include "core/office_int.h"
#include "os/memory.h"

/* Bytes as a number, "64MB" (powers of 1024), "25%" of `whole`. */
static bool size_of(const sl_json *v, int64_t whole, int64_t *out) {
    if (sl_json_i64(v, out))
        return *out >= 0;
    if (!sl_json_isstr(v))
        return false;
    sl_str s = v->s;
    size_t n = 0;
    double x;
    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    if (!sl_num_parse_f64(sl_str_n(s.p, n), &x) || x < 0)
        return false;
    while (n < s.n && s.p[n] == ' ')
        n++;
    sl_str unit = sl_str_n(s.p + n, s.n - n);
    static const struct {
        const char *name;
        double times;
    } units[] = {{"", 1},         {"B", 1},         {"K", 1024},         {"KB", 1024},         {"KiB", 1024},        {"M", 1048576},
                 {"MB", 1048576}, {"MiB", 1048576}, {"G", 1073741824.0}, {"GB", 1073741824.0}, {"GiB", 1073741824.0}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (sl_str_ieq(unit, sl_str_of(units[i].name)) && x * units[i].times < 9e18) {
            *out = (int64_t)(x * units[i].times);
            return true;
        }
    if (!sl_str_is(unit, "%") || x > 100)
        return false;
    *out = (int64_t)((double)whole * x / 100);
    return true;
}
static int64_t setting(const sl_office *o, const char *key, int64_t whole, int percent) {
    const sl_json *v = sl_settings_get(o->conf.settings, key);
    int64_t n = 0;
    static bool said;
    if (!v || v->kind == SL_J_NULL)
        return whole / 100 * percent;
    if (size_of(v, whole, &n))
        return n;
    if (!said)
        sl_warn("settings", "%s: expected a number of bytes or a text such as \"64MB\" or \"25%%\"; the default, %d%%, holds", key, percent);
    said = true;
    return whole / 100 * percent;
}
static sl_err *option(const sl_json *j, const char *key, int64_t whole, int64_t *out, bool *given) {
    const sl_json *v = sl_json_iget(j, key);
    *given = v && v->kind != SL_J_NULL;
    if (!*given || size_of(v, whole, out))
        return NULL;
    return sl_err_new(SL_E_UNDEFINED, "options.%s: expected a number of bytes or a text such as \"64MB\" or \"25%%\"", key);
}
sl_err *rule_limits(const sl_office *o, const sl_json *options, rule_opts *p) {
    bool hard = false, soft = false;
    p->memory_hard = setting(o, "rule.memoryLimit", sl_memory_size(), 25);
    SL_TRY(option(options, "memoryLimit", sl_memory_size(), &p->memory_hard, &hard));
    p->memory_soft = setting(o, "rule.memorySoftLimit", p->memory_hard, 80);
    SL_TRY(option(options, "memorySoftLimit", p->memory_hard, &p->memory_soft, &soft));
    if (p->memory_hard && p->memory_soft > p->memory_hard) {
        if (soft)
            return sl_err_new(SL_E_UNDEFINED, "options.memorySoftLimit: it is above memoryLimit, %lld bytes; expected less", (long long)p->memory_hard);
        p->memory_soft = p->memory_hard;
    }
    return NULL;
}
void limits_set(const sl_office *o) { sl_flow_memory(setting(o, "basic.rulesMemoryLimit", sl_memory_size(), 70)); }
