/* Shared clients across loops; see remote.h. Each user is one object with two halves: fields of the home half are touched only on the client's
 * loop, those of the user half only on the user's; letters carry everything else. It is freed on the user's loop by the last letter.
 *
 * Decision: a slow user slows the shared connection for a moment, so that a burst is not lost, but never stops it: acknowledgements that other
 * users (or his own sink) wait for come over the same socket. After PATIENCE the connection goes on; what waits for him is then bounded by the
 * broker's window for QoS 1 and 2, because they are acknowledged only after he took them, and QoS 0 beyond a limit is dropped, counted
 * and told to him as an error. */
#include "conn/mqtt/remote.h"
#include <stdatomic.h>
#include <stdlib.h>
#include "base/log.h"
#include "conn/pool.h"

#define LETTER 65536         /* bytes after which a letter leaves before the end of the turn */
#define SUB_SLOW (1u << 20)  /* bytes waiting for a user before the connection waits for him */
#define PATIENCE 1000        /* ms it waits */
#define SUB_LIMIT (8u << 20) /* bytes waiting for a user before QoS 0 is dropped */
#define PUB_WINDOW 4096u     /* messages of one sink under way */
#define PUB_LIMIT (1u << 20) /* bytes of one sink not yet handled at home */

typedef struct letter {
    struct letter *next;
    void *to;
    sl_buf b;
    size_t at;    /* read so far */
    uint64_t pos; /* commit */
    sl_conn_state state;
} letter;
static letter *letter_new(void *to) {
    letter *l = calloc(1, sizeof *l);
    if (l)
        l->to = to;
    return l;
}
static void letter_free(letter *l) {
    if (l) {
        sl_buf_free(&l->b);
        free(l);
    }
}
static void send(sl_loop *to, sl_fn fn, letter *l) {
    if (l && !l->b.failed && sl_post(to, fn, l))
        return;
    sl_error("mqtt", "out of memory for a letter to %s", sl_loop_name(to));
    letter_free(l);
}
typedef struct queue {
    letter *head, **tail;
} queue;
static void queue_add(queue *q, letter *l) {
    if (!q->head)
        q->tail = &q->head;
    *q->tail = l;
    q->tail = &l->next;
}
static letter *queue_take(queue *q) {
    letter *l = q->head;
    if (l)
        q->head = l->next;
    return l;
}

/* ================ subscriptions ================ */
typedef struct record {
    uint64_t pos;
    uint32_t topic, payload, user;
    uint16_t id;
    uint8_t qos;
    bool dup, retain, has_user;
} record;
struct mq_rsub {
    sl_loop *user, *home;
    sl_pool_conn *conn;
    char *owner, *filters;
    size_t filters_n;
    uint8_t qos;
    bool lasts;
    const mq_sub_ops *ops;
    void *arg;
    _Atomic size_t waiting;
    _Atomic bool stalled; /* the connection waits for this user */
    /* home */
    mq_sub *sub;
    letter *fill;
    uint64_t dropped;
    sl_timer *timer;
    bool armed, impatient; /* impatient: he did not catch up in time; not waited for until he does */
    /* user */
    bool paused, closing, working;
    queue queue;
    sl_fn done;
    void *done_arg;
};

