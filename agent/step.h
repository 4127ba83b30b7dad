/* SPDX-License-Identifier: PostgreSQL */
/*
 * step.h - one step of the agent, pure: a fact and the time in, actions out.
 *
 * The shell (main.c) and the simulator call it with every fact of facts.h. It folds what the log
 * says, learns what PostgreSQL and the guard say, keeps the lease, and then reconciles: what the
 * state asks of this node against what its PostgreSQL is, by the ordered table of decide.c.
 *
 *   fact → learn (event: decode → fold → read back) → lease → decide → actions
 *
 * It never allocates, reads no clock and does no I/O. Rules that it keeps: I2 (persist before
 * acting, nothing lower), I4 (only the read-back of its present incarnation's own renewal makes a
 * lease, from before the send), I7 (release only when every process is dead and the lease is out of
 * the guard's page), I10 (refuses a grant that its own history contradicts), I13, I15, I16, I17.
 */
#ifndef PGBATON_AGENT_STEP_H
#define PGBATON_AGENT_STEP_H

#include "../proto/fold.h"
#include "facts.h"

/* Who this agent is; from agent.yaml. */
struct agent_self {
    char cluster[NAME_SIZE];
    char node[NAME_SIZE];
    char host[HOST_SIZE]; /* where its PostgreSQL can be reached by the others */
    uint16_t port;
    uint16_t agent_port; /* where this agent can be asked for a promise; 0: nowhere */
    int32_t failover_priority;
    bool nofailover;
    bool nosync;         /* commits never wait for it */
    bool noloadbalance;  /* for those who distribute reads */
    bool fence;          /* the commit fence is loaded: it sees a seal through */
    enum task bootstrap; /* how it makes a new cluster: TASK_INITDB or TASK_RESTORE */
    bool post_init;      /* a command is to be run in a cluster that this node makes */
    bool post_init_owed; /* ... and has not ended well in the one that it has made */
};

#include "agent_state.h" /* struct agent: its memory, for the core, tests and the simulator */

/* vote: what was persisted by the earlier incarnation (zeros if nothing was). The new incarnation
 * is max(vote->incarnation + 1, now_wall_us). The first facts should be GUARD and LINK. */
void agent_init(struct agent *a, const struct agent_self *self, const struct vote *vote,
                uint64_t now_wall_us);

void agent_step(struct agent *a, const struct fact *fact, struct codec_arena *arena,
                struct action_list *ret_actions);

/* Until when PostgreSQL may commit as a primary, on CLOCK_BOOTTIME ms; 0: no lease. */
uint64_t agent_lease_deadline_ms(const struct agent *a);

#endif
