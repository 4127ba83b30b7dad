/* SPDX-License-Identifier: PostgreSQL */
/*
 * decide.h - what the state asks of this node against what its PostgreSQL is: the ordered table.
 *
 * Rows are tried from the top; the first whose guard holds acts, and the table is tried again until
 * a row without an act is reached ("wait") or none holds. The order is the priority: fencing first,
 * then giving a term up, leaving, knowing oneself, and only then what the log asks. PostgreSQL is
 * made to do one thing at a time.
 */
#ifndef PGBATON_AGENT_DECIDE_H
#define PGBATON_AGENT_DECIDE_H

#include "step.h"

void decide_act(struct agent *a, struct action_list *actions);
/* When a row's guard may begin to hold although nothing happens; UINT64_MAX: never. */
uint64_t agent_decide_next_ms(const struct agent *a);

/* The names of the rows, in order; NULL at the end. For tests and documentation. */
const char *decide_row_name(size_t index);

#endif
