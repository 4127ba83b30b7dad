/* SPDX-License-Identifier: PostgreSQL */
/* PostgreSQL as the agent meets it: its processes, and the WAL that it writes and streams. */
#include "sim.h"

#include <string.h>

bool sim_pg_runs(const struct sim_pg *pg)
{
    return pg->postmaster || pg->orphans;
}

bool sim_pg_is_consistent(const struct sim_pg *pg)
{
    return sim_wal_is_prefix(&pg->least, &pg->wal);
}

/* ---- writing and streaming ---- */

/* From the deadline on, on the node's clock, the fence refuses; 0 when there is none. */
static uint64_t fence_ms(const struct sim *s, const struct sim_node *n)
{
    if (s->options.rings == SIM_RINGS_GUARD) {
        return UINT64_MAX;
    }
    return n->pg.stranger ? n->pg.page_ms : n->guard.deadline_ms;
}

bool sim_pg_is_fenced(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    bool alone = s->options.rings == SIM_RINGS_FENCE ||
                 (s->options.rings == SIM_RINGS_ALL && !n->guard.runs);
    return alone && sim_clock_ms(s, &n->clock) >= fence_ms(s, n);
}

/* It would commit, if the fence let it. */
static bool is_open(const struct sim *s, const struct sim_node *n)
{
    return n->host_up && !n->host_frozen && sim_pg_runs(&n->pg) && n->pg.accepting &&
           !n->pg.in_recovery && !n->pg.doomed && s->now_us >= n->full_disk_us;
}

bool sim_pg_writable(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return is_open(s, n) && sim_clock_ms(s, &n->clock) < fence_ms(s, n);
}

bool sim_pg_serves(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    return n->host_up && !n->host_frozen && sim_pg_runs(&n->pg) && n->pg.accepting &&
           s->now_us >= n->cut_off_us;
}

static void write_wal(struct sim *s, struct sim_node *n, uint64_t span_us)
{
    uint64_t now_ms = sim_clock_ms(s, &n->clock);
    uint64_t end_ms = fence_ms(s, n);
    uint64_t late_us = now_ms > end_ms ? (now_ms - end_ms) * SIM_MS : 0;
    if (late_us < span_us && n->pg.wal.count > 0) {
        uint64_t bytes = (span_us - late_us) * s->options.write_rate / 1000;
        n->pg.wal.branches[n->pg.wal.count - 1].end += sim_draw(&n->random, 2 * bytes + 1);
    }
}

bool sim_pg_is_cut_off(const struct sim *s, const struct sim_pg *pg)
{
    return pg->upstream >= 0 && sim_wal_position(&pg->wal).lsn < s->nodes[pg->upstream].pg.oldest;
}

/* Whether what this node streams from can be reached and serves. */
static bool source_serves(const struct sim *s, const struct sim_node *n)
{
    return n->pg.upstream == SIM_REMOTE ||
           (n->pg.upstream >= 0 && sim_pg_serves(s, n->pg.upstream));
}

static const struct sim_wal *source_of(const struct sim *s, const struct sim_pg *pg)
{
    return pg->upstream == SIM_REMOTE ? &s->remote.wal : &s->nodes[pg->upstream].pg.wal;
}

/* A standby gets everything but the last few milliseconds, ten times as fast as it is written. */
static void stream_wal(struct sim *s, struct sim_node *n, uint64_t span_us)
{
    if (!source_serves(s, n) || sim_pg_is_cut_off(s, &n->pg)) {
        return;
    }
    const struct sim_wal *source = source_of(s, &n->pg);
    uint64_t missing = sim_wal_position(source).lsn - sim_wal_position(&n->pg.wal).lsn;
    uint64_t late = sim_draw(&n->random, 40 * s->options.write_rate + 1);
    uint64_t bytes = 1 + span_us * s->options.write_rate / 100;
    if (missing > late && missing <= UINT64_MAX / 2) {
        sim_wal_follow(&n->pg.wal, source, missing - late < bytes ? missing - late : bytes);
    } else if (missing == 0) {
        sim_wal_follow(&n->pg.wal, source, 1); /* perhaps a new timeline begins here */
    }
}

