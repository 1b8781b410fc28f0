/* Aggregates and their incremental twins: names, argument checks and descriptions. How they compute is the aggregate operator's
 * business; `agg` of a row points there. */
#include "sql/func.h"

static const char *flag_second(sl_arena *a, sl_expr **args, uint32_t n) {
    const char *e = sl_ck_count(a, 2, n);
    return e ? e : sl_x_is_bool(args[1]) ? NULL : sl_ck_expect(a, "bool", 2);
}
#define AGG(name, flags, min, check, sig, doc, example, gives) {name, SL_FN_AGG, flags, min, min, check, NULL, NULL, sig, doc, example, gives, NULL}
#define INC(name, min, check, doc, example, gives) \
    {name, SL_FN_STATE, SL_FN_NULLGATE | SL_FN_STAR, min, min, check, NULL, NULL, "(x) -> any", doc, example, gives, NULL}
#define G (SL_FN_NULLGATE | SL_FN_STAR)
const sl_func sl_funcs_agg[] = {
    AGG("avg", G, 1, sl_ck_n1, "(x number) -> number", "Mean; of whole numbers a whole number.", "avg(x)", "2 for 1, 2, 3"),
    AGG("count", G, 1, NULL, "(x any or *) -> int", "How many values are not null; * counts rows.", "count(*)", "2 for two rows"),
    AGG("max", G, 1, sl_ck_n1, "(x number or string) -> any", "The largest value.", "max(x)", "3 for 1, 2, 3"),
    AGG("min", G, 1, sl_ck_n1, "(x number or string) -> any", "The smallest value.", "min(x)", "1 for 1, 2, 3"),
    AGG("sum", G, 1, sl_ck_n1, "(x number) -> number", "The sum.", "sum(x)", "6 for 1, 2, 3"),
    AGG("collect", SL_FN_STAR, 1, NULL, "(x any or *) -> array", "All values, nulls included, in order of the rows.", "collect(x)", "[1,null] for 1, null"),
    AGG("merge_agg", G, 1, NULL, "(x object or *) -> object", "All objects merged, later ones win.", "merge_agg(*)", "{\"a\":2} for {\"a\":1}, {\"a\":2}"),
    AGG("deduplicate", G, 2, flag_second, "(key any, all boolean) -> array or object", "The rows whose key is new (all), or the last row if its key is new.",
        "deduplicate(a, true)", "[{\"a\":1},{\"a\":2}] for a = 1, 2, 1"),
    AGG("last_value", G, 2, flag_second, "(x any or *, ignoreNull boolean) -> any", "The last value, or the last that is not null.", "last_value(x, true)",
        "1 for 1, null"),
    AGG("median", G, 1, sl_ck_n1, "(x number) -> number", "The middle value.", "median(x)", "2 for 3, 1, 2"),
    AGG("stddev", G, 1, sl_ck_n1, "(x number) -> float", "Standard deviation of the population.", "stddev(x)", "1 for 1, 3"),
    AGG("stddevs", G, 1, sl_ck_n1, "(x number) -> float", "Standard deviation of a sample.", "stddevs(x)", "1 for 1, 2, 3"),
    AGG("var", G, 1, sl_ck_n1, "(x number) -> float", "Variance of the population.", "var(x)", "1.25 for 1, 2, 3, 4"),
    AGG("vars", G, 1, sl_ck_n1, "(x number) -> float", "Variance of a sample.", "vars(x)", "1 for 1, 2, 3"),
    AGG("percentile_cont", G, 2, sl_ck_n2, "(x number, p number) -> float", "Percentile between two values.", "percentile_cont(x, 0.6)", "2.5 for 1, 2, 3, 4"),
    AGG("percentile_disc", G, 2, sl_ck_n2, "(x number, p number) -> float", "Percentile by the nearest value.", "percentile_disc(x, 0.6)", "3 for 1, 2, 3, 4"),
    {"last_agg_hit_count", SL_FN_AGG, 0, 0, 0, NULL, NULL, NULL, "() -> int", "How often this place was reached before, in an aggregate query.",
     "last_agg_hit_count()", "0 the first time", NULL},
    {"last_agg_hit_time", SL_FN_AGG, 0, 0, 0, NULL, NULL, NULL, "() -> int", "When this place was last reached, in ms, in an aggregate query.",
     "last_agg_hit_time()", "0 the first time", NULL},
    INC("inc_count", 1, NULL, "count, kept up row by row.", "inc_count(x)", "2 at the second row"),
    INC("inc_avg", 1, sl_ck_n1, "avg, kept up row by row; always a float.", "inc_avg(x)", "1.5 at the second of 1, 2"),
    INC("inc_max", 1, sl_ck_n1, "max, kept up row by row.", "inc_max(x)", "2 at the second of 1, 2"),
    INC("inc_min", 1, sl_ck_n1, "min, kept up row by row.", "inc_min(x)", "1 at the second of 1, 2"),
    INC("inc_sum", 1, sl_ck_n1, "sum, kept up row by row; always a float.", "inc_sum(x)", "3 at the second of 1, 2"),
    INC("inc_collect", 1, sl_ck_n1, "collect, kept up row by row.", "inc_collect(x)", "[1,2] at the second of 1, 2"),
    INC("inc_merge_agg", 1, sl_ck_n1, "merge_agg, kept up row by row.", "inc_merge_agg(x)", "{\"a\":1,\"b\":2} at the second of {\"a\":1}, {\"b\":2}"),
    INC("inc_last_value", 2, sl_ck_n2, "last_value, kept up row by row.", "inc_last_value(x, y)", "2 at the second of 1, 2"),
    {0}};
