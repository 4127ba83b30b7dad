/* SPDX-License-Identifier: PostgreSQL */
/* scenario - an incident as a folder that tests/incidents checks from now on. */
#include "../proto/explain.h"
#include "anonymize.h"
#include "commands.h"
#include "cut.h"
#include "out_file.h"
#include "stories.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A log that begins with its cluster is kept so while it is no larger. */
#define WHOLE_BYTES_MAX 81920
#define EXPECTED "expected.txt"
#define LOG "log.pgb"

struct folder {
    char part[OUT_PATH_SIZE]; /* where it is made */
    char whole[OUT_PATH_SIZE + 16];
    char log[OUT_PATH_SIZE + 16];
    char expected[OUT_PATH_SIZE + 16];
    char readme[OUT_PATH_SIZE + 16];
};

static enum result folder_begin(struct folder *folder, const char *path,
                                struct failure *reterr_failure)
{
    const int length =
            snprintf(folder->part, sizeof folder->part, "%s.part-%d", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof folder->part) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: the path is too long", path);
    }
    (void)snprintf(folder->whole, sizeof folder->whole, "%s/whole", folder->part);
    (void)snprintf(folder->log, sizeof folder->log, "%s/" LOG, folder->part);
    (void)snprintf(folder->expected, sizeof folder->expected, "%s/" EXPECTED, folder->part);
    (void)snprintf(folder->readme, sizeof folder->readme, "%s/README", folder->part);
    if (access(path, F_OK) == 0) {
        return failure_set(reterr_failure, RESULT_REFUSED, "create %s: it exists", path);
    }
    return mkdir(folder->part, 0777) == 0
                   ? RESULT_OK
                   : failure_errno(reterr_failure, errno, "create %s", folder->part);
}

/* Nothing is left of what was not put into its place. */
static void folder_abandon(const struct folder *folder)
{
    (void)unlink(folder->whole);
    (void)unlink(folder->log);
    (void)unlink(folder->expected);
    (void)unlink(folder->readme);
    (void)rmdir(folder->part);
}

/* ---- what is expected ---- */

/* What a command prints on standard output goes to file. */
static int run_into(FILE *file, int (*run)(const struct options *), const char *log)
{
    const struct options options = {
            .file = log, .to_seq = UINT64_MAX, .points = {POINT_END, POINT_END}};
    FILE *standard = stdout;
    stdout = file;
    const int code = run(&options);
    stdout = standard;
    return code;
}

/* Not what a new version of the fold changes (the digest), nor what the file says of itself. */
static void copy_verdict(char *text, FILE *file)
{
    char *rest = text;
    while (rest != NULL && *rest != '\0') {
        char *line = strsep(&rest, "\n");
        char *digest = strstr(line, ", digest ");
        if (digest != NULL) {
            *digest = '\0';
        }
        if (strncmp(line, "the file says", 13) != 0) {
            (void)fprintf(file, "%s\n", line);
        }
    }
}

static bool write_verdict(FILE *file, const char *log)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL) {
        return false;
    }
    const int code = run_into(memory, verify_run, log);
    (void)fclose(memory);
    copy_verdict(text, file);
    free(text);
    return code == EXIT_DONE;
}

static enum result write_expected(const struct folder *folder, struct failure *reterr_failure)
{
    FILE *file = fopen(folder->expected, "wxe");
    if (file == NULL) {
        return failure_errno(reterr_failure, errno, "create %s", folder->expected);
    }
    (void)setenv("TZ", "UTC", 1);
    tzset();
    const bool told = run_into(file, timeline_run, folder->log) == EXIT_DONE;
    (void)fputc('\n', file);
    const bool verified = write_verdict(file, folder->log);
    if (fclose(file) != 0) {
        return failure_errno(reterr_failure, errno, "write %s", folder->expected);
    }
    if (!told || !verified) {
        failure_set(reterr_failure, RESULT_INVALID, "the incident cannot be verified");
        return failure_hint(reterr_failure, "pgbaton-replay verify FILE says where");
    }
    return RESULT_OK;
}

/* ---- the file that says what it is ---- */

