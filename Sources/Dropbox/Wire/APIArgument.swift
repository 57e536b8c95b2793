/// A JSON object for a request, in ASCII: fit for a body and for the header `Dropbox-API-Arg`.
///
/// Everything outside U+0020..U+007E is written as `\uXXXX`, characters above U+FFFF as two of them.
struct APIArgument {
    /// The values that arguments are made of.
    enum Value {
        case text(String)
        case bool(Bool)
        case number(Int)
        case object(APIArgument)
        case list([APIArgument])
    }

    /// The JSON text.
    let text: String

    /// The argument of endpoints without one.
    static let null = APIArgument(text: "null")

    private init(text: String) { self.text = text }

    /// Creates an object with the fields in this order.
    init(_ fields: KeyValuePairs<String, Value>) { self.init(Array(fields)) }

    /// Creates an object with the fields in this order.
    init(_ fields: [(key: String, value: Value)]) {
        let parts = fields.map { "\(APIArgument.quoted($0.key)):\($0.value.text)" }
        text = "{\(parts.joined(separator: ","))}"
    }

    /// The bytes for a request's body.
    var bytes: [UInt8] { Array(text.utf8) }

    /// A JSON string in ASCII.
    static func quoted(_ string: String) -> String {
        var out = "\""
        for unit in string.utf16 {
            switch unit {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0x20...0x7E: out.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default: out += escape(unit)
            }
        }
        return out + "\""
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension APIArgument.Value {
    fileprivate var text: String {
        switch self {
        case .text(let string): APIArgument.quoted(string)
        case .bool(let flag): flag ? "true" : "false"
        case .number(let number): String(number)
        case .object(let object): object.text
        case .list(let objects): "[\(objects.map(\.text).joined(separator: ","))]"
        }
    }
}
