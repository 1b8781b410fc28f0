/* Civil time and zones. Reads TZif files of the system's database (version 2 and later: 64-bit transitions and the
 * POSIX rule behind them) because libc knows one zone per process.
 * Decision: zones are interned for the life of the process in a table that only grows; an id is handed out after its
 * zone is complete, so readers take no lock. Texts can invent zone abbreviations, therefore the table is bounded: a
 * fixed zone that no longer fits loses its name first, then becomes UTC. */
#include "base/civil.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ZONES_MAX 8192u
#define NAMED_FIXED_MAX 4096u
#define SLOTS 32768u
#define FILE_MAX (1u << 20)
#define ALPHA INT64_MIN
#define OMEGA INT64_MAX
#define DAY 86400

typedef struct ztype {
    int32_t east;
    bool dst;
    const char *abbrev;
} ztype;
typedef enum rule_kind { RULE_JULIAN, RULE_YDAY, RULE_MONTH } rule_kind;
typedef struct rule { /* one change of a POSIX rule */
    rule_kind kind;
    int day, week, month;
    int32_t time; /* seconds after midnight, local */
} rule;
typedef struct zone {
    char *name;
    bool fixed;
    int64_t *when; /* transitions, ascending */
    uint8_t *type;
    uint32_t n;
    ztype *types;
    uint32_t ntypes;
    ztype first; /* before the first transition */
    char *abbrevs;
    bool posix, posix_dst;
    char std_name[48], dst_name[48];
    int32_t std_east, dst_east;
    rule to_dst, to_std;
} zone;

