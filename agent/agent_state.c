/* SPDX-License-Identifier: PostgreSQL */
/* Questions about struct agent that more than one part asks, and the changes that more than one
 * makes.
 */
#include "pause.h"
#include "step.h"

#include <string.h>

struct config agent_config(const struct agent *a)
{
    return a->cluster.configured ? a->cluster.config : config_default();
}

static bool same_grant(const struct vote *vote, const struct cluster *c)
{
    return vote->term == c->term &&
           (c->term == 0 || (vote->grant_seq == c->grant_seq &&
                             memcmp(vote->grant_hash, c->grant_hash, HASH_SIZE) == 0));
}

bool agent_vote_stands(const struct agent *a)
{
    return same_grant(&a->vote, &a->cluster);
}

bool agent_log_went_back(const struct agent *a)
{
    return a->caught_up && a->cluster.term <= a->vote.term && !agent_vote_stands(a);
}

/* The term of the fold is over for this node, whatever the log still says. */
static bool has_given_up(const struct agent *a)
{
    uint64_t term = a->cluster.term;
    return a->vote.given_up_term >= term || a->wanted.given_up_term >= term ||
           a->refused_term == term || a->ending.term != 0;
}

/* Granted to this incarnation, or to one whose vote is ours. Else somebody else of our name may
 * live under the lease of this term (a cloned machine, a replaced disk): we neither renew nor
 * release it, and its end is a matter of silence (I13). */
static bool term_is_ours(const struct agent *a)
{
    return a->cluster.term <= a->start_term || a->grant.incarnation == a->incarnation;
}

bool agent_holds(const struct agent *a)
{
    return a->me >= 0 && cluster_holder(&a->cluster) == a->me && a->cluster.frozen_seq == 0 &&
           agent_vote_stands(a) && term_is_ours(a) && !has_given_up(a);
}

bool agent_is_running(const struct agent *a)
{
    return a->pg.guard_known && a->pg.guard == GUARD_RUNNING;
}

bool agent_is_gone(const struct agent *a)
{
    return a->pg.guard_known && a->pg.guard == GUARD_ABSENT;
}

bool agent_may_be_primary(const struct agent *a)
{
    if (!a->pg.guard_known || a->pg.guard == GUARD_ABSENT) {
        return false;
    }
    bool adopted_primary = a->pg.adopted && a->pg.role == ROLE_UNKNOWN && a->data.known &&
                           a->data.found.was_primary;
    return a->pg.ordered_primary || a->pg.role == ROLE_PRIMARY || adopted_primary;
}

bool agent_is_closed(const struct agent *a)
{
    return !a->ready || a->cluster.frozen_seq != 0 || agent_log_went_back(a);
}

bool agent_is_foreign(const struct agent *a)
{
    uint64_t own = a->data.known ? a->data.found.system_id : 0;
    return own != 0 && a->cluster.system_id != 0 && own != a->cluster.system_id;
}

enum reason agent_disk_reason(const struct agent *a)
{
    static const enum reason reasons[] = {
            [DISK_WRITABLE] = REASON_NONE,
            [DISK_FULL] = REASON_DISK_FULL,
            [DISK_READ_ONLY] = REASON_DISK_READ_ONLY,
    };
    _Static_assert(sizeof reasons / sizeof reasons[0] == DISK_STATE_COUNT, "one per state");
    return a->data.found.verdict == DATA_SILENT ? REASON_DISK_SILENT : reasons[a->data.found.disk];
}

/* The term that this node must give up before it can rest; 0: none. */
static uint64_t term_to_end(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    bool open = c->phase == PHASE_GRANTED || c->phase == PHASE_HELD || c->phase == PHASE_REVOKED;
    bool mine = a->me >= 0 && c->leader == a->me && open && term_is_ours(a);
    return mine && !has_given_up(a) ? c->term : 0;
}

bool agent_ending_waits_for_data(const struct agent *a)
{
    return a->ending.term != 0 && (a->ending.reason == REASON_DATA_DIRECTORY_EMPTY ||
                                   a->ending.reason == REASON_DATA_DIRECTORY_DAMAGED ||
                                   a->ending.reason == REASON_DATA_DIRECTORY_UNREADABLE);
}

void agent_raise(struct agent *a, enum reason reason, uint64_t detected_wall_us)
{
    if (a->fault.reason != REASON_NONE || pause_bears(a, reason)) {
        return;
    }
    bool gone = a->pg.guard_known && a->pg.guard == GUARD_ABSENT;
    uint64_t term = term_to_end(a);
    if (term != 0) {
        a->ending = (struct agent_ending){
                .term = term,
                .reason = reason,
                .detected_wall_us = detected_wall_us,
                .fenced_wall_us = gone ? a->wall_us : 0,
        };
    }
    if (!gone) {
        a->fault.reason = reason;
        a->fault.detected_wall_us = detected_wall_us;
    }
}

void agent_begin_incarnation(struct agent *a, uint64_t incarnation)
{
    a->incarnation = incarnation;
    a->wanted.incarnation = incarnation;
    a->counter = 0;
    a->hello_sent = false;
    a->ready = false;
    a->report.sent = false;
    outbox_clear(&a->outbox);
    memset(a->lease.sent, 0, sizeof a->lease.sent);
    a->promise.is_read = false;
}
