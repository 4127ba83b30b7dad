/* SPDX-License-Identifier: PostgreSQL */
#include "nats_store.h"

#include "../../proto/subject.h"

#include <assert.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* length (4; top bit: there is a header), sequence (8), time (8), length of the subject (2). */
#define HEAD_SIZE 22
/* A checksum ends each record. */
#define TAIL_SIZE 8
#define HAS_HEADER UINT32_C(0x80000000)

static uint64_t little_endian(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i > 0; i--) {
        number = number << 8 | at[i - 1];
    }
    return number;
}

/* Visits the record at the start of bytes; returns its length, 0 when none is whole there. */
static size_t visit_record(const uint8_t *bytes, size_t size, nats_store_visit visit, void *closure)
{
    if (size < HEAD_SIZE + TAIL_SIZE) {
        return 0;
    }
    const uint32_t first = (uint32_t)little_endian(bytes, 4);
    const size_t length = first & ~HAS_HEADER;
    size_t data = HEAD_SIZE + little_endian(bytes + 20, 2);
    if ((first & HAS_HEADER) != 0 && data + 4 <= size) {
        data += 4 + little_endian(bytes + data, 4);
    }
    if (length > size || data + TAIL_SIZE > length) {
        return 0;
    }
    visit(closure, little_endian(bytes + 4, 8), bytes + data, length - TAIL_SIZE - data);
    return length;
}

static void walk_file(const char *path, nats_store_visit visit, void *closure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    (void)fseek(file, 0, SEEK_END);
    const long end = ftell(file);
    uint8_t *bytes = malloc(end > 0 ? (size_t)end : 1);
    rewind(file);
    const size_t size = bytes == NULL || end < 0 ? 0 : fread(bytes, 1, (size_t)end, file);
    (void)fclose(file);
    size_t length = 1;
    for (size_t at = 0; length > 0; at += length) {
        length = visit_record(bytes + at, size - at, visit, closure);
    }
    free(bytes);
}

void nats_store_walk(const struct nats_servers *s, int i, nats_store_visit visit, void *closure)
{
    char pattern[160];
    glob_t found = {0};
    (void)snprintf(pattern, sizeof(pattern),
                   "%s/store%d/jetstream/$G/streams/" STREAM_NAME "/msgs/*.blk", s->directory, i);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t f = 0; f < found.gl_pathc; f++) {
            walk_file(found.gl_pathv[f], visit, closure);
        }
    }
    globfree(&found);
}

static void run(const char *program, const char *option, const char *from, const char *to)
{
    int status = -1;
    const pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0) {
        (void)execlp(program, program, option, from, to, (char *)NULL);
        _exit(127);
    }
    const pid_t ended = waitpid(pid, &status, 0);
    assert(ended == pid && status == 0);
}

static void copy(const struct nats_servers *s, int i, const char *from, const char *to)
{
    char source[128];
    char target[128];
    (void)snprintf(source, sizeof(source), "%s/%s%d", s->directory, from, i);
    (void)snprintf(target, sizeof(target), "%s/%s%d", s->directory, to, i);
    run("rm", "-rf", target, NULL);
    run("cp", "-a", source, target);
}

void nats_store_save(const struct nats_servers *s, int i, const char *name)
{
    copy(s, i, "store", name);
}

void nats_store_restore(const struct nats_servers *s, int i, const char *name)
{
    copy(s, i, name, "store");
}

void nats_store_empty(const struct nats_servers *s, int i)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/store%d/jetstream/$G/streams/" STREAM_NAME "/msgs",
                   s->directory, i);
    run("rm", "-rf", path, NULL);
}

void nats_store_remove(const struct nats_servers *s, int i)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/store%d", s->directory, i);
    run("rm", "-rf", path, NULL);
}
