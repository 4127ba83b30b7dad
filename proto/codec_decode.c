/* SPDX-License-Identifier: PostgreSQL */
#include "codec_body.h"

#include <string.h>

bool codec_take_text(char *field, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length >= size) {
        return false;
    }
    memcpy(field, text, length + 1);
    return true;
}

static bool take_bytes(char *field, size_t size, ProtobufCBinaryData bytes)
{
    if (bytes.len >= size) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(field, bytes.data, bytes.len);
    }
    field[bytes.len] = '\0';
    return true;
}

static bool take_hash(uint8_t field[HASH_SIZE], ProtobufCBinaryData bytes)
{
    if (bytes.len == HASH_SIZE) {
        memcpy(field, bytes.data, HASH_SIZE);
    }
    return bytes.len == HASH_SIZE || bytes.len == 0;
}

static void take_position(const Pgbaton__Position *pb, struct position *position)
{
    if (pb != NULL) {
        position->timeline = pb->timeline;
        position->lsn = pb->lsn;
    }
}

static bool take_names(struct name_list *list, size_t count, char *const *names)
{
    if (count > NODE_COUNT_MAX) {
        return false;
    }
    list->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(list->names[i], sizeof(list->names[i]), names[i])) {
            return false;
        }
    }
    return true;
}

static bool take_history(struct history *history, size_t count, Pgbaton__HistoryEntry *const *list)
{
    if (count > HISTORY_COUNT_MAX) {
        return false;
    }
    history->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        history->entries[i].timeline = list[i]->timeline;
        history->entries[i].switch_lsn = list[i]->switch_lsn;
    }
    return true;
}

static bool take_replicas(const Pgbaton__Probe *pb, struct probe *probe)
{
    if (pb->n_replicas > NODE_COUNT_MAX) {
        return false;
    }
    probe->replica_count = (uint32_t)pb->n_replicas;
    for (size_t i = 0; i < pb->n_replicas; i++) {
        struct replica_row *row = &probe->replicas[i];

        if (!codec_take_text(row->name, sizeof(row->name), pb->replicas[i]->name)) {
            return false;
        }
        row->streaming = pb->replicas[i]->streaming;
        row->flush_lsn = pb->replicas[i]->flush_lsn;
    }
    return true;
}

static bool take_candidates(struct candidate_list *list, size_t count,
                            Pgbaton__Candidate *const *pb)
{
    if (count > NODE_COUNT_MAX) {
        return false;
    }
    list->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &list->items[i];

        if (!codec_take_text(candidate->node, sizeof(candidate->node), pb[i]->node)) {
            return false;
        }
        candidate->verdict = (enum verdict)pb[i]->verdict;
        candidate->reason = (enum reason)pb[i]->reason;
        take_position(pb[i]->position, &candidate->position);
    }
    return true;
}

/* One that is there says something: else its writer would have left it out. */
static bool take_settings(const Pgbaton__Probe *pb, struct settings_note *note)
{
    note->pending_restart = pb->pending_restart;
    note->parameters_seq = pb->parameters_seq;
    if (pb->settings == NULL) {
        return true;
    }
    note->pending_lowers = pb->settings->pending_lowers;
    return codec_take_text(note->pending, sizeof(note->pending), pb->settings->pending) &&
           codec_take_text(note->refused, sizeof(note->refused), pb->settings->refused) &&
           codec_take_text(note->own, sizeof(note->own), pb->settings->own);
}

static bool take_probe(const Pgbaton__Probe *pb, struct probe *probe)
{
    probe->state = (enum node_state)pb->state;
    probe->reason = (enum reason)pb->reason;
    take_position(pb->position, &probe->position);
    probe->replay_lsn = pb->replay_lsn;
    probe->system_id = pb->system_id;
    probe->streaming = pb->streaming;
    probe->sealed = pb->sealed;
    probe->clean = pb->clean;
    probe->was_primary = pb->was_primary;
    probe->failures = pb->failures;
    probe->election_term = pb->election_term;
    probe->oldest_lsn = pb->oldest_lsn;
    probe->still_ms = pb->still_ms;
    probe->read_seq = pb->read_seq;
    probe->source_lsn = pb->source_lsn;
    return codec_take_text(probe->source_host, sizeof(probe->source_host), pb->source_host) &&
           take_history(&probe->history, pb->n_history, pb->history) && take_replicas(pb, probe) &&
           take_settings(pb, &probe->settings);
}

