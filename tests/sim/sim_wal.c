/* SPDX-License-Identifier: PostgreSQL */
/* WAL as the simulator knows it: which promotion wrote which piece. */
#include "sim.h"

#include <string.h>

struct position sim_wal_position(const struct sim_wal *wal)
{
    if (wal->count == 0) {
        return (struct position){0, 0};
    }
    const struct sim_branch *last = &wal->branches[wal->count - 1];
    return (struct position){last->timeline, last->end};
}

struct history sim_wal_history(const struct sim_wal *wal)
{
    struct history history;
    memset(&history, 0, sizeof history);
    uint32_t ended = wal->count > 0 ? wal->count - 1 : 0;
    uint32_t skip = ended > HISTORY_COUNT_MAX ? ended - HISTORY_COUNT_MAX : 0;
    for (uint32_t i = skip; i < ended; i++) {
        history.entries[history.count].timeline = wal->branches[i].timeline;
        history.entries[history.count].switch_lsn = wal->branches[i].end;
        history.count++;
    }
    return history;
}

bool sim_wal_holds(const struct sim_wal *wal, uint64_t branch, uint64_t lsn)
{
    for (uint32_t i = 0; i < wal->count; i++) {
        if (wal->branches[i].id == branch) {
            return wal->branches[i].end >= lsn;
        }
    }
    return false;
}

/* Who has a piece has everything that lies below it: where a stands in b says it all. */
bool sim_wal_is_prefix(const struct sim_wal *a, const struct sim_wal *b)
{
    if (a->count == 0 || a->count > b->count) {
        return a->count == 0;
    }
    const struct sim_branch *x = &a->branches[a->count - 1];
    const struct sim_branch *y = &b->branches[a->count - 1];
    return x->id == y->id && x->end <= y->end;
}

void sim_wal_common(struct sim_wal *a, const struct sim_wal *b)
{
    uint32_t count = a->count < b->count ? a->count : b->count;
    while (count > 0 && a->branches[count - 1].id != b->branches[count - 1].id) {
        count--;
    }
    a->count = count;
    if (count > 0 && b->branches[count - 1].end < a->branches[count - 1].end) {
        a->branches[count - 1].end = b->branches[count - 1].end;
    }
}

void sim_wal_follow(struct sim_wal *a, const struct sim_wal *source, uint64_t bytes)
{
    while (bytes > 0 && sim_wal_is_prefix(a, source)) {
        struct sim_branch *last = &a->branches[a->count - 1];
        const struct sim_branch *same = &source->branches[a->count - 1];
        uint64_t missing = same->end - last->end;
        uint64_t taken = missing < bytes ? missing : bytes;
        last->end += taken;
        bytes -= taken;
        if (last->end < same->end || a->count == source->count) {
            return;
        }
        a->branches[a->count] = source->branches[a->count];
        a->branches[a->count].end = a->branches[a->count].start;
        a->count++;
    }
}
