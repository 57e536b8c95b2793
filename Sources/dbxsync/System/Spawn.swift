import CLinux
import FileSystem
import Glibc

/// Starts a program in which no signal is blocked or ignored, whatever holds for this process.
///
/// - Parameters:
///   - command: its path, or a name that is looked for in PATH, and its arguments.
///   - environment: all of its environment.
///   - actions: what becomes of its descriptors.
/// - Returns: its process, which the caller has to wait for.
/// - Throws: `SystemError` of posix_spawnp(3), such as that there is no such program.
func spawn(
    _ command: [String], environment: [String: String], _ actions: inout posix_spawn_file_actions_t
) throws(SystemError) -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let arguments = CStrings(command)
    let variables = CStrings(environment.map { "\($0)=\($1)" })
    var pid = pid_t()
    let failed = posix_spawnp(&pid, command[0], &actions, &attributes, arguments.pointers, variables.pointers)
    guard failed == 0 else { throw SystemError(failed) }
    return pid
}

/// Strings as execve(2) takes them.
private final class CStrings {
    private(set) var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) { pointers = strings.map { strdup($0) } + [nil] }

    deinit { for pointer in pointers { free(pointer) } }
}