/* One that is there has a number: else its writer would have left it out. */
static bool take_restart(const Pgbaton__Restart *pb, struct restart *restart)
{
    if (pb == NULL) {
        return true;
    }
    restart->number = pb->number;
    restart->reason = (enum reason)pb->reason;
    restart->age_ms = pb->age_ms;
    restart->detected_wall_us = pb->detected_wall_us;
    return restart->number != 0;
}

static bool take_renew(const Pgbaton__Renew *pb, struct renew *renew)
{
    renew->term = pb->term;
    renew->ttl_ms = pb->ttl_ms;
    renew->seen_seq = pb->seen_seq;
    renew->state = (enum node_state)pb->state;
    take_position(pb->position, &renew->position);
    renew->probe_age_ms = pb->probe_age_ms;
    renew->lifted = pb->lifted;
    renew->failsafe = pb->failsafe;
    return take_restart(pb->restart, &renew->restart) &&
           take_names(&renew->electable, pb->n_electable, pb->electable);
}

static bool take_release(const Pgbaton__Release *pb, struct release *release)
{
    release->term = pb->term;
    release->reason = (enum reason)pb->reason;
    take_position(pb->position, &release->position);
    release->clean = pb->clean;
    release->killed_count = pb->killed_count;
    release->detected_wall_us = pb->detected_wall_us;
    release->fenced_wall_us = pb->fenced_wall_us;
    return true;
}

static bool take_refuse(const Pgbaton__Refuse *pb, struct refuse *refuse)
{
    refuse->term = pb->term;
    refuse->reason = (enum reason)pb->reason;
    return true;
}

static bool take_hello(const Pgbaton__Hello *pb, struct hello *hello)
{
    if (pb->probe == NULL || pb->port > UINT16_MAX) {
        return false;
    }
    hello->port = (uint16_t)pb->port;
    hello->pg_version = pb->pg_version;
    hello->failover_priority = pb->failover_priority;
    hello->nofailover = pb->nofailover;
    hello->nosync = pb->nosync;
    hello->noloadbalance = pb->noloadbalance;
    hello->anchor.grant_seq = pb->anchor_seq;
    hello->anchor.term = pb->anchor_term;
    hello->anchor.lost = pb->lost;
    hello->anchor.ttl_ms = pb->anchor_ttl_ms;
    hello->anchor.member_count = pb->anchor_member_count;
    hello->anchor.held_term = pb->anchor_held_term;
    hello->anchor.timeline = pb->anchor_timeline;
    hello->agent_port = (uint16_t)pb->agent_port;
    return take_probe(pb->probe, &hello->probe) &&
           codec_take_text(hello->host, sizeof(hello->host), pb->host);
}

static bool take_anchor(const Pgbaton__Anchor *pb, struct anchor *anchor)
{
    *anchor = (struct anchor){
            .lost = pb->lost,
            .grant_seq = pb->grant_seq,
            .term = pb->term,
            .held_term = pb->held_term,
            .ttl_ms = pb->ttl_ms,
            .member_count = pb->member_count,
            .timeline = pb->timeline,
            .seen_seq = pb->seen_seq,
            .system_id = pb->system_id,
    };
    return true;
}

static bool take_task(const Pgbaton__TaskReport *pb, struct task_report *task)
{
    task->task = (enum task)pb->task;
    task->term = pb->term;
    task->directive_seq = pb->directive_seq;
    task->percent = pb->percent;
    task->duration_ms = pb->duration_ms;
    task->reason = (enum reason)pb->reason;
    take_position(pb->position, &task->position);
    task->done_bytes = pb->done_bytes;
    task->total_bytes = pb->total_bytes;
    task->bytes_per_s = pb->bytes_per_s;
    return take_history(&task->history, pb->n_history, pb->history) &&
           take_bytes(task->text, sizeof(task->text), pb->text);
}