/* ---- home ---- */
static void user_messages(void *arg);
static void user_error(void *arg);
static void user_sub_state(void *arg);
static void rsub_send(mq_rsub *s) {
    letter *l = s->fill;
    s->fill = NULL;
    if (l)
        send(s->user, user_messages, l);
}
static void home_arm(mq_rsub *s) {
    if (!s->armed && s->timer) {
        s->armed = true;
        sl_timer_in(s->timer, PATIENCE);
    }
}
static void home_go_on(mq_rsub *s) {
    if (atomic_exchange(&s->stalled, false) && s->sub)
        mq_pause(s->sub, false);
}
static void home_timer(void *arg) {
    mq_rsub *s = arg;
    s->armed = false;
    if (atomic_load(&s->stalled)) {
        s->impatient = true;
        home_go_on(s);
    }
    letter *e = s->dropped ? letter_new(s) : NULL;
    if (e) {
        sl_buf_printf(&e->b, "%llu message(s) of QoS 0 dropped: the rule does not keep up with the shared connection", (unsigned long long)s->dropped);
        s->dropped = 0;
        send(s->user, user_error, e);
    }
}
static void home_caught_up(void *arg) {
    letter *l = arg;
    mq_rsub *s = l->to;
    s->impatient = false;
    home_go_on(s);
    letter_free(l);
}
static bool home_message(void *arg, const sl_mqtt_packet *p, uint64_t pos) {
    mq_rsub *s = arg;
    size_t waiting = atomic_load_explicit(&s->waiting, memory_order_relaxed);
    if ((!p->qos && waiting > SUB_LIMIT) || (!s->fill && !(s->fill = letter_new(s)))) {
        s->dropped++;
        home_arm(s);
        return true;
    }
    record r = {.pos = pos,
                .topic = (uint32_t)p->topic.n,
                .payload = (uint32_t)p->payload.n,
                .id = p->id,
                .qos = p->qos,
                .dup = p->dup,
                .retain = p->retain,
                .has_user = SL_MQTT_HAS(&p->props, SL_MQTT_P_USER)};
    r.user = r.has_user ? (uint32_t)p->props.user.n : 0;
    sl_buf *b = &s->fill->b;
    sl_buf_put(b, &r, sizeof r);
    sl_buf_str(b, p->topic);
    sl_buf_str(b, p->payload);
    if (r.has_user)
        sl_buf_str(b, p->props.user);
    atomic_fetch_add_explicit(&s->waiting, sizeof r + r.topic + r.payload + r.user, memory_order_relaxed);
    if (b->n >= LETTER)
        rsub_send(s);
    if (waiting > SUB_SLOW && !s->impatient) {
        rsub_send(s);
        atomic_store(&s->stalled, true); /* sends before this store: he frees at least one letter after it */
        if (atomic_load(&s->waiting) > SUB_SLOW / 2) {
            home_arm(s);
            return false;
        }
        atomic_store(&s->stalled, false);
    }
    if (s->impatient && waiting < SUB_SLOW / 2)
        s->impatient = false;
    return true;
}
static void home_drained(void *arg) { rsub_send(arg); }
static void home_error(void *arg, sl_str text) {
    mq_rsub *s = arg;
    letter *l = letter_new(s);
    if (l)
        sl_buf_str(&l->b, text);
    send(s->user, user_error, l);
}
static void home_sub_state(void *arg, sl_conn_state st, sl_str why) {
    mq_rsub *s = arg;
    letter *l = letter_new(s);
    if (l) {
        l->state = st;
        sl_buf_str(&l->b, why);
    }
    rsub_send(s);
    send(s->user, user_sub_state, l);
}
static const mq_sub_ops home_sub_ops = {home_message, home_drained, home_error, home_sub_state};
static void home_subscribe(void *arg) {
    mq_rsub *s = arg;
    const char *why;
    mq_client *c = sl_pool_client(s->conn, &why);
    sl_err *e = NULL;
    s->timer = sl_timer_real(s->home, home_timer, s);
    /* at home every message waits for the user's letter: he says when he took it */
    if (c)
        e = mq_subscribe(c, sl_str_n(s->filters, s->filters_n), s->qos, true, &home_sub_ops, s, &s->sub);
    if (!c || e) {
        home_error(s, sl_str_of(e ? sl_err_text(e) : why));
        home_sub_state(s, SL_CONN_DISCONNECTED, sl_str_of(e ? sl_err_text(e) : why));
    }
    sl_err_free(e);
}
static void home_commit(void *arg) {
    letter *l = arg;
    mq_rsub *s = l->to;
    if (s->sub)
        mq_commit(s->sub, l->pos);
    letter_free(l);
}
static void user_sub_done(void *arg);
static void home_unsubscribe(void *arg) {
    mq_rsub *s = arg;
    if (s->sub && !s->lasts) /* it promised nothing: what is under way to it counts as taken */
        mq_commit(s->sub, UINT64_MAX);
    if (s->sub)
        mq_unsubscribe(s->sub, MQ_RETURNS);
    s->sub = NULL;
    letter_free(s->fill);
    s->fill = NULL;
    sl_timer_free(s->timer);
    s->timer = NULL;
    sl_pool_give(s->conn, s->owner);
    while (!sl_post(s->user, user_sub_done, s)) { /* it must be told */
    }
}

