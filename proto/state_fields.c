/* SPDX-License-Identifier: PostgreSQL */
#include "state_fields.h"

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define FIELD(kind, type, member, limit)                                                           \
    {                                                                                              \
        kind, offsetof(type, member), SIZE_OF(type, member), limit, 0, NULL                        \
    }
#define NUMBER(type, member) FIELD(FIELD_NUMBER, type, member, 0)
#define BELOW(type, member, limit) FIELD(FIELD_NUMBER, type, member, limit)
#define BOOL(type, member) FIELD(FIELD_NUMBER, type, member, 2)
#define REASON(type, member) FIELD(FIELD_NUMBER, type, member, REASON_COUNT)
#define SIGNED(type, member) FIELD(FIELD_SIGNED, type, member, 0)
#define BYTES(type, member) FIELD(FIELD_BYTES, type, member, 0)
#define TEXT(type, member) FIELD(FIELD_TEXT, type, member, 0)
#define WORD(type, member) FIELD(FIELD_WORD, type, member, 0)
#define NAME(type, member) FIELD(FIELD_NAME, type, member, 0)
#define PACKED(type, member)                                                                       \
    {                                                                                              \
        FIELD_PACKED, offsetof(type, member.bytes), SIZE_OF(type, member.bytes), 0,                \
                offsetof(type, member.size), NULL                                                  \
    }
#define ITEMS(type, member, counter, max, table)                                                   \
    {                                                                                              \
        FIELD_ITEMS, offsetof(type, member), SIZE_OF(type, member), max, offsetof(type, counter),  \
                &(table)                                                                           \
    }
#define ALL(type, member, max, table)                                                              \
    {                                                                                              \
        FIELD_ITEMS, offsetof(type, member), SIZE_OF(type, member), max, 0, &(table)               \
    }
#define TABLE(fields, size)                                                                        \
    {                                                                                              \
        fields, sizeof(fields) / sizeof((fields)[0]), size                                         \
    }
#define MARK(type, member) NUMBER(type, member.incarnation), NUMBER(type, member.counter)
#define POSITION(type, member) NUMBER(type, member.timeline), NUMBER(type, member.lsn)
#define BUCKET(type, member) NUMBER(type, member.debt_ms), NUMBER(type, member.seq)

/* clang-format off */
static const struct field void_count_fields[] = {{FIELD_NUMBER, 0, sizeof(uint64_t), 0, 0, NULL}};
static const struct items void_counts = TABLE(void_count_fields, sizeof(uint64_t));

static const struct field slot_fields[] = {{FIELD_WORD, 0, SLOT_IDENTIFIER_SIZE, 0, 0, NULL}};
static const struct items slots = TABLE(slot_fields, SLOT_IDENTIFIER_SIZE);

static const struct field logical_fields[] = {
    WORD(struct logical_slot, name),
    TEXT(struct logical_slot, database),
    WORD(struct logical_slot, plugin),
};
static const struct items logicals = TABLE(logical_fields, sizeof(struct logical_slot));

static const struct field history_fields[] = {
    NUMBER(struct history_entry, timeline),
    NUMBER(struct history_entry, switch_lsn),
};
static const struct items histories = TABLE(history_fields, sizeof(struct history_entry));

