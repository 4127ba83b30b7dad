/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/explain.h"
#include "../proto/lost.h"
#include "../proto/pause.h"
#include "../proto/waiting.h"
#include "describe.h"
#include "event_json.h"

#include <stdio.h>

#define TEXT_BYTES 1024

static json_t *probe_json(const struct config *config)
{
    json_t *object = json_object();
    event_json_set_u64(object, "period_ms", config->probe_period_ms);
    event_json_set_u64(object, "timeout_ms", config->probe_timeout_ms);
    event_json_set_u64(object, "failure_threshold", config->probe_failure_threshold);
    return object;
}

static void set_lag(json_t *object, const struct view *view, int32_t i)
{
    uint64_t lag_bytes = 0;
    if (describe_is_standby(view, i) && describe_lag(view, i, &lag_bytes)) {
        event_json_set_u64(object, "lag_bytes", lag_bytes);
    } else {
        json_object_set_new(object, "lag_bytes", json_null());
    }
}

static json_t *rebuild_json(const struct node *n)
{
    uint64_t left_ms = 0;
    json_t *object = json_object();
    event_json_set_text(object, "task", task_name(n->rebuild_task));
    event_json_set_text(object, "reason", reason_name(n->rebuild_reason));
    event_json_set_u64(object, "directive_seq", n->rebuild_seq);
    event_json_set_u64(object, "percent", n->rebuild_percent);
    event_json_set_u64(object, "done_bytes", n->rebuild_done_bytes);
    event_json_set_u64(object, "total_bytes", n->rebuild_total_bytes);
    event_json_set_u64(object, "bytes_per_s", n->rebuild_bytes_per_s);
    if (explain_left_ms(n->rebuild_done_bytes, n->rebuild_total_bytes, n->rebuild_bytes_per_s,
                        &left_ms)) {
        event_json_set_u64(object, "left_ms", left_ms);
    } else {
        json_object_set_new(object, "left_ms", json_null());
    }
    return object;
}

static json_t *node_json(const struct view *view, int32_t i)
{
    const struct node *n = &view->state.nodes[i];
    char address[HOST_SIZE + 8];
    char reason[TEXT_BYTES];
    json_t *object = json_object();
    snprintf(address, sizeof address, "%s:%u", n->host, (unsigned)n->port);
    event_json_set_text(object, "name", n->name);
    event_json_set_text(object, "role", explain_node_role(&view->state, i, view->heard[i]));
    event_json_set_text(object, "status", explain_node_status(&view->state, i, view->heard[i]));
    event_json_set_u64(object, "timeline", n->position.timeline);
    event_json_set_lsn(object, "lsn", n->position.lsn);
    set_lag(object, view, i);
    event_json_set_text(object, "address", address);
    event_json_set_time(object, "since", n->state_wall_us);
    if (describe_node_reason(view, i, reason, sizeof reason) > 0) {
        event_json_set_text(object, "reason", reason);
    }
    const struct settings_note *note = &view->settings[i];
    event_json_set_u64(object, "parameters_seq", note->parameters_seq);
    json_object_set_new(object, "pending_restart", json_boolean(note->pending_restart));
    json_object_set_new(object, "pending_parameters", event_json_words(note->pending));
    json_object_set_new(object, "refused_parameters", event_json_words(note->refused));
    json_object_set_new(object, "rebuild",
                        n->rebuild_task != TASK_NONE ? rebuild_json(n) : json_null());
    json_object_set_new(object, "rebuild_asked", json_boolean(n->asked_seq != 0));
    return object;
}

static json_t *nodes_json(const struct view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->shown_count; i++) {
        json_array_append_new(list, node_json(view, view->order[i]));
    }
    return list;
}

