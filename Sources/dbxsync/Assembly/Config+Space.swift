import Configuration
import Dropbox

extension Config.AccountSettings {
    /// The part of the account that paths are relative to.
    var space: AccountSpace {
        if let namespace { return .namespace(namespace) }
        return teamSpace ? .team : .own
    }
}

extension AccountSpace {
    /// One of its folders, "" for everything, in words for people.
    func folder(_ path: String) -> String {
        switch self {
        case .own: path.isEmpty ? "the whole Dropbox" : path
        case .team: path.isEmpty ? "the whole team space" : "\(path) in the team space"
        case .namespace(let id): path.isEmpty ? "the namespace \(id)" : "\(path) in the namespace \(id)"
        }
    }
}
