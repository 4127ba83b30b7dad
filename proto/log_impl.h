/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_impl.h - what a log is made of: the table of functions that log.c dispatches to.
 *
 * Private to log.c, log_nats.c, log_local.c and log_file.c. An implementation puts a struct log
 * first into its own structure and casts back.
 */
#ifndef PGBATON_LOG_IMPL_H
#define PGBATON_LOG_IMPL_H

#include "log.h"

/* One function per function of log.h, with its contract. */
struct log_operations {
    void (*destroy)(struct log *log);
    int (*fd)(const struct log *log);
    struct log_notice (*take)(struct log *log);
    bool (*append)(struct log *log, const struct log_notice *message, const char *message_id);
    bool (*publish)(struct log *log, const struct log_notice *message);
    bool (*step_down)(struct log *log); /* NULL: nobody leads it */
    uint64_t (*progress_mono_ms)(const struct log *log);
    bool (*trim)(struct log *log, uint64_t keep_seq, uint64_t before_us); /* NULL: it keeps all */
};

struct log {
    const struct log_operations *operations;
};

/* ms on CLOCK_MONOTONIC. */
uint64_t log_mono_ms(void);
/* True when subject is one of the stream's for this cluster ("pgbaton.C.…"); for any cluster when
 * cluster is NULL. */
bool log_subject_is_of(const char *subject, const char *cluster);

#endif
