/* The reference pages (docs/ref), written from the tables that the daemon works with, so that they cannot say something else. */
#ifndef SL_FRONT_REFERENCE_H
#define SL_FRONT_REFERENCE_H
#include "front/route.h"
/* Appends a page (functions, connectors, settings, rest) as Markdown. rest: the router with every table added. False: no such page. */
bool sl_reference(sl_str page, const sl_router *rest, sl_buf *out);
#endif
