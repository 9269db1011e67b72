// The service that every tool runs in the benchmark. It writes what happens
// to it, with its own monotonic clock, into one file that all its copies
// share: figures come from these lines, never from what a tool reports.
//
//   PROBE_EVENTS=FILE probe MODE NAME [ARGUMENTS]
//
//   run               start, then wait
//   crash MS          start, live so long, end with status 1
//   file MS PATH      start; after so long create PATH
//   log MS            start; after so long print a line that says ready
//   notify MS         start; after so long send READY=1 to $NOTIFY_SOCKET
//   tcp MS PORT       start; after so long listen on loopback
//   http MS PORT      the same, and answer each connection with 200
//   tree              start, have a child and a daemon, which write that they
//                     have started, too; then wait
//   spam LINES        start, write so many lines of 100 bytes, then wait
//   launch NAME COUNT the floor: start COUNT copies in mode run, a pipe each
//
// Each line is: kind, name, pid, nanoseconds. Kinds are S (started), R
// (ready), E (end of the work), T (told to stop).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *name;
static int events = -1;

static void die(const char *what) {
    dprintf(2, "probe: %s: %s\n", what, strerror(errno));
    _exit(111);
}

// One write per line to a file opened for appending: lines of a thousand
// processes do not mix.
static void event(char kind) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char line[256];
    int n = snprintf(line, sizeof line, "%c %s %d %lld\n", kind, name, (int)getpid(),
                     (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
    if (events >= 0 && write(events, line, n) != n) die("write the event");
}

static void on_stop(int sig) {
    (void)sig;
    event('T');
    _exit(0);
}

static void nap(const char *ms) {
    long n = strtol(ms, NULL, 10);
    struct timespec left = {n / 1000, n % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void wait_for_ever(void) {
    for (;;) pause();
}

static void create(const char *path) {
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) die("create the ready file");
    close(fd);
    event('R');
}

static void notify(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof to.sun_path) {
        errno = EINVAL;
        die("NOTIFY_SOCKET");
    }
    strcpy(to.sun_path, path);
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (path[0] == '@') to.sun_path[0] = 0; // an abstract name
    else size++;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&to, size) != 7) die("notify");
    close(fd);
    event('R');
}

static int listen_on(const char *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) die("bind");
    if (listen(fd, 128) != 0) die("listen");
    event('R');
    return fd;
}

static void serve(int fd, int answer) {
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char request[4096];
    for (;;) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0) continue;
        if (answer && read(peer, request, sizeof request) > 0 && write(peer, ok, sizeof ok - 1) < 0) {
            // The client has gone: the next one is served.
        }
        close(peer);
    }
}

// A child, and a daemon: the latter has a session of its own and, once the
// process between them has ended, no parent but the system's.
static void grow(void) {
    for (int daemon = 0; daemon < 2; daemon++) {
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid > 0) {
            if (daemon) waitpid(pid, NULL, 0);
            continue;
        }
        if (daemon && (setsid() < 0 || (pid = fork()) < 0)) die("leave the session");
        if (pid > 0) _exit(0);
        event('S');
        wait_for_ever();
    }
}

// Lines of exactly 100 bytes, each beginning with its number in nine digits,
// many to a write as a busy service with a buffer does.
static void spam(long count) {
    enum { line = 100, batch = 655 };
    static char block[line * batch];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < batch; i++) {
        block[i * line + 9] = ' ';
        block[i * line + line - 1] = '\n';
    }
    for (long sent = 0; sent < count;) {
        int n = count - sent < batch ? (int)(count - sent) : batch;
        for (int i = 0; i < n; i++) {
            long number = sent + i;
            for (int d = 8; d >= 0; d--, number /= 10) block[i * line + d] = '0' + number % 10;
        }
        for (char *at = block, *end = block + n * line; at < end;) {
            ssize_t wrote = write(1, at, end - at);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) die("write a line");
            at += wrote;
        }
        sent += n;
    }
}

// The floor of starting services: nothing but a pipe and a spawn for each.
static void launch(const char *self, int count) {
    extern char **environ;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct pollfd *out = calloc(count, sizeof *out);
    for (int i = 0; i < count; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        char service[32];
        snprintf(service, sizeof service, "s%d", i);
        char *argv[] = {(char *)self, "run", service, NULL};
        pid_t pid;
        int err = posix_spawn(&pid, self, &actions, NULL, argv, environ);
        if (err) {
            errno = err;
            die("spawn");
        }
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        out[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    }
    char discard[4096];
    for (;;) {
        if (poll(out, count, -1) < 0) continue;
        for (int i = 0; i < count; i++)
            if (out[i].revents && read(out[i].fd, discard, sizeof discard) <= 0) out[i].fd = -1;
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        dprintf(2, "usage: probe MODE NAME [ARGUMENTS]\n");
        return 100;
    }
    const char *mode = argv[1], *path = getenv("PROBE_EVENTS");
    const char *first = argc > 3 ? argv[3] : "0", *second = argc > 4 ? argv[4] : "";
    name = argv[2];
    if (strcmp(mode, "launch") == 0) {
        launch(argv[0], atoi(first));
        return 0;
    }
    if (path) events = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (path && events < 0) die("open PROBE_EVENTS");
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    if (strcmp(mode, "file") == 0) unlink(second);
    event('S');

    if (strcmp(mode, "crash") == 0) {
        nap(first);
        event('E');
        return 1;
    } else if (strcmp(mode, "spam") == 0) {
        spam(strtol(first, NULL, 10));
        event('E');
    } else if (strcmp(mode, "tree") == 0) {
        grow();
    } else if (strcmp(mode, "run") != 0) {
        nap(first);
    }
    if (strcmp(mode, "file") == 0) {
        create(second);
    } else if (strcmp(mode, "log") == 0) {
        event('R');
        dprintf(1, "%s is ready\n", name);
    } else if (strcmp(mode, "notify") == 0) {
        notify();
    } else if (strcmp(mode, "tcp") == 0) {
        serve(listen_on(second), 0);
    } else if (strcmp(mode, "http") == 0) {
        serve(listen_on(second), 1);
    }
    wait_for_ever();
}