void sim_pg_touch(struct sim *s)
{
    uint64_t span_us = s->now_us - s->touched_us;
    if (span_us == 0) {
        return;
    }
    s->touched_us = s->now_us;
    sim_remote_touch(s, span_us);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (is_open(s, &s->nodes[i])) {
            write_wal(s, &s->nodes[i], span_us);
        }
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        struct sim_node *n = &s->nodes[i];
        bool follows = n->pg.in_recovery && n->pg.postmaster && sim_pg_serves(s, (int)i) &&
                       s->now_us >= n->full_disk_us;
        if (follows) {
            stream_wal(s, n, span_us);
        }
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        if (is_open(s, &s->nodes[i])) {
            sim_sync_commit(s, (int)i);
        }
    }
}

/* ---- starts and ends ---- */

void sim_pg_init(struct sim *s, int node)
{
    struct sim_pg *pg = &s->nodes[node].pg;
    memset(pg, 0, sizeof *pg);
    pg->verdict = DATA_EMPTY;
    pg->upstream = -1;
}

/* What is written to pg_control when the processes die, whatever the reason. */
static void note_death(struct sim *s, int node, bool clean)
{
    struct sim_node *n = &s->nodes[node];
    struct sim_pg *pg = &n->pg;
    sim_pg_touch(s);
    if (pg->accepting) {
        pg->clean = clean;
        pg->was_primary = !pg->in_recovery;
    }
    pg->postmaster = false;
    pg->orphans = false;
    pg->accepting = false;
    pg->hung = false;
    pg->stuck_stop = false;
    pg->doomed = false;
    pg->stranger = false;
    pg->run++;
    n->guard.primary = false;
}

void sim_pg_die(struct sim *s, int node)
{
    if (sim_pg_runs(&s->nodes[node].pg)) {
        note_death(s, node, false);
    }
}

static void killed(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || run != n->pg.run) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, n->thaw_us - s->now_us + 1, killed, node, run, 0);
        return;
    }
    if (s->now_us < n->unkillable_us) {
        sim_pg_touch(s);
        n->pg.doomed = true;
        sim_after(s, n->unkillable_us - s->now_us, killed, node, run, 0);
        return;
    }
    note_death(s, node, false);
    sim_guard_report(s, node, GUARD_ABSENT, 6);
}

static void absent(struct sim *s, int node, uint64_t agent_run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (agent_run == n->agent_run && !sim_pg_runs(&n->pg)) {
        n->guard.primary = false;
        sim_guard_report(s, node, GUARD_ABSENT, 0);
    }
}

void sim_pg_kill(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t delay_us = sim_delay(s, &n->random, 1 * SIM_MS, 20 * SIM_MS);
    if (!sim_pg_runs(&n->pg)) {
        sim_after(s, delay_us / 4, absent, node, n->agent_run, 0);
        return;
    }
    /* Where the agent is not the ring that is tried, its kill comes late. */
    if (s->options.rings != SIM_RINGS_ALL && !n->pg.in_recovery) {
        delay_us += sim_draw(&n->random, 3 * SIM_S);
    }
    sim_after(s, delay_us, killed, node, n->pg.run, 0);
}

/* How much longer everything takes on a slow disk. */
static uint64_t disk_factor(const struct sim *s, struct sim_node *n)
{
    return s->now_us < n->slow_disk_us ? 2 + sim_draw(&n->random, 30) : 1;
}

static bool start_fails(struct sim *s, struct sim_node *n)
{
    bool flaky = s->now_us < n->flaky_us && sim_chance(&n->random, 50);
    return n->pg.verdict != DATA_INTACT || n->pg.incomplete || s->now_us < n->full_disk_us ||
           flaky || sim_bad_luck(s, &n->random, 50);
}

/* What was sent SIGKILL comes no further, however long it takes to end. */
static void started(struct sim *s, int node, uint64_t run, uint64_t value)
{
    (void)value;
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || run != n->pg.run || !n->pg.postmaster || n->pg.doomed) {
        return;
    }
    if (n->host_frozen) {
        sim_after(s, n->thaw_us - s->now_us + 1, started, node, run, 0);
        return;
    }
    sim_pg_touch(s);
    if (start_fails(s, n)) {
        note_death(s, node, false);
        sim_guard_report(s, node, GUARD_ABSENT, 0);
        return;
    }
    n->pg.accepting = true;
    n->pg.clean = false;
    check_i15_return(s, node);
}

