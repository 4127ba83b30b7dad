/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "libpq/libpq-be.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "utils/guc.h"

#include "voter.h"

#define SETTING "pgbaton_fence.standby"

static char *standby; /* only said, never asked for */

void voter_define(void)
{
    DefineCustomStringVariable(SETTING, "The node whose standby has made this connection.", NULL,
                               &standby, "", PGC_BACKEND, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

/* As the server understands synchronous_standby_names: without regard to case. */
static bool is_waited_for(const char *name)
{
    const char *member = SyncRepConfig != NULL ? SyncRepConfig->member_names : NULL;
    for (int i = 0; member != NULL && i < SyncRepConfig->nmembers; i++) {
        if (pg_strcasecmp(member, name) == 0) {
            return true;
        }
        member += strlen(member) + 1;
    }
    return false;
}

/* The options are not settings yet. */
static bool says_so(const Port *port, const char *name)
{
    char *said = psprintf("-c " SETTING "=%s", name);
    bool so = port->cmdline_options != NULL && strcmp(port->cmdline_options, said) == 0;
    pfree(said);
    return so;
}

void voter_refuse_stranger(const Port *port)
{
    const char *name = port->application_name;
    if (!am_walsender || name == NULL || !is_waited_for(name) || says_so(port, name)) {
        return;
    }
    ereport(FATAL,
            (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
             errmsg("application name \"%s\" is that of a standby that commits wait for", name),
             errdetail("This connection was not made by that node's PostgreSQL as its agent "
                       "configures it."),
             errhint("Let what replicates beside pgbaton bear another application_name.")));
}