static bool take_goodbye(const Pgbaton__Goodbye *pb, struct goodbye *goodbye)
{
    goodbye->reason = (enum reason)pb->reason;
    return true;
}

static bool take_revoke(const Pgbaton__Revoke *pb, struct revoke *revoke)
{
    revoke->term = pb->term;
    revoke->renewal_seq = pb->renewal_seq;
    return true;
}

static bool take_grant(const Pgbaton__Grant *pb, struct grant *grant)
{
    grant->term = pb->term;
    grant->kind = (enum grant_kind)pb->kind;
    grant->incarnation = pb->incarnation;
    take_position(pb->position, &grant->position);
    grant->renewal_seq = pb->renewal_seq;
    grant->loss_bytes = pb->loss_bytes;
    grant->timeline = pb->timeline;
    grant->wait_count = pb->wait_count;
    take_position(pb->leader_position, &grant->leader_position);
    grant->loss_known = pb->loss_known;
    grant->leader_wall_us = pb->leader_wall_us;
    return take_names(&grant->waits, pb->n_waits, pb->waits) &&
           codec_take_text(grant->node, sizeof(grant->node), pb->node) &&
           take_candidates(&grant->candidates, pb->n_candidates, pb->candidates);
}

static bool take_directive(const Pgbaton__Directive *pb, struct directive *directive)
{
    directive->incarnation = pb->incarnation;
    directive->term = pb->term;
    directive->task = (enum task)pb->task;
    directive->reason = (enum reason)pb->reason;
    return codec_take_text(directive->node, sizeof(directive->node), pb->node) &&
           take_bytes(directive->text, sizeof(directive->text), pb->text);
}

static bool take_slots(struct permanent_slots *slots, size_t count, char *const *names)
{
    bool fits = count <= PERMANENT_SLOT_MAX;
    slots->count = fits ? (uint32_t)count : 0;
    for (size_t i = 0; fits && i < count; i++) {
        fits = codec_take_text(slots->names[i], sizeof(slots->names[i]), names[i]);
    }
    return fits;
}

static bool take_logical(struct logical_slots *slots, size_t count,
                         Pgbaton__LogicalSlot *const *list)
{
    bool fits = count <= PERMANENT_SLOT_MAX;
    slots->count = fits ? (uint32_t)count : 0;
    for (size_t i = 0; fits && i < count; i++) {
        struct logical_slot *slot = &slots->items[i];
        fits = codec_take_text(slot->name, sizeof(slot->name), list[i]->name) &&
               codec_take_text(slot->database, sizeof(slot->database), list[i]->database) &&
               codec_take_text(slot->plugin, sizeof(slot->plugin), list[i]->plugin);
    }
    return fits;
}

static bool take_standby(const Pgbaton__Config *pb, struct standby_cluster *standby)
{
    standby->port = (uint16_t)pb->standby_port;
    return pb->standby_port <= UINT16_MAX &&
           codec_take_text(standby->host, sizeof(standby->host), pb->standby_host) &&
           codec_take_text(standby->primary_slot, sizeof(standby->primary_slot),
                           pb->standby_primary_slot);
}

static bool take_config(const Pgbaton__Config *pb, struct config *config)
{
    config->probe_period_ms = pb->probe_period_ms;
    config->probe_timeout_ms = pb->probe_timeout_ms;
    config->probe_failure_threshold = pb->probe_failure_threshold;
    config->lease_ttl_ms = pb->lease_ttl_ms;
    config->switch_policy = (enum switch_policy)pb->switch_policy;
    config->maximum_lag_on_failover = pb->maximum_lag_on_failover;
    config->failover_limit = pb->failover_limit;
    config->failover_window_ms = pb->failover_window_ms;
    config->rebuild_limit = pb->rebuild_limit;
    config->rebuild_window_ms = pb->rebuild_window_ms;
    config->synchronous = (enum synchronous)pb->synchronous;
    config->synchronous_count = pb->synchronous_count;
    config->failover_mode = (enum failover_mode)pb->failover_mode;
    config->failsafe = (enum failsafe)pb->failsafe;
    config->crash_policy = (enum crash_policy)pb->crash_policy;
    config->primary_start_timeout_ms = pb->primary_start_timeout_ms;
    config->restart_limit = pb->restart_limit;
    config->restart_window_ms = pb->restart_window_ms;
    return take_slots(&config->permanent_slots, pb->n_permanent_slots, pb->permanent_slots) &&
           take_logical(&config->logical_slots, pb->n_logical_slots, pb->logical_slots) &&
           take_standby(pb, &config->standby);
}

