/* SPDX-License-Identifier: PostgreSQL */
#include "event_json.h"

#include "../proto/digest.h"
#include "../proto/explain.h"
#include "format.h"

#include <stdio.h>
#include <string.h>

/* ---- values ---- */

void event_json_set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        char clean[512];
        size_t length = 0;
        for (; text[length] != '\0' && length + 1 < sizeof clean; length++) {
            clean[length] = (unsigned char)text[length] < 0x80 ? text[length] : '?';
        }
        clean[length] = '\0';
        value = json_string(clean);
    }
    json_object_set_new(object, key, value);
}

void event_json_set_u64(json_t *object, const char *key, uint64_t value)
{
    json_int_t number = value > INT64_MAX ? INT64_MAX : (json_int_t)value;
    json_object_set_new(object, key, json_integer(number));
}

void event_json_set_time(json_t *object, const char *key, uint64_t wall_us)
{
    char text[FORMAT_TIME_SIZE];
    format_iso(wall_us, text);
    json_object_set_new(object, key, wall_us == 0 ? json_null() : json_string(text));
}

void event_json_set_lsn(json_t *object, const char *key, uint64_t lsn)
{
    char text[18];
    explain_lsn(lsn, text);
    json_object_set_new(object, key, lsn == 0 ? json_null() : json_string(text));
}

json_t *event_json_words(const char *words)
{
    json_t *list = json_array();
    while (*words != '\0') {
        size_t length = strcspn(words, ",");
        json_array_append_new(list, json_stringn(words, length));
        words += length + (words[length] == ',' ? 1 : 0);
    }
    return list;
}

static void set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

/* System identifiers use all 64 bits, and readers of JSON take numbers as doubles: a string. */
static void set_id(json_t *object, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    json_object_set_new(object, key, json_string(text));
}

static void set_hash(json_t *object, const char *key, const uint8_t hash[HASH_SIZE])
{
    char text[HASH_TEXT_SIZE];
    hash_text(hash, text);
    json_object_set_new(object, key, json_string(text));
}

static void set_position(json_t *object, const char *key, struct position position)
{
    json_t *value = json_object();
    event_json_set_u64(value, "timeline", position.timeline);
    event_json_set_lsn(value, "lsn", position.lsn);
    json_object_set_new(object, key, value);
}

static void set_history(json_t *object, const struct history *history)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < history->count && i < HISTORY_COUNT_MAX; i++) {
        json_t *entry = json_object();
        event_json_set_u64(entry, "timeline", history->entries[i].timeline);
        event_json_set_lsn(entry, "switch_lsn", history->entries[i].switch_lsn);
        json_array_append_new(list, entry);
    }
    json_object_set_new(object, "history", list);
}

void event_json_set_candidates(json_t *object, const struct candidate_list *candidates)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < candidates->count && i < NODE_COUNT_MAX; i++) {
        const struct candidate *candidate = &candidates->items[i];
        json_t *entry = json_object();
        event_json_set_text(entry, "node", candidate->node);
        event_json_set_text(entry, "verdict", verdict_name(candidate->verdict));
        event_json_set_text(entry, "reason", reason_name(candidate->reason));
        set_position(entry, "position", candidate->position);
        json_array_append_new(list, entry);
    }
    json_object_set_new(object, "candidates", list);
}

/* ---- bodies ---- */

static void set_replicas(json_t *object, const struct probe *probe)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < probe->replica_count && i < NODE_COUNT_MAX; i++) {
        json_t *row = json_object();
        event_json_set_text(row, "name", probe->replicas[i].name);
        set_bool(row, "streaming", probe->replicas[i].streaming);
        event_json_set_lsn(row, "flush_lsn", probe->replicas[i].flush_lsn);
        json_array_append_new(list, row);
    }
    json_object_set_new(object, "replicas", list);
}

static void set_settings(json_t *object, const struct settings_note *note)
{
    set_bool(object, "pending_restart", note->pending_restart);
    event_json_set_u64(object, "parameters_seq", note->parameters_seq);
    set_bool(object, "pending_lowers", note->pending_lowers);
    json_object_set_new(object, "pending_parameters", event_json_words(note->pending));
    json_object_set_new(object, "refused_parameters", event_json_words(note->refused));
    json_object_set_new(object, "own_parameters", event_json_words(note->own));
}

