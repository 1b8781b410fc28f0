/* The queue in front of a connector, and the one sink policy: what is delivered settles; SL_BAD and, without a cache, SL_LATER fail and are
 * counted; SL_DOWN waits for the connection. When the queue is full a private source is held back, on a shared one the oldest waiting
 * message is dropped and counted.
 *
 * Ledger of a sink, in messages: in = out (delivered) + failed + dropped + buffer.
 * With enableCache what does not fit in memory waits on disk (cache.c), behind what waits in memory and before what is new.
 * Decision: two rings. What waits has no number, so it can be dropped or put back without holes; what was offered is found by its number
 * and stays until it is answered. A message that comes back (DOWN, LATER) returns to the front of what waits. */
#include "flow/sink_int.h"

static size_t queued(const sink_node *s) { return s->wait.n + s->unsettled; }
static size_t room_of(const sink_node *s) { return (size_t)(s->def->opts.cache ? s->def->opts.cache_memory : s->def->opts.buffer_length); }
size_t sink_bytes(const sink_node *s) {
    return s->held + s->batch_buf.cap + s->batch_dyn.cap + (s->batch_rows ? sl_arena_bytes(sl_builder_arena(s->batch_rows)) : 0) + (s->resend ? sink_bytes(s->resend) : 0);
}
bool sink_idle(const sink_node *s) { return queued(s) == 0 && s->batch_n == 0 && spill_n(s) == 0 && (!s->resend || sink_idle(s->resend)); }
bool sink_full(const sink_node *s) {
    const spill *c = s->spill;
    return (c ? (c->npages >= c->max || c->stuck) && c->fresh.n >= c->page : queued(s) >= room_of(s)) || (s->resend && sink_full(s->resend));
}
bool sink_low(const sink_node *s) {
    return (s->spill ? s->spill->npages <= s->spill->max / 2 && s->spill->fresh.n < s->spill->page : queued(s) <= room_of(s) / 2) && (!s->resend || sink_low(s->resend));
}

/* ---- holds ---- */
hold *hold_new(sink_node *s, sl_ticket *t) {
    if (!t)
        return NULL;
    bool fixed = s->own.n == 0;
    hold *h = fixed ? &s->own : malloc(sizeof *h);
    if (h)
        *h = (hold){sl_ticket_hold(t), 1, NULL, fixed};
    return h;
}
void hold_drop(hold *h) {
    while (h && --h->n == 0) {
        hold *also = h->also;
        sl_ticket *t = h->ticket;
        if (!h->fixed)
            free(h);
        sl_ticket_drop(t); /* last: may come back through the source */
        h = also;
    }
}
void item_clear(sink_node *s, item *x) {
    if (x->owned)
        free(x->p);
    if (x->batch)
        sl_batch_drop(x->batch);
    if (!x->owned && (!x->batch || x->dn) && x->state != DONE)
        s->loose--;
    if (x->page)
        spill_done(s, x->page);
    s->held -= x->held;
    hold *h = x->hold;
    *x = (item){.state = DONE};
    hold_drop(h); /* last: may come back through the source */
}

