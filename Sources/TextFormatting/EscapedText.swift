/// The text on one line and without anything a terminal obeys.
///
/// Escaped are C0, DEL and C1 controls, line and paragraph separators, and the marks that reverse the direction of
/// what follows (UAX #9 §2): a remote name may hold all of them.
package func escapingControls(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": escaped += "\\n"
        case "\r": escaped += "\\r"
        case "\t": escaped += "\\t"
        case _ where isControl(scalar): escaped += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}

/// A JSON document in which nothing stands that a terminal obeys; it means the same.
///
/// Line breaks and the like between its values stay: in its strings they are escaped already.
package func escapingInJSON(_ document: String) -> String {
    func isLeft(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x7F && isControl(scalar) }
    guard document.unicodeScalars.contains(where: isLeft) else { return document }
    var escaped = ""
    for scalar in document.unicodeScalars {
        guard isLeft(scalar) else {
            escaped.unicodeScalars.append(scalar)
            continue
        }
        let digits = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return escaped
}

/// The text in double quotes, with the escapes that TOML's basic strings and JSON have in common.
package func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _ where isControl(scalar):
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069, 0x200E...0x200F, 0x061C: true
    default: false
    }
}