static _Atomic(zone *) zones[ZONES_MAX];
static uint32_t nzones = 2, nfixed_named;
static _Atomic uint16_t slots[SLOTS]; /* id + 1 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- calendar ---- */
int64_t sl_days_from_civil(int64_t y, int m, int d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}
static void civil_from_days(int64_t z, int64_t *y, int *m, int *d) {
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}
static bool leap(int64_t y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); }
int sl_month_days(int64_t y, int m) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m < 1 || m > 12 ? 0 : days[m - 1] + (m == 2 && leap(y));
}
static int64_t floordiv(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- POSIX rule ---- */
static bool posix_name(const char **s, char *out, size_t room) {
    const char *p = *s;
    size_t n = 0;
    if (*p == '<') {
        for (p++; *p && *p != '>'; p++)
            if (n + 1 < room)
                out[n++] = *p;
        if (*p++ != '>')
            return false;
    } else
        for (; (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'); p++)
            if (n + 1 < room)
                out[n++] = *p;
    out[n] = 0;
    *s = p;
    return n >= 3;
}
static bool posix_num(const char **s, int min, int max, int *out) {
    int v = 0;
    const char *p = *s;
    for (; *p >= '0' && *p <= '9' && v <= 10000; p++)
        v = v * 10 + (*p - '0');
    if (p == *s || v < min || v > max)
        return false;
    *s = p;
    *out = v;
    return true;
}
static bool posix_offset(const char **s, int32_t *out) {
    bool neg = **s == '-';
    if (**s == '-' || **s == '+')
        ++*s;
    int h = 0, m = 0, sec = 0;
    if (!posix_num(s, 0, 24 * 7, &h))
        return false;
    if (**s == ':') {
        ++*s;
        if (!posix_num(s, 0, 59, &m))
            return false;
        if (**s == ':') {
            ++*s;
            if (!posix_num(s, 0, 59, &sec))
                return false;
        }
    }
    int32_t v = h * 3600 + m * 60 + sec;
    *out = neg ? -v : v;
    return true;
}
static bool posix_rule(const char **s, rule *r) {
    r->time = 2 * 3600;
    if (**s == 'J') {
        ++*s;
        r->kind = RULE_JULIAN;
        if (!posix_num(s, 1, 365, &r->day))
            return false;
    } else if (**s == 'M') {
        ++*s;
        r->kind = RULE_MONTH;
        if (!posix_num(s, 1, 12, &r->month) || *(*s)++ != '.' || !posix_num(s, 1, 5, &r->week) || *(*s)++ != '.' || !posix_num(s, 0, 6, &r->day))
            return false;
    } else {
        r->kind = RULE_YDAY;
        if (!posix_num(s, 0, 365, &r->day))
            return false;
    }
    if (**s == '/') {
        ++*s;
        return posix_offset(s, &r->time);
    }
    return true;
}
static bool posix_parse(zone *z, const char *s) {
    int32_t off;
    if (!posix_name(&s, z->std_name, sizeof z->std_name) || !posix_offset(&s, &off))
        return false;
    z->std_east = -off;
    if (*s == 0 || *s == ',')
        return true;
    if (!posix_name(&s, z->dst_name, sizeof z->dst_name))
        return false;
    z->dst_east = z->std_east + 3600;
    if (*s && *s != ',') {
        if (!posix_offset(&s, &off))
            return false;
        z->dst_east = -off;
    }
    if (*s == 0)
        s = ",M3.2.0,M11.1.0";
    if (*s++ != ',' || !posix_rule(&s, &z->to_dst) || *s++ != ',' || !posix_rule(&s, &z->to_std) || *s)
        return false;
    z->posix_dst = true;
    return true;
}
/* Seconds from the start of the year (UTC) to the change, which is given in local time of offset east. */
static int64_t rule_at(const rule *r, int64_t year, int32_t east) {
    int64_t days;
    if (r->kind == RULE_JULIAN)
        days = r->day - 1 + (leap(year) && r->day >= 60);
    else if (r->kind == RULE_YDAY)
        days = r->day;
    else {
        int64_t jan1 = sl_days_from_civil(year, 1, 1), first = sl_days_from_civil(year, r->month, 1);
        int wday = (int)(((first + 4) % 7 + 7) % 7);
        int d = r->day - wday;
        if (d < 0)
            d += 7;
        for (int i = 1; i < r->week && d + 7 < sl_month_days(year, r->month); i++)
            d += 7;
        days = first - jan1 + d;
    }
    return days * DAY + r->time - east;
}
static ztype posix_at(const zone *z, int64_t last, int64_t sec, int64_t *start, int64_t *end) {
    ztype std = {z->std_east, false, z->std_name}, dst = {z->dst_east, true, z->dst_name};
    *start = last;
    *end = OMEGA;
    if (!z->posix_dst)
        return std;
    int64_t year, days = floordiv(sec, DAY);
    int m, d;
    civil_from_days(days, &year, &m, &d);
    int64_t ystart = sl_days_from_civil(year, 1, 1) * DAY, ysec = sec - ystart;
    int64_t a = rule_at(&z->to_dst, year, z->std_east), b = rule_at(&z->to_std, year, z->dst_east);
    if (b < a) { /* southern half: the year begins in summer */
        int64_t t = a;
        a = b, b = t;
        ztype x = std;
        std = dst, dst = x;
    }
    if (ysec < a) {
        *start = ystart, *end = ystart + a;
        return std;
    }
    if (ysec >= b) {
        *start = ystart + b, *end = ystart + (leap(year) ? 366 : 365) * (int64_t)DAY;
        return std;
    }
    *start = ystart + a, *end = ystart + b;
    return dst;
}

/* ---- TZif ---- */
static int32_t be32(const uint8_t *p) { return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]); }
static int64_t be64(const uint8_t *p) { return (int64_t)((uint64_t)(uint32_t)be32(p) << 32 | (uint32_t)be32(p + 4)); }

static void zone_free(zone *z) {
    if (z) {
        free(z->name), free(z->when), free(z->type), free(z->types), free(z->abbrevs);
        free(z);
    }
}
static ztype first_type(const zone *z) {
    bool used = false;
    for (uint32_t i = 0; i < z->n; i++)
        used = used || z->type[i] == 0;
    if (!used)
        return z->types[0];
    if (z->types[z->type[0]].dst)
        for (int i = (int)z->type[0] - 1; i >= 0; i--)
            if (!z->types[i].dst)
                return z->types[i];
    for (uint32_t i = 0; i < z->ntypes; i++)
        if (!z->types[i].dst)
            return z->types[i];
    return z->types[0];
}
static zone *tzif_parse(const uint8_t *p, size_t n) {
    uint32_t c[6]; /* isut isstd leap time type char */
    size_t wide = 4;
    for (int pass = 0;; pass++) {
        if (n < 44 || memcmp(p, "TZif", 4) != 0)
            return NULL;
        for (int i = 0; i < 6; i++) {
            c[i] = (uint32_t)be32(p + 20 + 4 * i);
            if (c[i] > FILE_MAX)
                return NULL;
        }
        bool more = p[4] >= '2' && pass == 0;
        size_t body = (size_t)c[3] * (wide + 1) + (size_t)c[4] * 6 + c[5] + (size_t)c[2] * (wide + 4) + c[1] + c[0];
        p += 44, n -= 44;
        if (n < body)
            return NULL;
        if (!more)
            break;
        p += body, n -= body;
        wide = 8;
    }
    if (c[4] == 0)
        return NULL;
    zone *z = calloc(1, sizeof *z);
    if (!z)
        return NULL;
    z->when = calloc(c[3] + 1u, sizeof *z->when);
    z->type = calloc(c[3] + 1u, 1);
    z->types = calloc(c[4], sizeof *z->types);
    z->abbrevs = calloc(c[5] + 1u, 1);
    if (!z->when || !z->type || !z->types || !z->abbrevs) {
        zone_free(z);
        return NULL;
    }
    z->n = c[3], z->ntypes = c[4];
    const uint8_t *idx = p + (size_t)c[3] * wide, *ty = idx + c[3], *ab = ty + (size_t)c[4] * 6;
    memcpy(z->abbrevs, ab, c[5]);
    bool ok = true;
    for (uint32_t i = 0; i < c[3]; i++) {
        z->when[i] = wide == 8 ? be64(p + 8 * (size_t)i) : be32(p + 4 * (size_t)i);
        z->type[i] = idx[i];
        ok = ok && idx[i] < c[4] && (i == 0 || z->when[i] > z->when[i - 1]);
    }
    for (uint32_t i = 0; i < c[4]; i++) {
        const uint8_t *t = ty + 6 * (size_t)i;
        z->types[i] = (ztype){be32(t), t[4] != 0, t[5] < c[5] ? z->abbrevs + t[5] : ""};
        ok = ok && z->types[i].east > -7 * DAY && z->types[i].east < 7 * DAY;
    }
    if (!ok) {
        zone_free(z);
        return NULL;
    }
    z->first = first_type(z);
    const uint8_t *tail = ab + c[5] + (size_t)c[2] * (wide + 4) + c[1] + c[0], *stop = p + n;
    if (wide == 8 && tail < stop && *tail == '\n') {
        const uint8_t *nl = memchr(tail + 1, '\n', (size_t)(stop - tail - 1));
        char rules[128];
        if (nl && nl - tail - 1 > 0 && (size_t)(nl - tail - 1) < sizeof rules) {
            memcpy(rules, tail + 1, (size_t)(nl - tail - 1));
            rules[nl - tail - 1] = 0;
            z->posix = posix_parse(z, rules);
        }
    }
    return z;
}
static zone *tzif_load(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct stat sb;
    zone *z = NULL;
    if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size > 0 && sb.st_size <= (off_t)FILE_MAX) {
        size_t want = (size_t)sb.st_size, have = 0;
        uint8_t *bytes = malloc(want);
        while (bytes && have < want) {
            ssize_t r = read(fd, bytes + have, want - have);
            if (r <= 0)
                break;
            have += (size_t)r;
        }
        if (bytes)
            z = tzif_parse(bytes, have);
        free(bytes);
    }
    close(fd);
    return z;
}
static zone *load_named(sl_str name) {
    static const char *const roots[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};
    char path[320];
    if (name.n == 0 || name.n > 200 || name.p[0] == '/' || memchr(name.p, 0, name.n) || sl_str_find(name, SL_S("..")) >= 0 || memchr(name.p, '\\', name.n))
        return NULL;
    zone *z = NULL;
    const char *own = getenv("ZONEINFO");
    if (own && own[0] == '/') {
        snprintf(path, sizeof path, "%s/%.*s", own, SL_FMT(name));
        z = tzif_load(path);
    }
    for (size_t i = 0; !z && i < sizeof roots / sizeof *roots; i++) {
        snprintf(path, sizeof path, "%s/%.*s", roots[i], SL_FMT(name));
        z = tzif_load(path);
    }
    return z;
}

