/* SPDX-License-Identifier: PostgreSQL */
#include "event.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const kind_names[] = {
        [EVENT_NONE] = "none",
        [EVENT_PROBE] = "probe",
        [EVENT_RENEW] = "renew",
        [EVENT_RELEASE] = "release",
        [EVENT_REFUSE] = "refuse",
        [EVENT_HELLO] = "hello",
        [EVENT_PROGRESS] = "progress",
        [EVENT_DONE] = "done",
        [EVENT_FAILED] = "failed",
        [EVENT_GOODBYE] = "goodbye",
        [EVENT_REVOKE] = "revoke",
        [EVENT_GRANT] = "grant",
        [EVENT_DIRECTIVE] = "directive",
        [EVENT_CONFIG] = "config",
        [EVENT_NO_CANDIDATE] = "no_candidate",
        [EVENT_SYNC_SET] = "sync_set",
        [EVENT_HEARTBEAT] = "heartbeat",
        [EVENT_REQUEST] = "request",
        [EVENT_SWITCHOVER_STEP] = "switchover_step",
        [EVENT_ORDER] = "order",
        [EVENT_SNAPSHOT] = "snapshot",
        [EVENT_ANCHOR] = "anchor",
};
_Static_assert(LENGTH(kind_names) == EVENT_KIND_COUNT, "every kind has a name");

static const char *const state_names[] = {
        [NODE_UNKNOWN] = "unknown",       [NODE_EMPTY] = "empty",
        [NODE_STOPPED] = "stopped",       [NODE_STARTING] = "starting",
        [NODE_STANDBY] = "standby",       [NODE_PROMOTING] = "promoting",
        [NODE_PRIMARY] = "primary",       [NODE_STOPPING] = "stopping",
        [NODE_REBUILDING] = "rebuilding", [NODE_FAILED] = "failed",
};
_Static_assert(LENGTH(state_names) == NODE_STATE_COUNT, "every state has a name");

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
        [REASON_NONE] = {"none", "no reason given"},
        [REASON_DATA_DIRECTORY_EMPTY] = {"data_directory_empty", "data directory empty"},
        [REASON_DATA_DIRECTORY_DAMAGED] = {"data_directory_damaged", "data directory damaged"},
        [REASON_DATA_DIRECTORY_UNREADABLE] = {"data_directory_unreadable",
                                              "data directory unreadable"},
        [REASON_POSTMASTER_DIED] = {"postmaster_died", "postmaster died"},
        [REASON_PROBE_TIMEOUT] = {"probe_timeout", "PostgreSQL does not answer"},
        [REASON_PROBE_FAILED] = {"probe_failed", "PostgreSQL answers with errors"},
        [REASON_LEASE_EXPIRED] = {"lease_expired", "lease expired"},
        [REASON_DEPOSED] = {"deposed", "deposed"},
        [REASON_SHUTDOWN] = {"shutdown", "agent stopped"},
        [REASON_FOREIGN_SYSTEM] = {"foreign_system", "data of another PostgreSQL system"},
        [REASON_UNCLEAN_PRIMARY] = {"unclean_primary", "was a primary and did not stop cleanly"},
        [REASON_DIVERGED] = {"diverged", "not on the cluster's history"},
        [REASON_START_FAILED] = {"start_failed", "PostgreSQL did not start"},
        [REASON_PROMOTE_FAILED] = {"promote_failed", "PostgreSQL did not promote in time"},
        [REASON_INITDB_FAILED] = {"initdb_failed", "initdb failed"},
        [REASON_BASEBACKUP_FAILED] = {"basebackup_failed", "base backup failed"},
        [REASON_REWIND_FAILED] = {"rewind_failed", "pg_rewind failed"},
        [REASON_STALE_TERM] = {"stale_term", "the node knows a higher term"},
        [REASON_NOT_ELIGIBLE] = {"not_eligible", "the node is not what the grant took it for"},
        [REASON_REQUESTED] = {"requested", "requested by an operator"},
        [REASON_SUPERSEDED] = {"superseded", "a newer agent of this node has started"},
        [REASON_DISK_FULL] = {"disk_full", "disk full"},
        [REASON_DISK_READ_ONLY] = {"disk_read_only", "file system read-only"},
        [REASON_DISK_SILENT] = {"disk_silent", "disk gives no answer"},
        [REASON_FAILOVER_LIMIT] = {"failover_limit", "too many failovers of late"},
        [REASON_TARGET_UNFIT] = {"target_unfit", "the target cannot take over"},
        [REASON_NOBODY_FIT] = {"nobody_fit", "no standby can take over"},
        [REASON_CHECKPOINT_FAILED] = {"checkpoint_failed",
                                      "the leader's checkpoint failed, or took too long"},
        [REASON_STANDBY_STUCK] = {"standby_stuck", "a standby that the leader's shutdown would "
                                                   "wait for does not keep up"},
        [REASON_STOP_TIMEOUT] = {"stop_timeout", "PostgreSQL did not stop in time"},
        [REASON_END_UNREACHED] = {"end_unreached",
                                  "nobody came who has all that the old leader wrote"},
        [REASON_TERM_ENDED] = {"term_ended", "the term ended otherwise"},
        [REASON_OTHER_CHOSEN] = {"other_chosen", "another node was chosen"},
        [REASON_WAL_MISSING] = {"wal_missing", "the leader has removed WAL that it needs"},
        [REASON_REWIND_IN_VAIN] = {"rewind_in_vain", "pg_rewind did not help"},
        [REASON_MISSED] = {"missed", "no monitor was there at its time"},
        [REASON_CANCELLED] = {"cancelled", "taken back by an operator"},
        [REASON_RESTORE_FAILED] = {"restore_failed", "the backup could not be restored"},
        [REASON_POST_INIT_FAILED] = {"post_init_failed", "the command post_init failed"},
        [REASON_LEADER_HEARD] = {"leader_heard", "the leader is heard: it is not stopped"},
        [REASON_OVERTAKEN] = {"overtaken", "it makes no sense any more"},
        [REASON_RESTART_TIMEOUT] = {"restart_timeout",
                                    "PostgreSQL could not be restarted in place in time"},
        [REASON_POLICY] = {"policy", "switch_policy lets nobody be promoted unasked"},
        [REASON_NODE_HEARD] = {"node_heard", "the node is heard: stop its agent first"},
        [REASON_STILL_NEEDED] = {"still_needed",
                                 "commits, an election or a request still count on it"},
        [REASON_NODE_SILENT] = {"node_silent", "the node is not heard"},
        [REASON_NOT_RUNNING] = {"not_running", "its PostgreSQL does not run, or does not serve"},
        [REASON_RESTART_GOES_ON] = {"restart_goes_on", "another restart has not ended"},
        [REASON_PARAMETER_FORBIDDEN] = {"parameter_forbidden",
                                        "a parameter of it is pgbaton's or a node's own"},
        [REASON_PARAMETER_INVALID] = {"parameter_invalid",
                                      "the leader's PostgreSQL does not take it"},
        [REASON_PARAMETERS_FULL] = {"parameters_full", "there is no room for so many parameters"},
        [REASON_NO_CHANGE] = {"no_change", "it changes nothing"},
        [REASON_UNCHECKED] = {"unchecked", "nobody leads whose PostgreSQL could check it"},
        [REASON_LOG_LOST] = {"log_lost", "the log has lost what that rests on"},
};
_Static_assert(LENGTH(reasons) == REASON_COUNT, "every reason has a name and a text");