static const struct field node_fields[] = {
    NAME(struct node, name),
    WORD(struct node, host),
    NUMBER(struct node, port),
    NUMBER(struct node, agent_port),
    NUMBER(struct node, pg_version),
    SIGNED(struct node, failover_priority),
    BOOL(struct node, nofailover),
    BOOL(struct node, nosync),
    BOOL(struct node, noloadbalance),
    BOOL(struct node, departed),
    BOOL(struct node, newcomer),
    BOOL(struct node, forgetful),
    BOOL(struct node, removed),
    NUMBER(struct node, incarnation),
    NUMBER(struct node, hello_seq),
    NUMBER(struct node, joined_seq),
    MARK(struct node, lock_mark),
    MARK(struct node, probe_mark),
    MARK(struct node, task_mark),
    BELOW(struct node, state, NODE_STATE_COUNT),
    REASON(struct node, reason),
    POSITION(struct node, position),
    NUMBER(struct node, replay_lsn),
    NUMBER(struct node, system_id),
    BOOL(struct node, streaming),
    BOOL(struct node, clean),
    BOOL(struct node, was_primary),
    NUMBER(struct node, failures),
    BOOL(struct node, pending_restart),
    BOOL(struct node, pending_lowers),
    NUMBER(struct node, parameters_seq),
    NUMBER(struct node, state_seq),
    NUMBER(struct node, state_wall_us),
    NUMBER(struct node, eligible_seq),
    NUMBER(struct node, report_term),
    NUMBER(struct node, report_seq),
    NUMBER(struct node, still_ms),
    BOOL(struct node, sealed),
    NUMBER(struct node, refused_term),
    BELOW(struct node, rebuild_task, TASK_COUNT),
    NUMBER(struct node, rebuild_seq),
    NUMBER(struct node, rebuild_term),
    REASON(struct node, rebuild_reason),
    NUMBER(struct node, rebuild_percent),
    NUMBER(struct node, rebuild_done_bytes),
    NUMBER(struct node, rebuild_total_bytes),
    NUMBER(struct node, rebuild_bytes_per_s),
    NUMBER(struct node, rebuild_failures),
    BELOW(struct node, rebuilt_task, TASK_COUNT),
    BELOW(struct node, failed_task, TASK_COUNT),
    TEXT(struct node, failed_text),
    BUCKET(struct node, rebuilds),
    NUMBER(struct node, asked_seq),
    BELOW(struct node, asked_task, TASK_COUNT),
    BELOW(struct node, verdict, VERDICT_COUNT),
};
static const struct items nodes = TABLE(node_fields, sizeof(struct node));

