/* SPDX-License-Identifier: PostgreSQL */
/* PostgreSQL and its guard as the agent meets them. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

int sim_node_index(const struct sim *s, const char *name)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (strcmp(s->nodes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool sim_pg_runs(const struct sim_pg *pg)
{
    return pg->postmaster || pg->orphans;
}

bool sim_pg_writable(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return n->host_up && !n->host_frozen && sim_pg_runs(&n->pg) && n->pg.accepting &&
           !n->pg.in_recovery;
}

void sim_pg_init(struct sim *s, int node)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    memset(pg, 0, sizeof *pg);
    pg->verdict = DATA_EMPTY;
    pg->upstream = -1;
}

static void report_guard(struct sim *s, int node, enum guard_state state, uint32_t killed_count)
{
    struct fact fact = {.kind = FACT_GUARD,
                        .guard = state,
                        .killed_count = killed_count,
                        .deadline_ms = s->nodes[node].guard.deadline_ms};
    sim_node_fact(s, node, &fact);
}

/* What is written to pg_control when the processes die, whatever the reason. */
static void note_death(struct sim_pg *pg, bool clean)
{
    if (pg->accepting) {
        pg->clean = clean;
        pg->was_primary = !pg->in_recovery;
    }
    pg->postmaster = false;
    pg->orphans = false;
    pg->accepting = false;
    pg->hung = false;
    pg->stuck_stop = false;
    pg->run++;
}

static void killed(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || generation != n->pg.run) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, 20 * SIM_MS, killed, node, generation, NULL);
        return;
    }
    note_death(&n->pg, false);
    n->guard.primary = false;
    report_guard(s, node, GUARD_ABSENT, 6);
}

void sim_pg_kill(struct sim *s, int node, bool report)
{
    struct sim_node *n = &s->nodes[node];
    if (!sim_pg_runs(&n->pg)) {
        n->guard.primary = false;
        if (report) {
            report_guard(s, node, GUARD_ABSENT, 0);
        }
        return;
    }
    if (!report) {
        note_death(&n->pg, false);
        return;
    }
    sim_after(s, sim_delay(s, 1 * SIM_MS, 20 * SIM_MS), killed, node, n->pg.run, NULL);
}

static void started(struct sim *s, int node, uint64_t generation, void *argument)
{
    (void)argument;
    struct sim_node *n = &s->nodes[node];
    struct sim_pg *pg = &n->pg;
    if (!n->host_up || generation != pg->run || !pg->postmaster || n->host_frozen) {
        return;
    }
    bool fails = pg->verdict != DATA_INTACT || pg->incomplete ||
                 (!s->faults_over && sim_random(s, 50) == 0);
    if (fails) {
        note_death(pg, false);
        report_guard(s, node, GUARD_ABSENT, 0);
        return;
    }
    pg->accepting = true;
    pg->clean = false;
    check_i15_return(s, node);
}

void sim_pg_start(struct sim *s, int node, bool as_primary, int upstream)
{
    struct sim_node *n = &s->nodes[node];
    if (sim_pg_runs(&n->pg)) {
        sim_break(s, "I15: return", "%s is started while it runs", n->name);
        return;
    }
    n->pg.postmaster = true;
    n->pg.accepting = false;
    n->pg.in_recovery = !as_primary;
    n->pg.upstream = upstream;
    n->pg.run++;
    n->guard.primary = as_primary;
    report_guard(s, node, GUARD_RUNNING, 0);
    sim_after(s, sim_delay(s, 5 * SIM_MS, 200 * SIM_MS), started, node, n->pg.run, NULL);
}

/* argument: anything for an immediate shutdown. */
static void stopped(struct sim *s, int node, uint64_t generation, void *argument)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || generation != n->pg.run || n->host_frozen || n->pg.stuck_stop) {
        return;
    }
    note_death(&n->pg, argument == NULL);
    n->guard.primary = false;
    report_guard(s, node, GUARD_ABSENT, 0);
}

/* An immediate shutdown does not wait for anybody, and leaves work for the next start. */
static void stop_at_once(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    n->pg.stuck_stop = n->pg.hung;
    sim_after(s, sim_delay(s, 1 * SIM_MS, 30 * SIM_MS), stopped, node, n->pg.run, malloc(1));
}

