/* SPDX-License-Identifier: PostgreSQL */
#include "pg_settings_needs.h"

#include "pg_control.h"
#include "pg_settings_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUE_BYTES 64

/* What PostgreSQL 13 to 17 have without being told. */
static const struct {
    const char *name;
    uint32_t otherwise;
} needs_table[] = {
        [PG_NEED_CONNECTIONS] = {"max_connections", 100},
        [PG_NEED_WORKER_PROCESSES] = {"max_worker_processes", 8},
        [PG_NEED_WAL_SENDERS] = {"max_wal_senders", 10},
        [PG_NEED_PREPARED_TRANSACTIONS] = {"max_prepared_transactions", 0},
        [PG_NEED_LOCKS_PER_TRANSACTION] = {"max_locks_per_transaction", 64},
};
_Static_assert(sizeof needs_table / sizeof needs_table[0] == PG_NEED_COUNT, "a row for each");

const char *pg_settings_need_name(enum pg_need need)
{
    return needs_table[need].name;
}

/* What is no plain number counts as nothing: what is demanded then stands in its place. */
static uint32_t number_of(const char *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(value, &end, 10);
    return errno == 0 && *end == '\0' && number <= INT_MAX ? (uint32_t)number : 0;
}

static void path_of(const struct pg_settings *settings, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", settings->data_directory, name);
}

static uint32_t wanted_number(const struct pg_settings *settings, enum pg_need need,
                              const char *value)
{
    char path[PATH_MAX];
    char text[VALUE_BYTES];
    if (value != NULL) {
        return number_of(value);
    }
    path_of(settings, "postgresql.conf", path);
    bool said = settings_file_get(path, needs_table[need].name, text, sizeof text);
    return said ? number_of(text) : needs_table[need].otherwise;
}

/* Of a running primary nothing is demanded; a copy's pg_control may say that it is one, and it is
 * not. */
static struct pg_needs demands_of(const struct pg_settings *settings, bool runs)
{
    struct pg_control control;
    struct failure failure;
    bool known = pg_control_read(settings->data_directory, &control, &failure) == RESULT_OK;
    bool demands = known && !(runs && control.state == PG_CONTROL_IN_PRODUCTION);
    return demands ? control.needs : (struct pg_needs){{0}};
}

struct pg_needs pg_settings_needs(const struct pg_settings *settings, bool runs,
                                  pg_settings_wanted_fn wanted)
{
    struct pg_needs needs = {{0}};
    const struct pg_needs demands = demands_of(settings, runs);
    for (unsigned i = 0; i < PG_NEED_COUNT; i++) {
        enum pg_need need = (enum pg_need)i;
        uint32_t number = wanted_number(settings, need, wanted(settings, needs_table[i].name));
        needs.values[i] = demands.values[i] > number ? demands.values[i] : 0;
    }
    return needs;
}

enum result pg_settings_needs_write_auto(const struct pg_settings *settings,
                                         struct failure *reterr_failure)
{
    const struct pg_needs demands = demands_of(settings, false);
    enum result result = RESULT_OK;
    char path[PATH_MAX];
    path_of(settings, "postgresql.auto.conf", path);
    for (unsigned i = 0; result == RESULT_OK && i < PG_NEED_COUNT; i++) {
        char text[VALUE_BYTES];
        char line[2 * VALUE_BYTES];
        bool said = settings_file_get(path, needs_table[i].name, text, sizeof text);
        if (said && number_of(text) < demands.values[i]) {
            snprintf(line, sizeof line, "%s = '%u'\n", needs_table[i].name,
                     (unsigned)demands.values[i]);
            result = settings_file_set(path, needs_table[i].name, line, reterr_failure);
        }
    }
    return result;
}
