/* SPDX-License-Identifier: PostgreSQL */
#include "codec_body.h"

#include <string.h>

#define NO_CLUSTER "_"

/* Any enum of event.h: its constants are 0 to count - 1. */
static bool in_range(unsigned int value, unsigned int count)
{
    return value < count;
}

static bool is_terminated(const char *text, size_t size)
{
    return strnlen(text, size) < size;
}

/* True when text ends within its field and has no space, control byte or byte above ASCII. */
static bool is_word(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0') {
            return true;
        }
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return false;
}

static bool check_history(const struct history *history)
{
    return history->count <= HISTORY_COUNT_MAX;
}

/* A replica is named by whoever connects, so its name is a word, not always a node's. */
static bool check_probe(const struct probe *probe)
{
    if (!in_range(probe->state, NODE_STATE_COUNT) || !in_range(probe->reason, REASON_COUNT) ||
        !check_history(&probe->history) || probe->replica_count > NODE_COUNT_MAX ||
        !is_word(probe->source_host, sizeof(probe->source_host)) ||
        !is_word(probe->settings.pending, sizeof(probe->settings.pending)) ||
        !is_word(probe->settings.refused, sizeof(probe->settings.refused)) ||
        !is_word(probe->settings.own, sizeof(probe->settings.own))) {
        return false;
    }
    for (uint32_t i = 0; i < probe->replica_count; i++) {
        const struct replica_row *row = &probe->replicas[i];

        if (row->name[0] == '\0' || !is_word(row->name, sizeof(row->name))) {
            return false;
        }
    }
    return true;
}

static bool check_reason(enum reason reason)
{
    return in_range(reason, REASON_COUNT);
}

/* Without a number it does not travel. */
static bool check_restart(const struct restart *restart)
{
    bool empty = restart->reason == REASON_NONE && restart->age_ms == 0 &&
                 restart->detected_wall_us == 0;
    return check_reason(restart->reason) && (restart->number != 0 || empty);
}

static bool check_names(const struct name_list *list)
{
    if (list->count > NODE_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (!name_is_valid(list->names[i])) {
            return false;
        }
    }
    return true;
}

static bool check_renew(const struct renew *renew)
{
    return in_range(renew->state, NODE_STATE_COUNT) && check_restart(&renew->restart) &&
           check_names(&renew->electable) && (renew->failsafe || renew->electable.count == 0);
}

static bool check_hello(const struct hello *hello)
{
    return check_probe(&hello->probe) && is_word(hello->host, sizeof(hello->host));
}

static bool check_task(const struct task_report *task)
{
    return in_range(task->task, TASK_COUNT) && check_reason(task->reason) &&
           check_history(&task->history) && is_terminated(task->text, sizeof(task->text));
}

static bool check_candidates(const struct candidate_list *list)
{
    if (list->count > NODE_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct candidate *candidate = &list->items[i];

        if (!name_is_valid(candidate->node) || !in_range(candidate->verdict, VERDICT_COUNT) ||
            !check_reason(candidate->reason)) {
            return false;
        }
    }
    return true;
}

static bool check_grant(const struct grant *grant)
{
    return in_range(grant->kind, GRANT_KIND_COUNT) && name_is_valid(grant->node) &&
           check_candidates(&grant->candidates) && check_names(&grant->waits);
}

static bool check_directive(const struct directive *directive)
{
    return name_is_valid(directive->node) && in_range(directive->task, TASK_COUNT) &&
           check_reason(directive->reason) &&
           is_terminated(directive->text, sizeof(directive->text));
}

static bool check_slots(const struct permanent_slots *slots)
{
    bool fits = slots->count <= PERMANENT_SLOT_MAX;
    for (uint32_t i = 0; fits && i < slots->count; i++) {
        fits = memchr(slots->names[i], '\0', SLOT_IDENTIFIER_SIZE) != NULL &&
               slots->names[i][0] != '\0';
    }
    return fits;
}

static bool check_logical(const struct logical_slots *slots)
{
    bool fits = slots->count <= PERMANENT_SLOT_MAX;
    for (uint32_t i = 0; fits && i < slots->count; i++) {
        const struct logical_slot *slot = &slots->items[i];
        fits = is_word(slot->name, sizeof(slot->name)) &&
               is_word(slot->plugin, sizeof(slot->plugin)) &&
               memchr(slot->database, '\0', sizeof(slot->database)) != NULL;
    }
    return fits;
}

static bool check_standby(const struct standby_cluster *standby)
{
    return is_word(standby->host, sizeof(standby->host)) &&
           is_word(standby->primary_slot, sizeof(standby->primary_slot));
}

