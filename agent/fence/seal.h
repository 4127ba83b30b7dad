/* SPDX-License-Identifier: PostgreSQL */
/*
 * seal.h - what PostgreSQL does not tell of its replication: that a standby has turned away from
 * its upstream for good, and that commits really wait.
 *
 *   pgbaton_fence.seal         which term's leader this standby is to turn away from; written
 *                              together with an empty primary_conninfo
 *   pgbaton_fence.sealed       the same number, once the startup process has read both and the WAL
 *                              receiver is gone: nothing that it asks for can start another. 0 else
 *   pgbaton_fence.synchronous  on: commits of this server wait for synchronous_standby_names, as
 *                              shared memory has it (the checkpointer writes that, a while after
 *                              the setting has changed)
 */
#ifndef PGBATON_FENCE_SEAL_H
#define PGBATON_FENCE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

/* The settings; before MarkGUCPrefixReserved(). */
void seal_define(void);
/* pgbaton_fence.seal, as this process has it. */
uint32_t seal_setting(void);
/* True when commits wait for synchronous_standby_names. */
bool seal_commits_wait(void);
/* True when commits wait for no standby. The checkpointer keeps that in shared memory; until it has
 * begun to, this process's setting counts. */
bool seal_nobody_is_waited_for(void);

#endif
