/* SPDX-License-Identifier: PostgreSQL */
#include "guard_run.h"

#include <stddef.h>
#include <string.h>

static const char *const mode_names[] = {
        [GUARD_WATCHDOG_OFF] = "off",
        [GUARD_WATCHDOG_AUTOMATIC] = "automatic",
        [GUARD_WATCHDOG_REQUIRED] = "required",
};
_Static_assert(sizeof mode_names / sizeof mode_names[0] == GUARD_WATCHDOG_MODE_COUNT,
               "a name for each mode");

const char *guard_watchdog_mode_name(enum guard_watchdog_mode mode)
{
    return mode_names[mode];
}

bool guard_watchdog_mode_parse(const char *text, enum guard_watchdog_mode *ret_mode)
{
    for (size_t i = 0; i < GUARD_WATCHDOG_MODE_COUNT; i++) {
        if (strcmp(mode_names[i], text) == 0) {
            *ret_mode = (enum guard_watchdog_mode)i;
            return true;
        }
    }
    return false;
}
