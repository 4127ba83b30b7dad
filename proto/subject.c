/* SPDX-License-Identifier: PostgreSQL */
#include "subject.h"

#include <string.h>

#define NO_CLUSTER "_"
#define SNAPSHOT_TOKEN "snapshot"

/* Which subject a kind of event has: the third token; NULL when the kind has no place in the log.
 */
static const char *const tokens[] = {
        [EVENT_NONE] = NULL,
        [EVENT_PROBE] = "probe",
        [EVENT_RENEW] = "lock",
        [EVENT_RELEASE] = "lock",
        [EVENT_REFUSE] = "lock",
        [EVENT_HELLO] = "node",
        [EVENT_PROGRESS] = "node",
        [EVENT_DONE] = "node",
        [EVENT_FAILED] = "node",
        [EVENT_GOODBYE] = "node",
        [EVENT_REVOKE] = "decision",
        [EVENT_GRANT] = "decision",
        [EVENT_DIRECTIVE] = "decision",
        [EVENT_CONFIG] = "decision",
        [EVENT_NO_CANDIDATE] = "decision",
        [EVENT_SYNC_SET] = "decision",
        [EVENT_HEARTBEAT] = "monitor",
        [EVENT_REQUEST] = "request",
        [EVENT_SWITCHOVER_STEP] = "decision",
        [EVENT_ORDER] = "decision",
        [EVENT_SNAPSHOT] = SNAPSHOT_TOKEN,
        [EVENT_ANCHOR] = "anchor",
};
_Static_assert(sizeof(tokens) / sizeof(tokens[0]) == EVENT_KIND_COUNT,
               "every kind has its subject");

/* The longest: root, cluster, "decision" or "monitor", writer. */
_Static_assert(sizeof(SUBJECT_FEED) + sizeof("decision") + 2 * NAME_SIZE <= SUBJECT_SIZE,
               "every subject fits");

static bool cluster_fits(const struct event *e)
{
    if (e->kind == EVENT_HEARTBEAT) {
        return strcmp(e->cluster, NO_CLUSTER) == 0;
    }
    return name_is_valid(e->cluster);
}

/* Joins parts with dots, up to the NULL. Every record that is read comes through here. */
static void join(char ret_subject[SUBJECT_SIZE], const char *const parts[])
{
    size_t used = 0;

    for (size_t i = 0; parts[i] != NULL; i++) {
        size_t length = strlen(parts[i]);
        if (used + length + 2 > SUBJECT_SIZE) {
            break;
        }
        memcpy(ret_subject + used, parts[i], length);
        used += length;
        ret_subject[used++] = '.';
    }
    ret_subject[used - 1] = '\0';
}

bool subject_of_event(const struct event *e, char ret_subject[SUBJECT_SIZE])
{
    const char *token = (size_t)e->kind < EVENT_KIND_COUNT ? tokens[e->kind] : NULL;

    ret_subject[0] = '\0';
    if (token == NULL || !cluster_fits(e) || !name_is_valid(e->writer)) {
        return false;
    }
    const bool shared = event_is_decision(e->kind) || e->kind == EVENT_SNAPSHOT;
    const char *writer = shared ? NULL : e->writer;
    join(ret_subject, (const char *const[]){SUBJECT_ROOT, e->cluster, token, writer, NULL});
    return true;
}

/* The tail after the root's dot, on the stream's subjects and on their copies in the feed. */
static const char *tail_of(const char *subject, const char *root)
{
    size_t length = strlen(root);

    return strncmp(subject, root, length) == 0 && subject[length] == '.' ? subject + length + 1
                                                                         : NULL;
}

bool subject_fits_event(const char *subject, const struct event *e)
{
    char expected[SUBJECT_SIZE];
    const char *tail = tail_of(subject, SUBJECT_ROOT);

    if (tail == NULL) {
        tail = tail_of(subject, SUBJECT_FEED);
    }
    return tail != NULL && subject_of_event(e, expected) &&
           strcmp(tail, expected + sizeof(SUBJECT_ROOT)) == 0;
}

void subject_snapshot(const char *cluster, char ret_subject[SUBJECT_SIZE])
{
    join(ret_subject, (const char *const[]){SUBJECT_ROOT, cluster, SNAPSHOT_TOKEN, NULL});
}

bool subject_is_snapshot(const char *subject)
{
    const char *tail = tail_of(subject, SUBJECT_ROOT);
    const char *token = tail != NULL ? strchr(tail, '.') : NULL;

    return token != NULL && strcmp(token + 1, SNAPSHOT_TOKEN) == 0;
}

void subject_live(const char *cluster, const char *node, char ret_subject[SUBJECT_SIZE])
{
    join(ret_subject, (const char *const[]){SUBJECT_LIVE, cluster, node, NULL});
}

void subject_ask(const char *cluster, char ret_subject[SUBJECT_SIZE])
{
    join(ret_subject, (const char *const[]){SUBJECT_ASK, cluster, NULL});
}

static bool is_root(const char *subject, size_t length)
{
    static const char *const roots[] = {SUBJECT_ROOT, SUBJECT_FEED, SUBJECT_LIVE, SUBJECT_ASK};

    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        if (strlen(roots[i]) == length && memcmp(roots[i], subject, length) == 0) {
            return true;
        }
    }
    return false;
}

bool subject_cluster(const char *subject, char ret_cluster[NAME_SIZE])
{
    size_t root_length = strcspn(subject, ".");
    const char *token;
    size_t length;

    ret_cluster[0] = '\0';
    if (subject[root_length] != '.' || !is_root(subject, root_length)) {
        return false;
    }
    token = subject + root_length + 1;
    length = strcspn(token, ".");
    if (length >= NAME_SIZE) {
        return false;
    }
    memcpy(ret_cluster, token, length);
    ret_cluster[length] = '\0';
    if (strcmp(ret_cluster, NO_CLUSTER) != 0 && !name_is_valid(ret_cluster)) {
        ret_cluster[0] = '\0';
        return false;
    }
    return true;
}
