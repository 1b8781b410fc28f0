/* When a rule runs: cron texts, date ranges, durations, and the patrol that looks at all rules now and then. Texts and rules of
 * eKuiper's scheduler (fields of robfig/cron, in the configured zone). */
#ifndef SL_CORE_SCHEDULE_H
#define SL_CORE_SCHEDULE_H
#include "base/civil.h"
#include "base/err.h"
#include "data/json.h"

typedef struct sl_cron {
    uint64_t second, minute, hour, day, month, week; /* one bit per value */
    bool any_day, any_week;                          /* the field is * : the other one alone decides */
    int64_t every_ms;                                /* @every: above 0, the rest unused */
    sl_zone zone;
} sl_cron;
/* "M H D M W", or with seconds in front, with lists, ranges, steps and names; @yearly @annually @monthly @weekly @daily @midnight @hourly; "@every 90s"; a leading
 * "CRON_TZ=Zone " or "TZ=Zone ". The error names the field and what it may hold. */
sl_err *sl_cron_parse(sl_str text, sl_zone zone, sl_cron *out);
/* First instant after the given one (ms); 0 when none within eight years. */
int64_t sl_cron_next(const sl_cron *c, int64_t after_ms);
/* Has the cron fired within the last dur_ms, the instant itself included? */
bool sl_cron_open(const sl_cron *c, int64_t now_ms, int64_t dur_ms);

/* cronDatetimeRange: [{"begin","end"}] as texts in the zone, or [{"beginTimestamp","endTimestamp"}] in ms (both above 0 win). */
sl_err *sl_ranges_check(const sl_json *ranges, sl_zone zone);
/* Inside one of them, bounds excluded; no ranges: inside. */
bool sl_ranges_open(const sl_json *ranges, sl_zone zone, int64_t now_ms);
#endif
