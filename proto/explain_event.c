/* SPDX-License-Identifier: PostgreSQL */
#include "explain.h"

#include "digest.h"
#include "explain_text.h"
#include "standby.h"

#include <inttypes.h>
#include <string.h>

/* Writes what an effective event says; c is the state after it. */
typedef void (*explain_kind_fn)(const struct cluster *c, const struct event *e, struct text *t);

/* ---- what agents say ---- */

static void add_failures(const struct probe *probe, struct text *t)
{
    if (probe->failures > 0) {
        text_add(t, "; %" PRIu32 " probe%s failed in a row", probe->failures,
                 probe->failures == 1 ? "" : "s");
    }
    if (probe->reason != REASON_NONE) {
        text_add(t, " (%s)", reason_text(probe->reason));
    }
}

static void add_settings(const struct settings_note *note, struct text *t)
{
    if (note->pending_restart) {
        text_add(t, "; a restart is pending: %s", note->pending);
    }
    if (note->refused[0] != '\0') {
        text_add(t, "; PostgreSQL does not take %s", note->refused);
    }
}

static void add_probe(const struct probe *probe, struct text *t)
{
    text_add(t, "%s", node_state_name(probe->state));
    if (probe->position.lsn != 0) {
        text_add(t, " at ");
        text_add_position(t, probe->position);
    }
    if (probe->sealed) {
        text_add(t, ", sealed");
    } else if (probe->state == NODE_STANDBY) {
        text_add(t, probe->streaming ? ", streaming" : ", not streaming");
    }
    add_failures(probe, t);
    add_settings(&probe->settings, t);
}

static bool is_quiet_follower(const struct cluster *c, const struct event *e)
{
    const struct probe *probe = &e->body.probe;
    int32_t holder = cluster_holder(c);
    return holder != LEADER_NONE && cluster_find_node(c, e->writer) != holder &&
           probe->state == NODE_STANDBY && probe->streaming && probe->failures == 0 &&
           !probe->settings.pending_restart && probe->settings.refused[0] == '\0';
}

static void explain_probe(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct probe *probe = &e->body.probe;
    if (probe->election_term != 0) {
        text_add(t, "%s reports for the election after term %" PRIu64 ": ", e->writer,
                 probe->election_term);
        add_probe(probe, t);
        return;
    }
    if (is_quiet_follower(c, e)) {
        text_add(t, "no action. I am %s, a secondary, and following a leader (%s)", e->writer,
                 text_leader(c));
        return;
    }
    text_add(t, "%s is now: ", e->writer);
    add_probe(probe, t);
}

static void explain_renew(const struct cluster *c, const struct event *e, struct text *t)
{
    if (c->phase_seq == e->seq) {
        text_add(t, "%s holds the lock of term %" PRIu64 " (lease %" PRIu32 " ms)", e->writer,
                 e->body.renew.term, e->body.renew.ttl_ms);
        return;
    }
    if (c->restart.seq == e->seq) {
        explain_begun_restart(c, e, t);
        return;
    }
    text_add(t, "no action. I am %s, the leader with the lock", e->writer);
    if (c->restart.going) {
        text_add(t, ", restarting PostgreSQL");
    }
    if (!c->promoted) {
        text_add(t, ", not promoted yet");
    }
}

static void explain_release(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct release *release = &e->body.release;
    text_add(t, "%s released term %" PRIu64 " (%s), ", e->writer, release->term,
             reason_text(release->reason));
    if (release->clean) {
        text_add(t, "stopped cleanly");
    } else {
        text_add(t, "%" PRIu32 " process%s killed", release->killed_count,
                 release->killed_count == 1 ? "" : "es");
    }
    if (release->position.lsn != 0) {
        text_add(t, ", at ");
        text_add_position(t, release->position);
    }
    text_add_closed(c, e, t);
}

static void explain_refuse(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s refused term %" PRIu64 " (%s)", e->writer, e->body.refuse.term,
             reason_text(e->body.refuse.reason));
}

static void explain_hello(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    const struct hello *hello = &e->body.hello;
    text_add(t, "%s says hello: ", e->writer);
    add_probe(&hello->probe, t);
    text_add(t, ", %s:%u", hello->host, (unsigned)hello->port);
    if (hello->pg_version != 0) {
        text_add(t, ", PostgreSQL %" PRIu32 ".%" PRIu32, hello->pg_version / 10000,
                 hello->pg_version % 10000);
    }
    if (hello->nofailover) {
        text_add(t, ", nofailover");
    }
    if (hello->anchor.lost) {
        text_add(t,
                 "; what it has read last is not in the log any more, it remembers term %" PRIu64,
                 hello->anchor.term);
    }
}

