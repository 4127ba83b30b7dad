/* SPDX-License-Identifier: PostgreSQL */
#include "server_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The last lines of a start that failed are few. */
#define TAIL_BYTES 4096

static size_t read_tail(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    off_t end = lseek(fd, 0, SEEK_END);
    off_t from = end > (off_t)capacity - 1 ? end - ((off_t)capacity - 1) : 0;
    ssize_t size = end > 0 ? pread(fd, text, capacity - 1, from) : 0;
    close(fd);
    return size > 0 ? (size_t)size : 0;
}

static const char *words_of(const char *line)
{
    const char *fatal = strstr(line, "FATAL:");
    return fatal != NULL ? fatal : strstr(line, "PANIC:");
}

void server_log_last_words(const char *path, char *ret_text, size_t size)
{
    char tail[TAIL_BYTES];
    const char *last = "";
    const char *fatal = NULL;
    tail[read_tail(path, tail, sizeof tail)] = '\0';
    char *rest = tail;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const char *words = words_of(line);
        fatal = words != NULL ? words : fatal;
        last = line[0] != '\0' ? line : last;
    }
    (void)snprintf(ret_text, size, "%s", fatal != NULL ? fatal : last);
    for (char *c = ret_text; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 0x7f ? ' ' : *c;
    }
}
