/* All connectors of the house by name.
 *
 * Decision: a table of weak references. A build may leave a connector out (its folder removed, a module not shipped) and the daemon then says
 * that the type is not there, instead of not linking. */
#include "conn/conn.h"
#include "conn/feed.h"

#define DEFS(X) X(mqtt) X(httppush) X(file) X(memory) X(simulator) X(rest) X(log) X(nop) X(httppull) X(websocket) X(sse)
#define X(n) extern const sl_conn_def sl_conn_##n __attribute__((weak));
DEFS(X)
#undef X
static const sl_conn_def *const defs[] = {
#define X(n) &sl_conn_##n,
    DEFS(X)
#undef X
};

const sl_conn_def *sl_conn_at(size_t i) {
    for (size_t k = 0; k < sizeof defs / sizeof *defs; k++)
        if (defs[k] && i-- == 0)
            return defs[k];
    return NULL;
}
static bool testing;
void sl_conn_allow_test(void) { testing = true; }
const sl_conn_def *sl_conn_find(sl_str name) {
    const sl_conn_def *d;
    for (d = sl_conn_feed; testing && d->name; d++)
        if (sl_str_is(name, d->name))
            return d;
    for (size_t i = 0; (d = sl_conn_at(i)); i++)
        if (sl_str_is(name, d->name))
            return d;
    return NULL;
}
