/* SPDX-License-Identifier: PostgreSQL */
#include "random_event.h"

#include <stdio.h>
#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014): one addition and a mix, any state is good. */
uint64_t random_next(struct random *random)
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void random_init(struct random *random, uint64_t seed)
{
    random->state = seed;
}

uint32_t random_below(struct random *random, uint32_t count)
{
    return (uint32_t)((random_next(random) >> 32) % count);
}

static bool random_bool(struct random *random)
{
    return random_below(random, 2) == 1;
}

static uint64_t random_u64(struct random *random)
{
    switch (random_below(random, 5)) {
    case 0:
        return 0;
    case 1:
        return random_below(random, 300);
    case 2:
        return UINT64_MAX - random_below(random, 2);
    default:
        return random_next(random) >> random_below(random, 64);
    }
}

static uint32_t random_u32(struct random *random)
{
    return (uint32_t)random_u64(random);
}

/* length bytes out of characters, and a NUL. */
static void random_text(struct random *random, char *text, size_t length, const char *characters)
{
    uint32_t count = (uint32_t)strlen(characters);

    for (size_t i = 0; i < length; i++) {
        text[i] = characters[random_below(random, count)];
    }
    text[length] = '\0';
}

static void random_name(struct random *random, char name[NAME_SIZE])
{
    size_t length = 1 + random_below(random, NAME_SIZE - 1);

    random_text(random, name, length, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (name[0] == '-') {
        name[0] = 'n';
    }
}

/* Without spaces and control bytes. */
static void random_word(struct random *random, char *word, size_t size, uint32_t length_min)
{
    size_t length = length_min + random_below(random, (uint32_t)size - length_min);

    random_text(random, word, length, "abcXYZ019.:-_[]%~!");
}

/* Any bytes but control bytes: whatever a program writes to standard error. */
static void random_line(struct random *random, char line[TEXT_SIZE])
{
    random_text(random, line, random_below(random, TEXT_SIZE), "abc XYZ 019\"'\\\xc3\xa4\xff\x80~");
}

static void random_position(struct random *random, struct position *position)
{
    position->timeline = random_u32(random);
    position->lsn = random_u64(random);
}

static void random_history(struct random *random, struct history *history)
{
    history->count = random_below(random, HISTORY_COUNT_MAX + 1);
    for (uint32_t i = 0; i < history->count; i++) {
        history->entries[i].timeline = random_u32(random);
        history->entries[i].switch_lsn = random_u64(random);
    }
}

static void random_hash(struct random *random, uint8_t hash[HASH_SIZE])
{
    bool is_zero = random_below(random, 4) == 0;

    for (size_t i = 0; i < HASH_SIZE; i++) {
        hash[i] = is_zero ? 0 : (uint8_t)random_next(random);
    }
}

static void random_candidates(struct random *random, struct candidate_list *list)
{
    list->count = random_below(random, NODE_COUNT_MAX + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        struct candidate *candidate = &list->items[i];

        random_name(random, candidate->node);
        candidate->verdict = (enum verdict)random_below(random, VERDICT_COUNT);
        candidate->reason = (enum reason)random_below(random, REASON_COUNT);
        random_position(random, &candidate->position);
    }
}

static void random_names(struct random *random, struct name_list *list)
{
    list->count = random_below(random, NODE_COUNT_MAX + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        random_name(random, list->names[i]);
    }
}

static enum reason random_reason(struct random *random)
{
    return (enum reason)random_below(random, REASON_COUNT);
}

static void random_settings(struct random *random, struct settings_note *note)
{
    note->pending_restart = random_bool(random);
    note->parameters_seq = random_u64(random);
    if (random_bool(random)) {
        note->pending_lowers = random_bool(random);
        random_word(random, note->pending, sizeof(note->pending), 0);
        random_word(random, note->refused, sizeof(note->refused), 0);
        random_word(random, note->own, sizeof(note->own), 0);
    }
}

static void random_probe(struct random *random, struct probe *probe)
{
    probe->state = (enum node_state)random_below(random, NODE_STATE_COUNT);
    probe->reason = random_reason(random);
    random_position(random, &probe->position);
    probe->replay_lsn = random_u64(random);
    probe->system_id = random_u64(random);
    probe->streaming = random_bool(random);
    probe->sealed = random_bool(random);
    probe->clean = random_bool(random);
    probe->was_primary = random_bool(random);
    probe->failures = random_u32(random);
    probe->election_term = random_u64(random);
    probe->oldest_lsn = random_u64(random);
    probe->still_ms = random_u32(random);
    probe->read_seq = random_u64(random);
    random_settings(random, &probe->settings);
    probe->source_lsn = random_u64(random);
    random_word(random, probe->source_host, sizeof(probe->source_host), 0);
    random_history(random, &probe->history);
    probe->replica_count = random_below(random, NODE_COUNT_MAX + 1);
    for (uint32_t i = 0; i < probe->replica_count; i++) {
        random_word(random, probe->replicas[i].name, NAME_SIZE, 1);
        probe->replicas[i].streaming = random_bool(random);
        probe->replicas[i].flush_lsn = random_u64(random);
    }
}

static void random_renew(struct random *random, struct renew *renew)
{
    renew->term = random_u64(random);
    renew->ttl_ms = random_u32(random);
    renew->seen_seq = random_u64(random);
    renew->state = (enum node_state)random_below(random, NODE_STATE_COUNT);
    random_position(random, &renew->position);
    renew->probe_age_ms = random_u32(random);
    renew->lifted = random_bool(random);
    renew->failsafe = random_bool(random);
    if (renew->failsafe) {
        random_names(random, &renew->electable);
    }
    if (random_bool(random)) {
        renew->restart.number = 1 + (uint32_t)random_below(random, 5);
        renew->restart.reason = random_reason(random);
        renew->restart.age_ms = random_u64(random);
        renew->restart.detected_wall_us = random_u64(random);
    }
}

static void random_release(struct random *random, struct release *release)
{
    release->term = random_u64(random);
    release->reason = random_reason(random);
    random_position(random, &release->position);
    release->clean = random_bool(random);
    release->killed_count = random_u32(random);
    release->detected_wall_us = random_u64(random);
    release->fenced_wall_us = random_u64(random);
}

/* A hello says nothing of the last two. */
static void random_anchor(struct random *random, struct anchor *anchor)
{
    anchor->lost = random_bool(random);
    anchor->grant_seq = random_u64(random);
    anchor->term = random_u64(random);
    anchor->held_term = random_u64(random);
    anchor->ttl_ms = random_u32(random);
    anchor->member_count = random_u32(random);
    anchor->timeline = random_u32(random);
}

static void random_hello(struct random *random, struct hello *hello)
{
    random_probe(random, &hello->probe);
    random_word(random, hello->host, sizeof(hello->host), 0);
    hello->port = (uint16_t)random_u64(random);
    hello->pg_version = random_u32(random);
    hello->failover_priority = (int32_t)random_u32(random);
    hello->nofailover = random_bool(random);
    hello->nosync = random_bool(random);
    hello->noloadbalance = random_bool(random);
    random_anchor(random, &hello->anchor);
    hello->agent_port = (uint16_t)random_u64(random);
}

static void random_task(struct random *random, struct task_report *task)
{
    task->task = (enum task)random_below(random, TASK_COUNT);
    task->term = random_u64(random);
    task->directive_seq = random_u64(random);
    task->percent = random_u32(random);
    task->duration_ms = random_u32(random);
    task->reason = random_reason(random);
    random_position(random, &task->position);
    random_history(random, &task->history);
    random_line(random, task->text);
    task->done_bytes = random_u64(random);
    task->total_bytes = random_u64(random);
    task->bytes_per_s = random_u64(random);
}

static void random_grant(struct random *random, struct grant *grant)
{
    grant->term = random_u64(random);
    grant->kind = (enum grant_kind)random_below(random, GRANT_KIND_COUNT);
    random_name(random, grant->node);
    grant->incarnation = random_u64(random);
    random_position(random, &grant->position);
    grant->renewal_seq = random_u64(random);
    grant->loss_bytes = random_u64(random);
    grant->timeline = (uint32_t)random_u64(random);
    random_names(random, &grant->waits);
    grant->wait_count = random_u32(random);
    random_position(random, &grant->leader_position);
    grant->loss_known = random_bool(random);
    grant->leader_wall_us = random_u64(random);
    random_candidates(random, &grant->candidates);
}

static void random_directive(struct random *random, struct directive *directive)
{
    random_name(random, directive->node);
    directive->incarnation = random_u64(random);
    directive->term = random_u64(random);
    directive->task = (enum task)random_below(random, TASK_COUNT);
    directive->reason = random_reason(random);
    random_line(random, directive->text);
}

static void random_config(struct random *random, struct config *config)
{
    config->probe_period_ms = random_u32(random);
    config->probe_timeout_ms = random_u32(random);
    config->probe_failure_threshold = random_u32(random);
    config->lease_ttl_ms = random_u32(random);
    config->switch_policy = (enum switch_policy)random_below(random, SWITCH_POLICY_COUNT);
    config->maximum_lag_on_failover = random_u64(random);
    config->failover_limit = random_u32(random);
    config->failover_window_ms = random_u32(random);
    config->rebuild_limit = random_u32(random);
    config->rebuild_window_ms = random_u32(random);
    config->synchronous = (enum synchronous)random_below(random, SYNCHRONOUS_MODE_COUNT);
    config->synchronous_count = random_u32(random);
    config->crash_policy = (enum crash_policy)random_below(random, CRASH_POLICY_COUNT);
    config->primary_start_timeout_ms = random_u32(random);
    config->restart_limit = random_u32(random);
    config->restart_window_ms = random_u32(random);
    config->permanent_slots.count = random_below(random, PERMANENT_SLOT_MAX + 1);
    for (uint32_t i = 0; i < config->permanent_slots.count; i++) {
        snprintf(config->permanent_slots.names[i], SLOT_IDENTIFIER_SIZE, "s%u",
                 (unsigned)random_u32(random));
    }
    config->failover_mode = (enum failover_mode)random_below(random, FAILOVER_MODE_COUNT);
    config->failsafe = (enum failsafe)random_below(random, FAILSAFE_COUNT);
    config->logical_slots.count = random_below(random, PERMANENT_SLOT_MAX + 1);
    for (uint32_t i = 0; i < config->logical_slots.count; i++) {
        struct logical_slot *slot = &config->logical_slots.items[i];
        snprintf(slot->name, sizeof(slot->name), "l%u", (unsigned)i);
        snprintf(slot->database, sizeof(slot->database), "d %u", random_u32(random));
        snprintf(slot->plugin, sizeof(slot->plugin), "pgoutput");
    }
    if (random_below(random, 4) == 0) {
        config->standby = (struct standby_cluster){
                .host = "10.0.0.1,db-2", .port = 5432, .primary_slot = "s"};
    }
}

/* Any bytes: what they mean is not the codec's business. */
static void random_snapshot(struct random *random, struct snapshot *snapshot)
{
    static uint8_t bytes[STATE_BYTES_MAX];

    snapshot->folded_seq = random_u64(random);
    snapshot->fold_version = 1 + random_below(random, 9);
    random_hash(random, snapshot->digest);
    random_hash(random, snapshot->last_hash);
    snapshot->size = 1 + random_below(random, random_bool(random) ? 300 : STATE_BYTES_MAX);
    snapshot->bytes = bytes;
    for (uint32_t i = 0; i < snapshot->size; i++) {
        bytes[i] = (uint8_t)random_next(random);
    }
}

static void random_sync_set(struct random *random, struct sync_set *set)
{
    set->term = random_u64(random);
    set->step = (enum sync_step)random_below(random, SYNC_STEP_COUNT);
    random_names(random, &set->waits);
    set->count = random_u32(random);
    random_names(random, &set->voters);
    set->quorum = random_u32(random);
}

static void random_change(struct random *random, struct parameter_change *change)
{
    char name[8];
    char value[TEXT_SIZE];
    while (change->size == 0 || random_below(random, 3) != 0) {
        random_text(random, name, 1 + random_below(random, 4), "abcdefgh_");
        random_line(random, value);
        if (!parameters_put(change, name, random_bool(random) ? value : NULL)) {
            return;
        }
    }
}

static void random_request(struct random *random, struct request *request)
{
    request->kind = (enum request_kind)random_below(random, REQUEST_KIND_COUNT);
    request->term = random_u64(random);
    request->seen_seq = random_u64(random);
    request->accept_loss = random_bool(random);
    request->task = (enum task)random_below(random, TASK_COUNT);
    request->at_us = random_u64(random);
    request->cancels_seq = random_u64(random);
    request->leader_stopped = random_bool(random);
    if (request->kind == REQUEST_CONFIG) {
        random_change(random, &request->change);
        request->unchecked = random_bool(random);
    }
    if (random_bool(random)) {
        random_name(random, request->node);
    }
}

static void random_order(struct random *random, struct order *order)
{
    order->kind = (enum request_kind)random_below(random, REQUEST_KIND_COUNT);
    order->request_seq = random_u64(random);
    order->reason = random_reason(random);
    if (random_bool(random)) {
        random_name(random, order->node);
    }
}

static void random_switchover_step(struct random *random, struct switchover_step *step)
{
    step->step = (enum switch_step)random_below(random, SWITCH_STEP_COUNT);
    step->request_seq = random_u64(random);
    step->term = random_u64(random);
    step->reason = random_reason(random);
    step->verdict = (enum verdict)random_below(random, VERDICT_COUNT);
    if (random_bool(random)) {
        random_name(random, step->node);
    }
}

static void random_body(struct random *random, struct event *e)
{
    switch (e->kind) {
    case EVENT_PROBE:
        random_probe(random, &e->body.probe);
        break;
    case EVENT_RENEW:
        random_renew(random, &e->body.renew);
        break;
    case EVENT_RELEASE:
        random_release(random, &e->body.release);
        break;
    case EVENT_REFUSE:
        e->body.refuse.term = random_u64(random);
        e->body.refuse.reason = random_reason(random);
        break;
    case EVENT_HELLO:
        random_hello(random, &e->body.hello);
        break;
    case EVENT_PROGRESS:
    case EVENT_DONE:
    case EVENT_FAILED:
        random_task(random, &e->body.task);
        break;
    case EVENT_GOODBYE:
        e->body.goodbye.reason = random_reason(random);
        break;
    case EVENT_REVOKE:
        e->body.revoke.term = random_u64(random);
        e->body.revoke.renewal_seq = random_u64(random);
        break;
    case EVENT_GRANT:
        random_grant(random, &e->body.grant);
        break;
    case EVENT_DIRECTIVE:
        random_directive(random, &e->body.directive);
        break;
    case EVENT_CONFIG:
        random_config(random, &e->body.config);
        break;
    case EVENT_NO_CANDIDATE:
        e->body.no_candidate.term = random_u64(random);
        e->body.no_candidate.reason = random_reason(random);
        e->body.no_candidate.wait_ms = random_u64(random);
        e->body.no_candidate.loss_bytes = random_u64(random);
        if (random_bool(random)) {
            random_name(random, e->body.no_candidate.node);
        }
        random_candidates(random, &e->body.no_candidate.candidates);
        break;
    case EVENT_REQUEST:
        random_request(random, &e->body.request);
        break;
    case EVENT_ORDER:
        random_order(random, &e->body.order);
        break;
    case EVENT_SWITCHOVER_STEP:
        random_switchover_step(random, &e->body.switchover_step);
        break;
    case EVENT_SNAPSHOT:
        random_snapshot(random, &e->body.snapshot);
        break;
    case EVENT_SYNC_SET:
        random_sync_set(random, &e->body.sync_set);
        break;
    case EVENT_ANCHOR:
        random_anchor(random, &e->body.anchor);
        e->body.anchor.seen_seq = random_u64(random);
        e->body.anchor.system_id = random_u64(random);
        break;
    case EVENT_NONE:
    case EVENT_HEARTBEAT:
    case EVENT_KIND_COUNT:
        break;
    }
}

static void random_decision(struct random *random, struct decision *decision)
{
    decision->prev_seq = random_u64(random);
    random_hash(random, decision->prev_hash);
    decision->folded_seq = random_u64(random);
    random_hash(random, decision->digest);
    decision->fold_version = random_u32(random);
    random_word(random, decision->rule, sizeof(decision->rule), 1);
    decision->evidence.renewal_age_ms = random_u64(random);
    decision->evidence.hearing_ms = random_u64(random);
    decision->evidence.phase_age_ms = random_u64(random);
    decision->evidence.heartbeat_seq = random_u64(random);
    decision->evidence.alive_mask = random_u32(random);
    decision->evidence.sync_age_ms = random_u64(random);
    decision->evidence.wall_us = random_u64(random);
    decision->evidence.backoff_mask = random_u32(random);
    decision->evidence.failover_age_ms = random_u64(random);
    decision->evidence.verdict_age_ms = random_u64(random);
    const uint32_t count = random_below(random, NODE_COUNT_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        decision->evidence.rebuild_age_ms[i] = random_u64(random);
    }
    decision->evidence.switchover_age_ms = random_u64(random);
    decision->evidence.caught_up_mask = random_u32(random);
}

void random_event(struct random *random, enum event_kind kind, struct event *ret_event)
{
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->version = 1 + random_below(random, SCHEMA_VERSION);
    if (kind == EVENT_HEARTBEAT) {
        ret_event->cluster[0] = '_';
    } else {
        random_name(random, ret_event->cluster);
    }
    random_name(random, ret_event->writer);
    ret_event->incarnation = random_u64(random);
    ret_event->counter = random_u64(random);
    ret_event->wall_us = random_u64(random);
    ret_event->cause_seq = random_u64(random);
    ret_event->kind = kind;
    if (event_is_decision(kind)) {
        random_decision(random, &ret_event->decision);
    }
    random_body(random, ret_event);
}
