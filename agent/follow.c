/* SPDX-License-Identifier: PostgreSQL */
#include "follow.h"

#include "act.h"
#include "pause.h"
#include "report.h"
#include "upstream.h"

#include <string.h>

static enum directive_kind directive(const struct agent *a)
{
    return a->me < 0 ? DIRECTIVE_NONE : cluster_directive(&a->cluster, a->me);
}

/* ---- rebuild ---- */

bool follow_rebuilds(const struct agent *a)
{
    return directive(a) == DIRECTIVE_REBUILD;
}

/* I16: the directive names this node, this incarnation and the present term; the holder never
 * obeys.
 */
static bool obeys_rebuild(const struct agent *a)
{
    if (!follow_rebuilds(a)) {
        return false;
    }
    const struct node *n = &a->cluster.nodes[a->me];
    return n->rebuild_seq == a->rebuild.seq && a->rebuild.incarnation == a->incarnation &&
           n->rebuild_term == a->cluster.term && a->rebuild.ended_seq != n->rebuild_seq &&
           cluster_holder(&a->cluster) != a->me;
}

bool follow_must_clear(const struct agent *a)
{
    return obeys_rebuild(a) && agent_is_running(a);
}

bool follow_must_rebuild(const struct agent *a)
{
    return obeys_rebuild(a) && agent_is_gone(a);
}

void follow_rebuild(struct agent *a, struct action_list *actions)
{
    struct upstream upstream = upstream_of(a);
    enum task task = a->cluster.nodes[a->me].rebuild_task;
    a->rebuild.begun_seq = a->rebuild.seq;
    a->rebuild.started_ms = a->now_ms;
    a->rebuild.progress_ms = 0;
    a->rebuild.progress_percent = 0;
    a->rebuild.progress_bytes = 0;
    act_say(actions, SEVERITY_INFO,
            task == TASK_REWIND ? "running pg_rewind from leader '%s'"
                                : "trying to bootstrap from leader '%s'",
            upstream.node);
    act_task(a, task, &upstream, actions);
}

/* ---- a running standby ---- */

static bool streams_elsewhere(const struct agent *a)
{
    struct upstream wanted = upstream_of(a);
    return !a->pg.upstream_known || !upstream_equals(&a->pg.upstream, &wanted);
}

bool follow_must_seal(const struct agent *a)
{
    return upstream_is_sealed(a) && agent_is_running(a) && a->pg.role == ROLE_STANDBY &&
           streams_elsewhere(a);
}

void follow_seal(struct agent *a, struct action_list *actions)
{
    struct upstream nowhere = upstream_of(a);
    act_say(actions, SEVERITY_INFO, "turning away from the old leader term=%llu",
            (unsigned long long)a->cluster.term);
    act_follow(a, &nowhere, actions);
    a->watch.due_ms = a->now_ms + SEAL_POLL_MS;
}

/* Also while nobody leads: an old leader that is back in recovery would take whoever still streams
 * from it off the history, and perhaps the last copy. One that is not consistent yet says nothing
 * of its role, and needs its leader's WAL. */
bool follow_must_redirect(const struct agent *a)
{
    bool follows = directive(a) == DIRECTIVE_FOLLOW && a->pg.role != ROLE_PRIMARY;
    bool waits = directive(a) == DIRECTIVE_NONE && a->cluster.opener != LEADER_NONE &&
                 a->pg.role == ROLE_STANDBY;
    return (follows || waits) && agent_is_running(a) && streams_elsewhere(a);
}

void follow_redirect(struct agent *a, struct action_list *actions)
{
    struct upstream leader = upstream_of(a);
    bool same = a->pg.upstream_known && strcmp(a->pg.upstream.node, leader.node) == 0;
    if (!same) {
        act_say(actions, SEVERITY_INFO, "following a different leader (%s)",
                directive(a) == DIRECTIVE_FOLLOW ? leader.node : "none is there");
    }
    act_follow(a, &leader, actions);
}

/* PostgreSQL reads its slots when it starts. One standby at a time, as far as the log shows. */
bool follow_must_load_slots(const struct agent *a)
{
    bool others = true;
    for (uint32_t i = 0; i < a->cluster.node_count; i++) {
        const struct node *n = &a->cluster.nodes[i];
        bool awaited = (int32_t)i != a->me && (int32_t)i != a->cluster.leader && !n->departed &&
                       n->state == NODE_STANDBY;
        others = others && (!awaited || n->streaming);
    }
    return a->report.slots_copied && directive(a) == DIRECTIVE_FOLLOW && agent_is_running(a) &&
           a->pg.role == ROLE_STANDBY && a->watch.last.streaming && others && !agent_is_paused(a);
}

void follow_load_slots(struct agent *a, struct action_list *actions)
{
    a->report.slots_copied = false;
    act_say(actions, SEVERITY_INFO, "starting again with the logical slots of the leader");
    act_stop(a, STOP_FAST, STOP_TIMEOUT_MS, actions);
}

/* ---- what does not run ---- */

static bool may_start(const struct agent *a)
{
    const struct inspection *found = &a->data.found;
    return agent_is_gone(a) && a->data.known && found->verdict == DATA_INTACT &&
           !found->incomplete && !agent_is_foreign(a) && a->now_ms >= a->pg.start_ms;
}

bool follow_must_start(const struct agent *a)
{
    return directive(a) == DIRECTIVE_FOLLOW && may_start(a) && report_obstacle(a) == REASON_NONE;
}

void follow_start(struct agent *a, struct action_list *actions)
{
    struct upstream upstream = upstream_of(a);
    bool leader = upstream.node[0] != '\0';
    act_say(actions, SEVERITY_INFO, "starting as a secondary%s%s", leader ? " of " : "",
            upstream.node);
    act_start(a, false, &upstream, actions);
}

/* No leader is there to follow, and a system exists: what is intact must become electable. */
static bool may_recover(const struct agent *a)
{
    return directive(a) == DIRECTIVE_NONE && a->cluster.system_id != 0 && may_start(a);
}

bool follow_must_recover_standby(const struct agent *a)
{
    return may_recover(a) && !a->data.found.was_primary;
}

/* An old primary may have WAL that nobody else has: others come first, it only if nobody can. */
bool follow_must_recover_primary(const struct agent *a)
{
    bool last_resort = a->cluster.no_candidate || a->cluster.node_count == 1;
    const struct inspection *found = &a->data.found;
    bool usurped = cluster_has_usurped(&a->cluster, a->me, found->was_primary, found->position);
    return may_recover(a) && found->was_primary && !usurped && last_resort &&
           cluster_holder(&a->cluster) == LEADER_NONE;
}

void follow_recover_primary(struct agent *a, struct action_list *actions)
{
    struct upstream nowhere = upstream_nowhere(a);
    act_say(actions, SEVERITY_INFO, "starting in recovery: no other node can lead");
    act_start(a, false, &nowhere, actions);
}