static const char *const task_names[] = {
        [TASK_NONE] = "none",
        [TASK_INITDB] = "initdb",
        [TASK_BASEBACKUP] = "basebackup",
        [TASK_REWIND] = "rewind",
        [TASK_START] = "start",
        [TASK_STOP] = "stop",
        [TASK_PROMOTE] = "promote",
        [TASK_FIRST_WRITE] = "first_write",
        [TASK_CHECKPOINT] = "checkpoint",
        [TASK_SYNC] = "sync",
        [TASK_RESTORE] = "restore",
        [TASK_POST_INIT] = "post_init",
        [TASK_CLONE] = "clone",
        [TASK_STREAM] = "stream",
        [TASK_RESTART] = "restart",
        [TASK_CONFIG] = "config",
};
_Static_assert(LENGTH(task_names) == TASK_COUNT, "every task has a name");

static const char *const grant_kind_names[] = {
        [GRANT_FAILOVER] = "failover",
        [GRANT_BOOTSTRAP] = "bootstrap",
        [GRANT_ADOPT] = "adopt",
};
_Static_assert(LENGTH(grant_kind_names) == GRANT_KIND_COUNT, "every kind of grant has a name");

static const struct {
    const char *name;
    const char *text;
} verdicts[] = {
        [VERDICT_ELIGIBLE] = {"eligible", "eligible"},
        [VERDICT_CHOSEN] = {"chosen", "chosen"},
        [VERDICT_UNREACHABLE] = {"unreachable", "is not heard"},
        [VERDICT_NOT_REPORTED] = {"not_reported", "has not reported for this election"},
        [VERDICT_NO_DATA] = {"no_data", "has no data directory"},
        [VERDICT_REBUILDING] = {"rebuilding", "is being rebuilt"},
        [VERDICT_NOT_RUNNING] = {"not_running", "is not a running standby"},
        [VERDICT_FAILED] = {"failed", "cannot run as it is"},
        [VERDICT_FOREIGN_SYSTEM] = {"foreign_system", "holds data of another PostgreSQL system"},
        [VERDICT_DIVERGED] = {"diverged", "is not on the cluster's history"},
        [VERDICT_BELOW_FLOOR] = {"below_floor", "is behind the place where the last term opened"},
        [VERDICT_LAG] = {"lag", "is further behind than maximum_lag_on_failover"},
        [VERDICT_NOFAILOVER] = {"nofailover", "is tagged nofailover"},
        [VERDICT_REFUSED] = {"refused", "refused the last grant"},
        [VERDICT_DISK] = {"disk", "its disk takes no writes"},
        [VERDICT_INCOMPLETE] = {"incomplete", "lacks a part of what the old leader wrote"},
        [VERDICT_NOT_SEALED] = {"not_sealed", "has not turned away from the old leader yet"},
        [VERDICT_NO_QUORUM] =
                {"no_quorum",
                 "may lack acknowledged commits: too few of those that commits waited for report"},
        [VERDICT_BEHIND] = {"behind", "has less than another that commits waited for"},
        [VERDICT_UNPROVEN] = {"unproven", "may lack acknowledged commits"},
        [VERDICT_PRIMARY_UNSEEN] = {"primary_unseen", "is a standby whose primary was not seen"},
        [VERDICT_POLICY] = {"policy",
                            "could lead, but switch_policy lets nobody be promoted unasked"},
        [VERDICT_NOT_ASKED] = {"not_asked", "must wait: the last leader may live on promises of "
                                            "other nodes"},
        [VERDICT_LOG_LOST] = {"log_lost", "must wait: the log has lost a part of itself, and not "
                                          "every member has said what it remembers"},
};
_Static_assert(LENGTH(verdicts) == VERDICT_COUNT, "every verdict has a name and a text");

