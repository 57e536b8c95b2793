// FileSystem: the system calls on files that several targets make, each wrapped once. It knows nothing of dbxsync.
//
//   Descriptor          an open file or folder, closed when nobody holds it any more
//   DirectoryEntries    what is in a folder: the one loop over readdir(3)
//   replaceFile         a small file, replaced in one step, as durably as its owner asks
//   writeAll            all bytes, whatever write(2) takes at a time
//   FileNote            a short text that stays with a file: an extended attribute
//   SystemError         an error number that says itself in words
//   startThread         a detached thread, for what blocks
//   retrying            a call repeated when a signal has interrupted it
//
// Nothing here decides anything: each function says what failed, and the caller's error type says what that means.
