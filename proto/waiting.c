/* SPDX-License-Identifier: PostgreSQL */
#include "waiting.h"

#include "explain.h"
#include "explain_text.h"
#include "lost.h"
#include "pause.h"
#include "standby.h"

#include <inttypes.h>

/* ---- what it is ---- */

static const struct node *node_with_verdict(const struct cluster *c, enum verdict verdict)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].verdict == verdict && !c->nodes[i].departed) {
            return &c->nodes[i];
        }
    }
    return NULL;
}

static enum waiting waiting_none(const struct cluster *c)
{
    if (pause_bars_election(c)) {
        return WAITING_RESUME;
    }
    if (lost_is_known(c)) {
        return WAITING_LOST;
    }
    if (c->no_candidate) {
        return WAITING_CANDIDATE;
    }
    if (c->node_count == 0) {
        return WAITING_FIRST_NODE;
    }
    return c->configured ? WAITING_FIRST_GRANT : WAITING_CONFIG;
}

static enum waiting waiting_granted(const struct cluster *c)
{
    (void)c;
    return WAITING_RENEWAL;
}

static enum waiting waiting_held(const struct cluster *c)
{
    static const enum waiting ways[] = {
            [GRANT_FAILOVER] = WAITING_PROMOTION,
            [GRANT_BOOTSTRAP] = WAITING_INITDB,
            [GRANT_ADOPT] = WAITING_START,
    };
    _Static_assert(sizeof ways / sizeof ways[0] == GRANT_KIND_COUNT, "one per kind of grant");
    if (c->pending.step == SWITCH_STOP) {
        return WAITING_STOP;
    }
    if (pause_is_ending(c)) {
        return WAITING_LEASE_BACK;
    }
    if (c->restart.going) {
        return WAITING_RESTART;
    }
    if (standby_is_on(c)) {
        return c->promoted ? WAITING_NONE : WAITING_STREAM;
    }
    if (c->promoted) {
        return c->writable ? WAITING_NONE : WAITING_FIRST_WRITE;
    }
    return ways[c->grant_kind];
}

/* A standby that could be a candidate and has not spoken in this election. */
static bool is_awaited(const struct cluster *c, const struct node *n)
{
    return !n->departed && n->state == NODE_STANDBY && n->report_term != c->term;
}

static bool asks_for_proof(const struct cluster *c)
{
    return c->config.switch_policy == SWITCH_MAXIMUM_DATA_PROTECTION &&
           node_with_verdict(c, VERDICT_UNPROVEN) != NULL;
}

static enum waiting waiting_ended(const struct cluster *c)
{
    if (pause_bars_election(c) && c->pending.request_seq == 0) {
        return WAITING_RESUME;
    }
    if (lost_is_known(c)) {
        return WAITING_LOST;
    }
    if (c->withheld) {
        return WAITING_POLICY;
    }
    if (c->no_candidate) {
        return asks_for_proof(c) ? WAITING_PROOF : WAITING_CANDIDATE;
    }
    if (c->limited) {
        return WAITING_LIMIT;
    }
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (is_awaited(c, &c->nodes[i])) {
            return WAITING_REPORTS;
        }
    }
    return c->phase == PHASE_REVOKED && c->lease.renewed ? WAITING_LEASE_END : WAITING_GRANT;
}

enum waiting cluster_waiting(const struct cluster *c)
{
    static enum waiting (*const of_phase[])(const struct cluster *c) = {
            [PHASE_NONE] = waiting_none,     [PHASE_GRANTED] = waiting_granted,
            [PHASE_HELD] = waiting_held,     [PHASE_RELEASED] = waiting_ended,
            [PHASE_REVOKED] = waiting_ended,
    };
    _Static_assert(sizeof of_phase / sizeof of_phase[0] == PHASE_COUNT, "one per phase");
    return c->frozen_seq != 0 ? WAITING_UPGRADE : of_phase[c->phase](c);
}

/* ---- in words ---- */

static void say_nothing(const struct cluster *c, struct text *t)
{
    (void)c;
    (void)t;
}

