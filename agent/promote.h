/* SPDX-License-Identifier: PostgreSQL */
/*
 * promote.h - how the shell sees that a standby has become a primary, and where. Pure.
 */
#ifndef PGBATON_AGENT_PROMOTE_H
#define PGBATON_AGENT_PROMOTE_H

#include "../proto/event.h"

/* Its only value is NULL while in recovery, and then what promote_understand() reads. */
extern const char promote_poll_question[];
/* The new timeline, where it opened, and its history. False when text is none of these. */
bool promote_understand(const char *text, struct position *ret_opening,
                        struct history *ret_history);

#endif
