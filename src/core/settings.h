/* Settings of the daemon, with provenance: built-in default < etc/kuiper.yaml < KUIPER__… < SLUICE__… < command line. One resolver; every
 * value knows who set it (`sluice explain config`). Also reads the other YAML files of an eKuiper etc folder (conf keys, connections). */
#ifndef SL_CORE_SETTINGS_H
#define SL_CORE_SETTINGS_H
#include "base/err.h"
#include "data/json.h"
typedef struct sl_settings sl_settings;
typedef enum sl_set_where { SL_SET_DAEMON, SL_SET_RULE, SL_SET_BOTH } sl_set_where;
typedef struct sl_setting { /* one row of the table of settings */
    const char *key;        /* dotted; what a rule takes among its options starts with "rule." */
    sl_set_where where;     /* settings of the daemon, options of a rule (not in files), or a setting that rules may replace */
    const char *def;        /* JSON; NULL: not set */
    const char *doc;        /* one sentence */
} sl_setting;
extern const sl_setting sl_settings_table[]; /* ends with key NULL */
/* home: folder with etc/. overrides: "basic.restPort=9082" texts of the command line. A broken file is an error that names file and line. */
sl_err *sl_settings_load(const char *home, const char *const *overrides, size_t n, sl_settings **out);
void sl_settings_free(sl_settings *s);
/* Value by dotted path, keys case-insensitive; NULL when nobody set it. */
const sl_json *sl_settings_get(const sl_settings *s, const char *path);
sl_str sl_settings_str(const sl_settings *s, const char *path, const char *dflt);
int64_t sl_settings_int(const sl_settings *s, const char *path, int64_t dflt);
bool sl_settings_bool(const sl_settings *s, const char *path, bool dflt);
int64_t sl_settings_dur_ms(const sl_settings *s, const char *path, int64_t dflt);
/* Changes a value while the daemon runs; not stored. from: who did it, for explain. */
sl_err *sl_settings_set(sl_settings *s, const char *path, const sl_json *v, const char *from);
/* Who set a value (lent); NULL when nobody did. */
const char *sl_settings_from(const sl_settings *s, const char *path);
/* Logs what somebody set and what does nothing here; returns how much that was. */
size_t sl_settings_check(const sl_settings *s);
/* [{"key":"basic.restPort","value":9081,"from":"default"}] */
sl_json *sl_settings_explain(const sl_settings *s, sl_arena *a);
/* YAML text as a tree; path: for messages. An empty text gives *out NULL; anything but an object at the top is an error. */
sl_err *sl_yaml_parse(sl_arena *a, sl_str text, const char *path, sl_json **out);
/* A YAML file as a tree; keys kept as written. Missing file: *out NULL, no error. env_stem: variables <STEM>__… are laid over ("" = none). */
sl_err *sl_yaml_read(sl_arena *a, const char *path, const char *env_stem, sl_json **out);
#endif
