/* SPDX-License-Identifier: PostgreSQL */
/*
 * codec_body.h - the parts of the codec, for its own files only.
 *
 *   encode:  struct event ─ codec_check ─▶ codec_body_put ─▶ generated structs ─▶ bytes
 *   decode:  bytes ─▶ generated structs ─▶ codec_body_take ─▶ struct event ─ codec_check, encode
 * again
 */
#ifndef PGBATON_CODEC_BODY_H
#define PGBATON_CODEC_BODY_H

#include "codec.h"

#include "event.pb-c.h"

/* What codec_body_put() fills; *event points into the rest and into the event that is encoded. */
struct codec_space {
    Pgbaton__Event event;
    Pgbaton__Decision decision;
    Pgbaton__Evidence evidence;
    Pgbaton__Position position;
    Pgbaton__Position leader_position;
    Pgbaton__Restart restart;
    Pgbaton__SettingsNote settings;
    Pgbaton__Probe probe;
    union {
        Pgbaton__Renew renew;
        Pgbaton__Release release;
        Pgbaton__Refuse refuse;
        Pgbaton__Hello hello;
        Pgbaton__TaskReport task;
        Pgbaton__Goodbye goodbye;
        Pgbaton__Revoke revoke;
        Pgbaton__Grant grant;
        Pgbaton__Directive directive;
        Pgbaton__Config config;
        Pgbaton__NoCandidate no_candidate;
        Pgbaton__SyncSet sync_set;
        Pgbaton__Heartbeat heartbeat;
        Pgbaton__Request request;
        Pgbaton__SwitchoverStep switchover_step;
        Pgbaton__Order order;
        Pgbaton__Snapshot snapshot;
        Pgbaton__Anchor anchor;
    } body;
    Pgbaton__HistoryEntry history[HISTORY_COUNT_MAX];
    Pgbaton__HistoryEntry *history_list[HISTORY_COUNT_MAX];
    Pgbaton__ReplicaRow replicas[NODE_COUNT_MAX];
    Pgbaton__ReplicaRow *replica_list[NODE_COUNT_MAX];
    Pgbaton__Candidate candidates[NODE_COUNT_MAX];
    Pgbaton__Candidate *candidate_list[NODE_COUNT_MAX];
    Pgbaton__Position candidate_positions[NODE_COUNT_MAX];
    char *waits[NODE_COUNT_MAX];
    char *voters[NODE_COUNT_MAX];
    char *slots[PERMANENT_SLOT_MAX];
    char *parameters[PARAMETER_CHANGE_MAX];
    Pgbaton__LogicalSlot logical[PERMANENT_SLOT_MAX];
    Pgbaton__LogicalSlot *logical_list[PERMANENT_SLOT_MAX];
    char text[TEXT_SIZE];
};

/* Allocates from the arena, which is reset; nothing is ever freed. */
ProtobufCAllocator codec_allocator(struct codec_arena *arena);
/* True when e is an event: its kind, names, enums, counts and texts are within their ranges. Says
 * nothing of what only the fold can judge. */
bool codec_check(const struct event *e);
/* Fills *space from e, which codec_check() accepts. */
void codec_body_put(const struct event *e, struct codec_space *space);
/* Parts of it, which stand in other files, and what these need. */
ProtobufCBinaryData codec_put_hash(const uint8_t hash[HASH_SIZE]);
/* A heartbeat, a snapshot or an anchor. */
void codec_put_monitors(const struct event *e, struct codec_space *space);
Pgbaton__Request *codec_put_request(const struct request *request, struct codec_space *space);
Pgbaton__Order *codec_put_order(const struct order *order, struct codec_space *space);
Pgbaton__SwitchoverStep *codec_put_switchover_step(const struct switchover_step *step,
                                                   struct codec_space *space);
/* The kind of event whose body that member of the generated union is; EVENT_NONE when none. */
enum event_kind codec_body_kind(Pgbaton__Event__BodyCase body_case);
/* Fills *e from pb. False when something does not fit its field; *e is then in part filled. What
 * fits is still to be checked by codec_check(). */
bool codec_body_take(const Pgbaton__Event *pb, struct event *e);
/* Copies text to a field of that size; false when it is too long. */
bool codec_take_text(char *field, size_t size, const char *text);

#endif
