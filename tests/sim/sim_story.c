/* SPDX-License-Identifier: PostgreSQL */
/* What is told of a run, in the words of `pgbaton tail` and of the agents' own logs. */
#include "sim.h"

#include "../../agent/act.h"
#include "../../proto/explain.h"

#include <stdarg.h>
#include <stdio.h>

/* As in agent/act.c. */
#define ROOM_FOR_ORDERS 10

void sim_story_record(struct sim *s, const struct event *e, struct outcome outcome)
{
    if (s->aloud) {
        char line[1024];
        explain_event(&s->truth, e, outcome, line, sizeof line);
        sim_say(s, "%6llu %-12s %-7s %s%s", (unsigned long long)e->seq,
                e->writer[0] != '\0' ? e->writer : "-", severity_name(explain_severity(e, outcome)),
                outcome.effective ? "" : "(void) ", line);
    }
}

/* In the place of the agent's own (--wrap): a line that nobody reads is not written. */
void __wrap_act_say(struct action_list *actions, enum severity severity, const char *format, ...);

void __wrap_act_say(struct action_list *actions, enum severity severity, const char *format, ...)
{
    if (act_room(actions) <= ROOM_FOR_ORDERS) {
        return;
    }
    struct action *action = act_add(actions, ACTION_SAY);
    action->as.say.severity = (int)severity;
    if (sim_is_aloud()) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(action->as.say.text, sizeof action->as.say.text, format, arguments);
        va_end(arguments);
    }
}
