/* SPDX-License-Identifier: PostgreSQL */
/* What agents say: probes, lock events, and the life of a node. */
#include "fold_impl.h"
#include "lost.h"
#include "pause.h"
#include "standby.h"

#include <assert.h>
#include <string.h>

/* A node that would be eligible if an election were held and it reported. */
static bool is_electable(const struct cluster *c, const struct node *n)
{
    return n->state == NODE_STANDBY && !n->nofailover && !n->departed &&
           n->rebuild_task == TASK_NONE && n->reason != REASON_DIVERGED &&
           !reason_is_disk(n->reason) && n->system_id == c->system_id &&
           (standby_is_on(c) || cluster_on_history(c, n->position));
}

static void note_spell(const struct cluster *c, struct node *n, uint64_t seq)
{
    if (!is_electable(c, n)) {
        n->eligible_seq = 0;
    } else if (n->eligible_seq == 0) {
        n->eligible_seq = seq;
    }
}

/* A node that streams, or leads, has left its earlier failures behind. */
static void forget_failures(struct node *n)
{
    n->rebuild_failures = 0;
    n->rebuilt_task = TASK_NONE;
    n->failed_task = TASK_NONE;
    memset(n->failed_text, 0, sizeof n->failed_text);
}

/* Promotions open timelines above every one that may exist, wherever it was opened (I10). */
static void see_timeline(struct cluster *c, uint32_t timeline)
{
    c->timeline_max = timeline > c->timeline_max ? timeline : c->timeline_max;
}

bool history_leads_to(const struct history *h, uint32_t timeline)
{
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t next = i + 1 < h->count ? h->entries[i + 1].timeline : timeline;
        if (h->entries[i].timeline >= next) {
            return false;
        }
    }
    return timeline != 0;
}

/* The reference is this timeline, from where node i left the one before. */
void cluster_refer_to(struct cluster *c, int32_t i, const struct history *h, uint32_t timeline)
{
    c->opener = i;
    c->opening.timeline = 0;
    c->history = *h;
    c->floor.timeline = timeline;
    c->floor.lsn = h->count > 0 ? h->entries[h->count - 1].switch_lsn : 0;
    see_timeline(c, timeline);
}

/* A leader that was promoted and fell before it could tell may have acknowledged writes: when it
 * shows the timeline of its grant before another holds a term, that timeline is the reference. A
 * grant that is not renewed opens nothing, and while it may be, its holder stands where it stood.
 */
static void learn_untold_promotion(struct cluster *c, int32_t i, const struct probe *p)
{
    const struct opening *opening = &c->opening;
    uint32_t timeline = p->position.timeline;
    int32_t holder = cluster_holder(c);
    bool own = opening->node == i || !p->was_primary; /* it has been told, and the log lost that */
    bool untold = opening->timeline != 0 && own && timeline == opening->timeline &&
                  (holder == LEADER_NONE || holder == opening->node);
    if (untold && p->history.count > 0 && history_leads_to(&p->history, timeline)) {
        cluster_refer_to(c, opening->node, &p->history, timeline);
    }
}

/* A node judges where it stands by the log as far as it has read it. One that woke up late, and
 * speaks before it reads, may take the newest timeline for a foreign one: it must not be rewound
 * for that, and perhaps lose the last copy. */
static enum reason reason_of(const struct cluster *c, int32_t i, const struct probe *p)
{
    if (cluster_has_usurped(c, i, p->was_primary, p->position)) {
        return REASON_DIVERGED;
    }
    bool outdated = (p->reason == REASON_DIVERGED && cluster_on_history(c, p->position)) ||
                    (p->reason == REASON_UNCLEAN_PRIMARY && c->floor.timeline != 0 &&
                     p->position.timeline == c->floor.timeline);
    return outdated ? REASON_NONE : p->reason;
}