static void say_upgrade(const struct cluster *c, struct text *t)
{
    text_add(t,
             "the decision at sequence %" PRIu64 " is of a newer version of pgbaton; heals when "
             "this program is upgraded",
             c->frozen_seq);
}

static void say_first_node(const struct cluster *c, struct text *t)
{
    (void)c;
    text_add(t, "no node has said hello; heals when an agent of this cluster starts");
}

static void say_config(const struct cluster *c, struct text *t)
{
    (void)c;
    text_add(t, "no configuration yet; heals when a monitor runs");
}

static void say_first_grant(const struct cluster *c, struct text *t)
{
    text_add(t, "no term was granted yet; waiting for a monitor to choose the first leader among");
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        if (n->removed) {
            continue;
        }
        text_add(t, "%s %s (%s)", i == 0 ? "" : ",", n->name,
                 n->departed ? "departed" : node_state_name(n->state));
    }
}

static void say_renewal(const struct cluster *c, struct text *t)
{
    text_add(t, "%s is granted term %" PRIu64 "; waiting for its first renewal", text_leader(c),
             c->term);
}

static void add_holds(const struct cluster *c, struct text *t, const char *what)
{
    text_add(t, "%s holds term %" PRIu64 "; waiting for %s", text_leader(c), c->term, what);
}

static void say_initdb(const struct cluster *c, struct text *t)
{
    add_holds(c, t, "initdb and the start of PostgreSQL");
}

static void say_start(const struct cluster *c, struct text *t)
{
    add_holds(c, t, "PostgreSQL to start");
}

static void say_promotion(const struct cluster *c, struct text *t)
{
    add_holds(c, t, "PostgreSQL to promote");
}

static void say_stream(const struct cluster *c, struct text *t)
{
    add_holds(c, t, "its PostgreSQL to follow the remote cluster at ");
    text_add(t, "%s port %u", c->config.standby.host, (unsigned)c->config.standby.port);
}

static void say_first_write(const struct cluster *c, struct text *t)
{
    const char *how = c->resumed_term == c->term ? "goes on" : "is promoted";
    text_add(t, "%s %s; waiting for its first write", text_leader(c), how);
}

static void say_stop(const struct cluster *c, struct text *t)
{
    text_add(t, "switchover to %s: waits for %s", c->pending.node, explain_stage(STAGE_STOP));
}

static void say_lease_back(const struct cluster *c, struct text *t)
{
    text_add(t,
             "the pause is over; waiting for %s to say that its lease ends again; heals when its "
             "agent runs. If its PostgreSQL is stopped for certain: pgbaton resume "
             "--leader-stopped",
             text_leader(c));
}

static void add_ended(const struct cluster *c, struct text *t)
{
    if (c->phase == PHASE_RELEASED) {
        text_add(t, "term %" PRIu64 " of %s ended (%s); ", c->term, text_leader(c),
                 reason_text(c->ending.reason));
        return;
    }
    text_add(t, "term %" PRIu64 " of %s is revoked; ", c->term, text_leader(c));
    if (c->lease.renewed) {
        text_add(t, "its last lease must have run out (%" PRIu64 " ms); ", cluster_wait_ms(c));
    }
}

static void say_resume(const struct cluster *c, struct text *t)
{
    if (c->phase != PHASE_NONE) {
        add_ended(c, t);
    }
    text_add(t, "the cluster is paused; heals with pgbaton resume, or pgbaton failover --to NODE");
}

static void say_reports(const struct cluster *c, struct text *t)
{
    const char *separator = "waiting for a report of ";
    add_ended(c, t);
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (is_awaited(c, &c->nodes[i])) {
            text_add(t, "%s%s", separator, c->nodes[i].name);
            separator = ", ";
        }
    }
}

static void say_grant(const struct cluster *c, struct text *t)
{
    add_ended(c, t);
    text_add(t, "waiting for a monitor to grant the next term");
}

/* What would make a node eligible that is not, the most hopeful first: before and after its name.
 */
