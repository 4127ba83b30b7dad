/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_file.h - writing a captured range of the log; log_file_create() in log.h reads one.
 *
 * The format is log_record.h's. A file that ends inside a record is reported as cut; everything
 * before that is read.
 */
#ifndef PGBATON_LOG_FILE_H
#define PGBATON_LOG_FILE_H

#include "log.h"

struct log_file_writer;

/* Creates path (fails if it exists, unless path is "-": standard output). */
MUST_USE enum result log_file_writer_create(const char *path, struct log_file_writer **ret_writer,
                                            struct failure *reterr_failure);
MUST_USE enum result log_file_write(struct log_file_writer *writer, const struct log_notice *record,
                                    struct failure *reterr_failure);
/* Flushes, syncs and closes; the file counts only if this succeeds. Accepts NULL. */
MUST_USE enum result log_file_writer_finish(struct log_file_writer *writer,
                                            struct failure *reterr_failure);

#endif
