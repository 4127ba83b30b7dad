/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_parameters.h - the parameters that the log sets, for whoever writes PostgreSQL's files; and
 * the check of new ones, by PostgreSQL's own program in a child.
 */
#ifndef PGBATON_AGENT_SHELL_PARAMETERS_H
#define PGBATON_AGENT_SHELL_PARAMETERS_H

#include "facts.h"
#include "shell_helper.h"

struct shell_parameters {
    struct parameters set; /* as ACTION_PARAMETERS said last */
    struct helper helper;
    uint64_t check_seq;             /* of the check under way; 0: none */
    struct parameter_change change; /* that is checked */
};

/* "work_mem,port": of the cluster's, those that agent.yaml sets; as many as fit. */
void shell_parameters_own(const struct shell *shell, char ret_names[SETTINGS_NAMES_SIZE]);
void shell_parameters_open(struct shell *shell);
void shell_parameters_close(struct shell *shell);
/* ACTION_CHECK: FACT_CHECKED follows. */
void shell_parameters_check(struct shell *shell, uint64_t seq,
                            const struct parameter_change *change);

#endif
