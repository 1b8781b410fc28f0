/* Named settings of connector types: what a stream's CONF_KEY and an action's resourceId mean. */
#ifndef SL_CORE_CONFKEYS_H
#define SL_CORE_CONFKEYS_H
#include "core/office.h"

/* The file that eKuiper ships for this type, as JSON of its sections; empty when it ships none. Used when the etc folder has no such file. */
sl_str sl_shipped_conf(const char *kind, sl_str type);
sl_str sl_shipped_type(size_t i); /* source types with such a file; empty at the end */
/* All sections of a type in all layers: file (or the shipped one) < variables < settings < stored keys. *out is an object of sections,
 * *from (when from is not NULL) the same with texts that say who set each property. *known: somebody has heard of the type.
 * kind: "sources", "sinks", "connections". */
sl_err *conf_sections(sl_office *o, sl_arena *a, const char *kind, sl_str type, sl_json **out, sl_json **from, bool *known);
/* A section by name, case-insensitive; NULL when absent. */
sl_json *conf_section(const sl_json *sections, sl_str name);
/* Properties of from over those of to, name by name. */
void conf_overlay(sl_arena *a, sl_json *to, const sl_json *from);
/* Properties of an action with its resourceId and its connection applied. */
sl_err *conf_sink_props(sl_office *o, sl_arena *a, sl_str type, const sl_json *props, sl_json **out);
/* Stores one key: memory and catalogue; props.p NULL deletes. */
sl_err *conf_store(sl_office *o, const char *kind, sl_str type, sl_str key, sl_str props);
/* Calls each for every stored key of a kind ("sources" …), oldest first. props is JSON text. */
void conf_each(sl_office *o, const char *kind, void (*each)(void *arg, sl_str type, sl_str key, sl_str props), void *arg);
/* Boot: stored connections, then etc/connections/connection.yaml. */
void connections_load(sl_office *o);
/* A copy with secrets masked, after the tables of all connectors of that type (or of that connection type). */
sl_json *conf_mask(sl_arena *a, const char *kind, sl_str type, const sl_json *props);
sl_json *conf_unmask(sl_arena *a, const char *kind, sl_str type, const sl_json *fresh, const sl_json *old);
/* Appends rows of `explain config` for conf files, variables and stored keys. */
void conf_explain(sl_office *o, sl_arena *a, sl_json *list);
#endif
