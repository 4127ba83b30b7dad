/* SPDX-License-Identifier: PostgreSQL */
/* Progress: what is not writable has a next step with a deadline, or names what it waits for. */
#include "sim.h"

#include "../../proto/policy.h"
#include "../../proto/standby.h"
#include "../../proto/sync.h"

/* For what is bounded by nothing but the simulated work: starts and tasks take up to 3 s each. */
#define WORK_MS 5000
/* DESIGN section 4, I20: writable within the wait, and this. */
#define GRACE_MS 2000

/* Detection of what is alive and does not answer. */
static uint64_t notice_ms(const struct cluster *c)
{
    const struct config *config = &c->config;
    return (uint64_t)(config->probe_period_ms + config->probe_timeout_ms) *
                   config->probe_failure_threshold +
           WORK_MS;
}

/* What was taken from the bucket was read when the last fault was over, or before; by a clock that
 * may be slow. */
static uint64_t limit_ms(const struct cluster *c)
{
    return cluster_failover_ripe_ms(c) * 1002 / 1000;
}

/* Who goes on after a switchover that was given up starts PostgreSQL anew, which may hang. */
static uint64_t start_ms(const struct cluster *c)
{
    return c->resumed_term == c->term ? START_TIMEOUT_MS : 0;
}

/* Who has promised to keep still, or may have, renews only then. */
static uint64_t still_ms(const struct cluster *c)
{
    return c->leader != LEADER_NONE ? c->nodes[c->leader].still_ms : 0;
}

/* How long this may be waited for in a world in which nothing is wrong, in ms; 0: as long as it
 * takes, for something outside. */
static uint64_t bound_ms(const struct cluster *c, enum waiting waiting)
{
    uint64_t ttl_ms =
            c->lease.ttl_ms_max > cluster_ttl_ms(c) ? c->lease.ttl_ms_max : cluster_ttl_ms(c);
    uint64_t wait_ms = ttl_ms + LEASE_ALLOWANCE_MS(ttl_ms);
    const uint64_t bounds_ms[] = {
            [WAITING_NONE] = 0,
            [WAITING_UPGRADE] = 0,
            [WAITING_FIRST_NODE] = WORK_MS,
            [WAITING_CONFIG] = WORK_MS,
            [WAITING_FIRST_GRANT] = BOOTSTRAP_WAIT_MS + wait_ms + WORK_MS,
            [WAITING_RENEWAL] = still_ms(c) + wait_ms + GRACE_MS,
            [WAITING_INITDB] = 2 * WORK_MS + wait_ms,
            [WAITING_START] = WORK_MS + wait_ms,
            [WAITING_PROMOTION] = PROMOTE_TIMEOUT_MS + wait_ms + WORK_MS,
            [WAITING_FIRST_WRITE] = PROMOTE_TIMEOUT_MS + start_ms(c) + notice_ms(c) + wait_ms,
            [WAITING_REPORTS] = wait_ms + ELECTION_TIMEOUT_MS + GRACE_MS,
            [WAITING_LEASE_END] = wait_ms + ELECTION_TIMEOUT_MS + GRACE_MS,
            [WAITING_GRANT] = wait_ms + ELECTION_TIMEOUT_MS + GRACE_MS,
            [WAITING_CANDIDATE] = 0,
            [WAITING_LIMIT] = limit_ms(c) + wait_ms + GRACE_MS,
            [WAITING_STOP] = SWITCHOVER_STOP_MS + WORK_MS,
            [WAITING_RESUME] = 0,
            [WAITING_LEASE_BACK] = notice_ms(c) + wait_ms,
            [WAITING_RESTART] = c->config.primary_start_timeout_ms + wait_ms + WORK_MS,
            [WAITING_POLICY] = 0,
            [WAITING_PROOF] = 0,
            [WAITING_STREAM] = 2 * WORK_MS + wait_ms,
            [WAITING_LOST] = WORK_MS + wait_ms,
    };
    _Static_assert(sizeof bounds_ms / sizeof bounds_ms[0] == WAITING_COUNT, "one for each");
    return bounds_ms[waiting];
}

/* True when a live process will look at it again by itself. */
static bool somebody_looks(const struct sim *s)
{
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        if (s->monitors[i].runs && s->monitors[i].timer.due_us != UINT64_MAX) {
            return true;
        }
    }
    return false;
}

void check_i20_step(struct sim *s, const struct cluster *before)
{
    enum waiting waiting = cluster_waiting(&s->truth);
    if (waiting != s->waiting || before->phase_seq != s->truth.phase_seq) {
        s->waiting = waiting;
        s->waiting_us = s->now_us;
    }
    bool serves = s->truth.phase == PHASE_HELD && standby_serves(&s->truth);
    if (waiting == WAITING_NONE && !serves) {
        sim_break(s, "I20: progress", "it is not writable, and waits for nothing");
    }
}

