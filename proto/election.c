/* SPDX-License-Identifier: PostgreSQL */
#include "election.h"

#include "lost.h"
#include "policy.h"
#include "standby.h"
#include "switchover.h"
#include "sync.h"

#include <assert.h>
#include <string.h>

/* True when a node other than i shows data of a system that i does not have. */
static bool other_system_exists(const struct cluster *c, int32_t i)
{
    for (uint32_t k = 0; k < c->node_count; k++) {
        uint64_t other = c->nodes[k].system_id;
        if (other != 0 && other != c->nodes[i].system_id) {
            return true;
        }
    }
    return false;
}

static bool has_only_failed_to_start(const struct node *n)
{
    return n->state == NODE_FAILED && n->reason == REASON_START_FAILED;
}

/* What rules a node out whatever the kind of grant; VERDICT_ELIGIBLE when nothing does. */
static enum verdict common_verdict(const struct node *n)
{
    if (n->nofailover) {
        return VERDICT_NOFAILOVER;
    }
    if (n->departed) {
        return VERDICT_NOT_RUNNING;
    }
    if (n->rebuild_task != TASK_NONE || n->state == NODE_REBUILDING) {
        return VERDICT_REBUILDING;
    }
    if (n->state == NODE_FAILED && !has_only_failed_to_start(n)) {
        return n->reason == REASON_FOREIGN_SYSTEM ? VERDICT_FOREIGN_SYSTEM : VERDICT_FAILED;
    }
    return VERDICT_ELIGIBLE;
}

static enum verdict bootstrap_verdict(const struct cluster *c, int32_t i)
{
    if (c->system_id != 0 || other_system_exists(c, i)) {
        return VERDICT_NO_DATA;
    }
    return c->nodes[i].state == NODE_EMPTY ? VERDICT_ELIGIBLE : VERDICT_NOT_RUNNING;
}

static enum verdict adopt_verdict(const struct cluster *c, int32_t i)
{
    const struct node *n = &c->nodes[i];
    if (n->system_id == 0 || n->state == NODE_EMPTY) {
        return VERDICT_NO_DATA;
    }
    if (c->system_id != 0 || other_system_exists(c, i)) {
        return VERDICT_FOREIGN_SYSTEM;
    }
    /* Its primary goes on somewhere, and what it commits would be lost (its agent may come later).
     */
    if (!standby_is_on(c) && n->newcomer && !n->was_primary && n->state != NODE_FAILED) {
        return VERDICT_PRIMARY_UNSEEN;
    }
    bool ready = n->state == NODE_STOPPED || n->state == NODE_STANDBY || n->state == NODE_PRIMARY;
    /* Nothing else would start it again: an initdb whose first start failed waits for a grant. */
    return ready || has_only_failed_to_start(n) ? VERDICT_ELIGIBLE : VERDICT_NOT_RUNNING;
}

/* True when the node has reported where it stands after the term had ended. */
static bool has_reported(const struct cluster *c, const struct node *n)
{
    return n->report_seq > c->ending.seq && n->report_term == c->term;
}

static enum verdict standby_verdict(const struct cluster *c, const struct node *n)
{
    if (n->state == NODE_EMPTY) {
        return VERDICT_NO_DATA;
    }
    if (n->system_id != c->system_id) {
        return VERDICT_FOREIGN_SYSTEM;
    }
    if (n->state != NODE_STANDBY) {
        return VERDICT_NOT_RUNNING;
    }
    bool on_history = standby_is_on(c) || cluster_on_history(c, n->position);
    if (n->reason == REASON_DIVERGED || !on_history) {
        return VERDICT_DIVERGED;
    }
    return reason_is_disk(n->reason) ? VERDICT_DISK : VERDICT_ELIGIBLE;
}

/* True when the leader has stopped for a switchover, and the node lacks a part of its WAL. */
static bool is_incomplete(const struct cluster *c, const struct node *n)
{
    return n->position.lsn < c->pending.end.lsn;
}

static enum verdict failover_verdict(const struct cluster *c, int32_t i)
{
    const struct node *n = &c->nodes[i];
    enum verdict verdict = standby_verdict(c, n);
    if (verdict != VERDICT_ELIGIBLE) {
        return verdict;
    }
    if (!has_reported(c, n)) {
        return VERDICT_NOT_REPORTED;
    }
    if (cluster_below_floor(c, n->position)) {
        return VERDICT_BELOW_FLOOR;
    }
    if (is_incomplete(c, n)) {
        return VERDICT_INCOMPLETE;
    }
    enum verdict proof = sync_verdict(c, i);
    if (proof != VERDICT_ELIGIBLE) {
        return proof;
    }
    bool bounded = c->config.maximum_lag_on_failover != UINT64_MAX;
    if (bounded && cluster_lag_bytes(c, i) > c->config.maximum_lag_on_failover) {
        return VERDICT_LAG;
    }
    return policy_verdict(c, i);
}

enum verdict election_fitness(const struct cluster *c, int32_t i)
{
    enum verdict verdict = common_verdict(&c->nodes[i]);
    return verdict == VERDICT_ELIGIBLE ? standby_verdict(c, &c->nodes[i]) : verdict;
}

bool election_forgives(const struct evidence *e)
{
    return e->phase_age_ms >= REFUSAL_PAUSE_MS;
}