static void apply_probe(struct cluster *c, struct node *n, const struct probe *p,
                        const struct event *e)
{
    fold_lost_promotion(c, (int32_t)(n - c->nodes), p, e);
    fold_lost_timeline(c, (int32_t)(n - c->nodes), p);
    enum reason reason = reason_of(c, (int32_t)(n - c->nodes), p);
    if (p->state != n->state || reason != n->reason) {
        n->state_seq = e->seq;
        n->state_wall_us = e->wall_us;
        n->refused_term = 0;
    }
    n->state = p->state;
    n->reason = reason;
    n->position = p->position;
    n->replay_lsn = p->replay_lsn;
    n->system_id = p->system_id;
    see_timeline(c, p->position.timeline);
    learn_untold_promotion(c, (int32_t)(n - c->nodes), p);
    n->streaming = p->streaming;
    n->clean = p->clean;
    n->was_primary = p->was_primary;
    n->failures = p->failures;
    n->pending_restart = p->settings.pending_restart;
    n->pending_lowers = p->settings.pending_lowers;
    n->parameters_seq = p->settings.parameters_seq;
    /* A diverged standby may look as if it streamed. */
    bool streams = p->streaming && reason == REASON_NONE;
    if (streams || p->state == NODE_PRIMARY) {
        forget_failures(n);
    }
    if (p->election_term != 0 && p->election_term == c->term) {
        n->report_term = p->election_term;
        n->report_seq = e->seq;
        n->still_ms = p->still_ms;
        n->sealed = p->sealed;
    }
    note_spell(c, n, e->seq);
}

/* The cluster's system is that of its first leader that was promoted. */
static void learn_system(struct cluster *c, const struct node *n)
{
    if (c->system_id == 0 && c->promoted && n == &c->nodes[c->leader]) {
        c->system_id = n->system_id;
    }
}

static bool probe_is_possible(const struct probe *p)
{
    bool has_data = p->state == NODE_STANDBY || p->state == NODE_PRIMARY;
    return !has_data || p->system_id != 0;
}

/* A place that nobody has; else of a node that was removed, which is forgotten. -1: there is none.
 */
static int32_t find_place(const struct cluster *c)
{
    if (c->node_count < NODE_COUNT_MAX) {
        return (int32_t)c->node_count;
    }
    for (int32_t i = 0; i < NODE_COUNT_MAX; i++) {
        bool named = i == c->leader || i == c->opener || i == c->opening.node;
        if (c->nodes[i].removed && !named) {
            return i;
        }
    }
    return -1;
}

static struct node *add_node(struct cluster *c, const char *name, uint64_t seq)
{
    int32_t i = find_place(c);
    struct node *n = &c->nodes[i];
    c->node_count += (uint32_t)i == c->node_count ? 1 : 0;
    memset(n, 0, sizeof *n);
    memcpy(n->name, name, strlen(name) + 1);
    n->joined_seq = seq;
    return n;
}

static enum void_reason check_hello(const struct cluster *c, const struct event *e, int32_t i)
{
    if (i < 0) {
        return find_place(c) >= 0 ? VOID_NONE : VOID_TOO_MANY_NODES;
    }
    uint64_t known = c->nodes[i].incarnation;
    if (e->incarnation < known || (c->nodes[i].removed && e->incarnation == known)) {
        return VOID_STALE_INCARNATION;
    }
    return mark_allows(&c->nodes[i].task_mark, e) ? VOID_NONE : VOID_DUPLICATE;
}

