/* SPDX-License-Identifier: PostgreSQL */
#include "snapshot.h"

#include "codec.h"
#include "digest.h"
#include "state.h"
#include "subject.h"

#include <string.h>

void snapshot_make(const struct cluster *c, uint64_t folded_seq, uint8_t ret_bytes[STATE_BYTES_MAX],
                   struct event *ret_event)
{
    struct snapshot *s = &ret_event->body.snapshot;
    memset(ret_event, 0, sizeof(*ret_event));
    ret_event->version = SCHEMA_VERSION;
    ret_event->kind = EVENT_SNAPSHOT;
    memcpy(ret_event->cluster, c->name, sizeof(ret_event->cluster));
    s->folded_seq = folded_seq;
    s->fold_version = FOLD_VERSION;
    s->size = (uint32_t)state_encode(c, ret_bytes);
    s->bytes = ret_bytes;
    codec_hash(s->bytes, s->size, s->digest);
}

enum void_reason snapshot_read(const struct event *e, struct cluster *ret_state)
{
    const struct snapshot *s = &e->body.snapshot;
    uint8_t digest[HASH_SIZE];
    if (s->fold_version != FOLD_VERSION) {
        return VOID_NEWER_VERSION;
    }
    codec_hash(s->bytes, s->size, digest);
    if (memcmp(digest, s->digest, HASH_SIZE) != 0) {
        return VOID_BAD_DIGEST;
    }
    if (!state_decode(s->bytes, s->size, ret_state) || ret_state->last_seq > s->folded_seq) {
        return VOID_IMPOSSIBLE;
    }
    return strcmp(ret_state->name, e->cluster) == 0 ? VOID_NONE : VOID_FOREIGN_CLUSTER;
}

bool snapshot_follows(const struct snapshot *s, const uint8_t *data, size_t size)
{
    static const uint8_t unknown[HASH_SIZE];
    uint8_t hash[HASH_SIZE];
    codec_hash(data, size, hash);
    return memcmp(s->last_hash, unknown, HASH_SIZE) == 0 ||
           memcmp(s->last_hash, hash, HASH_SIZE) == 0;
}

bool snapshot_has(const struct cluster *c, const char *subject, uint64_t seq)
{
    return seq <= c->last_seq && !subject_is_snapshot(subject);
}

/* No record of the cluster has come since its author looked: the states must be the same. */
static enum void_reason compare(const struct cluster *c, const struct snapshot *s)
{
    uint8_t digest[HASH_SIZE];
    if (c->last_seq > s->folded_seq) {
        return VOID_NONE;
    }
    cluster_digest(c, digest);
    return memcmp(digest, s->digest, HASH_SIZE) == 0 ? VOID_NONE : VOID_BAD_DIGEST;
}

enum void_reason snapshot_fold(struct cluster *c, const struct event *e)
{
    struct cluster state;
    if (strcmp(e->cluster, c->name) != 0) {
        return VOID_FOREIGN_CLUSTER;
    }
    if (e->body.snapshot.folded_seq >= e->seq) {
        return VOID_IMPOSSIBLE;
    }
    if (e->body.snapshot.fold_version != FOLD_VERSION) {
        return VOID_NONE; /* it is for others */
    }
    if (c->last_seq != 0) {
        return compare(c, &e->body.snapshot);
    }
    const enum void_reason reason = snapshot_read(e, &state);
    if (reason == VOID_NONE) {
        *c = state;
    }
    return reason;
}
