#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

int dbx_open_beneath(int folder, const char *path, int flags) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = (uint64_t)flags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

int dbx_look(int folder, const char *name, struct dbx_entry *entry) {
    struct statx all;
    if (statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &all) != 0) return -1;
    entry->mode = all.stx_mode;
    entry->inode = all.stx_ino;
    entry->size = (int64_t)all.stx_size;
    entry->seconds = all.stx_mtime.tv_sec;
    entry->nanoseconds = all.stx_mtime.tv_nsec;
    entry->is_mount = (all.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return 0;
}

int dbx_rename_noreplace(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE);
}

int dbx_clone(int to, int from) { return ioctl(to, FICLONE, from); }

ssize_t dbx_copy_range(int from, int to, off_t offset, size_t length) {
    off_t source = offset, target = offset;
    return copy_file_range(from, &source, to, &target, length, 0);
}

off_t dbx_next_data(int file, off_t offset) { return lseek(file, offset, SEEK_DATA); }

off_t dbx_next_hole(int file, off_t offset) { return lseek(file, offset, SEEK_HOLE); }

int dbx_reserve(int file, off_t offset, off_t length) {
    return fallocate(file, FALLOC_FL_KEEP_SIZE, offset, length);
}

void dbx_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

// Gives back the pages of one program or library that nobody ever writes to.
static int release_code(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    if (strstr(info->dlpi_name, "vdso")) return 0;  // no file
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
        uintptr_t start = (info->dlpi_addr + part->p_vaddr + page - 1) / page * page;
        uintptr_t end = (info->dlpi_addr + part->p_vaddr + part->p_filesz) / page * page;
        if (start < end) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void dbx_release_memory(void) {
    malloc_trim(0);
    dl_iterate_phdr(release_code, NULL);
}

int dbx_syncfs(int descriptor) { return syncfs(descriptor); }

int64_t dbx_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (int64_t)(uint32_t)status.f_type : -1;
}

uint64_t dbx_device(uint32_t major, uint32_t minor) { return makedev(major, minor); }

// Of linux/ioprio.h, which not every system has: IOPRIO_WHO_PROCESS, and IOPRIO_CLASS_IDLE above the 13 bits of the level.
int dbx_be_idle(void) { return (int)syscall(SYS_ioprio_set, 1, 0, 3 << 13); }

int dbx_begin_writeout(int file, off_t offset, off_t length) {
    return sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
}

int dbx_set_modified(int file, int64_t seconds) {
    struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
    return futimens(file, times);
}

int dbx_set_link_modified(int folder, const char *name, int64_t seconds) {
    struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, 0}};
    return utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
}

int dbx_has_writer(int file) {
    // SIGIO, which would end the process, is the default for whoever opens the file meanwhile; SIGURG is ignored.
    if (fcntl(file, F_SETSIG, SIGURG) != 0 || fcntl(file, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
    fcntl(file, F_SETLEASE, F_UNLCK);
    return 0;
}

static volatile sig_atomic_t early_hangup;

static void note_early_hangup(int number) {
    (void)number;
    early_hangup = 1;
}

static void end_early(int number) {
    (void)number;
    _exit(0);
}

// Before the runtime and the program begin, which takes tens of milliseconds; glibc hands over the arguments.
__attribute__((constructor)) static void take_early_signals(int count, char **arguments) {
    if (count < 2 || strcmp(arguments[1], "run") != 0) return;
    const char *name = strrchr(arguments[0], '/');
    if (strcmp(name ? name + 1 : arguments[0], "dbxsync") != 0) return;
    signal(SIGHUP, note_early_hangup);
    signal(SIGTERM, end_early);
    signal(SIGINT, end_early);
}

int dbx_had_early_hangup(void) {
    int had = early_hangup;
    early_hangup = 0;
    return had;
}

struct ending {
    int milliseconds, code;
    char *last_words;
};

static void *end_later(void *argument) {
    struct ending *ending = argument;
    struct timespec pause = {ending->milliseconds / 1000, ending->milliseconds % 1000 * 1000000L};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {}
    if (ending->last_words && write(2, ending->last_words, strlen(ending->last_words)) < 0) {}
    _exit(ending->code);
}

void dbx_exit_after(int milliseconds, int code, const char *last_words) {
    struct ending *ending = malloc(sizeof *ending);
    pthread_t thread;
    if (!ending) return;
    *ending = (struct ending){milliseconds, code, last_words ? strdup(last_words) : NULL};
    if (pthread_create(&thread, NULL, end_later, ending) == 0) pthread_detach(thread);
}

void dbx_let_faults_end(void) {
    int faults[] = {SIGABRT, SIGQUIT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], SIG_DFL);
}

ssize_t dbx_default_acl(int folder, void *bytes, size_t capacity) {
    return fgetxattr(folder, "system.posix_acl_default", bytes, capacity);
}

int dbx_set_access_acl(int file, const void *bytes, size_t length) {
    return fsetxattr(file, "system.posix_acl_access", bytes, length, 0);
}

int dbx_set_note(int file, const void *bytes, size_t length) {
    return fsetxattr(file, "user.dbxsync", bytes, length, 0);
}

ssize_t dbx_note(int file, void *bytes, size_t capacity) { return fgetxattr(file, "user.dbxsync", bytes, capacity); }

int dbx_spawn_closing_from(posix_spawn_file_actions_t *actions, int number) {
#if __GLIBC_PREREQ(2, 34)
    return posix_spawn_file_actions_addclosefrom_np(actions, number);
#else
    return 0;
#endif
}

static void know_letters(void) { setlocale(LC_CTYPE, "C.UTF-8"); }

int dbx_columns(uint32_t character) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, know_letters);
    return wcwidth((wchar_t)character);
}
