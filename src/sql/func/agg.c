/* Aggregates and their incremental twins. The eval of a row takes one LIST per argument, the values of a group in order of its rows: the plain
 * form, against which the running forms (agg_run.c) are tested.
 * Decision: the first value that is not null decides how the whole list is treated, as upstream. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "data/value.h"
#include "sql/func.h"

/* KIND(VALUE) */
static const char *shown(sl_call *c, sl_value v) { return sl_arena_printf(c->arena, "%s(%s)", sl_value_gotype(v), sl_fn_v(c, v)).p; }
static sl_value leading(sl_value list) {
    for (uint32_t i = 0; i < list.len; i++)
        if (!sl_v_nil(list.list[i]))
            return list.list[i];
    return sl_v_null();
}
/* The next number of an int list: floats are truncated. */
static bool int_at(sl_call *c, sl_value v, int64_t *out, const char *want, sl_value *err) {
    sl_str why;
    if ((v.kind == SL_INT || v.kind == SL_FLOAT || v.kind == SL_UINT) && sl_to_int(c->arena, v, SL_CAST_SAMEKIND, out, &why))
        return true;
    *err = sl_call_fail(c, "requires %s but found %s", want, shown(c, v));
    return false;
}
static sl_value sum_avg(sl_call *c, sl_value list, bool avg) {
    sl_value lead = leading(list), err;
    uint64_t isum = 0;
    double sum = 0;
    int64_t n = 0, x;
    if (lead.kind == SL_NULL)
        return lead;
    if (lead.kind != SL_INT && lead.kind != SL_FLOAT && lead.kind != SL_UINT)
        return sl_call_fail(c, "run %s function error: found invalid arg %s", avg ? "avg" : "sum", shown(c, lead));
    for (uint32_t i = 0; i < list.len; i++) {
        sl_value v = list.list[i];
        if (sl_v_nil(v))
            continue;
        n++;
        if (lead.kind == SL_FLOAT && v.kind != SL_FLOAT)
            return sl_call_fail(c, "requires float64 but found %s", shown(c, v));
        if (lead.kind == SL_FLOAT)
            sum += sl_f64(v);
        else if (int_at(c, v, &x, "int", &err))
            isum += (uint64_t)x;
        else
            return err;
    }
    if (lead.kind == SL_FLOAT)
        return sl_v_float(avg ? sum / (double)n : sum);
    return sl_v_int(avg ? (int64_t)isum / n : (int64_t)isum);
}
static sl_value f_sum(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, sum_avg(c, args[0], false); }
static sl_value f_avg(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, sum_avg(c, args[0], true); }
static sl_value f_count(sl_call *c, const sl_value *args, uint32_t n) {
    int64_t k = 0;
    (void)c;
    (void)n;
    for (uint32_t i = 0; i < args[0].len; i++)
        k += !sl_v_nil(args[0].list[i]);
    return sl_v_goint(k);
}
static sl_value extreme(sl_call *c, sl_value list, int sign) {
    sl_value lead = leading(list), best = lead, err;
    if (lead.kind == SL_NULL)
        return lead;
    if (lead.kind != SL_INT && lead.kind != SL_FLOAT && lead.kind != SL_STRING && lead.kind != SL_UINT)
        return sl_call_fail(c, "found invalid arg %s", shown(c, lead));
    for (uint32_t i = 0; i < list.len; i++) {
        sl_value v = list.list[i];
        if (sl_v_nil(v))
            continue;
        int d;
        if (lead.kind == SL_STRING) {
            if (v.kind != SL_STRING)
                return sl_call_fail(c, "requires string but found %s", shown(c, v));
            d = sl_str_cmp(sl_v_text(v), sl_v_text(best));
        } else if (lead.kind == SL_FLOAT) {
            if (v.kind != SL_FLOAT)
                return sl_call_fail(c, "requires float64 but found %s", shown(c, v));
            d = (sl_f64(v) > sl_f64(best)) - (sl_f64(v) < sl_f64(best));
        } else {
            int64_t x;
            if (!int_at(c, v, &x, "int64", &err))
                return err;
            v = sl_v_int(x);
            d = (x > best.i) - (x < best.i);
        }
        if (d * sign > 0)
            best = v;
    }
    return best;
}
static sl_value f_max(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, extreme(c, args[0], 1); }
static sl_value f_min(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, extreme(c, args[0], -1); }
static sl_value f_collect(sl_call *c, const sl_value *args, uint32_t n) {
    (void)c;
    (void)n;
    return args[0];
}
static sl_value f_merge_agg(sl_call *c, const sl_value *args, uint32_t n) {
    uint32_t room = 0, k = 0;
    (void)n;
    for (uint32_t i = 0; i < args[0].len; i++)
        room += args[0].list[i].kind == SL_MAP ? args[0].list[i].len : 0;
    sl_member *m = sl_arena_alloc(c->arena, (room ? room : 1) * sizeof *m);
    if (!m)
        return sl_call_fail(c, "out of memory");
    for (uint32_t i = 0; i < args[0].len; i++) {
        sl_value v = args[0].list[i];
        for (uint32_t j = 0; v.kind == SL_MAP && j < v.len; j++) {
            uint32_t at = 0;
            while (at < k && !sl_str_eq(m[at].key, v.map[j].key))
                at++;
            m[at] = v.map[j];
            k += at == k;
        }
    }
    return k ? sl_v_map(m, k) : sl_v_null();
}
static sl_value f_deduplicate(sl_call *c, const sl_value *args, uint32_t n) { /* rows, keys, flags */
    if (n != 3)
        return sl_call_fail(c, "Invalid argument type found.");
    sl_value rows = args[0], keys = args[1], flags = args[2], flag = sl_v_null();
    for (uint32_t i = 0; i < flags.len && flag.kind != SL_BOOL; i++)
        flag = flags.list[i];
    if (flag.kind != SL_BOOL || keys.len > rows.len)
        return sl_call_fail(c, "Invalid argument type found.");
    uint32_t size = 16, k = 0;
    while (size < 2 * keys.len)
        size *= 2;
    sl_str *slot = sl_arena_zero(c->arena, size * sizeof *slot);
    sl_value *out = sl_arena_alloc(c->arena, (keys.len + 1) * sizeof *out);
    if (!slot || !out)
        return sl_call_fail(c, "out of memory");
    bool fresh = false;
    for (uint32_t i = 0; i < keys.len; i++) {
        sl_str key = sl_fn_text(c, keys.list[i]);
        uint64_t h = sl_hash(key.p, key.n);
        while (slot[h & (size - 1)].p && !sl_str_eq(slot[h & (size - 1)], key))
            h++;
        if ((fresh = !slot[h & (size - 1)].p)) {
            slot[h & (size - 1)] = key.p ? key : (sl_str){"", 0};
            out[k++] = rows.list[i];
        }
    }
    if (flag.i)
        return sl_v_list(out, k);
    return fresh ? rows.list[keys.len - 1] : sl_v_null();
}
static sl_value f_last_value(sl_call *c, const sl_value *args, uint32_t n) {
    sl_value list = args[0], flag = n > 1 && args[1].len ? args[1].list[0] : sl_v_null();
    if (flag.kind != SL_BOOL)
        return sl_call_fail(c, "the second parameter requires bool but found %s", shown(c, flag));
    if (!list.len)
        return sl_v_null();
    for (uint32_t i = list.len; flag.i && i-- > 0;)
        if (!sl_v_nil(list.list[i]))
            return list.list[i];
    return list.list[list.len - 1];
}
static int by_double(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}
/* The numbers of a list, nulls dropped. false: something else is in it. */
static bool numbers(sl_call *c, sl_value list, double **out, uint32_t *n) {
    double *d = sl_arena_alloc(c->arena, (list.len + 1) * sizeof *d);
    *out = d;
    *n = 0;
    for (uint32_t i = 0; d && i < list.len; i++) {
        sl_value v = list.list[i];
        if (v.kind == SL_INT)
            d[(*n)++] = (double)v.i;
        else if (v.kind == SL_FLOAT)
            d[(*n)++] = sl_f64(v);
        else if (!sl_v_nil(v))
            return false;
    }
    return d != NULL;
}
static int by_int(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}
static sl_value f_median(sl_call *c, const sl_value *args, uint32_t unused) {
    (void)unused;
    sl_value list = args[0], lead = list.len ? list.list[0] : sl_v_null();
    uint32_t n;
    sl_str why;
    if (lead.kind == SL_FLOAT) {
        double *d;
        if (!numbers(c, list, &d, &n))
            return sl_call_fail(c, "requires float64 slice but found %s", shown(c, list));
        qsort(d, n, sizeof *d, by_double);
        return sl_v_float(n % 2 ? d[n / 2] : (d[n / 2 - 1] + d[n / 2]) / 2);
    }
    if (lead.kind != SL_INT)
        return sl_call_fail(c, "%s should be number", sl_fn_v(c, lead));
    int64_t *d = sl_arena_alloc(c->arena, (list.len + 1) * sizeof *d);
    if (!d)
        return sl_call_fail(c, "out of memory");
    for (n = 0; n < list.len; n++)
        if (sl_v_nil(list.list[n]) || !sl_to_int(c->arena, list.list[n], SL_CAST_SAMEKIND, &d[n], &why)) {
            if (sl_v_nil(list.list[n]))
                why = sl_arena_printf(c->arena, "cannot convert <nil>(<nil>) to int64");
            return sl_call_fail(c, "cannot convert %s to int slice for the %u element: %.*s", shown(c, list), n, SL_FMT(why));
        }
    qsort(d, n, sizeof *d, by_int);
    return n % 2 ? sl_v_int(d[n / 2]) : sl_v_float((double)(int64_t)((uint64_t)d[n / 2 - 1] + (uint64_t)d[n / 2]) / 2);
}
static sl_value spread(sl_call *c, sl_value list, bool sample, bool root) {
    double *d, mean = 0, sum = 0;
    uint32_t n;
    if (!numbers(c, list, &d, &n))
        return sl_call_fail(c, "requires float64 slice but found %s", shown(c, list));
    if (!n)
        return sl_v_null();
    for (uint32_t i = 0; i < n; i++)
        mean += d[i];
    mean /= n;
    for (uint32_t i = 0; i < n; i++)
        sum += (d[i] - mean) * (d[i] - mean);
    double v = sample && n == 1 ? NAN : sum / (sample ? n - 1 : n);
    return sl_v_float(root ? sqrt(v) : v);
}
static sl_value f_stddev(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, spread(c, args[0], false, true); }
static sl_value f_stddevs(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, spread(c, args[0], true, true); }
static sl_value f_var(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, spread(c, args[0], false, false); }
static sl_value f_vars(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, spread(c, args[0], true, false); }
static sl_value percentile(sl_call *c, const sl_value *args, bool cont) {
    double *d, p;
    uint32_t n;
    sl_value lead = leading(args[1]);
    if (lead.kind != SL_INT && lead.kind != SL_FLOAT)
        return sl_call_fail(c, "the second parameter requires float64 but found %s", shown(c, args[1]));
    p = lead.kind == SL_INT ? (double)lead.i : sl_f64(lead);
    if (!numbers(c, args[0], &d, &n))
        return sl_call_fail(c, "requires float64 slice but found %s", shown(c, args[0]));
    if (!n)
        return sl_v_null();
    qsort(d, n, sizeof *d, by_double);
    if (!cont) {
        if (!(p >= 0 && p <= 1))
            return sl_call_fail(c, "PopulationVariance exec with error: Input is outside of range.");
        uint32_t at = p == 0 ? 1 : p == 1 ? n : (uint32_t)ceil(p * n);
        return sl_v_float(d[(at ? at : 1) - 1]);
    }
    if (n == 1)
        return sl_v_float(d[0]);
    double at = p * n, whole = floor(at);
    if (!(p > 0 && p <= 1) || (at != whole && at < 1))
        return sl_call_fail(c, "percentile exec with error: Input is outside of range.");
    uint32_t i = (uint32_t)whole;
    return sl_v_float(at == whole ? d[i - 1] : (d[i - 1] + d[i]) / 2);
}
static sl_value f_percentile_cont(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, percentile(c, args, true); }
static sl_value f_percentile_disc(sl_call *c, const sl_value *args, uint32_t n) { return (void)n, percentile(c, args, false); }