json_t *event_json_remote(const struct standby_cluster *standby)
{
    if (standby->host[0] == '\0') {
        return json_null();
    }
    json_t *object = json_object();
    event_json_set_text(object, "host", standby->host);
    event_json_set_u64(object, "port", standby->port);
    event_json_set_text(object, "primary_slot_name", standby->primary_slot);
    return object;
}

static void put_probe(json_t *object, const struct probe *probe)
{
    event_json_set_text(object, "state", node_state_name(probe->state));
    event_json_set_text(object, "reason", reason_name(probe->reason));
    set_position(object, "position", probe->position);
    event_json_set_lsn(object, "replay_lsn", probe->replay_lsn);
    set_id(object, "system_id", probe->system_id);
    set_bool(object, "streaming", probe->streaming);
    set_bool(object, "clean", probe->clean);
    set_bool(object, "was_primary", probe->was_primary);
    event_json_set_u64(object, "failures", probe->failures);
    event_json_set_u64(object, "election_term", probe->election_term);
    event_json_set_lsn(object, "oldest_lsn", probe->oldest_lsn);
    event_json_set_u64(object, "still_ms", probe->still_ms);
    event_json_set_u64(object, "read_seq", probe->read_seq);
    event_json_set_lsn(object, "source_lsn", probe->source_lsn);
    event_json_set_text(object, "source_host", probe->source_host);
    set_history(object, &probe->history);
    set_replicas(object, probe);
    set_settings(object, &probe->settings);
}

static void body_none(json_t *object, const struct event *e)
{
    (void)object;
    (void)e;
}

static void body_probe(json_t *object, const struct event *e)
{
    put_probe(object, &e->body.probe);
}

static void set_names(json_t *object, const char *key, const struct name_list *list)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < list->count && i < NODE_COUNT_MAX; i++) {
        json_array_append_new(names, json_string(list->names[i]));
    }
    json_object_set_new(object, key, names);
}

static void set_restart(json_t *object, const struct restart *restart)
{
    json_t *value = json_object();
    event_json_set_u64(value, "number", restart->number);
    event_json_set_text(value, "reason", reason_name(restart->reason));
    event_json_set_u64(value, "age_ms", restart->age_ms);
    event_json_set_time(value, "detected_at", restart->detected_wall_us);
    json_object_set_new(object, "restart", value);
}

static void body_renew(json_t *object, const struct event *e)
{
    const struct renew *renew = &e->body.renew;
    event_json_set_u64(object, "ttl_ms", renew->ttl_ms);
    event_json_set_u64(object, "seen_seq", renew->seen_seq);
    event_json_set_text(object, "state", node_state_name(renew->state));
    set_position(object, "position", renew->position);
    event_json_set_u64(object, "probe_age_ms", renew->probe_age_ms);
    set_bool(object, "lifted", renew->lifted);
    set_bool(object, "failsafe", renew->failsafe);
    set_names(object, "electable", &renew->electable);
    if (renew->restart.number != 0) {
        set_restart(object, &renew->restart);
    }
}

static void body_release(json_t *object, const struct event *e)
{
    const struct release *release = &e->body.release;
    event_json_set_text(object, "reason", reason_name(release->reason));
    set_position(object, "position", release->position);
    set_bool(object, "clean", release->clean);
    event_json_set_u64(object, "killed_count", release->killed_count);
    event_json_set_time(object, "detected_at", release->detected_wall_us);
    event_json_set_time(object, "fenced_at", release->fenced_wall_us);
}

static void body_refuse(json_t *object, const struct event *e)
{
    event_json_set_text(object, "reason", reason_name(e->body.refuse.reason));
}