static void explain_anchor(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t,
             "%s remembers what is not in the log any more, up to term %" PRIu64
             ": each member is to say what it remembers",
             e->writer, e->body.anchor.term);
}

static void done_other(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s: %s done", e->writer, text_task(e->body.task.task));
}

static void done_initdb(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s initialised a new cluster", e->writer);
}

static void done_basebackup(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s is rebuilt by base backup", e->writer);
}

static void done_rewind(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s is rewound", e->writer);
}

static void done_start(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s started PostgreSQL", e->writer);
}

static void done_stop(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s stopped PostgreSQL", e->writer);
}

static void done_promote(const struct cluster *c, const struct event *e, struct text *t)
{
    const char *verb = c->grant_kind == GRANT_FAILOVER ? "promoted to" : "is the primary on";
    text_add(t, "%s %s timeline %" PRIu32, e->writer, verb, e->body.task.position.timeline);
}

static void done_first_write(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s accepts writes", e->writer);
}

static void done_restore(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s made the cluster from a backup", e->writer);
}

static void done_post_init(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s ran post_init", e->writer);
}

static void done_clone(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s is a copy of the remote cluster", e->writer);
}

static void done_stream(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s follows the remote cluster, on timeline %" PRIu32 ", and the others follow it",
             e->writer, e->body.task.position.timeline);
}

static void done_restart(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s has restarted PostgreSQL as it was asked to", e->writer);
}

static const explain_kind_fn done_of_task[] = {
        [TASK_NONE] = done_other,
        [TASK_INITDB] = done_initdb,
        [TASK_BASEBACKUP] = done_basebackup,
        [TASK_REWIND] = done_rewind,
        [TASK_START] = done_start,
        [TASK_STOP] = done_stop,
        [TASK_PROMOTE] = done_promote,
        [TASK_FIRST_WRITE] = done_first_write,
        [TASK_CHECKPOINT] = done_other,
        [TASK_SYNC] = explain_synced,
        [TASK_RESTORE] = done_restore,
        [TASK_POST_INIT] = done_post_init,
        [TASK_CLONE] = done_clone,
        [TASK_STREAM] = done_stream,
        [TASK_RESTART] = done_restart,
        [TASK_CONFIG] = explain_checked,
};
_Static_assert(sizeof done_of_task / sizeof done_of_task[0] == TASK_COUNT, "a sentence per task");

static void explain_done(const struct cluster *c, const struct event *e, struct text *t)
{
    enum task task = e->body.task.task;
    done_of_task[(unsigned)task < TASK_COUNT ? task : TASK_NONE](c, e, t);
    if (e->body.task.duration_ms > 0) {
        text_add(t, " (");
        text_add_duration(t, e->body.task.duration_ms);
        text_add(t, ")");
    }
    if (task == TASK_PROMOTE) {
        explain_sync_opened(c, t);
    }
}

static void explain_failed(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    const struct task_report *report = &e->body.task;
    text_add(t, "%s: %s failed (%s)", e->writer, text_task(report->task),
             reason_text(report->reason));
    if (report->text[0] != '\0') {
        text_add(t, ": %s", report->text);
    }
}

static void explain_goodbye(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "%s says goodbye (%s)", e->writer, reason_text(e->body.goodbye.reason));
}

/* ---- what monitors decide ---- */

static void explain_revoke(const struct cluster *c, const struct event *e, struct text *t)
{
    text_add(t, "term %" PRIu64 " of %s is revoked (%s): ", e->body.revoke.term, text_leader(c),
             e->decision.rule);
    text_add(t, e->body.revoke.renewal_seq == 0 ? "never renewed, granted " : "last renewed ");
    text_add_duration(t, e->decision.evidence.renewal_age_ms);
    text_add(t, " ago");
    text_add_closed(c, e, t);
}

static void add_candidate(const struct candidate *candidate, struct text *t)
{
    text_add(t, "%s %s", candidate->node, verdict_text(candidate->verdict));
    if (candidate->verdict == VERDICT_FAILED && candidate->reason != REASON_NONE) {
        text_add(t, " (%s)", reason_text(candidate->reason));
    }
}

