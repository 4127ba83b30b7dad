/* SPDX-License-Identifier: PostgreSQL */
#include "codec_body.h"

#include <string.h>

/* protobuf-c's strings are not const; packing only reads them. */
static char *text_of(const char *text)
{
    return (char *)text;
}

/* A position of zeros is left out. */
static Pgbaton__Position *put_position(struct position position, Pgbaton__Position *pb)
{
    if (position.timeline == 0 && position.lsn == 0) {
        return NULL;
    }
    pgbaton__position__init(pb);
    pb->timeline = position.timeline;
    pb->lsn = position.lsn;
    return pb;
}

/* A hash of zeros is left out. */
ProtobufCBinaryData codec_put_hash(const uint8_t hash[HASH_SIZE])
{
    static const uint8_t zeros[HASH_SIZE];
    size_t size = memcmp(hash, zeros, HASH_SIZE) == 0 ? 0 : HASH_SIZE;

    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)hash};
}

/* Texts come from other programs: control bytes would break the lines of those who print them. */
static ProtobufCBinaryData put_text(const char *text, char copy[TEXT_SIZE])
{
    size_t length = strnlen(text, TEXT_SIZE - 1);

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        copy[i] = byte < ' ' || byte == 0x7f ? '?' : text[i];
    }
    copy[length] = '\0';
    return (ProtobufCBinaryData){.len = length, .data = (uint8_t *)copy};
}

static char **put_names(const struct name_list *list, char *names[NODE_COUNT_MAX])
{
    for (uint32_t i = 0; i < list->count; i++) {
        names[i] = text_of(list->names[i]);
    }
    return names;
}

static Pgbaton__HistoryEntry **put_history(const struct history *history, struct codec_space *space)
{
    for (uint32_t i = 0; i < history->count; i++) {
        Pgbaton__HistoryEntry *pb = &space->history[i];

        pgbaton__history_entry__init(pb);
        pb->timeline = history->entries[i].timeline;
        pb->switch_lsn = history->entries[i].switch_lsn;
        space->history_list[i] = pb;
    }
    return space->history_list;
}

static Pgbaton__ReplicaRow **put_replicas(const struct probe *probe, struct codec_space *space)
{
    for (uint32_t i = 0; i < probe->replica_count; i++) {
        Pgbaton__ReplicaRow *pb = &space->replicas[i];

        pgbaton__replica_row__init(pb);
        pb->name = text_of(probe->replicas[i].name);
        pb->streaming = probe->replicas[i].streaming;
        pb->flush_lsn = probe->replicas[i].flush_lsn;
        space->replica_list[i] = pb;
    }
    return space->replica_list;
}

static Pgbaton__Candidate **put_candidates(const struct candidate_list *list,
                                           struct codec_space *space)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = &list->items[i];
        Pgbaton__Candidate *pb = &space->candidates[i];

        pgbaton__candidate__init(pb);
        pb->node = text_of(candidate->node);
        pb->verdict = candidate->verdict;
        pb->reason = candidate->reason;
        pb->position = put_position(candidate->position, &space->candidate_positions[i]);
        space->candidate_list[i] = pb;
    }
    return space->candidate_list;
}

/* Left out when it is empty. */
static Pgbaton__SettingsNote *put_settings(const struct settings_note *note,
                                           struct codec_space *space)
{
    Pgbaton__SettingsNote *pb = &space->settings;

    if (note->pending[0] == '\0' && note->refused[0] == '\0' && note->own[0] == '\0' &&
        !note->pending_lowers) {
        return NULL;
    }
    pgbaton__settings_note__init(pb);
    pb->pending = text_of(note->pending);
    pb->refused = text_of(note->refused);
    pb->pending_lowers = note->pending_lowers;
    pb->own = text_of(note->own);
    return pb;
}