static void body_hello(json_t *object, const struct event *e)
{
    const struct hello *hello = &e->body.hello;
    put_probe(object, &hello->probe);
    event_json_set_text(object, "host", hello->host);
    event_json_set_u64(object, "port", hello->port);
    event_json_set_u64(object, "agent_port", hello->agent_port);
    event_json_set_u64(object, "pg_version", hello->pg_version);
    json_object_set_new(object, "failover_priority", json_integer(hello->failover_priority));
    set_bool(object, "nofailover", hello->nofailover);
    set_bool(object, "nosync", hello->nosync);
    set_bool(object, "noloadbalance", hello->noloadbalance);
    event_json_set_u64(object, "anchor_seq", hello->anchor.grant_seq);
    event_json_set_u64(object, "anchor_term", hello->anchor.term);
    set_bool(object, "lost", hello->anchor.lost);
    event_json_set_u64(object, "anchor_ttl_ms", hello->anchor.ttl_ms);
    event_json_set_u64(object, "anchor_member_count", hello->anchor.member_count);
    event_json_set_u64(object, "anchor_held_term", hello->anchor.held_term);
    event_json_set_u64(object, "anchor_timeline", hello->anchor.timeline);
}

static void body_anchor(json_t *object, const struct event *e)
{
    const struct anchor *anchor = &e->body.anchor;
    set_bool(object, "lost", anchor->lost);
    event_json_set_u64(object, "grant_seq", anchor->grant_seq);
    event_json_set_u64(object, "term", anchor->term);
    event_json_set_u64(object, "held_term", anchor->held_term);
    event_json_set_u64(object, "ttl_ms", anchor->ttl_ms);
    event_json_set_u64(object, "member_count", anchor->member_count);
    event_json_set_u64(object, "timeline", anchor->timeline);
    event_json_set_u64(object, "seen_seq", anchor->seen_seq);
    event_json_set_u64(object, "system_id", anchor->system_id);
}

static void body_task(json_t *object, const struct event *e)
{
    const struct task_report *report = &e->body.task;
    event_json_set_text(object, "task", task_name(report->task));
    event_json_set_u64(object, "directive_seq", report->directive_seq);
    event_json_set_u64(object, "percent", report->percent);
    event_json_set_u64(object, "done_bytes", report->done_bytes);
    event_json_set_u64(object, "total_bytes", report->total_bytes);
    event_json_set_u64(object, "bytes_per_s", report->bytes_per_s);
    event_json_set_u64(object, "duration_ms", report->duration_ms);
    event_json_set_text(object, "reason", reason_name(report->reason));
    set_position(object, "position", report->position);
    set_history(object, &report->history);
    event_json_set_text(object, "text", report->text);
}

static void body_goodbye(json_t *object, const struct event *e)
{
    event_json_set_text(object, "reason", reason_name(e->body.goodbye.reason));
}

static void body_revoke(json_t *object, const struct event *e)
{
    event_json_set_u64(object, "renewal_seq", e->body.revoke.renewal_seq);
}

static void body_grant(json_t *object, const struct event *e)
{
    const struct grant *grant = &e->body.grant;
    event_json_set_text(object, "grant_kind", grant_kind_name(grant->kind));
    event_json_set_text(object, "node", grant->node);
    event_json_set_u64(object, "incarnation", grant->incarnation);
    set_position(object, "position", grant->position);
    event_json_set_u64(object, "renewal_seq", grant->renewal_seq);
    event_json_set_u64(object, "loss_bytes", grant->loss_bytes);
    set_bool(object, "loss_known", grant->loss_known);
    set_position(object, "leader_position", grant->leader_position);
    event_json_set_time(object, "leader_position_at", grant->leader_wall_us);
    event_json_set_u64(object, "timeline", grant->timeline);
    set_names(object, "waits", &grant->waits);
    event_json_set_u64(object, "wait_count", grant->wait_count);
    event_json_set_candidates(object, &grant->candidates);
}

static void body_directive(json_t *object, const struct event *e)
{
    event_json_set_text(object, "node", e->body.directive.node);
    event_json_set_u64(object, "incarnation", e->body.directive.incarnation);
    event_json_set_text(object, "task", task_name(e->body.directive.task));
    event_json_set_text(object, "reason", reason_name(e->body.directive.reason));
    event_json_set_text(object, "text", e->body.directive.text);
}

