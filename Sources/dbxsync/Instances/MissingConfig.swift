import Configuration
import Glibc

/// A configuration that is not there, and how to come by one.
struct MissingConfig: Equatable, CustomStringConvertible {
    let file: String
    /// The configurations that the machine has.
    let others: [Instance]

    init(_ file: String, others: [Instance]) { (self.file, self.others) = (file, others) }

    /// - Parameters:
    ///   - file: a configuration that cannot be read.
    ///   - folder: where the configurations of the machine are.
    /// - Returns: nil if something is there.
    init?(_ file: String, in folder: String) {
        guard access(file, F_OK) != 0 && errno == ENOENT else { return nil }
        let isUsual = file == DropIn.file(ofInstance: nil)
        // Who may not see the others is not told of them.
        self.init(file, others: isUsual ? (try? Instance.all(in: folder)) ?? [] : [])
    }

    var description: String {
        let rest = others.map { "\n\($0.name) has one: --config \($0.file)" }.joined()
        return "there is no configuration \(file); to make one: dbxsync setup" + rest
    }
}
