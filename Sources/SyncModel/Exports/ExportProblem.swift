/// Why the bytes of an export are not to be believed.
public enum ExportProblem: Classified, Equatable, CustomStringConvertible {
    /// More or fewer bytes have come than were announced.
    case size(Int64, announced: Int64)
    /// Other bytes have come than were announced.
    case hash
    /// The document has changed meanwhile.
    case changed

    /// What is wrong with what has come, by what the server says of it; `nil` if nothing is.
    public init?(_ content: ExportedFile.Content, _ answer: ExportAnswer) {
        if let size = answer.size, size != content.size {
            self = .size(content.size, announced: size)
        } else if let hash = answer.hash, hash != content.hash {
            self = .hash
        } else {
            return nil
        }
    }

    /// It is tried again.
    public var disposition: Disposition { .skipItem }

    /// What is wrong.
    public var description: String {
        switch self {
        case .size(let size, let announced): "its export should be \(announced) bytes, received were \(size)"
        case .hash: "its export arrived with other bytes than Dropbox's export_hash says"
        case .changed: "it has changed while it was exported; its next revision is exported"
        }
    }
}