struct remedy {
    enum verdict verdict;
    const char *before;
    const char *after;
};

static const struct remedy remedies[] = {
        {VERDICT_LOG_LOST, "every member has said hello again, ", " among them"},
        {VERDICT_NOT_REPORTED, "", " reports its position"},
        {VERDICT_NOT_ASKED,
         "the old leader returns, or a node without which it would not live on, or an operator has "
         "seen that its PostgreSQL is stopped: pgbaton failover --accept-loss --to ",
         ""},
        {VERDICT_NO_QUORUM,
         "enough of those return that commits waited for, or an operator accepts a loss: pgbaton "
         "failover --accept-loss --to ",
         ""},
        {VERDICT_UNPROVEN,
         "the old leader returns with its data, or an operator accepts a loss: pgbaton failover "
         "--accept-loss --to ",
         ""},
        {VERDICT_UNREACHABLE, "", " returns"},
        {VERDICT_NOT_RUNNING, "", " runs as a standby"},
        {VERDICT_REFUSED, "the state of ", " changes, or it is asked again after 10 s"},
        {VERDICT_PRIMARY_UNSEEN, "the agent of the primary of ", " is started"},
        {VERDICT_LAG, "", " catches up or maximum_lag_on_failover is raised"},
        {VERDICT_NOFAILOVER, "the tag nofailover is taken from ", ""},
        {VERDICT_DISK, "the disk takes writes again on ", ""},
        {VERDICT_FAILED, "PostgreSQL can run again on ", ""},
};

static void add_remedy(const struct cluster *c, struct text *t)
{
    for (size_t r = 0; r < sizeof remedies / sizeof remedies[0]; r++) {
        const struct node *n = node_with_verdict(c, remedies[r].verdict);
        if (n != NULL) {
            text_add(t, "%s%s%s", remedies[r].before, n->name, remedies[r].after);
            return;
        }
    }
    text_add(t, "a standby returns");
}

static void add_node_verdict(const struct node *n, struct text *t)
{
    text_add(t, "%s %s", n->name, n->departed ? "departed" : verdict_text(n->verdict));
    if (n->verdict == VERDICT_FAILED && n->reason != REASON_NONE) {
        text_add(t, " (%s)", reason_text(n->reason));
    }
}

static void say_candidate(const struct cluster *c, struct text *t)
{
    text_add(t, "no eligible node: ");
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (!c->nodes[i].removed) {
            text_add(t, "%s", i == 0 ? "" : ", ");
            add_node_verdict(&c->nodes[i], t);
        }
    }
    text_add(t, "; heals when ");
    add_remedy(c, t);
}

static void say_limit(const struct cluster *c, struct text *t)
{
    const struct bucket_size size = cluster_failover_size(c);
    add_ended(c, t);
    text_add(t, "failover_limit is reached (%" PRIu32 " in ", size.limit);
    text_add_duration(t, size.window_ms);
    text_add(t, "); the next failover is allowed at ");
    text_add_time(t, c->limited_until_us);
    text_add(t, "; heals then, or when failover_limit is raised; see why leaders end "
                "(pgbaton replay timeline)");
}

static void say_restart(const struct cluster *c, struct text *t)
{
    text_add(t, "%s holds term %" PRIu64 " and restarts PostgreSQL in place (%s); waiting for ",
             text_leader(c), c->term, reason_text(c->restart.reason));
    text_add_duration(t, c->config.primary_start_timeout_ms);
    text_add(t, " at most, then it gives the term up");
}

/* Who has everything, should he come back. */
static void add_return(const struct cluster *c, struct text *t)
{
    int32_t last = cluster_last_holder(c);
    if (last != LEADER_NONE) {
        text_add(t, "; heals when %s returns with its data", c->nodes[last].name);
    }
}

static void say_policy(const struct cluster *c, struct text *t)
{
    const struct node *n = node_with_verdict(c, VERDICT_CHOSEN);
    const char *name = n != NULL ? n->name : "a standby";
    add_ended(c, t);
    text_add(t, "switch_policy is %s: would have promoted %s",
             switch_policy_name(c->config.switch_policy), name);
    add_return(c, t);
    text_add(t, ", or with pgbaton failover --to %s", name);
}

