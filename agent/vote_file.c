/* SPDX-License-Identifier: PostgreSQL */
#include "vote_file.h"

#include "../proto/digest.h"
#include "pg_control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define VOTE_PATH_SIZE 1024
#define VOTE_TEXT_SIZE 1024

/* Everything but the checksum; returns the length. */
static size_t format_vote(const struct vote *vote, char text[VOTE_TEXT_SIZE])
{
    char grant[HASH_TEXT_SIZE];
    char anchor[HASH_TEXT_SIZE];
    hash_text(vote->grant_hash, grant);
    hash_text(vote->anchor_hash, anchor);
    int length = snprintf(
            text, VOTE_TEXT_SIZE,
            "pgbaton-vote 4 incarnation=%" PRIu64 " term=%" PRIu64 " grant_seq=%" PRIu64
            " grant_hash=%s given_up_term=%" PRIu64 " sealed_term=%" PRIu64 " held_term=%" PRIu64
            " system_id=%" PRIu64 " anchor_seq=%" PRIu64 " anchor_hash=%s anchor_ttl_ms=%" PRIu32
            " anchor_member_count=%" PRIu32 " anchor_timeline=%" PRIu32 " promised_ttl_ms=%" PRIu32,
            vote->incarnation, vote->term, vote->grant_seq, grant, vote->given_up_term,
            vote->sealed_term, vote->held_term, vote->system_id, vote->anchor_seq, anchor,
            vote->anchor_ttl_ms, vote->anchor_member_count, vote->anchor_timeline,
            vote->promised_ttl_ms);
    return length < 0 ? 0 : (size_t)length;
}

static uint32_t checksum(const char *text, size_t length)
{
    return crc32c((const uint8_t *)text, length);
}

/* A vote counts when writing it again gives the same text and the checksum that stands behind it.
 */
static bool parse_present(const char *text, struct vote *ret_vote)
{
    char grant[HASH_TEXT_SIZE];
    char anchor[HASH_TEXT_SIZE];
    char again[VOTE_TEXT_SIZE];
    uint32_t crc = 0;
    int count =
            sscanf(text,
                   "pgbaton-vote 4 incarnation=%" SCNu64 " term=%" SCNu64 " grant_seq=%" SCNu64
                   " grant_hash=%64[0-9a-f] given_up_term=%" SCNu64 " sealed_term=%" SCNu64
                   " held_term=%" SCNu64 " system_id=%" SCNu64 " anchor_seq=%" SCNu64
                   " anchor_hash=%64[0-9a-f] anchor_ttl_ms=%" SCNu32 " anchor_member_count=%" SCNu32
                   " anchor_timeline=%" SCNu32 " promised_ttl_ms=%" SCNu32 " crc=%" SCNx32,
                   &ret_vote->incarnation, &ret_vote->term, &ret_vote->grant_seq, grant,
                   &ret_vote->given_up_term, &ret_vote->sealed_term, &ret_vote->held_term,
                   &ret_vote->system_id, &ret_vote->anchor_seq, anchor, &ret_vote->anchor_ttl_ms,
                   &ret_vote->anchor_member_count, &ret_vote->anchor_timeline,
                   &ret_vote->promised_ttl_ms, &crc);
    if (count != 15 || !hash_parse(grant, ret_vote->grant_hash) ||
        !hash_parse(anchor, ret_vote->anchor_hash)) {
        return false;
    }
    size_t length = format_vote(ret_vote, again);
    return strncmp(text, again, length) == 0 && checksum(again, length) == crc;
}

/* As an earlier version has left it: without anchor. */
static bool parse_earlier(const char *text, struct vote *ret_vote)
{
    char grant[HASH_TEXT_SIZE];
    uint32_t crc = 0;
    const char *end = strstr(text, " crc=");
    memset(ret_vote, 0, sizeof(*ret_vote));
    int count =
            sscanf(text,
                   "pgbaton-vote 2 incarnation=%" SCNu64 " term=%" SCNu64 " grant_seq=%" SCNu64
                   " grant_hash=%64[0-9a-f] given_up_term=%" SCNu64 " sealed_term=%" SCNu64
                   " system_id=%" SCNu64 " crc=%" SCNx32,
                   &ret_vote->incarnation, &ret_vote->term, &ret_vote->grant_seq, grant,
                   &ret_vote->given_up_term, &ret_vote->sealed_term, &ret_vote->system_id, &crc);
    return count == 8 && end != NULL && hash_parse(grant, ret_vote->grant_hash) &&
           checksum(text, (size_t)(end - text)) == crc;
}

static bool parse_vote(const char *text, struct vote *ret_vote)
{
    return parse_present(text, ret_vote) || parse_earlier(text, ret_vote);
}

enum result vote_file_load(const char *directory, struct vote *ret_vote,
                           struct failure *reterr_failure)
{
    char path[VOTE_PATH_SIZE];
    char text[VOTE_TEXT_SIZE];
    memset(ret_vote, 0, sizeof(*ret_vote));
    snprintf(path, sizeof(path), "%s/vote", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return RESULT_OK;
    }
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        return failure_errno(reterr_failure, error, "read %s", path);
    }
    text[size] = '\0';
    if (!parse_vote(text, ret_vote)) {
        memset(ret_vote, 0, sizeof(*ret_vote));
        failure_set(reterr_failure, RESULT_INVALID, "%s is damaged", path);
        return failure_hint(
                reterr_failure,
                "it holds the highest term this node has seen; restore it, or remove it "
                "once the agents of the other nodes run and one of them leads");
    }
    return RESULT_OK;
}

static int write_synced(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    ssize_t written = write(fd, text, length);
    int error = 0;
    if (written != (ssize_t)length) {
        error = written < 0 ? errno : ENOSPC;
    } else if (fsync(fd) != 0) {
        error = errno;
    }
    return close(fd) != 0 && error == 0 ? errno : error;
}

static int replace_synced(int directory_fd, const char *directory, const char *text, size_t length)
{
    char path[VOTE_PATH_SIZE];
    char temporary[VOTE_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/vote", directory);
    snprintf(temporary, sizeof(temporary), "%s/vote.new", directory);
    int error = write_synced(temporary, text, length);
    if (error == 0 && (rename(temporary, path) != 0 || fsync(directory_fd) != 0)) {
        error = errno;
    }
    return error;
}

enum result vote_file_store(const char *directory, const struct vote *vote,
                            struct failure *reterr_failure)
{
    char text[VOTE_TEXT_SIZE];
    size_t length = format_vote(vote, text);
    uint32_t crc = checksum(text, length);
    length += (size_t)snprintf(text + length, sizeof(text) - length, " crc=%08" PRIx32 "\n", crc);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || flock(fd, LOCK_EX) != 0 ? errno : 0;
    if (error == 0) {
        error = replace_synced(fd, directory, text, length);
    }
    if (fd >= 0) {
        close(fd);
    }
    return error == 0 ? RESULT_OK
                      : failure_errno(reterr_failure, error, "write %s/vote", directory);
}