static bool check_config(const struct config *config)
{
    return in_range(config->switch_policy, SWITCH_POLICY_COUNT) &&
           check_slots(&config->permanent_slots) && check_standby(&config->standby) &&
           check_logical(&config->logical_slots) &&
           in_range(config->synchronous, SYNCHRONOUS_MODE_COUNT) &&
           in_range(config->crash_policy, CRASH_POLICY_COUNT) &&
           in_range(config->failover_mode, FAILOVER_MODE_COUNT) &&
           in_range(config->failsafe, FAILSAFE_COUNT);
}

static bool check_sync_set(const struct sync_set *set)
{
    return in_range(set->step, SYNC_STEP_COUNT) && check_names(&set->waits) &&
           check_names(&set->voters);
}

/* A node may be left open. */
static bool is_name_or_empty(const char *name)
{
    return name[0] == '\0' || name_is_valid(name);
}

static bool check_no_candidate(const struct no_candidate *n)
{
    return check_reason(n->reason) && check_candidates(&n->candidates) && is_name_or_empty(n->node);
}

/* Only a change of parameters has parameters. */
static bool check_change(const struct request *request)
{
    bool changes = request->kind == REQUEST_CONFIG;
    return parameters_change_is_valid(&request->change) && (request->change.size > 0) == changes &&
           (changes || !request->unchecked);
}

static bool check_request(const struct request *request)
{
    return check_change(request) && in_range(request->kind, REQUEST_KIND_COUNT) &&
           is_name_or_empty(request->node) && in_range(request->task, TASK_COUNT);
}

static bool check_order(const struct order *order)
{
    return in_range(order->kind, REQUEST_KIND_COUNT) && is_name_or_empty(order->node) &&
           check_reason(order->reason);
}

static bool check_switchover_step(const struct switchover_step *step)
{
    return in_range(step->step, SWITCH_STEP_COUNT) && is_name_or_empty(step->node) &&
           check_reason(step->reason) && in_range(step->verdict, VERDICT_COUNT);
}

static bool check_snapshot(const struct snapshot *snapshot)
{
    return snapshot->fold_version > 0 && snapshot->size > 0 && snapshot->size <= STATE_BYTES_MAX;
}

static bool check_body(const struct event *e)
{
    switch (e->kind) {
    case EVENT_PROBE:
        return check_probe(&e->body.probe);
    case EVENT_RENEW:
        return check_renew(&e->body.renew);
    case EVENT_RELEASE:
        return check_reason(e->body.release.reason);
    case EVENT_REFUSE:
        return check_reason(e->body.refuse.reason);
    case EVENT_HELLO:
        return check_hello(&e->body.hello);
    case EVENT_PROGRESS:
    case EVENT_DONE:
    case EVENT_FAILED:
        return check_task(&e->body.task);
    case EVENT_GOODBYE:
        return check_reason(e->body.goodbye.reason);
    case EVENT_GRANT:
        return check_grant(&e->body.grant);
    case EVENT_DIRECTIVE:
        return check_directive(&e->body.directive);
    case EVENT_CONFIG:
        return check_config(&e->body.config);
    case EVENT_NO_CANDIDATE:
        return check_no_candidate(&e->body.no_candidate);
    case EVENT_REQUEST:
        return check_request(&e->body.request);
    case EVENT_SWITCHOVER_STEP:
        return check_switchover_step(&e->body.switchover_step);
    case EVENT_ORDER:
        return check_order(&e->body.order);
    case EVENT_SYNC_SET:
        return check_sync_set(&e->body.sync_set);
    case EVENT_SNAPSHOT:
        return check_snapshot(&e->body.snapshot);
    case EVENT_REVOKE:
    case EVENT_HEARTBEAT:
    case EVENT_ANCHOR:
        return true;
    case EVENT_NONE:
    case EVENT_KIND_COUNT:
        return false;
    }
    return false;
}

static bool check_cluster(const struct event *e)
{
    if (e->kind == EVENT_HEARTBEAT) {
        return strncmp(e->cluster, NO_CLUSTER, sizeof(e->cluster)) == 0;
    }
    return name_is_valid(e->cluster);
}

/* Each decision names its rule. */
static bool check_decision(const struct event *e)
{
    const char *rule = e->decision.rule;

    return !event_is_decision(e->kind) ||
           (rule[0] != '\0' && is_word(rule, sizeof(e->decision.rule)));
}

bool codec_check(const struct event *e)
{
    return e->version > 0 && e->version <= SCHEMA_VERSION && check_cluster(e) &&
           name_is_valid(e->writer) && check_decision(e) && check_body(e);
}