/* null: nothing is lost, or every member has said what it remembers. */
static json_t *lost_json(const struct cluster *c)
{
    if (!lost_is_known(c)) {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_u64(object, "known_seq", c->lost.seq);
    event_json_set_u64(object, "member_count", lost_expected_count(c));
    event_json_set_u64(object, "reported_count", lost_reported_count(c));
    return object;
}

static json_t *sync_json(const struct cluster *c)
{
    char text[TEXT_BYTES];
    json_t *object = json_object();
    event_json_set_text(object, "mode", synchronous_name(c->config.synchronous));
    event_json_set_text(object, "step", sync_step_name(c->sync.step));
    event_json_set_u64(object, "count", c->sync.count);
    json_object_set_new(object, "waits_for", event_json_nodes(c, c->sync.waits));
    event_json_set_u64(object, "quorum", c->sync.quorum);
    json_object_set_new(object, "voters", event_json_nodes(c, c->sync.voters));
    if (explain_sync(c, text, sizeof text) > 0) {
        event_json_set_text(object, "text", text);
    }
    return object;
}

/* null when either clock is unknown; 0 when the writers' clocks contradict each other. */
static void set_ms_since(json_t *object, const char *key, uint64_t start_us, uint64_t wall_us)
{
    if (start_us == 0 || wall_us == 0) {
        json_object_set_new(object, key, json_null());
        return;
    }
    event_json_set_u64(object, key, wall_us > start_us ? (wall_us - start_us) / 1000 : 0);
}

static json_t *phases_json(const struct change *change)
{
    uint64_t start_us = change->detected_wall_us;
    json_t *object = json_object();
    set_ms_since(object, "fenced", start_us, change->fenced_wall_us);
    set_ms_since(object, "released", start_us, change->ended_wall_us);
    set_ms_since(object, "granted", start_us, change->granted_wall_us);
    set_ms_since(object, "leased", start_us, change->leased_wall_us);
    set_ms_since(object, "promoted", start_us, change->promoted_wall_us);
    set_ms_since(object, "writable", start_us, change->writable_wall_us);
    set_ms_since(object, "acknowledged", start_us, change->acknowledged_wall_us);
    return object;
}

static json_t *change_json(const struct change *change)
{
    if (change->seq == 0) {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_u64(object, "seq", change->seq);
    event_json_set_u64(object, "term", change->term);
    event_json_set_text(object, "from", change->from);
    if (change->from[0] == '\0') {
        json_object_set_new(object, "from", json_null());
    }
    event_json_set_text(object, "to", change->to);
    event_json_set_text(object, "reason", reason_name(change->reason));
    event_json_set_u64(object, "loss_bytes", change->loss_bytes);
    json_object_set_new(object, "loss_known", json_boolean(change->loss_known));
    json_object_set_new(object, "proven", json_boolean(change->proven));
    event_json_set_time(object, "leader_position_at", change->leader_wall_us);
    json_object_set_new(object, "phases_ms", phases_json(change));
    return object;
}

static json_t *pending_json(const struct cluster *c)
{
    const struct pending *p = &c->pending;
    json_t *object = json_object();
    event_json_set_u64(object, "seq", p->request_seq);
    event_json_set_text(object, "request", request_kind_name(p->kind));
    event_json_set_text(object, "by", p->writer);
    json_object_set_new(object, "to", p->node[0] != '\0' ? json_string(p->node) : json_null());
    event_json_set_text(object, "stage", switchover_stage_name(switchover_stage(c)));
    event_json_set_text(object, "waiting_for", explain_stage(switchover_stage(c)));
    event_json_set_time(object, "at", p->wall_us);
    if (p->at_us != 0) {
        event_json_set_time(object, "scheduled_for", p->at_us);
    }
    return object;
}

static json_t *closed_json(const struct closed *closed)
{
    json_t *object = json_object();
    event_json_set_u64(object, "seq", closed->request_seq);
    event_json_set_text(object, "request", request_kind_name(closed->kind));
    json_object_set_new(object, "to",
                        closed->node[0] != '\0' ? json_string(closed->node) : json_null());
    json_object_set_new(object, "granted", json_boolean(closed->reason == REASON_NONE));
    event_json_set_text(object, "reason", reason_name(closed->reason));
    event_json_set_text(object, "verdict", verdict_name(closed->verdict));
    event_json_set_u64(object, "ended_seq", closed->seq);
    return object;
}

static json_t *pause_json(const struct cluster *c)
{
    json_t *object = json_object();
    event_json_set_u64(object, "seq", c->pause.seq);
    event_json_set_time(object, "since", c->pause.wall_us);
    event_json_set_text(object, "by", c->pause.writer);
    return object;
}

static void set_leader(json_t *object, const struct cluster *c)
{
    int32_t holder = cluster_holder(c);
    if (holder == LEADER_NONE) {
        json_object_set_new(object, "leader", json_null());
    } else {
        event_json_set_text(object, "leader", c->nodes[holder].name);
    }
}

/* Whom an election would have chosen, if switch_policy let it. */
static json_t *would_promote_json(const struct cluster *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->withheld && c->nodes[i].verdict == VERDICT_CHOSEN) {
            return json_string(c->nodes[i].name);
        }
    }
    return json_null();
}

