/* SPDX-License-Identifier: PostgreSQL */
/* The low-level hash works in the caller's memory; OpenSSL's newer interface allocates. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "digest.h"

#include <openssl/sha.h>
#include <string.h>

/* Fields are small: they are collected before they are hashed. */
struct digest {
    SHA256_CTX sha;
    size_t used;
    uint8_t bytes[1024];
};

static void flush(struct digest *d)
{
    SHA256_Update(&d->sha, d->bytes, d->used);
    d->used = 0;
}

static void put_bytes(struct digest *d, const void *bytes, size_t size)
{
    if (d->used + size > sizeof(d->bytes)) {
        flush(d);
    }
    memcpy(d->bytes + d->used, bytes, size);
    d->used += size;
}

static void put_u64(struct digest *d, uint64_t value)
{
    const uint8_t bytes[8] = {
            (uint8_t)value,         (uint8_t)(value >> 8),  (uint8_t)(value >> 16),
            (uint8_t)(value >> 24), (uint8_t)(value >> 32), (uint8_t)(value >> 40),
            (uint8_t)(value >> 48), (uint8_t)(value >> 56),
    };
    put_bytes(d, bytes, sizeof(bytes));
}

/* Negative numbers as in two's complement of 64 bits. */
static void put_i64(struct digest *d, int64_t value)
{
    put_u64(d, (uint64_t)value);
}

static void put_text(struct digest *d, const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    put_u64(d, length);
    put_bytes(d, text, length);
}

/* Texts, each with its NUL; larger than what is collected. */
static void put_packed(struct digest *d, const char *bytes, uint32_t size, size_t capacity)
{
    put_u64(d, size);
    flush(d);
    SHA256_Update(&d->sha, bytes, size < capacity ? size : capacity);
}

static void put_mark(struct digest *d, struct mark mark)
{
    put_u64(d, mark.incarnation);
    put_u64(d, mark.counter);
}

static void put_position(struct digest *d, struct position position)
{
    put_u64(d, position.timeline);
    put_u64(d, position.lsn);
}

static void put_history(struct digest *d, const struct history *history)
{
    put_u64(d, history->count);
    for (uint32_t i = 0; i < history->count && i < HISTORY_COUNT_MAX; i++) {
        put_u64(d, history->entries[i].timeline);
        put_u64(d, history->entries[i].switch_lsn);
    }
}

static void put_config(struct digest *d, const struct config *config)
{
    put_u64(d, config->probe_period_ms);
    put_u64(d, config->probe_timeout_ms);
    put_u64(d, config->probe_failure_threshold);
    put_u64(d, config->lease_ttl_ms);
    put_u64(d, config->switch_policy);
    put_u64(d, config->maximum_lag_on_failover);
    put_u64(d, config->failover_limit);
    put_u64(d, config->failover_window_ms);
    put_u64(d, config->rebuild_limit);
    put_u64(d, config->rebuild_window_ms);
    put_u64(d, config->synchronous);
    put_u64(d, config->synchronous_count);
    put_u64(d, config->crash_policy);
    put_u64(d, config->primary_start_timeout_ms);
    put_u64(d, config->restart_limit);
    put_u64(d, config->restart_window_ms);
    const struct permanent_slots *slots = &config->permanent_slots;
    put_u64(d, slots->count);
    for (uint32_t i = 0; i < slots->count && i < PERMANENT_SLOT_MAX; i++) {
        put_text(d, slots->names[i], sizeof(slots->names[i]));
    }
    put_u64(d, config->failover_mode);
    put_u64(d, config->logical_slots.count);
    for (uint32_t i = 0; i < config->logical_slots.count && i < PERMANENT_SLOT_MAX; i++) {
        const struct logical_slot *slot = &config->logical_slots.items[i];
        put_text(d, slot->name, sizeof(slot->name));
        put_text(d, slot->database, sizeof(slot->database));
        put_text(d, slot->plugin, sizeof(slot->plugin));
    }
    put_text(d, config->standby.host, sizeof(config->standby.host));
    put_u64(d, config->standby.port);
    put_text(d, config->standby.primary_slot, sizeof(config->standby.primary_slot));
}

static void put_bucket(struct digest *d, const struct bucket *bucket)
{
    put_u64(d, bucket->debt_ms);
    put_u64(d, bucket->seq);
}

static void put_sync(struct digest *d, const struct sync *sync)
{
    put_u64(d, sync->step);
    put_u64(d, sync->seq);
    put_u64(d, sync->waits);
    put_u64(d, sync->count);
    put_u64(d, sync->voters);
    put_u64(d, sync->quorum);
    put_u64(d, sync->bound);
    put_u64(d, sync->granted_waits);
    put_u64(d, sync->granted_count);
}

static void put_lease(struct digest *d, const struct lease *lease)
{
    put_u64(d, lease->renewed);
    put_u64(d, lease->renewal_seq);
    put_u64(d, lease->renewal_wall_us);
    put_mark(d, lease->renewal_mark);
    put_u64(d, lease->ttl_ms);
    put_u64(d, lease->ttl_ms_max);
    put_u64(d, lease->seen_seq);
    put_position(d, lease->position);
    put_u64(d, lease->lifted);
    put_u64(d, lease->position_wall_us);
}