void sim_pg_stop(struct sim *s, int node, enum stop_mode mode)
{
    struct sim_node *n = &s->nodes[node];
    if (n->pg.postmaster && mode == STOP_IMMEDIATE) {
        stop_at_once(s, node);
    } else if (n->pg.postmaster) {
        n->pg.stuck_stop = n->pg.hung || (!s->faults_over && sim_chance(s, 5));
        sim_after(s, sim_delay(s, 5 * SIM_MS, 300 * SIM_MS), stopped, node, n->pg.run, NULL);
    }
}

void sim_guard_look(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    bool armed = n->host_up && !n->host_frozen && n->guard.primary && sim_pg_runs(&n->pg);
    if (armed && sim_node_clock_ms(s, node) >= n->guard.deadline_ms) {
        sim_say(s, "%s: the guard kills at the deadline", n->name);
        note_death(&n->pg, false);
        n->guard.primary = false;
        report_guard(s, node, GUARD_ABSENT, 6);
    }
}

struct inspection sim_pg_inspect(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    struct inspection found;
    memset(&found, 0, sizeof found);
    found.verdict = pg->verdict;
    if (pg->verdict != DATA_INTACT) {
        return found;
    }
    found.system_id = pg->system_id;
    found.clean = pg->clean;
    found.was_primary = sim_pg_runs(pg) ? !pg->in_recovery : pg->was_primary;
    found.standby_signal = !found.was_primary;
    found.incomplete = pg->incomplete;
    found.pg_version = 150000;
    found.position = sim_wal_position(&pg->wal);
    found.history = sim_wal_history(&pg->wal);
    return found;
}

static void probe_replicas(const struct sim *s, int node, struct probe_result *probe)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_node *peer = &s->nodes[i];
        bool streams = peer->pg.upstream == node && peer->pg.in_recovery && peer->pg.accepting &&
                       peer->host_up && !peer->host_frozen;
        if (streams) {
            struct replica_row *row = &probe->replicas[probe->replica_count++];
            memcpy(row->name, peer->name, NAME_SIZE);
            row->streaming = true;
            row->flush_lsn = sim_wal_position(&peer->pg.wal).lsn;
        }
    }
}

/* A standby's WAL receiver. A diverged one now and then looks as if it streamed (SAFETY, finding
 * 4). */
static bool seems_streaming(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    if (!pg->in_recovery || pg->upstream < 0) {
        return false;
    }
    const struct sim_node *up = &s->nodes[pg->upstream];
    bool serves = up->host_up && !up->host_frozen && up->pg.postmaster && up->pg.accepting;
    bool diverged = !sim_wal_is_prefix(&pg->wal, &up->pg.wal);
    return serves && (!diverged || s->now_us % 3 == 0);
}

struct probe_result sim_pg_probe(const struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    struct probe_result probe;
    memset(&probe, 0, sizeof probe);
    if (pg->hung) {
        probe.class = PROBE_TIMEOUT;
        return probe;
    }
    if (!pg->postmaster || !pg->accepting) {
        probe.class = PROBE_STARTING;
        return probe;
    }
    if (!s->faults_over && s->now_us % 61 == 0) {
        probe.class = PROBE_ALIVE;
        return probe;
    }
    if (pg->verdict != DATA_INTACT) {
        probe.class = PROBE_ERROR;
        return probe;
    }
    probe.class = PROBE_OK;
    probe.in_recovery = pg->in_recovery;
    probe.position = sim_wal_position(&pg->wal);
    probe.replay_lsn = pg->in_recovery ? probe.position.lsn : 0;
    probe.system_id = pg->system_id;
    probe.streaming = seems_streaming(s, node);
    probe.history = sim_wal_history(&pg->wal);
    if (!pg->in_recovery) {
        probe_replicas(s, node, &probe);
    }
    return probe;
}

static void tick_node(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    sim_guard_look(s, node);
    if (!n->host_up || n->host_frozen || !n->pg.accepting) {
        return;
    }
    if (sim_pg_writable(s, node)) {
        n->pg.wal.branches[n->pg.wal.count - 1].end += sim_random(s, 400);
        return;
    }
    if (n->pg.in_recovery && n->pg.upstream >= 0 && n->pg.postmaster) {
        const struct sim_node *up = &s->nodes[n->pg.upstream];
        if (up->host_up && !up->host_frozen && sim_pg_runs(&up->pg) && up->pg.accepting) {
            sim_wal_follow(&n->pg.wal, &up->pg.wal, sim_random(s, 2000));
        }
    }
}

void sim_pg_tick(struct sim *s)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        tick_node(s, (int)i);
    }
}