enum void_reason fold_hello(struct cluster *c, const struct event *e)
{
    const struct hello *h = &e->body.hello;
    if (e->incarnation == 0 || h->anchor.term > TERM_MAX || !probe_is_possible(&h->probe)) {
        return VOID_IMPOSSIBLE;
    }
    int32_t i = cluster_find_node(c, e->writer);
    enum void_reason reason = check_hello(c, e, i);
    if (reason != VOID_NONE) {
        return reason;
    }
    struct node *n = i < 0 ? add_node(c, e->writer, e->seq) : &c->nodes[i];
    if (n->incarnation != e->incarnation) {
        /* A directive names the incarnation that may obey it. */
        n->rebuild_task = TASK_NONE;
        n->state_seq = e->seq;
        n->state_wall_us = e->wall_us;
        licence_lapse(c, (int32_t)(n - c->nodes));
    }
    n->incarnation = e->incarnation;
    n->hello_seq = e->seq;
    n->joined_seq = n->removed ? e->seq : n->joined_seq;
    n->departed = false;
    n->removed = false;
    memcpy(n->host, h->host, sizeof n->host);
    n->port = h->port;
    n->agent_port = h->agent_port;
    n->pg_version = h->pg_version;
    n->failover_priority = h->failover_priority;
    n->nofailover = h->nofailover;
    n->nosync = h->nosync;
    n->noloadbalance = h->noloadbalance;
    n->newcomer = h->anchor.term == 0;
    n->forgetful = h->anchor.ttl_ms == 0;
    mark_set(&n->task_mark, e);
    fold_lost_hello(c, e);
    apply_probe(c, n, &h->probe, e);
    fold_lost_reported(c);
    if (cluster_find_node(c, e->writer) == c->leader) {
        c->leader_incarnation = e->incarnation;
    }
    return VOID_NONE;
}

/* What the holder has written it keeps: after a crash it may not know how much that is. */
static void raise_position(struct cluster *c, struct position position)
{
    if (position_compare(position, c->lease.position) > 0) {
        c->lease.position = position;
    }
}

enum void_reason fold_probe(struct cluster *c, int32_t i, const struct event *e)
{
    const struct probe *p = &e->body.probe;
    if (!probe_is_possible(p)) {
        return VOID_IMPOSSIBLE;
    }
    struct node *n = &c->nodes[i];
    apply_probe(c, n, p, e);
    learn_system(c, n);
    fold_remote_timeline(c, i, p);
    if (cluster_holder(c) == i && p->state == NODE_PRIMARY) {
        raise_position(c, p->position);
    }
    return VOID_NONE;
}

/* A lock event must speak of the present term, by the node that it was granted to. */
static enum void_reason check_lock(const struct cluster *c, int32_t i, uint64_t term)
{
    if (term < c->term) {
        return VOID_STALE_TERM;
    }
    if (term > c->term) {
        return VOID_FUTURE_TERM;
    }
    return c->leader == i ? VOID_NONE : VOID_NOT_LEADER;
}

static bool renew_is_possible(const struct cluster *c, const struct renew *r)
{
    return r->ttl_ms >= LEASE_TTL_MS_MIN && r->ttl_ms <= LEASE_TTL_MS_MAX &&
           r->seen_seq <= c->last_seq;
}

static uint32_t mask_of(const struct cluster *c, const struct name_list *list)
{
    uint32_t mask = 0;
    for (uint32_t k = 0; k < list->count; k++) {
        int32_t i = cluster_find_node(c, list->names[k]);
        mask |= i >= 0 ? 1U << (uint32_t)i : 0;
    }
    return mask;
}

/* The first renewal: the grant takes effect. From here on its holder may be promoted, whether or
 * not it lives to tell. */
static void begin_holding(struct cluster *c, int32_t i, const struct event *e)
{
    cluster_enter_phase(c, PHASE_HELD, e);
    c->lease.renewed = true;
    c->lease.ttl_ms_max = 0;
    c->lease.position = c->nodes[i].position; /* what the last one had beyond that is gone */
    c->lease.position_wall_us = 0;
    c->change.leased_wall_us = e->wall_us;
    see_timeline(c, c->grant_timeline);
    c->opening = (struct opening){c->grant_timeline, i};
    fold_sync_leads(c, e);
    fold_lost_held(c);
    bool asked = c->closed.seq == c->grant_seq && c->closed.kind == REQUEST_FAILOVER;
    if (c->failovers_granted.seq != 0 && !asked) {
        c->failovers.debt_ms = c->failovers_granted.debt_ms;
        c->failovers.seq = e->seq;
    }
}