static const char *const switch_policy_names[] = {
        [SWITCH_MAXIMUM_AVAILABILITY] = "MaximumAvailability",
        [SWITCH_MAXIMUM_DATA_PROTECTION] = "MaximumDataProtection",
        [SWITCH_NOOP] = "Noop",
};
_Static_assert(LENGTH(switch_policy_names) == SWITCH_POLICY_COUNT, "every policy has a name");

static const char *const crash_policy_names[] = {
        [CRASH_FAILOVER] = "failover",
        [CRASH_RESTART] = "restart",
};
_Static_assert(LENGTH(crash_policy_names) == CRASH_POLICY_COUNT, "every policy has a name");

static const char *const request_kind_names[] = {
        [REQUEST_SWITCHOVER] = "switchover", [REQUEST_FAILOVER] = "failover",
        [REQUEST_REBUILD] = "rebuild",       [REQUEST_CANCEL] = "cancel",
        [REQUEST_PAUSE] = "pause",           [REQUEST_RESUME] = "resume",
        [REQUEST_REMOVE] = "remove",         [REQUEST_PROMOTE] = "promote",
        [REQUEST_RESTART] = "restart",       [REQUEST_CONFIG] = "config",
        [REQUEST_RELOAD] = "reload",         [REQUEST_RECOVER] = "recover",
};
_Static_assert(LENGTH(request_kind_names) == REQUEST_KIND_COUNT, "every request has a name");

static const char *const switch_step_names[] = {
        [SWITCH_NONE] = "none",   [SWITCH_BEGIN] = "begin", [SWITCH_STOP] = "stop",
        [SWITCH_ABORT] = "abort", [SWITCH_DUE] = "due",
};
_Static_assert(LENGTH(switch_step_names) == SWITCH_STEP_COUNT, "every step has a name");

static const char *const synchronous_names[] = {
        [SYNCHRONOUS_OFF] = "off",
        [SYNCHRONOUS_QUORUM] = "quorum",
        [SYNCHRONOUS_STRICT] = "strict",
};
_Static_assert(LENGTH(synchronous_names) == SYNCHRONOUS_MODE_COUNT, "every mode has a name");

static const char *const failover_mode_names[] = {
        [FAILOVER_LEASE] = "lease",
        [FAILOVER_SEALED] = "sealed",
};
_Static_assert(LENGTH(failover_mode_names) == FAILOVER_MODE_COUNT, "every mode has a name");

static const char *const failsafe_names[] = {
        [FAILSAFE_ON] = "on",
        [FAILSAFE_OFF] = "off",
};
_Static_assert(LENGTH(failsafe_names) == FAILSAFE_COUNT, "every one has a name");

static const char *const sync_step_names[] = {
        [SYNC_NONE] = "none",
        [SYNC_CHANGING] = "changing",
        [SYNC_STEADY] = "steady",
};
_Static_assert(LENGTH(sync_step_names) == SYNC_STEP_COUNT, "every step has a name");