/* Lists the candidates but for `except`, which may be empty; `opening` stands before the first. */
static void add_candidates(const struct candidate_list *list, const char *except,
                           const char *opening, struct text *t)
{
    const char *separator = opening;
    for (uint32_t i = 0; i < list->count && i < NODE_COUNT_MAX; i++) {
        if (strcmp(list->items[i].node, except) != 0) {
            text_add(t, "%s", separator);
            add_candidate(&list->items[i], t);
            separator = ", ";
        }
    }
}

static void grant_failover(const struct cluster *c, const struct grant *grant, struct text *t)
{
    if (standby_is_on(c)) {
        text_add(t, "leads the standby cluster, furthest at ");
        text_add_position(t, grant->position);
        return;
    }
    text_add(t, c->loss_accepted ? "whatever it lacks, at " : "furthest at ");
    text_add_position(t, grant->position);
    if (c->change.term == grant->term) {
        text_add(t, ", ");
        text_add_loss(&c->change, t);
    }
}

static void grant_bootstrap(const struct cluster *c, const struct grant *grant, struct text *t)
{
    (void)grant;
    text_add(t, standby_is_on(c) ? "copies the remote cluster" : "initialises a new cluster");
}

static void grant_adopt(const struct cluster *c, const struct grant *grant, struct text *t)
{
    (void)c;
    text_add(t, "its data directory becomes the cluster's, at ");
    text_add_position(t, grant->position);
}

static void (*const grant_of_kind[])(const struct cluster *c, const struct grant *grant,
                                     struct text *t) = {
        [GRANT_FAILOVER] = grant_failover,
        [GRANT_BOOTSTRAP] = grant_bootstrap,
        [GRANT_ADOPT] = grant_adopt,
};
_Static_assert(sizeof grant_of_kind / sizeof grant_of_kind[0] == GRANT_KIND_COUNT,
               "a sentence per kind of grant");

static void explain_grant(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct grant *grant = &e->body.grant;
    text_add(t, "%s is granted term %" PRIu64 " (%s): ", grant->node, grant->term,
             e->decision.rule);
    if ((unsigned)grant->kind < GRANT_KIND_COUNT) {
        grant_of_kind[grant->kind](c, grant, t);
    }
    if (grant->wait_count > 0) {
        text_add(t, "; its commits wait for %" PRIu32 " of ", grant->wait_count);
        text_add_names(&grant->waits, t);
    }
    add_candidates(&grant->candidates, grant->node, "; ", t);
}

static void explain_config(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    const struct config *config = &e->body.config;
    text_add(t, "configuration (%s): probe every %" PRIu32 " ms, timeout %" PRIu32 " ms",
             e->decision.rule, config->probe_period_ms, config->probe_timeout_ms);
    text_add(t, ", %" PRIu32 " failures, lease %" PRIu32 " ms, %s", config->probe_failure_threshold,
             config->lease_ttl_ms, switch_policy_name(config->switch_policy));
    if (config->standby.host[0] != '\0') {
        text_add(t, ", standby of %s port %u", config->standby.host,
                 (unsigned)config->standby.port);
    }
    text_add(t, ", synchronous %s", synchronous_name(config->synchronous));
    if (config->synchronous != SYNCHRONOUS_OFF) {
        text_add(t, " %" PRIu32, config->synchronous_count);
        text_add(t, ", failover %s", failover_mode_name(config->failover_mode));
    }
    text_add(t, ", failsafe %s", failsafe_name(config->failsafe));
    for (uint32_t i = 0; i < config->permanent_slots.count; i++) {
        text_add(t, "%s%s", i == 0 ? ", permanent slots " : " ", config->permanent_slots.names[i]);
    }
    for (uint32_t i = 0; i < config->logical_slots.count; i++) {
        text_add(t, "%s%s", i == 0 ? ", permanent logical slots " : " ",
                 config->logical_slots.items[i].name);
    }
    if (config->maximum_lag_on_failover != UINT64_MAX) {
        text_add(t, ", maximum lag ");
        text_add_bytes(t, config->maximum_lag_on_failover);
    }
    if (config->failover_limit != 0) {
        text_add(t, ", %" PRIu32 " failovers in ", config->failover_limit);
        text_add_duration(t, config->failover_window_ms);
    }
    if (config->restart_limit != 0) {
        text_add(t, ", crash_policy %s, %" PRIu32 " restarts in place in ",
                 crash_policy_name(config->crash_policy), config->restart_limit);
        text_add_duration(t, config->restart_window_ms);
    }
    if (config->rebuild_limit != 0) {
        text_add(t, ", %" PRIu32 " rebuilds of a node in ", config->rebuild_limit);
        text_add_duration(t, config->rebuild_window_ms);
    }
}