static Pgbaton__Probe *put_probe(const struct probe *probe, struct codec_space *space)
{
    Pgbaton__Probe *pb = &space->probe;

    pgbaton__probe__init(pb);
    pb->state = probe->state;
    pb->reason = probe->reason;
    pb->position = put_position(probe->position, &space->position);
    pb->replay_lsn = probe->replay_lsn;
    pb->system_id = probe->system_id;
    pb->streaming = probe->streaming;
    pb->sealed = probe->sealed;
    pb->clean = probe->clean;
    pb->was_primary = probe->was_primary;
    pb->failures = probe->failures;
    pb->election_term = probe->election_term;
    pb->oldest_lsn = probe->oldest_lsn;
    pb->still_ms = probe->still_ms;
    pb->read_seq = probe->read_seq;
    pb->pending_restart = probe->settings.pending_restart;
    pb->parameters_seq = probe->settings.parameters_seq;
    pb->settings = put_settings(&probe->settings, space);
    pb->source_lsn = probe->source_lsn;
    pb->source_host = text_of(probe->source_host);
    pb->n_history = probe->history.count;
    pb->history = put_history(&probe->history, space);
    pb->n_replicas = probe->replica_count;
    pb->replicas = put_replicas(probe, space);
    return pb;
}

/* Left out when there is none. */
static Pgbaton__Restart *put_restart(const struct restart *restart, struct codec_space *space)
{
    Pgbaton__Restart *pb = &space->restart;

    if (restart->number == 0) {
        return NULL;
    }
    pgbaton__restart__init(pb);
    pb->number = restart->number;
    pb->reason = restart->reason;
    pb->age_ms = restart->age_ms;
    pb->detected_wall_us = restart->detected_wall_us;
    return pb;
}

static Pgbaton__Renew *put_renew(const struct renew *renew, struct codec_space *space)
{
    Pgbaton__Renew *pb = &space->body.renew;

    pgbaton__renew__init(pb);
    pb->term = renew->term;
    pb->ttl_ms = renew->ttl_ms;
    pb->seen_seq = renew->seen_seq;
    pb->state = renew->state;
    pb->position = put_position(renew->position, &space->position);
    pb->probe_age_ms = renew->probe_age_ms;
    pb->lifted = renew->lifted;
    pb->restart = put_restart(&renew->restart, space);
    pb->failsafe = renew->failsafe;
    pb->n_electable = renew->electable.count;
    pb->electable = put_names(&renew->electable, space->waits);
    return pb;
}

static Pgbaton__Release *put_release(const struct release *release, struct codec_space *space)
{
    Pgbaton__Release *pb = &space->body.release;

    pgbaton__release__init(pb);
    pb->term = release->term;
    pb->reason = release->reason;
    pb->position = put_position(release->position, &space->position);
    pb->clean = release->clean;
    pb->killed_count = release->killed_count;
    pb->detected_wall_us = release->detected_wall_us;
    pb->fenced_wall_us = release->fenced_wall_us;
    return pb;
}

static Pgbaton__Refuse *put_refuse(const struct refuse *refuse, struct codec_space *space)
{
    Pgbaton__Refuse *pb = &space->body.refuse;

    pgbaton__refuse__init(pb);
    pb->term = refuse->term;
    pb->reason = refuse->reason;
    return pb;
}

static Pgbaton__Hello *put_hello(const struct hello *hello, struct codec_space *space)
{
    Pgbaton__Hello *pb = &space->body.hello;

    pgbaton__hello__init(pb);
    pb->probe = put_probe(&hello->probe, space);
    pb->host = text_of(hello->host);
    pb->port = hello->port;
    pb->pg_version = hello->pg_version;
    pb->failover_priority = hello->failover_priority;
    pb->nofailover = hello->nofailover;
    pb->nosync = hello->nosync;
    pb->noloadbalance = hello->noloadbalance;
    pb->anchor_seq = hello->anchor.grant_seq;
    pb->anchor_term = hello->anchor.term;
    pb->lost = hello->anchor.lost;
    pb->anchor_ttl_ms = hello->anchor.ttl_ms;
    pb->anchor_member_count = hello->anchor.member_count;
    pb->anchor_held_term = hello->anchor.held_term;
    pb->anchor_timeline = hello->anchor.timeline;
    pb->agent_port = hello->agent_port;
    return pb;
}

static Pgbaton__TaskReport *put_task(const struct task_report *task, struct codec_space *space)
{
    Pgbaton__TaskReport *pb = &space->body.task;

    pgbaton__task_report__init(pb);
    pb->task = task->task;
    pb->term = task->term;
    pb->directive_seq = task->directive_seq;
    pb->percent = task->percent;
    pb->duration_ms = task->duration_ms;
    pb->reason = task->reason;
    pb->position = put_position(task->position, &space->position);
    pb->n_history = task->history.count;
    pb->history = put_history(&task->history, space);
    pb->text = put_text(task->text, space->text);
    pb->done_bytes = task->done_bytes;
    pb->total_bytes = task->total_bytes;
    pb->bytes_per_s = task->bytes_per_s;
    return pb;
}

