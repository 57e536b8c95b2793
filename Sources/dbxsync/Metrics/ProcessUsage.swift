import Glibc

/// What this process takes of the machine.
struct ProcessUsage: Codable, Equatable, Sendable {
    /// Time on a processor so far, in seconds.
    var cpuSeconds = 0.0
    /// Memory in use, in bytes.
    var residentBytes: Int64 = 0
    /// Open descriptors.
    var descriptors = 0

    /// What it takes now; zero where the kernel does not tell.
    static func now() -> ProcessUsage {
        ProcessUsage(cpuSeconds: cpuSecondsNow, residentBytes: residentBytesNow, descriptors: descriptorsNow)
    }

    private static var cpuSecondsNow: Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    /// proc_pid_statm(5): total and resident size, in pages.
    private static var residentBytesNow: Int64 {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return 0 }
        let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int64(words[1]) ?? 0) * Int64(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    private static var descriptorsNow: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = -3  // ".", ".." and the one that is read
        while readdir(folder) != nil { count += 1 }
        return max(0, count)
    }
}