static void say_proof(const struct cluster *c, struct text *t)
{
    const struct node *n = node_with_verdict(c, VERDICT_UNPROVEN);
    add_ended(c, t);
    text_add(t, "switch_policy is %s, and nobody is proven to miss nothing: ",
             switch_policy_name(c->config.switch_policy));
    for (uint32_t i = 0; i < c->node_count; i++) {
        text_add(t, "%s", i == 0 ? "" : ", ");
        add_node_verdict(&c->nodes[i], t);
    }
    add_return(c, t);
    text_add(t, ", or with pgbaton failover --to %s --accept-loss", n->name);
}

static void add_lost(const struct cluster *c, struct text *t)
{
    uint32_t missing = lost_expected_count(c) - lost_reported_count(c);
    const char *separator = ": ";
    text_add(t,
             "the log has lost a part of itself, and %" PRIu32 " of %" PRIu32
             " members have not said what they remember",
             missing, lost_expected_count(c));
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (lost_is_awaited(c, (int32_t)i)) {
            bool forgot = lost_has_answered(c, (int32_t)i);
            text_add(t, "%s%s%s", separator, c->nodes[i].name,
                     forgot ? " (remembers nothing: its disk is new or was emptied)" : "");
            separator = ", ";
        }
    }
}

static void say_lost(const struct cluster *c, struct text *t)
{
    if (c->phase != PHASE_NONE) {
        add_ended(c, t);
    }
    add_lost(c, t);
    text_add(t, "; heals when their agents run, or when an operator says that they are gone: "
                "pgbaton log recover");
}

size_t waiting_explain_lost(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (lost_is_known(c)) {
        add_lost(c, &t);
        text_add(&t, "; nobody else is granted a term before their agents run, or an operator says "
                     "that they are gone: pgbaton log recover");
    }
    return t.length;
}

/* ---- the table ---- */

struct row {
    const char *name;
    void (*say)(const struct cluster *c, struct text *t);
};

static const struct row rows[] = {
        [WAITING_NONE] = {"nothing", say_nothing},
        [WAITING_UPGRADE] = {"upgrade", say_upgrade},
        [WAITING_FIRST_NODE] = {"first_node", say_first_node},
        [WAITING_CONFIG] = {"config", say_config},
        [WAITING_FIRST_GRANT] = {"first_grant", say_first_grant},
        [WAITING_RENEWAL] = {"renewal", say_renewal},
        [WAITING_INITDB] = {"initdb", say_initdb},
        [WAITING_START] = {"start", say_start},
        [WAITING_PROMOTION] = {"promotion", say_promotion},
        [WAITING_FIRST_WRITE] = {"first_write", say_first_write},
        [WAITING_REPORTS] = {"reports", say_reports},
        [WAITING_LEASE_END] = {"lease_end", say_grant},
        [WAITING_GRANT] = {"grant", say_grant},
        [WAITING_CANDIDATE] = {"candidate", say_candidate},
        [WAITING_LIMIT] = {"failover_limit", say_limit},
        [WAITING_STOP] = {"stop", say_stop},
        [WAITING_RESUME] = {"resume", say_resume},
        [WAITING_LEASE_BACK] = {"lease_back", say_lease_back},
        [WAITING_RESTART] = {"restart", say_restart},
        [WAITING_POLICY] = {"policy", say_policy},
        [WAITING_PROOF] = {"proof", say_proof},
        [WAITING_STREAM] = {"stream", say_stream},
        [WAITING_LOST] = {"log_lost", say_lost},
};
_Static_assert(sizeof rows / sizeof rows[0] == WAITING_COUNT, "a row for each");

const char *waiting_name(enum waiting waiting)
{
    return (unsigned)waiting < WAITING_COUNT ? rows[waiting].name : "?";
}

size_t waiting_explain(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    rows[cluster_waiting(c)].say(c, &t);
    return t.length;
}