void sim_pg_start(struct sim *s, int node, bool as_primary, const struct upstream *upstream)
{
    struct sim_node *n = &s->nodes[node];
    if (sim_pg_runs(&n->pg)) {
        sim_break(s, "I15: return", "%s is started while it runs", n->name);
        return;
    }
    sim_pg_touch(s);
    n->pg.postmaster = true;
    n->pg.doomed = false; /* a kill that found nobody was not meant for it */
    n->pg.accepting = false;
    n->pg.in_recovery = !as_primary;
    n->pg.upstream = sim_remote_index(s, upstream);
    sim_sync_start(s, node, upstream);
    n->pg.run++;
    n->guard.primary = as_primary;
    sim_guard_page(s, node);
    uint64_t delay_us = sim_delay(s, &n->random, 5 * SIM_MS, 200 * SIM_MS) * disk_factor(s, n);
    sim_after(s, delay_us, started, node, n->pg.run, 0);
    sim_guard_report(s, node, GUARD_RUNNING, 0);
}

/* The WAL senders of a primary that stops in order end only when who streams has everything. */
static void send_all(struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    sim_pg_touch(s);
    for (uint32_t i = 0; i < s->options.nodes && pg->accepting && !pg->in_recovery; i++) {
        struct sim_node *peer = &s->nodes[i];
        bool streams = peer->pg.upstream == node && peer->pg.in_recovery && peer->pg.postmaster &&
                       !peer->pg.hung && sim_pg_serves(s, (int)i) && sim_pg_serves(s, node) &&
                       s->now_us >= peer->full_disk_us;
        if (streams && !sim_pg_is_cut_off(s, &peer->pg) &&
            sim_wal_is_prefix(&peer->pg.wal, &pg->wal)) {
            sim_wal_follow(&peer->pg.wal, &pg->wal, UINT64_MAX / 2);
        }
    }
}

static void stopped(struct sim *s, int node, uint64_t run, uint64_t clean)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->host_up || run != n->pg.run || n->pg.stuck_stop) {
        return;
    }
    if (n->host_frozen || s->now_us < n->unkillable_us) {
        uint64_t until_us = n->host_frozen ? n->thaw_us : n->unkillable_us;
        sim_after(s, until_us - s->now_us + 1, stopped, node, run, clean);
        return;
    }
    if (clean != 0) {
        send_all(s, node);
    }
    note_death(s, node, clean != 0);
    sim_guard_report(s, node, GUARD_ABSENT, 0);
}

/* An immediate shutdown waits for nobody, and leaves work for the next start. Neither reaches a
 * postmaster that stands still. */
void sim_pg_stop(struct sim *s, int node, enum stop_mode mode)
{
    struct sim_node *n = &s->nodes[node];
    if (!n->pg.postmaster) {
        return;
    }
    bool fast = mode == STOP_FAST;
    bool flaky = s->now_us < n->flaky_us && sim_chance(&n->random, 50);
    bool late = s->options.rings != SIM_RINGS_ALL && !n->pg.in_recovery;
    bool slow = fast && (flaky || sim_bad_luck(s, &n->random, 20));
    n->pg.stuck_stop = n->pg.hung || late || slow;
    uint64_t delay_us = fast ? sim_delay(s, &n->random, 5 * SIM_MS, 300 * SIM_MS)
                             : sim_delay(s, &n->random, 1 * SIM_MS, 30 * SIM_MS);
    sim_after(s, delay_us * disk_factor(s, n), stopped, node, n->pg.run, fast);
}

/* ---- what can be seen of it ---- */

struct inspection sim_pg_inspect(struct sim *s, int node)
{
    const struct sim_pg *pg = &s->nodes[node].pg;
    struct inspection found;
    memset(&found, 0, sizeof found);
    found.verdict = pg->verdict;
    found.disk = s->now_us < s->nodes[node].full_disk_us ? DISK_FULL : DISK_WRITABLE;
    if (pg->verdict != DATA_INTACT) {
        return found;
    }
    sim_pg_touch(s);
    found.system_id = pg->system_id;
    found.clean = pg->clean;
    found.was_primary = sim_pg_runs(pg) ? !pg->in_recovery : pg->was_primary;
    found.standby_signal = !found.was_primary;
    found.incomplete = pg->incomplete;
    found.pg_version = 150000;
    const struct sim_wal *needed = sim_pg_is_consistent(pg) ? &pg->wal : &pg->least;
    found.position = sim_wal_position(needed);
    found.history = sim_wal_history(needed);
    return found;
}

