/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_post_init.h - the operator's command in a new cluster: once, on its first leader, before
 * anybody is told that it takes writes and before any node copies it.
 *
 * That it is owed stands in state_directory/post_init, with the system that it is owed to, from the
 * end of initdb (or of a restore) until it has ended well.
 */
#ifndef PGBATON_AGENT_SHELL_POST_INIT_H
#define PGBATON_AGENT_SHELL_POST_INIT_H

#include "settings.h"

struct shell;

/* True when an earlier life has left it owed, to this system (0: not known yet). For the start. */
bool shell_post_init_is_owed(const struct settings *settings, uint64_t system_id);
/* TASK_POST_INIT. */
void shell_post_init_begin(struct shell *shell);

#endif
