/* SPDX-License-Identifier: PostgreSQL */
/*
 * fence.c - the commit fence: a PostgreSQL preload library that ends a primary's commits with its
 * lease, whatever runs beside it (DESIGN section 4, the third ring; I5).
 *
 * Past the deadline in the guard's page, in every process that is not in recovery:
 *
 *   - a commit, a prepare and a COMMIT PREPARED are refused before their record is written (error
 *     25006, read_only_sql_transaction: nothing happened);
 *   - a commit whose record was written while the deadline passed is not acknowledged: the process
 *     ends without an answer, and the client must look whether it happened. The last look at the
 *     clock comes right before the answer is handed to the kernel.
 *
 * Both hold for what only reads, too: a deposed primary's answers are stale. The guard kills soon
 * after; a process that is not even scheduled then finds the deadline passed when it is.
 *
 * Nor is a commit acknowledged whose wait for the standbys was cancelled (cancel.h).
 *
 * Sessions die with the postmaster by the kernel's hand, and the postmaster with its guard, so that
 * none of them commits on when these are killed.
 *
 * Without a guard (somebody started PostgreSQL by hand) a primary commits nothing unless
 * pgbaton_fence.maintenance is on. Standbys, single-user mode and initdb are never concerned.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/guc.h"

#include "../guard_page.h"
#include "cancel.h"
#include "gate.h"
#include "seal.h"
#include "shared.h"
#include "voter.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

PG_MODULE_MAGIC;

void _PG_init(void);

/* The status of a process that ended without answering; the postmaster takes it for a crash and
 * ends the others, too. */
#define EXIT_UNANSWERED 2

static const struct guard_page *page; /* NULL: no guard */
static bool maintenance;
static char *state_text;             /* pgbaton_fence.state */
static bool answer_is_owed;          /* a commit of this process has not been answered yet */
static const PQcommMethods *methods; /* PostgreSQL's own way to the client */
static bool dies_with_postmaster;
static ProcessUtility_hook_type next_utility;

/* True when nothing may be committed or acknowledged here any more. */
static bool is_closed(void)
{
    if (page == NULL ? maintenance : !guard_page_lease_is_over(page)) {
        return false;
    }
    return IsUnderPostmaster && !RecoveryInProgress();
}

static void refuse_unguarded(void)
{
    ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                    errmsg("cannot commit: this PostgreSQL runs without pgbaton's guard"),
                    errdetail("Another node of the cluster may be the primary. This transaction "
                              "was not committed."),
                    errhint("Let pgbaton-agent start it. For maintenance without pgbaton start it "
                            "with -c pgbaton_fence.maintenance=on.")));
}

/* The time is for people: how long the machine, or this process, stood still. */
static void refuse_expired(uint64_t deadline_ms)
{
    uint64_t late_ms = guard_page_now_ms() - deadline_ms;
    ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                    errmsg("cannot commit: the lease of this primary has ended"),
                    errdetail("It ended %llu ms ago; another node may be the primary by now. This "
                              "transaction was not committed.",
                              (unsigned long long)late_ms),
                    errhint("Connect again, with target_session_attrs=read-write.")));
}

static void refuse_unleased(void)
{
    ereport(ERROR,
            (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
             errmsg("cannot commit: this primary holds no lease"),
             errdetail("Another node of the cluster may lead. This transaction was not committed."),
             errhint("Connect again, with target_session_attrs=read-write.")));
}

static void refuse(void)
{
    uint64_t deadline_ms = page != NULL ? atomic_load(&page->lease_deadline_ms) : 0;
    if (page == NULL) {
        refuse_unguarded();
    } else if (deadline_ms == 0) {
        refuse_unleased();
    } else {
        refuse_expired(deadline_ms);
    }
}

/* The client learns nothing: neither that it was committed nor that it was not. */
static void withhold(void)
{
    whereToSendOutput = DestNone;
    ereport(LOG_SERVER_ONLY,
            (errmsg("the lease of this primary ended during a commit: it is not acknowledged")));
    _exit(EXIT_UNANSWERED);
}

static void withhold_if_closed(void)
{
    if (answer_is_owed && is_closed()) {
        withhold();
    }
}

/* A commit's record is written. */
static void owe_answer(void)
{
    answer_is_owed = true;
    withhold_if_closed();
}

/* PostgreSQL's own processes notice by themselves that the postmaster is dead; a busy session does
 * not. The first transaction of a session is the one that opens it, before the client's first word.
 */
static void die_with_postmaster(void)
{
    if (dies_with_postmaster || !IsUnderPostmaster) {
        return;
    }
    dies_with_postmaster = true;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != PostmasterPid) {
        _exit(EXIT_UNANSWERED); /* it is dead already: its death was not told */
    }
}

static void on_transaction(XactEvent event, void *argument)
{
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
        die_with_postmaster();
        if (is_closed()) {
            refuse();
        }
        cancel_note_begin();
        break;
    case XACT_EVENT_COMMIT:
        owe_answer();
        cancel_note_commit();
        break;
    case XACT_EVENT_PREPARE:
        owe_answer();
        cancel_note_prepare();
        break;
    case XACT_EVENT_PARALLEL_COMMIT:
        owe_answer();
        break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
        break;
    }
}