static enum result write_readme(const struct folder *folder, uint64_t snapshot_seq,
                                const char *what, struct failure *reterr_failure)
{
    FILE *file = fopen(folder->readme, "wxe");
    if (file == NULL) {
        return failure_errno(reterr_failure, errno, "create %s", folder->readme);
    }
    (void)fprintf(file, "%s\n", what);
    if (snapshot_seq != 0) {
        (void)fprintf(file,
                      "The log begins with a snapshot that was made where it was cut, at sequence "
                      "%" PRIu64 ".\n",
                      snapshot_seq);
    }
    return fclose(file) == 0 ? RESULT_OK
                             : failure_errno(reterr_failure, errno, "write %s", folder->readme);
}

/* The last incident of the anonymous log, in its own names. */
static int describe_incident(const struct folder *folder, char *ret_text, size_t size)
{
    const struct options options = {.file = folder->log, .to_seq = UINT64_MAX};
    struct cluster_set *set = NULL;
    struct incident incident;
    const int code = stories_read(&options, &set);
    (void)snprintf(ret_text, size, "A cluster without a change of leadership.");
    for (uint32_t n = 1; code == EXIT_DONE && stories_incident(set, n, &incident); n++) {
        explain_change(&incident.episode->change, ret_text, size);
    }
    if (code == EXIT_DONE) {
        stories_destroy(set);
    }
    return code;
}

/* ---- the command ---- */

static enum result make(const struct options *options, const struct cut *cut,
                        const struct folder *folder, struct failure *reterr_failure)
{
    struct anonymize_report report = {0};
    uint64_t snapshot_seq = 0;
    char what[1024];
    enum result result = cut_file(options->file, folder->whole, cut, &snapshot_seq, reterr_failure);
    if (result == RESULT_OK) {
        const struct anonymize_options anonymous = {folder->whole, cut->cluster, folder->log,
                                                    false};
        result = anonymize_file(&anonymous, &report, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = write_expected(folder, reterr_failure);
    }
    if (result == RESULT_OK && describe_incident(folder, what, sizeof what) != EXIT_DONE) {
        result = failure_set(reterr_failure, RESULT_INVALID, "the incident cannot be told");
    }
    if (result == RESULT_OK) {
        result = write_readme(folder, snapshot_seq, what, reterr_failure);
    }
    (void)unlink(folder->whole);
    return result == RESULT_OK ? out_file_place(folder->part, options->target, reterr_failure)
                               : result;
}

/* The chosen incident, or the only one. False after it was told what is wrong. */
static bool find_cut(const struct cluster_set *set, const struct options *options,
                     struct cut *ret_cut)
{
    struct incident incident;
    struct incident other;
    const uint32_t number = options->incident != 0 ? options->incident : 1;
    if (!stories_incident(set, number, &incident)) {
        fprintf(stderr,
                "pgbaton-replay: the log has no incident %u\n"
                "hint: pgbaton-replay incidents lists them\n",
                (unsigned)number);
        return false;
    }
    if (options->incident == 0 && stories_incident(set, 2, &other)) {
        fprintf(stderr, "pgbaton-replay: the log has several incidents\n"
                        "hint: pgbaton-replay incidents lists them; choose one with --incident\n");
        return false;
    }
    ret_cut->cluster = incident.entry->state.name;
    ret_cut->bytes_wanted = options->brief ? 0 : WHOLE_BYTES_MAX;
    incident_range(&incident, &ret_cut->from_seq, &ret_cut->to_seq);
    return true;
}

static int write_folder(const struct options *options, const struct cut *cut)
{
    struct failure failure = {0};
    struct folder folder;
    enum result result = folder_begin(&folder, options->target, &failure);
    if (result == RESULT_OK) {
        result = make(options, cut, &folder, &failure);
        folder_abandon(&folder);
    }
    if (result != RESULT_OK) {
        return history_fail(&failure);
    }
    fprintf(stderr, "wrote %s\n", options->target);
    return EXIT_DONE;
}

int scenario_run(const struct options *options)
{
    struct cluster_set *set = NULL;
    struct cut cut;
    if (options->file == NULL || options->target == NULL) {
        fprintf(stderr, "scenario: name the captured file, and with -o the folder to write\n"
                        "try: pgbaton-replay scenario --help\n");
        return EXIT_USAGE;
    }
    int code = stories_read(options, &set);
    if (code != EXIT_DONE) {
        return code;
    }
    code = find_cut(set, options, &cut) ? write_folder(options, &cut) : EXIT_NONE;
    stories_destroy(set);
    return code;
}
