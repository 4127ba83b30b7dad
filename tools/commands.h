/* SPDX-License-Identifier: PostgreSQL */
/*
 * commands.h - the commands of pgbaton; each returns its exit code.
 */
#ifndef PGBATON_TOOLS_COMMANDS_H
#define PGBATON_TOOLS_COMMANDS_H

#include "../replay/options.h"

/* One cluster, one table (or one JSON object): who leads, who follows, what is wrong. */
int describe_run(const struct options *options);
/* Why it is as it is, what would follow the leader's death, and what blocks a switchover. */
int explain_run(const struct options *options);
/* Every event in order, in words. */
int tail_run(const struct options *options);
/* "primary", "secondary" or "standby_leader" on stdout, or why it is neither on stderr. */
int role_run(const struct options *options);
/* Asks for another leader; says why not, or what would be done; perhaps waits for it. */
int switchover_run(const struct options *options);
/* Asks for a new copy of a node; perhaps waits until it streams. */
int rebuild_run(const struct options *options);
/* Asks for a leader while there is none. */
int failover_run(const struct options *options);
/* Maintenance begins: nothing happens by itself. And ends. */
int pause_run(const struct options *options);
int resume_run(const struct options *options);
/* A standby cluster becomes one that accepts writes. */
int promote_run(const struct options *options);
/* Restarts PostgreSQL of a node, or of all, one after the other. */
int restart_run(const struct options *options);
/* A node that has left, or is dead, is a member no more. */
int node_remove_run(const struct options *options);
/* PostgreSQL's parameters that the log sets: changed, shown, and how they came about. */
int config_set_run(const struct options *options);
int config_show_run(const struct options *options);
int config_history_run(const struct options *options);
/* PostgreSQL reads its configuration files again. */
int reload_run(const struct options *options);
/* How the log is, who is heard through it, and what is waited for. */
int log_status_run(const struct options *options);
/* After a loss of a part of the log: no other member will say what it remembers. */
int log_recover_run(const struct options *options);

#endif
