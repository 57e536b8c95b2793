import Concurrency
import FileEvents
import FileSystem
import Glibc
import MirrorFS
import SyncModel
import Synchronization

/// Which folders of the mirror the kernel watches, and where in them something has happened since.
final class WatchedFolders: Sendable {
    private struct State {
        var folders: [Int32: RemoteKey] = [:]
        var watches: [RemoteKey: (number: Int32, inode: UInt64)] = [:]
        /// Folders that the kernel refuses to watch.
        var refused: Set<RemoteKey> = []
        var refusal: Int32?
        /// Folders in which something has happened.
        var touched: Set<RemoteKey> = []
        var hasOverflown = false
        /// Whether all has to be looked at, at once.
        var needsSweep = false
    }

    private let state: Mutex<State>
    private let inotify: Mutex<Inotify?>
    private let unwatchable: String?
    /// Notified when something has happened.
    let activity = AsyncSignal()

    /// Nothing is watched yet.
    ///
    /// - Parameters:
    ///   - fileSystem: the mirror's; one of which the kernel does not tell all is not watched.
    ///   - isWanted: whether anything is to be watched.
    init(_ fileSystem: FileSystemKind, isWanted: Bool) {
        state = Mutex(State())
        inotify = Mutex(nil)
        switch fileSystem {
        case _ where !isWanted: unwatchable = "mirror.watch is false"
        case .remote(let name):
            unwatchable = "changes by other machines on a file system of type \(name) are not reported"
        case .local: unwatchable = nil
        }
    }

    /// Begins to watch what is looked into from now on.
    func begin() {
        if unwatchable != nil { return }
        do {
            let started = try Inotify(attributes: true) { [weak self] in self?.take($0) }
            inotify.withLock { $0 = started }
        } catch {
            state.withLock { $0.refusal = error.number }
        }
    }

    /// Forgets everything and begins anew: another file system may be mounted there now.
    func beginAnew() {
        guard watcher != nil else { return }
        inotify.withLock { $0 = nil }
        state.withLock { $0 = State() }
        begin()
    }

    /// What watches; `nil` if nothing is to be watched.
    var watcher: Inotify? { inotify.withLock { $0 } }

    /// Takes down that a folder was looked into and so is watched, or cannot be.
    func note(_ folder: RemoteKey, inode: UInt64, watch: Int32) {
        let old: Int32? = state.withLock { state in
            guard watch >= 0 else {
                state.refused.insert(folder)
                state.refusal = -watch
                return nil
            }
            state.refused.remove(folder)
            let old = state.watches.updateValue((watch, inode), forKey: folder)?.number
            if let other = state.folders.updateValue(folder, forKey: watch), other != folder,
                state.watches[other]?.number == watch
            {
                state.watches[other] = nil
            }
            guard let old, old != watch else { return nil }
            state.folders[old] = nil
            return old
        }
        if let old { watcher?.unwatch(old) }
    }

    /// Whether the folder of this inode was looked into; another one may have taken its place since.
    func isKnown(_ folder: RemoteKey, inode: UInt64) -> Bool {
        state.withLock { $0.watches[folder]?.inode == inode || $0.refused.contains(folder) }
    }

    /// Has a folder looked at although the kernel told nothing: it may hold one now that stood there and was taken over.
    func touch(_ folder: RemoteKey) {
        if watcher == nil { return }
        if state.withLock({ $0.touched.insert(folder).inserted }) { activity.notify() }
    }

    /// Has all of the mirror looked at as soon as possible, whether it is watched or not.
    func requireSweep() {
        state.withLock { $0.needsSweep = true }
        activity.notify()
    }

    /// Takes what has happened.
    func takeActivity() -> Activity {
        state.withLock { state in
            defer { (state.touched, state.hasOverflown, state.needsSweep) = ([], false, false) }
            return Activity(
                folders: state.touched, hasOverflown: state.hasOverflown, needsSweep: state.needsSweep)
        }
    }

    /// What has happened in the mirror.
    struct Activity {
        /// Where something has happened.
        var folders: Set<RemoteKey>
        /// Whether more has happened than the kernel has kept.
        var hasOverflown: Bool
        /// Whether all has to be looked at, at once.
        var needsSweep: Bool
    }

    /// Forgets which folders could not be watched: a look at all of them tells anew.
    func beginLookingAtAll() { state.withLock { $0.refused = [] } }

    /// How well the mirror is watched.
    var summary: WatchState {
        if let unwatchable { return WatchState(watched: 0, reason: unwatchable) }
        return state.withLock { state in
            guard let refusal = state.refusal, watcher == nil || !state.refused.isEmpty else {
                return WatchState(watched: state.watches.count)
            }
            let hint =
                switch refusal {
                case ENOSPC: "; raise fs.inotify.max_user_watches (sysctl)"
                case EMFILE: "; raise fs.inotify.max_user_instances (sysctl)"
                default: ""
                }
            return WatchState(
                watched: state.watches.count, unwatched: state.refused.count,
                reason: SystemError(refusal).description + hint)
        }
    }

    private func take(_ events: [FileEvent]) {
        let isNew = state.withLock { state in
            var isNew = false
            for event in events {
                switch event {
                case .overflow:
                    state.hasOverflown = true
                    isNew = true
                case .unwatched(let watch):
                    guard let folder = state.folders.removeValue(forKey: watch) else { continue }
                    if state.watches[folder]?.number == watch { state.watches[folder] = nil }
                case .touched(let watch, let name, _):
                    guard let folder = state.folders[watch] else { continue }
                    if folder == .root && name.elementsEqual(MirrorPath.ownFolder.text.utf8) { continue }
                    if state.touched.insert(folder).inserted { isNew = true }
                }
            }
            return isNew
        }
        if isNew { activity.notify() }
    }
}