static void body_config(json_t *object, const struct event *e)
{
    const struct config *config = &e->body.config;
    event_json_set_u64(object, "probe_period_ms", config->probe_period_ms);
    event_json_set_u64(object, "probe_timeout_ms", config->probe_timeout_ms);
    event_json_set_u64(object, "probe_failure_threshold", config->probe_failure_threshold);
    event_json_set_u64(object, "lease_ttl_ms", config->lease_ttl_ms);
    event_json_set_text(object, "switch_policy", switch_policy_name(config->switch_policy));
    event_json_set_text(object, "synchronous", synchronous_name(config->synchronous));
    event_json_set_u64(object, "synchronous_count", config->synchronous_count);
    json_t *slots = json_array();
    for (uint32_t i = 0; i < config->permanent_slots.count; i++) {
        json_array_append_new(slots, json_string(config->permanent_slots.names[i]));
    }
    json_object_set_new(object, "permanent_slots", slots);
    event_json_set_text(object, "failover_mode", failover_mode_name(config->failover_mode));
    event_json_set_text(object, "failsafe", failsafe_name(config->failsafe));
    json_t *logical = json_array();
    for (uint32_t i = 0; i < config->logical_slots.count; i++) {
        json_t *slot = json_object();
        event_json_set_text(slot, "name", config->logical_slots.items[i].name);
        event_json_set_text(slot, "database", config->logical_slots.items[i].database);
        event_json_set_text(slot, "plugin", config->logical_slots.items[i].plugin);
        json_array_append_new(logical, slot);
    }
    json_object_set_new(object, "permanent_logical_slots", logical);
    json_object_set_new(object, "standby_cluster", event_json_remote(&config->standby));
    if (config->maximum_lag_on_failover == UINT64_MAX) {
        json_object_set_new(object, "maximum_lag_on_failover", json_null());
    } else {
        event_json_set_u64(object, "maximum_lag_on_failover", config->maximum_lag_on_failover);
    }
    event_json_set_u64(object, "failover_limit", config->failover_limit);
    event_json_set_u64(object, "failover_window_ms", config->failover_window_ms);
    event_json_set_u64(object, "rebuild_limit", config->rebuild_limit);
    event_json_set_u64(object, "rebuild_window_ms", config->rebuild_window_ms);
    event_json_set_text(object, "crash_policy", crash_policy_name(config->crash_policy));
    event_json_set_u64(object, "primary_start_timeout_ms", config->primary_start_timeout_ms);
    event_json_set_u64(object, "restart_limit", config->restart_limit);
    event_json_set_u64(object, "restart_window_ms", config->restart_window_ms);
}

static void body_no_candidate(json_t *object, const struct event *e)
{
    event_json_set_text(object, "reason", reason_name(e->body.no_candidate.reason));
    event_json_set_u64(object, "wait_ms", e->body.no_candidate.wait_ms);
    event_json_set_text(object, "node", e->body.no_candidate.node);
    event_json_set_u64(object, "loss_bytes", e->body.no_candidate.loss_bytes);
    event_json_set_candidates(object, &e->body.no_candidate.candidates);
}

json_t *event_json_parameters(const char *bytes, uint32_t size)
{
    struct parameter item;
    json_t *object = json_object();
    for (uint32_t at = 0; parameters_next(bytes, size, &at, &item);) {
        if (item.value != NULL) {
            event_json_set_text(object, item.name, item.value);
        } else {
            json_object_set_new(object, item.name, json_null());
        }
    }
    return object;
}

static void body_request(json_t *object, const struct event *e)
{
    const struct request *request = &e->body.request;
    event_json_set_text(object, "request", request_kind_name(request->kind));
    event_json_set_text(object, "node", request->node);
    event_json_set_u64(object, "seen_seq", request->seen_seq);
    set_bool(object, "accept_loss", request->accept_loss);
    event_json_set_text(object, "task", task_name(request->task));
    if (request->at_us != 0) {
        event_json_set_time(object, "scheduled_for", request->at_us);
    }
    if (request->kind == REQUEST_CANCEL) {
        event_json_set_u64(object, "cancels", request->cancels_seq);
    }
    set_bool(object, "leader_stopped", request->leader_stopped);
    if (request->kind == REQUEST_CONFIG) {
        const struct parameter_change *change = &request->change;
        json_object_set_new(object, "parameters",
                            event_json_parameters(change->bytes, change->size));
        set_bool(object, "unchecked", request->unchecked);
    }
}

