/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_local.h - the log of one machine: a file that every program appends to, and no server.
 *
 * Servers are named "file:/path". The file is log_record.h's; sequence numbers count from 1. Who
 * appends holds the file's lock for one write(); what it wrote is in the file when that returns, as
 * safe from a kill as anything, and from a power failure as soon as the kernel has written it.
 * Readers follow the file. Each has a socket in <path>.readers, to which an appender sends an empty
 * datagram, and publishers their plain messages (subject, NUL, data). A monitor creates both; they
 * belong to the group of the directory that they are in when that has its set-group-ID bit, so all
 * programs of a cluster run under one user, or in that group.
 *
 * Nothing here has a thread: log_take() and log_append() do the work, and never wait.
 * Private to log_local.c and log_local_write.c.
 */
#ifndef PGBATON_LOG_LOCAL_H
#define PGBATON_LOG_LOCAL_H

#include "log_impl.h"
#include "log_queue.h"
#include "log_record.h"

#include <sys/types.h>

/* Appends that cannot be written are dropped after this, in ms. */
#define LOCAL_APPEND_AGE_MS 2000
/* Message ids of our own that are remembered. */
#define LOCAL_ID_COUNT 256
#define LOCAL_PATH_SIZE 108 /* of a socket */

struct log_local {
    struct log base;
    struct log_nats_options options; /* cluster is the copy below */
    char *cluster;                   /* NULL: all */
    char path[LOCAL_PATH_SIZE];
    char readers[LOCAL_PATH_SIZE];     /* directory of the sockets */
    char socket_path[LOCAL_PATH_SIZE]; /* ours */
    int epoll;                         /* log_fd(): readable when one of these three is */
    int more;                          /* an eventfd: log_take() has something for certain */
    int timer;
    int socket;     /* -1: not bound yet */
    int file;       /* -1: not opened yet */
    bool broken;    /* it is damaged, or lost; told, and nothing more is read */
    bool lost;      /* LOG_LOST was told, and nothing more is written */
    bool down_told; /* LOG_DOWN stands */
    bool caught_up;
    bool ended;
    uint64_t checked_mono_ms; /* when the file was last looked at */
    uint64_t offset;          /* of the next record to be read; 0: none was read */
    uint64_t last_seq;
    struct log_queue *inbound;  /* notices that are no records */
    struct log_queue *outbound; /* appends; text is the message id, stored_us when, in ms */
    uint64_t tail_offset;       /* the file's end, and the last record's number, as last seen */
    uint64_t tail_seq;
    uint64_t ids[LOCAL_ID_COUNT]; /* hashes of the message ids that were appended */
    size_t id_next;
    char subject[SUBJECT_SIZE];
    uint8_t bytes[LOG_RECORD_BYTES_MAX];
    uint8_t datagram[SUBJECT_SIZE + EVENT_BYTES_MAX];
};

/* log_local.c */
/* LOG_DOWN, once until log_local_up(). */
void log_local_down(struct log_local *log, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* log_local_write.c */
/* Writes the magic if the file is new. False when it is not there yet. */
bool log_local_begin_file(const struct log_local *log);
/* Appends what waits, if the lock is free. */
void log_local_flush(struct log_local *log);
/* To every reader's socket; false when there is no way to. */
bool log_local_send(const struct log_local *log, const uint8_t *data, size_t size);

#endif
