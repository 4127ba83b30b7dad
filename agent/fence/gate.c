/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "access/xlog.h"
#include "libpq/auth.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "gate.h"
#include "seal.h"
#include "shared.h"
#include "voter.h"

/* A client waits so long, then it is sent away: it may know another server. */
#define WAIT_MS 2000
#define PAUSE_MS 5

static ClientAuthentication_hook_type next_authentication;

static bool is_let_through(const Port *port)
{
    static const char *const names[] = {"pgbaton", "pg_rewind"};
    bool known = false;
    for (size_t i = 0; i < lengthof(names); i++) {
        known = known ||
                (port->application_name != NULL && strcmp(port->application_name, names[i]) == 0);
    }
    return known || (am_walsender && !am_db_walsender);
}

/* What the standbys confirmed together, as commits see it. */
static XLogRecPtr confirmed(void)
{
    LWLockAcquire(SyncRepLock, LW_SHARED);
    XLogRecPtr lsn = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH];
    LWLockRelease(SyncRepLock);
    return lsn;
}

static bool may_open(void)
{
    uint64 none = 0;
    if (RecoveryInProgress() || pg_atomic_read_u32(&fence_shared->gate_open) != 0) {
        return true;
    }
    if (seal_nobody_is_waited_for()) {
        pg_atomic_write_u32(&fence_shared->gate_open, 1);
        return true;
    }
    (void)pg_atomic_compare_exchange_u64(&fence_shared->gate_end, &none, GetFlushRecPtr(NULL));
    if (confirmed() < pg_atomic_read_u64(&fence_shared->gate_end)) {
        return false;
    }
    pg_atomic_write_u32(&fence_shared->gate_open, 1);
    return true;
}

static void refuse(void)
{
    ereport(FATAL,
            (errcode(ERRCODE_CANNOT_CONNECT_NOW),
             errmsg("the database system is not yet accepting connections"),
             errdetail("This primary has just begun, and the standbys that commits wait for do "
                       "not have all that it has: what it would show may yet be lost."),
             errhint("It waits for synchronous_standby_names. To look all the same, connect with "
                     "application_name=pgbaton.")));
}

static void wait_for_gate(void)
{
    for (int waited_ms = 0; !may_open(); waited_ms += PAUSE_MS) {
        if (waited_ms >= WAIT_MS) {
            refuse();
        }
        (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, PAUSE_MS,
                        PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
}

static void on_authentication(Port *port, int status)
{
    if (next_authentication != NULL) {
        next_authentication(port, status);
    }
    if (status == STATUS_OK) {
        voter_refuse_stranger(port);
    }
    if (status == STATUS_OK && fence_shared != NULL && IsUnderPostmaster && !is_let_through(port)) {
        wait_for_gate();
    }
}

void gate_install(void)
{
    next_authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = on_authentication;
}
