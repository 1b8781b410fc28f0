/* The HTTP client's face: loads the module on first use and passes calls on. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include "net/http_client.h"
#include "os/module.h"

static _Atomic(const sl_http_client_table *) table;
sl_err *sl_http_client_new(sl_loop *l, sl_http_client **out) {
    *out = NULL;
    const sl_http_client_table *t = atomic_load(&table);
    if (!t) {
        void *p;
        sl_err *e = sl_module_load("curl", "sl_http_curl", &p);
        if (e)
            return sl_err_prefix(e, "HTTP client (needs libcurl, Debian package libcurl4)");
        atomic_store(&table, t = p);
    }
    return t->make(l, out);
}
void sl_http_do(sl_http_client *c, const sl_http_call *call, void (*done)(void *arg, const sl_http_result *r), void *arg) { atomic_load(&table)->call(c, call, done, arg); }
void sl_http_client_free(sl_http_client *c) {
    if (c)
        atomic_load(&table)->free(c);
}
static bool v4_internal(uint32_t a) { return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a >> 28 == 0xe || a == 0; }
bool sl_http_addr_internal(const struct sockaddr *sa) {
    if (sa->sa_family == AF_INET)
        return v4_internal(ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr));
    if (sa->sa_family != AF_INET6)
        return true;
    const struct in6_addr *a = &((const struct sockaddr_in6 *)sa)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(a))
        return v4_internal((uint32_t)a->s6_addr[12] << 24 | (uint32_t)a->s6_addr[13] << 16 | (uint32_t)a->s6_addr[14] << 8 | a->s6_addr[15]);
    return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) || (a->s6_addr[0] & 0xfe) == 0xfc;
}