bool event_is_decision(enum event_kind kind)
{
    return kind == EVENT_REVOKE || kind == EVENT_GRANT || kind == EVENT_DIRECTIVE ||
           kind == EVENT_CONFIG || kind == EVENT_NO_CANDIDATE || kind == EVENT_SYNC_SET ||
           kind == EVENT_SWITCHOVER_STEP || kind == EVENT_ORDER;
}

bool request_is_ordered(enum request_kind kind)
{
    return kind == REQUEST_PAUSE || kind == REQUEST_RESUME || kind == REQUEST_REMOVE ||
           kind == REQUEST_PROMOTE || kind == REQUEST_RESTART || kind == REQUEST_CONFIG ||
           kind == REQUEST_RELOAD || kind == REQUEST_RECOVER;
}

bool verdict_is_of_proof(enum verdict verdict)
{
    return verdict == VERDICT_NOT_SEALED || verdict == VERDICT_NO_QUORUM ||
           verdict == VERDICT_BEHIND || verdict == VERDICT_UNPROVEN;
}

bool reason_is_disk(enum reason reason)
{
    return reason == REASON_DISK_FULL || reason == REASON_DISK_READ_ONLY ||
           reason == REASON_DISK_SILENT;
}

bool event_is_lock(enum event_kind kind)
{
    return kind == EVENT_RENEW || kind == EVENT_RELEASE || kind == EVENT_REFUSE;
}

bool event_is_agents(enum event_kind kind)
{
    return kind == EVENT_PROBE || event_is_lock(kind) || kind == EVENT_HELLO ||
           kind == EVENT_PROGRESS || kind == EVENT_DONE || kind == EVENT_FAILED ||
           kind == EVENT_GOODBYE;
}

const char *event_kind_name(enum event_kind kind)
{
    return (size_t)kind < EVENT_KIND_COUNT ? kind_names[kind] : "?";
}

const char *node_state_name(enum node_state state)
{
    return (size_t)state < NODE_STATE_COUNT ? state_names[state] : "?";
}

const char *reason_name(enum reason reason)
{
    return (size_t)reason < REASON_COUNT ? reasons[reason].name : "?";
}

const char *reason_text(enum reason reason)
{
    return (size_t)reason < REASON_COUNT ? reasons[reason].text : "?";
}

const char *task_name(enum task task)
{
    return (size_t)task < TASK_COUNT ? task_names[task] : "?";
}

const char *grant_kind_name(enum grant_kind kind)
{
    return (size_t)kind < GRANT_KIND_COUNT ? grant_kind_names[kind] : "?";
}

const char *verdict_name(enum verdict verdict)
{
    return (size_t)verdict < VERDICT_COUNT ? verdicts[verdict].name : "?";
}

const char *verdict_text(enum verdict verdict)
{
    return (size_t)verdict < VERDICT_COUNT ? verdicts[verdict].text : "?";
}

const char *switch_policy_name(enum switch_policy policy)
{
    return (size_t)policy < SWITCH_POLICY_COUNT ? switch_policy_names[policy] : "?";
}

const char *crash_policy_name(enum crash_policy policy)
{
    return (size_t)policy < CRASH_POLICY_COUNT ? crash_policy_names[policy] : "?";
}

const char *request_kind_name(enum request_kind kind)
{
    return (size_t)kind < REQUEST_KIND_COUNT ? request_kind_names[kind] : "?";
}

const char *switch_step_name(enum switch_step step)
{
    return (size_t)step < SWITCH_STEP_COUNT ? switch_step_names[step] : "?";
}

const char *synchronous_name(enum synchronous mode)
{
    return (size_t)mode < SYNCHRONOUS_MODE_COUNT ? synchronous_names[mode] : "?";
}

const char *sync_step_name(enum sync_step step)
{
    return (size_t)step < SYNC_STEP_COUNT ? sync_step_names[step] : "?";
}

const char *failsafe_name(enum failsafe failsafe)
{
    return (size_t)failsafe < FAILSAFE_COUNT ? failsafe_names[failsafe] : "?";
}

const char *failover_mode_name(enum failover_mode mode)
{
    return (size_t)mode < FAILOVER_MODE_COUNT ? failover_mode_names[mode] : "?";
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool name_is_valid(const char *name)
{
    size_t length = 0;

    while (length < NAME_SIZE && is_name_byte(name[length])) {
        length++;
    }
    return length > 0 && length < NAME_SIZE && name[length] == '\0' && name[0] != '-';
}

int position_compare(struct position a, struct position b)
{
    if (a.timeline != b.timeline) {
        return a.timeline < b.timeline ? -1 : 1;
    }
    if (a.lsn != b.lsn) {
        return a.lsn < b.lsn ? -1 : 1;
    }
    return 0;
}
