// What lives here: a library for LD_PRELOAD that notes how to take back each change to a folder that was not synced.
//
// A killed process loses nothing: the kernel keeps what it wrote. A power cut loses what was not synced. This library
// stands between a program and the C library and notes, before each change below UNSYNCED_ROOT, how things were. A sync
// of a file forgets the notes about its bytes, a sync of a folder those about its names. What is still noted when the
// program is killed is what a power cut may take; tests/src/fault.rs takes it back.
//
// All notes are on disk, under UNSYNCED_UNDO, on the same file system as the root but outside of it:
//
//   data/<inode>          a file: one `struct note` with old bytes for each change since the last sync
//   names/<inode>/<name>  a folder: for each name that changed since the last sync, what it was before that:
//                         a hard link to the file, or a symbolic link to `unsynced:absent` or `unsynced:folder:<inode>`
//   removed/<inode>       folders that were removed; they move here, so that their inodes are not given to others
//   trash/                notes about names that a sync forgets: they move here at once, then go one by one
//   lock                  who changes names holds it; who changes bytes holds data/<inode>
//
// A note is written before the change and forgotten after the sync, so a kill between any two lines is harmless.
// Nothing is kept in memory, so threads, children and restarts need no care.
//
// The rules are strict, as those of POSIX: a sync of a file does not keep its name, and a sync of a folder does not keep
// the folder's own name. O_SYNC, sync_file_range, syncfs and sync do not count. Files `*-shm` are ignored: SQLite makes
// them again. What comes from outside the root counts as synced. Not seen is what passes through none of the functions
// below: stdio, remove, truncate, io_uring, reflinks, shared maps, and raw system calls; the crate rustix makes those,
// and with it `persist` of tempfile. Old bytes behind a write-only descriptor are read through another one, and closing
// that drops fcntl locks the process has on the file (SQLite never opens write-only).

#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC 0x6465636e79736e75 // "unsynced"
#define CHUNK 16384
#define HERE -1 // at the position of the descriptor
#define TO_THE_END INT64_MAX

struct note { // Followed by `old_length` bytes. A change of many bytes is several notes, of which one `begins`.
    uint64_t magic, at /* in the notes */, begins, offset, old_size, old_length, new_length;
};

struct place { // A name in a watched folder.
    int folder;
    char name[NAME_MAX + 1];
};

static char root[PATH_MAX], undo[PATH_MAX];
static size_t root_length; // 0: nothing is watched

