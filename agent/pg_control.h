/* SPDX-License-Identifier: PostgreSQL */
/*
 * pg_control.h - reads global/pg_control of PostgreSQL 13 to 17 (control version 1300), no server
 * needed.
 *
 * The layout is ControlFileData of src/include/catalog/pg_control.h, which these versions share, as
 * 64-bit little-endian machines store it. Pure, but for pg_control_read().
 */
#ifndef PGBATON_AGENT_PG_CONTROL_H
#define PGBATON_AGENT_PG_CONTROL_H

#include "../proto/event.h"
#include "../proto/result.h"
#include "pg_needs.h"

/* DBState of the same header. */
enum pg_control_state {
    PG_CONTROL_STARTUP = 0,
    PG_CONTROL_SHUT_DOWN,
    PG_CONTROL_SHUT_DOWN_IN_RECOVERY,
    PG_CONTROL_SHUTTING_DOWN,
    PG_CONTROL_IN_CRASH_RECOVERY,
    PG_CONTROL_IN_ARCHIVE_RECOVERY,
    PG_CONTROL_IN_PRODUCTION,
    PG_CONTROL_STATE_COUNT
};

struct pg_control {
    uint64_t system_id;
    enum pg_control_state state;
    struct position checkpoint; /* where the last checkpoint's record begins, and its timeline */
    struct position checkpoint_end;   /* where that record ends */
    struct position minimum_recovery; /* lsn 0: not in archive recovery */
    uint32_t wal_segment_bytes;
    bool checksums;
    bool wal_log_hints;
    struct pg_needs needs;
};

/* Parses the file's bytes; at least 296 are needed. Refuses what is of another version or machine,
 * and what its CRC-32C contradicts. *ret_control is zeroed on failure. */
MUST_USE enum result pg_control_parse(const uint8_t *data, size_t size,
                                      struct pg_control *ret_control,
                                      struct failure *reterr_failure);
/* Reads DIR/global/pg_control. A server may be writing it: a wrong CRC is looked at again, for 10
 * ms at most. RESULT_NOT_FOUND, RESULT_REFUSED (permissions) and RESULT_UNAVAILABLE (I/O) are told
 * apart. */
MUST_USE enum result pg_control_read(const char *directory, struct pg_control *ret_control,
                                     struct failure *reterr_failure);
/* CRC-32C (Castagnoli), as PostgreSQL stores it. */
uint32_t crc32c(const uint8_t *data, size_t size);

#endif
