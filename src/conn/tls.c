/* What all connectors that speak TLS do with its settings. */
#include "conn/tls.h"
#include <stdlib.h>
#include "os/file.h"

bool sl_tls_absolute(sl_tls_conf *c, const char *home, char *paths[3]) {
    sl_str *all[] = {&c->cert_path, &c->key_path, &c->ca_path};
    for (int i = 0; i < 3; i++) {
        if (!all[i]->n || all[i]->p[0] == '/' || !home || !*home)
            continue;
        char *rel = sl_strdup_n(all[i]->p, all[i]->n);
        paths[i] = rel ? sl_path_join(home, rel) : NULL;
        free(rel);
        if (!paths[i])
            return false;
        *all[i] = sl_str_of(paths[i]);
    }
    return true;
}