static Pgbaton__Goodbye *put_goodbye(const struct goodbye *goodbye, struct codec_space *space)
{
    Pgbaton__Goodbye *pb = &space->body.goodbye;

    pgbaton__goodbye__init(pb);
    pb->reason = goodbye->reason;
    return pb;
}

static Pgbaton__Revoke *put_revoke(const struct revoke *revoke, struct codec_space *space)
{
    Pgbaton__Revoke *pb = &space->body.revoke;

    pgbaton__revoke__init(pb);
    pb->term = revoke->term;
    pb->renewal_seq = revoke->renewal_seq;
    return pb;
}

static Pgbaton__Grant *put_grant(const struct grant *grant, struct codec_space *space)
{
    Pgbaton__Grant *pb = &space->body.grant;

    pgbaton__grant__init(pb);
    pb->term = grant->term;
    pb->kind = grant->kind;
    pb->node = text_of(grant->node);
    pb->incarnation = grant->incarnation;
    pb->position = put_position(grant->position, &space->position);
    pb->renewal_seq = grant->renewal_seq;
    pb->loss_bytes = grant->loss_bytes;
    pb->timeline = grant->timeline;
    pb->n_candidates = grant->candidates.count;
    pb->candidates = put_candidates(&grant->candidates, space);
    pb->n_waits = grant->waits.count;
    pb->waits = put_names(&grant->waits, space->waits);
    pb->wait_count = grant->wait_count;
    pb->leader_position = put_position(grant->leader_position, &space->leader_position);
    pb->loss_known = grant->loss_known;
    pb->leader_wall_us = grant->leader_wall_us;
    return pb;
}

static Pgbaton__Directive *put_directive(const struct directive *directive,
                                         struct codec_space *space)
{
    Pgbaton__Directive *pb = &space->body.directive;

    pgbaton__directive__init(pb);
    pb->node = text_of(directive->node);
    pb->incarnation = directive->incarnation;
    pb->term = directive->term;
    pb->task = directive->task;
    pb->reason = directive->reason;
    pb->text = put_text(directive->text, space->text);
    return pb;
}

static Pgbaton__Config *put_config(const struct config *config, struct codec_space *space)
{
    Pgbaton__Config *pb = &space->body.config;

    pgbaton__config__init(pb);
    pb->probe_period_ms = config->probe_period_ms;
    pb->probe_timeout_ms = config->probe_timeout_ms;
    pb->probe_failure_threshold = config->probe_failure_threshold;
    pb->lease_ttl_ms = config->lease_ttl_ms;
    pb->switch_policy = config->switch_policy;
    pb->maximum_lag_on_failover = config->maximum_lag_on_failover;
    pb->failover_limit = config->failover_limit;
    pb->failover_window_ms = config->failover_window_ms;
    pb->rebuild_limit = config->rebuild_limit;
    pb->rebuild_window_ms = config->rebuild_window_ms;
    pb->synchronous = config->synchronous;
    pb->synchronous_count = config->synchronous_count;
    pb->crash_policy = config->crash_policy;
    pb->primary_start_timeout_ms = config->primary_start_timeout_ms;
    pb->restart_limit = config->restart_limit;
    pb->restart_window_ms = config->restart_window_ms;
    pb->n_permanent_slots = config->permanent_slots.count;
    pb->permanent_slots = space->slots;
    for (uint32_t i = 0; i < config->permanent_slots.count; i++) {
        space->slots[i] = text_of(config->permanent_slots.names[i]);
    }
    pb->failover_mode = config->failover_mode;
    pb->failsafe = config->failsafe;
    pb->n_logical_slots = config->logical_slots.count;
    pb->logical_slots = space->logical_list;
    for (uint32_t i = 0; i < config->logical_slots.count; i++) {
        Pgbaton__LogicalSlot *slot = &space->logical[i];
        pgbaton__logical_slot__init(slot);
        slot->name = text_of(config->logical_slots.items[i].name);
        slot->database = text_of(config->logical_slots.items[i].database);
        slot->plugin = text_of(config->logical_slots.items[i].plugin);
        space->logical_list[i] = slot;
    }
    pb->standby_host = text_of(config->standby.host);
    pb->standby_port = config->standby.port;
    pb->standby_primary_slot = text_of(config->standby.primary_slot);
    return pb;
}

