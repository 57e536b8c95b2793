// Linux system calls and constants that Swift's Glibc module does not show (no _GNU_SOURCE there).
// Every function returns -1 and sets errno on failure, as the call it wraps does (see its man page, section 2).
#pragma once
#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>

// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV; needs Linux 5.6.
int dbx_open_beneath(int folder, const char *path, int flags);
// What stands somewhere: kind and mode as st_mode, inode, size, modification time, and whether something is mounted on it,
// so that all the rest is of another file system (told from Linux 5.8 on).
struct dbx_entry {
    uint32_t mode;
    uint64_t inode;
    int64_t size, seconds;
    uint32_t nanoseconds;
    int is_mount;
};
// statx(2) of an entry of `folder`; no link is followed, and nothing is mounted by the look.
int dbx_look(int folder, const char *name, struct dbx_entry *entry);
// renameat2(2) with RENAME_NOREPLACE.
int dbx_rename_noreplace(int from_folder, const char *from, int to_folder, const char *to);
// ioctl(2) FICLONE: `to` shares the blocks of `from`.
int dbx_clone(int to, int from);
// copy_file_range(2) at the same offset of both files.
ssize_t dbx_copy_range(int from, int to, off_t offset, size_t length);
// lseek(2) with SEEK_DATA and SEEK_HOLE.
off_t dbx_next_data(int file, off_t offset);
off_t dbx_next_hole(int file, off_t offset);
// fallocate(2) with FALLOC_FL_KEEP_SIZE.
int dbx_reserve(int file, off_t offset, off_t length);
// mallopt(3) M_ARENA_MAX: fewer arenas hold less of what was freed.
void dbx_limit_arenas(int count);
// malloc_trim(3): gives memory that was freed back to the system; and madvise(2) MADV_DONTNEED for the code of the program
// and its libraries, of which little is needed while nothing happens: what is needed comes back from the file.
void dbx_release_memory(void);
// syncfs(2).
int dbx_syncfs(int descriptor);
// fstatfs(2): the type of the file system, as linux/magic.h has it.
int64_t dbx_file_system(int descriptor);
// makedev(3): the device number, as in st_dev of stat(2).
uint64_t dbx_device(uint32_t major, uint32_t minor);
// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: begin writing out, do not wait.
int dbx_begin_writeout(int file, off_t offset, off_t length);
// ioprio_set(2): the calling thread gets at the disk only when nobody else wants to, where the disk's scheduler knows that.
int dbx_be_idle(void);
// Whether a SIGHUP came before anybody could take it; of `dbxsync run` alone, which ends cleanly with 0 if a SIGTERM or
// SIGINT comes that early. Asked once: a second call says no.
int dbx_had_early_hangup(void);
// Ends the process as _exit(2) does, when so many milliseconds have passed; no thread of ours can stop that.
void dbx_exit_after(int milliseconds, int code, const char *last_words);
// Signals that mean a fault end the process at once, whatever a runtime has in mind for them.
void dbx_let_faults_end(void);
// futimens(2): sets the modification time to whole seconds, leaves the access time.
int dbx_set_modified(int file, int64_t seconds);
// The same for a symbolic link itself: utimensat(2).
int dbx_set_link_modified(int folder, const char *name, int64_t seconds);
// Whether somebody has the file open for writing: fcntl(2) F_SETLEASE refuses a read lease then. 0 also where leases are
// not possible (another user's file, some network file systems).
int dbx_has_writer(int file);
// fgetxattr(2) of a folder's default ACL (acl(5)), in the form of linux/posix_acl_xattr.h: its length, or -1 without one.
ssize_t dbx_default_acl(int folder, void *bytes, size_t capacity);
// fsetxattr(2) of a file's access ACL, in the same form.
int dbx_set_access_acl(int file, const void *bytes, size_t length);
// fsetxattr(2) and fgetxattr(2) of user.dbxsync: what is noted about a file of the user's, where the file system can.
int dbx_set_note(int file, const void *bytes, size_t length);
ssize_t dbx_note(int file, void *bytes, size_t capacity);
// posix_spawn_file_actions_addclosefrom_np(3): the program inherits no file from this number on. glibc has it from 2.34 on;
// before that it does nothing, and returns 0.
int dbx_spawn_closing_from(posix_spawn_file_actions_t *actions, int number);
// wcwidth(3): the columns of a terminal that a character of Unicode takes, or -1 where the locale knows none. Chooses the
// locale C.UTF-8 for the whole program's LC_CTYPE when it is called first.
int dbx_columns(uint32_t character);
