/* Which forms the planner chose, and why, in words: for people and for explain.
 * Decision: a text of our own beside upstream's tree (explain.c), which tools may compare. */
#include "sql/pipe.h"

static void window(const sl_pipe *k, sl_buf *out) {
    const sl_fplan *f = &k->running;
    if (f->unfit) {
        sl_buf_printf(out, "window: rows kept; %s\n", f->unfit);
        return;
    }
    if (!f->multi)
        sl_buf_puts(out, "window: running groups, rows not kept");
    else if (k->window.kind == SL_W_COUNT)
        sl_buf_printf(out, "window: panes of %lld row%s in two stacks, rows not kept", (long long)f->pane, f->pane == 1 ? "" : "s");
    else if (f->pane % 1000 == 0)
        sl_buf_printf(out, "window: panes of %lld s in two stacks, rows not kept", (long long)f->pane / 1000);
    else
        sl_buf_printf(out, "window: panes of %lld ms in two stacks, rows not kept", (long long)f->pane);
    sl_buf_puts(out, f->keyed ? "\n" : " but the first of a group\n");
}
void sl_plan_forms(const sl_plan *p, sl_buf *out) {
    const sl_pipe *k = p->pipe;
    if (!k)
        return;
    if (k->windowed)
        window(k, out);
    if (k->windowed && p->opts.event_time && k->running.waits)
        sl_buf_printf(out, "watermark: rows wait for it; %s\n", k->running.waits);
    else if (k->windowed && p->opts.event_time)
        sl_buf_puts(out, "watermark: rows enter their windows before it comes\n");
    for (uint32_t i = 0; i < k->njoins; i++) {
        const sl_pjoin *j = &k->joins[i];
        sl_buf_printf(out, "join %.*s: ", SL_FMT(p->src[j->src].alias.n ? p->src[j->src].alias : p->src[j->src].pub.stream));
        if (j->lookup)
            sl_buf_puts(out, "lookup by key\n");
        else if (p->opts.plain)
            sl_buf_puts(out, "loop over all pairs; the plain form is asked for (plainExecution)\n");
        else if (j->neq)
            sl_buf_puts(out, "hash of the keys where they are all numbers or all text, else a loop\n");
        else
            sl_buf_printf(out, "loop over all pairs; %s\n", j->has_on ? "ON does not begin with an equality of both sides" : "there is no ON");
    }
}
