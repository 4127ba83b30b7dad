/* SPDX-License-Identifier: PostgreSQL */
/*
 * logical_file.h - the file in which PostgreSQL keeps a replication slot, copied from the leader.
 *
 * Its bytes are PostgreSQL's own, with a checksum that it looks at when it starts; nothing here
 * knows what is in them.
 */
#ifndef PGBATON_AGENT_LOGICAL_FILE_H
#define PGBATON_AGENT_LOGICAL_FILE_H

#include "../proto/result.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes from hexadecimal digits; how many, or 0 when it is NULL, odd, no such digits, or too long.
 */
size_t logical_file_parse(const char *hex, uint8_t *ret_bytes, size_t capacity);
/* Writes pg_replslot/NAME/state, durably and as a whole, in place of what is there. PostgreSQL must
 * not know the slot: it reads the file when it starts. Waits for the disk. */
MUST_USE enum result logical_file_write(const char *data_directory, const char *name,
                                        const uint8_t *bytes, size_t size,
                                        struct failure *reterr_failure);

#endif