/* ---- counters: [0] hits, [1] time of the last ---- */
static sl_value hits(sl_call *c, sl_keep *k, bool hit, uint32_t show) {
    int64_t n = sl_keep_get(k, 0).kind == SL_INT ? sl_keep_get(k, 0).i : 0, t = sl_keep_get(k, 1).kind == SL_INT ? sl_keep_get(k, 1).i : 0;
    if (hit && (!sl_keep_set(k, 0, sl_v_int(n + 1)) || !sl_keep_set(k, 1, sl_v_int(c->row_ms))))
        return sl_call_fail(c, "out of memory");
    return sl_v_int(show ? t : n);
}
sl_value sl_fn_hit_count(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)args, (void)n, hits(c, k, hit, 0); }
sl_value sl_fn_hit_time(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)args, (void)n, hits(c, k, hit, 1); }

/* ---- aggregates kept up row by row: [0] the value so far, [1] how many ---- */
static int64_t kept_count(sl_keep *k) { return sl_keep_get(k, 1).kind == SL_INT ? sl_keep_get(k, 1).i : 0; }
static bool keep_both(sl_keep *k, sl_value v, int64_t n) { return sl_keep_set(k, 0, v) && sl_keep_set(k, 1, sl_v_int(n)); }
static sl_value k_inc_count(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) {
    (void)args;
    (void)n;
    int64_t have = kept_count(k) + (hit && !sl_v_nil(args[0]));
    return keep_both(k, sl_v_int(have), have) ? sl_v_goint(have) : sl_call_fail(c, "out of memory");
}
static sl_value inc_sum(sl_call *c, sl_keep *k, sl_value x, bool avg) {
    double d, sum = sl_keep_get(k, 0).kind == SL_FLOAT ? sl_keep_get(k, 0).f : 0;
    sl_str why;
    int64_t n = kept_count(k) + 1;
    if (!sl_to_float(c->arena, x, SL_CAST_ALL, &d, &why))
        return sl_call_fail(c, "%.*s", SL_FMT(why));
    sum += d;
    return keep_both(k, sl_v_float(sum), n) ? sl_v_float(avg ? sum / (double)n : sum) : sl_call_fail(c, "out of memory");
}
static sl_value k_inc_sum(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)n, (void)hit, inc_sum(c, k, args[0], false); }
static sl_value k_inc_avg(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)n, (void)hit, inc_sum(c, k, args[0], true); }
/* The new value leads; values that do not fit together give null and change nothing. */
static sl_value inc_extreme(sl_call *c, sl_keep *k, sl_value x, int sign) {
    sl_value two[2] = {x, sl_keep_get(k, 0)};
    sl_value v = extreme(c, sl_v_list(two, sl_v_nil(two[1]) ? 1 : 2), sign);
    if (v.kind == SL_ERROR) {
        c->failed = false;
        c->error = (sl_str){0};
        return sl_v_null();
    }
    return sl_keep_set(k, 0, v) ? sl_keep_get(k, 0) : sl_call_fail(c, "out of memory");
}
static sl_value k_inc_max(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)n, (void)hit, inc_extreme(c, k, args[0], 1); }
static sl_value k_inc_min(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { return (void)n, (void)hit, inc_extreme(c, k, args[0], -1); }
static sl_value k_inc_collect(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) { /* one place per value */
    (void)n;
    (void)hit;
    uint32_t have = sl_keep_len(k);
    if (!sl_keep_set(k, have, args[0]))
        return sl_call_fail(c, "out of memory");
    sl_value *list = sl_arena_alloc(c->arena, (have + 1) * sizeof *list);
    for (uint32_t i = 0; list && i <= have; i++)
        list[i] = sl_keep_get(k, i);
    return list ? sl_v_list(list, have + 1) : sl_call_fail(c, "out of memory");
}
static sl_value k_inc_merge_agg(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) {
    (void)hit;
    if (args[0].kind != SL_MAP)
        return sl_call_fail(c, "argument is not a map[string]interface{}");
    sl_value two[2] = {sl_keep_get(k, 0), args[0]}, list = sl_v_list(two, 2);
    sl_value v = f_merge_agg(c, &list, n);
    return sl_keep_set(k, 0, v) ? sl_keep_get(k, 0) : sl_call_fail(c, "out of memory"); /* not v: it points into what was kept before */
}
static sl_value k_inc_last_value(sl_call *c, sl_keep *k, const sl_value *args, uint32_t n, bool hit) {
    (void)k;
    (void)hit;
    return n > 1 && args[1].kind == SL_BOOL ? args[0] : sl_call_fail(c, "second argument is not a bool");
}

/* ---- checks and tables ---- */
static const char *flag_second(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : sl_x_is_bool(args[1]) ? NULL : sl_ck_expect(a, "bool", 2);
}
#define AGG(name, flags, min, check, sig, doc, example, gives)                                                                                                                     \
    { #name, SL_FN_AGG, flags, min, min, check, f_##name, NULL, sig, doc, example, gives, NULL, NULL }
#define INC(name, min, check, doc, example, gives)                                                                                                                                 \
    { #name, SL_FN_STATE, SL_FN_NULLGATE | SL_FN_STAR, min, min, check, NULL, NULL, "(x) -> any", doc, example, gives, NULL, k_##name }
#define G (SL_FN_NULLGATE | SL_FN_STAR)
const sl_func sl_funcs_agg[] = {
    AGG(avg, G, 1, sl_ck_n1, "(x number) -> number", "Mean; of whole numbers a whole number.", "avg(x)", "2 for 1, 2, 3"),
    AGG(count, G, 1, NULL, "(x any or *) -> int", "How many values are not null; * counts rows.", "count(*)", "2 for two rows"),
    AGG(max, G, 1, sl_ck_n1, "(x number or string) -> any", "The largest value.", "max(x)", "3 for 1, 2, 3"),
    AGG(min, G, 1, sl_ck_n1, "(x number or string) -> any", "The smallest value.", "min(x)", "1 for 1, 2, 3"),
    AGG(sum, G, 1, sl_ck_n1, "(x number) -> number", "The sum.", "sum(x)", "6 for 1, 2, 3"),
    AGG(collect, SL_FN_STAR, 1, NULL, "(x any or *) -> array", "All values, nulls included, in order of the rows.", "collect(x)", "[1,null] for 1, null"),
    AGG(merge_agg, G, 1, NULL, "(x object or *) -> object", "All objects merged, later ones win.", "merge_agg(*)", "{\"a\":2} for {\"a\":1}, {\"a\":2}"),
    AGG(deduplicate, G, 2, flag_second, "(key any, all boolean) -> array or object", "The rows whose key is new (all), or the last row if its key is new.", "deduplicate(a, true)",
        "[{\"a\":1},{\"a\":2}] for a = 1, 2, 1"),
    AGG(last_value, G, 2, flag_second, "(x any or *, ignoreNull boolean) -> any", "The last value, or the last that is not null.", "last_value(x, true)", "1 for 1, null"),
    AGG(median, G, 1, sl_ck_n1, "(x number) -> number", "The middle value.", "median(x)", "2 for 3, 1, 2"),
    AGG(stddev, G, 1, sl_ck_n1, "(x number) -> float", "Standard deviation of the population.", "stddev(x)", "1 for 1, 3"),
    AGG(stddevs, G, 1, sl_ck_n1, "(x number) -> float", "Standard deviation of a sample.", "stddevs(x)", "1 for 1, 2, 3"),
    AGG(var, G, 1, sl_ck_n1, "(x number) -> float", "Variance of the population.", "var(x)", "1.25 for 1, 2, 3, 4"),
    AGG(vars, G, 1, sl_ck_n1, "(x number) -> float", "Variance of a sample.", "vars(x)", "1 for 1, 2, 3"),
    AGG(percentile_cont, G, 2, sl_ck_n2, "(x number, p number) -> float", "Percentile between two values.", "percentile_cont(x, 0.6)", "2.5 for 1, 2, 3, 4"),
    AGG(percentile_disc, G, 2, sl_ck_n2, "(x number, p number) -> float", "Percentile by the nearest value.", "percentile_disc(x, 0.6)", "3 for 1, 2, 3, 4"),
    {"last_agg_hit_count", SL_FN_AGG, 0, 0, 0, NULL, NULL, NULL, "() -> int", "How often this place was reached before, in an aggregate query.", "last_agg_hit_count()",
     "0 the first time", NULL, sl_fn_hit_count},
    {"last_agg_hit_time", SL_FN_AGG, 0, 0, 0, NULL, NULL, NULL, "() -> int", "When this place was last reached, in ms, in an aggregate query.", "last_agg_hit_time()",
     "0 the first time", NULL, sl_fn_hit_time},
    INC(inc_count, 1, NULL, "count, kept up row by row.", "inc_count(x)", "2 at the second row"),
    INC(inc_avg, 1, sl_ck_n1, "avg, kept up row by row; always a float.", "inc_avg(x)", "1.5 at the second of 1, 2"),
    INC(inc_max, 1, sl_ck_n1, "max, kept up row by row.", "inc_max(x)", "2 at the second of 1, 2"),
    INC(inc_min, 1, sl_ck_n1, "min, kept up row by row.", "inc_min(x)", "1 at the second of 1, 2"),
    INC(inc_sum, 1, sl_ck_n1, "sum, kept up row by row; always a float.", "inc_sum(x)", "3 at the second of 1, 2"),
    INC(inc_collect, 1, sl_ck_n1, "collect, kept up row by row.", "inc_collect(x)", "[1,2] at the second of 1, 2"),
    INC(inc_merge_agg, 1, sl_ck_n1, "merge_agg, kept up row by row.", "inc_merge_agg(x)", "{\"a\":1,\"b\":2} at the second of {\"a\":1}, {\"b\":2}"),
    INC(inc_last_value, 2, sl_ck_n2, "last_value, kept up row by row.", "inc_last_value(x, y)", "2 at the second of 1, 2"),
    {0}};