static void explain_no_candidate(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct no_candidate *n = &e->body.no_candidate;
    bool limited = n->reason == REASON_FAILOVER_LIMIT;
    bool withheld = n->reason == REASON_POLICY;
    text_add(t, "nobody %s granted a term after term %" PRIu64 " (%s)",
             limited || withheld ? "is" : "can be", n->term, e->decision.rule);
    if (limited) {
        text_add(t, ": failover_limit is reached, the next failover is allowed in ");
        text_add_duration(t, n->wait_ms);
    }
    if (withheld) {
        text_add(t, ": switch_policy is %s, ", switch_policy_name(c->config.switch_policy));
        text_add_withheld(n, t);
    }
    add_candidates(&n->candidates, n->node, limited || withheld ? "; " : ": ", t);
}

static void explain_heartbeat(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "monitor %s is alive", e->writer);
}

static void explain_snapshot(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct snapshot *s = &e->body.snapshot;
    char digest[17];
    (void)c;
    digest_text(s->digest, digest);
    text_add(t, "%s has written a snapshot of the state after sequence %llu, digest %s", e->writer,
             (unsigned long long)s->folded_seq, digest);
}

static void explain_none(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    (void)e;
    text_add(t, "an unreadable record");
}

/* ---- the two tables: words and severity, by kind ---- */

struct kind_row {
    explain_kind_fn explain;
    enum severity severity; /* of an effective one; see also explain_severity() */
};

static const struct kind_row kinds[] = {
        [EVENT_NONE] = {explain_none, SEVERITY_WARNING},
        [EVENT_PROBE] = {explain_probe, SEVERITY_INFO},
        [EVENT_RENEW] = {explain_renew, SEVERITY_INFO},
        [EVENT_RELEASE] = {explain_release, SEVERITY_WARNING},
        [EVENT_REFUSE] = {explain_refuse, SEVERITY_WARNING},
        [EVENT_HELLO] = {explain_hello, SEVERITY_INFO},
        [EVENT_PROGRESS] = {explain_progress, SEVERITY_INFO},
        [EVENT_DONE] = {explain_done, SEVERITY_INFO},
        [EVENT_FAILED] = {explain_failed, SEVERITY_WARNING},
        [EVENT_GOODBYE] = {explain_goodbye, SEVERITY_INFO},
        [EVENT_REVOKE] = {explain_revoke, SEVERITY_WARNING},
        [EVENT_GRANT] = {explain_grant, SEVERITY_INFO},
        [EVENT_DIRECTIVE] = {explain_directive, SEVERITY_INFO},
        [EVENT_CONFIG] = {explain_config, SEVERITY_INFO},
        [EVENT_NO_CANDIDATE] = {explain_no_candidate, SEVERITY_ERROR},
        [EVENT_SYNC_SET] = {explain_sync_set, SEVERITY_INFO},
        [EVENT_HEARTBEAT] = {explain_heartbeat, SEVERITY_DEBUG},
        [EVENT_REQUEST] = {explain_request, SEVERITY_INFO},
        [EVENT_SWITCHOVER_STEP] = {explain_switchover_step, SEVERITY_INFO},
        [EVENT_ORDER] = {explain_order, SEVERITY_INFO},
        [EVENT_SNAPSHOT] = {explain_snapshot, SEVERITY_DEBUG},
        [EVENT_ANCHOR] = {explain_anchor, SEVERITY_ERROR},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == EVENT_KIND_COUNT, "a row per kind of event");

