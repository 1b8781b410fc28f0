/* Civil time and zones: instants (seconds and ns since 1970) to calendar fields and back, in a zone of the
 * system's database read by our own reader (libc has one global zone). Zone ids are small numbers, interned for
 * the life of the process, safe to read from any thread; 0 is UTC. */
#ifndef SL_BASE_CIVIL_H
#define SL_BASE_CIVIL_H
#include "base/str.h"
typedef uint16_t sl_zone;
#define SL_ZONE_UTC 0
#define SL_ZONE_LOCAL 1 /* TZ variable, else /etc/localtime */
/* By name ("Asia/Shanghai", "UTC", "Local", "" = UTC). false: unknown. */
bool sl_zone_find(sl_str name, sl_zone *out);
/* A fixed offset east of UTC in seconds; name may be "" (printed as +08:00). */
sl_zone sl_zone_fixed(int32_t east, sl_str name);
const char *sl_zone_name(sl_zone z);
/* Offset east and abbreviation ("CET") in force at the instant. */
int32_t sl_zone_at(sl_zone z, int64_t sec, const char **abbrev);
/* Offset that an abbreviation ("CEST") means in this zone; best the one in force at this local time. false: not used there. */
bool sl_zone_abbrev(sl_zone z, sl_str abbrev, int64_t local_sec, int32_t *east);
typedef struct sl_civil {
    int64_t year;
    int month, day, hour, min, sec, ns; /* month 1..12, day 1..31 */
    int wday, yday;                     /* Sunday 0; 1..366 */
    int32_t east;
    const char *abbrev;
} sl_civil;
void sl_civil_of(int64_t sec, int32_t ns, sl_zone z, sl_civil *out);
/* Fields may be out of range (month 14, day -3): normalised as Go's time.Date does. Gap and overlap as Go. */
int64_t sl_civil_to(const sl_civil *c, sl_zone z);
int64_t sl_days_from_civil(int64_t y, int m, int d); /* days since 1970-01-01 */
int sl_month_days(int64_t y, int m);
/* ISO 8601 week and its year. */
void sl_iso_week(const sl_civil *c, int64_t *year, int *week);
/* RFC 3339 with up to nine fraction digits, trailing zeros dropped. Room for 48 bytes; returns the length. */
size_t sl_time_rfc3339(char *out, int64_t sec, int32_t ns, sl_zone z);
int64_t sl_wall_ns(void); /* the machine's clock; only os/ and log use it directly, others ask their loop */
#endif