static bool commits_prepared(const PlannedStmt *statement)
{
    return IsA(statement->utilityStmt, TransactionStmt) &&
           ((TransactionStmt *)statement->utilityStmt)->kind == TRANS_STMT_COMMIT_PREPARED;
}

/* COMMIT PREPARED writes its record in the middle of a transaction of its own, whose refusal
 * afterwards would be a lie. */
static void on_utility(PlannedStmt *statement, const char *text, bool read_only,
                       ProcessUtilityContext context, ParamListInfo parameters,
                       QueryEnvironment *environment, DestReceiver *receiver,
                       QueryCompletion *completion)
{
    bool commits = commits_prepared(statement);
    if (commits && is_closed()) {
        refuse();
    }
    if (commits) {
        cancel_note_begin();
    }
    (next_utility != NULL ? next_utility : standard_ProcessUtility)(
            statement, text, read_only, context, parameters, environment, receiver, completion);
    if (commits) {
        owe_answer();
        cancel_note_commit_prepared();
    }
}

/* ---- the way to the client ---- */

static void way_reset(void)
{
    methods->comm_reset();
}

static int way_flush(void)
{
    withhold_if_closed();
    int result = methods->flush();
    answer_is_owed = false;
    return result;
}

static int way_flush_if_writable(void)
{
    withhold_if_closed();
    return methods->flush_if_writable();
}

static bool way_is_send_pending(void)
{
    return methods->is_send_pending();
}

/* A full buffer is sent from here. */
static int way_put(char type, const char *bytes, size_t size)
{
    withhold_if_closed();
    cancel_end_session();
    return methods->putmessage(type, bytes, size);
}

static void way_put_noblock(char type, const char *bytes, size_t size)
{
    withhold_if_closed();
    methods->putmessage_noblock(type, bytes, size);
}

static const PQcommMethods guarded_methods = {
        .comm_reset = way_reset,
        .flush = way_flush,
        .flush_if_writable = way_flush_if_writable,
        .is_send_pending = way_is_send_pending,
        .putmessage = way_put,
        .putmessage_noblock = way_put_noblock,
};

/* ---- the start ---- */

/* The guard's descriptor of the page; -1: there is none. */
static int page_descriptor(void)
{
    const char *text = getenv(GUARD_PAGE_ENVIRONMENT);
    int fd = text != NULL ? (int)strtol(text, NULL, 10) : -1;
    unsetenv(GUARD_PAGE_ENVIRONMENT);
    return fd;
}

static void map_page(int fd)
{
    void *mapped = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
    int error = errno;
    close(fd);
    if (mapped == MAP_FAILED) {
        ereport(FATAL,
                (errmsg("pgbaton_fence: the guard's page cannot be mapped: %s", strerror(error))));
    }
    page = mapped;
    if (atomic_load(&page->version) != GUARD_PAGE_VERSION) {
        ereport(FATAL, (errmsg("pgbaton_fence is of another version than the guard that runs"),
                        errhint("Restart pgbaton-agent on this node.")));
    }
}

static void define_settings(void)
{
    DefineCustomBoolVariable("pgbaton_fence.maintenance",
                             "Lets a primary commit that runs without pgbaton's guard.", NULL,
                             &maintenance, false, PGC_POSTMASTER, 0, NULL, NULL, NULL);
    DefineCustomStringVariable("pgbaton_fence.state",
                               "guarded: commits end with the lease; unguarded: nothing commits "
                               "as a primary; maintenance: nothing is fenced.",
                               NULL, &state_text,
                               page != NULL  ? "guarded"
                               : maintenance ? "maintenance"
                                             : "unguarded",
                               PGC_INTERNAL, GUC_DISALLOW_IN_FILE, NULL, NULL, NULL);
    seal_define();
    voter_define();
    MarkGUCPrefixReserved("pgbaton_fence");
}

static void install(void)
{
    methods = PqCommMethods;
    PqCommMethods = &guarded_methods;
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = on_utility;
    RegisterXactCallback(on_transaction, NULL);
    shared_install();
    gate_install();
}

static void say_unguarded(void)
{
    ereport(LOG, (errmsg("pgbaton_fence: there is no guard: as a primary this PostgreSQL commits "
                         "nothing"),
                  errhint("Let pgbaton-agent start it, or set pgbaton_fence.maintenance=on.")));
}

/* In the postmaster; its children inherit everything. */
void _PG_init(void)
{
    if (!process_shared_preload_libraries_in_progress) {
        ereport(ERROR, (errmsg("pgbaton_fence must be loaded by shared_preload_libraries")));
    }
    int fd = page_descriptor();
    if (fd >= 0) {
        map_page(fd);
    }
    define_settings();
    if (!IsPostmasterEnvironment) {
        return;
    }
    if (page != NULL) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the guard has asked for a milder signal */
    } else if (!maintenance) {
        say_unguarded();
    }
    install();
}