/* ---- user ---- */
static void commit_letter(mq_rsub *s, uint64_t upto) {
    letter *l = letter_new(s);
    if (l)
        l->pos = upto;
    send(s->home, home_commit, l);
}
static bool deliver(mq_rsub *s, letter *l) { /* false: paused in the middle */
    while (l->at < l->b.n && !s->closing) {
        record r;
        sl_mqtt_packet p;
        memcpy(&r, l->b.p + l->at, sizeof r);
        const char *t = l->b.p + l->at + sizeof r;
        l->at += sizeof r + r.topic + r.payload + r.user;
        p.type = SL_MQTT_PUBLISH;
        p.qos = r.qos;
        p.dup = r.dup;
        p.retain = r.retain;
        p.id = r.id;
        p.topic = sl_str_n(t, r.topic);
        p.payload = sl_str_n(t + r.topic, r.payload);
        p.props.have = r.has_user ? 1ull << SL_MQTT_P_USER : 0;
        p.props.user = sl_str_n(t + r.topic + r.payload, r.user);
        if (r.qos)
            l->pos = r.pos;
        if (!s->ops->message(s->arg, &p, r.pos))
            s->paused = true;
        if (s->paused && l->at < l->b.n)
            return false;
    }
    return true;
}
static void work(mq_rsub *s) {
    if (s->working) /* resumed from inside a callback: the loop below goes on */
        return;
    s->working = true;
    bool any = false;
    while (s->queue.head && !s->paused && !s->closing) {
        any = true;
        if (!deliver(s, s->queue.head))
            continue;
        letter *l = queue_take(&s->queue);
        size_t left = atomic_fetch_sub(&s->waiting, l->b.n) - l->b.n;
        if (left <= SUB_SLOW / 2 && atomic_load(&s->stalled))
            send(s->home, home_caught_up, letter_new(s));
        if (!s->lasts && l->pos && !s->closing)
            commit_letter(s, l->pos);
        letter_free(l);
    }
    if (any && !s->closing)
        s->ops->drained(s->arg);
    s->working = false;
}
static void user_messages(void *arg) {
    letter *l = arg;
    mq_rsub *s = l->to;
    l->next = NULL;
    queue_add(&s->queue, l);
    work(s);
}
static void user_error(void *arg) {
    letter *l = arg;
    mq_rsub *s = l->to;
    if (!s->closing)
        s->ops->error(s->arg, sl_buf_view(&l->b));
    letter_free(l);
}
static void user_sub_state(void *arg) {
    letter *l = arg;
    mq_rsub *s = l->to;
    if (!s->closing)
        s->ops->state(s->arg, l->state, sl_buf_view(&l->b));
    letter_free(l);
}
static void rsub_free(mq_rsub *s) {
    for (letter *l; (l = queue_take(&s->queue));)
        letter_free(l);
    free(s->owner);
    free(s->filters);
    free(s);
}
static void user_sub_done(void *arg) {
    mq_rsub *s = arg;
    sl_fn done = s->done;
    void *done_arg = s->done_arg;
    rsub_free(s);
    done(done_arg);
}
sl_err *mq_remote_subscribe(sl_str selector, const char *owner, sl_loop *user, sl_str filters, uint8_t qos, bool lasts, const mq_sub_ops *ops, void *arg, mq_rsub **out) {
    mq_rsub *s = calloc(1, sizeof *s);
    if (!s || !(s->owner = sl_strdup_n(owner, strlen(owner))) || !(s->filters = sl_strdup_n(filters.p, filters.n))) {
        if (s)
            rsub_free(s);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_err *e = sl_pool_take(selector, "mqtt", owner, &s->conn);
    if (e) {
        rsub_free(s);
        return e;
    }
    s->filters_n = filters.n;
    s->qos = qos;
    s->lasts = lasts;
    s->ops = ops;
    s->arg = arg;
    s->user = user;
    s->home = sl_pool_loop(s->conn);
    if (!sl_post(s->home, home_subscribe, s)) {
        sl_pool_give(s->conn, owner);
        rsub_free(s);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *out = s;
    return NULL;
}
void mq_remote_commit(mq_rsub *s, uint64_t upto) {
    if (!s->closing)
        commit_letter(s, upto);
}
static void work_later(void *arg) {
    letter *l = arg;
    work(l->to);
    letter_free(l);
}
void mq_remote_pause(mq_rsub *s, bool pause) {
    bool was = s->paused;
    s->paused = pause;
    if (was && !pause && s->queue.head && !s->working) {
        letter *l = letter_new(s); /* posted, so that it comes before the letter that frees s */
        send(s->user, work_later, l);
    }
}
void mq_remote_unsubscribe(mq_rsub *s, sl_fn done, void *arg) {
    s->closing = true;
    s->done = done;
    s->done_arg = arg;
    while (!sl_post(s->home, home_unsubscribe, s)) {
    }
}

/* ================ publishers ================ */
typedef struct precord {
    uint64_t idx; /* dense numbers of ours instead of the host's, so that ranges can be counted */
    uint32_t topic, payload, users;
    uint8_t qos;
    bool retain;
} precord;
typedef struct answered {
    uint64_t first, last;
    uint32_t why;
    uint8_t answer;
} answered;
struct mq_rpub {
    sl_loop *user, *home;
    sl_pool_conn *conn;
    char *owner;
    const mq_pub_ops *ops;
    void *arg;
    _Atomic size_t waiting;
    /* home */
    mq_pub *pub;
    queue queue;
    letter *answers;
    bool home_deferred, home_closing, home_working;
    char *bad;
    /* user */
    letter *fill;
    uint64_t next, open; /* next number, how many are not answered */
    uint64_t *seqs;      /* [PUB_RING] number -> seq of the host */
    bool *left;          /* [PUB_RING] not answered */
    uint64_t oldest;
    bool hungry, deferred, closing;
    sl_fn done;
    void *done_arg;
};
#define PUB_RING (PUB_WINDOW * 4)

/* ---- home ---- */
static void user_answers(void *arg);
static void user_pub_state(void *arg);
static void home_send_answers(mq_rpub *p) {
    letter *l = p->answers;
    p->answers = NULL;
    if (l)
        send(p->user, user_answers, l);
}
static void home_end_of_turn(void *arg) {
    mq_rpub *p = arg;
    p->home_deferred = false;
    if (!p->home_closing)
        home_send_answers(p);
}
static void home_answer(void *arg, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    mq_rpub *p = arg;
    if (!p->answers && !(p->answers = letter_new(p)))
        return;
    answered r = {first, last, (uint32_t)why.n, (uint8_t)a};
    sl_buf_put(&p->answers->b, &r, sizeof r);
    sl_buf_str(&p->answers->b, why);
    if (!p->home_deferred && !p->home_closing && sl_defer(p->home, home_end_of_turn, p))
        p->home_deferred = true;
}
static void home_work(mq_rpub *p) {
    if (p->home_working)
        return;
    p->home_working = true;
    while (p->queue.head) {
        letter *l = p->queue.head;
        bool full = false;
        while (l->at < l->b.n && !full) {
            precord r;
            memcpy(&r, l->b.p + l->at, sizeof r);
            const char *t = l->b.p + l->at + sizeof r;
            sl_mqtt_pair users[32];
            mq_message m = {.topic = sl_str_n(t, r.topic), .payload = sl_str_n(t + r.topic, r.payload), .qos = r.qos, .retain = r.retain, .seq = r.idx};
            sl_str span = sl_str_n(t + r.topic + r.payload, r.users);
            while (m.nusers < 32 && sl_mqtt_user(&span, &users[m.nusers]))
                m.nusers++;
            m.users = users;
            if (!p->pub)
                home_answer(p, r.idx, r.idx, SL_DOWN, sl_str_of(p->bad ? p->bad : "connection is not there"));
            else if (!mq_publish(p->pub, &m)) {
                full = true;
                break;
            }
            l->at += sizeof r + r.topic + r.payload + r.users;
        }
        if (full)
            break;
        queue_take(&p->queue);
        atomic_fetch_sub_explicit(&p->waiting, l->b.n, memory_order_relaxed);
        letter_free(l);
    }
    p->home_working = false;
}
static void home_ready(void *arg) { home_work(arg); }
static void home_pub_state(void *arg, sl_conn_state st, sl_str why) {
    mq_rpub *p = arg;
    letter *l = letter_new(p);
    if (l) {
        l->state = st;
        sl_buf_str(&l->b, why);
    }
    send(p->user, user_pub_state, l);
}
static const mq_pub_ops home_pub_ops = {home_answer, home_ready, home_pub_state};
static void home_publisher(void *arg) {
    mq_rpub *p = arg;
    const char *why = "";
    mq_client *c = sl_pool_client(p->conn, &why);
    sl_err *e = c ? mq_publisher(c, &home_pub_ops, p, &p->pub) : NULL;
    if (!c || e) {
        const char *text = e ? sl_err_text(e) : why;
        p->bad = sl_strdup_n(text, strlen(text));
        home_pub_state(p, SL_CONN_DISCONNECTED, sl_str_of(text));
    }
    sl_err_free(e);
}
static void home_letter(void *arg) {
    letter *l = arg;
    mq_rpub *p = l->to;
    l->next = NULL;
    queue_add(&p->queue, l);
    home_work(p);
}
static void user_pub_done(void *arg);
static void home_pub_done(void *arg) {
    mq_rpub *p = arg;
    sl_pool_give(p->conn, p->owner);
    while (!sl_post(p->user, user_pub_done, p)) {
    }
}
static void home_close(void *arg) {
    mq_rpub *p = arg;
    p->home_closing = true; /* what is still open is answered on the user's side, by its own books */
    if (p->pub)
        mq_publisher_close(p->pub);
    p->pub = NULL;
    home_send_answers(p);
    for (letter *l; (l = queue_take(&p->queue));)
        letter_free(l);
    while (!sl_defer(p->home, home_pub_done, p)) { /* behind a deferred call under way */
    }
}

/* ---- user ---- */
static void tell_answer(mq_rpub *p, uint64_t first, uint64_t last, sl_answer a, sl_str why) {
    for (uint64_t i = first; i <= last;) { /* runs of consecutive numbers of the host */
        if (!p->left[i % PUB_RING]) {
            i++;
            continue;
        }
        uint64_t from = p->seqs[i % PUB_RING], to = from;
        p->left[i++ % PUB_RING] = false;
        p->open--;
        for (; i <= last && p->left[i % PUB_RING] && p->seqs[i % PUB_RING] == to + 1; i++) {
            to++;
            p->left[i % PUB_RING] = false;
            p->open--;
        }
        p->ops->answer(p->arg, from, to, a, why);
    }
    while (p->oldest < p->next && !p->left[p->oldest % PUB_RING])
        p->oldest++;
}
static bool room(const mq_rpub *p) { return p->open < PUB_WINDOW && p->next - p->oldest < PUB_RING && atomic_load_explicit(&p->waiting, memory_order_relaxed) < PUB_LIMIT; }
static void user_answers(void *arg) {
    letter *l = arg;
    mq_rpub *p = l->to;
    while (l->at < l->b.n) {
        answered r;
        memcpy(&r, l->b.p + l->at, sizeof r);
        tell_answer(p, r.first, r.last, (sl_answer)r.answer, sl_str_n(l->b.p + l->at + sizeof r, r.why));
        l->at += sizeof r + r.why;
    }
    letter_free(l);
    if (p->hungry && !p->closing && room(p) && (p->open <= PUB_WINDOW * 3 / 4)) {
        p->hungry = false;
        p->ops->ready(p->arg);
    }
}
static void user_pub_state(void *arg) {
    letter *l = arg;
    mq_rpub *p = l->to;
    if (!p->closing)
        p->ops->state(p->arg, l->state, sl_buf_view(&l->b));
    letter_free(l);
}
static void rpub_free(mq_rpub *p) {
    letter_free(p->fill);
    letter_free(p->answers);
    free(p->seqs);
    free(p->left);
    free(p->owner);
    free(p->bad);
    free(p);
}
static void user_pub_done(void *arg) {
    mq_rpub *p = arg;
    if (p->open)
        tell_answer(p, p->oldest, p->next - 1, SL_DOWN, SL_S("the sink was closed before the broker acknowledged"));
    sl_fn done = p->done;
    void *done_arg = p->done_arg;
    if (p->deferred) { /* a deferred flush still points here; it runs before the next letter */
        while (!sl_post(p->user, user_pub_done, p)) {
        }
        return;
    }
    rpub_free(p);
    done(done_arg);
}
sl_err *mq_remote_publisher(sl_str selector, const char *owner, sl_loop *user, const mq_pub_ops *ops, void *arg, mq_rpub **out) {
    mq_rpub *p = calloc(1, sizeof *p);
    if (!p || !(p->owner = sl_strdup_n(owner, strlen(owner))) || !(p->seqs = calloc(PUB_RING, sizeof *p->seqs)) || !(p->left = calloc(PUB_RING, sizeof *p->left))) {
        if (p)
            rpub_free(p);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    sl_err *e = sl_pool_take(selector, "mqtt", owner, &p->conn);
    if (e) {
        rpub_free(p);
        return e;
    }
    p->ops = ops;
    p->arg = arg;
    p->user = user;
    p->home = sl_pool_loop(p->conn);
    if (!sl_post(p->home, home_publisher, p)) {
        sl_pool_give(p->conn, owner);
        rpub_free(p);
        return sl_err_new(SL_E_NOMEM, "out of memory");
    }
    *out = p;
    return NULL;
}
void mq_remote_flush(mq_rpub *p) {
    letter *l = p->fill;
    p->fill = NULL;
    if (!l)
        return;
    atomic_fetch_add_explicit(&p->waiting, l->b.n, memory_order_relaxed);
    send(p->home, home_letter, l);
}
static void user_end_of_turn(void *arg) {
    mq_rpub *p = arg;
    p->deferred = false;
    if (!p->closing)
        mq_remote_flush(p);
}
bool mq_remote_publish(mq_rpub *p, const mq_message *m) {
    if (!room(p) || (!p->fill && !(p->fill = letter_new(p)))) {
        p->hungry = true;
        return false;
    }
    sl_buf *b = &p->fill->b;
    precord r = {.idx = p->next, .topic = (uint32_t)m->topic.n, .payload = (uint32_t)m->payload.n, .qos = m->qos, .retain = m->retain};
    for (uint32_t i = 0; i < m->nusers; i++)
        r.users += (uint32_t)(5 + m->users[i].name.n + m->users[i].value.n);
    size_t at = b->n;
    sl_buf_put(b, &r, sizeof r);
    sl_buf_str(b, m->topic);
    sl_buf_str(b, m->payload);
    for (uint32_t i = 0; i < m->nusers; i++) { /* in the wire's form, so that home walks them as it does received ones */
        const sl_mqtt_pair *u = &m->users[i];
        char head[3] = {SL_MQTT_P_USER, (char)(u->name.n >> 8), (char)u->name.n}, mid[2] = {(char)(u->value.n >> 8), (char)u->value.n};
        sl_buf_put(b, head, 3);
        sl_buf_str(b, u->name);
        sl_buf_put(b, mid, 2);
        sl_buf_str(b, u->value);
    }
    if (b->failed || m->nusers > 32) {
        b->n = at;
        b->failed = false;
        p->ops->answer(p->arg, m->seq, m->seq, m->nusers > 32 ? SL_BAD : SL_LATER, m->nusers > 32 ? SL_S("more than 32 user properties") : SL_S("out of memory"));
        return true;
    }
    p->seqs[p->next % PUB_RING] = m->seq;
    p->left[p->next++ % PUB_RING] = true;
    p->open++;
    if (b->n >= LETTER)
        mq_remote_flush(p);
    else if (!p->deferred && sl_defer(p->user, user_end_of_turn, p))
        p->deferred = true;
    return true;
}
void mq_remote_publisher_close(mq_rpub *p, sl_fn done, void *arg) {
    mq_remote_flush(p);
    p->closing = true;
    p->done = done;
    p->done_arg = arg;
    while (!sl_post(p->home, home_close, p)) {
    }
}

/* ================ the pool's side ================ */

static sl_err *kind_open(sl_loop *l, const char *id, const sl_json *props, sl_arena *a, const char *home, void (*state)(void *arg, sl_conn_state s, sl_str why), void *arg,
                         void **client) {
    mq_conf *conf = SL_NEW(a, mq_conf);
    SL_TRY(sl_spec_load(mq_props, 0, props, a, conf, NULL));
    mq_client *c;
    SL_TRY(mq_client_new(l, conf, home, id, &c));
    mq_client_watch(c, state, arg);
    *client = c;
    return NULL;
}
static void kind_phase(void *client, sl_pool_phase p) { mq_client_phase(client, p); }
static void kind_close(void *client, sl_fn done, void *arg) { mq_client_close(client, done, arg); }
const sl_pool_kind sl_pool_mqtt = {"mqtt", kind_open, kind_phase, kind_close};