// Ends the program: a test must not go on without its notes.
static void die(const char *what) {
    fprintf(stderr, "unsynced: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *watched = getenv("UNSYNCED_ROOT"), *notes = getenv("UNSYNCED_UNDO");
    if (!watched || !notes) return;
    struct stat a, b;
    if (!realpath(watched, root) || !realpath(notes, undo)) die("UNSYNCED_ROOT and UNSYNCED_UNDO must be folders");
    if (stat(root, &a) || stat(undo, &b) || a.st_dev != b.st_dev) die("both folders must be on one file system");
    const char *folders[] = {"data", "names", "removed"};
    for (int i = 0; i < 3; i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%s", undo, folders[i]);
        if (syscall(SYS_mkdirat, AT_FDCWD, path, 0700) && errno != EEXIST) die(path);
    }
    root_length = strlen(root);
}

// What is watched.

static int in_root(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int is_ignored(const char *path) {
    const char *last = strrchr(path, '-');
    return last && (!strcmp(last, "-shm") || !strcmp(last, "-shm (deleted)"));
}

static int path_of(int fd, char path[PATH_MAX]) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static int is_watched(int fd, struct stat *about) {
    char path[PATH_MAX];
    return root_length && !fstat(fd, about) && (S_ISREG(about->st_mode) || S_ISDIR(about->st_mode)) &&
           path_of(fd, path) && in_root(path) && !is_ignored(path);
}

// Finds the folder and the name a path means, whether the name is there or not. 0: not watched; nothing is left open.
static int find(int at, const char *path, struct place *place) {
    char folder[PATH_MAX];
    size_t length = root_length && path ? strnlen(path, PATH_MAX) : 0;
    place->folder = -1;
    while (length > 1 && path[length - 1] == '/') length--;
    if (!length || length == PATH_MAX) return 0;
    memcpy(folder, path, length);
    folder[length] = 0;
    char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;
    if (strlen(name) > NAME_MAX || !strcmp(name, ".") || !strcmp(name, "..") || is_ignored(name)) return 0;
    strcpy(place->name, name);
    strcpy(name, slash ? "" : ".");
    place->folder = syscall(SYS_openat, at, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (place->folder < 0) return 0;
    if (path_of(place->folder, folder) && in_root(folder)) return 1;
    close(place->folder);
    place->folder = -1;
    return 0;
}

// Closes what a change held, and gives the program the answer and the error of the real call.
static long end(int lock, int folder, long answer) {
    int error = errno;
    if (lock >= 0) close(lock);
    if (folder >= 0) close(folder);
    errno = error;
    return answer;
}

// Each call opens the file anew, so that the lock is held against other threads too, and goes with a killed process.
static int locked(const char *path) {
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) die(path);
    while (flock(fd, LOCK_EX))
        if (errno != EINTR) die(path);
    return fd;
}

// The bytes of files.

static int locked_notes(ino_t inode) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/data/%ju", undo, (uintmax_t)inode);
    return locked(path);
}

static void forget_notes(int notes) {
    if (syscall(SYS_ftruncate, notes, 0)) die("cannot forget notes");
}

// A new file may have the inode of an old one.
static void begin_notes(ino_t inode) {
    int notes = locked_notes(inode);
    forget_notes(notes);
    close(notes);
}

static uint64_t total(const struct iovec *parts, int n) {
    uint64_t length = 0;
    for (int i = 0; i < n; i++) length += parts[i].iov_len;
    return length;
}

static void read_old(int fd, char *bytes, size_t length, off_t offset) {
    if (!length || pread(fd, bytes, length, offset) == (ssize_t)length) return;
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
    if (pread(again, bytes, length, offset) != (ssize_t)length) die("cannot read what is about to change");
    close(again);
}

// Notes what `length` bytes from `offset` are, before they change. Gives the lock to hold during the change, or -1.
static int before_change(int fd, off_t offset, uint64_t length, uint64_t new_length) {
    struct stat about, before;
    if (!is_watched(fd, &about) || !S_ISREG(about.st_mode)) return -1;
    int notes = locked_notes(about.st_ino);
    if (fstat(fd, &about) || fstat(notes, &before)) die("fstat");
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    if (new_length && (fcntl(fd, F_GETFL) & O_APPEND)) offset = about.st_size;
    uint64_t left = offset < about.st_size ? about.st_size - offset : 0;
    if (left > length) left = length;
    char old[CHUNK];
    struct note note = {MAGIC, before.st_size, 1, offset, about.st_size, 0, new_length};
    do {
        note.old_length = left < CHUNK ? left : CHUNK;
        read_old(fd, old, note.old_length, note.offset);
        struct iovec parts[] = {{&note, sizeof note}, {old, note.old_length}};
        if (syscall(SYS_writev, notes, parts, 2) != (ssize_t)total(parts, 2)) die("cannot write a note");
        left -= note.old_length, note.offset += note.old_length, note.at += total(parts, 2);
        note.begins = note.new_length = 0;
    } while (left);
    return notes;
}

// The real call, with the notes before it.
#define CHANGE(fd, offset, length, new_length, ...)                                                                    \
    do {                                                                                                               \
        int notes = before_change(fd, offset, length, new_length);                                                     \
        return end(notes, -1, syscall(__VA_ARGS__));                                                                   \
    } while (0)
#define SAME(type, name, of, ...) type name(__VA_ARGS__) __attribute__((alias(#of)))

ssize_t write(int fd, const void *bytes, size_t n) { CHANGE(fd, HERE, n, n, SYS_write, fd, bytes, n); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
    CHANGE(fd, offset, n, n, SYS_pwrite64, fd, bytes, n, offset);
}
SAME(ssize_t, pwrite64, pwrite, int, const void *, size_t, off64_t);
ssize_t writev(int fd, const struct iovec *parts, int n) {
    CHANGE(fd, HERE, total(parts, n), total(parts, n), SYS_writev, fd, parts, n);
}
ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t offset) {
    CHANGE(fd, offset, total(parts, n), total(parts, n), SYS_pwritev, fd, parts, n, offset, 0);
}
SAME(ssize_t, pwritev64, pwritev, int, const struct iovec *, int, off64_t);
ssize_t pwritev2(int fd, const struct iovec *parts, int n, off_t offset, int flags) {
    CHANGE(fd, offset, total(parts, n), total(parts, n), SYS_pwritev2, fd, parts, n, offset, 0, flags);
}
SAME(ssize_t, pwritev64v2, pwritev2, int, const struct iovec *, int, off64_t, int);
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags) {
    CHANGE(to, to_at ? *to_at : HERE, n, n, SYS_copy_file_range, from, from_at, to, to_at, n, flags);
}
ssize_t sendfile(int to, int from, off_t *from_at, size_t n) {
    CHANGE(to, HERE, n, n, SYS_sendfile, to, from, from_at, n);
}
SAME(ssize_t, sendfile64, sendfile, int, int, off64_t *, size_t);
ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags) {
    CHANGE(to, to_at ? *to_at : HERE, n, n, SYS_splice, from, from_at, to, to_at, n, flags);
}
int ftruncate(int fd, off_t size) { CHANGE(fd, size < 0 ? 0 : size, TO_THE_END, 0, SYS_ftruncate, fd, size); }
SAME(int, ftruncate64, ftruncate, int, off64_t);
// Some modes move bytes, so everything behind `offset` is noted.
int fallocate(int fd, int mode, off_t offset, off_t n) {
    CHANGE(fd, offset < 0 ? 0 : offset, TO_THE_END, 0, SYS_fallocate, fd, mode, offset, n);
}
SAME(int, fallocate64, fallocate, int, int, off64_t, off64_t);
int posix_fallocate(int fd, off_t offset, off_t n) { return fallocate(fd, 0, offset, n) ? errno : 0; }
SAME(int, posix_fallocate64, posix_fallocate, int, off64_t, off64_t);

