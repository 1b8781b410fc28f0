/* What a flow holds across turns, and what happens when that becomes too much: a rule that grows without bound is stopped, its neighbours run on.
 *
 * Decisions: two marks. Beyond the soft one the flow warns and holds its own sources back, but only while waiting makes it smaller: while sinks have
 * something to deliver, while lookups are to be answered, or, when the sources lose nothing by waiting, while a window holds rows that the clock alone will let go. A window that
 * only new rows can close is never starved. At the hard mark the flow fails with a reason and is closed; its state is not saved, because it would fail again. The sum over all
 * flows has a mark of its own: beyond it a flow that holds at least the mean fails, so the small ones never pay for the large. */
#include <stdio.h>
#include "base/log.h"
#include "flow/flow_int.h"

enum { STEP = 64 * 1024, SMALL = 1024 * 1024, WAITING = 4096 /* collections that wait for lookups */ };
static int64_t most;                       /* of all flows; set before there are any */
static _Atomic int64_t all_bytes, holders; /* holders: flows with a share in it */
void sl_flow_memory(int64_t bytes) { most = bytes; }

static double mb(int64_t n) { return (double)n / (1024 * 1024); }
/* Brings the flow's share of the sum up to date; n below STEP counts as nothing. */
static void share(account *a, int64_t n) {
    if (n < STEP)
        n = 0;
    if (n && a->told && (n - a->told < STEP && a->told - n < STEP))
        return;
    if (n == a->told)
        return;
    if (!n != !a->told)
        atomic_fetch_add_explicit(&holders, n ? 1 : -1, memory_order_relaxed);
    atomic_fetch_add_explicit(&all_bytes, n - a->told, memory_order_relaxed);
    a->told = n;
}
typedef struct held { /* bytes */
    int64_t state, queued;
    int64_t computes; /* of a turn that wanted more than there is; else 0 */
} held;
static void fail(sl_flow *f, held h, const char *limit, int64_t bytes) {
    char why[256], computes[64] = "";
    if (h.computes)
        snprintf(computes, sizeof computes, ", what it computes %.1f MB", mb(h.computes));
    snprintf(why, sizeof why, "memory limit reached: the rule holds %.1f MB (state %.1f MB, waiting for sinks %.1f MB%s), %s is %.1f MB", mb(h.state + h.queued + h.computes),
             mb(h.state), mb(h.queued), computes, limit, mb(bytes));
    share(&f->account, 0); /* on its way out: others need not fail for it */
    flow_fail(f, SL_FLOW_LIMIT, why);
}
static void soft(sl_flow *f, held h) {
    account *a = &f->account;
    int64_t mark = f->spec->memory_soft, all = h.state + h.queued;
    if (mark && !a->soft && all > mark) {
        a->soft = true;
        sl_warn(f->spec->rule_id.p, "holds %.1f MB (state %.1f MB, waiting for sinks %.1f MB), memorySoftLimit is %.1f MB", mb(all), mb(h.state), mb(h.queued), mb(mark));
    } else if (a->soft && all <= mark - mark / 8)
        a->soft = false;
    size_t waiting = sl_exec_waiting(f->exec);
    bool back = waiting > (a->back ? WAITING / 2 : WAITING) || (a->soft && (waiting || h.queued > 0 || (sl_exec_passes(f->exec) && flow_rewinds(f))));
    if (back != a->back) {
        a->back = back;
        flow_press(f);
    }
}
static held holds(const sl_flow *f) {
    held h = {.state = (int64_t)sl_exec_state_bytes(f->exec) + looks_bytes(f)};
    for (uint32_t i = 0; i < f->nsinks; i++)
        h.queued += (int64_t)sink_bytes(f->sinks[i]);
    return h;
}
bool account_over(sl_flow *f) {
    int64_t over = (int64_t)sl_exec_over(f->exec), state = (int64_t)sl_exec_state_bytes(f->exec);
    if (!over)
        return false;
    held h = holds(f);
    h.computes = over > state ? over - state : 0;
    if (f->open && !f->closing)
        fail(f, h, "memoryLimit", f->spec->memory_hard);
    return true;
}
void account_turn(sl_flow *f) {
    account *a = &f->account;
    if (!f->open || f->closing)
        return;
    held h = holds(f);
    f->heavy = a->keeps || h.queued;
    int64_t all = h.state + h.queued, hard = f->spec->memory_hard;
    if (hard) /* for the next turn: what the statement itself may hold */
        sl_exec_room(f->exec, (size_t)(hard - h.queued - looks_bytes(f) > 1 ? hard - h.queued - looks_bytes(f) : 1));
    if (hard && all > hard) {
        fail(f, h, "memoryLimit", hard);
        return;
    }
    share(a, all);
    if (most && a->told) {
        int64_t sum = atomic_load_explicit(&all_bytes, memory_order_relaxed), n = atomic_load_explicit(&holders, memory_order_relaxed);
        if (sum > most && all > SMALL && all >= sum / (n > 0 ? n : 1)) {
            fail(f, h, "basic.rulesMemoryLimit, for all rules,", most);
            return;
        }
    }
    soft(f, h);
}
void account_end(sl_flow *f) { share(&f->account, 0); }