static bool take_no_candidate(const Pgbaton__NoCandidate *pb, struct no_candidate *no_candidate)
{
    no_candidate->term = pb->term;
    no_candidate->reason = (enum reason)pb->reason;
    no_candidate->wait_ms = pb->wait_ms;
    no_candidate->loss_bytes = pb->loss_bytes;
    return codec_take_text(no_candidate->node, sizeof(no_candidate->node), pb->node) &&
           take_candidates(&no_candidate->candidates, pb->n_candidates, pb->candidates);
}

static bool take_change(const Pgbaton__Request *pb, struct parameter_change *change)
{
    for (size_t i = 0; i < pb->n_parameters; i++) {
        size_t size = strlen(pb->parameters[i]) + 1;

        if (size > sizeof(change->bytes) - change->size) {
            return false;
        }
        memcpy(change->bytes + change->size, pb->parameters[i], size);
        change->size += (uint32_t)size;
    }
    return true;
}

static bool take_request(const Pgbaton__Request *pb, struct request *request)
{
    request->kind = (enum request_kind)pb->kind;
    request->term = pb->term;
    request->seen_seq = pb->seen_seq;
    request->accept_loss = pb->accept_loss;
    request->task = (enum task)pb->task;
    request->at_us = pb->at_us;
    request->cancels_seq = pb->cancels_seq;
    request->leader_stopped = pb->leader_stopped;
    request->unchecked = pb->unchecked;
    return codec_take_text(request->node, sizeof(request->node), pb->node) &&
           take_change(pb, &request->change);
}

static bool take_order(const Pgbaton__Order *pb, struct order *order)
{
    order->kind = (enum request_kind)pb->kind;
    order->request_seq = pb->request_seq;
    order->reason = (enum reason)pb->reason;
    return codec_take_text(order->node, sizeof(order->node), pb->node);
}

static bool take_switchover_step(const Pgbaton__SwitchoverStep *pb, struct switchover_step *step)
{
    step->step = (enum switch_step)pb->step;
    step->request_seq = pb->request_seq;
    step->term = pb->term;
    step->reason = (enum reason)pb->reason;
    step->verdict = (enum verdict)pb->verdict;
    return codec_take_text(step->node, sizeof(step->node), pb->node);
}

static bool take_sync_set(const Pgbaton__SyncSet *pb, struct sync_set *set)
{
    set->term = pb->term;
    set->step = (enum sync_step)pb->step;
    set->count = pb->count;
    set->quorum = pb->quorum;
    return take_names(&set->waits, pb->n_waits, pb->waits) &&
           take_names(&set->voters, pb->n_voters, pb->voters);
}

static bool take_snapshot(const Pgbaton__Snapshot *pb, struct snapshot *snapshot)
{
    snapshot->folded_seq = pb->folded_seq;
    snapshot->fold_version = pb->fold_version;
    snapshot->size = (uint32_t)pb->state.len;
    snapshot->bytes = pb->state.data;
    return take_hash(snapshot->digest, pb->digest) && take_hash(snapshot->last_hash, pb->last_hash);
}