// The names in folders.

static int locked_names(void) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/lock", undo);
    return locked(path);
}

// Notes what a name is, if nothing is noted about it yet. `only_absent`: the coming call changes no name that is there.
// Gives whether the name is absent.
static int note_name(const struct place *place, int only_absent) {
    char path[PATH_MAX + NAME_MAX + 64], was[64] = "unsynced:absent";
    struct stat about, folder;
    int absent = fstatat(place->folder, place->name, &about, AT_SYMLINK_NOFOLLOW) != 0;
    if (only_absent && !absent) return 0;
    if (fstat(place->folder, &folder)) die("fstat");
    int length = snprintf(path, sizeof path, "%s/names/%ju", undo, (uintmax_t)folder.st_ino);
    if (syscall(SYS_mkdirat, AT_FDCWD, path, 0700) && errno != EEXIST) die(path);
    snprintf(path + length, sizeof path - length, "/%s", place->name);
    int is_folder = !absent && S_ISDIR(about.st_mode);
    if (is_folder) snprintf(was, sizeof was, "unsynced:folder:%ju", (uintmax_t)about.st_ino);
    long failed = absent || is_folder ? syscall(SYS_symlinkat, was, AT_FDCWD, path)
                                      : syscall(SYS_linkat, place->folder, place->name, AT_FDCWD, path, 0);
    if (failed && errno != EEXIST) die(path);
    return absent;
}

static void empty_trash(const char *trash) {
    DIR *folder = opendir(trash);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) syscall(SYS_unlinkat, dirfd(folder), entry->d_name, 0);
    closedir(folder);
    if (syscall(SYS_unlinkat, AT_FDCWD, trash, AT_REMOVEDIR)) die(trash);
}

static int sync_with(long call, int fd) {
    struct stat about;
    if (!is_watched(fd, &about)) return syscall(call, fd);
    int is_folder = S_ISDIR(about.st_mode), lock = is_folder ? locked_names() : locked_notes(about.st_ino);
    long failed = syscall(call, fd);
    if (!failed && !is_folder) forget_notes(lock);
    if (!failed && is_folder) {
        char names[PATH_MAX + 32], trash[PATH_MAX + 32];
        snprintf(names, sizeof names, "%s/names/%ju", undo, (uintmax_t)about.st_ino);
        snprintf(trash, sizeof trash, "%s/trash", undo);
        empty_trash(trash);
        if (rename(names, trash) && errno != ENOENT) die(names);
        empty_trash(trash);
    }
    return end(lock, -1, failed);
}

int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

