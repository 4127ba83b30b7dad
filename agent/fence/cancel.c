/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "cancel.h"
#include "seal.h"

/* The end of a PREPARE's record is not told. It is known to be confirmed when everything is. */
#define POLL_US 1000
#define POLL_COUNT 1000

static bool waits;       /* commits waited for standbys when this one began */
static bool unconfirmed; /* what was committed last, and has not been answered */

/* What the session waits for; SYNC_REP_NO_WAIT: nothing. */
static int wait_mode(void)
{
    switch (synchronous_commit) {
    case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
        return SYNC_REP_WAIT_WRITE;
    case SYNCHRONOUS_COMMIT_REMOTE_FLUSH:
        return SYNC_REP_WAIT_FLUSH;
    case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
        return SYNC_REP_WAIT_APPLY;
    default:
        return SYNC_REP_NO_WAIT;
    }
}

/* What commits while the first standbys are named need not wait: an election relies on them only
 * when they have it. */
void cancel_note_begin(void)
{
    waits = seal_commits_wait();
}

/* True when nobody is to be waited for, or the standbys have it. Who is let go because nobody is
 * waited for any more wakes up before that is written, under this lock. */
static bool is_confirmed(XLogRecPtr end, int mode)
{
    if (!waits || !SyncRepRequested() || mode == SYNC_REP_NO_WAIT) {
        return true;
    }
    LWLockAcquire(SyncRepLock, LW_SHARED);
    bool confirmed = !seal_commits_wait() || end <= WalSndCtl->lsn[mode];
    LWLockRelease(SyncRepLock);
    return confirmed;
}

/* Without an id of its own a transaction waits for nobody. */
void cancel_note_commit(void)
{
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
        !is_confirmed(XactLastCommitEnd, wait_mode())) {
        unconfirmed = true;
    }
}

void cancel_note_prepare(void)
{
    int mode = Min(wait_mode(), SYNC_REP_WAIT_FLUSH);
    XLogRecPtr end = GetXLogInsertRecPtr();
    bool begun = is_confirmed(ProcLastRecPtr + 1, mode);
    for (int i = 0; begun && !is_confirmed(end, mode) && i < POLL_COUNT; i++) {
        pg_usleep(POLL_US);
    }
    if (!is_confirmed(end, mode)) {
        unconfirmed = true;
    }
}

void cancel_note_commit_prepared(void)
{
    if (!is_confirmed(XactLastRecEnd, wait_mode())) {
        unconfirmed = true;
    }
}

/* In the middle of a commit PostgreSQL cannot be left; what is sent then is no answer to it. */
void cancel_end_session(void)
{
    bool between = IsTransactionOrTransactionBlock() && !IsTransactionState();
    if (!unconfirmed || between) {
        return;
    }
    unconfirmed = false;
    ereport(FATAL,
            (errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
             errmsg("the wait for synchronous replication was canceled: whether the transaction "
                    "stays committed is not known"),
             errdetail("It is committed on this node, but the standbys that commits wait for have "
                       "not confirmed it: a failover may lose it."),
             errhint("Connect again and look whether it is there.")));
}