static bool take_evidence(const Pgbaton__Evidence *pb, struct evidence *evidence)
{
    if (pb->n_rebuild_age_ms > NODE_COUNT_MAX) {
        return false;
    }
    evidence->renewal_age_ms = pb->renewal_age_ms;
    evidence->hearing_ms = pb->hearing_ms;
    evidence->phase_age_ms = pb->phase_age_ms;
    evidence->heartbeat_seq = pb->heartbeat_seq;
    evidence->alive_mask = pb->alive_mask;
    evidence->backoff_mask = pb->backoff_mask;
    evidence->sync_age_ms = pb->sync_age_ms;
    evidence->wall_us = pb->wall_us;
    evidence->failover_age_ms = pb->failover_age_ms;
    evidence->verdict_age_ms = pb->verdict_age_ms;
    for (size_t i = 0; i < pb->n_rebuild_age_ms; i++) {
        evidence->rebuild_age_ms[i] = pb->rebuild_age_ms[i];
    }
    evidence->switchover_age_ms = pb->switchover_age_ms;
    evidence->caught_up_mask = pb->caught_up_mask;
    return true;
}

static bool take_decision(const Pgbaton__Decision *pb, struct decision *decision)
{
    if (pb == NULL || pb->evidence == NULL) {
        return false;
    }
    decision->prev_seq = pb->prev_seq;
    decision->folded_seq = pb->folded_seq;
    decision->fold_version = pb->fold_version;
    return take_evidence(pb->evidence, &decision->evidence) &&
           take_hash(decision->prev_hash, pb->prev_hash) &&
           take_hash(decision->digest, pb->digest) &&
           codec_take_text(decision->rule, sizeof(decision->rule), pb->rule);
}

static bool take_body(const Pgbaton__Event *pb, struct event *e)
{
    switch (e->kind) {
    case EVENT_PROBE:
        return take_probe(pb->probe, &e->body.probe);
    case EVENT_RENEW:
        return take_renew(pb->renew, &e->body.renew);
    case EVENT_RELEASE:
        return take_release(pb->release, &e->body.release);
    case EVENT_REFUSE:
        return take_refuse(pb->refuse, &e->body.refuse);
    case EVENT_HELLO:
        return take_hello(pb->hello, &e->body.hello);
    case EVENT_PROGRESS:
        return take_task(pb->progress, &e->body.task);
    case EVENT_DONE:
        return take_task(pb->done, &e->body.task);
    case EVENT_FAILED:
        return take_task(pb->failed, &e->body.task);
    case EVENT_GOODBYE:
        return take_goodbye(pb->goodbye, &e->body.goodbye);
    case EVENT_REVOKE:
        return take_revoke(pb->revoke, &e->body.revoke);
    case EVENT_GRANT:
        return take_grant(pb->grant, &e->body.grant);
    case EVENT_DIRECTIVE:
        return take_directive(pb->directive, &e->body.directive);
    case EVENT_CONFIG:
        return take_config(pb->config, &e->body.config);
    case EVENT_NO_CANDIDATE:
        return take_no_candidate(pb->no_candidate, &e->body.no_candidate);
    case EVENT_SYNC_SET:
        return take_sync_set(pb->sync_set, &e->body.sync_set);
    case EVENT_HEARTBEAT:
        return true;
    case EVENT_REQUEST:
        return take_request(pb->request, &e->body.request);
    case EVENT_SWITCHOVER_STEP:
        return take_switchover_step(pb->switchover_step, &e->body.switchover_step);
    case EVENT_ORDER:
        return take_order(pb->order, &e->body.order);
    case EVENT_SNAPSHOT:
        return take_snapshot(pb->snapshot, &e->body.snapshot);
    case EVENT_ANCHOR:
        return take_anchor(pb->anchor, &e->body.anchor);
    case EVENT_NONE:
    case EVENT_KIND_COUNT:
        return false;
    }
    return false;
}

bool codec_body_take(const Pgbaton__Event *pb, struct event *e)
{
    e->version = pb->version;
    e->incarnation = pb->incarnation;
    e->counter = pb->counter;
    e->wall_us = pb->wall_us;
    e->cause_seq = pb->cause_seq;
    e->kind = codec_body_kind(pb->body_case);
    if (!codec_take_text(e->cluster, sizeof(e->cluster), pb->cluster) ||
        !codec_take_text(e->writer, sizeof(e->writer), pb->writer)) {
        return false;
    }
    if (event_is_decision(e->kind) && !take_decision(pb->decision, &e->decision)) {
        return false;
    }
    return take_body(pb, e);
}
