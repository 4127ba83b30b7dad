/* SPDX-License-Identifier: PostgreSQL */
/* The low-level hash works in the caller's memory; OpenSSL's newer interface allocates. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "digest.h"

#include <openssl/sha.h>
#include <string.h>

static void put_u64(SHA256_CTX *sha, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned int i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    SHA256_Update(sha, bytes, sizeof(bytes));
}

/* Negative numbers as in two's complement of 64 bits. */
static void put_i64(SHA256_CTX *sha, int64_t value)
{
    put_u64(sha, (uint64_t)value);
}

static void put_text(SHA256_CTX *sha, const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    put_u64(sha, length);
    SHA256_Update(sha, text, length);
}

static void put_mark(SHA256_CTX *sha, struct mark mark)
{
    put_u64(sha, mark.incarnation);
    put_u64(sha, mark.counter);
}

static void put_position(SHA256_CTX *sha, struct position position)
{
    put_u64(sha, position.timeline);
    put_u64(sha, position.lsn);
}

static void put_history(SHA256_CTX *sha, const struct history *history)
{
    put_u64(sha, history->count);
    for (uint32_t i = 0; i < history->count && i < HISTORY_COUNT_MAX; i++) {
        put_u64(sha, history->entries[i].timeline);
        put_u64(sha, history->entries[i].switch_lsn);
    }
}

static void put_config(SHA256_CTX *sha, const struct config *config)
{
    put_u64(sha, config->probe_period_ms);
    put_u64(sha, config->probe_timeout_ms);
    put_u64(sha, config->probe_failure_threshold);
    put_u64(sha, config->lease_ttl_ms);
    put_u64(sha, config->switch_policy);
    put_u64(sha, config->maximum_lag_on_failover);
}

static void put_lease(SHA256_CTX *sha, const struct lease *lease)
{
    put_u64(sha, lease->renewed);
    put_u64(sha, lease->renewal_seq);
    put_u64(sha, lease->renewal_wall_us);
    put_mark(sha, lease->renewal_mark);
    put_u64(sha, lease->ttl_ms);
    put_u64(sha, lease->ttl_ms_max);
    put_u64(sha, lease->seen_seq);
    put_position(sha, lease->position);
}

static void put_ending(SHA256_CTX *sha, const struct ending *ending)
{
    put_u64(sha, ending->seq);
    put_u64(sha, ending->reason);
    put_u64(sha, ending->detected_wall_us);
    put_u64(sha, ending->fenced_wall_us);
    put_u64(sha, ending->wall_us);
}

static void put_change(SHA256_CTX *sha, const struct change *change)
{
    put_u64(sha, change->seq);
    put_u64(sha, change->term);
    put_text(sha, change->from, sizeof(change->from));
    put_text(sha, change->to, sizeof(change->to));
    put_u64(sha, change->reason);
    put_u64(sha, change->kind);
    put_u64(sha, change->ended_seq);
    put_u64(sha, change->detected_wall_us);
    put_u64(sha, change->fenced_wall_us);
    put_u64(sha, change->ended_wall_us);
    put_u64(sha, change->granted_wall_us);
    put_u64(sha, change->leased_wall_us);
    put_u64(sha, change->promoted_wall_us);
    put_u64(sha, change->writable_wall_us);
    put_u64(sha, change->writable_seq);
}

static void put_node_identity(SHA256_CTX *sha, const struct node *node)
{
    put_text(sha, node->name, sizeof(node->name));
    put_text(sha, node->host, sizeof(node->host));
    put_u64(sha, node->port);
    put_u64(sha, node->pg_version);
    put_i64(sha, node->failover_priority);
    put_u64(sha, node->nofailover);
    put_u64(sha, node->departed);
    put_u64(sha, node->incarnation);
    put_u64(sha, node->hello_seq);
    put_mark(sha, node->lock_mark);
    put_mark(sha, node->probe_mark);
    put_mark(sha, node->task_mark);
}

static void put_node_state(SHA256_CTX *sha, const struct node *node)
{
    put_u64(sha, node->state);
    put_u64(sha, node->reason);
    put_position(sha, node->position);
    put_u64(sha, node->replay_lsn);
    put_u64(sha, node->system_id);
    put_u64(sha, node->streaming);
    put_u64(sha, node->clean);
    put_u64(sha, node->was_primary);
    put_u64(sha, node->failures);
    put_u64(sha, node->state_seq);
    put_u64(sha, node->state_wall_us);
    put_u64(sha, node->eligible_seq);
}

static void put_node_duties(SHA256_CTX *sha, const struct node *node)
{
    put_u64(sha, node->report_term);
    put_u64(sha, node->report_seq);
    put_u64(sha, node->refused_term);
    put_u64(sha, node->rebuild_task);
    put_u64(sha, node->rebuild_seq);
    put_u64(sha, node->rebuild_term);
    put_u64(sha, node->rebuild_percent);
    put_u64(sha, node->rebuild_failures);
    put_u64(sha, node->rebuilt_task);
    put_u64(sha, node->failed_task);
    put_text(sha, node->failed_text, sizeof(node->failed_text));
    put_u64(sha, node->verdict);
}

static void put_log(SHA256_CTX *sha, const struct cluster *c)
{
    put_text(sha, c->name, sizeof(c->name));
    put_u64(sha, c->last_seq);
    put_u64(sha, c->event_count);
    for (size_t i = 0; i < VOID_REASON_COUNT; i++) {
        put_u64(sha, c->void_counts[i]);
    }
    put_u64(sha, c->frozen_seq);
    put_u64(sha, c->decision_seq);
    SHA256_Update(sha, c->decision_hash, sizeof(c->decision_hash));
}

static void put_leadership(SHA256_CTX *sha, const struct cluster *c)
{
    put_u64(sha, c->phase);
    put_u64(sha, c->phase_seq);
    put_u64(sha, c->phase_wall_us);
    put_u64(sha, c->term);
    put_i64(sha, c->leader);
    put_u64(sha, c->grant_kind);
    put_u64(sha, c->grant_seq);
    SHA256_Update(sha, c->grant_hash, sizeof(c->grant_hash));
    put_u64(sha, c->leader_incarnation);
    put_u64(sha, c->promoted);
    put_u64(sha, c->writable);
    put_lease(sha, &c->lease);
    put_ending(sha, &c->ending);
    put_change(sha, &c->change);
    put_u64(sha, c->no_candidate);
}

void cluster_digest(const struct cluster *c, uint8_t ret_digest[HASH_SIZE])
{
    SHA256_CTX sha;

    SHA256_Init(&sha);
    put_u64(&sha, FOLD_VERSION);
    put_log(&sha, c);
    put_config(&sha, &c->config);
    put_u64(&sha, c->configured);
    put_u64(&sha, c->system_id);
    put_leadership(&sha, c);
    put_u64(&sha, c->timeline_max);
    put_u64(&sha, c->grant_timeline);
    put_position(&sha, c->floor);
    put_history(&sha, &c->history);
    put_u64(&sha, c->node_count);
    for (uint32_t i = 0; i < c->node_count && i < NODE_COUNT_MAX; i++) {
        put_node_identity(&sha, &c->nodes[i]);
        put_node_state(&sha, &c->nodes[i]);
        put_node_duties(&sha, &c->nodes[i]);
    }
    SHA256_Final(ret_digest, &sha);
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
