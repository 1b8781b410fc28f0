/* Meters: what status, Prometheus and the ledgers show of a node. Written by the node's lane only, copied to the office by letter. */
#include <stdlib.h>
#include "flow/flow_int.h"

static void set_text(char **to, sl_str s) {
    if (*to && strlen(*to) == s.n && memcmp(*to, s.p, s.n) == 0)
        return;
    free(*to);
    *to = s.n ? sl_strdup_n(s.p, s.n) : NULL;
}
void meter_error(sl_meter *m, int64_t now_ms, sl_str text) {
    m->errors++;
    m->last_error_ms = now_ms;
    set_text(&m->last_error, text);
}
void meter_state(sl_meter *m, int64_t now_ms, sl_conn_state s, sl_str why) {
    switch (s) {
    case SL_CONN_CONNECTING:
        m->conn = 0;
        m->try_at = now_ms;
        break;
    case SL_CONN_CONNECTED:
        m->conn = 1;
        m->conn_at = now_ms;
        break;
    case SL_CONN_DISCONNECTED:
        m->conn = -1;
        m->disconn_at = now_ms;
        set_text(&m->disconn_why, why);
        break;
    }
}
void hist_took(sl_hist **at, int64_t us) {
    sl_hist *h = *at;
    if (!h && !(h = *at = calloc(1, sizeof *h)))
        return;
    int k = 0;
    for (int64_t bound = 10; k < SL_HIST_BUCKETS && us > bound; bound *= 2)
        k++;
    if (k < SL_HIST_BUCKETS)
        h->bucket[k]++;
    h->count++;
    h->sum_us += (uint64_t)(us > 0 ? us : 0);
}
void meter_took(sl_meter *m, int64_t us) {
    m->latency_us = us;
    hist_took(&m->hist, us);
}
void meter_free(sl_meter *m) {
    free(m->hist);
    free(m->name);
    free(m->last_error);
    free(m->disconn_why);
}
bool meter_copy(sl_meter *to, const sl_meter *from) {
    *to = *from;
    to->name = sl_strdup_n(from->name ? from->name : "", from->name ? strlen(from->name) : 0);
    to->last_error = from->last_error ? sl_strdup_n(from->last_error, strlen(from->last_error)) : NULL;
    to->disconn_why = from->disconn_why ? sl_strdup_n(from->disconn_why, strlen(from->disconn_why)) : NULL;
    if (from->hist && (to->hist = malloc(sizeof *to->hist)))
        *to->hist = *from->hist;
    return to->name != NULL;
}
void sl_meters_free(sl_meters *m) {
    for (uint32_t i = 0; i < m->n; i++)
        meter_free(&m->at[i]);
    free(m->at);
    free(m->journal);
    *m = (sl_meters){0};
}
