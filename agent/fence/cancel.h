/* SPDX-License-Identifier: PostgreSQL */
/*
 * cancel.h - a commit whose wait for the standbys was cancelled is not acknowledged.
 *
 * PostgreSQL answers such a commit with a warning and "COMMIT" (syncrep.c), which most drivers take
 * for success; the next failover may lose it. Here the session ends instead, with the error 08007,
 * transaction_resolution_unknown. Include after postgres.h.
 */
#ifndef PGBATON_FENCE_CANCEL_H
#define PGBATON_FENCE_CANCEL_H

/* A transaction is about to be committed or prepared, or a COMMIT PREPARED is carried out. */
void cancel_note_begin(void);
/* A transaction has been committed, or prepared, and its wait is over: for one of the callbacks
 * XACT_EVENT_COMMIT and XACT_EVENT_PREPARE. */
void cancel_note_commit(void);
void cancel_note_prepare(void);
/* COMMIT PREPARED has been carried out. */
void cancel_note_commit_prepared(void);
/* Before anything is sent to the client: does not return when it would take it for a success. */
void cancel_end_session(void);

#endif