static void body_order(json_t *object, const struct event *e)
{
    const struct order *order = &e->body.order;
    event_json_set_text(object, "request", request_kind_name(order->kind));
    event_json_set_u64(object, "request_seq", order->request_seq);
    event_json_set_text(object, "node", order->node);
    event_json_set_text(object, "reason", reason_name(order->reason));
}

static void body_switchover_step(json_t *object, const struct event *e)
{
    const struct switchover_step *step = &e->body.switchover_step;
    event_json_set_text(object, "step", switch_step_name(step->step));
    event_json_set_u64(object, "request_seq", step->request_seq);
    event_json_set_text(object, "node", step->node);
    event_json_set_text(object, "reason", reason_name(step->reason));
    event_json_set_text(object, "verdict", verdict_name(step->verdict));
}

static void body_sync_set(json_t *object, const struct event *e)
{
    const struct sync_set *set = &e->body.sync_set;
    event_json_set_text(object, "step", sync_step_name(set->step));
    set_names(object, "waits", &set->waits);
    event_json_set_u64(object, "count", set->count);
    set_names(object, "voters", &set->voters);
    event_json_set_u64(object, "quorum", set->quorum);
}

static void body_snapshot(json_t *object, const struct event *e)
{
    const struct snapshot *snapshot = &e->body.snapshot;
    event_json_set_u64(object, "folded_seq", snapshot->folded_seq);
    event_json_set_u64(object, "fold_version", snapshot->fold_version);
    set_hash(object, "digest", snapshot->digest);
    event_json_set_u64(object, "state_bytes", snapshot->size);
}

static void (*const bodies[])(json_t *object, const struct event *e) = {
        [EVENT_NONE] = body_none,
        [EVENT_PROBE] = body_probe,
        [EVENT_RENEW] = body_renew,
        [EVENT_RELEASE] = body_release,
        [EVENT_REFUSE] = body_refuse,
        [EVENT_HELLO] = body_hello,
        [EVENT_PROGRESS] = body_task,
        [EVENT_DONE] = body_task,
        [EVENT_FAILED] = body_task,
        [EVENT_GOODBYE] = body_goodbye,
        [EVENT_REVOKE] = body_revoke,
        [EVENT_GRANT] = body_grant,
        [EVENT_DIRECTIVE] = body_directive,
        [EVENT_CONFIG] = body_config,
        [EVENT_NO_CANDIDATE] = body_no_candidate,
        [EVENT_SYNC_SET] = body_sync_set,
        [EVENT_HEARTBEAT] = body_none,
        [EVENT_REQUEST] = body_request,
        [EVENT_SWITCHOVER_STEP] = body_switchover_step,
        [EVENT_ORDER] = body_order,
        [EVENT_SNAPSHOT] = body_snapshot,
        [EVENT_ANCHOR] = body_anchor,
};
_Static_assert(sizeof bodies / sizeof bodies[0] == EVENT_KIND_COUNT, "fields for each kind");

/* ---- the head of a decision ---- */

json_t *event_json_nodes(const struct cluster *c, uint32_t mask)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < c->node_count; i++) {
        if ((mask >> i & 1U) != 0) {
            json_array_append_new(list, json_string(c->nodes[i].name));
        }
    }
    return list;
}

static json_t *ages_of_nodes(const struct cluster *c, const uint64_t ages_ms[NODE_COUNT_MAX])
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (ages_ms[i] != 0) {
            event_json_set_u64(object, c->nodes[i].name, ages_ms[i]);
        }
    }
    return object;
}

