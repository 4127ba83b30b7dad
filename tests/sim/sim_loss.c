/* SPDX-License-Identifier: PostgreSQL */
/* The log loses its end, and its sequence numbers are used again: what was stored and read is gone.
 */
#include "sim_faults.h"

#include "../../proto/pause.h"

#include <string.h>

/* A reader that has read what is gone finds that out so soon, and starts its process again; one
 * that has not hears at once that the log's servers have elected, which is a break in its hearing.
 * What was on its way went to the old leader of the log. */
#define NOTICE_US (300 * SIM_MS)
#define CONTACT_US (20 * SIM_MS)
#define AGAIN_US (200 * SIM_MS)

/* ---- the true state, again ---- */

static void note_mark(struct sim *s, const struct event *e, struct outcome outcome)
{
    int node = outcome.effective && event_is_agents(e->kind) ? sim_node_index(s, e->writer) : -1;
    if (node >= 0) {
        check_i13_note(s, node, e);
    }
}

static void fold_again(struct sim *s, size_t index)
{
    const struct sim_record *r = s->memory.records[index];
    struct event e;
    if (!r->heartbeat) {
        struct outcome outcome = sim_fold(s, r, &s->truth, &e);
        note_mark(s, &e, outcome);
    }
    sim_state_copy(&s->states[index % SIM_STATES_MAX], &s->truth);
}

/* What checkers remember of the part that is gone. */
static void forget(struct sim *s)
{
    const struct cluster *c = &s->truth;
    memset(&s->failovers, 0, sizeof s->failovers);
    memset(&s->restarts, 0, sizeof s->restarts);
    memset(s->rebuilds, 0, sizeof s->rebuilds);
    s->restart_seq = c->restart.tokens.seq;
    s->held_term = c->lease.renewed ? c->term : 0;
    s->ended_term = cluster_has_ended(c) ? c->term : 0;
    s->ended_reason = c->ending.reason;
    s->verdict_us = 0;
    check_i10_again(s);
    s->waiting = cluster_waiting(c);
    s->waiting_us = s->now_us;
    s->asked_us = s->now_us;
    s->licensed_us = s->now_us;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        s->nodes[i].sync_seq = 0;
    }
}

static void roll_back(struct sim *s, size_t count)
{
    s->record_count = count;
    s->next_seq = s->memory.records[count - 1]->seq;
    cluster_init(&s->truth, "demo");
    sim_state_copy(&s->states[SIM_STATES_MAX - 1], &s->truth);
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        memset(s->nodes[i].marks, 0, sizeof s->nodes[i].marks);
    }
    for (size_t i = 0; i < count; i++) {
        fold_again(s, i);
    }
    forget(s);
}

/* ---- who notices ---- */

static void starts_again(struct sim *s, int reader, uint64_t generation, uint64_t value)
{
    struct sim_reader *r = &s->readers[reader];
    (void)value;
    if (!r->lost || generation != r->losses) {
        return;
    }
    if (sim_reader_stands_still(s, reader)) {
        sim_after(s, NOTICE_US, starts_again, reader, generation, 0); /* when it wakes up */
        return;
    }
    r->lost = false;
    if (reader < SIM_NODES_MAX) {
        s->nodes[reader].sync_seq = 0;
        if (s->nodes[reader].agent_runs) {
            sim_say(s, "%s: the log has lost what its agent has read", s->nodes[reader].name);
            sim_agent_crash(s, reader);
            sim_guard_restart(s, reader, sim_draw(&r->random, AGAIN_US));
        }
        return;
    }
    int monitor = reader - SIM_NODES_MAX;
    if (s->monitors[monitor].runs) {
        sim_say(s, "%s: the log has lost what it has read", s->monitors[monitor].name);
        sim_monitor_crash(s, monitor);
        sim_monitor_start(s, monitor);
    }
}

static void meets_again(struct sim *s, int reader, uint64_t generation, uint64_t value)
{
    (void)value;
    if (s->readers[reader].generation == generation) {
        sim_reader_disconnect(s, reader);
        sim_reader_connect(s, reader);
    }
}

static void concern(struct sim *s, int reader, size_t count)
{
    struct sim_reader *r = &s->readers[reader];
    r->caught_up_at = r->caught_up_at > count ? count : r->caught_up_at;
    if (r->cursor <= count && r->snapshot_count <= count) {
        sim_after(s, sim_draw(&r->random, CONTACT_US), meets_again, reader, r->generation, 0);
        return;
    }
    r->cursor = count;
    r->lost = true;
    r->losses++;
    sim_after(s, sim_draw(&r->random, NOTICE_US), starts_again, reader, r->losses, 0);
}

/* ---- the fault ---- */

/* Known to be open: the lease of a pause that the log does not know; a remote's history. */
static bool can_be_judged(const struct sim *s)
{
    bool lifted = false;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        lifted = lifted || s->nodes[i].guard.deadline_ms == LEASE_LIFTED_MS;
    }
    return s->made_us != 0 && !lifted && !pause_is_on(&s->truth) && s->truth.pause.seq == 0 &&
           s->options.config.standby.host[0] == '\0' && s->truth.frozen_seq == 0 && !s->log_down;
}

void fault_log_lost(struct sim *s, struct sim_hit *hit)
{
    uint64_t most = sim_chance(&hit->dice, 70) ? 40 : 400;
    uint64_t gone = 1 + sim_draw(&hit->dice, most);
    if (!can_be_judged(s) || s->record_count <= s->made_count + gone) {
        return;
    }
    size_t count = s->record_count - gone;
    sim_say(s, "the log loses %llu records, from seq %llu on", (unsigned long long)gone,
            (unsigned long long)s->memory.records[count]->seq);
    sim_pg_touch(s);
    s->losses++;
    uint64_t decision_seq = s->truth.decision_seq;
    uint64_t term = s->truth.term;
    bool held = s->truth.lease.renewed;
    uint64_t shown_seq = s->truth.lost.shown_seq;
    roll_back(s, count);
    if (term > s->truth.term && term > s->lost_term) {
        s->lost_term = term;
    }
    s->unsaid = s->unsaid || s->truth.decision_seq != decision_seq ||
                (held && !s->truth.lease.renewed) || s->truth.lost.shown_seq != shown_seq;
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        concern(s, (int)i, count);
    }
    for (uint32_t i = 0; i < s->options.monitors; i++) {
        concern(s, SIM_NODES_MAX + (int)i, count);
    }
    sim_trouble(s, s->now_us + 10 * SIM_S);
}
