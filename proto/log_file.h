/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_file.h - writing a captured range of the log; log_file_create() in log.h reads one.
 *
 * The format is log_record.h's. A file that ends inside a record is reported as cut; everything
 * before that is read. A note may stand ahead of the first record: what a reader has to know of the
 * file. It is a record with sequence 0 on a subject of its own.
 */
#ifndef PGBATON_LOG_FILE_H
#define PGBATON_LOG_FILE_H

#include "log.h"

#define LOG_FILE_NOTE_SUBJECT "pgbaton-note"
#define LOG_FILE_NOTE_BYTES_MAX 1024

struct log_file_writer;

/* Creates path (fails if it exists, unless path is "-": standard output). */
MUST_USE enum result log_file_writer_create(const char *path, struct log_file_writer **ret_writer,
                                            struct failure *reterr_failure);
/* Before the first record; at most LOG_FILE_NOTE_BYTES_MAX of text. */
MUST_USE enum result log_file_write_note(struct log_file_writer *writer, const char *text,
                                         struct failure *reterr_failure);
MUST_USE enum result log_file_write(struct log_file_writer *writer, const struct log_notice *record,
                                    struct failure *reterr_failure);
/* Flushes, syncs and closes; the file counts only if this succeeds. Accepts NULL. */
MUST_USE enum result log_file_writer_finish(struct log_file_writer *writer,
                                            struct failure *reterr_failure);
/* The note of a captured file that is read; NULL: it has none, or the log is no file. */
const char *log_file_note(const struct log *log);

#endif
