/* SPDX-License-Identifier: PostgreSQL */
#include "cluster.h"

#include "lost.h"
#include "standby.h"

#include <assert.h>
#include <string.h>

static const char *const phase_names[] = {
        [PHASE_NONE] = "none",         [PHASE_GRANTED] = "granted", [PHASE_HELD] = "held",
        [PHASE_RELEASED] = "released", [PHASE_REVOKED] = "revoked",
};
_Static_assert(sizeof phase_names / sizeof phase_names[0] == PHASE_COUNT, "a name for each phase");

struct void_words {
    const char *name;
    const char *text;
};

static const struct void_words void_words[] = {
        [VOID_NONE] = {"none", "it is effective"},
        [VOID_MALFORMED] = {"malformed", "its bytes do not decode to an event"},
        [VOID_NEWER_VERSION] = {"newer_version", "it is of a newer version of pgbaton"},
        [VOID_WRONG_SUBJECT] = {"wrong_subject", "it stands on a subject that is not its own"},
        [VOID_FOREIGN_CLUSTER] = {"foreign_cluster", "it names another cluster"},
        [VOID_UNKNOWN_NODE] = {"unknown_node", "its writer has never said hello"},
        [VOID_TOO_MANY_NODES] = {"too_many_nodes", "the cluster has no room for another node"},
        [VOID_STALE_INCARNATION] = {"stale_incarnation", "its writer has been restarted since"},
        [VOID_NO_HELLO] = {"no_hello", "this incarnation of its writer has not said hello"},
        [VOID_DUPLICATE] = {"duplicate", "its writer's later event was folded already"},
        [VOID_STALE_TERM] = {"stale_term", "it speaks of an earlier term"},
        [VOID_FUTURE_TERM] = {"future_term", "it speaks of a term that was never granted"},
        [VOID_NOT_LEADER] = {"not_leader", "its writer was not granted this term"},
        [VOID_NOT_HELD] = {"not_held", "the term has ended already"},
        [VOID_STALE_PREDECESSOR] = {"stale_predecessor",
                                    "it does not follow the last effective decision"},
        [VOID_WRONG_HASH] = {"wrong_hash", "its predecessor has another content"},
        [VOID_BAD_DIGEST] = {"bad_digest", "its author folded the log to another state"},
        [VOID_RENEWED_SINCE] = {"renewed_since", "the lease was renewed since its author looked"},
        [VOID_NO_WAIT] = {"no_wait", "it does not prove the wait for the end of the lease"},
        [VOID_HELD] = {"held", "somebody holds the term"},
        [VOID_WRONG_TERM] = {"wrong_term", "its term is not the next one"},
        [VOID_WRONG_TIMELINE] = {"wrong_timeline", "its timeline may exist already elsewhere"},
        [VOID_NOT_ELIGIBLE] = {"not_eligible", "the grantee is not eligible"},
        [VOID_ALREADY_BOOTSTRAPPED] = {"already_bootstrapped",
                                       "a PostgreSQL system exists already"},
        [VOID_BAD_TARGET] = {"bad_target", "its node must not be told that"},
        [VOID_BAD_CONFIG] = {"bad_config", "its values are out of range"},
        [VOID_LIMIT_REACHED] = {"limit_reached", "so many were allowed of late, and no more"},
        [VOID_NO_CHANGE] = {"no_change", "it states what already is"},
        [VOID_IMPOSSIBLE] = {"impossible", "no honest writer sends such values"},
        [VOID_REQUEST_PENDING] = {"request_pending", "another request is not carried out yet"},
        [VOID_REQUEST_OUTDATED] = {"request_outdated",
                                   "another request has ended since its author looked"},
        [VOID_NO_REQUEST] = {"no_request", "nobody asks for it"},
        [VOID_WRONG_STEP] = {"wrong_step", "state and evidence do not call for it"},
        [VOID_PAUSED] = {"paused", "the cluster is paused, or its leader has not said yet that its "
                                   "lease ends again"},
        [VOID_NOT_PAUSED] = {"not_paused", "it lifts the lease, and the cluster is not paused"},
};
_Static_assert(sizeof void_words / sizeof void_words[0] == VOID_REASON_COUNT,
               "words for each void reason");