static const struct field cluster_fields[] = {
    NAME(struct cluster, name),
    NUMBER(struct cluster, last_seq),
    NUMBER(struct cluster, event_count),
    ALL(struct cluster, void_counts, VOID_REASON_COUNT, void_counts),
    NUMBER(struct cluster, frozen_seq),
    NUMBER(struct cluster, decision_seq),
    BYTES(struct cluster, decision_hash),

    NUMBER(struct cluster, config.probe_period_ms),
    NUMBER(struct cluster, config.probe_timeout_ms),
    NUMBER(struct cluster, config.probe_failure_threshold),
    NUMBER(struct cluster, config.lease_ttl_ms),
    BELOW(struct cluster, config.switch_policy, SWITCH_POLICY_COUNT),
    BELOW(struct cluster, config.synchronous, SYNCHRONOUS_MODE_COUNT),
    NUMBER(struct cluster, config.synchronous_count),
    BELOW(struct cluster, config.failover_mode, FAILOVER_MODE_COUNT),
    BELOW(struct cluster, config.failsafe, FAILSAFE_COUNT),
    NUMBER(struct cluster, config.maximum_lag_on_failover),
    NUMBER(struct cluster, config.failover_limit),
    NUMBER(struct cluster, config.failover_window_ms),
    NUMBER(struct cluster, config.rebuild_limit),
    NUMBER(struct cluster, config.rebuild_window_ms),
    BELOW(struct cluster, config.crash_policy, CRASH_POLICY_COUNT),
    NUMBER(struct cluster, config.primary_start_timeout_ms),
    NUMBER(struct cluster, config.restart_limit),
    NUMBER(struct cluster, config.restart_window_ms),
    ITEMS(struct cluster, config.permanent_slots.names, config.permanent_slots.count,
          PERMANENT_SLOT_MAX, slots),
    ITEMS(struct cluster, config.logical_slots.items, config.logical_slots.count,
          PERMANENT_SLOT_MAX, logicals),
    WORD(struct cluster, config.standby.host),
    NUMBER(struct cluster, config.standby.port),
    WORD(struct cluster, config.standby.primary_slot),
    BOOL(struct cluster, configured),
    NUMBER(struct cluster, sealed_seq),
    NUMBER(struct cluster, system_id),

    BELOW(struct cluster, phase, PHASE_COUNT),
    NUMBER(struct cluster, phase_seq),
    NUMBER(struct cluster, phase_wall_us),
    NUMBER(struct cluster, term),
    SIGNED(struct cluster, leader),
    BELOW(struct cluster, grant_kind, GRANT_KIND_COUNT),
    NUMBER(struct cluster, grant_seq),
    BYTES(struct cluster, grant_hash),
    NUMBER(struct cluster, leader_incarnation),
    BOOL(struct cluster, promoted),
    BOOL(struct cluster, writable),

    BOOL(struct cluster, lease.renewed),
    NUMBER(struct cluster, lease.renewal_seq),
    NUMBER(struct cluster, lease.renewal_wall_us),
    MARK(struct cluster, lease.renewal_mark),
    NUMBER(struct cluster, lease.ttl_ms),
    NUMBER(struct cluster, lease.ttl_ms_max),
    NUMBER(struct cluster, lease.seen_seq),
    POSITION(struct cluster, lease.position),
    NUMBER(struct cluster, lease.position_wall_us),
    BOOL(struct cluster, lease.lifted),
    BOOL(struct cluster, lease.failsafe),
    NUMBER(struct cluster, lease.electable),

    NUMBER(struct cluster, restart.number),
    BOOL(struct cluster, restart.going),
    REASON(struct cluster, restart.reason),
    NUMBER(struct cluster, restart.seq),
    NUMBER(struct cluster, restart.incarnation),
    NUMBER(struct cluster, restart.counter),
    NUMBER(struct cluster, restart.detected_wall_us),
    NUMBER(struct cluster, restart.begun_wall_us),
    NUMBER(struct cluster, restart.writable_wall_us),
    BUCKET(struct cluster, restart.tokens),

    BELOW(struct cluster, sync.step, SYNC_STEP_COUNT),
    NUMBER(struct cluster, sync.seq),
    NUMBER(struct cluster, sync.waits),
    NUMBER(struct cluster, sync.count),
    NUMBER(struct cluster, sync.voters),
    NUMBER(struct cluster, sync.quorum),
    BOOL(struct cluster, sync.bound),
    NUMBER(struct cluster, sync.granted_waits),
    NUMBER(struct cluster, sync.granted_count),

    NUMBER(struct cluster, ending.seq),
    REASON(struct cluster, ending.reason),
    NUMBER(struct cluster, ending.detected_wall_us),
    NUMBER(struct cluster, ending.fenced_wall_us),
    NUMBER(struct cluster, ending.wall_us),
    POSITION(struct cluster, ending.end),

    NUMBER(struct cluster, change.seq),
    NUMBER(struct cluster, change.term),
    NAME(struct cluster, change.from),
    NAME(struct cluster, change.to),
    REASON(struct cluster, change.reason),
    BELOW(struct cluster, change.kind, GRANT_KIND_COUNT),
    NUMBER(struct cluster, change.ended_seq),
    NUMBER(struct cluster, change.detected_wall_us),
    NUMBER(struct cluster, change.fenced_wall_us),
    NUMBER(struct cluster, change.ended_wall_us),
    NUMBER(struct cluster, change.granted_wall_us),
    NUMBER(struct cluster, change.leased_wall_us),
    NUMBER(struct cluster, change.promoted_wall_us),
    NUMBER(struct cluster, change.writable_wall_us),
    NUMBER(struct cluster, change.acknowledged_wall_us),
    NUMBER(struct cluster, change.writable_seq),
    NUMBER(struct cluster, change.loss_bytes),
    BOOL(struct cluster, change.loss_known),
    BOOL(struct cluster, change.standby),
    BOOL(struct cluster, change.proven),
    NUMBER(struct cluster, change.leader_wall_us),

    BOOL(struct cluster, no_candidate),
    BOOL(struct cluster, withheld),
    BOOL(struct cluster, limited),
    NUMBER(struct cluster, limited_until_us),
    BUCKET(struct cluster, failovers),
    BUCKET(struct cluster, failovers_granted),

    NUMBER(struct cluster, pending.request_seq),
    BELOW(struct cluster, pending.kind, REQUEST_KIND_COUNT),
    BOOL(struct cluster, pending.accept_loss),
    NAME(struct cluster, pending.writer),
    NUMBER(struct cluster, pending.wall_us),
    NUMBER(struct cluster, pending.at_us),
    NAME(struct cluster, pending.node),
    BELOW(struct cluster, pending.step, SWITCH_STEP_COUNT),
    NUMBER(struct cluster, pending.step_seq),
    BELOW(struct cluster, pending.checkpoint, CHECKPOINT_STATE_COUNT),
    POSITION(struct cluster, pending.end),
    NUMBER(struct cluster, pending.moved_seq),

    NUMBER(struct cluster, closed.seq),
    NUMBER(struct cluster, closed.wall_us),
    NUMBER(struct cluster, closed.request_seq),
    BELOW(struct cluster, closed.kind, REQUEST_KIND_COUNT),
    NAME(struct cluster, closed.node),
    REASON(struct cluster, closed.reason),
    BELOW(struct cluster, closed.verdict, VERDICT_COUNT),

    NUMBER(struct cluster, asked.request_seq),
    BELOW(struct cluster, asked.kind, REQUEST_KIND_COUNT),
    NAME(struct cluster, asked.writer),
    NUMBER(struct cluster, asked.wall_us),
    NUMBER(struct cluster, asked.term),
    NAME(struct cluster, asked.node),
    BOOL(struct cluster, asked.leader_stopped),
    BOOL(struct cluster, asked.unchecked),
    BELOW(struct cluster, asked.check, CHECK_STATE_COUNT),
    PACKED(struct cluster, asked.change),

    NUMBER(struct cluster, answered.seq),
    NUMBER(struct cluster, answered.wall_us),
    NUMBER(struct cluster, answered.request_seq),
    BELOW(struct cluster, answered.kind, REQUEST_KIND_COUNT),
    NAME(struct cluster, answered.node),
    REASON(struct cluster, answered.reason),
    BELOW(struct cluster, answered.verdict, VERDICT_COUNT),

    NUMBER(struct cluster, licence.seq),
    SIGNED(struct cluster, licence.node),
    NUMBER(struct cluster, licence.wall_us),
    NAME(struct cluster, licence.writer),
    NUMBER(struct cluster, pause.seq),
    NUMBER(struct cluster, pause.wall_us),
    NAME(struct cluster, pause.writer),
    NUMBER(struct cluster, parameters.seq),
    NUMBER(struct cluster, parameters.request_seq),
    NUMBER(struct cluster, parameters.wall_us),
    NAME(struct cluster, parameters.writer),
    PACKED(struct cluster, parameters),
    NUMBER(struct cluster, resumed_term),
    BOOL(struct cluster, loss_accepted),

    NUMBER(struct cluster, lost.seq),
    NUMBER(struct cluster, lost.shown_seq),
    NUMBER(struct cluster, lost.term),
    NUMBER(struct cluster, lost.held_term),
    NUMBER(struct cluster, lost.ttl_ms),
    NUMBER(struct cluster, lost.member_count),

    NUMBER(struct cluster, timeline_max),
    NUMBER(struct cluster, grant_timeline),
    POSITION(struct cluster, floor),
    ITEMS(struct cluster, history.entries, history.count, HISTORY_COUNT_MAX, histories),
    SIGNED(struct cluster, opener),
    NUMBER(struct cluster, opening.timeline),
    SIGNED(struct cluster, opening.node),

    ITEMS(struct cluster, nodes, node_count, NODE_COUNT_MAX, nodes),
};
/* clang-format on */
const struct items state_fields = TABLE(cluster_fields, sizeof(struct cluster));