/* The severity of an event without effect: what races bring forth every day is for debugging. */
static const enum severity void_severities[] = {
        [VOID_NONE] = SEVERITY_INFO,
        [VOID_MALFORMED] = SEVERITY_WARNING,
        [VOID_NEWER_VERSION] = SEVERITY_ERROR,
        [VOID_WRONG_SUBJECT] = SEVERITY_WARNING,
        [VOID_FOREIGN_CLUSTER] = SEVERITY_WARNING,
        [VOID_UNKNOWN_NODE] = SEVERITY_WARNING,
        [VOID_TOO_MANY_NODES] = SEVERITY_ERROR,
        [VOID_STALE_INCARNATION] = SEVERITY_INFO,
        [VOID_NO_HELLO] = SEVERITY_WARNING,
        [VOID_DUPLICATE] = SEVERITY_DEBUG,
        [VOID_STALE_TERM] = SEVERITY_INFO,
        [VOID_FUTURE_TERM] = SEVERITY_WARNING,
        [VOID_NOT_LEADER] = SEVERITY_WARNING,
        [VOID_NOT_HELD] = SEVERITY_INFO,
        [VOID_STALE_PREDECESSOR] = SEVERITY_DEBUG,
        [VOID_WRONG_HASH] = SEVERITY_ERROR,
        [VOID_BAD_DIGEST] = SEVERITY_ERROR,
        [VOID_RENEWED_SINCE] = SEVERITY_INFO,
        [VOID_NO_WAIT] = SEVERITY_WARNING,
        [VOID_HELD] = SEVERITY_WARNING,
        [VOID_WRONG_TERM] = SEVERITY_WARNING,
        [VOID_NOT_ELIGIBLE] = SEVERITY_WARNING,
        [VOID_ALREADY_BOOTSTRAPPED] = SEVERITY_WARNING,
        [VOID_BAD_TARGET] = SEVERITY_INFO,
        [VOID_BAD_CONFIG] = SEVERITY_WARNING,
        [VOID_LIMIT_REACHED] = SEVERITY_WARNING,
        [VOID_NO_CHANGE] = SEVERITY_DEBUG,
        [VOID_IMPOSSIBLE] = SEVERITY_WARNING,
        [VOID_REQUEST_PENDING] = SEVERITY_WARNING,
        [VOID_REQUEST_OUTDATED] = SEVERITY_INFO,
        [VOID_NO_REQUEST] = SEVERITY_INFO,
        [VOID_WRONG_STEP] = SEVERITY_INFO,
        [VOID_PAUSED] = SEVERITY_INFO,
        [VOID_NOT_PAUSED] = SEVERITY_INFO,
};
_Static_assert(sizeof void_severities / sizeof void_severities[0] == VOID_REASON_COUNT,
               "a severity per void reason");

static const struct kind_row *row_of(const struct event *e)
{
    return &kinds[(unsigned)e->kind < EVENT_KIND_COUNT ? e->kind : EVENT_NONE];
}

/* "renew of node-1", "grant of monitor-1", "record" when nothing is known of it. */
static void add_subject(const struct event *e, struct text *t)
{
    if (e->kind == EVENT_NONE) {
        text_add(t, "record");
    } else {
        text_add(t, "%s of %s", event_kind_name(e->kind), e->writer);
    }
}

size_t explain_event(const struct cluster *c, const struct event *e, struct outcome outcome,
                     char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (outcome.effective) {
        row_of(e)->explain(c, e, &t);
    } else {
        add_subject(e, &t);
        text_add(&t, " ignored: %s", void_reason_text(outcome.void_reason));
    }
    return t.length;
}

static bool is_in_order(enum reason reason)
{
    return reason == REASON_SHUTDOWN || reason == REASON_REQUESTED;
}

static bool is_bad_state(const struct probe *probe)
{
    return probe->failures > 0 || probe->state == NODE_FAILED;
}

enum severity explain_severity(const struct event *e, struct outcome outcome)
{
    if (!outcome.effective) {
        bool known = (unsigned)outcome.void_reason < VOID_REASON_COUNT;
        return known ? void_severities[outcome.void_reason] : SEVERITY_WARNING;
    }
    if (e->kind == EVENT_RELEASE && is_in_order(e->body.release.reason)) {
        return SEVERITY_INFO;
    }
    if (e->kind == EVENT_PROBE && is_bad_state(&e->body.probe)) {
        return SEVERITY_WARNING;
    }
    if (e->kind == EVENT_HELLO && e->body.hello.anchor.lost) {
        return SEVERITY_ERROR;
    }
    bool given_up = e->kind == EVENT_SYNC_SET && e->body.sync_set.count == 0;
    bool aborted = e->kind == EVENT_SWITCHOVER_STEP && e->body.switchover_step.step == SWITCH_ABORT;
    if (given_up || aborted) {
        return SEVERITY_WARNING;
    }
    return row_of(e)->severity;
}
