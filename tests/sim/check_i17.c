/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

static bool goes_on(const struct action *action)
{
    bool renews = action->kind == ACTION_APPEND && action->as.event.kind == EVENT_RENEW;
    bool leads = action->kind == ACTION_START && action->as.start.as_primary;
    return renews || leads || action->kind == ACTION_TASK;
}

/* After a decision that it cannot read an agent does not promote, renew or rebuild. */
void check_i17_agent(struct sim *s, int node, const struct action *action)
{
    if (s->nodes[node].agent.cluster.frozen_seq != 0 && goes_on(action)) {
        sim_break(s, "I17: fail closed", "%s acts on a log that it cannot read",
                  s->nodes[node].name);
    }
}

/* And a monitor decides nothing. */
void check_i17_monitor(struct sim *s, int monitor)
{
    if (s->monitors[monitor].cluster.state.frozen_seq != 0) {
        sim_break(s, "I17: fail closed", "%s decides on a log that it cannot read",
                  s->monitors[monitor].name);
    }
}
