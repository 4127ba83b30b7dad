/* SPDX-License-Identifier: PostgreSQL */
/* What monitors say beside their decisions, as protobuf-c's structs. */
#include "codec_body.h"

/* The bytes stay where they are. */
static Pgbaton__Snapshot *put_snapshot(const struct snapshot *snapshot, struct codec_space *space)
{
    Pgbaton__Snapshot *pb = &space->body.snapshot;

    pgbaton__snapshot__init(pb);
    pb->folded_seq = snapshot->folded_seq;
    pb->fold_version = snapshot->fold_version;
    pb->digest = codec_put_hash(snapshot->digest);
    pb->last_hash = codec_put_hash(snapshot->last_hash);
    pb->state = (ProtobufCBinaryData){.len = snapshot->size, .data = (uint8_t *)snapshot->bytes};
    return pb;
}

static Pgbaton__Heartbeat *put_heartbeat(struct codec_space *space)
{
    pgbaton__heartbeat__init(&space->body.heartbeat);
    return &space->body.heartbeat;
}

static Pgbaton__Anchor *put_anchor(const struct anchor *anchor, struct codec_space *space)
{
    Pgbaton__Anchor *pb = &space->body.anchor;

    pgbaton__anchor__init(pb);
    pb->lost = anchor->lost;
    pb->grant_seq = anchor->grant_seq;
    pb->term = anchor->term;
    pb->held_term = anchor->held_term;
    pb->ttl_ms = anchor->ttl_ms;
    pb->member_count = anchor->member_count;
    pb->timeline = anchor->timeline;
    pb->seen_seq = anchor->seen_seq;
    pb->system_id = anchor->system_id;
    return pb;
}

void codec_put_monitors(const struct event *e, struct codec_space *space)
{
    Pgbaton__Event *pb = &space->event;

    if (e->kind == EVENT_HEARTBEAT) {
        pb->heartbeat = put_heartbeat(space);
    } else if (e->kind == EVENT_SNAPSHOT) {
        pb->snapshot = put_snapshot(&e->body.snapshot, space);
    } else {
        pb->anchor = put_anchor(&e->body.anchor, space);
    }
}