static void probe_replicas(const struct sim *s, int node, struct probe_result *probe)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        const struct sim_node *peer = &s->nodes[i];
        bool streams = peer->pg.upstream == node && peer->pg.in_recovery &&
                       !sim_pg_is_cut_off(s, &peer->pg) && sim_pg_serves(s, (int)i) &&
                       sim_pg_serves(s, node);
        if (streams) {
            struct replica_row *row = &probe->replicas[probe->replica_count++];
            memcpy(row->name, peer->name, NAME_SIZE);
            row->streaming = true;
            row->flush_lsn = sim_wal_position(&peer->pg.wal).lsn;
        }
    }
}

/* A standby's WAL receiver. A diverged or cut off one now and then looks as if it streamed (SAFETY,
 * finding 4). */
static bool seems_streaming(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    bool follows = source_serves(s, n) && sim_pg_serves(s, node);
    if (!n->pg.in_recovery || !follows || s->now_us < n->full_disk_us) {
        return false;
    }
    bool serves = n->pg.upstream == SIM_REMOTE || s->nodes[n->pg.upstream].pg.postmaster;
    bool diverged =
            !sim_wal_is_prefix(&n->pg.wal, source_of(s, &n->pg)) || sim_pg_is_cut_off(s, &n->pg);
    return serves && (!diverged || s->now_us % 3 == 0);
}

static enum probe_class probe_class(struct sim *s, struct sim_node *n)
{
    if (n->pg.hung || n->pg.doomed) {
        return PROBE_TIMEOUT;
    }
    if (!n->pg.postmaster || !n->pg.accepting || !sim_pg_is_consistent(&n->pg)) {
        return PROBE_STARTING;
    }
    if (s->now_us < n->slow_disk_us && sim_chance(&n->random, 20)) {
        return PROBE_TIMEOUT;
    }
    if (sim_bad_luck(s, &n->random, 61)) {
        return PROBE_ALIVE;
    }
    bool flaky = s->now_us < n->flaky_us && sim_chance(&n->random, 20);
    bool full = s->now_us < n->full_disk_us && !n->pg.in_recovery;
    return flaky || full || n->pg.verdict != DATA_INTACT ? PROBE_ERROR : PROBE_OK;
}

struct probe_result sim_pg_probe(struct sim *s, int node)
{
    struct sim_node *n = &s->nodes[node];
    struct probe_result probe;
    memset(&probe, 0, sizeof probe);
    sim_pg_touch(s);
    probe.class = probe_class(s, n);
    if (probe.class == PROBE_STARTING && n->pg.accepting) {
        probe.startup_lsn = sim_wal_position(&n->pg.wal).lsn;
        probe.startup_waits = sim_pg_is_cut_off(s, &n->pg);
    }
    if (probe.class != PROBE_OK) {
        return probe;
    }
    probe.in_recovery = n->pg.in_recovery;
    probe.position = sim_wal_position(&n->pg.wal);
    probe.replay_lsn = n->pg.in_recovery ? probe.position.lsn : 0;
    probe.system_id = n->pg.system_id;
    probe.settings.parameters_seq = n->pg.parameters_seq;
    probe.streaming = seems_streaming(s, node);
    probe.sealed_term = probe.in_recovery && n->pg.upstream == -1 ? n->pg.seal_term : 0;
    probe.source_lsn = n->pg.upstream == SIM_REMOTE ? sim_wal_position(&s->remote.wal).lsn : 0;
    probe.history = sim_wal_history(&n->pg.wal);
    if (n->pg.upstream == SIM_REMOTE) {
        probe.oldest_lsn = n->pg.oldest;
    }
    if (!n->pg.in_recovery) {
        probe.oldest_lsn = n->pg.oldest;
        probe_replicas(s, node, &probe);
    }
    return probe;
}
