import SyncModel

extension MirrorTree {
    /// Executes a batch in order and makes its effects durable.
    ///
    /// - Parameters:
    ///   - batch: the operations.
    ///   - trash: where what is removed or replaced goes, below `.dbxsync`; `nil` if it is not kept.
    /// - Returns: what became of each mutation: one that fails does not stop the others.
    /// - Throws: `MirrorError` for what concerns the whole disk. Then some effects may have happened: their intents
    ///   tell which.
    public func perform(_ batch: [PreparedOperation], trash: String? = nil) throws -> [AppliedOperation] {
        try makeDurable(batch)
        let effects = Applier(self, stamped: batch.count(where: \.stampsFile), trash: trash)
        var results: [AppliedOperation] = []
        for prepared in batch {
            try faults(.effect)
            results.append(try effects.perform(prepared))
            try faults(.effectDone)
        }
        try faults(.syncFolders)
        try effects.syncTouched()
        return results
    }

    /// Bytes before names: what is renamed into place must survive a power cut (rename(2) promises nothing of that).
    private func makeDurable(_ batch: [PreparedOperation]) throws {
        let volatile = batch.contains {
            if case .staged(let file)? = $0.content { !file.isDurable } else { false }
        }
        if volatile { try syncEverything() }
    }
}

extension PreparedOperation {
    /// Whether a file stands already that only gets a time and a mode.
    fileprivate var stampsFile: Bool {
        if case .updateMetadata = operation { return true }
        if case .adopted? = content { return true }
        return false
    }
}
