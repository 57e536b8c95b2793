import Configuration
import Store

extension Config {
    /// The state file for reading; before the first run there is none, which is a state, too.
    func readableState() throws -> StateStore {
        do {
            return try StateStore.openReadOnly(at: stateFile)
        } catch let error as StoreError where error.code == .missing {
            return try StateStore.scratchCopy(of: stateFile)
        }
    }
}
