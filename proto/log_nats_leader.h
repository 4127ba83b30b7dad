/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_nats_leader.h - which server leads the stream, and that another one does now.
 *
 * A leader's change is a break in the hearing, also when nothing that was read is lost: what the
 * old leader had acknowledged may stand in its store alone. So it is told as LOG_DOWN, and the
 * stream is looked for, compared and read on from as after a lost connection. It is noticed by the
 * server's advisory, which is best effort, and by a question once a period. A stream without
 * replicas has no leader, or always the same one.
 *
 * Private to log_nats*.c. log_leader_take() runs in libnats' thread, the rest in ours.
 */
#ifndef PGBATON_LOG_NATS_LEADER_H
#define PGBATON_LOG_NATS_LEADER_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Name of a nats-server. */
#define LOG_SERVER_NAME_SIZE 256
/* Names of the replicas. */
#define LOG_CURRENT_SIZE 512
#define LOG_ADVISORY "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED."

/* What was heard of the stream since the last look at it. */
struct log_leader_report {
    bool elected;                    /* an advisory: it has elected */
    bool answered;                   /* the question's answer is below */
    char name[LOG_SERVER_NAME_SIZE]; /* empty: none, or no cluster */
    char current[LOG_CURRENT_SIZE];  /* the other servers that have all of it, with commas */
    uint64_t last_seq;
    uint64_t created_us;
};

struct log_nats;

/* Reads the answer to the question; leaves the report as it was when it is an error. */
void log_leader_take(struct log_leader_report *report, const char *json, size_t size);
/* Asks; the answer comes to the inbox's ".leader". */
void log_nats_ask_leader(struct log_nats *log);
/* LOG_LED, once for each answer, when it is wanted. */
void log_nats_tell_leader(struct log_nats *log);
/* True once when what was heard does not fit the stream that is read: it must be looked at. */
bool log_nats_leader_is_doubtful(struct log_nats *log);
/* Begins a look: forgets what was heard before it. */
void log_nats_forget_leader(struct log_nats *log);
/* Ends a look: LOG_DOWN when another server leads than at the last one. */
void log_nats_note_leader(struct log_nats *log, const jsStreamInfo *info);
/* Whether the stream is still led by the server that led it at the last look, and the consumer (may
 * be NULL) lives there. */
natsStatus log_nats_compare_leaders(struct log_nats *log, natsSubscription *consumer,
                                    bool *ret_same);

#endif
