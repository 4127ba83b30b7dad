/* SPDX-License-Identifier: PostgreSQL */
/* Which disappearances are told: those that no healthy PostgreSQL causes, and none of its own work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../agent/watch_data.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
    char directory[64];
    struct watch_data *watch;
};

static void at(const struct world *w, const char *name, char ret_path[128])
{
    snprintf(ret_path, 128, "%s%s", w->directory, name);
}

static void make(const struct world *w, const char *name, bool is_directory)
{
    char path[128];
    at(w, name, path);
    if (is_directory) {
        assert_int_equal(mkdir(path, 0700), 0);
        return;
    }
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void drop(const struct world *w, const char *name)
{
    char path[128];
    at(w, name, path);
    assert_int_equal(remove(path), 0);
}

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct failure failure = {0};
    assert_non_null(w);
    snprintf(w->directory, sizeof(w->directory), "/tmp/pgbaton-watch-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    make(w, "/PG_VERSION", false);
    make(w, "/postmaster.opts", false);
    make(w, "/base", true);
    make(w, "/base/1", true);
    make(w, "/global", true);
    make(w, "/global/pg_control", false);
    make(w, "/global/1234", false);
    assert_int_equal(watch_data_create(&w->watch, &failure), RESULT_OK);
    watch_data_arm(w->watch, w->directory);
    *state = w;
    return 0;
}

static int remove_world(void **state)
{
    static const char *const names[] = {
            "/PG_VERSION",        "/postmaster.opts", "/base/1", "/base",
            "/global/pg_control", "/global/1234",     "/global", ""};
    struct world *w = *state;
    watch_data_destroy(w->watch);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        at(w, names[i], path);
        (void)remove(path);
    }
    free(w);
    return 0;
}

static bool disturbed(const struct world *w)
{
    bool any = false;
    for (int i = 0; i < WATCH_DATA_COUNT; i++) {
        any = watch_data_take(w->watch, (enum watch_data_place)i) || any;
    }
    return any;
}

static void test_watch_is_silent_about_ordinary_work(void **state)
{
    struct world *w = *state;
    drop(w, "/postmaster.opts");
    drop(w, "/global/1234");
    make(w, "/global/1234", false);
    make(w, "/base/2", true);
    assert_false(disturbed(w));
    drop(w, "/base/2");
    assert_true(disturbed(w)); /* also DROP DATABASE: one look too many */
}

static void test_watch_tells_each_loss(void **state)
{
    struct world *w = *state;
    drop(w, "/PG_VERSION");
    assert_true(disturbed(w));
    assert_false(disturbed(w));
    drop(w, "/global/pg_control");
    assert_true(disturbed(w));
    drop(w, "/base/1");
    assert_true(disturbed(w));
}

static void test_watch_tells_renamed_directory(void **state)
{
    struct world *w = *state;
    char other[80];
    snprintf(other, sizeof(other), "%s.moved", w->directory);
    assert_int_equal(rename(w->directory, other), 0);
    assert_true(disturbed(w));
    assert_int_equal(rename(other, w->directory), 0);
}

static void test_watch_set_by_a_child_is_read_by_its_parent(void **state)
{
    struct world *w = *state;
    struct failure failure = {0};
    int status = -1;
    watch_data_destroy(w->watch);
    assert_int_equal(watch_data_create(&w->watch, &failure), RESULT_OK);
    pid_t pid = fork();
    if (pid == 0) {
        watch_data_arm(w->watch, w->directory);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    drop(w, "/global/pg_control");
    assert_true(watch_data_take(w->watch, WATCH_DATA_GLOBAL));
    assert_false(watch_data_take(w->watch, WATCH_DATA_TOP));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_watch_is_silent_about_ordinary_work, make_world,
                                            remove_world),
            cmocka_unit_test_setup_teardown(test_watch_tells_each_loss, make_world, remove_world),
            cmocka_unit_test_setup_teardown(test_watch_tells_renamed_directory, make_world,
                                            remove_world),
            cmocka_unit_test_setup_teardown(test_watch_set_by_a_child_is_read_by_its_parent,
                                            make_world, remove_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
