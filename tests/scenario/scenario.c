/* SPDX-License-Identifier: PostgreSQL */
/*
 * scenario - golden scenarios: steps in, explanation out.
 *
 *   scenario FILE...            runs each file; exit 1 when an explanation differs from the file
 *   scenario --rewrite FILE...  writes what it finds into the files; the review reads the diff
 *   scenario --rules FILE...    exit 1 when a rule of the table fires in none of the files
 *
 * A file is a list of steps, each a line that is not indented; the indented lines below a step are
 * what came of it. Empty lines and those that begin with '#' stay as they are. One monitor,
 * monitor-1, runs from the start; nobody has said hello. Steps:
 *
 *   at 1200ms                     lets the time pass up to here. Each second nodes that talk send
 * their position, those that renew renew; monitors tick as they asked for. What happens on the way
 * is printed with its time. node-1 hello state=empty      a new incarnation; the node talks from
 * now on node-1 probe state=standby timeline=1 lsn=0/3000060 election=1 node-1 renew | release |
 * refuse | progress | done | failed | goodbye  key=value ... node-1 renews                 renews
 * now and each second from now on node-1 mute | talks           stops, or begins again, to send
 * anything by itself later node-1 <event>          writes an event whose way to the log takes long
 * ... deliver [reversed]            ... and lets all of these arrive live node-1 its live position,
 * now duplicate last                the cluster's newest record once more malformed decision |
 * probe    a record that does not decode newer decision                one of a newer schema
 * version forge revoke | grant node-1   a decision in order, and without evidence monitor-1 deaf |
 * hears        nothing reaches it, and nobody tells it; until it hears again monitor-1 down | up
 * its link to the log monitor-1 paused | resumed    its process monitor-1 stop | start | tick state
 * prints phase, term and leader include running.steps         runs the steps of a file beside this
 * one, and prints nothing of them ask switchover [node-2]      an operator asks for it, or for
 * ask failover node-2 [accept-loss]; ask rebuild node-2 [rewind];
 * ask config any work_mem=8MB [NAME, to take it back, or unchecked]
 *
 * The keys are in fields.h. What is not named is what it was, or what an honest node would say.
 */
#include "../../monitor/decide.h"
#include "say.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        scene_die("%s: cannot be opened", path);
    }
    char *text = NULL;
    size_t capacity = 0;
    const ssize_t size = getdelim(&text, &capacity, '\0', file);
    if (size < 0) {
        scene_die("%s: cannot be read", path);
    }
    fclose(file);
    return text;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        scene_die("%s: cannot be written", path);
    }
}

static bool is_step(const char *line)
{
    return line[0] != ' ' && line[0] != '#' && line[0] != '\0';
}

static void include(struct scene *s, const char *directory, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    char *text = read_file(path);
    FILE *out = s->out;
    s->out = fopen("/dev/null", "w");
    if (s->out == NULL) {
        scene_die("/dev/null: cannot be opened");
    }
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (is_step(line)) {
            say_step(s, line);
        }
    }
    fclose(s->out);
    s->out = out;
    free(text);
}

static void run_line(struct scene *s, const char *directory, const char *line)
{
    static const char INCLUDE[] = "include ";
    fprintf(s->out, "%s\n", line);
    if (strncmp(line, INCLUDE, sizeof(INCLUDE) - 1) == 0) {
        include(s, directory, line + sizeof(INCLUDE) - 1);
    } else if (is_step(line)) {
        say_step(s, line);
    }
}

/* The file as it should be: its steps, each with what came of it now. */
static char *run(const char *path, const char *text)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);
    char *steps = strdup(text);
    char *path_copy = strdup(path);
    if (out == NULL || steps == NULL || path_copy == NULL) {
        scene_die("no memory");
    }
    const char *directory = dirname(path_copy);
    struct scene *s = scene_create(out);
    char *rest = steps;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const bool last = rest == NULL && line[0] == '\0';
        if (line[0] != ' ' && !last) {
            run_line(s, directory, line);
        }
    }
    scene_destroy(s);
    free(path_copy);
    free(steps);
    fclose(out);
    return result;
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

static void report_difference(const char *path, const char *expected, const char *found)
{
    unsigned number = 1;
    while (*expected != '\0' && *found != '\0') {
        const size_t length = line_length(expected);
        if (length != line_length(found) || strncmp(expected, found, length) != 0) {
            break;
        }
        expected += length + (expected[length] == '\n');
        found += length + (found[length] == '\n');
        number++;
    }
    fprintf(stderr, "%s:%u: differs\n  expected: %.*s\n  found:    %.*s\n", path, number,
            (int)line_length(expected), expected, (int)line_length(found), found);
}

static bool check_file(const char *path, bool rewrite)
{
    char *expected = read_file(path);
    char *found = run(path, expected);
    const bool same = strcmp(expected, found) == 0;
    if (rewrite && !same) {
        write_file(path, found);
    } else if (!same) {
        report_difference(path, expected, found);
    }
    free(expected);
    free(found);
    return same || rewrite;
}

/* True when an explanation (an indented line) names the rule. */
static bool names_rule(const char *text, const char *rule)
{
    char needle[RULE_SIZE + 8];
    snprintf(needle, sizeof(needle), " by %s", rule);
    for (const char *line = text; *line != '\0'; line += line_length(line) + 1) {
        const char *at = line[0] == ' ' ? strstr(line, needle) : NULL;
        const bool inside = at != NULL && at < line + line_length(line);
        if (inside && strchr(" :,\n", at[strlen(needle)]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool rule_is_covered(const char *rule, char *const *paths, int count)
{
    bool found = false;
    for (int i = 0; i < count && !found; i++) {
        char *text = read_file(paths[i]);
        found = names_rule(text, rule);
        free(text);
    }
    if (!found) {
        fprintf(stderr, "rule %s fires in no scenario\n", rule);
    }
    return found;
}

static bool check_rules(char *const *paths, int count)
{
    bool good = true;
    for (size_t i = 0; decide_rule_name(i) != NULL; i++) {
        good = rule_is_covered(decide_rule_name(i), paths, count) && good;
    }
    return good;
}

int main(int argc, char **argv)
{
    const bool rewrite = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
    const bool rules = argc > 1 && strcmp(argv[1], "--rules") == 0;
    const int first = rewrite || rules ? 2 : 1;
    if (first >= argc) {
        fprintf(stderr, "usage: %s [--rewrite | --rules] FILE...\n", argv[0]);
        return 2;
    }
    if (rules) {
        return check_rules(argv + first, argc - first) ? 0 : 1;
    }
    bool good = true;
    for (int i = first; i < argc; i++) {
        good = check_file(argv[i], rewrite) && good;
    }
    return good ? 0 : 1;
}
