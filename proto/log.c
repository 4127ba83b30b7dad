/* SPDX-License-Identifier: PostgreSQL */
#include "log.h"

#include "log_impl.h"
#include "subject.h"

#include <string.h>
#include <time.h>

uint64_t log_mono_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool log_subject_is_of(const char *subject, const char *cluster)
{
    const size_t root = strlen(SUBJECT_ROOT ".");
    if (strncmp(subject, SUBJECT_ROOT ".", root) != 0) {
        return false;
    }
    if (cluster == NULL) {
        return true;
    }
    const size_t size = strlen(cluster);
    return strncmp(subject + root, cluster, size) == 0 && subject[root + size] == '.';
}

bool log_is_local(const char *servers)
{
    return strncmp(servers, LOG_LOCAL_SCHEME, strlen(LOG_LOCAL_SCHEME)) == 0;
}

enum result log_create(const struct log_nats_options *options, struct log **ret_log,
                       struct failure *reterr_failure)
{
    return log_is_local(options->servers) ? log_local_create(options, ret_log, reterr_failure)
                                          : log_nats_create(options, ret_log, reterr_failure);
}

void log_destroy(struct log *log)
{
    if (log != NULL) {
        log->operations->destroy(log);
    }
}

int log_fd(const struct log *log)
{
    return log->operations->fd(log);
}

struct log_notice log_take(struct log *log)
{
    return log->operations->take(log);
}

bool log_append(struct log *log, const char *subject, const uint8_t *data, size_t size,
                const char *message_id)
{
    const struct log_notice message = {.subject = subject, .data = data, .size = size};
    return log->operations->append(log, &message, message_id);
}

bool log_publish(struct log *log, const char *subject, const uint8_t *data, size_t size)
{
    const struct log_notice message = {.subject = subject, .data = data, .size = size};
    return log->operations->publish(log, &message);
}

bool log_trim(struct log *log, uint64_t keep_seq, uint64_t before_us)
{
    return log->operations->trim != NULL && log->operations->trim(log, keep_seq, before_us);
}

bool log_step_down(struct log *log)
{
    return log->operations->step_down != NULL && log->operations->step_down(log);
}

uint64_t log_progress_mono_ms(const struct log *log)
{
    return log->operations->progress_mono_ms(log);
}
