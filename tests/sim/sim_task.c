/* SPDX-License-Identifier: PostgreSQL */
/* What an agent does to its PostgreSQL that takes time: initdb, copies, promotion. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#define SYSTEM_ID 7000000000000000001ULL

static void begin_branch(struct sim *s, struct sim_wal *wal, uint32_t timeline)
{
    if (wal->count == SIM_BRANCHES_MAX) {
        sim_break(s, "simulator", "more than %d timelines", SIM_BRANCHES_MAX);
        return;
    }
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
    pg->wal.count = 0;
    pg->oldest = 0;
    begin_branch(s, &pg->wal, 0);
    pg->wal.branches[0].start = 1000;
    pg->wal.branches[0].end = 1000;
    return true;
}

/* A copy of a primary, which it looks like until it has run. */
static bool run_clone(struct sim *s, struct sim_node *n)
{
    struct sim_pg *pg = &n->pg;
    if (pg->verdict != DATA_EMPTY || s->now_us < n->cut_off_us || s->now_us < n->full_disk_us) {
        return false;
    }
    pg->verdict = DATA_INTACT;
    pg->system_id = s->remote.system_id;
    pg->wal = s->remote.wal;
    pg->oldest = sim_wal_position(&pg->wal).lsn;
    pg->least.count = 0;
    pg->incomplete = false;
    pg->was_primary = true;
    pg->clean = false;
    return true;
}

static bool run_copy(struct sim *s, int node, const struct sim_job *job)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    bool serves = job->source >= 0 && sim_pg_serves(s, job->source) &&
                  s->nodes[job->source].pg.postmaster && s->now_us >= s->nodes[node].cut_off_us;
    if (!serves || s->now_us < s->nodes[node].full_disk_us) {
        return false;
    }
    const struct sim_pg *source = &s->nodes[job->source].pg;
    if (job->task == TASK_REWIND) {
        bool shown = sim_wal_position(&source->wal).timeline >= job->timeline;
        if (pg->verdict != DATA_INTACT || !shown) {
            return false;
        }
        sim_wal_common(&pg->wal, &source->wal);
        pg->least = source->wal;
    } else {
        pg->wal = source->wal;
        pg->oldest = sim_wal_position(&pg->wal).lsn;
        pg->verdict = DATA_INTACT;
        pg->system_id = source->system_id;
        pg->least.count = 0;
    }
    pg->incomplete = false;
    pg->was_primary = false;
    pg->clean = true;
    return pg->wal.count > 0;
}

static bool run_promote(struct sim *s, int node, uint32_t timeline)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    if (!pg->postmaster || !pg->accepting || !pg->in_recovery || pg->hung || pg->doomed ||
        !sim_pg_is_consistent(pg)) {
        return false;
    }
    check_i10_promote(s, node);
    begin_branch(s, &pg->wal, timeline);
    pg->in_recovery = false;
    pg->upstream = -1;
    check_i15_return(s, node);
    return true;
}

static bool run_job(struct sim *s, int node, const struct sim_job *job)
{
    struct sim_node *n = &s->nodes[node];
    bool copies = job->task == TASK_BASEBACKUP || job->task == TASK_REWIND;
    bool flaky = s->now_us < n->flaky_us && sim_chance(&n->random, 50);
    bool bad_luck = flaky || sim_bad_luck(s, &n->random, 20);
    sim_pg_touch(s);
    if (job->task == TASK_INITDB) {
        return !bad_luck && run_initdb(s, &n->pg);
    }
    if (job->task == TASK_CLONE) {
        return !bad_luck && run_clone(s, n);
    }
    if (copies) {
        return !bad_luck && run_copy(s, node, job);
    }
    if (job->task == TASK_PROMOTE) {
        return run_promote(s, node, job->timeline);
    }
    /* A first write is a commit. */
    return n->pg.postmaster && n->pg.accepting && !n->pg.in_recovery && !n->pg.hung &&
           sim_pg_writable(s, node);
}

static bool is_of_now(const struct sim_node *n, uint64_t number)
{
    return n->host_up && n->job.number == number && n->job.agent_run == n->agent_run;
}

static void progresses(struct sim *s, int node, uint64_t number, uint64_t value)
{
    (void)value;
    if (is_of_now(&s->nodes[node], number)) {
        struct fact fact = {
                .kind = FACT_TASK_PROGRESS, .task = s->nodes[node].job.task, .percent = 50};
        sim_node_fact(s, node, &fact);
    }
}

static void ended(struct sim *s, int node, uint64_t number, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!is_of_now(n, number)) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, n->thaw_us - s->now_us + 1, ended, node, number, 0);
        return;
    }
    const struct sim_job *job = &n->job;
    bool waits = job->task == TASK_PROMOTE && sim_sync_must_wait(&n->pg);
    if (waits && job->pg_run == n->pg.run) {
        sim_after(s, PROMOTE_POLL_MS * SIM_MS, ended, node, number, 0);
        return;
    }
    struct fact fact = {.kind = FACT_TASK_ENDED, .task = job->task};
    fact.ok = job->pg_run == n->pg.run && run_job(s, node, job);
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

static uint64_t duration_us(struct sim *s, struct sim_node *n, bool copies)
{
    uint64_t us = copies ? sim_delay(s, &n->random, 100 * SIM_MS, 3 * SIM_S)
                         : sim_delay(s, &n->random, 2 * SIM_MS, 150 * SIM_MS);
    us = s->now_us < n->slow_disk_us ? us * (2 + sim_draw(&n->random, 8)) : us;
    return us < 2 * SIM_NOISE_US ? us : 2 * SIM_NOISE_US;
}

void sim_task_begin(struct sim *s, int node, enum task task, const struct upstream *upstream)
{
    struct sim_node *n = &s->nodes[node];
    bool makes = task == TASK_INITDB || task == TASK_CLONE;
    bool copies = makes || task == TASK_BASEBACKUP || task == TASK_REWIND;
    n->job = (struct sim_job){
            .number = n->job.number + 1,
            .task = task,
            .source = sim_remote_index(s, upstream),
            .timeline = upstream->timeline,
            .agent_run = n->agent_run,
            .pg_run = n->pg.run,
    };
    if (task == TASK_PROMOTE) {
        n->guard.primary = true;
        sim_guard_page(s, node);
    }
    if (task == TASK_BASEBACKUP || task == TASK_REWIND) {
        check_i16_destruction(s, node, task);
        n->pg.incomplete = task == TASK_REWIND && n->pg.verdict == DATA_INTACT;
    }
    uint64_t us = duration_us(s, n, copies);
    if (copies) {
        sim_after(s, us / 2, progresses, node, n->job.number, 0);
    }
    sim_after(s, us, ended, node, n->job.number, 0);
}