/* ---- the table ---- */
static zone *fixed_new(int32_t east, sl_str name) {
    zone *z = calloc(1, sizeof *z);
    char *abbrev = sl_strdup_n(name.p, name.n);
    if (!z || !abbrev) {
        free(z), free(abbrev);
        return NULL;
    }
    z->fixed = true;
    z->name = abbrev;
    z->first = (ztype){east, false, abbrev};
    return z;
}
static void setup(void) {
    static zone utc = {.name = (char *)"UTC", .fixed = true, .first = {0, false, "UTC"}};
    static zone broken = {.name = (char *)"Local", .fixed = true, .first = {0, false, "UTC"}};
    const char *tz = getenv("TZ");
    zone *local = NULL;
    if (!tz)
        local = tzif_load("/etc/localtime");
    else {
        if (*tz == ':')
            tz++;
        local = *tz == '/' ? tzif_load(tz) : *tz ? load_named(sl_str_of(tz)) : NULL;
    }
    if (local)
        local->name = sl_strdup_n("Local", 5);
    if (!local || !local->name) {
        zone_free(local);
        local = &broken;
    }
    atomic_store(&zones[SL_ZONE_UTC], &utc);
    atomic_store(&zones[SL_ZONE_LOCAL], local);
}
static const zone *zone_of(sl_zone id) {
    pthread_once(&once, setup);
    const zone *z = id < ZONES_MAX ? atomic_load_explicit(&zones[id], memory_order_acquire) : NULL;
    return z ? z : atomic_load(&zones[SL_ZONE_UTC]);
}
static bool matches(const zone *z, sl_str name, bool fixed, int32_t east) { return z->fixed == fixed && sl_str_is(name, z->name) && (!fixed || z->first.east == east); }
static uint64_t key_of(sl_str name, bool fixed, int32_t east) { return sl_hash(name.p, name.n) ^ (fixed ? (uint64_t)(uint32_t)east * 0x9E3779B97F4A7C15ull + 1 : 0); }
static bool table_find(sl_str name, bool fixed, int32_t east, sl_zone *out) {
    for (uint64_t i = key_of(name, fixed, east) % SLOTS;; i = (i + 1) % SLOTS) {
        uint16_t id = atomic_load_explicit(&slots[i], memory_order_acquire);
        if (!id)
            return false;
        if (matches(zone_of((sl_zone)(id - 1)), name, fixed, east)) {
            *out = (sl_zone)(id - 1);
            return true;
        }
    }
}
/* Takes z; gives the id, or false when the table is full. */
static bool table_add(zone *z, sl_zone *out) {
    sl_str name = sl_str_of(z->name);
    int32_t east = z->first.east;
    pthread_mutex_lock(&lock);
    bool ok = table_find(name, z->fixed, east, out); /* another thread was faster */
    if (ok)
        zone_free(z);
    else if (nzones >= ZONES_MAX || (z->fixed && name.n && nfixed_named >= NAMED_FIXED_MAX))
        zone_free(z);
    else {
        *out = (sl_zone)nzones++;
        nfixed_named += z->fixed && name.n;
        atomic_store_explicit(&zones[*out], z, memory_order_release);
        uint64_t i = key_of(name, z->fixed, east) % SLOTS;
        while (atomic_load(&slots[i]))
            i = (i + 1) % SLOTS;
        atomic_store_explicit(&slots[i], (uint16_t)(*out + 1), memory_order_release);
        ok = true;
    }
    pthread_mutex_unlock(&lock);
    return ok;
}
bool sl_zone_find(sl_str name, sl_zone *out) {
    if (name.n == 0 || sl_str_is(name, "UTC")) {
        *out = SL_ZONE_UTC;
        return true;
    }
    if (sl_str_is(name, "Local")) {
        *out = SL_ZONE_LOCAL;
        return true;
    }
    if (table_find(name, false, 0, out))
        return true;
    zone *z = load_named(name);
    if (!z)
        return false;
    z->name = sl_strdup_n(name.p, name.n);
    if (!z->name) {
        zone_free(z);
        return false;
    }
    return table_add(z, out);
}
sl_zone sl_zone_fixed(int32_t east, sl_str name) {
    sl_zone id;
    if (memchr(name.p ? name.p : "", 0, name.n))
        name = SL_S("");
    if (table_find(name, true, east, &id))
        return id;
    zone *z = fixed_new(east, name);
    if (z && table_add(z, &id))
        return id;
    return name.n ? sl_zone_fixed(east, SL_S("")) : SL_ZONE_UTC;
}
const char *sl_zone_name(sl_zone z) { return zone_of(z)->name; }

