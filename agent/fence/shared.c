/* SPDX-License-Identifier: PostgreSQL */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "seal.h"
#include "shared.h"

struct fence_shared *fence_shared;
static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;

static void on_request(void)
{
    if (next_request != NULL) {
        next_request();
    }
    RequestAddinShmemSpace(sizeof *fence_shared);
}

static void on_startup(void)
{
    bool found = false;
    if (next_startup != NULL) {
        next_startup();
    }
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    fence_shared = ShmemInitStruct("pgbaton_fence", sizeof *fence_shared, &found);
    if (!found) {
        pg_atomic_init_u32(&fence_shared->seal_seen, seal_setting());
        pg_atomic_init_u32(&fence_shared->gate_open, 0);
        pg_atomic_init_u64(&fence_shared->gate_end, 0);
    }
    LWLockRelease(AddinShmemInitLock);
}

void shared_install(void)
{
    next_request = shmem_request_hook;
    shmem_request_hook = on_request;
    next_startup = shmem_startup_hook;
    shmem_startup_hook = on_startup;
}