enum verdict election_verdict(const struct cluster *c, int32_t i, enum grant_kind kind)
{
    assert(i >= 0 && (uint32_t)i < c->node_count);
    static enum verdict (*const verdicts[])(const struct cluster *, int32_t) = {
            [GRANT_FAILOVER] = failover_verdict,
            [GRANT_BOOTSTRAP] = bootstrap_verdict,
            [GRANT_ADOPT] = adopt_verdict,
    };
    _Static_assert(sizeof verdicts / sizeof verdicts[0] == GRANT_KIND_COUNT, "one per kind");
    assert((unsigned)kind < GRANT_KIND_COUNT);
    enum verdict verdict = common_verdict(&c->nodes[i]);
    if (verdict == VERDICT_ELIGIBLE) {
        verdict = verdicts[kind](c, i);
    }
    if (verdict == VERDICT_ELIGIBLE && lost_is_known(c)) {
        return VERDICT_LOG_LOST;
    }
    if (verdict == VERDICT_ELIGIBLE && !cluster_is_asked(c, i)) {
        return VERDICT_NOT_ASKED;
    }
    bool refused = c->term != 0 && c->nodes[i].refused_term == c->term;
    return verdict == VERDICT_ELIGIBLE && refused ? VERDICT_REFUSED : verdict;
}

static bool is_asked_for(const struct cluster *c, const struct node *n)
{
    return c->pending.request_seq != 0 && strcmp(c->pending.node, n->name) == 0;
}

bool election_has_failed_to_make(const struct node *n)
{
    return n->failed_task == TASK_INITDB || n->failed_task == TASK_RESTORE ||
           n->failed_task == TASK_CLONE;
}

bool election_prefers(const struct cluster *c, int32_t a, int32_t b)
{
    const struct node *x = &c->nodes[a];
    const struct node *y = &c->nodes[b];
    bool asked = is_asked_for(c, x) != is_asked_for(c, y);
    if (asked && c->pending.accept_loss) {
        return is_asked_for(c, x);
    }
    /* Before a system is known a data directory is adopted: a stopped primary's pg_control shows
     * less than the WAL that it has, so that its being the primary comes first. */
    if (c->system_id == 0 && x->was_primary != y->was_primary) {
        return x->was_primary;
    }
    /* Another node may have what that one lacks to make a cluster. */
    if (c->system_id == 0 && election_has_failed_to_make(x) != election_has_failed_to_make(y)) {
        return election_has_failed_to_make(y);
    }
    int order = position_compare(x->position, y->position);
    if (order != 0) {
        return order > 0;
    }
    if (asked) {
        return is_asked_for(c, x);
    }
    if (x->failover_priority != y->failover_priority) {
        return x->failover_priority > y->failover_priority;
    }
    return strcmp(x->name, y->name) < 0;
}

static void judge(const struct cluster *c, int32_t i, enum verdict verdict,
                  struct candidate *ret_candidate)
{
    const struct node *n = &c->nodes[i];
    memset(ret_candidate, 0, sizeof *ret_candidate);
    memcpy(ret_candidate->node, n->name, sizeof n->name);
    ret_candidate->verdict = verdict;
    ret_candidate->reason = n->reason;
    ret_candidate->position = n->position;
}

/* The better of two; either may be nobody. */
static int32_t better(const struct cluster *c, int32_t a, int32_t b)
{
    return a == LEADER_NONE || election_prefers(c, b, a) ? b : a;
}

/* What a node's verdict would be without switch_policy. */
static enum verdict without_policy(const struct cluster *c, int32_t i, enum verdict verdict)
{
    bool refused = c->nodes[i].refused_term == c->term;
    enum verdict next = refused ? VERDICT_REFUSED : VERDICT_ELIGIBLE;
    return verdict == VERDICT_POLICY ? next : verdict;
}

static int32_t choose(const struct cluster *c, enum grant_kind kind, const struct evidence *e,
                      bool free, struct candidate_list *ret_list)
{
    int32_t best = LEADER_NONE;
    int32_t refuser = LEADER_NONE;
    memset(ret_list, 0, sizeof *ret_list);
    ret_list->count = c->node_count;
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool alive = (e->alive_mask >> i & 1U) != 0;
        int32_t node = (int32_t)i;
        enum verdict verdict = alive ? election_verdict(c, node, kind) : VERDICT_UNREACHABLE;
        verdict = free ? without_policy(c, node, verdict) : verdict;
        judge(c, node, verdict, &ret_list->items[i]);
        bool may = verdict == VERDICT_ELIGIBLE || switchover_forgives(c, node, verdict);
        best = may ? better(c, best, node) : best;
        refuser = verdict == VERDICT_REFUSED ? better(c, refuser, node) : refuser;
    }
    if (best == LEADER_NONE && election_forgives(e)) {
        best = refuser;
    }
    if (best != LEADER_NONE) {
        ret_list->items[best].verdict = VERDICT_CHOSEN;
    }
    return best;
}

int32_t election_choose(const struct cluster *c, enum grant_kind kind, const struct evidence *e,
                        struct candidate_list *ret_list)
{
    return choose(c, kind, e, false, ret_list);
}

int32_t election_would_choose(const struct cluster *c, const struct evidence *e,
                              struct candidate_list *ret_list)
{
    bool forbidden = c->config.switch_policy == SWITCH_NOOP && c->configured;
    if (!forbidden || choose(c, GRANT_FAILOVER, e, false, ret_list) != LEADER_NONE) {
        return LEADER_NONE;
    }
    return choose(c, GRANT_FAILOVER, e, true, ret_list);
}

bool election_is_complete(const struct cluster *c, uint32_t alive_mask)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        bool alive = (alive_mask >> i & 1U) != 0;
        enum verdict verdict = election_verdict(c, (int32_t)i, GRANT_FAILOVER);
        if (alive && (verdict == VERDICT_NOT_REPORTED || verdict == VERDICT_NOT_SEALED)) {
            return false;
        }
    }
    return true;
}
