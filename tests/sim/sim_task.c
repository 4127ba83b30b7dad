/* SPDX-License-Identifier: PostgreSQL */
/* What an agent does to its PostgreSQL that takes time: initdb, copies, promotion. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSTEM_ID 7000000000000000001ULL

static void begin_branch(struct sim *s, struct sim_wal *wal, uint32_t timeline)
{
    struct position at = sim_wal_position(wal);
    struct sim_branch *branch = &wal->branches[wal->count++];
    uint32_t next = timeline != 0 ? timeline : at.timeline + 1;
    *branch = (struct sim_branch){next, s->next_branch++, at.lsn, at.lsn};
}

static bool run_initdb(struct sim *s, struct sim_pg *pg)
{
    if (pg->verdict != DATA_EMPTY) {
        return false;
    }
    pg->verdict = DATA_INTACT;
    pg->system_id = SYSTEM_ID + s->next_branch;
    pg->clean = true;
    pg->was_primary = true;
    pg->incomplete = false;
    memset(&pg->wal, 0, sizeof pg->wal);
    begin_branch(s, &pg->wal, 0);
    pg->wal.branches[0].start = 1000;
    pg->wal.branches[0].end = 1000;
    return true;
}

static bool run_copy(struct sim *s, int node, const struct upstream *upstream, enum task task)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    int source = sim_node_index(s, upstream->node);
    if (source < 0 || !s->nodes[source].pg.accepting || !s->nodes[source].pg.postmaster ||
        !s->nodes[source].host_up || s->nodes[source].host_frozen) {
        return false;
    }
    const struct sim_wal *wal = &s->nodes[source].pg.wal;
    if (task == TASK_REWIND) {
        if (pg->verdict != DATA_INTACT || sim_wal_position(wal).timeline < upstream->timeline) {
            return false;
        }
        pg->wal = sim_wal_common(&pg->wal, wal);
    } else {
        pg->wal = *wal;
        pg->verdict = DATA_INTACT;
        pg->system_id = s->nodes[source].pg.system_id;
    }
    pg->incomplete = false;
    pg->was_primary = false;
    pg->clean = true;
    return pg->wal.count > 0;
}

static bool run_promote(struct sim *s, int node, uint32_t timeline)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    if (!pg->postmaster || !pg->accepting || !pg->in_recovery || pg->hung) {
        return false;
    }
    check_i10_promote(s, node);
    begin_branch(s, &pg->wal, timeline);
    pg->in_recovery = false;
    pg->upstream = -1;
    check_i15_return(s, node);
    return true;
}

struct job {
    enum task task;
    struct upstream upstream;
    uint64_t agent_run;
};

static bool run_task(struct sim *s, int node, const struct job *job)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    bool bad_luck = !s->faults_over && sim_random(s, 20) == 0;
    if (job->task == TASK_INITDB) {
        return !bad_luck && run_initdb(s, pg);
    }
    if (job->task == TASK_BASEBACKUP || job->task == TASK_REWIND) {
        return !bad_luck && run_copy(s, node, &job->upstream, job->task);
    }
    if (job->task == TASK_PROMOTE) {
        return run_promote(s, node, job->upstream.timeline);
    }
    return pg->postmaster && pg->accepting && !pg->in_recovery && !pg->hung;
}

static void progresses(struct sim *s, int node, uint64_t agent_run, void *argument)
{
    const enum task *task = argument;
    if (agent_run == s->nodes[node].agent_run) {
        struct fact fact = {.kind = FACT_TASK_PROGRESS, .task = *task, .percent = 50};
        sim_node_fact(s, node, &fact);
    }
}

static void task_ended(struct sim *s, int node, uint64_t generation, void *argument)
{
    const struct job *job = argument;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || job->agent_run != n->agent_run) {
        return;
    }
    if (n->host_frozen) {
        struct job *again = malloc(sizeof *again);
        *again = *job;
        sim_after(s, 20 * SIM_MS, task_ended, node, generation, again);
        return;
    }
    struct fact fact = {.kind = FACT_TASK_ENDED, .task = job->task};
    bool same_run = generation == n->pg.run;
    fact.ok = same_run && run_task(s, node, job);
    if (job->task == TASK_PROMOTE && fact.ok) {
        fact.position = sim_wal_position(&n->pg.wal);
        fact.history = sim_wal_history(&n->pg.wal);
    }
    if (!fact.ok) {
        fact.reason = job->task == TASK_REWIND ? REASON_REWIND_FAILED : REASON_BASEBACKUP_FAILED;
        snprintf(fact.text, sizeof fact.text, "simulated failure");
    }
    sim_node_fact(s, node, &fact);
}

void sim_pg_task(struct sim *s, int node, enum task task, const struct upstream *upstream)
{
    struct sim_node *n = &s->nodes[node];
    struct job *job = malloc(sizeof *job);
    *job = (struct job){task, *upstream, n->agent_run};
    if (task == TASK_PROMOTE) {
        n->guard.primary = true;
    }
    if (task == TASK_BASEBACKUP || task == TASK_REWIND) {
        check_i16_destruction(s, node, task);
        n->pg.incomplete = task == TASK_REWIND && n->pg.verdict == DATA_INTACT;
    }
    bool copies = task == TASK_BASEBACKUP || task == TASK_REWIND || task == TASK_INITDB;
    uint64_t delay_us =
            copies ? sim_delay(s, 100 * SIM_MS, 3 * SIM_S) : sim_delay(s, 2 * SIM_MS, 150 * SIM_MS);
    if (copies) {
        enum task *copy = malloc(sizeof *copy);
        *copy = task;
        sim_after(s, delay_us / 2, progresses, node, n->agent_run, copy);
    }
    sim_after(s, delay_us, task_ended, node, n->pg.run, job);
}
