/* SPDX-License-Identifier: PostgreSQL */
#include "restart.h"

#include "../proto/policy.h"
#include "../proto/standby.h"
#include "act.h"
#include "lead.h"
#include "pause.h"

#include <string.h>

/* ---- who could take over instead ---- */

/* The last good probe was of the primary that has crashed. */
static bool has_seen_replicas(const struct agent *a)
{
    return a->watch.last.system_id != 0 && !a->watch.last.in_recovery;
}

static bool is_close(const struct agent *a, const struct replica_row *row)
{
    uint64_t lsn = a->watch.last.position.lsn;
    uint64_t bound = agent_config(a).maximum_lag_on_failover;
    return row->streaming && (lsn <= row->flush_lsn || lsn - row->flush_lsn <= bound);
}

static const struct replica_row *row_of(const struct agent *a, const char *node)
{
    for (uint32_t k = 0; k < a->watch.last.replica_count; k++) {
        if (strcmp(a->watch.last.replicas[k].name, node) == 0) {
            return &a->watch.last.replicas[k];
        }
    }
    return NULL;
}

/* One that came after the last probe says itself that it streams. */
static bool has_come(const struct agent *a, uint32_t i)
{
    struct config config = agent_config(a);
    uint64_t alive_ms = config_lease_ttl_ms(config.probe_period_ms, config.probe_timeout_ms,
                                            config.probe_failure_threshold);
    return a->cluster.nodes[i].streaming && a->live_ms[i] != 0 &&
           a->now_ms - a->live_ms[i] <= alive_ms;
}

static uint32_t seen_replicas(const struct agent *a)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        const struct replica_row *row = row_of(a, a->cluster.nodes[i].name);
        bool fit = row != NULL ? is_close(a, row) : has_come(a, i);
        mask |= fit ? 1U << i : 0;
    }
    return mask;
}

/* An agent that has just come knows its peers from the log only. */
static uint32_t known_standbys(const struct agent *a)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        mask |= a->cluster.nodes[i].state == NODE_STANDBY ? 1U << i : 0;
    }
    return mask;
}

/* ---- whether ---- */

static uint64_t age_ms(const struct agent *a)
{
    return a->now_ms - a->restart.seen_ms;
}

static bool is_allowed(const struct agent *a)
{
    return age_ms(a) >= cluster_restart_ripe_ms(&a->cluster);
}

bool restart_is_preferred(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    bool leads = agent_holds(a) && c->phase == PHASE_HELD && c->promoted &&
                 c->pending.step != SWITCH_STOP && a->lease.stage == LEASE_KEPT;
    bool able = a->restart.failed_term != c->term && !a->stop.ordered && !a->superseded &&
                agent_disk_reason(a) == REASON_NONE && is_allowed(a);
    uint32_t fit = has_seen_replicas(a) ? seen_replicas(a) : known_standbys(a);
    return leads && able && !agent_is_paused(a) && !standby_is_on(c) && policy_restarts(c, fit);
}

bool restart_goes_on(const struct agent *a)
{
    return a->restart.term != 0 && a->restart.term == a->cluster.term && agent_holds(a);
}

bool restart_is_recorded(const struct agent *a)
{
    return restart_goes_on(a) && a->cluster.restart.number == a->restart.number &&
           a->now_ms >= a->pg.start_ms;
}

bool restart_must_begin(const struct agent *a)
{
    bool whole = a->data.found.verdict == DATA_INTACT && !a->data.found.incomplete;
    return !restart_goes_on(a) && agent_is_gone(a) && whole && !agent_is_foreign(a) &&
           lead_is_impossible(a) && restart_is_preferred(a);
}

/* ---- how ---- */

void restart_note_crash(struct agent *a, uint64_t wall_us)
{
    if (!restart_goes_on(a)) {
        a->restart.detected_wall_us = wall_us;
    }
}

static void announce(struct agent *a, uint64_t until_ms)
{
    struct agent_restart *r = &a->restart;
    r->term = a->cluster.term;
    r->number = a->cluster.restart.number + 1;
    r->until_ms = until_ms;
    r->detected_wall_us = r->detected_wall_us != 0 ? r->detected_wall_us : a->wall_us;
    a->lease.renew_ms = 0; /* the renewal that tells it goes out at once */
}

void restart_announce(struct agent *a)
{
    a->restart.asked = true;
    announce(a, UINT64_MAX);
}

void restart_begin(struct agent *a, struct action_list *actions)
{
    uint32_t timeout_ms = agent_config(a).primary_start_timeout_ms;
    announce(a, a->now_ms + timeout_ms);
    act_say(actions, SEVERITY_WARNING,
            "PostgreSQL died: restarting it in place, for %u ms at most term=%llu",
            (unsigned)timeout_ms, (unsigned long long)a->cluster.term);
}

void restart_learn(struct agent *a)
{
    const struct restarting *r = &a->cluster.restart;
    if (r->tokens.seq != a->restart.seen_seq) {
        a->restart.seen_seq = r->tokens.seq;
        a->restart.seen_ms = a->now_ms;
    }
    if (r->seq == a->restart.begun_seq) {
        return;
    }
    a->restart.begun_seq = r->seq;
    bool mine = cluster_holder(&a->cluster) == a->me && r->going;
    if (mine && a->lead.stage > LEAD_PROMOTED) {
        a->lead.stage = LEAD_PROMOTED; /* it tells when it accepts writes again */
    }
}

void restart_end(struct agent *a)
{
    a->restart.term = 0;
    a->restart.asked = false;
    a->restart.detected_wall_us = 0;
}

bool restart_is_late(const struct agent *a)
{
    return restart_goes_on(a) && a->now_ms >= a->restart.until_ms;
}

void restart_give_up(struct agent *a)
{
    uint64_t detected_wall_us = a->restart.detected_wall_us;
    a->restart.failed_term = a->restart.term;
    restart_end(a);
    agent_raise(a, REASON_RESTART_TIMEOUT, detected_wall_us);
}

struct restart restart_tell(const struct agent *a)
{
    if (!restart_goes_on(a)) {
        return (struct restart){0};
    }
    return (struct restart){
            .number = a->restart.number,
            .reason = a->restart.asked ? REASON_REQUESTED : REASON_POSTMASTER_DIED,
            .age_ms = age_ms(a),
            .detected_wall_us = a->restart.detected_wall_us,
    };
}
