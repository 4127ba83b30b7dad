/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "replication/syncrep.h"
#include "replication/walreceiver.h"
#include "replication/walsender_private.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/guc.h"

#include "seal.h"

#include <limits.h>

/* What the startup process has read. */
struct seal {
    pg_atomic_uint32 seen;
};

static struct seal *shared;
static int seal;          /* pgbaton_fence.seal */
static char *sealed_text; /* of the settings that only show something */
static char *synchronous_text;
static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;

/* The startup process reads all settings of a reload before it looks at its upstream again. The
 * postmaster's own first reading is the startup process's, which it forks later. */
static void on_seal(int value, void *extra)
{
    if (shared != NULL && MyBackendType == B_STARTUP) {
        pg_atomic_write_u32(&shared->seen, (uint32)value);
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
    uint32 seen = shared != NULL ? pg_atomic_read_u32(&shared->seen) : 0;
    snprintf(shown, sizeof shown, "%u", seen != 0 && receiver_is_gone() ? seen : 0);
    return shown;
}

static bool commits_wait(void)
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
    return !commits_wait() && !named;
}

static const char *show_synchronous(void)
{
    return shared != NULL && commits_wait() ? "on" : "off";
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

static void on_request(void)
{
    if (next_request != NULL) {
        next_request();
    }
    RequestAddinShmemSpace(sizeof *shared);
}

static void on_startup(void)
{
    bool found = false;
    if (next_startup != NULL) {
        next_startup();
    }
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    shared = ShmemInitStruct("pgbaton_fence", sizeof *shared, &found);
    if (!found) {
        pg_atomic_init_u32(&shared->seen, (uint32)seal);
    }
    LWLockRelease(AddinShmemInitLock);
}

void seal_install(void)
{
    next_request = shmem_request_hook;
    shmem_request_hook = on_request;
    next_startup = shmem_startup_hook;
    shmem_startup_hook = on_startup;
}
