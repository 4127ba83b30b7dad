/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_record.h - one stored record as bytes, in a captured file and in the log of one machine.
 *
 * Little-endian: u32 size of what follows, u64 seq, u64 stored_us, u16 subject length, subject,
 * payload, and u32 CRC-32 over all of these. A file of them begins with LOG_RECORD_MAGIC.
 */
#ifndef PGBATON_LOG_RECORD_H
#define PGBATON_LOG_RECORD_H

#include "log.h"

#define LOG_RECORD_MAGIC "PGBATON1"
#define LOG_RECORD_MAGIC_BYTES 8
#define LOG_RECORD_SIZE_BYTES 4
#define LOG_RECORD_HEAD_BYTES 22 /* size, seq, stored_us, subject length */
#define LOG_RECORD_CRC_BYTES 4
#define LOG_RECORD_BYTES_MAX                                                                       \
    (LOG_RECORD_HEAD_BYTES + SUBJECT_SIZE + RECORD_BYTES_MAX + LOG_RECORD_CRC_BYTES)

enum log_record_found {
    LOG_RECORD_WHOLE = 0,
    LOG_RECORD_CUT,    /* the bytes end inside the record */
    LOG_RECORD_DAMAGED /* they are no record, and nothing behind them can be found */
};

/* A record's size and sequence number, from the first 12 of its bytes. */
uint64_t log_record_seq(const uint8_t *bytes);
/* With its size's own bytes; 0 when no record has such a size. */
size_t log_record_size(const uint8_t *bytes);

/* Its bytes to ret_bytes (LOG_RECORD_BYTES_MAX); 0 when the subject or the payload is too large. */
size_t log_record_encode(const struct log_notice *record, uint8_t *ret_bytes);
/* The record at the start of bytes, of which there are so many, as LOG_RECORD: its data stays in
 * them, its subject goes to ret_subject. */
enum log_record_found log_record_decode(const uint8_t *bytes, size_t size,
                                        char ret_subject[SUBJECT_SIZE],
                                        struct log_notice *ret_record);

#endif
