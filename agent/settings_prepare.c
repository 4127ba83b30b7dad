/* SPDX-License-Identifier: PostgreSQL */
#include "settings.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum result settings_prepare(const struct settings *settings, struct failure *reterr_failure)
{
    const char *path = settings->state_directory;
    struct stat status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        failure_errno(reterr_failure, errno, "create the state directory %s", path);
        return failure_hint(reterr_failure, "create it for this user, with mode 0700");
    }
    if (stat(path, &status) != 0) {
        return failure_errno(reterr_failure, errno, "state directory %s", path);
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        failure_set(reterr_failure, RESULT_REFUSED,
                    "the state directory %s is not this user's alone", path);
        return failure_hint(reterr_failure, "chown it to this user and chmod it to 0700");
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        return failure_errno(reterr_failure, errno, "state directory %s", path);
    }
    return RESULT_OK;
}
