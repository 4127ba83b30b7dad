/* SPDX-License-Identifier: PostgreSQL */
#include "snapshots.h"

#include <string.h>

/* Of a snapshot that no reader could begin with nothing may depend. */
static void observe_snapshot(struct snapshots *s, const struct event *e)
{
    struct cluster state; /* of no interest */
    const uint64_t folded_seq = e->body.snapshot.folded_seq;
    if (folded_seq <= s->folded_seq || snapshot_read(e, &state) != VOID_NONE) {
        return;
    }
    if (s->record_count == 0 && s->folded_seq == 0) {
        memcpy(s->last_hash, e->body.snapshot.last_hash, HASH_SIZE);
    }
    s->previous_seq = s->folded_seq;
    s->folded_seq = folded_seq;
    s->record_count = 0;
    s->tried_ms = 0;
}

void snapshots_observe(struct snapshots *s, const struct event *e, struct outcome outcome)
{
    if (e->kind != EVENT_SNAPSHOT) {
        s->record_count++;
    } else if (outcome.effective) {
        observe_snapshot(s, e);
    }
}

/* Up to an eighth more, by the name. */
static uint64_t events_limit(const struct snapshots *s, const struct snapshots_view *view)
{
    const uint64_t usual = view->events_max != 0 ? view->events_max : SNAPSHOT_EVENTS;
    const bool first = s->folded_seq == 0 && usual > SNAPSHOT_EVENTS_FIRST;
    const uint64_t limit = first ? SNAPSHOT_EVENTS_FIRST : usual;
    uint64_t hash = 0;
    for (const char *at = view->name; *at != '\0'; at++) {
        hash = hash * 31 + (uint8_t)*at;
    }
    return limit + hash % (limit / 8 + 1);
}

bool snapshots_are_due(const struct snapshots *s, const struct cluster *c,
                       const struct snapshots_view *view)
{
    const bool waits = s->tried_ms != 0 && view->now_ms < s->tried_ms + SNAPSHOT_RETRY_MS;
    if (waits || c->decision_seq == 0 || c->frozen_seq != 0) {
        return false;
    }
    const uint64_t limit = events_limit(s, view);
    const uint64_t clusters = view->cluster_count > 0 ? view->cluster_count : 1;
    const uint64_t span = SNAPSHOT_SPAN_FACTOR * clusters * limit;
    return s->record_count >= limit ||
           (s->folded_seq != 0 && view->read_seq >= s->folded_seq + span);
}

uint64_t snapshots_needless_seq(const struct snapshots *s)
{
    return s->previous_seq;
}
