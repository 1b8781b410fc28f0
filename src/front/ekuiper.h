/* The eKuiper door: REST on 9081, as tables of routes over core/office.h. */
#ifndef SL_FRONT_EKUIPER_H
#define SL_FRONT_EKUIPER_H
#include "core/office.h"
#include "front/route.h"
typedef struct sl_door {
    sl_office *office;
    sl_router *router; /* the door's own, for requests in batches */
    int64_t started_ms;
    sl_fn stop;    /* ends the daemon */
    sl_fn restart; /* ends it with the code that asks for a restart */
    void *stop_arg;
} sl_door;
/* Adds the tables to a router whose app is a sl_door. */
bool sl_ekuiper_routes(sl_router *rt);
bool sl_extend_routes(sl_router *rt); /* schemas, plug-ins, services */
bool sl_trial_routes(sl_router *rt);  /* /ruletest */
bool sl_batch_routes(sl_router *rt);  /* /batch/req */
bool sl_metric_routes(sl_router *rt); /* /metrics */
bool sl_data_routes(sl_router *rt);   /* rulesets, export and import, uploads */
/* The router's admit: checks the token when basic.authentication is on, writes the audit line when basic.enableRestAuditLog is. */
bool sl_rest_admit(void *door, sl_http_req *r);
bool sl_meta_routes(sl_router *rt);         /* metadata, conf keys, connections, settings at run time */
void sl_html_escape(sl_buf *out, sl_str s); /* as Go's */
#endif
