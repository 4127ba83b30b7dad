/* SPDX-License-Identifier: PostgreSQL */
/*
 * commands.h - the commands of pgbaton-replay; each returns its exit code.
 */
#ifndef PGBATON_REPLAY_COMMANDS_H
#define PGBATON_REPLAY_COMMANDS_H

#include "options.h"

/* Folds the log again and decides every effective decision again from the evidence it carries. */
int verify_run(const struct options *options);
/* Tells what happened and why, and how long each phase of each change of leadership took. */
int timeline_run(const struct options *options);
/* Writes all of that as one page, drawing or model. */
int report_run(const struct options *options);
/* Lists the changes of leadership. */
int incidents_run(const struct options *options);
/* Decides the changes of leadership again with other settings. */
int whatif_run(const struct options *options);
/* The cluster as it was at a point of the log, as `pgbaton describe` shows it. */
int state_run(const struct options *options);
/* What of that differs between two points. */
int diff_run(const struct options *options);
/* Goes through a captured range record by record, on a terminal. */
int step_run(const struct options *options);
/* Writes a range of the log to a file that all commands read. */
int capture_run(const struct options *options);
/* Writes a captured range in which all names, addresses and texts are replaced. */
int anonymize_run(const struct options *options);
/* Writes an incident as a folder of tests/incidents. */
int scenario_run(const struct options *options);

#endif
