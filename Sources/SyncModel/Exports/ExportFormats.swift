/// The formats that Dropbox offers an online document in: `export_info` of FileMetadata.
///
/// `export_as` may be missing among the options (seen by rclone); both are taken together.
public struct ExportFormats: Hashable, Sendable {
    /// The format that the service takes if none is asked for; `nil` if it names none.
    public let standard: String?
    /// All formats it names, the standard one first.
    public let all: [String]

    /// More formats than that are not believed.
    private static let most = 32

    /// Takes what an entry says; what cannot be a format is passed over.
    ///
    /// A document without a standard format is not exported at all (docs/dropbox-api.md#43-filesexport).
    public init(exportAs: String? = nil, options: [String] = []) {
        standard = exportAs.flatMap { Self.fileExtension(of: $0) == nil ? nil : $0 }
        var all = standard.map { [$0] } ?? []
        if standard != nil {
            for option in options.prefix(Self.most) where !all.contains(option) && Self.fileExtension(of: option) != nil
            {
                all.append(option)
            }
        }
        self.all = all
    }

    /// The end of the name of a file of that format, without the dot; `nil` if no format is called that.
    public static func fileExtension(of format: String) -> String? {
        guard format.utf8.count <= 64, format.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        switch format.lowercased() {
        case "markdown": return "md"
        case "plain_text": return "txt"
        case let name:
            // Of names such as "text/html" the last part.
            let end = name.split { !$0.isLetter && !$0.isNumber }.last.map(String.init) ?? ""
            return (1...10).contains(end.utf8.count) ? end : nil
        }
    }

    /// Whether a format may be called that, or the files of one end so: letters and digits, as in "docx" or "plain_text".
    public static func isName(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { byte in
            [0x30...0x39, 0x41...0x5A, 0x61...0x7A].contains { $0.contains(byte) } || byte == 0x5F
        }
        return isPlain && fileExtension(of: text) != nil
    }

    /// The format that is meant by its own name or by the extension of its files.
    public func named(_ name: String) -> String? {
        all.first { $0 == name } ?? all.first { Self.fileExtension(of: $0) == name.lowercased() }
    }
}

/// The kinds of online documents that can be told apart by the configuration.
public enum DocumentKind: String, Hashable, Sendable, CaseIterable {
    /// Dropbox Paper.
    case paper
    /// Google Docs.
    case gdoc
    /// Google Sheets.
    case gsheet
    /// Google Slides.
    case gslides
    /// Anything else, such as a web link.
    case other

    /// Tells by the end of the name, which is what Dropbox gives such a document; else by what it is exported as.
    public init(name: FileName, formats: ExportFormats) {
        let end = name.text.lowercased().split(separator: ".").last.map(String.init)
        switch end {
        case "paper", "papert": self = .paper
        case "gdoc": self = .gdoc
        case "gsheet": self = .gsheet
        case "gslides": self = .gslides
        default:
            switch formats.standard {
            case "markdown": self = .paper
            case "docx": self = .gdoc
            case "xlsx": self = .gsheet
            case "pptx": self = .gslides
            default: self = .other
            }
        }
    }
}
