/* SPDX-License-Identifier: PostgreSQL */
#include "pg_control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Offsets in ControlFileData and in the CheckPoint that it holds (src/include/catalog/pg_control.h,
 * PG_CONTROL_VERSION 1300: PostgreSQL 13 to 17), on a 64-bit machine. */
enum {
    AT_SYSTEM_ID = 0,
    AT_VERSION = 8,
    AT_STATE = 16,
    AT_CHECKPOINT = 32,
    AT_CHECKPOINT_TIMELINE = 40 + 8, /* checkPointCopy.ThisTimeLineID */
    AT_MINIMUM_RECOVERY = 136,
    AT_MINIMUM_RECOVERY_TIMELINE = 144,
    AT_WAL_LOG_HINTS = 176,
    AT_NEEDS = 180, /* MaxConnections and four more, each an int */
    AT_FLOAT_FORMAT = 208,
    AT_WAL_BLOCK_BYTES = 224,
    AT_WAL_SEGMENT_BYTES = 228,
    AT_CHECKSUM_VERSION = 252,
    AT_CRC = 288,
    CONTROL_BYTES = 292
};

#define CONTROL_VERSION 1300U
/* A checkpoint's record: header (24), short data header (2), struct CheckPoint (88), aligned to 8
 * (src/include/access/xlogrecord.h). */
#define CHECKPOINT_RECORD_BYTES 120U
/* Headers of WAL pages: every page's, and that of a segment's first
 * (src/include/access/xlog_internal.h). */
#define PAGE_HEADER_BYTES 24U
#define SEGMENT_HEADER_BYTES 40U
#define RETRY_COUNT 10

uint32_t crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
        }
    }
    return ~crc;
}

static uint32_t u32_at(const uint8_t *data, size_t at)
{
    return (uint32_t)data[at] | (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16 |
           (uint32_t)data[at + 3] << 24;
}

static uint64_t u64_at(const uint8_t *data, size_t at)
{
    return (uint64_t)u32_at(data, at) | (uint64_t)u32_at(data, at + 4) << 32;
}

/* A record that crosses into the next page goes on behind that page's header. */
static uint64_t record_end(uint64_t lsn, uint32_t page_bytes, uint32_t segment_bytes)
{
    uint64_t rest = page_bytes - lsn % page_bytes;
    if (lsn == 0 || rest >= CHECKPOINT_RECORD_BYTES) {
        return lsn == 0 ? 0 : lsn + CHECKPOINT_RECORD_BYTES;
    }
    uint64_t page = lsn + rest;
    uint64_t header = page % segment_bytes == 0 ? SEGMENT_HEADER_BYTES : PAGE_HEADER_BYTES;
    return page + header + (CHECKPOINT_RECORD_BYTES - rest);
}

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static enum result check(const uint8_t *data, size_t size, struct failure *reterr_failure)
{
    if (size < CONTROL_BYTES) {
        return failure_set(reterr_failure, RESULT_FAILED, "pg_control: only %zu bytes", size);
    }
    if (u32_at(data, AT_VERSION) != CONTROL_VERSION) {
        failure_set(reterr_failure, RESULT_INVALID, "pg_control: version %u is not supported",
                    u32_at(data, AT_VERSION));
        return failure_hint(reterr_failure, "pgbaton manages PostgreSQL 13 to 17");
    }
    if (crc32c(data, AT_CRC) != u32_at(data, AT_CRC)) {
        return failure_set(reterr_failure, RESULT_FAILED, "pg_control: its CRC is wrong");
    }
    if (u32_at(data, AT_STATE) >= PG_CONTROL_STATE_COUNT ||
        !is_power_of_two(u32_at(data, AT_WAL_BLOCK_BYTES)) ||
        !is_power_of_two(u32_at(data, AT_WAL_SEGMENT_BYTES))) {
        return failure_set(reterr_failure, RESULT_FAILED, "pg_control: impossible values");
    }
    return RESULT_OK;
}

enum result pg_control_parse(const uint8_t *data, size_t size, struct pg_control *ret_control,
                             struct failure *reterr_failure)
{
    *ret_control = (struct pg_control){0};
    enum result result = check(data, size, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    uint32_t segment_bytes = u32_at(data, AT_WAL_SEGMENT_BYTES);
    uint32_t timeline = u32_at(data, AT_CHECKPOINT_TIMELINE);
    uint64_t checkpoint = u64_at(data, AT_CHECKPOINT);
    uint64_t end = record_end(checkpoint, u32_at(data, AT_WAL_BLOCK_BYTES), segment_bytes);
    *ret_control = (struct pg_control){
            .system_id = u64_at(data, AT_SYSTEM_ID),
            .state = (enum pg_control_state)u32_at(data, AT_STATE),
            .checkpoint = {.timeline = timeline, .lsn = checkpoint},
            .checkpoint_end = {.timeline = timeline, .lsn = end},
            .minimum_recovery = {.timeline = u32_at(data, AT_MINIMUM_RECOVERY_TIMELINE),
                                 .lsn = u64_at(data, AT_MINIMUM_RECOVERY)},
            .wal_segment_bytes = segment_bytes,
            .checksums = u32_at(data, AT_CHECKSUM_VERSION) != 0,
            .wal_log_hints = data[AT_WAL_LOG_HINTS] != 0};
    for (size_t i = 0; i < PG_NEED_COUNT; i++) {
        ret_control->needs.values[i] = u32_at(data, AT_NEEDS + 4 * i);
    }
    return RESULT_OK;
}

static enum result open_failure(int error, struct failure *reterr_failure)
{
    enum result code = RESULT_UNAVAILABLE;
    if (error == ENOENT || error == ENOTDIR) {
        code = RESULT_NOT_FOUND;
    } else if (error == EACCES || error == EPERM) {
        code = RESULT_REFUSED;
    }
    return failure_set(reterr_failure, code, "global/pg_control: %s", strerror(error));
}

static enum result read_once(const char *path, struct pg_control *ret_control,
                             struct failure *reterr_failure)
{
    uint8_t data[CONTROL_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return open_failure(errno, reterr_failure);
    }
    ssize_t size = read(fd, data, sizeof data);
    int error = errno;
    close(fd);
    if (size < 0) {
        return open_failure(error, reterr_failure);
    }
    return pg_control_parse(data, (size_t)size, ret_control, reterr_failure);
}

enum result pg_control_read(const char *directory, struct pg_control *ret_control,
                            struct failure *reterr_failure)
{
    char path[PATH_MAX];
    enum result result = RESULT_FAILED;
    *ret_control = (struct pg_control){0};
    snprintf(path, sizeof path, "%s/global/pg_control", directory);
    for (int i = 0; i < RETRY_COUNT && result == RESULT_FAILED; i++) {
        if (i > 0) {
            poll(NULL, 0, 1);
        }
        result = read_once(path, ret_control, reterr_failure);
    }
    return result;
}
