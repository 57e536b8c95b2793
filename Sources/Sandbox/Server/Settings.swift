/// Switches between behaviours that the real service shows at one time or another.
public struct Settings: Hashable, Sendable {
    /// Entries on a page when the caller states no limit.
    public var pageSize = 500
    /// A page with no entries and `has_more` comes at each multiple of this; 0 for never.
    public var emptyPageEvery = 0
    /// Entries of children come before those of their folders.
    public var childrenBeforeParents = false
    /// The deletion of a folder lists what was in it, too.
    public var deletesListChildren = false
    /// A move lists the new place before the deletion of the old one.
    public var movesAddFirst = false
    /// A move gives its files new revisions.
    public var movesMakeRevisions = true
    /// How the folders above an entry are spelled in `path_display`.
    public var ancestorCase = AncestorCase.exact
    /// A recursive listing of a folder includes the folder itself.
    public var listsWatchedFolder = true
    /// A cursor is refused when its folder is no longer where it was; otherwise pages say what happened at its path.
    public var refusesLostFolders = true
    /// Longpoll time-outs are multiplied by this.
    public var longpollScale = 1.0
    /// Up to so many seconds are added to a longpoll's time-out.
    public var longpollJitter = 0
    /// Longpoll says at once that there are changes, whether there are or not.
    public var longpollIsSpurious = false
    /// `backoff` of longpoll answers.
    public var longpollBackoff: Int?
    /// Answers carry members that no specification knows.
    public var extraFields = true
    /// Status of an answer to a range that cannot be satisfied: 409 or 416.
    public var unsatisfiableRange = 416
    /// Life of access tokens in seconds.
    public var accessTokenLife: Int64 = 14_400
    /// Largest body of one upload.
    public var uploadLimit = 157_286_400
    /// From so many entries on, its own folder counted, a zip is refused.
    public var zipEntryLimit = 10_000
    /// From so many bytes on a zip is refused.
    public var zipSizeLimit: Int64 = 20_000_000_000
    /// From so many bytes on a file is too large for a zip.
    public var zipFileLimit: Int64 = 4_000_000_000
    /// An export of an old revision is one of the newest revision, and says so.
    public var exportsNewestRevision = false
    /// Bytes that the account has room for; 0 for no limit.
    public var quota: Int64 = 0
    /// A folder of which this account may read only; empty for none.
    public var readOnlyFolder = ""
    /// One more name that is refused, whatever its case; empty for none.
    public var disallowedName = ""
    /// Life of upload sessions in seconds.
    public var sessionLife: Int64 = 604_800
    /// The root namespace; when it is not the account's own, the account is in a team with a space of its own.
    public var rootNamespace = Account.namespaceID
    /// `root_info` of a member of a team has the tag `user`, as it has had since 2023 for some.
    public var rootInfoSaysUser = false
    /// `account_id` of the account.
    public var accountID = "dbid:AAFakeFakeFakeFakeFakeFakeFakeFake0"
    /// Milliseconds before each answer.
    public var delay = 0
    /// Bytes per second of the answers on one connection; 0 for no limit.
    public var rate = 0
    /// Bytes per second of the requests' bodies on one connection; 0 for no limit.
    public var uploadRate = 0

    /// How the folders above an entry are spelled in `path_display`.
    public enum AncestorCase: String, Hashable, Sendable, CaseIterable {
        /// As they are.
        case exact
        /// In lower case.
        case lower
        /// In a case that differs from entry to entry.
        case varying
    }

    /// What an untroubled day looks like.
    public init() {}
}

extension Settings {
    /// Takes over the members of `json`; the name of a member that is no switch or has a wrong type is thrown.
    mutating func apply(_ json: JSON) throws(ControlError) {
        for member in json.members ?? [] {
            switch member.key {
            case "page_size": pageSize = Int(try whole(member))
            case "empty_page_every": emptyPageEvery = Int(try whole(member))
            case "children_before_parents": childrenBeforeParents = try truth(member)
            case "deletes_list_children": deletesListChildren = try truth(member)
            case "moves_add_first": movesAddFirst = try truth(member)
            case "moves_make_revisions": movesMakeRevisions = try truth(member)
            case "lists_watched_folder": listsWatchedFolder = try truth(member)
            case "refuses_lost_folders": refusesLostFolders = try truth(member)
            case "longpoll_scale": longpollScale = try number(member)
            case "longpoll_jitter": longpollJitter = Int(try whole(member))
            case "longpoll_is_spurious": longpollIsSpurious = try truth(member)
            case "longpoll_backoff": longpollBackoff = member.value == .null ? nil : Int(try whole(member))
            case "extra_fields": extraFields = try truth(member)
            case "unsatisfiable_range": unsatisfiableRange = Int(try whole(member))
            case "access_token_life": accessTokenLife = try whole(member)
            case "upload_limit": uploadLimit = Int(try whole(member))
            case "zip_entry_limit": zipEntryLimit = Int(try whole(member))
            case "zip_size_limit": zipSizeLimit = try whole(member)
            case "zip_file_limit": zipFileLimit = try whole(member)
            case "exports_newest_revision": exportsNewestRevision = try truth(member)
            case "quota": quota = try whole(member)
            case "read_only_folder": readOnlyFolder = try text(member)
            case "disallowed_name": disallowedName = try text(member)
            case "session_life": sessionLife = try whole(member)
            case "root_namespace": rootNamespace = try text(member)
            case "root_info_says_user": rootInfoSaysUser = try truth(member)
            case "account_id": accountID = try text(member)
            case "delay": delay = Int(try whole(member))
            case "rate": rate = Int(try whole(member))
            case "upload_rate": uploadRate = Int(try whole(member))
            case "ancestor_case":
                guard let choice = member.value.string.flatMap(AncestorCase.init) else {
                    throw ControlError("ancestor_case is exact, lower or varying")
                }
                ancestorCase = choice
            default: throw ControlError("no setting is called \(member.key)")
            }
        }
    }

    private func whole(_ member: JSON.Member) throws(ControlError) -> Int64 {
        guard let value = member.value.int, value >= 0 else { throw ControlError("\(member.key) is a whole number") }
        return value
    }

    private func truth(_ member: JSON.Member) throws(ControlError) -> Bool {
        guard let value = member.value.bool else { throw ControlError("\(member.key) is true or false") }
        return value
    }

    private func text(_ member: JSON.Member) throws(ControlError) -> String {
        guard let value = member.value.string else { throw ControlError("\(member.key) is a text") }
        return value
    }

    private func number(_ member: JSON.Member) throws(ControlError) -> Double {
        guard let value = member.value.double else { throw ControlError("\(member.key) is a number") }
        return value
    }
}

/// A request to the control interface that makes no sense.
public struct ControlError: Error, CustomStringConvertible {
    /// What is wrong.
    public var description: String

    init(_ description: String) { self.description = description }
}
