/* SPDX-License-Identifier: PostgreSQL */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ROWS_MAX 500
#define COLUMNS_MAX 500
/* What of a key's bytes comes late comes within this. */
#define ESCAPE_MS 50
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[0m\033[?1049l"

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int broken_signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static struct termios before;
static volatile sig_atomic_t began;
static volatile sig_atomic_t resized;
static volatile sig_atomic_t stopped;
static volatile sig_atomic_t ended_by; /* a signal; 0: none */
static bool colors;
static uint32_t rows = 24;
static uint32_t columns = 80;
static char *page; /* rows of it, each with its NUL */
static size_t page_size;
static FILE *page_file;

static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written < 0 && errno != EINTR) {
            return;
        }
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

static void leave(void)
{
    (void)!write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static void enter(void)
{
    struct termios raw = before;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    write_all(ENTER, sizeof ENTER - 1);
}

/* ---- signals ---- */

static void on_signal(int number)
{
    if (number == SIGWINCH) {
        resized = 1;
    } else if (number == SIGTSTP) {
        stopped = 1;
    } else {
        ended_by = number;
    }
}

static void on_broken(int number)
{
    if (began) {
        leave();
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void handle(const int *numbers, size_t count, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

/* They come while a key is waited for, and at no other moment. */
static void block_signals(void)
{
    static const int others[] = {SIGWINCH, SIGTSTP};
    sigset_t blocked;
    handle(others, 2, on_signal);
    handle(ending_signals, sizeof ending_signals / sizeof ending_signals[0], on_signal);
    handle(broken_signals, sizeof broken_signals / sizeof broken_signals[0], on_broken);
    (void)sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof ending_signals / sizeof ending_signals[0]; i++) {
        (void)sigaddset(&blocked, ending_signals[i]);
    }
    (void)sigaddset(&blocked, SIGWINCH);
    (void)sigaddset(&blocked, SIGTSTP);
    (void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static void raise_default(int number)
{
    sigset_t one;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, number);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
}

/* Returns when the program is continued. */
static void stop(void)
{
    static const int again[] = {SIGTSTP};
    sigset_t one;
    leave();
    raise_default(SIGTSTP);
    (void)sigemptyset(&one);
    (void)sigaddset(&one, SIGTSTP);
    (void)sigprocmask(SIG_BLOCK, &one, NULL);
    handle(again, 1, on_signal);
    stopped = 0;
    resized = 1;
    enter();
}

/* ---- begin and end ---- */

static void measure(void)
{
    struct winsize size = {0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    rows = size.ws_row > 0 ? size.ws_row : 24;
    columns = size.ws_col > 0 ? size.ws_col : 80;
    rows = rows < ROWS_MAX ? rows : ROWS_MAX;
    columns = columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
}

enum result screen_begin(struct failure *reterr_failure)
{
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 ||
        tcgetattr(STDIN_FILENO, &before) != 0) {
        failure_set(reterr_failure, RESULT_INVALID,
                    "it needs a terminal to read from and write to");
        return failure_hint(reterr_failure, "pgbaton-replay timeline, state and diff need none");
    }
    const char *kind = getenv("TERM");
    if (kind != NULL && strcmp(kind, "dumb") == 0) {
        return failure_set(reterr_failure, RESULT_INVALID, "a dumb terminal (TERM) cannot show it");
    }
    colors = getenv("NO_COLOR") == NULL;
    block_signals();
    measure();
    began = 1;
    enter();
    return RESULT_OK;
}

void screen_end(void)
{
    if (!began) {
        return;
    }
    leave();
    began = 0;
    if (ended_by != 0) {
        raise_default(ended_by);
    }
}

uint32_t screen_rows(void)
{
    return rows;
}

uint32_t screen_columns(void)
{
    return columns;
}

/* ---- keys ---- */

/* False: nothing comes within that time (-1: any), or it was interrupted. *ret_gone: nothing ever
 * will. */
static bool take_byte(int wait_ms, unsigned char *ret_byte, bool *ret_gone)
{
    struct pollfd descriptor = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec wait = {.tv_sec = wait_ms / 1000,
                                  .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    sigset_t none;
    (void)sigemptyset(&none);
    const int ready = ppoll(&descriptor, 1, wait_ms < 0 ? NULL : &wait, &none);
    *ret_gone = ready < 0 && errno != EINTR;
    if (ready <= 0) {
        return false;
    }
    const ssize_t size = read(STDIN_FILENO, ret_byte, 1);
    *ret_gone = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
    return size == 1;
}

/* What follows ESC [ or ESC O: digits, and the byte that ends it. */
static int key_of(char last, unsigned number)
{
    static const struct {
        char last;
        unsigned number;
        enum key key;
    } keys[] = {
            {'A', 0, KEY_UP},   {'B', 0, KEY_DOWN}, {'C', 0, KEY_RIGHT},   {'D', 0, KEY_LEFT},
            {'H', 0, KEY_HOME}, {'F', 0, KEY_END},  {'~', 1, KEY_HOME},    {'~', 4, KEY_END},
            {'~', 7, KEY_HOME}, {'~', 8, KEY_END},  {'~', 5, KEY_PAGE_UP}, {'~', 6, KEY_PAGE_DOWN},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].last == last && (last != '~' || keys[i].number == number)) {
            return (int)keys[i].key;
        }
    }
    return KEY_NONE;
}

static int take_escape(void)
{
    unsigned char byte = 0;
    unsigned number = 0;
    bool gone = false;
    if (!take_byte(ESCAPE_MS, &byte, &gone)) {
        return gone ? KEY_GONE : KEY_ESCAPE;
    }
    if (byte != '[' && byte != 'O') {
        return KEY_NONE;
    }
    while (take_byte(ESCAPE_MS, &byte, &gone)) {
        const bool digit = byte >= '0' && byte <= '9';
        if (!digit && byte != ';') {
            return key_of((char)byte, number);
        }
        number = digit && number < 100 ? number * 10 + (unsigned)(byte - '0') : number;
    }
    return gone ? KEY_GONE : KEY_NONE;
}

int screen_key(void)
{
    unsigned char byte = 0;
    bool gone = false;
    for (;;) {
        const bool taken = take_byte(-1, &byte, &gone);
        if (stopped || (taken && byte == ('Z' & 0x1f))) {
            stop();
        }
        if (gone || ended_by != 0 || (taken && byte == ('C' & 0x1f))) {
            return KEY_GONE;
        }
        if (resized) {
            resized = 0;
            measure();
            return KEY_RESIZE;
        }
        if (taken) {
            return byte == '\033' ? take_escape() : byte;
        }
    }
}

/* ---- pages ---- */

static const char *look_of(enum screen_look look)
{
    static const char *const looks[][2] = {
            [SCREEN_PLAIN] = {"", ""},
            [SCREEN_BAR] = {"\033[7m", "\033[7m"},
            [SCREEN_BOLD] = {"\033[1m", "\033[1m"},
            [SCREEN_DIM] = {"\033[2m", "\033[2m"},
            [SCREEN_WARNING] = {"\033[1m", "\033[33m"},
            [SCREEN_ERROR] = {"\033[1m", "\033[1;31m"},
    };
    _Static_assert(sizeof looks / sizeof looks[0] == SCREEN_LOOK_COUNT, "each look has its codes");
    return looks[look][colors ? 1 : 0];
}

void screen_clear(void)
{
    if (page_file != NULL) {
        (void)fclose(page_file);
        free(page);
    }
    page = NULL;
    page_file = open_memstream(&page, &page_size);
    if (page_file != NULL) {
        (void)fputs("\033[0m\033[H\033[2J", page_file);
    }
}

/* The bytes of so many characters, which are one column wide each. */
static size_t bytes_of(const char *text, uint32_t wide, uint32_t *ret_used)
{
    size_t size = 0;
    for (*ret_used = 0; text[size] != '\0'; size++) {
        const bool begins = (text[size] & 0xc0) != 0x80;
        if (begins && *ret_used == wide) {
            break;
        }
        *ret_used += begins ? 1 : 0;
    }
    return size;
}

void screen_line(uint32_t row, enum screen_look look, const char *text)
{
    if (page_file == NULL || row >= rows) {
        return;
    }
    uint32_t used = 0;
    const size_t size = bytes_of(text, columns, &used);
    const uint32_t rest = look == SCREEN_BAR ? columns - used : 0;
    (void)fprintf(page_file, "\033[%u;1H%s%.*s%*s\033[0m", (unsigned)row + 1, look_of(look),
                  (int)size, text, (int)rest, "");
}

void screen_show(void)
{
    if (page_file == NULL) {
        return;
    }
    (void)fclose(page_file);
    page_file = NULL;
    write_all(page, page_size);
    free(page);
    page = NULL;
}