static void put_restart(struct digest *d, const struct restarting *restart)
{
    put_u64(d, restart->number);
    put_u64(d, restart->going);
    put_u64(d, restart->reason);
    put_u64(d, restart->seq);
    put_u64(d, restart->incarnation);
    put_u64(d, restart->counter);
    put_u64(d, restart->detected_wall_us);
    put_u64(d, restart->begun_wall_us);
    put_u64(d, restart->writable_wall_us);
    put_bucket(d, &restart->tokens);
}

static void put_ending(struct digest *d, const struct ending *ending)
{
    put_u64(d, ending->seq);
    put_u64(d, ending->reason);
    put_u64(d, ending->detected_wall_us);
    put_u64(d, ending->fenced_wall_us);
    put_u64(d, ending->wall_us);
    put_position(d, ending->end);
}

static void put_change(struct digest *d, const struct change *change)
{
    put_u64(d, change->seq);
    put_u64(d, change->term);
    put_text(d, change->from, sizeof(change->from));
    put_text(d, change->to, sizeof(change->to));
    put_u64(d, change->reason);
    put_u64(d, change->kind);
    put_u64(d, change->ended_seq);
    put_u64(d, change->detected_wall_us);
    put_u64(d, change->fenced_wall_us);
    put_u64(d, change->ended_wall_us);
    put_u64(d, change->granted_wall_us);
    put_u64(d, change->leased_wall_us);
    put_u64(d, change->promoted_wall_us);
    put_u64(d, change->writable_wall_us);
    put_u64(d, change->writable_seq);
    put_u64(d, change->loss_bytes);
    put_u64(d, change->loss_known);
    put_u64(d, change->standby);
    put_u64(d, change->proven);
    put_u64(d, change->leader_wall_us);
}

static void put_node_identity(struct digest *d, const struct node *node)
{
    put_text(d, node->name, sizeof(node->name));
    put_text(d, node->host, sizeof(node->host));
    put_u64(d, node->port);
    put_u64(d, node->pg_version);
    put_i64(d, node->failover_priority);
    put_u64(d, node->nofailover);
    put_u64(d, node->nosync);
    put_u64(d, node->noloadbalance);
    put_u64(d, node->departed);
    put_u64(d, node->newcomer);
    put_u64(d, node->removed);
    put_u64(d, node->incarnation);
    put_u64(d, node->hello_seq);
    put_mark(d, node->lock_mark);
    put_mark(d, node->probe_mark);
    put_mark(d, node->task_mark);
}

static void put_node_state(struct digest *d, const struct node *node)
{
    put_u64(d, node->state);
    put_u64(d, node->reason);
    put_position(d, node->position);
    put_u64(d, node->replay_lsn);
    put_u64(d, node->system_id);
    put_u64(d, node->streaming);
    put_u64(d, node->clean);
    put_u64(d, node->was_primary);
    put_u64(d, node->failures);
    put_u64(d, node->pending_restart);
    put_u64(d, node->pending_lowers);
    put_u64(d, node->parameters_seq);
    put_u64(d, node->state_seq);
    put_u64(d, node->state_wall_us);
    put_u64(d, node->eligible_seq);
}

static void put_node_duties(struct digest *d, const struct node *node)
{
    put_u64(d, node->report_term);
    put_u64(d, node->report_seq);
    put_u64(d, node->sealed);
    put_u64(d, node->refused_term);
    put_u64(d, node->rebuild_task);
    put_u64(d, node->rebuild_seq);
    put_u64(d, node->rebuild_term);
    put_u64(d, node->rebuild_reason);
    put_u64(d, node->rebuild_percent);
    put_u64(d, node->rebuild_done_bytes);
    put_u64(d, node->rebuild_total_bytes);
    put_u64(d, node->rebuild_bytes_per_s);
    put_u64(d, node->rebuild_failures);
    put_u64(d, node->rebuilt_task);
    put_u64(d, node->failed_task);
    put_text(d, node->failed_text, sizeof(node->failed_text));
    put_bucket(d, &node->rebuilds);
    put_u64(d, node->asked_seq);
    put_u64(d, node->asked_task);
    put_u64(d, node->verdict);
}

static void put_log(struct digest *d, const struct cluster *c)
{
    put_text(d, c->name, sizeof(c->name));
    put_u64(d, c->last_seq);
    put_u64(d, c->event_count);
    for (size_t i = 0; i < VOID_REASON_COUNT; i++) {
        put_u64(d, c->void_counts[i]);
    }
    put_u64(d, c->frozen_seq);
    put_u64(d, c->decision_seq);
    put_bytes(d, c->decision_hash, sizeof(c->decision_hash));
}

static void put_closed(struct digest *d, const struct closed *closed)
{
    put_u64(d, closed->seq);
    put_u64(d, closed->wall_us);
    put_u64(d, closed->request_seq);
    put_u64(d, closed->kind);
    put_text(d, closed->node, sizeof(closed->node));
    put_u64(d, closed->reason);
    put_u64(d, closed->verdict);
}

