/// In which form online documents come into the mirror: the table `[export]` of the configuration.
public struct ExportSettings: Hashable, Sendable {
    /// What becomes of the documents of one kind.
    public enum Choice: Hashable, Sendable {
        /// A file of that format, by the service's name for it or the extension of its files.
        case format(String)
        /// The format that the service prefers.
        case standard
        /// A small file with the web address.
        case link
        /// Nothing.
        case off

        /// Reads the word for it: `default`, `link`, `off`, or a format.
        public init(_ text: String) {
            switch text {
            case "default": self = .standard
            case "link": self = .link
            case "off": self = .off
            default: self = .format(text)
            }
        }

        /// The word for it.
        public var text: String {
            switch self {
            case .format(let name): name
            case .standard: "default"
            case .link: "link"
            case .off: "off"
            }
        }
    }

    /// By kind; all kinds are in it.
    private var choices: [DocumentKind: Choice] = [
        .paper: .format("md"), .gdoc: .format("docx"), .gsheet: .format("xlsx"), .gslides: .format("pptx"),
        .other: .standard,
    ]
    /// What the web addresses of documents begin with: that of the mirrored folder, without a slash at its end.
    public var webAddress = "https://www.dropbox.com/home"

    /// The defaults.
    public init() {}

    /// What becomes of documents of a kind.
    public subscript(kind: DocumentKind) -> Choice {
        get { choices[kind] ?? .standard }
        set { choices[kind] = newValue }
    }

    /// The form of a document.
    public enum Form: Hashable, Sendable {
        /// An exported file; `isFallback` if the service does not offer what is configured.
        case export(format: String, isFallback: Bool)
        /// A file with its web address.
        case link
        /// Configured not to come.
        case off
        /// The service offers nothing.
        case nothingOffered
    }

    /// The file that a document becomes.
    ///
    /// - Parameters:
    ///   - document: the document.
    ///   - key: its key.
    /// - Returns: the name of the file, its key, and how it is made; `nil` if it becomes none.
    public func file(of document: OnlineDocument, at key: RemoteKey)
        -> (name: FileName, key: RemoteKey, file: ExportedFile)?
    {
        let (end, form): (String, ExportedFile.Form)
        switch self.form(of: document) {
        case .off, .nothingOffered: return nil
        case .link:
            (end, form) = (LinkFile.fileExtension, .link(LinkFile.address(of: document, at: key, below: webAddress)))
        case .export(let format, let isFallback):
            (end, form) = (
                ExportFormats.fileExtension(of: format) ?? format, .format(format, isFallback: isFallback)
            )
        }
        var file = ExportedFile(document, source: key, form: form)
        file.content = file.linkBytes.map { LinkFile.content(of: $0) }
        return (
            document.fileName(withExtension: end), document.fileKey(withExtension: end, at: key), file
        )
    }

    /// In which form a document comes.
    public func form(of document: OnlineDocument) -> Form {
        let formats = document.formats
        switch self[DocumentKind(name: document.name, formats: formats)] {
        case .off: return .off
        case .link: return .link
        case .standard:
            return formats.all.first.map { .export(format: $0, isFallback: false) } ?? .nothingOffered
        case .format(let wanted):
            if let format = formats.named(wanted) { return .export(format: format, isFallback: false) }
            return formats.all.first.map { .export(format: $0, isFallback: true) } ?? .nothingOffered
        }
    }
}