/* ---- the queue ---- */
bool ring_room(ring *r, size_t more) {
    size_t cap = r->cap ? r->cap : 16;
    if (r->n + more <= r->cap)
        return true;
    while (cap < r->n + more)
        cap *= 2;
    item *at = malloc(cap * sizeof *at);
    if (!at)
        return false;
    for (size_t i = 0; i < r->n; i++)
        at[i] = *ring_at(r, i);
    free(r->at);
    *r = (ring){at, 0, r->n, cap};
    return true;
}
static void ring_front(ring *r, item x) { /* room was made */
    r->head = (r->head - 1) & (r->cap - 1);
    r->at[r->head] = x;
    r->n++;
}
void queue_begin(sink_node *s) {
    if (s->spill)
        spill_begin(s);
}
bool queue_push(sink_node *s, item x) {
    ring *in = queue_in(s);
    if (!ring_room(in, 1))
        return false;
    if (x.hold)
        x.hold->n++;
    s->loose += !x.owned && (!x.batch || x.dn);
    *ring_at(in, in->n++) = x;
    s->meter.in++;
    return true;
}
static void pop_done(sink_node *s) {
    while (s->sent.n && ring_at(&s->sent, 0)->state == DONE) {
        s->sent.head = (s->sent.head + 1) & (s->sent.cap - 1);
        s->sent.n--;
        s->base++;
    }
    s->meter.buffer = queued(s) + spill_n(s);
}
void queue_limit(sink_node *s) {
    if (s->spill) {
        spill_limit(s);
        pop_done(s);
        return;
    }
    if (!s->spare && !source_is_shared(s->flow->source))
        return;
    size_t limit = room_of(s), over = queued(s) > limit ? queued(s) - limit : 0;
    if (over > s->wait.n)
        over = s->wait.n; /* what the connector has is his to answer */
    for (size_t i = 0; i < over; i++) {
        item *x = ring_at(&s->wait, 0);
        s->wait.head = (s->wait.head + 1) & (s->wait.cap - 1);
        s->wait.n--;
        s->meter.dropped += x->state == WAIT;
        item_clear(s, x);
    }
    if (over) {
        sl_buf b = {0};
        sl_buf_printf(&b, "buffer full, drop %zu message(s) from %s", over, s->meter.name);
        meter_error(&s->meter, now_of(s), sl_buf_view(&b));
        s->meter.errors += over - 1;
        sl_buf_free(&b);
        pop_done(s);
    }
}
/* What must be offered again goes to the front of what waits, in order. */
static void take_back(sink_node *s) {
    if (!s->back || !ring_room(&s->wait, s->unsettled))
        return; /* out of memory: the next reason to pump tries again */
    s->back = false;
    for (size_t i = s->sent.n; i-- > 0;) {
        item *x = ring_at(&s->sent, i);
        if (x->state != BACK)
            continue;
        x->state = WAIT;
        ring_front(&s->wait, *x);
        *x = (item){.state = DONE};
        s->unsettled--;
    }
    pop_done(s);
}
static void spread(const sink_node *s, const item *x, sl_str *to) {
    uint32_t i = 0;
    dyn_spread(s->def, x->owned ? x->p + x->n : s->scratch.p + x->doff, to);
    if (s->spare && s->def->opts.resend_destination.n) /* its topic is constant */
        for (const sl_prop *p = s->def->def->props; p && p->name; p++)
            if (p->flags & SL_P_TEMPLATE) {
                if (strcmp(p->name, "topic") == 0)
                    to[i] = (sl_str){NULL, 0};
                i++;
            }
}
enum { SENT_MAX = 65536 /* with the holes behind one that is never answered */ };
static bool offer(sink_node *s) { /* false: no more now */
    sl_message m[OFFER];
    uint32_t n = s->wait.n < OFFER ? (uint32_t)s->wait.n : OFFER;
    if (s->probe) { /* the one that could not be delivered goes alone: order, and no noise */
        if (s->unsettled)
            return false;
        n = 1;
    }
    if (s->sent.n + n > SENT_MAX || !ring_room(&s->sent, n))
        return false;
    uint32_t k = 0;
    while (k < n && s->wait.n) {
        item *from = ring_at(&s->wait, 0);
        s->wait.head = (s->wait.head + 1) & (s->wait.cap - 1);
        s->wait.n--;
        if (from->state == DONE) /* lost for want of memory */
            continue;
        item *x = ring_at(&s->sent, s->sent.n);
        *x = *from;
        x->state = SENT;
        if (x->dn)
            spread(s, x, s->props + (size_t)k * dyn_count(s->def));
        m[k] = (sl_message){.bytes = {x->owned ? x->p : s->scratch.p + x->off, x->n},
                            .batch = x->batch,
                            .first = x->first,
                            .count = x->count,
                            .collection = x->collection,
                            .is_error = x->is_error,
                            .seq = s->base + s->sent.n++,
                            .props = x->dn ? s->props + (size_t)k * dyn_count(s->def) : NULL};
        k++;
    }
    n = k;
    if (!n)
        return false;
    s->unsettled += n;
    uint32_t took = s->def->def->sink->put(s->sink, m, n);
    for (uint32_t i = n; i > took; i--) { /* not taken: they are the last of sent, and there was room for them in wait */
        item *x = ring_at(&s->sent, --s->sent.n);
        x->state = WAIT;
        ring_front(&s->wait, *x);
        s->unsettled--;
    }
    pop_done(s);
    return took == n; /* else ready() will come */
}
void queue_pump(sink_node *s) {
    if (s->pumping) {
        s->again = true;
        return;
    }
    if (!s->sink || s->closing)
        return;
    s->pumping = true;
    do {
        s->again = false;
        if (!s->down && !s->later)
            take_back(s);
        while (!s->down && !s->later && (s->wait.n || (s->spill && spill_refill(s))) && offer(s)) {
        }
    } while (s->again);
    s->pumping = false;
    pop_done(s);
}
static char *own_copy(const sink_node *s, const item *x) {
    char *p = malloc(x->n + x->dn + 1);
    if (p && x->n)
        memcpy(p, s->scratch.p + x->off, x->n);
    if (p && x->dn)
        memcpy(p + x->n, s->scratch.p + x->doff, x->dn);
    return p;
}
static void own_ring(sink_node *s, ring *r, bool sent) {
    for (size_t i = r->n; i-- > 0 && s->loose;) { /* the loose ones are the newest */
        item *x = ring_at(r, i);
        if (x->state == DONE || (x->batch && !x->dn))
            continue;
        if (x->owned)
            break;
        char *p = own_copy(s, x);
        if (!p) {
            s->meter.failed++;
            meter_error(&s->meter, now_of(s), SL_S("out of memory: a message was lost"));
            s->unsettled -= sent;
            item_clear(s, x);
            continue;
        }
        x->p = p;
        x->owned = true;
        item_holds(s, x, x->n + x->dn);
        s->loose--;
    }
}
void queue_own(sink_node *s) {
    if (s->spill)
        own_ring(s, &s->spill->fresh, false);
    own_ring(s, &s->sent, true);
    own_ring(s, &s->wait, false);
    s->flow->heavy |= s->held > 0;
    if (s->scratch.cap > 16384 && s->scratch.n < s->scratch.cap / 8) /* a burst is over */
        sl_buf_free(&s->scratch);
    sl_buf_clear(&s->scratch);
}

