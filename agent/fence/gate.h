/* SPDX-License-Identifier: PostgreSQL */
/*
 * gate.h - a primary that has just begun shows nothing that may yet be lost (SAFETY 2, no. 9).
 *
 * What it wrote before a crash, or received before its promotion, may be on no other disk: a client
 * that reads it, and the next failover, could disagree. So while commits wait for standbys, the
 * first clients wait until so many of these have all that the primary had when the first of them
 * came. The gate opens once in a server's life, and at once when commits wait for nobody.
 *
 * Let through at any time: replication, pg_rewind, and whoever calls himself pgbaton
 * (application_name), which is the agent, and a person who must look.
 */
#ifndef PGBATON_FENCE_GATE_H
#define PGBATON_FENCE_GATE_H

/* The hook; what it remembers lies in shared memory (shared.h). */
void gate_install(void);

#endif