static void put_parameters(struct digest *d, const struct parameters *p)
{
    put_u64(d, p->seq);
    put_u64(d, p->request_seq);
    put_u64(d, p->wall_us);
    put_text(d, p->writer, sizeof(p->writer));
    put_packed(d, p->bytes, p->size, sizeof(p->bytes));
}

static void put_orders(struct digest *d, const struct cluster *c)
{
    const struct asked *asked = &c->asked;

    put_u64(d, asked->request_seq);
    put_u64(d, asked->kind);
    put_text(d, asked->writer, sizeof(asked->writer));
    put_u64(d, asked->wall_us);
    put_u64(d, asked->term);
    put_text(d, asked->node, sizeof(asked->node));
    put_u64(d, asked->leader_stopped);
    put_u64(d, asked->unchecked);
    put_u64(d, asked->check);
    put_packed(d, asked->change.bytes, asked->change.size, sizeof(asked->change.bytes));
    put_closed(d, &c->answered);
    put_u64(d, c->licence.seq);
    put_i64(d, c->licence.node);
    put_u64(d, c->licence.wall_us);
    put_text(d, c->licence.writer, sizeof(c->licence.writer));
    put_u64(d, c->pause.seq);
    put_u64(d, c->pause.wall_us);
    put_text(d, c->pause.writer, sizeof(c->pause.writer));
    put_parameters(d, &c->parameters);
}

static void put_requests(struct digest *d, const struct cluster *c)
{
    const struct pending *pending = &c->pending;

    put_u64(d, pending->request_seq);
    put_u64(d, pending->kind);
    put_u64(d, pending->accept_loss);
    put_text(d, pending->writer, sizeof(pending->writer));
    put_text(d, pending->node, sizeof(pending->node));
    put_u64(d, pending->wall_us);
    put_u64(d, pending->at_us);
    put_u64(d, pending->step);
    put_u64(d, pending->step_seq);
    put_u64(d, pending->checkpoint);
    put_position(d, pending->end);
    put_u64(d, pending->moved_seq);
    put_closed(d, &c->closed);
    put_orders(d, c);
    put_u64(d, c->resumed_term);
    put_u64(d, c->loss_accepted);
}

static void put_leadership(struct digest *d, const struct cluster *c)
{
    put_u64(d, c->phase);
    put_u64(d, c->phase_seq);
    put_u64(d, c->phase_wall_us);
    put_u64(d, c->term);
    put_i64(d, c->leader);
    put_u64(d, c->grant_kind);
    put_u64(d, c->grant_seq);
    put_bytes(d, c->grant_hash, sizeof(c->grant_hash));
    put_u64(d, c->leader_incarnation);
    put_u64(d, c->promoted);
    put_u64(d, c->writable);
    put_lease(d, &c->lease);
    put_restart(d, &c->restart);
    put_sync(d, &c->sync);
    put_ending(d, &c->ending);
    put_change(d, &c->change);
    put_u64(d, c->no_candidate);
    put_u64(d, c->withheld);
    put_u64(d, c->limited);
    put_u64(d, c->limited_until_us);
    put_bucket(d, &c->failovers);
    put_requests(d, c);
    put_bucket(d, &c->failovers_granted);
}

static void put_lost(struct digest *d, const struct lost *lost)
{
    put_u64(d, lost->seq);
    put_u64(d, lost->term);
    put_u64(d, lost->held_term);
    put_u64(d, lost->ttl_ms);
    put_u64(d, lost->member_count);
}

void cluster_digest(const struct cluster *c, uint8_t ret_digest[HASH_SIZE])
{
    struct digest d;

    SHA256_Init(&d.sha);
    d.used = 0;
    put_u64(&d, FOLD_VERSION);
    put_log(&d, c);
    put_config(&d, &c->config);
    put_u64(&d, c->configured);
    put_u64(&d, c->sealed_seq);
    put_u64(&d, c->system_id);
    put_leadership(&d, c);
    put_u64(&d, c->timeline_max);
    put_u64(&d, c->grant_timeline);
    put_position(&d, c->floor);
    put_history(&d, &c->history);
    put_i64(&d, c->opener);
    put_u64(&d, c->opening.timeline);
    put_i64(&d, c->opening.node);
    put_lost(&d, &c->lost);
    put_u64(&d, c->node_count);
    for (uint32_t i = 0; i < c->node_count && i < NODE_COUNT_MAX; i++) {
        put_node_identity(&d, &c->nodes[i]);
        put_node_state(&d, &c->nodes[i]);
        put_node_duties(&d, &c->nodes[i]);
    }
    flush(&d);
    SHA256_Final(ret_digest, &d.sha);
}

void digest_text(const uint8_t digest[HASH_SIZE], char ret_text[17])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 8; i++) {
        ret_text[2 * i] = digits[digest[i] >> 4];
        ret_text[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_text[16] = '\0';
}