void check_i20_progress(struct sim *s)
{
    uint64_t since_us = s->waiting_us > s->trouble_us ? s->waiting_us : s->trouble_us;
    uint64_t most_ms = bound_ms(&s->truth, s->waiting);
    if (most_ms != 0 && s->now_us > since_us + most_ms * SIM_MS) {
        sim_break(s, "I20: progress", "it waits for %s for %llu ms", waiting_name(s->waiting),
                  (unsigned long long)((s->now_us - since_us) / SIM_MS));
    }
    if (s->waiting != WAITING_NONE && !somebody_looks(s)) {
        sim_break(s, "I20: progress", "it waits for %s, and nobody looks again",
                  waiting_name(s->waiting));
    }
}

/* It stops or kills what it was told to, which may take a while. */
static bool leader_ends(const struct sim *s)
{
    int node = s->truth.leader >= 0 ? sim_node_index(s, s->truth.nodes[s->truth.leader].name) : -1;
    enum agent_busy busy = node >= 0 ? s->nodes[node].agent.pg.busy : BUSY_NONE;
    return busy == BUSY_KILLING || busy == BUSY_STOPPING;
}

/* Where nothing has been wrong for two leases nothing moves. */
void check_i20_calm(struct sim *s, const struct event *e)
{
    uint64_t rest_us = 2 * bound_ms(&s->truth, WAITING_RENEWAL) * SIM_MS;
    if (e->kind == EVENT_REVOKE && !leader_ends(s) && s->well_us != 0 &&
        s->now_us > s->well_us + rest_us) {
        sim_break(s, "I20: progress", "term %llu is revoked, and nothing is wrong",
                  (unsigned long long)e->body.revoke.term);
    }
}

/* A node that could lead at once: it has what the last term wrote, and runs. */
static bool is_qualified(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    const struct sim_pg *pg = &n->pg;
    int32_t i = cluster_find_node(&s->truth, n->name);
    bool runs = pg->postmaster && pg->accepting && pg->in_recovery && !pg->hung &&
                pg->verdict == DATA_INTACT && pg->wal.count > 0;
    bool may = i >= 0 && !s->truth.nodes[i].nofailover && cluster_is_asked(&s->truth, i);
    return may && runs && n->agent.ready && s->truth.nodes[i].state == NODE_STANDBY &&
           s->truth.nodes[i].reason == REASON_NONE && s->truth.nodes[i].rebuild_task == TASK_NONE &&
           pg->wal.branches[pg->wal.count - 1].id == s->reference_branch;
}

/* Where commits wait for standbys, so many of those that an election needs must be there. */
static bool somebody_qualifies(const struct sim *s)
{
    const struct sync *sync = &s->truth.sync;
    uint32_t count = 0;
    uint32_t voters = 0;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        int32_t k = cluster_find_node(&s->truth, s->nodes[i].name);
        if (is_qualified(s, (int)i) && policy_verdict(&s->truth, k) == VERDICT_ELIGIBLE) {
            count++;
            voters += (sync->voters >> k & 1U) != 0 ? 1 : 0;
        }
    }
    bool proves = sync->voters != 0 && voters >= sync->quorum;
    return count > 0 && (!sync_binds(&s->truth) || proves);
}

static bool somebody_writes(const struct sim *s)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (sim_pg_writable(s, (int)i)) {
            return true;
        }
    }
    return false;
}

/* The lease that is waited for may be of a configuration before this one; a grant ends the wait,
 * and the time that it took does not become shorter by that. */
void check_i20_outage(struct sim *s)
{
    bool out = s->now_us >= s->trouble_us && somebody_qualifies(s) && !somebody_writes(s) &&
               !check_switchover_excuses(&s->truth) && !standby_is_on(&s->truth);
    if (!out) {
        s->out_us = s->now_us;
        s->out_limit_ms = 0;
        return;
    }
    /* A grant forgets the longer lease that was waited for. */
    uint64_t wait_ms = bound_ms(&s->truth, WAITING_RENEWAL) + limit_ms(&s->truth);
    s->out_limit_ms = wait_ms > s->out_limit_ms ? wait_ms : s->out_limit_ms;
    if (s->now_us > s->out_us + s->out_limit_ms * SIM_MS) {
        sim_break(s, "I20: progress", "a standby could lead, and nothing is written for %llu ms",
                  (unsigned long long)((s->now_us - s->out_us) / SIM_MS));
    }
}
