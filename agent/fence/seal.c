/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walreceiver.h"
#include "replication/walsender_private.h"
#include "utils/guc.h"

#include "seal.h"
#include "shared.h"

#include <limits.h>

static int seal;          /* pgbaton_fence.seal */
static char *sealed_text; /* of the settings that only show something */
static char *synchronous_text;

/* The startup process reads all settings of a reload before it looks at its upstream again. The
 * postmaster's own first reading is the startup process's, which it forks later. */
static void on_seal(int value, void *extra)
{
    if (fence_shared != NULL && MyBackendType == B_STARTUP) {
        pg_atomic_write_u32(&fence_shared->seal_seen, (uint32)value);
    }
}

static bool receiver_is_gone(void)
{
    WalRcvState state;
    SpinLockAcquire(&WalRcv->mutex);
    state = WalRcv->walRcvState;
    SpinLockRelease(&WalRcv->mutex);
    return state == WALRCV_STOPPED;
}

static const char *show_sealed(void)
{
    static char shown[16];
    uint32 seen = fence_shared != NULL ? pg_atomic_read_u32(&fence_shared->seal_seen) : 0;
    snprintf(shown, sizeof shown, "%u", seen != 0 && receiver_is_gone() ? seen : 0);
    return shown;
}

bool seal_commits_wait(void)
{
#ifdef SYNC_STANDBY_DEFINED
    return (WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0;
#else
    return WalSndCtl->sync_standbys_defined;
#endif
}

bool seal_nobody_is_waited_for(void)
{
    bool named = SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0';
#ifdef SYNC_STANDBY_INIT
    named = named && (WalSndCtl->sync_standbys_status & SYNC_STANDBY_INIT) == 0;
#endif
    return !seal_commits_wait() && !named;
}

static const char *show_synchronous(void)
{
    return fence_shared != NULL && seal_commits_wait() ? "on" : "off";
}

void seal_define(void)
{
    DefineCustomIntVariable("pgbaton_fence.seal",
                            "The term whose leader this standby turns away from.", NULL, &seal, 0,
                            0, INT_MAX, PGC_SIGHUP, 0, NULL, on_seal, NULL);
    DefineCustomStringVariable(
            "pgbaton_fence.sealed", "The term whose leader this standby has turned away from.",
            NULL, &sealed_text, "0", PGC_INTERNAL, GUC_DISALLOW_IN_FILE, NULL, NULL, show_sealed);
    DefineCustomStringVariable("pgbaton_fence.synchronous",
                               "on: commits wait for synchronous_standby_names.", NULL,
                               &synchronous_text, "off", PGC_INTERNAL, GUC_DISALLOW_IN_FILE, NULL,
                               NULL, show_synchronous);
}

uint32_t seal_setting(void)
{
    return (uint32_t)seal;
}
