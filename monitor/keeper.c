/* SPDX-License-Identifier: PostgreSQL */
#include "keeper.h"

#include "../proto/log_line.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define END_WAIT_S 1
#define RETRY_S 5

struct slot {
    struct slot *next;
    char cluster[NAME_SIZE];
    struct memory memory;
    bool waits; /* to be stored */
};

struct keeper {
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t moved;
    char *directory; /* never changes */
    struct slot *slots;
    bool ends;
    bool ended;
    bool failed; /* the last one could not be stored */
    bool news;
    struct failure failure;
};

static struct timespec in_seconds(time_t seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += seconds;
    return t;
}

static struct slot *find_waiting(struct keeper *k)
{
    struct slot *slot = k->slots;
    while (slot != NULL && !slot->waits) {
        slot = slot->next;
    }
    return slot;
}

/* With the lock held; it is given up while the disk works. */
static void store(struct keeper *k, struct slot *slot)
{
    const struct memory memory = slot->memory;
    struct failure failure = {0};
    slot->waits = false;
    pthread_mutex_unlock(&k->mutex);
    const bool stored =
            memory_file_store(k->directory, slot->cluster, &memory, &failure) == RESULT_OK;
    pthread_mutex_lock(&k->mutex);
    k->news = k->news || stored == k->failed;
    k->failed = !stored;
    k->failure = failure;
    slot->waits = slot->waits || !stored;
    if (!stored && !k->ends) {
        const struct timespec until = in_seconds(RETRY_S);
        (void)pthread_cond_timedwait(&k->moved, &k->mutex, &until);
    }
}

static void *run(void *data)
{
    struct keeper *k = data;
    pthread_mutex_lock(&k->mutex);
    for (;;) {
        struct slot *slot = find_waiting(k);
        if (slot != NULL && !(k->ends && k->failed)) {
            store(k, slot);
        } else if (k->ends) {
            break;
        } else {
            (void)pthread_cond_wait(&k->moved, &k->mutex);
        }
    }
    k->ended = true;
    (void)pthread_cond_broadcast(&k->moved);
    pthread_mutex_unlock(&k->mutex);
    return NULL;
}

static void init_condition(pthread_cond_t *ret_condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(ret_condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void release(struct keeper *k)
{
    while (k->slots != NULL) {
        struct slot *slot = k->slots;
        k->slots = slot->next;
        free(slot);
    }
    free(k->directory);
    free(k);
}

static struct keeper *begin(const char *directory)
{
    struct keeper *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return NULL;
    }
    k->directory = strdup(directory);
    (void)pthread_mutex_init(&k->mutex, NULL);
    init_condition(&k->moved);
    if (k->directory == NULL || pthread_create(&k->thread, NULL, run, k) != 0) {
        release(k);
        return NULL;
    }
    return k;
}

enum result keeper_create(const char *directory, memory_file_function found, void *data,
                          struct keeper **ret_keeper, struct failure *reterr_failure)
{
    *ret_keeper = NULL;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        failure_errno(reterr_failure, errno, "make %s", directory);
        return failure_hint(reterr_failure, "state_directory must be writable for this monitor");
    }
    const enum result result = memory_file_load_all(directory, found, data, reterr_failure);
    if (result != RESULT_OK) {
        return result;
    }
    *ret_keeper = begin(directory);
    return *ret_keeper != NULL ? RESULT_OK : failure_set(reterr_failure, RESULT_FULL, "no memory");
}

static struct slot *find_or_add_slot(struct keeper *k, const char *cluster)
{
    for (struct slot *slot = k->slots; slot != NULL; slot = slot->next) {
        if (strcmp(slot->cluster, cluster) == 0) {
            return slot;
        }
    }
    struct slot *slot = calloc(1, sizeof(*slot));
    if (slot != NULL) {
        (void)snprintf(slot->cluster, sizeof(slot->cluster), "%s", cluster);
        slot->next = k->slots;
        k->slots = slot;
    }
    return slot;
}

void keeper_put(struct keeper *k, const char *cluster, const struct memory *memory)
{
    pthread_mutex_lock(&k->mutex);
    struct slot *slot = find_or_add_slot(k, cluster);
    if (slot != NULL) {
        slot->memory = *memory;
        slot->waits = true;
    }
    (void)pthread_cond_broadcast(&k->moved);
    pthread_mutex_unlock(&k->mutex);
}

void keeper_tell(struct keeper *k)
{
    pthread_mutex_lock(&k->mutex);
    const bool news = k->news;
    const bool failed = k->failed;
    const struct failure failure = k->failure;
    k->news = false;
    pthread_mutex_unlock(&k->mutex);
    if (news && failed) {
        log_line(SEVERITY_WARNING, "what this monitor remembers of the log is not stored: %s",
                 failure.text);
    } else if (news) {
        log_line(SEVERITY_INFO, "what this monitor remembers of the log is stored again");
    }
}

void keeper_destroy(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    const struct timespec until = in_seconds(END_WAIT_S);
    int error = 0;
    pthread_mutex_lock(&k->mutex);
    k->ends = true;
    (void)pthread_cond_broadcast(&k->moved);
    while (!k->ended && error == 0) {
        error = pthread_cond_timedwait(&k->moved, &k->mutex, &until);
    }
    const bool ended = k->ended;
    pthread_mutex_unlock(&k->mutex);
    if (!ended) { /* its disk hangs: the process ends without it */
        (void)pthread_detach(k->thread);
        return;
    }
    (void)pthread_join(k->thread, NULL);
    release(k);
}