/* ---- what the connector calls ---- */
static void retry_now(void *arg) {
    sink_node *s = arg;
    s->later = false;
    queue_pump(s);
    flow_sink_moved(s->flow);
}
/* A rule with qos 1 or 2 promised at least once: what may succeed later is kept as with a cache. */
static bool keeps(const sink_node *s) { return s->def->opts.cache || s->def->opts.resend_ns > 0 || s->flow->spec->qos >= 1; }
/* What failed goes to the sink that sends again. */
static bool hand_over(sink_node *s, item *x) {
    sink_node *t = s->resend;
    queue_begin(t);
    ring *in = queue_in(t);
    bool loose = !x->owned && (!x->batch || x->dn);
    char *p = x->p;
    if (!ring_room(in, 1) || (loose && !(p = own_copy(s, x))))
        return false;
    s->loose -= loose;
    s->held -= x->held;
    item y = *x;
    y.p = p;
    y.owned |= loose;
    y.state = WAIT;
    y.held = 0;
    item_holds(t, &y, x->held ? x->held : y.n + y.dn);
    *ring_at(in, in->n++) = y;
    t->meter.in++;
    *x = (item){.state = DONE};
    s->unsettled--;
    s->meter.failed++;
    return true;
}
static void settle(sink_node *s, item *x) {
    s->unsettled--;
    item_clear(s, x);
}
static void answer(sl_sink_host *h, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    sink_node *s = (sink_node *)h;
    bool later = false, handed = false, probing = s->probe;
    if (first < s->base)
        first = s->base;
    for (uint64_t q = first; q <= last && q < s->base + s->sent.n; q++) {
        item *x = ring_at(&s->sent, (size_t)(q - s->base));
        if (x->state != SENT)
            continue;
        if (s->resend && a != SL_DELIVERED && !s->closing) {
            meter_error(&s->meter, now_of(s), why);
            handed |= hand_over(s, x);
            if (x->state == DONE)
                continue;
        }
        s->probe = a == SL_LATER;
        switch (a) {
        case SL_DELIVERED:
            s->meter.out++;
            settle(s, x);
            break;
        case SL_LATER:
            if (!x->tried) /* trying the same again is no new error */
                meter_error(&s->meter, now_of(s), why);
            if (keeps(s)) {
                x->tried = true;
                x->state = BACK;
                s->back = later = true;
            } else {
                s->meter.failed++;
                settle(s, x);
            }
            break;
        case SL_BAD:
            meter_error(&s->meter, now_of(s), why);
            s->meter.failed++;
            settle(s, x);
            break;
        case SL_DOWN:
            x->state = BACK;
            s->back = true;
            if (!s->down && why.n && !s->closing)
                meter_error(&s->meter, now_of(s), why);
            s->down = true;
            break;
        }
    }
    s->meter.last_ms = s->pumping ? s->flow->last_ms : now_of(s);
    if (later && !s->closing) {
        int64_t ms = s->def->opts.resend_ns / 1000000;
        if (!s->retry)
            s->retry = sl_timer_real(s->flow->lane->loop, retry_now, s);
        if (s->retry) {
            sl_timer_in(s->retry, ms > 0 ? ms : 100);
            s->later = true; /* order is kept: new data wait too */
        }
    }
    if (handed) {
        queue_limit(s->resend);
        queue_pump(s->resend);
    }
    if (!s->pumping) {
        if ((probing && !s->probe) || (s->spill && !s->wait.n && spill_n(s)))
            queue_pump(s);
        pop_done(s);
        flow_sink_moved(s->flow);
    }
}
static void state(sl_sink_host *h, sl_conn_state st, sl_str why) {
    sink_node *s = (sink_node *)h;
    meter_state(&s->meter, now_of(s), st, why);
    if (s->closing)
        return;
    if (st == SL_CONN_CONNECTED) {
        s->down = false;
        queue_pump(s);
        flow_sink_moved(s->flow);
    } else if (st == SL_CONN_DISCONNECTED && why.n)
        meter_error(&s->meter, now_of(s), why);
}
static void ready(sl_sink_host *h) {
    sink_node *s = (sink_node *)h;
    if (s->closing)
        return;
    queue_pump(s);
    flow_sink_moved(s->flow);
}
const sl_sink_host queue_host = {answer, state, ready};

void queue_fail(sink_node *s, sl_str why) {
    s->meter.in++;
    s->meter.failed++;
    meter_error(&s->meter, now_of(s), why);
}
void queue_free(sink_node *s) {
    for (size_t i = 0; i < s->sent.n; i++)
        item_clear(s, ring_at(&s->sent, i));
    for (size_t i = 0; i < s->wait.n; i++)
        item_clear(s, ring_at(&s->wait, i));
    free(s->sent.at);
    free(s->wait.at);
    spill_free(s);
}