static Pgbaton__NoCandidate *put_no_candidate(const struct no_candidate *no_candidate,
                                              struct codec_space *space)
{
    Pgbaton__NoCandidate *pb = &space->body.no_candidate;

    pgbaton__no_candidate__init(pb);
    pb->term = no_candidate->term;
    pb->reason = no_candidate->reason;
    pb->wait_ms = no_candidate->wait_ms;
    pb->node = text_of(no_candidate->node);
    pb->loss_bytes = no_candidate->loss_bytes;
    pb->n_candidates = no_candidate->candidates.count;
    pb->candidates = put_candidates(&no_candidate->candidates, space);
    return pb;
}

static Pgbaton__SyncSet *put_sync_set(const struct sync_set *set, struct codec_space *space)
{
    Pgbaton__SyncSet *pb = &space->body.sync_set;

    pgbaton__sync_set__init(pb);
    pb->term = set->term;
    pb->step = set->step;
    pb->n_waits = set->waits.count;
    pb->waits = put_names(&set->waits, space->waits);
    pb->count = set->count;
    pb->n_voters = set->voters.count;
    pb->voters = put_names(&set->voters, space->voters);
    pb->quorum = set->quorum;
    return pb;
}

static size_t count_ages(const struct evidence *evidence)
{
    size_t count = NODE_COUNT_MAX;

    while (count > 0 && evidence->rebuild_age_ms[count - 1] == 0) {
        count--;
    }
    return count;
}

static Pgbaton__Evidence *put_evidence(const struct evidence *evidence, struct codec_space *space)
{
    Pgbaton__Evidence *pb = &space->evidence;

    pgbaton__evidence__init(pb);
    pb->renewal_age_ms = evidence->renewal_age_ms;
    pb->hearing_ms = evidence->hearing_ms;
    pb->phase_age_ms = evidence->phase_age_ms;
    pb->heartbeat_seq = evidence->heartbeat_seq;
    pb->alive_mask = evidence->alive_mask;
    pb->backoff_mask = evidence->backoff_mask;
    pb->failover_age_ms = evidence->failover_age_ms;
    pb->verdict_age_ms = evidence->verdict_age_ms;
    pb->n_rebuild_age_ms = count_ages(evidence);
    pb->rebuild_age_ms = (uint64_t *)evidence->rebuild_age_ms;
    pb->switchover_age_ms = evidence->switchover_age_ms;
    pb->caught_up_mask = evidence->caught_up_mask;
    pb->sync_age_ms = evidence->sync_age_ms;
    pb->wall_us = evidence->wall_us;
    return pb;
}

static Pgbaton__Decision *put_decision(const struct decision *decision, struct codec_space *space)
{
    Pgbaton__Decision *pb = &space->decision;

    pgbaton__decision__init(pb);
    pb->prev_seq = decision->prev_seq;
    pb->prev_hash = codec_put_hash(decision->prev_hash);
    pb->folded_seq = decision->folded_seq;
    pb->digest = codec_put_hash(decision->digest);
    pb->fold_version = decision->fold_version;
    pb->rule = text_of(decision->rule);
    pb->evidence = put_evidence(&decision->evidence, space);
    return pb;
}

/* Which member of the generated union holds the body of a kind. */
static const Pgbaton__Event__BodyCase body_cases[] = {
        [EVENT_NONE] = PGBATON__EVENT__BODY__NOT_SET,
        [EVENT_PROBE] = PGBATON__EVENT__BODY_PROBE,
        [EVENT_RENEW] = PGBATON__EVENT__BODY_RENEW,
        [EVENT_RELEASE] = PGBATON__EVENT__BODY_RELEASE,
        [EVENT_REFUSE] = PGBATON__EVENT__BODY_REFUSE,
        [EVENT_HELLO] = PGBATON__EVENT__BODY_HELLO,
        [EVENT_PROGRESS] = PGBATON__EVENT__BODY_PROGRESS,
        [EVENT_DONE] = PGBATON__EVENT__BODY_DONE,
        [EVENT_FAILED] = PGBATON__EVENT__BODY_FAILED,
        [EVENT_GOODBYE] = PGBATON__EVENT__BODY_GOODBYE,
        [EVENT_REVOKE] = PGBATON__EVENT__BODY_REVOKE,
        [EVENT_GRANT] = PGBATON__EVENT__BODY_GRANT,
        [EVENT_DIRECTIVE] = PGBATON__EVENT__BODY_DIRECTIVE,
        [EVENT_CONFIG] = PGBATON__EVENT__BODY_CONFIG,
        [EVENT_NO_CANDIDATE] = PGBATON__EVENT__BODY_NO_CANDIDATE,
        [EVENT_SYNC_SET] = PGBATON__EVENT__BODY_SYNC_SET,
        [EVENT_HEARTBEAT] = PGBATON__EVENT__BODY_HEARTBEAT,
        [EVENT_REQUEST] = PGBATON__EVENT__BODY_REQUEST,
        [EVENT_SWITCHOVER_STEP] = PGBATON__EVENT__BODY_SWITCHOVER_STEP,
        [EVENT_ORDER] = PGBATON__EVENT__BODY_ORDER,
        [EVENT_SNAPSHOT] = PGBATON__EVENT__BODY_SNAPSHOT,
        [EVENT_ANCHOR] = PGBATON__EVENT__BODY_ANCHOR,
};
_Static_assert(sizeof(body_cases) / sizeof(body_cases[0]) == EVENT_KIND_COUNT,
               "every kind has its body");