static void put_decision(json_t *object, const struct cluster *c, const struct decision *decision)
{
    const struct evidence *evidence = &decision->evidence;
    event_json_set_u64(object, "prev_seq", decision->prev_seq);
    set_hash(object, "prev_hash", decision->prev_hash);
    event_json_set_u64(object, "folded_seq", decision->folded_seq);
    set_hash(object, "digest", decision->digest);
    event_json_set_u64(object, "fold_version", decision->fold_version);
    json_t *value = json_object();
    event_json_set_u64(value, "renewal_age_ms", evidence->renewal_age_ms);
    event_json_set_u64(value, "hearing_ms", evidence->hearing_ms);
    event_json_set_u64(value, "phase_age_ms", evidence->phase_age_ms);
    event_json_set_u64(value, "heartbeat_seq", evidence->heartbeat_seq);
    event_json_set_u64(value, "sync_age_ms", evidence->sync_age_ms);
    json_object_set_new(value, "alive", event_json_nodes(c, evidence->alive_mask));
    json_object_set_new(value, "backoff", event_json_nodes(c, evidence->backoff_mask));
    event_json_set_u64(value, "failover_age_ms", evidence->failover_age_ms);
    json_object_set_new(value, "rebuild_age_ms", ages_of_nodes(c, evidence->rebuild_age_ms));
    event_json_set_u64(value, "switchover_age_ms", evidence->switchover_age_ms);
    json_object_set_new(value, "caught_up", event_json_nodes(c, evidence->caught_up_mask));
    event_json_set_u64(value, "verdict_age_ms", evidence->verdict_age_ms);
    if (evidence->wall_us != 0) {
        event_json_set_time(value, "wall_clock", evidence->wall_us);
    }
    json_object_set_new(object, "evidence", value);
}

void event_json_add_body(json_t *object, const struct cluster *c, const struct event *e)
{
    bodies[(unsigned)e->kind < EVENT_KIND_COUNT ? e->kind : EVENT_NONE](object, e);
    if (event_is_decision(e->kind)) {
        put_decision(object, c, &e->decision);
    }
}

/* ---- the envelope ---- */

uint64_t event_json_term(const struct cluster *c, const struct event *e)
{
    const uint64_t own[EVENT_KIND_COUNT] = {
            [EVENT_RENEW] = e->body.renew.term,
            [EVENT_RELEASE] = e->body.release.term,
            [EVENT_REFUSE] = e->body.refuse.term,
            [EVENT_PROGRESS] = e->body.task.term,
            [EVENT_DONE] = e->body.task.term,
            [EVENT_FAILED] = e->body.task.term,
            [EVENT_REVOKE] = e->body.revoke.term,
            [EVENT_GRANT] = e->body.grant.term,
            [EVENT_DIRECTIVE] = e->body.directive.term,
            [EVENT_NO_CANDIDATE] = e->body.no_candidate.term,
            [EVENT_REQUEST] = e->body.request.term,
            [EVENT_SWITCHOVER_STEP] = e->body.switchover_step.term,
            [EVENT_SYNC_SET] = e->body.sync_set.term,
    };
    uint64_t term = (unsigned)e->kind < EVENT_KIND_COUNT ? own[e->kind] : 0;
    return term != 0 ? term : c->term;
}

json_t *event_json(const struct folded *folded)
{
    json_t *object = json_object();
    const struct event *e = &folded->event;
    const struct cluster *c = &folded->entry->state;
    bool readable = e->kind != EVENT_NONE;
    event_json_set_u64(object, "seq", e->seq);
    event_json_set_time(object, "at", folded->wall_us);
    event_json_set_text(object, "cluster", folded->cluster);
    event_json_set_text(object, "writer", e->writer);
    event_json_set_text(object, "kind", readable ? event_kind_name(e->kind) : "malformed");
    event_json_set_u64(object, "term", event_json_term(c, e));
    set_bool(object, "effective", folded->outcome.effective);
    event_json_set_text(object, "void_reason", void_reason_name(folded->outcome.void_reason));
    if (folded->outcome.effective) {
        json_object_set_new(object, "void_reason", json_null());
    }
    event_json_set_u64(object, "cause", e->cause_seq);
    if (event_is_decision(e->kind)) {
        event_json_set_text(object, "rule", e->decision.rule);
    } else {
        json_object_set_new(object, "rule", json_null());
    }
    event_json_add_body(object, c, e);
    return object;
}