static json_t *licence_json(const struct cluster *c)
{
    const struct licence *licence = &c->licence;
    if (licence->seq == 0) {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_text(object, "node", c->nodes[licence->node].name);
    event_json_set_u64(object, "seq", licence->seq);
    event_json_set_time(object, "since", licence->wall_us);
    event_json_set_text(object, "by", licence->writer);
    return object;
}

static json_t *restart_json(const struct restarting *restart)
{
    if (restart->number == 0) {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_u64(object, "number", restart->number);
    event_json_set_text(object, "reason", reason_name(restart->reason));
    json_object_set_new(object, "going_on", json_boolean(restart->going));
    event_json_set_time(object, "detected_at", restart->detected_wall_us);
    event_json_set_time(object, "writable_at", restart->writable_wall_us);
    return object;
}

/* null when it is no standby cluster. */
static json_t *remote_json(const struct view *view)
{
    json_t *object = event_json_remote(&view->state.config.standby);
    int32_t holder = cluster_holder(&view->state);
    if (json_is_null(object)) {
        return object;
    }
    bool known = holder != LEADER_NONE && view->source_hosts[holder][0] != '\0';
    json_object_set_new(object, "streams_from",
                        known ? json_string(view->source_hosts[holder]) : json_null());
    event_json_set_lsn(object, "source_lsn", known ? view->source_lsns[holder] : 0);
    return object;
}

json_t *describe_json(const struct view *view)
{
    const struct cluster *c = &view->state;
    char reason[TEXT_BYTES];
    json_t *object = json_object();
    event_json_set_text(object, "cluster", c->name);
    event_json_set_text(object, "status", explain_status(c));
    if (cluster_waiting(c) != WAITING_NONE) {
        event_json_set_text(object, "waiting_for", waiting_name(cluster_waiting(c)));
    }
    if (cluster_waiting(c) == WAITING_LIMIT) {
        event_json_set_time(object, "next_failover_at", c->limited_until_us);
    }
    if (waiting_explain(c, reason, sizeof reason) > 0) {
        event_json_set_text(object, "reason", reason);
    }
    event_json_set_u64(object, "term", c->term);
    set_leader(object, c);
    event_json_set_text(object, "switch_policy", switch_policy_name(c->config.switch_policy));
    event_json_set_text(object, "crash_policy", crash_policy_name(c->config.crash_policy));
    json_object_set_new(object, "would_promote", would_promote_json(c));
    json_object_set_new(object, "restart", restart_json(&c->restart));
    json_object_set_new(object, "restart_ordered", licence_json(c));
    json_object_set_new(object, "probe", probe_json(&c->config));
    event_json_set_u64(object, "lease_ttl_ms", c->config.lease_ttl_ms);
    const struct parameters *p = &c->parameters;
    json_object_set_new(object, "parameters", event_json_parameters(p->bytes, p->size));
    event_json_set_u64(object, "parameters_seq", p->seq);
    event_json_set_text(object, "failover_mode", failover_mode_name(c->config.failover_mode));
    event_json_set_text(object, "failsafe", failsafe_name(c->config.failsafe));
    json_object_set_new(object, "standby_cluster", remote_json(view));
    json_object_set_new(object, "synchronous", sync_json(c));
    json_object_set_new(object, "log_lost", lost_json(c));
    json_object_set_new(object, "nodes", nodes_json(view));
    json_object_set_new(object, "last_change", change_json(&c->change));
    json_object_set_new(object, "paused", pause_is_on(c) ? pause_json(c) : json_null());
    json_object_set_new(object, "lease_lifted", json_boolean(c->lease.lifted));
    json_object_set_new(object, "request",
                        c->pending.request_seq != 0 ? pending_json(c) : json_null());
    json_object_set_new(object, "last_request",
                        c->closed.seq != 0 ? closed_json(&c->closed) : json_null());
    return object;
}

void describe_print_json(const struct view *view)
{
    json_t *object = describe_json(view);
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}
