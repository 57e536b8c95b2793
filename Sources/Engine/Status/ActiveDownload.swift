public import SyncModel
import Synchronization

/// A file that is being downloaded, as far as it has come.
public struct DownloadProgress: Hashable, Sendable {
    /// Where it will stand.
    public var path: MirrorPath
    /// Bytes that are here, those of earlier runs included.
    public var bytesDone: Int64
    /// Its size; of an export, which tells none, what has come so far.
    public var bytesTotal: Int64
}

/// Counts the bytes of a file that is being downloaded, perhaps over several connections.
final class ActiveDownload: Sendable {
    let path: MirrorPath
    private let size: Int64
    private let done: Atomic<Int64>

    init(_ placement: Placement, begun: Int64) {
        path = placement.path
        size = placement.version.size
        done = Atomic(begun)
    }

    /// Counts bytes as they arrive; a negative number when they are forgotten again.
    func receive(_ bytes: Int) { done.wrappingAdd(Int64(bytes), ordering: .relaxed) }

    var progress: DownloadProgress {
        let done = done.load(ordering: .relaxed)
        return DownloadProgress(path: path, bytesDone: done, bytesTotal: max(size, done))
    }
}
