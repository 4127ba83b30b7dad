/* SPDX-License-Identifier: PostgreSQL */
/*
 * sync_keep.h - the leader makes its PostgreSQL wait for whom the log says, and says when it does
 * (DESIGN section 4, the five steps: this node's are apply, mark and confirm).
 *
 * Each sync_set, and each grant, is carried out once by ACTION_SYNC, which ends with FACT_SYNCED
 * when every WAL sender waits for it and `count` of it have everything up to a mark taken after
 * that. The report is a done event of TASK_SYNC, which the fold relies on.
 */
#ifndef PGBATON_AGENT_SYNC_KEEP_H
#define PGBATON_AGENT_SYNC_KEEP_H

#include "facts.h"

struct agent;

struct agent_sync {
    uint64_t ordered_seq; /* cluster.sync.seq for which ACTION_SYNC was given */
};

void sync_keep(struct agent *a, struct action_list *actions);
void sync_learn(struct agent *a, const struct fact *fact);

#endif
