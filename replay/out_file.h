/* SPDX-License-Identifier: PostgreSQL */
/*
 * out_file.h - a captured log that is written beside its place, and put there when it is whole.
 */
#ifndef PGBATON_REPLAY_OUT_FILE_H
#define PGBATON_REPLAY_OUT_FILE_H

#include "../proto/log_file.h"

#define OUT_PATH_SIZE 4096

struct out_file {
    const char *path; /* "-": standard output */
    char part[OUT_PATH_SIZE];
    struct log_file_writer *writer;
};

/* Refuses a path where something is. */
MUST_USE enum result out_file_begin(struct out_file *out, const char *path,
                                    struct failure *reterr_failure);
/* Puts the file into its place; on failure nothing is left of it. */
MUST_USE enum result out_file_finish(struct out_file *out, struct failure *reterr_failure);
/* Gives it up: nothing is left. A zeroed or finished one is accepted. */
void out_file_abandon(struct out_file *out);
/* Renames a file or a folder, unless something is at the new path. */
MUST_USE enum result out_file_place(const char *part, const char *path,
                                    struct failure *reterr_failure);

#endif