enum void_reason fold_renew(struct cluster *c, int32_t i, const struct event *e)
{
    const struct renew *r = &e->body.renew;
    enum void_reason reason = check_lock(c, i, r->term);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (cluster_holder(c) != i) {
        return VOID_NOT_HELD;
    }
    if (!renew_is_possible(c, r)) {
        return VOID_IMPOSSIBLE;
    }
    if (r->lifted && (!pause_is_on(c) || c->phase != PHASE_HELD)) {
        return VOID_NOT_PAUSED;
    }
    struct lease *lease = &c->lease;
    reason = fold_check_restart(c, &r->restart);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (c->phase == PHASE_GRANTED) {
        begin_holding(c, i, e);
    }
    if (r->restart.number > c->restart.number) {
        fold_begin_restart(c, &r->restart, e);
    }
    lease->renewal_seq = e->seq;
    lease->renewal_wall_us = e->wall_us;
    mark_set(&lease->renewal_mark, e);
    lease->ttl_ms = r->ttl_ms;
    lease->lifted = r->lifted;
    lease->failsafe = r->failsafe;
    lease->electable = mask_of(c, &r->electable);
    lease->ttl_ms_max = r->ttl_ms > lease->ttl_ms_max ? r->ttl_ms : lease->ttl_ms_max;
    lease->seen_seq = r->seen_seq > lease->seen_seq ? r->seen_seq : lease->seen_seq;
    if (r->position.lsn != 0) {
        uint64_t age_us = (uint64_t)r->probe_age_ms * 1000;
        raise_position(c, r->position);
        lease->position_wall_us = e->wall_us > age_us ? e->wall_us - age_us : 0;
        c->nodes[i].position = r->position;
    }
    return VOID_NONE;
}

/* One that was never renewed has written nothing: what the holder before it has said stands. */
struct position cluster_kept_end(const struct cluster *c)
{
    return c->lease.renewed ? (struct position){0} : c->ending.end;
}

/* The term is over: no renewal counts from here on. */
static void end_term(struct cluster *c, enum reason reason, const struct event *e)
{
    pending_term_ended(c, e->kind == EVENT_RELEASE ? &e->body.release : NULL, e);
    cluster_enter_phase(c, PHASE_RELEASED, e);
    c->lease.lifted = false;
    cluster_end_directives(c);
    cluster_clear_election(c);
    if (c->ending.seq == 0 || c->ending.seq < c->grant_seq) {
        c->ending = (struct ending){.seq = e->seq, .end = cluster_kept_end(c)};
        c->ending.detected_wall_us = e->wall_us;
        c->ending.reason = reason;
    }
    c->ending.wall_us = e->wall_us;
}

enum void_reason fold_release(struct cluster *c, int32_t i, const struct event *e)
{
    const struct release *r = &e->body.release;
    enum void_reason reason = check_lock(c, i, r->term);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (c->phase == PHASE_RELEASED) {
        return VOID_NOT_HELD;
    }
    end_term(c, r->reason, e);
    if (r->detected_wall_us != 0 && c->ending.seq == e->seq) {
        c->ending.detected_wall_us = r->detected_wall_us;
    }
    c->ending.fenced_wall_us = r->fenced_wall_us;
    if (c->lease.renewed) {
        c->lease.failsafe = false; /* its PostgreSQL is dead, proven */
        c->lease.electable = 0;
        bool says = r->clean && r->position.timeline != 0;
        c->ending.end = says ? r->position : (struct position){0};
        raise_position(c, r->position);
    }
    return VOID_NONE;
}

enum void_reason fold_refuse(struct cluster *c, int32_t i, const struct event *e)
{
    const struct refuse *r = &e->body.refuse;
    enum void_reason reason = check_lock(c, i, r->term);
    if (reason != VOID_NONE) {
        return reason;
    }
    if (c->phase != PHASE_GRANTED) {
        return VOID_NOT_HELD;
    }
    end_term(c, r->reason, e);
    c->nodes[i].refused_term = r->term;
    return VOID_NONE;
}

/* The new leader is a primary: its timeline becomes the reference, from where it left the last one.
 */