static int open_with(int at, const char *path, int flags, mode_t mode) {
    struct place place;
    struct stat about;
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        int fd = syscall(SYS_openat, at, path, flags, mode);
        if (fd >= 0 && is_watched(fd, &about)) begin_notes(about.st_ino);
        return fd;
    }
    if (!(flags & (O_CREAT | O_TRUNC)) || !find(at, path, &place)) return syscall(SYS_openat, at, path, flags, mode);
    int lock = locked_names();
    int is_new = flags & O_CREAT && note_name(&place, 1);
    int fd = syscall(SYS_openat, at, path, flags & ~O_TRUNC, mode);
    if (fd >= 0 && is_new && !fstat(fd, &about)) begin_notes(about.st_ino);
    end(lock, place.folder, 0);
    if (fd >= 0 && flags & O_TRUNC && !is_new) ftruncate(fd, 0);
    return fd;
}

#define OPEN(at, path)                                                                                                 \
    do {                                                                                                               \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;                  \
        va_end(rest);                                                                                                  \
        return open_with(at, path, flags, mode);                                                                       \
    } while (0)

int open(const char *path, int flags, ...) { OPEN(AT_FDCWD, path); }
int openat(int at, const char *path, int flags, ...) { OPEN(at, path); }
int creat(const char *path, mode_t mode) { return open_with(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
SAME(int, open64, open, const char *, int, ...);
SAME(int, openat64, openat, int, const char *, int, ...);
SAME(int, creat64, creat, const char *, mode_t);

// The real call, with a note that the name was absent before it.
#define NEW_NAME(at, path, ...)                                                                                        \
    do {                                                                                                               \
        struct place place;                                                                                            \
        if (!find(at, path, &place)) return syscall(__VA_ARGS__);                                                      \
        int lock = locked_names();                                                                                     \
        note_name(&place, 1);                                                                                          \
        return end(lock, place.folder, syscall(__VA_ARGS__));                                                          \
    } while (0)

int mkdirat(int at, const char *path, mode_t mode) { NEW_NAME(at, path, SYS_mkdirat, at, path, mode); }
int symlinkat(const char *to, int at, const char *path) { NEW_NAME(at, path, SYS_symlinkat, to, at, path); }
int linkat(int old_at, const char *old_path, int at, const char *path, int flags) {
    NEW_NAME(at, path, SYS_linkat, old_at, old_path, at, path, flags);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }
int link(const char *old_path, const char *path) { return linkat(AT_FDCWD, old_path, AT_FDCWD, path, 0); }

int renameat2(int old_at, const char *old_path, int new_at, const char *new_path, unsigned flags) {
    struct place from, to;
    struct stat about;
    int from_root = find(old_at, old_path, &from), to_root = find(new_at, new_path, &to);
    int lock = from_root || to_root ? locked_names() : -1;
    if (from_root) note_name(&from, 0);
    if (to_root && !note_name(&to, 0) && !(flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) &&
        !fstatat(to.folder, to.name, &about, AT_SYMLINK_NOFOLLOW) && S_ISDIR(about.st_mode))
        die("a rename over a folder cannot be taken back");
    long failed = syscall(SYS_renameat2, old_at, old_path, new_at, new_path, flags);
    if (!failed && to_root && !from_root && !fstatat(to.folder, to.name, &about, AT_SYMLINK_NOFOLLOW))
        begin_notes(about.st_ino);
    return end(lock, -1, end(from.folder, to.folder, failed));
}

int renameat(int from_at, const char *from, int at, const char *to) { return renameat2(from_at, from, at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int is_empty(int at, const char *name) {
    int fd = syscall(SYS_openat, at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), n = 0;
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) return 0;
    while (readdir(folder)) n++;
    closedir(folder);
    return n == 2; // `.` and `..`
}

int unlinkat(int at, const char *path, int flags) {
    struct place place;
    struct stat about;
    if (!find(at, path, &place)) return syscall(SYS_unlinkat, at, path, flags);
    int lock = locked_names();
    if (!note_name(&place, 0) && flags & AT_REMOVEDIR && is_empty(place.folder, place.name) &&
        !fstatat(place.folder, place.name, &about, AT_SYMLINK_NOFOLLOW) && S_ISDIR(about.st_mode)) {
        char removed[PATH_MAX + 32];
        snprintf(removed, sizeof removed, "%s/removed/%ju", undo, (uintmax_t)about.st_ino);
        return end(lock, place.folder, syscall(SYS_renameat2, place.folder, place.name, AT_FDCWD, removed, 0));
    }
    return end(lock, place.folder, syscall(SYS_unlinkat, at, path, flags));
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
