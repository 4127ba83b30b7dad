/* SPDX-License-Identifier: PostgreSQL */
#include "severity.h"

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {
            [SEVERITY_DEBUG] = "DEBUG",
            [SEVERITY_INFO] = "INFO",
            [SEVERITY_WARNING] = "WARNING",
            [SEVERITY_ERROR] = "ERROR",
    };
    _Static_assert(sizeof names / sizeof names[0] == SEVERITY_COUNT, "a name per severity");
    return (unsigned)severity < SEVERITY_COUNT ? names[severity] : "?";
}