static ztype lookup(const zone *z, int64_t sec, int64_t *start, int64_t *end) {
    *start = ALPHA, *end = OMEGA;
    if (z->fixed)
        return z->first;
    if (z->n == 0 || sec < z->when[0]) {
        if (z->n)
            *end = z->when[0];
        else if (z->posix)
            return posix_at(z, ALPHA, sec, start, end);
        return z->first;
    }
    uint32_t lo = 0, hi = z->n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (sec < z->when[mid])
            hi = mid;
        else
            lo = mid;
    }
    *start = z->when[lo];
    if (lo + 1 < z->n)
        *end = z->when[lo + 1];
    else if (z->posix)
        return posix_at(z, *start, sec, start, end);
    return z->types[z->type[lo]];
}
int32_t sl_zone_at(sl_zone id, int64_t sec, const char **abbrev) {
    int64_t s, e;
    ztype t = {0, false, "UTC"};
    if (id != SL_ZONE_UTC)
        t = lookup(zone_of(id), sec, &s, &e);
    if (abbrev)
        *abbrev = t.abbrev;
    return t.east;
}
bool sl_zone_abbrev(sl_zone id, sl_str abbrev, int64_t local_sec, int32_t *east) {
    const zone *z = zone_of(id);
    if (id == SL_ZONE_UTC || !abbrev.n)
        return false;
    if (z->fixed) {
        *east = z->first.east;
        return sl_str_is(abbrev, z->first.abbrev);
    }
    const ztype *any = NULL;
    for (uint32_t i = 0; i < z->ntypes; i++) {
        int64_t s, e;
        if (!sl_str_is(abbrev, z->types[i].abbrev))
            continue;
        any = any ? any : &z->types[i];
        ztype then = lookup(z, local_sec - z->types[i].east, &s, &e);
        if (sl_str_is(abbrev, then.abbrev)) {
            *east = then.east;
            return true;
        }
    }
    if (any)
        *east = any->east;
    return any != NULL;
}

