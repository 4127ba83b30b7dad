/* SPDX-License-Identifier: PostgreSQL */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Nothing of it is lost by a power cut after the rename. */
static enum result fill(FILE *file, bool (*draw)(FILE *file, const json_t *model),
                        const json_t *model, const char *path, struct failure *reterr_failure)
{
    errno = 0;
    bool good = draw(file, model) && fflush(file) == 0 && ferror(file) == 0;
    good = good && fsync(fileno(file)) == 0;
    int error = errno != 0 ? errno : EIO;
    if (fclose(file) != 0 && good) {
        error = errno;
        good = false;
    }
    return good ? RESULT_OK : failure_errno(reterr_failure, error, "write %s", path);
}

static FILE *create_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (fd >= 0 && file == NULL) {
        (void)close(fd);
        (void)unlink(path);
    }
    return file;
}

enum result report_write(const char *path, bool (*draw)(FILE *file, const json_t *model),
                         const json_t *model, struct failure *reterr_failure)
{
    char temporary[PATH_MAX];
    const int length = snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return failure_errno(reterr_failure, ENAMETOOLONG, "create %s", path);
    }
    FILE *file = create_file(temporary);
    if (file == NULL) {
        return failure_errno(reterr_failure, errno, "create %s", path);
    }
    enum result result = fill(file, draw, model, path, reterr_failure);
    if (result == RESULT_OK && rename(temporary, path) != 0) {
        result = failure_errno(reterr_failure, errno, "write %s", path);
    }
    if (result != RESULT_OK) {
        (void)unlink(temporary);
    }
    return result;
}