static enum void_reason fold_promoted(struct cluster *c, int32_t i, const struct event *e)
{
    const struct task_report *t = &e->body.task;
    if (cluster_holder(c) != i || c->phase != PHASE_HELD || t->term != c->term ||
        standby_is_on(c)) {
        return VOID_NOT_HELD;
    }
    if (c->grant_timeline != 0 && t->position.timeline != c->grant_timeline) {
        return VOID_WRONG_TIMELINE;
    }
    if (!history_leads_to(&t->history, t->position.timeline)) {
        return VOID_IMPOSSIBLE;
    }
    cluster_refer_to(c, i, &t->history, t->position.timeline);
    c->promoted = true;
    c->change.promoted_wall_us = e->wall_us;
    learn_system(c, &c->nodes[i]);
    fold_sync_opened(c);
    return VOID_NONE;
}

static enum void_reason fold_first_write(struct cluster *c, int32_t i, const struct event *e)
{
    bool leads = cluster_holder(c) == i && c->promoted && !standby_is_on(c);
    if (!leads || e->body.task.term != c->term) {
        return VOID_NOT_HELD;
    }
    struct mark crash = {c->restart.incarnation, c->restart.counter};
    if (c->writable || c->pending.step == SWITCH_STOP || !mark_allows(&crash, e)) {
        return VOID_NO_CHANGE;
    }
    c->writable = true;
    if (c->restart.going) {
        c->restart.going = false;
        c->restart.writable_wall_us = e->wall_us;
    }
    if (c->change.writable_seq == 0) { /* else it goes on after a switchover that was given up */
        c->change.writable_wall_us = e->wall_us;
        c->change.writable_seq = e->seq;
    }
    return VOID_NONE;
}

enum void_reason fold_done(struct cluster *c, int32_t i, const struct event *e)
{
    struct node *n = &c->nodes[i];
    const struct task_report *t = &e->body.task;
    if (t->task == TASK_PROMOTE) {
        return fold_promoted(c, i, e);
    }
    if (t->task == TASK_FIRST_WRITE) {
        return fold_first_write(c, i, e);
    }
    if (t->task == TASK_SYNC) {
        return fold_synced(c, i, e);
    }
    if (t->task == TASK_STREAM) {
        return fold_streams(c, i, e);
    }
    if (t->task == TASK_CONFIG) {
        order_checked(c, i, e);
        return VOID_NONE;
    }
    if (rebuild_ends(n, t)) {
        n->rebuilt_task = t->task;
        n->failed_task = TASK_NONE;
    }
    licence_used(c, i, t);
    pending_checkpoint(c, i, e);
    return VOID_NONE;
}

/* What a copy has failed for decides on the next one. */
static void note_failure(struct node *n, const struct task_report *t)
{
    bool copy = n->failed_task == TASK_REWIND || n->failed_task == TASK_BASEBACKUP;
    if (t->task == TASK_RESTART && copy) {
        return;
    }
    n->failed_task = t->task;
    memcpy(n->failed_text, t->text, sizeof n->failed_text);
}

enum void_reason fold_failed(struct cluster *c, int32_t i, const struct event *e)
{
    struct node *n = &c->nodes[i];
    const struct task_report *t = &e->body.task;
    if (t->task == TASK_CONFIG) {
        order_checked(c, i, e);
        return VOID_NONE;
    }
    if (rebuild_ends(n, t)) {
        n->rebuild_failures++;
    }
    licence_used(c, i, t);
    note_failure(n, t);
    pending_checkpoint(c, i, e);
    return VOID_NONE;
}

enum void_reason fold_goodbye(struct cluster *c, int32_t i, const struct event *e)
{
    struct node *n = &c->nodes[i];
    if (n->departed) {
        return VOID_NO_CHANGE;
    }
    n->departed = true;
    rebuild_forget_request(n);
    licence_lapse(c, i);
    n->eligible_seq = 0;
    n->state = NODE_STOPPED;
    n->reason = e->body.goodbye.reason;
    n->streaming = false;
    n->state_seq = e->seq;
    n->state_wall_us = e->wall_us;
    return VOID_NONE;
}