const char *phase_name(enum phase phase)
{
    return (unsigned)phase < PHASE_COUNT ? phase_names[phase] : "?";
}

const char *void_reason_name(enum void_reason reason)
{
    return (unsigned)reason < VOID_REASON_COUNT ? void_words[reason].name : "?";
}

const char *void_reason_text(enum void_reason reason)
{
    return (unsigned)reason < VOID_REASON_COUNT ? void_words[reason].text : "?";
}

void cluster_init(struct cluster *c, const char *name)
{
    assert(name_is_valid(name));
    memset(c, 0, sizeof *c);
    memcpy(c->name, name, strlen(name) + 1);
    c->leader = LEADER_NONE;
    c->opener = LEADER_NONE;
}

int32_t cluster_find_node(const struct cluster *c, const char *name)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (strcmp(c->nodes[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

int32_t cluster_holder(const struct cluster *c)
{
    bool open = c->phase == PHASE_GRANTED || c->phase == PHASE_HELD;
    return open ? c->leader : LEADER_NONE;
}

bool cluster_has_ended(const struct cluster *c)
{
    return c->phase == PHASE_RELEASED || c->phase == PHASE_REVOKED;
}

enum directive_kind cluster_directive(const struct cluster *c, int32_t i)
{
    assert(i >= 0 && (uint32_t)i < c->node_count);
    if (cluster_holder(c) == i) {
        return c->pending.step == SWITCH_STOP ? DIRECTIVE_STOP : DIRECTIVE_LEAD;
    }
    if (c->phase != PHASE_HELD || !c->promoted) {
        return DIRECTIVE_NONE;
    }
    return c->nodes[i].rebuild_task != TASK_NONE ? DIRECTIVE_REBUILD : DIRECTIVE_FOLLOW;
}

uint64_t cluster_wait_ms(const struct cluster *c)
{
    if (!c->lease.renewed) {
        return 0;
    }
    return (uint64_t)c->lease.ttl_ms_max + LEASE_ALLOWANCE_MS(c->lease.ttl_ms_max);
}

uint64_t cluster_last_renewal_seq(const struct cluster *c)
{
    return c->lease.renewed ? c->lease.renewal_seq : 0;
}

uint32_t cluster_ttl_ms(const struct cluster *c)
{
    return c->configured ? c->config.lease_ttl_ms : config_default().lease_ttl_ms;
}

static struct config config_of(const struct cluster *c)
{
    return c->configured ? c->config : config_default();
}

struct bucket_size cluster_failover_size(const struct cluster *c)
{
    const struct config config = config_of(c);
    return (struct bucket_size){config.failover_limit, config.failover_window_ms};
}

struct bucket_size cluster_rebuild_size(const struct cluster *c)
{
    const struct config config = config_of(c);
    return (struct bucket_size){config.rebuild_limit, config.rebuild_window_ms};
}

struct bucket_size cluster_restart_size(const struct cluster *c)
{
    const struct config config = config_of(c);
    return (struct bucket_size){config.restart_limit, config.restart_window_ms};
}

bool cluster_has_fallen(const struct cluster *c)
{
    /* A grant that was never renewed changed nothing: what called for it calls for the next. */
    if (c->term != 0 && !c->lease.renewed) {
        return c->failovers_granted.seq != 0;
    }
    return c->ending.reason != REASON_SHUTDOWN && c->ending.reason != REASON_REQUESTED;
}

bool cluster_failover_counts(const struct cluster *c)
{
    return c->pending.kind != REQUEST_FAILOVER && cluster_has_fallen(c);
}

uint64_t cluster_failover_ripe_ms(const struct cluster *c)
{
    return cluster_failover_counts(c) ? bucket_ripe_ms(&c->failovers, cluster_failover_size(c)) : 0;
}

uint64_t cluster_rebuild_ripe_ms(const struct cluster *c, int32_t i)
{
    return bucket_ripe_ms(&c->nodes[i].rebuilds, cluster_rebuild_size(c));
}

uint64_t cluster_restart_ripe_ms(const struct cluster *c)
{
    return bucket_ripe_ms(&c->restart.tokens, cluster_restart_size(c));
}

bool cluster_on_history(const struct cluster *c, struct position p)
{
    if (c->floor.timeline == 0) {
        return true;
    }
    bool newer = standby_is_on(c) && p.timeline > c->floor.timeline; /* of the remote */
    if (p.timeline == c->floor.timeline || newer) {
        return true;
    }
    for (uint32_t i = 0; i < c->history.count; i++) {
        if (c->history.entries[i].timeline == p.timeline) {
            return p.lsn <= c->history.entries[i].switch_lsn;
        }
    }
    return false;
}

bool cluster_has_usurped(const struct cluster *c, int32_t i, bool was_primary, struct position p)
{
    bool copied = i >= 0 && c->nodes[i].rebuilt_task == TASK_BASEBACKUP;
    return was_primary && !copied && !standby_is_on(c) && p.timeline != 0 &&
           p.timeline == c->floor.timeline && c->opener != LEADER_NONE && c->opener != i &&
           c->leader != i;
}

bool cluster_below_floor(const struct cluster *c, struct position p)
{
    return p.lsn < c->floor.lsn && !standby_is_on(c);
}

uint64_t cluster_lag_bytes(const struct cluster *c, int32_t i)
{
    uint64_t leader_lsn = c->lease.position.lsn;
    uint64_t lsn = c->nodes[i].position.lsn;
    return leader_lsn > lsn ? leader_lsn - lsn : 0;
}

/* Of whose promotion may have gone untold: the first renewal names the holder (fold_agent.c). */
int32_t cluster_last_holder(const struct cluster *c)
{
    return c->lease.renewal_seq != 0 ? c->opening.node : LEADER_NONE;
}

/* It knows that its term is over, and every process of its PostgreSQL is dead, or in recovery. */
static bool has_resigned(const struct cluster *c, int32_t i)
{
    const struct node *n = &c->nodes[i];
    bool rests = n->state == NODE_STANDBY || n->state == NODE_STOPPED || n->state == NODE_EMPTY ||
                 n->state == NODE_FAILED;
    return rests && n->report_seq > c->ending.seq && n->report_term == c->term;
}

bool cluster_is_asked(const struct cluster *c, int32_t i)
{
    int32_t last = cluster_last_holder(c);
    return !c->lease.failsafe || i == last || (c->lease.electable >> (uint32_t)i & 1U) != 0 ||
           (last != LEADER_NONE && has_resigned(c, last));
}

/* A crash may have cost it the record that its last page flushed ends in. */
bool cluster_keeps_its_own(const struct cluster *c, int32_t i)
{
    struct position p = c->nodes[i].position;
    p.lsn += LEADER_TAIL_BYTES;
    return i == cluster_last_holder(c) && !lost_may_hide_a_holder(c) &&
           position_compare(p, c->lease.position) >= 0;
}

static bool knows_the_end(const struct cluster *c)
{
    return c->ending.end.lsn != 0 && !lost_may_hide_a_holder(c);
}

static bool has_the_end(const struct cluster *c, int32_t i)
{
    return knows_the_end(c) && position_compare(c->nodes[i].position, c->ending.end) >= 0;
}

bool cluster_misses_nothing(const struct cluster *c, int32_t i)
{
    return cluster_keeps_its_own(c, i) || has_the_end(c, i);
}

bool cluster_loss_is_known(const struct cluster *c, int32_t i)
{
    return knows_the_end(c) || cluster_keeps_its_own(c, i);
}
