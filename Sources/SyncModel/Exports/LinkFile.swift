/// A small file with a web address that desktops open: the format of Internet shortcuts.
public enum LinkFile {
    /// The end of its name, without the dot.
    public static let fileExtension = "url"

    /// The web address of the document at `key`.
    ///
    /// - Parameters:
    ///   - document: the document.
    ///   - key: its key.
    ///   - folder: the address of the mirrored folder, without a slash at its end.
    public static func address(of document: OnlineDocument, at key: RemoteKey, below folder: String) -> String {
        let path = encoded(key.parent?.text ?? "", keeping: UInt8(ascii: "/"))
        return "\(folder)\(path)?preview=\(encoded(document.name.text))"
    }

    /// The bytes of the file with an address.
    public static func bytes(_ address: String) -> [UInt8] { Array("[InternetShortcut]\r\nURL=\(address)\r\n".utf8) }

    /// What these bytes are.
    public static func content(of bytes: [UInt8]) -> ExportedFile.Content {
        ExportedFile.Content(size: Int64(bytes.count), hash: ContentHash(of: bytes))
    }

    /// Percent-encodes all but unreserved characters (RFC 3986, 2.3) and one more.
    public static func encoded(_ text: String, keeping kept: UInt8? = nil) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), kept:
                encoded.append(Character(UnicodeScalar(byte)))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