/* ---- instants and fields ---- */
void sl_civil_of(int64_t sec, int32_t ns, sl_zone z, sl_civil *c) {
    c->east = sl_zone_at(z, sec, &c->abbrev);
    int64_t days = floordiv(sec, DAY);
    int64_t rest = (sec % DAY + DAY) % DAY + c->east; /* added late: sec may stand at the end of the range */
    int64_t carry = floordiv(rest, DAY);
    days += carry, rest -= carry * DAY;
    civil_from_days(days, &c->year, &c->month, &c->day);
    c->hour = (int)(rest / 3600), c->min = (int)(rest / 60 % 60), c->sec = (int)(rest % 60), c->ns = ns;
    c->wday = (int)(((days + 4) % 7 + 7) % 7);
    c->yday = (int)(days - sl_days_from_civil(c->year, 1, 1)) + 1;
}
int64_t sl_civil_to(const sl_civil *c, sl_zone id) {
    int64_t m = (int64_t)c->month - 1, y = c->year + floordiv(m, 12);
    m -= floordiv(m, 12) * 12;
    int64_t days = sl_days_from_civil(y, (int)m + 1, 1) + ((int64_t)c->day - 1);
    int64_t sec = (int64_t)((uint64_t)days * DAY + (uint64_t)((int64_t)c->hour * 3600 + (int64_t)c->min * 60 + c->sec + floordiv(c->ns, 1000000000)));
    if (id == SL_ZONE_UTC)
        return sec;
    const zone *z = zone_of(id);
    int64_t start, end;
    int32_t east = lookup(z, sec, &start, &end).east;
    if (east) { /* the guess took local for universal time; ask again when that was another period */
        int64_t utc = sec - east;
        if (utc < start || utc >= end)
            east = lookup(z, utc, &start, &end).east;
        sec -= east;
    }
    return sec;
}
void sl_iso_week(const sl_civil *c, int64_t *year, int *week) {
    int wday = (c->wday + 6) % 7;                                            /* Monday 0 */
    int64_t days = sl_days_from_civil(c->year, c->month, c->day) - wday + 3; /* the Thursday of this week */
    int m, d;
    civil_from_days(days, year, &m, &d);
    *week = (int)((days - sl_days_from_civil(*year, 1, 1)) / 7) + 1;
}
size_t sl_time_rfc3339(char *out, int64_t sec, int32_t ns, sl_zone z) {
    sl_civil c;
    sl_civil_of(sec, ns, z, &c);
    size_t n = (size_t)sprintf(out, c.year < 0 ? "-%04lld" : "%04lld", (long long)(c.year < 0 ? -c.year : c.year));
    n += (size_t)sprintf(out + n, "-%02d-%02dT%02d:%02d:%02d", c.month, c.day, c.hour, c.min, c.sec);
    if (ns) {
        n += (size_t)sprintf(out + n, ".%09d", ns);
        while (out[n - 1] == '0')
            n--;
    }
    int32_t min = c.east / 60;
    if (min == 0)
        out[n++] = 'Z';
    else
        n += (size_t)sprintf(out + n, "%c%02d:%02d", min < 0 ? '-' : '+', abs(min) / 60 % 100, abs(min) % 60);
    out[n] = 0;
    return n;
}
int64_t sl_wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
