/* SPDX-License-Identifier: PostgreSQL */
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_standard(const struct out_file *out)
{
    return strcmp(out->path, "-") == 0;
}

enum result out_file_begin(struct out_file *out, const char *path, struct failure *reterr_failure)
{
    out->path = path;
    const int length = snprintf(out->part, sizeof out->part, "%s.part-%d", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof out->part) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: the path is too long", path);
    }
    if (is_standard(out)) {
        return log_file_writer_create(path, &out->writer, reterr_failure);
    }
    if (access(path, F_OK) == 0) {
        return failure_set(reterr_failure, RESULT_REFUSED, "create %s: it exists", path);
    }
    return log_file_writer_create(out->part, &out->writer, reterr_failure);
}

/* Not every file system can refuse to replace; there the look before has to do. */
enum result out_file_place(const char *part, const char *path, struct failure *reterr_failure)
{
    int code = renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE);
    if (code != 0 && (errno == EINVAL || errno == ENOSYS) && access(path, F_OK) != 0) {
        code = rename(part, path);
    }
    return code == 0 ? RESULT_OK : failure_errno(reterr_failure, errno, "create %s", path);
}

enum result out_file_finish(struct out_file *out, struct failure *reterr_failure)
{
    enum result result = log_file_writer_finish(out->writer, reterr_failure);
    out->writer = NULL;
    if (is_standard(out)) {
        return result;
    }
    if (result == RESULT_OK) {
        result = out_file_place(out->part, out->path, reterr_failure);
    }
    if (result != RESULT_OK) {
        (void)unlink(out->part);
    }
    return result;
}

void out_file_abandon(struct out_file *out)
{
    struct failure failure = {0};
    if (out->writer == NULL) {
        return;
    }
    (void)!log_file_writer_finish(out->writer, &failure);
    out->writer = NULL;
    if (!is_standard(out)) {
        (void)unlink(out->part);
    }
}