enum event_kind codec_body_kind(Pgbaton__Event__BodyCase body_case)
{
    for (unsigned int kind = EVENT_NONE + 1; kind < EVENT_KIND_COUNT; kind++) {
        if (body_cases[kind] == body_case) {
            return (enum event_kind)kind;
        }
    }
    return EVENT_NONE;
}

static void put_body(const struct event *e, struct codec_space *space)
{
    Pgbaton__Event *pb = &space->event;

    switch (e->kind) {
    case EVENT_PROBE:
        pb->probe = put_probe(&e->body.probe, space);
        break;
    case EVENT_RENEW:
        pb->renew = put_renew(&e->body.renew, space);
        break;
    case EVENT_RELEASE:
        pb->release = put_release(&e->body.release, space);
        break;
    case EVENT_REFUSE:
        pb->refuse = put_refuse(&e->body.refuse, space);
        break;
    case EVENT_HELLO:
        pb->hello = put_hello(&e->body.hello, space);
        break;
    case EVENT_PROGRESS:
        pb->progress = put_task(&e->body.task, space);
        break;
    case EVENT_DONE:
        pb->done = put_task(&e->body.task, space);
        break;
    case EVENT_FAILED:
        pb->failed = put_task(&e->body.task, space);
        break;
    case EVENT_GOODBYE:
        pb->goodbye = put_goodbye(&e->body.goodbye, space);
        break;
    case EVENT_REVOKE:
        pb->revoke = put_revoke(&e->body.revoke, space);
        break;
    case EVENT_GRANT:
        pb->grant = put_grant(&e->body.grant, space);
        break;
    case EVENT_DIRECTIVE:
        pb->directive = put_directive(&e->body.directive, space);
        break;
    case EVENT_CONFIG:
        pb->config = put_config(&e->body.config, space);
        break;
    case EVENT_NO_CANDIDATE:
        pb->no_candidate = put_no_candidate(&e->body.no_candidate, space);
        break;
    case EVENT_SYNC_SET:
        pb->sync_set = put_sync_set(&e->body.sync_set, space);
        break;
    case EVENT_REQUEST:
        pb->request = codec_put_request(&e->body.request, space);
        break;
    case EVENT_SWITCHOVER_STEP:
        pb->switchover_step = codec_put_switchover_step(&e->body.switchover_step, space);
        break;
    case EVENT_ORDER:
        pb->order = codec_put_order(&e->body.order, space);
        break;
    case EVENT_HEARTBEAT:
    case EVENT_SNAPSHOT:
    case EVENT_ANCHOR:
        codec_put_monitors(e, space);
        break;
    case EVENT_NONE:
    case EVENT_KIND_COUNT:
        break;
    }
}

void codec_body_put(const struct event *e, struct codec_space *space)
{
    Pgbaton__Event *pb = &space->event;

    pgbaton__event__init(pb);
    pb->version = e->version;
    pb->cluster = text_of(e->cluster);
    pb->writer = text_of(e->writer);
    pb->incarnation = e->incarnation;
    pb->counter = e->counter;
    pb->wall_us = e->wall_us;
    pb->cause_seq = e->cause_seq;
    if (event_is_decision(e->kind)) {
        pb->decision = put_decision(&e->decision, space);
    }
    pb->body_case = body_cases[e->kind];
    put_body(e, space);
}
